"""Searches over dense networks by cross-validation: `DenseGridSearchCV`, `DenseRandomizedSearchCV`.

They try the candidates of scikit-learn's searches and select as those do.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.model_selection import (
    GridSearchCV,
    ParameterGrid,
    ParameterSampler,
    RandomizedSearchCV,
)

from winenet.network.base_search import BaseDenseSearchCV, Candidate
from winenet.network.classifier import DenseClassifier


class DenseGridSearchCV(BaseDenseSearchCV, GridSearchCV):
    """Exhaustive search over a grid of DenseClassifier's parameters, by cross-validation.

    Parameters and fitted attributes are those of scikit-learn's GridSearchCV, and so is the
    selection: the first candidate with the best mean score. The differences:

    - A fit that fails, or a score that is NaN, is always an error (there is no `error_score`, and
      no `pre_dispatch`).
    - BLAS uses one thread in each process and in the refit.
    - `fit_time` of a fit is its share, by epochs, of the time that its stack took.
    - Callbacks are invoked after each fit and after each epoch of the refit.

    Parameters
    ----------
    estimator : DenseClassifier
        The network whose parameters are searched.
    param_grid : dict or list of dicts
        Parameter names and the values to try.
    scoring : str, callable, list, tuple or dict, default=None
        How the validation fold is scored; by default, by accuracy.
    n_jobs : int, default=None
        Number of processes, as in scikit-learn.
    refit : bool, str or callable, default=True
        Whether, and with several metrics by which one, to fit the best candidate on all rows.
    cv : int, cross-validation generator or iterable, default=None
        The folds; by default, 5 stratified ones.
    verbose : int, default=0
        If 1, show the candidates done, the best so far and the time left.
    return_train_score : bool, default=False
        Whether to score the training rows of each fold, too.

    Attributes
    ----------
    cv_results_, best_estimator_, best_score_, best_params_, best_index_, scorer_, n_splits_, \
refit_time_, multimetric_, classes_, n_features_in_, feature_names_in_
        As in GridSearchCV.

    See Also
    --------
    DenseRandomizedSearchCV : Samples the candidates.
    DenseHalvingSearchCV : Trains only the best candidates to the end.
    fit_many : Fits many networks without scoring them.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from winenet import DenseClassifier, DenseGridSearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> grid = {"hidden_layer_sizes": [(10,), (20, 10)], "alpha": [0.0001, 0.01]}
    >>> search = DenseGridSearchCV(DenseClassifier(random_state=0), grid, n_jobs=2)
    >>> search.fit(X, y).best_params_  # doctest: +SKIP
    {'alpha': 0.0001, 'hidden_layer_sizes': (20, 10)}
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

    def _candidates(self) -> list[Candidate]:
        """Return all combinations of the grid."""
        return list(ParameterGrid(self.param_grid))


class DenseRandomizedSearchCV(BaseDenseSearchCV, RandomizedSearchCV):
    """Search over randomly sampled parameters of a DenseClassifier, by cross-validation.

    Candidates and selection are those of scikit-learn's RandomizedSearchCV, and so are the
    parameters and fitted attributes. The differences are those of DenseGridSearchCV.

    Parameters
    ----------
    estimator : DenseClassifier
        The network whose parameters are searched.
    param_distributions : dict or list of dicts
        Parameter names, and lists or distributions (with a method `rvs`, as those of scipy.stats)
        to sample from. If all are lists, no candidate is drawn twice.
    n_iter : int, default=10
        Number of candidates.
    scoring, n_jobs, refit, cv, verbose, return_train_score
        As in DenseGridSearchCV.
    random_state : int, RandomState instance or None, default=None
        Determines the candidates; the networks have their own.

    Attributes
    ----------
    cv_results_, best_estimator_, best_score_, best_params_, best_index_, scorer_, n_splits_, \
refit_time_, multimetric_, classes_, n_features_in_, feature_names_in_
        As in RandomizedSearchCV.

    See Also
    --------
    DenseGridSearchCV : Tries all combinations.
    DenseHalvingSearchCV : Trains only the best candidates to the end.

    References
    ----------
    Bergstra and Bengio, "Random Search for Hyper-Parameter Optimization", JMLR 2012.

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> from sklearn.datasets import load_iris
    >>> from winenet import DenseClassifier, DenseRandomizedSearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> distributions = {"hidden_layer_sizes": [(10,), (20, 10)], "alpha": loguniform(1e-5, 1)}
    >>> search = DenseRandomizedSearchCV(
    ...     DenseClassifier(random_state=0), distributions, n_iter=20, random_state=0, n_jobs=2
    ... )
    >>> search.fit(X, y).best_params_["hidden_layer_sizes"]  # doctest: +SKIP
    (20, 10)
    """

    _searched = "param_distributions"
    _sklearn_class = "sklearn.model_selection.RandomizedSearchCV"

    def __init__(
        self,
        estimator: DenseClassifier,
        param_distributions: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        n_iter: int = 10,
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
            param_distributions,
            n_iter=n_iter,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            random_state=random_state,
            error_score="raise",
            return_train_score=return_train_score,
        )

    def _candidates(self) -> list[Candidate]:
        """Return the sampled candidates."""
        return sample_candidates(self.param_distributions, self.n_iter, self.random_state)


def sample_candidates(distributions: Any, n_iter: int, random_state: Any) -> list[Candidate]:
    """Return n_iter candidates, as RandomizedSearchCV samples them."""
    check_distributions(distributions)
    return list(ParameterSampler(distributions, n_iter, random_state=random_state))


def check_distributions(distributions: Any) -> None:
    """Raise ValueError if the values of a parameter are neither a list nor a distribution."""
    for name, values in parameter_items(distributions):
        is_list = isinstance(values, Sequence | np.ndarray) and not isinstance(values, str)
        if not is_list and not hasattr(values, "rvs"):
            raise ValueError(
                f"{name}={values!r} is neither a list nor a distribution (an object with the "
                "method rvs), so no value can be drawn from it. Use a list, such as [0.1, 0.2], "
                "or a distribution of scipy.stats."
            )


def parameter_items(distributions: Any) -> list[tuple[str, Any]]:
    """Return the parameters to search with their values; of several dicts, those of all."""
    dicts = [distributions] if isinstance(distributions, Mapping) else distributions
    return [item for one in dicts for item in one.items()]
