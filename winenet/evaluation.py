"""Scores of binary classifiers, how sure they are, and whether two differ. Numbers only."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import DegenerateDataWarning, binomtest, bootstrap, rankdata
from sklearn import metrics
from sklearn.neural_network import MLPClassifier

Array = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]


LEVEL = 0.95  # of all intervals
BATCH_VALUES = 130_000  # of a bootstrap that are held at a time: 1 MB an array, the fastest


class Interval(NamedTuple):
    """A score, and the bounds between which its true value may be expected."""

    value: float
    low: float
    high: float


class Rows(NamedTuple):
    """Rows that a model is scored on.

    X: (rows, features), normalised. y: (rows,) of 0 and 1. seen: (rows,), whether the training
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
    """Return a line a row: row, the label, network, predicted, probability of class 1.

    X: (rows, features), normalised. y: (rows,), named as its column is called.
    rows: (rows,), their numbers in data/table.csv, counted from 0.
    """
    return pd.DataFrame(
        {
            "row": rows.to_numpy(),
            str(y.name): y.to_numpy(),
            "network": network,
            "predicted": fitted.predict(X),
            "probability": fitted.predict_proba(X)[:, 1],
        }
    )


def probabilities(table: pd.DataFrame) -> Any:
    return table["probability"]


def scores(
    y: pd.Series, predicted: pd.Series, probability: pd.Series, seen: pd.Series
) -> dict[str, Any]:
    """Return the scores under scikit-learn's names.

    y, predicted: (rows,) of 0 and 1. probability: (rows,), of class 1. seen: (rows,), whether the
    training rows hold the row's features; accuracy_unseen leaves such rows out, and is None when
    no row is left.
    """
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


def scores_on(fitted: Classifier, rows: Rows) -> dict[str, Any]:
    """Return the scores of a fitted model, as `scores` does."""
    probability = pd.Series(fitted.predict_proba(rows.X)[:, 1])
    return scores(rows.y, pd.Series(fitted.predict(rows.X)), probability, rows.seen)


def errors(scores: Mapping[str, Any]) -> int:
    """Return how many rows a model got wrong, from its confusion matrix."""
    return int(scores["confusion_matrix"]["fp"] + scores["confusion_matrix"]["fn"])


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
            method="BCa",
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


def row_losses(y: pd.Series, probability: pd.Series | Array) -> Array:
    """Return what each row adds to the log loss, (rows,), in nats; a 0 or 1 counts as almost so."""
    came_true = np.where(y == 1, probability, 1 - probability)
    return np.asarray(-np.log(np.clip(came_true, np.finfo(np.float64).eps, 1)))


def with_intervals(
    y: pd.Series,
    predicted: pd.Series,
    probability: pd.Series,
    seen: pd.Series,
    resamples: int,
    random_state: int,
) -> dict[str, Interval | None]:
    """Return the scores of a model, each with an interval of 95 %.

    accuracy and accuracy_unseen by Wilson, roc_auc and log_loss by the bootstrap. None where no
    interval can be told.
    """
    correct, unseen = np.asarray(predicted) == np.asarray(y), ~np.asarray(seen)
    truth, P = y.to_numpy(dtype=np.float64), np.asarray(probability)
    return {
        "accuracy": wilson(int(correct.sum()), len(correct)),
        "accuracy_unseen": wilson(int(correct[unseen].sum()), int(unseen.sum()))
        if unseen.any()
        else None,
        "roc_auc": bootstrapped(roc_auc, (truth, P), resamples, random_state),
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


def roc_curve(y: pd.Series, probability: pd.Series) -> pd.DataFrame:
    """Return the corners of the ROC curve: false_positive_rate and true_positive_rate.

    Probabilities that differ only in their last bits count as equal: which they are depends on the
    processor, and so would the corners.
    """
    fpr, tpr, _ = metrics.roc_curve(y, probability.round(12))
    return pd.DataFrame({"false_positive_rate": fpr, "true_positive_rate": tpr})


def precision_recall_curve(y: pd.Series, probability: pd.Series) -> pd.DataFrame:
    """Return the corners of the precision-recall curve: recall and precision.

    Probabilities are rounded as for `roc_curve`.
    """
    precision, recall, _ = metrics.precision_recall_curve(
        y, probability.round(12), drop_intermediate=True
    )
    return pd.DataFrame({"recall": recall[::-1], "precision": precision[::-1]})


def calibration(y: pd.Series, probability: pd.Series, bins: int = 10) -> pd.DataFrame:
    """Return how often the class 1 came true, by the probability that it was given.

    Returns a line for each of the bins of equal width that holds a row: rows, mean_probability,
    share with its Wilson interval, low and high.
    """
    place = np.minimum((np.asarray(probability) * bins).astype(int), bins - 1)
    lines = []
    for members in (place == one for one in range(bins)):
        if members.any():
            share = wilson(int(y[members].sum()), int(members.sum()))
            lines.append(
                {
                    "rows": int(members.sum()),
                    "mean_probability": float(np.mean(probability[members])),
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
