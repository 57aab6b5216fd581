"""The stack: its gradient, the independence of its networks, and the notebook's network in it."""

import dataclasses

import numpy as np
import pytest

from winenet.network import layers, stack, training, training_job
from winenet.network.layers import ValidationSet
from winenet.network.training_job import HyperParameters, TrainingJob
from winenet.notebook import handmade

ACTIVATIONS = ["relu", "tanh", "logistic", "identity"]
SIZES = [(), (5,), (5, 4), (6, 5, 3)]


def make_job(
    seed=0, rows=60, outputs=1, features=4, weighted=False, validation_rows=False, **settings
):
    """Return a small training job; everything is drawn from the seed."""
    rng = np.random.RandomState(seed)
    X = rng.normal(size=(rows, features))
    chosen = (X @ rng.normal(size=(features, max(2, outputs)))).argmax(axis=1)
    targets = (chosen[:, np.newaxis] == np.arange(outputs)).astype(np.float64)
    weights = rng.uniform(0.2, 2, rows) if weighted else None
    validation = ValidationSet(X[:20], targets[:20]) if validation_rows else None
    settings = HyperParameters(**{"hidden_layer_sizes": (5, 4), "batch_size": 25, **settings})
    layer_sizes = [features, *settings.hidden_layer_sizes, outputs]
    start = training_job.initial_state(
        layers.init_parameters(layer_sizes, settings.activation, rng)
    )
    return TrainingJob(X, targets, settings, start, rng, weights, validation)


def train_again(jobs, **kwargs):
    """Train copies of the jobs, so that each training begins with the same streams."""
    copies = []
    for job in jobs:
        rng = np.random.RandomState()
        rng.set_state(job.rng.get_state())
        copies.append(dataclasses.replace(job, rng=rng))
    return training.train(copies, **kwargs)


def assert_same_run(ours, theirs):
    for name in ("loss_curve", "validation_losses", "validation_scores", "epochs", "stop_reason"):
        assert getattr(ours, name) == getattr(theirs, name)
    np.testing.assert_array_equal(ours.parameters, theirs.parameters)
    np.testing.assert_array_equal(ours.optimizer_state, theirs.optimizer_state)


# ---- the gradient


def loss_of(job, parameters):
    """The loss by its definition, one row and one class at a time where it matters."""
    weights, biases = layers.unpack_parameters(parameters, job.layer_sizes)
    P = layers.forward(job.X, weights, biases, job.hyperparameters.activation)
    if P.shape[1] == 1:
        P, Y = np.hstack([1 - P, P]), np.hstack([1 - job.targets, job.targets])
    else:
        Y = job.targets
    row_weights = np.ones(len(P)) if job.sample_weight is None else job.sample_weight
    cross_entropy = -(row_weights * np.log((P * Y).sum(axis=1))).sum()
    squares = sum((W**2).sum() for W in weights)
    return (cross_entropy + job.hyperparameters.alpha / 2 * squares) / row_weights.sum()


def gradient_of(job):
    """The gradient that the first step of plain gradient descent goes against."""
    plain = {"solver": "sgd", "momentum": 0.0, "learning_rate_init": 1.0, "max_iter": 1}
    whole = dataclasses.replace(job.hyperparameters, batch_size=len(job.X), shuffle=False, **plain)
    [run] = training.train([dataclasses.replace(job, hyperparameters=whole)])
    return job.start.parameters - run.parameters


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("weighted", [False, True])
def test_the_gradient_agrees_with_central_differences(activation, outputs, sizes, weighted):
    job = make_job(
        seed=2,
        outputs=outputs,
        weighted=weighted,
        activation=activation,
        hidden_layer_sizes=sizes,
        alpha=0.7,
    )
    step = 1e-6
    start = job.start.parameters
    numeric = np.empty_like(start)
    for i in range(len(start)):
        nudge = np.zeros_like(start)
        nudge[i] = step
        numeric[i] = (loss_of(job, start + nudge) - loss_of(job, start - nudge)) / (2 * step)
    np.testing.assert_allclose(gradient_of(job), numeric, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("outputs", [1, 3])
def test_the_gradient_with_dropout_agrees_with_central_differences(activation, outputs):
    job = make_job(seed=2, outputs=outputs, activation=activation, dropout=0.3, alpha=0.7)
    rng = np.random.RandomState()
    rng.set_state(job.rng.get_state())
    dropout_rng = np.random.default_rng([rng.randint(2**31), 0])
    masks = [(dropout_rng.random((60, width)) >= 0.3) / 0.7 for width in (5, 4)]
    assert 0.1 < np.mean(masks[0] == 0) < 0.5
    functions = {
        "relu": lambda Z: np.maximum(Z, 0),
        "tanh": np.tanh,
        "logistic": lambda Z: 1 / (1 + np.exp(-Z)),
        "identity": lambda Z: Z,
    }

    def loss(parameters):
        weights, biases = layers.unpack_parameters(parameters, job.layer_sizes)
        A = job.X
        for W, b, mask in zip(weights[:-1], biases[:-1], masks, strict=True):
            A = functions[activation](A @ W + b) * mask
        Z = A @ weights[-1] + biases[-1]
        P = np.exp(np.hstack([0 * Z, Z]) if outputs == 1 else Z)
        P /= P.sum(axis=1, keepdims=True)
        Y = np.hstack([1 - job.targets, job.targets]) if outputs == 1 else job.targets
        squares = sum((W**2).sum() for W in weights)
        return -np.log((P * Y).sum(axis=1)).mean() + 0.7 / 2 * squares / 60

    step, start = 1e-6, job.start.parameters
    numeric = [
        (loss(start + step * nudge) - loss(start - step * nudge)) / (2 * step)
        for nudge in np.eye(len(start))
    ]
    np.testing.assert_allclose(gradient_of(job), numeric, rtol=1e-6, atol=1e-8)


def test_a_gradient_by_hand():
    # One row, x = 2, y = 1, w = 0.5, b = -1: z = 0, p = 0.5.
    # dloss/dz = p - y = -0.5, so dloss/dw = -1 and dloss/db = -0.5.
    job = TrainingJob(
        np.array([[2.0]]),
        np.array([[1.0]]),
        HyperParameters(hidden_layer_sizes=(), alpha=0.0, batch_size=1),
        training_job.initial_state(np.array([0.5, -1.0])),
        np.random.RandomState(0),
    )
    np.testing.assert_array_equal(gradient_of(job), [-1.0, -0.5])


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_loss_is_the_batches_mean(outputs, weighted):
    job = make_job(outputs=outputs, weighted=weighted, batch_size=60, max_iter=1)
    [run] = training.train([job])
    assert run.loss_curve == pytest.approx([loss_of(job, job.start.parameters)], rel=1e-13)


# ---- the from-scratch network inside it


def test_without_hidden_layer_and_with_plain_steps_it_is_the_notebook_s():
    X, y = handmade.six_rows(np.random.default_rng(42))
    parameters, losses = handmade.run_grad_desc(500, 0.01, X, y, rng=np.random.default_rng(7))
    settings = HyperParameters(
        hidden_layer_sizes=(),
        solver="sgd",
        momentum=0.0,
        alpha=0.0,
        batch_size=6,
        learning_rate_init=0.01,
        shuffle=False,
        max_iter=500,
        n_iter_no_change=np.inf,
    )
    start = layers.pack_parameters([parameters["W1"][0]], [parameters["B1"][0]])
    [run] = training.train(
        [TrainingJob(X, y, settings, training_job.initial_state(start), np.random.RandomState(0))]
    )
    [W], [b] = layers.unpack_parameters(run.parameters, [3, 1])
    np.testing.assert_allclose(W, parameters["W1"][500], rtol=0, atol=1e-14)
    np.testing.assert_allclose(b, parameters["B1"][500][0], rtol=0, atol=1e-14)
    np.testing.assert_allclose(run.loss_curve, losses, rtol=0, atol=1e-14)
    np.testing.assert_allclose(
        layers.forward(X, [W], [b], "relu"), handmade.forward(W, b[np.newaxis], X), atol=1e-15
    )


# ---- the other networks of a stack change nothing


STACKED = {
    "adam": {},
    "sgd": {"solver": "sgd", "learning_rate_init": 0.1, "learning_rate": "adaptive"},
    "three classes": {"outputs": 3},
    "weights": {"weighted": True},
    "weights and three classes": {"weighted": True, "outputs": 3},
    "tanh": {"activation": "tanh"},
    "logistic": {"activation": "logistic"},
    "no hidden layer": {"hidden_layer_sizes": ()},
    "dropout": {"dropout": 0.2, "validation_rows": True},
    "early stopping": {"early_stopping": True, "validation_rows": True, "n_iter_no_change": 2},
    "scored": {"validation_rows": True, "outputs": 3},
}


@pytest.mark.parametrize("case", STACKED)
def test_stacked_equals_alone(case):
    jobs = [
        make_job(seed, alpha=10.0**-seed, tol=1e-3 * seed, max_iter=15, **STACKED[case])
        for seed in range(1, 8)
    ]
    alone = [train_again([job])[0] for job in jobs]
    for max_stack_size in (None, 7, 3, 1):
        for ours, theirs in zip(
            train_again(jobs, max_stack_size=max_stack_size), alone, strict=True
        ):
            assert_same_run(ours, theirs)
    assert_same_run(train_again(jobs[2:3])[0], train_again(jobs[:5])[2])


def test_a_network_that_finishes_does_not_disturb_the_others():
    jobs = [make_job(seed, max_iter=epochs) for seed, epochs in enumerate([9, 2, 14, 2, 5, 1])]
    together = train_again(jobs, max_stack_size=6)
    assert [run.epochs for run in together] == [9, 2, 14, 2, 5, 1]
    for ours, job in zip(together, jobs, strict=True):
        assert_same_run(ours, train_again([job])[0])


def test_a_network_that_diverges_does_not_disturb_the_others():
    rates = [0.05, 1e200, 0.1]
    jobs = [
        make_job(seed, solver="sgd", learning_rate_init=rate, activation="identity", max_iter=20)
        for seed, rate in enumerate(rates)
    ]
    together = train_again(jobs, max_stack_size=3)
    assert [run.stop_reason for run in together] == ["max_iter", "diverged", "max_iter"]
    assert together[1].epochs < 20
    for index in (0, 2):
        assert_same_run(together[index], train_again(jobs[index : index + 1])[0])


def test_jobs_of_unequal_shape_come_back_in_their_order():
    jobs = [
        make_job(0, rows=60),
        make_job(1, rows=61),
        make_job(2, rows=60, hidden_layer_sizes=(3,)),
        make_job(3),
    ]
    assert training.stack_key(jobs[0]) == training.stack_key(jobs[3])
    assert len({training.stack_key(job) for job in jobs}) == 3
    for ours, job in zip(train_again(jobs), jobs, strict=True):
        assert_same_run(ours, train_again([job])[0])


def test_jobs_may_share_their_rows_and_a_start_is_left_as_it_was():
    first = make_job(0, max_iter=4)
    second = dataclasses.replace(first, rng=np.random.RandomState(9))
    before = dataclasses.replace(first.start, parameters=first.start.parameters.copy())
    runs = training.train([first, second])
    assert runs[0].loss_curve != runs[1].loss_curve
    assert first.start.loss_curve == []
    assert first.start.optimizer_state is None
    np.testing.assert_array_equal(first.start.parameters, before.parameters)


@pytest.mark.parametrize("weighted", [False, True])
def test_rows_beyond_one_block_change_nothing(weighted, monkeypatch):
    job = make_job(0, rows=130, weighted=weighted, max_iter=5)
    [whole] = train_again([job])
    for batches in (1, 2, 4):
        monkeypatch.setattr(stack, "BLOCK_BYTES", batches * 25 * 4 * 8)
        assert_same_run(train_again([job])[0], whole)


# ---- what else training promises


def test_on_epoch_is_called_after_each_epoch_and_may_stop_a_network():
    seen = []

    def on_epoch(index, run):
        seen.append((index, run.epochs))
        return index == 1 and run.epochs == 2

    runs = training.train([make_job(0, max_iter=4), make_job(1, max_iter=4)], on_epoch=on_epoch)
    assert [run.stop_reason for run in runs] == ["max_iter", "stopped"]
    assert seen == [(0, 1), (1, 1), (0, 2), (1, 2), (0, 3), (0, 4)]


def test_training_continues_where_a_run_has_ended():
    [whole] = training.train([make_job(0, max_iter=6, shuffle=False)])
    first = make_job(0, max_iter=2, shuffle=False)
    [part] = training.train([first])
    rest = training_job.warm_start_state(part, part.parameters, keep_optimizer=True)
    settings = dataclasses.replace(first.hyperparameters, max_iter=4)
    [run] = training.train([dataclasses.replace(first, start=rest, hyperparameters=settings)])
    assert run.loss_curve == whole.loss_curve
    np.testing.assert_array_equal(run.parameters, whole.parameters)


def test_early_stopping_returns_to_its_best_epoch():
    job = make_job(
        3, early_stopping=True, validation_rows=True, max_iter=60, learning_rate_init=0.1
    )
    [run] = training.train([job])
    weights, biases = layers.unpack_parameters(run.parameters, job.layer_sizes)
    P = layers.forward(job.validation.X, weights, biases, "relu")
    assert (
        layers.validation_accuracy(P, job.validation)
        == run.best_score
        == max(run.validation_scores)
    )
    best = run.validation_scores.index(run.best_score)
    assert layers.validation_loss(P, job.validation) == run.validation_losses[best]


def test_a_batch_whose_rows_all_weigh_nothing_moves_nothing():
    job = make_job(0, rows=50, weighted=True, shuffle=False, solver="sgd", momentum=0.0, max_iter=1)
    job.sample_weight[25:] = 0.0
    half = dataclasses.replace(job, X=job.X[:25].copy(), targets=job.targets[:25].copy())
    half = dataclasses.replace(half, sample_weight=job.sample_weight[:25].copy())
    [ours], [theirs] = training.train([job]), training.train([half])
    np.testing.assert_array_equal(ours.parameters, theirs.parameters)


def test_pack_and_unpack_parameters_are_inverse():
    flat = np.arange(11.0 * 3).reshape(3, 11)
    weights, biases = layers.unpack_parameters(flat, [2, 3, 1][:2])
    assert [W.shape for W in weights] == [(3, 2, 3)]
    assert [b.shape for b in biases] == [(3, 3)]
    job = make_job(0)
    parts = layers.unpack_parameters(job.start.parameters, job.layer_sizes)
    np.testing.assert_array_equal(layers.pack_parameters(*parts), job.start.parameters)


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_the_optimizer_state_never_gets_subnormal_in_float32(solver):
    """A unit that is dead from the start: its gradient is 0, and its stats would fade for ever."""
    job = make_job(
        0,
        hidden_layer_sizes=(5,),
        solver=solver,
        alpha=0.0,
        beta_2=0.9,
        max_iter=400,
        batch_size=10,
    )
    start = job.start.parameters.astype(np.float32)
    layers.unpack_parameters(start, job.layer_sizes)[1][0][0] = -1e3
    optimizer_state = np.full((2 if solver == "adam" else 1, start.size), 1e-3, np.float32)
    small = dataclasses.replace(
        job,
        X=job.X.astype(np.float32),
        targets=job.targets.astype(np.float32),
        start=dataclasses.replace(
            training_job.initial_state(start), optimizer_state=optimizer_state, steps=1
        ),
    )
    small = dataclasses.replace(
        small, hyperparameters=dataclasses.replace(small.hyperparameters, n_iter_no_change=np.inf)
    )
    [run] = training.train([small])
    assert run.epochs == 400
    sizes = np.abs(run.optimizer_state)
    assert 1e-33 < sizes[sizes > 0].min() < 1e-30


def test_a_float32_network_stays_float32():
    job = make_job(0, max_iter=30)
    small = dataclasses.replace(
        make_job(0, max_iter=30),
        X=job.X.astype(np.float32),
        targets=job.targets.astype(np.float32),
        start=training_job.initial_state(job.start.parameters.astype(np.float32)),
    )
    [run] = training.train([small])
    assert run.parameters.dtype == run.optimizer_state.dtype == np.float32
    assert run.loss_curve == pytest.approx(training.train([job])[0].loss_curve, rel=1e-4)
