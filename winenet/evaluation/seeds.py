"""Train networks under several seeds, to measure how much their scores depend on the seed."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pandas as pd
from sklearn.base import clone

from winenet.data.split_data import EvaluationSet
from winenet.evaluation import confusion, scoring
from winenet.models.predictor import with_threshold
from winenet.models.registry import Estimator, Fit, fit_all
from winenet.models.saved import DEFAULT_THRESHOLD
from winenet.params import Seeds

SCORES = (
    *("accuracy", "accuracy_unseen", "balanced_accuracy", "matthews_corrcoef"),
    *("average_precision", "roc_auc", "log_loss"),
)


def train_over_seeds(
    networks: Mapping[str, Estimator],
    X_train: pd.DataFrame,
    y_train: pd.Series,
    test: EvaluationSet,
    settings: Seeds,
    thresholds: Mapping[str, float] = MappingProxyType({}),
) -> pd.DataFrame:
    """Train each network under each seed.

    networks: untrained, by name. thresholds: by name, where it is not 0.5.

    Returns one row per training: model, random_state, epochs, errors, and the SCORES (without
    accuracy_unseen if all test rows are in training).
    """
    fits = seed_fits(networks, X_train, y_train, settings)
    fit_all(fits.values())
    records = []
    for (name, seed), (model, _) in fits.items():
        classifier = with_threshold(model, thresholds.get(name, DEFAULT_THRESHOLD))
        scores = scoring.scores_on(classifier, test)
        known = {score: scores[score] for score in SCORES if scores[score] is not None}
        counts = {"epochs": model.n_iter_, "errors": confusion.n_errors(scores)}
        records.append({"model": name, "random_state": seed} | counts | known)
    return pd.DataFrame(records)


def seed_fits(
    networks: Mapping[str, Estimator], X_train: pd.DataFrame, y_train: pd.Series, settings: Seeds
) -> dict[tuple[str, int], Fit]:
    """Return the fits of `train_over_seeds`, by the network's name and the seed."""
    seeds = range(settings.random_state, settings.random_state + settings.n_seeds)
    return {
        (name, seed): Fit(clone(network).set_params(random_state=seed), (X_train, y_train))
        for name, network in networks.items()
        for seed in seeds
    }


def summarize(runs: pd.DataFrame, reference_run: Mapping[str, Any]) -> dict[str, Any]:
    """Summarize the scores of one network over all seeds, and rank the reference run among them.

    runs: the network's rows of `train_over_seeds`. reference_run: the scores of the pipeline's
    run, with the seed in params.yaml. sd: the divisor is the number of runs minus one.
    """
    statistics = {
        name: runs[name].agg(["mean", "std", "min", "max"]).rename({"std": "sd"}).to_dict()
        for name in SCORES
        if name in runs
    }
    errors = confusion.n_errors(reference_run)
    rank = {
        "runs_better": (runs["errors"] < errors).sum(),
        "runs_equal": (runs["errors"] == errors).sum(),
        "runs_worse": (runs["errors"] > errors).sum(),
    }
    reference = {"accuracy": reference_run["accuracy"], "errors": errors}
    return statistics | {"own": reference | rank}
