"""Make the models that params.yaml describes, untrained, and train several of them at once.

A parameter of a network is read from params.yaml in `make_network` only, so a new one reaches the
stages mlp, grid_search, seeds, learning_curve and importance alike. (The stage curves has a section
of its own.) The models that the pipeline saves are those of mlp, grid_search and logistic; the
references that only the stage compare trains are in `winenet.evaluation.comparison`.
"""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from winenet.errors import InputError
from winenet.models.logistic import make_logistic_regression
from winenet.network.classifier import DenseClassifier
from winenet.network.parallel import fit_many, n_workers
from winenet.params import GridSearch, Logistic, Mlp

Estimator: TypeAlias = Any  # a DenseClassifier or one of scikit-learn's, which have no types


class TrainingError(InputError):
    """A network could not be trained on other rows or under another seed."""


def make_network(
    settings: Mlp | GridSearch, estimator: str = "winenet", **parameters: Any
) -> Estimator:
    """Return an untrained network.

    Parameters
    ----------
    settings : Mlp or GridSearch
        A section of params.yaml; every network parameter in it is used.
    estimator : {"winenet", "scikit-learn"}
        The class that trains. Both give the same numbers; scikit-learn's has no dtype.
    **parameters
        What the section does not fix: hidden_layer_sizes, learning_rate_init.
    """
    parameters |= {"max_iter": settings.max_iter, "random_state": settings.random_state}
    if estimator == "winenet":
        return DenseClassifier(**parameters, dtype=settings.dtype)
    return MLPClassifier(**parameters)


def make_mlp_networks(settings: Mlp, estimator: str = "winenet") -> dict[str, Estimator]:
    """Return the two networks of the stage mlp by name, untrained."""
    return {
        name: make_network(
            settings, estimator, hidden_layer_sizes=tuple(network.hidden_layer_sizes)
        )
        for name, network in settings.networks
    }


def make_networks(
    mlp: Mlp, grid_search: GridSearch, search_metrics: Mapping[str, Any]
) -> dict[str, Estimator]:
    """Return the networks of the stage mlp and the best one of the search by name, untrained.

    search_metrics: the metrics of the stage grid_search.
    """
    best = make_network(grid_search, **parse_best_parameters(search_metrics, grid_search))
    return make_mlp_networks(mlp) | {"grid_search": best}


def make_models(
    baseline: Logistic,
    mlp: Mlp,
    grid_search: GridSearch,
    search_metrics: Mapping[str, Any],
    n_classes: int,
) -> dict[str, Estimator]:
    """Return the logistic regression and the networks of `make_networks` by name, untrained."""
    logistic = make_logistic_regression(baseline, n_classes)
    return {"logistic": logistic} | make_networks(mlp, grid_search, search_metrics)


def format_layer_sizes(sizes: Sequence[int]) -> str:
    """Return (50, 25) as "50-25", for a cell of a table or a metric."""
    return "-".join(map(str, sizes))


def parse_best_parameters(
    search_metrics: Mapping[str, Any], grid_search: GridSearch
) -> dict[str, Any]:
    """Return the parameters of the best candidate, as the grid has them, from rounded metrics.

    The inverse of `format_layer_sizes` gives the sizes. The learning rate is the one in the grid
    nearest to the rounded metric.
    """
    sizes = search_metrics["best_hidden_layer_sizes"].split("-")
    rounded = search_metrics["best_learning_rate_init"]
    rates = grid_search.param_grid.learning_rate_init
    return {
        "hidden_layer_sizes": tuple(map(int, sizes)),
        "learning_rate_init": min(rates, key=lambda rate: abs(rate - rounded)),
    }


def fit_all(models: Sequence[Estimator], data: Iterable[tuple[Any, Any]]) -> None:
    """Fit each model on its own (X, y): the networks in parallel, the others one by one.

    A fit that stops at max_iter gives no warning; see n_iter_.

    Parameters
    ----------
    models : sequence of estimators
        Fitted in place.
    data : iterable of (X, y)
        One pair for each model.

    Raises:
    ------
    TrainingError
        If the weights of a network become infinite. A learning rate that worked in the search can
        be too large under another seed or on other rows.
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
                f"A network could not be trained: {error} The results would be incomplete, so the "
                "stage was stopped. Change grid_search.param_grid in params.yaml; try a smaller "
                "learning_rate_init first."
            ) from error
