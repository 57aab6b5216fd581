"""Read and write tables, JSON and text: the same values give the same bytes.

Every file is written whole or not at all. NaN and infinities are refused, since a metric that
is none must not look like one.
"""

import contextlib
import glob
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd

from winenet.errors import InputError, safe_text, short_repr

RESULT_DECIMALS = 6
# These can be tiny and still matter, so below 1e-3 they keep six significant digits.
SIGNIFICANT_DIGIT_KEYS = ("loss", "gradient", "p_value", "learning_rate", "per_unit")


class FileError(InputError):
    """A file is missing, or is not what its name promises."""


def read_table(path: str) -> pd.DataFrame:
    """Read a table that a stage wrote; every float is the float64 that was written.

    Raises FileError if the file is missing or is not a table.
    """
    return read_csv(path)


def read_csv(path: str, **how: Any) -> pd.DataFrame:
    """Read a CSV file by pandas; raise FileError if it is missing or damaged."""
    try:
        table: pd.DataFrame = pd.read_csv(path, **how)
        return table
    except OSError as error:
        raise FileError(unreadable_message(path, error)) from None
    except (ValueError, OverflowError) as error:  # pandas' own errors and UnicodeDecodeError, too
        raise FileError(damaged_message(path, "table", str(error).strip())) from None


def read_metrics(path: str) -> dict[str, Any]:
    """Read a JSON file that a stage wrote.

    Raises FileError if the file is missing or broken.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        content = json.loads(text, parse_constant=_refuse_constant)
        if not isinstance(content, dict):
            raise ValueError(f"it holds {short_repr(content)} in place of names with values")
    except OSError as error:
        raise FileError(unreadable_message(path, error)) from None
    except (ValueError, RecursionError) as error:
        raise FileError(damaged_message(path, "JSON file", str(error))) from None
    return content


def _refuse_constant(name: str) -> None:
    raise ValueError(f"it holds {name}, which is not a number")


def write_lossless(path: str, table: pd.DataFrame, *, gaps: bool = False) -> None:
    """Write a table that a later stage computes with.

    A float is the shortest text that reads back to the same float64. gaps: whether NaN is a gap,
    written as an empty cell, and no fault.
    """
    _check_finite(path, table, gaps=gaps)
    write_atomic(path, lambda stream: table.to_csv(stream, index=False, lineterminator="\n"))


def write_rounded(path: str, table: pd.DataFrame) -> None:
    """Write a table of results, its floats rounded as `rounded` says."""
    _check_finite(path, table)
    columns = {
        name: [rounded(str(name), value) for value in column]
        if pd.api.types.is_float_dtype(column)
        else column
        for name, column in table.items()
    }
    text = pd.DataFrame(columns).to_csv(index=False, lineterminator="\n")
    write_atomic(path, text.encode())


def write_metrics(path: str, metrics: Mapping[str, Any]) -> None:
    """Write a nested mapping as JSON with sorted keys, its floats rounded as `rounded` says."""
    content = _to_json_types("", metrics, path)
    text = json.dumps(content, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False)
    write_atomic(path, f"{text}\n".encode())


def write_json(path: str, content: Mapping[str, Any]) -> None:
    """Write a nested mapping as JSON with sorted keys; each float reads back to the same float64.

    Raises FileError if a value is not finite.
    """
    try:
        text = json.dumps(content, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False)
    except ValueError:
        raise FileError(_not_finite(path, "a value", math.nan)) from None
    write_atomic(path, f"{text}\n".encode())


def write_text(path: str, text: str) -> None:
    """Write UTF-8 text with LF line ends."""
    write_atomic(path, text.encode())


def rounded(name: str, value: float) -> float:
    """Round a result to 6 decimals, or to 6 significant digits if it may be tiny.

    Those are the names with a word of SIGNIFICANT_DIGIT_KEYS.

    The last bits of a float64 differ from one processor to the next; a result must not.
    """
    if abs(value) < 1e-3 and any(word in name for word in SIGNIFICANT_DIGIT_KEYS):
        return float(f"{value:.{RESULT_DECIMALS - 1}e}") + 0.0  # the sum turns -0.0 into 0.0
    return round(value, RESULT_DECIMALS) + 0.0


def _to_json_types(name: str, value: Any, path: str) -> Any:
    """Return the value as JSON knows it: mappings, lists, rounded floats, whole numbers, text."""
    if isinstance(value, Mapping):
        return {str(key): _to_json_types(str(key), inner, path) for key, inner in value.items()}
    if isinstance(value, np.ndarray):
        return _to_json_types(name, value.tolist(), path)
    if isinstance(value, list | tuple):
        return [_to_json_types(name, inner, path) for inner in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        if not math.isfinite(value):
            raise FileError(_not_finite(path, name, value))
        return rounded(name, value)
    return value


def _check_finite(path: str, table: pd.DataFrame, *, gaps: bool = False) -> None:
    for name, column in table.select_dtypes("number").items():
        bad = column[np.isinf(column) if gaps else ~np.isfinite(column)]
        if len(bad):
            raise FileError(_not_finite(path, f"{name} in row {bad.index[0]}", bad.iloc[0]))


def _not_finite(path: str, name: str, value: float) -> str:
    return (
        f"{path}: {name} came out as {value}, so nothing was written. A result must be a finite "
        "number: the training diverged, or a raw value is far out of range. "
        "Look at the learning rates in params.yaml first."
    )


def unreadable_message(path: str, error: OSError) -> str:
    """Say why a file that another stage wrote cannot be read."""
    if isinstance(error, FileNotFoundError):
        what = "is missing"
    else:
        what = f"cannot be read ({error.strerror}; it must be a file that this user may read)"
    return f"{path} {what}, so this stage has nothing to work on. `dvc repro` makes it again."


def damaged_message(path: str, kind: str, why: str) -> str:
    """Say why a file is not what its name promises."""
    return (
        f"{path} is not a valid {kind} ({_one_line(why)}), so no stage can work with it. "
        "`dvc repro` makes it again."
    )


def _one_line(text: str) -> str:
    text = " ".join(text.split())
    return text if text.isprintable() and len(text) <= 200 else safe_text(text)


def write_atomic(path: str, content: bytes | Callable[[BinaryIO], object]) -> None:
    """Put the content in the file's place in one step, so that nobody ever sees half of it.

    content: the bytes, or what writes them into a stream: a large table is never whole in memory.
    Raises FileError if the disk is full or the folder does not let it; the old file stays.
    """
    try:
        with atomic_writer(path) as stream:
            if callable(content):
                content(stream)
            else:
                stream.write(content)
    except OSError as error:
        room = "itself" if callable(content) else f"{len(content):,} bytes"
        raise FileError(
            f"{path} could not be written ({error.strerror}), so the stage was not finished; no "
            f"half of it is left. It needs room for {room} and a folder that this "
            "user may write in: make room or change the folder's rights, then run `dvc repro`."
        ) from None


@contextlib.contextmanager
def atomic_writer(path: str) -> Iterator[BinaryIO]:
    """Give a stream whose content takes the file's place in one step when the block ends well.

    Raises OSError if the disk is full or the folder does not let it; the old file stays then, and
    when the block raises.
    """
    target = Path(path)
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    target.parent.mkdir(parents=True, exist_ok=True)
    for left in target.parent.glob(f".{glob.escape(target.name)}.*.partial"):
        left.unlink(missing_ok=True)  # of a process that was killed while it wrote
    try:
        with partial.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(target)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """Bring the new name to the disk, too, so that a power cut does not undo it."""
    if os.name == "nt":
        return  # a folder cannot be opened there
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some network disks cannot
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
