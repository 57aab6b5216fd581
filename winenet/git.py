"""Run git commands."""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from winenet.errors import InputError

# By these, a git hook points the commands that it starts at its own repository.
REPOSITORY_VARIABLES = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")


class GitError(InputError):
    """git cannot be started, or a command of it failed; the message says which and why."""


def without_repository(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables without those that point git at another repository.

    Parameters
    ----------
    environment
        Environment variables, such as `os.environ`.

    Returns
    -------
    dict[str, str]
        A copy without `REPOSITORY_VARIABLES`.
    """
    return {name: value for name, value in environment.items() if name not in REPOSITORY_VARIABLES}


def run(*arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run git, whatever its exit code.

    Parameters
    ----------
    *arguments
        The arguments of git.
    folder
        The folder of the repository, which may belong to another user. None: the repository that
        git finds from the current folder and the variables of the environment.

    Returns
    -------
    subprocess.CompletedProcess[bytes]
        The exit code and what git printed.

    Raises
    ------
    GitError
        If git cannot be started.
    """
    command, environment = ["git"], None
    if folder is not None:
        command += ["-c", "safe.directory=*", "-C", str(folder)]
        environment = without_repository(os.environ)
    try:
        return subprocess.run(
            [*command, *arguments], env=environment, capture_output=True, check=False
        )
    except OSError as error:
        raise GitError(f"git: {error.strerror}") from None


def output(*arguments: str, folder: Path | None = None) -> str:
    """Run git and return what it prints.

    Parameters
    ----------
    *arguments, folder
        As in `run`.

    Returns
    -------
    str
        The standard output, decoded as UTF-8.

    Raises
    ------
    GitError
        If git cannot be started, or its exit code is not 0.
    """
    done = run(*arguments, folder=folder)
    if done.returncode != 0:
        # Settings may come first: `git -c user.name=x commit`.
        subcommand = next(word for word in arguments if re.fullmatch(r"[a-z][a-z-]*", word))
        raise GitError(f"`git {subcommand}` failed: {error_text(done)}")
    return done.stdout.decode("utf-8", errors="replace")


def error_text(done: subprocess.CompletedProcess[bytes]) -> str:
    """Return the error output of a command in one line.

    Parameters
    ----------
    done
        The result of `run`.

    Returns
    -------
    str
        The text, or "" if there is none.
    """
    return " ".join(done.stderr.decode("utf-8", errors="replace").split())
