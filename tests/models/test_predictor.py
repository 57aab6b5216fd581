"""A model that was read from its file predicts what the fitted estimator does."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from winenet.data import preprocessing
from winenet.models import saved
from winenet.models.predictor import BLOCK_ROWS, DensePredictor, PipelinePredictor
from winenet.models.saved import DenseModel, SavedModel, from_mlp

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def rows() -> tuple[pd.DataFrame, pd.Series]:
    """300 rows of four features in [0, 1]."""
    rng = np.random.default_rng(8)
    X = pd.DataFrame(rng.random((300, 4)), columns=list("abcd"))
    return X, (X["a"] - X["b"] + 0.3 * rng.normal(size=300) > 0).astype(int)


def assert_predicts_alike(ours: DensePredictor, theirs, X: pd.DataFrame) -> None:
    P = ours.predict_proba(X)
    assert (P.shape, P.dtype) == ((len(X), len(theirs.classes_)), np.float64)
    np.testing.assert_allclose(P, theirs.predict_proba(X), rtol=0, atol=1e-15)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    np.testing.assert_array_equal(ours.predict_proba(X.to_numpy()), P)
    assert set(ours.predict(X)) == set(theirs.classes_)
    np.testing.assert_array_equal(ours.classes_, theirs.classes_)


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
@pytest.mark.parametrize("hidden", [(7,), (6, 3)])
def test_a_network_predicts_what_mlpclassifier_does(rows, hidden, activation):
    fitted = MLPClassifier(
        hidden, activation, learning_rate_init=0.03, max_iter=30, random_state=0
    ).fit(*rows)
    assert_predicts_alike(DensePredictor(saved.from_mlp(fitted)), fitted, rows[0])


@pytest.mark.parametrize("solver", ["liblinear", "lbfgs"])
def test_a_logistic_regression_predicts_what_scikit_learn_s_does(rows, solver):
    fitted = LogisticRegression(solver=solver).fit(*rows)
    assert_predicts_alike(DensePredictor(saved.from_logistic(fitted)), fitted, rows[0])


def test_of_two_equally_probable_classes_the_first_is_predicted():
    """As in scikit-learn. The classes are the model's, whatever they are."""
    undecided = DenseModel([np.array([[1.0]])], [np.zeros(1)], "identity", np.array([3, 7]))
    X = pd.DataFrame({"a": [-1.0, 0.0, 1e-15, 1.0]})
    assert DensePredictor(undecided).predict_proba(X)[1].tolist() == [0.5, 0.5]
    assert DensePredictor(undecided).predict(X).tolist() == [3, 3, 7, 7]


def three_classes(rows: tuple[pd.DataFrame, pd.Series]) -> pd.Series:
    X = rows[0]
    return pd.Series(np.argmax(X[["a", "b", "c"]].to_numpy(), axis=1))


@pytest.mark.parametrize("hidden", [(7,), (6, 3)])
def test_a_network_of_three_classes_predicts_what_mlpclassifier_does(rows, hidden):
    fitted = MLPClassifier(hidden, learning_rate_init=0.03, max_iter=60, random_state=0)
    fitted.fit(rows[0], three_classes(rows))
    assert_predicts_alike(DensePredictor(saved.from_mlp(fitted)), fitted, rows[0])


def test_a_logistic_regression_of_three_classes_predicts_what_scikit_learn_s_does(rows):
    fitted = LogisticRegression().fit(rows[0], three_classes(rows))
    assert_predicts_alike(DensePredictor(saved.from_logistic(fitted)), fitted, rows[0])


def test_of_several_equally_probable_classes_the_first_is_predicted():
    undecided = DenseModel(
        [np.array([[-1.0, 1, 1]])], [np.zeros(3)], "identity", np.array([3, 7, 9])
    )
    X = pd.DataFrame({"a": [-1.0, 0.0, 1.0]})
    assert DensePredictor(undecided).predict_proba(X)[1].tolist() == [1 / 3, 1 / 3, 1 / 3]
    assert DensePredictor(undecided).predict(X).tolist() == [3, 3, 7]


# Raw rows.


@pytest.fixture(scope="module")
def raw() -> tuple[SavedModel, pd.DataFrame]:
    """A model of two numbers and a category, and 5,000 raw rows with gaps, in another order."""
    rng = np.random.default_rng(3)
    X = pd.DataFrame({"x": rng.normal(5, 2, 5000), "y": rng.integers(0, 9, 5000).astype(float)})
    X["colour"] = pd.Series(rng.choice(["red", "white", "rosé"], 5000), dtype="str")
    y = (X["x"] > 5).astype(int) + (X["colour"] == "red")
    X.loc[::17, "y"] = np.nan
    X.loc[::13, "colour"] = np.nan
    raw = preprocessing.fit(X, {"x": "number", "y": "number", "colour": "category"}, "standard")
    fitted = MLPClassifier((8,), max_iter=15, random_state=0)
    fitted.fit(preprocessing.transform(raw, X), y)
    saved = SavedModel(from_mlp(fitted), raw, "level", ["low", "middle", "high"], {})
    return saved, X[["colour", "y", "x"]]


def test_raw_rows_are_predicted_as_their_inputs_are(raw):
    saved, X = raw
    ours = PipelinePredictor(saved)
    inputs = preprocessing.transform(saved.preprocessing, X)
    P = ours.predict_proba(X)
    np.testing.assert_allclose(
        P, DensePredictor(saved.model).predict_proba(inputs), rtol=0, atol=1e-14
    )
    labels = np.array(saved.labels, dtype=object)
    assert (ours.predict(X) == labels[DensePredictor(saved.model).predict(inputs)]).all()
    assert set(ours.predict(X)) == set(ours.classes_) == {"low", "middle", "high"}


@pytest.mark.parametrize(
    "size", [1, 7, 100, BLOCK_ROWS - 1, BLOCK_ROWS, BLOCK_ROWS + 1, 3 * BLOCK_ROWS]
)
def test_a_table_in_pieces_is_predicted_bit_for_bit_as_the_whole(raw, size):
    saved, X = raw
    X, ours = X[: max(1200, 4 * size)], PipelinePredictor(saved)
    pieces = [
        ours.predict_proba(X[first : first + size], first) for first in range(0, len(X), size)
    ]
    assert np.concatenate(pieces).tobytes() == ours.predict_proba(X).tobytes()


def test_no_row_is_no_prediction(raw):
    saved, X = raw
    assert PipelinePredictor(saved).predict_proba(X[:0]).shape == (0, 3)
    assert PipelinePredictor(saved).predict(X[:0]).tolist() == []
