"""Read and write model files: .npz archives of plain arrays, byte-identical for equal models."""

import io
import math
import re
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from winenet.data.preprocessing import SCALING, Array, Preprocessing
from winenet.errors import short_repr
from winenet.files import FileError, damaged_message, unreadable_message, write_atomic
from winenet.models.saved import DenseModel, SavedModel

MODEL_FORMAT = "winenet model 2"
MAX_MODEL_BYTES = 2**31  # a larger file is not opened
ACTIVATIONS = ("identity", "logistic", "tanh", "relu")
FLOAT64, INT64, TEXT = r"<f8", r"<i8", r"<U\d{1,9}"  # patterns of numpy's dtype names
# The header that numpy writes for these arrays. Any other header is rejected, not evaluated.
NPY = re.compile(
    rb"\x93NUMPY\x01\0..\{'descr': '([^']{1,12})', 'fortran_order': (?:False|True), "
    rb"'shape': \(((?:\d{1,18}, ?){0,32}(?:\d{1,18})?)\), \} *\n",
    re.DOTALL,
)


def write(path: str, saved: SavedModel) -> None:
    """Write a model as .npz: plain arrays that numpy reads with `allow_pickle=False`.

    The arrays are format; coefs_0, intercepts_0, ... per layer; activation; classes; labels;
    target; those of the preprocessing, with the levels of all categories concatenated and n_levels
    of each; fact_names and fact_values. The bytes depend only on the values: numpy's own writer
    would include the date.
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
        "fact_names": _texts(list(saved.training_info)),
        "fact_values": _float64(list(saved.training_info.values())),
    }
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, values in arrays.items():
            member = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            member.create_system = 3
            member.external_attr = 0o644 << 16
            array = io.BytesIO()
            # In C order: a transposed view would have other bytes for the same values.
            np.save(array, np.asarray(values, order="C"), allow_pickle=False)
            archive.writestr(member, array.getvalue())
    write_atomic(path, target.getvalue())


def _float64(values: npt.ArrayLike) -> Array:
    """Return values as float64; float32 is widened exactly."""
    return np.asarray(values, dtype=np.float64)


def _texts(texts: list[str]) -> npt.NDArray[np.str_]:
    """Return texts as a string array, even for an empty list."""
    return np.array(texts, dtype=np.str_)


def read(path: str, *, by_stage: bool = True) -> SavedModel:
    """Read a model file.

    Nothing in the file is executed. Compressed archives are rejected, so memory use is limited by
    the size of the file.

    Parameters
    ----------
    path : str
    by_stage : bool
        Whether the file is the output of a stage, so that the error suggests `dvc repro`. If False,
        the user may have named any file.

    Raises
    ------
    FileError
        If the file is missing, or is not exactly what `write` writes.
    """
    try:
        size = Path(path).stat().st_size
        if size > MAX_MODEL_BYTES:
            raise ValueError(f"it has {size:,} bytes; a model has {MAX_MODEL_BYTES:,} at most")
        if not Path(path).is_file() and not Path(path).is_dir():
            raise ValueError("it is a device or a pipe, not a file")  # reading may never end
        return _model(_arrays(Path(path).read_bytes()))
    except OSError as error:
        message = unreadable_message(path, error)
        raise FileError(message if by_stage else _command_message(message)) from None
    except (
        *(ValueError, RuntimeError, EOFError, KeyError, OverflowError),
        *(struct.error, zipfile.BadZipFile, zipfile.LargeZipFile),
    ) as error:
        reason = str(error.args[0]) if error.args else "it ends too early"
        message = damaged_message(path, "winenet model", reason)
        raise FileError(message if by_stage else _command_message(message)) from None


def _command_message(message: str) -> str:
    """Return an error message of a stage, reworded for a command: DVC may not know the file."""
    for stage, command in (
        ("so this stage has nothing to work on", "so nothing was done"),
        ("so no stage can work with it", "so nothing was done"),
        (" `dvc repro` makes it again.", " Give a model's .npz file, such as models/mlp.npz."),
    ):
        message = message.replace(stage, command)
    return message


def _arrays(content: bytes) -> dict[str, bytes]:
    """Return the members of an .npz file by name, without the suffix .npy."""
    archive = io.BytesIO(content)
    if not zipfile.is_zipfile(archive):
        raise ValueError("it is not a complete .npz file")
    with zipfile.ZipFile(archive) as opened:
        members = opened.infolist()
        names = [member.filename.removesuffix(".npy") for member in members]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"it has {short_repr(name)} {names.count(name)} times")
        for name, member in zip(names, members, strict=True):
            if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
                raise ValueError(f"{name} is compressed or encrypted; winenet stores plain arrays")
        if sum(member.file_size for member in members) > len(content):
            raise ValueError("its arrays claim more bytes than the file has")
        return {name: opened.read(member) for name, member in zip(names, members, strict=True)}


def _model(arrays: Mapping[str, bytes]) -> SavedModel:
    """Return the model in the members of an .npz file; raise ValueError if they are not valid."""
    model_format = _array(arrays, "format", TEXT, 0)
    if model_format != MODEL_FORMAT:
        raise ValueError(
            f"its format is {short_repr(str(model_format))}, not '{MODEL_FORMAT}': another version "
            "of winenet wrote it"
        )
    layers = range(max(1, sum(name.startswith("coefs_") for name in arrays)))
    weights = [_array(arrays, f"coefs_{layer}", FLOAT64, 2) for layer in layers]
    biases = [_array(arrays, f"intercepts_{layer}", FLOAT64, 1) for layer in layers]
    activation = str(_array(arrays, "activation", TEXT, 0))
    classes = _array(arrays, "classes", INT64, 1)
    labels = _array(arrays, "labels", TEXT, 1).tolist()
    target = str(_array(arrays, "target", TEXT, 0))
    names = _array(arrays, "fact_names", TEXT, 1).tolist()
    values = _array(arrays, "fact_values", FLOAT64, 1).tolist()
    preprocessing = _preprocessing(arrays)

    expected = {"format", "activation", "classes", "labels", "target", "fact_names", "fact_values"}
    expected |= {"numbers", *SCALING, "categories", "levels", "n_levels", "most_frequent"}
    expected |= {f"{name}_{layer}" for name in ("coefs", "intercepts") for layer in layers}
    for name in arrays:
        if name not in expected:
            raise ValueError(f"it has {short_repr(name)}, which no winenet model has")
    if activation not in ACTIVATIONS:
        raise ValueError(
            f"its activation is {short_repr(activation)}; it must be one of "
            f"{', '.join(ACTIVATIONS)}"
        )
    if len(classes) < 2 or (np.diff(classes) <= 0).any():
        raise ValueError(
            f"its classes are {classes[:9].tolist()}; there must be at least two, in order"
        )
    if len(labels) != len(classes):
        raise ValueError(f"it has {len(classes)} classes, but {len(labels)} labels")
    if len(names) != len(values):
        raise ValueError(f"it has {len(names)} names of facts, but {len(values)} values")
    _check_unique("label", labels)
    _check_unique("fact", names)
    _check_layers(len(preprocessing.inputs), weights, biases, len(classes))
    model = DenseModel(weights, biases, activation, classes)
    training_info = dict(zip(names, values, strict=True))
    return SavedModel(model, preprocessing, target, labels, training_info)


def _preprocessing(arrays: Mapping[str, bytes]) -> Preprocessing:
    """Return the preprocessing in the members of an .npz file; raise ValueError if not valid."""
    numbers = _array(arrays, "numbers", TEXT, 1).tolist()
    scaling: dict[str, Any] = {name: _array(arrays, name, FLOAT64, 1) for name in SCALING}
    for name, values in scaling.items():
        if len(values) != len(numbers):
            raise ValueError(f"it has {len(numbers)} numeric columns, but {name} of {len(values)}")
    categories = _array(arrays, "categories", TEXT, 1).tolist()
    levels = _array(arrays, "levels", TEXT, 1).tolist()
    sizes = _array(arrays, "n_levels", INT64, 1).tolist()
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
    for name, category_levels, level in zip(categories, by_category, most_frequent, strict=True):
        if level not in category_levels:
            raise ValueError(
                f"{short_repr(level)} is not a level of its category {short_repr(name)}"
            )
        _check_unique("level", category_levels)
    _check_unique("column", [*numbers, *categories])
    for name, least, largest in zip(numbers, scaling["minimum"], scaling["maximum"], strict=True):
        if least > largest:
            raise ValueError(f"the minimum of {short_repr(name)} is {least}, its maximum {largest}")
    return Preprocessing(
        numbers=numbers,
        categories=categories,
        levels=by_category,
        most_frequent=most_frequent,
        **scaling,
    )


def _check_unique(kind: str, names: list[str]) -> None:
    """Raise ValueError if a name occurs twice."""
    seen = set()
    for name in names:
        if name in seen:
            raise ValueError(f"it has the {kind} {short_repr(name)} twice")
        seen.add(name)


def _check_layers(features: int, weights: list[Array], biases: list[Array], classes: int) -> None:
    """Raise ValueError if a layer does not fit the one before it, or the last one the classes."""
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
    """Return one array of an .npz file; raise ValueError if it has another type or dimension.

    type_: a pattern of numpy's dtype name.
    """
    if name not in arrays:
        raise ValueError(f"{name} is not a file in the archive")
    content = arrays[name]
    header = NPY.match(content)
    if header is None:
        raise ValueError(f"{name} is not an array as winenet writes it")
    dtype_name = header[1].decode("latin-1")
    shape = tuple(int(size) for size in header[2].decode().split(",") if size.strip())
    if not re.fullmatch(type_, dtype_name):
        raise ValueError(
            f"{name} has the type {short_repr(dtype_name)}; winenet writes "
            f"{'text' if type_ == TEXT else f'{type_!r}'}"
        )
    if len(shape) != dimensions:
        raise ValueError(f"{name} has the shape {shape}; it needs {dimensions} dimensions")
    try:
        dtype = np.dtype(dtype_name)
    except TypeError as error:  # such as a text of 10^9 letters
        raise ValueError(f"{name} has the type {short_repr(dtype_name)} ({error})") from None
    if math.prod(shape) * dtype.itemsize != len(content) - header.end():
        raise ValueError(f"{name} claims the shape {shape}, which is not what follows")
    order: Any = "F" if b"'fortran_order': True" in header[0] else "C"
    array = np.frombuffer(content, dtype, math.prod(shape), header.end())
    if type_ == FLOAT64 and not np.isfinite(array).all():
        raise ValueError(f"{name} holds {array[~np.isfinite(array)][0]}; a weight is finite")
    if type_ == TEXT:
        letters = array.view("<u4")  # surrogates and values beyond Unicode cannot be printed
        if ((letters > 0x10FFFF) | ((letters >= 0xD800) & (letters < 0xE000))).any():
            raise ValueError(f"{name} is not valid text")
    return array.reshape(shape, order=order).copy()
