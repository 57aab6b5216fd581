"""What is counted block by block does not depend on the blocks."""

import itertools
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winenet.init import column_profile
from winenet.init.column_profile import ColumnProfile

TEXTS = st.sampled_from(
    ["", "a", "b", "NA", "1", "2", "3.0", "-4", "5.5", "1e3", "+6", "1e999", "é"]
)


def profiled(texts: list[str | None], block: int = 10**9) -> ColumnProfile:
    profile = ColumnProfile()
    for start in range(0, len(texts), block):
        profile.add(pa.array(texts[start : start + block], pa.string()))
    return profile


@given(st.lists(st.none() | TEXTS, max_size=60), st.integers(1, 20))
@settings(max_examples=300, deadline=None)
def test_any_blocks_give_the_same_counts_as_counting_all(texts, block):
    profile = profiled(texts, block)
    assert profile.rows == len(texts)
    expected = Counter(text or "" for text in texts)
    assert profile.counts == expected
    assert list(profile.counts) == list(expected)  # in the order of the rows
    present = [text for text in texts if text and text != "NA"]
    finite = [float(t) for t in present if t not in ("a", "b", "é", "1e999")]
    assert profile.low == min(finite, default=np.inf)
    assert profile.high == max(finite, default=-np.inf)
    evidence = profile.id_evidence
    whole = {"1", "2", "3.0", "-4", "+6"}
    assert evidence.rows == len(present)
    assert evidence.all_integers == (set(present) <= whole)
    assert evidence.all_text == (set(present) <= {"a", "b", "é"})
    assert evidence.longest == max(map(len, present), default=0)
    falls = sum(b <= a for a, b in itertools.pairwise(finite))
    assert evidence.is_rising == (falls <= 1)


@given(st.lists(st.integers(0, 200).map(str), max_size=80), st.integers(1, 20))
@settings(max_examples=200, deadline=None)
def test_different_cells_are_counted_exactly_where_an_id_is_possible(texts, block):
    evidence = profiled(texts, block).id_evidence
    assert evidence.distinct >= len(set(texts))
    if len(set(texts)) >= 0.9 * len(texts):
        assert evidence.distinct == len(set(texts))


def test_many_texts_overflow_and_words_for_a_gap_are_still_counted(monkeypatch):
    monkeypatch.setattr(column_profile, "MAX_DISTINCT", 10)
    texts = [f"t{n}" for n in range(50)]
    profile = profiled([*texts[:8], *texts, "NULL", "t0", "NULL", "new"], block=8)
    assert profile.overflowed
    assert profile.counts["NULL"] == 2  # which comes late
    assert profile.counts["t0"] == 3
    assert "new" not in profile.counts
    assert len(profile.counts) < 30
    assert not profiled(texts[:10]).overflowed


def test_an_id_of_many_rows_is_counted_in_little_time():
    profile = ColumnProfile()
    sorted_rows = 0
    unique, real = np.unique, np.unique

    def counting(array: np.ndarray) -> np.ndarray:
        nonlocal sorted_rows
        sorted_rows += len(array)
        return real(array)

    column_profile.np.unique = counting
    try:
        for start in range(0, 40_000, 200):
            profile.add(pa.array(list(map(str, range(start, start + 200)))))
        assert profile.id_evidence.distinct == 40_000
    finally:
        column_profile.np.unique = unique
    assert sorted_rows < 4 * 40_000  # once per block, it would be 100 times as many


@pytest.mark.parametrize("rows", [0, 1])
def test_nothing_and_one_row(rows):
    evidence = profiled(["5"] * rows).id_evidence
    assert (evidence.rows, evidence.distinct) == (rows, rows)
