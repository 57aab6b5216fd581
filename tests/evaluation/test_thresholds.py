"""A threshold is the best one on out-of-fold training rows, and all labels follow it."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import Workspace
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, cross_val_predict
from sklearn.svm import SVC

from winenet import params
from winenet.data.split_data import EvaluationSet, SplitData
from winenet.data.splits import SplitError
from winenet.evaluation import importance, learning_curve, seeds, thresholds
from winenet.models import model_file
from winenet.models.predictor import DensePredictor, with_threshold
from winenet.models.registry import TrainingError
from winenet.network.classifier import DenseClassifier

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
SCORES = {"balanced_accuracy": balanced_accuracy_score, "f1": f1_score}
KEEP = params.Split(test_size=0.2, random_state=0, method="random", duplicates="keep")
GROUP = KEEP.model_copy(update={"duplicates": "group"})


@pytest.fixture(autouse=True)
def _one_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINENET_WORKERS", "1")


def rare_rows(number: int, seed: int) -> tuple[pd.DataFrame, pd.Series]:
    """Return rows of which a seventh is of class 1."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.random((number, 3)), columns=["a", "b", "c"])
    return X, (X["a"] + 0.5 * rng.random(number) > 1.15).astype(int).rename("Class")


@pytest.fixture(scope="module")
def data() -> SplitData:
    X, y = rare_rows(140, 0)
    X_test, y_test = rare_rows(90, 1)
    rows = pd.DataFrame({"row": range(len(y)), "group": np.arange(len(y)) // 2})
    in_training = pd.Series(np.zeros(len(y_test), dtype=bool))
    return SplitData(X, y, rows, EvaluationSet(X_test, y_test, in_training), rows.head(90))


# The choice.


@pytest.mark.parametrize(
    ("y", "probability", "score", "threshold"),
    [
        ([0, 0, 1, 1], [0.1, 0.4, 0.6, 0.8], "f1", 0.5),
        ([0, 0, 1, 1], [0.1, 0.2, 0.3, 0.9], "balanced_accuracy", 0.25),
        ([0, 0, 0, 0, 1], [0.1, 0.2, 0.3, 0.4, 0.3], "balanced_accuracy", 0.25),
        ([0, 0, 1, 1, 0, 1], [0.1, 0.2, 0.2, 0.4, 0.6, 0.9], "f1", (0.1 + 0.2) / 2),
        # 0.2 and 0.7 are equally good, and the latter is nearer to 0.5
        ([0, 1, 0, 1], [0.1, 0.3, 0.5, 0.9], "balanced_accuracy", 0.7),
        # so are 0.3 and 0.8, and the former is
        ([0, 1, 0, 1], [0.2, 0.4, 0.7, 0.9], "balanced_accuracy", 0.3),
        ([0, 1, 0], [0.3, 0.3, 0.3], "f1", 0.5),
        ([0, 1, 1], [0.0, 1e-13, 1e-13], "f1", 0.5),  # equal but for the last bits
    ],
)
def test_the_threshold_of_known_probabilities(y, probability, score, threshold):
    assert thresholds.best_threshold(y, probability, score) == pytest.approx(threshold, abs=1e-15)


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("seed", range(20))
def test_it_is_the_best_midpoint_by_scikit_learn_s_score(score, seed):
    rng = np.random.default_rng(seed)
    y, probability = np.arange(30) % 4 == 0, rng.integers(0, 12, 30) / 12
    values = np.unique(probability)
    by_midpoint = {
        middle: SCORES[score](y, probability > middle) for middle in (values[:-1] + values[1:]) / 2
    }
    best = [
        middle
        for middle, value in by_midpoint.items()
        if value == pytest.approx(max(by_midpoint.values()), abs=1e-12)
    ]
    found = thresholds.best_threshold(y, probability, score)
    assert found == pytest.approx(min(best, key=lambda middle: abs(middle - 0.5)), abs=1e-12)


@pytest.mark.parametrize("split", [KEEP, GROUP], ids=lambda split: split.duplicates)
@pytest.mark.parametrize("score", SCORES)
def test_it_is_chosen_on_the_folds_of_the_search(data, split, score):
    models = {
        "logistic": LogisticRegression(),
        "net": DenseClassifier((4,), max_iter=20, random_state=0),
    }
    found = thresholds.choose_thresholds(models, data, score, 3, split)
    groups = None if split is KEEP else data.train_rows["group"]
    cv = StratifiedKFold(3) if split is KEEP else StratifiedGroupKFold(3)
    for name, model in models.items():
        P = cross_val_predict(
            model, data.X_train, data.y_train, groups=groups, cv=cv, method="predict_proba"
        )
        assert found[name] == thresholds.best_threshold(data.y_train, P[:, 1], score)
        assert found[name] != 0.5
        assert not hasattr(model, "classes_")  # a clone was fitted


def test_a_number_trains_nothing(data, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delattr(thresholds, "fit_all")
    models = {"logistic": LogisticRegression(), "none": SVC(), "constant": DummyClassifier()}
    for number in (0.5, 0.2):
        assert thresholds.choose_thresholds(models, data, number, 3, KEEP) == {
            "logistic": number,
            "none": 0.5,  # it has no probabilities
            "constant": 0.5,
        }


def test_more_than_two_classes_are_refused(data):
    three = data._replace(y_train=pd.Series(np.arange(len(data.y_train)) % 3))
    told = "threshold: 'f1' is for two classes; of 3 classes the most probable one is predicted"
    with pytest.raises(params.ParamsError, match=told):
        thresholds.choose_thresholds({}, three, "f1", 3, KEEP)
    with pytest.raises(params.ParamsError, match=told):
        thresholds.threshold_of_predictions(pd.DataFrame(), three.y_train, "f1")
    models = {"logistic": LogisticRegression()}
    assert thresholds.choose_thresholds(models, three, 0.5, 3, KEEP) == {"logistic": 0.5}


def test_a_class_with_too_few_rows_for_the_folds_is_told(data):
    with pytest.raises(SplitError, match="cv=40 needs at least 40 training rows"):
        thresholds.choose_thresholds({"m": LogisticRegression()}, data, "f1", 40, KEEP)


def test_a_model_that_fails_on_a_fold_is_told(data):
    models = {"m": LogisticRegression(C=-1)}
    with pytest.raises(TrainingError, match="could not be trained on a fold of the training rows"):
        thresholds.choose_thresholds(models, data, "f1", 3, KEEP)


# The studies that train again.


def test_seeds_are_scored_at_the_threshold(data):
    networks = {"net": DenseClassifier((4,), learning_rate_init=0.1, max_iter=30, random_state=0)}
    settings = params.Seeds(n_seeds=2, random_state=0)
    runs = seeds.train_over_seeds(
        networks, data.X_train, data.y_train, data.test, settings, {"net": 0.1}
    )
    fitted = networks["net"].fit(data.X_train, data.y_train)
    predicted = fitted.predict_proba(data.test.X)[:, 1] > 0.1
    assert runs["accuracy"][0] == accuracy_score(data.test.y, predicted)
    assert runs["accuracy"][0] != fitted.score(data.test.X, data.test.y)


def test_the_learning_curve_is_scored_at_the_threshold(data):
    models = {"m": LogisticRegression(random_state=0)}
    settings = params.LearningCurve(train_sizes=[0.5, 1.0], n_repeats=2, random_state=0)
    runs = learning_curve.train_over_sizes(
        models, data.X_train, data.y_train, data.test, settings, thresholds={"m": 0.1}
    )
    fitted = models["m"].fit(data.X_train, data.y_train)
    predicted = fitted.predict_proba(data.test.X)[:, 1] > 0.1
    assert runs.table["accuracy"].iloc[-1] == accuracy_score(data.test.y, predicted)
    assert runs.table["accuracy"].iloc[-1] != fitted.score(data.test.X, data.test.y)


def test_a_model_without_a_feature_has_the_threshold_of_the_whole_one(data):
    model = LogisticRegression()
    whole = with_threshold(LogisticRegression().fit(data.X_train, data.y_train), 0.1)
    found = importance.drop_column_importance(
        {"m": model}, data.X_train, data.y_train, data.test, {"m": whole}, ["a", "b", "c"], ["b"]
    )
    without = data.X_train.drop(columns="b"), data.test.X.drop(columns="b")
    P = LogisticRegression().fit(without[0], data.y_train).predict_proba(without[1])
    assert found["b"]["m"]["accuracy"] == accuracy_score(data.test.y, P[:, 1] > 0.1)


# The stages.

MODELS = {
    "logistic": ("models/logistic.safetensors", "data/logistic_predictions.csv"),
    "notebook": ("models/mlp/notebook.safetensors", "data/mlp_predictions.csv"),
    "grid_search": ("models/grid_search.safetensors", "data/grid_search_predictions.csv"),
}


def run(folder: Workspace, *names: str) -> None:
    for stage in names:
        code, _, errors = folder.run(f"stages.{stage}", WINENET_WORKERS="1")
        assert (code, errors) == (0, ""), errors


def metrics(folder: Path, name: str) -> dict:
    return json.loads((folder / f"metrics/{name}.json").read_text(encoding="utf-8"))


def model_thresholds(folder: Path) -> dict[str, float]:
    return {
        name: model_file.read(str(folder / path)).model.threshold
        for name, (path, _) in MODELS.items()
    }


@pytest.fixture
def tuned(trained_workspace: Workspace) -> Workspace:
    """A folder in which the models have chosen thresholds."""
    trained_workspace.edit("params.yaml", "threshold: 0.5 ", "threshold: balanced_accuracy ")
    run(trained_workspace, "logistic", "mlp", "grid_search")
    return trained_workspace


def test_the_test_rows_have_no_part_in_the_choice(tuned: Workspace):
    chosen = model_thresholds(tuned.path)
    assert all(0 < threshold < 1 and threshold != 0.5 for threshold in chosen.values())
    file = tuned.path / "data/y_test.csv"
    head, *labels = file.read_text(encoding="utf-8").splitlines()
    permuted = np.random.default_rng(0).permutation(labels).tolist()
    assert permuted != labels
    file.write_text("\n".join([head, *permuted, ""]), encoding="utf-8", newline="\n")
    before = metrics(tuned.path, "logistic")["accuracy"]
    run(tuned, "logistic", "mlp", "grid_search")
    assert metrics(tuned.path, "logistic")["accuracy"] != before
    assert model_thresholds(tuned.path) == chosen


def test_the_winner_s_threshold_is_that_of_its_out_of_fold_table(tuned: Workspace):
    table = pd.read_csv(tuned.path / "data/grid_search_out_of_fold.csv")
    threshold = model_thresholds(tuned.path)["grid_search"]
    at = thresholds.best_threshold(table["Class"], table["probability"], "balanced_accuracy")
    assert threshold == pytest.approx(at, abs=1e-5)  # the table has six decimals
    clear = (table["probability"] - threshold).abs() > 1e-6
    assert (table["predicted"] == (table["probability"] > threshold))[clear].all()
    scores = metrics(tuned.path, "grid_search")
    wrong = (table["predicted"] != table["Class"]).sum()
    assert scores["out_of_fold"]["errors"] == wrong
    P = pd.read_csv(tuned.path / "data/grid_search_predictions.csv")
    at_half = ((P["probability"] > 0.5) == P["Class"]).mean()
    gap = scores["test_minus_cv_accuracy"]
    assert scores["cv_accuracy"] + gap == pytest.approx(at_half, abs=2e-6)


@pytest.mark.parametrize("name", MODELS)
def test_predict_gives_the_labels_of_the_stage(tuned: Workspace, name):
    model, predictions = MODELS[name]
    table = pd.read_csv(tuned.path / predictions)
    table = table[table["network"] == name]
    raw = pd.read_csv(tuned.path / "data/table.csv").iloc[table["row"]]
    raw.to_csv(tuned.path / "new.csv", index=False)
    code, printed, errors = tuned.run(
        "winenet.__main__", "predict", model, "new.csv", "-o", "out.csv"
    )
    threshold = model_thresholds(tuned.path)[name]
    assert (code, printed) == (0, "")
    assert f"\n  '1' above a probability of {threshold:.6g}, not 0.5\n" in errors
    predicted = pd.read_csv(tuned.path / "out.csv")["Class"]
    assert predicted.tolist() == table["predicted"].tolist()
    assert predicted.tolist() != (table["probability"] > 0.5).astype(int).tolist()


def test_metrics_name_the_threshold_and_hold_the_scores_at_it(tuned: Workspace):
    run(tuned, "seeds", "compare")
    compared = metrics(tuned.path, "compare")["models"]
    scores = {
        "logistic": metrics(tuned.path, "logistic"),
        **metrics(tuned.path, "mlp"),
        "grid_search": metrics(tuned.path, "grid_search"),
    }
    for name, score in scores.items():
        assert score["threshold"] == compared[name]["threshold"]
        assert score["accuracy"] == compared[name]["accuracy"]["value"]
    for name, (model, predictions) in MODELS.items():
        table = pd.read_csv(tuned.path / predictions)
        table = table[table["network"] == name]
        X = pd.read_csv(tuned.path / "data/X_test_normalized.csv")
        predictor = DensePredictor(model_file.read(str(tuned.path / model)).model)
        assert scores[name]["threshold"] == round(predictor.threshold, 6)
        assert predictor.predict(X).tolist() == table["predicted"].tolist()
        assert scores[name]["accuracy"] == round(np.mean(table["predicted"] == table["Class"]), 6)
    assert "threshold" in compared["boosted_trees"]
    assert "threshold" not in compared["majority_class"]
    # The pipeline's own seed, 42, is one of the two.
    runs = pd.read_csv(tuned.path / "plots/seeds_runs.csv").set_index(["model", "random_state"])
    assert runs["accuracy"]["notebook", 42] == scores["notebook"]["accuracy"]


def test_at_one_half_no_file_names_a_threshold(trained_workspace: Workspace):
    run(trained_workspace, "seeds", "compare")
    for name in ("logistic", "mlp", "grid_search", "compare"):
        text = (trained_workspace.path / f"metrics/{name}.json").read_text(encoding="utf-8")
        assert "threshold" not in text
    for path, _ in MODELS.values():
        assert b"threshold" not in (trained_workspace.path / path).read_bytes()
