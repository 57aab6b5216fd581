"""Read the tables for a new pipeline, and count what each of their columns holds."""

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
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, get_args

import pandas as pd

from winenet import params_fields
from winenet.data import raw_table
from winenet.data.raw_file import MAX_LINE_BYTES
from winenet.data.stream import SEPARATORS
from winenet.errors import InputError, did_you_mean, preview, short_repr
from winenet.init.column_stats import ColumnStats
from winenet.params import Split
from winenet.text import count

GUESSED_NA_VALUES = ("", "NA", "N/A", "NaN", "nan", "?", "null", "None", ".")
SPLIT_METHODS = get_args(Split.model_fields["method"].annotation)
METHODS_BY_COLUMN = ("group", "time")  # which need a column
ROWS_AT_A_TIME = 50_000  # text needs much memory
SNIFF_LINES = 200  # lines from which the separator is guessed


class InitError(InputError):
    """The new folder cannot be made; the message says why and what to do."""


class GuessError(InputError):
    """No pipeline can be made of a table with these options."""


@dataclass(frozen=True)
class InitOptions:
    """The options of `python -m winenet init`; None where the value is guessed."""

    tables: Sequence[Path]
    target: str | None = None
    label: str | None = None
    separator: str | None = None
    positive_label: str | None = None
    na_values: Sequence[str] | None = None
    drop_columns: Sequence[str] = ()
    split_method: str | None = None
    split_column: str | None = None


class File(NamedTuple):
    """A table, and the label of all its rows if it has no label column."""

    path: Path
    label: str | None


class TableProfile(NamedTuple):
    """Statistics of all tables.

    tallies: by column. target: the label of each row, as text, (rows,).
    """

    tallies: dict[str, ColumnStats]
    target: pd.Series
    rows: int


# ------------------------------------------------------------------ the options


def files_and_target(options: InitOptions) -> tuple[list[File], str]:
    """Return the tables with their labels, and the name of the label column.

    Parameters
    ----------
    options
        The options of the command line.

    Returns
    -------
    tuple[list[File], str]
        The tables, and the column.

    Raises
    ------
    GuessError
        If a table cannot be used, or the label options contradict each other.
    """
    paths = list(options.tables)
    for path in paths:
        if not path.exists():
            raise GuessError(
                f"--table {display_path(path)}: there is no such file, so there is nothing to "
                "make a pipeline of. Give the path of a CSV file."
            )
        if not path.is_file():
            raise GuessError(
                f"--table {display_path(path)}: is not a file, so it cannot be read as a table. "
                "Give each CSV file of a folder by a --table of its own."
            )
        if path.suffix.lower() in (".parquet", ".xlsx", ".xls", ".zip", ".json"):
            raise GuessError(
                f"--table {display_path(path)}: {path.suffix} is not read here. Save the table "
                "as CSV, a header and a line a row; it may be packed as .csv.gz."
            )
    names = [path.name for path in paths]
    for name in names:
        if names.count(name) > 1:
            raise GuessError(
                f"--table: two tables are called {short_repr(name)}, and both would be copied to "
                f"{raw_table.RAW_FOLDER}/{name}. Rename one of them."
            )
        if not name.isprintable():
            raise GuessError(
                f"--table: the file's name {short_repr(name)} has characters that no screen shows. "
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
            f"--label {short_repr(options.label)} is not COLUMN=VALUE,VALUE. For example --label "
            "Class=1,0 for two tables."
        )
    if len(labels) != len(paths):
        raise GuessError(
            f"--label {short_repr(options.label)} has {count(len(labels), 'value')} for "
            f"{count(len(paths), 'table')}. Give a value for each --table, in their order."
        )
    if options.target not in (None, target):
        raise GuessError(
            f"--target {short_repr(options.target)} and --label {short_repr(options.label)} name "
            "two columns to predict. Leave out one of them."
        )
    return [File(path, label) for path, label in zip(paths, labels, strict=True)], target


def _separator(options: InitOptions) -> str:
    """Return the separator that was given, or the one that the first table's lines agree on."""
    given = options.separator
    if given is not None:
        separator = {"tab": "\t", "\\t": "\t", "space": " ", "semicolon": ";"}.get(given, given)
        if not re.fullmatch(r"[\t !#-~]", separator):
            raise GuessError(
                f"--sep {short_repr(given)} is not one character of ASCII. Give for example ';' "
                "or tab."
            )
        return separator
    lines = _first_lines(options.tables[0], SNIFF_LINES)
    best, result = 1, None
    for separator in SEPARATORS:
        try:
            counts = {len(row) for row in csv.reader(lines, delimiter=separator) if row}
        except csv.Error:  # a quotation mark that is not closed joins all lines
            continue
        if len(counts) == 1 and max(counts) > best:
            best, result = max(counts), separator
    if result is None:
        # Lines of unequal length: the header decides, and the reader names the lines.
        cells = {
            separator: len(next(csv.reader(lines[:1], delimiter=separator), []))
            for separator in SEPARATORS[:-1]
        }
        result = max(cells, key=lambda separator: cells[separator])
        if cells[result] < 2:
            raise GuessError(
                f"{display_path(options.tables[0])}: the header is {short_repr(lines[0])}, one "
                "column by any of the separators , ; tab | and space. Give the right one by --sep; "
                "a table needs a column to predict and one to predict it from."
            )
    return result


def _first_lines(path: Path, number: int) -> list[str]:
    """Return the first lines of a table that are not blank; raise GuessError if it is not text."""
    message = display_path(path)
    lines: list[str] = []
    with _readable(path):
        opened: Any = gzip.open if path.suffix == ".gz" else open
        with opened(path, "rb") as stream:
            if stream.peek(2)[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
                raise GuessError(f"{message}: is UTF-16. Save the file as UTF-8.")
            text = io.TextIOWrapper(stream, encoding="utf-8-sig")
            while len(lines) < number and (line := text.readline(MAX_LINE_BYTES + 1)):
                if "\0" in line:
                    raise GuessError(
                        f"{message}: holds null bytes, so it is not text. Save the table as CSV in "
                        "UTF-8."
                    )
                if len(line) > MAX_LINE_BYTES:
                    raise GuessError(
                        f"{message}: has a line of more than {MAX_LINE_BYTES:,} bytes, so it is "
                        "not a table. Each row stands in a line of its own, the columns' names in "
                        "the first."
                    )
                lines.append(line.removesuffix("\n"))
    if not lines or not lines[0].strip():
        raise GuessError(
            f"{message}: its first line is blank or missing. It needs the columns' names there, "
            "and a line a row below."
        )
    return [line for line in lines if line]


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Convert errors while a table is read into a GuessError."""
    text = display_path(path)
    try:
        yield
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise GuessError(f"{text}: is not a complete gzip file. Pack it again.") from None
    except UnicodeDecodeError:
        raise GuessError(_no_utf8(path)) from None
    except OSError as error:
        raise GuessError(f"{text}: cannot be read ({error.strerror}).") from None


def _no_utf8(path: Path) -> str:
    name = display_path(path)
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
        text = display_path(path)
        if len(header) < 2:
            raise GuessError(
                f"{text}: the header has one column ({short_repr(header[0])}) by the separator "
                f"{short_repr(separator)}. Give the right one by --sep."
            )
        for place, name in enumerate(header, start=1):
            if not name:
                raise GuessError(
                    f"{text}: column {place} has no name in the header; it may be the row numbers "
                    "that a program added. Give it a name, or take it out of the file."
                )
            if header.count(name) > 1:
                raise GuessError(
                    f"{text}: column {short_repr(name)} stands {header.count(name)} times in the "
                    "header. Give each column a name of its own."
                )
    for path in others:
        other = set(headers[path])
        for name in [*names, *headers[path]]:
            if (name in other) != (name in names):
                has, lacks = (path, first) if name in other else (first, path)
                raise GuessError(
                    f"{display_path(lacks)} has no column {short_repr(name)}, which "
                    f"{display_path(has)} has. All tables need the same columns."
                )
    if all(is_number(name) for name in names):
        raise GuessError(
            f"{display_path(first)}: the first line holds numbers "
            f"({short_repr(', '.join(names))}), so it is not a header. Put a line with the "
            "columns' names above it."
        )
    return names


def _check_names(
    files: Sequence[File], names: Sequence[str], target: str, options: InitOptions
) -> None:
    """Raise GuessError for options that name no column, and for names that params.yaml refuses."""
    path = display_path(files[0].path)
    if options.label is None and target not in names:
        raise GuessError(
            f"--target {short_repr(target)} is not a column of {path}"
            f"{did_you_mean(target, names)}. Its columns: {preview(names)}."
        )
    if options.label is not None and target in names:
        raise GuessError(
            f"--label adds the column {short_repr(target)}, but {path} has one of this name. Give "
            f"--target {target} in place of --label, or another name."
        )
    for name in options.drop_columns:
        if name == target:
            raise GuessError(f"--drop {short_repr(name)} is the target, which cannot be left out.")
        if name not in names:
            raise GuessError(
                f"--drop {short_repr(name)} is not a column of {path}{did_you_mean(name, names)}. "
                f"Its columns: {preview(names)}."
            )
    _check_split(path, names, target, options)
    for name in [target, *names]:
        fault = None if name in options.drop_columns else params_fields.name_error(name)
        if fault is not None:
            cure = "Rename it in the file's header"
            cure += "." if name == target else f", or leave it out: --drop {short_repr(name)}."
            raise GuessError(f"Column {short_repr(name)} cannot keep its name: {fault}. {cure}")


def _check_split(path: str, names: Sequence[str], target: str, options: InitOptions) -> None:
    """Raise GuessError for a method of the split that does not exist or lacks its column."""
    method, column = options.split_method, options.split_column
    if method is not None and method not in SPLIT_METHODS:
        raise GuessError(
            f"--split {short_repr(method)} is not a method"
            f"{did_you_mean(method, SPLIT_METHODS) or '.'} Give one of {', '.join(SPLIT_METHODS)}."
        )
    if method in METHODS_BY_COLUMN and column is None:
        raise GuessError(
            f"--split {method} needs the column to split by. Give --split-column COLUMN. "
            f"The columns of {path}: {preview(names)}."
        )
    if method not in METHODS_BY_COLUMN and column is not None:
        raise GuessError(
            f"--split-column {short_repr(column)} has no meaning without --split group or "
            "--split time. Add one of them, or leave --split-column out."
        )
    if column == target:
        raise GuessError(f"--split-column {short_repr(column)} is the target, so it cannot split.")
    if column is not None and column not in names:
        raise GuessError(
            f"--split-column {short_repr(column)} is not a column of {path}"
            f"{did_you_mean(column, names) or '.'} Its columns: {preview(names)}."
        )


# ------------------------------------------------------------------ the cells


def read_columns(
    files: Sequence[File], names: Sequence[str], separator: str, target: str, options: InitOptions
) -> TableProfile:
    """Read all tables as text, some rows at a time.

    Parameters
    ----------
    files, names, separator
        The tables, the columns that all of them have, and the character between cells.
    target
        The label column.
    options
        The options of the command line.

    Returns
    -------
    TableProfile
        Statistics of the columns, and the labels.

    Raises
    ------
    GuessError
        If a table cannot be read or has no rows.
    """
    tallies = {name: ColumnStats(words=options.na_values or ()) for name in names}
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
                f"{display_path(file.path)}: has no rows below the header, so there is nothing to "
                "learn from."
            )
    labels = pd.concat(targets, ignore_index=True)
    return TableProfile(tallies, labels, len(labels))


def _frames(path: Path, separator: str) -> Iterator[pd.DataFrame]:
    """Yield some rows of a table at a time, with the text of each cell."""
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
            f"{display_path(path)}: is not a table with the separator {short_repr(separator)} "
            f"({why}). Give the right one by --sep, or correct it."
        ) from None


def missing_texts(read: TableProfile, target: str, options: InitOptions) -> list[str]:
    """Return the texts that stand for a missing value.

    Parameters
    ----------
    read
        Statistics of the tables.
    target
        The label column, which is not searched.
    options
        The options of the command line; `na_values` replaces the guess.

    Returns
    -------
    list[str]
        The texts, each once.
    """
    if options.na_values is not None:
        return list(dict.fromkeys(options.na_values))
    used = [name for name in read.tallies if name != target and name not in options.drop_columns]
    there = dict.fromkeys(
        text
        for name in used
        for text in read.tallies[name].text_counts
        if text.strip() in GUESSED_NA_VALUES
    )
    return sorted(there, key=lambda text: (GUESSED_NA_VALUES.index(text.strip()), text))


# ------------------------------------------------------------------ messages


def display_path(path: Path) -> str:
    """Return a path for a message.

    Parameters
    ----------
    path
        Any path.

    Returns
    -------
    str
        The path, escaped if it has unprintable characters.
    """
    return str(path) if str(path).isprintable() else short_repr(str(path))


def is_number(text: str) -> bool:
    """Return whether pandas reads a text as a finite number.

    Parameters
    ----------
    text
        The text of a cell.

    Returns
    -------
    bool
        False for "nan" and "inf", too.
    """
    number = pd.to_numeric(pd.Series([text], dtype="object"), errors="coerce").iloc[0]
    return math.isfinite(float(number))


def quote_cell(text: str) -> str:
    """Return the text of a cell for a comment, at most 24 characters of it.

    Parameters
    ----------
    text
        The text of a cell.

    Returns
    -------
    str
        The text, in quotes unless it is plain.
    """
    plain = re.fullmatch(r"[\w .<>=+-]{1,24}", text) and text == text.strip()
    return text if plain and text.isprintable() else short_repr(text[:24])
