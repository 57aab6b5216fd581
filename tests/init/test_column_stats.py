"""What is said of a column's cells, read some rows at a time, is what all of them at once show."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winenet.init import column_stats
from winenet.init.column_stats import ColumnStats

CELLS = st.sampled_from(["", "NA", "a", "1", "01", "2", "-3", "0.5", "1e3", "inf", "nan", " 7"])


def of(cells: list[str], *, step: int = 3, words: tuple[str, ...] = ()) -> ColumnStats:
    """Return the tally of cells that come some at a time."""
    made = ColumnStats(words)
    for start in range(0, len(cells), step):
        made.add(pd.Series(cells[start : start + step], dtype="str"))
    return made


@pytest.mark.parametrize("most", [2, 10_000])
@given(cells=st.lists(CELLS, max_size=20), step=st.integers(1, 5))
def test_the_pieces_tell_what_the_whole_shows(most: int, cells: list[str], step: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(column_stats, "MAX_DISTINCT", most)
        found = of(cells, step=step)
    values = pd.to_numeric(pd.Series(cells, dtype="object"), errors="coerce").astype("float64")
    finite = np.isfinite(values).to_numpy()
    numbers, numerals = values[finite], pd.Series(cells, dtype="object")[finite]

    others = pd.Series(cells, dtype="object")[~finite]
    assert list(found.text_counts.items()) == list(others.value_counts(sort=False).items())
    assert found.overflowed == (numerals.nunique() > most)
    assert dict(found.number_counts) == (
        {} if found.overflowed else numerals.value_counts().to_dict()
    )
    assert found.rows == len(numbers)
    assert (found.low, found.high) == (
        (numbers.min(), numbers.max()) if len(numbers) else (np.inf, -np.inf)
    )
    assert found.all_integers == all(number.is_integer() for number in numbers)
    assert found.all_distinct == (found.all_integers and numerals.is_unique)


def test_a_number_that_stands_for_a_gap_is_a_word() -> None:
    found = of(["5", "-999", "7", "-999"], words=("-999",))

    assert dict(found.text_counts) == {"-999": 2}
    assert (found.low, found.high, found.rows) == (5, 7, 2)


def test_of_many_numbers_no_text_stays() -> None:
    ids = [str(number) for number in range(column_stats.MAX_DISTINCT + 1)]

    found = of([*ids, "x"], step=4_000)

    assert found.overflowed
    assert not found.number_counts
    assert dict(found.text_counts) == {"x": 1}
    assert found.all_distinct
    assert not of([*ids, "0"], step=4_000).all_distinct


def test_numbers_too_long_for_a_double_still_differ() -> None:
    assert of([str(2**60 + number) for number in range(10)]).all_distinct
