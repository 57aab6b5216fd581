"""Checks, joins and splits tables. Every fault of a raw file is told at once."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.model_selection import train_test_split

from winenet import rawfile
from winenet.errors import did_you_mean, printable, shown, some
from winenet.params import Curves, Ingest, LearningCurve, Split
from winenet.rawfile import DataError as DataError
from winenet.schema import Schema

RAW_FOLDER = "data/raw"
MOST_LEVELS = 1_000  # of a category; each becomes an input of the networks
Labels = Sequence[str] | None  # by class, as the raw files write them; None: the class itself


class Parts(NamedTuple):
    """A table cut in two: features and labels of either set, with the table's row numbers."""

    X_train: pd.DataFrame
    X_test: pd.DataFrame
    y_train: pd.Series
    y_test: pd.Series


class Raw(NamedTuple):
    """The raw files' rows, and what the classes are called in them.

    table: the features in the order of params.yaml, and in the last column the class, a whole
    number from 0 up; of two the positive one is 1. labels: by class.
    """

    table: pd.DataFrame
    labels: list[str]


def read_raw(folder: str, settings: Ingest) -> Raw:
    """Read, check and join the raw files, in the order of `settings.files`.

    Raises DataError, which names every fault of every file.
    """
    frames: list[pd.DataFrame] = []
    faults: list[str] = []
    for file in settings.files:
        found, frame = rawfile.read(f"{folder}/{file.name}", settings, file.label)
        faults += [f"{folder}/{file.name}: {fault}" for fault in found]
        frames.append(frame)
    if faults:
        raise DataError(
            f"The raw files have {len(faults)} fault{'s' if len(faults) > 1 else ''}, so no table "
            "was made:\n"
            + "\n".join(f"  {fault}" for fault in faults)
            + f"\nMend the files in {folder} (`git checkout -- {folder}` brings the committed ones "
            "back), or change what is expected under `ingest` in params.yaml."
        )
    table = frames.pop() if len(frames) == 1 else pd.concat(frames, ignore_index=True)
    _check_levels(table, settings)
    labels = _labels(table[settings.target], settings)
    codes = pd.Index(labels).get_indexer(pd.Index(table[settings.target])).astype(np.int64)
    table[settings.target] = codes
    return Raw(table, labels)


def schema(settings: Ingest, labels: list[str]) -> Schema:
    """Return what a table is that was read as params.yaml says. labels: by class."""
    words = settings.words
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
    if len(counts) > MOST_LEVELS:
        raise DataError(
            f"Column '{settings.target}' has {len(counts):,} labels "
            f"({some(list(map(str, counts.index)))}), so it looks like a number or a name and no "
            f"class. At most {MOST_LEVELS:,} can be told apart. Change ingest.target in "
            "params.yaml."
        )
    if len(counts) < 2 or counts.min() < 2:
        rare = list(counts.items()) if len(counts) < 6 else [*counts.items()][-5:]
        told = ", ".join(f"{count} of class {printable(str(label))}" for label, count in rare)
        told += f" and {len(counts) - 5:,} more classes" if len(counts) > 5 else ""
        raise DataError(
            f"The table has {told}, so it cannot be split. It needs "
            f"{'both classes' if len(counts) < 3 else 'several classes'}, with at least "
            f"two rows each. Change `ingest.files` in params.yaml or the files in {RAW_FOLDER} "
            f"({', '.join(file.name for file in settings.files)})."
        )
    labels = sorted(map(str, counts.index), key=_in_order)
    _check_harmless(settings.target, labels)
    positive = None if settings.positive is None else str(settings.positive)
    if len(labels) > 2:
        if positive is not None:
            raise DataError(
                f"ingest.positive is {shown(positive)}, but column '{settings.target}' has "
                f"{len(labels)} labels ({some(labels)}), so none of them is the positive one. "
                "Set ingest.positive to null in params.yaml, or join the others to one label."
            )
        return labels
    if positive not in labels:
        given = "null" if positive is None else shown(positive)
        raise DataError(
            f"ingest.positive is {given}, but the labels of '{settings.target}' are "
            f"{some(labels)}, so it is open which of the two is class 1. "
            "Set ingest.positive in params.yaml to one of them."
        )
    return sorted(labels, key=lambda label: label == positive)


def _in_order(label: str) -> tuple[bool, int, str]:
    """Return a key that sorts whole numbers by their value, before texts."""
    number = label.removeprefix("-").isdecimal() and len(label) < 19
    return (not number, int(label) if number else 0, label)


def class_order(labels: Iterable[str], positive: str | None) -> list[str]:
    """Return labels in the order of their classes, from 0 up; the positive one is the last."""
    return sorted(sorted(labels, key=_in_order), key=lambda label: label == positive)


def _check_levels(table: pd.DataFrame, settings: Ingest) -> None:
    """Raise DataError for a text column that is no category, or that has no value at all."""
    for name, kind in settings.kinds.items():
        if table[name].isna().all():
            raise DataError(
                f"Column '{name}' has no value in any row, so nothing can be learnt from it. "
                "Move it from ingest.columns to ingest.leave_out in params.yaml."
            )
        if kind == "category":
            _check_harmless(name, table[name].dropna().unique())
        levels = table[name].nunique() if kind == "category" else 0
        if levels > MOST_LEVELS:
            raise DataError(
                f"Column '{name}' has {levels:,} different texts in {len(table):,} rows, and each "
                f"would become an input of its own; a category has at most {MOST_LEVELS:,}. It may "
                "be a name or an id: move it from ingest.columns to ingest.leave_out in "
                "params.yaml, or join rare texts in the raw file."
            )


def _check_harmless(name: str, texts: Iterable[str]) -> None:
    """Raise DataError for a label or level that a page would run."""
    for text in texts:
        if "</" in text or "<!--" in text:
            raise DataError(
                f"Column '{name}' has the text {shown(text)}, which the page of `dvc plots` would "
                "run: no text of a category or label holds </ or <!--. Write another text in the "
                "raw file."
            )


def unlisted(folder: str, settings: Ingest) -> list[str]:
    """Return the names of files in the raw folder that params.yaml does not mention."""
    listed = {file.name for file in settings.files}
    return sorted(path.name for path in Path(folder).iterdir() if path.name not in listed)


def split(table: pd.DataFrame, label: str, settings: Split, labels: Labels = None) -> Parts:
    """Cut the table into training and test rows, as the notebook does when copies are kept.

    With `duplicates: drop` a row that equals an earlier one in all columns is left out; with
    `group` rows of equal features go into the same set.
    Raises DataError when either set would lack a class.
    """
    if settings.duplicates == "drop":
        table = table.drop_duplicates()
    X, y = table.drop(columns=label), table[label]
    groups = copy_groups(X) if settings.duplicates == "group" else None
    place = "Change split.test_size or split.stratify in params.yaml."
    try:
        parts = _cut(
            X, y, groups, settings.test_size, settings.random_state, stratify=settings.stratify
        )
    except ValueError as error:
        raise DataError(
            f"test_size={settings.test_size} cannot cut {len(table)} rows: "
            f"{str(error).rstrip('.')}. {place}"
        ) from None
    _check_all_classes(parts, f"test_size={settings.test_size}", "test", place, labels)
    return parts


def hold_out(
    X_train: pd.DataFrame,
    y_train: pd.Series,
    settings: Curves,
    groups: pd.Series | None = None,
    labels: Labels = None,
) -> Parts:
    """Cut the training rows once more, with the same class shares in both sets.

    groups: (rows,), whose rows are to stay together. The held-out rows take the place of the test
    rows in what is returned. Raises DataError when either set would lack a class.
    """
    place = "Change curves.validation_size in params.yaml, or give more rows."
    size = settings.validation_size
    try:
        parts = _cut(X_train, y_train, groups, size, settings.random_state, stratify=True)
    except ValueError:
        raise DataError(
            f"validation_size={size} cannot cut {len(y_train)} training rows; both sets need at "
            f"least one row of each class. {place}"
        ) from None
    _check_all_classes(parts, f"validation_size={size}", "held-out", place, labels)
    return parts


def draw_share(y_train: pd.Series, share: float, random_state: int) -> npt.NDArray[np.intp]:
    """Return the places of a share of the rows, with the class shares of all; 1 is all in order.

    Raises DataError when a class would have no row, or when too few are left over to draw from.
    """
    places = np.arange(len(y_train))
    if share == 1:
        return places
    try:
        drawn, _ = train_test_split(
            places, train_size=share, stratify=y_train, random_state=random_state
        )
    except ValueError:
        drawn = places[:0]
    if y_train.iloc[drawn].nunique() < y_train.nunique():
        raise DataError(
            f"A share of {share} of {len(y_train)} training rows cannot be drawn, so no model can "
            "train on it: it needs a row of each class, and as many must be left over unless it is "
            "1. Change learning_curve.train_sizes in params.yaml, or give more rows."
        )
    return np.asarray(drawn)


def check_train_sizes(y_train: pd.Series, settings: LearningCurve) -> None:
    """Raise DataError when a share cannot be drawn, or when two are the same number of rows."""
    shares: dict[int, float] = {}
    for share in settings.train_sizes:
        rows = len(draw_share(y_train, share, settings.random_state))
        if rows in shares:
            raise DataError(
                f"Shares of {shares[rows]} and {share} of {len(y_train)} training rows are {rows} "
                "rows each, so there is no step from one to the other. "
                "Change learning_curve.train_sizes in params.yaml."
            )
        shares[rows] = share


def check_leave_out(leave_out: list[str], features: list[str]) -> None:
    """Raise DataError when a feature is not in the table, or when it is the only one."""
    unknown = [name for name in leave_out if name not in features]
    if unknown:
        raise DataError(
            f"importance.leave_out names '{unknown[0]}', so no model can be trained without it: it "
            f"is none of the {len(features)} features{did_you_mean(unknown[0], features) or '.'} "
            "Change importance.leave_out in params.yaml; [] leaves out none."
        )
    if leave_out and len(features) == 1:
        raise DataError(
            f"importance.leave_out names '{leave_out[0]}', the only feature, so nothing would be "
            "left to train on. Change importance.leave_out in params.yaml; [] leaves out none."
        )


def _cut(
    X: pd.DataFrame,
    y: pd.Series,
    groups: pd.Series | None,
    size: float,
    random_state: int,
    *,
    stratify: bool,
) -> Parts:
    """Cut rows in two at random; size is the share of the second set, to within one group.

    With stratify both sets have the same class shares; a group counts for its first row's class.
    Raises ValueError when scikit-learn cannot cut.
    """
    if groups is None:
        strata = y if stratify else None
        return Parts(
            *train_test_split(X, y, test_size=size, random_state=random_state, stratify=strata)
        )
    rng = np.random.default_rng(random_state)
    rows = rng.permutation(len(y))
    classes = y.groupby(groups).first()
    chosen: list[int] = []
    for _, stratum in classes.groupby(classes if stratify else np.zeros(len(classes))):
        shuffled = rng.permutation(stratum.index)
        reached = np.concatenate([[0], groups.value_counts()[shuffled].cumsum()])
        number = np.abs(reached - size * reached[-1]).argmin()
        chosen += list(shuffled[:number])
    second = groups.isin(chosen).to_numpy()[rows]
    train, test = rows[~second], rows[second]
    return Parts(X.iloc[train], X.iloc[test], y.iloc[train], y.iloc[test])


def _check_all_classes(parts: Parts, setting: str, second: str, place: str, names: Labels) -> None:
    """Raise DataError when a set lacks a class. second: what the rows are that were cut off."""
    classes = set(parts.y_train) | set(parts.y_test)
    for name, labels in (("training", parts.y_train), (second, parts.y_test)):
        lacking = sorted(classes - set(labels))
        if lacking:
            raise DataError(
                f"{setting} leaves {len(labels)} {name} rows and none of "
                f"class {_name(lacking[0], names)}; both sets need at least one row of each class. "
                f"{place}"
            )


def rows(parts: Parts) -> pd.DataFrame:
    """Return a line a row: set, row, group, seen; in the sets' order, training first.

    row: its number in the table. group: that of the first row, of either set, with the same
    features. seen: whether the training set has a row with the same features.
    """
    X = pd.concat([parts.X_train, parts.X_test])
    group = copy_groups(X.sort_index())[X.index].to_numpy()
    is_train = np.arange(len(X)) < len(parts.X_train)
    return pd.DataFrame(
        {
            "set": np.where(is_train, "train", "test"),
            "row": X.index,
            "group": group,
            "seen": np.isin(group, group[is_train]),
        }
    )


def _name(code: int, labels: Labels) -> str:
    return str(code) if labels is None else str(labels[code])


def check_folds(
    y_train: pd.Series, cv: int, groups: pd.Series | None = None, labels: Labels = None
) -> None:
    """Raise DataError when a class has too few training rows for the search's folds.

    groups: (rows,), whose rows are to stay together, so that a whole group counts as one row.
    """
    what = "training rows"
    if groups is not None:
        what, y_train = "training rows of different features", y_train[~groups.duplicated()]
    counts = y_train.value_counts()
    if counts.min() < cv:
        rarest = _name(int(counts.index[int(counts.argmin())]), labels)
        raise DataError(
            f"grid_search.cv={cv} needs at least {cv} {what} of each class, one a fold, "
            f"but class {rarest} has {counts.min()}. Change grid_search.cv or "
            "split.test_size in params.yaml, or give more rows."
        )


def copies(table: pd.DataFrame) -> int:
    """Count the rows that equal an earlier row in all columns."""
    return int(table.duplicated().sum())


def copy_groups(X: pd.DataFrame) -> pd.Series:
    """Return for each row the index of the first row with the very same features."""
    index = pd.Series(X.index, index=X.index, name="group")
    return index.groupby([X[name] for name in X], sort=False, dropna=False).transform("first")


def seen_in_training(X_train: pd.DataFrame, X_test: pd.DataFrame) -> pd.Series:
    """Tell for each test row whether a training row has the very same features."""
    both = pd.concat([X_train, X_test], ignore_index=True)
    group = copy_groups(both).to_numpy()
    return pd.Series(group[len(X_train) :] < len(X_train), index=X_test.index)
