"""A confusion matrix as the metrics hold it, of two classes or of several."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt


def as_matrix(matrix: Mapping[str, int] | Sequence[Sequence[int]]) -> npt.NDArray[np.int64]:
    """Return a confusion matrix of the metrics as (classes, classes), actual by predicted."""
    if isinstance(matrix, Mapping):
        return np.array([[matrix["tn"], matrix["fp"]], [matrix["fn"], matrix["tp"]]])
    return np.array(matrix)


def n_errors(scores: Mapping[str, Any]) -> int:
    """Return how many rows a model got wrong. scores: its metrics."""
    found = as_matrix(scores["confusion_matrix"])
    return int(found.sum() - found.trace())
