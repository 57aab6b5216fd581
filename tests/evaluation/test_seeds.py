"""A run under a seed is the fit that this seed makes alone; a spread is worked out by hand."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score
from sklearn.neural_network import MLPClassifier

from winenet.data.split_data import EvaluationSet
from winenet.evaluation import seeds
from winenet.network.classifier import DenseClassifier
from winenet.params import Seeds

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
NETWORKS = {
    "notebook": DenseClassifier((5, 3), max_iter=60, random_state=42),
    "grid_search": DenseClassifier((4,), learning_rate_init=0.05, max_iter=40, random_state=42),
}
SETTINGS = Seeds(n_seeds=3, random_state=7)


def some_rows(seed: int, seen: float) -> EvaluationSet:
    """80 rows of three features in [0, 1]. seen: the share of them that count as seen."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.random((80, 3)), columns=["a", "b", "c"])
    y = (X["a"] + 0.5 * rng.random(80) > 0.8).astype(int).rename("Class")
    return EvaluationSet(X, y, pd.Series(rng.random(80) < seen))


TRAINING, TEST = some_rows(1, 0), some_rows(2, 0.3)


@pytest.fixture(autouse=True)
def _one_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINENET_WORKERS", "1")


@pytest.fixture(scope="module")
def runs() -> pd.DataFrame:
    return seeds.train_over_seeds(NETWORKS, TRAINING.X, TRAINING.y, TEST, SETTINGS)


def test_there_is_a_line_a_network_and_seed(runs):
    assert list(runs.columns) == [
        "model",
        "random_state",
        "epochs",
        "errors",
        "accuracy",
        "accuracy_unseen",
        "balanced_accuracy",
        "matthews_corrcoef",
        "average_precision",
        "roc_auc",
        "log_loss",
    ]
    assert list(zip(runs["model"], runs["random_state"], strict=True)) == [
        (network, seed) for network in NETWORKS for seed in (7, 8, 9)
    ]


def test_a_line_is_scikit_learn_s_fit_under_its_seed(runs):
    for line in runs.to_dict("records"):
        parameters = NETWORKS[line["model"]].get_params()
        alone = MLPClassifier(
            parameters["hidden_layer_sizes"],
            learning_rate_init=parameters["learning_rate_init"],
            max_iter=parameters["max_iter"],
            random_state=line["random_state"],
        ).fit(TRAINING.X, TRAINING.y)
        wrong = alone.predict(TEST.X) != TEST.y
        P = alone.predict_proba(TEST.X)[:, 1]
        assert line["epochs"] == alone.n_iter_
        assert line["errors"] == wrong.sum() > 0
        assert line["accuracy"] == alone.score(TEST.X, TEST.y)
        assert line["accuracy_unseen"] == 1 - wrong[~TEST.in_training].mean()
        assert line["roc_auc"] == roc_auc_score(TEST.y, P)
        assert line["average_precision"] == average_precision_score(TEST.y, P)
        assert line["log_loss"] == log_loss(TEST.y, P)
    assert runs["log_loss"].nunique() == len(runs)


def test_two_workers_make_the_same_runs_and_the_networks_stay_untrained(runs, monkeypatch):
    monkeypatch.setenv("WINENET_WORKERS", "2")
    again = seeds.train_over_seeds(NETWORKS, TRAINING.X, TRAINING.y, TEST, SETTINGS)
    pd.testing.assert_frame_equal(again, runs, check_exact=True)
    for network in NETWORKS.values():
        assert network.random_state == 42
        assert not hasattr(network, "coefs_")


def test_where_all_rows_were_seen_there_is_no_accuracy_on_unseen_ones():
    everything = TEST._replace(in_training=pd.Series([True] * 80))
    runs = seeds.train_over_seeds(NETWORKS, TRAINING.X, TRAINING.y, everything, SETTINGS)
    assert "accuracy_unseen" not in runs
    own = {"accuracy": 0.9, "confusion_matrix": {"tn": 36, "fp": 4, "fn": 4, "tp": 36}}
    assert set(seeds.summarize(runs, own)) == {*seeds.SCORES, "own"} - {"accuracy_unseen"}


def test_a_summary_is_worked_out_by_hand():
    runs = pd.DataFrame(
        {
            "model": "notebook",
            "random_state": [0, 1, 2, 3],
            "epochs": [10, 10, 10, 10],
            "errors": [4, 5, 9, 10],
            "accuracy": [0.96, 0.95, 0.91, 0.9],
            "roc_auc": [0.5, 0.7, 0.9, 0.7],
            "log_loss": [0.25, 0.25, 0.25, 0.25],
        }
    )
    own = {"accuracy": 0.95, "confusion_matrix": {"tn": 48, "fp": 2, "fn": 3, "tp": 47}}
    assert seeds.summarize(runs, own) == {
        # Deviations 0.03, 0.02, -0.02, -0.03: the sum of their squares is 0.0026.
        "accuracy": {
            "mean": pytest.approx(0.93),
            "sd": pytest.approx((0.0026 / 3) ** 0.5),
            "min": 0.9,
            "max": 0.96,
        },
        "roc_auc": {
            "mean": pytest.approx(0.7),
            "sd": pytest.approx((0.08 / 3) ** 0.5),
            "min": 0.5,
            "max": 0.9,
        },
        "log_loss": {"mean": 0.25, "sd": 0.0, "min": 0.25, "max": 0.25},
        "own": {
            "accuracy": 0.95,
            "errors": 5,
            "runs_better": 1,
            "runs_equal": 1,
            "runs_worse": 2,
        },
    }


# The stage, run as people run it.


def test_the_stage_writes_the_same_bytes_with_one_worker_and_two(trained_workspace):
    code, printed, errors = trained_workspace.run("stages.seeds", WINENET_WORKERS="1")
    assert (code, errors) == (0, "")
    _, *lines = printed.splitlines()  # the first tells the numerics
    assert lines[0] == "seeds: training 3 networks under 2 seeds each"
    assert "training: 6 of 6 fits" in lines
    first = trained_workspace.files()
    numbers = json.loads(first["metrics/seeds.json"])
    assert list(numbers) == ["grid_search", "notebook", "one_hidden_layer", "runs"]
    for name, told in zip(("notebook", "one_hidden_layer", "grid_search"), lines[-3:], strict=True):
        accuracy, own = numbers[name]["accuracy"], numbers[name]["own"]
        assert told == (
            f"seeds: {name}: accuracy {accuracy['mean']:.4f}, sd {accuracy['sd']:.4f}, from "
            f"{accuracy['min']:.4f} to {accuracy['max']:.4f}; the pipeline's own run "
            f"{own['accuracy']:.4f}"
        )
    runs = pd.read_csv(trained_workspace.path / "plots/seeds_runs.csv")
    assert list(runs["random_state"]) == [41, 42] * 3
    # The seed of params.yaml is one of these, so the pipeline's own run is among them.
    mine = runs[runs["random_state"] == 42].set_index("model")
    for name in ("notebook", "one_hidden_layer", "grid_search"):
        assert mine.loc[name, "errors"] == numbers[name]["own"]["errors"]
        assert mine.loc[name, "accuracy"] == numbers[name]["own"]["accuracy"]
        assert numbers[name]["own"]["runs_equal"] >= 1
    again = trained_workspace.run("stages.seeds", WINENET_WORKERS="2")
    assert (again[0], again[2]) == (0, "")
    assert trained_workspace.files() == first
