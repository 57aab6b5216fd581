"""Clone HEAD into an empty folder, run every stage there, and check how it ran."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tools import variations
from winenet import git
from winenet.errors import InputError

SHOWN_LINES = 30  # of a difference; `git diff` shows the rest


class VerifyError(InputError):
    """The check cannot be made, or it failed; the message says why."""


class Ran(NamedTuple):
    """What one run has printed."""

    executed: list[str]  # stages that ran
    numerics: list[str]  # what each stage computes with
    reused: list[str]  # lines about results taken from a journal
    seen: Mapping[str, Any]  # by the probe


def check_clean(root: Path) -> None:
    """Raise VerifyError if the working tree differs from HEAD."""
    changed = git.output("status", "--porcelain", folder=root).splitlines()
    if changed:
        raise VerifyError(
            "The working tree differs from HEAD, so a proof about HEAD would say nothing about "
            "it:\n" + "\n".join("    " + line for line in changed[:SHOWN_LINES]) + "\n"
            "Commit or stash these files, then run `make verify` again."
        )


def check_committed(root: Path) -> None:
    """Raise VerifyError if HEAD has no pipeline or no results to compare with."""
    for name in ("dvc.yaml", "dvc.lock"):
        if not git.output("ls-tree", "--name-only", "HEAD", "--", name, folder=root):
            raise VerifyError(
                f"{name} is not in HEAD, so there is nothing to prove. Run `make`, then commit "
                "dvc.yaml, dvc.lock, metrics, plots and report."
            )


@contextmanager
def fresh_clone(root: Path) -> Iterator[Path]:
    """Clone HEAD into a temporary folder that shares nothing with this; remove it at the end."""
    with tempfile.TemporaryDirectory(prefix="winenet-verify-") as folder:
        clone = Path(folder).resolve() / "another folder"  # with a blank
        git.output(
            "clone", "--quiet", "--no-local", "--no-checkout", str(root), str(clone), folder=root
        )
        head = git.output("rev-parse", "HEAD", folder=root).strip()
        git.output("checkout", "--quiet", "--detach", head, folder=clone)
        yield clone


def isolated(clone: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Return variables with which this Python comes first and DVC sees no user settings."""
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
    """Raise VerifyError if DVC's cache is not empty or lies outside of the clone."""
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


def prepare(clone: Path, expected: Mapping[str, Any]) -> None:
    """Set the modification times and the owner of the files in the clone."""
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
    """Run every stage in the clone and print the output.

    Raises VerifyError if the run fails, or if the probe sees something else than `expected`.
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
    """Print a line of the run, except the probe's; return what has been printed so far."""
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
    """Return how the run deviates from what was requested, or "" if it does not."""
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
    """Return the hash of every output in a dvc.lock, by path."""
    stages = yaml.safe_load(lock)["stages"].values()
    return {out["path"]: out["md5"] for stage in stages for out in stage.get("outs", [])}


def committed_lock(clone: Path) -> str:
    """Return dvc.lock as HEAD has it."""
    return git.output("show", "HEAD:dvc.lock", folder=clone)


def new_lock(clone: Path) -> str:
    """Return dvc.lock as the run left it."""
    return (clone / "dvc.lock").read_text("utf-8")
