"""Read the tables for a new pipeline, and count what each of their columns holds."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple, get_args

import pandas as pd
import pyarrow as pa

from winenet import params_fields
from winenet.data import column_format, raw_table, table_reader
from winenet.data.table_reader import Table
from winenet.data.text_stream import TableError
from winenet.errors import InputError, did_you_mean, preview, short_repr
from winenet.init.column_profile import ColumnProfile
from winenet.init.messages import option
from winenet.params import Ingest, Split
from winenet.text import count

SPLIT_METHODS = get_args(Split.model_fields["method"].annotation)
METHODS_BY_COLUMN = ("group", "time")  # which need a column
# Options of few values, without those that are checked with others.
CHOICES = {
    "decimal": (",", "."),
    "unlabelled": get_args(Ingest.model_fields["unlabelled"].annotation),
    "rare_classes": ("drop", "merge=LABEL", "refuse"),
}


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
    na_values: Sequence[str] = field(default_factory=list)
    drop_columns: Sequence[str] = field(default_factory=list)
    keep_columns: Sequence[str] = field(default_factory=list)
    encoding: str | None = None
    header: bool = True
    decimal: str | None = None
    unlabelled: str | None = None
    rare_classes: str | None = None
    split_method: str | None = None
    split_column: str | None = None


class File(NamedTuple):
    """A table, and the label of all its rows if it has no label column."""

    path: Path
    label: str | None


class TableStyle(NamedTuple):
    """How the tables are written, and their columns.

    Attributes
    ----------
    names : list of str
    encoding : str
    separator, quote : str
    """

    names: list[str]
    encoding: str
    separator: str
    quote: str


class TableProfile(NamedTuple):
    """Statistics of all tables.

    Attributes
    ----------
    columns : dict of str to ColumnProfile
    target : Series of str, shape (rows,)
        The label of each row.
    rows : int
    notes : list of str
        What was found and skipped, in words.
    """

    columns: dict[str, ColumnProfile]
    target: pd.Series
    rows: int
    notes: list[str]


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


def check_choices(options: InitOptions) -> None:
    """Raise GuessError for a value that an option does not have."""
    for name, choices in CHOICES.items():
        given = getattr(options, name)
        patterns = [re.escape(choice).replace("LABEL", r"\S.*") for choice in choices]
        if given is not None and not re.fullmatch("|".join(patterns), given):
            raise GuessError(
                f"--{name.replace('_', '-')} {short_repr(given)} is not one of its values. Give "
                f"{' or '.join(map(repr, choices))}."
            )
    try:
        "a".encode(options.encoding or "utf-8")
    except (LookupError, UnicodeError):  # hex is a codec, but none of texts
        raise GuessError(
            f"--encoding {short_repr(options.encoding)} is not an encoding that Python knows. Give "
            "for example utf-8, windows-1252 or utf-16, or leave it out: it is found."
        ) from None


def _given_separator(options: InitOptions) -> str | None:
    """Return the separator of the option --sep."""
    given = options.separator
    if given is None:
        return None
    separator = {"tab": "\t", "\\t": "\t", "space": " ", "semicolon": ";"}.get(given, given)
    if not re.fullmatch(r"[\t !#-~]", separator):
        raise GuessError(
            f"--sep {short_repr(given)} is not one character of ASCII. Give for example ';' or tab."
        )
    return separator


def read_style(files: Sequence[File], target: str, options: InitOptions) -> TableStyle:
    """Return how the tables are written, and the columns that all of them have.

    Parameters
    ----------
    files : sequence of File
    target : str
        The label column.
    options : InitOptions

    Raises
    ------
    GuessError
        If a table cannot be read, or the tables do not have the same columns.
    """
    styles = {}
    for file in files:
        with _open(file.path, options) as table:
            if options.header:
                _refuse_missing_header(file.path, table, target)
            styles[file.path] = TableStyle(
                table.names,
                table.encoding,
                table.dialect.separator,
                table.dialect.quote,
            )
    names = _common_names({path: style.names for path, style in styles.items()}, options)
    first = styles[files[0].path]
    for path, style in styles.items():
        for what in ("encoding", "separator", "quote"):
            if getattr(style, what) != getattr(first, what):
                raise GuessError(
                    f"{display_path(files[0].path)} and {display_path(path)} do not have the same "
                    f"{what}: {getattr(first, what)!r} and {getattr(style, what)!r}. Save them "
                    "alike."
                )
    return first._replace(names=names)


def _open(path: Path, options: InitOptions) -> Table:
    """Open a table; raise GuessError if it cannot be read."""
    try:
        return table_reader.open_table(
            str(path), options.encoding, _given_separator(options), header=options.header
        )
    except TableError as error:
        raise GuessError(f"{display_path(path)}: {error}.") from None


def without_header(files: Sequence[File], target: str, options: InitOptions) -> InitOptions:
    """Return the options with header set to False if the target is c1, c2, ... of a table.

    A name such as c21 is one that only a table without a header gets.
    """
    with _open(files[0].path, options) as table:
        is_place = re.fullmatch(r"c[1-9]\d*", target) and int(target[1:]) <= len(table.names)
        if options.header and is_place and target not in table.names and table.why_no_header():
            return replace(options, header=False)
    return options


def _refuse_missing_header(path: Path, table: Table, target: str) -> None:
    """Raise GuessError if the first line of a table is data."""
    why = table.why_no_header()
    if why is None:
        return
    place = table.names.index(target) + 1 if target in table.names else len(table.names)
    raise GuessError(
        f"{display_path(path)}: {why}. --no-header calls its columns c1 to c{len(table.names)}; "
        f"{'your target' if target in table.names else 'the last one'} is then --target c{place}. "
        "Or put a line with the columns' names above it."
    )


# ------------------------------------------------------------------ the columns' names


def _common_names(headers: Mapping[Path, Sequence[str]], options: InitOptions) -> list[str]:
    """Return the columns' names, which all tables have; raise GuessError for one of no use."""
    first, *others = headers
    names = list(headers[first])
    for path, header in headers.items():
        if len(header) < 2:
            separator = _given_separator(options)
            by = "any of the separators , ; tab | and space"
            by = by if separator is None else f"the separator {separator!r}"
            raise GuessError(
                f"{display_path(path)}: the header has one column ({short_repr(header[0])}) "
                f"by {by}. Give the right separator by --sep; a table needs a column to "
                "predict and one to predict it from."
            )
        for name in header:
            if header.count(name) > 1 and name not in options.drop_columns:
                raise GuessError(
                    f"{display_path(path)}: column {short_repr(name)} stands {header.count(name)} "
                    "times in the header. Give each column a name of its own, or leave them out: "
                    f"`{option('--drop', name)}`."
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
    return list(dict.fromkeys(names))


def check_names(
    files: Sequence[File], names: Sequence[str], target: str, options: InitOptions
) -> None:
    """Raise GuessError for options that name no column, and for names that params.yaml refuses."""
    path = display_path(files[0].path)
    if options.label is None and target not in names:
        raise GuessError(
            f"--target {short_repr(target)} is not a column of {path}"
            f"{did_you_mean(target, names) or '.'} Its columns: {preview(names)}."
        )
    if options.label is not None and target in names:
        raise GuessError(
            f"--label adds the column {short_repr(target)}, but {path} has one of this name. Give "
            f"--target {target} in place of --label, or another name."
        )
    for flag, listed in (("--keep", options.keep_columns), ("--drop", options.drop_columns)):
        for name in listed:
            if name not in [target, *names]:
                raise GuessError(
                    f"{flag} {short_repr(name)} is not a column of {path}"
                    f"{did_you_mean(name, names) or '.'} Its columns: {preview(names)}."
                )
    for name in options.drop_columns:
        if name == target:
            raise GuessError(f"--drop {short_repr(name)} is the target, which cannot be left out.")
        if name in options.keep_columns:
            raise GuessError(
                f"Column {short_repr(name)} has both --keep and --drop. Leave out one of them."
            )
    _check_split(path, names, target, options)
    for name in [target, *names]:
        fault = None if name in options.drop_columns else params_fields.name_error(name)
        if fault is not None:
            cure = "Rename it in the file's header"
            cure += "." if name == target else f", or leave it out: `{option('--drop', name)}`."
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
    files: Sequence[File], style: TableStyle, target: str, options: InitOptions
) -> TableProfile:
    """Read all tables once, and count what their columns hold.

    Parameters
    ----------
    files : sequence of File
    style : TableStyle
    target : str
        The label column.
    options : InitOptions

    Returns
    -------
    TableProfile

    Raises
    ------
    GuessError
        If a table cannot be read or has no rows.
    """
    profiles = {name: ColumnProfile() for name in style.names}
    wanted = [name for name in style.names if name not in options.drop_columns]
    labels: list[pa.Array] = []
    notes: list[str] = []
    for file in files:
        rows = 0
        with _open(file.path, options) as table:
            try:
                for block in table.blocks(wanted):
                    texts = {
                        name: column_format.clean_cells(cells)
                        for name, cells in block.cells.items()
                    }
                    for name in wanted:
                        profiles[name].add(texts[name])
                    rows += len(block.rows)
                    labels.append(
                        texts[target]
                        if file.label is None
                        else pa.array([file.label] * len(block.rows), pa.string())
                    )
            except TableError as error:
                raise GuessError(f"{display_path(file.path)}: {error}.") from None
            if table.faults:
                listed = "".join(f"\n  {fault}" for fault in table.faults)
                raise GuessError(
                    f"{display_path(file.path)} is not a table with the separator "
                    f"{short_repr(style.separator)}:{listed}\nGive the right separator by --sep, "
                    "or correct the lines."
                )
        notes += [f"{file.path.name}: {note}" for note in table.notes]
        if not rows:
            raise GuessError(
                f"{display_path(file.path)}: has no rows below the header, so there is nothing to "
                "learn from."
            )
    joined = pa.chunked_array(labels, pa.string()).to_pandas()
    return TableProfile(profiles, pd.Series(joined, dtype="str").fillna(""), len(joined), notes)


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
