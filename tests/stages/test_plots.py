"""What `dvc plots` draws: titles, axes with units, templates that are there, models of any name."""

import json
import subprocess
import sys
from typing import Any

import pytest
import yaml
from committed import ROOT

TEMPLATES = sorted((ROOT / ".dvc/plots").glob("*.json"))
BUILT_IN = {"linear", "bar_horizontal", "confusion"}  # of DVC's templates, those that are used
CONTENT = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
TABLES = {
    path: settings
    for stage in CONTENT["stages"].values()
    for entry in stage.get("plots", [])
    for path, settings in entry.items()
    if path.endswith(".csv")
}
WITH_MODELS = {
    path
    for path in TABLES
    if "model" in (ROOT / path).read_text(encoding="utf-8").splitlines()[0].split(",")
}
TOGETHER = {title: settings for entry in CONTENT["plots"] for title, settings in entry.items()}
# Templates that draw a table with a column model.
OF_MODELS = {TABLES[path].get("template") for path in WITH_MODELS} | {
    settings["template"] for settings in TOGETHER.values() if WITH_MODELS & {*settings["y"]}
}


def of_models(node: Any) -> list[dict[str, Any]]:
    """Return every scale of a channel that shows the models: colour, shape, dash."""
    if isinstance(node, list):
        return [one for item in node for one in of_models(item)]
    if not isinstance(node, dict):
        return []
    own = [node] if node.get("field") == "model" else []
    return own + [one for item in node.values() for one in of_models(item)]


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
def test_a_template_says_what_it_shows_and_names_no_model(file):
    template = json.loads(file.read_text(encoding="utf-8"))
    assert template["description"]
    assert template["data"] == {"values": "<DVC_METRIC_DATA>"}
    channels = of_models(template)
    assert bool(channels) is (file.stem in OF_MODELS)
    for channel in channels:
        assert "domain" not in channel.get("scale", {})  # so any models have a colour each
    models = {*PARAMS["mlp"]["networks"], *PARAMS["compare"]["baselines"], "grid_search"}
    assert not models & {*words(template)}


def words(node: Any) -> list[str]:
    """Return every text in a template."""
    if isinstance(node, str):
        return [node]
    items = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [one for item in items for one in words(item)]


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
