"""How models are shown: the name, the place and the colours of each.

Tables, figures and the page look a model up by its key in the metrics, with `style_of`. A key that
is not in STYLES is shown as another network, so networks can have any names.
"""

import re
import textwrap
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

Scheme = Literal["light", "dark"]
Value = TypeVar("Value")

MAJORITY_CLASS = "majority_class"  # the constant model


@dataclass(frozen=True)
class ModelStyle:
    """How one model is shown.

    Parameters
    ----------
    key : str
        The model in the metrics and tables.
    name : str
        The name to show. A network's contains `{sizes}`, which stands for its hidden layers.
    order : int
        The place in tables and lists, from the lower bound to the upper.
    figure : str
        The colour in figures and in `.dvc/plots`, as #RRGGBB.
    light, dark : str
        The colour on the page, whose text needs more contrast than a line in a figure.
    """

    key: str
    name: str
    order: int
    figure: str
    light: str
    dark: str

    @property
    def css_property(self) -> str:
        """Return the name of the CSS property that has the model's colour on the page."""
        return (
            f"--{self.key}" if self.key in STYLES else "--network-" + re.sub(r"\W", "-", self.key)
        )

    def display_name(self, sizes: str = "") -> str:
        """Return the name of the model. sizes: its hidden layers, such as "100-50"."""
        return self.name.format(sizes=sizes).strip()


# The figures' colours are Okabe and Ito's palette, which colour-blind readers can tell apart. The
# page's are darker or lighter. Networks take the orders from 20 to 89.
STYLES = {
    style.key: style
    for style in (
        ModelStyle("logistic", "logistic regression", 10, "#0072B2", "#0072b2", "#5fb0ea"),
        ModelStyle("notebook", "network {sizes}", 20, "#D55E00", "#c44e00", "#ff9a5c"),
        ModelStyle("one_hidden_layer", "network {sizes}", 21, "#009E73", "#007a59", "#4fd0a5"),
        ModelStyle("grid_search", "tuned network {sizes}", 90, "#CC79A7", "#a8437a", "#ec9dc6"),
        ModelStyle("hist_gradient_boosting", "boosted trees", 100, "#E69F00", "#8f6200", "#f0b840"),
        ModelStyle(MAJORITY_CLASS, "majority class", 0, "#777777", "#666666", "#a9a9a9"),
    )
}
# Of networks without an entry above: figure, light, dark.
OTHER_COLOURS = (
    ("#56B4E9", "#1f6f9f", "#86c9f0"),
    ("#882255", "#882255", "#e58fb5"),
    ("#999933", "#6b6b1f", "#cccc66"),
    ("#332288", "#332288", "#a99cf0"),
)
OTHER_ORDER = 50


def style_of(key: str) -> ModelStyle:
    """Return how a model is shown.

    Parameters
    ----------
    key : str
        The model's key in the metrics.

    Returns
    -------
    ModelStyle
        The entry of STYLES. For a key without one, the style of a network whose colour depends
        on the key alone; two such networks can have the same colour.
    """
    if key in STYLES:
        return STYLES[key]
    colours = OTHER_COLOURS[zlib.crc32(key.encode()) % len(OTHER_COLOURS)]
    return ModelStyle(key, "network {sizes}", OTHER_ORDER, *colours)


def sort_models(by_model: Mapping[str, Value]) -> dict[str, Value]:
    """Return the same mapping in the order of every table; JSON has sorted the models by name."""
    return {key: by_model[key] for key in sorted(by_model, key=lambda key: style_of(key).order)}


def page_styles(models: Iterable[str] = ()) -> list[ModelStyle]:
    """Return the styles that the page declares: those of STYLES, then those of other models."""
    return [style_of(key) for key in dict.fromkeys((*STYLES, *models))]


def css_properties(models: Iterable[str], scheme: Scheme, indent: int) -> str:
    """Return the declarations of the models' colours for a style sheet.

    Parameters
    ----------
    models : iterable of str
        The models on the page; those of STYLES are always declared.
    scheme : {"light", "dark"}
        The colour scheme of the block.
    indent : int
        Spaces before each line.

    Returns
    -------
    str
        Lines such as `--logistic: #0072b2; --notebook: #c44e00;`.
    """
    declared = " ".join(
        f"{style.css_property}: {getattr(style, scheme)};" for style in page_styles(models)
    )
    return textwrap.fill(
        declared,
        width=100,
        initial_indent=" " * indent,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
