"""Dates and times: infer their format, and take them apart into numbers."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from winenet.errors import short_repr

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
# Which strptime would take for times and dates: a score 2:1, a version 1.10.2.
NO_DATE = re.compile(r"\d{1,2}:\d|(?=(?:.*\.)?\d(?:\.|$))\d{1,2}\.\d{1,2}\.\d{1,2}", re.ASCII)
SAMPLE = 1_000  # distinct texts that a format is tried on first

# What a date is taken apart into, and the numbers.
PARTS: dict[str, Callable[[pd.DatetimeIndex], pd.Index]] = {
    "year": lambda when: when.year,
    "month": lambda when: when.month,
    "day": lambda when: when.day,
    "weekday": lambda when: when.day_of_week,
    "hour": lambda when: when.hour,
    "minute": lambda when: when.minute,
    "second": lambda when: when.second,
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
    is_moving = texts.str.fullmatch("now|today", case=False, na=False)  # pandas would take them
    texts = texts.mask(is_moving.to_numpy(dtype=bool))
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
    alike = [text for text in listed[:20] if LIKE_A_DATE.match(text)]
    if len(alike) < 0.8 * len(listed[:20]) or not alike or any(map(NO_DATE.fullmatch, listed)):
        return None
    shares = {pattern: _share(pattern, texts, share) for pattern in _candidates(alike[:3])}
    best = max(shares, key=lambda pattern: shares[pattern], default="")
    if not best or shares[best] < share:
        return None
    read = read_dates(pd.Series(listed), best)
    dates = read.dropna()
    others = [
        pattern
        for pattern in shares
        if shares[pattern] == shares[best]
        and (read_dates(pd.Series(listed), pattern) != read)[read.notna()].any()
    ]
    has_date = "%Y" in best or "%y" in best
    varying = [name for name, part in PARTS.items() if part(dates).nunique() > 1]
    left_out = {"minute", "second"} if has_date else {"year", "month"}
    left_out |= set() if "%d" in best else {"day", "weekday"}
    # Minutes of dates say little, unless nothing else varies.
    parts = [name for name in varying if name not in left_out] or (varying if has_date else [])
    if has_date and dates.normalize().nunique() > 1:
        parts.append(DAYS)
    origin = dates.min().date().isoformat() if has_date else "1900-01-01"
    return DateFormat(best, tuple(parts), origin), others[0] if others else ""


def _candidates(texts: Sequence[str]) -> list[str]:
    """Return the patterns that fit one of some texts."""
    joined = [f"{date}{between}{time}" for date in DATES for between in " T" for time in TIMES]
    if not any(re.search(r"\d[ T]+\d+[:.]\d\d", text) for text in texts):
        joined = []  # no time behind a date
    first = pd.Series(texts)
    patterns = [*DATES, *TIMES, *joined]
    return [pattern for pattern in patterns if read_dates(first, pattern).notna().any()]


def _share(pattern: str, texts: Mapping[str, int], least: float) -> float:
    """Return the share of the rows that a pattern fits, or 0 if it is less than asked for."""
    listed = list(texts)
    if len(listed) > SAMPLE and not _share(
        pattern, {text: texts[text] for text in listed[:SAMPLE]}, least
    ):
        return 0.0
    known = read_dates(pd.Series(listed), pattern).notna()
    rows = np.array([texts[text] for text in listed])
    share = float(rows[known].sum() / rows.sum())
    return share if share >= least else 0.0


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
    """Raise TypeError or ValueError if a format has a value that none can have."""
    if not isinstance(date_format.pattern, str) or not date_format.parts:
        raise TypeError(f"it has the date {short_repr(date_format._asdict())}")
    try:
        read_dates(pd.Series(["2026"]), date_format.pattern)  # which knows the directives
    except re.error as error:  # %d twice
        raise ValueError(f"{short_repr(date_format.pattern)} is no pattern ({error})") from None
    for part in date_format.parts:
        if part not in PARTS and part != DAYS:
            raise ValueError(f"a date has no part {short_repr(part)}")
    if len({*date_format.parts}) < len(date_format.parts):
        raise ValueError(f"a date has a part twice: {short_repr(list(date_format.parts))}")
    date.fromisoformat(date_format.origin)
