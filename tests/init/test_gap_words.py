"""Words and numbers that stand for a gap."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winenet.init import gap_words
from winenet.init.gap_words import Sentinel

WORDS = [  # of issue 17 and B1
    *(
        "NA",
        "N/A",
        "n/a",
        "NULL",
        "Null",
        "None",
        "none",
        "nan",
        "NaN",
        "nil",
        "missing",
        "Unknown",
    ),
    *("?", "-", "--", ".", "#N/A", "#DIV/0!", "<NA>", "N.A."),
]


@pytest.mark.parametrize("word", WORDS)
def test_each_word_is_a_gap_among_numbers(word):
    assert gap_words.gap_words({"1": 5, word: 3, "": 2}, is_category=False) == [word]


@pytest.mark.parametrize("word", ["None", "unknown", "Missing", "-", "nil"])
def test_words_that_may_be_levels_are_levels_among_categories(word):  # T4
    assert gap_words.gap_words({"a": 5, word: 3}, is_category=True) == []


@pytest.mark.parametrize("word", ["NA", "n/a", "NULL", "?", "#N/A", "nan", "<NA>"])
def test_other_words_are_gaps_among_categories_too(word):
    assert gap_words.gap_words({"a": 5, word: 3}, is_category=True) == [word]


def test_other_texts_are_no_gaps():
    texts = dict.fromkeys(["", "no", "0", "name", "nano", "N", "navy", "-1", "unknowns", "a."], 1)
    assert gap_words.gap_words(texts, is_category=False) == []


def sentinel(numbers: list[float] | np.ndarray, odd: float, times: int) -> Sentinel | None:
    texts = [f"{number:g}" for number in numbers]
    counts: dict[str, int] = {}
    for text in [*texts, *[f"{odd:g}" if abs(odd) < 1e5 else repr(odd)] * times]:
        counts[text] = counts.get(text, 0) + 1
    return gap_words.find_sentinel(counts, {text: float(text) for text in counts})


MEASURED = np.random.default_rng(0).normal(100, 15, 500).round(1)


@pytest.mark.parametrize(
    "odd", [-999, -200, -1, -9999, 999, 9999, 99999, 999999.0, 9999999.0, 99999999.0, 999.9, 0]
)
def test_a_repeated_number_apart_from_the_rest_is_found(odd):
    found = sentinel(MEASURED, odd, 20)
    assert found is not None
    assert (float(found.text), found.rows) == (odd, 20)


@pytest.mark.parametrize(
    ("odd", "times"), [(-999, 1), (-999, 2), (500, 20), (-999.5, 20), (99, 20)]
)
def test_what_is_rare_or_no_usual_sentinel_is_not_named(odd, times):
    assert sentinel(MEASURED, odd, times) is None


def test_among_few_numbers_only_what_nobody_measures_is_named():
    assert sentinel([1, 2, 3, 4] * 5, -999, 4) == Sentinel("-999", 4)
    assert sentinel([1, 2] * 5, 999, 4) == Sentinel("999", 4)
    for odd in (-1, 0, 9, 50, 99):
        assert sentinel([1, 2, 3, 4] * 5, odd, 4) is None


def test_zeros_stand_apart_where_nothing_is_near_them_and_not_in_counts():
    glucose = np.random.default_rng(0).integers(44, 199, 700)
    assert sentinel(glucose, 0, 5) == Sentinel("0", 5)
    insulin = 14 + np.random.default_rng(0).exponential(140, 400).round()
    assert sentinel(insulin, 0, 370) == Sentinel("0", 370)
    visits = np.random.default_rng(0).poisson(3, 500)
    assert sentinel(visits + 1, 0, 30) is None
    spent = np.random.default_rng(0).exponential(100, 500).round()
    assert sentinel(spent[spent > 0], 0, 20) is None


def test_two_spellings_of_a_number_count_together():
    counts = {str(n): 1 for n in range(100, 130)} | {"-999": 2, "-999.0": 2}
    found = gap_words.find_sentinel(counts, {text: float(text) for text in counts})
    assert found == Sentinel("-999", 4)


def test_few_numbers_and_none_have_no_sentinel():
    assert sentinel(list(range(1, 10)), -1, 50) is None
    assert gap_words.find_sentinel({}, {}) is None
    assert sentinel([n * 1e307 for n in range(-15, 16)], -1.7e308, 5) is None  # no overflow


@given(st.integers(0, 2**31), st.sampled_from(["normal", "exponential", "uniform", "poisson"]))
@settings(max_examples=200, deadline=None)
def test_clean_random_data_has_no_sentinel(seed, kind):
    rng = np.random.default_rng(seed)
    draw = {
        "normal": lambda: rng.normal(50, 10, 300).round(),
        "exponential": lambda: rng.exponential(20, 300).round(1),
        "uniform": lambda: rng.integers(0, 101, 300),
        "poisson": lambda: rng.poisson(rng.integers(1, 30), 300),
    }
    assert sentinel(draw[kind](), 50, 0) is None
