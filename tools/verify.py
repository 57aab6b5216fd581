"""Prove that a fresh clone of HEAD computes the committed numbers, whatever is varied around it.

Every stage runs there from nothing, with no DVC cache to serve it; the working tree is left alone.
Where this machine computes as the committed run did, each byte is compared; elsewhere, and under
another BLAS kernel, all but the models byte for byte, and these within TOLERANCE.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tools import variations
from tools.variations import Variation
from winenet import git
from winenet.errors import InputError

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ("dvc.lock", "metrics", "plots", "report")
REFERENCE = "tools/reference"  # the committed models, and the probe of the machine that made them
MODEL = ".npz"
TOLERANCE = 1e-10
SHOWN_LINES = 30  # of a difference; the rest is a `git diff` away


class VerifyError(InputError):
    """The proof cannot be made, or it failed; the text says why."""


class Ran(NamedTuple):
    """What one run has said."""

    executed: list[str]  # stages that ran
    numerics: list[str]  # what each of them said that it computes with
    reused: list[str]  # lines that tell of a result that was not computed
    seen: Mapping[str, Any]  # by the probe


class Proof(NamedTuple):
    """What one run in one clone has shown."""

    stages: list[str]  # in dvc.yaml
    executed: list[str]  # by this run
    files: int  # of RESULTS, in git, compared byte for byte
    hashes: int  # of outputs in dvc.lock: data and models too
    difference: str  # the first one, or ""
    seconds: float
    unlike: Sequence[str] = ()  # what was computed unlike on the machine of the committed run
    native: bool = False  # another kernel than a stage settles on
    tolerant: bool = False  # whether models may have other last bits
    distance: float | None = None  # of the models whose bits differ: the largest, in any weight

    @property
    def holds(self) -> bool:
        """Whether every stage ran and nothing differs."""
        return sorted(self.executed) == sorted(self.stages) and not self.difference


# --- the clone -------------------------------------------------------------------------------


def check_clean(root: Path) -> None:
    """Refuse a tree whose files are not those of HEAD: HEAD is what the proof is about."""
    changed = git.output("status", "--porcelain", folder=root).splitlines()
    if changed:
        raise VerifyError(
            "The working tree differs from HEAD, so a proof about HEAD would say nothing about "
            "it:\n" + "\n".join("    " + line for line in changed[:SHOWN_LINES]) + "\n"
            "Commit or stash these files, then run `make verify` again."
        )


def check_committed(root: Path) -> None:
    """Refuse a HEAD that holds no pipeline, or no results to compare with."""
    for name in ("dvc.yaml", "dvc.lock"):
        if not git.output("ls-tree", "--name-only", "HEAD", "--", name, folder=root):
            raise VerifyError(
                f"{name} is not in HEAD, so there is nothing to prove. Run `make`, then commit "
                "dvc.yaml, dvc.lock, metrics, plots and report."
            )


@contextmanager
def fresh_clone(root: Path) -> Iterator[Path]:
    """Clone HEAD into a temporary folder that shares nothing with this one; remove it."""
    with tempfile.TemporaryDirectory(prefix="winenet-verify-") as folder:
        clone = Path(folder).resolve() / "another folder"  # with a blank
        git.output(
            "clone", "--quiet", "--no-local", "--no-checkout", str(root), str(clone), folder=root
        )
        head = git.output("rev-parse", "HEAD", folder=root).strip()
        git.output("checkout", "--quiet", "--detach", head, folder=clone)
        yield clone


def isolated(clone: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Return variables in which this Python comes first and no setting of the user reaches DVC."""
    ours = ("DVC_", "WINENET_")
    own = {
        name: value
        for name, value in git.without_repository(environment).items()
        if not name.startswith(ours)
    }
    for name in ("DVC_GLOBAL_CONFIG_DIR", "DVC_SYSTEM_CONFIG_DIR", "DVC_SITE_CACHE_DIR"):
        folder = clone.parent / name.lower()
        folder.mkdir(exist_ok=True)
        own[name] = str(folder)
    first = str(Path(sys.executable).parent)
    own["PATH"] = os.pathsep.join([first, environment.get("PATH", os.defpath)])
    own["WINENET_JOURNAL"] = "off"  # neither read nor written
    own["PYTHONUNBUFFERED"] = "1"  # DVC's lines and those of the stages come in their true order
    return own


def check_no_cache(clone: Path, environment: Mapping[str, str]) -> None:
    """Refuse a cache that holds anything, or that lies outside of the clone."""
    command = [sys.executable, "-m", "dvc", "cache", "dir"]
    done = subprocess.run(
        command, cwd=clone, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise VerifyError(f"`dvc cache dir` failed in the clone: {done.stderr.strip()}")
    cache = Path(done.stdout.strip())
    if cache != clone / ".dvc" / "cache" or (cache.exists() and any(cache.iterdir())):
        raise VerifyError(
            f"DVC's cache in the clone is {cache}, and it must be the clone's own and empty: else "
            "it could serve results that no stage computed. Look for `cache` in .dvc/config."
        )


# --- the run ---------------------------------------------------------------------------------


def prepare(clone: Path, expected: Mapping[str, Any]) -> None:
    """Give the files of the clone the times and the owner that are expected."""
    if "file times" in expected:
        names = git.output("ls-files", "-z", folder=clone).split("\0")
        files = [clone / name for name in names if name]
        for age, file in enumerate(reversed(files)):
            os.utime(file, (expected["file times"] - 3600 * age,) * 2)
    if "user" in expected:
        for path in (clone.parent, *clone.parent.rglob("*")):
            os.chown(path, expected["user"], expected["user"], follow_symlinks=False)


def reproduce(
    clone: Path, environment: Mapping[str, str], expected: Mapping[str, Any] | None = None
) -> Ran:
    """Run every stage in the clone and show the output.

    The probe starts it, and refuses when it sees something else than is expected.
    """
    expected = expected or {}
    command = [sys.executable, str(variations.PROBE), json.dumps(dict(expected))]
    command += [sys.executable, "-m", "dvc", "repro", "--force"]
    if "user" in expected:
        command = [*variations.as_nobody(), *command]
    ran = Ran([], [], [], {})
    with subprocess.Popen(
        command,
        cwd=clone,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        umask=int(expected["umask"], 8) if "umask" in expected else -1,
    ) as process:
        for line in process.stdout or ():
            ran = heard(ran, line)
    if process.returncode == variations.REFUSED:
        raise VerifyError(
            "A variation did not take effect, so the run was not started; the last line above "
            "says which. It would have proved nothing."
        )
    if process.returncode != 0:
        raise VerifyError(
            f"`dvc repro --force` ended with exit code {process.returncode} in a fresh clone of "
            "HEAD; its last lines above say why. Something that a stage needs is perhaps not "
            "committed."
        )
    return ran


def heard(ran: Ran, line: str) -> Ran:
    """Print a line of the run, but for the probe's; return what has been said with it."""
    if line.startswith("probe: "):
        return ran._replace(seen=json.loads(line.removeprefix("probe: ")))
    print(line, end="", flush=True)
    ran.executed.extend(re.findall(r"^Running stage '(.+)':$", line))
    ran.numerics.extend(re.findall(r"^\w+: numerics: (.+)$", line))
    ran.reused.extend(re.findall(r"^.*journal: [1-9]\d* of.*$", line))
    return ran


def no_effect(
    clone: Path, environment: Mapping[str, str], expected: Mapping[str, Any], ran: Ran
) -> str:
    """Return what the run's own words and files say against what it was to be, or ""."""
    if ran.reused:
        return f"Not computed, but taken from a journal: {ran.reused[0]}"
    if len(ran.numerics) != len(ran.executed):
        return f"{len(ran.numerics)} of {len(ran.executed)} stages said what they compute with."
    kernel = environment.get("OPENBLAS_CORETYPE")
    native = environment.get("WINENET_NUMERICS") == "native"
    for said in ran.numerics:
        if native != said.startswith("native") or (native and f"CORETYPE={kernel}" not in said):
            return f"A stage computed with other numerics than was asked for: {said}"
    for path in [path for path in recorded_hashes(new_lock(clone)) if (clone / path).exists()]:
        state = (clone / path).stat()
        if state.st_uid != expected.get("user", state.st_uid):
            return f"{path} was written by user {state.st_uid}, not {expected['user']}."
        if state.st_mode & int(expected.get("umask", "0"), 8) & 0o777:
            return f"{path} was written with the rights {state.st_mode & 0o777:o}, against umask."
    return ""


def stage_names(clone: Path) -> list[str]:
    """Return the stages of dvc.yaml, in its order."""
    return list(yaml.safe_load((clone / "dvc.yaml").read_text("utf-8"))["stages"])


def recorded_hashes(lock: str) -> dict[str, str]:
    """Return path -> hash of every output that a dvc.lock records."""
    stages = yaml.safe_load(lock)["stages"].values()
    return {out["path"]: out["md5"] for stage in stages for out in stage.get("outs", [])}


# --- the comparison --------------------------------------------------------------------------


def first_difference(clone: Path) -> str:
    """Return the first difference between HEAD and what the run left, or ""."""
    stray = missing_or_more(clone)
    if stray:
        return stray
    # Everything in git is compared, so that RESULTS can leave nothing out.
    names = git.output("diff", "--name-only", "HEAD", folder=clone).splitlines()
    return shown(clone, names) if names else ""


def missing_or_more(clone: Path) -> str:
    """Return what was not written, not recorded truly, or written and not committed, or ""."""
    missing = [
        path for path in recorded_hashes(committed_lock(clone)) if not (clone / path).exists()
    ]
    if missing:
        return f"In dvc.lock, but not written by any stage: {', '.join(missing)}."
    untracked = git.output("ls-files", "--others", "--exclude-standard", folder=clone).splitlines()
    if untracked:
        return f"Written, but not committed: {', '.join(untracked)}."
    for path, digest in recorded_hashes(new_lock(clone)).items():
        if (clone / path).is_file() and md5((clone / path).read_bytes()) != digest:
            return f"{path} is not the file whose hash DVC wrote into dvc.lock."
    return ""


def shown(clone: Path, names: Sequence[str]) -> str:
    """Return the names of files in git that differ, and the first lines of one difference."""
    # A result says more than its hash: dvc.lock is shown when nothing else differs.
    item = next((name for name in names if name != "dvc.lock"), "dvc.lock")
    lines = git.output("diff", "HEAD", "--", item, folder=clone).splitlines()
    return "\n".join(
        [f"Different: {', '.join(names)}.", *changed_outputs(clone), *lines[:SHOWN_LINES]]
    )


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
    """Return what dvc.lock says, without the hashes of the models."""
    content = yaml.safe_load(lock)
    for stage in content["stages"].values():
        for entry in stage.get("deps", []) + stage.get("outs", []):
            if entry["path"].endswith(MODEL):
                entry.pop("md5")
    return content


def compare_models(clone: Path, known: Mapping[str, bytes]) -> tuple[str, float | None]:
    """Return the first difference that is too large, or "", and the largest of all.

    known: the committed models. The second is None when all models have the same bits.
    """
    before, after = recorded_hashes(committed_lock(clone)), recorded_hashes(new_lock(clone))
    largest: float | None = None
    for path in [path for path in after if path.endswith(MODEL)]:
        if before.get(path) == after[path]:
            continue
        if path not in known:
            return (
                f"{path} has other bits, and the committed one is not here to be compared with. "
                "Run `python -m tools.verify --update-reference` where it was made, and commit "
                f"{REFERENCE}.",
                largest,
            )
        distance = between(known[path], (clone / path).read_bytes())
        if not distance <= TOLERANCE:  # NaN is no small distance
            return f"{path} differs by {distance:.1e}, more than {TOLERANCE:.0e}.", largest
        largest = max(distance, largest or 0.0)
    return "", largest


def between(one: bytes, other: bytes) -> float:
    """Return the largest difference of two models in any number; infinity for other shapes."""
    import numpy as np

    a, b = (np.load(io.BytesIO(content), allow_pickle=False) for content in (one, other))
    if a.files != b.files:
        return float("inf")
    distances = [0.0]
    for name in a.files:
        x, y = a[name], b[name]
        if (x.shape, x.dtype) != (y.shape, y.dtype):
            distances.append(float("inf"))
        elif x.dtype.kind == "f" and x.size:
            distances.append(float(np.max(np.abs(x - y))))
        elif not np.array_equal(x, y):
            distances.append(float("inf"))
    return float(np.max(distances))


def committed_models(root: Path) -> dict[str, bytes]:
    """Return path -> content of the models in HEAD's dvc.lock, as far as they are anywhere here."""
    found: dict[str, bytes] = {}
    for path, digest in recorded_hashes(committed_lock(root)).items():
        cached = root / ".dvc" / "cache" / "files" / "md5" / digest[:2] / digest[2:]
        for file in (root / REFERENCE / Path(path).name, root / path, cached):
            if path.endswith(MODEL) and file.is_file() and md5(file.read_bytes()) == digest:
                found[path] = file.read_bytes()
    return found


def md5(content: bytes) -> str:
    """Return the hash as DVC writes it."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def unlike_the_committed(clone: Path, probe: Mapping[str, str]) -> list[str]:
    """Return which computations give other bits here than where the results were made."""
    file = clone / REFERENCE / "probe.json"
    if not file.is_file():
        raise VerifyError(
            f"{REFERENCE}/probe.json is not in HEAD, so nobody knows whether equal bits can be "
            "expected here. Run `python -m tools.verify --update-reference` and commit it."
        )
    committed = json.loads(file.read_text("utf-8"))
    return [name for name, digest in committed.items() if probe.get(name) != digest]


def changed_outputs(clone: Path) -> list[str]:
    """Return a line that names the outputs whose hash differs, those outside of git included."""
    before, after = recorded_hashes(committed_lock(clone)), recorded_hashes(new_lock(clone))
    paths = [path for path in before | after if before.get(path) != after.get(path)]
    return [f"Outputs with another hash: {', '.join(paths)}."] if paths else []


def committed_lock(clone: Path) -> str:
    """Return dvc.lock as HEAD has it."""
    return git.output("show", "HEAD:dvc.lock", folder=clone)


def new_lock(clone: Path) -> str:
    """Return dvc.lock as the run left it."""
    return (clone / "dvc.lock").read_text("utf-8")


def count_files(clone: Path) -> int:
    """Return how many files of RESULTS are in git."""
    return len(git.output("ls-files", "--", *RESULTS, folder=clone).splitlines())


# --- the whole -------------------------------------------------------------------------------


def prove(
    clone: Path,
    environment: Mapping[str, str],
    varied: Sequence[Variation],
    models: dict[str, bytes],
) -> Proof:
    """Run the pipeline in a fresh clone, under all these variations at once, and compare.

    models: the committed ones, as far as they are known; those that are made here are added.
    Raises VerifyError if the run fails or a variation has no effect.
    """
    own = isolated(clone, environment)
    check_no_cache(clone, own)
    expected: dict[str, Any] = {}
    for variation in varied:
        own.update(variation.environment)
        expected.update(variation.expected)
    prepare(clone, expected)
    print(f"$ dvc repro --force    (a fresh clone of HEAD in {clone}, empty cache)", flush=True)
    start = time.monotonic()
    ran = reproduce(clone, own, expected)
    seconds = time.monotonic() - start
    proof = Proof(
        stages=stage_names(clone),
        executed=ran.executed,
        files=count_files(clone),
        hashes=len(recorded_hashes(committed_lock(clone))),
        difference=no_effect(clone, own, expected, ran),
        seconds=seconds,
        unlike=unlike_the_committed(clone, ran.seen["probe"]),
        native=own.get("WINENET_NUMERICS") == "native",
    )
    if proof.difference:
        return proof
    models |= committed_models(clone)
    # Another kernel may have the probe's bits and not a model's: it is never held to them.
    if not proof.unlike and not proof.native:
        return proof._replace(difference=first_difference(clone))
    proof = proof._replace(tolerant=True, difference=difference_beyond_models(clone))
    if proof.difference:
        return proof
    difference, distance = compare_models(clone, models)
    return proof._replace(difference=difference, distance=distance)


def update_reference(root: Path, environment: Mapping[str, str]) -> None:
    """Write REFERENCE anew: the models of HEAD's dvc.lock, and this machine's probe."""
    models = committed_models(root)
    paths = [path for path in recorded_hashes(committed_lock(root)) if path.endswith(MODEL)]
    missing = [path for path in paths if path not in models]
    if missing:
        raise VerifyError(
            f"{', '.join(missing)}: the one in HEAD's dvc.lock is not here, so it cannot be kept. "
            "Run `dvc checkout`, or `dvc repro` and commit dvc.lock, then this again."
        )
    (root / REFERENCE).mkdir(parents=True, exist_ok=True)
    for path, content in models.items():
        (root / REFERENCE / Path(path).name).write_bytes(content)
    ours = {name: value for name, value in environment.items() if not name.startswith("WINENET_")}
    probe = variations.look(root, ours)["probe"]
    text = json.dumps(probe, indent=1) + "\n"
    (root / REFERENCE / "probe.json").write_bytes(text.encode())


# --- what is printed -------------------------------------------------------------------------


class Row(NamedTuple):
    """A line of the table."""

    varied: str
    to: str
    compared: str
    result: str
    holds: bool | None  # None: not varied


def rows(varied: Sequence[Variation], proof: Proof) -> list[Row]:
    """Return a row for each variation of a run; a run that holds proves each of them."""
    found = []
    for variation in varied:
        if variation.hindered:
            found.append(Row(variation.name, "-", "-", f"not varied: {variation.hindered}", None))
        else:
            found.append(
                Row(variation.name, variation.told, compared(proof), result(proof), proof.holds)
            )
    return found


def compared(proof: Proof) -> str:
    """Return what was compared, and how."""
    if proof.tolerant:
        return f"{proof.files} files, {proof.hashes} outputs; models within {TOLERANCE:.0e}"
    return f"{proof.files} files, {proof.hashes} outputs"


def result(proof: Proof) -> str:
    """Return the outcome in a few words."""
    if sorted(proof.executed) != sorted(proof.stages):
        return f"stages executed: {proof.executed} instead of {proof.stages}"
    if proof.difference:
        return f"NOT the same: {proof.difference.splitlines()[0]}"
    if proof.distance is not None:
        return f"identical; models within {proof.distance:.0e}"
    return "identical"


def attempt(
    clone: Path, varied: Sequence[Variation], models: dict[str, bytes]
) -> tuple[list[Row], Proof | None]:
    """Make a run; return its rows, which tell of a run that failed as well, and what it proved."""
    active = [variation for variation in varied if not variation.hindered]
    try:
        proof = prove(clone, os.environ, active, models)
    except InputError as error:
        print(f"\n{error}\n", flush=True)
        failed = f"FAILED: {error}"
        return [
            Row(variation.name, variation.told, "-", failed, False) for variation in active
        ], None
    names = ", ".join(variation.name for variation in active)
    print(f"\n{names}: {result(proof)} ({proof.seconds:.0f} s)\n{proof.difference}", flush=True)
    return rows(varied, proof), proof


def table(shown: Sequence[Row]) -> str:
    """Return the table with columns that stand below each other."""
    lines = [("varied", "to", "compared", "result"), *(row[:4] for row in shown)]
    widths = [max(len(line[column]) for line in lines) for column in range(3)]
    return "\n".join(
        "  ".join(
            [*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[3]]
        )
        for line in lines
    )


def legend(proofs: Sequence[Proof]) -> str:
    """Return what the table's words mean, and what was computed."""
    if not proofs:
        return ""
    first = proofs[0]
    lines = [
        f"files: dvc.lock, metrics, plots and report, in git, byte for byte. outputs: data and "
        f"models too, by a hash of every byte. {len(first.stages)} stages in each of "
        f"{len(proofs)} runs, all by force with an empty cache "
        f"({sum(proof.seconds for proof in proofs):.0f} s).",
    ]
    if any(proof.tolerant for proof in proofs):
        lines.append(
            "Where models have a tolerance, dvc.lock is equal but for their hashes, and all else "
            "is byte for byte."
        )
    return "\n".join(lines)


def fallback(proof: Proof) -> str:
    """Return why a run without another kernel did not compare the models' bits, or ""."""
    if not proof.unlike or proof.native:
        return ""
    return (
        f"This machine computes {', '.join(proof.unlike)} with other last bits than the one that "
        "made the committed results (a probe of a few fixed numbers says so), so equal bits cannot "
        "be expected. Compared instead: metrics, plots, report and data byte for byte, models "
        f"within {TOLERANCE:.0e}."
    )


def verdict(shown: Sequence[Row]) -> str:
    """Return the table's sum, and how to go on when something differs."""
    varied = [row for row in shown if row.holds is not None]
    failed = [row for row in varied if not row.holds]
    line = f"{len(varied) - len(failed)} of {len(varied)} variations: identical."
    if len(varied) < len(shown):
        line += f" Not varied here: {len(shown) - len(varied)}."
    if failed:
        line += (
            "\nThe variations of one run are made together: `make verify ONLY=locale` makes one "
            "alone, and ONLY=folder none but the fresh clone."
        )
    return line


# --- the command line ------------------------------------------------------------------------


def selected(names: Sequence[str], only: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return the names that are to be varied; refuse one that there is none of."""
    unknown = [name for name in only if name not in known]
    if unknown:
        raise VerifyError(
            f"--only {', '.join(unknown)}: there is no such variation here. There are: "
            f"{', '.join(known)}."
        )
    return [name for name in names if not only or name in only]


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.verify", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one run, no other BLAS kernels")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="vary that")
    parser.add_argument("--list", action="store_true", help="say what can be varied here")
    parser.add_argument("--update-reference", action="store_true", help=f"write {REFERENCE} anew")
    return parser.parse_args(arguments)


def run_all(root: Path, asked: argparse.Namespace) -> tuple[list[Row], list[Proof]]:
    """Make every run that was asked for; return the rows of the table and what was proved."""
    only = [name for given in asked.only for name in given.split(",") if name]
    shown: list[Row] = []
    proofs: list[Proof] = []
    models = committed_models(root)
    with fresh_clone(root) as clone:
        own = variations.look(root, isolated(clone, os.environ))
        around = variations.around(own, clone)
        kernels = [] if asked.quick else variations.kernels(own, root)
        known = [variation.name for variation in (*around, *kernels)]
        names = selected(known, only, known)
        if asked.list:
            for variation in (*around, *kernels):
                text = variation.told or f"not varied: {variation.hindered}"
                print(f"{variation.name:18}{text}")
            return [], []
        varied = [variation for variation in around if variation.name in names]
        if varied:
            shown, proof = attempt(clone, varied, models)
            proofs += [proof] if proof else []
    for kernel in [kernel for kernel in kernels if kernel.name in names]:
        with fresh_clone(root) as clone:
            (row,), proof = attempt(clone, [kernel], models)
            shown.append(row._replace(varied=f"BLAS kernel {row.varied}"))
            proofs += [proof] if proof else []
    return shown, proofs


def main(arguments: Sequence[str] = ()) -> int:
    """Prove HEAD; return 0 when the proof holds, else 1."""
    requested = parse(arguments)
    try:
        if requested.update_reference:
            update_reference(ROOT, os.environ)
            return 0
        check_clean(ROOT)
        check_committed(ROOT)
        shown, proofs = run_all(ROOT, requested)
    except InputError as error:
        print(error, file=sys.stderr)
        return 1
    if not shown:
        return 0
    print("\n" + table(shown) + "\n")
    print("\n".join(filter(None, [legend(proofs), *map(fallback, proofs), verdict(shown)])))
    return 1 if any(row.holds is False for row in shown) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
