"""Reads and writes tables, JSON and models: the same values give the same bytes.

Every file is written whole or not at all. NaN and infinities are refused, since a metric that
is none must not look like one.
"""

import io
import json
import math
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from winenet.errors import InputError
from winenet.model import Model, Normaliser

MODEL_FORMAT = "winenet model 1"
RESULT_DECIMALS = 6
# These can be tiny and still matter, so below 1e-3 they keep six significant digits.
SIGNIFICANT = ("loss", "gradient", "p_value")


class FileError(InputError):
    """A file is missing, or is not what its name promises."""


def read_table(path: str) -> pd.DataFrame:
    """Read a table that a stage wrote; every float is the float64 that was written.

    Raises FileError when the file is missing or is no table.
    """
    try:
        return pd.read_csv(path)
    except FileNotFoundError:
        raise FileError(_missing(path)) from None
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise FileError(
            f"{path} is no table ({str(error).strip()}). `dvc repro` makes it again."
        ) from None


def read_metrics(path: str) -> dict[str, Any]:
    """Read a JSON file that a stage wrote.

    Raises FileError when the file is missing or broken.
    """
    try:
        content: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FileError(_missing(path)) from None
    except ValueError as error:
        raise FileError(f"{path} is no JSON ({error}). `dvc repro` makes it again.") from None
    return content


def write_exact(path: str, table: pd.DataFrame) -> None:
    """Write a table that a later stage computes with.

    A float is the shortest text that reads back to the same float64.
    """
    _refuse_not_finite(path, table)
    _replace(path, table.to_csv(index=False, lineterminator="\n").encode())


def write_results(path: str, table: pd.DataFrame) -> None:
    """Write a table of results, its floats rounded as `rounded` says."""
    _refuse_not_finite(path, table)
    columns = {
        name: [rounded(str(name), value) for value in column]
        if pd.api.types.is_float_dtype(column)
        else column
        for name, column in table.items()
    }
    text = pd.DataFrame(columns).to_csv(index=False, lineterminator="\n")
    _replace(path, text.encode())


def write_metrics(path: str, metrics: Mapping[str, Any]) -> None:
    """Write a nested mapping as JSON with sorted keys, its floats rounded as `rounded` says."""
    content = _plain("", metrics, path)
    text = json.dumps(content, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False)
    _replace(path, f"{text}\n".encode())


def write_text(path: str, text: str) -> None:
    """Write UTF-8 text with LF line ends."""
    _replace(path, text.encode())


def write_model(path: str, model: Model, normaliser: Normaliser) -> None:
    """Write a model as .npz: plain arrays that numpy reads with `allow_pickle=False`.

    Arrays: format; coefs_0, intercepts_0, ... per layer; activation; classes; and the
    normaliser's features, minimum, maximum. The bytes depend on the values alone: numpy's own
    writer would put in the date.
    """
    arrays: dict[str, npt.ArrayLike] = {
        "format": MODEL_FORMAT,
        **{f"coefs_{layer}": weights for layer, weights in enumerate(model.weights)},
        **{f"intercepts_{layer}": biases for layer, biases in enumerate(model.biases)},
        "activation": model.activation,
        "classes": model.classes,
        "features": normaliser.features,
        "minimum": normaliser.minimum,
        "maximum": normaliser.maximum,
    }
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, values in arrays.items():
            member = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            member.create_system = 3
            member.external_attr = 0o644 << 16
            array = io.BytesIO()
            # In C order: a transposed view would be other bytes for the same values.
            np.save(array, np.asarray(values, order="C"), allow_pickle=False)
            archive.writestr(member, array.getvalue())
    _replace(path, target.getvalue())


def read_model(path: str) -> Model:
    """Read the layers of a model that `write_model` wrote.

    Raises FileError when the file is missing or is no such model.
    """
    try:
        with Path(path).open("rb") as stream:
            if not zipfile.is_zipfile(stream):
                raise ValueError("it is no complete .npz file")
        with np.load(path, allow_pickle=False) as arrays:
            if str(arrays["format"]) != MODEL_FORMAT:
                raise ValueError(f"its format is {arrays['format']}, not {MODEL_FORMAT}")
            layers = range(max(1, sum(name.startswith("coefs_") for name in arrays.files)))
            return Model(
                [arrays[f"coefs_{layer}"] for layer in layers],
                [arrays[f"intercepts_{layer}"] for layer in layers],
                str(arrays["activation"]),
                arrays["classes"],
            )
    except FileNotFoundError:
        raise FileError(_missing(path)) from None
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        why = error.args[0] if error.args else "it ends too early"
        raise FileError(f"{path} is no model ({why}). `dvc repro` makes it again.") from None


def read_normaliser(path: str) -> Normaliser:
    """Read the scaling that the split stage wrote.

    Raises FileError when the file is missing or is no table.
    """
    table = read_table(path)
    return Normaliser(
        list(table["feature"]), table["minimum"].to_numpy(), table["maximum"].to_numpy()
    )


def read_labels(path: str) -> pd.Series:
    """Read a table of one column, the labels."""
    return read_table(path).iloc[:, 0]


def read_rows(path: str, part: str) -> pd.DataFrame:
    """Read where the rows of a set come from, in the order of its tables: row, group, seen.

    part: "train" or "test". row: the number in data/table.csv. group: that of the first row with
    the same features. seen: whether the training set has a row with the same features.
    """
    rows = read_table(path)
    return rows[rows["set"] == part].drop(columns="set").reset_index(drop=True)


def rounded(name: str, value: float) -> float:
    """Round a result to 6 decimals, or a small loss, gradient or p-value to 6 significant digits.

    The last bits of a float64 differ from one processor to the next; a result must not.
    """
    if abs(value) < 1e-3 and any(word in name for word in SIGNIFICANT):
        return float(f"{value:.{RESULT_DECIMALS - 1}e}") + 0.0  # the sum turns -0.0 into 0.0
    return round(value, RESULT_DECIMALS) + 0.0


def _plain(name: str, value: Any, path: str) -> Any:
    """Return the value as JSON knows it: mappings, lists, rounded floats, whole numbers, text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(str(key), inner, path) for key, inner in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(name, value.tolist(), path)
    if isinstance(value, list | tuple):
        return [_plain(name, inner, path) for inner in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        if not math.isfinite(value):
            raise FileError(_not_finite(path, name, value))
        return rounded(name, value)
    return value


def _refuse_not_finite(path: str, table: pd.DataFrame) -> None:
    for name, column in table.select_dtypes("number").items():
        bad = column[~np.isfinite(column)]
        if len(bad):
            raise FileError(_not_finite(path, f"{name} in row {bad.index[0]}", bad.iloc[0]))


def _not_finite(path: str, name: str, value: float) -> str:
    return (
        f"{path}: {name} came out as {value}, so nothing was written. A result must be a finite "
        "number: the training diverged, or a raw value is far out of range. "
        "Look at the learning rates in params.yaml first."
    )


def _missing(path: str) -> str:
    return f"{path} is missing, so this stage has nothing to work on. `dvc repro` makes it again."


def _replace(path: str, content: bytes) -> None:
    """Put the content in the file's place in one step, so that nobody ever sees half of it."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
