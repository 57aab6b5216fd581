"""The page holds what the files hold: each number is read again, without the code that wrote it."""

import html
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from committed import ROOT
from small_pipeline import NASTY

from winenet.report import (
    network_drawing,
    page,
    page_elements,
    page_script_data,
    page_tables,
    plotting,
)
from winenet.report.glossary import GLOSSARY
from winenet.report.model_styles import ModelStyle

VOID = {"meta", "link", "input", "br", "img", "hr", "wbr"}
# Digits that are no results: names of columns and scores, labels, folds, the level of a test.
NO_RESULT = re.compile(r"\b(X[123]|F1|L2|0\.05|95 %|[01]|fold \d|hidden \d|row \d)(?!\d|[.,]\d)")
# Elements that name a model.
NAMES = ("model", "keep")
# What is worked out, and the test below that holds it to the files.
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


class Shown:
    """A page, read, and the folder that it was made in."""

    def __init__(self, root, has):
        self.root, self.has, self.tables = root, has, {}
        self.text = (root / "report" / "index.html").read_text("utf-8")
        self.read = Node(self.text)

    def value(self, source):
        """Return the value behind a source, read by json and pandas alone."""
        path, key = source.split("#", 1)
        if path.endswith(".json"):
            value = json.loads((self.root / path).read_text("utf-8"))
            for step in key.split("."):
                value = value[step]
            return value
        column, row = key.rsplit("@", 1)
        table = self.table(path)
        if row.isdigit():
            return table[column].iloc[int(row)]
        for cell in row.split(","):
            name, held = cell.split("=")
            table = table[table[name].astype(str) == held]
        assert len(table) == 1, source
        return table[column].iloc[0]

    def table(self, path):
        if path not in self.tables:
            self.tables[path] = pd.read_csv(self.root / path)
        return self.tables[path]

    def found(self, attribute, value=None):
        """Return the elements with an attribute, or those that have it with this value."""
        return [
            one
            for one in self.read.elements
            if attribute in one["attributes"] and value in (None, one["attributes"][attribute])
        ]

    def derived(self, name):
        return [one["text"] for one in self.found("data-derived", name)]

    def data(self, name):
        """Return what a script reads."""
        return json.loads(re.search(rf'id="{name}">(.*?)</script>', self.text)[1])


@pytest.fixture(scope="session")
def small(finished):
    """The page of a small pipeline: a winner with one hidden layer, and names that hold HTML."""
    return Shown(finished, ("data/", "metrics/", "plots/", "tests/"))


@pytest.fixture(
    scope="session", params=["committed", pytest.param("small", marks=pytest.mark.slow)]
)
def shown(request):
    """Both pages; in a fresh clone the committed one lies without the bulky tables of data/."""
    if request.param == "small":
        return request.getfixturevalue("small")
    return Shown(ROOT, ("metrics/", "plots/", "tests/"))


def test_each_result_is_the_file_s_value_at_the_shown_digits(shown):
    checked = 0
    for one in shown.found("data-source"):
        told, text = one["attributes"], one["text"]
        if "#" not in told["data-source"] or not told["data-source"].startswith(shown.has):
            continue
        value = shown.value(told["data-source"])
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
            number = float(text.replace(",", ""))
            assert abs(number - scaled) <= 0.5 * 10**-digits * (1 + 1e-9), (told, text)
    assert checked > 150


def plain(markdown):
    """Return a report's text without marks of Markdown, blanks made one."""
    text = html.unescape(re.sub(r"[`*\\]", "", markdown))
    return " ".join(re.sub(r"[`*\\]", "", text).split())


def test_each_sentence_stands_in_the_report(shown):
    report = plain((shown.root / "report" / "report.md").read_text("utf-8"))
    told = shown.found("data-source", page_elements.SENTENCES)
    assert len(told) > 40
    for one in told:
        assert plain(one["text"]) in report, one["text"]


def test_no_other_digit_is_a_result(shown):
    """What is left: names with a digit in them, and what a test below works out."""
    for element, data in shown.read.loose:
        inside = [] if element is None else [*element["path"], element]
        derived = {one["attributes"].get("data-derived") for one in inside} - {None}
        if derived:
            assert derived <= set(DERIVED)
            continue
        if inside and inside[-1]["tag"] in ("code", "title", "output", "option"):
            continue
        classes = {one["attributes"].get("class") for one in inside}
        ids = {one["attributes"].get("id") for one in inside}
        if classes & set(NAMES) or ids & {"glossary", "neuron"}:
            continue
        left = re.sub(r"[Nn]etwork [\d-]+", "", NO_RESULT.sub("", data))
        assert not re.search(r"\d", left), (data, inside[-1])


def test_what_is_worked_out_has_a_test():
    assert all(callable(globals()[name]) for name in DERIVED.values())


def units(shown):
    sizes = map(int, shown.value("metrics/mlp.json#notebook.hidden_layer_sizes").split("-"))
    return [shown.value("metrics/ingest.json#features"), *sizes, 1]


def test_the_layers_are_those_of_the_network(shown):
    inputs, outputs = units(shown)[:-1], units(shown)[1:]
    assert shown.derived("units") == [str(number) for number in outputs]
    shapes = [f"{a} × {b}" for a, b in zip(inputs, outputs, strict=True)]
    assert shown.derived("shape") == shapes
    counts = [int(text.replace(",", "")) for text in shown.derived("parameters")]
    assert sum(counts) == shown.value("metrics/mlp.json#notebook.parameters")


def test_the_drawing_shows_the_layers(shown):
    drawing = re.search(r'<svg class="drawing".*?</svg>', shown.text, re.DOTALL)[0]
    told = re.findall(r'class="units">(\d+)<', drawing)
    assert told == [str(number) for number in units(shown)]
    counts = re.findall(r'class="count">([\d,]+)<', drawing)
    total = sum(int(one.replace(",", "")) for one in counts)
    assert total == shown.value("metrics/mlp.json#notebook.parameters")


def test_the_agreements_say_what_the_numbers_say(shown):
    golden = shown.table("data/reference/notebook.csv")
    rows = [
        one["text"].split()
        for one in shown.read.elements
        if one["tag"] == "tr" and "agreements" in {p["attributes"].get("id") for p in one["path"]}
    ][1:]
    assert len(rows) == len(golden)
    for (*_, notebook, here, says), one in zip(rows, golden.itertuples(), strict=True):
        assert float(notebook) == one.value
        assert says == ("yes" if notebook == here else "no")
    assert shown.derived("agreements") == [str(len(rows))]
    assert shown.derived("agreeing") == [str(sum(row[-1] == "yes" for row in rows))]
    if shown.root == ROOT:
        assert {row[-1] for row in rows} == {"yes"}
    else:
        assert "no" in {row[-1] for row in rows}
        assert [row[-2] for row in rows].count("none") == 1  # the winner has no second layer


def test_the_cells_of_the_printed_heads_are_counted(small):
    same = total = 0
    for name in ("train", "test"):
        table = small.table(f"data/X_{name}_normalized.csv")
        for one in small.table(f"data/reference/{name}_head.csv").itertuples():
            half_a_unit = 0.5 * 10.0**-one.digits * (1 + 1e-9)
            total += 1
            if one.feature in table:  # the small pipeline calls some of them by another name
                same += abs(table[one.feature][one.row] - one.value) <= half_a_unit
    assert 0 < same < total
    assert small.derived("cells-agreeing") == [str(same)]
    assert small.derived("cells") == [str(total)]


def test_the_cells_within_a_standard_error_are_as_many_as_the_search_says(shown):
    best, close = shown.found("class", "best"), shown.found("class", "close")
    best, close = ([one for one in some if one["tag"] == "button"] for some in (best, close))
    count = shown.value("metrics/grid_search.json#choice.within_one_standard_error")
    assert len(best) + len(close) == count
    sizes = shown.value("metrics/grid_search.json#best_hidden_layer_sizes")
    rate = shown.value("metrics/grid_search.json#best_learning_rate_init")
    assert [one["attributes"]["data-name"] for one in best] == [f"{sizes} at {rate:g}"]


def test_each_cell_holds_the_folds_of_its_candidate(small):
    table = small.table("data/grid_search_results.csv").set_index("candidate")
    cells = [one["attributes"] for one in small.found("data-folds")]
    assert {one["data-name"] for one in cells} == set(table.index)
    for one in cells:
        line = table.loc[one["data-name"]]
        folds, epochs = one["data-folds"].split(), one["data-epochs"].split()
        for fold, (score, epoch) in enumerate(zip(folds, epochs, strict=True)):
            assert score == f"{line[f'split{fold}_test_score']:.4f}"
            assert epoch == str(line[f"split{fold}_epochs"])
        assert f"split{len(folds)}_epochs" not in table


def test_the_script_s_counts_at_one_half_are_those_of_the_metrics(shown):
    told = shown.data("threshold-data")
    assert list(told) == ["logistic", "notebook", "one_hidden_layer", "grid_search"]
    for one in told.values():
        counts = {"tn": 0, "fp": 0, "fn": 0, "tp": 0}
        for label, probability in zip(one["label"], one["probability"], strict=True):
            counts["tp" if label else "fp"] += probability > 0.5
            counts["fn" if label else "tn"] += probability <= 0.5
        for cell, count in counts.items():
            assert count == shown.value(f"{one['scores']}confusion_matrix.{cell}")


def test_the_script_has_the_threshold_and_the_counts_of_each_model():
    table = pd.DataFrame({"row": [0], "y": [1], "network": ["net"], "predicted": [1]})
    table["probability"] = 0.25
    matrix = {"tn": 3, "fp": 2, "fn": 1, "tp": 4}
    for own, threshold in (({}, 0.5), ({"threshold": 0.2}, 0.2)):
        scores = {"net": {"confusion_matrix": matrix} | own}
        assert page_script_data.thresholds({"metrics/mlp.json#": table}, scores) == {
            "net": {
                "label": [1],
                "probability": [0.25],
                "scores": "metrics/mlp.json#net.",
                "threshold": threshold,
                "counts": matrix,
            }
        }


def test_the_script_has_the_probabilities_of_the_predictions(small):
    for model, one in small.data("threshold-data").items():
        file = {"logistic": "logistic", "grid_search": "grid_search"}.get(model, "mlp")
        table = small.table(f"data/{file}_predictions.csv")
        table = table[table["network"] == model]
        assert one["probability"] == table["probability"].tolist()
        assert one["label"] == table.iloc[:, 1].tolist()


def test_the_script_has_the_curves_and_stops_of_the_files(shown):
    for model, one in shown.data("followed-data").items():
        table = shown.table("plots/curves.csv")
        table = table[table["model"] == model].drop(columns="model").reset_index(drop=True)
        assert pd.DataFrame(one["columns"]).equals(table)
        for stop, epoch in one["stops"].items():
            assert epoch == shown.value(f"metrics/curves.json#{model}.{stop}.epoch")


def test_each_pair_s_cell_says_what_its_sentence_says(shown):
    buttons = shown.found("data-pair")
    assert len(buttons) == 15  # of six models
    for button in buttons:
        differ = button["attributes"]["class"] == "differ"
        end = ", different." if differ else ", not distinguishable."
        assert button["text"].strip().endswith(end)


def test_the_pairs_that_differ_are_those_of_the_table(small):
    pairs = small.table("data/compare_pairs.csv")
    differing = (pairs["p_value"] < 0.05) & (pairs["rows"] == "all")
    shown = [one for one in small.found("data-pair") if one["attributes"]["class"] == "differ"]
    assert len(shown) == differing.sum() > 0


def test_ids_are_unique_and_links_lead_somewhere(shown):
    ids = [one["attributes"]["id"] for one in shown.found("id")]
    assert len(ids) == len(set(ids))
    targets = [
        one["attributes"]["href"] for one in shown.read.elements if one["tag"] in ("a", "use")
    ]
    assert {target for target in targets if not target.startswith("#")} == set()
    assert {target[1:] for target in targets} <= set(ids)
    for name in ("for", "aria-labelledby"):
        assert {one["attributes"][name] for one in shown.found(name)} <= set(ids), name


def test_clip_paths_lead_into_their_own_picture(shown):
    for picture in re.findall(r"<svg.*?</svg>", shown.text, re.DOTALL):
        for one in set(re.findall(r"url\(#([^)]+)\)", picture)):
            assert f'id="{one}"' in picture


def test_each_term_is_linked_once_from_its_first_use(shown):
    links = shown.found("class", "term")
    targets = [link["attributes"]["href"] for link in links]
    assert len(targets) == len(set(targets))
    # The wine has no rare class, so its tables have no average precision.
    terms = {*GLOSSARY} - {"average precision"}
    assert {target[1:] for target in targets} == set(map(page_elements.term_id, terms))
    back = [one["attributes"]["href"][1:] for one in shown.found("class", "back")]
    assert sorted(back) == sorted(link["attributes"]["id"] for link in links)


def test_each_section_of_the_contents_has_its_heading(shown):
    nav = [one for one in shown.read.elements if "nav" in {p["tag"] for p in one["path"]}]
    listed = [(one["attributes"]["href"], one["text"]) for one in nav if one["tag"] == "a"]
    titles = [one for one in shown.read.elements if one["tag"] == "h2"]
    assert listed == [
        (f"#{one['attributes']['id'].removesuffix('-title')}", one["text"]) for one in titles
    ]
    sections = [one["attributes"] for one in shown.read.elements if one["tag"] == "section"]
    assert [f"#{one['id']}" for one in sections] == [href for href, _ in listed]
    assert [one["tag"] for one in shown.read.elements].count("h1") == 1


def test_each_picture_and_control_has_a_name(shown):
    labelled = {one["attributes"]["for"] for one in shown.found("for") if one["tag"] == "label"}
    for one in shown.read.elements:
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


def test_the_page_asks_for_nothing(shown):
    text = shown.text.replace("http://www.w3.org/2000/svg", "")  # a name, not an address
    for name in NASTY.values():  # in quotes as JSON and HTML have them, and harmless
        text = text.replace(html.escape(name), "")
    assert not re.search(r"https?:|//[a-z]|@import|url\((?!#)|\bfetch\(|XMLHttp|import\(", text)
    assert not shown.found("src")
    assert len(text.encode()) < 2_000_000


def test_names_of_columns_are_harmless(small):
    assert set(NASTY.values()) < {one["text"] for one in small.read.elements if one["tag"] == "th"}
    for one in small.read.elements:
        handlers = [name for name in one["attributes"] if name.startswith("on")]
        assert handlers == [], one
    assert small.text.count("<script") == 4  # the page's own, and the data of three parts
    assert "javascript:" not in "".join(
        one["attributes"].get("href", "") for one in small.read.elements
    )


def test_the_page_is_the_same_bytes_each_time(small, monkeypatch):
    from stages import report as stage

    monkeypatch.chdir(small.root)
    written = {}
    monkeypatch.setattr(stage.files, "write_text", written.__setitem__)
    monkeypatch.setattr(stage.stages, "log", lambda told: None)
    stage.main()
    assert written["report/index.html"] == small.text


@pytest.fixture
def loaded(small, monkeypatch):
    """What the stage reads, in the small pipeline."""
    from stages import report as stage

    monkeypatch.chdir(small.root)
    return stage.read(notebook=True)


def rendered(metrics, tables, terms):
    from stages import report as stage

    shared = stage.content(tables, metrics, terms)
    own = page.page_content(tables, metrics, terms)
    sources = {path: metrics[name] for name, path in stage.METRICS.items()} | tables
    names = {Path(path).stem: EMPTY for path in stage.drawn(tables, metrics, terms)}
    return page.render(sources, {"column": names}, shared, own)


EMPTY = '<svg width="1pt" height="1pt"></svg>'


def test_a_run_without_seen_rows_has_a_page(loaded):
    metrics, tables, terms = loaded
    metrics["split"]["duplicate_rows"]["test_rows_seen"] = 0
    metrics["split"]["duplicates"] = "drop"
    metrics["compare"]["test_rows_unseen"] = metrics["compare"]["test_rows"]
    text = rendered(metrics, tables, terms)
    assert "no test row has the same features" in text
    assert "unseen test rows alone" not in text


def test_a_run_without_unseen_rows_has_a_page(loaded):
    metrics, tables, terms = loaded
    metrics["compare"]["test_rows_unseen"] = 0
    for one in metrics["compare"]["models"].values():
        one["accuracy_unseen"] = None
    assert "unseen test rows alone" not in rendered(metrics, tables, terms)


def test_a_run_in_which_no_row_is_wrong_everywhere_has_a_page(loaded):
    metrics, tables, terms = loaded
    errors = "data/compare_errors.csv"
    tables[errors] = tables[errors].assign(wrong_models=1)
    metrics["compare"]["wrong_in_all_models"] = 0
    assert "Shared errors</h2>" in rendered(metrics, tables, terms)


def test_a_coefficient_of_zero_everywhere_is_drawn(loaded):
    metrics, tables, terms = loaded
    path = "plots/importance_coefficients.csv"
    tables[path] = tables[path].assign(coefficient=0.0)
    assert 'width: 0.0%"' in rendered(metrics, tables, terms)


# ---- its parts


TABLE = pd.DataFrame({"x@y": [1, 20_000], "name": ["one", "two"], "seen": [True, True]})


def test_a_source_is_a_key_or_a_cell():
    files = {"a.json": {"b": {"c": 1234.5}}, "t.csv": TABLE}
    sources = page_elements.RunFiles(files)
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
    sources = page_elements.RunFiles({"a.json": {"v": 1234.5}})
    assert sources.result("a.json#v", **options) == expected


def test_a_gap_is_shown_as_a_dash():
    sources = page_elements.RunFiles({"t.csv": pd.DataFrame({"pH": [3.5, np.nan]})})
    assert sources.result("t.csv#pH@1") == '<span data-source="t.csv#pH@1">-</span>'


def test_words_of_a_file_are_harmless():
    sources = page_elements.RunFiles({"a.json": {"v": '<script>alert("x")</script>'}})
    assert "<script" not in sources.result("a.json#v")
    assert "<img" not in page_elements.sentence("a <img src=x onerror=alert(1)> b")
    told = page_elements.data({"name": "</script><script>alert(1)"}, "some-data")
    assert told.count("<") == 2
    assert json.loads(re.search(r">(.*)<", told)[1]) == {"name": "</script><script>alert(1)"}


def test_a_term_is_a_link_the_first_time_only():
    terms = page_elements.GlossaryLinks(GLOSSARY)
    assert re.fullmatch(
        r'<a class="term" id="use-term-p-value" href="#term-p-value" title="[^"]+">p</a>',
        terms("p-value", "p"),
    )
    assert terms("p-value") == "p-value"
    with pytest.raises(KeyError):
        terms("no such term")


def test_a_figure_fits_the_room_of_the_page():
    def drawn():
        figure, panels = plotting.figure(width=10, height=4, columns=3)
        table = pd.DataFrame({"x": [0, 1], "y": [0, 1]})
        for axes in panels:
            plotting.curve(axes, table, "x", "y", "one", "#000000")
            plotting.curve(axes, table, "x", "y", "two", "#ffffff")
            plotting.label_axes(axes, "A title of many words that is long", "x", "y")
        return figure, panels, {(one.colNum, one.rowNum) for one in map(place, panels)}

    def place(axes):
        spec = axes.get_subplotspec()
        return SimpleNamespace(colNum=spec.colspan.start, rowNum=spec.rowspan.start)

    figure, panels, places = drawn()
    assert tuple(figure.get_size_inches()) == (10, 4)
    assert places == {(0, 0), (1, 0), (2, 0)}
    assert "\n" not in panels[0].get_title(loc="left")
    assert [len(axes.get_legend().get_texts()) for axes in panels] == [2, 2, 2]
    with plotting.page_style(7):
        figure, panels, places = drawn()
    assert figure.get_figwidth() == 7
    assert places == {(0, 0), (1, 0), (0, 1)}
    assert len(figure.axes) == 3
    assert "\n" in panels[0].get_title(loc="left")
    assert [axes.get_legend() for axes in panels] == [None] * 3
    assert len(figure.legends) == 1
    with plotting.page_style(3):
        figure, _, places = drawn()
    assert places == {(0, 0), (0, 1), (0, 2)}
    assert drawn()[0].get_figwidth() == 10


def test_of_a_large_layer_only_some_units_are_drawn():
    drawing = network_drawing.drawing([3, 20, 1])
    assert [len(one.ys) for one in drawing.columns] == [3, 6, 1]
    assert [one.cut for one in drawing.columns] == [False, True, False]
    assert len(drawing.lines) == 3 * 6 + 6
    middle = drawing.middle
    for one in drawing.columns:
        assert sum(one.ys) / len(one.ys) == middle


def test_the_matrix_finds_the_line_of_each_pair_on_all_rows():
    pairs = pd.DataFrame(
        {
            "rows": ["unseen", "all", "all"],
            "first": ["a", "a", "b"],
            "second": ["b", "b", "c"],
            "p_value": [0.01, 0.06, 0.04],
        }
    )
    found = page_tables.matrix(pairs, ["one", "two"])
    assert found["a"]["b"] == page_tables.PairCell(1, differ=False, sentence="one")
    assert found["b"]["c"] == page_tables.PairCell(2, differ=True, sentence="two")
    with pytest.raises(ValueError, match="shorter"):
        page_tables.matrix(pairs, ["one"])


def test_a_picture_takes_the_page_s_colours_and_ids_of_its_own():
    with plotting.page_style(plotting.PAGE_WIDTH):
        drawn, (axes,) = plotting.figure()
        table = pd.DataFrame({"x": [0, 1], "y": [0, 1]})
        plotting.curve(axes, table, "x", "y", "a <b> & c", "#0072B2")
        svg = plotting.svg(drawn)
    models = [ModelStyle("my net 2", "", "#0072B2", "", ""), ModelStyle("b", "", "#123456", "", "")]
    first = page_elements.inline(svg, "one", 'a "quoted" one', "column", models)
    second = page_elements.inline(svg, "two", "b", "column", models)
    assert first.startswith('<svg class="column" role="img" aria-label="a &#34;quoted&#34; one"')
    assert "var(--model-my-32-net-32-2)" in first
    assert not re.search(r"#[0-9a-f]{6}\b|<style|<metadata|<\?xml", first)
    ids = [set(re.findall(r'\bid="([^"]+)"', one)) for one in (first, second)]
    assert ids[0]
    assert not ids[0] & ids[1]
    with pytest.raises(ValueError, match="does not begin as matplotlib's do"):
        page_elements.inline("<svg>", "three", "c", "phone")


def test_layers_count_weights_and_biases():
    assert network_drawing.layers([12, 100, 1]) == [
        network_drawing.Layer(units=100, inputs=12, parameters=1300),
        network_drawing.Layer(units=1, inputs=100, parameters=101),
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
    grid = page_tables.grid(candidates, 0.15)
    assert grid.columns == [0.1, 0.2]
    assert (grid.row_name, grid.column_name) == ("hidden_layer_sizes", "learning_rate_init")
    (first, (low, high)), (second, (gap, middle)) = grid.rows
    assert (first, second, gap) == ("5", "7", None)
    assert [one.heat for one in (low, middle, high)] == [10, 28, 45]
    assert (high.best, low.best) == (True, False)
    assert [one.close for one in (low, middle, high)] == [False, True, True]
    assert (low.folds, low.epochs) == (["0.4000", "0.6000"], [3, 6])
    alone = page_tables.grid(candidates.iloc[:1], 0)
    assert alone.rows[0].cells[0].heat == 10
    assert page_tables.grid(candidates.drop(columns="learning_rate_init"), 0.15) is None
    three = candidates.copy()
    three.insert(3, "alpha", 0.1)
    assert page_tables.grid(three, 0.15) is None
    diagonal = pd.concat([candidates] * 3, ignore_index=True)  # as of a random search
    diagonal[["hidden_layer_sizes", "learning_rate_init"]] = [[str(at), at] for at in range(9)]
    assert page_tables.grid(diagonal, 0.15) is None


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
    from winenet.report.notebook_section import NotebookCheck

    assert page.agreement_source(NotebookCheck(quantity, "", "", "", True)) == expected
