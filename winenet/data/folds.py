"""The folds of the cross-validation: which rows train and which are scored."""

import itertools
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, TimeSeriesSplit

from winenet.data.splits import INDEPENDENT, Labels, RowKeys, SplitError, class_name, nearest_change

# Per fold: places of the training rows and of the scored rows.
Folds: TypeAlias = list[tuple[Any, Any]]


def cv_splits(cv: int, y: pd.Series, keys: RowKeys = INDEPENDENT) -> Folds:
    """Return the folds, by the method of the split.

    Parameters
    ----------
    cv : int
        The number of folds.
    y : Series
        Class codes of the training rows.
    keys : RowKeys
        Nothing: scikit-learn's StratifiedKFold. Groups: StratifiedGroupKFold. Times:
        TimeSeriesSplit, with each cut at the nearest change of time; the earliest rows are in no
        fold's scored rows.

    Returns
    -------
    list of (ndarray, ndarray)
        Places of the training rows and of the scored rows.

    Raises
    ------
    ValueError
        If there are too few rows, groups or times; see `check_folds`.
    """
    if keys.times is not None:
        folds = TimeSeriesSplit(cv).split(y)
        cuts = [nearest_change(keys.times, scored[0]) for _, scored in folds]
        return [
            (np.arange(start), np.arange(start, end))
            for start, end in itertools.pairwise([*cuts, len(y)])
        ]
    splitter = StratifiedKFold(cv) if keys.groups is None else StratifiedGroupKFold(cv)
    return list(splitter.split(y, y, keys.groups))


def check_folds(
    y_train: pd.Series, cv: int, keys: RowKeys = INDEPENDENT, labels: Labels = None
) -> None:
    """Raise SplitError if a fold would lack a class.

    Parameters
    ----------
    y_train : Series
        Class codes of the training rows.
    cv : int
        The number of folds.
    keys : RowKeys
        What ties the rows to each other; a whole group counts as one row.
    labels : sequence of str, optional
        By class, for messages.
    """
    _check_counts(y_train, cv, keys, labels)
    if keys.times is None and not keys.of_column:
        return  # stratification gives each fold a row of each class
    for number, fold in enumerate(cv_splits(cv, y_train, keys), start=1):
        for work, places in zip(("trains on", "is scored on"), fold, strict=True):
            lacking = sorted({*y_train} - {*y_train.iloc[places]})
            if lacking:
                raise SplitError(
                    f"grid_search.cv={cv}: fold {number} {work} {len(places)} rows and none of "
                    f"class {class_name(lacking[0], labels)}; it needs at least one row of each "
                    "class. Change grid_search.cv, split.method or split.column in params.yaml."
                )


def _check_counts(y_train: pd.Series, cv: int, keys: RowKeys, labels: Labels) -> None:
    """Raise SplitError if there are too few rows, groups or times for so many folds."""
    what, counts = "training rows", y_train.value_counts()
    if keys.times is not None:
        if keys.times.nunique() <= cv:
            raise SplitError(
                f"grid_search.cv={cv} needs at least {cv + 1} different times in split.column, "
                f"but the training rows have {keys.times.nunique()}. Change grid_search.cv, "
                "split.method or split.column in params.yaml."
            )
        return
    if keys.groups is not None:
        what = "groups" if keys.of_column else "training rows of different features"
        counts = keys.groups.groupby(y_train).nunique()
    if counts.min() < cv:
        rarest = class_name(int(counts.index[int(counts.argmin())]), labels)
        raise SplitError(
            f"grid_search.cv={cv} needs at least {cv} {what} of each class, one a fold, "
            f"but class {rarest} has {counts.min()}. Change grid_search.cv or "
            "split.test_size in params.yaml, or give more rows."
        )
