"""Measure and print the table: `make bench`, or `python -m benchmarks --only grid --repeats 5`.

Each ratio compares the medians of interleaved runs, so that a busy machine slows down all
contenders; only "growth" is measured once, in new processes. Quote the ratios; the seconds only
show how long a run takes.
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


def environment_info() -> str:
    """Return what the results depend on, one line each."""
    model = "unknown"
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next((line.split(":")[1].strip() for line in lines if "model name" in line), model)
    blas = next(
        lib for lib in threadpool_info() if lib["user_api"] == "blas" and "numpy" in lib["filepath"]
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


def table(rows_measured: list[Row]) -> str:
    """Return the rows as a Markdown table."""
    head = ["| what | against | ratio | seconds |", "| --- | --- | --- | --- |"]
    return "\n".join([*head, *(row.to_markdown() for row in rows_measured)])


def main() -> int:
    """Run the benchmarks options on the command line; return the exit code."""
    benchmarks: dict[str, Callable[[rows.Size], list[Row]]] = {
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
    # cluster needs distributed; pipeline takes minutes and needs git.
    default = [name for name in benchmarks if name not in ("cluster", "pipeline")]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--only",
        nargs="+",
        choices=benchmarks,
        metavar="NAME",
        help=f"{', '.join(benchmarks)}; default: all but cluster and pipeline",
    )
    parser.add_argument("--repeats", type=int, default=3, help="runs of each contender (default 3)")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="tiny sizes, to test the benchmarks: the results mean nothing",
    )
    options = parser.parse_args()
    if options.repeats < 1:
        parser.error(f"--repeats {options.repeats}: at least one run is needed")
    print(environment_info(), flush=True)
    size = rows.Size(options.repeats, options.quick)
    results = []
    for name in options.only or default:
        print(f"measuring  {name} ...", file=sys.stderr, flush=True)
        try:
            results += benchmarks[name](size)
        except InputError as error:
            print(error, file=sys.stderr)
            return 1
    print(f"\n{table(results)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
