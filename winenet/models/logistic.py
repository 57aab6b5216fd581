"""The baseline: scikit-learn's logistic regression, as params.yaml wants it."""

from typing import Any

from sklearn.linear_model import LogisticRegression

from winenet.params import Logistic


def effective_solver(settings: Logistic, classes: int) -> str:
    """Return the solver that is used: liblinear knows two classes only, lbfgs any number."""
    return "lbfgs" if classes > 2 and settings.solver == "liblinear" else settings.solver


def make_logistic_regression(settings: Logistic, classes: int) -> Any:
    """Return the logistic regression for so many classes, untrained."""
    return LogisticRegression(
        solver=effective_solver(settings, classes),
        max_iter=settings.max_iter,
        random_state=settings.random_state,
    )
