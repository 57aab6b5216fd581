"""Read a raw table in chunks, matched by name to the columns of a model."""

import contextlib
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Self

import numpy as np
import pandas as pd

from winenet.data import column_format, dialect, table_reader, text_stream
from winenet.data.column_format import ColumnFormat, Parsed
from winenet.data.dialect import SEPARATORS, Dialect
from winenet.data.table_reader import Block, Table
from winenet.data.text_stream import STDIN, TableError
from winenet.errors import did_you_mean, preview, safe_text, short_repr

BLOCK = text_stream.BLOCK  # bytes that are read at a time: some 15,000 wines
NAMES_SHOWN = 5
FORMS = "A table is CSV, packed by gzip or not, Parquet or Excel; - stands for standard input."


class ModelTable:
    """An open table that has a model's columns. A context: it closes the file at its end.

    Parameters
    ----------
    path : str
        Of a file, or "-" for standard input.
    formats : mapping of str to ColumnFormat
        The model's raw columns, in the order of training.
    encoding, separator : str, optional
        Found if not given; the separator is the one with which the header has most of the model's
        columns.
    block : int
        Bytes read at a time.

    Attributes
    ----------
    names : list of str
        The columns, in the table's order.
    size : int
        In bytes; 0 when it is not known.

    Raises
    ------
    TableError
        If the table cannot be read, or a column is missing.
    """

    def __init__(
        self,
        path: str,
        formats: Mapping[str, ColumnFormat],
        encoding: str | None = None,
        separator: str | None = None,
        *,
        block: int = BLOCK,
    ) -> None:
        self.formats, self.is_headerless = formats, False
        self.display_name = "standard input" if path == STDIN else safe_text(path)
        with contextlib.ExitStack() as closing:
            with self._named_errors(FORMS):
                self.table: Table = closing.enter_context(
                    table_reader.open_table(
                        path,
                        encoding,
                        separator or self._best_separator,
                        header=self._is_header,
                        block=block,
                    )
                )
            self.names, self.size = self.table.names, self.table.size
            self._check_columns()
            self.closing = closing.pop_all()

    @contextlib.contextmanager
    def _named_errors(self, cure: str = "") -> Iterator[None]:
        """Add the table's name, the consequence and a cure to an error of the reader."""
        try:
            yield
        except TableError as error:
            raise self.error(f"{error}. The table was not predicted. {cure}".rstrip()) from None

    def _best_separator(self, sample: str) -> str:
        """Return the separator with which the header has most of the model's columns."""
        known = {*self.formats}

        def shared(separator: str) -> int:
            head = dialect.read_head(sample, Dialect(separator))
            return len(known.intersection(head.names))

        best = max(SEPARATORS, key=shared)
        return best if shared(best) else dialect.sniff(sample).separator

    def _is_header(self, names: list[str]) -> bool:
        """Return whether a first row has the columns' names; c1, c2, ... stand in none."""
        unnamed = all(re.fullmatch(r"c[1-9]\d*", name) for name in self.formats)
        self.is_headerless = unnamed and not {*self.formats} & {*names}
        return not self.is_headerless

    def chunks(self, also: list[str] | None = None) -> Iterator[tuple[pd.DataFrame, Block]]:
        """Yield the features of the rows chunk by chunk, their index counted on, and the cells.

        Parameters
        ----------
        also : list of str, optional
            Columns whose cells are wanted beside the model's.

        Raises
        ------
        TableError
            For a row or a cell that cannot be used.
        """
        blocks = self._blocks([*self.formats, *(also or [])])
        yield from ((self._features(block), block) for block in blocks)

    def _blocks(self, columns: list[str]) -> Iterator[Block]:
        """Yield the rows of the table; raise TableError for a row that cannot be read."""
        row = 0
        with self._named_errors():
            for block in self.table.blocks(columns):
                self._check_rows()
                yield block
                row += len(block.rows)
            self._check_rows()
            if not row:
                raise TableError("has no row below the header")

    def _check_rows(self) -> None:
        if self.table.faults:
            raise TableError(
                f"{self.table.faults[0]}; each row needs a cell for each column, between "
                f"{short_repr(self.table.dialect.separator)} (`--sep` names another sign)"
            )

    def _features(self, block: Block) -> pd.DataFrame:
        features: dict[str, object] = {}
        for name, how in self.formats.items():
            parsed = column_format.parse(name, block.cells[name], how)
            if parsed.is_wrong.any():
                raise self._wrong_cell(name, block, parsed)
            features |= parsed.features
        return pd.DataFrame(features, index=pd.Index(block.rows), copy=False)

    def _wrong_cell(self, name: str, block: Block, parsed: Parsed) -> TableError:
        """Return the error of the first cell that does not fit."""
        place = int(np.flatnonzero(parsed.is_wrong)[0])
        cells, how = block.cells[name].slice(place, 1), self.formats[name]
        cell = column_format.clean_cells(cells)[0].as_py()
        with_word = replace(how, na_values=(*how.na_values, cell))
        cure = "Correct the cell"
        # No word stands for a gap in a column of another type.
        if not column_format.parse(name, cells, with_word).is_wrong.any():
            text = shlex.quote(cell) if cell == safe_text(cell) else "TEXT"
            cure += f", or add `--na-value={text}` if that stands for a gap"
        return self.error(
            f"{self.location(int(block.rows[place]))}, column {short_repr(name)}: "
            f"{short_repr(cell)} is {parsed.rule}, so the table was not predicted. {cure}."
        )

    def location(self, row: int) -> str:
        """Return where a row stands, in words. row: counted from 0."""
        return self.table.location(row)

    @property
    def fraction_read(self) -> float | None:
        """How much has been read, in [0, 1]; None if it is not known."""
        return self.table.fraction_read

    @property
    def notes(self) -> list[str]:
        """What was found and skipped, in words."""
        notes = [*self.table.notes]
        if self.table.encoding.lower().replace("-", "") != "utf8":
            notes.insert(0, f"read as {self.table.encoding}")
        if self.is_headerless:
            notes.append(
                f"no header, as in training: the columns are called c1 to c{len(self.names)}"
            )
        return notes

    @property
    def extra_columns(self) -> list[str]:
        """The columns that the model does not have."""
        return [name for name in self.names if name not in self.formats]

    @property
    def reordered(self) -> bool:
        """Whether the model's columns stand in another order than in training."""
        return [name for name in self.names if name in self.formats] != list(self.formats)

    def error(self, message: str) -> TableError:
        """Return an error of this table."""
        return TableError(f"{self.display_name}: {message}")

    def _check_columns(self) -> None:
        """Raise TableError if a column of the model is missing or stands there twice."""
        twice = [name for name in self.formats if self.names.count(name) > 1]
        if twice:
            raise self.error(
                f"column {short_repr(twice[0])} stands {self.names.count(twice[0])} times in the "
                "header, so it is open which one is meant. Columns are matched by name: give each "
                "a name of its own."
            )
        missing = [name for name in self.formats if name not in self.names]
        if not missing:
            return
        text = [
            f"{short_repr(name)}{did_you_mean(name, self.extra_columns)}"
            for name in missing[:NAMES_SHOWN]
        ]
        if len(missing) > NAMES_SHOWN:
            text.append(f"{len(missing) - NAMES_SHOWN} more")
        reason = self.table.why_no_header()
        raise self.error(
            f"{'columns are' if len(missing) > 1 else 'a column is'} missing ({', '.join(text)}), "
            f"so nothing was predicted. The model needs {len(self.formats)} columns, matched "
            f"by name, and the header has {len(self.names)}: {preview(self.names)}"
            f"{'; ' if reason else ''}{reason or ''}. Change the "
            "header; `python -m winenet describe` lists the model's columns."
        )

    def __enter__(self) -> Self:
        """Return this."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.closing.close()
