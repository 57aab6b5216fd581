"""How a column is read is decided from what its other cells are, and said."""

import shlex

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winenet.data import column_format
from winenet.data.column_format import clean_cells
from winenet.init import column_profile
from winenet.init.column_profile import ColumnProfile
from winenet.init.infer_column import ColumnOptions, InferredColumn, infer_column
from winenet.init.read_tables import GuessError

RNG = np.random.default_rng(0)
AGES = [str(18 + n % 60) for n in range(200)]


def infer(texts: list, name: str = "x", **options: object) -> InferredColumn:
    profile = ColumnProfile()
    cells = pa.array([None if text is None else str(text) for text in texts], pa.string())
    profile.add(clean_cells(cells))
    return infer_column(name, profile, ColumnOptions(**options))


def values(texts: list, column: InferredColumn) -> dict[str, list]:
    """Return what training makes of the cells; none may be wrong."""
    assert column.how is not None
    parsed = column_format.parse("x", pa.array([str(text) for text in texts]), column.how)
    assert not parsed.is_wrong.any()
    return {name: list(numbers) for name, numbers in parsed.features.items()}


def refused(texts: list, name: str = "x", **options: object) -> str:
    with pytest.raises(GuessError) as caught:
        infer(texts, name, **options)
    return str(caught.value)


# ------------------------------------------------------------------ gaps


@pytest.mark.parametrize(
    "word",
    [
        *("NULL", "n/a", "nan", "N.A.", "#N/A", "<NA>", "none", "nil", "-", "--", "unknown"),
        *("missing", "?", "NA", "None", ".", "#DIV/0!", "Null"),
    ],
)
@pytest.mark.parametrize("every", [2, 6, 50])
def test_a_word_for_a_gap_leaves_numbers_numbers_at_any_share(word, every):  # B1
    texts = [word if n % every == 0 else age for n, age in enumerate(AGES)]
    column = infer(texts, "age")
    assert column.how == column_format.ColumnFormat("number", (word,))
    present = sorted(int(text) for text in texts if text != word)
    assert column.seen == f"{present[0]} to {present[-1]}; {texts.count(word)} missing"
    numbers = values(texts, column)["x"]
    assert np.isnan(numbers).sum() == texts.count(word)


def test_none_of_a_column_of_words_is_a_level_and_said():  # T4
    column = infer(["None", "One", "Two"] * 20, "children")
    assert column.how == column_format.ColumnFormat("category")
    assert column.seen == "3 texts: None, One, Two"
    assert column.notes == [
        "'None' (20 rows) is kept as a level; if it means that the value is missing, add "
        "`--na-value=children=None`"
    ]
    asked = infer(["None", "One", "Two"] * 20, "children", na_values=["None"])
    assert asked.how.na_values == ("None",)
    assert asked.notes == []


def test_one_text_or_a_gap_is_information():  # T3
    column = infer(["", "yes"] * 5, "pool")
    assert column.how == column_format.ColumnFormat("category")
    assert column.seen == "yes or missing (5 of 10 rows)"
    assert infer(["yes"] * 10).seen == "always yes; no information"


def test_two_texts_in_few_rows_are_no_ids():  # T12
    column = infer(["", "yes", "", "no", "", "", "", "", "", ""], "again")
    assert column.how == column_format.ColumnFormat("category")
    assert column.seen == "2 texts: yes, no; 8 missing"


def test_nothing_is_told_as_nothing():
    assert infer(["", None, ""]).seen == "no value in any row"
    assert infer(["NA", ""] * 5).seen == "nothing but 'NA'"
    assert infer([]).seen == "no value in any row"


def test_signs_may_be_levels():
    assert infer(["$", "$$", "$$$"] * 10).how == column_format.ColumnFormat("category")
    assert infer(["+", "-"] * 10).seen == "+ or missing (10 of 20 rows)"


@pytest.mark.parametrize("given_word", ["-999", "-999.00"])
def test_a_number_for_a_gap_is_not_in_the_range(given_word):  # B18
    texts = ["-999.00", *(f"{n / 100}" for n in range(120))]
    column = infer(texts, na_values=[given_word])
    assert column.seen == "0 to 1.19; 1 missing"
    assert np.isnan(values(texts, column)["x"][0])


def test_a_sentinel_is_named_and_kept_and_its_cure_keeps_the_known_words():
    texts = ["-200"] * 9 + ["NA", *(f"{n / 7:.1f}" for n in range(300))]
    column = infer(texts)
    assert column.seen.startswith("-200 to ")
    assert column.notes == [
        "-200 stands apart in 9 rows; it is kept as a number. If it means that the value is "
        "missing, add `--na-value=x=-200`"
    ]
    again = infer(texts, na_values=["-200"])
    assert (again.seen.split(";")[1], again.notes) == (" 10 missing", [])


def test_a_sentinel_with_a_decimal_comma_is_one_number_however_it_is_written():
    texts = ["-200,0", "-200"] * 5 + [f"{n},{n % 10}" for n in range(60)]
    assert infer(texts).notes[1].endswith("add `--na-value=x=-200`")
    column = infer(texts, na_values=["-200"])
    assert column.seen == "0 to 59.9; 10 missing"
    assert np.isnan(values(texts, column)["x"]).sum() == 10
    assert infer(["-200,0", "-200,00"], na_values=["-200"]).seen == "no value in any row"


def test_a_column_of_what_broken_lines_leave_is_none():
    assert infer(["", ",", ",,", ",,,", ",,"] * 5).seen == (
        "nothing but separators, such as ',', ',,', ..."
    )


def test_an_id_that_repeats_is_kept_and_said():
    column = infer([n % 50 for n in range(500)], "brewery_id")
    assert column.notes == ["named like an id, but repeats; if it is one, add `--drop=brewery_id`"]


def test_what_the_user_names_is_a_gap_though_it_comes_late(monkeypatch):
    monkeypatch.setattr(column_profile, "MAX_DISTINCT", 50)
    texts = [f"{n}.5" for n in RNG.permutation(300)]
    profile = ColumnProfile()
    for start in (0, 100, 200):
        profile.add(pa.array([*texts[start : start + 100], *["-999"] * (start == 200)]))
    column = infer_column("x", profile, ColumnOptions(na_values=["-999"]))
    assert np.isnan(values([*texts, "-999"], column)["x"][-1])


# ------------------------------------------------------------------ numbers


@pytest.mark.parametrize(
    ("texts", "words", "first"),
    [
        ([f"${n * 1000.5:,.2f}" for n in range(1, 41)], "',' between thousands, unit '$'", 1000.5),
        ([f"{7509045 + n * 3331:,}" for n in range(40)], "',' between thousands", 7509045),
        ([f"{n}%" for n in RNG.permutation(100)[:40]], "unit '%'", None),
        ([f"1.{n:03d},5" for n in range(100, 140)], "decimal comma, '.' between", 1100.5),
        ([f"{n} kg" for n in RNG.permutation(100)[:40]], "unit 'kg'", None),
        ([f"({n}.45)" for n in range(123, 160)] + ["5.00"], "(5) for -5", -123.45),
        (["70%", "75%", "70%", "65%", "75%"] * 2, "unit '%'", 70),  # T11
        (["$8.75 ", "$2.39 "] * 20, "unit '$'", 8.75),
        (["-", "-", *(f"${3 * n}M" for n in range(30))], "unit '$#M'", None),
    ],
    ids=lambda value: str(value)[:20],
)
def test_prices_and_the_like_are_numbers_though_each_row_has_another(texts, words, first):  # B2
    column = infer(texts)
    assert column.how is not None
    assert column.how.kind == "number"
    assert words in column.notes[0]
    if first is not None:
        assert values([texts[0].strip()], column)["x"] == [first]


def test_one_dash_does_not_hide_decimal_commas():  # B5
    texts = [f"{n},{n % 10}" for n in range(40)] + ["-"]
    column = infer(texts)
    assert column.how.number.decimal == ","
    assert column.how.na_values == ("-",)


def test_two_readings_are_refused_with_both_and_each_cure_works():  # B4
    texts = [f"{n},{n * 7:03d}" for n in range(20, 60)]
    told = refused(texts, "price")
    assert "can be read as 20.14 (a decimal comma) or as 20,140 (a comma between" in told
    assert infer(texts, decimal=",").seen == "20.14 to 59.413"
    assert infer(texts, decimal=".").seen == "20140 to 59413"


def test_texts_among_numbers_are_refused_and_the_cure_works():
    texts = [*AGES, "NA", "x y", "x y", "--z"]
    told = refused(texts, "a b")
    assert "Column 'a b' holds numbers, but not in 3 cells ('x y', '--z')" in told
    assert told.endswith("`--drop='a b'`.")
    flags = shlex.split(told.partition("say so: `")[2].partition("`. Else")[0])
    names = [flag.removeprefix("--na-value=") for flag in flags]
    assert infer(texts, na_values=names).seen == "18 to 77; 4 missing"
    many = [*(f"{n}.5" for n in range(100)), *["abc"] * 40]
    assert "not in 40 cells ('abc')" in refused(many)


def test_numbers_that_are_not_written_in_one_way_are_refused():
    texts = [f"{n}.{n % 7 + 1}" for n in range(30)] + [f"{n},{n % 7 + 1}" for n in range(30)]
    assert "numbers that are not written in one way" in refused(texts)


@pytest.mark.parametrize(
    "texts",
    [
        [f"{n}.{n % 7}.{n % 5}" for n in range(50)] * 2,  # versions
        [f"10.0.{n}.1" for n in range(50)] * 2,
        [f"{n:05d}" for n in range(5000, 15000, 200)] * 2,  # leading zeros
        ["<=50K", ">50K"] * 30,
        [f"{n}-{n + 9}" for n in range(0, 100, 10)] * 5,
        ["A11", "A12", "A13"] * 20,
    ],
    ids=lambda texts: texts[0],
)
def test_codes_are_categories(texts):
    column = infer(texts)
    assert column.how == column_format.ColumnFormat("category")
    assert set(values(texts, column)["x"]) == set(texts)


def test_tickets_are_names_and_no_spoilt_numbers():
    texts = [str(n) for n in RNG.choice(10**6, 300, replace=False)]
    texts += [f"A/{n} {n * 13}" for n in range(150)] + texts[:40]
    assert "names, ids or free text" in infer(texts, "Ticket").seen


# ------------------------------------------------------------------ ids, dates, categories


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("Unnamed: 0", [n for n in range(200) if n % 9]),
        ("customer_id", [*RNG.choice(10**6, 100, replace=False), ""]),
        ("x", [10**18 + n * 7919 for n in RNG.permutation(100)]),
        ("an 'id", [f"a{n}" for n in range(50)]),
    ],
)
def test_ids_are_left_out_and_the_cure_brings_them_back(name, texts):  # B6
    column = infer(texts, name)
    assert column.how is None
    flag = column.seen.partition("`")[2].partition("`")[0]
    assert shlex.split(flag) == [f"--keep={name}"]
    assert infer(texts, name, keep=[name]).how is not None


@pytest.mark.parametrize(
    "texts",
    [
        [f"2020-{1 + n // 28:02d}-{1 + n % 28:02d}" for n in range(60)],
        [f"2020-03-{1 + n % 28:02d} {n % 24:02d}:30:00" for n in range(60)],
    ],
)
def test_dates_are_dates_though_each_row_has_another(texts):  # T10
    column = infer(texts, "when")
    assert column.how is not None
    assert column.how.kind == "date"
    assert column.notes[0].startswith(f"dates like '{texts[0]}' become ")
    assert len(values(texts, column)) == len(column.how.date.parts)


def test_days_and_months_in_doubt_are_said():
    column = infer(["01/02/2020", "03/04/2021", "05/06/2020"] * 10)
    assert "read as %m/%d/%Y, and %d/%m/%Y would fit as well" in column.notes[0]


def test_texts_among_dates_are_refused_and_not_found_by_ingest_alone():
    texts = [f"2020-01-{1 + n % 28:02d}" for n in range(100)] + ["soon"]
    assert "holds dates like %Y-%m-%d, but not in 1 cell ('soon')" in refused(texts)
    assert infer(texts, na_values=["soon"]).how.kind == "date"


def test_dates_that_do_not_vary_and_dates_with_gaps():
    assert infer(["2020-01-05", "?", "2020-02-05"] * 9).seen == "dates from 2020-01-05; 9 missing"
    assert infer(["2020-01-05"] * 9).seen == "always 2020-01-05; no information"


def test_free_text_is_left_out_and_said():
    texts = [f"a long story about the number {n} and what became of it" for n in range(60)]
    assert "60 different texts in 61 rows: free text" in infer([*texts, texts[0]]).seen
    assert infer([*texts, texts[0]], keep=["x"]).how is not None


def test_levels_that_differ_in_case_are_pointed_out():
    notes = infer(["Yes", "yes", "no", "a b", "a  b"] * 10).notes
    assert notes == ["'Yes', 'yes' differ in case or blanks only, and are 2 levels; 1 more such"]


def test_whole_numbers_that_may_be_codes_are_pointed_out():
    assert infer([1, 2, 3] * 10).seen == "1 to 3; 3 whole numbers: category, if they are codes"


# ------------------------------------------------------------------ never silent


@given(
    st.integers(0, 2**31),
    st.sampled_from([0.01, 0.05, 0.2, 0.6]),
    st.sampled_from(
        ["NULL", "n/a", "abc", "-", "12 kg", "$5", "1,5", "007", "2020-01-05", "<3", "1.2.3", "(7)"]
    ),
)
@settings(max_examples=150, deadline=None)
def test_spoilt_numbers_are_right_or_gaps_or_said(seed, share, word):
    rng = np.random.default_rng(seed)
    clean = [f"{number:.2f}" for number in rng.normal(50, 20, 200)]
    is_spoilt = rng.random(200) < share
    texts = [word if spoilt else text for spoilt, text in zip(is_spoilt, clean, strict=True)]
    try:
        column = infer(texts)
    except GuessError:
        return
    if column.how is None:
        assert "different texts" in column.seen or "another text" in column.seen
    elif column.how.kind == "number":
        known = ~is_spoilt
        read = np.array(values(texts, column)["x"])
        assert (read[known] == np.array(clean, dtype=float)[known]).all()
        meant = {"12 kg": 12, "$5": 5, "007": 7, "<3": 3, "(7)": -7}.get(word, np.nan)
        assert np.array_equal(read[~known], np.full((~known).sum(), meant), equal_nan=True)
        assert column.notes or np.isnan(meant) or word == "007" or not is_spoilt.any()
    else:
        assert share > 0.05  # mostly the word
