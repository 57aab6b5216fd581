"""Convert a Parquet column into numbers or texts, in training and predictions alike."""

from collections.abc import Collection
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from winenet.data.dialect import is_plain_number

Array = npt.NDArray[np.float64]


def to_float64(column: Any, missing: Collection[str]) -> Array | None:
    """Return an Arrow column as float64, (rows,), a gap as NaN; None when it holds no numbers.

    missing: texts that stand for a gap; where one is a number, as -999, it does so here, too.
    """
    from pyarrow import types

    column = _plain(column)
    kind = column.type
    is_number = types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)
    if not (is_number or types.is_null(kind)):
        return None
    values: Array = np.array(column.cast("float64", safe=False).to_numpy(zero_copy_only=False))
    values[np.isin(values, as_numbers(missing))] = np.nan
    return values


def to_strings(column: Any, missing: Collection[str]) -> pd.Series | None:
    """Return an Arrow column as text, a gap as NaN; None when its type has no usual text.

    missing: texts that stand for a gap, as an empty text does. Truth values and fractions are
    written as pandas writes them to CSV.
    """
    import pyarrow
    from pyarrow import types

    column = _plain(column)
    kind = column.type
    if types.is_boolean(kind) or types.is_floating(kind):
        cells = pd.Series(column.to_pandas(), dtype="object")
        made = cells.astype("str").where(cells.notna())
    else:
        if types.is_binary(kind) or types.is_large_binary(kind):
            return None
        try:
            made = pd.Series(column.cast("string").to_numpy(zero_copy_only=False), dtype="str")
        except (pyarrow.ArrowInvalid, pyarrow.ArrowNotImplementedError):
            return None
    return made.astype("str").mask(made.isin(["", *missing]))


def as_numbers(missing: Collection[str]) -> list[float]:
    """Return the texts for a gap that are finite numbers."""
    numbers = [float(text) for text in missing if is_plain_number(text)]
    return [number for number in numbers if np.isfinite(number)]


def _plain(column: Any) -> Any:
    """Return the column's own values, where it holds them as numbers of a dictionary."""
    from pyarrow import types

    return column.cast(column.type.value_type) if types.is_dictionary(column.type) else column
