"""Fits many networks at once: in stacks of equal shape, distributed over processes.

Neither the stacks nor the processes can change a result.
"""

import copy
import dataclasses
import math
import os
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import groupby, pairwise
from typing import Any, NamedTuple

import numpy as np
from joblib import Parallel, cpu_count, delayed, effective_n_jobs
from joblib.parallel import get_active_backend
from sklearn.utils import check_array
from sklearn.utils.validation import _num_features, _num_samples
from threadpoolctl import threadpool_limits

from winenet.errors import InputError
from winenet.network import classifier, cluster, hyperparameters, journal, layers, training
from winenet.network.classifier import DenseClassifier
from winenet.network.training_job import TrainingJob
from winenet.progress import Progress

# The cost of a unit in addition to its weights, measured in weights. Costs only decide the order
# of the stacks and the estimate of the time left.
COST_PER_UNIT = 40


class WorkersError(InputError):
    """WINENET_WORKERS is not a number of processes."""


class StackPlan(NamedTuple):
    """The indices of the networks that one process trains side by side, and their relative cost."""

    indices: list[int]
    cost: float


def plan_stacks(
    models: Sequence[DenseClassifier],
    shapes: Sequence[tuple[int, int, int]],
    processes: int,
) -> list[StackPlan]:
    """Group the networks into stacks, the most expensive one first.

    With this order no process waits long for the last one.

    Parameters
    ----------
    models : sequence of DenseClassifier
    shapes : sequence of tuple
        For each model, its number of training rows, of features and of classes.
    processes : int
        How many stacks are trained at the same time.
    """
    groups: dict[tuple[Any, ...], list[int]] = {}
    for i, (model, (n_rows, n_features, n_classes)) in enumerate(zip(models, shapes, strict=True)):
        hp = hyperparameters.from_model(model, n_rows)
        sizes = hyperparameters.layer_sizes(model, n_features, n_classes)
        key = (n_rows, tuple(sizes), model.dtype, *training.shared_hyperparameters(hp))
        groups.setdefault(key, []).append(i)
    plan = []
    for (n_rows, sizes, dtype, batch_size, *_), group in groups.items():
        # Networks in a stack should stop at about the same epoch: the lower the rate, the later.
        group.sort(key=lambda i: (models[i].learning_rate_init, i))
        max_size = training.max_networks_in_cache(sizes, batch_size, dtype)
        n_stacks = math.ceil(len(group) / min(max_size, math.ceil(len(models) / processes)))
        cuts = [round(i * len(group) / n_stacks) for i in range(n_stacks + 1)]
        network_cost = n_rows * (layers.n_parameters(sizes) + COST_PER_UNIT * sum(sizes))
        for start, stop in pairwise(cuts):
            plan.append(StackPlan(group[start:stop], float(network_cost * (stop - start))))
    plan.sort(key=lambda stack: (-stack.cost, models[stack.indices[0]].learning_rate_init))
    return plan


def n_workers() -> int:
    """Return the number of processes that a stage uses: WINENET_WORKERS, or one per core.

    Raises
    ------
    WorkersError
        If WINENET_WORKERS is not a positive integer.
    """
    value = os.environ.get("WINENET_WORKERS")
    if value is None:
        return int(cpu_count())
    if not value.isdecimal() or int(value) < 1:
        raise WorkersError(
            f"WINENET_WORKERS={value} is not a number of processes, so no training was started. "
            "It must be an integer of at least 1. Unset it to use one process per core."
        )
    return int(value)


def n_parallel(n_jobs: int | None) -> int:
    """Return how many stacks are trained at once: by the open cluster, or by joblib's processes."""
    active = cluster.current()
    return int(effective_n_jobs(n_jobs)) if active is None else active.processes


def one_blas_thread() -> Any:
    """Limit BLAS to one thread: more would compete with the other processes for the cores."""
    return threadpool_limits(limits=1, user_api="blas")


def joblib_return_as() -> str:
    """Return joblib's `return_as`: results as they are completed, if its backend supports that."""
    backend, _ = get_active_backend()
    return "generator_unordered" if backend.supports_return_generator else "list"


def validate_features(model: DenseClassifier, X: Any) -> layers.Array:
    """Return X validated, in the model's dtype, for models that share it."""
    return np.asarray(
        check_array(X, dtype=np.dtype(model.dtype), order="C", input_name="X", estimator=model)
    )


@contextmanager
def error_context(subject: str) -> Iterator[None]:
    """Prefix the message of a ValueError with what it concerns."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{subject}: {error}") from error


def fit_many(
    models: Iterable[DenseClassifier],
    data: Iterable[tuple[Any, ...]],
    *,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> list[DenseClassifier]:
    """Fit many networks, each on its own data.

    Networks of equal shape are trained side by side; the smaller they are, the more time that
    saves. Each network becomes what its own `fit` would make of it with one BLAS thread, except
    that callbacks and the models' `verbose` are ignored.

    Parameters
    ----------
    models : iterable of DenseClassifier
        The networks to fit, in place. Each needs its own seed or generator as `random_state`.
    data : iterable of tuple
        For each model, ``(X, y)``, and what else its `fit` takes: sample_weight, validation_data.
    n_jobs : int, default=None
        Number of processes, as in scikit-learn.
    verbose : int, default=0
        If 1, show how many fits are done.

    Returns
    -------
    list of DenseClassifier
        The models, fitted.

    Raises
    ------
    ValueError
        If data or parameters are invalid, a training diverges, or models share a RandomState.
    TypeError
        If a model is not a DenseClassifier.

    Examples
    --------
    >>> from winenet import DenseClassifier, fit_many
    >>> X, y = [[0.0], [0.2], [0.8], [1.0]], [0, 0, 1, 1]
    >>> models = [DenseClassifier((4,), alpha=alpha, random_state=0) for alpha in (0.0, 0.1)]
    >>> [model.n_layers_ for model in fit_many(models, [(X, y)] * 2)]  # doctest: +SKIP
    [3, 3]
    """
    models, data = list(models), list(data)
    _check_models(models, data)
    shapes = [(_num_samples(X), _num_features(X), len(np.unique(y))) for X, y, *_ in data]
    plan = plan_stacks(models, shapes, n_parallel(n_jobs))
    store = journal.current_store()  # here, as joblib dispatches from threads without our context
    progress_context: AbstractContextManager[Progress | None] = (
        Progress("training", len(models)) if verbose else nullcontext()
    )
    warnings_by_index: dict[int, list[Warning]] = {}
    cost, total_cost = 0.0, sum(stack.cost for stack in plan)
    with progress_context as progress, one_blas_thread():
        active = cluster.current()
        if active is not None:
            results = _fit_on_cluster(active, plan, models, data, store)
        else:
            parallel = Parallel(n_jobs=n_jobs, return_as=joblib_return_as())
            results = parallel(
                delayed(_fit_stack)(
                    number,
                    stack.indices,
                    [models[i] for i in stack.indices],
                    [data[i] for i in stack.indices],
                    store,
                )
                for number, stack in enumerate(plan)
            )
        for result in results:
            journal.record_stats(result.stats)
            warnings_by_index |= result.warnings
            for i, fitted in result.models.items():
                _copy_fitted_state(models[i], fitted)
            stack = plan[result.number]
            cost += stack.cost * len(result.models) / len(stack.indices)
            if progress is not None:
                progress.update(len(result.models), cost / total_cost)
    for stack in plan:
        for i in stack.indices:
            for warning in warnings_by_index[i]:
                warnings.warn(warning, stacklevel=2)
    return models


def count_cached(
    models: Sequence[DenseClassifier],
    data: Sequence[tuple[Any, ...]],
    store: journal.FitStore,
    pause_at: int | None = None,
) -> int:
    """Return how many of the fits of `fit_many` a journal holds; nothing is trained.

    Parameters
    ----------
    models, data
        As in `fit_many`; the models are left as they are. Models with the same rows in a row share
        their validation.
    store : FitStore
    pause_at : int, optional
        The number of epochs at which the fits pause, as those of a halving search do.

    Raises
    ------
    ValueError
        If data or parameters are invalid.
    """
    n_cached = 0
    with one_blas_thread():
        for _, indices in groupby(range(len(models)), key=lambda i: id(data[i][0])):
            group = list(indices)
            copies = [copy.deepcopy(models[i]) for i in group]
            jobs = [
                dataclasses.replace(job, pause_at=pause_at)
                for job in _make_jobs(group, copies, [data[i] for i in group])
            ]
            n_cached += len(journal.cached_indices(jobs, store))
    return n_cached


def _check_models(models: list[DenseClassifier], data: list[tuple[Any, ...]]) -> None:
    if len(models) != len(data):
        raise ValueError(
            f"There are {len(models)} models for {len(data)} data sets, so it is unclear which "
            "belong together. Pass one (X, y) per model."
        )
    for i, model in enumerate(models):
        if not isinstance(model, DenseClassifier):
            raise TypeError(
                f"models[{i}]={model!r} is not a DenseClassifier, so it cannot be trained in a "
                "stack. For other estimators call fit one by one, or through joblib."
            )
        with error_context(f"models[{i}]"):
            hyperparameters.check(model)
    if len(set(map(id, models))) < len(models):
        raise ValueError(
            "A model occurs more than once, so only its last fit would remain. Pass "
            "sklearn.base.clone(model) for each fit."
        )
    rngs = [
        id(model.random_state)
        for model in models
        if isinstance(model.random_state, np.random.RandomState)
    ]
    if len(set(rngs)) < len(rngs):
        raise ValueError(
            "Models share a RandomState, so the random numbers of each would depend on the others. "
            "Give each model its own random_state, such as an integer."
        )


def _copy_fitted_state(model: DenseClassifier, fitted: DenseClassifier) -> None:
    """Copy to model what fit has done to it, or to its copy in another process."""
    if fitted is model:
        return
    params = model.get_params(deep=False)
    callbacks = {name: value for name, value in vars(model).items() if name == "_skl_callbacks"}
    if isinstance(params["random_state"], np.random.RandomState):
        params["random_state"].set_state(fitted.random_state.get_state())
    model.__dict__ = vars(fitted) | params | callbacks


class _StackResult(NamedTuple):
    """The result of a stack, or of a part of it.

    number: index of the stack in the plan. models, warnings: by the model's index; warnings are
    returned because those of another process would be lost. stats: without states.
    """

    number: int
    models: dict[int, DenseClassifier]
    warnings: dict[int, list[Warning]]
    stats: journal.TrainingResult


def _make_jobs(
    indices: Sequence[int], models: Sequence[DenseClassifier], data: Sequence[tuple[Any, ...]]
) -> list[TrainingJob]:
    """Return the training job of each model; jobs with the same rows share them."""
    arrays: dict[tuple[int, str], layers.Array] = {}
    jobs = []
    for i, model, (X, *rest) in zip(indices, models, data, strict=True):
        key = (id(X), model.dtype)
        with error_context(f"models[{i}]"):
            if key not in arrays:
                arrays[key] = validate_features(model, X)
            jobs.append(classifier.make_training_job(model, X, *rest, validated_X=arrays[key]))
    return jobs


def _fit_stack(
    number: int,
    indices: Sequence[int],
    models: Sequence[DenseClassifier],
    data: Sequence[tuple[Any, ...]],
    store: journal.FitStore | None,
) -> _StackResult:
    """Fit the models of one stack, or of a part of it."""
    warnings_by_index = {}
    with one_blas_thread():
        jobs = _make_jobs(indices, models, data)
        result = journal.train(jobs, store)
        for i, model, job, state in zip(indices, models, jobs, result.states, strict=True):
            with error_context(f"models[{i}]"):
                classifier.set_fitted_attributes(model, job, state)
            warnings_by_index[i] = classifier.fit_warnings(model, job, state)
    fitted = dict(zip(indices, models, strict=True))
    return _StackResult(number, fitted, warnings_by_index, result.without_states())


def _fit_on_cluster(
    active: cluster.Cluster,
    plan: Sequence[StackPlan],
    models: Sequence[DenseClassifier],
    data: Sequence[tuple[Any, ...]],
    store: journal.SqliteFitStore | None,
) -> Iterator[_StackResult]:
    """Yield what `_fit_stack` returns, from the cluster's workers; see `Cluster.run`."""
    handles: dict[tuple[int, ...], Any] = {}

    def make_jobs(_: int, indices: Sequence[int]) -> list[TrainingJob]:
        # Copies, because making a job draws from the model's random_state.
        copies = [copy.deepcopy(models[i]) for i in indices]
        return _make_jobs(indices, copies, [data[i] for i in indices])

    def fit_locally(number: int, indices: Sequence[int]) -> _StackResult:
        subset = [models[i] for i in indices], [data[i] for i in indices]
        return _fit_stack(number, indices, *subset, store)

    def submit(session: cluster.Session, number: int, indices: Sequence[int]) -> None:
        keys = [tuple(map(id, data[i])) for i in indices]
        for key, i in zip(keys, indices, strict=True):
            if key not in handles:
                handles[key] = session.scatter(data[i])
        distinct = list(dict.fromkeys(keys))
        data_index = [distinct.index(key) for key in keys]
        args = (number, indices, [models[i] for i in indices], data_index, session.remote_journal)
        session.submit(_fit_on_worker, args, *(handles[key] for key in distinct))

    indices_by_stack = [stack.indices for stack in plan]
    return active.run(store, indices_by_stack, make_jobs, fit_locally, submit)


def _fit_on_worker(
    number: int,
    indices: Sequence[int],
    models: Sequence[DenseClassifier],
    data_index: Sequence[int],
    store: journal.FitStore | None,
    *data: tuple[Any, ...],
) -> _StackResult:
    """Fit a stack on a worker; data_index: for each model, the index of its data."""
    return _fit_stack(number, indices, models, [data[i] for i in data_index], store)
