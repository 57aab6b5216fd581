"""The benchmarks run, compare like with like, and print their table. Nothing is timed here."""

import ast
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from benchmarks import coverage, measure, pipeline, rows
from winenet import runtime
from winenet.errors import InputError
from winenet.evaluation.intervals import wilson_interval
from winenet.evaluation.metric_types import Interval
from winenet.network.classifier import DenseClassifier


@pytest.fixture
def bench(split_workspace, request):
    """A copy of the repository with the normalised tables, in which benchmarks can be run."""
    for name in ("benchmarks", "tools"):
        shutil.copytree(
            request.config.rootpath / name,
            split_workspace.path / name,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
    return split_workspace


@pytest.mark.slow
def test_every_benchmark_runs_and_fills_its_rows(bench):
    code, printed, errors = bench.run("benchmarks", "--quick", "--repeats", "1")
    assert code == 0, errors
    environment, _, table = printed.partition("| what | against | ratio | seconds |\n| --- ")
    for what in ("processor  ", "BLAS       openblas", "versions   Python ", "scikit-learn "):
        assert what in environment
    lines = table.splitlines()[1:]
    ratios = [line.split(" | ")[2] for line in lines]
    assert len(lines) >= 13
    assert all(re.fullmatch(r"[0-9]+\.[0-9]{2}|not installed", ratio) for ratio in ratios)
    for what in ("grid search", "float32", "one fit", "(8,)", "candidates", "5,000 rows", "torch"):
        assert what in table, what


@pytest.mark.slow
def test_the_cluster_is_measured_against_the_pool(bench):
    pytest.importorskip("distributed")
    code, printed, errors = bench.run(
        "benchmarks", "--only", "cluster", "--quick", "--repeats", "1"
    )
    assert code == 0, errors
    assert re.search(
        r"^\| the notebook's grid search: 45 fits, a local Dask cluster of \d+: its time "
        r"\| the same in joblib's \d+ processes \| [0-9]+\.[0-9]{2} \| ",
        printed,
        re.MULTILINE,
    )


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
    row = measure.speedup("a", "b", times)
    assert row.to_markdown() == "| a | b | 3.00 | 6.00 / 2.00 |"


# ------------------------------------------------------------------ the notebook as a script


def test_the_script_needs_nothing_of_ours():
    tree = ast.parse(Path(pipeline.SCRIPT).read_text(encoding="utf-8"))
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(str(node.module).partition(".")[0])
    assert imported.isdisjoint({"winenet", "stages", "tools", "benchmarks"})


def test_the_script_runs_in_two_epochs_and_leaves_nothing_behind(workspace, request):
    """Its whole run is compared with the pipeline's search in tests/network/test_search.py."""
    before = workspace.files()
    ended = workspace.python(str(request.config.rootpath / pipeline.SCRIPT), "--quick")
    assert ended.returncode == 0, ended.stderr
    assert "logistic regression: 0.9823\n" in ended.stdout
    assert workspace.files() == before


# ------------------------------------------------------------------ the whole pipeline

STAGES = """
stages:
  first: {cmd: python -c "print('at work')"}
  seeds: {cmd: python -c "", deps: [given.txt]}
  last: {cmd: python -c "import os; print(os.environ.get('OPENBLAS_NUM_THREADS'))"}
"""
STUB = "import os, sys; print(sys.argv[1:], os.environ.get('OPENBLAS_NUM_THREADS'))"


def run_git(folder, *arguments):
    identity = ["-c", "user.name=n", "-c", "user.email=e", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path):
    """A committed git and DVC project of three stages, with a script in the notebook's place."""
    for name, text in (
        (".dvc/.gitignore", "/config.local\n/tmp\n/cache\n"),
        (".dvc/config", "[core]\n    analytics = false\n"),
        ("dvc.yaml", STAGES),
        ("given.txt", "1"),
        (pipeline.SCRIPT, STUB),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    run_git(tmp_path, "init", "--quiet")
    run_git(tmp_path, "add", "--all")
    run_git(tmp_path, "commit", "--message", "as it stands")
    return tmp_path


def test_the_pipeline_has_a_row_for_each_stage_that_ran(repository):
    found = pipeline.whole(rows.Size(1, False), repository)
    whole, without, *parts = found
    assert [row.what.removeprefix("of it: ") for row in parts] == [
        pipeline.STARTUP,
        *("first", "seeds", "last"),
    ]
    assert sum(row.ratio for row in parts) == pytest.approx(1)
    seeds = parts[2].ratio
    assert without.ratio == pytest.approx((1 - seeds) * whole.ratio)
    assert not (repository / "dvc.lock").exists()  # the clone's alone


def test_both_run_with_no_numerics_set(repository, monkeypatch):
    for name in (*runtime.THREADS, "OPENBLAS_CORETYPE"):  # as this package sets them for itself
        monkeypatch.setenv(name, "1")
    script, repro = pipeline.pair(rows.Size(1, False), repository)
    assert [line for _, line in script.lines] == ["[] None"]
    assert "None" in [line for _, line in repro.lines]


def test_a_quick_run_takes_two_stages(repository):
    script, repro = pipeline.pair(rows.Size(1, True), repository)
    assert [line for _, line in script.lines] == ["['--quick'] None"]
    assert list(pipeline.stage_seconds(repro)) == [pipeline.STARTUP, "first", "seeds"]


def test_a_process_that_fails_is_told_with_its_last_lines(repository):
    (repository / pipeline.SCRIPT).write_text("raise SystemExit('no more')", encoding="utf-8")
    run_git(repository, "commit", "--all", "--message", "broken")
    with pytest.raises(InputError, match=r"(?s)notebook\.py` ended with exit code 1.*    no more"):
        pipeline.whole(rows.Size(1, False), repository)


def test_outside_of_git_it_says_what_failed(bench):
    code, _, errors = bench.run("benchmarks", "--only", "pipeline", "--quick")
    assert code == 1
    assert "`git clone` failed" in errors or "`git rev-parse` failed" in errors
    assert "Traceback" not in errors


def test_a_stage_s_time_ends_where_the_next_one_starts():
    lines = [
        (1.0, "'data/raw.dvc' didn't change, skipping"),
        (2.0, "Running stage 'a':"),
        (2.5, "> python -m stages.a"),
        (2.7, "a: Running stage 'no':"),
        (6.0, "Running stage 'seeds':"),
        (13.0, "Running stage 'learning_curve':"),
        (16.0, "Updating lock file 'dvc.lock'"),
    ]
    parts = pipeline.stage_seconds(pipeline.Run(lines, 20.0))
    assert parts == {pipeline.STARTUP: 2, "a": 4, "seeds": 7, "learning_curve": 7}
    assert [row.to_markdown() for row in pipeline.table(4.0, 20.0, parts)] == [
        "| the whole `dvc repro --force`, nothing reused: its time "
        "| the notebook's cells as one script | 5.00 | 20.00 / 4.00 |",
        "| the same without seeds and learning_curve "
        "| the notebook's cells as one script | 1.50 | 6.00 / 4.00 |",
        "| of it: DVC, before the first stage | the whole `dvc repro` | 0.10 | 2.00 |",
        "| of it: a | the whole `dvc repro` | 0.20 | 4.00 |",
        "| of it: seeds | the whole `dvc repro` | 0.35 | 7.00 |",
        "| of it: learning_curve | the whole `dvc repro` | 0.35 | 7.00 |",
    ]


def test_the_pipeline_s_times_are_medians_of_runs_in_turn(monkeypatch):
    runs = iter([(1.0, 10.0, 1.0), (2.0, 40.0, 3.0), (9.0, 20.0, 2.0)])

    def pair(*_):
        script, repro, start = next(runs)
        return pipeline.Run([], script), pipeline.Run([(start, "Running stage 'a':")], repro)

    monkeypatch.setattr(pipeline, "pair", pair)
    whole, _, before, stage = pipeline.whole(rows.Size(3, False))
    assert whole.seconds == "20.00 / 2.00"
    assert (before.seconds, stage.seconds) == ("2.00", "18.00")


# ------------------------------------------------------------------ the bootstrap's coverage


@pytest.mark.slow
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
    told = wilson_interval(1, 5)
    assert coverage.format_row("a", "b", 0.3, [*found, Interval(0.5, 0.4, 0.9), None]) == (
        f"| a | b | 40.0% | {wilson_interval(2, 5).low:.1%} to {wilson_interval(2, 5).high:.1%} "
        "| 20.0% | 20.0% | 20.0% | 0.2750 |"
    )
    assert coverage.format_row("a", "b", 0.3, [None] * 4 + found[1:2]).startswith(
        f"| a | b | 20.0% | {told.low:.1%} to {told.high:.1%} | 0.0% | 0.0% | 80.0% |"
    )
    assert coverage.format_row("a", "b", 0.3, [None]).endswith("| 0.0% | 0.0% | 100.0% | nan |")


def test_a_sample_s_intervals_depend_on_its_number_alone():
    whole = coverage.population()
    first, again, other = (coverage.block([number], 100)[0] for number in (3, 3, 4))
    assert first == again == coverage.intervals(whole, 3, 100)
    assert all(first[key].value != other[key].value for key in first)  # other rows
    assert whole.losses.mean() == whole.scores()["log loss"]
    assert len(whole.y) == 1_000_000


# ------------------------------------------------------------------ predictions


@pytest.mark.slow
def test_predictions_are_compared_with_scikit_learn_s_and_are_the_same(bench):
    code, printed, errors = bench.run("benchmarks.predict", "--quick", "--repeats", "1")
    assert (code, errors) == (0, "")
    table = [line.strip("| ").split(" | ") for line in printed.splitlines() if line[:1] == "|"]
    assert table[0] == ["what", "scikit-learn's pipeline", "winenet", "ratio"]
    assert [line[0] for line in table[2:]] == [
        "file to file, 2,000 rows",
        "predict_proba alone, 2,000 rows in memory",
        "peak memory, file to file, 1,000 rows",
        "peak memory, file to file, 2,000 rows",
    ]
    assert "The probabilities differ by " in printed
    code, _, errors = bench.run("benchmarks.predict", "--repeats", "0")
    assert (code, "--repeats 0: at least one run is needed" in errors) == (2, True)
