"""A feature that gives the label away is found; random ones never are, however small the table."""

import numpy as np
import pandas as pd
import pytest

from winenet.data import leaks
from winenet.data.leaks import Leak


def find(y: list | np.ndarray, **features: object) -> list[Leak]:
    return leaks.find_leaks(pd.DataFrame(features), pd.Series(y))


def test_the_label_in_words_is_found():  # T2
    survived = [0, 1] * 5
    alive = ["no", "yes"] * 5
    size = [1, 2, 3] * 3 + [1]
    assert find(survived, size=size, alive=alive) == [Leak("alive", 1.0, "its 2 levels")]


def test_a_gap_may_be_the_label():  # T3
    pool = pd.Series([None, "yes"] * 5, dtype="str")
    assert find([0, 1] * 5, pool=pool) == [Leak("pool", 1.0, "its 2 levels")]
    number = [np.nan, 5.0, np.nan, 6.0, np.nan, 7.0] * 10
    assert find([0, 1] * 30, number=number)[0].how == "whether it is missing"


def test_a_gap_is_not_an_empty_text():
    column = pd.Series(["", None] * 20, dtype="str")
    assert find([0, 1] * 20, column=column) == [Leak("column", 1.0, "its 2 levels")]


def test_the_row_number_of_a_sorted_file_is_found_with_its_cut():
    found = find([0] * 40 + [1] * 60, row=np.arange(100.0))
    assert found == [Leak("row", 1.0, "the cut at 39.5")]
    found = find([0] * 30 + [2] * 30 + [1] * 40, row=np.arange(100.0))
    assert found == [Leak("row", 1.0, "the cuts at 29.5, 59.5")]


def test_codes_that_are_numbers_are_looked_at_one_by_one():
    code = np.tile([1, 2, 3, 4, 5, 6], 20)
    assert find(code % 2, code=code) == [Leak("code", 1.0, "its 6 levels")]


def test_nearly_all_rows_are_enough_and_the_share_is_told():
    y = np.repeat([0, 1], 500)
    nearly, less = y.astype(float), y.astype(float)
    nearly[:5], less[:11] = 1, 1
    found = find(y, nearly=nearly, less=less, text=pd.Series(less).map({0: "a", 1: "b"}))
    assert [(leak.feature, leak.share) for leak in found] == [("nearly", 0.995)]


def test_a_rare_class_that_is_missed_is_no_leak():
    y = np.zeros(1000, dtype=int)
    y[:6] = 1  # saying 0 always is right in 99.4 % of the rows
    assert find(y, constant=np.ones(1000), text=["a"] * 1000, x=np.arange(1000.0) % 7) == []
    assert find(y, same=y.astype(float))[0].share == 1


@pytest.mark.parametrize("scale", [1e-300, 1.0, 1e9, 1e300])
def test_numbers_beyond_32_bits_are_told_apart(scale):
    row = (1 + np.arange(100) * 1e-10) * scale
    found = find(np.repeat([0, 1], 50), row=row)
    assert [leak.share for leak in found] == [1.0]
    assert found[0].how.startswith("the cut at 1e" if scale != 1 else "the cut at 1")


def test_the_largest_numbers_have_a_cut_between_them():
    found = find([0] * 20 + [1] * 20, x=[1.6e308] * 20 + [1.7e308] * 20)
    assert found[0].how == "the cut at 1.65e+308"


def test_without_rows_or_with_one_class_nothing_leaks():
    assert find([], x=[]) == []
    assert find([1, 1, 1], x=[1, 2, 3], t=["a", "a", "b"]) == []
    assert leaks.find_leaks(pd.DataFrame(index=range(3)), pd.Series([0, 1, 0])) == []


@pytest.mark.parametrize("rows", [4, 8, 12, 20, 30, 60, 200, 1000])
@pytest.mark.parametrize("classes", [2, 3])
def test_random_features_give_no_alarm(rows, classes):
    rng = np.random.default_rng(rows + classes)
    tables, columns, alarms = 12, 12, 0
    for _ in range(tables):
        y = rng.integers(classes, size=rows)
        X = pd.DataFrame(
            {
                f"x{place}": rng.normal(size=rows)
                if place % 3 == 0
                else rng.integers(place + 1, size=rows).astype(float)
                if place % 3 == 1
                else pd.Series(rng.choice(list("abcdefghijkl")[: place + 1], size=rows))
                for place in range(columns)
            }
        )
        alarms += len(leaks.find_leaks(X, pd.Series(y)))
    # By chance one of a hundred features of a dozen rows may divide them.
    assert alarms <= (tables * columns * leaks.MAX_CHANCE if rows <= 12 else 0)


def test_a_rare_class_in_random_data_gives_no_alarm():
    rng = np.random.default_rng(0)
    for rows in (20, 60, 120):
        y = np.zeros(rows, dtype=int)
        y[:1] = 1
        X = pd.DataFrame({f"x{place}": rng.normal(size=rows) for place in range(60)})
        X["extreme"] = np.arange(float(rows))
        assert leaks.find_leaks(X, pd.Series(y)) == []


def test_levels_that_name_rows_are_no_groups():
    names = [f"name {place // 2}" for place in range(60)]
    assert find(np.repeat(np.random.default_rng(0).integers(2, size=30), 2), name=names) == []


def test_of_many_rows_a_sample_decides_whether_all_are_looked_at(monkeypatch) -> None:
    draws = np.random.default_rng(1)
    y = pd.Series(draws.integers(0, 2, 30_000))
    wrong = draws.permutation(30_000)[:290]
    leak = y + draws.random(30_000) / 2
    leak[wrong] = 1 - y[wrong] + draws.random(290) / 2
    X = pd.DataFrame({"noise": draws.normal(size=30_000), "leak": leak})
    found = leaks.find_leaks(X, y)
    assert [each.feature for each in found] == ["leak"]
    assert 0.990 < found[0].share < 0.992  # of all rows
    monkeypatch.setattr(leaks, "SCREENED", 30_000)
    assert leaks.find_leaks(X, y) == found
