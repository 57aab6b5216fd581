"""ROC, precision-recall and calibration curves."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from sklearn import metrics

from winenet.evaluation.intervals import wilson_interval
from winenet.evaluation.scoring import Array, Probability

MAX_CURVE_POINTS = 200  # of an averaged curve, at most


def roc_curve(y: pd.Series, probability: Probability) -> pd.DataFrame:
    """Return the corners of the ROC curve: false_positive_rate and true_positive_rate.

    Of more than two classes it is the mean of the one-vs-rest curves. Probabilities that differ
    only in their last bits count as equal: which they are depends on the processor, and so would
    the corners.
    """
    x, y_ = _curve_points(_roc_corners, y, probability)
    return pd.DataFrame({"false_positive_rate": x, "true_positive_rate": y_})


def precision_recall_curve(y: pd.Series, probability: Probability) -> pd.DataFrame:
    """Return the corners of the precision-recall curve: recall and precision.

    Classes are averaged and probabilities rounded as for `roc_curve`.
    """
    recall, precision = _curve_points(_precision_recall_corners, y, probability)
    return pd.DataFrame({"recall": recall, "precision": precision})


Corners: TypeAlias = tuple[Array, Array]  # x, which never falls, and y


def _roc_corners(y: Any, probability: Any) -> Corners:
    fpr, tpr, _ = metrics.roc_curve(y, probability)
    return fpr, tpr


def _precision_recall_corners(y: Any, probability: Any) -> Corners:
    precision, recall, _ = metrics.precision_recall_curve(y, probability, drop_intermediate=True)
    return recall[::-1], precision[::-1]


def _curve_points(draw: Callable[[Any, Any], Corners], y: pd.Series, given: Probability) -> Corners:
    """Return the corners of a curve, or of the mean of each class's against the rest."""
    rounded = np.asarray(given).round(12)
    if rounded.ndim == 1:
        return draw(y, rounded)
    return mean_curve([draw(y == code, column) for code, column in enumerate(rounded.T)])


def mean_curve(curves: Sequence[Corners]) -> Corners:
    """Return the mean of curves over all of their x, upright steps kept, in POINTS at most."""
    grid = np.unique(np.concatenate([x for x, _ in curves]))
    # Where a curve steps, np.interp takes the last y of an x; read backwards, the first.
    first = np.mean([np.interp(-grid, -x[::-1], y[::-1]) for x, y in curves], axis=0)
    last = np.mean([np.interp(grid, x, y) for x, y in curves], axis=0)
    x, y = np.repeat(grid, 2), np.column_stack([first, last]).ravel()
    way = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))])
    # Points at about the same distance along the curve; of those that coincide, one.
    kept = np.unique(way.searchsorted(np.linspace(0, way[-1], MAX_CURVE_POINTS)))
    return x[kept], y[kept]


def calibration(y: pd.Series, probability: Probability, bins: int = 10) -> pd.DataFrame:
    """Return how often the class 1 came true, by the probability that it was given.

    Of more than two classes it is how often the most probable one did. Returns a line for each of
    the bins of equal width that holds a row: rows, mean_probability, share with its Wilson
    interval, low and high.
    """
    given = np.asarray(probability)
    came_true = np.asarray(y)
    if given.ndim == 2:
        came_true, given = given.argmax(axis=1) == came_true, given.max(axis=1)
    place = np.minimum((given * bins).astype(int), bins - 1)
    lines = []
    for members in (place == one for one in range(bins)):
        if members.any():
            share = wilson_interval(int(came_true[members].sum()), int(members.sum()))
            lines.append(
                {
                    "rows": int(members.sum()),
                    "mean_probability": float(np.mean(given[members])),
                    "share": share.value,
                    "low": share.low,
                    "high": share.high,
                }
            )
    return pd.DataFrame(lines)
