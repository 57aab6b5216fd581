"""Raw files of any kind: categories, gaps, labels of their own, packed, in blocks, Parquet."""

import gzip
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from winenet.data import raw_columns, raw_file, raw_table, table_reader, text_stream
from winenet.data.raw_table import DataError
from winenet.params import DisplayNames, Ingest

CSV = """\
age,sex,height,id,kind
31,f,1.70,a1,x
?,m,1.80,a2,y
45,NA,,a3,x
52,m,1.65,a4,y
"""


def ingest(**changes: object) -> Ingest:
    settings: dict[str, object] = {
        "files": [{"name": "people.csv"}],
        "separator": ",",
        "target": "kind",
        "positive_label": "y",
        "columns": {"age": [0.0, 120.0], "sex": "category", "height": "number"},
        "drop_columns": ["id"],
        "na_values": ["?", ""],
    }
    return Ingest.model_validate(settings | changes)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("raw").mkdir()
    Path("raw/people.csv").write_text(CSV, encoding="utf-8")
    return tmp_path / "raw"


def refused(settings: Ingest) -> str:
    with pytest.raises(DataError) as caught:
        raw_table.read_raw("raw", settings)
    return str(caught.value)


def test_numbers_categories_gaps_and_labels_are_read(folder):
    table, labels, *_ = raw_table.read_raw("raw", ingest())
    assert labels == ["x", "y"]
    assert list(table.columns) == ["age", "sex", "height", "kind"]
    assert table["kind"].tolist() == [0, 1, 0, 1]
    assert table["age"].isna().tolist() == [False, True, False, False]
    assert table["height"].isna().tolist() == [False, False, True, False]
    # A text is a text, even NA: only params.yaml says what stands for a gap.
    assert table["sex"].tolist() == ["f", "m", "NA", "m"]


def test_the_positive_label_is_class_1_whichever_it_is(folder):
    table, labels, *_ = raw_table.read_raw("raw", ingest(positive_label="x"))
    assert (labels, table["kind"].tolist()) == (["y", "x"], [1, 0, 1, 0])


def test_a_text_listed_as_missing_is_a_gap_of_categories_too(folder):
    table, *_ = raw_table.read_raw("raw", ingest(na_values=["?", "", "NA"]))
    assert table["sex"].isna().tolist() == [False, False, True, False]


def test_without_missing_each_gap_is_a_fault(folder):
    told = refused(ingest(na_values=[]))
    assert "line 3, column 'age': '?' is not a finite number" in told
    assert "line 4, column 'height': no value; every cell needs a number" in told


def test_several_labels_are_in_the_order_of_their_numbers(folder):
    text = "a;kind\n" + "".join(f"{row};{kind}\n" for kind in (10, 9, 2) for row in range(2))
    Path("raw/people.csv").write_text(text, encoding="utf-8")
    settings = ingest(
        separator=";", columns={"a": "number"}, drop_columns=[], positive_label=None, na_values=[]
    )
    table, labels, *_ = raw_table.read_raw("raw", settings)
    assert labels == ["2", "9", "10"]
    assert table["kind"].tolist() == [2, 2, 1, 1, 0, 0]
    assert (
        "column 'kind' has 3 labels ('2', '9', '10'), so none of them is the positive one. Set"
        in (refused(settings.model_copy(update={"positive_label": "2"})))
    )


@pytest.mark.parametrize(
    ("positive", "given"),
    [(None, "ingest.positive_label is null"), ("z", "ingest.positive_label is 'z'")],
)
def test_of_two_labels_one_must_be_named(folder, positive, given):
    told = refused(ingest(positive_label=positive))
    assert told == (
        f"{given}, but the labels of 'kind' are 'x', 'y', so it is open which of the two is class "
        "1. Set ingest.positive_label in params.yaml to one of them."
    )


def test_a_target_with_one_class_is_refused(folder):
    Path("raw/people.csv").write_text(CSV.replace(",y", ",x"), encoding="utf-8")
    assert refused(ingest()).startswith("The table has 4 rows of class x and no other class, so")


def test_a_text_column_of_ten_thousand_values_is_refused_with_the_cure(folder):
    rows = "".join(f"{row},n{row},{row % 2}\n" for row in range(10_000))
    Path("raw/people.csv").write_text("age,name,kind\n" + rows, encoding="utf-8")
    settings = ingest(
        columns={"age": "number", "name": "category"}, drop_columns=[], positive_label=1
    )
    assert refused(settings) == (
        "Column 'name' has 10,000 different texts in 10,000 rows, and each would become an input "
        "of its own; a category has at most 1,000. It may be a name or an id: move it from "
        "ingest.columns to ingest.drop_columns in params.yaml, or join rare texts in the raw file."
    )


def test_a_column_without_any_value_is_refused(folder):
    Path("raw/people.csv").write_text("age,kind\n,x\n,y\n,x\n,y\n", encoding="utf-8")
    told = refused(ingest(columns={"age": "number"}, drop_columns=[]))
    assert told.startswith("Column 'age' has no value in any row, so nothing can be learnt from it")


def test_infinity_is_no_number_without_bounds(folder):
    Path("raw/people.csv").write_text(CSV.replace("1.80", "1e999"), encoding="utf-8")
    assert "line 3, column 'height': '1e999' is not a finite number" in refused(ingest())


def test_a_packed_file_is_the_same_table(folder):
    expected, *_ = raw_table.read_raw("raw", ingest())
    (folder / "people.csv.gz").write_bytes(gzip.compress(CSV.encode()))
    found, *_ = raw_table.read_raw("raw", ingest(files=[{"name": "people.csv.gz"}]))
    pd.testing.assert_frame_equal(found, expected)


def test_a_file_s_first_bytes_say_whether_it_is_packed(folder):
    expected, *_ = raw_table.read_raw("raw", ingest())
    (folder / "people.csv").write_bytes(gzip.compress(CSV.encode()))
    (folder / "people.csv.gz").write_text(CSV, encoding="utf-8")
    for name in ("people.csv", "people.csv.gz"):
        found, *_ = raw_table.read_raw("raw", ingest(files=[{"name": name}]))
        pd.testing.assert_frame_equal(found, expected)


def test_a_packed_file_that_is_cut_off_is_told(folder):
    (folder / "people.csv").write_bytes(gzip.compress(CSV.encode())[:-9])
    assert "raw/people.csv: is not a complete gzip file; pack it again" in refused(ingest())


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("step", [1, 7, 40])
def test_blocks_and_line_ends_cannot_change_a_table_or_a_line_s_number(
    folder, monkeypatch, end, step
):
    expected, *_ = raw_table.read_raw("raw", ingest())
    (folder / "people.csv").write_bytes(CSV.replace("\n", end).encode())
    monkeypatch.setattr(raw_file, "BLOCK", step)
    monkeypatch.setattr(text_stream, "SAMPLE", 30)  # else all rows were the first block
    found, *_ = raw_table.read_raw("raw", ingest())
    pd.testing.assert_frame_equal(found, expected)
    faulty = CSV.replace("52,m", "old,m").replace("1.80,a2,y", "tall,a2,y").replace("\n", end)
    (folder / "people.csv").write_bytes(faulty.encode())
    told = refused(ingest())
    assert "line 5, column 'age': 'old' is not a finite number" in told
    assert "line 3, column 'height': 'tall' is not a finite number" in told


def test_the_faults_of_many_blocks_are_counted_together(folder, monkeypatch):
    text = "age,kind\n" + "x,1\n" * 9
    Path("raw/people.csv").write_text(text, encoding="utf-8")
    monkeypatch.setattr(raw_file, "BLOCK", 1)
    monkeypatch.setattr(text_stream, "SAMPLE", 10)
    told = refused(ingest(columns={"age": "number"}, drop_columns=[]))
    assert told.count("'x' is not a finite number") == 5
    assert "column 'age': 4 more such cells" in told


def people(**columns: object) -> Ingest:
    """Write the rows of CSV above as Parquet, with columns changed; return what reads them."""
    rows = {
        "age": pa.array([31, None, 45, 52]),
        "sex": pa.array(["f", "m", "NA", "m"]),
        "height": pa.array([1.7, 1.8, None, 1.65]),
        "id": pa.array(["a1", "a2", "a3", "a4"]),
        "kind": pa.array(["x", "y", "x", "y"]),
    }
    parquet.write_table(pa.table(rows | columns), "raw/people.parquet")
    return ingest(files=[{"name": "people.parquet"}])


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"age": pa.array([31.0, float("nan"), 45.0, 52.0])},
        {"sex": pa.array(["f", "m", "NA", "m"]).dictionary_encode()},
        {"height": pa.array([Decimal("1.70"), Decimal("1.80"), None, Decimal("1.65")])},
        {"kind": pa.array(["x", "y", "x", "y"], pa.large_string())},
    ],
)
def test_parquet_is_read_as_csv_is(folder, columns):
    expected, *_ = raw_table.read_raw("raw", ingest())
    found, *_ = raw_table.read_raw("raw", people(**columns))
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)


def test_parquet_that_pandas_wrote_has_its_index_left_out(folder):
    expected, *_ = raw_table.read_raw("raw", ingest())
    frame = pd.read_csv("raw/people.csv", na_values="?", keep_default_na=False)
    frame["height"] = pd.to_numeric(frame["height"])
    frame.set_axis([5, 3, 8, 2]).to_parquet("raw/people.parquet")
    found, *_ = raw_table.read_raw("raw", ingest(files=[{"name": "people.parquet"}]))
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)


def test_the_texts_for_a_gap_hold_in_parquet(folder):
    people(
        age=pa.array([31, -999, 45, 52]),
        sex=pa.array(["f", "?", "", "m"]),
        height=pa.array([1.7, 1.8, -999.0, 1.65]),
    )
    found, *_ = raw_table.read_raw(
        "raw", ingest(files=[{"name": "people.parquet"}], na_values=["?", "", "-999"])
    )
    assert found["age"].isna().tolist() == [False, True, False, False]
    assert found["sex"].isna().tolist() == [False, True, True, False]
    assert found["height"].isna().tolist() == [False, False, True, False]


def test_a_text_of_parquet_may_be_a_number(folder):
    expected, *_ = raw_table.read_raw("raw", ingest())
    found, *_ = raw_table.read_raw("raw", people(age=pa.array(["31", "?", "45", " 52"])))
    pd.testing.assert_frame_equal(found, expected)


def test_rows_of_parquet_count_from_1_in_all_blocks(folder, monkeypatch):
    monkeypatch.setattr(table_reader, "ROWS", 1)
    told = refused(people(age=pa.array([31, 130, 45, 131])))
    assert "row 2, column 'age': '130' is out of range; it must lie in 0 to 120" in told
    assert "row 4, column 'age': '131' is out of range" in told


def test_an_empty_text_of_parquet_is_no_label(folder):
    settings = people(kind=pa.array(["x", "", "x", "y"])).model_copy(
        update={"unlabelled": "refuse"}
    )
    assert "row 2, column 'kind': no value; every row needs a label" in refused(settings)


@pytest.mark.parametrize("unit", ["ns", "us", "ms", "s"])
def test_times_of_parquet_are_dates_whatever_their_unit(folder, unit):
    settings = people(
        age=pa.array(
            pd.to_datetime(["2024-01-01 07:30", "2024-01-02 00:00", None, "2024-01-03 00:00"])
        ).cast(pa.timestamp(unit))
    )
    date = {"type": "date", "format": "%d.%m.%Y %H:%M", "parts": ["day", "hour"]}
    columns = {"age": date, "sex": "category", "height": "number"}
    found, *_ = raw_table.read_raw(
        "raw", settings.model_copy(update=dict(ingest(columns=columns)) | {"files": settings.files})
    )
    assert found["age day"].fillna(0).tolist() == [1, 2, 0, 3]
    assert found["age hour"].fillna(-1).tolist() == [7, 0, -1, 0]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"age": pa.array([b"1", b"2", b"3", b"4"])},
            "row 1, column 'age': '<binary>' is of the type binary, not a number",
        ),
        (
            {"age": pa.array([True, False, True, None])},
            "row 1, column 'age': 'True' is of the type bool, not a number",
        ),
        (
            {"sex": pa.array([None, [2], [3], [4]])},
            "row 2, column 'sex': '<list<element: int64>>' is of the type "
            "list<element: int64>, not a category",
        ),
        (
            {"kind": pa.array([[1], [2], [1], [2]])},
            "row 1, column 'kind': '<list<element: int64>>' is of the type "
            "list<element: int64>, not a category",
        ),
    ],
)
def test_what_no_csv_could_hold_is_refused_in_parquet(folder, columns, message):
    assert message in refused(people(**columns))


def test_a_column_that_stands_twice_in_parquet_is_told(folder):
    table = pa.table([[1, 2], [3, 4]], names=["age", "age"])
    parquet.write_table(table, "raw/people.parquet")
    told = refused(ingest(files=[{"name": "people.parquet"}]))
    assert "column 'age' stands 2 times in the header" in told


@pytest.mark.parametrize("name", ["people.csv", "people.parquet"])
def test_a_number_for_a_gap_is_one_however_it_is_written(folder, name):
    Path("raw/people.csv").write_text(CSV.replace("?", "-999.0"), encoding="utf-8")
    people(age=pa.array([31, -999, 45, 52]))
    found, *_ = raw_table.read_raw("raw", ingest(files=[{"name": name}], na_values=["-999", ""]))
    assert found["age"].isna().tolist() == [False, True, False, False]


def test_a_rule_is_told_with_its_exact_bounds(folder):
    told = refused(ingest(columns={"age": [0.0, 1000001.0], "sex": "category", "height": [0, 1.5]}))
    assert "out of range; it must lie in 0 to 1.5" in told


def test_names_may_be_long(folder):
    name = "a" * 900
    Path("raw/people.csv").write_text(f'"{name}",kind\n1,x\n2,y\n3,x\n4,y\n', encoding="utf-8")
    table, *_ = raw_table.read_raw("raw", ingest(columns={name: "number"}, drop_columns=[]))
    assert list(table) == [name, "kind"]


def test_a_first_line_without_end_is_told(folder):
    Path("raw/people.csv").write_text('"' + "a" * 140_000 + '",b\n1,2\n', encoding="utf-8")
    assert "has a cell of more than 131,072 characters in its first line, so no columns" in refused(
        ingest()
    )


def test_a_target_of_names_is_told_briefly(folder):
    rows = "".join(f"{place},n{place}\n" * 2 for place in range(2000))
    Path("raw/people.csv").write_text("age,kind\n" + rows, encoding="utf-8")
    told = refused(ingest(columns={"age": "number"}, drop_columns=[]))
    assert told.startswith("Column 'kind' has 2,000 labels ('n0', 'n1', 'n2', 'n3', 'n4', ...), so")
    assert len(told) < 300


@pytest.mark.parametrize("labels", ["1--,1", "²,1", "٣,3"])
def test_labels_that_look_like_numbers_are_texts(folder, labels):
    first, second = labels.split(",")
    Path("raw/people.csv").write_text(
        f"age,kind\n1,{first}\n2,{second}\n3,{first}\n4,{second}\n", encoding="utf-8"
    )
    _, found, *_ = raw_table.read_raw(
        "raw", ingest(columns={"age": "number"}, drop_columns=[], positive_label=second)
    )
    assert found == [first, second]


@pytest.mark.parametrize("column", ["sex", "kind"])
def test_a_text_that_a_page_would_run_is_refused(folder, column):
    text = "</script><script>alert(1)</script>"
    old = {"sex": "m,", "kind": ",x\n"}[column]
    new = {"sex": f"{text},", "kind": f",{text}\n"}[column]
    Path("raw/people.csv").write_text(CSV.replace(old, new), encoding="utf-8")
    assert f"Column '{column}' has the text '</script>" in refused(ingest())


def test_words_are_the_labels_where_params_yaml_gives_none():
    columns = raw_columns.raw_columns(ingest(), [])
    plain = raw_table.make_schema(ingest(), ["x", "y"], columns)
    assert (plain.row, plain.rows, plain.names) == ("row", "rows", ["x", "y"])
    assert plain.kinds == {"age": "number", "sex": "category", "height": "number"}
    words = DisplayNames(row="person", rows="people", classes={"y": "young"})
    settings = ingest(display_names=words.model_dump())
    told = raw_table.make_schema(settings, ["x", "y"], columns)
    assert (told.row, told.rows, told.names) == ("person", "people", ["x", "young"])
