"""Paired tests of whether two classifiers differ."""

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import binomtest

from winenet.evaluation.scoring import Array


def holm_correction(p_values: npt.ArrayLike) -> Array:
    """Return the p-values corrected for their number by Holm's method, in the order given.

    Source: Holm (1979), Scandinavian Journal of Statistics 6(2):65-70.
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = p.argsort(kind="stable")
    corrected = np.empty_like(p)
    corrected[order] = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    return np.minimum(corrected, 1)


def pairwise_mcnemar(y: pd.Series, predicted: Mapping[str, pd.Series]) -> pd.DataFrame:
    """Compare each pair of models on the same rows.

    predicted: by model, (rows,). Returns a line a pair: first, second, and what `paired_errors`
    tells; p_value is corrected by Holm's method for the number of pairs, p_value_alone is not.
    """
    found = pd.DataFrame(
        {"first": first, "second": second} | mcnemar_exact(y, predicted[first], predicted[second])
        for first, second in combinations(predicted, 2)
    )
    found["p_value_alone"] = found["p_value"]
    found["p_value"] = holm_correction(found["p_value"])
    return found


def mcnemar_exact(y: pd.Series, first: pd.Series, second: pd.Series) -> dict[str, float]:
    """Compare two classifiers on the same rows by the rows that only one of them gets wrong.

    Returns errors_first, errors_second, only_first, only_second, and the p_value of the exact
    McNemar test: were both equally good, each such row would fall to either like a coin.
    Source: McNemar (1947), Psychometrika 12(2):153-157; the exact form is a sign test.
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
