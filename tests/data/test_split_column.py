"""The column of the split is read from the raw files, as groups or as times, with its faults."""

import gzip
from pathlib import Path

import pandas as pd
import pytest

from winenet.data import split_column
from winenet.data.raw_file import DataError
from winenet.data.split_column import SplitColumn
from winenet.params import Ingest, RawFile, Split


def read(
    folder: Path,
    *files: list[str],
    method: str = "time",
    kind: object = None,
    na: str = "NA",
    **changes: object,
) -> SplitColumn:
    """Write the cells of a column into raw files and read them.

    kind: of ingest.columns; None: a column left out. changes: of the parameters.
    """
    names = [f"{number}.csv" for number in range(len(files))]
    for name, cells in zip(names, files, strict=True):
        pairs = [(*cell.split("/"), "a")[:2] for cell in cells]  # cell/label, if it matters
        lines = ["Class,when,pH", *(f"{label},{cell},1" for cell, label in pairs)]
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    given: dict[str, object] = {
        "files": [{"name": name} for name in names],
        "separator": ",",
        "target": "Class",
        "columns": {"pH": "number"} | ({} if kind is None else {"when": kind}),
        "drop_columns": ["when"] if kind is None else [],
        "na_values": [na],
    }
    settings = Ingest.model_validate(given | changes)
    split = Split(test_size=0.2, random_state=0, method=method, column="when", duplicates="keep")
    found = split_column.read(str(folder), settings, split)
    assert found is not None
    return found


@pytest.mark.parametrize("kind", [None, "category"])
def test_groups_are_texts_as_they_are_written(tmp_path, kind):
    found = read(tmp_path, ["7", "07", "7"], ["x", "07"], method="group", kind=kind)
    assert list(found.written) == ["7", "07", "7", "x", "07"]
    assert list(found.key) == [0, 1, 0, 3, 1]


def test_groups_of_a_number_are_numbers(tmp_path):
    found = read(tmp_path, ["7", "7.0", "8"], method="group", kind="number")
    assert list(found.key) == [0, 0, 2]


@pytest.mark.parametrize(
    ("cells", "ranks"),
    [
        (["10", "9", "1e1", "-2.5"], [2, 1, 2, 0]),
        (["2019-03-10", "2019-03-09", "2019-03-10 00:00", "2018-12-31"], [2, 1, 2, 0]),
        (["2019-03-10T12:00:00.5", "2019-03-10 12:00", "2019-03-10T12:00:00.25Z"], [2, 0, 1]),
        (["2019-03-10T12:00+01:00", "2019-03-10T11:30Z", "2019-03-10T11:00"], [0, 1, 0]),
        (["20190310", "20181231"], [1, 0]),
    ],
)
def test_times_are_numbers_or_iso_dates_and_equal_ones_have_one_rank(tmp_path, cells, ranks):
    assert list(read(tmp_path, cells).key) == ranks


def test_a_gzip_file_is_read_as_well(tmp_path):
    read(tmp_path, ["2", "1"])
    packed = tmp_path / "0.csv.gz"
    packed.write_bytes(gzip.compress((tmp_path / "0.csv").read_bytes()))
    settings = Ingest(
        files=[RawFile(name="0.csv.gz")],
        separator=",",
        target="Class",
        columns={"pH": "number", "when": "number"},
    )
    split = Split(test_size=0.2, random_state=0, method="time", column="when", duplicates="keep")
    found = split_column.read(str(tmp_path), settings, split)
    assert found is not None
    assert list(found.key) == [1, 0]


def test_dates_of_parquet_are_times_and_rows_count_from_one(tmp_path):
    path = tmp_path / "0.parquet"
    when = pd.to_datetime(["2019-03-10 12:00", "2019-03-09 12:00"])
    pd.DataFrame({"Class": ["a", "a"], "pH": [1.0, 2.0], "when": when}).to_parquet(path)
    settings = Ingest(
        files=[RawFile(name=path.name)],
        separator=",",
        target="Class",
        columns={"pH": "number"},
        drop_columns=["when"],
    )
    split = Split(test_size=0.2, random_state=0, method="time", column="when", duplicates="keep")
    found = split_column.read(str(tmp_path), settings, split)
    assert found is not None
    assert list(found.key) == [1, 0]
    pd.DataFrame({"Class": ["a", "a"], "pH": [1, 2], "when": [when[0], None]}).to_parquet(path)
    with pytest.raises(DataError, match=r"0\.parquet: row 2, column 'when': no value; every"):
        split_column.read(str(tmp_path), settings, split)


END = "Correct the files, take out these rows, or choose another split.column."
RULE = (
    "is not a time; all cells must be numbers, or all ISO dates such as 2019-03-23 or "
    "2019-03-23T20:21:09"
)


@pytest.mark.parametrize(
    ("cell", "rule"),
    [
        ("", "no value; every row needs one"),
        ("NA", "no value; every row needs one"),
        ("23.03.2019", f"'23.03.2019' {RULE}"),
        ("2019-02-30", f"'2019-02-30' {RULE}"),
        ("2019-03", f"'2019-03' {RULE}"),
        ("inf", f"'inf' {RULE}"),
        ("5", f"'5' {RULE}"),
    ],
)
def test_a_cell_without_a_time_is_told_with_its_line(tmp_path, cell, rule):
    with pytest.raises(DataError) as caught:
        read(tmp_path, ["2019-03-10"], ["2019-03-09", cell])
    assert str(caught.value) == (
        "split.column has 1 fault, so the table cannot be split:\n"
        f"  {tmp_path}/1.csv: line 3, column 'when': {rule}\n{END}"
    )


@pytest.mark.parametrize("cell", ["inf", "soon"])
def test_a_cell_without_a_number_among_numbers_is_told(tmp_path, cell):
    with pytest.raises(DataError) as caught:
        read(tmp_path, ["2", cell, "1"])
    assert f"0.csv: line 3, column 'when': '{cell}' {RULE}\n" in str(caught.value)


@pytest.mark.parametrize("kind", [None, "category", "number"])
def test_a_missing_group_is_told_and_only_the_first_ones_in_full(tmp_path, kind):
    with pytest.raises(DataError) as caught:
        read(tmp_path, ["1", *["", "NA"] * 4], method="group", kind=kind)
    lines = [
        f"  {tmp_path}/0.csv: line {line}, column 'when': no value; every row needs one"
        for line in range(3, 8)
    ]
    assert str(caught.value).split("\n") == [
        "split.column has 8 faults, so the table cannot be split:",
        *lines,
        "  3 more such cells",
        END,
    ]


def test_a_column_that_the_file_lacks_is_told(tmp_path):
    (tmp_path / "0.csv").write_text("Class,pH\na,1\n", encoding="utf-8")
    settings = Ingest(
        files=[RawFile(name="0.csv")],
        separator=",",
        target="Class",
        columns={"pH": "number"},
        drop_columns=["when"],
    )
    split = Split(test_size=0.2, random_state=0, method="group", column="when", duplicates="keep")
    with pytest.raises(DataError) as caught:
        split_column.read(str(tmp_path), settings, split)
    assert f"{tmp_path}/0.csv: column 'when' is missing\n" in str(caught.value)


DATE = {"type": "date", "format": "%d.%m.%Y", "parts": ["year"]}


def test_a_date_is_a_time_as_params_yaml_says_it_is_written(tmp_path):
    cells = ["10.03.2019", "09.12.2019", "31.12.2018", "10.03.2019"]
    assert list(read(tmp_path, cells, kind=DATE).key) == [1, 2, 0, 1]
    told = r"line 3, column 'when': '2019-03-10' is not a date like %d\.%m\.%Y"
    with pytest.raises(DataError, match=told):
        read(tmp_path, ["10.03.2019", "2019-03-10"], kind=DATE)


def test_a_number_is_a_time_as_params_yaml_says_it_is_written(tmp_path):
    number = {"type": "number", "decimal": ".", "thousands": "'", "unit": "s"}
    assert list(read(tmp_path, ["1'000 s", "999.5s", "2 s"], kind=number).key) == [2, 1, 0]


def test_a_pattern_of_columns_says_how_the_column_is_read(tmp_path):
    columns = {"pH": "number", "wh*": "number"}
    found = read(tmp_path, ["7", "7.0", "8"], method="group", columns=columns, drop_columns=[])
    assert list(found.key) == [0, 0, 2]


def test_a_column_s_own_words_for_a_gap_are_none_of_its_groups(tmp_path):
    own = {"type": "category", "na_values": ["nobody"]}
    with pytest.raises(DataError, match="line 3, column 'when': no value; every row needs one"):
        read(tmp_path, ["NA", "nobody"], method="group", kind=own)
    assert list(read(tmp_path, ["NA", "x", "NA"], method="group", kind=own).key) == [0, 1, 0]


@pytest.mark.parametrize("method", ["group", "time"])
def test_rows_that_the_table_leaves_out_have_no_entry(tmp_path, method):
    """Not even a value is asked of them: rows without a label, and those of rare classes."""
    cells = ["5/a", "/", "4/a", "9/NA", "5/b", "/rare", "3/b"]
    found = read(tmp_path, cells, method=method, rare_classes="drop")
    assert list(found.written) == ["5", "4", "5", "3"]
    assert list(found.key) == {"group": [0, 1, 0, 3], "time": [2, 1, 2, 0]}[method]


def test_a_fault_names_the_line_below_rows_that_are_left_out(tmp_path):
    with pytest.raises(DataError, match=r"0\.csv: line 4, column 'when': no value"):
        read(tmp_path, ["5/a", "/", "/a"])
