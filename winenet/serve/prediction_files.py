"""Write predictions as CSV or Parquet: row, label, a probability for each label, kept columns.

To write another format, give `predict.predict_file` a class like these.
"""

import csv
import io
from collections.abc import Sequence
from typing import IO, Protocol, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet as pq

from winenet.data import column_format
from winenet.data.preprocessing import Array
from winenet.models.predictor import argmax_class
from winenet.models.saved import SavedModel

DECIMALS = 6


class PredictionFile(Protocol):
    """A format of predictions. A context: at its end the file is complete."""

    def __init__(self, saved: SavedModel, kept: list[str], target: IO[bytes]) -> None: ...

    def write(self, first_row: int, P: Array, cells: dict[str, pa.Array]) -> None:
        """Write some rows."""

    def __enter__(self) -> Self:
        """Return this."""

    def __exit__(self, *_: object) -> None:
        """Write what a file of this format ends with."""


def prediction_columns(saved: SavedModel, kept: Sequence[str] = ()) -> list[str]:
    """Return the names of the columns that are written."""
    return ["row", saved.target, *(f"p({label})" for label in saved.labels), *kept]


class CsvPredictions:
    """Write predictions as CSV in UTF-8.

    Parameters
    ----------
    saved : SavedModel
    kept : list of str
        Columns of the table that are written as well.
    target : binary file
    """

    def __init__(self, saved: SavedModel, kept: list[str], target: IO[bytes]) -> None:
        self.saved, self.target = saved, target
        # A label is never alone in its line, so an empty one needs no quotation marks.
        self.labels = np.array([_csv_line([label, ""])[:-1] for label in saved.labels], object)
        target.write(_csv_line(prediction_columns(saved, kept)) + b"\n")

    def write(self, first_row: int, P: Array, cells: dict[str, pa.Array]) -> None:
        """Write one line per row.

        Parameters
        ----------
        first_row : int
            The number of the first row in the table.
        P : ndarray of shape (rows, classes)
        cells : dict of str to pyarrow.Array of shape (rows,)
            Of the kept columns.
        """
        labels = self.labels[argmax_class(P, self.saved.model.threshold)].tolist()
        numbers = range(first_row, first_row + len(P))
        ends = _csv_ends(cells) if cells else [b""] * len(P)
        rows = zip(numbers, labels, _format_probabilities(P), ends, strict=True)
        self.target.write(b"".join([b"%d,%b%b%b\n" % row for row in rows]))

    def __enter__(self) -> Self:
        """Return this."""
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing: each line is complete."""


class ParquetPredictions:
    """Write predictions as Parquet, with the columns of `CsvPredictions`; probabilities in full.

    Parameters
    ----------
    saved : SavedModel
    kept : list of str
        Columns of the table that are written as well, in the type that they have there.
    target : binary file
    """

    def __init__(self, saved: SavedModel, kept: list[str], target: IO[bytes]) -> None:
        self.saved, self.target = saved, target
        self.columns = prediction_columns(saved, kept)
        self.labels = np.array(saved.labels, dtype=object)
        self.writer: pq.ParquetWriter | None = None

    def write(self, first_row: int, P: Array, cells: dict[str, pa.Array]) -> None:
        """Write rows, as `CsvPredictions.write` does."""
        labels = self.labels[argmax_class(P, self.saved.model.threshold)]
        columns = [pa.array(np.arange(first_row, first_row + len(P))), pa.array(labels)]
        columns += [pa.array(column) for column in P.T]
        table = pa.table([*columns, *cells.values()], names=self.columns)
        if self.writer is None:
            self.writer = pq.ParquetWriter(self.target, table.schema)
        self.writer.write_table(table)

    def __enter__(self) -> Self:
        """Return this."""
        return self

    def __exit__(self, *_: object) -> None:
        """Write the end of the file."""
        if self.writer is not None:
            self.writer.close()


def _csv_line(cells: Sequence[str]) -> bytes:
    """Return cells as one line of CSV, without the line end."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue().removesuffix("\r\n").encode()


def _csv_ends(cells: dict[str, pa.Array]) -> list[bytes]:
    """Return the kept cells of each row as a part of its line: `,17,"a, b"`; a gap is empty."""
    columns = [pc.fill_null(column_format.as_texts(column), "") for column in cells.values()]
    quoted = [
        pc.if_else(
            pc.match_substring_regex(texts, '[",\r\n]'),
            pc.binary_join_element_wise('"', pc.replace_substring(texts, '"', '""'), '"', ""),
            texts,
        )
        for texts in columns
    ]
    ends: list[bytes] = pc.binary_join_element_wise("", *quoted, ",").cast("binary").to_pylist()
    return ends


def _format_probabilities(P: Array) -> list[bytes]:
    """Return the probabilities of each row as a part of its line: `,0.250000,0.750000`."""
    # Digit by digit for all rows at once; formatting row by row would take half of the total time.
    rows, classes = P.shape
    millionths = np.rint(P * 10**DECIMALS).astype(np.int32)
    characters = np.empty((rows, classes, DECIMALS + 3), np.uint8)
    characters[:, :, 0], characters[:, :, 2] = ord(","), ord(".")
    for position in (*range(DECIMALS + 2, 2, -1), 1):
        millionths, digit = np.divmod(millionths, 10)
        characters[:, :, position] = digit + ord("0")
    whole = characters.reshape(rows, -1)
    texts: list[bytes] = whole.view(f"S{whole.shape[1]}").ravel().tolist()
    return texts
