"""Numbers as people write them: the same bits come back, and nothing else is read as a number."""

import math
import struct

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winenet.data import number_format
from winenet.data.number_format import AmbiguousNumbersError, NumberFormat

FINITE = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from(
    [-0.0, 5e-324, -2.2250738585072014e-308, 1.7976931348623157e308, 0.1 + 0.2, 1 / 3, 1e22, 123456]
)
FORMATS = [
    NumberFormat(decimal, thousands, unit, parentheses, limits)
    for decimal in (".", ",")
    for thousands in ("", *number_format.THOUSANDS)
    for unit in ("", "%", "€", "USD", "$#M", "sq.ft", "kg", "° N")
    for parentheses in (False, True)
    for limits in (False, True)
    if thousands != decimal
]


def bits(number: float) -> bytes:
    return struct.pack("<d", number)


def write(number: float, how: NumberFormat, blank: str, *, positional: bool, before: bool) -> str:
    """Return a number as a person would write it in a format."""
    negative = math.copysign(1, number) < 0
    text = repr(abs(number))
    if positional:
        text = np.format_float_positional(abs(number), trim="-")
    digits, exponent, power = text.partition("e")
    whole, point, fraction = digits.partition(".")
    if how.thousands:
        sign = blank if how.thousands == " " else how.thousands
        whole = f"{int(whole):,}".replace(",", sign)
    text = whole + point.replace(".", how.decimal) + fraction + exponent + power
    left, _, right = how.unit.rpartition("#")
    if not left and before:
        left, right = right, ""
    text = f"{left}{text}{right}" if len(right) < 2 else f"{left}{text} {right}"
    if negative and how.parentheses:
        return f"({text})"
    return f"{'-' if negative else ''}{text}"


def parse(texts: list[str | None], how: NumberFormat) -> tuple[list[float], list[bool]]:
    numbers, is_wrong = number_format.parse(pa.array(texts, pa.string()), how)
    return numbers.tolist(), is_wrong.tolist()


@pytest.mark.parametrize("positional", [False, True])
@given(
    st.lists(FINITE, min_size=1, max_size=8),
    st.sampled_from(FORMATS),
    st.sampled_from(number_format.BLANKS),
    st.booleans(),
)
@settings(max_examples=400, deadline=None)
def test_each_number_in_each_format_has_the_same_bits(positional, numbers, how, blank, before):
    texts = [write(n, how, blank, positional=positional, before=before) for n in numbers]
    read, is_wrong = parse(texts, how)
    assert not any(is_wrong), texts
    assert list(map(bits, read)) == list(map(bits, numbers)), texts


@given(FINITE)
@settings(max_examples=300, deadline=None)
def test_seventeen_digits_and_other_plain_forms_have_the_same_bits(number):
    texts = [f"{number:.17g}", f"{number:.16e}", repr(number).upper(), f"{number:+.17g}"]
    texts += [text.replace("-", "\u2212") for text in texts]
    read, is_wrong = parse(texts, NumberFormat())
    assert not any(is_wrong)
    assert {bits(n) for n in read} == {bits(number)}


NO_NUMBERS = [
    *("1,2,3", "1.234.56", "12,34,567", "1e400", "-1e400", "0x1F", "١٢", "１２", "1_000", "inf"),
    *("-inf", "Infinity", "nan", "NaN", "--5", "+-5", "-+5", "5-", "5+", "1e", "e5", ".", ",", "-"),
    *("+", "", "1 2", "1\n2", "5\n", "1e5.5", "1.2.3", "1..2", "1,,2", "(5", "5)", "((5))", "(-5)"),
    *("3/4", "1:30", "10-19", "²", "1e–", "0b1", "12D4", "True", "#5", "A11", "5 5", ",5,", "1.,5"),
]


def test_what_is_no_number_is_never_read_as_one():
    for how in FORMATS:
        read, is_wrong = parse(NO_NUMBERS, how)
        taken = [text for text, wrong in zip(NO_NUMBERS, is_wrong, strict=True) if not wrong]
        assert taken == [], how
        assert all(map(math.isnan, read))


def test_is_wrong_is_right_cell_by_cell():
    texts = ["5", None, "x", "1.234,5", "-3", "1e999", "1.5", "1,234.5", "12", None, "\u22127,25"]
    read, is_wrong = parse(texts, NumberFormat(",", "."))
    wrong = [False, False, True, False, False, True, True, True, False, False, False]
    assert is_wrong == wrong
    expected = [
        5,
        math.nan,
        math.nan,
        1234.5,
        -3,
        math.nan,
        math.nan,
        math.nan,
        12,
        math.nan,
        -7.25,
    ]
    assert np.array_equal(read, expected, equal_nan=True)
    assert parse([], NumberFormat()) == ([], [])
    assert parse([None], NumberFormat(","))[1] == [False]


@given(st.text(st.sampled_from("0123456789.,'’ -+()eE%$kg\u00a0"), max_size=12))
@settings(max_examples=500, deadline=None)
def test_a_plain_number_is_what_python_takes_for_one(text):
    (read,), (wrong,) = parse([text], NumberFormat())
    try:
        expected = float(text) if text == text.strip() else math.nan
    except ValueError:
        expected = math.nan
    if math.isfinite(expected):
        assert bits(read) == bits(expected)
    elif wrong is False:  # a blank behind the sign
        assert bits(read) == bits(float(text.replace(" ", "").replace("\u00a0", "")))


def infer(texts: list[str], **options: object) -> tuple[str, list[float]] | None:
    """Return the format in words, and the numbers of the texts."""
    inferred = number_format.infer(dict.fromkeys(texts, 10), **options)
    if inferred is None:
        return None
    assert inferred[1] == []
    return inferred[0].describe(), parse(texts, inferred[0])[0]


@pytest.mark.parametrize(
    ("texts", "words", "numbers"),
    [
        # B2
        (["$1,000.50", "$5.00"], "',' between thousands, unit '$'", [1000.5, 5]),
        (["7,509,045", "1,000"], "',' between thousands", [7509045, 1000]),
        (["12%", "05%", "0"], "unit '%'", [12, 5, 0]),
        (["12.3%", "100%"], "unit '%'", [12.3, 100]),
        (["1.234,56", "5,1"], "decimal comma, '.' between thousands", [1234.56, 5.1]),
        (["0,123E-02", "1,5E+01"], "decimal comma", [0.00123, 15]),
        (["(123.45)", "5.00"], "(5) for -5", [-123.45, 5]),
        (["($1,234.50)", "$5.00"], "',' between thousands, unit '$', (5) for -5", [-1234.5, 5]),
        (["\u22125", "3"], "", [-5, 3]),
        (["-$5.50", "$-3.25"], "unit '$'", [-5.5, -3.25]),
        (["1\u202f234", "5"], "' ' between thousands", [1234, 5]),
        (["1\u00a0234,5", "5"], "decimal comma, ' ' between thousands", [1234.5, 5]),
        (["1.5D+02", "2.5"], "", [150, 2.5]),
        (["73 kg", "80.5kg", "81"], "unit 'kg'", [73, 80.5, 81]),
        (["'123", "'5"], 'unit "\'"', [123, 5]),
        (["<0.05", "1", "2.5", ">= 4", "3.5", "7"], "<5 and >5 taken for 5", None),
        # B5, T11
        (["1,5", "2,25"], "decimal comma", [1.5, 2.25]),
        (["0,125", "0,250"], "decimal comma", [0.125, 0.25]),
        (["$56.7M", "$1M"], "unit '$#M'", [56.7, 1]),
        (["$8.75", "$2.39"], "unit '$'", [8.75, 2.39]),
        # Others of issue 17
        (["1'234.50", "2’000.00"], '"\'" between thousands', [1234.5, 2000]),
        (["1 234,5 kg"], "decimal comma, ' ' between thousands, unit 'kg'", [1234.5]),
        (["USD 1,200.50", "USD 3"], "',' between thousands, unit 'USD'", [1200.5, 3]),
        (["1,200.50 €", "7 €"], "',' between thousands, unit '€'", [1200.5, 7]),
        (["€1.200,50", "€7"], "decimal comma, '.' between thousands, unit '€'", [1200.5, 7]),
        (["Rs 500", "Rs 1,200.50"], "',' between thousands, unit 'Rs'", [500, 1200.5]),
        (["R$ 5,50"], "decimal comma, unit 'R$'", [5.5]),
        (["5'", "6'"], 'unit "\'"', [5, 6]),
        (["48.85° N", "50.1° N"], "unit '° N'", [48.85, 50.1]),
        (["15 min", "1 min"], "unit 'min'", [15, 1]),
        (["1.2K", "900K"], "unit 'K'", [1.2, 900]),
        (["1e5", "2"], "", [1e5, 2]),
        (["1.234", "20.5"], "", [1.234, 20.5]),
        (["2012", "2013"], "", [2012, 2013]),
        ([".5", "1.", "+7"], "", [0.5, 1, 7]),
    ],
)
def test_the_forms_of_people_are_inferred(texts, words, numbers):
    read = infer(texts)
    assert read is not None
    assert read[0] == words
    assert numbers is None or read[1] == numbers


@pytest.mark.parametrize(
    ("texts", "readings"),
    [
        (["20,000", "21,037"], (20, 20000)),  # B4
        (["$1,200", "$3,500"], (1.2, 1200)),
        (["5", "1,234"], (1.234, 1234)),
        (["1,234 kg"], (1.234, 1234)),
    ],
)
def test_two_readings_are_refused_and_shown(texts, readings):
    with pytest.raises(AmbiguousNumbersError) as caught:
        infer(texts)
    assert caught.value.readings == readings
    comma, point = infer(texts, decimal=","), infer(texts, decimal=".")
    assert comma is not None
    assert readings[0] in comma[1]
    assert point is not None
    assert readings[1] in point[1]


def test_an_odd_text_neither_hides_two_readings_nor_breaks_them():
    texts = {"1,2,3": 1} | {f"{n},{n:03d}": 1 for n in range(1, 60)}
    with pytest.raises(AmbiguousNumbersError) as caught:
        number_format.infer(texts)
    assert caught.value.example in texts
    assert caught.value.example != "1,2,3"


@pytest.mark.parametrize(
    "texts",
    [
        *(["007", "12"], ["01234", "95521"], ["0830", "1200"], ["A11"], ["#5"], ["SKU123", "SKU7"]),
        *(["v1", "v2"], ["Week 1", "Week 2"], ["12D4", "3D2"], ["5", "05"], ["1A", "2B"]),
        *(["2020-01-05"], ["01.02.2020", "1.2.2020"], ["13/02/2020"], ["12.11.2020", "1.1.2021"]),
        *(["<=50K", ">50K"], ["<5", ">5"], ["50+", "5"], ["10-19", "20-29"], ["1:30"], ["3/4"]),
        *(["+49 123 456"], ["+49 123", "+49 456"], ["123-45-6789"], ["(030) 12345"]),
        *(["1.2.3", "1.10.3"], ["192.168.1.1", "10.0.0.1"], ["12,34,567", "1,23,456"]),
        *(["1.2K", "900"], ["1.2K", "3M"], ["5%", "0.5"], ["$5", "€5"], ["5 kg", "5 lb"]),
        *(["48.85° N", "50.1° S"], ["5'11\"", "6'2\""], ["1st", "2nd"], ["5-", "3"], ["--5", "3"]),
        *(["0x1F"], ["١٢"], ["1_000"], ["inf", "1"], ["nan", "1"], ["a", "b"], ["1,5", "1.5"]),
    ],
    ids=str,
)
def test_codes_dates_classes_and_mixtures_are_no_numbers(texts):
    assert infer(texts) is None


def test_one_leading_zero_among_whole_numbers_tells_codes_and_among_others_does_not():
    whole = {str(10_000 + n): 1 for n in range(97)}
    assert number_format.infer(whole | {"01234": 1}) is None
    measured = {f"{n}.5": 1 for n in range(97)}
    assert number_format.infer(measured | {"007": 1}) == (NumberFormat(), [])


def test_an_empty_column_is_none_of_numbers():
    assert number_format.infer({}) is None


def test_a_few_odd_texts_are_named_and_many_make_no_numbers():
    numbers = {f"{n}.5": 1 for n in range(97)}
    inferred = number_format.infer(numbers | {"x": 1, "12 kg": 1, "1,5": 1})
    assert inferred == (NumberFormat(), ["x", "12 kg", "1,5"])
    assert number_format.infer(numbers | {"x": 10}) is None
    # K among plain numbers would be a thousand times too small.
    inferred = number_format.infer({f"{n}.5K": 1 for n in range(97)} | {"900": 2, "0": 1})
    assert inferred is not None
    assert inferred[1] == ["900"]


@given(
    st.sampled_from(FORMATS),
    st.lists(st.integers(-(10**9), 10**9).map(lambda n: n / 100), min_size=30, max_size=30),
    st.sampled_from(number_format.BLANKS),
)
@settings(max_examples=200, deadline=None)
def test_what_is_inferred_gives_the_numbers_that_were_written(how, numbers, blank):
    texts = [write(n, how, blank, positional=True, before=False) for n in numbers]
    inferred = number_format.infer(dict.fromkeys(texts, 1))
    assert inferred is not None
    assert inferred[1] == []
    assert parse(texts, inferred[0])[0] == numbers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(("1,234.5", True), ("-5", True), ("(5)", True), ("5 kg", False), ("007", False)),
        *(("1.2.3", False), ("12,34,567", False), ("x", False), ("1.2.2020", False), ("<5", True)),
    ],
)
def test_is_number(text, expected):
    assert number_format.is_number(text) is expected


def test_a_format_is_told_in_words():
    assert NumberFormat().is_plain
    how = NumberFormat(",", ".", "$#M", True, True)
    assert not how.is_plain
    assert how.describe() == (
        "decimal comma, '.' between thousands, unit '$#M', (5) for -5, <5 and >5 taken for 5"
    )
