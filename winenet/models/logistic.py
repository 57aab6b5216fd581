"""Make the baseline, scikit-learn's logistic regression, from params.yaml."""

from collections.abc import Iterator
from typing import Any

from sklearn.linear_model import LogisticRegression

from winenet.models import constraints
from winenet.params import Logistic


def effective_solver(settings: Logistic, n_classes: int) -> str:
    """Return the solver to use: lbfgs instead of liblinear if there are more than two classes."""
    solver: str = settings.parameters.get("solver", "lbfgs")
    return "lbfgs" if n_classes > 2 and solver == "liblinear" else solver


def faults(settings: Logistic, n_classes: int | None) -> Iterator[str]:
    """Yield what is wrong with the parameters; n_classes: None before the table has been read."""
    parameters = settings.parameters
    if n_classes is None:
        n_classes = constraints.least_classes(parameters.get("class_weight"))
    found = [*constraints.estimator_faults("logistic", LogisticRegression, parameters)]
    if "random_state" not in parameters:
        found.append("logistic.random_state: missing; some solvers give other results in each run")
    yield from found
    if not found:
        fault = constraints.trial_fault("logistic", _make(settings, n_classes), n_classes)
        yield from [fault] if fault else []


def notes(settings: Logistic, n_classes: int) -> Iterator[str]:
    """Yield what scikit-learn warns of."""
    for text in constraints.trial_warnings(lambda: _make(settings, n_classes), n_classes):
        yield f"logistic: {text}"


def make_logistic_regression(settings: Logistic, n_classes: int) -> Any:
    """Return an untrained logistic regression for n_classes classes.

    Raises
    ------
    ParamsError
        If the parameters are invalid.
    """
    constraints.raise_faults(faults(settings, n_classes))
    return _make(settings, n_classes)


def _make(settings: Logistic, n_classes: int) -> Any:
    """Return it without a check."""
    given = settings.parameters | {"solver": effective_solver(settings, n_classes)}
    return LogisticRegression(
        **{name: constraints.as_parameter(name, value) for name, value in given.items()}
    )
