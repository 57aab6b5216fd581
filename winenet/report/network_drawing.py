"""The drawing of a dense network for the page, and the numbers of its layers."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from winenet.report.markdown import Metrics


class Layer(NamedTuple):
    """A dense layer. parameters: weights and biases."""

    units: int
    inputs: int
    parameters: int


def layers(sizes: Sequence[int]) -> list[Layer]:
    """Return the layers of a dense network.

    sizes: units of the inputs, of each hidden layer, of the output.
    """
    return [
        Layer(units, inputs, inputs * units + units) for inputs, units in itertools.pairwise(sizes)
    ]


def units(network: Metrics, classes: int) -> list[int]:
    """Return the units of a network's inputs, hidden layers and output, from its metrics.

    A category takes an input for each of its values, so the inputs are worked out from the number
    of parameters.
    """
    hidden = list(map(int, network["hidden_layer_sizes"].split("-")))
    outputs = 1 if classes == 2 else classes
    after = sum(layer.parameters for layer in layers([*hidden, outputs]))
    return [(network["parameters"] - after) // hidden[0] - 1, *hidden, outputs]


class Column(NamedTuple):
    """A layer of the drawing. ys: its units from top to bottom; cut: whether some are left out."""

    x: int
    ys: list[float]
    cut: bool


class Edge(NamedTuple):
    """A line of the drawing, from (x, y) to (x2, y2)."""

    x: int
    y: float
    x2: int
    y2: float


@dataclass(frozen=True)
class Drawing:
    """The drawing of a network, in units of its view box."""

    width: int
    columns: list[Column]
    middle: int
    lines: list[Edge]


def drawing(sizes: Sequence[int], most: int = 7) -> Drawing:
    """Return where the units and lines of a network's drawing are.

    most: units that are drawn of a layer; of a larger one the middle is left out.
    """
    gap, step, middle = 96, 30, 148
    columns: list[Column] = []
    for number, units in enumerate(sizes):
        drawn = min(units, most)
        ys = [middle + step * (place - (drawn - 1) / 2) for place in range(drawn)]
        if units > most:
            del ys[most // 2]
        columns.append(Column(gap // 2 + gap * number, ys, units > most))
    lines = [
        Edge(left.x, y, right.x, other)
        for left, right in itertools.pairwise(columns)
        for y, other in itertools.product(left.ys, right.ys)
    ]
    return Drawing(gap * len(sizes), columns, middle, lines)
