"""Shows that the stacked network computes what scikit-learn's and the notebook's networks compute.

Bits are compared with `==`: the same draws, the same order of operations, the same last digit.
"""

import itertools
import math
import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from winenet import handmade, network

SIZES = [(), (7,), (6, 4), (5, 4, 3)]
ACTIVATIONS = ["relu", "tanh", "logistic", "identity"]
BASE = {"hidden_layer_sizes": (6, 4), "max_iter": 12, "batch_size": 20, "learning_rate_init": 0.01}
VARIED: list[dict[str, Any]] = [
    {"batch_size": 73},
    {"batch_size": 72},
    {"batch_size": 1, "max_iter": 3},
    {"alpha": 0.0},
    {"alpha": 10.0},
    {"shuffle": False},
    {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3},
    {"tol": 1.0, "n_iter_no_change": 3},
    {"solver": "sgd", "nesterovs_momentum": False},
    {"solver": "sgd", "momentum": 0.0},
    {"solver": "sgd", "learning_rate": "invscaling", "power_t": 0.3},
    {"solver": "sgd", "learning_rate": "adaptive", "tol": 1.0, "n_iter_no_change": 2},
]


def rows(classes: int, n: int = 73) -> tuple[network.Array, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.random((n, 5)), rng.integers(0, classes, n)


def job(
    X: network.Array, y: np.ndarray, seed: int = 3, weights: Any = None, **settings: Any
) -> network.Job:
    classes = int(y.max()) + 1
    targets = y[:, np.newaxis] == np.arange(classes) if classes > 2 else y[:, np.newaxis]
    wanted = network.Settings(**settings)
    rng = np.random.RandomState(seed)
    units = [X.shape[1], *wanted.hidden_layer_sizes, targets.shape[1]]
    start = network.draw_start(units, wanted.activation, rng)
    return network.Job(X, targets.astype(X.dtype), wanted, network.fresh_run(start), rng, weights)


def assert_same_as_scikit_learn(classes: int, weights: Any = None, **settings: Any) -> None:
    X, y = rows(classes)
    ours = job(X, y, weights=weights, **settings)
    [run] = network.train([ours])
    W, b = network.layers(run.parameters, ours.units)
    theirs = MLPClassifier(random_state=3, **settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        theirs.fit(X, y, sample_weight=weights)
    assert run.loss_curve == theirs.loss_curve_
    assert run.epochs == theirs.n_iter_
    for mine, other in zip([*W, *b], [*theirs.coefs_, *theirs.intercepts_], strict=True):
        assert (mine == other).all()
    P = network.forward(X, W, b, ours.settings.activation)
    both = np.hstack([1 - P, P]) if classes == 2 else P
    assert (both == theirs.predict_proba(X)).all()


@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_every_shape_is_scikit_learn_s_bit_for_bit(
    sizes: tuple[int, ...], activation: str, solver: str, classes: int
) -> None:
    wanted = {"hidden_layer_sizes": sizes, "activation": activation, "solver": solver}
    assert_same_as_scikit_learn(classes, **(BASE | wanted))


@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize("varied", VARIED, ids=str)
def test_every_setting_is_scikit_learn_s_bit_for_bit(varied: dict[str, Any], classes: int) -> None:
    assert_same_as_scikit_learn(classes, **(BASE | varied))


@pytest.mark.parametrize("classes", [2, 5])
def test_weighted_rows_are_scikit_learn_s_bit_for_bit(classes: int) -> None:
    weights = np.random.default_rng(1).random(73)
    assert_same_as_scikit_learn(classes, weights=weights, **BASE)


@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_the_gradient_agrees_with_central_differences(
    sizes: tuple[int, ...], activation: str, classes: int
) -> None:
    """One step of plain gradient descent at rate 1 moves the parameters by minus the gradient."""
    X, y = rows(classes)
    settings = {"hidden_layer_sizes": sizes, "activation": activation, "alpha": 0.1}
    plain = {"solver": "sgd", "momentum": 0.0, "batch_size": 73, "learning_rate_init": 1.0}
    one = job(X, y, max_iter=1, shuffle=False, **settings, **plain)
    [run] = network.train([one])
    gradient = one.start.parameters - run.parameters

    def loss(parameters: network.Array) -> float:
        W, b = network.layers(parameters, one.units)
        P = network.forward(X, W, b, activation)
        given = P[np.arange(73), y] if classes > 2 else np.where(y == 1, P[:, 0], 1 - P[:, 0])
        penalty = 0.1 / 2 / 73 * sum(float((layer**2).sum()) for layer in W)
        return penalty - float(np.log(given).mean())

    assert run.loss_curve == [pytest.approx(loss(one.start.parameters), rel=1e-12)]
    h = 1e-6
    for place in range(len(gradient)):
        moved = np.zeros_like(gradient)
        moved[place] = h
        slope = (loss(one.start.parameters + moved) - loss(one.start.parameters - moved)) / (2 * h)
        assert gradient[place] == pytest.approx(slope, abs=2e-8)


def test_without_hidden_layer_it_is_the_notebook_s_gradient_descent() -> None:
    rng = np.random.default_rng(42)
    X, y = handmade.six_rows(rng)
    W1, B1 = handmade.init_parameters(3, rng=rng), handmade.init_parameters(1, rng=rng)
    parameters, losses = handmade.grad_desc(W1, B1, 500, 0.01, X, y)
    settings = network.Settings(
        hidden_layer_sizes=(),
        solver="sgd",
        momentum=0.0,
        alpha=0.0,
        batch_size=6,
        learning_rate_init=0.01,
        max_iter=500,
        shuffle=False,
        n_iter_no_change=math.inf,
    )
    start = network.fresh_run(network.flatten([W1], [B1[0]]))
    one = network.Job(X, y.astype(float), settings, start, np.random.RandomState(0))
    [run] = network.train([one])
    [W], [b] = network.layers(run.parameters, [3, 1])
    np.testing.assert_allclose(W, parameters["W1"][-1], rtol=0, atol=1e-14)
    np.testing.assert_allclose(b, parameters["B1"][-1][0], rtol=0, atol=1e-14)
    np.testing.assert_allclose(run.loss_curve, losses, rtol=0, atol=1e-14)


def test_stacked_equals_alone_and_one_that_leaves_disturbs_nobody() -> None:
    """Three seeds, and tolerances under which they stop at different epochs."""
    X, y = rows(2)
    tolerances = [1e-4, 1e-1, 1e-4, 3e-2]

    def jobs() -> list[network.Job]:
        settings = BASE | {"max_iter": 40, "n_iter_no_change": 4}
        return [job(X, y, seed=seed, tol=tol, **settings) for seed, tol in enumerate(tolerances)]

    stacked = network.train(jobs(), per_stack=4)
    alone = [network.train([one])[0] for one in jobs()]
    assert len({run.epochs for run in stacked}) > 1
    for together, single in itertools.zip_longest(stacked, alone):
        assert (together.parameters == single.parameters).all()
        assert together.loss_curve == single.loss_curve
        assert together.event == single.event
