"""The comparison of a few models whose errors are known, row by row."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.svm import LinearSVC

from winenet.data.split_data import EvaluationSet
from winenet.evaluation import comparison, intervals, probability_curves, scoring
from winenet.models import registry
from winenet.params import Compare
from winenet.runtime import describe_numerics

BASELINES = {
    "majority_class": {"estimator": "sklearn.dummy.DummyClassifier", "strategy": "prior"},
    "boosted_trees": {"estimator": "sklearn.ensemble.HistGradientBoostingClassifier"},
}
SETTINGS = Compare(n_resamples=200, random_state=5, reference="notebook", baselines=BASELINES)

# Ten test rows, of which the last three were seen. Each model's wrong rows are known.
Y = pd.Series([0, 0, 0, 0, 0, 1, 1, 1, 1, 0], name="Class")
SEEN = pd.Series([False] * 7 + [True] * 3)
TEST = EvaluationSet(pd.DataFrame({"pH": np.linspace(0, 1, 10)}), Y, SEEN)
WRONG = {
    "majority_class": [5, 6, 7, 8],
    "logistic": [0, 5, 7],
    "notebook": [5],
    "grid_search": [5, 9],
}


def with_errors_in(rows: list[int]) -> pd.DataFrame:
    """Return predictions that are wrong in these rows, the surer the higher the row's number."""
    predicted = Y.where(~Y.index.isin(rows), 1 - Y)
    sure = 0.05 + 0.04 * np.arange(10)
    return pd.DataFrame({"predicted": predicted, "probability": 0.5 + sure * (2 * predicted - 1)})


FOUND = {name: with_errors_in(rows) for name, rows in WRONG.items()}
FOUND["majority_class"]["probability"] = 0.4


# What is compared.


@pytest.fixture(scope="module")
def training() -> tuple[pd.DataFrame, pd.Series]:
    rng = np.random.default_rng(2)
    X = pd.DataFrame(rng.random((200, 3)), columns=["a", "b", "c"])
    return X, ((X["a"] > 0.4) & (X["b"] > 0.3) ^ (rng.random(200) < 0.1)).astype(int)


@pytest.fixture(scope="module")
def baselines(training):
    made = registry.make_baselines(SETTINGS)
    for name, model in made.items():
        registry.fit_baseline(name, model, *training)
    return made


def test_the_majority_class_says_always_the_more_frequent_class(training, baselines):
    X, y = training
    below = baselines["majority_class"]
    frequent = int(y.mean() > 0.5)
    assert set(below.predict(X)) == {frequent}
    np.testing.assert_array_equal(below.predict_proba(X)[:, 1], np.full(200, y.mean()))


def test_the_boosted_trees_are_scikit_learn_s_with_its_defaults(training, baselines):
    above = baselines["boosted_trees"]
    theirs = HistGradientBoostingClassifier(random_state=5).fit(*training)
    np.testing.assert_array_equal(
        above.predict_proba(training[0]), theirs.predict_proba(training[0])
    )
    assert above.get_params() == theirs.get_params()


def test_predictions_are_the_models_own(training, baselines):
    X, _ = training
    above = baselines["boosted_trees"]
    found = comparison.predictions(baselines, X)
    assert list(found) == [*BASELINES]
    assert list(found["boosted_trees"]["predicted"]) == list(above.predict(X))
    assert list(found["boosted_trees"]["probability"]) == list(above.predict_proba(X)[:, 1])


def test_a_model_without_probabilities_ranks_the_rows_by_its_decision(training):
    X, y = training
    svc = LinearSVC(random_state=0).fit(X, y)
    forest = RandomForestClassifier(5, random_state=0).fit(X, y)
    found = comparison.predictions({"svc": svc, "forest": forest}, X)
    assert list(found["svc"]) == ["predicted", "decision"]
    assert list(found["svc"]["decision"]) == list(svc.decision_function(X))
    rows = EvaluationSet(X, y, pd.Series([False] * len(y)))
    scored = comparison.scores_with_intervals(found, rows, SETTINGS)
    assert scored["svc"]["roc_auc"]["value"] == pytest.approx(
        roc_auc_score(y, svc.decision_function(X))
    )
    assert scored["svc"]["average_precision"]["value"] == pytest.approx(
        average_precision_score(y, svc.decision_function(X))
    )
    assert scored["svc"]["log_loss"] is None
    curves = comparison.curves(found, y)
    assert {kind: [*dict.fromkeys(table["model"])] for kind, table in curves.items()} == {
        "roc": ["svc", "forest"],
        "precision_recall": ["svc", "forest"],
        "calibration": ["forest"],
    }


def test_tables_begin_with_the_constant_models_and_end_with_the_other_baselines():
    made = registry.make_baselines(SETTINGS)
    order = comparison.in_order(dict.fromkeys(["logistic", "notebook"]), made)
    assert list(order) == ["majority_class", "logistic", "notebook", "boosted_trees"]


# Scores with intervals.


def test_each_model_has_its_scores_and_its_errors():
    scored = comparison.scores_with_intervals(FOUND, TEST, SETTINGS)
    assert list(scored) == list(WRONG)
    assert {name: (one["errors"], one["errors_unseen"]) for name, one in scored.items()} == {
        "majority_class": (4, 2),
        "logistic": (3, 2),
        "notebook": (1, 1),
        "grid_search": (2, 1),
    }
    for name, one in scored.items():
        interval = binomtest(10 - len(WRONG[name]), 10).proportion_ci(0.95, "wilson")
        assert one["accuracy"] == {
            "value": 1 - len(WRONG[name]) / 10,
            "low": pytest.approx(interval.low),
            "high": pytest.approx(interval.high),
        }
        unseen = 7 - one["errors_unseen"]
        interval = binomtest(int(unseen), 7).proportion_ci(0.95, "wilson")
        assert one["accuracy_unseen"] == {
            "value": unseen / 7,
            "low": pytest.approx(interval.low),
            "high": pytest.approx(interval.high),
        }
    scores = intervals.scores_with_intervals(Y, *FOUND["logistic"].to_numpy().T, SEEN, 200, 5)
    for score in ("roc_auc", "log_loss"):
        assert scored["logistic"][score] == scores[score]._asdict()
    assert scored["majority_class"]["roc_auc"] is None


def seen_in(rows: str) -> EvaluationSet:
    """Return the test rows of which all were seen, or none."""
    return TEST._replace(in_training=pd.Series([rows == "all"] * 10))


def test_where_all_rows_were_seen_nothing_is_told_of_unseen_ones():
    scored = comparison.scores_with_intervals(FOUND, seen_in("all"), SETTINGS)
    assert [one["accuracy_unseen"] for one in scored.values()] == [None] * 4
    assert [one["errors_unseen"] for one in scored.values()] == [0] * 4
    assert set(comparison.accuracies(scored)["rows"]) == {"all"}
    assert set(comparison.pairwise_tests(FOUND, seen_in("all"))["rows"]) == {"all"}


def test_where_no_row_was_seen_both_sets_are_the_same():
    scored = comparison.scores_with_intervals(FOUND, seen_in("none"), SETTINGS)
    assert all(one["accuracy"] == one["accuracy_unseen"] for one in scored.values())
    pairs = comparison.pairwise_tests(FOUND, seen_in("none"))
    on_all, unseen = (
        pairs[pairs["rows"] == rows].drop(columns="rows").reset_index(drop=True)
        for rows in ("all", "unseen")
    )
    pd.testing.assert_frame_equal(on_all, unseen)


def test_accuracies_have_a_line_a_model_and_set():
    scored = comparison.scores_with_intervals(FOUND, TEST, SETTINGS)
    table = comparison.accuracies({name: scored[name] for name in ("logistic", "notebook")})
    assert list(table.columns) == ["model", "rows", "accuracy", "low", "high"]
    assert table.iloc[:, :3].to_numpy().tolist() == [
        ["logistic", "all", 0.7],
        ["logistic", "unseen", 5 / 7],
        ["notebook", "all", 0.9],
        ["notebook", "unseen", 6 / 7],
    ]
    for line in table.to_dict("records"):
        score = "accuracy" if line["rows"] == "all" else "accuracy_unseen"
        assert (line["low"], line["high"]) == tuple(
            scored[line["model"]][score][bound] for bound in ("low", "high")
        )


# Pairs.


def test_pairs_are_counted_by_hand_on_all_rows_and_on_unseen_ones():
    models = ("logistic", "notebook", "grid_search")
    table = comparison.pairwise_tests({name: FOUND[name] for name in models}, TEST)
    counts = ["errors_first", "errors_second", "only_first", "only_second"]
    assert table[["rows", "number", "first", "second", *counts]].to_numpy().tolist() == [
        ["all", 10, "logistic", "notebook", 3, 1, 2, 0],
        ["all", 10, "logistic", "grid_search", 3, 2, 2, 1],
        ["all", 10, "notebook", "grid_search", 1, 2, 0, 1],
        ["unseen", 7, "logistic", "notebook", 2, 1, 1, 0],
        ["unseen", 7, "logistic", "grid_search", 2, 1, 1, 0],
        ["unseen", 7, "notebook", "grid_search", 1, 1, 0, 0],
    ]
    # Two rows of two: 2 / 4; two of three: 1; one of one, or none: 1.
    assert list(table["p_value_alone"]) == [0.5, 1, 1, 1, 1, 1]
    assert list(table["p_value"]) == [1.0] * 6


def test_holm_counts_the_pairs_of_one_set():
    """On all rows the first two models differ in 12, on the unseen in 8; the third is the first."""
    y = pd.Series([0] * 20)
    seen = pd.Series([False] * 10 + [True] * 10)
    bad = pd.Series([1] * 8 + [0] * 2 + [1] * 4 + [0] * 6)
    found = {
        name: pd.DataFrame({"predicted": predicted, "probability": 0.5})
        for name, predicted in (("good", y), ("bad", bad), ("as good", y))
    }
    table = comparison.pairwise_tests(found, EvaluationSet(pd.DataFrame({"a": y}), y, seen))
    # Two pairs have the same p-value, so both are multiplied by 3.
    assert list(table["p_value_alone"]) == [
        *(2 / 2**12, 1, 2 / 2**12),
        *(2 / 2**8, 1, 2 / 2**8),
    ]
    assert list(table["p_value"]) == [*(6 / 2**12, 1, 6 / 2**12), *(6 / 2**8, 1, 6 / 2**8)]


def test_differences_are_those_on_all_rows():
    models = ("logistic", "notebook", "grid_search")
    table = comparison.pairwise_tests({name: FOUND[name] for name in models}, TEST)
    assert comparison.pairwise_summary(table) == {
        "logistic": {
            "notebook": {"further_errors": -2, "p_value": 1.0},
            "grid_search": {"further_errors": -1, "p_value": 1.0},
        },
        "notebook": {"grid_search": {"further_errors": 1, "p_value": 1.0}},
    }


# Curves.


def test_all_models_but_the_constant_one_have_their_curves():
    found = comparison.curves(FOUND, Y)
    assert list(found) == ["roc", "precision_recall", "calibration"]
    alone = {
        "roc": probability_curves.roc_curve,
        "precision_recall": probability_curves.precision_recall_curve,
        "calibration": probability_curves.calibration,
    }
    for kind, table in found.items():
        assert list(dict.fromkeys(table["model"])) == ["logistic", "notebook", "grid_search"]
        for name, some in table.groupby("model"):
            expected = alone[kind](Y, FOUND[name]["probability"])
            assert list(some["step"]) == list(range(len(expected)))
            points = some.drop(columns=["model", "step"]).reset_index(drop=True)
            pd.testing.assert_frame_equal(points, expected)


def test_without_a_constant_model_all_have_their_curves():
    found = comparison.curves({"logistic": FOUND["logistic"]}, Y)
    assert [set(table["model"]) for table in found.values()] == [{"logistic"}] * 3


# Errors in common.

ROWS = pd.DataFrame({"row": [12, 3, 8, 5, 7, 11, 0, 2, 9, 1]})
RAW = pd.DataFrame({"pH": 3 + np.arange(13) / 100, "Class": [0, 1] * 6 + [0]})


def test_the_rows_that_a_model_gets_wrong_are_listed_by_hand():
    table = comparison.misclassified_rows(FOUND, TEST, ROWS, RAW)
    assert table.to_dict("list") == {
        "row": [11, 1, 2, 12],
        "wrong_models": [3, 1, 1, 1],
        "wrong": ["logistic, notebook, grid_search", "grid_search", "logistic", "logistic"],
        "in_training": [False, True, True, False],
        "pH": [3.11, 3.01, 3.02, 3.12],
        "Class": [1, 1, 0, 0],
    }


def test_where_no_model_errs_no_row_is_listed():
    perfect = {"majority_class": FOUND["majority_class"], "logistic": with_errors_in([])}
    table = comparison.misclassified_rows(perfect, TEST, ROWS, RAW)
    assert table.empty
    assert list(table.columns) == ["row", "wrong_models", "wrong", "in_training", "pH", "Class"]


# The stage, run as people run it.


def test_the_stage_writes_the_same_bytes_twice(trained_workspace):
    assert trained_workspace.run("stages.seeds", WINENET_WORKERS="1")[0] == 0
    code, printed, errors = trained_workspace.run("stages.compare", WINENET_WORKERS="1")
    assert (code, errors) == (0, "")
    first = trained_workspace.files()
    numbers = json.loads(first["metrics/compare.json"])
    names = [
        "majority_class",
        "logistic",
        "notebook",
        "one_hidden_layer",
        "grid_search",
        "boosted_trees",
    ]
    assert sorted(names, key=lambda name: numbers["models"][name]["place"]) == names
    assert set(numbers["models"]) == set(names)
    assert numbers["reference"] == "notebook"
    _, *lines = printed.splitlines()  # the first tells the numerics
    assert lines[:3] == [
        "compare: training majority_class",
        "compare: training boosted_trees",
        "compare: 200 resamples of 1300 test rows for each model",
    ]
    for name, told in zip(names, lines[3:-1], strict=True):
        one = numbers["models"][name]
        assert told == (
            f"compare: {name}: accuracy {one['accuracy']['value']:.4f} "
            f"({one['accuracy']['low']:.4f} to {one['accuracy']['high']:.4f}), "
            f"{one['errors']} errors"
        )
    assert lines[-1] == (
        f"compare: {numbers['wrong_in_all_models']} test rows are wrong in all models but the "
        "constant one"
    )
    networks = ("notebook", "one_hidden_layer", "grid_search")
    assert {name for name in names if "seeds" in numbers["models"][name]} == set(networks)
    # The models that were read are those that the other stages scored.
    logistic = json.loads(first["metrics/logistic.json"])
    mlp = json.loads(first["metrics/mlp.json"])
    tuned = json.loads(first["metrics/grid_search.json"])
    for name, own in (("logistic", logistic), *mlp.items(), ("grid_search", tuned)):
        for score in ("accuracy", "accuracy_unseen", "roc_auc", "log_loss"):
            assert numbers["models"][name][score]["value"] == own[score], (name, score)
    split = json.loads(first["metrics/split.json"])
    assert numbers["test_rows_unseen"] == split["duplicate_rows"]["test_rows_unseen"]
    assert numbers["test_rows"] == split["test"]["rows"]
    listed = pd.read_csv(trained_workspace.path / "data/compare_errors.csv")
    assert numbers["wrong_in_any_model"] == len(listed)
    assert numbers["wrong_in_all_models"] == (listed["wrong_models"] == 5).sum()
    pairs = pd.read_csv(trained_workspace.path / "data/compare_pairs.csv")
    assert dict(pairs["rows"].value_counts()) == {"all": 15, "unseen": 15}
    again = trained_workspace.run("stages.compare", WINENET_WORKERS="2")
    assert again == (code, printed, errors)
    assert trained_workspace.files() == first


def test_a_model_that_is_missing_ends_the_stage(trained_workspace):
    (trained_workspace.path / "metrics/seeds.json").write_text("{}", encoding="utf-8")
    (trained_workspace.path / "models/mlp/notebook.safetensors").unlink()
    code, printed, errors = trained_workspace.run("stages.compare")
    assert code == 1
    assert printed.splitlines() == [
        f"compare: {describe_numerics()}",
        "compare: training majority_class",
        "compare: training boosted_trees",
    ]
    assert errors.startswith(
        "\ncompare: models/mlp/notebook.safetensors is missing, so this stage has nothing to work "
        "on. `dvc repro` makes it again.\n"
    )


# Several classes.


def test_three_classes_have_their_scores_curves_and_errors():
    rng = np.random.default_rng(3)
    y = pd.Series(np.arange(60) % 3, name="species")
    P = rng.random((60, 3)) + 0.5 * np.eye(3)[y]
    P /= P.sum(axis=1, keepdims=True)

    class Model:
        def predict(self, X):
            return P.argmax(axis=1)

        def predict_proba(self, X):
            return P

    class Constant(Model):
        def predict_proba(self, X):
            return np.full((60, 3), 1 / 3)

    X = pd.DataFrame({"a": np.arange(60.0)})
    found = comparison.predictions({"majority_class": Constant(), "logistic": Model()}, X)
    columns = ["predicted", "probability_0", "probability_1", "probability_2"]
    assert list(found["logistic"].columns) == columns
    test = EvaluationSet(X, y, pd.Series([False] * 60))
    scored = comparison.scores_with_intervals(found, test, SETTINGS)
    assert scored["logistic"]["roc_auc"]["value"] == pytest.approx(
        scoring.scores(y, found["logistic"]["predicted"], P, test.in_training)["roc_auc"]
    )
    assert scored["majority_class"]["roc_auc"] is None
    curves = comparison.curves(found, y)
    assert [list(table) for table in curves.values()] == [
        ["step", "false_positive_rate", "true_positive_rate", "model"],
        ["step", "recall", "precision", "model"],
        ["step", "rows", "mean_probability", "share", "low", "high", "model"],
    ]
    rows = pd.DataFrame({"row": np.arange(60)})
    raw = X.assign(kind=["x", "y"] * 30, species=y)
    wrong = comparison.misclassified_rows(found, test, rows, raw)
    assert list(wrong) == ["row", "wrong_models", "wrong", "in_training", "a", "kind", "species"]
    assert len(wrong) == scored["logistic"]["errors"] > 0


def test_a_gap_in_a_wrong_row_stays_one():
    gaps = RAW.assign(pH=RAW["pH"].where(RAW.index != 11), kind=["x"] * 11 + [None, "y"])
    table = comparison.misclassified_rows(FOUND, TEST, ROWS, gaps[["pH", "kind", "Class"]])
    assert table["row"].tolist() == [11, 1, 2, 12]
    assert table["pH"].fillna(0).tolist() == [0, 3.01, 3.02, 3.12]
    assert table["kind"].fillna("gap").tolist() == ["gap", "x", "x", "y"]
