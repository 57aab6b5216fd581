"""The one kind of error that a person can mend. Stages print it and exit with 1."""

import difflib
from collections.abc import Iterable


class InputError(Exception):
    """Something that the user gave does not fit.

    The message names the value, what follows from it, the rule, and where to change it.
    """


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return "; did you mean 'x'?" for the nearest known word, or "" when none is near."""
    spelled = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), list(spelled), n=1)
    return f"; did you mean '{spelled[near[0]]}'?" if near else ""
