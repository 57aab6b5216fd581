"""The layers of a dense network: parameters, activations, forward pass and loss, in plain numpy."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, xlogy

Array = NDArray[np.floating[Any]]


class ValidationSet(NamedTuple):
    """Rows that a network is scored on after each epoch and never trained on."""

    X: Array
    targets: Array
    row_weights: Array | None = None


def init_parameters(units: Sequence[int], activation: str, rng: np.random.RandomState) -> Array:
    """Return the (parameters,) that training starts from, drawn as scikit-learn draws them.

    units: features, hidden units, outputs. Each layer is uniform within +-sqrt(6 / (fan_in +
    fan_out)), with 2 in place of 6 for the logistic function: then the signal keeps about the
    same variance on its way through the layers. Source: Glorot and Bengio, 2010.
    """
    weights, biases = [], []
    for fan_in, fan_out in pairwise(units):
        bound = np.sqrt((2.0 if activation == "logistic" else 6.0) / (fan_in + fan_out))
        weights.append(rng.uniform(-bound, bound, (fan_in, fan_out)))
        biases.append(rng.uniform(-bound, bound, fan_out))
    return pack_parameters(weights, biases)


def pack_parameters(weights: Sequence[Array], biases: Sequence[Array]) -> Array:
    """Return (parameters,) from per layer (fan_in, fan_out) and (fan_out,); undone by `layers`."""
    return np.concatenate([layer.ravel() for layer in (*weights, *biases)])


def unpack_parameters(flat: Array, units: Sequence[int]) -> tuple[list[Array], list[Array]]:
    """Return views of a flat vector (..., parameters), undoing `flatten`.

    Per layer: weights (..., fan_in, fan_out) and biases (..., fan_out).
    """
    weights, biases, start = [], [], 0
    for fan_in, fan_out in pairwise(units):
        part = flat[..., start : start + fan_in * fan_out]
        weights.append(part.reshape(*flat.shape[:-1], fan_in, fan_out))
        start += fan_in * fan_out
    for fan_out in units[1:]:
        biases.append(flat[..., start : start + fan_out])
        start += fan_out
    return weights, biases


# ------------------------------------------------------------------ the functions of a unit


class LayerBuffers(NamedTuple):
    """Memory for one layer: what its function needs beside its own values.

    values, slopes (networks, rows, units): A and D, which share memory where D can do without A.
    turned: a view of A, rows and units swapped.
    zeros: what the relu compares with; an array of them takes 3 us where the number 0 takes 4.
    spare: as values. mask: as values, of bool. column: (networks, rows, 1). keep: as values, what
    dropout multiplies them by; None without dropout.
    """

    values: Array
    turned: Array
    slopes: Array
    zeros: Array
    spare: Array
    mask: NDArray[np.bool_]
    column: Array
    keep: Array | None


def _activation_inplace(name: str, Z: Array, zeros: Array) -> None:
    """Turn Z into A = f(Z), in place."""
    if name == "relu":
        np.maximum(Z, zeros, out=Z)
    elif name == "tanh":
        np.tanh(Z, out=Z)
    elif name == "logistic":
        expit(Z, out=Z)  # scipy's; one written in numpy differs in 2 % of the values' last bits


def save_for_backward(name: str, room: LayerBuffers) -> None:
    """Keep what f'(Z) needs of A = f(Z), from which all slopes can be told: D may overwrite A."""
    A, spare = room.values, room.spare
    if name == "relu":
        # f' is 1 where A > 0, else 0
        np.greater(A, room.zeros, out=room.mask)
    elif name == "tanh":
        # tanh' = 1 - tanh^2
        np.multiply(A, A, out=spare)
        np.subtract(1, spare, out=spare)
    elif name == "logistic":
        # With a = 1 / (1 + exp(-z)): a' = exp(-z) / (1 + exp(-z))^2 = a (1 - a)
        np.subtract(1, A, out=spare)


def multiply_by_derivative(name: str, D: Array, room: LayerBuffers) -> None:
    """Turn D = dloss/dA into dloss/dZ = D f'(Z), in place, with what `_note_slope` has kept."""
    if name == "relu":
        # Mask and product take 11 us where `D[A == 0] = 0` takes 68.
        np.multiply(D, room.mask, out=D)
    elif name == "tanh":
        np.multiply(D, room.spare, out=D)
    elif name == "logistic":
        np.multiply(D, room.values, out=D)
        np.multiply(D, room.spare, out=D)


def _output_inplace(Z: Array, column: Array | None) -> None:
    """Turn the last layer into probabilities, in place.

    One unit: the logistic function. More: softmax, exp(z_k) / sum_j exp(z_j); the greatest z is
    taken from all of them first, which changes nothing but keeps exp from overflowing.
    """
    if Z.shape[-1] == 1:
        expit(Z, out=Z)
        return
    greatest = np.maximum.reduce(Z, axis=-1, keepdims=True, out=column)
    np.subtract(Z, greatest, out=Z)
    np.exp(Z, out=Z)
    total = np.add.reduce(Z, axis=-1, keepdims=True, out=column)
    np.divide(Z, total, out=Z)


# ------------------------------------------------------------------ forward and loss


def forward(
    X: Array,
    weights: Sequence[Array],
    biases: Sequence[Array],
    activation: str,
    rooms: Sequence[LayerBuffers] | None = None,
    *,
    dropout: bool = False,
) -> Array:
    """Return the probabilities of every network: (networks, rows, outputs), or without `networks`.

    X: (networks, rows, features). weights: per layer (networks, fan_in, fan_out). biases: per
    layer (networks, 1, fan_out). rooms: where each layer's values go; by default new memory.
    dropout: whether hidden units are multiplied by their room's keep.
    Two classes have one output, the probability of the second; else each row sums to 1.
    Source: notebook, section 0.2 ("forward pass"), with hidden layers: Z = A W + b, A = f(Z).
    """
    A, last = X, len(weights) - 1
    zero: Array = np.zeros((), dtype=X.dtype)
    for layer, (W, b) in enumerate(zip(weights, biases, strict=True)):
        room = rooms[layer] if rooms else None
        A = np.matmul(A, W, out=room.values if room else None)
        np.add(A, b, out=A)
        if layer < last:
            _activation_inplace(activation, A, room.zeros if room else zero)
            if dropout and room and room.keep is not None:
                np.multiply(A, room.keep, out=A)
        else:
            _output_inplace(A, room.column if room else None)
    return A


def log_likelihood_inplace(P: Array, targets: Array) -> None:
    """Replace probabilities by the log of what each row gave to its true class, in place.

    P, targets: (..., rows, outputs); targets is overwritten, too. With several outputs the true
    class's column holds the log, the others 0, so the sum over the columns is the row's.
    The cross-entropy of a row is -(y log(p) + (1 - y) log(1 - p)). As y is 0 or 1 one of the
    terms is 0 and the other -log(q) with q = |(1 - y) - p|: one logarithm instead of two.
    """
    eps = float(np.finfo(P.dtype).eps)
    np.maximum(P, eps, out=P)  # log(0) is infinite
    np.minimum(P, 1 - eps, out=P)
    if P.shape[-1] > 1:
        xlogy(targets, P, out=P)
        return
    np.subtract(1, targets, out=targets)
    np.subtract(targets, P, out=P)
    np.absolute(P, out=P)
    xlogy(1.0, P, out=P)  # scipy's logarithm: numpy's differs in last bits on some processors


def validation_loss(P: Array, held_out: ValidationSet) -> float:
    """Return the mean cross-entropy of (rows, outputs) probabilities in nats, without penalty."""
    P = P.copy()
    log_likelihood_inplace(P, held_out.targets.copy())
    return -float(np.average(P.sum(axis=1), weights=held_out.row_weights))


def validation_accuracy(P: Array, held_out: ValidationSet) -> float:
    """Return the share of the rows whose class is the most probable one."""
    if P.shape[1] == 1:
        right = (P[:, 0] > 0.5) == (held_out.targets[:, 0] > 0.5)
    else:
        right = P.argmax(axis=1) == held_out.targets.argmax(axis=1)
    return float(np.average(right, weights=held_out.row_weights))


def n_parameters(units: Sequence[int]) -> int:
    """Return how many weights and biases a network has."""
    return sum((fan_in + 1) * fan_out for fan_in, fan_out in pairwise(units))
