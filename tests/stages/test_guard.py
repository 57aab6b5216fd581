"""Stages run as people run them: the numerics they settle, the guard around them, and their words.

Most tests run a stage made for them, which does one thing; the last ones run the real stages.
"""

import json
import os
from collections.abc import Callable

import pytest
import yaml

from winenet.runtime import describe_numerics

THREADS = (
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
BROUGHT_ALONG = dict.fromkeys(THREADS, "3") | {"OPENBLAS_CORETYPE": "Sandybridge"}
BACK = "git checkout -- metrics plots report dvc.lock && dvc checkout"
LAST_LINE = f"If dvc removed results, `{BACK}` restores the last committed ones.\n"

# A stage that does what the variable MEANWHILE says while it runs, and AT_IMPORT at its import.
# Compiled first: a text given to exec() makes Python end by the signal itself on an interrupt.
TINY = """
import os
import signal
from pathlib import Path

import stages


def append(path, text="# changed\\n"):
    with Path(path).open("a", encoding="utf-8") as stream:
        stream.write(text)


def main():
    exec(compile(os.environ.get("MEANWHILE", ""), "meanwhile", "exec"))
    stages.log("done")


exec(compile(os.environ.get("AT_IMPORT", ""), "at import", "exec"))
if __name__ == "__main__":
    stages.run(main)
"""
STARTS = f"tiny: {describe_numerics()}\n"  # the first line of each stage
TINY_DEPS = ["stages/__init__.py", "stages/tiny.py", "winenet/errors.py", "data/raw"]

Tiny = Callable[..., tuple[int, str, str]]


@pytest.fixture
def tiny(workspace) -> Tiny:
    """Run the stage `tiny`; what it is to do is given as MEANWHILE or AT_IMPORT."""
    workspace.append("stages/tiny.py", TINY)
    graph = yaml.safe_load((workspace.path / "dvc.yaml").read_text(encoding="utf-8"))
    graph["stages"]["tiny"] = {"cmd": "python -m stages.tiny", "deps": TINY_DEPS}
    (workspace.path / "dvc.yaml").write_text(yaml.safe_dump(graph), encoding="utf-8")
    return lambda **to_do: workspace.run("stages.tiny", **to_do)


# The guard.

NOT_KEPT = (
    " changed while this stage ran, so its results belong to neither the old nor the new state and "
    "are not kept. Run `dvc repro` again.\n"
)


def test_a_stage_whose_inputs_stay_ends_well(tiny):
    assert tiny() == (0, f"{STARTS}tiny: done\n", "")


CHANGES = {
    "the parameters": ("append('params.yaml')", "params.yaml"),
    "the parameters' removal": ("os.remove('params.yaml')", "params.yaml"),
    "the stage": ("append('stages/tiny.py')", "stages/tiny.py"),
    "the runner": ("append('stages/__init__.py')", "stages/__init__.py"),
    "a module": ("append('winenet/errors.py')", "winenet/errors.py"),
    "a file of a folder": ("append('data/raw/winequality-red.csv', '1')", "data/raw"),
    "a new file in a folder": ("append('data/raw/rose.csv')", "data/raw"),
    "a file gone from a folder": ("os.remove('data/raw/winequality-red.csv')", "data/raw"),
    "a file renamed in a folder": (
        "os.rename('data/raw/winequality-red.csv', 'data/raw/red.csv')",
        "data/raw",
    ),
    "several": (
        "append('winenet/errors.py'); append('params.yaml'); append('data/raw/rose.csv')",
        "data/raw, params.yaml, winenet/errors.py",
    ),
}


@pytest.mark.parametrize(("change", "named"), CHANGES.values(), ids=[*CHANGES])
def test_a_change_while_a_stage_runs_ends_it(tiny, change, named):
    code, printed, errors = tiny(MEANWHILE=change)
    assert (code, printed) == (1, f"{STARTS}tiny: done\n")
    assert errors == f"\ntiny: {named}{NOT_KEPT}{LAST_LINE}"


@pytest.mark.parametrize("path", ["params.yaml", "winenet/errors.py", "stages/tiny.py"])
def test_a_change_while_the_modules_are_imported_ends_it(tiny, path):
    code, _, errors = tiny(AT_IMPORT=f"append('{path}')")
    assert (code, errors) == (1, f"\ntiny: {path}{NOT_KEPT}{LAST_LINE}")


@pytest.mark.parametrize(
    "change",
    [
        "append('winenet/network/search.py')",  # no dep of this stage
        "append('README.md')",
        "os.utime('params.yaml', (0, 0)); os.utime('data/raw/winequality-red.csv', (0, 0))",
        "append('params.yaml', ''); Path('winenet/errors.py').touch()",
    ],
)
def test_a_change_that_is_none_of_the_stage_s_inputs_does_not_matter(tiny, change):
    assert tiny(MEANWHILE=change) == (0, f"{STARTS}tiny: done\n", "")


def test_a_real_stage_is_guarded(workspace):
    workspace.append(
        "winenet/files.py",
        "\n_write = write_metrics\n\n\ndef write_metrics(path, metrics):\n"
        "    for name in ('winenet/data/raw_table.py', 'params.yaml'):\n"
        "        with Path(name).open('a', encoding='utf-8') as stream:\n"
        "            stream.write('# changed\\n')\n"
        "    _write(path, metrics)\n",
    )
    code, _, errors = workspace.run("stages.ingest")
    assert code == 1
    assert errors == f"\ningest: params.yaml, winenet/data/raw_table.py{NOT_KEPT}{LAST_LINE}"


# How a stage ends.


def test_an_interrupted_stage_says_so(tiny):
    # A job in the background of a shell inherits that the signal is ignored.
    interrupt = "signal.signal(signal.SIGINT, signal.default_int_handler)"
    assert tiny(MEANWHILE=f"{interrupt}; signal.raise_signal(signal.SIGINT)") == (
        1,
        STARTS,
        f"\ntiny: interrupted, so the stage was not finished.\n{LAST_LINE}",
    )


def test_a_fault_of_the_user_is_told_without_a_traceback(tiny):
    assert tiny(
        MEANWHILE="from winenet.errors import InputError\nraise InputError('pH=9 is much.')"
    ) == (1, STARTS, f"\ntiny: pH=9 is much.\n{LAST_LINE}")


def test_a_file_that_cannot_be_written_is_told_without_a_traceback(tiny):
    assert tiny(MEANWHILE="open('nowhere/file', 'w')") == (
        1,
        STARTS,
        "\ntiny: nowhere/file: No such file or directory, so the stage was not finished. It must "
        "be there, this user must be allowed to use it, and the disk must have room; then run "
        "`dvc repro` again.\n"
        f"{LAST_LINE}",
    )


def test_a_fault_of_winenet_keeps_its_traceback(tiny):
    code, _, errors = tiny(MEANWHILE="1 / 0")
    assert code == 1
    assert errors.startswith("Traceback (most recent call last):\n")
    assert errors.endswith("ZeroDivisionError: division by zero\n")


def test_a_library_s_warning_is_a_line_of_the_stage(tiny):
    assert tiny(MEANWHILE="import warnings; warnings.warn('the fit is poor')") == (
        0,
        f"{STARTS}tiny: note: the fit is poor\ntiny: done\n",
        "",
    )


def test_a_stage_started_elsewhere_says_where_it_belongs(tmp_path, workspace):
    (tmp_path / "elsewhere").mkdir()
    workspace.edit(
        "stages/__init__.py",
        "import hashlib\n",
        "import os; os.chdir('elsewhere')\nimport hashlib\n",
    )
    code, printed, errors = workspace.run("stages.ingest")
    assert (code, printed) == (1, "")
    assert errors == (
        "\ningest: dvc.yaml is not in this folder, so the stage does not know its inputs. "
        f"Start it from the root of the repository.\n{LAST_LINE}"
    )


# Real stages, and the check before them.


def break_parameters(workspace) -> list[str]:
    workspace.edit("params.yaml", "test_size", "tset_size")
    workspace.edit("params.yaml", "cv: 5", "cv: 1")
    return [
        "  split.tset_size: unknown key; did you mean 'test_size'?\n",
        "  grid_search.cv: 1 is not valid (a number of folds",
    ]


def break_yaml(workspace) -> list[str]:
    workspace.edit("params.yaml", "[2.5, 4.5]", "[2.5, 4.5")
    return ["params.yaml is not valid YAML, so no stage was run: while parsing a flow sequence"]


def break_raw_files(workspace) -> list[str]:
    (workspace.path / "data/raw/winequality-red.csv").unlink()
    (workspace.path / "data/raw/winequality-white.csv").write_bytes(b"")
    return [
        "  data/raw/winequality-red.csv: is missing\n",
        "  data/raw/winequality-white.csv: is empty; it needs a header and rows\n",
    ]


@pytest.mark.parametrize("break_it", [break_parameters, break_yaml, break_raw_files])
def test_check_and_stage_tell_the_same_fault_and_touch_nothing(workspace, break_it):
    told = break_it(workspace)
    before = workspace.files()
    checked, stage = workspace.run("winenet", "check"), workspace.run("stages.ingest")
    assert workspace.files() == before
    assert checked[:2] == (1, "")
    assert stage[:2] == (1, f"ingest: {describe_numerics()}\n")
    assert all(fault in checked[2] for fault in told)
    assert stage[2] == f"\ningest: {checked[2]}{LAST_LINE}"
    assert "Traceback" not in checked[2]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("test_size: 0.2", "test_size: 0.0001", "leaves 1 test rows and none of class"),
        ("cv: 5", "cv: 2000", "grid_search.cv=2000 needs at least 2000 training rows of each"),
        (
            "validation_size: 0.2",
            "validation_size: 0.0001",
            "validation_size=0.0001 cannot cut 5197 training rows",
        ),
        (
            "drop_features: [quality]",
            "drop_features: [qualty]",
            "importance.drop_features names 'qualty', so no model can be trained without it: it is "
            "none of the 12 features; did you mean 'quality'?",
        ),
        (
            "train_sizes: [0.05,",
            "train_sizes: [0.0001,",
            "A share of 0.0001 of 5197 training rows cannot be drawn",
        ),
        (
            "train_sizes: [0.05,",
            "train_sizes: [0.09999,",
            "Shares of 0.09999 and 0.1 of 5197 training rows are 519 rows each",
        ),
    ],
)
def test_check_tells_what_params_and_data_do_not_allow_together(workspace, old, new, told):
    workspace.edit("params.yaml", old, new)
    code, printed, errors = workspace.run("winenet", "check")
    assert (code, printed) == (1, "")
    assert told in errors
    assert "Traceback" not in errors


def test_check_of_the_committed_state_finds_nothing_and_touches_nothing(workspace):
    before = workspace.files()
    assert workspace.run("winenet", "check") == (
        0,
        "check: the pipeline fits 198 models (logistic 1, mlp 2, grid_search 51, curves 8, seeds "
        "30, learning_curve 100, importance 4, compare 2); the journal holds none of them yet\n"
        "check: params.yaml and 2 raw files are fit for use (6497 rows, 5197 for training)\n",
        "",
    )
    assert workspace.files() == before


def test_check_notes_what_has_no_effect(workspace):
    workspace.edit("params.yaml", "hidden_layer_sizes: [100]", "momentum: 0.5")
    code, printed, errors = workspace.run("winenet", "check")
    assert (code, errors) == (0, "")
    notes, fits, last = printed.splitlines()
    assert notes == (
        "check: note: mlp.networks.one_hidden_layer.momentum has no effect with solver adam"
    )
    assert fits.startswith("check: the pipeline fits 198 models")
    assert last.endswith("are fit for use (6497 rows, 5197 for training)")


def test_check_tells_all_faults_of_models_at_once_before_any_raw_file_is_read(workspace):
    (workspace.path / "data/raw/winequality-red.csv").unlink()
    workspace.edit("params.yaml", "solver: liblinear", "solver: libliner")
    workspace.edit("params.yaml", "hidden_layer_sizes: [100]", "units: 100")
    workspace.edit("params.yaml", "strategy: prior", "strategy: prir")
    before = workspace.files()
    code, printed, errors = workspace.run("winenet", "check")
    assert (code, printed) == (1, "")
    first, *faults, last = errors.splitlines()
    assert first.startswith("params.yaml has 3 faults, so no stage was run and no result was ")
    assert [fault.partition(": ")[0].strip() for fault in faults] == [
        "logistic.solver",
        "mlp.networks.one_hidden_layer.units",
        "compare.baselines.majority_class.strategy",
    ]
    assert last == "Change params.yaml; `git diff params.yaml` shows what changed."
    assert workspace.files() == before


def test_a_stage_whose_input_is_missing_says_how_it_is_made(workspace):
    code, printed, errors = workspace.run("stages.split")
    assert (code, printed) == (1, f"split: {describe_numerics()}\n")
    assert errors == (
        "\nsplit: data/schema.json is missing, so this stage has nothing to work on. "
        f"`dvc repro` makes it again.\n{LAST_LINE}"
    )


def test_a_stage_says_what_it_read_did_and_wrote(workspace):
    (workspace.path / "data/raw/rose.csv").touch()
    assert workspace.run("stages.ingest") == (
        0,
        f"ingest: {describe_numerics()}\n"
        "ingest: note: data/raw/rose.csv is not listed under ingest.files and was left out\n"
        "ingest: joined 2 files into 6497 rows of 12 features and Class (data/table.csv)\n",
        "",
    )


# The numerics.


def told_by(workspace, code: str, **environment: str) -> dict:
    """Run some lines of Python that leave a mapping named `told`."""
    done = workspace.python("-c", f"{code}\nimport json\nprint(json.dumps(told))", **environment)
    assert done.stderr == ""
    return json.loads(done.stdout)


VARIABLES = f"""
import os
told = {{name: os.environ.get(name) for name in {[*THREADS, "OPENBLAS_CORETYPE"]}}}
"""
# What numpy finds on this processor: level 3 of x86-64 means AVX2 and FMA.
LEVELS = """
import numpy
extensions = numpy.show_config(mode="dicts")["SIMD Extensions"]
told = {"level 3": "X86_V3" in extensions.get("baseline", []) + extensions.get("found", [])}
"""
LIBRARIES = """
import stages, numpy, scipy.linalg, threadpoolctl
blas = [info for info in threadpoolctl.threadpool_info() if info["internal_api"] == "openblas"]
told = {info["filepath"]: [info["num_threads"], info["architecture"]] for info in blas}
"""


@pytest.fixture(scope="module")
def kernel(after_split) -> str:
    """The kernel that a stage is to run with when another was brought along."""
    return "Haswell" if told_by(after_split, LEVELS)["level 3"] else "Sandybridge"


def test_a_stage_runs_with_its_own_threads_and_kernel(after_split, kernel):
    variables = told_by(after_split, f"import stages\n{VARIABLES}", **BROUGHT_ALONG)
    assert variables == dict.fromkeys(THREADS, "1") | {"OPENBLAS_CORETYPE": kernel}


def test_numpy_and_scipy_obey(after_split, kernel):
    libraries = told_by(after_split, LIBRARIES, **BROUGHT_ALONG)
    assert all(found == [1, kernel] for found in libraries.values()), libraries


def test_native_numerics_leave_the_environment_alone(after_split):
    variables = told_by(
        after_split, f"import stages\n{VARIABLES}", WINENET_NUMERICS="native", **BROUGHT_ALONG
    )
    assert variables == BROUGHT_ALONG


def test_each_stage_says_what_it_computes_with(tiny, kernel):
    said = f"tiny: numerics: 1 BLAS thread, OpenBLAS kernel {kernel}\ntiny: done\n"
    assert tiny(**BROUGHT_ALONG) == (0, said, "")


def test_native_numerics_are_told_as_such(workspace):
    code = "import stages; told = stages.describe_numerics()"
    native = {"WINENET_NUMERICS": "native", **BROUGHT_ALONG}
    given = ", ".join(f"{name}={value}" for name, value in BROUGHT_ALONG.items())
    told = f"numerics: native, as the environment has it ({given})"
    assert told_by(workspace, code, **native) == told
    code = f"import os\nfor name in {[*BROUGHT_ALONG]}: os.environ.pop(name, None)\n{code}"
    told = "numerics: native, as the environment has it (nothing set)"
    assert told_by(workspace, code, **native) == told


def test_importing_winenet_never_changes_the_numerics(after_split):
    modules = sorted(
        ".".join(file.relative_to(after_split.path).with_suffix("").parts)
        for file in (after_split.path / "winenet").rglob("[!_]*.py")
    )
    assert "winenet.network.search" in modules
    code = f"import winenet, {', '.join(modules)}\n{VARIABLES}"
    assert told_by(after_split, code, **BROUGHT_ALONG) == BROUGHT_ALONG


def test_the_numerics_of_this_test_run_are_settled():
    """Tests that train networks compare bits; conftest.py sees to it."""
    assert {name: os.environ[name] for name in THREADS} == dict.fromkeys(THREADS, "1")
