"""Nothing of a spoilt table is lost in silence, and predict reads it as ingest does."""

from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
import spoilt_tables

from winenet import params
from winenet.data import date_format, raw_table
from winenet.data.column_format import ColumnFormat
from winenet.data.model_table import ModelTable
from winenet.init.infer import infer_config
from winenet.init.read_tables import GuessError, InitOptions
from winenet.params_columns import DateColumn

PAIRS = len(spoilt_tables.KINDS) * len(spoilt_tables.SHARES)  # the first seed of a pair of kinds
# One of each kind, with the shares in turn, and pairs.
SEEDS = [*range(0, PAIRS, 6), *range(PAIRS, PAIRS + 100 - len(range(0, PAIRS, 6)))]


def test_there_are_enough_kinds_and_tables() -> None:
    assert len(spoilt_tables.KINDS) >= 25
    assert len(SEEDS) == 100


def test_no_spoilt_table_loses_anything_in_silence(tmp_path: Path) -> None:
    outcomes: Counter[str] = Counter()
    for seed in SEEDS:
        kinds, share, verdict = spoilt_tables.one_table(seed, tmp_path)
        assert verdict.outcome in ("equal", "said", "refused"), (seed, kinds, share, verdict.why)
        outcomes[verdict.outcome] += 1
    assert outcomes["equal"] >= 50, outcomes


def ingest(**given: object) -> params.Ingest:
    usual = {"separator": ",", "encoding": "utf-8", "quote": '"', "header": True, "na_values": []}
    usual |= {"unlabelled": "drop", "rare_classes": "refuse", "min_class_rows": 1}
    return params.Ingest.model_construct(**usual | {"drop_columns": []} | given)


def test_a_row_without_a_label_takes_its_own_cells_along(tmp_path: Path) -> None:
    """Texts and labels were once matched by number, and moved up by a row."""
    (tmp_path / "t.csv").write_text("word,n,y\na,1,p\nb,2,\nc,3,q\nd,4,p\n", "utf-8")
    settings = ingest(
        files=[params.RawFile(name="t.csv", label=None)],
        columns={"word": "category", "n": "number"},
        target="y",
    )
    rows = raw_table.read_rows(str(tmp_path), settings)
    assert rows.table.to_numpy().tolist() == [["a", 1, "p"], ["c", 3, "q"], ["d", 4, "p"]]


def test_texts_of_later_blocks_are_no_gaps(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("n,word\n" + "".join(f"{n},t{n % 7}\n" for n in range(30_000)), "utf-8")
    formats = {"n": ColumnFormat("number"), "word": ColumnFormat("category")}
    with ModelTable(str(path), formats, block=1000) as table:
        chunks = [chunk for chunk, _ in table.chunks()]
    assert len(chunks) > 2
    read = pd.concat(chunks)
    assert read["word"].tolist() == [f"t{n % 7}" for n in range(30_000)]
    assert read["n"].tolist() == read.index.tolist() == [*range(30_000)]


# ---- what the spoilt tables have found


def notes_of(tmp_path: Path, cells: list[str], labels: list[str] | None = None) -> list[str]:
    """Return what init says of a table with a column x."""
    path = tmp_path / "t.csv"
    rows = zip(cells, labels or ["p", "q"] * len(cells), strict=False)
    lines = [f'"{cell}",{n % 5}.5,{label}' for n, (cell, label) in enumerate(rows)]
    path.write_text("\n".join(["x,n,y", *lines]) + "\n", "utf-8")
    found = infer_config(InitOptions([path], target="y"))
    column = found.columns.get("x")
    seen = [found.drop_columns["x"]] if column is None else column.notes
    return [*seen, *found.notes]


def test_a_unit_behind_a_no_break_blank_is_read(tmp_path: Path) -> None:
    cells = [f"{n},50\u00a0€" for n in range(1, 41)]
    assert notes_of(tmp_path, cells) == [
        "numbers with decimal comma, unit '€': '1,50\\xa0€' is 1.5"
    ]


@pytest.mark.parametrize("others", [[], ["834", "12345"]])
def test_a_point_that_may_stand_between_thousands_is_told(
    tmp_path: Path, others: list[str]
) -> None:
    cells = [f"{n}.912" for n in range(1, 41)] + others
    assert notes_of(tmp_path, cells) == [
        "1.912 is read with a decimal point; if its point stands between thousands, add "
        "`--decimal=,`"
    ]
    assert notes_of(tmp_path, [*cells, "0.5"]) == []


def test_the_option_decides_on_the_point(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    rows = "".join(f"{n}.912,{n}.5,{'pq'[n % 2]}\n" for n in range(1, 41))
    path.write_text("x,z,y\n" + rows, "utf-8")
    columns = infer_config(InitOptions([path], target="y", decimal=",")).columns
    how, other = (columns[name].how for name in "xz")
    assert how is not None
    assert other is not None
    assert (how.number.decimal, how.number.thousands) == (",", ".")
    assert other.number.is_plain


def test_a_category_of_numbers_and_words_is_told(tmp_path: Path) -> None:
    cells = [*map(str, range(1, 16)), *["broken"] * 25]
    assert notes_of(tmp_path, cells) == [
        "read as texts: numbers in 15 of 40 rows, and 'broken' in the others"
    ]
    codes = ["01", "02", "13", "24"] * 10
    assert notes_of(tmp_path, codes) == []


def test_numbers_in_several_units_are_told(tmp_path: Path) -> None:
    assert notes_of(tmp_path, ["5 kg", "7 m", "9", "5 kg"] * 10) == [
        "read as texts: numbers that are not written in one way, such as '5 kg', '7 m', ..."
    ]


def test_dates_that_are_not_written_in_one_way_are_told(tmp_path: Path) -> None:
    cells = [f"2021-03-{day:02}" for day in range(1, 29)] + [f"{day}.04.2021" for day in range(9)]
    (note,) = notes_of(tmp_path, [*cells, cells[0]])
    assert "dates like %Y-%m-%d in 29 of 38 rows, and '0.04.2021', '1.04.2021', ..." in note


def test_labels_that_differ_in_case_only_are_told(tmp_path: Path) -> None:
    cells, labels = ["a", "b", "c", "a"] * 10, ["Yes", "no", "yes", "no"] * 10
    assert notes_of(tmp_path, cells, labels) == [
        "'y': 'Yes', 'yes' differ in case or blanks only, and are 2 levels"
    ]


def test_limits_in_each_row_are_no_ids(tmp_path: Path) -> None:
    with pytest.raises(GuessError, match="'x' holds numbers that are not written in one way"):
        notes_of(tmp_path, [f"<{n}.5" for n in range(1, 41)])
    (note,) = notes_of(tmp_path, [f"{n}.5{'%' * (n % 2)}" for n in range(1, 41)])
    assert note == (
        "40 different texts in 40 rows: numbers that are not written in one way, such as '1.5%', "
        "'2.5', ...; `--keep=x` brings it back"
    )


def test_dates_in_several_forms_are_told_of_what_looks_like_names(tmp_path: Path) -> None:
    cells = [f"2021-03-{day:02}" for day in range(1, 29)] + [f"{day}/04/21" for day in range(1, 9)]
    assert notes_of(tmp_path, cells) == [
        "another text in each row: a name or an id (dates like %Y-%m-%d in 28 of 36 rows, and "
        "'1/04/21', '2/04/21', ... in the others); `--keep=x` brings it back"
    ]


def test_the_example_of_a_format_shows_it(tmp_path: Path) -> None:
    cells = [f"{n}.95" for n in range(1, 40)] + ["47,505"]
    assert notes_of(tmp_path, cells) == ["numbers with ',' between thousands: '47,505' is 47505"]


def test_three_digits_behind_commas_and_points_alike_have_two_readings(tmp_path: Path) -> None:
    cells = [f"{n}.957" for n in range(1, 40)] + ["47,505"]
    with pytest.raises(GuessError, match=r"as 47\.505 .* or as 47,505 "):
        notes_of(tmp_path, cells)
    assert notes_of(tmp_path, [*cells, "1,047.505"]) == [
        "numbers with ',' between thousands: '47,505' is 47505"
    ]


def test_every_part_of_a_date_may_stand_in_the_params() -> None:
    parts = [*date_format.PARTS, date_format.DAYS]
    column = DateColumn.model_validate({"type": "date", "format": "%H:%M:%S", "parts": parts})
    assert column.parts == parts


def test_numbers_with_units_among_words_are_told_unless_they_are_few(tmp_path: Path) -> None:
    cells = [*(f"{n} kg" for n in range(1, 16)), *["broken"] * 25]
    assert notes_of(tmp_path, cells) == [
        "read as texts: numbers in 15 of 40 rows, and 'broken' in the others"
    ]
    assert notes_of(tmp_path, ["5", "6", *["red", "blue"] * 30]) == []
