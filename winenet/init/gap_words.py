"""Words and numbers that stand for a gap."""

import re
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

# Compared without regard to case.
GAP_WORDS = frozenset(
    (
        *("na", "n/a", "n.a.", "n.a", "#n/a", "#na", "<na>", "null", "(null)", "none", "nil"),
        *("nan", "-nan", "nat", "missing", "(missing)", "unknown", "(unknown)", "undefined"),
        *("not available", "not applicable", "no data", "#div/0!", "#value!", "#ref!", "#null!"),
        *("#num!", "#name?", "?", "??", "-", "--", "---", "\u2013", "\u2014", ".", "..", "*"),
    )
)
# In a column of categories these may be levels: no children, not known.
MAY_BE_LEVELS = frozenset(
    ("none", "nil", "unknown", "(unknown)", "not applicable", "missing", "(missing)", "-", "--")
)
MIN_SENTINEL_DISTANCE = 0.2  # of the range of the other numbers
MIN_DISTINCT = 10  # other numbers, except of those that nobody measures
NOT_MEASURED = re.compile(r"-9{2,}(\.0|\.9+)?|9{3,}\.0")


class Sentinel(NamedTuple):
    """A number that may stand for a gap."""

    text: str
    rows: int


def gap_words(counts: Mapping[str, int], *, is_category: bool) -> list[str]:
    """Return the texts of a column that stand for a gap, without the empty text.

    Parameters
    ----------
    counts : mapping of str to int
        Rows by text.
    is_category : bool
        Whether the column is one of categories, where some words may be levels.
    """
    return [
        text
        for text in counts
        if text.lower() in GAP_WORDS and not (is_category and text.lower() in MAY_BE_LEVELS)
    ]


def find_sentinel(counts: Mapping[str, int], numbers: Mapping[str, float]) -> Sentinel | None:
    """Return a repeated number that lies apart from all others, or None.

    It is only reported: nobody but the user knows whether -200 is a measurement.

    Parameters
    ----------
    counts : mapping of str to int
        Rows by text.
    numbers : mapping of str to float
        The number of each text.
    """
    by_number: dict[float, int] = {}
    for text, number in numbers.items():
        by_number[number] = by_number.get(number, 0) + counts[text]
    values = np.array(sorted(by_number))
    if len(values) < 2:
        return None
    rows = sum(by_number.values())
    for value, others in ((values[0], values[1:]), (values[-1], values[:-1])):
        if len(values) <= MIN_DISTINCT and not NOT_MEASURED.fullmatch(repr(float(value))):
            continue
        with np.errstate(over="ignore"):  # a range beyond float64
            is_apart = _stands_apart(float(value), others, by_number)
        if is_apart and by_number[value] >= max(3, 0.002 * rows):
            text = next(text for text, number in numbers.items() if number == value)
            return Sentinel(text, by_number[value])
    return None


def _stands_apart(value: float, others: np.ndarray, by_number: Mapping[float, int]) -> bool:
    """Return whether a number is one that people write for a gap, and is far from all others."""
    if value == 0:
        return _is_odd_zero(others, by_number)
    is_far = np.abs(others - value).min() > MIN_SENTINEL_DISTANCE * (others[-1] - others[0])
    if value < 0 and value == int(value):
        return bool(is_far or others[0] >= 0)
    return bool(is_far and re.fullmatch(r"9+(\.0|\.9+)?", repr(float(value))))


def _is_odd_zero(others: np.ndarray, by_number: Mapping[float, int]) -> bool:
    """Return whether zero is not near any number, and is far or more frequent than they are."""
    if others[0] <= 0:
        return False
    weights = np.array([by_number[number] for number in others])
    median = others[np.searchsorted(weights.cumsum(), weights.sum() / 2)]
    is_far = others[0] > MIN_SENTINEL_DISTANCE * (others[-1] - others[0])
    is_frequent = by_number[0] > 5 * weights.max() and others[0] > 0.1 * median
    return bool((is_far or is_frequent) and by_number[0] < weights.sum())
