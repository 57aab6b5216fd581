"""How models are shown: the name, the place and the colours of each, for tables, figures and page.

Networks and baselines can have any number and any names. They take colours from palettes in the
order of params.yaml.
"""

import itertools
import re
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from winenet.report.markdown import Metrics

Scheme = Literal["light", "dark"]
Value = TypeVar("Value")
Colours = tuple[str, str, str]  # in figures, on the light and on the dark page

# The figures' colours begin with Okabe and Ito's palette, which colour-blind readers can tell
# apart. The page's are darker or lighter, since a text needs more contrast than a line.
LOGISTIC: Colours = ("#0072B2", "#0072b2", "#5fb0ea")
TUNED: Colours = ("#CC79A7", "#a8437a", "#ec9dc6")
CONSTANT: Colours = ("#777777", "#666666", "#a9a9a9")
NETWORKS: tuple[Colours, ...] = (
    ("#D55E00", "#bd4b00", "#ff9a5c"),
    ("#009E73", "#007a59", "#4fd0a5"),
    ("#56B4E9", "#1f6f9f", "#86c9f0"),
    ("#882255", "#882255", "#e58fb5"),
    ("#999933", "#6b6b1f", "#cccc66"),
    ("#332288", "#332288", "#a99cf0"),
    ("#44AA99", "#1d7468", "#7fd6c8"),
    ("#CC6677", "#a83a4d", "#f29aa8"),
)
BASELINES: tuple[Colours, ...] = (
    ("#E69F00", "#8f6200", "#f0b840"),
    ("#AA4499", "#93327f", "#e28fd3"),
    ("#117733", "#117733", "#6fce8d"),
    ("#661100", "#661100", "#e0907f"),
    ("#6699CC", "#2f6699", "#9cc4ec"),
)


@dataclass(frozen=True)
class ModelStyle:
    """How one model is shown.

    Attributes
    ----------
    key : str
        The model in the metrics and tables.
    name : str
        The name to show.
    figure : str
        The colour in figures, as #RRGGBB.
    light, dark : str
        The colour on the page.
    """

    key: str
    name: str
    figure: str
    light: str
    dark: str

    @property
    def css_property(self) -> str:
        """Return the name of the CSS property that has the model's colour on the page."""
        return "--model-" + re.sub(r"\W", lambda match: f"-{ord(match[0])}-", self.key)


Styles = Mapping[str, ModelStyle]


def styles(metrics: Metrics) -> dict[str, ModelStyle]:
    """Return how each model is shown, in the order of every table.

    Parameters
    ----------
    metrics : mapping
        By stage; compare, mlp and grid_search are read.
    """
    compared = metrics["compare"]["models"]
    constant = constant_models(compared)
    names = _network_names(metrics["mlp"]) | {
        "logistic": "logistic regression",
        "grid_search": f"tuned network {metrics['grid_search'].get('hidden_layer_sizes', '')}",
    }
    ordered = _in_order(compared, compared)
    # Whichever palette is too short goes on with the other one, from its end.
    for_networks = itertools.cycle(NETWORKS + BASELINES[::-1])
    for_baselines = itertools.cycle(BASELINES + NETWORKS[::-1])
    display_names = {
        key: (item.get("title") or names.get(key) or key.replace("_", " ")).strip()
        for key, item in ordered.items()
    }
    result = {}
    for key, name in display_names.items():
        if key == "logistic":
            colours = LOGISTIC
        elif key == "grid_search":
            colours = TUNED
        elif key in metrics["mlp"]:
            colours = next(for_networks)
        elif key in constant[:1]:
            colours = CONSTANT
        else:
            colours = next(for_baselines)
        alone = [*display_names.values()].count(name) == 1
        result[key] = ModelStyle(key, name if alone else f"{name} ({key})", *colours)
    return result


def constant_models(compared: Mapping[str, Any]) -> list[str]:
    """Return the baselines that learn nothing from the features: tables begin with them."""
    first = _place(compared, "logistic")
    return [key for key in compared if _place(compared, key) < first]


def _place(compared: Mapping[str, Any], key: str) -> int:
    """Return the place of a model in tables; 0 if a file of another version has none."""
    model = compared.get(key)
    return int(model.get("place", 0)) if isinstance(model, Mapping) else 0


def _network_names(networks: Mapping[str, Any]) -> dict[str, str]:
    """Return the networks by their layers, or by their keys if two have the same layers."""
    sizes = {key: item["hidden_layer_sizes"] for key, item in networks.items()}
    if len(set(sizes.values())) < len(sizes):
        return {key: key.replace("_", " ") for key in networks}
    return {key: f"network {layers}" for key, layers in sizes.items()}


def _in_order(by_model: Mapping[str, Value], compared: Mapping[str, Any]) -> dict[str, Value]:
    return {key: by_model[key] for key in sorted(by_model, key=lambda key: _place(compared, key))}


def sort_models(by_model: Mapping[str, Value], metrics: Metrics) -> dict[str, Value]:
    """Return the same mapping in the order of every table; JSON has sorted the models by name."""
    return _in_order(by_model, metrics["compare"]["models"])


def css_properties(models: Iterable[ModelStyle], scheme: Scheme, indent: int) -> str:
    """Return the declarations of the models' colours for a style sheet.

    Parameters
    ----------
    models : iterable of ModelStyle
        The models on the page.
    scheme : {"light", "dark"}
        The colour scheme of the block.
    indent : int
        Spaces before each line.

    Returns
    -------
    str
        Lines such as `--model-logistic: #0072b2; --model-notebook: #bd4b00;`.
    """
    return textwrap.fill(
        " ".join(f"{style.css_property}: {getattr(style, scheme)};" for style in models),
        width=100,
        initial_indent=" " * indent,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
