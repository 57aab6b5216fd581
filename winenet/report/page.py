"""The page for the browser: one file, in which each number names the file that it comes from.

The templates show a number of this run with `result` only. Each sentence about the results is in
report.md as well, word for word.
"""

import itertools
import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, TypedDict

import numpy as np
import pandas as pd
from markdown_it import MarkdownIt
from markupsafe import Markup, escape

from winenet.report import (
    comparison_section,
    markdown,
    model_styles,
    model_tables,
    neuron_section,
    plotting,
)
from winenet.report.glossary import glossary_for
from winenet.report.markdown import TEMPLATES, Metrics
from winenet.report.markdown_report import ReportContent
from winenet.report.model_styles import ModelStyle
from winenet.report.notebook_section import NotebookCheck
from winenet.report.sentences import is_significant
from winenet.report.terms import Terms

Content = dict[str, Any] | pd.DataFrame
SENTENCES = "report/report.md"  # has each sentence as well
# Fixed colours of matplotlib are replaced by the page's, which has a dark scheme as well.
THEME = {
    "#000000": "var(--ink)",
    plotting.TEXT_COLOUR: "var(--ink)",
    "#ffffff": "var(--paper)",
    "#b0b0b0": "var(--line)",
}


class RunFiles:
    """The files of a run, and the values in them.

    A source is `metrics/mlp.json#notebook.accuracy` or `plots/seeds_runs.csv#accuracy@3`: a column
    and a row. The row is given by its number from 0, or by the values of some of its cells:
    `accuracy@model=notebook,seed=4`.
    """

    def __init__(self, files: Mapping[str, Content]) -> None:
        self.files = files

    def __getitem__(self, source: str) -> Any:
        """Return a value; raise an error if there is not exactly one."""
        path, key = source.split("#", 1)
        content: Any = self.files[path]
        if isinstance(content, pd.DataFrame):
            column, row = key.rsplit("@", 1)
            if "=" not in row:
                return content[column].iloc[int(row)]
            text = dict(cell.split("=", 1) for cell in row.split(","))
            chosen = [content[name].astype(str) == cell for name, cell in text.items()]
            (value,) = content.loc[np.logical_and.reduce(chosen), column]
            return value
        for step in key.split("."):
            content = content[step]
        return content

    def result(
        self,
        source: str,
        digits: int | None = None,
        *,
        significant: int | None = None,
        scale: int = 1,
        signed: bool = False,
        grouped: bool = True,
    ) -> Markup:
        """Return a value as it is shown, in an element that names its source.

        digits: after the point. significant: of them instead, for what may be tiny. scale: 100
        shows a share in percent. grouped: a comma between thousands; not in the number of a row.
        """
        attributes = {"source": source}
        if significant is not None:
            attributes["significant"] = str(significant)
        elif digits is not None:
            attributes["digits"] = str(digits)
        if scale != 1:
            attributes["scale"] = str(scale)
        message = Markup("").join(
            Markup(' data-{}="{}"').format(name, value) for name, value in attributes.items()
        )
        text = shown(self[source], digits, significant, scale, signed)
        if not grouped:
            text = text.replace(",", "")
        return Markup("<span{}>{}</span>").format(message, text)

    def named(self, source: str, names: Sequence[str]) -> Markup:
        """Return a class by its name, in an element that names the source of its code."""
        code = int(self[source])
        own = Markup("") if names[code] == str(code) else Markup(' data-code="{}"').format(code)
        return Markup('<span data-source="{}"{}>{}</span>').format(source, own, names[code])


def shown(value: Any, digits: int | None, significant: int | None, scale: int, signed: bool) -> str:
    """Return a value as text: a word as it is, yes or no, a number rounded, a gap as a dash."""
    if isinstance(value, str):
        return value
    if pd.isna(value):  # a gap in the raw table
        return "-"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    sign = "+" if signed else ""
    if significant is not None:
        return f"{value * scale:{sign}.{significant}g}"
    if digits is None:
        return f"{value * scale:{sign},}"
    return f"{value * scale:{sign},.{digits}f}"


class GlossaryLinks:
    """Links the first use of each term to its entry in the glossary.

    glossary: by term, what it means.
    """

    def __init__(self, glossary: Mapping[str, str]) -> None:
        self.glossary = glossary
        self.used: set[str] = set()

    def __call__(self, name: str, text: str = "") -> Markup:
        """Return the text of a term, the first time as a link; KeyError for an unknown one.

        The link's title says what the term means; the glossary leads back to the link.
        """
        if name in self.used:
            return escape(text or name)
        self.used.add(name)
        link = Markup('<a class="term" id="use-{0}" href="#{0}" title="{1}">{2}</a>')
        return link.format(term_id(name), self.glossary[name], text or name)

    def entries(self) -> dict[str, str]:
        """Return the glossary of the terms that were used so far."""
        return {name: text for name, text in self.glossary.items() if name in self.used}


def term_id(name: str) -> str:
    """Return the anchor of a term."""
    return "term-" + re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def sentence(markdown: str) -> Markup:
    """Return a sentence of the report as HTML, in an element that says where it stands."""
    # sentences.escape_markdown has escaped all text from outside; HTML is shown as text.
    html = MarkdownIt("commonmark", {"html": False}).renderInline(markdown)
    return Markup('<span data-source="{}">{}</span>').format(SENTENCES, Markup(html))


def inline(svg: str, name: str, alt: str, kind: str, models: Iterable[ModelStyle] = ()) -> Markup:
    """Return a figure for the page, with ids of its own, the page's colours and a description.

    kind: its class, by which the style sheet shows it or does not. models: those of the page, whose
    colours take the page's.
    """
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r"<style.*?</style>", "", body, flags=re.DOTALL)  # it would rule the whole page
    body = re.sub(r"<!--.*?-->\n?", "", body, flags=re.DOTALL)
    body = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{kind}-{name}-", body)
    body = re.sub(r" (?:xmlns|xmlns:xlink|version)=\"[^\"]*\"", "", body)
    body = body.replace("xlink:href", "href")
    body = re.sub(r"font(?:-family)?: ?(?=')[^;\"]*", "font-family: inherit", body)
    theme = THEME | {style.figure.lower(): f"var({style.css_property})" for style in models}
    body = re.sub(r"#[0-9a-fA-F]{6}\b", lambda at: theme.get(at[0].lower(), at[0]), body)
    body = re.sub(r"\n\s*", "\n", body)
    opening = re.match(r'<svg width="([\d.]+)pt" height="[\d.]+pt"', body)
    if opening is None:
        raise ValueError(f"the picture {name} does not begin as matplotlib's do")
    root = Markup('<svg class="{}" role="img" aria-label="{}" style="max-width: {}px"').format(
        kind, alt, round(float(opening[1]) * 4 / 3)
    )
    return root + Markup(body[opening.end() :])


class Layer(NamedTuple):
    """A dense layer. parameters: weights and biases."""

    units: int
    inputs: int
    parameters: int


def layers(sizes: Sequence[int]) -> list[Layer]:
    """Return the layers of a dense network.

    sizes: units of the inputs, of each hidden layer, of the output.
    """
    return [
        Layer(units, inputs, inputs * units + units) for inputs, units in itertools.pairwise(sizes)
    ]


class NumberSource(NamedTuple):
    """Where a number of this run is.

    place: file and key. part: "0" or "1" for the units of a layer in "50-25", "percent" for a
    percentage, else "".
    """

    place: str
    part: str


def agreement_source(one: NotebookCheck) -> NumberSource:
    """Return where this run's number behind a quantity of the notebook is."""
    file, key = one.quantity.split(".", 1)
    if key.endswith("_percent"):
        return NumberSource(f"metrics/{file}.json#{key.removesuffix('_percent')}", "percent")
    stem, _, part = key.rpartition(".")
    if part.isdigit():
        return NumberSource(f"metrics/{file}.json#{stem}", part)
    return NumberSource(f"metrics/{file}.json#{key}", "")


class Column(NamedTuple):
    """A layer of the drawing. ys: its units from top to bottom; cut: whether some are left out."""

    x: int
    ys: list[float]
    cut: bool


class Edge(NamedTuple):
    """A line of the drawing, from (x, y) to (x2, y2)."""

    x: int
    y: float
    x2: int
    y2: float


@dataclass(frozen=True)
class Drawing:
    """The drawing of a network, in units of its view box."""

    width: int
    columns: list[Column]
    middle: int
    lines: list[Edge]


def drawing(sizes: Sequence[int], most: int = 7) -> Drawing:
    """Return where the units and lines of a network's drawing are.

    most: units that are drawn of a layer; of a larger one the middle is left out.
    """
    gap, step, middle = 96, 30, 148
    columns: list[Column] = []
    for number, units in enumerate(sizes):
        shown = min(units, most)
        ys = [middle + step * (place - (shown - 1) / 2) for place in range(shown)]
        if units > most:
            del ys[most // 2]
        columns.append(Column(gap // 2 + gap * number, ys, units > most))
    lines = [
        Edge(left.x, y, right.x, other)
        for left, right in itertools.pairwise(columns)
        for y, other in itertools.product(left.ys, right.ys)
    ]
    return Drawing(gap * len(sizes), columns, middle, lines)


class Probabilities(TypedDict):
    """A model's labels and probabilities for the script.

    scores: the place of its scores. counts: the confusion matrix there, at the threshold.
    """

    label: list[int]
    probability: list[float]
    scores: str
    threshold: float
    counts: dict[str, int]


def thresholds(
    sources: Mapping[str, pd.DataFrame], scores: Mapping[str, Metrics]
) -> dict[str, Probabilities]:
    """Return by model the labels and probabilities of the test rows, for the page's script.

    sources: by the place of a model's scores, its predictions: row, the label, network, predicted,
    probability. scores: by model; they hold the counts at its threshold.
    """
    result: dict[str, Probabilities] = {}
    for place, table in sources.items():
        for model, item in table.groupby("network", sort=False):
            several = place.endswith("mlp.json#")
            result[str(model)] = {
                "label": item.iloc[:, 1].astype(int).tolist(),
                "probability": item["probability"].tolist(),
                "scores": f"{place}{model}." if several else place,
                "threshold": scores[str(model)].get("threshold", 0.5),
                "counts": scores[str(model)]["confusion_matrix"],
            }
    return result


@dataclass(frozen=True)
class GridCell:
    """A candidate of the search.

    row: its line in the table. best, close: whether its score is the highest, or within one
    standard error of it. heat: the strength of its colour, in per cent. folds, epochs: per fold,
    the score as text and the epochs.
    """

    row: int
    name: str
    best: bool
    close: bool
    heat: int
    folds: list[str]
    epochs: list[int]


class GridRow(NamedTuple):
    """The candidates with one value of the first parameter, by value of the second."""

    value: Any
    cells: list[GridCell | None]


@dataclass(frozen=True)
class Grid:
    """The search as a table, where two parameters were searched.

    row_name, column_name: the two parameters. columns: the values of the second.
    """

    row_name: str
    column_name: str
    columns: list[Any]
    rows: list[GridRow]


def grid(candidates: pd.DataFrame, standard_error: float) -> Grid | None:
    """Return the search as a table.

    Parameters
    ----------
    candidates : DataFrame
        As the stage grid_search wrote them, one per line.
    standard_error : float
        That of the best candidate's mean.

    Returns
    -------
    Grid or None
        None if other than two parameters were searched, or few pairs of their values.
    """
    if not model_tables.is_grid(candidates):
        return None
    searched = model_tables.searched(candidates)
    first, second = searched
    scores = candidates["mean_test_score"]
    span = scores.max() - scores.min()
    folds = candidates.filter(regex=r"^split\d+_test_score$")
    epochs = candidates.filter(regex=r"^split\d+_epochs$")
    cells = {
        (item[first], item[second]): GridCell(
            row=row,
            name=item["candidate"],
            best=item["rank_test_score"] == 1,
            close=item["mean_test_score"] >= scores.max() - standard_error,
            # Between a tenth and a half, so that the text on it is readable.
            heat=round(10 + 35 * (item["mean_test_score"] - scores.min()) / (span or 1)),
            folds=[f"{score:.4f}" for score in folds.iloc[row]],
            epochs=epochs.iloc[row].tolist(),
        )
        for row, item in enumerate(candidates.to_dict("records"))
    }
    rows, columns = (list(dict.fromkeys(candidates[name])) for name in searched)
    return Grid(
        first,
        second,
        columns,
        [GridRow(row, [cells.get((row, column)) for column in columns]) for row in rows],
    )


@dataclass(frozen=True)
class PairCell:
    """A pair of models. line: its line in the table of pairs. differ: whether they do."""

    line: int
    differ: bool
    sentence: str


def matrix(pairs: pd.DataFrame, sentences: Sequence[str]) -> dict[str, dict[str, PairCell]]:
    """Return each pair by first and second model.

    pairs: as the stage compare wrote them. sentences: one for each of its lines on all test rows.
    """
    lines = np.flatnonzero(pairs["rows"] == "all").tolist()
    result: dict[str, dict[str, PairCell]] = {}
    for line, text in zip(lines, sentences, strict=True):
        item = {str(name): value for name, value in pairs.iloc[line].items()}
        result.setdefault(item["first"], {})[item["second"]] = PairCell(
            line, is_significant(item), text
        )
    return result


class FollowedTraining(TypedDict):
    """A network's curves by column, and by stop its epoch, for the script."""

    columns: dict[str, list[float]]
    stops: dict[str, int]


def followed(
    tables: Mapping[str, pd.DataFrame], curves: Metrics, terms: Terms
) -> dict[str, FollowedTraining]:
    """Return by network its losses and accuracies by epoch and where it might have stopped.

    tables: by network's name in `curves`, as the stage curves wrote them.
    """
    return {
        model: {
            "columns": {str(name): column.tolist() for name, column in table.items()},
            "stops": {
                stop: curves[model][stop]["epoch"] for stop in model_tables.stopped_at(terms)
            },
        }
        for model, table in tables.items()
    }


def data(content: object, name: str) -> Markup:
    """Return content for a script, as JSON that no text in it can end."""
    text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup('<script type="application/json" id="{}">{}</script>').format(name, Markup(text))


def units(network: Metrics, classes: int) -> list[int]:
    """Return the units of a network's inputs, hidden layers and output, from its metrics.

    A category takes an input for each of its values, so the inputs are worked out from the number
    of parameters.
    """
    hidden = list(map(int, network["hidden_layer_sizes"].split("-")))
    outputs = 1 if classes == 2 else classes
    after = sum(layer.parameters for layer in layers([*hidden, outputs]))
    return [(network["parameters"] - after) // hidden[0] - 1, *hidden, outputs]


@dataclass(frozen=True)
class PageContent:
    """What the page shows beside the content of the report.

    Parameters
    ----------
    notebook_layers : list of Layer
        The layers of the first network.
    drawing : Drawing
        Its drawing.
    inputs : int
        Its inputs; a category has one for each of its values.
    grid : Grid or None
        The candidates of the search, if two parameters were searched.
    folds : range
        The numbers of the folds.
    class_columns : list of int
        The codes of the classes that have a column in the table of the sets.
    extremes_of : callable
        `model_tables.rarest_and_commonest`.
    heaviest : mapping
        By class, the lines of its largest coefficients; empty with two classes.
    stops_named : mapping
        The names of the epochs at which a training could stop.
    matrix : mapping
        The pairs of models, by first and second.
    followed : mapping
        By network, its curves for the script.
    thresholds : mapping
        By model, its probabilities for the script; empty with more than two classes.
    neuron : NeuronSection or None
        The neuron from scratch; None for another table than the notebook's.
    """

    notebook_layers: list[Layer]
    drawing: Drawing
    inputs: int
    grid: Grid | None
    folds: range
    class_columns: list[int]
    extremes_of: Callable[[Mapping[str, int]], model_tables.ClassExtremes]
    heaviest: Mapping[int, list[int]]
    stops_named: Mapping[str, str]
    matrix: Mapping[str, Mapping[str, PairCell]]
    followed: Mapping[str, FollowedTraining]
    thresholds: Mapping[str, Probabilities]
    neuron: neuron_section.NeuronSection | None


def page_content(tables: Mapping[str, pd.DataFrame], metrics: Metrics, terms: Terms) -> PageContent:
    """Return what the page shows beside the content of the report.

    Parameters
    ----------
    tables : mapping
        By path, what the stages wrote.
    metrics : mapping
        By stage, what it measured.
    terms : Terms
        How the table's rows and classes are called.

    Returns
    -------
    PageContent
    """
    search, reference = metrics["grid_search"], metrics["compare"]["reference"]
    sizes = units(metrics["mlp"][reference], len(terms.classes))
    pairs, names = tables["data/compare_pairs.csv"], model_tables.model_names(metrics)
    return PageContent(
        notebook_layers=layers(sizes),
        drawing=drawing(sizes),
        grid=grid(tables["data/grid_search_results.csv"], search["choice"]["standard_error"]),
        folds=range(1, len(model_tables.fold_columns(tables["data/grid_search_results.csv"])) + 1),
        inputs=sizes[0],
        class_columns=model_tables.class_columns(terms),
        extremes_of=model_tables.rarest_and_commonest,
        heaviest=comparison_section.top_coefficients(tables["plots/importance_coefficients.csv"])
        if terms.multiclass
        else {},
        stops_named=model_tables.stopped_at(terms),
        matrix=matrix(pairs, comparison_section.pair_sentences(pairs, names)),
        followed=followed(
            model_tables.by_model(tables["plots/curves.csv"]), metrics["curves"], terms
        ),
        thresholds={}
        if terms.multiclass
        else thresholds(
            {
                "metrics/logistic.json#": tables["data/logistic_predictions.csv"],
                "metrics/mlp.json#": tables["data/mlp_predictions.csv"],
                "metrics/grid_search.json#": tables["data/grid_search_predictions.csv"],
            },
            model_tables.model_scores(metrics),
        ),
        neuron=neuron_section.section(tables, metrics["handmade"]) if terms.notebook else None,
    )


def render(
    files: Mapping[str, Content],
    pictures: Mapping[str, Mapping[str, str]],
    report: ReportContent,
    own: PageContent,
) -> str:
    """Return the page as HTML.

    Parameters
    ----------
    files : mapping
        By path, what the stage has read.
    pictures : mapping
        By kind ("column", "phone") and name, SVG texts of matplotlib with text as text.
    report : ReportContent
        The content that the page shares with the report.
    own : PageContent
        The rest of it.

    Returns
    -------
    str
        The text of report/index.html.
    """
    sources, links = RunFiles(files), GlossaryLinks(glossary_for(report.terms))
    environment = markdown.jinja_environment(autoescape=True)
    environment.globals |= {
        "result": sources.result,
        "named": sources.named,
        "value": sources.__getitem__,
        "term": links,
        "term_id": term_id,
        "known_terms": links.glossary,
        "sentence": sentence,
        "data": data,
        "picture": partial(_picture, pictures, [*report.styles.values()]),
        "model_colours": model_styles.css_properties,
        "source_of": agreement_source,
        "files": files,
        "glossary": links.entries,
        "asset": _asset,
        "digits_of": lambda text: len(text.partition(".")[2]),
    }
    return environment.get_template("index.html.jinja").render(**vars(report), **vars(own))


def _picture(
    pictures: Mapping[str, Mapping[str, str]],
    models: Collection[ModelStyle],
    name: str,
    alt: str,
) -> Markup:
    """Return a figure once for each width of the page; the style sheet shows one of them."""
    drawn = (inline(of_kind[name], name, alt, kind, models) for kind, of_kind in pictures.items())
    return Markup("").join(drawn)


def _asset(name: str) -> Markup:
    """Return a style sheet or a script of the page as it stands."""
    return Markup((TEMPLATES / "page" / name).read_text(encoding="utf-8"))
