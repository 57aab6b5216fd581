"""What the searches over dense networks share: folds, stacks, progress, selection and refit.

Networks of equal shape are trained side by side in several processes; neither can change a result.
"""

import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple, Self

import numpy as np
from joblib import Parallel, delayed
from scipy import sparse
from sklearn.base import clone
from sklearn.callback import with_callbacks
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import check_cv
from sklearn.model_selection._search import BaseSearchCV
from sklearn.utils import indexable
from sklearn.utils.validation import _check_method_params

from winenet.network import cluster, hyperparameters, inputs, journal
from winenet.network.classifier import DenseClassifier
from winenet.network.fit_batches import (
    BatchResult,
    Fit,
    FitBatch,
    FitContext,
    Rows,
    fit_and_score_batch,
    make_batches,
    run_on_cluster,
)
from winenet.network.parallel import joblib_return_as, n_parallel, one_blas_thread
from winenet.progress import Progress

Candidate = dict[str, Any]


class Evaluation(NamedTuple):
    """What a search has evaluated, one candidate per row of cv_results_.

    outcomes: of each fit, all folds of the first candidate first. columns: more of cv_results_.
    """

    candidates: list[Candidate]
    outcomes: list[dict[str, Any]]
    columns: dict[str, list[Any]]


class BaseDenseSearchCV(BaseSearchCV):
    """A search that trains in stacks; its parameters are those of scikit-learn's searches.

    A search has its own `_candidates`, and its own `_evaluate` unless it trains each of them to the
    end.
    """

    # What messages call the parameters to search, and the class to use for other estimators.
    _searched = "param_grid"
    _sklearn_class = "sklearn.model_selection.GridSearchCV"

    def _candidates(self) -> list[Candidate]:
        """Return the candidates."""
        raise NotImplementedError

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
        """Fit every candidate on every fold, then the best one on all rows.

        Parameters
        ----------
        X : array-like of shape (rows, features)
        y : array-like of shape (rows,)
        sample_weight : array-like of shape (rows,), default=None
            Passed to the fits, and to the scorers that support it.
        validation_data : tuple (X, y), default=None
            Scored by every network after each epoch, as in DenseClassifier.fit.
        groups : array-like of shape (rows,), default=None
            Passed to the splitters that support it.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a fit or its score fails; the message names the candidate and the fold.
        TypeError
            If X is sparse, or the estimator is not a DenseClassifier.

        Warns
        -----
        ConvergenceWarning
            Once, if fits or the refit ended at max_iter.
        """
        self._validate_params()
        candidates = self._validated_candidates(X, y)
        scorers, metric = self._get_scorers()
        X, y = indexable(X, y)
        fit_kwargs = {"sample_weight": sample_weight, "groups": groups}
        fit_kwargs = {name: value for name, value in fit_kwargs.items() if value is not None}
        routed = self._get_routed_params_for_fit(_check_method_params(X, params=fit_kwargs))

        callback_kwargs = {"estimator": self, "X": X, "y": y}
        callback_kwargs["metadata"] = (
            None if sample_weight is None else {"sample_weight": sample_weight}
        )
        root = self._init_callback_context(max_subtasks=1 + (self.refit is not False))
        root.call_on_fit_task_begin(**callback_kwargs)

        folds = list(check_cv(self.cv, y, classifier=True).split(X, y, **routed.splitter.split))
        self.n_splits_ = len(folds)
        context = FitContext(
            X,
            y,
            scorers,
            routed.estimator.fit,
            routed.scorer.score,
            validation_data,
            self.return_train_score,
            journal.current_store(),
        )
        if not candidates or not folds:
            raise ValueError(
                f"There is nothing to fit: {len(candidates)} candidates and {len(folds)} folds. "
                f"{self._searched} and cv must each give at least one."
            )
        evaluated, outcomes, columns = self._evaluate(candidates, folds, context, metric, root)
        results = self._format_results(evaluated, len(folds), outcomes, columns)

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
        ended = (outcome["hit_max_iter"] for outcome in outcomes)
        hit_max_iter = [value for value in ended if value is not None]
        if self.refit:
            task = root.subcontext(task_name="refit-with-best-params")
            hit_max_iter.append(self._refit(context, task, callback_kwargs))
        _warn_if_not_converged(hit_max_iter)
        self.scorer_ = getattr(scorers, "_scorers", scorers)
        self.cv_results_ = results
        root.call_on_fit_task_end(**callback_kwargs)
        return self

    def _validated_candidates(self, X: Any, y: Any) -> list[Candidate]:
        """Return the candidates; raise at once if no fold could be trained."""
        supported = isinstance(self.estimator, DenseClassifier)
        if not supported or type(self.estimator).fit is not DenseClassifier.fit:
            raise TypeError(
                f"estimator={self.estimator!r} is not a DenseClassifier, or overrides fit, so its "
                "fits cannot be trained in stacks. For other estimators, and for a Pipeline, use "
                f"{self._sklearn_class}; it accepts a DenseClassifier, too."
            )
        if sparse.issparse(X):
            raise TypeError(
                "X is a sparse matrix, but DenseClassifier needs dense data. Use X.toarray(), or "
                f"{hyperparameters.SKLEARN_CLASS} in {self._sklearn_class}."
            )
        inputs.check_single_label(y)
        candidates = self._candidates()
        for params in candidates:
            hyperparameters.check(self._make_model(params))
        return candidates

    def _make_model(self, params: Mapping[str, Any]) -> DenseClassifier:
        """Return a new network with a candidate's parameters."""
        model: DenseClassifier = clone(self.estimator)
        model.set_params(**clone(params, safe=False))
        return model

    def make_networks(self) -> list[DenseClassifier]:
        """Return the network of each candidate, untrained."""
        return [self._make_model(params) for params in self._candidates()]

    def _make_fits(self, candidates: Sequence[Candidate], n_folds: int) -> list[Fit]:
        """Return the fits with new networks, all folds of the first candidate first."""
        return [
            Fit(candidate * n_folds + fold, fold, params, self._make_model(params))
            for candidate, params in enumerate(candidates)
            for fold in range(n_folds)
        ]

    def _evaluate(
        self,
        candidates: list[Candidate],
        folds: list[tuple[Rows, Rows]],
        context: FitContext,
        metric: Any,
        root: Any,
    ) -> Evaluation:
        """Fit and score each candidate on each fold; root: the callback context."""
        fits = self._make_fits(candidates, len(folds))
        task = root.subcontext(
            task_name="search", max_subtasks=len(fits), sequential_subtasks=False
        )
        task.call_on_fit_task_begin(estimator=self)
        # A scoring function may return several scores; then refit names the one that selects.
        tracker = BestTracker(
            candidates, len(folds), self.refit if callable(self.scoring) else metric
        )
        outcomes = self._run_fits("search", fits, folds, context, tracker, task)
        task.call_on_fit_task_end(estimator=self)
        return Evaluation(candidates, [outcomes[i] for i in range(len(fits))], {})

    def _run_fits(
        self,
        name: str,
        fits: Sequence[Fit],
        folds: Sequence[tuple[Rows, Rows]],
        context: FitContext,
        tracker: "BestTracker",
        task: Any,
    ) -> dict[int, dict[str, Any]]:
        """Return the outcome of each fit, by its index; name: what the progress display shows."""
        batches = make_batches(fits, folds, context, n_parallel(self.n_jobs))
        progress_context: AbstractContextManager[Progress | None] = (
            Progress(name, len(fits)) if self.verbose else nullcontext()
        )
        outcomes: dict[int, dict[str, Any]] = {}
        cost, total_cost = 0.0, sum(batch.cost for batch in batches)
        with progress_context as progress, one_blas_thread():
            for result in self._run(batches, folds, context):
                journal.record_stats(result.stats)
                batch = batches[result.number]
                cost += batch.cost * len(result.outcomes) / len(batch.fits)
                outcomes |= result.outcomes
                for i, outcome in result.outcomes.items():
                    tracker.record(i, outcome["test_scores"])
                    fit_task = task.subcontext("candidate-split-evaluation", task_id=i)
                    fit_task.call_on_fit_task_begin(estimator=self)
                    fit_task.call_on_fit_task_end(estimator=self)
                if progress is not None:
                    progress.update(len(result.outcomes), cost / total_cost, tracker.summary())
        return outcomes

    def _run(
        self,
        batches: Sequence[FitBatch],
        folds: Sequence[tuple[Rows, Rows]],
        context: FitContext,
    ) -> Iterator[BatchResult]:
        """Fit and score the batches: on the open cluster, or in joblib's processes."""
        active = cluster.current()
        if active is not None:
            return run_on_cluster(active, batches, folds, context)
        results: Iterator[BatchResult] = Parallel(n_jobs=self.n_jobs, return_as=joblib_return_as())(
            delayed(fit_and_score_batch)(i, batch, context) for i, batch in enumerate(batches)
        )
        return results

    def _refit(self, context: FitContext, task: Any, callback_kwargs: dict[str, Any]) -> bool:
        """Fit the best candidate on all rows; return whether that ended at max_iter."""
        self.best_estimator_ = self._make_model(self.best_params_)
        with task.propagate_callback_context(self.best_estimator_), one_blas_thread():
            task.call_on_fit_task_begin(**callback_kwargs)
            start = time.perf_counter()
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always", ConvergenceWarning)
                self.best_estimator_.fit(
                    context.X,
                    context.y,
                    **context.fit_params,
                    validation_data=context.validation_data,
                )
            self.refit_time_ = time.perf_counter() - start
        if hasattr(self.best_estimator_, "feature_names_in_"):
            self.feature_names_in_ = self.best_estimator_.feature_names_in_
        task.call_on_fit_task_end(**callback_kwargs)
        for warning in caught:
            if not issubclass(warning.category, ConvergenceWarning):
                warnings.warn(warning.message, stacklevel=4)
        return any(issubclass(warning.category, ConvergenceWarning) for warning in caught)


# ------------------------------------------------------------------ progress and warnings


class BestTracker:
    """Collects the candidates' scores and reports the best of those that are finished.

    metric: among several, the one that selects; if there is none, no best candidate is reported.
    """

    def __init__(self, candidates: Sequence[Candidate], n_folds: int, metric: Any) -> None:
        self.candidates, self.metric = candidates, metric
        self.done = np.zeros((len(candidates), n_folds), dtype=bool)
        self.scores = np.full(self.done.shape, np.nan)

    def record(self, index: int, score: Any) -> None:
        """Record the score of one fit."""
        self.done.flat[index] = True
        if isinstance(score, dict):
            score = score.get(self.metric, np.nan) if isinstance(self.metric, str) else np.nan
        self.scores.flat[index] = score

    def summary(self) -> str:
        """Return text like "2 of 9 candidates, best 0.9942 at (50, 25), 0.001"."""
        finished = np.flatnonzero(self.done.all(axis=1))
        text = f"{len(finished)} of {len(self.done)} candidates"
        means = self.scores.mean(axis=1)
        if not len(finished) or np.isnan(means[finished]).all():
            return text
        best = finished[means[finished].argmax()]
        values = ", ".join(map(str, self.candidates[best].values()))
        return f"{text}, best {means[best]:.4f} at {values}"


def _warn_if_not_converged(hit_max_iter: Sequence[bool]) -> None:
    """Warn once about all fits that may not have converged; one warning per fit would be noise."""
    if any(hit_max_iter):
        warnings.warn(
            f"{sum(hit_max_iter)} of {len(hit_max_iter)} fits ended at max_iter while the network "
            "still improved, so they may not have converged. Raise max_iter or tol.",
            ConvergenceWarning,
            stacklevel=4,
        )
