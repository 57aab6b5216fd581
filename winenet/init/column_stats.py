"""Count what a column of a table holds, some rows at a time."""

from collections import Counter
from collections.abc import Collection

import numpy as np
import pandas as pd

MAX_DISTINCT = 10_000  # numbers; of more than these, only the range is kept


class ColumnStats:
    """Statistics of a column, from the text of its cells.

    The texts of numbers are counted as long as they are few: a long table may hold millions of
    different ones.

    Attributes
    ----------
    text_counts: rows by text, of the cells that are not a finite number, in the order of the rows.
    number_counts: rows by text, of the numbers; empty once `overflowed`.
    overflowed: whether more than MAX_DISTINCT numbers differ.
    rows: how many cells are numbers.
    low: the smallest number; inf if there is none.
    high: the largest; -inf if there is none.
    all_integers: whether all numbers are integers.
    all_distinct: whether all numbers are integers and no two are written alike.
    """

    def __init__(self, words: Collection[str] = ()) -> None:
        """Create empty statistics. words: texts that do not count as numbers, such as -999."""
        self.text_counts: Counter[str] = Counter()
        self.number_counts: Counter[str] = Counter()
        self.overflowed = False
        self.rows = 0
        self.low, self.high = np.inf, -np.inf
        self.all_integers = self.all_distinct = True
        self._words = list(words)
        self._hashes = np.empty(0, dtype=np.uint64)

    def add(self, cells: pd.Series) -> None:
        """Count more rows.

        Parameters
        ----------
        cells
            The text of the cells, (rows,).
        """
        cells = cells.astype("object")
        numbers = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=np.float64)
        finite = np.isfinite(numbers) & ~cells.isin(self._words).to_numpy()
        self.text_counts.update(cells[~finite])
        if finite.any():
            self._add_numbers(numbers[finite], cells[finite])

    def _add_numbers(self, numbers: np.ndarray, numerals: pd.Series) -> None:
        self.rows += len(numbers)
        self.low, self.high = min(self.low, numbers.min()), max(self.high, numbers.max())
        self.all_integers = self.all_integers and bool((numbers == np.floor(numbers)).all())
        self.all_distinct = self.all_distinct and self.all_integers
        if self.all_distinct:
            # For millions of ids, hashes need a tenth of the memory of texts.
            hashes = pd.util.hash_array(numerals.to_numpy(), categorize=False)
            self._hashes = np.unique(np.concatenate([self._hashes, hashes]))
            self.all_distinct = len(self._hashes) == self.rows
        if not self.overflowed:
            self.number_counts.update(numerals)
            self.overflowed = len(self.number_counts) > MAX_DISTINCT
        if self.overflowed:
            self.number_counts.clear()
