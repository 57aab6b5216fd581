"""The neuron's section hands the run to the page's script, exactly, and its presets do as named."""

import json

import numpy as np
import pandas as pd
import pytest

from winenet.notebook import claims, handmade, seed_study
from winenet.report import neuron_section

DRAWN = seed_study.draw_starts(np.random.default_rng(42))
PARAMETERS, _ = handmade.grad_desc(DRAWN.W1, DRAWN.B1, 1000, 0.01, DRAWN.X, DRAWN.y)
HELD_OUT = DRAWN.X_held_out, DRAWN.y_held_out
TABLES = {
    neuron_section.ROWS: claims.table(DRAWN.X, DRAWN.y),
    neuron_section.HELD_OUT: claims.table(*HELD_OUT),
    neuron_section.PATH: claims.trajectory(PARAMETERS, (DRAWN.X, DRAWN.y), HELD_OUT, [500, 777]),
    neuron_section.PREDICTIONS: claims.side_by_side(
        claims.fit_logistic(DRAWN.X, DRAWN.y), PARAMETERS, DRAWN.X, DRAWN.y, [500, 1000]
    ),
}
MEASURED = {
    "learning_rate": 0.01,
    "network": {"epochs_500": {}, "epochs_1000": {}, "epochs_in_which_loss_rose": 0},
    "early_stopping": {"best": {"epochs": 777}},
}


@pytest.fixture(scope="module")
def section():
    return neuron_section.section(TABLES, MEASURED)


def test_the_script_gets_every_digit(section):
    handed = json.loads(json.dumps(section.data))
    assert handed["training"] == {"rows": DRAWN.X.tolist(), "labels": [0, 0, 0, 1, 1, 1]}
    assert handed["held_out"] == {"rows": HELD_OUT[0].tolist(), "labels": [0, 0, 1, 1, 1, 1]}
    path, table = handed["path"], TABLES[neuron_section.PATH]
    for name in ("epoch", "loss", "held_out_loss", "bias"):
        assert path[name] == table[name].tolist()
    for place, epoch in enumerate(path["epoch"]):
        assert path["weights"][place] == PARAMETERS["W1"][epoch].ravel().tolist()
    for row in range(6):
        assert [one[row] for one in path["raw"]] == table[f"raw_{row}"].tolist()
        assert [one[row] for one in path["probabilities"]] == table[f"probability_{row}"].tolist()


def test_from_what_the_script_gets_the_run_comes_out_again(section):
    handed = section.data
    path = handed["path"]
    again, losses = handmade.grad_desc(
        np.array(path["weights"][0]).reshape(3, 1),
        np.array([[path["bias"][0]]]),
        1000,
        handed["learning_rate"],
        np.array(handed["training"]["rows"]),
        np.array(handed["training"]["labels"], dtype=float).reshape(6, 1),
    )
    assert path["epoch"][0] == 0
    assert again["W1"][-1].ravel() == pytest.approx(path["weights"][-1], abs=1e-13)
    assert again["B1"][-1].item() == pytest.approx(path["bias"][-1], abs=1e-13)
    assert losses[500] == pytest.approx(path["loss"][path["epoch"].index(500)], abs=1e-15)


def test_the_places_are_those_of_the_tables(section):
    assert section.epochs == [500, 1000]
    assert section.stops == [500, 777, 1000]
    path, predictions = TABLES[neuron_section.PATH], TABLES[neuron_section.PREDICTIONS]
    for epoch in (0, *section.stops):
        assert path["epoch"][section.at[epoch]] == epoch
    for model, epochs in (("logistic", 0), ("network", 500)):
        lines = predictions.iloc[section.predictions[model]]
        assert lines["row"].tolist() == [0, 1, 2, 3, 4, 5]
        assert set(lines["model"]) == {model}
        assert set(lines["epochs"]) == {epochs}


def test_a_best_epoch_at_the_start_is_no_stop():
    measured = MEASURED | {"early_stopping": {"best": {"epochs": 0}}}
    assert neuron_section.section(TABLES, measured).stops == [500, 1000]


# The presets.


def followed(preset):
    """Return losses and the last gradient of a preset's run, as the page's script makes it."""
    y = DRAWN.y.copy()
    y[preset.get("flipped_rows", [])] = 1 - y[preset.get("flipped_rows", [])]
    epochs = preset.get("epochs", 500)
    run, losses = handmade.grad_desc(
        DRAWN.W1, DRAWN.B1, epochs + 1, preset["learning_rate"], DRAWN.X, y
    )
    W1, B1 = claims.params_at(run, epochs)
    grads, _ = handmade.backward(handmade.forward(W1, B1, DRAWN.X), W1, B1, DRAWN.X, y)
    return losses, max(np.abs(grads["dW1"]).max(), np.abs(grads["dB1"]).max())


def test_each_preset_does_what_its_button_says(section):
    presets = section.presets
    losses, _ = followed(presets.short)
    assert (np.diff(losses) < 0).all()
    assert losses[-1] > 0.95 * losses[len(losses) // 2]  # it crawls
    for preset in (presets.long, presets.mixed_long):
        losses, _ = followed(preset)
        assert losses[len(losses) // 2 :].mean() > 1.5 * losses[0]  # it diverges
    losses, steepest = followed(presets.mixed)
    assert steepest < 1e-3  # it has arrived
    assert losses[-1] > 0.3  # where rows that no plane separates leave it


def test_long_steps_arrive_where_a_plane_separates_and_nowhere_else(section):
    """The page says so below its rule."""
    for rate in (1, 2, 10):
        losses, _ = followed({"learning_rate": rate, "epochs": 10_000})
        assert losses[:50].max() > losses[0]
        assert losses[-1] < 0.01
        flipped_rows = section.presets.mixed["flipped_rows"]
        preset = {"learning_rate": rate, "epochs": 10_000, "flipped_rows": flipped_rows}
        losses, _ = followed(preset)
        assert (np.diff(losses[5000:]) > 0).sum() > 500


@pytest.mark.parametrize(
    ("labels", "expected"),
    [([0, 0, 1, 1], True), ([0, 1, 1, 1], True), ([0, 1, 0, 1], False), ([1, 1, 1, 1], True)],
)
def test_a_plane_separates_labels_or_it_does_not(labels, expected):
    X = np.array([[1.0], [2.0], [3.0], [4.0]])
    assert neuron_section.separable(X, np.array(labels)) is expected


def test_without_labels_that_no_plane_separates_there_is_no_such_preset():
    corners = pd.DataFrame({"X1": [0, 1, 0, 0], "X2": [0, 0, 1, 0], "X3": [0, 0, 0, 1]})
    found = neuron_section.presets(corners.assign(y=[0, 0, 1, 1]))
    assert found.mixed is None
    assert found.mixed_long is None
