"""The curves are those of the training that they tell of, and the test rows choose nothing."""

import json
import re
from functools import cache

import numpy as np
import pandas as pd
import pytest
from sklearn.neural_network import MLPClassifier

from winenet.data.split_data import EvaluationSet
from winenet.evaluation import paired_tests, training_curves
from winenet.network.classifier import DenseClassifier
from winenet.params import Curves

EPOCHS, SIZES = 120, [50]
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def some_rows(seed: int, rows: int = 60) -> EvaluationSet:
    """Rows of three features in [0, 1]; the first tells something about the class."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.random((rows, 3)), columns=["a", "b", "c"])
    y = (X["a"] + 3 * rng.random(rows) > 2).astype(int).rename("Class")
    return EvaluationSet(X, y, pd.Series([False] * rows))


# With these the held-out loss rises again, and the rule stops the training, both in time.
TRAINING, HELD_OUT, TEST = some_rows(1, 120), some_rows(22), some_rows(5)


def settings(epochs: int = EPOCHS) -> Curves:
    return Curves(validation_size=0.2, random_state=42, epochs=epochs)


def dense(epochs: int, **changes: object) -> DenseClassifier:
    return DenseClassifier(tuple(SIZES), max_iter=epochs, random_state=42, **changes)


@cache
def trained_for(epochs: int) -> DenseClassifier:
    """Return the network as it is after so many epochs, whatever the notebook's rule says."""
    return dense(epochs, n_iter_no_change=np.inf).fit(*TRAINING[:2])


def trace_training(network: DenseClassifier, *given: object) -> training_curves.TrainingTrace:
    return training_curves.trace_all({"network": network}, *given)["network"]


def loss_and_accuracy(model: DenseClassifier, rows: EvaluationSet) -> tuple[float, float]:
    given_to_truth = model.predict_proba(rows.X)[np.arange(len(rows.y)), rows.y]
    return -np.log(given_to_truth).mean(), model.score(rows.X, rows.y)


@pytest.fixture(scope="module")
def trace() -> training_curves.TrainingTrace:
    return trace_training(DenseClassifier(SIZES), settings(), *TRAINING[:2], HELD_OUT, TEST)


def test_the_curve_has_one_row_per_epoch(trace):
    assert list(trace.curve.columns) == [
        "epoch",
        "training_loss",
        "held_out_loss",
        "training_accuracy",
        "held_out_accuracy",
    ]
    assert list(trace.curve["epoch"]) == list(range(1, EPOCHS + 1))


@pytest.mark.parametrize("epoch", [1, 37, EPOCHS])
def test_a_row_is_what_a_training_of_so_many_epochs_scores(trace, epoch):
    row, model = trace.curve.iloc[epoch - 1], trained_for(epoch)
    for name, rows in (("training", TRAINING), ("held_out", HELD_OUT)):
        loss, accuracy = loss_and_accuracy(model, rows)
        assert row[f"{name}_loss"] == pytest.approx(loss, rel=1e-12)
        assert row[f"{name}_accuracy"] == accuracy


def test_the_held_out_columns_are_the_estimator_s_own_validation_curves(trace):
    model = dense(EPOCHS, n_iter_no_change=np.inf).fit(*TRAINING[:2], validation_data=HELD_OUT[:2])
    losses, accuracies = trace.curve["held_out_loss"], trace.curve["held_out_accuracy"]
    np.testing.assert_allclose(losses, model.validation_loss_curve_, rtol=1e-12)
    assert list(accuracies) == model.validation_scores_


def test_the_best_epoch_has_the_lowest_held_out_loss(trace):
    losses = trace.curve["held_out_loss"].to_numpy()
    best = trace.metrics["best"]
    assert best["epoch"] == losses.argmin() + 1
    assert best["held_out_loss"] == losses.min()
    assert 1 < best["epoch"] < trace.metrics["notebook_stop"]["epoch"] < EPOCHS


def test_the_notebook_s_stop_is_where_its_own_class_stops(trace):
    theirs = MLPClassifier(tuple(SIZES), max_iter=EPOCHS, random_state=42).fit(*TRAINING[:2])
    ours = dense(EPOCHS).fit(*TRAINING[:2])
    assert trace.metrics["notebook_stop"]["epoch"] == theirs.n_iter_ == ours.n_iter_


def test_no_number_of_epochs_without_improvement_ends_the_training_that_is_traced():
    curve, numbers = trace_training(DenseClassifier([4]), settings(), *TRAINING[:2], HELD_OUT, TEST)
    assert numbers["notebook_stop"]["epoch"] < EPOCHS / 4
    assert numbers["last"]["epoch"] == len(curve) == EPOCHS


def test_a_rule_that_does_not_stop_the_training_is_read_at_the_last_epoch():
    numbers = trace_training(
        DenseClassifier(SIZES), settings(20), *TRAINING[:2], HELD_OUT, TEST
    ).metrics
    assert numbers["notebook_stop"] == numbers["last"]
    assert numbers["last"]["epoch"] == 20


@pytest.mark.parametrize("reading", ["best", "notebook_stop", "last"])
def test_a_reading_is_of_the_weights_at_its_epoch(trace, reading):
    read = trace.metrics[reading]
    model = trained_for(read["epoch"])
    for name, rows in (("training", TRAINING), ("held_out", HELD_OUT), ("test", TEST)):
        loss, accuracy = loss_and_accuracy(model, rows)
        assert read[f"{name}_loss"] == pytest.approx(loss, rel=1e-12)
        assert read[f"{name}_accuracy"] == accuracy
    line = trace.curve.iloc[read["epoch"] - 1].to_dict()
    assert {name: read[name] for name in line} == line


@pytest.mark.parametrize("reading", ["best", "last"])
def test_the_loss_of_the_errors_is_their_part_of_the_held_out_loss(trace, reading):
    read = trace.metrics[reading]
    given_to_truth = trained_for(read["epoch"]).predict_proba(HELD_OUT.X)[
        np.arange(len(HELD_OUT.y)), HELD_OUT.y
    ]
    losses = -np.log(given_to_truth)
    assert read["held_out_loss_of_errors"] == pytest.approx(
        losses[given_to_truth < 0.5].sum() / len(losses), rel=1e-12
    )


def test_where_nothing_is_wrong_the_errors_have_no_loss():
    X = pd.DataFrame({"a": [0.0, 1.0] * 20})
    rows = EvaluationSet(X, X["a"].astype(int), pd.Series([False] * 40))
    last = trace_training(DenseClassifier(SIZES), settings(60), *rows[:2], rows, rows).metrics[
        "last"
    ]
    assert (last["held_out_accuracy"], last["held_out_loss_of_errors"]) == (1, 0)
    assert last["held_out_loss"] > 0


def test_the_test_rows_choose_nothing(trace):
    other = trace_training(
        DenseClassifier(SIZES), settings(), *TRAINING[:2], HELD_OUT, some_rows(7)
    )
    pd.testing.assert_frame_equal(other.curve, trace.curve, check_exact=True)
    for reading in ("best", "notebook_stop", "last"):
        changed = {
            name
            for name, value in trace.metrics[reading].items()
            if value != other.metrics[reading][name]
        }
        assert changed <= {"test_loss", "test_accuracy"}
    assert other.metrics["best"]["test_loss"] != trace.metrics["best"]["test_loss"]


def test_the_p_value_is_of_best_against_the_notebook_s_stop_on_the_test_rows(trace):
    best, stop = (
        trained_for(trace.metrics[reading]["epoch"]).predict(TEST.X)
        for reading in ("best", "notebook_stop")
    )
    assert trace.metrics["p_value"] == paired_tests.mcnemar_exact(TEST.y, best, stop)["p_value"]
    assert trace.metrics["p_value"] < 1


@pytest.mark.parametrize("workers", ["1", "2"])
def test_networks_traced_at_once_are_those_traced_alone(monkeypatch, workers):
    monkeypatch.setenv("WINENET_WORKERS", workers)
    networks = {"notebook": DenseClassifier([6, 3]), "one_hidden_layer": DenseClassifier([4])}
    found = training_curves.trace_all(networks, settings(20), *TRAINING[:2], HELD_OUT, TEST)
    assert list(found) == ["notebook", "one_hidden_layer"]
    for name, network in networks.items():
        alone = trace_training(network, settings(20), *TRAINING[:2], HELD_OUT, TEST)
        assert found[name].metrics == alone.metrics
        pd.testing.assert_frame_equal(found[name].curve, alone.curve, check_exact=True)
    assert found["notebook"].metrics["hidden_layer_sizes"] == "6-3"


# The stage, run as people run it.


def test_the_stage_writes_the_same_bytes_twice_and_warns_of_nothing(split_workspace):
    for old, new in (("epochs: 500 ", "epochs: 3 "), ("[100, 50]", "[5, 3]"), ("[100]", "[4]")):
        split_workspace.edit("params.yaml", old, new)
    code, printed, errors = split_workspace.run("stages.curves")
    assert (code, errors) == (0, "")
    _, *lines = printed.splitlines()  # the first tells the numerics
    assert lines[0] == "curves: tracing notebook, one_hidden_layer for 3 epochs"
    assert re.fullmatch(
        r"curves: notebook: held-out loss lowest at epoch 3, notebook's stop at 3; "
        r"accuracy 0\.\d{4} and 0\.\d{4} on 1300 test rows",
        lines[-2],
    )
    assert "curves: journal: 0 of 8 fits reused" in lines
    first = split_workspace.files()
    numbers = json.loads(first["metrics/curves.json"])
    assert (numbers["training_rows"], numbers["held_out_rows"]) == (4157, 1040)
    assert numbers["notebook"]["hidden_layer_sizes"] == "5-3"
    curves = pd.read_csv(split_workspace.path / "plots/curves.csv")
    assert list(curves["model"].unique()) == ["notebook", "one_hidden_layer"]
    for name in ("notebook", "one_hidden_layer"):
        curve = curves[curves["model"] == name].drop(columns="model")
        assert list(curve["epoch"]) == [1, 2, 3]
        line = curve.iloc[-1].to_dict()
        assert {key: numbers[name]["last"][key] for key in line} == line
    assert split_workspace.run("stages.curves")[0] == 0
    assert split_workspace.files() == first


def test_an_added_network_is_trained_alone_to_the_bytes_of_a_run_without_the_journal(
    split_workspace,
):
    for old, new in (("epochs: 500 ", "epochs: 3 "), ("[100, 50]", "[5, 3]"), ("[100]", "[4]")):
        split_workspace.edit("params.yaml", old, new)
    assert split_workspace.run("stages.curves")[0] == 0
    split_workspace.edit(
        "params.yaml", "    # tanh:", "    added: {hidden_layer_sizes: [6], dropout: 0.2}\n    #"
    )
    code, printed, _ = split_workspace.run("stages.curves")
    assert code == 0
    assert "curves: journal: 8 of 12 fits reused\n" in printed
    with_journal = split_workspace.files()
    code, printed, _ = split_workspace.run("stages.curves", WINENET_JOURNAL="off")
    assert code == 0
    assert "curves: journal: off, all 12 fits trained\n" in printed
    assert split_workspace.files() == with_journal
    assert "added" in json.loads(with_journal["metrics/curves.json"])
