"""Read a raw table in chunks, matched by name to the columns of a model."""

import contextlib
import re
from collections.abc import Iterator, Mapping
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from winenet.data import column_format, dialect, table_reader, text_stream
from winenet.data.column_format import ColumnFormat, Parsed
from winenet.data.dialect import SEPARATORS, Dialect
from winenet.data.table_reader import Block, Table
from winenet.data.text_stream import STDIN, TableError
from winenet.errors import did_you_mean, preview, safe_text, short_repr

BLOCK = text_stream.BLOCK  # bytes that are read at a time: some 15,000 wines
NAMES_SHOWN = 5


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
        self.formats = formats
        self.display_name = "standard input" if path == STDIN else safe_text(path)
        with contextlib.ExitStack() as closing:
            with self._named_errors():
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
    def _named_errors(self) -> Iterator[None]:
        """Add the table's name and the consequence to an error of the reader."""
        try:
            yield
        except TableError as error:
            raise self.error(f"{error}, so the table was not predicted.") from None

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
        return not unnamed or bool({*self.formats} & {*names})

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
        row = 0
        with self._named_errors():
            for block in self.table.blocks([*self.formats, *(also or [])]):
                if self.table.faults:
                    raise TableError(self.table.faults[0])
                yield self._features(block), block
                row += len(block.rows)
            if self.table.faults:
                raise TableError(self.table.faults[0])
            if not row:
                raise TableError("has no row below the header")

    def _features(self, block: Block) -> pd.DataFrame:
        features: dict[str, npt.NDArray[np.float64] | pd.Series] = {}
        for name, how in self.formats.items():
            parsed = column_format.parse(name, block.cells[name], how)
            if parsed.is_wrong.any():
                raise self._wrong_cell(name, block, parsed)
            features |= parsed.features
        return column_format.to_frame(features, block.rows)

    def _wrong_cell(self, name: str, block: Block, parsed: Parsed) -> TableError:
        """Return the error of the first cell that does not fit."""
        place = int(np.flatnonzero(parsed.is_wrong)[0])
        mask = pa.array(np.arange(len(parsed.is_wrong)) == place)
        cell = column_format.clean_cells(block.cells[name].filter(mask))[0].as_py()
        return TableError(
            f"{self.location(int(block.rows[place]))}, column {short_repr(name)}: "
            f"{short_repr(cell)} is {parsed.rule} (`--na-value TEXT` says that a text stands for "
            "a gap)"
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
        return self.table.notes

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
        raise self.error(
            f"{'columns are' if len(missing) > 1 else 'a column is'} missing ({', '.join(text)}), "
            f"so nothing was predicted. The model needs {len(self.formats)} columns, matched "
            f"by name, and the header has {len(self.names)}: {preview(self.names)}. Change the "
            "header; `python -m winenet describe` lists the model's columns."
        )

    def __enter__(self) -> Self:
        """Return this."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.closing.close()
