"""Pin BLAS before numpy is imported, and run a stage with a guard around its inputs.

A stage ends with `stages.run(main)`. A file that changes while the stage runs would put an old
result under a new hash in dvc.lock, so the guard compares all inputs before and after.
"""

import hashlib
import os
import sys
import warnings
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from winenet.runtime import describe_numerics, escape_unprintable, pin_blas

RESTORE_COMMAND = "git checkout -- metrics plots report dvc.lock && dvc checkout"


def _hash(path: Path) -> str:
    """Return the SHA-256 of a file, or of all files in a folder.

    A missing or unreadable file has a hash too: the stage itself reports what is wrong with it.
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


def hash_code_and_params() -> dict[str, str]:
    """Return the hashes of params.yaml and of all code that a stage may import."""
    files = [Path("params.yaml")]
    for folder in ("stages", "winenet"):
        files += [file for file in Path(folder).rglob("*") if file.suffix in (".py", ".jinja")]
    return {file.as_posix(): _hash(file) for file in files}


def _check_libraries() -> None:
    """Fail if a library has another version than the locked one.

    With another scikit-learn the imports of the stage itself would fail, so this runs before them.
    """
    if stage_name() == "stage":  # this package was imported by something else
        return
    from winenet.errors import InputError, check_locked_versions

    try:
        check_locked_versions()
    except InputError as error:
        fail(str(error))


def run(main: Callable[[], None]) -> None:
    """Run a stage; exit with code 1 and one message if its inputs are not usable or changed.

    An InputError is printed without traceback, since the user can fix it. Any other exception is a
    bug in winenet and keeps its traceback.

    Parameters
    ----------
    main : callable
        Reads params.yaml and files, computes, writes files.
    """
    from winenet.errors import InputError

    try:
        _check_numerics()
        inputs = {path: HASHES_AT_START.get(path) or _hash(Path(path)) for path in _dependencies()}
        warnings.showwarning = log_warning
        log(describe_numerics())
        main()
    except InputError as error:
        fail(str(_with_all_faults(error)))
    except OSError as error:
        reason = f"{error.filename or 'a file'}: {error.strerror or error}"
        fail(
            f"{reason}, so the stage was not finished. It must be there, this user must be allowed "
            "to use it, and the disk must have room; then run `dvc repro` again."
        )
    except KeyboardInterrupt:
        fail("interrupted, so the stage was not finished.")
    inputs["params.yaml"] = HASHES_AT_START["params.yaml"]
    changed = [path for path, before in inputs.items() if _hash(Path(path)) != before]
    if changed:
        fail(
            f"{', '.join(sorted(changed))} changed while this stage ran, so its results belong to "
            "neither the old nor the new state and are not kept. Run `dvc repro` again."
        )


def _with_all_faults(error: Exception) -> Exception:
    """Return an error of params.yaml with every fault of the file, whichever stage found the first.

    The module is imported by its name: it changes nothing but this message, so no stage that makes
    no models need run again after a change of it.
    """
    if not getattr(error, "faults", ()):
        return error
    complete: Exception = import_module("winenet.models.parameters").all_faults(error)
    return complete


def log(text: str) -> None:
    """Print one line, prefixed with the stage's name, and flush it."""
    print(f"{stage_name()}: {text}", flush=True)


def log_lines(lines: Iterable[str]) -> None:
    """Log several lines."""
    for line in lines:
        log(line)


def log_warning(message: Warning | str, *_: object, **__: object) -> None:
    """Log a library's warning without the path of its source; replaces `warnings.showwarning`."""
    log(f"note: {message}")


def stage_name() -> str:
    """Return the name of the running stage: `python -m stages.split` is "split".

    While this package is being imported, only the command line holds the name.
    """
    spec = sys.modules["__main__"].__spec__
    arguments = sys.orig_argv[sys.orig_argv.index("-m") + 1 :] if "-m" in sys.orig_argv else []
    name = spec.name if spec else next(iter(arguments), "")
    return name.removeprefix("stages.") if name.startswith("stages.") else "stage"


def _check_numerics() -> None:
    """Raise InputError if WINENET_NUMERICS has an unknown value."""
    from winenet.errors import InputError, short_repr

    value = os.environ.get("WINENET_NUMERICS")
    if value not in (None, "", "native"):
        raise InputError(
            f"WINENET_NUMERICS={short_repr(value)} is not a known value, so the stage was not run. "
            "Set it to `native`, or unset it."
        )


def _dependencies() -> list[str]:
    """Return the files and folders that dvc.yaml lists as deps of this stage."""
    import yaml

    from winenet.errors import InputError

    try:
        text = Path("dvc.yaml").read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(
            "dvc.yaml is not in this folder, so the stage does not know its inputs. "
            "Start it from the root of the repository."
        ) from None
    try:
        deps = yaml.safe_load(text)["stages"][stage_name()]["deps"]
        return [str(dep) for dep in deps]
    except (yaml.YAMLError, LookupError, TypeError):
        raise InputError(
            f"dvc.yaml does not list the deps of the stage {stage_name()}, so changes to them "
            "would go unnoticed and the stage was not run. `git checkout -- dvc.yaml` restores the "
            "committed file."
        ) from None


def fail(message: str) -> NoReturn:
    """Print a message and how to restore the last committed results, and exit with code 1."""
    print(
        f"\n{stage_name()}: {message}\n"
        f"If dvc removed results, `{RESTORE_COMMAND}` restores the last committed ones.",
        file=sys.stderr,
        flush=True,
    )
    sys.exit(1)


escape_unprintable()
pin_blas()
# Taken before the stage's own modules are imported, so that an edit during the import is noticed.
HASHES_AT_START = hash_code_and_params()
_check_libraries()
