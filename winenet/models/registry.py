"""Make the models that params.yaml describes, untrained, and train several of them at once.

Every stage that trains a model takes it from here, so no parameter can reach one stage and miss
another.
"""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from sklearn.exceptions import ConvergenceWarning

from winenet.errors import InputError
from winenet.models.constraints import as_parameter, first_line, raise_faults
from winenet.models.logistic import make_logistic_regression
from winenet.models.parameters import (
    baseline_faults,
    make_baseline,
    mlp_faults,
    network_parameters,
)
from winenet.models.weighted_mlp import WeightedMLPClassifier
from winenet.network.classifier import DenseClassifier
from winenet.network.parallel import fit_many, n_workers
from winenet.params import Compare, Logistic, Mlp

Estimator: TypeAlias = Any  # a DenseClassifier or one of scikit-learn's, which have no types


class Fit(NamedTuple):
    """A model, untrained, and the arguments of its `fit`: X, y; for a network as in `fit_many`."""

    model: Estimator
    rows: tuple[Any, ...]


class TrainingError(InputError):
    """A network could not be trained on other rows or under another seed."""


def make_network(parameters: Mapping[str, Any], estimator: str = "winenet") -> Estimator:
    """Return an untrained network.

    Parameters
    ----------
    parameters : mapping
        Parameters of the network as params.yaml has them.
    estimator : {"winenet", "scikit-learn"}
        The library that trains. Both give the same numbers.
    """
    known = {name: as_parameter(name, value) for name, value in parameters.items()}
    return DenseClassifier(**known) if estimator == "winenet" else WeightedMLPClassifier(**known)


def make_mlp_networks(settings: Mlp, estimator: str = "winenet") -> dict[str, Estimator]:
    """Return the networks of the stage mlp by name, untrained, in the order of params.yaml.

    Raises
    ------
    ParamsError
        If their parameters are invalid.
    """
    raise_faults(mlp_faults(settings))
    return {
        name: make_network(network_parameters(settings, name), estimator)
        for name in settings.networks
    }


def make_networks(mlp: Mlp, best: Mapping[str, Any]) -> dict[str, Estimator]:
    """Return the networks of the stage mlp and the search's winner by name, untrained.

    best: the winner's parameters, from data/grid_search_best.json.
    """
    return make_mlp_networks(mlp) | {"grid_search": make_network(best)}


def make_models(
    baseline: Logistic, mlp: Mlp, best: Mapping[str, Any], n_classes: int
) -> dict[str, Estimator]:
    """Return the logistic regression and the networks of `make_networks` by name, untrained."""
    logistic = make_logistic_regression(baseline, n_classes)
    return {"logistic": logistic} | make_networks(mlp, best)


def make_baselines(settings: Compare) -> dict[str, Estimator]:
    """Return the models of compare.baselines by name, untrained.

    Raises
    ------
    ParamsError
        If a class cannot be used, or their parameters are invalid.
    """
    raise_faults(baseline_faults(settings))
    return {name: make_baseline(settings, name) for name in settings.baselines}


def fit_baseline(name: str, model: Estimator, X: Any, y: Any) -> None:
    """Fit a model of compare.baselines.

    Raises
    ------
    TrainingError
        If it cannot be fitted: some models do not take all rows, or not all parameters together.
    """
    try:
        model.fit(X, y)
    except ValueError as error:
        raise TrainingError(
            f"compare.baselines.{name} could not be trained: {first_line(error)} The comparison "
            f"would be incomplete, so the stage was stopped. Change compare.baselines.{name} in "
            "params.yaml."
        ) from error


def title(name: str, mlp: Mlp, compare: Compare) -> str | None:
    """Return the title that params.yaml gives to a network or a baseline, or None."""
    model = mlp.networks.get(name) or compare.baselines.get(name)
    return None if model is None else model.title


def format_layer_sizes(sizes: Sequence[int] | int) -> str:
    """Return (50, 25) as "50-25", for a cell of a table or a metric."""
    return str(sizes) if isinstance(sizes, int) else "-".join(map(str, sizes))


def networks_of(fits: Iterable[Fit]) -> list[Fit]:
    """Return the fits of our networks, which the journal can serve."""
    return [fit for fit in fits if isinstance(fit.model, DenseClassifier)]


def fit_all(fits: Iterable[Fit]) -> None:
    """Fit each model on its own rows: the networks in parallel, the others one by one.

    A fit that stops at max_iter gives no warning; see n_iter_.

    Parameters
    ----------
    fits : iterable of Fit
        The models are fitted in place.

    Raises
    ------
    TrainingError
        If the weights of a network become infinite. A learning rate that worked in the search can
        be too large under another seed or on other rows.
    """
    fits = list(fits)
    networks = networks_of(fits)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for fit in fits:
            if not isinstance(fit.model, DenseClassifier):
                fit.model.fit(*fit.rows)
        try:
            fit_many(
                [fit.model for fit in networks],
                [fit.rows for fit in networks],
                n_jobs=n_workers(),
                verbose=1,
            )
        except ValueError as error:
            raise TrainingError(
                f"A network could not be trained: {error} The results would be incomplete, so the "
                "stage was stopped. Change mlp or grid_search in params.yaml; try a smaller "
                "learning_rate_init first."
            ) from error
