"""Successive halving over epochs: `DenseHalvingSearchCV`.

All candidates are trained for a few epochs, and only the best ones continue. A network that
continues ends as if it had been trained without a pause, to the last bit.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import ParameterGrid
from sklearn.model_selection._search import BaseSearchCV
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval

from winenet.network.base_search import BaseDenseSearchCV, BestTracker, Candidate, Evaluation
from winenet.network.classifier import DenseClassifier
from winenet.network.fit_batches import Fit, FitContext, PausedFit, Rows
from winenet.network.search import check_distributions, parameter_items, sample_candidates


class DenseHalvingSearchCV(BaseDenseSearchCV):
    """Successive halving over the epochs of DenseClassifiers, by cross-validation.

    In the first round, all candidates are trained for `min_epochs` epochs on each fold. The best
    1/factor of them, by mean score, continue to `factor` times as many epochs, and so on, up to the
    estimator's `max_iter`. The best candidate of the last round wins.

    - A network continues where it paused, with its weights, optimizer state and random numbers. So
      its scores are those of a network that was trained in one go with max_iter = the epochs so
      far.
    - A network that has converged keeps its scores and is not trained further.
    - If only one candidate is left, its last round ends at `max_iter`.
    - Of candidates with equal scores, the first ones continue.
    - A network without a `random_state` gets a seed that it keeps in all rounds.

    Between two rounds, the paused networks are kept in memory, for each fit about four times its
    parameters and one integer per row: files would only add time, as a killed search continues from
    the journal if it is open, which caches the fits of each round. On a Dask cluster, each round is
    trained as the fits of a grid search are; the paused networks travel to this process and back.

    Parameters
    ----------
    estimator : DenseClassifier
        The network whose parameters are searched. Its `max_iter` is the highest number of epochs.
    param_distributions : dict or list of dicts
        Parameter names, and lists or distributions (with a method `rvs`, as those of scipy.stats).
    n_iter : int, default=None
        Number of candidates to sample, as in DenseRandomizedSearchCV. None tries all combinations;
        then all values must be lists.
    factor : float, default=3
        Each round keeps 1/factor of the candidates, and trains for factor times as many epochs.
    min_epochs : int, default=10
        Number of epochs in the first round.
    random_state : int, RandomState instance or None, default=None
        Determines the candidates that are sampled; the networks have their own.
    refit : bool or str, default=True
        Whether to fit the best candidate on all rows, in one go. With several metrics, the one that
        selects.
    scoring, n_jobs, cv, verbose, return_train_score
        As in DenseGridSearchCV.

    Attributes
    ----------
    cv_results_ : dict of ndarrays
        As in HalvingGridSearchCV: a row for each candidate in each round, with the columns `iter`
        (the round) and `n_resources` (its epochs). The times are those of the round.
    n_candidates_, n_resources_ : list of int
        Number of candidates of each round, and the number of epochs to which they are trained.
    epochs_trained_ : int
        Number of epochs of all fits in all rounds, without the refit.
    best_estimator_, best_score_, best_params_, best_index_, scorer_, n_splits_, refit_time_, \
multimetric_, classes_, n_features_in_, feature_names_in_
        As in DenseGridSearchCV.

    See Also
    --------
    DenseGridSearchCV : Trains all combinations to the end.
    DenseRandomizedSearchCV : Trains sampled candidates to the end.

    References
    ----------
    Jamieson and Talwalkar, "Non-stochastic Best Arm Identification and Hyperparameter
    Optimization", AISTATS 2016.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from winenet import DenseClassifier, DenseHalvingSearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> grid = {"hidden_layer_sizes": [(5,), (10,), (20,)], "alpha": [0.0001, 0.01, 1.0]}
    >>> search = DenseHalvingSearchCV(DenseClassifier(max_iter=90, random_state=0), grid)
    >>> search.fit(X, y).n_candidates_, search.n_resources_  # doctest: +SKIP
    ([9, 3, 1], [10, 30, 90])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BaseSearchCV._parameter_constraints,
        "param_distributions": [dict, list],
        "n_iter": [Interval(Integral, 1, None, closed="left"), None],
        "factor": [Interval(Real, 1, None, closed="neither")],
        "min_epochs": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
        "refit": ["boolean", str],
    }
    _searched = "param_distributions"
    _sklearn_class = "sklearn.model_selection.HalvingGridSearchCV"

    def __init__(
        self,
        estimator: DenseClassifier,
        param_distributions: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        n_iter: int | None = None,
        factor: float = 3,
        min_epochs: int = 10,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: Any = True,
        cv: Any = None,
        verbose: int = 0,
        random_state: Any = None,
        return_train_score: bool = False,
    ) -> None:
        super().__init__(
            estimator,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            error_score="raise",
            return_train_score=return_train_score,
        )
        self.param_distributions = param_distributions
        self.n_iter = n_iter
        self.factor = factor
        self.min_epochs = min_epochs
        self.random_state = random_state

    def _candidates(self) -> list[Candidate]:
        """Return the sampled candidates, or all combinations; check the arguments first."""
        check_distributions(self.param_distributions)
        items = parameter_items(self.param_distributions)
        if any(name == "max_iter" for name, _ in items):
            raise ValueError(
                "max_iter is among the parameters to search, but halving itself decides how many "
                f"epochs a network is trained. Remove it from {self._searched}, and set it in the "
                "estimator as the highest number of epochs."
            )
        distributions = [name for name, values in items if hasattr(values, "rvs")]
        if self.n_iter is None and distributions:
            raise ValueError(
                f"n_iter=None tries all combinations, but {distributions[0]} is a distribution, "
                "which has no list of values. Set n_iter to the number of candidates to sample."
            )
        if self.min_epochs > self.estimator.max_iter:
            raise ValueError(
                f"min_epochs={self.min_epochs} is more than max_iter={self.estimator.max_iter} of "
                "the estimator, so the first round cannot be trained. Lower min_epochs, or raise "
                "max_iter."
            )
        if not (self.scoring is None or isinstance(self.scoring, str) or callable(self.scoring)):
            self._check_metric(self.scoring)
        if self.n_iter is None:
            return list(ParameterGrid(self.param_distributions))
        return sample_candidates(self.param_distributions, self.n_iter, self.random_state)

    def _check_metric(self, scores: Any) -> None:
        """Raise ValueError if refit does not name one of several scores."""
        self._check_refit_for_multimetric(scores)
        if self.refit is False:
            raise ValueError(
                f"scoring gives several scores, {list(scores)}, and refit=False names none, so it "
                "is unclear which candidates continue. Set refit to one of them."
            )

    def _evaluate(
        self,
        candidates: list[Candidate],
        folds: list[tuple[Rows, Rows]],
        context: FitContext,
        metric: Any,
        root: Any,
    ) -> Evaluation:
        """Train and score the candidates in rounds; each fit continues from the round before."""
        rounds = self.plan_rounds(len(candidates))
        self.n_candidates_ = [n_candidates for n_candidates, _ in rounds]
        self.n_resources_ = [epochs for _, epochs in rounds]
        task = root.subcontext(task_name="search", max_subtasks=len(rounds))
        task.call_on_fit_task_begin(estimator=self)
        n_folds = len(folds)
        fits = self._make_fits(candidates, n_folds)
        _set_seeds(fits)
        remaining = list(range(len(candidates)))
        runs = [_FitRun(fit) for fit in fits]
        evaluation = Evaluation([], [], {"iter": [], "n_resources": []})
        for number, (n_candidates, epochs) in enumerate(rounds):
            if number > 0:
                remaining = self._best(remaining, runs, n_folds, n_candidates)
            active = [runs[i * n_folds + fold] for i in remaining for fold in range(n_folds)]
            name = f"round {number + 1} of {len(rounds)}, {epochs} epochs"
            self._run_round(name, active, folds, context._replace(pause_at=epochs), task)
            evaluation.candidates.extend(candidates[i] for i in remaining)
            evaluation.outcomes.extend(run.outcome for run in active)
            evaluation.columns["iter"] += [number] * n_candidates
            evaluation.columns["n_resources"] += [epochs] * n_candidates
        self.epochs_trained_ = sum(outcome["epochs"] for outcome in evaluation.outcomes)
        task.call_on_fit_task_end(estimator=self)
        return evaluation

    def plan_rounds(self, n_candidates: int) -> list[tuple[int, int]]:
        """Return (candidates, epochs) of each round; epochs: to which the networks are trained."""
        return plan_rounds(n_candidates, self.factor, self.min_epochs, self.estimator.max_iter)

    def _run_round(
        self,
        name: str,
        active: Sequence["_FitRun"],
        folds: Sequence[tuple[Rows, Rows]],
        context: FitContext,
        task: Any,
    ) -> None:
        """Train and score the fits that have not finished, all folds of a candidate in a row."""
        round_task = task.subcontext(
            task_name="halving-iteration", max_subtasks=len(active), sequential_subtasks=False
        )
        round_task.call_on_fit_task_begin(estimator=self)
        tracker = BestTracker(
            [run.fit.params for run in active[:: len(folds)]],
            len(folds),
            self.refit if isinstance(self.refit, str) else "score",
        )
        fits = []
        for i, run in enumerate(active):
            if run.finished:
                tracker.record(i, run.outcome["test_scores"])
                run.outcome = run.outcome | NOT_TRAINED
            else:
                # A copy, because training changes the model and its random_state.
                model = clone(run.fit.model)
                fits.append(run.fit._replace(fit_index=i, model=model, paused=run.paused))
        outcomes = self._run_fits(name, fits, folds, context, tracker, round_task)
        for i, outcome in outcomes.items():
            run = active[i]
            run.paused = outcome.pop("paused")
            run.finished = run.paused is None
            run.outcome = outcome if run.finished else outcome | {"hit_max_iter": None}
        round_task.call_on_fit_task_end(estimator=self)

    def _best(
        self, remaining: Sequence[int], runs: Sequence["_FitRun"], n_folds: int, count: int
    ) -> list[int]:
        """Return the best candidates by mean score, in their order; forget the others' networks."""
        scores = [run.outcome["test_scores"] for run in runs]
        if isinstance(scores[0], dict):
            self._check_metric(scores[0])
            scores = [score[self.refit] for score in scores]
        means = np.average(np.array(scores, np.float64).reshape(-1, n_folds), axis=1)
        ranked = sorted(remaining, key=lambda i: -means[i])  # stable: the first of equals is kept
        for i in ranked[count:]:
            for run in runs[i * n_folds : (i + 1) * n_folds]:
                run.paused = None
        return sorted(ranked[:count])

    @staticmethod
    def _select_best_index(_: Any, metric: str, results: Mapping[str, Any]) -> int:
        """Return the row of the best candidate of the last round; of equals, the first."""
        last = np.flatnonzero(results["iter"] == results["iter"].max())
        return int(last[results[f"mean_test_{metric}"][last].argmax()])


# What the outcome of a fit becomes in a round in which it was not trained, as it had finished.
NOT_TRAINED = {"fit_time": 0.0, "score_time": 0.0, "epochs": 0, "hit_max_iter": None}


@dataclass
class _FitRun:
    """A fit through the rounds: its untrained model, latest outcome and paused training."""

    fit: Fit
    outcome: dict[str, Any] = field(default_factory=dict)
    paused: PausedFit | None = None
    finished: bool = False


def plan_rounds(
    n_candidates: int, factor: float, min_epochs: int, max_iter: int
) -> list[tuple[int, int]]:
    """Return (candidates, epochs) of each round; epochs: to which the networks are trained.

    A single candidate has nothing to be compared with, so it goes on to max_iter at once.
    """
    rounds: list[tuple[int, int]] = []
    epochs = 0
    while epochs < max_iter:
        epochs = max(int(min_epochs * factor ** len(rounds)), epochs + 1)
        epochs = max_iter if n_candidates == 1 else min(epochs, max_iter)
        rounds.append((n_candidates, epochs))
        n_candidates = math.ceil(n_candidates / factor)
    return rounds


def _set_seeds(fits: Sequence[Fit]) -> None:
    """Give networks without a seed one: each round makes its start and validation rows again."""
    for fit in fits:
        if fit.model.random_state is None:
            fit.model.random_state = int(check_random_state(None).randint(2**31 - 1))
