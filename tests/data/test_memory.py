"""A work that would not fit into memory is refused before it begins, with figure and cure."""

import sys
from pathlib import Path

import pytest

from winenet.data import memory
from winenet.data.memory import NotEnoughMemoryError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a sparse file of 1 GB, in a process that has 1 GB left."""
    monkeypatch.chdir(tmp_path)
    with Path("large.csv").open("wb") as stream:
        stream.truncate(10**9)
    monkeypatch.setattr(memory, "available", lambda: 10**9)
    return tmp_path


def test_a_table_that_does_not_fit_is_told_with_figure_and_cure(folder):
    with pytest.raises(NotEnoughMemoryError) as caught:
        memory.check_split("large.csv")
    assert str(caught.value) == (
        "To split large.csv would take about 7.0 GB of memory (1.00 GB of text), but 1.0 GB are "
        "free, so the stage was not begun. Free memory, use a machine with more, or give fewer "
        "rows or columns (ingest.files in params.yaml); benchmarks/README.md has the table of "
        "sizes."
    )


def test_raw_files_and_training_rows_are_checked_too(folder):
    with pytest.raises(
        NotEnoughMemoryError, match=r"^To join the raw files would take about 6\.0 GB"
    ):
        memory.check_ingest(".", ["large.csv", "large.csv"])
    with pytest.raises(NotEnoughMemoryError, match=r"^To train would take about 4\.0 GB"):
        memory.check_training("large.csv", "missing.csv")


def test_the_inputs_of_many_levels_are_checked(folder):
    with pytest.raises(NotEnoughMemoryError) as caught:
        memory.check_inputs(1_000_000, 1_001)
    assert str(caught.value).startswith(
        "To make 1,001 inputs of 1,000,000 rows would take about 32.0 GB of memory (8.01 GB of "
        "numbers), but 1.0 GB are free, so the stage was not begun."
    )
    memory.check_inputs(6_497, 12)


def test_what_fits_and_what_is_small_passes(folder, monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 7 * 10**9)
    memory.check_split("large.csv")
    monkeypatch.setattr(memory, "available", lambda: 0)
    Path("small.csv").write_bytes(b"a\n1\n")
    memory.check_split("small.csv")


def test_a_packed_file_counts_as_what_it_holds(folder):
    for start in (b"\x1f\x8b", b"PAR1", b"PK\x03\x04"):  # of gzip, Parquet and Excel
        with Path("large.csv").open("r+b") as stream:
            stream.write(start)
        with pytest.raises(NotEnoughMemoryError, match=r"about 18\.0 GB of memory"):
            memory.check_ingest(".", ["large.csv"])


def test_a_file_that_cannot_be_opened_is_left_to_the_reader(folder, monkeypatch):
    monkeypatch.setattr(Path, "open", lambda *_: Path("missing").stat())
    memory.check_ingest(".", ["large.csv"])


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_the_limit_of_the_process_counts(monkeypatch):
    import resource

    free = memory.available()
    assert free > 0
    limit = 2**34
    monkeypatch.setattr(resource, "getrlimit", lambda _: (limit, limit))
    assert memory.available() <= min(free * 1.1, limit)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (2**20, 2**20))
    assert memory.available() < 0
