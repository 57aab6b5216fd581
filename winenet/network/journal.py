"""A cache of finished fits on disk: a training that was killed continues where it stopped.

The cache cannot change a result: a cached fit is bit-identical to a new one. A damaged cache is
reported and ignored, and only costs time.
"""

import dataclasses
import hashlib
import io
import json
import os
import platform
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
import scipy
import sklearn
from scipy.special import expit

from winenet.errors import InputError
from winenet.network import training
from winenet.network.training_job import TrainingJob, TrainingState

PATH = ".winenet/journal.sqlite3"  # git and dvc ignore the folder
FORMAT = 1
LOCK_TIMEOUT = 5.0  # seconds to wait for another process that writes
# The code that turns a job into its final state; a change invalidates the cached fits.
HASHED_SOURCES = ("journal.py", "layers.py", "stack.py", "training.py", "training_job.py")
ARRAYS = ("parameters", "optimizer_state", "best_parameters", "permutation")
LISTS = ("loss_curve", "validation_losses", "validation_scores")
FLOATS = ("learning_rate", "best_loss", "best_score")
INTEGERS = ("steps", "epochs", "samples_seen", "no_improvement")

# The final or paused state of a fit, and the state of its random numbers.
CachedFit: TypeAlias = tuple[TrainingState, tuple[Any, ...]]

# The statistics of the open journal; None outside of `open_journal`.
_open: ContextVar["JournalStats | None"] = ContextVar("journal", default=None)


class JournalError(InputError):
    """The value of WINENET_JOURNAL is not allowed."""


class FitStore(Protocol):
    """Where `train` looks fits up and stores them: the file, or the process that owns it."""

    error: str

    def read(self, key: str) -> CachedFit | None:
        """Return a cached fit, or None."""

    def write(self, key: str, state: TrainingState, rng: np.random.RandomState) -> None:
        """Store a fit."""


class TrainingResult(NamedTuple):
    """The final states of some jobs, and the cache statistics: fits, cache hits, error or ""."""

    states: list[TrainingState]
    fits: int
    reused: int
    error: str

    def without_states(self) -> "TrainingResult":
        """Return the statistics only, to be sent to another process."""
        return self._replace(states=[])


@dataclasses.dataclass
class JournalStats:
    """The open journal's store (None if it is off) and its statistics."""

    store: "SqliteFitStore | None"
    fits: int = 0
    reused: int = 0
    error: str = ""

    def add(self, result: TrainingResult) -> None:
        """Add the statistics of one training."""
        self.fits += result.fits
        self.reused += result.reused
        self.error = self.error or result.error

    def log_lines(self) -> list[str]:
        """Return what a stage logs; nothing if it fitted no networks of winenet's."""
        if not self.fits:
            return []
        if self.store is None:
            return [f"journal: off, all {self.fits} fits trained"]
        lines = [f"journal: {self.reused} of {self.fits} fits reused"]
        if self.error:
            lines.append(
                f"note: {PATH} cannot be used ({self.error}), so cached fits were trained again. "
                "The results are the same. Delete the file to start a new one."
            )
        return lines


def is_on() -> bool:
    """Return whether fits may be cached.

    Raises
    ------
    JournalError
        If WINENET_JOURNAL is neither `on`, the default, nor `off`.
    """
    value = os.environ.get("WINENET_JOURNAL", "on")
    if value not in ("on", "off"):
        raise JournalError(
            f"WINENET_JOURNAL={value} is neither on nor off, so it is unclear whether fits may be "
            "reused. Unset it, or set it to off to train every network again."
        )
    return value == "on"


@contextmanager
def open_journal() -> Iterator[JournalStats]:
    """Cache all networks that are trained within the context; yield the statistics.

    Raises
    ------
    JournalError
        As `is_on` does.
    """
    stats = JournalStats(None)
    if is_on():
        # An absolute path, as processes that were started in another folder use it, too.
        stats.store = SqliteFitStore(str(Path(PATH).absolute()))
        stats.error = _init_database(stats.store.path)
    token = _open.set(stats)
    try:
        yield stats
    finally:
        _open.reset(token)


def current_store() -> "SqliteFitStore | None":
    """Return the store of the open journal; None if there is none, or if it cannot be used."""
    stats = _open.get()
    return None if stats is None or stats.error else stats.store


def record_stats(result: TrainingResult) -> None:
    """Add the statistics of one training, in the process that opened the journal."""
    stats = _open.get()
    if stats is not None:
        stats.add(result)


def cached_indices(jobs: Sequence[TrainingJob], store: FitStore) -> set[int]:
    """Return the indices of the jobs whose fits are cached."""
    return {i for i, key in enumerate(_keys(jobs)) if store.read(key)}


def train(jobs: Sequence[TrainingJob], store: FitStore | None) -> TrainingResult:
    """Train the networks as `training.train` does, except those that the store has cached.

    Each network is stored once it has finished, or paused. Each job's rng is left in the state in
    which training would have left it. Without a store, all networks are trained.
    """
    if store is None:
        return TrainingResult(training.train(jobs), len(jobs), 0, "")
    keys = _keys(jobs)
    cached = {i: fit for i, key in enumerate(keys) if (fit := store.read(key))}
    missing = [i for i in range(len(jobs)) if i not in cached]

    def store_fit(index: int, state: TrainingState) -> None:
        i = missing[index]
        store.write(keys[i], state, jobs[i].rng)

    trained = training.train([jobs[i] for i in missing], on_finished=store_fit)
    states = dict(zip(missing, trained, strict=True))
    for i, (state, rng_state) in cached.items():
        states[i] = state
        jobs[i].rng.set_state(rng_state)
    return TrainingResult(
        [states[i] for i in range(len(jobs))], len(jobs), len(cached), store.error
    )


# ------------------------------------------------------------------ the keys


def _keys(jobs: Sequence[TrainingJob]) -> list[str]:
    """Return for each job a hash of everything that its final state depends on."""
    environment = environment_hash()
    shared_X = {id(job.X): job.X for job in jobs}
    X_hashes = {i: _hash(X) for i, X in shared_X.items()}
    keys = []
    for job in jobs:
        parts = [environment, repr(job.hyperparameters), X_hashes[id(job.X)]]
        parts.append(f"pause_at {job.pause_at}")
        arrays = (job.targets, job.sample_weight, *(job.validation or ()))
        parts += [_hash(array) for array in arrays]
        for field in dataclasses.fields(job.start):
            value = getattr(job.start, field.name)
            parts.append(f"{field.name} {_hash(value) if field.name in ARRAYS else repr(value)}")
        algorithm, rng_words, *rest = job.rng.get_state(legacy=True)
        parts.append(f"{algorithm} {_hash(rng_words)} {rest}")
        keys.append(hashlib.sha256("\n".join(parts).encode()).hexdigest())
    return keys


def _hash(array: Any) -> str:
    if array is None:
        return "none"
    content = np.ascontiguousarray(array)
    header = f"{content.dtype} {content.shape} ".encode()
    return hashlib.sha256(header + content.tobytes()).hexdigest()


def environment_hash() -> str:
    """Return a hash of what all fits of a process share: code, libraries, numerics."""
    folder = Path(__file__).parent
    parts = ["winenet", str(FORMAT), platform.python_version(), np.__version__]
    parts += [scipy.__version__, sklearn.__version__, numerics_hash()]
    # A clone on Windows may have other line ends.
    code = [(folder / name).read_bytes().replace(b"\r\n", b"\n") for name in HASHED_SOURCES]
    parts += [hashlib.sha256(content).hexdigest() for content in code]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def numerics_hash() -> str:
    """Return a hash of the results of BLAS and of the activation functions for fixed inputs."""
    rng = np.random.default_rng(0)
    A, B = rng.standard_normal((200, 100)), rng.standard_normal((100, 50))
    results = [A @ B, B.T @ A.T[:, :7]]
    results += [expit(A), np.log(np.abs(A)), np.tanh(A), np.sqrt(np.abs(A))]
    return hashlib.sha256(b"".join(array.tobytes() for array in results)).hexdigest()


# ------------------------------------------------------------------ the file


def _init_database(path: str) -> str:
    """Create the file if it is missing and delete outdated fits; return an error message or ""."""
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with closing(_connect(path)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, FORMAT):
                return f"its format is {version}, not {FORMAT}"
            connection.execute(
                "CREATE TABLE IF NOT EXISTS fits (key TEXT PRIMARY KEY, identity TEXT NOT NULL, "
                "checksum TEXT NOT NULL, run BLOB NOT NULL)"
            )
            connection.execute(f"PRAGMA user_version={FORMAT}")
            connection.execute("DELETE FROM fits WHERE identity != ?", [environment_hash()])
    except (sqlite3.Error, OSError) as error:
        return str(error)
    return ""


def _connect(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=LOCK_TIMEOUT, isolation_level=None)
    # With WAL and NORMAL a power loss may cost the last fits, but never corrupts the file.
    connection.execute("PRAGMA synchronous=NORMAL")
    return connection


class SqliteFitStore:
    """The journal's file. After the first error it is not used any more."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.error = ""
        self.environment = environment_hash()

    def read(self, key: str) -> CachedFit | None:
        """Return a cached fit, or None."""
        if self.error:
            return None
        try:
            with closing(_connect(self.path)) as connection:
                row = connection.execute(
                    "SELECT checksum, run FROM fits WHERE key = ?", [key]
                ).fetchone()
        except sqlite3.Error as error:
            self.error = str(error)
            return None
        if row is None:
            return None
        checksum, content = row
        if not isinstance(content, bytes) or hashlib.sha256(content).hexdigest() != checksum:
            self.error = "a fit in it is damaged"
            return None
        return _deserialize(content)

    def write(self, key: str, state: TrainingState, rng: np.random.RandomState) -> None:
        """Store a fit. One that diverged is not stored: it must raise its error again."""
        if state.stop_reason != "diverged":
            self.write_serialized(key, serialize(state, rng))

    def write_serialized(self, key: str, content: bytes) -> None:
        """Store a serialized fit."""
        if self.error:
            return
        row = [key, self.environment, hashlib.sha256(content).hexdigest(), content]
        try:
            with closing(_connect(self.path)) as connection:
                connection.execute("INSERT OR REPLACE INTO fits VALUES (?, ?, ?, ?)", row)
        except sqlite3.Error as error:
            self.error = str(error)


def serialize(state: TrainingState, rng: np.random.RandomState) -> bytes:
    """Return a state and the state of its random numbers as an npz archive, no pickles."""
    arrays: dict[str, Any] = {
        name: value for name in ARRAYS if (value := getattr(state, name)) is not None
    }
    arrays |= {name: np.array(getattr(state, name), np.float64) for name in (*LISTS, *FLOATS)}
    arrays |= {name: np.array(getattr(state, name), np.int64) for name in INTEGERS}
    arrays["stop_reason"] = np.array(state.stop_reason)
    arrays["dropout_rng"] = np.array(json.dumps(state.dropout_rng))
    algorithm, rng_words, position, has_gauss, gauss = rng.get_state(legacy=True)
    arrays |= {"rng_algorithm": np.array(algorithm), "rng_words": rng_words}
    arrays["rng_position"] = np.array([position, has_gauss, gauss], dtype=np.float64)
    target = io.BytesIO()
    np.savez(target, **arrays)
    return target.getvalue()


def _deserialize(content: bytes) -> CachedFit:
    """Undo `serialize`."""
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        values: dict[str, Any] = {name: arrays[name] for name in ARRAYS if name in arrays}
        values |= {name: arrays[name].tolist() for name in (*LISTS, *FLOATS, *INTEGERS)}
        values["stop_reason"] = str(arrays["stop_reason"])
        values["dropout_rng"] = json.loads(str(arrays["dropout_rng"]))
        state = TrainingState(**values)
        position, has_gauss, gauss = arrays["rng_position"].tolist()
        rng_state = (arrays["rng_words"], int(position), int(has_gauss), gauss)
        return state, (str(arrays["rng_algorithm"]), *rng_state)
