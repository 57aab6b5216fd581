"""The pictures of the comparison: the same bytes each time, each model under its name and colour.

In an SVG a text is drawn as outlines, with the text itself in a comment before them.
"""

import contextlib
import html
import re
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import same_color
from matplotlib.figure import Figure

from winenet.report import figures, plotting
from winenet.report.model_styles import ModelStyle, styles
from winenet.report.terms import Terms


def styled(networks: dict[str, str], *baselines: str, **titles: str) -> dict[str, ModelStyle]:
    """Return the styles of models. networks: by name, their layers."""
    models = ["logistic", *networks, "grid_search", *baselines]
    compared = {
        name: {"place": place, "title": titles.get(name)} for place, name in enumerate(models)
    }
    return styles(
        {
            "mlp": {name: {"hidden_layer_sizes": sizes} for name, sizes in networks.items()},
            "grid_search": {"hidden_layer_sizes": "50-25"},
            "compare": {"models": compared},
        }
    )


STYLES = styled({"notebook": "100-50", "one_hidden_layer": "100"}, "boosted_trees")
NAMES = {model: style.name for model, style in STYLES.items()}
WINE = Terms("Class", "wine", "wines", ("white", "red"), ("0", "1"), notebook=True)
TRAINED = ["logistic", "notebook", "one_hidden_layer", "grid_search"]
NETWORKS = TRAINED[1:]


def by_model(models: Iterable[str], **columns: list[Any]) -> pd.DataFrame:
    """Return a table with the same lines for each model, its numbers a little larger each time."""
    lines = pd.DataFrame(columns)
    moved = lines.select_dtypes("float").columns
    return pd.concat(
        [
            lines.assign(model=model, **{name: lines[name] * (1 + n / 100) for name in moved})
            for n, model in enumerate(models)
        ],
        ignore_index=True,
    )


def rocs(models: list[str]) -> Any:
    rates = {"false_positive_rate": [0.0, 0.1, 0.9], "true_positive_rate": [0.0, 0.8, 0.9]}
    return figures.roc_curves(by_model(models, **rates), STYLES)


def precision_recall(models: list[str]) -> Any:
    shares = {"recall": [0.0, 0.6, 0.9], "precision": [0.95, 0.9, 0.2]}
    return figures.precision_recall(by_model(models, **shares), STYLES)


def calibration(models: list[str], terms: Terms = WINE) -> Any:
    bins = by_model(
        models,
        rows=[900, 100, 100],
        mean_probability=[0.02, 0.5, 0.9],
        share=[0.0, 0.4, 0.9],
        low=[0.0, 0.3, 0.8],
        high=[0.1, 0.5, 0.95],
    )
    return figures.calibration(bins, STYLES, terms)


def accuracies(models: list[str], sets: tuple[str, ...] = ("all", "unseen")) -> Any:
    table = by_model(models, rows=["all", "unseen"], accuracy=[0.9, 0.8], low=[0.8, 0.7])
    table["high"] = table["accuracy"] + 0.05
    return figures.accuracies(table[table["rows"].isin(sets)], STYLES)


def seeds(models: list[str]) -> Any:
    runs = by_model(models, accuracy=[0.9, 0.92, 0.92, 0.88])
    return figures.seeds(runs, dict.fromkeys(models, 0.91), STYLES)


def learning_curve(models: list[str], score: str = "accuracy_unseen") -> Any:
    curve = by_model(models, rows=[519, 2598], mean=[0.8, 0.9], low=[0.7, 0.85], high=[0.85, 0.92])
    return figures.learning_curve(curve, STYLES, score)


def importance(models: list[str]) -> Any:
    shuffled = by_model(
        models,
        feature=["pH", "chlorides", "quality"],
        mean=[0.01, 0.08, -0.001],
        sd=[0.002, 0.01, 0.001],
    )
    return figures.importance(shuffled, STYLES)


DRAW: dict[Callable[[list[str]], Any], list[str]] = {
    rocs: [*NAMES],
    precision_recall: [*NAMES],
    calibration: [*NAMES],
    accuracies: [*NAMES],
    seeds: NETWORKS,
    learning_curve: TRAINED,
    importance: TRAINED,
}
each_picture = pytest.mark.parametrize(
    ("draw", "models"), DRAW.items(), ids=[draw.__name__ for draw in DRAW]
)


def texts(svg: str) -> list[str]:
    """Return what is written in a picture."""
    return [text.strip() for text in re.findall(r"<!--(.*?)-->", svg)]


def colours(svg: str) -> set[str]:
    return set(re.findall(r"#[0-9a-f]{6}", svg))


@each_picture
def test_a_picture_is_the_same_bytes_each_time_and_holds_no_date(draw, models):
    first = draw(models)
    assert first == draw(models)
    assert "<dc:date>" not in first
    assert not re.search(r"[ \t]$", first, flags=re.MULTILINE)


@each_picture
def test_every_model_is_drawn_under_its_name_and_in_its_colour(draw, models):
    svg = draw(models)
    for model in models:
        assert NAMES[model] in texts(svg), model
        assert STYLES[model].figure.lower() in colours(svg), model


@each_picture
def test_a_picture_does_without_any_of_the_models(draw, models):
    for missing in models:
        svg = draw([model for model in models if model != missing])
        assert NAMES[missing] not in texts(svg)
        assert STYLES[missing].figure.lower() not in colours(svg)
        for model in models:
            assert model == missing or NAMES[model] in texts(svg)
    assert STYLES[models[0]].figure.lower() in colours(draw(models[:1]))


@pytest.mark.parametrize(
    ("svg", "words"),
    [
        (precision_recall, {"Precision and recall", "The same, upper right corner", "recall"}),
        (calibration, {"share of class 1 in the bin", "mean probability of a bin"}),
        (
            accuracies,
            {
                "Accuracy with its 95 % interval",
                "accuracy, the axis cut off",
                "all test rows",
                "test rows not seen in training",
            },
        ),
        (
            seeds,
            {
                "Accuracy under several seeds",
                "accuracy on all test rows",
                "a seed",
                "mean of the seeds",
                "the seed of params.yaml",
            },
        ),
        (
            learning_curve,
            {
                "Accuracy by number of training rows",
                "training rows",
                "accuracy on test rows not seen in training",
                "519",
                "2,598",
            },
        ),
        (
            importance,
            {
                "Feature importance",
                "accuracy lost when the feature is shuffled",
                "pH",
                "chlorides",
                "quality",
            },
        ),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_picture_says_what_it_shows(svg, words):
    assert words <= set(texts(svg(DRAW[svg])))


def test_where_no_unseen_row_is_drawn_none_is_explained():
    written = texts(accuracies(TRAINED, sets=("all",)))
    assert "all test rows" in written
    assert "test rows not seen in training" not in written


def test_a_learning_curve_says_of_which_rows_it_is():
    written = texts(learning_curve(TRAINED, score="accuracy"))
    assert "accuracy on all test rows" in written


# What is drawn where: the figure itself, before it becomes an SVG.


@pytest.fixture
def _figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plotting, "svg", lambda drawn: drawn)


def lines_in(figure: Figure, model: str, panel: int = 0) -> list[tuple[list[float], list[float]]]:
    """Return x and y of the lines and marks that a panel has in a model's colour."""
    return [
        (list(line.get_xdata()), list(line.get_ydata()))
        for line in figure.axes[panel].get_lines()
        if same_color(line.get_color(), STYLES[model].figure)
    ]


@pytest.mark.usefixtures("_figures")
@pytest.mark.parametrize(
    ("false", "true", "size"), [(0.05, 0.9, 0.1), (0.06, 0.9, 0.25), (0.2, 0.6, 0.5), (0.3, 0.4, 1)]
)
def test_the_corner_is_one_that_a_curve_goes_through(false, true, size):
    curves = pd.DataFrame(
        {
            "model": "logistic",
            "false_positive_rate": [0, false, 1],
            "true_positive_rate": [0, true, 1],
        }
    )
    _, corner = figures.roc_curves(curves, STYLES).axes
    assert corner.get_xlim() == pytest.approx((-0.02 * size, size))
    assert corner.get_ylim() == pytest.approx((1 - size, 1 + 0.02 * size))


@pytest.mark.usefixtures("_figures")
def test_both_panels_of_precision_and_recall_hold_every_curve():
    figure = precision_recall(TRAINED)
    whole, corner = figure.axes
    assert whole.get_ylim() == (0, 1.02)
    assert corner.get_xlim() == corner.get_ylim() == (0, 1.02)  # no curve goes through a smaller
    for panel in (0, 1):
        assert lines_in(figure, "logistic", panel) == [([0.0, 0.6, 0.9], [0.95, 0.9, 0.2])]


@pytest.mark.usefixtures("_figures")
def test_an_accuracy_is_a_mark_on_its_interval_the_first_model_on_top():
    figure = accuracies(["logistic", "notebook"])
    (axes,) = figure.axes
    assert lines_in(figure, "logistic") == [
        ([0.8, pytest.approx(0.95)], [-0.14, -0.14]),
        ([0.9], [-0.14]),
        ([0.7, pytest.approx(0.85)], [0.14, 0.14]),
        ([0.8], [0.14]),
    ]
    assert lines_in(figure, "notebook")[1] == ([pytest.approx(0.909)], [0.86])
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "logistic regression",
        "network 100-50",
    ]
    lower, upper = axes.get_ylim()
    assert lower > 1 > 0 > upper


@pytest.mark.usefixtures("_figures")
def test_a_network_s_seeds_lie_beside_their_mean_and_its_own_run():
    figure = seeds(NETWORKS)
    dots, mean = lines_in(figure, "notebook")
    assert dots == ([0.9, 0.92, 0.92, 0.88], [0.0, -0.045, 0.045, 0.0])
    assert mean == ([pytest.approx(0.905)] * 2, [-0.28, 0.28])
    own = [
        line
        for line in figure.axes[0].get_lines()
        if line.get_marker() == "D" and same_color(line.get_color(), plotting.TEXT_COLOUR)
    ]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in own] == [
        (0.91, 0),
        (0.91, 1),
        (0.91, 2),
    ]


@pytest.mark.usefixtures("_figures")
def test_a_learning_curve_is_a_mean_within_its_interval():
    figure = learning_curve(TRAINED)
    (axes,) = figure.axes
    assert axes.get_xscale() == "log"
    assert lines_in(figure, "logistic") == [([519, 2598], [0.8, 0.9])]
    band = axes.collections[0].get_paths()[0].vertices
    assert {(x, y) for x, y in band.tolist()} == {
        (519, 0.7),
        (519, 0.85),
        (2598, 0.85),
        (2598, 0.92),
    }


@pytest.mark.usefixtures("_figures")
def test_the_feature_that_decides_most_is_on_top_and_the_models_side_by_side():
    figure = importance(["logistic", "notebook"])
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "chlorides",
        "pH",
        "quality",
    ]
    ((x, y),) = lines_in(figure, "logistic")
    assert (x, y) == ([0.08, 0.01, -0.001], [-0.09, 0.91, 1.91])
    assert lines_in(figure, "notebook")[0][1] == [0.09, 1.09, 2.09]
    spread = axes.containers[0].lines[2][0].get_segments()[0]
    assert spread[:, 0].tolist() == pytest.approx([0.07, 0.09])


@pytest.mark.usefixtures("_figures")
def test_each_model_has_its_calibration_and_a_mark_grows_with_its_rows():
    figure = calibration(["logistic", "notebook"])
    assert [axes.get_title("left") for axes in figure.axes] == [
        "logistic regression",
        "network 100-50",
    ]
    bars, marks = figure.axes[0].collections
    assert [segment[:, 1].tolist() for segment in bars.get_segments()] == [
        [0.0, 0.1],
        [0.3, 0.5],
        [0.8, 0.95],
    ]
    assert marks.get_offsets().tolist() == [[0.02, 0.0], [0.5, 0.4], [0.9, 0.9]]
    large, small, other = marks.get_sizes()
    assert (large, small, other) == (12 + 90, 12 + 10, 12 + 10)
    for axes, model in zip(figure.axes, ("logistic", "notebook"), strict=True):
        assert all(
            same_color(drawn.get_edgecolor()[0], STYLES[model].figure) for drawn in axes.collections
        )
        (diagonal,) = axes.get_lines()
        assert (list(diagonal.get_xdata()), list(diagonal.get_ydata())) == ([0, 1], [0, 1])


# Drawing on axes.


def test_equal_values_of_a_swarm_are_set_side_by_side_around_their_place():
    _, (axes,) = plotting.figure()
    plotting.swarm(axes, pd.Series([0.5, 0.7, 0.5, 0.5]), 2, "red")
    (dots,) = axes.get_lines()
    assert list(dots.get_xdata()) == [0.5, 0.7, 0.5, 0.5]
    np.testing.assert_allclose(dots.get_ydata(), [1.91, 2.0, 2.0, 2.09])


def test_shares_are_read_in_percent():
    _, (axes,) = plotting.figure()
    table = pd.DataFrame({"recall": [0.0, 1.0], "precision": [1.0, 0.5]})
    plotting.shares(axes, table, ("recall", "precision"), "a model", "red")
    assert axes.xaxis.get_major_formatter()(0.25) == "25%"
    assert axes.yaxis.get_major_formatter()(1.0) == "100%"


def test_a_legend_is_left_out_when_asked_for():
    _, (left, right) = plotting.figure(columns=2)
    for axes in (left, right):
        axes.plot([0, 1], [0, 1], label="one")
        axes.plot([0, 1], [1, 0], label="two")
    plotting.label_axes(left, "title", "x", "y", None)
    plotting.label_axes(right, "title", "x", "y", "lower right")
    assert left.get_legend() is None
    assert [text.get_text() for text in right.get_legend().get_texts()] == ["one", "two"]


def test_a_key_below_the_figure_says_what_shapes_mean():
    drawn, _ = plotting.figure()
    plotting.key(drawn, {"o": "a seed", "D": "the seed of params.yaml"})
    (legend,) = drawn.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "a seed",
        "the seed of params.yaml",
    ]
    assert [handle.get_marker() for handle in legend.legend_handles] == ["o", "D"]


# Several classes.

IRIS = ("setosa", "versicolor", "virginica")
LETTERS = tuple("abcdefghijklmnopqrstuvwxyz")


def confusions(classes: tuple[str, ...], labels: tuple[str, ...] = ()) -> Any:
    """Draw the matrices of the trained models: 90 rows of a class right, one taken for the next."""
    matrix = 90 * np.eye(len(classes), dtype=int) + np.roll(np.eye(len(classes), dtype=int), 1, 1)
    terms = Terms("target", "row", "rows", classes, labels or classes)
    scores = {model: {"confusion_matrix": matrix.tolist()} for model in TRAINED}
    return figures.confusion_matrices(scores, STYLES, terms)


def test_calibration_says_what_the_share_is_of():
    several = Terms("species", "row", "rows", IRIS, IRIS)
    assert "fraction correct in the bin" in texts(calibration(TRAINED, several))
    two = Terms("diagnosis", "row", "rows", ("benign", "malignant"), ("benign", "malignant"))
    assert "share of class malignant in the bin" in texts(calibration(TRAINED, two))


def test_two_classes_are_drawn_under_their_labels():
    scores = {"logistic": {"confusion_matrix": {"tn": 3, "fp": 1, "fn": 2, "tp": 4}}}
    written = texts(figures.confusion_matrices(scores, STYLES, WINE))
    assert {"0", "1", "3", "2", "4", "actual", "predicted"} <= set(written)
    assert "red" not in written


@pytest.mark.parametrize("classes", [IRIS, LETTERS, LETTERS[:10], LETTERS[:5]])
def test_a_confusion_matrix_names_its_classes_and_is_the_same_bytes_each_time(classes):
    first = confusions(classes)
    assert first == confusions(classes)
    assert set(classes) <= set(texts(first))


@pytest.mark.usefixtures("_figures")
@pytest.mark.parametrize(
    ("classes", "numbers"), [(IRIS, 9), (LETTERS[:10], 20), (LETTERS[:11], 0), (LETTERS, 0)]
)
def test_counts_stand_in_the_cells_where_there_is_room(classes, numbers):
    figure = confusions(classes)
    assert len(figure.axes) == 4
    for axes in figure.axes:
        assert len(axes.texts) == numbers
        (image,) = axes.get_images()
        assert image.get_array().shape == (len(classes), len(classes))


@pytest.mark.usefixtures("_figures")
@pytest.mark.parametrize("room", [None, plotting.PAGE_WIDTH, plotting.NARROW_WIDTH])
def test_no_two_names_of_26_classes_overlap(room):
    if room is None:
        figure = confusions(LETTERS)
    else:
        with plotting.page_style(room):
            figure = confusions(LETTERS)
    figure.draw_without_rendering()
    for axes in figure.axes:
        for labels, low, high in (
            (axes.get_xticklabels(), "x0", "x1"),
            (axes.get_yticklabels()[::-1], "y0", "y1"),
        ):
            boxes = [label.get_window_extent() for label in labels]
            for one, other in pairwise(boxes):
                assert getattr(one, high) <= getattr(other, low) + 0.5


@pytest.mark.usefixtures("_figures")
def test_a_rare_error_among_26_classes_is_seen():
    axes = confusions(LETTERS).axes[0]
    (image,) = axes.get_images()
    right, wrong, nothing = (image.norm(share) for share in (90 / 91, 1 / 91, 0.0))
    assert right > 0.9 > 0.2 > wrong > 0.1 > nothing


@pytest.mark.usefixtures("_figures")
def test_a_long_name_is_cut_and_a_dollar_sign_is_no_formula():
    names = ("a class of a very long name", "$\\frac{1}$", "extraterrestrial")
    (axes, *_) = confusions(names).axes
    shown = [label.get_text() for label in axes.get_yticklabels()]
    assert shown == ["a class of a…", "$\\frac{1}$", "extraterrestr…"]
    assert not any(label.get_parse_math() for label in axes.get_yticklabels())
    assert {label.get_rotation() for label in axes.get_xticklabels()} == {90}


@pytest.mark.usefixtures("_figures")
def test_of_a_hundred_classes_not_all_are_named():
    names = tuple(f"class {number}" for number in range(100))
    with plotting.page_style(plotting.NARROW_WIDTH):
        (axes, *_) = confusions(names).axes
    shown = [label.get_text() for label in axes.get_yticklabels()]
    assert 20 < len(shown) < 60
    assert shown[0] == "class 0"


# Many models.

MANY = styled(
    {f"net {number}": f"{number}-{number}" for number in range(1, 9)},
    *("tree", "bayes"),
    bayes="Sam's <b> & $\\frac{1}$",
)


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return twelve models; what is drawn is drawn of them."""
    monkeypatch.setitem(globals(), "STYLES", MANY)
    return list(MANY)


@pytest.mark.parametrize("draw", DRAW, ids=lambda draw: draw.__name__)
@pytest.mark.parametrize("room", [None, plotting.PAGE_WIDTH, plotting.NARROW_WIDTH])
def test_of_twelve_models_each_has_its_name_and_its_colour(draw, room, many):
    assert len(many) == 12
    if room is None:
        svg = draw(many)
        written = html.unescape(" ".join(texts(svg)))
    else:
        with plotting.page_style(room):
            svg = draw(many)
        written = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", svg)).split())
    for style in MANY.values():
        assert style.figure.lower() in colours(svg)
        for word in style.name.split():  # a long name may be in two lines
            assert word in written


@pytest.mark.usefixtures("_figures")
@pytest.mark.parametrize("draw", [rocs, precision_recall, learning_curve, importance])
@pytest.mark.parametrize("room", [None, plotting.PAGE_WIDTH, plotting.NARROW_WIDTH])
def test_a_long_legend_is_below_the_panels_once(draw, room, many):
    with plotting.page_style(room) if room else contextlib.nullcontext():
        figure = draw(many)
    figure.draw_without_rendering()
    assert [axes.get_legend() for axes in figure.axes] == [None] * len(figure.axes)
    (legend,) = figure.legends
    box = legend.get_window_extent()
    for axes in figure.axes:
        assert box.y1 <= axes.get_tightbbox().y0 + 1
        assert axes.get_window_extent().height > 100
    assert box.y0 >= -1
    assert box.x1 <= figure.bbox.x1 + 1


@pytest.mark.usefixtures("_figures")
def test_a_short_legend_is_in_its_panel():
    figure = learning_curve(TRAINED)
    assert figure.legends == []
    assert len(figure.axes[0].get_legend().get_texts()) == 4


@pytest.mark.usefixtures("_figures")
@pytest.mark.parametrize("number", [1, 2, 4, 12])
def test_no_two_features_share_a_place(number, many):
    """However many models there are, all of a feature's lie nearer to it than to the next one."""
    figure = importance(many[:number])
    lines = figure.axes[0].containers
    heights = np.array([line.lines[0].get_ydata() for line in lines])
    assert heights.shape == (number, 3)
    for feature in range(3):
        assert (abs(heights[:, feature] - feature) < 0.45).all()
    gaps = np.diff(heights[:, 0])
    inches = figure.get_figheight() / 3.6 * gaps if number > 1 else np.array([1.0])
    assert (inches > 0.04).all()


@pytest.mark.usefixtures("_figures")
@pytest.mark.parametrize("room", [None, plotting.PAGE_WIDTH, plotting.NARROW_WIDTH])
@pytest.mark.parametrize("draw", [accuracies, seeds])
def test_no_two_names_of_twelve_models_overlap(draw, room, many):
    with plotting.page_style(room) if room else contextlib.nullcontext():
        figure = draw(many)
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in figure.axes[0].get_yticklabels()]
    for upper, lower in pairwise(boxes):
        assert lower.y1 <= upper.y0 + 0.5


# The search.


@pytest.mark.usefixtures("_figures")
def test_a_few_pairs_of_many_values_are_no_heat_map():
    """As a random search draws them."""
    rates = np.linspace(0.001, 0.1, 20)
    table = candidates(map(str, rates), alpha=rates, tol=rates)
    (axes,) = figures.grid_search_scores(table).axes
    assert list(axes.get_images()) == []
    assert len(axes.get_lines()) == 20


@pytest.mark.usefixtures("_figures")
def test_a_pair_that_was_not_tried_is_an_empty_cell():
    table = candidates("abc", alpha=[0.1, 0.1, 0.2], tol=[0.01, 0.02, 0.01])
    (axes,) = figures.grid_search_scores(table).axes
    assert [text.get_text() for text in axes.texts] == ["0.9000", "0.8900", "0.8800"]


def candidates(names: Iterable[str], **searched: list[Any]) -> pd.DataFrame:
    """Return a table of candidates, the best first."""
    table = pd.DataFrame({"candidate": list(names), **searched})
    table["mean_test_score"] = 0.9 - 0.01 * np.arange(len(table))
    return table


@pytest.mark.usefixtures("_figures")
def test_two_parameters_are_a_heat_map_whatever_they_are():
    table = candidates("abcd", alpha=[0.1, 0.1, 0.2, 0.2], tol=[0.01, 0.02, 0.01, 0.02])
    (axes,) = figures.grid_search_scores(table).axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("tol", "alpha")
    assert axes.get_images()[0].get_array().shape == (2, 2)


@pytest.mark.usefixtures("_figures")
def test_the_words_of_a_parameter_are_the_names_of_its_cells():
    table = candidates("abcd", alpha=[0.1, 0.1, 0.2, 0.2], activation=["relu", "tanh"] * 2)
    (axes,) = figures.grid_search_scores(table).axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["relu", "tanh"]


@pytest.mark.usefixtures("_figures")
@pytest.mark.parametrize("room", [None, plotting.PAGE_WIDTH, plotting.NARROW_WIDTH])
@pytest.mark.parametrize("searched", [["alpha"], ["alpha", "tol", "activation"]])
def test_one_or_three_parameters_are_dots_the_best_on_top(searched, room):
    names = [f"0.00{number}, alpha 0.1, activation relu" for number in range(40)]
    table = candidates(names, **{name: [0.1] * 40 for name in searched})
    with plotting.page_style(room) if room else contextlib.nullcontext():
        figure = figures.grid_search_scores(table)
    (axes,) = figure.axes
    figure.draw_without_rendering()
    labels = axes.get_yticklabels()
    shown = [" ".join(label.get_text().split()) for label in labels]
    assert shown == names[: figures.MAX_CANDIDATES]
    assert axes.get_lines()[0].get_xdata()[0] == 0.9
    for upper, lower in pairwise(label.get_window_extent() for label in labels):
        assert lower.y1 <= upper.y0 + 0.5


# ---- the search over each parameter


def test_each_searched_parameter_has_a_panel_with_all_folds():
    candidates = pd.DataFrame(
        {
            "candidate": ["a", "b", "c"],
            "alpha": [1e-5, 1e-3, 1e-1],
            "beta_1": [0.8, 0.85, 0.9],
            "activation": ["relu", "tanh", "relu"],
            "mean_test_score": [0.7, 0.9, 0.8],
            "rank_test_score": [3, 1, 2],
            "split0_test_score": [0.6, 0.9, 0.8],
            "split1_test_score": [0.8, 0.9, 0.8],
        }
    )
    with captured_figures() as drawn:
        svg = figures.search_parameters(candidates)
    assert svg.startswith("<?xml")
    [figure] = drawn
    panels = figure.axes
    assert [axes.get_title(loc="left") for axes in panels] == ["alpha", "beta_1", "activation"]
    assert [axes.get_xscale() for axes in panels] == ["log", "linear", "linear"]
    assert [text.get_text() for text in panels[2].get_xticklabels()] == ["relu", "tanh"]
    for axes in panels:
        points = [len(line.get_xdata()) for line in axes.get_lines()]
        assert points == [3, 3, 3, 1]  # two folds, the means, the best
        assert axes.get_lines()[-1].get_ydata().tolist() == [0.9]


@contextlib.contextmanager
def captured_figures():
    """Collect the figures that are drawn, before they become text."""
    found, svg = [], plotting.svg
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plotting, "svg", lambda figure: found.append(figure) or svg(figure))
        yield found


def test_none_among_the_values_of_a_parameter_is_called_so():
    """Pandas reads None as a gap."""
    _, (axes,) = plotting.figure(width=3, height=3)
    places = plotting.parameter_axis(axes, pd.Series(["balanced", np.nan, "balanced"]))
    assert places.tolist() == [0, 1, 0]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["balanced", "None"]
