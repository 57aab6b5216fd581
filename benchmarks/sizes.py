"""Time and memory of each stage: `python -m benchmarks.sizes 20000 200000`.

The table is synthetic: 28 numeric columns and two classes, like HIGGS (Baldi, Sadowski and
Whiteson, 2014, Nature Communications 5:4308), 300 bytes per row. The pipeline is created from it by
`winenet init`, with one network of a few epochs. `init` and each stage run as separate processes;
the operating system reports their peak memory.
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

from benchmarks.__main__ import environment_info

FEATURES = 28
CHUNK_ROWS = 50_000
EPOCHS = 2
STAGES = ("ingest", "split", "logistic", "mlp")
# Changes of params.yaml: few epochs of one network.
REPLACEMENTS = {
    r"(mlp:\n(?:  .*\n)*?    max_iter: )\d+": rf"\g<1>{EPOCHS}",
    r"(    one_layer: \{hidden_layer_sizes: )\[100\]": r"\g<1>[1]",
}


def write_table(path: Path, n_rows: int) -> None:
    """Write noise as CSV, with two classes that are separated by a curved boundary."""
    names = [f"feature {i}" for i in range(FEATURES)]
    with path.open("w", encoding="utf-8") as table:
        for start in range(0, n_rows, CHUNK_ROWS):
            rng = np.random.default_rng(start)
            X = rng.normal(size=(min(CHUNK_ROWS, n_rows - start), FEATURES)).astype(np.float32)
            odds = X[:, 0] + X[:, 1] * X[:, 2] - 0.5 * X[:, 3] ** 2 + 0.5
            y = (odds + rng.logistic(size=len(X)) > 0).astype(int)
            chunk = pd.DataFrame(X, columns=names).assign(signal=y)
            chunk.to_csv(table, index=False, header=not start, lineterminator="\n")


def measure(n_rows: int, dtype: str) -> list[str]:
    """Return the row of each stage, for a table of n_rows rows."""
    with tempfile.TemporaryDirectory() as folder:
        raw, project = Path(folder) / "table.csv", Path(folder) / "pipeline"
        write_table(raw, n_rows)
        size = raw.stat().st_size
        command = ("winenet", "init", str(project), "--table", str(raw), "--target", "signal")
        measured = {"init": _run(Path(), *command)}
        settings = (project / "params.yaml").read_text(encoding="utf-8")
        for pattern, new in REPLACEMENTS.items():
            settings, n_changes = re.subn(pattern, new, settings)
            assert n_changes >= 1, pattern
        settings = settings.replace("  defaults: ", f"  defaults:\n    dtype: {dtype}", 1)
        (project / "params.yaml").write_text(settings, encoding="utf-8")
        measured |= {stage: _run(project, f"stages.{stage}") for stage in STAGES}
        labels = {"mlp": f"mlp, {EPOCHS} epochs of (100, 50), {dtype}"}
        return [
            f"| {n_rows:,} ({size / 1e6:,.0f} MB) | {labels.get(name, name)} | {seconds:.1f} | "
            f"{peak / 1e9:.2f} |"
            for name, (seconds, peak) in measured.items()
        ]


def _run(folder: Path, *command: str) -> tuple[float, float]:
    """Run `python -m`; return its duration in seconds and its peak memory in bytes.

    If it starts another process, as `init` does for its check, the larger peak counts.
    """
    start, peak = time.perf_counter(), 0
    child = psutil.Popen([sys.executable, "-m", *command], cwd=folder, stdout=subprocess.DEVNULL)
    while child.poll() is None:
        with contextlib.suppress(psutil.Error):  # it may have ended just now
            peak = max(peak, *map(_peak_bytes, [child, *child.children()]))
        time.sleep(0.02)
    if child.returncode:
        sys.exit(f"{' '.join(command)} failed; see its message above")
    return time.perf_counter() - start, peak


def _peak_bytes(process: psutil.Process) -> int:
    """Return the peak memory of a process, or its current memory if the system keeps no peak."""
    status = Path(f"/proc/{process.pid}/status")
    with contextlib.suppress(OSError):
        match = re.search(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="utf-8"))
        if match:
            return int(match[1]) * 1024
    return int(process.memory_info().rss)


def main() -> None:
    """Measure the sizes given on the command line, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sizes", description=__doc__)
    parser.add_argument("rows", nargs="+", type=int, help="numbers of rows, such as 20000 2000000")
    parser.add_argument("--dtype", choices=("float64", "float32"), default="float64")
    options = parser.parse_args()
    print(environment_info(), "", "| rows | stage | seconds | peak GB |", sep="\n")
    print("| --- | --- | --- | --- |")
    for n_rows in options.rows:
        for line in measure(n_rows, options.dtype):
            print(line, flush=True)


if __name__ == "__main__":
    main()
