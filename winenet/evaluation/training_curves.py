"""Score a network after every epoch, on its training rows and on held-out rows.

This is the notebook's early stopping (section 0.2.2) on real data. Three epochs are compared: the
one with the lowest held-out loss, the one at which the notebook's networks stop by their own rule,
and the last one.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.base import clone

from winenet.data.split_data import EvaluationSet
from winenet.evaluation import paired_tests
from winenet.evaluation.scoring import row_losses
from winenet.models.registry import Fit, fit_all, format_layer_sizes
from winenet.network.classifier import DenseClassifier
from winenet.params import Curves

COLUMNS = ["epoch", "training_loss", "held_out_loss", "training_accuracy", "held_out_accuracy"]


class TrainingTrace(NamedTuple):
    """The scores of one training.

    Attributes
    ----------
    curve : DataFrame
        One row per epoch, with the columns COLUMNS. The losses are mean cross-entropies in nats.
        Unlike loss_curve_ they have no penalty and belong to the weights at the end of the epoch,
        so that the losses of the sets can be compared.
    metrics : dict
        hidden_layer_sizes; best, notebook_stop and last, each with its epoch, the loss and accuracy
        on the three sets, and the part of the held-out loss that comes from errors; and p_value,
        the exact McNemar test of best against notebook_stop on the test rows.
    """

    curve: pd.DataFrame
    metrics: dict[str, Any]


def trace_all(
    networks: Mapping[str, DenseClassifier],
    settings: Curves,
    X_train: pd.DataFrame,
    y_train: pd.Series,
    held_out: EvaluationSet,
    test: EvaluationSet,
) -> dict[str, TrainingTrace]:
    """Train networks for all epochs and return what earlier stopping would have changed.

    Of equally good epochs, the first is the best. The test rows choose no epoch. Each network is
    fitted by itself for what is read of it, so that the journal can serve every fit.

    Parameters
    ----------
    networks : mapping of str to DenseClassifier
        Untrained. max_iter and random_state are set as in the section curves, and no network holds
        out rows of its own for early stopping.
    settings : Curves
    X_train, y_train : DataFrame, Series
    held_out, test : EvaluationSet

    Returns
    -------
    dict of str to TrainingTrace

    Raises
    ------
    TrainingError
        If the weights of a network become infinite.
    """
    followed = {
        name: followed_fits(network, settings, X_train, y_train, held_out)
        for name, network in networks.items()
    }
    fit_all(fit for fits in followed.values() for fit in fits)
    curves = {
        name: _curve(on_training.model, on_held_out.model)
        for name, (on_training, on_held_out, _) in followed.items()
    }
    best = {
        name: best_fit(network, settings, X_train, y_train, _best_epoch(curves[name]))
        for name, network in networks.items()
    }
    fit_all(best.values())
    traces = {}
    for name, (last, _, stopped) in followed.items():
        models = {"best": best[name].model, "notebook_stop": stopped.model, "last": last.model}
        comparison = paired_tests.mcnemar_exact(
            test.y, models["best"].predict(test.X), models["notebook_stop"].predict(test.X)
        )
        metrics = {
            "hidden_layer_sizes": format_layer_sizes(networks[name].hidden_layer_sizes),
            **{
                reading: _reading(model, curves[name], held_out, test)
                for reading, model in models.items()
            },
            "p_value": comparison["p_value"],
        }
        traces[name] = TrainingTrace(curves[name], metrics)
    return traces


def followed_fits(
    network: DenseClassifier,
    settings: Curves,
    X_train: pd.DataFrame,
    y_train: pd.Series,
    held_out: EvaluationSet,
) -> list[Fit]:
    """Return three fits of a network.

    Two are of all epochs, scored after each of them on the training and on the held-out rows. The
    third one stops by the network's own rule; up to there all are the same network.
    """
    stopped = _for_epochs(network, settings, settings.epochs)
    last = clone(stopped).set_params(n_iter_no_change=np.inf)
    return [
        Fit(last, (X_train, y_train, None, (X_train, y_train))),
        Fit(clone(last), (X_train, y_train, None, (held_out.X, held_out.y))),
        Fit(stopped, (X_train, y_train)),
    ]


def best_fit(
    network: DenseClassifier,
    settings: Curves,
    X_train: pd.DataFrame,
    y_train: pd.Series,
    epoch: int,
) -> Fit:
    """Return the fit that ends with the weights of an epoch."""
    model = _for_epochs(network, settings, epoch).set_params(n_iter_no_change=np.inf)
    return Fit(model, (X_train, y_train))


def _for_epochs(network: DenseClassifier, settings: Curves, epochs: int) -> DenseClassifier:
    model: DenseClassifier = clone(network).set_params(
        max_iter=epochs, random_state=settings.random_state, early_stopping=False
    )
    return model


def _curve(on_training: DenseClassifier, on_held_out: DenseClassifier) -> pd.DataFrame:
    """Return the curve of a network that was scored on the two sets."""
    return pd.DataFrame(
        {
            "epoch": range(1, on_training.n_iter_ + 1),
            "training_loss": on_training.validation_loss_curve_,
            "held_out_loss": on_held_out.validation_loss_curve_,
            "training_accuracy": on_training.validation_scores_,
            "held_out_accuracy": on_held_out.validation_scores_,
        },
        columns=COLUMNS,
    )


def _best_epoch(curve: pd.DataFrame) -> int:
    return int(curve["held_out_loss"].to_numpy().argmin()) + 1


def _reading(
    model: DenseClassifier, curve: pd.DataFrame, held_out: EvaluationSet, test: EvaluationSet
) -> dict[str, float]:
    """Return the scores of a network at the epoch at which its training ended."""
    P = np.asarray(model.predict_proba(test.X), dtype=np.float64)
    scores: dict[str, float] = curve.iloc[model.n_iter_ - 1].to_dict()
    return scores | {
        "epoch": model.n_iter_,
        "test_loss": row_losses(test.y, P).mean(),
        "test_accuracy": np.mean(P.argmax(axis=1) == test.y),
        "held_out_loss_of_errors": _loss_of_errors(model, held_out),
    }


def _loss_of_errors(fitted: Any, rows: EvaluationSet) -> float:
    """Return the part of the mean loss that comes from misclassified rows."""
    P = fitted.predict_proba(rows.X)
    wrong = np.asarray(P.argmax(axis=1) != rows.y)
    return float(row_losses(rows.y, P)[wrong].sum()) / len(rows.y)
