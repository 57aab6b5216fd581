"""Markdown tables, and the Jinja environment of both pages."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from winenet.report.terms import capital
from winenet.text import count, plural

TEMPLATES = Path(__file__).parent / "templates"
Metrics = Mapping[str, Any]
Row = tuple[object, ...]


class Table(NamedTuple):
    """A table to show: the names of its columns, and its rows."""

    header: Sequence[str]
    rows: list[Row]


def markdown_table(header: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table; what would break it, or start HTML, is written harmlessly."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(_cell(value) for value in line)} |" for line in lines)


def jinja_environment(*, autoescape: bool) -> Environment:
    """Return the environment of both pages' templates; a name that is missing is an error."""
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
    # The character references of sentences.escape_markdown stay as they are.
    text = re.sub(r"&(?!#\d+;)", "&amp;", str(value)).replace("<", "&lt;").replace("|", "\\|")
    return " ".join(text.split())


def format_tiny(value: float) -> str:
    """Return a tiny difference as a power of ten, and 0 as 0."""
    return f"{value:.0e}" if value else "0"
