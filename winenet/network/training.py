"""Trains many networks: which share a stack, when each one stops."""

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import DTypeLike

from winenet.network.layers import n_parameters
from winenet.network.stack import NetworkStack, StackSlot
from winenet.network.training_job import HyperParameters, TrainingJob, TrainingState, snapshot

# What the parameters and activations of a stack may fill; more falls out of a core's cache.
STACK_BYTES = 2**20


# ------------------------------------------------------------------ training


def train(
    jobs: Sequence[TrainingJob],
    *,
    per_stack: int | None = None,
    on_epoch: Callable[[int, TrainingState], bool] | None = None,
    on_leave: Callable[[int, TrainingState], None] | None = None,
) -> list[TrainingState]:
    """Train each job's network and return its run, in the order of the jobs.

    Networks of equal shape share a stack; neither that nor per_stack, the most networks that one
    may hold, can change a result. on_epoch: called as (place of the job, its run) after each
    epoch; True ends this network. on_leave: called likewise when a network is done.
    A network whose parameters are no longer finite comes back with event "diverged".
    """
    runs = [_copy_start_state(job) for job in jobs]
    for indices in _iter_stacks(jobs, per_stack):
        members = [_make_slot(i, jobs[i], runs[i]) for i in indices]
        # Overflow on the way to infinity is told by the event, not by a dozen warnings.
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            while members:
                _train_until_first_finishes(NetworkStack(members), on_epoch)
                for member in members:
                    if member.run.finished and on_leave is not None:
                        on_leave(member.index, member.run)
                members = [member for member in members if not member.run.finished]
    return runs


def _make_slot(index: int, job: TrainingJob, run: TrainingState) -> StackSlot:
    order = np.arange(len(job.X), dtype=np.intp)
    units = None
    if job.settings.dropout:
        # With the rows seen: a training that goes on from the same seed has other units to choose.
        units = np.random.default_rng([job.rng.randint(2**31), run.rows_seen])
    return StackSlot(index, job, run, order, units)


def _copy_start_state(job: TrainingJob) -> TrainingState:
    """Return a copy of the job's start that training may write to."""
    run = snapshot(job.start)
    if run.learning_rate is None:
        run.learning_rate = job.settings.learning_rate_init
    run.epochs, run.event = 0, ""
    return run


def stack_key(job: TrainingJob) -> tuple[object, ...]:
    """Return what networks must have in common to share a stack."""
    held_out = job.held_out
    return (
        *(tuple(job.units), job.X.shape, job.X.dtype, job.row_weights is None),
        *shared_hyperparameters(job.settings),
        *(job.start.steps, None if held_out is None else len(held_out.X)),
    )


def shared_hyperparameters(s: HyperParameters) -> tuple[object, ...]:
    """Return the settings, beside the sizes, that networks of a stack have in common."""
    return (
        *(s.batch_size, s.activation, s.solver, s.beta_1, s.beta_2, s.epsilon),
        *(s.momentum, s.nesterovs_momentum, s.dropout),
    )


def _iter_stacks(jobs: Sequence[TrainingJob], per_stack: int | None) -> Iterator[list[int]]:
    """Yield the places of the jobs that are trained together."""
    groups: dict[tuple[object, ...], list[int]] = {}
    for i, job in enumerate(jobs):
        groups.setdefault(stack_key(job), []).append(i)
    for indices in groups.values():
        first = jobs[indices[0]]
        size = per_stack or max_stack_size(first.units, first.settings.batch_size, first.X.dtype)
        for start in range(0, len(indices), size):
            yield indices[start : start + size]


def max_stack_size(units: Sequence[int], batch_size: int, dtype: DTypeLike) -> int:
    """Return how many such networks fit a core's cache; at least 1."""
    numbers = 5 * n_parameters(units) + sum(units) * batch_size
    return max(1, STACK_BYTES // (np.dtype(dtype).itemsize * numbers))


def _train_until_first_finishes(
    stack: NetworkStack, on_epoch: Callable[[int, TrainingState], bool] | None
) -> None:
    while not any(member.run.finished for member in stack.members):
        losses = stack.epoch()
        stack.show()
        stack.score_held_out()
        for member, loss in zip(stack.members, losses, strict=True):
            _update_after_epoch(member.run, member.job, loss)
            if on_epoch is not None and on_epoch(member.index, member.run):
                member.run.event = member.run.event if member.run.finished else "stopped"
    stack.save()
    for member in stack.members:
        if member.run.finished:
            _finalize(member.run, member.job.settings)


def _update_after_epoch(run: TrainingState, job: TrainingJob, loss: float) -> None:
    """Note what the epoch brought and decide whether there will be another."""
    s = job.settings
    run.epochs += 1
    run.rows_seen += len(job.X)
    run.loss_curve.append(loss)
    run.event = ""
    if s.early_stopping:
        score = run.validation_scores[-1]
        run.no_improvement = run.no_improvement + 1 if score < run.best_score + s.tol else 0
        if score > run.best_score:
            run.best_score, run.best_parameters = score, run.parameters.copy()
    else:
        run.no_improvement = run.no_improvement + 1 if loss > run.best_loss - s.tol else 0
        run.best_loss = min(run.best_loss, loss)
        if not math.isfinite(loss) and not np.isfinite(run.parameters).all():
            run.event = "diverged"  # NaN stays NaN: further epochs would only cost time
            return

    adaptive = s.solver == "sgd" and s.learning_rate == "adaptive"
    if s.solver == "sgd" and s.learning_rate == "invscaling":
        run.learning_rate = s.learning_rate_init / (run.rows_seen + 1) ** s.power_t
    if run.no_improvement > s.n_iter_no_change:
        if adaptive and run.learning_rate is not None and run.learning_rate > 1e-6:
            run.learning_rate /= 5.0
            run.no_improvement = 0
            run.event = "slower"
        else:
            run.event = "converged"
    if not run.finished and run.epochs == s.max_iter:
        run.event = "max_iter"


def _finalize(run: TrainingState, settings: HyperParameters) -> None:
    """Let early stopping return to its best epoch; look whether the parameters are finite."""
    if settings.early_stopping and run.best_parameters is not None:
        run.parameters = run.best_parameters.copy()
    if not np.isfinite(run.parameters).all():
        run.event = "diverged"
