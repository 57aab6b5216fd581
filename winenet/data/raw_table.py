"""Check and join the raw files. All their faults are reported at once."""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from winenet.data import raw_file
from winenet.data.dialect import is_plain_number
from winenet.data.raw_columns import RawColumn
from winenet.data.raw_file import DataError as DataError
from winenet.data.raw_file import RawFile
from winenet.data.schema import Schema, features_of
from winenet.errors import preview, safe_text, short_repr
from winenet.params import Ingest
from winenet.params_fields import FORMULA
from winenet.text import count

RAW_FOLDER = "data/raw"
CLASSES_SHOWN = 20  # of the rare ones, in a message
MAX_CATEGORIES = 1_000  # of a category; each becomes an input of the networks


class RawTable(NamedTuple):
    """The raw files' rows that have a label, joined.

    Attributes
    ----------
    table : DataFrame of shape (rows, features and the target)
        The target as text; from `read_raw` as a class, a whole number from 0 up in the last column,
        of two classes 1 for the positive one.
    labels : list of str
        By class; from `read_rows` none.
    columns : dict of str to RawColumn
        How each raw column was read.
    notes : list of str
        What was left out, joined or skipped, in words.
    dropped : dict of str to int
        Rows that were left out, by reason: "unlabelled" and "rare_classes".
    location : callable
        Returns where a row of the table stands, in words; rows count from 0.
    """

    table: pd.DataFrame
    labels: list[str]
    columns: dict[str, RawColumn]
    notes: list[str]
    dropped: dict[str, int]
    location: Callable[[int], str]


def read_raw(folder: str, settings: Ingest) -> RawTable:
    """Read, check and join the raw files, in the order of `settings.files`.

    Raises DataError, which names every fault of every file in the folder.
    """
    raw = read_rows(folder, settings)
    _check_levels(raw.table, raw.columns)
    labels = _labels(raw.table[settings.target], settings)
    codes = pd.Index(labels).get_indexer(pd.Index(raw.table[settings.target]))
    raw.table[settings.target] = codes.astype(np.int64)
    return raw._replace(labels=labels)


def read_rows(folder: str, settings: Ingest) -> RawTable:
    """Read and join the raw files; leave out rows without a label or of rare classes.

    Raises DataError, which names every fault of every file in the folder.
    """
    files = {
        f"{folder}/{file.name}": raw_file.read(str(Path(folder, file.name)), settings, file.label)
        for file in settings.files
    }
    _raise_faults(folder, files)
    table = pd.concat([file.table for file in files.values()], ignore_index=True)
    table = table.astype({name: np.int64 for name in table if _is_whole(table[name])})
    table, notes = _with_classes(table, settings)
    unlabelled = sum(file.unlabelled for file in files.values())
    if unlabelled:
        notes.insert(0, f"{count(unlabelled, 'row')} without a label left out")
    labelled = sum(len(file.table) for file in files.values())
    return RawTable(
        table.reset_index(drop=True),
        [],
        next(iter(files.values())).columns,
        [*(f"{path}: {note}" for path, file in files.items() for note in file.notes), *notes],
        {"unlabelled": unlabelled, "rare_classes": labelled - len(table)},
        _locations(files, table.index.to_numpy()),
    )


def _raise_faults(folder: str, files: Mapping[str, RawFile]) -> None:
    """Raise DataError for files with faults, or in which a pattern matches other columns."""
    first, *_ = files
    columns = files[first].columns.keys()
    faults = [f"{path}: {fault}" for path, file in files.items() for fault in file.faults]
    faults = faults or [
        f"{path}: a pattern of `ingest.columns` matches other columns than in "
        f"{Path(first).name} ({preview(sorted(file.columns.keys() ^ columns))})"
        for path, file in files.items()
        if file.columns.keys() != columns
    ]
    if not faults:
        return
    # What was found and skipped in these files may be the reason.
    notes = [
        f"{path}: note: {note}"
        for path in files
        if files[path].faults
        for note in files[path].notes
    ]
    raise DataError(
        f"The raw files have {count(len(faults), 'fault')}, so no table was made:\n"
        + "".join(f"  {line}\n" for line in [*faults, *notes])
        + f"Correct the files in {folder} (`git checkout -- {folder}` restores the committed "
        "ones), or change what is expected under `ingest` in params.yaml."
    )


def _with_classes(table: pd.DataFrame, settings: Ingest) -> tuple[pd.DataFrame, list[str]]:
    """Return the rows with labels of which each is a class; and what was changed, in words."""
    labels = join_equal_numbers(table[settings.target])
    joined = sorted({*table[settings.target]} - {*labels})
    notes = []
    if joined:
        notes.append(
            f"labels that are the same number as another are read as that: {preview(joined)}"
        )
    table, note = treat_rare_classes(
        table.assign(**{settings.target: labels}),
        settings.target,
        settings.min_class_rows,
        settings.rare_classes,
    )
    return table, [*notes, *([note] if note else [])]


def _locations(
    files: Mapping[str, RawFile], joined_rows: npt.NDArray[np.intp]
) -> Callable[[int], str]:
    """Return what says where a row of the table stands. joined_rows: of the files' joined rows."""
    # Not the files themselves: they would stay in memory.
    of_file = [(path, file.location) for path, file in files.items()]
    file_of_row = np.repeat(range(len(files)), [len(file.table) for file in files.values()])
    row_of_file = np.concatenate([file.table.index for file in files.values()])

    def location(row: int) -> str:
        joined_row = joined_rows[row]
        path, location_in_file = of_file[file_of_row[joined_row]]
        return f"{path}: {location_in_file(int(row_of_file[joined_row]))}"

    return location


def _is_whole(column: pd.Series) -> bool:
    """Return whether a column holds whole numbers alone, which are written without a point."""
    if column.dtype != np.float64:
        return False
    numbers = column.to_numpy()
    is_exact = (numbers == np.rint(numbers)) & (np.abs(numbers) < 2**53)
    return bool((is_exact & ~((numbers == 0) & np.signbit(numbers))).all())


def join_equal_numbers(labels: pd.Series) -> pd.Series:
    """Give labels that are the same number one text, the shortest: 0 for 0.0.

    Parameters
    ----------
    labels : Series of str, shape (rows,)

    Returns
    -------
    Series of str, shape (rows,)
        The same labels, if one of them is no number.
    """
    by_number: dict[Decimal, list[str]] = {}  # a float would join ids of 19 digits
    for label in map(str, labels.unique()):
        if not is_plain_number(label):
            return labels
        by_number.setdefault(Decimal(label), []).append(label)
    names = {
        label: min(alike, key=lambda label: (len(label), label))
        for alike in by_number.values()
        for label in alike
    }
    if all(old == new for old, new in names.items()):
        return labels
    return labels.map(names).astype("str")


def treat_rare_classes(
    table: pd.DataFrame,
    target: str,
    min_rows: int,
    treatment: str,
    key: str = "ingest.rare_classes:",
) -> tuple[pd.DataFrame, str]:
    """Leave out or join the classes of few rows.

    Parameters
    ----------
    table : DataFrame of shape (rows, columns)
    target : str
        The column of the labels.
    min_rows : int
        Rows that a class needs.
    treatment : str
        "refuse", "drop" or "merge=LABEL".
    key : str
        Where the treatment is given, for the message.

    Returns
    -------
    tuple of DataFrame and str
        The table, and what was done, in words; empty if nothing was.

    Raises
    ------
    DataError
        If there are rare classes that are to be refused, or the treatment leaves no two classes of
        enough rows.
    """
    counts = table[target].value_counts()
    rare = counts[counts < min_rows]
    if not len(rare):
        return table, ""
    listed = ", ".join(
        f"{short_repr(str(label))} {rows}" for label, rows in list(rare.items())[:CLASSES_SHOWN]
    )
    listed += f" and {len(rare) - CLASSES_SHOWN} more" if len(rare) > CLASSES_SHOWN else ""
    is_rare = table[target].isin(rare.index)
    classes, rows = count(len(rare), "class", "classes"), count(int(is_rare.sum()), "row")
    dropped = table[~is_rare]
    name = treatment.removeprefix("merge=") if treatment.startswith("merge=") else "other"
    merged = table.assign(**{target: table[target].mask(is_rare, name)})
    if treatment == "drop" and _are_classes(dropped[target], min_rows):
        return dropped, f"{classes} of fewer than {min_rows} rows left out: {rows} ({listed})"
    if treatment == f"merge={name}" and _are_classes(merged[target], min_rows):
        return merged, (
            f"{classes} of fewer than {min_rows} rows joined to {short_repr(name)}: {rows} "
            f"({listed})"
        )
    cures = []
    if _are_classes(dropped[target], min_rows):
        cures.append(f"`{key} drop` leaves them out")
    if _are_classes(merged[target], min_rows):
        cures.append(f"`{key} merge={name}` joins them")
    remaining = count(len(counts) - len(rare), "class", "classes")
    raise DataError(
        f"Column '{target}' has {classes} of fewer than {min_rows} rows ({listed}), too few to be "
        f"split. Without them {remaining} and {count(len(dropped), 'row')} are left"
        f"{'' if treatment == 'refuse' else f', so that `{key} {treatment}` does not help'}. "
        f"{', '.join(cures)}{'; or add rows.' if cures else 'Add rows, or choose another target.'}"
    )


def _are_classes(labels: pd.Series, min_rows: int) -> bool:
    """Return whether labels are those of two classes or more, each of enough rows."""
    counts = labels.value_counts()
    return len(counts) > 1 and int(counts.min()) >= min_rows


def make_schema(settings: Ingest, labels: list[str], columns: Mapping[str, RawColumn]) -> Schema:
    """Return what a table is that was read as params.yaml says.

    Parameters
    ----------
    settings : Ingest
    labels : list of str
        By class.
    columns : mapping of str to RawColumn
        As `read_raw` returns them.
    """
    words = settings.display_names
    names = {} if words is None else words.classes
    formats = {name: column.how for name, column in columns.items()}
    return Schema(
        target=settings.target,
        labels=labels,
        kinds=features_of(formats),
        formats=formats,
        row="row" if words is None else words.row,
        rows="rows" if words is None else words.rows,
        names=[names.get(label, label) for label in labels],
    )


def treatment(settings: Ingest, raw: RawTable) -> dict[str, Any]:
    """Return what became of the raw files, as metrics; of what did not happen, nothing.

    Returns
    -------
    dict
        missing: gaps by kind and raw column. dates: by raw column, the features that it became.
        left_out: raw columns. dropped_rows: rows by reason.
    """
    missing: dict[str, dict[str, int]] = {}
    features = {name: list(column.how.features(name)) for name, column in raw.columns.items()}
    for name, column in raw.columns.items():
        gaps = int(raw.table[features[name][0]].isna().sum())
        if gaps:
            missing.setdefault(column.how.kind, {})[name] = gaps
    facts = {
        "missing": missing,
        "dates": {name: features[name] for name, column in raw.columns.items() if column.how.date},
        "left_out": list(settings.drop_columns),
        "dropped_rows": {reason: rows for reason, rows in raw.dropped.items() if rows},
    }
    return {name: content for name, content in facts.items() if content}


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
    if len(counts) < 2:
        label = safe_text(str(counts.index[0]))
        raise DataError(
            f"The table has {count(int(counts.iloc[0]), 'row')} of class {label} and no other "
            "class, so there is nothing to tell apart. Change `ingest.files` in params.yaml or the "
            f"files in {RAW_FOLDER} ({', '.join(file.name for file in settings.files)})."
        )
    labels = sorted(map(str, counts.index), key=_in_order)
    _check_no_html(settings.target, labels)
    _check_no_formula(settings.target, labels)
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
    positive = next((label for label in labels if _is_equal(label, positive)), positive)
    if positive not in labels:
        given = "null" if positive is None else short_repr(positive)
        raise DataError(
            f"ingest.positive_label is {given}, but the labels of '{settings.target}' are "
            f"{preview(labels)}, so it is open which of the two is class 1. "
            "Set ingest.positive_label in params.yaml to one of them."
        )
    return sorted(labels, key=lambda label: label == positive)


def _is_equal(label: str, positive: str | None) -> bool:
    """Return whether a label is the positive one; numbers compare as numbers."""
    if positive is None or not (is_plain_number(label) and is_plain_number(positive)):
        return label == positive
    return Decimal(label) == Decimal(positive)


def _in_order(label: str) -> tuple[bool, int, str]:
    """Return a key that sorts whole numbers by their value, before texts."""
    number = label.removeprefix("-").isdecimal() and len(label) < 19
    return (not number, int(label) if number else 0, label)


def sort_classes(labels: Iterable[str], positive: str | None) -> list[str]:
    """Return labels in the order of their classes, from 0 up; the positive one is the last."""
    return sorted(sorted(labels, key=_in_order), key=lambda label: label == positive)


def _check_levels(table: pd.DataFrame, columns: Mapping[str, RawColumn]) -> None:
    """Raise DataError for a text column that is not a category, or that has no value at all."""
    for name, kind in features_of({name: column.how for name, column in columns.items()}).items():
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


def _check_no_formula(name: str, labels: Iterable[str]) -> None:
    """Raise DataError for a label that a spreadsheet would take for a formula."""
    for label in labels:
        if FORMULA.search(label) and not is_plain_number(label):
            raise DataError(
                f"Column '{name}' has the label {short_repr(label)}, which a spreadsheet would run "
                "as a formula when it opens the predictions. Write another text in the raw file."
            )


def unlisted_files(folder: str, settings: Ingest) -> list[str]:
    """Return the names of files in the raw folder that params.yaml does not mention."""
    listed = {file.name for file in settings.files}
    return sorted(path.name for path in Path(folder).iterdir() if path.name not in listed)


def count_duplicates(table: pd.DataFrame) -> int:
    """Count the rows that equal an earlier row in all columns."""
    return int(table.duplicated().sum())
