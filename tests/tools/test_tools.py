"""tools/environment.py makes .venv and the locks: what it refuses, what it keeps."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from committed import ROOT

from tools import environment

LOCKS = [
    "requirements.lock",
    "requirements-dev.lock",
    "requirements-notebook.lock",
    "requirements-cluster.lock",
]


def write(path, text):
    """Write the same bytes on every system: Windows would make CRLF of each line end."""
    path.write_bytes(text.encode())


# --- the locks that are committed ------------------------------------------------------------


@pytest.mark.parametrize("lock", LOCKS)
def test_the_committed_lock_fits_its_inputs(lock):
    environment.check_lock(ROOT, lock)


def test_the_other_locks_hold_all_of_the_base_lock_at_the_same_versions():
    base, *others = (environment.locked_versions(ROOT / lock) for lock in LOCKS)
    assert len(base) > 50
    for other in others:
        assert {name: other.get(name) for name in base} == base


@pytest.mark.parametrize(
    ("one", "other", "package"),
    [
        ("dev", "notebook", "ipykernel"),
        ("dev", "cluster", "distributed"),
        ("notebook", "cluster", "tornado"),
    ],
)
def test_two_locks_fit_into_one_environment(one, other, package):
    both = [
        environment.locked_versions(ROOT / f"requirements-{extra}.lock") for extra in (one, other)
    ]
    shared = both[0].keys() & both[1].keys()
    assert package in shared
    first, second = ({name: versions[name] for name in shared} for versions in both)
    assert first == second


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_holds_every_pin_of_its_inputs(lock):
    locked = environment.locked_versions(ROOT / lock)
    for name in environment.INPUTS[lock]:
        pins = environment.locked_versions(ROOT / name)
        assert pins
        named_as_in_locks = {re.sub(r"[-_.]+", "-", pin).lower(): pins[pin] for pin in pins}
        assert {pin: locked.get(pin) for pin in named_as_in_locks} == named_as_in_locks


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_holds_hashes_and_no_address_or_path(lock):
    lines = (ROOT / lock).read_text("utf-8").splitlines()
    code = [line for line in lines if not line.lstrip().startswith("#")]
    requirement = re.compile(r"[A-Za-z0-9_.-]+==\S+( ; [^/@]+)? \\")
    digest = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")
    assert [
        line for line in code if not (requirement.fullmatch(line) or digest.fullmatch(line))
    ] == []
    assert [line for line in lines if "://" in line or "/" in line or "@" in line] == []


def test_the_supported_pythons_are_the_same_everywhere():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    (oldest, newest), after = (environment.OLDEST, environment.NEWEST), environment.NEWEST[1] + 1
    assert project["requires-python"] == f">={environment.dotted(oldest)},<{newest[0]}.{after}"
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert f"not {oldest} <= sys.version_info[:2] <= {newest}" in makefile
    assert "--python-version 3.11" in " ".join(environment.UV_OPTIONS)


# --- what environment.py refuses -------------------------------------------------------------


@pytest.mark.parametrize("version", [(3, 11), (3, 12), (3, 13), (3, 14)])
def test_a_supported_python_is_accepted(version):
    environment.check_python(version)


@pytest.mark.parametrize("version", [(2, 7), (3, 10), (3, 15), (4, 0)])
def test_another_python_is_refused_with_the_choice(version):
    with pytest.raises(environment.SetupError) as refused:
        environment.check_python(version)
    assert str(refused.value) == (
        f"Python {version[0]}.{version[1]} cannot run winenet: the locked packages are made for "
        "Python 3.11 to 3.14. Choose one of these, for example `make PYTHON=python3.13`."
    )


@pytest.fixture
def project(tmp_path):
    """Return a folder with inputs and fitting locks, as `make lock` writes their headers."""
    write(tmp_path / "requirements.in", "numpy==1\n")
    write(tmp_path / "requirements-dev.in", "-r requirements.in\nuv==1\n")
    write(tmp_path / "requirements-notebook.in", "-r requirements.in\njupyterlab==1\n")
    write(tmp_path / "requirements-cluster.in", "-r requirements.in\ndistributed==1\n")
    for lock in LOCKS:
        write(tmp_path / lock, environment.header(tmp_path, lock) + "numpy==1\n")
    return tmp_path


@pytest.mark.parametrize(
    ("changed", "lock"),
    [
        ("requirements.in", "requirements.lock"),
        ("requirements.in", "requirements-dev.lock"),
        ("requirements-dev.in", "requirements-dev.lock"),
        ("requirements-notebook.in", "requirements-notebook.lock"),
        ("requirements-cluster.in", "requirements-cluster.lock"),
    ],
)
def test_a_lock_made_before_its_input_changed_is_refused(project, changed, lock):
    environment.check_lock(project, lock)
    with (project / changed).open("a", encoding="utf-8") as file:
        file.write("# one more line\n")
    with pytest.raises(environment.SetupError, match="changed after") as refused:
        environment.check_lock(project, lock)
    assert str(refused.value).startswith(f"{changed} changed after {lock} was made (sha256 ")
    assert str(refused.value).endswith("Run `make lock`.")


def test_line_ends_of_windows_do_not_change_an_input(project):
    path = project / "requirements.in"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    environment.check_lock(project, "requirements.lock")


def test_a_lock_without_header_and_a_missing_lock_are_refused(project):
    write(project / "requirements.lock", "numpy==1\n")
    with pytest.raises(environment.SetupError, match="Run `make lock`"):
        environment.check_lock(project, "requirements.lock")
    (project / "requirements.lock").unlink()
    with pytest.raises(environment.SetupError, match="is missing"):
        environment.check_lock(project, "requirements.lock")


def test_an_unpinned_uv_is_refused(project):
    assert environment.uv_pin(project) == "uv==1"
    write(project / "requirements-dev.in", "uv>=1\n")
    with pytest.raises(environment.SetupError, match="Pin uv there"):
        environment.uv_pin(project)


# --- when .venv is made, added to, kept ------------------------------------------------------


@pytest.fixture
def log(project, monkeypatch):
    """Replace the two slow steps by entries in a list."""
    done = []

    def create(root):
        done.append("create")
        (root / ".venv").mkdir(exist_ok=True)

    monkeypatch.setattr(environment, "create_venv", create)
    monkeypatch.setattr(environment, "install", lambda _root, lock: done.append(lock))
    version = ".".join(map(str, sys.version_info[:3]))
    monkeypatch.setattr(environment, "python_of_venv", lambda _root: version)
    return done


def made(project, log, *, extra=None, chosen=False):
    """Run `make` once and return what it did."""
    log.clear()
    environment.make(project, extra=extra, chosen=chosen)
    return list(log)


def renew_locks(project, name):
    """Change an input and write the headers anew, as `make lock` does."""
    with (project / name).open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    for lock in LOCKS:
        write(project / lock, environment.header(project, lock) + "numpy==1\n")


def test_the_environment_is_made_once(project, log):
    assert made(project, log) == ["create", "requirements.lock"]
    assert made(project, log) == []
    assert made(project, log, chosen=True) == []


def test_the_tests_only_add_packages_and_make_then_has_nothing_to_do(project, log):
    made(project, log)
    assert made(project, log, extra="dev") == ["requirements-dev.lock"]
    assert made(project, log, extra="dev") == []
    assert made(project, log) == []


def test_an_environment_can_serve_the_tests_and_the_notebook(project, log):
    made(project, log, extra="dev")
    assert made(project, log, extra="notebook") == ["requirements-notebook.lock"]
    assert made(project, log, extra="dev") == []
    assert made(project, log, extra="notebook") == []
    renew_locks(project, "requirements-notebook.in")
    assert made(project, log, extra="dev") == []
    assert made(project, log, extra="notebook") == ["create", "requirements-notebook.lock"]


def test_from_nothing_the_dev_lock_alone_is_installed(project, log):
    assert made(project, log, extra="dev") == ["create", "requirements-dev.lock"]
    assert made(project, log) == []


def test_a_new_lock_makes_the_environment_again(project, log):
    made(project, log, extra="dev")
    renew_locks(project, "requirements.in")
    assert made(project, log) == ["create", "requirements.lock"]


def test_a_new_dev_lock_concerns_only_those_who_need_it(project, log):
    made(project, log, extra="dev")
    renew_locks(project, "requirements-dev.in")
    assert made(project, log) == []
    assert made(project, log, extra="dev") == ["create", "requirements-dev.lock"]


def test_another_python_replaces_the_environment_only_when_it_is_chosen(project, log, monkeypatch):
    made(project, log)
    stamp = environment.read_stamp(project)
    environment.write_stamp(project, stamp._replace(python="3.12.0"))
    monkeypatch.setattr(environment, "python_of_venv", lambda _root: "3.12.0")
    assert made(project, log) == []
    assert made(project, log, chosen=True) == ["create", "requirements.lock"]


def test_an_environment_whose_python_is_gone_or_that_was_moved_is_made_again(
    project, log, monkeypatch
):
    made(project, log)
    stamp = environment.read_stamp(project)
    environment.write_stamp(project, stamp._replace(root="elsewhere"))
    assert made(project, log) == ["create", "requirements.lock"]
    monkeypatch.setattr(environment, "python_of_venv", lambda _root: None)
    assert made(project, log) == ["create", "requirements.lock"]


@pytest.mark.parametrize("extra", [None, "dev"])
def test_a_killed_installation_is_never_taken_for_a_finished_one(project, log, monkeypatch, extra):
    made(project, log)
    if extra is None:
        renew_locks(project, "requirements.in")
    install = environment.install

    def killed(_root, _lock):
        raise KeyboardInterrupt

    monkeypatch.setattr(environment, "install", killed)
    with pytest.raises(KeyboardInterrupt):
        environment.make(project, extra=extra, chosen=False)
    assert environment.read_stamp(project) is None
    monkeypatch.setattr(environment, "install", install)
    assert made(project, log, extra=extra)[0] == "create"


def test_a_half_written_stamp_counts_as_none(project, log):
    made(project, log)
    write(environment.stamp_path(project), '{"python": "3.1')
    assert environment.read_stamp(project) is None
    write(environment.stamp_path(project), '{"python": "3.11.0"}')
    assert environment.read_stamp(project) is None


def test_two_at_once_wait_for_each_other(tmp_path):
    script = (
        "import sys, time; from pathlib import Path; from tools import environment\n"
        "root = Path(sys.argv[1])\n"
        "with environment.one_at_a_time(root), (root / 'log').open('a') as log:\n"
        "    print('in', file=log, flush=True); time.sleep(0.3); print('out', file=log)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    processes = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    said = [process.communicate(timeout=20)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert (tmp_path / "log").read_text("utf-8").split() == ["in", "out", "in", "out"]
    assert "".join(said).count("waiting for it") == 1


def test_pip_s_last_words_are_shown_when_it_fails(project, monkeypatch, capsys):
    monkeypatch.setattr(environment, "venv_python", lambda _root: Path(sys.executable))
    write(project / "requirements.lock", "no requirement\n")
    with pytest.raises(environment.SetupError, match="pip could not install") as refused:
        environment.install(project, "requirements.lock")
    assert "    ERROR: Invalid requirement: 'no requirement'" in str(refused.value)
    assert capsys.readouterr().out.startswith("Installing requirements.lock into .venv")


def test_the_programs_of_the_environment_come_first_and_foreign_code_stays_out(project):
    given = {"PATH": "theirs", "PYTHONPATH": "theirs", "PYTHONSAFEPATH": "1", "HOME": "h"}
    own = environment.own_variables(project, given)
    assert own == {
        "PATH": f"{environment.venv_bin(project)}{os.pathsep}theirs",
        "HOME": "h",
        "VIRTUAL_ENV": str(project / ".venv"),
    }


def test_a_command_without_environment_is_refused(project):
    with pytest.raises(environment.SetupError, match="Run `make` first"):
        environment.run(project, ["python", "-m", "dvc", "repro"])
