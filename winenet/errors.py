"""The one kind of error that a user can fix. Stages print it and exit with 1.

What every message needs stands here as well: values shown harmlessly, the nearest known word, and
the check that the libraries are the locked ones.
"""

import difflib
import re
import reprlib
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

LOCK = "requirements.lock"
# On these the numbers, the figures and the bytes of model files depend.
LOCKED = ("numpy", "scipy", "scikit-learn", "pandas", "matplotlib", "safetensors")

_SHORT = reprlib.Repr()
_SHORT.maxlist = _SHORT.maxtuple = _SHORT.maxdict = _SHORT.maxset = 8
_SHORT.maxlevel = 4
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 60


class InputError(Exception):
    """Something that the user gave does not fit.

    The message names the value, what follows from it, the rule, and where to change it.
    """


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return "; did you mean 'x'?" for the nearest known word, or "" when none is near."""
    spelled = {name.lower(): name for name in known}
    close_matches = difflib.get_close_matches(word.lower(), list(spelled), n=1)
    return f"; did you mean {short_repr(spelled[close_matches[0]])}?" if close_matches else ""


def short_repr(value: object) -> str:
    """Return a value as Python writes it, in 60 characters at most.

    So a message stays short, and a value with line ends or escape sequences cannot disturb the
    screen that it is printed on.
    """
    text = _SHORT.repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def preview(texts: Sequence[str], most: int = 5) -> str:
    """Return the first few texts as Python writes them, and dots where there are more."""
    text = ", ".join(map(short_repr, texts[:most]))
    return f"{text}, ..." if len(texts) > most else text


def safe_text(text: str) -> str:
    """Return a text as it stands when a screen can show it, and else as Python writes it."""
    return text if text.isprintable() and len(text) <= 60 else short_repr(text)


def check_locked_versions() -> None:
    """Raise InputError if a library has another version than `requirements.lock` names.

    Without that file nothing is checked: the package may be installed in another project.
    """
    try:
        lock = Path(LOCK).read_text(encoding="utf-8")
    except FileNotFoundError:
        return
    locked = dict(re.findall(r"^([a-z0-9-]+)==([^ ;\\\n]+)", lock, flags=re.MULTILINE))
    wrong = []
    for name in LOCKED:
        try:
            result = version(name)
        except PackageNotFoundError:
            result = "missing"
        if name in locked and result != locked[name]:
            wrong.append(f"{name} is {result} here, not {locked[name]}")
    if wrong:
        raise InputError(
            f"{'; '.join(wrong)}: with other versions the code may fail or the numbers differ, so "
            f"nothing was run. {LOCK} says which versions belong to this code; `make` installs "
            "them in .venv."
        )
