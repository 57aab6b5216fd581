"""Sends stacks of networks to the workers of a Dask cluster: the only module that knows Dask.

`WINENET_SCHEDULER` says which cluster; without it all is trained on this machine. A worker that
would compute other numbers is refused before any work, so where it was done changes no result.
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
from typing import Any

import numpy as np
import scipy
import sklearn
from threadpoolctl import threadpool_limits

from winenet.errors import InputError, short_repr
from winenet.network import journal
from winenet.network.training_job import TrainingJob, TrainingState

ADDRESS = re.compile(r"tcp://[^\s/]+:[0-9]{1,5}")
LOCAL = "local"
CONNECT_TIMEOUT = 10.0  # seconds for a scheduler to answer, and for a first worker to be there
NO_WORKER_TIMEOUT = (
    30.0  # seconds without any worker until the work is given up; one takes a few to start anew
)
POLL_INTERVAL = 1.0  # seconds between two looks at whether there still are workers
ALLOWED_FAILURES = 3  # of workers that a stack may survive; at the next one it is what kills them
CACHED_HINT = "The finished networks are in the journal, unless that is off."
RUN_LOCALLY_HINT = "unset WINENET_SCHEDULER to train on this machine."

# The cluster that the pipeline has opened; outside of `opened` there is none.
_open: ContextVar["Cluster | None"] = ContextVar("cluster", default=None)


class ClusterError(InputError):
    """The cluster that WINENET_SCHEDULER names cannot do the work."""


@contextmanager
def connect(processes: int) -> Iterator["Cluster | None"]:
    """Let the stacks that are trained within go to the cluster of `WINENET_SCHEDULER`; yield it.

    processes: of the cluster that `local` starts on this machine. Yields None when the variable is
    not set. Raises ClusterError, before any work, for a value that names no cluster, without
    distributed, and when there is no scheduler, no worker, or one that has other code, libraries or
    numerics than this process.
    """
    asked = os.environ.get("WINENET_SCHEDULER")
    if not asked:
        yield None
        return
    if asked != LOCAL and not ADDRESS.fullmatch(asked):
        raise ClusterError(
            f"WINENET_SCHEDULER={short_repr(asked)} names no cluster, so no training was begun. It must "
            "be a scheduler's address, as tcp://127.0.0.1:8786, or local, for one of processes on "
            f"this machine. Change it, or {RUN_LOCALLY_HINT}"
        )
    with _connected(asked, processes) as client:
        with _scheduler_errors(asked, then="no training was begun"):
            _check_workers(client, asked)
            crew = Cluster(client, asked)
        token = _open.set(crew)
        try:
            yield crew
        finally:
            _open.reset(token)
            crew.leave()


def current() -> "Cluster | None":
    """Return the cluster that is open here, or None."""
    return _open.get()


@contextmanager
def _connected(asked: str, processes: int) -> Iterator[Any]:
    """Yield a client of the cluster; the one that `local` starts ends with it."""
    try:
        import dask
        import distributed
    except ImportError as error:
        raise ClusterError(
            f"WINENET_SCHEDULER={asked} asks for a Dask cluster, but distributed cannot be "
            f"imported here ({error}), so no training was begun. Install it by "
            "`make environment-cluster`, or by `pip install -r requirements-cluster.lock` "
            f"(as a library: `pip install '.[cluster]'`), or {RUN_LOCALLY_HINT}"
        ) from error
    settings = {
        "distributed.comm.timeouts.connect": CONNECT_TIMEOUT,
        "distributed.scheduler.allowed-failures": ALLOWED_FAILURES,  # of `local`; others have their own
        "distributed.admin.large-graph-warning-threshold": "1TB",  # the table goes there but once
    }
    with ExitStack() as stack:
        stack.enter_context(dask.config.set(settings))
        stack.enter_context(_quiet())
        address: Any = asked
        if asked == LOCAL:
            address = stack.enter_context(
                distributed.LocalCluster(
                    n_workers=processes,
                    threads_per_worker=1,
                    processes=True,
                    host="127.0.0.1",
                    dashboard_address="127.0.0.1:0",  # not 8787, which another may have
                    silence_logs=logging.ERROR,
                )
            )
        try:
            with warnings.catch_warnings():
                # Of versions: those that count are compared below, in our words.
                warnings.simplefilter("ignore")
                client = distributed.Client(address, timeout=CONNECT_TIMEOUT, set_as_default=False)
        except OSError as error:
            raise ClusterError(
                f"WINENET_SCHEDULER={asked}: no scheduler answers there within {CONNECT_TIMEOUT:.0f} s, so "
                "no training was begun. It must run, and this machine must reach it. Start one by "
                f"`make scheduler`, change the address, or {RUN_LOCALLY_HINT}"
            ) from error
        stack.callback(_close, client)
        yield client


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Dask from telling of a lost connection in tracebacks, before our one sentence."""
    loggers = [logging.getLogger(name) for name in ("distributed", "distributed.client")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _close(client: Any) -> None:
    """Leave the cluster, also one that is gone."""
    with suppress(OSError, RuntimeError, TimeoutError):
        client.close(timeout=5)


# ------------------------------------------------------------------ what a worker computes with


@functools.cache
def environment_versions() -> dict[str, str]:
    """Return what a fit's numbers depend on in this process: code, libraries, numerics.

    They are read once: code that is edited later is not what the process runs.
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
    """Return "numpy 2.3.1, here 2.4.6; ..."; "" when all is equal."""
    return "; ".join(
        f"{name} {theirs.get(name, 'unknown')}, here {value}"
        for name, value in ours.items()
        if theirs.get(name) != value
    )


def _mismatch_message(worker: str, differences: str, then: str) -> str:
    return (
        f"The worker {worker} has {differences}. Its networks could have other numbers, so {then}. "
        "All workers must compute as this machine does: start them by `make worker` in clones of "
        f"this commit, anew after a change, with the same WINENET_NUMERICS; or {RUN_LOCALLY_HINT}"
    )


def _check_workers(client: Any, asked: str) -> None:
    """Raise ClusterError when there is no worker, or one that computes otherwise than we do."""
    try:
        client.wait_for_workers(1, timeout=CONNECT_TIMEOUT)
    except TimeoutError as error:
        raise ClusterError(
            f"WINENET_SCHEDULER={asked}: the scheduler has no worker, so no training was begun. It "
            f"needs one or more. {_retry_hint(asked, f'Start them by `make worker SCHEDULER={asked}`')}"
        ) from error
    ours = environment_versions()
    for worker, told in sorted(client.run(environment_versions, on_error="return").items()):
        if not isinstance(told, dict):
            raise ClusterError(
                f"The worker {worker} cannot run winenet ({type(told).__name__}: {told}), so no "
                "training was begun. Start the workers by `make worker` in clones of this commit, "
                f"or {RUN_LOCALLY_HINT}"
            )
        differences = _differences(told, ours)
        if differences:
            raise ClusterError(_mismatch_message(worker, differences, "no training was begun"))


# ------------------------------------------------------------------ work, on this side


class Cluster:
    """The workers of a cluster, as one who has work for them sees them.

    client: distributed's. name: of the cluster, as WINENET_SCHEDULER has it.
    """

    def __init__(self, client: Any, name: str) -> None:
        self.client, self.name = client, name
        # Tasks that are done, as futures, and fits for the journal, as tuples.
        self.inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        # The scheduler forgets what was sent under a client's own name when the client leaves.
        self.topic: str = client.id
        client.subscribe_topic(self.topic, self._receive)
        self.open: Session | None = None

    def _receive(self, event: tuple[float, Any]) -> None:
        """Take a fit that a worker sent; distributed's thread calls it, before the task is done."""
        if not isinstance(event[1], dict):  # which are the scheduler's own, of clients that come
            self.inbox.put(tuple(event[1]))

    @property
    def processes(self) -> int:
        """Return how many stacks the workers train at once; at least 1."""
        with _scheduler_errors(self.name):
            return max(1, sum(map(int, self.client.nthreads().values())))

    def words(self) -> str:
        """Return what a stage says of it."""
        count = self.processes
        where = "on this machine" if self.name == LOCAL else f"at {self.name}"
        return f"{count} Dask worker{'' if count == 1 else 's'} {where}"

    def leave(self) -> None:
        """Hear no more of the workers; what an error has left undone is dropped."""
        if self.open is not None:
            self.open.end()
            self.open = None
        if self.client.status == "running":
            with suppress(ClusterError), _scheduler_errors(self.name):
                self.client.unsubscribe_topic(self.topic)

    @contextmanager
    def shift(self, path: str) -> Iterator["Session"]:
        """Yield what takes work; what is not done at the end is dropped. path: of the journal."""
        self.open = Session(self, path)
        try:
            yield self.open
        finally:
            if self.open is not None:  # an error may keep this alive until after `leave`
                self.open.end()
            self.open = None


class Session:
    """Work that is sent and comes back, and the fits that the workers report for the journal.

    The workers cannot reach the journal: they send each network when it has left its stack, and
    this process writes it down. post: what `journal.train` takes on a worker in place of a path.
    """

    def __init__(self, crew: Cluster, path: str) -> None:
        self.client, self.name, self.inbox = crew.client, crew.name, crew.inbox
        self.waiting: set[Any] = set()
        self.shared: list[Any] = []
        self.perform = self.share(_run_task)
        self.store = journal.SqliteFitStore(path) if path else None
        self.post = RemoteJournal(crew.topic) if path else ""

    def known(self, prepare: Callable[[], Sequence[TrainingJob]]) -> set[int]:
        """Return the places of the jobs that need no worker: the journal remembers them."""
        return set() if self.store is None else journal.cached_indices(prepare(), self.store)

    def share(self, value: Any) -> Any:
        """Return a handle of what several tasks need.

        It goes to the cluster once, and to each worker that needs it once. The scheduler keeps it,
        as bytes, so it outlives the workers that had it.
        """
        content, key = _packed(value), f"winenet-shared-{uuid.uuid4()}"
        with _scheduler_errors(self.name):
            handle = self.client.submit(pickle.loads, content, key=key)
        self.shared.append(handle)
        return handle

    def send(self, function: Callable[..., Any], given: tuple[Any, ...], *shared: Any) -> None:
        """Have function(*given, *shared) called by a worker. shared: handles of `share`.

        The scheduler reads the task, but none of what is in it: it needs no winenet.
        """
        content = _packed((function, given))
        with _scheduler_errors(self.name):
            future = self.client.submit(
                operator.call,
                self.perform,
                environment_versions(),
                content,
                *shared,
                key=f"winenet-stack-{uuid.uuid4()}",
                priority=-len(self.waiting),  # in this order: the longest work comes first
            )
        self.waiting.add(future)
        future.add_done_callback(self.inbox.put)

    def results(self) -> Iterator[Any]:
        """Yield what the calls return as they are done; write the fits down as they come.

        Raises what a call raised, and ClusterError when nobody is left to do the work.
        """
        seen = time.monotonic()
        while self.waiting:
            try:
                arrived = self.inbox.get(timeout=POLL_INTERVAL)
            except queue.Empty:
                if self._workers():
                    seen = time.monotonic()
                elif time.monotonic() - seen > NO_WORKER_TIMEOUT:
                    raise ClusterError(
                        f"WINENET_SCHEDULER={self.name}: no worker is left since {NO_WORKER_TIMEOUT:.0f} s, so "
                        f"the training was ended. {CACHED_HINT} "
                        f"{_retry_hint(self.name, 'Start workers by `make worker`')}"
                    ) from None
                continue
            seen = time.monotonic()
            if isinstance(arrived, tuple):
                self._keep(*arrived)
            elif arrived in self.waiting:  # and not one that an earlier shift dropped
                self.waiting.discard(arrived)
                yield self._result(arrived)
        self._empty()

    def end(self) -> None:
        """Drop what is not done, and write down what came meanwhile."""
        self._empty()
        if self.store is not None and self.store.trouble:
            journal.record_stats(journal.TrainingResult([], 0, 0, self.store.trouble))
        if self.client.status == "running":
            with suppress(ClusterError), _scheduler_errors(self.name):
                self.client.cancel([*self.waiting, *self.shared])

    def _keep(self, key: str, blob: bytes) -> None:
        if self.store is not None:
            self.store.keep(key, blob)

    def _empty(self) -> None:
        while True:
            try:
                arrived = self.inbox.get_nowait()
            except queue.Empty:
                return
            if isinstance(arrived, tuple):
                self._keep(*arrived)

    def _workers(self) -> int:
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
                f"A worker of WINENET_SCHEDULER={self.name} cannot run what it was sent "
                f"({type(error).__name__}: {error}), so the training was ended. {CACHED_HINT} Start all "
                f"workers by `make worker` in clones of this commit, or {RUN_LOCALLY_HINT}"
            ) from error
        except KilledWorker as error:
            raise ClusterError(
                f"WINENET_SCHEDULER={self.name}: one stack of networks was begun by several "
                f"workers, and each of them died, {error.last_worker.address} the last, so the "
                f"training was ended. {CACHED_HINT} Most often their memory does not suffice: look at "
                f"the workers' logs, give them more, or {RUN_LOCALLY_HINT}"
            ) from error


@contextmanager
def _scheduler_errors(
    name: str, then: str = f"the training was ended. {CACHED_HINT[:-1]}"
) -> Iterator[None]:
    """Tell in our words that the scheduler is not there any more, and what follows."""
    from distributed import CancelledError
    from distributed.client import ClosedClientError

    try:
        yield
    except (CancelledError, ClosedClientError, OSError) as error:
        raise ClusterError(
            f"WINENET_SCHEDULER={name}: the scheduler went away, so {then}. "
            f"{_retry_hint(name, 'Start the scheduler by `make scheduler`, and its workers')}"
        ) from error


def _retry_hint(name: str, what: str) -> str:
    """Return how to go on. what: to start first, unless it is the cluster that `local` starts."""
    return f"{'Run' if name == LOCAL else f'{what}, then run'} it again; or {RUN_LOCALLY_HINT}"


def _packed(value: Any) -> bytes:
    """Return a value as bytes, which the scheduler hands on without knowing what they are."""
    from distributed.protocol.pickle import dumps

    content: bytes = dumps(value)
    return content


# ------------------------------------------------------------------ work, on a worker's side


def _run_task(theirs: dict[str, str], content: bytes, *shared: Any) -> Any:
    """Do a piece of work, when this worker computes as the sender does; it may have come late."""
    differences = _differences(environment_versions(), theirs)
    if differences:
        from distributed import get_worker

        raise ClusterError(
            _mismatch_message(get_worker().address, differences, "the training was ended")
        )
    function, given = pickle.loads(content)
    return function(*given, *shared)


class RemoteJournal:
    """The journal as a worker has it: nothing is known, and a finished network is sent."""

    trouble = ""

    def __init__(self, topic: str) -> None:
        self.topic = topic

    def read(self, key: str) -> None:
        """Return None: what is known was not sent here."""

    def write(self, key: str, run: TrainingState, rng: np.random.RandomState) -> None:
        """Send a fit to the process that keeps the journal."""
        from distributed import get_worker

        if run.event != "diverged":
            get_worker().log_event(self.topic, [key, journal.serialize(run, rng)])
