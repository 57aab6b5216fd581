"""A raw table is predicted as the estimator does, in constant memory; what did not fit is told."""

import bz2
import csv
import gzip
import io
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from committed import ROOT
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model_files import plain_preprocessing
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from winenet import DenseClassifier
from winenet import __main__ as command
from winenet.data import preprocessing, raw_table, text_stream
from winenet.data.model_table import ModelTable
from winenet.errors import InputError
from winenet.models import model_file, predictor, saved
from winenet.models.predictor import PipelinePredictor
from winenet.models.saved import DenseModel, SavedModel, from_logistic, from_mlp
from winenet.params import Ingest
from winenet.serve import describe, predict

KINDS = {"colour": "category", "pH": "number", "free SO2": "number"}
HEADER = ["id", "free SO2", "colour", "pH"]


def raw_rows(number: int, seed: int = 0) -> pd.DataFrame:
    """Return rows in the columns' training order, a few gaps among them."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "colour": rng.choice(["red", "white", 'a "rosé", dry'], number),
            "pH": rng.normal(3.2, 0.2, number).round(3),
            "free SO2": rng.integers(1, 80, number).astype(float),
        }
    ).astype({"colour": "str"})
    for name in X:
        X.loc[rng.random(number) < 0.03, name] = np.nan
    return X


def a_model(labels: list[str]) -> SavedModel:
    X = raw_rows(400)
    score = X["free SO2"].fillna(40) / 40 + (X["colour"] == "red")
    y = pd.qcut(score, len(labels), labels=False)
    raw = preprocessing.fit(X, KINDS, "minmax")
    network = DenseClassifier((8, 4), max_iter=60, learning_rate_init=0.02, random_state=0)
    network.fit(preprocessing.transform(raw, X), y)
    facts = {"rows": 400.0, "epochs": float(network.n_iter_), "loss": network.loss_}
    return SavedModel(saved.from_mlp(network), raw, "taste", labels, facts)


@pytest.fixture(scope="module")
def models() -> dict[int, SavedModel]:
    """By number of classes."""
    with pytest.warns(ConvergenceWarning):  # they have not converged, and need not
        return {2: a_model(["poor", "good"]), 3: a_model(["1", "a, b", 'say "x"'])}


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch: pytest.MonkeyPatch, models) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(text_stream, "SAMPLE", 100)  # so that small tables have several blocks
    for classes, model in models.items():
        model_file.write(f"{classes}.safetensors", model)


def a_table(number: int, seed: int = 1) -> pd.DataFrame:
    """Return rows as a user has them: another order, one column more."""
    return raw_rows(number, seed).assign(id=range(number))[HEADER]


def write(X: pd.DataFrame, path: str = "new.csv", **how) -> pd.DataFrame:
    X.to_csv(path, index=False, lineterminator="\n", **how)
    return X


def text_of(path: str) -> str:
    return Path(path).read_bytes().decode()


def expected(saved: SavedModel, X: pd.DataFrame) -> str:
    """Return the whole output, written in another way."""
    ours = PipelinePredictor(saved)
    P, labels = ours.predict_proba(X), ours.predict(X)
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(["row", saved.target, *(f"p({label})" for label in saved.labels)])
    for row, (label, each) in enumerate(zip(labels, P, strict=True)):
        writer.writerow([row, label, *(f"{p:.6f}" for p in each)])
    return target.getvalue()


# What is written.


@pytest.mark.parametrize("own", [0.5, 0.7])
def test_the_threshold_of_the_model_or_of_the_command_decides(models, own, monkeypatch, capfd):
    X = write(a_table(60))
    saved = replace(models[2], model=replace(models[2].model, threshold=own))
    model_file.write("own.safetensors", saved)
    P = PipelinePredictor(saved).predict_proba(X)[:, 1]
    for words, used in (((), own), (("--threshold", "0.3"), 0.3), (("--threshold=.5",), 0.5)):
        code, printed, errors = main(
            monkeypatch, capfd, "predict", "own.safetensors", "new.csv", *words
        )
        assert code == 0
        labels = pd.read_csv(io.StringIO(printed))["taste"]
        assert labels.tolist() == np.where(used < P, "good", "poor").tolist()
        assert (len(set(labels)), 0 < (used < P).mean() < 1) == (2, True)
        told = f"\n  'good' above a probability of {used:.6g}, not 0.5\n"
        assert (told in errors) == (used != 0.5)
        assert "above a probability" not in errors.replace(told, "")


@pytest.mark.parametrize("text", ["0", "1", "-0.1", "nan", "half", ""])
def test_a_threshold_that_is_none_is_refused(text, monkeypatch, capfd):
    write(a_table(3))
    code, printed, errors = main(
        monkeypatch, capfd, "predict", "2.safetensors", "new.csv", f"--threshold={text}"
    )
    assert (code, printed) == (2, "")
    assert errors.endswith(f"argument --threshold: {text!r} is not a number between 0 and 1\n")


def test_a_threshold_for_three_labels_is_refused(monkeypatch, capfd):
    write(a_table(3))
    code, printed, errors = main(
        monkeypatch, capfd, "predict", "3.safetensors", "new.csv", "--threshold", "0.3"
    )
    assert (code, printed) == (1, "")
    assert errors == (
        "--threshold 0.3 is for two labels and this model has 3, of which the most probable one is "
        "predicted, so nothing was done. Leave --threshold out.\n"
    )


@pytest.mark.parametrize("classes", [2, 3])
def test_each_row_has_a_line_with_its_label_and_probabilities(models, classes, capfd):
    X = write(a_table(300))
    predict.predict_file(f"{classes}.safetensors", "new.csv")
    printed, _ = capfd.readouterr()
    assert printed == expected(models[classes], X)
    table = pd.read_csv(io.StringIO(printed), dtype={"taste": "str"})
    assert list(table["row"]) == list(range(300))
    assert set(table["taste"]) == set(models[classes].labels)
    P = table[[f"p({label})" for label in models[classes].labels]]
    assert P.sum(axis=1).to_numpy() == pytest.approx(1, abs=2e-6)
    labels = np.array(models[classes].labels)
    assert (labels[P.to_numpy().argmax(axis=1)] == table["taste"]).all()


def test_the_lines_are_these(capfd):
    one = DenseModel([np.array([[1.0]])], [np.zeros(1)], "identity", np.array([0, 1]))
    raw = plain_preprocessing({"x": [1.0, 0, 1, 0, -3, 3]})
    model_file.write("one.safetensors", SavedModel(one, raw, "a,b", ["no", "yes"], {}))
    Path("x.csv").write_text('x\n0\n1e-15\n"3"\n-900\nNA\n', encoding="utf-8")
    predict.predict_file("one.safetensors", "x.csv")
    printed, told = capfd.readouterr()
    assert printed == (
        'row,"a,b",p(no),p(yes)\n'
        "0,no,0.500000,0.500000\n"
        "1,yes,0.500000,0.500000\n"
        "2,yes,0.047426,0.952574\n"
        "3,no,1.000000,0.000000\n"
        "4,yes,0.268941,0.731059\n"
    )
    assert told == (
        "predict: 5 rows of x.csv by one.safetensors\n"
        "  gaps in 'x': 1, filled by the median 1\n"
        "  'x' outside the training range -3 to 3: 1 row; least -900, largest 3\n"
    )


@pytest.mark.parametrize("block", [40, 777, 20_000])
def test_the_size_of_the_pieces_changes_no_byte(models, block, capfd):
    """Nor a word of the summary."""
    write(a_table(1500))
    predict.predict_file("3.safetensors", "new.csv", "whole.csv")
    told = capfd.readouterr().err
    predict.predict_file("3.safetensors", "new.csv", "pieces.csv", block=block)
    assert text_of("pieces.csv") == text_of("whole.csv")
    assert capfd.readouterr().err == told


def test_a_file_that_was_fitted_by_scikit_learn_predicts_as_its_pipeline_does(capfd):
    X = raw_rows(200)
    raw = preprocessing.fit(X, KINDS, "standard")
    y = (X["pH"].fillna(3) > 3.2).astype(int)
    fitted = LogisticRegression().fit(preprocessing.transform(raw, X), y)
    saved = SavedModel(from_logistic(fitted), raw, "sour", ["0", "1"], {})
    model_file.write("sour.safetensors", saved)
    write(X)
    predict.predict_file("sour.safetensors", "new.csv")
    table = pd.read_csv(io.StringIO(capfd.readouterr().out))
    theirs = fitted.predict_proba(preprocessing.transform(raw, X))
    assert table[["p(0)", "p(1)"]].to_numpy() == pytest.approx(theirs, abs=5.1e-7)
    assert (table["sour"] == fitted.predict(preprocessing.transform(raw, X))).all()


# How a table may be written.


def as_gzip(X: pd.DataFrame) -> str:
    write(X)
    Path("new.csv.gz").write_bytes(gzip.compress(Path("new.csv").read_bytes()))
    return "new.csv.gz"


def as_csv(**how):
    def written(X: pd.DataFrame) -> str:
        write(X, **how)
        return "new.csv"

    return written


def as_bytes(change):
    def written(X: pd.DataFrame) -> str:
        write(X)
        Path("new.csv").write_bytes(change(Path("new.csv").read_bytes()))
        return "new.csv"

    return written


def as_parquet(**how):
    def written(X: pd.DataFrame) -> str:
        X.to_parquet("new.parquet", index=False, **how)
        return "new.parquet"

    return written


def as_parquet_of_other_types(X: pd.DataFrame) -> str:
    X = X.astype({"colour": "category", "free SO2": "Int32", "pH": "Float64"})
    X.to_parquet("new.parquet", index=False)
    return "new.parquet"


FORMS = {
    "gzip": as_gzip,
    "semicolons": as_csv(sep=";"),
    "tabs": as_csv(sep="\t"),
    "bars": as_csv(sep="|"),
    "every cell in quotation marks": as_csv(quoting=csv.QUOTE_ALL),
    "NA for gaps": as_csv(na_rep="NA"),
    "NaN for gaps": as_csv(na_rep="NaN"),
    "a byte order mark": as_bytes(lambda old: b"\xef\xbb\xbf" + old),
    "Windows' line ends": as_bytes(lambda old: old.replace(b"\n", b"\r\n")),
    "an old Mac's line ends": as_bytes(lambda old: old.replace(b"\n", b"\r")),
    "no line end at the end": as_bytes(lambda old: old.removesuffix(b"\n")),
    "Parquet": as_parquet(),
    "Parquet in row groups": as_parquet(row_group_size=17),
    "Parquet of other types": as_parquet_of_other_types,
}


@pytest.mark.parametrize("form", FORMS.values(), ids=[*FORMS])
def test_a_table_is_read_in_every_form(models, form, capfd):
    X = a_table(400)
    path = form(X)
    for block in (text_stream.BLOCK, 1000):
        predict.predict_file("3.safetensors", path, block=block)
        printed, told = capfd.readouterr()
        assert printed == expected(models[3], X)
        assert "gaps in 'pH': " in told


def test_standard_input_is_read(models):
    X = write(a_table(50))
    with Path("new.csv").open("rb") as table:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", "winenet", "predict", "2.safetensors", "-"],
            stdin=table,
            capture_output=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            check=True,
        )
    assert done.stdout.decode() == expected(models[2], X)
    assert done.stderr.decode().startswith("predict: 50 rows of standard input by 2.safetensors\n")


@pytest.mark.skipif(os.name == "nt", reason="a pipe of POSIX")
def test_who_reads_may_stop_reading():
    write(a_table(20_000))
    with subprocess.Popen(
        [sys.executable, "-m", "winenet", "predict", "2.safetensors", "new.csv"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as running:
        assert running.stdout.read(10) == b"row,taste,"
        running.stdout.close()
        assert running.stderr.read() == b""
    assert running.returncode == 1


# What is told.


def told_of(path: str, capfd, *, name: str = "2.safetensors", **how) -> list[str]:
    predict.predict_file(name, path, **how)
    return capfd.readouterr().err.splitlines()


def test_a_table_like_the_training_rows_is_told_so(capfd):
    write(raw_rows(20, seed=0).dropna().reset_index(drop=True))
    assert told_of("new.csv", capfd)[1:] == ["  all values are such as the training rows had"]


def test_what_does_not_fit_is_counted(models, capfd):
    raw = models[2].preprocessing
    X = pd.DataFrame(
        {
            "taste": "?",
            **{f"more {n}": n for n in range(6)},
            "free SO2": ["3", "", "1e3", "-5", "?", "90"],
            "pH": ["3.2", "3.2", "3.2", "?", "3.2", "3.2"],
            "colour": ["blue", "", "Red", "blue", "red", "?"],
        }
    )
    write(X)
    assert told_of("new.csv", capfd, na_values=["?"]) == [
        "predict: 6 rows of new.csv by 2.safetensors",
        "  columns that the model does not have, left out: 'taste' (the label), 'more 0', "
        "'more 1', 'more 2', 'more 3', 2 more",
        "  columns in another order than the model's: matched by name",
        f"  gaps in 'pH': 1, filled by the median {raw.fill[0]:.6g}",
        f"  gaps in 'free SO2': 2, filled by the median {raw.fill[1]:.6g}",
        "  gaps in 'colour': 2, a level of its own",
        "  levels of 'colour' that the training rows did not have: 3 rows ('blue', 'Red'), taken "
        "as none of them",
        f"  'free SO2' outside the training range 1 to {raw.maximum[1]:.6g}: 3 rows; least -5, "
        "largest 1000",
    ]


def test_many_unknown_levels_are_told_by_the_first_few(capfd):
    X = a_table(3000).assign(colour=[f"level {row}" for row in range(3000)])
    write(X)
    for block in (1000, 2**21):
        lines = told_of("new.csv", capfd, block=block)
        assert (
            "  levels of 'colour' that the training rows did not have: 3,000 rows ('level 0', "
            "'level 1', 'level 2', 'level 3', 'level 4', ...), taken as none of them"
        ) in lines


def test_a_text_that_is_a_level_is_no_gap(models, capfd):
    """Whatever --na-value says: the training knew it as a level."""
    write(a_table(30).assign(colour="red"))
    lines = told_of("new.csv", capfd, na_values=["red"])
    assert not [line for line in lines if "colour" in line]


def test_a_long_table_shows_its_progress_on_standard_error(monkeypatch, capfd):
    monkeypatch.setattr(predict, "PROGRESS_MIN_BYTES", 1000)
    write(a_table(5000))
    predict.predict_file("2.safetensors", "new.csv", "out.csv", block=2**14)
    printed, told = capfd.readouterr()
    assert printed == ""
    assert "predict: 0 of 0 MB" in told


# Where it is written.


def main(monkeypatch: pytest.MonkeyPatch, capfd, *words: str) -> tuple[int, str, str]:
    """Run the command in this process; return its exit code, output and errors."""
    monkeypatch.setattr(sys, "argv", ["winenet", *words])
    code = 0
    try:
        command.main()
    except SystemExit as ended:
        code = int(ended.code or 0)
    return code, *capfd.readouterr()


def test_a_file_is_written_whole(models, monkeypatch, capfd):
    X = write(a_table(30))
    for place in ("out.csv", "folder/deeper/out.csv"):
        code, printed, _ = main(
            monkeypatch, capfd, "predict", "2.safetensors", "new.csv", "-o", place
        )
        assert (code, printed) == (0, "")
        assert text_of(place) == expected(models[2], X)


def test_an_existing_file_is_overwritten_by_force_alone(models, monkeypatch, capfd):
    X = write(a_table(30))
    Path("out.csv").write_text("precious", encoding="utf-8")
    words = ["predict", "2.safetensors", "new.csv", "-o", "out.csv"]
    code, printed, errors = main(monkeypatch, capfd, *words)
    assert (code, printed) == (1, "")
    assert errors == (
        "-o out.csv exists, so nothing was written. Give another name, or --force to overwrite "
        "it.\n"
    )
    assert text_of("out.csv") == "precious"
    assert main(monkeypatch, capfd, *words, "--force")[0] == 0
    assert text_of("out.csv") == expected(models[2], X)


@pytest.mark.parametrize("out", ["new.csv", "./new.csv", "2.safetensors", "link.csv", "."])
def test_an_input_is_never_overwritten(monkeypatch, capfd, out):
    write(a_table(30))
    if os.name != "nt":
        Path("link.csv").symlink_to("new.csv")
    before = {path.name: path.read_bytes() for path in Path().iterdir()}
    words = ["predict", "2.safetensors", "new.csv", "-o", out, "--force"]
    code, printed, errors = main(monkeypatch, capfd, *words)
    assert (code, printed) == (1, "")
    assert errors.startswith(f"-o {out} is ")
    assert {path.name: path.read_bytes() for path in Path().iterdir()} == before


def test_a_fault_in_the_last_row_leaves_no_half_a_file(monkeypatch, capfd):
    write(a_table(5000))
    with Path("new.csv").open("a", encoding="utf-8") as stream:
        stream.write("1,none,red,3\n")
    Path("out.csv").write_text("precious", encoding="utf-8")
    before = sorted(path.name for path in Path().iterdir())
    words = ["predict", "2.safetensors", "new.csv", "-o", "out.csv", "--force"]
    code, _, errors = main(monkeypatch, capfd, *words)
    assert code == 1
    assert errors.startswith("new.csv: line 5002, column 'free SO2': 'none' is not a finite number")
    assert text_of("out.csv") == "precious"
    assert sorted(path.name for path in Path().iterdir()) == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def shell(line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash, in which $winenet is this package's command."""
    variables = {"winenet": f"{sys.executable} -m winenet", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        ["bash", "-c", line],
        env=os.environ | variables | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(os.name == "nt", reason="ulimit, pipes and closed streams are a shell's")
class TestInAShell:
    def test_what_does_not_fit_is_no_success_without_a_buffer(self):
        write(a_table(400))
        line = "ulimit -f 2; $winenet predict 2.safetensors new.csv > out.csv"
        # The limit would also cut a .pyc off, which every later process would then fail to read.
        done = shell(line, PYTHONUNBUFFERED="1", PYTHONDONTWRITEBYTECODE="1")
        assert done.returncode == 1
        assert done.stderr.startswith("Standard output could not be written (File too large)")

    def test_all_is_written_without_a_buffer(self, models):
        X = write(a_table(400))
        done = shell("$winenet predict 2.safetensors new.csv > out.csv", PYTHONUNBUFFERED="1")
        assert done.returncode == 0
        assert text_of("out.csv") == expected(models[2], X)

    @pytest.mark.parametrize(
        ("line", "told"),
        [
            ("$winenet predict 2.safetensors new.csv >&-", "Standard output is closed, so the"),
            (
                "$winenet predict 2.safetensors - <&-",
                "standard input: standard input is closed. The table was not predicted.",
            ),
            (
                "$winenet predict 2.safetensors new.csv --force -o pipe",
                "-o pipe is not a file (a device,",
            ),
        ],
    )
    def test_closed_streams_and_pipes_are_told(self, line, told):
        write(a_table(4))
        os.mkfifo("pipe")
        done = shell(line)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(told)
        assert Path("pipe").is_fifo()

    @pytest.mark.parametrize("buffered", ["", "1"])
    def test_a_reader_that_has_enough_is_no_fault_to_describe(self, buffered):
        line = "$winenet describe 2.safetensors | true; echo ${PIPESTATUS[0]}"
        done = shell(line, PYTHONUNBUFFERED=buffered)
        assert done.stderr == ""
        assert done.stdout in ("0\n", "1\n")  # whether it wrote before the reader had gone


def test_a_name_that_is_too_long_is_told(monkeypatch, capfd):
    write(a_table(4))
    code, printed, errors = main(
        monkeypatch, capfd, "predict", "2.safetensors", "new.csv", "-o", "a" * 300
    )
    assert (code, printed) == (1, "")
    assert "could not be written (File name too long)" in errors


def test_a_file_of_one_endless_line_is_told(monkeypatch, capfd):
    monkeypatch.setattr(text_stream, "SAMPLE", 2**17)
    Path("new.csv").write_bytes(b"7" * 2**20)
    code, printed, errors = main(monkeypatch, capfd, "predict", "2.safetensors", "new.csv")
    assert (code, printed) == (1, "")
    assert errors.startswith(
        "new.csv: has a cell of more than 131,072 characters in its first line, so no columns' "
    )


@pytest.mark.parametrize("mark", ["", '"'])
def test_a_long_cell_of_another_column_is_no_fault(mark, models, capfd):
    X = a_table(4)
    text = X.to_csv(index=False).split("\n")
    lines = [",note", *(f",{mark}{'x' * 150_000}{mark}" for _ in range(4))]
    text[:5] = [line + more for line, more in zip(text[:5], lines, strict=True)]
    Path("new.csv").write_text("\n".join(text), encoding="utf-8")
    for block in (1000, text_stream.BLOCK):
        predict.predict_file("2.safetensors", "new.csv", block=block)
        assert capfd.readouterr().out == expected(models[2], X)


def test_a_column_that_the_model_has_not_may_stand_twice(models, capfd):
    X = a_table(4)
    write(X.assign(note="a", notes="b").rename(columns={"notes": "note"}))
    predict.predict_file("2.safetensors", "new.csv")
    assert capfd.readouterr().out == expected(models[2], X)


def test_many_levels_take_no_memory_by_the_table_s_length(monkeypatch):
    levels = [f"l{place}" for place in range(200)]
    X = pd.DataFrame({"level": levels * 20})
    raw = preprocessing.fit(X, {"level": "category"}, "none")
    network = DenseClassifier((2,), max_iter=1, random_state=0)
    with pytest.warns(ConvergenceWarning):
        network.fit(preprocessing.transform(raw, X), [0, 1] * 2000)
    saved = SavedModel(from_mlp(network), raw, "y", ["a", "b"], {})
    at_once = PipelinePredictor(saved).predict_proba(X, 700)

    monkeypatch.setattr(predictor, "MAX_BLOCK_VALUES", 200 * 333)
    made: list[int] = []
    inputs = preprocessing.transform
    monkeypatch.setattr(
        preprocessing, "transform", lambda raw, X: made.append(len(X)) or inputs(raw, X)
    )
    np.testing.assert_array_equal(PipelinePredictor(saved).predict_proba(X, 700), at_once)
    assert max(made) == 333


def test_a_full_disk_is_told():
    write(a_table(50))
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "winenet", "predict", "2.safetensors", "new.csv"],
            stdout=full,
            stderr=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.decode().startswith("Standard output could not be written (No space left")


# Faults: what is written into new.csv, and what is said of it.

GOOD = "free SO2,colour,pH\n3,red,3.1\n4,white,3.2\n"
NOT_READ = ". The table was not predicted. A table is CSV, packed by gzip or not, Parquet or Excel"
NO_TEXT = "the file is not text or is damaged. The table was not predicted."
FAULTS = {
    "empty": (b"", f"new.csv: is empty; it needs a header and rows{NOT_READ}"),
    "blank lines": (b"\n\n", f"new.csv: is empty; it needs a header and rows{NOT_READ}"),
    "header only": (b"free SO2,colour,pH\n", "new.csv: has no row below the header. The table"),
    "binary": (bytes(range(256)), f"new.csv: line 1 has a null byte, so {NO_TEXT}"),
    "zeros": (bytes(1000), f"new.csv: line 1 has a null byte, so {NO_TEXT}"),
    "UTF-16 for UTF-8": (
        b"\xef\xbb\xbf" + GOOD.encode("utf-16-le"),
        f"new.csv: line 1 has a null byte, so {NO_TEXT}",
    ),
    "half UTF-8": (
        b"\xef\xbb\xbf" + GOOD.replace("white", "ros\xe9").encode("latin-1"),
        "new.csv: line 3 is not UTF-8; give its encoding, or save the file as UTF-8. The table was",
    ),
    "a null byte": (
        GOOD.replace("white", "wh\0te").encode(),
        f"new.csv: line 3 has a null byte, so {NO_TEXT}",
    ),
    "half a gzip": (
        gzip.compress(GOOD.encode())[:-9],
        "new.csv: is not a complete gzip file; pack it again. The table was not predicted.",
    ),
    "bzip2": (
        bz2.compress(GOOD.encode()),
        "new.csv: is a bzip2 file, not a table of text; `bunzip2 --keep new.csv` unpacks it. The ",
    ),
    "a column twice": (
        b"pH,free SO2,colour,pH\n3,3,red,3\n",
        "new.csv: column 'pH' stands 2 times in the header, so it is open which one is meant. "
        "Columns are matched by name: give each a name of its own.",
    ),
    "a column missing": (
        b"Ph;free SO2;colour\n3;3;red\n",
        "new.csv: a column is missing ('pH'; did you mean 'Ph'?), so nothing was predicted. The "
        "model needs 3 columns, matched by name, and the header has 3: 'Ph', 'free SO2', 'colour'. "
        "Change the header; `python -m winenet describe` lists the model's columns.",
    ),
    "all columns missing": (
        b"a;b c;d\n3;3;red\n",
        "new.csv: columns are missing ('colour', 'pH', 'free SO2'), so nothing was predicted. The "
        "model needs 3 columns, matched by name, and the header has 3: 'a', 'b c', 'd'.",
    ),
    "no header": (
        b"3,red,3.1\n4,white,3.2\n",
        "the header has 3: '3', 'red', '3.1'; the first line looks like data and not like a "
        "header: '3', '3.1' are numbers. Change the header;",
    ),
    "an open quotation mark above": (b'"pH,free SO2,colour\n', "line 1 has a quotation mark that "),
    "an open quotation mark": (
        GOOD.replace("white", '"white').encode(),
        "new.csv: line 3 has a quotation mark that is not closed. The table was not predicted.",
    ),
    "a blank line": (
        GOOD.replace("\n4", "\n\n4").encode(),
        "new.csv: line 3 is blank; each row needs a cell for each column, between ',' (`--sep` "
        "names another sign). The table was not predicted.",
    ),
    "a cell too few": (
        GOOD.replace("4,white", "4").encode(),
        "new.csv: line 3 has 2 cells, the header has 3; each row needs a cell for each column",
    ),
    "one too few, one too many": (
        b"free SO2,colour,pH\n3,red\n4,white,3.2,4\n",
        "new.csv: line 2 has 2 cells, the header has 3; each row needs a cell for each column",
    ),
    "a cell too many among quotation marks": (
        GOOD.replace("white", '"white",1').encode(),
        "new.csv: line 3 has 4 cells, the header has 3; each row needs a cell for each column",
    ),
    "a cell too few below one of two lines": (
        GOOD.replace("red", '"r\ned"').replace("4,white", "4").encode(),
        "new.csv: line 4 has 2 cells, the header has 3; each row needs a cell for each column",
    ),
    "a text for a number": (
        GOOD.replace("4,", '"fo""ur",').encode(),
        "new.csv: line 3, column 'free SO2': 'fo\"ur' is not a finite number, so the table was not "
        "predicted. Correct the cell, or add `--na-value='fo\"ur'` if that stands for a gap.",
    ),
    "a text for a number below a cell of two lines": (
        GOOD.replace("red", '"r\ned"').replace("4,", "-,").encode(),
        "new.csv: line 4, column 'free SO2': '-' is not a finite number, so the table was not",
    ),
    **{
        f"{cell} for a number": (
            GOOD.replace("3.2", cell).encode(),
            f"new.csv: line 3, column 'pH': {cell!r} is not a finite number, so the table was not",
        )
        for cell in ("inf", "-Infinity", "nan", "1e999", "null", "True", "0x10", "1_0", "\u0663")
    },
}


@pytest.mark.parametrize(("content", "told"), FAULTS.values(), ids=[*FAULTS])
@pytest.mark.parametrize("block", [20, 2**21])
def test_a_fault_of_a_table_is_told(content, told, block, monkeypatch, capfd):
    Path("new.csv").write_bytes(content)
    monkeypatch.setattr(predict.predict_file, "__kwdefaults__", {"force": False, "block": block})
    code, printed, errors = main(monkeypatch, capfd, "predict", "2.safetensors", "new.csv")
    assert code == 1
    assert told in errors
    assert len(errors.splitlines()) == 1
    assert errors.strip().isprintable()
    assert len(errors) < 700
    assert all(line.startswith(("row,", "0,")) for line in printed.splitlines())


def test_a_column_of_true_is_no_number(monkeypatch, capfd):
    """Though pandas would take a column of nothing else for 1."""
    Path("new.csv").write_text("free SO2,colour,pH\nTrue,red,3\nTrue,red,3\n", encoding="utf-8")
    code, _, errors = main(monkeypatch, capfd, "predict", "2.safetensors", "new.csv")
    assert code == 1
    assert "line 2, column 'free SO2': 'True' is not a finite number" in errors


@pytest.mark.parametrize("what", ["a folder", "missing", "a name with a null byte"])
def test_a_table_that_is_no_file_is_told(what, monkeypatch, capfd):
    path = {"a folder": "folder", "missing": "nowhere.csv"}.get(what, "a\0b")
    Path("folder").mkdir()
    code, printed, errors = main(monkeypatch, capfd, "predict", "2.safetensors", path)
    assert (code, printed) == (1, "")
    assert NOT_READ in errors
    assert errors.strip().isprintable()


def test_a_number_that_overflows_is_told(monkeypatch, capfd):
    unsure = DenseModel(
        [np.array([[1.0, -1]]), np.ones((2, 1))],
        [np.zeros(2), np.zeros(1)],
        "identity",
        np.array([0, 1]),
    )
    raw = plain_preprocessing({"x": [1.0, 0, 1e9, 0, -3, 3]})
    model_file.write("one.safetensors", SavedModel(unsure, raw, "y", ["no", "yes"], {}))
    Path("x.csv").write_text("x\n0\n3\n-1e300\n", encoding="utf-8")
    code, printed, errors = main(monkeypatch, capfd, "predict", "one.safetensors", "x.csv")
    assert (code, printed) == (1, "row,y,p(no),p(yes)\n")
    assert errors.startswith(
        "x.csv: line 4 has a number so large that the model's sums are no longer finite, so the "
        "table was not predicted."
    )


def test_a_separator_can_be_named(models, monkeypatch, capfd):
    X = write(a_table(30), sep=":")
    code, _, errors = main(monkeypatch, capfd, "predict", "2.safetensors", "new.csv")
    assert code == 1
    assert "and the header has 1: 'id:free SO2:colour:pH'" in errors
    words = ["predict", "2.safetensors", "new.csv", "--sep"]
    code, printed, _ = main(monkeypatch, capfd, *words, ":")
    assert (code, printed) == (0, expected(models[2], X))
    for wrong in ("", ",,", "a", '"', "é"):
        code, _, errors = main(monkeypatch, capfd, *words, wrong)
        assert code == 2
        assert "separates nothing: it must be one sign such as" in errors
    write(X, sep="\t")
    assert main(monkeypatch, capfd, *words, "\\t")[:2] == (0, expected(models[2], X))


def test_texts_for_gaps_can_be_named(models, monkeypatch, capfd):
    X = write(a_table(60), na_rep="-")
    words = ["predict", "2.safetensors", "new.csv", "--na-value", "?", "--na-value", "-"]
    assert main(monkeypatch, capfd, *words)[:2] == (0, expected(models[2], X))
    write(X, na_rep="NA")  # which stands for a gap in any case
    assert main(monkeypatch, capfd, *words)[:2] == (0, expected(models[2], X))
    write(X, na_rep="n/a")
    code, _, errors = main(monkeypatch, capfd, *words)
    assert code == 1
    assert "'n/a' is not a finite number" in errors


PIECES = [
    *(
        b",",
        b";",
        b"\n",
        b"\r",
        b"\r\n",
        b'"',
        b'""',
        b"'",
        b"\0",
        b"\xe9",
        b" ",
        b"\t",
        b"\\",
        b"#",
    ),
    *(b"pH", b"colour", b"red", b"1", b"-", b"1e5", b"1e999", b"NA", b"nan", b"inf", b"True"),
    *(b"\xef\xbb\xbf", b"\xff\xfe", b"PAR1", b"\x1f\x8b", b"\x0b", b"\xe2\x80\xa8", b"9" * 400),
]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(st.integers(0, len(GOOD)), st.sampled_from(PIECES)), max_size=5))
def test_a_damaged_table_is_read_or_refused_alike_in_all_pieces(damages):
    table = GOOD.encode()
    for place, piece in damages:
        table = table[:place] + piece + table[place:]
    Path("new.csv").write_bytes(table)
    found = []
    for block in (7, text_stream.BLOCK):
        try:
            predict.predict_file("2.safetensors", "new.csv", "out.csv", force=True, block=block)
            found.append(text_of("out.csv"))
        except InputError as error:
            found.append("refused" if str(error).isprintable() else str(error))
    assert found[0] == found[1]
    assert found[0] == "refused" or found[0].startswith("row,")


# Parquet.


def test_faults_of_parquet_are_told(monkeypatch, capfd):
    X = a_table(30)
    for changed, told in (
        (X.assign(pH="sour"), "row 1, column 'pH': 'sour' is not a finite number, so the table"),
        (
            X.assign(pH=True),
            "row 1, column 'pH': 'True' is of the type bool, not a number, so the table was not "
            "predicted. Correct the cell.\n",
        ),
        (
            X.assign(pH=[1.0] * 29 + [np.inf]),
            "row 30, column 'pH': 'inf' is not a finite number, so the table was not predicted. "
            "Correct the cell.\n",
        ),
        (X.drop(columns="pH"), "new.parquet: a column is missing ('pH'), so nothing was predicted"),
        (X[:0], "new.parquet: has no row below the header. The table was not predicted."),
    ):
        changed.to_parquet("new.parquet", index=False)
        code, _, errors = main(monkeypatch, capfd, "predict", "2.safetensors", "new.parquet")
        assert code == 1
        assert told in errors
    Path("new.parquet").write_bytes(Path("new.parquet").read_bytes()[:-20])
    code, _, errors = main(monkeypatch, capfd, "predict", "2.safetensors", "new.parquet")
    assert code == 1
    assert errors.startswith("new.parquet: is not a complete Parquet file (")


@pytest.mark.parametrize(
    "levels",
    [
        pd.Series([True, False] * 20),
        pd.Series([1.5, 2.0] * 20),
        pd.Series([1.0, 2.0, None, 1.0] * 10),
        pd.Series([1, 2, None, 1] * 10, dtype="Int64"),
        pd.Series(["a", "b", "", "a"] * 10),
        pd.Series(["a", "b"] * 20, dtype="category"),
        pd.Series(pd.to_datetime(["2026-01-01", "2026-01-02"] * 20)),
    ],
    ids=lambda levels: str(levels.dtype),
)
def test_a_category_of_parquet_is_the_text_that_the_training_had(levels, tmp_path, capfd):
    frame = pd.DataFrame({"level": levels, "kind": ["x", "y"] * 20})
    frame.to_parquet("people.parquet", index=False)
    settings = Ingest.model_validate(
        {
            "files": [{"name": "people.parquet"}],
            "separator": ",",
            "target": "kind",
            "positive_label": "y",
            "columns": {"level": "category"},
            "na_values": [""],
        }
    )
    read = raw_table.read_raw(str(tmp_path), settings)
    formats = {name: column.how for name, column in read.columns.items()}
    with ModelTable("people.parquet", formats) as opened:
        ((features, _),) = opened.chunks()
    pd.testing.assert_series_equal(features["level"], read.table["level"], check_dtype=False)


def test_a_number_for_a_gap_is_one_in_parquet_too(models, monkeypatch, capfd):
    X = a_table(30)
    X["pH"] = X["pH"].fillna(-999)
    X.to_parquet("new.parquet", index=False)
    code, printed, errors = main(
        monkeypatch, capfd, "predict", "2.safetensors", "new.parquet", "--na-value", "-999"
    )
    assert (code, printed) == (0, expected(models[2], X.replace({"pH": {-999: np.nan}})))
    assert "outside" not in errors


# Models.


@pytest.mark.parametrize("words", [["predict"], ["describe"], ["export", "--onnx"]])
@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04", b"a,b\n1,2\n"])
def test_a_file_that_is_no_model_is_refused(words, content, monkeypatch, capfd):
    write(a_table(3))
    if content is not None:
        Path("no.safetensors").write_bytes(content)
    arguments = ["no.safetensors", *(["new.csv"] if words == ["predict"] else [])]
    code, printed, errors = main(monkeypatch, capfd, *words, *arguments)
    assert (code, printed) == (1, "")
    assert errors.startswith("no.safetensors is ")
    cure = "Give a model's .safetensors file, such as models/mlp/notebook.safetensors."
    if content == b"PK\x03\x04":  # an .npz file
        cure = "Train the model again with this version: `dvc repro`."
    assert errors.endswith(f", so nothing was done. {cure}\n")


# What a model is.


def test_describe_tells_what_a_model_is(models, monkeypatch, capfd):
    saved = models[2]
    raw = saved.preprocessing
    code, printed, errors = main(monkeypatch, capfd, "describe", "2.safetensors")
    assert (code, errors) == (0, "")
    lines = printed.splitlines()
    assert lines[:7] == [
        "2.safetensors is a network that predicts 'taste'.",
        "labels: 'poor', 'good'; the positive one is 'good', predicted above a probability of 0.5",
        "",
        "layers, 113 weights and biases:",
        "  8  inputs to  8  units,  relu",
        "  8  inputs to  4  units,  relu",
        "  4  inputs to  1  unit,   logistic",
    ]
    assert [line.split()[0] for line in lines[9:12]] == ["column", "'pH'", "'free"]
    assert f"{raw.minimum[0]:.6g}  " in lines[10]
    assert lines[13:15] == [
        "1 category, an input of 0 or 1 a level:",
        "  'colour': 'a \"rosé\", dry', 'red', 'white'; a gap is a level of its own",
    ]
    assert lines[16:19] == [
        "how columns are read:",
        "  an input says whether a value is missing: 'pH', 'free SO2'",
        "",
    ]
    assert [line.split() for line in lines[19:]] == [
        ["training:"],
        ["rows", "400"],
        ["epochs", "60"],
        ["loss", f"{saved.training_info['loss']:.6g}"],
    ]


def test_describe_tells_the_threshold(models):
    saved = replace(models[2], model=replace(models[2].model, threshold=0.25))
    told = describe.describe_model("a.safetensors", saved).splitlines()
    assert told[1].endswith("the positive one is 'good', predicted above a probability of 0.25")


def test_describe_tells_of_other_models():
    raw = plain_preprocessing(levels={"c": [f"level {n}" for n in range(25)]})
    only = DenseModel([np.zeros((25, 3))], [np.zeros(3)], "identity", np.arange(3))
    told = describe.describe_model(
        "a.safetensors", SavedModel(only, raw, "y", ["a", "b", "\x1b[31m"], {})
    )
    assert told.splitlines() == [
        "a.safetensors is a logistic regression (a network of one layer) that predicts 'y'.",
        "labels: 'a', 'b', '\\x1b[31m'",
        "",
        "layers, 78 weights and biases:",
        "  25  inputs to  3  units,  softmax",
        "",
        "1 category, an input of 0 or 1 a level:",
        f"  'c': {', '.join(repr(f'level {n}') for n in range(20))}, 5 more; a gap is none of them",
        "",
        "training:",
        "  nothing is known of it",
    ]


@pytest.mark.parametrize("name", ["predict", "describe", "export"])
def test_each_command_has_a_page_of_help_with_examples(name, monkeypatch, capfd):
    code, printed, _ = main(monkeypatch, capfd, name, "--help")
    assert code == 0
    assert f"\nexamples:\n  python -m winenet {name} models/" in printed


# Memory.

PEAK = """
import resource, sys
from winenet.serve import predict
predict.predict_file("2.safetensors", sys.argv[1], sys.argv[2])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ru_maxrss in kB")
def test_five_times_the_rows_take_no_more_memory():
    lines = text_after_header(a_table(20_000))
    peaks = []
    for times in (10, 50):
        with Path("new.csv").open("w", encoding="utf-8") as table:
            table.write(",".join(HEADER) + "\n")
            table.writelines([lines] * times)
        done = subprocess.run(
            [sys.executable, "-c", PEAK, "new.csv", f"{times}.csv"],
            capture_output=True,
            text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            check=True,
        )
        peaks.append(int(done.stdout))
    assert peaks[1] < peaks[0] + 16  # MB


def text_after_header(X: pd.DataFrame) -> str:
    return X.to_csv(index=False, lineterminator="\n").partition("\n")[2]
