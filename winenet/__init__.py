"""A course notebook on neural networks as a library.

It imports nothing of its own: a name of `__all__` brings its module along when it is first asked
for. Every stage depends on this file, and would depend on all that it imports.
"""

from importlib import import_module
from typing import Any

__all__ = ["DenseClassifier", "DenseGridSearchCV", "fit_many"]

_HOMES = {
    "DenseClassifier": "winenet.network.classifier",
    "DenseGridSearchCV": "winenet.network.search",
    "fit_many": "winenet.network.parallel",
}


def __getattr__(name: str) -> Any:
    """Return a name of `__all__` from the module where it lives; Python asks when it is not here.

    Raises AttributeError for any other name.
    """
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """Return what `dir(winenet)` shows: the names of `__all__` too, before they are asked for."""
    return sorted({*globals(), *__all__})
