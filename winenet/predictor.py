"""Predicts with a model that was read from its file, by the forward pass of the network."""

from typing import Any

import numpy as np
import numpy.typing as npt

from winenet.model import Model
from winenet.network import forward


class Predictor:
    """A model in scikit-learn's words: classes_, predict_proba and predict."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.classes_ = model.classes

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Return (rows, 2), the probability of each class. X: (rows, features), normalised."""
        rows = np.asarray(X, dtype=np.float64)
        P = forward(rows, self.model.weights, self.model.biases, self.model.activation)
        return np.column_stack([1 - P, P])

    def predict(self, X: Any) -> npt.NDArray[np.int64]:
        """Return each row's more probable class, (rows,); of two at 0.5 each, the first."""
        return np.asarray(self.classes_[(self.predict_proba(X)[:, 1] > 0.5).astype(np.intp)])
