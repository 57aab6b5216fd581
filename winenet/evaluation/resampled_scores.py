"""Average precision and Matthews correlation of many resamples at once, for bootstrap intervals.

Each class is called with the indices of the rows drawn, (..., drawn), and returns the scores,
(...). A resample is a weight for each row, namely how often it was drawn.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from winenet.evaluation.scoring import Array, Labels, resample_weights


class BootstrapAveragePrecision:
    """Average precision of class 1, or with more than two classes the one-vs-rest macro average.

    NaN where a class was not drawn.

    Parameters
    ----------
    y : array of shape (rows,)
        Class codes.
    ranking : ndarray of shape (rows,) or (rows, classes)
        What orders the rows: probabilities or decisions, of class 1 or of each class.

    Examples
    --------
    The two rows of class 1 have the ranks 1 and 3, with precisions 1/1 and 2/3. If the row between
    them is not drawn, both have a precision of 1.

    >>> average_precision = BootstrapAveragePrecision(
    ...     np.array([1, 0, 1, 0]), np.array([0.8, 0.5, 0.4, 0.1])
    ... )
    >>> average_precision([[0, 1, 2, 3], [0, 0, 2, 3]]).round(4).tolist()
    [0.8333, 1.0]
    """

    def __init__(self, y: pd.Series | Array, ranking: Array) -> None:
        self.rows = len(ranking)
        truth = np.asarray(y)
        self.classes = []
        of_class = enumerate(ranking.T) if ranking.ndim == 2 else [(1, ranking)]
        for code, scores in of_class:
            order = scores.argsort(kind="stable")[::-1]
            # Rows with equal scores are predicted together: the curve has a point after the last.
            last_of_ties = np.flatnonzero(np.diff(scores[order], append=np.nan) != 0)
            self.classes.append((order, (truth[order] == code).astype(np.float64), last_of_ties))

    def __call__(self, drawn: npt.ArrayLike, axis: int = -1) -> Array:
        """Return the scores. drawn: indices of rows along the given axis."""
        weights = resample_weights(drawn, self.rows, axis)
        flat = weights.reshape(-1, self.rows)
        scores = [self._average_precision(flat, *sorted_class) for sorted_class in self.classes]
        return np.asarray(np.mean(scores, axis=0).reshape(weights.shape[:-1]))

    @staticmethod
    def _average_precision(
        weights: Array, order: Labels, positives: Array, last_of_ties: Labels
    ) -> Array:
        """Return the scores of one class, (resamples,)."""
        ordered = weights[:, order]
        predicted = ordered.cumsum(axis=1)[:, last_of_ties]
        found = (ordered * positives).cumsum(axis=1)[:, last_of_ties]
        precision = found / np.maximum(predicted, 1)
        with np.errstate(invalid="ignore"):
            return np.asarray((np.diff(found, prepend=0) * precision).sum(axis=1) / found[:, -1])


class BootstrapMatthews:
    """Matthews correlation coefficient; 0 where one class only is predicted or drawn.

    Parameters
    ----------
    y, predicted : array of shape (rows,)
        Class codes.

    References
    ----------
    Gorodkin (2004), Computational Biology and Chemistry 28(5-6):367-374, for more than two classes.
    """

    def __init__(self, y: pd.Series | Labels, predicted: pd.Series | Labels) -> None:
        truth, called = np.asarray(y), np.asarray(predicted)
        codes = np.union1d(truth, called)
        self.correct = (truth == called).astype(np.float64)
        self.actual = (truth[:, np.newaxis] == codes).astype(np.float64)
        self.predicted = (called[:, np.newaxis] == codes).astype(np.float64)

    def __call__(self, drawn: npt.ArrayLike, axis: int = -1) -> Array:
        """Return the scores. drawn: indices of rows along the given axis."""
        weights = resample_weights(drawn, len(self.correct), axis)
        total, correct = weights.sum(axis=-1), weights @ self.correct
        actual, predicted = weights @ self.actual, weights @ self.predicted
        covariance = correct * total - (actual * predicted).sum(axis=-1)
        variances = (total**2 - (actual**2).sum(axis=-1)) * (total**2 - (predicted**2).sum(axis=-1))
        return np.asarray(covariance / np.sqrt(np.where(variances > 0, variances, np.inf)))
