"""Compare the results of a run in a clone with the committed ones, byte for byte."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tools.verify_run import SHOWN_LINES, VerifyError, committed_lock, new_lock, recorded_hashes
from winenet import git

RESULTS = ("dvc.lock", "metrics", "plots", "report")
REFERENCE = "tools/reference"  # the committed models, and the probe of the machine that made them
MODEL = ".safetensors"
FOLDER = ".dir"  # the end of a folder's hash in dvc.lock
TOLERANCE = 1e-10


def first_difference(clone: Path) -> str:
    """Return the first difference between HEAD and what the run left, or ""."""
    stray = missing_or_more(clone)
    if stray:
        return stray
    # Everything in git is compared, so that RESULTS can leave nothing out.
    names = git.output("diff", "--name-only", "HEAD", folder=clone).splitlines()
    return shown(clone, names) if names else ""


def missing_or_more(clone: Path) -> str:
    """Return which outputs are missing, not committed, or not as dvc.lock records them, or ""."""
    missing = [
        path for path in recorded_hashes(committed_lock(clone)) if not (clone / path).exists()
    ]
    if missing:
        return f"In dvc.lock, but not written by any stage: {', '.join(missing)}."
    untracked = git.output("ls-files", "--others", "--exclude-standard", folder=clone).splitlines()
    if untracked:
        return f"Written, but not committed: {', '.join(untracked)}."
    for path, digest in recorded_hashes(new_lock(clone)).items():
        if (clone / path).exists() and hash_of(clone / path) != digest:
            kind = "folder" if (clone / path).is_dir() else "file"
            return f"{path} is not the {kind} whose hash DVC wrote into dvc.lock."
    return ""


def shown(clone: Path, names: Sequence[str]) -> str:
    """Return the names of files that differ, and the first lines of one difference."""
    # dvc.lock says least, so it is shown only if nothing else differs.
    item = next((name for name in names if name != "dvc.lock"), "dvc.lock")
    lines = git.output("diff", "HEAD", "--", item, folder=clone).splitlines()
    return "\n".join(
        [f"Different: {', '.join(names)}.", *changed_outputs(clone), *lines[:SHOWN_LINES]]
    )


def changed_outputs(clone: Path) -> list[str]:
    """Return a line with the outputs whose hash differs, including those outside of git."""
    before, after = recorded_hashes(committed_lock(clone)), recorded_hashes(new_lock(clone))
    paths = [path for path in before | after if before.get(path) != after.get(path)]
    return [f"Outputs with another hash: {', '.join(paths)}."] if paths else []


def difference_beyond_models(clone: Path) -> str:
    """Return the first difference in anything but the models and their hashes, or ""."""
    stray = missing_or_more(clone)
    if stray:
        return stray
    names = git.output("diff", "--name-only", "HEAD", folder=clone).splitlines()
    if set(names) - {"dvc.lock"}:
        return shown(clone, names)
    before, after = without_models(committed_lock(clone)), without_models(new_lock(clone))
    return shown(clone, names) if before != after else ""


def without_models(lock: str) -> Any:
    """Return the content of dvc.lock without the hashes of the models."""
    content = yaml.safe_load(lock)
    for stage in content["stages"].values():
        for entry in stage.get("deps", []) + stage.get("outs", []):
            if is_model(entry["path"], entry["md5"]):
                entry.pop("md5")
    return content


def compare_models(clone: Path, known: Mapping[str, bytes]) -> tuple[str, float | None]:
    """Compare the models that differ with the committed ones.

    known: the committed models by path. Returns the first difference above TOLERANCE, or "";
    and the largest of all, or None if all bits are equal.
    """
    before, after = recorded_hashes(committed_lock(clone)), recorded_hashes(new_lock(clone))
    largest: float | None = None
    for output, digest in after.items():
        if not is_model(output, digest) or before.get(output) == digest:
            continue
        paths = files_of(clone, output)
        others = [path for path in known if path.startswith(f"{output}/") and path not in paths]
        if others:
            return f"{', '.join(others)}: committed, but not written by this run.", largest
        for path in paths:
            if path not in known:
                return (
                    f"{path} has other bits, and the committed one is not here to be compared "
                    "with. Run `python -m tools.verify --update-reference` where it was made, and "
                    f"commit {REFERENCE}.",
                    largest,
                )
            content = (clone / path).read_bytes()
            if content == known[path]:
                continue
            distance = between(known[path], content)
            if not distance <= TOLERANCE:  # also true for NaN
                return f"{path} differs by {distance:.1e}, more than {TOLERANCE:.0e}.", largest
            largest = max(distance, largest or 0.0)
    return "", largest


def is_model(path: str, digest: str) -> bool:
    """Return whether an output in dvc.lock is a model, or a folder of models."""
    return path.endswith(MODEL) or (path.startswith("models/") and digest.endswith(FOLDER))


def files_of(root: Path, output: str) -> list[str]:
    """Return the paths of the files of an output: its own, or those in its folder."""
    if not (root / output).is_dir():
        return [output]
    files = (file for file in (root / output).rglob("*") if file.is_file())
    return sorted(file.relative_to(root).as_posix() for file in files)


def between(one: bytes, other: bytes) -> float:
    """Return the largest difference between two models in any number; inf for other shapes."""
    import numpy as np

    (a, about_a), (b, about_b) = unpacked(one), unpacked(other)
    shapes_a, shapes_b = ({name: (x.shape, x.dtype) for name, x in m.items()} for m in (a, b))
    if (shapes_a, about_a) != (shapes_b, about_b):
        return float("inf")
    return float(np.max([0.0, *(np.max(np.abs(a[name] - b[name])) for name in a if a[name].size)]))


def unpacked(model: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the numbers of a model as arrays, its facts among them, and its other metadata."""
    import numpy as np
    from safetensors.numpy import load

    header = json.loads(model[8 : 8 + int.from_bytes(model[:8], "little")])
    about = json.loads(header["__metadata__"]["winenet"])
    del about["sha256"]  # another last bit makes another hash
    return load(model) | {"fact_values": np.array(about.pop("fact_values"))}, about


def committed_models(root: Path) -> dict[str, bytes]:
    """Return the models of HEAD's dvc.lock that are found on this machine, by path.

    Of a folder all files are found, or none.
    """
    found: dict[str, bytes] = {}
    for output, digest in recorded_hashes(committed_lock(root)).items():
        if is_model(output, digest):
            models = {
                path: committed_file(root, path, of_file)
                for path, of_file in committed_hashes(root, output, digest).items()
            }
            if None not in models.values():
                found |= {path: content for path, content in models.items() if content is not None}
    return found


def committed_file(root: Path, path: str, digest: str) -> bytes | None:
    """Return the file with this hash: the one in REFERENCE, the workspace or DVC's cache."""
    for file in (reference(root, path), root / path, cached(root, digest)):
        if file.is_file() and md5(content := file.read_bytes()) == digest:
            return content
    return None


def committed_hashes(root: Path, output: str, digest: str) -> dict[str, str]:
    """Return the hash of each file of an output, by path; {} if a folder is found nowhere.

    dvc.lock has only the hash of a folder. DVC's cache lists its files; a folder in REFERENCE or
    in the workspace is the committed one if it has that hash.
    """
    if not digest.endswith(FOLDER):
        return {output: digest}
    listed = cached(root, digest)
    if listed.is_file() and md5(listed.read_bytes()) + FOLDER == digest:
        entries = json.loads(listed.read_text("utf-8"))
        return {f"{output}/{entry['relpath']}": entry["md5"] for entry in entries}
    for folder in (reference(root, output), root / output):
        if folder.is_dir() and hash_of(folder) == digest:
            return {
                f"{output}/{file.relative_to(folder).as_posix()}": hash_of(file)
                for file in sorted(folder.rglob("*"))
                if file.is_file()
            }
    return {}


def reference(root: Path, path: str) -> Path:
    """Return the place of a model, or of a folder of models, in REFERENCE."""
    return root / REFERENCE / path.removeprefix("models/")


def cached(root: Path, digest: str) -> Path:
    """Return the file in DVC's cache with this hash."""
    return root / ".dvc" / "cache" / "files" / "md5" / digest[:2] / digest[2:]


def hash_of(path: Path) -> str:
    """Return the hash of a file or a folder as DVC writes it."""
    if path.is_file():
        return md5(path.read_bytes())
    entries = [
        {"md5": md5(file.read_bytes()), "relpath": file.relative_to(path).as_posix()}
        for file in path.rglob("*")
        if file.is_file()
    ]
    entries.sort(key=lambda entry: entry["relpath"])
    return md5(json.dumps(entries, sort_keys=True).encode()) + FOLDER


def md5(content: bytes) -> str:
    """Return the hash as DVC writes it."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def unlike_the_committed(clone: Path, probe: Mapping[str, str]) -> list[str]:
    """Return which computations have other results here than on the committing machine.

    Raises VerifyError if HEAD has no probe.
    """
    file = clone / REFERENCE / "probe.json"
    if not file.is_file():
        raise VerifyError(
            f"{REFERENCE}/probe.json is not in HEAD, so nobody knows whether equal bits can be "
            "expected here. Run `python -m tools.verify --update-reference` and commit it."
        )
    committed = json.loads(file.read_text("utf-8"))
    return [name for name, digest in committed.items() if probe.get(name) != digest]


def count_files(clone: Path) -> int:
    """Return how many files of RESULTS are in git."""
    return len(git.output("ls-files", "--", *RESULTS, folder=clone).splitlines())
