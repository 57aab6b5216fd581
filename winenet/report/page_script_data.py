"""What the page's script reads: the probabilities and the training curves of the models."""

from collections.abc import Mapping
from typing import TypedDict

import pandas as pd

from winenet.report import model_tables
from winenet.report.markdown import Metrics
from winenet.report.terms import Terms


class Probabilities(TypedDict):
    """A model's labels and probabilities for the script.

    scores: the place of its scores. counts: the confusion matrix there, at the threshold.
    """

    label: list[int]
    probability: list[float]
    scores: str
    threshold: float
    counts: dict[str, int]


def thresholds(
    sources: Mapping[str, pd.DataFrame], scores: Mapping[str, Metrics]
) -> dict[str, Probabilities]:
    """Return by model the labels and probabilities of the test rows, for the page's script.

    sources: by the place of a model's scores, its predictions: row, the label, network, predicted,
    probability. scores: by model; they hold the counts at its threshold.
    """
    result: dict[str, Probabilities] = {}
    for place, table in sources.items():
        for model, item in table.groupby("network", sort=False):
            several = place.endswith("mlp.json#")
            result[str(model)] = {
                "label": item.iloc[:, 1].astype(int).tolist(),
                "probability": item["probability"].tolist(),
                "scores": f"{place}{model}." if several else place,
                "threshold": scores[str(model)].get("threshold", 0.5),
                "counts": scores[str(model)]["confusion_matrix"],
            }
    return result


class FollowedTraining(TypedDict):
    """A network's curves by column, and by stop its epoch, for the script."""

    columns: dict[str, list[float]]
    stops: dict[str, int]


def followed(
    tables: Mapping[str, pd.DataFrame], curves: Metrics, terms: Terms
) -> dict[str, FollowedTraining]:
    """Return by network its losses and accuracies by epoch and where it might have stopped.

    tables: by network's name in `curves`, as the stage curves wrote them.
    """
    return {
        model: {
            "columns": {str(name): column.tolist() for name, column in table.items()},
            "stops": {
                stop: curves[model][stop]["epoch"] for stop in model_tables.stopped_at(terms)
            },
        }
        for model, table in tables.items()
    }
