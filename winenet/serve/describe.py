"""Describe in words what a model's file holds: layers, labels, columns, preprocessing, training."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from winenet.data.preprocessing import GAP, Preprocessing
from winenet.errors import preview, safe_text, short_repr
from winenet.models.saved import SavedModel
from winenet.network.layers import n_parameters
from winenet.text import count, plural

LEVELS_SHOWN = 20


def describe_model(name: str, saved: SavedModel) -> str:
    """Return a few paragraphs, each line with a fact. name: of the file."""
    units = _units(saved)
    kind = "a network" if len(units) > 2 else "a logistic regression (a network of one layer)"
    two = len(saved.labels) == 2
    paragraphs = [
        [
            f"{safe_text(name)} is {kind} that predicts {short_repr(saved.target)}.",
            f"labels: {', '.join(map(short_repr, saved.labels))}"
            + (f"; the positive one is {short_repr(saved.labels[1])}" if two else "")
            + (f", predicted above a probability of {saved.model.threshold:.6g}" if two else ""),
        ],
        [f"layers, {n_parameters(units):,} weights and biases:", *_layers(saved, units)],
        _numbers(saved.preprocessing),
        _categories(saved.preprocessing),
        _formats(saved.preprocessing),
        ["training:", *_facts(saved)],
    ]
    return "\n\n".join("\n".join(lines) for lines in paragraphs if lines)


def _units(saved: SavedModel) -> list[int]:
    return [len(saved.model.weights[0]), *(len(b) for b in saved.model.biases)]


def _layers(saved: SavedModel, units: Sequence[int]) -> list[str]:
    last = "logistic" if units[-1] == 1 else "softmax"
    functions = [saved.model.activation] * (len(units) - 2) + [last]
    rows = [
        [str(fan_in), "inputs to", str(fan_out), f"{plural(fan_out, 'unit')},", function]
        for (fan_in, fan_out), function in zip(pairwise(units), functions, strict=True)
    ]
    return _aligned(rows, right=(0, 2))


def _numbers(raw: Preprocessing) -> list[str]:
    """Return a line for each numeric column, in raw units."""
    if not raw.numbers:
        return []
    rows = [["column", "least", "largest", "a gap becomes", "less", "times", "plus"]]
    values = (raw.minimum, raw.maximum, raw.fill, raw.centre, raw.factor, raw.offset)
    for name, *row in zip(raw.numbers, *values, strict=True):
        rows.append([short_repr(name), *(f"{value:.6g}" for value in row)])
    return [
        f"{count(len(raw.numbers), 'number')}, in the training rows from least to largest; an "
        "input is the value, less, times and plus:",
        *_aligned(rows, right=range(1, 7)),
    ]


def _categories(raw: Preprocessing) -> list[str]:
    """Return a line for each category."""
    lines = []
    for name, levels in zip(raw.categories, raw.levels, strict=True):
        known = [level for level in levels if level != GAP]
        text = [short_repr(level) for level in known[:LEVELS_SHOWN]]
        text += [f"{len(known) - LEVELS_SHOWN} more"] if len(known) > LEVELS_SHOWN else []
        gap = "a level of its own" if GAP in levels else "none of them"
        lines.append(f"  {short_repr(name)}: {', '.join(text)}; a gap is {gap}")
    number = count(len(lines), "category", "categories")
    return [f"{number}, an input of 0 or 1 a level:", *lines] if lines else []


def _formats(raw: Preprocessing) -> list[str]:
    """Return a line for each column that is not read as it stands: format, words for a gap."""
    lines = []
    for name, how in raw.formats.items():
        words = [how.number.describe()]
        if how.date is not None:
            words.append(f"dates like {how.date.pattern}, taken as {', '.join(how.date.parts)}")
        if how.na_values:
            words.append(f"missing: {', '.join(short_repr(text) for text in how.na_values)}")
        if any(words):
            lines.append(f"  {short_repr(name)}: {'; '.join(filter(None, words))}")
    if raw.indicators:
        lines.append(f"  an input says whether a value is missing: {preview(raw.indicators)}")
    return ["how columns are read:", *lines] if lines else []


def _facts(saved: SavedModel) -> list[str]:
    rows = [[safe_text(name), _number(value)] for name, value in saved.training_info.items()]
    return _aligned(rows, right=(1,)) if rows else ["  nothing is known of it"]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) and abs(value) < 1e15 else f"{value:.6g}"


def _aligned(rows: Sequence[Sequence[str]], right: Iterable[int]) -> list[str]:
    """Return rows of cells as lines with straight columns. right: the columns of numbers."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    numeric = set(right)
    return [
        "  "
        + "  ".join(
            cell.rjust(width) if place in numeric else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
