"""Tables of any format in blocks: the rows of `csv.reader`, and each fault with its line."""

import csv
import datetime
import gzip
import io
import os
import sys
import threading
import tracemalloc
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from winenet.data import table_reader, text_stream
from winenet.data.table_reader import TableError, open_table

CELLS = st.text(st.sampled_from('ab1 ,;"\n\t\u20acé\u2028'), max_size=5)
ROWS = st.integers(2, 4).flatmap(
    lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), max_size=12)
)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tables") / "table.csv"


@pytest.fixture(scope="module")
def short_sample() -> Iterator[None]:
    """Make the sample short, or a small file would be one block whatever its size."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_stream, "SAMPLE", 40)
        yield


def read(path: Path | str, **options: object) -> tuple[dict[str, list], list[str], list[str]]:
    """Return the cells by column, the faults, and the notes."""
    with open_table(str(path), **options) as table:
        cells: dict[str, list] = {name: [] for name in table.names}
        for block in table.blocks(table.names):
            rows = len(next(iter(cells.values())))
            assert block.first_row == rows or table.faults  # rows that are left out count
            for name, column in block.cells.items():
                cells[name] += column.to_pylist()
        return cells, table.faults, table.notes


def written(rows: list[list[str]], separator: str = ",", quoting: int = csv.QUOTE_ALL) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator="\n", quoting=quoting).writerows(rows)
    return text.getvalue()


@given(ROWS, st.sampled_from(",;\t|"), st.integers(1, 60), st.sampled_from(["\n", "\r\n", "\r"]))
@settings(max_examples=300, deadline=None)
def test_the_rows_are_those_of_csv_reader(file, short_sample, rows, separator, block, end):
    names = [f"c{place}" for place in range(len(rows[0]) if rows else 2)]
    text = written([names, *rows], separator)
    file.write_bytes(text.replace("\n", end).encode())
    cells, faults, notes = read(file, separator=separator, quote='"', block=block)
    expected = list(csv.reader(io.StringIO(text), delimiter=separator))
    assert [list(row) for row in zip(*cells.values(), strict=True)] == expected[1:]
    assert (list(cells), faults, notes) == (names, [], [])


@given(
    st.lists(st.lists(st.sampled_from(["a", "x\ny", "", "\n\n"]), min_size=1, max_size=4)),
    st.integers(1, 40),
)
@settings(max_examples=200, deadline=None)
def test_ragged_lines_are_named_with_their_line(file, short_sample, rows, block):
    text = written([["p", "q"], ["1", "2"], *rows, ["8", "9"]])
    file.write_bytes(text.encode())
    reader, expected, line = csv.reader(io.StringIO(text)), [], 1
    for row in reader:
        if len(row) != 2:
            expected.append((line, len(row)))
        line = reader.line_num + 1
    cells, faults, _ = read(file, separator=",", block=block)
    words = [
        f"line {line} has {cells} {'cell' if cells == 1 else 'cells'}, the header has 2"
        for line, cells in expected
    ]
    more = [f"{len(words) - 5} more such lines"] if len(words) > 5 else []
    if {len(row) for row in [["1", "2"], *rows]} != {3}:  # else R's row names
        assert faults == words[:5] + more
        assert len(cells["p"]) == len(rows) + 2 - len(expected)


@pytest.mark.parametrize("block", [1, 6, 1000])
def test_blank_lines_in_the_middle_are_faults_and_at_the_end_none(file, block):
    file.write_bytes(b"a,b\n1,2\n\n3,4\n \n\n\n")
    cells, faults, notes = read(file, block=block)
    assert cells == {"a": ["1", "3"], "b": ["2", "4"]}
    assert (faults, notes) == (["line 3 is blank"], ["3 blank lines at the end"])


def test_a_million_blank_lines_end(file):
    file.write_bytes(b"a,b\n1,2\n" + b"\n" * 2_000_000)
    assert read(file)[2] == ["2,000,000 blank lines at the end"]


def test_one_column_may_have_blanks(file):
    file.write_bytes(b'text\ntwo words\n\n""\nmore words\n')
    cells, faults, _ = read(file)
    assert (cells, faults) == ({"text": ["two words", "", "", "more words"]}, [])


@pytest.mark.parametrize("end", ["", "\n"])
def test_lines_above_the_rows_count(file, end):
    file.write_bytes(b'sep=;\na;b\nSTRING;INT\nx;1\ny;2;3\n"z\nz";4\nu' + end.encode())
    with open_table(str(file)) as table:
        cells = [block.cells["a"].to_pylist() for block in table.blocks(["a"])]
        assert cells == [["x", "z\nz"]]
        assert table.location(0) == "line 4"
    assert table.faults == [
        "line 5 has 3 cells, the header has 2",
        "line 8 has 1 cell, the header has 2",
    ]


def test_no_header_and_cells_of_lines(file):
    file.write_bytes(b'"1\n1",2\n3,4\n5\n')
    with open_table(str(file), header=False) as table:
        assert table.names == ["c1", "c2"]
        assert [block.cells["c2"].to_pylist() for block in table.blocks(["c2"])] == [["2", "4"]]
        assert [table.location(row) for row in range(3)] == ["line 1", "line 3", "line 4"]
    assert table.faults == ["line 4 has 1 cell, the header has 2"]


def test_trailing_separators_and_row_names(file):
    file.write_bytes(b"a;b\n1;2;\n3;4;\n")
    assert read(file)[0] == {"a": ["1", "3"], "b": ["2", "4"], "unnamed 3": ["", ""]}
    file.write_bytes(b"a,b\nr1,1,2\nr2,3,4\n")
    assert read(file)[0] == {"unnamed 1": ["r1", "r2"], "a": ["1", "3"], "b": ["2", "4"]}


def test_only_the_wanted_columns_are_given(file):
    file.write_bytes(b"a,b\n1,2\n")
    with open_table(str(file)) as table:
        assert [list(block.cells) for block in table.blocks(["b", "z"])] == [["b"]]
    with open_table(str(file)) as table:
        assert [block.cells for block in table.blocks([])] == [{}]


@pytest.mark.parametrize("data", [b"", b"\n \n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_told_and_closed(file, data):
    file.write_bytes(data)
    with pytest.raises(TableError, match="is empty; it needs a header and rows"):
        open_table(str(file))
    file.write_bytes(b"a,b\n")
    assert read(file)[0] == {"a": [], "b": []}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_the_encoding_is_found_and_said(file, encoding):
    file.write_bytes("größe,y\n1,é\n".encode(encoding))
    with open_table(str(file)) as table:
        assert table.names == ["größe", "y"]
        assert table.encoding in {encoding.removesuffix("-sig"), "windows-1252"}


def test_gzip_without_its_ending_and_with_half_of_it(file):
    file.write_bytes(gzip.compress(b"a,b\n1,2\n"))
    assert read(file)[0] == {"a": ["1"], "b": ["2"]}
    file.write_bytes(gzip.compress(b"a,b\n1,2\n")[:-4])
    with pytest.raises(TableError, match="not a complete gzip file"):
        open_table(str(file))


def test_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(b"a,b\n1,2"))))
    assert read("-")[0] == {"a": ["1"], "b": ["2"]}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_is_opened_once(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: path.write_bytes(b"a,b\n1,2\n"), daemon=True)
    writer.start()
    cells: list[dict[str, list]] = []
    reader = threading.Thread(target=lambda: cells.append(read(path)[0]), daemon=True)
    reader.start()
    reader.join(10)  # opened twice, it would wait for ever
    assert cells == [{"a": ["1"], "b": ["2"]}]
    writer.join(5)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(tmp_path):
    def peak(megabytes: int) -> float:
        path = tmp_path / "large.csv"
        path.write_bytes(b"a,b,c\n" + (b"12345,some text,0.5\n" * 50_000) * megabytes)
        allocated, rows = pa.total_allocated_bytes(), 0
        tracemalloc.start()
        with open_table(str(path), encoding="utf-8") as table:
            most = 0
            for block in table.blocks(["a", "b"]):
                rows += len(block.cells["a"])
                most = max(most, pa.total_allocated_bytes() - allocated)
        most += tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert rows == 50_000 * megabytes
        return most / 2**20

    assert peak(100) < peak(5) + 5 < 40


# ------------------------------------------------------------------ Parquet


def test_parquet_of_many_types(tmp_path):
    path = tmp_path / "table.parquet"
    when = datetime.datetime(2020, 1, 2, 3, 4, 5)
    parquet.write_table(
        pa.table(
            {
                " level ": pa.array(["a", None, "b"]).dictionary_encode(),
                "price": pa.array([Decimal("1.50"), None, Decimal("-2.25")]),
                "when": pa.array([when, None, when], pa.timestamp("us")),
                "": pa.array([1, 2, 3]),
            }
        ),
        path,
    )
    cells, faults, notes = read(path)
    assert (list(cells), faults, notes) == (["level", "price", "when", "unnamed 4"], [], [])
    assert cells["level"] == ["a", None, "b"]
    assert cells["price"] == [Decimal("1.50"), None, Decimal("-2.25")]
    assert cells["when"] == [when, None, when]


def test_an_index_without_a_name_is_no_column_and_one_with_a_name_is(tmp_path):
    frame = pd.DataFrame({"a": [1, 2]}, index=["x", "y"])
    frame.to_parquet(tmp_path / "unnamed.parquet")
    frame.rename_axis("customer").to_parquet(tmp_path / "named.parquet")
    assert read(tmp_path / "unnamed.parquet")[0] == {"a": [1, 2]}
    assert read(tmp_path / "named.parquet")[0] == {"a": [1, 2], "customer": ["x", "y"]}


def test_parquet_comes_in_blocks_with_the_fraction_read(tmp_path, monkeypatch):
    monkeypatch.setattr(table_reader, "ROWS", 10)
    path = tmp_path / "table.parquet"
    parquet.write_table(pa.table({"a": np.arange(25), "a.b": np.arange(25)}), path)
    with open_table(str(path)) as table:
        seen = [(b.first_row, len(b.cells["a"]), table.fraction_read) for b in table.blocks(["a"])]
    assert seen == [(0, 10, 0.4), (10, 10, 0.8), (20, 5, 1.0)]
    assert table.location(3) == "row 4"


def test_damaged_parquet_is_told(tmp_path):
    path = tmp_path / "table.parquet"
    parquet.write_table(pa.table({"a": np.random.default_rng(0).random(10_000)}), path)
    whole = path.read_bytes()
    path.write_bytes(whole[:5000])
    with pytest.raises(TableError, match="is not a complete Parquet file"):
        open_table(str(path))
    path.write_bytes(whole[:10] + b"\xff" * 60 + whole[70:])
    with pytest.raises(TableError, match="is not a complete Parquet file"):
        read(path)


def test_parquet_columns_of_one_name_are_told(tmp_path):
    path = tmp_path / "table.parquet"
    parquet.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"]), path)
    with open_table(str(path)) as table:
        assert table.names == ["a", "a"]
        with pytest.raises(TableError, match="several columns called 'a'"):
            list(table.blocks(["a"]))


# ------------------------------------------------------------------ Excel


def test_excel_gives_the_first_sheet_as_text(tmp_path):
    book, path = openpyxl.Workbook(), tmp_path / "table.csv"
    for row in (
        ["a ", None, "when"],
        [1.0, "x", datetime.datetime(2020, 1, 2)],
        [None, None, None],
        [0.1, True, None],
        [None, None, None],
    ):
        book.active.append(row)
    book.create_sheet("more")
    book.save(path)
    cells, faults, notes = read(path)
    assert cells == {
        "a": ["1", "", "0.1"],
        "unnamed 2": ["x", "", "True"],
        "when": ["2020-01-02 00:00:00", "", ""],
    }
    assert (faults, notes) == ([], ["only the first of 2 sheets is read, 'Sheet'"])


def test_a_zip_file_is_no_excel(tmp_path):
    path = tmp_path / "table.xlsx"
    path.write_bytes(b"PK\x03\x04broken")
    with pytest.raises(TableError, match="is a zip file"):
        open_table(str(path))
