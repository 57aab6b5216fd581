"""The stages from ingest to learning_curve on a small table, split by groups and by time.

The column of the split is left out of the features: it reaches the split from the raw files alone.
"""

import importlib
import json
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from committed import ROOT
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from winenet import __main__ as commands
from winenet.data import folds, splits
from winenet.params import Curves

ROWS = 300
STAGES = ("ingest", "split", "logistic", "mlp", "grid_search", "curves", "learning_curve")
CHANGES: dict[str, dict[str, Any]] = {
    "ingest": {
        "files": [{"name": "one.csv"}, {"name": "two.csv"}],
        "separator": ",",
        "target": "kind",
        "positive_label": None,
        "columns": {"size": "number", "weight": "number"},
        "drop_columns": ["zone", "day"],
        "display_names": None,
    },
    "mlp": {"defaults": {"max_iter": 3, "random_state": 42}},
    "grid_search": {
        "defaults": {"max_iter": 3, "random_state": 42},
        "cv": 3,
        "param_grid": {"hidden_layer_sizes": [[4]], "learning_rate_init": [0.01]},
    },
    "curves": {"epochs": 2},
    "learning_curve": {"train_sizes": [0.5, 1.0], "n_repeats": 2, "random_state": 0},
    "importance": {"drop_features": []},
}
COLUMNS = {"group": "zone", "time": "day"}


def raw_table() -> pd.DataFrame:
    rng = np.random.default_rng(2)
    size = rng.random(ROWS)
    return pd.DataFrame(
        {
            "size": size,
            "weight": rng.random(ROWS),
            "kind": np.array(["a", "b", "c"])[rng.integers(0, 3, ROWS)],
            "zone": [f"zone {number}" for number in rng.integers(0, 25, ROWS)],
            "day": [
                f"2019-{1 + day // 28:02}-{1 + day % 28:02}" for day in rng.integers(0, 90, ROWS)
            ],
        }
    )


@pytest.fixture(scope="module", params=COLUMNS)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return the method, and a folder in which `check` and the stages have run."""
    folder = tmp_path_factory.mktemp(request.param)
    settings = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    for section, values in CHANGES.items():
        settings[section] |= values
    settings["split"] |= {"method": request.param, "column": COLUMNS[request.param]}
    (folder / "params.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    (folder / "data/raw").mkdir(parents=True)
    table = raw_table()
    table[:120].to_csv(folder / "data/raw/one.csv", index=False)
    table[120:].to_csv(folder / "data/raw/two.csv", index=False)
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        patch.chdir(folder)
        patch.setenv("WINENET_WORKERS", "1")
        warnings.simplefilter("ignore", ConvergenceWarning)
        commands.check()
        for stage in STAGES:
            importlib.import_module(f"stages.{stage}").main()
    return request.param, folder


def metrics_of(folder: Path, stage: str) -> Any:
    return json.loads((folder / f"metrics/{stage}.json").read_text(encoding="utf-8"))


def test_the_sets_are_apart_and_no_model_sees_the_column(run):
    method, folder = run
    rows = pd.read_csv(folder / "data/split_rows.csv")
    values = raw_table()[COLUMNS[method]]
    train, test = (values[rows["row"][rows["set"] == part]] for part in ("train", "test"))
    facts = metrics_of(folder, "split")
    assert (facts["method"], facts["column"]) == (method, COLUMNS[method])
    if method == "group":
        assert not {*train} & {*test}
        assert facts["groups"] == {"train": train.nunique(), "test": test.nunique()}
    else:
        assert train.is_monotonic_increasing
        assert train.max() < test.min()
        assert facts["boundary"] == {"last_training": train.max(), "first_test": test.min()}
    assert list(pd.read_csv(folder / "data/X_train_normalized.csv")) == ["size", "weight"]


def test_the_search_and_the_held_out_rows_follow(run):
    method, folder = run
    rows = pd.read_csv(folder / "data/split_rows.csv")
    keys = splits.row_keys(rows[rows["set"] == "train"])
    y = pd.read_csv(folder / "data/y_train.csv")["kind"]
    kept = pd.read_csv(folder / "data/grid_search_out_of_fold.csv")
    scored = [places for _, places in folds.cv_splits(3, y, keys)]
    assert [*np.sort(np.concatenate(scored))] == [*np.flatnonzero(rows["row"].isin(kept["row"]))]
    for fold, places in enumerate(scored):
        assert set(kept["row"][kept["fold"] == fold]) == set(rows["row"][places])
    facts = metrics_of(folder, "grid_search")["out_of_fold"]
    assert facts["errors"] == (kept["predicted"] != kept["kind"]).sum()
    assert facts.get("rows") == (len(kept) if method == "time" else None)
    settings = Curves(validation_size=0.2, random_state=42, epochs=1)
    parts = splits.train_validation_split(y.to_frame(), y, settings, keys)
    held_out = metrics_of(folder, "curves")["held_out_rows"]
    assert held_out == len(parts.y_test) != math.ceil(0.2 * len(y))  # which random rows would be


def test_the_learning_curve_follows_with_as_many_rows_under_each_seed(run):
    """Each model is the one that trains on the rows that `subsample` draws."""
    _, folder = run
    names = ("X_train_normalized", "y_train", "X_test_normalized", "y_test")
    X, y, X_test, y_test = (pd.read_csv(folder / f"data/{name}.csv") for name in names)
    rows = pd.read_csv(folder / "data/split_rows.csv")
    keys = splits.row_keys(rows[rows["set"] == "train"])
    runs = pd.read_csv(folder / "data/learning_curve_runs.csv")
    assert {*runs["rows"]} == {len(y) // 2, len(y)}
    half = runs[(runs["model"] == "logistic") & (runs["rows"] < len(y))]
    assert list(half["random_state"]) == [0, 1]
    for seed, accuracy in zip(half["random_state"], half["accuracy"], strict=True):
        drawn = splits.subsample(y["kind"], 0.5, seed, keys)
        model = LogisticRegression(max_iter=100).fit(X.iloc[drawn], y["kind"].iloc[drawn])
        assert accuracy == pytest.approx(model.score(X_test, y_test["kind"]), abs=1e-6)
