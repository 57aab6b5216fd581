"""DenseClassifier is a scikit-learn estimator, and rejects invalid input clearly."""

import pickle
import re

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from winenet.network.classifier import DenseClassifier
from winenet.network.search import DenseGridSearchCV

quiet = pytest.mark.filterwarnings(f"ignore::{ConvergenceWarning.__module__}.ConvergenceWarning")
pytestmark = quiet


def numbers(rows=120, classes=2, seed=0):
    rng = np.random.RandomState(seed)
    X = rng.normal(size=(rows, 4))
    return X, (X @ rng.normal(size=(4, classes))).argmax(axis=1)


def assert_same_fit(ours, theirs):
    assert ours.loss_curve_ == theirs.loss_curve_
    for name in ("coefs_", "intercepts_"):
        for our, their in zip(getattr(ours, name), getattr(theirs, name), strict=True):
            np.testing.assert_array_equal(our, their)


# ---- scikit-learn's own checks


@pytest.mark.parametrize(
    "estimator",
    [
        DenseClassifier(),
        DenseClassifier((), solver="sgd", learning_rate_init=0.1),
        DenseClassifier((20, 10), "tanh", learning_rate_init=0.01),
    ],
    ids=repr,
)
def test_scikit_learn_s_checks_pass(estimator):
    results = check_estimator(estimator, on_skip=None, expected_failed_checks={})
    not_passed = {check["check_name"] for check in results if check["status"] != "passed"}
    # This one is skipped unless SCIPY_ARRAY_API is set, and is not for numpy's arrays anyway.
    assert not_passed <= {"check_array_api_input"}
    assert len(results) > 50


def test_parameters_have_mlpclassifier_s_names_and_defaults():
    theirs = MLPClassifier().get_params()
    assert theirs.pop("max_fun") == 15000  # it concerns lbfgs alone
    beyond = {"class_weight": None, "dropout": 0.0, "dtype": "float64"}
    assert DenseClassifier().get_params() == {**theirs, **beyond}


# ---- within scikit-learn


def test_pipeline_grid_search_and_cross_validation():
    X, y = numbers()
    frame = pd.DataFrame(X, columns=list("abcd"))
    steps = make_pipeline(
        StandardScaler(), DenseClassifier(learning_rate_init=0.03, random_state=0)
    )
    steps.set_output(transform="pandas")
    grid = {"denseclassifier__hidden_layer_sizes": [(), (5,), (6, 3)]}
    search = GridSearchCV(steps, grid, cv=3).fit(frame, y)
    assert search.best_score_ > 0.6
    assert search.best_estimator_[-1].feature_names_in_.tolist() == list("abcd")
    assert len(cross_val_score(steps, frame, y, cv=3)) == 3


def test_clone_and_pickle():
    X, y = numbers()
    model = DenseClassifier((5,), max_iter=5, random_state=0).fit(X, y)
    assert clone(model).get_params() == model.get_params()
    assert not hasattr(clone(model), "coefs_")
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    assert_same_fit(again.partial_fit(X, y), model.partial_fit(X, y))


@pytest.mark.parametrize("labels", [["red", "white"], ["red", "rosé", "white"], [10, 3, 7]])
def test_labels_of_any_kind(labels):
    X, y = numbers(classes=len(labels))
    y = np.array(labels)[y]
    model = DenseClassifier((8,), max_iter=150, learning_rate_init=0.02, random_state=0).fit(X, y)
    assert model.classes_.tolist() == sorted(labels)
    assert model.score(X, y) > 0.9
    P = model.predict_proba(X)
    np.testing.assert_allclose(P.sum(axis=1), 1)
    np.testing.assert_array_equal(model.classes_[P.argmax(axis=1)], model.predict(X))
    np.testing.assert_array_equal(np.exp(model.predict_log_proba(X)), np.exp(np.log(P)))


# ---- beyond MLPClassifier


@pytest.mark.parametrize("class_weight", ["balanced", {0: 3.0, 1: 0.5, 2: 1.0}])
def test_class_weight_equals_sample_weight(class_weight):
    X, y = numbers(classes=3)
    counts = np.bincount(y)
    per_class = {"balanced": len(y) / (3 * counts)}.get(str(class_weight), [3.0, 0.5, 1.0])
    sample_weight = np.linspace(0.5, 2, len(y))
    settings = {"hidden_layer_sizes": (6,), "max_iter": 9, "random_state": 0}
    ours = DenseClassifier(class_weight=class_weight, **settings).fit(X, y, sample_weight)
    theirs = DenseClassifier(**settings).fit(X, y, sample_weight * np.asarray(per_class)[y])
    assert_same_fit(ours, theirs)
    assert ours.loss_curve_ != DenseClassifier(**settings).fit(X, y, sample_weight).loss_curve_


def test_validation_data_is_scored_and_changes_nothing():
    X, y = numbers(200)
    settings = {"hidden_layer_sizes": (6,), "max_iter": 12, "random_state": 0}
    plain = DenseClassifier(**settings).fit(X[:150], y[:150])
    model = DenseClassifier(**settings).fit(X[:150], y[:150], validation_data=(X[150:], y[150:]))
    assert_same_fit(model, plain)
    assert plain.validation_scores_ is plain.validation_loss_curve_ is None
    assert len(model.validation_scores_) == len(model.validation_loss_curve_) == 12
    assert model.validation_scores_[-1] == model.score(X[150:], y[150:])
    assert model.best_validation_score_ == max(model.validation_scores_)
    truth = model.predict_proba(X[150:])[np.arange(50), y[150:]]
    assert model.validation_loss_curve_[-1] == pytest.approx(-np.log(truth).mean(), rel=1e-12)


def test_validation_data_with_early_stopping_restores_the_best_weights():
    X, y = numbers(200, classes=3)
    model = DenseClassifier(
        (6,), early_stopping=True, max_iter=200, learning_rate_init=0.1, random_state=0
    ).fit(X[:150], y[:150], validation_data=(X[150:], y[150:]))
    assert model.n_iter_ < 200
    assert model.best_validation_score_ == max(model.validation_scores_)
    assert model.score(X[150:], y[150:]) == model.best_validation_score_
    assert model.t_ == 150 * model.n_iter_  # no row was set aside
    assert model.best_loss_ is None


def test_dropout_is_drawn_anew_in_each_step_and_not_when_predicting():
    X, y = numbers(200)
    settings = {"hidden_layer_sizes": (30, 20), "max_iter": 120, "random_state": 0}
    plain, thin, again = (
        DenseClassifier(dropout=dropout, **settings).fit(X, y) for dropout in (0.0, 0.4, 0.4)
    )
    assert_same_fit(thin, again)
    assert thin.loss_curve_[0] != plain.loss_curve_[0]
    # The whole network fits the rows better than the thinned one in training.
    loss = -np.log(thin.predict_proba(X)[np.arange(200), y]).mean()
    assert loss < thin.loss_curve_[-1]
    np.testing.assert_array_equal(thin.predict_proba(X), thin.predict_proba(X))
    assert thin.score(X, y) > 0.9


def test_dropout_goes_on_to_other_units_in_partial_fit():
    """With one seed for all calls: steps from equal weights differ if the masks do."""
    X, y = numbers()
    steps = []
    for samples_seen in (0, 120):
        model = DenseClassifier((30,), dropout=0.5, shuffle=False, random_state=0, batch_size=120)
        model.partial_fit(X, y, classes=[0, 1])
        model.coefs_ = [np.ones_like(W) for W in model.coefs_]
        model._training_state.samples_seen, model._training_state.optimizer_state = (
            samples_seen,
            None,
        )
        steps.append(model.partial_fit(X, y).coefs_[0])
    assert (steps[0] != steps[1]).any()


def test_labels_are_typed_as_scikit_learn_s():
    X, y = numbers()
    labels = pd.Series(np.where(y, "red", "white"))
    both = [kind(max_iter=2).fit(X, labels) for kind in (DenseClassifier, MLPClassifier)]
    assert both[0].classes_.dtype == both[1].classes_.dtype
    assert both[0].predict(X).dtype == both[1].predict(X).dtype


def test_float32_is_close_and_stays_float32():
    X, y = numbers()
    settings = {"hidden_layer_sizes": (8, 4), "max_iter": 60, "random_state": 0}
    small, exact = (DenseClassifier(dtype=d, **settings).fit(X, y) for d in ("float32", "float64"))
    assert {array.dtype for array in small.coefs_ + small.intercepts_} == {np.dtype("float32")}
    assert small.predict_proba(X).dtype == np.float32
    np.testing.assert_allclose(small.loss_curve_, exact.loss_curve_, rtol=1e-4)
    np.testing.assert_allclose(small.predict_proba(X), exact.predict_proba(X), atol=1e-3)


# ---- callbacks


class Listener:
    """Records the events; stops the training after `stop_after` epochs."""

    def __init__(self, stop_after=None):
        self.events, self.losses, self.stop_after = [], [], stop_after

    def setup(self, estimator, context):
        self.events.append("setup")

    def teardown(self, estimator, context):
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.events.append(f"begin {context.task_name}")

    def on_fit_task_end(self, estimator, context, *, X, y, fitted_estimator):
        self.events.append(f"end {context.task_name}")
        self.losses.append((fitted_estimator, fitted_estimator.score(X, y)))
        return context.task_name == "epoch" and context.task_id + 1 == self.stop_after


def test_callbacks_are_invoked_after_each_epoch_with_a_fitted_estimator():
    X, y = numbers()
    listener = Listener()
    frame = pd.DataFrame(X, columns=list("abcd"))
    model = DenseClassifier((5,), max_iter=3, random_state=0).set_callbacks(listener)
    model.fit(frame, y)
    epoch = ["begin epoch", "end epoch"]
    assert listener.events == ["setup", "begin fit", *epoch * 3, "end fit", "teardown"]
    fitted = [model_seen for model_seen, _ in listener.losses]
    assert [len(model_seen.loss_curve_) for model_seen in fitted] == [1, 2, 3, 3]
    assert [model_seen.score(frame, y) for model_seen in fitted] == [
        score for _, score in listener.losses
    ]
    assert_same_fit(model, DenseClassifier((5,), max_iter=3, random_state=0).fit(X, y))


def test_a_callback_may_end_the_training():
    X, y = numbers()
    listener = Listener(stop_after=2)
    model = DenseClassifier((5,), max_iter=9, random_state=0).set_callbacks(listener).fit(X, y)
    assert model.n_iter_ == 2
    assert listener.events[-3:] == ["end epoch", "end fit", "teardown"]


def test_a_callback_is_torn_down_when_the_fit_fails():
    listener = Listener()
    with pytest.raises(ValueError, match="only one class"):
        DenseClassifier().set_callbacks(listener).fit([[0.0], [1.0]], [1, 1])
    assert listener.events == ["setup", "teardown"]


def test_scoring_monitor_and_progress_bar(capsys):
    X, y = numbers()
    monitor = ScoringMonitor(scoring="accuracy")
    model = DenseClassifier((5,), max_iter=4, random_state=0)
    model.set_callbacks(monitor, ProgressBar()).fit(X, y)
    logs = pd.DataFrame(monitor.get_logs().data)
    epochs = logs[logs["task_name"] == "epoch"]
    assert len(epochs) == 4
    assert epochs["accuracy"].iloc[-1] == model.score(X, y)
    assert "DenseClassifier - fit" in capsys.readouterr().out


def test_a_grid_search_hands_its_callbacks_down():
    X, y = numbers(60)
    model = DenseClassifier(max_iter=2, random_state=0)
    GridSearchCV(model, {"alpha": [0, 1]}, cv=2).set_callbacks(ProgressBar()).fit(X, y)


# ---- output and warnings


def test_verbose_prints_each_epoch(capsys):
    X, y = numbers()
    settings = {"solver": "sgd", "learning_rate": "adaptive", "tol": 10.0, "n_iter_no_change": 1}
    model = DenseClassifier((3,), verbose=True, learning_rate_init=2e-6, random_state=0, **settings)
    model.fit(X, y, validation_data=(X[:10], y[:10]))
    lines = capsys.readouterr().out.splitlines()
    loss = [f"loss {value:.8f}" for value in model.loss_curve_]
    score = [f"validation score {value:.6f}" for value in model.validation_scores_]
    assert lines == [
        f"epoch 1: {loss[0]}, {score[0]}",
        f"epoch 2: {loss[1]}, {score[1]}",
        f"epoch 3: {loss[2]}, {score[2]}; no improvement, learning rate cut to 4e-07",
        f"epoch 4: {loss[3]}, {score[3]}",
        f"epoch 5: {loss[4]}, {score[4]}; no improvement, training ends",
    ]


@pytest.mark.filterwarnings("error")
def test_a_training_cut_short_warns():
    X, y = numbers()
    message = r"max_iter=2 epochs .* Raise max_iter or tol"
    with pytest.warns(ConvergenceWarning, match=message) as caught:
        DenseClassifier(max_iter=2).fit(X, y)
    assert caught[0].filename == __file__


def test_a_diverged_network_is_an_error():
    X, y = numbers()
    model = DenseClassifier((3,), "identity", solver="sgd", learning_rate_init=1e200)
    with pytest.raises(ValueError, match=r"infinite or NaN .* lower learning_rate_init=1e\+200\."):
        model.fit(X, y)


X, Y = numbers()
WRONG = {
    "lbfgs": (
        {"solver": "lbfgs"},
        (X, Y),
        ValueError,
        "solver='lbfgs' is not supported: DenseClassifier trains in mini-batches, with 'adam' or "
        "'sgd'. For lbfgs use sklearn.neural_network.MLPClassifier(solver='lbfgs').",
    ),
    "alpha": (
        {"alpha": -1},
        (X, Y),
        ValueError,
        "The 'alpha' parameter of DenseClassifier must be a float in the range [0.0, inf). "
        "Got -1 instead.",
    ),
    "sizes": (
        {"hidden_layer_sizes": (5, 0)},
        (X, Y),
        ValueError,
        "hidden_layer_sizes=(5, 0) is invalid: each hidden layer needs an integer number of units "
        "of at least 1, as in (100, 50). Use () for no hidden layer.",
    ),
    "half a unit": (
        {"hidden_layer_sizes": (2.5,)},
        (X, Y),
        ValueError,
        "hidden_layer_sizes=(2.5,) is invalid: each hidden layer needs an integer number of units "
        "of at least 1, as in (100, 50). Use () for no hidden layer.",
    ),
    "sparse": (
        {},
        (sparse.csr_array(X), Y),
        TypeError,
        "Sparse data was passed for X, but dense data is required. "
        "Use '.toarray()' to convert to a dense numpy array.",
    ),
    "several labels": (
        {},
        (X, np.column_stack([Y, 1 - Y])),
        ValueError,
        "y is multilabel-indicator with shape (120, 2), but DenseClassifier supports one "
        "label per row only. For several labels per row use sklearn.neural_network.MLPClassifier.",
    ),
    "one class": (
        {},
        (X, np.ones(120)),
        ValueError,
        "y has only one class, [1.], so there is nothing to learn. A classifier needs at "
        "least 2 classes.",
    ),
    "no weight": (
        {"class_weight": {0: 0, 1: 0}},
        (X, Y),
        ValueError,
        "The weights of all rows are zero, so there is nothing to learn from. Change "
        "class_weight={0: 0, 1: 0} or sample_weight.",
    ),
    "held-out labels": (
        {},
        (X, Y, None, (X, Y + 5)),
        ValueError,
        "validation_data has the classes [5 6], but the network was made for [0 1]. Fit a new "
        "network, or leave these rows out.",
    ),
    "held-out rows": (
        {},
        (X, Y, None, X),
        ValueError,
        "validation_data must be a tuple (X, y) of rows to score on.",
    ),
    "few held-out rows": (
        {"early_stopping": True, "validation_fraction": 0.005},
        (X, np.arange(120) % 3),
        ValueError,
        "validation_fraction=0.005 leaves 1 of 120 rows for the validation set, too few to score "
        "on. Increase it, or pass validation_data.",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_invalid_input_raises(case):
    parameters, arguments, kind, text = WRONG[case]
    with pytest.raises(kind) as caught:
        DenseClassifier(**parameters).fit(*arguments)
    assert str(caught.value) == text


def test_what_partial_fit_and_warm_start_cannot_do_is_reported():
    with pytest.raises(ValueError, match=r"needs all classes, .* classes=np\.unique"):
        DenseClassifier().partial_fit(X, Y)
    with pytest.raises(ValueError, match="partial_fit does not support early stopping"):
        DenseClassifier(early_stopping=True).partial_fit(X, Y, classes=[0, 1])
    with pytest.raises(ValueError, match="'balanced' needs the labels of all rows"):
        DenseClassifier(class_weight="balanced").partial_fit(X, Y, classes=[0, 1])
    model = DenseClassifier((3,), max_iter=2, warm_start=True).fit(X, Y)
    with pytest.raises(ValueError, match=r"y has the classes \[2 3\]"):
        model.fit(X, Y + 2)
    with pytest.raises(ValueError, match=r"y has the classes \[0\], but with warm_start=True"):
        model.fit(X, 0 * Y)
    with pytest.raises(ValueError, match=re.escape("needs [(4, 7), (7, 1)]")):
        model.set_params(hidden_layer_sizes=(7,)).fit(X, Y)
    with pytest.raises(ValueError, match=r"y has the classes \[2\], but the network"):
        DenseClassifier().partial_fit(X, Y, classes=[0, 1]).partial_fit(X, Y + 1)


def test_an_unfitted_model_and_a_batch_beyond_the_rows():
    with pytest.raises(NotFittedError):
        DenseClassifier().predict(X)
    with pytest.warns(UserWarning, match="batch_size=500 is larger than the number of rows, 120"):
        DenseClassifier(batch_size=500, max_iter=1).fit(X, Y)


# ---- classes that a part of the rows does not have


def three_classes():
    rng = np.random.default_rng(5)
    return rng.random((60, 4)), np.array(["healthy", "sick", "unknown"])[np.arange(60) % 3]


def test_a_later_call_to_partial_fit_refuses_other_classes():
    X, y = three_classes()
    classes = ["healthy", "sick", "unknown"]
    model = DenseClassifier(random_state=0).partial_fit(X, y, classes=classes)
    model.partial_fit(X, y, classes=classes[::-1])  # their order does not matter
    theirs = MLPClassifier(random_state=0).partial_fit(X, y, classes=classes)
    for other in (["healthy", "sick"], [*classes, "dead"], ["a", "b", "c"]):
        with pytest.raises(ValueError, match="not the same as on last call"):
            theirs.partial_fit(X, y, classes=other)
        with pytest.raises(ValueError, match="are not those of the first call to partial_fit"):
            model.partial_fit(X, y, classes=other)


def test_class_weights_hold_for_batches_and_folds_without_a_class():
    X, y = three_classes()
    weights = {"unknown": 4.0}
    batch = y != "unknown"
    ours, without = (
        DenseClassifier(random_state=0, class_weight=weight).partial_fit(
            X[batch], y[batch], classes=np.unique(y)
        )
        for weight in (weights, None)
    )
    assert all(map(np.array_equal, ours.coefs_, without.coefs_))  # each row has the weight 1
    ours.partial_fit(X, y)
    without.partial_fit(X, y, sample_weight=np.where(batch, 1.0, 4.0))
    assert all(map(np.array_equal, ours.coefs_, without.coefs_))

    by_class = [(np.flatnonzero(batch), np.flatnonzero(~batch))] * 2
    search = DenseGridSearchCV(
        DenseClassifier(max_iter=2, random_state=0, class_weight=weights),
        {"alpha": [0.0, 1.0]},
        cv=by_class,
    )
    search.fit(X, y)
    assert search.cv_results_["mean_test_score"].tolist() == [0, 0]


def test_a_weight_of_a_class_that_no_row_has_is_warned_of():
    X, y = three_classes()
    model = DenseClassifier(max_iter=5, random_state=0, class_weight={"sic": 3.0})
    with pytest.warns(UserWarning, match=r"weight for \['sic'\]"):
        model.fit(X, y)


@pytest.mark.parametrize("labels", [("healthy", "sick"), (2, 7), (False, True)])
def test_early_stopping_names_the_class_of_a_single_row_as_the_user_does(labels):
    X, _ = three_classes()
    y = np.array([labels[0]] * 59 + [labels[1]])
    message = f"Only one row has the class {labels[1]!r}"
    with pytest.raises(ValueError, match=message):
        DenseClassifier(early_stopping=True).fit(X, y)
    for model in (DenseClassifier(), MLPClassifier()):  # scikit-learn stops there, too
        model.set_params(max_iter=2, random_state=0, early_stopping=True)
        with pytest.raises(ValueError, match="class"):
            model.fit(X, y)
