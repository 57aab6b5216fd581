"""Trains many networks at once: in stacks of equal shape, spread over processes.

Neither stacks nor processes can change a result; they only save time.
"""

import copy
import math
import os
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from joblib import Parallel, cpu_count, delayed, effective_n_jobs
from joblib.parallel import get_active_backend
from sklearn.utils import check_array
from sklearn.utils.validation import _num_features, _num_samples
from threadpoolctl import threadpool_limits

from winenet.errors import InputError
from winenet.network import classifier, cluster, journal, layers, training, training_job
from winenet.network.classifier import DenseClassifier
from winenet.progress import Progress

# What a unit costs beside its weights, in weights (measured); it serves the order of the work and
# the time left.
COST_PER_UNIT = 40


class WorkersError(InputError):
    """WINENET_WORKERS is no number of processes."""


class StackPlan(NamedTuple):
    """Networks that one process trains side by side.

    places: their numbers among all networks. work: what their epochs cost, in any unit.
    """

    places: list[int]
    work: float


def plan_stacks(
    models: Sequence[DenseClassifier],
    shapes: Sequence[tuple[int, int, int]],
    processes: int,
) -> list[StackPlan]:
    """Return the stacks, the longest work first: then no process waits long for the last one.

    shapes: for each model the number of its training rows, of features and of classes.
    """
    groups: dict[tuple[Any, ...], list[int]] = {}
    for place, (model, (rows, features, classes)) in enumerate(zip(models, shapes, strict=True)):
        settings = classifier.hyperparameters_of(model, rows)
        units = classifier.layer_sizes_of(model, features, classes)
        key = (rows, tuple(units), model.dtype, *training.shared_hyperparameters(settings))
        groups.setdefault(key, []).append(place)
    found = []
    for (rows, units, dtype, batch_size, *_), group in groups.items():
        # A small rate takes more epochs. Networks of about as many leave their stack together.
        group.sort(key=lambda place: (models[place].learning_rate_init, place))
        size = training.max_stack_size(units, batch_size, dtype)
        parts = math.ceil(len(group) / min(size, math.ceil(len(models) / processes)))
        cuts = [round(i * len(group) / parts) for i in range(parts + 1)]
        for start, stop in pairwise(cuts):
            work = rows * (layers.n_parameters(units) + COST_PER_UNIT * sum(units)) * (stop - start)
            found.append(StackPlan(group[start:stop], float(work)))
    found.sort(key=lambda stack: (-stack.work, models[stack.places[0]].learning_rate_init))
    return found


def n_workers() -> int:
    """Return the number of processes that a stage uses: WINENET_WORKERS, or one a core.

    Raises WorkersError when WINENET_WORKERS is no positive whole number.
    """
    asked = os.environ.get("WINENET_WORKERS")
    if asked is None:
        return int(cpu_count())
    if not asked.isdecimal() or int(asked) < 1:
        raise WorkersError(
            f"WINENET_WORKERS={asked} is no number of processes, so no training was begun. "
            "It must be a whole number from 1 up; unset it for one process a core."
        )
    return int(asked)


def n_parallel(n_jobs: int | None) -> int:
    """Return how many stacks are trained at once: by the cluster that is open, or as joblib does.

    n_jobs: processes of this machine, as in scikit-learn.
    """
    crew = cluster.current()
    return int(effective_n_jobs(n_jobs)) if crew is None else crew.processes


def one_blas_thread() -> Any:
    """Keep BLAS from starting threads: they would fight the other processes for the cores."""
    return threadpool_limits(limits=1, user_api="blas")


def joblib_return_as() -> str:
    """Return how joblib is to hand out results: one by one, where its backend can do that."""
    backend, _ = get_active_backend()
    return "generator_unordered" if backend.supports_return_generator else "list"


def validate_X(model: DenseClassifier, X: Any) -> layers.Array:
    """Return X checked and as the model will train on it, for models that are to share it."""
    return np.asarray(
        check_array(X, dtype=np.dtype(model.dtype), order="C", input_name="X", estimator=model)
    )


@contextmanager
def error_context(what: str) -> Iterator[None]:
    """Put before an error what it concerns."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{what}: {error}") from error


def fit_many(
    models: Iterable[DenseClassifier],
    data: Iterable[tuple[Any, ...]],
    *,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> list[DenseClassifier]:
    """Fit each model on its own (X, y) or (X, y, sample_weight); return the models.

    Those of equal shape are trained side by side, which is faster the smaller they are. Each
    becomes what its own `fit` would make of it with one BLAS thread, but callbacks and verbose are
    not heard. n_jobs: processes, as in scikit-learn. verbose: 1 shows how many fits are done.
    Raises ValueError when data, parameters or a training do not fit, or when models share their
    random numbers: each needs a seed, or a generator, of its own.
    """
    models, data = list(models), list(data)
    _check_models(models, data)
    shapes = [(_num_samples(X), _num_features(X), len(np.unique(y))) for X, y, *_ in data]
    plan = plan_stacks(models, shapes, n_parallel(n_jobs))
    path = journal.current_path()  # here: joblib draws the later calls from threads of its own
    shown: AbstractContextManager[Progress | None] = (
        Progress("training", len(models)) if verbose else nullcontext()
    )
    cautions: dict[int, list[Warning]] = {}
    work, all_work = 0.0, sum(stack.work for stack in plan)
    with shown as progress, one_blas_thread():
        crew = cluster.current()
        if crew is not None:
            done = _fit_on_cluster(crew, plan, models, data, path)
        else:
            parallel = Parallel(n_jobs=n_jobs, return_as=joblib_return_as())
            done = parallel(
                delayed(_fit_stack)(
                    number,
                    stack.places,
                    [models[i] for i in stack.places],
                    [data[i] for i in stack.places],
                    path,
                )
                for number, stack in enumerate(plan)
            )
        for number, fitted, heard, trained in done:
            journal.record_stats(trained)
            cautions |= heard
            for place, model in fitted.items():
                _copy_fitted_state(models[place], model)
            work += plan[number].work * len(fitted) / len(plan[number].places)
            if progress is not None:
                progress.update(len(fitted), work / all_work)
    for stack in plan:
        for place in stack.places:
            for caution in cautions[place]:
                warnings.warn(caution, stacklevel=2)
    return models


def _check_models(models: list[DenseClassifier], data: list[tuple[Any, ...]]) -> None:
    if len(models) != len(data):
        raise ValueError(
            f"There are {len(models)} models for {len(data)} sets of rows, so it is open which "
            "belong together. Give one (X, y) for each model."
        )
    for place, model in enumerate(models):
        if not isinstance(model, DenseClassifier):
            raise TypeError(
                f"models[{place}]={model!r} is no DenseClassifier, so it cannot share a stack. "
                "For other estimators call fit one by one, or through joblib."
            )
        with error_context(f"models[{place}]"):
            classifier.check_parameters(model)
    if len(set(map(id, models))) < len(models):
        raise ValueError(
            "A model is given more than once, so only its last fit would be left. Give "
            "sklearn.base.clone(model) for each fit."
        )
    streams = [
        id(model.random_state)
        for model in models
        if isinstance(model.random_state, np.random.RandomState)
    ]
    if len(set(streams)) < len(streams):
        raise ValueError(
            "Models share a RandomState, so what each draws would depend on the others. Give each "
            "model a random_state of its own, such as a whole number."
        )


def _copy_fitted_state(model: DenseClassifier, fitted: DenseClassifier) -> None:
    """Give model what fit has made of it, or of its copy in another process."""
    if fitted is model:
        return
    given = model.get_params(deep=False)
    kept = {name: value for name, value in vars(model).items() if name == "_skl_callbacks"}
    if isinstance(given["random_state"], np.random.RandomState):
        given["random_state"].set_state(fitted.random_state.get_state())
    model.__dict__ = vars(fitted) | given | kept


class _StackResult(NamedTuple):
    """What a stack, or a part of it, has become.

    number: of the stack. models, cautions: by place; nobody would hear a warning in another
    process. trained: for the journal's count, without the runs' weights.
    """

    number: int
    models: dict[int, DenseClassifier]
    cautions: dict[int, list[Warning]]
    trained: journal.TrainingResult


def _make_jobs(
    places: Sequence[int], models: Sequence[DenseClassifier], data: Sequence[tuple[Any, ...]]
) -> list[training_job.TrainingJob]:
    """Return the work of each fit; those of the same rows share them."""
    arrays: dict[tuple[int, str], layers.Array] = {}
    jobs = []
    for place, model, (X, *rest) in zip(places, models, data, strict=True):
        key = (id(X), model.dtype)
        with error_context(f"models[{place}]"):
            if key not in arrays:
                arrays[key] = validate_X(model, X)
            jobs.append(classifier.make_training_job(model, X, *rest, array=arrays[key]))
    return jobs


def _fit_stack(
    number: int,
    places: Sequence[int],
    models: Sequence[DenseClassifier],
    data: Sequence[tuple[Any, ...]],
    path: str | journal.FitStore,
) -> _StackResult:
    """Fit a stack. path: of the journal, or "", or what stands for it."""
    cautions = {}
    with one_blas_thread():
        jobs = _make_jobs(places, models, data)
        trained = journal.train(jobs, path)
        for place, model, job, run in zip(places, models, jobs, trained.runs, strict=True):
            with error_context(f"models[{place}]"):
                classifier.set_fitted_attributes(model, job, run)
            cautions[place] = classifier.fit_warnings(model, job, run)
    return _StackResult(number, dict(zip(places, models, strict=True)), cautions, trained.counted())


def _fit_on_cluster(
    crew: cluster.Cluster,
    plan: Sequence[StackPlan],
    models: Sequence[DenseClassifier],
    data: Sequence[tuple[Any, ...]],
    path: str,
) -> Iterator[_StackResult]:
    """Yield what `_fit_stack` returns, from a cluster's workers; a stack may come in two parts.

    What the journal remembers needs no worker.
    """
    with crew.shift(path) as shift:
        shared: dict[tuple[int, ...], Any] = {}
        remembered = []
        for number, stack in enumerate(plan):
            known = shift.known(partial(_make_jobs_from_copies, stack.places, models, data))
            here = [one for i, one in enumerate(stack.places) if i in known]
            there = [one for i, one in enumerate(stack.places) if i not in known]
            keys = [tuple(map(id, data[place])) for place in there]
            for key, place in zip(keys, there, strict=True):
                if key not in shared:
                    shared[key] = shift.share(data[place])
            if there:
                tables = {key: i for i, key in enumerate(dict.fromkeys(keys))}
                given = (number, there, [models[place] for place in there])
                which = [tables[key] for key in keys]
                shift.send(
                    _fit_on_worker, (*given, which, shift.post), *(shared[key] for key in tables)
                )
            if here:
                remembered.append((number, here))
        for number, here in remembered:
            fits = [models[place] for place in here], [data[place] for place in here]
            yield _fit_stack(number, here, *fits, path)
        yield from shift.results()


def _make_jobs_from_copies(
    places: Sequence[int], models: Sequence[DenseClassifier], data: Sequence[tuple[Any, ...]]
) -> list[training_job.TrainingJob]:
    """Return the work of each fit, of copies: to prepare a network draws its random numbers."""
    copies = [copy.deepcopy(models[place]) for place in places]
    return _make_jobs(places, copies, [data[place] for place in places])


def _fit_on_worker(
    number: int,
    places: Sequence[int],
    models: Sequence[DenseClassifier],
    which: Sequence[int],
    path: str | journal.FitStore,
    *tables: tuple[Any, ...],
) -> _StackResult:
    """Fit a stack on a worker. which: for each model the number of its table."""
    return _fit_stack(number, places, models, [tables[i] for i in which], path)
