"""scikit-learn's network with class weights, which it takes as weights of the rows only."""

from typing import Any, Self

import numpy as np
from sklearn.neural_network import MLPClassifier

from winenet.network.inputs import class_weights


class WeightedMLPClassifier(MLPClassifier):
    """scikit-learn's MLPClassifier with DenseClassifier's `class_weight`.

    Parameters
    ----------
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes; passed to `fit` as the weights of the rows.
    **parameters
        Those of MLPClassifier.
    """

    def __init__(self, *, class_weight: Any = None, **parameters: Any) -> None:
        super().__init__(**parameters)
        self.class_weight = class_weight

    @classmethod
    def _get_param_names(cls) -> list[str]:
        """Return the names of the parameters; scikit-learn reads them from named arguments only."""
        return sorted([*MLPClassifier._get_param_names(), "class_weight"])

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the network.

        Parameters
        ----------
        X, y : array-like
            Rows and class labels.
        sample_weight : array-like of shape (rows,), default=None
            Weights of the rows; multiplied by those of their classes.

        Returns
        -------
        self
        """
        if self.class_weight is not None:
            weights = class_weights(self.class_weight, np.unique(y), np.asarray(y))
            sample_weight = weights if sample_weight is None else sample_weight * weights
        super().fit(X, y, sample_weight=sample_weight)
        return self
