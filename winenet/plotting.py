"""Draws on the axes that it is given, and saves a figure as the same bytes each time.

No statistics and no reading of files: a table comes in, the drawn axes go out.
"""

import io
from collections.abc import Mapping
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

# Okabe and Ito's palette, which colour-blind readers can tell apart; one colour a model everywhere.
COLOURS = {
    "logistic": "#0072B2",
    "notebook": "#D55E00",
    "one_hidden_layer": "#009E73",
    "grid_search": "#CC79A7",
}
INK, ACCENT = "#333333", "#0072B2"
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "winenet",  # else the ids within an SVG are drawn at random
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def figure(width: float = 7, height: float = 4, columns: int = 1) -> tuple[Figure, list[Axes]]:
    """Return an empty figure with its axes side by side; width and height in inches."""
    with mpl.rc_context(STYLE):
        empty = Figure(figsize=(width, height), layout="constrained")
        axes = empty.subplots(1, columns, squeeze=False)
    return empty, list(axes[0])


def svg(drawn: Figure) -> str:
    """Return the figure as SVG text that depends on nothing but what is drawn."""
    target = io.StringIO()
    with mpl.rc_context(STYLE):
        drawn.savefig(target, format="svg", metadata={"Date": None})
    # matplotlib leaves blanks at the ends of lines, which git would complain about.
    return "\n".join(line.rstrip() for line in target.getvalue().splitlines()) + "\n"


def curve(
    axes: Axes, table: pd.DataFrame, x: str, y: str, label: str, colour: str, line: str = "-"
) -> Axes:
    """Draw one column over another as a line, and name it at its end in the legend."""
    axes.plot(table[x], table[y], line, label=label, color=colour, linewidth=1.5)
    return axes


def words(axes: Axes, title: str, x: str, y: str) -> Axes:
    """Give the axes their title and labels, and a legend when there is more than one line."""
    axes.set_title(title, loc="left", fontweight="bold")
    axes.set(xlabel=x, ylabel=y)
    axes.grid(alpha=0.25)
    if len(axes.get_lines()) > 1:
        axes.legend(frameon=False)
    return axes


def mark_lowest(axes: Axes, table: pd.DataFrame, x: str, y: str, colour: str) -> Axes:
    """Mark the lowest point of a curve with a dot."""
    lowest = table.iloc[int(table[y].to_numpy().argmin())]
    axes.plot([lowest[x]], [lowest[y]], "o", color=colour, label="lowest")
    return axes


def mark(axes: Axes, x: float, y: float, shape: str, colour: str) -> Axes:
    """Mark a point in front of all lines; the legend is told what a shape means by `explain`."""
    axes.plot([x], [y], shape, color=colour, markeredgecolor="white", markersize=9, zorder=3)
    return axes


def explain(axes: Axes, shape: str, label: str) -> Axes:
    """Add to the legend what marks of a shape mean, whatever their colour."""
    axes.plot([], [], shape, color=INK, markeredgecolor="white", markersize=9, label=label)
    return axes


def heat_map(axes: Axes, table: pd.DataFrame, x: str, y: str, value: str) -> Axes:
    """Draw a value for each pair of x and y, written into its cell; the best has a frame."""
    wide = table.pivot(index=y, columns=x, values=value)
    wide = wide.reindex(index=list(dict.fromkeys(table[y])), columns=list(dict.fromkeys(table[x])))
    cells = wide.to_numpy()
    axes.imshow(cells, cmap="cividis", aspect="auto")
    middle = (cells.min() + cells.max()) / 2
    for row, column in np.ndindex(cells.shape):
        colour = "black" if cells[row, column] > middle else "white"
        axes.text(column, row, f"{cells[row, column]:.4f}", ha="center", va="center", color=colour)
    best_row, best_column = np.unravel_index(cells.argmax(), cells.shape)
    axes.add_patch(
        mpl.patches.Rectangle(
            (best_column - 0.47, best_row - 0.47), 0.94, 0.94, fill=False, color="#D55E00", lw=3
        )
    )
    axes.set_xticks(range(len(wide.columns)), [f"{name:g}" for name in wide.columns])
    axes.set_yticks(range(len(wide.index)), list(wide.index))
    return axes


def confusion(axes: Axes, counts: Mapping[str, int], classes: tuple[str, str]) -> Axes:
    """Draw the four counts tn, fp, fn, tp of a binary classifier, shaded within their row."""
    cells = np.array([[counts["tn"], counts["fp"]], [counts["fn"], counts["tp"]]])
    shares = cells / cells.sum(axis=1, keepdims=True)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1.4)
    for row, column in np.ndindex(cells.shape):
        axes.text(column, row, f"{cells[row, column]:,}", ha="center", va="center", color="black")
    axes.set_xticks([0, 1], classes)
    axes.set_yticks([0, 1], classes)
    axes.set(xlabel="predicted", ylabel="actual")
    return axes


def roc(axes: Axes, table: pd.DataFrame, label: str, colour: str) -> Axes:
    """Draw a ROC curve; both axes are shares of rows."""
    axes.plot(table["false_positive_rate"], table["true_positive_rate"], label=label, color=colour)
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    return axes
