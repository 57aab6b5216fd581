"""Schema of a table: its columns, its classes, and their display names.

The stage ingest writes it as data/schema.json; the stages after it need no params.yaml for that.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from winenet.data import column_format
from winenet.data.column_format import ColumnFormat
from winenet.errors import InputError, did_you_mean, short_repr


class DropFeaturesError(InputError):
    """A feature that is to be left out is none, or the only one."""


@dataclass(frozen=True)
class Schema:
    """The table behind the pipeline.

    Attributes
    ----------
    target : str
        The name of the label's column.
    labels : list of str
        By class, as the raw files write them.
    kinds : dict of str to str
        By feature, "number" or "category", in the table's order.
    formats : dict of str to ColumnFormat
        By raw column, how its cells are read.
    row, rows : str
        What the pages call one row and several.
    names : list of str
        By class, what the pages call it.
    """

    target: str
    labels: list[str]
    kinds: dict[str, str]
    formats: dict[str, ColumnFormat]
    row: str
    rows: str
    names: list[str]


def features_of(formats: Mapping[str, ColumnFormat]) -> dict[str, str]:
    """Return the kind of each feature, "number" or "category", in the columns' order.

    Parameters
    ----------
    formats : mapping of str to ColumnFormat
        By raw column.
    """
    kinds: dict[str, str] = {}
    for name, how in formats.items():
        kinds |= how.features(name)
    return kinds


def as_json(schema: Schema) -> dict[str, Any]:
    """Return the content of data/schema.json; the columns are a list, since their order counts."""
    return {
        "target": schema.target,
        "classes": schema.labels,
        "columns": column_format.all_as_json(schema.formats),
        "words": {"row": schema.row, "rows": schema.rows, "classes": schema.names},
    }


def from_json(content: dict[str, Any]) -> Schema:
    """Return the schema that `as_json` wrote.

    Raises LookupError, TypeError or ValueError if the content is anything else.
    """
    words = content["words"]
    formats = column_format.all_from_json(content["columns"])
    result = Schema(
        target=content["target"],
        labels=content["classes"],
        kinds=features_of(formats),
        formats=formats,
        row=words["row"],
        rows=words["rows"],
        names=words["classes"],
    )
    for texts in (result.labels, result.names, [result.target, result.row, result.rows]):
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise TypeError(f"it holds {short_repr(texts)} in place of texts")
    if len(result.labels) != len(result.names) or len(result.labels) < 2:
        raise ValueError(
            f"it has {len(result.labels)} labels and {len(result.names)} words for them"
        )
    return result


def check_drop_features(drop_features: list[str], features: list[str]) -> None:
    """Raise DropFeaturesError if a feature is not in the table, or when it is the only one."""
    unknown = [name for name in drop_features if name not in features]
    if unknown:
        raise DropFeaturesError(
            f"importance.drop_features names '{unknown[0]}', so no model can be trained without "
            f"it: it is none of the {len(features)} "
            f"features{did_you_mean(unknown[0], features) or '.'} Change importance.drop_features "
            "in params.yaml; [] leaves out none."
        )
    if drop_features and len(features) == 1:
        raise DropFeaturesError(
            f"importance.drop_features names '{drop_features[0]}', the only feature, so nothing "
            "would be left to train on. Change importance.drop_features in params.yaml; [] leaves "
            "out none."
        )
