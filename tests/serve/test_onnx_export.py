"""The exported graph predicts raw rows as the model does, and only then is it written."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
from model_files import plain_preprocessing
from sklearn.neural_network import MLPClassifier

from winenet import __main__ as command
from winenet.data import preprocessing
from winenet.data.column_format import ColumnFormat
from winenet.data.dialect import clean_text
from winenet.models import model_file, saved
from winenet.models.predictor import PipelinePredictor
from winenet.models.saved import DenseModel, SavedModel
from winenet.serve import onnx_export
from winenet.serve.onnx_export import ExportError

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
KINDS = {"pH": "number", "SO2": "number", "colour": "category", "cork": "category"}
COLUMNS = {
    "numbers and categories": ["pH", "SO2", "colour", "cork"],
    "only numbers": ["SO2", "pH"],
    "one number": ["pH"],
    "only categories": ["cork", "colour"],
    "one category": ["colour"],
}


def rows(number: int, seed: int) -> pd.DataFrame:
    """Return raw rows with gaps; the numbers of other seeds than 0 lie outside the training's."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "pH": rng.normal(3.2, 0.2 + seed, number),
            "SO2": rng.integers(1, 80, number).astype(float),
            "colour": rng.choice(["red", "white", "ro sé"] + ["blue"] * (seed > 0), number),
            "cork": rng.choice(["yes", "no"], number),
        }
    ).astype({"colour": "str", "cork": "str"})
    for name in X:
        X.loc[rng.random(number) < 0.1, name] = np.nan
    return X


def trained(
    columns: list[str], hidden: tuple[int, ...], activation: str, classes: int, scaler: str
) -> SavedModel:
    X = rows(300, 0)[columns]
    raw = preprocessing.fit(X, KINDS, scaler)
    y = np.random.default_rng(1).integers(0, classes, 300)
    fitted = MLPClassifier(hidden, activation, max_iter=20, learning_rate_init=0.05, random_state=0)
    fitted.fit(preprocessing.transform(raw, X), y)
    labels = ["no", "yes, é", '"maybe"'][:classes]
    return SavedModel(saved.from_mlp(fitted), raw, "taste", labels, {"rows": 300.0})


def run_onnx(content: bytes, saved: SavedModel, X: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    labels, P = session.run(["label", "probabilities"], onnx_export.feed(saved, X))
    assert P.dtype == np.float64
    return labels, P


def assert_predicts_alike(saved: SavedModel, content: bytes) -> None:
    ours = PipelinePredictor(saved)
    for seed in (0, 1):
        X = rows(500, seed)
        labels, P = run_onnx(content, saved, X)
        np.testing.assert_allclose(P, ours.predict_proba(X), rtol=0, atol=1e-12)
        assert (labels == ours.predict(X)).all()


@pytest.mark.parametrize("columns", COLUMNS.values(), ids=[*COLUMNS])
@pytest.mark.parametrize("classes", [2, 3])
def test_raw_rows_of_all_kinds_are_predicted_alike(columns, classes):
    """With gaps, unknown levels and numbers outside the training range."""
    saved = trained(columns, (6, 5), "relu", classes, "minmax")
    content = onnx_export.onnx_model(saved)
    assert_predicts_alike(saved, content)
    assert onnx_export.check(saved, content) < 1e-12


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
@pytest.mark.parametrize("hidden", [(), (7,)])
@pytest.mark.parametrize("scaler", ["standard", "robust", "none"])
def test_networks_of_all_kinds_are_predicted_alike(activation, hidden, scaler):
    saved = trained(COLUMNS["numbers and categories"], hidden, activation, 2, scaler)
    assert_predicts_alike(saved, onnx_export.onnx_model(saved))


@pytest.mark.parametrize("share", [0.1, 0.8])
def test_labels_follow_the_threshold_of_the_model(share):
    saved = trained(COLUMNS["numbers and categories"], (6, 5), "relu", 2, "minmax")
    half, P = run_onnx(onnx_export.onnx_model(saved), saved, rows(500, 0))
    threshold = float(np.quantile(P[:, 1], share))
    saved = replace(saved, model=replace(saved.model, threshold=threshold))
    content = onnx_export.onnx_model(saved)
    assert_predicts_alike(saved, content)
    assert onnx_export.check(saved, content) < 1e-12
    assert (run_onnx(content, saved, rows(500, 0))[0] != half).any()


def test_a_graph_of_another_threshold_is_found():
    saved = trained(COLUMNS["numbers and categories"], (6, 5), "relu", 2, "minmax")
    content = onnx_export.onnx_model(saved)
    P = PipelinePredictor(saved).predict_proba(onnx_export.random_rows(saved))
    other = replace(saved.model, threshold=float(np.quantile(P[:, 1], 0.9)))
    with pytest.raises(onnx_export.ExportError):
        onnx_export.check(replace(saved, model=other), content)


def test_of_equally_probable_labels_the_first_is_given():
    raw = plain_preprocessing({"x": [1.0, 0, 1, 0, -3, 3]})
    X = pd.DataFrame({"x": [-1, 0, 1e-16, 1e-15, 1]})
    for W, labels in (([[1.0]], ["a", "b"]), ([[-1.0, 1, 1]], ["a", "b", "c"])):
        size = len(W[0])
        only = DenseModel([np.array(W)], [np.zeros(size)], "identity", np.arange(len(labels)))
        saved = SavedModel(only, raw, "y", labels, {})
        found, _ = run_onnx(onnx_export.onnx_model(saved), saved, X)
        assert found.tolist() == PipelinePredictor(saved).predict(X).tolist()
        assert set(found) == {"a", "b"}


def test_the_graph_tells_its_columns_and_the_same_model_gives_the_same_bytes():
    saved = trained(COLUMNS["numbers and categories"], (4,), "relu", 3, "minmax")
    content = onnx_export.onnx_model(saved)
    assert onnx_export.onnx_model(saved) == content
    made = onnx.load_from_string(content)
    facts = {one.key: json.loads(one.value) for one in made.metadata_props}
    assert facts == {
        "numbers": ["pH", "SO2"],
        "categories": ["colour", "cork"],
        "formats": [
            {"name": "pH", "type": "number"},
            {"name": "SO2", "type": "number"},
            {"name": "colour", "type": "category"},
            {"name": "cork", "type": "category"},
        ],
        "labels": saved.labels,
        "target": ["taste"],
    }
    assert [one.name for one in made.graph.input] == ["numbers", "categories"]
    assert [one.name for one in made.graph.output] == ["label", "probabilities"]
    assert "empty one for a gap" in made.doc_string


def test_a_gap_of_a_category_is_a_level_where_the_training_had_gaps():
    raw = plain_preprocessing(levels={"colour": ["", "red"]}, na_values=("?", "red"))
    only = DenseModel([np.array([[-2.0], [3]])], [np.zeros(1)], "identity", np.array([0, 1]))
    saved = SavedModel(only, raw, "y", ["a", "b"], {})
    content = onnx_export.onnx_model(saved)
    assert onnx_export.check(saved, content) < 1e-12
    X = pd.DataFrame({"colour": [None, "red", "blue"]})
    labels, P = run_onnx(content, saved, X)
    assert labels.tolist() == PipelinePredictor(saved).predict(X).tolist() == ["a", "b", "a"]
    np.testing.assert_allclose(P[:, 1], 1 / (1 + np.exp([2, -3, 0])))
    words = run_onnx(content, saved, pd.DataFrame({"colour": ["", "?", "red"]}))[1]
    np.testing.assert_array_equal(words, P[[0, 0, 1]])


def test_a_number_that_stood_for_a_gap_does_so_in_the_graph():
    """As in `predict`, which reads the cells by the same formats."""
    X = pd.DataFrame({"a": [1.0, 2, np.nan, 4] * 20, "b": [5.0, np.nan, 7, 8] * 20})
    raw = preprocessing.fit(X, {"a": "number", "b": "number"}, "minmax")
    formats = {
        "b": ColumnFormat("number", ("?", "-9.0")),
        "a": ColumnFormat("number", ("-999", "x", "-9", "-1e3")),
    }
    fitted = MLPClassifier((4,), max_iter=20, random_state=0)
    fitted.fit(preprocessing.transform(raw, X), [0, 1] * 40)
    saved_model = SavedModel(
        saved.from_mlp(fitted), replace(raw, formats=formats), "y", ["no", "yes"], {}
    )
    content = onnx_export.onnx_model(saved_model)
    assert onnx_export.check(saved_model, content) < 1e-12
    cells = pd.DataFrame({"a": [-999.0, -9, -1000, 3, -99], "b": [5.0, -9, -999, -9, 7]})
    gaps = pd.DataFrame({"a": [np.nan, np.nan, np.nan, 3, -99], "b": [5, np.nan, -999, np.nan, 7]})
    expected = PipelinePredictor(saved_model).predict_proba(gaps)
    np.testing.assert_allclose(run_onnx(content, saved_model, cells)[1], expected, atol=1e-12)
    assert np.abs(expected - PipelinePredictor(saved_model).predict_proba(cells)).max() > 0.01


def test_a_huge_training_range_is_checked_without_a_warning():
    largest = np.finfo(float).max
    raw = plain_preprocessing({"x": [0.0, 0, 1e-308, 0, -largest, largest]})
    only = DenseModel([np.array([[1.0]])], [np.zeros(1)], "identity", np.array([0, 1]))
    saved = SavedModel(only, raw, "y", ["a", "b"], {})
    assert onnx_export.check(saved, onnx_export.onnx_model(saved)) < 1e-12


# The command.


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    saved = trained(COLUMNS["numbers and categories"], (4,), "relu", 2, "minmax")
    model_file.write("models/some.safetensors", saved)
    return tmp_path


def main(monkeypatch: pytest.MonkeyPatch, capfd, *words: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["winenet", "export", *words])
    code = 0
    try:
        command.main()
    except SystemExit as ended:
        code = int(ended.code or 0)
    return code, *capfd.readouterr()


def test_a_model_is_exported_beside_its_file(folder, monkeypatch, capfd):
    code, printed, errors = main(monkeypatch, capfd, "models/some.safetensors", "--onnx")
    assert (code, errors) == (0, "")
    content = Path("models/some.onnx").read_bytes()
    first, second, *texts = printed.splitlines()
    assert first == (
        f"export: models/some.onnx, {len(content):,} bytes; inputs `numbers` (rows, 2) and "
        "`categories` (rows, 2)"
    )
    assert second.startswith(
        "  checked against onnxruntime: 2,000 rows in the training range, gaps and unknown levels "
        "among them; probabilities differ by "
    )
    assert " ".join(map(str.strip, texts)) == (
        "categories are compared as they are: strip blanks around texts, remove invisible "
        "characters and normalise to NFC first, as predict does, or a level is not recognised"
    )
    assert_predicts_alike(model_file.read("models/some.safetensors"), content)


def test_texts_are_compared_as_they_are_and_the_model_says_so(folder, monkeypatch, capfd):
    saved = trained(["pH", "colour"], (4,), "relu", 2, "minmax")
    content = onnx_export.onnx_model(saved)
    texts = pd.DataFrame({"pH": 3.0, "colour": ["ro sé", "ro se\u0301", " ro sé", "ro\u200b sé"]})
    cleaned = texts.assign(colour=texts["colour"].map(clean_text))
    np.testing.assert_allclose(*(run_onnx(content, saved, X)[1][0] for X in (texts, cleaned)))
    unknown = run_onnx(content, saved, texts.assign(colour="blue"))[1]
    np.testing.assert_array_equal(run_onnx(content, saved, texts)[1][1:], unknown[1:])
    assert len(np.unique(run_onnx(content, saved, cleaned)[1][:, 1])) == 1
    assert "normalises them to NFC" in onnx.load_from_string(content).doc_string
    model_file.write("models/numbers.safetensors", trained(["pH"], (4,), "relu", 2, "minmax"))
    _, printed, _ = main(monkeypatch, capfd, "models/numbers.safetensors", "--onnx")
    assert "categories" not in printed


def test_an_existing_file_is_overwritten_by_force_alone(folder, monkeypatch, capfd):
    Path("some.onnx").write_bytes(b"precious")
    words = ["models/some.safetensors", "--onnx", "-o", "some.onnx"]
    code, printed, errors = main(monkeypatch, capfd, *words)
    assert (code, printed) == (1, "")
    assert errors.startswith("-o some.onnx exists, so nothing was written.")
    assert Path("some.onnx").read_bytes() == b"precious"
    assert main(monkeypatch, capfd, *words, "--force")[0] == 0
    assert Path("some.onnx").read_bytes() != b"precious"
    words = ["models/some.safetensors", "--onnx", "-o", "models/some.safetensors", "--force"]
    assert main(monkeypatch, capfd, *words)[2].startswith(
        "-o models/some.safetensors is the model itself"
    )


def test_a_graph_that_predicts_otherwise_is_not_written(folder, monkeypatch, capfd):
    monkeypatch.setitem(onnx_export.ACTIVATIONS, "relu", "Tanh")
    code, printed, errors = main(monkeypatch, capfd, "models/some.safetensors", "--onnx")
    assert (code, printed) == (1, "")
    assert errors.startswith("onnxruntime's probabilities differ by ")
    assert "so nothing was written. They may differ by 1e-06, and no label." in errors
    assert not Path("models/some.onnx").exists()


def test_without_onnx_it_is_told(folder, monkeypatch, capfd):
    monkeypatch.setitem(sys.modules, "onnx", None)
    code, printed, errors = main(monkeypatch, capfd, "models/some.safetensors", "--onnx")
    assert (code, printed) == (1, "")
    assert errors == (
        "onnx is not installed, so nothing was exported. It comes with the extra of that name: "
        "`pip install '.[onnx]'`, or `pip install onnx onnxruntime`.\n"
    )


def test_without_onnxruntime_it_is_written_and_told(folder, monkeypatch, capfd):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    code, printed, errors = main(monkeypatch, capfd, "models/some.safetensors", "--onnx")
    assert (code, errors) == (0, "")
    assert printed.splitlines()[1] == (
        "  not checked: onnxruntime is not installed (`pip install onnxruntime`)"
    )
    assert Path("models/some.onnx").exists()


def test_a_folder_that_cannot_be_written_is_told(folder, monkeypatch, capfd):
    Path("file").write_text("", encoding="utf-8")
    code, _, errors = main(
        monkeypatch, capfd, "models/some.safetensors", "--onnx", "-o", "file/some.onnx"
    )
    assert code == 1
    assert errors.startswith("file/some.onnx could not be written (")


def test_the_form_must_be_named(folder, monkeypatch, capfd):
    code, _, errors = main(monkeypatch, capfd, "models/some.safetensors")
    assert code == 2
    assert "the following arguments are required: --onnx" in errors


def test_the_check_itself_raises_what_it_found(folder):
    saved = model_file.read("models/some.safetensors")
    other = trained(COLUMNS["numbers and categories"], (5,), "relu", 2, "minmax")
    with pytest.raises(ExportError, match="probabilities differ by "):
        onnx_export.check(saved, onnx_export.onnx_model(other))
