"""The scores of a small example, worked out by hand, and scikit-learn's own word for them.

Eight rows: of the four negatives one is called positive, of the four positives one is missed.
"""

import doctest
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, binomtest, bootstrap
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    average_precision_score,
    f1_score,
    log_loss,
    matthews_corrcoef,
    roc_auc_score,
)
from sklearn.metrics import precision_recall_curve as all_corners
from sklearn.neural_network import MLPClassifier
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from winenet.data.split_data import EvaluationSet
from winenet.evaluation import (
    confusion,
    intervals,
    paired_tests,
    probability_curves,
    resampled_scores,
    scoring,
)

Y = pd.Series([0, 0, 0, 0, 1, 1, 1, 1], name="Class")
PREDICTED = pd.Series([0, 0, 0, 1, 0, 1, 1, 1])
PROBABILITY = pd.Series([0.125, 0.25, 0.25, 0.75, 0.25, 0.5, 0.75, 0.75])
SEEN = pd.Series([True, False, False, True, False, False, False, False])


def test_the_scores_are_those_worked_out_by_hand():
    # Log loss: the probabilities that were given to what came true.
    came_true = [0.875, 0.75, 0.75, 0.25, 0.25, 0.5, 0.75, 0.75]
    # ROC AUC: of the 16 pairs of a positive and a negative, 1 for the right order, 1/2 for a tie.
    pairs = (1 + 0.5 + 0.5 + 0) + (1 + 1 + 1 + 0) + 2 * (1 + 1 + 1 + 0.5)
    # Average precision: of the positives two are found among 3 rows, one among 4, one among 7.
    precision = [2 / 3, 2 / 3, 3 / 4, 4 / 7]
    # The two errors are in rows 3 and 4; of the six rows not seen five are right.
    assert scoring.scores(Y, PREDICTED, PROBABILITY, SEEN) == {
        "accuracy": 0.75,
        "accuracy_unseen": pytest.approx(5 / 6),
        "balanced_accuracy": 0.75,
        "f1": 0.75,
        "matthews_corrcoef": pytest.approx((3 * 3 - 1 * 1) / 4**2),
        "average_precision": pytest.approx(sum(precision) / 4),
        "roc_auc": pairs / 16,
        "log_loss": pytest.approx(-sum(map(math.log, came_true)) / 8, abs=1e-15),
        "confusion_matrix": {"tn": 3, "fp": 1, "fn": 1, "tp": 3},
    }


def test_the_scores_tell_the_two_kinds_of_error_apart():
    y, predicted = pd.Series([0, 0, 0, 0, 0, 0, 1, 1]), pd.Series([0, 0, 0, 1, 1, 1, 0, 1])
    scores = scoring.scores(y, predicted, predicted * 0.5 + 0.25, SEEN)
    assert scores["confusion_matrix"] == {"tn": 3, "fp": 3, "fn": 1, "tp": 1}
    assert (scores["accuracy"], scores["balanced_accuracy"]) == (0.5, 0.5)
    assert scores["f1"] == pytest.approx(2 * 1 / (2 * 1 + 3 + 1))


def test_a_perfect_classifier_has_perfect_scores():
    scores = scoring.scores(Y, Y, Y.astype(float), SEEN)
    assert scores["log_loss"] == pytest.approx(0, abs=1e-12)
    assert {scores[name] for name in ("accuracy", "balanced_accuracy", "f1", "roc_auc")} == {1.0}


def test_the_roc_curve_has_a_corner_where_the_rates_turn():
    curve = probability_curves.roc_curve(Y, PROBABILITY)
    assert curve.to_dict("list") == {
        "false_positive_rate": [0.0, 0.25, 0.25, 0.75, 1.0],
        "true_positive_rate": [0.0, 0.5, 0.75, 1.0, 1.0],
    }


def test_the_area_below_the_roc_curve_is_the_score():
    curve = probability_curves.roc_curve(Y, PROBABILITY)
    area = np.trapezoid(curve["true_positive_rate"], curve["false_positive_rate"])
    assert area == pytest.approx(scoring.scores(Y, PREDICTED, PROBABILITY, SEEN)["roc_auc"])


def test_the_confusion_table_has_a_line_a_row():
    assert scoring.confusion(Y, PREDICTED).to_dict("list") == {
        "actual": [0, 0, 0, 0, 1, 1, 1, 1],
        "predicted": [0, 0, 0, 1, 0, 1, 1, 1],
    }


def test_two_classifiers_are_compared_by_the_rows_that_only_one_gets_wrong():
    y = pd.Series([0] * 10)
    first = pd.Series([1, 1, 1, 1, 0, 0, 0, 0, 0, 0])
    second = pd.Series([1, 0, 0, 0, 1, 0, 0, 0, 0, 0])
    # Four rows part them, three against one: 2 * (C(4, 0) + C(4, 1)) / 2**4.
    assert paired_tests.mcnemar_exact(y, first, second) == {
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
        paired_tests.mcnemar_exact(y, first, second),
        paired_tests.mcnemar_exact(y, second, first),
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
    assert paired_tests.mcnemar_exact(Y, PREDICTED, PREDICTED) == {
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
    table = scoring.predictions(fitted, X[50:], y[50:], numbers, "logistic")
    assert list(table.columns) == ["row", "Class", "network", "predicted", "probability"]
    assert list(table["row"]) == list(range(900, 930))
    assert list(table["Class"]) == list(y[50:])
    assert set(table["network"]) == {"logistic"}
    assert list(table["predicted"]) == list((table["probability"] > 0.5).astype(int))
    seen = pd.Series([False] * len(table))
    scores = scoring.scores(y[50:], table["predicted"], table["probability"], seen)
    assert scores["accuracy"] == fitted.score(X[50:], y[50:]) < 1


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_network_s_training_is_told(rows):
    fitted = MLPClassifier((4, 2), max_iter=3, random_state=0).fit(*rows)
    curve = scoring.loss_curve(fitted)
    assert list(curve["epoch"]) == [1, 2, 3]
    assert list(curve["loss"]) == fitted.loss_curve_
    assert scoring.training_summary(fitted) == {
        "epochs": 3,
        "loss": curve["loss"].iloc[-1],
        "parameters": (3 * 4 + 4) + (4 * 2 + 2) + (2 * 1 + 1),
    }


# ------------------------------------------------------------------ a share


# Newcombe (1998), Statistics in Medicine 17(8):857-872, table I, method 3: the score interval
# without a continuity correction.
@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_s_interval_is_that_of_newcombe_s_table(successes, trials, low, high):
    found = intervals.wilson_interval(successes, trials)
    assert found.value == successes / trials
    assert (found.low, found.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_wilson_s_interval_is_statsmodels_():
    rng = np.random.default_rng(1)
    for trials in rng.integers(1, 5000, 200).tolist():
        for successes in (0, int(rng.integers(0, trials + 1)), trials):
            theirs = proportion_confint(successes, trials, method="wilson")
            assert intervals.wilson_interval(successes, trials)[1:] == pytest.approx(
                theirs, abs=1e-12
            )


def test_wilson_s_interval_stays_within_0_and_1_and_never_closes():
    none, all_of_them, only = (
        intervals.wilson_interval(*one) for one in ((0, 1300), (1300, 1300), (1, 1))
    )
    assert (none.low, all_of_them.high, only.high) == (0, 1, 1)
    assert none.high == pytest.approx(1 - all_of_them.low)
    # At no success the bound is z**2 / (n + z**2).
    assert none.high == pytest.approx(3.8414588 / 1303.8414588)
    assert only.low == pytest.approx(1 - 3.8414588 / 4.8414588)


@pytest.fixture(scope="module")
def coverage_of_wilson():
    """How often Wilson's interval of 1,300 rows holds the true share p: a sum, no simulation."""
    rows = np.arange(1301)
    low, high = np.array([intervals.wilson_interval(int(right), 1300)[1:] for right in rows]).T

    def coverage(p):
        return float(binom.pmf(rows, 1300, p)[(low <= p) & (p <= high)].sum())

    return coverage, np.concatenate([low, high])


def test_wilson_s_coverage_at_1300_rows_is_93_to_97_percent_but_for_one_sliver(coverage_of_wilson):
    coverage, _ = coverage_of_wilson
    grid = np.linspace(0.98, 0.996, 161)
    found = np.array([coverage(p) for p in grid])
    assert found.mean() == pytest.approx(0.951, abs=0.001)
    assert found.min() == pytest.approx(0.9363, abs=5e-5)
    # One of the 161 shares lies outside, and on the safe side.
    assert [round(p, 4) for p in grid[(found < 0.93) | (found > 0.97)]] == [0.9958]
    assert found.max() == coverage(0.9958) == pytest.approx(0.9719, abs=5e-5)


def test_between_the_points_of_the_grid_wilson_s_coverage_is_93_5_to_97_3_percent(
    coverage_of_wilson,
):
    coverage, bounds = coverage_of_wilson
    # Coverage jumps where p passes a bound of an interval, and is smooth between two jumps.
    jumps = np.sort(bounds[(bounds > 0.98) & (bounds < 0.996)])
    pieces = np.concatenate([[0.98], jumps, [0.996]])
    inside = np.linspace(pieces[:-1] + 1e-9, pieces[1:] - 1e-9, 20).ravel()
    found = np.array([coverage(p) for p in inside])
    assert len(jumps) > 40
    assert found.min() == pytest.approx(0.9353, abs=5e-5)
    assert inside[found.argmin()] == pytest.approx(0.99415, abs=5e-6)
    assert found.max() == pytest.approx(0.9724, abs=5e-5)
    above = inside[found > 0.97]
    assert (above.min(), above.max()) == (
        pytest.approx(0.99574, abs=5e-6),
        pytest.approx(0.99582, abs=5e-6),
    )


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ([True] * 8, None),
        ([True] * 7 + [False], 1.0),  # row 7 is right
        ([True] * 4 + [False] + [True] * 3, 0.0),  # row 4 is wrong
        ([False] * 8, 0.75),
    ],
)
def test_the_accuracy_on_unseen_rows_counts_those_alone(seen, expected):
    assert scoring.accuracy_unseen(Y, PREDICTED, pd.Series(seen)) == expected


# ------------------------------------------------------------------ the bootstrap


def test_the_bca_interval_is_that_of_r_s_boot():
    # R's boot.ci of a mean over a million resamples, as scipy's own tests quote it:
    # scipy/stats/tests/test_resampling.py, test_bootstrap_against_R.
    sample = np.array([10, 12, 12.5, 12.5, 13.9, 15, 21, 22, 23, 34, 50, 81, 89, 121, 134, 213])
    found = intervals.bootstrap_interval(np.mean, (sample,), 1_000_000, 0)
    assert found.value == sample.mean()
    assert (found.low, found.high) == pytest.approx((32.31, 91.43), rel=0.005)


def test_the_bca_interval_is_that_of_efron_and_tibshirani_s_spatial_test_data(monkeypatch):
    # Efron and Tibshirani (1993), An Introduction to the Bootstrap, tables 14.1 and 14.2: the
    # variance of A, divided by n; BCa of 90 % from 2,000 resamples, which explains the tolerance.
    # The percentile interval there, (100.8, 233.9), is far off.
    first = [48, 36, 20, 29, 42, 42, 20, 42, 22, 41, 45, 14, 6]
    second = [0, 33, 28, 34, 4, 32, 24, 47, 41, 24, 26, 30, 41]
    monkeypatch.setattr(intervals, "CONFIDENCE_LEVEL", 0.90)
    found = intervals.bootstrap_interval(np.var, (np.array([*first, *second], float),), 20_000, 0)
    assert found.value == pytest.approx(171.5, abs=0.05)
    assert (found.low, found.high) == (pytest.approx(115.8, abs=2), pytest.approx(259.6, abs=4))


@pytest.fixture(scope="module")
def sample():
    """1,300 labels and probabilities of which most, but not all, are right."""
    rng = np.random.default_rng(7)
    y = (rng.random(1300) < 0.25).astype(float)
    return y, 1 / (1 + np.exp(-rng.normal(6 * y - 4, 2)))


def test_a_seed_makes_the_interval_and_another_seed_another_one(sample):
    first, same, other = (
        intervals.bootstrap_interval(scoring.roc_auc, sample, 300, seed) for seed in (3, 3, 4)
    )
    assert first == same
    assert first.low < first.value < first.high
    assert first.value == other.value
    assert (first.low != other.low, first.high != other.high) == (True, True)


def test_the_report_tells_the_interval_by_the_same_rule():
    template = Path(scoring.__file__).parents[1] / "report/templates/report.md.jinja"
    rule = f'"BCa" if metrics.compare.test_rows <= {intervals.BCA_MAX_ROWS} else "percentile"'
    assert rule in template.read_text(encoding="utf-8")


def test_many_rows_have_the_percentile_interval(monkeypatch):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 500)
    sample = (y, rng.random(500) + 0.5 * y)
    bca = intervals.bootstrap_interval(scoring.roc_auc, sample, 400, 3)
    monkeypatch.setattr(intervals, "BCA_MAX_ROWS", 499)
    plain = intervals.bootstrap_interval(scoring.roc_auc, sample, 400, 3)
    theirs = bootstrap(
        sample, scoring.roc_auc, paired=True, vectorized=True, n_resamples=400,
        method="percentile", rng=np.random.default_rng(3),
    ).confidence_interval  # fmt: skip
    assert (plain.low, plain.high) == pytest.approx(theirs, abs=1e-12)
    assert plain.value == bca.value
    assert (plain.low, plain.high) != (bca.low, bca.high)


@pytest.mark.parametrize("values", [1, 1300, 9101])
def test_the_size_of_a_batch_cannot_change_the_interval(sample, monkeypatch, values):
    y, probability = sample
    losses = scoring.row_losses(pd.Series(y), pd.Series(probability))
    at_once = [
        intervals.bootstrap_interval(scoring.roc_auc, sample, 300, 3),
        intervals.bootstrap_interval(np.mean, (losses,), 300, 3),
    ]
    monkeypatch.setattr(scoring, "BATCH_VALUES", values)
    in_batches = [
        intervals.bootstrap_interval(scoring.roc_auc, sample, 300, 3),
        intervals.bootstrap_interval(np.mean, (losses,), 300, 3),
    ]
    assert in_batches == at_once


def test_the_arrays_of_a_sample_are_drawn_together():
    # Their difference is 1 in each row, and so in each resample, unless rows are mixed.
    first = np.random.default_rng(2).random(50)

    def difference(one, other, axis):
        return np.round((one - other).mean(axis=axis), 9)

    assert intervals.bootstrap_interval(difference, (first + 1, first), 200, 0) is None
    apart = intervals.bootstrap_interval(difference, (first + 1, first[::-1]), 200, 0)
    assert apart.low < 1 < apart.high


@pytest.mark.parametrize(
    "probability",
    [
        np.linspace(0, 1, 60),  # the right order: 1 in each resample
        np.linspace(1, 0, 60),  # the wrong one: 0
        np.full(60, 0.25),  # the same for all: 1/2
    ],
)
def test_a_score_without_spread_has_no_interval(probability):
    y = np.repeat([0.0, 1.0], 30)
    assert scoring.roc_auc(y, probability) in (0, 0.5, 1)
    assert intervals.bootstrap_interval(scoring.roc_auc, (y, probability), 200, 0) is None


def test_a_class_that_a_resample_lacks_leaves_no_interval():
    y = np.repeat([0.0, 1.0], [60, 1])
    probability = np.random.default_rng(5).random(61)
    assert intervals.bootstrap_interval(scoring.roc_auc, (y, probability), 200, 0) is None


# ------------------------------------------------------------------ scores of many rows at once


def test_the_area_is_that_of_hanley_and_mcneil_s_images():
    # Hanley and McNeil (1982), Radiology 143(1):29-36, table I: 109 CT images rated from 1 to 5,
    # of 58 normal and 51 abnormal patients; the area is 0.893.
    rating = np.concatenate(
        [np.repeat(range(1, 6), n) for n in ([33, 6, 6, 11, 2], [3, 2, 2, 11, 33])]
    )
    y = np.repeat([0.0, 1.0], [58, 51])
    assert scoring.roc_auc(y, rating) == pytest.approx(0.893, abs=5e-4)


def test_the_area_is_scikit_learn_s_with_ties_and_on_stacked_axes():
    rng = np.random.default_rng(4)
    for decimals in (0, 1, 2, 9):
        y = (rng.random((3, 4, 50)) < 0.3).astype(float)
        y[..., 0], y[..., 1] = 0, 1
        probability = rng.random(y.shape).round(decimals)
        theirs = [
            [roc_auc_score(*one) for one in zip(*pair, strict=True)]
            for pair in zip(y, probability, strict=True)
        ]
        np.testing.assert_allclose(scoring.roc_auc(y, probability), theirs, rtol=1e-13)
        turned = np.moveaxis(y, -1, 0), np.moveaxis(probability, -1, 0)
        np.testing.assert_allclose(scoring.roc_auc(*turned, axis=0), theirs, rtol=1e-13)


def test_the_area_of_one_class_is_no_number():
    y = np.array([[0.0, 0, 0], [1, 1, 1], [0, 1, 1]])
    found = scoring.roc_auc(y, np.array([[0.2, 0.3, 0.4]] * 3))
    assert np.isnan(found).tolist() == [True, True, False]


def test_the_row_losses_make_scikit_learn_s_log_loss():
    rng = np.random.default_rng(6)
    for decimals in (0, 1, 6):  # 0: each probability is exactly 0 or 1, right or wrong
        y = pd.Series(rng.integers(0, 2, 300))
        probability = pd.Series(rng.random(300).round(decimals))
        found = scoring.row_losses(y, probability)
        assert found.shape == (300,)
        assert found.mean() == pytest.approx(log_loss(y, probability, labels=[0, 1]), rel=1e-12)


def test_a_row_s_loss_is_the_surprise_at_what_came_true():
    y, probability = pd.Series([1, 0, 1, 0, 1, 0]), pd.Series([0.25, 0.25, 1, 0, 0, 1])
    most = -math.log(np.finfo(float).eps)
    expected = [math.log(4), math.log(4 / 3), 0, 0, most, most]
    assert scoring.row_losses(y, probability).tolist() == pytest.approx(expected, abs=1e-15)


def test_every_score_has_its_interval(sample):
    y, probability = pd.Series(sample[0].astype(int)), pd.Series(sample[1])
    predicted = (probability > 0.5).astype(int)
    seen = pd.Series(np.arange(1300) % 3 == 0)
    found = intervals.scores_with_intervals(y, predicted, probability, seen, 300, 9)
    right = predicted == y
    losses = scoring.row_losses(y, probability)
    rows = (np.arange(1300.0),)
    matthews = resampled_scores.BootstrapMatthews(y, predicted)
    precision = resampled_scores.BootstrapAveragePrecision(y, sample[1])
    assert found == {
        "accuracy": intervals.wilson_interval(int(right.sum()), 1300),
        "accuracy_unseen": intervals.wilson_interval(int(right[~seen].sum()), 866),
        "balanced_accuracy": intervals.balanced_accuracy_interval(y, predicted),
        "matthews_corrcoef": intervals.bootstrap_interval(matthews, rows, 300, 9),
        "average_precision": intervals.bootstrap_interval(precision, rows, 300, 9),
        "roc_auc": intervals.bootstrap_interval(scoring.roc_auc, sample, 300, 9),
        "log_loss": intervals.bootstrap_interval(np.mean, (losses,), 300, 9),
    }
    scores = scoring.scores(y, predicted, probability, seen)
    assert {name: one.value for name, one in found.items()} == pytest.approx(
        {name: scores[name] for name in found}
    )


def test_a_score_that_cannot_be_told_has_no_interval():
    seen = pd.Series([True] * 8)
    none_unseen = intervals.scores_with_intervals(Y, Y, Y.astype(float), seen, 100, 0)
    assert none_unseen == {
        "accuracy": intervals.wilson_interval(8, 8),
        "accuracy_unseen": None,
        "balanced_accuracy": intervals.balanced_accuracy_interval(Y, Y),
        "matthews_corrcoef": None,
        "average_precision": None,
        "roc_auc": None,
        "log_loss": None,
    }
    one_unseen = intervals.scores_with_intervals(
        Y, Y, Y.astype(float), seen & (seen.index > 0), 100, 0
    )
    assert one_unseen["accuracy_unseen"] == intervals.wilson_interval(1, 1)


# ------------------------------------------------------------------ two models, and many


def disagreeing(only_first, only_second, both=0, neither=0):
    """Labels and the predictions of two models that are wrong in so many rows."""
    wrong_first = np.repeat([1, 0, 1, 0], [only_first, only_second, both, neither])
    wrong_second = np.repeat([0, 1, 1, 0], [only_first, only_second, both, neither])
    return pd.Series(np.zeros_like(wrong_first)), pd.Series(wrong_first), pd.Series(wrong_second)


@pytest.mark.parametrize(
    ("table", "p_value", "digits"),
    [
        # Armitage and Berry (1994), Statistical Methods in Medical Research, p. 127: fifty
        # specimens on two media; its exact P is in StatsDirect's manual, under "Matched pairs".
        ((12, 2, 20, 16), 0.0129, 4),
        # Stata's manual, [R] epitab, `mcci 8 8 3 8`: "Exact McNemar significance probability".
        ((8, 3, 8, 8), 0.2266, 4),
    ],
)
def test_the_exact_p_value_is_the_published_one(table, p_value, digits):
    found = paired_tests.mcnemar_exact(*disagreeing(*table))
    assert (found["only_first"], found["only_second"]) == table[:2]
    assert (found["errors_first"], found["errors_second"]) == (
        table[0] + table[2],
        table[1] + table[2],
    )
    assert round(found["p_value"], digits) == p_value


def test_the_exact_p_value_is_statsmodels_():
    rng = np.random.default_rng(8)
    for _ in range(200):
        one, other, both, neither = rng.integers(0, rng.choice([3, 15, 60]), 4).tolist()
        table = [[neither, other], [one, both]]
        found = paired_tests.mcnemar_exact(*disagreeing(one, other, both, neither))
        theirs = mcnemar(table, exact=True).pvalue if one + other else 1.0
        assert found["p_value"] == pytest.approx(theirs, rel=1e-9)


def test_mcnemar_s_test_cries_wolf_in_at_most_5_percent_whatever_the_disagreements():
    # Exactly, no simulation: given n rows that part two equally good models, how they fall is
    # binomial; the sum of all outcomes that the test calls a difference.
    rates = {}
    for disagreements in range(1, 61):
        called = [
            paired_tests.mcnemar_exact(*disagreeing(one, disagreements - one))["p_value"] < 0.05
            for one in range(disagreements + 1)
        ]
        outcomes = binom.pmf(range(disagreements + 1), disagreements, 0.5)
        rates[disagreements] = outcomes[called].sum()
    assert max(rates.values()) < 0.05
    assert [rates[few] for few in range(1, 6)] == [0] * 5  # six are the fewest that can tell
    assert rates[6] == pytest.approx(2 / 2**6)


# Of 1,300 rows these networks part 4 to 23; a rate of 0.05 is far beyond.
@pytest.mark.parametrize("rate", [0.003, 0.006, 0.01, 0.02, 0.05])
def test_mcnemar_s_false_alarms_in_a_simulation_are_at_most_5_percent(rate):
    rng = np.random.default_rng([1300, int(1000 * rate)])
    y = pd.Series(rng.integers(0, 2, 1300))
    alarms = 0
    for _ in range(2000):
        parted, to_first = rng.random(1300) < rate, rng.random(1300) < 0.5
        both = rng.random(1300) < 0.004
        first, second = y ^ (both | (parted & to_first)), y ^ (both | (parted & ~to_first))
        alarms += paired_tests.mcnemar_exact(y, first, second)["p_value"] < 0.05
    assert alarms / 2000 <= 0.05


def test_holm_keeps_the_false_alarms_of_a_family_of_equally_good_models_below_5_percent():
    rng = np.random.default_rng(1979)
    y = pd.Series(rng.integers(0, 2, 1300))
    corrected = alone = 0
    for _ in range(400):
        hard = rng.random(1300) < 0.03  # the rows that any model may get wrong
        predicted = {name: y ^ (hard & (rng.random(1300) < 0.5)) for name in "abcde"}
        found = paired_tests.pairwise_mcnemar(y, predicted)
        corrected += (found["p_value"] < 0.05).any()
        alone += (found["p_value_alone"] < 0.05).any()
    assert corrected / 400 <= 0.05
    assert alone / 400 > 0.10  # what ten comparisons do without the correction


def test_holm_s_correction_is_that_of_published_examples():
    # Wikipedia, "Holm-Bonferroni method", example: at 0.05, H4 and H1 are rejected.
    found = paired_tests.holm_correction([0.01, 0.04, 0.03, 0.005])
    assert found == pytest.approx([3 * 0.01, 2 * 0.03, 2 * 0.03, 4 * 0.005])
    assert (found <= 0.05).tolist() == [True, False, False, True]
    # Benjamini and Hochberg (1995), Journal of the Royal Statistical Society B 57(1):289-300,
    # section 3.2: at 0.05, Bonferroni rejects the first three of 15, and so does Hochberg, between
    # which Holm lies.
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459]
    p += [0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0]
    assert (paired_tests.holm_correction(p) <= 0.05).tolist() == [True] * 3 + [False] * 12


@pytest.mark.slow
def test_holm_s_correction_is_statsmodels_():
    rng = np.random.default_rng(10)
    for _ in range(60):
        p = rng.random(rng.integers(1, 30)) ** rng.integers(1, 6)
        p = p.round(rng.choice([1, 2, 9]))  # with ties, 0 and 1
        theirs = multipletests(p, method="holm")[1]
        np.testing.assert_allclose(paired_tests.holm_correction(p), theirs, rtol=1e-13)


def test_holm_leaves_one_p_value_alone_and_none_above_1():
    assert paired_tests.holm_correction([0.03]).tolist() == [0.03]
    assert paired_tests.holm_correction([1.0, 1.0, 1.0]).tolist() == [1, 1, 1]
    assert paired_tests.holm_correction([0.9, 0.4, 0.5]).tolist() == [1, 1, 1]


def test_each_pair_of_models_has_a_line():
    y, first, second = disagreeing(9, 1, neither=40)
    found = paired_tests.pairwise_mcnemar(y, {"a": first, "b": second, "again": first})
    assert list(found.columns) == [
        *("first", "second", "errors_first", "errors_second", "only_first", "only_second"),
        *("p_value", "p_value_alone"),
    ]
    assert found[["first", "second"]].to_numpy().tolist() == [
        ["a", "b"],
        ["a", "again"],
        ["b", "again"],
    ]
    for _, line in found.iterrows():
        one, other = (
            {"a": first, "b": second, "again": first}[line[it]] for it in ("first", "second")
        )
        expected = paired_tests.mcnemar_exact(y, one, other)
        assert line["p_value_alone"] == expected.pop("p_value")
        assert line[list(expected)].to_dict() == expected
    # 2 * (C(10, 0) + C(10, 1)) / 2**10, times the three pairs; two models alike cannot differ.
    alone = 2 * 11 / 1024
    assert found["p_value_alone"].tolist() == pytest.approx([alone, 1, alone])
    assert found["p_value"].tolist() == pytest.approx([3 * alone, 1, 3 * alone])


# ------------------------------------------------------------------ curves


def test_the_precision_recall_curve_has_the_corners_worked_out_by_hand():
    # Called positive from 0.75 on: 2 of 3 are right; from 0.5 on: 3 of 4; from 0.25 on: 4 of 7.
    assert probability_curves.precision_recall_curve(Y, PROBABILITY).to_dict("list") == {
        "recall": [0.0, 0.5, 0.75, 1.0, 1.0],
        "precision": pytest.approx([1.0, 2 / 3, 3 / 4, 4 / 7, 1 / 2]),
    }


def test_the_precision_recall_curve_keeps_the_ends_of_a_fall_alone():
    # Three negatives between two positives: precision falls from 1 to 1/4 at the same recall.
    y, probability = pd.Series([1, 0, 0, 0, 1]), pd.Series([0.9, 0.8, 0.7, 0.6, 0.5])
    assert probability_curves.precision_recall_curve(y, probability).to_dict("list") == {
        "recall": [0.0, 0.5, 0.5, 1.0],
        "precision": [1.0, 1.0, 0.25, 0.4],
    }


def test_the_steps_below_the_precision_recall_curve_are_the_average_precision(sample):
    rng = np.random.default_rng(12)
    for decimals in (1, 2, 9):
        y, probability = pd.Series(sample[0]), pd.Series(sample[1].round(decimals))
        noisy = (probability + rng.random(1300).round(decimals)) / 2
        for one in (probability, noisy.round(12)):
            curve = probability_curves.precision_recall_curve(y, one)
            steps = np.diff(curve["recall"]) @ curve["precision"][1:]
            assert steps == pytest.approx(average_precision_score(y, one), rel=1e-12)
            precision, recall, _ = all_corners(y, one)
            theirs = set(zip(recall, precision, strict=True))
            assert set(curve.itertuples(index=False, name=None)) <= theirs


def test_the_calibration_is_the_one_worked_out_by_hand():
    # Four bins: [0, 1/4) holds row 0; [1/4, 1/2) rows 1, 2, 4; [1/2, 3/4) row 5; the last 3, 6, 7.
    found = probability_curves.calibration(Y, PROBABILITY, bins=4)
    shares = [intervals.wilson_interval(*one) for one in ((0, 1), (1, 3), (1, 1), (2, 3))]
    assert found.to_dict("list") == {
        "rows": [1, 3, 1, 3],
        "mean_probability": [0.125, 0.25, 0.5, 0.75],
        "share": [one.value for one in shares],
        "low": [one.low for one in shares],
        "high": [one.high for one in shares],
    }


def test_the_calibration_is_scikit_learn_s(sample):
    y, probability = pd.Series(sample[0].astype(int)), pd.Series(sample[1])
    for bins in (5, 10, 17):
        found = probability_curves.calibration(y, probability, bins)
        share, mean = calibration_curve(y, probability, n_bins=bins)
        np.testing.assert_allclose(found["share"], share, rtol=1e-12)
        np.testing.assert_allclose(found["mean_probability"], mean, rtol=1e-12)
        assert found["rows"].sum() == 1300


def test_the_calibration_has_no_line_for_an_empty_bin_and_room_for_0_and_1():
    y, probability = pd.Series([0, 0, 1, 1]), pd.Series([0.0, 1.0, 1.0, 1.0])
    found = probability_curves.calibration(y, probability)
    assert found["rows"].tolist() == [1, 3]
    assert found["mean_probability"].tolist() == [0, 1]
    assert found["share"].tolist() == pytest.approx([0, 2 / 3])


# ------------------------------------------------------------------ several classes

# Six rows of three classes; row 3 is called 2 in place of 1, row 5 is called 0 in place of 2.
THREE = pd.Series([0, 0, 1, 1, 2, 2], name="species")
P3 = pd.DataFrame(
    [
        [0.75, 0.125, 0.125],
        [0.5, 0.25, 0.25],
        [0.25, 0.5, 0.25],
        [0.125, 0.25, 0.625],
        [0.125, 0.125, 0.75],
        [0.5, 0.125, 0.375],
    ],
    columns=["probability_0", "probability_1", "probability_2"],
)
CALLED = pd.Series(P3.to_numpy().argmax(axis=1))
NONE_SEEN = pd.Series([False] * 6)


def test_the_scores_of_three_classes_are_those_worked_out_by_hand():
    came_true = [0.75, 0.5, 0.5, 0.25, 0.75, 0.375]
    # One-vs-rest, of 2 * 4 pairs each: class 0 has one tie with row 5; class 1 has two ties (rows 1
    # and 3) beside all else; class 2 has one pair in the wrong order, row 3 above row 5.
    areas = [7.5 / 8, 7.5 / 8, 7 / 8]
    # Average precision, from the highest probability down; rows with a tie are found together.
    precision = [(1 + 2 / 3) / 2] * 3
    # Class 0: precision 2/3, recall 1; class 1: 1 and 1/2; class 2: 1/2 and 1/2.
    f1 = [4 / 5, 2 / 3, 1 / 2]
    assert scoring.scores(THREE, CALLED, P3, NONE_SEEN) == {
        "accuracy": pytest.approx(4 / 6),
        "accuracy_unseen": pytest.approx(4 / 6),
        "balanced_accuracy": pytest.approx((1 + 1 / 2 + 1 / 2) / 3),
        "f1": pytest.approx(sum(f1) / 3),
        # 4 of 6 rows are right; 2 rows are of each class, and 3, 1, 2 are predicted.
        "matthews_corrcoef": pytest.approx((4 * 6 - 12) / ((36 - 12) * (36 - 14)) ** 0.5),
        "average_precision": pytest.approx(sum(precision) / 3),
        "roc_auc": pytest.approx(sum(areas) / 3),
        "log_loss": pytest.approx(-sum(map(math.log, came_true)) / 6),
        "confusion_matrix": [[2, 0, 0], [0, 1, 1], [1, 0, 1]],
    }


def test_errors_are_what_is_off_the_diagonal_of_either_form():
    assert confusion.n_errors({"confusion_matrix": [[2, 0, 0], [0, 1, 1], [1, 0, 1]]}) == 2
    assert confusion.n_errors({"confusion_matrix": {"tn": 3, "fp": 1, "fn": 2, "tp": 4}}) == 3
    counts = confusion.as_matrix({"tn": 3, "fp": 1, "fn": 2, "tp": 4})
    assert counts.tolist() == [[3, 1], [2, 4]]


@pytest.fixture(scope="module")
def letters():
    """Labels and probabilities of 26 classes, some of them tied; most rows are right."""
    rng = np.random.default_rng(5)
    y = pd.Series(np.arange(780) % 26, name="letter")
    raw = rng.normal(size=(780, 26)).round(1)
    raw[np.arange(780), y] += 2
    P = np.exp(raw)
    return y, P / P.sum(axis=1, keepdims=True)


def test_the_scores_of_26_classes_are_scikit_learn_s(letters):
    y, P = letters
    predicted = pd.Series(P.argmax(axis=1))
    scores = scoring.scores(y, predicted, P, pd.Series([False] * 780))
    assert scores["roc_auc"] == pytest.approx(roc_auc_score(y, P, multi_class="ovr"), abs=1e-12)
    assert scores["log_loss"] == pytest.approx(log_loss(y, P), abs=1e-12)
    assert scores["f1"] == pytest.approx(f1_score(y, predicted, average="macro"), abs=1e-12)
    assert scores["matthews_corrcoef"] == pytest.approx(matthews_corrcoef(y, predicted), abs=1e-12)
    each = [average_precision_score(y == code, P[:, code]) for code in range(26)]
    assert scores["average_precision"] == pytest.approx(np.mean(each), abs=1e-12)
    assert np.array(scores["confusion_matrix"]).shape == (26, 26)


def test_the_area_of_a_resample_is_that_of_its_rows(letters):
    y, P = letters
    area = scoring.BootstrapMacroAuc(y, P)
    drawn = np.random.default_rng(1).integers(0, 780, (3, 2, 780))
    found = area(drawn)
    assert found.shape == (3, 2)
    for place in np.ndindex(3, 2):
        rows = drawn[place]
        theirs = roc_auc_score(y[rows], P[rows], multi_class="ovr")
        assert found[place] == pytest.approx(theirs, abs=1e-12)
    assert np.isnan(area([row for row in range(780) if y[row] != 3]))


def test_of_two_classes_the_macro_average_is_the_area(sample):
    y, probability = sample
    both = np.column_stack([1 - probability, probability])
    found = scoring.BootstrapMacroAuc(y, both)(np.arange(1300))
    assert found == pytest.approx(float(scoring.roc_auc(y, probability)), abs=1e-12)


def test_several_classes_have_intervals(letters):
    y, P = letters
    predicted, seen = pd.Series(P.argmax(axis=1)), pd.Series([False] * 780)
    found = intervals.scores_with_intervals(y, predicted, P, seen, 200, 1)
    own = scoring.scores(y, predicted, P, seen)
    for name, interval in found.items():
        assert interval.low < interval.value < interval.high
        assert interval.value == pytest.approx(own[name])
    # A class of one row is not drawn in some resample.
    rare = y.where(y.index > 0, 26)
    with_rare = np.column_stack([P, np.full(780, 0.01)])
    assert (
        intervals.scores_with_intervals(rare, predicted, with_rare, seen, 200, 1)["roc_auc"] is None
    )


def test_predictions_of_three_classes_have_a_column_each():
    rng = np.random.default_rng(2)
    X = pd.DataFrame(rng.random((60, 2)), columns=["a", "b"])
    y = pd.Series((X["a"] * 3).astype(int), name="species")
    fitted = LogisticRegression().fit(X, y)
    table = scoring.predictions(fitted, X, y, pd.Series(range(60)), "logistic")
    assert list(table.columns) == [
        *("row", "species", "network", "predicted"),
        *("probability_0", "probability_1", "probability_2"),
    ]
    found = scoring.probabilities(table)
    np.testing.assert_array_equal(found, fitted.predict_proba(X))
    rows = EvaluationSet(X, y, pd.Series([False] * 60))
    expected = scoring.scores(y, table["predicted"], found, rows.in_training)
    assert scoring.scores_on(fitted, rows) == expected
    two = pd.DataFrame({"predicted": [1], "probability": [0.75]})
    assert scoring.probabilities(two).tolist() == [0.75]


def test_columns_of_other_names_are_no_probabilities():
    table = pd.DataFrame({"probability_0": [1.0], "probability_of_rain": [0.5], "probability_1": 0})
    assert list(scoring.probabilities(table)) == ["probability_0", "probability_1"]


@pytest.mark.parametrize(
    "curve", [probability_curves.roc_curve, probability_curves.precision_recall_curve]
)
def test_a_mean_curve_is_short_and_does_not_go_back(letters, curve):
    y, P = letters
    found = curve(y, P)
    x, height = found.iloc[:, 0], found.iloc[:, 1]
    assert 50 < len(found) <= probability_curves.MAX_CURVE_POINTS
    assert (np.diff(x) >= 0).all()
    assert (x.iloc[0], x.iloc[-1]) == (0, 1)
    assert height.between(0, 1).all()
    pd.testing.assert_frame_equal(found, curve(y, pd.DataFrame(P + 1e-15)))


def test_the_area_below_the_mean_roc_curve_is_the_mean_area(letters, monkeypatch):
    y, P = letters
    monkeypatch.setattr(probability_curves, "MAX_CURVE_POINTS", 1_000_000)
    whole = probability_curves.roc_curve(y, P)
    area = np.trapezoid(whole["true_positive_rate"], whole["false_positive_rate"])
    assert area == pytest.approx(roc_auc_score(y, P, multi_class="ovr"), abs=1e-9)
    monkeypatch.undo()
    short = probability_curves.roc_curve(y, P)
    area_of_short = np.trapezoid(short["true_positive_rate"], short["false_positive_rate"])
    assert area_of_short == pytest.approx(area, abs=0.005)


def test_a_mean_curve_keeps_the_steps_of_its_curves():
    step = (np.array([0.0, 0.5, 0.5, 1.0]), np.array([0.0, 0.0, 1.0, 1.0]))
    flat = (np.array([0.0, 1.0]), np.array([0.5, 0.5]))
    x, y = probability_curves.mean_curve([step, flat])
    assert (x.tolist(), y.tolist()) == ([0.0, 0.5, 0.5, 1.0], [0.25, 0.25, 0.75, 0.75])


def test_the_calibration_of_three_classes_is_that_of_the_called_one():
    found = probability_curves.calibration(THREE, P3, bins=4)
    assert found[["rows", "mean_probability", "share"]].to_dict("list") == {
        "rows": [4, 2],
        "mean_probability": [(0.5 + 0.5 + 0.625 + 0.5) / 4, 0.75],
        "share": [0.5, 1.0],
    }


def test_the_worked_example_in_the_docstring_is_true():
    assert doctest.testmod(scoring) == (0, 3)
