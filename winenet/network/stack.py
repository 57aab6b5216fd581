"""A stack of dense networks that are trained side by side, in plain numpy.

It carries `handmade.py` on to hidden layers, mini-batches, Adam and many networks at once, and in
float64 it makes the same numbers as scikit-learn's MLPClassifier, bit for bit.

Every array of a stack has the axes (networks, rows, units). All parameters of a network lie in one
flat vector, the weights of all layers first, then all biases; layers are views into it.

    start = draw_start([11, 100, 50, 1], "relu", rng)
    job = Job(X, targets, Settings(hidden_layer_sizes=(100, 50)), fresh_run(start), rng)
    [run] = train([job])
    weights, biases = layers(run.parameters, [11, 100, 50, 1])
"""

import math
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

# Rows are permuted in pieces of this many bytes a stack: less memory than one copy an epoch.
BLOCK_BYTES = 4 * 2**20
# A processor reads memory in such pieces; what lies across two of them takes two accesses.
CACHE_LINE = 64
# Added and taken away again, it leaves float32 multiples of 6e-33; those below 1e-38 are slow.
SUBNORMAL_GUARD = np.float32(1e-25)


# ------------------------------------------------------------------ the stack


@dataclass
class StackSlot:
    """A network of a stack: its place among the jobs, and its streams.

    order: (rows,), the order of its rows. units: what dropout chooses units from.
    """

    index: int
    job: TrainingJob
    run: TrainingState
    order: NDArray[np.intp]
    units: np.random.Generator | None


class _Batch(NamedTuple):
    """Views of the rows of one step, and where its sums go.

    divisor: (networks, 1), how many rows there are, or the sum of their weights.
    squares: (networks,), the squared weights as the batch saw them. log_sum: (networks, outputs).
    D_padded: (networks, rows, 2), D of a single output unit beside a column of zeros.
    """

    X: Array
    X_turned: Array
    targets: Array
    P: Array
    row_weights: Array | None
    divisor: Array
    squares: Array
    log_sum: Array
    D_padded: Array
    rooms: list[LayerBuffers]


class _BatchGroup(NamedTuple):
    """Batches that are gathered together; their sums side by side, (batches, networks, ...)."""

    batches: list[_Batch]
    rows: Array
    divisors: Array
    squares: Array
    log_sums: Array


class NetworkStack:
    """Networks of one shape. Its memory is made once; an epoch works in it and makes none.

    parameters, gradients: (networks, parameters). X, targets, P, row_weights: a block of rows in
    the epoch's order, (networks, rows, features or outputs or 1).
    """

    def __init__(self, members: list[StackSlot]) -> None:
        self.members = members
        jobs, runs = [m.job for m in members], [m.run for m in members]
        self.settings = jobs[0].settings
        self.units = jobs[0].units
        networks, dtype = len(members), jobs[0].X.dtype
        self.rows, features = jobs[0].X.shape
        outputs = self.units[-1]

        shape = (networks, runs[0].parameters.size)
        self.parameters, self.gradients, self.spare = (
            _aligned_zeros(shape, dtype) for _ in range(3)
        )
        np.stack([run.parameters for run in runs], out=self.parameters)
        self.moments = _aligned_zeros((2 if self.settings.solver == "adam" else 1, *shape), dtype)
        for i, run in enumerate(runs):
            if run.moments is not None:
                self.moments[:, i] = run.moments
        self.steps = runs[0].steps
        self.weights, biases = unpack_parameters(self.parameters, self.units)
        self.biases = [b[:, np.newaxis] for b in biases]
        self.turned = [W.swapaxes(1, 2) for W in self.weights]
        self.dW, self.db = unpack_parameters(self.gradients, self.units)
        self.W_padded: Array = np.zeros((networks, 2, self.units[-2]), dtype)
        n_weights = sum(fan_in * fan_out for fan_in, fan_out in pairwise(self.units))
        # The penalty concerns the weights, which come first, and not the biases.
        self.all_weights = self.parameters[:, :n_weights]
        self.all_dW = self.gradients[:, :n_weights]
        self.penalty = self.spare[:, :n_weights]
        self.flat_weights = [W.reshape(networks, -1) for W in self.weights]
        # Settings that differ within the stack are columns: one number a network.
        self.alpha: Array = np.array([[job.settings.alpha] for job in jobs], dtype)
        self.rate: Array = np.empty((networks, 1), dtype)

        size = self.settings.batch_size
        per_block = max(1, BLOCK_BYTES // (networks * size * features * dtype.itemsize)) * size
        self.block_rows = min(per_block, self.rows)
        self.orders = np.stack([member.order for member in members])
        for member, order in zip(members, self.orders, strict=True):
            member.order = order
        self.same_X = all(job.X is jobs[0].X for job in jobs)
        block = (networks, self.block_rows)
        self.X = _aligned_zeros((*block, features), dtype)
        self.targets, self.P = (_aligned_zeros((*block, outputs), dtype) for _ in range(2))
        weighted = jobs[0].row_weights is not None
        self.row_weights = _aligned_zeros((*block, 1), dtype) if weighted else None
        # A short last batch has memory of its own, so that every array stays in one piece.
        self.rooms: dict[int, list[LayerBuffers]] = {}
        self.blocks = {
            rows: self._block(rows)
            for rows in {min(self.block_rows, self.rows - a) for a in self._block_starts()}
        }
        self.layer_squares: Array = np.empty(networks, dtype)
        held_out = jobs[0].held_out
        if held_out is not None:
            self.held_out_rooms = self._rooms(len(held_out.X))
            self.held_out_X = np.stack([j.held_out.X for j in jobs if j.held_out is not None])

    def _block_starts(self) -> range:
        return range(0, self.rows, self.block_rows)

    def _block(self, rows: int) -> _BatchGroup:
        size, networks, dtype = self.settings.batch_size, len(self.members), self.X.dtype
        cuts = [(start, min(start + size, rows)) for start in range(0, rows, size)]
        in_batch: Array = np.array([[[stop - start]] for start, stop in cuts], dtype)
        divisors = np.repeat(in_batch, networks, axis=1)
        squares: Array = np.empty((len(cuts), networks), dtype)
        log_sums: Array = np.empty((len(cuts), networks, self.units[-1]), dtype)
        batches = []
        for b, (start, stop) in enumerate(cuts):
            if stop - start not in self.rooms:
                self.rooms[stop - start] = self._rooms(stop - start)
            rooms, part = self.rooms[stop - start], (slice(None), slice(start, stop))
            X, P = self.X[part], self.P[part]
            weights = None if self.row_weights is None else self.row_weights[part]
            sums = (divisors[b], squares[b], log_sums[b])
            rooms = [*rooms[:-1], rooms[-1]._replace(values=P)]
            padded = _aligned_zeros((networks, stop - start, 2), dtype)
            views = (X, X.swapaxes(1, 2), self.targets[part], P, weights)
            batches.append(_Batch(*views, *sums, padded, rooms))
        return _BatchGroup(batches, in_batch[:, :, 0], divisors[:, :, 0], squares, log_sums)

    def _rooms(self, rows: int) -> list[LayerBuffers]:
        """Return the memory of each layer for batches of so many rows."""
        networks, dtype, widths = len(self.members), self.X.dtype, self.units[1:]
        # The layers use these one after the other, so they share them: less to keep in the cache.
        zeros, most = _aligned_zeros((rows * max(widths),), dtype), (networks * rows * max(widths),)
        spare, mask = _aligned_zeros(most, dtype), _aligned_zeros(most, np.bool_)
        column = _aligned_zeros((networks, rows, 1), dtype)
        rooms = []
        for layer, width in enumerate(widths, 1):
            shape = (networks, rows, width)
            values, part = _aligned_zeros(shape, dtype), slice(math.prod(shape))
            hidden = layer < len(widths)
            # The loss still needs the output, and the logistic function's slope both A and D.
            apart = not hidden or self.settings.activation == "logistic"
            rooms.append(
                LayerBuffers(
                    values,
                    values.swapaxes(1, 2),
                    _aligned_zeros(shape, dtype) if apart else values,
                    zeros[: rows * width].reshape(1, rows, width),
                    spare[part].reshape(shape),
                    mask[part].reshape(shape),
                    column,
                    _aligned_zeros(shape, dtype) if self.settings.dropout and hidden else None,
                )
            )
        return rooms

    # ---- one epoch

    def epoch(self) -> list[float]:
        """Take one step a batch; return each network's loss, averaged over the epoch, in nats."""
        for i, member in enumerate(self.members):
            if member.job.settings.shuffle:
                member.job.rng.shuffle(member.order)  # what it did in earlier epochs stays
            self.rate[i] = member.run.learning_rate
        total: Array = np.zeros(len(self.members), self.X.dtype)
        for start in self._block_starts():
            stop = min(start + self.block_rows, self.rows)
            self._gather(start, stop)
            block = self.blocks[stop - start]
            for batch in block.batches:
                self.backward(batch)
                self._sum_of_squares(batch.squares)
                self._step()
            total = self._add_losses(block, stop - start, total)
        return [float(loss) for loss in total / self.rows]

    def _gather(self, start: int, stop: int) -> None:
        """Copy the block's rows in the epoch's order; a batch is then a slice, not a search."""
        n, rows = stop - start, self.orders[:, start:stop]
        # mode="clip" spares take a buffer of its own; no index is out of range.
        if self.same_X:  # one call for all, a tenth of a small network's time
            np.take(self.members[0].job.X, rows, axis=0, out=self.X[:, :n], mode="clip")
        for i, member in enumerate(self.members):
            job = member.job
            if not self.same_X:
                np.take(job.X, rows[i], axis=0, out=self.X[i, :n], mode="clip")
            np.take(job.targets, rows[i], axis=0, out=self.targets[i, :n], mode="clip")
            if self.row_weights is not None and job.row_weights is not None:
                np.take(job.row_weights, rows[i], out=self.row_weights[i, :n, 0], mode="clip")

    def backward(self, batch: _Batch) -> None:
        """Write the gradient of the loss of one batch into `gradients`.

        The loss is the mean cross-entropy plus alpha / (2 rows) times the squared weights.
        For both outputs, with the cross-entropy, dloss/dZ of the last layer is p - y:
        logistic: -(y / p - (1 - y) / (1 - p)) p (1 - p) = p - y, as in handmade.backward;
        softmax: dp_j/dz_k = p_j (1[j = k] - p_k), so -sum_j y_j / p_j dp_j/dz_k = p_k - y_k.
        From there back, with Z = A W + b: dloss/dW = A' D, dloss/db = the rows' sum of D, and
        dloss/dA = D W', which the slope of the layer before turns into its own D.
        """
        s, dropout = self.settings, self.settings.dropout > 0
        if dropout:
            self._choose_units(batch)
        forward(batch.X, self.weights, self.biases, s.activation, batch.rooms, dropout=dropout)
        D = batch.rooms[-1].slopes
        np.subtract(batch.P, batch.targets, out=D)
        if batch.row_weights is not None:
            np.multiply(D, batch.row_weights, out=D)
            np.add.reduce(batch.row_weights, axis=1, out=batch.divisor)
            # Rows that all weigh nothing say nothing: x / infinity makes their gradient zero.
            batch.divisor[batch.divisor == 0] = np.inf
        for layer in reversed(range(len(self.weights))):
            A_turned = batch.rooms[layer - 1].turned if layer else batch.X_turned
            np.matmul(A_turned, D, out=self.dW[layer])
            np.add.reduce(D, axis=1, out=self.db[layer])
            if layer:
                room, W_turned = batch.rooms[layer - 1], self.turned[layer]
                if dropout:  # back to f(Z), where it was not made 0
                    np.multiply(room.values, 1 - s.dropout, out=room.values)
                save_for_backward(s.activation, room)
                if D.shape[2] == 1:
                    # An outer product; two columns, one of zeros, are what BLAS is quick at: 4 us
                    # where np.multiply takes 16 and np.matmul 25.
                    np.copyto(batch.D_padded[:, :, :1], D)
                    np.copyto(self.W_padded[:, :1], W_turned)
                    D, W_turned = batch.D_padded, self.W_padded
                np.matmul(D, W_turned, out=room.slopes)
                D = room.slopes
                if room.keep is not None:
                    np.multiply(D, room.keep, out=D)
                multiply_by_derivative(s.activation, D, room)
        # d/dW of alpha / (2 rows) |W|^2 is alpha W / rows; the division serves both terms.
        np.multiply(self.all_weights, self.alpha, out=self.penalty)
        np.add(self.all_dW, self.penalty, out=self.all_dW)
        np.divide(self.gradients, batch.divisor, out=self.gradients)

    def _choose_units(self, batch: _Batch) -> None:
        """Draw for each row and hidden unit whether it is kept, each network from its own stream.

        What is kept counts 1 / (1 - dropout) times, so that the sum over the units stays the same
        on average and nothing has to be done when predicting. Source: Srivastava et al., 2014.
        """
        share = self.settings.dropout
        for room in batch.rooms[:-1]:
            if room.keep is not None:
                for i, member in enumerate(self.members):
                    if member.units is not None:
                        member.units.random(out=room.keep[i], dtype=room.keep.dtype)
                np.greater_equal(room.keep, share, out=room.mask)
                np.multiply(room.mask, 1 / (1 - share), out=room.keep)

    def _sum_of_squares(self, out: Array) -> None:
        """Sum the squared weights of each network as the batch saw them: (networks,)."""
        np.vecdot(self.flat_weights[0], self.flat_weights[0], out=out)
        for W in self.flat_weights[1:]:
            np.vecdot(W, W, out=self.layer_squares)
            np.add(out, self.layer_squares, out=out)

    def _add_losses(self, block: _BatchGroup, rows: int, total: Array) -> Array:
        """Return total (networks,) plus rows * loss of each batch, from the stored probabilities.

        One logarithm of a whole block costs less than one a batch; the sums stay the batches'.
        """
        P = self.P[:, :rows]
        log_likelihood_inplace(P, self.targets[:, :rows])
        if self.row_weights is not None:
            np.multiply(P, self.row_weights[:, :rows], out=P)
        for batch in block.batches:
            np.add.reduce(batch.P, axis=1, out=batch.log_sum)
        mean = np.add.reduce(block.log_sums / block.divisors[:, :, np.newaxis], axis=2)
        penalty = 0.5 * self.alpha[:, 0] * block.squares / block.divisors
        loss = (penalty - mean) * block.rows
        # A running sum from the first batch to the last, as scikit-learn adds; sum would pair.
        return np.asarray(np.add.accumulate(np.vstack([total, loss]))[-1])

    # ---- the solvers

    def _step(self) -> None:
        """Move all parameters of all networks once; a dozen operations on one array."""
        if self.settings.solver == "adam":
            self._adam()
        else:
            self._sgd()

    def _adam(self) -> None:
        """Take Adam's step, -rate m / (sqrt(v) + epsilon).

        m and v are running means of the gradient and of its square. Both start at 0, so after t
        steps they are short by the factors 1 - beta^t, which the rate makes good: rate =
        learning_rate_init sqrt(1 - beta_2^t) / (1 - beta_1^t). Source: Kingma and Ba, 2014.
        """
        s, g, (m, v) = self.settings, self.gradients, self.moments
        self.steps += 1
        np.multiply(m, s.beta_1, out=m)
        np.multiply(g, 1 - s.beta_1, out=self.spare)
        np.add(m, self.spare, out=m)
        np.multiply(v, s.beta_2, out=v)
        np.multiply(g, g, out=g)
        np.multiply(g, 1 - s.beta_2, out=g)
        np.add(v, g, out=v)
        _flush_subnormals(self.moments)
        rate = self.rate * math.sqrt(1 - s.beta_2**self.steps) / (1 - s.beta_1**self.steps)
        np.sqrt(v, out=self.spare)
        np.add(self.spare, s.epsilon, out=self.spare)
        np.multiply(m, -rate, out=g)
        np.divide(g, self.spare, out=g)
        np.add(self.parameters, g, out=self.parameters)

    def _sgd(self) -> None:
        """Take a step of gradient descent with momentum.

        The velocity keeps a share of its past: u = momentum u - rate g, and the step is u.
        Nesterov's looks ahead: the step is momentum u - rate g with the new u.
        With momentum 0 it is handmade.grad_desc's.
        """
        s, g, u = self.settings, self.gradients, self.moments[0]
        self.steps += 1
        np.multiply(g, self.rate, out=g)
        np.multiply(u, s.momentum, out=u)
        np.subtract(u, g, out=u)
        _flush_subnormals(u)
        if s.nesterovs_momentum:
            np.multiply(u, s.momentum, out=self.spare)
            np.subtract(self.spare, g, out=g)
            np.add(self.parameters, g, out=self.parameters)
        else:
            np.add(self.parameters, u, out=self.parameters)

    # ---- between the epochs

    def score_held_out(self) -> None:
        """Note loss and score on the held-out rows of each network, if it has any."""
        if self.members[0].job.held_out is None:
            return
        P = forward(
            self.held_out_X,
            self.weights,
            self.biases,
            self.settings.activation,
            self.held_out_rooms,
        )
        for i, member in enumerate(self.members):
            if member.job.held_out is not None:
                member.run.validation_losses.append(validation_loss(P[i], member.job.held_out))
                member.run.validation_scores.append(validation_accuracy(P[i], member.job.held_out))

    def show(self) -> None:
        """Let each run see its parameters as they are."""
        for i, member in enumerate(self.members):
            member.run.parameters = self.parameters[i]

    def save(self) -> None:
        """Give each run its own copy of what the stack holds."""
        for i, member in enumerate(self.members):
            member.run.parameters = self.parameters[i].copy()
            member.run.moments = self.moments[:, i].copy()
            member.run.steps = self.steps


def _flush_subnormals(memory: Array) -> None:
    """Let what fades in float32 stop fading at about 1e-32; float64 is left alone.

    What the solver remembers of a dead unit shrinks by its beta a step until it is subnormal, and
    a product with such a number takes a processor a hundred times as long: the whole epoch, eight
    times. In float64 that would begin after thousands of epochs.
    """
    if memory.dtype == np.float32:
        np.add(memory, SUBNORMAL_GUARD, out=memory)
        np.subtract(memory, SUBNORMAL_GUARD, out=memory)


def _aligned_zeros(shape: tuple[int, ...], dtype: DTypeLike) -> Any:
    """Return zeros that begin on a cache line; some of numpy's loops take half the time there."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.zeros(size + CACHE_LINE, np.uint8)
    start = -memory.ctypes.data % CACHE_LINE
    return memory[start : start + size].view(dtype).reshape(shape)
