"""Makefile and tools/environment.sh make .venv; the lock files fit together and their inputs."""

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
import zipfile

import pytest
from committed import ROOT

from tools import lock

NAMES = [lock.BASE, *(f"{lock.BASE}-{extra}" for extra in lock.EXTRAS)]
needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def versions(file):
    """Return package -> version of a .in file or a lock, the names as locks spell them."""
    pins = re.findall(r"^([A-Za-z0-9_.-]+)==([^\s;]+)", (ROOT / file).read_text("utf-8"), re.M)
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in pins}


# --- the lock files --------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_lock_was_made_from_its_inputs_as_they_are(name):
    text = (ROOT / f"{name}.lock").read_text("utf-8")
    assert text.startswith(lock.header(name)), "run `make lock`"
    for file in lock.inputs(name):
        pins = versions(file)
        assert pins
        assert pins.items() <= versions(f"{name}.lock").items()


def test_all_locks_fit_into_one_environment():
    base = versions("requirements.lock")
    assert len(base) > 50
    every = {}
    for name in NAMES:
        locked = versions(f"{name}.lock")
        assert base.items() <= locked.items(), name
        for package, version in locked.items():
            assert every.setdefault(package, version) == version, (name, package)


@pytest.mark.parametrize("name", NAMES)
def test_a_lock_holds_hashes_and_no_address_or_path(name):
    lines = (ROOT / f"{name}.lock").read_text("utf-8").splitlines()
    code = [line for line in lines if not line.lstrip().startswith("#")]
    requirement = re.compile(r"[A-Za-z0-9_.-]+==\S+( ; [^/@]+)? \\")
    digest = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")
    assert [
        line for line in code if not (requirement.fullmatch(line) or digest.fullmatch(line))
    ] == []
    assert [line for line in lines if "://" in line or "/" in line or "@" in line] == []


def test_the_supported_pythons_are_the_same_everywhere():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["requires-python"] == ">=3.11,<3.15"
    assert "not (3, 11) <= sys.version_info[:2] <= (3, 14)" in (ROOT / "Makefile").read_text()
    script = (ROOT / "tools/environment.sh").read_text("utf-8")
    assert "3.11.* | 3.12.* | 3.13.* | 3.14.*) ;;" in script
    assert "3.11" in lock.OPTIONS


# --- .venv -----------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    """A folder with the Makefile and a lock of one tiny package, which needs no index."""
    root = tmp_path / "a folder"
    (root / "tools").mkdir(parents=True)
    for name in ("Makefile", "tools/environment.sh"):
        shutil.copy(ROOT / name, root / name)
    write_lock(root, "1.0")
    return root


def write_lock(root, version):
    wheel = root / f"tiny-{version}-py3-none-any.whl"
    info = f"tiny-{version}.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny.py", f"version = {version!r}\n")
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: tiny\nVersion: {version}\n"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (root / "requirements.lock").write_text(f"./{wheel.name} --hash=sha256:{digest}\n", "utf-8")


def started(root, *arguments, python=sys.executable):
    command = [
        "make",
        "--no-print-directory",
        "environment",
        *([f"PYTHON={python}"] if python else []),
        *arguments,
    ]
    # As if no other make were around it.
    variables = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    return subprocess.Popen(
        command,
        cwd=root,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def make(root, **options):
    done = started(root, **options)
    out, errors = done.communicate(timeout=120)
    return done.returncode, out, errors


def tiny(root):
    """Return the version that .venv's Python imports."""
    python = root / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    command = [python, "-c", "import tiny; print(tiny.version)"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@needs_make
@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("exit 1", "does not run, so .venv cannot be made."),
        ("echo 3.9.18", "is Python 3.9.18, for which no packages are locked."),
        ("echo 3.15.0", "is Python 3.15.0, for which no packages are locked."),
    ],
)
def test_a_wrong_python_is_refused_in_one_line(folder, script, message):
    python = folder / "python"
    python.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    python.chmod(0o755)
    code, out, errors = make(folder, python="./python")
    assert (code, out) == (2, "")
    first, *rest = errors.splitlines()
    assert first.startswith(f"PYTHON=./python {message}")
    assert first.endswith("3.11 to 3.14. Select one, for example: make PYTHON=python3.13")
    assert [line for line in rest if not line.startswith("make")] == []
    assert not (folder / ".venv").exists()


@needs_make
@pytest.mark.slow
def test_an_environment_is_made_once_and_again_when_the_lock_changes(folder):
    code, out, errors = make(folder)
    assert (code, errors) == (0, "")
    assert "Installing requirements.lock" in out
    assert tiny(folder) == "1.0"
    assert make(folder) == (0, "", "")
    write_lock(folder, "2.0")
    assert make(folder)[0] == 0
    assert tiny(folder) == "2.0"
    moved = folder.rename(folder.with_name("moved"))
    assert "Making .venv" in make(moved)[1]
    assert tiny(moved) == "2.0"


@needs_make
@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_an_installation_that_was_killed_is_begun_again(folder):
    first = started(folder)
    while not first.stdout.readline().startswith("Installing"):
        time.sleep(0.01)
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    assert (folder / ".venv.making").exists()
    code, out, errors = make(folder)
    assert (code, errors) == (0, "")
    assert "Installing requirements.lock" in out
    assert tiny(folder) == "1.0"
    assert not (folder / ".venv.making").exists()


@needs_make
@pytest.mark.slow
def test_two_at_once_make_one_environment(folder):
    both = [started(folder), started(folder)]
    printed = [process.communicate(timeout=120)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sum("Installing" in out for out in printed) == 1
    assert sum("waiting for it" in out for out in printed) == 1
    assert tiny(folder) == "1.0"


@needs_make
@pytest.mark.slow
def test_a_hash_that_does_not_fit_installs_nothing(folder):
    text = (folder / "requirements.lock").read_text("utf-8")
    (folder / "requirements.lock").write_text(text.replace("sha256:", "sha256:00")[:-3], "utf-8")
    code, _, errors = make(folder)
    assert code == 2
    assert "pip could not install requirements.lock, so .venv is not usable." in errors
    assert not (folder / ".venv/requirements.lock").exists()


@needs_make
def test_help_lists_every_target_with_what_it_does():
    listed = subprocess.run(
        ["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    targets = set(re.findall(r"^  make ([a-z-]+)", listed, flags=re.M))
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text("utf-8"), re.M)[1].split()
    assert targets == {name for name in phony if not name.startswith("environment")}
