"""What is written reads back to the same values, and the same values give the same bytes.

A file is written whole or not at all, and nothing that is not a number ever looks like one.
"""

import errno
import io
import json
import math
import os
import pickle
import re
import signal
import subprocess
import sys
import tracemalloc
import zipfile
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from committed import ROOT
from model_files import header, pack, plain_preprocessing, unpack, with_header
from safetensors import safe_open
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from winenet import files
from winenet.data import preprocessing, table_files
from winenet.data.column_format import ColumnFormat
from winenet.data.date_format import DateFormat
from winenet.data.number_format import NumberFormat
from winenet.data.preprocessing import Preprocessing
from winenet.files import FileError
from winenet.models import model_file, saved
from winenet.models.saved import DenseModel, SavedModel


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def text_of(path: str) -> str:
    return Path(path).read_bytes().decode()


# Exact tables.


def floats_of_every_kind() -> np.ndarray:
    """Return 50,000 finite float64 of random bits, 10,000 subnormals, shares, and the edges."""
    rng = np.random.default_rng(20241)
    of_random_bits = rng.integers(0, 2**64, 50_000, dtype=np.uint64).view(np.float64)
    subnormals = rng.integers(1, 2**52, 10_000, dtype=np.uint64).view(np.float64)
    edges = [0.0, -0.0, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 0.1, 1 / 3]
    values = np.concatenate([of_random_bits, subnormals, rng.random(50_000), edges])
    return values[np.isfinite(values)]


def test_an_exact_table_comes_back_bit_for_bit():
    values = floats_of_every_kind()
    assert len(values) > 100_000
    files.write_lossless("data/exact.csv", pd.DataFrame({"value": values}))
    back = files.read_table("data/exact.csv")["value"].to_numpy()
    assert back.dtype == np.float64
    assert back.tobytes() == values.tobytes()


def test_an_exact_table_is_written_so():
    table = pd.DataFrame(
        {"pH": [3.2, 0.1 + 0.2, -0.0], "quality": [5, 6, 7], "set": ["a", "b,c", "é"]}
    )
    files.write_lossless("exact.csv", table)
    assert text_of("exact.csv") == (
        'pH,quality,set\n3.2,5,a\n0.30000000000000004,6,"b,c"\n-0.0,7,é\n'
    )


# Results.

ROUNDED = [
    ("accuracy", 0.9823076923076923, "0.982308"),
    ("accuracy", 0.0000004, "0.0"),
    ("accuracy", -0.0000004, "0.0"),
    ("accuracy", -0.0, "0.0"),
    ("accuracy", 0.00012345678, "0.000123"),
    ("accuracy", 1.0, "1.0"),
    ("weight", -123456.7891234, "-123456.789123"),
    ("loss", 0.0109584321, "0.010958"),
    ("loss", 0.001, "0.001"),
    ("loss", 0.00099949999999, "0.0009995"),
    ("loss", 0.00012345678, "0.000123457"),
    ("loss", -0.00012345678, "-0.000123457"),
    ("loss", 0.0, "0.0"),
    ("loss", -0.0, "0.0"),
    ("log_loss", 1.23456789e-9, "1.23457e-09"),
    ("held_out_loss", 0.00098765432, "0.000987654"),
    ("gradient_W1", -9.87654321e-17, "-9.87654e-17"),
    ("best_learning_rate_init", 3.16227766e-7, "3.16228e-07"),
    ("best_learning_rate_init", 0.0001, "0.0001"),
    ("best_learning_rate_init", 0.01, "0.01"),
    ("p_value", 4.9406564584124654e-324, "5e-324"),
    ("p_value", 1.5e-100, "1.5e-100"),
    ("p_value", 0.0312499999, "0.03125"),
]


@pytest.mark.parametrize(("name", "value", "expected"), ROUNDED)
def test_a_result_is_rounded(name: str, value: float, expected: str):
    assert repr(files.rounded(name, value)) == expected


def test_a_table_of_results_is_written_so():
    table = pd.DataFrame(
        {
            "epoch": [1, 2, 3],
            "loss": [0.69314718056, 0.00012345678, 1e-9],
            "accuracy": [0.5, 0.99999951, -0.0],
            "network": ["a", "b", "c"],
        },
        index=[7, 7, 7],
    )
    files.write_rounded("plots/results.csv", table)
    assert text_of("plots/results.csv") == (
        "epoch,loss,accuracy,network\n1,0.693147,0.5,a\n2,0.000123457,1.0,b\n3,1e-09,0.0,c\n"
    )


def test_metrics_are_written_so():
    metrics = {
        "loss": np.float64(1.23456789e-5),
        "accuracy": 2 / 3,
        "classes": {1: np.int64(1599), 0: np.int64(4898)},
        "sizes": (100, 50),
        "weights": np.array([[0.1234567, -0.0]]),
        "name": "é",
        "reached": np.True_,
        "nothing": None,
    }
    files.write_metrics("metrics/some.json", metrics)
    assert text_of("metrics/some.json") == (
        "{\n"
        '  "accuracy": 0.666667,\n'
        '  "classes": {\n'
        '    "0": 4898,\n'
        '    "1": 1599\n'
        "  },\n"
        '  "loss": 1.23457e-05,\n'
        '  "name": "é",\n'
        '  "nothing": null,\n'
        '  "reached": true,\n'
        '  "sizes": [\n    100,\n    50\n  ],\n'
        '  "weights": [\n    [\n      0.123457,\n      0.0\n    ]\n  ]\n'
        "}\n"
    )
    assert files.read_metrics("metrics/some.json") == json.loads(text_of("metrics/some.json"))


def test_the_order_of_keys_does_not_show():
    files.write_metrics("one.json", {"a": 1, "b": {"c": 2, "d": 3}})
    files.write_metrics("two.json", {"b": {"d": 3, "c": 2}, "a": 1})
    assert text_of("one.json") == text_of("two.json")


def test_text_has_unix_line_ends():
    files.write_text("report/page.md", "über\nLinie\n")
    assert Path("report/page.md").read_bytes() == "über\nLinie\n".encode()


# What is not a finite number.


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("write", [files.write_lossless, files.write_rounded])
def test_a_table_with_a_value_that_is_not_finite_is_refused(write, value):
    Path("table.csv").write_text("old", encoding="utf-8")
    with pytest.raises(FileError) as caught:
        write("table.csv", pd.DataFrame({"epoch": [1, 2], "loss": [0.5, value]}))
    assert str(caught.value) == (
        f"table.csv: loss in row 1 came out as {value}, so nothing was written. A result must be a "
        "finite number: the training diverged, or a raw value is far out of range. "
        "Look at the learning rates in params.yaml first."
    )
    assert text_of("table.csv") == "old"


@pytest.mark.parametrize(
    "value", [math.nan, np.float64("inf"), [0.5, -math.inf], np.array([math.nan])]
)
def test_a_metric_that_is_not_finite_is_refused(value):
    with pytest.raises(
        FileError, match=r"^metrics/some\.json: log_loss came out as (nan|-?inf), so "
    ):
        files.write_metrics("metrics/some.json", {"mlp": {"log_loss": value}})
    assert not Path("metrics").exists()


# Models.


def a_model() -> SavedModel:
    """Two numbers, one with gaps, and a category of two levels; three hidden units, two classes."""
    rng = np.random.default_rng(1)
    model = DenseModel(
        [rng.random((5, 3)), rng.random((3, 1))],
        [rng.random(3), rng.random(1)],
        "relu",
        np.array([0, 1]),
    )
    raw = plain_preprocessing(
        {"pH": [3.2, 0, 0.5, -1.5, 2.74, 4.01], "alcohol": [10.3, 0, 0.25, -2.0, 8.0, 14.2]},
        {"cork": ["natural", "screw cap"]},
        na_values=("?", "-9"),
        indicators=("alcohol",),
    )
    return SavedModel(model, raw, "Class", ["white", "red"], {"rows": 5197.0, "loss": 0.015})


NO_NUMBERS: dict[str, object] = {name: np.zeros(0) for name in preprocessing.SCALING} | {
    "numbers": [],
    "indicators": [],
    "formats": [],
}
NO_CATEGORIES: dict[str, object] = {"categories": [], "levels": []}


def test_a_model_file_is_what_safetensors_reads():
    saved = a_model()
    model_file.write("models/some.safetensors", saved)
    with safe_open("models/some.safetensors", framework="numpy") as stored:
        tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
        assert list(stored.metadata()) == ["winenet"]
        about = json.loads(stored.metadata()["winenet"])
    assert {name: tensor.tolist() for name, tensor in tensors.items()} == {
        "coefs_0": saved.model.weights[0].tolist(),
        "intercepts_0": saved.model.biases[0].tolist(),
        "coefs_1": saved.model.weights[1].tolist(),
        "intercepts_1": saved.model.biases[1].tolist(),
        "fill": [3.2, 10.3],
        "centre": [0, 0],
        "factor": [0.5, 0.25],
        "offset": [-1.5, -2.0],
        "minimum": [2.74, 8.0],
        "maximum": [4.01, 14.2],
    }
    assert {tensor.dtype for tensor in tensors.values()} == {np.dtype(np.float64)}
    assert list(about) == sorted(about)
    assert re.fullmatch("[0-9a-f]{64}", about.pop("sha256"))
    assert about == {
        "format": "winenet model 4",
        "activation": "relu",
        "classes": [0, 1],
        "labels": ["white", "red"],
        "target": "Class",
        "numbers": ["pH", "alcohol"],
        "categories": ["cork"],
        "levels": [["natural", "screw cap"]],
        "indicators": ["alcohol"],
        "formats": [
            {"name": "pH", "type": "number", "na_values": ["?", "-9"]},
            {"name": "alcohol", "type": "number", "na_values": ["?", "-9"]},
            {"name": "cork", "type": "category", "na_values": ["?", "-9"]},
        ],
        "fact_names": ["rows", "loss"],
        "fact_values": [5197.0, 0.015],
    }


def test_the_same_model_gives_the_same_bytes():
    saved = a_model()
    transposed = [np.asfortranarray(weights) for weights in saved.model.weights]
    transposed_twice = replace(saved, model=replace(saved.model, weights=transposed))
    assert not transposed_twice.model.weights[0].flags.c_contiguous
    for number, what in enumerate((saved, saved, transposed_twice)):
        model_file.write(f"{number}.safetensors", what)
    first, second, third = (Path(f"{number}.safetensors").read_bytes() for number in range(3))
    assert first == second == third


def test_the_same_model_gives_the_same_bytes_in_each_process():
    """The order of several metadata keys would differ: each map in Rust has a seed of its own."""
    model_file.write("here.safetensors", a_model())
    script = "import test_files\nfrom winenet.models import model_file\n"
    script += "model_file.write('there.safetensors', test_files.a_model())\n"
    folders = os.pathsep.join(str(ROOT / name) for name in ("", "tests"))
    for seed in ("0", "1", "2", "3"):
        environment = os.environ | {"PYTHONPATH": folders, "PYTHONHASHSEED": seed, "TZ": f"X{seed}"}
        subprocess.run([sys.executable, "-c", script], env=environment, check=True)
        assert Path("there.safetensors").read_bytes() == Path("here.safetensors").read_bytes()


def test_a_network_of_float32_is_written_as_float64():
    saved = a_model()
    narrow = [weights.astype(np.float32) for weights in saved.model.weights]
    model_file.write("some.safetensors", replace(saved, model=replace(saved.model, weights=narrow)))
    back = model_file.read("some.safetensors").model.weights
    assert [W.dtype for W in back] == [np.float64, np.float64]
    assert all((W == N).all() for W, N in zip(back, narrow, strict=True))


def with_numbers_only(model: DenseModel) -> SavedModel:
    """Return a model of two numbers, in a file's form."""
    raw = plain_preprocessing(
        {"pH": [3.2, 0, 0.5, -1.5, 2.74, 4.01], "alcohol": [10.3, 0, 0.25, -2.0, 8.0, 14.2]}
    )
    return replace(a_model(), model=model, preprocessing=raw)


def rows_and_labels() -> tuple[pd.DataFrame, pd.Series]:
    rng = np.random.default_rng(5)
    X = pd.DataFrame(rng.random((60, 2)), columns=["pH", "alcohol"])
    return X, (X["pH"] > X["alcohol"]).astype(int)


@pytest.mark.parametrize("hidden", [None, (4,), (4, 3)], ids=["logistic", "one", "two"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_model_file_is_enough_to_predict(hidden):
    """A logistic regression is a network without hidden layer, so one recipe serves both."""
    X, y = rows_and_labels()
    if hidden is None:
        fitted = LogisticRegression(solver="liblinear").fit(X, y)
        written = saved.from_logistic(fitted)
    else:
        fitted = MLPClassifier(hidden, max_iter=5, random_state=0).fit(X, y)
        written = saved.from_mlp(fitted)
    model_file.write("some.safetensors", with_numbers_only(written))

    stored = unpack(Path("some.safetensors").read_bytes())
    layers = sum(name.startswith("coefs_") for name in stored)
    values = X.to_numpy()
    for layer in range(layers):
        values = values @ stored[f"coefs_{layer}"] + stored[f"intercepts_{layer}"]
        if layer < layers - 1:
            assert stored["activation"] == "relu"
            values = np.maximum(values, 0)
    assert layers == 1 + len(hidden or ())
    probability = 1 / (1 + np.exp(-values[:, 0]))
    assert probability == pytest.approx(fitted.predict_proba(X)[:, 1], abs=1e-15)


@pytest.mark.parametrize("hidden", [None, (4,), (4, 3)], ids=["logistic", "one", "two"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_model_that_was_written_reads_back_bit_for_bit(hidden):
    if hidden is None:
        written = saved.from_logistic(
            LogisticRegression(solver="liblinear").fit(*rows_and_labels())
        )
    else:
        fitted = MLPClassifier(hidden, activation="tanh", max_iter=5, random_state=0)
        written = saved.from_mlp(fitted.fit(*rows_and_labels()))
    model_file.write("models/some.safetensors", with_numbers_only(written))
    back = model_file.read("models/some.safetensors")
    assert_same(back, with_numbers_only(written))
    assert len(back.model.weights) == 1 + len(hidden or ())
    assert back.model.activation == ("identity" if hidden is None else "tanh")
    model_file.write("models/again.safetensors", back)
    assert (
        Path("models/again.safetensors").read_bytes()
        == Path("models/some.safetensors").read_bytes()
    )


def assert_same(back: SavedModel, written: SavedModel) -> None:
    """Assert that all of a model came back: arrays bit for bit, texts, lists, their order."""
    for ours, theirs in zip(
        (*back.model.weights, *back.model.biases),
        (*written.model.weights, *written.model.biases),
        strict=True,
    ):
        assert (ours.dtype, ours.shape) == (np.float64, theirs.shape)
        np.testing.assert_array_equal(ours, theirs)
    assert (back.model.classes.dtype, list(back.model.classes)) == (
        np.int64,
        list(written.model.classes),
    )
    for field in fields(Preprocessing):
        ours, theirs = (getattr(one.preprocessing, field.name) for one in (back, written))
        if field.name in preprocessing.SCALING:
            assert (ours.dtype, ours.tobytes()) == (np.float64, theirs.tobytes())
        else:
            assert ours == theirs
    assert (back.target, back.labels) == (written.target, written.labels)
    assert list(back.training_info.items()) == list(written.training_info.items())


A_LONG_TEXT = "x" * 300
KINDS = {
    "numbers and categories": a_model(),
    "only numbers": with_numbers_only(
        DenseModel([np.ones((2, 1))], [np.ones(1)], "identity", np.array([0, 1]))
    ),
    "only categories, three classes, no facts": SavedModel(
        DenseModel(
            [np.arange(15.0).reshape(5, 3)], [np.arange(3.0)], "identity", np.array([0, 1, 2])
        ),
        plain_preprocessing(
            levels={"a": ["", " "], "b=1": ["1"], 'ç, "d"': ["é", A_LONG_TEXT]},
            na_values=("", "NA", "é\n"),
        ),
        target="ü",
        labels=["", "a,b", "\n"],
        training_info={},
    ),
    "columns of every format": replace(
        a_model(),
        model=DenseModel([np.ones((4, 1))], [np.ones(1)], "identity", np.array([0, 1])),
        preprocessing=replace(
            plain_preprocessing({name: [0.0] * 6 for name in ("when year", "when days", "price")}),
            indicators=["price"],
            formats={
                "when": ColumnFormat(
                    "date", ("?",), date=DateFormat("%d.%m.%y", ("year", "days"), "1999-12-31")
                ),
                "price": ColumnFormat(
                    "number", (), NumberFormat(",", ".", "€#M", parentheses=True, limits=True)
                ),
            },
        ),
    ),
    "a threshold": replace(a_model(), model=replace(a_model().model, threshold=0.1 + 0.2)),
    "classes that are no row": replace(
        a_model(), model=replace(a_model().model, classes=np.array([-3, 2**40]))
    ),
}


@pytest.mark.parametrize("saved", KINDS.values(), ids=[*KINDS])
def test_every_kind_of_model_comes_back(saved: SavedModel):
    model_file.write("some.safetensors", saved)
    assert_same(model_file.read("some.safetensors"), saved)


# Whole or not at all.

FAILURES = {
    "a full disk": (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), FileError),
    "an interruption": (KeyboardInterrupt(), KeyboardInterrupt),
}


@pytest.mark.parametrize(("failure", "raised"), FAILURES.values(), ids=[*FAILURES])
@pytest.mark.parametrize("old", [None, "the last good one"])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(monkeypatch, failure, raised, old):
    if old is not None:
        Path("some.json").write_text(old, encoding="utf-8")
    before = sorted(path.name for path in Path().iterdir())

    def fail(_: int) -> None:
        raise failure

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(raised):
        files.write_metrics("some.json", {"accuracy": 1.0})
    assert sorted(path.name for path in Path().iterdir()) == before
    if old is not None:
        assert text_of("some.json") == old


def test_a_reader_never_sees_half_a_file(monkeypatch):
    """Until the bytes are on the disk the name belongs to the old content."""
    Path("some.json").write_text("old", encoding="utf-8")
    seen, fsync = [], os.fsync

    def look(descriptor: int) -> None:
        seen.append(text_of("some.json"))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", look)
    files.write_metrics("some.json", {"accuracy": 1.0})
    new = '{\n  "accuracy": 1.0\n}\n'
    assert seen == (["old"] if os.name == "nt" else ["old", new])  # the second is of the folder
    assert text_of("some.json") == '{\n  "accuracy": 1.0\n}\n'
    assert [path.name for path in Path().iterdir()] == ["some.json"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_what_a_killed_write_leaves_goes_with_the_next_one():
    """The name keeps the old content; the part beside it can be removed by no dead process."""
    Path("some.json").write_text("old", encoding="utf-8")
    killed = (
        "import os, signal\nfrom winenet import files\n"
        "os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)\n"
        "files.write_metrics('some.json', {'accuracy': 0.5})\n"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    ended = subprocess.run([sys.executable, "-c", killed], env=environment, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert text_of("some.json") == "old"
    assert len(list(Path().iterdir())) == 2
    files.write_metrics("some.json", {"accuracy": 1.0})
    assert [path.name for path in Path().iterdir()] == ["some.json"]


# Reading what is not there.

AGAIN = "), so no stage can work with it. `dvc repro` makes it again."


@pytest.mark.parametrize(
    "read", [files.read_table, files.read_metrics, table_files.read_preprocessing, model_file.read]
)
def test_a_missing_file_is_told(read):
    with pytest.raises(FileError) as caught:
        read("data/nowhere.csv")
    assert str(caught.value) == (
        "data/nowhere.csv is missing, so this stage has nothing to work on. "
        "`dvc repro` makes it again."
    )


@pytest.mark.parametrize("content", [b"", b"\n", b"a,b\n1,2\n1,2,3\n", b"a\n\xe9\n"])
def test_a_file_that_is_no_table_is_told(content):
    Path("some.csv").write_bytes(content)
    with pytest.raises(
        FileError, match=rf"^some\.csv is not a valid table \(.*{re.escape(AGAIN)}$"
    ):
        files.read_table("some.csv")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[]", b'{"a": NaN}', b"[" * 99999])
def test_a_file_that_is_no_json_is_told(content):
    Path("some.json").write_bytes(content)
    with pytest.raises(
        FileError, match=rf"^some\.json is not a valid JSON file \(.*{re.escape(AGAIN)}$"
    ):
        files.read_metrics("some.json")


def a_pickle() -> bytes:
    return pickle.dumps(a_model().model.weights[0])


def a_truncated_model() -> bytes:
    return a_model_s_bytes()[:-100]


def a_model_s_bytes() -> bytes:
    model_file.write("whole.safetensors", a_model())
    return Path("whole.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (lambda: b"", "header too small"),
        (lambda: b"this is no model", "header too large"),
        (a_pickle, "header too large"),
        (a_truncated_model, "incomplete metadata, file not fully covered"),
        (lambda: a_model_s_bytes() + b"\0", "incomplete metadata, file not fully covered"),
    ],
    ids=["empty", "text", "pickle", "truncated", "too long"],
)
def test_a_file_that_is_not_safetensors_is_told(content, why):
    Path("some.safetensors").write_bytes(content())
    with pytest.raises(FileError) as caught:
        model_file.read("some.safetensors")
    assert str(caught.value) == (
        "some.safetensors is not a valid winenet model (it is not a valid .safetensors file: "
        f"{why}{AGAIN}"
    )


OLD_FORMATS = {
    "npz": "an earlier version of winenet wrote it, as .npz",
    "format 2": "its format is 'winenet model 2', not 'winenet model 4': another version of "
    "winenet wrote it",
}


@pytest.mark.parametrize("kind", OLD_FORMATS)
def test_a_model_of_another_version_is_told_with_the_way_to_a_new_one(kind):
    if kind == "npz":
        with Path("some.safetensors").open("wb") as stream:
            np.savez(stream, format="winenet model 2", coefs_0=np.ones((4, 1)))
    else:
        save_model("some.safetensors", {"format": "winenet model 2"})
    start = f"some.safetensors is not a valid winenet model ({OLD_FORMATS[kind]}"
    with pytest.raises(FileError) as caught:
        model_file.read("some.safetensors")
    assert str(caught.value) == f"{start}{AGAIN}"
    with pytest.raises(FileError) as caught:
        model_file.read("some.safetensors", by_stage=False)
    assert str(caught.value) == (
        f"{start}), so nothing was done. Train the model again with this version: `dvc repro`."
    )


@pytest.mark.parametrize("part", ["a weight", "a label"])
def test_a_model_whose_bytes_were_changed_is_told(part):
    content = a_model_s_bytes()
    weights = a_model().model.weights[0].tobytes()
    old, new = {"a weight": (weights, bytes(len(weights))), "a label": (b"white", b"whine")}[part]
    assert content.count(old) == 1
    Path("some.safetensors").write_bytes(content.replace(old, new))
    with pytest.raises(FileError) as caught:
        model_file.read("some.safetensors")
    assert str(caught.value) == (
        "some.safetensors is not a valid winenet model (its content does not match its sha256: it "
        f"was changed or damaged{AGAIN}"
    )


MODEL = {
    "coefs_0": np.ones((4, 1)),
    "intercepts_0": np.ones(1),
    **dict.fromkeys(preprocessing.SCALING, np.zeros(2)),
    "format": model_file.MODEL_FORMAT,
    "activation": "relu",
    "classes": [0, 1],
    "labels": ["white", "red"],
    "target": "Class",
    "numbers": ["pH", "alcohol"],
    "categories": ["cork"],
    "levels": [["natural", "screw cap"]],
    "indicators": [],
    "formats": [
        {"name": "pH", "type": "number"},
        {"name": "cork", "type": "category", "na_values": ["?"]},
        {"name": "alcohol", "type": "number", "number": {"decimal": ","}},
    ],
    "fact_names": ["rows", "loss"],
    "fact_values": [5197.0, 0.5],
}
THREE = {"classes": [0, 1, 2], "labels": ["a", "b", "c"]}
NOT_THERE = ", which is not what winenet writes there"
PH, CORK, ALCOHOL = MODEL["formats"]
A_DATE = {"pattern": "%Y", "parts": ["year"], "origin": "2000-01-01"}
OTHERS = "its formats are not those of its numbers and categories"


def a_column(**how: object) -> list[dict[str, object]]:
    """Return the model's columns, one of them read in another way."""
    return [PH, CORK, {"name": "alcohol", "type": "number", **how}]


def a_date(**changed: object) -> list[dict[str, object]]:
    return a_column(type="date", date=A_DATE | changed)


NO_FORMATS = [
    ([PH, CORK], OTHERS),
    ([PH, CORK, ALCOHOL | {"name": "sugar"}], OTHERS),
    (
        [PH, CORK, ALCOHOL | {"type": "category"}],
        "it has a column with {'number': {'decimal': ','},",
    ),
    ([PH, CORK, ALCOHOL, PH], "it has the column 'pH' twice, or it is no text"),
    ([PH, CORK, ALCOHOL | {"name": 3}], "it has the column 3 twice, or it is no text"),
    ([PH, CORK, {"type": "number"}], "it has a column without 'name'"),
    ([PH, CORK, {"name": "alcohol"}], "it has a column without 'type'"),
    (a_column(type="text"), "it has a column with {'type': 'text'}"),
    (a_column(type=["number"]), "it has a column with {'type': ['number']}"),
    (a_column(decimal=","), "it has a column with {'decimal': ',', 'type': 'number'}"),
    (a_column(na_values="?"), "it has a column without a valid format (it has the na_values '?')"),
    (
        a_column(na_values=[-9]),
        "it has a column without a valid format (it has the na_values [-9])",
    ),
    (a_column(number=","), "it has a column without a valid format ("),
    (a_column(number={"comma": True}), "it has a column without a valid format ("),
    *(
        (a_column(number={name: value}), "it has the number format {")
        for name, value in (
            *(("decimal", ";"), ("decimal", None), ("thousands", "x"), ("thousands", ["."])),
            *(("unit", 5), ("parentheses", 1), ("limits", "yes")),
        )
    ),
    (a_column(date=A_DATE), "it has a column with {'date': {"),
    (a_column(type="date"), "it has a column with {'type': 'date'}"),
    (a_column(type="date", date=["%Y"]), "it has a column without a valid format ("),
    (a_column(type="date", date={"pattern": "%Y"}), "it has a column without 'parts'"),
    (a_date(), OTHERS),
    (a_date(pattern=5), "it has a column without a valid format (it has the date {"),
    (a_date(pattern="%Q"), "'Q' is a bad directive in format '%Q'"),
    (a_date(pattern="%d.%d"), "'%d.%d' is no pattern (redefinition of group name 'd'"),
    (a_date(parts="year"), "a date has no part 'y'"),
    (a_date(parts=[]), "it has a column without a valid format (it has the date {"),
    (a_date(parts=["century"]), "a date has no part 'century'"),
    (a_date(parts=["year", "year"]), "a date has a part twice: ['year', 'year']"),
    (a_date(origin="2000-13-01"), "month must be in 1..12"),
    (a_date(origin=None), "it has a column without a valid format ("),
]
NO_MODEL = [
    *(({name: None}, f"{name} is missing") for name in MODEL),
    ({"coefs_1": np.ones((1, 1))}, "intercepts_1 is missing"),
    ({"intercepts_1": np.ones(1)}, "it has 'intercepts_1', which no winenet model has"),
    ({"coefs_2": np.ones((1, 1))}, "coefs_1 is missing"),
    ({"surplus": np.ones(1)}, "it has 'surplus', which no winenet model has"),
    ({"features": ["pH"]}, "it has 'features', which no winenet model has"),
    ({"format": 3}, f"format is 3{NOT_THERE}"),
    ({"classes": [0, "red"]}, f"classes is [0, 'red']{NOT_THERE}"),
    ({"classes": [0, True]}, f"classes is [0, True]{NOT_THERE}"),
    ({"classes": [0, 1.0]}, f"classes is [0, 1.0]{NOT_THERE}"),
    ({"classes": [0]}, "its classes are [0]; there must be at least two, in order"),
    ({"classes": [1, 0]}, "its classes are [1, 0]; there must be at least two, in order"),
    ({"classes": [1, 1]}, "its classes are [1, 1]; there must be at least two, in order"),
    ({"classes": [0, 1, 2]}, "it has 3 classes, but 2 labels"),
    (THREE, "its last layer has 1 units; 3 classes have 3"),
    ({"labels": ["red", "red"]}, "it has the label 'red' twice"),
    ({"threshold": 1.0}, "its threshold is 1.0 with 2 classes; only two have one, between 0 and 1"),
    ({"threshold": 0.0}, "its threshold is 0.0 with 2 classes; only two have one, between 0 and 1"),
    ({"threshold": "f1"}, f"threshold is 'f1'{NOT_THERE}"),
    (
        THREE | {"coefs_0": np.ones((4, 3)), "intercepts_0": np.ones(3), "threshold": 0.3},
        "its threshold is 0.3 with 3 classes; only two have one, between 0 and 1",
    ),
    ({"labels": [0, 1]}, f"labels is [0, 1]{NOT_THERE}"),
    ({"labels": "red"}, f"labels is 'red'{NOT_THERE}"),
    ({"target": ["Class"]}, f"target is ['Class']{NOT_THERE}"),
    ({"coefs_0": np.ones((4, 1), np.float32)}, "'coefs_0' has the type F32; winenet writes F64"),
    ({"coefs_0": np.ones((4, 1), np.int64)}, "'coefs_0' has the type I64; winenet writes F64"),
    ({"coefs_0": np.ones(4)}, "coefs_0 has the shape (4,); it needs 2 dimensions"),
    (
        {"coefs_0": np.ones((3, 1))},
        "coefs_0 has the shape (3, 1), but 4 inputs and 1 intercepts",
    ),
    (
        {"coefs_0": np.ones((4, 0)), "intercepts_0": np.ones(0)},
        "coefs_0 has the shape (4, 0), but 4 inputs and 0 intercepts",
    ),
    (
        {"coefs_0": np.ones((4, 3)), "intercepts_0": np.ones(3)},
        "its last layer has 3 units; 2 classes have 1",
    ),
    ({"coefs_0": np.array([[1], [2], [3], [math.nan]])}, "coefs_0 holds nan; a weight is finite"),
    ({"intercepts_0": np.array([-math.inf])}, "intercepts_0 holds -inf; a weight is finite"),
    (
        {"activation": "softmax"},
        "its activation is 'softmax'; it must be one of identity, logistic, tanh, relu",
    ),
    *(
        ({name: np.zeros(3)}, f"it has 2 numeric columns, but {name} of 3")
        for name in preprocessing.SCALING
    ),
    ({"factor": np.array([1, math.inf])}, "factor holds inf; a weight is finite"),
    ({"factor": [1.0, 2.0]}, "it has 'factor', which no winenet model has"),
    ({"minimum": np.array([0.0, 1])}, "the minimum of 'alcohol' is 1.0, its maximum 0.0"),
    ({"numbers": ["pH", "pH"]}, "it has the column 'pH' twice"),
    ({"numbers": ["pH", "cork"]}, "it has the column 'cork' twice"),
    (
        {"categories": ["cork", "colour"]},
        "it has 2 categories, but levels of 1",
    ),
    ({"levels": [[]]}, "its category 'cork' has no level"),
    ({"levels": ["natural"]}, f"levels is ['natural']{NOT_THERE}"),
    ({"levels": [["natural", "natural"]]}, "it has the level 'natural' twice"),
    ({"indicators": ["cork"]}, "'cork' has an indicator, but is not a number of it"),
    ({"indicators": ["pH", "pH"]}, "it has the indicator 'pH' twice"),
    ({"indicators": ["pH"]}, "coefs_0 has the shape (4, 1), but 5 inputs and 1 intercepts"),
    ({"formats": {}}, f"formats is {{}}{NOT_THERE}"),
    ({"formats": ["pH"]}, f"formats is ['pH']{NOT_THERE}"),
    (
        {**NO_NUMBERS, **NO_CATEGORIES},
        "coefs_0 has the shape (4, 1), but 0 inputs and 1 intercepts",
    ),
    ({"fact_values": [1.0, 2.0, 3.0]}, "it has 2 names of facts, but 3 values"),
    ({"fact_names": ["rows", "rows"]}, "it has the fact 'rows' twice"),
    ({"fact_values": [1.0, math.nan]}, f"fact_values is [1.0, nan]{NOT_THERE}"),
    ({"fact_values": [1.0, math.inf]}, f"fact_values is [1.0, inf]{NOT_THERE}"),
    ({"fact_values": [1.0, "much"]}, f"fact_values is [1.0, 'much']{NOT_THERE}"),
]


def save_model(path: str, changes: dict[str, object]) -> None:
    """Write a model by safetensors, some of its content changed, or left out when None."""
    Path(path).write_bytes(pack(MODEL | changes))


def test_the_content_that_is_changed_below_is_a_model():
    save_model("some.safetensors", {"coefs_0": np.array([[1.0], [2.0], [3.0], [4.0]])})
    assert model_file.read("some.safetensors").model.weights[0].tolist() == [[1], [2], [3], [4]]
    first = np.array([[1.0, 2], [3, 4], [5, 6], [7, 8]])
    layers = {"coefs_0": first, "intercepts_0": np.ones(2)}
    layers |= {"coefs_1": np.ones((2, 1)), "intercepts_1": np.ones(1)}
    save_model("some.safetensors", layers)
    assert model_file.read("some.safetensors").model.weights[0].tolist() == first.tolist()
    save_model("some.safetensors", THREE | {"coefs_0": np.ones((4, 3)), "intercepts_0": np.ones(3)})
    assert model_file.read("some.safetensors").labels == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("changes", "why"),
    NO_MODEL,
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_safetensors_file_that_is_no_model_is_told(changes, why):
    save_model("some.safetensors", changes)
    with pytest.raises(FileError) as caught:
        model_file.read("some.safetensors")
    start = f"some.safetensors is not a valid winenet model ({why}"
    start += " (float64)" if why.endswith("F64") else ""
    assert str(caught.value) == f"{start}{AGAIN}"
    with pytest.raises(FileError) as caught:
        model_file.read("some.safetensors", by_stage=False)
    assert str(caught.value) == (
        f"{start}), so nothing was done. Give a model's .safetensors file, such as "
        "models/mlp/notebook.safetensors."
    )


@pytest.mark.parametrize(("formats", "why"), NO_FORMATS)
def test_a_format_that_none_can_have_is_told(formats, why):
    save_model("some.safetensors", {"formats": formats})
    with pytest.raises(FileError) as caught:
        model_file.read("some.safetensors")
    message = str(caught.value)
    assert message.startswith(f"some.safetensors is not a valid winenet model ({why}")
    assert message.endswith(AGAIN)
    assert message.isprintable()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
def test_a_pipe_is_no_model():
    os.mkfifo("some.safetensors")
    with pytest.raises(FileError, match=r"\(it is a device or a pipe, not a file\)"):
        model_file.read("some.safetensors")


def test_the_split_s_tables_are_read_by_name():
    files.write_lossless(
        "rows.csv",
        pd.DataFrame(
            {
                "set": ["train", "test", "test"],
                "row": [4, 9, 2],
                "group": [4, 4, 2],
                "in_training": [True, True, False],
            }
        ),
    )
    files.write_lossless("y.csv", pd.DataFrame({"Class": [1, 0]}))
    labels = table_files.read_labels("y.csv")
    assert table_files.read_split_rows("rows.csv", "test").to_dict("list") == {
        "row": [9, 2],
        "group": [4, 2],
        "in_training": [True, False],
    }
    assert (labels.name, list(labels)) == ("Class", [1, 0])


def test_a_preprocessing_comes_back_and_a_damaged_one_is_told():
    table_files.write_preprocessing("raw.json", a_model().preprocessing)
    back = table_files.read_preprocessing("raw.json")
    assert_same(replace(a_model(), preprocessing=back), a_model())
    content = json.loads(text_of("raw.json"))
    for name in content:
        damaged = {key: value for key, value in content.items() if key != name}
        Path("raw.json").write_text(json.dumps(damaged), encoding="utf-8")
        with pytest.raises(FileError, match=rf"^raw\.json is not a valid preprocessing.*'{name}'"):
            table_files.read_preprocessing("raw.json")


def a_sparse_file(path: str) -> None:
    with Path(path).open("wb") as stream:
        stream.truncate(model_file.MAX_MODEL_BYTES + 1)


def refusal(content: bytes) -> str:
    """Return why the reader refuses a file."""
    Path("some.safetensors").write_bytes(content)
    with pytest.raises(FileError) as caught:
        model_file.read("some.safetensors")
    start, _, why = str(caught.value).partition(" is not a valid winenet model (")
    assert start == "some.safetensors"
    assert why.endswith(AGAIN)
    return why.removesuffix(AGAIN)


def with_metadata(text: str) -> bytes:
    """Return a model whose metadata are this text."""
    content = header(pack(MODEL)) | {"__metadata__": {"winenet": text}}
    return with_header(pack(MODEL), json.dumps(content).encode())


def test_another_program_s_metadata_are_told():
    for metadata, keys in (({}, "[]"), ({"format": "pt"}, "['format']")):
        content = header(pack(MODEL)) | {"__metadata__": metadata}
        assert refusal(with_header(pack(MODEL), json.dumps(content).encode())) == (
            f"its metadata keys are {keys}, not ['winenet']: another program wrote it"
        )
    assert refusal(pack(MODEL, format="np")).startswith(
        "its metadata keys are ['format', 'winenet']"
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ("[1]", "its metadata are [1], not names with values"),
        ("[" * 99_999, "maximum recursion depth exceeded"),
        ('{"classes": ' + "9" * 5000 + "}", "Exceeds the limit (4300 digits) for integer string"),
        ('{"format": "\\ud800"}', r"its format is '\ud800', not 'winenet model 4': another ver"),
    ],
    ids=["half", "list", "deep", "digits", "surrogate"],
)
def test_metadata_that_are_not_json_of_names_are_told(text, why):
    assert refusal(with_metadata(text)).startswith(why)


def test_metadata_in_another_spelling_are_told():
    """A label twice, whose last one counts, or a text that no screen can print."""
    text = header(pack(MODEL))["__metadata__"]["winenet"]
    not_ours = "its metadata are not written as winenet writes them"
    spellings = [
        text.replace('"target": "Class"', '"target": "x", "target": "Class"'),
        text.replace('"Class"', r'"\ud800"'),
        text.replace('"Class"', r'"\u0043lass"'),
        text.replace('"classes": [0, 1]', '"classes": [0,1]'),
        f" {text}",
    ]
    for spelling in spellings:
        assert spelling != text
        assert refusal(with_metadata(spelling)) == not_ours


def test_a_class_beyond_64_bits_is_told():
    assert "too large to convert" in refusal(pack(MODEL | {"classes": [0, 2**63]}))


def test_a_model_is_read_within_the_memory_that_its_file_takes():
    weights = np.random.default_rng(0).random((5, 250_000))
    layers = [weights, np.ones((250_000, 1))], [np.ones(250_000), np.ones(1)]
    model_file.write(
        "large.safetensors",
        replace(a_model(), model=replace(a_model().model, weights=layers[0], biases=layers[1])),
    )
    size = Path("large.safetensors").stat().st_size
    tracemalloc.start()
    model_file.read("large.safetensors")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 0.9 * size < peak < 1.2 * size  # np.isfinite has a byte for each number of an array


def test_a_zip_bomb_is_refused_before_it_is_unpacked():
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("coefs_0.npy", bytes(2**27))
    assert len(target.getvalue()) < 2**18
    assert refusal(target.getvalue()) == "an earlier version of winenet wrote it, as .npz"


def test_a_header_that_only_claims_its_size_is_refused():
    content = pack(MODEL)
    for size, why in ((2**62, "header too large"), (len(content) + 9, "invalid header length")):
        claimed = size.to_bytes(8, "little") + content[8:]
        assert refusal(claimed) == f"it is not a valid .safetensors file: {why}"


@pytest.mark.parametrize("shape", [[99999999999, 9999999], [4, 2], [0, 1], [3, 1], [2**63, 2**63]])
def test_a_shape_that_a_tensor_only_claims_is_refused(shape):
    content = header(pack(MODEL))
    content["coefs_0"]["shape"] = shape
    assert refusal(with_header(pack(MODEL), json.dumps(content).encode())).startswith(
        "it is not a valid .safetensors file"
    )


def test_bytes_that_belong_to_two_tensors_or_none_are_refused():
    whole = header(pack(MODEL))
    other = {"dtype": "F64", "shape": [4, 1], "data_offsets": [0, 32]}
    end = max(tensor["data_offsets"][1] for tensor in whole.values() if "dtype" in tensor)
    behind = other | {"data_offsets": [end + 8, end + 40]}
    for tensor, more in ((other, b""), (behind, bytes(40))):
        changed = json.dumps(whole | {"coefs_1": tensor}).encode()
        assert "invalid offset for tensor" in refusal(with_header(pack(MODEL), changed, more))


@pytest.mark.parametrize("type_", ["BF16", "F8_E4M3", "U8", "BOOL"])
def test_a_type_that_numpy_may_not_have_is_refused(type_):
    content = header(pack(MODEL))
    size = {"BF16": 2}.get(type_, 1)
    content["coefs_0"] |= {"dtype": type_, "shape": [32 // size]}
    assert refusal(with_header(pack(MODEL), json.dumps(content).encode())) == (
        f"'coefs_0' has the type {type_}; winenet writes F64 (float64)"
    )


def test_a_file_that_is_far_too_large_is_not_even_read():
    a_sparse_file("some.safetensors")
    with pytest.raises(FileError, match="it has 2,147,483,649 bytes; a model has 2,147,483,648"):
        model_file.read("some.safetensors")


@pytest.mark.parametrize(
    "read", [files.read_table, files.read_metrics, table_files.read_preprocessing, model_file.read]
)
def test_a_folder_in_the_place_of_a_file_is_told(read):
    Path("some").mkdir()
    with pytest.raises(FileError, match=r"^some cannot be read \(.*; it must be a file that this"):
        read("some")


def test_a_table_without_the_columns_that_are_read_is_told():
    Path("some.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(
        FileError, match=r"^some\.csv is not a valid table of .* \(it has no column "
    ):
        table_files.read_split_rows("some.csv", "test")


def test_a_file_that_cannot_be_written_is_told_and_the_old_one_stays():
    Path("folder").write_text("a file where a folder should be", encoding="utf-8")
    Path("taken.json").mkdir()
    for path in ("folder/some.json", "taken.json"):
        with pytest.raises(FileError) as caught:
            files.write_metrics(path, {"accuracy": 1.0})
        assert re.fullmatch(
            rf"{path} could not be written \(.*\), so the stage was not finished; no half of it is "
            r"left\. It needs room for 22 bytes and a folder that this user may write in: make "
            r"room or change the folder's rights, then run `dvc repro`\.",
            str(caught.value),
        )
    assert sorted(path.name for path in Path().iterdir()) == ["folder", "taken.json"]
