"""DenseClassifier and MLPClassifier make the same numbers, compared with ==."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from winenet.network.classifier import DenseClassifier

pytestmark = pytest.mark.filterwarnings(
    f"ignore::{ConvergenceWarning.__module__}.ConvergenceWarning"
)

SIZES = [(), (7,), (1,), (12, 5), (9, 6, 4)]
ACTIVATIONS = ["relu", "tanh", "logistic", "identity"]
ADAM = {"solver": "adam", "learning_rate_init": 0.01}
SGD = {"solver": "sgd", "learning_rate_init": 0.1}


def settings():
    """Yield (classes, weighted, parameters) of each comparison."""
    for number, sizes in enumerate(SIZES):
        for activation in ACTIVATIONS:
            for classes in (2, 5):
                # Batches of 16 divide the 144 rows, those of 50 and 144 do not, or do at once.
                common = {
                    "hidden_layer_sizes": sizes,
                    "activation": activation,
                    "batch_size": (16, 50, 144, "auto")[number % 4],
                }
                solver = ADAM if (number + classes) % 2 else SGD
                yield classes, False, {**common, **solver, "max_iter": 12}
    for classes in (2, 5):
        for common in (
            {**ADAM, "alpha": 0},
            {**ADAM, "alpha": 1.5},
            {**ADAM, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3},
            {**ADAM, "shuffle": False},
            {**ADAM, "batch_size": 5, "max_iter": 3},
            {**ADAM, "tol": 0.05, "n_iter_no_change": 3},
            {**SGD, "momentum": 0},
            {**SGD, "momentum": 0.5, "nesterovs_momentum": False},
            {**SGD, "nesterovs_momentum": True, "alpha": 0.1},
            {**SGD, "learning_rate": "invscaling", "power_t": 0.3},
            {**SGD, "learning_rate": "adaptive", "tol": 0.05, "n_iter_no_change": 2},
            {**SGD, "shuffle": False, "batch_size": 20, "alpha": 0},
            {**ADAM, "early_stopping": True, "n_iter_no_change": 3, "max_iter": 60},
            {**SGD, "early_stopping": True, "validation_fraction": 0.3, "activation": "tanh"},
            {**SGD, "early_stopping": True, "learning_rate": "adaptive", "n_iter_no_change": 1},
        ):
            for weighted in (False, True):
                yield (
                    classes,
                    weighted,
                    {"hidden_layer_sizes": (11, 6), "batch_size": 37, "max_iter": 25, **common},
                )


def name_of(setting):
    classes, weighted, parameters = setting
    words = [f"{key}={value}" for key, value in parameters.items()]
    return " ".join([f"{classes} classes", *(["weighted"] if weighted else []), *words])


SETTINGS = list(settings())


@pytest.fixture(scope="module")
def tables():
    rng = np.random.RandomState(5)
    X = rng.normal(size=(144, 6))
    scores = X @ rng.normal(size=(6, 5)) + rng.normal(size=(144, 5))
    weights = rng.uniform(0.1, 3, 144)
    weights[::7] = 0
    return X, {2: scores[:, 0] > 0.3, 5: scores.argmax(axis=1)}, weights


def assert_same_network(ours, theirs, X):
    """Assert that each number of the two is the same, to the last bit."""
    assert ours.loss_curve_ == theirs.loss_curve_
    assert ours.n_iter_ == theirs.n_iter_
    assert ours.t_ == theirs.t_
    assert ours.loss_ == theirs.loss_
    assert ours.best_loss_ == theirs.best_loss_
    assert ours.validation_scores_ == theirs.validation_scores_
    assert ours.best_validation_score_ == theirs.best_validation_score_
    for name in ("coefs_", "intercepts_"):
        for our, their in zip(getattr(ours, name), getattr(theirs, name), strict=True):
            np.testing.assert_array_equal(our, their)
    np.testing.assert_array_equal(ours.predict_proba(X), theirs.predict_proba(X))
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    for name in ("n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(ours, name) == getattr(theirs, name)


def test_the_table_holds_at_least_sixty_settings():
    assert len(set(map(name_of, SETTINGS))) == len(SETTINGS) >= 60


@pytest.mark.parametrize("setting", SETTINGS, ids=name_of)
def test_every_bit_is_scikit_learn_s(setting, tables):
    classes, weighted, parameters = setting
    X, labels, weights = tables
    both = [
        kind(**parameters, random_state=3).fit(X, labels[classes], weights if weighted else None)
        for kind in (DenseClassifier, MLPClassifier)
    ]
    assert_same_network(*both, X)


def test_the_learning_rate_was_cut_and_training_did_end_early_in_the_table(tables):
    # Else the rows of the table that are there for it would show nothing.
    X, labels, _ = tables
    ended, cut = 0, 0
    for classes, weighted, parameters in SETTINGS:
        if not weighted and (parameters.get("tol") or parameters.get("early_stopping")):
            ours = DenseClassifier(**parameters, random_state=3).fit(X, labels[classes])
            ended += ours.n_iter_ < parameters["max_iter"]
            if parameters.get("learning_rate") == "adaptive":
                cut += ours._training_state.learning_rate < 0.1
    assert ended >= 3
    assert cut >= 2


@pytest.mark.parametrize("random_state", ["int", "stream"])
@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("schedule", ["constant", "adaptive"])
@pytest.mark.parametrize("classes", [2, 5])
def test_partial_fit_is_scikit_learn_s(tables, random_state, solver, schedule, classes):
    X, labels, weights = tables
    both = []
    for kind in (DenseClassifier, MLPClassifier):
        model = kind(
            (8, 3),
            solver=solver,
            learning_rate=schedule,
            batch_size=30,
            learning_rate_init=0.05,
            n_iter_no_change=2,
            tol=0.02,
            random_state=4 if random_state == "int" else np.random.RandomState(4),
        )
        for step in range(12):
            rows = slice(step % 3 * 40, step % 3 * 40 + 50)
            model.partial_fit(
                X[rows], labels[classes][rows], weights[rows] + 0.1, classes=range(classes)
            )
        both.append(model)
    assert_same_network(*both, X)


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_warm_start_and_partial_fit_after_fit_are_scikit_learn_s(tables, solver):
    X, labels, _ = tables
    both = []
    for kind in (DenseClassifier, MLPClassifier):
        model = kind((8,), solver=solver, max_iter=7, warm_start=True, random_state=4)
        model.fit(X, labels[5]).fit(X[:120], labels[5][:120])
        both.append(model.partial_fit(X, labels[5]).fit(X, labels[5]))
    assert_same_network(*both, X)
    assert len(both[0].loss_curve_) == 7 + 7 + 1 + 7


def test_columns_in_fortran_order_change_nothing(tables):
    X, labels, _ = tables
    both = [
        kind((8, 4), max_iter=8, batch_size=32, random_state=1).fit(np.asfortranarray(X), labels[2])
        for kind in (DenseClassifier, MLPClassifier)
    ]
    assert_same_network(*both, X)
