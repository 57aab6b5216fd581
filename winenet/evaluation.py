"""Scores of a binary classifier on rows that it did not train on. Numbers only, no pictures."""

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import binomtest
from sklearn import metrics
from sklearn.neural_network import MLPClassifier

Array = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]


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


def scores(y: pd.Series, predicted: pd.Series, probability: pd.Series) -> dict[str, Any]:
    """Return the scores under scikit-learn's names.

    y, predicted: (rows,) of 0 and 1. probability: (rows,), of class 1.
    """
    tn, fp, fn, tp = metrics.confusion_matrix(y, predicted, labels=[0, 1]).ravel()
    return {
        "accuracy": metrics.accuracy_score(y, predicted),
        "balanced_accuracy": metrics.balanced_accuracy_score(y, predicted),
        "f1": metrics.f1_score(y, predicted),
        "roc_auc": metrics.roc_auc_score(y, probability),
        "log_loss": metrics.log_loss(y, probability, labels=[0, 1]),
        "confusion_matrix": {"tn": tn, "fp": fp, "fn": fn, "tp": tp},
    }


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
    """Return the corners of the ROC curve: false_positive_rate and true_positive_rate."""
    fpr, tpr, _ = metrics.roc_curve(y, probability)
    return pd.DataFrame({"false_positive_rate": fpr, "true_positive_rate": tpr})


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
