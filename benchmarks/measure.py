"""Measures the time of contenders in turn, and memory in a new process."""

import gc
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import get_context
from statistics import median
from typing import Any

from joblib import Parallel, cpu_count, delayed


@dataclass(frozen=True)
class Row:
    """A row of the table. ratio: how many times as fast (or as large) as `against`."""

    what: str
    against: str
    ratio: float | str
    seconds: str = ""

    def to_markdown(self) -> str:
        """Return the row of a Markdown table."""
        ratio = self.ratio if isinstance(self.ratio, str) else f"{self.ratio:.2f}"
        return f"| {self.what} | {self.against} | {ratio} | {self.seconds} |"


def interleaved(
    contenders: Mapping[str, Callable[[], Any]], repeats: int
) -> tuple[dict[str, float], dict[str, Any]]:
    """Run the contenders in turn; return the median seconds of each, and its last result.

    joblib's processes, with all that they import, are started before the clock.
    """
    times: dict[str, list[float]] = {name: [] for name in contenders}
    results = {}
    Parallel(n_jobs=-1)(
        delayed(import_module)("winenet.network.search") for _ in range(cpu_count())
    )
    for _ in range(repeats):
        for name, run in contenders.items():
            gc.collect()
            start = time.perf_counter()
            results[name] = run()
            times[name].append(time.perf_counter() - start)
    return {name: median(seconds) for name, seconds in times.items()}, results


def speedup(what: str, against: str, times: Mapping[str, float], ours: str = "ours") -> Row:
    """Return the row that compares `ours` with "theirs"."""
    seconds = f"{times['theirs']:.2f} / {times[ours]:.2f}"
    return Row(what, against, times["theirs"] / times[ours], seconds)


def in_new_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in a new process, whose peak memory is due to the function alone."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def peak_bytes() -> float:
    """Return the peak memory of this process so far; NaN on Windows."""
    try:
        import resource
    except ImportError:
        return float("nan")
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
