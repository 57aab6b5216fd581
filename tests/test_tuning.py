"""Both estimators make one table, which says what each fold did; nothing drops out silently.

The number of processes, the terminal and the log change what is seen, never what comes out.
"""

import contextlib
import os
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier

from winenet import files, parallel, tuning
from winenet.parallel import WorkersError
from winenet.params import GridSearch, ParamGrid
from winenet.tuning import SearchError

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def rows() -> tuple[pd.DataFrame, pd.Series]:
    """120 rows of three features in [0, 1], a quarter of them of class 1."""
    rng = np.random.default_rng(4)
    X = pd.DataFrame(rng.random((120, 3)), columns=["a", "b", "c"])
    return X, (X["a"] + 0.4 * rng.random(120) > 0.95).astype(int).rename("Class")


def settings(
    rates: tuple[float, ...] = (0.01, 0.1),
    sizes: tuple[tuple[int, ...], ...] = ((4,), (6, 3)),
    max_iter: int = 25,
    scoring: str = "accuracy",
    estimator: str = "winenet",
) -> GridSearch:
    grid = ParamGrid(
        hidden_layer_sizes=[list(layers) for layers in sizes], learning_rate_init=list(rates)
    )
    return GridSearch(
        estimator=estimator,
        max_iter=max_iter,
        random_state=42,
        cv=3,
        scoring=scoring,
        param_grid=grid,
    )


@pytest.fixture(autouse=True)
def _one_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINENET_WORKERS", "1")


@pytest.mark.parametrize("scoring", ["accuracy", "neg_log_loss"])
@pytest.mark.parametrize("estimator", ["winenet", "scikit-learn"])
def test_the_search_is_scikit_learn_s(rows, scoring, estimator):
    found = tuning.grid_search(*rows, settings(scoring=scoring, estimator=estimator))
    theirs = GridSearchCV(
        MLPClassifier(max_iter=25, random_state=42),
        {"hidden_layer_sizes": [(4,), (6, 3)], "learning_rate_init": [0.01, 0.1]},
        cv=3,
        scoring=scoring,
    ).fit(*rows)
    results = theirs.cv_results_
    table = found.candidates
    assert len(table) == 4
    for name in ("mean_test_score", "std_test_score", "rank_test_score", "split2_test_score"):
        assert table[name].to_numpy().tobytes() == results[name].astype(table[name].dtype).tobytes()
    assert [*zip(table["hidden_layer_sizes"], table["learning_rate_init"], strict=True)] == [
        ("4", 0.01),
        ("4", 0.1),
        ("6-3", 0.01),
        ("6-3", 0.1),
    ]
    assert found.best.name == theirs.best_index_
    assert (
        tuning.size_name(theirs.best_params_["hidden_layer_sizes"])
        == (found.best["hidden_layer_sizes"])
    )
    for ours, scikit_learn_s in zip(found.model.coefs_, theirs.best_estimator_.coefs_, strict=True):
        assert ours.tobytes() == scikit_learn_s.tobytes()


def test_the_table_tells_the_epochs_of_each_fold(rows):
    candidates = tuning.grid_search(*rows, settings(rates=(0.1,), max_iter=300)).candidates
    assert list(candidates.columns) == [
        "candidate",
        "hidden_layer_sizes",
        "learning_rate_init",
        "mean_test_score",
        "std_test_score",
        "rank_test_score",
        "mean_test_accuracy",
        "split0_test_score",
        "split1_test_score",
        "split2_test_score",
        "split0_epochs",
        "split1_epochs",
        "split2_epochs",
        "parameters",
        "within_one_standard_error",
    ]
    assert list(candidates["candidate"]) == ["4 at 0.1", "6-3 at 0.1"]
    epochs = candidates.filter(like="_epochs").to_numpy()
    assert len(set(epochs.ravel())) > 1
    assert epochs.min() > 1
    shorter = int(epochs.min())
    again = tuning.grid_search(*rows, settings(rates=(0.1,), max_iter=shorter)).candidates
    assert (again.filter(like="_epochs") == shorter).to_numpy().all()


def test_fits_that_max_iter_ended_are_counted():
    candidates = pd.DataFrame(
        {
            "split0_test_score": [500, 500],
            "split0_epochs": [500, 499],
            "split1_epochs": [500, 500],
        }
    )
    assert tuning.fits_at_max_iter(candidates, 500) == 3
    assert tuning.fits_at_max_iter(candidates, 501) == 0


@pytest.mark.parametrize("rates", [(1e-12, 2e-12), (2e-12, 1e-12)])
def test_the_first_of_equal_candidates_wins(rows, rates):
    """Networks that hardly learn are equal, so the order of the grid decides."""
    found = tuning.grid_search(*rows, settings(rates=rates, sizes=((4,),), max_iter=1))
    assert list(found.candidates["rank_test_score"]) == [1, 1]
    assert found.best["learning_rate_init"] == rates[0]


def test_two_workers_find_the_same_as_one(rows, monkeypatch, tmp_path):
    tables = []
    for workers in ("1", "2"):
        monkeypatch.setenv("WINENET_WORKERS", workers)
        found = tuning.grid_search(*rows, settings())
        files.write_exact(str(tmp_path / workers), found.candidates)
        weights = b"".join(layer.tobytes() for layer in found.model.coefs_)
        tables.append(((tmp_path / workers).read_bytes(), weights))
    assert tables[0] == tables[1]


WHY = {
    "winenet": "failed on fold 0: The weights became infinite or NaN",
    "scikit-learn": "Solver produced non-finite parameter weights.",
}


@pytest.mark.parametrize("rates", [(1e300,), (0.01, 1e300), (1e160, 0.01)])
@pytest.mark.parametrize("estimator", list(WHY))
def test_a_candidate_that_diverges_ends_the_search(rows, rates, estimator):
    with np.errstate(all="ignore"), pytest.raises(SearchError) as caught:
        tuning.grid_search(*rows, settings(rates=rates, sizes=((4,),), estimator=estimator))
    told = str(caught.value)
    assert told.startswith("A network of the grid could not be trained: ")
    assert WHY[estimator] in told
    assert told.endswith(
        " No candidate may drop out silently, so the search was ended. Change "
        "grid_search.param_grid in params.yaml; a smaller learning_rate_init is the first thing to "
        "try."
    )


@pytest.mark.parametrize(
    "scoring", ["accuracy", "balanced_accuracy", "f1", "neg_log_loss", "roc_auc"]
)
def test_a_candidate_that_learns_nothing_has_scores_that_are_numbers(rows, scoring):
    """At this rate the weights are huge but finite, and every row is of one class."""
    found = tuning.grid_search(*rows, settings(rates=(1e10,), sizes=((4,),), scoring=scoring))
    assert np.isfinite(found.candidates.select_dtypes("number").to_numpy()).all()


@pytest.mark.parametrize("asked", ["0", "-1", "two", "1.5", "", " ", "²", "1e3"])
def test_a_number_of_workers_that_is_none_is_told(monkeypatch, asked):
    monkeypatch.setenv("WINENET_WORKERS", asked)
    with pytest.raises(WorkersError) as caught:
        parallel.workers()
    assert str(caught.value) == (
        f"WINENET_WORKERS={asked} is no number of processes, so no training was begun. "
        "It must be a whole number from 1 up; unset it for one process a core."
    )


def test_the_number_of_workers_is_the_one_asked_for(monkeypatch):
    monkeypatch.setenv("WINENET_WORKERS", "3")
    assert parallel.workers() == 3
    monkeypatch.delenv("WINENET_WORKERS")
    assert parallel.workers() >= 1


# The stage, run as people run it.

DIE_BEFORE_WRITING = """

def write_metrics(path, metrics):
    import os
    os._exit(7)
"""


def test_progress_is_seen_in_a_log_while_the_search_runs(split_workspace):
    """The process ends before it can flush anything: what is there was flushed at once."""
    split_workspace.append("winenet/files.py", DIE_BEFORE_WRITING)
    code, printed, errors = split_workspace.run(
        "stages.grid_search",
        WINENET_WORKERS="1",
        PYTHONUNBUFFERED="",  # set, it would flush for us
    )
    assert (code, errors) == (7, "")
    first, *lines = printed.splitlines()
    assert first == "grid_search: 2 candidates x 2 folds on 5197 rows, 1 processes"
    assert lines[-1].startswith("search: 4 of 4 fits, 2 of 2 candidates, best 0.7")
    assert all(re.search(r" of 4 fits, .* about \d+ s left$", line) for line in lines[:-1])


def test_a_long_search_prints_five_lines_of_progress(split_workspace):
    split_workspace.edit("params.yaml", "cv: 2", "cv: 12")
    split_workspace.edit("params.yaml", "estimator: winenet", "estimator: scikit-learn")
    split_workspace.edit("params.yaml", "max_iter: 2", "max_iter: 1")
    code, printed, _ = split_workspace.run("stages.grid_search", WINENET_WORKERS="2")
    assert code == 0
    lines = [line for line in printed.splitlines() if line.startswith("search: ")]
    assert [line.split(",")[0] for line in lines] == [
        f"search: {done} of 24 fits" for done in (5, 10, 15, 20, 24)
    ]
    assert all(line.endswith(" s left") for line in lines[:-1])


if sys.platform != "win32":  # it has no pseudo-terminals
    import termios

    def test_a_bar_is_shown_on_a_terminal(split_workspace):
        ours, theirs = os.openpty()
        termios.tcsetwinsize(theirs, (24, 100))
        with subprocess.Popen(
            [sys.executable, "-m", "stages.grid_search"],
            cwd=split_workspace.path,
            env=split_workspace.environment(WINENET_WORKERS="1"),
            stdout=subprocess.PIPE,
            stderr=theirs,
            text=True,
        ) as process:
            os.close(theirs)
            shown = everything_on(ours)
            printed = process.communicate()[0]
        assert process.returncode == 0
        assert "search:   0%|" in shown
        assert "search: 100%|" in shown
        assert "4 of 4 fits, 2 of 2 candidates, best 0.7" in shown
        assert "search: " not in printed.replace("grid_search: ", "")


def everything_on(terminal: int) -> str:
    """Return what was written to a pseudo-terminal until its other end was closed."""
    seen = b""
    with open(terminal, "rb", buffering=0) as stream, contextlib.suppress(OSError):  # Linux: EIO
        while chunk := stream.read(4096):
            seen += chunk
    return seen.decode()


def test_a_stage_whose_search_diverges_writes_nothing(split_workspace):
    split_workspace.edit("params.yaml", "      - 0.01\n", "      - 1.0e+300\n")
    before = split_workspace.files()
    code, printed, errors = split_workspace.run("stages.grid_search", WINENET_WORKERS="1")
    assert code == 1
    assert "grid_search: A network of the grid could not be trained: The candidate " in errors
    assert "Traceback" not in printed + errors
    assert split_workspace.files() == before
