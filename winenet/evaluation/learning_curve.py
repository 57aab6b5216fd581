"""Train all models on growing subsets of the training rows, to see whether more rows would help."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import t as t_distribution
from sklearn.base import clone

from winenet.data import splits
from winenet.data.split_data import EvaluationSet
from winenet.data.splits import INDEPENDENT, RowKeys
from winenet.evaluation import scoring
from winenet.evaluation.intervals import CONFIDENCE_LEVEL
from winenet.evaluation.metric_types import Interval
from winenet.models.predictor import with_threshold
from winenet.models.registry import Estimator, Fit, fit_all
from winenet.models.saved import DEFAULT_THRESHOLD
from winenet.params import LearningCurve


class SizeRuns(NamedTuple):
    """The results of all trainings.

    Attributes
    ----------
    table : DataFrame
        One row per training: model, rows, random_state, at_max_iter (whether max_iter stopped it),
        accuracy, and accuracy_unseen unless all test rows are in training.
    correct : ndarray of bool, shape (trainings, test rows)
        Whether each prediction is correct.
    """

    table: pd.DataFrame
    correct: npt.NDArray[np.bool_]


def train_over_sizes(
    models: Mapping[str, Estimator],
    X_train: pd.DataFrame,
    y_train: pd.Series,
    test: EvaluationSet,
    settings: LearningCurve,
    keys: RowKeys = INDEPENDENT,
    thresholds: Mapping[str, float] = MappingProxyType({}),
) -> SizeRuns:
    """Train each model on each fraction of the rows under each seed.

    models: untrained, by name. The seed draws the rows, as `splits.subsample` does, and the
    network's initial weights. keys: what ties the training rows to each other. thresholds: by
    name, where it is not 0.5.
    """
    fits = size_fits(models, X_train, y_train, settings, keys)
    fit_all(fits.values())
    records, correct = [], []
    for (_, seed, name), (model, rows) in fits.items():
        classifier = with_threshold(model, thresholds.get(name, DEFAULT_THRESHOLD))
        predicted = pd.Series(classifier.predict(test.X))
        correct.append(predicted.to_numpy() == test.y.to_numpy())
        unseen = scoring.accuracy_unseen(test.y, predicted, test.in_training)
        records.append(
            {
                "model": name,
                "rows": len(rows[0]),
                "random_state": seed,
                "at_max_iter": np.max(model.n_iter_) == model.max_iter,
                "accuracy": correct[-1].mean(),
                **({} if unseen is None else {"accuracy_unseen": unseen}),
            }
        )
    return SizeRuns(pd.DataFrame(records), np.array(correct))


def size_fits(
    models: Mapping[str, Estimator],
    X_train: pd.DataFrame,
    y_train: pd.Series,
    settings: LearningCurve,
    keys: RowKeys = INDEPENDENT,
) -> dict[tuple[float, int, str], Fit]:
    """Return the fits of `train_over_sizes`, by fraction, seed and the model's name."""
    fits = {}
    for train_size in settings.train_sizes:
        for seed in range(settings.random_state, settings.random_state + settings.n_repeats):
            indices = splits.subsample(y_train, train_size, seed, keys)
            rows = (X_train.iloc[indices], y_train.iloc[indices])
            for name, model in models.items():
                fits[train_size, seed, name] = Fit(clone(model).set_params(random_state=seed), rows)
    return fits


def mean_with_interval(values: pd.Series) -> Interval:
    """Return a mean with its 95 % interval by Student's t. values: at least two."""
    mean = float(values.mean())
    half_width = t_distribution.ppf(0.5 + CONFIDENCE_LEVEL / 2, len(values) - 1) * values.sem()
    return Interval(mean, mean - half_width, mean + half_width)


def curve(runs: pd.DataFrame, score: str) -> pd.DataFrame:
    """Return one row per model and size: model, step, rows, mean, low, high, min, max, at_max_iter.

    low and high: the interval of the mean over the seeds, clipped to [0, 1]. It covers the variance
    from drawing rows and initial weights, not from the choice of test rows. at_max_iter: the number
    of runs that max_iter stopped.
    """
    records = []
    for (model, rows), group in runs.groupby(["model", "rows"], sort=False):
        mean, low, high = mean_with_interval(group[score])
        records.append(
            {
                "model": model,
                "rows": rows,
                "mean": mean,
                "low": max(low, 0.0),
                "high": min(high, 1.0),
                "min": group[score].min(),
                "max": group[score].max(),
                "at_max_iter": int(group["at_max_iter"].sum()),
            }
        )
    table = pd.DataFrame(records)
    table.insert(1, "step", table.groupby("model").cumcount())
    return table


def gain_of_last_step(runs: SizeRuns, test_mask: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """Return each model's gain in accuracy from the second largest size to the largest.

    Runs of the same seed are compared with each other.

    Parameters
    ----------
    runs : SizeRuns
    test_mask : ndarray of bool, shape (test rows,)
        The rows on which the accuracy is measured; at least two.

    Returns
    -------
    dict
        rows_before, rows, and by model the mean gain with two 95 % intervals, each with low and
        high: over_seeds, for the variance from drawing rows and initial weights, and over_rows,
        for the variance from the choice of test rows.
    """
    table = runs.table
    before, after = sorted(table["rows"].unique())[-2:]
    gains: dict[str, Any] = {}
    for model in table["model"].unique():
        of_model = table["model"] == model
        # The runs are in the order of their seeds.
        gained = (
            runs.correct[of_model & (table["rows"] == after)][:, test_mask].astype(float)
            - runs.correct[of_model & (table["rows"] == before)][:, test_mask]
        )
        intervals = {
            "over_seeds": mean_with_interval(pd.Series(gained.mean(axis=1))),
            "over_rows": mean_with_interval(pd.Series(gained.mean(axis=0))),
        }
        gains[str(model)] = {"gain": gained.mean()} | {
            name: {"low": interval.low, "high": interval.high}
            for name, interval in intervals.items()
        }
    return {"rows_before": int(before), "rows": int(after), "models": gains}
