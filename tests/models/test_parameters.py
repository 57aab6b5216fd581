"""Every fault in the parameters of a model is told at its place, before any stage runs."""

import copy
import re
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from committed import ROOT
from sklearn.utils import all_estimators

from winenet import params
from winenet.evaluation import search_results
from winenet.models import constraints, logistic, parameters, registry
from winenet.network.classifier import DenseClassifier
from winenet.params import Params, ParamsError
from winenet.yaml12 import Yaml12Loader

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

COMMITTED = yaml.load((ROOT / "params.yaml").read_text("utf-8"), Loader=Yaml12Loader)
DELETE = object()
INF, NAN = float("inf"), float("nan")

NET = "mlp/networks/notebook"
GRID = "grid_search/param_grid"
SEED = "is not a seed: it must be an integer from 0 to 4294967295, or each run would give other"
UNITS = "it must be a list of numbers of units, such as [100, 50]"
NAME = "a model's name has 1 to 60 letters, digits, _ and -, and blanks only between them"
WORKERS = "cannot be set here, because WINENET_WORKERS sets the number of processes"
NOT_ALONE = "is not a classifier that can be made without other estimators"
WEIGHTS = "its keys must be codes of classes, from '0' to '1', its values numbers of at least 0"


def baseline(path: str, **given: Any) -> tuple[str, dict[str, Any]]:
    return "compare/baselines/m", {"estimator": path, **given}


# Where, what stands there, and the one line of the message.
WRONG: dict[str, tuple[tuple[str, Any], str]] = {
    # types and ranges
    "a text for a number": (
        (f"{NET}/alpha", "0.1"),
        "mlp.networks.notebook.alpha: '0.1' is not valid: it must be a float in the range [0.0, in",
    ),
    "a negative number": ((f"{NET}/alpha", -1), "notebook.alpha: -1 is not valid: it must be a fl"),
    "a wrong default, once": (
        ("mlp/defaults/alpha", -1),
        "mlp.defaults.alpha: -1 is not valid: it must be a float in the range [0.0, inf)",
    ),
    "infinity": ((f"{NET}/alpha", INF), "notebook.alpha: inf is not valid: it must be a float"),
    "not a number": (
        (f"{NET}/alpha", NAN),
        "alpha: nan is not valid: it must not be or contain nan",
    ),
    "nothing": ((f"{NET}/alpha", None), "notebook.alpha: None is not valid: it must be a float"),
    "a truth value for a float": ((f"{NET}/alpha", True), "alpha: True is not valid: it must be a"),
    "a truth value for an integer": (
        (f"{NET}/max_iter", True),
        "mlp.networks.notebook.max_iter: True is not valid: it must be an int in the range [1, inf",
    ),
    "a float for an integer": (
        (f"{NET}/max_iter", 5.0),
        "max_iter: 5.0 is not valid: it must be an",
    ),
    "no epochs": ((f"{NET}/max_iter", 0), "max_iter: 0 is not valid: it must be an int in the"),
    "a number for a truth value": (
        (f"{NET}/early_stopping", 1),
        "notebook.early_stopping: 1 is not valid: it must be true or false",
    ),
    "a mistyped option": (
        (f"{NET}/activation", "rleu"),
        "notebook.activation: 'rleu' is not valid: it must be 'identity', 'logistic', 'relu' or "
        "'tanh'; did you mean 'relu'?",
    ),
    "no learning": (
        (f"{NET}/learning_rate_init", 0),
        "learning_rate_init: 0 is not valid: it must be a float in the range (0.0, inf)",
    ),
    "a dropout of all": (
        (f"{NET}/dropout", 1),
        "dropout: 1 is not valid: it must be a float in the",
    ),
    "no hidden layer": ((f"{NET}/hidden_layer_sizes", []), f"sizes: [] is not valid: {UNITS}"),
    "an empty layer": ((f"{NET}/hidden_layer_sizes", [9, 0]), f"[9, 0] is not valid: {UNITS}"),
    "a truth value for units": (
        (f"{NET}/hidden_layer_sizes", [True, 5]),
        f"mlp.networks.notebook.hidden_layer_sizes: [True, 5] is not valid: {UNITS}",
    ),
    "half a unit": ((f"{NET}/hidden_layer_sizes", [1.5]), f"sizes: [1.5] is not valid: {UNITS}"),
    "a text for layers": ((f"{NET}/hidden_layer_sizes", "100"), f"'100' is not valid: {UNITS}"),
    "layers in layers": ((f"{NET}/hidden_layer_sizes", [[5]]), f"[[5]] is not valid: {UNITS}"),
    "a network that is nothing": (
        (NET, None),
        "mlp.networks.notebook: None is not a section; it needs parameters of the model, or {}",
    ),
    "no network": (
        ("mlp/networks", {}),
        "mlp.networks: {} is not valid (by name, what differs from the defaults): should have at "
        "least 1 item",
    ),
    # names
    "an empty name": (("mlp/networks/", {}), f"mlp.networks.'': '' is not valid: {NAME}"),
    "a name of 61 characters": ((f"mlp/networks/{'x' * 61}", {}), f"xxx' is not valid: {NAME}"),
    "a blank at the end": (
        ("mlp/networks/a ", {}),
        f"mlp.networks.'a ': 'a ' is not valid: {NAME}",
    ),
    "a slash": (("mlp/networks/a\0b", {}), f"mlp.networks.a/b: 'a/b' is not valid: {NAME}"),
    "a point": (("mlp/networks/a.b", {}), f"mlp.networks.a.b: 'a.b' is not valid: {NAME}"),
    "another case": (
        ("mlp/networks/Notebook", {}),
        "mlp.networks: 'notebook' and 'Notebook' differ in case alone",
    ),
    "logistic": (
        ("mlp/networks/logistic", {}),
        "'logistic' is not valid: a model's name is none of",
    ),
    "best": (
        ("mlp/networks/Best", {}),
        "mlp.networks.Best: 'Best' is not valid: a model's name is",
    ),
    "a key of the metrics": (
        ("mlp/networks/runs", {}),
        "'runs' is not valid: a model's name is none",
    ),
    "a device": (
        ("mlp/networks/nul", {}),
        "mlp.networks.nul: 'nul' is not valid: Windows has no file",
    ),
    "a network and a baseline": (
        ("mlp/networks/boosted_trees", {}),
        "compare.baselines: 'boosted_trees' is a network in mlp.networks as well; a model's name",
    ),
    "a network and a baseline in another case": (
        ("mlp/networks/Boosted_trees", {}),
        "mlp.networks and compare.baselines: 'Boosted_trees' and 'boosted_trees' differ in case",
    ),
    "a blank title": (
        (f"{NET}/title", " "),
        "notebook.title: ' ' is not valid: a name is not blank",
    ),
    # parameters
    "an unknown parameter": (
        (f"{NET}/learning_rte", 1),
        "mlp.networks.notebook.learning_rte: unknown parameter of DenseClassifier; did you mean "
        "'learning_rate'?",
    ),
    "a parameter unlike all": (
        (f"{NET}/units", 1),
        "notebook.units: unknown parameter of DenseClassifier; known: activation, alpha, batch_si",
    ),
    "lbfgs": (
        (f"{NET}/solver", "lbfgs"),
        "solver: 'lbfgs' is not valid: it must be 'adam' or 'sgd'",
    ),
    "max_fun": (
        (f"{NET}/max_fun", 9),
        "max_fun: unknown parameter of DenseClassifier; only the so",
    ),
    "no seed": ((f"{NET}/random_state", None), f"notebook.random_state: None {SEED}"),
    "a truth value as seed": ((f"{NET}/random_state", True), f"notebook.random_state: True {SEED}"),
    "a negative seed": ((f"{NET}/random_state", -1), f"notebook.random_state: -1 {SEED}"),
    "a seed of 33 bits": (("logistic/random_state", 2**32), f"random_state: 4294967296 {SEED}"),
    "n_jobs": ((f"{NET}/n_jobs", 2), f"mlp.networks.notebook.n_jobs: {WORKERS}"),
    "verbose": ((f"{NET}/verbose", True), "verbose: cannot be set here, because the stages report"),
    "warm_start": (
        ("mlp/defaults/warm_start", True),
        "warm_start: cannot be set here, because each",
    ),
    "weights of unknown classes": (
        (f"{NET}/class_weight", {"7": 1}),
        f"mlp.networks.notebook.class_weight: {{7: 1}} is not valid: {WEIGHTS}",
    ),
    "weights of labels": (
        (f"{NET}/class_weight", {"red": 1}),
        f"{{'red': 1}} is not valid: {WEIGHTS}",
    ),
    "a negative weight": ((f"{NET}/class_weight", {"0": -1}), f"{{0: -1}} is not valid: {WEIGHTS}"),
    "a weight that is not a number": ((f"{NET}/class_weight", {"0": NAN}), "not be or contain nan"),
    "no rows to stop by": (
        (NET, {"early_stopping": True, "validation_fraction": 0.0}),
        "mlp.networks.notebook: DenseClassifier refuses these parameters: The 'test_size' paramete",
    ),
    # the logistic regression
    "an unknown solver": (
        ("logistic/solver", "libliner"),
        "logistic.solver: 'libliner' is not valid: it must be 'lbfgs', 'liblinear', 'newton-cg', "
        "'newton-cholesky', 'sag' or 'saga'; did you mean 'liblinear'?",
    ),
    "a mistyped parameter": (
        ("logistic/max_itr", 9),
        "logistic.max_itr: unknown parameter of LogisticRegression; did you mean 'max_iter'?",
    ),
    "a solver without elastic net": (
        ("logistic/l1_ratio", 0.5),
        "logistic: LogisticRegression refuses these parameters: Only 'saga' solver supports",
    ),
    "a solver that must regularise": (
        ("logistic/C", INF),
        "logistic: LogisticRegression refuses these parameters: C=np.inf as well as penalty=None",
    ),
    "its seed missing": (
        ("logistic/random_state", DELETE),
        "logistic.random_state: missing; some solvers give other results in each run",
    ),
    "its n_jobs": (("logistic/n_jobs", 2), f"logistic.n_jobs: {WORKERS}"),
    # the search
    "no grid": (
        (GRID, {}),
        "grid_search.param_grid: {} is not valid (the values of each parameter",
    ),
    "no values": (
        (f"{GRID}/alpha", []),
        "param_grid.alpha: [] is not valid: should have at least 1",
    ),
    "a value for values": (
        (f"{GRID}/alpha", 0.1),
        "param_grid.alpha: 0.1 is not valid: it must be a list of values, or a distribution",
    ),
    "an unknown parameter in the grid": (
        (f"{GRID}/alpah", [0.1, 0.2]),
        "grid_search.param_grid.alpah: unknown parameter of DenseClassifier; did you mean 'alpha'?",
    ),
    "one bad value among good ones": (
        (f"{GRID}/alpha", [0.1, -1, 0.2]),
        "grid_search.param_grid.alpha[1]: -1 is not valid: it must be a float in the range [0.0, i",
    ),
    "an empty layer in the grid": (
        (f"{GRID}/hidden_layer_sizes", [[5], [0]]),
        f"grid_search.param_grid.hidden_layer_sizes[1]: [0] is not valid: {UNITS}",
    ),
    "lbfgs in the grid": (
        (f"{GRID}/solver", ["adam", "lbfgs"]),
        "param_grid.solver[1]: 'lbfgs' is",
    ),
    "a value twice": ((f"{GRID}/alpha", [0.1, 0.1]), "param_grid.alpha: 0.1 is listed twice"),
    "a grid of verbose": ((f"{GRID}/verbose", [True, False]), "grid.verbose: cannot be set here"),
    "weights of the grid": (
        (f"{GRID}/class_weight", [None, {"5": 1}]),
        f"grid_search.param_grid.class_weight[1]: {{5: 1}} is not valid: {WEIGHTS}",
    ),
    "infinite patience in the grid": (
        (f"{GRID}/n_iter_no_change", [10, INF]),
        "param_grid.n_iter_no_change[1]: inf is not valid: it must be finite, since the best",
    ),
    "no seed of the search": (
        ("grid_search/defaults", {}),
        "grid_search.defaults.random_state: missing; without a seed each run would give other",
    ),
    # the baselines
    "a class without its module": (
        baseline("DummyClassifier"),
        "compare.baselines.m.estimator: 'DummyClassifier' is not valid (the class with its module, "
        "such as sklearn.dummy.DummyClassifier): it needs module and class, joined by points",
    ),
    "a class outside sklearn": (
        baseline("os.path.Joiner"),
        "compare.baselines.m.estimator: os.path.Joiner is not in sklearn, so it was not imported. "
        "To trust its package, add os to compare.trusted_modules.",
    ),
    "a class that does not exist": (
        baseline("sklearn.dummy.DumyClassifier"),
        "there is no class sklearn.dummy.DumyClassifier; did you mean 'sklearn.dummy.DummyClassif",
    ),
    "a class in another module": (
        baseline("sklearn.trees.RandomForestClassifier"),
        "there is no class sklearn.trees.RandomForestClassifier; did you mean 'sklearn.ensemble.Ra",
    ),
    "a class of no name near": (
        baseline("sklearn.dummy.Xyz"),
        "there is no class sklearn.dummy.Xyz",
    ),
    "a regressor": (
        baseline("sklearn.linear_model.LinearRegression"),
        f"compare.baselines.m.estimator: sklearn.linear_model.LinearRegression {NOT_ALONE}",
    ),
    "one that needs others": (
        baseline("sklearn.ensemble.StackingClassifier"),
        f"compare.baselines.m.estimator: sklearn.ensemble.StackingClassifier {NOT_ALONE}",
    ),
    "a dictionary": (baseline("sklearn.utils.Bunch"), f"sklearn.utils.Bunch {NOT_ALONE}"),
    "half a class": (baseline("sklearn.base.ClassifierMixin"), f"base.ClassifierMixin {NOT_ALONE}"),
    "a function": (baseline("sklearn.base.clone"), f"sklearn.base.clone {NOT_ALONE}"),
    "no class": (("compare/baselines/m", {}), "compare.baselines.m.estimator: missing; every key"),
    "a baseline's range": (
        baseline("sklearn.svm.SVC", C=0),
        "compare.baselines.m.C: 0 is not valid: it must be a float in the range (0.0, inf]",
    ),
    "a baseline's parameter": (
        baseline("sklearn.svm.SVC", kernal="rbf"),
        "compare.baselines.m.kernal: unknown parameter of SVC; did you mean 'kernel'?",
    ),
    "a baseline without a seed": (
        baseline("sklearn.svm.SVC", random_state=None),
        f"compare.baselines.m.random_state: None {SEED}",
    ),
    "processes of a baseline": (
        baseline("sklearn.ensemble.RandomForestClassifier", n_jobs=2),
        f"compare.baselines.m.n_jobs: {WORKERS}",
    ),
    "what a baseline refuses in fit": (
        baseline("sklearn.ensemble.RandomForestClassifier", oob_score=True, bootstrap=False),
        "compare.baselines.m: RandomForestClassifier refuses these parameters: Out of bag",
    ),
    "a module for a package": (
        ("compare/trusted_modules", ["a.b"]),
        "compare.trusted_modules[0]: 'a.b' is not valid: it must be the name of a package without",
    ),
    # the reference
    "an unknown reference": (
        ("compare/reference", "notebok"),
        "compare.reference: 'notebok' is not one of mlp.networks; did you mean 'notebook'?",
    ),
    "a baseline as reference": (
        ("compare/reference", "boosted_trees"),
        "compare.reference: 'boosted_trees' is not one of mlp.networks: notebook, one_hidden_layer",
    ),
}
# Parameters that scikit-learn's network does not have.
NOT_OF_SKLEARN = {"dropout": 0.1, "dtype": "float32"}


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Params]:
    """Return a function that loads the committed parameters with others at some places."""

    def load_changed(*changes: tuple[str, Any]) -> Params:
        content = copy.deepcopy(COMMITTED)
        for path, value in changes:
            *steps, last = path.split("/")
            section = content
            for step in steps:
                section = section[step]
            if value is DELETE:
                del section[last]
            else:
                section[last.replace("\0", "/")] = value
        file = tmp_path / "params.yaml"
        file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        return params.load(str(file))

    load_changed.path = str(tmp_path / "params.yaml")
    return load_changed


def faults(load: Callable[..., Params], *changes: tuple[str, Any]) -> list[str]:
    """Return the faults in a message, after a look at what stands around them."""
    with pytest.raises(ParamsError) as caught:
        parameters.check(load(*changes))
    first, *lines, last = str(caught.value).splitlines()
    number = re.fullmatch(
        r".*params.yaml has (\d+) faults?, so no stage was run and no result was touched:", first
    )
    assert number is not None
    assert int(number[1]) == len(lines)
    assert re.fullmatch(r"Change (\S+); `git diff \1` shows what changed\.", last)
    assert all(line.isprintable() and len(line) < 500 for line in lines)
    return [line.removeprefix("  ") for line in lines]


@pytest.mark.parametrize(("change", "line"), WRONG.values(), ids=[*WRONG])
def test_a_wrong_parameter_is_one_fault_at_its_place(load, change, line):
    (fault,) = faults(load, change)
    assert line in fault


def test_the_table_is_long():
    assert len(WRONG) >= 40


@pytest.mark.parametrize("name", NOT_OF_SKLEARN)
@pytest.mark.parametrize(
    ("section", "where", "place"),
    [
        ("mlp", NET, "mlp.networks.notebook"),
        ("mlp", "mlp/defaults", "mlp.defaults"),
        ("grid_search", "grid_search/defaults", "grid_search.defaults"),
        ("grid_search", GRID, "grid_search.param_grid"),
    ],
)
def test_what_scikit_learn_s_network_lacks_is_told_with_the_way_out(
    load, name, section, where, place
):
    value = [NOT_OF_SKLEARN[name]] if where == GRID else NOT_OF_SKLEARN[name]
    own = (f"{where}/{name}", value)
    parameters.check(load(own))
    assert faults(load, (f"{section}/estimator", "scikit-learn"), own) == [
        f"{place}.{name}: unknown parameter of MLPClassifier; it needs `estimator: winenet`"
    ]


def test_lbfgs_is_refused_with_either_library(load):
    own = (f"{NET}/solver", "lbfgs")
    expected = ["mlp.networks.notebook.solver: 'lbfgs' is not valid: it must be 'adam' or 'sgd'"]
    assert faults(load, ("mlp/estimator", "scikit-learn"), own) == expected


def test_all_faults_are_told_at_once_in_the_order_of_the_file(load):
    found = faults(
        load,
        ("logistic/C", -1),
        ("mlp/defaults/tol", "small"),
        (f"{NET}/solver", "lbfgs"),
        (f"{NET}/dropout", 2),
        (f"{GRID}/alpha", [-1, "x", 0.1]),
        baseline("sklearn.svm.SVC", C=0),
        ("compare/baselines/n", {"estimator": "os.Path"}),
    )
    assert [fault.partition(": ")[0] for fault in found] == [
        "logistic.C",
        "mlp.defaults.tol",
        "mlp.networks.notebook.solver",
        "mlp.networks.notebook.dropout",
        "grid_search.param_grid.alpha[0]",
        "grid_search.param_grid.alpha[1]",
        "compare.baselines.m.C",
        "compare.baselines.n.estimator",
    ]


def test_a_default_may_be_missing_if_each_network_has_its_own_value(load):
    own = [(f"mlp/networks/{name}/random_state", 1) for name in COMMITTED["mlp"]["networks"]]
    parameters.check(load(("mlp/defaults", {}), *own))
    assert faults(load, ("mlp/defaults", {}), own[0]) == [
        "mlp.networks.one_hidden_layer.random_state: missing; without a seed each run would give "
        "other results"
    ]


# What is valid.

GOOD = {
    "one hidden layer as a number": (f"{NET}/hidden_layer_sizes", 5),
    "an integer for a float": (f"{NET}/alpha", 1),
    "weights by code": (f"{NET}/class_weight", {"0": 1, "1": 2.5}),
    "balanced weights": (f"{NET}/class_weight", "balanced"),
    "endless patience": (f"{NET}/n_iter_no_change", INF),
    "a network of the defaults": ("mlp/networks/plain", {}),
    "a name with blanks": ("mlp/networks/sixty wide-units_é", {"hidden_layer_sizes": [60]}),
    "no baselines": ("compare/baselines", {}),
    "a few rows to stop by": (NET, {"early_stopping": True, "validation_fraction": 0.002}),
    "a search of truth values": (f"{GRID}/early_stopping", [False, True]),
    "a search of weights": (f"{GRID}/class_weight", [None, "balanced", {"0": 1, "1": 3}]),
    "a model with a decision alone": baseline("sklearn.svm.LinearSVC"),
    "lbfgs of a baseline": baseline("sklearn.neural_network.MLPClassifier", solver="lbfgs"),
    "a rule for a feature": baseline(
        "sklearn.ensemble.HistGradientBoostingClassifier", monotonic_cst={"quality": 1}
    ),
}


@pytest.mark.parametrize("change", GOOD.values(), ids=[*GOOD])
def test_a_valid_parameter_is_let_through_and_has_no_note(load, change):
    assert parameters.check(load(change)) == []


NOT_FOR_LONG = re.compile(r"^compare\.baselines\.m: .*(deprecated|will change|will be simplified)")
ALONE = [
    f"{cls.__module__.partition('._')[0]}.{name}"
    for name, cls in all_estimators(type_filter="classifier")
    if parameters._makes_a_classifier(cls)
]


@pytest.mark.parametrize("path", ALONE)
def test_each_of_scikit_learn_s_classifiers_can_be_a_baseline(load, path):
    settings = load(("compare/baselines", {"m": {"estimator": path}}))
    notes = parameters.check(settings)
    assert all(NOT_FOR_LONG.search(note) for note in notes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # which is the note
        model = registry.make_baselines(settings.compare)["m"]
    assert model.get_params(deep=False).get("random_state", 0) is not None


def test_most_of_scikit_learn_s_classifiers_can_be_one():
    assert len(ALONE) > 30


def test_a_class_of_a_trusted_package_is_imported_and_no_other(load, tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(
        "from sklearn.dummy import DummyClassifier\nclass Mine(DummyClassifier): pass\n", "utf-8"
    )
    monkeypatch.syspath_prepend(tmp_path)
    own = baseline("mine.Mine")
    assert "mine.Mine is not in sklearn, so it was not imported" in faults(load, own)[0]
    parameters.check(load(own, ("compare/trusted_modules", ["mine"])))
    other = baseline("mine.Other")
    (fault,) = faults(load, other, ("compare/trusted_modules", ["mine"]))
    assert fault == (
        "compare.baselines.m.estimator: there is no class mine.Other: module 'mine' has no "
        "attribute 'Other'"
    )


# Notes.


def test_what_has_no_effect_is_noted(load):
    settings = load(
        (NET, {"momentum": 0.5, "validation_fraction": 0.2}),
        (f"{GRID}/beta_1", [0.8, 0.9]),
        ("grid_search/defaults/solver", "sgd"),
        ("logistic/penalty", "l2"),
    )
    first, *notes = parameters.check(settings)
    assert first.startswith("logistic: 'penalty' was deprecated")
    assert notes == [
        "mlp.networks.notebook.momentum has no effect with solver adam",
        "mlp.networks.notebook.validation_fraction has no effect without early_stopping: true",
        "grid_search.beta_1 has no effect with solver sgd",
    ]


def test_a_parameter_of_one_of_the_solvers_searched_has_an_effect(load):
    grid = {"solver": ["adam", "sgd"], "momentum": [0.5, 0.9], "beta_1": [0.9]}
    assert parameters.check(load((GRID, grid))) == []


# Three classes.


def test_liblinear_alone_gives_way_to_lbfgs_with_three_classes(load):
    assert parameters.check(load(), 3) == []
    settings = load(("logistic/l1_ratio", 1))
    assert parameters.check(settings) == []
    with pytest.raises(ParamsError, match=r"\n  logistic: LogisticRegression refuses .*lbfgs"):
        parameters.check(settings, 3)


def test_a_weight_of_a_third_class_needs_three(load):
    settings = load((f"{NET}/class_weight", {"0": 1, "1": 1, "2": 5}))
    assert parameters.check(settings, 3) == []
    with pytest.raises(ParamsError, match="from '0' to '1'"):
        parameters.check(settings)


def test_before_the_table_is_read_a_code_may_be_that_of_any_class(load):
    weights = {"0": 1, "1": 1, "2": 5}
    settings = load((f"{NET}/class_weight", weights), ("logistic/class_weight", weights))
    with pytest.raises(ParamsError, match=r"logistic\.class_weight.*\n.*notebook\.class_weight"):
        parameters.check(settings)
    assert [*parameters.section_faults(dict(settings))] == []
    networks = registry.make_mlp_networks(settings.mlp)
    assert networks["notebook"].class_weight == {0: 1, 1: 1, 2: 5}


# In one round with the faults of the schema.


def edit_all(workspace) -> list[str]:
    """Make faults of both kinds, and return their places in the order of the message."""
    workspace.edit("params.yaml", "  method: random ", "  method: 3 ")
    workspace.edit("params.yaml", "  cv: ", "  cvs: ")
    workspace.edit("params.yaml", "solver: liblinear", "solver: x")
    workspace.edit("params.yaml", "hidden_layer_sizes: [100]", "alpha: -1")
    workspace.edit("params.yaml", "      - 0.01\n", "      - 0\n")  # its section has others
    workspace.edit("params.yaml", "strategy: prior", "strategy: prir")
    return [
        *("split.method", "grid_search.cv", "grid_search.cvs", "logistic.solver"),
        *("mlp.networks.one_hidden_layer.alpha", "compare.baselines.majority_class.strategy"),
    ]


@pytest.mark.parametrize("module", ["winenet", "stages.ingest", "stages.split", "stages.mlp"])
def test_faults_of_the_schema_and_of_the_models_are_told_in_one_round(split_workspace, module):
    places = edit_all(split_workspace)
    before = split_workspace.files()
    code, _, errors = split_workspace.run(module, *["check"] * (module == "winenet"))
    assert code == 1
    assert "Traceback" not in errors
    lines = errors.splitlines()
    (first,) = [number for number, line in enumerate(lines) if "params.yaml has 6 faults" in line]
    assert [line.strip().partition(": ")[0] for line in lines[first + 1 : first + 7]] == places
    assert lines[first + 7] == "Change params.yaml; `git diff params.yaml` shows what changed."
    assert split_workspace.files() == before


def test_a_stage_tells_the_faults_of_the_other_sections_models_as_well(split_workspace):
    split_workspace.edit("params.yaml", "solver: liblinear", "solver: x")
    split_workspace.edit("params.yaml", "hidden_layer_sizes: [100]", "alpha: -1")
    told = [split_workspace.run(f"stages.{stage}")[2] for stage in ("logistic", "mlp")]
    for errors in told:
        assert "params.yaml has 2 faults" in errors
        assert errors.index("logistic.solver") < errors.index("one_hidden_layer.alpha")


def test_what_only_the_stage_finds_is_not_lost(load):
    """With three classes lbfgs takes liblinear's place, which it has no l1 penalty for."""
    settings = load(("logistic/l1_ratio", 1), (f"{NET}/alpha", -1))
    with pytest.raises(ParamsError) as found:
        logistic.make_logistic_regression(settings.logistic, 3)
    found.value.path = load.path
    complete = parameters.all_faults(found.value)
    assert [fault.partition(": ")[0] for fault in complete.faults] == [
        "mlp.networks.notebook.alpha",
        "logistic",
    ]


def test_weights_by_code_reach_the_network_as_numbers(load):
    settings = load((f"{NET}/class_weight", {"0": 1, "1": 3}))
    network = registry.make_mlp_networks(settings.mlp)["notebook"]
    assert network.class_weight == {0: 1, 1: 3}
    rng = np.random.default_rng(0)
    X, y = rng.random((60, 3)), np.arange(60) % 2
    small = {"hidden_layer_sizes": (3,), "max_iter": 2, "random_state": 0}
    theirs = DenseClassifier(**small, class_weight={0: 1, 1: 3}).fit(X, y)
    ours = registry.make_network(small | {"class_weight": {"0": 1, "1": 3}}).fit(X, y)
    without = DenseClassifier(**small).fit(X, y)
    np.testing.assert_array_equal(ours.predict_proba(X), theirs.predict_proba(X))
    assert (ours.predict_proba(X) != without.predict_proba(X)).any()


# Stages that run without a check.


@pytest.mark.parametrize(
    ("change", "make"),
    [
        (("logistic/C", -1), lambda s: logistic.make_logistic_regression(s.logistic, 2)),
        (("logistic/l1_ratio", 0.5), lambda s: logistic.make_logistic_regression(s.logistic, 2)),
        ((f"{NET}/alpha", -1), lambda s: registry.make_mlp_networks(s.mlp)),
        ((f"{NET}/class_weight", {"red": 1}), lambda s: registry.make_mlp_networks(s.mlp)),
        ((f"{GRID}/alpha", [-1]), lambda s: search_results.grid_search(X, Y, s.grid_search)),
        (baseline("sklearn.svm.SVC", C=0), lambda s: registry.make_baselines(s.compare)),
        (baseline("os.Path"), lambda s: registry.make_baselines(s.compare)),
    ],
)
def test_a_stage_refuses_it_with_the_same_message(load, change, make):
    settings = load(change)
    with pytest.raises(ParamsError) as checked:
        parameters.check(settings)
    with pytest.raises(ParamsError) as made:
        make(settings)
    assert str(made.value) == str(checked.value)


X, Y = constraints.made_up_rows(2, "ab")


@pytest.mark.parametrize(
    ("stage", "old", "new", "told"),
    [
        ("logistic", "solver: liblinear", "solver: x", "logistic.solver: 'x' is not valid"),
        ("mlp", "hidden_layer_sizes: [100]", "alpha: -1", "one_hidden_layer.alpha: -1 is not"),
        ("curves", "hidden_layer_sizes: [100]", "alpha: -1", "one_hidden_layer.alpha: -1 is not"),
        ("grid_search", "      - 0.01\n", "      - 0\n", "learning_rate_init[1]: 0 is not valid"),
    ],
)
def test_the_stage_itself_ends_without_traceback(split_workspace, stage, old, new, told):
    split_workspace.edit("params.yaml", old, new)
    code, _, errors = split_workspace.run(f"stages.{stage}", WINENET_WORKERS="1")
    assert code == 1
    assert f"\n{stage}: params.yaml has 1 fault, so no stage was run and no result was" in errors
    assert told in errors
    assert "Traceback" not in errors


def test_a_baseline_that_does_not_take_the_rows_is_told(load):
    settings = load(baseline("sklearn.naive_bayes.MultinomialNB"))
    model = registry.make_baselines(settings.compare)["m"]
    with pytest.raises(registry.TrainingError) as caught:
        registry.fit_baseline("m", model, X - 1, Y)
    assert str(caught.value) == (
        "compare.baselines.m could not be trained: Negative values in data passed to MultinomialNB "
        "(input X). The comparison would be incomplete, so the stage was stopped. Change "
        "compare.baselines.m in params.yaml."
    )


# How long it takes, and what is trained.


def test_the_check_takes_less_than_a_second():
    settings = params.load(str(ROOT / "params.yaml"))
    parameters.check(settings)
    start = time.perf_counter()
    parameters.check(settings)
    assert time.perf_counter() - start < 1


def test_the_fits_are_counted(load):
    assert parameters.count_fits(load()) == {
        "logistic": 1,
        "mlp": 2,
        "grid_search": 9 * 5 + 1 + 5,
        "curves": 4 * 2,
        "seeds": 3 * 10,
        "learning_curve": 4 * 5 * 5,
        "importance": 4,
        "compare": 2,
    }
    more = load(
        ("mlp/networks/wide", {}),
        (f"{GRID}/alpha", [0.1, 1.0]),
        ("compare/baselines", {}),
        ("importance/drop_features", []),
    )
    counted = parameters.count_fits(more)
    assert (counted["grid_search"], counted["seeds"]) == (18 * 5 + 1 + 5, 40)
    assert (counted["compare"], counted["importance"]) == (0, 0)


def test_the_fits_of_a_chosen_threshold_are_counted(load):
    """The search's own out-of-fold fits are those of its winner's threshold."""
    fixed, more = parameters.count_fits(load()), load(("threshold", "f1"))
    assert parameters.count_fits(more) == fixed | {
        "logistic": 1 + 5,
        "mlp": 2 * (1 + 5),
        "compare": 2 + 5,  # the majority class has no threshold
    }
    assert parameters.count_fits(load(("threshold", 0.3))) == fixed


@pytest.mark.parametrize("threshold", ["balanced_accuracy", "f1", 0.3])
def test_a_threshold_of_more_than_two_classes_is_refused(load, threshold):
    settings = load(("threshold", threshold))
    parameters.check(settings, 2)
    with pytest.raises(ParamsError) as caught:
        parameters.check(settings, 3)
    assert (
        f"\n  threshold: {threshold!r} is for two classes; of 3 classes the most probable one is "
        "predicted, so it must be 0.5\n"
    ) in str(caught.value)
    parameters.check(load(), 3)


SEARCH: dict[str, tuple[dict[str, Any], str]] = {
    "a distribution in a grid": (
        {"param_grid": {"alpha": {"uniform": [0.0, 1.0]}}},
        "param_grid.alpha is a distribution, which needs n_iter and method random or halving",
    ),
    "two distributions in one": (
        {
            "method": "random",
            "n_iter": 3,
            "search_seed": 0,
            "param_grid": {"alpha": {"uniform": [0.0, 1.0], "randint": [0.0, 3.0]}},
        },
        "a distribution is one of loguniform, uniform and randint",
    ),
    "a logarithm of zero": (
        {
            "method": "random",
            "n_iter": 3,
            "search_seed": 0,
            "param_grid": {"alpha": {"loguniform": [0.0, 1.0]}},
        },
        "loguniform needs a lower bound above 0",
    ),
    "a fraction of an integer": (
        {
            "method": "random",
            "n_iter": 3,
            "search_seed": 0,
            "param_grid": {"batch_size": {"randint": [1.5, 9.0]}},
        },
        "randint needs whole numbers",
    ),
    "a bound out of range": (
        {
            "method": "random",
            "n_iter": 3,
            "search_seed": 0,
            "param_grid": {"beta_1": {"uniform": [0.5, 1.5]}},
        },
        "beta_1[1]: 1.5 is not valid: it must be a float in the range [0.0, 1.0)",
    ),
    "no number of draws": ({"method": "random", "search_seed": 0}, "n_iter is missing"),
    "no seed of the draws": ({"method": "random", "n_iter": 3}, "search_seed is missing"),
    "draws in a grid": ({"n_iter": 3, "search_seed": 0}, "n_iter has no meaning with method grid"),
    "a factor of a random search": (
        {"method": "random", "n_iter": 3, "search_seed": 0, "factor": 3.0},
        "factor has no meaning with method random",
    ),
    "a factor of one": ({"method": "halving", "factor": 1.0}, "should be greater than 1"),
    "halving by scikit-learn": (
        {"method": "halving", "estimator": "scikit-learn"},
        "method halving needs estimator winenet",
    ),
    "another method": ({"method": "bayes"}, "should be 'grid', 'random' or 'halving'"),
}


@pytest.mark.parametrize("case", SEARCH)
def test_a_search_that_cannot_be_is_refused(case: str, tmp_path: Path) -> None:
    changes, message = SEARCH[case]
    content = copy.deepcopy(COMMITTED)
    content["grid_search"] |= changes
    file = tmp_path / "params.yaml"
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(ParamsError) as caught:
        parameters.check(params.load(str(file)))
    assert message in str(caught.value)


def test_the_candidates_of_a_search_are_counted() -> None:
    def count(**changes: Any) -> int:
        content = copy.deepcopy(COMMITTED)
        content["grid_search"] |= changes
        return parameters.n_candidates(Params.model_validate(content).grid_search)

    assert count() == 9
    assert count(method="halving") == 9
    assert count(method="random", n_iter=5, search_seed=0) == 5
    assert count(method="random", n_iter=50, search_seed=0) == 9  # no combination comes twice
    grid = {"alpha": {"uniform": [0.0, 1.0]}, "hidden_layer_sizes": [[5]]}
    assert count(method="random", n_iter=50, search_seed=0, param_grid=grid) == 50
