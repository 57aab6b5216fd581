"""The fits of a search, candidates times folds: grouped into stacks, trained and scored."""

import copy
import dataclasses
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.validation import _check_method_params, _num_features

from winenet.network import classifier, cluster, journal, training
from winenet.network.classifier import DenseClassifier
from winenet.network.parallel import (
    error_context,
    one_blas_thread,
    plan_stacks,
    validate_features,
)
from winenet.network.training_job import TrainingJob, TrainingState

Rows = NDArray[np.intp]


class PausedFit(NamedTuple):
    """A fit that stopped at an epoch limit, and the random numbers with which it continues."""

    state: TrainingState
    rng: np.random.RandomState


class Fit(NamedTuple):
    """One candidate on one fold. fit_index: among all fits.

    paused: from where the training continues; the model must be as it was at the first start.
    """

    fit_index: int
    fold: int
    params: dict[str, Any]
    model: DenseClassifier
    paused: PausedFit | None = None


class FitBatch(NamedTuple):
    """Fits that one process trains side by side, and their relative cost.

    folds: training and validation rows by number of the fold; only those that the fits need.
    """

    fits: list[Fit]
    folds: dict[int, tuple[Rows, Rows]]
    cost: float


class FitContext(NamedTuple):
    """What all fits have in common. pause_at: the number of epochs at which they pause."""

    X: Any
    y: Any
    scorer: Any
    fit_params: dict[str, Any]
    score_params: dict[str, Any]
    validation_data: Any
    return_train_score: bool
    store: journal.FitStore | None
    pause_at: int | None = None


class BatchResult(NamedTuple):
    """The scores and times of a batch, or of a part of it, by the fit's index.

    number: index of the batch. outcomes: the scores, and `fit_time`, `epochs` (without those before
    a pause), `hit_max_iter`, and `paused`: the PausedFit, or None. stats: without states.
    """

    number: int
    outcomes: dict[int, dict[str, Any]]
    stats: journal.TrainingResult


def make_batches(
    fits: Sequence[Fit],
    folds: Sequence[tuple[Rows, Rows]],
    context: FitContext,
    processes: int,
) -> list[FitBatch]:
    """Group the fits into stacks, the most expensive one first."""
    n_features, n_classes = _num_features(context.X), len(np.unique(context.y))
    shapes = [(len(folds[fit.fold][0]), n_features, n_classes) for fit in fits]
    batches = []
    for stack in plan_stacks([fit.model for fit in fits], shapes, processes):
        members = [fits[i] for i in stack.indices]
        batches.append(
            FitBatch(members, {fit.fold: folds[fit.fold] for fit in members}, stack.cost)
        )
    return batches


def fit_and_score_batch(number: int, batch: FitBatch, context: FitContext) -> BatchResult:
    """Train and score the fits of a batch."""
    with one_blas_thread():
        start = time.perf_counter()
        jobs = _make_jobs(batch, context)
        result = journal.train(jobs, context.store)
        epochs = [
            state.epochs - (fit.paused.state.epochs if fit.paused else 0)
            for fit, state in zip(batch.fits, result.states, strict=True)
        ]
        seconds_per_epoch = (time.perf_counter() - start) / sum(epochs)
        outcomes = {}
        for i, (fit, job, state) in enumerate(zip(batch.fits, jobs, result.states, strict=True)):
            with _candidate_error_context(fit):
                ended = training.ended_state(state, job.hyperparameters)
                model = classifier.set_fitted_attributes(fit.model, job, ended)
                outcomes[fit.fit_index] = {
                    "fit_time": seconds_per_epoch * epochs[i],
                    **_score_fold(model, context, batch.folds[fit.fold]),
                    "epochs": epochs[i],
                    "hit_max_iter": state.stop_reason == "max_iter",
                    "paused": PausedFit(state, job.rng) if state.paused else None,
                }
    return BatchResult(number, outcomes, result.without_states())


def run_on_cluster(
    active: cluster.Cluster,
    batches: Sequence[FitBatch],
    folds: Sequence[tuple[Rows, Rows]],
    context: FitContext,
) -> Iterator[BatchResult]:
    """Yield what `fit_and_score_batch` returns, from the cluster's workers; see `Cluster.run`."""
    handles: list[Any] = []

    def make_jobs(number: int, fits: Sequence[Fit]) -> list[TrainingJob]:
        # Copies, because making a job draws from the model's random_state.
        return _make_jobs(batches[number]._replace(fits=copy.deepcopy(list(fits))), context)

    def run_locally(number: int, fits: Sequence[Fit]) -> BatchResult:
        return fit_and_score_batch(number, batches[number]._replace(fits=list(fits)), context)

    def submit(session: cluster.Session, number: int, fits: Sequence[Fit]) -> None:
        if not handles:
            shared = (context._replace(store=session.remote_journal), folds)
            handles.append(session.scatter(shared))
        batch = batches[number]._replace(fits=list(fits), folds={})
        session.submit(_run_on_worker, (number, batch), *handles)

    store = journal.current_store()
    return active.run(store, [batch.fits for batch in batches], make_jobs, run_locally, submit)


def _run_on_worker(
    number: int, batch: FitBatch, shared: tuple[FitContext, Sequence[tuple[Rows, Rows]]]
) -> BatchResult:
    """Fit and score a batch on a worker; shared: the context and all folds."""
    context, folds = shared
    batch = batch._replace(folds={fit.fold: folds[fit.fold] for fit in batch.fits})
    return fit_and_score_batch(number, batch, context)


def _make_jobs(batch: FitBatch, context: FitContext) -> list[TrainingJob]:
    """Return the training job of each fit; those of one fold share its rows."""
    arrays: dict[tuple[int, str], Any] = {}
    jobs = []
    for fit in batch.fits:
        train_rows = batch.folds[fit.fold][0]
        X, y = _safe_split(fit.model, context.X, context.y, train_rows)
        kwargs = _check_method_params(context.X, params=context.fit_params, indices=train_rows)
        kwargs = {**kwargs, "validation_data": context.validation_data}
        key = (fit.fold, fit.model.dtype)
        with _candidate_error_context(fit):
            if key not in arrays:
                arrays[key] = validate_features(fit.model, X)
            job = classifier.make_training_job(fit.model, X, y, **kwargs, validated_X=arrays[key])
            if fit.paused is not None:
                job = dataclasses.replace(job, start=fit.paused.state, rng=fit.paused.rng)
            jobs.append(dataclasses.replace(job, pause_at=context.pause_at))
    return jobs


def _score_fold(
    model: DenseClassifier, context: FitContext, fold: tuple[Rows, Rows]
) -> dict[str, Any]:
    """Return the scores on the fold's validation (and training) rows, and the time they took."""
    start = time.perf_counter()
    row_sets = {"test_scores": fold[1]}
    if context.return_train_score:
        row_sets["train_scores"] = fold[0]
    scores: dict[str, Any] = {}
    for name, rows in row_sets.items():
        X, y = _safe_split(model, context.X, context.y, rows)
        kwargs = _check_method_params(context.X, params=context.score_params, indices=rows)
        score = context.scorer(model, X, y, **kwargs)
        if isinstance(score, dict):
            scores[name] = {metric: _check_score(metric, value) for metric, value in score.items()}
        else:
            scores[name] = _check_score("score", score)
        if name == "test_scores":
            scores["score_time"] = time.perf_counter() - start
    return scores


def _check_score(metric: str, value: Any) -> Any:
    """Return a score as a number; raise ValueError if it is not a number, or NaN."""
    if hasattr(value, "item") and np.size(value) == 1:
        value = value.item()
    if not isinstance(value, int | float):
        raise ValueError(
            f"{metric} is {value!r} ({type(value).__name__}), but scoring must return a number, or "
            "a dict of numbers."
        )
    if np.isnan(value):
        raise ValueError(
            f"{metric} is NaN, which cannot be compared. Check what scoring computes on this fold."
        )
    return value


def _candidate_error_context(fit: Fit) -> AbstractContextManager[None]:
    """Name the candidate and the fold in an error's message."""
    return error_context(f"The candidate {fit.params} failed on fold {fit.fold}")
