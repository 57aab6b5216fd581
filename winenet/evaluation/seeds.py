"""Trains networks under several seeds: how much of a score is the luck of the start."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from sklearn.base import clone

from winenet.evaluation import confusion, scoring
from winenet.evaluation.scoring import EvaluationSet
from winenet.models.registry import Estimator, fit_all
from winenet.params import Seeds

SCORES = ("accuracy", "accuracy_unseen", "roc_auc", "log_loss")


def train_over_seeds(
    networks: Mapping[str, Estimator],
    X_train: pd.DataFrame,
    y_train: pd.Series,
    test: EvaluationSet,
    settings: Seeds,
) -> pd.DataFrame:
    """Train each network under each seed; return a line a training.

    networks: untrained, by name. Columns: model, random_state, epochs, errors, and the SCORES
    (without accuracy_unseen when there are no such rows).
    """
    seeds = range(settings.random_state, settings.random_state + settings.n_seeds)
    plan = [(name, seed) for name in networks for seed in seeds]
    models = [clone(networks[name]).set_params(random_state=seed) for name, seed in plan]
    fit_all(models, [(X_train, y_train)] * len(models))
    lines = []
    for (name, seed), model in zip(plan, models, strict=True):
        scores = scoring.scores_on(model, test)
        kept = {score: scores[score] for score in SCORES if scores[score] is not None}
        facts = {"epochs": model.n_iter_, "errors": confusion.n_errors(scores)}
        lines.append({"model": name, "random_state": seed} | facts | kept)
    return pd.DataFrame(lines)


def summarize(runs: pd.DataFrame, own: Mapping[str, Any]) -> dict[str, Any]:
    """Return of one network mean, sd, min and max of each score, and where its own run stands.

    runs: its lines of `over_seeds`. own: the scores of the pipeline's own run,
    with the seed of params.yaml. sd: with one less than the runs in the divisor.
    """
    spread = {
        name: runs[name].agg(["mean", "std", "min", "max"]).rename({"std": "sd"}).to_dict()
        for name in SCORES
        if name in runs
    }
    errors = confusion.n_errors(own)
    place = {
        "runs_better": (runs["errors"] < errors).sum(),
        "runs_equal": (runs["errors"] == errors).sum(),
        "runs_worse": (runs["errors"] > errors).sum(),
    }
    return spread | {"own": {"accuracy": own["accuracy"], "errors": errors} | place}
