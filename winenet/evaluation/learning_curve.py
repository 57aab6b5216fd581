"""Trains all models on ever more of the training rows: would more rows help?"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import t as student
from sklearn.base import clone

from winenet.data import splits
from winenet.evaluation import scoring
from winenet.evaluation.intervals import CONFIDENCE_LEVEL
from winenet.evaluation.metric_types import Interval
from winenet.evaluation.scoring import EvaluationSet
from winenet.models.registry import Estimator, fit_all
from winenet.params import LearningCurve


class SizeRuns(NamedTuple):
    """What the trainings brought.

    table: a line a training: model, rows, random_state, at_max_iter (whether it ended the
    training), accuracy, and accuracy_unseen unless there are no such rows. correct: (trainings,
    test rows), which rows each got right.
    """

    table: pd.DataFrame
    correct: npt.NDArray[np.bool_]


def train_over_sizes(
    models: Mapping[str, Estimator],
    X_train: pd.DataFrame,
    y_train: pd.Series,
    test: EvaluationSet,
    settings: LearningCurve,
) -> SizeRuns:
    """Train each model on each share of the rows under each seed.

    models: untrained, by name. The seed draws the rows as well as the network's start.
    """
    seeds = range(settings.random_state, settings.random_state + settings.n_repeats)
    plan = [
        (name, splits.subsample(y_train, share, seed), seed)
        for share in settings.train_sizes
        for seed in seeds
        for name in models
    ]
    trained = [clone(models[name]).set_params(random_state=seed) for name, _, seed in plan]
    fit_all(trained, [(X_train.iloc[places], y_train.iloc[places]) for _, places, _ in plan])
    lines, correct = [], []
    for (name, places, seed), model in zip(plan, trained, strict=True):
        predicted = pd.Series(model.predict(test.X))
        correct.append(predicted.to_numpy() == test.y.to_numpy())
        unseen = scoring.accuracy_unseen(test.y, predicted, test.in_training)
        lines.append(
            {
                "model": name,
                "rows": len(places),
                "random_state": seed,
                "at_max_iter": np.max(model.n_iter_) == model.max_iter,
                "accuracy": correct[-1].mean(),
                **({} if unseen is None else {"accuracy_unseen": unseen}),
            }
        )
    return SizeRuns(pd.DataFrame(lines), np.array(correct))


def mean_with_interval(values: pd.Series) -> Interval:
    """Return a mean with its interval of 95 % by Student's t. values: at least two."""
    mean = float(values.mean())
    half = student.ppf(0.5 + CONFIDENCE_LEVEL / 2, len(values) - 1) * values.sem()
    return Interval(mean, mean - half, mean + half)


def curve(runs: pd.DataFrame, score: str) -> pd.DataFrame:
    """Return a line a model and size: model, step, rows, mean, low, high, min, max, at_max_iter.

    low and high: the interval of the mean over the seeds, cut off at 0 and 1. It tells of the luck
    of drawing and starting, not of that of the test rows. at_max_iter: how many runs it ended.
    """
    lines = []
    for (model, rows), some in runs.groupby(["model", "rows"], sort=False):
        mean, low, high = mean_with_interval(some[score])
        lines.append(
            {
                "model": model,
                "rows": rows,
                "mean": mean,
                "low": max(low, 0.0),
                "high": min(high, 1.0),
                "min": some[score].min(),
                "max": some[score].max(),
                "at_max_iter": int(some["at_max_iter"].sum()),
            }
        )
    table = pd.DataFrame(lines)
    table.insert(1, "step", table.groupby("model").cumcount())
    return table


def gain_of_last_step(runs: SizeRuns, chosen: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """Return what the last step brings each model: the gain from the last size but one to the last.

    chosen: (test rows,), those that the accuracy is of; at least two. Runs of one seed are compared
    with each other. Returns rows_before, rows, and by model the mean gain with two intervals of
    95 %: over_seeds, for the luck of drawing and starting on these test rows, and over_rows, for
    the luck of the test rows, each with low and high.
    """
    table = runs.table
    before, after = sorted(table["rows"].unique())[-2:]
    gains: dict[str, Any] = {}
    for model in table["model"].unique():
        of_model = table["model"] == model
        # The runs stand in the order of their seeds.
        gained = (
            runs.correct[of_model & (table["rows"] == after)][:, chosen].astype(float)
            - runs.correct[of_model & (table["rows"] == before)][:, chosen]
        )
        over = {
            "over_seeds": mean_with_interval(pd.Series(gained.mean(axis=1))),
            "over_rows": mean_with_interval(pd.Series(gained.mean(axis=0))),
        }
        gains[str(model)] = {"gain": gained.mean()} | {
            luck: {"low": found.low, "high": found.high} for luck, found in over.items()
        }
    return {"rows_before": int(before), "rows": int(after), "models": gains}
