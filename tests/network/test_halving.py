"""A network that halving continues equals one that was trained in one go, bit for bit."""

import dataclasses
import hashlib
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import loguniform, uniform
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import HalvingGridSearchCV, ParameterSampler, StratifiedKFold
from sklearn.neural_network import MLPClassifier

from winenet.network import journal, training
from winenet.network.classifier import DenseClassifier, make_training_job
from winenet.network.halving import DenseHalvingSearchCV, plan_rounds
from winenet.network.search import DenseGridSearchCV

pytestmark = pytest.mark.filterwarnings(
    f"ignore::{ConvergenceWarning.__module__}.ConvergenceWarning"
)

rng = np.random.RandomState(3)
X = rng.random((90, 4))
Y = np.where(X[:, 0] + 0.4 * rng.random(90) > 0.7, "red", "white")
ROWS = list(StratifiedKFold(3).split(X, Y))
GRID = {"hidden_layer_sizes": [(4,), (6, 3)], "learning_rate_init": [0.001, 0.003, 0.01, 0.03]}
NETWORKS = {
    "adam": {},
    "logistic regression": {"hidden_layer_sizes": ()},
    "sgd": {"solver": "sgd", "nesterovs_momentum": False, "learning_rate": "invscaling"},
    "adaptive rate": {
        "solver": "sgd",
        "learning_rate": "adaptive",
        "momentum": 0.8,
        "tol": 0.02,
        "n_iter_no_change": 1,
    },
    "early stopping": {"early_stopping": True, "n_iter_no_change": 4, "validation_fraction": 0.2},
    "dropout": {"dropout": 0.3},
    "float32": {"dtype": "float32", "dropout": 0.2, "early_stopping": True},
    "no shuffling": {"shuffle": False, "batch_size": 7},
    "converges": {"tol": 0.05, "n_iter_no_change": 2},
    "a generator": {"random_state": np.random.RandomState(4)},
}


def network(**parameters):
    return DenseClassifier(**{"max_iter": 18, "random_state": 7} | parameters)


def fingerprint(content):
    """Return 52 bits of a hash, which a float64 holds exactly."""
    return int(hashlib.sha256(content).hexdigest()[:13], 16)


def keep_the_fit(model, X, y):
    """A scorer that puts fingerprints of the training beside the score."""
    state = model._training_state
    arrays = [*model.coefs_, *model.intercepts_]
    curves = [model.loss_curve_, model.validation_scores_ or []]
    numbers = [model.n_iter_, model.t_, state.learning_rate, state.no_improvement, state.steps]
    return {
        "score": -float(np.mean(np.log(model.predict_proba(X)[:, 0]) * (y == "red"))),
        "weights": fingerprint(b"".join(array.tobytes() for array in arrays)),
        "curves": fingerprint(repr(curves).encode()),
        "optimizer": fingerprint(state.optimizer_state.tobytes()),
        "numbers": fingerprint(repr(numbers).encode()),
        "epochs": model.n_iter_,
    }


def halving(grid=GRID, model=None, **kwargs):
    kwargs = {"factor": 3, "min_epochs": 2, "cv": 3, "scoring": keep_the_fit} | kwargs
    kwargs = {"refit": "score" if callable(kwargs["scoring"]) else True} | kwargs
    return DenseHalvingSearchCV(model or network(), grid, **kwargs).fit(X, Y)


def assert_same_search(ours, theirs):
    assert list(ours.cv_results_) == list(theirs.cv_results_)
    for name, values in ours.cv_results_.items():
        if not name.endswith("_time"):
            np.testing.assert_array_equal(values, theirs.cv_results_[name], err_msg=name)
    for name in ("best_params_", "best_index_", "best_score_", "epochs_trained_", "n_candidates_"):
        assert getattr(ours, name) == getattr(theirs, name)
    for our, their in zip(ours.best_estimator_.coefs_, theirs.best_estimator_.coefs_, strict=True):
        np.testing.assert_array_equal(our, their)


@pytest.mark.parametrize("kind", NETWORKS)
def test_each_network_is_the_one_that_was_trained_in_one_go(kind):
    model = network(**NETWORKS[kind])
    grid = {name: values for name, values in GRID.items() if name not in NETWORKS[kind]}
    search = halving(grid, model)
    results, epochs = search.cv_results_, 0
    assert results["iter"].max() == 2
    for row, params in enumerate(results["params"]):
        limit = int(results["n_resources"][row])
        for fold, (train, test) in enumerate(ROWS):
            alone = clone(model).set_params(**clone(params, safe=False), max_iter=limit)
            alone.fit(X[train], Y[train])
            for name, value in keep_the_fit(alone, X[test], Y[test]).items():
                assert results[f"split{fold}_test_{name}"][row] == value, (name, params, fold)
            before = search.n_resources_[results["iter"][row] - 1] if results["iter"][row] else 0
            epochs += max(0, alone.n_iter_ - before)
    assert search.epochs_trained_ == epochs
    whole = clone(model).set_params(**search.best_params_).fit(X, Y)
    np.testing.assert_array_equal(search.best_estimator_.coefs_[0], whole.coefs_[0])
    assert search.best_estimator_.loss_curve_ == whole.loss_curve_


def test_the_search_is_scikit_learn_s_over_max_iter():
    """Its networks begin anew in each round. The order of equal rounds differs, so compare sets."""
    grid = {**GRID, "alpha": [0.0001, 1.0]}
    options = {"cv": 3, "scoring": "neg_log_loss", "return_train_score": True}
    ours = DenseHalvingSearchCV(network(), grid, min_epochs=2, **options).fit(X, Y)
    limits = {"resource": "max_iter", "min_resources": 2, "max_resources": 18, "factor": 3}
    theirs = HalvingGridSearchCV(
        MLPClassifier(random_state=7), grid, error_score="raise", **limits, **options
    ).fit(X, Y)
    assert (ours.n_candidates_, ours.n_resources_) == (theirs.n_candidates_, theirs.n_resources_)
    assert set(ours.cv_results_) | {"param_max_iter"} == set(theirs.cv_results_)
    columns = ["iter", "n_resources", "rank_test_score", "mean_test_score", "std_train_score"]
    columns += ["split0_test_score", "split2_train_score"]
    rows = []
    for search in (ours, theirs):
        values = zip(*(search.cv_results_[name] for name in columns), strict=True)
        params = [
            {name: value for name, value in params.items() if name != "max_iter"}
            for params in search.cv_results_["params"]
        ]
        rows.append({(repr(names), *row) for names, row in zip(params, values, strict=True)})
    assert rows[0] == rows[1]
    assert ours.best_params_ | {"max_iter": 18} == theirs.best_params_
    assert ours.best_score_ == theirs.best_score_


def test_the_best_candidates_of_each_round_continue():
    search = halving(model=network(max_iter=30))
    results = search.cv_results_
    assert (search.n_candidates_, search.n_resources_) == ([8, 3, 1], [2, 6, 30])
    for number in (1, 2):
        before, now = (results["iter"] == number - 1, results["iter"] == number)
        params = [results["params"][row] for row in np.flatnonzero(now)]
        ranked = np.flatnonzero(before)[np.argsort(-results["mean_test_score"][before])]
        best = [results["params"][row] for row in ranked[: len(params)]]
        assert sorted(map(repr, params)) == sorted(map(repr, best))
    assert search.best_params_ == results["params"][-1]
    assert search.best_score_ == results["mean_test_score"][-1]
    assert search.epochs_trained_ == 3 * (8 * 2 + 3 * 4 + 24)


def test_of_equal_candidates_the_first_ones_continue():
    search = halving({"learning_rate_init": [1e-12, 2e-12, 3e-12, 4e-12]}, scoring="accuracy")
    kept = [params["learning_rate_init"] for params in search.cv_results_["params"]]
    assert kept == [1e-12, 2e-12, 3e-12, 4e-12, 1e-12, 2e-12, 1e-12]


@pytest.mark.parametrize(
    ("arguments", "rounds"),
    [
        ((27, 3, 10, 270), [(27, 10), (9, 30), (3, 90), (1, 270)]),
        ((27, 3, 10, 1000), [(27, 10), (9, 30), (3, 90), (1, 1000)]),
        ((8, 2, 5, 12), [(8, 5), (4, 10), (2, 12)]),
        ((100, 3, 50, 50), [(100, 50)]),
        ((1, 3, 10, 200), [(1, 200)]),
        ((5, 1.5, 1, 4), [(5, 1), (4, 2), (3, 3), (2, 4)]),
        ((4, 1e300, 1, 9), [(4, 1), (1, 9)]),
    ],
)
def test_the_rounds(arguments, rounds):
    assert plan_rounds(*arguments) == rounds


def test_candidates_are_sampled_as_by_the_random_search():
    distributions = {"hidden_layer_sizes": [(3,), (5,)], "learning_rate_init": loguniform(1e-3, 1)}
    search = halving(distributions, n_iter=6, random_state=4)
    sampled = list(ParameterSampler(distributions, 6, random_state=4))
    assert search.cv_results_["params"][:6] == sampled


def test_two_processes_change_nothing():
    model = network(dropout=0.2, early_stopping=True, n_iter_no_change=3)
    assert_same_search(halving(model=model), halving(model=model, n_jobs=2))


def test_a_network_without_a_seed_keeps_its_rows(monkeypatch):
    """Early stopping draws the rows to train on; a continued fit must not draw others."""
    rows = []
    train = training.train

    def record(jobs, **kwargs):
        rows.append({fingerprint(job.X.tobytes()) for job in jobs})
        return train(jobs, **kwargs)

    monkeypatch.setattr(training, "train", record)
    model = network(random_state=None, early_stopping=True, n_iter_no_change=20)
    halving({"alpha": [0, 1, 2]}, model, refit=False, scoring="accuracy")
    first, second = rows
    assert len(first) == 9
    assert len(second) == 3
    assert second < first


def test_fits_that_had_converged_are_not_trained_again(monkeypatch):
    trained = []
    train = training.train
    monkeypatch.setattr(
        training, "train", lambda jobs, **kwargs: trained.append(len(jobs)) or train(jobs, **kwargs)
    )
    model = network(tol=100, n_iter_no_change=1)  # ends after three epochs
    search = halving({"alpha": [0, 1, 2]}, model, refit=False, scoring="accuracy")
    assert sum(trained) == 3 * 3 + 3  # the last round ends at once
    search = halving({"alpha": [0, 1, 2]}, model, refit=False, scoring="accuracy", min_epochs=5)
    assert sum(trained) == 12 + 9
    results = search.cv_results_
    assert results["mean_fit_time"][-1] == 0
    assert results["mean_test_score"][-1] == results["mean_test_score"].max()
    assert search.epochs_trained_ == 9 * 3


def test_only_networks_that_ended_at_max_iter_are_told():
    search = DenseHalvingSearchCV(network(), GRID, min_epochs=2, cv=3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        search.fit(X, Y)
    assert [str(warning.message) for warning in caught] == [
        "4 of 4 fits ended at max_iter while the network still improved, so they may not have "
        "converged. Raise max_iter or tol."
    ]


def test_progress_shows_each_round(capsys):
    halving(verbose=1, scoring="accuracy")
    lines = capsys.readouterr().out.splitlines()
    ends = [line for line in lines if "left" not in line]
    assert [line.split(", best")[0] for line in ends] == [
        "round 1 of 3, 2 epochs: 24 of 24 fits, 8 of 8 candidates",
        "round 2 of 3, 6 epochs: 9 of 9 fits, 3 of 3 candidates",
        "round 3 of 3, 18 epochs: 3 of 3 fits, 1 of 1 candidates",
    ]


def test_callbacks_are_invoked_as_by_halving_grid_search_cv():
    limits = {"resource": "max_iter", "min_resources": 2, "max_resources": 18, "factor": 3}
    grid = {"alpha": list(range(9))}
    events = []
    for search in (
        DenseHalvingSearchCV(network(), grid, min_epochs=2, cv=2),
        HalvingGridSearchCV(MLPClassifier(), grid, cv=2, **limits),
    ):
        listener = Listener()
        search.set_callbacks(listener).fit(X, Y)
        events.append(listener.events)
    assert events[0] == events[1]


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


# ---- the journal


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WINENET_JOURNAL", raising=False)
    return tmp_path


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("kind", ["adaptive rate", "float32"])
def test_a_killed_search_continues_from_the_journal(kind, folder, monkeypatch):
    model = network(**NETWORKS[kind])
    alone = halving(model=model)
    saved = DenseHalvingSearchCV._best

    def kill(self, remaining, *args):
        if len(remaining) == 3:  # after the second round
            raise Killed
        return saved(self, remaining, *args)

    with journal.open_journal() as stats, monkeypatch.context() as patch:
        patch.setattr(DenseHalvingSearchCV, "_best", kill)
        with pytest.raises(Killed):
            halving(model=model)
    assert stats.reused == 0
    done = stats.fits
    with journal.open_journal() as stats:
        assert_same_search(halving(model=model), alone)
    assert (stats.reused, stats.error) == (done, "")
    with journal.open_journal() as again:
        assert_same_search(halving(model=model), alone)
    assert again.reused == again.fits == stats.fits


def test_the_journal_keeps_paused_and_finished_fits_apart(folder):
    """The fits of a grid, and of rounds with other limits, begin with equal networks."""
    grid = {"alpha": [0, 1, 2]}
    alone = [search(grid, min_epochs) for search, min_epochs in SEARCHES]
    with journal.open_journal() as stats:
        cached = [search(grid, min_epochs) for search, min_epochs in SEARCHES]
    assert (stats.fits, stats.reused) == (9 + 12 + 12, 0)
    for ours, theirs in zip(cached, alone, strict=True):
        for name, values in ours.cv_results_.items():
            if not name.endswith("_time"):
                np.testing.assert_array_equal(values, theirs.cv_results_[name], err_msg=name)


SEARCHES = [
    (lambda grid, _: DenseGridSearchCV(network(), grid, cv=3, refit=False).fit(X, Y), 0),
    (lambda grid, epochs: halving(grid, min_epochs=epochs), 6),
    (lambda grid, epochs: halving(grid, min_epochs=epochs), 2),
]


# ---- a training that pauses


@pytest.mark.parametrize("kind", NETWORKS)
def test_a_training_that_pauses_after_each_epoch_ends_as_without(kind):
    def make_job():
        model = clone(network(**NETWORKS[kind])).set_params(hidden_layer_sizes=(4,))
        return make_training_job(model, X, Y)

    whole_job, job = make_job(), make_job()
    [whole] = training.train([whole_job])
    pauses = 0
    while True:
        [state] = training.train([dataclasses.replace(job, pause_at=pauses + 1)])
        if not state.paused:
            break
        pauses += 1
        assert state.epochs == pauses
        job = dataclasses.replace(job, start=state)
    assert pauses == whole.epochs - 1
    for field in dataclasses.fields(whole):
        ours, theirs = getattr(state, field.name), getattr(whole, field.name)
        np.testing.assert_array_equal(ours, theirs, err_msg=field.name)
    assert str(job.rng.get_state()) == str(whole_job.rng.get_state())


@pytest.mark.parametrize("kind", ["adaptive rate", "float32"])
def test_each_pause_is_found_in_the_journal_again(kind, folder):
    with journal.open_journal() as stats:
        states = []
        for _ in range(2):
            job, state = make_training_job(network(**NETWORKS[kind]), X, Y), None
            while state is None or state.paused:
                job = dataclasses.replace(job, pause_at=1 + (state.epochs if state else 0))
                result = journal.train([job], stats.store)
                stats.add(result)
                [state] = result.states
                job = dataclasses.replace(job, start=state)
            states.append(state)
    assert stats.fits == 2 * states[0].epochs
    assert stats.reused == states[0].epochs
    assert states[0].loss_curve == states[1].loss_curve
    np.testing.assert_array_equal(states[0].parameters, states[1].parameters)


def test_a_pause_that_ends_is_a_training_that_ended():
    hp = {"early_stopping": True, "max_iter": 9}
    [paused] = training.train(
        [dataclasses.replace(make_training_job(network(**hp), X, Y), pause_at=5)]
    )
    short = make_training_job(network(early_stopping=True, max_iter=5), X, Y)
    [ended] = training.train([short])
    ours = training.ended_state(paused, short.hyperparameters)
    for field in dataclasses.fields(ended):
        values = getattr(ours, field.name), getattr(ended, field.name)
        np.testing.assert_array_equal(*values, err_msg=field.name)


# ---- invalid input

WRONG = {
    "factor": ({"factor": 1}, "The 'factor' parameter of DenseHalvingSearchCV must be a float in "),
    "n_iter": ({"n_iter": 0}, "The 'n_iter' parameter of DenseHalvingSearchCV must be an int in "),
    "refit": ({"refit": len}, "The 'refit' parameter of DenseHalvingSearchCV must be "),
    "no epochs": ({"min_epochs": 0}, "The 'min_epochs' parameter of DenseHalvingSearchCV must be "),
    "too many epochs": (
        {"min_epochs": 19},
        "min_epochs=19 is more than max_iter=18 of the estimator, so the first round cannot be "
        "trained. Lower min_epochs, or raise max_iter.",
    ),
    "a distribution": (
        {"param_distributions": {"alpha": uniform(0, 1)}},
        "n_iter=None tries all combinations, but alpha is a distribution, which has no list of "
        "values. Set n_iter to the number of candidates to sample.",
    ),
    "a number": (
        {"param_distributions": {"alpha": 0.1}, "n_iter": 3},
        "alpha=0.1 is neither a list nor a distribution (an object with the method rvs), so no ",
    ),
    "max_iter": (
        {"param_distributions": [{"max_iter": [10, 20]}]},
        "max_iter is among the parameters to search, but halving itself decides how many epochs a "
        "network is trained. Remove it from param_distributions, and set it in the estimator as "
        "the highest number of epochs.",
    ),
    "several scores": (
        {"scoring": ["accuracy", "roc_auc"], "refit": False},
        "scoring gives several scores, ['accuracy', 'roc_auc'], and refit=False names none, so it "
        "is unclear which candidates continue. Set refit to one of them.",
    ),
    "several scores of a function": (
        {"scoring": keep_the_fit, "refit": True},
        "For multi-metric scoring, the parameter refit must be set to a scorer key",
    ),
    "no candidates": (
        {"param_distributions": []},
        "There is nothing to fit: 0 candidates and 2 folds. param_distributions and cv must each",
    ),
    "a candidate that diverges": (
        {"param_distributions": {"learning_rate_init": [0.01, 1e300]}},
        "The candidate {'learning_rate_init': 1e+300} failed on fold 0: The weights became",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_invalid_input_raises(case):
    changes, text = WRONG[case]
    kwargs = {"param_distributions": {"alpha": [0.1, 1]}, "min_epochs": 2} | changes
    search = DenseHalvingSearchCV(network(), cv=2, **kwargs)
    with pytest.raises(ValueError, match=f"^{re.escape(text)}"):
        search.fit(X, Y)


def test_another_estimator_is_refused():
    with pytest.raises(TypeError, match="is not a DenseClassifier, or overrides fit") as caught:
        DenseHalvingSearchCV(LogisticRegression(), {"C": [1]}).fit(X, Y)
    assert "HalvingGridSearchCV; it accepts" in str(caught.value)


def test_all_parameters_can_be_read_and_set():
    search = clone(DenseHalvingSearchCV(network(), GRID, min_epochs=3, factor=2))
    assert (search.min_epochs, search.factor, search.n_iter) == (3, 2, None)
    assert search.set_params(estimator__alpha=3).estimator.alpha == 3
