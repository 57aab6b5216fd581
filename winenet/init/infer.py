"""Infer what params.yaml says of the tables: columns, missing values, labels and settings."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, ParamSpec, TypeVar

import numpy as np
import pandas as pd

from winenet import params
from winenet.data import folds, raw_table, split_column, splits
from winenet.data.raw_table import MAX_CATEGORIES
from winenet.data.splits import RowKeys
from winenet.errors import did_you_mean, preview, short_repr
from winenet.init.column_stats import MAX_DISTINCT, ColumnStats
from winenet.init.read_tables import (
    GUESSED_NA_VALUES,
    File,
    GuessError,
    InitOptions,
    TableProfile,
    _check_names,
    _header,
    _names,
    _separator,
    files_and_target,
    is_number,
    missing_texts,
    quote_cell,
    read_columns,
)
from winenet.text import count

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

POSITIVE = (
    *("yes", "y", "true", "t", "positive", "pos", "malignant", "spam", "fraud", "churn", "churned"),
    *("sick", "ill", "disease", "dead", "died", "default", "defective", "fail", "failed"),
)
NEGATIVE_OF_ONE = ("0", "-1")  # with one of these, 1 is positive
SPLIT_COLUMN_UNUSED = "split.column; its values in the test set are new to the models"
MAX_NUMERIC_LABELS = 20  # more labels with decimals are measurements
STRATIFY_BELOW = 200  # rows of the rarest class; with more, no stratification
LARGE = 100_000  # rows; above, the stages train less
TEST_SIZES = (0.2, 0.25, 0.3, 0.4, 0.5)  # candidates for test_size and validation_size
FOLDS = {False: (5, 4, 3, 2), True: (3, 2)}  # by whether the table is large
# Fractions of the training rows in the learning curve; those that cannot be drawn are left out.
TRAIN_SIZES = {
    False: (0.05, 0.1, 0.25, 0.5, 0.75, 1.0),
    True: (0.02, 0.1, 0.5, 1.0),
}


class Column(NamedTuple):
    """A column that is used.

    kind: number or category. seen: what it holds, for a comment.
    """

    kind: str
    seen: str


@dataclass(frozen=True)
class InferredConfig:
    """What was inferred from the tables, and settings that fit them.

    labels: rows by label, the most frequent first. drop_columns: the reason by column.
    why_positive: how the positive label was chosen.
    """

    files: list[File]
    separator: str
    target: str
    labels: dict[str, int]
    positive_label: str | None
    why_positive: str
    na_values: list[str]
    columns: dict[str, Column]
    drop_columns: dict[str, str]
    settings: "SplitDefaults"
    split_column: str | None
    rows: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", sum(self.labels.values()))

    @property
    def large(self) -> bool:
        """Whether the table is so long that the stages train less."""
        return self.rows > LARGE


class SplitDefaults(NamedTuple):
    """Settings whose range depends on the number of rows per class."""

    split_method: str
    test_size: float
    cv: int
    validation_size: float
    train_sizes: list[float]
    learning_runs: int


def infer_config(options: InitOptions) -> InferredConfig:
    """Infer what params.yaml says of the tables.

    Parameters
    ----------
    options
        The tables and what is known of them.

    Returns
    -------
    InferredConfig
        Columns, labels and settings.

    Raises
    ------
    GuessError
        If no pipeline can be made of the tables; the message says what to do.
    """
    files, target = files_and_target(options)
    separator = _separator(options)
    headers = {file.path: _header(file.path, separator) for file in files}
    names = _names(headers, separator)
    _check_names(files, names, target, options)
    read = read_columns(files, names, separator, target, options)
    na_values = missing_texts(read, target, options)
    labels = _labels(read.target, target, na_values)
    positive, why = _positive(labels, target, options)
    columns, drop_columns = _columns(read, names, target, na_values, options)
    # Numbered as in the pipeline: with a small class, the random draws depend on the numbers.
    codes = pd.Index(raw_table.sort_classes(labels, positive)).get_indexer(pd.Index(read.target))
    rare = min(labels.values()) < STRATIFY_BELOW
    method = options.split_method or ("stratified" if rare else "random")
    ingest = params.Ingest.model_construct(
        target=target, columns={}, drop_columns=names, separator=separator, na_values=na_values
    )
    split = params.Split.model_construct(
        method=method, column=options.split_column, duplicates="keep", random_state=42
    )
    paths = [str(file.path) for file in files]
    column = split_column.read(paths, ingest, split)
    settings = _settings(
        pd.Series(codes), labels, read.rows > LARGE, split, None if column is None else column.key
    )
    return InferredConfig(
        *(files, separator, target, labels, positive, why, na_values, columns, drop_columns),
        *(settings, options.split_column),
    )


def _labels(column: pd.Series, target: str, na_values: Sequence[str]) -> dict[str, int]:
    """Return the rows by label, the most frequent first; raise GuessError if one is not a class."""
    counts = column.value_counts()
    labels = {str(label): int(rows) for label, rows in counts.items()}
    gaps = [label for label in labels if label.strip() in GUESSED_NA_VALUES or label in na_values]
    if gaps:
        raise GuessError(
            f"Column {short_repr(target)} is to be predicted, but is {short_repr(gaps[0])} in "
            f"{count(labels[gaps[0]], 'row')}. A row without a label cannot be learnt from: "
            "take these rows out of the table, or, if this is a class of its own, give it another "
            "name."
        )
    if len(labels) == 1:
        raise GuessError(
            f"Column {short_repr(target)} is {short_repr(next(iter(labels)))} in all "
            f"{len(column):,} rows, so there is nothing to tell apart. Choose another --target, "
            "or add rows of another class."
        )
    fractions = all(is_number(label) for label in labels) and not all(
        float(label).is_integer() for label in labels
    )
    if len(labels) > MAX_CATEGORIES or (fractions and len(labels) > MAX_NUMERIC_LABELS):
        raise GuessError(
            f"Column {short_repr(target)} has {len(labels):,} different values in {len(column):,} "
            f"rows ({preview(list(labels))}), so it looks like a number or a name and not like a "
            "class. Choose another --target, or write classes of it into the table, such as low "
            "and high."
        )
    alone = [label for label, rows in labels.items() if rows == 1]
    if alone:
        raise GuessError(
            f"Column {short_repr(target)} has {count(len(alone), 'class', 'classes')} with "
            f"one row only ({preview(alone)}): it would be in the training rows or in the test "
            "rows and never in both. Take such rows out of the table, join them to another class, "
            "or add rows."
        )
    return labels


def _positive(
    labels: Mapping[str, int], target: str, options: InitOptions
) -> tuple[str | None, str]:
    """Return the positive one of two labels and how it was chosen; None for more labels."""
    given = options.positive_label
    if given is not None and given not in labels:
        raise GuessError(
            f"--positive-label {short_repr(given)} is not a label of column {short_repr(target)}"
            f"{did_you_mean(given, labels)}. Its labels: {preview(list(labels))}."
        )
    if len(labels) > 2:
        if given is not None:
            raise GuessError(
                f"--positive-label {short_repr(given)} is given, but column {short_repr(target)} "
                f"has {len(labels)} labels ({preview(list(labels))}), so none is the positive "
                "one. Leave --positive-label out."
            )
        return None, ""
    if given is not None:
        return given, "as asked"
    words = {label: label.strip().lower() for label in labels}
    known = [label for label, word in words.items() if word in POSITIVE]
    if len(known) == 1:
        return known[0], "by its name"
    numbers = {label: float(label) for label in labels if is_number(label)}
    ones = [label for label, number in numbers.items() if number == 1]
    if len(numbers) == 2 and ones and min(numbers.values()) in map(float, NEGATIVE_OF_ONE):
        return ones[0], "by its name"
    (frequent, more), (rare, fewer) = labels.items()
    if more > fewer:
        return rare, f"the rarer one, by guess; or {quote_cell(frequent)}"
    last, first = max(labels), min(labels)
    return last, f"by guess, both are as frequent; or {quote_cell(first)}"


def _columns(
    read: TableProfile,
    names: Sequence[str],
    target: str,
    na_values: Sequence[str],
    options: InitOptions,
) -> tuple[dict[str, Column], dict[str, str]]:
    """Return the columns that are used, and the reason for each that is not."""
    columns: dict[str, Column] = {}
    drop_columns = {name: "as asked" for name in names if name in options.drop_columns}
    if options.split_column is not None:
        drop_columns[options.split_column] = SPLIT_COLUMN_UNUSED
    for name in names:
        if name == target or name in drop_columns:
            continue
        result = _column(name, read.tallies[name], read.rows, na_values)
        if isinstance(result, Column):
            columns[name] = result
        else:
            drop_columns[name] = result
    if not columns:
        text = "; ".join(
            f"{short_repr(name)}: {why}" for name, why in list(drop_columns.items())[:5]
        )
        raise GuessError(
            f"No column is left to predict {short_repr(target)} from ({text}). A table needs one "
            f"of numbers, or of texts of which at most {MAX_CATEGORIES:,} differ."
        )
    return columns, drop_columns


def _column(name: str, tally: ColumnStats, rows: int, na_values: Sequence[str]) -> Column | str:
    """Return the column, or why it is not used. rows: those of the table."""
    words = {text: count for text, count in tally.text_counts.items() if text not in na_values}
    levels = pd.Series(words | tally.number_counts, dtype="int64")
    present = sum(words.values()) + tally.rows
    gaps = f"; {rows - present:,} missing" if present < rows else ""
    if present == 0:
        return "no value in any row"
    if len(levels) == 1 and not tally.overflowed:
        return f"always {quote_cell(str(levels.index[0]))}{gaps}; no information"
    if not words:
        follow = tally.high - tally.low + 1 == rows
        if tally.all_distinct and tally.rows == rows > 2 and (follow or _is_id(name)):
            return "another whole number in each row: a row number or an id"
        seen = f"{tally.low:g} to {tally.high:g}{gaps}"
        if tally.all_integers and 2 < len(levels) <= 10:
            seen += f"; {len(levels)} whole numbers: category, if they are codes"
        return Column("number", seen)
    _refuse_spoilt_numbers(name, tally, words, na_values)
    if len(levels) == present:
        return "another text in each row: a name or an id"
    if tally.overflowed:
        return f"over {MAX_DISTINCT:,} different texts; a category has at most {MAX_CATEGORIES:,}"
    if len(levels) > MAX_CATEGORIES:
        return f"{len(levels):,} different texts; a category has at most {MAX_CATEGORIES:,}"
    if len(levels) > 20 and len(levels) > present / 2:
        return f"{len(levels):,} different texts in {present:,} rows: names or ids"
    usual = levels.sort_values(ascending=False, kind="stable").index[:3]
    message = ", ".join(quote_cell(str(text)) for text in usual)
    dots = ", ..." if len(levels) > 3 else ""
    return Column("category", f"{len(levels)} texts: {message}{dots}{gaps}")


def _refuse_spoilt_numbers(
    name: str, tally: ColumnStats, words: Mapping[str, int], na_values: Sequence[str]
) -> None:
    """Raise GuessError for a text column that was probably meant to hold numbers.

    words: rows by text, of the cells that are neither missing nor a number.
    """
    commas = [text for text in words if re.fullmatch(r"\s*[-+]?\d+,\d+\s*", text)]
    if len(commas) == len(words):
        raise GuessError(
            f"Column {short_repr(name)} has numbers with a decimal comma ({preview(commas)}), "
            "which would be taken for texts. Write them with a point in the file, or leave the "
            f"column out: --drop {short_repr(name)}."
        )
    spoilt = sum(words.values())
    if (
        tally.overflowed or len(tally.number_counts) > MAX_NUMERIC_LABELS
    ) and tally.rows >= 9 * spoilt:
        others = list(words)
        flags = " ".join(f"--na-value {short_repr(text)}" for text in [*na_values, *others[:3]])
        raise GuessError(
            f"Column {short_repr(name)} holds numbers, but for {count(spoilt, 'cell')} "
            f"({preview(others)}). If such a text stands for a missing value, name all that do: "
            f"{flags}. Else correct the cells, or leave the column out: --drop {short_repr(name)}."
        )


# ------------------------------------------------------------------ the settings


def _settings(
    column: pd.Series,
    labels: Mapping[str, int],
    large: bool,
    split: params.Split,
    key: pd.Series | None,
) -> SplitDefaults:
    """Return the first settings with which every set has rows of every class.

    split: without test_size. key: as `split_column.read` returns it.
    Raises GuessError if the rarest class has too few rows for any.
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
    if cv is None or validation_size is None or len(train_sizes) < 2:
        return None
    return SplitDefaults(split.method, split.test_size, cv, validation_size, train_sizes, runs)


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


def _is_id(name: str) -> bool:
    return re.search(r"(?:^|[_ .-])(?:id|index|no|nr)$|[a-z]I[Dd]$", name, re.I) is not None
