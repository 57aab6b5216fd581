"""Compares README.md, CONTRIBUTING.md and docs/ with the repository that they describe."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from committed import ROOT
from sklearn.linear_model import LogisticRegression

from tools import parameters
from winenet.network.classifier import DenseClassifier
from winenet.params import Params

README = ROOT / "README.md"
DOCS = sorted((ROOT / "docs").rglob("*.md"))
PAGES = [README, ROOT / "CONTRIBUTING.md", *DOCS]
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def code_of(page: Path) -> list[str]:
    """Return the content of every code block and every code span of a page."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", text_of(page), flags=re.MULTILINE | re.DOTALL)
    prose = re.sub(r"^```.*?^```", "", text_of(page), flags=re.MULTILINE | re.DOTALL)
    return blocks + re.findall(r"`([^`]+)`", prose)


def run(*command: str) -> str:
    """Return what a command of this Python prints in the root of the repository."""
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    ).stdout


# ------------------------------------------------------------------ README.md


def test_the_first_block_is_the_two_commands() -> None:
    first = text_of(README).split("```")[1].strip().splitlines()
    assert [line.split("#")[0].strip() for line in first] == ["make", "make test"]


def test_the_readme_is_short() -> None:
    assert len(text_of(README).splitlines()) < 150


def test_the_results_are_what_the_command_prints() -> None:
    table = run("-m", "winenet", "results").strip()
    assert f"<!-- python -m winenet results -->\n{table}\n\n" in text_of(README), (
        f"Replace the table of results in README.md by:\n{table}"
    )


def test_the_picture_is_small() -> None:
    assert (ROOT / "docs/images/page.png").stat().st_size < 200_000


# ------------------------------------------------------------------ the pipeline


@pytest.mark.parametrize("page", [README, ROOT / "docs/pipeline.md"], ids=lambda page: page.name)
def test_every_stage_has_its_row(page: Path) -> None:
    assert re.findall(r"^\| `(\w+)` \|", text_of(page), flags=re.MULTILINE) == list(STAGES)


def test_the_table_of_stages_names_the_sections_that_each_reads() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| .* \| (.*?) ?\|$", text_of(ROOT / "docs/pipeline.md"), flags=re.MULTILINE
    )
    sections = {stage: re.findall(r"`([\w.]+)`", cell) for stage, cell in rows}
    assert sections == {name: stage.get("params", []) for name, stage in STAGES.items()}


def test_the_graph_is_what_dvc_dag_prints() -> None:
    graph = run("-m", "dvc", "dag", "--md").strip()
    assert f"<!-- dvc dag --md -->\n{graph}\n" in text_of(ROOT / "docs/pipeline.md"), (
        f"Replace the graph in docs/pipeline.md by:\n{graph}"
    )


def outputs(stage: dict[str, Any]) -> set[str]:
    """Return the paths that a stage writes, as dvc.yaml lists them."""
    return {
        path
        for kind in ("outs", "metrics", "plots")
        for entry in stage.get(kind, [])
        for path in (entry if isinstance(entry, dict) else [entry])
    }


def test_the_reference_lists_the_files_that_each_stage_writes() -> None:
    sections = re.split(r"^## ", text_of(ROOT / "docs/reference/files.md"), flags=re.MULTILINE)
    listed = {
        section.split("\n", 1)[0]: set(re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE))
        for section in sections[1:]
    }
    assert {name: listed.get(name) for name in STAGES} == {
        name: outputs(stage) for name, stage in STAGES.items()
    }


# ------------------------------------------------------------------ links


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", text_of(page), flags=re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.strip().replace(" ", "-") for heading in plain}


@each_page
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", text_of(page)):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if page in DOCS:
            assert target.is_relative_to(ROOT / "docs"), f"{link}: MkDocs knows docs/ only"
        if anchor:
            assert anchor in anchors(target), link


def test_the_navigation_lists_every_page() -> None:
    def pages(entry: Any) -> Iterator[str]:
        if isinstance(entry, str):
            yield entry
        else:
            for inner in entry.values() if isinstance(entry, dict) else entry:
                yield from pages(inner)

    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    assert sorted(pages(nav)) == sorted(page.relative_to(ROOT / "docs").as_posix() for page in DOCS)


# ------------------------------------------------------------------ commands, files, variables


@each_page
def test_every_make_target_that_is_named_exists(page: Path) -> None:
    for code in code_of(page):
        for target in re.findall(r"^(?:\w+=\S+ )?make ([a-z][a-z-]*)", code, flags=re.MULTILINE):
            assert re.search(rf"^{target}:", MAKEFILE, flags=re.MULTILINE), f"make {target}"


def commands() -> set[str]:
    return set(re.findall(r"^    ([a-z]+) ", run("-m", "winenet", "--help"), flags=re.MULTILINE))


def test_every_command_of_winenet_that_is_named_exists() -> None:
    known = commands()
    named = {
        (page.name, name)
        for page in PAGES
        for code in code_of(page)
        for name in re.findall(r"python -m winenet ([a-z]+)", code)
    }
    assert {(page, name) for page, name in named if name not in known} == set()


def test_the_reference_has_every_command_and_every_target() -> None:
    code = code_of(ROOT / "docs/reference/commands.md")
    listed = {name for text in code for name in re.findall(r"^python -m winenet ([a-z]+)", text)}
    assert listed == commands()
    targets = set(re.findall(r"^([a-z-]+):.*## ", MAKEFILE, flags=re.MULTILINE)) - {"all"}
    assert targets <= {target for text in code for target in re.findall(r"^make ([a-z-]+)", text)}


def test_every_option_in_the_reference_exists() -> None:
    page = text_of(ROOT / "docs/reference/commands.md")
    for options, names in re.findall(r"^\| (`-.*?) \| (`.*?) \|", page, flags=re.MULTILINE):
        for name in re.findall(r"`(\w+)`", names):
            usage = run("-m", "winenet", name, "--help")
            for option in re.findall(r"(?<![\w-])--?[a-z][a-z-]*", options):
                assert re.search(rf"(?<![\w-]){option}\b", usage), f"{name} {option}"


@each_page
def test_every_file_that_is_named_exists(page: Path) -> None:
    """Only for paths with a folder of this repository in which no run writes."""
    folders = "winenet|stages|tests|tools|docs|benchmarks|notebooks|data/raw|data/reference"
    for code in code_of(page):
        for path in re.findall(rf"(?<![\w./-])(?:{folders})/[\w./*-]*\w", code):
            assert "NAME" in path or list(ROOT.glob(path)), path
        for module in re.findall(r"python -m ((?:tools|benchmarks)[\w.]*)", code):
            path = ROOT.joinpath(*module.split("."))
            assert path.is_dir() or path.with_suffix(".py").is_file(), module


def test_the_reference_has_every_environment_variable() -> None:
    read = {
        name
        for folder in ("winenet", "stages", "tools", "tests", "benchmarks")
        for file in (ROOT / folder).rglob("*.py")
        for name in re.findall(r"WINENET_[A-Z]+", text_of(file))
    }
    table = text_of(ROOT / "docs/reference/environment-variables.md")
    assert set(re.findall(r"^\| `(WINENET_[A-Z]+)` \|", table, flags=re.MULTILINE)) == read


# ------------------------------------------------------------------ parameters


def known_parameters() -> set[str]:
    return {row.path for row in parameters.parameters(Params.model_json_schema(), {})}


def test_the_parameter_reference_is_current() -> None:
    assert text_of(ROOT / parameters.PAGE) == parameters.page(ROOT), (
        "docs/reference/parameters.md is out of date: run `python -m tools.parameters`."
    )


def test_every_effect_is_that_of_a_parameter() -> None:
    assert set(parameters.EFFECTS) <= known_parameters()


def metrics() -> set[str]:
    """Return the dotted key of every metric, as `gates` in params.yaml names it."""

    def keys(prefix: str, content: Any) -> Iterator[str]:
        yield prefix
        if isinstance(content, dict):
            for name, inner in content.items():
                yield from keys(f"{prefix}.{name}", inner)

    return {
        key
        for file in (ROOT / "metrics").glob("*.json")
        for key in keys(file.stem, json.loads(text_of(file)))
    }


def test_every_parameter_that_is_named_exists() -> None:
    parts = {
        path[:end]
        for path in known_parameters()
        for end in [*(dot.start() for dot in re.finditer(r"\.", path)), len(path)]
    }
    known = parts | metrics()
    sections = "|".join(Params.model_fields)
    named = {
        (page.name, name)
        for page in PAGES
        if page != ROOT / parameters.PAGE
        for code in code_of(page)
        for name in re.findall(
            rf"(?<![\w./-])((?:{sections})\.[a-z_]+(?:\.[a-z_]+)*)(?![\w/(])", code
        )
        if not name.endswith((".json", ".csv", ".py", ".safetensors", ".svg"))
    }
    assert named, "no page names a parameter"
    unknown = {(page, name) for page, name in named if name not in known and not is_open(name)}
    assert unknown == set()


def is_open(name: str) -> bool:
    """Return whether a key is a parameter of an estimator, or a model of any name."""
    network, baseline = r"mlp\.networks\.\w+", r"compare\.baselines\.\w+"
    section = rf"{network}|mlp\.defaults|grid_search\.(?:defaults|param_grid)"
    if found := re.fullmatch(rf"(?:{section})\.(\w+)", name):
        return found[1] in {*DenseClassifier().get_params(), "title"}
    if found := re.fullmatch(r"logistic\.(\w+)", name):
        return found[1] in {*LogisticRegression().get_params(), "title"}
    return bool(re.fullmatch(rf"{network}|{baseline}(?:\.(?:estimator|title))?", name))


def test_an_open_key_is_one_of_the_estimator() -> None:
    good = ("mlp.networks.wide.alpha", "logistic.solver", "compare.baselines.knn.estimator")
    assert all(map(is_open, (*good, "grid_search.param_grid.dropout", "mlp.networks.wide")))
    bad = ("mlp.networks.wide.alhpa", "logistic.slover", "mlp.default.alpha", "compare.knn")
    assert not any(map(is_open, (*bad, "grid_search.param_grid.units", "seeds.alpha")))
