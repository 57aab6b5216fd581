"""The column by which a table is split: the groups of its rows, or their times."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from winenet.data import date_format, raw_table
from winenet.data.raw_columns import find_entry, raw_column
from winenet.data.raw_file import MAX_ERRORS_SHOWN, DataError
from winenet.errors import short_repr
from winenet.params import Ingest, Split
from winenet.params_columns import CategoryColumn, NumberColumn
from winenet.text import count

ISO_TIME = r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"


class SplitColumn(NamedTuple):
    """What `split.column` holds.

    Attributes
    ----------
    written : Series of shape (rows,)
        The cells' texts, or numbers if `ingest.columns` has a number.
    key : Series of int, shape (rows,)
        Method group: the number of the first row with the same value. Method time: the rank of the
        time, the same for equal times.
    """

    written: pd.Series
    key: pd.Series


def read(folder: str, settings: Ingest, split: Split) -> SplitColumn | None:
    """Read `split.column` from the raw files.

    It is read there because no later table has it if it is one of `ingest.drop_columns`.

    Parameters
    ----------
    folder : str
        Of the raw files.
    settings : Ingest
    split : Split

    Returns
    -------
    SplitColumn or None
        One entry per row of the table; None if the method needs no column.

    Raises
    ------
    DataError
        If a cell has no value, or no time where one is needed. It names file, line and value.
    """
    name = split.column
    if name is None:
        return None
    given = find_entry(settings, name)
    how = raw_column(given or "category", settings.na_values).how
    gaps = ["", *how.na_values]  # which are reported below, with the other faults
    column: NumberColumn | CategoryColumn = CategoryColumn(type="category", na_values=gaps)
    if how.kind == "number":
        column = given if isinstance(given, NumberColumn) else NumberColumn(type="number")
        column = column.model_copy(update={"na_values": gaps, "range": None})
    reading = settings.model_copy(
        update={
            "columns": {name: column},
            "drop_columns": [
                other for other in [*settings.columns, *settings.drop_columns] if other != name
            ],
        }
    )
    rows = raw_table.read_rows(folder, reading)
    written = rows.table[name]
    pattern = None if how.date is None else how.date.pattern
    values = _as_times(written, pattern) if split.method == "time" else written
    unfit = np.flatnonzero(values.isna())
    _raise_faults(
        [
            f"{rows.location(int(row))}, column '{name}': {_fault(written[row], pattern)}"
            for row in unfit[:MAX_ERRORS_SHOWN]
        ],
        len(unfit),
    )
    if split.method == "time":
        return SplitColumn(written, pd.Series(pd.factorize(values, sort=True)[0]))
    return SplitColumn(written, pd.Series(written.index).groupby(written).transform("first"))


def _raise_faults(faults: Sequence[str], number: int) -> None:
    """Raise DataError with the faults, of which there may be more than are shown."""
    if not number:
        return
    more = number - len(faults)
    raise DataError(
        f"split.column has {count(number, 'fault')}, so the table cannot be split:\n"
        + "".join(f"  {fault}\n" for fault in faults)
        + (f"  {more} more such cells\n" if more else "")
        + "Correct the files, take out these rows, or choose another split.column."
    )


def _fault(cell: Any, pattern: str | None) -> str:
    if pd.isna(cell):
        return "no value; every row needs one"
    if pattern is not None:
        return f"{short_repr(cell)} is not a date like {pattern}"
    return (
        f"{short_repr(cell)} is not a time; all cells must be numbers, or all ISO dates such as "
        "2019-03-23 or 2019-03-23T20:21:09"
    )


def _as_times(cells: pd.Series, pattern: str | None) -> pd.Series:
    """Return cells as numbers, or as dates if one of them is a date; a gap for what is neither.

    pattern: how dates are written, if params.yaml says so.
    """
    if pd.api.types.is_numeric_dtype(cells):
        return cells
    if pattern is not None:
        return pd.Series(date_format.read_dates(cells, pattern), index=cells.index)
    is_date = cells.str.fullmatch(ISO_TIME).eq(True)
    if is_date.any():
        dates = cells.where(is_date)
        return pd.to_datetime(dates, format="ISO8601", errors="coerce", utc=True)
    numbers = pd.to_numeric(cells, errors="coerce")
    return numbers.where(np.isfinite(numbers))
