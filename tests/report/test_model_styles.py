"""How models are shown: every model has a name, a place and colours of its own, whatever it is."""

import re

import pytest

from winenet.report import model_styles
from winenet.report.markdown import TEMPLATES

COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")
PALETTES = (
    *(model_styles.LOGISTIC, model_styles.TUNED, model_styles.CONSTANT),
    *model_styles.NETWORKS,
    *model_styles.BASELINES,
)


def described(networks, baselines=(), constant=(), titles=None):
    """Return metrics as the stages write them. networks: by name the layers, as "8-4"."""
    models = [*constant, "logistic", *networks, "grid_search", *baselines]
    return {
        "mlp": {name: {"hidden_layer_sizes": networks[name]} for name in sorted(networks)},
        "grid_search": {"hidden_layer_sizes": "6"},
        "compare": {
            "models": {  # sorted by name, as JSON has it
                name: {"place": models.index(name), "title": (titles or {}).get(name)}
                for name in sorted(models)
            }
        },
    }


def names(*arguments, **settings):
    shown = model_styles.styles(described(*arguments, **settings))
    return {key: style.name for key, style in shown.items()}


def test_a_network_has_its_title_or_its_layers_or_its_key():
    assert names(
        {"wide": "8-4", "my_net 2": "5", "other": "5", "c": "5", "d": "9"},
        titles={"c": "A title", "d": "Ninth"},
    ) == {
        "logistic": "logistic regression",
        "wide": "wide",
        "my_net 2": "my net 2",
        "other": "other",
        "c": "A title",
        "d": "Ninth",
        "grid_search": "tuned network 6",
    }


def test_a_baseline_has_its_title_or_its_key():
    found = names({"a": "3"}, ["near_est", "B-c"], ["lower_line"], titles={"B-c": "Bayes"})
    assert [found[key] for key in ("near_est", "B-c", "lower_line")] == [
        *("near est", "Bayes", "lower line")
    ]


def test_two_models_never_have_one_name():
    found = names(
        {"my_net": "8", "my net": "8", "b": "3", "c": "4"},
        ["tree"],
        titles={"b": "tree", "c": "logistic regression"},
    )
    assert len(set(found.values())) == len(found)
    assert found["my_net"] == "my net (my_net)"
    assert found["tree"] == "tree (tree)"
    assert found["logistic"] == "logistic regression (logistic)"


def test_models_go_from_the_lower_bound_upwards_as_params_yaml_has_them():
    metrics = described({"z": "3", "a": "4"}, ["other", "bayes"], ["majority"])
    order = ["majority", "logistic", "z", "a", "grid_search", "other", "bayes"]
    assert list(model_styles.styles(metrics)) == order
    assert list(model_styles.sort_models(dict.fromkeys(sorted(order), 1), metrics)) == order
    assert list(model_styles.sort_models({"a": 1, "logistic": 2, "z": 3}, metrics)) == [
        *("logistic", "z", "a")
    ]
    assert model_styles.constant_models(metrics["compare"]["models"]) == ["majority"]


@pytest.mark.parametrize("field", ["figure", "light", "dark", "css_property", "key"])
@pytest.mark.parametrize("number", range(1, 14))
def test_no_two_of_many_models_share_a_colour(number, field):
    """Beside the logistic regression, the winner and a constant model, however they are mixed."""
    for n_networks in range(1, number + 1):
        networks = {f"net {item}": str(item) for item in range(n_networks)}
        baselines = [f"other {item}" for item in range(number - n_networks)]
        shown = model_styles.styles(described(networks, baselines, ["majority"])).values()
        values = [getattr(style, field).lower() for style in shown]
        assert len(set(values)) == len(values) == number + 3


def test_a_model_has_the_same_colour_whatever_comes_after_it():
    few = model_styles.styles(described({"a": "1", "b": "2"}, ["x"]))
    more = model_styles.styles(described({"a": "1", "b": "2", "c": "3"}, ["x", "y"]))
    for key in ("logistic", "a", "b", "x"):
        assert (few[key].figure, few[key].light, few[key].dark) == (
            *(more[key].figure, more[key].light, more[key].dark),
        )


def test_a_second_constant_model_has_a_colour_of_its_own():
    shown = model_styles.styles(described({"a": "1"}, ["x"], ["never", "at random"]))
    assert len({style.figure for style in shown.values()}) == len(shown) == 6


def test_a_hundred_networks_have_styles():
    shown = model_styles.styles(described({f"net {item}": str(item) for item in range(100)}))
    assert len({style.name for style in shown.values()}) == len(shown) == 102


# Colours that can be told from the paper.


def luminance(colour):
    """Return the relative luminance of #rrggbb (WCAG 2)."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


def papers(name):
    """Return a colour of the page in its light and its dark scheme."""
    text = (TEMPLATES / "page" / "page.css.jinja").read_text(encoding="utf-8")
    found = re.findall(rf"--{name}: (#[0-9a-f]{{6}});", text)
    return found[:2]  # and that of print, where it is written out


def test_black_on_white_has_the_largest_contrast():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)  # WCAG's own example


@pytest.mark.parametrize("colours", PALETTES, ids=lambda colours: colours[0])
def test_a_colour_stands_out_from_the_light_and_the_dark_paper(colours):
    _, light, dark = colours
    assert all(COLOUR.fullmatch(colour) for colour in colours)
    for name in ("paper", "panel"):
        on_light, on_dark = papers(name)
        assert contrast(light, on_light) >= 4.5, name
        assert contrast(dark, on_dark) >= 4.5, name


# The style sheet.


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_style_sheet_declares_the_colour_of_each_model_on_the_page(scheme):
    shown = model_styles.styles(
        described({"my net 2": "8", "A-b_c": "8", "réseau": "9", "2": "3"}, ["x"], ["line"])
    )
    text = model_styles.css_properties(shown.values(), scheme, 2)
    declared = dict(re.findall(r"(--[^\s:]+):\s+(#\w+);", text))
    assert declared == {style.css_property: getattr(style, scheme) for style in shown.values()}
    assert len(declared) == len(shown) == 8
    assert all(line.startswith("  ") and len(line) <= 100 for line in text.splitlines())


def test_a_css_property_is_an_identifier_and_no_two_names_share_one():
    keys = ["a b", "a-b", "a_b", "a--b", "a -b", "a- b", "a-32-b", "é", "A b", "2", "a-32-32-b"]
    found = [model_styles.ModelStyle(key, key, "", "", "").css_property for key in keys]
    assert len(set(found)) == len(keys)
    for name in found:
        assert re.fullmatch(r"--model-[\w-]+", name)
