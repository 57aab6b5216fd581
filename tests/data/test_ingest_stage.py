"""The stages ingest and split on a table as people have it, to the networks' inputs.

What predict makes of the raw rows is bit for bit what the networks were trained on.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from committed import ROOT
from pyarrow import parquet as arrow_parquet

from stages import ingest, split
from winenet.data import preprocessing, raw_table, table_files
from winenet.data.model_table import ModelTable

RAW = '''\
sep=;
größe;preis;pool;seit;notiz;kind
1,5 kg;1.234,50 €;;03.01.2020;"zwei
Zeilen";ja
?;20,00 €;None;04.01.2020;;nein
2 kg;(3,25 €); tief ;?;"ein ""Wort""";ja
80;n/v;cafe\u0301;05.02.2021 ;x;nein
;5 €;caf\u00e9;06.01.2020;y;
3,25 kg;0 €;tief;03.01.2020;z;ja
4;1 €;;07.01.2020;q;nein
5;1 €;;07.01.2020;q;vielleicht


'''
INGEST = {
    "files": [{"name": "t.csv"}],
    "separator": ";",
    "encoding": "utf-8",
    "target": "kind",
    "positive_label": "ja",
    "columns": {
        "größe": {"type": "number", "decimal": ",", "unit": "kg"},
        "preis": {
            "type": "number",
            "decimal": ",",
            "thousands": ".",
            "unit": "€",
            "parentheses": True,
            "na_values": ["n/v"],
        },
        "pool": "category",
        "seit": {"type": "date", "format": "%d.%m.%Y", "parts": ["year", "days"]},
        "notiz": "category",
    },
    "drop_columns": [],
    "na_values": ["", "?"],
    "rare_classes": "drop",
    "display_names": None,
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("data/raw", "metrics"):
        Path(name).mkdir(parents=True)
    Path("data/raw/t.csv").write_text(RAW, encoding="utf-8")
    write_params()
    return tmp_path


def write_params(**changes: Any) -> None:
    content = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    content["ingest"] = INGEST | changes
    content["split"]["test_size"] = 0.34
    content["importance"]["drop_features"] = []
    Path("params.yaml").write_text(
        yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8"
    )


def lines(printed: str) -> list[str]:
    """Return what a stage logged, without its name."""
    return [line.partition(": ")[2] for line in printed.splitlines()]


def test_ingest_says_what_it_left_out_and_skipped(folder, capsys):
    ingest.main()
    assert lines(capsys.readouterr().out) == [
        "note: data/raw/t.csv: line 1 says that ';' is the separator",
        "note: data/raw/t.csv: 2 blank lines at the end",
        "note: 1 row without a label left out",
        "note: 1 class of fewer than 2 rows left out: 1 row ('vielleicht' 1)",
        "joined 1 file into 6 rows of 6 features and kind (data/table.csv)",
        "missing values: größe 1, preis 1, pool 2, seit year 1, seit days 1, notiz 1",
    ]
    assert json.loads(Path("metrics/ingest.json").read_text(encoding="utf-8")) == {
        "rows": 6,
        "features": 6,
        "classes": {"0": 3, "1": 3},
        "duplicate_rows": {"rows": 0, "rows_by_features": 0},
        "dropped_rows": {"unlabelled": 1, "rare_classes": 1},
    }


def test_ingest_says_nothing_of_rows_that_are_there(folder, capsys):
    kept = [line for line in RAW.splitlines() if not line.endswith(("y;", "vielleicht"))][:-2]
    Path("data/raw/t.csv").write_text("\n".join(kept[1:]) + "\n", encoding="utf-8")
    ingest.main()
    assert "note" not in capsys.readouterr().out
    assert "dropped_rows" not in json.loads(Path("metrics/ingest.json").read_text("utf-8"))


def test_only_what_was_dropped_is_counted(folder):
    write_params(rare_classes="merge=nein")
    ingest.main()
    found = json.loads(Path("metrics/ingest.json").read_text(encoding="utf-8"))
    assert (found["dropped_rows"], found["classes"]) == ({"unlabelled": 1}, {"0": 4, "1": 3})


def test_the_table_holds_every_cell(folder):
    ingest.main()
    table = table_files.read_raw_table(
        "data/table.csv", table_files.read_schema("data/schema.json").kinds
    )
    assert table.astype("object").where(table.notna(), None).to_dict("list") == {
        "größe": [1.5, None, 2, 80, 3.25, 4],
        "preis": [1234.5, 20, -3.25, None, 0, 1],
        "pool": [None, "None", "tief", "caf\u00e9", "tief", None],
        "seit year": [2020, 2020, None, 2021, 2020, 2020],
        "seit days": [18264, 18265, None, 18663, 18264, 18268],
        "notiz": ["zwei\nZeilen", None, 'ein "Wort"', "x", "z", "q"],
        "kind": [1, 0, 1, 0, 1, 0],
    }


@pytest.mark.parametrize("text", ["a\rb", "a\r\nb", "a\nb", '"', "NA", "nan", " a", "a\tb"])
def test_a_text_of_parquet_comes_through_the_table(folder, text):
    frame = pd.DataFrame({"pool": [text, "x", "y", "x"], "kind": ["ja", "nein"] * 2})
    frame.to_parquet("data/raw/t.parquet")
    write_params(files=[{"name": "t.parquet"}], columns={"pool": "category"})
    ingest.main()
    table = table_files.read_raw_table("data/table.csv", {"pool": "category"})
    text = text.strip().replace("\r\n", "\n").replace("\r", "\n")  # as the reader of CSV does
    assert table["pool"].tolist() == [text, "x", "y", "x"]


@pytest.mark.parametrize("packed", ["csv", "parquet"])
def test_predict_s_inputs_are_those_of_the_training(folder, packed):
    if packed == "parquet":  # all of them texts
        frame = pd.read_csv(
            "data/raw/t.csv", sep=";", skiprows=1, dtype="str", keep_default_na=False
        )
        frame.to_parquet("data/raw/t.parquet")
        write_params(files=[{"name": "t.parquet"}])
    ingest.main()
    split.main()
    fitted = table_files.read_preprocessing("data/preprocessing.json")
    with ModelTable(f"data/raw/t.{packed}", fitted.formats, block=1) as table:
        features = pd.concat([chunk for chunk, _ in table.chunks()])
    predicted = preprocessing.transform(fitted, features)
    used = [0, 1, 2, 3, 5, 6]  # the raw row of each row of data/table.csv
    for part in ("train", "test"):
        trained = pd.read_csv(f"data/X_{part}_normalized.csv")
        rows = table_files.read_split_rows("data/split_rows.csv", part)["row"]
        assert list(trained) == fitted.inputs
        assert len(trained) == len(rows) > 0
        expected = predicted[[used[row] for row in rows]]
        assert np.array_equal(trained.to_numpy(dtype=np.float64), expected)


def test_the_schema_says_how_each_column_was_read(folder):
    ingest.main()
    found = table_files.read_schema("data/schema.json")
    assert [how.kind for how in found.formats.values()] == [
        *("number", "number", "category", "date", "category")
    ]
    assert found.formats["preis"].na_values == ("n/v",)
    assert found.formats["pool"].na_values == ("", "?")


def test_parquet_is_read_block_by_block(folder, monkeypatch):
    rows = 50_000
    frame = pd.DataFrame(
        {"pool": [f"level {row % 7}" for row in range(rows)], "kind": ["ja", "nein"] * (rows // 2)}
    )
    frame.to_parquet("data/raw/t.parquet")
    assert arrow_parquet.ParquetFile("data/raw/t.parquet").num_row_groups == 1
    write_params(files=[{"name": "t.parquet"}], columns={"pool": "category"})
    ingest.main()
    table = table_files.read_raw_table("data/table.csv", {"pool": "category"})
    assert table["pool"].tolist() == frame["pool"].tolist()
    assert raw_table.count_duplicates(table) == rows - 14
