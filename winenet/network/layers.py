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
    sample_weight: Array | None = None


# ------------------------------------------------------------------ parameters


def init_parameters(
    layer_sizes: Sequence[int], activation: str, rng: np.random.RandomState
) -> Array:
    """Draw initial parameters as scikit-learn does (Glorot initialization).

    The bound sqrt(6 / (fan_in + fan_out)), with 2 in place of 6 for the logistic function, keeps
    the variance of the signal about the same from layer to layer.

    Parameters
    ----------
    layer_sizes : sequence of int
        Number of features, of units of each hidden layer, and of outputs.
    activation : str
        Activation function of the hidden layers.
    rng : RandomState
        Source of the uniform draws.

    Returns
    -------
    ndarray of shape (parameters,)

    References
    ----------
    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks",
    AISTATS 2010.
    """
    weights, biases = [], []
    for fan_in, fan_out in pairwise(layer_sizes):
        bound = np.sqrt((2.0 if activation == "logistic" else 6.0) / (fan_in + fan_out))
        weights.append(rng.uniform(-bound, bound, (fan_in, fan_out)))
        biases.append(rng.uniform(-bound, bound, fan_out))
    return pack_parameters(weights, biases)


def pack_parameters(weights: Sequence[Array], biases: Sequence[Array]) -> Array:
    """Concatenate all weights (fan_in, fan_out), then all biases (fan_out,), into one vector."""
    return np.concatenate([layer.ravel() for layer in (*weights, *biases)])


def unpack_parameters(flat: Array, layer_sizes: Sequence[int]) -> tuple[list[Array], list[Array]]:
    """Return the weights and biases of each layer as views of `flat`.

    The inverse of `pack_parameters`. Leading axes are kept: `flat` has shape (..., parameters),
    weights have (..., fan_in, fan_out) and biases (..., fan_out).
    """
    weights, biases, start = [], [], 0
    for fan_in, fan_out in pairwise(layer_sizes):
        part = flat[..., start : start + fan_in * fan_out]
        weights.append(part.reshape(*flat.shape[:-1], fan_in, fan_out))
        start += fan_in * fan_out
    for fan_out in layer_sizes[1:]:
        biases.append(flat[..., start : start + fan_out])
        start += fan_out
    return weights, biases


def n_parameters(layer_sizes: Sequence[int]) -> int:
    """Return the number of weights and biases of a network."""
    return sum((fan_in + 1) * fan_out for fan_in, fan_out in pairwise(layer_sizes))


# ------------------------------------------------------------------ activation functions


class LayerBuffers(NamedTuple):
    """Preallocated arrays of one layer, for a batch of fixed size.

    activations, deltas : A and D = dloss/dZ, each (networks, rows, units). They are the same memory
        where D may overwrite A.
    activations_T : view of `activations` with rows and units swapped.
    zeros : (1, rows, units), what relu compares with; comparing with an array takes 3 us, with the
        scalar 0 it takes 4.
    scratch, mask : shaped like `activations`, of float and bool; shared by all layers.
    row_scratch : (networks, rows, 1); shared by all layers.
    dropout_mask : shaped like `activations`, the factors of dropout; None without dropout.
    """

    activations: Array
    activations_T: Array
    deltas: Array
    zeros: Array
    scratch: Array
    mask: NDArray[np.bool_]
    row_scratch: Array
    dropout_mask: Array | None


def _activation_inplace(activation: str, Z: Array, zeros: Array) -> None:
    """Replace Z by A = f(Z)."""
    if activation == "relu":
        np.maximum(Z, zeros, out=Z)
    elif activation == "tanh":
        np.tanh(Z, out=Z)
    elif activation == "logistic":
        expit(Z, out=Z)  # scipy's; one written in numpy differs in 2 % of the values' last bits


def save_for_backward(activation: str, buffer: LayerBuffers) -> None:
    """Save what f'(Z) needs from A = f(Z), so that D may then overwrite A."""
    A, scratch = buffer.activations, buffer.scratch
    if activation == "relu":
        # f' is 1 where A > 0, else 0
        np.greater(A, buffer.zeros, out=buffer.mask)
    elif activation == "tanh":
        # tanh' = 1 - tanh^2
        np.multiply(A, A, out=scratch)
        np.subtract(1, scratch, out=scratch)
    elif activation == "logistic":
        # With a = 1 / (1 + exp(-z)): a' = exp(-z) / (1 + exp(-z))^2 = a (1 - a)
        np.subtract(1, A, out=scratch)


def multiply_by_derivative(activation: str, D: Array, buffer: LayerBuffers) -> None:
    """Replace D = dloss/dA by dloss/dZ = D f'(Z), using what `save_for_backward` saved."""
    if activation == "relu":
        # Mask and product take 11 us, `D[A == 0] = 0` takes 68.
        np.multiply(D, buffer.mask, out=D)
    elif activation == "tanh":
        np.multiply(D, buffer.scratch, out=D)
    elif activation == "logistic":
        np.multiply(D, buffer.activations, out=D)
        np.multiply(D, buffer.scratch, out=D)


def _output_inplace(Z: Array, row_scratch: Array | None) -> None:
    """Replace the last layer's Z by probabilities.

    One output: the logistic function. Several: softmax, exp(z_k) / sum_j exp(z_j); subtracting the
    greatest z first changes nothing but keeps exp from overflowing.
    """
    if Z.shape[-1] == 1:
        expit(Z, out=Z)
        return
    greatest = np.maximum.reduce(Z, axis=-1, keepdims=True, out=row_scratch)
    np.subtract(Z, greatest, out=Z)
    np.exp(Z, out=Z)
    total = np.add.reduce(Z, axis=-1, keepdims=True, out=row_scratch)
    np.divide(Z, total, out=Z)


# ------------------------------------------------------------------ forward pass and loss


def forward(
    X: Array,
    weights: Sequence[Array],
    biases: Sequence[Array],
    activation: str,
    buffers: Sequence[LayerBuffers] | None = None,
    *,
    dropout: bool = False,
) -> Array:
    """Compute the probabilities of one network, or of every network of a stack.

    Each layer computes Z = A W + b and A = f(Z), as section 0.2 of the notebook ("forward pass")
    does without hidden layers.

    Parameters
    ----------
    X : ndarray of shape (rows, features) or (networks, rows, features)
    weights : list of ndarray of shape (fan_in, fan_out) or (networks, fan_in, fan_out)
    biases : list of ndarray of shape (fan_out,) or (networks, 1, fan_out)
    activation : str
        Activation function of the hidden layers.
    buffers : list of LayerBuffers, optional
        Where each layer's activations are written; by default, new arrays.
    dropout : bool
        Whether to multiply the hidden layers by their `dropout_mask`.

    Returns
    -------
    ndarray of shape (..., rows, outputs)
        For two classes, one output: the probability of the second class. Otherwise one output per
        class; each row sums to 1.
    """
    A, last = X, len(weights) - 1
    zero: Array = np.zeros((), dtype=X.dtype)
    for layer, (W, b) in enumerate(zip(weights, biases, strict=True)):
        buffer = buffers[layer] if buffers else None
        A = np.matmul(A, W, out=buffer.activations if buffer else None)
        np.add(A, b, out=A)
        if layer < last:
            _activation_inplace(activation, A, buffer.zeros if buffer else zero)
            if dropout and buffer and buffer.dropout_mask is not None:
                np.multiply(A, buffer.dropout_mask, out=A)
        else:
            _output_inplace(A, buffer.row_scratch if buffer else None)
    return A


def log_likelihood_inplace(P: Array, targets: Array) -> None:
    """Replace the probabilities P by the log-likelihood of each row's true class.

    P and targets have shape (..., rows, outputs); targets is overwritten, too. With several
    outputs, the column of the true class holds the logarithm and the others 0, so the sum over the
    columns is the log-likelihood of the row.

    The cross-entropy of a row is -(y log(p) + (1 - y) log(1 - p)). As y is 0 or 1, one of the
    terms is 0 and the other is -log(q) with q = |(1 - y) - p|: one logarithm instead of two.
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


def validation_loss(P: Array, validation: ValidationSet) -> float:
    """Return the mean cross-entropy in nats of probabilities (rows, outputs), without penalty."""
    P = P.copy()
    log_likelihood_inplace(P, validation.targets.copy())
    return -float(np.average(P.sum(axis=1), weights=validation.sample_weight))


def validation_accuracy(P: Array, validation: ValidationSet) -> float:
    """Return the fraction of rows whose true class is the most probable one."""
    if P.shape[1] == 1:
        correct = (P[:, 0] > 0.5) == (validation.targets[:, 0] > 0.5)
    else:
        correct = P.argmax(axis=1) == validation.targets.argmax(axis=1)
    return float(np.average(correct, weights=validation.sample_weight))
