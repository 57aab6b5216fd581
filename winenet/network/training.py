"""Trains many networks: groups them into stacks and decides when each one stops."""

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import DTypeLike

from winenet.network.layers import n_parameters
from winenet.network.stack import NetworkStack, StackSlot
from winenet.network.training_job import HyperParameters, TrainingJob, TrainingState, snapshot

# The parameters and activations of a stack should fit into a core's cache.
CACHE_BYTES = 2**20


def train(
    jobs: Sequence[TrainingJob],
    *,
    max_stack_size: int | None = None,
    on_epoch: Callable[[int, TrainingState], bool] | None = None,
    on_finished: Callable[[int, TrainingState], None] | None = None,
) -> list[TrainingState]:
    """Train each job's network and return its final state, in the order of the jobs.

    Networks of equal shape are trained together in a stack. Neither that nor `max_stack_size` can
    change a result. A network whose parameters are no longer finite ends with the stop reason
    "diverged". One that reaches its job's `pause_at` is returned as "paused": a job that starts
    from this state, with the same rng, continues it.

    Parameters
    ----------
    jobs : sequence of TrainingJob
    max_stack_size : int, optional
        By default, as many networks as fit into a core's cache.
    on_epoch : callable, optional
        Called as ``on_epoch(job_index, state)`` after each epoch; True ends this network.
    on_finished : callable, optional
        Called as ``on_finished(job_index, state)`` once a network has finished, or paused.

    Returns
    -------
    list of TrainingState
    """
    states = [_copy_start_state(job) for job in jobs]
    for indices in _iter_stacks(jobs, max_stack_size):
        slots = [_make_slot(i, jobs[i], states[i]) for i in indices]
        # An overflow on the way to infinity shows in stop_reason; no need for a dozen warnings.
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            while slots:
                _train_until_first_finishes(NetworkStack(slots), on_epoch)
                for slot in slots:
                    if slot.state.finished and on_finished is not None:
                        on_finished(slot.index, slot.state)
                slots = [slot for slot in slots if not slot.state.finished]
    return states


def ended_state(state: TrainingState, hp: HyperParameters) -> TrainingState:
    """Return what a paused training would have ended with if max_iter were its epochs so far.

    A state that is not paused is returned as it is.
    """
    if not state.paused:
        return state
    ended = dataclasses.replace(
        snapshot(state), stop_reason="max_iter", permutation=None, dropout_rng=None
    )
    _finalize(ended, hp)
    return ended


def stack_key(job: TrainingJob) -> tuple[object, ...]:
    """Return what networks must have in common to share a stack."""
    validation = job.validation
    return (
        *(tuple(job.layer_sizes), job.X.shape, job.X.dtype, job.sample_weight is None),
        *shared_hyperparameters(job.hyperparameters),
        *(job.start.steps, None if validation is None else len(validation.X)),
    )


def shared_hyperparameters(hp: HyperParameters) -> tuple[object, ...]:
    """Return the hyper-parameters, except the sizes, that must be equal within a stack."""
    return (
        *(hp.batch_size, hp.activation, hp.solver, hp.beta_1, hp.beta_2, hp.epsilon),
        *(hp.momentum, hp.nesterovs_momentum, hp.dropout),
    )


def max_networks_in_cache(layer_sizes: Sequence[int], batch_size: int, dtype: DTypeLike) -> int:
    """Return how many such networks fit into a core's cache; at least 1."""
    numbers = 5 * n_parameters(layer_sizes) + sum(layer_sizes) * batch_size
    return max(1, CACHE_BYTES // (np.dtype(dtype).itemsize * numbers))


def _iter_stacks(jobs: Sequence[TrainingJob], max_stack_size: int | None) -> Iterator[list[int]]:
    """Yield the indices of the jobs that are trained together."""
    groups: dict[tuple[object, ...], list[int]] = {}
    for i, job in enumerate(jobs):
        groups.setdefault(stack_key(job), []).append(i)
    for indices in groups.values():
        first = jobs[indices[0]]
        size = max_stack_size or max_networks_in_cache(
            first.layer_sizes, first.hyperparameters.batch_size, first.X.dtype
        )
        for start in range(0, len(indices), size):
            yield indices[start : start + size]


def _make_slot(index: int, job: TrainingJob, state: TrainingState) -> StackSlot:
    permutation = job.start.permutation
    if permutation is None:
        permutation = np.arange(len(job.X), dtype=np.intp)
    dropout_rng = None
    if job.start.dropout_rng is not None:
        dropout_rng = np.random.default_rng()
        dropout_rng.bit_generator.state = job.start.dropout_rng
    elif job.hyperparameters.dropout:
        # samples_seen gives a warm start other masks, even with the same seed.
        dropout_rng = np.random.default_rng([job.rng.randint(2**31), state.samples_seen])
    return StackSlot(index, job, state, permutation, dropout_rng)


def _copy_start_state(job: TrainingJob) -> TrainingState:
    """Return a copy of the job's start for training to modify."""
    state = snapshot(job.start)
    if state.learning_rate is None:
        state.learning_rate = job.hyperparameters.learning_rate_init
    if not state.paused:
        state.epochs = 0
    state.stop_reason, state.permutation, state.dropout_rng = "", None, None
    return state


def _train_until_first_finishes(
    stack: NetworkStack, on_epoch: Callable[[int, TrainingState], bool] | None
) -> None:
    while not any(slot.state.finished for slot in stack.slots):
        losses = stack.run_epoch()
        stack.expose_parameters()
        stack.score_validation()
        for slot, loss in zip(stack.slots, losses, strict=True):
            _update_after_epoch(slot.state, slot.job, loss)
            if on_epoch is not None and on_epoch(slot.index, slot.state):
                slot.state.stop_reason = slot.state.stop_reason or "stopped"
            limit = slot.job.pause_at
            if not slot.state.finished and limit is not None and slot.state.epochs >= limit:
                slot.state.stop_reason = "paused"
    stack.copy_state_back()
    for slot in stack.slots:
        if slot.state.paused:
            _save_random_order(slot)
        elif slot.state.finished:
            _finalize(slot.state, slot.job.hyperparameters)


def _save_random_order(slot: StackSlot) -> None:
    """Keep in a paused state what its continuation needs besides the job's rng."""
    slot.state.learning_rate_cut = False
    slot.state.permutation = slot.permutation.copy()
    if slot.dropout_rng is not None:
        slot.state.dropout_rng = dict(slot.dropout_rng.bit_generator.state)


def _update_after_epoch(state: TrainingState, job: TrainingJob, loss: float) -> None:
    """Record the epoch, adjust the learning rate, and decide whether training goes on."""
    hp = job.hyperparameters
    state.epochs += 1
    state.samples_seen += len(job.X)
    state.loss_curve.append(loss)
    state.learning_rate_cut = False
    if hp.early_stopping:
        score = state.validation_scores[-1]
        improved = not score < state.best_score + hp.tol
        if score > state.best_score:
            state.best_score, state.best_parameters = score, state.parameters.copy()
    else:
        improved = not loss > state.best_loss - hp.tol
        state.best_loss = min(state.best_loss, loss)
        if not math.isfinite(loss) and not np.isfinite(state.parameters).all():
            state.stop_reason = "diverged"  # NaN stays NaN: further epochs would only cost time
    state.no_improvement = 0 if improved else state.no_improvement + 1
    if state.finished:
        return

    if hp.solver == "sgd" and hp.learning_rate == "invscaling":
        state.learning_rate = hp.learning_rate_init / (state.samples_seen + 1) ** hp.power_t
    if state.no_improvement > hp.n_iter_no_change:
        adaptive = hp.solver == "sgd" and hp.learning_rate == "adaptive"
        if adaptive and state.learning_rate is not None and state.learning_rate > 1e-6:
            state.learning_rate /= 5.0
            state.no_improvement = 0
            state.learning_rate_cut = True
        else:
            state.stop_reason = "converged"
    if not state.finished and state.epochs == hp.max_iter:
        state.stop_reason = "max_iter"


def _finalize(state: TrainingState, hp: HyperParameters) -> None:
    """Restore the best epoch after early stopping, and mark parameters that are not finite."""
    state.learning_rate_cut = False
    if hp.early_stopping and state.best_parameters is not None:
        state.parameters = state.best_parameters.copy()
    if not np.isfinite(state.parameters).all():
        state.stop_reason = "diverged"
