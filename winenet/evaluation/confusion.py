"""Read the confusion matrix in a metrics file, with two or more classes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt


def as_matrix(matrix: Mapping[str, int] | Sequence[Sequence[int]]) -> npt.NDArray[np.int64]:
    """Return a confusion matrix from the metrics as (classes, classes), actual by predicted."""
    if isinstance(matrix, Mapping):
        return np.array([[matrix["tn"], matrix["fp"]], [matrix["fn"], matrix["tp"]]])
    return np.array(matrix)


def n_errors(scores: Mapping[str, Any]) -> int:
    """Return the number of misclassified rows. scores: the metrics of a model."""
    matrix = as_matrix(scores["confusion_matrix"])
    return int(matrix.sum() - matrix.trace())
