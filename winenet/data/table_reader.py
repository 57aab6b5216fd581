"""Read tables of any format in blocks of cells, with the place of each row.

CSV as it is or packed by gzip, Parquet, and Excel where openpyxl is installed. One reader serves
`init`, `check`, the stage ingest and `predict`, so that they cannot disagree about a file.
"""

import contextlib
import csv
import io
import re
import zipfile
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import csv as arrow_csv
from pyarrow import parquet as arrow_parquet

from winenet.data import dialect
from winenet.data.dialect import Dialect, clean_text
from winenet.data.text_stream import (
    BLOCK,
    STDIN,
    TableError,
    TextStream,
    find_encoding,
    open_bytes,
    quoted_cell,
)
from winenet.errors import safe_text, short_repr
from winenet.text import count

MAX_FAULTS = 5  # lines that are named; a file with another separator would fill the screen
PANDAS_INDEX = re.compile(r"__index_level_\d+__")
ROWS = 20_000  # of Parquet and Excel, in a block


class Block(NamedTuple):
    """Some rows.

    Attributes
    ----------
    first_row : int
        Counted from 0.
    cells : dict of str to pyarrow.Array of shape (rows,)
        By column: texts, or the type that a column of Parquet has.
    rows : ndarray of int, shape (rows,)
        The number of each row; those of another number of cells than the header are left out.
    """

    first_row: int
    cells: dict[str, pa.Array]
    rows: npt.NDArray[np.int64]


class Table:
    """An open table. A context: it closes the file at its end.

    Attributes
    ----------
    names : list of str
        The columns' names in the table's order; some may stand there twice.
    notes : list of str
        What was found and skipped, in words.
    faults : list of str
        Rows that could not be read, in words; grows while the blocks are read.
    size : int
        Bytes of the file; 0 if they are not known.
    encoding : str
    dialect : Dialect
        Of a text.
    """

    def __init__(self) -> None:
        self.names: list[str] = []
        self.notes: list[str] = []
        self.faults: list[str] = []
        self.size = 0
        self.encoding, self.dialect = "utf-8", Dialect(",")
        self.closing = contextlib.ExitStack()

    def blocks(self, columns: Collection[str]) -> Iterator[Block]:
        """Yield the rows, with the cells of some columns.

        Raises
        ------
        TableError
            If the file is damaged.
        """
        raise NotImplementedError

    def location(self, row: int) -> str:
        """Return where a row stands, in words. row: counted from 0."""
        return f"row {row + 1}"

    def why_no_header(self) -> str | None:
        """Return why the first row cannot have the columns' names, or None if it can."""
        return None

    @property
    def fraction_read(self) -> float | None:
        """How much has been read, in [0, 1]; None if it is not known."""
        return None

    def __enter__(self) -> Self:
        """Return this."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.closing.close()


def open_table(
    path: str,
    encoding: str | None = None,
    separator: str | Callable[[str], str] | None = None,
    quote: str | None = None,
    *,
    header: bool | Callable[[list[str]], bool] = True,
    block: int = BLOCK,
) -> Table:
    """Open a table.

    Parameters
    ----------
    path : str
        Of a file, or "-" for standard input.
    encoding, separator, quote : str, optional
        Found if not given; of standard input, the encoding is UTF-8.
    header : bool or callable
        Whether the first row of a text has the columns' names; else they are c1, c2, ... A callable
        is given the first row and decides.
    block : int
        Bytes of text read at a time.

    Raises
    ------
    TableError
        If it cannot be read.
    """
    if path != STDIN:
        start = b""
        if not Path(path).is_fifo():  # which can be opened only once
            with open_bytes(path) as raw:
                start = raw.read(4)
        if start == b"PAR1":
            return _ParquetTable(path)
        if start == b"PK\x03\x04" and _is_excel(path):
            return _ExcelTable(path)
        if encoding is None and Path(path).is_file():
            encoding = find_encoding(path)
    return _TextTable(path, encoding or "utf-8", separator, quote, header=header, block=block)


# ------------------------------------------------------------------ text


class _TextTable(Table):
    """A table of text. A cell in quotation marks may hold separators and line ends."""

    def __init__(
        self,
        path: str,
        encoding: str,
        separator: str | Callable[[str], str] | None,
        quote: str | None,
        *,
        header: bool | Callable[[list[str]], bool],
        block: int,
    ) -> None:
        super().__init__()
        self.uneven = 0
        with contextlib.ExitStack() as opening:  # closes the file if its head cannot be read
            self.stream = opening.enter_context(TextStream(path, encoding, block))
            try:
                self._read_head(separator, quote, header=header)
            except csv.Error:
                raise TableError(
                    f"has a cell of more than {csv.field_size_limit():,} characters in its first "
                    "line, so no columns' names: a line end or a quotation mark is missing"
                ) from None
            self.closing = opening.pop_all()

    def _read_head(
        self,
        separator: str | Callable[[str], str] | None,
        quote: str | None,
        *,
        header: bool | Callable[[list[str]], bool],
    ) -> None:
        """Find how the table is written, and its columns' names."""
        self.size = self.stream.size
        self.sample = self.stream.peek()
        self.encoding = self.stream.encoding
        if not self.sample.strip():
            raise TableError("is empty; it needs a header and rows")
        known = separator(self.sample) if callable(separator) else separator
        self.dialect = dialect.sniff(self.sample, known, quote)
        self.stream.separator, self.stream.quote = self.dialect
        if callable(header):
            header = header(dialect.read_head(self.sample, self.dialect).names)
        head = dialect.read_head(self.sample, self.dialect, header=header)
        self.names, self.notes, self.head_rows = head.names, head.notes, head.rows
        self.stream.skip(head.characters)

    def why_no_header(self) -> str | None:
        """Return why the first row cannot have the columns' names, or None if it can."""
        return dialect.why_no_header(self.sample, self.dialect)

    @property
    def fraction_read(self) -> float | None:
        """How much of the file has been read, packed or not."""
        return self.stream.fraction_read

    def location(self, row: int) -> str:
        """Return the line on which a row begins, as an editor counts."""
        return f"line {self.stream.line(row + self.head_rows)}"

    def blocks(self, columns: Collection[str]) -> Iterator[Block]:
        """Yield the rows; those of another number of cells are left out and become faults."""
        wanted = {place: name for place, name in enumerate(self.names) if name in columns}
        row, held = 0, ""
        for text in self.stream.blocks():
            text = held + text
            end = text.find("\n", len(text.rstrip(" \t\n"))) + 1 if text.strip(" \t\n") else 0
            text, held = text[:end], text[end:]  # blank lines at the end of the file are no rows
            if text:
                cells, rows, uneven = self._parse(text, wanted, row)
                yield Block(row, cells, np.delete(np.arange(row, row + rows), uneven))
                row += rows
        if held:
            self.notes.append(f"{count(held.count(chr(10)), 'blank line')} at the end")
        if self.uneven > MAX_FAULTS:
            self.faults.append(f"{self.uneven - MAX_FAULTS} more such lines")

    def _with_marked_blanks(self, text: str) -> str:
        """Return the text with a blank in each empty line, which is a row of gaps for pyarrow."""
        if len(self.names) < 2 or not ("\n\n" in text or text.startswith("\n")):
            return text
        sign = "\t" if self.dialect.separator == " " else " "
        cell = quoted_cell(*self.dialect).pattern
        return re.sub(rf"{cell}|(?:\A|(?<=\n))(?=\n)", lambda match: match.group() or sign, text)

    def _parse(
        self, text: str, wanted: dict[int, str], first_row: int
    ) -> tuple[dict[str, pa.Array], int, list[int]]:
        """Return the cells of the wanted columns, the number of rows, and which are left out."""
        uneven: list[int] = []

        def note_uneven(invalid: arrow_csv.InvalidRow) -> str:
            uneven.append(invalid.number - 1)
            self.uneven += 1
            if self.uneven <= MAX_FAULTS:
                cells = count(invalid.actual_columns, "cell")
                what = f"has {cells}, the header has {len(self.names)}"
                self.faults.append(
                    f"{self.location(first_row + invalid.number - 1)} "
                    f"{what if invalid.text.strip() else 'is blank'}"
                )
            return "skip"

        content = self._with_marked_blanks(text).encode()
        places = [str(place) for place in range(len(self.names))]
        try:
            table = arrow_csv.read_csv(
                io.BytesIO(content),
                arrow_csv.ReadOptions(
                    use_threads=False, block_size=len(content) + 1, column_names=places
                ),
                arrow_csv.ParseOptions(
                    delimiter=self.dialect.separator,
                    quote_char=self.dialect.quote,
                    newlines_in_values=True,
                    ignore_empty_lines=False,
                    invalid_row_handler=note_uneven,
                ),
                arrow_csv.ConvertOptions(
                    check_utf8=False,
                    column_types=dict.fromkeys(places, pa.string()),
                    strings_can_be_null=False,
                    include_columns=[str(place) for place in wanted] or places[:1],
                ),
            )
        except pa.ArrowInvalid as error:
            raise TableError(
                f"{self.location(first_row)} and the lines below are not a table "
                f"({safe_text(' '.join(str(error).split()))})"
            ) from None
        cells = {name: _joined(table.column(str(place))) for place, name in wanted.items()}
        return cells, table.num_rows + len(uneven), uneven


def _joined(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


# ------------------------------------------------------------------ Parquet


class _ParquetTable(Table):
    """A table of Parquet, without an index that pandas has added and that has no name."""

    def __init__(self, path: str) -> None:
        super().__init__()
        try:
            self.file = self.closing.enter_context(arrow_parquet.ParquetFile(path))
        except (OSError, ValueError) as error:  # pyarrow's own errors, too
            raise self._damaged(error) from None
        schema = self.file.schema_arrow
        index = (schema.pandas_metadata or {}).get("index_columns", [])
        # Names are written as in a text, so that a model finds its columns in either.
        named = [
            (clean_text(name) or f"unnamed {place}", name)
            for place, name in enumerate(schema.names, start=1)
            if not (name in index and PANDAS_INDEX.fullmatch(name))
        ]
        self.names, self.raw_names = [name for name, _ in named], dict(named)
        self.size = Path(path).stat().st_size
        self.done = 0

    @staticmethod
    def _damaged(error: Exception) -> TableError:
        return TableError(
            f"is not a complete Parquet file ({safe_text(' '.join(str(error).split()))})"
        )

    @property
    def fraction_read(self) -> float | None:
        """How many of the rows have been read."""
        rows = self.file.metadata.num_rows
        return self.done / rows if rows else None

    def blocks(self, columns: Collection[str]) -> Iterator[Block]:
        """Yield the rows of each batch."""
        wanted = [name for name in self.names if name in columns]
        repeated = [name for name in wanted if self.names.count(name) > 1]
        if repeated:
            raise TableError(f"has several columns called {short_repr(repeated[0])}")
        raw_names = [self.raw_names[name] for name in wanted]
        try:
            for batch in self.file.iter_batches(batch_size=ROWS, columns=raw_names):
                first, self.done = self.done, self.done + batch.num_rows
                cells = {name: batch.column(self.raw_names[name]) for name in wanted}
                yield Block(first, cells, np.arange(first, self.done))
        except (OSError, pa.ArrowException) as error:
            raise self._damaged(error) from None


# ------------------------------------------------------------------ Excel


def _is_excel(path: str) -> bool:
    try:
        with zipfile.ZipFile(path) as packed:
            return "xl/workbook.xml" in packed.namelist()
    except zipfile.BadZipFile:
        return False


class _ExcelTable(Table):
    """The first sheet of an Excel file; its cells become texts."""

    def __init__(self, path: str) -> None:
        super().__init__()
        try:
            import openpyxl  # type: ignore[import-untyped]
        except ImportError:
            raise TableError(
                "is an Excel file, which openpyxl reads: `pip install openpyxl`, or save the "
                "sheet as CSV"
            ) from None
        # As a stream: by its name, openpyxl would refuse an Excel file that is called .csv.
        stream = self.closing.enter_context(Path(path).open("rb"))  # noqa: SIM115
        book = openpyxl.load_workbook(stream, read_only=True, data_only=True)
        self.closing.callback(book.close)
        self.rows = book.worksheets[0].iter_rows(values_only=True)
        header = next(self.rows, ())
        names = [clean_text(_excel_text(cell)) for cell in header]
        self.names = [name or f"unnamed {place}" for place, name in enumerate(names, start=1)]
        if not any(names):
            self.closing.close()
            raise TableError("has a first sheet without columns' names in its first row")
        self.size = Path(path).stat().st_size
        if len(book.worksheets) > 1:
            self.notes.append(
                f"only the first of {len(book.worksheets)} sheets is read, "
                f"{short_repr(book.worksheets[0].title)}"
            )

    def location(self, row: int) -> str:
        """Return the row's number in the sheet."""
        return f"row {row + 2}"

    def blocks(self, columns: Collection[str]) -> Iterator[Block]:
        """Yield the rows; those below the last one with a value are none."""
        wanted = {place: name for place, name in enumerate(self.names) if name in columns}
        first, block, blank = 0, list[tuple[Any, ...]](), list[tuple[Any, ...]]()
        for row in self.rows:
            if all(cell is None for cell in row):
                blank.append(row)
                continue
            block += [*blank, row]
            blank = []
            if len(block) >= ROWS:
                yield _excel_block(first, block, wanted)
                first, block = first + len(block), []
        if block:
            yield _excel_block(first, block, wanted)


def _excel_block(first: int, rows: list[tuple[Any, ...]], wanted: dict[int, str]) -> Block:
    cells = {
        name: pa.array(
            [_excel_text(row[place]) if place < len(row) else "" for row in rows], pa.string()
        )
        for place, name in wanted.items()
    }
    return Block(first, cells, np.arange(first, first + len(rows)))


def _excel_text(cell: Any) -> str:
    """Return a cell as text: a whole number without a point, a date in ISO's form."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    return cell.isoformat(" ") if hasattr(cell, "hour") and hasattr(cell, "year") else str(cell)
