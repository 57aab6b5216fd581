"""The parameters of a DenseClassifier: which values are allowed, and what training receives."""

from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import Interval, Options, StrOptions

from winenet.network.training_job import HyperParameters

SKLEARN_CLASS = "sklearn.neural_network.MLPClassifier"

# In scikit-learn's format, see sklearn.utils._param_validation.
CONSTRAINTS: dict[str, list[Any]] = {
    "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
    "activation": [StrOptions({"identity", "logistic", "tanh", "relu"})],
    "solver": [StrOptions({"adam", "sgd"})],
    "alpha": [Interval(Real, 0, None, closed="left")],
    "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"})],
    "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
    "power_t": [Interval(Real, 0, None, closed="left")],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "tol": [Interval(Real, 0, None, closed="left")],
    "verbose": ["verbose"],
    "warm_start": ["boolean"],
    "momentum": [Interval(Real, 0, 1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="left")],
    "beta_1": [Interval(Real, 0, 1, closed="left")],
    "beta_2": [Interval(Real, 0, 1, closed="left")],
    "epsilon": [Interval(Real, 0, None, closed="neither")],
    "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), Options(Real, {np.inf})],
    "class_weight": [dict, StrOptions({"balanced"}), None],
    "dropout": [Interval(Real, 0, 1, closed="left")],
    "dtype": [StrOptions({"float64", "float32"})],
}
# The fields of HyperParameters that are parameters of the model with the same name and value.
COPIED = (
    *("activation", "solver", "alpha", "learning_rate", "learning_rate_init", "power_t"),
    *("max_iter", "shuffle", "tol", "momentum", "nesterovs_momentum", "early_stopping"),
    *("beta_1", "beta_2", "epsilon", "n_iter_no_change", "dropout"),
)


def check(model: Any, *, partial: bool = False) -> None:
    """Raise ValueError if a parameter is invalid; partial: for partial_fit."""
    if model.solver == "lbfgs":
        raise ValueError(
            "solver='lbfgs' is not supported: DenseClassifier trains in mini-batches, with 'adam' "
            f"or 'sgd'. For lbfgs use {SKLEARN_CLASS}(solver='lbfgs')."
        )
    model._validate_params()
    if partial and model.early_stopping:
        raise ValueError(
            "partial_fit does not support early stopping, as it trains for one epoch at a time. "
            "Set early_stopping=False, or use fit."
        )


def from_model(model: Any, n_rows: int) -> HyperParameters:
    """Return the model's hyper-parameters for n_rows training rows.

    numpy's scalars, which scipy's distributions draw, become Python's: next to float32 arrays
    numpy computes with a np.float64 in float64, but with a float in float32.
    """
    batch_size = 200 if model.batch_size == "auto" else int(model.batch_size)
    values = {name: getattr(model, name) for name in COPIED}
    return HyperParameters(
        hidden_layer_sizes=_hidden_layer_sizes(model.hidden_layer_sizes),
        batch_size=min(batch_size, n_rows),
        **{
            name: value.item() if isinstance(value, np.generic) else value
            for name, value in values.items()
        },
    )


def layer_sizes(model: Any, n_features: int, n_classes: int) -> list[int]:
    """Return the number of features, of units of each hidden layer, and of outputs."""
    n_outputs = 1 if n_classes == 2 else n_classes
    return [n_features, *_hidden_layer_sizes(model.hidden_layer_sizes), n_outputs]


def _hidden_layer_sizes(value: Any) -> tuple[int, ...]:
    sizes = np.atleast_1d(np.asarray(value))
    if sizes.size == 0:
        return ()
    if sizes.ndim > 1 or not np.issubdtype(sizes.dtype, np.integer) or (sizes < 1).any():
        raise ValueError(
            f"hidden_layer_sizes={value!r} is invalid: each hidden layer needs an integer number "
            "of units of at least 1, as in (100, 50). Use () for no hidden layer."
        )
    return tuple(int(size) for size in sizes)
