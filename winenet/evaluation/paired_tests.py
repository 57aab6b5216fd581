"""Paired tests of whether two classifiers differ."""

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import binomtest

from winenet.evaluation.scoring import Array


def holm_correction(p_values: npt.ArrayLike) -> Array:
    """Return p-values corrected for multiple testing by Holm's method, in the same order.

    References:
    ----------
    Holm (1979), Scandinavian Journal of Statistics 6(2):65-70.
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = p.argsort(kind="stable")
    corrected = np.empty_like(p)
    corrected[order] = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    return np.minimum(corrected, 1)


def pairwise_mcnemar(y: pd.Series, predicted: Mapping[str, pd.Series]) -> pd.DataFrame:
    """Compare each pair of models on the same rows.

    Parameters
    ----------
    y : Series of shape (rows,)
    predicted : mapping of str to Series of shape (rows,)
        By model.

    Returns:
    -------
    DataFrame
        One row per pair: first, second, and the values of `mcnemar_exact`. p_value has Holm's
        correction for the number of pairs, p_value_alone is uncorrected.
    """
    pairs = pd.DataFrame(
        {"first": first, "second": second} | mcnemar_exact(y, predicted[first], predicted[second])
        for first, second in combinations(predicted, 2)
    )
    pairs["p_value_alone"] = pairs["p_value"]
    pairs["p_value"] = holm_correction(pairs["p_value"])
    return pairs


def mcnemar_exact(y: pd.Series, first: pd.Series, second: pd.Series) -> dict[str, float]:
    """Compare two classifiers by the exact McNemar test.

    It counts the rows that only one of them misclassifies. If both are equally good, each of these
    rows is as likely to be an error of the one as of the other.

    Returns:
    -------
    dict
        errors_first, errors_second, only_first, only_second, p_value.

    References:
    ----------
    McNemar (1947), Psychometrika 12(2):153-157; the exact form is a sign test.
    """
    wrong_first, wrong_second = np.asarray(first != y), np.asarray(second != y)
    only_first = int((wrong_first & ~wrong_second).sum())
    only_second = int((wrong_second & ~wrong_first).sum())
    disagreements = only_first + only_second
    return {
        "errors_first": int(wrong_first.sum()),
        "errors_second": int(wrong_second.sum()),
        "only_first": only_first,
        "only_second": only_second,
        "p_value": binomtest(only_first, disagreements).pvalue if disagreements else 1.0,
    }
