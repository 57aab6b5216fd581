"""Check the parameters of all models in params.yaml against the estimators that take them."""

import functools
import importlib
import math
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sklearn.base import is_classifier
from sklearn.dummy import DummyClassifier

from winenet import params
from winenet.errors import did_you_mean, short_repr
from winenet.models import logistic
from winenet.models.constraints import (
    as_parameter,
    estimator_faults,
    first_line,
    least_classes,
    raise_faults,
    trial_fault,
    trial_warnings,
)
from winenet.models.saved import DEFAULT_THRESHOLD
from winenet.models.weighted_mlp import WeightedMLPClassifier
from winenet.network.classifier import DenseClassifier
from winenet.params import (
    Compare,
    Distribution,
    GridSearch,
    Ingest,
    Mlp,
    Params,
    ParamsError,
)
from winenet.params_fields import Threshold

WITHOUT_EFFECT = {  # by solver: parameters that it does not read
    "adam": ("momentum", "nesterovs_momentum", "power_t", "learning_rate"),
    "sgd": ("beta_1", "beta_2", "epsilon"),
}
TRIED = ("random_state", "class_weight", "early_stopping", "validation_fraction")  # in a short fit
# The stages after mlp and grid_search train every network with DenseClassifier.
ONLY_SCIKIT_LEARN = {"max_fun": "only the solver lbfgs reads it, and a network has none"}


def check(settings: Params, n_classes: int = 2) -> list[str]:
    """Check the parameters of all models.

    Parameters
    ----------
    settings : Params
        The whole of params.yaml.
    n_classes : int
        Of the table: some parameters fit two classes only.

    Returns
    -------
    list of str
        Notes: parameters that are valid and have no effect, and warnings of scikit-learn.

    Raises
    ------
    ParamsError
        If a parameter is invalid; the message lists all faults.
    """
    raise_faults(section_faults(dict(settings), n_classes))
    return [
        *logistic.notes(settings.logistic, n_classes),
        *_notes(settings),
        *_baseline_notes(settings, n_classes),
    ]


def section_faults(sections: Mapping[str, Any], n_classes: int | None = None) -> Iterator[str]:
    """Yield what is wrong with the parameters of the models in some sections of params.yaml.

    n_classes: of the table; None before it has been read.
    """
    if "logistic" in sections:
        yield from logistic.faults(sections["logistic"], n_classes)
    if "mlp" in sections:
        yield from mlp_faults(sections["mlp"], n_classes)
    if "grid_search" in sections:
        yield from search_faults(sections["grid_search"], n_classes)
    if "threshold" in sections:
        yield from threshold_faults(sections["threshold"], n_classes)
    if "compare" in sections:
        yield from baseline_faults(sections["compare"])
        if "ingest" in sections:
            yield from _baseline_trials(sections["compare"], sections["ingest"], n_classes or 2)


def all_faults(error: ParamsError) -> ParamsError:
    """Return an error that lists every fault of params.yaml at once, the models' included.

    A section that does not fit the schema is not checked further. A file that cannot be read has
    no faults to add to.

    Parameters
    ----------
    error : ParamsError
        The faults of the schema, or those of one section's models.
    """
    if not error.faults:
        return error
    try:
        faults = [*section_faults(dict(params.load(error.path)))]
    except ParamsError as found:
        faults = [*found.faults, *section_faults(found.sections)]
    places = {_place(fault) for fault in faults}
    faults += [fault for fault in error.faults if _place(fault) not in places]
    return params.faults_error(faults, error.path)


def _place(fault: str) -> str:
    return fault.partition(": ")[0]


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
    except (ImportError, AttributeError) as error:
        hint = _similar(path)
        why = hint or (f": {first_line(error)}" if package != "sklearn" else "")
        raise ValueError(f"there is no class {path}{why}") from None
    if not _makes_a_classifier(cls):
        raise ValueError(f"{path} is not a classifier that can be made without other estimators")
    return cls


def _similar(path: str) -> str:
    """Return a hint at the scikit-learn classifier of nearly this name."""
    if not path.startswith("sklearn."):
        return ""
    from sklearn.utils import all_estimators

    known = {
        name: f"{cls.__module__.partition('._')[0]}.{name}"
        for name, cls in all_estimators(type_filter="classifier")
    }
    name = path.rpartition(".")[2]
    # The names alone first: all paths begin alike, so that any two of them are near each other.
    if name in known:
        return f"; did you mean '{known[name]}'?"
    nearest = did_you_mean(name, known).partition("'")[2].rpartition("'")[0]
    return f"; did you mean '{known[nearest]}'?" if nearest else ""


def _makes_a_classifier(cls: Any) -> bool:
    """Return whether a class can be called without arguments and returns a classifier."""
    if not (isinstance(cls, type) and hasattr(cls, "get_params") and hasattr(cls, "fit")):
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return bool(is_classifier(cls()))
        except (TypeError, AttributeError):  # such as a StackingClassifier, which needs others
            return False


def mlp_faults(mlp: Mlp, n_classes: int | None = None) -> Iterator[str]:
    """Yield what is wrong with the parameters of the networks."""
    common = [*_parameter_faults("mlp.defaults", mlp.estimator, mlp.defaults)]
    yield from common
    for name, network in mlp.networks.items():
        place = f"mlp.networks.{name}"
        found = [*_parameter_faults(place, mlp.estimator, network.parameters)]
        if not found and not common:
            found = [*_network_faults(place, network_parameters(mlp, name), n_classes)]
        yield from found


def search_faults(search: GridSearch, n_classes: int | None = None) -> Iterator[str]:
    """Yield what is wrong with the parameters of the candidates."""
    found = [*_parameter_faults("grid_search.defaults", search.estimator, search.defaults)]
    for name, values in candidate_values(search).items():
        for i, value in enumerate(values):
            faults = [*_parameter_faults("grid_search.param_grid", search.estimator, {name: value})]
            prefix = f"grid_search.param_grid.{name}"
            if faults and " is not " in faults[0]:  # the value's fault, not the parameter's
                found += [fault.replace(f"{prefix}:", f"{prefix}[{i}]:", 1) for fault in faults]
            else:
                found += faults
                if faults:
                    break
        found += [
            f"grid_search.param_grid.{name}: {short_repr(value)} is listed twice"
            for i, value in enumerate(values)
            if (type(value), value) in [(type(other), other) for other in values[:i]]
        ]
    found += [
        f"{place}: {short_repr(value)} is not valid: it must be finite, since the best candidate's "
        "parameters are written as JSON"
        for place, value in [
            *((f"grid_search.defaults.{name}", value) for name, value in search.defaults.items()),
            *(
                (f"grid_search.param_grid.{name}[{i}]", value)
                for name, values in candidate_values(search).items()
                for i, value in enumerate(values)
            ),
        ]
        if value == math.inf and not any(fault.startswith(f"{place}:") for fault in found)
    ]
    yield from found
    if found:
        return
    first = {name: values[0] for name, values in candidate_values(search).items()}
    reported = [*_network_faults("grid_search.defaults", search.defaults | first, n_classes)]
    yield from reported
    for name, values in candidate_values(search).items():
        for i, value in enumerate(values[1:] if not reported else [], start=1):
            place = f"grid_search.param_grid.{name}[{i}]"
            parameters = search.defaults | first | {name: value}
            for fault in _network_faults(place, parameters, n_classes):
                yield fault.replace(f"{place}.{name}:", f"{place}:", 1)


def threshold_faults(threshold: Threshold, n_classes: int | None) -> Iterator[str]:
    """Yield why a threshold does not fit the number of classes."""
    if (n_classes or 2) > 2 and threshold != DEFAULT_THRESHOLD:
        yield (
            f"threshold: {short_repr(threshold)} is for two classes; of {n_classes} classes the "
            "most probable one is predicted, so it must be 0.5"
        )


def takes_threshold(model: Any) -> bool:
    """Return whether params.threshold applies to a model: a DummyClassifier has its own rule."""
    return hasattr(model, "predict_proba") and not isinstance(model, DummyClassifier)


def candidate_values(search: GridSearch) -> dict[str, list[Any]]:
    """Return the values of each searched parameter; of a distribution, its bounds."""
    return {
        name: _bounds(given) if isinstance(given, Distribution) else given
        for name, given in search.param_grid.items()
    }


def _bounds(drawn: Distribution) -> list[Any]:
    if drawn.randint is not None:
        low, high = map(int, drawn.randint)
        return [low, high - 1]
    return list(drawn.loguniform or drawn.uniform or ())


def n_candidates(search: GridSearch) -> int:
    """Return how many candidates the search begins with.

    A random search over lists alone draws none twice, so it has at most all of their combinations.
    """
    lists = [given for given in search.param_grid.values() if isinstance(given, list)]
    combinations = math.prod(map(len, lists))
    if search.n_iter is None:
        return combinations
    return (
        min(search.n_iter, combinations) if len(lists) == len(search.param_grid) else search.n_iter
    )


def _parameter_faults(place: str, estimator: str, parameters: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with each parameter of a network by itself."""
    for name, value in parameters.items():
        if name == "solver" and value == "lbfgs":
            yield f"{place}.solver: 'lbfgs' is not valid: it must be 'adam' or 'sgd'"
        elif (
            estimator == "scikit-learn"
            and name in DenseClassifier().get_params()
            and name not in WeightedMLPClassifier().get_params()
        ):
            yield (
                f"{place}.{name}: unknown parameter of MLPClassifier; it needs `estimator: winenet`"
            )
        else:
            yield from estimator_faults(place, DenseClassifier, {name: value}, ONLY_SCIKIT_LEARN)


def _network_faults(
    place: str, parameters: Mapping[str, Any], n_classes: int | None
) -> Iterator[str]:
    """Yield what is wrong with all parameters of a network together."""
    if n_classes is None:
        n_classes = least_classes(parameters.get("class_weight"))
    if "random_state" not in parameters:
        yield f"{place}.random_state: missing; without a seed each run would give other results"
    # Whether a network diverges depends on the rows, so the other parameters have no part in this.
    known = {name: as_parameter(name, parameters[name]) for name in TRIED if name in parameters}
    fault = trial_fault(place, DenseClassifier(**known), n_classes)
    yield from [fault] if fault else []


def baseline_faults(settings: Compare) -> Iterator[str]:
    """Yield what is wrong with the classes and the parameters of the baselines."""
    for name, baseline in settings.baselines.items():
        place = f"compare.baselines.{name}"
        try:
            cls = load_class(baseline.estimator, settings.trusted_modules)
        except ValueError as error:
            yield f"{place}.estimator: {error}"
            continue
        yield from estimator_faults(place, cls, baseline.parameters)


def make_baseline(settings: Compare, name: str) -> Any:
    """Return a baseline, untrained.

    A class with a random_state that params.yaml does not set gets that of the section: without a
    seed some of them give other results in each run.
    """
    baseline = settings.baselines[name]
    cls = load_class(baseline.estimator, settings.trusted_modules)
    model = cls(**{key: as_parameter(key, value) for key, value in baseline.parameters.items()})
    if model.get_params(deep=False).get("random_state", 0) is None:
        model.set_params(random_state=settings.random_state)
    return model


def _features(ingest: Ingest) -> Sequence[str] | None:
    """Return the names of the features, or None if only the table shows their number."""
    return None if "category" in ingest.columns.values() else list(ingest.columns)


def _baseline_trials(compare: Compare, ingest: Ingest, n_classes: int) -> Iterator[str]:
    columns = _features(ingest)
    if columns is None or any(baseline_faults(compare)):
        return
    for name in compare.baselines:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = make_baseline(compare, name)
        fault = trial_fault(f"compare.baselines.{name}", model, n_classes, columns)
        yield from [fault] if fault else []


def _baseline_notes(settings: Params, n_classes: int) -> Iterator[str]:
    """Yield what scikit-learn warns of in the baselines."""
    columns = _features(settings.ingest) or ()
    for name in settings.compare.baselines if columns else ():
        make = functools.partial(make_baseline, settings.compare, name)
        for text in trial_warnings(make, n_classes, columns):
            yield f"compare.baselines.{name}: {text}"


def _notes(settings: Params) -> Iterator[str]:
    """Yield which parameters of networks have no effect."""
    mlp, search = settings.mlp, settings.grid_search
    for name in mlp.networks:
        yield from _without_effect(f"mlp.networks.{name}", network_parameters(mlp, name))
    first = {name: values[0] for name, values in candidate_values(search).items()}
    searched = {*search.param_grid}
    yield from _without_effect("grid_search", search.defaults | first, searched)


def _without_effect(
    place: str, parameters: Mapping[str, Any], searched: Iterable[str] = ()
) -> Iterator[str]:
    """Yield which parameters have no effect; searched: those that have other values as well."""
    solver = parameters.get("solver", "adam")
    for name in WITHOUT_EFFECT.get(solver, ()):
        if name in parameters and "solver" not in searched:
            yield f"{place}.{name} has no effect with solver {solver}"
    stops = parameters.get("early_stopping") or "early_stopping" in searched
    if "validation_fraction" in parameters and not stops:
        yield f"{place}.validation_fraction has no effect without early_stopping: true"


def network_parameters(mlp: Mlp, name: str) -> dict[str, Any]:
    """Return all parameters of a network, as params.yaml has them."""
    return mlp.defaults | mlp.networks[name].parameters


def count_fits(settings: Params) -> dict[str, int]:
    """Return how many models each stage fits, in the order of the stages.

    The search fits each candidate on each fold, the best one on all rows, and that one on each
    fold again for the out-of-fold predictions. A threshold that a score chooses needs a fit on each
    fold of the other models.
    """
    networks, search = len(settings.mlp.networks), settings.grid_search
    folds = search.cv if isinstance(settings.threshold, str) else 0
    baselines = settings.compare.baselines
    curve = settings.learning_curve
    models = networks + 2  # with the logistic regression and the best of the search
    return {
        "logistic": 1 + folds,
        "mlp": networks * (1 + folds),
        "grid_search": n_candidates(search) * search.cv + 1 + search.cv,
        "curves": 4 * networks,  # see training_curves.trace_all
        "seeds": (networks + 1) * settings.seeds.n_seeds,
        "learning_curve": models * len(curve.train_sizes) * curve.n_repeats,
        "importance": models * len(settings.importance.drop_features),
        "compare": len(baselines)
        + sum(
            folds * takes_threshold(make_baseline(settings.compare, name))
            for name in (baselines if folds else ())
        ),
    }
