"""What `dvc plots` draws: titles, axes with units, templates that are there, a colour a model."""

import json
import subprocess
import sys
from typing import Any

import pytest
import yaml
from committed import ROOT

from winenet.report.model_styles import style_of

TEMPLATES = sorted((ROOT / ".dvc/plots").glob("*.json"))
BUILT_IN = {"linear", "bar_horizontal", "confusion"}  # of DVC's templates, those that are used
CONTENT = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
TABLES = {
    path: settings
    for stage in CONTENT["stages"].values()
    for entry in stage.get("plots", [])
    for path, settings in entry.items()
    if path.endswith(".csv")
}
TOGETHER = {title: settings for entry in CONTENT["plots"] for title, settings in entry.items()}


def scales(node: Any) -> list[dict[str, Any]]:
    """Return every scale that names models."""
    if isinstance(node, list):
        return [one for item in node for one in scales(item)]
    if not isinstance(node, dict):
        return []
    own = [node] if "logistic" in (node.get("domain") or ()) else []
    return own + [one for item in node.values() for one in scales(item)]


@pytest.mark.parametrize("path", TABLES)
def test_a_table_has_title_axes_and_a_template(path):
    settings = TABLES[path]
    assert {"title", "x", "y", "x_label", "y_label"} <= set(settings)
    header = (ROOT / path).read_text(encoding="utf-8").splitlines()[0].split(",")
    assert {settings["x"], settings["y"]} <= set(header)
    template = settings.get("template", "linear")
    assert template in BUILT_IN | {file.stem for file in TEMPLATES}


@pytest.mark.parametrize("title", TOGETHER)
def test_a_plot_over_several_files_has_axes_and_a_template(title):
    settings = TOGETHER[title]
    assert {"x", "y", "x_label", "y_label"} <= set(settings)
    assert settings["template"] in {file.stem for file in TEMPLATES}


def test_every_template_is_used():
    used = {one.get("template") for one in (*TABLES.values(), *TOGETHER.values())}
    assert {file.stem for file in TEMPLATES} <= used


def test_losses_say_their_unit():
    for settings in (*TABLES.values(), *TOGETHER.values()):
        if "loss" in str(settings["y"]):
            assert settings["y_label"].endswith("(nats)")


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: file.stem)
def test_a_template_says_what_it_shows_and_a_model_has_its_colour(file):
    template = json.loads(file.read_text(encoding="utf-8"))
    assert template["description"]
    assert template["data"] == {"values": "<DVC_METRIC_DATA>"}
    found = scales(template)
    assert bool(found) is file.stem.endswith("by_model")
    for scale in found:
        by_model = dict(zip(scale["domain"], scale["range"], strict=True))
        assert by_model == {model: style_of(model).figure for model in by_model}


@pytest.fixture(scope="module")
def drawn() -> dict[str, Any]:
    """What `dvc plots show` would draw, by path or title."""
    command = [sys.executable, "-m", "dvc", "plots", "show", "--json"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    assert "errors" not in found
    return found["data"]


def test_dvc_draws_every_table_with_its_own_words(drawn):
    for name, settings in (TABLES | TOGETHER).items():
        [plot] = drawn[name]
        assert plot["type"] == "vega"
        text = plot["content"] if isinstance(plot["content"], str) else json.dumps(plot["content"])
        assert "<DVC_" not in text, name
        assert json.dumps(settings["x_label"]) in text, name
        assert json.dumps(settings.get("title", name)) in text, name
