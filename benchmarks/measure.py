"""Times contenders in turn, and measures memory in a process of its own."""

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
    """A line of the table. ratio: how many times as fast (or as large) as `against`."""

    what: str
    against: str
    ratio: float | str
    seconds: str = ""

    def line(self) -> str:
        """Return the row as a line of a Markdown table."""
        shown = self.ratio if isinstance(self.ratio, str) else f"{self.ratio:.2f}"
        return f"| {self.what} | {self.against} | {shown} | {self.seconds} |"


def interleaved(
    contenders: Mapping[str, Callable[[], Any]], repeats: int
) -> tuple[dict[str, float], dict[str, Any]]:
    """Run the contenders in turn; return the median seconds of each, and its last result.

    The processes that some of them use are there before, with all that they import.
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
    return {name: median(each) for name, each in times.items()}, results


def faster(what: str, against: str, times: Mapping[str, float], ours: str = "ours") -> Row:
    """Return how many times as fast `ours` was as "theirs"."""
    seconds = f"{times['theirs']:.2f} / {times[ours]:.2f}"
    return Row(what, against, times["theirs"] / times[ours], seconds)


def alone(function: Callable[..., Any], *arguments: Any) -> Any:
    """Return what a function returns in a new process, which has only its own memory to show."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def peak_bytes() -> float:
    """Return the most memory that this process has held so far; NaN on Windows."""
    try:
        import resource
    except ImportError:
        return float("nan")
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
