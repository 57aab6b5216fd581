"""Tests of the notebook's claims about its six rows and its network from scratch.

Each function tests one claim or exercise and returns numbers only. Shapes are those of
`handmade.py`; `parameters` is what its run_grad_desc returns.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix

from winenet.notebook import handmade
from winenet.notebook.handmade import Array

FEATURES = ["X1", "X2", "X3"]
HELD_OUT_START = 0.15  # half a step from the training rows' 0.1: each lies between two of them
CUT_OFF = 0.5
CURVE_POINTS = 1000  # epochs at which a curve is drawn, or searched for its minimum

Numbers = dict[str, object]
Truths = NDArray[np.bool_]


def table(X: Array, y: Array) -> pd.DataFrame:
    """Return the rows as a table: X1, X2, X3 and y as a whole number."""
    frame = pd.DataFrame(X, columns=FEATURES)
    frame["y"] = y.ravel().astype(int)
    return frame


def by_feature(values: Array) -> dict[str, float]:
    """Return three values, of any shape, under the features' names."""
    return dict(zip(FEATURES, values.ravel().tolist(), strict=True))


def params_at(parameters: dict[str, Array], epoch: int) -> tuple[Array, Array]:
    """Return W1 and B1 after that many epochs."""
    return parameters["W1"][epoch], parameters["B1"][epoch]


def count_true(true: Truths) -> NDArray[np.int64]:
    """Return how many entries of each network are true: (..., rows, output_cols) -> (...)."""
    return np.asarray(np.sum(true, axis=(-2, -1)))


def cross_entropy(A: Array, Y: Array) -> Array:
    """Return the loss of backward for many networks at once.

    A: (..., rows, output_cols). Y: the same, or without the leading axes. Returns (...).
    """
    A = np.clip(A, handmade.EPS, 1 - handmade.EPS)
    loss = Y * np.log(A) + (1 - Y) * np.log(1 - A)
    return np.asarray(-np.sum(loss, axis=(-2, -1)) / A.shape[-2])


def correct(A: Array, Y: Array) -> Truths:
    """Return which predictions are right, cut at 0.50; a probability of exactly 0.50 is a 0."""
    return np.asarray((A > CUT_OFF) == (Y > CUT_OFF))


# Section 0.1: the logistic regression.


def fit_logistic(X: Array, y: Array) -> LogisticRegression:
    """Fit the notebook's LogisticRegression(), with scikit-learn's defaults."""
    return LogisticRegression().fit(X, y.ravel())


def to_network_params(model: LogisticRegression) -> tuple[Array, Array]:
    """Return W1 (3, 1) and B1 (1, 1) of the network that the logistic regression is."""
    return model.coef_.T, model.intercept_.reshape(1, 1)


def logistic_regression(model: LogisticRegression, X: Array, y: Array) -> Numbers:
    """Measure section 0.1, and the claim that this is a network without a hidden layer.

    The claim holds when forward() with these coefficients gives predict_proba, and when the
    network's own gradient is zero there once the penalty is added. scikit-learn minimises
    C * (sum of the losses) + |W|^2 / 2, so the mean loss gets |W|^2 / (2 C rows) and its gradient
    W / (C rows); the bias has no penalty. scikit-learn stops when no entry exceeds its tol.
    """
    W1, B1 = to_network_params(model)
    probability = model.predict_proba(X)[:, 1:]
    tn, fp, fn, tp = confusion_matrix(y.ravel(), model.predict(X), labels=[0, 1]).ravel()
    A1 = handmade.forward(W1, B1, X)
    grads, loss = handmade.backward(A1, W1, B1, X, y)
    penalised = grads["dW1"] + W1 / (model.C * len(X))
    by_hand = handmade.sigmoid(model.intercept_ + np.dot(X, model.coef_.T))
    return {
        "accuracy": model.score(X, y.ravel()),
        "confusion_matrix": {"tn": tn, "fp": fp, "fn": fn, "tp": tp},
        "intercept": B1.item(),
        "coef": by_feature(W1),
        "log_loss": loss,
        "max_difference_sigmoid_predict_proba": np.abs(by_hand - probability).max(),
        "as_network": {
            "max_difference_forward_predict_proba": np.abs(A1 - probability).max(),
            "max_gradient_of_loss": max(np.abs(grads["dW1"]).max(), np.abs(grads["dB1"]).max()),
            "max_gradient_of_loss_and_penalty": max(
                np.abs(penalised).max(), np.abs(grads["dB1"]).max()
            ),
            "tol": model.tol,
        },
    }


def without_penalty(X: Array, y: Array) -> Numbers:
    """Fit the logistic regression without L2, at scikit-learn's tol and at a finer one.

    The six rows can be separated, so the loss has no least value: every step outwards lowers it,
    and the parameters depend only on when the solver stopped.
    """
    fits: Numbers = {}
    for name, tol in (("tol_1e-4", 1e-4), ("tol_1e-8", 1e-8)):
        model = LogisticRegression(C=np.inf, tol=tol, max_iter=1000).fit(X, y.ravel())
        W1, B1 = to_network_params(model)
        fits[name] = {
            "intercept": B1.item(),
            "coef": by_feature(W1),
            "log_loss": cross_entropy(handmade.forward(W1, B1, X), y).item(),
        }
    return fits


# Section 0.2: the network.


def first_pass(W1: Array, B1: Array, X: Array, y: Array) -> Numbers:
    """Measure the check of dimensions, the first predictions and the gradients at the start."""
    A1 = handmade.forward(W1, B1, X)
    grads, loss = handmade.backward(A1, W1, B1, X, y)
    return {
        "shape": {
            "X": X.shape,
            "weights": W1.shape,
            "bias": B1.shape,
            "predictions": A1.shape,
        },
        "weights": by_feature(W1),
        "bias": B1.item(),
        "probability_min": A1.min(),
        "probability_max": A1.max(),
        "predicted_ones": int((A1 > CUT_OFF).sum()),
        "accuracy": correct(A1, y).mean(),
        "loss": loss,
        "gradient": {"dW1": by_feature(grads["dW1"]), "dB1": grads["dB1"].item()},
    }


def snapshots(
    parameters: dict[str, Array], X: Array, y: Array, epochs: Sequence[int], logistic: Array
) -> Numbers:
    """Read one run at several epochs. logistic: (6, 1), the other model's probabilities."""
    result: Numbers = {}
    for epoch in epochs:
        W1, B1 = params_at(parameters, epoch)
        A1 = handmade.forward(W1, B1, X)
        result[f"epochs_{epoch}"] = {
            "bias": B1.item(),
            "weights": by_feature(W1),
            "loss": cross_entropy(A1, y).item(),
            "accuracy": correct(A1, y).mean(),
            "max_difference_from_logistic": np.abs(A1 - logistic).max(),
        }
    return result


def side_by_side(
    model: LogisticRegression,
    parameters: dict[str, Array],
    X: Array,
    y: Array,
    epochs: Sequence[int],
) -> pd.DataFrame:
    """Return both models' raw predictions and probabilities, one line per row and model.

    Columns: row (0 to 5), y, model ("logistic", "network"), epochs (0 for the logistic
    regression, which has none), raw, probability, predicted.
    """
    fits = [("logistic", 0, *to_network_params(model))]
    fits += [("network", epoch, *params_at(parameters, epoch)) for epoch in epochs]
    parts = []
    for name, epoch, W1, B1 in fits:
        raw = B1 + np.dot(X, W1)
        probability = handmade.sigmoid(raw).ravel()
        parts.append(
            pd.DataFrame(
                {
                    "row": range(len(X)),
                    "y": y.ravel().astype(int),
                    "model": name,
                    "epochs": epoch,
                    "raw": raw.ravel(),
                    "probability": probability,
                    "predicted": (probability > CUT_OFF).astype(int),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def loss_by_epoch(loss_array: Array) -> pd.DataFrame:
    """Return epoch (how many steps were taken before the loss was measured) and loss."""
    return pd.DataFrame({"epoch": range(len(loss_array)), "loss": loss_array})


PATH_POINTS = 240  # of a run, at equal distances on a logarithmic axis
PATH_DECIMALS = 10  # the page trains to 1e-9 of them


def trajectory(
    parameters: dict[str, Array],
    training: tuple[Array, Array],
    held_out: tuple[Array, Array],
    also: Sequence[int],
) -> pd.DataFrame:
    """Return the run at PATH_POINTS epochs, evenly spaced on a logarithmic scale.

    training, held_out: X and y of six rows each. also: epochs to include.
    Returns a line per epoch: epoch, loss, held_out_loss, bias, weight_X1, ..., and of each training
    row the raw prediction, raw_0, ..., and the probability, probability_0, ....
    """
    last = len(parameters["W1"]) - 1
    spread = np.geomspace(1, last, PATH_POINTS).round().astype(int).tolist()
    epochs = sorted({0, 1, *spread, *(epoch for epoch in also if epoch <= last), last})
    W1, B1 = parameters["W1"][epochs], parameters["B1"][epochs]
    probabilities = forward_stacked(W1, B1, training[0])
    columns: dict[str, Any] = {
        "epoch": epochs,
        "loss": cross_entropy(probabilities, training[1]),
        "held_out_loss": cross_entropy(forward_stacked(W1, B1, held_out[0]), held_out[1]),
        "bias": B1[:, 0, 0],
    }
    columns |= {f"weight_{name}": W1[:, column, 0] for column, name in enumerate(FEATURES)}
    raw = training[0] @ W1 + B1
    columns |= {f"raw_{row}": raw[:, row, 0] for row in range(len(training[0]))}
    columns |= {f"probability_{row}": probabilities[:, row, 0] for row in range(len(training[0]))}
    return pd.DataFrame(columns)


def rounded(path: pd.DataFrame) -> pd.DataFrame:
    """Return a path rounded to PATH_DECIMALS, except for its initial parameters.

    Those stay exact, so that the run can be trained again from them. The last bits of
    all other numbers depend on the processor, so they are rounded.
    """
    start = ["bias", *(f"weight_{name}" for name in FEATURES)]
    result = path.round(PATH_DECIMALS)
    result.loc[0, start] = path.loc[0, start]
    return result


# Section 0.2.1: the exercise with two output columns.


def two_columns(y: Array) -> Array:
    """Return the exercise's labels [y, 1 - y], (rows, 2)."""
    return np.hstack([y, 1 - y])


class TwoOutputs(NamedTuple):
    """The results of the exercise.

    numbers: per read epoch. predictions: per read epoch and row. curve: epoch and
    max_deviation, thinned.
    """

    numbers: Numbers
    predictions: pd.DataFrame
    curve: pd.DataFrame


def two_outputs(
    parameters: dict[str, Array], X: Array, y: Array, epochs: Sequence[int]
) -> TwoOutputs:
    """Measure how far the two probabilities of a row are from adding up to 1.

    parameters: of a run with two_columns(y). No term of the loss holds both columns, so each
    trains as a logistic regression of its own, and nothing makes their sum 1.
    """
    last = len(parameters["W1"]) - 1
    shown = subsample_epochs(last)
    numbers: Numbers = {}
    parts = []
    for epoch in epochs:
        W1, B1 = params_at(parameters, epoch)
        A1 = handmade.forward(W1, B1, X)
        right = correct(A1, two_columns(y))
        numbers[f"epochs_{epoch}"] = {
            "max_deviation_of_sum_from_1": np.abs(A1.sum(axis=1) - 1).max(),
            "accuracy_first": right[:, 0].mean(),
            "accuracy_second": right[:, 1].mean(),
            "rows_with_both_or_neither": int(((A1 > CUT_OFF).sum(axis=1) != 1).sum()),
            "loss": cross_entropy(A1, two_columns(y)).item(),
        }
        parts.append(
            pd.DataFrame(
                {
                    "row": range(len(X)),
                    "y": y.ravel().astype(int),
                    "epochs": epoch,
                    "probability_first": A1[:, 0],
                    "probability_second": A1[:, 1],
                    "sum": A1.sum(axis=1),
                }
            )
        )
    A = forward_stacked(parameters["W1"][shown], parameters["B1"][shown], X)
    curve = pd.DataFrame({"epoch": shown, "max_deviation": np.abs(A.sum(axis=-1) - 1).max(axis=-1)})
    return TwoOutputs(numbers, pd.concat(parts, ignore_index=True), curve)


# Section 0.2.2: early stopping.


def subsample_epochs(last: int) -> list[int]:
    """Return about CURVE_POINTS epochs, evenly spaced from 0 to the last, both included."""
    every = max(1, last // CURVE_POINTS)
    return sorted({*range(0, last + 1, every), last})


class EarlyStopping(NamedTuple):
    """Where training should have stopped. curve: epoch, training_loss, held_out_loss, thinned."""

    numbers: Numbers
    best: int  # the epoch of the lowest held-out loss
    curve: pd.DataFrame


def early_stopping(
    parameters: dict[str, Array], X: Array, y: Array, X_held_out: Array, y_held_out: Array
) -> EarlyStopping:
    """Return the epoch of a run with the lowest loss on the held-out rows.

    Early stopping sets in when that epoch is not the last.
    """
    W1, B1 = parameters["W1"], parameters["B1"]
    training = cross_entropy(forward_stacked(W1, B1, X), y)
    held_out = cross_entropy(forward_stacked(W1, B1, X_held_out), y_held_out)
    best, last = int(held_out.argmin()), len(held_out) - 1
    curve = pd.DataFrame(
        {"epoch": range(last + 1), "training_loss": training, "held_out_loss": held_out}
    )
    numbers: Numbers = {"sets_in": best < last}
    for name, epoch in (("best", best), ("last", last)):
        numbers[name] = {
            "epochs": epoch,
            "training_loss": training[epoch],
            "held_out_loss": held_out[epoch],
        }
    return EarlyStopping(numbers, best, curve.iloc[sorted({*subsample_epochs(last), best})])


# The claims that need many seeds: many networks in one run, axes (networks, rows, columns).


def forward_stacked(W1: Array, B1: Array, X: Array) -> Array:
    """Return forward() of many networks at once, (networks, rows, output_cols).

    W1: (networks, input_cols, output_cols). B1: (networks, 1, output_cols).
    X: (networks, rows, input_cols), or (rows, input_cols) for all of them.
    """
    return handmade.sigmoid(np.matmul(X, W1) + B1)


# The claim that accuracy is not a continuous function of a weight, but the loss is.


class OneWeight(NamedTuple):
    """The steps that accuracy and loss take. curve: weight, accuracy, loss."""

    numbers: Numbers
    curve: pd.DataFrame


def sweep_one_weight(W1: Array, B1: Array, X: Array, y: Array, points: int = 201) -> OneWeight:
    """Move X1's weight from half of it to one and a half, the others fixed.

    A grid ten times as fine has steps a tenth as high where the curve is continuous, and as
    high as before where it jumps.
    """
    coarse, fine = (_along_first_weight(W1, B1, X, y, n) for n in (points, 10 * (points - 1) + 1))
    numbers: Numbers = {
        name: {
            "max_step": coarse[name].diff().abs().max(),
            "max_step_on_a_grid_ten_times_as_fine": fine[name].diff().abs().max(),
            "different_values": coarse[name].nunique(),
        }
        for name in ("accuracy", "loss")
    }
    return OneWeight({"points": points, **numbers}, coarse)


def _along_first_weight(W1: Array, B1: Array, X: Array, y: Array, points: int) -> pd.DataFrame:
    weights = W1[0, 0] * np.linspace(0.5, 1.5, points)
    W = np.repeat(W1[np.newaxis], points, axis=0)
    W[:, 0, 0] = weights
    A = forward_stacked(W, B1, X)
    return pd.DataFrame(
        {
            "weight": weights,
            "accuracy": correct(A, y).mean(axis=(-2, -1)),
            "loss": cross_entropy(A, y),
        }
    )


def headline_metrics(measured: dict[str, Any], last: int) -> Numbers:
    """Return the few numbers that `dvc metrics` shows.

    measured: the results of the functions above. last: the epoch that ends the one run.
    """
    return {
        "logistic": {key: measured["logistic"][key] for key in ("accuracy", "log_loss")},
        "network": {
            key: measured["network"][f"epochs_{last}"][key] for key in ("accuracy", "loss")
        },
        "early_stopping_epoch": measured["early_stopping"]["best"]["epochs"],
    }
