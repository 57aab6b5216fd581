"""The report of any table: two, three or 26 classes, without a notebook, in the table's own words.

The tables behind it are made by any_table.py; each number on the page is read again from its file.
"""

import html
import json
import re
from pathlib import Path

import any_table
import pytest
from browser import opened
from test_page import EMPTY, Shown, plain

from winenet.report import markdown_report, page, page_elements

# What only the wine's pages and the notebook's say.
FOREIGN = re.compile(r"\b(wines?|red|white|notebook|taster|other colour|acidity|winenet)\b", re.I)
# By name: the table, and its models. Many: eight networks of odd names, five baselines, a search
# over three parameters; one: a search over one parameter, and no constant baseline.
ONE = any_table.FEW._replace(
    searched={"alpha": [0.1, 0.01]}, baselines={"tree": any_table.FEW.baselines["boosted_trees"]}
)
KINDS = {
    "cancer": ("cancer", any_table.FEW),
    "iris": ("iris", any_table.FEW),
    "letters": ("letters", any_table.FEW),
    "many": ("cancer", any_table.MANY),
    "many letters": ("letters", any_table.MANY),
    "one": ("cancer", ONE),
    "rare": ("rare", any_table.FEW),
}
# What metrics/split.json has of other methods than random.
METHODS = {
    "iris": {
        "method": "time",
        "column": "day",
        "boundary": {"last_training": "2019-03-25", "first_test": "2019-03-26"},
    },
    "letters": {"method": "group", "column": "writer", "groups": {"train": 30, "test": 9}},
    "one": {"method": "stratified"},
}
CLAIMS = {
    "iris": "So the scores hold for the time after 2019-03-25, as far as the test set reaches.",
    "letters": ", nor in two folds of the search. So the scores hold for rows with a new value of",
    "one": "with the class shares of the table. So the scores hold for new rows drawn",
    "many": "The test set was drawn at random. So the scores hold for new rows drawn",
}
# What metrics/ingest.json has of tables that are not complete.
FACTS = {
    "rare": {
        "missing": {"category": {"</script>": 7}},
        "left_out": ["id"],
        "leaks": {"reading 0": {"share": 0.995, "by": "the cut at 3.5"}},
    },
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Return by table a folder with the files and both pages, pictures left empty."""
    from stages import report as stage

    made = {}
    for kind, (table, models) in KINDS.items():
        folder = tmp_path_factory.mktemp(kind.replace(" ", "_"))
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            any_table.make(any_table.TABLES[table](), models)
            split = stage.files.read_metrics("metrics/split.json") | METHODS.get(kind, {})
            stage.files.write_metrics("metrics/split.json", split)
            facts = stage.files.read_metrics("metrics/ingest.json") | FACTS.get(kind, {})
            stage.files.write_metrics("metrics/ingest.json", facts)
            metrics, tables, terms = stage.read(notebook=False)
            told = stage.content(tables, metrics, terms)
            stage.files.write_text("report/report.md", markdown_report.render(told))
            own = page.page_content(tables, metrics, terms)
            sources = {stage.METRICS[name]: one for name, one in metrics.items()} | tables
            names = [path for path in any_pictures() if "handmade" not in path]
            pictures = {"column": dict.fromkeys(names, EMPTY)}
            stage.files.write_text("report/index.html", page.render(sources, pictures, told, own))
        made[kind] = folder
    return made


def any_pictures():
    """Return the names of the pictures that the graph lists for the report."""
    text = (Path(__file__).parents[2] / "dvc.yaml").read_text(encoding="utf-8")
    return [Path(path).stem for path in re.findall(r"- (plots/\w+\.svg):", text)]


@pytest.fixture(params=KINDS)
def shown(request, folders):
    return Shown(folders[request.param], ("data/", "metrics/", "plots/"))


@pytest.fixture
def markdown(shown):
    return (shown.root / "report/report.md").read_text(encoding="utf-8")


def visible(text):
    """Return what a reader of a page sees or hears: its text, its descriptions, its title."""
    bare = re.sub(r"<(script|style|svg)\b.*?</\1>", "", text, flags=re.DOTALL)
    told = re.findall(r'\b(?:aria-label|title|alt|data-rows)="([^"]*)"', text)
    return html.unescape(" ".join([re.sub(r"<[^>]+>", " ", bare), *told]))


def test_neither_page_speaks_of_wine_or_of_a_notebook(shown, markdown):
    for text in (markdown, visible(shown.text)):
        assert not FOREIGN.search(text), FOREIGN.search(text)
        assert not re.search(r"\b(None|nan|Undefined)\b", text)


@pytest.mark.parametrize("kind", CLAIMS)
def test_both_pages_say_which_claim_the_test_set_supports(folders, kind):
    claim = CLAIMS[kind].replace("rows", "tumours") if kind in ("one", "many") else CLAIMS[kind]
    text = (folders[kind] / "report/report.md").read_text(encoding="utf-8")
    assert text.count(claim) == 1
    assert claim.replace("`", "") in visible(
        (folders[kind] / "report/index.html").read_text("utf-8")
    )
    draws = "over the draws and initial weights, on" in text
    assert draws is (METHODS.get(kind, {}).get("method") != "time")


def test_both_pages_tell_gaps_and_left_out_columns_and_warn_of_leaks(folders):
    for kind in ("rare", "letters"):
        markdown = (folders[kind] / "report/report.md").read_text(encoding="utf-8")
        page = visible((folders[kind] / "report/index.html").read_text(encoding="utf-8"))
        incomplete = kind == "rare"
        for text in (html.unescape(markdown), page):
            assert ("</script> 7 (1.2%). A gap is a level of its own" in text) is incomplete
            assert ("Raw columns left out" in text) is incomplete
            assert ("alone decides 99.5% of the rows, by the cut at 3.5" in text) is incomplete
        before, _, after = markdown.partition("## The models")
        assert ("Possible leak" in after) is incomplete
        assert "Possible leak" not in before


def test_neither_page_has_a_section_of_the_notebook_s(shown, markdown):
    ids = {one["attributes"]["id"] for one in shown.found("id")}
    assert not {"neuron", "claims", "wine", "agreements"} & ids
    assert "handmade" not in shown.text + markdown
    assert not re.search(r"\n{4,}", markdown)


def test_each_result_is_the_file_s_value(shown):
    schema = json.loads((shown.root / "data/schema.json").read_text(encoding="utf-8"))
    checked = 0
    for one in shown.found("data-source"):
        told, text = one["attributes"], one["text"]
        if "#" not in told["data-source"]:
            continue
        value = shown.value(told["data-source"])
        checked += 1
        if "data-code" in told:
            assert int(told["data-code"]) == value
            assert text == schema["classes"][value]
        elif isinstance(value, str):
            assert text == value
        elif text not in ("yes", "no"):
            digits = len(text.partition(".")[2])
            close = 1e-3 * abs(value) if "data-significant" in told else 0.5 * 10**-digits
            assert abs(float(text.replace(",", "")) - value) <= close * (1 + 1e-9), told
    assert checked > 150


def test_each_sentence_stands_in_the_report(shown, markdown):
    told = shown.found("data-source", page_elements.SENTENCES)
    assert len(told) > 30
    for one in told:
        assert plain(one["text"]) in plain(markdown), one["text"]


def test_each_used_term_is_explained_and_no_other(shown):
    links = [one["attributes"]["href"] for one in shown.found("class", "term")]
    entries = [one for one in shown.read.elements if one["tag"] == "dt"]
    explained = [one["attributes"]["id"] for one in entries if "id" in one["attributes"]]
    assert sorted(link[1:] for link in links) == sorted(explained)
    ids = [one["attributes"]["id"] for one in shown.found("id")]
    assert len(ids) == len(set(ids))
    targets = {one["attributes"]["href"] for one in shown.read.elements if one["tag"] == "a"}
    assert {target[1:] for target in targets} <= set(ids)


def test_the_network_s_layers_are_those_of_its_parameters(shown):
    counts = [int(text.replace(",", "")) for text in shown.derived("parameters")]
    reference = shown.value("metrics/compare.json#reference")
    assert sum(counts) == shown.value(f"metrics/mlp.json#{reference}.parameters")
    schema = json.loads((shown.root / "data/schema.json").read_text(encoding="utf-8"))
    classes = len(schema["classes"])
    assert shown.derived("units")[-1] == str(1 if classes == 2 else classes)
    assert ("softmax" in visible(shown.text)) == (classes > 2)


def test_tables_scroll_in_themselves(shown):
    for one in shown.read.elements:
        if one["tag"] == "table" and one["attributes"].get("class") != "confusion":
            assert "wide" in {parent["attributes"].get("class") for parent in one["path"]}


def test_of_two_classes_the_threshold_can_be_moved(folders):
    shown = Shown(folders["cancer"], ())
    (controls,) = shown.found("id", "threshold-controls")
    told = controls["attributes"]
    assert (told["data-rows"], told["data-positive"], told["data-negative"]) == (
        *("tumours", "benign", "malignant"),
    )
    assert "the change of the log-odds of benign over" in " ".join(visible(shown.text).split())
    markdown = (folders["cancer"] / "report/report.md").read_text(encoding="utf-8")
    assert "| set | rows | benign | malignant |" in markdown
    assert "the fraction of tumours that are benign, by their predicted probability." in (markdown)
    assert "log-odds of `diagnosis` benign" in markdown
    assert "with `diagnosis` benign and" in markdown


@pytest.mark.parametrize("kind", ["iris", "letters"])
def test_of_several_classes_the_confusions_stand_in_place_of_the_threshold(folders, kind):
    shown = Shown(folders[kind], ())
    assert not shown.found("id", "threshold-controls")
    assert shown.found("id", "confusion")
    markdown = (folders[kind] / "report/report.md").read_text(encoding="utf-8")
    matrix = shown.value("metrics/mlp.json#two_layers.confusion_matrix")
    schema = json.loads((folders[kind] / "data/schema.json").read_text(encoding="utf-8"))
    worst = max(
        (count, -actual, -predicted)
        for actual, counts in enumerate(matrix)
        for predicted, count in enumerate(counts)
        if actual != predicted
    )
    count, actual, predicted = worst[0], -worst[1], -worst[2]
    name, other = schema["classes"][actual], schema["classes"][predicted]
    told = f"{name} taken for {other}: {count} of {sum(matrix[actual])}"
    assert f"- **Network 8-4.** {told}" in markdown


def test_three_classes_have_a_column_each_and_26_have_not(folders):
    iris, letters = (
        (folders[kind] / "report/report.md").read_text(encoding="utf-8")
        for kind in ("iris", "letters")
    )
    assert "| set | rows | setosa | versicolor | virginica |" in iris
    assert "| set | rows | least frequent | most frequent |" in letters
    assert "520 rows with 8 features each, of 26 classes with 20 each.\n\n|" in letters
    assert len(re.findall(r"^\| [a-z] \| stroke ", letters, flags=re.MULTILINE)) == 26


def test_the_stage_writes_both_pages_and_every_picture(folders, monkeypatch):
    from stages import report as stage

    monkeypatch.chdir(folders["iris"])
    written, said = {}, []
    monkeypatch.setattr(stage, "has_notebook", lambda: False)
    monkeypatch.setattr(stage.files, "write_text", written.__setitem__)
    monkeypatch.setattr(stage.stages, "log", said.append)
    stage.main()
    pictures = {f"plots/{name}.svg" for name in any_pictures() if "handmade" not in name}
    assert set(written) == pictures | {"report/report.md", "report/index.html"}
    assert said == ["wrote report/index.html, report/report.md and plots/*.svg"]
    drawn = "".join(written[path] for path in pictures)
    assert not FOREIGN.search(" ".join(re.findall(r"<!--(.*?)-->", drawn)))


def test_the_notebook_s_half_is_told_by_its_stage():
    from stages import report as stage

    assert stage.has_notebook()


def test_a_class_s_name_is_harmless(folders, monkeypatch):
    """What params.yaml or the table call a class or a row is text and nothing else."""
    from stages import report as stage

    nasty = "<script>alert(1)|`*$\\frac{1}$"
    monkeypatch.chdir(folders["iris"])
    metrics, tables, terms = stage.read(notebook=False)
    terms = terms._replace(classes=(nasty, *terms.classes[1:]), rows=nasty, target=nasty)
    told = stage.content(tables, metrics, terms)
    markdown = markdown_report.render(told)
    assert "<script" not in markdown
    assert "&#60;script&#62;" in markdown
    own = page.page_content(tables, metrics, terms)
    sources = {stage.METRICS[name]: one for name, one in metrics.items()} | tables
    names = dict.fromkeys(any_pictures(), EMPTY)
    text = page.render(sources, {"column": names}, told, own)
    assert text.count("<script") == 2  # the page's own, and the data of the epochs
    assert "alert(1)" in text
    assert stage.figures.confusion_matrices(told.scores, told.styles, terms).startswith("<?xml")


# Any models.


@pytest.fixture(params=["many", "many letters"])
def many(request, folders):
    return Shown(folders[request.param], ())


def test_every_model_is_on_the_page_under_its_name(many):
    compared = many.value("metrics/compare.json#models")
    assert len(compared) == 15
    rows = [
        one["text"].strip()
        for one in many.read.elements
        if one["attributes"].get("scope") == "row"
        and "models" in {p["attributes"].get("id") for p in one["path"]}
    ]
    assert sorted(rows) == sorted(
        [
            *("majority class", "logistic regression", "tuned network 6", "my net 2", "A-b c"),
            *("b-", "Sam's <b> & $\\frac{1}$", "2", "a rather long name for a network", "x"),
            *("réseau", "linear svc", "tree", "naive Bayes", "nearest-5"),
        ]
    )
    assert rows[:3] == ["majority class", "logistic regression", "my net 2"]


def test_each_pair_of_many_models_has_a_cell(many):
    assert len(many.found("data-pair")) == 15 * 14 // 2
    assert len(many.table("data/compare_pairs.csv")) == 15 * 14


def test_every_colour_that_the_page_uses_is_declared(many):
    declared = dict(re.findall(r"(--model-[\w-]+):\s+(#\w+);", many.text))
    used = {*re.findall(r"var\((--model-[^)]+)\)", many.text)}
    assert used == {*declared} or used < {*declared}
    assert len(declared) == 15 == len(set(declared.values()))
    assert "--model-my-32-net-32-2" in used


def test_a_model_without_probabilities_has_a_curve_and_no_calibration(folders):
    shown = Shown(folders["many"], ())
    assert "linear svc" in set(shown.table("plots/compare_roc.csv")["model"])
    assert "linear svc" not in set(shown.table("plots/compare_calibration.csv")["model"])
    assert shown.value("metrics/compare.json#models.linear svc.log_loss") is None
    markdown = (folders["many"] / "report/report.md").read_text(encoding="utf-8")
    (line,) = [one for one in markdown.splitlines() if one.startswith("| linear svc |")]
    assert line.split(" | ")[5] == "-"
    assert line.split(" | ")[4] != "-"


def test_the_threshold_is_that_of_the_reference(folders):
    shown = Shown(folders["many"], ())
    options = [one["attributes"] for one in shown.read.elements if one["tag"] == "option"]
    assert [one["value"] for one in options if "selected" in one] == ["A-b_c"]
    networks = [*any_table.MANY.networks]
    assert list(shown.data("threshold-data")) == ["logistic", *networks, "grid_search"]
    assert list(shown.data("followed-data")) == networks


@pytest.mark.parametrize(("kind", "rare"), [("rare", True), ("letters", True), ("iris", False)])
def test_a_rare_class_puts_its_scores_first_in_every_table_and_says_why(folders, kind, rare):
    shown = Shown(folders[kind], ())
    markdown = (folders[kind] / "report/report.md").read_text(encoding="utf-8")
    first = "model balanced accuracy average precision accuracy" if rare else "model accuracy "
    tables = re.findall(r"<table.*?</thead>", shown.text, re.DOTALL)
    headers = [" ".join(re.sub(r"<[^>]+>", " ", table).split()) for table in tables]
    for last in ("errors", "epochs"):
        (header,) = [one for one in headers if one.startswith("model ") and one.endswith(last)]
        assert header.startswith(first)
        (line,) = re.findall(
            rf"^\| model \|.*{'errors' if last == 'errors' else 'errors . epochs'} \|$",
            markdown,
            re.M,
        )
        assert line.replace("| ", "").startswith(first)
    said = re.findall(r"Only \d\.\d% of the rows are \w+, so balanced accuracy", markdown)
    assert len(said) == rare
    assert (said and said[0] in visible(shown.text)) or not rare


def test_the_first_caution_is_that_of_the_rare_class_also_with_a_threshold(folders, monkeypatch):
    from stages import report as stage

    monkeypatch.chdir(folders["rare"])
    monkeypatch.setattr(stage.model_tables, "threshold_sentences", lambda *_: ["A threshold."])
    metrics, tables, terms = stage.read(notebook=False)
    cautions = stage.content(tables, metrics, terms).class_cautions
    assert cautions[0].startswith("Only ")
    assert "A threshold." in cautions[1:]


@pytest.mark.parametrize("kind", ["many", "one"])
def test_another_search_than_over_two_parameters_is_a_picture(folders, kind):
    shown = Shown(folders[kind], ())
    assert not shown.found("id", "heat")
    assert "Mean score over the folds of the best candidates" in shown.text
    best = shown.value("metrics/grid_search.json#best_candidate")
    markdown = (folders[kind] / "report/report.md").read_text(encoding="utf-8")
    assert f"The best is\n{best} with" in markdown


@pytest.mark.parametrize(("kind", "axes"), [("many", 4), ("cancer", 0), ("one", 0)])
def test_a_search_over_more_than_two_parameters_has_parallel_coordinates(folders, kind, axes):
    text = (folders[kind] / "report/index.html").read_text(encoding="utf-8")
    drawings = re.findall(r'<svg class="parallel".*?</svg>', text, re.DOTALL)
    assert len(drawings) == bool(axes)
    for drawing in drawings:
        assert drawing.count("<line ") == drawing.count("<circle ") == axes
        lines = re.findall(r'class="(best|candidate)".*?<title>(.*?): 0', drawing)
        names = Shown(folders[kind], ("data/",)).table("data/grid_search_results.csv")["candidate"]
        assert lines == [("candidate", name) for name in names[:0:-1]] + [("best", names[0])]


@pytest.mark.browser
@pytest.mark.parametrize("width", [375, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_parallel_coordinates_scroll_in_themselves_and_need_no_script(
    folders, browser, width, scheme
):
    file = folders["many"] / "report/index.html"
    size = {"width": width, "height": 900}
    options = {"viewport": size, "color_scheme": scheme, "java_script_enabled": False}
    with opened(browser, file, **options) as shown:
        box, room = (
            shown.locator(selector).bounding_box()
            for selector in ("svg.parallel", "div.wide:has(svg.parallel)")
        )
    assert room["x"] + room["width"] <= width
    assert (box["width"] > room["width"]) is (width == 375)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("many", "majority class (a lower bound), linear svc, tree, naive Bayes, nearest-5."),
        ("cancer", "majority class (a lower bound), boosted trees."),
        ("one", "tree."),
    ],
)
def test_the_reference_models_are_named(folders, kind, said):
    markdown = (folders[kind] / "report/report.md").read_text(encoding="utf-8")
    assert f"Reference models: {said}" in " ".join(markdown.split())
    shown = " ".join(visible(Shown(folders[kind], ()).text).split())
    assert f"Reference models: {said}" in shown.replace(" ,", ",").replace(" .", ".")
    assert ("excluded: majority class" in shown) is (kind != "one")


@pytest.mark.browser
@pytest.mark.parametrize("width", [375, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_matrix_of_many_models_is_readable(folders, browser, width, scheme):
    """No word is cut: a cell is as wide as what is in it; the table scrolls in itself."""
    file = folders["many"] / "report/index.html"
    size = {"width": width, "height": 900}
    with opened(browser, file, viewport=size, color_scheme=scheme) as opened_page:
        assert opened_page.evaluate("document.scrollingElement.scrollWidth") <= width
        wide = opened_page.evaluate(
            """[...document.querySelectorAll('#matrix :is(th, button)')].filter(
                 (one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.textContent)"""
        )
        assert wide == []
        heights = opened_page.evaluate(
            """[...document.querySelectorAll('#matrix button small')].map(
                 (one) => one.getClientRects()[0].height /
                   parseFloat(getComputedStyle(one).lineHeight))"""
        )
        assert max(heights) < 2.5  # "not distinguishable" in two lines at most


@pytest.mark.browser
@pytest.mark.parametrize("width", [375, 1280])
def test_in_a_browser_it_runs_without_a_fault_and_fits_the_screen(shown, browser, width):
    file = shown.root / "report/index.html"
    with opened(browser, file, viewport={"width": width, "height": 900}) as opened_page:
        opened_page.evaluate(
            "document.querySelectorAll('details').forEach((one) => { one.open = true; })"
        )
        assert opened_page.evaluate("document.scrollingElement.scrollWidth") <= width
        searched = shown.value("metrics/grid_search.json#choice.on_edge")
        assert opened_page.locator("#heat-readout").is_visible() is (len(searched) == 2)
        assert opened_page.locator("#followed-charts").is_visible()


@pytest.mark.browser
def test_the_threshold_speaks_of_the_table_s_rows(folders, browser):
    with opened(browser, folders["cancer"] / "report/index.html") as opened_page:
        slider = opened_page.locator("#threshold-value")
        slider.fill("0.9")
        assert re.fullmatch(
            r"0\.90: \d+ errors, \d+ malignant tumours called benign, "
            r"\d+ benign tumours called malignant",
            slider.get_attribute("aria-valuetext"),
        )
        titles = opened_page.locator("#threshold-rows .title").all_text_contents()
        assert titles == ["Tumours: benign up, malignant down (√ scale)"]
