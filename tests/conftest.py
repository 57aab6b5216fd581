"""What several test files share: a copy of the repository in which stages can be run and broken.

Pytest reads this file before it imports any test.
"""

import contextlib
import functools
import io
import os
import runpy
import shutil
import subprocess
import sys
import traceback
import warnings
from dataclasses import dataclass
from pathlib import Path

import pytest

# What a person has set for the pipeline must not reach the tests. A browser may be named.
HARMLESS = ("WINENET_BROWSER", "WINENET_CHROMIUM")
FOREIGN = (
    *("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"),
    *("OPENBLAS_CORETYPE", "DVC_NO_ANALYTICS", "PYTHONHASHSEED", "PYTHONUTF8"),
    *("PYTHONIOENCODING", "PYTHONDONTWRITEBYTECODE", "TZ"),
)
for name in [*os.environ]:
    if name in FOREIGN or (name.startswith("WINENET_") and name not in HARMLESS):
        del os.environ[name]
os.environ |= {"LC_ALL": "C.UTF-8", "LANG": "C.UTF-8"}

from committed import ROOT, remove_copy  # noqa: E402
from small_pipeline import finished as finished  # noqa: E402
from small_pipeline import made_once  # noqa: E402

import stages  # noqa: E402
from winenet import runtime  # noqa: E402

# Before any test imports numpy: the last bits of every trained network depend on BLAS.
runtime.pin_blas()

pytest_plugins = ["browser"]  # browser.py, beside this file

COPIED = ("params.yaml", "dvc.yaml", "requirements.lock", "stages", "winenet", "data/raw")
SHORT = {  # so that a search takes a second: two candidates, two folds, two epochs
    "max_iter: 500": "max_iter: 2",
    "cv: 5": "cv: 2",
    "      - [50, 25]\n      - [100, 50]\n      - [100, 100]\n": "      - [3]\n",
    "      - 0.001\n      - 0.01\n      - 0.1\n": "      - 0.001\n      - 0.01\n",
}

SHORTER = {  # so that all models of the comparison are trained in a second
    "[100, 50]": "[4, 3]",
    "[100]": "[5]",
    "  n_seeds: 10\n  random_state: 0 ": "  n_seeds: 2\n  random_state: 41 ",
    "n_repeats: 30": "n_repeats: 3",
    "train_sizes: [0.05, 0.1, 0.25, 0.5, 1.0]": "train_sizes: [0.05, 1.0]",
    "  n_repeats: 5 ": "  n_repeats: 2 ",
    "n_resamples: 5000": "n_resamples: 200",
}


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # the process that began the others ends last
        remove_copy()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow whatever needs a whole pipeline, and begin with the slow ones."""
    for item in items:
        if "finished" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


# Variables that the code reads when it uses them.
IN_PROCESS_VARIABLES = {"WINENET_WORKERS", "WINENET_JOURNAL", "COLUMNS"}


def code_in(folder: Path) -> dict[str, bytes]:
    """Return what `python -m` would run in a folder, and the lock that it checks."""
    files = [folder / "requirements.lock"]
    for name in ("stages", "winenet"):
        files += [file for file in (folder / name).rglob("*") if file.suffix in (".py", ".jinja")]
    return {
        file.relative_to(folder).as_posix(): file.read_bytes() for file in files if file.is_file()
    }


@functools.cache
def code_of_root() -> dict[str, bytes]:
    return code_in(ROOT)


def run_here(
    folder: Path, module: str, *arguments: str, **environment: str
) -> tuple[int, str, str]:
    """Run a module as `python -m` does, but in this process and with the code of this repository.

    What a process starts with is set anew: folder, arguments, variables, warnings, and the
    fingerprints that the stages' guard takes when it is imported.
    """
    out, errors, before = io.StringIO(), io.StringIO(), Path.cwd()
    argv, orig_argv, variables = sys.argv, sys.orig_argv, dict(os.environ)
    at_start = stages.HASHES_AT_START
    try:
        os.chdir(folder)
        os.environ.update(environment)
        sys.argv, sys.orig_argv = [module, *arguments], [sys.executable, "-m", module, *arguments]
        stages.HASHES_AT_START = stages.hash_code_and_params()
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(errors),
        ):
            warnings.resetwarnings()
            for ignored in (DeprecationWarning, PendingDeprecationWarning, ImportWarning):
                warnings.simplefilter("ignore", ignored)  # as Python starts
            warnings.simplefilter("ignore", ResourceWarning)
            sys.modules.pop(module, None)
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        if isinstance(ended.code, str):
            errors.write(f"{ended.code}\n")
    except Exception:  # noqa: BLE001  # as Python itself does at the end of a process
        errors.write(traceback.format_exc())
        code = 1
    finally:
        os.chdir(before)
        sys.argv, sys.orig_argv = argv, orig_argv
        stages.HASHES_AT_START = at_start
        for name in {*os.environ} - {*variables}:
            del os.environ[name]
        os.environ.update(variables)
    return code, out.getvalue(), errors.getvalue()


@dataclass(frozen=True)
class Workspace:
    """A folder that holds what a stage needs."""

    path: Path

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace a text wherever it stands in a file; it must stand there."""
        file = self.path / name
        text = file.read_text(encoding="utf-8")
        assert old in text, f"{old!r} is not in {name}"
        file.write_text(text.replace(old, new), encoding="utf-8", newline="\n")

    def append(self, name: str, text: str) -> None:
        """Add a text at the end of a file."""
        with (self.path / name).open("a", encoding="utf-8", newline="\n") as stream:
            stream.write(text)

    def python(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run Python here as a person would, in a process of its own, and return what it said."""
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.path,
            env=self.environment(**environment),
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )

    def run(self, module: str, *arguments: str, **environment: str) -> tuple[int, str, str]:
        """Run `python -m module`; return the exit code, what it printed, and its errors.

        It runs in this process where that makes no difference: a new one would first import
        scikit-learn for a second. A folder whose code was edited, and variables that count before
        numpy is imported, get a process of their own; so does `process="own"`.
        """
        elsewhere = environment.pop("process", None) == "own"
        elsewhere |= module.partition(".")[0] not in ("stages", "winenet")
        if elsewhere or {*environment} - IN_PROCESS_VARIABLES or self.code() != code_of_root():
            ended = self.python("-m", module, *arguments, **environment)
            return ended.returncode, ended.stdout, ended.stderr
        return run_here(self.path, module, *arguments, **environment)

    def code(self) -> dict[str, bytes]:
        """Return the code that a stage or a command runs here."""
        return code_in(self.path)

    def environment(self, **changes: str) -> dict[str, str]:
        """Return the environment of a process here; it leaves no bytecode behind."""
        return os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1"} | changes

    def files(self) -> dict[str, bytes]:
        """Return every file with its content; the journal is a memory and no result."""
        return {
            file.relative_to(self.path).as_posix(): file.read_bytes()
            for file in self.path.rglob("*")
            if file.is_file() and not {".winenet", "__pycache__"} & {*file.parts}
        }


def copy_to(path: Path) -> Workspace:
    """Copy what a stage needs."""
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, path / name)  # with bytecode, which takes time to make
        else:
            shutil.copy(ROOT / name, path / name)
    return Workspace(path)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A fresh copy of the repository's code, parameters and raw files."""
    return copy_to(tmp_path)


@pytest.fixture(scope="session")
def after_split(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A copy in which `ingest` and `split` have run, as committed; a test must not change it."""

    def make(folder: Path) -> None:
        prepared = copy_to(folder)
        for stage in ("ingest", "split"):
            code, _, errors = prepared.run(f"stages.{stage}")
            assert (code, errors) == (0, ""), stage

    return Workspace(made_once(tmp_path_factory, "after_split", make))


@pytest.fixture
def split_workspace(after_split: Workspace, tmp_path: Path) -> Workspace:
    """A fresh copy in which `ingest` and `split` have run; the training is cut short."""
    shutil.copytree(after_split.path, tmp_path, dirs_exist_ok=True)
    short = Workspace(tmp_path)
    for old, new in SHORT.items():
        short.edit("params.yaml", old, new)
    return short


@pytest.fixture(scope="session")
def after_training(after_split: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A copy with all models trained, all of it cut short; a test must not change it."""

    def make(folder: Path) -> None:
        shutil.copytree(after_split.path, folder, dirs_exist_ok=True)
        trained = Workspace(folder)
        for old, new in (SHORT | SHORTER).items():
            trained.edit("params.yaml", old, new)
        for stage in ("logistic", "mlp", "grid_search"):
            code, _, errors = trained.run(f"stages.{stage}", WINENET_WORKERS="1")
            assert (code, errors) == (0, ""), (stage, errors)

    return Workspace(made_once(tmp_path_factory, "after_training", make))


@pytest.fixture
def trained_workspace(after_training: Workspace, tmp_path: Path) -> Workspace:
    """A fresh copy in which the stages before the comparison have run, cut short."""
    shutil.copytree(after_training.path, tmp_path, dirs_exist_ok=True)
    return Workspace(tmp_path)
