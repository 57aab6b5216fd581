"""A cluster's results equal those of this machine, even if workers die; otherwise it raises.

All processes are real: a scheduler and workers as `make scheduler` and `make worker` start them.
"""

import contextlib
import copy
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from committed import ROOT
from joblib import parallel_config
from sklearn.base import clone

from winenet.network import cluster, journal
from winenet.network.classifier import DenseClassifier
from winenet.network.cluster import ClusterError
from winenet.network.halving import DenseHalvingSearchCV
from winenet.network.parallel import fit_many
from winenet.network.search import DenseGridSearchCV

distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

GRID = {"hidden_layer_sizes": [(4,), (6, 3)], "learning_rate_init": [0.01, 0.001]}


class Processes:
    """A scheduler and its workers."""

    def __init__(self, log: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{port}"
        self.log = log
        self.started = []
        self.start("scheduler", self.address)

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen:
        with self.log.open("a") as log:
            started = subprocess.Popen(
                [sys.executable, "-m", "tools.cluster", *arguments],
                cwd=ROOT,
                env=os.environ | {"WINENET_WORKERS": "1"} | environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.started.append(started)
        return started

    def workers(self, count: int, **environment: str) -> None:
        for _ in range(count):
            self.start("worker", self.address, **environment)
        self.wait(count)

    def wait(self, count: int) -> None:
        with self.client() as client:
            if count:
                client.wait_for_workers(count, timeout=60)

    def client(self):
        return distributed.Client(self.address, timeout=30, set_as_default=False)

    def kill(self, *killed_processes: subprocess.Popen) -> None:
        """Kill processes and their children with SIGKILL."""
        for process in killed_processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            self.started.remove(process)


@contextlib.contextmanager
def processes(factory):
    running = Processes(factory.mktemp("cluster") / "log.txt")
    try:
        yield running
    finally:
        running.kill(*running.started)


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """A scheduler with two workers."""
    with processes(tmp_path_factory) as running:
        running.workers(2)
        yield running


@pytest.fixture
def at(two, monkeypatch):
    """The two workers, as WINENET_SCHEDULER names them."""
    two.wait(2)
    monkeypatch.setenv("WINENET_SCHEDULER", two.address)
    return two


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("WINENET_JOURNAL", "WINENET_SCHEDULER"):
        monkeypatch.delenv(name, raising=False)


def numbers(rows=400):
    rng = np.random.default_rng(0)
    X = rng.random((rows, 4))
    return X, np.where(X[:, 0] + 0.5 * X[:, 1] > 0.7, "red", "white")


def search(grid=GRID, epochs=15, **kwargs):
    """Return a finished search of 12 fits."""
    model = DenseClassifier(max_iter=epochs, random_state=7)
    kwargs = {"cv": 3, "scoring": ["accuracy", "roc_auc"], "refit": "roc_auc"} | kwargs
    return DenseGridSearchCV(model, grid, return_train_score=True, **kwargs).fit(*numbers())


def assert_same_search(first, other):
    assert list(first.cv_results_) == list(other.cv_results_)
    for name, values in first.cv_results_.items():
        if not name.endswith("_time"):
            np.testing.assert_array_equal(values, other.cv_results_[name], err_msg=name)
    assert first.best_params_ == other.best_params_
    assert_same_network(first.best_estimator_, other.best_estimator_)


def assert_same_network(first, other):
    for name in ("coefs_", "intercepts_"):
        for ours, theirs in zip(getattr(first, name), getattr(other, name), strict=True):
            assert ours.tobytes() == theirs.tobytes()
    assert first.loss_curve_ == other.loss_curve_


def executed(open_cluster):
    """Return how many tasks each worker has done."""
    return open_cluster.client.run(lambda dask_worker: dask_worker.state.executed_count)


# ---- equal results


def test_a_search_on_two_workers_has_the_bytes_of_one_here(at):
    expected = search()
    with cluster.connect(2) as open_cluster:
        assert open_cluster.describe() == f"2 Dask workers at {at.address}"
        before = executed(open_cluster)
        result = search()
        assert all(count > before[worker] for worker, count in executed(open_cluster).items())
    assert_same_search(result, expected)
    assert cluster.current() is None


def test_halving_on_two_workers_has_the_bytes_of_one_here(at):
    """The paused networks travel to this process and back."""
    model = DenseClassifier(max_iter=9, random_state=7, dropout=0.2)
    halving = DenseHalvingSearchCV(model, GRID, min_epochs=2, cv=3)
    expected = clone(halving).fit(*numbers())
    with cluster.connect(2), journal.open_journal() as stats:
        assert_same_search(clone(halving).fit(*numbers()), expected)
        assert (stats.fits, stats.reused) == (12 + 6 + 3, 0)
        assert_same_search(clone(halving).fit(*numbers()), expected)
        assert (stats.fits, stats.reused) == (42, 21)


FITS = {
    "seeds": {},
    "generators": {"random_state": [np.random.RandomState(seed) for seed in range(6)]},
    "early stopping": {"early_stopping": True, "n_iter_no_change": 3},
    "float32": {"dtype": "float32"},
    "sgd": {"solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.1},
}


@pytest.mark.parametrize("journal_mode", ["on", "off"])
@pytest.mark.parametrize("case", FITS)
def test_many_fits_on_two_workers_have_the_bytes_of_those_here(case, journal_mode, at, monkeypatch):
    monkeypatch.setenv("WINENET_JOURNAL", journal_mode)
    parameters = {"random_state": list(range(6))} | FITS[case]
    seeds = parameters.pop("random_state")
    models = [DenseClassifier((5,), max_iter=12, random_state=seed, **parameters) for seed in seeds]
    X, y = numbers()
    data = [(X, y)] * 3 + [(X[:300], y[:300], np.linspace(0.5, 2, 300))] * 3
    expected = fit_many([clone(model) for model in models], data)
    with cluster.connect(2), journal.open_journal() as stats:
        for reused in (0, 6 if journal_mode == "on" else 0):
            stats.reused = 0
            result = fit_many([clone(model) for model in models], data)
            assert stats.reused == reused
            for first, other in zip(result, expected, strict=True):
                assert_same_network(first, other)
                assert first.t_ == other.t_
                if case != "early stopping":  # which partial_fit does not know
                    both = [copy.deepcopy(model).partial_fit(X, y) for model in (first, other)]
                    assert_same_network(*both)


def test_the_tables_are_sent_once(at, monkeypatch):
    """Tasks are small, however large the table; the table is sent to the cluster once."""
    sent = []
    pack = cluster._pickle
    monkeypatch.setattr(cluster, "_pickle", lambda value: sent.append(pack(value)) or sent[-1])
    with cluster.connect(2), journal.open_journal():
        search()
        X, y = numbers()
        fit_many([DenseClassifier((3,), max_iter=2) for _ in range(8)], [(X, y)] * 8)
    large = [len(content) for content in sent if len(content) > X.nbytes]
    assert len(large) == 2
    assert all(len(content) < 5000 for content in sent if len(content) <= X.nbytes)


@pytest.mark.slow
def test_a_stage_has_the_same_files_and_fills_and_uses_the_same_journal(at, split_workspace):
    split_workspace.edit("params.yaml", "      - [3]\n", "      - [3]\n      - [5]\n")
    code, _, errors = split_workspace.run("stages.grid_search", WINENET_JOURNAL="off")
    assert (code, errors) == (0, "")
    expected = split_workspace.files()
    outputs = []
    for environment, reused in (
        ({"WINENET_SCHEDULER": at.address}, 2),  # the winner's two folds, for out_of_fold
        ({"WINENET_SCHEDULER": ""}, 10),
    ):
        code, again, errors = split_workspace.run("stages.grid_search", **environment)
        assert (code, errors) == (0, "")
        assert f"grid_search: journal: {reused} of 10 fits reused\n" in again
        assert split_workspace.files() == expected
        outputs.append(again)
    assert f"rows, 2 Dask workers at {at.address}\n" in outputs[0]
    assert "search: 8 of 8 fits, 4 of 4 candidates, best 0." in outputs[0]


def test_as_a_library_it_runs_where_joblib_s_dask_says(at):
    expected = search()
    with distributed.Client(at.address, set_as_default=False) as client, client.as_current():
        before = client.run(lambda dask_worker: dask_worker.state.executed_count)
        with parallel_config(backend="dask"):
            result = search(n_jobs=-1)
        after = client.run(lambda dask_worker: dask_worker.state.executed_count)
    assert sum(after.values()) > sum(before.values())
    assert_same_search(result, expected)


# ---- the journal


def test_only_what_is_new_is_sent(at):
    for sizes, expected in (([(4,)], (3, 0)), ([(4,), (6,)], (6, 3)), ([(4,), (6,)], (6, 6))):
        with cluster.connect(2), journal.open_journal() as stats:
            search({"hidden_layer_sizes": sizes})
        assert (stats.fits, stats.reused, stats.error) == (*expected, "")


def test_a_search_that_was_ended_continues_where_it_stopped(at, monkeypatch):
    """Each network is stored when it has finished, not when its stack is done."""
    write_bytes, stored = journal.SqliteFitStore.write_serialized, []

    def end(self, key, blob):
        write_bytes(self, key, blob)
        stored.append(key)
        if len(stored) == 2:
            raise KeyboardInterrupt

    grid = {"hidden_layer_sizes": [(5,)], "max_iter": [2, 400], "tol": [0.0]}
    monkeypatch.setattr(journal.SqliteFitStore, "write_serialized", end)
    with pytest.raises(KeyboardInterrupt), cluster.connect(2), journal.open_journal():
        search(grid)
    monkeypatch.setattr(journal.SqliteFitStore, "write_serialized", write_bytes)
    with cluster.connect(2), journal.open_journal() as stats:
        result = search(grid)
    assert stats.fits == 6
    assert stats.reused >= 2
    assert_same_search(result, search(grid))


def test_a_journal_that_cannot_be_used_is_reported(at):
    with cluster.connect(2), journal.open_journal():
        search()
    Path(journal.PATH).write_bytes(b"no database" * 1000)
    for rest in (f"{journal.PATH}-wal", f"{journal.PATH}-shm"):
        Path(rest).unlink(missing_ok=True)
    with cluster.connect(2), journal.open_journal() as stats:
        result = search()
    assert (stats.fits, stats.reused) == (12, 0)
    assert "not a database" in stats.error
    assert_same_search(result, search())


# ---- workers die


def test_a_worker_that_is_killed_is_replaced_and_the_bytes_are_the_same(at, monkeypatch):
    grid = {"hidden_layer_sizes": [(5,), (6,), (7,), (8,)], "tol": [0.0]}
    expected = search(grid, epochs=200)
    write_bytes, killed = journal.SqliteFitStore.write_serialized, []

    def kill(self, key, blob):
        write_bytes(self, key, blob)
        if not killed:
            busy = [worker for worker, tasks in open_cluster.client.processing().items() if tasks]
            killed.append(open_cluster.client.run(os.getpid, workers=busy[:1])[busy[0]])
            os.kill(killed[0], signal.SIGKILL)

    monkeypatch.setattr(journal.SqliteFitStore, "write_serialized", kill)
    with cluster.connect(2) as open_cluster, journal.open_journal() as stats:
        result = search(grid, epochs=200)
    assert len(killed) == 1
    assert (stats.fits, stats.reused) == (12, 0)
    assert_same_search(result, expected)
    at.wait(2)
    with cluster.connect(2) as open_cluster:
        assert (
            killed[0] not in open_cluster.client.run(os.getpid).values()
        )  # a new one is in its place


def dies(model, X, y):
    """A scorer that ends its process."""
    os._exit(1)


def test_local_starts_its_own_and_a_stack_that_kills_its_workers_is_reported(monkeypatch):
    monkeypatch.setenv("WINENET_SCHEDULER", "local")
    monkeypatch.setattr(cluster, "ALLOWED_FAILURES", 0)
    with cluster.connect(1) as open_cluster:
        assert open_cluster.describe() == "1 Dask worker on this machine"
        assert_same_search(search(), no_cluster())
        message = (
            r"(?s)^WINENET_SCHEDULER=local: several workers died .* the same stack of .* memory"
        )
        with pytest.raises(ClusterError, match=message):
            search(scoring=dies, refit=True, grid={"alpha": [1]})


def no_cluster():
    """Return the search of this process, ignoring an open cluster."""
    token = cluster._open.set(None)
    try:
        return search()
    finally:
        cluster._open.reset(token)


# ---- invalid input; `lonely` gets one worker after the other


@pytest.fixture(scope="module")
def lonely(tmp_path_factory):
    """A scheduler without workers."""
    with processes(tmp_path_factory) as running:
        running.wait(0)
        yield running


def connection_error(address, monkeypatch):
    """Return the error that `connect` raises."""
    monkeypatch.setenv("WINENET_SCHEDULER", address)
    with pytest.raises(ClusterError) as caught, cluster.connect(2):
        pytest.fail("it was opened")
    return str(caught.value)


def test_without_workers_it_says_so(lonely, monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_TIMEOUT", 1.0)
    assert connection_error(lonely.address, monkeypatch) == (
        f"WINENET_SCHEDULER={lonely.address}: the scheduler has no worker, so no training was "
        f"started. It needs at least one. Start one with `make worker SCHEDULER={lonely.address}`, "
        "then run it again; or unset WINENET_SCHEDULER to train on this machine."
    )


@pytest.mark.skipif(
    os.environ.get("OPENBLAS_CORETYPE") != "Haswell", reason="there is no other kernel to choose"
)
def test_a_worker_with_other_numerics_is_refused(lonely, monkeypatch):
    other = {"WINENET_NUMERICS": "native", "OPENBLAS_CORETYPE": "Katmai"}
    lonely.workers(1, **other)
    message = connection_error(lonely.address, monkeypatch)
    lonely.kill(lonely.started[-1])
    ours = cluster.environment_versions()["numerics"]
    assert re.match(
        rf"The worker tcp://127\.0\.0\.1:\d+ has numerics [0-9a-f]{{12}}, here {ours}\. Its "
        r"results could differ, so no training was started\. Restart all workers with `make "
        r"worker` in clones of this commit, with the same WINENET_NUMERICS, or unset",
        message,
    )


def when_busy(open_cluster, process, running):
    """Kill a process as soon as a worker has work; return the thread that does it."""

    def wait_and_kill():
        while not any(open_cluster.client.processing().values()):
            time.sleep(0.05)
        running.kill(process)

    ending = threading.Thread(target=wait_and_kill)
    ending.start()
    return ending


@pytest.mark.slow
def test_no_worker_is_left(lonely, monkeypatch):
    monkeypatch.setattr(cluster, "NO_WORKER_TIMEOUT", 1.0)
    monkeypatch.setenv("WINENET_SCHEDULER", lonely.address)
    lonely.workers(1)
    worker = lonely.started[-1]
    grid = {"hidden_layer_sizes": [(50, 50)], "n_iter_no_change": [5000]}
    with cluster.connect(1) as open_cluster, journal.open_journal():
        ending = when_busy(open_cluster, worker, lonely)
        with pytest.raises(
            ClusterError, match=r": there has been no worker for 1 s, so the training"
        ):
            search(grid, epochs=5000)
        ending.join()


@pytest.mark.slow
def test_a_scheduler_that_goes_away_is_reported_without_a_traceback(lonely, monkeypatch, capfd):
    monkeypatch.setenv("WINENET_SCHEDULER", lonely.address)
    lonely.workers(1)
    grid = {"hidden_layer_sizes": [(50, 50)], "n_iter_no_change": [5000]}
    with cluster.connect(1) as open_cluster:
        ending = when_busy(open_cluster, lonely.started[0], lonely)
        for _ in range(2):  # the second time it is known to be gone
            with pytest.raises(ClusterError, match="the scheduler was lost, so the training was"):
                search(grid, epochs=5000)
        ending.join()
    time.sleep(0.1)
    assert "Traceback" not in "".join(capfd.readouterr())


def test_an_invalid_address_starts_nothing():
    ended = subprocess.run(
        [sys.executable, "-m", "tools.cluster", "worker", "127.0.0.1:8786"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == (
        "'127.0.0.1:8786' is not a scheduler's address, so no worker was started. It must be "
        "like tcp://127.0.0.1:8786: change SCHEDULER=...\n"
    )


def test_without_a_scheduler_it_says_so(monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_TIMEOUT", 1.0)
    assert connection_error("tcp://127.0.0.1:1", monkeypatch) == (
        "WINENET_SCHEDULER=tcp://127.0.0.1:1: no scheduler answers within 1 s, so no "
        "training was started. It must be running, and reachable from this machine. Start it with "
        "`make scheduler`, change the address, or unset WINENET_SCHEDULER to train on this machine."
    )


@pytest.mark.parametrize("value", ["yes", "127.0.0.1:8786", "tcp://host", "tcp://a b:1", "Local"])
def test_another_value_is_reported(value, monkeypatch):
    assert connection_error(value, monkeypatch) == (
        f"WINENET_SCHEDULER={value!r} is not a cluster, so no training was started. It must be the "
        "address of a scheduler, such as tcp://127.0.0.1:8786, or local, for processes on this "
        "machine. Change it, or unset WINENET_SCHEDULER to train on this machine."
    )


def test_without_distributed_it_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    message = connection_error("local", monkeypatch)
    assert message.startswith(
        "WINENET_SCHEDULER=local needs a Dask cluster, but distributed cannot be imported "
    )
    for part in (
        "so no training was started",
        "requirements-cluster.lock",
        "'.[cluster]'",
        "unset",
    ):
        assert part in message


@pytest.mark.parametrize(
    ("name", "value"), [("numpy", "1.0"), ("winenet's code", "0123456789ab"), ("Python", "3.9")]
)
def test_a_worker_with_other_versions_is_refused(name, value, monkeypatch):
    """The client is a stub, as no other numpy can be installed here."""

    class Client:
        def wait_for_workers(self, count, timeout):
            pass

        def run(self, function, on_error):
            return {"tcp://b:2": function() | {name: value}, "tcp://a:1": function()}

    with pytest.raises(ClusterError, match=r"^The worker tcp://b:2 has ") as caught:
        cluster._check_workers(Client(), "tcp://c:3")
    assert f" has {name} {value}, here {cluster.environment_versions()[name]}. Its " in str(
        caught.value
    )


def test_a_worker_that_cannot_import_winenet_is_refused():
    class Client:
        def wait_for_workers(self, count, timeout):
            pass

        def run(self, function, on_error):
            return {"tcp://b:2": ModuleNotFoundError("No module named 'winenet'")}

    message = r"^The worker tcp://b:2 cannot run winenet \(ModuleNotFoundError: No module named"
    with pytest.raises(ClusterError, match=message):
        cluster._check_workers(Client(), "tcp://c:3")


def test_a_worker_that_came_later_and_computes_otherwise_ends_the_work(at, monkeypatch):
    with cluster.connect(2):
        other = cluster.environment_versions() | {"numpy": "1.0"}
        monkeypatch.setattr(cluster, "environment_versions", lambda: other)
        message = r"^The worker tcp://\S+ has numpy \S+, here 1\.0\. .* so the training was stopped"
        with pytest.raises(ClusterError, match=message):
            search()


def test_an_error_in_a_fit_is_the_one_that_it_would_be_here(at):
    with cluster.connect(2), pytest.raises(ValueError, match="became infinite or NaN") as caught:
        search({"learning_rate_init": [1e300]})
    assert str(caught.value).startswith("The candidate {'learning_rate_init': 1e+300} failed on ")


def test_an_error_of_a_file_in_a_fit_is_no_lost_scheduler(at):
    def raises_oserror():
        raise FileNotFoundError("a file of the user's own")

    with cluster.connect(2) as open_cluster, open_cluster._open_session(None) as session:
        session.submit(raises_oserror, ())
        with pytest.raises(FileNotFoundError, match="a file of the user's own"):
            list(session.results())


def test_a_worker_that_cannot_import_what_it_needs_ends_the_work(at):
    def raises_importerror():
        raise ModuleNotFoundError("No module named 'winenet'")

    with cluster.connect(2) as open_cluster, open_cluster._open_session(None) as session:
        session.submit(raises_importerror, ())
        message = r"cannot run its task \(ModuleNotFoundError: .*so the training was stopped"
        with pytest.raises(ClusterError, match=message):
            list(session.results())


def test_a_scheduler_that_goes_before_the_work_begins_is_reported(monkeypatch):
    class Client:
        def wait_for_workers(self, count, timeout):
            raise OSError("Timed out trying to connect")

    @contextlib.contextmanager
    def connected(asked, processes):
        yield Client()

    monkeypatch.setattr(cluster, "_connected_client", connected)
    message = connection_error("tcp://127.0.0.1:8786", monkeypatch)
    assert message == (
        "WINENET_SCHEDULER=tcp://127.0.0.1:8786: the connection to the scheduler was lost, "
        "so no training was started. Start the scheduler with `make scheduler`, and its workers, "
        "then run it again; or unset WINENET_SCHEDULER to train on this machine."
    )
    assert "make " not in connection_error("local", monkeypatch)
