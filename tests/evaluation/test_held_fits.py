"""What `check` says of the journal is what the stages then find in it."""

import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import Workspace

from winenet import files, params
from winenet.data import preprocessing, raw_table, splits, table_files
from winenet.data.folds import cv_splits
from winenet.evaluation import held_fits, search_results
from winenet.models.registry import networks_of
from winenet.network import journal
from winenet.network.parallel import count_cached
from winenet.params import GridSearch

IF_WINNER = (
    "networks among them, if the winner of the search is still that of data/grid_search_best.json"
)
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def journal_note(workspace: Workspace, **environment: str) -> str:
    """Return what `check` says of the journal."""
    code, printed, errors = workspace.run("winenet", "check", **environment)
    assert (code, errors) == (0, "")
    return printed.splitlines()[0].partition("); ")[2]


@pytest.fixture(scope="module")
def after_all(after_training: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A copy in which every stage that trains has run; a test must not change it."""
    folder = tmp_path_factory.mktemp("after_all")
    shutil.copytree(after_training.path, folder, dirs_exist_ok=True)
    workspace = Workspace(folder)
    workspace.edit("params.yaml", "epochs: 500 ", "epochs: 4 ")
    for stage in ("curves", "seeds", "learning_curve", "importance"):
        code, _, errors = workspace.run(f"stages.{stage}", WINENET_WORKERS="1")
        assert (code, errors) == (0, ""), stage
    return workspace


@pytest.fixture
def finished_workspace(after_all: Workspace, tmp_path: Path) -> Workspace:
    shutil.copytree(after_all.path, tmp_path, dirs_exist_ok=True)
    return Workspace(tmp_path)


def test_after_a_run_the_journal_holds_every_network(finished_workspace):
    before = finished_workspace.files()
    stored = (finished_workspace.path / journal.PATH).read_bytes()
    # 2 in mlp, 2 x 2 in the search and 2 of its winner, 8 in curves, 3 x 2 seeds, 3 x 2 x 2 in the
    # learning curve, 3 without a feature.
    assert journal_note(finished_workspace) == f"the journal holds 37 of the 37 {IF_WINNER}"
    assert finished_workspace.files() == before
    assert (finished_workspace.path / journal.PATH).read_bytes() == stored


def test_an_added_network_is_the_only_one_that_is_not_held(finished_workspace):
    finished_workspace.edit("params.yaml", "    # tanh:", "    added: {alpha: 0.1}\n    #")
    # Without its best epoch in curves, which no run has found yet.
    assert journal_note(finished_workspace).startswith("the journal holds 37 of the 48 networks")
    _, printed, _ = finished_workspace.run("stages.mlp")
    assert "mlp: journal: 2 of 3 fits reused" in printed
    # The fit of mlp, which is that of one of the seeds as well.
    assert journal_note(finished_workspace).startswith("the journal holds 39 of the 48 networks")


@pytest.mark.parametrize(
    ("old", "new", "held"),
    [
        ("  test_size: 0.2", "  test_size: 0.3", "0 of the 37"),
        ("train_sizes: [0.05, 1.0]", "train_sizes: [0.05, 0.5, 1.0]", "37 of the 43"),
        ("drop_features: [quality]", "drop_features: [alcohol]", "34 of the 37"),
        ("validation_size: 0.2", "validation_size: 0.3", "29 of the 37"),
        ("\nmlp:\n  estimator: winenet", "\nmlp:\n  estimator: scikit-learn", "35 of the 35"),
    ],
)
def test_what_a_change_leaves_of_it(finished_workspace, old, new, held):
    finished_workspace.edit("params.yaml", old, new)
    assert journal_note(finished_workspace).startswith(f"the journal holds {held} networks")


def test_the_fits_that_choose_a_threshold_are_counted(finished_workspace):
    finished_workspace.edit("params.yaml", "\nthreshold: 0.5", "\nthreshold: f1")
    # Of each network of mlp, one on each of the 2 folds of the search.
    assert journal_note(finished_workspace).startswith("the journal holds 37 of the 41 networks")
    _, printed, _ = finished_workspace.run("stages.mlp")
    assert "mlp: journal: 2 of 6 fits reused" in printed
    assert journal_note(finished_workspace) == f"the journal holds 41 of the 41 {IF_WINNER}"


def test_without_a_winner_its_fits_are_not_counted(finished_workspace):
    (finished_workspace.path / "data/grid_search_best.json").unlink()
    assert journal_note(finished_workspace) == (
        "the journal holds 28 of the 28 networks among them, not counting those of the search's "
        "winner, which is not known yet"
    )


def test_the_journal_off_missing_damaged_or_misspelt(finished_workspace):
    assert journal_note(finished_workspace, WINENET_JOURNAL="off") == (
        "the journal is off, so all are trained"
    )
    code, _, errors = finished_workspace.run("winenet", "check", WINENET_JOURNAL="no")
    assert code == 1
    assert errors.startswith("WINENET_JOURNAL=no is neither on nor off")
    file = finished_workspace.path / journal.PATH
    for leftover in file.parent.iterdir():
        leftover.unlink()
    assert journal_note(finished_workspace) == "the journal holds none of them yet"
    assert not file.exists()
    file.write_text("no database" * 1000, encoding="utf-8")
    assert journal_note(finished_workspace) == (
        f"{journal.PATH} cannot be used (file is not a database), so all are trained"
    )


def test_a_damaged_file_of_the_winner_ends_in_one_line(finished_workspace):
    best = finished_workspace.path / "data/grid_search_best.json"
    best.write_text('{"units": 3}', encoding="utf-8")
    assert re.match(
        "those in the journal cannot be counted: .*unexpected keyword argument 'units'",
        journal_note(finished_workspace),
    )


def test_of_a_halving_search_the_first_round_is_counted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.random((80, 3)), columns=["a", "b", "c"])
    y = (X["a"] > 0.5).astype(int).rename("class")
    search = GridSearch.model_validate(
        {
            "estimator": "winenet",
            "method": "halving",
            "min_epochs": 2,
            "defaults": {"max_iter": 9, "random_state": 0},
            "cv": 2,
            "scoring": "accuracy",
            "param_grid": {"hidden_layer_sizes": [[2], [3], [4]]},
        }
    )
    with journal.open_journal():
        search_results.grid_search(X, y, search)
    cv = cv_splits(2, y)
    fits = networks_of(search_results.search_fits(X, y, search, cv))
    models, data = [fit.model for fit in fits], [fit.rows for fit in fits]
    store = journal.SqliteFitStore(journal.PATH)
    assert search_results.first_pause(search) == 2
    assert count_cached(models, data, store, 2) == len(fits) == 6
    assert count_cached(models, data, store) == 0


@pytest.mark.parametrize("duplicates", ["keep", "group"])
def test_the_rows_are_those_that_the_stages_read(workspace, monkeypatch, duplicates):
    workspace.edit("params.yaml", "duplicates: keep", f"duplicates: {duplicates}")
    for stage in ("ingest", "split"):
        assert workspace.run(f"stages.{stage}")[0] == 0
    monkeypatch.chdir(workspace.path)
    settings = params.load()
    raw = raw_table.read_raw(raw_table.RAW_FOLDER, settings.ingest)
    labels, kinds = (
        raw.labels,
        raw_table.make_schema(settings.ingest, raw.labels, raw.columns).kinds,
    )
    parts = splits.split_table(raw.table, settings.ingest.target, settings.split, labels)
    fitted = preprocessing.fit(parts.X_train, kinds, settings.split.scaler)
    rows = held_fits.training_rows(settings, parts, fitted, None, labels)
    X = files.read_table("data/X_train_normalized.csv")
    y = table_files.read_labels("data/y_train.csv")
    keys = splits.row_keys(table_files.read_split_rows("data/split_rows.csv", "train"), duplicates)
    np.testing.assert_array_equal(rows.X.to_numpy(), X.to_numpy())
    np.testing.assert_array_equal(rows.y, y)
    for ours, theirs in zip(rows.cv, cv_splits(5, y, keys), strict=True):
        np.testing.assert_array_equal(ours[0], theirs[0])
    inner = splits.train_validation_split(X, y, settings.curves, keys, labels)
    np.testing.assert_array_equal(rows.curves_X, inner.X_train)
    np.testing.assert_array_equal(rows.held_out.X, inner.X_test)
