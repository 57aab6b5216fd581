"""Text in blocks: any block size gives the rows of `csv.reader` and the lines of an editor."""

import bz2
import codecs
import csv
import gzip
import io
import lzma
import sys
import time
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winenet.data import text_stream
from winenet.data.text_stream import TableError, TextStream, find_encoding

CELLS = st.text(st.sampled_from('ab ,;"\n\u20acé\u2028\x0b'), max_size=6)
ROWS = st.lists(st.lists(CELLS, min_size=1, max_size=3), min_size=1, max_size=12)
BLOCKS = st.integers(1, 40)


def written(rows: list[list[str]], line_end: str = "\n") -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
    return text.getvalue().replace("\n", line_end)


def rows_and_lines(text: str) -> tuple[list[list[str]], list[int]]:
    """Return what csv.reader makes of a text: rows, and the line on which each begins."""
    reader = csv.reader(io.StringIO(text))
    rows, lines, line = [], [], 1
    for row in reader:
        rows.append(row)
        lines.append(line)
        line = reader.line_num + 1
    return rows, lines


def read(path: Path, encoding: str = "utf-8", block: int = text_stream.BLOCK) -> str:
    with TextStream(str(path), encoding, block) as stream:
        return "".join(stream.blocks())


def refused(path: Path, block: int = text_stream.BLOCK, encoding: str = "utf-8") -> str:
    with pytest.raises(TableError) as caught:
        read(path, encoding, block)
    return str(caught.value)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("text") / "table.csv"


@given(ROWS, BLOCKS, st.sampled_from(["\n", "\r\n", "\r"]), st.booleans())
@settings(max_examples=300, deadline=None)
def test_any_block_size_gives_the_rows_and_lines_of_csv_reader(file, rows, block, end, closed):
    text = written(rows, end)
    file.write_bytes((text if closed else text.removesuffix(end)).encode())
    expected_rows, expected_lines = rows_and_lines(written(rows))
    found = []
    with TextStream(str(file), block=block) as stream:
        for part in stream.blocks():
            assert part.endswith("\n")
            found += csv.reader(io.StringIO(part))
            assert stream.row == len(found)  # a block has whole rows
        lines = [stream.line(row) for row in range(len(found))]
    assert found == expected_rows
    assert lines == expected_lines


@given(ROWS, BLOCKS, st.data())
@settings(max_examples=100, deadline=None)
def test_a_skipped_head_counts_among_the_lines(file, rows, block, data):
    text = written(rows)
    head = data.draw(st.integers(0, len(rows)))
    file.write_bytes(text.encode())
    with TextStream(str(file), block=block) as stream:
        assert stream.peek() == text
        stream.skip(len(written(rows[:head])))
        rest = "".join(stream.blocks())
        lines = [stream.line(row) for row in range(len(rows))]
    assert rest == written(rows[head:])
    assert lines == rows_and_lines(text)[1]


@given(st.text(st.sampled_from("a,\n\"' "), max_size=30), BLOCKS)
@settings(max_examples=300, deadline=None)
def test_what_is_read_or_refused_does_not_depend_on_the_block(file, text, block):
    file.write_bytes(text.encode())

    def outcome(size: int) -> str:
        try:
            return read(file, block=size)
        except TableError as error:
            return f"refused: {error}"[:30]  # what is behind the mark may be cut off

    assert outcome(block) == outcome(text_stream.BLOCK)


@pytest.mark.parametrize("block", [1, 5, 7, 1000])
def test_a_mark_that_is_not_closed_is_named_with_its_line(file, block):
    file.write_bytes(b'a,b\n"x\ny",2\n"""",3\n4,"open\n5,6\n7,8\n')
    assert refused(file, block).startswith("line 5 has a quotation mark that is not closed")


@pytest.mark.parametrize("block", [1, 5, 7, 1000])
@pytest.mark.parametrize("cell", ['"x" z', '"x"z', '"x"  "y,"'])
def test_text_behind_a_closed_mark_is_named_with_its_line(file, block, cell):
    file.write_bytes(f'a,b\n"x\ny",2\n{cell},3\n4,5\n'.encode())
    assert refused(file, block).startswith("line 4 has text behind a closing quotation mark (")


def test_text_behind_a_cell_of_lines_is_named_with_both(file):
    file.write_bytes(b'a,b\n1,"open\n2,3\n4,"x"\n')
    assert "line 4 has text behind a closing quotation mark, opened in line 2" in refused(file)


def test_blanks_behind_a_closed_mark_are_no_fault(file):
    file.write_bytes(b'"a" ,"b"  \n')
    assert read(file) == '"a" ,"b"  \n'


def test_a_mark_within_a_cell_opens_nothing(file):
    text = '5" pipe,6\n7" pipe,8"\n"9",1"\n'
    file.write_bytes(text.encode())
    with TextStream(str(file), block=4) as stream:
        assert "".join(stream.blocks()) == text
        assert (stream.row, stream.line(2)) == (3, 3)


def test_a_row_that_never_ends_is_named(file, monkeypatch):
    monkeypatch.setattr(text_stream, "MAX_ROW", 100)
    file.write_bytes(b"a,b\n1,2\n" + b"x" * 300)
    assert "line 3 begins a row of more than 100 characters" in refused(file, block=50)


def test_many_cells_of_lines_take_time_in_proportion(file):
    def seconds(rows: int) -> float:
        file.write_bytes(b'1,"a\nb"\n' * rows)
        began = time.process_time()
        read(file)
        return time.process_time() - began

    seconds(1_000)
    assert seconds(100_000) < 3  # in one block of 800 kB; it was a minute


# ------------------------------------------------------------------ encodings


@pytest.mark.parametrize("block", [1, 2, 3, 1000])
@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        ("é,€\n".encode(), "utf-8"),
        ("é,€\n".encode("utf-8-sig"), "utf-8"),
        ("é,€\n".encode("utf-16"), "utf-16"),
        (codecs.BOM_UTF16_BE + "é,€\n".encode("utf-16-be"), "utf-16"),
        ("é,€\n".encode("utf-16-le"), "utf-16-le"),
        ("é,€\n".encode("utf-16-be"), "utf-16-be"),
        ("é,€\n".encode("cp1252"), "windows-1252"),
    ],
)
def test_each_encoding_is_found_and_read(file, data, encoding, block):
    file.write_bytes(data)
    if len(data) > 10 or not encoding.startswith("utf-16-"):
        assert find_encoding(str(file)) == encoding
    assert read(file, encoding, block) == "é,€\n"


@pytest.mark.parametrize("order", ["le", "be"])
def test_utf_16_without_a_mark_is_found_by_its_null_bytes(file, order):
    file.write_bytes("name,value\r\nJosé,1\r\n".encode(f"utf-16-{order}"))
    assert find_encoding(str(file)) == f"utf-16-{order}"


def test_a_last_letter_of_windows_1252_is_no_cut_one_of_utf_8(file):
    file.write_bytes("name\ncafé".encode("cp1252"))
    assert find_encoding(str(file)) == "windows-1252"
    file.write_bytes("é\ncafé".encode()[:-1])
    assert find_encoding(str(file)) == "utf-8"
    assert refused(file) == "ends within a character of UTF-8"


def test_typographic_quotes_are_windows_1252_and_undefined_bytes_latin_1(file):
    file.write_bytes(b"Men\x92s\n")
    assert (find_encoding(str(file)), read(file, "windows-1252")) == ("windows-1252", "Men’s\n")
    file.write_bytes(b"a\x81\n")
    assert find_encoding(str(file)) == "latin-1"


@given(st.integers(0, 20), st.sampled_from([b"\n", b"\r\n", b"\r"]), BLOCKS)
@settings(max_examples=100, deadline=None)
def test_a_byte_that_is_not_text_is_named_with_its_line(file, lines, end, block):
    file.write_bytes("é".encode() * 3 + (b"ab" + end) * lines + b"\xff" + end)
    assert refused(file, block).startswith(f"line {lines + 1} is not UTF-8")
    file.write_bytes((b"ab" + end) * lines + b"x\0" + end)
    assert refused(file, block).startswith(f"line {lines + 1} has a null byte")


# ------------------------------------------------------------------ packed files


@pytest.mark.parametrize("name", ["table.csv", "table.csv.GZ"])
@pytest.mark.parametrize("block", [1, 1000])
def test_gzip_is_known_by_its_content(tmp_path, name, block):
    path = tmp_path / name
    path.write_bytes(gzip.compress("é,b\n".encode("utf-16")) + gzip.compress(b""))
    assert find_encoding(str(path)) == "utf-16"
    assert read(path, block=block) == "é,b\n"
    path.write_bytes(b"a,b\n")
    assert read(path) == "a,b\n"


def test_a_broken_gzip_file_is_told(file):
    whole = gzip.compress(b"a,b\n" * 1000)
    for broken in (whole[:-9], whole[:40], whole[:-8] + b"\0" * 8, whole[:20] + whole[30:]):
        file.write_bytes(broken)
        assert refused(file) == "is not a complete gzip file; pack it again"


def packed_by_zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("table.csv", "a,b\n")
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (packed_by_zip(), "is a zip file, not a table of text; `unzip "),
        (lzma.compress(b"a,b"), "is an xz file, not a table of text; `unxz --keep "),
        (bz2.compress(b"a,b"), "is a bzip2 file, not a table of text; `bunzip2 --keep "),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is an old Excel file (.xls), not a table of text; "),
    ],
)
def test_other_formats_are_told_by_their_first_bytes(file, data, words):
    file.write_bytes(data)
    assert words in refused(file)
    with pytest.raises(TableError):
        find_encoding(str(file))


# ------------------------------------------------------------------ files


def test_standard_input_is_read_and_stays_open(monkeypatch):
    given_bytes = io.BufferedReader(io.BytesIO(gzip.compress(b"a,b\n1,2\n")))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(given_bytes))
    with TextStream("-") as stream:
        assert "".join(stream.blocks()) == "a,b\n1,2\n"
        assert stream.fraction_read is None
    assert not given_bytes.closed
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(TableError, match="standard input is closed"):
        TextStream("-")


def test_what_is_no_file_is_told(tmp_path):
    for path, words in (
        (tmp_path, "folder"),
        (tmp_path / "no", "missing"),
        ("/dev/null", "device"),
    ):
        with pytest.raises(TableError, match=words):
            TextStream(str(path))
    with pytest.raises(TableError, match="cannot be read"):
        TextStream("a\0b")


def test_the_fraction_read_grows_to_one(file):
    file.write_bytes(b"a,b\n" * 10_000)
    with TextStream(str(file), block=100) as stream:
        seen = [stream.fraction_read for _ in stream.blocks()]
    assert seen == sorted(seen)
    assert seen[-1] == 1
    assert stream.fraction_read is None  # closed
