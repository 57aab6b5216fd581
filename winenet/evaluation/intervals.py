"""Confidence intervals of scores."""

import warnings
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from scipy.stats import DegenerateDataWarning, binomtest, bootstrap

from winenet.evaluation.metric_types import Interval
from winenet.evaluation.resampled_scores import BootstrapAveragePrecision, BootstrapMatthews
from winenet.evaluation.scoring import (
    BATCH_VALUES,
    Array,
    BootstrapMacroAuc,
    Probability,
    roc_auc,
    row_losses,
)

CONFIDENCE_LEVEL = 0.95
BCA_MAX_ROWS = 10_000  # the BCa interval of a ROC AUC then takes about 20 s


def wilson_interval(successes: int, trials: int) -> Interval:
    """Return a proportion with its 95 % Wilson score interval.

    References
    ----------
    Wilson (1927), Journal of the American Statistical Association 22(158):209-212.
    """
    bounds = binomtest(successes, trials).proportion_ci(CONFIDENCE_LEVEL, method="wilson")
    return Interval(successes / trials, float(bounds.low), float(bounds.high))


def balanced_accuracy_interval(y: pd.Series, predicted: pd.Series) -> Interval:
    """Return the balanced accuracy with a 95 % interval, from Wilson's intervals of the recalls.

    Unlike a bootstrap it has a width where a model predicts one class only, or all rows correctly.
    Classes without a row do not count.

    References
    ----------
    Newcombe (1998), Statistics in Medicine 17(8):873-890, and for more than two proportions Zou and
    Donner (2008), Statistics in Medicine 27(10):1693-1702.
    """
    truth = np.asarray(y)
    correct = np.asarray(predicted) == truth
    recalls = np.array(
        [
            wilson_interval(int(correct[truth == code].sum()), int((truth == code).sum()))
            for code in np.unique(truth)
        ]
    )
    value = recalls[:, 0].mean()
    below, above = np.linalg.norm(recalls[:, 1:] - recalls[:, :1], axis=0) / len(recalls)
    return Interval(float(value), float(value - below), float(value + above))


def bootstrap_interval(
    statistic: Callable[..., Array], sample: Sequence[Array], resamples: int, random_state: int
) -> Interval | None:
    """Return a statistic of rows with its 95 % BCa bootstrap interval.

    With more than `BCA_MAX_ROWS` rows it is the percentile interval. BCa leaves out each row once,
    so its time grows with the square of the rows, while its correction becomes smaller.

    Parameters
    ----------
    statistic : callable
        Takes the arrays of sample, (..., rows), and `axis`.
    sample : sequence of ndarray of shape (rows,)
        Arrays of the same rows, which are drawn together.
    resamples : int
    random_state : int

    Returns
    -------
    Interval or None
        None if all resamples have the same value: a ROC AUC of 1 is 1 in each of them, although
        the true value may be less. None also if a resample has no value, such as a ROC AUC when a
        rare class was not drawn.

    References
    ----------
    Efron (1987), Journal of the American Statistical Association 82(397):171-185.
    """
    with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
        warnings.simplefilter("ignore", DegenerateDataWarning)
        bounds = bootstrap(
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
    if not bounds.low < bounds.high:  # also true of NaN
        return None
    return Interval(float(statistic(*sample, axis=-1)), float(bounds.low), float(bounds.high))


def scores_with_intervals(
    y: pd.Series,
    predicted: pd.Series,
    ranking: Probability | None,
    in_training: pd.Series,
    resamples: int,
    random_state: int,
    *,
    is_probability: bool = True,
) -> dict[str, Interval | None]:
    """Return the scores of a model, each with a 95 % interval or None if it has none.

    The intervals of accuracy and accuracy_unseen are Wilson's, that of balanced_accuracy is
    `balanced_accuracy_interval`; the others are bootstrapped.

    Parameters
    ----------
    y, predicted, in_training
        As in `scoring.scores`.
    ranking : Series of shape (rows,), DataFrame of shape (rows, classes), or None
        What orders the rows for average_precision and roc_auc; usually the probabilities.
    resamples, random_state : int
    is_probability : bool
        Whether ranking has probabilities, without which there is no log_loss.
    """
    correct, unseen = np.asarray(predicted) == np.asarray(y), ~np.asarray(in_training)
    indices = np.arange(len(correct), dtype=np.float64)
    scores: dict[str, Interval | None] = {
        "accuracy": wilson_interval(int(correct.sum()), len(correct)),
        "accuracy_unseen": wilson_interval(int(correct[unseen].sum()), int(unseen.sum()))
        if unseen.any()
        else None,
        "balanced_accuracy": balanced_accuracy_interval(y, predicted),
        "matthews_corrcoef": bootstrap_interval(
            BootstrapMatthews(y, predicted), (indices,), resamples, random_state
        ),
        "average_precision": None,
        "roc_auc": None,
        "log_loss": None,
    }
    if ranking is None:
        return scores
    P = np.asarray(ranking)
    statistic: Callable[..., Array]
    sample: tuple[Array, ...]
    if P.ndim == 2:
        statistic, sample = BootstrapMacroAuc(y, P), (indices,)
    else:
        statistic, sample = roc_auc, (y.to_numpy(dtype=np.float64), P)
    scores["average_precision"] = bootstrap_interval(
        BootstrapAveragePrecision(y, P), (indices,), resamples, random_state
    )
    scores["roc_auc"] = bootstrap_interval(statistic, sample, resamples, random_state)
    if is_probability:
        losses = row_losses(y, ranking)
        scores["log_loss"] = bootstrap_interval(np.mean, (losses,), resamples, random_state)
    return scores
