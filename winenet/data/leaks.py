"""Find features that give the label away by themselves."""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from winenet.errors import short_repr
from winenet.text import plural

MIN_SHARE = 0.99  # of the rows that one feature must decide
MAX_SHARE_OF_ERRORS = 0.2  # of the most frequent class's errors that may be left
MAX_CHANCE = 0.01  # that a feature without any connection decides as much, in a small table
MAX_CODES = 20  # different numbers that are looked at one by one, too
SCREENED = 10_000  # rows on which a number is tried first; all rows take a second per column
MARGIN = 0.02  # by which it may decide fewer of those
MIN_ROWS_PER_LEVEL = 5  # on average; with fewer, levels name rows and not groups


class Leak(NamedTuple):
    """A feature that decides nearly all rows.

    Attributes
    ----------
    feature : str
    share : float
        Of the rows, in [0, 1].
    how : str
        By what, in words.
    """

    feature: str
    share: float
    how: str

    def describe(self) -> str:
        """Return the leak in one sentence."""
        return (
            f"{short_repr(self.feature)} alone decides {self.share:.1%} of the rows, by {self.how}."
            " If it is known only after the label, leave it out"
        )


def as_json(leaks: list[Leak]) -> dict[str, dict[str, str | float]]:
    """Return leaks as metrics: by feature, the share of the rows, and by what it decides them."""
    return {leak.feature: {"share": leak.share, "by": leak.how} for leak in leaks}


def find_leaks(X: pd.DataFrame, y: pd.Series) -> list[Leak]:
    """Return the features of which each level, or a few cuts, decide nearly all rows.

    Such a feature may be known only after the label: `alive` beside `survived`.

    Parameters
    ----------
    X : DataFrame of shape (rows, features)
        Numbers, or texts; NaN for a gap.
    y : Series of shape (rows,)
        Class codes.
    """
    codes = pd.factorize(y)[0]
    of_class = np.bincount(codes) if len(codes) else np.zeros(0, dtype=np.intp)
    if len(of_class) < 2:
        return []
    orders = _log_orders(of_class)
    majority = of_class.max() / len(codes)
    least = max(MIN_SHARE, 1 - MAX_SHARE_OF_ERRORS * (1 - majority))
    leaks = []
    for name in X:
        column = X[name]
        is_numeric = pd.api.types.is_numeric_dtype(column)
        found = [_by_cuts(column.to_numpy(dtype=np.float64), codes)] if is_numeric else []
        if not is_numeric or column.nunique() <= MAX_CODES:
            found.append(_by_levels(column, codes))
        share, log_ways, how = max(found, key=lambda decided: decided[0])
        if (share > least or share == 1) and log_ways - orders < math.log(MAX_CHANCE):
            leaks.append(Leak(str(name), share, how))
    return leaks


def _log_orders(of_class: npt.NDArray[np.intp]) -> float:
    """Return the logarithm of the number of orders in which the labels may stand."""
    return math.lgamma(of_class.sum() + 1) - sum(math.lgamma(rows + 1) for rows in of_class)


def _by_levels(column: pd.Series, codes: npt.NDArray[np.intp]) -> tuple[float, float, str]:
    """Return the share of rows that have the most frequent label of their level.

    And the logarithm of the number of ways in which levels can have labels, and words.
    """
    levels, texts = pd.factorize(column, sort=False, use_na_sentinel=False)
    if len(texts) * MIN_ROWS_PER_LEVEL > len(column) and len(column) > MIN_ROWS_PER_LEVEL**2:
        return 0.0, 0.0, ""
    counts = np.zeros((len(texts), codes.max() + 1), dtype=np.int64)
    np.add.at(counts, (levels, codes), 1)
    classes = counts.shape[1]
    share = float(counts.max(axis=1).sum() / len(codes))
    # classes ** levels, less those in which all levels have one label.
    log_ways = len(texts) * math.log(classes)
    if len(texts) > 1:
        log_ways += math.log1p(-(float(classes) ** (1 - len(texts))))
    return share, log_ways, f"its {len(texts)} levels"


def _by_cuts(
    values: npt.NDArray[np.float64], codes: npt.NDArray[np.intp]
) -> tuple[float, float, str]:
    """Return the share of rows that as many intervals as there are classes decide.

    And the logarithm of the number of orders of the classes, and words.
    """
    from sklearn.tree import DecisionTreeClassifier

    if len(codes) > SCREENED:
        some = np.random.default_rng(0).choice(len(codes), SCREENED, replace=False)
        share, _, _ = _by_cuts(values[some], codes[some])
        if share < MIN_SHARE - MARGIN:
            return share, 0.0, ""
    classes = int(codes.max()) + 1
    tree = DecisionTreeClassifier(max_leaf_nodes=max(2, classes), random_state=0)
    # Ranks, since the tree computes in 32 bits; a gap is the lowest.
    numbers, ranks = np.unique(values, return_inverse=True)
    is_gap = np.isnan(numbers)
    numbers, ranks = numbers[~is_gap], np.where(np.isnan(values), -1, ranks)
    column = ranks.reshape(-1, 1)
    share = float(tree.fit(column, codes).score(column, codes))
    above = np.ceil(np.sort(tree.tree_.threshold[tree.tree_.feature >= 0])).astype(np.intp)
    cuts = [numbers[rank - 1] / 2 + numbers[rank] / 2 for rank in above if rank > 0]
    listed = ", ".join(f"{cut:.6g}" for cut in cuts[:3]) + (", ..." if len(cuts) > 3 else "")
    words = [f"the {plural(len(cuts), 'cut')} at {listed}"] if cuts else []
    words += ["whether it is missing"] if len(cuts) < len(above) else []
    return share, math.lgamma(classes + 1), " and ".join(words)
