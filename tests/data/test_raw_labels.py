"""Labels: rows without one, classes of few rows, numbers as labels, and texts that look alike."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from winenet.data import raw_table
from winenet.data.raw_table import DataError, RawTable
from winenet.params import Ingest


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("raw").mkdir()


def read(*labels: str, **changes: Any) -> RawTable:
    """Read a table of these labels beside the numbers 0, 1, ..."""
    lines = ["a,kind", *(f"{row},{label}" for row, label in enumerate(labels))]
    Path("raw/t.csv").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    settings: dict[str, Any] = {
        "files": [{"name": "t.csv"}],
        "separator": ",",
        "target": "kind",
        "columns": {"a": "number"},
        "na_values": ["NA"],
    }
    return raw_table.read_raw("raw", Ingest.model_validate(settings | changes))


def refused(*labels: str, **changes: Any) -> str:
    with pytest.raises(DataError) as caught:
        read(*labels, **changes)
    return str(caught.value)


# Rows without a label


def test_rows_without_a_label_are_left_out_and_counted():
    raw = read("x", "", "y", "NA", "x", " ", "y", "\u200b", positive_label="y")
    assert raw.table["a"].tolist() == [0, 2, 4, 6]
    assert raw.table["kind"].tolist() == [0, 1, 0, 1]
    assert raw.dropped == {"unlabelled": 4, "rare_classes": 0}
    assert raw.notes == ["4 rows without a label left out"]


def test_a_cell_without_a_label_need_not_fit():
    raw = read("x", "y", "x", "y", positive_label="y")
    Path("raw/t.csv").write_text("a,kind\n0,x\nTotal,\n1,y\n2,x\n3,y\n", encoding="utf-8")
    settings = Ingest(
        files=[{"name": "t.csv"}],
        separator=",",
        target="kind",
        columns={"a": "number"},
        positive_label="y",
    )
    found = raw_table.read_raw("raw", settings)
    pd.testing.assert_frame_equal(found.table, raw.table)
    assert found.dropped["unlabelled"] == 1


def test_rows_without_a_label_are_faults_where_they_are_to_be_refused():
    told = refused("x", "", "y", "NA", "x", "y", unlabelled="refuse", positive_label="y")
    assert "  raw/t.csv: line 3, column 'kind': no value; every row needs a label\n" in told
    assert "  raw/t.csv: line 5, column 'kind': no value; every row needs a label\n" in told
    assert told.startswith("The raw files have 2 faults, so no table was made:\n")


def test_a_table_without_any_label_is_told():
    assert "raw/t.csv: no row has a label" in refused("", "NA", "")


# Classes of few rows

RARE = ["x", "x", "y", "y", "one", "two", "two"]


def test_classes_of_few_rows_are_refused_all_at_once_with_what_is_left():
    assert refused(*RARE, "three", "x", min_class_rows=3) == (
        "Column 'kind' has 4 classes of fewer than 3 rows ('y' 2, 'two' 2, 'one' 1, 'three' 1), "
        "too few to be split. Without them 1 class and 3 rows are left. `ingest.rare_classes: "
        "merge=other` joins them; or add rows."
    )
    assert refused(*RARE) == (
        "Column 'kind' has 1 class of fewer than 2 rows ('one' 1), too few to be split. Without "
        "them 3 classes and 6 rows are left. `ingest.rare_classes: drop` leaves them out; or add "
        "rows."
    )


@pytest.mark.parametrize(
    ("labels", "cure"), [(RARE, "drop"), ([*RARE, "three"], "drop"), ([*RARE, "4"], "merge=other")]
)
def test_the_cures_that_are_printed_work(labels, cure):
    assert f"`ingest.rare_classes: {cure}`" in refused(*labels)
    read(*labels, rare_classes=cure)


def test_many_rare_classes_are_told_briefly():
    told = refused("x", "x", "y", "y", *(f"n{place}" for place in range(40)))
    assert "'n19' 1 and 20 more), too few" in told
    assert len(told) < 600


def test_rare_classes_are_left_out_on_request_and_counted():
    raw = read(*RARE, "NA", "three", rare_classes="drop")
    assert raw.labels == ["two", "x", "y"]
    assert raw.table["a"].tolist() == [0, 1, 2, 3, 5, 6]
    assert raw.table["kind"].tolist() == [1, 1, 2, 2, 0, 0]
    assert list(raw.table.index) == [*range(6)]
    assert raw.dropped == {"unlabelled": 1, "rare_classes": 2}
    assert raw.notes == [
        "1 row without a label left out",
        "2 classes of fewer than 2 rows left out: 2 rows ('one' 1, 'three' 1)",
    ]


def test_rare_classes_are_joined_on_request():
    raw = read(*RARE, "three", rare_classes="merge=few ones")
    assert raw.labels == ["few ones", "two", "x", "y"]
    assert raw.table["kind"].tolist() == [2, 2, 3, 3, 0, 1, 1, 0]
    assert raw.dropped["rare_classes"] == 0
    assert raw.notes == [
        "2 classes of fewer than 2 rows joined to 'few ones': 2 rows ('one' 1, 'three' 1)"
    ]


def test_rare_classes_may_be_joined_to_one_that_is_there():
    raw = read(*RARE, rare_classes="merge=two")
    assert raw.table["kind"].value_counts().to_dict() == {0: 3, 1: 2, 2: 2}


@pytest.mark.parametrize(
    ("labels", "treatment"),
    [
        (["x", "x", "one"], "drop"),  # leaves one class
        (["one", "two"], "drop"),  # leaves none
        (["x", "x", "y", "y", "one"], "merge=other"),  # is rare as well
        (["one", "two"], "merge=other"),  # leaves one class
    ],
)
def test_what_does_not_help_against_rare_classes_is_told(labels, treatment):
    assert f"so that `ingest.rare_classes: {treatment}` does not help. " in refused(
        *labels, rare_classes=treatment
    )


# Numbers as labels


def test_labels_that_are_the_same_number_are_one_class_and_it_is_said():  # B8
    Path("raw/more.csv").write_text("a,kind\n7,0.0\n8,1.0\n", encoding="utf-8")
    files = [{"name": "t.csv"}, {"name": "more.csv"}]
    raw = read("0", "1", "0", "1", files=files, positive_label="1")
    assert raw.labels == ["0", "1"]
    assert raw.table["kind"].tolist() == [0, 1, 0, 1, 0, 1]
    assert raw.notes == [
        "labels that are the same number as another are read as that: '0.0', '1.0'"
    ]


@pytest.mark.parametrize("positive", ["1", "1.0", "01", "1e0"])
def test_the_positive_label_compares_as_a_number(positive):
    assert read("0.0", "1.0", "0.0", "1.0", positive_label=positive).labels == ["0.0", "1.0"]
    assert read("1.0", "0.0", "1.0", "0.0", positive_label=positive).table["kind"].tolist() == [
        *(1, 0, 1, 0)
    ]


def test_long_numbers_that_differ_are_two_classes():
    """As float64 they would be one."""
    raw = read(*["9007199254740993", "9007199254740992"] * 2, positive_label="9007199254740993")
    assert raw.labels == ["9007199254740992", "9007199254740993"]


def test_words_beside_numbers_keep_all_labels_as_they_are():
    assert read(*["0", "0.0", "x"] * 2).labels == ["0", "0.0", "x"]


# Texts that look alike


def test_blanks_and_invisible_characters_make_no_other_label_or_level():  # B8
    labels = ["yes", "yes ", "\u00a0yes", "ye\u200bs", "caf\u00e9", "cafe\u0301"]
    lines = ["a,level,kind", *(f"{row},{text},{text}" for row, text in enumerate(labels))]
    Path("raw/t.csv").write_text("\n".join(lines), encoding="utf-8")
    settings = Ingest(
        files=[{"name": "t.csv"}],
        separator=",",
        target="kind",
        columns={"a": "number", "level": "category"},
        positive_label="yes",
    )
    raw = raw_table.read_raw("raw", settings)
    assert raw.labels == ["caf\u00e9", "yes"]
    assert raw.table["kind"].tolist() == [1, 1, 1, 1, 0, 0]
    assert raw.table["level"].tolist() == ["yes"] * 4 + ["caf\u00e9"] * 2


# Labels that are no harmless texts


@pytest.mark.parametrize("label", ["=1+1", "@SUM(A1)", "+cmd", "-x", "x;=1", "\uff1d1"])
def test_a_label_that_a_spreadsheet_would_run_is_refused(label):  # B17
    told = refused(label, "x", label, "x", positive_label="x")
    assert told.startswith(f"Column 'kind' has the label {label!r}, which a spreadsheet would run")


def test_numbers_with_a_sign_are_no_formulas():
    assert read("-1", "+1.5", "-1", "+1.5", positive_label="-1").labels == ["+1.5", "-1"]
