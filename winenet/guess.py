"""Reads any table as text, and guesses what params.yaml says of it: its columns, gaps and labels.

Nothing is written here. What cannot work is refused with the cure.
"""

import codecs
import contextlib
import csv
import gzip
import io
import math
import re
import warnings
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from winenet import data, params, splits
from winenet.data import MOST_LEVELS
from winenet.errors import InputError, did_you_mean, shown, some
from winenet.rawfile import LONGEST_LINE
from winenet.stream import SEPARATORS
from winenet.tally import MOST, Tally

MISSING = ("", "NA", "N/A", "NaN", "nan", "?", "null", "None", ".")
POSITIVE = (
    *("yes", "y", "true", "t", "positive", "pos", "malignant", "spam", "fraud", "churn", "churned"),
    *("sick", "ill", "disease", "dead", "died", "default", "defective", "fail", "failed"),
)
NEGATIVE_OF_ONE = ("0", "-1")  # beside which 1 is the positive label; of 1 and 2 it may be either
MANY_LABELS = 20  # from which on labels with decimals are taken for measurements
ROWS_AT_A_TIME = 50_000  # as text they take much room
SAMPLE = 200  # lines on which the separator is tried
RAREST = 200  # rows of the rarest class from which on a plain random cut keeps the shares
LARGE = 100_000  # rows from which on the trainings are fewer
SIZES = (0.2, 0.25, 0.3, 0.4, 0.5)  # of the test rows, and of the rows held out of the others
FOLDS = {False: (5, 4, 3, 2), True: (3, 2)}  # by whether the table is large
SHARES = {  # of the training rows in the learning curve; those that cannot be drawn are left out
    False: (0.05, 0.1, 0.25, 0.5, 0.75, 1.0),
    True: (0.02, 0.1, 0.5, 1.0),
}


class GuessError(InputError):
    """A table or an option that no pipeline can be made of."""


@dataclass(frozen=True)
class Options:
    """What the command line says of the tables; what it leaves open is guessed."""

    tables: Sequence[Path]
    target: str | None = None
    label: str | None = None
    separator: str | None = None
    positive: str | None = None
    missing: Sequence[str] | None = None
    leave_out: Sequence[str] = ()


class Column(NamedTuple):
    """A column that is used. kind: number or category; seen: what it holds, in words."""

    kind: str
    seen: str


class File(NamedTuple):
    """A table, and the label of all its rows if it has no such column."""

    path: Path
    label: str | None


@dataclass(frozen=True)
class Guess:
    """What was found in the tables, and the settings that serve it.

    labels: rows by label, the most frequent first. leave_out: by column, why. why_positive: how
    the positive label was chosen.
    """

    files: list[File]
    separator: str
    target: str
    labels: dict[str, int]
    positive: str | None
    why_positive: str
    missing: list[str]
    columns: dict[str, Column]
    leave_out: dict[str, str]
    settings: "Settings"
    rows: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", sum(self.labels.values()))

    @property
    def large(self) -> bool:
        """Tell whether the trainings are cut down for the table's length."""
        return self.rows > LARGE


class Settings(NamedTuple):
    """The settings that a small or lopsided table bounds."""

    stratify: bool
    test_size: float
    cv: int
    validation_size: float
    train_sizes: list[float]
    learning_runs: int


class _Read(NamedTuple):
    """The tables' cells. tallies: by column; target: (rows,), the label's texts."""

    tallies: dict[str, Tally]
    target: pd.Series
    rows: int


def guess(options: Options) -> Guess:
    """Return what params.yaml is to say of the tables.

    Raises GuessError, which says what to do, when no pipeline can be made of them.
    """
    files, target = _files_and_target(options)
    separator = _separator(options)
    headers = {file.path: _header(file.path, separator) for file in files}
    names = _names(headers, separator)
    _check_names(files, names, target, options)
    read = _read(files, names, separator, target, options)
    missing = _missing(read, target, options)
    labels = _labels(read.target, target, missing)
    positive, why = _positive(labels, target, options)
    columns, leave_out = _columns(read, names, target, missing, options)
    # As the pipeline numbers the classes: where a class is small, the draws depend on it.
    codes = pd.Index(data.class_order(labels, positive)).get_indexer(pd.Index(read.target))
    settings = _settings(pd.Series(codes), labels, read.rows > LARGE)
    return Guess(
        files, separator, target, labels, positive, why, missing, columns, leave_out, settings
    )


# ------------------------------------------------------------------ the options


def _files_and_target(options: Options) -> tuple[list[File], str]:
    """Return the tables with their labels, and the name of the label's column."""
    paths = list(options.tables)
    for path in paths:
        if not path.exists():
            raise GuessError(
                f"--table {named(path)}: there is no such file, so there is nothing to "
                "make a pipeline of. Give the path of a CSV file."
            )
        if not path.is_file():
            raise GuessError(
                f"--table {named(path)}: is no file, so it cannot be read as a table. "
                "Give each CSV file of a folder by a --table of its own."
            )
        if path.suffix.lower() in (".parquet", ".xlsx", ".xls", ".zip", ".json"):
            raise GuessError(
                f"--table {named(path)}: {path.suffix} is not read here. Save the table "
                "as CSV, a header and a line a row; it may be packed as .csv.gz."
            )
    names = [path.name for path in paths]
    for name in names:
        if names.count(name) > 1:
            raise GuessError(
                f"--table: two tables are called {shown(name)}, and both would be copied to "
                f"{data.RAW_FOLDER}/{name}. Rename one of them."
            )
        if not name.isprintable():
            raise GuessError(
                f"--table: the file's name {shown(name)} has characters that no screen shows. "
                "Rename it."
            )
    if options.label is None:
        if options.target is None:
            raise GuessError(
                "Neither --target nor --label is given, so nobody knows what is to be predicted. "
                "Give --target COLUMN, or --label COLUMN=VALUE,VALUE with a value for each table."
            )
        return [File(path, None) for path in paths], options.target
    target, equals, values = options.label.partition("=")
    labels = values.split(",")
    if not equals or not target or "" in labels:
        raise GuessError(
            f"--label {shown(options.label)} is not COLUMN=VALUE,VALUE. For example --label "
            "Class=1,0 for two tables."
        )
    if len(labels) != len(paths):
        raise GuessError(
            f"--label {shown(options.label)} has {_count(len(labels), 'value')} for "
            f"{_count(len(paths), 'table')}. Give a value for each --table, in their order."
        )
    if options.target not in (None, target):
        raise GuessError(
            f"--target {shown(options.target)} and --label {shown(options.label)} name two "
            "columns to predict. Leave out one of them."
        )
    return [File(path, label) for path, label in zip(paths, labels, strict=True)], target


def _separator(options: Options) -> str:
    """Return the separator that was given, or the one that the first table's lines agree on."""
    given = options.separator
    if given is not None:
        separator = {"tab": "\t", "\\t": "\t", "space": " ", "semicolon": ";"}.get(given, given)
        if not re.fullmatch(r"[\t !#-~]", separator):
            raise GuessError(
                f"--separator {shown(given)} is not one character of ASCII. Give for example ';' "
                "or tab."
            )
        return separator
    lines = _first_lines(options.tables[0], SAMPLE)
    best, found = 1, None
    for separator in SEPARATORS:
        try:
            counts = {len(row) for row in csv.reader(lines, delimiter=separator) if row}
        except csv.Error:  # a quotation mark that is not closed joins all lines
            continue
        if len(counts) == 1 and max(counts) > best:
            best, found = max(counts), separator
    if found is None:
        # Lines of unequal length: the header decides, and the reader names the lines.
        cells = {
            separator: len(next(csv.reader(lines[:1], delimiter=separator), []))
            for separator in SEPARATORS[:-1]
        }
        found = max(cells, key=lambda separator: cells[separator])
        if cells[found] < 2:
            raise GuessError(
                f"{named(options.tables[0])}: the header is {shown(lines[0])}, one column "
                "by any of the separators , ; tab | and space. Give the right one by --separator; "
                "a table needs a column to predict and one to predict it from."
            )
    return found


def _first_lines(path: Path, number: int) -> list[str]:
    """Return the first lines of a table that are not blank; raise GuessError for what is no CSV."""
    told = named(path)
    lines: list[str] = []
    with _readable(path):
        opened: Any = gzip.open if path.suffix == ".gz" else open
        with opened(path, "rb") as stream:
            if stream.peek(2)[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
                raise GuessError(f"{told}: is UTF-16. Save the file as UTF-8.")
            text = io.TextIOWrapper(stream, encoding="utf-8-sig")
            while len(lines) < number and (line := text.readline(LONGEST_LINE + 1)):
                if "\0" in line:
                    raise GuessError(
                        f"{told}: holds null bytes, so it is no text. Save the table as CSV in "
                        "UTF-8."
                    )
                if len(line) > LONGEST_LINE:
                    raise GuessError(
                        f"{told}: has a line of more than {LONGEST_LINE:,} bytes, so it is no "
                        "table. Each row stands in a line of its own, the columns' names in the "
                        "first."
                    )
                lines.append(line.removesuffix("\n"))
    if not lines or not lines[0].strip():
        raise GuessError(
            f"{told}: its first line is blank or missing. It needs the columns' names there, and "
            "a line a row below."
        )
    return [line for line in lines if line]


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn what goes wrong while a table is read into a GuessError."""
    told = named(path)
    try:
        yield
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise GuessError(f"{told}: is no complete file of gzip. Pack it again.") from None
    except UnicodeDecodeError:
        raise GuessError(_no_utf8(path)) from None
    except OSError as error:
        raise GuessError(f"{told}: cannot be read ({error.strerror}).") from None


def _no_utf8(path: Path) -> str:
    name = named(path)
    return (
        f"{name}: is not UTF-8, so its texts cannot be read for sure. Save the file as UTF-8, for "
        f"example with `iconv -f latin1 -t utf-8 {name} > utf8.csv`."
    )


# ------------------------------------------------------------------ the columns' names


def _header(path: Path, separator: str) -> list[str]:
    return next(csv.reader(_first_lines(path, 1)[:1], delimiter=separator))


def _names(headers: Mapping[Path, Sequence[str]], separator: str) -> list[str]:
    """Return the columns' names, which all tables have; raise GuessError for one of no use."""
    first, *others = headers
    names = list(headers[first])
    for path, header in headers.items():
        told = named(path)
        if len(header) < 2:
            raise GuessError(
                f"{told}: the header has one column ({shown(header[0])}) by the separator "
                f"{shown(separator)}. Give the right one by --separator."
            )
        for place, name in enumerate(header, start=1):
            if not name:
                raise GuessError(
                    f"{told}: column {place} has no name in the header; it may be the row numbers "
                    "that a program added. Give it a name, or take it out of the file."
                )
            if header.count(name) > 1:
                raise GuessError(
                    f"{told}: column {shown(name)} stands {header.count(name)} times in the "
                    "header. Give each column a name of its own."
                )
    for path in others:
        other = set(headers[path])
        for name in [*names, *headers[path]]:
            if (name in other) != (name in names):
                has, lacks = (path, first) if name in other else (first, path)
                raise GuessError(
                    f"{named(lacks)} has no column {shown(name)}, which "
                    f"{named(has)} has. All tables need the same columns."
                )
    if all(_is_number(name) for name in names):
        raise GuessError(
            f"{named(first)}: the first line holds numbers ({shown(', '.join(names))}), "
            "so it is no header. Put a line with the columns' names above it."
        )
    return names


def _check_names(
    files: Sequence[File], names: Sequence[str], target: str, options: Options
) -> None:
    """Raise GuessError for options that name no column, and for names that params.yaml refuses."""
    path = named(files[0].path)
    if options.label is None and target not in names:
        raise GuessError(
            f"--target {shown(target)} is no column of {path}{did_you_mean(target, names)}. "
            f"Its columns: {some(names)}."
        )
    if options.label is not None and target in names:
        raise GuessError(
            f"--label adds the column {shown(target)}, but {path} has one of this name. Give "
            f"--target {target} in place of --label, or another name."
        )
    for name in options.leave_out:
        if name == target:
            raise GuessError(f"--leave-out {shown(name)} is the target, which cannot be left out.")
        if name not in names:
            raise GuessError(
                f"--leave-out {shown(name)} is no column of {path}{did_you_mean(name, names)}. "
                f"Its columns: {some(names)}."
            )
    for name in [target, *names]:
        fault = None if name in options.leave_out else params.name_fault(name)
        if fault is not None:
            cure = "Rename it in the file's header"
            cure += "." if name == target else f", or leave it out: --leave-out {shown(name)}."
            raise GuessError(f"Column {shown(name)} cannot keep its name: {fault}. {cure}")


# ------------------------------------------------------------------ the cells


def _read(
    files: Sequence[File], names: Sequence[str], separator: str, target: str, options: Options
) -> _Read:
    """Read all tables as text, some rows at a time."""
    tallies = {name: Tally(words=options.missing or ()) for name in names}
    targets: list[pd.Series] = []
    for file in files:
        before = len(targets)
        for frame in _frames(file.path, separator):
            for name in names:
                tallies[name].add(frame[name])
            if file.label is None:
                targets.append(frame[target])
            else:
                targets.append(pd.Series([file.label] * len(frame)))
        if len(targets) == before:
            raise GuessError(
                f"{named(file.path)}: has no rows below the header, so there is nothing to learn "
                "from."
            )
    labels = pd.concat(targets, ignore_index=True)
    return _Read(tallies, labels, len(labels))


def _frames(path: Path, separator: str) -> Iterator[pd.DataFrame]:
    """Yield some rows of a table at a time, each cell as it is written."""
    try:
        with _readable(path), warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # cells that would be dropped
            reader = pd.read_csv(
                path,
                sep=separator,
                dtype="str",
                na_filter=False,
                encoding="utf-8-sig",
                index_col=False,
                skip_blank_lines=False,
                chunksize=ROWS_AT_A_TIME,
            )
            with reader:
                yield from (frame for frame in reader if len(frame))
    except (ValueError, OverflowError, pd.errors.ParserWarning) as error:
        why = str(error).strip().removeprefix("Error tokenizing data. C error: ")
        raise GuessError(
            f"{named(path)}: is no table by the separator {shown(separator)} ({why}). Give the "
            "right one by --separator, or mend the line."
        ) from None


def _missing(read: _Read, target: str, options: Options) -> list[str]:
    """Return the texts that stand for a missing value: those given, or candidates that occur."""
    if options.missing is not None:
        return list(dict.fromkeys(options.missing))
    used = [name for name in read.tallies if name != target and name not in options.leave_out]
    there = dict.fromkeys(
        text for name in used for text in read.tallies[name].words if text.strip() in MISSING
    )
    return sorted(there, key=lambda text: (MISSING.index(text.strip()), text))


def _labels(column: pd.Series, target: str, missing: Sequence[str]) -> dict[str, int]:
    """Return the rows by label, the most frequent first; raise GuessError for what is no class."""
    counts = column.value_counts()
    labels = {str(label): int(rows) for label, rows in counts.items()}
    gaps = [label for label in labels if label.strip() in MISSING or label in missing]
    if gaps:
        raise GuessError(
            f"Column {shown(target)} is to be predicted, but is {shown(gaps[0])} in "
            f"{_count(labels[gaps[0]], 'row')}. A row without a label cannot be learnt from: take "
            "these rows out of the table, or, if this is a class of its own, give it another name."
        )
    if len(labels) == 1:
        raise GuessError(
            f"Column {shown(target)} is {shown(next(iter(labels)))} in all {len(column):,} rows, "
            "so there is nothing to tell apart. Choose another --target, or add rows of another "
            "class."
        )
    fractions = all(_is_number(label) for label in labels) and not all(
        float(label).is_integer() for label in labels
    )
    if len(labels) > MOST_LEVELS or (fractions and len(labels) > MANY_LABELS):
        raise GuessError(
            f"Column {shown(target)} has {len(labels):,} different values in {len(column):,} rows "
            f"({some(list(labels))}), so it looks like a number or a name and not like a class. "
            "Choose another --target, or write classes of it into the table, such as low and high."
        )
    alone = [label for label, rows in labels.items() if rows == 1]
    if alone:
        raise GuessError(
            f"Column {shown(target)} has {_count(len(alone), 'class', 'classes')} with one row "
            f"only ({some(alone)}): it would be in the training rows or in the test rows and "
            "never in both. Take such rows out of the table, join them to another class, or add "
            "rows."
        )
    return labels


def _positive(labels: Mapping[str, int], target: str, options: Options) -> tuple[str | None, str]:
    """Return the positive one of two labels, and how it was chosen; of several there is none."""
    given = options.positive
    if given is not None and given not in labels:
        raise GuessError(
            f"--positive {shown(given)} is no label of column {shown(target)}"
            f"{did_you_mean(given, labels)}. Its labels: {some(list(labels))}."
        )
    if len(labels) > 2:
        if given is not None:
            raise GuessError(
                f"--positive {shown(given)} is given, but column {shown(target)} has "
                f"{len(labels)} labels ({some(list(labels))}), so none is the positive one. Leave "
                "--positive out."
            )
        return None, ""
    if given is not None:
        return given, "as asked"
    words = {label: label.strip().lower() for label in labels}
    known = [label for label, word in words.items() if word in POSITIVE]
    if len(known) == 1:
        return known[0], "by its name"
    numbers = {label: float(label) for label in labels if _is_number(label)}
    ones = [label for label, number in numbers.items() if number == 1]
    if len(numbers) == 2 and ones and min(numbers.values()) in map(float, NEGATIVE_OF_ONE):
        return ones[0], "by its name"
    (frequent, more), (rare, fewer) = labels.items()
    if more > fewer:
        return rare, f"the rarer one, by guess; or {_word(frequent)}"
    last, first = max(labels), min(labels)
    return last, f"by guess, both are as frequent; or {_word(first)}"


def _columns(
    read: _Read, names: Sequence[str], target: str, missing: Sequence[str], options: Options
) -> tuple[dict[str, Column], dict[str, str]]:
    """Return the columns that are used, and by column that is left out the reason."""
    columns: dict[str, Column] = {}
    leave_out = {name: "as asked" for name in names if name in options.leave_out}
    for name in names:
        if name == target or name in leave_out:
            continue
        found = _column(name, read.tallies[name], read.rows, missing)
        if isinstance(found, Column):
            columns[name] = found
        else:
            leave_out[name] = found
    if not columns:
        told = "; ".join(f"{shown(name)}: {why}" for name, why in list(leave_out.items())[:5])
        raise GuessError(
            f"No column is left to predict {shown(target)} from ({told}). A table needs one of "
            f"numbers, or of texts of which at most {MOST_LEVELS:,} differ."
        )
    return columns, leave_out


def _column(name: str, tally: Tally, rows: int, missing: Sequence[str]) -> Column | str:
    """Return how a column is used, or why it is not. rows: those of the table."""
    words = {text: count for text, count in tally.words.items() if text not in missing}
    levels = pd.Series(words | tally.numerals, dtype="int64")
    present = sum(words.values()) + tally.rows
    gaps = f"; {rows - present:,} missing" if present < rows else ""
    if present == 0:
        return "no value in any row"
    if len(levels) == 1 and not tally.many:
        return f"always {_word(str(levels.index[0]))}{gaps}; it tells nothing"
    if not words:
        follow = tally.high - tally.low + 1 == rows
        if tally.differ and tally.rows == rows > 2 and (follow or _is_id(name)):
            return "another whole number in each row: a row number or an id"
        seen = f"{tally.low:g} to {tally.high:g}{gaps}"
        if tally.whole and 2 < len(levels) <= 10:
            seen += f"; {len(levels)} whole numbers: category, if they are codes"
        return Column("number", seen)
    _refuse_spoilt_numbers(name, tally, words, missing)
    if len(levels) == present:
        return "another text in each row: a name or an id"
    if tally.many:
        return f"over {MOST:,} different texts; a category has at most {MOST_LEVELS:,}"
    if len(levels) > MOST_LEVELS:
        return f"{len(levels):,} different texts; a category has at most {MOST_LEVELS:,}"
    if len(levels) > 20 and len(levels) > present / 2:
        return f"{len(levels):,} different texts in {present:,} rows: names or ids"
    usual = levels.sort_values(ascending=False, kind="stable").index[:3]
    told = ", ".join(_word(str(text)) for text in usual)
    dots = ", ..." if len(levels) > 3 else ""
    return Column("category", f"{len(levels)} texts: {told}{dots}{gaps}")


def _refuse_spoilt_numbers(
    name: str, tally: Tally, words: Mapping[str, int], missing: Sequence[str]
) -> None:
    """Raise GuessError for a text column that was probably meant to hold numbers.

    words: rows by text, of the cells that are neither missing nor a number.
    """
    commas = [text for text in words if re.fullmatch(r"\s*[-+]?\d+,\d+\s*", text)]
    if len(commas) == len(words):
        raise GuessError(
            f"Column {shown(name)} has numbers with a decimal comma ({some(commas)}), which would "
            "be taken for texts. Write them with a point in the file, or leave the column out: "
            f"--leave-out {shown(name)}."
        )
    spoilt = sum(words.values())
    if (tally.many or len(tally.numerals) > MANY_LABELS) and tally.rows >= 9 * spoilt:
        others = list(words)
        flags = " ".join(f"--missing {shown(text)}" for text in [*missing, *others[:3]])
        raise GuessError(
            f"Column {shown(name)} holds numbers, but for {_count(spoilt, 'cell')} "
            f"({some(others)}). If such a text stands for a missing value, name all that do: "
            f"{flags}. Else mend the cells, or leave the column out: --leave-out {shown(name)}."
        )


# ------------------------------------------------------------------ the settings


def _settings(column: pd.Series, labels: Mapping[str, int], large: bool) -> Settings:
    """Return the first settings by which every class is in all sets; fewer folds come first.

    Raises GuessError when the rarest class has too few rows for any.
    """
    table = pd.DataFrame({"row": np.arange(len(column)), "label": column})
    rarest = min(labels.values())
    stratify = rarest < RAREST
    runs = 2 if large else 5
    for test_size in SIZES:
        try:
            split = params.Split(
                test_size=test_size, random_state=42, stratify=stratify, duplicates="keep"
            )
            y_train = splits.split(table, "label", split).y_train
        except InputError:
            continue
        cv = next((cv for cv in FOLDS[large] if y_train.value_counts().min() >= cv), None)
        validation_size = _validation_size(y_train)
        train_sizes = _train_sizes(y_train, SHARES[large], runs)
        if cv and validation_size and len(train_sizes) > 1:
            return Settings(stratify, test_size, cv, validation_size, train_sizes, runs)
    label = min(labels, key=lambda one: labels[one])
    raise GuessError(
        f"Class {shown(label)} has {_count(rarest, 'row')} of {len(column):,}, too few: the test "
        "needs one of each class, the search two folds of the others, and the curves one more. "
        "Add rows (about ten of each class), or join the class to another one."
    )


def _validation_size(y_train: pd.Series) -> float | None:
    """Return the first share that can be held out of the training rows, with all classes."""
    X_train = y_train.to_frame()
    for size in SIZES:
        curves = params.Curves.model_construct(validation_size=size, random_state=42)
        try:
            splits.hold_out(X_train, y_train, curves)
        except InputError:
            continue
        return size
    return None


def _train_sizes(y_train: pd.Series, shares: Sequence[float], runs: int) -> list[float]:
    """Return the shares that can be drawn with all classes under every seed, and that differ."""
    found: dict[int, float] = {}
    for share in shares:
        try:
            drawn = [len(splits.draw_share(y_train, share, seed)) for seed in range(runs)]
        except InputError:
            continue
        if share == 1 and len(found) > 4:
            found.pop(sorted(found)[-1])  # 0.75 stands in where smaller shares cannot be drawn
        found.setdefault(drawn[0], share)
    return list(found.values())


# ------------------------------------------------------------------ words


def named(path: Path) -> str:
    """Return a path for a message, whole unless a screen cannot show it."""
    return str(path) if str(path).isprintable() else shown(str(path))


def _is_number(text: str) -> bool:
    """Tell whether a text is a finite number, as pandas reads it."""
    number = pd.to_numeric(pd.Series([text], dtype="object"), errors="coerce").iloc[0]
    return math.isfinite(float(number))


def _is_id(name: str) -> bool:
    return re.search(r"(?:^|[_ .-])(?:id|index|no|nr)$|[a-z]I[Dd]$", name, re.I) is not None


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _word(text: str) -> str:
    """Return a cell's text for a comment: as it stands, or in quotes, and never long."""
    plain = re.fullmatch(r"[\w .<>=+-]{1,24}", text) and text == text.strip()
    return text if plain and text.isprintable() else shown(text[:24])
