"""Both estimators make one table, which says what each fold did; nothing drops out silently.

The number of processes, the terminal and the log change what is seen, never what comes out.
"""

import contextlib
import json
import math
import os
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, TimeSeriesSplit, check_cv
from sklearn.neural_network import MLPClassifier

from winenet import files
from winenet.data import folds
from winenet.data.splits import RowKeys
from winenet.evaluation import search_results
from winenet.evaluation.search_results import SearchError
from winenet.models import registry
from winenet.network import parallel
from winenet.network.classifier import DenseClassifier
from winenet.network.parallel import WorkersError
from winenet.params import GridSearch

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
    return GridSearch(
        estimator=estimator,
        defaults={"max_iter": max_iter, "random_state": 42},
        cv=3,
        scoring=scoring,
        param_grid={
            "hidden_layer_sizes": [list(layers) for layers in sizes],
            "learning_rate_init": list(rates),
        },
    )


@pytest.fixture(autouse=True)
def _one_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINENET_WORKERS", "1")


@pytest.mark.parametrize("scoring", ["accuracy", "neg_log_loss"])
@pytest.mark.parametrize("estimator", ["winenet", "scikit-learn"])
def test_the_search_is_scikit_learn_s(rows, scoring, estimator):
    found = search_results.grid_search(*rows, settings(scoring=scoring, estimator=estimator))
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
        registry.format_layer_sizes(theirs.best_params_["hidden_layer_sizes"])
        == (found.best["hidden_layer_sizes"])
    )
    for ours, scikit_learn_s in zip(found.model.coefs_, theirs.best_estimator_.coefs_, strict=True):
        assert ours.tobytes() == scikit_learn_s.tobytes()


def test_the_table_tells_the_epochs_of_each_fold(rows):
    candidates = search_results.grid_search(*rows, settings(rates=(0.1,), max_iter=300)).candidates
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
    again = search_results.grid_search(*rows, settings(rates=(0.1,), max_iter=shorter)).candidates
    assert (again.filter(like="_epochs") == shorter).to_numpy().all()


@pytest.mark.parametrize("limits", [[30], [5, 30, 400]])
def test_fits_that_max_iter_ended_are_counted(rows, limits):
    """Also where the search tries several limits: each fit has that of its own candidate."""
    searched = {"max_iter": limits, "learning_rate_init": [0.05], "tol": [0.01]}
    found = search_results.grid_search(
        *rows, settings().model_copy(update={"param_grid": searched})
    )
    epochs = found.candidates.filter(regex="_epochs$")
    expected = int(epochs.eq(limits, axis="index").to_numpy().sum())
    assert found.fits_at_max_iter == expected
    assert expected > 0
    assert epochs.max().max() == 30 or expected < epochs.size


@pytest.mark.parametrize("rates", [(1e-12, 2e-12), (2e-12, 1e-12)])
def test_the_first_of_equal_candidates_wins(rows, rates):
    """Networks that hardly learn are equal, so the order of the grid decides."""
    found = search_results.grid_search(*rows, settings(rates=rates, sizes=((4,),), max_iter=1))
    assert list(found.candidates["rank_test_score"]) == [1, 1]
    assert found.best["learning_rate_init"] == rates[0]


def test_two_workers_find_the_same_as_one(rows, monkeypatch, tmp_path):
    tables = []
    for workers in ("1", "2"):
        monkeypatch.setenv("WINENET_WORKERS", workers)
        found = search_results.grid_search(*rows, settings())
        files.write_lossless(str(tmp_path / workers), found.candidates)
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
        search_results.grid_search(*rows, settings(rates=rates, sizes=((4,),), estimator=estimator))
    told = str(caught.value)
    assert told.startswith("A network of the grid could not be trained: ")
    assert WHY[estimator] in told
    assert told.endswith(
        " The table of candidates would be incomplete, so the search was stopped. Change "
        "grid_search.param_grid in params.yaml; try a smaller learning_rate_init first."
    )


@pytest.mark.parametrize(
    "scoring", ["accuracy", "balanced_accuracy", "f1", "neg_log_loss", "roc_auc"]
)
def test_a_candidate_that_learns_nothing_has_scores_that_are_numbers(rows, scoring):
    """At this rate the weights are huge but finite, and every row is of one class."""
    found = search_results.grid_search(
        *rows, settings(rates=(1e10,), sizes=((4,),), scoring=scoring)
    )
    assert np.isfinite(found.candidates.select_dtypes("number").to_numpy()).all()


# The folds, each row by the network that did not train on it, and how well founded the choice is.


def row_numbers(rows, groups=None) -> pd.DataFrame:
    """Return what split_rows.csv tells of the training rows, 3 for each one of the table."""
    number = np.arange(len(rows[1])) * 3
    return pd.DataFrame({"row": number, "group": number if groups is None else groups})


def test_the_folds_are_those_of_a_plain_number(rows):
    theirs = check_cv(3, rows[1], classifier=True).split(*rows)
    for (train, scored), (their_train, their_scored) in zip(
        folds.cv_splits(3, rows[1]), theirs, strict=True
    ):
        np.testing.assert_array_equal(train, their_train)
        np.testing.assert_array_equal(scored, their_scored)


def test_a_group_is_in_one_fold(rows):
    groups = pd.Series(np.arange(120) // 4)
    cv = folds.cv_splits(3, rows[1], RowKeys(groups=groups))
    assert sorted(np.concatenate([scored for _, scored in cv])) == list(range(120))
    for train, scored in cv:
        assert set(groups[train]) & set(groups[scored]) == set()
        assert rows[1][scored].nunique() == 2


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("estimator", ["winenet", "scikit-learn"])
def test_out_of_fold_accuracies_are_the_search_s_own(
    rows, monkeypatch, estimator, grouped, workers
):
    monkeypatch.setenv("WINENET_WORKERS", workers)
    groups = pd.Series(np.arange(120) // 4) if grouped else None
    found = search_results.grid_search(*rows, settings(estimator=estimator), RowKeys(groups=groups))
    cv = folds.cv_splits(3, rows[1], RowKeys(groups=groups))
    table = search_results.out_of_fold_predictions(
        found.model, *rows, cv, row_numbers(rows, groups)
    )
    assert list(table.columns) == [
        "row",
        "Class",
        "fold",
        "predicted",
        "probability",
        "in_training",
    ]
    assert list(table["row"]) == list(range(0, 360, 3))
    assert list(table["Class"]) == list(rows[1])
    for fold, (_, scored) in enumerate(cv):
        assert list(np.flatnonzero(table["fold"] == fold)) == list(scored)
        one = table.iloc[scored]
        accuracy = (one["predicted"] == one["Class"]).mean()
        assert accuracy == found.best[f"split{fold}_test_score"] < 1
    assert not table["in_training"].any()


@pytest.mark.parametrize("estimator", ["winenet", "scikit-learn"])
def test_folds_in_time_are_scikit_learn_s_and_the_first_rows_are_in_none(rows, estimator):
    keys = RowKeys(times=pd.Series(range(120)))
    found = search_results.grid_search(*rows, settings(estimator=estimator), keys)
    theirs = GridSearchCV(
        MLPClassifier(max_iter=25, random_state=42),
        {"hidden_layer_sizes": [(4,), (6, 3)], "learning_rate_init": [0.01, 0.1]},
        cv=TimeSeriesSplit(3),
    ).fit(*rows)
    for name in ("mean_test_score", "split0_test_score", "split2_test_score"):
        assert list(found.candidates[name]) == list(theirs.cv_results_[name])
    cv = folds.cv_splits(3, rows[1], keys)
    table = search_results.out_of_fold_predictions(found.model, *rows, cv, row_numbers(rows))
    assert list(table["row"]) == list(range(90, 360, 3))
    assert list(table["fold"]) == [0] * 30 + [1] * 30 + [2] * 30
    assert list(table["Class"]) == list(rows[1][30:])
    for fold in range(3):
        one = table[table["fold"] == fold]
        assert (one["predicted"] == one["Class"]).mean() == found.best[f"split{fold}_test_score"]


@pytest.mark.parametrize("method", ["random", "halving"])
def test_random_and_halving_searches_take_folds_in_time(rows, method):
    """The best candidate's scores are those of fits on the rows before each fold."""
    keys = RowKeys(times=pd.Series(range(120)))
    changes: dict[str, object] = {"method": method, "n_iter": 3, "search_seed": 0}
    if method == "halving":
        changes |= {"factor": 2.0, "min_epochs": 5}
    found = search_results.grid_search(*rows, settings().model_copy(update=changes), keys)
    cv = folds.cv_splits(3, rows[1], keys)
    table = search_results.out_of_fold_predictions(found.model, *rows, cv, row_numbers(rows))
    assert len(table) == 90
    for fold in range(3):
        one = table[table["fold"] == fold]
        assert (one["predicted"] == one["Class"]).mean() == found.best[f"split{fold}_test_score"]


def test_an_out_of_fold_probability_is_that_of_a_network_trained_without_the_fold(rows):
    X, y = rows
    found = search_results.grid_search(*rows, settings())
    cv = folds.cv_splits(3, rows[1])
    table = search_results.out_of_fold_predictions(found.model, *rows, cv, row_numbers(rows))
    for train, scored in cv:
        alone = clone(found.model).fit(X.iloc[train], y.iloc[train])
        P = alone.predict_proba(X.iloc[scored])[:, 1]
        assert list(table["probability"].iloc[scored]) == list(P)
        assert list(table["predicted"].iloc[scored]) == list(alone.predict(X.iloc[scored]))


def test_a_row_was_seen_when_its_fold_s_network_trained_on_its_group(rows):
    """Two folds, cut by hand: rows 0 to 59, and 60 to 119."""
    first, second = np.arange(60), np.arange(60, 120)
    groups = np.arange(120)
    groups[1] = 0  # within a fold
    groups[70] = groups[80] = 5  # across
    table = search_results.out_of_fold_predictions(
        DenseClassifier((3,), max_iter=2, random_state=0).fit(*rows),
        *rows,
        [(second, first), (first, second)],
        row_numbers(rows, groups),
    )
    assert list(np.flatnonzero(table["in_training"])) == [5, 70, 80]


# Hand-made: four folds, of which the best candidate's scores have a standard deviation of 0.03
# (divided by 4), so a standard error of 0.03 / sqrt(3).
STANDARD_ERROR = 0.03 / math.sqrt(3)


def candidates(*lines: tuple[int, float, float]) -> pd.DataFrame:
    """Return a table of candidates; a line: parameters, rate, how far its mean is behind."""
    table = pd.DataFrame(lines, columns=["parameters", "learning_rate_init", "behind"])
    table["candidate"] = [f"{size} at {rate:g}" for size, rate, _ in lines]
    table["mean_test_score"] = 0.9 - table["behind"]
    table["rank_test_score"] = table["behind"].rank(method="min").astype(int)
    table["std_test_score"] = 0.03
    for fold in range(4):
        table[f"split{fold}_test_score"] = 0.9
    table["within_one_standard_error"] = table["behind"] <= STANDARD_ERROR
    return table


def chosen(*lines: tuple[int, float, float]) -> dict[str, object]:
    table = candidates(*lines)
    best = table.iloc[table["behind"].argmin()]
    return search_results.selection_diagnostics(
        table, best, ["hidden_layer_sizes", "learning_rate_init"]
    )


def test_a_choice_inside_the_grid_has_no_edge_and_may_have_a_smaller_equal():
    assert chosen(
        (10, 0.01, 0.05),
        (10, 0.1, 0.01),
        (20, 0.01, 0.04),
        (20, 0.1, 0.0),
        (20, 1.0, 0.01),
        (30, 0.1, 0.001),
    ) == {
        "standard_error": STANDARD_ERROR,
        "trained_to_the_end": 6,
        "within_one_standard_error": 4,
        "smallest_within_one_standard_error": "10 at 0.1",
        "on_edge": {"hidden_layer_sizes": False, "learning_rate_init": False},
    }


@pytest.mark.parametrize(
    ("best", "sizes", "rate"),
    [
        ((10, 0.1), True, False),
        ((30, 0.1), True, False),
        ((20, 0.01), False, True),
        ((20, 1.0), False, True),
        ((30, 1.0), True, True),
    ],
)
def test_the_least_and_the_largest_value_are_the_edge(best, sizes, rate):
    grid = [(size, step) for size in (10, 20, 30) for step in (0.01, 0.1, 1.0)]
    found = chosen(*((*one, 0.0 if one == best else 0.2) for one in grid))
    assert found["on_edge"] == {"hidden_layer_sizes": sizes, "learning_rate_init": rate}
    assert found["within_one_standard_error"] == 1
    assert found["smallest_within_one_standard_error"] == f"{best[0]} at {best[1]:g}"


def test_a_single_value_has_no_edge():
    assert chosen((10, 0.1, 0.0))["on_edge"] == {
        "hidden_layer_sizes": False,
        "learning_rate_init": False,
    }
    found = chosen((10, 0.1, 0.0), (10, 0.2, 0.1))
    assert found["on_edge"] == {"hidden_layer_sizes": False, "learning_rate_init": True}


def test_of_equally_small_candidates_the_better_one_is_named():
    found = chosen((20, 0.1, 0.0), (10, 0.3, 0.01), (10, 0.2, 0.001), (10, 0.1, 0.001))
    assert found["smallest_within_one_standard_error"] == "10 at 0.2"


@pytest.mark.parametrize("scoring", ["accuracy", "neg_log_loss"])
def test_the_standard_error_is_that_of_the_best_candidate_s_folds(rows, scoring):
    found = search_results.grid_search(
        *rows, settings(rates=(0.001, 0.02, 0.1), max_iter=60, scoring=scoring)
    )
    scores = found.best[[f"split{fold}_test_score" for fold in range(3)]].astype(float)
    standard_error = scipy.stats.sem(scores)
    told = search_results.selection_diagnostics(
        found.candidates, found.best, ["learning_rate_init"]
    )
    assert told["standard_error"] == pytest.approx(standard_error, rel=1e-12)
    means = found.candidates["mean_test_score"]
    close = means >= means.max() - standard_error
    assert list(found.candidates["within_one_standard_error"]) == list(close)
    assert 0 < told["within_one_standard_error"] == close.sum() < len(means)


@pytest.mark.parametrize("asked", ["0", "-1", "two", "1.5", "", " ", "²", "1e3"])
def test_a_number_of_workers_that_is_none_is_told(monkeypatch, asked):
    monkeypatch.setenv("WINENET_WORKERS", asked)
    with pytest.raises(WorkersError) as caught:
        parallel.n_workers()
    assert str(caught.value) == (
        f"WINENET_WORKERS={asked} is not a number of processes, so no training was started. "
        "It must be an integer of at least 1. Unset it to use one process per core."
    )


def test_the_number_of_workers_is_the_one_asked_for(monkeypatch):
    monkeypatch.setenv("WINENET_WORKERS", "3")
    assert parallel.n_workers() == 3
    monkeypatch.delenv("WINENET_WORKERS")
    assert parallel.n_workers() >= 1


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
    numerics, first, *lines = printed.splitlines()
    assert numerics.startswith("grid_search: numerics: 1 BLAS thread")
    assert first == "grid_search: 2 candidates x 2 folds on 5197 rows, 1 processes"
    # The two fits of the winner are the search's own, for its out-of-fold predictions.
    assert lines.pop() == "grid_search: journal: 2 of 6 fits reused"
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


# ---- random and halving


DRAWN = {
    "hidden_layer_sizes": [[4], [6, 3]],
    "alpha": {"loguniform": [1e-5, 1.0]},
    "beta_1": {"uniform": [0.8, 0.95]},
    "batch_size": {"randint": [8, 33]},
}


def drawn(method: str, **changes) -> GridSearch:
    return GridSearch(
        estimator=changes.pop("estimator", "winenet"),
        method=method,
        defaults={"max_iter": 12, "random_state": 42},
        cv=3,
        scoring="accuracy",
        param_grid=DRAWN,
        n_iter=6,
        search_seed=changes.pop("search_seed", 3),
        **changes,
    )


@pytest.mark.parametrize("estimator", ["winenet", "scikit-learn"])
def test_a_random_search_draws_and_scores_as_scikit_learn_s(rows, estimator):
    found = search_results.grid_search(*rows, drawn("random", estimator=estimator))
    theirs = RandomizedSearchCV(
        MLPClassifier(max_iter=12, random_state=42),
        {
            "hidden_layer_sizes": [(4,), (6, 3)],
            "alpha": scipy.stats.loguniform(1e-5, 1.0),
            "beta_1": scipy.stats.uniform(0.8, 0.15),
            "batch_size": scipy.stats.randint(8, 33),
        },
        n_iter=6,
        random_state=3,
        cv=3,
    ).fit(*rows)
    results = theirs.cv_results_
    assert found.candidates["alpha"].tolist() == list(results["param_alpha"])
    assert found.candidates["batch_size"].tolist() == list(results["param_batch_size"])
    assert found.candidates["mean_test_score"].tolist() == results["mean_test_score"].tolist()
    assert found.best.name == theirs.best_index_
    # What the next stages read back from JSON makes the same network.
    read = json.loads(json.dumps(found.parameters))
    again = registry.make_network(read).fit(*rows)
    for ours, scikit_learn_s in zip(again.coefs_, theirs.best_estimator_.coefs_, strict=True):
        assert ours.tobytes() == scikit_learn_s.tobytes()


def test_halving_keeps_the_last_round_of_each_candidate(rows):
    found = search_results.grid_search(
        *rows, drawn("halving", search_seed=2, factor=2.0, min_epochs=3)
    )
    table = found.candidates
    assert table["candidate"].is_unique
    assert len(table) == 6
    assert table["round"].value_counts().to_dict() == {1: 3, 2: 1, 3: 2}
    assert table.groupby("round")["max_epochs"].first().to_dict() == {1: 3, 2: 6, 3: 12}
    best = table.loc[table["rank_test_score"].idxmin()]
    assert best.name == found.best.name
    assert best["round"] == 3
    assert table.sort_values("rank_test_score")["round"].is_monotonic_decreasing
    # Rounds of 6, 3 and 2 candidates on three folds, each from where it stopped.
    assert found.epochs == 3 * (6 * 3 + 3 * 3 + 2 * 6)
    last = table["round"] == 3
    assert not table.loc[~last, "within_one_standard_error"].any()  # of another number of epochs
    choice = search_results.selection_diagnostics(table, found.best, DRAWN)
    assert choice["trained_to_the_end"] == 2
    assert choice["within_one_standard_error"] == table.loc[last, "within_one_standard_error"].sum()


def test_the_epochs_of_a_grid_are_those_of_its_fits(rows):
    found = search_results.grid_search(*rows, settings())
    epochs = found.candidates.filter(regex="_epochs$").to_numpy()
    assert found.epochs == epochs.sum() > 0


def test_a_candidate_is_named_by_what_was_searched():
    name = search_results.candidate_name
    assert name({"hidden_layer_sizes": (50, 25), "learning_rate_init": 0.001}) == "50-25 at 0.001"
    assert name({"alpha": 0.1, "hidden_layer_sizes": (5,)}) == "5, alpha 0.1"
    assert name({"learning_rate_init": 0.01, "alpha": 0.123456}) == (
        "learning_rate_init 0.01, alpha 0.1235"
    )
    assert name({"activation": "tanh", "early_stopping": True}) == (
        "activation tanh, early_stopping True"
    )
