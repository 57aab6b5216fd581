"""Columns that name rows are recognised, and measurements are not."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winenet.data.column_format import clean_cells
from winenet.init import ids
from winenet.init.column_profile import ColumnProfile


def why(name: str, texts: list) -> str | None:
    profile = ColumnProfile()
    profile.add(clean_cells(pa.array([None if t is None else str(t) for t in texts], pa.string())))
    return ids.why_id(name, profile.id_evidence)


T1 = [1000025, 1002945, 1015425, 1016277, 1017023, 1017122, 1018099, 1018561, 1018561, 1033078]
RNG = np.random.default_rng(0)
UNORDERED = RNG.choice(10**6, 200, replace=False).tolist()


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("Id", T1),
        ("policy_number", UNORDERED),
        ("customer_id", [*UNORDERED, UNORDERED[0]]),  # B6: one repeat
        ("customer_id", [None, "NA", *UNORDERED]),  # an empty cell
        ("account_number", UNORDERED),
        ("phone", [f"555-{n:07d}" for n in UNORDERED]),
        ("Unnamed: 0", [n for n in range(300) if n % 7]),  # holes
        ("Unnamed: 0", [f"{n}.0" for n in range(50)]),
        ("unnamed 1", ["Mazda", "Fiat", "Ford"]),
        ("userId", UNORDERED),
        ("customerid", UNORDERED),
        ("PassengerId", range(1, 892)),
    ],
    ids=str,
)
def test_an_id_by_its_name(name, texts):
    assert why(name, list(texts)) == "an id by its name, and nearly every row has another"


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (range(50), "rise from row to row: a row number"),
        ([n for n in range(100) if n % 7], "rise from row to row: a row number"),
        ([*range(25), *range(24, 50)], "rise from row to row: a row number"),  # a repeat
        (RNG.permutation(100), "without repeats or holes: a row number or an id"),
        ([10**18 + n * 7919 for n in UNORDERED], "12 digits or more"),
        ([f"{n:012d}" for n in UNORDERED], "12 digits or more"),
        ([f"{n}.0" for n in range(50)], "rise from row to row"),
        ([f"name {n}" for n in range(30)], "another text in each row: a name or an id"),
    ],
    ids=str,
)
def test_an_id_by_nature(texts, words):
    assert words in why("x", list(texts))


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("again", [None] * 8 + ["yes", "no"]),  # T12
        ("x", RNG.normal(size=200).round(3)),
        ("x", RNG.integers(100, size=200)),
        ("id", RNG.integers(20, size=200)),  # a name alone is not enough
        ("income", UNORDERED),
        ("income", sorted(UNORDERED)),
        ("paid", UNORDERED),
        ("humid", UNORDERED),
        ("grid", UNORDERED),
        ("valid_until", UNORDERED),
        ("x", range(10)),  # too few to tell
        ("x", ["a", "b", "c"] * 20),
        ("x", [*"abcdefghij", 1, 2]),
        ("id", []),
    ],
    ids=str,
)
def test_what_is_no_id(name, texts):
    assert why(name, list(texts)) is None


@given(st.integers(0, 2**31), st.integers(30, 300), st.integers(1, 6))
@settings(max_examples=100, deadline=None)
def test_random_measurements_are_no_ids(seed, rows, digits):
    numbers = np.random.default_rng(seed).normal(scale=1000, size=rows)
    assert why("income", [f"{number:.{digits}f}" for number in numbers]) is None
    assert why("income", [f"{number:.0f}" for number in numbers * 100]) is None


@pytest.mark.parametrize(
    "name",
    [
        "id",
        "ID",
        "Id",
        "user_id",
        "userId",
        "bikeID",
        "rentalKey",
        "order-no",
        "Row",
        "serial",
        "rowid",
        "item_nr",
    ],
)
def test_names_of_ids(name):
    assert ids.is_id_name(name)


@pytest.mark.parametrize(
    "name", ["", "paid", "idea", "id_type", "number_of_rooms", "acid", "12", "width"]
)
def test_names_of_no_ids(name):
    assert not ids.is_id_name(name)


def test_rising_allows_one_exception():
    assert ids.is_rising(np.array([1.0, 2, 2, 3]))
    assert not ids.is_rising(np.array([1.0, 2, 1, 2, 1]))
    assert ids.is_rising(np.array([]))
    assert pd.Series([1, 2]).is_monotonic_increasing
