"""A trained model as plain arrays. One form serves the logistic regression and the networks.

A logistic regression is a network without hidden layer, so it has one layer of weights.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Normaliser:
    """The min-max scaling that was fitted on the training rows.

    features: their names, in the order of the columns. minimum, maximum: (features,), raw units.
    """

    features: list[str]
    minimum: Array
    maximum: Array


@dataclass(frozen=True)
class Model:
    """The layers of a binary classifier.

    weights: per layer (fan_in, fan_out). biases: per layer (fan_out,). activation: the hidden
    layers' function; the output is the logistic function of the last layer, the probability of
    classes[1]. classes: (2,).
    """

    weights: list[Array]
    biases: list[Array]
    activation: str
    classes: npt.NDArray[np.int64]


def from_logistic(fitted: LogisticRegression) -> Model:
    """Return scikit-learn's fitted logistic regression as a network without hidden layer."""
    return Model([fitted.coef_.T], [fitted.intercept_], "identity", fitted.classes_)


def from_mlp(fitted: MLPClassifier) -> Model:
    """Return scikit-learn's fitted perceptron."""
    return Model(fitted.coefs_, fitted.intercepts_, fitted.activation, fitted.classes_)
