"""How params.yaml says that raw files are written and their columns are read."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from winenet.data import raw_columns, raw_file, raw_table, schema, text_stream
from winenet.data.raw_table import DataError, RawTable
from winenet.params import Ingest


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("raw").mkdir()


def ingest(**changes: Any) -> Ingest:
    settings: dict[str, Any] = {
        "files": [{"name": "t.csv"}],
        "separator": ",",
        "target": "kind",
        "columns": {"a": "number"},
        "positive_label": "y",
    }
    return Ingest.model_validate(settings | changes)


def read(text: str | bytes, **changes: Any) -> RawTable:
    Path("raw/t.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    return raw_table.read_raw("raw", ingest(**changes))


def refused(text: str | bytes, **changes: Any) -> str:
    with pytest.raises(DataError) as caught:
        read(text, **changes)
    return str(caught.value)


def column(cells: list[str], how: object, **changes: Any) -> pd.DataFrame:
    """Return the features of a column a; | separates the cells, the labels are x and y in turn."""
    rows = "".join(f"{cell}|{'xy'[row % 2]}\n" for row, cell in enumerate(cells))
    table = read(f"a|kind\n{rows}", separator="|", columns={"a": how}, **changes).table
    return table.drop(columns="kind")


# How a file is written


@pytest.mark.parametrize("encoding", ["windows-1252", "latin-1", "utf-16-le"])
def test_a_file_of_another_encoding_is_read(encoding):
    text = "Größe,kind\né,x\nö,y\né,x\nö,y\n"
    raw = read(text.encode(encoding), columns={"Größe": "category"}, encoding=encoding)
    assert raw.table["Größe"].tolist() == ["é", "ö", "é", "ö"]
    assert "raw/t.csv: " in refused(text.encode(encoding), columns={"Größe": "category"})


def test_a_file_quoted_by_apostrophes_is_read():
    text = "'a','kind'\n'1','x, \"1\"'\n'2','y'\n'3','x, \"1\"'\n'4','y'\n"
    assert read(text, quote="'").labels == ['x, "1"', "y"]


def test_a_file_without_header_has_columns_by_number():
    text = "5,f,x\n6,m,y\n7,f,x\n8,m,y\n"
    raw = read(text, header=False, columns={"c1": "number"}, drop_columns=["c2"], target="c3")
    assert raw.table.to_dict("list") == {"c1": [5, 6, 7, 8], "c3": [0, 1, 0, 1]}
    told = refused("5,x\n6,y\nz,x\n8,y\n", header=False, columns={"c1": "number"}, target="c2")
    assert "raw/t.csv: line 3, column 'c1': 'z' is not a finite number" in told


GOOD = "a,kind\n1,x\n2,y\n3,x\n4,y\n"


@pytest.mark.parametrize(
    ("text", "separator", "note"),
    [
        ("sep=;\n" + GOOD.replace(",", ";"), ";", "line 1 says that ';' is the separator"),
        (
            GOOD.replace("\n1", "\nINT,STRING\n1"),
            ",",
            "the line below the header names types ('INT', 'STRING'); skipped",
        ),
        (GOOD + "\n\n", ",", "2 blank lines at the end"),
        ("\n" + GOOD, ",", "1 blank line above the header"),
    ],
)
def test_lines_that_are_no_rows_are_skipped_and_it_is_said(text, separator, note):
    expected = read(GOOD).table
    found = read(text, separator=separator)
    pd.testing.assert_frame_equal(found.table, expected)
    assert found.notes == [f"raw/t.csv: {note}"]
    faulty = text.replace("4", "old")
    line = faulty[: faulty.index("old")].count("\n") + 1
    assert f"line {line}, column 'a': 'old'" in refused(faulty, separator=separator)


def test_separators_at_the_end_of_each_row_make_a_column_that_is_left_out():
    text = "a,kind\n1,x,\n2,y,\n3,x,\n4,y,\n"
    found = read(text, drop_columns=["unnamed 3"])
    pd.testing.assert_frame_equal(found.table, read(GOOD).table)
    assert found.notes == [
        "raw/t.csv: the header has one name less than each row has cells: each row ends in a "
        "separator"
    ]


def test_r_s_row_names_are_left_out():
    text = "a,kind\nr1,1,x\nr2,2,y\nr3,3,x\nr4,4,y\n"
    found = read(text, drop_columns=["unnamed 1"])
    pd.testing.assert_frame_equal(found.table, read(GOOD).table)


@pytest.mark.parametrize("cell", [2, "2"])
def test_excel_is_read_as_csv_is(cell):
    frame = pd.DataFrame({"a": [1, cell, 3, 4], "kind": ["x", "y", "x", "y"]})
    frame.to_excel("raw/t.xlsx", index=False)
    settings = ingest(files=[{"name": "t.xlsx"}])
    pd.testing.assert_frame_equal(raw_table.read_raw("raw", settings).table, read(GOOD).table)


# Cells of several lines


MULTILINE = 'a,note,kind\n1,"one\ntwo\n\nfour",x\n2,"a ""b""",y\n3,"\n",x\n4,z,y\n'


@pytest.mark.parametrize("sample", [20, text_stream.SAMPLE])
@pytest.mark.parametrize("block", [1, 5, 1000])
def test_a_cell_may_have_line_ends_and_may_be_left_out(monkeypatch, block, sample):  # B7
    monkeypatch.setattr(raw_file, "BLOCK", block)
    monkeypatch.setattr(text_stream, "SAMPLE", sample)
    columns = {"a": "number", "note": "category"}
    found = read(MULTILINE, columns=columns, na_values=[""])
    assert found.table["note"].fillna("-").tolist() == ["one\ntwo\n\nfour", 'a "b"', "-", "z"]
    found = read(MULTILINE, drop_columns=["note"])
    pd.testing.assert_frame_equal(found.table, read(GOOD).table)


@pytest.mark.parametrize("block", [1, 1000])
@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("2,", "old,", "line 6, column 'a': 'old' is not a finite number"),
        ("3,", "", "line 7 has 2 cells, the header has 3"),
        ("4,", "4,,", "line 9 has 4 cells, the header has 3"),
        ("4,z,y", "-1,z,", "line 9, column 'kind': no value; every row needs a label"),
    ],
)
def test_every_fault_names_its_line_below_a_cell_of_several(monkeypatch, block, old, new, fault):
    monkeypatch.setattr(raw_file, "BLOCK", block)
    monkeypatch.setattr(text_stream, "SAMPLE", 20)
    text = MULTILINE.replace(f"\n{old}", f"\n{new}")
    assert f"  raw/t.csv: {fault}\n" in refused(text, drop_columns=["note"], unlabelled="refuse")


# How a column is read


def number(**how: object) -> dict[str, object]:
    return {"type": "number", **how}


@pytest.mark.parametrize(
    ("cells", "how", "values"),
    [
        (["1,5", "2", "-3,25", "4"], number(decimal=","), [1.5, 2, -3.25, 4]),
        (["1.234,5", "12", "7", "1"], number(decimal=",", thousands="."), [1234.5, 12, 7, 1]),
        (["$1,234.50", "$2", "3", "4"], number(thousands=",", unit="$"), [1234.5, 2, 3, 4]),
        (["73 kg", "80kg", "75", "1e2 kg"], number(unit="kg"), [73, 80, 75, 100]),
        (["12%", "7.5 %", "0%", "1%"], number(unit="%"), [12, 7.5, 0, 1]),
        (["(5)", "6", "(7.5)", "8"], number(parentheses=True), [-5, 6, -7.5, 8]),
        (["<0.05", "1", ">9", "2"], number(limits=True), [0.05, 1, 9, 2]),
        (["\u22125", "6", "7", "8"], number(), [-5, 6, 7, 8]),
        (["1", "?", "", "4"], number(na_values=["?", ""]), [1, None, None, 4]),
    ],
)
def test_numbers_are_read_as_params_yaml_says(cells, how, values):
    found = column(cells, how)["a"]
    assert found.astype("object").where(found.notna(), None).tolist() == values


def test_numbers_that_do_not_fit_are_told_with_their_form():
    told = refused("a,kind\n5 kg,x\n5 lb,y\n", columns={"a": number(unit="kg")})
    assert "line 3, column 'a': '5 lb' is not a finite number (unit 'kg')" in told


def test_the_range_of_a_number_holds_behind_its_form():
    how = number(unit="kg", range=[0.0, 200.0])
    assert column(["5 kg", "200 kg"] * 2, how)["a"].tolist() == [5, 200, 5, 200]
    told = refused("a,kind\n5 kg,x\n2000 kg,y\n-1 kg,x\n", columns={"a": how})
    assert "line 3, column 'a': '2000 kg' is out of range; it must lie in 0 to 200" in told
    assert "line 4, column 'a': '-1 kg' is out of range" in told


def test_a_date_becomes_its_parts():
    how = {"type": "date", "format": "%d.%m.%Y %H:%M", "parts": ["year", "weekday", "hour", "days"]}
    cells = ["02.01.1970 07:30", "?", "01.01.1970 00:00", "31.12.1969 23:59"]
    found = column(cells, how | {"na_values": ["?"]})
    assert found.fillna(-9).to_dict("list") == {
        "a year": [1970, -9, 1970, 1969],
        "a weekday": [4, -9, 3, 2],
        "a hour": [7, -9, 0, 23],
        "a days": [1, -9, 0, -1],
    }
    told = refused("a,kind\n1970-01-01,x\n", columns={"a": how})
    assert "line 2, column 'a': '1970-01-01' is not a date like %d.%m.%Y %H:%M" in told
    assert "no value; every cell needs a date" in refused('a,kind\n"",x\n', columns={"a": how})


def test_the_table_of_dates_fits_its_schema():
    how = {"type": "date", "format": "%Y", "parts": ["year"]}
    text = "a,b,kind\n2001,f,x\n2002,m,y\n2003,f,x\n2004,m,y\n"
    raw = read(text, columns={"a": how, "b": "category"})
    made = raw_table.make_schema(ingest(), raw.labels, raw.columns)
    assert made.kinds == {"a year": "number", "b": "category"}
    assert [*made.kinds, "kind"] == list(raw.table)
    assert schema.from_json(schema.as_json(made)) == made


def test_two_columns_that_become_one_feature_are_refused():
    how = {"type": "date", "format": "%Y", "parts": ["year"]}
    told = refused("a,a year,kind\n2001,1,x\n", columns={"a": how, "a year": "number"})
    assert "two columns would become the feature 'a year': rename one" in told


def test_a_column_s_own_words_for_a_gap_replace_those_of_all():
    cells = ["None", "One", "NA", "Two"]
    own = {"type": "category", "na_values": ["NA"]}
    assert column(cells, own, na_values=["None"])["a"].fillna("-").tolist() == [
        *("None", "One", "-", "Two")
    ]
    assert column(cells, "category", na_values=["None"])["a"].fillna("-").tolist() == [
        *("-", "One", "NA", "Two")
    ]


def test_words_for_a_gap_are_cleaned_as_cells_are():
    found = column(["p\u00a0", " p", "q", " "], "category", na_values=[" p ", "  "])
    assert found["a"].fillna("-").tolist() == ["-", "-", "q", "-"]


def test_a_gap_of_a_date_or_category_needs_leave():
    assert "line 3, column 'a': no value; every cell needs a text" in refused(
        "a,kind\nf,x\n,y\n", columns={"a": "category"}
    )


# Patterns


WIDE = "id,g1,g2,h1,g3,kind\n" + "".join(
    f"n{row},{row},2,f,4,{'xy'[row % 2]}\n" for row in range(4)
)


def test_a_pattern_names_many_columns():
    raw = read(WIDE, columns={"g*": "number", "h?": "category"}, drop_columns=["id"])
    assert list(raw.table) == ["g1", "g2", "g3", "h1", "kind"]
    assert {name: how.how.kind for name, how in raw.columns.items()} == {
        "g1": "number",
        "g2": "number",
        "g3": "number",
        "h1": "category",
    }


def test_a_column_s_name_counts_more_than_a_pattern():
    columns = {"[gk]*": "number", "g2": "category"}
    raw = read(WIDE, columns=columns, drop_columns=["id", "h1", "g3"])
    assert list(raw.table) == ["g1", "g2", "kind"]
    assert raw.columns["g2"].how.kind == "category"


def test_columns_are_left_out_by_a_pattern():
    raw = read(WIDE, columns={"g*": "number"}, drop_columns=["id", "h*", "g[23]"])
    assert list(raw.table) == ["g1", "kind"]
    # The target and a column that is named are used whatever a pattern says.
    raw = read(WIDE, columns={"g2": "number"}, drop_columns=["*"])
    assert list(raw.table) == ["g2", "kind"]
    told = refused("a,a,kind\n1,1,x\n", drop_columns=["*"])
    assert "column 'a' stands 2 times in the header" in told


def test_a_name_with_a_sign_of_patterns_is_a_name_first():
    text = "g*,g1,kind\n1,5,x\n2,6,y\n3,7,x\n4,8,y\n"
    assert list(read(text, columns={"g*": "number"}, drop_columns=["g1"]).table) == ["g*", "kind"]
    assert list(read(text, columns={"g1": "number"}, drop_columns=["g*"]).table) == ["g1", "kind"]
    assert "column 'g1' is not expected" in refused(text, columns={"g*": "number"})


def test_a_pattern_that_matches_no_column_is_told():
    told = refused(WIDE, columns={"g*": "number", "z*": "number"}, drop_columns=["id", "h1"])
    assert "column 'z*' is missing" in told


def test_a_column_that_stands_twice_may_be_left_out_by_a_pattern():
    text = "a,note,note,kind\n1,,,x\n2,,,y\n3,,,x\n4,,,y\n"
    pd.testing.assert_frame_equal(read(text, drop_columns=["n*"]).table, read(GOOD).table)
    assert "column 'note' stands 2 times in the header" in refused(text, columns={"*": "number"})


def test_files_in_which_a_pattern_matches_other_columns_are_refused():
    """Else the rows of one would have gaps that its file does not have."""
    Path("raw/more.csv").write_text("g1,g9,kind\n1,2,x\n1,2,y\n", encoding="utf-8")
    files = [{"name": "t.csv"}, {"name": "more.csv"}]
    told = refused(WIDE, files=files, columns={"g*": "number"}, drop_columns=["id", "h1"])
    assert (
        "raw/more.csv: a pattern of `ingest.columns` matches other columns than in t.csv ('g2', "
        "'g3', 'g9')\n" in told
    )


@pytest.mark.parametrize("pattern", [True, False])
def test_four_thousand_columns_pass(pattern):  # B19
    names = [f"ENSG{place:011}" for place in range(4_000)]
    values = np.random.default_rng(0).integers(0, 100, (40, 4_000))
    frame = pd.DataFrame(values, columns=names).assign(kind=["x", "y"] * 20)
    columns = {"ENSG*": "number"} if pattern else dict.fromkeys(names, "number")
    raw = read(frame.to_csv(index=False), columns=columns)
    assert np.array_equal(raw.table[names].to_numpy(), values)


def test_the_entry_of_a_column_is_found_by_name_and_by_pattern():
    settings = ingest(columns={"g2": "category", "g*": "number"}, drop_columns=["g3", "z*"])
    found = [raw_columns.find_entry(settings, name) for name in ("g1", "g2", "g3", "z1", "q")]
    assert found == ["number", "category", None, None, None]
