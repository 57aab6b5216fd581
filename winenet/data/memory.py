"""Check before a long stage whether memory suffices."""

from collections.abc import Sequence
from pathlib import Path

import psutil

from winenet.errors import InputError

GB = 1e9
MIN_CHECKED_BYTES = 2**26  # bytes of a file below which nothing is estimated
# Peak of a stage over the bytes of the CSV that it reads, measured at 2 million rows.
INGEST, SPLIT, TRAIN = 3.0, 7.0, 4.0
INPUTS = 4.0  # the same over the bytes of all inputs, measured with 1,000 levels
PACKED_RATIO = 6  # by how much gzip shrinks such a file, about
PACKED = (b"\x1f\x8b", b"PAR1", b"PK\x03\x04")  # first bytes of gzip, Parquet and Excel


class NotEnoughMemoryError(InputError):
    """The work would need more memory than there is."""


def check_ingest(folder: str, names: Sequence[str]) -> None:
    """Raise when the raw files are too large to be joined in memory."""
    _check(
        sum(_size(f"{folder}/{name}") for name in names),
        INGEST,
        "join the raw files",
        "ingest.files",
    )


def check_split(path: str) -> None:
    """Raise when the table is too large to be cut in memory."""
    _check(_size(path), SPLIT, f"split {path}", "ingest.files")


def check_inputs(rows: int, inputs: int) -> None:
    """Raise when the inputs of all rows are too large: those of a category's levels may be."""
    work = f"make {inputs:,} inputs of {rows:,} rows"
    _check(rows * inputs * 8, INPUTS, work, "ingest.columns", "numbers")


def check_training(*paths: str) -> None:
    """Raise when training rows and test rows are too large to be held."""
    _check(sum(_size(path) for path in paths), TRAIN, "train", "ingest.files")


def _size(path: str) -> int:
    """Return the bytes of a file when it is unpacked, about; 0 when it is not there."""
    if not Path(path).is_file():
        return 0
    try:
        with Path(path).open("rb") as stream:
            is_packed = stream.read(4).startswith(PACKED)
    except OSError:  # the reader says why
        return 0
    return Path(path).stat().st_size * (PACKED_RATIO if is_packed else 1)


def available() -> int:
    """Return the bytes that this process may still take, swap left aside."""
    free = int(psutil.virtual_memory().available)
    limit = _limit()
    return free if limit is None else min(free, limit - int(psutil.Process().memory_info().vms))


def _limit() -> int | None:
    """Return the limit of this process's address space (`ulimit -v`), None without one."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if soft == resource.RLIM_INFINITY else int(soft)


def _check(size: int, factor: float, work: str, place: str, what: str = "text") -> None:
    needed, there = int(size * factor), available()
    if size >= MIN_CHECKED_BYTES and needed > there:
        raise NotEnoughMemoryError(
            f"To {work} would take about {needed / GB:.1f} GB of memory ({size / GB:.2f} GB of "
            f"{what}), but {max(there, 0) / GB:.1f} GB are free, so the stage was not begun. Free "
            f"memory, use a machine with more, or give fewer rows or columns ({place} in "
            "params.yaml); benchmarks/README.md has the table of sizes."
        )
