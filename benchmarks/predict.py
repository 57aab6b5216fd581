"""Speed and memory of predicting a raw table: `python -m benchmarks.predict`.

`python -m winenet predict` against scikit-learn's pipeline of the same steps (SimpleImputer, a
scaler, OneHotEncoder, MLPClassifier) between pandas' read_csv and to_csv. The table is synthetic:
12 numeric columns, of which one value in a hundred is missing, and a category. BLAS has one thread
for both.
"""

import argparse
import contextlib
import io
import pickle
import re
import sys
import tempfile
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder

from benchmarks.__main__ import environment_info
from benchmarks.measure import in_new_process, interleaved, peak_bytes
from winenet.data import preprocessing
from winenet.models import model_file
from winenet.models.predictor import PipelinePredictor
from winenet.models.saved import DenseModel, SavedModel
from winenet.serve import predict

NUMERIC = [f"number {i}" for i in range(12)]
TRAIN_ROWS = 5_000
SIZES = (100_000, 300_000, 1_000_000)
CHUNK_ROWS = 50_000


def make_rows(n_rows: int, seed: int) -> pd.DataFrame:
    """Return raw rows; the category is text, missing values are NaN."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(10, 3, (n_rows, 12)).round(3), columns=NUMERIC)
    X = X.mask(rng.random(X.shape) < 0.01)
    X["colour"] = pd.Series(rng.choice(["red", "white", "rosé"], n_rows), dtype="str")
    return X


def write_table(path: str, n_rows: int) -> None:
    """Write a table of n_rows rows as CSV."""
    with Path(path).open("w", encoding="utf-8") as table:
        for start in range(0, n_rows, CHUNK_ROWS):
            chunk = make_rows(min(CHUNK_ROWS, n_rows - start), seed=start + 1)
            chunk.to_csv(table, index=False, header=not start, lineterminator="\n")


def train(folder: str) -> tuple[Pipeline, SavedModel]:
    """Fit scikit-learn's pipeline; write it, and winenet's model file of the same network."""
    X = make_rows(TRAIN_ROWS, seed=0)
    y = np.where(X["number 0"].fillna(10) + 3 * (X["colour"] == "red") > 11, "high", "low")
    imputer = SimpleImputer(strategy="median", add_indicator=True)
    steps = ColumnTransformer(
        [
            ("numbers", make_pipeline(imputer, MinMaxScaler()), NUMERIC),
            ("colour", OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["colour"]),
        ]
    )
    network = MLPClassifier((100, 50), max_iter=20, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        theirs = Pipeline([("inputs", steps), ("network", network)]).fit(X, y)
    fitted_preprocessing = preprocessing.fit(
        X, dict.fromkeys(NUMERIC, "number") | {"colour": "category"}, "minmax"
    )
    layers = DenseModel(network.coefs_, network.intercepts_, "relu", np.array([0, 1]))
    saved = SavedModel(
        layers, fitted_preprocessing, "level", list(network.classes_), {"rows": TRAIN_ROWS}
    )
    model_file.write(f"{folder}/model.safetensors", saved)
    Path(f"{folder}/pipeline.pickle").write_bytes(pickle.dumps(theirs))
    return theirs, saved


def ours_to_file(folder: str, table: str) -> None:
    """Predict a file with winenet."""
    with contextlib.redirect_stderr(io.StringIO()):
        predict.predict_file(f"{folder}/model.safetensors", table, f"{folder}/ours.csv", force=True)


def theirs_to_file(folder: str, table: str) -> None:
    """Predict a file with scikit-learn, as its users do."""
    fitted = pickle.loads(Path(f"{folder}/pipeline.pickle").read_bytes())
    X = pd.read_csv(table)
    P = fitted.predict_proba(X)
    out = pd.DataFrame({"level": fitted.classes_[P.argmax(axis=1)]})
    out[[f"p({label})" for label in fitted.classes_]] = P
    out.to_csv(f"{folder}/theirs.csv", index_label="row", float_format="%.6f", lineterminator="\n")


def peak_memory(predict_to_file: Any, folder: str, table: str) -> float:
    """Return the peak memory of this process for a table, in MB, including the libraries."""
    predict_to_file(folder, table)
    status = Path("/proc/self/status")
    if not status.exists():
        return peak_bytes() / 1e6
    # ru_maxrss of a new process starts at its parent's; this does not.
    match = re.search(r"VmHWM:\s*(\d+) kB", status.read_text(encoding="utf-8"))
    return int(match[1]) * 1024 / 1e6 if match else float("nan")


def measure(folder: str, sizes: tuple[int, ...], repeats: int) -> list[str]:
    """Return the lines of the report."""
    theirs, saved = train(folder)
    tables = {n_rows: f"{folder}/{n_rows}.csv" for n_rows in sizes}
    for n_rows, table in tables.items():
        write_table(table, n_rows)
    lines = [
        "| what | scikit-learn's pipeline | winenet | ratio |",
        "| --- | --- | --- | --- |",
    ]
    largest = max(sizes)
    to_file = {"ours": partial(ours_to_file, folder, tables[largest])}
    to_file["theirs"] = partial(theirs_to_file, folder, tables[largest])
    times, _ = interleaved(to_file, repeats)
    if Path(f"{folder}/ours.csv").read_bytes() != Path(f"{folder}/theirs.csv").read_bytes():
        print("the two files differ in a last digit", file=sys.stderr)
    lines.append(_row(f"file to file, {largest:,} rows", largest, times))

    X = pd.read_csv(tables[largest], dtype={"colour": "str"})
    in_memory = {"ours": partial(PipelinePredictor(saved).predict_proba, X)}
    in_memory["theirs"] = partial(theirs.predict_proba, X)
    times, P = interleaved(in_memory, repeats)
    difference = float(np.abs(P["ours"] - P["theirs"]).max())
    lines.append(_row(f"predict_proba alone, {largest:,} rows in memory", largest, times))
    del X, P
    for n_rows, table in tables.items():
        peaks = [
            in_new_process(peak_memory, predict_to_file, folder, table)
            for predict_to_file in (theirs_to_file, ours_to_file)
        ]
        lines.append(
            f"| peak memory, file to file, {n_rows:,} rows | {peaks[0]:.0f} MB | {peaks[1]:.0f} MB "
            f"| {peaks[0] / peaks[1]:.2f} |"
        )
    return [*lines, "", f"The probabilities differ by {difference:.1e} at most."]


def _row(what: str, n_rows: int, times: dict[str, float]) -> str:
    speeds = [f"{n_rows / times[name]:,.0f} rows/s" for name in ("theirs", "ours")]
    return f"| {what} | {speeds[0]} | {speeds[1]} | {times['theirs'] / times['ours']:.2f} |"


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.predict", description=__doc__)
    parser.add_argument("--repeats", type=int, default=3, help="runs of each contender (default 3)")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="tiny sizes, to test the benchmark: the results mean nothing",
    )
    options = parser.parse_args()
    if options.repeats < 1:
        parser.error(f"--repeats {options.repeats}: at least one run is needed")
    print(f"{environment_info()}\n", flush=True)
    sizes = (1_000, 2_000) if options.quick else SIZES
    with tempfile.TemporaryDirectory() as folder:
        print("\n".join(measure(folder, sizes, options.repeats)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
