"""Follows a training epoch by epoch, on the rows that it trains on and on rows held out.

The notebook's early stopping (section 0.2.2) on real data: the epoch with the lowest held-out
loss, the one at which the notebook's networks stop by their own rule, and the last one.
"""

import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.exceptions import ConvergenceWarning

from winenet.evaluation import paired_tests
from winenet.network.classifier import DenseClassifier
from winenet.network.parallel import n_workers, one_blas_thread
from winenet.params import Curves

CURVE = ["epoch", "training_loss", "held_out_loss", "training_accuracy", "held_out_accuracy"]


class Rows(NamedTuple):
    """Some rows of the table. X: (rows, features), normalised. y: (rows,) of 0 and 1."""

    X: pd.DataFrame
    y: pd.Series


class TrainingTrace(NamedTuple):
    """What one training showed.

    curve: a line an epoch, its columns as CURVE names them. numbers: hidden_layer_sizes; best,
    notebook_stop and last, each with its epoch, loss and accuracy on the three sets, and the part
    of the held-out loss that comes from errors; and p_value, of best against notebook_stop on the
    test rows (exact McNemar test).
    """

    curve: pd.DataFrame
    numbers: dict[str, Any]


class _EpochScorer:
    """Scores a network after each epoch and keeps the best; it speaks scikit-learn's protocol."""

    def __init__(self, held_out: Rows) -> None:
        self.held_out = held_out
        self.lines: list[dict[str, float]] = []
        self.least = np.inf
        self.best: Any = None

    def setup(self, estimator: Any, context: Any) -> None:
        """Nothing is needed before the training."""

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Nothing is scored before an epoch has ended."""

    def on_fit_task_end(
        self, estimator: Any, context: Any, *, X: Any, y: Any, fitted_estimator: Any
    ) -> None:
        """Score an epoch. X, y: the training rows. fitted_estimator: a copy, free to be kept."""
        if context.task_name != "epoch":
            return
        line = _reading(fitted_estimator, {"training": Rows(X, y), "held_out": self.held_out})
        self.lines.append(line)
        if line["held_out_loss"] < self.least:
            self.least, self.best = line["held_out_loss"], fitted_estimator

    def teardown(self, estimator: Any, context: Any) -> None:
        """Nothing is left open after the training."""


def trace_all(
    networks: Mapping[str, list[int]], settings: Curves, training: Rows, held_out: Rows, test: Rows
) -> dict[str, TrainingTrace]:
    """Follow each network in a process of its own. networks: by name, its hidden layers' sizes."""
    calls = (
        delayed(follow)(sizes, settings, training, held_out, test) for sizes in networks.values()
    )
    with one_blas_thread():
        return dict(zip(networks, Parallel(n_jobs=n_workers())(calls), strict=True))


def follow(
    sizes: list[int], settings: Curves, training: Rows, held_out: Rows, test: Rows
) -> TrainingTrace:
    """Train a network for all epochs and tell what stopping earlier would have been worth.

    sizes: of the hidden layers. The first of equally good epochs is the best. A second training
    tells where the notebook's rule stops: from the same seed, it is the same network up to there,
    or to the last epoch if the rule does not stop it. The test rows choose nothing.
    """
    watch = _EpochScorer(held_out)
    alike: dict[str, Any] = {
        "hidden_layer_sizes": tuple(sizes),
        "max_iter": settings.epochs,
        "random_state": settings.random_state,
    }
    with warnings.catch_warnings(), one_blas_thread():
        # To train up to max_iter is the purpose here.
        warnings.simplefilter("ignore", ConvergenceWarning)
        last = DenseClassifier(**alike, n_iter_no_change=np.inf).set_callbacks(watch).fit(*training)
        stopped = DenseClassifier(**alike).fit(*training)
    sets = {"training": training, "held_out": held_out, "test": test}
    readings = {
        name: _reading(fitted, sets)
        | {"held_out_loss_of_errors": _loss_of_errors(fitted, held_out)}
        for name, fitted in (("best", watch.best), ("notebook_stop", stopped), ("last", last))
    }
    compared = paired_tests.mcnemar_exact(
        test.y, watch.best.predict(test.X), stopped.predict(test.X)
    )
    return TrainingTrace(
        pd.DataFrame(watch.lines, columns=CURVE),
        {
            "hidden_layer_sizes": "-".join(map(str, sizes)),
            **readings,
            "p_value": compared["p_value"],
        },
    )


def _reading(fitted: Any, sets: dict[str, Rows]) -> dict[str, float]:
    """Return the epoch, and loss and accuracy on each set.

    The loss is the mean cross-entropy in nats. Unlike loss_curve_ it is without the penalty and
    of the weights at the epoch's end, so that the sets' losses compare.
    """
    reading = {"epoch": fitted.n_iter_}
    for name, (X, y) in sets.items():
        P = fitted.predict_proba(X)
        # scikit-learn's log_loss, of which it is the same, takes longer than the epoch.
        reading[f"{name}_loss"] = _row_losses(y, P).mean()
        reading[f"{name}_accuracy"] = np.mean(P.argmax(axis=1) == y)
    return reading


def _row_losses(y: pd.Series, P: Any) -> Any:
    """Return what each row adds to the log loss, (rows,), in nats. P: (rows, classes)."""
    came_true = P[np.arange(len(y)), y]
    return -np.log(np.clip(came_true, np.finfo(np.float64).eps, 1))


def _loss_of_errors(fitted: Any, rows: Rows) -> float:
    """Return what the rows that are predicted wrongly add to the mean loss."""
    P = fitted.predict_proba(rows.X)
    wrong = P.argmax(axis=1) != rows.y
    return float(_row_losses(rows.y, P)[wrong].sum()) / len(rows.y)
