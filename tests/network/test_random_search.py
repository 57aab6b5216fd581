"""DenseRandomizedSearchCV equals RandomizedSearchCV bit for bit."""

import numpy as np
import pytest
from scipy.stats import loguniform, randint, uniform
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RandomizedSearchCV
from sklearn.neural_network import MLPClassifier

from winenet.network.classifier import DenseClassifier
from winenet.network.search import DenseRandomizedSearchCV

pytestmark = pytest.mark.filterwarnings(
    f"ignore::{ConvergenceWarning.__module__}.ConvergenceWarning"
)

rng = np.random.RandomState(3)
X = rng.random((90, 4))
Y = np.where(X[:, 0] + 0.4 * rng.random(90) > 0.7, "red", "white")
SIZES = [(4,), (6, 3)]
SEARCHES = {
    "lists": {"param_distributions": {"hidden_layer_sizes": SIZES, "alpha": [0, 0.1, 1]}},
    "distributions": {
        "param_distributions": {
            "alpha": loguniform(1e-5, 1),
            "learning_rate_init": loguniform(1e-3, 1e-1),
            "beta_1": uniform(0.8, 0.19),
            "max_iter": randint(3, 12),
        }
    },
    "both": {
        "param_distributions": {"hidden_layer_sizes": SIZES, "batch_size": randint(10, 40)},
        "scoring": ["accuracy", "neg_log_loss"],
        "refit": "neg_log_loss",
        "return_train_score": True,
        "n_jobs": 2,
    },
    "several dicts": {
        "param_distributions": [
            {"solver": ["sgd"], "power_t": uniform(0.3, 0.4), "learning_rate": ["invscaling"]},
            {"solver": ["adam"], "beta_2": uniform(0.9, 0.09)},
        ],
        "refit": lambda results: int(results["mean_test_score"].argmin()),
    },
    "a generator": {
        "param_distributions": {"alpha": uniform(0, 1)},
        "random_state": "generator",
    },
}


def search_both(theirs=MLPClassifier, **kwargs):
    """Return our search and scikit-learn's on the same rows."""
    kwargs = {"n_iter": 5, "random_state": 5, "cv": 2} | kwargs
    searches = []
    for kind, model in ((DenseRandomizedSearchCV, DenseClassifier), (RandomizedSearchCV, theirs)):
        if kwargs["random_state"] == "generator":
            options = kwargs | {"random_state": np.random.RandomState(8)}
        else:
            options = kwargs
        searches.append(kind(model(max_iter=10, random_state=7), **options).fit(X, Y))
    return searches


def assert_same_search(ours, theirs):
    assert list(ours.cv_results_) == list(theirs.cv_results_)
    for name, values in theirs.cv_results_.items():
        if name == "params":
            assert ours.cv_results_[name] == values
        elif not name.endswith("_time"):
            np.testing.assert_array_equal(ours.cv_results_[name], values, err_msg=name)
    for name in ("best_params_", "best_index_", "n_splits_", "multimetric_"):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert getattr(ours, "best_score_", None) == getattr(theirs, "best_score_", None)
    for mine, other in zip(ours.best_estimator_.coefs_, theirs.best_estimator_.coefs_, strict=True):
        np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize("case", SEARCHES)
def test_the_search_is_scikit_learn_s(case):
    assert_same_search(*search_both(**SEARCHES[case]))


def test_parameters_that_mlpclassifier_lacks_are_sampled_too():
    """With float32, np.float64 hyper-parameters would be computed in float64 if not converted."""
    distributions = {"dropout": uniform(0, 0.5), "beta_1": uniform(0.8, 0.1), "dtype": ["float32"]}
    ours, theirs = search_both(DenseClassifier, param_distributions=distributions)
    assert_same_search(ours, theirs)
    plain = {name: getattr(v, "item", lambda v=v: v)() for name, v in ours.best_params_.items()}
    alone = DenseClassifier(max_iter=10, random_state=7, **plain).fit(X, Y)
    np.testing.assert_array_equal(alone.coefs_[0], ours.best_estimator_.coefs_[0])


def test_all_parameters_can_be_read_and_set():
    search = DenseRandomizedSearchCV(DenseClassifier(), {})
    theirs = set(RandomizedSearchCV(DenseClassifier(), {}).get_params())
    assert set(search.get_params()) == theirs - {"error_score", "pre_dispatch"}
    assert search.set_params(n_iter=3).n_iter == 3


WRONG = {
    "n_iter": ({"n_iter": 0}, ValueError, "The 'n_iter' parameter of DenseRandomizedSearchCV must"),
    "a number": (
        {"param_distributions": {"alpha": 0.1}},
        ValueError,
        "alpha=0.1 is neither a list nor a distribution (an object with the method rvs), so no "
        "value can be drawn from it. Use a list, such as [0.1, 0.2], or a distribution of "
        "scipy.stats.",
    ),
    "a string": (
        {"param_distributions": [{"alpha": [1]}, {"solver": "adam"}]},
        ValueError,
        "solver='adam' is neither a list nor a distribution",
    ),
    "a value": (
        {"param_distributions": {"alpha": uniform(-2, 1)}},
        ValueError,
        "The 'alpha' parameter of DenseClassifier must be a float in the range [0.0, inf). Got ",
    ),
    "another estimator": (
        {"estimator": LogisticRegression(), "param_distributions": {"C": [1]}},
        TypeError,
        "estimator=LogisticRegression() is not a DenseClassifier, or overrides fit, so its "
        "fits cannot be trained in stacks. For other estimators, and for a Pipeline, use "
        "sklearn.model_selection.RandomizedSearchCV; it accepts a DenseClassifier, too.",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_invalid_input_raises(case):
    changes, kind, text = WRONG[case]
    kwargs = {"estimator": DenseClassifier(), "param_distributions": {"alpha": [0.1, 1]}} | changes
    with pytest.raises(kind) as caught:
        DenseRandomizedSearchCV(**kwargs, cv=2).fit(X, Y)
    assert str(caught.value).startswith(text)
