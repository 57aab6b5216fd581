"""A model that was read from its file predicts what the fitted estimator does."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from winenet import model
from winenet.model import Model
from winenet.predictor import Predictor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def rows() -> tuple[pd.DataFrame, pd.Series]:
    """300 rows of four features in [0, 1]."""
    rng = np.random.default_rng(8)
    X = pd.DataFrame(rng.random((300, 4)), columns=list("abcd"))
    return X, (X["a"] - X["b"] + 0.3 * rng.normal(size=300) > 0).astype(int)


def assert_predicts_alike(ours: Predictor, theirs, X: pd.DataFrame) -> None:
    P = ours.predict_proba(X)
    assert P.shape == (len(X), 2)
    np.testing.assert_allclose(P, theirs.predict_proba(X), rtol=0, atol=1e-15)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    np.testing.assert_array_equal(ours.predict_proba(X.to_numpy()), P)
    assert set(ours.predict(X)) == {0, 1}
    np.testing.assert_array_equal(ours.classes_, theirs.classes_)


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
@pytest.mark.parametrize("hidden", [(7,), (6, 3)])
def test_a_network_predicts_what_mlpclassifier_does(rows, hidden, activation):
    fitted = MLPClassifier(
        hidden, activation, learning_rate_init=0.03, max_iter=30, random_state=0
    ).fit(*rows)
    assert_predicts_alike(Predictor(model.from_mlp(fitted)), fitted, rows[0])


@pytest.mark.parametrize("solver", ["liblinear", "lbfgs"])
def test_a_logistic_regression_predicts_what_scikit_learn_s_does(rows, solver):
    fitted = LogisticRegression(solver=solver).fit(*rows)
    assert_predicts_alike(Predictor(model.from_logistic(fitted)), fitted, rows[0])


def test_of_two_equally_probable_classes_the_first_is_predicted():
    """As in scikit-learn. The classes are the model's, whatever they are."""
    undecided = Model([np.array([[1.0]])], [np.zeros(1)], "identity", np.array([3, 7]))
    X = pd.DataFrame({"a": [-1.0, 0.0, 1e-15, 1.0]})
    assert Predictor(undecided).predict_proba(X)[1].tolist() == [0.5, 0.5]
    assert Predictor(undecided).predict(X).tolist() == [3, 3, 7, 7]
