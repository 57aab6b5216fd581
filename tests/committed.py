"""The repository as the tests see it: the code of the working folder, the results of HEAD.

A person may have edited params.yaml, run half of a pipeline, or be running one: no test may pass
or fail for that. So `ROOT` is a copy whose params.yaml, dvc.lock, metrics, plots and report are the
committed ones. All processes of a test run share it. Outside of git it is the folder itself.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
COMMITTED = ("params.yaml", "dvc.lock", "metrics/", "plots/", "report/")
VARIABLE = "_TESTS_ROOT"  # by which the other processes learn of the copy


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def names(folder: Path) -> set[str]:
    """Return the files that git tracks in a folder, and those that it does not ignore."""
    listed = git(folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    return {name for name in listed.split("\0") if name}


def make_copy() -> Path:
    """Clone HEAD and lay the working folder's files over it, but for what a pipeline writes."""
    root = Path(tempfile.mkdtemp(prefix="winenet-tests-")).resolve() / "repository"
    git(REPOSITORY, "clone", "--quiet", "--shared", str(REPOSITORY), str(root))
    for name in names(REPOSITORY) | names(root):
        here, there = REPOSITORY / name, root / name
        if name.startswith(COMMITTED):
            continue
        if here.is_file():
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(here, there)
        elif there.is_file():
            there.unlink()
    check = [sys.executable, "-c", "from winenet import params; params.load()"]
    if subprocess.run(check, cwd=root, capture_output=True, check=False).returncode:
        # The schema is being changed: only the working folder's parameters can fit it.
        shutil.copy2(REPOSITORY / "params.yaml", root / "params.yaml")
    return root


def find_root() -> Path:
    if VARIABLE in os.environ:
        return Path(os.environ[VARIABLE])
    try:
        root = make_copy()
    except (OSError, subprocess.CalledProcessError):
        return REPOSITORY
    os.environ[VARIABLE] = str(root)
    return root


def remove_copy() -> None:
    """Remove the copy; the process that has made it calls this at its end."""
    if os.environ.pop(VARIABLE, None) and ROOT != REPOSITORY:
        shutil.rmtree(ROOT.parent, ignore_errors=True)


ROOT = find_root()
