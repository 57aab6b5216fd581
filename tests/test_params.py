"""params.yaml is read as DVC reads it, and every fault in it is told at once.

A value that DVC tracks must be the value that a stage uses, down to its type.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from committed import ROOT
from dvc.utils.serialize import ParseError, parse_yaml

from winenet import params
from winenet.params import Params, ParamsError
from winenet.params_errors import MOVED, RENAMED
from winenet.yaml12 import Yaml12Loader

COMMITTED = (ROOT / "params.yaml").read_text(encoding="utf-8")

Load = Callable[[str | bytes], params.Params]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Load a text as the params.yaml of the folder that the process runs in."""
    monkeypatch.chdir(tmp_path)

    def load_text(text: str | bytes) -> params.Params:
        content = text.encode() if isinstance(text, str) else text
        Path("params.yaml").write_bytes(content)
        return params.load()

    return load_text


def committed_with(*changes: tuple[str, str]) -> str:
    """Return the committed file with texts replaced at the first place where they stand."""
    text = COMMITTED
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return text


def message(load: Load, text: str | bytes) -> str:
    with pytest.raises(ParamsError) as caught:
        load(text)
    return str(caught.value)


# The committed file.


def test_the_committed_file_holds_the_notebook_s_settings():
    settings = params.load(str(ROOT / "params.yaml"))
    assert settings.split.model_dump() == {
        "test_size": 0.2,
        "random_state": 42,
        "method": "random",
        "column": None,
        "duplicates": "keep",
        "scaler": "minmax",
    }
    assert settings.logistic.parameters == {
        "solver": "liblinear",
        "random_state": 42,
        "max_iter": 100,
    }
    networks = {
        name: network.model_dump(exclude_unset=True)
        for name, network in settings.mlp.networks.items()
    }
    assert settings.mlp.estimator == "winenet"
    assert settings.mlp.defaults == {"max_iter": 500, "random_state": 42}
    assert networks == {
        "notebook": {"hidden_layer_sizes": [100, 50]},
        "one_hidden_layer": {"hidden_layer_sizes": [100]},
    }
    assert settings.grid_search.model_dump(exclude_none=True) == {
        "estimator": "winenet",
        "method": "grid",
        "defaults": {"max_iter": 500, "random_state": 42},
        "cv": 5,
        "scoring": "accuracy",
        "param_grid": {
            "hidden_layer_sizes": [[50, 25], [100, 50], [100, 100]],
            "learning_rate_init": [0.001, 0.01, 0.1],
        },
    }
    assert settings.curves.model_dump() == {
        "validation_size": 0.2,
        "random_state": 42,
        "epochs": 500,
    }
    assert settings.compare.reference == "notebook"
    assert settings.compare.trusted_modules == []
    baselines = {
        name: model.model_dump(exclude_unset=True)
        for name, model in settings.compare.baselines.items()
    }
    assert baselines == {
        "majority_class": {"estimator": "sklearn.dummy.DummyClassifier", "strategy": "prior"},
        "boosted_trees": {"estimator": "sklearn.ensemble.HistGradientBoostingClassifier"},
    }
    assert settings.gates.model_dump() == {
        "minimum": {
            "logistic.accuracy": 0.97,
            "logistic.accuracy_unseen": 0.97,
            "mlp.notebook.accuracy": 0.99,
            "mlp.notebook.accuracy_unseen": 0.985,
            "mlp.one_hidden_layer.accuracy": 0.985,
            "mlp.one_hidden_layer.accuracy_unseen": 0.98,
            "grid_search.accuracy": 0.985,
            "grid_search.accuracy_unseen": 0.98,
        },
        "max_drop": 1.0,
    }


def test_dvc_reads_the_same_values_from_the_committed_file():
    ours = yaml.load(COMMITTED, Loader=Yaml12Loader)
    assert ours == parse_yaml(COMMITTED, "params.yaml")
    assert list(ours) == list(params.Params.model_fields)


def test_parameters_cannot_be_changed_after_they_are_read():
    settings = params.load(str(ROOT / "params.yaml"))
    with pytest.raises(ValueError, match="frozen"):
        settings.split.test_size = 0.5


def test_a_byte_order_mark_and_windows_line_ends_change_nothing(load):
    expected = params.load(str(ROOT / "params.yaml"))
    assert load("\ufeff" + COMMITTED) == expected
    assert load(COMMITTED.replace("\n", "\r\n")) == expected


# Scalars: DVC reads YAML 1.2 with ruamel.yaml, PyYAML alone would read YAML 1.1.

SAME_AS_DVC: dict[str, Any] = {
    # numbers that YAML 1.1 takes for text, or for other numbers
    "1e-3": 0.001,
    "1E-3": 0.001,
    "1e3": 1000.0,
    "1.e3": 1000.0,
    "1.5e3": 1500.0,
    "1e+3": 1000.0,
    "12e03": 12000.0,
    "010": 10,
    "-010": -10,
    "007": 7,
    "08": 8,
    "0o10": 8,
    "-0o17": -15,
    "0x1F": 31,
    "+0x1F": 31,
    "0b11": 3,
    "1_000": 1000,
    "1_000.5": 1000.5,
    "1_": 1,
    "0x_1": 1,
    # plain numbers
    "0": 0,
    "-0": 0,
    "00": 0,
    "+1": 1,
    "-1": -1,
    "0.1": 0.1,
    "-0.0": -0.0,
    "+.5": 0.5,
    ".5": 0.5,
    "-.5": -0.5,
    "5.": 5.0,
    ".5e+1": 5.0,
    "._5": 0.5,
    "5e-324": 5e-324,
    "1e400": math.inf,
    "1e-400": 0.0,
    "123456789012345678901234567890": 123456789012345678901234567890,
    ".inf": math.inf,
    "-.INF": -math.inf,
    "+.Inf": math.inf,
    ".nan": math.nan,
    ".NaN": math.nan,
    # text that looks like a number
    "0O10": "0O10",
    "0o8": "0o8",
    "0X1F": "0X1F",
    "0b2": "0b2",
    "_1": "_1",
    ".": ".",
    ".5e1": ".5e1",
    "1e": "1e",
    "e3": "e3",
    ".e3": ".e3",
    "1.2.3": "1.2.3",
    ".Nan": ".Nan",
    ".iNF": ".iNF",
    "inf": "inf",
    "nan": "nan",
    "1,000": "1,000",
    "1%": "1%",
    "12:30:45": "12:30:45",
    "1:2": "1:2",
    "190:20:30.15": "190:20:30.15",
    "'1e-3'": "1e-3",
    '"010"': "010",
    # truth values, and words that are ones in YAML 1.1 only
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
    "tRue": "tRue",
    "yes": "yes",
    "Yes": "Yes",
    "no": "no",
    "NO": "NO",
    "on": "on",
    "On": "On",
    "off": "off",
    "y": "y",
    "n": "n",
    # nothing
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "nULL": "nULL",
    "None": "None",
}


@pytest.mark.parametrize(("scalar", "value"), SAME_AS_DVC.items(), ids=[*SAME_AS_DVC])
def test_a_scalar_is_what_dvc_takes_it_for(scalar: str, value: Any):
    text = f"key: {scalar}\n"
    ours = yaml.load(text, Loader=Yaml12Loader)["key"]
    dvc_s = parse_yaml(text, "params.yaml")["key"]
    # repr tells 1 from 1.0 and True, and -0.0 from 0.0; and nan is nan.
    assert (repr(ours), repr(dvc_s)) == (repr(value), repr(value))


@pytest.mark.parametrize("scalar", ["=", "<<", "@x", "[1", "!!int abc", "*nowhere"])
def test_a_scalar_that_dvc_refuses_is_refused(scalar: str):
    text = f"key: {scalar}\n"
    with pytest.raises(yaml.YAMLError):
        yaml.load(text, Loader=Yaml12Loader)
    with pytest.raises((ParseError, ValueError)):
        parse_yaml(text, "params.yaml")


@pytest.mark.parametrize("scalar", ["2001-01-01", "2001-12-14t21:59:43.10-05:00"])
def test_a_date_is_text_to_us_and_a_date_to_dvc(scalar: str):
    """The one difference: no parameter is a date, and as text it serves as a name."""
    text = f"key: {scalar}\n"
    assert yaml.load(text, Loader=Yaml12Loader)["key"] == scalar
    assert parse_yaml(text, "params.yaml")["key"].isoformat().startswith(scalar[:10])


def test_merged_keys_are_read_as_dvc_reads_them():
    text = "one: &one {a: 1, b: 2}\ntwo: {<<: *one, b: 3}\n"
    expected = {"one": {"a": 1, "b": 2}, "two": {"a": 1, "b": 3}}
    assert yaml.load(text, Loader=Yaml12Loader) == parse_yaml(text, "params.yaml") == expected


def test_other_readers_of_yaml_keep_their_scalars():
    assert yaml.safe_load("[1e-3, on, 010]") == ["1e-3", True, 8]


# Faults.


def test_every_fault_is_told_at_once(load):
    text = committed_with(
        ("label: 1\n", "label: 1.0\n"),
        ("pH: [2.5, 4.5]", "pH: [4.5, 2.5]"),
        ("alcohol: [4, 20]", "alcohol: [4]"),
        ("test_size: 0.2", "test_size: 1.2"),
        ("method: random        #", "methd: random        #"),
        ("    notebook: ", "    best: {}\n    notebook: "),
        ("cv: 5", "cv: true"),
        ("    learning_rate_init:\n      - 0.001\n", "    alpha: []\n    learning_rate_init:\n"),
        ("sklearn.dummy.DummyClassifier", "DummyClassifier"),
    )
    assert message(load, text) == (
        "params.yaml has 10 faults, so no stage was run and no result was touched:\n"
        "  ingest.files[0].label: 1.0 is not valid (a label, as the raw files write it): should be"
        " a valid string\n"
        "  ingest.columns.pH: [4.5, 2.5] is not valid (the lower and the upper bound):"
        " it needs [least, largest] with least < largest\n"
        "  ingest.columns.alcohol: [4] is not valid (the lower and the upper bound):"
        " it needs [least, largest] with least < largest\n"
        "  split.test_size: 1.2 is not valid (the fraction of the rows kept for the test): should "
        "be less than 1\n"
        "  split.method: missing; every key must be given\n"
        "  split.methd: unknown key; did you mean 'method'?\n"
        "  mlp.networks.best: 'best' is not valid: a model's name is none of logistic, grid_search,"
        " best, training_rows, held_out_rows, held_out_rows_seen, runs: the pipeline uses them\n"
        "  grid_search.cv: True is not valid (a number of folds): should be a valid integer\n"
        "  grid_search.param_grid.alpha: [] is not valid: should have at least 1 item\n"
        "  compare.baselines.majority_class.estimator: 'DummyClassifier' is not valid (the class"
        " with its module, such as sklearn.dummy.DummyClassifier): it needs module and class,"
        " joined by points\n"
        "Change params.yaml; `git diff params.yaml` shows what changed."
    )


LOGISTIC = COMMITTED[COMMITTED.index("\nlogistic:") + 1 : COMMITTED.index("\nmlp:\n")]
METHOD_LINES = COMMITTED[
    COMMITTED.index("method: random") : COMMITTED.index("   # as the notebook")
]
ONE_FAULT = {
    "a number in quotes": (
        ("test_size: 0.2", "test_size: '0.2'"),
        "split.test_size: '0.2' is not valid",
    ),
    "no number": (("test_size: 0.2", "test_size:"), "split.test_size: None is not valid"),
    "not a number": (("test_size: 0.2", "test_size: .nan"), "nan is not valid"),
    "nothing for the test": (("test_size: 0.2", "test_size: 0"), "should be greater than 0"),
    "all for the test": (("test_size: 0.2", "test_size: 1"), "should be less than 1"),
    "a truth value for a whole number": (
        ("cv: 5", "cv: true"),
        "grid_search.cv: True is not valid",
    ),
    "a fraction for a whole number": (("cv: 5", "cv: 5.0"), "5.0 is not valid (a number of fold"),
    "one fold": (("cv: 5", "cv: 1"), "should be greater than or equal to 2"),
    "a number for a text": (
        ("method: random ", "method: 0 "),
        "split.method: 0 is not valid",
    ),
    "a method that is none": (
        ("method: random ", "method: no "),
        "split.method: 'no' is not valid",
    ),
    "the key before method": (
        ("method: random ", "stratify: false\n  method: random "),
        "split.stratify: replaced by split.method; false is now random, and true stratified",
    ),
    "groups without a column": (
        ("method: random ", "method: group "),
        "split: column is missing, without which method group cannot split",
    ),
    "times without a column": (
        ("method: random ", "method: time "),
        "split: column is missing, without which method time cannot split",
    ),
    "a column without groups": (
        ("method: random ", "column: pH\n  method: random "),
        "split: column 'pH' has no meaning with method random, only with group and time",
    ),
    "a column with class shares": (
        ("method: random ", "column: pH\n  method: stratified "),
        "split: column 'pH' has no meaning with method stratified, only with group and time",
    ),
    "duplicates that may be of several times": (
        (METHOD_LINES, "method: time\n  column: pH\n  duplicates: group "),
        "split: duplicates: group has no meaning with method time",
    ),
    "the target as the column": (
        ("method: random ", "column: Class\n  method: group "),
        "split.column: 'Class' is the target, ingest.target",
    ),
    "a column of the split that is none": (
        ("method: random ", "column: alcool\n  method: group "),
        "split.column: 'alcool' is in neither ingest.columns nor ingest.drop_columns; did you mean "
        "'alcohol'?",
    ),
    "a negative seed": (("random_state: 42", "random_state: -1"), "-1 is not valid (a seed"),
    "a seed of 33 bits": (
        ("random_state: 42", "random_state: 4294967296"),
        "should be less than or equal to 4294967295",
    ),
    "epochs that fall": (("    - 1000\n", "    - 400\n"), "the epochs must increase"),
    "epochs that stay": (("    - 1000\n", "    - 500\n"), "the epochs must increase"),
    "nothing held out": (
        ("validation_size: 0.2", "validation_size: 0"),
        "curves.validation_size: 0 is not valid (the fraction of the training rows that is held "
        "out",
    ),
    "all held out": (("validation_size: 0.2", "validation_size: 1"), "should be less than 1"),
    "no epoch to follow": (("epochs: 500", "epochs: 0"), "curves.epochs: 0 is not valid (a numb"),
    "an unknown score": (
        ("scoring: accuracy", "scoring: r2"),
        "grid_search.scoring: 'r2' is not valid",
    ),
    "three bounds": (
        ("pH: [2.5, 4.5]", "pH: [2, 3, 4]"),
        "ingest.columns.pH: [2, 3, 4] is not valid",
    ),
    "equal bounds": (("pH: [2.5, 4.5]", "pH: [3, 3]"), "[least, largest] with least < largest"),
    "no bounds": (("pH: [2.5, 4.5]", "pH:"), "ingest.columns.pH: None is not valid (the lower"),
    "a mistyped key of a column": (
        ("pH: [2.5, 4.5]", "pH: {type: number, decimel: ','}"),
        "ingest.columns.pH.decimel: unknown key; did you mean 'decimal'?",
    ),
    "a unit of a category": (
        ("pH: [2.5, 4.5]", "pH: {type: category, unit: kg}"),
        "ingest.columns.pH.unit: unknown key; known here: na_values, type",
    ),
    "a column of another type": (
        ("pH: [2.5, 4.5]", "pH: {type: text}"),
        "ingest.columns.pH: {'type': 'text'} is not valid: it needs a type of number, category, ",
    ),
    "a column without a type": (
        ("pH: [2.5, 4.5]", "pH: {decimal: ','}"),
        "ingest.columns.pH: {'decimal': ','} is not valid: it needs a type of number, category, ",
    ),
    "a range the wrong way round": (
        ("pH: [2.5, 4.5]", "pH: {type: number, range: [4.5, 2.5]}"),
        "ingest.columns.pH.range: [4.5, 2.5] is not valid: it needs [least, largest] with least",
    ),
    "one sign for two uses": (
        ("pH: [2.5, 4.5]", "pH: {type: number, decimal: ',', thousands: ','}"),
        "ingest.columns.pH: decimal and thousands are both ','; they must differ",
    ),
    "a date without its format": (
        ("pH: [2.5, 4.5]", "pH: {type: date, parts: [year]}"),
        "ingest.columns.pH.format: missing; every key must be given",
    ),
    "a format without signs": (
        ("pH: [2.5, 4.5]", "pH: {type: date, format: DD.MM.YYYY, parts: [year]}"),
        "ingest.columns.pH.format: 'DD.MM.YYYY' is not valid: it has signs of strptime, each once",
    ),
    "a format with a sign twice": (
        ("pH: [2.5, 4.5]", "pH: {type: date, format: '%Y-%Y', parts: [year]}"),
        "ingest.columns.pH.format: '%Y-%Y' is not valid: it has signs of strptime, each once",
    ),
    "a part that a date has not": (
        ("pH: [2.5, 4.5]", "pH: {type: date, format: '%Y', parts: [century]}"),
        "ingest.columns.pH.parts[0]: 'century' is not valid",
    ),
    "no part of a date": (
        ("pH: [2.5, 4.5]", "pH: {type: date, format: '%Y', parts: []}"),
        "ingest.columns.pH.parts: [] is not valid: should have at least 1 item",
    ),
    "an origin that is no date": (
        ("pH: [2.5, 4.5]", "pH: {type: date, format: '%Y', parts: [days], origin: 1970}"),
        "ingest.columns.pH.origin: 1970 is not valid",
    ),
    "an unknown encoding": (
        ('separator: ";"', 'separator: ";"\n  encoding: latin-99'),
        "ingest.encoding: 'latin-99' is not valid (the raw files' encoding): Python knows no enc",
    ),
    "a class without a name": (
        ('separator: ";"', 'separator: ";"\n  rare_classes: merge='),
        "ingest.rare_classes: 'merge=' is not valid",
    ),
    "classes of one row": (
        ('separator: ";"', 'separator: ";"\n  min_class_rows: 1'),
        "ingest.min_class_rows: 1 is not valid (rows that a class needs): should be greater than",
    ),
    "another treatment of rows without a label": (
        ('separator: ";"', 'separator: ";"\n  unlabelled: keep'),
        "ingest.unlabelled: 'keep' is not valid",
    ),
    "a path": (("name: winequality-red.csv", "name: ../red.csv"), "'../red.csv' is not valid"),
    "a file listed twice": (
        ("name: winequality-red.csv", "name: winequality-white.csv"),
        "'winequality-white.csv' is listed twice",
    ),
    "the label among the predictions": (
        ("target: Class", "target: probability_2"),
        "target 'probability_2' is a column of the tables of predictions; rename it",
    ),
    "the label among the features": (("target: Class", "target: pH"), "'pH' is one of"),
    "a long separator": (('separator: ";"', "separator: ';;'"), "one character of ASCII"),
    "a line end as separator": (('separator: ";"', 'separator: "\\n"'), "one character of ASCII"),
    "a foreign separator": (('separator: ";"', "separator: é"), "one character of ASCII"),
    "a quotation mark as separator": (('separator: ";"', "separator: '\"'"), "one character of"),
    "an unknown section": (
        ("ingest:", "quality: {}\ningest:"),
        "quality: unknown key; known here: ing",
    ),
    "a mistyped key in a list": (("label: 1", "label: 1\n      nmae: x"), "did you mean 'name'?"),
    "a number for a section": (
        (LOGISTIC, "logistic: 3\n"),
        "logistic: 3 is not a section; it needs parameters of the model, or {} for none",
    ),
    "a floor of a stage alone": (
        ("logistic.accuracy: 0.97", "logistic: 0.97"),
        "gates.minimum.logistic: 'logistic' is not valid (a minimum): a floor's key is "
        "stage.metric, such as logistic.accuracy",
    ),
    "a floor with an empty step": (
        ("logistic.accuracy: 0.97", "logistic..accuracy: 0.97"),
        "gates.minimum.logistic..accuracy: 'logistic..accuracy' is not valid (a minimum): a "
        "floor's",
    ),
    "a floor of a mistyped stage": (
        ("logistic.accuracy: 0.97", "logistc.accuracy: 0.97"),
        "'logistc.accuracy' is not valid (a minimum): no stage is called 'logistc'; did you mean"
        " 'logistic'?",
    ),
    "a floor of no stage": (
        ("logistic.accuracy: 0.97", "gates.max_drop: 0.97"),
        "is not valid (a minimum): no stage is called 'gates'; the stages are ingest, split,",
    ),
    "a floor in quotes": (
        ("logistic.accuracy: 0.97", "logistic.accuracy: '0.97'"),
        "gates.minimum.logistic.accuracy: '0.97' is not valid (a minimum): should be a valid "
        "number",
    ),
    "a floor that is not a number": (
        ("logistic.accuracy: 0.97", "logistic.accuracy: .nan"),
        "gates.minimum.logistic.accuracy: nan is not valid (a minimum): should be a finite number",
    ),
    "a floor that is a truth value": (
        ("logistic.accuracy: 0.97", "logistic.accuracy: true"),
        "gates.minimum.logistic.accuracy: True is not valid (a minimum",
    ),
    "nested floors": (
        ("logistic.accuracy: 0.97", "logistic.accuracy: {least: 0.97}"),
        "gates.minimum.logistic.accuracy: {'least': 0.97} is not valid (a minimum",
    ),
    "no loss allowed": (
        ("max_drop: 1.0", "max_drop: 0"),
        "gates.max_drop: 0 is not valid (the largest allowed drop, in half-widths of the base's "
        "interval",
    ),
    "any loss allowed": (("max_drop: 1.0", "max_drop: .inf"), "gates.max_drop: inf is not valid"),
}


@pytest.mark.parametrize(("change", "told"), ONE_FAULT.values(), ids=[*ONE_FAULT])
def test_a_value_that_does_not_fit_is_told_with_place_and_rule(load, change, told):
    text = message(load, committed_with(change))
    assert text.startswith("params.yaml has 1 fault, so no stage was run")
    assert told in text
    assert text.endswith("\nChange params.yaml; `git diff params.yaml` shows what changed.")


def test_a_gate_without_a_floor_is_refused(load):
    start, end = COMMITTED.index("  minimum: "), COMMITTED.index("  max_drop: ")
    text = message(load, COMMITTED[:start] + "  minimum: {}\n" + COMMITTED[end:])
    assert "\n  gates.minimum: {} is not valid (the minimum of each metric, " in text


def test_a_missing_section_is_told(load):
    start, end = COMMITTED.index("\nlogistic:") + 1, COMMITTED.index("mlp:\n")
    text = message(load, COMMITTED[:start] + COMMITTED[end:])
    assert "\n  logistic: missing; every key must be given\n" in text


NO_SECTIONS = {"an empty file": "", "a comment": "# nothing\n", "a list": "- 1\n", "a word": "a\n"}


@pytest.mark.parametrize("text", NO_SECTIONS.values(), ids=[*NO_SECTIONS])
def test_a_file_without_sections_is_told(load, text):
    shown = repr(yaml.safe_load(text))
    assert message(load, text) == (
        f"params.yaml holds {shown} in place of sections, so no stage was run. "
        f"It needs the sections {', '.join(Params.model_fields)}."
    )


NO_YAML = {
    "a key given twice": (
        ("test_size: 0.2", "test_size: 0.2\n  test_size: 0.3"),
        "the key 'test_size' is given twice line 35, column 3",
    ),
    "a section given twice": (("logistic:", "split:"), "the key 'split' is given twice line"),
    "an open bracket": (("test_size: 0.2", "test_size: [0.2"), "expected ',' or ']'"),
    "a tab": (("  test_size: 0.2", "\ttest_size: 0.2"), "found character '\\t'"),
    "a number as key": (
        ("test_size: 0.2", "5: 0.2"),
        "the key 5 is not text; put it in quotes line",
    ),
    "a truth value as key": (("test_size:", "true:"), "the key true is not text; put it in quotes"),
    "a list as key": (
        ("test_size: 0.2", "? [a]\n  : 0.2"),
        "is not text; put it in quotes line 34",
    ),
    "text behind !!int": (("0.2", "!!int abc"), "this cannot be read as tag:yaml.org,2002:int"),
    "a number of 5000 digits": (("0.2", "9" * 5000), "this cannot be read as tag:yaml.org"),
    "code": (("0.2", "!!python/object/apply:os.getcwd []"), "could not determine a constructor"),
    "an unknown alias": (("0.2", "*other"), "found undefined alias 'other'"),
    "two documents": (("split:", "---\nsplit:"), "expected a single document"),
    "a null byte": (("0.2", "0.2\0"), "special characters are not allowed"),
}


@pytest.mark.parametrize(("change", "told"), NO_YAML.values(), ids=[*NO_YAML])
def test_a_file_that_is_no_yaml_is_told_in_one_line(load, change, told):
    text = message(load, committed_with(change))
    assert text.startswith("params.yaml is not valid YAML, so no stage was run: ")
    assert told in text
    assert text.endswith(". Correct it there; `git diff params.yaml` shows what changed.")
    assert "\n" not in text


def test_a_key_given_twice_is_refused_by_dvc_as_well():
    with pytest.raises(ParseError):
        parse_yaml("a: 1\na: 2\n", "params.yaml")


def test_a_missing_file_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ParamsError) as caught:
        params.load()
    assert str(caught.value) == (
        "params.yaml is missing in this folder, so no stage can run. Start from the root of the "
        "repository; `git checkout -- params.yaml` restores the committed file."
    )


def test_a_folder_in_the_file_s_place_is_told(tmp_path):
    with pytest.raises(ParamsError, match="cannot be read, so no stage can run: "):
        params.load(str(tmp_path))


@pytest.mark.parametrize(
    ("content", "byte"), [(COMMITTED.encode("utf-16"), 0), (b"# caf\xe9\n", 5)], ids=["16", "1"]
)
def test_a_file_that_is_not_utf_8_is_told(load, content, byte):
    assert message(load, content) == (
        f"params.yaml is not UTF-8 (byte {byte}), so no stage can read it. Save it as UTF-8."
    )


@pytest.mark.parametrize("key", RENAMED)
def test_a_renamed_key_is_answered_with_its_new_name(key: str, tmp_path: Path) -> None:
    content = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    section, old = key.split(".")
    new = RENAMED[key].partition(";")[0]
    schema = str(Params.model_json_schema())
    assert f"'{new}'" in schema
    content[section][old] = content[section].pop(new, None)
    file = tmp_path / "params.yaml"
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(ParamsError) as caught:
        params.load(str(file))
    assert f"{key}: renamed to {RENAMED[key]}" in str(caught.value)


@pytest.mark.parametrize("key", MOVED)
def test_a_moved_key_is_answered_with_its_new_place(key: str, load: Load) -> None:
    content = yaml.safe_load(COMMITTED)
    section, old = key.split(".")
    content[section][old] = 500
    text = message(load, yaml.safe_dump(content))
    assert text.splitlines()[1:-1] == [f"  {key}: {MOVED[key]}"]
    if "defaults" in MOVED[key]:
        content[section]["defaults"][old] = content[section].pop(old)
        load(yaml.safe_dump(content))


def test_all_moved_keys_are_told_at_once(load: Load) -> None:
    content = yaml.safe_load(COMMITTED)
    for key in MOVED:
        section, old = key.split(".")
        content[section][old] = 500
    lines = message(load, yaml.safe_dump(content)).splitlines()
    assert lines[0].startswith(f"params.yaml has {len(MOVED)} faults")
    assert sorted(lines[1:-1]) == sorted(f"  {key}: {where}" for key, where in MOVED.items())


# Columns as people write them.

WRITTEN = """pH: {type: number, decimal: ",", thousands: ".", unit: "$", range: [0, 14],
      parentheses: true, limits: true, na_values: ["-"]}
    kind: {type: category, na_values: []}
    time: {type: date, format: "%H:%M:%S", parts: [hour, minute, second]}
    "x*": number"""


def test_each_kind_of_column_can_be_written(load):
    columns = load(committed_with(("pH: [2.5, 4.5]", WRITTEN))).ingest.columns
    assert columns["pH"].model_dump() == {
        "type": "number",
        "decimal": ",",
        "thousands": ".",
        "unit": "$",
        "range": [0, 14],
        "parentheses": True,
        "limits": True,
        "na_values": ["-"],
    }
    assert columns["kind"].model_dump() == {"type": "category", "na_values": []}
    assert columns["time"].model_dump() == {
        "type": "date",
        "format": "%H:%M:%S",
        "parts": ["hour", "minute", "second"],
        "origin": "1970-01-01",
        "na_values": None,
    }
    assert columns["x*"] == "number"
