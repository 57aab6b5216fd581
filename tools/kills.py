"""Kill the pipeline at random moments and check that `dvc repro` then ends with the same bytes.

Each round starts without outputs, dvc.lock and journal, and with an empty DVC cache. The process
group is killed by SIGKILL, as in a power failure, and `dvc repro` is run again.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tools import verify, verify_run
from tools.verify_run import VerifyError
from winenet import git
from winenet.errors import InputError

# Parameters of the same pipeline with less training, so that a round takes less time.
LESS: dict[str, dict[str, Any]] = {
    "handmade": {"epochs": [500, 1000, 2000, 5000], "n_seeds": 5},
    "mlp": {"defaults": {"max_iter": 60, "random_state": 42}},
    "grid_search": {
        "defaults": {"max_iter": 200, "random_state": 42},
        "cv": 3,
        "param_grid": {
            "hidden_layer_sizes": [[50, 25], [100, 50]],
            "learning_rate_init": [0.001, 0.01],
        },
    },
    "curves": {"epochs": 40},
    "seeds": {"n_seeds": 3},
    "importance": {"n_repeats": 3},
    "learning_curve": {"train_sizes": [0.25, 1.0], "n_repeats": 2},
    "compare": {"n_resamples": 200},
}
REPRO = (sys.executable, "-m", "dvc", "repro")
FOLDERS = ("metrics", "plots", "report", "data", "models")
GIVEN = ("data/raw", "data/README.md")  # not written by any stage


class Size(NamedTuple):
    """A pipeline to kill, and what it writes when it is not killed."""

    name: str
    params: str  # the text of params.yaml
    seconds: float
    fits: Mapping[str, tuple[int, int]]  # by stage: a fit of an earlier one, and all
    files: Mapping[str, str]  # path -> hash


class Round(NamedTuple):
    """The outcome of one kill and the run after it."""

    size: str
    seconds: float  # after which it was killed
    stage: str  # that was hit, "" before the first
    reused: int  # fits that this stage did not train again
    fits: int  # that it has
    difference: str  # the first one, or ""


def less(params: str) -> str:
    """Return the text of params.yaml with LESS in it."""
    content = yaml.safe_load(params)
    for section, values in LESS.items():
        content[section] |= values
    return yaml.safe_dump(content, sort_keys=False)


def begin(clone: Path, params: str) -> None:
    """Reset the clone to HEAD without results, and set params.yaml."""
    for name in (".winenet", ".dvc/cache", ".dvc/tmp", "../dvc_site_cache_dir", *FOLDERS):
        shutil.rmtree(clone / name, ignore_errors=True)
    git.output("checkout", "--quiet", "HEAD", "--", ".", folder=clone)
    for path in listed(clone):
        if not path.startswith(GIVEN) and Path(path).name != ".gitignore":
            (clone / path).unlink()
    (clone / "dvc.lock").unlink()
    (clone / "params.yaml").write_bytes(params.encode())


def listed(clone: Path) -> list[str]:
    """Return the paths of all files in FOLDERS, sorted."""
    return sorted(
        path.relative_to(clone).as_posix()
        for folder in FOLDERS
        for path in (clone / folder).rglob("*")
        if path.is_file()
    )


def snapshot(clone: Path) -> dict[str, str]:
    """Return the hash of dvc.lock and of every file in FOLDERS, by path."""
    return {
        path: hashlib.sha256((clone / path).read_bytes()).hexdigest()
        for path in ("dvc.lock", *listed(clone))
    }


def first_difference(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """Return the first file that is missing, superfluous or different, or ""."""
    for path in sorted(before.keys() | after.keys()):
        if path not in after:
            return f"{path} is missing"
        if path not in before:
            return f"{path} is left over"
        # A result says more than its hash in dvc.lock does.
        if before[path] != after[path] and path != "dvc.lock":
            return f"{path} has other bytes"
    return "" if before["dvc.lock"] == after["dvc.lock"] else "dvc.lock has other bytes"


def run(clone: Path, environment: Mapping[str, str]) -> str:
    """Run the pipeline to its end; return its output.

    Raises VerifyError if it fails.
    """
    done = subprocess.run(
        REPRO,
        cwd=clone,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode != 0:
        last = "\n".join(done.stdout.splitlines()[-verify_run.SHOWN_LINES :])
        raise VerifyError(f"`dvc repro` ended with exit code {done.returncode}:\n{last}")
    return str(done.stdout)


def kill(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], seconds: float
) -> str | None:
    """Start a command, kill its process group after some seconds, and return its output.

    Returns None if it ended before. No process of the group is alive afterwards.
    """
    said = folder.parent / "said.txt"
    with said.open("wb") as stream:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            end(process)
    if code is None:
        return said.read_text("utf-8", errors="replace")
    if code != 0:
        raise VerifyError(
            f"The run that was to be killed failed by itself:\n{said.read_text('utf-8')}"
        )
    return None


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill a process group and wait for the end of all its processes."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for _ in range(1000):
            os.killpg(process.pid, 0)
            time.sleep(0.01)
    except ProcessLookupError:
        return
    raise VerifyError(f"Processes of the group {process.pid} live on, ten seconds after SIGKILL.")


def hit(said: str) -> str:
    """Return the stage that ran when a run was killed."""
    result: list[str] = re.findall(r"^Running stage '(.+)':$", said, flags=re.MULTILINE)
    return result[-1] if result else ""


def fits(said: str) -> dict[str, tuple[int, int]]:
    """Return, by stage, the number of fits reused from the journal, and of all its fits."""
    result = re.findall(r"^(\w+): journal: (\d+) of (\d+) fits reused$", said, flags=re.MULTILINE)
    return {stage: (int(reused), int(count)) for stage, reused, count in result}


def undisturbed(name: str, params: str, clone: Path, environment: Mapping[str, str]) -> Size:
    """Run the pipeline once without a kill."""
    begin(clone, params)
    start = time.monotonic()
    said = run(clone, environment)
    seconds = time.monotonic() - start
    result = fits(said)
    text = ", ".join(f"{count} in {stage}" for stage, (_, count) in result.items())
    print(f"{name}: undisturbed in {seconds:.0f} s; fits: {text}", flush=True)
    return Size(name, params, seconds, result, snapshot(clone))


def kill_and_resume(
    size: Size, clone: Path, environment: Mapping[str, str], rng: random.Random
) -> Round:
    """Kill a run at a random moment, run again, and compare."""
    said = None
    while said is None:  # it may be faster than the undisturbed one was
        begin(clone, size.params)
        seconds = rng.uniform(0, size.seconds)
        said = kill(REPRO, clone, environment, seconds)
    stage = hit(said)
    try:
        reused, count = fits(run(clone, environment)).get(stage, (0, 0))
    except InputError as error:  # the run that was to go on did not: the other rounds still count
        return Round(size.name, seconds, stage, 0, 0, str(error))
    # A stage may train what an earlier one has trained: that is no work saved from the kill.
    reused -= size.fits.get(stage, (0, 0))[0]
    difference = first_difference(size.files, snapshot(clone))
    return Round(size.name, seconds, stage, reused, count, difference)


def line(number: int, one: Round) -> str:
    """Return a line for a round."""
    where = one.stage or "before the first stage"
    said = one.difference or "identical"
    return (
        f"{number:>4}  {one.size:<7} killed after {one.seconds:5.1f} s in {where:<22} "
        f"reused {one.reused:>3} of {one.fits:>3} fits  {said}"
    )


def verdict(rounds: Sequence[Round]) -> tuple[str, bool]:
    """Return a summary of all rounds, and whether it is as expected."""
    same = sum(not item.difference for item in rounds)
    with_reuse = sum(item.reused > 0 for item in rounds)
    text = (
        f"{same} of {len(rounds)} kills: the same bytes after a plain `dvc repro`. "
        f"{sum(item.fits > 0 for item in rounds)} hit a stage with a journal; {with_reuse} of "
        f"these went on with {sum(item.reused for item in rounds)} fits that the kill had not cost."
    )
    if not with_reuse:
        text += " None did, so nothing was shown about the journal."
    return text, same == len(rounds) and with_reuse > 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=30, help="number of kills (%(default)s)")
    parser.add_argument(
        "--full-runs", type=int, default=5, help="how many of them with full training (%(default)s)"
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of the random moments (%(default)s)"
    )
    requested = parser.parse_args(arguments)
    if requested.kills < 1 or not 0 <= requested.full_runs <= requested.kills:
        parser.error(
            f"--kills {requested.kills} --full-runs {requested.full_runs}: there must be at least "
            "one kill, and --full-runs must be from 0 to --kills."
        )
    return requested


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all rounds; return 0 if all bytes are equal and some fits were reused."""
    requested = parse(arguments)
    if not hasattr(os, "killpg"):
        print(
            "There are no process groups here, so nothing can be killed as a whole. Use Linux "
            "or macOS.",
            file=sys.stderr,
        )
        return 1
    rounds: list[Round] = []
    rng = random.Random(requested.seed)
    try:
        verify_run.check_clean(verify.ROOT)
        with verify_run.fresh_clone(verify.ROOT) as clone:
            # What joblib shares between processes outlives a SIGKILL: it goes with the clone.
            environment = verify_run.isolated(clone, os.environ) | {
                "WINENET_JOURNAL": "on",
                "JOBLIB_TEMP_FOLDER": str(clone.parent),
            }
            params = (clone / "params.yaml").read_text("utf-8")
            for name, text, count in (
                ("reduced", less(params), requested.kills - requested.full_runs),
                ("full", params, requested.full_runs),
            ):
                if count > 0:
                    size = undisturbed(name, text, clone, environment)
                for _ in range(count):
                    rounds.append(kill_and_resume(size, clone, environment, rng))
                    print(line(len(rounds), rounds[-1]), flush=True)
    except InputError as error:
        print(error, file=sys.stderr)
        return 1
    message, good = verdict(rounds)
    print(message)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
