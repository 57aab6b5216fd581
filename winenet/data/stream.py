"""Read a raw table in chunks, matched by name to the columns of a model.

CSV, as it is or packed by gzip, from a file or from standard input; Parquet where pyarrow is
installed. Never is more than a piece in memory. The module has over 500 lines, as both readers fill
in the steps of one base class and share its messages.
"""

import codecs
import contextlib
import csv
import gzip
import io
import stat
import sys
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Self, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from winenet.data import parquet
from winenet.data.preprocessing import Preprocessing
from winenet.data.raw_file import MAX_LINE_BYTES
from winenet.errors import InputError, did_you_mean, preview, safe_text, short_repr
from winenet.text import count

STDIN = "-"
DEFAULT_NA_VALUES = ("NA", "NaN")  # what stands for a gap, beside an empty cell
SEPARATORS = (",", ";", "\t", "|", " ")
BLOCK = 2**20  # bytes of CSV that are read at a time: some 15,000 wines
ROWS = 20_000  # of Parquet, likewise
NAMES_SHOWN = 5
BOOLEANS = ("True", "TRUE", "true", "False", "FALSE", "false")


class TableError(InputError):
    """A table cannot be read, or does not have a model's columns."""


class TableReader:
    """An open table. A context: it closes the file at its end.

    names: the columns, in the table's order. share: how much of it has been read, in [0, 1], or
    None when its length is not known. size: in bytes; 0 when it is not known.
    """

    names: list[str]
    size = 0

    def __init__(self, path: str, raw: Preprocessing, missing: Sequence[str]) -> None:
        self.path, self.raw = path, raw
        self.display_name = "standard input" if path == STDIN else safe_text(path)
        # A text that is a level of its column is no gap there, whatever it means elsewhere.
        gaps = {"", *missing}
        self.na_values = dict.fromkeys(raw.numbers, gaps) | {
            name: gaps - set(levels)
            for name, levels in zip(raw.categories, raw.levels, strict=True)
        }
        self.exit_stack = contextlib.ExitStack()

    def iter_chunks(self) -> Iterator[pd.DataFrame]:
        """Yield the rows piece by piece, their index counted on: numbers float64, the others text.

        Raises TableError for a line or a cell that cannot be used.
        """
        raise NotImplementedError

    def row_location(self, row: int) -> str:
        """Return where a row stands. row: counted from 0."""
        return f"row {row} (counted from 0)"

    @property
    def fraction_read(self) -> float | None:
        """See above."""
        return None

    @property
    def extra_columns(self) -> list[str]:
        """The columns that the model does not have."""
        return [name for name in self.names if name not in self.na_values]

    @property
    def reordered(self) -> bool:
        """Whether the model's columns stand in another order than in the model."""
        ours = [name for name in self.names if name in self.na_values]
        # A model has its numbers first, whatever order its training table had.
        kinds = (self.raw.numbers, self.raw.categories)
        return any([name for name in ours if name in kind] != kind for kind in kinds)

    def error(self, message: str) -> TableError:
        """Return an error of this table."""
        return TableError(f"{self.display_name}: {message}")

    def check_columns(self) -> None:
        """Raise TableError if a column of the model is missing or stands there twice."""
        twice = [name for name in self.raw.columns if self.names.count(name) > 1]
        if twice:
            raise self.error(
                f"column {short_repr(twice[0])} stands {self.names.count(twice[0])} times in the "
                "header, so it is open which one is meant. Columns are matched by name: give each "
                "a name of its own."
            )
        missing = [name for name in self.raw.columns if name not in self.names]
        if not missing:
            return
        text = [
            f"{short_repr(name)}{did_you_mean(name, self.extra_columns)}"
            for name in missing[:NAMES_SHOWN]
        ]
        if len(missing) > NAMES_SHOWN:
            text.append(f"{len(missing) - NAMES_SHOWN} more")
        raise self.error(
            f"{'columns are' if len(missing) > 1 else 'a column is'} missing ({', '.join(text)}), "
            f"so nothing was predicted. The model needs {len(self.raw.columns)} columns, matched "
            f"by name, and the header has {len(self.names)}: {preview(self.names)}. Change the "
            "header; `python -m winenet describe` lists the model's columns."
        )

    def not_a_number(self, row: int, name: str, cell: str) -> TableError:
        """Return the error of a cell. row: counted from 0."""
        return self.error(
            f"{self.row_location(row)}, column {short_repr(name)}: {short_repr(cell)} is not a "
            "finite number, so the table was not predicted. A number is written like 12, -0.5 or "
            "1e-3. Correct the cell; `--na-value TEXT` says that a text stands for a gap."
        )

    def __enter__(self) -> Self:
        """Return this."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.exit_stack.close()


def open_table(
    path: str,
    raw: Preprocessing,
    separator: str | None = None,
    missing: Sequence[str] = DEFAULT_NA_VALUES,
    block: int = BLOCK,
) -> TableReader:
    """Open a table that has a model's columns. path: of a file, or "-" for standard input.

    separator: of CSV; without it the one under which the header has most of the model's columns.
    missing: texts that stand for a gap, as an empty cell does. block: bytes read at a time.
    Raises TableError if it cannot be read or a column is missing.
    """
    closing = contextlib.ExitStack()
    with contextlib.ExitStack() as on_error:
        on_error.push(closing)
        file = _standard_input() if path == STDIN else closing.enter_context(_file(path))
        size = 0
        if path != STDIN:
            result = Path(path).stat()
            size = result.st_size if stat.S_ISREG(result.st_mode) else 0
        reader: Any = file if hasattr(file, "peek") else io.BufferedReader(cast(Any, file))
        table: TableReader
        if reader.peek(4)[:4] == b"PAR1":
            table = _ParquetReader(path, raw, missing, block)
        else:
            table = _CsvReader(path, raw, missing, reader, size, separator, block)
        table.check_columns()
        table.exit_stack.push(closing)
        on_error.pop_all()
    return table


def _standard_input() -> IO[bytes]:
    if sys.stdin is None:
        raise TableError("Standard input is closed, so there is no table. Give a file's name.")
    return sys.stdin.buffer


def _file(path: str) -> IO[bytes]:
    try:
        return Path(path).open("rb")
    except (OSError, ValueError) as error:
        if Path(path).is_dir():
            why = "is a folder"
        elif isinstance(error, FileNotFoundError):
            why = "is missing"
        else:
            why = f"cannot be read ({getattr(error, 'strerror', None) or error})"
        raise TableError(
            f"{safe_text(path)} {why}, so nothing was predicted. A table is a file of CSV, packed "
            "by gzip or not, or of Parquet, which this user may read; - is standard input."
        ) from None


# ------------------------------------------------------------------ CSV


class _CsvReader(TableReader):
    """A table of CSV. Each row is one line, so that a row of number n stands in line n + 2."""

    def __init__(
        self,
        path: str,
        raw: Preprocessing,
        missing: Sequence[str],
        reader: Any,
        size: int,
        separator: str | None,
        block: int,
    ) -> None:
        super().__init__(path, raw, missing)
        self.reader, self.size, self.block = reader, size, block
        packed = reader.peek(2)[:2] == b"\x1f\x8b"
        self.stream = gzip.GzipFile(fileobj=reader) if packed else reader
        self.blocks = self._blocks()
        header, self.rest = self._header()
        self.separator, self.names = self._split_header(header, separator)
        place = {name: self.names.index(name) for name in raw.columns if name in self.names}
        self.places = {place[name]: name for name in sorted(place, key=lambda name: place[name])}

    @property
    def fraction_read(self) -> float | None:
        """How much of the file has been read, packed or not."""
        return min(1.0, self.reader.tell() / self.size) if self.size else None

    def row_location(self, row: int) -> str:
        """Return the line of a row, as an editor counts."""
        return f"line {row + 2}"

    def iter_chunks(self) -> Iterator[pd.DataFrame]:
        """Yield the rows of each block."""
        row = 0
        for block in self._rows():
            yield (piece := self._parse_chunk(block, row))
            row += len(piece)
        if not row:
            raise self.error(
                "has a header and no row, so there is nothing to predict. Each row stands in a "
                "line of its own below the header."
            )

    def _blocks(self) -> Iterator[bytes]:
        """Yield the file in blocks of whole lines that all end with LF."""
        left = b""
        try:
            while chunk := self.stream.read(self.block):
                left += chunk
                if b"\r" in left:  # at the very end it may be half of a line end
                    held = left[len(left.removesuffix(b"\r")) :]
                    left = left.removesuffix(b"\r").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
                else:
                    held = b""
                whole, end, left = left.rpartition(b"\n")
                if max(map(len, [left, *whole.split(b"\n")])) > MAX_LINE_BYTES:
                    raise self.error(
                        f"has a line of more than {MAX_LINE_BYTES:,} bytes, so it is not a table. "
                        "Each row stands in a line of its own."
                    )
                left += held
                if end:
                    yield whole + end
        except (gzip.BadGzipFile, EOFError, zlib.error):
            raise self.error(
                "is not a complete gzip file, so its rows cannot all be read. Pack it again."
            ) from None
        except OSError as error:
            raise self.error(
                f"cannot be read ({error.strerror}), so it was not predicted to its end. It must "
                "be a file that this user may read."
            ) from None
        if left.removesuffix(b"\r"):
            yield left.removesuffix(b"\r") + b"\n"

    def _header(self) -> tuple[str, bytes]:
        """Return the first line and what is left of the first block."""
        first = next(self.blocks, b"")
        if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise self.error("is UTF-16, so it was not read. Save the table as UTF-8.")
        line, _, rest = first.removeprefix(codecs.BOM_UTF8).partition(b"\n")
        if not line.strip():
            what = "has a blank first line" if rest else "is empty"
            raise self.error(
                f"{what}, so there is nothing to predict. A table has its columns' names in the "
                "first line, and a row in each line below."
            )
        try:
            text = line.decode()
            readable = "\0" not in text
        except UnicodeDecodeError:
            readable = False
        if not readable:
            raise self.error(
                "has a first line that is not UTF-8 text, so it is not a table. Give CSV, packed "
                "by gzip or not, or Parquet."
            )
        if text.count('"') % 2:
            raise self.error(
                "line 1 has a quotation mark that is not closed, so the columns are unknown. "
                "Close it; a row cannot go over several lines."
            )
        return text, rest

    def _split_header(self, header: str, separator: str | None) -> tuple[str, list[str]]:
        """Return the separator and the columns' names."""
        known = set(self.raw.columns)
        names = {
            item: next(csv.reader([header], delimiter=item), [])
            for item in ([separator] if separator else SEPARATORS)
        }
        best = max(names, key=lambda one: len(known & set(names[one])))
        if not known & set(names[best]):  # spaces may stand in names: they count least
            best = max(names, key=lambda one: (one != " ") * len(names[one]))
        return best, names[best]

    def _rows(self) -> Iterator[bytes]:
        if self.rest:
            yield self.rest
        yield from self.blocks

    def _parse_chunk(self, block: bytes, row: int) -> pd.DataFrame:
        """Return a block's rows. row: the number of the first."""
        self._check_lines(block, row)
        try:
            piece = self._parsed(block)
        except (ValueError, OverflowError):  # pandas' own errors, too
            raise self._bad_cell(block, row) from None
        lines = block.count(b"\n")
        if len(piece) != lines:
            raise self.error(
                f"the {lines:,} lines from {self.row_location(row)} on are {len(piece):,} rows to "
                "pandas, so the table was not predicted. Each row stands in a line of its own."
            )
        piece.columns = pd.Index(self.places.values())
        numbers = piece[self.raw.numbers].to_numpy(dtype=np.float64)
        if np.isinf(numbers).any():
            place, column = np.argwhere(np.isinf(numbers))[0]
            name = self.raw.numbers[column]
            line = block.split(b"\n", place + 1)[place]
            raise self.not_a_number(row + place, name, self._cell(line, name))
        piece.index = pd.RangeIndex(row, row + len(piece))
        return piece

    def _parsed(self, block: bytes, names: Sequence[str] | None = None) -> pd.DataFrame:
        """Return a block as pandas reads it. names: of the columns; by default the model's.

        Raises ValueError or OverflowError when a cell is not a number.
        """
        places = [place for place, name in self.places.items() if not names or name in names]
        kinds: dict[Any, Any] = {
            place: "float64" if self.places[place] in self.raw.numbers else "str"
            for place in places
        }
        gaps: dict[Any, Any] = {
            place: sorted(self.na_values[self.places[place]]) for place in places
        }
        how: dict[str, Any] = {
            "sep": self.separator,
            "header": None,
            "names": list(range(len(self.names))),
            "index_col": False,
            "skip_blank_lines": False,
            "keep_default_na": False,
        }
        piece: pd.DataFrame = pd.read_csv(
            io.BytesIO(block), usecols=places, dtype=kinds, na_values=gaps, low_memory=False, **how
        )
        if any(part in block for part in (b"rue", b"RUE", b"alse", b"ALSE")):
            # A column of nothing but true and false is one of numbers to pandas.
            numbers = [place for place in places if kinds[place] == "float64"]
            texts = pd.read_csv(io.BytesIO(block), usecols=numbers, dtype="str", **how)
            if texts.isin(BOOLEANS).any(axis=None):
                raise ValueError("a truth value is not a number")
        return piece

    def _bad_cell(self, block: bytes, row: int) -> TableError:
        """Return the error of the first cell that pandas cannot read; halves find its line."""
        lines = block.splitlines(keepends=True)
        low, high = 0, len(lines)
        while high - low > 1:
            middle = (low + high) // 2
            if self._parses(b"".join(lines[low:middle])):
                low = middle
            else:
                high = middle
        for name in self.places.values():
            if not self._parses(lines[low], [name]):
                return self.not_a_number(row + low, name, self._cell(lines[low], name))
        return self.error(
            f"{self.row_location(row + low)} cannot be read, so the table was not predicted."
        )

    def _parses(self, block: bytes, names: Sequence[str] | None = None) -> bool:
        try:
            self._parsed(block, names)
        except (ValueError, OverflowError):
            return False
        return True

    def _cell(self, line: bytes, name: str) -> str:
        cells = next(csv.reader([line.decode().rstrip("\n")], delimiter=self.separator))
        return cells[self.names.index(name)]

    def _check_lines(self, block: bytes, row: int) -> None:
        """Raise TableError for a line that pandas would cut, fill up or join."""
        why = ""
        if b"\0" in block:
            place, why = block.index(b"\0"), "has a null byte; the file is not text or is damaged"
        elif b"\n\n" in block or block.startswith(b"\n"):
            place = 0 if block.startswith(b"\n") else block.index(b"\n\n") + 1
            why = "is blank"
        try:
            block.decode()
        except UnicodeDecodeError as error:
            place, why = error.start, "is not UTF-8; save the table as UTF-8"
        if why:
            line = self.row_location(row + block.count(b"\n", 0, place))
            raise self.error(
                f"{line} {why}, so the table was not predicted. Each line below the header is a "
                "row."
            )
        for place, text in self._ragged_lines(block):
            raise self.error(
                f"{self.row_location(row + place)} {text}, so the table was not predicted. Each "
                f"row has a cell for each of the header's {len(self.names)} columns, between "
                f"{self._separator_name()}; `--sep` names another sign."
            )

    def _separator_name(self) -> str:
        return "tabs" if self.separator == "\t" else f"'{self.separator}'"

    def _ragged_lines(self, block: bytes) -> Iterator[tuple[int, str]]:
        """Yield the place of each line that has not the header's number of cells, and why."""
        if b'"' not in block:
            if _has_uniform_fields(block, self.separator.encode(), len(self.names)):
                return
            lines = block.decode().removesuffix("\n").split("\n")
            cells = [line.count(self.separator) + 1 for line in lines]
        else:
            lines = block.decode().removesuffix("\n").split("\n")
            for place, line in enumerate(lines):
                if line.count('"') % 2:
                    yield place, "has a quotation mark that is not closed"
                    return
            cells = [len(row) for row in csv.reader(lines, delimiter=self.separator)]
        for place, number in enumerate(cells):
            if number != len(self.names):
                yield place, f"has {count(number, 'cell')}"


def _has_uniform_fields(block: bytes, separator: bytes, columns: int) -> bool:
    """Return whether each line has the same number of cells. block: without quotation marks."""
    signs: npt.NDArray[np.uint8] = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(signs == ord("\n"))
    cuts = np.flatnonzero(signs == ord(separator))
    if len(cuts) != len(ends) * (columns - 1):
        return False
    if columns == 1:
        return True
    by_line = cuts.reshape(len(ends), columns - 1)
    return bool((by_line[:, -1] < ends).all() and (by_line[1:, 0] > ends[:-1]).all())


# ------------------------------------------------------------------ Parquet


class _ParquetReader(TableReader):
    """A table of Parquet, read row group by row group."""

    def __init__(self, path: str, raw: Preprocessing, missing: Sequence[str], block: int) -> None:
        super().__init__(path, raw, missing)
        if path == STDIN:
            raise self.error(
                "holds Parquet, which cannot be read from the front, so nothing was predicted. "
                "Give the file's name."
            )
        try:
            from pyarrow import parquet as reader
        except ImportError:
            raise self.error(
                "is Parquet, and pyarrow, which reads it, is not installed, so nothing was "
                "predicted. `pip install pyarrow`, or save the table as CSV."
            ) from None
        self.rows_at_a_time = max(1, ROWS * block // BLOCK)
        try:
            self.file = self.exit_stack.enter_context(reader.ParquetFile(path))
        except (OSError, ValueError) as error:  # pyarrow's own errors, too
            raise self._damaged(error) from None
        self.names = list(self.file.schema_arrow.names)
        self.rows: int = self.file.metadata.num_rows
        self.size = Path(path).stat().st_size
        self.done = 0

    def _damaged(self, error: Exception) -> TableError:
        return self.error(
            f"is not a complete Parquet file ({safe_text(' '.join(str(error).split()))}), so it "
            "was not predicted to its end. Write it again."
        )

    @property
    def fraction_read(self) -> float | None:
        """How many of the rows have been read."""
        return self.done / self.rows if self.rows else None

    def iter_chunks(self) -> Iterator[pd.DataFrame]:
        """Yield the rows of each batch."""
        import pyarrow

        columns = self.raw.columns
        if not self.rows:
            raise self.error("has no row, so there is nothing to predict. Give rows.")
        batches = self.file.iter_batches(batch_size=self.rows_at_a_time, columns=columns)
        try:
            for batch in batches:
                made = {name: self._column(name, batch.column(name)) for name in columns}
                first, self.done = self.done, self.done + batch.num_rows
                yield pd.DataFrame(made, index=pd.RangeIndex(first, self.done), copy=False)
        except (OSError, pyarrow.ArrowException) as error:
            raise self._damaged(error) from None

    def _column(self, name: str, column: Any) -> Any:
        """Return a column of a batch as float64 or as text, a gap as NaN."""
        is_number = name in self.raw.numbers
        made = parquet.to_float64 if is_number else parquet.to_strings
        values: Any = made(column, self.na_values[name])
        if values is None:
            raise self.error(
                f"column {short_repr(name)} is of the type {column.type}, so the table was not "
                f"predicted. The model needs a {'number' if is_number else 'text'} there."
            )
        if not is_number:
            return values.array
        if np.isinf(values).any():
            place = int(np.flatnonzero(np.isinf(values))[0])
            raise self.not_a_number(self.done + place, name, str(values[place]))
        return values
