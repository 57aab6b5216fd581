"""A trained model as plain arrays, in one format for the logistic regression and the networks.

A logistic regression is a network without hidden layers, with one layer of weights.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from winenet.data.preprocessing import Array, Preprocessing

if TYPE_CHECKING:  # importing scikit-learn takes a second, and reading a file does not need it
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier

DEFAULT_THRESHOLD = 0.5


@dataclass(frozen=True)
class DenseModel:
    """The layers of a classifier.

    With two classes the output layer has one unit, and its logistic function is the probability of
    classes[1]. With more classes it has one unit per class, and their softmax is the probabilities.

    Attributes
    ----------
    weights : list of ndarray of shape (fan_in, fan_out)
        One per layer.
    biases : list of ndarray of shape (fan_out,)
        One per layer.
    activation : str
        The activation function of the hidden layers.
    classes : ndarray of int, shape (classes,)
        In increasing order.
    threshold : float
        With two classes: the probability above which classes[1] is predicted.
    """

    weights: list[Array]
    biases: list[Array]
    activation: str
    classes: npt.NDArray[np.int64]
    threshold: float = DEFAULT_THRESHOLD


@dataclass(frozen=True)
class SavedModel:
    """The content of a model file: all that is needed to predict raw rows.

    Attributes
    ----------
    model : DenseModel
    preprocessing : Preprocessing
    target : str
        The name of the label column.
    labels : list of str, length classes
        The classes as the raw files write them.
    training_info : mapping of str to float
        Facts about the training, such as rows, epochs and loss.
    """

    model: DenseModel
    preprocessing: Preprocessing
    target: str
    labels: list[str]
    training_info: Mapping[str, float]


def from_logistic(fitted: "LogisticRegression", threshold: float = DEFAULT_THRESHOLD) -> DenseModel:
    """Return a fitted LogisticRegression as a network without hidden layers."""
    layers = [fitted.coef_.T], [fitted.intercept_]
    return DenseModel(*layers, "identity", fitted.classes_, threshold)


def from_mlp(fitted: "MLPClassifier", threshold: float = DEFAULT_THRESHOLD) -> DenseModel:
    """Return a fitted MLPClassifier or DenseClassifier as plain layers."""
    layers = fitted.coefs_, fitted.intercepts_
    return DenseModel(*layers, fitted.activation, fitted.classes_, threshold)
