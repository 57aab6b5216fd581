"""What a kill leaves is seen: half files, files left over, processes that live on."""

import os
import random
import sys
import time

import pytest
from committed import ROOT

from tools import kills
from tools.kills import Round, Size
from tools.verify_run import VerifyError
from winenet import params
from winenet.models import parameters

pytestmark = pytest.mark.skipif(not hasattr(os, "killpg"), reason="there are no process groups")
SAID = """\
Running stage 'grid_search':
> python -m stages.grid_search
grid_search: journal: 31 of 45 fits reused
Running stage 'seeds':
seeds: journal: 0 of 30 fits reused
"""


def test_the_smaller_pipeline_fits_the_schema_and_has_less_of_everything(tmp_path):
    text = kills.less((ROOT / "params.yaml").read_text("utf-8"))
    (tmp_path / "params.yaml").write_text(text, "utf-8")
    small, whole = (
        params.load(str(tmp_path / "params.yaml")),
        params.load(str(ROOT / "params.yaml")),
    )
    assert small.ingest == whole.ingest
    assert small.split == whole.split
    assert parameters.check(small) == []
    for section in ("mlp", "grid_search"):
        less, more = getattr(small, section).defaults, getattr(whole, section).defaults
        assert less["max_iter"] < more["max_iter"]
    assert small.seeds.n_seeds < whole.seeds.n_seeds


def test_what_a_run_says_is_understood():
    assert kills.hit(SAID) == "seeds"
    assert kills.hit("") == ""
    assert kills.fits(SAID) == {"grid_search": (31, 45), "seeds": (0, 30)}


def test_each_difference_is_found(tmp_path):
    for name in (
        "metrics/a.json",
        "data/b.csv",
        "models/c.safetensors",
        "data/raw/given.csv",
        "models/mlp/d.safetensors",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1", "utf-8")
    (tmp_path / "dvc.lock").write_text("1", "utf-8")
    before = kills.snapshot(tmp_path)
    assert len(before) == 6
    assert kills.first_difference(before, kills.snapshot(tmp_path)) == ""

    def changed(name, text):
        path = tmp_path / name
        old = path.read_text("utf-8") if path.exists() else None
        path.unlink(missing_ok=True)
        if text is not None:
            path.write_text(text, "utf-8")
        found = kills.first_difference(before, kills.snapshot(tmp_path))
        path.unlink(missing_ok=True)
        if old is not None:
            path.write_text(old, "utf-8")
        return found

    assert changed("models/c.safetensors", "2") == "models/c.safetensors has other bytes"
    assert changed("models/mlp/d.safetensors", "2") == "models/mlp/d.safetensors has other bytes"
    assert changed("data/b.csv", None) == "data/b.csv is missing"
    assert changed("data/.b.csv.partial", "1") == "data/.b.csv.partial is left over"
    assert changed("dvc.lock", "2") == "dvc.lock has other bytes"
    assert kills.first_difference(before, kills.snapshot(tmp_path)) == ""


@pytest.mark.slow
def test_a_process_and_its_children_are_killed(tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    child = "import time; open('alive', 'w').close(); time.sleep(600)"
    parent = (
        f"import subprocess, sys; print('begun', flush=True); "
        f"subprocess.run([sys.executable, '-c', {child!r}])"
    )
    start = time.monotonic()
    said = kills.kill([sys.executable, "-c", parent], folder, os.environ, 3.0)
    assert said == "begun\n"
    assert (folder / "alive").exists()  # `end` has seen that the group is empty
    assert time.monotonic() - start < 30


def test_a_run_that_ends_before_it_is_killed_is_no_kill(tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    assert kills.kill([sys.executable, "-c", "pass"], folder, os.environ, 60) is None
    with pytest.raises(VerifyError, match="failed by itself:\nTraceback"):
        kills.kill([sys.executable, "-c", "1 / 0"], folder, os.environ, 60)


@pytest.mark.parametrize(
    ("seconds", "said", "left", "expected"),
    [
        (5.0, SAID, {"a": "1"}, Round("small", 5.0, "seeds", 0, 30, "")),
        (5.0, SAID, {"a": "2"}, Round("small", 5.0, "seeds", 0, 30, "a has other bytes")),
    ],
)
def test_a_round_counts_what_the_stage_that_was_hit_has_kept(
    monkeypatch, tmp_path, seconds, said, left, expected
):
    answers = iter([None, said])  # the first run ends before it is killed
    monkeypatch.setattr(kills, "begin", lambda clone, text: None)
    monkeypatch.setattr(kills, "kill", lambda *_: next(answers))
    monkeypatch.setattr(kills, "run", lambda *_: said.replace("0 of 30", "4 of 30"))
    monkeypatch.setattr(kills, "snapshot", lambda clone: left | {"dvc.lock": "1"})
    size = Size("small", "", 10.0, {"seeds": (4, 30)}, {"a": "1", "dvc.lock": "1"})
    found = kills.kill_and_resume(size, tmp_path, {}, random.Random(0))
    assert 0 <= found.seconds <= 10
    assert found._replace(seconds=seconds) == expected


def test_the_sum_fails_for_a_difference_and_when_nothing_was_reused():
    kept = Round("small", 1.0, "seeds", 5, 30, "")
    none, other = kept._replace(reused=0), kept._replace(difference="a has other bytes")
    assert kills.verdict([kept, none])[1]
    assert not kills.verdict([kept, other])[1]
    told, good = kills.verdict([none, none])
    assert not good
    assert told.endswith("None did, so nothing was shown about the journal.")


def test_a_run_that_does_not_go_on_is_a_difference_and_no_end(monkeypatch, tmp_path):
    def refuse(*_):
        raise VerifyError("`dvc repro` ended with exit code 255:\nbusy")

    monkeypatch.setattr(kills, "begin", lambda clone, text: None)
    monkeypatch.setattr(kills, "kill", lambda *_: SAID)
    monkeypatch.setattr(kills, "run", refuse)
    size = Size("small", "", 10.0, {}, {"dvc.lock": "1"})
    found = kills.kill_and_resume(size, tmp_path, {}, random.Random(0))
    assert found.difference.endswith("busy")
    assert not kills.verdict([found, found._replace(reused=5, difference="")])[1]
    assert kills.verdict([found._replace(reused=5, difference="")])[1]


@pytest.mark.parametrize("numbers", [("0", "0"), ("3", "5"), ("3", "-1")])
def test_numbers_of_kills_that_cannot_be_are_refused(numbers, capsys):
    with pytest.raises(SystemExit):
        kills.parse(["--kills", numbers[0], "--full-runs", numbers[1]])
    assert "there must be at least one kill" in " ".join(capsys.readouterr().err.split())
    assert kills.parse(["--kills", "3", "--full-runs", "3"]).full_runs == 3
