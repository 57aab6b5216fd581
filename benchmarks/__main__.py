"""Measure and print the table: `make bench`, or `python -m benchmarks --only grid --repeats 5`.

Each ratio is one of medians of interleaved runs in this process and its children, so that a busy
machine slows down all contenders; growth alone is measured once, in processes of its own. Seconds
are shown to say how long a run takes; quote the ratios.
"""

import argparse
import platform
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import scipy
import sklearn
from joblib import cpu_count
from threadpoolctl import threadpool_info

from benchmarks import pipeline, rows
from benchmarks.measure import Row
from winenet.errors import InputError


def facts() -> str:
    """Return what the figures depend on, a line each."""
    model = "unknown"
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next((line.split(":")[1].strip() for line in lines if "model name" in line), model)
    blas = next(
        one for one in threadpool_info() if one["user_api"] == "blas" and "numpy" in one["filepath"]
    )
    kernel = blas.get("architecture", "unknown")
    return "\n".join(
        [
            f"processor  {model}, {cpu_count()} cores",
            f"BLAS       {blas['internal_api']} {blas['version']}, kernel {kernel}, "
            f"{blas['num_threads']} thread(s)",
            f"versions   Python {platform.python_version()}, numpy {np.__version__}, "
            f"scipy {scipy.__version__}, scikit-learn {sklearn.__version__}",
        ]
    )


def table(found: list[Row]) -> str:
    """Return the rows as a Markdown table."""
    head = ["| what | against | ratio | seconds |", "| --- | --- | --- | --- |"]
    return "\n".join([*head, *(row.line() for row in found)])


def main() -> int:
    """Run the benchmarks that the command line names; return the exit code."""
    known: dict[str, Callable[[rows.Size], list[Row]]] = {
        "grid": rows.grid,
        "fit": rows.one_fit,
        "seeds": rows.seeds,
        "small": rows.small,
        "candidates": rows.candidates,
        "growth": rows.growth,
        "torch": rows.torch,
        "cluster": rows.on_cluster,
        "pipeline": pipeline.whole,
    }
    # The one needs distributed; the other takes minutes, and needs git.
    default = [name for name in known if name not in ("cluster", "pipeline")]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--only",
        nargs="+",
        choices=known,
        metavar="NAME",
        help=f"{', '.join(known)}; without it all but cluster and pipeline",
    )
    parser.add_argument("--repeats", type=int, default=3, help="runs of each contender (default 3)")
    parser.add_argument(
        "--quick", action="store_true", help="tiny sizes: shows that all works, measures nothing"
    )
    given = parser.parse_args()
    if given.repeats < 1:
        parser.error(f"--repeats {given.repeats}: at least one run is needed")
    print(facts(), flush=True)
    size = rows.Size(given.repeats, given.quick)
    found = []
    for name in given.only or default:
        print(f"measuring  {name} ...", file=sys.stderr, flush=True)
        try:
            found += known[name](size)
        except InputError as error:
            print(error, file=sys.stderr)
            return 1
    print(f"\n{table(found)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
