"""The readers are fed nonsense: each gives a good value or an InputError, and soon.

`HYPOTHESIS_PROFILE=long pytest tests/data/test_fuzz.py` tries new inputs for minutes; without it
the same few hundred are tried each time.
"""

import codecs
import csv
import io
import itertools
import json
import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import yaml
from committed import ROOT
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model_files import header, pack, plain_preprocessing, unpack, with_header

from winenet import files, params
from winenet.data import column_format, raw_table, table_files
from winenet.data.column_format import ColumnFormat
from winenet.data.date_format import DateFormat
from winenet.data.number_format import NumberFormat
from winenet.errors import InputError
from winenet.models import model_file
from winenet.models.saved import DenseModel, SavedModel

COMMITTED = (ROOT / "params.yaml").read_bytes()
SLOWEST = 5  # seconds of the processor for one input
checked = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
settings.register_profile(
    "short",
    max_examples=100,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=checked,
)
settings.register_profile(
    "long", max_examples=6_000, deadline=None, print_blob=True, suppress_health_check=checked
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "short"))


@pytest.fixture(autouse=True, scope="module")
def _in_a_folder_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A file is written and read for each example; hypothesis keeps one folder for all."""
    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("fuzz"))
    Path("raw").mkdir()
    yield
    os.chdir(before)


def read_well_or_refuse(read: Callable[[str], Any], path: str, content: bytes) -> Any:
    """Return what is read, or None after an InputError that fits on a screen."""
    Path(path).write_bytes(content)
    start = time.process_time()
    try:
        return read(path)
    except InputError as error:
        message = str(error)
        assert len(message) < 10_000
        assert all(line.isprintable() for line in message.split("\n")), message
        message.encode()
        return None
    finally:
        assert time.process_time() - start < SLOWEST


def mutated(whole: bytes, pieces: list[bytes]) -> st.SearchStrategy[bytes]:
    """Return a good content with some places overwritten, cut out, doubled or filled in."""

    def change(steps: list[tuple[int, int, bytes, str]]) -> bytes:
        content = bytearray(whole)
        for place, length, piece, what in steps:
            start = place % (len(content) + 1)
            if what == "cut":
                del content[start : start + length]
            elif what == "double":
                content[start:start] = content[start : start + length]
            elif what == "overwrite":
                content[start : start + len(piece)] = piece
            else:
                content[start:start] = piece
        return bytes(content)

    piece = st.one_of(st.sampled_from(pieces), st.binary(max_size=8))
    step = st.tuples(
        st.integers(0, len(whole)),
        st.integers(1, 60),
        piece,
        st.sampled_from(["cut", "double", "overwrite", "insert"]),
    )
    return st.lists(step, min_size=1, max_size=4).map(change)


# params.yaml

YAML_PIECES = [
    *(
        b"&a ",
        b"*a",
        b"<<: *a",
        b"? ",
        b"- ",
        b": ",
        b"!!float ",
        b"!!set ",
        b"!!binary ",
        b"!!map ",
    ),
    *(
        b"!!timestamp ",
        b"!!int ",
        b"!!str ",
        b"!!omap ",
        b"!!pairs ",
        b"!!null ",
        b"!!bool ",
        b"!x ",
    ),
    *(
        b"[",
        b"]",
        b"{",
        b"}",
        b'"',
        b"'",
        b"|\n",
        b">\n",
        b"#",
        b"%YAML 1.1\n---\n",
        b"---\n",
        b"...",
    ),
    *(b"\t", b"\n", b"\r", b"\0", b"\xff", b"\xc2\x85", b"\xe2\x80\xa8", b"\\u2028", b'"\\ud800"'),
    *(
        b"1e400",
        b"-1",
        b"0x" + b"f" * 5000,
        b"9" * 400,
        b".nan",
        b".inf",
        b"null",
        b"true",
        b"1e-400",
    ),
    *(b'"\\0"', b'"\\e[31m"', b"<script>", b"=cmd", b"[" * 2000, b"[key]", b"{" * 500, b"''", b"@"),
    b"[&a [*a]]",
    b"&b [1,1,1,1,1,1,1,1,1]\n  x: &c [*b,*b,*b,*b,*b,*b,*b,*b]\n",
]
scalars = st.one_of(
    *(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20)),
    st.sampled_from([0, -1, 1, 2, 10**400, 0.5, 1e308, "", "pH", "winenet", "[key]", "\x1b[31m"]),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)


def places(content: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Return the way to each value of a nested content."""
    inner = content.items() if isinstance(content, dict) else enumerate(content)
    for step, value in inner:
        yield (*above, step)
        if isinstance(value, dict | list):
            yield from places(value, (*above, step))


PLACES = list(places(yaml.safe_load(COMMITTED)))


@st.composite
def other_parameters(draw: st.DrawFn) -> bytes:
    """Return the committed parameters with some values replaced, removed or added."""
    content = yaml.safe_load(COMMITTED)
    for _ in range(draw(st.integers(1, 3))):
        *above, last = draw(st.sampled_from(PLACES))
        target, value = content, draw(values)
        try:
            for step in above:
                target = target[step]
            if draw(st.booleans()):
                target[last] = value
            elif isinstance(target, dict):
                target[draw(st.text(max_size=8))] = target.pop(last)
            else:
                target.append(value)
        except (KeyError, IndexError, TypeError, AttributeError):
            continue  # an earlier step took the place away
    return yaml.safe_dump(content, allow_unicode=False).encode()


def check_params(content: bytes) -> None:
    found = read_well_or_refuse(params.load, "params.yaml", content)
    if found is not None:
        assert 0 < found.split.test_size < 1
        for name in [*found.ingest.columns, found.ingest.target]:
            assert name.isprintable()
            assert name[0] not in "=+-@"
        for least, largest in found.ingest.columns.values():
            assert -math.inf < least < largest < math.inf


@given(st.binary(max_size=200))
def test_any_bytes_as_params(content: bytes):
    check_params(content)


@given(mutated(COMMITTED, YAML_PIECES))
def test_damaged_params(content: bytes):
    check_params(content)


@given(other_parameters())
def test_other_params(content: bytes):
    check_params(content)


# Raw files

SMALL = params.Ingest(
    files=[params.RawFile(name="a.csv", label="0"), params.RawFile(name="b.csv", label="1")],
    separator=";",
    target="Class",
    positive_label="1",
    columns={"acid": [0, 20], "pH": [2, 5]},
)
GOOD = b'acid;"pH"\n1;3\n2.5;3.25\n0;5\n'
RAW_PIECES = [
    *(
        b";",
        b",",
        b'"',
        b"\n",
        b"\r",
        b"\r\n",
        b"\0",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b" ",
        b"\t",
        b"'",
    ),
    *(
        b"inf",
        b"-inf",
        b"nan",
        b"NA",
        b"1e308",
        b"1e309",
        b"1e-400",
        b"0x10",
        b"1_0",
        b"+1",
        b"True",
    ),
    *(
        b"acid",
        b"pH",
        b"acid.1",
        b"Unnamed: 0",
        b"\x1b[31m",
        b"\xe2\x80\xa8",
        b"\xc2\x85",
        b"\\",
        b"#",
    ),
    *(
        b"9" * 400,
        b"99999999999999999999",
        b"\x1a",
        b"\xed\xa0\x80",
        b"1,5",
        b"1;" * 50,
        b"\xd9\xa3",
    ),
    b"x" * 131_073,
]


def check_raw(content: bytes, separator: str = ";") -> None:
    Path("raw/b.csv").write_bytes(GOOD.replace(b";", separator.encode()))
    asked = SMALL.model_copy(update={"separator": separator})
    found = read_well_or_refuse(lambda _: raw_table.read_raw("raw", asked), "raw/a.csv", content)
    if found is not None:
        table = found.table
        assert list(table.columns) == ["acid", "pH", "Class"]
        assert table["acid"].between(0, 20).all()
        assert table["pH"].between(2, 5).all()
        assert all(pd.api.types.is_numeric_dtype(table[name]) for name in table)
        assert (table["Class"] == 0).sum() == len(rows_of(content, separator, found.notes))


def rows_of(content: bytes, separator: str, notes: list[str]) -> list[list[str]]:
    """Return the rows below the header as Python's reader has them; notes: what was skipped."""
    is_utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = content.decode("utf-16" if is_utf16 else "utf-8-sig")
    rows = [*csv.reader(io.StringIO(text.strip(" \t\r\n"), newline=""), delimiter=separator)]
    skipped = sum("says that" in note or "names types" in note for note in notes)
    return rows[1 + skipped :]


@given(st.binary(max_size=100))
def test_any_bytes_as_a_raw_file(content: bytes):
    check_raw(content)


@given(mutated(GOOD, RAW_PIECES))
def test_a_damaged_raw_file(content: bytes):
    check_raw(content)


cells = st.one_of(
    *(st.floats().map(repr), st.integers().map(str), st.text(max_size=6)),
    st.sampled_from(["1", "3", "4.5", " 3", "3 ", '"3"', "3e0", "NA", "", "1e309", "+3", "0x3"]),
)
other_separators = st.sampled_from([";", ",", "\t", " ", "|", "1", ".", "e", "-", "#", "'", "p"])


@given(
    st.lists(st.lists(cells, min_size=1, max_size=3), max_size=5), other_separators, st.booleans()
)
def test_cells_of_any_kind(rows: list[list[str]], separator: str, ended: bool):
    lines = [separator.join(cells) for cells in [["acid", "pH"], *rows]]
    text = "\n".join(lines) + ("\n" if ended else "")
    check_raw(text.encode("utf-8", "surrogatepass"), separator)


# Models


def a_model() -> bytes:
    rng = np.random.default_rng(0)
    layers = [rng.normal(size=(5, 3)), rng.normal(size=(3, 1))]
    numbers = {"pH": [1.0] * 6, "when year": [1.0] * 6}
    plain = plain_preprocessing(numbers, {"acid": ["", "no"]}, ("-9", "?"), ("pH",))
    formats = {
        "pH": ColumnFormat("number", ("-9", "?"), NumberFormat(",", ".", "€")),
        "when": ColumnFormat("date", date=DateFormat("%d.%m.%Y", ("year",), "2020-01-01")),
        "acid": plain.formats["acid"],
    }
    raw = replace(plain, formats=formats)
    model = DenseModel(layers, [np.zeros(3), np.ones(1)], "relu", np.array([0, 1]))
    model_file.write("good.safetensors", SavedModel(model, raw, "Class", ["0", "1"], {"rows": 9.0}))
    return Path("good.safetensors").read_bytes()


CELLS = pa.array(["1,5 €", "", None, "?", "3.2.2021", "\u00e9", "2021-02-03 12:00", "$5", "(7)"])


def check_model(content: bytes) -> None:
    saved = read_well_or_refuse(model_file.read, "some.safetensors", content)
    if saved is not None:
        model = saved.model
        assert len(saved.preprocessing.inputs) == len(model.weights[0])
        shapes = [W.shape for W in model.weights]
        assert all(a[1] == b[0] for a, b in itertools.pairwise(shapes))
        assert [b.shape for b in model.biases] == [(shape[1],) for shape in shapes]
        assert all(np.isfinite(values).all() for values in [*model.weights, *model.biases])
        assert all(values.dtype == np.float64 for values in [*model.weights, *model.biases])
        assert len(model.classes) == len(saved.labels) >= 2
        # What was read as valid reads cells without an error of its own.
        for name, how in saved.preprocessing.formats.items():
            features = column_format.parse(name, CELLS, how).features
            assert all(len(values) == len(CELLS) for values in features.values())


@given(st.binary(max_size=200))
def test_any_bytes_as_a_model(content: bytes):
    check_model(content)
    check_model(len(content).to_bytes(8, "little") + content)
    check_model(b"PK\x03\x04" + content)


MODEL_PIECES = [
    *(b"\xff" * 8, b"\0" * 8, b"\x7f\xf8", b"PK\x03\x04", b"coefs_0", b"intercepts_1", b"fill"),
    *(b'"F64"', b'"F32"', b'"BF16"', b'"F8_E4M3"', b'"BOOL"', b"[2,3]", b"[3,2]", b"[]", b"[-1]"),
    *(b"[99999999999]", b"0,48", b"48,72", b'"__metadata__"', b'"winenet"', b'{"', b'"}', b'\\"'),
    *(b"\\ud800", b"\\\\ud800", b"NaN", b"1e999", b"9" * 5000, b"[" * 3000, b"null", b"true", b"{"),
]


@pytest.fixture(scope="module")
def whole() -> bytes:
    return a_model()


@given(st.data())
def test_a_damaged_model(whole: bytes, data: st.DataObject):
    check_model(data.draw(mutated(whole, MODEL_PIECES)))


@given(st.data())
def test_a_model_with_a_damaged_header(whole: bytes, data: st.DataObject):
    """The header's size is right, so that the damage comes through to its content."""
    text = json.dumps(header(whole), separators=(",", ":")).encode()
    damaged = data.draw(mutated(text, MODEL_PIECES))
    check_model(with_header(whole, damaged))


@given(st.data())
def test_a_model_with_damaged_content(whole: bytes, data: st.DataObject):
    """The header and the hash are right, so that the damage comes through to the values."""
    content = unpack(whole)
    name = data.draw(st.sampled_from(sorted(content)))
    value = content[name]
    if isinstance(value, np.ndarray):
        size = st.sampled_from([value.size, value.size, value.size + 1])
        array = np.resize(value, data.draw(size))
        array[data.draw(st.integers(0, len(array) - 1))] = data.draw(st.floats())
        shapes = [array.shape, (len(array), 1), (1, len(array)), (2, 3) if array.size == 6 else ()]
        content[name] = np.resize(array, data.draw(st.sampled_from(shapes)))
    else:
        content[name] = data.draw(json_values)
    check_model(pack(content))


def format_places(content: Any) -> list[tuple[Any, ...]]:
    return list(places(content["formats"]))


@given(st.data())
def test_a_model_with_a_damaged_format(whole: bytes, data: st.DataObject):
    """One value of how a column is read is replaced, renamed or left out."""
    content = unpack(whole)
    *above, last = data.draw(st.sampled_from(format_places(content)))
    target = content["formats"]
    for step in above:
        target = target[step]
    how = data.draw(st.sampled_from(["replace", "rename", "remove"]))
    if how == "replace":
        target[last] = data.draw(st.one_of(json_values, st.sampled_from(FORMAT_VALUES)))
    else:
        old = target.pop(last)
        if how == "rename" and isinstance(target, dict):
            target[data.draw(st.sampled_from(FORMAT_VALUES)) or "x"] = old
    check_model(pack(content))


FORMAT_VALUES = [
    *("number", "category", "date", "name", "na_values", "parts", "year", "days", "2021-13-01"),
    *(".", ",", "'", " ", "%Y", "%Q", "%", "%d.%m.%Y %c", "%U", "%z", "(", "[", "#", "$#M", ""),
]
json_values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
        st.sampled_from([0, 1, 9.0, "0", "1", "no", "pH", "relu", "winenet model 2"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from("ab"), inner, max_size=2)
    ),
    max_leaves=6,
)


@given(st.data())
def test_a_model_with_damaged_metadata(whole: bytes, data: st.DataObject):
    content = header(whole)
    text = data.draw(mutated(content["__metadata__"]["winenet"].encode(), MODEL_PIECES))
    content["__metadata__"]["winenet"] = text.decode("utf-8", "replace")
    check_model(with_header(whole, json.dumps(content).encode()))


# What other stages wrote

TABLE = b"set,row,group,seen\ntrain,0,0,True\ntest,1,0,True\n"


@given(st.one_of(st.binary(max_size=100), mutated(TABLE, RAW_PIECES)))
def test_a_damaged_table(content: bytes):
    read_well_or_refuse(files.read_table, "some.csv", content)
    read_well_or_refuse(lambda path: table_files.read_split_rows(path, "test"), "some.csv", content)


METRICS = b'{"accuracy": 0.5, "models": {"a": [1, 2.5, null, true, "x"]}}\n'
JSON_PIECES = [b"NaN", b"Infinity", b"1e999", b"[" * 3000, b'"\\ud800"', b"9" * 5000, b"{", b"\xff"]


@given(st.one_of(st.binary(max_size=100), mutated(METRICS, JSON_PIECES)))
def test_damaged_metrics(content: bytes):
    found = read_well_or_refuse(files.read_metrics, "some.json", content)
    assert found is None or isinstance(found, dict)
