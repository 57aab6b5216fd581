"""Split a table into training, test and held-out rows, and find duplicates."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
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


def split_table(
    table: pd.DataFrame, label: str, settings: Split, labels: Labels = None
) -> TrainTestSplit:
    """Cut the table into training and test rows, as the notebook does when copies are kept.

    With `duplicates: drop` a row that equals an earlier one in all columns is left out; with
    `group` rows of equal features go into the same set.
    Raises SplitError if either set would lack a class.
    """
    if settings.duplicates == "drop":
        table = table.drop_duplicates()
    X, y = table.drop(columns=label), table[label]
    groups = duplicate_groups(X) if settings.duplicates == "group" else None
    place = "Change split.test_size or split.stratify in params.yaml."
    try:
        parts = _random_split(
            X, y, groups, settings.test_size, settings.random_state, stratify=settings.stratify
        )
    except ValueError as error:
        raise SplitError(
            f"test_size={settings.test_size} cannot cut {len(table)} rows: "
            f"{str(error).rstrip('.')}. {place}"
        ) from None
    _check_all_classes(parts, f"test_size={settings.test_size}", "test", place, labels)
    return parts


def train_validation_split(
    X_train: pd.DataFrame,
    y_train: pd.Series,
    settings: Curves,
    groups: pd.Series | None = None,
    labels: Labels = None,
) -> TrainTestSplit:
    """Cut the training rows once more, with the same class shares in both sets.

    groups: (rows,), whose rows are to stay together. The held-out rows take the place of the test
    rows in what is returned. Raises SplitError if either set would lack a class.
    """
    place = "Change curves.validation_size in params.yaml, or give more rows."
    size = settings.validation_size
    try:
        parts = _random_split(X_train, y_train, groups, size, settings.random_state, stratify=True)
    except ValueError:
        raise SplitError(
            f"validation_size={size} cannot cut {len(y_train)} training rows; both sets need at "
            f"least one row of each class. {place}"
        ) from None
    _check_all_classes(parts, f"validation_size={size}", "held-out", place, labels)
    return parts


def subsample(y_train: pd.Series, share: float, random_state: int) -> npt.NDArray[np.intp]:
    """Return the places of a share of the rows, with the class shares of all; 1 is all in order.

    Raises SplitError if a class would have no row, or when too few are left over to draw from.
    """
    places = np.arange(len(y_train))
    if share == 1:
        return places
    try:
        drawn, _ = train_test_split(
            places, train_size=share, stratify=y_train, random_state=random_state
        )
    except ValueError:
        drawn = places[:0]
    if y_train.iloc[drawn].nunique() < y_train.nunique():
        raise SplitError(
            f"A share of {share} of {len(y_train)} training rows cannot be drawn, so no model can "
            "train on it: it needs a row of each class, and as many must be left over unless it is "
            "1. Change learning_curve.train_sizes in params.yaml, or give more rows."
        )
    return np.asarray(drawn)


def check_train_sizes(y_train: pd.Series, settings: LearningCurve) -> None:
    """Raise SplitError if a share cannot be drawn, or when two are the same number of rows."""
    shares: dict[int, float] = {}
    for share in settings.train_sizes:
        rows = len(subsample(y_train, share, settings.random_state))
        if rows in shares:
            raise SplitError(
                f"Shares of {shares[rows]} and {share} of {len(y_train)} training rows are {rows} "
                "rows each, so there is no step from one to the other. "
                "Change learning_curve.train_sizes in params.yaml."
            )
        shares[rows] = share


def check_folds(
    y_train: pd.Series, cv: int, groups: pd.Series | None = None, labels: Labels = None
) -> None:
    """Raise SplitError if a class has too few training rows for the search's folds.

    groups: (rows,), whose rows are to stay together, so that a whole group counts as one row.
    """
    what = "training rows"
    if groups is not None:
        what, y_train = "training rows of different features", y_train[~groups.duplicated()]
    counts = y_train.value_counts()
    if counts.min() < cv:
        rarest = _name(int(counts.index[int(counts.argmin())]), labels)
        raise SplitError(
            f"grid_search.cv={cv} needs at least {cv} {what} of each class, one a fold, "
            f"but class {rarest} has {counts.min()}. Change grid_search.cv or "
            "split.test_size in params.yaml, or give more rows."
        )


def split_index(parts: TrainTestSplit) -> pd.DataFrame:
    """Return one line per row: set, row, group, in_training; in the sets' order, training first.

    row: its number in the table. group: that of the first row, of either set, with the same
    features. in_training: whether the training set has a row with the same features.
    """
    X = pd.concat([parts.X_train, parts.X_test])
    group = duplicate_groups(X.sort_index())[X.index].to_numpy()
    is_train = np.arange(len(X)) < len(parts.X_train)
    return pd.DataFrame(
        {
            "set": np.where(is_train, "train", "test"),
            "row": X.index,
            "group": group,
            "in_training": np.isin(group, group[is_train]),
        }
    )


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
    chosen: list[int] = []
    for _, stratum in classes.groupby(classes if stratify else np.zeros(len(classes))):
        shuffled = rng.permutation(stratum.index)
        reached = np.concatenate([[0], groups.value_counts()[shuffled].cumsum()])
        number = np.abs(reached - size * reached[-1]).argmin()
        chosen += list(shuffled[:number])
    second = groups.isin(chosen).to_numpy()[rows]
    train, test = rows[~second], rows[second]
    return TrainTestSplit(X.iloc[train], X.iloc[test], y.iloc[train], y.iloc[test])


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
                f"class {_name(lacking[0], names)}; both sets need at least one row of each class. "
                f"{place}"
            )


def _name(code: int, labels: Labels) -> str:
    return str(code) if labels is None else str(labels[code])
