"""How long each stage takes, and in how much memory: `python -m benchmarks.sizes 20000 200000`.

The table is made: 28 numbers and two classes, the shape of HIGGS (Baldi, Sadowski and Whiteson,
2014, Nature Communications 5:4308), 300 bytes a row. The pipeline is what `winenet init` makes of
its first rows, with one network of a few epochs. Each stage is a process of its own, whose peak is
told by the system.
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
from winenet import init
from winenet.guess import Options

FEATURES = 28
MADE = 50_000  # rows that are made at a time
SAMPLE = 20_000  # rows from which `init` guesses; it keeps all different texts of a column
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
        write_table(raw, min(number, SAMPLE))
        init.make(made, Options(tables=[raw], target="signal"))
        raw.unlink()
        raw = made / "data/raw/table.csv"
        write_table(raw, number)
        size = raw.stat().st_size
        settings = (made / "params.yaml").read_text(encoding="utf-8")
        for pattern, new in CUT.items():
            settings, found = re.subn(pattern, new, settings)
            assert found >= 1, pattern
        settings = settings.replace("dtype: float64", f"dtype: {dtype}")
        (made / "params.yaml").write_text(settings, encoding="utf-8")
        lines = []
        for stage in STAGES:
            seconds, peak = _run(made, stage)
            what = f"{stage}, {EPOCHS} epochs of (100, 50), {dtype}" if stage == "mlp" else stage
            lines.append(
                f"| {number:,} ({size / 1e6:,.0f} MB) | {what} | {seconds:.1f} | {peak / 1e9:.2f} |"
            )
        return lines


def _run(folder: Path, stage: str) -> tuple[float, float]:
    """Run a stage; return its seconds and the most memory that it held, in bytes."""
    start, peak = time.perf_counter(), 0
    child = psutil.Popen(
        [sys.executable, "-m", f"stages.{stage}"], cwd=folder, stdout=subprocess.DEVNULL
    )
    while child.poll() is None:
        with contextlib.suppress(psutil.Error):  # it may just have ended
            peak = max(peak, _held(child))
        time.sleep(0.02)
    if child.returncode:
        sys.exit(f"stage {stage} failed; its message stands above")
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
