"""The report's pictures: tables come in, the text of an SVG goes out.

Each model has its colour and its name here, and keeps both in every picture.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from winenet import plotting

Tables = Mapping[str, pd.DataFrame]


def handmade_loss(losses: pd.DataFrame) -> str:
    """Draw the loss of the network by hand. losses: epoch, loss."""
    drawn, (axes,) = plotting.figure(height=3.2)
    later = losses[losses["epoch"] > 0]  # a logarithmic axis has no 0
    plotting.curve(axes, later, "epoch", "loss", "loss", plotting.ACCENT)
    axes.set_xscale("log")
    plotting.words(axes, "Loss of the network by hand", "epoch", "cross-entropy, 6 rows")
    return plotting.svg(drawn)


def handmade_early_stopping(curves: pd.DataFrame) -> str:
    """Draw both losses by epoch. curves: epoch, training_loss, held_out_loss."""
    drawn, (axes,) = plotting.figure(height=3.2)
    later = curves[curves["epoch"] > 0]
    plotting.curve(axes, later, "epoch", "training_loss", "training rows", plotting.ACCENT)
    plotting.curve(axes, later, "epoch", "held_out_loss", "held-out rows", "#D55E00")
    plotting.mark_lowest(axes, later, "epoch", "held_out_loss", "#D55E00")
    axes.set_xscale("log")
    axes.set_ylim(0)
    plotting.words(axes, "When to stop", "epoch", "cross-entropy")
    return plotting.svg(drawn)


def handmade_one_weight(curves: pd.DataFrame) -> str:
    """Draw accuracy and loss along one weight. curves: weight, accuracy, loss."""
    drawn, (left, right) = plotting.figure(height=3.2, columns=2)
    left.step(curves["weight"], curves["accuracy"], where="mid", color=plotting.ACCENT)
    plotting.words(left, "Accuracy jumps", "weight of X1", "accuracy")
    plotting.curve(right, curves, "weight", "loss", "loss", plotting.ACCENT)
    plotting.words(right, "Loss does not", "weight of X1", "cross-entropy")
    return plotting.svg(drawn)


def handmade_two_outputs(deviations: pd.DataFrame) -> str:
    """Draw how far two outputs are from summing to 1. deviations: epoch, max_deviation."""
    drawn, (axes,) = plotting.figure(height=3.2)
    later = deviations[deviations["epoch"] > 0]
    plotting.curve(axes, later, "epoch", "max_deviation", "deviation", plotting.ACCENT)
    axes.set(xscale="log", yscale="log")
    plotting.words(
        axes, "Nothing ties the two outputs together", "epoch", "largest |sum - 1| of a row"
    )
    return plotting.svg(drawn)


def network_losses(losses: Tables, names: Mapping[str, str]) -> str:
    """Draw the networks' training losses. losses: by model, epoch and loss."""
    drawn, (axes,) = plotting.figure(height=3.6)
    for model, table in losses.items():
        plotting.curve(axes, table, "epoch", "loss", names[model], plotting.COLOURS[model])
    axes.set_yscale("log")
    plotting.words(axes, "Training loss", "epoch", "cross-entropy and L2 term")
    return plotting.svg(drawn)


def early_stopping(curves: Tables, numbers: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """Draw loss and accuracy by epoch, and the two epochs at which a training might stop.

    curves: by model, epoch, training_loss, held_out_loss, training_accuracy, held_out_accuracy.
    numbers: by model, with best and notebook_stop.
    """
    drawn, panels = plotting.figure(width=10, height=4.4, columns=2)
    stops = {"best": ("o", "lowest held-out loss"), "notebook_stop": ("D", "the notebook's stop")}
    for axes, value in zip(panels, ("loss", "accuracy"), strict=True):
        for model, table in curves.items():
            name, colour = names[model], plotting.COLOURS[model]
            for rows, line in (("training", "--"), ("held_out", "-")):
                label = f"{name}, {rows.replace('_', '-')} rows"
                plotting.curve(axes, table, "epoch", f"{rows}_{value}", label, colour, line)
            for stop, (shape, _) in stops.items():
                at = numbers[model][stop]
                plotting.mark(axes, at["epoch"], at[f"held_out_{value}"], shape, colour)
        for shape, meaning in stops.values():
            plotting.explain(axes, shape, meaning)
    left, right = panels
    left.set_yscale("log")
    # Half of the height is for the errors that are left at the lowest held-out loss.
    errors = max(1 - numbers[model]["best"]["held_out_accuracy"] for model in curves)
    right.set_ylim(1 - max(2 * errors, 0.01), 1 + 0.1 * errors)
    plotting.words(left, "Loss", "epoch", "cross-entropy")
    plotting.words(right, "Accuracy, the axis cut off below", "epoch", "share of the rows")
    return plotting.svg(drawn)


def grid_search_scores(scores: pd.DataFrame) -> str:
    """Draw the search as a heat map. scores: a line a candidate."""
    drawn, (axes,) = plotting.figure(width=6, height=3.2)
    plotting.heat_map(axes, scores, "learning_rate_init", "hidden_layer_sizes", "mean_test_score")
    axes.set_title("Mean score over the folds", loc="left", fontweight="bold")
    axes.set(xlabel="learning_rate_init", ylabel="hidden_layer_sizes")
    return plotting.svg(drawn)


def confusions(scores: Mapping[str, Mapping[str, Any]], names: Mapping[str, str]) -> str:
    """Draw the confusion matrices side by side. scores: by model, with confusion_matrix."""
    drawn, panels = plotting.figure(width=10, height=2.9, columns=len(scores))
    for axes, (model, score) in zip(panels, scores.items(), strict=True):
        plotting.confusion(axes, score["confusion_matrix"], ("0", "1"))
        axes.set_title(names[model], loc="left", fontweight="bold")
    return plotting.svg(drawn)


def rocs(curves: Tables, names: Mapping[str, str]) -> str:
    """Draw all ROC curves twice: whole, and the corner in which they differ."""
    drawn, panels = plotting.figure(width=9, height=3.8, columns=2)
    for axes in panels:
        for model, table in curves.items():
            plotting.roc(axes, table, names[model], plotting.COLOURS[model])
    whole, corner = panels
    plotting.words(whole, "ROC", "false positive rate", "true positive rate")
    plotting.words(corner, "The same, upper left corner", "false positive rate", "")
    corner.set(xlim=(-0.002, 0.1), ylim=(0.9, 1.002))
    return plotting.svg(drawn)
