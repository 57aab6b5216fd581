"""A stack of dense networks that are trained side by side, in plain numpy.

It extends the notebook's network (`notebook/handmade.py`) to hidden layers, mini-batches, Adam and
many networks at once. In float64 its results equal scikit-learn's MLPClassifier bit for bit, so the
order of its numeric operations matters.

Every array has the axes (networks, rows, units). All parameters of a network lie in one flat
vector, first the weights of all layers, then all biases; the layers are views of it::

    layer_sizes = [11, 100, 50, 1]
    start = initial_state(init_parameters(layer_sizes, "relu", rng))
    job = TrainingJob(X, targets, HyperParameters(hidden_layer_sizes=(100, 50)), start, rng)
    [state] = train([job])
    weights, biases = unpack_parameters(state.parameters, layer_sizes)
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from winenet.network.layers import (
    Array,
    LayerBuffers,
    forward,
    log_likelihood_inplace,
    multiply_by_derivative,
    save_for_backward,
    unpack_parameters,
    validation_accuracy,
    validation_loss,
)
from winenet.network.training_job import TrainingJob, TrainingState

# Rows are permuted in blocks of this size: less memory than one copy of all rows.
BLOCK_BYTES = 4 * 2**20
# The unit in which a processor reads memory; data across two lines takes two accesses.
CACHE_LINE = 64
# Adding and subtracting it leaves float32 multiples of 6e-33; values below 1e-38 are slow.
SUBNORMAL_GUARD = np.float32(1e-25)


@dataclass
class StackSlot:
    """A network of a stack: its index among the jobs, its state and its random numbers.

    permutation: (rows,), the order of the rows; shuffled further in each epoch.
    dropout_rng: draws the dropout masks; None without dropout.
    """

    index: int
    job: TrainingJob
    state: TrainingState
    permutation: NDArray[np.intp]
    dropout_rng: np.random.Generator | None


class _Batch(NamedTuple):
    """Views of the rows of one batch, and of the sums that the loss needs.

    weight_sum: (networks, 1), the number of rows or the sum of their weights.
    squared_weights: (networks,), the sum of the squared weights when the batch was trained on.
    log_likelihood: (networks, outputs), summed over the rows.
    D_padded: (networks, rows, 2), D of a single output beside a column of zeros.
    """

    X: Array
    X_T: Array
    targets: Array
    P: Array
    sample_weight: Array | None
    weight_sum: Array
    squared_weights: Array
    log_likelihood: Array
    D_padded: Array
    buffers: list[LayerBuffers]


class _BatchGroup(NamedTuple):
    """The batches of one block of rows, with their sums side by side: (batches, networks, ...)."""

    batches: list[_Batch]
    n_rows: Array
    weight_sums: Array
    squared_weights: Array
    log_likelihoods: Array


class NetworkStack:
    """Networks of one shape, trained together.

    All memory is allocated once, here. Some arrays share it, because fewer bytes stay in a core's
    cache and are faster there:

    - weights, biases and the like are views of `parameters`; dW and db are views of `gradients`.
    - `penalty` is a view of `scratch`: the one is used for the gradient, the other in the optimizer
      step that follows.
    - In a hidden layer, D overwrites A where the derivative needs only what `save_for_backward`
      keeps (see `_make_buffers`).
    - The activations of the output layer are a view of `P`, which keeps the probabilities of all
      batches of a block until the loss is computed (see `_make_batches`).
    - `scratch`, `mask`, `row_scratch` and `zeros` are shared by all layers of a batch, and the
      buffers are shared by all batches of equal size.
    """

    def __init__(self, slots: list[StackSlot]) -> None:
        self.slots = slots
        jobs, states = [slot.job for slot in slots], [slot.state for slot in slots]
        self.hyperparameters, self.layer_sizes = jobs[0].hyperparameters, jobs[0].layer_sizes
        self._allocate_parameters(states, jobs[0].X.dtype)
        # Hyper-parameters that may differ within a stack: one number per network.
        self.alpha: Array = np.array([[job.hyperparameters.alpha] for job in jobs], jobs[0].X.dtype)
        self.learning_rates: Array = np.empty_like(self.alpha)
        self._allocate_rows(jobs)
        # A shorter last batch has buffers of its own, so that every array stays contiguous.
        self.buffers: dict[int, list[LayerBuffers]] = {}
        self.batch_groups = {
            n_rows: self._make_batches(n_rows)
            for n_rows in {stop - start for start, stop in self._block_bounds()}
        }
        if jobs[0].validation is not None:
            self.validation_buffers = self._make_buffers(len(jobs[0].validation.X))
            self.validation_X = np.stack([j.validation.X for j in jobs if j.validation is not None])

    def _allocate_parameters(self, states: Sequence[TrainingState], dtype: Any) -> None:
        """Copy the parameters and optimizer states, each (networks, parameters), and make views."""
        networks, adam = len(states), self.hyperparameters.solver == "adam"
        shape = (networks, states[0].parameters.size)
        self.parameters, self.gradients, self.scratch = (
            _aligned_zeros(shape, dtype) for _ in range(3)
        )
        np.stack([state.parameters for state in states], out=self.parameters)
        self.optimizer_state = _aligned_zeros((2 if adam else 1, *shape), dtype)
        for i, state in enumerate(states):
            if state.optimizer_state is not None:
                self.optimizer_state[:, i] = state.optimizer_state
        self.steps = states[0].steps

        self.weights, biases = unpack_parameters(self.parameters, self.layer_sizes)
        self.biases = [b[:, np.newaxis] for b in biases]
        self.weights_T = [W.swapaxes(1, 2) for W in self.weights]
        self.flat_weights = [W.reshape(networks, -1) for W in self.weights]
        self.dW, self.db = unpack_parameters(self.gradients, self.layer_sizes)
        # The penalty applies to the weights, which come first, and not to the biases.
        n_weights = sum(fan_in * fan_out for fan_in, fan_out in pairwise(self.layer_sizes))
        self.all_weights = self.parameters[:, :n_weights]
        self.all_dW = self.gradients[:, :n_weights]
        self.penalty = self.scratch[:, :n_weights]
        self.W_padded: Array = np.zeros((networks, 2, self.layer_sizes[-2]), dtype)
        self.layer_squares: Array = np.empty(networks, dtype)

    def _allocate_rows(self, jobs: Sequence[TrainingJob]) -> None:
        """Allocate one block of permuted rows: X, targets, P and sample_weight."""
        networks, dtype, (self.n_rows, features) = len(jobs), jobs[0].X.dtype, jobs[0].X.shape
        size = self.hyperparameters.batch_size
        batches = max(1, BLOCK_BYTES // (networks * size * features * dtype.itemsize))
        self.block_rows = min(batches * size, self.n_rows)
        # One array of all permutations; each slot shuffles its own row of it in place.
        self.permutations = np.stack([slot.permutation for slot in self.slots])
        for slot, permutation in zip(self.slots, self.permutations, strict=True):
            slot.permutation = permutation
        self.same_X = all(job.X is jobs[0].X for job in jobs)
        shape, outputs = (networks, self.block_rows), self.layer_sizes[-1]
        self.X = _aligned_zeros((*shape, features), dtype)
        self.targets, self.P = (_aligned_zeros((*shape, outputs), dtype) for _ in range(2))
        weighted = jobs[0].sample_weight is not None
        self.sample_weight = _aligned_zeros((*shape, 1), dtype) if weighted else None

    def _block_bounds(self) -> list[tuple[int, int]]:
        return _cut(self.n_rows, self.block_rows)

    def _make_batches(self, n_rows: int) -> _BatchGroup:
        """Return the batches of a block of n_rows rows, as views of X, targets, P and the sums."""
        networks, dtype = len(self.slots), self.X.dtype
        cuts = _cut(n_rows, self.hyperparameters.batch_size)
        batch_rows: Array = np.array([[[stop - start]] for start, stop in cuts], dtype)
        weight_sums = np.repeat(batch_rows, networks, axis=1)
        squared_weights: Array = np.empty((len(cuts), networks), dtype)
        log_likelihoods: Array = np.empty((len(cuts), networks, self.layer_sizes[-1]), dtype)
        batches = []
        for i, (start, stop) in enumerate(cuts):
            size, rows = stop - start, (slice(None), slice(start, stop))
            if size not in self.buffers:
                self.buffers[size] = self._make_buffers(size)
            *hidden, output = self.buffers[size]
            X, P = self.X[rows], self.P[rows]
            batches.append(
                _Batch(
                    X=X,
                    X_T=X.swapaxes(1, 2),
                    targets=self.targets[rows],
                    P=P,
                    sample_weight=None if self.sample_weight is None else self.sample_weight[rows],
                    weight_sum=weight_sums[i],
                    squared_weights=squared_weights[i],
                    log_likelihood=log_likelihoods[i],
                    D_padded=_aligned_zeros((networks, size, 2), dtype),
                    buffers=[*hidden, output._replace(activations=P)],
                )
            )
        return _BatchGroup(
            batches, batch_rows[:, :, 0], weight_sums[:, :, 0], squared_weights, log_likelihoods
        )

    def _make_buffers(self, n_rows: int) -> list[LayerBuffers]:
        """Return the buffers of each layer for batches of n_rows rows."""
        networks, dtype, widths = len(self.slots), self.X.dtype, self.layer_sizes[1:]
        # The layers use these one after the other, so each takes its part of the same memory.
        max_size = n_rows * max(widths)
        zeros = _aligned_zeros((max_size,), dtype)
        scratch = _aligned_zeros((networks * max_size,), dtype)
        mask = _aligned_zeros((networks * max_size,), np.bool_)
        row_scratch = _aligned_zeros((networks, n_rows, 1), dtype)
        buffers = []
        for layer, width in enumerate(widths, 1):
            shape = (networks, n_rows, width)
            part, hidden = slice(math.prod(shape)), layer < len(widths)
            activations = _aligned_zeros(shape, dtype)
            # D may not overwrite A in the output layer, as the loss still needs P, nor with the
            # logistic function, whose derivative needs A and D at the same time.
            separate = not hidden or self.hyperparameters.activation == "logistic"
            dropout = hidden and self.hyperparameters.dropout > 0
            buffers.append(
                LayerBuffers(
                    activations=activations,
                    activations_T=activations.swapaxes(1, 2),
                    deltas=_aligned_zeros(shape, dtype) if separate else activations,
                    zeros=zeros[: n_rows * width].reshape(1, n_rows, width),
                    scratch=scratch[part].reshape(shape),
                    mask=mask[part].reshape(shape),
                    row_scratch=row_scratch,
                    dropout_mask=_aligned_zeros(shape, dtype) if dropout else None,
                )
            )
        return buffers

    # ---- one epoch

    def run_epoch(self) -> list[float]:
        """Take one step per batch; return each network's mean loss over the epoch, in nats."""
        for i, slot in enumerate(self.slots):
            if slot.job.hyperparameters.shuffle:
                slot.job.rng.shuffle(slot.permutation)  # on top of the earlier epochs' shuffles
            self.learning_rates[i] = slot.state.learning_rate
        total: Array = np.zeros(len(self.slots), self.X.dtype)
        for start, stop in self._block_bounds():
            self._gather_rows(start, stop)
            group = self.batch_groups[stop - start]
            for batch in group.batches:
                self.backward(batch)
                self._sum_squared_weights(batch.squared_weights)
                self._optimizer_step()
            total = self._add_losses(group, stop - start, total)
        return [float(loss) for loss in total / self.n_rows]

    def _gather_rows(self, start: int, stop: int) -> None:
        """Copy a block of rows in the epoch's order, so that a batch is a slice of it."""
        n, rows = stop - start, self.permutations[:, start:stop]
        # With mode="clip" take needs no temporary buffer; no index is out of range.
        if self.same_X:  # one call for all networks saves a tenth of a small network's time
            np.take(self.slots[0].job.X, rows, axis=0, out=self.X[:, :n], mode="clip")
        for i, slot in enumerate(self.slots):
            job = slot.job
            if not self.same_X:
                np.take(job.X, rows[i], axis=0, out=self.X[i, :n], mode="clip")
            np.take(job.targets, rows[i], axis=0, out=self.targets[i, :n], mode="clip")
            if self.sample_weight is not None and job.sample_weight is not None:
                np.take(job.sample_weight, rows[i], out=self.sample_weight[i, :n, 0], mode="clip")

    def backward(self, batch: _Batch) -> None:
        """Write the gradient of one batch's loss into `gradients`.

        The loss is the mean cross-entropy plus alpha / (2 rows) times the squared weights.
        For both kinds of output, dloss/dZ of the last layer is p - y:
        logistic: -(y / p - (1 - y) / (1 - p)) p (1 - p) = p - y, as in handmade.backward;
        softmax: dp_j/dz_k = p_j (1[j = k] - p_k), so -sum_j y_j / p_j dp_j/dz_k = p_k - y_k.
        Backwards from there, with Z = A W + b: dloss/dW = A' D, dloss/db is the sum of D over the
        rows, and dloss/dA = D W', which f'(Z) turns into the D of the layer before.
        """
        hp, dropout = self.hyperparameters, self.hyperparameters.dropout > 0
        if dropout:
            self._sample_dropout_masks(batch)
        forward(batch.X, self.weights, self.biases, hp.activation, batch.buffers, dropout=dropout)
        D = batch.buffers[-1].deltas
        np.subtract(batch.P, batch.targets, out=D)
        if batch.sample_weight is not None:
            np.multiply(D, batch.sample_weight, out=D)
            np.add.reduce(batch.sample_weight, axis=1, out=batch.weight_sum)
            # If all weights of a batch are zero, divide by infinity to make its gradient zero.
            batch.weight_sum[batch.weight_sum == 0] = np.inf
        for layer in reversed(range(len(self.weights))):
            A_T = batch.buffers[layer - 1].activations_T if layer else batch.X_T
            np.matmul(A_T, D, out=self.dW[layer])
            np.add.reduce(D, axis=1, out=self.db[layer])
            if layer:
                buffer, W_T = batch.buffers[layer - 1], self.weights_T[layer]
                if dropout:  # undo the scaling: f(Z) again, except where it was dropped
                    np.multiply(buffer.activations, 1 - hp.dropout, out=buffer.activations)
                save_for_backward(hp.activation, buffer)
                if D.shape[2] == 1:
                    # An outer product. BLAS is fastest with a second column, of zeros: 4 us, where
                    # np.multiply takes 16 and np.matmul 25.
                    np.copyto(batch.D_padded[:, :, :1], D)
                    np.copyto(self.W_padded[:, :1], W_T)
                    D, W_T = batch.D_padded, self.W_padded
                np.matmul(D, W_T, out=buffer.deltas)
                D = buffer.deltas
                if buffer.dropout_mask is not None:
                    np.multiply(D, buffer.dropout_mask, out=D)
                multiply_by_derivative(hp.activation, D, buffer)
        # d/dW of alpha / (2 rows) |W|^2 is alpha W / rows; one division serves both terms.
        np.multiply(self.all_weights, self.alpha, out=self.penalty)
        np.add(self.all_dW, self.penalty, out=self.all_dW)
        np.divide(self.gradients, batch.weight_sum, out=self.gradients)

    def _sample_dropout_masks(self, batch: _Batch) -> None:
        """Draw each hidden layer's dropout mask, each network from its own generator.

        The units that are kept are multiplied by 1 / (1 - dropout): the expected sum over the units
        stays the same, and prediction needs no correction.

        References: Srivastava et al., "Dropout", JMLR 2014.
        """
        dropout = self.hyperparameters.dropout
        for buffer in batch.buffers[:-1]:
            if buffer.dropout_mask is not None:
                for i, slot in enumerate(self.slots):
                    if slot.dropout_rng is not None:
                        slot.dropout_rng.random(
                            out=buffer.dropout_mask[i], dtype=buffer.dropout_mask.dtype
                        )
                np.greater_equal(buffer.dropout_mask, dropout, out=buffer.mask)
                np.multiply(buffer.mask, 1 / (1 - dropout), out=buffer.dropout_mask)

    def _sum_squared_weights(self, out: Array) -> None:
        """Write the sum of the squared weights of each network to `out`, (networks,)."""
        np.vecdot(self.flat_weights[0], self.flat_weights[0], out=out)
        for W in self.flat_weights[1:]:
            np.vecdot(W, W, out=self.layer_squares)
            np.add(out, self.layer_squares, out=out)

    def _add_losses(self, group: _BatchGroup, n_rows: int, total: Array) -> Array:
        """Return total (networks,) plus rows * loss of each batch, from the stored probabilities.

        One logarithm of a whole block costs less than one per batch; the sums are still per batch.
        """
        P = self.P[:, :n_rows]
        log_likelihood_inplace(P, self.targets[:, :n_rows])
        if self.sample_weight is not None:
            np.multiply(P, self.sample_weight[:, :n_rows], out=P)
        for batch in group.batches:
            np.add.reduce(batch.P, axis=1, out=batch.log_likelihood)
        mean = np.add.reduce(group.log_likelihoods / group.weight_sums[:, :, np.newaxis], axis=2)
        penalty = 0.5 * self.alpha[:, 0] * group.squared_weights / group.weight_sums
        loss = (penalty - mean) * group.n_rows
        # A running sum from the first batch to the last, as in scikit-learn; np.sum adds pairwise.
        return np.asarray(np.add.accumulate(np.vstack([total, loss]))[-1])

    # ---- optimizers

    def _optimizer_step(self) -> None:
        """Update all parameters of all networks; about a dozen operations on one array."""
        if self.hyperparameters.solver == "adam":
            self._adam()
        else:
            self._sgd()

    def _adam(self) -> None:
        """Take a step of Adam, -rate m / (sqrt(v) + epsilon).

        m and v are running means of the gradient and of its square. Both start at 0, so after t
        steps they are too small by the factors 1 - beta^t. The learning rate corrects this: rate =
        learning_rate_init sqrt(1 - beta_2^t) / (1 - beta_1^t).

        References: Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2014.
        """
        hp, g, (m, v) = self.hyperparameters, self.gradients, self.optimizer_state
        self.steps += 1
        np.multiply(m, hp.beta_1, out=m)
        np.multiply(g, 1 - hp.beta_1, out=self.scratch)
        np.add(m, self.scratch, out=m)
        np.multiply(v, hp.beta_2, out=v)
        np.multiply(g, g, out=g)
        np.multiply(g, 1 - hp.beta_2, out=g)
        np.add(v, g, out=v)
        _flush_subnormals(self.optimizer_state)
        correction = math.sqrt(1 - hp.beta_2**self.steps)
        rate = self.learning_rates * correction / (1 - hp.beta_1**self.steps)
        np.sqrt(v, out=self.scratch)
        np.add(self.scratch, hp.epsilon, out=self.scratch)
        np.multiply(m, -rate, out=g)
        np.divide(g, self.scratch, out=g)
        np.add(self.parameters, g, out=self.parameters)

    def _sgd(self) -> None:
        """Take a step of gradient descent with momentum.

        The velocity is updated by u = momentum u - rate g, and the step is u. Nesterov's variant
        looks ahead: the step is momentum u - rate g with the new u. With momentum 0 it is the
        notebook's gradient descent, handmade.grad_desc.
        """
        hp, g, u = self.hyperparameters, self.gradients, self.optimizer_state[0]
        self.steps += 1
        np.multiply(g, self.learning_rates, out=g)
        np.multiply(u, hp.momentum, out=u)
        np.subtract(u, g, out=u)
        _flush_subnormals(u)
        if hp.nesterovs_momentum:
            np.multiply(u, hp.momentum, out=self.scratch)
            np.subtract(self.scratch, g, out=g)
            np.add(self.parameters, g, out=self.parameters)
        else:
            np.add(self.parameters, u, out=self.parameters)

    # ---- between epochs

    def score_validation(self) -> None:
        """Record loss and accuracy on each network's validation rows, if it has any."""
        if self.slots[0].job.validation is None:
            return
        activation = self.hyperparameters.activation
        P = forward(
            self.validation_X, self.weights, self.biases, activation, self.validation_buffers
        )
        for i, slot in enumerate(self.slots):
            if slot.job.validation is not None:
                slot.state.validation_losses.append(validation_loss(P[i], slot.job.validation))
                slot.state.validation_scores.append(validation_accuracy(P[i], slot.job.validation))

    def expose_parameters(self) -> None:
        """Let each state's parameters be a view of the stack's."""
        for i, slot in enumerate(self.slots):
            slot.state.parameters = self.parameters[i]

    def copy_state_back(self) -> None:
        """Give each state its own copy of its parameters and optimizer state."""
        for i, slot in enumerate(self.slots):
            slot.state.parameters = self.parameters[i].copy()
            slot.state.optimizer_state = self.optimizer_state[:, i].copy()
            slot.state.steps = self.steps


def _cut(n_rows: int, size: int) -> list[tuple[int, int]]:
    """Return (start, stop) of each piece of `size` rows; the last one may be shorter."""
    return [(start, min(start + size, n_rows)) for start in range(0, n_rows, size)]


def _flush_subnormals(optimizer_state: Array) -> None:
    """Flush float32 values below about 1e-32, so that they never become subnormal.

    The optimizer state of a dead unit shrinks by the factor beta in each step until it is
    subnormal. A product with such a number takes a processor a hundred times as long, the whole
    epoch eight times. In float64 that would begin after thousands of epochs only.
    """
    if optimizer_state.dtype == np.float32:
        np.add(optimizer_state, SUBNORMAL_GUARD, out=optimizer_state)
        np.subtract(optimizer_state, SUBNORMAL_GUARD, out=optimizer_state)


def _aligned_zeros(shape: tuple[int, ...], dtype: DTypeLike) -> Any:
    """Return zeros that begin at a cache line, where some of numpy's loops take half the time."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.zeros(size + CACHE_LINE, np.uint8)
    start = -memory.ctypes.data % CACHE_LINE
    return memory[start : start + size].view(dtype).reshape(shape)
