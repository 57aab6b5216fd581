"""The raw files are the published bytes, and data/README.md tells the truth about them.

Each table of figures in the datasheet is parsed, computed again from the raw files and compared.
"""

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from committed import ROOT
from sklearn.model_selection import train_test_split

RAW = ROOT / "data" / "raw"
DATASHEET = (ROOT / "data" / "README.md").read_text(encoding="utf-8")

PUBLISHED = {  # the sums in the issue "The notebook, reproduced by `dvc repro`"
    "data/raw/winequality-red.csv": (
        "4a402cf041b025d4566d954c3b9ba8635a3a8a01e039005d97d6a710278cf05e"
    ),
    "data/raw/winequality-white.csv": (
        "76c3f809815c17c07212622f776311faeb31e87610d52c26d87d6e361b169836"
    ),
}


def table_below(heading: str, first_column: str) -> list[dict[str, str]]:
    """Return the rows of the datasheet's table below a heading, named by its first column."""
    section = DATASHEET.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    block = section[section.index(f"| {first_column} |") :].split("\n\n")[0]
    header, _, *rows = [
        [cell.strip().replace("`", "") for cell in line.strip("|").split("|")]
        for line in block.strip().splitlines()
    ]
    return [dict(zip(header, row, strict=True)) for row in rows]


def counts_below(heading: str, first_column: str) -> dict[str, tuple[int, ...]]:
    """Return a table of whole numbers as {first cell: the numbers beside it}."""
    rows = [list(row.values()) for row in table_below(heading, first_column)]
    counts = {row[0]: tuple(int(cell) for cell in row[1:]) for row in rows}
    assert len(counts) == len(rows), f"a row stands twice below {heading}"
    return counts


@pytest.fixture(scope="module")
def wines() -> pd.DataFrame:
    """The joined table: red first, then white, Class as the last column."""
    red = pd.read_csv(RAW / "winequality-red.csv", sep=";").assign(Class=1)
    white = pd.read_csv(RAW / "winequality-white.csv", sep=";").assign(Class=0)
    return pd.concat([red, white], ignore_index=True)


def by_colour(chosen: pd.Series, wines: pd.DataFrame) -> tuple[int, int]:
    """Return how many of the chosen rows are red and how many white."""
    return int((chosen & (wines["Class"] == 1)).sum()), int((chosen & (wines["Class"] == 0)).sum())


def test_the_raw_folder_holds_the_two_published_files_and_nothing_else():
    found = {
        path.relative_to(ROOT).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in RAW.iterdir()
    }
    assert found == PUBLISHED


def test_the_datasheet_states_the_published_sums():
    stated = re.findall(r"^([0-9a-f]{64})  (data/raw/\S+)$", DATASHEET, flags=re.MULTILINE)
    assert {path: digest for digest, path in stated} == PUBLISHED
    assert len(stated) == len(PUBLISHED)


def run_the_portable_check(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the datasheet's `python -c` line in a folder."""
    (code,) = re.findall(r'^python -c "([^"]+)"$', DATASHEET, flags=re.MULTILINE)
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )


def test_the_portable_check_of_the_sums_accepts_the_raw_files():
    check = run_the_portable_check(ROOT)
    assert (check.returncode, check.stdout, check.stderr) == (0, "2 files OK\n", "")


def test_the_portable_check_of_the_sums_names_a_changed_file(tmp_path):
    shutil.copytree(RAW, tmp_path / "data" / "raw")
    (tmp_path / "data" / "README.md").write_text(DATASHEET, encoding="utf-8")
    with (tmp_path / "data" / "raw" / "winequality-white.csv").open("ab") as changed:
        changed.write(b"\n")
    check = run_the_portable_check(tmp_path)
    assert check.returncode == 1
    assert check.stderr == "changed: data/raw/winequality-white.csv\n"


def test_the_files_have_the_format_that_the_datasheet_describes():
    first_lines = set()
    for path in PUBLISHED:
        content = (ROOT / path).read_bytes()
        assert content.isascii()
        assert b"\r" not in content
        assert content.endswith(b"\n")
        header, *lines = content.decode("ascii").splitlines()
        first_lines.add(header)
        assert all(re.fullmatch(r'"[^"]+"', name) for name in header.split(";"))
        for number, line in enumerate(lines, start=2):
            fields = line.split(";")
            assert len(fields) == 12, f"{path}, line {number}"
            assert all(re.fullmatch(r"[0-9]+(\.[0-9]+)?", field) for field in fields), (
                f"{path}, line {number}"
            )
    assert len(first_lines) == 1


def test_the_table_of_files_is_true(wines):
    stated = table_below("What", "file")
    assert [row["file"] for row in stated] == list(PUBLISHED)
    assert [row["class"] for row in stated] == ["red, Class 1", "white, Class 0"]
    for row, label in zip(stated, (1, 0), strict=True):
        content = (ROOT / row["file"]).read_bytes()
        assert int(row["wines"]) == (wines["Class"] == label).sum()
        assert int(row["lines"]) == content.count(b"\n")
        assert int(row["bytes"]) == len(content)


def test_every_column_has_a_unit(wines):
    stated = table_below("Columns", "column")
    assert [row["column"] for row in stated] == list(wines.columns.drop("Class"))
    assert all(row["unit"] and row["what it is"] for row in stated)


def test_the_table_of_observed_values_is_true(wines):
    stated = table_below("Observed values", "column")
    assert [row["column"] for row in stated] == list(wines.columns.drop("Class"))
    for row in stated:
        for colour, label in (("red", 1), ("white", 0)):
            values = wines.loc[wines["Class"] == label, row["column"]]
            for what, value in (
                ("min", values.min()),
                ("median", values.median()),
                ("max", values.max()),
            ):
                assert float(row[f"{colour} {what}"]) == pytest.approx(value, rel=1e-12), (
                    f"{row['column']}, {colour} {what}"
                )


def test_the_table_of_scores_is_true(wines):
    scores = range(wines["quality"].min(), wines["quality"].max() + 1)
    computed = {str(score): by_colour(wines["quality"] == score, wines) for score in scores}
    assert counts_below("Observed values", "quality") == computed


def test_the_table_of_copies_is_true(wines):
    features = list(wines.columns.drop("Class"))
    measurements = [name for name in features if name != "quality"]
    copies = wines.duplicated()
    red_copies, white_copies = by_colour(copies, wines)
    train, test = train_test_split(wines, test_size=0.2, random_state=42)
    seen = set(train.itertuples(index=False, name=None))
    assert counts_below("Copies", "rows") == {
        "all": (len(wines),),
        "distinct, in the features and Class": (len(wines.drop_duplicates()),),
        "copies, in the features and Class": (copies.sum(),),
        "copies within red": (red_copies,),
        "copies within white": (white_copies,),
        "copies, in the features alone": (wines.duplicated(features).sum(),),
        "copies, in the eleven measurements alone": (wines.duplicated(measurements).sum(),),
        "copies of the row directly before": ((wines == wines.shift()).all(axis=1).sum(),),
        "largest set of rows equal in the features and Class": (wines.value_counts().max(),),
        "test rows of the notebook's split": (len(test),),
        "test rows that stand in the training rows too": (
            sum(row in seen for row in test.itertuples(index=False, name=None)),
        ),
    }


def test_the_table_of_contradictory_rows_is_true(wines):
    features = list(wines.columns.drop("Class"))
    groups = wines.groupby(features)
    contradictory = wines[groups["Class"].transform("nunique") > 1]
    numbers = groups.ngroup()[contradictory.index]
    stated = table_below("Copies", "set")
    assert sorted(int(row["row"]) for row in stated) == list(contradictory.index)

    group_of_set: dict[str, set[int]] = {}
    for row in stated:
        group_of_set.setdefault(row["set"], set()).add(int(numbers[int(row["row"])]))
        assert int(row["Class"]) == wines["Class"][int(row["row"])]
        rows_before_the_file = 0 if row["file"] == "winequality-red.csv" else 1599
        assert int(row["line of the file"]) == int(row["row"]) - rows_before_the_file + 2
        lines = (RAW / row["file"]).read_text(encoding="ascii").splitlines()
        fields = lines[int(row["line of the file"]) - 1].split(";")
        assert [float(field) for field in fields] == list(wines.loc[int(row["row"]), features])
    assert all(len(groups_of_one_set) == 1 for groups_of_one_set in group_of_set.values())
    assert len(set.union(*group_of_set.values())) == len(group_of_set)


def test_the_table_of_quirks_is_true(wines):
    lines = [
        line
        for path in PUBLISHED
        for line in (ROOT / path).read_text(encoding="ascii").splitlines()[1:]
    ]
    decimals = pd.Series([len(line.split(";")[10].partition(".")[2]) for line in lines])
    free, total = wines["free sulfur dioxide"], wines["total sulfur dioxide"]
    assert counts_below("Quirks", "quirk") == {
        "alcohol written with 13 or 14 decimals": by_colour(decimals.isin([13, 14]), wines),
        "citric acid is 0": by_colour(wines["citric acid"] == 0, wines),
        "citric acid is 0.49": by_colour(wines["citric acid"] == 0.49, wines),
        "free sulfur dioxide ends in .5": by_colour(free % 1 == 0.5, wines),
        "total sulfur dioxide ends in .5": by_colour(total % 1 == 0.5, wines),
        "free sulfur dioxide exceeds total sulfur dioxide": by_colour(free > total, wines),
        "residual sugar above 32": by_colour(wines["residual sugar"] > 32, wines),
        "total sulfur dioxide above 300": by_colour(total > 300, wines),
    }


def test_the_table_of_values_outside_the_training_range_is_true(wines):
    train, test = train_test_split(wines.drop(columns="Class"), test_size=0.2, random_state=42)
    normalised = ((test - train.min()) / (train.max() - train.min())).stack()
    outside = normalised[(normalised < 0) | (normalised > 1)].sort_index()
    assert [
        (int(row["row"]), row["column"], row["normalised"]) for row in table_below("Quirks", "row")
    ] == [(row, column, f"{value:.3f}") for (row, column), value in outside.items()]
