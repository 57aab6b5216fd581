"""Recognise columns that name rows: ids and row numbers."""

import re
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

ID_WORDS = (
    *("id", "ids", "uid", "uuid", "guid", "index", "idx", "no", "nr", "num", "number", "key"),
    *("row", "rowid", "rownum", "serial", "ssn", "iban", "phone", "unnamed"),
)
WORD_WITH_ID = re.compile(
    "(?:account|booking|case|client|customer|device|employee|invoice|item|loan|member|movie|order|"
    "passenger|patient|person|player|policy|product|record|row|sample|session|store|student|"
    "subject|transaction|trip|user)(?:ids?|no|nr|num|number|key)"
)


class IdEvidence(NamedTuple):
    """What a column's cells say.

    Attributes
    ----------
    rows : int
        Cells that are not gaps.
    distinct : int
        Different ones.
    all_integers, all_text : bool
        Whether all cells are whole numbers, or none is a number.
    is_rising : bool
        Whether each whole number is larger than the one above.
    span : float
        The largest minus the smallest, plus 1.
    longest : int
        Characters of the longest cell.
    """

    rows: int
    distinct: int
    all_integers: bool
    all_text: bool
    is_rising: bool
    span: float
    longest: int


def why_id(name: str, cells: IdEvidence) -> str | None:
    """Return why a column is an id, in words, or None if it is none.

    A measurement has a point or repeats; so whole numbers and texts alone are looked at.

    Parameters
    ----------
    name : str
    cells : IdEvidence
    """
    if cells.rows < 3 or not (cells.all_integers or cells.all_text):
        return None
    nearly_unique = cells.distinct >= 0.9 * cells.rows
    if nearly_unique and is_id_name(name):
        return "an id by its name, and nearly every row has another"
    if cells.all_text:
        return "another text in each row: a name or an id" if cells.distinct == cells.rows else None
    if cells.longest >= 12 and nearly_unique:
        return "whole numbers of 12 digits or more, nearly every row has another: an id"
    if cells.distinct >= cells.rows - 1 and cells.rows > 20:
        if cells.is_rising and cells.span <= 2 * cells.rows:
            return "whole numbers that rise from row to row: a row number"
        if cells.span <= cells.rows + 2:
            return "whole numbers without repeats or holes: a row number or an id"
    return None


def is_id_name(name: str) -> bool:
    """Return whether the last word of a name says id or number, as in `customerId`."""
    # "paid" and "valid" end in id as well, so the words before it are listed.
    words = re.findall(r"[^\W_\d]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name))
    return bool(words) and (
        words[-1].lower() in ID_WORDS or WORD_WITH_ID.fullmatch(words[-1].lower()) is not None
    )


def is_rising(numbers: npt.NDArray[np.float64]) -> bool:
    """Return whether each number is larger than the one above; one exception is allowed."""
    return bool((np.diff(numbers) <= 0).sum() <= 1)
