"""Checks, joins, splits and normalises tables. Every fault of a raw file is told at once."""

import codecs
import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import MinMaxScaler

from winenet.errors import InputError, did_you_mean, printable, shown
from winenet.model import Normaliser
from winenet.params import Curves, Ingest, LearningCurve, RawFile, Split

RAW_FOLDER = "data/raw"
FAULTS_SHOWN = 5  # per column; a file in the wrong unit would otherwise fill the screen
LONGEST_LINE = 100_000  # bytes; a file without line ends would otherwise be one endless line


class DataError(InputError):
    """A raw file or a table cannot be used."""


class Parts(NamedTuple):
    """A table cut in two: features and labels of either set, with the table's row numbers."""

    X_train: pd.DataFrame
    X_test: pd.DataFrame
    y_train: pd.Series
    y_test: pd.Series


def read_raw(folder: str, settings: Ingest) -> pd.DataFrame:
    """Read, check and join the raw files.

    Returns the files' rows in the order of `settings.files`, with the label in the last column.
    Raises DataError, which names every fault of every file.
    """
    frames: list[pd.DataFrame] = []
    faults: list[str] = []
    for file in settings.files:
        path = f"{folder}/{file.name}"
        try:
            frame, written = _read_csv(path, settings.separator)
        except DataError as error:
            faults += str(error).split("\n")
            continue
        found = _faults(frame, written, settings.columns)
        faults += [f"{path}: {fault}" for fault in found]
        if not found:
            features = frame[list(settings.columns)].apply(pd.to_numeric)
            frames.append(features.assign(**{settings.target: file.label}))
    if faults:
        raise DataError(
            f"The raw files have {len(faults)} fault{'s' if len(faults) > 1 else ''}, so no table "
            "was made:\n"
            + "\n".join(f"  {fault}" for fault in faults)
            + f"\nMend the files in {folder} (`git checkout -- {folder}` brings the committed ones "
            "back), or change what is expected under `ingest` in params.yaml."
        )
    table = pd.concat(frames, ignore_index=True)
    _check_labels(table[settings.target], settings.files)
    return table


def _read_csv(path: str, separator: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read one file as it stands: blank lines and surplus fields are faults, not skipped.

    Returns its values as pandas reads them, and as they are written.
    Raises DataError, which names every line that does not have the header's columns.
    """
    text = _text(path)
    if not text.strip():
        raise DataError(f"{path}: empty; it needs a header and rows")
    faults = _line_faults(text.removesuffix("\n").split("\n"), separator)
    if faults:
        raise DataError("\n".join(f"{path}: {fault}" for fault in faults))
    try:
        values = pd.read_csv(
            io.StringIO(text), sep=separator, low_memory=False, skip_blank_lines=False
        )
        written = pd.read_csv(
            io.StringIO(text),
            sep=separator,
            skip_blank_lines=False,
            dtype="str",
            keep_default_na=False,
        )
    except (ValueError, OverflowError) as error:
        raise DataError(f"{path}: no table ({printable(str(error))})") from None
    return values, written


def _text(path: str) -> str:
    """Return a file's text with LF line ends.

    Raises DataError when it cannot be read, is no UTF-8, or has a line that is far too long; that
    is noticed before more than such a line is in memory.
    """
    content, number = bytearray(), 1
    try:
        if Path(path).exists() and not (Path(path).is_file() or Path(path).is_dir()):
            raise DataError(f"{path}: is a device or a pipe, not a file")  # would never end
        with Path(path).open("rb") as stream:
            while chunk := stream.read(LONGEST_LINE):
                breaks = chunk.count(b"\n") or chunk.count(b"\r")
                if len(chunk) == LONGEST_LINE and not breaks:
                    raise DataError(f"{path}: {_too_long(number)}")
                content += chunk
                number += breaks
    except FileNotFoundError:
        raise DataError(f"{path}: missing") from None
    except IsADirectoryError:
        raise DataError(f"{path}: is a folder, not a file") from None
    except PermissionError:
        what = "is a folder, not a file" if Path(path).is_dir() else "may not be read by this user"
        raise DataError(f"{path}: {what}") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise DataError(f"{path}: is UTF-16; save the file as UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise DataError(f"{path}: line {line} is not UTF-8; save the file as UTF-8") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _too_long(number: int) -> str:
    return f"line {number} is longer than {LONGEST_LINE:,} bytes; a line needs a line end"


def _line_faults(lines: list[str], separator: str) -> list[str]:
    """Return the lines that pandas would cut, fill up or join; the header is line 1."""
    for number, line in enumerate(lines, start=1):
        if len(line) > LONGEST_LINE:
            return [_too_long(number)]
    if not lines[0]:
        return ["line 1 is blank; the header must stand there"]
    header = next(csv.reader(lines[:1], delimiter=separator))
    faults = [
        f"column {shown(name)} stands {header.count(name)} times in the header"
        for name in dict.fromkeys(header)
        if header.count(name) > 1
    ]
    faults += [
        f"column {place} has no name in the header"
        for place, name in enumerate(header, start=1)
        if not name and header.count(name) == 1
    ]
    uneven = []
    for number, line in enumerate(lines, start=1):
        cells = len(next(csv.reader([line], delimiter=separator), []))
        if not line:
            uneven.append(f"line {number} is blank")
        elif "\0" in line:
            uneven.append(f"line {number} has a null byte; the file is no text or is damaged")
        elif line.count('"') % 2:
            uneven.append(f"line {number} has a quotation mark that is not closed")
        elif cells != len(header):
            uneven.append(f"line {number} has {_cells(cells)}, the header has {len(header)}")
    faults += uneven[:FAULTS_SHOWN]
    if len(uneven) > FAULTS_SHOWN:
        faults.append(f"{len(uneven) - FAULTS_SHOWN} more such lines")
    return faults


def _cells(number: int) -> str:
    return f"{number} cell{'' if number == 1 else 's'}"


def _faults(
    frame: pd.DataFrame, written: pd.DataFrame, columns: Mapping[str, Sequence[float]]
) -> list[str]:
    """Return every fault of one raw file, in words. written: the frame's cells as text."""
    missing = [name for name in columns if name not in frame]
    unknown = [str(name) for name in frame if name not in columns]
    faults = [
        f"column {shown(name)} is not expected{did_you_mean(name, missing)}" for name in unknown
    ]
    if len(faults) > FAULTS_SHOWN:
        more = len(faults) - FAULTS_SHOWN
        faults = [*faults[:FAULTS_SHOWN], f"{more} more columns that are not expected"]
    faults += [f"column '{name}' is missing" for name in missing]
    if missing and len(frame.columns) == 1:
        faults.append(
            "the header has one column only: the separator may be another than `ingest.separator`"
        )
    if frame.empty:
        faults.append("no rows below the header")
    for name, (least, largest) in columns.items():
        if name in frame:
            faults += _column_faults(frame[name], written[name], least, largest)
    return faults


def _column_faults(
    column: pd.Series, written: pd.Series, least: float, largest: float
) -> list[str]:
    """Return the faults of one column; a line is counted as an editor does, the header is 1."""
    numeric = pd.api.types.is_numeric_dtype(column) and column.dtype != bool
    numbers = column if numeric else pd.to_numeric(column.astype("str"), errors="coerce")
    empty = column.isna()
    text = numbers.isna() & ~empty
    outside = ~numbers.between(least, largest) & ~empty & ~text
    found = []
    for mask, rule in (
        (empty, "no value; every cell needs a number"),
        (text, "no number"),
        (outside, f"out of range; it must lie in {least:g} to {largest:g}"),
    ):
        cells = written[mask]
        for row, cell in cells.head(FAULTS_SHOWN).items():
            told = f"{shown(cell)} is " if cell else ""
            found.append(f"line {int(str(row)) + 2}, column '{column.name}': {told}{rule}")
        if len(cells) > FAULTS_SHOWN:
            found.append(f"column '{column.name}': {len(cells) - FAULTS_SHOWN} more such cells")
    return found


def _check_labels(labels: pd.Series, files: list[RawFile]) -> None:
    counts = labels.value_counts()
    if len(counts) < 2 or counts.min() < 2:
        told = ", ".join(f"{count} of class {label}" for label, count in counts.items())
        raise DataError(
            f"The table has {told}, so it cannot be split. It needs both classes, with at least "
            f"two rows each. Change `ingest.files` in params.yaml or the files in {RAW_FOLDER} "
            f"({', '.join(file.name for file in files)})."
        )


def unlisted(folder: str, settings: Ingest) -> list[str]:
    """Return the names of files in the raw folder that params.yaml does not mention."""
    listed = {file.name for file in settings.files}
    return sorted(path.name for path in Path(folder).iterdir() if path.name not in listed)


def split(table: pd.DataFrame, label: str, settings: Split) -> Parts:
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
    _check_both_classes(parts, f"test_size={settings.test_size}", "test", place)
    return parts


def hold_out(
    X_train: pd.DataFrame, y_train: pd.Series, settings: Curves, groups: pd.Series | None = None
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
    _check_both_classes(parts, f"validation_size={size}", "held-out", place)
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


def _check_both_classes(parts: Parts, setting: str, second: str, place: str) -> None:
    """Raise DataError when a set lacks a class. second: what the rows are that were cut off."""
    classes = set(parts.y_train) | set(parts.y_test)
    for name, labels in (("training", parts.y_train), (second, parts.y_test)):
        lacking = sorted(classes - set(labels))
        if lacking:
            raise DataError(
                f"{setting} leaves {len(labels)} {name} rows and none of "
                f"class {lacking[0]}; both sets need at least one row of each class. {place}"
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


def fit_normaliser(X_train: pd.DataFrame) -> tuple[MinMaxScaler, Normaliser]:
    """Fit the min-max scaler on the training rows only: the test rows are not to be known yet."""
    scaler = MinMaxScaler().fit(X_train)
    return scaler, Normaliser(list(X_train.columns), scaler.data_min_, scaler.data_max_)


def normalise(scaler: MinMaxScaler, X: pd.DataFrame) -> pd.DataFrame:
    """Bring the features to [0, 1] on the training rows' scale; test rows may lie outside."""
    return pd.DataFrame(scaler.transform(X), columns=X.columns)


def check_folds(y_train: pd.Series, cv: int, groups: pd.Series | None = None) -> None:
    """Raise DataError when a class has too few training rows for the search's folds.

    groups: (rows,), whose rows are to stay together, so that a whole group counts as one row.
    """
    what = "training rows"
    if groups is not None:
        what, y_train = "training rows of different features", y_train[~groups.duplicated()]
    counts = y_train.value_counts()
    if counts.min() < cv:
        raise DataError(
            f"grid_search.cv={cv} needs at least {cv} {what} of each class, one a fold, "
            f"but class {counts.idxmin()} has {counts.min()}. Change grid_search.cv or "
            "split.test_size in params.yaml, or give more rows."
        )


def copies(table: pd.DataFrame) -> int:
    """Count the rows that equal an earlier row in all columns."""
    return int(table.duplicated().sum())


def copy_groups(X: pd.DataFrame) -> pd.Series:
    """Return for each row the index of the first row with the very same features."""
    index = pd.Series(X.index, index=X.index, name="group")
    return index.groupby([X[name] for name in X], sort=False).transform("first")


def seen_in_training(X_train: pd.DataFrame, X_test: pd.DataFrame) -> pd.Series:
    """Tell for each test row whether a training row has the very same features."""
    both = pd.concat([X_train, X_test], ignore_index=True)
    group = copy_groups(both).to_numpy()
    return pd.Series(group[len(X_train) :] < len(X_train), index=X_test.index)
