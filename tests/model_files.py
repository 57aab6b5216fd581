"""Model files as any program could write them, to test what the reader refuses."""

import hashlib
import json
from typing import Any

import numpy as np
from safetensors.numpy import load, save

from winenet.data.column_format import ColumnFormat
from winenet.data.preprocessing import SCALING, Preprocessing

Content = dict[str, Any]  # the tensors as arrays, and the metadata of winenet


def plain_preprocessing(
    numbers: dict[str, list[float]] | None = None,
    levels: dict[str, list[str]] | None = None,
    na_values: tuple[str, ...] = (),
    indicators: tuple[str, ...] = (),
) -> Preprocessing:
    """Return a preprocessing of columns that are read as they stand.

    numbers: by column the values of SCALING. levels: by category.
    """
    numbers, levels = numbers or {}, levels or {}
    scaling = np.array(list(numbers.values()), dtype=np.float64).reshape(len(numbers), len(SCALING))
    return Preprocessing(
        formats={
            **{name: ColumnFormat("number", na_values) for name in numbers},
            **{name: ColumnFormat("category", na_values) for name in levels},
        },
        numbers=[*numbers],
        **dict(zip(SCALING, scaling.T.copy(), strict=True)),
        indicators=[*indicators],
        categories=[*levels],
        levels=[*levels.values()],
    )


def unpack(content: bytes) -> Content:
    """Return what a model file holds, without the hash."""
    about = json.loads(header(content)["__metadata__"]["winenet"])
    del about["sha256"]
    return load(content) | about


def pack(changed: Content, **metadata: str) -> bytes:
    """Return a model file with the right hash, without what is None. metadata: further keys."""
    content = {name: value for name, value in changed.items() if value is not None}
    tensors = {name: a for name, a in content.items() if isinstance(a, np.ndarray)}
    about = {name: value for name, value in content.items() if name not in tensors}
    digest = hashlib.sha256(as_json(about).encode())
    for name in sorted(tensors):
        digest.update(tensors[name].tobytes())
    return save(tensors, {"winenet": as_json({"sha256": digest.hexdigest()} | about), **metadata})


def as_json(about: Content) -> str:
    return json.dumps(about, sort_keys=True, ensure_ascii=False)


def header(content: bytes) -> Content:
    """Return the header of a safetensors file: the metadata, and each tensor's type and place."""
    return json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])


def with_header(content: bytes, new: bytes, more: bytes = b"") -> bytes:
    """Return a file with another header, and more bytes at its end."""
    tensors = content[8 + int.from_bytes(content[:8], "little") :]
    return len(new).to_bytes(8, "little") + new + tensors + more
