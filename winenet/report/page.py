"""Writes the page for the browser: one file, and each number in it names where it was read.

`result` is the only way by which a number of this run gets onto the page; sentences come from
report.py, comparison.py and verdicts.py, and stand word for word in report.md as well.
"""

import itertools
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from markdown_it import MarkdownIt
from markupsafe import Markup, escape

from winenet.report import comparison_section, markdown, model_styles, model_tables, plotting
from winenet.report.glossary import glossary_for
from winenet.report.markdown import TEMPLATES, Metrics
from winenet.report.notebook_section import NotebookCheck
from winenet.report.sentences import is_significant
from winenet.report.terms import Terms

Content = dict[str, Any] | pd.DataFrame
SENTENCES = "report/report.md"  # where each sentence stands, too
# What matplotlib drew in a fixed colour takes the page's, which has a dark scheme as well.
THEME = {
    "#000000": "var(--ink)",
    plotting.TEXT_COLOUR: "var(--ink)",
    "#ffffff": "var(--paper)",
    "#b0b0b0": "var(--line)",
}


class RunFiles:
    """The files of a run, and the values in them.

    A source is `metrics/mlp.json#notebook.accuracy` or `plots/seeds_runs.csv#accuracy@3`: a column
    and a row, counted from 0 or told by what its cells hold (`accuracy@model=notebook,seed=4`).
    """

    def __init__(self, files: Mapping[str, Content]) -> None:
        self.files = files

    def __getitem__(self, source: str) -> Any:
        """Return a value; raise an error when there is no such file, key, column or one row."""
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
    # What is no Markdown of ours was made harmless by verdicts.literal; HTML is shown as text.
    html = MarkdownIt("commonmark", {"html": False}).renderInline(markdown)
    return Markup('<span data-source="{}">{}</span>').format(SENTENCES, Markup(html))


def inline(svg: str, name: str, alt: str, kind: str, models: Iterable[str] = ()) -> Markup:
    """Return a figure to stand in the page: its own ids, the page's colours, a description.

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
    theme = THEME | {
        style.figure.lower(): f"var({style.css_property})"
        for style in model_styles.page_styles(models)
    }
    body = re.sub(r"#[0-9a-fA-F]{6}\b", lambda at: theme.get(at[0].lower(), at[0]), body)
    body = re.sub(r"\n\s*", "\n", body)
    opening = re.match(r'<svg width="([\d.]+)pt" height="[\d.]+pt"', body)
    if opening is None:
        raise ValueError(f"the picture {name} does not begin as matplotlib's do")
    root = Markup('<svg class="{}" role="img" aria-label="{}" style="max-width: {}px"').format(
        kind, alt, round(float(opening[1]) * 4 / 3)
    )
    return root + Markup(body[opening.end() :])


def layers(sizes: Sequence[int]) -> list[dict[str, Any]]:
    """Return the layers of a dense network: units, and what leads into them.

    sizes: units of the inputs, of each hidden layer, of the output.
    """
    return [
        {"units": units, "inputs": inputs, "parameters": inputs * units + units}
        for inputs, units in itertools.pairwise(sizes)
    ]


def agreement_source(one: NotebookCheck) -> tuple[str, str]:
    """Return where this run's number behind a quantity of the notebook stands, and its part.

    The part is "0" or "1" for the units of a layer in "50-25", and "100" for a percentage.
    """
    file, key = one.quantity.split(".", 1)
    if key.endswith("_percent"):
        return f"metrics/{file}.json#{key.removesuffix('_percent')}", "percent"
    stem, _, part = key.rpartition(".")
    if part.isdigit():
        return f"metrics/{file}.json#{stem}", part
    return f"metrics/{file}.json#{key}", ""


def drawing(sizes: Sequence[int], most: int = 7) -> dict[str, Any]:
    """Return where the units and lines of a network's drawing are, in units of its view box.

    most: units that are drawn of a layer; of a larger one the middle is left out.
    """
    gap, step, middle = 96, 30, 148
    columns: list[dict[str, Any]] = []
    for number, units in enumerate(sizes):
        shown = min(units, most)
        ys = [middle + step * (place - (shown - 1) / 2) for place in range(shown)]
        if units > most:
            del ys[most // 2]
        columns.append({"x": gap // 2 + gap * number, "ys": ys, "cut": units > most})
    lines = [
        (left["x"], y, right["x"], other)
        for left, right in itertools.pairwise(columns)
        for y, other in itertools.product(left["ys"], right["ys"])
    ]
    return {"width": gap * len(sizes), "columns": columns, "middle": middle, "lines": lines}


def thresholds(sources: Mapping[str, pd.DataFrame]) -> dict[str, dict[str, Any]]:
    """Return by model the labels and probabilities of the test rows, for the page's script.

    sources: by the place of a model's scores, its predictions: row, the label, network, predicted,
    probability. The scores hold the counts at one half.
    """
    result = {}
    for place, table in sources.items():
        for model, item in table.groupby("network", sort=False):
            several = place.endswith("mlp.json#")
            result[str(model)] = {
                "label": item.iloc[:, 1].astype(int).tolist(),
                "probability": item["probability"].tolist(),
                "scores": f"{place}{model}." if several else place,
            }
    return result


def grid(candidates: pd.DataFrame, standard_error: float) -> dict[str, Any]:
    """Return the search as a table of cells: one row per network, a column a learning rate.

    candidates: as the stage grid_search wrote them, one per line. standard_error: of the
    best one's mean; who is no further below it cannot be told apart from it.
    """
    scores = candidates["mean_test_score"]
    span = scores.max() - scores.min()
    folds = candidates.filter(regex=r"^split\d+_test_score$")
    epochs = candidates.filter(regex=r"^split\d+_epochs$")
    cells = {
        (item["hidden_layer_sizes"], item["learning_rate_init"]): {
            "row": row,
            "name": item["candidate"],
            "best": item["rank_test_score"] == 1,
            "close": item["mean_test_score"] >= scores.max() - standard_error,
            # Between a tenth and under a half, so that the text upon it stays readable.
            "heat": round(10 + 35 * (item["mean_test_score"] - scores.min()) / (span or 1)),
            "folds": [f"{score:.4f}" for score in folds.iloc[row]],
            "epochs": epochs.iloc[row].tolist(),
        }
        for row, item in enumerate(candidates.to_dict("records"))
    }
    sizes = list(dict.fromkeys(candidates["hidden_layer_sizes"]))
    rates = list(dict.fromkeys(candidates["learning_rate_init"]))
    return {
        "rates": rates,
        "rows": [(size, [cells.get((size, rate)) for rate in rates]) for size in sizes],
        "folds": range(1, folds.shape[1] + 1),
    }


def matrix(pairs: pd.DataFrame, sentences: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return by first and second model where a pair's line is, its verdict and its sentence.

    pairs: as the stage compare wrote them. sentences: one for each of its lines on all test rows.
    """
    lines = np.flatnonzero(pairs["rows"] == "all")
    result: dict[str, dict[str, Any]] = {}
    for line, text in zip(lines, sentences, strict=True):
        item = {str(name): value for name, value in pairs.iloc[line].items()}
        result.setdefault(item["first"], {})[item["second"]] = {
            "line": line,
            "differ": is_significant(item),
            "sentence": text,
        }
    return result


def followed(
    tables: Mapping[str, pd.DataFrame], curves: Metrics, words: Terms
) -> dict[str, dict[str, Any]]:
    """Return by network its losses and accuracies by epoch and where it might have stopped.

    tables: by network's name in `curves`, as the stage curves wrote them.
    """
    return {
        model: {
            "columns": {str(name): column.tolist() for name, column in table.items()},
            "stops": {
                stop: curves[model][stop]["epoch"] for stop in model_tables.stopped_at(words)
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
    """Return the units of a network's inputs, hidden layers and output, from what metrics tell.

    A category takes an input for each of its values, so the inputs are worked out from the number
    of parameters.
    """
    hidden = list(map(int, network["hidden_layer_sizes"].split("-")))
    outputs = 1 if classes == 2 else classes
    after = sum(layer["parameters"] for layer in layers([*hidden, outputs]))
    return [(network["parameters"] - after) // hidden[0] - 1, *hidden, outputs]


def context(tables: Mapping[str, pd.DataFrame], metrics: Metrics, words: Terms) -> dict[str, Any]:
    """Return what the page's templates name and the report's does not.

    tables: by path, what the stages wrote. metrics: by stage.
    """
    search = metrics["grid_search"]
    sizes = units(metrics["mlp"]["notebook"], len(words.classes))
    pairs, names = tables["data/compare_pairs.csv"], model_tables.model_names(metrics)
    return {
        "notebook_layers": layers(sizes),
        "drawing": drawing(sizes),
        "grid": grid(tables["data/grid_search_results.csv"], search["choice"]["standard_error"]),
        "inputs": sizes[0],
        "words": words,
        "class_columns": model_tables.class_columns(words),
        "extremes_of": model_tables.rarest_and_commonest,
        "heaviest": comparison_section.top_coefficients(tables["plots/importance_coefficients.csv"])
        if words.several
        else {},
        "stops_named": model_tables.stopped_at(words),
        "matrix": matrix(pairs, comparison_section.pair_sentences(pairs, names)),
        "followed": followed(
            {
                "notebook": tables["plots/curves_notebook.csv"],
                "one_hidden_layer": tables["plots/curves_one_hidden_layer.csv"],
            },
            metrics["curves"],
            words,
        ),
        "thresholds": {}
        if words.several
        else thresholds(
            {
                "metrics/logistic.json#": tables["data/logistic_predictions.csv"],
                "metrics/mlp.json#": tables["data/mlp_predictions.csv"],
                "metrics/grid_search.json#": tables["data/grid_search_predictions.csv"],
            }
        ),
    }


def render(
    files: Mapping[str, Content], pictures: Mapping[str, Mapping[str, str]], content: Metrics
) -> str:
    """Return the page as HTML.

    files: by path, what the stage has read. figures: by name, SVG texts of matplotlib with text
    as text. content: what else the template names.
    """
    sources, terms = RunFiles(files), GlossaryLinks(glossary_for(content["words"]))
    environment = markdown.jinja_environment(autoescape=True)
    environment.globals |= {
        "result": sources.result,
        "named": sources.named,
        "value": sources.__getitem__,
        "term": terms,
        "term_id": term_id,
        "sentence": sentence,
        "data": data,
        "picture": partial(_picture, pictures, content["names"]),
        "model_colours": model_styles.css_properties,
        "style_of": model_styles.style_of,
        "source_of": agreement_source,
        "files": files,
        "glossary": terms.entries,
        "asset": _asset,
        "digits_of": lambda text: len(text.partition(".")[2]),
    }
    return environment.get_template("index.html.jinja").render(content)


def _picture(
    pictures: Mapping[str, Mapping[str, str]], models: Collection[str], name: str, alt: str
) -> Markup:
    """Return a figure once for each width of the page; the style sheet shows one of them."""
    drawn = (inline(of_kind[name], name, alt, kind, models) for kind, of_kind in pictures.items())
    return Markup("").join(drawn)


def _asset(name: str) -> Markup:
    """Return a style sheet or a script of the page as it stands."""
    return Markup((TEMPLATES / "page" / name).read_text(encoding="utf-8"))
