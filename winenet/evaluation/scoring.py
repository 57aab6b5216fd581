"""Scores of classifiers, how sure they are, and whether two differ. Numbers only.

Labels are codes from 0. With two classes a model's probability is that of class 1, (rows,); with
more it is a table of all of them, (rows, classes), and what is told of one class is averaged over
one-vs-rest.
"""

import re
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import rankdata
from sklearn import metrics
from sklearn.neural_network import MLPClassifier

Array = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
Probability: TypeAlias = pd.Series | pd.DataFrame | Array  # (rows,), or (rows, classes)
BATCH_VALUES = 130_000  # of a bootstrap that are held at a time: 1 MB an array, the fastest


class EvaluationSet(NamedTuple):
    """Rows that a model is scored on.

    X: (rows, features), normalised. y: (rows,), codes. seen: (rows,), whether the training
    rows hold the row's features.
    """

    X: pd.DataFrame
    y: pd.Series
    in_training: pd.Series


class Classifier(Protocol):
    """What is asked of a fitted model here, in scikit-learn's words."""

    def predict(self, X: pd.DataFrame) -> Labels:
        """Return the predicted classes, (rows,)."""
        ...

    def predict_proba(self, X: pd.DataFrame) -> Array:
        """Return the classes' probabilities, (rows, classes)."""
        ...


def predictions(
    fitted: Classifier, X: pd.DataFrame, y: pd.Series, rows: pd.Series, network: str
) -> pd.DataFrame:
    """Return a line a row: row, the label, network, predicted, and `probability_columns`.

    X: (rows, features), normalised. y: (rows,), named as its column is called.
    rows: (rows,), their numbers in data/table.csv, counted from 0.
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


def probability_columns(P: Array) -> dict[str, Array]:
    """Return the columns of probabilities in a table of predictions. P: (rows, classes).

    With two classes it is `probability`, of class 1; with more `probability_0`, `probability_1`
    and so on.
    """
    if P.shape[1] == 2:
        return {"probability": P[:, 1]}
    return {f"probability_{code}": column for code, column in enumerate(P.T)}


def probabilities(table: pd.DataFrame) -> pd.Series | pd.DataFrame:
    """Return the probabilities of a table of predictions: (rows,), or (rows, classes) from three.

    table: with the columns of `probability_columns`.
    """
    if "probability" in table:
        return table["probability"]
    names = [name for name in table if re.fullmatch(r"probability_\d+", str(name))]
    return table[names]


def scores(
    y: pd.Series, predicted: pd.Series, probability: Probability, seen: pd.Series
) -> dict[str, Any]:
    """Return the scores under scikit-learn's names.

    y, predicted: (rows,), codes. probability: as `probabilities` returns it. seen: (rows,), whether
    the training rows hold the row's features; accuracy_unseen leaves such rows out, and is None
    when no row is left. With more than two classes f1 is the macro average, roc_auc the one-vs-rest
    macro average, and confusion_matrix a list of rows, actual by predicted.
    """
    if np.ndim(probability) == 2:
        return multiclass_scores(y, predicted, np.asarray(probability), seen)
    tn, fp, fn, tp = metrics.confusion_matrix(y, predicted, labels=[0, 1]).ravel()
    return {
        "accuracy": metrics.accuracy_score(y, predicted),
        "accuracy_unseen": accuracy_unseen(y, predicted, seen),
        "balanced_accuracy": metrics.balanced_accuracy_score(y, predicted),
        "f1": metrics.f1_score(y, predicted),
        "roc_auc": metrics.roc_auc_score(y, probability),
        "log_loss": metrics.log_loss(y, probability, labels=[0, 1]),
        "confusion_matrix": {"tn": tn, "fp": fp, "fn": fn, "tp": tp},
    }


def multiclass_scores(
    y: pd.Series, predicted: pd.Series, P: Array, seen: pd.Series
) -> dict[str, Any]:
    """Return the scores of more than two classes. P: (rows, classes)."""
    codes = np.arange(P.shape[1])
    return {
        "accuracy": metrics.accuracy_score(y, predicted),
        "accuracy_unseen": accuracy_unseen(y, predicted, seen),
        "balanced_accuracy": metrics.balanced_accuracy_score(y, predicted),
        "f1": metrics.f1_score(y, predicted, labels=codes, average="macro", zero_division=0),
        "roc_auc": float(BootstrapMacroAuc(y, P)(np.arange(len(P)))),
        "log_loss": float(row_losses(y, P).mean()),
        "confusion_matrix": metrics.confusion_matrix(y, predicted, labels=codes).tolist(),
    }


def scores_on(fitted: Classifier, rows: EvaluationSet) -> dict[str, Any]:
    """Return the scores of a fitted model, as `scores` does."""
    found = pd.DataFrame(probability_columns(fitted.predict_proba(rows.X)))
    return scores(rows.y, pd.Series(fitted.predict(rows.X)), probabilities(found), rows.in_training)


def accuracy_unseen(y: pd.Series, predicted: pd.Series, seen: pd.Series) -> float | None:
    """Return the accuracy on the rows that were not seen in training; None when there are none."""
    correct = (np.asarray(predicted) == np.asarray(y))[~np.asarray(seen)]
    return float(correct.mean()) if len(correct) else None


def roc_auc(y: Array, probability: Array, axis: int = -1) -> Array:
    """Return the area under the ROC curve of many samples at once, from the ranks.

    y: (..., rows) of 0 and 1. probability: (..., rows), of class 1. NaN where a class is missing.
    Source: Hanley and McNeil (1982), Radiology 143(1):29-36: it is the Wilcoxon statistic.
    """
    ranks = rankdata(probability, axis=axis)
    positives = y.sum(axis=axis)
    negatives = y.shape[axis] - positives
    above = (ranks * y).sum(axis=axis) - positives * (positives + 1) / 2
    with np.errstate(invalid="ignore"):
        return np.asarray(above / (positives * negatives))


class BootstrapMacroAuc:
    """The macro average of the one-vs-rest areas under the ROC curve, of many resamples at once.

    y: (rows,), codes. P: (rows, classes). Called with the numbers of the rows drawn, (..., drawn),
    it returns (...). NaN where a class or its rest was not drawn. Each class is sorted once; a
    resample only weighs its rows, so that many classes cost no sorting each time.
    """

    def __init__(self, y: pd.Series | Array, P: Array) -> None:
        self.rows = len(P)
        truth = np.asarray(y)
        self.classes = []
        for code, p in enumerate(P.T):
            order = p.argsort(kind="stable")
            others = (truth[order] != code).astype(np.float64)
            own = np.flatnonzero(others == 0)
            ranked = p[order]
            # Of each row of the class: how many in the order are below it, and how many not above.
            below = ranked.searchsorted(ranked[own], "left")
            not_above = ranked.searchsorted(ranked[own], "right")
            self.classes.append((order, others, own, below, not_above))

    def __call__(self, drawn: npt.ArrayLike, axis: int = -1) -> Array:
        """Return the areas. drawn: (..., drawn), numbers of rows; axis is the last one."""
        chosen = np.moveaxis(np.asarray(drawn).astype(np.intp), axis, -1)
        shape = chosen.shape[:-1]
        flat = chosen.reshape(-1, chosen.shape[-1])
        places = flat + self.rows * np.arange(len(flat))[:, np.newaxis]
        counts = np.bincount(places.ravel(), minlength=len(flat) * self.rows)
        weights = counts.reshape(len(flat), self.rows).astype(np.float64)
        areas = [self._area(weights, *one) for one in self.classes]
        return np.asarray(np.mean(areas, axis=0).reshape(shape))

    @staticmethod
    def _area(
        weights: Array, order: Labels, others: Array, own: Labels, below: Labels, not_above: Labels
    ) -> Array:
        """Return one class's areas, (resamples,): pairs in the right order, ties as a half."""
        ordered = weights[:, order]
        passed = np.zeros((len(weights), weights.shape[1] + 1))
        np.cumsum(ordered * others, axis=1, out=passed[:, 1:])
        of_class = ordered[:, own]
        right = (of_class * (passed[:, below] + passed[:, not_above])).sum(axis=1) / 2
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(right / (of_class.sum(axis=1) * passed[:, -1]))


def row_losses(y: pd.Series, probability: Probability) -> Array:
    """Return what each row adds to the log loss, (rows,), in nats; a 0 or 1 counts as almost so.

    probability: (rows,), of class 1, or (rows, classes).
    """
    P = np.asarray(probability)
    came_true = P[np.arange(len(P)), np.asarray(y)] if P.ndim == 2 else np.where(y == 1, P, 1 - P)
    return np.asarray(-np.log(np.clip(came_true, np.finfo(np.float64).eps, 1)))


def confusion(y: pd.Series, predicted: pd.Series) -> pd.DataFrame:
    """Return a line a row, actual and predicted, which DVC's confusion template counts."""
    return pd.DataFrame({"actual": y.to_numpy(), "predicted": predicted.to_numpy()})


def loss_curve(fitted: MLPClassifier) -> pd.DataFrame:
    """Return the training loss by epoch, counted from 1."""
    return pd.DataFrame({"epoch": range(1, fitted.n_iter_ + 1), "loss": fitted.loss_curve_})


def training_summary(fitted: MLPClassifier) -> dict[str, Any]:
    """Return how long a network trained, where its loss ended, and how large it is."""
    return {
        "epochs": fitted.n_iter_,
        "loss": fitted.loss_,
        "parameters": sum(layer.size for layer in [*fitted.coefs_, *fitted.intercepts_]),
    }
