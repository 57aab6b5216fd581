"""Write a model as ONNX, which takes raw rows and is checked against onnxruntime.

The graph's inputs are `numbers` (rows, numbers) of float64, NaN for a gap, and `categories` (rows,
categories) of text, an empty one for a gap; the one that would have no column is left out. What
stood for a gap in training does so here as well. Texts are compared as they are: the program that
calls the graph strips blanks around them, removes invisible characters and normalises them to NFC,
as training did; else a text is an unknown level. The outputs are `label` (rows,) of text and
`probabilities` (rows, classes) of float64. The metadata name the columns in their order, and under
`formats` how the training read them.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from winenet import files
from winenet.data import column_format, parquet
from winenet.data.preprocessing import GAP, Array, Preprocessing
from winenet.errors import InputError, safe_text
from winenet.models import model_file
from winenet.models.predictor import PipelinePredictor, argmax_class
from winenet.models.saved import SavedModel
from winenet.serve.predict import check_output_path

OPSET, ML_OPSET, IR_VERSION = 17, 3, 8  # of 2022, so that runtimes of some age read it, too
CHECKED_ROWS = 2_000
TOLERANCE = 1e-6  # of a probability
ACTIVATIONS = {"relu": "Relu", "tanh": "Tanh", "logistic": "Sigmoid", "identity": "Identity"}


class ExportError(InputError):
    """A model cannot be exported, or comes out as another one."""


def export_onnx(model: str, out: str | None = None, *, force: bool = False) -> None:
    """Write a model's file as ONNX, check it against onnxruntime, and print how it is used.

    out: the file to write; without it the model's name with the ending .onnx. force: whether an
    existing one is overwritten.
    Raises InputError if the model or out cannot be used, onnx is missing, or onnxruntime predicts
    otherwise.
    """
    saved = model_file.read(model, by_stage=False)
    place = str(Path(model).with_suffix(".onnx")) if out is None else out
    check_output_path(place, {"model": model}, force=force)
    content = onnx_model(saved)
    difference = check(saved, content)
    try:
        with files.atomic_writer(place) as stream:
            stream.write(content)
    except OSError as error:
        raise ExportError(
            f"{safe_text(place)} could not be written ({error.strerror}), so nothing was exported. "
            f"It needs room for {len(content):,} bytes and a folder that this user may write in: "
            "make room, or choose another place by -o."
        ) from None
    print(f"export: {safe_text(place)}, {len(content):,} bytes; {_columns(saved.preprocessing)}")
    if difference is None:
        print("  not checked: onnxruntime is not installed (`pip install onnxruntime`)")
    else:
        print(
            f"  checked against onnxruntime: {CHECKED_ROWS:,} rows in the training range, gaps and "
            f"unknown levels among them; probabilities differ by {difference:.1e} at most"
        )
    if saved.preprocessing.categories:
        print(
            "  categories are compared as they are: strip blanks around texts, remove invisible\n"
            "  characters and normalise to NFC first, as predict does, or a level is not recognised"
        )


def _columns(raw: Preprocessing) -> str:
    inputs = [("numbers", len(raw.numbers)), ("categories", len(raw.categories))]
    return "inputs " + " and ".join(f"`{name}` (rows, {size})" for name, size in inputs if size)


# ------------------------------------------------------------------ the graph


class _GraphBuilder:
    """Collects the nodes and constants of a graph; each value has a name of its own."""

    def __init__(self, onnx: Any) -> None:
        self.onnx = onnx
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, values: npt.NDArray[Any]) -> str:
        """Return the name of a constant. values: float64, int64 or text."""
        name = f"constant_{len(self.constants)}"
        helper, types = self.onnx.helper, self.onnx.TensorProto
        if values.dtype.kind in "UO":
            texts = [str(value).encode() for value in values.ravel()]
            made = helper.make_tensor(name, types.STRING, values.shape, texts)
        else:
            made = self.onnx.numpy_helper.from_array(np.ascontiguousarray(values), name)
        self.constants.append(made)
        return name

    def add(self, operation: str, *inputs: str, out: str | None = None, **settings: Any) -> str:
        """Add a node and return the name of its output."""
        name = out or f"value_{len(self.nodes)}"
        self.nodes.append(self.onnx.helper.make_node(operation, inputs, [name], **settings))
        return name


def onnx_model(saved: SavedModel) -> bytes:
    """Return a model as ONNX; the same model gives the same bytes.

    Raises ExportError if onnx is not installed.
    """
    try:
        import onnx
    except ImportError:
        raise ExportError(
            "onnx is not installed, so nothing was exported. It comes with the extra of that name: "
            "`pip install '.[onnx]'`, or `pip install onnx onnxruntime`."
        ) from None
    graph, types = _GraphBuilder(onnx), onnx.TensorProto
    raw, classes = saved.preprocessing, len(saved.labels)
    parts = _numbers(graph, raw) if raw.numbers else []
    parts += _categories(graph, raw)
    A = parts[0] if len(parts) == 1 else graph.add("Concat", *parts, axis=1)
    P = _layers(graph, saved, A)
    if classes == 2:
        # As in `argmax_class`; ArgMax would see a tie where 1 - P rounds to P.
        above = graph.add("Greater", P, graph.constant(np.array(saved.model.threshold)))
        place = graph.add("Squeeze", graph.add("Cast", above, to=types.INT64), _axis(graph))
        first = graph.add("Sub", graph.constant(np.array(1.0)), P)
        graph.add("Concat", first, P, axis=1, out="probabilities")
    else:
        place = graph.add("ArgMax", P, axis=1, keepdims=0)
        graph.add("Identity", P, out="probabilities")
    labels = graph.constant(np.array(saved.labels, dtype=object))
    graph.add("Gather", labels, place, axis=0, out="label")

    info = onnx.helper.make_tensor_value_info
    inputs = [
        info(name, kind, ["rows", size])
        for name, kind, size in (
            ("numbers", types.DOUBLE, len(raw.numbers)),
            ("categories", types.STRING, len(raw.categories)),
        )
        if size
    ]
    outputs = [
        info("label", types.STRING, ["rows"]),
        info("probabilities", types.DOUBLE, ["rows", classes]),
    ]
    made = onnx.helper.make_model(
        onnx.helper.make_graph(graph.nodes, "winenet", inputs, outputs, graph.constants),
        opset_imports=[
            onnx.helper.make_opsetid("", OPSET),
            onnx.helper.make_opsetid("ai.onnx.ml", ML_OPSET),
        ],
        ir_version=IR_VERSION,
        producer_name="winenet",
        doc_string=__doc__,
    )
    facts = {
        "numbers": raw.numbers,
        "categories": raw.categories,
        "formats": column_format.all_as_json(raw.formats),
        "labels": saved.labels,
        "target": [saved.target],
    }
    onnx.helper.set_model_props(
        made, {name: json.dumps(content, ensure_ascii=False) for name, content in facts.items()}
    )
    onnx.checker.check_model(made, full_check=True)
    return bytes(made.SerializeToString(deterministic=True))


def _axis(graph: _GraphBuilder) -> str:
    return graph.constant(np.array([1], dtype=np.int64))


def _numbers(graph: _GraphBuilder, raw: Preprocessing) -> list[str]:
    """Add what fills and scales the numbers, in the order of `preprocessing.inputs`."""
    gap = graph.add("IsNaN", "numbers")
    for row in _numbers_for_gaps(raw):
        gap = graph.add("Or", gap, graph.add("Equal", "numbers", graph.constant(row)))
    value = graph.add("Where", gap, graph.constant(raw.fill), "numbers")
    value = graph.add("Sub", value, graph.constant(raw.centre))
    value = graph.add("Mul", value, graph.constant(raw.factor))
    parts = [graph.add("Add", value, graph.constant(raw.offset))]
    if raw.indicators:
        places = np.array([raw.numbers.index(name) for name in raw.indicators], dtype=np.int64)
        chosen = graph.add("Gather", gap, graph.constant(places), axis=1)
        parts.append(graph.add("Cast", chosen, to=graph.onnx.TensorProto.DOUBLE))
    return parts


def _numbers_for_gaps(raw: Preprocessing) -> list[Array]:
    """Return rows of the numbers that stand for a gap, such as -999; NaN where a column has none.

    Each row: (numbers,).
    """
    by_column = [
        parquet.as_numbers(raw.formats[name].na_values) if name in raw.formats else []
        for name in raw.numbers
    ]
    return [
        np.array([next(iter(values[place : place + 1]), np.nan) for values in by_column])
        for place in range(max(map(len, by_column)))
    ]


def _categories(graph: _GraphBuilder, raw: Preprocessing) -> list[str]:
    """Add what makes each category's inputs of 0 and 1; a level that is not known is 0 in all."""
    made = []
    for number, (name, levels) in enumerate(zip(raw.categories, raw.levels, strict=True)):
        column = graph.add(
            "Gather", "categories", graph.constant(np.array([number], dtype=np.int64)), axis=1
        )
        known = {level: place for place, level in enumerate(levels)}
        # A text for a gap is one here as well, where training rows had gaps.
        known |= {
            text: known[GAP]
            for text in raw.formats[name].na_values
            if GAP in known and text not in known
        }
        place = graph.add(
            "LabelEncoder",
            column,
            domain="ai.onnx.ml",
            keys_strings=list(known),
            values_int64s=list(known.values()),
            default_int64=-1,
        )
        here = graph.add("Equal", place, graph.constant(np.arange(len(levels), dtype=np.int64)))
        made.append(graph.add("Cast", here, to=graph.onnx.TensorProto.DOUBLE))
    return made


def _layers(graph: _GraphBuilder, saved: SavedModel, A: str) -> str:
    """Add the layers; return the name of the probabilities, (rows, 1) or (rows, classes)."""
    model = saved.model
    for layer, (W, b) in enumerate(zip(model.weights, model.biases, strict=True)):
        A = graph.add("Add", graph.add("MatMul", A, graph.constant(W)), graph.constant(b))
        if layer < len(model.weights) - 1:
            A = graph.add(ACTIVATIONS[model.activation], A)
    return graph.add("Sigmoid", A) if len(saved.labels) == 2 else graph.add("Softmax", A, axis=1)


# ------------------------------------------------------------------ the check


def random_rows(saved: SavedModel, rows: int = CHECKED_ROWS) -> pd.DataFrame:
    """Return raw rows in the training range; a tenth of the values are gaps or unknown levels."""
    raw, rng = saved.preprocessing, np.random.default_rng(0)
    X: dict[str, Any] = {}
    for name, least, largest in zip(raw.numbers, raw.minimum, raw.maximum, strict=True):
        share = rng.random(rows)
        values = least * (1 - share) + largest * share  # their difference might be infinite
        X[name] = np.where(rng.random(rows) < 0.1, np.nan, values)
    for name, levels in zip(raw.categories, raw.levels, strict=True):
        unknown = "x" * (max(map(len, [*levels, *raw.formats[name].na_values])) + 1)
        texts = np.array([*levels, unknown], dtype=object)[rng.integers(0, len(levels) + 1, rows)]
        X[name] = pd.Series(texts, dtype="str").mask((texts == GAP) | (rng.random(rows) < 0.1))
    return pd.DataFrame(X, columns=raw.columns)


def feed(saved: SavedModel, X: pd.DataFrame) -> dict[str, npt.NDArray[Any]]:
    """Return the graph's inputs of raw rows. X: as in `RawPredictor.predict_proba`."""
    raw = saved.preprocessing
    inputs: dict[str, npt.NDArray[Any]] = {}
    if raw.numbers:
        inputs["numbers"] = X[raw.numbers].to_numpy(dtype=np.float64)
    if raw.categories:
        texts = X[raw.categories].astype("str").fillna("")
        inputs["categories"] = texts.to_numpy(dtype=object)
    return inputs


def check(saved: SavedModel, content: bytes) -> float | None:
    """Return the greatest difference of a probability to onnxruntime's; None without onnxruntime.

    Raises ExportError if one is greater than TOLERANCE, or a clear label is another one.
    """
    try:
        import onnxruntime as runtime
    except ImportError:
        return None
    options = runtime.SessionOptions()
    options.log_severity_level = 3  # errors alone
    session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    X = random_rows(saved)
    labels, theirs = session.run(["label", "probabilities"], feed(saved, X))
    ours: Array = PipelinePredictor(saved).predict_proba(X)
    difference = float(np.abs(ours - theirs).max())
    threshold, best = saved.model.threshold, np.sort(ours, axis=1)
    clear = best[:, -1] - best[:, -2] > 2 * TOLERANCE
    if len(saved.labels) == 2:
        clear = np.abs(ours[:, 1] - threshold) > TOLERANCE
    same = np.array(saved.labels, dtype=object)[argmax_class(ours, threshold)] == labels
    if not difference <= TOLERANCE or not same[clear].all():
        raise ExportError(
            f"onnxruntime's probabilities differ by {difference:.1e} from the model's, so nothing "
            f"was written. They may differ by {TOLERANCE:.0e}, and no label. Please report it with "
            "the versions of onnx and onnxruntime."
        )
    return difference
