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
from winenet.models.registry import Fit
from winenet.network.classifier import DenseClassifier
from winenet.params import Baseline, Compare, GridSearch, Logistic, Mlp, Network

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
    return Mlp(
        estimator=estimator,
        defaults={"max_iter": 20, "random_state": 1},
        networks={
            "notebook": Network(hidden_layer_sizes=[6, 3]),
            "one_hidden_layer": Network(hidden_layer_sizes=[5]),
        },
    )


def grid_search(estimator: str = "winenet") -> GridSearch:
    return GridSearch(
        estimator=estimator,
        defaults={"max_iter": 25, "random_state": 2},
        cv=2,
        scoring="accuracy",
        param_grid={"hidden_layer_sizes": [[4], [5, 2]], "learning_rate_init": [0.001, 0.05]},
    )


# As data/grid_search_best.json has it.
BEST = {
    "hidden_layer_sizes": [5, 2],
    "learning_rate_init": 0.05,
    "max_iter": 25,
    "random_state": 2,
}


def assert_same_weights(ours, theirs) -> None:
    assert ours.n_iter_ == theirs.n_iter_
    for name in ("coefs_", "intercepts_"):
        for our, their in zip(getattr(ours, name), getattr(theirs, name), strict=True):
            np.testing.assert_array_equal(our, their)


def test_the_networks_are_those_of_params_and_the_search_s_winner():
    networks = registry.make_networks(mlp(), BEST)
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


# By parameter, a value that is neither the default nor refused.
OTHERS = {
    "hidden_layer_sizes": [3],
    "activation": "tanh",
    "solver": "sgd",
    "alpha": 0.5,
    "batch_size": 7,
    "learning_rate": "adaptive",
    "learning_rate_init": 0.2,
    "power_t": 0.25,
    "max_iter": 7,
    "shuffle": False,
    "random_state": 8,
    "tol": 0.5,
    "momentum": 0.5,
    "nesterovs_momentum": False,
    "early_stopping": True,
    "validation_fraction": 0.3,
    "beta_1": 0.5,
    "beta_2": 0.5,
    "epsilon": 0.5,
    "n_iter_no_change": 3,
    "class_weight": {"0": 1, "1": 2},
    "dropout": 0.5,
    "dtype": "float32",
}
AS_TAKEN = OTHERS | {"hidden_layer_sizes": (3,), "class_weight": {0: 1, 1: 2}}


def test_there_is_another_value_for_each_parameter():
    """But for those that the stages set themselves."""
    defaults = DenseClassifier().get_params()
    assert {*OTHERS} == {*defaults} - {"verbose", "warm_start"}
    assert [name for name in OTHERS if defaults[name] == AS_TAKEN[name]] == []


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("by_default", [True, False])
def test_every_parameter_reaches_every_network(name, by_default):
    own = {name: OTHERS[name]}
    settings = Mlp(
        estimator="winenet",
        defaults={"random_state": 1} | (own if by_default else {"max_iter": 9}),
        networks={"a": Network(**({} if by_default else own)), "b": Network()},
    )
    networks = registry.make_networks(settings, {"random_state": 1} | own)
    reached = {key: network.get_params()[name] for key, network in networks.items()}
    default = DenseClassifier(random_state=1, max_iter=9).get_params()[name]
    assert reached == {
        "a": AS_TAKEN[name],
        "b": AS_TAKEN[name] if by_default else default,
        "grid_search": AS_TAKEN[name],
    }
    if name in MLPClassifier().get_params():
        theirs = registry.make_network({"random_state": 1} | own, "scikit-learn")
        assert theirs.get_params()[name] == AS_TAKEN[name]


def test_a_network_s_own_parameter_is_taken_before_the_default():
    settings = Mlp(
        estimator="winenet",
        defaults={"random_state": 1, "alpha": 0.1},
        networks={"a": Network(alpha=0.2, title="A title"), "b": Network()},
    )
    networks = registry.make_mlp_networks(settings)
    assert [(name, network.alpha) for name, network in networks.items()] == [("a", 0.2), ("b", 0.1)]


def test_the_baselines_are_those_of_params_with_a_seed_of_their_own_or_the_section_s():
    forest = "sklearn.ensemble.RandomForestClassifier"
    settings = Compare(
        n_resamples=100,
        random_state=7,
        reference="notebook",
        baselines={
            "first": Baseline(estimator=forest, max_depth=3),
            "second": Baseline(estimator=forest, random_state=5, title="Forest"),
            "third": Baseline(estimator="sklearn.naive_bayes.GaussianNB"),
        },
    )
    made = registry.make_baselines(settings)
    assert {name: repr(model) for name, model in made.items()} == {
        "first": "RandomForestClassifier(max_depth=3, random_state=7)",
        "second": "RandomForestClassifier(random_state=5)",
        "third": "GaussianNB()",
    }
    titles = [registry.title(name, mlp(), settings) for name in ("second", "third", "notebook")]
    assert titles == ["Forest", None, None]
    assert registry.title("logistic", mlp(), settings) is None


def test_the_stages_make_their_networks_in_one_place():
    files_of_stages = [*ROOT.glob("stages/*.py"), *ROOT.glob("winenet/evaluation/*.py")]
    for file in files_of_stages:
        if file.name != "training_curves.py":  # its stage has parameters of its own
            source = file.read_text(encoding="utf-8")
            assert not re.search(r"\b(DenseClassifier|MLPClassifier)\(", source), file


def test_the_best_candidate_comes_back_from_its_file_to_the_last_bit(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for rate in (0.00123456789, 3.16227766e-7, 1e-7, 1 / 3):
        best = BEST | {"learning_rate_init": rate, "class_weight": {0: 1.0, 1: rate}}
        files.write_json("best.json", best)
        tuned = registry.make_networks(mlp(), files.read_metrics("best.json"))["grid_search"]
        assert tuned.learning_rate_init == rate
        assert tuned.class_weight == {0: 1.0, 1: rate}
        assert tuned.hidden_layer_sizes == (5, 2)


def test_the_baseline_is_the_logistic_regression_of_params():
    baseline = registry.make_models(LOGISTIC, mlp(), BEST, 2)["logistic"]
    assert (baseline.solver, baseline.random_state) == ("liblinear", 5)
    alike = LogisticRegression(solver="liblinear", random_state=5)
    assert baseline.get_params() == alike.get_params()


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("estimator", ["winenet", "scikit-learn"])
def test_they_become_the_very_models_of_the_other_stages(rows, monkeypatch, estimator, workers):
    monkeypatch.setenv("WINENET_WORKERS", workers)
    settings = mlp(estimator)
    found = search_results.grid_search(*rows, grid_search(estimator))
    models = registry.make_models(LOGISTIC, settings, found.parameters, n_classes=2)
    registry.fit_all(Fit(model, rows) for model in models.values())
    for name, network in settings.networks.items():
        sizes = network.parameters["hidden_layer_sizes"]
        theirs = MLPClassifier(sizes, max_iter=20, random_state=1).fit(*rows)
        assert_same_weights(models[name], theirs)
    assert_same_weights(models["grid_search"], found.model)
    logistic = LogisticRegression(solver="liblinear", random_state=5).fit(*rows)
    np.testing.assert_array_equal(models["logistic"].coef_, logistic.coef_)


def test_each_model_has_its_own_rows_whatever_their_order(rows):
    X, y = rows
    network = DenseClassifier((4,), max_iter=10, random_state=0)
    models = [clone(network), LogisticRegression(), clone(network), LogisticRegression()]
    data = [(X[:100], y[:100]), (X[50:], y[50:]), (X[20:], y[20:]), (X, y)]
    registry.fit_all(Fit(*fit) for fit in zip(models, data, strict=True))
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
        registry.fit_all(Fit(model, rows) for model in models)
    assert [int(np.max(model.n_iter_)) for model in models] == [2, 1]


def test_a_network_that_diverges_is_told_with_its_rate_and_the_cure(rows):
    models = [DenseClassifier((4,), max_iter=5, learning_rate_init=1e300, random_state=0)]
    with np.errstate(all="ignore"), pytest.raises(registry.TrainingError) as caught:
        registry.fit_all(Fit(model, rows) for model in models)
    told = str(caught.value)
    assert told.startswith("A network could not be trained: models[0]: The weights became infinite")
    assert "learning_rate_init=1e+300" in told
    assert told.endswith(
        "Change mlp or grid_search in params.yaml; try a smaller learning_rate_init first."
    )


def test_nothing_to_fit_is_no_fault():
    registry.fit_all([])


# Class weights under estimator: scikit-learn.

WEIGHTED = {
    "adam": {},
    "sgd": {"solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.1},
    "early stopping": {"early_stopping": True, "n_iter_no_change": 3},
    "tanh in small batches": {"activation": "tanh", "batch_size": 7, "alpha": 0.01},
}
CLASS_WEIGHTS = {
    "balanced": ["balanced"] * 2,
    "by code": [{"0": 1, "1": 3.5}, {"0": 0.2, "1": 1, "2": 7}],
    "one class": [{"1": 0.3}] * 2,
}


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("weights", CLASS_WEIGHTS)
@pytest.mark.parametrize("kind", WEIGHTED)
def test_class_weights_give_the_same_network_with_either_library(rows, kind, weights, n_classes):
    X = rows[0]
    y = (X["a"] + X["b"] ** 2).rank(pct=True).pow(2).mul(n_classes - 1e-9).astype(int)
    given = {"hidden_layer_sizes": [6, 3], "max_iter": 15, "random_state": 3} | WEIGHTED[kind]
    given["class_weight"] = CLASS_WEIGHTS[weights][n_classes - 2]
    ours, theirs = (
        registry.make_network(given, estimator).fit(X, y)
        for estimator in ("winenet", "scikit-learn")
    )
    without = registry.make_network(given | {"class_weight": None}, "scikit-learn").fit(X, y)
    assert_same_weights(ours, theirs)
    assert ours.loss_curve_ == theirs.loss_curve_
    assert ours.validation_scores_ == theirs.validation_scores_ or kind != "early stopping"
    assert theirs.loss_curve_ != without.loss_curve_


def test_a_search_of_class_weights_is_the_same_with_either_library(rows):
    grid = {"class_weight": [None, "balanced", {"0": 1, "1": 3}], "hidden_layer_sizes": [[4]]}
    changes = {"param_grid": grid, "scoring": "neg_log_loss"}
    ours, theirs = (
        search_results.grid_search(*rows, grid_search(estimator).model_copy(update=changes))
        for estimator in ("winenet", "scikit-learn")
    )
    pd.testing.assert_frame_equal(ours.candidates, theirs.candidates, check_exact=True)
    assert ours.parameters == theirs.parameters
    assert_same_weights(ours.model, theirs.model)
    assert ours.candidates["mean_test_score"].nunique() == 3


def test_scikit_learn_s_network_with_weights_is_a_plain_one_that_can_be_cloned(rows):
    network = registry.make_network({"alpha": 0.5, "class_weight": {"0": 2}}, "scikit-learn")
    assert clone(network).get_params() == network.get_params()
    assert network.get_params() == MLPClassifier(alpha=0.5).get_params() | {"class_weight": {0: 2}}
    weights = np.linspace(0.5, 2, 150)
    both = clone(network).set_params(max_iter=3, random_state=0).fit(*rows, sample_weight=weights)
    ours = DenseClassifier(alpha=0.5, class_weight={0: 2}, max_iter=3, random_state=0)
    assert_same_weights(both, ours.fit(*rows, sample_weight=weights))
