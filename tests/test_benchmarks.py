"""The benchmarks run, compare like with like, and print their table. Nothing is timed here."""

import re
import shutil

import pytest

from benchmarks import measure, rows
from winenet.estimator import DenseClassifier


@pytest.fixture
def bench(split_workspace, request):
    """A copy of the repository with the normalised tables, in which benchmarks can be run."""
    shutil.copytree(
        request.config.rootpath / "benchmarks",
        split_workspace.path / "benchmarks",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    return split_workspace


@pytest.mark.slow
def test_every_benchmark_runs_and_fills_its_rows(bench):
    code, printed, errors = bench.run("benchmarks", "--quick", "--repeats", "1")
    assert code == 0, errors
    facts, _, table = printed.partition("| what | against | ratio | seconds |\n| --- ")
    for what in ("processor  ", "BLAS       openblas", "versions   Python ", "scikit-learn "):
        assert what in facts
    lines = table.splitlines()[1:]
    ratios = [line.split(" | ")[2] for line in lines]
    assert len(lines) >= 13
    assert all(re.fullmatch(r"[0-9]+\.[0-9]{2}|not installed", ratio) for ratio in ratios)
    for what in ("grid search", "float32", "one fit", "(8,)", "candidates", "5,000 rows", "torch"):
        assert what in table, what


def test_what_is_asked_for_wrongly_is_told(bench):
    code, _, errors = bench.run("benchmarks", "--only", "nothing")
    assert (code, "invalid choice: 'nothing'" in errors) == (2, True)
    code, _, errors = bench.run("benchmarks", "--repeats", "0")
    assert (code, "--repeats 0: at least one run is needed" in errors) == (2, True)


def test_without_the_tables_it_says_what_to_do(bench):
    (bench.path / "data/X_train_normalized.csv").unlink()
    code, _, errors = bench.run("benchmarks", "--only", "fit", "--quick")
    assert code == 1
    assert "data/X_train_normalized.csv is missing" in errors
    assert "Traceback" not in errors


def test_networks_that_differ_are_not_compared():
    fits = [DenseClassifier(max_iter=300, random_state=seed) for seed in (0, 0, 1)]
    X, y = [[0.0], [1.0], [0.2], [0.9]], [0, 1, 0, 1]
    one, same, other = (model.set_params(tol=1e-2).fit(X, y) for model in fits)
    rows.same(one, same)
    with pytest.raises(AssertionError, match="not the same network"):
        rows.same(one, other)


def test_a_ratio_is_one_of_medians_of_runs_in_turn(monkeypatch):
    seconds = iter([0, 6, 10, 11, 20, 22, 30, 32, 40, 49, 50, 53])
    monkeypatch.setattr(measure.time, "perf_counter", lambda: next(seconds))
    monkeypatch.setattr(measure, "Parallel", lambda **_: list)
    order = []
    times, results = measure.interleaved(
        {name: (lambda name=name: order.append(name) or name) for name in ("theirs", "ours")}, 3
    )
    assert order == ["theirs", "ours"] * 3
    assert times == {"theirs": 6, "ours": 2}
    assert results == {"theirs": "theirs", "ours": "ours"}
    row = measure.faster("a", "b", times)
    assert row.line() == "| a | b | 3.00 | 6.00 / 2.00 |"
