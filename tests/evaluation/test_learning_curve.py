"""Each run trains on the rows that its seed draws; means and gains are worked out by hand."""

import json
import math

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from winenet.data import splits
from winenet.data.split_data import EvaluationSet
from winenet.evaluation import learning_curve
from winenet.evaluation.learning_curve import SizeRuns
from winenet.network.classifier import DenseClassifier
from winenet.params import LearningCurve
from winenet.runtime import describe_numerics

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
MODELS = {
    "logistic": LogisticRegression(solver="liblinear", random_state=42),
    "notebook": DenseClassifier((5, 3), learning_rate_init=0.02, max_iter=60, random_state=42),
}
SETTINGS = LearningCurve(train_sizes=[0.2, 0.5, 1.0], n_repeats=3, random_state=4)


def some_rows(seed: int, rows: int, seen: float = 0) -> EvaluationSet:
    """Rows of three features in [0, 1]. seen: the share of them that count as seen."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.random((rows, 3)), columns=["a", "b", "c"])
    y = (X["a"] + 0.5 * rng.random(rows) > 0.8).astype(int).rename("Class")
    return EvaluationSet(X, y, pd.Series(rng.random(rows) < seen))


TRAINING, TEST = some_rows(1, 100), some_rows(2, 80, 0.3)


@pytest.fixture(autouse=True)
def _one_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINENET_WORKERS", "1")


@pytest.fixture(scope="module")
def brought() -> SizeRuns:
    return learning_curve.train_over_sizes(MODELS, TRAINING.X, TRAINING.y, TEST, SETTINGS)


@pytest.fixture
def runs(brought: SizeRuns) -> pd.DataFrame:
    return brought.table


def alone(name: str, seed: int):
    """Return scikit-learn's model, which the run under this seed must equal."""
    if name == "logistic":
        return LogisticRegression(solver="liblinear", random_state=seed)
    return MLPClassifier((5, 3), learning_rate_init=0.02, max_iter=60, random_state=seed)


def test_there_is_a_line_a_size_seed_and_model(runs):
    assert list(runs.columns) == [
        "model",
        "rows",
        "random_state",
        "at_max_iter",
        "accuracy",
        "accuracy_unseen",
    ]
    assert list(zip(runs["rows"], runs["random_state"], runs["model"], strict=True)) == [
        (rows, seed, model) for rows in (20, 50, 100) for seed in (4, 5, 6) for model in MODELS
    ]


def test_a_line_is_scikit_learn_s_fit_on_the_rows_that_its_seed_draws(runs):
    shares = {20: 0.2, 50: 0.5, 100: 1.0}
    for line in runs.to_dict("records"):
        places = splits.subsample(TRAINING.y, shares[line["rows"]], line["random_state"])
        fitted = alone(line["model"], line["random_state"])
        fitted.fit(TRAINING.X.iloc[places], TRAINING.y.iloc[places])
        right = fitted.predict(TEST.X) == TEST.y
        assert line["accuracy"] == right.mean()
        assert line["accuracy_unseen"] == right[~TEST.in_training].mean()
        assert line["at_max_iter"] == (np.max(fitted.n_iter_) == fitted.max_iter)
    assert set(runs["at_max_iter"]) == {True, False}


def test_it_is_kept_which_rows_each_run_got_right(brought):
    assert brought.correct.shape == (len(brought.table), len(TEST.y))
    assert list(brought.correct.mean(axis=1)) == list(brought.table["accuracy"])


def test_of_all_rows_each_run_is_the_plain_fit(runs):
    whole = runs[(runs["rows"] == 100) & (runs["model"] == "notebook")]
    for line in whole.to_dict("records"):
        fitted = alone("notebook", line["random_state"]).fit(TRAINING.X, TRAINING.y)
        assert line["accuracy"] == fitted.score(TEST.X, TEST.y)


def test_two_workers_make_the_same_runs_and_other_seeds_make_others(runs, monkeypatch):
    monkeypatch.setenv("WINENET_WORKERS", "2")
    again = learning_curve.train_over_sizes(MODELS, TRAINING.X, TRAINING.y, TEST, SETTINGS).table
    pd.testing.assert_frame_equal(again, runs, check_exact=True)
    reseeded = SETTINGS.model_copy(update={"random_state": 50})
    other = learning_curve.train_over_sizes(MODELS, TRAINING.X, TRAINING.y, TEST, reseeded).table
    assert list(other["accuracy"]) != list(runs["accuracy"])


def test_where_all_rows_were_seen_there_is_no_accuracy_on_unseen_ones():
    everything = TEST._replace(in_training=pd.Series([True] * 80))
    runs = learning_curve.train_over_sizes(MODELS, TRAINING.X, TRAINING.y, everything, SETTINGS)
    assert "accuracy_unseen" not in runs.table
    step = learning_curve.gain_of_last_step(runs, np.ones(80, dtype=bool))
    assert set(step["models"]) == set(MODELS)


@pytest.mark.parametrize("values", [[0.9, 0.95], [0.91, 0.9, 0.95, 0.93, 0.99]])
def test_the_interval_of_a_mean_is_scipy_s(values):
    low, high = scipy.stats.t.interval(
        0.95, len(values) - 1, loc=np.mean(values), scale=scipy.stats.sem(values)
    )
    found = learning_curve.mean_with_interval(pd.Series(values))
    assert found == pytest.approx((np.mean(values), low, high), rel=1e-12)


def test_equal_runs_have_no_interval_to_speak_of():
    assert learning_curve.mean_with_interval(pd.Series([0.5, 0.5, 0.5])) == (0.5, 0.5, 0.5)


# Student's t for two runs: with one degree of freedom it is Cauchy's, whose quantile is a tangent.
T = math.tan(math.pi * 0.475)
BY_HAND = pd.DataFrame(
    [
        # model, rows, random_state, at_max_iter, accuracy
        ("notebook", 50, 0, True, 0.90),
        ("logistic", 50, 0, False, 0.80),
        ("notebook", 50, 1, True, 0.92),
        ("logistic", 50, 1, False, 0.80),
        ("notebook", 10, 0, False, 0.05),
        ("logistic", 10, 0, False, 0.70),
        ("notebook", 10, 1, False, 0.15),
        ("logistic", 10, 1, True, 0.70),
        ("notebook", 100, 0, True, 0.91),
        ("logistic", 100, 0, False, 0.83),
        ("notebook", 100, 1, False, 0.97),
        ("logistic", 100, 1, False, 0.81),
    ],
    columns=["model", "rows", "random_state", "at_max_iter", "accuracy"],
)


def test_the_curve_is_worked_out_by_hand_and_no_interval_leaves_the_shares():
    found = learning_curve.curve(BY_HAND, "accuracy")
    assert list(found.columns) == [
        *("model", "step", "rows", "mean", "low", "high", "min", "max", "at_max_iter")
    ]
    # A model's steps are in the order of its lines; DVC's plots draw the line by them.
    assert list(found["step"]) == [0, 0, 1, 1, 2, 2]
    found = found.drop(columns="step")
    lines = {(line["model"], line["rows"]): line for line in found.to_dict("records")}
    assert len(lines) == len(found) == 6
    # The mean of two runs has the standard error of half their distance.
    assert lines["notebook", 10] == {
        "model": "notebook",
        "rows": 10,
        "mean": pytest.approx(0.10),
        "low": 0.0,  # 0.10 - 0.05 T
        "high": pytest.approx(0.10 + 0.05 * T),
        "min": 0.05,
        "max": 0.15,
        "at_max_iter": 0,
    }
    assert lines["notebook", 50]["low"] == pytest.approx(0.91 - 0.01 * T)
    assert lines["notebook", 50]["high"] == 1.0  # 0.91 + 0.01 T
    assert lines["notebook", 50]["at_max_iter"] == 2
    assert lines["notebook", 100]["at_max_iter"] == lines["logistic", 10]["at_max_iter"] == 1
    assert lines["logistic", 50] == {
        "model": "logistic",
        "rows": 50,
        **dict.fromkeys(("mean", "low", "high", "min", "max"), 0.8),
        "at_max_iter": 0,
    }


def test_the_last_step_compares_the_runs_of_a_seed():
    """Two models, two seeds, three test rows, of which the last is not chosen."""
    table = pd.DataFrame(
        [(model, rows, seed) for rows in (10, 50, 100) for seed in (0, 1) for model in "ab"],
        columns=["model", "rows", "random_state"],
    )
    before = {("a", 0): [1, 0, 0], ("a", 1): [1, 0, 1], ("b", 0): [1, 0, 1], ("b", 1): [0, 1, 1]}
    after = {("a", 0): [1, 1, 0], ("a", 1): [0, 1, 0], ("b", 0): [1, 1, 0], ("b", 1): [1, 1, 0]}
    right = {10: {key: [0, 0, 0] for key in before}, 50: before, 100: after}
    correct = np.array(
        [right[rows][model, seed] for model, rows, seed in table.itertuples(index=False)],
        dtype=bool,
    )
    found = learning_curve.gain_of_last_step(
        SizeRuns(table, correct), np.array([True, True, False])
    )
    assert (found["rows_before"], found["rows"]) == (50, 100)
    # a gains 1/2 under one seed and 0 under the other; it loses 1/2 in one row and gains 1 in the
    # other.
    assert found["models"]["a"] == {
        "gain": 0.25,
        "over_seeds": {
            "low": pytest.approx(0.25 - 0.25 * T),
            "high": pytest.approx(0.25 + 0.25 * T),
        },
        "over_rows": {
            "low": pytest.approx(0.25 - 0.75 * T),
            "high": pytest.approx(0.25 + 0.75 * T),
        },
    }
    # b gains 1/2 under each seed, and 1/2 in each row.
    sure = {"low": 0.5, "high": 0.5}
    assert found["models"]["b"] == {"gain": 0.5, "over_seeds": sure, "over_rows": sure}


# The stage, run as people run it.


def test_the_stage_writes_the_same_bytes_with_one_worker_and_two(trained_workspace):
    code, printed, errors = trained_workspace.run("stages.learning_curve", WINENET_WORKERS="1")
    assert (code, errors) == (0, "")
    _, *lines = printed.splitlines()  # the first tells the numerics
    assert lines[0] == ("learning_curve: training 4 models on 2 shares of 5197 rows, 2 times each")
    assert "training: 12 of 12 fits" in lines
    first = trained_workspace.files()
    numbers = json.loads(first["metrics/learning_curve.json"])
    assert (numbers["score"], numbers["rows_before"], numbers["rows"]) == (
        "accuracy_unseen",
        259,
        5197,
    )
    order = ("logistic", "notebook", "one_hidden_layer", "grid_search")
    for name, told in zip(order, lines[-4:], strict=True):
        one = numbers["models"][name]
        assert told == (
            f"learning_curve: {name}: {one['gain']:+.4f} accuracy_unseen from 259 to 5197 rows"
        )
    runs = pd.read_csv(trained_workspace.path / "data/learning_curve_runs.csv")
    curve = pd.read_csv(trained_workspace.path / "plots/learning_curve.csv")
    assert (len(runs), len(curve)) == (16, 8)
    assert list(runs["rows"]) == [259] * 8 + [5197] * 8
    assert runs.groupby(["model", "rows"])["accuracy_unseen"].mean().to_dict() == pytest.approx(
        curve.set_index(["model", "rows"])["mean"].to_dict(), abs=1e-6
    )
    again = trained_workspace.run("stages.learning_curve", WINENET_WORKERS="2")
    assert (again[0], again[2]) == (0, "")
    assert trained_workspace.files() == first


def test_a_share_that_is_too_small_ends_the_stage_before_it_trains(trained_workspace):
    trained_workspace.edit("params.yaml", "train_sizes: [0.05,", "train_sizes: [0.0001,")
    before = trained_workspace.files()
    code, printed, errors = trained_workspace.run("stages.learning_curve")
    assert (code, printed) == (1, f"learning_curve: {describe_numerics()}\n")
    assert errors.startswith(
        "\nlearning_curve: A share of 0.0001 of 5197 training rows cannot be drawn, so no model "
        "can train on it: it needs a row of each class, and as many must be left over unless it is "
        "1. Change learning_curve.train_sizes in params.yaml, or give more rows.\n"
    )
    assert trained_workspace.files() == before
