"""The models that are compared are those of the other stages, to the last bit of their weights."""

import warnings

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


def test_a_rate_that_the_metrics_have_rounded_is_the_grid_s():
    rates = (0.00123456789, 3.16227766e-7, 1e-7)
    for rate in rates:
        best = BEST | {"best_learning_rate_init": files.rounded("best_learning_rate_init", rate)}
        assert best["best_learning_rate_init"] != rate or rate == 1e-7
        tuned = registry.make_networks(mlp(), grid_search(rates=rates), best)["grid_search"]
        assert tuned.learning_rate_init == rate


def test_the_baseline_is_the_logistic_regression_of_params():
    baseline = registry.baseline(LOGISTIC, 2)
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
    models = {"logistic": registry.baseline(LOGISTIC, 2)}
    models |= registry.make_networks(settings, grid_search(estimator), best)
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
        "Change grid_search.param_grid in params.yaml; a smaller learning_rate_init is the first "
        "thing to try."
    )


def test_nothing_to_fit_is_no_fault():
    registry.fit_all([], [])
