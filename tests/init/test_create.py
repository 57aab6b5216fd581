"""`python -m winenet init`: what it guesses, what it refuses and how, and the folder that it makes.

The messages are compared whole: each says what was found, what follows, and the cure.
"""

import gzip
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import small_pipeline
import test_contract as contract
import yaml
from committed import ROOT
from dvc.utils.serialize import parse_yaml

from tools import stage_deps
from winenet import __main__ as commands
from winenet import params, yaml12
from winenet.data import folds, raw_table, split_column, splits
from winenet.errors import InputError
from winenet.init import create, pipeline_files, render
from winenet.init.column_profile import MAX_DISTINCT
from winenet.init.infer import InferredConfig, infer_config
from winenet.init.read_tables import InitOptions

ROWS = 40

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a table of columns, each a list of cells; a single cell stands in each row."""

    def write_table(
        filename: str = "table.csv", /, separator: str = ",", **columns: object
    ) -> Path:
        rows = max(len(cells) for cells in columns.values() if isinstance(cells, list))
        lists = [cells if isinstance(cells, list) else [cells] * rows for cells in columns.values()]
        lines = [columns, *zip(*lists, strict=True)]
        path = tmp_path / filename
        text = "".join(separator.join(map(str, line)) + "\n" for line in lines)
        path.write_text(text, encoding="utf-8", newline="\n")
        return path

    return write_table


def numbers(rows: int = ROWS) -> list[object]:
    return [place * 7 % 10 + 0.5 for place in range(rows)]


def classes(*labels: object, rows: int = ROWS) -> list[object]:
    return [labels[place % len(labels)] for place in range(rows)]


def found(path: Path, **options: object) -> InferredConfig:
    return infer_config(InitOptions([path], **({"target": "y"} | options)))


# ---- what is guessed


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", " "])
def test_the_separator_is_the_one_that_all_lines_agree_on(write: Write, separator: str) -> None:
    path = write(separator=separator, a=numbers(), b=numbers(), y=classes("p", "q"))
    assert found(path).separator == separator


def test_a_comma_within_quotation_marks_separates_nothing(write: Write) -> None:
    path = write(a=numbers(), b=classes('"x, y"', '"z"', '"u, v, w"'), y=classes("p", "q"))
    guessed = found(path)
    assert (guessed.separator, guessed.columns["b"].how.kind) == (",", "category")


@pytest.mark.parametrize(("given", "separator"), [("tab", "\t"), ("\\t", "\t"), (";", ";")])
def test_a_separator_can_be_given(write: Write, given: str, separator: str) -> None:
    path = write(separator=separator, a=numbers(), y=classes("p", "q"))
    assert found(path, separator=given).separator == separator


def test_numbers_and_categories_are_told_apart(write: Write) -> None:
    path = write(
        number=numbers(),
        exponent=["1e-3", "2E5", "-3", "+4.5"] * 10,
        text=classes("a", "b", "c", "d"),
        truth=classes("True", "False"),
        date=classes("2024-01-01", "2024-01-02", "2024-02-01"),
        y=classes("p", "q"),
    )
    kinds = {name: column.how.kind for name, column in found(path).columns.items()}
    assert kinds == {
        "number": "number",
        "exponent": "number",
        "text": "category",
        "truth": "category",
        "date": "date",
    }


def test_the_comments_say_what_was_seen(write: Write) -> None:
    path = write(
        a=[*numbers(ROWS - 2), "", "NA"],
        code=classes(1, 2, 3),
        text=[*["red"] * 20, *["blue"] * 10, *["gr\u00fcn"] * 5, *["a:b"] * 5],
        y=classes("p", "q"),
    )
    seen = {name: column.seen for name, column in found(path).columns.items()}
    assert seen == {
        "a": "0.5 to 9.5; 2 missing",
        "code": "1 to 3; 3 whole numbers: category, if they are codes",
        "text": "4 texts: red, blue, gr\u00fcn, ...",
    }


def test_the_texts_for_a_missing_value_are_those_that_occur(write: Write) -> None:
    path = write(
        a=[*numbers(ROWS - 2), "?", "?"],
        b=["NA", "", *classes("u", "v", rows=ROWS - 2)],
        y=classes("p", "q"),
    )
    guessed = found(path)
    assert guessed.na_values == ["", "?", "NA"]
    assert guessed.columns["a"].how.kind == "number"


def test_no_text_is_missing_where_none_occurs(write: Write) -> None:
    assert found(write(a=numbers(), y=classes("p", "q"))).na_values == []


def test_a_missing_text_has_no_blanks_around_it(write: Write) -> None:
    path = write(a=[*numbers(ROWS - 1), " ?"], y=classes("p", "q"))
    assert found(path).na_values == ["?"]


def test_missing_texts_that_are_given_are_added_to_the_known_ones(write: Write) -> None:
    path = write(
        a=[*numbers(ROWS - 2), "-999", "NA"], b=classes("None", "one", "two"), y=classes("p", "q")
    )
    guessed = found(path, na_values=["-999"])
    assert guessed.na_values == ["-999", "NA"]
    assert guessed.columns["b"].seen == "3 texts: None, one, two"
    assert guessed.columns["a"].seen == "0.5 to 9.5; 2 missing"


def test_a_missing_text_of_one_column_is_a_level_or_a_number_of_the_others(write: Write) -> None:
    path = write(
        **{"a=b": [*numbers(ROWS - 1), -9]}, a=[*numbers(ROWS - 1), -9],
        b=classes("x", "y", "xx"), c=classes("x", "y", "z"), y=classes("p", "q"),
    )  # fmt: skip
    guessed = found(path, na_values=["a=b=-9", "b=x"])
    assert {name: column.seen for name, column in guessed.columns.items()} == {
        "a=b": "0.5 to 9.5; 1 missing",
        "a": "-9 to 9.5",
        "b": "2 texts: y, xx; 14 missing",
        "c": "3 texts: x, y, z",
    }
    columns = yaml.safe_load(render.params_text(guessed))["ingest"]["columns"]
    assert columns == {
        "a=b": {"type": "number", "na_values": ["-9"]},
        "a": "number",
        "b": {"type": "category", "na_values": ["x"]},
        "c": "category",
    }


def test_a_missing_label_is_a_level_of_the_columns(write: Write) -> None:
    path = write(a=classes("p", "q", "r"), y=classes("p", "q", "r"))
    guessed = found(path, na_values=["y=r"])
    assert guessed.labels == {"p": 14, "q": 13}
    assert yaml.safe_load(render.params_text(guessed))["ingest"] | {"files": []} == {
        "files": [],
        "separator": ",",
        "target": "y",
        "positive_label": "q",
        "na_values": ["r"],
        "unlabelled": "drop",
        "drop_columns": [],
        "columns": {"a": {"type": "category", "na_values": []}},
    }


@pytest.mark.parametrize(
    ("labels", "positive_label", "why"),
    [
        (("0", "1"), "1", "by its name"),
        (("1", "1", "-1"), "1", "by its name"),
        (("no", "yes", "yes"), "yes", "by its name"),
        (("benign", "malignant", "malignant"), "malignant", "by its name"),
        (("True", "True", "False"), "True", "by its name"),
        (("b", "b", "g"), "g", "the rarer one, by guess; or b"),
        (("1", "1", "2"), "2", "the rarer one, by guess; or 1"),
        (("u", "v"), "v", "by guess, both are as frequent; or u"),
    ],
)
def test_of_two_labels_one_is_positive(
    write: Write, labels: tuple[str, ...], positive_label: str, why: str
) -> None:
    guessed = found(write(a=numbers(48), y=classes(*labels, rows=48)))
    assert (guessed.positive_label, guessed.why_positive) == (positive_label, why)


def test_the_positive_label_can_be_given(write: Write) -> None:
    guessed = found(write(a=numbers(), y=classes("no", "yes")), positive_label="no")
    assert (guessed.positive_label, guessed.why_positive) == ("no", "as asked")


def test_of_several_labels_none_is_positive(write: Write) -> None:
    guessed = found(write(a=numbers(), y=classes("p", "q", "r")))
    assert (guessed.positive_label, guessed.labels) == (None, {"p": 14, "q": 13, "r": 13})


def test_what_tells_nothing_or_names_each_row_is_left_out_and_why(write: Write) -> None:
    path = write(
        number=list(range(100, 100 + ROWS)),
        customer_id=[place * 31 for place in range(ROWS)],
        age=[place * 31 for place in range(ROWS)],
        name=[f"person {place}" for place in range(ROWS)],
        ticket=[f"t{max(place, 10)}" for place in range(ROWS)],
        constant="x",
        empty="",
        one="7.5",
        asked=numbers(),
        y=classes("p", "q"),
    )
    guessed = found(path, drop_columns=["asked"])
    assert list(guessed.columns) == ["age"]
    assert guessed.drop_columns == {
        "number": "an id by its name, and nearly every row has another; `--keep=number` brings it "
        "back",
        "customer_id": "an id by its name, and nearly every row has another; `--keep=customer_id` "
        "brings it back",
        "name": "another text in each row: a name or an id; `--keep=name` brings it back",
        "ticket": "30 different texts in 40 rows: names, ids or free text; `--keep=ticket` brings "
        "it back",
        "constant": "always x; no information",
        "empty": "no value in any row",
        "one": "always 7.5; no information",
        "asked": "as asked",
    }


def test_a_text_column_of_many_levels_is_left_out(write: Write) -> None:
    path = write(
        a=numbers(3003), text=[f"t{place % 1001}" for place in range(3003)],
        y=classes("p", "q", rows=3003),
    )  # fmt: skip
    assert found(path).drop_columns == {
        "text": "1,001 different texts; a category has at most 1,000"
    }


def test_more_numbers_than_are_counted_are_told_as_fewer_are(write: Write) -> None:
    rows = 2 * MAX_DISTINCT
    path = write(
        id=list(range(10, 10 + rows)),
        a=[place % 97 / 8 for place in range(rows)],
        b=[-0.5, *range(rows - 2), "NA"],
        ticket=[f"{'x' * (place % 3 == 0)}{place}" for place in range(rows)],
        y=classes("p", "q", rows=rows),
    )
    guessed = found(path)
    assert {name: column.seen for name, column in guessed.columns.items()} == {
        "a": "0 to 12",
        "b": f"-0.5 to {rows - 3}; 1 missing",
    }
    assert guessed.drop_columns == {
        "id": "an id by its name, and nearly every row has another; `--keep=id` brings it back",
        "ticket": "over 10,000 different texts; a category has at most 1,000",
    }


def test_a_packed_table_is_read_and_stays_packed(write: Write, tmp_path: Path) -> None:
    plain = write(a=numbers(), y=classes("p", "q"))
    packed = tmp_path / "packed.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    guessed, expected = found(packed), found(plain)
    assert (guessed.columns, guessed.labels) == (expected.columns, expected.labels)
    assert guessed.files[0].path == packed


def test_a_byte_order_mark_and_other_line_ends_are_no_matter(write: Write) -> None:
    path = write(a=numbers(), y=classes("p", "q"))
    content = path.read_text("utf-8").replace("\n", "\r\n")
    path.write_bytes(b"\xef\xbb\xbf" + content.encode())
    guessed = found(path)
    assert (list(guessed.columns), guessed.labels) == (["a"], {"p": 20, "q": 20})


def test_each_table_can_have_one_label(write: Write) -> None:
    one, two = write("one.csv", a=numbers(), b=1.5), write("two.csv", a=numbers(), b=2.5)
    guessed = infer_config(InitOptions([one, two], label="Class=1,0"))
    assert [(file.path, file.label) for file in guessed.files] == [(one, "1"), (two, "0")]
    assert (guessed.target, guessed.positive_label) == ("Class", "1")
    assert (list(guessed.columns), guessed.rows) == (["a", "b"], 2 * ROWS)


def test_several_tables_of_one_kind_are_one(write: Write) -> None:
    one = write("one.csv", a=numbers(), y=classes("p", "q"))
    two = write("two.csv", y=classes("q", "r"), a=numbers())
    guessed = infer_config(InitOptions([one, two], target="y"))
    assert guessed.labels == {"q": 40, "p": 20, "r": 20}


# ---- the settings


@pytest.mark.parametrize(
    ("rows", "rarest", "settings"),
    [
        (1000, 400, ("stratified", 0.2, 5, 0.2, [0.05, 0.1, 0.25, 0.5, 1.0])),
        (1000, 199, ("stratified", 0.2, 5, 0.2, [0.05, 0.1, 0.25, 0.5, 1.0])),
        (60, 20, ("stratified", 0.2, 5, 0.2, [0.05, 0.1, 0.25, 0.5, 1.0])),
        (20, 5, ("stratified", 0.2, 4, 0.2, [0.25, 0.5, 0.75, 1.0])),
    ],
)
def test_the_settings_fit_the_rarest_class(
    write: Write, rows: int, rarest: int, settings: tuple[object, ...]
) -> None:
    path = write(a=numbers(rows), y=[*["p"] * rarest, *["q"] * (rows - rarest)])
    assert found(path).settings[:5] == settings


@pytest.mark.parametrize("order", ["apq", "pqa"])
@pytest.mark.parametrize("counts", [(3, 5), (3, 7, 11), (4, 300), (5, 5), (3, 3, 80)])
def test_the_settings_of_small_classes_hold_in_the_pipeline(
    write: Write, tmp_path: Path, counts: tuple[int, ...], order: str
) -> None:
    """The draws depend on how the classes are numbered and on the order of the rows."""
    labels = [label for label, rows in zip(order, counts, strict=False) for _ in range(rows)]
    path = write(
        a=numbers(len(labels)), y=[labels[place * 11 % len(labels)] for place in range(len(labels))]
    )
    text = render.params_text(found(path))
    (tmp_path / "params.yaml").write_text(text, "utf-8")
    settings = params.load(str(tmp_path / "params.yaml"))
    raw = raw_table.read_raw(str(tmp_path), settings.ingest)
    parts = splits.split_table(raw.table, "y", settings.split)
    folds.check_folds(parts.y_train, settings.grid_search.cv)
    splits.train_validation_split(parts.X_train, parts.y_train, settings.curves)
    splits.check_train_sizes(parts.y_train, settings.learning_curve)


@pytest.mark.parametrize("labels", ["pq", "pqrs"])
@pytest.mark.parametrize(
    ("method", "cells"),
    [
        ("group", [f"zone {place * 7 % 30}" for place in range(240)]),
        ("group", [place * 7 % 30 for place in range(240)]),
        ("time", [f"2019-03-{1 + place * 7 % 30:02}" for place in range(240)]),
        ("time", [(place * 7 % 240) / 4 for place in range(240)]),
    ],
)
def test_a_split_by_a_column_holds_in_the_pipeline(
    write: Write, tmp_path: Path, method: str, cells: list[object], labels: str
) -> None:
    """No model sees the column, and every set and fold has rows of all classes."""
    y = [labels[place * 11 // 7 % len(labels)] for place in range(240)]
    path = write(a=numbers(240), when=cells, y=y)
    guessed = found(path, split_method=method, split_column="when")
    assert guessed.settings.split_method == method
    assert list(guessed.columns) == ["a"]
    assert list(guessed.drop_columns) == ["when"]
    (tmp_path / "params.yaml").write_text(render.params_text(guessed), "utf-8")
    settings = params.load(str(tmp_path / "params.yaml"))
    assert (settings.split.method, settings.split.column) == (method, "when")
    raw = raw_table.read_raw(str(tmp_path), settings.ingest)
    column = split_column.read(str(tmp_path), settings.ingest, settings.split)
    assert column is not None
    parts = splits.split_table(raw.table, "y", settings.split, key=column.key)
    keys = splits.training_keys(parts, settings.split, column.key)
    folds.check_folds(parts.y_train, settings.grid_search.cv, keys)
    splits.train_validation_split(parts.X_train, parts.y_train, settings.curves, keys)
    splits.check_train_sizes(parts.y_train, settings.learning_curve, keys)


@pytest.mark.parametrize("rows", [60, 1000])
def test_both_sets_keep_the_class_shares_unless_another_split_is_asked_for(  # T16
    write: Write, rows: int
) -> None:
    path = write(a=numbers(rows), y=classes("p", "q", rows=rows))
    for options, method in (({}, "stratified"), ({"split_method": "random"}, "random")):
        text = render.params_text(found(path, **options))
        assert yaml.safe_load(text)["split"]["method"] == method


def test_a_long_table_gets_fewer_trainings(write: Write) -> None:
    rows = 100_001
    guessed = found(write(a=numbers(rows), y=classes("p", "q", rows=rows)))
    text = render.params_text(guessed)
    assert guessed.large
    assert "solver: lbfgs" in text
    assert "small, because the table is long" in text
    assert yaml.safe_load(text)["seeds"] == {"n_seeds": 3, "random_state": 0}


def test_the_wines_get_the_notebook_s_settings() -> None:
    raw = ROOT / "data/raw"
    tables = [raw / "winequality-red.csv", raw / "winequality-white.csv"]
    settings = yaml.safe_load(
        render.params_text(
            infer_config(InitOptions(tables, label="Class=1,0", split_method="random"))
        )
    )
    committed = yaml.safe_load((ROOT / "params.yaml").read_text("utf-8"))
    for section in ("split", "grid_search", "curves", "seeds", "learning_curve"):
        assert settings[section] == committed[section], section
    names = {"notebook": "two_layers", "one_hidden_layer": "one_layer"}
    networks = committed["mlp"]["networks"]
    renamed = {names[name]: network for name, network in networks.items()}
    assert settings["mlp"] == committed["mlp"] | {"networks": renamed}
    assert settings["compare"] == committed["compare"] | {"reference": "two_layers"}
    assert settings["logistic"] == committed["logistic"] | {"max_iter": 1000}
    for key in ("files", "separator", "target", "positive_label", "na_values", "drop_columns"):
        assert settings["ingest"][key] == committed["ingest"][key], key
    assert settings["ingest"]["columns"] == dict.fromkeys(committed["ingest"]["columns"], "number")


# ---- params.yaml


NASTY = ["yes", "1e-3", "null", "a: b", "x # y", "it's", 'q"q', "caf\u00e9", "[1]", "{a}", "0x1f"]


def test_params_yaml_says_the_same_to_dvc_and_to_the_stages(write: Write, tmp_path: Path) -> None:
    """Names and texts that YAML would take for something else."""
    columns = {name.replace('"', '""'): numbers() for name in NASTY}
    path = write(
        "on.csv", **{f'"{name}"': cells for name, cells in columns.items()},
        level=["~", "NA", *classes("no", "1e3x", "*", rows=ROWS - 2)], y=classes("yes", "007"),
    )  # fmt: skip
    text = render.params_text(found(path, positive_label="007"))
    (tmp_path / "params.yaml").write_text(text, "utf-8")
    loaded = params.load(str(tmp_path / "params.yaml"))
    assert list(loaded.ingest.columns) == [*NASTY, "level"]
    assert (loaded.ingest.positive_label, loaded.ingest.na_values) == ("007", ["*", "NA"])
    as_dvc_reads = parse_yaml(text, "params.yaml")
    assert as_dvc_reads == loaded.model_dump(exclude_unset=True)


@pytest.mark.parametrize("method", ["stratified", "random"])
def test_a_model_that_knows_the_commonest_label_alone_passes_the_gates(  # T15
    write: Write, tmp_path: Path, method: str
) -> None:
    path = write(a=numbers(891), y=[*["p"] * 549, *["q"] * 342])
    text = render.params_text(found(path, split_method=method))
    (tmp_path / "params.yaml").write_text(text, "utf-8")
    settings = params.load(str(tmp_path / "params.yaml"))
    table = raw_table.read_raw(str(tmp_path), settings.ingest).table
    y_test = splits.split_table(table, "y", settings.split).y_test
    share = float((y_test == 0).mean())
    floors = yaml.safe_load(text)["gates"]["minimum"]
    assert share - 0.0001 < floors["logistic.accuracy"] <= share
    assert list(floors) == [
        *("logistic.accuracy", "mlp.two_layers.accuracy", "mlp.one_layer.accuracy"),
        "grid_search.accuracy",
    ]
    assert len(set(floors.values())) == 1


def test_a_rare_class_gets_weights_another_score_and_another_floor(write: Write) -> None:
    rare = write(a=numbers(60), y=classes(*("q" * 11), "p", rows=60))  # 5 of 60 are p
    written = yaml.safe_load(render.params_text(found(rare)))
    for section in ("mlp", "grid_search"):
        assert written[section]["defaults"]["class_weight"] == "balanced"
    assert written["logistic"]["class_weight"] == "balanced"
    assert written["grid_search"]["scoring"] == "balanced_accuracy"
    assert set(written["gates"]["minimum"].values()) == {0.5}
    assert all(key.endswith(".balanced_accuracy") for key in written["gates"]["minimum"])
    common = write(a=numbers(60), y=classes(*("q" * 8), "p", rows=60))  # a ninth
    text = render.params_text(found(common))
    assert "class_weight" not in text
    assert "scoring: accuracy" in text


def test_thousands_of_columns_have_no_comments(write: Write) -> None:
    path = write(**{f"{place:040}": numbers() for place in range(1500)}, y=classes("p", "q"))
    text = render.params_text(found(path))
    assert len(text.encode()) < yaml12.MAX_BYTES
    assert f'    "{1499:040}": number\n' in text


def test_the_columns_of_the_commonest_kind_become_a_pattern(write: Write) -> None:
    names = [f"{place:040}" for place in range(2000)]
    path = write(**{name: numbers() for name in names}, b=classes("u", "v"), y=classes("p", "q"))
    text = render.params_text(found(path))
    assert yaml.safe_load(text)["ingest"]["columns"] == {f"{36 * '0'}*": "number", "b": "category"}


def test_too_many_columns_are_refused(write: Write, tmp_path: Path) -> None:
    cells = (numbers(), classes("u", "v"))
    columns = {f"{place:040}": cells[place % 2] for place in range(4000)}
    told = refusal(
        lambda: render.params_text(found(write(**columns, y=classes("p", "q")))), tmp_path
    )
    assert re.fullmatch(
        "4,000 columns make a params.yaml of [0-9,]+ bytes, and at most 100,000 are read. Take "
        "columns out of the table.",
        told,
    )


# ---- what is refused


def refusal(call: Callable[[], object], folder: Path) -> str:
    """Return the whole message, the test's own folder shortened to its name."""
    with pytest.raises(InputError) as caught:
        call()
    return str(caught.value).replace(f"{folder}{os.sep}", "").replace(str(folder), "HERE")


# What is in the table, what is asked, the message.
REFUSED: dict[str, tuple[dict[str, object], dict[str, object], str]] = {
    "a split that is none": (
        {"a": numbers(), "y": classes("p", "q")},
        {"split_method": "grouped"},
        "--split 'grouped' is not a method; did you mean 'group'? Give one of random, stratified, "
        "group, time.",
    ),
    "a split without a column": (
        {"a": numbers(), "y": classes("p", "q")},
        {"split_method": "time"},
        "--split time needs the column to split by. Give --split-column COLUMN. The columns of "
        "table.csv: 'a', 'y'.",
    ),
    "a column without a split": (
        {"a": numbers(), "y": classes("p", "q")},
        {"split_column": "a"},
        "--split-column 'a' has no meaning without --split group or --split time. Add one of them, "
        "or leave --split-column out.",
    ),
    "a split by the target": (
        {"a": numbers(), "y": classes("p", "q")},
        {"split_method": "group", "split_column": "y"},
        "--split-column 'y' is the target, so it cannot split.",
    ),
    "a split by a column that is not there": (
        {"zone": numbers(), "y": classes("p", "q")},
        {"split_method": "group", "split_column": "zones"},
        "--split-column 'zones' is not a column of table.csv; did you mean 'zone'? Its columns: "
        "'zone', 'y'.",
    ),
    "a split by a column with gaps": (
        {"a": numbers(), "zone": ["x", "", *classes("x", "z", rows=38)], "y": classes("p", "q")},
        {"split_method": "group", "split_column": "zone"},
        "--split-column 'zone' cannot split the rows:\n"
        "  table.csv: line 3, column 'zone': no value; every row needs one\n"
        "Correct the cells, take out these rows, or choose another --split-column.",
    ),
    "a split after which a set lacks a class": (
        {"a": numbers(), "day": list(range(40)), "y": ["p"] * 30 + ["q"] * 10},
        {"split_method": "time", "split_column": "day"},
        "The rows cannot be split by the time of 'day': whatever the test_size, a set or a fold "
        "would have no row of a class (the rarest, 'q', has 10 rows). Choose another "
        "--split-column, or --split stratified.",
    ),
    "one class": (
        {"a": numbers(), "y": "p"},
        {},
        "Column 'y' is 'p' in all 40 rows, so there is nothing to tell apart. Choose another "
        "--target, or add rows of another class.",
    ),
    "a class with one row": (
        {"a": numbers(), "y": [*classes("p", "q", rows=ROWS - 1), "r"]},
        {},
        "Column 'y' has 1 class of fewer than 3 rows ('r'): the test, the training and the search "
        "need one each. Leave them out with `--rare-classes drop` (then 2 classes and 39 rows are "
        "left), or add rows.",
    ),
    "two rare classes, told at once": (  # T8
        {"a": numbers(), "y": [*classes("p", "q", rows=ROWS - 3), "r", "s", "s"]},
        {},
        "Column 'y' has 2 classes of fewer than 3 rows ('s', 'r'): the test, the training and the "
        "search need one each. Leave them out with `--rare-classes drop` (then 2 classes and 37 "
        "rows are left), join them with `--rare-classes merge=other`, or add rows.",
    ),
    "a rare class that is to be refused": (
        {"a": numbers(), "y": [*classes("p", "q", rows=ROWS - 1), "r"]},
        {"rare_classes": "refuse"},
        "Column 'y' has 1 class of fewer than 3 rows ('r'): the test, the training and the search "
        "need one each. Leave them out with `--rare-classes drop` (then 2 classes and 39 rows are "
        "left), or add rows.",
    ),
    "fewer rows than folds": (
        {"a": [1, 2.5, 3, 4], "y": ["p", "q", "p", "q"]},
        {},
        "Column 'y' has 2 classes of fewer than 3 rows ('p', 'q'): the test, the training and the "
        "search need one each. Add rows.",
    ),
    "a rare class beside one": (
        {"a": numbers(), "y": [*["p"] * (ROWS - 2), "r", "r"]},
        {},
        "Column 'y' has 1 class of fewer than 3 rows ('r'): the test, the training and the search "
        "need one each. Add rows.",
    ),
    "a measurement as the target": (
        {"a": numbers(), "y": [place + 0.25 for place in range(ROWS)]},
        {},
        "Column 'y' has 40 different numbers in 40 rows ('0.25', '1.25', '2.25', ...), so it is a "
        "number to predict and not a class, and only classes can be predicted. Choose another "
        "--target, or write classes of it into the table, such as low and high.",
    ),
    "a price as the target": (  # T7
        {"rooms": [3, 3, 3, 3, 4], "y": [208500, 181500, 223500, 140000, 250000]},
        {},
        "Column 'y' has 5 different numbers in 5 rows ('208500', '181500', '223500', ...), so it "
        "is a number to predict and not a class, and only classes can be predicted. Choose "
        "another --target, or write classes of it into the table, such as low and high.",
    ),
    "a gap in the target that is refused": (
        {"a": numbers(), "y": [*classes("p", "q", rows=ROWS - 2), "", "NA"]},
        {"unlabelled": "refuse"},
        "Column 'y' is to be predicted, but 2 rows have no label ('', 'NA'). A row without a label "
        "cannot be learnt from: take these rows out of the table, or give `--unlabelled drop`.",
    ),
    "a target of gaps alone": (
        {"a": numbers(), "y": classes("", "NA")},
        {},
        "Column 'y' is to be predicted, and no row has a value there. Choose another --target.",
    ),
    "a decimal sign that is none": (
        {"a": numbers(), "y": classes("p", "q")},
        {"decimal": "comma"},
        "--decimal 'comma' is not one of its values. Give ',' or '.'.",
    ),
    "another treatment of rows without a label": (
        {"a": numbers(), "y": classes("p", "q")},
        {"unlabelled": "keep"},
        "--unlabelled 'keep' is not one of its values. Give 'drop' or 'refuse'.",
    ),
    "another treatment of rare classes": (
        {"a": numbers(), "y": classes("p", "q")},
        {"rare_classes": "merge="},
        "--rare-classes 'merge=' is not one of its values. Give 'drop' or 'merge=LABEL' or "
        "'refuse'.",
    ),
    "an encoding that is none": (
        {"a": numbers(), "y": classes("p", "q")},
        {"encoding": "utf-9"},
        "--encoding 'utf-9' is not an encoding that Python knows. Give for example utf-8, "
        "windows-1252 or utf-16, or leave it out: it is found.",
    ),
    "the first line as a row": (
        {"age": numbers(), "y": classes("p", "q")},
        {"header": False},
        "--target 'y' is not a column of table.csv. Its columns: 'c1', 'c2'.",
    ),
    "an unknown column kept": (
        {"abc": numbers(), "y": classes("p", "q")},
        {"keep_columns": ["abd"]},
        "--keep 'abd' is not a column of table.csv; did you mean 'abc'? Its columns: 'abc', 'y'.",
    ),
    "a column kept and left out": (
        {"a": numbers(), "y": classes("p", "q")},
        {"keep_columns": ["a"], "drop_columns": ["a"]},
        "Column 'a' has both --keep and --drop. Leave out one of them.",
    ),
    "text of 10,000 values alone": (
        {"a": [f"t{place % 10_000}" for place in range(20_000)],
         "y": classes("p", "q", rows=20_000)},
        {},
        "No column is left to predict 'y' from ('a': 10,000 different texts; a category has at "
        "most 1,000). A table needs one of numbers, or of texts of which at most 1,000 differ.",
    ),
    "no such target": (
        {"weight": numbers(), "colour": classes("p", "q")},
        {"target": "color"},
        "--target 'color' is not a column of table.csv; did you mean 'colour'? Its columns: "
        "'weight', 'colour'.",
    ),
    "no target": (
        {"a": numbers(), "y": classes("p", "q")},
        {"target": None},
        "Neither --target nor --label is given, so nobody knows what is to be predicted. Give "
        "--target COLUMN, or --label COLUMN=VALUE,VALUE with a value for each table.",
    ),
    "a label too many": (
        {"a": numbers(), "b": numbers()},
        {"target": None, "label": "y=1,0"},
        "--label 'y=1,0' has 2 values for 1 table. Give a value for each --table, in their order.",
    ),
    "a label of no form": (
        {"a": numbers(), "b": numbers()},
        {"target": None, "label": "y"},
        "--label 'y' is not COLUMN=VALUE,VALUE. For example --label Class=1,0 for two tables.",
    ),
    "two targets": (
        {"a": numbers(), "y": classes("p", "q")},
        {"label": "z=1"},
        "--target 'y' and --label 'z=1' name two columns to predict. Leave out one of them.",
    ),
    "a label's column that is there": (
        {"a": numbers(), "y": classes("p", "q")},
        {"target": None, "label": "y=1"},
        "--label adds the column 'y', but table.csv has one of this name. Give --target y in place "
        "of --label, or another name.",
    ),
    "no such positive": (
        {"a": numbers(), "y": classes("no", "yes")},
        {"positive_label": "Yes"},
        "--positive-label 'Yes' is not a label of column 'y'; did you mean 'yes'? Its labels: "
        "'no', 'yes'.",
    ),
    "a positive of three": (
        {"a": numbers(), "y": classes("p", "q", "r")},
        {"positive_label": "p"},
        "--positive-label 'p' is given, but column 'y' has 3 labels ('p', 'q', 'r'), so none is "
        "the positive one. Leave --positive-label out.",
    ),
    "the target left out": (
        {"a": numbers(), "y": classes("p", "q")},
        {"drop_columns": ["y"]},
        "--drop 'y' is the target, which cannot be left out.",
    ),
    "an unknown column left out": (
        {"abc": numbers(), "y": classes("p", "q")},
        {"drop_columns": ["abd"]},
        "--drop 'abd' is not a column of table.csv; did you mean 'abc'? Its columns: 'abc', 'y'.",
    ),
    "a separator of two characters": (
        {"a": numbers(), "y": classes("p", "q")},
        {"separator": "::"},
        "--sep '::' is not one character of ASCII. Give for example ';' or tab.",
    ),
    "another separator": (
        {"a": numbers(), "y": classes("p", "q")},
        {"separator": ";"},
        "table.csv: the header has one column ('a,y') by the separator ';'. Give the "
        "right separator by --sep; a table needs a column to predict and one to predict it from.",
    ),
    "a name for a formula": (
        {"=a": numbers(), "y": classes("p", "q")},
        {},
        "Column '=a' cannot keep its name: a name does not begin with =, +, - or @, not even after "
        "a comma or semicolon: a spreadsheet would take it for a formula. Rename it in the file's "
        "header, or leave it out: `--drop==a`.",
    ),
    "no header": (
        {"5.1": numbers(), "0": classes("0", "1")},
        {"target": "0"},
        "table.csv: the first line looks like data and not like a header: '5.1', '0' are numbers. "
        "--no-header calls its columns c1 to c2; your target is then --target c2. Or put a line "
        "with the columns' names above it.",
    ),
    "numbers that can be read in two ways": (  # B4
        {"a": ["\"20,000\"", "\"21,037\""] * 20, "y": classes("p", "q")},
        {},
        "Column 'a' has numbers such as '20,000', which can be read as 20 (a decimal comma) or as "
        "20,000 (a comma between thousands). Say which: `--decimal=,` for the first, `--decimal=.` "
        "for the second.",
    ),
    "numbers with a word among them": (
        {"a": [*[place * 1.5 for place in range(ROWS - 2)], "", "abc"], "y": classes("p", "q")},
        {},
        "Column 'a' holds numbers, but not in 1 cell ('abc'). If such a text stands for a missing "
        "value, say so: `--na-value=abc`. Else correct the cells, or leave the column out: "
        "`--drop=a`.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_work_is_refused_with_the_cure(write: Write, tmp_path: Path, case: str) -> None:
    columns, options, message = REFUSED[case]
    path = write(**columns)
    assert refusal(lambda: found(path, **options), tmp_path) == message


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "is empty; it needs a header and rows."),
        ("a.csv", b"a,y\n", "has no rows below the header, so there is nothing to learn from."),
        ("a.csv", b"a,a\n1,2\n", "column 'a' stands 2 times in the header. Give each column a name "
         "of its own, or leave them out: `--drop=a`."),
        ("a.csv", b"a\0b", "line 1 has a null byte, so the file is not text or is damaged."),
        ("a.csv", b"BZh91AY&SY" + bytes(99), "is a bzip2 file, not a table of "
         "text; `bunzip2 --keep a.csv` unpacks it."),
        ("a.csv", b"\xfd7zXZ\0" + bytes(99), "is an xz file, not a table of text; "
         "`unxz --keep a.csv` unpacks it."),
        ("a.csv", b"word\nother\n", "the header has one column ('word') by any of the "
         "separators , ; tab | and space. Give the right separator by --sep; a table needs a "
         "column to predict and one to predict it from."),
    ],
)  # fmt: skip
def test_a_file_that_is_no_table_is_refused_with_the_cure(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    assert refusal(lambda: found(tmp_path / name), tmp_path) == f"{name}: {message}"


def test_lines_of_another_number_of_cells_are_told_with_their_numbers(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"a,b,y\n1,2,p\n1,2,3,q\n\n1,q\n")  # B16
    assert refusal(lambda: found(tmp_path / "a.csv"), tmp_path) == (
        "a.csv is not a table with the separator ',':\n"
        "  line 3 has 4 cells, the header has 3\n"
        "  line 4 is blank\n"
        "  line 5 has 2 cells, the header has 3\n"
        "Give the right separator by --sep, or correct the lines."
    )


@pytest.mark.parametrize("sign", ["\x0c", "\x1d", "\x85", "\u2028"])
def test_only_line_ends_end_a_line(write: Write, tmp_path: Path, sign: str) -> None:
    told = refusal(lambda: found(write(**{f"b{sign}x": numbers()}, y=classes("p", "q"))), tmp_path)
    assert "cannot keep its name: a name has printable characters only" in told


def test_a_damaged_packed_table_is_refused(write: Write, tmp_path: Path) -> None:
    content = gzip.compress(write(a=numbers(9000), y=classes("p", "q", rows=9000)).read_bytes())
    packed = tmp_path / "packed.csv.gz"
    for damaged in (content[:-8] + b"12345678", content + b"more"):
        packed.write_bytes(damaged)
        told = refusal(lambda: found(packed), tmp_path)
        assert told == "packed.csv.gz: is not a complete gzip file; pack it again."


def test_a_stray_quotation_mark_is_told(write: Write, tmp_path: Path) -> None:
    text = ["x" * 1000 for _ in range(300)]
    text[0] = '"' + text[0]
    told = refusal(
        lambda: found(write(text=text, a=numbers(300), y=classes("p", "q", rows=300))), tmp_path
    )
    assert told == "table.csv: line 2 has a quotation mark that is not closed."


def test_a_stray_text_among_many_numbers_is_told(write: Write, tmp_path: Path) -> None:
    rows = 12_000
    a: list[object] = [place / 8 for place in range(rows)]
    a[::100] = ["abc"] * (rows // 100)
    told = refusal(lambda: found(write(a=a, y=classes("p", "q", rows=rows))), tmp_path)
    assert told.startswith("Column 'a' holds numbers, but not in 120 cells ('abc').")


def test_a_check_that_is_killed_is_told(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = subprocess.CompletedProcess([], -9, "", "")
    monkeypatch.setattr(create.subprocess, "run", lambda *_, **__: killed)
    path = write(a=numbers(), y=classes("p", "q"))
    with pytest.raises(InputError, match="check was ended by the signal 9, so it was not made"):
        create.create_project(tmp_path / "new", InitOptions([path], target="y"))
    assert sorted(place.name for place in tmp_path.iterdir()) == ["table.csv"]


def test_a_table_that_is_not_there_or_is_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    messages = {
        "no.csv": "there is no such file, so there is nothing to make a pipeline of. Give the path "
        "of a CSV file.",
        "folder": "is not a file, so it cannot be read as a table. Give each CSV file of a folder "
        "by a --table of its own.",
    }
    for name, message in messages.items():
        told = refusal(lambda name=name: found(tmp_path / name), tmp_path)
        assert told == f"--table {name}: {message}"


def test_tables_of_other_columns_or_of_one_name_are_refused(write: Write, tmp_path: Path) -> None:
    one = write("one.csv", a=numbers(), y=classes("p", "q"))
    two = write("two.csv", a=numbers(), b=numbers(), y=classes("p", "q"))
    told = refusal(lambda: infer_config(InitOptions([one, two], target="y")), tmp_path)
    assert told == "one.csv has no column 'b', which two.csv has. All tables need the same columns."
    told = refusal(lambda: infer_config(InitOptions([one, one], target="y")), tmp_path)
    assert told == (
        "--table: two tables are called 'one.csv', and both would be copied to data/raw/one.csv. "
        "Rename one of them."
    )


# ---- the folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as init makes it, of a table of 60 rows; a test must not change it."""
    place = tmp_path_factory.mktemp("made")
    lines = ["id,width,colour,kind"]
    for row in range(60):
        width = (row * 37 % 60 + 40 * (row % 3)) / 10 if row % 19 else ""
        lines.append(f"{row + 1},{width},{['red', 'green', 'blue'][row * 7 % 5 % 3]},k{row % 3}")
    (place / "table.csv").write_text("\n".join(lines) + "\n", "utf-8", newline="\n")
    create.create_project(place / "new", InitOptions([place / "table.csv"], target="kind"))
    return place / "new"


def listed(folder: Path) -> list[str]:
    return small_pipeline.git(folder, "ls-files").splitlines()


def test_all_is_committed_and_nothing_else_is_there(made: Path) -> None:
    assert small_pipeline.git(made, "status", "--porcelain", "--ignored") == ""
    assert sorted(path.name for path in made.parent.iterdir()) == ["new", "table.csv"]


def test_the_folder_carries_the_pipeline_without_the_notebook(made: Path) -> None:
    names = listed(made)
    here = small_pipeline.git(ROOT, "ls-files", "--cached", "--others", "--exclude-standard")
    ours = here.splitlines()
    package = {name for name in ours if re.match(r"(?:winenet|stages|\.dvc)/", name)}
    assert {name for name in names if re.match(r"(?:winenet|stages|\.dvc)/", name)} == (
        {
            name
            for name in package
            if (ROOT / name).exists() and not re.match(r"stages/handmade|winenet/notebook/", name)
        }
        | {"winenet/LICENSE"}
    )
    others = [name for name in names if not re.match(r"(?:winenet|stages|\.dvc)/", name)]
    assert others == [
        *(".dvcignore", ".gitattributes", ".gitignore", "Makefile", "README.md"),
        *("data/.gitignore", "data/raw/table.csv", "dvc.yaml", "models/.gitignore"),
        *("params.yaml", "requirements.in", "requirements.lock"),
        *("tools/environment.sh", "tools/starter/README.md.jinja"),
        "tools/starter/params.yaml.jinja",
    ]
    assert (made / "data/raw/table.csv").read_bytes() == (made.parent / "table.csv").read_bytes()


def test_its_files_are_readable_as_any_new_file_is(made: Path, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    assert made.stat().st_mode == (tmp_path / "folder").stat().st_mode
    assert (made / "params.yaml").stat().st_mode == (tmp_path / "file").stat().st_mode


def test_nothing_in_it_speaks_of_wine_or_of_this_machine(made: Path) -> None:
    for name in ("params.yaml", "dvc.yaml", "Makefile", "README.md"):
        text = (made / name).read_text("utf-8")
        assert not re.search(r"\bwines?\b|\(1 is red\)|of red\b|handmade|golden", text), name
        assert str(made.parent) not in text, name


def test_its_params_say_what_was_guessed(made: Path) -> None:
    text = (made / "params.yaml").read_text("utf-8")
    ingest = text[text.index("ingest:") : text.index("\nsplit:")]
    assert (
        ingest
        == """\
ingest:
  files:                # in data/raw, joined in this order
    - name: table.csv
  separator: ","
  target: kind  # k0 (20), k1 (20), k2 (20)
  na_values: [""]  # texts that stand for a missing value
  drop_columns:         # columns that are not used
    - id  # an id by its name, and nearly every row has another; `--keep=id` brings it back
  columns:              # number, category, [min, max] of valid values, or a mapping with a type
    width: number     # 0.3 to 13.9; 4 missing
    colour: category  # 3 texts: red, green, blue
"""
    )


# They have the word in their name and belong to every pipeline.
NOT_OF_THE_NOTEBOOK = ("winenet/report/notebook_section.py",)


def notebook_words(text: str) -> list[str]:
    """Return the words of a text that name the notebook or its network from scratch."""
    for name in NOT_OF_THE_NOTEBOOK:
        text = text.replace(name, "")
    return re.findall(r"\S*(?:handmade|notebook|from scratch)\S*", text, re.IGNORECASE)


@pytest.mark.parametrize("name", ["dvc.yaml", "Makefile"])
def test_nothing_of_the_notebook_is_in_it(made: Path, name: str) -> None:
    assert notebook_words((ROOT / name).read_text("utf-8"))
    assert notebook_words((made / name).read_text("utf-8")) == []


def test_what_the_notebook_gets_anew_is_left_out_or_found() -> None:
    """An output of its stage and all that reads it is left out; a word elsewhere is found."""
    ours = (ROOT / "dvc.yaml").read_text("utf-8")

    def left(old: str, new: str) -> list[str]:
        assert ours.count(old) == 1
        return notebook_words(pipeline_files.dvc_yaml(ours.replace(old, new), None))

    more = ours.replace("[data/handmade.csv,", "[data/more.csv, data/handmade.csv,")
    more = more.replace("data/reference/train_head.csv,", "data/more.csv,")
    assert more.count("data/more.csv") == 2
    assert "data/more.csv" not in pipeline_files.dvc_yaml(more, None)
    assert left("  split:\n", "  handmade_more:\n    deps:\n      [x]\n\n  split:\n")
    assert left("data/reference/train_head.csv", "data/reference/notebook_more.csv")
    plot = "      - plots/curves.svg:"
    assert left(plot, f"      - plots/handmade_more.svg: {{cache: false}}\n{plot}")
    assert left("  - Training loss:\n", "  - Training loss of the notebook:\n")


def test_a_target_of_the_makefile_is_kept_by_name() -> None:
    ours = (ROOT / "Makefile").read_text("utf-8")
    more = ours.replace("help:", "notebook-pages:\n\t@jupyter\n\nhelp:")
    assert notebook_words(pipeline_files.makefile(more))  # it is not in .PHONY
    more = more.replace(".PHONY: all", ".PHONY: notebook-pages all")
    assert pipeline_files.makefile(more) == pipeline_files.makefile(ours)


def graph_of(folder: Path) -> dict[str, dict[str, object]]:
    return yaml.safe_load((folder / "dvc.yaml").read_text("utf-8"))["stages"]


def test_its_dvc_yaml_keeps_the_contract_of_ours(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = graph_of(made)
    assert list(graph) == [stage for stage in contract.STAGES if stage != "handmade"]
    monkeypatch.setattr(contract, "ROOT", made)
    monkeypatch.setattr(stage_deps, "ROOT", made)
    monkeypatch.setattr(contract, "MODULES", sorted((made / "winenet").rglob("*.py")))
    monkeypatch.setattr(contract, "GRAPH", graph)
    monkeypatch.setattr(contract, "STAGES", list(graph))
    contract.test_every_stage_file_is_a_stage_of_the_graph()
    contract.test_every_data_dep_is_raw_or_written_by_an_earlier_stage()
    contract.test_rooms_import_only_the_rooms_below_them()
    for stage in graph:
        contract.test_a_stage_says_desc_cmd_params_deps_and_outputs_in_this_order(stage)
        contract.test_every_imported_file_is_a_dep_and_no_other(stage)
        contract.test_every_section_read_is_a_param_and_no_other(stage)
        contract.test_metrics_and_plots_are_in_git_and_bulky_data_is_not(stage)
        if stage != "report":  # its code names the notebook's files, which are not there
            contract.test_every_path_in_the_code_is_a_dep_or_an_output_and_no_other(stage)
            contract.test_every_path_that_is_written_is_an_output_whatever_its_folder(stage)


def test_its_dvc_yaml_is_ours_but_for_what_is_the_notebook_s(made: Path) -> None:
    """Line by line: nothing is added, but words and the lists that lost a path."""
    ours = yaml.safe_load((ROOT / "dvc.yaml").read_text("utf-8"))["stages"]
    for stage, content in graph_of(made).items():
        for key in ("cmd", "params", "deps"):
            kept = ours[stage].get(key)
            if key == "deps":
                kept = [
                    dep
                    for dep in kept
                    if not re.search(r"(?:data|plots)/handmade|^data/reference", dep)
                ]
            assert content.get(key) == kept, (stage, key)
    longest = max(map(len, (made / "dvc.yaml").read_text("utf-8").splitlines()))
    assert longest <= max(map(len, (ROOT / "dvc.yaml").read_text("utf-8").splitlines()))


def test_dvc_reads_it_and_the_readme_has_its_graph(made: Path) -> None:
    printed = small_pipeline.dvc(made, "dag", "--md").strip()
    readme = (made / "README.md").read_text("utf-8")
    assert f"<!-- dvc dag --md -->\n{printed}\n" in readme
    assert re.findall(r"^\| `(\w+)` \|", readme, flags=re.MULTILINE) == list(graph_of(made))
    small_pipeline.dvc(made, "status")
    assert small_pipeline.git(made, "status", "--porcelain") == ""


def test_its_makefile_has_the_targets_that_work_there(made: Path) -> None:
    text = (made / "Makefile").read_text("utf-8")
    assert (
        tuple(re.findall(r"^([a-z-]+):", text, flags=re.MULTILINE))
        == pipeline_files.KEPT_MAKE_TARGETS
    )
    if shutil.which("make"):
        listed = small_pipeline.run(made, "make", "help")
        assert re.findall(r"^  make ([a-z-]+)", listed, flags=re.MULTILINE) == [
            *("all", "gate", "summary", "clean", "help")
        ]


@pytest.mark.slow
def test_a_new_folder_can_make_another_one(made: Path, tmp_path: Path) -> None:
    table = made.parent / "table.csv"
    command = [sys.executable, "-m", "winenet", "init", str(tmp_path / "next")]
    printed = small_pipeline.run(made, *command, "--table", str(table), "--target", "kind")
    assert (
        "init: left out: 'id' (an id by its name, and nearly every row has another; `--keep=id` "
        "brings it back)" in printed.splitlines()
    )
    for name in ("params.yaml", "dvc.yaml", "Makefile"):
        assert (tmp_path / "next" / name).read_bytes() == (made / name).read_bytes(), name
    assert listed(tmp_path / "next") == listed(made)


# ---- never overwrites, leaves nothing


def before_and_after(place: Path, call: Callable[[], object]) -> str:
    """Return the message of a call that must leave a folder as it was."""

    def files() -> dict[Path, bytes | None]:
        return {path: path.read_bytes() if path.is_file() else None for path in place.rglob("*")}

    before = files()
    message = refusal(call, place)
    assert files() == before
    return message


@pytest.mark.parametrize("kind", ["file", "folder", "empty folder", "dangling link"])
def test_what_is_there_is_never_overwritten(write: Write, tmp_path: Path, kind: str) -> None:
    path, target = write(a=numbers(), y=classes("p", "q")), tmp_path / "new"
    if kind == "file":
        target.write_text("mine", "utf-8")
    elif kind == "dangling link":
        target.symlink_to(tmp_path / "nowhere")
    else:
        target.mkdir()
        if kind == "folder":
            (target / "mine.txt").write_text("mine", "utf-8")
    told = before_and_after(
        tmp_path, lambda: create.create_project(target, InitOptions([path], target="y"))
    )
    assert told == (
        "new is there already, and init overwrites nothing, not even an empty folder. Give the "
        "name of a folder that is not there yet."
    )


def test_a_folder_that_comes_meanwhile_is_not_overwritten(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, target = write(a=numbers(), y=classes("p", "q")), tmp_path / "new"

    def check(folder: Path) -> str:
        target.mkdir()
        (target / "mine.txt").write_text("mine", "utf-8")
        return ""

    monkeypatch.setattr(create, "_check", check)
    assert "new is there already" in refusal(
        lambda: create.create_project(target, InitOptions([path], target="y")), tmp_path
    )
    assert sorted(found.name for found in tmp_path.rglob("*")) == ["mine.txt", "new", "table.csv"]


def test_a_place_that_is_not_there_is_refused(write: Write, tmp_path: Path) -> None:
    path = write(a=numbers(), y=classes("p", "q"))
    target = tmp_path / "no" / "new"
    told = before_and_after(
        tmp_path, lambda: create.create_project(target, InitOptions([path], target="y"))
    )
    assert told == (
        "no/new cannot be made: no is not a folder. Make it first, or give another place."
    )


def test_a_table_that_the_new_folder_s_check_refuses_leaves_nothing(
    write: Write, tmp_path: Path
) -> None:
    """What only the pipeline looks at: labels that a spreadsheet would run."""
    path = write(a=numbers(), y=classes("p", "=1+1"))  # B17
    options = InitOptions([path], target="y")
    told = before_and_after(tmp_path, lambda: create.create_project(tmp_path / "new", options))
    assert told == (
        "The tables do not pass the new folder's check, so it was not made (data/raw below is its "
        "copy of your files):\n"
        "  Column 'y' has the label '=1+1', which a spreadsheet would run as a formula when it "
        "opens the predictions. Write another text in the raw file."
    )


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_an_error_or_an_interruption_leaves_nothing(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    path = write(a=numbers(), y=classes("p", "q"))

    def fail(*_: object) -> str:
        raise error

    monkeypatch.setattr(create, "_commit", fail)
    monkeypatch.setattr(create, "_check", lambda folder: "")
    with pytest.raises((InputError, KeyboardInterrupt)) as caught:
        create.create_project(tmp_path / "new", InitOptions([path], target="y"))
    assert list(tmp_path.iterdir()) == [path]
    if isinstance(error, OSError):
        assert str(caught.value).replace(f"{tmp_path}{os.sep}", "") == (
            "new could not be made (No space left on device), and nothing of it is left. It needs "
            "room on the disk and a folder that this user may write in."
        )


def test_a_library_alone_says_what_it_lacks(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(a=numbers(), y=classes("p", "q"))
    monkeypatch.setattr(create, "ROOT", tmp_path)
    told = before_and_after(
        tmp_path, lambda: create.create_project(tmp_path / "new", InitOptions([path], target="y"))
    )
    assert told == (
        "This winenet has no winenet beside its package: it was installed as a library, and a new "
        "folder needs the stages as well. Run `python -m winenet init` in a clone of winenet's "
        "repository, or in a folder that init has made."
    )


def test_without_a_git_user_the_commit_is_winenet_s(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does a person's list of ignored files keep the table out, nor a hook or a key stop it."""
    config = tmp_path / "config"
    (tmp_path / "ignored").write_text("*.csv\n", "utf-8")
    config.write_text(
        f"[core]\nexcludesFile = {(tmp_path / 'ignored').as_posix()}\n[commit]\ngpgsign = true\n",
        "utf-8",
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setattr(create, "_check", lambda folder: "")
    path = write(a=numbers(), y=classes("p", "q"))
    said = create.create_project(tmp_path / "new", InitOptions([path], target="y"))
    assert said[-1] == "committed as winenet, for git knows no user.name here"
    monkeypatch.delenv("GIT_DIR")
    assert "data/raw/table.csv" in listed(tmp_path / "new")
    assert not (tmp_path / "elsewhere").exists()


def test_a_table_too_large_for_git_stays_out_of_it(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(create, "LARGEST_IN_GIT", 10)
    monkeypatch.setattr(create, "_check", lambda folder: "")
    path = write(a=numbers(), y=classes("p", "q"))
    said = create.create_project(tmp_path / "new", InitOptions([path], target="y"))
    assert "the table is too large for git: `dvc add data/raw` tracks it" in said[-1]
    assert "data/raw/table.csv" not in listed(tmp_path / "new")
    assert small_pipeline.git(tmp_path / "new", "status", "--porcelain") == ""


# ---- the command


def test_the_command_ends_with_1_and_the_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    asked = ["init", str(tmp_path / "new"), "--table", "none.csv", "--target", "y"]
    monkeypatch.setattr(sys, "argv", ["winenet", *asked])
    with pytest.raises(SystemExit) as ended:
        commands.main()
    assert ended.value.code == 1
    assert capsys.readouterr().err == (
        "--table none.csv: there is no such file, so there is nothing to make a pipeline of. Give "
        "the path of a CSV file.\n"
    )


def test_the_command_line_becomes_options(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[tuple[Path, InitOptions]] = []
    monkeypatch.setattr(create, "create_project", lambda *given: asked.append(given) or ["done"])
    given = "init new --table a.csv --table b.csv --label c=1,0 --positive-label 0 --sep ;"
    more = ["--na-value", "", "--na-value", "-999", "--drop", "id"]
    more += ["--split", "group", "--split-column", "zone"]
    monkeypatch.setattr(sys, "argv", ["winenet", *given.split(), *more])
    commands.main()
    assert asked == [
        (
            Path("new"),
            InitOptions(
                [Path("a.csv"), Path("b.csv")],
                label="c=1,0",
                positive_label="0",
                separator=";",
                na_values=["", "-999"],
                drop_columns=["id"],
                split_method="group",
                split_column="zone",
            ),
        )
    ]
    assert capsys.readouterr().out == (
        "init: done\ninit: new is ready; read ingest in its params.yaml, then run make\n"
    )


def command_names() -> list[str]:
    listed = subprocess.run(
        [sys.executable, "-m", "winenet", "--help"], cwd=ROOT, capture_output=True, check=True
    )
    return re.findall(r"^    ([a-z]+) ", listed.stdout.decode(), flags=re.MULTILINE)


def test_every_command_has_a_help_page_with_an_example() -> None:
    names = command_names()
    assert {"check", "results", "gate", "summary", "init"} <= set(names)
    for name in names:
        done = subprocess.run(
            [sys.executable, "-m", "winenet", name, "--help"],
            cwd=ROOT,
            env=os.environ | {"COLUMNS": "100"},
            capture_output=True,
            check=True,
        )
        page = done.stdout.decode()
        assert f"\nexamples:\n  python -m winenet {name}" in page, name


# ---- the whole


@pytest.mark.slow
def test_the_new_pipeline_runs_whole(made: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(made, folder)
    for section, values in small_pipeline.SMALL.items():
        if section != "handmade":
            change = dict(values)
            change.pop("drop_features", None)
            if section == "learning_curve":
                change = {"n_repeats": 2}
            small_pipeline.change(folder, section, **change)
    small_pipeline.commit(folder, "Small")
    ran = small_pipeline.ran(small_pipeline.dvc(folder, "repro"))
    assert ran == list(graph_of(folder))
    assert "Data and pipelines are up to date" in small_pipeline.dvc(folder, "status")
    small_pipeline.commit(folder, "Results")
    in_git = listed(folder)
    assert "metrics/compare.json" in in_git
    assert not [
        name for name in in_git if name.endswith(".safetensors") or name == "data/table.csv"
    ]
    assert "| logistic regression |" in small_pipeline.run(
        folder, sys.executable, "-m", "winenet", "results"
    )
    for page in ("report/report.md", "report/index.html"):
        text = (folder / page).read_text("utf-8")
        assert not re.search(r"\bwines?\b", text), page
