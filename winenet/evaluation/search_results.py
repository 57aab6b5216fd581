"""Run the grid search, and tabulate its candidates, folds and out-of-fold predictions."""

import contextlib
import math
import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pandas as pd
from joblib import parallel_config
from scipy import stats
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.utils.parallel import Parallel, delayed

from winenet.data.folds import Folds, cv_splits
from winenet.data.splits import INDEPENDENT, RowKeys
from winenet.errors import InputError
from winenet.evaluation.scoring import probability_columns
from winenet.models.constraints import as_parameter, raise_faults
from winenet.models.parameters import n_candidates, search_faults
from winenet.models.registry import Fit, format_layer_sizes, make_network
from winenet.network.classifier import DenseClassifier
from winenet.network.halving import DenseHalvingSearchCV
from winenet.network.layers import n_parameters
from winenet.network.parallel import fit_many, n_workers
from winenet.network.search import DenseGridSearchCV, DenseRandomizedSearchCV
from winenet.params import Distribution, GridSearch
from winenet.progress import SearchProgress

Network: TypeAlias = Any  # a DenseClassifier or an MLPClassifier, which has no types

# scikit-learn's names of the scores for more than two classes.
MULTICLASS_SCORING = {"f1": "f1_macro", "roc_auc": "roc_auc_ovr"}


def sklearn_scoring(settings: GridSearch, n_classes: int) -> str:
    """Return scikit-learn's name of the score that the search uses."""
    return (
        settings.scoring
        if n_classes == 2
        else MULTICLASS_SCORING.get(settings.scoring, settings.scoring)
    )


class SearchError(InputError):
    """A candidate of the grid could not be trained."""


class SearchResult(NamedTuple):
    """The outcome of the search.

    Attributes
    ----------
    candidates : DataFrame
        One row per candidate.
    best : Series
        The row of the best one.
    parameters : dict
        All parameters of the best one, those of grid_search.defaults included.
    model : DenseClassifier or MLPClassifier
        The best one, fitted on all rows.
    fits_at_max_iter : int
        How many fits over all folds max_iter stopped, possibly unconverged.
    epochs : int
        The epochs of all fits over all folds.
    """

    candidates: pd.DataFrame
    best: pd.Series
    parameters: dict[str, Any]
    model: Network
    fits_at_max_iter: int
    epochs: int


def epochs_trained(fitted: Network, *_: object) -> int:
    """Return the number of epochs of a fit. A scorer, so that the search records it per fold."""
    return int(fitted.n_iter_)


def grid_search(
    X: pd.DataFrame, y: pd.Series, settings: GridSearch, keys: RowKeys = INDEPENDENT
) -> SearchResult:
    """Cross-validate the candidates of the search and refit the best one on all rows.

    Of equal means the first candidate wins, as in `GridSearchCV`. The number of processes does not
    change the result. The notebook searches three sizes and three learning rates.

    Parameters
    ----------
    X : DataFrame of shape (rows, features)
        Scaled.
    y : Series of shape (rows,)
        Class codes.
    settings : GridSearch
    keys : RowKeys
        What ties the rows to each other; the folds follow it.

    Raises
    ------
    ParamsError
        If the parameters are invalid.
    SearchError
        If a fit fails; it must not count as a bad score.
    """
    raise_faults(search_faults(settings, y.nunique()))
    search = _search(settings, cv_splits(settings.cv, y, keys), y.nunique())
    with _quiet_processes():
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
    epochs = candidates.filter(regex=r"^split\d+_epochs$").to_numpy()
    best = {name: _plain(value) for name, value in search.best_params_.items()}
    return SearchResult(
        candidates,
        candidates.loc[search.best_index_],
        settings.defaults | best,
        search.best_estimator_,
        _n_unconverged(search, candidates),
        int(getattr(search, "epochs_trained_", epochs.sum())),
    )


def _searched_values(name: str, given: list[Any] | Distribution) -> Any:
    """Return the values of a parameter as the search takes them: a list, or a distribution."""
    if isinstance(given, list):
        return [as_parameter(name, value) for value in given]
    if given.loguniform is not None:
        return stats.loguniform(*given.loguniform)
    if given.uniform is not None:
        low, high = given.uniform
        return stats.uniform(low, high - low)
    low, high = map(int, given.randint or ())
    return stats.randint(low, high)


def _plain(value: Any) -> Any:
    """Return a drawn value as Python's own number."""
    return value.item() if isinstance(value, np.generic) else value


@contextlib.contextmanager
def _quiet_processes() -> Iterator[None]:
    """Run joblib's workers with one BLAS thread each, and without convergence warnings.

    The table of candidates has the epochs of each fit; 45 warnings would hide everything else.
    """
    with (
        parallel_config(backend="loky", n_jobs=n_workers(), inner_max_num_threads=1),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def out_of_fold_predictions(
    best_model: Network, X: pd.DataFrame, y: pd.Series, cv: Folds, rows: pd.DataFrame
) -> pd.DataFrame:
    """Predict each row that a fold holds out with the network of this fold.

    Parameters
    ----------
    best_model : DenseClassifier or MLPClassifier
        It is cloned and trained on each fold.
    X, y : DataFrame, Series
        The training rows.
    cv : list of (ndarray, ndarray)
        As from `folds.cv_splits`.
    rows : DataFrame
        row and group of each training row.

    Returns
    -------
    DataFrame
        One row per training row that a fold holds out, in the order of the training rows: row,
        the label, fold, predicted, the columns of `probability_columns`, and in_training (whether
        the fold's network was trained on a row of the same group). With folds in time, the first
        training rows are in none.
    """
    fits = out_of_fold_fits(best_model, X, y, cv)
    models, rows_of = [fit.model for fit in fits], [fit.rows for fit in fits]
    with _quiet_processes():
        if isinstance(best_model, DenseClassifier):
            # The same fits as in the search, so the journal has them.
            models = fit_many(models, rows_of, n_jobs=n_workers())
        else:
            models = Parallel()(delayed(fit.model.fit)(*fit.rows) for fit in fits)
    P = np.empty((len(y), len(best_model.classes_)))
    fold, in_training = np.full(len(y), -1), np.zeros(len(y), dtype=bool)
    for number, (model, (train, scored)) in enumerate(zip(models, cv, strict=True)):
        P[scored] = model.predict_proba(X.iloc[scored])
        fold[scored] = number
        in_training[scored] = rows["group"].iloc[scored].isin(rows["group"].iloc[train])
    held_out = np.flatnonzero(fold >= 0)
    return pd.DataFrame(
        {
            "row": rows["row"].to_numpy()[held_out],
            str(y.name): y.to_numpy()[held_out],
            "fold": fold[held_out],
            "predicted": best_model.classes_[P[held_out].argmax(axis=1)],
            **probability_columns(P[held_out]),
            "in_training": in_training[held_out],
        }
    )


def search_fits(X: pd.DataFrame, y: pd.Series, settings: GridSearch, cv: Folds) -> list[Fit]:
    """Return the fits of the search over all folds; none of scikit-learn's.

    Of a halving search they are those of the first round, which pause at `first_pause`: the others
    depend on their scores.
    """
    if settings.estimator != "winenet":
        return []
    rows = [(X.iloc[train], y.iloc[train]) for train, _ in cv]
    networks = _search(settings, cv, y.nunique()).make_networks()
    return [Fit(clone(network), rows_of_fold) for rows_of_fold in rows for network in networks]


def first_pause(settings: GridSearch) -> int | None:
    """Return the number of epochs at which the fits of the search pause first, or None."""
    if settings.method != "halving":
        return None
    search = _search(settings, [], 2)
    return int(search.plan_rounds(n_candidates(settings))[0][1])


def out_of_fold_fits(best_model: Network, X: pd.DataFrame, y: pd.Series, cv: Folds) -> list[Fit]:
    """Return the fits of a network, one per fold."""
    return [Fit(clone(best_model), (X.iloc[train], y.iloc[train])) for train, _ in cv]


def _search(settings: GridSearch, cv: Folds, n_classes: int) -> GridSearchCV:
    """Return the search, unfitted; it also records accuracy and epochs for every fold."""
    grid = {name: _searched_values(name, given) for name, given in settings.param_grid.items()}
    network = make_network(settings.defaults, settings.estimator)
    options: dict[str, Any] = {
        "cv": cv,
        "scoring": {
            "score": sklearn_scoring(settings, n_classes),
            "accuracy": "accuracy",
            "epochs": epochs_trained,
        },
        "refit": "score",
    }
    draws: dict[str, Any] = {"n_iter": settings.n_iter, "random_state": settings.search_seed}
    if settings.method == "halving":
        rounds = {"factor": settings.factor, "min_epochs": settings.min_epochs}
        given: dict[str, Any] = {
            name: value for name, value in (rounds | draws).items() if value is not None
        }
        return DenseHalvingSearchCV(network, grid, verbose=1, **given, **options)
    random = settings.method == "random"
    if settings.estimator == "winenet":
        ours = DenseRandomizedSearchCV if random else DenseGridSearchCV
        return ours(network, grid, verbose=1, **(draws if random else {}), **options)
    theirs = RandomizedSearchCV if random else GridSearchCV
    search = theirs(network, grid, error_score="raise", **(draws if random else {}), **options)
    return search.set_callbacks(SearchProgress(settings.cv * n_candidates(settings)))


def _candidates(search: GridSearchCV, cv: int) -> pd.DataFrame:
    """Return one row per candidate: parameters, score of each fold, mean, sd, rank, epochs.

    within_one_standard_error: whether the mean is within one standard error of the best mean, over
    the folds of the best candidate.

    References
    ----------
    Breiman, Friedman, Olshen and Stone (1984), Classification and Regression Trees, 3.4.3.
    """
    results = search.cv_results_
    candidates = results["params"]
    table = pd.DataFrame(
        {
            "candidate": [candidate_name(params) for params in candidates],
            **{name: [cell(params[name]) for params in candidates] for name in candidates[0]},
            "mean_test_score": results["mean_test_score"],
            "std_test_score": results["std_test_score"],
            "rank_test_score": results["rank_test_score"],
            "mean_test_accuracy": results["mean_test_accuracy"],
        }
    )
    if "n_resources" in results:  # of halving: the epochs to which a candidate was trained
        table["round"] = np.asarray(results["iter"]) + 1
        table["max_epochs"] = results["n_resources"]
    for fold in range(cv):
        table[f"split{fold}_test_score"] = results[f"split{fold}_test_score"]
    for fold in range(cv):
        table[f"split{fold}_epochs"] = results[f"split{fold}_test_epochs"].astype(int)
    outputs = 1 if len(search.classes_) == 2 else len(search.classes_)
    table["parameters"] = [
        n_parameters([search.n_features_in_, *_layer_sizes(search, params), outputs])
        for params in candidates
    ]
    best = table.loc[search.best_index_]
    deficit = best["mean_test_score"] - table["mean_test_score"]
    table["within_one_standard_error"] = deficit <= _standard_error(best)
    return _last_rounds(table) if "round" in table else table


def _last_rounds(table: pd.DataFrame) -> pd.DataFrame:
    """Return the last round of each candidate, ranked by round and score; the index stays."""
    last = table.drop_duplicates("candidate", keep="last").copy()
    in_last_round = last["round"] == last["round"].max()
    last["within_one_standard_error"] &= in_last_round
    order = last.sort_values(["round", "mean_test_score"], ascending=False, kind="stable").index
    last["rank_test_score"] = pd.Series(range(1, len(order) + 1), index=order)
    return last


def candidate_name(params: Mapping[str, Any]) -> str:
    """Return a candidate as a text: "50-25 at 0.001", and other parameters by name and value."""
    values = {
        name: f"{value:.4g}" if isinstance(value, float) else str(cell(value))
        for name, value in params.items()
    }
    parts = []
    if "hidden_layer_sizes" in values:
        parts.append(values.pop("hidden_layer_sizes"))
        if "learning_rate_init" in values:
            parts[0] += f" at {values.pop('learning_rate_init')}"
    return ", ".join([*parts, *(f"{name} {value}" for name, value in values.items())])


def cell(value: Any) -> Any:
    """Return the value of a parameter for a cell of a table: layer sizes as "50-25"."""
    if isinstance(value, list | tuple):
        return format_layer_sizes(value)
    return value if isinstance(value, str | int | float) else str(value)


def _layer_sizes(search: GridSearchCV, params: Mapping[str, Any]) -> list[int]:
    """Return the hidden layers of a candidate."""
    sizes = params.get("hidden_layer_sizes", search.estimator.hidden_layer_sizes)
    return [int(size) for size in np.atleast_1d(sizes)]


def _standard_error(candidate: pd.Series) -> float:
    """Return the standard error of a candidate's mean score over its folds."""
    folds = len(candidate.filter(regex=r"^split\d+_test_score$"))
    # The sd in the table divides by the number of folds, the unbiased one by one less.
    return float(candidate["std_test_score"]) / math.sqrt(folds - 1)


def selection_diagnostics(
    candidates: pd.DataFrame, best: pd.Series, searched: Iterable[str]
) -> dict[str, Any]:
    """Return which candidates are as good as the best one, and whether it is on the grid's edge.

    On an edge, a parameter has the smallest or the largest of several values, so a better one may
    be outside the grid. Layer sizes are ordered by the number of parameters. Of equally small
    candidates the better one is named. searched: the names of the grid's parameters.
    """
    rounds = candidates["round"] if "round" in candidates else pd.Series(1, candidates.index)
    close = candidates[candidates["within_one_standard_error"]]
    smallest = close.sort_values(["parameters", "rank_test_score"], kind="stable").iloc[0]
    return {
        "standard_error": _standard_error(best),
        "trained_to_the_end": (rounds == rounds.max()).sum(),
        "within_one_standard_error": len(close),
        "smallest_within_one_standard_error": smallest["candidate"],
        "on_edge": {
            name: _at_grid_boundary(best[column], candidates[column])
            for name in searched
            for column in ["parameters" if name == "hidden_layer_sizes" else name]
        },
    }


def _at_grid_boundary(value: Any, values: pd.Series) -> bool:
    """Return whether a number is the least or the largest of several; texts have no edge."""
    if not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        return False
    return values.nunique() > 1 and value in (values.min(), values.max())


def _n_unconverged(search: GridSearchCV, candidates: pd.DataFrame) -> int:
    """Return the number of fits over all folds that max_iter stopped, possibly unconverged."""
    limits = [
        search.cv_results_["params"][row].get("max_iter", search.estimator.max_iter)
        for row in candidates.index
    ]
    epochs = candidates.filter(regex=r"^split\d+_epochs$").to_numpy()
    return int((epochs == np.array(limits)[:, np.newaxis]).sum())
