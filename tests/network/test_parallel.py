"""Many networks at once are the networks one by one, in however many processes."""

import re

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from winenet.network.classifier import DenseClassifier
from winenet.network.parallel import fit_many, plan_stacks

quiet = pytest.mark.filterwarnings(f"ignore::{ConvergenceWarning.__module__}.ConvergenceWarning")


def numbers(rows=120):
    rng = np.random.RandomState(0)
    X = rng.normal(size=(rows, 4))
    return X, (X @ rng.normal(size=(4, 3))).argmax(axis=1)


def assert_same_fit(ours, theirs):
    assert ours.loss_curve_ == theirs.loss_curve_
    assert ours.get_params() == theirs.get_params()
    for name in ("coefs_", "intercepts_"):
        for our, their in zip(getattr(ours, name), getattr(theirs, name), strict=True):
            np.testing.assert_array_equal(our, their)


@quiet
@pytest.mark.parametrize("n_jobs", [None, 2])
def test_many_fits_at_once_are_the_fits_one_by_one(n_jobs):
    X, y = numbers()
    frame = pd.DataFrame(X, columns=list("abcd"))
    weights = np.linspace(0.5, 2, len(X))
    models = [
        DenseClassifier((5,), max_iter=6, random_state=seed, alpha=alpha, dtype=dtype)
        for seed in range(3)
        for alpha in (0.0, 0.1)
        for dtype in ("float64", "float32")
    ]
    data_sets = [(X, y), (X[1:], y[1:]), (frame, y), (X, y, weights), (X[5:], y[5:] == 1), (X, y)]
    data = data_sets * 2
    alone = [clone(model).fit(*rows) for model, rows in zip(models, data, strict=True)]
    fitted = fit_many(models, data, n_jobs=n_jobs)
    assert all(fitted_model is model for fitted_model, model in zip(fitted, models, strict=True))
    for ours, theirs in zip(fitted, alone, strict=True):
        assert_same_fit(ours, theirs)
    assert fitted[2].feature_names_in_.tolist() == list("abcd")
    assert not hasattr(fitted[0], "feature_names_in_")


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_each_network_that_max_iter_ended_is_reported(n_jobs):
    X, y = numbers()
    with pytest.warns(ConvergenceWarning, match="max_iter=2 epochs") as caught:
        fit_many([DenseClassifier(max_iter=2) for _ in range(3)], [(X, y)] * 3, n_jobs=n_jobs)
    assert [warning.filename for warning in caught] == [__file__] * 3


def test_invalid_input_raises():
    X, y = numbers()
    with pytest.raises(ValueError, match="'alpha' parameter"):
        fit_many([DenseClassifier(alpha=-1)], [(X, y)])
    models = [DenseClassifier((3,), max_iter=2), DenseClassifier(learning_rate_init=1e300)]
    with pytest.raises(ValueError, match=r"^models\[1\]: The weights became infinite or NaN"):
        fit_many(models, [(X, y)] * 2, n_jobs=2)
    with pytest.raises(ValueError, match=r"^models\[0\]: .* inconsistent numbers of samples"):
        fit_many([DenseClassifier()], [(X, y[:100])])
    with pytest.raises(TypeError, match=r"^models\[0\]=LogisticRegression\(\) is not a DenseClass"):
        fit_many([LogisticRegression()], [(X, y)])
    with pytest.raises(ValueError, match=r"A model occurs more than once, .*clone\(model\)"):
        fit_many([models[0]] * 2, [(X, y)] * 2)
    rng = np.random.RandomState(0)
    shared = [DenseClassifier(random_state=rng) for _ in range(2)]
    with pytest.raises(ValueError, match="Models share a RandomState"):
        fit_many(shared, [(X, y)] * 2)
    with pytest.raises(ValueError, match="1 models for 0 data sets"):
        fit_many([DenseClassifier()], [])


@quiet
@pytest.mark.parametrize("n_jobs", [None, 2])
def test_a_model_stays_the_object_that_it_was(n_jobs):
    X, y = numbers()
    rngs = [np.random.RandomState(seed) for seed in (1, 2)]
    models = [DenseClassifier((3,), max_iter=2, random_state=rng) for rng in rngs]
    for model in models:
        model.fit(pd.DataFrame(X, columns=list("abcd")), y)
    after = [clone(model).fit(X, y) for model in models]
    fit_many(iter(models), [(X, y)] * 2, n_jobs=n_jobs)
    for model, rng, other in zip(models, rngs, after, strict=True):
        assert model.random_state is rng
        assert not hasattr(model, "feature_names_in_")
        assert model.loss_curve_ == other.loss_curve_
        assert rng.randint(10**6) == other.random_state.randint(10**6)


@quiet
@pytest.mark.parametrize("n_jobs", [None, 2])
def test_the_fits_that_are_done_are_shown_when_asked_for(capsys, n_jobs):
    X, y = numbers()
    models = [
        DenseClassifier((size,), max_iter=2, random_state=0) for size in (3, 4) for _ in range(3)
    ]
    fit_many([clone(model) for model in models], [(X, y)] * 6, n_jobs=n_jobs)
    assert capsys.readouterr() == ("", "")
    fit_many(models, [(X, y)] * 6, n_jobs=n_jobs, verbose=1)
    output, errors = capsys.readouterr()
    assert errors == ""
    *on_the_way, last = output.splitlines()
    assert last == "training: 6 of 6 fits"
    assert on_the_way
    for line in on_the_way:
        assert re.fullmatch(r"training: [1-5] of 6 fits, about \d+ s left", line)


def test_nothing_to_fit_is_shown_as_nothing(capsys):
    assert fit_many([], [], verbose=1) == []
    assert capsys.readouterr() == ("", "")


def plan(models, rows=1000, processes=2):
    return plan_stacks(models, [(rows, 12, 2)] * len(models), processes)


def test_every_network_is_in_one_stack():
    models = [
        DenseClassifier((size,), learning_rate_init=rate, batch_size=batch)
        for size in (4, 60)
        for rate in (0.01, 0.001)
        for batch in (10, 50)
        for _ in range(7)
    ]
    indices = [i for stack in plan(models) for i in stack.indices]
    assert sorted(indices) == list(range(len(models)))
    for stack in plan(models):
        assert len({models[i].hidden_layer_sizes for i in stack.indices}) == 1
        assert len({models[i].batch_size for i in stack.indices}) == 1


def test_the_longest_work_comes_first_and_every_process_has_some():
    models = [DenseClassifier((size,)) for size in (3, 200, 30) for _ in range(8)]
    costs = [stack.cost for stack in plan(models)]
    assert costs == sorted(costs, reverse=True)
    assert len(plan([DenseClassifier((3,))] * 4, processes=2)) == 2
    assert len(plan([DenseClassifier((3,))] * 4, processes=1)) == 1


def test_slow_learners_are_stacked_together_and_begin_first():
    models = [DenseClassifier((3,), learning_rate_init=rate) for rate in (0.1, 0.001, 0.1, 0.001)]
    assert [stack.indices for stack in plan(models)] == [[1, 3], [0, 2]]
