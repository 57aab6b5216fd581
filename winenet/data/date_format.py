"""Dates and times: infer their format, and take them apart into numbers."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

Array = npt.NDArray[np.float64]

DATES = (
    *("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y"),
    *("%m-%d-%Y", "%m/%d/%y", "%d/%m/%y", "%d.%m.%y", "%d-%b-%Y", "%d-%b-%y", "%d %b %Y"),
    *("%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%b-%Y", "%b-%y", "%b %Y", "%B %Y"),
    *("%Y-%m", "%Y/%m", "%m/%Y"),
)
TIMES = (
    *("%H:%M:%S", "%H:%M", "%H.%M.%S", "%I:%M:%S %p", "%I:%M %p", "%H:%M:%S.%f", "%H:%M:%S%z"),
    *("%H:%M:%S.%f%z",),
)
LIKE_A_DATE = re.compile(r"[A-Za-z]{0,9}[ .]*\d{1,4}[-/. :T,]|[A-Za-z]{3,9}[- ]\d")
LAST_SHORT_YEAR = 2049  # that two digits stand for
SAMPLE = 1_000  # distinct texts that a format is tried on first

# What a date is taken apart into, and the numbers.
PARTS: dict[str, Callable[[pd.DatetimeIndex], pd.Index]] = {
    "year": lambda when: when.year,
    "month": lambda when: when.month,
    "day": lambda when: when.day,
    "weekday": lambda when: when.day_of_week,
    "hour": lambda when: when.hour,
    "minute": lambda when: when.minute,
}
DAYS = "days"  # since the first one


class DateFormat(NamedTuple):
    """How a column's dates are written, and which numbers are made of them.

    Attributes
    ----------
    pattern : str
        As in `datetime.strptime`.
    parts : tuple of str
        Of `PARTS`, and "days", the days since the origin.
    origin : str
        An ISO date.
    """

    pattern: str
    parts: tuple[str, ...]
    origin: str


def read_dates(texts: pd.Series, pattern: str) -> pd.DatetimeIndex:
    """Return dates as UTC, (rows,); NaT for what is none in this format, and for a gap."""
    dates = pd.to_datetime(texts, format=pattern, errors="coerce", utc="%z" in pattern)
    index = pd.DatetimeIndex(dates)
    index = index.tz_localize(None) if index.tz is not None else index
    if "%y" in pattern:  # 63 is 1963, where strptime has 2063
        is_late = index.year > LAST_SHORT_YEAR
        index = index.where(~is_late, index - pd.DateOffset(years=100))
    return index


def infer(texts: Mapping[str, int], share: float = 0.95) -> tuple[DateFormat, str] | None:
    """Infer the format of a column's dates.

    Parameters
    ----------
    texts : mapping of str to int
        Rows by text, without gaps.
    share : float
        The fraction of the rows that must be dates.

    Returns
    -------
    tuple of DateFormat and str, or None
        The str is another pattern that fits as well, empty for none. None if the column is not one
        of dates.
    """
    listed = list(texts)
    if not listed or not all(LIKE_A_DATE.match(text) for text in listed[:20]):
        return None
    fitting = [pattern for pattern in _candidates(listed[0]) if _fits(pattern, texts, share)]
    if not fitting:
        return None
    dates = read_dates(pd.Series(listed), fitting[0]).dropna()
    has_date = "%Y" in fitting[0] or "%y" in fitting[0]
    of_format = {"year": has_date, "month": has_date, "day": "%d" in fitting[0]}
    of_format |= {"weekday": "%d" in fitting[0], "minute": not has_date}
    parts = [
        name
        for name, part in PARTS.items()
        if of_format.get(name, True) and part(dates).nunique() > 1
    ]
    if has_date and dates.normalize().nunique() > 1:
        parts.append(DAYS)
    origin = dates.min().date().isoformat() if has_date else "1900-01-01"
    return DateFormat(fitting[0], tuple(parts), origin), fitting[1] if len(fitting) > 1 else ""


def _candidates(text: str) -> list[str]:
    """Return the patterns that fit one text."""
    joined = [f"{date}{between}{time}" for date in DATES for between in " T" for time in TIMES]
    return [pattern for pattern in [*DATES, *TIMES, *joined] if _is_date(text, pattern)]


def _is_date(text: str, pattern: str) -> bool:
    return bool(read_dates(pd.Series([text]), pattern).notna()[0])


def _fits(pattern: str, texts: Mapping[str, int], share: float) -> bool:
    listed = list(texts)
    if len(listed) > SAMPLE and not _fits(
        pattern, {text: texts[text] for text in listed[:SAMPLE]}, share
    ):
        return False
    known = read_dates(pd.Series(listed), pattern).notna()
    rows = np.array([texts[text] for text in listed])
    return bool(rows[known].sum() >= share * rows.sum())


def take_apart(texts: pd.Series, date_format: DateFormat) -> tuple[dict[str, Array], pd.Series]:
    """Return the numbers of each date.

    Parameters
    ----------
    texts : Series of shape (rows,)
        NaN for a gap.
    date_format : DateFormat

    Returns
    -------
    parts : dict of str to ndarray of shape (rows,)
        NaN for a gap.
    is_wrong : Series of bool, shape (rows,)
        Cells that are no date in this format.
    """
    dates = read_dates(texts, date_format.pattern)
    is_wrong = pd.Series(dates.isna() & texts.notna().to_numpy(), index=texts.index)
    numbers: dict[str, Array] = {}
    for name in date_format.parts:
        if name == DAYS:
            since = (dates.normalize() - pd.Timestamp(date_format.origin)) / pd.Timedelta(days=1)
            numbers[name] = np.asarray(since, dtype=np.float64)
        else:
            numbers[name] = np.asarray(PARTS[name](dates), dtype=np.float64)
    return numbers, is_wrong


def feature_names(column: str, parts: Sequence[str]) -> list[str]:
    """Return the names of the features that a column of dates becomes."""
    return [f"{column} {part}" for part in parts]


def check(date_format: DateFormat) -> None:
    """Raise ValueError if a format has an unknown part or no valid origin."""
    for part in date_format.parts:
        if part not in PARTS and part != DAYS:
            raise ValueError(f"a date has no part {part!r}")
    pd.Timestamp(date_format.origin)
