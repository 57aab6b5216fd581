"""The models that are compared are those of the other stages, to the last bit of their weights."""

import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from winenet import files
from winenet.evaluation import search_results
from winenet.models import registry
from winenet.network.classifier import DenseClassifier
from winenet.params import GridSearch, Logistic, Mlp, Network, Networks, ParamGrid

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
LOGISTIC = Logistic(solver="liblinear", random_state=5)


@pytest.fixture(autouse=True)
def _one_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINENET_WORKERS", "1")


@pytest.fixture(scope="module")
def rows() -> tuple[pd.DataFrame, pd.Series]:
    """150 rows of three features in [0, 1]."""
    rng = np.random.default_rng(6)
    X = pd.DataFrame(rng.random((150, 3)), columns=["a", "b", "c"])
    return X, (X["a"] + 0.4 * rng.random(150) > 0.8).astype(int).rename("Class")


def mlp(estimator: str = "winenet") -> Mlp:
    shapes = Networks(
        notebook=Network(hidden_layer_sizes=[6, 3]),
        one_hidden_layer=Network(hidden_layer_sizes=[5]),
    )
    return Mlp(estimator=estimator, max_iter=20, random_state=1, networks=shapes)


def grid_search(estimator: str = "winenet", rates: tuple[float, ...] = (0.001, 0.05)) -> GridSearch:
    return GridSearch(
        estimator=estimator,
        max_iter=25,
        random_state=2,
        cv=2,
        scoring="accuracy",
        param_grid=ParamGrid(hidden_layer_sizes=[[4], [5, 2]], learning_rate_init=list(rates)),
    )


BEST = {"best_hidden_layer_sizes": "5-2", "best_learning_rate_init": 0.05}


def assert_same_weights(ours, theirs) -> None:
    assert ours.n_iter_ == theirs.n_iter_
    for name in ("coefs_", "intercepts_"):
        for our, their in zip(getattr(ours, name), getattr(theirs, name), strict=True):
            np.testing.assert_array_equal(our, their)


def test_the_networks_are_those_of_params_and_the_search_s_winner():
    networks = registry.make_networks(mlp(), grid_search(), BEST)
    changed = {
        name: {
            key: value
            for key, value in model.get_params().items()
            if value != DenseClassifier().get_params()[key]
        }
        for name, model in networks.items()
    }
    assert list(networks) == ["notebook", "one_hidden_layer", "grid_search"]
    assert changed == {
        "notebook": {"hidden_layer_sizes": (6, 3), "max_iter": 20, "random_state": 1},
        "one_hidden_layer": {"hidden_layer_sizes": (5,), "max_iter": 20, "random_state": 1},
        "grid_search": {
            "hidden_layer_sizes": (5, 2),
            "learning_rate_init": 0.05,
            "max_iter": 25,
            "random_state": 2,
        },
    }


@pytest.mark.parametrize("section", [mlp(), grid_search()], ids=["mlp", "grid_search"])
def test_every_network_parameter_of_a_section_reaches_every_network(section):
    """A field that `make_network` forgets would be lost in each stage that trains networks."""
    not_of_a_network = {"estimator", "networks", "cv", "scoring", "param_grid"}
    names = set(type(section).model_fields) - not_of_a_network
    values = {"max_iter": 7, "random_state": 8, "dtype": "float32"}
    assert names == set(values), "give the new parameter a value here"
    changed = section.model_copy(update=values)
    for estimator in ("winenet", "scikit-learn"):
        parameters = registry.make_network(changed, estimator).get_params()
        for name in names - ({"dtype"} if estimator == "scikit-learn" else set()):
            assert parameters[name] == values[name]


def test_the_stages_make_their_networks_in_one_place():
    files_of_stages = [*ROOT.glob("stages/*.py"), *ROOT.glob("winenet/evaluation/*.py")]
    for file in files_of_stages:
        if file.name != "training_curves.py":  # its stage has parameters of its own
            source = file.read_text(encoding="utf-8")
            assert not re.search(r"\b(DenseClassifier|MLPClassifier)\(", source), file


def test_a_rate_that_the_metrics_have_rounded_is_the_grid_s():
    rates = (0.00123456789, 3.16227766e-7, 1e-7)
    for rate in rates:
        best = BEST | {"best_learning_rate_init": files.rounded("best_learning_rate_init", rate)}
        assert best["best_learning_rate_init"] != rate or rate == 1e-7
        tuned = registry.make_networks(mlp(), grid_search(rates=rates), best)["grid_search"]
        assert tuned.learning_rate_init == rate


def test_the_baseline_is_the_logistic_regression_of_params():
    baseline = registry.make_models(LOGISTIC, mlp(), grid_search(), BEST, 2)["logistic"]
    assert (baseline.solver, baseline.random_state) == ("liblinear", 5)
    alike = LogisticRegression(solver="liblinear", random_state=5)
    assert baseline.get_params() == alike.get_params()


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("estimator", ["winenet", "scikit-learn"])
def test_they_become_the_very_models_of_the_other_stages(rows, monkeypatch, estimator, workers):
    monkeypatch.setenv("WINENET_WORKERS", workers)
    settings = mlp(estimator)
    found = search_results.grid_search(*rows, grid_search(estimator))
    best = {
        "best_hidden_layer_sizes": found.best["hidden_layer_sizes"],
        "best_learning_rate_init": found.best["learning_rate_init"],
    }
    models = registry.make_models(LOGISTIC, settings, grid_search(estimator), best, n_classes=2)
    registry.fit_all([*models.values()], [rows] * 4)
    for name, network in settings.networks:
        theirs = MLPClassifier(network.hidden_layer_sizes, max_iter=20, random_state=1).fit(*rows)
        assert_same_weights(models[name], theirs)
    assert_same_weights(models["grid_search"], found.model)
    logistic = LogisticRegression(solver="liblinear", random_state=5).fit(*rows)
    np.testing.assert_array_equal(models["logistic"].coef_, logistic.coef_)


def test_each_model_has_its_own_rows_whatever_their_order(rows):
    X, y = rows
    network = DenseClassifier((4,), max_iter=10, random_state=0)
    models = [clone(network), LogisticRegression(), clone(network), LogisticRegression()]
    data = [(X[:100], y[:100]), (X[50:], y[50:]), (X[20:], y[20:]), (X, y)]
    registry.fit_all(models, iter(data))
    for model, some in zip(models, data, strict=True):
        alone = clone(model).fit(*some)
        np.testing.assert_array_equal(model.predict_proba(X), alone.predict_proba(X))


def test_a_fit_that_max_iter_ended_is_not_warned_of(rows):
    models = [
        DenseClassifier((4,), max_iter=2, random_state=0),
        LogisticRegression(solver="saga", max_iter=1, tol=0),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        registry.fit_all(models, [rows] * 2)
    assert [int(np.max(model.n_iter_)) for model in models] == [2, 1]


def test_a_network_that_diverges_is_told_with_its_rate_and_the_cure(rows):
    models = [DenseClassifier((4,), max_iter=5, learning_rate_init=1e300, random_state=0)]
    with np.errstate(all="ignore"), pytest.raises(registry.TrainingError) as caught:
        registry.fit_all(models, [rows])
    told = str(caught.value)
    assert told.startswith("A network could not be trained: models[0]: The weights became infinite")
    assert "learning_rate_init=1e+300" in told
    assert told.endswith(
        "Change grid_search.param_grid in params.yaml; try a smaller learning_rate_init first."
    )


def test_nothing_to_fit_is_no_fault():
    registry.fit_all([], [])
