"""Shuffled features are scikit-learn's, coefficients are worked out by hand, and a model without a
feature is the fit without its column.
"""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from winenet.data.column_format import ColumnFormat
from winenet.data.preprocessing import Preprocessing
from winenet.data.split_data import EvaluationSet
from winenet.evaluation import importance
from winenet.models import saved
from winenet.models.predictor import DensePredictor
from winenet.models.saved import DenseModel
from winenet.network.classifier import DenseClassifier
from winenet.params import Importance
from winenet.runtime import describe_numerics

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
SETTINGS = Importance(n_repeats=7, random_state=3, drop_features=[])
MODELS = {
    "logistic": LogisticRegression(random_state=1),
    "notebook": DenseClassifier((6,), learning_rate_init=0.03, max_iter=40, random_state=1),
}


def some_rows(seed: int, seen: float = 0) -> EvaluationSet:
    """150 rows of three features in [0, 1]. seen: the share of them that count as seen."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.random((150, 3)), columns=["first", "second", "nothing"])
    y = X["first"] + 0.5 * X["second"] + 0.2 * rng.random(150) > 0.9
    return EvaluationSet(X, y.astype(int).rename("Class"), pd.Series(rng.random(150) < seen))


TRAINING, TEST = some_rows(1), some_rows(2, 0.3)


@pytest.fixture(autouse=True)
def _one_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINENET_WORKERS", "1")


@pytest.fixture(scope="module")
def fitted() -> dict[str, object]:
    """scikit-learn's models, which those of the pipeline equal."""
    return {
        "logistic": LogisticRegression(random_state=1).fit(TRAINING.X, TRAINING.y),
        "notebook": MLPClassifier((6,), learning_rate_init=0.03, max_iter=40, random_state=1).fit(
            TRAINING.X, TRAINING.y
        ),
    }


@pytest.fixture(scope="module")
def whole(fitted) -> dict[str, DensePredictor]:
    """The same, as the stage reads them from their files."""
    return {
        "logistic": DensePredictor(saved.from_logistic(fitted["logistic"])),
        "notebook": DensePredictor(saved.from_mlp(fitted["notebook"])),
    }


# Features shuffled.


def test_shuffled_features_cost_what_scikit_learn_says(fitted, whole):
    table = importance.shuffled_importance(whole, TEST, list(TEST.X), SETTINGS)
    assert list(table.columns) == ["model", "feature", "mean", "sd"]
    assert list(zip(table["model"], table["feature"], strict=True)) == [
        (name, feature) for name in whole for feature in ("first", "second", "nothing")
    ]
    for name, estimator in fitted.items():
        theirs = permutation_importance(
            estimator, TEST.X, TEST.y, scoring="accuracy", n_repeats=7, random_state=3
        )
        ours = table[table["model"] == name]
        assert list(ours["mean"]) == list(theirs.importances_mean)
        np.testing.assert_allclose(ours["sd"], theirs.importances_std * np.sqrt(7 / 6))
        assert ours["mean"].iloc[0] > ours["mean"].iloc[1] > abs(ours["mean"].iloc[2])


def test_shuffling_is_seeded(whole):
    first = importance.shuffled_importance(whole, TEST, list(TEST.X), SETTINGS)
    pd.testing.assert_frame_equal(
        importance.shuffled_importance(whole, TEST, list(TEST.X), SETTINGS), first
    )
    reseeded = SETTINGS.model_copy(update={"random_state": 4})
    assert list(
        importance.shuffled_importance(whole, TEST, list(TEST.X), reseeded)["mean"]
    ) != list(first["mean"])


def test_a_feature_without_a_weight_costs_nothing(whole):
    """By hand: the class is told by the first feature alone."""
    by_first = DensePredictor(
        DenseModel(
            [np.array([[10.0], [0.0], [0.0]])], [np.array([-5.0])], "identity", np.array([0, 1])
        )
    )
    X = pd.DataFrame({"first": [0.0, 1.0] * 20, "second": 0.5, "nothing": 0.5})
    rows = EvaluationSet(X, X["first"].astype(int), pd.Series([False] * 40))
    table = importance.shuffled_importance(
        {"by hand": by_first}, rows, list(X), SETTINGS
    ).set_index("feature")
    assert table.loc["first", "mean"] == pytest.approx(0.5, abs=0.2)
    assert table.loc[["second", "nothing"], ["mean", "sd"]].to_numpy().tolist() == [[0, 0], [0, 0]]


def test_the_inputs_of_one_category_are_shuffled_together():
    """By hand: the class is told by both levels of a category, so its shuffling is one."""
    codes = np.arange(40) % 2
    X = pd.DataFrame({"age": 0.5, "sex=f": 1.0 - codes, "sex=m": codes * 1.0})
    by_sex = DensePredictor(
        DenseModel([np.array([[0.0], [-9.0], [9.0]])], [np.zeros(1)], "identity", np.array([0, 1]))
    )
    rows = EvaluationSet(X, pd.Series(codes), pd.Series([False] * 40))
    table = importance.shuffled_importance(
        {"by hand": by_sex}, rows, ["age", "sex", "sex"], SETTINGS
    )
    assert list(table["feature"]) == ["age", "sex"]
    assert table["mean"].tolist()[0] == 0
    assert table["mean"].tolist()[1] == pytest.approx(0.5, abs=0.2)


# Coefficients.


def scaled(names: list[str], least: np.ndarray, largest: np.ndarray) -> Preprocessing:
    spans = largest - least
    factor = 1 / np.where(spans > 0, spans, 1)
    zeros = np.zeros(len(names))
    formats = {name: ColumnFormat("number") for name in names}
    scaling = (zeros, zeros, factor, -least * factor, least, largest)
    return Preprocessing(formats, names, *scaling, [], [], [])


def test_coefficients_are_worked_out_by_hand_the_heaviest_first():
    logistic = DenseModel(
        [np.array([[2.0], [-6.0], [0.0], [2.0]])], [np.zeros(1)], "identity", np.array([0, 1])
    )
    raw = scaled(
        ["alcohol", "sugar", "constant", "pH"],
        np.array([8.0, 0.0, 5.0, 2.5]),
        np.array([18.0, 60.0, 5.0, 4.5]),
    )
    table = importance.coefficients(logistic, raw)
    # -6 over 60 units, 2 over 10, 2 over 2; what is constant in training has no unit to speak of.
    assert table["feature"].tolist() == ["sugar", "alcohol", "pH", "constant"]
    assert table["coefficient"].tolist() == pytest.approx([-6.0, 2.0, 2.0, 0.0])
    assert table["per_unit"].tolist() == pytest.approx([-0.1, 0.2, 1.0, 0.0])


def test_a_level_of_a_category_has_one_coefficient_and_each_class_its_lines():
    one = scaled(["age"], np.array([10.0]), np.array([60.0]))
    raw = dataclasses.replace(one, categories=["sex"], levels=[["f", "m"]])
    weights = np.array([[1.0, -2.0, 1.0], [0.5, 3.0, 0.0], [-0.5, -3.0, 0.25]])
    logistic = DenseModel([weights], [np.zeros(3)], "identity", np.array([0, 1, 2]))
    table = importance.coefficients(logistic, raw)
    assert list(table.columns) == ["class", "feature", "coefficient", "per_unit"]
    assert table["class"].tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert table["feature"].tolist()[3:6] == ["sex=f", "sex=m", "age"]
    assert table["coefficient"].tolist()[3:6] == pytest.approx([3.0, -3.0, -2.0])
    assert table["per_unit"].tolist()[3:6] == pytest.approx([3.0, -3.0, -2.0 / 50])


def test_a_gap_of_a_number_and_of_a_category_has_a_coefficient_of_its_own():
    one = scaled(["age", "size"], np.array([10.0, 0.0]), np.array([60.0, 4.0]))
    raw = dataclasses.replace(one, indicators=["size"], categories=["sex"], levels=[["", "m"]])
    weights = np.array([[1.0], [2.0], [-7.0], [5.0], [3.0]])
    logistic = DenseModel([weights], [np.zeros(1)], "identity", np.array([0, 1]))
    table = importance.coefficients(logistic, raw)
    assert table.to_numpy().tolist() == [
        ["size is missing", -7.0, -7.0],
        ["sex=(missing)", 5.0, 5.0],
        ["sex=m", 3.0, 3.0],
        ["size", 2.0, 0.5],
        ["age", 1.0, 0.02],
    ]


def test_a_column_is_shuffled_with_the_input_that_tells_its_gaps():
    raw = dataclasses.replace(scaled(["age", "size"], np.zeros(2), np.ones(2)), indicators=["size"])
    assert raw.origins == ["age", "size", "size"]


def test_a_coefficient_for_one_unit_is_that_of_the_raw_values(fitted):
    """The log-odds of the model on normalised rows, from raw rows and the coefficients per unit."""
    logistic = fitted["logistic"]
    spans, least = np.array([10.0, 0.5, 3.0]), np.array([4.0, -1.0, 0.0])
    normalised = scaled(list(TEST.X), least, least + spans)
    per_unit = importance.coefficients(saved.from_logistic(logistic), normalised)
    raw = TEST.X * spans + least
    weights = per_unit.set_index("feature").loc[list(raw), "per_unit"].to_numpy()
    log_odds = raw.to_numpy() @ weights
    theirs = logistic.decision_function(TEST.X)
    np.testing.assert_allclose(np.diff(log_odds), np.diff(theirs), atol=1e-12)


# Features left out.


@pytest.fixture(scope="module")
def left_out(whole) -> dict[str, dict[str, dict[str, float]]]:
    features = ["second", "nothing"]
    return importance.drop_column_importance(
        MODELS, TRAINING.X, TRAINING.y, TEST, whole, list(TEST.X), features
    )


def test_a_model_without_a_feature_is_scikit_learn_s_fit_without_its_column(fitted, left_out):
    assert list(left_out) == ["second", "nothing"]
    new = {
        "logistic": LogisticRegression(random_state=1),
        "notebook": MLPClassifier((6,), learning_rate_init=0.03, max_iter=40, random_state=1),
    }
    for feature, by_model in left_out.items():
        assert list(by_model) == ["logistic", "notebook"]
        for name, estimator in new.items():
            estimator.fit(TRAINING.X.drop(columns=feature), TRAINING.y)
            wrong = estimator.predict(TEST.X.drop(columns=feature)) != TEST.y
            before = fitted[name].predict(TEST.X) != TEST.y
            assert by_model[name]["accuracy"] == 1 - wrong.mean()
            assert by_model[name]["accuracy_unseen"] == (~wrong[~TEST.in_training]).mean()
            assert by_model[name]["errors"] == wrong.sum()
            assert by_model[name]["further_errors"] == wrong.sum() - before.sum()


def test_p_values_are_exact_and_corrected_within_the_feature(fitted, left_out):
    for feature, by_model in left_out.items():
        alone = {}
        for name, estimator in MODELS.items():
            fewer = type(estimator)(**estimator.get_params())
            fewer.fit(TRAINING.X.drop(columns=feature), TRAINING.y)
            wrong = fewer.predict(TEST.X.drop(columns=feature)) != TEST.y
            before = fitted[name].predict(TEST.X) != TEST.y
            parted = (wrong != before).sum()
            alone[name] = binomtest((wrong & ~before).sum(), parted).pvalue if parted else 1.0
        lower, higher = sorted(alone, key=alone.get)
        assert by_model[lower]["p_value"] == min(1, 2 * alone[lower])
        expected = max(min(1, 2 * alone[lower]), alone[higher])
        assert by_model[higher]["p_value"] == expected
    assert left_out["second"]["notebook"]["p_value"] < 0.05
    assert left_out["nothing"]["logistic"]["p_value"] > 0.05


def test_where_all_rows_were_seen_there_is_no_accuracy_on_unseen_ones(whole):
    everything = TEST._replace(in_training=pd.Series([True] * 150))
    found = importance.drop_column_importance(
        MODELS, TRAINING.X, TRAINING.y, everything, whole, list(TEST.X), ["nothing"]
    )
    assert {one["accuracy_unseen"] for one in found["nothing"].values()} == {None}


def test_no_feature_left_out_trains_nothing(whole, capsys):
    assert (
        importance.drop_column_importance(
            MODELS, TRAINING.X, TRAINING.y, TEST, whole, list(TEST.X), []
        )
        == {}
    )
    assert capsys.readouterr().out == ""


# The stage, run as people run it.


def test_the_stage_writes_the_same_bytes_with_one_worker_and_two(trained_workspace):
    trained_workspace.edit(
        "params.yaml", "drop_features: [quality]", "drop_features: [quality, pH]"
    )
    code, printed, errors = trained_workspace.run("stages.importance", WINENET_WORKERS="1")
    assert (code, errors) == (0, "")
    _, *lines = printed.splitlines()  # the first tells the numerics
    assert lines[:2] == [
        "importance: shuffling each of 12 features 3 times",
        "importance: training 4 models without quality, pH",
    ]
    assert "training: 6 of 6 fits" in lines
    first = trained_workspace.files()
    numbers = json.loads(first["metrics/importance.json"])["without"]
    assert set(numbers) == {"quality", "pH"}
    for by_model in numbers.values():
        assert set(by_model) == {"logistic", "notebook", "one_hidden_layer", "grid_search"}
    shuffled = pd.read_csv(trained_workspace.path / "plots/importance_shuffled.csv")
    coefficients = pd.read_csv(trained_workspace.path / "plots/importance_coefficients.csv")
    assert (len(shuffled), len(coefficients)) == (4 * 12, 12)
    heaviest = shuffled[shuffled["model"] == "logistic"].nlargest(1, "mean").iloc[0]
    assert lines[-4] == (
        f"importance: logistic: {heaviest['feature']} decides most, {heaviest['mean']:.4f} "
        "accuracy when shuffled"
    )
    again = trained_workspace.run("stages.importance", WINENET_WORKERS="2")
    assert (again[0], again[2]) == (0, "")
    assert trained_workspace.files() == first


def test_the_stage_trains_nothing_when_no_feature_is_left_out(trained_workspace):
    trained_workspace.edit("params.yaml", "drop_features: [quality]", "drop_features: []")
    code, printed, errors = trained_workspace.run("stages.importance")
    assert (code, errors) == (0, "")
    assert "training" not in printed
    written = (trained_workspace.path / "metrics/importance.json").read_text(encoding="utf-8")
    assert json.loads(written) == {"without": {}}


def test_a_feature_that_is_none_ends_the_stage_before_it_trains(trained_workspace):
    trained_workspace.edit("params.yaml", "drop_features: [quality]", "drop_features: [qualty]")
    before = trained_workspace.files()
    code, printed, errors = trained_workspace.run("stages.importance")
    assert (code, printed) == (1, f"importance: {describe_numerics()}\n")
    assert errors.startswith(
        "\nimportance: importance.drop_features names 'qualty', so no model can be trained without "
        "it: it is none of the 12 features; did you mean 'quality'? Change "
        "importance.drop_features in params.yaml; [] leaves out none.\n"
    )
    assert trained_workspace.files() == before
