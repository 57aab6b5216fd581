"""Functions that draw a table on given axes, and save a figure as the same bytes each time.

They compute no statistics and read no files.
"""

import io
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Literal, TypeAlias

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.colors import LinearSegmentedColormap, PowerNorm, to_rgba
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

Labels = npt.NDArray[np.int64]
Place: TypeAlias = Literal["best", "lower left", "lower right"]  # of a legend
TEXT_COLOUR, ACCENT = "#333333", "#0072B2"
WRITTEN = 10  # classes up to which a confusion matrix has its counts written in
PAGE_WIDTH, NARROW_WIDTH = 7.6, 4.0  # inches that a page of the browser has for a figure
MAX_INSIDE = 6  # entries of a legend that has room within its axes
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "winenet",  # else the ids within an SVG are drawn at random
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


# Inches that a figure may be wide; a wider one breaks its panels into rows.
_room: ContextVar[float | None] = ContextVar("room", default=None)


def figure(
    width: float = 7, height: float = 4, columns: int = 1, rows: int = 1
) -> tuple[Figure, list[Axes]]:
    """Return an empty figure with its axes side by side; width and height of a row in inches.

    columns: how many axes, in that many rows. Where there is less room, they stand below each other
    and keep about their shape.
    """
    room, in_a_row = _room.get(), -(-columns // rows)
    columns_drawn = in_a_row
    if room is not None:
        in_a_row = min(in_a_row, max(1, round(room * columns_drawn / width)))
        height *= min(1, max(0.9 if rows == 1 else 0, room / in_a_row * columns_drawn / width))
        width = room
    rows = -(-columns // in_a_row)
    with mpl.rc_context(STYLE):
        empty = Figure(figsize=(width, height * rows), layout="constrained")
        axes = empty.subplots(rows, in_a_row, squeeze=False).flatten()
    for spare in axes[columns:]:
        spare.remove()
    return empty, list(axes[:columns])


@contextmanager
def page_style(room: float) -> Iterator[None]:
    """Draw for a page that has its own font. room: the width in inches.

    Text is written as text; elsewhere it is drawn as paths, which look the same everywhere.
    """
    before = _room.set(room)
    try:
        with mpl.rc_context({"svg.fonttype": "none", "axes.titlesize": 11}):
            yield
    finally:
        _room.reset(before)


def svg(drawn: Figure) -> str:
    """Return the figure as SVG text that depends on nothing but what is drawn."""
    target = io.StringIO()
    with mpl.rc_context(STYLE):
        # `savefig` would draw all twice, the first time for the layout alone.
        FigureCanvasSVG(drawn)
        layout = drawn.get_layout_engine()
        assert layout is not None
        layout.execute(drawn)
        drawn.set_layout_engine("none")
        drawn.savefig(target, format="svg", metadata={"Date": None})
    # matplotlib leaves blanks at the ends of lines, which git would complain about.
    return "\n".join(line.rstrip() for line in target.getvalue().splitlines()) + "\n"


def curve(
    axes: Axes, table: pd.DataFrame, x: str, y: str, label: str, colour: str, line: str = "-"
) -> Axes:
    """Draw one column over another as a line, and name it at its end in the legend."""
    axes.plot(table[x], table[y], line, label=label, color=colour, linewidth=1.5)
    return axes


def label_axes(axes: Axes, title: str, x: str, y: str, legend: Place | None = "best") -> Axes:
    """Give the axes their title and labels, and a legend when there is more than one line.

    legend: where, in matplotlib's words; None leaves it out.
    """
    axes.set_title(wrap_text(axes, title), loc="left", fontweight="bold")
    axes.set(xlabel=wrap_text(axes, x, 10), ylabel=wrap_text(axes, y))
    axes.grid(alpha=0.25)
    if legend and len(axes.get_lines()) > 1:
        add_legend(axes, legend)
    return axes


def add_legend(axes: Axes, place: Place) -> Axes:
    """Name the lines in the axes; many of them, or in a page's small panels, below the figure."""
    few = len(axes.get_legend_handles_labels()[0]) <= MAX_INSIDE
    if few and (_room.get() is None or _width(axes) > 6):
        _plain_texts(axes.legend(frameon=False, loc=place))
        return axes
    whole = axes.get_figure(root=True)
    assert isinstance(whole, Figure)
    if not whole.legends:
        handles, labels = axes.get_legend_handles_labels()
        columns = 1 if whole.get_figwidth() <= NARROW_WIDTH else 2
        whole.set_figheight(whole.get_figheight() + 0.22 * -(-len(handles) // columns))
        outside: Any = "outside lower left"
        _plain_texts(whole.legend(handles, labels, frameon=False, loc=outside, ncols=columns))
    return axes


def _plain_texts(legend: Legend) -> None:
    """Show the names in a legend as they are; one may hold dollar signs."""
    for text in legend.get_texts():
        text.set_parse_math(False)


def name_panel(axes: Axes, name: str) -> Axes:
    """Write a model's name above its axes, as it is: it may hold dollar signs."""
    axes.set_title(name, loc="left", fontweight="bold", parse_math=False)
    return axes


def wrap_text(axes: Axes, text: str, letters: float = 9) -> str:
    """Return a text in lines that a panel of a page has room for. letters: in an inch."""
    if _room.get() is None:
        return text
    return textwrap.fill(text, max(12, int(letters * _width(axes) - 6)))


def _width(axes: Axes) -> float:
    """Return how many inches a panel has, with its share of what is between them."""
    whole, cells = axes.get_figure(root=True), axes.get_gridspec()
    assert whole is not None
    assert cells is not None
    return float(whole.get_figwidth() / cells.ncols)


def intervals(axes: Axes, table: pd.DataFrame, y: float, colour: str, shape: str) -> Axes:
    """Draw one value with its bounds as a mark on a horizontal line. table: one row."""
    item = table.iloc[0]
    value, low, high = item["accuracy"], item["low"], item["high"]
    axes.plot([low, high], [y, y], "-", color=colour, linewidth=1.5)
    axes.plot([value], [y], shape, color=colour, markeredgecolor="white", markersize=9)
    return axes


def rows_named(axes: Axes, names: Sequence[str]) -> Axes:
    """Name the places 0, 1, ... of the vertical axis, the first on top.

    The figure grows if names of several lines need more room.
    """
    labels = [wrap_text(axes, name, 5) if _width(axes) <= NARROW_WIDTH else name for name in names]
    axes.set_yticks(range(len(names)), labels, parse_math=False)  # a name may hold a dollar sign
    axes.set_ylim(len(names) - 0.4, -0.6)
    whole = axes.get_figure(root=True)
    assert isinstance(whole, Figure)
    lines = max(name.count("\n") + 1 for name in labels)
    whole.set_figheight(max(whole.get_figheight(), 0.18 * lines * len(names) + 1.2))
    return axes


def band(axes: Axes, table: pd.DataFrame, x: str, label: str, colour: str) -> Axes:
    """Draw a mean as a line with its interval around it. table: x, mean, low, high."""
    axes.fill_between(table[x], table["low"], table["high"], color=colour, alpha=0.15, linewidth=0)
    axes.plot(table[x], table["mean"], "-o", label=label, color=colour, markersize=4)
    return axes


def mean_line(axes: Axes, value: float, y: float, colour: str) -> Axes:
    """Draw a mean as a short upright line at the height y."""
    axes.plot([value, value], [y - 0.28, y + 0.28], "-", color=colour, linewidth=2)
    return axes


def swarm(axes: Axes, values: pd.Series, y: float, colour: str) -> Axes:
    """Draw a dot a value along a horizontal line; equal ones are set side by side."""
    place = values.groupby(values).cumcount() - (values.groupby(values).transform("size") - 1) / 2
    axes.plot(values, y + 0.09 * place, "o", color=colour, markersize=5, alpha=0.8)
    return axes


def mark_lowest(axes: Axes, table: pd.DataFrame, x: str, y: str, colour: str) -> Axes:
    """Mark the lowest point of a curve with a dot."""
    lowest = table.iloc[int(table[y].to_numpy().argmin())]
    axes.plot([lowest[x]], [lowest[y]], "o", color=colour, label="lowest")
    return axes


def mark(axes: Axes, x: float, y: float, shape: str, colour: str) -> Axes:
    """Mark a point in front of all lines; `explain` adds it to the legend."""
    axes.plot([x], [y], shape, color=colour, markeredgecolor="white", markersize=9, zorder=3)
    return axes


def explain(axes: Axes, shape: str, label: str) -> Axes:
    """Add to the legend what marks of a shape mean, whatever their colour."""
    axes.plot([], [], shape, color=TEXT_COLOUR, markeredgecolor="white", markersize=9, label=label)
    return axes


def key(drawn: Figure, meanings: Mapping[str, str]) -> Figure:
    """Say below the figure what the shapes of marks mean, whatever their colour."""
    marks = [
        Line2D([], [], color=TEXT_COLOUR, marker=shape, linestyle="", markersize=8, label=meaning)
        for shape, meaning in meanings.items()
    ]
    columns = len(marks) if drawn.get_figwidth() > NARROW_WIDTH else 1
    drawn.legend(handles=marks, frameon=False, loc="outside lower center", ncols=columns)
    return drawn


def heat_map(axes: Axes, table: pd.DataFrame, x: str, y: str, value: str) -> Axes:
    """Draw a value for each pair of x and y, written into its cell; the best has a frame.

    x, y: columns of numbers or texts. A pair without a value has an empty cell.
    """
    wide = table.pivot(index=y, columns=x, values=value)
    wide = wide.reindex(index=list(dict.fromkeys(table[y])), columns=list(dict.fromkeys(table[x])))
    cells = wide.to_numpy()
    axes.imshow(cells, cmap="cividis", aspect="auto")
    middle = (np.nanmin(cells) + np.nanmax(cells)) / 2
    for row, column in np.argwhere(~np.isnan(cells)):
        colour = "black" if cells[row, column] > middle else "white"
        axes.text(column, row, f"{cells[row, column]:.4f}", ha="center", va="center", color=colour)
    best_row, best_column = np.unravel_index(np.nanargmax(cells), cells.shape)
    axes.add_patch(
        mpl.patches.Rectangle(
            (best_column - 0.47, best_row - 0.47), 0.94, 0.94, fill=False, color="#D55E00", lw=3
        )
    )
    axes.set_xticks(range(len(wide.columns)), list(map(_short, wide.columns)), parse_math=False)
    axes.set_yticks(range(len(wide.index)), list(map(_short, wide.index)), parse_math=False)
    return axes


def is_numeric(values: pd.Series) -> bool:
    """Return whether the values of a parameter are numbers; truth values are not."""
    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)


def spans_two_decades(values: pd.Series) -> bool:
    """Return whether numbers are all positive and the largest is 100 times the smallest or more."""
    return bool(values.min() > 0 and values.max() >= 100 * values.min())


def as_texts(values: pd.Series) -> pd.Series:
    """Return the values of a parameter as texts; None, which pandas reads as a gap, is "None"."""
    return values.astype(object).where(values.notna(), "None").map(str)


def parameter_axis(axes: Axes, values: pd.Series) -> pd.Series:
    """Prepare the x axis for the values of a parameter; return where each of them stands on it."""
    if is_numeric(values):
        if spans_two_decades(values):
            axes.set_xscale("log")
        return values
    texts = as_texts(values)
    known = list(dict.fromkeys(texts))
    axes.set_xticks(range(len(known)), known)
    axes.set_xlim(-0.5, len(known) - 0.5)
    return texts.map(known.index)


def _short(value: object) -> str:
    """Return a number without needless digits, anything else as it is."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def confusion(axes: Axes, cells: Labels, classes: Sequence[str]) -> Axes:
    """Draw a confusion matrix, shaded within its rows.

    cells: (classes, classes), counts, actual by predicted. Up to WRITTEN classes each count stands
    in its cell; of more, rare errors are shaded darker than their share, so that they are seen.
    """
    number = len(cells)
    shares = cells / np.maximum(cells.sum(axis=1, keepdims=True), 1)
    if number == 2:
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1.4)
    elif number <= WRITTEN:
        axes.imshow(shares, cmap=_shades(0.55), vmin=0, vmax=1)
    else:
        axes.imshow(shares, cmap=_shades(1), norm=PowerNorm(0.5, vmin=0, vmax=1))
    cell = 72 * 0.75 * _width(axes) / number  # points, about
    if number <= WRITTEN:
        longest = len(f"{cells.max():,}")
        size: dict[str, Any] = {} if number == 2 else {"fontsize": min(10.0, 1.4 * cell / longest)}
        for row, column in np.ndindex(cells.shape):
            if cells[row, column] or number <= 4:  # among many, a nought only hides the others
                text = f"{cells[row, column]:,}"
                axes.text(column, row, text, ha="center", va="center", color="black", **size)
    if number == 2:
        axes.set_xticks([0, 1], classes, parse_math=False)
        axes.set_yticks([0, 1], classes, parse_math=False)
    else:
        _name_classes(axes, classes, cell)
    axes.set(xlabel="predicted", ylabel="actual")
    return axes


def _shades(most: float) -> LinearSegmentedColormap:
    """Return colours from nothing to the accent, through which a page's paper shows, dark or not.

    most: how opaque the last one is; text upon it needs a pale one.
    """
    return LinearSegmentedColormap.from_list("", [to_rgba(ACCENT, 0), to_rgba(ACCENT, most)])


def _name_classes(axes: Axes, classes: Sequence[str], cell: float) -> Axes:
    """Name the rows and columns of a matrix; cell: the size of one, in points.

    A long name is cut; if there is not enough room, only every second or third is named.
    """
    step = max(1, -(-int(6 / cell * 100) // 100)) if cell < 6 else 1
    places = range(0, len(classes), step)
    names = [classes[place] for place in places]
    names = [name if len(name) <= 14 else f"{name[:13].rstrip()}…" for name in names]
    size = min(9.0, max(5.0, 0.85 * cell * step))
    wide = max(map(len, names)) * size * 0.65 > cell * step
    alike: dict[str, Any] = {"fontsize": size, "parse_math": False}
    axes.set_xticks(places, names, rotation=90 if wide else 0, **alike)
    axes.set_yticks(places, names, **alike)
    return axes


def calibration(axes: Axes, bins: pd.DataFrame, colour: str) -> Axes:
    """Draw the share that came true by bin with its interval; the diagonal would be perfect.

    bins: rows, mean_probability, share, low, high. A bin's mark grows with its rows.
    """
    axes.plot([0, 1], [0, 1], ":", color=TEXT_COLOUR, linewidth=1)
    axes.vlines(bins["mean_probability"], bins["low"], bins["high"], color=colour, linewidth=1.5)
    size = 12 + 90 * bins["rows"] / bins["rows"].max()
    axes.scatter(bins["mean_probability"], bins["share"], s=size, color=colour, zorder=3)
    axes.set(xlim=(-0.05, 1.05), ylim=(-0.05, 1.05), aspect="equal")
    axes.grid(alpha=0.25)
    return axes


def spread(
    axes: Axes, table: pd.DataFrame, places: Sequence[float], label: str, colour: str
) -> Axes:
    """Draw means as dots at the given heights, each with its sd to both sides. table: mean, sd."""
    axes.errorbar(
        table["mean"], places, xerr=table["sd"], fmt="o", color=colour, label=label, markersize=4
    )
    return axes


def shares(
    axes: Axes, table: pd.DataFrame, columns: tuple[str, str], label: str, colour: str
) -> Axes:
    """Draw the second column over the first as a line; both are shares of rows."""
    axes.plot(table[columns[0]], table[columns[1]], label=label, color=colour)
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    return axes
