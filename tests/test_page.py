"""The page holds what the files hold: each number is read again, without the code that wrote it."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from winenet import page, plotting
from winenet.glossary import GLOSSARY

ROOT = Path(__file__).parents[1]
VOID = {"meta", "link", "input", "br", "img", "hr", "wbr"}
# Digits that are no results: names of columns and scores, labels, folds, the level of a test.
NO_RESULT = re.compile(r"\b(X[123]|F1|L2|0\.05|95 %|[01]|fold \d|hidden \d|row \d)(?![.,]?\d)")
# Elements that name something, or work something out, and the test that holds it to the files.
NAMES = ("model", "keep")
DERIVED = {
    "agreeing": "test_the_agreements_say_what_the_numbers_say",
    "agreements": "test_the_agreements_say_what_the_numbers_say",
    "cells-agreeing": "test_the_cells_of_the_printed_heads_are_counted",
    "cells": "test_the_cells_of_the_printed_heads_are_counted",
    "shape": "test_the_layers_are_those_of_the_network",
    "units": "test_the_layers_are_those_of_the_network",
    "parameters": "test_the_layers_are_those_of_the_network",
}


class Node(HTMLParser):
    """Reads a page into a flat list of elements: tag, attributes, text."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.loose = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        element = {"tag": tag, "attributes": dict(attributes), "text": "", "path": [*self.open]}
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if self.open and self.open[-1]["tag"] == tag:
            self.open.pop()
        else:
            assert tag in VOID, f"</{tag}> closes nothing"

    def handle_data(self, data):
        for element in self.open:
            element["text"] += data
        tags = [element["tag"] for element in self.open]
        told = any("data-source" in element["attributes"] for element in self.open)
        if not told and not {"script", "style", "svg"} & set(tags):
            self.loose.append((self.open[-1] if self.open else None, data))


@pytest.fixture(scope="module")
def text():
    return (ROOT / "report" / "index.html").read_text("utf-8")


@pytest.fixture(scope="module")
def read(text):
    return Node(text)


def sourced(read):
    return [one for one in read.elements if "data-source" in one["attributes"]]


def in_file(source):
    """Return the value behind a source, read by json and pandas alone."""
    path, key = source.split("#", 1)
    if path.endswith(".json"):
        value = json.loads((ROOT / path).read_text("utf-8"))
        for step in key.split("."):
            value = value[step]
        return value
    column, row = key.rsplit("@", 1)
    table = pd.read_csv(ROOT / path)
    if row.isdigit():
        return table[column].iloc[int(row)]
    for cell in row.split(","):
        name, held = cell.split("=")
        table = table[table[name].astype(str) == held]
    assert len(table) == 1, source
    return table[column].iloc[0]


def test_each_result_is_the_file_s_value_at_the_shown_digits(read):
    checked = 0
    for one in sourced(read):
        told, text = one["attributes"], one["text"]
        if "#" not in told["data-source"]:
            continue
        value = in_file(told["data-source"])
        checked += 1
        if "data-part" in told:
            assert text == value.split("-")[int(told["data-part"])], told
        elif isinstance(value, str):
            assert text == value, told
        elif isinstance(value, bool | np.bool_):
            assert text == ("yes" if value else "no"), told
        elif "data-significant" in told:
            rounded = float(f"{value:.{told['data-significant']}g}")
            assert float(text) == rounded, told
        else:
            digits = len(text.partition(".")[2])
            assert digits == int(told.get("data-digits", digits)), told
            scaled = float(value) * int(told.get("data-scale", "1"))
            shown = float(text.replace(",", ""))
            assert abs(shown - scaled) <= 0.5 * 10**-digits * (1 + 1e-9), (told, text)
    assert checked > 300


def plain(markdown):
    """Return a report's text without marks of Markdown, blanks made one."""
    text = re.sub(r"&#(\d+);", lambda at: chr(int(at[1])), markdown)
    return " ".join(re.sub(r"[`*\\]", "", text).split())


def test_each_sentence_stands_in_the_report(read):
    report = plain((ROOT / "report" / "report.md").read_text("utf-8"))
    told = [one for one in sourced(read) if one["attributes"]["data-source"] == page.SENTENCES]
    assert len(told) > 40
    for one in told:
        assert plain(one["text"]) in report, one["text"]


def test_no_other_digit_is_a_result(read):
    """What is left: names with a digit in them, and what a test below works out."""
    for element, data in read.loose:
        inside = [] if element is None else [*element["path"], element]
        derived = [one["attributes"].get("data-derived") for one in inside]
        if any(derived):
            assert {name for name in derived if name} <= set(DERIVED)
            continue
        if inside and inside[-1]["tag"] in ("code", "title", "output", "option"):
            continue
        classes = {one["attributes"].get("class") for one in inside}
        ids = {one["attributes"].get("id") for one in inside}
        if classes & set(NAMES) or "glossary" in ids or "neuron" in ids:
            continue
        if "heat" in ids and inside[-1]["tag"] == "th":  # a candidate's name
            continue
        left = re.sub(r"[Nn]etwork [\d-]+", "", NO_RESULT.sub("", data))
        assert not re.search(r"\d", left), (data, inside[-1])


def test_what_is_worked_out_has_a_test():
    assert all(callable(globals()[name]) for name in DERIVED.values())


def derived(read, name):
    return [one["text"] for one in read.elements if one["attributes"].get("data-derived") == name]


def test_the_layers_are_those_of_the_network(read):
    sizes = list(map(int, in_file("metrics/mlp.json#notebook.hidden_layer_sizes").split("-")))
    inputs = [in_file("metrics/ingest.json#features"), *sizes]
    units = [*sizes, 1]
    assert derived(read, "units") == [str(number) for number in units]
    assert derived(read, "shape") == [f"{a} × {b}" for a, b in zip(inputs, units, strict=True)]
    counts = [int(text.replace(",", "")) for text in derived(read, "parameters")]
    assert sum(counts) == in_file("metrics/mlp.json#notebook.parameters")


def test_the_drawing_shows_the_layers(text):
    drawing = re.search(r'<svg class="drawing".*?</svg>', text, re.DOTALL)[0]
    sizes = list(map(int, in_file("metrics/mlp.json#notebook.hidden_layer_sizes").split("-")))
    units = [in_file("metrics/ingest.json#features"), *sizes, 1]
    told = [int(one) for one in re.findall(r'class="units">(\d+)<', drawing)]
    assert told == units
    counts = re.findall(r'class="count">([\d,]+)<', drawing)
    total = sum(int(one.replace(",", "")) for one in counts)
    assert total == in_file("metrics/mlp.json#notebook.parameters")


def test_the_agreements_say_what_the_numbers_say(read):
    rows = [
        one
        for one in read.elements
        if one["tag"] == "tr" and "agreements" in {p["attributes"].get("id") for p in one["path"]}
    ]
    golden = pd.read_csv(ROOT / "tests" / "golden" / "notebook.csv")
    assert len(rows) == len(golden) + 1
    assert [row["text"].split()[-1] for row in rows[1:]] == ["yes"] * len(golden)
    assert derived(read, "agreeing") == derived(read, "agreements") == [str(len(golden))]


def test_the_cells_of_the_printed_heads_are_counted(read):
    same = total = 0
    for name in ("train", "test"):
        printed = pd.read_csv(ROOT / "tests" / "golden" / f"{name}_head.csv")
        table = pd.read_csv(ROOT / "data" / f"X_{name}_normalized.csv")
        for one in printed.itertuples():
            half_a_unit = 0.5 * 10.0**-one.digits * (1 + 1e-9)
            same += abs(table[one.feature][one.row] - one.value) <= half_a_unit
        total += len(printed)
    assert derived(read, "cells-agreeing") == [str(same)]
    assert derived(read, "cells") == [str(total)]


def test_the_cells_within_a_standard_error_are_as_many_as_the_search_says(read):
    buttons = [
        one
        for one in read.elements
        if one["tag"] == "button" and one["attributes"].get("class") in ("best", "close")
    ]
    count = in_file("metrics/grid_search.json#choice.within_one_standard_error")
    assert len(buttons) == count
    best = next(one for one in buttons if one["attributes"]["class"] == "best")
    assert best["attributes"]["data-name"].startswith(
        in_file("metrics/grid_search.json#best_hidden_layer_sizes")
    )


def test_the_script_s_counts_at_one_half_are_those_of_the_metrics(text):
    told = json.loads(re.search(r'id="threshold-data">(.*?)</script>', text)[1])
    assert list(told) == ["logistic", "notebook", "one_hidden_layer", "grid_search"]
    for one in told.values():
        counts = {"tn": 0, "fp": 0, "fn": 0, "tp": 0}
        for label, probability in zip(one["label"], one["probability"], strict=True):
            counts["tp" if label else "fp"] += probability > 0.5
            counts["fn" if label else "tn"] += probability <= 0.5
        for cell, count in counts.items():
            assert count == in_file(f"{one['scores']}confusion_matrix.{cell}")


def test_the_script_has_the_curves_and_stops_of_the_files(text):
    told = json.loads(re.search(r'id="followed-data">(.*?)</script>', text)[1])
    for model, one in told.items():
        table = pd.read_csv(ROOT / "plots" / f"curves_{model}.csv")
        assert pd.DataFrame(one["columns"]).equals(table)
        for stop, epoch in one["stops"].items():
            assert epoch == in_file(f"metrics/curves.json#{model}.{stop}.epoch")


def test_each_pair_s_cell_says_what_its_sentence_says(read):
    buttons = [one for one in read.elements if "data-pair" in one["attributes"]]
    pairs = pd.read_csv(ROOT / "data" / "compare_pairs.csv")
    pairs = pairs[pairs["rows"] == "all"]
    assert len(buttons) == len(pairs)
    for button in buttons:
        differ = button["attributes"]["class"] == "differ"
        assert (
            button["text"].strip().endswith(", different." if differ else ", not distinguishable.")
        )
    differing = sum(one["attributes"]["class"] == "differ" for one in buttons)
    assert differing == (pairs["p_value"] < 0.05).sum()


def test_ids_are_unique_and_links_lead_somewhere(read):
    ids = [one["attributes"]["id"] for one in read.elements if "id" in one["attributes"]]
    assert len(ids) == len(set(ids))
    targets = [one["attributes"]["href"] for one in read.elements if one["tag"] in ("a", "use")]
    assert {target for target in targets if not target.startswith("#")} == set()
    assert {target[1:] for target in targets} <= set(ids)
    for name in ("for", "aria-labelledby"):
        named = [one["attributes"][name] for one in read.elements if name in one["attributes"]]
        assert set(named) <= set(ids), name


def test_clip_paths_lead_into_their_own_picture(text):
    for one in set(re.findall(r"url\(#([^)]+)\)", text)):
        assert f'id="{one}"' in text


def test_each_term_is_linked_once_from_its_first_use(read):
    links = [one for one in read.elements if one["attributes"].get("class") == "term"]
    assert [link["attributes"]["href"] for link in links] == list(
        dict.fromkeys(link["attributes"]["href"] for link in links)
    )
    assert {link["attributes"]["href"][1:] for link in links} == set(map(page.term_id, GLOSSARY))
    back = [one for one in read.elements if one["attributes"].get("class") == "back"]
    assert {one["attributes"]["href"][1:] for one in back} == {
        link["attributes"]["id"] for link in links
    }


def test_each_picture_and_control_has_a_name(read):
    labelled = {one["attributes"].get("for") for one in read.elements if one["tag"] == "label"}
    for one in read.elements:
        attributes = one["attributes"]
        if one["tag"] == "svg":
            assert attributes["role"] == "img"
            assert len(attributes["aria-label"]) > 20
        if one["tag"] in ("input", "select"):
            assert attributes["id"] in labelled
        if attributes.get("role") == "region":
            assert attributes["aria-label"]
            assert attributes["tabindex"] == "0"
        if one["tag"] == "button":
            assert one["text"].strip()


def test_the_page_asks_for_nothing(text, read):
    text = text.replace("http://www.w3.org/2000/svg", "")  # a name, not an address
    assert not re.search(r"https?:|//[a-z]|@import|url\((?!#)|\bfetch\(|XMLHttp|import\(", text)
    assert not [one for one in read.elements if "src" in one["attributes"]]
    assert len(text.encode()) < 2_000_000


# ---- its parts


TABLE = pd.DataFrame({"x@y": [1, 20_000], "name": ["one", "two"], "seen": [True, True]})


def test_a_source_is_a_key_or_a_cell():
    files = {"a.json": {"b": {"c": 1234.5}}, "t.csv": TABLE}
    sources = page.Sources(files)
    assert sources["a.json#b.c"] == 1234.5
    assert sources["t.csv#x@y@1"] == 20_000
    assert sources["t.csv#x@y@name=two"] == 20_000
    assert sources["t.csv#x@y@name=two,seen=True"] == 20_000
    for missing in ("b.json#b", "a.json#c", "t.csv#x@0", "t.csv#x@y@2", "t.csv#x@y@z=1"):
        with pytest.raises((KeyError, IndexError)):
            sources[missing]
    for none_or_many in ("t.csv#x@y@name=three", "t.csv#x@y@seen=True"):
        with pytest.raises(ValueError, match="unpack"):
            sources[none_or_many]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"digits": 2}, '<span data-source="a.json#v" data-digits="2">1,234.50</span>'),
        ({"digits": 0}, '<span data-source="a.json#v" data-digits="0">1,234</span>'),
        ({"significant": 3}, '<span data-source="a.json#v" data-significant="3">1.23e+03</span>'),
        (
            {"digits": 0, "grouped": False},
            '<span data-source="a.json#v" data-digits="0">1234</span>',
        ),
        (
            {"digits": 1, "scale": 100, "signed": True},
            '<span data-source="a.json#v" data-digits="1" data-scale="100">+123,450.0</span>',
        ),
    ],
)
def test_a_result_names_its_source_and_its_digits(options, expected):
    sources = page.Sources({"a.json": {"v": 1234.5}})
    assert sources.result("a.json#v", **options) == expected


def test_words_of_a_file_are_harmless():
    sources = page.Sources({"a.json": {"v": '<script>alert("x")</script>'}})
    assert "<script" not in sources.result("a.json#v")
    assert "<img" not in page.sentence("a <img src=x onerror=alert(1)> b")
    told = page.data({"name": "</script><script>alert(1)"}, "some-data")
    assert told.count("<") == 2
    assert json.loads(re.search(r">(.*)<", told)[1]) == {"name": "</script><script>alert(1)"}


def test_a_term_is_a_link_the_first_time_only():
    terms = page.Terms()
    assert re.fullmatch(
        r'<a class="term" id="use-term-p-value" href="#term-p-value" title="[^"]+">p</a>',
        terms("p-value", "p"),
    )
    assert terms("p-value") == "p-value"
    with pytest.raises(KeyError):
        terms("no such term")


def test_a_picture_takes_the_page_s_colours_and_ids_of_its_own():
    with plotting.for_page(plotting.COLUMN):
        drawn, (axes,) = plotting.figure()
        table = pd.DataFrame({"x": [0, 1], "y": [0, 1]})
        plotting.curve(axes, table, "x", "y", "a <b> & c", plotting.COLOURS["logistic"])
        svg = plotting.svg(drawn)
    first = page.inline(svg, "one", 'a "quoted" one', "column")
    second = page.inline(svg, "two", "b", "column")
    assert first.startswith('<svg class="column" role="img" aria-label="a &#34;quoted&#34; one"')
    assert "var(--logistic)" in first
    assert not re.search(r"#[0-9a-f]{6}\b|<style|<metadata|<\?xml", first)
    ids = [set(re.findall(r'\bid="([^"]+)"', one)) for one in (first, second)]
    assert ids[0]
    assert not ids[0] & ids[1]
    with pytest.raises(ValueError, match="does not begin as matplotlib's do"):
        page.inline("<svg>", "three", "c", "phone")


def test_layers_count_weights_and_biases():
    assert page.layers([12, 100, 1]) == [
        {"units": 100, "inputs": 12, "parameters": 1300},
        {"units": 1, "inputs": 100, "parameters": 101},
    ]


def test_the_grid_has_a_cell_for_each_candidate_and_a_gap_where_there_is_none():
    candidates = pd.DataFrame(
        {
            "candidate": ["a", "b", "c"],
            "hidden_layer_sizes": ["5", "5", "7"],
            "learning_rate_init": [0.1, 0.2, 0.2],
            "mean_test_score": [0.5, 0.7, 0.6],
            "rank_test_score": [3, 1, 2],
            "split0_test_score": [0.4, 0.7, 0.6],
            "split1_test_score": [0.6, 0.7, 0.6],
            "split0_epochs": [3, 4, 5],
            "split1_epochs": [6, 7, 8],
        }
    )
    grid = page.grid(candidates, 0.15)
    assert grid["rates"] == [0.1, 0.2]
    assert list(grid["folds"]) == [1, 2]
    (first, (low, high)), (second, (gap, middle)) = grid["rows"]
    assert (first, second, gap) == ("5", "7", None)
    assert [one["heat"] for one in (low, middle, high)] == [10, 28, 45]
    assert (high["best"], low["best"]) == (True, False)
    assert [one["close"] for one in (low, middle, high)] == [False, True, True]
    assert (low["folds"], low["epochs"]) == (["0.4000", "0.6000"], [3, 6])
    alone = page.grid(candidates.iloc[:1], 0)
    assert alone["rows"][0][1][0]["heat"] == 10


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        ("logistic.accuracy", ("metrics/logistic.json#accuracy", "")),
        ("mlp.notebook.accuracy", ("metrics/mlp.json#notebook.accuracy", "")),
        ("grid_search.accuracy_percent", ("metrics/grid_search.json#accuracy", "percent")),
        ("grid_search.sizes.1", ("metrics/grid_search.json#sizes", "1")),
    ],
)
def test_a_quantity_of_the_notebook_has_a_source(quantity, expected):
    from winenet.report import Agreement

    assert page.agreement_source(Agreement(quantity, "", "", "", True)) == expected
