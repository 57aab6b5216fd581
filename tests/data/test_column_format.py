"""A column is read by one rule, whatever file it comes from."""

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winenet.data import column_format
from winenet.data.column_format import ColumnFormat
from winenet.data.date_format import DateFormat
from winenet.data.dialect import clean_text
from winenet.data.number_format import NumberFormat

NUMBER, CATEGORY = ColumnFormat("number"), ColumnFormat("category")


def parse(cells: pa.Array | list, how: ColumnFormat) -> tuple[list, list[bool], list[bool]]:
    """Return the values with None for a gap, which cells are gaps, and which are wrong."""
    cells = cells if isinstance(cells, pa.Array) else pa.array(cells, pa.string())
    parsed = column_format.parse("x", cells, how)
    values = pd.Series(parsed.features["x"]).astype("object")
    assert not (parsed.is_gap & parsed.is_wrong).any()
    assert (values.isna() == (parsed.is_gap | parsed.is_wrong)).all()
    return (
        values.where(values.notna(), None).tolist(),
        parsed.is_gap.tolist(),
        parsed.is_wrong.tolist(),
    )


@given(st.lists(st.none() | st.text(st.sampled_from("ab \t\u00a0\u200be\u0301\ufeff"), max_size=5)))
@settings(max_examples=300, deadline=None)
def test_cells_are_cleaned_as_names_are(texts):
    expected = [None if text is None else clean_text(text) for text in texts]
    for cells in (pa.array(texts, pa.string()), pa.array(texts, pa.large_string())):
        assert column_format.clean_cells(cells).to_pylist() == expected
        assert column_format.clean_cells(cells.dictionary_encode()).to_pylist() == expected


def test_labels_that_look_alike_are_one():  # B8
    cells = ["yes", "yes ", "\u00a0yes", "ye\u200bs", "caf\u00e9", "cafe\u0301"]
    assert set(parse(cells, CATEGORY)[0]) == {"yes", "caf\u00e9"}


@pytest.mark.parametrize("blank", ["", "  ", "\u00a0", "\u200b", "\t", None])
@pytest.mark.parametrize("how", [NUMBER, CATEGORY])
def test_blanks_are_gaps(blank, how):
    values, is_gap, is_wrong = parse([blank, "5"], how)
    assert (values[0], is_gap, is_wrong) == (None, [True, False], [False, False])


def test_words_for_a_gap_belong_to_a_column():
    how = ColumnFormat("category", ("?", "N/A"))
    assert parse(["a", " ? ", "N/A", "n/a"], how)[0] == ["a", None, None, "n/a"]
    assert parse(["a", "?"], CATEGORY)[0] == ["a", "?"]
    assert parse(["1", "?", "x"], ColumnFormat("number", ("?",)))[1:] == (
        [False, True, False],
        [False, False, True],
    )


@pytest.mark.parametrize("word", ["-999", "-999.0", "-999.00", "-9.99e2"])
def test_a_number_for_a_gap_is_one_however_it_is_written(word):  # B18
    how = ColumnFormat("number", (word,))
    assert parse(["-999", "-999.00", "1.5", "-999.1"], how)[0] == [None, None, 1.5, -999.1]
    assert parse(pa.array([-999, 1]), how)[:2] == ([None, 1.0], [True, False])
    comma = ColumnFormat("number", (word,), NumberFormat(","))
    assert parse(["-999,00", "1,5"], comma)[0] == [None, 1.5]


def test_numbers_that_do_not_fit_are_wrong_and_say_why():
    parsed = column_format.parse(
        "x", pa.array(["5 kg", "x", "inf"]), ColumnFormat("number", (), NumberFormat(unit="kg"))
    )
    assert parsed.is_wrong.tolist() == [False, True, True]
    assert parsed.rule == "not a finite number (unit 'kg')"
    assert column_format.parse("x", pa.array(["x"]), NUMBER).rule == "not a finite number"


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (pa.array([1, None, 3], pa.int8()), [1, None, 3]),
        (pa.array([2**63 - 1, None], pa.int64()), [float(2**63 - 1), None]),
        (pa.array([0.5, None, np.nan]), [0.5, None, None]),
        (pa.array([0.5, None], pa.float32()), [0.5, None]),
        (pa.array([Decimal("1.25"), None]), [1.25, None]),
        (pa.array([5, None, 5]).dictionary_encode(), [5, None, 5]),
        (pa.array(["5", None, "1.5"]).dictionary_encode(), [5, None, 1.5]),
        (pa.array([None, None]), [None, None]),
        (pa.array([], pa.float64()), []),
    ],
    ids=str,
)
def test_numbers_of_parquet(cells, values):
    assert parse(cells, NUMBER)[0] == values


def test_what_is_not_finite_or_no_number_in_parquet_is_wrong():
    assert parse(pa.array([1.0, np.inf, -np.inf, None]), NUMBER)[2] == [False, True, True, False]
    assert parse(pa.array([True, None]), NUMBER)[1:] == ([False, True], [True, False])
    assert parse(pa.array([[1], None]), NUMBER)[1:] == ([False, True], [True, False])


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (pa.array([True, None, False]), ["True", None, "False"]),
        (pa.array([1, None, 3]), ["1", None, "3"]),
        (pa.array([1.0, None, 0.1]), ["1.0", None, "0.1"]),
        (pa.array([Decimal("1.50"), None]), ["1.50", None]),
        (pa.array([datetime.date(2020, 1, 2), None]), ["2020-01-02", None]),
        (pa.array(["a ", None, "b"]).dictionary_encode(), ["a", None, "b"]),
        (pa.array(["a ", None], pa.large_string()), ["a", None]),
    ],
    ids=str,
)
def test_categories_of_parquet_are_as_in_csv(cells, values):
    assert parse(cells, CATEGORY)[0] == values


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_dates_of_parquet(unit):
    when = pa.array([datetime.datetime(2020, 1, 2, 3, 4), None], pa.timestamp(unit))
    text = column_format.clean_cells(when).to_pylist()[0]
    assert text.startswith("2020-01-02 03:04:00")
    pattern = "%Y-%m-%d %H:%M:%S" + ("" if unit == "s" else ".%f")
    how = ColumnFormat("date", date=DateFormat(pattern, ("year", "hour"), "2020-01-01"))
    parsed = column_format.parse("at", when, how)
    assert {name: values[0] for name, values in parsed.features.items()} == {
        "at year": 2020,
        "at hour": 3,
    }
    assert (parsed.is_gap.tolist(), parsed.is_wrong.tolist()) == ([False, True], [False, False])


def test_dates_of_text():
    how = ColumnFormat("date", ("?",), date=DateFormat("%d.%m.%Y", ("year",), "2020-01-01"))
    parsed = column_format.parse("at", pa.array([" 02.01.2021 ", "?", "x"]), how)
    assert parsed.is_gap.tolist() == [False, True, False]
    assert parsed.is_wrong.tolist() == [False, False, True]
    assert parsed.rule == "not a date like %d.%m.%Y"
    assert parsed.features["at year"][0] == 2021


def test_the_features_of_a_column_and_their_kinds():
    date = ColumnFormat("date", date=DateFormat("%Y", ("year", "days"), "2020-01-01"))
    assert date.features("at") == {"at year": "number", "at days": "number"}
    assert NUMBER.features("x") == {"x": "number"}
    assert CATEGORY.features("x") == {"x": "category"}


def test_a_type_without_text_is_named():
    assert (
        column_format.clean_cells(pa.array([[1], [2]])).to_pylist() == ["<list<item: int64>>"] * 2
    )
