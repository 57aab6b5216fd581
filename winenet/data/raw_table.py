"""Check and join the raw files. All their faults are reported at once."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from winenet.data import raw_file
from winenet.data.raw_file import DataError as DataError
from winenet.data.schema import Schema
from winenet.errors import preview, safe_text, short_repr
from winenet.params import Ingest
from winenet.text import count

RAW_FOLDER = "data/raw"
MAX_CATEGORIES = 1_000  # of a category; each becomes an input of the networks


class RawTable(NamedTuple):
    """The raw files' rows, and what the classes are called in them.

    table: the features in the order of params.yaml, and in the last column the class, a whole
    number from 0 up; of two the positive one is 1. labels: by class.
    """

    table: pd.DataFrame
    labels: list[str]


def read_raw(folder: str, settings: Ingest) -> RawTable:
    """Read, check and join the raw files, in the order of `settings.files`.

    Raises DataError, which names every fault of every file.
    """
    frames: list[pd.DataFrame] = []
    faults: list[str] = []
    for file in settings.files:
        result, frame = raw_file.read(f"{folder}/{file.name}", settings, file.label)
        faults += [f"{folder}/{file.name}: {fault}" for fault in result]
        frames.append(frame)
    if faults:
        raise DataError(
            f"The raw files have {count(len(faults), 'fault')}, so no table "
            "was made:\n"
            + "\n".join(f"  {fault}" for fault in faults)
            + f"\nCorrect the files in {folder} (`git checkout -- {folder}` restores the committed "
            "ones), or change what is expected under `ingest` in params.yaml."
        )
    table = frames.pop() if len(frames) == 1 else pd.concat(frames, ignore_index=True)
    _check_levels(table, settings)
    labels = _labels(table[settings.target], settings)
    codes = pd.Index(labels).get_indexer(pd.Index(table[settings.target])).astype(np.int64)
    table[settings.target] = codes
    return RawTable(table, labels)


def make_schema(settings: Ingest, labels: list[str]) -> Schema:
    """Return what a table is that was read as params.yaml says. labels: by class."""
    words = settings.display_names
    names = {} if words is None else words.classes
    return Schema(
        target=settings.target,
        labels=labels,
        kinds=settings.kinds,
        row="row" if words is None else words.row,
        rows="rows" if words is None else words.rows,
        names=[names.get(label, label) for label in labels],
    )


def _labels(column: pd.Series, settings: Ingest) -> list[str]:
    """Return the labels in the order of their classes; the positive one is the last of two."""
    counts = column.value_counts()
    if len(counts) > MAX_CATEGORIES:
        raise DataError(
            f"Column '{settings.target}' has {len(counts):,} labels "
            f"({preview(list(map(str, counts.index)))}), so it looks like a number or a name and "
            f"no class. At most {MAX_CATEGORIES:,} are supported. Change ingest.target in "
            "params.yaml."
        )
    if len(counts) < 2 or counts.min() < 2:
        rare = list(counts.items()) if len(counts) < 6 else [*counts.items()][-5:]
        text = ", ".join(f"{count} of class {safe_text(str(label))}" for label, count in rare)
        text += f" and {len(counts) - 5:,} more classes" if len(counts) > 5 else ""
        raise DataError(
            f"The table has {text}, so it cannot be split. It needs "
            f"{'both classes' if len(counts) < 3 else 'several classes'}, with at least "
            f"two rows each. Change `ingest.files` in params.yaml or the files in {RAW_FOLDER} "
            f"({', '.join(file.name for file in settings.files)})."
        )
    labels = sorted(map(str, counts.index), key=_in_order)
    _check_no_html(settings.target, labels)
    positive = None if settings.positive_label is None else str(settings.positive_label)
    if len(labels) > 2:
        if positive is not None:
            raise DataError(
                f"ingest.positive_label is {short_repr(positive)}, but column '{settings.target}' "
                f"has {len(labels)} labels ({preview(labels)}), so none of them is the positive "
                "one. Set ingest.positive_label to null in params.yaml, or join the others to one "
                "label."
            )
        return labels
    if positive not in labels:
        given = "null" if positive is None else short_repr(positive)
        raise DataError(
            f"ingest.positive_label is {given}, but the labels of '{settings.target}' are "
            f"{preview(labels)}, so it is open which of the two is class 1. "
            "Set ingest.positive_label in params.yaml to one of them."
        )
    return sorted(labels, key=lambda label: label == positive)


def _in_order(label: str) -> tuple[bool, int, str]:
    """Return a key that sorts whole numbers by their value, before texts."""
    number = label.removeprefix("-").isdecimal() and len(label) < 19
    return (not number, int(label) if number else 0, label)


def sort_classes(labels: Iterable[str], positive: str | None) -> list[str]:
    """Return labels in the order of their classes, from 0 up; the positive one is the last."""
    return sorted(sorted(labels, key=_in_order), key=lambda label: label == positive)


def _check_levels(table: pd.DataFrame, settings: Ingest) -> None:
    """Raise DataError for a text column that is not a category, or that has no value at all."""
    for name, kind in settings.kinds.items():
        if table[name].isna().all():
            raise DataError(
                f"Column '{name}' has no value in any row, so nothing can be learnt from it. "
                "Move it from ingest.columns to ingest.drop_columns in params.yaml."
            )
        if kind == "category":
            _check_no_html(name, table[name].dropna().unique())
        levels = table[name].nunique() if kind == "category" else 0
        if levels > MAX_CATEGORIES:
            raise DataError(
                f"Column '{name}' has {levels:,} different texts in {len(table):,} rows, and each "
                f"would become an input of its own; a category has at most {MAX_CATEGORIES:,}. It "
                "may be a name or an id: move it from ingest.columns to ingest.drop_columns in "
                "params.yaml, or join rare texts in the raw file."
            )


def _check_no_html(name: str, texts: Iterable[str]) -> None:
    """Raise DataError for a label or level that a page would run."""
    for text in texts:
        if "</" in text or "<!--" in text:
            raise DataError(
                f"Column '{name}' has the text {short_repr(text)}, which the page of `dvc plots` "
                "would run: no text of a category or label holds </ or <!--. Write another text "
                "in the raw file."
            )


def unlisted_files(folder: str, settings: Ingest) -> list[str]:
    """Return the names of files in the raw folder that params.yaml does not mention."""
    listed = {file.name for file in settings.files}
    return sorted(path.name for path in Path(folder).iterdir() if path.name not in listed)


def count_duplicates(table: pd.DataFrame) -> int:
    """Count the rows that equal an earlier row in all columns."""
    return int(table.duplicated().sum())
