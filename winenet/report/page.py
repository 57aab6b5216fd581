"""The page for the browser: one file, in which each number names the file that it comes from.

The templates show a number of this run with `result` only. Each sentence about the results is in
report.md as well, word for word.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import pandas as pd
from markupsafe import Markup

from winenet.report import (
    comparison_section,
    markdown,
    model_styles,
    model_tables,
    network_drawing,
    neuron_section,
    page_elements,
    page_script_data,
    page_tables,
)
from winenet.report.glossary import glossary_for
from winenet.report.markdown import TEMPLATES, Metrics
from winenet.report.markdown_report import ReportContent
from winenet.report.model_styles import ModelStyle
from winenet.report.network_drawing import Drawing, Layer
from winenet.report.notebook_section import NotebookCheck
from winenet.report.page_elements import Content, GlossaryLinks, RunFiles
from winenet.report.page_script_data import FollowedTraining, Probabilities
from winenet.report.page_tables import Grid, PairCell
from winenet.report.parallel_coordinates import ParallelCoordinates, parallel_coordinates
from winenet.report.terms import Terms


class NumberSource(NamedTuple):
    """Where a number of this run is.

    place: file and key. part: "0" or "1" for the units of a layer in "50-25", "percent" for a
    percentage, else "".
    """

    place: str
    part: str


def agreement_source(check: NotebookCheck) -> NumberSource:
    """Return where this run's number behind a quantity of the notebook is."""
    file, key = check.quantity.split(".", 1)
    if key.endswith("_percent"):
        return NumberSource(f"metrics/{file}.json#{key.removesuffix('_percent')}", "percent")
    stem, _, part = key.rpartition(".")
    if part.isdigit():
        return NumberSource(f"metrics/{file}.json#{stem}", part)
    return NumberSource(f"metrics/{file}.json#{key}", "")


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
    parallel_coordinates : ParallelCoordinates or None
        The candidates of the search, if more than two parameters were searched.
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
    parallel_coordinates: ParallelCoordinates | None
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
    sizes = network_drawing.units(metrics["mlp"][reference], len(terms.classes))
    pairs, names = tables["data/compare_pairs.csv"], model_tables.model_names(metrics)
    return PageContent(
        notebook_layers=network_drawing.layers(sizes),
        drawing=network_drawing.drawing(sizes),
        parallel_coordinates=parallel_coordinates(tables["data/grid_search_results.csv"]),
        grid=page_tables.grid(
            tables["data/grid_search_results.csv"], search["choice"]["standard_error"]
        ),
        folds=range(1, len(model_tables.fold_columns(tables["data/grid_search_results.csv"])) + 1),
        inputs=sizes[0],
        class_columns=model_tables.class_columns(terms),
        extremes_of=model_tables.rarest_and_commonest,
        heaviest=comparison_section.top_coefficients(tables["plots/importance_coefficients.csv"])
        if terms.multiclass
        else {},
        stops_named=model_tables.stopped_at(terms),
        matrix=page_tables.matrix(pairs, comparison_section.pair_sentences(pairs, names)),
        followed=page_script_data.followed(
            model_tables.by_model(tables["plots/curves.csv"]), metrics["curves"], terms
        ),
        thresholds={}
        if terms.multiclass
        else page_script_data.thresholds(
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
        "term_id": page_elements.term_id,
        "known_terms": links.glossary,
        "sentence": page_elements.sentence,
        "data": page_elements.data,
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
    drawn = (
        page_elements.inline(of_kind[name], name, alt, kind, models)
        for kind, of_kind in pictures.items()
    )
    return Markup("").join(drawn)


def _asset(name: str) -> Markup:
    """Return a style sheet or a script of the page as it stands."""
    return Markup((TEMPLATES / "page" / name).read_text(encoding="utf-8"))
