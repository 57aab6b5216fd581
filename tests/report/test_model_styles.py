"""How models are shown: every model has a name, a place and colours of its own."""

import re

import pytest

from winenet.report import model_styles
from winenet.report.model_styles import STYLES, style_of

COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")


@pytest.mark.parametrize("key", [*STYLES, "small", "256-128"])
def test_every_model_has_colours_and_a_name(key):
    style = style_of(key)
    assert style.key == key
    assert all(COLOUR.fullmatch(colour) for colour in (style.figure, style.light, style.dark))
    assert style.display_name("8-4") in (style.name, "network 8-4", "tuned network 8-4")
    assert style_of(key) == style


@pytest.mark.parametrize("field", ["key", "order", "figure", "light", "dark"])
def test_no_two_models_share_a_place_or_a_colour(field):
    values = [getattr(style, field) for style in STYLES.values()]
    if field in ("figure", "light", "dark"):
        column = ("figure", "light", "dark").index(field)
        values += [colours[column] for colours in model_styles.OTHER_COLOURS]
    assert len({str(value).lower() for value in values}) == len(values)


def test_models_go_from_the_lower_bound_to_the_upper_with_all_networks_in_between():
    by_model = dict.fromkeys(
        ("grid_search", "hist_gradient_boosting", "logistic", "majority_class", "notebook", "wide")
    )
    assert list(model_styles.sort_models(by_model)) == [
        *("majority_class", "logistic", "notebook", "wide", "grid_search"),
        "hist_gradient_boosting",
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_style_sheet_declares_the_colour_of_each_model_on_the_page(scheme):
    text = model_styles.css_properties(["notebook", "my net"], scheme, 2)
    declared = dict(re.findall(r"--([\w-]+):\s(#\w+);", text))
    expected = {key: getattr(style, scheme) for key, style in STYLES.items()}
    assert declared == expected | {"network-my-net": getattr(style_of("my net"), scheme)}
    assert all(line.startswith("  ") and len(line) <= 100 for line in text.splitlines())
