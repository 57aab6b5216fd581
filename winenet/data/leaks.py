"""Find features that give the label away by themselves."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from winenet.errors import short_repr

MIN_SHARE = 0.99  # of the rows that one feature must decide
MAX_SHARE_OF_ERRORS = 0.2  # of the most frequent class's errors that may be left
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
    majority = np.bincount(codes).max() / len(codes)
    least = max(MIN_SHARE, 1 - MAX_SHARE_OF_ERRORS * (1 - majority))
    leaks = []
    for name in X:
        column = X[name]
        if pd.api.types.is_numeric_dtype(column):
            share, how = _by_cuts(column.to_numpy(dtype=np.float64), codes)
        else:
            share, how = _by_levels(column, codes)
        if share > least or share == 1:
            leaks.append(Leak(str(name), share, how))
    return leaks


def _by_levels(column: pd.Series, codes: npt.NDArray[np.intp]) -> tuple[float, str]:
    """Return the share of rows that have the most frequent label of their level."""
    levels, texts = pd.factorize(column.fillna(""), sort=False)
    if len(texts) * MIN_ROWS_PER_LEVEL > len(column) and len(column) > MIN_ROWS_PER_LEVEL**2:
        return 0.0, ""
    counts = np.zeros((len(texts), codes.max() + 1), dtype=np.int64)
    np.add.at(counts, (levels, codes), 1)
    return float(counts.max(axis=1).sum() / len(codes)), f"its {len(texts)} levels"


def _by_cuts(values: npt.NDArray[np.float64], codes: npt.NDArray[np.intp]) -> tuple[float, str]:
    """Return the share of rows that as many intervals as there are classes decide."""
    from sklearn.tree import DecisionTreeClassifier

    classes = int(codes.max()) + 1
    tree = DecisionTreeClassifier(max_leaf_nodes=max(2, classes), random_state=0)
    column = values.reshape(-1, 1)
    share = float((tree.fit(column, codes).predict(column) == codes).mean())
    cuts = np.sort(tree.tree_.threshold[tree.tree_.feature >= 0])
    listed = ", ".join(f"{cut:.6g}" for cut in cuts[:3]) + (", ..." if len(cuts) > 3 else "")
    return share, f"the cut at {listed}" if len(cuts) == 1 else f"the cuts at {listed}"
