"""Scores of classifiers, how sure they are, and whether two differ. Numbers only.

Labels are codes from 0. With two classes a model's probability is that of class 1, (rows,); with
more it is a table of all of them, (rows, classes), and what is told of one class is averaged over
one-vs-rest.
"""

import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import DegenerateDataWarning, binomtest, bootstrap, rankdata
from sklearn import metrics
from sklearn.neural_network import MLPClassifier

Array = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
Probability: TypeAlias = pd.Series | pd.DataFrame | Array  # (rows,), or (rows, classes)

LEVEL = 0.95  # of all intervals
MOST_JACKKNIFED = 10_000  # rows; with them the BCa interval of a ROC AUC takes some 20 s
BATCH_VALUES = 130_000  # of a bootstrap that are held at a time: 1 MB an array, the fastest
POINTS = 200  # of an averaged curve, at most


class Interval(NamedTuple):
    """A score, and the bounds between which its true value may be expected."""

    value: float
    low: float
    high: float


class Rows(NamedTuple):
    """Rows that a model is scored on.

    X: (rows, features), normalised. y: (rows,), codes. seen: (rows,), whether the training
    rows hold the row's features.
    """

    X: pd.DataFrame
    y: pd.Series
    seen: pd.Series


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
        return _scores_of_several(y, predicted, np.asarray(probability), seen)
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


def _scores_of_several(
    y: pd.Series, predicted: pd.Series, P: Array, seen: pd.Series
) -> dict[str, Any]:
    """Return the scores of more than two classes. P: (rows, classes)."""
    codes = np.arange(P.shape[1])
    return {
        "accuracy": metrics.accuracy_score(y, predicted),
        "accuracy_unseen": accuracy_unseen(y, predicted, seen),
        "balanced_accuracy": metrics.balanced_accuracy_score(y, predicted),
        "f1": metrics.f1_score(y, predicted, labels=codes, average="macro", zero_division=0),
        "roc_auc": float(MacroRocAuc(y, P)(np.arange(len(P)))),
        "log_loss": float(row_losses(y, P).mean()),
        "confusion_matrix": metrics.confusion_matrix(y, predicted, labels=codes).tolist(),
    }


def scores_on(fitted: Classifier, rows: Rows) -> dict[str, Any]:
    """Return the scores of a fitted model, as `scores` does."""
    found = pd.DataFrame(probability_columns(fitted.predict_proba(rows.X)))
    return scores(rows.y, pd.Series(fitted.predict(rows.X)), probabilities(found), rows.seen)


def accuracy_unseen(y: pd.Series, predicted: pd.Series, seen: pd.Series) -> float | None:
    """Return the accuracy on the rows that were not seen in training; None when there are none."""
    correct = (np.asarray(predicted) == np.asarray(y))[~np.asarray(seen)]
    return float(correct.mean()) if len(correct) else None


def wilson(successes: int, trials: int) -> Interval:
    """Return a share with its Wilson score interval of 95 %.

    Source: Wilson (1927), Journal of the American Statistical Association 22(158):209-212.
    """
    found = binomtest(successes, trials).proportion_ci(LEVEL, method="wilson")
    return Interval(successes / trials, float(found.low), float(found.high))


def bootstrapped(
    statistic: Callable[..., Array], sample: Sequence[Array], resamples: int, random_state: int
) -> Interval | None:
    """Return a statistic of rows with its BCa bootstrap interval of 95 %.

    With more than `MOST_JACKKNIFED` rows it is the percentile interval: BCa leaves out each row
    once, which takes the square of the rows, and corrects less the more there are.
    statistic: takes the arrays of sample, (..., rows), and `axis`. sample: arrays of the same
    rows, which are drawn together. None when the bootstrap finds no spread to speak of: a ROC AUC
    of 1, for instance, is 1 in each resample, and its true value may well be less. None as well
    when a resample has no value, as a ROC AUC where a rare class was not drawn.
    Source: Efron (1987), Journal of the American Statistical Association 82(397):171-185.
    """
    with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
        warnings.simplefilter("ignore", DegenerateDataWarning)
        found = bootstrap(
            sample,
            statistic,
            paired=True,
            vectorized=True,
            n_resamples=resamples,
            batch=max(1, BATCH_VALUES // len(sample[0])),
            confidence_level=LEVEL,
            method="BCa" if len(sample[0]) <= MOST_JACKKNIFED else "percentile",
            rng=np.random.default_rng(random_state),
        ).confidence_interval
    if not found.low < found.high:  # NaN as well
        return None
    return Interval(float(statistic(*sample, axis=-1)), float(found.low), float(found.high))


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


class MacroRocAuc:
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


def with_intervals(
    y: pd.Series,
    predicted: pd.Series,
    probability: Probability,
    seen: pd.Series,
    resamples: int,
    random_state: int,
) -> dict[str, Interval | None]:
    """Return the scores of a model, each with an interval of 95 %.

    accuracy and accuracy_unseen by Wilson, roc_auc and log_loss by the bootstrap. None where no
    interval can be told.
    """
    correct, unseen = np.asarray(predicted) == np.asarray(y), ~np.asarray(seen)
    P = np.asarray(probability)
    statistic: Callable[..., Array]
    sample: tuple[Array, ...]
    if P.ndim == 2:
        statistic, sample = MacroRocAuc(y, P), (np.arange(len(P), dtype=np.float64),)
    else:
        statistic, sample = roc_auc, (y.to_numpy(dtype=np.float64), P)
    return {
        "accuracy": wilson(int(correct.sum()), len(correct)),
        "accuracy_unseen": wilson(int(correct[unseen].sum()), int(unseen.sum()))
        if unseen.any()
        else None,
        "roc_auc": bootstrapped(statistic, sample, resamples, random_state),
        "log_loss": bootstrapped(np.mean, (row_losses(y, probability),), resamples, random_state),
    }


def holm(p_values: npt.ArrayLike) -> Array:
    """Return the p-values corrected for their number by Holm's method, in the order given.

    Source: Holm (1979), Scandinavian Journal of Statistics 6(2):65-70.
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = p.argsort(kind="stable")
    corrected = np.empty_like(p)
    corrected[order] = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    return np.minimum(corrected, 1)


def pairs(y: pd.Series, predicted: Mapping[str, pd.Series]) -> pd.DataFrame:
    """Compare each pair of models on the same rows.

    predicted: by model, (rows,). Returns a line a pair: first, second, and what `paired_errors`
    tells; p_value is corrected by Holm's method for the number of pairs, p_value_alone is not.
    """
    found = pd.DataFrame(
        {"first": first, "second": second} | paired_errors(y, predicted[first], predicted[second])
        for first, second in combinations(predicted, 2)
    )
    found["p_value_alone"] = found["p_value"]
    found["p_value"] = holm(found["p_value"])
    return found


def paired_errors(y: pd.Series, first: pd.Series, second: pd.Series) -> dict[str, float]:
    """Compare two classifiers on the same rows by the rows that only one of them gets wrong.

    Returns errors_first, errors_second, only_first, only_second, and the p_value of the exact
    McNemar test: were both equally good, each such row would fall to either like a coin.
    Source: McNemar (1947), Psychometrika 12(2):153-157; the exact form is a sign test.
    """
    wrong_first, wrong_second = np.asarray(first != y), np.asarray(second != y)
    only_first = int((wrong_first & ~wrong_second).sum())
    only_second = int((wrong_second & ~wrong_first).sum())
    disagreements = only_first + only_second
    return {
        "errors_first": int(wrong_first.sum()),
        "errors_second": int(wrong_second.sum()),
        "only_first": only_first,
        "only_second": only_second,
        "p_value": binomtest(only_first, disagreements).pvalue if disagreements else 1.0,
    }


def roc_curve(y: pd.Series, probability: Probability) -> pd.DataFrame:
    """Return the corners of the ROC curve: false_positive_rate and true_positive_rate.

    Of more than two classes it is the mean of the one-vs-rest curves. Probabilities that differ
    only in their last bits count as equal: which they are depends on the processor, and so would
    the corners.
    """
    x, y_ = _corners(_roc_corners, y, probability)
    return pd.DataFrame({"false_positive_rate": x, "true_positive_rate": y_})


def precision_recall_curve(y: pd.Series, probability: Probability) -> pd.DataFrame:
    """Return the corners of the precision-recall curve: recall and precision.

    Classes are averaged and probabilities rounded as for `roc_curve`.
    """
    recall, precision = _corners(_precision_recall_corners, y, probability)
    return pd.DataFrame({"recall": recall, "precision": precision})


Corners: TypeAlias = tuple[Array, Array]  # x, which never falls, and y


def _roc_corners(y: Any, probability: Any) -> Corners:
    fpr, tpr, _ = metrics.roc_curve(y, probability)
    return fpr, tpr


def _precision_recall_corners(y: Any, probability: Any) -> Corners:
    precision, recall, _ = metrics.precision_recall_curve(y, probability, drop_intermediate=True)
    return recall[::-1], precision[::-1]


def _corners(draw: Callable[[Any, Any], Corners], y: pd.Series, given: Probability) -> Corners:
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
    kept = np.unique(way.searchsorted(np.linspace(0, way[-1], POINTS)))
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
            share = wilson(int(came_true[members].sum()), int(members.sum()))
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


def confusion(y: pd.Series, predicted: pd.Series) -> pd.DataFrame:
    """Return a line a row, actual and predicted, which DVC's confusion template counts."""
    return pd.DataFrame({"actual": y.to_numpy(), "predicted": predicted.to_numpy()})


def loss_curve(fitted: MLPClassifier) -> pd.DataFrame:
    """Return the training loss by epoch, counted from 1."""
    return pd.DataFrame({"epoch": range(1, fitted.n_iter_ + 1), "loss": fitted.loss_curve_})


def training_facts(fitted: MLPClassifier) -> dict[str, Any]:
    """Return how long a network trained, where its loss ended, and how large it is."""
    return {
        "epochs": fitted.n_iter_,
        "loss": fitted.loss_,
        "parameters": sum(layer.size for layer in [*fitted.coefs_, *fitted.intercepts_]),
    }
