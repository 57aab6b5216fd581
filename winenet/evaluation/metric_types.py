"""Types of the values in metrics/*.json that other modules read. Imports nothing heavy."""

from typing import NamedTuple


class Interval(NamedTuple):
    """A score with the bounds of its confidence interval."""

    value: float
    low: float
    high: float
