"""Derive a new folder's dvc.yaml and Makefile from this one's, and list what dvc.yaml declares."""

import re
import textwrap
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import yaml

# What belongs to the course notebook alone, besides the outputs of its stages.
NOTEBOOK_STAGES = ("handmade",)
NOTEBOOK_PATHS = (
    *("data/reference/notebook.csv", "data/reference/train_head.csv"),
    *("data/reference/test_head.csv", "plots/handmade_loss.svg"),
    *("plots/handmade_early_stopping.svg", "plots/handmade_one_weight.svg"),
    "plots/handmade_two_outputs.svg",
)
KEPT_MAKE_TARGETS = ("all", "gate", "summary", "clean", "help", "environment")
WINE_LABEL = " (1 is red)"  # in the axis labels of dvc.yaml

Stages = Mapping[str, Mapping[str, Any]]


# ------------------------------------------------------------------ dvc.yaml


def dvc_yaml(text: str, positive: str | None) -> str:
    """Return dvc.yaml without the notebook's stages, paths and plots, for another table.

    Parameters
    ----------
    text
        The dvc.yaml of this folder. Its comments and layout are kept.
    positive
        The label of class 1. None: there are more than two classes.

    Returns
    -------
    str
        The dvc.yaml of the new folder.
    """
    content = yaml.safe_load(text)
    stages = content["stages"]
    dropped = set(NOTEBOOK_PATHS)
    for stage in NOTEBOOK_STAGES:  # a folder that init has made has none of them
        dropped.update(outputs(stages.get(stage, {})))
    for stage, entry in stages.items():
        deps = [dep for dep in entry["deps"] if dep not in dropped]
        if stage not in NOTEBOOK_STAGES and deps != entry["deps"]:
            text = replace_deps(text, stage, deps)
    plots = [title for plot in content["plots"] for title in plot if dropped & {*plot[title]["y"]}]
    entries = [*(f"  {stage}:" for stage in NOTEBOOK_STAGES), *(f"  - {plot}:" for plot in plots)]
    lines = _without_entries(text.splitlines(), entries)
    lines = [line for line in lines if _list_item(line) not in dropped]
    return _replace_label("\n".join(lines).rstrip("\n") + "\n", positive)


def _without_entries(lines: Sequence[str], first_lines: Collection[str]) -> list[str]:
    """Return the lines without these entries: a stage, or an item of `plots`, to its last line."""
    kept, dropping = [], False
    for line in lines:
        if line and not line.startswith("   "):  # not deeper than an entry's first line
            dropping = line in first_lines
        if not dropping:
            kept.append(line)
    return kept


def _list_item(line: str) -> str:
    """Return the path of a line such as `- plots/loss.svg: {cache: false}`, or ""."""
    dash, _, item = line.strip().partition(" ")
    return item.partition(":")[0] if dash == "-" else ""


def _replace_label(text: str, positive: str | None) -> str:
    """Return the text with the label of class 1 in place of the wine's, if it needs no quotes."""
    plain = re.fullmatch(r"(?!1$)[\w.-]{1,20}", positive or "", re.ASCII)
    return text.replace(WINE_LABEL, f" (1 is {positive})" if plain else "")


def replace_deps(text: str, stage: str, deps: Sequence[str]) -> str:
    """Return the text of a dvc.yaml with other dependencies of a stage.

    Parameters
    ----------
    text
        A dvc.yaml in which each `deps` is a list in brackets that begins on a line of its own.
    stage
        The name of the stage.
    deps
        All its dependencies.

    Returns
    -------
    str
        The text; all else is as it was.
    """
    wrapped = textwrap.wrap(
        f"[{', '.join(deps)}]",
        width=100,
        initial_indent="      ",
        subsequent_indent="       ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    start = text.index("    deps:\n", text.index(f"\n  {stage}:\n"))
    end = text.index("]\n", start) + 2
    return text[:start] + "\n".join(["    deps:", *wrapped, ""]) + text[end:]


def outputs(stage: Mapping[str, Any], *, cached: bool = False) -> list[str]:
    """Return the paths that a stage writes.

    Parameters
    ----------
    stage
        The entry of the stage in dvc.yaml.
    cached
        Whether to return only the paths that are kept in DVC's cache.

    Returns
    -------
    list[str]
        The paths under `outs`, `metrics` and `plots`, in this order.
    """
    result = []
    for entry in (item for kind in ("outs", "metrics", "plots") for item in stage.get(kind, [])):
        with_settings = entry if isinstance(entry, dict) else {entry: {}}
        result += [
            path
            for path, settings in with_settings.items()
            if not cached or settings.get("cache", True)
        ]
    return result


def ignored_outputs(stages: Stages) -> dict[str, str]:
    """Return the .gitignore files that DVC would write in a first run.

    With them, no result gets into git even when that run fails.

    Parameters
    ----------
    stages
        The stages of dvc.yaml.

    Returns
    -------
    dict[str, str]
        The text of each file by its path.
    """
    texts: dict[str, str] = {}
    for content in stages.values():
        for path in outputs(content, cached=True):
            folder, _, name = path.rpartition("/")
            texts[f"{folder}/.gitignore"] = texts.get(f"{folder}/.gitignore", "") + f"/{name}\n"
    return texts


def mermaid(stages: Stages) -> str:
    """Return the graph of the stages as `dvc dag --md` prints it.

    Parameters
    ----------
    stages
        The stages of dvc.yaml.

    Returns
    -------
    str
        A Mermaid flow chart in Markdown.
    """
    writers = {path: stage for stage, content in stages.items() for path in outputs(content)}
    number = {stage: place for place, stage in enumerate(sorted(stages), start=1)}
    edges = {
        (number[writers[dep]], number[stage])
        for stage, content in stages.items()
        for dep in content["deps"]
        if dep in writers
    }
    lines = [f'\tnode{place}["{stage}"]' for stage, place in number.items()]
    lines += [f"\tnode{start}-->node{end}" for start, end in sorted(edges)]
    return "\n".join(["```mermaid", "flowchart TD", *lines, "```"])


# ------------------------------------------------------------------ Makefile


def makefile(text: str) -> str:
    """Return a Makefile with the targets of a pipeline alone.

    Parameters
    ----------
    text
        The Makefile of this folder: blocks between empty lines, with all targets in `.PHONY`.

    Returns
    -------
    str
        The Makefile without the blocks of targets that are not in `KEPT_MAKE_TARGETS`.
    """
    phony = next(line for line in text.splitlines() if line.startswith(".PHONY:"))
    dropped = {*phony.split()[1:]} - {*KEPT_MAKE_TARGETS}
    kept = [
        block
        for block in text.split("\n\n")
        if not dropped & {line.partition(":")[0] for line in block.splitlines()}
    ]
    whole = "\n\n".join(kept).rstrip("\n") + "\n"
    return whole.replace(phony, f".PHONY: {' '.join(KEPT_MAKE_TARGETS)}")
