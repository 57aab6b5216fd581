"""Each sentence as a whole, for each thing that it can say; grammar and all."""

from typing import Any

import pytest

from winenet.report import sentences

NAMES = {
    "logistic": "logistic regression",
    "notebook": "network 100-50",
    "one_hidden_layer": "network 100",
    "grid_search": "tuned network 50-25",
    "boosted_trees": "boosted trees",
}


@pytest.mark.parametrize(
    ("p", "said"),
    [
        (0.0, "p < 0.001"),
        (0.00099999, "p < 0.001"),
        (0.001, "p = 0.001"),
        (0.0058, "p = 0.0058"),
        (0.0494, "p = 0.049"),
        (0.0496, "p < 0.05"),
        (0.05, "p = 0.05"),
        (0.0504, "p = 0.05"),
        (0.75, "p = 0.75"),
        (0.994, "p = 0.99"),
        (0.996, "p = 1"),
        (1.0, "p = 1"),
    ],
)
def test_a_p_value_is_said_in_two_digits_that_do_not_hide_the_verdict(p, said):
    assert sentences.format_p_value(p) == said


@pytest.mark.parametrize(("p", "differ"), [(0.049999, True), (0.05, False), (1.0, False)])
def test_models_differ_below_alpha(p, differ):
    assert sentences.is_significant({"p_value": p}) is differ


# The split.


@pytest.mark.parametrize(
    ("split", "said"),
    [
        (
            {"method": "random"},
            "The test set was drawn at random. So the scores hold for new rides drawn as these "
            "were, not for new groups or a later time.",
        ),
        (
            {"method": "stratified"},
            "The test set was drawn at random with the class shares of the table. So the scores "
            "hold for new rides drawn as these were, not for new groups or a later time.",
        ),
        (
            {"method": "group", "column": "zone", "groups": {"train": 1162, "test": 32}},
            "No value of `zone` is in both sets (1,162 are in the training set, 32 in the test "
            "set), nor in two folds of the search. So the scores hold for rides with a new value "
            "of `zone`; their intervals take the rides as independent and are too narrow if those "
            "with the same value are alike.",
        ),
        (
            {
                "method": "time",
                "column": "a|b",
                "boundary": {"last_training": "2019-03-25", "first_test": "2019-03-26 09:00"},
            },
            "The test set has the latest rides by a&#124;b: training ends at 2019-03-25, the test "
            "begins at 2019-03-26 09&#58;00. Each fold of the search is scored on later rides than "
            "it trains on. So the scores hold for the time after 2019-03-25, as far as the test "
            "set reaches.",
        ),
    ],
)
def test_the_claim_that_the_test_set_supports_is_told(split, said):
    assert sentences.split_claim(split, "rides") == said


# Two models.


def compared(
    errors: tuple[int, int], only: tuple[int, int], p: float, number: int = 1300
) -> dict[str, Any]:
    return {
        "rows": "all",
        "number": number,
        "first": "notebook",
        "second": "boosted_trees",
        "errors_first": errors[0],
        "errors_second": errors[1],
        "only_first": only[0],
        "only_second": only[1],
        "p_value": p,
    }


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (
            compared((23, 6), (17, 0), 0.00015),
            "The network 100-50 made 17 more errors on 1,300 rows than the boosted trees (23 "
            "against 6); only the former got 17 rows wrong, only the latter 0; p < 0.001, "
            "different.",
        ),
        (
            compared((6, 23), (2, 19), 0.0058, 941),
            "The boosted trees made 17 more errors on 941 rows than the network 100-50 (23 "
            "against 6); only the former got 19 rows wrong, only the latter 2; p = 0.0058, "
            "different.",
        ),
        (
            compared((7, 6), (3, 2), 1.0),
            "The network 100-50 made 1 more error on 1,300 rows than the boosted trees (7 "
            "against 6); only the former got 3 rows wrong, only the latter 2; p = 1, not "
            "distinguishable.",
        ),
        (
            compared((0, 1), (0, 1), 1.0, 1),
            "The boosted trees made 1 more error on 1 row than the network 100-50 (1 against "
            "0); only the former got 1 row wrong, only the latter 0; p = 1, not distinguishable.",
        ),
        (
            compared((8, 8), (3, 3), 1.0),
            "The network 100-50 and the boosted trees made 8 errors each on 1,300 rows; only "
            "the former got 3 rows wrong, only the latter 3; p = 1, not distinguishable.",
        ),
        (
            compared((1, 1), (0, 0), 1.0, 10),
            "The network 100-50 and the boosted trees made 1 error each on 10 rows; only the "
            "former got 0 rows wrong, only the latter 0; p = 1, not distinguishable.",
        ),
    ],
    ids=["first worse", "second worse", "one error", "one row", "equal", "one error each"],
)
def test_a_pair_is_told(one, said):
    assert sentences.pair(one, NAMES) == said


# Copies.


def test_what_copies_are_worth_is_told():
    scored = {
        "logistic": {"errors": 23, "errors_unseen": 16},  # 7 of 400 seen, 16 of 1,000 unseen
        "notebook": {"errors": 6, "errors_unseen": 5},  # 1 of 400, 5 of 1,000
        "grid_search": {"errors": 7, "errors_unseen": 5},  # 2 of 400, 5 of 1,000: the same share
    }
    assert sentences.duplicates_sentence(scored, 400, 1000, NAMES) == (
        "Errors on test rows with a duplicate in the training set (400) and on the others "
        "(1,000): 7 and 16 for the logistic regression, 1 and 5 for the network 100-50, 2 and 5 "
        "for the tuned network 50-25. 1 of 3 models make relatively fewer errors on the former. "
        "To keep duplicates out of the test set, set `split.duplicates` to `drop` or `group`."
    )


@pytest.mark.parametrize(
    ("seen", "unseen", "said"),
    [
        (
            0,
            20,
            "No test row has a duplicate in the training set, so all accuracies are on "
            "unseen rows.",
        ),
        (
            20,
            0,
            "All test rows have a duplicate in the training set, so no accuracy is on unseen rows.",
        ),
    ],
)
def test_where_all_rows_are_seen_or_none_is_no_share_is_taken(seen, unseen, said):
    scored = {"logistic": {"errors": 2, "errors_unseen": 2 if unseen else 0}}
    assert sentences.duplicates_sentence(scored, seen, unseen, NAMES) == said


# Seeds.


@pytest.mark.parametrize(
    ("worse", "equal", "better", "place"),
    [
        (4, 5, 1, "4 runs below it, 5 equal, 1 above"),
        (1, 0, 9, "1 run below it, 0 equal, 9 above"),
        (0, 1, 9, "0 runs below it, 1 equal, 9 above"),
        (0, 10, 0, "0 runs below it, 10 equal, 0 above"),
        (0, 0, 10, "below all of them"),
        (10, 0, 0, "above all of them"),
    ],
)
def test_the_own_run_has_its_place_among_the_seeds(worse, equal, better, place):
    spread = {
        "accuracy": {"mean": 0.99484, "sd": 0.000815, "min": 0.993077, "max": 0.996154},
        "own": {
            "accuracy": 0.992308,
            "runs_worse": worse,
            "runs_equal": equal,
            "runs_better": better,
        },
    }
    assert sentences.seeds(spread, 10, "tuned network 50-25") == (
        "The tuned network 50-25 has 0.9948 on average over 10 seeds, sd 0.0008, from 0.9931 to "
        f"0.9962. The run with the seed of params.yaml has 0.9923: {place}."
    )


# The search's choice.

FOUND = {
    "cv_accuracy": 0.996345,
    "accuracy": 0.992308,
    "test_minus_cv_accuracy": -0.004037,
    "candidates": 9,
    "best_candidate": "50-25 at 0.001",
    "choice": {
        "on_edge": {"hidden_layer_sizes": True, "learning_rate_init": True},
        "trained_to_the_end": 9,
        "within_one_standard_error": 4,
        "standard_error": 0.000706,
        "smallest_within_one_standard_error": "50-25 at 0.001",
    },
    "out_of_fold": {"errors": 19, "rows_seen": 1224, "accuracy_unseen": 0.995973},
}
UNTUNED = {"further_errors": 4, "p_value": 0.75}
SPREAD = {
    "runs": 10,
    "grid_search": {"accuracy": {"mean": 0.99484}},
    "notebook": {"accuracy": {"mean": 0.99511}},
}


def chosen(untuned: dict[str, Any] = UNTUNED, **changes: Any) -> list[str]:
    choice = FOUND["choice"] | changes.pop("choice", {})
    return sentences.selection_sentences(
        FOUND | changes | {"choice": choice}, untuned, SPREAD, NAMES, "notebook"
    )


def test_a_choice_has_five_sentences():
    assert list(chosen()) == [
        "The winner's accuracy is 0.9963 in cross-validation and 0.9923 on the test rows, "
        "0.0040 less; the folds chose the best of 9 candidates, so the former is optimistic.",
        "At the boundary of the grid: `hidden_layer_sizes` and `learning_rate_init`. The best "
        "value may lie outside, so a wider grid may score higher.",
        "4 of 9 candidates are within one standard error (0.0007) of the best, so the folds "
        "cannot distinguish them; the smallest of them is 50-25 at 0.001, which is the winner "
        "itself.",
        "It does not beat the untuned network 100-50: 4 more errors on the same rows (p = 0.75); "
        "over 10 seeds each, 0.9948 against 0.9951 on average.",
        "Out of fold it misclassifies 19 training rows; 1,224 rows have a duplicate in another "
        "fold, and on the others its accuracy is 0.9960.",
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"accuracy": 0.998, "test_minus_cv_accuracy": 0.001655},
            "The winner's accuracy is 0.9963 in cross-validation and 0.9980 on the test rows, "
            "0.0017 more; the folds chose the best of 9 candidates, so the former is optimistic.",
        ),
        (
            {"accuracy": 0.99634, "test_minus_cv_accuracy": -0.000005},
            "The winner's accuracy is 0.9963 in cross-validation and 0.9963 on the test rows, "
            "the same; the folds chose the best of 9 candidates, so the former is optimistic.",
        ),
        (
            {"threshold": 0.3, "accuracy": 0.9, "candidates": 1},
            "At a threshold of 0.5, the winner's accuracy is 0.9963 in cross-validation and 0.9923 "
            "on the test rows, 0.0040 less.",
        ),
        (
            {"candidates": 1},
            "The winner's accuracy is 0.9963 in cross-validation and 0.9923 on the test rows, "
            "0.0040 less.",
        ),
    ],
    ids=["more", "the same", "a threshold", "no choice"],
)
def test_the_winner_s_two_accuracies_are_compared(changes, said):
    assert chosen(**changes)[0] == said


@pytest.mark.parametrize(
    ("sizes", "rate", "said"),
    [
        (
            True,
            False,
            "At the boundary of the grid: `hidden_layer_sizes`. The best value may lie outside, "
            "so a wider grid may score higher.",
        ),
        (
            False,
            False,
            "No chosen value is the smallest or the largest of those that were tried.",
        ),
    ],
)
def test_an_edge_of_the_grid_is_told(sizes, rate, said):
    edges = {"hidden_layer_sizes": sizes, "learning_rate_init": rate}
    assert chosen(choice={"on_edge": edges})[1] == said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"choice": {"smallest_within_one_standard_error": "4 at 0.01"}},
            "4 of 9 candidates are within one standard error (0.0007) of the best, so the folds "
            "cannot distinguish them; the smallest of them is 4 at 0.01, which is the "
            "simpler choice.",
        ),
        (
            {"choice": {"within_one_standard_error": 1}},
            "No other of the 9 candidates is within one standard error (0.0007) of the best, so "
            "the folds distinguish it.",
        ),
        (
            {"candidates": 1, "choice": {"within_one_standard_error": 1, "trained_to_the_end": 1}},
            "The grid has only one candidate.",
        ),
        (
            {"choice": {"trained_to_the_end": 1}},
            "1 of 9 candidates was trained to the end; the scores of the others belong to fewer "
            "epochs.",
        ),
        (
            {"choice": {"trained_to_the_end": 3}},
            "3 of 9 candidates were trained to the end; the scores of the others belong to fewer "
            "epochs.",
        ),
    ],
    ids=["simpler", "alone", "only one", "halving to one", "halving to three"],
)
def test_candidates_that_are_as_good_are_told(changes, said):
    assert chosen(**changes)[2] == said


@pytest.mark.parametrize(
    ("further", "p", "verdict", "counted"),
    [
        (-9, 0.02, "beats", "9 fewer errors on the same rows (p = 0.02)"),
        (-1, 1.0, "does not beat", "1 fewer error on the same rows (p = 1)"),
        (0, 1.0, "does not beat", "as many errors on the same rows (p = 1)"),
        (9, 0.0004, "does not beat", "9 more errors on the same rows (p < 0.001)"),
    ],
)
def test_tuning_beats_the_untuned_network_or_does_not(further, p, verdict, counted):
    assert chosen({"further_errors": further, "p_value": p})[3] == (
        f"It {verdict} the untuned network 100-50: {counted}; over 10 seeds each, 0.9948 against "
        "0.9951 on average."
    )


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        (
            {"errors": 1, "rows_seen": 1, "accuracy_unseen": 1.0},
            "Out of fold it misclassifies 1 training row; 1 row has a duplicate in another "
            "fold, and on the others its accuracy is 1.0000.",
        ),
        (
            {"errors": 0, "rows_seen": 40, "accuracy_unseen": None},
            "Out of fold it misclassifies 0 training rows; 40 rows have a duplicate in another "
            "fold.",
        ),
        (
            {"errors": 2, "rows_seen": 0, "accuracy_unseen": 0.9975},
            "Out of fold it misclassifies 2 training rows; no row has a duplicate in another fold.",
        ),
        (
            {"errors": 2, "rows": 1040, "rows_seen": 0, "accuracy_unseen": 0.9975},
            "Out of fold it misclassifies 2 of the 1,040 training rows that a fold holds out; no "
            "row has a duplicate in another fold.",
        ),
    ],
    ids=["one row", "all rows have a copy", "none has", "some rows are in no fold"],
)
def test_out_of_fold_errors_are_told(kept, said):
    assert chosen(out_of_fold=kept)[4] == said


# A feature left out.


def without(logistic: tuple[int, float], grid_search: tuple[int, float]) -> dict[str, Any]:
    return {
        model: {"further_errors": further, "p_value": p}
        for model, (further, p) in (("logistic", logistic), ("grid_search", grid_search))
    }


@pytest.mark.parametrize(
    ("by_model", "said"),
    [
        (
            without((0, 1.0), (-4, 0.5)),
            "as many errors for the logistic regression (p = 1), 4 fewer errors for the tuned "
            "network 50-25 (p = 0.5). No model is significantly worse without it.",
        ),
        (
            without((12, 0.004), (1, 1.0)),
            "12 more errors for the logistic regression (p = 0.004), 1 more error for the tuned "
            "network 50-25 (p = 1). It matters to the logistic regression.",
        ),
        (
            without((12, 0.004), (20, 0.0001)),
            "12 more errors for the logistic regression (p = 0.004), 20 more errors for the tuned "
            "network 50-25 (p < 0.001). It matters to the logistic regression, the tuned network "
            "50-25.",
        ),
        (
            without((12, 0.004), (-9, 0.01)),
            "12 more errors for the logistic regression (p = 0.004), 9 fewer errors for the tuned "
            "network 50-25 (p = 0.01). It matters to the logistic regression. Better without it: "
            "the tuned network 50-25.",
        ),
        (
            without((0, 1.0), (-9, 0.01)),
            "as many errors for the logistic regression (p = 1), 9 fewer errors for the tuned "
            "network 50-25 (p = 0.01). No model is significantly worse without it. Better "
            "without it: "
            "the tuned network 50-25.",
        ),
    ],
    ids=["none", "one", "both", "one each", "better"],
)
def test_what_a_left_out_feature_was_worth_is_told(by_model, said):
    assert sentences.left_out("quality", by_model, NAMES) == f"Trained without `quality`: {said}"


# What became of the raw files.


INGEST = {
    "rows": 891,
    "missing": {"category": {"deck": 688, "town": 2}, "number": {"age": 177}, "date": {"born": 1}},
    "dates": {"born": ["born year", "born days"]},
    "left_out": ["alive", "<b>"],
    "dropped_rows": {"unlabelled": 44, "rare_classes": 1},
    "leaks": {"who*": {"share": 0.9966, "by": "its 2 levels"}},
}


def test_rows_columns_dates_and_gaps_are_told():
    filled = (
        "A gap becomes the median of the training rows; if those have gaps in the column, a second "
        "input tells the model where."
    )
    assert sentences.table_facts(INGEST) == [
        "44 rows are not in the table: they have no label (`ingest.unlabelled`).",
        "1 row is not in the table: the class has too few rows (`ingest.rare_classes`).",
        "Raw columns left out (`ingest.drop_columns`): `alive`, &#60;b&#62;.",
        "Dates were taken apart into numbers: `born` (`born year`, `born days`).",
        f"Missing numbers: `age` 177 (19.9%). {filled}",
        f"Missing dates: `born` 1 (0.1%). {filled}",
        "Missing categories: `deck` 688 (77.2%), `town` 2 (0.2%). A gap is a level of its own; if "
        "the training rows have none in the column, it is treated as an unknown level.",
    ]


def test_of_a_complete_table_nothing_is_told():
    assert sentences.table_facts({"rows": 6497, "features": 12}) == []
    assert sentences.leaks({"rows": 6497, "features": 12}) == []


def test_of_many_columns_those_with_the_most_gaps_are_told():
    gaps = {f"g{number}": number for number in range(1, 4001)}
    (told,) = sentences.table_facts({"rows": 8000, "missing": {"number": gaps}})
    assert told.startswith("Missing numbers: `g4000` 4,000 (50.0%), `g3999` 3,999 (50.0%), ")
    assert "`g3981` 3,981 (49.8%) and 3,980 more. A gap" in told


def test_a_leak_is_told_with_its_number_and_the_cure():
    assert sentences.leaks(INGEST) == [
        "**Possible leak.** who&#42; alone decides 99.7% of the rows, by its 2 levels. If it is "
        "known only after the label, all scores are too good: move it to `ingest.drop_columns` in "
        "`params.yaml`."
    ]


# More rows.


def last_step(*lows: tuple[float, float], score: str = "accuracy_unseen") -> dict[str, Any]:
    """lows: of each model the lower bounds over seeds and over test rows."""
    models = ("logistic", "notebook", "grid_search")
    return {
        "score": score,
        "rows_before": 2598,
        "rows": 5197,
        "models": {
            model: {
                "gain": 0.002,
                "over_seeds": {"low": seeds, "high": 0.004 - seeds},
                "over_rows": {"low": rows, "high": 0.004 - rows},
            }
            for model, (seeds, rows) in zip(models, lows, strict=True)
        },
    }


@pytest.mark.parametrize(
    ("last", "said"),
    [
        (
            last_step((0.0016, 0.001), (0.0002, 0.0001), (0.001, 0.0012)),
            "From 2,598 to 5,197 training rows the accuracy on test rows without a duplicate in "
            "the training set changes by +0.0020 (+0.0016 to +0.0024; +0.0010 to +0.0030) for "
            "the logistic regression, +0.0020 (+0.0002 to +0.0038; +0.0001 to +0.0039) for the "
            "network 100-50, +0.0020 (+0.0010 to +0.0030; +0.0012 to +0.0028) for the tuned "
            "network 50-25. All models still gain, so more rows would probably help.",
        ),
        (
            last_step((0.0016, 0.001), (0.0002, -0.001), (0.0, 0.0012)),
            "From 2,598 to 5,197 training rows the accuracy on test rows without a duplicate in "
            "the training set changes by +0.0020 (+0.0016 to +0.0024; +0.0010 to +0.0030) for "
            "the logistic regression, +0.0020 (+0.0002 to +0.0038; -0.0010 to +0.0050) for the "
            "network 100-50, +0.0020 (+0.0000 to +0.0040; +0.0012 to +0.0028) for the tuned "
            "network 50-25. Still gaining: the logistic regression; the gain of the others "
            "can be due to chance.",
        ),
        (
            last_step((-0.001, -0.002), (0.001, -0.002), (-0.002, 0.001), score="accuracy"),
            "From 2,598 to 5,197 training rows the accuracy on all test rows changes by +0.0020 "
            "(-0.0010 to +0.0050; -0.0020 to +0.0060) for the logistic regression, +0.0020 "
            "(+0.0010 to +0.0030; -0.0020 to +0.0060) for the network 100-50, +0.0020 (-0.0020 "
            "to +0.0060; +0.0010 to +0.0030) for the tuned network 50-25. No model gains more "
            "than can be due to chance, so these test rows do not show that more rows would "
            "help.",
        ),
    ],
    ids=["all", "some", "none"],
)
def test_whether_more_rows_would_help_is_told(last, said):
    assert sentences.more_rows(last, NAMES) == said
