"""Choose settings of the split, the folds and the curves that leave each class in every set."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, ParamSpec, TypeVar

import numpy as np
import pandas as pd

from winenet import params
from winenet.data import folds, raw_table, split_column, splits
from winenet.data.splits import RowKeys
from winenet.errors import short_repr
from winenet.init.read_tables import File, GuessError, InitOptions, TableStyle, display_path
from winenet.text import count

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

MIN_CLASS_ROWS = 3  # one for the test, two for the folds
TEST_SIZES = (0.2, 0.25, 0.3, 0.4, 0.5)  # candidates for test_size and validation_size
FOLDS = {False: (5, 4, 3, 2), True: (3, 2)}  # by whether the table is large
# Fractions of the training rows in the learning curve; those that cannot be drawn are left out.
TRAIN_SIZES = {
    False: (0.05, 0.1, 0.25, 0.5, 0.75, 1.0),
    True: (0.02, 0.1, 0.5, 1.0),
}


class SplitDefaults(NamedTuple):
    """Settings whose range depends on the number of rows per class."""

    split_method: str
    test_size: float
    cv: int
    validation_size: float
    train_sizes: list[float]
    learning_runs: int
    floor: float  # fraction of the test rows in the training rows' most frequent class


def split_key(
    files: Sequence[File],
    style: TableStyle,
    target: str,
    na_values: Sequence[str],
    split: params.Split,
    options: InitOptions,
) -> pd.Series | None:
    """Return the groups or times of the rows, or None if the method needs none.

    Parameters
    ----------
    files : sequence of File
    style : TableStyle
    target : str
    na_values : sequence of str
        Texts for a gap, by which rows without a label are known.
    split : params.Split
    options : InitOptions

    Raises
    ------
    GuessError
        If a row has no value there, or no time where one is needed.
    """
    raw_files = [
        params.RawFile.model_construct(name=str(file.path.resolve()), label=file.label)
        for file in files
    ]
    ingest = params.Ingest.model_construct(
        files=raw_files,
        target=target,
        columns={},
        drop_columns=style.names,
        separator=style.separator,
        encoding=style.encoding,
        quote=style.quote,
        header=options.header,
        na_values=list(na_values),
        unlabelled="drop",
        rare_classes=options.rare_classes or "refuse",
        min_class_rows=MIN_CLASS_ROWS,
    )
    try:
        column = split_column.read("", ingest, split)
    except raw_table.DataError as error:
        raise GuessError(_split_fault(error, files, options)) from None
    return None if column is None else column.key


def _split_fault(error: raw_table.DataError, files: Sequence[File], options: InitOptions) -> str:
    """Return what is wrong with the column of the split, in words for `init`."""
    faults = "".join(f"{line}\n" for line in str(error).splitlines() if line.startswith("  "))
    for file in files:
        faults = faults.replace(f"/{file.path.resolve()}", display_path(file.path))
    return (
        f"--split-column {short_repr(options.split_column)} cannot split the rows:\n{faults}"
        "Correct the cells, take out these rows, or choose another --split-column."
    )


def split_defaults(
    column: pd.Series,
    labels: Mapping[str, int],
    large: bool,
    split: params.Split,
    key: pd.Series | None,
) -> SplitDefaults:
    """Return the first settings with which every set has rows of every class.

    Parameters
    ----------
    column : Series of int, shape (rows,)
        The class of each row.
    labels : mapping of str to int
        Rows by label.
    large : bool
        Whether the stages train less.
    split : params.Split
        Without test_size.
    key : Series of int, shape (rows,), optional
        As `split_key` returns it.

    Raises
    ------
    GuessError
        If the rarest class has too few rows for any.
    """
    table = pd.DataFrame({"row": np.arange(len(column)), "label": column})
    rarest = min(labels.values())
    for test_size in TEST_SIZES:
        of_size = split.model_copy(update={"test_size": test_size})
        settings = _settings_with(table, of_size, key, large=large)
        if settings is not None:
            return settings
    label = min(labels, key=lambda one: labels[one])
    if split.column is not None:
        raise GuessError(
            f"The rows cannot be split by the {split.method} of {short_repr(split.column)}: "
            f"whatever the test_size, a set or a fold would have no row of a class (the rarest, "
            f"{short_repr(label)}, has {count(rarest, 'row')}). Choose another --split-column, or "
            "--split stratified."
        )
    raise GuessError(
        f"Class {short_repr(label)} has {count(rarest, 'row')} of {len(column):,}, too few: "
        "the test needs one of each class, the search two folds of the others, and the curves one "
        "more. Add rows (about ten of each class), or join the class to another one."
    )


def _settings_with(
    table: pd.DataFrame, split: params.Split, key: pd.Series | None, *, large: bool
) -> SplitDefaults | None:
    """Return the settings with this test set, or None if the training rows are too few."""
    parts = _cut(splits.split_table, table, "label", split, key=key)
    if parts is None:
        return None
    y_train, keys = parts.y_train, splits.training_keys(parts, split, key)
    cv = next((cv for cv in FOLDS[large] if _has_folds(y_train, cv, keys)), None)
    validation_size = next(
        (size for size in TEST_SIZES if _can_hold_out(y_train, size, keys)), None
    )
    runs = 2 if large else 5
    train_sizes = _train_sizes(y_train, TRAIN_SIZES[large], runs, keys)
    floor = float((parts.y_test == y_train.value_counts().index[0]).mean())
    if cv is None or validation_size is None or len(train_sizes) < 2:
        return None
    return SplitDefaults(
        split.method, split.test_size, cv, validation_size, train_sizes, runs, floor
    )


def _has_folds(y_train: pd.Series, cv: int, keys: RowKeys) -> bool:
    """Return whether each of so many folds has rows of all classes."""
    try:
        folds.check_folds(y_train, cv, keys)
    except splits.SplitError:
        return False
    return True


def _can_hold_out(y_train: pd.Series, size: float, keys: RowKeys) -> bool:
    """Return whether a share of the training rows can be held out with all classes in both sets."""
    curves = params.Curves.model_construct(validation_size=size, random_state=42)
    X_train = y_train.to_frame()
    return _cut(splits.train_validation_split, X_train, y_train, curves, keys) is not None


def _train_sizes(
    y_train: pd.Series, shares: Sequence[float], runs: int, keys: RowKeys
) -> list[float]:
    """Return the shares that can be drawn with all classes under every seed, and that differ."""
    share_of_rows: dict[int, float] = {}
    for share in shares:
        drawn = [_cut(splits.subsample, y_train, share, seed, keys) for seed in range(runs)]
        if drawn[0] is None or any(rows is None for rows in drawn):
            continue
        if share == 1 and len(share_of_rows) > 4:
            # 0.75 is for tables of which smaller shares cannot be drawn.
            share_of_rows.pop(max(share_of_rows))
        share_of_rows.setdefault(len(drawn[0]), share)
    return list(share_of_rows.values())


def _cut(
    cut: Callable[Arguments, Result], *arguments: Arguments.args, **keywords: Arguments.kwargs
) -> Result | None:
    """Return what a function of `splits` returns, or None if a set would lack a class."""
    try:
        return cut(*arguments, **keywords)
    except splits.SplitError:
        return None
