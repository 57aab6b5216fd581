"""The wheel holds the package alone, and works where numpy, scipy and scikit-learn are alone, too.

The library's names are also tested here: each is brought when it is first asked for.
"""

import ast
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from email import message_from_string
from pathlib import Path

import pytest
from committed import ROOT
from packaging.requirements import Requirement

import winenet
from winenet import __main__ as commands

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
CORE = {"numpy", "scikit-learn", "scipy"}
# joblib and threadpoolctl are scikit-learn's own requirements.
CORE_MODULES = {"numpy", "scipy", "sklearn", "joblib", "threadpoolctl"}
OPTIONAL = {"onnx", "onnxruntime", "openpyxl"}  # where one is missing, a message says so
PACKAGES = {  # where module and package differ, or one brings the other
    "dask": "distributed",
    "markdown_it": "markdown-it-py",
    "markupsafe": "jinja2",
    "pydantic_core": "pydantic",
    "yaml": "pyyaml",
}

SCRIPT = """
import json, sys
from importlib.util import find_spec

from sklearn.datasets import load_wine
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

import winenet
from winenet import DenseClassifier, DenseGridSearchCV

X, y = load_wine(return_X_y=True)
found = []
for network in (DenseClassifier, MLPClassifier):
    steps = [("scale", StandardScaler()), ("network", network(max_iter=1000, random_state=0))]
    grid = {
        "network__hidden_layer_sizes": [(5,), (10, 5)],
        "network__learning_rate_init": [0.01, 0.03],
    }
    search = GridSearchCV(Pipeline(steps), grid, cv=3, error_score="raise").fit(X, y)
    found.append({
        "winner": search.best_params_,
        "scores": search.cv_results_["mean_test_score"].tolist(),
        "predictions": search.predict(X).tolist(),
    })
sizes = {"hidden_layer_sizes": [(5,), (10, 5)]}
network = DenseClassifier(max_iter=1000, learning_rate_init=0.01, random_state=0)
own = DenseGridSearchCV(network, sizes, cv=3).fit(StandardScaler().fit_transform(X), y)
modules = ["pandas", "pydantic", "yaml", "matplotlib", "jinja2", "dvc", "tqdm"]
modules += ["safetensors", "stages", "tools"]
print(json.dumps({
    "ours": found[0],
    "theirs": found[1],
    "right": search.score(X, y),
    "own": own.best_score_,
    "file": winenet.__file__,
    "there": [name for name in modules if find_spec(name)],
    "asked": [name for name in sys.path if name],
}))
"""


# What would let this test run's packages into another environment.
FOREIGN = ("PYTHONHOME", "PYTHONPATH", "PYTHONSAFEPATH", "PIP_USER", "PIP_TARGET", "PIP_PREFIX")


def locked_versions(lock):
    """Return package -> version as a lock says."""
    text = (ROOT / lock).read_text("utf-8")
    return dict(re.findall(r"^([A-Za-z0-9_.-]+)==([^\s;]+)", text, re.M))


def python_of(folder):
    """Return the Python of a folder's .venv."""
    return folder / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def run(*command, folder, code=0):
    """Run a command with nothing of this test run's Python in its way; return what it prints."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name not in FOREIGN},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout, done.stderr


def tracked():
    """Return the path of each file that is in git and in the working tree."""
    command = ["git", "ls-files", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return [name for name in listed.split("\0") if name and (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the wheel from a copy of the tracked files; this needs no package index."""
    folder = tmp_path_factory.mktemp("source")
    for name in tracked():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
    pip = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index"]
    run(*pip, "--wheel-dir", folder / "wheels", folder, folder=folder)
    [built] = (folder / "wheels").iterdir()
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Install the wheel into a new environment; return the folder that holds its .venv.

    What the wheel asks for comes from the package index or from pip's cache, in the versions of
    requirements.lock.
    """
    folder = tmp_path_factory.mktemp("elsewhere").resolve()
    assert not folder.is_relative_to(ROOT.resolve())
    run(sys.executable, "-m", "venv", ".venv", folder=folder)
    versions = locked_versions("requirements.lock")
    pins = "".join(f"{name}=={version}\n" for name, version in versions.items())
    (folder / "versions.txt").write_text(pins, "utf-8")
    pip = [python_of(folder), "-m", "pip", "install", "--no-input", "--quiet"]
    limits = ["--only-binary", ":all:", "--constraint", "versions.txt"]
    run(*pip, *limits, wheel, folder=folder)
    return folder


# ---- what is in the wheel


@pytest.mark.slow
def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    version = PROJECT["version"]
    assert wheel.name == f"winenet-{version}-py3-none-any.whl"
    package = {name for name in tracked() if name.startswith("winenet/")}
    assert {"winenet/network/classifier.py", "winenet/report/templates/report.md.jinja"} < package
    about = {"METADATA", "RECORD", "WHEEL", "licenses/LICENSE", "top_level.txt"}
    with zipfile.ZipFile(wheel) as archive:
        files = set(archive.namelist())
    assert files == package | {f"winenet-{version}.dist-info/{name}" for name in about}


@pytest.mark.slow
def test_the_wheel_asks_for_three_packages_and_has_four_extras(wheel):
    with zipfile.ZipFile(wheel) as archive:
        [metadata] = [name for name in archive.namelist() if name.endswith("/METADATA")]
        head = message_from_string(archive.read(metadata).decode())
    asked = [Requirement(line) for line in head.get_all("Requires-Dist")]
    always = {str(one) for one in asked if one.marker is None}
    extra = {one.name for one in asked if one.marker is not None}
    assert always == {"numpy<3,>=2.0", "scikit-learn<1.10,>=1.9", "scipy<2,>=1.15"}
    own = {"distributed": "cluster", "onnx": "onnx", "onnxruntime": "onnx", "openpyxl": "excel"}
    assert all(
        str(one.marker) == f'extra == "{own.get(one.name, "pipeline")}"'
        for one in asked
        if one.marker is not None
    )
    assert len(asked) == len(always) + len(extra)
    assert sorted(head.get_all("Provides-Extra")) == ["cluster", "excel", "onnx", "pipeline"]
    assert head["Requires-Python"] == "<3.15,>=3.11"
    assert (head["Version"], head["License-Expression"]) == (PROJECT["version"], "MIT")


def test_the_locked_versions_are_within_the_ranges():
    locked = locked_versions("requirements-dev.lock")
    build = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["build-system"]["requires"]
    extras = itertools.chain(*PROJECT["optional-dependencies"].values())
    for one in map(Requirement, [*PROJECT["dependencies"], *extras, *build]):
        assert one.specifier.contains(locked[one.name]), f"{one} but {locked[one.name]} is locked"


# ---- what the package imports


def needs(module):
    """Return the packages that a module of winenet imports, itself or through another of ours."""
    waiting, seen, found = [module], set(), set()
    while waiting:
        name = waiting.pop()
        file = ROOT.joinpath(*name.split(".")).with_suffix(".py")
        if name in seen or not file.exists():
            continue
        seen.add(name)
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            else:
                continue
            waiting += [name for name in names if name.startswith("winenet.")]
            found |= {name.split(".")[0] for name in names}
    return found - {"winenet"} - sys.stdlib_module_names


def test_every_import_of_the_package_is_a_requirement_or_in_an_extra():
    imported = set().union(
        *(
            needs(".".join(file.relative_to(ROOT).with_suffix("").parts))
            for file in (ROOT / "winenet").rglob("*.py")
        )
    )
    assert {Requirement(one).name for one in PROJECT["dependencies"]} == CORE
    extras = itertools.chain(*PROJECT["optional-dependencies"].values())
    extra = {Requirement(one).name for one in extras}
    named = {PACKAGES.get(name, name) for name in imported - CORE_MODULES}
    assert named == extra


def test_the_library_needs_no_more_than_the_wheel_asks_for():
    assert needs("winenet.network.classifier") <= CORE_MODULES
    without = {"tqdm", "dask", "distributed"}  # which it can do without
    assert needs("winenet.network.search") <= CORE_MODULES | without
    network = [f"winenet.network.{file.stem}" for file in (ROOT / "winenet/network").glob("*.py")]
    assert set().union(*map(needs, network)) <= CORE_MODULES | without


def test_the_commands_know_what_they_need():
    more = needs("winenet.__main__") - CORE_MODULES - OPTIONAL
    # pydantic brings the first, distributed psutil; the bar and the search do without the others.
    more -= {"pydantic_core", "tqdm", "dask", "distributed", "psutil"}
    assert sorted(more) == list(commands.NEEDED)


# ---- the names of the library


def test_a_name_is_brought_from_its_module():
    from winenet import (
        DenseClassifier,
        DenseGridSearchCV,
        DenseHalvingSearchCV,
        DenseRandomizedSearchCV,
        fit_many,
    )
    from winenet.network import classifier, halving, parallel, search

    assert DenseClassifier is classifier.DenseClassifier
    assert DenseClassifier is winenet.DenseClassifier
    assert DenseGridSearchCV is search.DenseGridSearchCV
    assert DenseHalvingSearchCV is halving.DenseHalvingSearchCV
    assert DenseRandomizedSearchCV is search.DenseRandomizedSearchCV
    assert fit_many is parallel.fit_many


def test_the_names_are_listed():
    assert winenet.__all__ == [
        "DenseClassifier",
        "DenseGridSearchCV",
        "DenseHalvingSearchCV",
        "DenseRandomizedSearchCV",
        "fit_many",
    ]
    assert set(winenet.__all__) < set(dir(winenet))


def test_another_name_is_refused_in_python_s_own_words():
    with pytest.raises(AttributeError) as refused:
        winenet.DenseClasifier  # noqa: B018
    assert str(refused.value) == "module 'winenet' has no attribute 'DenseClasifier'"
    with pytest.raises(ImportError, match="cannot import name 'DenseClasifier' from"):
        from winenet import DenseClasifier  # noqa: F401


def test_importing_the_package_imports_nothing_else_of_ours_nor_numpy():
    """A stage settles the numerics before numpy is imported, and depends on what is imported."""
    script = "import sys, winenet; print(sorted(m for m in sys.modules if m[:7] == 'winenet'))"
    script += "; dir(winenet); print('numpy' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["['winenet']", "False"]


# ---- in an empty environment


@pytest.mark.slow
def test_a_grid_search_there_finds_what_mlpclassifier_finds(installed):
    (installed / "script.py").write_text(SCRIPT, "utf-8")
    printed, errors = run(*(python_of(installed), "-W", "error", "script.py"), folder=installed)
    assert errors == ""
    said = json.loads(printed)
    assert Path(said["file"]).resolve().is_relative_to(installed / ".venv")
    assert said["there"] == []
    assert not any(Path(path).resolve().is_relative_to(ROOT.resolve()) for path in said["asked"])
    assert said["ours"] == said["theirs"]
    assert said["right"] > 0.95
    assert said["own"] > 0.9
    assert set(said["ours"]["winner"]) == {
        "network__hidden_layer_sizes",
        "network__learning_rate_init",
    }


@pytest.mark.slow
def test_the_documentation_s_lines_run_there(installed):
    page = (ROOT / "docs" / "how-to" / "library.md").read_text("utf-8")
    lines = re.search(r"```python\n(.*?)```", page, flags=re.DOTALL).group(1)
    (installed / "readme.py").write_text(lines, "utf-8")
    printed, errors = run(*(python_of(installed), "-W", "error", "readme.py"), folder=installed)
    assert errors == ""
    assert float(printed) > 0.95


@pytest.mark.slow
@pytest.mark.parametrize(
    "command", [[], ["check"], ["results"], ["gate"]], ids=lambda words: " ".join(words)
)
def test_a_command_there_ends_with_one_clear_line(installed, command):
    printed, errors = run(
        *(python_of(installed), "-m", "winenet", *command), folder=installed, code=1
    )
    assert printed == ""
    assert errors == (
        "Not installed: jinja2, pandas, pyarrow, pydantic, safetensors, yaml. So `python -m "
        "winenet` cannot run: it serves the pipeline, and the library alone does not need them. "
        "`make` installs them in the repository; elsewhere, `pip install '.[pipeline]'` does.\n"
    )
