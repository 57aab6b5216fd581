"""Checks what the report says: agreements, claims and tables follow the run, not the author."""

import json
from pathlib import Path

import pandas as pd
import pytest

from winenet import plotting, report

ROOT = Path(__file__).parents[1]
PRINTED = pd.DataFrame(
    [
        ("logistic.accuracy", 0.9823, 4, "cell [2]"),
        ("grid_search.best_hidden_layer_sizes.1", 25, 0, "cell [3]"),
        ("grid_search.accuracy_percent", 99.23, 2, "last cell"),
    ],
    columns=["quantity", "value", "digits", "source"],
)
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
    rows = report.agreement_rows(report.agreements(PRINTED, METRICS))
    assert rows == [
        ("`logistic.accuracy`", "cell [2]", "0.9823", "0.9823", "yes"),
        ("`grid_search.best_hidden_layer_sizes.1`", "cell [3]", "25", "25", "yes"),
        ("`grid_search.accuracy_percent`", "last cell", "99.23", "99.23", "yes"),
    ]


def test_a_number_that_this_run_does_not_have_is_none_and_does_not_agree() -> None:
    metrics = METRICS | {"grid_search": {"accuracy": 0.9, "best_hidden_layer_sizes": "8"}}
    second = report.agreements(PRINTED, metrics)[1]
    assert (second.here, second.agrees) == ("none", False)


@pytest.mark.parametrize(
    ("accuracy", "agrees"), [(0.98224, False), (0.98235, True), (0.9824, False)]
)
def test_half_a_unit_of_the_last_digit_is_the_limit(accuracy: float, agrees: bool) -> None:
    metrics = METRICS | {"logistic": {"accuracy": accuracy}}
    assert report.agreements(PRINTED, metrics)[0].agrees is agrees


def test_a_head_counts_the_cells_that_agree_and_a_missing_feature_does_not() -> None:
    printed = pd.DataFrame(
        {"row": [0, 0, 1], "feature": ["a", "b", "a"], "value": [0.1, 0.2, 0.3], "digits": 6}
    )
    table = pd.DataFrame({"a": [0.1000004, 0.300001]})
    assert report.head_agreement(printed, table) == (1, 3)


def test_readings_are_ordered_by_epoch() -> None:
    by_epoch = {"epochs_10000": 3, "epochs_500": 1, "epochs_in_which_loss_rose": 0}
    assert report.readings(by_epoch) == {500: 1, 10000: 3}


def test_the_tuned_network_is_compared_row_by_row() -> None:
    notebook = pd.DataFrame({"row": range(6), "Class": [1] * 6, "predicted": [1, 1, 1, 1, 1, 0]})
    tuned = pd.DataFrame({"predicted": [0, 0, 0, 1, 1, 1]})
    assert report.compare_tuned(notebook, tuned) == {
        "errors_first": 1,
        "errors_second": 3,
        "only_first": 1,
        "only_second": 3,
        "p_value": pytest.approx(0.625),  # 2 * (1 + 4) / 2**4
    }


def test_what_would_break_a_table_is_written_harmlessly() -> None:
    assert report.markdown(["a"], [["<script>|\n&"]]) == (
        "| a |\n| --- |\n| &lt;script>\\| &amp; |"
    )


def test_the_score_table_has_a_row_a_model() -> None:
    table = report.score_table(committed()).splitlines()
    assert len(table) == 6
    assert table[3].startswith("| network 100-50 | 0.9954 |")


def test_the_readme_shows_the_results_of_metrics() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"<!-- python -m winenet results -->\n{report.score_table(committed())}\n" in readme


def test_a_picture_is_the_same_bytes_each_time_and_holds_no_date() -> None:
    def drawn() -> str:
        figure, (axes,) = plotting.figure()
        table = pd.DataFrame({"x": [1.0, 2.0], "y": [0.5, 0.25]})
        plotting.words(plotting.curve(axes, table, "x", "y", "y", "black"), "title", "x", "y")
        return plotting.svg(figure)

    first = drawn()
    assert first == drawn()
    assert "<dc:date>" not in first
    assert first.count("title") > 0


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
