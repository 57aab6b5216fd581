"""The models that are compared, untrained, and how they are trained all at once."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from sklearn.exceptions import ConvergenceWarning

from winenet.errors import InputError
from winenet.models import logistic
from winenet.network.classifier import DenseClassifier
from winenet.network.parallel import fit_many, n_workers
from winenet.params import GridSearch, Logistic, Mlp

Estimator: TypeAlias = Any  # a DenseClassifier or one of scikit-learn's, which have no types


class TrainingError(InputError):
    """A network could not be trained again as it was the first time."""


def baseline(settings: Logistic, classes: int) -> Estimator:
    """Return the logistic regression for so many classes, untrained."""
    return logistic.make_logistic_regression(settings, classes)


def make_networks(
    mlp: Mlp, grid_search: GridSearch, best: Mapping[str, Any]
) -> dict[str, Estimator]:
    """Return the networks, untrained: both of the stage mlp, and the search's winner.

    best: what the search chose, best_hidden_layer_sizes and best_learning_rate_init. A metric is
    rounded, so the rate is the nearest one of the grid.
    """
    rates = grid_search.param_grid.learning_rate_init
    found = {
        name: DenseClassifier(
            tuple(network.hidden_layer_sizes),
            max_iter=mlp.max_iter,
            random_state=mlp.random_state,
            dtype=mlp.dtype,
        )
        for name, network in mlp.networks
    }
    tuned = DenseClassifier(
        tuple(int(size) for size in best["best_hidden_layer_sizes"].split("-")),
        learning_rate_init=min(rates, key=lambda rate: abs(rate - best["best_learning_rate_init"])),
        max_iter=grid_search.max_iter,
        random_state=grid_search.random_state,
        dtype=grid_search.dtype,
    )
    return found | {"grid_search": tuned}


def fit_all(models: Sequence[Estimator], data: Iterable[tuple[Any, Any]]) -> None:
    """Fit each model on its own (X, y): the networks side by side, the others one by one.

    That max_iter ended a fit is not warned of; n_iter_ tells it.
    Raises TrainingError when a network's weights become infinite: under another seed, or on other
    rows, a learning rate can be too large that was not so in the search.
    """
    data = list(data)
    networks = [i for i, model in enumerate(models) if isinstance(model, DenseClassifier)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for i, model in enumerate(models):
            if i not in networks:
                model.fit(*data[i])
        try:
            fit_many(
                [models[i] for i in networks],
                [data[i] for i in networks],
                n_jobs=n_workers(),
                verbose=1,
            )
        except ValueError as error:
            raise TrainingError(
                f"A network could not be trained: {error} None may drop out silently, so the "
                "stage was ended. Change grid_search.param_grid in params.yaml; a smaller "
                "learning_rate_init is the first thing to try."
            ) from error
