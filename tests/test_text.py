"""Numbers with their nouns."""

import pytest

from winenet.text import count, plural


@pytest.mark.parametrize(
    ("number", "nouns", "expected"),
    [
        (0, ("row",), "0 rows"),
        (1, ("row",), "1 row"),
        (3, ("row",), "3 rows"),
        (12_345, ("row",), "12,345 rows"),
        (1, ("class", "classes"), "1 class"),
        (2, ("class", "classes"), "2 classes"),
    ],
)
def test_a_number_stands_before_its_noun(number, nouns, expected):
    assert count(number, *nouns) == expected
    assert plural(number, *nouns) == expected.split()[1]


def test_a_verb_has_its_own_plural():
    assert [plural(number, "differs", "differ") for number in (1, 2)] == ["differs", "differ"]
