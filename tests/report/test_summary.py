"""The summary for a pull request: its pictures and tables as pure functions, then the command.

The command, `make summary` and CI's own line run in a git repository with real commits and DVC.
"""

import math
import os
import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml
from committed import ROOT
from conftest import Workspace
from test_gates import COMPARE, GATES, IN_PLACE, LOGISTIC, MLP, call, changed, commit, git, interval
from test_gates import write as write_metrics

from winenet.evaluation.gates import GateResult
from winenet.evaluation.metric_types import Interval
from winenet.report import summary
from winenet.report.summary import Change, RunDiff, Score

HOLDS = GateResult("floor `mlp.accuracy`", "0.99", "0.9", "-", "holds")
FAILS = GateResult(
    "floor `logistic.accuracy`", "0.8", "0.9", "-", "FAILS: below the floor", fails=True
)


def reading(value: float, half_width: float = 0.01) -> Interval:
    return Interval(value, value - half_width, value + half_width)


def score(model: str, base: float | None, here: float | None, name: str = "accuracy") -> Score:
    return Score(model, name, *(None if one is None else reading(one) for one in (base, here)))


def written(**parts: Any) -> str:
    nothing = {"base": "main", "cautions": [], "parameters": [], "scores": [], "metrics": []}
    nothing["constant"] = []
    return summary.render(RunDiff(**(nothing | {"gate": [HOLDS], "noise": 1.0} | parts)))


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


# What a line says.


@pytest.mark.parametrize(
    ("name", "base", "here", "gained", "verdict"),
    [
        ("accuracy", 0.98, 0.975, "-0.50", "loss, inside the noise"),
        ("accuracy", 0.98, 0.985, "+0.50", "gain, inside the noise"),
        ("accuracy", 0.98, 0.97, "-1.00", "loss, inside the noise"),  # the last bit does not count
        ("accuracy", 0.98, 0.969, "-1.10", "loss, beyond the noise"),
        ("accuracy", 0.95, 0.98, "+3.00", "gain, beyond the noise"),
        ("log_loss", 0.08, 0.1, "-2.00", "loss, beyond the noise"),
        ("log_loss", 0.1, 0.095, "+0.50", "gain, inside the noise"),
    ],
)
def test_a_change_is_told_in_half_widths_of_the_base(name, base, here, gained, verdict):
    line = summary.score_row(score("mlp", base, here, name), 1.0)
    assert line[0:2] == ("`mlp`", name)
    assert line[2] == f"{base:.4f} ({base - 0.01:.4f} to {base + 0.01:.4f})"
    assert line[3:] == (f"{here:.4f}", f"{here - base:+.4f}", gained, verdict)


def test_the_noise_is_as_wide_as_the_gate_allows():
    one = score("mlp", 0.98, 0.965)
    assert summary.score_row(one, 1.0)[-1] == "loss, beyond the noise"
    assert summary.score_row(one, 2.0)[-1] == "loss, inside the noise"


def test_a_score_that_one_side_lacks_is_new_or_gone():
    assert summary.score_row(score("mlp", None, 0.98), 1.0)[2:] == ("-", "0.9800", "-", "-", "new")
    assert summary.score_row(score("mlp", 0.98, None), 1.0)[3:] == ("-", "-", "-", "GONE")


def test_the_largest_change_stands_first_and_what_is_missing_before_it():
    small, large = score("a", 0.98, 0.981), score("b", 0.98, 0.96)
    gone = score("c", 0.98, None)
    assert summary.by_size([small, large, gone]) == [gone, large, small]


def test_scores_stand_in_the_order_of_the_comparison_and_other_networks_before_the_tuned_one():
    known = {"accuracy": interval(0.9)}
    before = {"grid_search": known | {"place": 2}, "zeta": known | {"place": 1}}
    here = {"grid_search": {"place": 2}, "logistic": known | {"place": 0, "roc_auc": None}}
    found = summary.scores(before, here)
    assert [(one.model, one.base is None, one.here is None) for one in found] == [
        ("logistic", True, False),
        ("zeta", False, True),
        ("grid_search", False, True),
    ]


def test_scores_of_a_damaged_file_or_of_another_version_are_told_all_the_same():
    before = {"zeta": {"accuracy": interval(0.9)}, "grid_search": {"accuracy": interval(0.9)}}
    here = {"logistic": {"accuracy": interval(0.9), "roc_auc": None}, "grid_search": 5}
    found = summary.scores(before, here)
    assert [(one.model, one.base is None, one.here is None) for one in found] == [
        ("zeta", False, True),
        ("grid_search", False, True),
        ("logistic", True, False),
    ]


# The pictures.


def test_the_intervals_are_drawn_to_scale():
    shown = [score("logistic", 0.95, 0.95), score("mlp", 0.96, 0.98)]
    _, title, _, same, base, here, scale, _ = summary.intervals(shown).splitlines()
    assert "[---o---] base, [===#===] here" in title
    start = 30  # low is 0.94, high 0.99, so a column is 0.05 / 47
    for line, low, value, high in ((same, 0.94, 0.95, 0.96), (base, 0.95, 0.96, 0.97)):
        drawn = line[start:]
        places = (drawn.index("["), drawn.index("o"), drawn.index("]"))
        assert places == tuple(round((one - 0.94) / 0.05 * 47) for one in (low, value, high))
    assert here[start:].index("#") == round(0.04 / 0.05 * 47)
    assert here.endswith(" 0.9800")
    assert same.startswith("logistic ")
    assert " both [" in same
    assert scale.split() == ["0.9400", "0.9900"]


def test_an_interval_of_no_width_is_a_dot():
    shown = [Score("mlp", "accuracy", Interval(1.0, 1.0, 1.0), Interval(1.0, 1.0, 1.0))]
    assert summary.intervals(shown).splitlines()[3].split() == ["mlp", "both", "o", "1.0000"]


def test_a_loss_points_to_the_left_and_the_noise_is_marked():
    shown = [score("mlp", 0.98, 0.97), score("mlp", 0.98, 0.985, "roc_auc")]
    _, title, _, loss, gain, scale, _ = summary.changes(shown, 1.0).splitlines()
    assert "the noise, 1 to either side" in title
    start, middle = 42, 24
    assert (loss[start:][12], loss[start:][middle], loss[start:][36]) == (":", "|", ":")
    assert loss[start:][13:middle] == "=" * 11
    assert gain[start:][middle + 1 : middle + 7] == "=" * 6
    assert (loss.split()[-1], gain.split()[-1]) == ("-1.00", "+0.50")
    assert scale.split() == ["-2.0", "0", "+2.0"]


def test_a_change_beyond_the_picture_is_an_arrow():
    flat = Score("a", "accuracy", Interval(0.9, 0.9, 0.9), Interval(0.8, 0.8, 0.8))
    gain = Score("b", "accuracy", reading(0.9, 0.001), reading(0.99, 0.001))
    assert flat.gained == -math.inf
    picture = summary.changes([flat, gain], 1.0).splitlines()
    assert picture[3][42] == "<"
    assert picture[4][42 + 48] == ">"


def test_no_character_needs_more_than_ascii_and_no_line_more_than_a_screen():
    shown = [score(f"model_{place}", 0.98, 0.97) for place in range(3)]
    for picture in (summary.intervals(shown), summary.changes(shown, 1.0)):
        assert picture.isascii()
        assert max(map(len, picture.splitlines())) <= 120


def test_the_constant_model_presses_no_other_into_a_corner():
    moved = [score("below", 0.7, 0.71), score("mlp", 0.98, 0.97)]
    found = RunDiff("main", [], [], moved, ["below"], [], [], 1)
    first, second = summary.pictures(found)
    assert "below" not in first
    assert "below accuracy" in second


# The page.


def test_nothing_moved():
    text = written()
    assert text.startswith("## What moved against `main`\n\nNothing moved.\n\n### Gate\n\n1 of 1")
    assert "```" not in text


def test_the_headline_counts_what_matters():
    moved = [score("mlp", 0.98, 0.96), score("logistic", 0.98, 0.979), score("same", 0.9, 0.9)]
    parameter = Change("mlp.max_iter", 500, 200)
    text = written(scores=moved, parameters=[parameter], gate=[FAILS, HOLDS])
    assert "**1 parameter and 2 scores moved, 1 of them beyond the noise. The gate FAILS.**" in text
    assert "| `mlp.max_iter` | `500` | `200` |" in text
    assert text.count("```text") == 2
    assert "`same`" not in text
    # What fails is not folded.
    folded = text.index("<details><summary>1 gate that holds</summary>\n\n| gate |")
    assert text.index(FAILS.gate) < folded < text.index(HOLDS.gate)


def test_other_metrics_alone_are_folded_and_no_score_moved():
    text = written(metrics=[Change("metrics/mlp.json notebook.epochs", 217, 251)])
    assert "No score of a model moved." in text
    fold = text.split("<details><summary>1 other metric moved</summary>\n\n")[1]
    assert "| `metrics/mlp.json notebook.epochs` | `217` | `251` |\n\n</details>" in fold


def test_long_lists_are_folded_and_then_cut():
    metrics = [Change(f"metrics/a.json k{place}", 1, 2) for place in range(75)]
    parameters = [Change(f"p{place}", None, 2) for place in range(15)]
    text = written(metrics=metrics, parameters=parameters)
    assert "<details><summary>3 more parameters</summary>" in text
    assert text.index("`p11`") < text.index("3 more parameters") < text.index("`p12`")
    assert "15 more are not shown: `dvc metrics diff main`" in text
    assert ("`metrics/a.json k59`" in text, "`metrics/a.json k60`" in text) == (True, False)


HARMFUL = "a|b`<img src=x>\n```\n# [x](y)"


def test_names_and_values_cannot_break_out():
    text = written(
        base=HARMFUL,
        cautions=["x <script>\n# y"],
        parameters=[Change(HARMFUL, HARMFUL, None)],
        scores=[score(HARMFUL, 0.98, 0.97)],
        metrics=[Change(HARMFUL, HARMFUL, "|")],
    )
    outside = re.sub(r"^```text$.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    for harm in ("<img", "<script", "[x](y)"):
        assert harm not in outside
    fences = [line for line in text.splitlines() if line.lstrip().startswith("```")]
    assert fences == ["```text", "```"] * 2
    assert not [line for line in text.splitlines() if line.startswith("# ")]
    rows = [line for line in text.splitlines() if line.startswith("| ") and "img" in line]
    assert {line.replace("\\|", "").count("|") for line in rows} <= {4, 8}


def test_a_model_s_name_cannot_end_the_picture_s_block():
    text = summary.intervals([score("```", 0.98, 0.97)])
    assert [line for line in text.splitlines() if line.startswith("```")] == ["```text", "```"]


def test_a_value_that_code_would_show_wrongly_stands_literally():
    """A cell's `<` is written as an entity, which code shows as it is written."""
    text = written(parameters=[Change("p", "<1", "[0.1, 1]")])
    assert "| `p` | &#60;1 | `[0.1, 1]` |" in text


# The command, in a repository.


@pytest.fixture
def repository(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Code and metrics in git and DVC; `empty` has only a text, `before` no comparison."""
    folder = workspace.path
    monkeypatch.setenv("LC_ALL", "C")
    git(folder, "init", "--quiet")
    (folder / ".gitignore").write_text("/data/\n/.winenet/\n", encoding="utf-8")
    git(folder, "add", ".gitignore")
    git(folder, "commit", "--quiet", "--message", "empty")
    git(folder, "tag", "empty")
    own = (folder / "params.yaml").read_text(encoding="utf-8").split("\ngates:")[0] + GATES
    (folder / "params.yaml").write_text(own, encoding="utf-8", newline="\n")
    for name in ("Makefile", "dvc.lock"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / ".dvc/plots", folder / ".dvc/plots")
    for name in (".dvc/config", ".dvc/.gitignore"):
        shutil.copy(ROOT / name, folder / name)
    shutil.copytree(ROOT / "metrics", folder / "metrics")
    (folder / "metrics/compare.json").unlink()
    write_metrics(folder, "logistic", LOGISTIC)
    write_metrics(folder, "mlp", MLP)
    commit(folder, "before")
    write_metrics(folder, "compare", COMPARE)
    commit(folder, "base")
    return workspace


def test_nothing_moved_against_the_last_commit(repository):
    code, printed, errors = repository.run("winenet", "summary")
    assert (code, errors) == (0, "")
    assert printed.startswith(
        "## What moved against `HEAD`\n\nNothing moved.\n\n### Gate\n\n7 of 7"
    )


def test_a_real_change_is_told(repository):
    repository.edit("params.yaml", "max_iter: 500", "max_iter: 400")
    write_metrics(repository.path, "compare", changed("logistic", "accuracy", interval(0.972)))
    write_metrics(repository.path, "logistic", {"accuracy": 0.972})
    code, printed, errors = repository.run("winenet", "summary", "--base", "base")
    assert (code, errors) == (0, "")
    assert "> 3 tracked files differ from the last commit" in printed
    told = (
        "> Not run with these parameters yet: mlp, grid_search, curves, seeds, learning_curve, "
        "importance, compare."
    )
    assert told in printed
    assert "**2 parameters and 1 score moved, none of them beyond the noise" in printed
    assert "| `mlp.defaults.max_iter` | `500` | `400` |" in printed
    row = "| `logistic` | accuracy | 0.9800 (0.9700 to 0.9900) | 0.9720 | -0.0080 | -0.80 | "
    assert f"{row}loss, inside the noise |" in printed
    assert "| `metrics/logistic.json accuracy` | `0.98` | `0.972` |" in printed
    assert "compare.json models.logistic" not in printed  # it stands in the table above
    commit(repository.path, "after")
    again = repository.run("winenet", "summary", "--base", "base")[1]
    assert "differ from the last commit" not in again


def test_a_lower_floor_is_told(repository):
    """DVC tracks no `gates`, and a pull request that lowers one must say so all the same."""
    repository.edit("params.yaml", "logistic.accuracy: 0.97", "logistic.accuracy: 0.5")
    printed = repository.run("winenet", "summary", "--base", "base")[1]
    assert "| `gates.minimum.logistic.accuracy` | `0.97` | `0.5` |" in printed
    assert "Not run with these parameters" not in printed


def test_a_loss_beyond_the_noise_ends_with_one_after_the_whole_page(repository):
    write_metrics(repository.path, "compare", changed("logistic", "accuracy", interval(0.9)))
    code, printed, errors = repository.run("winenet", "summary", "--base", "base")
    assert (code, errors) == (1, "")
    assert "1 of them beyond the noise. The gate FAILS.**" in printed
    assert "1 of 7 gates FAIL: loss `logistic.accuracy`." in printed
    assert printed.endswith("</details>\n")


@pytest.mark.parametrize("base", ["before", "empty"])
@pytest.mark.slow
def test_a_base_without_results_is_told_and_no_fault(repository, base):
    code, printed, errors = repository.run("winenet", "summary", "--base", base)
    assert (code, errors) == (0, "")
    told = f"> The base '{base}' has no metrics/compare.json, so losses against it are unknown."
    assert told in printed
    assert "The gate has only checked the floors." in printed
    assert "2 of 2 gates hold." in printed
    assert "| `logistic` | accuracy | - | 0.9800 | - | - | new |" in printed
    assert ("| `mlp.defaults.max_iter` | - | `500` |" in printed) is (base == "empty")


def test_a_base_that_dvc_cannot_read_is_told(repository):
    params_file = repository.path / "params.yaml"
    good = params_file.read_bytes()
    params_file.write_text("a: [1\n", encoding="utf-8")
    write_metrics(repository.path, "mlp", "<<<<<<< HEAD\n")
    commit(repository.path, "broken")
    params_file.write_bytes(good)
    write_metrics(repository.path, "mlp", MLP)
    code, printed, errors = repository.run("winenet", "summary", "--base", "broken")
    assert (code, errors) == (0, "")
    assert "> DVC could not read all params, so some are missing here: " in printed


def test_missing_metrics_of_this_run_fail(repository):
    (repository.path / "metrics/compare.json").unlink()
    code, printed, errors = repository.run("winenet", "summary", "--base", "base")
    assert (code, errors) == (1, "")
    assert "metrics/compare.json is missing; `dvc repro` makes it" in printed
    assert "| `logistic` | accuracy | 0.9800 (0.9700 to 0.9900) | - | - | - | GONE |" in printed


@pytest.mark.parametrize("name", ["nowhere", "-x", ""])
def test_a_base_that_is_no_revision_is_refused(repository, name):
    code, printed, errors = repository.run("winenet", "summary", f"--base={name}")
    assert (code, printed) == (1, "")
    assert errors.startswith(f"The base '{name}' is not a revision that git knows here")
    assert errors.count("\n") == 1


def test_a_dvc_yaml_that_dvc_cannot_read_is_told(repository):
    (repository.path / "dvc.yaml").write_text("stages: [\n", encoding="utf-8")
    code, printed, errors = repository.run("winenet", "summary", "--base", "base")
    if code == 0:  # DVC goes on with a warning
        assert "DVC could not read all" in printed
    else:
        assert errors.startswith("`dvc params diff` failed (exit code ")
        assert "Traceback" not in errors


def test_it_changes_no_file(repository):
    before = repository.files()
    repository.run("winenet", "summary", "--base", "base")
    after = repository.files()
    ours = {name for name in before if not name.startswith((".git/", ".dvc/tmp"))}
    assert {name: after[name] for name in ours} == {name: before[name] for name in ours}
    assert {name for name in after if not name.startswith((".git/", ".dvc/tmp"))} == ours


# make and CI.


@pytest.mark.slow
def test_make_summary_takes_any_base(repository):
    make = ("make", *IN_PLACE, "summary")
    code, printed, errors = call(repository, *make)
    assert (code, errors) == (0, "")
    assert printed.startswith("## What moved against `HEAD`\n\nNothing moved.\n")
    assert call(repository, *make, "BASE=before")[1].startswith("## What moved against `before`")
    code, printed, errors = call(repository, *make, "BASE=; touch made")
    assert (code, printed) == (2, "")
    assert errors.startswith("The base '; touch made' is not a revision that git knows here")
    assert not (repository.path / "made").exists()


@pytest.mark.skipif(os.name == "nt", reason="the job runs on Linux; bash may be another one here")
@pytest.mark.parametrize(("value", "code"), [(0.975, 0), (0.9, 2)])
@pytest.mark.slow
def test_a_pull_request_s_summary_is_the_page_and_a_loss_fails_the_job(repository, value, code):
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text("utf-8"))
    assert workflow["defaults"]["run"]["shell"] == "bash"  # which GitHub runs with -eo pipefail
    *_, step = workflow["jobs"]["what-moved"]["steps"]
    assert step["env"] == {"BASE": "origin/${{ github.base_ref }}"}
    git(repository.path, "update-ref", "refs/remotes/origin/main", "base")
    write_metrics(repository.path, "compare", changed("logistic", "accuracy", interval(value)))
    target = repository.path.parent / "step-summary.md"
    target.write_text("before\n", encoding="utf-8")
    bash = ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"])
    where = {"BASE": "origin/main", "GITHUB_STEP_SUMMARY": str(target)}
    ended = call(repository, *bash, MAKEFLAGS=" ".join(("--", *IN_PLACE)), **where)
    page = target.read_text(encoding="utf-8").removeprefix("before\n")
    assert ended[:2] == (code, page)
    assert page.startswith("## What moved against `origin/main`\n")
    assert ("1 of 7 gates FAIL: loss `logistic.accuracy`." in page) is (code != 0)


def test_the_help_names_it():
    command = ["python", "-m", "winenet", "--help"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "summary" in shown
