"""The variations of `make verify`, and how the run shows that each has taken effect.

Requesting a variation is not enough: tools/probe.py must see it in the run, or the run is refused.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

PROBE = Path(__file__).resolve().with_name("probe.py")
REFUSED = 3  # the exit code by which the probe refuses a run
LOCALE = "tr_TR.UTF-8"  # its decimal point is a comma, and its small I has no dot
SEED = "4242"
OLD = 1_000_000_000  # seconds: September 2001
NOBODY = 65534
ZONES = {"+1345": "WNT-13:45", "-0930": "WNW+09:30"}  # in POSIX's words: they need no files
# Those that report themselves under another name run another one's code, and are left out.
KERNELS = {
    "x86_64": ("Haswell", "SkylakeX", "Sandybridge", "Nehalem", "Katmai"),
    "arm64": ("ARMV8", "NEOVERSEN1", "NEOVERSEV1", "CORTEXA57"),
}


class Variation(NamedTuple):
    """A condition that differs from the caller's shell."""

    name: str
    change: str  # what it is now, and what it was
    expected: Mapping[str, Any] = {}  # what the probe must see
    environment: Mapping[str, str] = {}
    obstacle: str = ""  # why it cannot be varied here


def around(own: Mapping[str, Any], clone: Path) -> list[Variation]:
    """Return the variations of the surroundings, each with another value than the caller's.

    own: what the probe sees without variations. clone: the clone; files that a variation needs are
    created beside it.
    """
    place = clone.parent
    return [
        folder(own, clone),
        time_zone(own),
        locale(own, place),
        umask(own),
        hash_seed(own),
        home(own, place),
        temporary_folder(own, place),
        user(own),
        workers(own),
        file_times(),
    ]


def folder(own: Mapping[str, Any], clone: Path) -> Variation:
    """Return the variation of every run: a fresh clone in another folder."""
    return Variation("folder", f"{clone} instead of {own['folder']}", {"folder": str(clone)})


def time_zone(own: Mapping[str, Any]) -> Variation:
    """Return another offset from UTC."""
    text = "time zone"
    if not hasattr(os, "getuid"):
        return Variation(text, "", obstacle="Windows has no variable for it")
    offset, zone = next((o, z) for o, z in ZONES.items() if o != own[text])
    return Variation(text, f"UTC{offset} instead of {own[text]}", {text: offset}, {"TZ": zone})


def locale(own: Mapping[str, Any], place: Path) -> Variation:
    """Return the Turkish locale, which is compiled if it is not installed."""
    variables = {"LC_ALL": LOCALE, "LANG": LOCALE}
    seen = f"{LOCALE}, 1,5"
    if own["locale"] == seen:
        return Variation("locale", "", obstacle=f"the caller has {LOCALE} already")
    if locale_with(variables) != seen:
        made = place / "locale"
        made.mkdir()
        program = shutil.which("localedef")
        if program is None:
            return Variation(
                "locale", "", obstacle=f"no {LOCALE} here, and no localedef to make it"
            )
        command = [program, "-i", "tr_TR", "-f", "UTF-8", str(made / LOCALE)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        variables["LOCPATH"] = str(made)
        if locale_with(variables) != seen:
            last = (done.stderr.strip().splitlines() or ["it does not say why"])[-1]
            return Variation("locale", "", obstacle=f"localedef cannot make {LOCALE}: {last}")
    text = f"{LOCALE} (1,5) instead of {own['locale'].replace(', ', ' (')})"
    return Variation("locale", text, {"locale": seen}, variables)


def locale_with(variables: Mapping[str, str]) -> str:
    """Return the locale of a program that is started with these variables."""
    code = "import runpy, sys; print(runpy.run_path(sys.argv[1])['locale_seen']())"
    done = subprocess.run(
        [sys.executable, "-c", code, str(PROBE)],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip()


def umask(own: Mapping[str, Any]) -> Variation:
    """Return a umask that denies others access, or one that allows it if the caller's denies it."""
    if not hasattr(os, "getuid"):
        return Variation("umask", "", obstacle="Windows has none")
    value = "0o22" if own["umask"] == "0o77" else "0o77"
    return Variation("umask", f"{value} instead of {own['umask']}", {"umask": value})


def hash_seed(own: Mapping[str, Any]) -> Variation:
    """Return another hash seed, and so another order of Python's sets."""
    command = [sys.executable, "-c", "print(hash('winenet'))"]
    variables = {"PYTHONHASHSEED": SEED}
    done = subprocess.run(
        command, env={**os.environ, **variables}, capture_output=True, text=True, check=True
    )
    if int(done.stdout) == own["hash seed"]:
        return Variation("hash seed", "", obstacle=f"the caller has PYTHONHASHSEED={SEED} already")
    text = f"PYTHONHASHSEED={SEED} instead of {os.environ.get('PYTHONHASHSEED', 'a random one')}"
    return Variation("hash seed", text, {"hash seed": int(done.stdout)}, variables)


def home(own: Mapping[str, Any], place: Path) -> Variation:
    """Return an empty home folder, without the user's settings."""
    path = place / "home"
    path.mkdir()
    name = "USERPROFILE" if os.name == "nt" else "HOME"
    settings = {
        variable: str(path / variable.lower())
        for variable in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "MPLCONFIGDIR")
    }
    text = f"{path}, empty, instead of {own['home']}"
    return Variation("home", text, {"home": str(path)}, {name: str(path), **settings})


def temporary_folder(own: Mapping[str, Any], place: Path) -> Variation:
    """Return another folder for temporary files."""
    path = place / "temporary"
    path.mkdir()
    text = f"{path} instead of {own['temporary folder']}"
    variables = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(path))
    return Variation("temporary folder", text, {"temporary folder": str(path)}, variables)


def user(own: Mapping[str, Any]) -> Variation:
    """Return the user `nobody`, who may read root's files but not write them."""
    if own["user"] != 0:
        return Variation("user", "", obstacle="only root may start a run as another user")
    done = None
    if shutil.which("setpriv"):
        command = [*as_nobody(), sys.executable, "-c", "import os; print(os.getuid())"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done is None or done.stdout.strip() != str(NOBODY):
        why = done.stderr.strip() if done else "it is not installed (package util-linux)"
        return Variation("user", "", obstacle=f"setpriv cannot become another user: {why}")
    return Variation("user", f"{NOBODY} (nobody) instead of 0", {"user": NOBODY})


def as_nobody() -> list[str]:
    """Return the command that runs another one as nobody.

    Python may be installed in root's home, so CAP_DAC_READ_SEARCH is kept.
    """
    rights = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *rights]


def workers(own: Mapping[str, Any]) -> Variation:
    """Return another number of processes."""
    number = 2 if own["workers"] == 3 else 3
    text = f"{number} instead of {own['workers']}"
    return Variation("workers", text, {"workers": number}, {"WINENET_WORKERS": str(number)})


def file_times() -> Variation:
    """Return old modification times, in reverse order."""
    text = f"all before {OLD} s (September 2001), in reverse order, instead of the checkout's"
    return Variation("file times", text, {"file times": OLD})


def kernels(own: Mapping[str, Any], root: Path) -> list[Variation]:
    """Return each BLAS kernel that this machine can run, with native numerics."""
    machine = platform.machine().lower().replace("amd64", "x86_64").replace("aarch64", "arm64")
    result: dict[str, Variation] = {}
    for requested in KERNELS.get(machine, ()):
        variables = {"WINENET_NUMERICS": "native", "OPENBLAS_CORETYPE": requested}
        seen = look(root, {**os.environ, **variables})
        names = seen["kernels"] or [""]
        if names[0].lower() != requested.lower() or len(set(names)) > 1:
            continue  # OpenBLAS took another one, or the processor lacks its instructions
        text = f"native, {seen['threads']} threads, instead of {', '.join(set(own['kernels']))}"
        result[requested] = Variation(requested, text, {"kernels": names}, variables)
    return list(result.values())


def look(folder: Path, environment: Mapping[str, str]) -> dict[str, Any]:
    """Return what the probe sees in a folder."""
    command = [sys.executable, str(PROBE), "{}"]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    seen: dict[str, Any] = json.loads(done.stdout.splitlines()[0].removeprefix("probe: "))
    return seen
