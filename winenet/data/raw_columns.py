"""Which raw columns the pipeline reads, and how: from params.yaml and a file's header."""

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from winenet.data.column_format import ColumnFormat
from winenet.data.date_format import DateFormat
from winenet.data.dialect import clean_text
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
    header = dict.fromkeys(names)
    taken = {settings.target, *settings.columns, *dropped_columns(settings, header)}
    for name, given in settings.columns.items():
        matches = [each for each in _matches(name, header) if each not in taken]
        for each in matches or [name]:
            columns.setdefault(each, raw_column(given, settings.na_values))
    return columns


def dropped_columns(settings: Ingest, names: Iterable[str]) -> set[str]:
    """Return the columns that `drop_columns` names, or matches by a pattern.

    A column's own name in `columns` counts more than a pattern, and a pattern of `drop_columns`
    more than one of `columns`.

    Parameters
    ----------
    settings : Ingest
    names : iterable of str
        The header of the raw files.
    """
    header, used = dict.fromkeys(names), {settings.target, *settings.columns}
    dropped = {*settings.drop_columns}
    for name in settings.drop_columns:
        dropped |= {*_matches(name, header)} - used
    return dropped


def find_entry(settings: Ingest, name: str) -> Any:
    """Return what `columns` says of a column, by its name or a pattern; None if it says nothing."""
    if name in settings.columns or name in settings.drop_columns:
        return settings.columns.get(name)
    entries = settings.columns.items()
    return next((given for pattern, given in entries if _matches(pattern, {name: None})), None)


def _matches(name: str, header: Mapping[str, None]) -> list[str]:
    """Return the columns that a pattern matches; none if it is the name of a column."""
    if name in header or not any(sign in name for sign in PATTERN_SIGNS):
        return []
    return [each for each in header if fnmatchcase(each, name)]


def raw_column(given: Any, na_values: Sequence[str]) -> RawColumn:
    """Return a column of params.yaml.

    Parameters
    ----------
    given : str, list or ColumnSection
        What params.yaml says of it.
    na_values : sequence of str
        Those of all columns.
    """
    own = getattr(given, "na_values", None)
    words = tuple(map(clean_text, na_values if own is None else own))
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
