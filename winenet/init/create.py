"""Create a folder with a pipeline for any table, from the files of this one.

The folder is built and checked under another name beside its place, and renamed at the end.
"""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import yaml

from winenet import git
from winenet.errors import short_repr
from winenet.init import pipeline_files, render
from winenet.init.infer import InferredConfig, infer_config
from winenet.init.messages import option
from winenet.init.read_tables import InitError, InitOptions, display_path

ROOT = Path(__file__).parents[2]
TEMPLATE_DIR = "tools/starter"  # the templates of params.yaml and README.md
COPIED = (
    *(
        "winenet",
        "stages",
        TEMPLATE_DIR,
        "tools/environment.sh",
        "requirements.in",
        "requirements.lock",
    ),
    *(".dvcignore", ".gitattributes", ".gitignore", ".dvc/.gitignore", ".dvc/config", ".dvc/plots"),
)
DERIVED = ("dvc.yaml", "Makefile")
NOT_COPIED = ("__pycache__", "*.pyc", ".*", "*~", "*.swp", "*.partial", "handmade.py", "notebook")
KINDS = {"number": "numbers", "category": "texts", "date": "dates"}
LARGEST_IN_GIT = 50_000_000  # bytes of all tables; GitHub refuses a file of twice as many
FALLBACK_GIT_USER = ("-c", "user.name=winenet", "-c", "user.email=winenet@localhost")


def create_project(target: Path, options: InitOptions) -> list[str]:
    """Create a folder with a pipeline for the tables.

    Parameters
    ----------
    target
        The new folder. It must not exist; its parent must.
    options
        The tables and what is known of them.

    Returns
    -------
    list[str]
        Lines that say what was guessed and done.

    Raises
    ------
    GuessError
        If no pipeline can be made of the tables.
    InitError
        If the folder cannot be created. Nothing is left behind.
    """
    _check_root()
    _check_target(target)
    result = infer_config(options)
    text = render.params_text(result)
    with _staging_folder(target) as folder:
        _write_files(folder, result, text, target.name)
        checked = _check(folder)
        committed = _commit(folder, result)
        _move_into_place(folder, target)
    return [*checked, *_summary_lines(result), committed]


def _summary_lines(found: InferredConfig) -> list[str]:
    """Return lines that say what was guessed."""
    kinds = [column.how.kind for column in found.columns.values() if column.how is not None]
    counts = [f"{kinds.count(kind)} of {name}" for kind, name in KINDS.items() if kind in kinds]
    lines = [
        f"columns: {', '.join(counts)}; separator {short_repr(found.separator)}; encoding "
        f"{found.style.encoding}; missing: "
        f"{', '.join(map(short_repr, found.na_values)) or 'none'}",
        f"{short_repr(found.target)} has {len(found.labels)} labels: "
        f"{render.label_counts(found.labels)}",
    ]
    if found.positive_label is not None:
        lines.append(f"positive: {short_repr(found.positive_label)}, {found.why_positive}")
    lines += [f"note: {note}" for note in found.notes]
    lines += [f"left out: {short_repr(name)} ({why})" for name, why in found.drop_columns.items()]
    lines += [
        f"note: {short_repr(name)}: {note}"
        for name, column in found.columns.items()
        for note in column.notes
    ]
    return lines


# ------------------------------------------------------------------ the folder


def _check_root() -> None:
    missing = [
        name for name in (*COPIED, *DERIVED, "stages/ingest.py") if not (ROOT / name).exists()
    ]
    if missing:
        raise InitError(
            f"This winenet has no {missing[0]} beside its package: it was installed as a library, "
            "and a new folder needs the stages as well. Run `python -m winenet init` in a clone of "
            "winenet's repository, or in a folder that init has made."
        )


def _check_target(target: Path) -> None:
    text = display_path(target)
    if os.path.lexists(target):
        raise InitError(
            f"{text} is there already, and init overwrites nothing, not even an empty folder. Give "
            "the name of a folder that is not there yet."
        )
    if not target.parent.is_dir():
        raise InitError(
            f"{text} cannot be made: {display_path(target.parent)} is not a folder. Make it "
            "first, or give another place."
        )
    if not target.name.isprintable():
        raise InitError(f"{text} has characters that no screen shows. Give another name.")


@contextlib.contextmanager
def _staging_folder(target: Path) -> Iterator[Path]:
    """Yield an empty folder beside the target; remove it at the end, or after an error."""
    try:
        # A folder inside, because mkdtemp gives access to this user alone.
        around = Path(tempfile.mkdtemp(prefix=f".{target.name[:100]}.", dir=target.parent))
    except OSError as error:
        raise InitError(
            f"{display_path(target)} cannot be made ({error.strerror}). Give a place where this "
            "user may write."
        ) from None
    try:
        folder = around / "new"
        folder.mkdir()
        yield folder
    except OSError as error:
        raise InitError(
            f"{display_path(target)} could not be made ({error.strerror or error}), and nothing "
            "of it is left. It needs room on the disk and a folder that this user may write in."
        ) from error
    finally:
        shutil.rmtree(around, ignore_errors=True)


def _move_into_place(folder: Path, target: Path) -> None:
    """Rename the finished folder, unless something has taken the name meanwhile."""
    _check_target(target)
    folder.rename(target)


def _write_files(folder: Path, found: InferredConfig, params_yaml: str, name: str) -> None:
    """Write all files of the new folder."""
    ignored = shutil.ignore_patterns(*NOT_COPIED)
    for path in COPIED:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / path).is_dir():
            shutil.copytree(
                ROOT / path, folder / path, ignore=ignored, copy_function=shutil.copyfile
            )
        else:
            shutil.copyfile(ROOT / path, folder / path)
    licence = next(item for item in (ROOT / "winenet/LICENSE", ROOT / "LICENSE") if item.is_file())
    shutil.copyfile(licence, folder / "winenet/LICENSE")
    ours = {name: (ROOT / name).read_text(encoding="utf-8") for name in DERIVED}
    graph = pipeline_files.dvc_yaml(ours["dvc.yaml"], found.positive_label)
    texts = {
        "params.yaml": params_yaml,
        "dvc.yaml": graph,
        "Makefile": pipeline_files.makefile(ours["Makefile"]),
        "README.md": render.readme(found, graph, name),
    }
    texts |= pipeline_files.ignored_outputs(yaml.safe_load(graph)["stages"])
    for path, text in texts.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8", newline="\n")
    (folder / "data/raw").mkdir(parents=True)
    for file in found.files:
        shutil.copyfile(file.path, folder / "data/raw" / file.path.name)
    if _too_large(found):
        with (folder / ".gitignore").open("a", encoding="utf-8", newline="\n") as stream:
            stream.write("\n# The table is too large for git: `dvc add data/raw` tracks it.\n")
            stream.write("/data/raw/\n")


def _too_large(found: InferredConfig) -> bool:
    return sum(file.path.stat().st_size for file in found.files) > LARGEST_IN_GIT


def _check(folder: Path) -> list[str]:
    """Run `python -m winenet check` in the new folder; return its last line, and its warnings.

    Raises InitError if the check fails.
    """
    done = subprocess.run(
        [sys.executable, "-m", "winenet", "check"],
        cwd=folder,
        env=_environment() | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode < 0:
        raise InitError(
            f"The new folder's check was ended by the signal {-done.returncode}, so it was not "
            "made. The usual cause is too little memory: free some, or give fewer rows."
        )
    if done.returncode != 0:
        raise InitError(
            "The tables do not pass the new folder's check, so it was not made (data/raw below is "
            f"its copy of your files):\n{textwrap.indent(_as_options(done.stderr.strip()), '  ')}"
        )
    lines = done.stdout.strip().splitlines()
    return [lines[-1], *(line for line in lines if line.startswith("check: warning"))]


def _as_options(message: str) -> str:
    """Return a message of the check with options of `init`: no params.yaml was made to change."""
    return re.sub(
        r"(Column '(.+?)' has .*)(?:Put it under|Move it from ingest\.columns to) "
        r"ingest\.drop_columns in params\.yaml",
        lambda match: f"{match[1]}Leave it out by `{option('--drop', match[2])}`",
        message,
    )


def _environment() -> dict[str, str]:
    """Return the variables without those that point Python or git elsewhere."""
    python_paths = ("PYTHONPATH", "PYTHONHOME", "PYTHONSAFEPATH")
    environment = git.without_repository(os.environ)
    return {name: value for name, value in environment.items() if name not in python_paths}


def _commit(folder: Path, found: InferredConfig) -> str:
    """Create a git repository with a first commit; return a line that says who committed."""
    # Forced: the table is added even if the user's global ignore list names it.
    files = ["--", ".", ":!data/raw"] if _too_large(found) else ["--", "."]
    message = f"A pipeline that predicts {found.target}, as winenet init makes it"
    try:
        git.output("-c", "init.defaultBranch=main", "init", "--quiet", folder=folder)
        git.output("add", "--all", "--force", *files, folder=folder)
        known = all(
            git.run("config", f"user.{key}", folder=folder).stdout.strip()
            for key in ("name", "email")
        )
        git.output(
            *(() if known else FALLBACK_GIT_USER),
            *("commit", "--quiet", "--no-verify", "--no-gpg-sign", "--message", message),
            folder=folder,
        )
    except git.GitError as error:
        raise InitError(
            f"{error}. So the folder was not made. Check that git is installed, and its "
            "configuration (`git config --list --show-origin`)."
        ) from None
    words = ["committed" if known else "committed as winenet, for git knows no user.name here"]
    if _too_large(found):
        words.append("the table is too large for git: `dvc add data/raw` tracks it")
    return "; ".join(words)
