"""The page's section on the neuron by hand: what it shows, and what its script computes with.

The script trains the same network again in the reader's browser, so rows and start are handed to
it as exact float64, and the path as the stage handmade wrote it.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import linprog

from winenet.report import notebook_section
from winenet.report.markdown import Metrics

ROWS, HELD_OUT = "data/handmade.csv", "data/handmade_held_out.csv"
PATH, PREDICTIONS = "data/handmade_path.csv", "data/handmade_predictions.csv"
FEATURES = ["X1", "X2", "X3"]
RATES = [0.00001, 0.0001, 0.001, 0.01, 0.1, 0.3, 1, 10]  # offered; any other can be written

Array = NDArray[Any]
Tables = Mapping[str, pd.DataFrame]


class LabelledRows(TypedDict):
    """Rows with their labels, for the script."""

    rows: list[list[float]]
    labels: list[int]


class ScriptData(TypedDict):
    """What the page's script reads."""

    features: list[str]
    training: LabelledRows
    held_out: LabelledRows
    learning_rate: float
    epochs: list[int]
    best: int
    path: dict[str, list[Any]]


class Preset(TypedDict, total=False):
    """Settings of a run; flipped_rows: the rows whose labels are flipped."""

    learning_rate: float
    epochs: int
    flipped_rows: list[int]


@dataclass(frozen=True)
class Presets:
    """Settings to try. mixed, mixed_long: None if no flip of two labels is inseparable."""

    short: Preset
    long: Preset
    mixed: Preset | None
    mixed_long: Preset | None


@dataclass(frozen=True)
class NeuronSection:
    """The content of the section.

    Parameters
    ----------
    epochs : list of int
        The epochs at which the exercises read the run.
    best : int
        The epoch of the lowest held-out loss.
    stops : list of int
        All of these in order, without the start.
    at : mapping
        By epoch, its line in the path.
    rows : list of int
        The numbers of the rows.
    predictions : mapping
        By model, the lines of its six rows at the first of the epochs.
    features : list of str
        The names of the features.
    data : ScriptData
        What the page's script reads.
    presets : Presets
        Settings that the reader can try.
    rates : list of float
        The learning rates that the page suggests.
    """

    epochs: list[int]
    best: int
    stops: list[int]
    at: Mapping[int, int]
    rows: list[int]
    predictions: Mapping[str, list[int]]
    features: list[str]
    data: ScriptData
    presets: Presets
    rates: list[float]


def section(tables: Tables, measured: Metrics) -> NeuronSection:
    """Return the content of the section.

    Parameters
    ----------
    tables : mapping
        By path, what the stage handmade wrote.
    measured : mapping
        Its numbers.

    Returns
    -------
    NeuronSection
    """
    epochs = list(notebook_section.snapshots_by_epoch(measured["network"]))
    best = measured["early_stopping"]["best"]["epochs"]
    predictions = tables[PREDICTIONS]
    return NeuronSection(
        epochs=epochs,
        best=best,
        stops=sorted({*epochs, best} - {0}),
        at={int(epoch): line for line, epoch in enumerate(tables[PATH]["epoch"])},
        rows=list(range(len(tables[ROWS]))),
        predictions={
            model: np.flatnonzero(
                (predictions["model"] == model) & (predictions["epochs"] == read)
            ).tolist()
            for model, read in (("logistic", 0), ("network", epochs[0]))
        },
        features=FEATURES,
        data=script_data(tables, measured),
        presets=presets(tables[ROWS]),
        rates=RATES,
    )


def script_data(tables: Tables, measured: Metrics) -> ScriptData:
    """Return what the script reads, every float as it was written.

    path: a list an epoch each; its first entry, epoch 0, is the start of the run.
    """
    path = tables[PATH]
    weights = [f"weight_{name}" for name in FEATURES]
    rows = range(len(tables[ROWS]))
    return {
        "features": FEATURES,
        "training": labelled(tables[ROWS]),
        "held_out": labelled(tables[HELD_OUT]),
        "learning_rate": measured["learning_rate"],
        "epochs": list(notebook_section.snapshots_by_epoch(measured["network"])),
        "best": measured["early_stopping"]["best"]["epochs"],
        "path": {
            **{name: path[name].tolist() for name in ("epoch", "loss", "held_out_loss", "bias")},
            "weights": path[weights].to_numpy().tolist(),
            "raw": path[[f"raw_{row}" for row in rows]].to_numpy().tolist(),
            "probabilities": path[[f"probability_{row}" for row in rows]].to_numpy().tolist(),
        },
    }


def labelled(table: pd.DataFrame) -> LabelledRows:
    """Return a table's rows and labels. table: X1, X2, X3, y."""
    return {"rows": table[FEATURES].to_numpy().tolist(), "labels": table["y"].tolist()}


def presets(table: pd.DataFrame) -> Presets:
    """Return settings for the reader to try. table: the six rows."""
    short: Preset = {"learning_rate": 0.00001}
    long: Preset = {"learning_rate": 1, "epochs": 30}
    flipped_rows = find_inseparable_flip(table)
    if flipped_rows is None:
        return Presets(short, long, None, None)
    return Presets(
        short,
        long,
        {"flipped_rows": flipped_rows, "learning_rate": 0.3, "epochs": 10_000},
        {"flipped_rows": flipped_rows, "learning_rate": 2, "epochs": 1000},
    )


def find_inseparable_flip(table: pd.DataFrame) -> list[int] | None:
    """Return the pair nearest the middle whose flipped labels no plane can separate, if any."""
    X, y = table[FEATURES].to_numpy(), table["y"].to_numpy()
    pairs = itertools.combinations(range(len(y)), 2)
    for pair in sorted(pairs, key=lambda pair: pair[1] - pair[0]):
        labels = y.copy()
        labels[list(pair)] = 1 - labels[list(pair)]
        if not separable(X, labels):
            return list(pair)
    return None


def separable(X: Array, y: Array) -> bool:
    """Return whether a plane has all rows of label 1 on one side and all of label 0 on the other.

    It has when some weights and bias give each row a raw prediction of at least 1 with the sign
    of its label: a linear programme with nothing to minimise.
    """
    sides = np.where(y > 0, 1.0, -1.0)[:, np.newaxis]
    rows = np.hstack([np.ones((len(X), 1)), X])
    result = linprog(
        np.zeros(rows.shape[1]), A_ub=-sides * rows, b_ub=-np.ones(len(X)), bounds=(None, None)
    )
    return bool(result.success)
