"""Checks what the report says: agreements, claims and tables follow the run, not the author."""

import json
from typing import Any

import pandas as pd
import pytest
from committed import ROOT
from jinja2 import UndefinedError

from winenet.report import markdown, model_tables, notebook_section, plotting
from winenet.report.terms import Terms

PRINTED = pd.DataFrame(
    [
        ("logistic.accuracy", 0.9823, 4, "cell [2]"),
        ("grid_search.best_hidden_layer_sizes.1", 25, 0, "cell [3]"),
        ("grid_search.accuracy_percent", 99.23, 2, "last cell"),
    ],
    columns=["quantity", "value", "digits", "source"],
)
WINE = Terms("Class", "wine", "wines", ("white", "red"), ("0", "1"), notebook=True)
METRICS = {
    "logistic": {"accuracy": 0.98226},
    "grid_search": {"accuracy": 0.992308, "best_hidden_layer_sizes": "50-25"},
}


def committed() -> dict[str, dict[str, object]]:
    return {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in (ROOT / "metrics").glob("*.json")
    }


def test_a_number_agrees_to_the_digits_that_the_notebook_prints() -> None:
    rows = notebook_section.agreement_rows(notebook_section.notebook_checks(PRINTED, METRICS))
    assert rows == [
        ("`logistic.accuracy`", "cell [2]", "0.9823", "0.9823", "yes"),
        ("`grid_search.best_hidden_layer_sizes.1`", "cell [3]", "25", "25", "yes"),
        ("`grid_search.accuracy_percent`", "last cell", "99.23", "99.23", "yes"),
    ]


def test_a_number_that_this_run_does_not_have_is_none_and_does_not_agree() -> None:
    metrics = METRICS | {"grid_search": {"accuracy": 0.9, "best_hidden_layer_sizes": "8"}}
    second = notebook_section.notebook_checks(PRINTED, metrics)[1]
    assert (second.here, second.agrees) == ("none", False)


@pytest.mark.parametrize(
    ("accuracy", "agrees"), [(0.98224, False), (0.98235, True), (0.9824, False)]
)
def test_half_a_unit_of_the_last_digit_is_the_limit(accuracy: float, agrees: bool) -> None:
    metrics = METRICS | {"logistic": {"accuracy": accuracy}}
    assert notebook_section.notebook_checks(PRINTED, metrics)[0].agrees is agrees


def test_a_head_counts_the_cells_that_agree_and_a_missing_feature_does_not() -> None:
    printed = pd.DataFrame(
        {"row": [0, 0, 1], "feature": ["a", "b", "a"], "value": [0.1, 0.2, 0.3], "digits": 6}
    )
    table = pd.DataFrame({"a": [0.1000004, 0.300001]})
    assert notebook_section.table_head_agreement(printed, table) == (1, 3)


def test_readings_are_ordered_by_epoch() -> None:
    by_epoch = {"epochs_10000": 3, "epochs_500": 1, "epochs_in_which_loss_rose": 0}
    assert notebook_section.snapshots_by_epoch(by_epoch) == {500: 1, 10000: 3}


def followed(
    best: int, stop: int, *, end_errors: int = 4, test_errors: tuple[int, int] = (17, 6), p: float
) -> dict[str, object]:
    """What the stage curves tells of a network: 10 of 1,000 held-out rows wrong at its best."""

    def reading(epoch: int, held_out: tuple[float, float, int], wrong: int) -> dict[str, float]:
        loss, loss_of_errors, errors = held_out
        return {
            "epoch": epoch,
            "training_loss": 1 / epoch,
            "held_out_loss": loss,
            "held_out_loss_of_errors": loss_of_errors,
            "held_out_accuracy": 1 - errors / 1000,
            "test_accuracy": round(1 - wrong / 1300, 6),
        }

    at_best, at_end = (0.04, 0.02, 10), (0.05, 0.045, end_errors)
    if best == 500:
        at_end = at_best
    return {
        "best": reading(best, at_best, test_errors[0]),
        "notebook_stop": reading(stop, at_best, test_errors[1]),
        "last": reading(500, at_end, 5),
        "p_value": p,
    }


RISES = (
    "The held-out loss is lowest at epoch 20 (0.0400) and rises again, to 0.0500 at epoch 500, 25% "
    "more; the training loss falls from 0.0500 to 0.0020."
)
SURE = (
    "The accuracy does not fall: 10 of 1,000 held-out rows are wrong at its minimum, 4 at the end. "
    "The loss also depends on how confident the network is: the misclassified rows account for 50% "
    "of it at its minimum, 90% at the end."
)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            followed(20, 200, p=0.004),
            f"{RISES} {SURE} Of 1,300 test rows 17 are wrong at the lowest held-out loss, 6 at the "
            "notebook's stop, epoch 200, and 5 at the last epoch: on this split, stopping at the "
            "lowest held-out loss would have cost accuracy (exact McNemar test of the first two: "
            "p = 0.004).",
        ),
        (
            followed(20, 200, end_errors=12, test_errors=(6, 17), p=0.004),
            f"{RISES} The accuracy falls too: 10 of 1,000 held-out rows are wrong at its "
            "minimum, 12 at the end. Of 1,300 test rows 6 are wrong at the lowest held-out "
            "loss, 17 "
            "at the notebook's stop, epoch 200, and 5 at the last epoch: on this split, "
            "stopping at "
            "the lowest held-out loss would have gained accuracy (exact McNemar test of the first "
            "two: p = 0.004).",
        ),
        (
            followed(500, 500, test_errors=(5, 5), p=1.0),
            "The held-out loss is lowest at epoch 500 (0.0400), the last epoch, so it does not "
            "rise again in this run. Of 1,300 test rows 5 are wrong at the lowest held-out "
            "loss, 5 at "
            "the last epoch, before which the notebook's rule does not stop the training: these "
            "rows cannot distinguish the first two (exact McNemar test of the first two: p = 1).",
        ),
    ],
    ids=["cost", "gained", "no reason to stop"],
)
def test_what_is_said_of_early_stopping_follows_the_numbers(found, said) -> None:
    assert model_tables.early_stopping(found, 1000, 1300, WINE) == said


def test_the_page_says_of_early_stopping_what_metrics_hold() -> None:
    found, page = committed()["curves"], (ROOT / "report/report.md").read_text(encoding="utf-8")
    rows = model_tables.stop_table(committed(), 1300, WINE).rows
    assert [row[0] for row in rows] == ["network 100-50"] * 3 + ["network 100"] * 3
    assert markdown.markdown_table(model_tables.STOP_COLUMNS, rows) in page
    for network in ("notebook", "one_hidden_layer"):
        assert (
            model_tables.early_stopping(found[network], found["held_out_rows"], 1300, WINE) in page
        )


def test_what_would_break_a_table_is_written_harmlessly() -> None:
    assert markdown.markdown_table(["a"], [["<script>|\n&"]]) == (
        "| a |\n| --- |\n| &lt;script>\\| &amp; |"
    )


def test_the_score_table_has_a_row_a_model() -> None:
    table = model_tables.score_table(committed()).splitlines()
    assert len(table) == 6
    assert table[3].startswith("| network 100-50 | 0.9954 |")


def test_a_picture_is_the_same_bytes_each_time_and_holds_no_date() -> None:
    def drawn() -> str:
        figure, (axes,) = plotting.figure()
        table = pd.DataFrame({"x": [1.0, 2.0], "y": [0.5, 0.25]})
        plotting.label_axes(plotting.curve(axes, table, "x", "y", "y", "black"), "title", "x", "y")
        return plotting.svg(figure)

    first = drawn()
    assert first == drawn()
    assert "<dc:date>" not in first
    assert first.count("title") > 0


def test_a_mark_is_a_point_and_its_shape_is_explained_once() -> None:
    _, (axes,) = plotting.figure()
    plotting.mark(axes, 28, 0.03, "o", "red")
    plotting.explain(axes, "o", "lowest held-out loss")
    marked, meaning = axes.get_lines()
    assert (list(marked.get_xdata()), list(marked.get_ydata())) == ([28], [0.03])
    assert [text.get_text() for text in axes.legend().get_texts()] == ["lowest held-out loss"]
    assert meaning.get_marker() == marked.get_marker() == "o"


def test_a_heat_map_keeps_the_order_of_the_table_and_frames_the_best() -> None:
    table = pd.DataFrame(
        {
            "size": ["50-25", "50-25", "100-50", "100-50"],
            "rate": [0.001, 0.1, 0.001, 0.1],
            "score": [0.91, 0.92, 0.99, 0.93],
        }
    )
    _, (axes,) = plotting.figure()
    plotting.heat_map(axes, table, "rate", "size", "score")
    assert [label.get_text() for label in axes.get_yticklabels()] == ["50-25", "100-50"]
    (frame,) = axes.patches
    assert (round(frame.get_x() + 0.47), round(frame.get_y() + 0.47)) == (0, 1)
    assert [text.get_text() for text in axes.texts] == ["0.9100", "0.9200", "0.9900", "0.9300"]


# Several classes.

IRIS = Terms("species", "row", "rows", ("setosa", "v|c", "virginica"), ("s", "vc", "vg"))
LETTERS = Terms("letter", "row", "rows", tuple("abcdefgh"), tuple("abcdefgh"))


def sets(*counts: int) -> dict[str, object]:
    by_code = {str(code): count for code, count in enumerate(counts)}
    return {name: {"rows": sum(counts), "classes": by_code} for name in ("train", "test")}


def test_the_sets_have_a_column_a_class_of_two_the_positive_first() -> None:
    header, rows = model_tables.split_table(sets(4898, 1599), WINE)
    assert header == ["set", "rows", "red", "white"]
    assert rows[0] == ("training", "6,497", "1,599", "4,898")
    header, rows = model_tables.split_table(sets(50, 40, 30), IRIS)
    assert header == ["set", "rows", "setosa", "v&#124;c", "virginica"]
    assert rows[1] == ("test", "120", "50", "40", "30")


def test_the_sets_of_many_classes_name_the_rarest_and_the_commonest() -> None:
    header, rows = model_tables.split_table(sets(5, 5, 3, 9, 9, 5, 5, 5), LETTERS)
    assert header == ["set", "rows", "least frequent", "most frequent"]
    assert rows == [("training", "46", "c (3)", "e (9)"), ("test", "46", "c (3)", "e (9)")]


def test_the_most_frequent_confusions_come_first_and_the_number_of_their_class() -> None:
    matrix = [[138, 2, 0], [0, 90, 12], [2, 0, 70]]
    assert model_tables.top_confusions(matrix, IRIS) == [
        "v&#124;c taken for virginica: 12 of 102",
        "setosa taken for v&#124;c: 2 of 140",
        "virginica taken for setosa: 2 of 72",
    ]
    everywhere = [[1] * 8 for _ in range(8)]
    assert (
        len(model_tables.top_confusions(everywhere, LETTERS))
        == model_tables.MAX_CONFUSIONS_SHOWN
        == 5
    )


def test_each_model_has_its_confusions_in_words_and_none_is_told_of_two_classes() -> None:
    perfect = {"confusion_matrix": [[3, 0, 0], [0, 3, 0], [0, 0, 3]]}
    wrong = {"confusion_matrix": [[3, 0, 0], [0, 2, 1], [0, 0, 3]]}
    sizes = {"hidden_layer_sizes": "8-4"}
    metrics = {
        "logistic": perfect,
        "mlp": {
            "a": wrong | sizes,
            "b": perfect | sizes,
            "my net": wrong | {"hidden_layer_sizes": "5"},
        },
        "grid_search": perfect | {"hidden_layer_sizes": "6"},
        "compare": {
            "models": {
                name: {"place": place}
                for place, name in enumerate(("logistic", "my net", "b", "a", "grid_search"))
            }
        },
    }
    assert model_tables.confusion_sentences(metrics, IRIS) == [
        "**Logistic regression.** No error.",
        "**My net.** v&#124;c taken for virginica: 1 of 3.",
        "**B.** No error.",
        "**A.** v&#124;c taken for virginica: 1 of 3.",
        "**Tuned network 6.** No error.",
    ]
    assert model_tables.confusion_sentences(committed(), WINE) == []


def test_the_stop_is_the_notebook_s_or_scikit_learn_s() -> None:
    assert model_tables.stopped_at(WINE)["notebook_stop"] == "the notebook's stop"
    assert model_tables.stopped_at(IRIS)["notebook_stop"] == "scikit-learn's stop"
    found = followed(20, 200, p=0.004)
    assert "6 at scikit-learn's stop, epoch 200" in model_tables.early_stopping(
        found, 1000, 1300, IRIS
    )


def test_both_pages_read_templates_alike_and_a_missing_name_is_an_error() -> None:
    for autoescape, expected in ((True, "&lt;"), (False, "<")):
        environment = markdown.jinja_environment(autoescape=autoescape)
        assert environment.from_string("{{ text }}").render(text="<") == expected
        with pytest.raises(UndefinedError):
            environment.from_string("{{ missing }}").render()


def rare(predicted_rare: int) -> dict[str, Any]:
    """Return metrics of 1,000 rows, 40 of them of class 1, and of a network's 100 predictions."""
    score = {
        "confusion_matrix": {"tn": 96 - predicted_rare, "fp": predicted_rare, "fn": 4, "tp": 0}
    }
    other = {"confusion_matrix": {"tn": 95, "fp": 1, "fn": 2, "tp": 2}}
    models = ("logistic", "net", "grid_search")
    return {
        "ingest": {"classes": {"0": 960, "1": 40}},
        "logistic": other,
        "mlp": {"net": score | {"hidden_layer_sizes": "5"}},
        "grid_search": other | {"hidden_layer_sizes": "6"},
        "compare": {"models": {name: {"place": place} for place, name in enumerate(models)}},
    }


def test_a_rare_class_and_a_model_that_never_predicts_it_are_named() -> None:
    said = model_tables.class_cautions(rare(0), WINE)
    assert said == [
        "Only 4.0% of the rows are red, so balanced accuracy and average precision come first: a "
        "model that never predicts this class can still have an accuracy of 0.9600.",
        "The network 5 predicts white for every test row, so it distinguishes nothing. Class "
        "weights (`class_weight: balanced`) or another scoring can help.",
    ]
    assert len(model_tables.class_cautions(rare(1), WINE)) == 1
    assert model_tables.rare_class_note(rare(0))[0].startswith(
        "Only 4.0% of the rows are of the rarest class, so"
    )
    balanced = rare(1) | {"ingest": {"classes": {"0": 600, "1": 400}}}
    assert model_tables.class_cautions(balanced, WINE) == []


@pytest.mark.parametrize(("fewest", "first"), [(99, "balanced_accuracy"), (100, "accuracy")])
def test_below_a_tenth_of_the_rows_the_scores_of_a_rare_class_come_first(
    fewest: int, first: str
) -> None:
    metrics = {"ingest": {"classes": {"0": 500, "1": fewest, "2": 500 - fewest}}}
    scores = model_tables.rare_scores_first(model_tables.SCORES, metrics)
    assert next(iter(scores)) == first
    assert list(scores)[1:3] == (
        ["average_precision", "accuracy"] if fewest < 100 else ["balanced_accuracy", "f1"]
    )
    assert len(scores) == len(model_tables.SCORES) + (fewest < 100)


def with_thresholds(**thresholds: float) -> dict[str, Any]:
    """Return metrics in which some models have thresholds."""
    metrics = rare(1)
    for name, threshold in thresholds.items():
        metrics["compare"]["models"][name]["threshold"] = threshold
    return metrics


def test_thresholds_are_told_with_how_they_were_chosen() -> None:
    metrics = with_thresholds(logistic=0.031234, grid_search=0.25)
    assert model_tables.threshold_sentences(metrics, WINE, "f1") == [
        "Red is predicted above a probability of 0.03123 (logistic regression), 0.25 (tuned "
        "network 6) in place of 0.5. Each of these thresholds has the highest F1 on the training "
        "rows, each row predicted by a model of the folds that was not trained on it; the test "
        "rows had no part. ROC AUC, log loss and calibration do not depend on it."
    ]
    (said,) = model_tables.threshold_sentences(metrics, WINE, "balanced_accuracy")
    assert "has the highest balanced accuracy on the training rows" in said
    assert model_tables.threshold_sentences(with_thresholds(net=0.3), WINE, 0.3) == [
        "Red is predicted above a probability of 0.3, as `threshold` in `params.yaml` says, in "
        "place of 0.5. ROC AUC, log loss and calibration do not depend on it."
    ]


@pytest.mark.parametrize("setting", [0.5, "f1"])
def test_of_one_half_nothing_is_told(setting) -> None:
    assert model_tables.threshold_sentences(rare(1), WINE, setting) == []
