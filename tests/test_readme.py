"""Holds the README against the repository: the graph, the commands, the files that it names."""

import re
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_graph_is_what_dvc_dag_prints() -> None:
    command = [sys.executable, "-m", "dvc", "dag", "--md"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert f"<!-- dvc dag --md -->\n{printed.strip()}\n" in README


def test_the_first_block_is_the_two_commands() -> None:
    first = README.split("```")[1].strip().splitlines()
    assert [line.split("#")[0].strip() for line in first] == ["make", "make test"]


def test_every_stage_has_its_row() -> None:
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    assert re.findall(r"^\| `(\w+)` \|", README, flags=re.MULTILINE) == list(stages)


def test_the_results_are_what_the_command_prints() -> None:
    command = [sys.executable, "-m", "winenet", "results"]
    printed = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=True
    ).stdout
    assert f"<!-- python -m winenet results -->\n{printed.strip()}\n\n" in README


def test_every_linked_file_is_there() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert links
    for link in links:
        assert (ROOT / link).exists(), link


def test_every_make_target_that_is_named_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"(?:`|^)make ([a-z-]+)", README, flags=re.MULTILINE)):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target
