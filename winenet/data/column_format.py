"""How a raw column is read: as numbers, as categories or as dates, and what stands for a gap.

The formats stand in params.yaml and in the model file, so training and predictions read a column
by one rule.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pandas.api.extensions import ExtensionArray

from winenet.data import date_format, number_format, parquet
from winenet.data.date_format import DateFormat
from winenet.data.dialect import clean_text
from winenet.data.number_format import NumberFormat
from winenet.errors import short_repr

Kind = Literal["number", "category"]
KINDS = ("number", "category", "date")
PLAIN = NumberFormat()


@dataclass(frozen=True)
class ColumnFormat:
    """How the cells of a raw column are read.

    Attributes
    ----------
    kind : {"number", "category", "date"}
    na_values : tuple of str
        Texts that stand for a gap, as an empty cell does.
    number : NumberFormat
        Of numbers.
    date : DateFormat, optional
        Of dates.
    """

    kind: Literal["number", "category", "date"]
    na_values: tuple[str, ...] = ()
    number: NumberFormat = PLAIN
    date: DateFormat | None = None

    def features(self, name: str) -> dict[str, Kind]:
        """Return the kind of each feature that a column of this name becomes."""
        if self.date is not None:
            names = date_format.feature_names(name, self.date.parts)
            return dict.fromkeys(names, "number")
        return {name: "category" if self.kind == "category" else "number"}


class Parsed(NamedTuple):
    """A column's values.

    Attributes
    ----------
    features : dict of str to ndarray of float64 or pandas array of str, of shape (rows,)
        NaN for a gap. No Series, since its index would not be that of a block's rows.
    is_gap : ndarray of bool, shape (rows,)
    is_wrong : ndarray of bool, shape (rows,)
        Cells that do not fit the format; NaN in the features.
    rule : str
        What is wrong with them.
    """

    features: dict[str, npt.NDArray[np.float64] | ExtensionArray]
    is_gap: npt.NDArray[np.bool_]
    is_wrong: npt.NDArray[np.bool_]
    rule: str


def parse(name: str, cells: pa.Array, column_format: ColumnFormat) -> Parsed:
    """Read the cells of a column.

    Parameters
    ----------
    name : str
    cells : pyarrow.Array of shape (rows,)
        Texts, or the type that a column of Parquet has.
    column_format : ColumnFormat
    """
    if column_format.kind == "number" and not _is_text(cells.type):
        return _typed_numbers(name, cells, column_format)
    if not (_is_text(cells.type) or _has_text(cells.type)):
        return _of_another_type(name, cells, column_format)
    texts = clean_cells(cells)
    gap = pc.is_in(texts, value_set=pa.array(["", *column_format.na_values], pa.string()))
    gap = pc.or_(pc.fill_null(gap, False), texts.is_null())
    texts = pc.if_else(gap, pa.scalar(None, pa.string()), texts)
    is_gap = np.asarray(gap.to_numpy(zero_copy_only=False), dtype=bool)
    if column_format.kind == "category":
        levels = pd.Series(texts.to_pandas(), dtype="str").array
        return Parsed({name: levels}, is_gap, np.zeros(len(levels), dtype=bool), "")
    if column_format.date is not None:
        when = pd.Series(texts.to_pandas(), dtype="str")
        if pa.types.is_timestamp(cells.type) or pa.types.is_date(cells.type):
            dates = pd.DatetimeIndex(cells.to_pandas()).strftime(column_format.date.pattern)
            when = pd.Series(dates, dtype="str").where(~is_gap)
        parts, wrong_dates = date_format.take_apart(when, column_format.date)
        names = date_format.feature_names(name, column_format.date.parts)
        rule = f"not a date like {column_format.date.pattern}"
        return Parsed(
            dict(zip(names, parts.values(), strict=True)), is_gap, wrong_dates.to_numpy(), rule
        )
    numbers, is_wrong = number_format.parse(texts, column_format.number)
    numbers, is_gap = _with_numeric_gaps(numbers, is_gap, column_format.na_values)
    return Parsed({name: numbers}, is_gap, is_wrong, _number_rule(column_format.number))


def _of_another_type(name: str, cells: pa.Array, column_format: ColumnFormat) -> Parsed:
    """Return gaps for cells of a type that cannot be read so, such as lists; each is wrong."""
    is_wrong = np.asarray(cells.is_valid().to_numpy(zero_copy_only=False), dtype=bool)
    gaps = np.full(len(cells), np.nan)
    features: dict[str, npt.NDArray[np.float64] | ExtensionArray] = {
        feature: pd.Series(gaps, dtype="str").array if kind == "category" else gaps.copy()
        for feature, kind in column_format.features(name).items()
    }
    rule = f"of the type {cells.type}, not a {column_format.kind}"
    return Parsed(features, ~is_wrong, is_wrong, rule)


def _number_rule(written: NumberFormat) -> str:
    words = written.describe()
    return f"not a finite number ({words})" if words else "not a finite number"


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _typed_numbers(name: str, cells: pa.Array, column_format: ColumnFormat) -> Parsed:
    """Read a column that Parquet has as numbers; of another type each cell is wrong."""
    values = parquet.to_float64(cells, column_format.na_values)
    if values is None:
        return _of_another_type(name, cells, column_format)
    is_wrong = np.isinf(values)
    values[is_wrong] = np.nan
    return Parsed({name: values}, np.isnan(values) & ~is_wrong, is_wrong, "not a finite number")


def _with_numeric_gaps(
    numbers: npt.NDArray[np.float64], is_gap: npt.NDArray[np.bool_], na_values: Collection[str]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Return the numbers with a gap where a number stands for one: -999 does for -999.00."""
    sentinels = parquet.as_numbers(na_values)
    if sentinels:
        is_sentinel = np.isin(numbers, sentinels)
        numbers[is_sentinel] = np.nan
        is_gap = is_gap | is_sentinel
    return numbers, is_gap


def as_texts(cells: pa.Array) -> pa.Array:
    """Return cells as texts, as they stand in the table; null for a gap."""
    if _is_text(cells.type):
        return cells.cast(pa.string())
    texts = parquet.to_strings(cells, [])
    if texts is None:
        return pa.array([f"<{cells.type}>"] * len(cells), pa.string())
    return pa.array(texts.astype("object").where(texts.notna(), None), pa.string())


def clean_cells(cells: pa.Array) -> pa.Array:
    """Return cells as texts without blanks around them and invisible characters, in NFC.

    A line end within a text is LF.
    """
    texts = as_texts(cells)
    if pc.any(pc.match_substring(texts, "\r")).as_py():  # of Parquet; the reader of text has none
        texts = pc.replace_substring_regex(texts, "\r\n?", "\n")
    if pc.all(pc.string_is_ascii(texts)).as_py():
        return pc.utf8_trim_whitespace(texts)
    coded = texts.dictionary_encode()
    cleaned = pa.array(
        [None if text is None else clean_text(text) for text in coded.dictionary.to_pylist()],
        pa.string(),
    )
    return cleaned.take(coded.indices)


def _has_text(kind: pa.DataType) -> bool:
    """Return whether values of a type of Parquet have a usual text, as numbers have."""
    return parquet.to_strings(pa.nulls(0, kind), []) is not None


def as_json(column_format: ColumnFormat) -> dict[str, Any]:
    """Return a format as JSON has it, without what is usual."""
    content: dict[str, Any] = {"type": column_format.kind}
    if column_format.na_values:
        content["na_values"] = list(column_format.na_values)
    if not column_format.number.is_plain:
        content["number"] = asdict(column_format.number)
    if column_format.date is not None:
        content["date"] = column_format.date._asdict() | {"parts": list(column_format.date.parts)}
    return content


def from_json(content: Mapping[str, Any]) -> ColumnFormat:
    """Return the format that `as_json` wrote.

    Raises
    ------
    KeyError, TypeError or ValueError
        If the content is anything else.
    """
    kind, words = content["type"], content.get("na_values", [])
    if {*content} - {"type", "na_values", "number", "date"} or kind not in KINDS:
        raise ValueError(f"it has a column with {short_repr(dict(content))}")
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise TypeError(f"it has the na_values {short_repr(words)}")
    number = NumberFormat(**content.get("number", {}))
    number_format.check(number)
    date = content.get("date")
    if (date is None) == (kind == "date") or not (kind == "number" or number.is_plain):
        raise ValueError(f"it has a column with {short_repr(dict(content))}")
    when = None if date is None else DateFormat(**(date | {"parts": tuple(date["parts"])}))
    if when is not None:
        date_format.check(when)
    return ColumnFormat(kind, tuple(words), number, when)


def all_as_json(formats: Mapping[str, ColumnFormat]) -> list[dict[str, Any]]:
    """Return formats as JSON has them; as a list, since the columns' order counts."""
    return [{"name": name, **as_json(how)} for name, how in formats.items()]


def all_from_json(content: Sequence[Mapping[str, Any]]) -> dict[str, ColumnFormat]:
    """Return the formats that `all_as_json` wrote.

    Raises
    ------
    KeyError, TypeError or ValueError
        If the content is anything else.
    """
    formats: dict[str, ColumnFormat] = {}
    for column in content:
        name = column["name"]
        if not isinstance(name, str) or name in formats:
            raise ValueError(f"it has the column {short_repr(name)} twice, or it is no text")
        formats[name] = from_json({key: value for key, value in column.items() if key != "name"})
    return formats
