"""The tables of the page whose cells can be pointed at: the search, and the pairs of models."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from winenet.report import model_tables
from winenet.report.sentences import is_significant


@dataclass(frozen=True)
class GridCell:
    """A candidate of the search.

    row: its line in the table. best, close: whether its score is the highest, or within one
    standard error of it. heat: the strength of its colour, in per cent. folds, epochs: per fold,
    the score as text and the epochs.
    """

    row: int
    name: str
    best: bool
    close: bool
    heat: int
    folds: list[str]
    epochs: list[int]


class GridRow(NamedTuple):
    """The candidates with one value of the first parameter, by value of the second."""

    value: Any
    cells: list[GridCell | None]


@dataclass(frozen=True)
class Grid:
    """The search as a table, where two parameters were searched.

    row_name, column_name: the two parameters. columns: the values of the second.
    """

    row_name: str
    column_name: str
    columns: list[Any]
    rows: list[GridRow]


def grid(candidates: pd.DataFrame, standard_error: float) -> Grid | None:
    """Return the search as a table.

    Parameters
    ----------
    candidates : DataFrame
        As the stage grid_search wrote them, one per line.
    standard_error : float
        That of the best candidate's mean.

    Returns
    -------
    Grid or None
        None if other than two parameters were searched, or few pairs of their values.
    """
    if not model_tables.is_grid(candidates):
        return None
    searched = model_tables.searched(candidates)
    first, second = searched
    scores = candidates["mean_test_score"]
    span = scores.max() - scores.min()
    folds = candidates.filter(regex=r"^split\d+_test_score$")
    epochs = candidates.filter(regex=r"^split\d+_epochs$")
    cells = {
        (item[first], item[second]): GridCell(
            row=row,
            name=item["candidate"],
            best=item["rank_test_score"] == 1,
            close=item["mean_test_score"] >= scores.max() - standard_error,
            # Between a tenth and a half, so that the text on it is readable.
            heat=round(10 + 35 * (item["mean_test_score"] - scores.min()) / (span or 1)),
            folds=[f"{score:.4f}" for score in folds.iloc[row]],
            epochs=epochs.iloc[row].tolist(),
        )
        for row, item in enumerate(candidates.to_dict("records"))
    }
    rows, columns = (list(dict.fromkeys(candidates[name])) for name in searched)
    return Grid(
        first,
        second,
        columns,
        [GridRow(row, [cells.get((row, column)) for column in columns]) for row in rows],
    )


@dataclass(frozen=True)
class PairCell:
    """A pair of models. line: its line in the table of pairs. differ: whether they do."""

    line: int
    differ: bool
    sentence: str


def matrix(pairs: pd.DataFrame, sentences: Sequence[str]) -> dict[str, dict[str, PairCell]]:
    """Return each pair by first and second model.

    pairs: as the stage compare wrote them. sentences: one for each of its lines on all test rows.
    """
    lines = np.flatnonzero(pairs["rows"] == "all").tolist()
    result: dict[str, dict[str, PairCell]] = {}
    for line, text in zip(lines, sentences, strict=True):
        item = {str(name): value for name, value in pairs.iloc[line].items()}
        result.setdefault(item["first"], {})[item["second"]] = PairCell(
            line, is_significant(item), text
        )
    return result
