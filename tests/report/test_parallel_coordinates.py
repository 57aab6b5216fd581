"""Parallel coordinates: where axes, labels and lines are."""

import numpy as np
import pandas as pd
import pytest

from winenet.report.parallel_coordinates import (
    BOTTOM,
    MAX_LABELS,
    TOP,
    parallel_coordinates,
    scale,
)

CANDIDATES = pd.DataFrame(
    {
        "candidate": ["a", "b", "c"],
        "alpha": [1e-4, 1e-2, 1e-3],
        "activation": ["tanh", "relu", "tanh"],
        "hidden_layer_sizes": ["100-50", "50-25", "50-25"],
        "mean_test_score": [0.9, 1.0, 0.8],
        "rank_test_score": [2, 1, 3],
    }
)


def test_a_line_crosses_each_axis_at_its_value_and_ends_at_its_score():
    drawn = parallel_coordinates(CANDIDATES)
    assert [axis.name for axis in drawn.axes] == [
        ["alpha"],
        ["activation"],
        ["hidden", "layer", "sizes"],
        ["mean score"],
    ]
    assert [line.name for line in drawn.lines] == ["c", "a", "b"]
    assert [line.best for line in drawn.lines] == [False, False, True]
    strengths = [line.strength for line in drawn.lines]
    assert strengths == sorted(set(strengths))
    by_name = {line.name: line.corners for line in drawn.lines}
    for corners in by_name.values():
        assert [x for x, _ in corners] == [axis.x for axis in drawn.axes]
    height = BOTTOM - TOP
    assert [y for _, y in by_name["a"]] == pytest.approx(
        [BOTTOM, TOP + 0.04 * height, TOP + 0.04 * height, BOTTOM - height / 2], abs=0.06
    )
    assert by_name["b"][0][1] == TOP
    assert by_name["c"][0][1] == pytest.approx(BOTTOM - height / 2)


def test_the_last_labels_are_inside_the_drawing_and_it_fills_the_column():
    drawn = parallel_coordinates(CANDIDATES)
    assert drawn.axes[-1].x + 60 < drawn.width <= 736
    wide = CANDIDATES.assign(**{f"p{number}": [1, 2, 3] for number in range(9)})
    columns = [*wide.columns[:4], *wide.columns[6:], *wide.columns[4:6]]
    assert parallel_coordinates(wide[columns]).width > 736


@pytest.mark.parametrize("parameters", [["alpha"], ["alpha", "activation"]])
def test_one_or_two_parameters_have_no_drawing(parameters):
    rest = ["mean_test_score", "rank_test_score"]
    assert parallel_coordinates(CANDIDATES[["candidate", *parameters, *rest]]) is None


def test_numbers_over_two_decades_are_logarithmic_and_others_are_not():
    found = scale(pd.Series([0.001, 0.01, 0.1]))
    assert found.positions.tolist() == pytest.approx([0, 0.5, 1])
    assert [text for _, text in found.labels] == ["0.001", "0.01", "0.1"]
    assert scale(pd.Series([1, 5.5, 10])).positions.tolist() == [0, 0.5, 1]
    assert [text for _, text in scale(pd.Series([0, 1000])).labels][:2] == ["0", "200"]


def test_none_is_a_point_of_its_own_below_the_numbers():
    found = scale(pd.Series([0.25, np.nan, 0.5]))
    assert found.positions.tolist() == pytest.approx([0.14, 0, 1])
    assert found.labels[0] == (0, "None")
    assert min(at for at, _ in found.labels[1:]) >= 0.14


def test_texts_stand_side_by_side_in_order_with_none_first():
    found = scale(pd.Series(["100-50", "50-25", None, "auto", "50-25"]))
    assert [text for _, text in found.labels] == ["None", "50-25", "100-50", "auto"]
    assert found.positions[1] == found.positions[4] < found.positions[0] < found.positions[3]
    assert [text for _, text in scale(pd.Series([True, False])).labels] == ["False", "True"]


def test_a_value_alone_is_in_the_middle():
    assert scale(pd.Series([7, 7])) == (pytest.approx(np.array([0.5, 0.5])), [(0.5, "7")])
    assert scale(pd.Series(["relu"])).labels == [(0.5, "relu")]


@pytest.mark.parametrize("values", [list(map(str, range(40))), np.logspace(-40, 40, 9)])
def test_there_are_not_more_labels_than_have_room(values):
    found = scale(pd.Series(values))
    assert 5 < len(found.labels) <= MAX_LABELS
    assert all(0 <= at <= 1 for at, _ in found.labels)
