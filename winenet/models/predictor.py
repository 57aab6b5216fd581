"""Predicts with a model that was read from its file, by the forward pass of the network.

`Predictor` takes a network's inputs, `RawPredictor` a table as the raw files write it.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from winenet.data import preprocessing
from winenet.data.preprocessing import Array
from winenet.models.saved import DenseModel, SavedModel
from winenet.network.layers import forward

# Raw rows are predicted in products of so many rows, whose activations fit a processor's cache.
BLOCK_ROWS = 1024
MAX_BLOCK_VALUES = (
    2**21
)  # inputs of raw rows that are made at a time: those of many levels take much room


class DensePredictor:
    """A model in scikit-learn's words: classes_, predict_proba and predict."""

    def __init__(self, model: DenseModel) -> None:
        self.model = model
        self.classes_ = model.classes

    def predict_proba(self, X: Any) -> Array:
        """Return (rows, classes), the probability of each class. X: (rows, inputs), normalised."""
        rows = np.asarray(X, dtype=np.float64)
        P: Array = np.asarray(
            forward(rows, self.model.weights, self.model.biases, self.model.activation),
            dtype=np.float64,
        )
        return np.column_stack([1 - P, P]) if len(self.classes_) == 2 else P

    def predict(self, X: Any) -> npt.NDArray[np.int64]:
        """Return each row's most probable class, (rows,); of several alike, the first."""
        return np.asarray(self.classes_[argmax_class(self.predict_proba(X))])


class PipelinePredictor:
    """A model's file in scikit-learn's words, on raw rows. classes_: (classes,), the labels."""

    def __init__(self, saved: SavedModel) -> None:
        self.saved = saved
        self.classes_ = np.array(saved.labels, dtype=object)
        self.predictor = DensePredictor(saved.model)

    def predict_proba(self, X: pd.DataFrame, first: int = 0) -> Array:
        """Return (rows, classes), the probability of each label; NaN where a sum is infinite.

        X: raw rows with the model's columns, in any order; a gap is NaN. first: the number of the
        first row in a table that is predicted piece by piece: the pieces have no influence then.
        """
        raw = self.saved.preprocessing
        P = np.empty((len(X), len(self.classes_)))
        step = max(1, MAX_BLOCK_VALUES // len(raw.inputs))
        # What is infinite here is told by the caller, who knows the row.
        with np.errstate(over="ignore", invalid="ignore"):
            for start in range(0, len(X), step):
                rows = slice(start, start + step)
                P[rows] = self._of_inputs(preprocessing.transform(raw, X.iloc[rows]), first + start)
        return P

    def _of_inputs(self, inputs: Array, first: int) -> Array:
        """Return the same of inputs, (rows, inputs)."""
        # BLAS may sum a row otherwise in a product of another number of rows, so each product
        # has the same number, and a row the same place in it, however the table is cut.
        P = np.empty((len(inputs), len(self.classes_)))
        block = np.zeros((BLOCK_ROWS, inputs.shape[1]))
        start, place = 0, first % BLOCK_ROWS
        while start < len(inputs):
            part = inputs[start : start + BLOCK_ROWS - place]
            block[place : place + len(part)] = part
            made = self.predictor.predict_proba(block)
            P[start : start + len(part)] = made[place : place + len(part)]
            start, place = start + len(part), 0
        return P

    def predict(self, X: pd.DataFrame) -> npt.NDArray[np.object_]:
        """Return each row's most probable label, (rows,); of several alike, the first."""
        return np.asarray(self.classes_[argmax_class(self.predict_proba(X))])


def argmax_class(P: Array) -> npt.NDArray[np.intp]:
    """Return the place of each row's most probable class, (rows,). P: (rows, classes).

    Of two, the second must lie above 0.5, as in scikit-learn: 1 - P may round to P.
    """
    if P.shape[1] == 2:
        return (P[:, 1] > 0.5).astype(np.intp)
    return np.asarray(P.argmax(axis=1))
