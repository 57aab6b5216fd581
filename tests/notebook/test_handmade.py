"""The network by hand against the notebook's own code, calculus, scikit-learn and a pencil."""

import itertools
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from committed import ROOT
from sklearn.linear_model import LogisticRegression

from stages import handmade as stage
from winenet import files
from winenet.notebook import claims, handmade, seed_study

HALF_A_DIGIT = 5e-7  # literals here have six decimals


@pytest.fixture(scope="module")
def six() -> tuple[handmade.Array, handmade.Array]:
    return handmade.six_rows(np.random.default_rng(42))


def start(output_cols: int, seed: int = 7) -> tuple[handmade.Array, handmade.Array]:
    rng = np.random.default_rng(seed)
    W1 = handmade.init_parameters(3, output_cols, rng=rng)
    return W1, handmade.init_parameters(1, output_cols, rng=rng)


def run_as_printed(num_epochs, learning_rate, X, Y, output_cols, rng):
    """Run the notebook's run_grad_desc as it is printed; output_cols is a global there."""

    def init_parameters(dim1, dim2=1, std=1e-1):
        return rng.random([dim1, dim2]) * std

    _, input_cols = X.shape
    W1 = init_parameters(input_cols, output_cols)
    B1 = init_parameters(output_cols)
    loss_array = np.ones([num_epochs]) * np.nan
    for i in np.arange(num_epochs):
        A1 = 1 / (1 + np.exp(-np.clip(np.dot(X, W1) + B1, -500, 500)))
        m = np.shape(X)[0]
        loss_array[i] = (-1 / m) * np.sum(Y * np.log(A1) + (1 - Y) * np.log(1 - A1))
        dZ1 = A1 - Y
        W1 = W1 - learning_rate * ((1 / m) * np.dot(X.T, dZ1))
        B1 = B1 - learning_rate * ((1 / m) * np.sum(dZ1, axis=0, keepdims=True))
    return W1, B1, loss_array


# The six rows.


def test_the_six_rows_are_the_notebook_s_to_the_last_bit():
    X, y = handmade.six_rows(np.random.default_rng(42))
    X1 = np.exp(np.array(np.arange(0.1, 0.7, 0.1)) * 1.1 + 0.75)
    X2 = np.exp(np.array(np.arange(0.6, 1.2, 0.1)) * 0.4 + 0.75)
    X3 = np.exp(np.random.default_rng(42).random(6) * 0.4 + 0.75)
    assert X.tobytes() == np.array([X1, X2, X3]).T.tobytes()
    assert y.tolist() == [[0.0], [0.0], [0.0], [1.0], [1.0], [1.0]]


def test_the_six_rows_are_these():
    X, _ = handmade.six_rows(np.random.default_rng(42))
    assert X.round(6).tolist() == [
        [2.363161, 2.691234, 2.885166],
        [2.637944, 2.801066, 2.523259],
        [2.94468, 2.915379, 2.984521],
        [3.287081, 3.034358, 2.798118],
        [3.669297, 3.158193, 2.198271],
        [4.095955, 3.287081, 3.127547],
    ]


@pytest.mark.parametrize("first", [0.0, 0.1, 0.15, 0.2, 0.3, 0.7, 1.1])
def test_rounding_in_arange_adds_no_seventh_row(first: float):
    X, _ = handmade.six_rows(np.random.default_rng(0), first)
    steps = (np.log(X[:, 0]) - 0.75) / 1.1
    assert steps == pytest.approx([first + 0.1 * i for i in range(6)])


def test_held_out_rows_lie_between_the_six():
    held_out, y = handmade.six_rows(np.random.default_rng(0), claims.HELD_OUT_START)
    X, _ = handmade.six_rows(np.random.default_rng(0))
    assert (held_out[:-1, 0] < X[1:, 0]).all()
    assert (held_out[:, 0] > X[:, 0]).all()
    assert y.ravel().tolist() == [0.0, 0.0, 1.0, 1.0, 1.0, 1.0]


# The functions of section 0.2.


def test_sigmoid_is_clipped_at_500():
    found = handmade.sigmoid(np.array([-1e300, -501.0, -500.0, np.log(1 / 3), 0.0, 501.0]))
    lowest = 1 / (1 + np.exp(500.0))
    assert found.tolist() == pytest.approx(
        [lowest, lowest, lowest, 0.25, 0.5, 1.0], rel=1e-12, abs=0
    )


def test_parameters_start_small_positive_and_repeatable():
    first, second = (
        handmade.init_parameters(3, 400, rng=np.random.default_rng(1)) for _ in range(2)
    )
    assert first.shape == (3, 400)
    assert first.tobytes() == second.tobytes()
    assert 0 <= first.min() < 0.001
    assert 0.099 < first.max() < 0.1


def test_parameters_that_are_not_random_are_zero_and_draw_nothing():
    rng = np.random.default_rng(1)
    assert handmade.init_parameters(2, random=False, rng=rng).tolist() == [[0.0], [0.0]]
    assert rng.random() == np.random.default_rng(1).random()


def test_a_pass_forward_and_backward_worked_by_hand():
    X = np.array([[1.0, 0.0], [0.0, 2.0]])
    Y = np.array([[1.0], [0.0]])
    W1, bias = np.array([[np.log(2.0)], [0.0]]), np.array([[np.log(0.5)]])
    A1 = handmade.forward(W1, bias, X)  # z = 0, -log 2
    assert A1.ravel() == pytest.approx([1 / 2, 1 / 3])
    grads, cost = handmade.backward(A1, W1, bias, X, Y)
    assert cost == pytest.approx((np.log(2) + np.log(3 / 2)) / 2)  # positive: the minus sign
    assert grads["dW1"].ravel() == pytest.approx([-1 / 4, 1 / 3])  # (a - y) x, halved
    assert grads["dB1"].tolist() == [[pytest.approx((-1 / 2 + 1 / 3) / 2)]]


@pytest.mark.parametrize("output_cols", [1, 2])
def test_the_gradient_is_the_slope_of_the_loss(six, output_cols: int):
    X, y = six
    Y = y if output_cols == 1 else claims.two_columns(y)
    W1, B1 = start(output_cols)

    def cost(W1, B1):
        return handmade.backward(handmade.forward(W1, B1, X), W1, B1, X, Y)[1]

    def slope(of: Callable[[handmade.Array], float], point: handmade.Array) -> handmade.Array:
        found = np.empty_like(point)
        for index in np.ndindex(*point.shape):
            step = np.zeros_like(point)
            step[index] = 1e-6
            found[index] = (of(point + step) - of(point - step)) / 2e-6
        return found

    grads, _ = handmade.backward(handmade.forward(W1, B1, X), W1, B1, X, Y)
    assert grads["dW1"] == pytest.approx(slope(lambda W: cost(W, B1), W1), abs=1e-9)
    assert grads["dB1"] == pytest.approx(slope(lambda B: cost(W1, B), B1), abs=1e-9)


def test_a_certain_and_wrong_prediction_has_a_finite_loss():
    X, Y, W1, bias = np.array([[1.0]]), np.array([[0.0]]), np.array([[100.0]]), np.zeros((1, 1))
    A1 = handmade.forward(W1, bias, X)
    assert A1.item() == 1.0
    grads, cost = handmade.backward(A1, W1, bias, X, Y)
    assert cost == pytest.approx(36.04, abs=0.01)
    assert grads["dW1"].item() == 1.0
    _, right = handmade.backward(A1, W1, bias, X, 1 - Y)
    assert right == pytest.approx(0, abs=1e-15)


def test_the_run_is_the_notebook_s_to_the_last_bit(six):
    X, y = six
    found, loss = handmade.run_grad_desc(500, 0.01, X, y, rng=np.random.default_rng(5))
    W1, B1, loss_as_printed = run_as_printed(500, 0.01, X, y, 1, np.random.default_rng(5))
    assert found["W1"][-1].tobytes() == W1.tobytes()
    assert found["B1"][-1].tobytes() == B1.tobytes()
    assert loss.tobytes() == loss_as_printed.tobytes()


def test_a_run_read_at_500_is_a_run_of_500(six):
    X, y = six
    long, long_loss = handmade.run_grad_desc(800, 0.01, X, y, rng=np.random.default_rng(5))
    short, short_loss = handmade.run_grad_desc(500, 0.01, X, y, rng=np.random.default_rng(5))
    assert {name: values.shape for name, values in short.items()} == {
        "W1": (501, 3, 1),
        "B1": (501, 1, 1),
    }
    assert long["W1"][:501].tobytes() == short["W1"].tobytes()
    assert long["B1"][:501].tobytes() == short["B1"].tobytes()
    assert long_loss[:500].tobytes() == short_loss.tobytes()


def test_each_loss_belongs_to_the_parameters_of_its_epoch_and_falls(six):
    X, y = six
    parameters, loss = handmade.run_grad_desc(50, 0.01, X, y, rng=np.random.default_rng(5))
    for epoch in (0, 1, 49):
        W1, B1 = claims.params_at(parameters, epoch)
        A1 = handmade.forward(W1, B1, X)
        assert handmade.backward(A1, W1, B1, X, y)[1] == loss[epoch]
    assert (np.diff(loss) < 0).all()


def test_a_run_that_is_not_random_starts_at_zero(six):
    X, y = six
    rng = np.random.default_rng(5)
    parameters, loss = handmade.run_grad_desc(1, 0.01, X, y, rng=rng, random=False)
    assert not parameters["W1"][0].any()
    assert not parameters["B1"][0].any()
    assert loss[0] == pytest.approx(np.log(2))


# The exercise with two output columns.


def test_as_printed_two_columns_work_by_an_accident_of_broadcasting(six):
    X, y = six
    Y = claims.two_columns(y)
    W1, B1, loss = run_as_printed(500, 0.01, X, Y, 1, np.random.default_rng(5))
    # One column of weights was drawn; the first step stretched it over both columns of Y.
    assert W1.shape == (3, 2)
    assert B1.shape == (1, 2)
    rng = np.random.default_rng(5)
    one_W1, one_B1 = (handmade.init_parameters(rows, 1, rng=rng) for rows in (3, 1))
    twice, loss_twice = handmade.grad_desc(
        np.hstack([one_W1, one_W1]), np.hstack([one_B1, one_B1]), 500, 0.01, X, Y
    )
    assert twice["W1"][-1] == pytest.approx(W1, abs=1e-12)
    assert twice["B1"][-1] == pytest.approx(B1, abs=1e-12)
    assert loss_twice == pytest.approx(loss, abs=1e-12)


def test_as_printed_two_columns_fail_once_output_cols_is_two(six):
    X, y = six
    with pytest.raises(
        ValueError, match=r"could not be broadcast together with shapes \(6,2\) \(2"
    ):
        run_as_printed(1, 0.01, X, claims.two_columns(y), 2, np.random.default_rng(5))


def test_here_the_accident_is_an_error(six):
    X, y = six
    W1, B1 = start(1)
    A1 = handmade.forward(W1, B1, X)
    message = (
        "A1 has shape (6, 1) and Y (6, 2), so numpy would stretch one over the other and train "
        "a different network; both must be (rows, output_cols). Give W1, now (3, 1), "
        "and bias, now (1, 1), one column for each column of Y."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        handmade.backward(A1, W1, B1, X, claims.two_columns(y))
    message = (
        "bias has shape (2, 1) and W1 (3, 2), so numpy would fail or add the wrong numbers; bias "
        "is (1, output_cols), here (1, 2). Make it with init_parameters(1, output_cols)."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        handmade.forward(start(2)[0], np.zeros((2, 1)), X)


def test_each_of_two_columns_trains_as_if_it_were_alone(six):
    X, y = six
    Y = claims.two_columns(y)
    W1, B1 = start(2)
    both, loss = handmade.grad_desc(W1, B1, 500, 0.01, X, Y)
    losses = np.zeros(500)
    for column in ([0], [1]):
        alone, part = handmade.grad_desc(W1[:, column], B1[:, column], 500, 0.01, X, Y[:, column])
        assert both["W1"][:, :, column] == pytest.approx(alone["W1"], abs=1e-12)
        assert both["B1"][:, :, column] == pytest.approx(alone["B1"], abs=1e-12)
        losses += part
    assert loss == pytest.approx(losses, abs=1e-12)


def test_two_probabilities_add_up_to_one_from_a_mirrored_start_only(six):
    X, y = six
    W1, B1 = start(1)
    mirrored, _ = handmade.grad_desc(
        np.hstack([W1, -W1]), np.hstack([B1, -B1]), 500, 0.01, X, claims.two_columns(y)
    )
    drawn, _ = handmade.grad_desc(*start(2), 500, 0.01, X, claims.two_columns(y))
    curves = [claims.two_outputs(run, X, y, [500]).curve for run in (mirrored, drawn)]
    assert curves[0]["max_deviation"].max() < 1e-12
    assert curves[1]["max_deviation"].min() > 5e-4


def test_what_two_outputs_give_after_two_epochs(six):
    X, y = six
    parameters, _ = handmade.grad_desc(*start(2), 2, 0.01, X, claims.two_columns(y))
    found = claims.two_outputs(parameters, X, y, [2])
    A1 = handmade.forward(*claims.params_at(parameters, 2), X)
    sums = A1[:, 0] + A1[:, 1]
    assert (
        found.numbers
        == {
            "epochs_2": {
                "max_deviation_of_sum_from_1": max(abs(sums - 1)),
                "accuracy_first": 0.5,  # all of both columns are still ones
                "accuracy_second": 0.5,
                "rows_with_both_or_neither": 6,
                "loss": pytest.approx(
                    -(np.log(A1[3:, 0]).sum() + np.log(1 - A1[:3, 0]).sum()) / 6
                    - (np.log(A1[:3, 1]).sum() + np.log(1 - A1[3:, 1]).sum()) / 6
                ),
            }
        }
    )
    assert found.predictions.to_dict("list") == {
        "row": [0, 1, 2, 3, 4, 5],
        "y": [0, 0, 0, 1, 1, 1],
        "epochs": [2] * 6,
        "probability_first": A1[:, 0].tolist(),
        "probability_second": A1[:, 1].tolist(),
        "sum": pytest.approx(sums.tolist()),
    }


# Section 0.1 and the claim that a logistic regression is a network without hidden layer.


def test_the_sigmoid_of_the_raw_predictions_is_predict_proba(six):
    X, y = six
    model = LogisticRegression().fit(X, y.ravel())
    W1, B1 = claims.to_network_params(model)
    expected = model.predict_proba(X)[:, 1:]
    assert handmade.sigmoid(model.intercept_ + np.dot(X, model.coef_.T)) == pytest.approx(
        expected, abs=1e-14
    )
    assert handmade.forward(W1, B1, X) == pytest.approx(expected, abs=1e-14)


def test_the_network_s_gradient_vanishes_at_scikit_learn_s_solution(six):
    X, y = six
    # Newton's method goes on to the last bit; the default solver stops some 1e-5 before.
    model = LogisticRegression(solver="newton-cholesky", tol=1e-12).fit(X, y.ravel())
    found = claims.logistic_regression(model, X, y)
    assert found["as_network"] == {
        "max_difference_forward_predict_proba": pytest.approx(0, abs=1e-14),
        "max_gradient_of_loss": pytest.approx(0.166598, abs=HALF_A_DIGIT),
        "max_gradient_of_loss_and_penalty": pytest.approx(0, abs=1e-14),
        "tol": 1e-12,
    }


def test_the_logistic_regression_of_the_committed_rows(six):
    X, y = six
    found = claims.logistic_regression(claims.fit_logistic(X, y), X, y)
    del found["as_network"]
    assert found == {
        "accuracy": 1.0,
        "confusion_matrix": {"tn": 3, "fp": 0, "fn": 0, "tp": 3},
        "intercept": pytest.approx(-3.851716, abs=HALF_A_DIGIT),
        "coef": pytest.approx({"X1": 0.999881, "X2": 0.345756, "X3": -0.124133}, abs=HALF_A_DIGIT),
        "log_loss": pytest.approx(0.453882, abs=HALF_A_DIGIT),
        "max_difference_sigmoid_predict_proba": pytest.approx(0, abs=1e-14),
    }


def test_without_the_penalty_the_parameters_tell_only_when_the_solver_stopped(six):
    fits = claims.without_penalty(*six)
    coarse, fine = fits["tol_1e-4"], fits["tol_1e-8"]
    assert coarse["coef"]["X1"] == pytest.approx(37.2, abs=0.1)
    assert fine["coef"]["X1"] > 2 * coarse["coef"]["X1"]
    assert fine["log_loss"] < coarse["log_loss"] / 1000


# What is measured of the committed run and of many seeds.


def committed(num_epochs: int) -> tuple[seed_study.RandomDraws, dict[str, handmade.Array]]:
    """Return the run that the stage shows, with all that was drawn around it."""
    rng = np.random.default_rng(42)
    X, y = handmade.six_rows(rng)
    handmade.init_parameters(3, 1, rng=rng)
    handmade.init_parameters(1, 1, rng=rng)
    parameters, _ = handmade.run_grad_desc(num_epochs, 0.01, X, y, rng=rng)
    return seed_study.draw_starts(np.random.default_rng(42)), parameters


def test_the_committed_run_at_500_and_1000():
    drawn, parameters = committed(1000)
    logistic = claims.fit_logistic(drawn.X, drawn.y).predict_proba(drawn.X)[:, 1:]
    found = claims.snapshots(parameters, drawn.X, drawn.y, [500, 1000], logistic)
    assert files_would_hold(found) == {
        "epochs_500": {
            "bias": -0.106475,
            "weights": {"X1": 0.605985, "X2": -0.067626, "X3": -0.538088},
            "loss": 0.549893,
            "accuracy": 1.0,
            "max_difference_from_logistic": 0.122413,
        },
        "epochs_1000": {
            "bias": -0.248647,
            "weights": {"X1": 1.109137, "X2": -0.162831, "X3": -0.964894},
            "loss": 0.45662,
            "accuracy": 1.0,
            "max_difference_from_logistic": 0.11208,
        },
    }


def files_would_hold(numbers):
    """Round as the writer does."""
    if isinstance(numbers, dict):
        return {name: files_would_hold(inner) for name, inner in numbers.items()}
    return files.rounded("", numbers)


def test_both_models_side_by_side():
    drawn, parameters = committed(500)
    model = claims.fit_logistic(drawn.X, drawn.y)
    found = claims.side_by_side(model, parameters, drawn.X, drawn.y, [500])
    assert found["model"].tolist() == ["logistic"] * 6 + ["network"] * 6
    assert found["epochs"].tolist() == [0] * 6 + [500] * 6
    assert found["row"].tolist() == [0, 1, 2, 3, 4, 5] * 2
    assert found["y"].tolist() == [0, 0, 0, 1, 1, 1] * 2
    assert found["predicted"].tolist() == found["y"].tolist()
    logistic = found[found["model"] == "logistic"]
    assert logistic["raw"].to_numpy() == pytest.approx(model.decision_function(drawn.X))
    assert logistic["probability"].to_numpy() == pytest.approx(model.predict_proba(drawn.X)[:, 1])
    raw = found["raw"].to_numpy()
    assert found["probability"].to_numpy() == pytest.approx(1 / (1 + np.exp(-raw)))


def test_the_first_predictions_are_ones_throughout():
    drawn, _ = committed(1)
    found = claims.first_pass(drawn.W1_first, drawn.B1_first, drawn.X, drawn.y)
    assert found["shape"] == {
        "X": (6, 3),
        "weights": (3, 1),
        "bias": (1, 1),
        "predictions": (6, 1),
    }
    assert (found["predicted_ones"], found["accuracy"]) == (6, 0.5)
    assert found["probability_min"] > 0.5


def test_many_networks_trained_together_are_each_trained_alone():
    draws = [seed_study.draw_starts(np.random.default_rng(seed)) for seed in range(5)]
    stacked = seed_study.grad_desc_stacked(
        np.stack([d.W1 for d in draws]),
        np.stack([d.B1 for d in draws]),
        [0, 1, 400, 1000],
        0.01,
        np.stack([d.X for d in draws]),
        np.stack([d.y for d in draws]),
    )
    assert {name: values.shape for name, values in stacked.items()} == {
        "W1": (4, 5, 3, 1),
        "B1": (4, 5, 1, 1),
    }
    for network, d in enumerate(draws):
        alone, loss = handmade.grad_desc(d.W1, d.B1, 1000, 0.01, d.X, d.y)
        for name, values in alone.items():
            assert stacked[name][:, network] == pytest.approx(values[[0, 1, 400, 1000]], abs=1e-12)
        A = claims.forward_stacked(stacked["W1"], stacked["B1"], np.stack([d.X for d in draws]))
        losses = claims.cross_entropy(A, d.y)
        assert losses[:3, network] == pytest.approx(loss[[0, 1, 400]], abs=1e-12)


def test_a_seed_is_the_same_among_few_and_among_many():
    few = seed_study.over_seeds(42, 3, 0.01, [20, 60])
    many = seed_study.over_seeds(42, 5, 0.01, [20, 60])
    for name in ("by_epoch", "by_seed"):
        table, wider = getattr(few, name), getattr(many, name)
        kept = wider[wider["seed"] < 45].reset_index(drop=True)
        pd.testing.assert_frame_equal(table, kept, rtol=0, atol=1e-12)


def test_the_first_of_the_seeds_is_the_committed_run():
    drawn, parameters = committed(500)
    early = claims.early_stopping(
        parameters, drawn.X, drawn.y, drawn.X_held_out, drawn.y_held_out
    ).numbers["last"]
    row = seed_study.over_seeds(42, 2, 0.01, [500]).by_epoch.query("seed == 42 and epochs == 500")
    assert row.to_dict("records") == [
        {
            "seed": 42,
            "epochs": 500,
            "logistic_correct": 6,
            "network_correct": 6,
            "network_ones": 3,
            "training_loss": pytest.approx(early["training_loss"], abs=1e-12),
            "held_out_loss": pytest.approx(early["held_out_loss"], abs=1e-12),
        }
    ]


def test_a_seed_stops_early_where_its_run_alone_does():
    # So large a learning rate that some of the runs pass their best epoch within 1,000.
    found = seed_study.over_seeds(42, 6, 1.0, [1000])
    alone = []
    for seed in range(42, 48):
        d = seed_study.draw_starts(np.random.default_rng(seed))
        run, _ = handmade.grad_desc(d.W1, d.B1, 1000, 1.0, d.X, d.y)
        alone.append(claims.early_stopping(run, d.X, d.y, d.X_held_out, d.y_held_out).numbers)
    columns = found.by_seed.to_dict("list")
    assert columns == {
        "seed": [42, 43, 44, 45, 46, 47],
        "logistic_correct": [6] * 6,
        "first_pass_correct": [3] * 6,
        "first_pass_ones": [6] * 6,
        "best_epochs": [numbers["best"]["epochs"] for numbers in alone],
        "best_held_out_loss": pytest.approx([n["best"]["held_out_loss"] for n in alone]),
        "last_held_out_loss": pytest.approx([n["last"]["held_out_loss"] for n in alone]),
    }
    sets_in = sum(numbers["sets_in"] for numbers in alone)
    assert 0 < sets_in < 6
    assert found.numbers["early_stopping"]["sets_in"] == sets_in


def test_both_models_predict_correctly_is_true_of_the_logistic_regression_only():
    found = seed_study.over_seeds(42, 10, 0.01, [500, 1000])
    at_500 = found.by_epoch.query("epochs == 500")
    assert at_500["network_correct"].tolist() == [6, 4, 4, 6, 4, 5, 5, 5, 5, 5]
    assert at_500["logistic_correct"].tolist() == [6] * 10
    assert files_would_hold(found.numbers) == {
        "seeds": 10,
        "logistic_all_correct": 1.0,
        "first_pass": {
            "share_of_ones": 1.0,
            "accuracy": 0.5,
            "probability_min": 0.576445,
            "probability_max": 0.682409,
        },
        "epochs_500": {
            "network_all_correct": 0.2,
            "network_accuracy": 0.816667,
            "training_loss_mean": 0.575727,
            "held_out_loss_mean": 0.545921,
        },
        "epochs_1000": {
            "network_all_correct": 0.4,
            "network_accuracy": 0.883333,
            "training_loss_mean": 0.50269,
            "held_out_loss_mean": 0.473521,
        },
        "early_stopping": {"sets_in": 0, "sets_in_share": 0.0, "epochs_between_looks": 1},
    }


def test_early_stopping_sets_in_on_the_held_out_rows():
    drawn, parameters = committed(60_000)
    found = claims.early_stopping(parameters, drawn.X, drawn.y, drawn.X_held_out, drawn.y_held_out)
    best, last = found.numbers["best"], found.numbers["last"]
    assert found.numbers["sets_in"] is True
    assert (best["epochs"], last["epochs"]) == (43173, 60_000)
    assert best["held_out_loss"] == pytest.approx(0.229653, abs=HALF_A_DIGIT)
    assert best["held_out_loss"] < last["held_out_loss"]
    assert best["training_loss"] > last["training_loss"]
    assert found.curve["epoch"].is_monotonic_increasing
    assert {0, 43173, 60_000} <= set(found.curve["epoch"])
    assert found.curve["held_out_loss"].min() == best["held_out_loss"]


def test_early_stopping_finds_a_minimum_that_was_put_there(six):
    X, y = six
    # From good parameters to wrong ones, by way of the best.
    W1 = np.array([[4.0], [0.0], [0.0]]) * np.array([0.5, 1.0, 0.2, -1.0]).reshape(4, 1, 1)
    B1 = np.array([[-12.0]]) * np.array([0.5, 1.0, 0.2, -1.0]).reshape(4, 1, 1)
    found = claims.early_stopping({"W1": W1, "B1": B1}, X, y, X, y)
    assert found.numbers["best"]["epochs"] == 1
    assert found.curve["epoch"].tolist() == [0, 1, 2, 3]
    assert found.curve["training_loss"].tolist() == found.curve["held_out_loss"].tolist()


def test_along_one_weight_accuracy_jumps_and_loss_does_not(six):
    X, y = six
    W1, B1 = np.array([[8.0], [0.0], [0.0]]), np.array([[-24.8]])
    found = claims.sweep_one_weight(W1, B1, X, y)
    accuracy, loss = found.numbers["accuracy"], found.numbers["loss"]
    assert accuracy["max_step"] == accuracy["max_step_on_a_grid_ten_times_as_fine"]
    assert accuracy["max_step"] == pytest.approx(1 / 6)
    assert loss["max_step_on_a_grid_ten_times_as_fine"] == pytest.approx(
        loss["max_step"] / 10, rel=0.05
    )
    curve = found.curve
    assert curve["weight"].iloc[[0, 100, 200]].tolist() == pytest.approx([4.0, 8.0, 12.0])
    assert curve["accuracy"].iloc[100] == 1.0
    at_weight = handmade.forward(np.array([[4.0], [0.0], [0.0]]), B1, X)
    assert curve["loss"].iloc[0] == pytest.approx(
        handmade.backward(at_weight, W1, B1, X, y)[1], abs=1e-12
    )


@pytest.mark.parametrize(
    ("last", "shown"),
    [(1, [0, 1]), (3, [0, 1, 2, 3]), (2001, [*range(0, 2001, 2), 2001])],
)
def test_a_curve_keeps_its_ends_when_it_is_thinned(last: int, shown: list[int]):
    assert claims.subsample_epochs(last) == shown


def test_a_rounded_path_has_an_exact_start_and_no_last_bits():
    drawn, parameters = committed(1000)
    found = claims.trajectory(
        parameters, (drawn.X, drawn.y), (drawn.X_held_out, drawn.y_held_out), []
    )
    rounded = claims.rounded(found)
    start = ["bias", "weight_X1", "weight_X2", "weight_X3"]
    assert rounded.loc[0, start].tolist() == found.loc[0, start].tolist()
    assert rounded.loc[0, start].tolist() == [drawn.B1.item(), *drawn.W1.ravel()]
    rest = rounded.drop(columns=start).to_numpy()
    assert (rest == rest.round(10)).all()
    assert (rounded[start].to_numpy()[1:] == rounded[start].to_numpy()[1:].round(10)).all()
    assert rounded.to_numpy() == pytest.approx(found.to_numpy(), abs=0.5e-10, rel=1e-15)
    # As another BLAS kernel leaves it: everything but what was drawn moves in its last bits.
    other = found * (1 + 2e-16)
    other.loc[0, start] = found.loc[0, start]
    assert (other != found).to_numpy().any()
    assert (claims.rounded(other) == rounded).to_numpy().all()


def test_the_path_holds_the_run_at_its_epochs():
    drawn, parameters = committed(1000)
    held_out = drawn.X_held_out, drawn.y_held_out
    found = claims.trajectory(parameters, (drawn.X, drawn.y), held_out, [777]).set_index("epoch")
    for epoch in (0, 1, 777, 1000):
        W1, B1 = claims.params_at(parameters, epoch)
        A1 = handmade.forward(W1, B1, drawn.X)
        A_held_out = handmade.forward(W1, B1, drawn.X_held_out)
        assert found.loc[epoch].tolist() == pytest.approx(
            [
                handmade.backward(A1, W1, B1, drawn.X, drawn.y)[1],
                handmade.backward(A_held_out, W1, B1, *held_out)[1],
                B1.item(),
                *W1.ravel(),
                *(np.dot(drawn.X, W1) + B1).ravel(),
                *A1.ravel(),
            ],
            abs=1e-14,
        )


def test_the_path_s_epochs_are_dense_at_first_and_hold_what_they_must():
    drawn, _ = committed(1)
    still = {
        "W1": np.broadcast_to(drawn.W1, (100_001, 3, 1)),
        "B1": np.broadcast_to(drawn.B1, (100_001, 1, 1)),
    }
    rows = drawn.X, drawn.y
    found = claims.trajectory(still, rows, rows, [500, 1000, 10_000, 43_173])["epoch"].tolist()
    assert found[:12] == list(range(12))
    assert found[-1] == 100_000
    assert {500, 1000, 10_000, 43_173} <= set(found)
    assert 190 <= len(found) <= 300
    later = [epoch for epoch in found if epoch > 100]
    assert max(after / before for before, after in itertools.pairwise(later)) < 1.06  # no jump


# The stage.


def test_the_stage_writes_the_same_files_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["handmade"] |= {"epochs": [20, 50], "n_seeds": 2, "plot_every": 25}
    written = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        monkeypatch.chdir(folder)
        Path("params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
        stage.main()
        found = sorted(path for path in Path().rglob("*") if path.suffix in (".csv", ".json"))
        written.append({path.as_posix(): path.read_bytes() for path in found})
    assert written[0] == written[1]
    heads = {
        path: content.decode().partition("\n")[0]
        for path, content in written[0].items()
        if path.endswith(".csv")
    }
    assert heads == {
        "data/handmade.csv": "X1,X2,X3,y",
        "data/handmade_held_out.csv": "X1,X2,X3,y",
        "data/handmade_loss.csv": "epoch,loss",
        "data/handmade_path.csv": (
            "epoch,loss,held_out_loss,bias,weight_X1,weight_X2,weight_X3,"
            "raw_0,raw_1,raw_2,raw_3,raw_4,raw_5,"
            "probability_0,probability_1,probability_2,probability_3,probability_4,probability_5"
        ),
        "data/handmade_predictions.csv": "row,y,model,epochs,raw,probability,predicted",
        "data/handmade_seeds.csv": (
            "seed,epochs,logistic_correct,network_correct,network_ones,training_loss,held_out_loss"
        ),
        "data/handmade_seeds_summary.csv": (
            "seed,logistic_correct,first_pass_correct,first_pass_ones,"
            "best_epochs,best_held_out_loss,last_held_out_loss"
        ),
        "data/handmade_two_outputs.csv": ("row,y,epochs,probability_first,probability_second,sum"),
        "plots/handmade_early_stopping.csv": "epoch,training_loss,held_out_loss",
        "plots/handmade_loss.csv": "epoch,loss",
        "plots/handmade_one_weight.csv": "weight,accuracy,loss",
        "plots/handmade_two_outputs.csv": "epoch,max_deviation",
    }
    assert set(written[0]) - set(heads) == {
        "data/handmade_measured.json",
        "metrics/handmade.json",
    }
    assert files.read_table("plots/handmade_loss.csv")["epoch"].tolist() == [0, 25]
    metrics = files.read_metrics("data/handmade_measured.json")
    assert files.read_metrics("metrics/handmade.json") == {
        "early_stopping_epoch": metrics["early_stopping"]["best"]["epochs"],
        "logistic": {
            "accuracy": metrics["logistic"]["accuracy"],
            "log_loss": metrics["logistic"]["log_loss"],
        },
        "network": {
            "accuracy": metrics["network"]["epochs_50"]["accuracy"],
            "loss": metrics["network"]["epochs_50"]["loss"],
        },
    }
    path = files.read_table("data/handmade_path.csv")
    assert path["epoch"].tolist() == list(range(51))
    assert set(path["epoch"]) >= {20, 50, metrics["early_stopping"]["best"]["epochs"]}
    assert list(metrics) == [
        "early_stopping",
        "first_pass",
        "learning_rate",
        "logistic",
        "logistic_without_penalty",
        "network",
        "one_weight",
        "positive_rows",
        "rows",
        "seeds",
        "two_outputs",
    ]
    assert metrics["network"]["epochs_in_which_loss_rose"] == 0
    # The run that is shown in full is the first of the seeds.
    drawn = seed_study.draw_starts(np.random.default_rng(params["handmade"]["random_state"]))
    first = files.read_table("data/handmade_seeds.csv").query("epochs == 50").iloc[0]
    assert metrics["first_pass"]["weights"] == files_would_hold(claims.by_feature(drawn.W1_first))
    assert metrics["network"]["epochs_50"]["loss"] == first["training_loss"]
    assert metrics["early_stopping"]["last"] == {
        "epochs": 50,
        "training_loss": first["training_loss"],
        "held_out_loss": first["held_out_loss"],
    }
