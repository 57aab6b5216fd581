"""Which raw columns the pipeline reads, and how: from params.yaml and a file's header."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from winenet.data.column_format import ColumnFormat
from winenet.data.date_format import DateFormat
from winenet.data.number_format import NumberFormat
from winenet.params import Ingest
from winenet.params_columns import CategoryColumn, DateColumn, NumberColumn

PATTERN_SIGNS = "*?["


class RawColumn(NamedTuple):
    """A raw column.

    Attributes
    ----------
    how : ColumnFormat
    bounds : tuple of float and float, optional
        The least and the largest number that can be true.
    """

    how: ColumnFormat
    bounds: tuple[float, float] | None


def raw_columns(settings: Ingest, names: Iterable[str]) -> dict[str, RawColumn]:
    """Return the columns that params.yaml names, or matches by a pattern, in its order.

    Parameters
    ----------
    settings : Ingest
    names : iterable of str
        The header of the raw files, for patterns such as "ENSG*".
    """
    columns: dict[str, RawColumn] = {}
    header = list(names)
    for name, given in settings.columns.items():
        is_pattern = name not in header and any(sign in name for sign in PATTERN_SIGNS)
        matches = [name]
        if is_pattern:
            taken = {settings.target, *settings.drop_columns, *settings.columns}
            matches = [each for each in header if fnmatchcase(each, name) and each not in taken]
        for each in matches or [name]:
            columns.setdefault(each, _raw_column(given, settings.na_values))
    return columns


def _raw_column(given: Any, na_values: Sequence[str]) -> RawColumn:
    """Return a column of params.yaml. na_values: those of all columns."""
    own = getattr(given, "na_values", None)
    words = tuple(na_values if own is None else own)
    if isinstance(given, NumberColumn):
        written = NumberFormat(
            given.decimal, given.thousands, given.unit, given.parentheses, given.limits
        )
        bounds = None if given.range is None else (given.range[0], given.range[1])
        return RawColumn(ColumnFormat("number", words, written), bounds)
    if isinstance(given, DateColumn):
        when = DateFormat(given.format, tuple(given.parts), given.origin)
        return RawColumn(ColumnFormat("date", words, date=when), None)
    if isinstance(given, CategoryColumn) or given == "category":
        return RawColumn(ColumnFormat("category", words), None)
    if given == "number":
        return RawColumn(ColumnFormat("number", words), None)
    return RawColumn(ColumnFormat("number", words), (given[0], given[1]))
