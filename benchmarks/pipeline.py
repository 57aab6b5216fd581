"""The whole pipeline against the notebook's cells as one plain script, and where its time goes.

Both run in a fresh clone of HEAD, as processes of their own and in the same environment, in which
no numerics are set: the script has numpy's BLAS as it comes, the stages settle theirs themselves.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.measure import Row
from benchmarks.rows import Size
from tools import verify
from winenet import runtime
from winenet.errors import InputError

BEYOND = ("seeds", "learning_curve")  # stages that answer what the notebook does not ask
BEFORE = "DVC, before the first stage"
SCRIPT = "benchmarks/notebook.py"
NOTEBOOK = "the notebook's cells as one script"


class Run(NamedTuple):
    """What a process printed, with the seconds since its start, and how long it took."""

    lines: list[tuple[float, str]]
    seconds: float


def whole(size: Size, root: Path = verify.ROOT) -> list[Row]:
    """Time both in turn; return the ratios, and the share of each stage.

    root: a git repository. Raises InputError when HEAD cannot be cloned or a process fails.
    """
    scripts, totals = [], []
    parts: dict[str, list[float]] = {}
    for _ in range(size.repeats):
        script, repro = pair(size, root)
        scripts.append(script.seconds)
        totals.append(repro.seconds)
        for name, seconds in stage_seconds(repro).items():
            parts.setdefault(name, []).append(seconds)
    return table(median(scripts), median(totals), {name: median(parts[name]) for name in parts})


def pair(size: Size, root: Path) -> tuple[Run, Run]:
    """Run the script, then the pipeline, in one fresh clone with an empty cache."""
    try:
        with verify.fresh_clone(root) as clone:
            environment = without_numerics(verify.isolated(clone, os.environ))
            verify.check_no_cache(clone, environment)
            # Two stages show that it works.
            targets = verify.stage_names(clone)[:2] if size.quick else []
            script = [SCRIPT, *(["--quick"] if size.quick else [])]
            return (
                run(script, clone, environment),
                run(["-m", "dvc", "repro", "--force", *targets], clone, environment),
            )
    except verify.VerifyError as error:
        raise InputError(str(error)) from None


def without_numerics(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables without those by which this package has settled its own numerics."""
    settled = {*runtime.THREADS, "OPENBLAS_CORETYPE"}
    return {name: value for name, value in environment.items() if name not in settled}


def run(arguments: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Run:
    """Run Python to its end; raise InputError with its last lines when it fails."""
    start = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    ) as process:
        lines = [(time.perf_counter() - start, line.rstrip()) for line in process.stdout or ()]
    seconds = time.perf_counter() - start
    if process.returncode != 0:
        last = "\n".join(f"    {line}" for _, line in lines[-10:])
        raise InputError(
            f"`python {' '.join(arguments)}` ended with exit code {process.returncode} in a fresh "
            f"clone of HEAD, so there is nothing to compare:\n{last}\nCommit what it needs."
        )
    return Run(lines, seconds)


def stage_seconds(repro: Run) -> dict[str, float]:
    """Return the seconds from one stage's start to the next one's, by stage, as DVC names them.

    What DVC does before the first stage comes first; what it does after a stage, such as hashing
    its outputs, is part of that stage.
    """
    starts = [(0.0, BEFORE)]
    for seconds, line in repro.lines:
        starts += [(seconds, name) for name in re.findall(r"^Running stage '(.+)':$", line)]
    ends = [seconds for seconds, _ in starts[1:]] + [repro.seconds]
    return {name: end - start for (start, name), end in zip(starts, ends, strict=True)}


def table(script: float, total: float, parts: Mapping[str, float]) -> list[Row]:
    """Return a row for the whole, one without the stages BEYOND, and one for each part of it."""
    what = "the whole `dvc repro --force`, nothing reused: its time"
    left = total - sum(parts.get(name, 0) for name in BEYOND)
    return [
        Row(what, NOTEBOOK, total / script, f"{total:.2f} / {script:.2f}"),
        Row(
            f"the same without {' and '.join(BEYOND)}",
            NOTEBOOK,
            left / script,
            f"{left:.2f} / {script:.2f}",
        ),
        *(
            Row(f"of it: {name}", "the whole `dvc repro`", seconds / total, f"{seconds:.2f}")
            for name, seconds in parts.items()
        ),
    ]
