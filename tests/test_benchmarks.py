"""The benchmarks run, compare like with like, and print their table. Nothing is timed here."""

import re
import shutil

import pytest

from benchmarks import coverage, measure, rows
from winenet.estimator import DenseClassifier
from winenet.evaluation import Interval, wilson


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


# ------------------------------------------------------------------ the bootstrap's coverage


def test_the_coverage_is_told_in_a_table(bench):
    code, printed, errors = bench.run("benchmarks.coverage", "--quick")
    assert code == 0, errors
    assert re.search(
        r"1,000,000 rows: ROC AUC 0\.99\d\d, log loss 0\.03\d\d, errors 0\.\d\d%", printed
    )
    assert "20 of 1,300 rows, 100 resamples each, seed 1300" in printed
    table = [line.strip("| ").split(" | ") for line in printed.splitlines() if line[:1] == "|"]
    assert table[0] == coverage.COLUMNS
    assert [line[:2] for line in table[2:]] == [
        ["ROC AUC", "BCa"],
        ["ROC AUC", "percentile"],
        ["log loss", "BCa"],
        ["log loss", "percentile"],
    ]
    for line in table[2:]:
        holds, low, high, none = (float(line[cell].rstrip("%")) for cell in (2, 4, 5, 6))
        assert holds + low + high + none == pytest.approx(100)
    code, _, errors = bench.run("benchmarks.coverage", "--repeats", "0")
    assert (code, "--repeats 0: at least one sample is needed" in errors) == (2, True)


def test_a_line_counts_on_which_side_the_interval_misses():
    found = [Interval(0.5, low, high) for low, high in ((0.1, 0.2), (0.2, 0.4), (0.3, 0.6))]
    told = wilson(1, 5)
    assert coverage.line("a", "b", 0.3, [*found, Interval(0.5, 0.4, 0.9), None]) == (
        f"| a | b | 40.0% | {wilson(2, 5).low:.1%} to {wilson(2, 5).high:.1%} "
        "| 20.0% | 20.0% | 20.0% | 0.2750 |"
    )
    assert coverage.line("a", "b", 0.3, [None] * 4 + found[1:2]).startswith(
        f"| a | b | 20.0% | {told.low:.1%} to {told.high:.1%} | 0.0% | 0.0% | 80.0% |"
    )
    assert coverage.line("a", "b", 0.3, [None]).endswith("| 0.0% | 0.0% | 100.0% | nan |")


def test_a_sample_s_intervals_depend_on_its_number_alone():
    whole = coverage.population()
    first, again, other = (coverage.block([number], 100)[0] for number in (3, 3, 4))
    assert first == again == coverage.intervals(whole, 3, 100)
    assert all(first[key] != other[key] for key in first)
    assert whole.losses.mean() == whole.scores()["log loss"]
    assert len(whole.y) == 1_000_000
