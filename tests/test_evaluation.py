"""The scores of a small example, worked out by hand, and scikit-learn's own word for them.

Eight rows: of the four negatives one is called positive, of the four positives one is missed.
"""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from winenet import evaluation

Y = pd.Series([0, 0, 0, 0, 1, 1, 1, 1], name="Class")
PREDICTED = pd.Series([0, 0, 0, 1, 0, 1, 1, 1])
PROBABILITY = pd.Series([0.125, 0.25, 0.25, 0.75, 0.25, 0.5, 0.75, 0.75])
SEEN = pd.Series([True, False, False, True, False, False, False, False])


def test_the_scores_are_those_worked_out_by_hand():
    # Log loss: the probabilities that were given to what came true.
    came_true = [0.875, 0.75, 0.75, 0.25, 0.25, 0.5, 0.75, 0.75]
    # ROC AUC: of the 16 pairs of a positive and a negative, 1 for the right order, 1/2 for a tie.
    pairs = (1 + 0.5 + 0.5 + 0) + (1 + 1 + 1 + 0) + 2 * (1 + 1 + 1 + 0.5)
    # The two errors are in rows 3 and 4; of the six rows not seen five are right.
    assert evaluation.scores(Y, PREDICTED, PROBABILITY, SEEN) == {
        "accuracy": 0.75,
        "accuracy_unseen": pytest.approx(5 / 6),
        "balanced_accuracy": 0.75,
        "f1": 0.75,
        "roc_auc": pairs / 16,
        "log_loss": pytest.approx(-sum(map(math.log, came_true)) / 8, abs=1e-15),
        "confusion_matrix": {"tn": 3, "fp": 1, "fn": 1, "tp": 3},
    }


def test_the_scores_tell_the_two_kinds_of_error_apart():
    y, predicted = pd.Series([0, 0, 0, 0, 0, 0, 1, 1]), pd.Series([0, 0, 0, 1, 1, 1, 0, 1])
    scores = evaluation.scores(y, predicted, predicted * 0.5 + 0.25, SEEN)
    assert scores["confusion_matrix"] == {"tn": 3, "fp": 3, "fn": 1, "tp": 1}
    assert (scores["accuracy"], scores["balanced_accuracy"]) == (0.5, 0.5)
    assert scores["f1"] == pytest.approx(2 * 1 / (2 * 1 + 3 + 1))


def test_a_perfect_classifier_has_perfect_scores():
    scores = evaluation.scores(Y, Y, Y.astype(float), SEEN)
    assert scores["log_loss"] == pytest.approx(0, abs=1e-12)
    assert {scores[name] for name in ("accuracy", "balanced_accuracy", "f1", "roc_auc")} == {1.0}


def test_the_roc_curve_has_a_corner_where_the_rates_turn():
    curve = evaluation.roc_curve(Y, PROBABILITY)
    assert curve.to_dict("list") == {
        "false_positive_rate": [0.0, 0.25, 0.25, 0.75, 1.0],
        "true_positive_rate": [0.0, 0.5, 0.75, 1.0, 1.0],
    }


def test_the_area_below_the_roc_curve_is_the_score():
    curve = evaluation.roc_curve(Y, PROBABILITY)
    area = np.trapezoid(curve["true_positive_rate"], curve["false_positive_rate"])
    assert area == pytest.approx(evaluation.scores(Y, PREDICTED, PROBABILITY, SEEN)["roc_auc"])


def test_the_confusion_table_has_a_line_a_row():
    assert evaluation.confusion(Y, PREDICTED).to_dict("list") == {
        "actual": [0, 0, 0, 0, 1, 1, 1, 1],
        "predicted": [0, 0, 0, 1, 0, 1, 1, 1],
    }


def test_two_classifiers_are_compared_by_the_rows_that_only_one_gets_wrong():
    y = pd.Series([0] * 10)
    first = pd.Series([1, 1, 1, 1, 0, 0, 0, 0, 0, 0])
    second = pd.Series([1, 0, 0, 0, 1, 0, 0, 0, 0, 0])
    # Four rows part them, three against one: 2 * (C(4, 0) + C(4, 1)) / 2**4.
    assert evaluation.paired_errors(y, first, second) == {
        "errors_first": 4,
        "errors_second": 2,
        "only_first": 3,
        "only_second": 1,
        "p_value": pytest.approx(10 / 16),
    }


def test_the_comparison_turned_round_has_the_same_p_value():
    rng = np.random.default_rng(3)
    y, first, second = (pd.Series(rng.integers(0, 2, 200)) for _ in range(3))
    one, other = (
        evaluation.paired_errors(y, first, second),
        evaluation.paired_errors(y, second, first),
    )
    assert (
        one["p_value"]
        == other["p_value"]
        == binomtest(one["only_first"], one["only_first"] + one["only_second"]).pvalue
    )
    assert (one["only_first"], one["errors_first"]) == (
        other["only_second"],
        other["errors_second"],
    )


def test_classifiers_that_agree_cannot_be_told_apart():
    assert evaluation.paired_errors(Y, PREDICTED, PREDICTED) == {
        "errors_first": 2,
        "errors_second": 2,
        "only_first": 0,
        "only_second": 0,
        "p_value": 1.0,
    }


@pytest.fixture(scope="module")
def rows() -> tuple[pd.DataFrame, pd.Series]:
    rng = np.random.default_rng(11)
    X = pd.DataFrame(rng.random((80, 3)), columns=["a", "b", "c"])
    return X, (X["a"] + 0.3 * rng.random(80) > 0.6).astype(int).rename("Class")


def test_predictions_have_a_line_a_row_and_agree_with_scikit_learn(rows):
    X, y = rows
    fitted = LogisticRegression().fit(X[:50], y[:50])
    numbers = pd.Series(range(900, 930), index=range(30))
    table = evaluation.predictions(fitted, X[50:], y[50:], numbers, "logistic")
    assert list(table.columns) == ["row", "Class", "network", "predicted", "probability"]
    assert list(table["row"]) == list(range(900, 930))
    assert list(table["Class"]) == list(y[50:])
    assert set(table["network"]) == {"logistic"}
    assert list(table["predicted"]) == list((table["probability"] > 0.5).astype(int))
    seen = pd.Series([False] * len(table))
    scores = evaluation.scores(y[50:], table["predicted"], table["probability"], seen)
    assert scores["accuracy"] == fitted.score(X[50:], y[50:]) < 1


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_network_s_training_is_told(rows):
    fitted = MLPClassifier((4, 2), max_iter=3, random_state=0).fit(*rows)
    curve = evaluation.loss_curve(fitted)
    assert list(curve["epoch"]) == [1, 2, 3]
    assert list(curve["loss"]) == fitted.loss_curve_
    assert evaluation.training_facts(fitted) == {
        "epochs": 3,
        "loss": curve["loss"].iloc[-1],
        "parameters": (3 * 4 + 4) + (4 * 2 + 2) + (2 * 1 + 1),
    }
