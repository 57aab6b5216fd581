"""Each line of bad_input/cases.csv, done to a copy of the repository and run as a user would.

`PYTHONPATH=.:tests python tests/stages/test_bad_input.py` writes the table of
tests/stages/bad_input/README.md again.
"""

import contextlib
import csv
import gzip
import io
import json
import os
import pickle
import shutil
import subprocess
import sys
import time
import tracemalloc
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from model_files import header, pack, unpack, with_header
from safetensors.numpy import save

from winenet import __main__ as command
from winenet import files, params
from winenet.data import raw_table
from winenet.data.column_format import ColumnFormat
from winenet.data.preprocessing import Preprocessing
from winenet.models import model_file
from winenet.models.saved import DenseModel, SavedModel

FOLDER = Path(__file__).parent / "bad_input"
BACK = "`git checkout -- metrics plots report dvc.lock && dvc checkout` restores the last committed"
RED = "data/raw/winequality-red.csv"
MODEL = "models/logistic.safetensors"
NOBODY = 65534
LARGEST_FILE = 100_000  # bytes, where no disk can be made that is full

if sys.platform != "win32":
    import resource


class Case(NamedTuple):
    """A line of the table. The last four are parts of the message."""

    kind: str
    case: str
    done: str
    value: str
    consequence: str
    rule: str
    cure: str


with (FOLDER / "cases.csv").open(encoding="utf-8", newline="") as stream:
    CASES = [Case(*row) for row in csv.reader(stream)][1:]
IN_PROCESS = [one for one in CASES if one.kind in ("params", "raw") and one.case != "no permission"]
POSIX_ONLY = {
    *("a link to itself", "a pipe", "no permission", "no disk space", "a read-only folder"),
    "a read-only disk",
}


SLOW = ("a scheduler that is not there",)  # waits until the connection times out


def cases(wanted: list[Case]) -> pytest.MarkDecorator:
    """Run a test with each of the cases that this system knows."""
    unknown = pytest.mark.skipif(os.name == "nt", reason="Windows has no such rights or files")
    return pytest.mark.parametrize(
        "case",
        [
            pytest.param(
                one,
                id=f"{one.kind}: {one.case}",
                marks=[unknown] * (one.case in POSIX_ONLY)
                + [pytest.mark.slow] * (one.case in SLOW),
            )
            for one in wanted
        ],
    )


# What is done to the workspace. A text that becomes another one is read from the table itself.


def replaced(case: Case, text: str) -> str:
    """Do what a line of the table says as "`old` becomes `new`"."""
    old, new = (
        part.encode("ascii", "backslashreplace").decode("unicode_escape")
        for part in case.done.removeprefix("`").removesuffix("`").split("` becomes `")
    )
    assert old in text, old
    return text.replace(old, new, 1)


def folder_in_place(file: Path) -> None:
    file.unlink(missing_ok=True)
    file.mkdir()


def no_rights(file: Path) -> None:
    file.chmod(0)


def append(content: bytes) -> Callable[[Path], None]:
    def add(file: Path) -> None:
        with file.open("ab") as stream:
            stream.write(content)

    return add


def content(new: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    return lambda file: file.write_bytes(new(file.read_bytes())) and None


def share(value: str) -> Callable[[Path], None]:
    return content(lambda old: old.replace(b"test_size: 0.2", f"test_size: {value}".encode(), 1))


LEVELS = "\n".join(
    [
        "bomb0: &b0 [1,1,1,1,1,1,1,1,1,1]",
        *(f"bomb{n}: &b{n} [{','.join([f'*b{n - 1}'] * 10)}]" for n in range(1, 30)),
    ]
)


def as_link_to_itself(file: Path) -> None:
    file.unlink()
    file.symlink_to(file.name)


def as_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def lines(change: Callable[[str], str]) -> Callable[[Path], None]:
    def change_each(file: Path) -> None:
        old = file.read_text(encoding="utf-8").splitlines()
        file.write_text("".join(f"{change(line)}\n" for line in old), encoding="utf-8")

    return change_each


PARAMS = {
    "missing": lambda file: file.unlink(),
    "a folder": folder_in_place,
    "no permission": no_rights,
    "Latin-1": append(b"# \xe9\n"),
    "UTF-16": content(lambda old: old.decode().encode("utf-16")),
    "empty": content(lambda _: b""),
    "a list": content(lambda _: b"- 1\n"),
    "200 kB": append(b"#\n" * 100_000),
    "an alias bomb": append(LEVELS.encode()),
    "2,000 brackets": share("[" * 2000 + "]" * 2000),
    "a number of 5,000 digits": share("0x" + "f" * 5000),
}
RAW = {
    "missing": lambda file: file.unlink(),
    "empty": content(lambda _: b""),
    "header only": content(lambda old: old.split(b"\n")[0] + b"\n"),
    "a folder": folder_in_place,
    "a link to itself": as_link_to_itself,
    "a pipe": as_pipe,
    "no permission": no_rights,
    "a line of 64 MB": append(b"7" * 2**26),
    "a long cell": append(b"7" * 150_000),
    "Latin-1": append(b"\xe9\n"),
    "a separator at the end of each line": content(
        lambda old: old.replace(b"\n", b";\n").replace(b'";\n', b'"\n', 1)
    ),
    "an extra column": lines(lambda line: line + (';"rating"' if '"' in line else ";1")),
    "no header": content(lambda old: old.split(b"\n", 1)[1]),
    "commas between the cells": content(lambda old: old.replace(b";", b",")),
    "one row of a class": content(lambda old: b"\n".join(old.split(b"\n")[:2]) + b"\n"),
}


def arrays(**changes: object) -> Callable[[Path], None]:
    """Write a model again with some of its content changed, or left out when None."""
    return content(lambda old: pack(unpack(old) | changes))


def a_model() -> bytes:
    target = Path(f"{os.getpid()}.safetensors")
    names = [f"feature {number}" for number in range(12)]
    scaling = [np.zeros(12), np.zeros(12), np.ones(12), np.zeros(12), np.zeros(12), np.ones(12)]
    formats = {name: ColumnFormat("number") for name in names}
    raw = Preprocessing(formats, names, *scaling, [], [], [])
    model = DenseModel([np.arange(12.0).reshape(12, 1)], [np.ones(1)], "identity", np.array([0, 1]))
    try:
        model_file.write(str(target), SavedModel(model, raw, "Class", ["0", "1"], {"rows": 9.0}))
        return target.read_bytes()
    finally:
        target.unlink(missing_ok=True)


class Malicious:
    """What a pickle can do when it is opened."""

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return os.mkdir, ("harmed",)


def retyped(old: bytes) -> bytes:
    text = json.dumps(header(old)).replace('"F64"', '"object"', 1)
    return with_header(old, text.encode())


def twice(old: bytes) -> bytes:
    end = max(tensor["data_offsets"][1] for tensor in header(old).values() if "dtype" in tensor)
    second = {"dtype": "F64", "shape": [12, 1], "data_offsets": [end, end + 96]}
    text = json.dumps(header(old))[:-1] + f', "coefs_0": {json.dumps(second)}}}'
    return with_header(old, text.encode(), bytes(96))


def claimed_shape(old: bytes) -> bytes:
    changed = header(old)
    changed["coefs_0"]["shape"] = [99999999999, 1]
    return with_header(old, json.dumps(changed).encode())


def surrogate(old: bytes) -> bytes:
    changed = header(old)
    text = changed["__metadata__"]["winenet"].replace('["0"', r'["\ud800"')
    return with_header(old, json.dumps(changed | {"__metadata__": {"winenet": text}}).encode())


def a_zip() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("coefs_0.npy", bytes(2**27))
    return target.getvalue()


def npz(file: Path) -> None:
    with file.open("wb") as stream:
        np.savez(stream, format="winenet model 2", coefs_0=np.ones((12, 1)))


MODELS: dict[str, Callable[[Path], None]] = {
    "missing": lambda file: file.unlink(),
    "a folder": folder_in_place,
    "empty": content(lambda _: b""),
    "truncated": content(lambda old: old[:-100]),
    "a pickle": content(lambda _: pickle.dumps(Malicious())),
    "one bit of a weight changed": content(
        lambda old: old.replace(np.arange(12.0).tobytes(), np.arange(1, 13.0).tobytes())
    ),
    "one letter of a label changed": content(
        lambda old: old.replace(rb"[\"0\", \"1\"]", rb"[\"7\", \"1\"]")
    ),
    "another format": arrays(format="winenet model 2"),
    "an .npz file": npz,
    "another program's file": content(lambda _: save({"w": np.ones(1)}, {"format": "pt"})),
    "another metadata key": content(lambda old: pack(unpack(old), more="1")),
    "a missing array": arrays(intercepts_0=None),
    "a surplus array": arrays(surplus=np.ones(1)),
    "an array twice": content(twice),
    "an array of objects": content(retyped),
    "float32": arrays(coefs_0=np.ones((12, 1), np.float32)),
    "NaN": arrays(coefs_0=np.full((12, 1), np.nan)),
    "an infinite weight": arrays(coefs_0=np.full((12, 1), np.inf)),
    "one input too few": arrays(coefs_0=np.ones((11, 1))),
    "two outputs": arrays(coefs_0=np.ones((12, 2)), intercepts_0=np.ones(2)),
    "a vector for a matrix": arrays(coefs_0=np.ones(12)),
    "a class without a label": arrays(classes=[0, 1, 2]),
    "classes in disorder": arrays(classes=[1, 0]),
    "a label twice": arrays(labels=["red", "red"]),
    "a label that is a number": arrays(labels=["red", 1]),
    "a label that is not valid text": content(surrogate),
    "an unknown activation": arrays(activation="exec"),
    "a column too few": arrays(numbers=[f"feature {number}" for number in range(11)]),
    "a column twice": arrays(numbers=["feature 0"] * 12),
    "a minimum above its maximum": arrays(minimum=np.full(12, 2.0)),
    "a category without levels": arrays(categories=["colour"], levels=[[]]),
    "gaps of a column that is none": arrays(indicators=["colour"]),
    "a column without its format": arrays(formats=[{"name": "feature 0", "type": "number"}]),
    "a format of another kind": arrays(formats=[{"name": "feature 0", "type": "text"}]),
    "a format without a name": arrays(formats=[{"type": "number"}]),
    "a zip bomb": content(lambda _: a_zip()),
    "a size that is only claimed": content(lambda old: (2**31).to_bytes(8, "little") + old[8:]),
    "a shape that is only claimed": content(claimed_shape),
}


TABLE_HEADER = b",".join(b"feature %d" % number for number in range(12)) + b"\n"
TABLE_ROW = b",".join(b"0.%d" % number for number in range(1, 13)) + b"\n"
TABLE = TABLE_HEADER + TABLE_ROW * 3
TABLES: dict[str, Callable[[Path], None]] = {
    "missing": lambda file: file.unlink(),
    "a folder": folder_in_place,
    "empty": content(lambda _: b""),
    "header only": content(lambda _: TABLE_HEADER),
    "binary": content(lambda _: bytes(range(256)) * 9),
    "one endless line": content(lambda _: b"7" * 2**20),
    "half a gzip": content(lambda old: gzip.compress(old)[:-9]),
    "a column missing": content(lambda old: old.replace(b"feature 11", b"Feature-11")),
    "a column twice": content(lambda old: old.replace(b"feature 11", b"feature 10")),
    "a blank line": content(lambda old: old + b"\n" + TABLE_ROW),
    "a cell too few": content(lambda old: old + TABLE_ROW.partition(b",")[2]),
    "an open quotation mark": content(lambda old: old + b'"' + TABLE_ROW),
    "a text for a number": content(lambda old: old + TABLE_ROW.replace(b"0.12", b"twelve")),
    "an infinite number": content(lambda old: old + TABLE_ROW.replace(b"0.12", b"inf")),
    "numbers beyond all sums": content(
        lambda old: old + TABLE_ROW.replace(b"0.11,0.12", b"-1e308,1e308")
    ),
    "Parquet that is none": content(lambda old: b"PAR1" + old + b"PAR1"),
}


def do(case: Case, folder: Path) -> None:
    """Bring the bad input of a line into a workspace."""
    file, actions = {
        "table": (folder / "new.csv", TABLES),
        "params": (folder / "params.yaml", PARAMS),
        "raw": (folder / RED, RAW),
        "model": (folder / MODEL, MODELS),
    }[case.kind]
    if case.case in actions:
        assert "` becomes `" not in case.done
        actions[case.case](file)
    else:
        text = replaced(case, file.read_text(encoding="utf-8"))
        file.write_text(text, encoding="utf-8", newline="\n")


# What must come of it.


def holds(case: Case, code: int | None, printed: str, errors: str, *, stage: bool) -> None:
    """Assert that a command ended as the table says; a stage says the way back as well."""
    assert code == 1, errors
    assert "Traceback" not in printed + errors
    for part in case[3:]:
        assert part in errors, f"{part!r} is not in:\n{errors}"
    assert len(errors) < 10_000
    assert all(line.isprintable() for line in errors.splitlines())
    if stage:
        assert BACK in errors


def kept(folder: Path) -> dict[str, bytes]:
    """Return all results and inputs with their content, even half written ones."""
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for part in ("data", "metrics", "models", "plots", "report")
        for file in (folder / part).rglob("*")
        if file.is_file() and os.access(file, os.R_OK) and file.stat().st_size < 2**30
    }


def good_run(folder: Path) -> None:
    """Put some results of a last good run in their places."""
    for path in ("data/table.csv", "metrics/ingest.json", "metrics/mlp.json"):
        (folder / path).parent.mkdir(exist_ok=True)
        if not (folder / path).exists():
            (folder / path).write_text("{}", encoding="utf-8")


@cases(IN_PROCESS)
def test_check_tells_it_and_touches_nothing(
    workspace, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], case: Case
) -> None:
    """In this process, through the command's main(): a new one for each would add nothing."""
    good_run(workspace.path)
    do(case, workspace.path)
    before = kept(workspace.path)
    monkeypatch.chdir(workspace.path)
    monkeypatch.setattr(sys, "argv", ["winenet", "check"])
    with pytest.raises(SystemExit) as ended:
        command.main()
    printed, errors = capfd.readouterr()
    holds(case, ended.value.code, printed, errors, stage=False)
    assert kept(workspace.path) == before


ONE_OF_EACH_KIND = [
    one
    for one in CASES
    if (one.kind, one.case)
    in {("params", "too large a share"), ("params", "an alias bomb"), ("raw", "a line of 64 MB")}
    or (one.kind, one.case) in {("raw", "HTML as a column's name"), ("raw", "10^308")}
]


@cases(ONE_OF_EACH_KIND)
def test_the_stage_tells_it_in_a_process_of_its_own(workspace, case: Case) -> None:
    good_run(workspace.path)
    do(case, workspace.path)
    before = kept(workspace.path)
    holds(case, *workspace.run("stages.ingest"), stage=True)
    assert kept(workspace.path) == before


def test_a_line_of_64_mb_is_told_at_once_and_is_not_read_whole(workspace, monkeypatch) -> None:
    RAW["a line of 64 MB"](workspace.path / RED)
    monkeypatch.chdir(workspace.path)
    settings = params.load().ingest
    tracemalloc.start()
    start = time.perf_counter()
    with pytest.raises(
        raw_table.DataError, match="line 1601 begins a row of more than 16,777,216 characters"
    ):
        raw_table.read_raw("data/raw", settings.model_copy(update={"files": settings.files[:1]}))
    took, peak = time.perf_counter() - start, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert took < 1
    assert peak < 2**27  # 64 MB of text would take more than twice as much


# As another user. Root may read and write whatever its rights are, so it becomes nobody, after the
# imports: nobody may not enter the folder that root's Python stands in.

AS_NOBODY = f"""
import contextlib, io, os, sys
import pandas as pd
import stages.ingest
from winenet import __main__ as command
with contextlib.redirect_stdout(io.StringIO()):
    command.check()  # as root, who may: whatever is imported late is imported now
pd.DataFrame({{"a": [1]}}).to_csv()
os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})
"""
CHECK_AS_NOBODY = f"""{AS_NOBODY}
sys.argv = ["winenet", "check"]
command.main()
"""
INGEST_AS_NOBODY = f"""{AS_NOBODY}
sys.modules["__main__"].__spec__ = stages.ingest.__spec__
stages.run(stages.ingest.main)
"""


def as_another_user(workspace, code: str, *command: str) -> tuple[int, str, str]:
    """Run a command as a user without rights: as ourselves, or as nobody when we are root."""
    if os.geteuid():
        return workspace.run(*command)
    workspace.path.chmod(0o755)
    done = workspace.python("-c", code)
    return done.returncode, done.stdout, done.stderr


@cases([one for one in CASES if one.case == "no permission"])
def test_another_user_s_file_is_told(workspace, case: Case) -> None:
    do(case, workspace.path)
    before = kept(workspace.path)
    try:
        holds(case, *as_another_user(workspace, CHECK_AS_NOBODY, "winenet", "check"), stage=False)
        ended = as_another_user(workspace, INGEST_AS_NOBODY, "stages.ingest")
        holds(case, *ended, stage=True)
    finally:
        for name in ("params.yaml", RED):
            (workspace.path / name).chmod(0o644)
    assert {name: before[name] for name in before} == {
        name: old for name, old in kept(workspace.path).items() if name in before
    }


# Model files


BAD_MODELS = [one for one in CASES if one.kind == "model"]


@cases(BAD_MODELS)
def test_reading_a_bad_model_tells_it_and_harms_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: Case
) -> None:
    """In this process, by the one function with which stages and commands read a model."""
    monkeypatch.chdir(tmp_path)
    Path("models").mkdir()
    Path(MODEL).write_bytes(a_model())
    do(case, tmp_path)
    before = kept(tmp_path)
    with pytest.raises(files.FileError) as caught:
        model_file.read(MODEL)
    holds(case, 1, "", str(caught.value), stage=False)
    assert kept(tmp_path) == before
    assert not Path("harmed").exists()


@cases([one for one in BAD_MODELS if one.case in ("missing", "a pickle", "a zip bomb", "NaN")])
def test_a_stage_tells_what_is_wrong_with_a_model(
    split_workspace, monkeypatch: pytest.MonkeyPatch, case: Case
) -> None:
    """Stage importance reads a model before it computes anything."""
    monkeypatch.chdir(split_workspace.path)
    good_run(split_workspace.path)
    (split_workspace.path / "metrics/grid_search.json").write_text("{}", encoding="utf-8")
    (split_workspace.path / "models").mkdir()
    (split_workspace.path / MODEL).write_bytes(a_model())
    do(case, split_workspace.path)
    before = kept(split_workspace.path)
    holds(case, *split_workspace.run("stages.importance"), stage=True)
    assert kept(split_workspace.path) == before
    assert not (split_workspace.path / "harmed").exists()


def test_the_model_that_is_damaged_above_is_a_good_one(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("good.safetensors").write_bytes(a_model())
    assert model_file.read("good.safetensors").model.weights[0].shape == (12, 1)


# Tables that are to be predicted


@cases([one for one in CASES if one.kind == "table"])
def test_predict_tells_what_is_wrong_with_a_table(
    tmp_path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], case: Case
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("model.safetensors").write_bytes(a_model())
    Path("new.csv").write_bytes(TABLE)
    if case.case == "Parquet that is none":
        pytest.importorskip("pyarrow")
    words = ["winenet", "predict", "model.safetensors", "new.csv", "-o", "out.csv"]
    monkeypatch.setattr(sys, "argv", words)
    command.main()
    assert len(Path("out.csv").read_bytes().splitlines()) == 4
    Path("out.csv").unlink()
    do(case, tmp_path)
    before = sorted(path.name for path in tmp_path.iterdir())
    capfd.readouterr()
    with pytest.raises(SystemExit) as ended:
        command.main()
    printed, errors = capfd.readouterr()
    holds(case, ended.value.code, printed, errors, stage=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == before


# The environment


@contextlib.contextmanager
def mounted(folder: Path, *options: str) -> Iterator[bool]:
    """Mount a small tmpfs over a folder, with the folder's content; False when we may not.

    It is filled but for 100 kB, or mounted once more with the options.
    """
    saved = folder.with_name("saved")
    shutil.copytree(folder, saved)
    mount = ["mount", "-t", "tmpfs", "-o", "size=7m", "winenet", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        yield False
        return
    try:
        shutil.copytree(saved, folder, dirs_exist_ok=True)
        if options:
            subprocess.run(["mount", "-o", ",".join(options), str(folder)], check=True)
        else:
            free = os.statvfs(folder)
            (folder / "filler").write_bytes(bytes(free.f_bavail * free.f_frsize - LARGEST_FILE))
        yield True
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def run_ingest(workspace, **environment: str) -> tuple[int, str, str]:
    return workspace.run("stages.ingest", **environment)


def full_disk(workspace) -> tuple[int, str, str]:
    with mounted(workspace.path / "data") as is_full:
        before = kept(workspace.path)
        if is_full:
            ended = run_ingest(workspace)
            assert "No space left on device" in ended[2]
        else:  # the same way through the code, with "File too large"

            def limit() -> None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))

            done = subprocess.run(
                [sys.executable, "-m", "stages.ingest"],
                cwd=workspace.path,
                env=workspace.environment(),
                capture_output=True,
                text=True,
                encoding="utf-8",
                check=False,
                preexec_fn=limit,
            )
            ended = done.returncode, done.stdout, done.stderr
        assert kept(workspace.path) == before
    return ended


def read_only_disk(workspace) -> tuple[int, str, str]:
    with mounted(workspace.path / "data", "remount", "ro") as is_read_only:
        if is_read_only:
            ended = run_ingest(workspace)
            assert "Read-only file system" in ended[2]
            return ended
        return read_only_folder(workspace)


def read_only_folder(workspace) -> tuple[int, str, str]:
    (workspace.path / "data").chmod(0o555)
    try:
        return as_another_user(workspace, INGEST_AS_NOBODY, "stages.ingest")
    finally:
        (workspace.path / "data").chmod(0o755)


def folder_for_a_file(workspace) -> tuple[int, str, str]:
    folder_in_place(workspace.path / "data/table.csv")
    return run_ingest(workspace)


def file_for_a_folder(workspace) -> tuple[int, str, str]:
    shutil.rmtree(workspace.path / "metrics")
    (workspace.path / "metrics").write_text("", encoding="utf-8")
    return run_ingest(workspace)


def no_git(workspace) -> tuple[int, str, str]:
    (workspace.path / "empty").mkdir()
    return workspace.run(
        "winenet", "gate", "--base", "HEAD", PATH=str(workspace.path / "empty"), GIT_DIR=""
    )


def no_repository(workspace) -> tuple[int, str, str]:
    above = {"GIT_CEILING_DIRECTORIES": str(workspace.path.parent)}
    return workspace.run("winenet", "gate", "--base", "HEAD", **above)


def another_library(*command: str) -> Callable[..., tuple[int, str, str]]:
    def run(workspace) -> tuple[int, str, str]:
        described = workspace.path / "other/scikit_learn-1.8.0.dist-info"
        described.mkdir(parents=True)
        text = "Metadata-Version: 2.1\nName: scikit-learn\nVersion: 1.8.0\n"
        (described / "METADATA").write_text(text, encoding="utf-8")
        package = workspace.path / "other/sklearn"
        package.mkdir()
        text = "raise ImportError('an old scikit-learn was imported')\n"
        (package / "__init__.py").write_text(text, encoding="utf-8")
        return workspace.run(*command, PYTHONPATH=str(workspace.path / "other"))

    return run


def changed(name: str, change: Callable[[str], str], *command: str):
    """Return what changes a file's text and runs a command."""

    def run(workspace) -> tuple[int, str, str]:
        file = workspace.path / name
        file.write_text(change(file.read_text("utf-8")), encoding="utf-8", newline="\n")
        return workspace.run(*command)

    return run


def with_variable(stage: str, **environment: str):
    return lambda workspace: workspace.run(f"stages.{stage}", **environment)


def without(name: str, *command: str):
    def run(workspace) -> tuple[int, str, str]:
        (workspace.path / name).unlink()
        return workspace.run(*command)

    return run


def one_cell_more(text: str) -> str:
    header, first, second, *rest = text.split("\n")
    return "\n".join([header, first, f"{second},1", *rest])


ENVIRONMENT = {
    "no disk space": full_disk,
    "a read-only folder": read_only_folder,
    "a read-only disk": read_only_disk,
    "a folder in an output's place": folder_for_a_file,
    "a file in a folder's place": file_for_a_folder,
    "no git": no_git,
    "no repository": no_repository,
    "another scikit-learn": another_library("stages.mlp"),
    "another scikit-learn, checked": another_library("winenet", "check"),
    "no workers": with_variable("grid_search", WINENET_WORKERS="0"),
    "workers that are no number": with_variable("grid_search", WINENET_WORKERS="many"),
    "an unknown cluster": with_variable("grid_search", WINENET_SCHEDULER="dask"),
    "a scheduler that is not there": with_variable(
        "grid_search", WINENET_SCHEDULER="tcp://127.0.0.1:1"
    ),
    "unknown numerics": with_variable("ingest", WINENET_NUMERICS="fast"),
    "no dvc.yaml": without("dvc.yaml", "stages.ingest"),
    "a broken dvc.yaml": changed("dvc.yaml", lambda text: f"[{text}", "stages.ingest"),
    "an input that is missing": without("data/table.csv", "stages.split"),
    "an input that is no table": changed("data/table.csv", one_cell_more, "stages.split"),
    "an input of other columns": changed(
        "data/split_rows.csv",
        lambda text: text.replace("in_training", "saw", 1),
        "stages.importance",
    ),
    "a broken metrics file": changed(
        "metrics/mlp.json", lambda _: '{"notebook": {"acc', "winenet", "results"
    ),
    "parameters changed meanwhile": changed(
        "stages/ingest.py",
        lambda text: text.replace(
            "    settings =", "    open('params.yaml', 'a').write('#')\n    settings ="
        ),
        "stages.ingest",
    ),
}
# Here a result is written whole before the fault comes, or was changed by the test itself.
WRITTEN = {
    "a file in a folder's place",
    "a folder in an output's place",
    "parameters changed meanwhile",
    "an input that is missing",
    "an input that is no table",
    "an input of other columns",
    "a broken metrics file",
}


@cases([one for one in CASES if one.kind == "environment"])
def test_the_environment_s_faults_are_told(split_workspace, case: Case) -> None:
    good_run(split_workspace.path)
    before = kept(split_workspace.path)
    code, printed, errors = ENVIRONMENT[case.case](split_workspace)
    is_stage = not case.case.startswith(("no git", "no repo", "a broken metrics")) and (
        "checked" not in case.case
    )
    holds(case, code, printed, errors, stage=is_stage)
    after = kept(split_workspace.path)
    if case.case not in WRITTEN:
        assert after == before
    assert not [name for name in after if name.endswith(".partial")]


# The table as documentation


def test_there_are_at_least_sixty_cases_and_each_is_done_once() -> None:
    assert len(CASES) >= 60
    assert len({(one.kind, one.case) for one in CASES}) == len(CASES)
    kinds = (("params", PARAMS), ("raw", RAW), ("model", MODELS), ("table", TABLES))
    for kind, actions in kinds:
        special = {one.case for one in CASES if one.kind == kind and "` becomes `" not in one.done}
        assert special == set(actions), kind
    assert {one.case for one in CASES if one.kind == "environment"} == set(ENVIRONMENT)
    assert all(all(one) for one in CASES)


def cell(text: str) -> str:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")
    return escaped.replace("*", "\\*").replace("](", "]\\(")


def table() -> str:
    """Return the table of README.md, with its counts."""
    counts = Counter(one.kind for one in CASES)
    told = ", ".join(f"{kind} {count}" for kind, count in counts.items())
    parts = [f"{len(CASES)} cases: {told}."]
    for kind in counts:
        head = ["case", "what is done", "value", "consequence", "rule", "cure"]
        rows = [
            head,
            ["---"] * 6,
            *([cell(part) for part in one[1:]] for one in CASES if one[0] == kind),
        ]
        parts.append(f"### {kind}\n\n" + "\n".join(f"| {' | '.join(row)} |" for row in rows))
    return "\n\n".join(parts) + "\n"


START = "<!-- the table; `PYTHONPATH=.:tests python tests/stages/test_bad_input.py` writes it -->\n"


def test_the_readme_holds_the_table() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert text.partition(START)[2] == table()


if __name__ == "__main__":
    readme = FOLDER / "README.md"
    above = readme.read_text(encoding="utf-8").partition(START)[0]
    readme.write_text(above + START + table(), encoding="utf-8", newline="\n")
    print(json.dumps(Counter(one.kind for one in CASES)))
