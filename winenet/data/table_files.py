"""Read and write the tables of the stages ingest and split."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from winenet.data import column_format, schema
from winenet.data.preprocessing import SCALING, Preprocessing
from winenet.data.schema import Schema
from winenet.files import (
    FileError,
    damaged_message,
    read_csv,
    read_metrics,
    read_table,
    write_atomic,
)


def read_schema(path: str) -> Schema:
    """Read what the stage ingest wrote of the table.

    Raises FileError if the file is missing or is not such a JSON file.
    """
    try:
        return schema.from_json(read_metrics(path))
    except (LookupError, TypeError, ValueError) as error:
        raise FileError(damaged_message(path, "schema", str(error))) from None


def read_raw_table(path: str, kinds: Mapping[str, str]) -> pd.DataFrame:
    """Read the table of raw rows: an empty cell is a gap, and a category is text, even `NA`.

    kinds: by column, "number" or "category". Raises FileError as `read_table` does.
    """
    texts = {name: "str" for name, kind in kinds.items() if kind == "category"}
    return read_csv(path, dtype=texts, keep_default_na=False, na_values=[""])


def write_preprocessing(path: str, preprocessing: Preprocessing) -> None:
    """Write a preprocessing as JSON; a float is the shortest text that reads back to the same."""
    content = dataclasses.asdict(preprocessing)
    content |= {name: getattr(preprocessing, name).tolist() for name in SCALING}
    content["formats"] = column_format.all_as_json(preprocessing.formats)
    text = json.dumps(content, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False)
    write_atomic(path, f"{text}\n".encode())


def read_preprocessing(path: str) -> Preprocessing:
    """Read the preprocessing that the split stage wrote.

    Raises FileError if the file is missing or is not such a JSON file.
    """
    content = read_metrics(path)
    try:
        scaling = {name: np.array(content.pop(name), dtype=np.float64) for name in SCALING}
        formats = {"formats": column_format.all_from_json(content.pop("formats"))}
        scaled: dict[str, Any] = content | scaling | formats
        return Preprocessing(**scaled)
    except (TypeError, KeyError, ValueError) as error:
        raise FileError(damaged_message(path, "preprocessing", str(error))) from None


def read_labels(path: str) -> pd.Series:
    """Read a table of one column, the labels."""
    return read_table(path).iloc[:, 0]


def read_split_rows(path: str, part: str) -> pd.DataFrame:
    """Read where the rows of a set come from, in the order of its tables: row, group, in_training.

    part: "train" or "test". row: the number in data/table.csv. group: that of the first row with
    the same features. in_training: whether the training set has a row with the same features.
    """
    rows = _with_columns(path, ("set", "row", "group", "in_training"))
    return rows[rows["set"] == part].drop(columns="set").reset_index(drop=True)


def _with_columns(path: str, columns: tuple[str, ...]) -> pd.DataFrame:
    """Read a table that must have these columns."""
    table = read_table(path)
    missing = [name for name in columns if name not in table]
    if missing:
        text = f"it has no column {', '.join(missing)}"
        raise FileError(damaged_message(path, f"table of {', '.join(columns)}", text))
    return table
