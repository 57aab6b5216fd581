"""The stage ingest says what became of each raw row, column and cell."""

import csv
import json
from pathlib import Path

import pytest
import yaml
from committed import ROOT

from stages import ingest

COLUMNS = {
    "age": "number",
    "town": "category",
    "alive": "category",
    "born": {"type": "date", "format": "%d.%m.%Y", "parts": ["year", "month"]},
}
INGEST = {
    "files": [{"name": "people.csv"}],
    "separator": ",",
    "target": "survived",
    "positive_label": "1",
    "drop_columns": ["id"],
    "na_values": ["", "?"],
    "columns": COLUMNS,
    "rare_classes": "drop",
}
HEADER = ["id", "age", "town", "alive", "born", "survived"]


def rows() -> list[list[object]]:
    """Return 60 rows; `alive` is the label in words, every third age and one town are missing."""
    made: list[list[object]] = []
    for number in range(60):
        lives = number % 7 in (0, 3)
        age = "?" if number % 3 == 0 else 20 + number
        born = f"{1 + number % 28:02}.{1 + number % 12:02}.{1950 + number % 9}"
        town = "" if number == 5 else "AB"[number % 2]
        made.append([number, age, town, "yes" if lives else "no", born, int(lives)])
    return made


def run(folder: Path, table: list[list[object]], **changes: object) -> dict[str, object]:
    """Run the stage in a folder and return what it measured."""
    settings = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    settings["ingest"] = INGEST | changes
    (folder / "params.yaml").write_text(yaml.safe_dump(settings, sort_keys=False), "utf-8")
    for part in ("data/raw", "metrics"):
        (folder / part).mkdir(parents=True)
    with (folder / "data/raw/people.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([HEADER, *table])
    ingest.main()
    measured: dict[str, object] = json.loads((folder / "metrics/ingest.json").read_text("utf-8"))
    return measured


def test_everything_that_is_not_in_the_table_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    extra = [[60, 30, "A", "no", "01.01.1950", "?"], [61, 31, "B", "no", "01.01.1950", "lost"]]
    assert run(tmp_path, [*rows(), *extra]) == {
        "rows": 60,
        "features": 5,
        "classes": {"0": 42, "1": 18},
        "duplicate_rows": {"rows": 3, "rows_by_features": 3},  # with the same gaps
        "missing": {"number": {"age": 20}, "category": {"town": 1}},
        "dates": {"born": ["born year", "born month"]},
        "left_out": ["id"],
        "dropped_rows": {"unlabelled": 1, "rare_classes": 1},
        "leaks": {"alive": {"share": 1.0, "by": "its 2 levels"}},
    }
    printed = "".join(capsys.readouterr())
    assert "1 row without a label left out" in printed
    assert "1 row of 1 class of fewer than 2 left out ('lost' 1)" in printed
    assert "warning: 'alive' alone decides 100.0% of the rows, by its 2 levels" in printed
    assert "missing values: age 20, town 1" in printed


def test_of_a_complete_table_the_metrics_have_its_size_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    table = [[age, town, label] for _, age, town, _, _, label in rows() if age != "?" and town]
    monkeypatch.setattr(f"{__name__}.HEADER", ["age", "town", "survived"])
    columns = {name: COLUMNS[name] for name in ("age", "town")}
    measured = run(tmp_path, table, columns=columns, drop_columns=[], na_values=[])
    assert list(measured) == ["classes", "duplicate_rows", "features", "rows"]
    printed = "".join(capsys.readouterr())
    assert "note" not in printed
    assert "warning" not in printed
    assert "missing" not in printed
