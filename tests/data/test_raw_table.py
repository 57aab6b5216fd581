"""The wines are joined as the notebook does it.

Each fault that a raw file can have is told, with the line as an editor counts it.
"""

import csv
import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from committed import ROOT

from winenet import params
from winenet.data import raw_table
from winenet.data.raw_table import DataError
from winenet.params import Ingest, RawFile

SETTINGS = params.load(str(ROOT / "params.yaml"))


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return raw_table.read_raw(str(ROOT / "data" / "raw"), SETTINGS.ingest).table


# The joined table.


def test_the_table_holds_all_wines_red_first(table):
    assert table.shape == (6497, 13)
    assert list(table["Class"]) == [1] * 1599 + [0] * 4898
    assert list(table.columns) == [*SETTINGS.ingest.columns, "Class"]
    assert list(table.index) == list(range(6497))
    assert table.iloc[0].to_dict() == {
        "fixed acidity": 7.4,
        "volatile acidity": 0.7,
        "citric acid": 0.0,
        "residual sugar": 1.9,
        "chlorides": 0.076,
        "free sulfur dioxide": 11.0,
        "total sulfur dioxide": 34.0,
        "density": 0.9978,
        "pH": 3.51,
        "sulphates": 0.56,
        "alcohol": 9.4,
        "quality": 5.0,
        "Class": 1.0,
    }


def test_every_cell_is_the_raw_file_s(table):
    cells = []
    for name in ("winequality-red.csv", "winequality-white.csv"):
        with (ROOT / "data" / "raw" / name).open(encoding="ascii", newline="") as stream:
            _, *rows = csv.reader(stream, delimiter=";")
        cells += [[float(cell) for cell in row] for row in rows]
    assert np.array_equal(table.drop(columns="Class").to_numpy(), np.array(cells))


def test_the_order_of_files_and_labels_is_the_one_in_params_yaml(table):
    red, white = SETTINGS.ingest.files
    turned = SETTINGS.ingest.model_copy(update={"files": [white, red], "target": "red"})
    other = raw_table.read_raw(str(ROOT / "data" / "raw"), turned).table
    assert list(other["red"]) == [0] * 4898 + [1] * 1599
    assert other.iloc[0, :12].to_list() == table.iloc[1599, :12].to_list()


def test_copies_are_counted(table):
    assert raw_table.count_duplicates(table) == 1177
    assert raw_table.count_duplicates(table.drop(columns="Class")) == 1179
    assert raw_table.count_duplicates(pd.DataFrame({"a": [1, 2, 1, 1], "b": [1, 2, 1, 2]})) == 1


# Raw files that do not fit. GOOD is the white file; what stands in the table below is the red one.

GOOD = b"acid;pH\n1;3\n2;3.5\n3;3.25\n"
SMALL = Ingest(
    files=[RawFile(name="red.csv", label="1"), RawFile(name="white.csv", label="0")],
    separator=";",
    target="Class",
    positive_label="1",
    columns={"acid": [0.0, 20.0], "pH": [2.0, 5.0]},
)
OUT_OF_ACID = "is out of range; it must lie in 0 to 20"
NO_VALUE = "no value; every cell needs a number"
NO_NUMBER = "is not a finite number"

FAULTS: dict[str, tuple[bytes, list[str]]] = {
    "an empty file": (b"", ["is empty; it needs a header and rows"]),
    "blank lines only": (b"\n\n", ["is empty; it needs a header and rows"]),
    "a header only": (b"acid;pH\n", ["no rows below the header"]),
    "a header without line end": (b"acid;pH", ["no rows below the header"]),
    "a mistyped column": (
        b"acdi;pH\n1;3\n",
        ["column 'acdi' is not expected; did you mean 'acid'?", "column 'acid' is missing"],
    ),
    "a missing column": (
        b"pH\n3\n",
        [
            "column 'acid' is missing",
            "the header has one column only: the separator may be another than `ingest.separator`",
        ],
    ),
    "an extra column": (b"acid;pH;sugar\n1;3;2\n", ["column 'sugar' is not expected"]),
    "the label's column": (b"acid;pH;Class\n1;3;1\n", ["column 'Class' is not expected"]),
    "a column twice": (b"acid;pH;pH\n1;3;3\n", ["column 'pH' stands 2 times in the header"]),
    "another separator": (
        b"acid,pH\n1,3\n",
        [
            "column 'acid,pH' is not expected; did you mean 'acid'?",
            "column 'acid' is missing",
            "column 'pH' is missing",
            "the header has one column only: the separator may be another than `ingest.separator`",
        ],
    ),
    "no header": (
        b"1;3\n2;3\n",
        [
            "column '1' is not expected",
            "column '3' is not expected",
            "column 'acid' is missing",
            "column 'pH' is missing",
        ],
    ),
    "the header again": (
        GOOD + GOOD,
        [
            "line 5, column 'acid': 'acid' is not a finite number",
            "line 5, column 'pH': 'pH' is not a finite number",
        ],
    ),
    "text": (b"acid;pH\n1;3\nsour;3\n", ["line 3, column 'acid': 'sour' is not a finite number"]),
    "a decimal comma": (
        b"acid;pH\n1;3\n2;3,5\n",
        ["line 3, column 'pH': '3,5' is not a finite number"],
    ),
    "a hexadecimal number": (
        b"acid;pH\n0x1;3\n",
        ["line 2, column 'acid': '0x1' is not a finite number"],
    ),
    "an underscore": (b"acid;pH\n1_0;3\n", ["line 2, column 'acid': '1_0' is not a finite number"]),
    "a date": (
        b"acid;pH\n2001-01-01;3\n",
        ["line 2, column 'acid': '2001-01-01' is not a finite number"],
    ),
    "a truth value": (
        b"acid;pH\n1;3\ntrue;3\n",
        ["line 3, column 'acid': 'true' is not a finite number"],
    ),
    "truth values only": (
        b"acid;pH\n1;True\n1;False\n",
        [
            "line 2, column 'pH': 'True' is not a finite number",
            "line 3, column 'pH': 'False' is not a finite number",
        ],
    ),
    "an empty cell": (b"acid;pH\n1;3\n;3\n2;3\n", [f"line 3, column 'acid': {NO_VALUE}"]),
    "nan": (b"acid;pH\n1;3\n1;nan\n", [f"line 3, column 'pH': 'nan' {NO_NUMBER}"]),
    "NA": (b"acid;pH\nNA;3\n1;3\n", [f"line 2, column 'acid': 'NA' {NO_NUMBER}"]),
    "too large a value": (
        b"acid;pH\n1;3\n20.5;3\n",
        [f"line 3, column 'acid': '20.5' {OUT_OF_ACID}"],
    ),
    "a negative value": (b"acid;pH\n-0.1;3\n", [f"line 2, column 'acid': '-0.1' {OUT_OF_ACID}"]),
    "infinities": (
        b"acid;pH\ninf;3\n-inf;3\n1e999;3\n",
        [
            f"line 2, column 'acid': 'inf' {NO_NUMBER}",
            f"line 3, column 'acid': '-inf' {NO_NUMBER}",
            f"line 4, column 'acid': '1e999' {NO_NUMBER}",
        ],
    ),
    "a blank line": (b"acid;pH\n1;3\n\n2;3\n", ["line 3 is blank"]),
    "a line of blanks": (b"acid;pH\n1;3\n  \n2;3\n", ["line 3 is blank"]),
    "too few cells": (b"acid;pH\n1;3\n2\n", ["line 3 has 1 cell, the header has 2"]),
    "too many cells": (b"acid;pH\n1;3\n2;3;4\n", ["line 3 has 3 cells, the header has 2"]),
    "too many cells in the first row": (
        b"acid;pH\n1;3;9\n2;3\n",
        ["line 2 has 3 cells, the header has 2"],
    ),
    "too many cells in all rows": (
        b"acid;pH\n1;3;\n2;3;7\n",
        [
            "column 'unnamed 1' is not expected",
            f"line 2, column 'pH': {NO_VALUE}",
            "line 3, column 'pH': '7' is out of range; it must lie in 2 to 5",
            "note: the header has one name less than each row has cells: the first cells are row "
            "names",
        ],
    ),
    "a quotation mark that stays open": (
        b'acid;pH\n1;3\n"2;3\n2;3\n',
        ["line 3 has a quotation mark that is not closed"],
    ),
    "a null byte": (
        b"acid;pH\n1\x002;3\n",
        ["line 2 has a null byte, so the file is not text or is damaged"],
    ),
    "a column without a name": (
        b"acid;pH;\n1;3;\n",
        [
            "column 'unnamed 3' is not expected",
        ],
    ),
    "Latin-1": (
        b"acid;pH\n1;3\n\xe9;3\n",
        ["line 3 is not UTF-8; give its encoding, or save the file as UTF-8"],
    ),
    "several faults": (
        b"acid;pH;sugar\nsour;3;0\n2;;0\n99;1.5;0\n",
        [
            "column 'sugar' is not expected",
            "line 2, column 'acid': 'sour' is not a finite number",
            f"line 4, column 'acid': '99' {OUT_OF_ACID}",
            f"line 3, column 'pH': {NO_VALUE}",
            "line 4, column 'pH': '1.5' is out of range; it must lie in 2 to 5",
        ],
    ),
    "the same fault very often": (
        b"acid;pH\n" + b"x;3\n" * 9,
        [
            *(f"line {line}, column 'acid': 'x' is not a finite number" for line in range(2, 7)),
            "column 'acid': 4 more such cells",
        ],
    ),
    "very many uneven lines": (
        b"acid;pH\n" + b"1\n" * 9,
        [
            *(f"line {line} has 1 cell, the header has 2" for line in range(2, 7)),
            "4 more such lines",
        ],
    ),
}

ReadRaw = Callable[[bytes | None, bytes], pd.DataFrame]


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ReadRaw:
    """Read two small raw files of this content."""
    monkeypatch.chdir(tmp_path)
    Path("raw").mkdir()

    def read_both(red: bytes | None, white: bytes = GOOD) -> pd.DataFrame:
        for name, content in (("red.csv", red), ("white.csv", white)):
            if content is not None:
                (Path("raw") / name).write_bytes(content)
        return raw_table.read_raw("raw", SMALL).table

    return read_both


def told(faults: list[str]) -> str:
    """Return the whole message about some faults."""
    number = sum("note: " not in fault for fault in faults)
    return (
        f"The raw files have {number} fault{'s' if number > 1 else ''}, so no table was "
        "made:\n" + "".join(f"  {fault}\n" for fault in faults) + "Correct the files in raw "
        "(`git checkout -- raw` restores the committed ones), or change what is expected under "
        "`ingest` in params.yaml."
    )


@pytest.mark.parametrize(("content", "faults"), FAULTS.values(), ids=[*FAULTS])
def test_a_fault_of_a_raw_file_is_told(read, content, faults):
    with pytest.raises(DataError) as caught:
        read(content)
    assert str(caught.value) == told([f"raw/red.csv: {fault}" for fault in faults])


def test_a_missing_raw_file_is_told(read):
    with pytest.raises(DataError) as caught:
        read(None)
    assert str(caught.value) == told(["raw/red.csv: is missing"])


def test_a_folder_in_a_raw_file_s_place_is_told(read):
    Path("raw/red.csv").mkdir()
    with pytest.raises(DataError, match=r"raw/red\.csv: (is a folder, not a file|may not be read)"):
        read(None)


def test_the_faults_of_all_files_are_told_at_once(read):
    with pytest.raises(DataError) as caught:
        read(b"acid;pH\n1;3;4\n2\n", b"acid;pH\nx;3\n99;3\n")
    assert str(caught.value) == told(
        [
            "raw/red.csv: line 2 has 3 cells, the header has 2",
            "raw/red.csv: line 3 has 1 cell, the header has 2",
            "raw/white.csv: line 2, column 'acid': 'x' is not a finite number",
            f"raw/white.csv: line 3, column 'acid': '99' {OUT_OF_ACID}",
        ]
    )


FITTING = {
    "as the other": b"acid;pH\n1;3\n2;3.5\n",
    "no line end at the end": b"acid;pH\n1;3\n2;3.5",
    "Windows line ends": b"acid;pH\r\n1;3\r\n2;3.5\r\n",
    "old Mac line ends": b"acid;pH\r1;3\r2;3.5\r",
    "a byte order mark": b"\xef\xbb\xbfacid;pH\n1;3\n2;3.5\n",
    "UTF-16 with its mark": "acid;pH\n1;3\n2;3.5\n".encode("utf-16"),
    "gzip without .gz": gzip.compress(b"acid;pH\n1;3\n2;3.5\n"),
    "blanks around names and cells": b"acid ; pH\n 1;3\n2; 3.5\n",
    "a zero-width space and a no-break space": "\u200bacid;pH\xa0\n1\u200b;3\n2;\xa03.5\n".encode(),
    "blank lines first and last": b"\n \nacid;pH\n1;3\n2;3.5\n\n  \n",
    "a line that names the separator": b"sep=;\nacid;pH\n1;3\n2;3.5\n",
    "a line of types": b"acid;pH\nDOUBLE;DOUBLE\n1;3\n2;3.5\n",
    "all in quotes": b'"acid";"pH"\n"1";"3"\n"2";"3.5"\n',
    "columns in another order": b"pH;acid\n3;1\n3.5;2\n",
    "powers of ten": b"acid;pH\n1e0;3\n0.2E+1;35e-1\n",
}


@pytest.mark.parametrize("content", FITTING.values(), ids=[*FITTING])
def test_a_raw_file_that_fits_is_read_in_the_order_of_params_yaml(read, content):
    assert read(content).to_dict("list") == {
        "acid": [1, 2, 1, 2, 3],
        "pH": [3, 3.5, 3, 3.5, 3.25],
        "Class": [1, 1, 0, 0, 0],
    }


def test_the_bounds_themselves_are_in_range(read):
    assert len(read(b"acid;pH\n0;2\n20;5\n")) == 5


def test_a_class_with_too_few_rows_is_told(read):
    with pytest.raises(DataError) as caught:
        read(b"acid;pH\n1;3\n")
    assert str(caught.value) == (
        "Column 'Class' has 1 class of fewer than 2 rows ('1' 1), too few to be split. Without "
        "them 1 class and 3 rows are left. Add rows, or choose another target."
    )


def test_a_single_class_is_told(tmp_path):
    (tmp_path / "white.csv").write_bytes(GOOD)
    white_only = SMALL.model_copy(update={"files": SMALL.files[1:]})
    with pytest.raises(DataError, match=r"^The table has 3 rows of class 0 and no other"):
        raw_table.read_raw(str(tmp_path), white_only)


def test_files_that_params_yaml_does_not_list_are_named(tmp_path):
    for name in ("white.csv", "red.csv", "rose.csv", "a.txt"):
        (tmp_path / name).touch()
    assert raw_table.unlisted_files(str(tmp_path), SMALL) == ["a.txt", "rose.csv"]
    assert raw_table.unlisted_files(str(ROOT / "data" / "raw"), SETTINGS.ingest) == []
