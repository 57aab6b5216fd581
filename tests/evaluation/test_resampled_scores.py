"""Scores of many resamples at once, against scikit-learn's; the interval of a balanced accuracy."""

import doctest

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    matthews_corrcoef,
)

from winenet.evaluation import intervals, resampled_scores

RNG = np.random.default_rng(4)
DRAWN = RNG.integers(0, 300, (3, 2, 300))


def labelled(classes: int) -> tuple[pd.Series, np.ndarray, pd.Series]:
    """Return 300 labels, scores with ties by class, and predictions."""
    y = pd.Series(np.arange(300) % classes)
    raw = RNG.normal(size=(300, classes)).round(1)
    raw[np.arange(300), y] += 1
    return y, raw, pd.Series(raw.argmax(axis=1))


def test_the_worked_example_is_right():
    assert doctest.testmod(resampled_scores) == (0, 2)


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_average_precision_is_scikit_learn_s_on_each_resample(classes):
    y, raw, _ = labelled(classes)
    ranking = raw[:, 1] if classes == 2 else raw
    found = resampled_scores.BootstrapAveragePrecision(y, ranking)(DRAWN)
    assert found.shape == (3, 2)
    for place in np.ndindex(3, 2):
        rows = DRAWN[place]
        codes = [1] if classes == 2 else range(classes)
        theirs = [average_precision_score(y[rows] == code, raw[rows, code]) for code in codes]
        assert found[place] == pytest.approx(np.mean(theirs), abs=1e-12)


def test_average_precision_is_nan_where_a_class_was_not_drawn():
    y, raw, _ = labelled(3)
    score = resampled_scores.BootstrapAveragePrecision(y, raw)
    assert np.isnan(score(np.flatnonzero(y != 2)))


@pytest.mark.parametrize("classes", [2, 5])
def test_matthews_is_scikit_learn_s_on_each_resample(classes):
    y, _, predicted = labelled(classes)
    found = resampled_scores.BootstrapMatthews(y, predicted)(np.moveaxis(DRAWN, -1, 0), axis=0)
    for place in np.ndindex(3, 2):
        rows = DRAWN[place]
        theirs = matthews_corrcoef(y[rows], predicted[rows])
        assert found[place] == pytest.approx(theirs, abs=1e-12)


def test_matthews_of_a_model_that_predicts_one_class_is_0():
    y = pd.Series([0, 1, 1, 0])
    score = resampled_scores.BootstrapMatthews(y, pd.Series([1, 1, 1, 1]))
    assert score([[0, 1, 2, 3], [1, 1, 2, 2]]).tolist() == [0, 0]
    assert matthews_corrcoef(y, [1, 1, 1, 1]) == 0


@pytest.mark.parametrize("classes", [2, 4])
def test_the_balanced_accuracy_s_interval_is_around_scikit_learn_s_value(classes):
    y, _, predicted = labelled(classes)
    found = intervals.balanced_accuracy_interval(y, predicted)
    assert found.value == pytest.approx(balanced_accuracy_score(y, predicted))
    assert found.low < found.value < found.high


def test_the_balanced_accuracy_s_interval_is_newcombe_s_by_hand():
    # 45 of 50 and 8 of 10 rows are right; the half distances to Wilson's bounds add up as squares.
    y = pd.Series([0] * 50 + [1] * 10)
    predicted = pd.Series([0] * 45 + [1] * 5 + [1] * 8 + [0] * 2)
    first, second = intervals.wilson_interval(45, 50), intervals.wilson_interval(8, 10)
    low = 0.85 - ((0.9 - first.low) ** 2 + (0.8 - second.low) ** 2) ** 0.5 / 2
    high = 0.85 + ((first.high - 0.9) ** 2 + (second.high - 0.8) ** 2) ** 0.5 / 2
    assert intervals.balanced_accuracy_interval(y, predicted) == pytest.approx((0.85, low, high))


def test_a_model_that_predicts_one_class_only_has_an_interval_around_a_half():
    found = intervals.balanced_accuracy_interval(
        pd.Series([0] * 90 + [1] * 10), pd.Series([0] * 100)
    )
    assert found.low < found.value == 0.5 < found.high
