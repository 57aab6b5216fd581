"""Reads and writes tables, JSON and models: the same values give the same bytes.

Every file is written whole or not at all. NaN and infinities are refused, since a metric that
is none must not look like one.
"""

import contextlib
import dataclasses
import glob
import io
import json
import math
import os
import re
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pandas as pd

from winenet import schema
from winenet.errors import InputError, printable, shown
from winenet.model import Array, Model, Preprocessing, Saved
from winenet.schema import Schema

MODEL_FORMAT = "winenet model 2"
LARGEST_MODEL = 2**31  # bytes; a larger file is not even opened
ACTIVATIONS = ("identity", "logistic", "tanh", "relu")
NUMBERS, WHOLE, TEXT = (
    r"<f8",
    r"<i8",
    r"<U\d{1,9}",
)  # the types of a model's arrays, as numpy has them
# The one form in which numpy writes these arrays; another one is not evaluated but refused.
NPY = re.compile(
    rb"\x93NUMPY\x01\0..\{'descr': '([^']{1,12})', 'fortran_order': (?:False|True), "
    rb"'shape': \(((?:\d{1,18}, ?){0,32}(?:\d{1,18})?)\), \} *\n",
    re.DOTALL,
)
SCALING = ("fill", "centre", "factor", "offset", "minimum", "maximum")  # of a numeric column
RESULT_DECIMALS = 6
# These can be tiny and still matter, so below 1e-3 they keep six significant digits.
SIGNIFICANT = ("loss", "gradient", "p_value", "learning_rate", "per_unit")


class FileError(InputError):
    """A file is missing, or is not what its name promises."""


def read_table(path: str) -> pd.DataFrame:
    """Read a table that a stage wrote; every float is the float64 that was written.

    Raises FileError when the file is missing or is no table.
    """
    return _read_csv(path)


def _read_csv(path: str, **how: Any) -> pd.DataFrame:
    try:
        table: pd.DataFrame = pd.read_csv(path, **how)
        return table
    except OSError as error:
        raise FileError(_unreadable(path, error)) from None
    except (ValueError, OverflowError) as error:  # pandas' own errors and UnicodeDecodeError, too
        raise FileError(_damaged(path, "table", str(error).strip())) from None


def read_schema(path: str) -> Schema:
    """Read what the stage ingest wrote of the table.

    Raises FileError when the file is missing or is no such JSON.
    """
    try:
        return schema.read(read_metrics(path))
    except (LookupError, TypeError, ValueError) as error:
        raise FileError(_damaged(path, "schema", str(error))) from None


def read_raw_table(path: str, kinds: Mapping[str, str]) -> pd.DataFrame:
    """Read the table of raw rows: an empty cell is a gap, and a category is text, even `NA`.

    kinds: by column, "number" or "category". Raises FileError as `read_table` does.
    """
    texts = {name: "str" for name, kind in kinds.items() if kind == "category"}
    return _read_csv(path, dtype=texts, keep_default_na=False, na_values=[""])


def read_metrics(path: str) -> dict[str, Any]:
    """Read a JSON file that a stage wrote.

    Raises FileError when the file is missing or broken.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        content = json.loads(text, parse_constant=_refuse_constant)
        if not isinstance(content, dict):
            raise ValueError(f"it holds {shown(content)} in place of names with values")
    except OSError as error:
        raise FileError(_unreadable(path, error)) from None
    except (ValueError, RecursionError) as error:
        raise FileError(_damaged(path, "JSON", str(error))) from None
    return content


def _refuse_constant(name: str) -> None:
    raise ValueError(f"it holds {name}, which is no number")


def write_exact(path: str, table: pd.DataFrame, *, gaps: bool = False) -> None:
    """Write a table that a later stage computes with.

    A float is the shortest text that reads back to the same float64. gaps: whether NaN is a gap,
    written as an empty cell, and no fault.
    """
    _refuse_not_finite(path, table, gaps=gaps)
    _replace(path, lambda stream: table.to_csv(stream, index=False, lineterminator="\n"))


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


def write_model(path: str, saved: Saved) -> None:
    """Write a model as .npz: plain arrays that numpy reads with `allow_pickle=False`.

    Arrays: format; coefs_0, intercepts_0, ... per layer; activation; classes; labels; target; the
    preprocessing's, with the levels of all categories in a row and n_levels of each; fact_names
    and fact_values. The bytes depend on the values alone: numpy's own writer would put in the date.
    """
    model, raw = saved.model, saved.preprocessing
    arrays: dict[str, npt.ArrayLike] = {
        "format": MODEL_FORMAT,
        **{f"coefs_{layer}": _float64(W) for layer, W in enumerate(model.weights)},
        **{f"intercepts_{layer}": _float64(b) for layer, b in enumerate(model.biases)},
        "activation": model.activation,
        "classes": model.classes,
        "labels": _texts(saved.labels),
        "target": saved.target,
        "numbers": _texts(raw.numbers),
        **{name: _float64(getattr(raw, name)) for name in SCALING},
        "categories": _texts(raw.categories),
        "levels": _texts([level for levels in raw.levels for level in levels]),
        "n_levels": np.array([len(levels) for levels in raw.levels], dtype=np.int64),
        "most_frequent": _texts(raw.most_frequent),
        "fact_names": _texts(list(saved.facts)),
        "fact_values": _float64(list(saved.facts.values())),
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


def _float64(values: npt.ArrayLike) -> Array:
    """Return values as a model's file holds them; a network of float32 is widened, exactly."""
    return np.asarray(values, dtype=np.float64)


def _texts(texts: list[str]) -> npt.NDArray[np.str_]:
    """Return texts as an array; an empty list is one of text, too."""
    return np.array(texts, dtype=np.str_)


def read_model(path: str, *, by_stage: bool = True) -> Saved:
    """Read a model that `write_model` wrote.

    Nothing of the file is executed, and no more memory is taken than the file is long: its arrays
    are stored uncompressed, so that a zip bomb is none. by_stage: whether `dvc repro` makes the
    file again; a person may have named any file.
    Raises FileError when the file is missing, or when anything in it is not as it was written.
    """
    try:
        size = Path(path).stat().st_size
        if size > LARGEST_MODEL:
            raise ValueError(f"it has {size:,} bytes; a model has {LARGEST_MODEL:,} at most")
        if not Path(path).is_file() and not Path(path).is_dir():
            raise ValueError("it is a device or a pipe, not a file")  # which may never end
        return _model(_arrays(Path(path).read_bytes()))
    except OSError as error:
        told = _unreadable(path, error)
        raise FileError(told if by_stage else _of_a_person(told)) from None
    except (
        *(ValueError, RuntimeError, EOFError, KeyError, OverflowError),
        *(struct.error, zipfile.BadZipFile, zipfile.LargeZipFile),
    ) as error:
        why = str(error.args[0]) if error.args else "it ends too early"
        told = _damaged(path, "model of winenet", why)
        raise FileError(told if by_stage else _of_a_person(told)) from None


def _of_a_person(told: str) -> str:
    """Return the same message for a command, which is no stage: DVC may not know the file."""
    for stage, command in (
        ("so this stage has nothing to work on", "so nothing was done"),
        ("so no stage can work with it", "so nothing was done"),
        (" `dvc repro` makes it again.", " Give a model's .npz file, such as models/mlp.npz."),
    ):
        told = told.replace(stage, command)
    return told


def _arrays(content: bytes) -> dict[str, bytes]:
    """Return the members of an .npz file by name, without their ending .npy."""
    archive = io.BytesIO(content)
    if not zipfile.is_zipfile(archive):
        raise ValueError("it is no complete .npz file")
    with zipfile.ZipFile(archive) as opened:
        members = opened.infolist()
        names = [member.filename.removesuffix(".npy") for member in members]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"it has {shown(name)} {names.count(name)} times")
        for name, member in zip(names, members, strict=True):
            if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
                raise ValueError(f"{name} is compressed or encrypted; winenet stores plain arrays")
        if sum(member.file_size for member in members) > len(content):
            raise ValueError("its arrays claim more bytes than the file has")
        return {name: opened.read(member) for name, member in zip(names, members, strict=True)}


def _model(arrays: Mapping[str, bytes]) -> Saved:
    """Return the model in an .npz file's members; raise ValueError when they do not make one."""
    made_by = _array(arrays, "format", TEXT, 0)
    if made_by != MODEL_FORMAT:
        raise ValueError(
            f"its format is {shown(str(made_by))}, not '{MODEL_FORMAT}': another version of "
            "winenet wrote it"
        )
    layers = range(max(1, sum(name.startswith("coefs_") for name in arrays)))
    weights = [_array(arrays, f"coefs_{layer}", NUMBERS, 2) for layer in layers]
    biases = [_array(arrays, f"intercepts_{layer}", NUMBERS, 1) for layer in layers]
    activation = str(_array(arrays, "activation", TEXT, 0))
    classes = _array(arrays, "classes", WHOLE, 1)
    labels = _array(arrays, "labels", TEXT, 1).tolist()
    target = str(_array(arrays, "target", TEXT, 0))
    names = _array(arrays, "fact_names", TEXT, 1).tolist()
    values = _array(arrays, "fact_values", NUMBERS, 1).tolist()
    preprocessing = _preprocessing(arrays)

    expected = {"format", "activation", "classes", "labels", "target", "fact_names", "fact_values"}
    expected |= {"numbers", *SCALING, "categories", "levels", "n_levels", "most_frequent"}
    expected |= {f"{name}_{layer}" for name in ("coefs", "intercepts") for layer in layers}
    for name in arrays:
        if name not in expected:
            raise ValueError(f"it has {shown(name)}, which no model of winenet has")
    if activation not in ACTIVATIONS:
        raise ValueError(
            f"its activation is {shown(activation)}; it must be one of {', '.join(ACTIVATIONS)}"
        )
    if len(classes) < 2 or (np.diff(classes) <= 0).any():
        raise ValueError(
            f"its classes are {classes[:9].tolist()}; there must be at least two, in order"
        )
    if len(labels) != len(classes):
        raise ValueError(f"it has {len(classes)} classes, but {len(labels)} labels")
    if len(names) != len(values):
        raise ValueError(f"it has {len(names)} names of facts, but {len(values)} values")
    _check_once("label", labels)
    _check_once("fact", names)
    _check_layers(len(preprocessing.inputs), weights, biases, len(classes))
    model = Model(weights, biases, activation, classes)
    facts = dict(zip(names, values, strict=True))
    return Saved(model, preprocessing, target, labels, facts)


def _preprocessing(arrays: Mapping[str, bytes]) -> Preprocessing:
    """Return the preprocessing in an .npz file's members; raise ValueError when it is none."""
    numbers = _array(arrays, "numbers", TEXT, 1).tolist()
    scaling: dict[str, Any] = {name: _array(arrays, name, NUMBERS, 1) for name in SCALING}
    for name, values in scaling.items():
        if len(values) != len(numbers):
            raise ValueError(f"it has {len(numbers)} numeric columns, but {name} of {len(values)}")
    categories = _array(arrays, "categories", TEXT, 1).tolist()
    levels = _array(arrays, "levels", TEXT, 1).tolist()
    sizes = _array(arrays, "n_levels", WHOLE, 1).tolist()
    most_frequent = _array(arrays, "most_frequent", TEXT, 1).tolist()
    if not len(categories) == len(sizes) == len(most_frequent):
        raise ValueError(
            f"it has {len(categories)} categories, but numbers of levels of {len(sizes)} and most "
            f"frequent levels of {len(most_frequent)}"
        )
    if any(size < 1 for size in sizes) or sum(sizes) != len(levels):
        raise ValueError(f"its categories have {sizes[:9]} levels; {len(levels)} are there")
    ends = np.cumsum(sizes, dtype=int).tolist()
    by_category = [levels[end - size : end] for end, size in zip(ends, sizes, strict=True)]
    for name, own, level in zip(categories, by_category, most_frequent, strict=True):
        if level not in own:
            raise ValueError(f"{shown(level)} is no level of its category {shown(name)}")
        _check_once("level", own)
    _check_once("column", [*numbers, *categories])
    for name, least, largest in zip(numbers, scaling["minimum"], scaling["maximum"], strict=True):
        if least > largest:
            raise ValueError(f"the minimum of {shown(name)} is {least}, its maximum {largest}")
    return Preprocessing(
        numbers=numbers,
        categories=categories,
        levels=by_category,
        most_frequent=most_frequent,
        **scaling,
    )


def _check_once(what: str, names: list[str]) -> None:
    """Raise ValueError when a name stands twice in a list."""
    seen = set()
    for name in names:
        if name in seen:
            raise ValueError(f"it has the {what} {shown(name)} twice")
        seen.add(name)


def _check_layers(features: int, weights: list[Array], biases: list[Array], classes: int) -> None:
    """Raise ValueError when a layer does not fit the one before it, or the last the classes."""
    inputs = features
    for layer, (W, b) in enumerate(zip(weights, biases, strict=True)):
        if W.shape != (inputs, len(b)) or not W.size:
            raise ValueError(
                f"coefs_{layer} has the shape {W.shape}, but {inputs} inputs and {len(b)} "
                "intercepts"
            )
        inputs = len(b)
    outputs = 1 if classes == 2 else classes
    if inputs != outputs:
        raise ValueError(f"its last layer has {inputs} units; {classes} classes have {outputs}")


def _array(arrays: Mapping[str, bytes], name: str, type_: str, dimensions: int) -> npt.NDArray[Any]:
    """Return one array of an .npz file; raise ValueError when it is not of this type and form.

    type_: a pattern for numpy's name of the type.
    """
    if name not in arrays:
        raise ValueError(f"{name} is not a file in the archive")
    content = arrays[name]
    header = NPY.match(content)
    if header is None:
        raise ValueError(f"{name} is no array as winenet writes it")
    found = header[1].decode("latin-1")
    shape = tuple(int(size) for size in header[2].decode().split(",") if size.strip())
    if not re.fullmatch(type_, found):
        raise ValueError(
            f"{name} has the type {shown(found)}; winenet writes "
            f"{'text' if type_ == TEXT else f'{type_!r}'}"
        )
    if len(shape) != dimensions:
        raise ValueError(f"{name} has the shape {shape}; it needs {dimensions} dimensions")
    try:
        kind = np.dtype(found)
    except TypeError as error:  # such as a text of 10^9 letters
        raise ValueError(f"{name} has the type {shown(found)} ({error})") from None
    if math.prod(shape) * kind.itemsize != len(content) - header.end():
        raise ValueError(f"{name} claims the shape {shape}, which is not what follows")
    order: Any = "F" if b"'fortran_order': True" in header[0] else "C"
    array = np.frombuffer(content, kind, math.prod(shape), header.end())
    if type_ == NUMBERS and not np.isfinite(array).all():
        raise ValueError(f"{name} holds {array[~np.isfinite(array)][0]}; a weight is finite")
    if type_ == TEXT:
        letters = array.view("<u4")  # surrogates, and what lies beyond Unicode, could not be shown
        if ((letters > 0x10FFFF) | ((letters >= 0xD800) & (letters < 0xE000))).any():
            raise ValueError(f"{name} is no text")
    return array.reshape(shape, order=order).copy()


def write_preprocessing(path: str, preprocessing: Preprocessing) -> None:
    """Write a preprocessing as JSON; a float is the shortest text that reads back to the same."""
    content = dataclasses.asdict(preprocessing)
    content |= {name: getattr(preprocessing, name).tolist() for name in SCALING}
    text = json.dumps(content, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False)
    _replace(path, f"{text}\n".encode())


def read_preprocessing(path: str) -> Preprocessing:
    """Read the preprocessing that the split stage wrote.

    Raises FileError when the file is missing or is no such JSON.
    """
    content = read_metrics(path)
    try:
        scaling = {name: np.array(content.pop(name), dtype=np.float64) for name in SCALING}
        scaled: dict[str, Any] = content | scaling
        return Preprocessing(**scaled)
    except (TypeError, KeyError, ValueError) as error:
        raise FileError(_damaged(path, "preprocessing", str(error))) from None


def read_labels(path: str) -> pd.Series:
    """Read a table of one column, the labels."""
    return read_table(path).iloc[:, 0]


def read_rows(path: str, part: str) -> pd.DataFrame:
    """Read where the rows of a set come from, in the order of its tables: row, group, seen.

    part: "train" or "test". row: the number in data/table.csv. group: that of the first row with
    the same features. seen: whether the training set has a row with the same features.
    """
    rows = _with_columns(path, ("set", "row", "group", "seen"))
    return rows[rows["set"] == part].drop(columns="set").reset_index(drop=True)


def _with_columns(path: str, columns: tuple[str, ...]) -> pd.DataFrame:
    """Read a table that must have these columns."""
    table = read_table(path)
    missing = [name for name in columns if name not in table]
    if missing:
        told = f"it has no column {', '.join(missing)}"
        raise FileError(_damaged(path, f"table of {', '.join(columns)}", told))
    return table


def rounded(name: str, value: float) -> float:
    """Round a result to 6 decimals, one that may be tiny (SIGNIFICANT) to 6 significant digits.

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


def _refuse_not_finite(path: str, table: pd.DataFrame, *, gaps: bool = False) -> None:
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


def _unreadable(path: str, error: OSError) -> str:
    """Say why a file that another stage wrote cannot be read."""
    if isinstance(error, FileNotFoundError):
        what = "is missing"
    else:
        what = f"cannot be read ({error.strerror}; it must be a file that this user may read)"
    return f"{path} {what}, so this stage has nothing to work on. `dvc repro` makes it again."


def _damaged(path: str, kind: str, why: str) -> str:
    """Say why a file is not what its name promises."""
    return (
        f"{path} is no {kind} ({_one_line(why)}), so no stage can work with it. "
        "`dvc repro` makes it again."
    )


def _one_line(text: str) -> str:
    text = " ".join(text.split())
    return text if text.isprintable() and len(text) <= 200 else printable(text)


def _replace(path: str, content: bytes | Callable[[BinaryIO], object]) -> None:
    """Put the content in the file's place in one step, so that nobody ever sees half of it.

    content: the bytes, or what writes them into a stream: a large table is never whole in memory.
    Raises FileError when the disk is full or the folder does not let it; the old file stays.
    """
    try:
        with replacing(path) as stream:
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
def replacing(path: str) -> Iterator[BinaryIO]:
    """Give a stream whose content takes the file's place in one step when the block ends well.

    Raises OSError when the disk is full or the folder does not let it; the old file stays then, and
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
