"""Provokes the guard around a stage, and its errors, in real processes.

Whatever changes while a stage runs must not end as an old result under a new name.
"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Workspace

WHAT_CHANGES = {
    "params.yaml": "\n# another value\n",
    "winenet/data.py": "\n# other code\n",
    "data/raw/winequality-red.csv": "7.4;0.7;0;1.9;0.076;11;34;0.9978;3.51;0.56;9.4;5\n",
}
NUMERICS = "import os, stages; print({k: os.environ.get(k) for k in ('OPENBLAS_NUM_THREADS', "
NUMERICS += "'OMP_NUM_THREADS', 'OPENBLAS_CORETYPE')})"


def change_while_running(workspace: Workspace, name: str, addition: str) -> None:
    """Let the stage itself append to a file once it has read everything."""
    line = f"    with open({name!r}, 'a', encoding='utf-8', newline='') as stream:\n"
    line += f"        stream.write({addition!r})\n"
    workspace.edit(
        "stages/ingest.py",
        '    files.write_exact("data/table.csv", table)\n',
        f'{line}    files.write_exact("data/table.csv", table)\n',
    )


def test_a_stage_that_nothing_disturbs_ends_well(workspace: Workspace) -> None:
    code, printed, errors = workspace.run("stages.ingest")
    assert (code, errors) == (0, "")
    assert printed == (
        "ingest: joined 2 files into 6497 rows of 12 features and Class (data/table.csv)\n"
    )


@pytest.mark.parametrize(("name", "addition"), WHAT_CHANGES.items(), ids=list(WHAT_CHANGES))
def test_a_change_while_a_stage_runs_ends_it(
    workspace: Workspace, name: str, addition: str
) -> None:
    change_while_running(workspace, name, addition)
    code, _, errors = workspace.run("stages.ingest")
    shown = "data/raw" if name.startswith("data/raw") else name
    assert code == 1
    assert f"ingest: {shown} changed while this stage ran" in errors
    assert "Run `dvc repro` again." in errors
    assert "Traceback" not in errors


def test_a_change_of_what_the_stage_does_not_use_is_let_through(workspace: Workspace) -> None:
    change_while_running(workspace, "winenet/search.py", "\n# other code\n")
    assert workspace.run("stages.ingest")[0] == 0


@pytest.mark.parametrize("command", ["stages.ingest", "winenet"], ids=["stage", "check"])
def test_a_fault_in_params_is_told_without_a_traceback_and_nothing_is_written(
    workspace: Workspace, command: str
) -> None:
    workspace.edit("params.yaml", "test_size: 0.2", "test_size: 1.5")
    workspace.edit("params.yaml", "solver: liblinear", "sovler: liblinear")
    before = workspace.files()
    code, _, errors = workspace.run(command, *(["check"] if command == "winenet" else []))
    assert code == 1
    assert "split.test_size: 1.5 cannot serve as the share of the rows" in errors
    assert "logistic.sovler: unknown key; did you mean 'solver'?" in errors
    assert "Traceback" not in errors
    assert workspace.files() == before


@pytest.mark.parametrize("command", ["stages.ingest", "winenet"], ids=["stage", "check"])
def test_faults_of_the_raw_files_are_told_together(workspace: Workspace, command: str) -> None:
    (workspace.path / "data/raw/winequality-red.csv").unlink()
    workspace.edit("data/raw/winequality-white.csv", '"pH"', '"ph"')
    before = workspace.files()
    code, _, errors = workspace.run(command, *(["check"] if command == "winenet" else []))
    assert code == 1
    assert "data/raw/winequality-red.csv: missing" in errors
    assert "column 'ph' is not expected; did you mean 'pH'?" in errors
    assert "Traceback" not in errors
    assert workspace.files() == before


def test_a_failing_stage_names_the_way_back(workspace: Workspace) -> None:
    (workspace.path / "data/raw/winequality-red.csv").unlink()
    errors = workspace.run("stages.ingest")[2]
    assert "`git checkout -- metrics plots report dvc.lock && dvc checkout`" in errors


def test_a_missing_table_names_the_way_to_make_it(workspace: Workspace) -> None:
    code, _, errors = workspace.run("stages.split")
    assert code == 1
    assert "data/table.csv is missing" in errors
    assert "`dvc repro` makes it again" in errors


def test_a_stage_outside_the_root_says_where_to_start_it(
    workspace: Workspace, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    ended = subprocess.run(
        [sys.executable, "-m", "stages.ingest"],
        cwd=elsewhere,
        env=workspace.environment(PYTHONPATH=str(workspace.path)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert "Start it from the root of the repository" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_an_interrupted_stage_ends_with_one_line(workspace: Workspace) -> None:
    """Ctrl-C arrives in Python as a KeyboardInterrupt."""
    workspace.edit(
        "stages/ingest.py",
        "    settings = params.load().ingest\n",
        "    raise KeyboardInterrupt\n    settings = params.load().ingest\n",
    )
    code, _, errors = workspace.run("stages.ingest")
    assert code == 1
    assert "interrupted, so the stage was not finished" in errors
    assert "Traceback" not in errors


def test_the_numerics_are_settled_in_place_of_what_the_environment_holds(
    workspace: Workspace,
) -> None:
    held = {"OPENBLAS_NUM_THREADS": "7", "OMP_NUM_THREADS": "7", "OPENBLAS_CORETYPE": "Nehalem"}
    ended = workspace.python("-c", NUMERICS, WINENET_NUMERICS="", **held)
    settled = ast.literal_eval(ended.stdout)
    assert settled["OPENBLAS_NUM_THREADS"] == settled["OMP_NUM_THREADS"] == "1"
    assert settled["OPENBLAS_CORETYPE"] == stages_kernel(workspace)


def stages_kernel(workspace: Workspace) -> str:
    """Return the kernel that this processor should get when the environment names another."""
    asked = "import stages; print(stages._has_avx2_and_fma())"
    return "Haswell" if workspace.python("-c", asked).stdout.strip() == "True" else "Nehalem"


def test_native_numerics_leave_the_environment_alone(workspace: Workspace) -> None:
    held = {"OPENBLAS_NUM_THREADS": "7", "OMP_NUM_THREADS": "7", "OPENBLAS_CORETYPE": "Nehalem"}
    ended = workspace.python("-c", NUMERICS, WINENET_NUMERICS="native", **held)
    assert ast.literal_eval(ended.stdout) == held


def test_importing_winenet_changes_no_numerics(workspace: Workspace) -> None:
    code = "import os; before = dict(os.environ); import winenet.search, winenet.report; "
    code += "changed = {k for k in os.environ if os.environ[k] != before.get(k)}; "
    code += "print([k for k in changed if k.endswith('_THREADS') or k.startswith('OPENBLAS')])"
    assert workspace.python("-c", code).stdout.strip() == "[]"
