"""A small pipeline for several test files, run whole by `dvc repro` in a repository of its own."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from committed import ROOT

STAGES = list(yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"])
SMALL = {
    "handmade": {"epochs": [20, 50], "plot_every": 10, "n_seeds": 3},
    "mlp": {"defaults": {"max_iter": 4, "random_state": 42}},
    "grid_search": {
        "defaults": {"max_iter": 3, "random_state": 42},
        "cv": 2,
        "param_grid": {"hidden_layer_sizes": [[4], [8]], "learning_rate_init": [0.01]},
    },
    "curves": {"epochs": 3},
    "seeds": {"n_seeds": 2},
    "importance": {"n_repeats": 2, "drop_features": ["<script>alert(1)"]},
    "learning_curve": {"train_sizes": [0.05, 0.1], "n_repeats": 2},
    "compare": {"n_resamples": 100},
}
# Columns' names that params.yaml takes, and that must come out harmless everywhere.
NASTY = {
    "chlorides": "`<b>`|*c*, _d_ [e](javascript:alert(1)) ~~f~~ &lt;",
    "sulphates": "<script>alert(1)",
    "pH": 'p"H $\\frac{1}$ --> é',
}


def run(folder: Path, *command: str, code: int = 0, **environment: str) -> str:
    """Run a command as a user would and return all that it prints."""
    # The stages are `python -m ...`: the Python of this test run must be the first on the PATH.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"PATH": path, "WINENET_WORKERS": "1", "COLUMNS": "200"} | environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def dvc(folder: Path, *arguments: str, code: int = 0, **environment: str) -> str:
    return run(folder, sys.executable, "-m", "dvc", *arguments, code=code, **environment)


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=test", "-c", "user.email=test@localhost")
    return run(folder, "git", *who, *arguments)


def commit(folder: Path, message: str) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)


def ran(printed: str) -> list[str]:
    """Return the stages that were really run, in order."""
    return [
        line.split("'")[1] for line in printed.splitlines() if line.startswith("Running stage '")
    ]


def change(folder: Path, section: str, **values: object) -> None:
    """Edit one section of params.yaml, as a user would with an editor."""
    path = folder / "params.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    content[section] |= values
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8", newline="\n")


def outputs(folder: Path) -> dict[str, bytes]:
    """Return every file that the pipeline wrote, and dvc.lock."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in [folder / "dvc.lock", *folder.glob("*/*"), *folder.glob("models/mlp/*")]
        if path.parent.name in ("data", "metrics", "plots", "models", "mlp", "report", folder.name)
        and path.suffix in (".csv", ".json", ".safetensors", ".svg", ".md", ".html", ".lock")
    }


def rename_columns(folder: Path) -> None:
    """Give some columns nasty names, in params.yaml and in the raw files."""
    content = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    columns = {
        NASTY.get(name, name): bounds for name, bounds in content["ingest"]["columns"].items()
    }
    change(folder, "ingest", columns=columns)
    for file in (folder / "data/raw").iterdir():
        header, rows = file.read_text(encoding="utf-8").split("\n", 1)
        for old, new in NASTY.items():
            quoted = new.replace('"', '""')
            assert f'"{old}"' in header
            header = header.replace(f'"{old}"', f'"{quoted}"')
        file.write_text(f"{header}\n{rows}", encoding="utf-8", newline="\n")


def copied(folder: Path) -> Path:
    """Copy the working tree's files into a folder, but for what the stages write."""
    listed = run(ROOT, "git", "ls-files", "--cached", "--others", "--exclude-standard")
    for name in listed.splitlines():
        if (ROOT / name).is_file() and not name.startswith(("metrics/", "plots/", "report/")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def made_once(
    tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]
) -> Path:
    """Return a folder that one of the processes of this test run makes and all of them use."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent  # which the processes share
    folder, finished, failed = (base / f"{name}{end}" for end in ("", ".finished", ".failed"))
    try:
        folder.mkdir()
    except FileExistsError:
        while not finished.exists():
            assert not failed.exists(), f"{name} could not be made; another process says why"
            time.sleep(0.2)
        return folder
    try:
        make(folder)
    except BaseException:
        failed.touch()
        raise
    finished.touch()
    return folder


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of the working tree's files whose small pipeline has been run and committed."""

    def make(folder: Path) -> None:
        copied(folder)
        (folder / "dvc.lock").unlink(missing_ok=True)
        for section, values in SMALL.items():
            change(folder, section, **values)
        rename_columns(folder)
        git(folder, "init", "--quiet")
        assert ran(dvc(folder, "repro")) == STAGES
        commit(folder, "The small pipeline")

    return made_once(tmp_path_factory, "pipeline", make)
