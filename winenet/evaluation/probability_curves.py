"""ROC, precision-recall and calibration curves."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from sklearn import metrics

from winenet.evaluation.intervals import wilson_interval
from winenet.evaluation.scoring import Array, Probability

MAX_CURVE_POINTS = 200  # of an averaged curve


def roc_curve(y: pd.Series, probability: Probability) -> pd.DataFrame:
    """Return the corners of the ROC curve: false_positive_rate and true_positive_rate.

    With more than two classes it is the mean of the one-vs-rest curves. Probabilities are rounded:
    their last bits depend on the processor, and the corners would too.
    """
    x, y_ = _curve_points(_roc_corners, y, probability)
    return pd.DataFrame({"false_positive_rate": x, "true_positive_rate": y_})


def precision_recall_curve(y: pd.Series, probability: Probability) -> pd.DataFrame:
    """Return the corners of the precision-recall curve: recall and precision.

    Classes are averaged and probabilities rounded as in `roc_curve`.
    """
    recall, precision = _curve_points(_precision_recall_corners, y, probability)
    return pd.DataFrame({"recall": recall, "precision": precision})


Corners: TypeAlias = tuple[Array, Array]  # x, which never decreases, and y


def _roc_corners(y: Any, probability: Any) -> Corners:
    fpr, tpr, _ = metrics.roc_curve(y, probability)
    return fpr, tpr


def _precision_recall_corners(y: Any, probability: Any) -> Corners:
    precision, recall, _ = metrics.precision_recall_curve(y, probability, drop_intermediate=True)
    return recall[::-1], precision[::-1]


def _curve_points(
    binary_curve: Callable[[Any, Any], Corners], y: pd.Series, probability: Probability
) -> Corners:
    """Return the corners of a curve, or of the mean of the one-vs-rest curves."""
    rounded = np.asarray(probability).round(12)
    if rounded.ndim == 1:
        return binary_curve(y, rounded)
    return mean_curve([binary_curve(y == code, column) for code, column in enumerate(rounded.T)])


def mean_curve(curves: Sequence[Corners]) -> Corners:
    """Return the mean of curves with vertical steps, in at most MAX_CURVE_POINTS points."""
    grid = np.unique(np.concatenate([x for x, _ in curves]))
    # At a step np.interp takes the last y of an x; on the reversed curve, the first.
    first = np.mean([np.interp(-grid, -x[::-1], y[::-1]) for x, y in curves], axis=0)
    last = np.mean([np.interp(grid, x, y) for x, y in curves], axis=0)
    x, y = np.repeat(grid, 2), np.column_stack([first, last]).ravel()
    arc_length = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))])
    # Points at about equal distances along the curve, without duplicates.
    grid_along = np.linspace(0, arc_length[-1], MAX_CURVE_POINTS)
    points = np.unique(arc_length.searchsorted(grid_along))
    return x[points], y[points]


def calibration(y: pd.Series, probability: Probability, bins: int = 10) -> pd.DataFrame:
    """Return the observed frequency of class 1 by predicted probability.

    With more than two classes it is the accuracy by the probability of the predicted class.

    Returns:
    -------
    DataFrame
        One row per non-empty bin of equal width: rows, mean_probability, and the frequency as
        share with its Wilson interval, low and high.
    """
    predicted = np.asarray(probability)
    outcome = np.asarray(y)
    if predicted.ndim == 2:
        outcome, predicted = predicted.argmax(axis=1) == outcome, predicted.max(axis=1)
    bin_index = np.minimum((predicted * bins).astype(int), bins - 1)
    records = []
    for members in (bin_index == i for i in range(bins)):
        if members.any():
            share = wilson_interval(int(outcome[members].sum()), int(members.sum()))
            records.append(
                {
                    "rows": int(members.sum()),
                    "mean_probability": float(np.mean(predicted[members])),
                    "share": share.value,
                    "low": share.low,
                    "high": share.high,
                }
            )
    return pd.DataFrame(records)
