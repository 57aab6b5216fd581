"""Render params.yaml and README.md of a new folder."""

import dataclasses
import json
import os
import re
import tempfile
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path

import jinja2
import yaml

from winenet import params, yaml12
from winenet.data.dialect import is_plain_number
from winenet.data.number_format import NumberFormat
from winenet.errors import short_repr
from winenet.init.infer import InferredConfig
from winenet.init.infer_column import InferredColumn
from winenet.init.pipeline_files import mermaid
from winenet.init.read_tables import InitError
from winenet.text import count

TEMPLATE_DIR = Path(__file__).parents[2] / "tools/starter"
# A text that YAML 1.1 and 1.2 read as itself without quotes, unless it is a keyword.
PLAIN_YAML_SCALAR = re.compile(r"[A-Za-z_][\w ./()%-]*[\w)%]|[A-Za-z_]", re.ASCII)
YAML_KEYWORDS = re.compile(r"(?:true|false|null|yes|no|on|off|y|n|inf|nan)", re.IGNORECASE)
EPOCHS = {"large": 100, "small": 500, "tiny": 2000}  # a tiny table has few updates per epoch
SMALL_TABLE_ROWS = 1_000  # rows
RARE = 0.1  # fraction of the rows below which the classes are weighted


def params_text(found: InferredConfig) -> str:
    """Return the text of params.yaml, with comments that give the reasons.

    Parameters
    ----------
    found
        What was inferred from the tables.

    Returns
    -------
    str
        The text.

    Raises
    ------
    InitError
        If it is too long or does not fit the schema.
    """
    text = _rendered(found)
    if len(text.encode()) > yaml12.MAX_BYTES:  # thousands of columns: without what was seen
        kinds = {name: InferredColumn(column.how, "") for name, column in found.columns.items()}
        text = _rendered(dataclasses.replace(found, columns=kinds))
        if len(text.encode()) > yaml12.MAX_BYTES:
            text = _rendered(dataclasses.replace(found, columns=_patterns(kinds, found.na_values)))
    if len(text.encode()) > yaml12.MAX_BYTES:
        raise InitError(
            f"{len(found.columns) + len(found.drop_columns):,} columns make a params.yaml of "
            f"{len(text.encode()):,} bytes, and at most {yaml12.MAX_BYTES:,} are read. Take "
            "columns out of the table."
        )
    with tempfile.TemporaryDirectory(prefix="winenet-init-") as folder:
        path = Path(folder) / "params.yaml"
        path.write_text(text, encoding="utf-8", newline="\n")
        try:
            params.load(str(path))
        except params.ParamsError as error:
            message = str(error).replace(str(path), "params.yaml")
            raise InitError(
                f"No folder was made, for the params would be refused. {message}"
            ) from None
    return text


def _rendered(found: InferredConfig) -> str:
    """Return params.yaml filled in from its template."""
    size = "large" if found.large else "small" if found.rows >= SMALL_TABLE_ROWS else "tiny"
    rare = min(found.labels.values()) < RARE * found.rows
    return _template("params.yaml", found).render(
        rare=rare,
        chance=int(1e4 / len(found.labels)) / 1e4,
        guess=found,
        settings=found.settings,
        epochs=EPOCHS[size],
        floor=int(found.settings.floor * 1e4) / 1e4,
    )


def readme(found: InferredConfig, graph: str, name: str) -> str:
    """Return the text of README.md.

    Parameters
    ----------
    found
        What was inferred from the tables.
    graph
        The text of the new folder's dvc.yaml.
    name
        The name of the new folder.

    Returns
    -------
    str
        The text.
    """
    stages = yaml.safe_load(graph)["stages"]
    tables = [f"`{file.path.name}`" for file in found.files]
    return _template("README.md", found).render(
        name=name,
        guess=found,
        tables=" and ".join(tables),
        columns=count(len(found.columns), "column"),
        graph=mermaid(stages),
        stages={stage: content["desc"] for stage, content in stages.items()},
    )


def _template(name: str, found: InferredConfig) -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATE_DIR),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "yaml": _scalar,
        "label": _label,
        "label_counts": label_counts,
        "column_lines": lambda columns: _column_lines(columns, found.na_values),
        "left_out": _left_out,
        "thousands": lambda number: f"{number:,}",
    }
    return environment.get_template(f"{name}.jinja")


def _scalar(value: object) -> str:
    """Return a text or a list in YAML, in quotes where YAML 1.1 and 1.2 could differ."""
    if isinstance(value, list):
        return f"[{', '.join(map(_scalar, value))}]"
    if (
        isinstance(value, str)
        and PLAIN_YAML_SCALAR.fullmatch(value)
        and not YAML_KEYWORDS.fullmatch(value)
    ):
        return value
    return json.dumps(value, ensure_ascii=False)


def _label(text: str) -> str:
    """Return a label in YAML: 1 as a whole number, everything else as a text."""
    return text if re.fullmatch(r"0|-?[1-9]\d{0,17}", text, re.ASCII) else _scalar(text)


def label_counts(labels: Mapping[str, int]) -> str:
    """Return the labels with their numbers of rows: "a (100), b (50)".

    Parameters
    ----------
    labels
        Rows by label.

    Returns
    -------
    str
        At most six labels, and how many more there are.
    """
    text = [f"{_word(label)} ({rows:,})" for label, rows in labels.items()]
    return ", ".join(text[:6]) + (f", ... {len(text) - 6} more" if len(text) > 6 else "")


def _word(text: str) -> str:
    is_plain = PLAIN_YAML_SCALAR.fullmatch(text) or text.isalnum() or is_plain_number(text)
    return text if is_plain else short_repr(text)


def _column_lines(columns: Mapping[str, InferredColumn], na_values: Collection[str]) -> list[str]:
    """Return a line per column: how it is read, and a comment that says what it holds."""
    return _commented(
        {
            f"{_scalar(name)}: {_column(column, na_values)}": column.seen
            for name, column in columns.items()
        }
    )


def _patterns(
    columns: Mapping[str, InferredColumn], na_values: Collection[str]
) -> dict[str, InferredColumn]:
    """Return the columns with one pattern in place of all that are read in the commonest way."""
    how = {name: _column(column, na_values) for name, column in columns.items()}
    commonest = Counter(how.values()).most_common(1)[0][0]
    names = [name for name in columns if how[name] == commonest]
    shared = os.path.commonprefix(names)  # noqa: RUF071 - of texts, not of paths
    prefix = re.split(r"[*?[]", shared)[0]
    others = {name: column for name, column in columns.items() if how[name] != commonest}
    return {f"{prefix}*": columns[names[0]], **others}


def _column(column: InferredColumn, na_values: Collection[str]) -> str:
    """Return how a column is read, in YAML: a word, or a mapping in one line.

    na_values: the texts for a gap of all columns.
    """
    how = column.how
    assert how is not None
    content: dict[str, object] = {"type": how.kind}
    usual = NumberFormat()
    for name in ("decimal", "thousands", "unit", "parentheses", "limits"):
        value = getattr(how.number, name)
        if value != getattr(usual, name):
            content[name] = value
    if how.date is not None:
        content |= {"format": how.date.pattern, "parts": list(how.date.parts)}
        content |= {"origin": how.date.origin}
    own = [text for text in how.na_values if text not in na_values]
    if own or column.levels & {*na_values}:
        content["na_values"] = [*([""] if "" in na_values else []), *how.na_values]
    if len(content) == 1:
        return how.kind
    return f"{{{', '.join(f'{name}: {_scalar(value)}' for name, value in content.items())}}}"


def _left_out(columns: Mapping[str, str]) -> list[str]:
    """Return a line per column: its name, and a comment that says why it is not used."""
    return _commented({_scalar(name): why for name, why in columns.items()})


def _commented(lines: Mapping[str, str]) -> list[str]:
    """Return the lines with their comments aligned."""
    width = min(max(map(len, lines), default=0), 40)
    return [f"{line:<{width}}  # {comment}" if comment else line for line, comment in lines.items()]
