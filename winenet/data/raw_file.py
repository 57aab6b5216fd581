"""Read one raw file as params.yaml says, and report every fault of its rows and cells."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from winenet.data import column_format
from winenet.data.column_format import ColumnFormat
from winenet.data.raw_columns import RawColumn, dropped_columns, raw_column, raw_columns
from winenet.data.table_reader import Block, Table, open_table
from winenet.data.text_stream import TableError
from winenet.errors import InputError, did_you_mean, short_repr
from winenet.params import Ingest
from winenet.progress import Progress
from winenet.text import count

MAX_ERRORS_SHOWN = 5  # per column; a file in the wrong unit would otherwise fill the screen
BLOCK = 2**24  # bytes that are read at a time
PROGRESS_MIN_BYTES = 2**26  # bytes of a file from which on progress is shown


Array = npt.NDArray[Any]


class DataError(InputError):
    """A raw file or a table cannot be used."""


class RawFile(NamedTuple):
    """The rows of a raw file.

    Attributes
    ----------
    table : DataFrame of shape (rows, features and the target)
        The target as text. The index counts the rows of the file from 0; rows without a label are
        left out.
    columns : dict of str to RawColumn
        How each raw column was read.
    faults : list of str
        With faults the rows may be incomplete.
    notes : list of str
        What was found and skipped, in words.
    unlabelled : int
        Rows that were left out because they have no label.
    location : callable
        Returns where a row stands, in words; rows count from 0.
    """

    table: pd.DataFrame
    columns: dict[str, RawColumn]
    faults: list[str]
    notes: list[str]
    unlabelled: int
    location: Callable[[int], str]


class _CellErrors:
    """The cells that break a rule: the first few of each column and rule, and how many more."""

    def __init__(self) -> None:
        self.cells: dict[tuple[str, str], list[str]] = {}
        self.number: dict[tuple[str, str], int] = {}

    def add(self, name: str, rule: str, table: Table, rows: Array, cells: Sequence[str]) -> None:
        """Keep cells of a column. rows, cells: where they stand, and as they are written."""
        key = (name, rule)
        kept = self.cells.setdefault(key, [])
        self.number[key] = self.number.get(key, 0) + len(cells)
        for row, cell in zip(rows.tolist(), cells, strict=True):
            if len(kept) == MAX_ERRORS_SHOWN:
                return
            text = f"{short_repr(cell)} is " if cell else ""
            kept.append(f"{table.location(row)}, column '{name}': {text}{rule}")

    def messages(self) -> list[str]:
        """Return what was found, column by column."""
        lines: dict[str, list[str]] = {}
        for key, cells in self.cells.items():
            more = self.number[key] - len(cells)
            column = lines.setdefault(key[0], [])
            column += cells
            column += [f"column '{key[0]}': {count(more, 'more such cell')}"] if more else []
        return [line for column in lines.values() for line in column]


def read(path: str, settings: Ingest, label: int | str | None = None) -> RawFile:
    """Read a raw file.

    Parameters
    ----------
    path : str
    settings : Ingest
    label : int or str, optional
        Of all rows; without it, the label stands in the target's column.

    Returns
    -------
    RawFile
        A file that cannot be read has a fault and no rows.
    """
    try:
        if Path(path).exists() and not (Path(path).is_file() or Path(path).is_dir()):
            raise TableError("is a device or a pipe, not a file")  # reading may never end
        with open_table(
            path,
            settings.encoding,
            settings.separator,
            settings.quote,
            header=settings.header,
            block=BLOCK,
        ) as table:
            return _read(path, table, settings, label)
    except TableError as error:
        return RawFile(pd.DataFrame(), {}, [str(error)], [], 0, str)


def _read(path: str, table: Table, settings: Ingest, label: int | str | None) -> RawFile:
    columns = raw_columns(settings, table.names)
    formats = {name: column.how for name, column in columns.items()}
    if label is None:
        formats[settings.target] = raw_column("category", settings.na_values).how
    faults = _header_faults(table.names, list(formats), settings)
    features = Counter(feature for name in formats for feature in formats[name].features(name))
    faults += [
        f"two columns would become the feature '{name}': rename one"
        for name, number in features.items()
        if number > 1
    ]
    times = Counter(table.names)
    there = {name: how for name, how in formats.items() if times[name] == 1}
    errors, frames, unlabelled = _CellErrors(), list[pd.DataFrame](), 0
    progress = (
        Progress(Path(path).name, table.size // 2**20, "MB")
        if table.size > PROGRESS_MIN_BYTES
        else None
    )
    with progress or nullcontext():
        for block in table.blocks(there):
            labelled = np.ones(len(block.rows), dtype=bool)
            if label is None and settings.target in there:
                labelled = _labelled_rows(block, there[settings.target], settings, errors, table)
            unlabelled += int((~labelled).sum())
            frames.append(_parse_block(block, there, columns, labelled, settings, errors, table))
            if label is not None:
                frames[-1][settings.target] = str(label)
            if progress is not None and table.fraction_read:
                read = int(table.fraction_read * progress.total)
                progress.update(read - progress.done, table.fraction_read)
    rows = pd.concat(frames) if frames else pd.DataFrame()
    if not len(rows) and not table.faults:
        faults.append("no rows below the header" if not unlabelled else "no row has a label")
    return RawFile(
        rows,
        columns,
        faults + table.faults + errors.messages(),
        table.notes,
        unlabelled,
        table.location,
    )


def _header_faults(header: Sequence[str], wanted: Sequence[str], settings: Ingest) -> list[str]:
    times, dropped = Counter(header), dropped_columns(settings, header)
    faults = [
        f"column {short_repr(name)} stands {number} times in the header"
        for name, number in times.items()
        if number > 1 and name not in dropped
    ]
    missing = [name for name in wanted if name not in times]
    known = {*wanted, *dropped}
    unknown = [
        f"column {short_repr(name)} is not expected{did_you_mean(name, missing)}"
        for name in header
        if name not in known
    ]
    faults += unknown[:MAX_ERRORS_SHOWN]
    if len(unknown) > MAX_ERRORS_SHOWN:
        faults.append(f"{len(unknown) - MAX_ERRORS_SHOWN} more columns that are not expected")
    faults += [f"column '{name}' is missing" for name in missing]
    if missing and len(header) == 1:
        faults.append(
            "the header has one column only: the separator may be another than `ingest.separator`"
        )
    return faults


def _labelled_rows(
    block: Block,
    how: ColumnFormat,
    settings: Ingest,
    errors: _CellErrors,
    table: Table,
) -> npt.NDArray[np.bool_]:
    """Return which rows have a label; note the others as faults where they are to be refused."""
    has_label = ~column_format.parse(settings.target, block.cells[settings.target], how).is_gap
    if settings.unlabelled == "refuse" and not has_label.all():
        rows = block.rows[~has_label]
        errors.add(
            settings.target, "no value; every row needs a label", table, rows, [""] * len(rows)
        )
    return has_label


def _parse_block(
    block: Block,
    formats: Mapping[str, ColumnFormat],
    columns: Mapping[str, RawColumn],
    labelled: npt.NDArray[np.bool_],
    settings: Ingest,
    errors: _CellErrors,
    table: Table,
) -> pd.DataFrame:
    """Return the features of the labelled rows; note the cells that do not fit."""
    features: dict[str, object] = {}
    rows = block.rows[labelled]
    for name, how in formats.items():
        cells = block.cells[name]
        if not labelled.all():
            cells = cells.filter(pa.array(labelled))
        parsed = column_format.parse(name, cells, how)
        features |= parsed.features
        checks = [(parsed.is_wrong, parsed.rule)]
        bounds = columns[name].bounds if name in columns else None
        if bounds is not None:
            checks.append(_out_of_range(parsed.features[name], bounds))
        if "" not in how.na_values and parsed.is_gap.any() and name != settings.target:
            kind = "text" if how.kind == "category" else how.kind
            checks.insert(0, (_is_empty(cells), f"no value; every cell needs a {kind}"))
        for mask, rule in checks:
            if mask.any():
                texts = column_format.clean_cells(cells.filter(pa.array(mask))).fill_null("")
                errors.add(name, rule, table, rows[mask], texts.to_pylist())
    return pd.DataFrame(features, index=rows, copy=False)


def _is_empty(cells: pa.Array) -> npt.NDArray[np.bool_]:
    texts = pa.compute.fill_null(column_format.clean_cells(cells), "")
    return np.asarray(pa.compute.equal(texts, "").to_numpy(zero_copy_only=False), dtype=bool)


def _out_of_range(numbers: Any, bounds: tuple[float, float]) -> tuple[npt.NDArray[np.bool_], str]:
    values, (least, largest) = np.asarray(numbers, dtype=np.float64), bounds
    rule = f"out of range; it must lie in {_format_number(least)} to {_format_number(largest)}"
    return (values < least) | (values > largest), rule


def _format_number(number: float) -> str:
    return str(int(number)) if number == int(number) and abs(number) < 1e15 else str(number)
