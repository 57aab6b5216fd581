"""The wines are joined, cut and normalised as the notebook does it, to its last printed digit.

Each fault that a raw file can have is told, with the line as an editor counts it.
"""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import train_test_split

from winenet import data, params, preprocessing
from winenet.data import DataError, Parts
from winenet.params import Curves, Ingest, LearningCurve, RawFile, Split

ROOT = Path(__file__).parents[1]
SETTINGS = params.load(str(ROOT / "params.yaml"))


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return data.read_raw(str(ROOT / "data" / "raw"), SETTINGS.ingest).table


@pytest.fixture(scope="module")
def parts(table: pd.DataFrame) -> Parts:
    return data.split(table, "Class", SETTINGS.split)


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
    other = data.read_raw(str(ROOT / "data" / "raw"), turned).table
    assert list(other["red"]) == [0] * 4898 + [1] * 1599
    assert other.iloc[0, :12].to_list() == table.iloc[1599, :12].to_list()


def test_copies_are_counted(table):
    assert data.copies(table) == 1177
    assert data.copies(table.drop(columns="Class")) == 1179
    assert data.copies(pd.DataFrame({"a": [1, 2, 1, 1], "b": [1, 2, 1, 2]})) == 1


# The split.


def cut(
    test_size: float, stratify: bool = False, random_state: int = 7, duplicates: str = "keep"
) -> Split:
    return Split.model_validate(
        {
            "test_size": test_size,
            "random_state": random_state,
            "stratify": stratify,
            "duplicates": duplicates,
        }
    )


@pytest.mark.parametrize("stratify", [False, True])
@pytest.mark.parametrize("test_size", [0.2, 0.25])
def test_the_split_is_scikit_learn_s(table, test_size, stratify):
    X, y = table.drop(columns="Class"), table["Class"]
    expected = train_test_split(
        X, y, test_size=test_size, random_state=7, stratify=y if stratify else None
    )
    found = data.split(table, "Class", cut(test_size, stratify))
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.equals(theirs)
        assert list(ours.index) == list(theirs.index)


def test_every_row_goes_into_one_set(table, parts):
    assert sorted([*parts.X_train.index, *parts.X_test.index]) == list(table.index)
    assert list(parts.X_train.index) == list(parts.y_train.index)
    assert list(parts.X_test.index) == list(parts.y_test.index)
    assert (len(parts.X_train), len(parts.X_test)) == (5197, 1300)


def test_test_rows_with_a_copy_in_training_are_counted(parts):
    seen = data.seen_in_training(parts.X_train, parts.X_test)
    assert (seen.sum(), (~seen).sum()) == (359, 941)
    assert list(seen.index) == list(parts.X_test.index)


def test_a_test_row_is_seen_when_all_its_features_are():
    X_train = pd.DataFrame({"a": [1.0, 2.0], "b": [1.0, 2.0]}, index=[3, 1])
    X_test = pd.DataFrame({"a": [2.0, 1.0, 2.0], "b": [2.0, 2.0, 2.0]}, index=[0, 2, 4])
    assert data.seen_in_training(X_train, X_test).to_dict() == {0: True, 2: False, 4: True}


def test_copies_share_the_number_of_their_first_row():
    X = pd.DataFrame({"a": [1.0, 2.0, 1.0, 1.0], "b": [5.0, 5.0, 5.0, 6.0]}, index=[3, 4, 7, 9])
    assert data.copy_groups(X).to_dict() == {3: 3, 4: 4, 7: 3, 9: 9}


def test_the_rows_tell_set_number_group_and_whether_they_were_seen(table, parts):
    rows = data.rows(parts)
    assert list(rows["row"]) == [*parts.X_train.index, *parts.X_test.index]
    assert list(rows["set"]) == ["train"] * 5197 + ["test"] * 1300
    groups = data.copy_groups(table.drop(columns="Class"))
    assert list(rows["group"]) == list(groups[rows["row"]])
    test = rows[rows["set"] == "test"]
    assert list(test["seen"]) == list(data.seen_in_training(parts.X_train, parts.X_test))
    assert rows["seen"][rows["set"] == "train"].all()


def test_dropped_copies_are_those_equal_in_all_columns(table):
    parts = data.split(table, "Class", cut(0.2, random_state=42, duplicates="drop"))
    rows = sorted([*parts.X_train.index, *parts.X_test.index])
    assert rows == list(table.index[~table.duplicated()])
    assert len(rows) == 6497 - 1177
    # Of the two sets of equal features that hold both classes, at most one test row each is seen.
    assert data.seen_in_training(parts.X_train, parts.X_test).sum() <= 2


@pytest.mark.parametrize("stratify", [False, True])
@pytest.mark.parametrize("test_size", [0.2, 0.5])
def test_grouped_copies_stand_in_one_set_and_no_row_is_lost(table, test_size, stratify):
    parts = data.split(table, "Class", cut(test_size, stratify, duplicates="group"))
    assert sorted([*parts.X_train.index, *parts.X_test.index]) == list(table.index)
    assert data.seen_in_training(parts.X_train, parts.X_test).sum() == 0
    largest = data.copy_groups(table.drop(columns="Class")).value_counts().max()
    strata = 2 if stratify else 1
    assert abs(len(parts.y_test) - test_size * len(table)) <= strata * largest / 2
    if stratify:  # to within a group of each class, and the two groups that hold both
        assert parts.y_test.mean() == pytest.approx(table["Class"].mean(), abs=0.005)


def test_another_seed_groups_otherwise_and_the_same_seed_alike(table):
    first, again, other = (
        data.split(table, "Class", cut(0.2, random_state=seed, duplicates="group"))
        for seed in (1, 1, 2)
    )
    assert list(first.X_test.index) == list(again.X_test.index)
    assert set(first.X_test.index) != set(other.X_test.index)


def test_groups_too_few_to_cut_are_told():
    table = pd.DataFrame({"a": [1, 1, 1, 2, 2], "Class": [0, 0, 0, 1, 1]})
    with pytest.raises(DataError, match=r"^test_size=0.4 leaves 3 training rows and none of cla"):
        data.split(table, "Class", cut(0.4, duplicates="group"))


# The scaling, and what the notebook prints of it.


def golden_head(name: str) -> list[dict[str, str]]:
    with (ROOT / "tests" / "golden" / name).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


GOLDEN = [("train", row) for row in golden_head("train_head.csv")] + [
    ("test", row) for row in golden_head("test_head.csv")
]


@pytest.fixture(scope="module")
def normalised(parts: Parts) -> dict[str, pd.DataFrame]:
    fitted = preprocessing.fit(parts.X_train, SETTINGS.ingest.kinds, "min-max")
    return {
        "train": preprocessing.frame(fitted, parts.X_train),
        "test": preprocessing.frame(fitted, parts.X_test),
    }


def test_both_printed_heads_are_whole():
    """Five rows, twelve columns, six digits each, of either table."""
    expected = [
        (part, str(row), feature)
        for part in ("train", "test")
        for row in range(5)
        for feature in SETTINGS.ingest.columns
    ]
    assert [(part, row["row"], row["feature"]) for part, row in GOLDEN] == expected
    assert {row["digits"] for _, row in GOLDEN} == {"6"}


@pytest.mark.parametrize(
    ("part", "row"), GOLDEN, ids=[f"{part}-{row['row']}-{row['feature']}" for part, row in GOLDEN]
)
def test_the_notebook_s_head_is_reproduced(normalised, part, row):
    half_a_unit = 0.5 * 10 ** -int(row["digits"])
    found = normalised[part].loc[int(row["row"]), row["feature"]]
    assert found == pytest.approx(float(row["value"]), abs=half_a_unit), row["source"]


def test_the_scaling_knows_the_training_rows_only():
    X_train = pd.DataFrame({"pH": [3.0, 4.0, 3.5], "alcohol": [8.0, 12.0, 9.0]}, index=[5, 1, 9])
    X_test = pd.DataFrame({"pH": [2.0, 5.0], "alcohol": [16.0, 10.0]}, index=[0, 2])
    fitted = preprocessing.fit(X_train, SETTINGS.ingest.kinds, "min-max")
    assert fitted.numbers == fitted.columns == fitted.inputs == ["pH", "alcohol"]
    assert fitted.minimum.tolist() == [3.0, 8.0]
    assert fitted.maximum.tolist() == [4.0, 12.0]
    assert preprocessing.frame(fitted, X_train).to_dict("list") == {
        "pH": [0.0, 1.0, 0.5],
        "alcohol": [0.0, 1.0, 0.25],
    }
    assert preprocessing.frame(fitted, X_test).to_dict("list") == {
        "pH": [-1.0, 2.0],
        "alcohol": [2.0, 0.5],
    }


# Raw files that do not fit. GOOD is the white file; what stands in the table below is the red one.

GOOD = b"acid;pH\n1;3\n2;3.5\n3;3.25\n"
SMALL = Ingest(
    files=[RawFile(name="red.csv", label="1"), RawFile(name="white.csv", label="0")],
    separator=";",
    target="Class",
    positive="1",
    columns={"acid": [0.0, 20.0], "pH": [2.0, 5.0]},
)
OUT_OF_ACID = "is out of range; it must lie in 0 to 20"
NO_VALUE = "no value; every cell needs a number"

FAULTS: dict[str, tuple[bytes, list[str]]] = {
    "an empty file": (b"", ["empty; it needs a header and rows"]),
    "blank lines only": (b"\n\n", ["empty; it needs a header and rows"]),
    "a header only": (b"acid;pH\n", ["no rows below the header"]),
    "a header without line end": (b"acid;pH", ["no rows below the header"]),
    "a blank line first": (b"\n" + GOOD, ["line 1 is blank; the header must stand there"]),
    "a mistyped column": (
        b"acdi;pH\n1;3\n",
        ["column 'acdi' is not expected; did you mean 'acid'?", "column 'acid' is missing"],
    ),
    "a column with a blank before its name": (
        b"acid; pH\n1;3\n",
        ["column ' pH' is not expected; did you mean 'pH'?", "column 'pH' is missing"],
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
        ["line 5, column 'acid': 'acid' is no number", "line 5, column 'pH': 'pH' is no number"],
    ),
    "text": (b"acid;pH\n1;3\nsour;3\n", ["line 3, column 'acid': 'sour' is no number"]),
    "a decimal comma": (b"acid;pH\n1;3\n2;3,5\n", ["line 3, column 'pH': '3,5' is no number"]),
    "a hexadecimal number": (b"acid;pH\n0x1;3\n", ["line 2, column 'acid': '0x1' is no number"]),
    "an underscore": (b"acid;pH\n1_0;3\n", ["line 2, column 'acid': '1_0' is no number"]),
    "a date": (b"acid;pH\n2001-01-01;3\n", ["line 2, column 'acid': '2001-01-01' is no number"]),
    "a truth value": (b"acid;pH\n1;3\ntrue;3\n", ["line 3, column 'acid': 'true' is no number"]),
    "truth values only": (
        b"acid;pH\n1;True\n1;False\n",
        ["line 2, column 'pH': 'True' is no number", "line 3, column 'pH': 'False' is no number"],
    ),
    "an empty cell": (b"acid;pH\n1;3\n;3\n2;3\n", [f"line 3, column 'acid': {NO_VALUE}"]),
    "nan": (b"acid;pH\n1;3\n1;nan\n", [f"line 3, column 'pH': 'nan' is {NO_VALUE}"]),
    "NA": (b"acid;pH\nNA;3\n1;3\n", [f"line 2, column 'acid': 'NA' is {NO_VALUE}"]),
    "too large a value": (
        b"acid;pH\n1;3\n20.5;3\n",
        [f"line 3, column 'acid': '20.5' {OUT_OF_ACID}"],
    ),
    "a negative value": (b"acid;pH\n-0.1;3\n", [f"line 2, column 'acid': '-0.1' {OUT_OF_ACID}"]),
    "infinities": (
        b"acid;pH\ninf;3\n-inf;3\n1e999;3\n",
        [
            f"line 2, column 'acid': 'inf' {OUT_OF_ACID}",
            f"line 3, column 'acid': '-inf' {OUT_OF_ACID}",
            f"line 4, column 'acid': '1e999' {OUT_OF_ACID}",
        ],
    ),
    "a blank line": (b"acid;pH\n1;3\n\n2;3\n", ["line 3 is blank"]),
    "blank lines at the end": (b"acid;pH\n1;3\n\n\n", ["line 3 is blank", "line 4 is blank"]),
    "a line of blanks": (b"acid;pH\n1;3\n  \n2;3\n", ["line 3 has 1 cell, the header has 2"]),
    "too few cells": (b"acid;pH\n1;3\n2\n", ["line 3 has 1 cell, the header has 2"]),
    "too many cells": (b"acid;pH\n1;3\n2;3;4\n", ["line 3 has 3 cells, the header has 2"]),
    "too many cells in the first row": (
        b"acid;pH\n1;3;9\n2;3\n",
        ["line 2 has 3 cells, the header has 2"],
    ),
    "too many cells in all rows": (
        b"acid;pH\n1;3;\n2;3;7\n",
        ["line 2 has 3 cells, the header has 2", "line 3 has 3 cells, the header has 2"],
    ),
    "a quotation mark that stays open": (
        b'acid;pH\n1;3\n"2;3\n2;3\n',
        ["line 3 has a quotation mark that is not closed"],
    ),
    "a null byte": (
        b"acid;pH\n1\x002;3\n",
        ["line 2 has a null byte; the file is no text or is damaged"],
    ),
    "a column without a name": (
        b"acid;pH;\n1;3;\n",
        [
            "column 3 has no name in the header",
        ],
    ),
    "Latin-1": (b"acid;pH\n1;3\n\xe9;3\n", ["line 3 is not UTF-8; save the file as UTF-8"]),
    "UTF-16": (GOOD.decode().encode("utf-16"), ["is UTF-16; save the file as UTF-8"]),
    "several faults": (
        b"acid;pH;sugar\nsour;3;0\n2;;0\n99;1.5;0\n",
        [
            "column 'sugar' is not expected",
            "line 2, column 'acid': 'sour' is no number",
            f"line 4, column 'acid': '99' {OUT_OF_ACID}",
            f"line 3, column 'pH': {NO_VALUE}",
            "line 4, column 'pH': '1.5' is out of range; it must lie in 2 to 5",
        ],
    ),
    "the same fault very often": (
        b"acid;pH\n" + b"x;3\n" * 9,
        [
            *(f"line {line}, column 'acid': 'x' is no number" for line in range(2, 7)),
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
        return data.read_raw("raw", SMALL).table

    return read_both


def told(faults: list[str]) -> str:
    """Return the whole message about some faults."""
    return (
        f"The raw files have {len(faults)} fault{'s' if len(faults) > 1 else ''}, so no table was "
        "made:\n" + "".join(f"  {fault}\n" for fault in faults) + "Mend the files in raw "
        "(`git checkout -- raw` brings the committed ones back), or change what is expected under "
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
    assert str(caught.value) == told(["raw/red.csv: missing"])


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
            "raw/white.csv: line 2, column 'acid': 'x' is no number",
            f"raw/white.csv: line 3, column 'acid': '99' {OUT_OF_ACID}",
        ]
    )


FITTING = {
    "as the other": b"acid;pH\n1;3\n2;3.5\n",
    "no line end at the end": b"acid;pH\n1;3\n2;3.5",
    "Windows line ends": b"acid;pH\r\n1;3\r\n2;3.5\r\n",
    "old Mac line ends": b"acid;pH\r1;3\r2;3.5\r",
    "a byte order mark": b"\xef\xbb\xbfacid;pH\n1;3\n2;3.5\n",
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
        "The table has 3 of class 0, 1 of class 1, so it cannot be split. It needs both classes, "
        "with at least two rows each. Change `ingest.files` in params.yaml or the files in "
        "data/raw (red.csv, white.csv)."
    )


def test_a_single_class_is_told(tmp_path):
    (tmp_path / "white.csv").write_bytes(GOOD)
    white_only = SMALL.model_copy(update={"files": SMALL.files[1:]})
    with pytest.raises(DataError, match=r"^The table has 3 of class 0, so it cannot be split\."):
        data.read_raw(str(tmp_path), white_only).table


def test_files_that_params_yaml_does_not_list_are_named(tmp_path):
    for name in ("white.csv", "red.csv", "rose.csv", "a.txt"):
        (tmp_path / name).touch()
    assert data.unlisted(str(tmp_path), SMALL) == ["a.txt", "rose.csv"]
    assert data.unlisted(str(ROOT / "data" / "raw"), SETTINGS.ingest) == []


# Splits that cannot be.

TEN = pd.DataFrame({"pH": range(10), "Class": [0] * 8 + [1] * 2})
PLACE = "Change split.test_size or split.stratify in params.yaml."
BOTH = "both sets need at least one row of each class."


@pytest.mark.parametrize(
    ("test_size", "stratify", "told"),
    [
        (0.1, False, f"test_size=0.1 leaves 1 test rows and none of class 1; {BOTH} {PLACE}"),
        (0.9, False, f"test_size=0.9 leaves 1 training rows and none of class 1; {BOTH} {PLACE}"),
        (
            0.1,
            True,
            "test_size=0.1 cannot cut 10 rows: The test_size = 1 should be greater or equal to the "
            f"number of classes = 2. {PLACE}",
        ),
        (
            0.99,
            False,
            "test_size=0.99 cannot cut 10 rows: With n_samples=10, test_size=0.99 and "
            "train_size=None, the resulting train set will be empty. Adjust any of the "
            f"aforementioned parameters. {PLACE}",
        ),
    ],
)
def test_a_split_that_leaves_a_set_without_a_class_is_told(test_size, stratify, told):
    with pytest.raises(DataError) as caught:
        data.split(TEN, "Class", cut(test_size, stratify, random_state=1))
    assert str(caught.value) == told


def cutting(validation_size: float) -> Curves:
    return SETTINGS.curves.model_copy(update={"validation_size": validation_size})


def test_held_out_rows_are_no_training_rows_and_have_the_same_class_shares():
    X, y = pd.DataFrame({"pH": range(500)}), pd.Series([0, 0, 0, 0, 1] * 100, name="Class")
    parts = data.hold_out(X, y, cutting(0.3))
    assert (len(parts.X_train), len(parts.X_test)) == (350, 150)
    assert set(parts.X_train["pH"]) | set(parts.X_test["pH"]) == set(range(500))
    assert parts.y_train.mean() == parts.y_test.mean() == 0.2
    for features, labels in ((parts.X_train, parts.y_train), (parts.X_test, parts.y_test)):
        assert list(labels) == [int(pH % 5 == 4) for pH in features["pH"]]
    again = data.hold_out(X, y, cutting(0.3))
    assert list(again.X_test["pH"]) == list(parts.X_test["pH"])
    reseeded = cutting(0.3).model_copy(update={"random_state": 43})
    assert list(data.hold_out(X, y, reseeded).X_test["pH"]) != list(parts.X_test["pH"])


@pytest.mark.parametrize(
    ("validation_size", "told"),
    [
        (0.1, f"validation_size=0.1 cannot cut 10 training rows; {BOTH}"),
        (0.95, f"validation_size=0.95 cannot cut 10 training rows; {BOTH}"),
        (0.2, f"validation_size=0.2 leaves 2 held-out rows and none of class 1; {BOTH}"),
    ],
)
def test_held_out_rows_that_leave_a_set_without_a_class_are_told(validation_size, told):
    with pytest.raises(DataError) as caught:
        data.hold_out(TEN[["pH"]], TEN["Class"], cutting(validation_size))
    assert str(caught.value) == (
        f"{told} Change curves.validation_size in params.yaml, or give more rows."
    )


def test_more_folds_than_rows_of_a_class_are_told():
    y_train = pd.Series([0] * 9 + [1] * 4)
    data.check_folds(y_train, 4)
    with pytest.raises(DataError) as caught:
        data.check_folds(y_train, 5)
    assert str(caught.value) == (
        "grid_search.cv=5 needs at least 5 training rows of each class, one a fold, but class 1 "
        "has 4. Change grid_search.cv or split.test_size in params.yaml, or give more rows."
    )


def test_a_group_is_one_row_to_the_folds():
    y_train = pd.Series([0] * 6 + [1] * 6, name="Class")
    groups = pd.Series([0, 1, 2, 3, 4, 5, 6, 6, 6, 7, 7, 8])
    data.check_folds(y_train, 3, groups)
    data.check_folds(y_train, 4)
    with pytest.raises(DataError, match=r"at least 4 training rows of different features of each"):
        data.check_folds(y_train, 4, groups)


def test_rows_held_out_of_groups_have_no_copy_in_training(table):
    X, y = table.drop(columns="Class"), table["Class"]
    parts = data.hold_out(X, y, cutting(0.2), data.copy_groups(X))
    assert data.seen_in_training(parts.X_train, parts.X_test).sum() == 0
    assert len(parts.y_test) == pytest.approx(0.2 * len(y), abs=20)


# Shares of the training rows, and features that are left out.


@pytest.fixture(scope="module")
def y_train(parts) -> pd.Series:
    return parts.y_train.reset_index(drop=True)


def test_the_whole_share_is_all_rows_in_order(y_train):
    assert list(data.draw_share(y_train, 1.0, 0)) == list(range(5197))


@pytest.mark.parametrize("share", [0.05, 0.25, 0.5])
def test_a_share_has_the_class_shares_of_all_and_each_row_once(y_train, share):
    places = data.draw_share(y_train, share, 3)
    assert len(places) == int(share * 5197) == len(set(places))
    assert set(places) <= set(range(5197))
    assert y_train[places].sum() == pytest.approx(share * y_train.sum(), abs=1)
    assert list(places) != sorted(places)


def test_a_share_is_drawn_by_its_seed(y_train):
    first, again, other = (data.draw_share(y_train, 0.1, seed) for seed in (0, 0, 1))
    assert list(first) == list(again)
    # Drawn independently, a tenth of the one is in the other.
    assert len(set(first) & set(other)) == pytest.approx(0.1 * len(first), abs=30)


LABELS = pd.Series([0] * 15 + [1] * 5)
NOT_DRAWN = (
    "A share of {} of 20 training rows cannot be drawn, so no model can train on it: it needs a "
    "row of each class, and as many must be left over unless it is 1. Change "
    "learning_curve.train_sizes in params.yaml, or give more rows."
)


@pytest.mark.parametrize("share", [0.01, 0.05, 0.95, 0.999])
def test_a_share_that_cannot_be_drawn_is_told(share):
    with pytest.raises(DataError) as caught:
        data.draw_share(LABELS, share, 0)
    assert str(caught.value) == NOT_DRAWN.format(share)


def test_a_share_that_lacks_a_class_is_told():
    """Two rows of these would be of the larger class both."""
    labels = pd.Series([0] * 39 + [1] * 2)
    with pytest.raises(DataError, match=r"A share of 0\.05 of 41 training rows cannot be drawn"):
        data.draw_share(labels, 0.05, 0)


def sizes(*shares: float) -> LearningCurve:
    return LearningCurve(train_sizes=list(shares), runs=2, random_state=0)


@pytest.mark.parametrize(
    ("shares", "told"),
    [
        ((0.01, 0.5), NOT_DRAWN.format(0.01)),
        ((0.5, 0.95), NOT_DRAWN.format(0.95)),
        (
            (0.5, 0.54, 1.0),
            "Shares of 0.5 and 0.54 of 20 training rows are 10 rows each, so there is no step from "
            "one to the other. Change learning_curve.train_sizes in params.yaml.",
        ),
    ],
)
def test_shares_that_make_no_curve_are_told(shares, told):
    with pytest.raises(DataError) as caught:
        data.check_train_sizes(LABELS, sizes(*shares))
    assert str(caught.value) == told


def test_shares_that_make_a_curve_are_let_through():
    data.check_train_sizes(LABELS, sizes(0.1, 0.5, 0.55, 0.9, 1.0))


FEATURES = ["fixed acidity", "pH", "quality"]


@pytest.mark.parametrize(
    ("leave_out", "features", "told"),
    [
        (
            ["pH", "qualty"],
            FEATURES,
            "importance.leave_out names 'qualty', so no model can be trained without it: it is "
            "none of the 3 features; did you mean 'quality'? Change importance.leave_out in "
            "params.yaml; [] leaves out none.",
        ),
        (
            ["Class"],
            FEATURES,
            "importance.leave_out names 'Class', so no model can be trained without it: it is none "
            "of the 3 features. Change importance.leave_out in params.yaml; [] leaves out none.",
        ),
        (
            ["pH"],
            ["pH"],
            "importance.leave_out names 'pH', the only feature, so nothing would be left to train "
            "on. Change importance.leave_out in params.yaml; [] leaves out none.",
        ),
    ],
)
def test_a_feature_that_cannot_be_left_out_is_told(leave_out, features, told):
    with pytest.raises(DataError) as caught:
        data.check_leave_out(leave_out, features)
    assert str(caught.value) == told


@pytest.mark.parametrize(
    ("leave_out", "features"), [([], FEATURES), (FEATURES, FEATURES), ([], ["pH"])]
)
def test_features_that_can_be_left_out_are_let_through(leave_out, features):
    data.check_leave_out(leave_out, features)
