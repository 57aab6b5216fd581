"""Makes the networks that params.yaml asks for, and tells of a search what each fold brought.

`estimator` chooses who trains, winenet or scikit-learn; both make the same numbers.
"""

import math
import warnings
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pandas as pd
from joblib import parallel_config
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedGroupKFold,
    StratifiedKFold,
    cross_val_predict,
)

from winenet.errors import InputError
from winenet.evaluation.scoring import probability_columns
from winenet.models.registry import format_layer_sizes, make_network
from winenet.network.classifier import DenseClassifier
from winenet.network.layers import n_parameters
from winenet.network.parallel import fit_many, n_workers
from winenet.network.search import DenseGridSearchCV
from winenet.params import GridSearch
from winenet.progress import SearchProgress

Network: TypeAlias = Any  # a DenseClassifier or an MLPClassifier, which has no types
Folds: TypeAlias = list[tuple[Any, Any]]  # per fold the places of the training and scored rows


# What a score is called in scikit-learn when there are more than two classes.
MULTICLASS_SCORING = {"f1": "f1_macro", "roc_auc": "roc_auc_ovr"}


def sklearn_scoring(settings: GridSearch, classes: int) -> str:
    """Return what scikit-learn calls the search's score, of so many classes."""
    return (
        settings.scoring
        if classes == 2
        else MULTICLASS_SCORING.get(settings.scoring, settings.scoring)
    )


class SearchError(InputError):
    """A candidate of the grid could not be trained."""


class SearchResult(NamedTuple):
    """What a search brings home: the table of candidates, the best of them, the refitted model."""

    candidates: pd.DataFrame
    best: pd.Series
    model: Network


def epochs_trained(fitted: Network, *_: object) -> int:
    """Return how many epochs a fit took; a scorer, so that the search keeps it for each fold."""
    return int(fitted.n_iter_)


def grid_search(
    X: pd.DataFrame, y: pd.Series, settings: GridSearch, groups: pd.Series | None = None
) -> SearchResult:
    """Cross-validate every combination and refit the best on all rows.

    X: (rows, features), normalised. y: (rows,), codes. groups: (rows,), whose rows are to stay
    in one fold. On equal means the first candidate wins, as in `GridSearchCV`. The number of
    processes cannot change a result.
    Raises SearchError when a fit fails: it must not count as a bad score.
    Source: notebook, the search over three sizes and three learning rates.
    """
    sizes = [tuple(one) for one in settings.param_grid.hidden_layer_sizes]
    rates = settings.param_grid.learning_rate_init
    grid: dict[str, list[Any]] = {"hidden_layer_sizes": sizes, "learning_rate_init": rates}
    network = make_network(settings, settings.estimator)
    cv = cv_splits(settings.cv, X, y, groups)
    search = _search(network, grid, settings, cv, y.nunique())
    # One BLAS thread a process: more fight each other for the cores.
    with (
        parallel_config(backend="loky", n_jobs=n_workers(), inner_max_num_threads=1),
        warnings.catch_warnings(),
    ):
        # The table tells which fits ended at max_iter; 45 warnings would hide everything else.
        warnings.simplefilter("ignore", ConvergenceWarning)
        try:
            search.fit(X, y)
        except ValueError as error:
            raise SearchError(
                f"A network of the grid could not be trained: {error} "
                "The table of candidates would be incomplete, so the search was stopped. "
                "Change grid_search.param_grid in params.yaml; try a smaller learning_rate_init "
                "first."
            ) from error
    candidates = _candidates(search, settings.cv)
    return SearchResult(candidates, candidates.iloc[search.best_index_], search.best_estimator_)


def cv_splits(cv: int, X: pd.DataFrame, y: pd.Series, groups: pd.Series | None = None) -> Folds:
    """Return the folds, as (training rows, scored rows); without groups those of `cv=5`."""
    splitter = StratifiedKFold(cv) if groups is None else StratifiedGroupKFold(cv)
    return list(splitter.split(X, y, groups))


def out_of_fold_predictions(
    winner: Network, X: pd.DataFrame, y: pd.Series, cv: Folds, rows: pd.DataFrame
) -> pd.DataFrame:
    """Predict each training row by the fold's network that did not train on it.

    winner: the refitted network; it is trained once more on each fold. rows: row and group of
    each training row. Returns a line a row: row, the label, fold, predicted, probability of class
    1, in_training (whether the fold's network trained on a row of the same group).
    """
    with (
        parallel_config(backend="loky", n_jobs=n_workers(), inner_max_num_threads=1),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore", ConvergenceWarning)
        if isinstance(winner, DenseClassifier):
            # The very fits of the search, which the journal remembers.
            models = fit_many(
                [clone(winner) for _ in cv],
                [(X.iloc[train], y.iloc[train]) for train, _ in cv],
                n_jobs=n_workers(),
            )
            P = np.empty((len(y), len(winner.classes_)))
            for model, (_, scored) in zip(models, cv, strict=True):
                P[scored] = model.predict_proba(X.iloc[scored])
        else:
            P = cross_val_predict(clone(winner), X, y, cv=cv, method="predict_proba")
    fold, seen = np.zeros(len(y), dtype=int), np.zeros(len(y), dtype=bool)
    for number, (train, scored) in enumerate(cv):
        fold[scored] = number
        seen[scored] = rows["group"].iloc[scored].isin(rows["group"].iloc[train])
    return pd.DataFrame(
        {
            "row": rows["row"].to_numpy(),
            str(y.name): y.to_numpy(),
            "fold": fold,
            "predicted": winner.classes_[P.argmax(axis=1)],
            **probability_columns(P),
            "in_training": seen,
        }
    )


def _search(
    network: Network, grid: dict[str, list[Any]], settings: GridSearch, cv: Folds, classes: int
) -> GridSearchCV:
    """Return the search that has not begun; the table needs accuracy and epochs of every fold."""
    how: dict[str, Any] = {
        "cv": cv,
        "scoring": {
            "score": sklearn_scoring(settings, classes),
            "accuracy": "accuracy",
            "epochs": epochs_trained,
        },
        "refit": "score",
    }
    if settings.estimator == "winenet":
        return DenseGridSearchCV(network, grid, verbose=1, **how)
    fits = settings.cv * math.prod(len(values) for values in grid.values())
    search = GridSearchCV(network, grid, error_score="raise", **how)
    return search.set_callbacks(SearchProgress(fits))


def _candidates(search: GridSearchCV, cv: int) -> pd.DataFrame:
    """Return a line a candidate: parameters, score of each fold, mean, sd, rank, epochs.

    within_one_standard_error: of the best mean; the standard error is that of the best's folds.
    Source: Breiman, Friedman, Olshen and Stone (1984), Classification and Regression Trees, 3.4.3.
    """
    results = search.cv_results_
    sizes = [format_layer_sizes(params["hidden_layer_sizes"]) for params in results["params"]]
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
    outputs = 1 if len(search.classes_) == 2 else len(search.classes_)
    table["parameters"] = [
        n_parameters([search.n_features_in_, *params["hidden_layer_sizes"], outputs])
        for params in results["params"]
    ]
    best = table.iloc[search.best_index_]
    behind = best["mean_test_score"] - table["mean_test_score"]
    table["within_one_standard_error"] = behind <= _standard_error(best)
    return table


def _standard_error(candidate: pd.Series) -> float:
    """Return the standard error of a candidate's mean score, from the spread of its folds."""
    folds = len(candidate.filter(regex=r"^split\d+_test_score$"))
    # The table's sd divides by the number of folds, an unbiased variance by one less.
    return float(candidate["std_test_score"]) / math.sqrt(folds - 1)


def selection_diagnostics(candidates: pd.DataFrame, best: pd.Series) -> dict[str, Any]:
    """Tell how well founded the choice is: what else is as good, and what the grid leaves out.

    candidates: as `grid_search` found them. best: the chosen one. On an edge: the value is the
    least or the largest of several, networks being ordered by their number of parameters, so a
    better one may lie outside. Of equally small candidates the better one is named.
    """
    close = candidates[candidates["within_one_standard_error"]]
    smallest = close.sort_values(["parameters", "rank_test_score"], kind="stable").iloc[0]
    return {
        "standard_error": _standard_error(best),
        "within_one_standard_error": len(close),
        "smallest_within_one_standard_error": smallest["candidate"],
        "on_edge": {
            "hidden_layer_sizes": _at_grid_boundary(best["parameters"], candidates["parameters"]),
            "learning_rate_init": _at_grid_boundary(
                best["learning_rate_init"], candidates["learning_rate_init"]
            ),
        },
    }


def _at_grid_boundary(value: float, values: pd.Series) -> bool:
    return values.nunique() > 1 and value in (values.min(), values.max())


def n_unconverged(candidates: pd.DataFrame, max_iter: int) -> int:
    """Count the folds' fits that were ended by max_iter; they had perhaps not converged."""
    return int((candidates.filter(regex=r"_epochs$") == max_iter).to_numpy().sum())
