"""The page holds what the files hold: each number is read again, without the code that wrote it."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from winenet import claims, handmade, page, plotting
from winenet.glossary import GLOSSARY

ROOT = Path(__file__).parents[1]
VOID = {"meta", "link", "input", "br", "img", "hr"}
# Digits that are no results: names of columns and models, labels, folds, the notebook's numbers.
NO_RESULT = re.compile(
    r"0\.05|X[123]|95 %|0\.5\b|1,000|500|\b[01]\b|row \d|fold \d|rate [\d.]+|\bF1\b"
    r"|[Nn]etwork [\d-]+"
)


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
    return pd.read_csv(ROOT / path)[column].iloc[int(row)]


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
    """What is left: words with a digit in them, labels, and what a test below works out."""
    for element, data in read.loose:
        inside = [] if element is None else [*element["path"], element]
        attributes = {name for one in inside for name in one["attributes"]}
        ids = {one["attributes"].get("id") for one in inside}
        if {"data-layer", "data-units"} & attributes or "glossary" in ids:
            continue
        if inside and inside[-1]["tag"] in ("th", "code", "title", "output", "option"):
            continue
        left = NO_RESULT.sub("", data)
        assert not re.search(r"\d", left), (data, inside[-1])


def test_the_layers_are_those_of_the_network(read):
    sizes = in_file("metrics/mlp.json#notebook.hidden_layer_sizes").split("-")
    features = in_file("metrics/ingest.json#features")
    units = [one["text"] for one in read.elements if "data-units" in one["attributes"]]
    assert units == [*sizes, "1"]
    told = [one["text"] for one in read.elements if "data-layer" in one["attributes"]]
    counts = [int(text.rsplit("= ", 1)[1].replace(",", "")) for text in told]
    assert sum(counts) == in_file("metrics/mlp.json#notebook.parameters")
    assert told[0].startswith(f"{features} × {sizes[0]} weights + {sizes[0]} =")


def test_the_agreements_say_what_the_numbers_say(read):
    rows = [
        one
        for one in read.elements
        if one["tag"] == "tr" and "agreements" in {p["attributes"].get("id") for p in one["path"]}
    ]
    golden = pd.read_csv(ROOT / "tests" / "golden" / "notebook.csv")
    assert len(rows) == len(golden) + 1
    assert [row["text"].split()[-1] for row in rows[1:]] == ["yes"] * len(golden)


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


def test_a_source_is_a_key_or_a_cell():
    files = {"a.json": {"b": {"c": 1234.5}}, "t.csv": pd.DataFrame({"x@y": [1, 20_000]})}
    sources = page.Sources(files)
    assert sources["a.json#b.c"] == 1234.5
    assert sources["t.csv#x@y@1"] == 20_000
    for missing in ("b.json#b", "a.json#c", "t.csv#x@0", "t.csv#x@y@2"):
        with pytest.raises((KeyError, IndexError)):
            sources[missing]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"digits": 2}, '<span data-source="a.json#v" data-digits="2">1,234.50</span>'),
        ({"digits": 0}, '<span data-source="a.json#v" data-digits="0">1,234</span>'),
        ({"significant": 3}, '<span data-source="a.json#v" data-significant="3">1.23e+03</span>'),
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
    assert terms("p-value", "p") == '<a class="term" href="#term-p-value">p</a>'
    assert terms("p-value") == "p-value"
    with pytest.raises(KeyError):
        terms("no such term")


def test_a_picture_takes_the_page_s_colours_and_ids_of_its_own():
    with plotting.text_as_text():
        drawn, (axes,) = plotting.figure()
        table = pd.DataFrame({"x": [0, 1], "y": [0, 1]})
        plotting.curve(axes, table, "x", "y", "a <b> & c", plotting.COLOURS["logistic"])
        svg = plotting.svg(drawn)
    first, second = page.inline(svg, "one", 'a "quoted" one'), page.inline(svg, "two", "b")
    assert first.startswith('<svg role="img" aria-label="a &#34;quoted&#34; one"')
    assert "var(--logistic)" in first
    assert not re.search(r"#[0-9a-f]{6}\b|<style|<metadata|<\?xml", first)
    ids = [set(re.findall(r'\bid="([^"]+)"', one)) for one in (first, second)]
    assert ids[0]
    assert not ids[0] & ids[1]
    with pytest.raises(ValueError, match="does not begin as matplotlib's do"):
        page.inline("<svg>", "three", "c")


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
    grid = page.grid(candidates)
    assert grid["rates"] == [0.1, 0.2]
    assert list(grid["folds"]) == [1, 2]
    (first, (low, high)), (second, (gap, middle)) = grid["rows"]
    assert (first, second, gap) == ("5", "7", None)
    assert [one["heat"] for one in (low, middle, high)] == [10, 28, 45]
    assert (high["best"], low["best"]) == (True, False)
    assert (low["folds"], low["epochs"]) == (["0.4000", "0.6000"], [3, 6])
    alone = page.grid(candidates.iloc[:1])
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


def test_the_path_is_the_run_itself():
    import numpy as np

    rng = np.random.default_rng(1)
    X, y = handmade.six_rows(rng)
    parameters, losses = handmade.run_grad_desc(300, 0.01, X, y, rng=rng)
    X_held_out, y_held_out = handmade.six_rows(rng, claims.HELD_OUT_START)
    path = claims.path(parameters, (X, y), (X_held_out, y_held_out), [100, 257, 9999])
    epochs = list(path["epoch"])
    assert epochs[:3] == [0, 1, 2]
    assert epochs == sorted(set(epochs))
    assert {100, 257, 300} <= set(epochs)
    assert epochs[-1] == 300
    at = path.set_index("epoch").loc[257]
    assert at["loss"] == pytest.approx(losses[257], rel=1e-14)
    assert at["weight_X2"] == parameters["W1"][257, 1, 0]
    probabilities = handmade.forward(parameters["W1"][257], parameters["B1"][257], X)
    assert at["probability_3"] == pytest.approx(probabilities[3, 0], rel=1e-14)
    assert at["raw_3"] == pytest.approx(np.log(probabilities[3, 0] / (1 - probabilities[3, 0])))
