"""Elements of the page: values with sources, terms, sentences, figures, data of its script."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from markdown_it import MarkdownIt
from markupsafe import Markup, escape

from winenet.report import plotting
from winenet.report.model_styles import ModelStyle

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
        text = format_value(self[source], digits, significant, scale, signed)
        if not grouped:
            text = text.replace(",", "")
        return Markup("<span{}>{}</span>").format(message, text)

    def named(self, source: str, names: Sequence[str]) -> Markup:
        """Return a class by its name, in an element that names the source of its code."""
        code = int(self[source])
        own = Markup("") if names[code] == str(code) else Markup(' data-code="{}"').format(code)
        return Markup('<span data-source="{}"{}>{}</span>').format(source, own, names[code])


def format_value(
    value: Any, digits: int | None, significant: int | None, scale: int, signed: bool
) -> str:
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


def data(content: object, name: str) -> Markup:
    """Return content for a script, as JSON that no text in it can end."""
    text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup('<script type="application/json" id="{}">{}</script>').format(name, Markup(text))
