"""Settles the numerics before numpy is imported, and runs a stage with its guard and its errors.

A stage ends with `stages.run(main)`. What changes while it runs would leave an old result under
a new name in dvc.lock, so the guard compares everything that it reads before and after.
"""

import ctypes
import hashlib
import os
import platform
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NoReturn

LAST_GOOD = "git checkout -- metrics plots report dvc.lock && dvc checkout"
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def settle_numerics() -> None:
    """Fix the number of BLAS threads and OpenBLAS's kernel: both change the last bits.

    `WINENET_NUMERICS=native` leaves the environment as it is; `run` refuses another value.
    """
    if os.environ.get("WINENET_NUMERICS") == "native":
        return
    os.environ.update(dict.fromkeys(THREADS, "1"))
    if _has_avx2_and_fma():
        os.environ["OPENBLAS_CORETYPE"] = "Haswell"


def numerics() -> str:
    """Return in a line what this process computes with, as `settle_numerics` has left it."""
    kernel = os.environ.get("OPENBLAS_CORETYPE")
    if os.environ.get("WINENET_NUMERICS") != "native":
        return f"numerics: 1 BLAS thread, OpenBLAS kernel {kernel or 'of its own choice'}"
    names = (*THREADS, "OPENBLAS_CORETYPE")
    given = [f"{name}={os.environ[name]}" for name in names if name in os.environ]
    return f"numerics: native, as the environment has it ({', '.join(given) or 'nothing set'})"


def _has_avx2_and_fma() -> bool:
    """Tell whether the processor can run OpenBLAS's Haswell kernel; on another one it crashes."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return False
    system = platform.system()
    if system == "Linux":
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
        return "avx2" in flags and "fma" in flags
    if system == "Darwin":
        asked = ["sysctl", "-n", "machdep.cpu.features", "machdep.cpu.leaf7_features"]
        told = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.split()
        return "AVX2" in told and "FMA" in told
    if system == "Windows":
        # PF_AVX2_INSTRUCTIONS_AVAILABLE; each processor with AVX2 that Windows runs on has FMA.
        return bool(ctypes.CDLL("kernel32").IsProcessorFeaturePresent(40))
    return False


def _hash(path: Path) -> str:
    """Return a fingerprint of a file, or of all files of a folder.

    A missing one has one, too, and one that may not be read: the stage itself says what is wrong.
    """
    if path.is_dir():
        inner = sorted(file for file in path.rglob("*") if file.is_file())
        return hashlib.sha256(
            "".join(f"{file}{_hash(file)}" for file in inner).encode()
        ).hexdigest()
    if not path.exists():
        return "missing"
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except PermissionError:
        return "unreadable"


def _code_and_params() -> dict[str, str]:
    """Return the fingerprints of params.yaml and of all that Python may import from here."""
    files = [Path("params.yaml")]
    for folder in ("stages", "winenet"):
        files += [file for file in Path(folder).rglob("*") if file.suffix in (".py", ".jinja")]
    return {file.as_posix(): _hash(file) for file in files}


def _check_libraries() -> None:
    """End a stage whose libraries have other versions than the locked ones.

    With another scikit-learn the import of the stage's own modules would fail, so it comes before.
    """
    if _name() == "stage":  # this package was imported by something else
        return
    from winenet.errors import InputError, check_locked_versions

    try:
        check_locked_versions()
    except InputError as error:
        _end(str(error))


def run(main: Callable[[], None]) -> None:
    """Run a stage; end with exit code 1 and one message when something does not fit.

    main: reads params.yaml and files, computes, writes files. A fault that a person can mend
    is an InputError; everything else is a fault of winenet and keeps its traceback.
    """
    from winenet.errors import InputError

    try:
        _check_numerics()
        inputs = {path: _AT_START.get(path) or _hash(Path(path)) for path in _dependencies()}
        warnings.showwarning = _say_warning
        say(numerics())
        main()
    except InputError as error:
        _end(str(error))
    except OSError as error:
        what = f"{error.filename or 'a file'}: {error.strerror or error}"
        _end(
            f"{what}, so the stage was not finished. It must be there, this user must be allowed "
            "to use it, and the disk must have room; then run `dvc repro` again."
        )
    except KeyboardInterrupt:
        _end("interrupted, so the stage was not finished.")
    inputs["params.yaml"] = _AT_START["params.yaml"]
    changed = [path for path, before in inputs.items() if _hash(Path(path)) != before]
    if changed:
        _end(
            f"{', '.join(sorted(changed))} changed while this stage ran, so its results belong to "
            "neither the old nor the new state and are not kept. Run `dvc repro` again."
        )


def say(text: str) -> None:
    """Print a line about what the stage does, at once even into a log."""
    print(f"{_name()}: {text}", flush=True)


def say_all(lines: Iterable[str]) -> None:
    """Print several lines about what the stage does."""
    for line in lines:
        say(line)


def _say_warning(message: Warning | str, *_: object, **__: object) -> None:
    """Print a library's warning as a line of the stage, without the path of its source."""
    say(f"note: {message}")


def _name() -> str:
    """Return the running stage's name: `python -m stages.split` is "split".

    While this package is imported only the command line tells it.
    """
    spec = sys.modules["__main__"].__spec__
    asked = sys.orig_argv[sys.orig_argv.index("-m") + 1 :] if "-m" in sys.orig_argv else []
    name = spec.name if spec else next(iter(asked), "")
    return name.removeprefix("stages.") if name.startswith("stages.") else "stage"


def _check_numerics() -> None:
    from winenet.errors import InputError, short_repr

    asked = os.environ.get("WINENET_NUMERICS")
    if asked not in (None, "", "native"):
        raise InputError(
            f"WINENET_NUMERICS={short_repr(asked)} means nothing, so it is not clear which numbers are "
            "wanted and the stage was not run. It is `native` or not set: change the environment."
        )


def _dependencies() -> list[str]:
    """Return the files and folders that dvc.yaml lists as this stage's deps."""
    import yaml

    from winenet.errors import InputError

    try:
        text = Path("dvc.yaml").read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(
            "dvc.yaml is not in this folder, so the stage does not know what it works on. "
            "Start it from the root of the repository."
        ) from None
    try:
        deps = yaml.safe_load(text)["stages"][_name()]["deps"]
        return [str(dep) for dep in deps]
    except (yaml.YAMLError, LookupError, TypeError):
        raise InputError(
            f"dvc.yaml does not tell the deps of the stage {_name()}, so a change of them would "
            "not be noticed and the stage was not run. `git checkout -- dvc.yaml` brings the "
            "committed one back."
        ) from None


def _end(message: str) -> NoReturn:
    print(
        f"\n{_name()}: {message}\n"
        f"If dvc removed results, `{LAST_GOOD}` brings the last committed ones back.",
        file=sys.stderr,
        flush=True,
    )
    sys.exit(1)


settle_numerics()
# Taken before the stage's own modules are imported: an edit during the import is noticed as well.
_AT_START = _code_and_params()
_check_libraries()
