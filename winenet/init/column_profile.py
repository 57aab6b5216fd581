"""Count what a column of a table holds, block by block."""

from collections import Counter

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from winenet.data.number_format import PLAIN
from winenet.init.gap_words import GAP_WORDS
from winenet.init.ids import IdEvidence

MAX_DISTINCT = 10_000  # texts that are counted one by one
WHOLE = r"^[+-]?\d+(\.0+)?$"  # pandas writes 1 as 1.0 where the column has a gap


class ColumnProfile:
    """Statistics of a column, from its cleaned cells.

    Attributes
    ----------
    rows : int
        All rows.
    counts : Counter
        Rows by text, in the order of the rows, an empty cell as an empty text. Of a column with
        more than MAX_DISTINCT texts, the first ones and the words for a gap.
    overflowed : bool
        Whether there are more texts.
    low, high : float
        The smallest and the largest of the plain numbers; inf and -inf if there are none.
    """

    def __init__(self) -> None:
        self.rows = 0
        self.counts: Counter[str] = Counter()
        self.overflowed = False
        self.low, self.high = np.inf, -np.inf
        self._cells = self._whole = self._numbers = 0
        self._longest = self._falls = 0
        self._last: float | None = None
        self._hashes: npt.NDArray[np.uint64] | None = np.empty(0, dtype=np.uint64)
        self._new_hashes: list[npt.NDArray[np.uint64]] = []

    def add(self, texts: pa.Array) -> None:
        """Count more rows. texts: as `column_format.clean_cells` returns them."""
        self.rows += len(texts)
        texts = pc.fill_null(texts, "")
        counted = pc.value_counts(texts)
        pairs = zip(
            counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True
        )
        for text, number in pairs:
            if not self.overflowed or text in self.counts or text.lower() in GAP_WORDS:
                self.counts[text] += number
        self.overflowed = self.overflowed or len(self.counts) > MAX_DISTINCT
        is_gap = pc.is_in(pc.utf8_lower(texts), value_set=pa.array(["", *sorted(GAP_WORDS)]))
        given = texts.filter(pc.invert(is_gap))
        if len(given):
            self._add_evidence(given)

    def _add_evidence(self, texts: pa.Array) -> None:
        """Note what speaks for an id. texts: without gaps."""
        self._cells += len(texts)
        self._longest = max(self._longest, pc.max(pc.utf8_length(texts)).as_py())
        is_plain = pc.match_substring_regex(texts, PLAIN)
        numerals = texts.filter(is_plain)
        self._numbers += len(numerals)
        self._whole += pc.sum(pc.match_substring_regex(numerals, WHOLE)).as_py() or 0
        if len(numerals):
            numerals = pc.replace_substring_regex(numerals, r"^\+", "")
            numbers = pc.cast(numerals, pa.float64()).to_numpy(zero_copy_only=False)
            numbers = numbers[np.isfinite(numbers)]
            if len(numbers):
                self.low, self.high = min(self.low, numbers.min()), max(self.high, numbers.max())
                before = [] if self._last is None else [self._last]
                self._falls += int((np.diff([*before, *numbers]) <= 0).sum())
                self._last = float(numbers[-1])
        if self._hashes is not None:
            hashes = pd.util.hash_array(texts.to_numpy(zero_copy_only=False), categorize=False)
            self._new_hashes.append(hashes)
            # Joined when there are as many new ones, so that the work grows with the rows alone.
            if sum(map(len, self._new_hashes)) >= len(self._hashes):
                self._join_hashes()

    def _join_hashes(self) -> None:
        """Count different cells; forget them if there are too few for an id."""
        if self._hashes is not None:
            self._hashes = np.unique(np.concatenate([self._hashes, *self._new_hashes]))
            self._new_hashes = []
            if len(self._hashes) < 0.9 * self._cells:  # no id, so the memory can go
                self._hashes = None

    @property
    def id_evidence(self) -> IdEvidence:
        """What distinguishes an id from a measurement or a category."""
        self._join_hashes()
        distinct = len(self.counts) if self._hashes is None else len(self._hashes)
        return IdEvidence(
            rows=self._cells,
            distinct=distinct,
            all_integers=self._whole == self._cells,
            all_text=self._numbers == 0,
            is_rising=self._falls <= 1,
            span=self.high - self.low + 1,
            longest=self._longest,
        )
