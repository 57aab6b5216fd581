"""The candidates of a search over more than two parameters, as parallel coordinates for the page.

One axis a parameter and a last one for the score; a candidate is a line across all of them.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.ticker import MaxNLocator

from winenet.report import model_tables, plotting

Positions = npt.NDArray[np.float64]  # on an axis: 0 is its lower end, 1 its upper end

PAGE_COLUMN = 736  # px: the width of the page's text
AXIS_GAP = (104, 180)  # px, at least and at most
LEFT, RIGHT = 24, 76  # px beside the first and the last axis; labels stand right of an axis
TOP, BOTTOM = 68, 348  # px: the ends of the axes, below the names of three lines
MAX_LABELS = 14  # per axis
MANY = 50  # candidates; of more the lines are thinner
GAP_OF_NONE = 0.14  # between None and the numbers of an axis
SCORE = "mean_test_score"


class Tick(NamedTuple):
    """A label of an axis, at a height in px."""

    y: float
    text: str


class CoordinateAxis(NamedTuple):
    """An axis. name: in lines, the last one next to the axis."""

    x: float
    name: list[str]
    ticks: list[Tick]


class CandidateLine(NamedTuple):
    """The line of a candidate.

    strength: of its colour, in per cent, by its rank. corners: where it meets the axes.
    """

    name: str
    score: str
    best: bool
    strength: int
    corners: list[tuple[float, float]]


@dataclass(frozen=True)
class ParallelCoordinates:
    """The drawing, in px.

    stroke: the width of a line. lines: the best candidate last, so that it is on top.
    """

    width: int
    height: int
    top: int
    bottom: int
    stroke: float
    axes: list[CoordinateAxis]
    lines: list[CandidateLine]


class Scale(NamedTuple):
    """Where the values of a column are on its axis, and the labels by their positions."""

    positions: Positions
    labels: list[tuple[float, str]]


def parallel_coordinates(candidates: pd.DataFrame) -> ParallelCoordinates | None:
    """Return the drawing of a search.

    Parameters
    ----------
    candidates : DataFrame
        As the stage grid_search wrote them, one per line.

    Returns
    -------
    ParallelCoordinates or None
        None if one or two parameters were searched.
    """
    searched = model_tables.searched(candidates)
    if len(searched) <= 2:
        return None
    names = [*searched, SCORE]
    gap = float(np.clip((PAGE_COLUMN - LEFT - RIGHT) / len(searched), *AXIS_GAP))
    xs = [round(LEFT + gap * number, 1) for number in range(len(names))]
    scales = [scale(candidates[name]) for name in names]
    ys = np.column_stack([_heights(of_column.positions) for of_column in scales])
    ranks = candidates["rank_test_score"]
    lines = [
        CandidateLine(
            name=str(candidates["candidate"].iloc[row]),
            score=f"{candidates[SCORE].iloc[row]:.4f}",
            best=bool(ranks.iloc[row] == 1),
            # Squared, so that the best few stand out among many.
            strength=round(10 + 90 * (1 - (ranks.iloc[row] - 1) / max(ranks.max() - 1, 1)) ** 2),
            corners=list(zip(xs, ys[row].tolist(), strict=True)),
        )
        for row in ranks.argsort(kind="stable")[::-1]
    ]
    axes = [
        CoordinateAxis(
            x,
            ["mean score"] if name == SCORE else name.split("_"),
            [Tick(float(_heights(np.array(at))), text) for at, text in of_column.labels],
        )
        for x, name, of_column in zip(xs, names, scales, strict=True)
    ]
    stroke = 1.5 if len(candidates) <= MANY else 0.8
    width, height = round(xs[-1] + RIGHT), BOTTOM + 16
    return ParallelCoordinates(width, height, TOP, BOTTOM, stroke, axes, lines)


def _heights(positions: Positions) -> Positions:
    return np.round(BOTTOM - positions * (BOTTOM - TOP), 1)


def scale(values: pd.Series) -> Scale:
    """Return the positions and labels of a column of the search.

    Numbers have a logarithmic axis where they span two decades, with None below them at a distance.
    Texts, layer sizes and truth values stand at equal distances, in order.
    """
    if not plotting.is_numeric(values):
        return _category_scale(plotting.as_texts(values))
    numbers = values.dropna()
    transform = np.log10 if plotting.spans_two_decades(values) else np.asarray
    low, high = transform(numbers.min()), transform(numbers.max())
    floor = GAP_OF_NONE if values.isna().any() else 0.0

    def place(value: npt.ArrayLike) -> Positions:
        share = (transform(value) - low) / (high - low) if high > low else np.full_like(value, 0.5)
        return np.asarray(floor + (1 - floor) * share)

    ticks = _ticks(float(numbers.min()), float(numbers.max()), logarithmic=transform is np.log10)
    labels = [(float(place(tick)), f"{tick:.6g}") for tick in ticks]
    none = [(0.0, "None")] if floor else []
    return Scale(np.nan_to_num(place(values.to_numpy(dtype=np.float64)), nan=0.0), none + labels)


def _category_scale(texts: pd.Series) -> Scale:
    known = sorted(set(texts), key=_natural_order)
    places = np.linspace(0.04, 0.96, len(known)) if len(known) > 1 else np.array([0.5])
    at = dict(zip(known, places.tolist(), strict=True))
    step = -(-len(known) // MAX_LABELS)
    return Scale(
        texts.map(at).to_numpy(dtype=np.float64), [(at[text], text) for text in known[::step]]
    )


def _natural_order(text: str) -> list[tuple[bool, int, str]]:
    """Return a key that sorts "50-25" before "100-50"; None comes first."""
    if text == "None":
        return []
    parts = re.split(r"(\d+)", text)
    return [
        (not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts if part
    ]


def _ticks(low: float, high: float, *, logarithmic: bool) -> list[float]:
    """Return the round numbers between two; the numbers themselves if there are fewer than two."""
    if logarithmic:
        powers = np.arange(np.ceil(np.log10(low)), np.floor(np.log10(high)) + 1)
        every = -(-len(powers) // MAX_LABELS)
        ticks = (10.0 ** powers[::every]).tolist()
    else:
        steps = MaxNLocator(nbins=5, steps=[1, 2, 5, 10]).tick_values(low, high)
        ticks = [float(tick) for tick in steps if low <= tick <= high]
    return ticks if len(ticks) > 1 else sorted({low, high})
