"""Predict with a model that was read from a file.

`DensePredictor` takes preprocessed features, `PipelinePredictor` a raw table.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from winenet.data import preprocessing
from winenet.data.preprocessing import Array
from winenet.models import model_file
from winenet.models.saved import DEFAULT_THRESHOLD, DenseModel, SavedModel
from winenet.network.layers import forward

BLOCK_ROWS = 1024  # rows per matrix product, so that the activations fit the processor's cache
MAX_BLOCK_VALUES = 2**21  # features preprocessed at a time; one-hot columns can take much memory


class ThresholdClassifier:
    """A fitted classifier of two classes that predicts the second one above a threshold.

    scikit-learn's FixedThresholdClassifier predicts it from the threshold on. Here it is above, as
    in scikit-learn's own classifiers at 0.5.
    """

    def __init__(self, fitted: Any, threshold: float) -> None:
        self.fitted, self.threshold = fitted, threshold
        self.classes_ = fitted.classes_

    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each class, (rows, 2)."""
        return np.asarray(self.fitted.predict_proba(X))

    def predict(self, X: Any) -> npt.NDArray[np.int64]:
        """Return the class of each row, (rows,)."""
        return np.asarray(self.classes_[argmax_class(self.predict_proba(X), self.threshold)])


def with_threshold(fitted: Any, threshold: float) -> Any:
    """Return a fitted classifier that predicts by a threshold; at 0.5 it is the same object."""
    return fitted if threshold == DEFAULT_THRESHOLD else ThresholdClassifier(fitted, threshold)


class DensePredictor:
    """A model with scikit-learn's interface: classes_, predict_proba and predict."""

    def __init__(self, model: DenseModel) -> None:
        self.model = model
        self.classes_, self.threshold = model.classes, model.threshold

    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each class, (rows, classes). X: (rows, features), scaled."""
        rows = np.asarray(X, dtype=np.float64)
        P: Array = np.asarray(
            forward(rows, self.model.weights, self.model.biases, self.model.activation),
            dtype=np.float64,
        )
        return np.column_stack([1 - P, P]) if len(self.classes_) == 2 else P

    def predict(self, X: Any) -> npt.NDArray[np.int64]:
        """Return the most probable class of each row, (rows,); the first one of a tie.

        Of two classes, the second one above the model's threshold.
        """
        return np.asarray(self.classes_[argmax_class(self.predict_proba(X), self.threshold)])


def read_predictors(folder: str, names: Iterable[str]) -> dict[str, DensePredictor]:
    """Return the models in a folder by name, ready to predict scaled rows."""
    return {
        name: DensePredictor(model_file.read(f"{folder}/{name}.safetensors").model)
        for name in names
    }


class PipelinePredictor:
    """A saved model with scikit-learn's interface, for raw rows. classes_: (classes,), labels."""

    def __init__(self, saved: SavedModel) -> None:
        self.saved = saved
        self.classes_ = np.array(saved.labels, dtype=object)
        self.predictor = DensePredictor(saved.model)

    def predict_proba(self, X: pd.DataFrame, first_row: int = 0) -> Array:
        """Return the probability of each label, (rows, classes); NaN where a sum is infinite.

        Parameters
        ----------
        X : DataFrame
            Raw rows with the model's columns, in any order; a missing value is NaN.
        first_row : int
            The number of the first row in a table that is predicted chunk by chunk. With it, the
            result does not depend on how the table is cut.
        """
        fitted = self.saved.preprocessing
        P = np.empty((len(X), len(self.classes_)))
        step = max(1, MAX_BLOCK_VALUES // len(fitted.inputs))
        # The caller reports infinite sums: it knows the row numbers.
        with np.errstate(over="ignore", invalid="ignore"):
            for start in range(0, len(X), step):
                rows = slice(start, start + step)
                features = preprocessing.transform(fitted, X.iloc[rows])
                P[rows] = self._predict_in_blocks(features, first_row + start)
        return P

    def _predict_in_blocks(self, features: Array, first_row: int) -> Array:
        """Return the probabilities, (rows, classes). features: (rows, features), scaled."""
        # The order in which BLAS sums a row may depend on the number of rows in a product. So each
        # product has the same number of rows, and a row the same offset in it.
        P = np.empty((len(features), len(self.classes_)))
        block = np.zeros((BLOCK_ROWS, features.shape[1]))
        start, offset = 0, first_row % BLOCK_ROWS
        while start < len(features):
            part = features[start : start + BLOCK_ROWS - offset]
            rows = slice(offset, offset + len(part))
            block[rows] = part
            P[start : start + len(part)] = self.predictor.predict_proba(block)[rows]
            start, offset = start + len(part), 0
        return P

    def predict(self, X: pd.DataFrame) -> npt.NDArray[np.object_]:
        """Return the most probable label of each row, (rows,); the first one of a tie.

        Of two labels, the second one above the model's threshold.
        """
        places = argmax_class(self.predict_proba(X), self.saved.model.threshold)
        return np.asarray(self.classes_[places])


def threshold_of(model: Any) -> float:
    """Return the threshold that a model predicts by; 0.5 for one that has none of its own."""
    own = isinstance(model, ThresholdClassifier | DensePredictor)
    return float(model.threshold) if own else DEFAULT_THRESHOLD


def argmax_class(P: Array, threshold: float = DEFAULT_THRESHOLD) -> npt.NDArray[np.intp]:
    """Return the index of the most probable class of each row, (rows,). P: (rows, classes).

    Of two classes, the second wins only above the threshold, as in scikit-learn: 1 - P may round
    to P.
    """
    if P.shape[1] == 2:
        return (P[:, 1] > threshold).astype(np.intp)
    return np.asarray(P.argmax(axis=1))
