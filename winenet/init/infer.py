"""Infer what params.yaml says of the tables: columns, missing values, labels and settings."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import pandas as pd

from winenet import params
from winenet.data import number_format, raw_table
from winenet.data.dialect import is_plain_number
from winenet.data.raw_table import MAX_CATEGORIES
from winenet.errors import did_you_mean, preview, short_repr
from winenet.init.gap_words import GAP_WORDS, MAY_BE_LEVELS
from winenet.init.infer_column import ColumnOptions, InferredColumn, case_notes, infer_column
from winenet.init.messages import option
from winenet.init.read_tables import (
    File,
    GuessError,
    InitOptions,
    TableProfile,
    TableStyle,
    check_choices,
    check_names,
    files_and_target,
    quote_cell,
    read_columns,
    read_style,
    without_header,
)
from winenet.init.split_defaults import MIN_CLASS_ROWS, SplitDefaults, split_defaults, split_key
from winenet.text import count

POSITIVE = (
    *("yes", "y", "true", "t", "positive", "pos", "malignant", "spam", "fraud", "churn", "churned"),
    *("sick", "ill", "disease", "dead", "died", "default", "defective", "fail", "failed"),
)
NEGATIVE_OF_ONE = ("0", "-1")  # with one of these, 1 is positive
SPLIT_COLUMN_UNUSED = "split.column; its values in the test set are new to the models"
MAX_NUMERIC_LABELS = 20  # more labels with decimals are measurements
LARGE = 100_000  # rows; above, the stages train less


@dataclass(frozen=True)
class InferredConfig:
    """What was inferred from the tables, and settings that fit them.

    Attributes
    ----------
    files : list of File
    style : TableStyle
    header : bool
        Whether the first row has the columns' names.
    target : str
    labels : dict of str to int
        Rows by label, the most frequent first.
    positive_label : str or None
    why_positive : str
        How the positive label was chosen.
    na_values : list of str
        Texts for a gap in all columns.
    columns : dict of str to InferredColumn
        Those that are used.
    drop_columns : dict of str to str
        By column, why it is not used.
    settings : SplitDefaults
    split_column : str or None
    unlabelled : int
        Rows without a label.
    rare_classes : str
        What is done with classes of few rows.
    notes : list of str
        What the user should know, beside what is said of each column.
    """

    files: list[File]
    style: TableStyle
    header: bool
    target: str
    labels: dict[str, int]
    positive_label: str | None
    why_positive: str
    na_values: list[str]
    columns: dict[str, InferredColumn]
    drop_columns: dict[str, str]
    settings: SplitDefaults
    split_column: str | None
    unlabelled: int
    rare_classes: str
    notes: list[str]
    rows: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", sum(self.labels.values()))

    @property
    def separator(self) -> str:
        """The separator of the tables."""
        return self.style.separator

    @property
    def large(self) -> bool:
        """Whether the table is so long that the stages train less."""
        return self.rows > LARGE


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
    check_choices(options)
    files, target = files_and_target(options)
    options = without_header(files, target, options)
    style = read_style(files, target, options)
    check_names(files, style.names, target, options)
    read = read_columns(files, style, target, options)
    words = _column_words(style.names, options)
    labels = _label_texts(read.target, target, words, options)
    columns, drop_columns = _columns(read, style.names, target, words, options)
    na_values = _common_words(columns, read, labels)
    column = labels.texts
    counts, rare_note = _classes(column, target, options)
    positive, why = _positive(counts.rows, target, options)
    # Numbered as in the pipeline: with a small class, the random draws depend on the numbers.
    codes = pd.Index(raw_table.sort_classes(counts.rows, positive)).get_indexer(
        pd.Index(counts.column)
    )
    split = params.Split.model_construct(
        method=options.split_method or "stratified",
        column=options.split_column,
        duplicates="keep",
        random_state=42,
    )
    key = split_key(files, style, target, na_values, split, options)
    settings = split_defaults(pd.Series(codes), counts.rows, read.rows > LARGE, split, key)
    header = options.header or style.names[0] != "c1"  # Parquet has names whatever is asked
    header_note = [] if header else ["no header: the columns are called c1, c2, ..."]
    notes = [*header_note, *read.notes, *labels.notes, *([rare_note] if rare_note else [])]
    return InferredConfig(
        *(files, style, header, target, counts.rows, positive, why, na_values),
        *(columns, drop_columns, settings, options.split_column, labels.unlabelled),
        *(options.rare_classes or "refuse", notes),
    )


# ------------------------------------------------------------------ labels


class _Labels(NamedTuple):
    """The labels of the rows that have one.

    texts: (rows,). unlabelled: rows that have none. gap_words: texts that say so.
    """

    texts: pd.Series
    unlabelled: int
    gap_words: list[str]
    notes: list[str]


class _Classes(NamedTuple):
    """The classes. column: the label of each row. rows: by label, the most frequent first."""

    column: pd.Series
    rows: dict[str, int]


def _label_texts(
    column: pd.Series,
    target: str,
    words: Mapping[str | None, Collection[str]],
    options: InitOptions,
) -> _Labels:
    """Return the labels, and say which rows have none. words: as `_column_words` returns them.

    Raises GuessError if they are to be refused, or no row has one.
    """
    counts = column.value_counts()
    given = {*words[None], *words.get(target, ())}
    gap_words = [
        str(text)
        for text in counts.index
        if text in given
        or (str(text).lower() in GAP_WORDS and str(text).lower() not in MAY_BE_LEVELS)
    ]
    has_label = ~column.isin(["", *gap_words])
    missing, notes = int((~has_label).sum()), []
    if missing == len(column):
        raise GuessError(
            f"Column {short_repr(target)} is to be predicted, and no row has a value there. "
            "Choose another --target."
        )
    if missing:
        listed = preview([*([""] if "" in counts.index else []), *gap_words])
        if options.unlabelled == "refuse":
            raise GuessError(
                f"Column {short_repr(target)} is to be predicted, but {count(missing, 'row')} "
                f"have no label ({listed}). A row without a label cannot be learnt from: take "
                "these rows out of the table, or give `--unlabelled drop`."
            )
        notes.append(f"{count(missing, 'row')} without a label left out ({listed})")
    kept = [
        str(text)
        for text in counts.index
        if str(text).lower() in MAY_BE_LEVELS and text not in gap_words
    ]
    notes += [
        f"{short_repr(text)} ({count(int(counts[text]), 'row')}) is a class; if it means that the "
        f"label is missing, add `{option('--na-value', f'{target}={text}')}`"
        for text in kept
    ]
    levels = {str(text): int(rows) for text, rows in counts.items() if text not in ("", *gap_words)}
    notes += [f"{short_repr(target)}: {note}" for note in case_notes(levels)]
    texts = raw_table.join_equal_numbers(column[has_label].reset_index(drop=True))
    return _Labels(texts, missing, gap_words, notes)


def _classes(column: pd.Series, target: str, options: InitOptions) -> tuple[_Classes, str]:
    """Return the classes, and what was done with rare ones, in words.

    Raises GuessError if the labels are no classes.
    """
    labels = _count(column)
    if len(labels) == 1:
        raise GuessError(
            f"Column {short_repr(target)} is {short_repr(next(iter(labels)))} in all "
            f"{len(column):,} rows, so there is nothing to tell apart. Choose another --target, "
            "or add rows of another class."
        )
    _refuse_number(labels, target, len(column))
    note = ""
    rare = {label: rows for label, rows in labels.items() if rows < MIN_CLASS_ROWS}
    if rare and options.rare_classes not in (None, "refuse"):
        table, note = raw_table.treat_rare_classes(
            pd.DataFrame({target: column}), target, MIN_CLASS_ROWS, options.rare_classes
        )
        column = table[target].reset_index(drop=True)
        labels = _count(column)
        rare = {label: rows for label, rows in labels.items() if rows < MIN_CLASS_ROWS}
    if rare:
        left = len(labels) - len(rare)
        alike = "".join(f" {note[:1].upper()}{note[1:]}." for note in case_notes(labels))
        raise GuessError(
            f"Column {short_repr(target)} has {count(len(rare), 'class', 'classes')} of fewer than "
            f"{MIN_CLASS_ROWS} rows ({preview(list(rare), 8)}): the test, the training and the "
            f"search need one each. {_rare_cure(rare, left, len(column))}{alike}"
        )
    return _Classes(column, labels), note


def _rare_cure(rare: Mapping[str, int], classes: int, rows: int) -> str:
    """Return what can be done about rare classes. classes, rows: left, of all."""
    lost = sum(rare.values())
    cures = []
    if classes > 1:
        cures.append(
            f"leave them out with `--rare-classes drop` (then {classes} classes and "
            f"{rows - lost:,} rows are left)"
        )
    if classes and lost >= MIN_CLASS_ROWS:
        cures.append("join them with `--rare-classes merge=other`")
    text = f"{', '.join(cures)}, or add rows" if cures else "add rows"
    return f"{text[0].upper()}{text[1:]}."


def _count(column: pd.Series) -> dict[str, int]:
    return {str(label): int(rows) for label, rows in column.value_counts().items()}


def _refuse_number(labels: Mapping[str, int], target: str, rows: int) -> None:
    """Raise GuessError if the labels are measurements, or too many."""
    try:
        inferred = number_format.infer(labels)
    except number_format.AmbiguousNumbersError:
        inferred = None
    alone = sum(rows == 1 for rows in labels.values())
    whole = all(is_plain_number(text) and float(text).is_integer() for text in labels)
    many = len(labels) > MAX_NUMERIC_LABELS
    spread = len(labels) > rows / 2 or alone > 0.3 * len(labels) or len(labels) > 100
    small = len(labels) > 3 and len(labels) > rows / 2  # few rows, and most have another number
    if inferred is not None and ((many and (not whole or spread)) or small):
        raise GuessError(
            f"Column {short_repr(target)} has {len(labels):,} different numbers in {rows:,} rows "
            f"({preview(list(labels), 3)}), so it is a number to predict and not a class, and only "
            "classes can be predicted. Choose another --target, or write classes of it into the "
            "table, such as low and high."
        )
    if len(labels) > MAX_CATEGORIES:
        raise GuessError(
            f"Column {short_repr(target)} has {len(labels):,} different texts in {rows:,} rows "
            f"({preview(list(labels), 3)}), so it is a name and not a class; at most "
            f"{MAX_CATEGORIES:,} classes are supported. Choose another --target."
        )


def _positive(
    labels: Mapping[str, int], target: str, options: InitOptions
) -> tuple[str | None, str]:
    """Return the positive one of two labels and how it was chosen; None for more labels."""
    given = options.positive_label
    if given is not None and given not in labels:
        raise GuessError(
            f"--positive-label {short_repr(given)} is not a label of column {short_repr(target)}"
            f"{did_you_mean(given, labels) or '.'} Its labels: {preview(list(labels))}."
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
    numbers = {label: float(label) for label in labels if is_plain_number(label)}
    ones = [label for label, number in numbers.items() if number == 1]
    if len(numbers) == 2 and ones and min(numbers.values()) in map(float, NEGATIVE_OF_ONE):
        return ones[0], "by its name"
    (frequent, more), (rare, fewer) = labels.items()
    if more > fewer:
        return rare, f"the rarer one, by guess; or {quote_cell(frequent)}"
    last, first = max(labels), min(labels)
    return last, f"by guess, both are as frequent; or {quote_cell(first)}"


# ------------------------------------------------------------------ columns


def _column_words(names: Sequence[str], options: InitOptions) -> dict[str | None, list[str]]:
    """Return the texts of --na-value by column; None: of all columns.

    `--na-value=Glucose=0` is of one column, if there is one of this name.
    """
    words: dict[str | None, list[str]] = {None: []}
    for given in options.na_values:
        name = next((name for name in names if given.startswith(f"{name}=")), None)
        words.setdefault(name, []).append(given if name is None else given[len(name) + 1 :])
    return words


def _columns(
    read: TableProfile,
    names: Sequence[str],
    target: str,
    words: Mapping[str | None, Collection[str]],
    options: InitOptions,
) -> tuple[dict[str, InferredColumn], dict[str, str]]:
    """Return the columns that are used, and the reason for each that is not."""
    columns: dict[str, InferredColumn] = {}
    drop_columns = {name: "as asked" for name in names if name in options.drop_columns}
    if options.split_column is not None:
        drop_columns[options.split_column] = SPLIT_COLUMN_UNUSED
    for name in names:
        if name == target or name in drop_columns:
            continue
        asked = ColumnOptions(
            [*words[None], *words.get(name, ())], options.decimal, options.keep_columns
        )
        result = infer_column(name, read.columns[name], asked)
        if result.how is not None:
            columns[name] = result
        else:
            drop_columns[name] = result.seen
    if not columns:
        text = "; ".join(
            f"{short_repr(name)}: {why}" for name, why in list(drop_columns.items())[:5]
        )
        raise GuessError(
            f"No column is left to predict {short_repr(target)} from ({text}). A table needs one "
            f"of numbers, or of texts of which at most {MAX_CATEGORIES:,} differ."
        )
    return columns, drop_columns


def _common_words(
    columns: Mapping[str, InferredColumn],
    read: TableProfile,
    labels: _Labels,
) -> list[str]:
    """Return the texts for a gap of all columns, an empty cell first.

    A text that one column has as a level or a number is left to the columns where it is a gap.
    """
    used = {name: read.columns[name] for name in columns}
    words = dict.fromkeys(labels.gap_words)
    for name, column in columns.items():
        own = column.how.na_values if column.how is not None else ()
        for text in own:
            elsewhere = any(
                text in profile.counts and text not in columns[other].gap_words
                for other, profile in used.items()
                if other != name
            )
            if not elsewhere:
                words[text] = None
    has_empty = any(profile.counts[""] for profile in used.values())
    return [*([""] if has_empty else []), *sorted(words)]
