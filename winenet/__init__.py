"""The library: dense neural networks with scikit-learn's interface.

Nothing is imported until a name of `__all__` is first used, because every pipeline stage depends
on this file, and would depend on everything that it imports.
"""

from importlib import import_module
from typing import Any

__all__ = [
    "DenseClassifier",
    "DenseGridSearchCV",
    "DenseHalvingSearchCV",
    "DenseRandomizedSearchCV",
    "fit_many",
]

_MODULES = {
    "DenseClassifier": "winenet.network.classifier",
    "DenseGridSearchCV": "winenet.network.search",
    "DenseHalvingSearchCV": "winenet.network.halving",
    "DenseRandomizedSearchCV": "winenet.network.search",
    "fit_many": "winenet.network.parallel",
}


def __getattr__(name: str) -> Any:
    """Import a name of `__all__`; called by Python if this module has no such attribute."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    """Return the module's attributes, including the names of `__all__` not yet imported."""
    return sorted({*globals(), *__all__})
