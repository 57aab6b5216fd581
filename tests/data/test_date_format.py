"""Dates and times: read as `datetime.strptime` reads them, and nothing else taken for one."""

import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winenet.data import date_format
from winenet.data.date_format import DATES, TIMES, DateFormat

MOMENTS = st.datetimes(datetime.datetime(1950, 1, 1), datetime.datetime(2049, 12, 31))
PATTERNS = [
    *DATES,
    *TIMES,
    *(f"{date}{mark}{time}" for date in DATES[:3] for mark in " T" for time in TIMES),
]


def read(texts: list[str], pattern: str) -> list[datetime.datetime | None]:
    index = date_format.read_dates(pd.Series(texts, dtype="str"), pattern)
    return [None if when is pd.NaT else when.to_pydatetime() for when in index]


def expected(text: str, pattern: str) -> datetime.datetime:
    """Return what strptime reads, in UTC, with years up to 2049."""
    when = datetime.datetime.strptime(text, pattern)
    if when.tzinfo is not None:
        when = when.astimezone(datetime.UTC).replace(tzinfo=None)
    return when.replace(year=when.year - 100) if "%y" in pattern and when.year > 2049 else when


@given(MOMENTS, st.sampled_from(PATTERNS), st.sampled_from([-300, 0, 120, 330]))
@settings(max_examples=500, deadline=None)
def test_the_usual_forms_are_read_as_strptime_reads_them(moment, pattern, minutes):
    zone = datetime.timezone(datetime.timedelta(minutes=minutes))
    text = moment.replace(tzinfo=zone).strftime(pattern)
    assert read([text], pattern) == [expected(text, pattern)]


@given(
    st.lists(MOMENTS, min_size=15, max_size=30, unique_by=lambda m: m.date()),
    st.sampled_from(DATES),
)
@settings(max_examples=60, deadline=None)
def test_each_form_is_inferred_and_gives_the_parts(moments, pattern):
    texts = [moment.strftime(pattern) for moment in moments]
    inferred = date_format.infer(dict.fromkeys(texts, 1))
    assert inferred is not None
    how, other = inferred
    parts, is_wrong = date_format.take_apart(pd.Series(texts, dtype="str"), how)
    assert not is_wrong.any()
    if not other:  # else day and month may be the other way round, which is said
        dates = [expected(text, pattern) for text in texts]
        assert how.origin == min(dates).date().isoformat()
        oracle = {
            "year": [when.year for when in dates],
            "month": [when.month for when in dates],
            "day": [when.day for when in dates],
            "weekday": [when.weekday() for when in dates],
            "days": [(when - min(dates)).days for when in dates],
        }
        for name, numbers in parts.items():
            assert numbers.tolist() == oracle[name]
        if "%d" in pattern:
            assert set(parts) == {name for name, numbers in oracle.items() if len(set(numbers)) > 1}


def infer(*texts: str) -> tuple[str, tuple[str, ...], str] | None:
    inferred = date_format.infer(dict.fromkeys(texts, 5))
    return None if inferred is None else (inferred[0].pattern, inferred[0].parts, inferred[1])


def test_day_and_month_that_may_be_exchanged_are_reported():
    assert infer("01/02/2020", "03/05/2021") == (
        "%m/%d/%Y",
        ("year", "month", "day", "weekday", "days"),
        "%d/%m/%Y",
    )
    assert infer("13/02/2020", "03/05/2021")[::2] == ("%d/%m/%Y", "")
    assert infer("02/13/2020", "03/05/2021")[::2] == ("%m/%d/%Y", "")
    assert infer("01-02-2020", "03-05-2021")[::2] == ("%d-%m-%Y", "%m-%d-%Y")


def test_the_form_that_fits_more_dates_is_taken():
    texts = {f"{day:02d}/{month:02d}/2020": 1 for day in range(1, 13) for month in range(1, 13)}
    texts |= {"13/01/2020": 1, "14/02/2020": 1}  # 2 of 146 tell that the day comes first
    inferred = date_format.infer(texts)
    assert inferred is not None
    assert (inferred[0].pattern, inferred[1]) == ("%d/%m/%Y", "")


def test_two_names_of_one_reading_are_no_doubt():
    assert infer("May 2020", "May 2021")[::2] == ("%b %Y", "")


@pytest.mark.parametrize(
    ("text", "year"), [("4/15/63", 1963), ("4/15/49", 2049), ("4/15/50", 1950), ("4/15/00", 2000)]
)
def test_two_digits_of_a_year(text, year):
    assert read([text], "%m/%d/%y")[0].year == year


def test_time_zones_are_brought_to_utc():
    pattern, parts, _ = infer("2020-01-01T10:00:00+02:00", "2020-06-01T10:00:00Z")
    assert (pattern, "hour" in parts) == ("%Y-%m-%dT%H:%M:%S%z", True)
    assert read(["2020-01-01T10:00:00+02:00"], pattern) == [datetime.datetime(2020, 1, 1, 8)]


@pytest.mark.parametrize(
    ("texts", "parts"),
    [
        (("2020-01-05", "2020-01-06"), ("day", "weekday", "days")),
        (("2020-01-05", "2020-01-12"), ("day", "days")),
        (("2020-01-05 10:30", "2020-01-05 11:45"), ("hour",)),
        (("2020-01-05 10:30", "2020-01-05 10:45"), ("minute",)),
        (("2020-01-05 10:30:00", "2020-01-05 10:30:01"), ("second",)),
        (("10:30", "11:45"), ("hour", "minute")),
        (("0:45:12", "0:47:55"), ("minute", "second")),
        (("18.00.00", "19.00.00"), ("hour",)),
        (("2020-01", "2021-02"), ("year", "month", "days")),
        (
            ("2020-01-05 00:00:00", "2021-02-06 00:00:00"),
            ("year", "month", "day", "weekday", "days"),
        ),
        (("2020-01-05", "2020-01-05"), ()),
    ],
)
def test_the_parts_are_those_that_vary(texts, parts):
    assert infer(*texts)[1] == parts


@pytest.mark.parametrize(
    "texts",
    [
        *(("12.5", "3.4"), ("2012", "2013"), ("1.25", "10.75"), ("20200105", "20210206")),
        *(("1.2.3", "1.10.0"), ("1.2.10", "3.4.11"), ("192.168.1.1",), ("2:1", "3:0"), ("16:9",)),
        *(("10-19", "20-29"), ("2010-2011", "2011-2012"), ("1/2", "3/4"), ("1-2-3",), ("5-",)),
        *(("now", "today"), ("2020-01-05", "now"), ("Monday", "May"), ("A-1", "B-2"), ("",), ()),
        *(("2020-13-01", "2020-14-01"), ("31.02.2020", "30.02.2020"), ("24:00", "25:00")),
        *(("123-45-6789",), ("+49 123",), ("$5", "$6"), ("1,234", "5,678"), ("٢٠٢٠-٠١-٠١",)),
    ],
    ids=str,
)
def test_numbers_versions_ranges_and_scores_are_no_dates(texts):
    assert infer(*texts) is None


def test_a_day_without_a_date_is_not_today():
    assert read(["now", "Today", "2020-01-05"], "%Y-%m-%d")[:2] == [None, None]


@pytest.mark.parametrize("place", [0, 7])
def test_one_odd_text_does_not_hide_the_dates(place):
    texts = {f"2020-{month:02d}-{day:02d}": 1 for month in range(1, 5) for day in range(1, 15)}
    items = list(texts.items())
    inferred = date_format.infer(dict([*items[:place], ("soon", 1), *items[place:]]))
    assert inferred is not None
    assert inferred[0].pattern == "%Y-%m-%d"
    assert date_format.infer(texts | {"soon": 9}) is None


def test_gaps_and_wrong_dates():
    how = DateFormat("%Y-%m-%d", ("year", "weekday", "days"), "2020-01-01")
    texts = pd.Series(["2020-01-03", None, "x", "2019-12-31", "2020-1-1x"], dtype="str")
    parts, is_wrong = date_format.take_apart(texts, how)
    assert is_wrong.tolist() == [False, False, True, False, True]
    nan = np.nan
    assert list(parts) == ["year", "weekday", "days"]
    assert np.array_equal(parts["year"], [2020, nan, nan, 2019, nan], equal_nan=True)
    assert np.array_equal(parts["weekday"], [4, nan, nan, 1, nan], equal_nan=True)
    assert np.array_equal(parts["days"], [2, nan, nan, -1, nan], equal_nan=True)
    assert (
        date_format.take_apart(pd.Series([None, None], dtype="str"), how)[1].tolist() == [False] * 2
    )
    assert date_format.feature_names("when", how.parts) == [
        "when year",
        "when weekday",
        "when days",
    ]


@given(
    st.lists(st.floats(allow_nan=False).map(str) | st.integers().map(str), min_size=1, max_size=30)
)
@settings(max_examples=60, deadline=None)
def test_plain_numbers_are_never_dates(texts):
    assert date_format.infer(dict.fromkeys(texts, 1)) is None
