"""What is written reads back to the same values, and the same values give the same bytes.

A file is written whole or not at all, and nothing that is no number ever looks like one.
"""

import errno
import io
import json
import math
import os
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from winenet import files, model
from winenet.files import FileError
from winenet.model import Model, Normaliser


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
    files.write_exact("data/exact.csv", pd.DataFrame({"value": values}))
    back = files.read_table("data/exact.csv")["value"].to_numpy()
    assert back.dtype == np.float64
    assert back.tobytes() == values.tobytes()


def test_an_exact_table_is_written_so():
    table = pd.DataFrame(
        {"pH": [3.2, 0.1 + 0.2, -0.0], "quality": [5, 6, 7], "set": ["a", "b,c", "é"]}
    )
    files.write_exact("exact.csv", table)
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
    files.write_results("plots/results.csv", table)
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


# What is no finite number.


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("write", [files.write_exact, files.write_results])
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


def a_model() -> tuple[Model, Normaliser]:
    rng = np.random.default_rng(1)
    return (
        Model(
            [rng.random((2, 3)), rng.random((3, 1))],
            [rng.random(3), rng.random(1)],
            "relu",
            np.array([0, 1]),
        ),
        Normaliser(["pH", "alcohol"], np.array([2.74, 8.0]), np.array([4.01, 14.2])),
    )


def test_a_model_file_holds_plain_arrays():
    trained, normaliser = a_model()
    files.write_model("models/some.npz", trained, normaliser)
    with np.load("models/some.npz", allow_pickle=False) as stored:
        assert {name: stored[name].tolist() for name in stored.files} == {
            "format": "winenet model 1",
            "coefs_0": trained.weights[0].tolist(),
            "intercepts_0": trained.biases[0].tolist(),
            "coefs_1": trained.weights[1].tolist(),
            "intercepts_1": trained.biases[1].tolist(),
            "activation": "relu",
            "classes": [0, 1],
            "features": ["pH", "alcohol"],
            "minimum": [2.74, 8.0],
            "maximum": [4.01, 14.2],
        }
        assert stored["coefs_0"].dtype == np.float64


def test_the_same_model_gives_the_same_bytes():
    trained, normaliser = a_model()
    transposed_twice = Model(
        [np.asfortranarray(weights) for weights in trained.weights],
        trained.biases,
        trained.activation,
        trained.classes,
    )
    assert not transposed_twice.weights[0].flags.c_contiguous
    for path, what in (("1.npz", trained), ("2.npz", trained), ("3.npz", transposed_twice)):
        files.write_model(path, what, normaliser)
    first, second, third = (Path(f"{number}.npz").read_bytes() for number in (1, 2, 3))
    assert first == second == third


def test_a_model_file_tells_nothing_of_the_day_or_the_host():
    files.write_model("some.npz", *a_model())
    with zipfile.ZipFile("some.npz") as archive:
        for member in archive.infolist():
            assert member.date_time == (1980, 1, 1, 0, 0, 0)
            assert (member.create_system, member.external_attr) == (3, 0o644 << 16)
            assert (member.compress_type, member.extra) == (zipfile.ZIP_STORED, b"")


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
        written = model.from_logistic(fitted)
    else:
        fitted = MLPClassifier(hidden, max_iter=5, random_state=0).fit(X, y)
        written = model.from_mlp(fitted)
    files.write_model("some.npz", written, a_model()[1])

    with np.load("some.npz", allow_pickle=False) as stored:
        layers = sum(name.startswith("coefs_") for name in stored.files)
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
        written = model.from_logistic(
            LogisticRegression(solver="liblinear").fit(*rows_and_labels())
        )
    else:
        fitted = MLPClassifier(hidden, activation="tanh", max_iter=5, random_state=0)
        written = model.from_mlp(fitted.fit(*rows_and_labels()))
    files.write_model("models/some.npz", written, a_model()[1])
    back = files.read_model("models/some.npz")
    for ours, theirs in ((back.weights, written.weights), (back.biases, written.biases)):
        assert len(ours) == len(theirs) == 1 + len(hidden or ())
        for our, their in zip(ours, theirs, strict=True):
            assert (our.dtype, our.shape) == (np.float64, their.shape)
            np.testing.assert_array_equal(our, their)
    assert back.activation == ("identity" if hidden is None else "tanh")
    assert list(back.classes) == [0, 1]
    files.write_model("models/again.npz", back, a_model()[1])
    assert Path("models/again.npz").read_bytes() == Path("models/some.npz").read_bytes()


# Whole or not at all.

FAILURES = {
    "a full disk": OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
    "an interruption": KeyboardInterrupt(),
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=[*FAILURES])
@pytest.mark.parametrize("old", [None, "the last good one"])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(monkeypatch, failure, old):
    if old is not None:
        Path("some.json").write_text(old, encoding="utf-8")
    before = sorted(path.name for path in Path().iterdir())

    def fail(_: int) -> None:
        raise failure

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(type(failure)):
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
    assert seen == ["old"]
    assert text_of("some.json") == '{\n  "accuracy": 1.0\n}\n'
    assert [path.name for path in Path().iterdir()] == ["some.json"]


# Reading what is not there.


@pytest.mark.parametrize(
    "read", [files.read_table, files.read_metrics, files.read_normaliser, files.read_model]
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
        FileError, match=r"^some\.csv is no table \(.*\)\. `dvc repro` makes it again\.$"
    ):
        files.read_table("some.csv")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff"])
def test_a_file_that_is_no_json_is_told(content):
    Path("some.json").write_bytes(content)
    with pytest.raises(
        FileError, match=r"^some\.json is no JSON \(.*\)\. `dvc repro` makes it again\."
    ):
        files.read_metrics("some.json")


def an_array() -> bytes:
    """Return what numpy writes as .npy, which is one array and no archive."""
    target = io.BytesIO()
    np.save(target, np.arange(3))
    return target.getvalue()


def a_truncated_model() -> bytes:
    files.write_model("whole.npz", *a_model())
    return Path("whole.npz").read_bytes()[:-100]


@pytest.mark.parametrize(
    "content",
    [lambda: b"", lambda: b"no archive", an_array, a_truncated_model],
    ids=["empty", "text", "npy", "truncated"],
)
def test_a_file_that_is_no_whole_archive_is_told(content):
    Path("some.npz").write_bytes(content())
    with pytest.raises(FileError) as caught:
        files.read_model("some.npz")
    assert str(caught.value) == (
        "some.npz is no model (it is no complete .npz file). `dvc repro` makes it again."
    )


def test_a_model_whose_bytes_were_changed_is_told():
    files.write_model("some.npz", *a_model())
    content = Path("some.npz").read_bytes()
    weights = a_model()[0].weights[0].tobytes()
    assert content.count(weights) == 1
    Path("some.npz").write_bytes(content.replace(weights, bytes(len(weights))))
    with pytest.raises(FileError, match=r"^some\.npz is no model \(Bad CRC-32 for file 'coefs_0"):
        files.read_model("some.npz")


MODEL_ARRAYS = {
    "format": files.MODEL_FORMAT,
    "coefs_0": np.ones((2, 1)),
    "intercepts_0": np.ones(1),
    "activation": "relu",
    "classes": np.array([0, 1]),
}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"format": "winenet model 2"}, "its format is winenet model 2, not winenet model 1"),
        *(({name: None}, f"{name} is not a file in the archive") for name in MODEL_ARRAYS),
        ({"coefs_1": np.ones((1, 1))}, "intercepts_1 is not a file in the archive"),
        (
            {"classes": np.array([0, "red"], dtype=object)},
            "Object arrays cannot be loaded when allow_pickle=False",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_archive_that_is_no_model_is_told(changes, why):
    arrays = {k: v for k, v in (MODEL_ARRAYS | changes).items() if v is not None}
    np.savez("some.npz", **arrays)
    with pytest.raises(FileError) as caught:
        files.read_model("some.npz")
    assert str(caught.value) == f"some.npz is no model ({why}). `dvc repro` makes it again."


def test_the_split_s_tables_are_read_by_name():
    files.write_exact(
        "rows.csv",
        pd.DataFrame(
            {
                "set": ["train", "test", "test"],
                "row": [4, 9, 2],
                "group": [4, 4, 2],
                "seen": [True, True, False],
            }
        ),
    )
    files.write_exact("y.csv", pd.DataFrame({"Class": [1, 0]}))
    files.write_exact(
        "scale.csv", pd.DataFrame({"feature": ["pH"], "minimum": [2.74], "maximum": [4.01]})
    )
    labels, scale = files.read_labels("y.csv"), files.read_normaliser("scale.csv")
    assert files.read_rows("rows.csv", "test").to_dict("list") == {
        "row": [9, 2],
        "group": [4, 2],
        "seen": [True, False],
    }
    assert (labels.name, list(labels)) == ("Class", [1, 0])
    assert (scale.features, list(scale.minimum), list(scale.maximum)) == (["pH"], [2.74], [4.01])
