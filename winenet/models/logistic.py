"""Make the baseline, scikit-learn's logistic regression, from params.yaml."""

from typing import Any

from sklearn.linear_model import LogisticRegression

from winenet.params import Logistic


def effective_solver(settings: Logistic, n_classes: int) -> str:
    """Return the solver to use: lbfgs instead of liblinear if there are more than two classes."""
    solver: str = settings.parameters.get("solver", "lbfgs")
    return "lbfgs" if n_classes > 2 and solver == "liblinear" else solver


def make_logistic_regression(settings: Logistic, n_classes: int) -> Any:
    """Return an untrained logistic regression for n_classes classes."""
    solver = effective_solver(settings, n_classes)
    return LogisticRegression(**settings.parameters | {"solver": solver})
