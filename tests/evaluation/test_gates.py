"""The gate is broken on purpose by a floor, a missing metric and a real loss; noise is no failure.

Its rows are tested as pure functions; then `python -m winenet gate`, `make gate` and CI's own lines
run in a git repository with real commits.
"""

import json
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from committed import ROOT
from conftest import Workspace

from winenet import __main__ as commands
from winenet import params
from winenet.evaluation import gates
from winenet.evaluation.gates import GateResult, MetricError

NAN = math.nan


def interval(value: Any, half_width: float = 0.01) -> dict[str, Any]:
    return {"value": value, "low": value - half_width, "high": value + half_width}


def floor(key: str, least: float, **metrics: Any) -> GateResult:
    [row] = gates.check_minimum({key: least}, metrics.__getitem__)
    return row


def losses(base: Any, here: Any, max_drop: float = 1.0) -> list[GateResult]:
    return gates.check_regressions(base, {"compare": {"models": here}}.__getitem__, max_drop)


def loss(score: str, before: Any, now: Any, max_drop: float = 1.0) -> GateResult:
    [row] = losses({"logistic": {score: before}}, {"logistic": {score: now}}, max_drop)
    return row


# Floors.


def test_a_metric_above_its_floor_holds():
    row = floor("logistic.accuracy", 0.97, logistic={"accuracy": 0.982308})
    assert row == GateResult(
        "floor `logistic.accuracy`", "0.982308", "0.97", "-", "holds", fails=False
    )


def test_a_metric_at_its_floor_holds_and_the_next_number_below_fails():
    assert floor("a.b", 0.97, a={"b": 0.97}).verdict == "holds"
    row = floor("a.b", 0.97, a={"b": math.nextafter(0.97, 0)})
    assert (row.verdict, row.fails) == ("FAILS: below the floor", True)


def test_a_key_goes_as_deep_as_its_dots():
    metrics = {"notebook": {"accuracy": 0.995}, "accuracy": 0}
    assert floor("mlp.notebook.accuracy", 0.99, mlp=metrics).here == "0.995"


def test_a_whole_number_is_a_number():
    assert floor("ingest.rows", 6000, ingest={"rows": 6497}).verdict == "holds"


NO_NUMBER = {
    "NaN": (NAN, "NaN"),
    "an infinity": (math.inf, "Infinity"),
    "null": (None, "null"),
    "a truth value": (True, "true"),
    "text": ("0.99", '"0.99"'),
    "a section": ({"value": 1}, '{"value": 1}'),
    "a list": ([1.0], "[1.0]"),
    "a whole number beyond float64": (10**400, "1" + "0" * 36 + "..."),
}


@pytest.mark.parametrize(("value", "shown"), NO_NUMBER.values(), ids=[*NO_NUMBER])
def test_a_floor_s_metric_that_is_no_finite_number_fails(value: Any, shown: str):
    row = floor("mlp.accuracy", 0.0, mlp={"accuracy": value})
    verdict = f"FAILS: mlp.accuracy is {shown}, not a finite number"
    assert row == GateResult("floor `mlp.accuracy`", "-", "0.0", "-", verdict, fails=True)


MISSING = {
    "a mistyped metric": (
        "mlp.acuracy",
        "metrics/mlp.json has no acuracy; did you mean 'accuracy'?",
    ),
    "a missing step": (
        "mlp.notebook.accuracy",
        "metrics/mlp.json has no notebook",
    ),
    "a step into a number": (
        "mlp.accuracy.x",
        "metrics/mlp.json has no accuracy.x",
    ),
    "a file's whole content": ("mlp", 'mlp is {"accuracy": 0.9}, not a finite number'),
}


@pytest.mark.parametrize(("key", "told"), MISSING.values(), ids=[*MISSING])
def test_a_floor_s_metric_that_is_missing_fails(key: str, told: str):
    row = floor(key, 0.5, mlp={"accuracy": 0.9})
    assert (row.here, row.verdict, row.fails) == ("-", f"FAILS: {told}", True)


@pytest.mark.parametrize("content", [[], None, "accuracy", 0.9])
def test_a_file_that_holds_no_section_has_no_metric(content: Any):
    row = floor("mlp.accuracy", 0.5, mlp=content)
    assert row.verdict == "FAILS: metrics/mlp.json has no accuracy"


def test_a_missing_file_is_a_row_that_says_what_makes_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    [row] = gates.check_minimum({"mlp.accuracy": 0.9}, gates.read_run)
    assert row.verdict == "FAILS: metrics/mlp.json is missing; `dvc repro` makes it"
    Path("metrics").mkdir()
    Path("metrics/mlp.json").write_text("<<<<<<< HEAD\n", encoding="utf-8")
    [row] = gates.check_minimum({"mlp.accuracy": 0.9}, gates.read_run)
    assert row.verdict.startswith("FAILS: metrics/mlp.json cannot be read (Expecting value: line 1")
    assert row.verdict.endswith("; `dvc repro` makes it again")


def test_the_committed_floors_hold_for_the_committed_metrics(monkeypatch):
    monkeypatch.chdir(ROOT)
    floors = params.load().gates.minimum
    rows = gates.check_minimum(floors, gates.read_run)
    assert [row.verdict for row in rows] == ["holds"] * len(floors)


# Losses.


@pytest.mark.parametrize("score", ["accuracy", "accuracy_unseen", "roc_auc"])
def test_less_is_a_loss(score: str):
    row = loss(score, interval(0.98), interval(0.96))
    assert row == GateResult(
        f"loss `logistic.{score}`",
        "0.96",
        "0.98 (0.97 to 0.99)",
        "2.000",
        "FAILS: a loss of more than 1.0",
        fails=True,
    )
    row = loss(score, interval(0.96), interval(0.98))
    assert (row.loss, row.verdict) == ("-2.000", "holds")


def test_more_log_loss_is_a_loss():
    row = loss("log_loss", interval(0.08), interval(0.1))
    assert (row.loss, row.verdict, row.fails) == ("2.000", "FAILS: a loss of more than 1.0", True)
    row = loss("log_loss", interval(0.1), interval(0.08))
    assert (row.loss, row.verdict, row.fails) == ("-2.000", "holds", False)


def test_a_loss_inside_the_noise_is_told_and_does_not_fail():
    row = loss("accuracy", interval(0.98), interval(0.975))
    assert (row.loss, row.verdict, row.fails) == ("0.500", "holds: inside the noise", False)


def test_no_loss_is_not_called_noise():
    row = loss("accuracy", interval(0.98), interval(0.98))
    assert (row.loss, row.verdict, row.fails) == ("0.000", "holds", False)


def test_a_gain_too_small_to_show_has_no_sign():
    assert loss("accuracy", interval(0.98), interval(0.980001)).loss == "0.000"


def test_the_width_is_the_base_s():
    """This run's own interval, wide or narrow, excuses nothing."""
    for half_width in (0.0001, 0.5):
        row = loss("accuracy", interval(0.98), interval(0.96, half_width))
        assert (row.loss, row.fails) == ("2.000", True)
        row = loss("accuracy", interval(0.98, half_width=0.2), interval(0.96, half_width))
        assert (row.loss, row.fails) == ("0.100", False)


def test_half_a_width_is_half_of_an_uneven_interval():
    row = loss("accuracy", {"value": 0.98, "low": 0.95, "high": 0.99}, interval(0.97))
    assert row.loss == "0.500"


def test_a_loss_of_the_allowed_size_holds_and_one_beyond_fails():
    before = {"value": 0.98, "low": 0.9, "high": 0.94}
    assert (0.98 - 0.96) / ((0.94 - 0.9) / 2) > 1  # the last bit of float64
    assert loss("accuracy", before, interval(0.96)).fails is False
    assert loss("accuracy", before, interval(0.959999)).fails is True


@pytest.mark.parametrize(("max_drop", "fails"), [(0.5, True), (1.4, True), (1.6, False)])
def test_the_allowed_loss_is_the_setting(max_drop: float, fails: bool):
    assert loss("accuracy", interval(0.98), interval(0.965), max_drop).fails is fails


def test_against_an_interval_without_width_any_loss_is_real():
    """ROC AUC of a model that always says the same is 0.5 in every resample."""
    point = interval(0.5, half_width=0)
    told = {
        now: (row.loss, row.verdict, row.fails)
        for now in (0.5, 0.499999, 0.500001)
        for row in [loss("roc_auc", point, interval(now, 0))]
    }
    assert told == {
        0.5: ("0.000", "holds", False),
        0.499999: ("inf", "FAILS: a loss of more than 1.0", True),
        0.500001: ("-inf", "holds", False),
    }


@pytest.mark.parametrize("now", [{}, {"accuracy": None}], ids=["missing", "null"])
def test_a_score_that_only_the_base_has_fails(now: dict[str, Any]):
    [row] = losses({"logistic": {"accuracy": interval(0.98)}}, {"logistic": now})
    assert row == GateResult(
        "loss `logistic.accuracy`",
        "-",
        "0.98 (0.97 to 0.99)",
        "-",
        "FAILS: this run has no such score",
        fails=True,
    )


@pytest.mark.parametrize("here", [{}, {"logistic": None}, {"logistic": 0.98}])
def test_a_model_that_only_the_base_has_fails(here: dict[str, Any]):
    [row] = losses({"logistic": {"accuracy": interval(0.98)}}, here)
    assert (row.gate, row.verdict) == ("loss `logistic`", "FAILS: this run has no such model")
    assert row.fails is True


@pytest.mark.parametrize("before", [{}, {"accuracy": None}], ids=["missing", "null"])
def test_a_score_that_only_this_run_has_is_told(before: dict[str, Any]):
    [row] = losses({"logistic": before}, {"logistic": {"accuracy": interval(0.98)}})
    assert row == GateResult(
        "loss `logistic.accuracy`", "0.98", "none", "-", "new: the base has none", fails=False
    )


def test_a_model_that_only_this_run_has_is_told():
    known = {"accuracy": interval(0.98)}
    rows = losses({"logistic": known}, {"new": known, "logistic": known})
    assert [(row.gate, row.verdict, row.fails) for row in rows] == [
        ("loss `logistic.accuracy`", "holds", False),
        ("loss `new.accuracy`", "new: the base has none", False),
    ]


def test_a_score_that_neither_has_is_no_row():
    assert (
        losses({"majority_class": {"roc_auc": None}}, {"majority_class": {"roc_auc": None}}) == []
    )


@pytest.mark.parametrize("part", ["value", "low", "high"])
@pytest.mark.parametrize(("value", "shown"), NO_NUMBER.values(), ids=[*NO_NUMBER])
def test_a_score_of_this_run_that_is_no_finite_number_fails(part: str, value: Any, shown: str):
    row = loss("accuracy", interval(0.98), interval(0.98) | {part: value})
    verdict = f"FAILS: this run's {part} is {shown}, not a finite number"
    assert (row.here, row.verdict, row.fails) == ("-", verdict, True)
    # In a model that the base does not know, as well.
    row = loss("accuracy", None, interval(0.98) | {part: value})
    assert (row.verdict, row.fails) == (verdict, True)


@pytest.mark.parametrize("part", ["value", "low", "high"])
@pytest.mark.parametrize(("value", "shown"), NO_NUMBER.values(), ids=[*NO_NUMBER])
def test_a_score_of_the_base_that_is_no_finite_number_fails(part: str, value: Any, shown: str):
    row = loss("accuracy", interval(0.98) | {part: value}, interval(0.98))
    verdict = f"FAILS: the base's {part} is {shown}, not a finite number"
    assert (row.bound, row.verdict, row.fails) == ("none", verdict, True)


def test_a_score_without_its_interval_fails():
    row = loss("accuracy", interval(0.98), 0.98)
    assert row.verdict == "FAILS: this run's score is 0.98, not a value with an interval"
    row = loss("accuracy", interval(0.98), {"value": 0.98})
    assert row.verdict == "FAILS: this run's low is null, not a finite number"
    row = loss("accuracy", {"value": 0.98, "low": 0.99, "high": 0.97}, interval(0.98))
    assert row.verdict == "FAILS: the base's low 0.99 is above its high 0.97"
    assert row.fails is True


@pytest.mark.parametrize("content", [{}, [], {"models": None}, {"models": []}, None])
def test_a_run_without_models_is_one_row_that_fails(content: Any):
    base = {"logistic": {"accuracy": interval(0.98)}}
    [row] = gates.check_regressions(base, {"compare": content}.__getitem__, 1.0)
    told = "FAILS: metrics/compare.json has no models; `dvc repro` makes it again"
    assert (row.gate, row.verdict, row.fails) == ("losses", told, True)


def test_a_run_without_the_file_is_one_row_that_fails():
    def read(stage: str) -> Any:
        raise MetricError(f"no {stage}")

    [row] = gates.check_regressions({"logistic": {"accuracy": interval(0.98)}}, read, 1.0)
    assert row == GateResult("losses", "-", "-", "-", "FAILS: no compare", fails=True)


def test_every_committed_score_with_an_interval_is_compared(monkeypatch):
    monkeypatch.chdir(ROOT)
    models = gates.read_run("compare")["models"]
    with_interval = {
        f"loss `{model}.{score}`"
        for model, scores in models.items()
        for score, entry in scores.items()
        if isinstance(entry, dict) and {"value", "low", "high"} <= set(entry)
    }
    rows = gates.check_regressions(models, gates.read_run, 1.0)
    assert {row.gate for row in rows} == with_interval
    assert {row.verdict for row in rows} == {"holds"}


def test_the_last_line_counts_and_names():
    good, noisy = GateResult("a", "", "", "", "holds"), GateResult("b", "", "", "", gates.NOISE)
    bad = GateResult("floor `c.d`", "", "", "", "FAILS: ...", fails=True)
    assert gates.verdict([good, good]) == "2 of 2 gates hold."
    assert gates.verdict([good, noisy]) == (
        "2 of 2 gates hold; 1 of them lost something inside the noise."
    )
    assert gates.verdict([good, bad, noisy, bad._replace(gate="e")]) == (
        "2 of 4 gates FAIL: floor `c.d`, e. The bounds are in params.yaml under gates."
    )


# The command, in a repository with real commits.

GATES = """
gates:
  minimum:
    logistic.accuracy: 0.97
    mlp.notebook.accuracy: 0.99
  max_drop: 1.0
"""
LOGISTIC = {"accuracy": 0.98}
MLP = {"notebook": {"accuracy": 0.995}}
COMPARE = {
    "models": {
        "logistic": {
            "accuracy": interval(0.98),
            "accuracy_unseen": interval(0.97),
            "roc_auc": interval(0.99, 0.005),
            "log_loss": interval(0.08, 0.02),
        },
        "majority_class": {"accuracy": interval(0.75), "roc_auc": None},
    }
}
HEAD = (
    "| gate | this run | floor, or base (interval) | loss in half-widths | verdict |\n"
    "| --- | --- | --- | --- | --- |\n"
)
FLOORS = (
    "| floor `logistic.accuracy` | 0.98 | 0.97 | - | holds |\n"
    "| floor `mlp.notebook.accuracy` | 0.995 | 0.99 | - | holds |\n"
)


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=test", "-c", "user.email=test@localhost", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


def write(folder: Path, stage: str, content: Any) -> None:
    """Write a metrics file; as text, what is given."""
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / "metrics").mkdir(exist_ok=True)
    (folder / f"metrics/{stage}.json").write_text(text, encoding="utf-8", newline="\n")


def commit(folder: Path, name: str) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", name)
    git(folder, "tag", name)


def changed(model: str, score: str, value: Any) -> dict[str, Any]:
    """Return the base's scores with one of them set."""
    scores = COMPARE["models"]
    return {"models": scores | {model: scores[model] | {score: value}}}


@pytest.fixture
def repository(workspace: Workspace) -> Workspace:
    """The code and two floors in git; `base` has metrics, `before` has none to compare with."""
    folder = workspace.path
    own = (folder / "params.yaml").read_text(encoding="utf-8").split("\ngates:")[0] + GATES
    (folder / "params.yaml").write_text(own, encoding="utf-8", newline="\n")
    shutil.copy(ROOT / "Makefile", folder)
    git(folder, "init", "--quiet")
    write(folder, "logistic", LOGISTIC)
    write(folder, "mlp", MLP)
    commit(folder, "before")
    write(folder, "compare", COMPARE)
    commit(folder, "base")
    return workspace


Gate = Callable[..., tuple[int, str, str]]


@pytest.fixture
def gate(
    repository: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Gate:
    """Run the command in this process; return the exit code, what it printed, and its errors."""
    monkeypatch.chdir(repository.path)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["winenet", "gate", *arguments])
        code = 0
        try:
            commands.main()
        except SystemExit as end:
            code = int(end.code or 0)
        return (code, *capsys.readouterr())

    return run


def test_the_floors_alone_are_checked_without_a_base(repository):
    (repository.path / "metrics/compare.json").unlink()
    printed = f"{HEAD}{FLOORS}\n2 of 2 gates hold.\n"
    assert repository.run("winenet", "gate") == (0, printed, "")


def test_broken_on_purpose_by_a_floor(repository):
    write(repository.path, "logistic", {"accuracy": 0.969999})
    code, printed, errors = repository.run("winenet", "gate")
    assert (code, errors) == (1, "")
    assert printed == (
        f"{HEAD}"
        "| floor `logistic.accuracy` | 0.969999 | 0.97 | - | FAILS: below the floor |\n"
        "| floor `mlp.notebook.accuracy` | 0.995 | 0.99 | - | holds |\n"
        "\n1 of 2 gates FAIL: floor `logistic.accuracy`. "
        "The bounds are in params.yaml under gates.\n"
    )


def test_broken_on_purpose_by_missing_metrics(repository):
    write(repository.path, "logistic", {"f1": 0.98})
    (repository.path / "metrics/mlp.json").unlink()
    code, printed, errors = repository.run("winenet", "gate")
    assert (code, errors) == (1, "")
    assert printed == (
        f"{HEAD}"
        "| floor `logistic.accuracy` | - | 0.97 | - | "
        "FAILS: metrics/logistic.json has no accuracy |\n"
        "| floor `mlp.notebook.accuracy` | - | 0.99 | - | "
        "FAILS: metrics/mlp.json is missing; `dvc repro` makes it |\n"
        "\n2 of 2 gates FAIL: floor `logistic.accuracy`, floor `mlp.notebook.accuracy`. "
        "The bounds are in params.yaml under gates.\n"
    )


def test_broken_on_purpose_by_a_real_loss(repository):
    write(repository.path, "compare", changed("logistic", "log_loss", interval(0.11, 0.02)))
    commit(repository.path, "worse")
    code, printed, errors = repository.run("winenet", "gate", "--base", "base")
    assert (code, errors) == (1, "")
    assert printed == (
        f"{HEAD}{FLOORS}"
        "| loss `logistic.accuracy` | 0.98 | 0.98 (0.97 to 0.99) | 0.000 | holds |\n"
        "| loss `logistic.accuracy_unseen` | 0.97 | 0.97 (0.96 to 0.98) | 0.000 | holds |\n"
        "| loss `logistic.roc_auc` | 0.99 | 0.99 (0.985 to 0.995) | 0.000 | holds |\n"
        "| loss `logistic.log_loss` | 0.11 | 0.08 (0.06 to 0.1) | 1.500 | "
        "FAILS: a loss of more than 1.0 |\n"
        "| loss `majority_class.accuracy` | 0.75 | 0.75 (0.74 to 0.76) | 0.000 | holds |\n"
        "\n1 of 7 gates FAIL: loss `logistic.log_loss`. "
        "The bounds are in params.yaml under gates.\n"
    )
    # The same run is no loss against itself, and its floors still hold.
    assert repository.run("winenet", "gate", "--base", "worse")[0] == 0
    assert repository.run("winenet", "gate")[0] == 0


def test_silent_inside_the_noise(repository):
    write(repository.path, "compare", changed("logistic", "accuracy", interval(0.9725)))
    code, printed, errors = repository.run("winenet", "gate", "--base", "base")
    assert (code, errors) == (0, "")
    assert (
        "| loss `logistic.accuracy` | 0.9725 | 0.98 (0.97 to 0.99) | 0.750 | "
        "holds: inside the noise |\n"
    ) in printed
    assert printed.endswith("\n7 of 7 gates hold; 1 of them lost something inside the noise.\n")


def test_the_base_is_what_is_committed_there(gate, repository):
    """Not the working tree, nor the index."""
    write(repository.path, "compare", changed("logistic", "accuracy", interval(0.9)))
    git(repository.path, "add", "--all")
    for name in ("base", "HEAD", "HEAD~0"):
        code, printed, _ = gate("--base", name)
        assert code == 1
        assert "| loss `logistic.accuracy` | 0.9 | 0.98 (0.97 to 0.99) | 8.000 | FAILS" in printed


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"accuracy": NaN}', "logistic.accuracy is NaN, not a finite number"),
        ('{"accuracy": -Infinity}', "logistic.accuracy is -Infinity, not a finite number"),
        ('{"accuracy": 1e999}', "logistic.accuracy is Infinity, not a finite number"),
        ('{"accuracy": null}', "logistic.accuracy is null, not a finite number"),
        ('{"accuracy": true}', "logistic.accuracy is true, not a finite number"),
        ('{"accuracy": "0.98"}', 'logistic.accuracy is "0.98", not a finite number'),
        ("", "metrics/logistic.json cannot be read (Expecting value: line 1 column 1 (char 0));"),
    ],
)
def test_a_floor_s_file_without_a_finite_number_fails(gate, repository, content, told):
    write(repository.path, "logistic", content)
    code, printed, errors = gate()
    assert (code, errors) == (1, "")
    assert f"| floor `logistic.accuracy` | - | 0.97 | - | FAILS: {told}" in printed


def test_nan_in_a_compared_score_fails(gate, repository):
    text = json.dumps(changed("logistic", "accuracy", interval(NAN)))
    assert text.count("NaN") == 3
    write(repository.path, "compare", text)
    code, printed, _ = gate("--base", "base")
    assert code == 1
    assert "FAILS: this run's value is NaN, not a finite number |\n" in printed
    commit(repository.path, "broken")
    write(repository.path, "compare", COMPARE)
    code, printed, _ = gate("--base", "broken")
    assert code == 1
    assert "FAILS: the base's value is NaN, not a finite number |\n" in printed


def test_a_missing_file_of_this_run_fails_against_a_base(gate, repository):
    (repository.path / "metrics/compare.json").unlink()
    code, printed, errors = gate("--base", "base")
    assert (code, errors) == (1, "")
    told = "FAILS: metrics/compare.json is missing; `dvc repro` makes it"
    assert f"{FLOORS}| losses | - | - | - | {told} |\n" in printed


def test_the_floors_and_the_allowed_loss_are_those_of_the_working_tree(gate, repository):
    write(repository.path, "compare", changed("logistic", "accuracy", interval(0.96)))
    assert gate("--base", "base")[0] == 1
    repository.edit("params.yaml", "max_drop: 1.0", "max_drop: 2.0")
    assert gate("--base", "base")[0] == 0
    repository.edit("params.yaml", "logistic.accuracy: 0.97", "logistic.accuracy: 0.99")
    assert gate("--base", "base")[0] == 1


@pytest.mark.parametrize("name", ["nowhere", "", "-x", "--since=yesterday", "base:metrics", "a b"])
def test_a_revision_that_git_does_not_know_is_told(gate, name):
    assert gate(f"--base={name}") == (
        1,
        "",
        f"The base '{name}' is not a revision that git knows here, so losses against it are "
        "unknown. A base is a branch, a tag or a commit: `git branch --all` lists the "
        "branches, `git fetch` gets those of the server.\n",
    )


def test_a_base_without_the_file_is_told(gate):
    assert gate("--base", "before") == (
        1,
        "",
        "The base 'before' has no metrics/compare.json, so losses against it are unknown. A base "
        "is a commit with the results of the stage compare: name a later one with BASE.\n",
    )


NO_SCORES = {
    "a conflict": ("<<<<<<< HEAD\n{}", "Expecting value: line 1 column 1 (char 0)"),
    "half a file": ('{"models": {', "Expecting property name enclosed in double quotes"),
    "another encoding": ('{"models": "\udcff"}', "'utf-8' codec can't decode byte 0xff"),
    "a list": ("[]", "it has no scores by model"),
    "no models": ("{}", "it has no scores by model"),
    "empty models": ('{"models": {}}', "it has no scores by model"),
    "a model of one number": ('{"models": {"logistic": 1}}', "it has no scores by model"),
    "nothing to compare": (
        '{"models": {"logistic": {"accuracy": null, "f1": 0.9}}}',
        "no model has any of the scores accuracy, accuracy_unseen, balanced_accuracy, "
        "matthews_corrcoef, average_precision, roc_auc, log_loss",
    ),
}


@pytest.mark.parametrize(("content", "told"), NO_SCORES.values(), ids=[*NO_SCORES])
def test_a_base_whose_file_is_broken_is_told(gate, repository, content, told):
    path = repository.path / "metrics/compare.json"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    commit(repository.path, "broken")
    code, printed, errors = gate("--base", "broken")
    assert (code, printed) == (1, "")
    start = f"metrics/compare.json of the base 'broken' cannot be used ({told}"
    assert errors.startswith(start)
    assert errors.endswith("A base is a commit of a finished run: name another with BASE.\n")
    assert errors.count("\n") == 1


def test_a_folder_that_is_no_repository_is_told(gate, repository, monkeypatch):
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(repository.path.parent))
    (repository.path / ".git").rename(repository.path / "git")
    code, printed, errors = gate("--base", "base")
    assert (code, printed) == (1, "")
    assert errors.startswith("git cannot read the base (fatal: not a git repository")
    assert errors.endswith(
        "so losses against it are unknown. BASE needs git and a repository; "
        "without it the floors alone are checked.\n"
    )
    assert gate()[0] == 0


def test_a_system_without_git_is_told(gate, monkeypatch, tmp_path_factory):
    monkeypatch.setenv("PATH", str(tmp_path_factory.mktemp("empty")))
    code, printed, errors = gate("--base", "base")
    assert (code, printed) == (1, "")
    assert errors.startswith("git cannot read the base (git: ")
    assert gate()[0] == 0


def test_a_repository_around_the_project_serves_as_well(gate, repository, tmp_path, monkeypatch):
    """The base's file is looked for beside params.yaml, not at the root of git."""
    inner = repository.path / "inner"
    (inner / "metrics").mkdir(parents=True)
    for name in ("params.yaml", *(f"metrics/{one}.json" for one in ("logistic", "mlp", "compare"))):
        shutil.copy(repository.path / name, inner / name)
    commit(repository.path, "nested")
    monkeypatch.chdir(inner)
    assert gate("--base", "nested")[0] == 0
    assert "has no metrics/compare.json" in gate("--base", "base")[2]


def test_faulty_parameters_are_told(gate, repository):
    repository.edit("params.yaml", "max_drop: 1.0", "max_drop: -1")
    code, printed, errors = gate()
    assert (code, printed) == (1, "")
    assert "gates.max_drop: -1 is not valid (the largest allowed drop, in half-widths of" in errors


# make and CI.


# This test run's Python in the place of an environment that make would install.
IN_PLACE = (f"RUN={Path(sys.executable).as_posix()}", "INSTALL=:")


def call(workspace: Workspace, *command: str, **variables: str) -> tuple[int, str, str]:
    """Run a command as if no other make were around it."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    given = workspace.environment(PATH=path)
    for name in ("BASE", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
        given.pop(name, None)
    done = subprocess.run(
        command,
        cwd=workspace.path,
        env=given | variables,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_make_gate_checks_the_floors_and_with_base_the_losses(repository):
    write(repository.path, "compare", changed("logistic", "accuracy", interval(0.9)))
    make = ("make", *IN_PLACE, "gate")
    assert call(repository, *make) == (0, f"{HEAD}{FLOORS}\n2 of 2 gates hold.\n", "")
    code, printed, _ = call(repository, *make, "BASE=base")
    assert code == 2
    assert printed.endswith(
        "\n1 of 7 gates FAIL: loss `logistic.accuracy`. "
        "The bounds are in params.yaml under gates.\n"
    )
    code, printed, errors = call(repository, *make, "BASE=; touch made")
    assert (code, printed) == (2, "")
    assert errors.startswith("The base '; touch made' is not a revision that git knows here")
    assert not (repository.path / "made").exists()


def test_ci_runs_the_gate():
    assert "\nfor target in lint browser test-all verify-quick gate; do\n" in (
        ROOT / ".ci/run"
    ).read_text("utf-8")
