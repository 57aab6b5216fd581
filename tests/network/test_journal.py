"""A cached fit equals a new one; a damaged journal only costs time.

The last tests kill a stage with SIGKILL: it continues, to the same bytes.
"""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import StratifiedKFold

from tools.stage_deps import imports
from winenet.data.folds import cv_splits
from winenet.network import journal, parallel
from winenet.network.classifier import DenseClassifier
from winenet.network.journal import JournalError
from winenet.network.parallel import fit_many
from winenet.network.search import DenseGridSearchCV

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WINENET_JOURNAL", raising=False)
    return tmp_path


def numbers(rows: int = 150, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    X = rng.random((rows, 4))
    return X, (X[:, 0] + 0.5 * X[:, 1] > 0.7).astype(int)


def models(count: int = 4, **parameters: Any) -> list[DenseClassifier]:
    kwargs = {"hidden_layer_sizes": (5,), "max_iter": 12} | parameters
    return [DenseClassifier(random_state=seed, **kwargs) for seed in range(count)]


def trained(
    networks: list[DenseClassifier] | None = None, n_jobs: int | None = None, data: Any = None
) -> tuple[list[DenseClassifier], journal.JournalStats]:
    networks = models() if networks is None else networks
    with journal.open_journal() as stats:
        fit_many(networks, [data or numbers()] * len(networks), n_jobs=n_jobs)
    return networks, stats


def same(ours: DenseClassifier, theirs: DenseClassifier) -> bool:
    """Return whether two networks have equal fitted attributes, and continue equally."""
    X, y = numbers()
    for model in (ours, theirs):
        assert model.loss_curve_
    for name in ("coefs_", "intercepts_"):
        pairs = zip(getattr(ours, name), getattr(theirs, name), strict=True)
        if not all(np.array_equal(ours, other) for ours, other in pairs):
            return False
    attributes = ("loss_curve_", "n_iter_", "t_", "best_loss_", "loss_", "validation_scores_")
    if any(
        getattr(ours, attribute, None) != getattr(theirs, attribute, None)
        for attribute in attributes
    ):
        return False
    if ours.early_stopping:  # which partial_fit does not know
        return True
    continued = [model.partial_fit(X, y).loss_curve_ for model in (ours, theirs)]
    return continued[0] == continued[1]


@pytest.mark.parametrize("n_jobs", [None, 2])
@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.1},
        {"early_stopping": True},
        {"dropout": 0.2},
        {"dtype": "float32"},
        {"hidden_layer_sizes": ()},
    ],
    ids=str,
)
def test_a_cached_fit_is_the_trained_one(parameters, n_jobs):
    first, stats = trained(models(**parameters), n_jobs)
    assert (stats.fits, stats.reused, stats.error) == (4, 0, "")
    again, stats = trained(models(**parameters), n_jobs)
    assert (stats.fits, stats.reused, stats.error) == (4, 4, "")
    assert stats.log_lines() == ["journal: 4 of 4 fits reused"]
    alone = fit_many(models(**parameters), [numbers()] * 4)
    assert all(same(ours, other) for ours, other in zip(again, alone, strict=True))
    del first


def test_fits_that_wait_for_a_process_are_cached_too():
    """joblib dispatches later stacks from its own threads, which lack our context."""
    several = [model for size in range(2, 10) for model in models(2, hidden_layer_sizes=(size,))]
    trained([clone(model) for model in several], n_jobs=2)
    _, stats = trained([clone(model) for model in several], n_jobs=2)
    assert (stats.fits, stats.reused) == (16, 16)


def test_no_journal_is_written_unless_it_is_open(folder):
    fit_many(models(), [numbers()] * 4)
    models(1)[0].fit(*numbers())
    assert not (folder / ".winenet").exists()


def test_off_neither_reads_nor_writes(folder, monkeypatch):
    trained()
    before = (folder / journal.PATH).read_bytes()
    monkeypatch.setenv("WINENET_JOURNAL", "off")
    _, stats = trained()
    assert (stats.fits, stats.reused) == (4, 0)
    assert stats.log_lines() == ["journal: off, all 4 fits trained"]
    assert (folder / journal.PATH).read_bytes() == before


def test_another_value_is_reported(monkeypatch):
    monkeypatch.setenv("WINENET_JOURNAL", "no")
    with pytest.raises(JournalError, match=r"^WINENET_JOURNAL=no is neither on nor off, so .*off"):
        trained()


OTHER_FITS = {
    "a setting": (models(alpha=0.01), None),
    "an epoch more": (models(max_iter=13), None),
    "other sizes": (models(hidden_layer_sizes=(5, 2)), None),
    "another dtype": (models(dtype="float32"), None),
    "other rows": (models(), numbers(seed=1)),
    "other labels": (models(), (numbers()[0], 1 - numbers()[1])),
    "weights": (models(), (*numbers(), np.linspace(0.5, 2, 150))),
    "held-out rows": (models(early_stopping=True), None),
}


@pytest.mark.parametrize(("networks", "data"), OTHER_FITS.values(), ids=[*OTHER_FITS])
def test_another_fit_is_trained(networks, data):
    trained()
    _, stats = trained([clone(model) for model in networks], data=data)
    assert stats.reused == 0


def test_another_seed_is_trained_and_an_added_one_alone():
    trained(models(3))
    _, stats = trained(models(5))
    assert (stats.fits, stats.reused) == (5, 3)


@pytest.mark.parametrize("what", ["HASHED_SOURCES", "FORMAT", "numerics_hash"])
def test_other_code_or_numerics_train_anew_and_the_old_fits_are_dropped(monkeypatch, folder, what):
    trained()
    other = {"HASHED_SOURCES": ("layers.py",), "FORMAT": 1, "numerics_hash": lambda: "other"}[what]
    if what == "FORMAT":
        monkeypatch.setattr(journal.sklearn, "__version__", "0.0")
    else:
        monkeypatch.setattr(journal, what, other)
    _, stats = trained()
    assert (stats.reused, stats.error) == (0, "")
    with closing(sqlite3.connect(folder / journal.PATH)) as connection:
        assert connection.execute("SELECT count(*) FROM fits").fetchone() == (4,)


def test_the_code_of_a_fit_is_all_that_it_runs_through():
    """journal.py and what it imports: a change of any of these invalidates the fits."""
    room = Path(journal.__file__).parent
    pending, files = [room / "journal.py"], set()
    while pending:
        file = pending.pop()
        files.add(file)
        modules = [name.split(".")[-1] for name in imports(file) if name.count(".") == 2]
        pending += {room / f"{name}.py" for name in modules} - files
    assert {file.name for file in files} == set(journal.HASHED_SOURCES)


def test_a_search_caches_its_fits_and_out_of_fold_predictions_are_they():
    X, y = numbers()
    grid = {"hidden_layer_sizes": [(4,), (6,)], "learning_rate_init": [0.01]}
    searches = []
    for _ in range(2):
        with journal.open_journal() as stats:
            search = DenseGridSearchCV(DenseClassifier(max_iter=8, random_state=0), grid, cv=3)
            searches.append(search.fit(X, y))
    assert (stats.fits, stats.reused) == (6, 6)
    first, second = (ours.cv_results_ for ours in searches)
    for name in first:
        if not name.endswith("_time"):
            np.testing.assert_array_equal(first[name], second[name], err_msg=name)
    folds = list(StratifiedKFold(3).split(X, y))
    best = searches[0].best_estimator_
    with journal.open_journal() as stats:
        again = [clone(best) for _ in folds]
        fit_many(again, [(X[train], y[train]) for train, _ in folds])
    assert (stats.fits, stats.reused) == (3, 3)
    assert cv_splits(3, y)[0][0].tolist() == folds[0][0].tolist()


def test_a_wider_grid_trains_what_is_new():
    X, y = numbers()
    for sizes, expected in (([(4,)], (3, 0)), ([(4,), (6,)], (6, 3))):
        with journal.open_journal() as stats:
            network = DenseClassifier(max_iter=8, random_state=0)
            DenseGridSearchCV(network, {"hidden_layer_sizes": sizes}, cv=3).fit(X, y)
        assert (stats.fits, stats.reused) == expected


def test_each_network_is_stored_when_it_has_finished(monkeypatch):
    """A training that is killed loses only the fits that have not finished."""
    networks = [
        DenseClassifier((5,), max_iter=epochs, random_state=0, tol=0) for epochs in (3, 6, 9, 12)
    ]
    write = journal.SqliteFitStore.write

    def die(self, *fit):
        write(self, *fit)
        if fit[1].epochs == 9:
            raise KeyboardInterrupt

    monkeypatch.setattr(journal.SqliteFitStore, "write", die)
    with pytest.raises(KeyboardInterrupt):
        trained([clone(model) for model in networks])
    monkeypatch.setattr(journal.SqliteFitStore, "write", write)
    _, stats = trained([clone(model) for model in networks])
    assert (stats.fits, stats.reused) == (4, 3)


def test_a_training_that_diverged_is_not_cached():
    X, y = numbers()
    for _ in range(2):
        with np.errstate(all="ignore"), journal.open_journal() as stats:  # noqa: SIM117
            with pytest.raises(ValueError, match="infinite or NaN"):
                fit_many([DenseClassifier((3,), learning_rate_init=1e300)], [(X, y)])
        assert stats.reused == 0


# A damaged file. Each damage is reported, costs the cached fits, and changes no result.


def a_text(path: Path) -> None:
    path.write_text("no database" * 1000, encoding="utf-8")


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5000])


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def in_a_file_s_place(path: Path) -> None:
    path.unlink()
    for other in path.parent.iterdir():
        other.unlink()
    path.parent.rmdir()
    path.parent.write_text("", encoding="utf-8")


def a_damaged_fit(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE fits SET run = zeroblob(length(run))")


def a_fit_that_is_text(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE fits SET run = 'abc'")


def another_format(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA user_version=99")


def another_table(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DROP TABLE fits")
        connection.execute("CREATE TABLE fits (id INTEGER)")


FAULTS = {
    "a text": (a_text, "file is not a database"),
    "cut off": (cut_off, "malformed"),
    "a folder": (a_folder, "unable to open database file"),
    "a file in the folder's place": (in_a_file_s_place, "File exists"),
    "a damaged fit": (a_damaged_fit, "a fit in it is damaged"),
    "a fit that is text": (a_fit_that_is_text, "a fit in it is damaged"),
    "another format": (another_format, "its format is 99, not 1"),
    "another table": (another_table, "no such column: identity"),
}


@pytest.mark.parametrize(("break_it", "error"), FAULTS.values(), ids=[*FAULTS])
def test_a_damaged_journal_is_reported_and_costs_time_only(folder, break_it, error):
    expected = fit_many(models(), [numbers()] * 4)
    trained()
    with closing(sqlite3.connect(folder / journal.PATH, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")  # all in one file, to be broken
    break_it(folder / journal.PATH)
    again, stats = trained()
    assert (stats.fits, stats.reused) == (4, 0)
    assert error in stats.error
    assert stats.log_lines()[1].startswith("note: .winenet/journal.sqlite3 cannot be used (")
    assert all(same(ours, other) for ours, other in zip(again, expected, strict=True))


def test_a_locked_journal_is_reported(folder, monkeypatch):
    trained()
    monkeypatch.setattr(journal, "LOCK_TIMEOUT", 0.1)
    with closing(sqlite3.connect(folder / journal.PATH, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        networks, stats = trained(models(5))
    assert "locked" in stats.error
    assert all(
        same(ours, other)
        for ours, other in zip(networks, fit_many(models(5), [numbers()] * 5), strict=True)
    )


def test_a_full_disk_is_reported(monkeypatch):
    connect = journal._connect

    def full(path: str) -> sqlite3.Connection:
        connection = connect(path)
        connection.execute("PRAGMA max_page_count=4")
        return connection

    monkeypatch.setattr(journal, "_connect", full)
    _, stats = trained()
    assert "full" in stats.error
    assert len(stats.log_lines()) == 2


def test_a_damaged_number_is_detected(folder):
    """One flipped bit of a weight: the checksum differs, so the fit is trained again."""
    expected, _ = trained()
    with closing(sqlite3.connect(folder / journal.PATH, isolation_level=None)) as connection:
        key, run = connection.execute("SELECT key, run FROM fits").fetchone()
        broken = bytearray(run)
        broken[len(broken) // 3] ^= 1
        connection.execute("UPDATE fits SET run = ? WHERE key = ?", [bytes(broken), key])
    again, stats = trained()
    assert stats.reused < 4
    assert all(same(ours, other) for ours, other in zip(again, expected, strict=True))


# The stage, killed.


def n_cached_fits(path: Path) -> int:
    try:
        with closing(sqlite3.connect(path)) as connection:
            return int(connection.execute("SELECT count(*) FROM fits").fetchone()[0])
    except sqlite3.Error:
        return 0


@pytest.mark.skipif(os.name == "nt", reason="there are no process groups to kill on Windows")
@pytest.mark.slow
def test_a_killed_search_continues_where_it_stopped_to_the_same_bytes(split_workspace):
    split_workspace.edit("params.yaml", "max_iter: 2", "max_iter: 60")
    split_workspace.edit("params.yaml", "      - [3]\n", "      - [3]\n      - [5]\n      - [20]\n")
    quiet = {"WINENET_JOURNAL": "off"}
    code, printed, _ = split_workspace.run("stages.grid_search", **quiet)
    assert code == 0
    assert "grid_search: journal: off, all 14 fits trained\n" in printed
    expected = split_workspace.files()
    file = split_workspace.path / journal.PATH
    with subprocess.Popen(
        [sys.executable, "-m", "stages.grid_search"],
        cwd=split_workspace.path,
        env=split_workspace.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as stage:
        while n_cached_fits(file) < 2:
            assert stage.poll() is None, "the stage has ended before it could be killed"
            time.sleep(0.005)
        os.killpg(stage.pid, signal.SIGKILL)
    n_cached = n_cached_fits(file)
    assert 2 <= n_cached < 12
    code, printed, _ = split_workspace.run("stages.grid_search")
    assert code == 0
    # The two fits of the winner are there for its out-of-fold predictions, too.
    assert f"grid_search: journal: {n_cached + 2} of 14 fits reused\n" in printed
    assert split_workspace.files() == expected


def test_the_stages_count_the_same_with_one_process_and_with_two(split_workspace):
    for workers, reused in (("2", 2), ("1", 6)):
        code, printed, _ = split_workspace.run("stages.grid_search", WINENET_WORKERS=workers)
        assert code == 0
        assert f"grid_search: journal: {reused} of 6 fits reused\n" in printed
    assert parallel.n_workers() >= 1
