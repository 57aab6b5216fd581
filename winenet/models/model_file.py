"""Read and write model files: .safetensors, byte-identical for equal models.

The package safetensors reads and writes the format. What is checked here is the content.
"""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from winenet.data import column_format
from winenet.data.preprocessing import SCALING, Array, Preprocessing
from winenet.data.schema import features_of
from winenet.errors import short_repr
from winenet.files import FileError, damaged_message, unreadable_message, write_atomic
from winenet.models.saved import DEFAULT_THRESHOLD, DenseModel, SavedModel

MODEL_FORMAT = "winenet model 4"
MAX_MODEL_BYTES = 2**31  # a larger file is not opened
ACTIVATIONS = ("identity", "logistic", "tanh", "relu")
# safetensors writes several metadata keys in another order in each process, so there is one.
METADATA_KEY = "winenet"
METADATA: dict[str, Any] = {  # name -> type; a list holds the type of its items
    "format": str,
    "activation": str,
    "classes": [int],
    "labels": [str],
    "target": str,
    "numbers": [str],
    "categories": [str],
    "levels": [[str]],
    "indicators": [str],
    "formats": [dict],
    "fact_names": [str],
    "fact_values": [float],
    "sha256": str,
}
# Written only where it is not 0.5, so that all other files are those of earlier versions.
THRESHOLD = {"threshold": float}


class _OtherVersionError(ValueError):
    """Another version of winenet wrote the file."""


def write(path: str, saved: SavedModel) -> None:
    """Write a model as .safetensors.

    The tensors, all float64, are coefs_0, intercepts_0, ... per layer and those of SCALING. All
    else is METADATA, as JSON with sorted keys. The bytes depend only on the values.
    """
    model, raw = saved.model, saved.preprocessing
    arrays = {f"coefs_{layer}": W for layer, W in enumerate(model.weights)}
    arrays |= {f"intercepts_{layer}": b for layer, b in enumerate(model.biases)}
    arrays |= {name: getattr(raw, name) for name in SCALING}
    # safetensors writes the memory as it is: a transposed view would get other values.
    arrays = {name: np.ascontiguousarray(a, dtype=np.float64) for name, a in arrays.items()}
    about: dict[str, Any] = {
        "format": MODEL_FORMAT,
        "activation": model.activation,
        "classes": [int(number) for number in model.classes],
        "labels": list(saved.labels),
        "target": saved.target,
        "numbers": raw.numbers,
        "categories": raw.categories,
        "levels": raw.levels,
        "indicators": raw.indicators,
        "formats": column_format.all_as_json(raw.formats),
        "fact_names": list(saved.training_info),
        "fact_values": [float(value) for value in saved.training_info.values()],
    }
    if model.threshold != DEFAULT_THRESHOLD:
        about["threshold"] = float(model.threshold)
    about["sha256"] = _sha256(about, arrays)
    write_atomic(path, save(arrays, metadata={METADATA_KEY: _json(about)}))


def _json(about: Mapping[str, Any]) -> str:
    """Return the metadata as text."""
    return json.dumps(about, sort_keys=True, allow_nan=False, ensure_ascii=False)


def _sha256(about: Mapping[str, Any], arrays: Mapping[str, Array]) -> str:
    """Return the hash of the other metadata and the arrays; safetensors has no checksum."""
    content = {name: value for name, value in about.items() if name != "sha256"}
    digest = hashlib.sha256(_json(content).encode())
    for name in sorted(arrays):
        digest.update(arrays[name].data)
    return digest.hexdigest()


def read(path: str, *, by_stage: bool = True) -> SavedModel:
    """Read a model file.

    Nothing in the file is executed, and the arrays take no more memory than the file has bytes.

    Parameters
    ----------
    path : str
    by_stage : bool
        Whether the file is the output of a stage, so that the error suggests `dvc repro`. If False,
        the user may have named any file.

    Raises
    ------
    FileError
        If the file is missing, or is not a model as `write` writes it.
    """
    cure = " Give a model's .safetensors file, such as models/mlp/notebook.safetensors."
    try:
        size = Path(path).stat().st_size
        if size > MAX_MODEL_BYTES:
            raise ValueError(f"it has {size:,} bytes; a model has {MAX_MODEL_BYTES:,} at most")
        if not Path(path).is_file() and not Path(path).is_dir():
            raise ValueError("it is a device or a pipe, not a file")  # reading may never end
        with Path(path).open("rb") as stream:
            if stream.read(4) == b"PK\x03\x04":
                raise _OtherVersionError("an earlier version of winenet wrote it, as .npz")
        return _model(*_content(path))
    except OSError as error:
        message = unreadable_message(path, error)
    except _OtherVersionError as error:
        cure = " Train the model again with this version: `dvc repro`."
        message = damaged_message(path, "winenet model", str(error))
    except SafetensorError as error:
        reason = str(error).removeprefix("Error while deserializing header: ")
        reason = reason.partition(", expected ")[0]  # a list of types, or a name in Rust
        message = damaged_message(
            path, "winenet model", f"it is not a valid .safetensors file: {reason}"
        )
    except (ValueError, OverflowError, RecursionError) as error:
        message = damaged_message(path, "winenet model", str(error))
    raise FileError(message if by_stage else _command_message(message, cure))


def _command_message(message: str, cure: str) -> str:
    """Return an error message of a stage, reworded for a command: DVC may not know the file."""
    for stage, command in (
        ("so this stage has nothing to work on", "so nothing was done"),
        ("so no stage can work with it", "so nothing was done"),
        (" `dvc repro` makes it again.", cure),
    ):
        message = message.replace(stage, command)
    return message


def _content(path: str) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return the metadata and the arrays of a model file.

    Raises ValueError if a value has another type than `write` gives it, or the hash differs.
    """
    with safe_open(path, framework="numpy") as tensors:
        metadata = tensors.metadata() or {}
        if list(metadata) != [METADATA_KEY]:
            keys = short_repr(sorted(metadata))
            raise ValueError(
                f"its metadata keys are {keys}, not ['{METADATA_KEY}']: another program wrote it"
            )
        about = _metadata(metadata[METADATA_KEY])
        arrays = {}
        for name in tensors.keys():  # noqa: SIM118 (it is not a mapping)
            type_ = tensors.get_slice(name).get_dtype()
            if type_ != "F64":
                raise ValueError(
                    f"{short_repr(name)} has the type {type_}; winenet writes F64 (float64)"
                )
            arrays[name] = tensors.get_tensor(name)
    if _sha256(about, arrays) != about["sha256"]:
        raise ValueError("its content does not match its sha256: it was changed or damaged")
    return about, arrays


def _metadata(text: str) -> dict[str, Any]:
    """Return the metadata in a JSON text; raise ValueError if a name or a type is wrong."""
    about = json.loads(text)
    if not isinstance(about, dict):
        raise ValueError(f"its metadata are {short_repr(about)}, not names with values")
    if about.get("format") != MODEL_FORMAT and isinstance(about.get("format"), str):
        raise _OtherVersionError(
            f"its format is {short_repr(about['format'])}, not '{MODEL_FORMAT}': another version "
            "of winenet wrote it"
        )
    expected = METADATA | (THRESHOLD if "threshold" in about else {})
    _check_names(about, expected)
    for name, kind in expected.items():
        if not _has_type(about[name], kind):
            raise ValueError(
                f"{name} is {short_repr(about[name])}, which is not what winenet writes there"
            )
    if _json(about) != text:  # a name twice, or text that is not valid Unicode
        raise ValueError("its metadata are not written as winenet writes them")
    return about


def _has_type(value: Any, kind: Any) -> bool:
    """Return whether a value has a type of METADATA and is finite."""
    if isinstance(kind, list):
        return isinstance(value, list) and all(_has_type(item, kind[0]) for item in value)
    return type(value) is kind and (kind is not float or math.isfinite(value))


def _check_names(names: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Raise ValueError if a name is missing, or is there and not expected."""
    for name in expected:
        if name not in names:
            raise ValueError(f"{name} is missing")
    for name in names:
        if name not in expected:
            raise ValueError(f"it has {short_repr(name)}, which no winenet model has")


def _model(about: Mapping[str, Any], arrays: Mapping[str, Array]) -> SavedModel:
    """Return the model of a file's content; raise ValueError if it is not valid."""
    layers = range(max(1, sum(name.startswith("coefs_") for name in arrays)))
    dimensions = {f"coefs_{layer}": 2 for layer in layers}
    dimensions |= {f"intercepts_{layer}": 1 for layer in layers} | dict.fromkeys(SCALING, 1)
    _check_names(arrays, dimensions)
    for name, array in arrays.items():
        _check_array(name, array, dimensions[name])
    weights = [arrays[f"coefs_{layer}"] for layer in layers]
    biases = [arrays[f"intercepts_{layer}"] for layer in layers]
    preprocessing = _preprocessing(about, {name: arrays[name] for name in SCALING})

    activation, classes, labels = about["activation"], about["classes"], about["labels"]
    if activation not in ACTIVATIONS:
        raise ValueError(
            f"its activation is {short_repr(activation)}; it must be one of "
            f"{', '.join(ACTIVATIONS)}"
        )
    if len(classes) < 2 or classes != sorted(set(classes)):
        raise ValueError(f"its classes are {classes[:9]}; there must be at least two, in order")
    if len(labels) != len(classes):
        raise ValueError(f"it has {len(classes)} classes, but {len(labels)} labels")
    names, values = about["fact_names"], about["fact_values"]
    if len(names) != len(values):
        raise ValueError(f"it has {len(names)} names of facts, but {len(values)} values")
    _check_unique("label", labels)
    _check_unique("fact", names)
    _check_layers(len(preprocessing.inputs), weights, biases, len(classes))
    threshold = about.get("threshold", DEFAULT_THRESHOLD)
    if "threshold" in about and (len(classes) != 2 or not 0 < threshold < 1):
        raise ValueError(
            f"its threshold is {threshold} with {len(classes)} classes; only two have one, between "
            "0 and 1"
        )
    model = DenseModel(weights, biases, activation, np.array(classes, dtype=np.int64), threshold)
    training_info = dict(zip(names, values, strict=True))
    return SavedModel(model, preprocessing, about["target"], labels, training_info)


def _preprocessing(about: Mapping[str, Any], scaling: dict[str, Array]) -> Preprocessing:
    """Return the preprocessing of a file's content; raise ValueError if it is not valid."""
    numbers, categories = about["numbers"], about["categories"]
    by_category, indicators = about["levels"], about["indicators"]
    try:
        formats = column_format.all_from_json(about["formats"])
    except KeyError as error:
        raise ValueError(f"it has a column without {error}") from None
    except TypeError as error:
        raise ValueError(f"it has a column without a valid format ({error})") from None
    for name, values in scaling.items():
        if len(values) != len(numbers):
            raise ValueError(f"it has {len(numbers)} numeric columns, but {name} of {len(values)}")
    if len(categories) != len(by_category):
        raise ValueError(f"it has {len(categories)} categories, but levels of {len(by_category)}")
    for name, levels in zip(categories, by_category, strict=True):
        if not levels:
            raise ValueError(f"its category {short_repr(name)} has no level")
        _check_unique("level", levels)
    _check_unique("indicator", indicators)
    for name in indicators:
        if name not in numbers:
            raise ValueError(f"{short_repr(name)} has an indicator, but is not a number of it")
    _check_unique("column", [*numbers, *categories])
    kinds = features_of(formats)
    if kinds != dict.fromkeys(numbers, "number") | dict.fromkeys(categories, "category"):
        raise ValueError("its formats are not those of its numbers and categories")
    for name, least, largest in zip(numbers, scaling["minimum"], scaling["maximum"], strict=True):
        if least > largest:
            raise ValueError(f"the minimum of {short_repr(name)} is {least}, its maximum {largest}")
    return Preprocessing(
        formats=formats,
        numbers=numbers,
        indicators=indicators,
        categories=categories,
        levels=by_category,
        **scaling,
    )


def _check_unique(kind: str, names: list[str]) -> None:
    """Raise ValueError if a name occurs twice."""
    for name, times in Counter(names).items():
        if times > 1:
            raise ValueError(f"it has the {kind} {short_repr(name)} twice")


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


def _check_array(name: str, array: Array, dimensions: int) -> None:
    """Raise ValueError if an array has another number of dimensions, or a value is not finite."""
    if array.ndim != dimensions:
        raise ValueError(f"{name} has the shape {array.shape}; it needs {dimensions} dimensions")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds {array[~np.isfinite(array)][0]}; a weight is finite")
