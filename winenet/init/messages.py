"""Parts of the messages of `init`: options that can be pasted into a shell."""

import shlex


def option(name: str, value: str) -> str:
    """Return an option as it is typed, such as `--drop='a b'`; so a value may begin with -."""
    return f"{name}={shlex.quote(value)}"
