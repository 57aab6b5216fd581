"""Trains stacks of networks on the workers of a Dask cluster; the only module that uses Dask.

WINENET_SCHEDULER names the cluster; if it is not set, everything is trained on this machine. A
worker whose results could differ is rejected before any work, so a cluster cannot change a result.

How work travels:

1. `connect` opens a `Cluster`; `Cluster.run` opens a `Session`, which submits one task per stack.
   What several tasks need, such as a table, is sent once by `Session.scatter`.
2. Workers cannot access the journal. A worker trains with a `RemoteJournal`, which has no cached
   fits and sends each network to the client as soon as it has finished: a fit message
   (key, serialized fit) on the cluster's topic.
3. The client has one queue, `Cluster.events`, filled by Dask's threads, with two kinds of events:
   fit messages (tuples) and completed tasks (futures). `Session.results` is its only consumer; it
   writes fits to the journal and yields the results of tasks. A task's fit messages arrive before
   its future is done. Tasks of an earlier session may still arrive, and are ignored.

The module has over 500 lines, as both ends of this protocol are easier to follow side by side.
"""

import functools
import hashlib
import logging
import operator
import os
import pickle
import platform
import queue
import re
import time
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import scipy
import sklearn
from threadpoolctl import threadpool_limits

from winenet.errors import InputError, short_repr
from winenet.network import journal
from winenet.network.training_job import TrainingJob, TrainingState

Item = TypeVar("Item")

ADDRESS = re.compile(r"tcp://[^\s/]+:[0-9]{1,5}")
LOCAL = "local"
CONNECT_TIMEOUT = 10.0  # seconds to wait for the scheduler, and for a first worker
NO_WORKER_TIMEOUT = 30.0  # seconds without any worker; a new one takes a few to start
POLL_INTERVAL = 1.0  # seconds between two checks that there are workers
ALLOWED_FAILURES = 3  # worker deaths that a task may survive before it is taken to be their cause
CACHED_HINT = "The finished networks are in the journal, unless that is off."
RUN_LOCALLY_HINT = "unset WINENET_SCHEDULER to train on this machine."

# The open cluster; None outside of `connect`.
_open: ContextVar["Cluster | None"] = ContextVar("cluster", default=None)


class ClusterError(InputError):
    """The cluster that WINENET_SCHEDULER names cannot do the work."""


@contextmanager
def connect(processes: int) -> Iterator["Cluster | None"]:
    """Train the networks within the context on the cluster that WINENET_SCHEDULER names.

    Parameters
    ----------
    processes : int
        Number of workers to start if WINENET_SCHEDULER is `local`.

    Yields
    ------
    Cluster or None
        None if WINENET_SCHEDULER is not set.

    Raises
    ------
    ClusterError
        Before any work, if the value is not an address, distributed is not installed, the scheduler
        does not answer, or there is no worker or one with other code, libraries or numerics.
    """
    name = os.environ.get("WINENET_SCHEDULER")
    if not name:
        yield None
        return
    if name != LOCAL and not ADDRESS.fullmatch(name):
        raise ClusterError(
            f"WINENET_SCHEDULER={short_repr(name)} is not a cluster, so no training was started. "
            "It must be the address of a scheduler, such as tcp://127.0.0.1:8786, or local, for "
            f"processes on this machine. Change it, or {RUN_LOCALLY_HINT}"
        )
    with _connected_client(name, processes) as client:
        with _scheduler_errors(name, consequence="no training was started"):
            _check_workers(client, name)
            cluster = Cluster(client, name)
        token = _open.set(cluster)
        try:
            yield cluster
        finally:
            _open.reset(token)
            cluster.close()


def current() -> "Cluster | None":
    """Return the open cluster, or None."""
    return _open.get()


@contextmanager
def _connected_client(name: str, processes: int) -> Iterator[Any]:
    """Yield a client of the cluster; a cluster of `local` is started and stopped with it."""
    try:
        import dask
        import distributed
    except ImportError as error:
        raise ClusterError(
            f"WINENET_SCHEDULER={name} needs a Dask cluster, but distributed cannot be imported "
            f"({error}), so no training was started. Install it with `make environment-cluster` or "
            "`pip install -r requirements-cluster.lock` (for the library: "
            f"`pip install '.[cluster]'`), or {RUN_LOCALLY_HINT}"
        ) from error
    settings = {
        "distributed.comm.timeouts.connect": CONNECT_TIMEOUT,
        # For `local`; other schedulers have their own value.
        "distributed.scheduler.allowed-failures": ALLOWED_FAILURES,
        "distributed.admin.large-graph-warning-threshold": "1TB",  # a table is sent only once
    }
    with ExitStack() as stack:
        stack.enter_context(dask.config.set(settings))
        stack.enter_context(_silence_dask_logs())
        address: Any = name
        if name == LOCAL:
            address = stack.enter_context(
                distributed.LocalCluster(
                    n_workers=processes,
                    threads_per_worker=1,
                    processes=True,
                    host="127.0.0.1",
                    dashboard_address="127.0.0.1:0",  # 8787, the default, may be in use
                    silence_logs=logging.ERROR,
                )
            )
        try:
            with warnings.catch_warnings():
                # Dask warns about versions; `_check_workers` compares those that matter.
                warnings.simplefilter("ignore")
                client = distributed.Client(address, timeout=CONNECT_TIMEOUT, set_as_default=False)
        except OSError as error:
            raise ClusterError(
                f"WINENET_SCHEDULER={name}: no scheduler answers within {CONNECT_TIMEOUT:.0f} s, "
                "so no training was started. It must be running, and reachable from this machine. "
                f"Start it with `make scheduler`, change the address, or {RUN_LOCALLY_HINT}"
            ) from error
        stack.callback(_close_client, client)
        yield client


@contextmanager
def _silence_dask_logs() -> Iterator[None]:
    """Keep Dask from logging tracebacks of a lost connection in front of our error."""
    loggers = [logging.getLogger(name) for name in ("distributed", "distributed.client")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _close_client(client: Any) -> None:
    """Close the client, even if the cluster is gone."""
    with suppress(OSError, RuntimeError, TimeoutError):
        client.close(timeout=5)


# ------------------------------------------------------------------ same environment everywhere


@functools.cache
def environment_versions() -> dict[str, str]:
    """Return what results depend on in this process: versions, and hashes of code and numerics.

    Cached, because code that is edited later is not what this process runs.
    """
    code = hashlib.sha256()
    package = Path(__file__).parents[1]
    for file in sorted(package.rglob("*.py")):
        name = file.relative_to(package).as_posix()
        code.update(name.encode() + file.read_bytes().replace(b"\r\n", b"\n"))
    with threadpool_limits(limits=1, user_api="blas"):  # as in each training
        numerics = journal.numerics_hash()
    return {
        "Python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "scikit-learn": sklearn.__version__,
        "winenet's code": code.hexdigest()[:12],
        "numerics": numerics[:12],
    }


def _differences(theirs: Mapping[str, str], ours: Mapping[str, str]) -> str:
    """Return text like "numpy 2.3.1, here 2.4.6; ..."; "" if all are equal."""
    return "; ".join(
        f"{name} {theirs.get(name, 'unknown')}, here {value}"
        for name, value in ours.items()
        if theirs.get(name) != value
    )


def _mismatch_message(worker: str, differences: str, consequence: str) -> str:
    return (
        f"The worker {worker} has {differences}. Its results could differ, so {consequence}. "
        "Restart all workers with `make worker` in clones of this commit, with the same "
        f"WINENET_NUMERICS, or {RUN_LOCALLY_HINT}"
    )


def _check_workers(client: Any, name: str) -> None:
    """Raise ClusterError if there is no worker, or one whose results could differ."""
    try:
        client.wait_for_workers(1, timeout=CONNECT_TIMEOUT)
    except TimeoutError as error:
        hint = _retry_hint(name, f"Start one with `make worker SCHEDULER={name}`")
        raise ClusterError(
            f"WINENET_SCHEDULER={name}: the scheduler has no worker, so no training was started. "
            f"It needs at least one. {hint}"
        ) from error
    ours = environment_versions()
    for worker, theirs in sorted(client.run(environment_versions, on_error="return").items()):
        if not isinstance(theirs, dict):
            raise ClusterError(
                f"The worker {worker} cannot run winenet ({type(theirs).__name__}: {theirs}), so "
                "no training was started. Start the workers with `make worker` in clones of this "
                f"commit, or {RUN_LOCALLY_HINT}"
            )
        differences = _differences(theirs, ours)
        if differences:
            raise ClusterError(_mismatch_message(worker, differences, "no training was started"))


# ------------------------------------------------------------------ the client's side


class Cluster:
    """Client-side handle of a cluster.

    client: distributed's client. name: the value of WINENET_SCHEDULER.
    """

    def __init__(self, client: Any, name: str) -> None:
        self.client, self.name = client, name
        self.events: queue.SimpleQueue[Any] = queue.SimpleQueue()  # see the module's docstring
        # The scheduler deletes topics that are named after a client when that client leaves.
        self.topic: str = client.id
        client.subscribe_topic(self.topic, self._receive_fit)
        self._session: Session | None = None

    def _receive_fit(self, event: tuple[float, Any]) -> None:
        """Queue a worker's fit message; called by Dask's thread."""
        if not isinstance(event[1], dict):  # dicts are the scheduler's own events about clients
            self.events.put(tuple(event[1]))

    @property
    def processes(self) -> int:
        """The number of stacks that the workers train at once; at least 1."""
        with _scheduler_errors(self.name):
            return max(1, sum(map(int, self.client.nthreads().values())))

    def describe(self) -> str:
        """Return text like "2 Dask workers at tcp://127.0.0.1:8786"."""
        count = self.processes
        where = "on this machine" if self.name == LOCAL else f"at {self.name}"
        return f"{count} Dask worker{'' if count == 1 else 's'} {where}"

    def run(
        self,
        store: journal.SqliteFitStore | None,
        stacks: Sequence[Sequence[Item]],
        make_jobs: Callable[[int, Sequence[Item]], Sequence[TrainingJob]],
        run_locally: Callable[[int, Sequence[Item]], Any],
        submit: Callable[["Session", int, Sequence[Item]], None],
    ) -> Iterator[Any]:
        """Yield the results of all stacks as they are completed.

        A stack of which some networks are cached is divided: those are completed here, from the
        journal, and the others are submitted to the workers. It then has two results.

        Parameters
        ----------
        store : SqliteFitStore or None
            The journal, if it is open.
        stacks : sequence of sequence
            The networks of each stack, in any form that the callables understand. The callables
            receive the index of the stack and the networks concerned.
        make_jobs : callable
            Returns their training jobs, from copies of the models.
        run_locally : callable
            Returns the result of those that are cached.
        submit : callable
            Calls `submit` of the session for those that are not.
        """
        with self._open_session(store) as session:
            cached_stacks = []
            for number, items in enumerate(stacks):
                cached = session.cached_indices(functools.partial(make_jobs, number, items))
                local = [item for i, item in enumerate(items) if i in cached]
                remote = [item for i, item in enumerate(items) if i not in cached]
                if remote:
                    submit(session, number, remote)
                if local:
                    cached_stacks.append((number, local))
            for number, local in cached_stacks:
                yield run_locally(number, local)
            yield from session.results()

    @contextmanager
    def _open_session(self, store: journal.SqliteFitStore | None) -> Iterator["Session"]:
        """Yield a session; tasks that are not done at the end are cancelled."""
        self._session = Session(self, store)
        try:
            yield self._session
        finally:
            self._close_session()

    def close(self) -> None:
        """Unsubscribe from the workers' fits, and cancel what an error has left running."""
        self._close_session()
        if self.client.status == "running":
            with suppress(ClusterError), _scheduler_errors(self.name):
                self.client.unsubscribe_topic(self.topic)

    def _close_session(self) -> None:
        # `run` is a generator: after an error, it may be finalized later than the cluster.
        if self._session is not None:
            self._session.close()
            self._session = None


class Session:
    """The tasks of one `Cluster.run`, and the fits that their workers send for the journal."""

    def __init__(self, cluster: Cluster, store: journal.SqliteFitStore | None) -> None:
        self.client, self.name, self.events = cluster.client, cluster.name, cluster.events
        self.store = store
        #: What a task passes to `journal.train` on a worker.
        self.remote_journal = None if store is None else RemoteJournal(cluster.topic)
        self._futures: set[Any] = set()
        self._handles: list[Any] = []
        self._run_task = self.scatter(_run_task)

    def cached_indices(self, make_jobs: Callable[[], Sequence[TrainingJob]]) -> set[int]:
        """Return the indices of the jobs whose fits are in the journal."""
        return set() if self.store is None else journal.cached_indices(make_jobs(), self.store)

    def scatter(self, value: Any) -> Any:
        """Send what several tasks need to the cluster, once; return a handle for `submit`.

        The scheduler keeps it, as bytes, so that it outlives the workers that received it.
        """
        key = f"winenet-shared-{uuid.uuid4()}"
        with _scheduler_errors(self.name):
            handle = self.client.submit(pickle.loads, _pickle(value), key=key)
        self._handles.append(handle)
        return handle

    def submit(self, function: Callable[..., Any], args: tuple[Any, ...], *handles: Any) -> None:
        """Have a worker call function(*args, *values), with the values of the handles.

        Function and arguments are pickled here, so that the scheduler needs no winenet.
        """
        with _scheduler_errors(self.name):
            future = self.client.submit(
                operator.call,
                self._run_task,
                environment_versions(),
                _pickle((function, args)),
                *handles,
                key=f"winenet-stack-{uuid.uuid4()}",
                priority=-len(self._futures),  # in the order of submission
            )
        self._futures.add(future)
        future.add_done_callback(self.events.put)

    def results(self) -> Iterator[Any]:
        """Yield the results of the tasks as they are completed; store the fits as they arrive.

        Raises
        ------
        ClusterError
            If the scheduler or all workers are gone. What a task raises is raised as it is.
        """
        last_seen = time.monotonic()
        while self._futures:
            try:
                event = self.events.get(timeout=POLL_INTERVAL)
            except queue.Empty:
                if self._n_workers():
                    last_seen = time.monotonic()
                elif time.monotonic() - last_seen > NO_WORKER_TIMEOUT:
                    hint = _retry_hint(self.name, "Start workers with `make worker`")
                    raise ClusterError(
                        f"WINENET_SCHEDULER={self.name}: there has been no worker for "
                        f"{NO_WORKER_TIMEOUT:.0f} s, so the training was stopped. {CACHED_HINT} "
                        f"{hint}"
                    ) from None
                continue
            last_seen = time.monotonic()
            if isinstance(event, tuple):
                self._store_fit(*event)
            elif event in self._futures:
                self._futures.discard(event)
                yield self._result(event)
        self._drain()

    def close(self) -> None:
        """Store the fits that have arrived, and cancel what is not done."""
        self._drain()
        if self.store is not None and self.store.error:
            journal.record_stats(journal.TrainingResult([], 0, 0, self.store.error))
        if self.client.status == "running":
            with suppress(ClusterError), _scheduler_errors(self.name):
                self.client.cancel([*self._futures, *self._handles])

    def _store_fit(self, key: str, content: bytes) -> None:
        if self.store is not None:
            self.store.write_serialized(key, content)

    def _drain(self) -> None:
        while True:
            try:
                event = self.events.get_nowait()
            except queue.Empty:
                return
            if isinstance(event, tuple):
                self._store_fit(*event)

    def _n_workers(self) -> int:
        try:
            return len(self.client.nthreads())
        except (OSError, RuntimeError, TimeoutError):  # the scheduler does not answer
            return 0

    def _result(self, future: Any) -> Any:
        from distributed import KilledWorker

        if future.status != "error":
            with _scheduler_errors(self.name):
                return future.result()
        try:
            return future.result()  # raises what the task raised
        except ImportError as error:
            raise ClusterError(
                f"A worker of WINENET_SCHEDULER={self.name} cannot run its task "
                f"({type(error).__name__}: {error}), so the training was stopped. {CACHED_HINT} "
                f"Start all workers with `make worker` in clones of this commit, or "
                f"{RUN_LOCALLY_HINT}"
            ) from error
        except KilledWorker as error:
            raise ClusterError(
                f"WINENET_SCHEDULER={self.name}: several workers died while training the same "
                f"stack of networks, the last one was {error.last_worker.address}, so the training "
                f"was stopped. {CACHED_HINT} Often there is too little memory: check the workers' "
                f"logs, give them more memory, or {RUN_LOCALLY_HINT}"
            ) from error


@contextmanager
def _scheduler_errors(
    name: str, consequence: str = f"the training was stopped. {CACHED_HINT[:-1]}"
) -> Iterator[None]:
    """Convert Dask's connection errors to a ClusterError."""
    from distributed import CancelledError
    from distributed.client import ClosedClientError

    try:
        yield
    except (CancelledError, ClosedClientError, OSError) as error:
        hint = _retry_hint(name, "Start the scheduler with `make scheduler`, and its workers")
        raise ClusterError(
            f"WINENET_SCHEDULER={name}: the connection to the scheduler was lost, so "
            f"{consequence}. {hint}"
        ) from error


def _retry_hint(name: str, first_step: str) -> str:
    """Return how to try again; a cluster of `local` needs no first step."""
    return (
        f"{'Run' if name == LOCAL else f'{first_step}, then run'} it again; or {RUN_LOCALLY_HINT}"
    )


def _pickle(value: Any) -> bytes:
    """Return a value as bytes, which the scheduler passes on without unpickling them."""
    from distributed.protocol.pickle import dumps

    content: bytes = dumps(value)
    return content


# ------------------------------------------------------------------ the worker's side


def _run_task(client_versions: dict[str, str], content: bytes, *shared: Any) -> Any:
    """Run a task, if this worker has the client's environment: it may have joined later."""
    differences = _differences(environment_versions(), client_versions)
    if differences:
        from distributed import get_worker

        raise ClusterError(
            _mismatch_message(get_worker().address, differences, "the training was stopped")
        )
    function, args = pickle.loads(content)
    return function(*args, *shared)


class RemoteJournal:
    """The journal on a worker: nothing is cached, and each finished network is sent to the client.

    topic: of the cluster's events.
    """

    error = ""

    def __init__(self, topic: str) -> None:
        self.topic = topic

    def read(self, key: str) -> None:
        """Return None: the client submits only what is not cached."""

    def write(self, key: str, state: TrainingState, rng: np.random.RandomState) -> None:
        """Send a fit to the client, which stores it."""
        from distributed import get_worker

        if state.stop_reason != "diverged":
            get_worker().log_event(self.topic, [key, journal.serialize(state, rng)])
