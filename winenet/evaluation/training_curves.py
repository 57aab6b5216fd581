"""Score a network after every epoch, on its training rows and on held-out rows.

This is the notebook's early stopping (section 0.2.2) on real data. Three epochs are compared: the
one with the lowest held-out loss, the one at which the notebook's networks stop by their own rule,
and the last one.
"""

import warnings
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from winenet.data.split_data import EvaluationSet
from winenet.evaluation import paired_tests
from winenet.evaluation.scoring import row_losses
from winenet.models.predictor import argmax_class, with_threshold
from winenet.models.registry import format_layer_sizes
from winenet.models.saved import DEFAULT_THRESHOLD
from winenet.network.classifier import DenseClassifier
from winenet.network.parallel import n_workers, one_blas_thread
from winenet.params import Curves

COLUMNS = ["epoch", "training_loss", "held_out_loss", "training_accuracy", "held_out_accuracy"]
LabelledRows: TypeAlias = tuple[pd.DataFrame, pd.Series]  # X, y


class TrainingTrace(NamedTuple):
    """The scores of one training.

    Attributes
    ----------
    curve : DataFrame
        One row per epoch, with the columns COLUMNS.
    metrics : dict
        hidden_layer_sizes; best, notebook_stop and last, each with its epoch, the loss and accuracy
        on the three sets, and the part of the held-out loss that comes from errors; and p_value,
        the exact McNemar test of best against notebook_stop on the test rows.
    """

    curve: pd.DataFrame
    metrics: dict[str, Any]


class _EpochScorer:
    """A scikit-learn callback that scores a network after each epoch and keeps the best one."""

    def __init__(self, held_out: EvaluationSet, threshold: float) -> None:
        self.held_out, self.threshold = held_out, threshold
        self.scores: list[dict[str, float]] = []
        self.best_loss = np.inf
        self.best: Any = None

    def setup(self, estimator: Any, context: Any) -> None:
        """Do nothing before the training."""

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Do nothing before an epoch has ended."""

    def on_fit_task_end(
        self, estimator: Any, context: Any, *, X: Any, y: Any, fitted_estimator: Any
    ) -> None:
        """Score an epoch. X, y: the training rows. fitted_estimator: a copy, safe to keep."""
        if context.task_name != "epoch":
            return
        held_out = (self.held_out.X, self.held_out.y)
        sets = {"training": (X, y), "held_out": held_out}
        scores = _score_epoch(fitted_estimator, sets, self.threshold)
        self.scores.append(scores)
        if scores["held_out_loss"] < self.best_loss:
            self.best_loss, self.best = scores["held_out_loss"], fitted_estimator

    def teardown(self, estimator: Any, context: Any) -> None:
        """Do nothing after the training."""


def trace_all(
    networks: Mapping[str, DenseClassifier],
    settings: Curves,
    X_train: pd.DataFrame,
    y_train: pd.Series,
    held_out: EvaluationSet,
    test: EvaluationSet,
    thresholds: Mapping[str, float] = MappingProxyType({}),
) -> dict[str, TrainingTrace]:
    """Trace each network in a process of its own.

    networks: untrained, by name. thresholds: by name, where it is not 0.5.
    """
    calls = (
        delayed(trace_training)(
            *(network, settings, X_train, y_train, held_out, test),
            thresholds.get(name, DEFAULT_THRESHOLD),
        )
        for name, network in networks.items()
    )
    with one_blas_thread():
        return dict(zip(networks, Parallel(n_jobs=n_workers())(calls), strict=True))


def trace_training(
    network: DenseClassifier,
    settings: Curves,
    X_train: pd.DataFrame,
    y_train: pd.Series,
    held_out: EvaluationSet,
    test: EvaluationSet,
    threshold: float = DEFAULT_THRESHOLD,
) -> TrainingTrace:
    """Train a network for all epochs and return what earlier stopping would have changed.

    Of equally good epochs, the first is the best. A second training from the same seed gives the
    epoch at which the network stops by its own rule; up to there both are the same network. The
    test rows influence neither choice.

    network: untrained. max_iter and random_state are set as in the section curves, and it does not
    hold out rows of its own for early stopping.
    """
    scorer = _EpochScorer(held_out, threshold)
    stopped = clone(network).set_params(
        max_iter=settings.epochs, random_state=settings.random_state, early_stopping=False
    )
    last = clone(stopped).set_params(n_iter_no_change=np.inf).set_callbacks(scorer)
    with warnings.catch_warnings(), one_blas_thread():
        # Training up to max_iter is intended here.
        warnings.simplefilter("ignore", ConvergenceWarning)
        last.fit(X_train, y_train)
        stopped.fit(X_train, y_train)
    sets = {
        "training": (X_train, y_train),
        "held_out": (held_out.X, held_out.y),
        "test": (test.X, test.y),
    }
    snapshots = {
        name: _score_epoch(fitted, sets, threshold)
        | {"held_out_loss_of_errors": _loss_of_errors(fitted, held_out, threshold)}
        for name, fitted in (("best", scorer.best), ("notebook_stop", stopped), ("last", last))
    }
    comparison = paired_tests.mcnemar_exact(
        test.y,
        *(with_threshold(fitted, threshold).predict(test.X) for fitted in (scorer.best, stopped)),
    )
    return TrainingTrace(
        pd.DataFrame(scorer.scores, columns=COLUMNS),
        {
            "hidden_layer_sizes": format_layer_sizes(network.hidden_layer_sizes),
            **snapshots,
            "p_value": comparison["p_value"],
        },
    )


def _score_epoch(
    fitted: Any, sets: Mapping[str, LabelledRows], threshold: float
) -> dict[str, float]:
    """Return the epoch, and loss and accuracy on each set.

    The loss is the mean cross-entropy in nats. Unlike loss_curve_ it has no penalty and belongs to
    the weights at the end of the epoch, so that the losses of the sets can be compared.
    """
    scores = {"epoch": fitted.n_iter_}
    for name, (X, y) in sets.items():
        P = fitted.predict_proba(X)
        # scikit-learn's log_loss is the same number, but takes longer than the epoch.
        scores[f"{name}_loss"] = row_losses(y, P).mean()
        scores[f"{name}_accuracy"] = np.mean(argmax_class(P, threshold) == y)
    return scores


def _loss_of_errors(fitted: Any, rows: EvaluationSet, threshold: float) -> float:
    """Return the part of the mean loss that comes from misclassified rows."""
    P = fitted.predict_proba(rows.X)
    wrong = np.asarray(argmax_class(P, threshold) != rows.y)
    return float(row_losses(rows.y, P)[wrong].sum()) / len(rows.y)
