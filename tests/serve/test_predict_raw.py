"""A model reads raw rows as its training did, whatever they look like, and carries columns on."""

import csv
import io
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from committed import ROOT
from model_files import plain_preprocessing
from pyarrow import parquet as pq

from winenet import __main__ as command
from winenet.data import preprocessing, raw_table, text_stream
from winenet.data.column_format import ColumnFormat
from winenet.data.model_table import ModelTable
from winenet.errors import InputError
from winenet.models import model_file
from winenet.models.saved import DenseModel, SavedModel
from winenet.params import Ingest
from winenet.serve import describe, predict


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(text_stream, "SAMPLE", 100)  # so that small tables have several blocks


def write(text: str, path: str = "new.csv", encoding: str = "utf-8") -> str:
    Path(path).write_bytes(text.encode(encoding))
    return path


def a_model(raw: preprocessing.Preprocessing, path: str = "m.safetensors") -> SavedModel:
    """Write a logistic regression whose weights are 1, 2, 3, ... and return it."""
    weights = np.arange(1.0, len(raw.inputs) + 1)[:, np.newaxis]
    model = DenseModel([weights], [np.array([-1.5])], "identity", np.array([0, 1]))
    saved = SavedModel(model, raw, "y", ["well", "sick"], {})
    model_file.write(path, saved)
    return saved


def predicted(*words: str, **options: object) -> pd.DataFrame:
    """Return what `predict` writes, each cell as its text."""
    options["force"] = True
    predict.predict_file("m.safetensors", *(words or ("new.csv",)), "out.csv", **options)
    return pd.read_csv("out.csv", dtype="str", keep_default_na=False)


def main(monkeypatch: pytest.MonkeyPatch, capfd, *words: str) -> tuple[int, str, str]:
    """Run the command in this process; return its exit code, output and errors."""
    monkeypatch.setattr(sys, "argv", ["winenet", *words])
    code = 0
    try:
        command.main()
    except SystemExit as ended:
        code = int(ended.code or 0)
    return code, *capfd.readouterr()


# The training's own preprocessing on the same rows.

HEADED = """id;when;price;share;weight;mood;y
a1;31.12.2020;1.234,50 €;12%;3 kg;ja;p
a2;01.01.2021;0,99 €;7,5%;-;nein;q
a3;15.06.2021;?;100%;2,5 kg; Ja ;p
"a4
b";28.02.2020;12 €;0%;<0,5;?;q
a5;;-3,00 €;33%;4;nein;p
a6;01.03.2020;5 €;n/a;1;;q
"""
COLUMNS = {
    "when": {"type": "date", "format": "%d.%m.%Y", "parts": ["year", "month", "days"]}
    | {"origin": "2020-01-01"},
    "price": {"type": "number", "decimal": ",", "thousands": ".", "unit": "€"},
    "share": {"type": "number", "decimal": ",", "unit": "%", "na_values": ["", "n/a"]},
    "weight": {"type": "number", "decimal": ",", "unit": "kg", "limits": True},
    "mood": "category",
}


def ingest(text: str, *, encoding: str = "utf-8", **changed: object) -> Ingest:
    """Write a raw file and return what params.yaml would say of it."""
    write(text, "raw.csv", encoding)
    content = {
        "files": [{"name": "raw.csv"}],
        "separator": ";",
        "target": "y",
        "positive_label": "p",
        "columns": COLUMNS,
        "drop_columns": ["id"],
        "na_values": ["", "?", "-"],
    }
    return Ingest.model_validate(content | changed)


def fitted(settings: Ingest) -> tuple[preprocessing.Preprocessing, pd.DataFrame]:
    """Return what the stages ingest and split would fit, and the rows that they read."""
    read = raw_table.read_raw(".", settings)
    schema = raw_table.make_schema(settings, read.labels, read.columns)
    X = read.table[list(schema.kinds)]
    return preprocessing.fit(X, schema.kinds, "minmax", schema.formats), X


def assert_read_alike(settings: Ingest, path: str = "raw.csv", **how: object) -> None:
    """Assert that `predict` reads a table into the very inputs that the training made of it."""
    raw, X = fitted(settings)
    expected = preprocessing.transform(raw, X)
    model_file.write("m.safetensors", a_model(raw))
    back = model_file.read("m.safetensors")
    for block in (7, 2**20):
        with ModelTable(path, predict.reading_formats(back, []), block=block, **how) as table:
            rows = pd.concat([features for features, _ in table.chunks()])
        assert list(rows.index) == list(range(len(X)))
        inputs = preprocessing.transform(back.preprocessing, rows)
        np.testing.assert_array_equal(inputs, expected)


def test_units_commas_dates_and_gaps_are_read_as_in_training():
    settings = ingest(HEADED)
    assert_read_alike(settings)
    raw, X = fitted(settings)
    assert X["price"].tolist()[:2] == [1234.5, 0.99]
    assert X.isna().sum().to_dict() == {
        **{"when year": 1, "when month": 1, "when days": 1, "price": 1, "share": 1},
        **{"weight": 1, "mood": 2},
    }
    assert raw.indicators == ["when year", "when month", "when days", "price", "share", "weight"]
    assert raw.levels == [["", "Ja", "ja", "nein"]]
    assert_read_alike(settings, write(HEADED.replace("\n", "\r\n") + "\r\n\r\n"))
    assert_read_alike(settings, write("sep=;\n" + HEADED))
    shuffled = [";".join(line.split(";")[::-1]) for line in HEADED.replace("\nb", "").split("\n")]
    assert_read_alike(settings, write("\n".join(shuffled)))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "windows-1252"])
def test_encodings_are_found(encoding):
    settings = ingest(HEADED, encoding=encoding)
    if encoding in ("utf-16-le", "windows-1252"):  # without a mark, init writes it
        settings = settings.model_copy(update={"encoding": encoding})
    assert_read_alike(settings)


def test_an_encoding_that_is_not_found_can_be_given():
    text = HEADED.replace("ja", "da\u0161").replace("€", "kn")
    columns = COLUMNS | {"price": COLUMNS["price"] | {"unit": "kn"}}
    settings = ingest(text, encoding="iso8859-2", columns=columns)
    settings = settings.model_copy(update={"encoding": "iso8859-2"})
    assert_read_alike(settings, encoding="iso8859-2")
    raw, _ = fitted(settings)
    a_model(raw)
    predict.predict_file("m.safetensors", "raw.csv", "out.csv", encoding="iso8859-2")
    with pytest.raises(AssertionError):
        assert_read_alike(settings)  # as Windows-1252, which is said


def test_a_table_without_header_is_read_by_its_places(capfd):
    text = HEADED.partition("\n")[2]
    columns = {f"c{place}": how for place, how in enumerate(COLUMNS.values(), start=2)}
    settings = ingest(text, columns=columns, drop_columns=["c1"], target="c7", header=False)
    assert_read_alike(settings)
    capfd.readouterr()
    assert len(predicted("raw.csv")) == 6
    told = capfd.readouterr().err
    assert "  no header, as in training: the columns are called c1 to c7\n" in told
    assert_read_alike(settings, write(f"c1;c2;c3;c4;c5;c6;c7\n{text}"))
    write("\n".join(line.partition(";")[2] for line in text.replace("\nb", "").splitlines()))
    with pytest.raises(InputError, match=r"so the table was not predicted|so nothing was predict"):
        predicted()


def test_many_blocks_hold_their_categories(capfd):
    """A block's rows do not count from 0."""
    lines = [f"{row};{'ja' if row % 3 else 'nein'};{'pq'[row % 2]}" for row in range(20_000)]
    text = "n;mood;y\n" + "\n".join(lines) + "\n"
    settings = ingest(text, columns={"n": "number", "mood": "category"}, drop_columns=[])
    raw, _ = fitted(settings)
    a_model(raw)
    predict.predict_file("m.safetensors", "raw.csv", "whole.csv")
    predict.predict_file("m.safetensors", "raw.csv", "pieces.csv", block=1000)
    assert Path("pieces.csv").read_bytes() == Path("whole.csv").read_bytes()
    assert "gaps" not in capfd.readouterr().err


# Gaps.

WORDS = ("?", "-9", "none")


@pytest.fixture
def with_words() -> SavedModel:
    """A model whose columns had gaps in training, for which words stood."""
    raw = plain_preprocessing(
        {"age": [50.0, 0, 0.01, 0, 20, 80]}, {"pain": ["", "no", "yes"]}, WORDS, ("age",)
    )
    return a_model(raw)


def test_the_model_knows_the_words_for_a_gap(with_words, capfd):
    write("age,pain\n,\n?,?\n-9.0,none\nNA,NaN\n30,-9\n-9,yes\n")
    found = predicted()
    assert found["y"].tolist()[:4] == ["sick"] * 4
    assert (found.iloc[:4, 2:] == found.iloc[0, 2:]).all(axis=None)
    told = capfd.readouterr().err
    assert "  gaps in 'age': 5, filled by the median 50\n" in told
    assert "  gaps in 'pain': 5, a level of its own\n" in told
    assert "outside" not in told
    lines = describe.describe_model("m", with_words).splitlines()
    assert "  'age': missing: '?', '-9', 'none'" in lines
    assert "  'pain': missing: '?', '-9', 'none'" in lines
    assert "  'pain': 'no', 'yes'; a gap is a level of its own" in lines


def test_words_of_the_command_add_to_those_of_the_model(with_words, capfd):
    write("age,pain\n?,?\n\u00a0 -- ,--\n")
    found = predicted(na_values=[" --\u00a0"])
    assert (found.iloc[0, 1:] == found.iloc[1, 1:]).all()
    assert found["y"].tolist() == ["sick", "sick"]


def test_gaps_where_the_training_had_none_are_told(capfd):
    a_model(plain_preprocessing({"age": [50.0, 0, 0.01, 0, 20, 80]}, {"pain": ["no", "yes"]}))
    write("age,pain\n50,x\n,\nNA,NA\n")
    found = predicted()
    assert (found.iloc[0, 1:] == found.iloc[1, 1:]).all()  # the median, and none of the levels
    assert (found.iloc[1, 1:] == found.iloc[2, 1:]).all()
    assert capfd.readouterr().err.splitlines()[1:] == [
        "  gaps in 'age': 2, filled by the median 50",
        "  gaps in 'pain': 2, taken as none of the levels",
        "  levels of 'pain' that the training rows did not have: 1 row ('x'), taken as none of "
        "them",
    ]


def test_a_level_stays_one_whatever_stands_for_gaps_elsewhere():
    raw = plain_preprocessing({"age": [50.0, 0, 0.01, 0, 20, 80]}, {"pain": ["NA", "none"]})
    a_model(raw)
    write("age,pain\nNA,NA\nnone,none\n")
    table = predicted(na_values=["none", "NA"])
    assert table["p(sick)"].nunique() == 2


def test_blank_lines_at_the_end_are_told(with_words, capfd):
    write("age,pain\n30,no\n\n\n")
    assert len(predicted()) == 1
    assert "  2 blank lines at the end\n" in capfd.readouterr().err


def test_another_encoding_is_told(with_words, capfd):
    write("age,pain,caf\u00e9\n30,no,\u20ac\n", encoding="windows-1252")
    assert predicted(keep=["caf\u00e9"])["caf\u00e9"].tolist() == ["\u20ac"]
    assert "  read as windows-1252\n" in capfd.readouterr().err


# Columns that are carried on.

KEPT = (
    "id,age,\u03b1,pain,note\n"
    '"a, b",30,1,no,"two\nlines"\n'
    ' c ,40,2,yes,"say ""x"""\n'
    '"",50,3,no,\u200bw\u0308\n'
    "007,60,4,,=1+1\n"
)
NOTES = ["two\nlines", 'say "x"', "\u200bw\u0308", "=1+1"]
IDS = ["a, b", " c ", "", "007"]


@pytest.mark.parametrize("block", [7, 2**20])
def test_kept_columns_stand_behind_as_they_were_written(with_words, block):
    write(KEPT)
    without = predicted()
    found = predicted(keep=["note", "id", "note"], block=block)
    assert list(found) == ["row", "y", "p(well)", "p(sick)", "note", "id"]
    assert (found["note"].tolist(), found["id"].tolist()) == (NOTES, IDS)
    pd.testing.assert_frame_equal(found[list(without)], without)
    assert Path("out.csv").read_text(encoding="utf-8").endswith(",=1+1,007\n")


def test_names_and_labels_may_have_line_ends(with_words):
    labels = ['a\n"b', "c\rd"]
    model_file.write("m.safetensors", replace(with_words, labels=labels, target="y\n"))
    write('age,pain,"i\nd"\n30,x,1\n80,yes,2\n')
    predict.predict_file("m.safetensors", "new.csv", "out.csv", keep=["i\nd"])
    with Path("out.csv").open(encoding="utf-8", newline="") as stream:
        header, *rows = csv.reader(stream)
    assert header == ["row", "y\n", 'p(a\n"b)', "p(c\rd)", "i\nd"]
    assert [row[1] for row in rows] == labels
    assert [row[-1] for row in rows] == ["1", "2"]


def test_all_columns_are_kept_in_their_order(with_words, capfd):
    write(KEPT)
    found = predicted(keep=["all"])
    assert list(found)[4:] == ["id", "age", "\u03b1", "pain", "note"]
    assert found["pain"].tolist() == ["no", "yes", "no", ""]
    assert "not kept" not in capfd.readouterr().err


def test_a_column_of_the_predictions_is_not_kept_twice(with_words, capfd):
    write("row,age,y,pain,p(well)\n7,30,well,no,1\n")
    found = predicted(keep=["all"])
    assert list(found) == ["row", "y", "p(well)", "p(sick)", "age", "pain"]
    assert (
        "  not kept, as the predictions have such a column: 'row', 'y', 'p(well)'\n"
        in capfd.readouterr().err
    )
    with pytest.raises(InputError) as caught:
        predicted(keep=["y"])
    assert str(caught.value) == (
        "--keep 'y' has the name of a column of the predictions. Rename it in the table, or leave "
        "it out."
    )


@pytest.mark.parametrize(
    ("keep", "why"),
    [
        (["Id"], "--keep 'Id' is not a column of new.csv; did you mean 'id'? Its columns: 'id', "),
        (["id"], "--keep 'id' stands 2 times in the header of new.csv, so it is open which one "),
        (["all"], "--keep 'id' stands 2 times in the header of new.csv, so it is open which one "),
    ],
)
def test_a_column_that_cannot_be_kept_is_told(with_words, keep, why):
    write("id,age,pain,id\n1,30,no,2\n" if keep != ["Id"] else KEPT)
    with pytest.raises(InputError) as caught:
        predicted(keep=keep)
    assert str(caught.value).startswith(why)
    assert not Path("out.csv").exists()


def test_names_to_keep_are_a_line_of_csv(with_words, monkeypatch, capfd):
    write('"a, b",age,pain,c\n1,30,no,2\n')
    words = ["predict", "m.safetensors", "new.csv"]
    code, printed, _ = main(monkeypatch, capfd, *words, "--keep", '"a, b",c')
    assert code == 0
    assert next(csv.reader(io.StringIO(printed)))[4:] == ["a, b", "c"]
    assert main(monkeypatch, capfd, *words, "--keep", '"a, b", c ')[1] == printed
    for wrong in ("", ",c", '"a'):
        code, printed, errors = main(monkeypatch, capfd, *words, f"--keep={wrong}")
        assert (code, printed) == (2, "")
        assert "argument --keep: " in errors


# Parquet.


@pytest.mark.parametrize("block", [7, 2**20])
def test_parquet_holds_what_csv_does(with_words, block):
    write(KEPT)
    expected = predicted(keep=["all"])
    predict.predict_file("m.safetensors", "new.csv", "out.Parquet", keep=["all"], block=block)
    table = pq.read_table("out.Parquet")
    assert table.column_names == list(expected)
    assert [str(kind) for kind in table.schema.types] == ["int64", "string", *["double"] * 2] + [
        "string"
    ] * 5
    rounded = pd.DataFrame(
        {
            name: [f"{value:.6f}" if name.startswith("p(") else str(value) for value in column]
            for name, column in table.to_pydict().items()
        }
    )
    pd.testing.assert_frame_equal(rounded, expected, check_dtype=False)


def test_columns_of_parquet_keep_their_types(with_words):
    frame = pd.DataFrame({"age": [30, 40], "pain": ["no", None], "n": [2**60 + 1, 3]})
    frame["at"] = pd.to_datetime(["2026-01-02 03:04:05", None])
    frame["b"] = [True, False]
    frame.to_parquet("new.parquet", index=False)
    predict.predict_file("m.safetensors", "new.parquet", "out.parquet", keep=["all"])
    back = pq.read_table("out.parquet").select(["age", "pain", "n", "at", "b"])
    assert back.to_pylist() == pq.read_table("new.parquet").to_pylist()
    found = predicted("new.parquet", keep=["n", "at", "b", "pain"])
    assert found.loc[:, "n":].values.tolist() == [
        ["1152921504606846977", "2026-01-02 03:04:05.000000", "True", "no"],
        ["3", "", "False", ""],
    ]


def test_a_fault_leaves_no_half_of_a_parquet_file(with_words, capfd):
    write("age,pain\n" + "30,no\n" * 40_000 + "x,no\n")
    with pytest.raises(InputError, match=r"^new\.csv: line 40002, column 'age': 'x' is not a fin"):
        predict.predict_file("m.safetensors", "new.csv", "out.parquet", block=1000)
    assert sorted(path.name for path in Path().iterdir()) == ["m.safetensors", "new.csv"]
    assert capfd.readouterr().err == ""


# Words that a shell or a screen makes difficult.


@pytest.mark.parametrize(
    "words",
    [
        ["--na-value=--", "--na-value=-9"],
        ["--sep=--"],
        ["--keep=--"],
        ["--encoding=--"],
        ["--threshold=--"],
        ["-o=--"],
        ["--out=--"],
    ],
    ids=" ".join,
)
def test_two_dashes_are_a_value(words, with_words, monkeypatch, capfd):
    write("age,pain\n--,no\n")
    code, printed, errors = main(monkeypatch, capfd, "predict", "m.safetensors", "new.csv", *words)
    assert "Traceback" not in errors
    assert code == (0 if words[0].startswith("--na") else 2 if "usage" in errors else 1)
    assert len(printed.splitlines()) == (2 if code == 0 else 0)


@pytest.mark.parametrize("cell", ["--", "-x", "a b", "it's", "$HOME", "\u00fc", "*"])
def test_the_word_that_a_refusal_names_can_be_pasted(cell, with_words):
    write(f'age,pain\n"{cell}",no\n')
    with pytest.raises(InputError) as caught:
        predicted()
    cure = str(caught.value).partition("`")[2].partition("`")[0]
    run = subprocess.run(
        f"{sys.executable} -m winenet predict m.safetensors new.csv {cure}",
        shell=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )
    assert (run.returncode, run.stdout.count(b"\n")) == (0, 2)
    assert b"gaps in 'age': 1, filled" in run.stderr


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
@pytest.mark.parametrize("words", [["describe"], ["predict", "new.csv"], ["predict", "no.csv"]])
def test_a_screen_that_lacks_letters_ends_no_command(encoding, words):
    raw = plain_preprocessing({"\u03b1": [0.0] * 6}, {"\u0436en": ["\u010d"]}, ("\u2014",))
    a_model(raw)
    write("\u03b1,\u0436en,\u03c9\n1,\u010d,\n2,\u4e2d,\n")
    write("\u03b1,\u03c9\n1,\n", "no.csv")
    run = subprocess.run(
        [sys.executable, "-m", "winenet", words[0], "m.safetensors", *words[1:]],
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=False,
    )
    assert b"Traceback" not in run.stderr
    assert run.returncode == (words[-1] == "no.csv")
    assert rb"\u0436en" in run.stdout + run.stderr


def test_a_stage_prints_on_a_screen_that_lacks_letters():
    code = "import stages; stages.log('\u03b1 \u20ac'); stages.fail('\u03b2')"
    run = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "cp1252"},
        capture_output=True,
        check=False,
    )
    assert run.stdout.startswith(b"stage: \\u03b1 \x80")
    assert (run.returncode, b"stage: \\u03b2" in run.stderr) == (1, True)


def test_a_format_that_the_training_did_not_have_is_told():
    raw = plain_preprocessing({"price": [0.0] * 6})
    formats = {"price": ColumnFormat("number", ("?",), number_of("price"))}
    a_model(preprocessing.Preprocessing(**vars(raw) | {"formats": formats}))
    write("price\n1.5\n")
    with pytest.raises(InputError) as caught:
        predicted()
    assert str(caught.value).startswith(
        "new.csv: line 2, column 'price': '1.5' is not a finite number (decimal comma, unit '€'), "
        "so the table was not predicted. "
    )


def number_of(name: str):
    assert name == "price"
    from winenet.data.number_format import NumberFormat

    return NumberFormat(decimal=",", unit="€")


def test_cells_of_no_text_type_are_named_and_need_another_table(with_words):
    table = pa.table({"age": [[1]], "pain": ["no"]})
    pq.write_table(table, "new.parquet")
    with pytest.raises(InputError, match=r"row 1, column 'age': .* Correct the cell\.$"):
        predicted("new.parquet")
