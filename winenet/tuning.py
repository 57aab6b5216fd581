"""Makes the networks that params.yaml asks for, and tells of a search what each fold brought.

`estimator` chooses who trains, winenet or scikit-learn; both make the same numbers.
"""

import math
import os
import warnings
from typing import Any, NamedTuple, TypeAlias

import pandas as pd
from joblib import cpu_count, parallel_config
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier

from winenet.errors import InputError
from winenet.estimator import DenseClassifier
from winenet.params import GridSearch
from winenet.progress import SearchProgress
from winenet.search import DenseGridSearchCV

Network: TypeAlias = Any  # a DenseClassifier or an MLPClassifier, which has no types


class SearchError(InputError):
    """A candidate of the grid could not be trained."""


class Found(NamedTuple):
    """What a search brings home: the table of candidates, the best of them, the refitted model."""

    candidates: pd.DataFrame
    best: pd.Series
    model: Network


def new_network(estimator: str, **parameters: Any) -> Network:
    """Return an unfitted network. estimator: "winenet" or "scikit-learn"."""
    return DenseClassifier(**parameters) if estimator == "winenet" else MLPClassifier(**parameters)


def epochs_trained(fitted: Network, *_: object) -> int:
    """Return how many epochs a fit took; a scorer, so that the search keeps it for each fold."""
    return int(fitted.n_iter_)


def grid_search(X: pd.DataFrame, y: pd.Series, settings: GridSearch) -> Found:
    """Cross-validate every combination and refit the best on all rows.

    X: (rows, features), normalised. y: (rows,) of 0 and 1. On equal means the first candidate
    wins, as in `GridSearchCV`. The number of processes cannot change a result.
    Raises SearchError when a fit fails: it must not count as a bad score.
    Source: notebook, the search over three sizes and three learning rates.
    """
    sizes = [tuple(one) for one in settings.param_grid.hidden_layer_sizes]
    rates = settings.param_grid.learning_rate_init
    grid: dict[str, list[Any]] = {"hidden_layer_sizes": sizes, "learning_rate_init": rates}
    network = new_network(
        settings.estimator, max_iter=settings.max_iter, random_state=settings.random_state
    )
    search = _search(network, grid, settings)
    # One BLAS thread a process: more fight each other for the cores.
    with (
        parallel_config(backend="loky", n_jobs=workers(), inner_max_num_threads=1),
        warnings.catch_warnings(),
    ):
        # The table tells which fits ended at max_iter; 45 warnings would hide everything else.
        warnings.simplefilter("ignore", ConvergenceWarning)
        try:
            search.fit(X, y)
        except ValueError as error:
            raise SearchError(
                f"A network of the grid could not be trained: {error} "
                "No candidate may drop out silently, so the search was ended. "
                "Change grid_search.param_grid in params.yaml; a smaller learning_rate_init "
                "is the first thing to try."
            ) from error
    candidates = _candidates(search, settings.cv)
    return Found(candidates, candidates.iloc[search.best_index_], search.best_estimator_)


def _search(network: Network, grid: dict[str, list[Any]], settings: GridSearch) -> GridSearchCV:
    """Return the search that has not begun; the table needs accuracy and epochs of every fold."""
    how: dict[str, Any] = {
        "cv": settings.cv,
        "scoring": {"score": settings.scoring, "accuracy": "accuracy", "epochs": epochs_trained},
        "refit": "score",
    }
    if settings.estimator == "winenet":
        return DenseGridSearchCV(network, grid, verbose=1, **how)
    fits = settings.cv * math.prod(len(values) for values in grid.values())
    search = GridSearchCV(network, grid, error_score="raise", **how)
    return search.set_callbacks(SearchProgress(fits))


def workers() -> int:
    """Return the number of processes: WINENET_WORKERS, or one a core.

    Raises SearchError when WINENET_WORKERS is no positive whole number.
    """
    asked = os.environ.get("WINENET_WORKERS")
    if asked is None:
        return int(cpu_count())
    if not asked.isdecimal() or int(asked) < 1:
        raise SearchError(
            f"WINENET_WORKERS={asked} is no number of processes, so the search was not begun. "
            "It must be a whole number from 1 up; unset it for one process a core."
        )
    return int(asked)


def size_name(sizes: tuple[int, ...] | list[int]) -> str:
    """Return (50, 25) as "50-25", which fits into a table's cell."""
    return "-".join(map(str, sizes))


def _candidates(search: GridSearchCV, cv: int) -> pd.DataFrame:
    """Return a line a candidate: parameters, score of each fold, mean, sd, rank, epochs."""
    results = search.cv_results_
    sizes = [size_name(params["hidden_layer_sizes"]) for params in results["params"]]
    rates = [params["learning_rate_init"] for params in results["params"]]
    table = pd.DataFrame(
        {
            "candidate": [f"{size} at {rate:g}" for size, rate in zip(sizes, rates, strict=True)],
            "hidden_layer_sizes": sizes,
            "learning_rate_init": rates,
            "mean_test_score": results["mean_test_score"],
            "std_test_score": results["std_test_score"],
            "rank_test_score": results["rank_test_score"],
            "mean_test_accuracy": results["mean_test_accuracy"],
        }
    )
    for fold in range(cv):
        table[f"split{fold}_test_score"] = results[f"split{fold}_test_score"]
    for fold in range(cv):
        table[f"split{fold}_epochs"] = results[f"split{fold}_test_epochs"].astype(int)
    return table


def fits_at_max_iter(candidates: pd.DataFrame, max_iter: int) -> int:
    """Count the folds' fits that were ended by max_iter; they had perhaps not converged."""
    return int((candidates.filter(regex=r"_epochs$") == max_iter).to_numpy().sum())
