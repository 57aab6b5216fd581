"""Remembers finished fits on disk, so that a training that was killed goes on where it stood.

It is a memory and no result: what it gives back is what training would have made, to the last
bit, and whatever is wrong with it costs time and is told, never a number.
"""

import dataclasses
import hashlib
import io
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
LOCK_TIMEOUT = 5.0  # seconds for another process that writes
# What a fit runs through between its job and its run.
HASHED_SOURCES = ("journal.py", "layers.py", "stack.py", "training.py", "training_job.py")
ARRAYS = ("parameters", "moments", "best_parameters")
LISTS = ("loss_curve", "validation_losses", "validation_scores")
NUMBERS = ("steps", "learning_rate", "epochs", "rows_seen", "best_loss", "best_score")
COUNTS = ("steps", "epochs", "rows_seen", "no_improvement")

CachedFit: TypeAlias = tuple[
    TrainingState, tuple[Any, ...]
]  # a run, and the state of its random numbers after it

# The journal that the pipeline has opened; outside of `opened` there is none.
_open: ContextVar["JournalStats | None"] = ContextVar("journal", default=None)


class JournalError(InputError):
    """WINENET_JOURNAL cannot be understood."""


class FitStore(Protocol):
    """What `train` asks for fits and tells of them: the file, or another process that has it."""

    trouble: str

    def read(self, key: str) -> CachedFit | None:
        """Return a fit; None when it is not known."""

    def write(self, key: str, run: TrainingState, rng: np.random.RandomState) -> None:
        """Keep a fit."""


class TrainingResult(NamedTuple):
    """The runs of some jobs, how many of them were remembered, and what was wrong if anything."""

    runs: list[TrainingState]
    fits: int
    reused: int
    trouble: str

    def counted(self) -> "TrainingResult":
        """Return the same without the runs, to be sent to another process."""
        return self._replace(runs=[])


@dataclasses.dataclass
class JournalStats:
    """How many fits there were, how many of them were reused, and what was wrong.

    path: of the journal; "" when it is off.
    """

    path: str
    fits: int = 0
    reused: int = 0
    trouble: str = ""

    def add(self, trained: TrainingResult) -> None:
        """Count what a training brought."""
        self.fits += trained.fits
        self.reused += trained.reused
        self.trouble = self.trouble or trained.trouble

    def words(self) -> list[str]:
        """Return what a stage says of it; nothing when no fit came by, as with scikit-learn's."""
        if not self.fits:
            return []
        if not self.path:
            return [f"journal: off, all {self.fits} fits trained"]
        told = [f"journal: {self.reused} of {self.fits} fits reused"]
        if self.trouble:
            told.append(
                f"note: {self.path} cannot be used ({self.trouble}), so fits were trained that it "
                "may hold. The results are the same; delete the file to begin a new one."
            )
        return told


@contextmanager
def open_journal() -> Iterator[JournalStats]:
    """Let all networks that are trained within remember and be remembered; yield the count.

    `WINENET_JOURNAL=off` neither reads nor writes. Raises JournalError for any other value but
    `on`.
    """
    asked = os.environ.get("WINENET_JOURNAL", "on")
    if asked not in ("on", "off"):
        raise JournalError(
            f"WINENET_JOURNAL={asked} is neither on nor off, so it is open whether fits may be "
            "reused. Unset it, or say off to train every network anew."
        )
    tally = JournalStats(PATH if asked == "on" else "")
    if tally.path:
        tally.trouble = _init_database(tally.path)
    token = _open.set(tally)
    try:
        yield tally
    finally:
        _open.reset(token)


def current_path() -> str:
    """Return the journal that is open here, for `train` in another process; "" for none.

    The path is absolute: a process that was started elsewhere may be used again.
    """
    tally = _open.get()
    if tally is None or not tally.path or tally.trouble:
        return ""
    return str(Path(tally.path).absolute())


def record_stats(trained: TrainingResult) -> None:
    """Count what a training brought, in the process that has opened the journal."""
    tally = _open.get()
    if tally is not None:
        tally.add(trained)


def cached_indices(jobs: Sequence[TrainingJob], store: FitStore) -> set[int]:
    """Return the places of the jobs that are remembered."""
    return {place for place, key in enumerate(_keys(jobs)) if store.read(key)}


def train(jobs: Sequence[TrainingJob], path: str | FitStore) -> TrainingResult:
    """Train the networks as `network.train` does, but those that the journal remembers.

    path: of the journal, or "", or what stands for it. A network is written down as soon as it has
    left its stack. A job's rng is left as training would have left it.
    """
    if not path:
        return TrainingResult(training.train(jobs), len(jobs), 0, "")
    store = SqliteFitStore(path) if isinstance(path, str) else path
    keys = _keys(jobs)
    found = {place: fit for place, key in enumerate(keys) if (fit := store.read(key))}
    missing = [place for place in range(len(jobs)) if place not in found]

    def remember(place: int, run: TrainingState) -> None:
        store.write(keys[missing[place]], run, jobs[missing[place]].rng)

    trained = training.train([jobs[place] for place in missing], on_leave=remember)
    runs = dict(zip(missing, trained, strict=True))
    for place, (run, state) in found.items():
        runs[place] = run
        jobs[place].rng.set_state(state)
    in_order = [runs[place] for place in range(len(jobs))]
    return TrainingResult(in_order, len(jobs), len(found), store.trouble)


# ------------------------------------------------------------------ what makes a fit the same


def _keys(jobs: Sequence[TrainingJob]) -> list[str]:
    """Return for each job a hash of all that its run depends on."""
    common = environment_hash()
    rows = {id(job.X): job.X for job in jobs}  # jobs share them
    hashes = {place: _hash(X) for place, X in rows.items()}
    keys = []
    for job in jobs:
        parts = [common, repr(job.settings), hashes[id(job.X)]]
        parts += [_hash(part) for part in (job.targets, job.row_weights, *(job.held_out or ()))]
        for field in dataclasses.fields(job.start):
            value = getattr(job.start, field.name)
            parts.append(f"{field.name} {_hash(value) if field.name in ARRAYS else repr(value)}")
        kind, words, *rest = job.rng.get_state(legacy=True)
        parts.append(f"{kind} {_hash(words)} {rest}")
        keys.append(hashlib.sha256("\n".join(parts).encode()).hexdigest())
    return keys


def _hash(array: Any) -> str:
    if array is None:
        return "none"
    content = np.ascontiguousarray(array)
    text = f"{content.dtype} {content.shape} ".encode()
    return hashlib.sha256(text + content.tobytes()).hexdigest()


def environment_hash() -> str:
    """Return what is the same for all fits of a process: code, libraries, numerics."""
    folder = Path(__file__).parent
    parts = ["winenet", str(FORMAT), platform.python_version(), np.__version__]
    parts += [scipy.__version__, sklearn.__version__, numerics_hash()]
    # A clone on Windows may have other line ends.
    code = [(folder / name).read_bytes().replace(b"\r\n", b"\n") for name in HASHED_SOURCES]
    parts += [hashlib.sha256(content).hexdigest() for content in code]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def numerics_hash() -> str:
    """Return a hash of what BLAS and the functions of the units make of fixed numbers."""
    rng = np.random.default_rng(0)
    A, B = rng.standard_normal((200, 100)), rng.standard_normal((100, 50))
    made = [A @ B, B.T @ A.T[:, :7], expit(A), np.log(np.abs(A)), np.tanh(A), np.sqrt(np.abs(A))]
    return hashlib.sha256(b"".join(part.tobytes() for part in made)).hexdigest()


# ------------------------------------------------------------------ the file


def _init_database(path: str) -> str:
    """Make the file if it is missing, drop what no fit can use any more; return what is wrong."""
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
    # Power loss may cost the last fits, never the file: that is what WAL promises with NORMAL.
    connection.execute("PRAGMA synchronous=NORMAL")
    return connection


class SqliteFitStore:
    """The journal as one process sees it. After the first fault it is left alone."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.trouble = ""
        self.identity = environment_hash()

    def read(self, key: str) -> CachedFit | None:
        """Return a fit's run and the state of its random numbers; None when it is not there."""
        if self.trouble:
            return None
        try:
            with closing(_connect(self.path)) as connection:
                found = connection.execute(
                    "SELECT checksum, run FROM fits WHERE key = ?", [key]
                ).fetchone()
        except sqlite3.Error as error:
            self.trouble = str(error)
            return None
        if found is None:
            return None
        checksum, blob = found
        if not isinstance(blob, bytes) or hashlib.sha256(blob).hexdigest() != checksum:
            self.trouble = "a fit in it is damaged"
            return None
        return _deserialize(blob)

    def write(self, key: str, run: TrainingState, rng: np.random.RandomState) -> None:
        """Keep a fit. One that diverged is none: its error is to be found again."""
        if run.event != "diverged":
            self.keep(key, serialize(run, rng))

    def keep(self, key: str, blob: bytes) -> None:
        """Keep a fit that is packed."""
        if self.trouble:
            return
        line = [key, self.identity, hashlib.sha256(blob).hexdigest(), blob]
        try:
            with closing(_connect(self.path)) as connection:
                connection.execute("INSERT OR REPLACE INTO fits VALUES (?, ?, ?, ?)", line)
        except sqlite3.Error as error:
            self.trouble = str(error)


def serialize(run: TrainingState, rng: np.random.RandomState) -> bytes:
    """Return a run and the state of its random numbers as an npz archive, without pickles."""
    arrays: dict[str, Any] = {
        name: value for name in ARRAYS if (value := getattr(run, name)) is not None
    }
    arrays |= {name: np.array(getattr(run, name), dtype=np.float64) for name in LISTS}
    arrays |= {name: np.array(getattr(run, name), dtype=np.float64) for name in NUMBERS}
    arrays["no_improvement"], arrays["event"] = np.array(run.no_improvement), np.array(run.event)
    kind, words, place, has_gauss, gauss = rng.get_state(legacy=True)
    arrays |= {"rng_kind": np.array(kind), "rng_words": words}
    arrays["rng_place"] = np.array([place, has_gauss, gauss], dtype=np.float64)
    target = io.BytesIO()
    np.savez(target, **arrays)
    return target.getvalue()


def _deserialize(blob: bytes) -> CachedFit:
    """Return what `packed` put in."""
    with np.load(io.BytesIO(blob), allow_pickle=False) as arrays:
        values: dict[str, Any] = {name: arrays[name] for name in ARRAYS if name in arrays}
        values |= {name: arrays[name].tolist() for name in LISTS}
        values |= {name: float(arrays[name]) for name in NUMBERS}
        values |= {"no_improvement": arrays["no_improvement"], "event": str(arrays["event"])}
        values |= {name: int(values[name]) for name in COUNTS}
        place, has_gauss, gauss = arrays["rng_place"].tolist()
        state = (str(arrays["rng_kind"]), arrays["rng_words"], int(place), int(has_gauss), gauss)
    return TrainingState(**values), state
