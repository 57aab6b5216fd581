"""The whole pipeline against the notebook's cells as one plain script, and where its time goes.

Both run as separate processes in a fresh clone of HEAD. Their environment sets no numerics: the
script uses numpy's BLAS with its defaults, and the stages configure theirs themselves.
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
from tools import verify, verify_run
from winenet import runtime
from winenet.errors import InputError

NOT_IN_NOTEBOOK = ("seeds", "learning_curve")  # stages without a counterpart in the notebook
STARTUP = "DVC, before the first stage"
SCRIPT = "benchmarks/notebook.py"
NOTEBOOK = "the notebook's cells as one script"


class Run(NamedTuple):
    """The lines that a process printed, each with the seconds since its start, and its duration."""

    lines: list[tuple[float, str]]
    seconds: float


def whole(size: Size, root: Path = verify.ROOT) -> list[Row]:
    """Time both in turn; return the ratios, and the fraction of each stage.

    root: a git repository. Raises InputError if HEAD cannot be cloned or a process fails.
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
    with verify_run.fresh_clone(root) as clone:
        environment = without_numerics(verify_run.isolated(clone, os.environ))
        verify_run.check_no_cache(clone, environment)
        # Two stages are enough to test it.
        targets = verify_run.stage_names(clone)[:2] if size.quick else []
        script = [SCRIPT, *(["--quick"] if size.quick else [])]
        return (
            run(script, clone, environment),
            run(["-m", "dvc", "repro", "--force", *targets], clone, environment),
        )


def without_numerics(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables without those by which this package has settled its own numerics."""
    settled = {*runtime.THREADS, "OPENBLAS_CORETYPE"}
    return {name: value for name, value in environment.items() if name not in settled}


def run(arguments: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Run:
    """Run Python; raise InputError with its last lines if it fails."""
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
            f"clone of HEAD, so there is nothing to compare:\n{last}\nCommit all files it needs."
        )
    return Run(lines, seconds)


def stage_seconds(repro: Run) -> dict[str, float]:
    """Return the seconds of each stage, by its name in DVC.

    A stage ends when the next one starts, so it includes what DVC does after it, such as
    hashing its outputs. The time before the first stage is listed first.
    """
    starts = [(0.0, STARTUP)]
    for seconds, line in repro.lines:
        starts += [(seconds, name) for name in re.findall(r"^Running stage '(.+)':$", line)]
    ends = [seconds for seconds, _ in starts[1:]] + [repro.seconds]
    return {name: end - start for (start, name), end in zip(starts, ends, strict=True)}


def table(script: float, total: float, parts: Mapping[str, float]) -> list[Row]:
    """Return rows for the total, for the total without NOT_IN_NOTEBOOK, and for each stage."""
    what = "the whole `dvc repro --force`, nothing reused: its time"
    comparable = total - sum(parts.get(name, 0) for name in NOT_IN_NOTEBOOK)
    return [
        Row(what, NOTEBOOK, total / script, f"{total:.2f} / {script:.2f}"),
        Row(
            f"the same without {' and '.join(NOT_IN_NOTEBOOK)}",
            NOTEBOOK,
            comparable / script,
            f"{comparable:.2f} / {script:.2f}",
        ),
        *(
            Row(f"of it: {name}", "the whole `dvc repro`", seconds / total, f"{seconds:.2f}")
            for name, seconds in parts.items()
        ),
    ]
