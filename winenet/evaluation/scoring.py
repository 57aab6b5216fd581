"""Classification metrics.

Labels are class codes from 0. With two classes the probability of a model is that of class 1,
(rows,). With more it is a table of all classes, (rows, classes), and scores of a single class are
averaged one-vs-rest.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import rankdata
from sklearn import metrics
from sklearn.neural_network import MLPClassifier

from winenet.data.split_data import EvaluationSet
from winenet.models.predictor import threshold_of
from winenet.models.saved import DEFAULT_THRESHOLD

Array = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
Probability: TypeAlias = pd.Series | pd.DataFrame | Array  # (rows,), or (rows, classes)
BATCH_VALUES = 130_000  # values per bootstrap batch; arrays of 1 MB are the fastest


class Classifier(Protocol):
    """The part of scikit-learn's interface that a fitted model needs here."""

    def predict(self, X: pd.DataFrame) -> Labels:
        """Return the predicted classes, (rows,)."""
        ...

    def predict_proba(self, X: pd.DataFrame) -> Array:
        """Return the classes' probabilities, (rows, classes)."""
        ...


def predictions(
    fitted: Classifier, X: pd.DataFrame, y: pd.Series, rows: pd.Series, network: str
) -> pd.DataFrame:
    """Return a table of predictions, one row per row of X.

    Parameters
    ----------
    fitted : Classifier
    X : DataFrame of shape (rows, features)
        Scaled.
    y : Series of shape (rows,)
        Class codes; its name becomes a column name.
    rows : Series of shape (rows,)
        Row numbers in data/table.csv, from 0.
    network : str
        The value of the column network.

    Returns
    -------
    DataFrame
        With the columns row, the label, network, predicted, and those of `probability_columns`.
    """
    return pd.DataFrame(
        {
            "row": rows.to_numpy(),
            str(y.name): y.to_numpy(),
            "network": network,
            "predicted": fitted.predict(X),
            **probability_columns(fitted.predict_proba(X)),
        }
    )


class Evaluation(NamedTuple):
    """What a fitted model says of the test rows.

    Attributes
    ----------
    predictions : DataFrame
        As `predictions` returns it.
    probability : Series of shape (rows,), or DataFrame of shape (rows, classes)
    scores : dict
        As `scores` returns them.
    """

    predictions: pd.DataFrame
    probability: pd.Series | pd.DataFrame
    scores: dict[str, Any]


def evaluate(fitted: Classifier, test: EvaluationSet, rows: pd.Series, name: str) -> Evaluation:
    """Predict and score the test rows.

    Parameters
    ----------
    fitted : Classifier
    test : EvaluationSet
    rows : Series of shape (rows,)
        Row numbers in data/table.csv, from 0.
    name : str
        The model's name, for the column network.

    Returns
    -------
    Evaluation
        The scores have the threshold as well if it is not 0.5.
    """
    table = predictions(fitted, test.X, test.y, rows, name)
    probability = probabilities(table)
    found = scores(test.y, table["predicted"], probability, test.in_training)
    return Evaluation(table, probability, found | threshold_metric(fitted))


def threshold_metric(fitted: Classifier) -> dict[str, float]:
    """Return the threshold of a model for its metrics; nothing if it is 0.5."""
    threshold = threshold_of(fitted)
    return {} if threshold == DEFAULT_THRESHOLD else {"threshold": threshold}


def by_model(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return one long table of the models' tables, with a first column model."""
    return pd.concat(
        [table.assign(model=name)[["model", *table]] for name, table in tables.items()],
        ignore_index=True,
    )


def probability_columns(P: Array) -> dict[str, Array]:
    """Return the probability columns of a table of predictions. P: (rows, classes).

    With two classes: `probability`, of class 1. With more: `probability_0`, `probability_1`, ...
    """
    if P.shape[1] == 2:
        return {"probability": P[:, 1]}
    return {f"probability_{code}": column for code, column in enumerate(P.T)}


def probabilities(table: pd.DataFrame) -> pd.Series | pd.DataFrame:
    """Return the `probability_columns` of a table: (rows,), or (rows, classes) if more."""
    if "probability" in table:
        return table["probability"]
    names = [name for name in table if re.fullmatch(r"probability_\d+", str(name))]
    return table[names]


def scores(
    y: pd.Series, predicted: pd.Series, probability: Probability, in_training: pd.Series
) -> dict[str, Any]:
    """Return the scores under scikit-learn's names.

    Parameters
    ----------
    y, predicted : Series of shape (rows,)
        Class codes.
    probability : Series of shape (rows,) or DataFrame of shape (rows, classes)
        As from `probabilities`.
    in_training : Series of bool, shape (rows,)
        Rows left out of accuracy_unseen.

    Returns
    -------
    dict
        accuracy_unseen is None if no row is left. With more than two classes f1, average_precision
        and roc_auc are macro averages (the last two one-vs-rest), and confusion_matrix is a list of
        rows, actual by predicted.
    """
    if np.ndim(probability) == 2:
        return multiclass_scores(y, predicted, np.asarray(probability), in_training)
    tn, fp, fn, tp = metrics.confusion_matrix(y, predicted, labels=[0, 1]).ravel()
    return {
        "accuracy": metrics.accuracy_score(y, predicted),
        "accuracy_unseen": accuracy_unseen(y, predicted, in_training),
        "balanced_accuracy": metrics.balanced_accuracy_score(y, predicted),
        "f1": metrics.f1_score(y, predicted),
        "matthews_corrcoef": metrics.matthews_corrcoef(y, predicted),
        "average_precision": metrics.average_precision_score(y, probability),
        "roc_auc": metrics.roc_auc_score(y, probability),
        "log_loss": metrics.log_loss(y, probability, labels=[0, 1]),
        "confusion_matrix": {"tn": tn, "fp": fp, "fn": fn, "tp": tp},
    }


def multiclass_scores(
    y: pd.Series, predicted: pd.Series, P: Array, in_training: pd.Series
) -> dict[str, Any]:
    """Return the scores of more than two classes. P: (rows, classes)."""
    codes = np.arange(P.shape[1])
    return {
        "accuracy": metrics.accuracy_score(y, predicted),
        "accuracy_unseen": accuracy_unseen(y, predicted, in_training),
        "balanced_accuracy": metrics.balanced_accuracy_score(y, predicted),
        "f1": metrics.f1_score(y, predicted, labels=codes, average="macro", zero_division=0),
        "matthews_corrcoef": metrics.matthews_corrcoef(y, predicted),
        "average_precision": metrics.average_precision_score(
            (np.asarray(y)[:, np.newaxis] == codes).astype(int), P, average="macro"
        ),
        "roc_auc": float(BootstrapMacroAuc(y, P)(np.arange(len(P)))),
        "log_loss": float(row_losses(y, P).mean()),
        "confusion_matrix": metrics.confusion_matrix(y, predicted, labels=codes).tolist(),
    }


def scores_on(fitted: Classifier, rows: EvaluationSet) -> dict[str, Any]:
    """Return the `scores` of a fitted model on an evaluation set."""
    table = pd.DataFrame(probability_columns(fitted.predict_proba(rows.X)))
    return scores(rows.y, pd.Series(fitted.predict(rows.X)), probabilities(table), rows.in_training)


def accuracy_unseen(y: pd.Series, predicted: pd.Series, in_training: pd.Series) -> float | None:
    """Return the accuracy on the rows that are not in training, or None if there are none."""
    correct = (np.asarray(predicted) == np.asarray(y))[~np.asarray(in_training)]
    return float(correct.mean()) if len(correct) else None


def roc_auc(y: Array, probability: Array, axis: int = -1) -> Array:
    """Return the areas under the ROC curves of many samples at once, from the ranks.

    Parameters
    ----------
    y : ndarray of shape (..., rows)
        0 or 1.
    probability : ndarray of shape (..., rows)
        Of class 1.
    axis : int
        The axis of the rows.

    Returns
    -------
    ndarray of shape (...)
        NaN where a class is missing.

    References
    ----------
    Hanley and McNeil (1982), Radiology 143(1):29-36: the area is the Wilcoxon statistic.
    """
    ranks = rankdata(probability, axis=axis)
    positives = y.sum(axis=axis)
    negatives = y.shape[axis] - positives
    above = (ranks * y).sum(axis=axis) - positives * (positives + 1) / 2
    with np.errstate(invalid="ignore"):
        return np.asarray(above / (positives * negatives))


def resample_weights(drawn: npt.ArrayLike, n_rows: int, axis: int = -1) -> Array:
    """Return how often each row was drawn, (..., n_rows).

    drawn: indices of rows along the given axis.
    """
    indices = np.moveaxis(np.asarray(drawn).astype(np.intp), axis, -1)
    flat = indices.reshape(-1, indices.shape[-1])
    cells = flat + n_rows * np.arange(len(flat))[:, np.newaxis]
    counts = np.bincount(cells.ravel(), minlength=len(flat) * n_rows)
    return counts.reshape(*indices.shape[:-1], n_rows).astype(np.float64)


class BootstrapMacroAuc:
    """Macro-averaged one-vs-rest ROC AUC of many resamples at once.

    Called with the indices of the rows drawn, (..., drawn), it returns the areas, (...). They are
    NaN where a class or its rest was not drawn.

    The area of one class is the fraction of pairs (a row of the class, another row) where the row
    of the class has the higher probability; a tie counts as half. Each class is sorted once, here
    in the constructor. A resample is then only a weight for each row, namely how often it was
    drawn, and the pairs are counted by a cumulative sum of the weights.

    Parameters
    ----------
    y : array of shape (rows,)
        Class codes.
    P : ndarray of shape (rows, classes)
        Probabilities.

    Examples
    --------
    Two classes, whose areas are equal. Class 1 has the rows 1 and 3, with 0.5 and 0.8; the others
    have 0.2 and 0.5. Of the four pairs three are in the right order and one is a tie: 3.5 / 4. If
    row 1 is drawn twice and row 3 not at all, both pairs of row 1 count twice: 2 * 1.5 / (2 * 2).

    >>> probability = np.array([0.2, 0.5, 0.5, 0.8])
    >>> auc = BootstrapMacroAuc(
    ...     np.array([0, 1, 0, 1]), np.column_stack([1 - probability, probability])
    ... )
    >>> auc([[0, 1, 2, 3], [0, 1, 1, 2]]).tolist()
    [0.875, 0.75]
    """

    def __init__(self, y: pd.Series | Array, P: Array) -> None:
        self.rows = len(P)
        truth = np.asarray(y)
        self.classes = []
        for code, p in enumerate(P.T):
            order = p.argsort(kind="stable")
            negatives = (truth[order] != code).astype(np.float64)
            positives = np.flatnonzero(negatives == 0)
            ranked = p[order]
            # For each row of the class: how many rows are below it, and how many are not above it.
            below = ranked.searchsorted(ranked[positives], "left")
            not_above = ranked.searchsorted(ranked[positives], "right")
            self.classes.append((order, negatives, positives, below, not_above))

    def __call__(self, drawn: npt.ArrayLike, axis: int = -1) -> Array:
        """Return the areas. drawn: indices of rows along the given axis."""
        weights = resample_weights(drawn, self.rows, axis)
        flat = weights.reshape(-1, self.rows)
        areas = [self._area(flat, *sorted_class) for sorted_class in self.classes]
        return np.asarray(np.mean(areas, axis=0).reshape(weights.shape[:-1]))

    @staticmethod
    def _area(
        weights: Array,
        order: Labels,
        negatives: Array,
        positives: Labels,
        below: Labels,
        not_above: Labels,
    ) -> Array:
        """Return the areas of one class, (resamples,)."""
        ordered = weights[:, order]
        cum_negatives = np.zeros((len(weights), weights.shape[1] + 1))
        np.cumsum(ordered * negatives, axis=1, out=cum_negatives[:, 1:])
        of_class = ordered[:, positives]
        wins = cum_negatives[:, below] + cum_negatives[:, not_above]  # twice: a tie is in one only
        correct_pairs = (of_class * wins).sum(axis=1) / 2
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(correct_pairs / (of_class.sum(axis=1) * cum_negatives[:, -1]))


def row_losses(y: pd.Series, probability: Probability) -> Array:
    """Return the log loss of each row, (rows,), in nats; probabilities of 0 are clipped.

    probability: (rows,), of class 1, or (rows, classes).
    """
    P = np.asarray(probability)
    of_truth = P[np.arange(len(P)), np.asarray(y)] if P.ndim == 2 else np.where(y == 1, P, 1 - P)
    return np.asarray(-np.log(np.clip(of_truth, np.finfo(np.float64).eps, 1)))


def confusion(y: pd.Series, predicted: pd.Series) -> pd.DataFrame:
    """Return one row per row, actual and predicted; DVC's confusion template counts them."""
    return pd.DataFrame({"actual": y.to_numpy(), "predicted": predicted.to_numpy()})


def loss_curve(fitted: MLPClassifier) -> pd.DataFrame:
    """Return the training loss of each epoch, from 1."""
    return pd.DataFrame({"epoch": range(1, fitted.n_iter_ + 1), "loss": fitted.loss_curve_})


def training_summary(fitted: MLPClassifier) -> dict[str, Any]:
    """Return the epochs, the final loss and the number of parameters of a network."""
    return {
        "epochs": fitted.n_iter_,
        "loss": fitted.loss_,
        "parameters": sum(layer.size for layer in [*fitted.coefs_, *fitted.intercepts_]),
    }
