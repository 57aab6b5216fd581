"""Read one raw file in blocks, and report every fault of its lines and cells.

CSV, as it is or packed by gzip; Parquet where pyarrow is installed.
"""

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from winenet.data import parquet
from winenet.errors import InputError, did_you_mean, safe_text, short_repr
from winenet.params import Ingest
from winenet.progress import Progress
from winenet.text import count

MAX_ERRORS_SHOWN = 5  # per column; a file in the wrong unit would otherwise fill the screen
MAX_LINE_BYTES = 100_000  # bytes; a file without line ends would otherwise be one endless line
BLOCK = 2**24  # bytes that are read at a time
PROGRESS_MIN_BYTES = 2**26  # bytes of a file from which on progress is shown


class DataError(InputError):
    """A raw file or a table cannot be used."""


class _TextChunk(NamedTuple):
    """Some rows. first: the line of the first one, as an editor counts; text: with the header."""

    first: int
    text: str


class _CellErrors:
    """The cells that break a rule: the first few of each column and rule, and how many more."""

    def __init__(self) -> None:
        self.cells: dict[tuple[str, str], list[str]] = {}
        self.number: dict[tuple[str, str], int] = {}

    def add(self, name: str, rule: str, lines: Sequence[int], cells: Sequence[str]) -> None:
        """Keep cells of a column. lines, cells: where they stand, and as they are written."""
        key = (name, rule)
        kept = self.cells.setdefault(key, [])
        self.number[key] = self.number.get(key, 0) + len(cells)
        for line, cell in zip(lines, cells, strict=True):
            if len(kept) == MAX_ERRORS_SHOWN:
                return
            text = f"{short_repr(cell)} is " if cell else ""
            kept.append(f"line {line}, column '{name}': {text}{rule}")

    def messages(self, names: Sequence[str]) -> list[str]:
        """Return what was found, column by column."""
        lines = []
        for name in names:
            for key, kept in self.cells.items():
                if key[0] == name:
                    more = self.number[key] - len(kept)
                    lines += kept
                    lines += [f"column '{name}': {more} more such cells"] if more else []
        return lines


def read(
    path: str, settings: Ingest, label: int | str | None = None
) -> tuple[list[str], pd.DataFrame]:
    """Return a file's faults, and its rows: the columns of params.yaml and the label as text.

    label: of all rows; None: it stands in the target's column. Blank lines and surplus fields are
    faults, not skipped. With faults the rows may be incomplete.
    """
    kinds = dict(settings.kinds)
    if label is None:
        kinds[settings.target] = "category"
    result, frames = _CellErrors(), []
    try:
        if path.endswith(".parquet"):
            faults, blocks = _parquet(path, kinds, settings)
        else:
            faults, blocks = _csv(path, kinds, settings)
        for first, values, written in blocks:
            frames.append(_validate_chunk(first, values, written, settings, result))
    except DataError as error:
        return str(error).split("\n"), pd.DataFrame()
    rows = pd.concat(frames, ignore_index=True) if len(frames) != 1 else frames[0]
    if not len(rows):
        faults.append("no rows below the header")
    if label is not None:
        rows[settings.target] = str(label)
    return faults + result.messages(list(kinds)), rows


# ------------------------------------------------------------------ cells

# The line of the first row, the values, and a call that returns the cells as they are written.
_Values = tuple[int, pd.DataFrame, Callable[[], pd.DataFrame]]


def _validate_chunk(
    first: int,
    values: pd.DataFrame,
    written: Callable[[], pd.DataFrame],
    settings: Ingest,
    found: _CellErrors,
) -> pd.DataFrame:
    """Return a block's columns as numbers and texts; note in found the cells that do not fit."""
    columns: dict[str, pd.Series] = {}
    for name in map(str, values):
        column = values[name]
        kind = settings.columns.get(name, "category")
        empty = column.isna()
        if kind == "category":
            columns[name], rules = column, []
            no_value = "no value; every cell needs a text"
        else:
            numeric = pd.api.types.is_numeric_dtype(column) and column.dtype != bool
            numbers = column if numeric else pd.to_numeric(column.astype("str"), errors="coerce")
            columns[name] = numbers
            text = numbers.isna() & ~empty
            rules = [(text, "not a number"), _out_of_range(numbers, kind, ~empty & ~text)]
            no_value = "no value; every cell needs a number"
        if empty.any() and settings.na_values and name != settings.target:
            cells = written()[name]
            known = cells.isin(settings.na_values)
            if kind != "category":  # -999 stands for -999.0, too
                known |= pd.to_numeric(cells, errors="coerce").isin(
                    parquet.as_numbers(settings.na_values)
                )
            empty &= ~known
        for mask, rule in [(empty, no_value), *rules]:
            if mask.any():
                cells = written()[name][mask]
                found.add(name, rule, (np.flatnonzero(mask) + first).tolist(), list(cells))
    return pd.DataFrame(columns, index=values.index, copy=False)


def _out_of_range(numbers: pd.Series, kind: Any, there: pd.Series) -> tuple[pd.Series, str]:
    if kind == "number":
        return ~np.isfinite(numbers) & there, "not finite"
    least, largest = kind
    rule = f"out of range; it must lie in {_format_number(least)} to {_format_number(largest)}"
    return ~numbers.between(least, largest) & there, rule


def _format_number(number: float) -> str:
    return str(int(number)) if number == int(number) and abs(number) < 1e15 else str(number)


class _CellTexts:
    """A block's cells as they are written, read when they are asked for."""

    def __init__(self, text: str, separator: str) -> None:
        self.text, self.separator = text, separator
        self.frame: pd.DataFrame | None = None

    def __call__(self) -> pd.DataFrame:
        """Return the cells as text, an empty one as an empty text."""
        if self.frame is None:
            self.frame = pd.read_csv(
                io.StringIO(self.text),
                sep=self.separator,
                skip_blank_lines=False,
                dtype="str",
                keep_default_na=False,
            )
        return self.frame


# ------------------------------------------------------------------ CSV


def _csv(
    path: str, kinds: Mapping[str, str], settings: Ingest
) -> tuple[list[str], Iterator[_Values]]:
    """Return the faults of the header, and the blocks of rows.

    Raises DataError, which names every line that does not have the header's columns.
    """
    lines = _lines(path)
    first = next(lines, None)
    if first is None or not any(line.strip() for line in first[1]):
        raise DataError("empty; it needs a header and rows")
    header_line = first[1][0]
    if not header_line:
        raise DataError("line 1 is blank; the header must stand there")
    if len(header_line) > MAX_LINE_BYTES:
        raise DataError(_too_long(1))
    header = next(csv.reader([header_line], delimiter=settings.separator))
    uneven = _repeated(header)
    uneven += [
        f"column {place} has no name in the header"
        for place, name in enumerate(header, start=1)
        if not name and header.count(name) == 1
    ]
    blocks = _line_blocks(first, lines, header, settings.separator, uneven)
    faults = _header_faults(header, kinds, settings)
    there = {name: kind for name, kind in kinds.items() if name in header}
    return faults, (_values(block, there, settings) for block in blocks)


def _repeated(names: Sequence[str]) -> list[str]:
    return [
        f"column {short_repr(name)} stands {names.count(name)} times in the header"
        for name in dict.fromkeys(names)
        if names.count(name) > 1
    ]


def _header_faults(header: Sequence[str], kinds: Mapping[str, str], settings: Ingest) -> list[str]:
    missing = [name for name in kinds if name not in header]
    unknown = [name for name in header if name not in kinds and name not in settings.drop_columns]
    faults = [
        f"column {short_repr(name)} is not expected{did_you_mean(name, missing)}"
        for name in unknown
    ]
    if len(faults) > MAX_ERRORS_SHOWN:
        more = len(faults) - MAX_ERRORS_SHOWN
        faults = [*faults[:MAX_ERRORS_SHOWN], f"{more} more columns that are not expected"]
    faults += [f"column '{name}' is missing" for name in missing]
    if missing and len(header) == 1:
        faults.append(
            "the header has one column only: the separator may be another than `ingest.separator`"
        )
    return faults


def _line_blocks(
    first: tuple[int, list[str]],
    rest: Iterator[tuple[int, list[str]]],
    header: list[str],
    separator: str,
    faults: list[str],
) -> Iterator[_TextChunk]:
    """Yield the rows in blocks, as long as all lines have the header's columns.

    faults: those of the header. Raises DataError at the end when there is a fault of a line.
    """
    number, lines = first
    header_line, uneven, more = lines[0], list[str](), 0
    numbered = iter([(number, lines)])
    first_block = True
    for blocks in (numbered, rest):
        for number, lines in blocks:
            for line, fault in _line_faults(number, lines, len(header), separator):
                if len(line) > MAX_LINE_BYTES:
                    raise DataError(fault)
                if len(uneven) < MAX_ERRORS_SHOWN:
                    uneven.append(fault)
                else:
                    more += 1
            if not uneven and not faults:
                rows = lines[1:] if first_block else lines
                # The header alone tells pandas the columns, even where no row follows.
                text = "\n".join([header_line, *rows]) + "\n"
                yield _TextChunk(number + first_block, text)
            first_block = False
    if more:
        uneven.append(f"{more} more such lines")
    if faults or uneven:
        raise DataError("\n".join([*faults, *uneven]))


def _line_faults(
    first: int, lines: list[str], columns: int, separator: str
) -> Iterator[tuple[str, str]]:
    """Yield the lines that pandas would cut, fill up or join, with what is wrong."""
    for number, line in enumerate(lines, start=first):
        if len(line) > MAX_LINE_BYTES:
            yield line, _too_long(number)
        elif not line:
            yield line, f"line {number} is blank"
        elif "\0" in line:
            yield line, f"line {number} has a null byte; the file is not text or is damaged"
        elif '"' not in line:
            cells = line.count(separator) + 1
            if cells != columns:
                yield line, f"line {number} has {count(cells, 'cell')}, the header has {columns}"
        elif line.count('"') % 2:
            yield line, f"line {number} has a quotation mark that is not closed"
        else:
            cells = len(next(csv.reader([line], delimiter=separator), []))
            if cells != columns:
                yield line, f"line {number} has {count(cells, 'cell')}, the header has {columns}"


def _too_long(number: int) -> str:
    return f"line {number} is longer than {MAX_LINE_BYTES:,} bytes; a line needs a line end"


def _values(block: _TextChunk, kinds: Mapping[str, str], settings: Ingest) -> _Values:
    """Return a block's first line, its values, and its cells as they are written."""
    numbers = [name for name, kind in kinds.items() if kind == "number"]
    texts = [name for name, kind in kinds.items() if kind == "category"]
    how: dict[str, Any] = {"sep": settings.separator, "skip_blank_lines": False}
    if not kinds:  # none of the columns is there, which is reported; the rows count all the same
        rows = pd.DataFrame(index=range(block.text.count("\n") - 1))
        return block.first, rows, _CellTexts(block.text, settings.separator)
    try:
        parts = []
        if numbers:
            parts.append(
                pd.read_csv(
                    io.StringIO(block.text),
                    usecols=lambda name: name in numbers,
                    low_memory=False,
                    na_values=settings.na_values,
                    **how,
                )
            )
        if texts:
            # A text such as NA is a text, unless params.yaml says that it is none.
            parts.append(
                pd.read_csv(
                    io.StringIO(block.text),
                    usecols=lambda name: name in texts,
                    dtype="str",
                    keep_default_na=False,
                    na_values=["", *settings.na_values],
                    **how,
                )
            )
    except (ValueError, OverflowError) as error:
        raise DataError(f"not a table ({safe_text(str(error))})") from None
    values = pd.concat(parts, axis=1) if len(parts) > 1 else parts[0]
    return block.first, values[list(kinds)], _CellTexts(block.text, settings.separator)


def _lines(path: str) -> Iterator[tuple[int, list[str]]]:
    """Yield a file's lines in blocks, with the number of the first; LF, CRLF and CR end a line.

    Raises DataError if it cannot be read, is not UTF-8, or has a line that is far too long; that
    is noticed before more than such a line is in memory.
    """
    left, number, waiting = b"", 1, list[str]()
    try:
        if Path(path).exists() and not (Path(path).is_file() or Path(path).is_dir()):
            raise DataError("is a device or a pipe, not a file")  # would never end
        size = Path(path).stat().st_size
        bar = Progress(Path(path).name, size // 2**20, "MB") if size > PROGRESS_MIN_BYTES else None
        opened: Any
        with Path(path).open("rb") as raw, bar or nullcontext():
            opened = gzip.GzipFile(fileobj=raw) if path.endswith(".gz") else raw
            read = 0
            while chunk := opened.read(MAX_LINE_BYTES):
                if not read:
                    if chunk.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                        raise DataError("is UTF-16; save the file as UTF-8")
                    chunk = chunk.removeprefix(codecs.BOM_UTF8)
                left += chunk
                read += len(chunk)
                # A carriage return at the very end may be half of a line end.
                held = b"\r" if left.endswith(b"\r") else b""
                whole = left.removesuffix(b"\r").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
                whole, end, left = whole.rpartition(b"\n")
                if end:
                    waiting += _decoded(whole, number + len(waiting)).split("\n")
                if len(left) > MAX_LINE_BYTES:
                    raise DataError(_too_long(number + len(waiting)))
                left += held
                if read >= BLOCK and waiting:
                    yield number, waiting
                    number, waiting, read = number + len(waiting), [], 1
                    if bar is not None:
                        bar.update(raw.tell() // 2**20 - bar.done, raw.tell() / size)
        if left:
            waiting.append(_decoded(left.removesuffix(b"\r"), number + len(waiting)))
        if waiting:
            yield number, waiting
    except FileNotFoundError:
        raise DataError("missing") from None
    except IsADirectoryError:
        raise DataError("is a folder, not a file") from None
    except PermissionError:
        what = "is a folder, not a file" if Path(path).is_dir() else "may not be read by this user"
        raise DataError(what) from None
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise DataError("is not a complete gzip file, as its name says") from None
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror})") from None


def _decoded(content: bytes, number: int) -> str:
    """Return bytes as text. number: of their first line."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = number + content[: error.start].count(b"\n")
        raise DataError(f"line {line} is not UTF-8; save the file as UTF-8") from None


# ------------------------------------------------------------------ Parquet


def _parquet(
    path: str, kinds: Mapping[str, str], settings: Ingest
) -> tuple[list[str], Iterator[_Values]]:
    """Return the faults of the columns, and all rows as one block, the first of number 1."""
    try:
        from pyarrow import parquet as reader
    except ImportError:
        raise DataError(
            "is Parquet, which pyarrow reads: `pip install pyarrow`, or save it as CSV"
        ) from None
    try:
        with reader.ParquetFile(path) as file:
            table = file.read()
    except FileNotFoundError:
        raise DataError("missing") from None
    except (OSError, ValueError) as error:  # pyarrow's own errors, too
        raise DataError(f"not a table ({safe_text(str(error))})") from None
    index = (table.schema.pandas_metadata or {}).get("index_columns", [])
    names = [name for name in table.schema.names if name not in index]
    faults = _repeated(names) + _header_faults(names, kinds, settings)
    columns: dict[str, Any] = {}
    for name in (name for name in kinds if names.count(name) == 1):
        made = parquet.to_float64 if kinds[name] == "number" else parquet.to_strings
        result = made(table.column(name), settings.na_values)
        if result is None:
            faults.append(
                f"column '{name}' is of the type {table.column(name).type}, and no {kinds[name]}"
            )
            continue
        columns[name] = result
        if isinstance(result, pd.Series):
            unfit = np.flatnonzero(result.str.contains("[\r\n\0]", na=False))
            faults += [
                f"line {place + 1}, column '{name}': {short_repr(result[place])} has a line end or "
                "a null byte"
                for place in unfit[:MAX_ERRORS_SHOWN]
            ]
    values = pd.DataFrame(columns, index=pd.RangeIndex(len(table)))

    def written() -> pd.DataFrame:
        made = {name: parquet.to_strings(table.column(name), []) for name in columns}
        return pd.DataFrame(made).fillna("")

    return faults, iter([(1, values, written)])
