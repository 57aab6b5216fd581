"""Prove that a fresh clone of HEAD computes the committed numbers, byte for byte.

Every stage runs there from nothing, with no DVC cache to serve it; the working tree is left alone.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ("dvc.lock", "metrics", "plots", "report")
SHOWN_LINES = 30  # of a difference; the rest is a `git diff` away


class VerifyError(Exception):
    """The proof cannot be made, or it failed; the text says why."""


class Proof(NamedTuple):
    """What one run in one clone has shown."""

    stages: list[str]  # in dvc.yaml
    executed: list[str]  # by this run
    files: int  # of RESULTS, in git, compared byte for byte
    hashes: int  # of outputs in dvc.lock: data and models too
    difference: str  # the first one, or ""
    seconds: float

    @property
    def holds(self) -> bool:
        """Whether every stage ran and nothing differs."""
        return sorted(self.executed) == sorted(self.stages) and not self.difference


# --- the clone -------------------------------------------------------------------------------


def git(folder: Path, *arguments: str) -> str:
    """Return what git prints; raise with git's own words when it fails."""
    command = ["git", "-C", str(folder), *arguments]
    done = subprocess.run(
        command, env=without_repository(os.environ), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise VerifyError(f"`git {' '.join(arguments)}` failed: {done.stderr.strip()}")
    return done.stdout


def without_repository(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables without those by which a git hook points at its own repository."""
    pointers = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"}
    return {name: value for name, value in environment.items() if name not in pointers}


def check_clean(root: Path) -> None:
    """Refuse a tree whose files are not those of HEAD: HEAD is what the proof is about."""
    changed = git(root, "status", "--porcelain").splitlines()
    if changed:
        raise VerifyError(
            "The working tree differs from HEAD, so a proof about HEAD would say nothing about "
            "it:\n" + "\n".join("    " + line for line in changed[:SHOWN_LINES]) + "\n"
            "Commit or stash these files, then run `make verify` again."
        )


def check_committed(root: Path) -> None:
    """Refuse a HEAD that holds no pipeline, or no results to compare with."""
    for name in ("dvc.yaml", "dvc.lock"):
        if not git(root, "ls-tree", "--name-only", "HEAD", "--", name):
            raise VerifyError(
                f"{name} is not in HEAD, so there is nothing to prove. Run `make`, then commit "
                "dvc.yaml, dvc.lock, metrics, plots and report."
            )


@contextmanager
def fresh_clone(root: Path) -> Iterator[Path]:
    """Clone HEAD into a temporary folder that shares nothing with this one; remove it."""
    with tempfile.TemporaryDirectory(prefix="winenet-verify-") as folder:
        clone = Path(folder).resolve() / "clone"
        git(root, "clone", "--quiet", "--no-local", "--no-checkout", str(root), str(clone))
        git(clone, "checkout", "--quiet", "--detach", git(root, "rev-parse", "HEAD").strip())
        yield clone


def isolated(clone: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Return variables in which this Python comes first and no setting of the user reaches DVC."""
    ours = ("DVC_", "WINENET_")
    own = {
        name: value
        for name, value in without_repository(environment).items()
        if not name.startswith(ours)
    }
    for name in ("DVC_GLOBAL_CONFIG_DIR", "DVC_SYSTEM_CONFIG_DIR", "DVC_SITE_CACHE_DIR"):
        folder = clone.parent / name.lower()
        folder.mkdir(exist_ok=True)
        own[name] = str(folder)
    first = str(Path(sys.executable).parent)
    own["PATH"] = os.pathsep.join([first, environment.get("PATH", os.defpath)])
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


def reproduce(clone: Path, environment: Mapping[str, str]) -> list[str]:
    """Run every stage in the clone, show the output, return the names of the stages that ran."""
    command = [sys.executable, "-m", "dvc", "repro", "--force"]
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
    ) as process:
        executed = [name for line in process.stdout or () for name in echoed(line)]
    if process.returncode != 0:
        raise VerifyError(
            f"`dvc repro --force` ended with exit code {process.returncode} in a fresh clone of "
            "HEAD; its last lines above say why. Something that a stage needs is perhaps not "
            "committed."
        )
    return executed


def echoed(line: str) -> list[str]:
    """Print a line of DVC's output; return the stage whose start it tells, if it tells one."""
    print(line, end="", flush=True)
    return re.findall(r"^Running stage '(.+)':$", line)


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
    missing = [
        path for path in recorded_hashes(committed_lock(clone)) if not (clone / path).exists()
    ]
    if missing:
        return f"In dvc.lock, but not written by any stage: {', '.join(missing)}."
    untracked = git(clone, "ls-files", "--others", "--exclude-standard").splitlines()
    if untracked:
        return f"Written, but not committed: {', '.join(untracked)}."
    # Everything in git is compared, so that RESULTS can leave nothing out.
    names = git(clone, "diff", "--name-only", "HEAD").splitlines()
    if not names:
        return ""
    # A result says more than its hash: dvc.lock is shown when nothing else differs.
    shown = next((name for name in names if name != "dvc.lock"), "dvc.lock")
    lines = git(clone, "diff", "HEAD", "--", shown).splitlines()
    return "\n".join(
        [f"Different: {', '.join(names)}.", *changed_outputs(clone), *lines[:SHOWN_LINES]]
    )


def changed_outputs(clone: Path) -> list[str]:
    """Return a line that names the outputs whose hash differs, those outside of git included."""
    before, after = recorded_hashes(committed_lock(clone)), recorded_hashes(new_lock(clone))
    paths = [path for path in before | after if before.get(path) != after.get(path)]
    return [f"Outputs with another hash: {', '.join(paths)}."] if paths else []


def committed_lock(clone: Path) -> str:
    """Return dvc.lock as HEAD has it."""
    return git(clone, "show", "HEAD:dvc.lock")


def new_lock(clone: Path) -> str:
    """Return dvc.lock as the run left it."""
    return (clone / "dvc.lock").read_text("utf-8")


def count_files(clone: Path) -> int:
    """Return how many files of RESULTS are in git."""
    return len(git(clone, "ls-files", "--", *RESULTS).splitlines())


# --- the whole -------------------------------------------------------------------------------


def prove(root: Path, environment: Mapping[str, str]) -> Proof:
    """Run the pipeline of HEAD in a fresh clone and compare."""
    with fresh_clone(root) as clone:
        own = isolated(clone, environment)
        check_no_cache(clone, own)
        print(f"$ dvc repro --force    (a fresh clone of HEAD in {clone}, empty cache)", flush=True)
        start = time.monotonic()
        executed = reproduce(clone, own)
        return Proof(
            stages=stage_names(clone),
            executed=executed,
            files=count_files(clone),
            hashes=len(recorded_hashes(committed_lock(clone))),
            difference=first_difference(clone),
            seconds=time.monotonic() - start,
        )


def summary(proof: Proof) -> str:
    """Return the proof in a few lines."""
    verdict = "identical" if proof.holds else "NOT the same"
    lines = [
        "",
        f"stages executed      {len(proof.executed)} of {len(proof.stages)}, none from a cache"
        if sorted(proof.executed) == sorted(proof.stages)
        else f"stages executed      {proof.executed} instead of {proof.stages}",
        f"files compared       {proof.files} in git ({', '.join(RESULTS)})",
        f"outputs compared     {proof.hashes} by the hash in dvc.lock, data and models included",
        f"time                 {proof.seconds:.0f} s",
        f"result               {verdict}",
    ]
    return "\n".join([*lines, proof.difference] if proof.difference else lines)


def main() -> int:
    """Prove HEAD; return 0 when the proof holds, else 1."""
    try:
        check_clean(ROOT)
        check_committed(ROOT)
        proof = prove(ROOT, os.environ)
    except VerifyError as error:
        print(error, file=sys.stderr)
        return 1
    print(summary(proof))
    return 0 if proof.holds else 1


if __name__ == "__main__":
    sys.exit(main())
