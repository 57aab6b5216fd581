"""Check the parameters of all models in params.yaml against the estimators that take them."""

import importlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sklearn.base import is_classifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.utils._param_validation import (
    InvalidParameterError,
    validate_parameter_constraints,
)

from winenet.errors import did_you_mean, safe_text, short_repr
from winenet.network import hyperparameters
from winenet.network.classifier import DenseClassifier
from winenet.params import Distribution, Mlp, Params, ParamsError
from winenet.text import count

# Parameters that the pipeline sets itself, or that have no meaning in it.
FIXED = {
    "warm_start": "each stage trains anew",
    "verbose": "the stages report their progress",
    "n_jobs": "WINENET_WORKERS sets the number of processes",
}
WITHOUT_EFFECT = {  # by solver: parameters that it does not read
    "adam": ("momentum", "nesterovs_momentum", "power_t", "learning_rate"),
    "sgd": ("beta_1", "beta_2", "epsilon"),
}


def check(settings: Params) -> list[str]:
    """Check the parameters of all models.

    Parameters
    ----------
    settings : Params
        The whole of params.yaml.

    Returns
    -------
    list of str
        Notes: parameters that are valid and have no effect.

    Raises
    ------
    ParamsError
        If a parameter is invalid; the message lists all faults.
    """
    faults = [*_faults(settings)]
    if faults:
        raise ParamsError(
            f"params.yaml has {count(len(faults), 'fault')}, so no stage was run and no result "
            "was touched:\n"
            + "\n".join(f"  {fault}" for fault in faults)
            + "\nChange params.yaml; `git diff params.yaml` shows what changed."
        )
    return [*_notes(settings)]


def load_class(path: str, trusted_modules: Iterable[str]) -> type[Any]:
    """Return a classifier's class.

    Parameters
    ----------
    path : str
        Its module and name, such as "sklearn.dummy.DummyClassifier".
    trusted_modules : iterable of str
        Packages that may be imported beside sklearn. A params file is data: it must not be able
        to run any code.

    Raises
    ------
    ValueError
        If there is no such class, it is not a classifier, or its package is not trusted.
    """
    module, _, name = path.rpartition(".")
    package = path.partition(".")[0]
    if package != "sklearn" and package not in trusted_modules:
        raise ValueError(
            f"{path} is not in sklearn, so it was not imported. To trust its package, add "
            f"{package} to compare.trusted_modules."
        )
    try:
        cls: type[Any] = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError):
        raise ValueError(f"there is no class {path}{_similar(path)}") from None
    instance = _instance(cls) if isinstance(cls, type) else None
    if instance is None or not is_classifier(instance):
        raise ValueError(f"{path} is not a classifier that can be made without other estimators")
    return cls


def _similar(path: str) -> str:
    """Return a hint at the scikit-learn classifier of nearly this name."""
    if not path.startswith("sklearn."):
        return ""
    from sklearn.utils import all_estimators

    known = {
        name: f"{cls.__module__.rpartition('._')[0] or cls.__module__}.{name}"
        for name, cls in all_estimators(type_filter="classifier")
    }
    return did_you_mean(path, known.values())


def _instance(cls: type[Any]) -> Any:
    try:
        return cls()
    except TypeError:  # such as a StackingClassifier, which needs other estimators
        return None


def _faults(settings: Params) -> Iterator[str]:
    yield from _estimator_faults("logistic", LogisticRegression, settings.logistic.parameters)
    if "random_state" not in settings.logistic.parameters:
        yield "logistic.random_state: missing; some solvers give other results in each run"
    mlp, search = settings.mlp, settings.grid_search
    network = MLPClassifier if mlp.estimator == "scikit-learn" else DenseClassifier
    yield from _estimator_faults("mlp.defaults", network, mlp.defaults)
    for name, given in mlp.networks.items():
        place = f"mlp.networks.{name}"
        found = [*_estimator_faults(place, network, given.parameters)]
        yield from found or _network_faults(place, network_parameters(mlp, name))
    network = MLPClassifier if search.estimator == "scikit-learn" else DenseClassifier
    yield from _estimator_faults("grid_search.defaults", network, search.defaults)
    searched = []
    for name, values in search.param_grid.items():
        for value in values if isinstance(values, list) else _bounds(values):
            found = [*_estimator_faults("grid_search.param_grid", network, {name: value})]
            searched += found
            if found and f"{name}: unknown" in found[0]:
                break
    yield from searched
    if not searched:
        first = {
            name: values[0] if isinstance(values, list) else _bounds(values)[0]
            for name, values in search.param_grid.items()
        }
        yield from _network_faults("grid_search.defaults", search.defaults | first)
    for name, baseline in settings.compare.baselines.items():
        place = f"compare.baselines.{name}"
        try:
            cls = load_class(baseline.estimator, settings.compare.trusted_modules)
        except ValueError as error:
            yield f"{place}.estimator: {error}"
            continue
        yield from _estimator_faults(place, cls, baseline.parameters)


def _bounds(drawn: Distribution) -> list[Any]:
    """Return the bounds of a distribution, as values of the parameter that it draws."""
    if drawn.randint is not None:
        low, high = map(int, drawn.randint)
        return [low, high - 1]
    return list(drawn.loguniform or drawn.uniform or ())


def _estimator_faults(place: str, cls: type[Any], given: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with some parameters of a class."""
    known = _instance(cls).get_params(deep=False)
    constraints = getattr(cls, "_parameter_constraints", {})
    for name, value in given.items():
        if name in FIXED and name in known:
            yield f"{place}.{name}: cannot be set here, because {FIXED[name]}"
        elif name not in known:
            needs = ""
            if cls is MLPClassifier and name in DenseClassifier().get_params():
                needs = "; it needs `estimator: winenet`"
            hint = needs or did_you_mean(name, known) or f"; known: {', '.join(sorted(known))}"
            yield f"{place}.{safe_text(name)}: unknown parameter of {cls.__name__}{hint}"
        elif name == "random_state" and not isinstance(value, int):
            yield (
                f"{place}.random_state: {short_repr(value)} is not a seed, so each run would give "
                "other results; it must be an integer"
            )
        elif name in constraints:
            try:
                validate_parameter_constraints(
                    {name: constraints[name]}, {name: as_parameter(name, value)}, cls.__name__
                )
            except InvalidParameterError as error:
                yield f"{place}.{name}: {_reworded(error, value)}"
            if name == "hidden_layer_sizes":
                yield from _layer_faults(f"{place}.{name}", value)


def _reworded(error: Exception, value: Any) -> str:
    """Return scikit-learn's message as "value is not valid: rule"."""
    rule = str(error).partition(" must be ")[2].rpartition(". Got ")[0]
    return f"{short_repr(value)} is not valid: it must be {rule}" if rule else str(error)


def _layer_faults(place: str, sizes: Any) -> Iterator[str]:
    try:
        hyperparameters.layer_sizes(
            DenseClassifier(as_parameter("hidden_layer_sizes", sizes)), 1, 2
        )
    except (ValueError, TypeError):
        yield (
            f"{place}: {short_repr(sizes)} is not valid: it must be a list of numbers of units, "
            "such as [100, 50]"
        )


def _network_faults(place: str, parameters: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with all parameters of a network together."""
    if "random_state" not in parameters:
        yield f"{place}.random_state: missing; without a seed each run would give other results"
    if parameters.get("solver") == "lbfgs":
        yield f"{place}.solver: 'lbfgs' is not valid: it must be adam or sgd"


def _notes(settings: Params) -> Iterator[str]:
    """Yield which parameters of networks have no effect."""
    mlp = settings.mlp
    networks = {f"mlp.networks.{name}": network_parameters(mlp, name) for name in mlp.networks}
    networks["grid_search.defaults"] = settings.grid_search.defaults
    for place, parameters in networks.items():
        if place.startswith("grid_search") and "solver" in settings.grid_search.param_grid:
            continue
        solver = parameters.get("solver", "adam")
        for name in WITHOUT_EFFECT.get(solver, ()):
            if name in parameters:
                yield f"{place}.{name} has no effect with solver {solver}"
        if "validation_fraction" in parameters and not parameters.get("early_stopping"):
            yield f"{place}.validation_fraction has no effect without early_stopping: true"


def network_parameters(mlp: Mlp, name: str) -> dict[str, Any]:
    """Return all parameters of a network, as params.yaml has them."""
    return mlp.defaults | mlp.networks[name].parameters


def as_parameter(name: str, value: Any) -> Any:
    """Return a value of params.yaml as the estimator takes it: layer sizes as a tuple."""
    return tuple(value) if name == "hidden_layer_sizes" and isinstance(value, list) else value
