"""Searches a grid of dense networks by cross-validation: `DenseGridSearchCV`.

It chooses as scikit-learn's GridSearchCV does and trains networks of equal shape side by side,
in as many processes as it is given; neither can change a result.
"""

import copy
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, NamedTuple, Self

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import clone
from sklearn.callback import with_callbacks
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, ParameterGrid, check_cv
from sklearn.utils import indexable
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.validation import _check_method_params, _num_features

from winenet.network import classifier, cluster, journal, training_job
from winenet.network.classifier import DenseClassifier
from winenet.network.parallel import (
    validate_X,
    error_context,
    joblib_return_as,
    n_parallel,
    one_blas_thread,
    plan_stacks,
)
from winenet.progress import Progress

Rows = NDArray[np.intp]


class DenseGridSearchCV(GridSearchCV):
    """Exhaustive search over a grid of DenseClassifier's parameters, scored by cross-validation.

    Parameters and fitted attributes are those of scikit-learn's GridSearchCV, and so is the
    choice among equals: the first candidate with the best mean. What differs:
    estimator is a DenseClassifier; a fit that fails, or a score that is NaN, is an error and never
    a candidate that drops out (there is no error_score, and no pre_dispatch); BLAS has one thread
    in each process and in the refit; verbose=1 shows progress (candidates done, best so far, time
    left).
    cv_results_ has GridSearchCV's keys; the time of a fit is its share, by epochs, of the time
    that its stack took. Callbacks hear of each fit when it is done, and of the refit's epochs.
    """

    def __init__(
        self,
        estimator: DenseClassifier,
        param_grid: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: Any = True,
        cv: Any = None,
        verbose: int = 0,
        return_train_score: bool = False,
    ) -> None:
        super().__init__(
            estimator,
            param_grid,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            error_score="raise",
            return_train_score=return_train_score,
        )

    @with_callbacks
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        validation_data: Any = None,
        *,
        groups: Any = None,
    ) -> Self:
        """Train every candidate on every fold, and the best one again on all rows; return self.

        X: (rows, features). y: (rows,) labels. sample_weight: (rows,), for the fits and for the
        scorers that take it. validation_data: (X, y) that every network is scored on after each
        epoch, as in DenseClassifier.fit. groups: (rows,), for the splitters that take it.
        Raises ValueError that names candidate and fold when a fit or its score fails, TypeError
        for sparse X. Warns ConvergenceWarning, once, when max_iter ended fits or the refit.
        """
        self._validate_params()
        candidates = self._checked_candidates(X, y)
        scorers, metric = self._get_scorers()
        X, y = indexable(X, y)
        given = {"sample_weight": sample_weight, "groups": groups}
        given = {name: value for name, value in given.items() if value is not None}
        routed = self._get_routed_params_for_fit(_check_method_params(X, params=given))

        seen = {"estimator": self, "X": X, "y": y}
        seen["metadata"] = None if sample_weight is None else {"sample_weight": sample_weight}
        root = self._init_callback_context(max_subtasks=1 + (self.refit is not False))
        root.call_on_fit_task_begin(**seen)

        folds = list(check_cv(self.cv, y, classifier=True).split(X, y, **routed.splitter.split))
        self.n_splits_ = len(folds)
        how = _FitContext(
            X,
            y,
            scorers,
            routed.estimator.fit,
            routed.scorer.score,
            validation_data,
            self.return_train_score,
            journal.current_path(),
        )
        if not candidates or not folds:
            raise ValueError(
                f"There is nothing to fit: {len(candidates)} candidates and {len(folds)} folds. "
                "param_grid and cv must each give at least one."
            )
        outcomes = self._train(candidates, folds, how, metric, root)
        results = self._format_results(candidates, len(folds), outcomes)

        first = outcomes[0]["test_scores"]
        self.multimetric_ = isinstance(first, dict)
        if callable(self.scoring) and self.multimetric_:
            self._check_refit_for_multimetric(first)
            metric = self.refit
        if self.refit or not self.multimetric_:
            self.best_index_ = self._select_best_index(self.refit, metric, results)
            if not callable(self.refit):
                self.best_score_ = results[f"mean_test_{metric}"][self.best_index_]
            self.best_params_ = results["params"][self.best_index_]
        ended = [outcome["at_max_iter"] for outcome in outcomes]
        if self.refit:
            context = root.subcontext(task_name="refit-with-best-params")
            ended.append(self._refit(how, context, seen))
        _warn_of_max_iter(ended)
        self.scorer_ = getattr(scorers, "_scorers", scorers)
        self.cv_results_ = results
        root.call_on_fit_task_end(**seen)
        return self

    def _checked_candidates(self, X: Any, y: Any) -> list[dict[str, Any]]:
        """Return the grid's candidates; refuse at once what no fold could train."""
        own = isinstance(self.estimator, DenseClassifier)
        if not own or type(self.estimator).fit is not DenseClassifier.fit:
            raise TypeError(
                f"estimator={self.estimator!r} is no DenseClassifier, or has a fit of its own, so "
                "its fits cannot share a stack. For other estimators, and for a Pipeline, use "
                "sklearn.model_selection.GridSearchCV; a DenseClassifier works in it as well."
            )
        if sparse.issparse(X):
            raise TypeError(
                "X is a sparse matrix, but DenseClassifier takes dense data. Use X.toarray(), or "
                f"{classifier.SKLEARN_CLASS} in sklearn.model_selection.GridSearchCV."
            )
        classifier.check_single_label(y)
        candidates = list(ParameterGrid(self.param_grid))
        for parameters in candidates:
            classifier.check_parameters(self._model(parameters))
        return candidates

    def _model(self, parameters: Mapping[str, Any]) -> DenseClassifier:
        """Return a new network with a candidate's parameters."""
        model: DenseClassifier = clone(self.estimator)
        model.set_params(**clone(parameters, safe=False))
        return model

    def _train(
        self,
        candidates: list[dict[str, Any]],
        folds: list[tuple[Rows, Rows]],
        how: "_FitContext",
        metric: str,
        root: Any,
    ) -> list[dict[str, Any]]:
        """Return what each fit brought, all folds of the first candidate first."""
        fits = [
            _Fit(candidate * len(folds) + fold, fold, parameters, self._model(parameters))
            for candidate, parameters in enumerate(candidates)
            for fold in range(len(folds))
        ]
        tasks = _tasks(fits, folds, how, n_parallel(self.n_jobs))
        context = root.subcontext(
            task_name="search", max_subtasks=len(fits), sequential_subtasks=False
        )
        context.call_on_fit_task_begin(estimator=self)
        outcomes: list[dict[str, Any]] = [{}] * len(fits)
        # A function may tell several scores at once; then refit names the one that chooses.
        board = _BestTracker(
            candidates, len(folds), self.refit if callable(self.scoring) else metric
        )
        shown: AbstractContextManager[Progress | None] = (
            Progress("search", len(fits)) if self.verbose else nullcontext()
        )
        with shown as progress, one_blas_thread():
            work, all_work = 0.0, sum(task.work for task in tasks)
            crew = cluster.current()
            if crew is not None:
                done = _run_on_cluster(crew, tasks, folds, how)
            else:
                parallel = Parallel(n_jobs=self.n_jobs, return_as=joblib_return_as())
                done = parallel(
                    delayed(_fit_and_score_batch)(i, task, how) for i, task in enumerate(tasks)
                )
            for i, brought, trained in done:
                journal.record_stats(trained)
                work += tasks[i].work * len(brought) / len(tasks[i].fits)
                for place, outcome in brought.items():
                    outcomes[place] = outcome
                    board.note(place, outcome["test_scores"])
                    fit = context.subcontext("candidate-split-evaluation", task_id=place)
                    fit.call_on_fit_task_begin(estimator=self)
                    fit.call_on_fit_task_end(estimator=self)
                if progress is not None:
                    progress.update(len(brought), work / all_work, board.words())
        context.call_on_fit_task_end(estimator=self)
        return outcomes

    def _refit(self, how: "_FitContext", context: Any, seen: dict[str, Any]) -> bool:
        """Train the best candidate on all rows; return whether max_iter ended that."""
        self.best_estimator_ = self._model(self.best_params_)
        with context.propagate_callback_context(self.best_estimator_), one_blas_thread():
            context.call_on_fit_task_begin(**seen)
            start = time.perf_counter()
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always", ConvergenceWarning)
                self.best_estimator_.fit(
                    how.X, how.y, **how.fit_params, validation_data=how.validation_data
                )
            self.refit_time_ = time.perf_counter() - start
        if hasattr(self.best_estimator_, "feature_names_in_"):
            self.feature_names_in_ = self.best_estimator_.feature_names_in_
        context.call_on_fit_task_end(**seen)
        for one in caught:
            if not issubclass(one.category, ConvergenceWarning):
                warnings.warn(one.message, stacklevel=4)
        return any(issubclass(one.category, ConvergenceWarning) for one in caught)


# ------------------------------------------------------------------ one stack in one process


class _Fit(NamedTuple):
    """One candidate on one fold. place: its number among all fits."""

    place: int
    fold: int
    parameters: dict[str, Any]
    model: DenseClassifier


class _FitBatch(NamedTuple):
    """Fits that one process trains side by side; folds: training and test rows by number of fold.

    work: what their epochs cost, in any unit.
    """

    fits: list[_Fit]
    folds: dict[int, tuple[Rows, Rows]]
    work: float


class _FitContext(NamedTuple):
    """What is the same for every fit."""

    X: Any
    y: Any
    scorer: Any
    fit_params: dict[str, Any]
    score_params: dict[str, Any]
    validation_data: Any
    return_train_score: bool
    journal: str | journal.FitStore


def _tasks(
    fits: Sequence[_Fit], folds: Sequence[tuple[Rows, Rows]], how: _FitContext, processes: int
) -> list[_FitBatch]:
    """Return the fits in stacks, the longest work first."""
    features, classes = _num_features(how.X), len(np.unique(how.y))
    shapes = [(len(folds[fit.fold][0]), features, classes) for fit in fits]
    tasks = []
    for stack in plan_stacks([fit.model for fit in fits], shapes, processes):
        part = [fits[place] for place in stack.places]
        tasks.append(_FitBatch(part, {fit.fold: folds[fit.fold] for fit in part}, stack.work))
    return tasks


def _fit_and_score_batch(
    i: int, task: _FitBatch, how: _FitContext
) -> tuple[int, dict[int, dict[str, Any]], journal.TrainingResult]:
    """Train and score the fits of a task; return i and what each brought, by its place.

    The last is for the journal's count, without the runs' weights.
    """
    with one_blas_thread():
        start = time.perf_counter()
        jobs = _make_jobs(task, how)
        trained = journal.train(jobs, how.journal)
        runs = trained.runs
        seconds = (time.perf_counter() - start) / sum(run.epochs for run in runs)
        brought = {}
        for fit, job, run in zip(task.fits, jobs, runs, strict=True):
            with _candidate_error_context(fit):
                model = classifier.set_fitted_attributes(fit.model, job, run)
                brought[fit.place] = {
                    "fit_time": seconds * run.epochs,
                    **_score_fold(model, how, task.folds[fit.fold]),
                    "at_max_iter": run.event == "max_iter",
                }
    return i, brought, trained.counted()


def _run_on_cluster(
    crew: cluster.Cluster,
    tasks: Sequence[_FitBatch],
    folds: Sequence[tuple[Rows, Rows]],
    how: _FitContext,
) -> Iterator[tuple[int, dict[int, dict[str, Any]], journal.TrainingResult]]:
    """Yield what `_run` returns, from the workers of a cluster; a task may come in two parts.

    What the journal remembers is scored here and needs no worker.
    """
    with crew.shift(journal.current_path()) as shift:
        shared = shift.share((how._replace(journal=shift.post), folds))
        remembered = []
        for i, task in enumerate(tasks):
            # A copy: to prepare a network draws its random numbers.
            tried = task._replace(fits=copy.deepcopy(task.fits))
            known = shift.known(partial(_make_jobs, tried, how))
            here = [fit for place, fit in enumerate(task.fits) if place in known]
            there = [fit for place, fit in enumerate(task.fits) if place not in known]
            if there:
                shift.send(_run_on_worker, (i, task._replace(fits=there, folds={})), shared)
            if here:
                remembered.append((i, task._replace(fits=here)))
        for i, task in remembered:
            yield _fit_and_score_batch(i, task, how)
        yield from shift.results()


def _run_on_worker(
    i: int, task: _FitBatch, shared: tuple[_FitContext, Sequence[tuple[Rows, Rows]]]
) -> Any:
    """Return what `_run` does, on a worker. shared: what is the same for all, and all folds."""
    how, folds = shared
    return _fit_and_score_batch(
        i, task._replace(folds={fit.fold: folds[fit.fold] for fit in task.fits}), how
    )


def _make_jobs(task: _FitBatch, how: _FitContext) -> list[training_job.TrainingJob]:
    """Return the work of each fit; those of one fold share its rows."""
    tables: dict[tuple[int, str], Any] = {}
    jobs = []
    for fit in task.fits:
        train = task.folds[fit.fold][0]
        X, y = _safe_split(fit.model, how.X, how.y, train)
        weights = _check_method_params(how.X, params=how.fit_params, indices=train)
        key = (fit.fold, fit.model.dtype)
        with _candidate_error_context(fit):
            if key not in tables:
                tables[key] = validate_X(fit.model, X)
            given = {**weights, "validation_data": how.validation_data}
            jobs.append(classifier.make_training_job(fit.model, X, y, **given, array=tables[key]))
    return jobs


def _score_fold(
    model: DenseClassifier, how: _FitContext, fold: tuple[Rows, Rows]
) -> dict[str, Any]:
    """Return the scores on the fold's test rows (and training rows), and the time for it."""
    start = time.perf_counter()
    sets = {"test_scores": fold[1]}
    if how.return_train_score:
        sets["train_scores"] = fold[0]
    scores: dict[str, Any] = {}
    for name, rows in sets.items():
        X, y = _safe_split(model, how.X, how.y, rows)
        weights = _check_method_params(how.X, params=how.score_params, indices=rows)
        told = how.scorer(model, X, y, **weights)
        if isinstance(told, dict):
            scores[name] = {metric: _check_score(metric, value) for metric, value in told.items()}
        else:
            scores[name] = _check_score("score", told)
        if name == "test_scores":
            scores["score_time"] = time.perf_counter() - start
    return scores


def _check_score(metric: str, value: Any) -> Any:
    """Return what a scorer has told as a number; raise ValueError when it is none, or NaN."""
    if hasattr(value, "item") and np.size(value) == 1:
        value = value.item()
    if not isinstance(value, int | float):
        raise ValueError(
            f"{metric} is {value!r} ({type(value).__name__}), and scoring must return a number, or "
            "a dict of numbers."
        )
    if np.isnan(value):
        raise ValueError(
            f"{metric} is NaN, which cannot be compared. Look at what scoring makes of the fold."
        )
    return value


def _candidate_error_context(fit: _Fit) -> AbstractContextManager[None]:
    """Say in an error which candidate and which fold it concerns."""
    return error_context(f"The candidate {fit.parameters} failed on fold {fit.fold}")


# ------------------------------------------------------------------ what is told


class _BestTracker:
    """Keeps the candidates' scores as they come in, and tells the best of the finished ones.

    metric: of several, the one that chooses; where none does, no best is told.
    """

    def __init__(self, candidates: list[dict[str, Any]], folds: int, metric: Any) -> None:
        self.candidates, self.metric = candidates, metric
        self.done = np.zeros((len(candidates), folds), dtype=bool)
        self.scores = np.full(self.done.shape, np.nan)

    def note(self, place: int, score: Any) -> None:
        """Note the score of one fit."""
        self.done.flat[place] = True
        if isinstance(score, dict):
            score = score.get(self.metric, np.nan) if isinstance(self.metric, str) else np.nan
        self.scores.flat[place] = score

    def words(self) -> str:
        """Return "2 of 9 candidates, best 0.9942 at (50, 25), 0.001"."""
        finished = np.flatnonzero(self.done.all(axis=1))
        told = f"{len(finished)} of {len(self.done)} candidates"
        means = self.scores.mean(axis=1)
        if not len(finished) or np.isnan(means[finished]).all():
            return told
        best = finished[means[finished].argmax()]
        values = ", ".join(map(str, self.candidates[best].values()))
        return f"{told}, best {means[best]:.4f} at {values}"


def _warn_of_max_iter(ended: Sequence[bool]) -> None:
    """Warn once of all fits that had perhaps not converged; a warning a fit would hide the rest."""
    if any(ended):
        warnings.warn(
            f"{sum(ended)} of {len(ended)} fits ended at max_iter while the network still "
            "improved, so they may not have converged. Raise max_iter or tol.",
            ConvergenceWarning,
            stacklevel=4,
        )
