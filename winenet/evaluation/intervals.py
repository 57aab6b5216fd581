"""Confidence intervals of scores."""

import warnings
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from scipy.stats import DegenerateDataWarning, binomtest, bootstrap

from winenet.evaluation.metric_types import Interval
from winenet.evaluation.scoring import (
    BATCH_VALUES,
    Array,
    BootstrapMacroAuc,
    Probability,
    roc_auc,
    row_losses,
)

CONFIDENCE_LEVEL = 0.95  # of all intervals
BCA_MAX_ROWS = 10_000  # rows; with them the BCa interval of a ROC AUC takes some 20 s


def wilson_interval(successes: int, trials: int) -> Interval:
    """Return a share with its Wilson score interval of 95 %.

    Source: Wilson (1927), Journal of the American Statistical Association 22(158):209-212.
    """
    found = binomtest(successes, trials).proportion_ci(CONFIDENCE_LEVEL, method="wilson")
    return Interval(successes / trials, float(found.low), float(found.high))


def bootstrap_interval(
    statistic: Callable[..., Array], sample: Sequence[Array], resamples: int, random_state: int
) -> Interval | None:
    """Return a statistic of rows with its BCa bootstrap interval of 95 %.

    With more than `MOST_JACKKNIFED` rows it is the percentile interval: BCa leaves out each row
    once, which takes the square of the rows, and corrects less the more there are.
    statistic: takes the arrays of sample, (..., rows), and `axis`. sample: arrays of the same
    rows, which are drawn together. None when the bootstrap finds no spread to speak of: a ROC AUC
    of 1, for instance, is 1 in each resample, and its true value may well be less. None as well
    when a resample has no value, as a ROC AUC where a rare class was not drawn.
    Source: Efron (1987), Journal of the American Statistical Association 82(397):171-185.
    """
    with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
        warnings.simplefilter("ignore", DegenerateDataWarning)
        found = bootstrap(
            sample,
            statistic,
            paired=True,
            vectorized=True,
            n_resamples=resamples,
            batch=max(1, BATCH_VALUES // len(sample[0])),
            confidence_level=CONFIDENCE_LEVEL,
            method="BCa" if len(sample[0]) <= BCA_MAX_ROWS else "percentile",
            rng=np.random.default_rng(random_state),
        ).confidence_interval
    if not found.low < found.high:  # NaN as well
        return None
    return Interval(float(statistic(*sample, axis=-1)), float(found.low), float(found.high))


def scores_with_intervals(
    y: pd.Series,
    predicted: pd.Series,
    probability: Probability,
    seen: pd.Series,
    resamples: int,
    random_state: int,
) -> dict[str, Interval | None]:
    """Return the scores of a model, each with an interval of 95 %.

    accuracy and accuracy_unseen by Wilson, roc_auc and log_loss by the bootstrap. None where no
    interval can be told.
    """
    correct, unseen = np.asarray(predicted) == np.asarray(y), ~np.asarray(seen)
    P = np.asarray(probability)
    statistic: Callable[..., Array]
    sample: tuple[Array, ...]
    if P.ndim == 2:
        statistic, sample = BootstrapMacroAuc(y, P), (np.arange(len(P), dtype=np.float64),)
    else:
        statistic, sample = roc_auc, (y.to_numpy(dtype=np.float64), P)
    return {
        "accuracy": wilson_interval(int(correct.sum()), len(correct)),
        "accuracy_unseen": wilson_interval(int(correct[unseen].sum()), int(unseen.sum()))
        if unseen.any()
        else None,
        "roc_auc": bootstrap_interval(statistic, sample, resamples, random_state),
        "log_loss": bootstrap_interval(
            np.mean, (row_losses(y, probability),), resamples, random_state
        ),
    }
