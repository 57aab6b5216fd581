"""Count how many of the pipeline's networks the journal holds, without training.

Each stage's own function returns its fits, and the journal computes their keys, as in a run.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from winenet.data import splits
from winenet.data.folds import Folds, cv_splits
from winenet.data.preprocessing import Preprocessing, transform_to_frame
from winenet.data.split_data import EvaluationSet
from winenet.evaluation import importance, learning_curve, search_results, seeds, training_curves
from winenet.models.constraints import first_line
from winenet.models.registry import Fit, make_mlp_networks, make_network, networks_of
from winenet.network import journal
from winenet.network.parallel import count_cached
from winenet.params import Params


class TrainingRows(NamedTuple):
    """The rows that the stages train on, as the stage split writes them.

    Attributes
    ----------
    X, y : DataFrame, Series
        All training rows.
    cv : list of (ndarray, ndarray)
        The search's folds.
    curves_X, curves_y : DataFrame, Series
        The rows on which the stage curves trains.
    held_out : EvaluationSet
        Those that it holds out.
    size_keys : RowKeys
        What ties the rows that the stage learning_curve draws.
    source_columns : sequence of str
        The raw column of each feature.
    """

    X: pd.DataFrame
    y: pd.Series
    cv: Folds
    curves_X: pd.DataFrame
    curves_y: pd.Series
    held_out: EvaluationSet
    size_keys: splits.RowKeys
    source_columns: Sequence[str]


def training_rows(
    settings: Params,
    parts: splits.TrainTestSplit,
    fitted: Preprocessing,
    key: pd.Series | None,
    labels: splits.Labels,
) -> TrainingRows:
    """Return the rows that the stages will train on.

    Parameters
    ----------
    settings : Params
    parts : TrainTestSplit
        The raw table, cut.
    fitted : Preprocessing
        Of its training rows.
    key : Series or None
        The groups or times of the table's rows.
    labels : sequence of str or None
    """
    X, y = transform_to_frame(fitted, parts.X_train), parts.y_train.reset_index(drop=True)
    index = splits.split_index(parts, settings.split, key)
    train_rows = index[index["set"] == "train"].reset_index(drop=True)
    keys = splits.row_keys(train_rows, settings.split.duplicates)
    inner = splits.train_validation_split(X, y, settings.curves, keys, labels)
    seen = splits.duplicated_in_training(inner.X_train, inner.X_test)
    return TrainingRows(
        X,
        y,
        cv_splits(settings.grid_search.cv, y, keys),
        inner.X_train,
        inner.y_train,
        EvaluationSet(inner.X_test, inner.y_test, seen),
        splits.row_keys(train_rows),
        fitted.origins,
    )


def describe(
    settings: Params, rows: TrainingRows, best: Mapping[str, Any] | None, epochs: Mapping[str, int]
) -> str:
    """Return how many networks the journal holds, as the end of a sentence.

    Parameters
    ----------
    settings : Params
    rows : TrainingRows
    best : mapping, optional
        The parameters of the search's winner in the last run; None if they are not known.
    epochs : mapping of str to int
        By network, the epoch of the lowest held-out loss in the last run.

    Raises
    ------
    JournalError
        If WINENET_JOURNAL is neither on nor off.
    """
    if not journal.is_on():
        return "the journal is off, so all are trained"
    if not Path(journal.PATH).exists():
        return "the journal holds none of them yet"
    store = journal.SqliteFitStore(journal.PATH)
    pause = search_results.first_pause(settings.grid_search)
    n_networks = n_held = 0
    try:
        for fits, pause_at in _fits(settings, rows, best, epochs, pause):
            networks = networks_of(fits)
            n_networks += len(networks)
            models, data = [fit.model for fit in networks], [fit.rows for fit in networks]
            n_held += count_cached(models, data, store, pause_at)
    except (TypeError, ValueError) as error:  # such as parameters in a file edited by hand
        return f"those in the journal cannot be counted: {first_line(error)}"
    if store.error:
        return f"{journal.PATH} cannot be used ({store.error}), so all are trained"
    known = (
        "if the winner of the search is still that of data/grid_search_best.json"
        if best is not None
        else "not counting those of the search's winner, which is not known yet"
    )
    return f"the journal holds {n_held} of the {n_networks} networks among them, {known}"


def _fits(
    settings: Params,
    rows: TrainingRows,
    best: Mapping[str, Any] | None,
    epochs: Mapping[str, int],
    pause: int | None,
) -> Iterator[tuple[list[Fit], int | None]]:
    """Yield the fits of each stage, and the epoch at which they pause."""
    X, y, search = rows.X, rows.y, settings.grid_search
    of_mlp = make_mlp_networks(settings.mlp, settings.mlp.estimator).values()
    yield [Fit(network, (X, y)) for network in of_mlp], None
    if isinstance(settings.threshold, str):  # a score chooses it, on out-of-fold rows
        for network in of_mlp:
            yield search_results.out_of_fold_fits(network, X, y, rows.cv), None
    yield search_results.search_fits(X, y, search, rows.cv), pause
    networks = make_mlp_networks(settings.mlp)
    followed = (settings.curves, rows.curves_X, rows.curves_y)
    for name, network in networks.items():
        yield training_curves.followed_fits(network, *followed, rows.held_out), None
        if name in epochs:
            yield [training_curves.best_fit(network, *followed, epochs[name])], None
    if best is not None:
        winner = make_network(best, search.estimator)
        yield search_results.out_of_fold_fits(winner, X, y, rows.cv), None
        networks |= {"grid_search": make_network(best)}
    yield [*seeds.seed_fits(networks, X, y, settings.seeds).values()], None
    sizes = learning_curve.size_fits(networks, X, y, settings.learning_curve, rows.size_keys)
    yield [*sizes.values()], None
    drops = settings.importance.drop_features
    without = importance.drop_column_fits(networks, X, y, rows.source_columns, drops)
    yield [*without.values()], None
