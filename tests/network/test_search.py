"""DenseGridSearchCV equals GridSearchCV bit for bit, and rejects invalid input clearly.

Neither stacks nor processes change a result.
"""

import itertools
import json
import re
import warnings

import numpy as np
import pandas as pd
import pytest
from joblib import cpu_count
from scipy import sparse
from sklearn import config_context
from sklearn.callback import ScoringMonitor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer, recall_score
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    RepeatedStratifiedKFold,
    ShuffleSplit,
    StratifiedKFold,
)
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks import notebook
from winenet.network import training
from winenet.network.classifier import DenseClassifier
from winenet.network.search import DenseGridSearchCV

quiet = pytest.mark.filterwarnings(f"ignore::{ConvergenceWarning.__module__}.ConvergenceWarning")
pytestmark = quiet

GRID = {"hidden_layer_sizes": [(4,), (6, 3)], "learning_rate_init": [0.01, 0.1]}
TIMES = ("mean_fit_time", "std_fit_time", "mean_score_time", "std_score_time")


@pytest.fixture(scope="module")
def table():
    """122 rows of four named features, labels of text, groups of duplicates, and weights."""
    rng = np.random.RandomState(3)
    X = pd.DataFrame(rng.random((122, 4)), columns=list("abcd"))
    y = pd.Series(np.where(X["a"] + 0.4 * rng.random(122) > 0.7, "red", "white"))
    return X, y, rng.randint(0, 30, 122), rng.uniform(0.1, 2, 122)


def network_of(kind, **parameters):
    return kind(max_iter=15, random_state=7, **parameters)


def search_both(table, grid=GRID, weighted=False, grouped=False, n_jobs=None, **kwargs):
    """Return our search and scikit-learn's on the same rows."""
    X, y, groups, weights = table
    fit_kwargs = {"sample_weight": weights} if weighted else {}
    fit_kwargs |= {"groups": groups} if grouped else {}
    ours = DenseGridSearchCV(network_of(DenseClassifier), grid, n_jobs=n_jobs, **kwargs)
    theirs = GridSearchCV(network_of(MLPClassifier), grid, error_score="raise", **kwargs)
    return ours.fit(X, y, **fit_kwargs), theirs.fit(X, y, **fit_kwargs)


def assert_same_search(ours, theirs):
    assert list(ours.cv_results_) == list(theirs.cv_results_)
    for name, values in theirs.cv_results_.items():
        if name in TIMES:
            assert (ours.cv_results_[name] > 0).all() or name.startswith("std")
        elif name == "params":
            assert ours.cv_results_[name] == values
        else:
            assert ours.cv_results_[name].dtype == values.dtype
            np.testing.assert_array_equal(ours.cv_results_[name], values, err_msg=name)
    for name in ("best_params_", "best_index_", "best_score_", "n_splits_", "multimetric_"):
        assert getattr(ours, name, None) == getattr(theirs, name, None), name
    assert hasattr(ours, "refit_time_") == hasattr(theirs, "refit_time_")
    if hasattr(theirs, "best_estimator_"):
        for name in ("coefs_", "intercepts_"):
            both = (getattr(search.best_estimator_, name) for search in (ours, theirs))
            for our, their in zip(*both, strict=True):
                np.testing.assert_array_equal(our, their)


SEARCHES = {
    "the notebook's kind": {"cv": 3, "scoring": "accuracy"},
    "no scoring, no cv": {},
    "training scores": {"cv": 3, "return_train_score": True},
    "no refit": {"cv": 3, "refit": False},
    "log loss": {"cv": 3, "scoring": "neg_log_loss"},
    "a scorer of one's own": {
        "cv": 3,
        "scoring": make_scorer(recall_score, pos_label="red"),
    },
    "a function of arrays": {"cv": 3, "scoring": lambda model, X, y: np.array([model.score(X, y)])},
    "a function": {"cv": 3, "scoring": lambda model, X, y: -float(np.mean(model.predict(X) != y))},
    "a function of several": {
        "cv": 3,
        "scoring": lambda model, X, y: {
            "right": model.score(X, y),
            "columns": len(X.columns),
            "names": len(model.feature_names_in_),
        },
        "refit": "right",
    },
    "several metrics": {
        "cv": 3,
        "scoring": ["accuracy", "roc_auc", "balanced_accuracy"],
        "refit": "roc_auc",
    },
    "several metrics without refit": {
        "cv": 3,
        "scoring": {"a": "accuracy", "b": "f1_macro"},
        "refit": False,
    },
    "a choice of one's own": {
        "cv": 3,
        "refit": lambda results: int(results["mean_test_score"].argmin()),
    },
    "KFold": {"cv": KFold(4, shuffle=True, random_state=0)},
    "repeated": {"cv": RepeatedStratifiedKFold(n_splits=2, n_repeats=2, random_state=1)},
    "ShuffleSplit": {"cv": ShuffleSplit(3, random_state=0)},
    "given splits": {"cv": [(np.arange(0, 80), np.arange(80, 122)), (np.arange(40, 122), [1, 2])]},
    "groups": {"cv": GroupKFold(3), "grouped": True},
    "weights": {"cv": 3, "weighted": True, "scoring": "neg_log_loss"},
    "several grids": {
        "cv": 2,
        "grid": [
            {"hidden_layer_sizes": [(), (3,)], "alpha": [0.0, 1.0]},
            {"solver": ["sgd"], "momentum": [0.0, 0.9], "activation": ["tanh", "logistic"]},
        ],
    },
    "what may not share a stack": {
        "cv": 2,
        "grid": {"beta_1": [0.8, 0.9], "batch_size": [20, "auto"], "early_stopping": [True, False]},
    },
    "seeds": {
        "cv": 2,
        "grid": {"random_state": [0, 1, np.random.RandomState(5)], "max_iter": [3, 6]},
    },
}


@pytest.mark.parametrize("case", SEARCHES)
def test_the_search_is_scikit_learn_s(case, table):
    assert_same_search(*search_both(table, **SEARCHES[case]))


def test_it_is_the_same_in_two_processes(table):
    assert_same_search(*search_both(table, cv=3, n_jobs=2, weighted=True))


@pytest.mark.parametrize("size", [1, 2, 100])
def test_the_size_of_the_stacks_changes_nothing(size, table, monkeypatch):
    monkeypatch.setattr(training, "max_networks_in_cache", lambda *_: size)
    assert_same_search(*search_both(table, cv=3))


def test_arrays_of_several_classes_and_a_generator_s_state(table):
    rng = np.random.RandomState(0)
    X = rng.normal(size=(90, 3))
    y = (X @ rng.normal(size=(3, 4))).argmax(axis=1)
    both = [
        kind(model((5,), max_iter=8, random_state=np.random.RandomState(2)), {"alpha": [0, 1]})
        for kind, model in ((DenseGridSearchCV, DenseClassifier), (GridSearchCV, MLPClassifier))
    ]
    assert_same_search(*(search.set_params(cv=3).fit(X, y) for search in both))


@pytest.mark.parametrize("rates", [(1e-12, 2e-12), (2e-12, 1e-12)])
def test_the_first_of_equal_candidates_wins(rates, table):
    """Networks that hardly learn are equal, so the order of the grid decides."""
    ours, theirs = search_both(table, {"learning_rate_init": rates}, cv=3)
    assert ours.best_params_ == {"learning_rate_init": rates[0]}
    assert_same_search(ours, theirs)


def test_it_predicts_like_its_best_network(table):
    X, y, _, _ = table
    search = DenseGridSearchCV(network_of(DenseClassifier), GRID, cv=3).fit(X, y)
    np.testing.assert_array_equal(search.predict(X), search.best_estimator_.predict(X))
    assert search.classes_.tolist() == ["red", "white"]
    assert search.feature_names_in_.tolist() == list("abcd")
    assert search.score(X, y) == search.best_estimator_.score(X, y)
    within = make_pipeline(StandardScaler(), search).fit(X, y)
    assert within.predict_proba(X).shape == (122, 2)


def test_what_mlpclassifier_has_not_can_be_searched_as_well(table):
    X, y, _, weights = table
    grid = {"class_weight": [None, "balanced"], "dtype": ["float32", "float64"]}
    search = DenseGridSearchCV(
        network_of(DenseClassifier, early_stopping=True, n_iter_no_change=3), grid, cv=3
    ).fit(X[:90], y[:90], weights[:90], validation_data=(X[90:], y[90:]))
    for index, candidate in enumerate(search.cv_results_["params"]):
        train, test = list(StratifiedKFold(3).split(X[:90], y[:90]))[1]
        alone = network_of(DenseClassifier, early_stopping=True, n_iter_no_change=3)
        alone.set_params(**candidate).fit(
            X.iloc[train], y.iloc[train], weights[train], validation_data=(X[90:], y[90:])
        )
        score = alone.score(X.iloc[test], y.iloc[test], weights[test])
        assert search.cv_results_["split1_test_score"][index] == score
    best = search.best_estimator_
    assert best.best_validation_score_ == best.score(X[90:], y[90:])


# ---- warnings, progress and callbacks


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("refit", [True, False])
def test_fits_that_max_iter_ended_are_told_once(refit, table):
    X, y, _, _ = table
    search = DenseGridSearchCV(network_of(DenseClassifier), GRID, cv=3, refit=refit)
    with pytest.warns(ConvergenceWarning) as caught:
        search.fit(X, y)
    fits = 13 if refit else 12
    assert [str(warning.message) for warning in caught] == [
        f"{fits} of {fits} fits ended at max_iter while the network still improved, so they may "
        "not have converged. Raise max_iter or tol."
    ]
    assert caught[0].filename == __file__


def test_progress_shows_candidates_the_best_so_far_and_the_time_left(table, capsys):
    X, y, _, _ = table
    model = DenseClassifier(max_iter=200, random_state=7)
    search = DenseGridSearchCV(model, GRID, cv=3, verbose=1).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert 2 <= len(lines) <= 5
    assert lines[0].startswith("search: ")
    assert " s left" in lines[0]
    values = ", ".join(map(str, search.best_params_.values()))
    assert lines[-1] == (
        f"search: 12 of 12 fits, 4 of 4 candidates, best {search.best_score_:.4f} at {values}"
    )
    DenseGridSearchCV(model, GRID, cv=3).fit(X, y)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("scoring", "refit", "best"),
    [
        (["accuracy", "roc_auc"], "roc_auc", True),
        (lambda model, X, y: {"a": model.score(X, y), "b": 1.0}, "a", True),
        (["accuracy", "roc_auc"], False, False),
        (["accuracy", "roc_auc"], lambda results: 0, False),
    ],
)
def test_progress_counts_candidates_whatever_chooses(scoring, refit, best, table, capsys):
    X, y, _, _ = table
    kwargs = {"cv": 3, "scoring": scoring, "refit": refit, "verbose": 1}
    DenseGridSearchCV(network_of(DenseClassifier), GRID, **kwargs).fit(X, y)
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("search: 12 of 12 fits, 4 of 4 candidates")
    assert (", best 0." in last) == best


class Listener:
    """Records the names of the tasks for which it is invoked."""

    def __init__(self):
        self.events = []

    def setup(self, estimator, context):
        self.events.append("setup")

    def teardown(self, estimator, context):
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.events.append(f"begin {context.task_name}")

    def on_fit_task_end(self, estimator, context):
        self.events.append(f"end {context.task_name}")


def test_callbacks_are_invoked_as_by_grid_search_cv(table):
    X, y, _, _ = table
    events = []
    for kind, model in ((DenseGridSearchCV, DenseClassifier), (GridSearchCV, MLPClassifier)):
        listener = Listener()
        kind(network_of(model), GRID, cv=2).set_callbacks(listener).fit(X, y)
        events.append(listener.events)
    assert events[0] == events[1]
    assert events[0].count("end candidate-split-evaluation") == 8


def test_a_network_s_own_callbacks_are_invoked_in_the_refit(table):
    X, y, _, _ = table
    monitor = ScoringMonitor(scoring="accuracy")
    model = network_of(DenseClassifier).set_callbacks(monitor)
    DenseGridSearchCV(model, {"alpha": [0, 1]}, cv=2).fit(X, y)
    logs = pd.DataFrame(monitor.get_logs().data)
    assert (logs["task_name"] == "epoch").sum() == 15


THREADS = """
import warnings, numpy as np
from joblib import parallel_config
from threadpoolctl import threadpool_info
from winenet import DenseClassifier, DenseGridSearchCV

def threads(*_):
    return float(max(one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"))

warnings.simplefilter("ignore")
X, y = np.random.RandomState(0).random((60, 3)), np.arange(60) % 2
seen = [threads()]
for backend, n_jobs in (("loky", 1), ("loky", 2), ("threading", 2), ("multiprocessing", 2)):
    with parallel_config(backend=backend):
        search = DenseGridSearchCV(
            DenseClassifier(max_iter=3), {"alpha": [0, 1]}, cv=2, scoring=threads, n_jobs=n_jobs
        ).fit(X, y)
    seen += [float(search.cv_results_["mean_test_score"].max()), threads()]
print(seen)
"""


@pytest.mark.slow
def test_blas_has_one_thread_while_networks_train_and_its_own_number_afterwards(workspace):
    native = {"WINENET_NUMERICS": "native", "OPENBLAS_NUM_THREADS": "2"}
    ended = workspace.python("-c", THREADS, **native)
    own, *seen = json.loads(ended.stdout)
    assert own == min(2, cpu_count())
    assert seen == [1, own] * 4


# ---- invalid input


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_candidate_that_diverges_ends_the_search(n_jobs, table):
    X, y, _, _ = table
    grid = {"learning_rate_init": [0.01, 1e300]}
    search = DenseGridSearchCV(network_of(DenseClassifier), grid, cv=3, n_jobs=n_jobs)
    with pytest.raises(ValueError, match="became infinite or NaN") as caught:
        search.fit(X, y)
    # Which of its folds comes first depends on the processes.
    message = re.sub("fold [0-2]", "fold 0", str(caught.value))
    assert message.startswith("The candidate {'learning_rate_init': 1e+300} failed on fold 0: The ")
    assert not hasattr(search, "cv_results_")


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
def test_a_score_that_is_nan_ends_the_search(table):
    X, y, _, _ = table
    cv = [(np.arange(60), np.flatnonzero(y == "red")[-5:])]
    search = DenseGridSearchCV(network_of(DenseClassifier), {}, cv=cv, scoring="roc_auc")
    with pytest.raises(ValueError, match="score is NaN, which cannot be compared") as caught:
        search.fit(X, y)
    assert str(caught.value).startswith("The candidate {} failed on fold 0: ")


X, Y = np.random.RandomState(0).random((40, 3)), np.arange(40) % 2
WRONG = {
    "another estimator": (
        {"estimator": LogisticRegression(), "param_grid": {"C": [1]}},
        (X, Y),
        TypeError,
        "estimator=LogisticRegression() is not a DenseClassifier, or overrides fit, so its "
        "fits cannot be trained in stacks. For other estimators, and for a Pipeline, use "
        "sklearn.model_selection.GridSearchCV; it accepts a DenseClassifier, too.",
    ),
    "lbfgs": (
        {"param_grid": {"solver": ["adam", "lbfgs"]}},
        (X, Y),
        ValueError,
        "solver='lbfgs' is not supported: DenseClassifier trains in mini-batches, with 'adam' or "
        "'sgd'. For lbfgs use sklearn.neural_network.MLPClassifier(solver='lbfgs').",
    ),
    "several labels": (
        {},
        (X, np.column_stack([Y, 1 - Y])),
        ValueError,
        "y is multilabel-indicator with shape (40, 2), but DenseClassifier supports one "
        "label per row only. For several labels per row use sklearn.neural_network.MLPClassifier.",
    ),
    "sparse": (
        {},
        (sparse.csr_array(X), Y),
        TypeError,
        "X is a sparse matrix, but DenseClassifier needs dense data. Use X.toarray(), or "
        "sklearn.neural_network.MLPClassifier in sklearn.model_selection.GridSearchCV.",
    ),
    "a value": (
        {"param_grid": {"alpha": [0, -1]}},
        (X, Y),
        ValueError,
        "The 'alpha' parameter of DenseClassifier must be a float in the range [0.0, inf). Got -1 "
        "instead.",
    ),
    "sizes": (
        {"param_grid": {"hidden_layer_sizes": [(5, 0)]}},
        (X, Y),
        ValueError,
        "hidden_layer_sizes=(5, 0) is invalid: each hidden layer needs an integer number of units "
        "of at least 1, as in (100, 50). Use () for no hidden layer.",
    ),
    "a gap": (
        {},
        (np.where(X > 0.5, X, np.nan), Y),
        ValueError,
        "The candidate {'alpha': 0.1} failed on fold 0: Input X contains NaN.",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_invalid_input_raises(case):
    changes, rows, kind, text = WRONG[case]
    kwargs = {"estimator": network_of(DenseClassifier), "param_grid": {"alpha": [0.1]}} | changes
    with pytest.raises(kind) as caught:
        DenseGridSearchCV(**kwargs, cv=2).fit(*rows)
    assert str(caught.value).splitlines()[0] == text


def test_a_grid_without_candidates_is_reported():
    with pytest.raises(ValueError, match="nothing to fit: 0 candidates and 2 folds"):
        DenseGridSearchCV(DenseClassifier(), [], cv=2).fit(X, Y)


def test_metadata_routing_hands_the_weights_on(table):
    X, y, _, weights = table
    with config_context(enable_metadata_routing=True):
        model = network_of(DenseClassifier).set_fit_request(sample_weight=True)
        model.set_score_request(sample_weight=True)
        search = DenseGridSearchCV(model, {"alpha": [0, 1]}, cv=2).fit(X, y, weights)
    alone = network_of(DenseClassifier).set_params(**search.best_params_).fit(X, y, weights)
    np.testing.assert_array_equal(search.best_estimator_.coefs_[0], alone.coefs_[0])


@pytest.mark.parametrize("value", [None, "good", (0.5, 0.6), np.array([0.5, 0.6])])
def test_a_score_that_is_no_number_is_reported(value):
    search = DenseGridSearchCV(network_of(DenseClassifier), {}, cv=2, scoring=lambda *_: value)
    message = (
        rf"candidate {{}} failed on fold 0: score is .* \({type(value).__name__}\), but scoring"
    )
    with pytest.raises(ValueError, match=message):
        search.fit(X, Y)


def test_a_network_with_a_fit_of_its_own_is_refused():
    class Own(DenseClassifier):
        def fit(self, X, y):
            return super().fit(2 * X, y)

    with pytest.raises(TypeError, match="or overrides fit"):
        DenseGridSearchCV(Own(), {}).fit(X, Y)


def test_an_unknown_parameter_is_reported():
    with pytest.raises(ValueError, match="Invalid parameter 'hidden' for estimator"):
        DenseGridSearchCV(DenseClassifier(), {"hidden": [1]}).fit(X, Y)


def test_nothing_is_trained_before_the_whole_grid_was_checked(monkeypatch):
    monkeypatch.setattr(training, "train", None)
    with pytest.raises(ValueError, match="must be a float"):
        DenseGridSearchCV(DenseClassifier(), {"alpha": [0, -1]}).fit(X, Y)


def test_all_parameters_can_be_read_and_set():
    search = DenseGridSearchCV(DenseClassifier(), GRID)
    theirs = set(GridSearchCV(DenseClassifier(), GRID).get_params())
    assert set(search.get_params()) == theirs - {"error_score", "pre_dispatch"}
    assert search.set_params(estimator__alpha=3).estimator.alpha == 3


# ---- the notebook's own grid


@pytest.mark.slow
def test_every_fit_of_the_notebook_s_grid_is_scikit_learn_s(after_split, monkeypatch, capsys):
    """Compare 45 fits and the refit with those of the notebook's plain script, with ==.

    The script reads the raw files itself. What it prints are the notebook's numbers.
    """
    kept = {"cv": 5, "scoring": keep_the_fit, "n_jobs": 2, "refit": "score"}
    searches = []

    def search(estimator, grid, **options):
        assert options == {"cv": 5, "scoring": "accuracy", "n_jobs": -1}
        searches.append(GridSearchCV(estimator, grid, error_score="raise", **kept))
        return searches[0]

    monkeypatch.setattr(notebook, "GridSearchCV", search)
    X = pd.read_csv(after_split.path / "data/X_train_normalized.csv")
    y = pd.read_csv(after_split.path / "data/y_train.csv").iloc[:, 0]
    grid = {
        "hidden_layer_sizes": [(50, 25), (100, 50), (100, 100)],
        "learning_rate_init": [0.001, 0.01, 0.1],
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        notebook.wines(after_split.path / "data/raw", max_iter=500, folds=5)
        network = DenseClassifier(max_iter=500, random_state=42)
        ours = DenseGridSearchCV(network, grid, **kept).fit(X, y)
    printed = capsys.readouterr().out
    for line in (
        "logistic regression: 0.9823",
        "network: 0.9954",
        "grid search: 0.9923 with (50, 25) at 0.001",
    ):
        assert f"{line}\n" in printed
    [theirs] = searches
    assert_same_search(ours, theirs)
    assert ours.best_params_ == {"hidden_layer_sizes": (50, 25), "learning_rate_init": 0.001}
    fits = [
        [search.cv_results_[f"split{fold}_test_{name}"][index] for search in (ours, theirs)]
        for fold, index, name in itertools.product(range(5), range(9), ("weights", "curve"))
    ]
    assert len({our for our, _ in fits}) == 90
    assert all(our == their for our, their in fits)
    epochs = sum(ours.cv_results_[f"split{fold}_test_epochs"].sum() for fold in range(5))
    assert epochs == 5871


def keep_the_fit(model, X, y):
    """A scorer that puts a fingerprint of the weights and of the loss curve beside the score."""
    weights = b"".join(array.tobytes() for array in [*model.coefs_, *model.intercepts_])
    return {
        "score": model.score(X, y),
        "weights": fingerprint(weights),
        "curve": fingerprint(np.array(model.loss_curve_).tobytes()),
        "epochs": model.n_iter_,
    }


def fingerprint(content: bytes) -> int:
    """Return 52 bits of a hash, which a float64 holds exactly."""
    import hashlib

    return int(hashlib.sha256(content).hexdigest()[:13], 16)
