"""Split a table into training, test and held-out rows, and find duplicates."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import train_test_split

from winenet.errors import InputError
from winenet.params import Curves, LearningCurve, Split

Labels = Sequence[str] | None  # by class, as the raw files write them; None: the class itself


class SplitError(InputError):
    """A table cannot be cut, or its parts would be too small."""


class TrainTestSplit(NamedTuple):
    """A table cut in two: features and labels of either set, with the table's row numbers."""

    X_train: pd.DataFrame
    X_test: pd.DataFrame
    y_train: pd.Series
    y_test: pd.Series


class RowKeys(NamedTuple):
    """What ties the training rows to each other; nothing by default.

    Attributes
    ----------
    groups : Series of int, shape (rows,), or None
        Rows of a group stay in one set and in one fold.
    of_column : bool
        Whether the groups are those of `split.column`. They may be few and have any classes, so
        they are drawn without regard to the classes.
    times : Series of int, shape (rows,), or None
        The ranks of the rows' times, in ascending order. Training rows are never later than the
        rows that a model is scored on.
    """

    groups: pd.Series | None = None
    of_column: bool = False
    times: pd.Series | None = None


INDEPENDENT = RowKeys()
PLACES = {  # what to change, by split.method
    "random": "split.test_size or split.method",
    "stratified": "split.test_size or split.method",
    "group": "split.test_size, split.random_state or split.column",
    "time": "split.test_size or split.column",
}


def row_keys(rows: pd.DataFrame, duplicates: str = "keep") -> RowKeys:
    """Return what ties rows to each other.

    Parameters
    ----------
    rows : DataFrame
        Lines of data/split_rows.csv; of one set.
    duplicates : str
        `split.duplicates`.

    Returns
    -------
    RowKeys
    """
    if "time_rank" in rows:
        return RowKeys(times=rows["time_rank"])
    if "split_group" in rows:
        return RowKeys(groups=rows["split_group"], of_column=True)
    return RowKeys(groups=rows["group"]) if duplicates == "group" else INDEPENDENT


def split_table(
    table: pd.DataFrame,
    label: str,
    settings: Split,
    labels: Labels = None,
    key: pd.Series | None = None,
) -> TrainTestSplit:
    """Cut the table into training and test rows, by default as the notebook does.

    With `duplicates: drop` a row that equals an earlier one in all columns is left out; with
    `group` rows of equal features go into the same set.

    Parameters
    ----------
    table : DataFrame
    label : str
        The column of the classes.
    settings : Split
    labels : sequence of str, optional
        By class, for messages.
    key : Series of int, optional
        As `split_column.read` returns it, for the methods group and time.

    Returns
    -------
    TrainTestSplit
        With method time, the rows of each set are in the order of their times.

    Raises
    ------
    SplitError
        If either set would lack a class, or the rows cannot be cut.
    """
    if settings.method == "time" and key is not None:
        table = table.loc[key.sort_values(kind="stable").index]
    if settings.duplicates == "drop":
        table = table.drop_duplicates()
    X, y = table.drop(columns=label), table[label]
    place = f"Change {PLACES[settings.method]} in params.yaml."
    stratify = settings.method == "stratified"
    try:
        if settings.method == "time" and key is not None:
            parts = _time_split(X, y, key.loc[X.index], settings.test_size)
        else:
            groups = _groups(X, settings, key)
            parts = _random_split(
                X, y, groups, settings.test_size, settings.random_state, stratify=stratify
            )
    except ValueError as error:
        raise SplitError(
            f"test_size={settings.test_size} cannot cut {len(table)} rows: "
            f"{str(error).rstrip('.')}. {place}"
        ) from None
    _check_all_classes(parts, f"test_size={settings.test_size}", "test", place, labels)
    return parts


def _groups(X: pd.DataFrame, settings: Split, key: pd.Series | None) -> pd.Series | None:
    """Return the groups that the split keeps whole, or None."""
    duplicates = duplicate_groups(X) if settings.duplicates == "group" else None
    if settings.method != "group" or key is None:
        return duplicates
    groups = key.loc[X.index]
    if duplicates is not None:
        groups = _linked(groups, duplicates)
    if groups.nunique() == 1:
        raise ValueError(f"all rows are of one group of split.column '{settings.column}'")
    return groups


def _linked(first: pd.Series, second: pd.Series) -> pd.Series:
    """Return groups whose rows are linked by either grouping, directly or through others."""
    one, other = pd.factorize(first)[0], pd.factorize(second)[0]
    nodes = one.max() + other.max() + 2
    graph = coo_array((np.ones(len(one)), (one, other + one.max() + 1)), shape=(nodes, nodes))
    component = connected_components(graph, directed=False)[1][one]
    return pd.Series(first.index, index=first.index).groupby(component).transform("first")


def train_validation_split(
    X_train: pd.DataFrame,
    y_train: pd.Series,
    settings: Curves,
    keys: RowKeys = INDEPENDENT,
    labels: Labels = None,
) -> TrainTestSplit:
    """Cut the training rows once more, by the method of the split.

    Parameters
    ----------
    X_train : DataFrame
    y_train : Series
    settings : Curves
    keys : RowKeys
        With times, the latest rows are held out. With groups of `split.column`, whole groups are.
        Otherwise both sets have the same class shares.
    labels : sequence of str, optional
        By class, for messages.

    Returns
    -------
    TrainTestSplit
        The held-out rows take the place of the test rows.

    Raises
    ------
    SplitError
        If either set would lack a class.
    """
    place = "Change curves.validation_size in params.yaml, or give more rows."
    size = settings.validation_size
    try:
        if keys.times is not None:
            parts = _time_split(X_train, y_train, keys.times, size)
        else:
            parts = _random_split(
                X_train,
                y_train,
                keys.groups,
                size,
                settings.random_state,
                stratify=not keys.of_column,
            )
    except ValueError:
        raise SplitError(
            f"validation_size={size} cannot cut {len(y_train)} training rows; both sets need at "
            f"least one row of each class. {place}"
        ) from None
    _check_all_classes(parts, f"validation_size={size}", "held-out", place, labels)
    return parts


def subsample(
    y_train: pd.Series, share: float, random_state: int, keys: RowKeys = INDEPENDENT
) -> npt.NDArray[np.intp]:
    """Return the places of a share of the rows; 1 is all in order.

    Parameters
    ----------
    y_train : Series
        Class codes.
    share : float
        In (0, 1].
    random_state : int
        The seed of the draw.
    keys : RowKeys
        With times, the oldest rows are left out. With groups of `split.column`, whole groups are
        drawn, and of the last one as many rows as are still needed: every draw has the same
        number of rows. Otherwise the rows are drawn with the class shares of all.

    Returns
    -------
    ndarray of int

    Raises
    ------
    SplitError
        If a class would have no row, or when too few are left over to draw from.
    """
    places = np.arange(len(y_train))
    if share == 1:
        return places
    n_rows, stratified = int(share * len(places)), False
    if keys.times is not None:
        drawn = places[len(places) - n_rows :]
    elif keys.groups is not None and keys.of_column:
        groups, n_groups = pd.factorize(keys.groups)[0], keys.groups.nunique()
        order = np.random.default_rng(random_state).permutation(n_groups)
        drawn = np.argsort(order[groups], kind="stable")[:n_rows]
    else:
        stratified = True
        try:
            drawn, _ = train_test_split(
                places, train_size=share, stratify=y_train, random_state=random_state
            )
        except ValueError:
            drawn = places[:0]
    if y_train.iloc[drawn].nunique() < y_train.nunique():
        left_over = ", and as many must be left over unless it is 1" if stratified else ""
        raise SplitError(
            f"A share of {share} of {len(y_train)} training rows cannot be drawn, so no model can "
            f"train on it: it needs a row of each class{left_over}. "
            "Change learning_curve.train_sizes in params.yaml, or give more rows."
        )
    return np.asarray(drawn)


def check_train_sizes(
    y_train: pd.Series, settings: LearningCurve, keys: RowKeys = INDEPENDENT
) -> None:
    """Raise SplitError if a share cannot be drawn, or when two are the same number of rows."""
    shares: dict[int, float] = {}
    for share in settings.train_sizes:
        # Which classes a draw of groups has depends on the seed.
        for seed in range(settings.n_repeats if keys.of_column else 1):
            rows = len(subsample(y_train, share, settings.random_state + seed, keys))
        if rows in shares:
            raise SplitError(
                f"Shares of {shares[rows]} and {share} of {len(y_train)} training rows are {rows} "
                "rows each, so there is no step from one to the other. "
                "Change learning_curve.train_sizes in params.yaml."
            )
        shares[rows] = share


def split_index(
    parts: TrainTestSplit, settings: Split, key: pd.Series | None = None
) -> pd.DataFrame:
    """Return where each row comes from, in the sets' order, training first.

    Parameters
    ----------
    parts : TrainTestSplit
    settings : Split
    key : Series of int, optional
        As `split_column.read` returns it, for the methods group and time.

    Returns
    -------
    DataFrame
        set; row: its number in the table; group: that of the first row, of either set, with the
        same features; in_training: whether the training set has a row with the same features. With
        method group, split_group: the number of the first row of its group. With method time,
        time_rank: the rank of its time in the table.
    """
    X = pd.concat([parts.X_train, parts.X_test])
    in_order = X.sort_index()
    group = duplicate_groups(in_order)[X.index].to_numpy()
    is_train = np.arange(len(X)) < len(parts.X_train)
    rows = pd.DataFrame(
        {
            "set": np.where(is_train, "train", "test"),
            "row": X.index,
            "group": group,
            "in_training": np.isin(group, group[is_train]),
        }
    )
    if settings.method == "group":
        groups = _groups(in_order, settings, key)
        assert groups is not None  # the table was split by them
        rows["split_group"] = groups[X.index].to_numpy()
    if settings.method == "time" and key is not None:
        rows["time_rank"] = key.loc[X.index].to_numpy()
    return rows


def training_keys(parts: TrainTestSplit, settings: Split, key: pd.Series | None) -> RowKeys:
    """Return what ties the training rows to each other, as the stages read it from split_rows.csv.

    Parameters
    ----------
    parts : TrainTestSplit
    settings : Split
    key : Series of int or None
        As `split_column.read` returns it.

    Returns
    -------
    RowKeys
        With the index of `parts.y_train`.
    """
    rows = split_index(parts, settings, key).iloc[: len(parts.y_train)]
    return row_keys(rows.set_index(parts.y_train.index), settings.duplicates)


def duplicate_groups(X: pd.DataFrame) -> pd.Series:
    """Return for each row the index of the first row with the very same features."""
    index = pd.Series(X.index, index=X.index, name="group")
    return index.groupby([X[name] for name in X], sort=False, dropna=False).transform("first")


def duplicated_in_training(X_train: pd.DataFrame, X_test: pd.DataFrame) -> pd.Series:
    """Return for each test row whether a training row has the very same features."""
    both = pd.concat([X_train, X_test], ignore_index=True)
    group = duplicate_groups(both).to_numpy()
    return pd.Series(group[len(X_train) :] < len(X_train), index=X_test.index)


def _random_split(
    X: pd.DataFrame,
    y: pd.Series,
    groups: pd.Series | None,
    size: float,
    random_state: int,
    *,
    stratify: bool,
) -> TrainTestSplit:
    """Cut rows in two at random; size is the fraction of the second set, to within one group.

    With stratify both sets have the same class shares; a group counts for its first row's class.
    Raises ValueError if scikit-learn cannot cut.
    """
    if groups is None:
        strata = y if stratify else None
        return TrainTestSplit(
            *train_test_split(X, y, test_size=size, random_state=random_state, stratify=strata)
        )
    rng = np.random.default_rng(random_state)
    rows = rng.permutation(len(y))
    classes = y.groupby(groups).first()
    rows_of, chosen = groups.value_counts(), list[int]()
    for _, stratum in classes.groupby(classes if stratify else np.zeros(len(classes))):
        shuffled, target = rng.permutation(stratum.index), size * rows_of[stratum.index].sum()
        shuffled = shuffled[rows_of[shuffled] < 2 * target]  # nearer to it than none at all
        reached = np.concatenate([[0], rows_of[shuffled].cumsum()])
        number = np.abs(reached - target).argmin()
        chosen += list(shuffled[:number])
    second = groups.isin(chosen).to_numpy()[rows]
    train, test = rows[~second], rows[second]
    return TrainTestSplit(X.iloc[train], X.iloc[test], y.iloc[train], y.iloc[test])


def _time_split(X: pd.DataFrame, y: pd.Series, times: pd.Series, size: float) -> TrainTestSplit:
    """Cut rows that are in the order of their times; size is the fraction of the latest ones.

    Equal times stay in one set. Raises ValueError if all times are equal.
    """
    place = nearest_change(times, len(y) - math.ceil(size * len(y)))
    return TrainTestSplit(X.iloc[:place], X.iloc[place:], y.iloc[:place], y.iloc[place:])


def nearest_change(times: pd.Series, place: int) -> int:
    """Return the place nearest to another at which a row is later than the one before it.

    Raises ValueError if all times are equal.
    """
    changes = np.flatnonzero(np.diff(times)) + 1
    if not len(changes):
        raise ValueError("all rows have the same time")
    return int(changes[np.abs(changes - place).argmin()])


def _check_all_classes(
    parts: TrainTestSplit, setting: str, second: str, place: str, names: Labels
) -> None:
    """Raise SplitError if a set lacks a class. second: what the rows are that were cut off."""
    classes = set(parts.y_train) | set(parts.y_test)
    for name, labels in (("training", parts.y_train), (second, parts.y_test)):
        lacking = sorted(classes - set(labels))
        if lacking:
            raise SplitError(
                f"{setting} leaves {len(labels)} {name} rows and none of "
                f"class {class_name(lacking[0], names)}; both sets need at least one row of each "
                f"class. {place}"
            )


def class_name(code: int, labels: Labels) -> str:
    """Return a class for a message: its label, or its code if the labels are not known."""
    return str(code) if labels is None else str(labels[code])
