"""Runs the whole pipeline by real `dvc repro` in a repository of its own, with small parameters.

What a user types in the README is typed here: repro, diff, show, experiments, and the way back
after a fault.
"""

import csv
import html
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from small_pipeline import NASTY, ROOT, STAGES, change, commit, dvc, git, outputs, ran, run


@pytest.fixture
def repository(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished repository, to change at will."""
    return Path(shutil.copytree(finished, tmp_path / "repository", symlinks=True))


def test_every_listed_output_is_there_and_nothing_else_is_written(finished: Path) -> None:
    lock = yaml.safe_load((finished / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    listed = {out["path"] for stage in lock.values() for out in stage["outs"]}
    networks = {f"models/mlp/{name}.safetensors" for name in ("notebook", "one_hidden_layer")}
    listed = listed - {"models/mlp"} | networks
    assert set(outputs(finished)) == listed | {"dvc.lock", "data/README.md"}
    # In whatever folder, and ignored by git or not.
    before = set(
        run(ROOT, "git", "ls-files", "--cached", "--others", "--exclude-standard").splitlines()
    )
    memory = (".git", ".dvc", ".winenet", "__pycache__")
    after = {path.relative_to(finished) for path in finished.rglob("*") if path.is_file()}
    written = {path.as_posix() for path in after if not set(memory) & {*path.parts}} - before
    assert written <= listed | {"dvc.lock", "data/.gitignore", "models/.gitignore"}
    assert git(finished, "status", "--porcelain") == ""


def test_nothing_runs_when_nothing_changed(repository: Path) -> None:
    assert ran(dvc(repository, "repro")) == []


LARGER_TEST_SET = [stage for stage in STAGES if stage not in ("ingest", "handmade")]


@pytest.fixture(scope="module")
def larger_test_set(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished repository after a change of split.test_size and a run; a test copies it."""
    place = tmp_path_factory.mktemp("larger") / "repository"
    shutil.copytree(finished, place, symlinks=True)
    change(place, "split", test_size=0.25)
    assert sorted(ran(dvc(place, "repro"))) == sorted(LARGER_TEST_SET)
    return place


@pytest.mark.parametrize(
    ("section", "values", "readers"),
    [
        ("logistic", {"solver": "lbfgs"}, ["logistic", "learning_curve", "importance"]),
        ("compare", {"n_resamples": 200}, ["compare"]),
        ("handmade", {"learning_rate": 0.02}, ["handmade"]),
        # With the folds a chosen threshold would change as well.
        (
            "split",
            {"duplicates": "group"},
            ["split", "logistic", "mlp", "grid_search", "curves", "compare"],
        ),
    ],
)
def test_a_change_concerns_the_stages_that_read_it(
    repository: Path, section: str, values: dict[str, object], readers: list[str]
) -> None:
    change(repository, section, **values)
    assert ran(dvc(repository, "repro", "--dry")) == readers  # those after them see nothing new


def test_another_test_set_trains_all_and_changing_back_trains_nothing(
    finished: Path, larger_test_set: Path, tmp_path: Path
) -> None:
    """DVC's run-cache has the results of the first parameters, but for the report."""
    repository = Path(shutil.copytree(larger_test_set, tmp_path / "repository", symlinks=True))
    before = outputs(finished)
    assert outputs(repository)["dvc.lock"] != before["dvc.lock"]
    shutil.copy(finished / "params.yaml", repository)
    assert ran(dvc(repository, "repro")) == ["report"]
    assert outputs(repository) == before


def test_another_gate_makes_no_stage_stale(repository: Path) -> None:
    change(repository, "gates", max_drop=2.5)
    assert ran(dvc(repository, "repro")) == []


def test_scikit_learn_makes_the_same_bytes_and_only_params_differ_in_the_lock(
    repository: Path,
) -> None:
    before = outputs(repository)
    for section in ("mlp", "grid_search"):
        change(repository, section, estimator="scikit-learn")
    # The other stages read the section mlp for what it says of the networks.
    expected = ["mlp", "grid_search", "curves", "seeds", "learning_curve", "importance", "compare"]
    assert ran(dvc(repository, "repro")) == expected
    after = outputs(repository)
    assert after["dvc.lock"].decode() == before["dvc.lock"].decode().replace(
        "estimator: winenet", "estimator: scikit-learn"
    )
    assert before["dvc.lock"].count(b"estimator: winenet") == 7
    del before["dvc.lock"], after["dvc.lock"]
    assert after == before
    for path, content in after.items():
        assert b"scikit-learn" not in content or path.startswith("report/"), path


def test_params_and_metrics_are_compared_with_a_revision(
    larger_test_set: Path, tmp_path: Path
) -> None:
    repository = Path(shutil.copytree(larger_test_set, tmp_path / "repository", symlinks=True))
    params = json.loads(dvc(repository, "params", "diff", "--json"))
    assert list(params["params.yaml"]) == ["split.test_size"]
    assert params["params.yaml"]["split.test_size"]["new"] == 0.25
    changed = json.loads(dvc(repository, "metrics", "diff", "--json"))
    assert changed["metrics/split.json"]["test.rows"] == {"old": 1300, "new": 1625, "diff": 325}
    commit(repository, "A larger test set")
    assert "test.rows" in dvc(repository, "metrics", "diff", "HEAD~1", "--md")


def test_metrics_show_prints_every_file_and_four_digits(finished: Path) -> None:
    shown = dvc(finished, "metrics", "show", "--precision", "4")
    for stage in STAGES[:-1]:
        assert f"metrics/{stage}.json" in shown
    accuracy = json.loads((finished / "metrics/logistic.json").read_text("utf-8"))["accuracy"]
    assert f"{accuracy:.4f}" in shown


def test_plots_show_draws_a_page_with_the_tables_and_the_pictures(repository: Path) -> None:
    dvc(repository, "plots", "show")
    page = (repository / "dvc_plots" / "index.html").read_text(encoding="utf-8")
    for wanted in (
        *("Training loss", "mlp_loss.csv", "Grid search", "roc.svg", "curves.svg"),
        "Training and held-out loss",
    ):
        assert wanted in page, wanted


def test_an_experiment_changes_a_parameter_and_leaves_a_name(repository: Path) -> None:
    printed = dvc(repository, "exp", "run", "-S", "handmade.learning_rate=0.02")
    assert ran(printed) == ["handmade", "report"]
    assert "Ran experiment" in printed
    params = yaml.safe_load((repository / "params.yaml").read_text(encoding="utf-8"))
    assert params["handmade"]["learning_rate"] == 0.02
    changed = json.loads(dvc(repository, "metrics", "diff", "--json"))
    assert list(changed) == ["metrics/handmade.json"]


def no_test_set(folder: Path) -> None:
    change(folder, "split", test_size=0.0001)


def a_line_too_short(folder: Path) -> None:
    with (folder / "data/raw/winequality-red.csv").open("a", encoding="utf-8") as stream:
        stream.write("1;2\n")


def a_longer_training(folder: Path) -> None:
    """What makes the stage run in which the environment is at fault."""
    change(folder, "mlp", defaults={"max_iter": 5, "random_state": 42})


THROUGH_DVC = {
    "params": (
        no_test_set,
        {},
        "test_size=0.0001 leaves 1 test rows and none of class",
        "Change split.test_size or split.method in params.yaml",
    ),
    "raw": (
        a_line_too_short,
        {},
        "data/raw/winequality-red.csv: line 1601 has 2 cells, the header has 12",
        "`git checkout -- data/raw` restores the committed ones",
    ),
    "environment": (
        a_longer_training,
        {"WINENET_WORKERS": "many"},
        "WINENET_WORKERS=many is not a number of processes",
        "Unset it to use one process per core",
    ),
}


@pytest.mark.parametrize("kind", THROUGH_DVC)
def test_a_fault_is_told_through_dvc_and_one_line_brings_the_results_back(
    repository: Path, kind: str
) -> None:
    break_it, environment, told, cure = THROUGH_DVC[kind]
    before = outputs(repository)
    break_it(repository)
    printed = dvc(repository, "repro", code=255, **environment)
    assert told in printed
    assert cure in printed
    assert "Traceback" not in printed
    way_back = "git checkout -- metrics plots report dvc.lock && dvc checkout"
    assert f"`{way_back}`" in printed
    assert outputs(repository) != before
    for command in way_back.split(" && "):
        program, *arguments = command.split()
        (git if program == "git" else dvc)(repository, *arguments)
    assert outputs(repository) == before


def test_a_damaged_model_is_told_and_repro_makes_it_again(repository: Path) -> None:
    before = outputs(repository)
    model = repository / "models/logistic.safetensors"
    damaged = model.read_bytes()[:-100]
    model.unlink()  # it may be a link into DVC's cache
    model.write_bytes(damaged)
    printed = run(repository, sys.executable, "-m", "stages.importance", code=1)
    assert (
        "models/logistic.safetensors is not a valid winenet model (it is not a valid .safetensors "
        "file: incomplete metadata, file not fully covered)" in printed
    )
    assert "`dvc repro` makes it again" in printed
    dvc(repository, "repro")
    assert outputs(repository) == before


# Names


def test_a_column_s_name_comes_out_harmless_in_the_report(finished: Path) -> None:
    page = (finished / "report/report.md").read_text(encoding="utf-8")
    for active in ("<script", "<b>", "](javascript", "`<", "|*c*", "~~f~~", "&lt;b"):
        assert active not in page, active
    shown = html.unescape(page)
    assert all(name in shown for name in NASTY.values())
    for line in page.splitlines():
        if line.startswith("| &#96;"):
            assert line.count("|") == 4, line
    assert "Trained without &#60;script&#62;alert(1):" in page


def test_a_column_s_name_comes_out_harmless_in_the_tables(finished: Path) -> None:
    for path in (*finished.glob("data/*.csv"), *finished.glob("plots/*.csv")):
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.reader(stream))
        assert {len(row) for row in rows} == {len(rows[0])}, path
        for cell in itertools.chain.from_iterable(rows):
            assert re.fullmatch(r"-?[0-9.]+(e[-+]?[0-9]+)?", cell) or cell[:1] not in "=+-@", cell
    with (finished / "data/table.csv").open(encoding="utf-8", newline="") as stream:
        assert set(NASTY.values()) < set(next(csv.reader(stream)))


def test_a_column_s_name_comes_out_harmless_in_the_pictures(finished: Path) -> None:
    pictures = list(finished.glob("plots/*.svg"))
    assert len(pictures) > 10
    for path in pictures:
        text = path.read_text(encoding="utf-8")
        kinds = {element.tag.rpartition("}")[2] for element in ElementTree.fromstring(text).iter()}
        assert "script" not in kinds, path
        assert "<script" not in re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL), path


def test_a_second_repro_at_the_same_time_is_refused(repository: Path) -> None:
    """The first run waits within a stage, so that the second surely comes in between."""
    stage = repository / "stages" / "logistic.py"
    waiting = 'import time\nfrom pathlib import Path\n\nPath("started").touch()\n'
    waiting += 'while not Path("go").exists():\n    time.sleep(0.01)\n'
    stage.write_text(stage.read_text("utf-8") + waiting, encoding="utf-8", newline="\n")
    first = subprocess.Popen(
        [sys.executable, "-m", "dvc", "repro", "logistic"],
        cwd=repository,
        env=os.environ
        | {"PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not (repository / "started").exists():
            assert first.poll() is None
        printed = dvc(repository, "repro", "logistic", code=255)
        assert "rwlock" in printed or "lock" in printed
        assert "Traceback" not in printed
    finally:
        (repository / "go").touch()
        assert first.wait(timeout=60) == 0
