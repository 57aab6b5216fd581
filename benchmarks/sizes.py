"""How long each stage takes, and in how much memory: `python -m benchmarks.sizes 20000 200000`.

The table is made: 28 numbers and two classes, the shape of HIGGS (Baldi, Sadowski and Whiteson,
2014, Nature Communications 5:4308), 300 bytes a row. The pipeline is what `winenet init` makes of
it, with one network of a few epochs. `init` and each stage are processes of their own, whose peaks
are told by the system.
"""

import argparse
import contextlib
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil

from benchmarks.__main__ import facts

FEATURES = 28
MADE = 50_000  # rows that are made at a time
EPOCHS = 2
STAGES = ("ingest", "split", "logistic", "mlp")
# What the benchmark asks of one network only.
CUT = {
    r"(mlp:\n(?:  .*\n)*?  max_iter: )\d+": rf"\g<1>{EPOCHS}",
    r"(    one_hidden_layer:\n      hidden_layer_sizes: )\[100\]": r"\g<1>[1]",
}


def write_table(path: Path, number: int) -> None:
    """Write so many rows as CSV: noise, a class that a curved border parts."""
    names = [f"feature {place}" for place in range(FEATURES)]
    with path.open("w", encoding="utf-8") as table:
        for start in range(0, number, MADE):
            rng = np.random.default_rng(start)
            X = rng.normal(size=(min(MADE, number - start), FEATURES)).astype(np.float32)
            odds = X[:, 0] + X[:, 1] * X[:, 2] - 0.5 * X[:, 3] ** 2 + 0.5
            y = (odds + rng.logistic(size=len(X)) > 0).astype(int)
            piece = pd.DataFrame(X, columns=names).assign(signal=y)
            piece.to_csv(table, index=False, header=not start, lineterminator="\n")


def measure(number: int, dtype: str) -> list[str]:
    """Return the table's line of each stage, for so many rows."""
    with tempfile.TemporaryDirectory() as folder:
        raw, made = Path(folder) / "table.csv", Path(folder) / "pipeline"
        write_table(raw, number)
        size = raw.stat().st_size
        command = ("winenet", "init", str(made), "--table", str(raw), "--target", "signal")
        measured = {"init": _run(Path(), *command)}
        settings = (made / "params.yaml").read_text(encoding="utf-8")
        for pattern, new in CUT.items():
            settings, found = re.subn(pattern, new, settings)
            assert found >= 1, pattern
        settings = settings.replace("dtype: float64", f"dtype: {dtype}")
        (made / "params.yaml").write_text(settings, encoding="utf-8")
        measured |= {stage: _run(made, f"stages.{stage}") for stage in STAGES}
        told = {"mlp": f"mlp, {EPOCHS} epochs of (100, 50), {dtype}"}
        return [
            f"| {number:,} ({size / 1e6:,.0f} MB) | {told.get(what, what)} | {seconds:.1f} | "
            f"{peak / 1e9:.2f} |"
            for what, (seconds, peak) in measured.items()
        ]


def _run(folder: Path, *command: str) -> tuple[float, float]:
    """Run `python -m`; return its seconds and the most memory that it held, in bytes.

    Where it starts another, as `init` does for its check, the larger of the two counts.
    """
    start, peak = time.perf_counter(), 0
    child = psutil.Popen([sys.executable, "-m", *command], cwd=folder, stdout=subprocess.DEVNULL)
    while child.poll() is None:
        with contextlib.suppress(psutil.Error):  # it may just have ended
            peak = max(peak, *map(_held, [child, *child.children()]))
        time.sleep(0.02)
    if child.returncode:
        sys.exit(f"{' '.join(command)} failed; its message stands above")
    return time.perf_counter() - start, peak


def _held(process: psutil.Process) -> int:
    """Return the most memory that a process has held, where the system keeps it, or holds now."""
    status = Path(f"/proc/{process.pid}/status")
    with contextlib.suppress(OSError):
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="utf-8"))
        if found:
            return int(found[1]) * 1024
    return int(process.memory_info().rss)


def main() -> None:
    """Measure the sizes that the command line names, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sizes", description=__doc__)
    parser.add_argument("rows", nargs="+", type=int, help="numbers of rows, such as 20000 2000000")
    parser.add_argument("--dtype", choices=("float64", "float32"), default="float64")
    options = parser.parse_args()
    print(facts(), "", "| rows | stage | seconds | GB at most |", sep="\n")
    print("| --- | --- | --- | --- |")
    for number in options.rows:
        for line in measure(number, options.dtype):
            print(line, flush=True)


if __name__ == "__main__":
    main()
