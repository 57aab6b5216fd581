"""Counts what a column of a table holds, some rows at a time; of many numbers only the range."""

from collections import Counter
from collections.abc import Collection

import numpy as np
import pandas as pd

MAX_DISTINCT = 10_000  # texts of numbers that are counted; of more only the range is kept


class ColumnStats:
    """What a column holds, each cell as it is written.

    A long table may hold millions of numbers that differ. Their texts are counted as long as they
    are few; after that there is only what the attributes say of all numbers.

    Attributes
    ----------
        words: Rows by text, of the cells that are no finite number; in the order of the rows.
        numerals: Rows by text, of the numbers; empty once `many` differ.
        many: More than `MOST` numbers differ.
        rows: Numbers, one a row.
        low: The smallest number; inf if there is none.
        high: The largest; -inf if there is none.
        whole: All numbers are whole.
        differ: All numbers are whole, and no two are written alike.
    """

    def __init__(self, words: Collection[str] = ()) -> None:
        """Begin with no cell. words: texts that are to count as no number, such as -999."""
        self.words: Counter[str] = Counter()
        self.numerals: Counter[str] = Counter()
        self.many = False
        self.rows = 0
        self.low, self.high = np.inf, -np.inf
        self.whole = self.differ = True
        self._words = list(words)
        self._hashes = np.empty(0, dtype=np.uint64)

    def add(self, cells: pd.Series) -> None:
        """Count further rows. cells: their texts."""
        cells = cells.astype("object")
        numbers = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=np.float64)
        finite = np.isfinite(numbers) & ~cells.isin(self._words).to_numpy()
        self.words.update(cells[~finite])
        if finite.any():
            self._add_numbers(numbers[finite], cells[finite])

    def _add_numbers(self, numbers: np.ndarray, numerals: pd.Series) -> None:
        self.rows += len(numbers)
        self.low, self.high = min(self.low, numbers.min()), max(self.high, numbers.max())
        self.whole = self.whole and bool((numbers == np.floor(numbers)).all())
        self.differ = self.differ and self.whole
        if self.differ:
            # Of ids by the million, hashes take a tenth of the room that texts do.
            hashes = pd.util.hash_array(numerals.to_numpy(), categorize=False)
            self._hashes = np.unique(np.concatenate([self._hashes, hashes]))
            self.differ = len(self._hashes) == self.rows
        if not self.many:
            self.numerals.update(numerals)
            self.many = len(self.numerals) > MAX_DISTINCT
        if self.many:
            self.numerals.clear()
