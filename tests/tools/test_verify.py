"""make verify: what it varies, what it refuses, what it notices; on a pipeline of one stage."""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from committed import ROOT
from safetensors.numpy import save

from tools import compare_outputs, probe, variations, verify, verify_run
from tools.variations import Variation

POSIX = pytest.mark.skipif(os.name == "nt", reason="Windows has no umask, no users, no TZ")

# SHIFT moves the model's weight, as another processor would; SAY is printed, as a journal would.
STAGE = """
import json, os, pathlib
import numpy
from safetensors.numpy import save_file
value = int(pathlib.Path("given.txt").read_text())
for folder in ("data", "metrics", "models/nets"):
    pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
pathlib.Path("data/big.txt").write_bytes(b"x" * value)
pathlib.Path("metrics/double.json").write_bytes(json.dumps({"value": 2 * value}).encode() + b"\\n")
weight = numpy.array([1.5 + float(os.environ.get("SHIFT", "0"))])
about = json.dumps({"fact_values": weight.tolist(), "labels": ["red", "white"], "sha256": "..."})
for name in ("double", "nets/deep", "nets/wide"):
    save_file({"weight": weight}, f"models/{name}.safetensors", {"winenet": about})
native = os.environ.get("WINENET_NUMERICS") == "native"
kernel = f"native (OPENBLAS_CORETYPE={os.environ.get('OPENBLAS_CORETYPE')})"
print(os.environ.get("SAY", "double: numerics: " + (kernel if native else "1 BLAS thread")))
"""
PIPELINE = """
stages:
  double:
    cmd: python stage.py
    deps: [given.txt, stage.py]
    outs: [data/big.txt, models/double.safetensors, models/nets]
    metrics:
      - metrics/double.json: {cache: false}
"""
MODELS = [f"models/{name}.safetensors" for name in ("double", "nets/deep", "nets/wide")]
WORKERS = """
import os


def n_workers():
    return int(os.environ.get("WINENET_WORKERS", "2"))
"""


def write(path, text):
    """Write the same bytes on every system: Windows would make CRLF of each line end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())


def run_git(folder, *arguments):
    identity = ["-c", "user.name=n", "-c", "user.email=e", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def commit(folder):
    run_git(folder, "add", "--all")
    run_git(folder, "commit", "--message", "as it stands")


def run_and_commit(folder):
    verify_run.reproduce(folder, verify_run.isolated(folder, os.environ))
    commit(folder)


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    """Return a committed git and DVC project whose one stage has run."""
    folder = tmp_path_factory.mktemp("pipeline") / "root"
    folder.mkdir()
    run_git(folder, "init", "--quiet")
    write(folder / ".dvc" / ".gitignore", "/config.local\n/tmp\n/cache\n")
    write(folder / ".dvc" / "config", "[core]\n    analytics = false\n")
    write(folder / ".gitattributes", "* -text\n")
    write(folder / ".gitignore", "__pycache__/\n")
    write(folder / "stage.py", STAGE)
    write(folder / "dvc.yaml", PIPELINE)
    write(folder / "given.txt", "21")
    write(folder / "stages" / "__init__.py", "")
    write(folder / "winenet/network/parallel.py", WORKERS)
    shutil.copy(ROOT / "winenet/runtime.py", folder / "winenet/runtime.py")
    run_and_commit(folder)
    verify.update_reference(folder, verify_run.isolated(folder, os.environ))
    commit(folder)
    shutil.copy(folder / "tools" / "reference" / "probe.json", folder.parent)
    return folder


@pytest.fixture
def fast(pipeline, monkeypatch):
    """Run the stage without DVC and the probe; fill in what they would write."""

    def reproduce(clone, environment, _expected):
        command = [sys.executable, "stage.py"]
        done = subprocess.run(
            command, cwd=clone, env=environment, capture_output=True, text=True, check=True
        )
        lock = verify_run.new_lock(clone)
        for path, digest in verify_run.recorded_hashes(lock).items():
            out = f"path: {path}\n      hash: md5\n      md5: "
            lock = lock.replace(out + digest, out + compare_outputs.hash_of(clone / path))
        write(clone / "dvc.lock", lock)
        probe = json.loads((pipeline.parent / "probe.json").read_text("utf-8"))
        ran = verify_run.Ran(["double"], [], [], {"probe": probe})
        for line in done.stdout.splitlines():
            ran = verify_run.heard(ran, line)
        return ran

    monkeypatch.setattr(verify_run, "reproduce", reproduce)
    monkeypatch.setattr(verify_run, "check_no_cache", lambda *_: None)


@pytest.fixture
def changed(pipeline):
    """Hand out the project for a change of its own, and take the change back."""
    run_git(pipeline, "tag", "--force", "before")
    yield pipeline
    run_git(pipeline, "reset", "--hard", "before")
    run_git(pipeline, "clean", "--force", "-d")


def prove(root, *varied, models=None, **environment):
    """Prove root under these variations; what they need was made for another folder, or nothing."""
    known = compare_outputs.committed_models(root) if models is None else models
    with verify_run.fresh_clone(root) as clone:
        return verify.prove(clone, os.environ | environment, varied, known)


def kernel(**environment):
    """Return a run with another kernel; what its environment says moves the stage's numbers."""
    native = {"WINENET_NUMERICS": "native", "OPENBLAS_CORETYPE": "Nehalem"}
    return Variation("Nehalem", "native", {}, native | environment)


# --- one run, and what it notices ------------------------------------------------------------


def test_a_pipeline_that_reproduces_is_proved(pipeline, capfd):
    verify_run.check_clean(pipeline)
    proof = prove(pipeline)
    assert proof.holds
    assert (proof.stages, proof.executed) == (["double"], ["double"])
    assert (proof.files, proof.hashes, proof.difference) == (2, 4, "")
    assert (proof.unlike, proof.tolerant, proof.distance) == ([], False, None)
    assert verify.result(proof) == "identical"
    printed = capfd.readouterr().out
    assert "probe" not in printed
    clone = Path(re.search(r"a fresh clone of HEAD in (.+), empty", printed).group(1))
    assert clone.name == "another folder"
    assert not clone.exists()
    verify_run.check_clean(pipeline)  # the proof left nothing in the working tree


def test_a_committed_number_that_the_stage_does_not_compute_is_found(changed):
    write(changed / "metrics" / "double.json", json.dumps({"value": 43}) + "\n")
    commit(changed)
    proof = prove(changed)
    assert not proof.holds
    assert "Different: metrics/double.json." in proof.difference
    assert '-{"value": 43}\n+{"value": 42}' in proof.difference
    assert verify.result(proof) == "NOT the same: Different: metrics/double.json."


def test_a_changed_byte_in_data_that_git_does_not_hold_is_found_by_its_hash(changed):
    lock = (changed / "dvc.lock").read_text("utf-8")
    digest = verify_run.recorded_hashes(lock)["data/big.txt"]
    write(changed / "dvc.lock", lock.replace(digest, "a" * 32))
    commit(changed)
    proof = prove(changed)
    assert not proof.holds
    assert "Outputs with another hash: data/big.txt." in proof.difference


def test_so_it_is_under_another_kernel(changed, fast):
    lock = (changed / "dvc.lock").read_text("utf-8")
    digest = verify_run.recorded_hashes(lock)["data/big.txt"]
    write(changed / "dvc.lock", lock.replace(digest, "a" * 32))
    commit(changed)
    proof = prove(changed, kernel())
    assert not proof.holds
    assert "Outputs with another hash: data/big.txt." in proof.difference


def test_a_hash_that_dvc_did_not_take_of_the_file_is_found(changed):
    assert compare_outputs.missing_or_more(changed) == ""
    with (changed / "data" / "big.txt").open("ab") as file:
        file.write(b"x")
    assert compare_outputs.missing_or_more(changed) == (
        "data/big.txt is not the file whose hash DVC wrote into dvc.lock."
    )
    write(changed / "data" / "big.txt", "x" * 21)


def test_a_stage_that_does_not_run_is_found(changed):
    write(changed / "dvc.yaml", PIPELINE + "  idle: {cmd: python stage.py, frozen: true}\n")
    run_and_commit(changed)
    proof = prove(changed)
    assert not proof.holds
    assert (proof.stages, proof.executed) == (["double", "idle"], ["double"])
    assert proof.difference == ""
    assert verify.result(proof) == "stages executed: ['double'] instead of ['double', 'idle']"


def test_a_file_that_nobody_committed_is_found(changed):
    write(changed / "stage.py", STAGE + "pathlib.Path('more.txt').write_text('')\n")
    commit(changed)
    proof = prove(changed)
    assert not proof.holds
    assert proof.difference == "Written, but not committed: more.txt."


def test_an_output_of_a_stage_that_is_gone_is_found(changed):
    outs = "    outs: [{path: old.txt, hash: md5, md5: " + "a" * 32 + ", size: 1}]\n"
    with (changed / "dvc.lock").open("a", encoding="utf-8", newline="\n") as file:
        file.write("  gone:\n    cmd: none\n" + outs)
    commit(changed)
    proof = prove(changed)
    assert not proof.holds
    assert proof.difference == "In dvc.lock, but not written by any stage: old.txt."


def test_a_stage_that_fails_ends_the_proof(changed):
    write(changed / "stage.py", "raise SystemExit('no more')")
    commit(changed)
    with pytest.raises(verify_run.VerifyError, match="ended with exit code 255"):
        prove(changed)


def test_a_fit_from_a_journal_is_found(pipeline, fast):
    said = "double: numerics: 1 BLAS thread\nsearch: journal: {} of 45 fits reused"
    assert prove(pipeline, SAY=said.format(0)).holds
    proof = prove(pipeline, SAY=said.format(31))
    assert not proof.holds
    assert proof.difference == (
        "Not computed, but taken from a journal: search: journal: 31 of 45 fits reused"
    )


def test_a_stage_that_does_not_say_what_it_computes_with_is_found(pipeline, fast):
    proof = prove(pipeline, SAY="done")
    assert proof.difference == "0 of 1 stages said what they compute with."


@pytest.mark.parametrize("said", ["1 BLAS thread", "native (OPENBLAS_CORETYPE=Haswell)"])
def test_a_stage_that_computes_with_another_kernel_than_asked_for_is_found(pipeline, said, fast):
    proof = prove(pipeline, kernel(SAY=f"double: numerics: {said}"))
    assert proof.difference == (f"A stage computed with other numerics than was asked for: {said}")


def test_a_run_that_is_not_settled_is_found(pipeline, fast):
    proof = prove(pipeline, SAY="double: numerics: native (nothing set)")
    assert "other numerics than was asked for: native" in proof.difference


# --- what it refuses before any run ----------------------------------------------------------


def test_an_unclean_tree_is_refused_by_name(changed, monkeypatch, capsys):
    monkeypatch.setattr(verify, "ROOT", changed)
    write(changed / "given.txt", "22")
    write(changed / "new.txt", "")
    assert verify.main() == 1
    said = capsys.readouterr().err
    assert "     M given.txt\n    ?? new.txt\n" in said
    assert "Commit or stash these files" in said


def test_a_head_without_results_is_refused(changed):
    verify_run.check_committed(changed)
    (changed / "dvc.lock").unlink()
    commit(changed)
    with pytest.raises(verify_run.VerifyError, match=r"dvc\.lock is not in HEAD"):
        verify_run.check_committed(changed)


def test_a_cache_outside_of_the_clone_is_refused(changed, tmp_path):
    own = verify_run.isolated(tmp_path / "clone", os.environ)
    with pytest.raises(verify_run.VerifyError, match="must be the clone's own and empty"):
        verify_run.check_no_cache(changed, own)  # its cache holds data/big.txt


def test_no_setting_of_the_user_reaches_the_proof(tmp_path):
    given = {"DVC_NO_ANALYTICS": "1", "WINENET_NUMERICS": "native", "GIT_DIR": "x", "PATH": "p"}
    own = verify_run.isolated(tmp_path / "clone", given)
    assert sorted(own) == [
        "DVC_GLOBAL_CONFIG_DIR",
        "DVC_SITE_CACHE_DIR",
        "DVC_SYSTEM_CONFIG_DIR",
        "PATH",
        "PYTHONUNBUFFERED",
        "WINENET_JOURNAL",
    ]
    assert own["WINENET_JOURNAL"] == "off"
    assert own["PATH"] == f"{Path(sys.executable).parent}{os.pathsep}p"
    folders = [Path(value) for name, value in own.items() if name.startswith("DVC_")]
    assert [list(folder.iterdir()) for folder in folders] == [[], [], []]


# --- the variations --------------------------------------------------------------------------


def around(root, clone):
    """Return what the probe sees without any variation, and the variations."""
    own = variations.look(root, verify_run.isolated(clone, os.environ))
    return own, variations.around(own, clone)


@POSIX
def test_everything_varied_at_once_is_seen_in_the_run_and_changes_nothing(pipeline):
    with verify_run.fresh_clone(pipeline) as clone:
        own, varied = around(pipeline, clone)
        active = [variation for variation in varied if not variation.obstacle]
        proof = verify.prove(clone, os.environ, active, {})
    assert proof.holds, proof.difference
    names = [variation.name for variation in varied]
    assert names == [
        *("folder", "time zone", "locale", "umask", "hash seed", "home", "temporary folder"),
        *("user", "workers", "file times"),
    ]
    assert {"folder", "time zone", "umask", "hash seed", "home", "workers", "file times"} <= {
        variation.name for variation in active
    }
    # None asks for what the caller has.
    asked = {name: value for v in active for name, value in v.expected.items()}
    assert [name for name in asked if asked[name] == own[name]] == []
    assert [row.result for row in verify.rows(active, proof)] == ["identical"] * len(active)


@POSIX
def test_a_variation_without_effect_is_refused_by_name(pipeline, tmp_path):
    _, varied = around(pipeline, tmp_path / "clone")
    expected = {name: value for v in varied for name, value in v.expected.items()}
    command = [sys.executable, str(variations.PROBE), json.dumps(expected), "echo", "started"]
    done = subprocess.run(command, cwd=pipeline, capture_output=True, text=True, check=False)
    assert done.returncode == probe.REFUSED == variations.REFUSED
    _, said = done.stdout.splitlines()
    assert [part.split(":")[0] for part in said.split("; ")] == list(expected)
    assert "umask: " in said
    assert "started" not in said


def test_a_run_that_does_not_see_what_was_asked_for_is_not_started(pipeline, capfd):
    with pytest.raises(verify_run.VerifyError, match="A variation did not take effect"):
        prove(pipeline, Variation("workers", "3 instead of 2", {"workers": 3}))
    printed = capfd.readouterr().out
    assert "workers: 3 was asked for, and the run sees 2\n" in printed
    assert "Running stage" not in printed


@POSIX
def test_an_output_against_the_umask_is_found(pipeline):
    ran = verify_run.Ran(["double"], ["1 BLAS thread"], [], {})
    (pipeline / "metrics" / "double.json").chmod(0o644)
    for path in ("data/big.txt", "models/double.safetensors"):
        (pipeline / path).chmod(0o600)
    assert verify_run.no_effect(pipeline, {}, {"umask": "0o22"}, ran) == ""
    assert verify_run.no_effect(pipeline, {}, {"umask": "0o77"}, ran) == (
        "metrics/double.json was written with the rights 644, against umask."
    )


@POSIX
def test_an_output_of_another_user_is_found(pipeline):
    ran = verify_run.Ran(["double"], ["1 BLAS thread"], [], {})
    difference = verify_run.no_effect(pipeline, {}, {"user": 12345}, ran)
    owner = (pipeline / "data" / "big.txt").stat().st_uid
    assert difference == f"data/big.txt was written by user {owner}, not 12345."


OWN = {
    "folder": "/here",
    "time zone": "+0000",
    "locale": "C, 1.5",
    "umask": "0o22",
    "hash seed": 1,
    "home": "/home/me",
    "temporary folder": "/tmp",
    "user": 1000,
    "workers": 2,
    "kernels": ["Haswell"],
}


def test_what_the_caller_has_already_is_not_taken_for_a_variation(tmp_path):
    assert variations.user(OWN).obstacle == "only root may start a run as another user"
    assert variations.workers(OWN | {"workers": 3}).expected == {"workers": 2}
    assert variations.workers(OWN).expected == {"workers": 3}
    turkish = variations.locale(OWN | {"locale": "tr_TR.UTF-8, 1,5"}, tmp_path)
    assert turkish.obstacle == "the caller has tr_TR.UTF-8 already"


@POSIX
def test_the_second_choice_is_taken_where_the_caller_has_the_first():
    assert variations.time_zone(OWN).expected == {"time zone": "+1345"}
    assert variations.time_zone(OWN | {"time zone": "+1345"}).expected == {"time zone": "-0930"}
    assert variations.umask(OWN).expected == {"umask": "0o77"}
    assert variations.umask(OWN | {"umask": "0o77"}).expected == {"umask": "0o22"}


def test_a_locale_that_cannot_be_made_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(variations, "locale_with", lambda _: "one that is not installed")
    monkeypatch.setattr(variations.shutil, "which", lambda _: None)
    obstacle = variations.locale(OWN, tmp_path).obstacle
    assert obstacle == "no tr_TR.UTF-8 here, and no localedef to make it"


def test_another_user_without_setpriv_is_told(monkeypatch):
    monkeypatch.setattr(variations.shutil, "which", lambda _: None)
    obstacle = variations.user(OWN | {"user": 0}).obstacle
    assert obstacle.startswith("setpriv cannot become another user: it is not installed")


def test_a_kernel_counts_only_when_each_blas_runs_it(monkeypatch, tmp_path):
    runs = {
        "Haswell": ["Haswell", "Haswell"],
        "SkylakeX": ["Haswell", "Haswell"],  # the processor has no AVX512
        "Sandybridge": ["Nehalem", "Sandybridge"],  # numpy's and scipy's differ
        "Nehalem": None,  # it crashed
        "Katmai": ["Katmai"],
    }

    def look(_folder, environment):
        assert environment["WINENET_NUMERICS"] == "native"
        return {"kernels": runs[environment["OPENBLAS_CORETYPE"]], "threads": 2}

    monkeypatch.setattr(variations, "look", look)
    monkeypatch.setattr(variations.platform, "machine", lambda: "AMD64")
    found = variations.kernels(OWN, tmp_path)
    assert [(kernel.name, kernel.expected) for kernel in found] == [
        ("Haswell", {"kernels": ["Haswell", "Haswell"]}),
        ("Katmai", {"kernels": ["Katmai"]}),
    ]


# --- other bits ------------------------------------------------------------------------------


def test_models_of_another_kernel_may_differ_in_their_last_bits(pipeline, fast):
    proof = prove(pipeline, kernel(SHIFT="1e-13"))
    assert proof.holds, proof.difference
    assert proof.tolerant
    assert proof.distance == pytest.approx(1e-13, rel=0.01)
    assert verify.result(proof) == "identical; models within 1e-13"
    assert verify.compared(proof) == "2 files, 4 outputs; models within 1e-10"


@pytest.mark.parametrize("shift", ["1e-9", "nan"])
def test_models_of_another_kernel_may_not_differ_in_more(pipeline, shift, fast):
    proof = prove(pipeline, kernel(SHIFT=shift))
    assert not proof.holds
    assert re.fullmatch(
        r"models/double.safetensors differs by (1.0e-09|nan), more than 1e-10\.", proof.difference
    )


def test_another_metric_is_found_under_another_kernel_as_well(changed, fast):
    write(changed / "metrics" / "double.json", json.dumps({"value": 43}) + "\n")
    commit(changed)
    proof = prove(changed, kernel(SHIFT="1e-13"))
    assert "Different: dvc.lock, metrics/double.json." in proof.difference


def test_a_lock_that_says_more_than_other_hashes_is_found(changed):
    lock = (changed / "dvc.lock").read_text("utf-8")
    digest = verify_run.recorded_hashes(lock)["models/double.safetensors"]
    assert compare_outputs.without_models(lock) == compare_outputs.without_models(
        lock.replace(digest, "a" * 32)
    )
    assert compare_outputs.difference_beyond_models(changed) == ""
    write(changed / "dvc.lock", lock.replace("cmd: python stage.py", "cmd: python  stage.py"))
    assert compare_outputs.difference_beyond_models(changed).startswith(
        "Different: dvc.lock.\ndiff"
    )


def test_other_bits_in_a_model_are_found_where_equal_ones_can_be_expected(pipeline, fast):
    proof = prove(pipeline, SHIFT="1e-13")
    assert not proof.holds
    assert "Outputs with another hash: models/double.safetensors, models/nets." in proof.difference


@pytest.fixture
def elsewhere(changed, fast):
    """Return the project as if its results had been made where `expit` gives other bits."""
    file = changed / "tools" / "reference" / "probe.json"
    write(file, json.dumps(json.loads(file.read_text("utf-8")) | {"expit": "other"}) + "\n")
    commit(changed)
    return changed


def test_a_machine_that_computes_unlike_the_committed_one_is_told_and_has_a_tolerance(elsewhere):
    proof = prove(elsewhere, SHIFT="1e-13")
    assert proof.holds, proof.difference
    assert (proof.unlike, proof.tolerant) == (["expit"], True)
    assert verify.result(proof) == "identical; models within 1e-13"
    assert verify.fallback(proof).startswith("This machine computes expit with other last bits")
    assert prove(elsewhere).distance is None
    assert not prove(elsewhere, SHIFT="1e-9").holds


def test_a_model_that_cannot_be_compared_is_no_proof(elsewhere):
    (elsewhere / "tools" / "reference" / "double.safetensors").unlink()
    commit(elsewhere)
    proof = prove(elsewhere, SHIFT="1e-13", models={})
    assert not proof.holds
    assert proof.difference.startswith(
        "models/double.safetensors has other bits, and the committed one is not here to be "
        "compared with."
    )


def test_models_that_a_run_made_anew_serve_the_next_one(pipeline, fast):
    models = {}
    assert prove(pipeline, models=models).holds
    assert list(models) == MODELS
    assert prove(pipeline, kernel(SHIFT="1e-13"), models=models).holds


def packed(weights=(1.0, 2.0), facts=(0.5,), label="a", sha256="", **arrays):
    about = {"fact_values": facts, "labels": [label], "sha256": sha256}
    return save({"w": np.array(weights), **arrays}, {"winenet": json.dumps(about)})


@pytest.mark.parametrize(
    ("other", "distance"),
    [
        ({}, 0.0),
        ({"sha256": "another"}, 0.0),
        ({"weights": [1.0, 2.25]}, 0.25),
        ({"facts": [1.0]}, 0.5),
        ({"weights": [1.0, np.nan]}, np.nan),
        ({"label": "b"}, np.inf),
        ({"weights": [1.0]}, np.inf),
        ({"weights": [1, 2]}, np.inf),
        ({"facts": []}, np.inf),
        ({"more": np.zeros(1)}, np.inf),
    ],
)
def test_the_distance_of_two_models(other, distance):
    found = compare_outputs.between(packed(), packed(**other))
    assert found == pytest.approx(distance, abs=0, nan_ok=True)


def test_a_head_without_a_probe_is_refused_with_the_cure(changed, fast):
    (changed / "tools" / "reference" / "probe.json").unlink()
    commit(changed)
    with pytest.raises(verify_run.VerifyError, match=r"tools\.verify --update-reference`"):
        prove(changed)


def test_models_that_are_not_here_cannot_be_kept(changed):
    lock = (changed / "dvc.lock").read_text("utf-8")
    digest = verify_run.recorded_hashes(lock)["models/double.safetensors"]
    write(changed / "dvc.lock", lock.replace(digest, "a" * 32))
    commit(changed)
    with pytest.raises(
        verify_run.VerifyError, match=r"models/double\.safetensors: the one in HEAD's dvc\.lock"
    ):
        verify.update_reference(changed, os.environ)


def test_the_kept_models_are_those_of_the_committed_lock():
    """`python -m tools.verify --update-reference` renews them."""
    hashes = verify_run.recorded_hashes((ROOT / "dvc.lock").read_text("utf-8"))
    models = {
        path.removeprefix("models/"): digest
        for path, digest in hashes.items()
        if compare_outputs.is_model(path, digest)
    }
    folder = ROOT / "tools" / "reference"
    kept = {
        path.relative_to(folder).as_posix(): compare_outputs.hash_of(path)
        for path in folder.iterdir()
        if path.is_dir() or path.suffix == ".safetensors"
    }
    assert kept == models


# --- a folder of models ----------------------------------------------------------------------


def test_the_hash_of_a_folder_is_dvc_s(pipeline):
    hashes = verify_run.recorded_hashes((pipeline / "dvc.lock").read_text("utf-8"))
    for path, digest in hashes.items():
        assert compare_outputs.hash_of(pipeline / path) == digest
    assert hashes["models/nets"].endswith(".dir")


@pytest.mark.parametrize("places", ["reference", "workspace", "cache", "none"])
def test_the_models_of_a_folder_are_found_in_three_places(changed, places, tmp_path):
    expected = compare_outputs.committed_models(changed)
    assert list(expected) == MODELS
    copy = tmp_path / "copy"
    shutil.copytree(changed, copy, symlinks=True)
    if places != "reference":
        shutil.rmtree(copy / "tools" / "reference")
    if places != "workspace":
        shutil.rmtree(copy / "models")
    if places != "cache":
        shutil.rmtree(copy / ".dvc" / "cache")
    assert compare_outputs.committed_models(copy) == ({} if places == "none" else expected)


def test_a_folder_of_which_one_file_has_changed_is_not_taken_for_the_committed_one(
    changed, tmp_path
):
    copy = tmp_path / "copy"
    shutil.copytree(changed, copy, symlinks=True)
    shutil.rmtree(copy / "tools" / "reference")
    shutil.rmtree(copy / ".dvc" / "cache")
    deep = copy / "models" / "nets" / "deep.safetensors"
    deep.unlink()
    deep.write_bytes(packed())
    assert list(compare_outputs.committed_models(copy)) == MODELS[:1]


def test_a_file_of_a_folder_that_is_not_what_dvc_recorded_is_found(changed):
    deep = changed / "models" / "nets" / "deep.safetensors"
    content = deep.read_bytes()
    deep.unlink()  # it may be a link into the cache
    deep.write_bytes(content + b" ")
    assert compare_outputs.missing_or_more(changed) == (
        "models/nets is not the folder whose hash DVC wrote into dvc.lock."
    )
    deep.write_bytes(content)
    assert compare_outputs.missing_or_more(changed) == ""


@pytest.mark.parametrize("name", ["deep", "wide"])
def test_a_file_of_a_folder_that_differs_by_more_is_named(changed, fast, name):
    with verify_run.fresh_clone(changed) as clone:
        known = compare_outputs.committed_models(changed)
        lock = verify_run.new_lock(clone)
        for path in MODELS[1:]:
            (clone / path).parent.mkdir(parents=True, exist_ok=True)
            (clone / path).write_bytes(known[path])
        model = clone / f"models/nets/{name}.safetensors"
        model.write_bytes(known[MODELS[0]][:-8] + np.array([1.5 + 1e-9]).tobytes())
        digest = verify_run.recorded_hashes(lock)["models/nets"]
        write(
            clone / "dvc.lock",
            lock.replace(digest, compare_outputs.hash_of(clone / "models/nets")),
        )
        difference, _ = compare_outputs.compare_models(clone, known)
        assert difference == (
            f"models/nets/{name}.safetensors differs by 1.0e-09, more than 1e-10."
        )
        model.unlink()
        difference, _ = compare_outputs.compare_models(clone, known)
        assert difference == (
            f"models/nets/{name}.safetensors: committed, but not written by this run."
        )


def test_models_that_are_gone_leave_the_reference(changed):
    stray = changed / "tools" / "reference" / "nets" / "gone.safetensors"
    stray.write_bytes(b"")
    verify.update_reference(changed, verify_run.isolated(changed, os.environ))
    assert not stray.exists()
    kept = sorted((changed / "tools" / "reference").rglob("*.safetensors"))
    names = [path.relative_to(changed / "tools" / "reference").as_posix() for path in kept]
    assert [f"models/{name}" for name in names] == MODELS
    assert verify_run.git.output("status", "--porcelain", folder=changed) == ""


def test_the_probe_tells_all_that_it_computes():
    committed = json.loads((ROOT / "tools" / "reference" / "probe.json").read_text("utf-8"))
    probed = probe.computation_hashes()
    assert list(probed) == list(committed)
    assert list(probed) == ["matrix product", "scipy's matrix product", "expit", "log", "tanh"]
    assert probed == probe.computation_hashes()


# --- what is printed, and the command line ---------------------------------------------------

GOOD = verify.Proof(["a"], ["a"], 58, 29, "", 100.0)
BAD = GOOD._replace(difference="Different: metrics/a.json.\n-1\n+2")


def test_the_table():
    varied = [
        Variation("umask", "0o77 instead of 0o22"),
        Variation("user", "", obstacle="only root may"),
    ]
    shown = verify.rows(varied, GOOD) + verify.rows([kernel()], BAD)
    assert verify.table(shown).splitlines() == [
        "varied   to                    compared              result",
        "umask    0o77 instead of 0o22  58 files, 29 outputs  identical",
        "user     -                     -                     not varied: only root may",
        "Nehalem  native                58 files, 29 outputs  "
        "NOT the same: Different: metrics/a.json.",
    ]
    assert verify.verdict(shown).startswith("1 of 2 variations: identical. Not varied here: 1.\n")
    assert "`make verify ONLY=locale` makes one alone" in verify.verdict(shown)
    assert verify.verdict(shown[:2]) == "1 of 1 variations: identical. Not varied here: 1."


@pytest.mark.parametrize(("proof", "code"), [(GOOD, 0), (BAD, 1)])
def test_the_exit_code_is_that_of_the_proof(monkeypatch, capsys, proof, code):
    row = verify.rows([Variation("umask", "0o77")], proof)
    monkeypatch.setattr(verify_run, "check_clean", lambda _: None)
    monkeypatch.setattr(verify, "run_all", lambda _root, _asked: (row, [proof]))
    assert verify.main() == code
    assert "umask" in capsys.readouterr().out


KNOWN = [Variation("locale", "x"), Variation("umask", "y")]


@pytest.fixture
def runs(pipeline, monkeypatch):
    """Replace the runs by entries in a list; return a function that makes those asked for."""
    made = []

    def prove(_clone, _environment, varied, _models):
        made.append([variation.name for variation in varied])
        return GOOD

    def run_all(**asked):
        made.clear()
        asked = {"quick": False, "only": [], "list": False} | asked
        shown, _ = verify.run_all(pipeline, argparse.Namespace(**asked))
        return made, [row.varied for row in shown]

    monkeypatch.setattr(verify, "prove", prove)
    monkeypatch.setattr(verify, "ROOT", pipeline)
    monkeypatch.setattr(variations, "look", lambda *_: OWN)
    monkeypatch.setattr(variations, "around", lambda *_: KNOWN)
    monkeypatch.setattr(variations, "kernels", lambda *_: [kernel()])
    return run_all


def test_all_surroundings_are_varied_in_one_run_and_each_kernel_in_its_own(runs):
    made, rows = runs()
    assert made == [["locale", "umask"], ["Nehalem"]]
    assert rows == ["locale", "umask", "BLAS kernel Nehalem"]
    assert runs(quick=True) == ([["locale", "umask"]], ["locale", "umask"])


def test_one_can_be_varied_alone(runs):
    assert runs(only=["umask"]) == ([["umask"]], ["umask"])
    assert runs(only=["Nehalem"])[0] == [["Nehalem"]]
    assert runs(only=["umask,Nehalem"])[0] == [["umask"], ["Nehalem"]]
    with pytest.raises(verify_run.VerifyError) as refused:
        runs(only=["unmask"])
    assert str(refused.value) == (
        "--only unmask: there is no such variation here. There are: locale, umask, Nehalem."
    )


def test_a_run_that_fails_is_a_row_and_ends_neither_the_table_nor_well(runs, monkeypatch, capsys):
    runs()
    good = verify.prove

    def prove(clone, environment, varied, models):
        if varied[0].name == "Nehalem":
            raise verify_run.VerifyError("`dvc repro --force` ended with exit code 255.")
        return good(clone, environment, varied, models)

    assert verify.main() == 0
    printed = capsys.readouterr().out
    assert "\nlocale, umask: identical (100 s)\n" in printed  # as soon as it is known
    assert printed.endswith("3 of 3 variations: identical.\n")
    monkeypatch.setattr(verify, "prove", prove)
    assert verify.main() == 1
    printed = capsys.readouterr().out
    assert re.search(r"^umask +y .* identical$", printed, re.M)
    assert re.search(r"^BLAS kernel Nehalem .* FAILED: `dvc repro --force` ended", printed, re.M)
    assert "2 of 3 variations: identical." in printed


def test_a_machine_that_is_told_to_be_unlike_is_so_for_its_own_kernel_only():
    unlike = GOOD._replace(unlike=["log"], tolerant=True)
    assert "computes log with other last bits" in verify.fallback(unlike)
    assert verify.fallback(unlike._replace(native=True)) == verify.fallback(GOOD) == ""


def test_what_can_be_varied_is_listed_without_a_run(runs, capsys):
    assert runs(list=True) == ([], [])
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["locale", "x"],
        ["umask", "y"],
        ["Nehalem", "native"],
    ]


# --- the documentation -----------------------------------------------------------------------


def test_each_claim_about_reproduction_has_a_command_that_is_there(tmp_path):
    text = (ROOT / "docs" / "how-to" / "reproducibility-proof.md").read_text("utf-8")
    table = text.split("| claim | shown by |\n| --- | --- |\n")[1].split("\n\n")[0]
    commands = [re.findall(r"`([^`]+)` \|$", line) for line in table.splitlines()]
    assert len(commands) >= 10
    commands = [command for found in commands for command in found or ["none"]]
    makefile = (ROOT / "Makefile").read_text("utf-8")
    names = {variation.name for variation in variations.around(OWN, tmp_path / "clone")}
    for command in commands:
        if command.startswith("make "):
            assert f"\n{command.split()[1]}: " in makefile, command
            assert set(re.findall(r"ONLY=(\w+)", command)) <= names, command
        elif command == "numerics:":
            assert "numerics: " in (ROOT / "winenet/runtime.py").read_text("utf-8")
        elif command == "python -m winenet results":
            assert (ROOT / "winenet" / "__main__.py").exists()
        else:
            file = re.fullmatch(r"python (?:-m pytest )?(\S+\.py)", command)
            assert file, command
            assert (ROOT / file.group(1)).exists(), command


def test_ci_makes_one_run_with_everything_varied():
    assert "verify-quick" in (ROOT / ".ci" / "run").read_text("utf-8")
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert "\t@$(RUN) -m tools.verify --quick\n" in makefile
