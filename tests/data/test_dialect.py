"""The head of a table of text: separator, quotation mark, names, what stands above the rows."""

import csv
import io
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winenet.data import dialect
from winenet.data.dialect import Dialect, clean_text

WORDS = st.text(st.sampled_from("abcxyzéß123."), min_size=1, max_size=5)


@given(
    st.sampled_from(",;\t|"),
    st.integers(2, 5).flatmap(
        lambda width: st.lists(
            st.lists(WORDS, min_size=width, max_size=width), min_size=2, max_size=8
        )
    ),
)
@settings(max_examples=200, deadline=None)
def test_the_separator_of_a_clean_table_is_found(separator, rows):
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator="\n").writerows(rows)
    assert dialect.sniff(text.getvalue()) == Dialect(separator, '"')


@pytest.mark.parametrize(
    ("text", "separator"),
    [
        ("a;b;y\n1,5;2,5;p\n3,5;4,5;q\n", ";"),  # more commas than semicolons
        ("1,5;2,5\n3,5;4,5\n", ";"),  # without a header the commas agree, too
        ("a\tb\n1,5\t2,5\n1,0\n3,5\t4,5\n" + "1,5\t2,5\n" * 20, "\t"),  # a short row
        ("a,b\n1,x y\n2,z\n", ","),
        ("a,tags\n1,x;y\n2,x;y;z\n", ","),
        ("when,at\n2020-01-01 10:00,x\n2020-01-02 11:00,y\n", ","),
        ("a b c\n1 2 3\n4 5 6\n", " "),
        ("mpg cyl\nMazda 21 6\nFiat 22 4\n", " "),  # R's row names
        ("text\ntwo words\nmore words\n", ","),  # one column
        ("text\none\ntwo\n", ","),
        ("full text\none\ntwo words\nthree more words\n", ","),
        ("a,tags\n" + "1,v;w;x;y;z\n" * 20, ","),  # all rows agree, the header as well
        ("", ","),
        ("sep=;\na,x;b\n1,y;2\n", ";"),
        ('"sep=|"\na|b\n1|2\n', "|"),
    ],
)
def test_the_separator_is_found(text, separator):
    assert dialect.sniff(text).separator == separator


def test_what_is_known_is_not_found_out():
    assert dialect.sniff("a;b\n1;2\n", ",", "'") == Dialect(",", "'")
    assert dialect.sniff("sep=|\na;b\n1;2\n", ";").separator == ";"


def test_single_quotes_are_found_where_no_double_ones_are():
    assert dialect.sniff("'40-49','premeno'\n'50-59','ge40'\n").quote == "'"
    assert dialect.sniff("name,y\nO'Hara,1\nit's,2\n").quote == '"'
    assert dialect.sniff("""'a','b'\n"x",'y'\n""").quote == '"'


def head(text: str, *, header: bool = True) -> tuple[list[str], str, int, list[str]]:
    """Return the names, the text of the rows, the rows above it, and the notes."""
    found = dialect.read_head(text, dialect.sniff(text), header=header)
    return found.names, text[found.characters :], found.rows, found.notes


def test_a_header_is_read():
    assert head(' a ,"b\nc"\n1,2\n') == (["a", "b\nc"], "1,2\n", 1, [])
    assert head("a,b\n") == (["a", "b"], "", 1, [])


@pytest.mark.parametrize("sign", ["\u2028", "\x0b", "\x0c", "\x1c", "\x85"])
def test_only_a_line_feed_ends_a_line(sign):
    names, rest, _, _ = head(f"a{sign}b,c\n1{sign},2\n")
    assert (names, rest) == ([f"a{sign}b", "c"], f"1{sign},2\n")


def test_a_first_line_that_names_the_separator_is_skipped_and_said():
    names, rest, skipped, notes = head("sep=;\na;b\n1;2\n")
    assert (names, rest, skipped) == (["a", "b"], "1;2\n", 2)
    assert notes == ["line 1 says that ';' is the separator"]


def test_a_line_of_types_is_skipped_and_said():
    names, rest, skipped, notes = head("a;b\nSTRING;DOUBLE\nx;1\n")
    assert (names, rest, skipped) == (["a", "b"], "x;1\n", 2)
    assert notes == ["the line below the header names types ('STRING', 'DOUBLE'); skipped"]


@pytest.mark.parametrize(
    "text", ["kind\ntext\nimage\ntext\n", "kind,y\ntext,1\ndate,2\n", "a,b\ndate,\nx,1\ndate,2\n"]
)
def test_levels_that_are_words_for_types_are_rows(text):
    assert head(text)[1:] == (text.partition("\n")[2], 1, [])


def test_blank_lines_above_are_skipped_and_said():
    names, rest, skipped, notes = head("\n \na,b\n1,2\n")
    assert (names, rest, skipped) == (["a", "b"], "1,2\n", 3)
    assert notes == ["2 blank lines above the header"]


def test_separators_at_the_ends_of_rows_make_a_column_without_a_name():
    assert head("a;b;y;\n1;2;p;\n3;4;q;\n")[0] == ["a", "b", "y", "unnamed 4"]
    names, _, _, notes = head("a;b\n1;2;\n3;4;\n")
    assert names == ["a", "b", "unnamed 3"]
    assert notes == [
        "the header has one name less than each row has cells: each row ends in a separator"
    ]


@pytest.mark.parametrize("end", ["", "\n\n"])
def test_row_names_of_r_make_a_first_column_without_a_name(end):
    names, _, _, notes = head("a,y\nr1,1,p\nr2,2,q\n" + end)
    assert names == ["unnamed 1", "a", "y"]
    assert notes == [
        "the header has one name less than each row has cells: the first cells are row names"
    ]


def test_without_a_header_columns_are_counted_and_a_long_row_is_no_rule():
    rows = "1,2\n" * 5 + "1,2,3\n" + "1,2\n" * 5
    assert head(rows, header=False) == (["c1", "c2"], rows, 0, [])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1,2,1\n3,4,0\n5,6,1\n", "'1', '2', '1' are numbers"),  # T5
        ("M,0.45,15\nM,0.35,7\nF,0.53,9\n", "'0.45', '15' are numbers; 'M' occurs again below"),
        ("'40','no'\n'50','no'\n'40','yes'\n", "'40' is a number; 'no' occurs again below"),
        ("\n1,2\n3,4\n", "'1', '2' are numbers"),
        ("sep=;\n1;2\n3;4\n", "'1', '2' are numbers"),
    ],
)
def test_a_first_row_of_values_is_no_header(text, why):
    told = dialect.why_no_header(text, dialect.sniff(text))
    assert told == f"the first line looks like data and not like a header: {why}"


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1,2\n3,4\n",
        "a,b\nx,y\nz,y\n",
        "country,2001,2002,2003\nChad,1,2,3\n",
        "a,b\n",
        "",
        "id,no\n1,no\n2,yes\n",
        "1,size\n2,3\n4,5\n",
        "no,yes,size\nno,yes,1\nyes,no,2\n",
    ],
)
def test_a_header_is_not_taken_for_values(text):
    assert dialect.why_no_header(text, dialect.sniff(text)) is None


@given(st.text(st.sampled_from("a e\u0301\u200b\u00a0\ufeff\u2000\u00e9\u00ad\t\x1c"), max_size=8))
@settings(max_examples=300, deadline=None)
def test_a_cleaned_text_is_clean(text):
    cleaned = clean_text(text)
    assert clean_text(cleaned) == cleaned == cleaned.strip()
    assert unicodedata.is_normalized("NFC", cleaned)
    assert not set("\u200b\ufeff\u00ad") & set(cleaned)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("yes ", "yes"),
        ("\u00a0no", "no"),
        ("ye\u200bs", "yes"),
        ("e\u0301", "\u00e9"),
        ("e\u200b\u0301", "\u00e9"),
        ("\ufeffage", "age"),
        ("two  words", "two  words"),
    ],
)
def test_one_level_is_not_two_for_what_nobody_sees(text, expected):
    assert clean_text(text) == expected
