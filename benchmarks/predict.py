"""How fast a raw table is predicted, and in how much memory: `python -m benchmarks.predict`.

`python -m winenet predict` against scikit-learn's pipeline of the same steps (SimpleImputer, a
scaler, OneHotEncoder, MLPClassifier) between pandas' read_csv and to_csv. The table is made, of 12
numbers and a category, a hundredth of them gaps. BLAS has one thread for both.
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

from benchmarks.__main__ import facts
from benchmarks.measure import alone, interleaved, peak_bytes
from winenet.data import preprocessing
from winenet.models import model_file
from winenet.models.predictor import PipelinePredictor
from winenet.models.saved import DenseModel, SavedModel
from winenet.serve import predict

NUMBERS = [f"number {place}" for place in range(12)]
TRAINED = 5_000
SIZES = (100_000, 300_000, 1_000_000)
MADE = 50_000  # rows that are made at a time


def rows(number: int, seed: int) -> pd.DataFrame:
    """Return raw rows; a category is text, a gap is NaN."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(10, 3, (number, 12)).round(3), columns=NUMBERS)
    X = X.mask(rng.random(X.shape) < 0.01)
    X["colour"] = pd.Series(rng.choice(["red", "white", "rosé"], number), dtype="str")
    return X


def write_table(path: str, number: int) -> None:
    """Write so many rows as CSV."""
    with Path(path).open("w", encoding="utf-8") as table:
        for start in range(0, number, MADE):
            piece = rows(min(MADE, number - start), seed=start + 1)
            piece.to_csv(table, index=False, header=not start, lineterminator="\n")


def train(folder: str) -> tuple[Pipeline, SavedModel]:
    """Fit scikit-learn's pipeline, write it and our file of the same network into the folder."""
    X = rows(TRAINED, seed=0)
    y = np.where(X["number 0"].fillna(10) + 3 * (X["colour"] == "red") > 11, "high", "low")
    steps = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(strategy="median"), MinMaxScaler()), NUMBERS),
            ("colour", OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["colour"]),
        ]
    )
    network = MLPClassifier((100, 50), max_iter=20, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        theirs = Pipeline([("inputs", steps), ("network", network)]).fit(X, y)
    raw = preprocessing.fit(X, dict.fromkeys(NUMBERS, "number") | {"colour": "category"}, "minmax")
    layers = DenseModel(network.coefs_, network.intercepts_, "relu", np.array([0, 1]))
    saved = SavedModel(layers, raw, "level", list(network.classes_), {"rows": TRAINED})
    model_file.write(f"{folder}/model.npz", saved)
    Path(f"{folder}/pipeline.pickle").write_bytes(pickle.dumps(theirs))
    return theirs, saved


def ours_to_file(folder: str, table: str) -> None:
    """Predict a file by winenet."""
    with contextlib.redirect_stderr(io.StringIO()):
        predict.predict_file(f"{folder}/model.npz", table, f"{folder}/ours.csv", force=True)


def theirs_to_file(folder: str, table: str) -> None:
    """Predict a file by scikit-learn, as its users do."""
    fitted = pickle.loads(Path(f"{folder}/pipeline.pickle").read_bytes())
    X = pd.read_csv(table)
    P = fitted.predict_proba(X)
    out = pd.DataFrame({"level": fitted.classes_[P.argmax(axis=1)]})
    out[[f"p({label})" for label in fitted.classes_]] = P
    out.to_csv(f"{folder}/theirs.csv", index_label="row", float_format="%.6f", lineterminator="\n")


def peak_of(to_file: Any, folder: str, table: str) -> float:
    """Return the most memory that this process takes for a table, in MB, the libraries included."""
    to_file(folder, table)
    status = Path("/proc/self/status")
    if not status.exists():
        return peak_bytes() / 1e6
    # A new process' ru_maxrss begins with that of the one that started it; this does not.
    found = re.search(r"VmHWM:\s*(\d+) kB", status.read_text(encoding="utf-8"))
    return int(found[1]) * 1024 / 1e6 if found else float("nan")


def measured(folder: str, sizes: tuple[int, ...], repeats: int) -> list[str]:
    """Return the lines of the table."""
    theirs, saved = train(folder)
    tables = {number: f"{folder}/{number}.csv" for number in sizes}
    for number, table in tables.items():
        write_table(table, number)
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
    lines.append(_line(f"file to file, {largest:,} rows", largest, times))

    X = pd.read_csv(tables[largest], dtype={"colour": "str"})
    alone_ = {"ours": partial(PipelinePredictor(saved).predict_proba, X)}
    alone_["theirs"] = partial(theirs.predict_proba, X)
    times, P = interleaved(alone_, repeats)
    difference = float(np.abs(P["ours"] - P["theirs"]).max())
    lines.append(_line(f"predict_proba alone, {largest:,} rows in memory", largest, times))
    del X, P
    for number, table in tables.items():
        peaks = [alone(peak_of, each, folder, table) for each in (theirs_to_file, ours_to_file)]
        lines.append(
            f"| peak memory, file to file, {number:,} rows | {peaks[0]:.0f} MB | {peaks[1]:.0f} MB "
            f"| {peaks[0] / peaks[1]:.2f} |"
        )
    return [*lines, "", f"The probabilities differ by {difference:.1e} at most."]


def _line(what: str, number: int, times: dict[str, float]) -> str:
    speeds = [f"{number / times[who]:,.0f} rows/s" for who in ("theirs", "ours")]
    return f"| {what} | {speeds[0]} | {speeds[1]} | {times['theirs'] / times['ours']:.2f} |"


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.predict", description=__doc__)
    parser.add_argument("--repeats", type=int, default=3, help="runs of each contender (default 3)")
    parser.add_argument(
        "--quick", action="store_true", help="tiny sizes: shows that all works, measures nothing"
    )
    given = parser.parse_args()
    if given.repeats < 1:
        parser.error(f"--repeats {given.repeats}: at least one run is needed")
    print(f"{facts()}\n", flush=True)
    sizes = (1_000, 2_000) if given.quick else SIZES
    with tempfile.TemporaryDirectory() as folder:
        print("\n".join(measured(folder, sizes, given.repeats)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
