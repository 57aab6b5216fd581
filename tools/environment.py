"""Make the project's .venv from the hashed lock files, run commands in it, and renew the locks.

It needs only the standard library, and it starts on Python 3.8 so that it can refuse politely.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT = Path(__file__).resolve().parent.parent
OLDEST, NEWEST = (3, 11), (3, 14)
MAIN = ("requirements.in",)
DEV = ("requirements.in", "requirements-dev.in")
NOTEBOOK = ("requirements.in", "requirements-notebook.in")
CLUSTER = ("requirements.in", "requirements-cluster.in")
# In this order each lock agrees with those before it: all may be installed into one .venv.
INPUTS = {
    "requirements.lock": MAIN,
    "requirements-dev.lock": DEV,
    "requirements-notebook.lock": NOTEBOOK,
    "requirements-cluster.lock": CLUSTER,
}
# One version of each package for every Python, and no address: see `uv pip compile --help`.
UV_OPTIONS = [
    *("--universal", "--python-version", "3.11", "--fork-strategy", "fewest"),
    *("--generate-hashes", "--no-emit-index-url", "--no-emit-find-links"),
    *("--no-header", "--quiet"),
]
# What was tested is the ready-made wheel: pip must not compile numpy when it finds none that fits.
# One pure Python package (dvc -> hydra-core -> antlr4) has never had a wheel.
WHEELS_ONLY = ["--only-binary", ":all:", "--no-binary", "antlr4-python3-runtime"]


class SetupError(Exception):
    """A fault that the person at the keyboard can mend; its text says how."""


class Stamp(NamedTuple):
    """What a finished .venv was made from; it is written last, so a killed run leaves none."""

    python: str
    root: str
    locks: Mapping[str, str]


# --- what is asked for -----------------------------------------------------------------------


def check_python(version: tuple[int, int]) -> None:
    """Refuse a Python that the locks are not made for."""
    if OLDEST <= version <= NEWEST:
        return
    raise SetupError(
        f"Python {dotted(version)} cannot run winenet: the locked packages are made for Python "
        f"{dotted(OLDEST)} to {dotted(NEWEST)}. Choose one of these, for example "
        "`make PYTHON=python3.13`."
    )


def dotted(version: tuple[int, int]) -> str:
    """Return (3, 11) as '3.11'."""
    return f"{version[0]}.{version[1]}"


def file_hash(path: Path) -> str:
    """Return the sha256 of a text file; line ends count as LF, whatever git or an editor made."""
    return hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()


def header(root: Path, lock: str) -> str:
    """Return the comment that opens a lock: how it is made, and the sha256 of each input."""
    inputs = INPUTS[lock]
    lines = [
        f"# Made by `make lock` from {' and '.join(inputs)}; do not edit.",
        "# `make` refuses this file when an input no longer has the sha256 that stands here.",
        *(f"# sha256 of {name}: {file_hash(root / name)}" for name in inputs),
    ]
    return "\n".join(lines) + "\n"


def check_lock(root: Path, lock: str) -> None:
    """Refuse a lock that is missing or was made from other inputs than those that stand there."""
    path = root / lock
    if not path.is_file():
        raise SetupError(
            f"{lock} is missing, so nobody knows which versions to install. "
            "Bring it back with `git checkout`, or run `make lock`."
        )
    recorded = dict(
        re.findall(r"^# sha256 of (\S+): ([0-9a-f]{64})$", path.read_text("utf-8"), re.M)
    )
    for name in INPUTS[lock]:
        if recorded.get(name) != file_hash(root / name):
            raise SetupError(
                f"{name} changed after {lock} was made (sha256 {file_hash(root / name)[:12]} "
                f"instead of {recorded.get(name, 'none')[:12]}): the lock would install other "
                f"packages than {name} asks for. Run `make lock`."
            )


def wanted_locks(extra: str | None) -> tuple[str, ...]:
    """Return the locks to install, the base first. extra: "dev", "notebook", "cluster" or none."""
    base = "requirements.lock"
    return (base,) if extra is None else (base, f"requirements-{extra}.lock")


# --- what is there ---------------------------------------------------------------------------


def venv_bin(root: Path) -> Path:
    """Return the folder of .venv that holds its programs."""
    return root / ".venv" / ("Scripts" if os.name == "nt" else "bin")


def venv_python(root: Path) -> Path:
    """Return the Python of .venv."""
    return venv_bin(root) / ("python.exe" if os.name == "nt" else "python")


def stamp_path(root: Path) -> Path:
    """Return where the stamp of a finished .venv stands: inside, so that both go together."""
    return root / ".venv" / "winenet-stamp.json"


def read_stamp(root: Path) -> Stamp | None:
    """Return the stamp, or None when there is no finished .venv."""
    try:
        return Stamp(**json.loads(stamp_path(root).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def write_stamp(root: Path, stamp: Stamp) -> None:
    """Write the stamp in one step: a half-written one never exists."""
    draft = stamp_path(root).with_suffix(".draft")
    draft.write_text(json.dumps(stamp._asdict(), indent=1), "utf-8")
    draft.replace(stamp_path(root))


def usable_stamp(root: Path) -> Stamp | None:
    """Return the stamp of a .venv whose Python still runs and is the one that it was made with."""
    stamp = read_stamp(root)
    return stamp if stamp is not None and python_of_venv(root) == stamp.python else None


def python_of_venv(root: Path) -> str | None:
    """Return the version of .venv's Python, or None when it does not run (any more)."""
    command = [str(venv_python(root)), "-c", "import platform; print(platform.python_version())"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def missing_locks(have: Stamp | None, want: Stamp) -> list[str] | None:
    """Return the locks still to be installed, or None when .venv has to be made from the start.

    Each other lock holds all of the base lock, and what two of them share, at the same versions:
    adding one is enough, and an environment that has several serves all their purposes.
    """
    if have is None or (have.python, have.root) != (want.python, want.root):
        return None
    if any(have.locks.get(lock, digest) != digest for lock, digest in want.locks.items()):
        return None
    return [lock for lock in want.locks if lock not in have.locks]


# --- making it -------------------------------------------------------------------------------


def make(root: Path, *, extra: str | None, chosen: bool) -> None:
    """Bring .venv to what the locks say; do nothing when it is there already.

    extra: see `wanted_locks`. chosen: the person named the Python, so a .venv of another one is
    replaced; otherwise a finished .venv stays with the Python that it was made with.
    """
    check_python(sys.version_info[:2])
    locks = wanted_locks(extra)
    for lock in locks:
        check_lock(root, lock)
    with one_at_a_time(root):
        have = usable_stamp(root)
        python = platform.python_version() if chosen or have is None else have.python
        want = Stamp(python, str(root), {lock: file_hash(root / lock) for lock in locks})
        missing = missing_locks(have, want)
        if missing == []:
            return
        if have is None or missing is None:
            create_venv(root)
            have = Stamp(platform.python_version(), str(root), {})
        # Without a stamp an interrupted installation is never taken for a finished one.
        stamp_path(root).unlink(missing_ok=True)
        # The last lock holds all of those before it: one installation is enough.
        install(root, locks[-1])
        write_stamp(root, have._replace(locks={**have.locks, **want.locks}))


def create_venv(root: Path) -> None:
    """Make an empty .venv with pip, in place of what stands there."""
    say(f"Making .venv with Python {platform.python_version()}.")
    stamp_path(root).unlink(missing_ok=True)
    try:
        venv.create(root / ".venv", clear=True, symlinks=os.name != "nt", with_pip=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SetupError(
            f"Python {platform.python_version()} could not make .venv ({error}), so nothing can be "
            "installed. It needs its venv and ensurepip modules (on Debian and Ubuntu: the package "
            "python3-venv) and a folder that it may write to; or choose another Python, for "
            "example `make PYTHON=python3.13`."
        ) from error


def install(root: Path, lock: str) -> None:
    """Install a lock with pip, which refuses every file whose sha256 is not in it."""
    say(f"Installing {lock} into .venv; the first time this takes a minute or two.")
    command = [str(venv_python(root)), "-m", "pip", "install", "--require-hashes", "-r", lock]
    command += [*WHEELS_ONLY, "--quiet", "--no-input", "--disable-pip-version-check"]
    done = subprocess.run(
        command,
        cwd=root,
        env=own_variables(root, os.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        raise SetupError(
            f"pip could not install {lock} (exit code {done.returncode}), so .venv is not usable. "
            "Its last words:\n" + "\n".join("    " + line for line in tail(done.stdout)) + "\n"
            "Check the connection to the package index and the space on the disk, then run the "
            "same command again. `No matching distribution` means that no file there is one that "
            "was locked and fits this system; if a hash does not fit, find out why before you run "
            "`make lock`."
        )


def tail(text: str, lines: int = 15) -> list[str]:
    """Return the last lines of a program's output."""
    return text.strip().splitlines()[-lines:]


@contextlib.contextmanager
def one_at_a_time(root: Path) -> Iterator[None]:
    """Hold a lock that the operating system lets go of when this process ends, however it ends."""
    with (root / ".venv.lock").open("a+b") as handle:
        wait_for(handle.fileno())
        yield


if sys.platform == "win32":
    import msvcrt
    import time

    def wait_for(descriptor: int) -> None:
        """Wait until no other process makes .venv (Windows gives up by itself: ask again)."""
        told = False
        while not try_to_lock(descriptor):
            if not told:
                say("Another process is making .venv; waiting for it.")
                told = True
            time.sleep(0.2)

    def try_to_lock(descriptor: int) -> bool:
        """Lock the first byte and return True, or return False when another process has it."""
        os.lseek(descriptor, 0, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def wait_for(descriptor: int) -> None:
        """Wait until no other process makes .venv."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another process is making .venv; waiting for it.")
            fcntl.flock(descriptor, fcntl.LOCK_EX)


# --- using it --------------------------------------------------------------------------------


def own_variables(root: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables with .venv's programs first, and without what lets others' code in."""
    # PYTHONSAFEPATH would keep `python -m stages.x` from finding the stages.
    foreign = {"PYTHONHOME", "PYTHONPATH", "PYTHONSAFEPATH", "PIP_USER", "PIP_TARGET", "PIP_PREFIX"}
    own = {name: value for name, value in environment.items() if name not in foreign}
    own["PATH"] = os.pathsep.join([str(venv_bin(root)), environment.get("PATH", os.defpath)])
    own["VIRTUAL_ENV"] = str(root / ".venv")
    return own


def run(root: Path, command: Sequence[str]) -> int:
    """Run a command with .venv's Python first on the path; return its exit code."""
    if read_stamp(root) is None:
        raise SetupError(
            f"There is no finished .venv, so `{' '.join(command)}` cannot run. Run `make` first."
        )
    variables = own_variables(root, os.environ)
    program = shutil.which(command[0], path=variables["PATH"])
    if program is None:
        raise SetupError(
            f"`{command[0]}` is neither in .venv nor on the PATH, so it cannot run. "
            "Add it to requirements-dev.in and run `make lock`."
        )
    print("$", *command, file=sys.stderr, flush=True)  # the output proper may go to a file
    if os.name != "nt":
        # The command takes this process's place, so that signals reach it: nothing lies between.
        os.execve(program, [program, *command[1:]], variables)
    return subprocess.run([program, *command[1:]], env=variables, check=False).returncode


# --- renewing the locks ----------------------------------------------------------------------


def lock(root: Path) -> None:
    """Write all locks anew; versions that still fit the inputs stay as they are.

    uv comes from a small environment of its own: .venv may not be there, or not be fit, yet.
    """
    check_python(sys.version_info[:2])
    with tempfile.TemporaryDirectory(prefix="winenet-lock-") as folder:
        uv = install_uv(Path(folder), uv_pin(root))
        for name in INPUTS:
            write_lock(root, name, uv)
            say(f"{name} holds {len(locked_versions(root / name))} packages.")


def uv_pin(root: Path) -> str:
    """Return uv's requirement as requirements-dev.in pins it."""
    found = re.search(r"^uv==\S+", (root / "requirements-dev.in").read_text("utf-8"), re.M)
    if found is None:
        raise SetupError(
            "requirements-dev.in has no line `uv==<version>`, so the locks could come out "
            "differently on each machine. Pin uv there."
        )
    return found.group()


def install_uv(folder: Path, pin: str) -> Path:
    """Install uv into a new environment; return its program."""
    say(f"Installing {pin} to renew the locks.")
    venv.create(folder / ".venv", symlinks=os.name != "nt", with_pip=True)
    command = [str(venv_python(folder)), "-m", "pip", "install", "--quiet", pin]
    call([*command, "--disable-pip-version-check"], folder, f"pip could not install {pin}")
    return venv_bin(folder) / ("uv.exe" if os.name == "nt" else "uv")


def write_lock(root: Path, name: str, uv: Path) -> None:
    """Compile one lock beside the old one, then put it in its place."""
    draft = root / (name + ".draft")
    if (root / name).exists():
        shutil.copyfile(root / name, draft)  # uv keeps the versions that it finds in its output
    command = [str(uv), "pip", "compile", *UV_OPTIONS, "--output-file", draft.name]
    for earlier in list(INPUTS)[: list(INPUTS).index(name)]:
        command += ["--constraint", earlier]  # so that all agree on every version
    try:
        call([*command, INPUTS[name][-1]], root, f"uv could not make {name}")
        text = header(root, name) + draft.read_text("utf-8")
        draft.write_bytes(text.encode())
        draft.replace(root / name)
    finally:
        draft.unlink(missing_ok=True)


def call(command: Sequence[str], folder: Path, fault: str) -> None:
    """Run a program in a folder; say what it said when it fails."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = "\n".join("    " + line for line in tail(done.stderr or done.stdout))
        raise SetupError(
            f"{fault} (exit code {done.returncode}), so the locks stay as they are:\n{said}\n"
            "Check the pins in requirements*.in and the connection to the "
            "package index, then run `make lock` again."
        )


def locked_versions(path: Path) -> dict[str, str]:
    """Return package -> version as a lock says."""
    return dict(re.findall(r"^([A-Za-z0-9_.-]+)==([^\s;]+)", path.read_text("utf-8"), re.M))


# --- the command line ------------------------------------------------------------------------


def say(line: str) -> None:
    """Print a line at once, also when the output is a file."""
    print(line, flush=True)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="tools/environment.py", description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    maker = actions.add_parser("make", help="make .venv, or bring it up to date")
    extras = maker.add_mutually_exclusive_group()
    needs = {"dev": "the test suite", "notebook": "JupyterLab", "cluster": "a cluster"}
    for extra, who in needs.items():
        what = f"with what {who} needs"
        extras.add_argument(
            f"--{extra}", dest="extra", action="store_const", const=extra, help=what
        )
    maker.add_argument("--chosen", action="store_true", help="replace a .venv of another Python")
    runner = actions.add_parser("run", help="run a command in .venv")
    runner.add_argument("command", nargs=argparse.REMAINDER)
    actions.add_parser("lock", help="write requirements*.lock anew")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Do what the command line asks for; return the exit code."""
    asked = parse(arguments)
    try:
        if asked.action == "make":
            make(ROOT, extra=asked.extra, chosen=asked.chosen)
        elif asked.action == "lock":
            lock(ROOT)
        else:
            return run(ROOT, asked.command)
    except SetupError as fault:
        print(fault, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
