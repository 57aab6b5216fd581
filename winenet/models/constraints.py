"""Check the parameters of one estimator: by its own constraints, and by a fit on made-up rows."""

import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import _param_validation as validation

from winenet.errors import did_you_mean, safe_text, short_repr
from winenet.params import faults_error

# Parameters that the pipeline sets itself, or that have no meaning in it.
FIXED = {
    "warm_start": "each stage trains anew",
    "verbose": "the stages report their progress",
    "n_jobs": "WINENET_WORKERS sets the number of processes",
}
LARGEST_SEED = 2**32 - 1
N_ROWS = 200  # of the made-up table
# What makes the fit on made-up rows short.
AT_MOST = {"max_iter": 2, "n_estimators": 2}


def raise_faults(faults: Iterable[str]) -> None:
    """Raise ParamsError, which lists the faults, if there are any."""
    listed = [*faults]
    if listed:
        raise faults_error(listed)


def as_parameter(name: str, value: Any) -> Any:
    """Return a value of params.yaml or of a JSON file as the estimator takes it.

    Layer sizes become a tuple. The keys of a class_weight become the codes of the classes: both
    formats know text keys only.
    """
    if name == "hidden_layer_sizes" and isinstance(value, list):
        return tuple(value)
    if name == "class_weight" and isinstance(value, Mapping):
        return {
            int(key) if isinstance(key, str) and key.isdecimal() else key: weight
            for key, weight in value.items()
        }
    return value


def estimator_faults(
    place: str,
    cls: type[Any],
    parameters: Mapping[str, Any],
    needs: Mapping[str, str] | None = None,
) -> Iterator[str]:
    """Yield which parameters a class does not have, and which values it does not take.

    Parameters
    ----------
    place : str
        The section of params.yaml.
    cls : type
        A class of scikit-learn's kind.
    parameters : mapping
        As params.yaml has them.
    needs : mapping of str to str, optional
        By parameters that the class does not have, what they need.
    """
    known = parameter_names(cls)
    constraints = getattr(cls, "_parameter_constraints", {})
    for name, value in parameters.items():
        where = f"{place}.{safe_text(name)}"
        if name in FIXED:
            yield f"{where}: cannot be set here, because {FIXED[name]}"
        elif name not in known:
            hint = f"; {needs[name]}" if needs and name in needs else did_you_mean(name, known)
            hint = hint or f"; known: {', '.join(sorted(known - {*FIXED}))}"
            yield f"{where}: unknown parameter of {cls.__name__}{hint}"
        elif name == "random_state":
            if type(value) is not int or not 0 <= value <= LARGEST_SEED:
                yield (
                    f"{where}: {short_repr(value)} is not a seed: it must be an integer from 0 to "
                    f"{LARGEST_SEED}, or each run would give other results"
                )
        elif name == "hidden_layer_sizes":
            if not _are_layer_sizes(value):
                yield (
                    f"{where}: {short_repr(value)} is not valid: it must be a list of numbers of "
                    "units, such as [100, 50]"
                )
        elif _holds_nan(value):
            yield f"{where}: {short_repr(value)} is not valid: it must not be or contain nan"
        elif name in constraints and constraints[name] != "no_validation":
            allowed = [validation.make_constraint(item) for item in constraints[name]]
            if not _is_allowed(as_parameter(name, value), allowed):
                yield f"{where}: {_not_allowed(value, allowed)}"


def parameter_names(cls: type[Any]) -> set[str]:
    """Return the names of an estimator's parameters."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a deprecated class; `trial_warnings` reports it
        return {*cls().get_params(deep=False)}


def _are_layer_sizes(value: Any) -> bool:
    sizes = value if isinstance(value, list | tuple) else [value]
    return bool(sizes) and all(type(size) is int and size >= 1 for size in sizes)


def _holds_nan(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_holds_nan, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_holds_nan, value))
    return isinstance(value, float) and math.isnan(value)


def _is_allowed(value: Any, allowed: Sequence[Any]) -> bool:
    """Return whether a value satisfies a constraint; here True is no number."""
    return any(
        constraint.is_satisfied_by(value)
        for constraint in allowed
        if not (isinstance(value, bool) and isinstance(constraint, validation.Interval))
    )


def _not_allowed(value: Any, allowed: Sequence[Any]) -> str:
    """Return "value is not valid: rule", in words that do not depend on Python's hash seed."""
    rules, words = [], []
    for constraint in allowed:
        if constraint.hidden:
            continue
        if isinstance(constraint, validation.Options):
            options = sorted(constraint.options - getattr(constraint, "deprecated", set()), key=str)
            words += [option for option in options if isinstance(option, str)]
            rules += [repr(option) for option in options]
        elif not isinstance(constraint, validation._Callables | validation._RandomStates):
            rules.append("true or false" if _is_boolean(constraint) else str(constraint))
    rules = list(dict.fromkeys(rules))
    rule = ", ".join(rules[:-1]) + " or " + rules[-1] if len(rules) > 1 else "".join(rules)
    hint = did_you_mean(value, words) if isinstance(value, str) else ""
    return f"{short_repr(value)} is not valid: it must be {rule}{hint}"


def _is_boolean(constraint: Any) -> bool:
    return isinstance(constraint, validation._Booleans)


def trial_fault(place: str, model: Any, n_classes: int, columns: Sequence[str] = "abcd") -> str:
    """Return why an estimator refuses its parameters only when it is fitted, or "".

    The fit is short, and on made-up rows between 0 and 1.

    Parameters
    ----------
    place : str
        The section of params.yaml.
    model : estimator
        Untrained; it is changed.
    n_classes : int
    columns : sequence of str
        The names of the features.
    """
    X, y = made_up_rows(n_classes, columns)
    parameters = model.get_params(deep=False)
    weights = parameters.get("class_weight")
    if isinstance(weights, Mapping) and not _are_class_weights(weights, n_classes):
        return (
            f"{place}.class_weight: {short_repr(dict(weights))} is not valid: its keys must be "
            f"codes of classes, from '0' to '{n_classes - 1}', its values numbers of at least 0"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            shortened(model).fit(X, y)
        except Exception as error:  # noqa: BLE001  # whatever it is, the stage would fail likewise
            return f"{place}: {type(model).__name__} refuses these parameters: {first_line(error)}"
    return ""


def least_classes(class_weight: Any) -> int:
    """Return how many classes a table has at least whose classes have these weights."""
    weights = as_parameter("class_weight", class_weight)
    codes = weights if isinstance(weights, Mapping) else {}
    return max([2, *(code + 1 for code in codes if type(code) is int)])


def _are_class_weights(weights: Mapping[Any, Any], n_classes: int) -> bool:
    return all(code in range(n_classes) for code in weights) and all(
        type(weight) in (int, float) and 0 <= weight < math.inf for weight in weights.values()
    )


def trial_warnings(
    make: Callable[[], Any], n_classes: int, columns: Sequence[str] = "abcd"
) -> list[str]:
    """Return the warnings of such a fit, but for those of the convergence.

    make: returns the estimator; a class that is deprecated warns then.
    """
    X, y = made_up_rows(n_classes, columns)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        shortened(make()).fit(X, y)
    texts = [
        first_line(warning.message)
        for warning in caught
        if issubclass(warning.category, UserWarning | FutureWarning)
        and not issubclass(warning.category, ConvergenceWarning)
    ]
    return list(dict.fromkeys(texts))


def shortened(model: Any) -> Any:
    """Return the estimator with parameters that make its fit short."""
    parameters = model.get_params(deep=False)
    changed: dict[str, Any] = {
        name: min(most, parameters[name])
        for name, most in AT_MOST.items()
        if isinstance(parameters.get(name), int)
    }
    if "hidden_layer_sizes" in parameters:
        changed["hidden_layer_sizes"] = (2,)
        if parameters["validation_fraction"] > 0:  # of real rows it may be a small part
            changed["validation_fraction"] = 0.1
    return model.set_params(**changed)


def made_up_rows(n_classes: int, columns: Sequence[str]) -> tuple[pd.DataFrame, pd.Series]:
    """Return rows of random numbers between 0 and 1, and as many of each class."""
    X = np.random.default_rng(0).random((N_ROWS, len(columns)))
    return pd.DataFrame(X, columns=list(columns)), pd.Series(np.arange(N_ROWS) % n_classes)


def first_line(error: BaseException | Warning | str) -> str:
    """Return the first line of a message, shown harmlessly and in 200 characters at most."""
    line = next(iter(str(error).strip().splitlines()), type(error).__name__)
    line = line if line.isprintable() else ascii(line)
    return line if len(line) <= 200 else f"{line[:197]}..."
