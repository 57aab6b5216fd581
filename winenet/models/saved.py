"""A trained model as plain arrays. One form serves the logistic regression and the networks.

A logistic regression is a network without hidden layer, so it has one layer of weights.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from winenet.data.preprocessing import Array, Preprocessing

if TYPE_CHECKING:  # most processes that read a file need no second for scikit-learn
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier


@dataclass(frozen=True)
class DenseModel:
    """The layers of a classifier.

    weights: per layer (fan_in, fan_out). biases: per layer (fan_out,). activation: the hidden
    layers' function. classes: (classes,) of whole numbers, in order. The output of two classes is
    one unit, whose logistic function is the probability of classes[1]; of more classes it is a
    unit each, whose softmax is their probabilities.
    """

    weights: list[Array]
    biases: list[Array]
    activation: str
    classes: npt.NDArray[np.int64]


@dataclass(frozen=True)
class SavedModel:
    """All that a model's file holds, so that it predicts raw rows by itself.

    target: the name of the label's column. labels: (classes,), the classes as the raw files write
    them. facts: of the training, such as rows, epochs and loss.
    """

    model: DenseModel
    preprocessing: Preprocessing
    target: str
    labels: list[str]
    facts: Mapping[str, float]


def from_logistic(fitted: "LogisticRegression") -> DenseModel:
    """Return scikit-learn's fitted logistic regression as a network without hidden layer."""
    return DenseModel([fitted.coef_.T], [fitted.intercept_], "identity", fitted.classes_)


def from_mlp(fitted: "MLPClassifier") -> DenseModel:
    """Return scikit-learn's fitted perceptron."""
    return DenseModel(fitted.coefs_, fitted.intercepts_, fitted.activation, fitted.classes_)
