"""Trains many networks at once: in stacks of equal shape, spread over processes.

Neither stacks nor processes can change a result; they only save time.
"""

import math
import warnings
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from sklearn.utils import check_array
from sklearn.utils.validation import _num_features, _num_samples
from threadpoolctl import threadpool_limits

from winenet import estimator, network
from winenet.estimator import DenseClassifier

# What a unit costs beside its weights, in weights (measured); it serves the order of the work and
# the time left.
UNIT_COST = 40


class Stack(NamedTuple):
    """Networks that one process trains side by side.

    places: their numbers among all networks. work: what their epochs cost, in any unit.
    """

    places: list[int]
    work: float


def stacks(
    models: Sequence[DenseClassifier],
    shapes: Sequence[tuple[int, int, int]],
    processes: int,
) -> list[Stack]:
    """Return the stacks, the longest work first: then no process waits long for the last one.

    shapes: for each model the number of its training rows, of features and of classes.
    """
    groups: dict[tuple[Any, ...], list[int]] = {}
    for place, (model, (rows, features, classes)) in enumerate(zip(models, shapes, strict=True)):
        settings = estimator.settings_of(model, rows)
        units = estimator.units_of(model, features, classes)
        key = (rows, tuple(units), model.dtype, *network.in_common(settings))
        groups.setdefault(key, []).append(place)
    found = []
    for (rows, units, dtype, batch_size, *_), group in groups.items():
        # A small rate takes more epochs. Networks of about as many leave their stack together.
        group.sort(key=lambda place: (models[place].learning_rate_init, place))
        size = network.networks_per_stack(units, batch_size, dtype)
        parts = math.ceil(len(group) / min(size, math.ceil(len(models) / processes)))
        cuts = [round(i * len(group) / parts) for i in range(parts + 1)]
        for start, stop in pairwise(cuts):
            work = rows * (network.n_parameters(units) + UNIT_COST * sum(units)) * (stop - start)
            found.append(Stack(group[start:stop], float(work)))
    found.sort(key=lambda stack: (-stack.work, models[stack.places[0]].learning_rate_init))
    return found


def one_blas_thread() -> Any:
    """Keep BLAS from starting threads: they would fight the other processes for the cores."""
    return threadpool_limits(limits=1, user_api="blas")


def as_array(model: DenseClassifier, X: Any) -> network.Array:
    """Return X checked and as the model will train on it, for models that are to share it."""
    return np.asarray(
        check_array(X, dtype=np.dtype(model.dtype), order="C", input_name="X", estimator=model)
    )


def fit_many(
    models: Sequence[DenseClassifier],
    data: Sequence[tuple[Any, ...]],
    *,
    n_jobs: int | None = None,
) -> list[DenseClassifier]:
    """Fit each model on its own (X, y) or (X, y, sample_weight); return the models.

    Those of equal shape are trained side by side, which is faster the smaller they are. Each
    becomes what its own `fit` would make of it with one BLAS thread, but callbacks and verbose are
    not heard. n_jobs: processes, as in scikit-learn.
    Raises ValueError when data, parameters or a training do not fit.
    """
    if len(models) != len(data):
        raise ValueError(
            f"There are {len(models)} models for {len(data)} sets of rows, not one each."
        )
    for model in models:
        estimator.check_parameters(model)
    shapes = [(_num_samples(X), _num_features(X), len(np.unique(y))) for X, y, *_ in data]
    plan = stacks(models, shapes, effective_n_jobs(n_jobs))
    calls = (
        delayed(_fit_stack)([models[i] for i in stack.places], [data[i] for i in stack.places])
        for stack in plan
    )
    for stack, (fitted, heard) in zip(plan, Parallel(n_jobs=n_jobs)(calls), strict=True):
        for place, model in zip(stack.places, fitted, strict=True):
            models[place].__dict__.update(model.__dict__)
        for warning in heard:
            warnings.warn(warning, stacklevel=2)
    return list(models)


def _fit_stack(
    models: Sequence[DenseClassifier], data: Sequence[tuple[Any, ...]]
) -> tuple[list[DenseClassifier], list[Warning | str]]:
    """Return the fitted models, and the warnings, which a process of its own would swallow."""
    arrays: dict[tuple[int, str], network.Array] = {}
    with one_blas_thread(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        jobs = []
        for model, (X, *rest) in zip(models, data, strict=True):
            key = (id(X), model.dtype)
            if key not in arrays:
                arrays[key] = as_array(model, X)
            jobs.append(estimator.prepare(model, X, *rest, array=arrays[key]))
        runs = network.train(jobs)
        fitted = [estimator.finish(*each) for each in zip(models, jobs, runs, strict=True)]
    return fitted, [one.message for one in caught]
