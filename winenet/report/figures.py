"""The report's figures: each function draws a table and returns the text of an SVG.

A model has the same name and colour in every figure: model_styles.py has both.
"""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from winenet.evaluation import confusion
from winenet.report import model_tables, plotting
from winenet.report.model_styles import Styles
from winenet.report.terms import Terms

Tables = Mapping[str, pd.DataFrame]
MAX_CANDIDATES = 30  # of a search that is drawn as dots
ZOOM_SIZES = (0.1, 0.25, 0.5)  # sizes of the panel in which good models are distinguished


def handmade_loss(losses: pd.DataFrame) -> str:
    """Draw the loss of the network from scratch. losses: epoch, loss."""
    drawn, (axes,) = plotting.figure(height=3.2)
    later = losses[losses["epoch"] > 0]  # a logarithmic axis has no 0
    plotting.curve(axes, later, "epoch", "loss", "loss", plotting.ACCENT)
    axes.set_xscale("log")
    plotting.label_axes(axes, "Loss of the network from scratch", "epoch", "cross-entropy, 6 rows")
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
    plotting.label_axes(axes, "When to stop", "epoch", "cross-entropy")
    return plotting.svg(drawn)


def handmade_one_weight(curves: pd.DataFrame) -> str:
    """Draw accuracy and loss along one weight. curves: weight, accuracy, loss."""
    drawn, (left, right) = plotting.figure(height=3.2, columns=2)
    left.step(curves["weight"], curves["accuracy"], where="mid", color=plotting.ACCENT)
    plotting.label_axes(left, "Accuracy is a step function", "weight of X1", "accuracy")
    plotting.curve(right, curves, "weight", "loss", "loss", plotting.ACCENT)
    plotting.label_axes(right, "Loss is smooth", "weight of X1", "cross-entropy")
    return plotting.svg(drawn)


def handmade_two_outputs(deviations: pd.DataFrame) -> str:
    """Draw how far two outputs are from summing to 1. deviations: epoch, max_deviation."""
    drawn, (axes,) = plotting.figure(height=3.2)
    later = deviations[deviations["epoch"] > 0]
    plotting.curve(axes, later, "epoch", "max_deviation", "deviation", plotting.ACCENT)
    axes.set(xscale="log", yscale="log")
    plotting.label_axes(
        axes, "Deviation of the two outputs' sum from 1", "epoch", "largest |sum - 1| of a row"
    )
    return plotting.svg(drawn)


def network_losses(losses: Tables, styles: Styles) -> str:
    """Draw the networks' training losses. losses: by model, epoch and loss."""
    drawn, (axes,) = plotting.figure(height=3.6)
    for model, table in losses.items():
        plotting.curve(axes, table, "epoch", "loss", styles[model].name, styles[model].figure)
    axes.set_yscale("log")
    plotting.label_axes(axes, "Training loss", "epoch", "cross-entropy and L2 term")
    return plotting.svg(drawn)


def early_stopping(curves: Tables, numbers: Mapping[str, Any], styles: Styles, rule: str) -> str:
    """Draw loss and accuracy by epoch, and two epochs at which a training could stop.

    curves: by model, epoch, training_loss, held_out_loss, training_accuracy, held_out_accuracy.
    numbers: by model, with best and notebook_stop. rule: "the notebook's" or "scikit-learn's".
    """
    drawn, panels = plotting.figure(width=10, height=4.4, columns=2)
    stops = {"best": ("o", "lowest held-out loss"), "notebook_stop": ("D", f"{rule} stop")}
    for axes, value in zip(panels, ("loss", "accuracy"), strict=True):
        for model, table in curves.items():
            name, colour = styles[model].name, styles[model].figure
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
    # The errors at the lowest held-out loss take half of the height.
    errors = max(1 - numbers[model]["best"]["held_out_accuracy"] for model in curves)
    right.set_ylim(1 - max(2 * errors, 0.01), 1 + 0.1 * errors)
    plotting.label_axes(left, "Loss", "epoch", "cross-entropy")
    plotting.label_axes(right, "Accuracy, the axis cut off below", "epoch", "share of the rows")
    return plotting.svg(drawn)


def grid_search_scores(scores: pd.DataFrame) -> str:
    """Draw the search: a grid of two parameters as a heat map, else the best candidates as dots.

    scores: one line per candidate.
    """
    searched = model_tables.searched(scores)
    if model_tables.is_grid(scores):
        drawn, (axes,) = plotting.figure(width=6, height=3.2)
        plotting.heat_map(axes, scores, searched[1], searched[0], "mean_test_score")
        axes.set_title("Mean score over the folds", loc="left", fontweight="bold")
        axes.set(xlabel=searched[1], ylabel=searched[0])
        return plotting.svg(drawn)
    best = scores.nlargest(MAX_CANDIDATES, "mean_test_score")
    drawn, (axes,) = plotting.figure(width=8, height=0.3 * len(best) + 1.2)
    for y, score in enumerate(best["mean_test_score"]):
        plotting.mark(axes, score, y, "o", plotting.ACCENT)
    plotting.rows_named(axes, list(best["candidate"]))
    plotting.label_axes(axes, "Candidates", "mean score", "", None)
    return plotting.svg(drawn)


def search_parameters(candidates: pd.DataFrame) -> str:
    """Draw the scores over each parameter that was searched: a dot per fold and one per mean.

    candidates: data/grid_search_results.csv. A number that spans two decades or more has a
    logarithmic axis; layer sizes and texts stand side by side.
    """
    searched = model_tables.searched(candidates)
    folds = model_tables.fold_columns(candidates)
    rows = math.ceil(len(searched) / 3)
    columns = min(len(searched), 3)
    drawn, panels = plotting.figure(width=3.4 * columns, height=3, columns=len(searched), rows=rows)
    best = int(candidates["rank_test_score"].to_numpy().argmin())
    for axes, name in zip(panels, searched, strict=True):
        x = plotting.parameter_axis(axes, candidates[name])
        for fold in folds:
            axes.plot(x, candidates[fold], ".", color=plotting.ACCENT, alpha=0.25, markersize=5)
        axes.plot(x, candidates["mean_test_score"], "o", color=plotting.ACCENT, markersize=5)
        plotting.mark(axes, x.iloc[best], candidates["mean_test_score"].iloc[best], "D", "#D55E00")
        plotting.label_axes(axes, name, "", "score", None)
    plotting.key(drawn, {".": "a fold", "o": "mean of a candidate", "D": "the best mean"})
    return plotting.svg(drawn)


def confusion_matrices(
    scores: Mapping[str, Mapping[str, Any]], styles: Styles, terms: Terms
) -> str:
    """Draw the confusion matrices side by side; of many classes, in two rows.

    scores: by model, with confusion_matrix.
    """
    many = len(terms.classes) > 4
    in_a_row = 2 if many else 4
    height, rows = 4.8 if many else 2.9, math.ceil(len(scores) / in_a_row)
    drawn, panels = plotting.figure(10, height, len(scores), rows)
    class_names = terms.classes if terms.multiclass else terms.labels
    for axes, (model, score) in zip(panels, scores.items(), strict=True):
        counts = confusion.as_matrix(score["confusion_matrix"])
        plotting.confusion(axes, counts, class_names)
        plotting.name_panel(axes, styles[model].name)
    return plotting.svg(drawn)


def roc_curves(curves: pd.DataFrame, styles: Styles) -> str:
    """Draw all ROC curves twice: in full, and the corner in which they differ.

    curves: model, false_positive_rate, true_positive_rate.
    """
    drawn, whole, corner = _full_and_zoom(
        curves, ("false_positive_rate", "true_positive_rate"), styles
    )
    plotting.label_axes(whole, "ROC", "false positive rate", "true positive rate")
    plotting.label_axes(corner, "The same, upper left corner", "false positive rate", "")
    size = _zoom_size(curves["false_positive_rate"], 1 - curves["true_positive_rate"])
    corner.set(xlim=(-0.02 * size, size), ylim=(1 - size, 1 + 0.02 * size))
    return plotting.svg(drawn)


def precision_recall(curves: pd.DataFrame, styles: Styles) -> str:
    """Draw all precision-recall curves twice: in full, and the corner in which they differ.

    curves: model, recall, precision.
    """
    drawn, whole, corner = _full_and_zoom(curves, ("recall", "precision"), styles)
    plotting.label_axes(whole, "Precision and recall", "recall", "precision")
    plotting.label_axes(corner, "The same, upper right corner", "recall", "")
    whole.set_ylim(0, 1.02)
    size = _zoom_size(1 - curves["recall"], 1 - curves["precision"])
    corner.set(xlim=(1 - size, 1 + 0.02 * size), ylim=(1 - size, 1 + 0.02 * size))
    return plotting.svg(drawn)


def _zoom_size(x: pd.Series, y: pd.Series) -> float:
    """Return the smallest usual size of a corner through half of which a curve goes.

    x, y: how far the curves' points are from the corner.
    """
    sizes = (size for size in ZOOM_SIZES if ((x <= size / 2) & (y <= size)).any())
    return next(sizes, 1.0)


def _full_and_zoom(
    curves: pd.DataFrame, columns: tuple[str, str], styles: Styles
) -> tuple[Figure, Axes, Axes]:
    """Return a figure with each model's curve on two panels, for the whole and for a corner."""
    drawn, (whole, corner) = plotting.figure(width=9, height=3.8, columns=2)
    for model, table in curves.groupby("model", sort=False):
        for axes in (whole, corner):
            colour = styles[str(model)].figure
            plotting.shares(axes, table, columns, styles[str(model)].name, colour)
    return drawn, whole, corner


def calibration(bins: pd.DataFrame, styles: Styles, terms: Terms) -> str:
    """Draw the observed frequency of class 1 by its predicted probability, a panel per model.

    With several classes it is that of the predicted class. bins: model, rows, mean_probability,
    share, low, high.
    """
    models = list(dict.fromkeys(bins["model"]))
    rows = math.ceil(len(models) / 5)
    drawn, panels = plotting.figure(
        width=2.6 * math.ceil(len(models) / rows), height=3.1, columns=len(models), rows=rows
    )
    for axes, model in zip(panels, models, strict=True):
        plotting.calibration(axes, bins[bins["model"] == model], styles[model].figure)
        plotting.name_panel(axes, plotting.wrap_text(axes, styles[model].name, 9.5))
        axes.set_xlabel(plotting.wrap_text(axes, "mean probability of a bin"))
    share = "fraction correct" if terms.multiclass else f"share of class {terms.labels[1]}"
    text = plotting.wrap_text(panels[0], f"{share} in the bin")
    panels[0].set_ylabel(text, parse_math=False)  # a label may hold a dollar sign
    return plotting.svg(drawn)


def accuracies(table: pd.DataFrame, styles: Styles) -> str:
    """Draw the accuracies with their intervals, on all and on unseen test rows.

    table: model, rows, accuracy, low, high. A constant model would stretch the axis: leave it out.
    """
    models = list(dict.fromkeys(table["model"]))
    drawn, (axes,) = plotting.figure(width=8, height=0.6 * len(models) + 1.2)
    shapes = {"all": ("o", -0.14), "unseen": ("D", 0.14)}
    for y, model in enumerate(models):
        for rows, (shape, shift) in shapes.items():
            item = table[(table["model"] == model) & (table["rows"] == rows)]
            if len(item):
                plotting.intervals(axes, item, y + shift, styles[model].figure, shape)
    plotting.rows_named(axes, [styles[model].name for model in models])
    plotting.label_axes(
        axes, "Accuracy with its 95 % interval", "accuracy, the axis cut off", "", None
    )
    meanings = {"all": "all test rows", "unseen": "test rows not seen in training"}
    plotting.key(drawn, {shapes[rows][0]: meanings[rows] for rows in dict.fromkeys(table["rows"])})
    return plotting.svg(drawn)


def seeds(runs: pd.DataFrame, own: Mapping[str, float], styles: Styles) -> str:
    """Draw each network's accuracy under every seed, the mean, and the run of params.yaml.

    runs: model, accuracy. own: by model, the accuracy with the seed of params.yaml.
    """
    networks = list(dict.fromkeys(runs["model"]))
    drawn, (axes,) = plotting.figure(width=8, height=0.9 * len(networks) + 1.3)
    for y, network in enumerate(networks):
        accuracy = runs.loc[runs["model"] == network, "accuracy"]
        colour = styles[network].figure
        plotting.swarm(axes, accuracy, y, colour)
        plotting.mean_line(axes, accuracy.mean(), y, colour)
        plotting.mark(axes, own[network], y, "D", plotting.TEXT_COLOUR)
    plotting.rows_named(axes, [styles[network].name for network in networks])
    plotting.label_axes(axes, "Accuracy under several seeds", "accuracy on all test rows", "", None)
    meanings = {"o": "a seed", "|": "mean of the seeds", "D": "the seed of params.yaml"}
    plotting.key(drawn, meanings)
    return plotting.svg(drawn)


def learning_curve(curve: pd.DataFrame, styles: Styles, score: str) -> str:
    """Draw the accuracy over the number of training rows. curve: model, rows, mean, low, high."""
    drawn, (axes,) = plotting.figure(width=8, height=4)
    for model, table in curve.groupby("model", sort=False):
        plotting.band(axes, table, "rows", styles[str(model)].name, styles[str(model)].figure)
    axes.set_xscale("log")
    sizes = sorted(set(curve["rows"]))
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.minorticks_off()
    where = "test rows not seen in training" if score == "accuracy_unseen" else "all test rows"
    title, y = "Accuracy by number of training rows", f"accuracy on {where}"
    plotting.label_axes(axes, title, "training rows", y, "lower right")
    return plotting.svg(drawn)


def importance(shuffled: pd.DataFrame, styles: Styles) -> str:
    """Draw how much accuracy each model loses when a feature is shuffled, with its spread.

    shuffled: model, feature, mean, sd.
    """
    order = (
        shuffled.groupby("feature")["mean"].mean().sort_values(ascending=False, kind="stable").index
    )
    models = list(dict.fromkeys(shuffled["model"]))
    room = max(0.42, 0.085 * len(models))  # inches of a feature
    drawn, (axes,) = plotting.figure(width=8, height=room * len(order) + 1.2)
    step = min(0.18, 0.8 / len(models))
    for number, model in enumerate(models):
        item = shuffled[shuffled["model"] == model].set_index("feature").loc[order]
        places = [y + step * (number - (len(models) - 1) / 2) for y in range(len(order))]
        plotting.spread(axes, item, places, styles[model].name, styles[model].figure)
    plotting.rows_named(axes, list(order))
    plotting.label_axes(
        axes, "Feature importance", "accuracy lost when the feature is shuffled", "", None
    )
    plotting.add_legend(axes, "lower right")
    return plotting.svg(drawn)
