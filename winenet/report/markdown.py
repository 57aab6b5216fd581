"""Sets a run beside the notebook, tests the notebook's claims on it, and writes the page.

Every verdict is computed from the run's own numbers, so it changes when they do.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from winenet.report import sentences
from winenet.report.terms import capital
from winenet.text import count, plural

TEMPLATES = Path(__file__).parent / "templates"
Metrics = Mapping[str, Any]
Row = tuple[object, ...]


def markdown_table(header: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table; what would break it, or start HTML, is written harmlessly."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(_cell(value) for value in line)} |" for line in lines)


def render(content: Mapping[str, Any]) -> str:
    """Return the report as Markdown. content: what the template names; nothing may be missing."""
    # The page is Markdown; `markdown` takes care of what stands in cells.
    own = jinja_environment(autoescape=False)
    own.globals["table"] = markdown_table
    own.filters |= {
        "small": _small,
        "code": sentences.inline_code,
        "literal": sentences.escape_markdown,
    }
    return own.get_template("report.md.jinja").render(content)


def jinja_environment(*, autoescape: bool) -> Environment:
    """Return what both pages' templates are read by; a name that is missing is an error."""
    own = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=autoescape,
    )
    own.filters["capital"] = capital
    own.globals |= {"count": count, "plural": plural}
    return own


def _cell(value: object) -> str:
    # What verdicts.literal wrote stays as it is.
    text = re.sub(r"&(?!#\d+;)", "&amp;", str(value)).replace("<", "&lt;").replace("|", "\\|")
    return " ".join(text.split())


def _small(value: float) -> str:
    """Return a tiny difference as a power of ten, and none at all as 0."""
    return f"{value:.0e}" if value else "0"
