"""Choose the probability above which a row is predicted as class 1.

scikit-learn's TunedThresholdClassifierCV averages the folds' scores on a grid of 100 thresholds,
and its fits know no journal. Here all out-of-fold rows are scored at once, at each threshold that
separates two of them.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import clone

from winenet.data import folds, splits
from winenet.data.split_data import SplitData
from winenet.models.constraints import raise_faults
from winenet.models.parameters import takes_threshold, threshold_faults
from winenet.models.registry import Estimator, Fit, TrainingError, fit_all
from winenet.models.saved import DEFAULT_THRESHOLD
from winenet.params import Split
from winenet.params_fields import Threshold

DECIMALS = 12  # the last bits of a probability depend on the processor


def choose_thresholds(
    models: Mapping[str, Estimator], data: SplitData, threshold: Threshold, cv: int, split: Split
) -> dict[str, float]:
    """Return the threshold of each model.

    Parameters
    ----------
    models : mapping of str to estimator
        They are cloned, and trained on each fold if the threshold is chosen by a score.
    data : SplitData
        The test rows are not used.
    threshold : float or {"balanced_accuracy", "f1"}
        A number is used as it is.
    cv : int
        The number of folds of the search.
    split : Split

    Returns
    -------
    dict of str to float
        0.5 for a model without probabilities, and for a DummyClassifier.

    Raises
    ------
    ParamsError
        If there are more than two classes and the threshold is not 0.5.
    SplitError
        If a class has too few training rows for the folds.
    TrainingError
        If a model cannot be trained on a fold.
    """
    X, y = data.X_train, data.y_train
    raise_faults(threshold_faults(threshold, y.nunique()))
    result = dict.fromkeys(models, DEFAULT_THRESHOLD)
    names = [name for name, model in models.items() if takes_threshold(model)]
    if not isinstance(threshold, str):
        return result | dict.fromkeys(names, threshold)
    keys = splits.row_keys(data.train_rows, split.duplicates)
    folds.check_folds(y, cv, keys)
    cv_folds = folds.cv_splits(cv, y, keys)
    plan = [(name, train, scored) for name in names for train, scored in cv_folds]
    fits = [Fit(clone(models[name]), (X.iloc[train], y.iloc[train])) for name, train, _ in plan]
    try:
        fit_all(fits)
    except ValueError as error:
        raise TrainingError(
            f"A model could not be trained on a fold of the training rows: {error} So its "
            "threshold cannot be chosen and the stage was stopped. Change threshold or the model "
            "in params.yaml."
        ) from error
    probabilities = {name: np.full(len(y), np.nan) for name in names}
    for (name, _, scored), (model, _) in zip(plan, fits, strict=True):
        probabilities[name][scored] = model.predict_proba(X.iloc[scored])[:, 1]
    held_out = np.concatenate([scored for _, scored in cv_folds])  # in time, not the first rows
    return result | {
        name: best_threshold(y.iloc[held_out], probabilities[name][held_out], threshold)
        for name in names
    }


def threshold_of_predictions(out_of_fold: pd.DataFrame, y: pd.Series, setting: Threshold) -> float:
    """Return the threshold of a model whose out-of-fold predictions are known.

    Parameters
    ----------
    out_of_fold : DataFrame
        As from `out_of_fold_predictions`.
    y : Series of shape (rows,)
        Class codes.
    setting : float or {"balanced_accuracy", "f1"}

    Returns
    -------
    float

    Raises
    ------
    ParamsError
        If there are more than two classes and the setting is not 0.5.
    """
    raise_faults(threshold_faults(setting, y.nunique()))
    if not isinstance(setting, str):
        return float(setting)
    return best_threshold(y, out_of_fold["probability"], setting)


def best_threshold(y: npt.ArrayLike, probability: npt.ArrayLike, score: str) -> float:
    """Return the threshold with the highest score.

    Parameters
    ----------
    y : array-like of shape (rows,)
        0 or 1.
    probability : array-like of shape (rows,)
        Of class 1.
    score : {"balanced_accuracy", "f1"}

    Returns
    -------
    float
        A midpoint between neighbouring distinct probabilities; of equally good ones, the nearest
        to 0.5. Without any, 0.5.
    """
    truth = np.asarray(y, dtype=np.int64)
    values, place = np.unique(np.asarray(probability).round(DECIMALS), return_inverse=True)
    candidates = (values[:-1] + values[1:]) / 2
    if not len(candidates):
        return DEFAULT_THRESHOLD
    positives = np.bincount(place[truth == 1], minlength=len(values))
    negatives = np.bincount(place[truth == 0], minlength=len(values))
    n_positives, n_negatives = int(positives.sum()), int(negatives.sum())
    # Of each candidate: the rows of either class that are not above it.
    fn, tn = positives.cumsum()[:-1], negatives.cumsum()[:-1]
    tp, fp = n_positives - fn, n_negatives - tn
    # The balanced accuracy times 2 * n_positives * n_negatives: equal scores are equal numbers.
    balanced = tp * n_negatives + tn * n_positives
    scores = 2 * tp / (2 * tp + fp + fn) if score == "f1" else balanced
    best = candidates[scores == scores.max()]
    return float(best[np.abs(best - DEFAULT_THRESHOLD).argmin()])


def log_lines(thresholds: Mapping[str, float]) -> list[str]:
    """Return a line for each model whose threshold is not 0.5."""
    return [
        f"{name}: threshold {threshold:.6g}"
        for name, threshold in thresholds.items()
        if threshold != DEFAULT_THRESHOLD
    ]
