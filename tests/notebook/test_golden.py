"""Compares what is computed here with every number that the notebook prints.

The tolerance is half of the last printed digit. `make verify` proves that the committed metrics
are what the stages compute; the two quick models are trained here once more.
"""

import csv
import json

import pytest
from committed import ROOT
from conftest import Workspace
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from winenet import files, params
from winenet.report import notebook_section


def golden() -> list[dict[str, str]]:
    with (ROOT / "data/reference/notebook.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def half_a_unit(row: dict[str, str]) -> float:
    return 0.5 * 10 ** -int(row["digits"])


def printed(quantity: str) -> dict[str, str]:
    return next(row for row in golden() if row["quantity"] == quantity)


@pytest.fixture(scope="module")
def metrics() -> dict[str, object]:
    return {
        name: json.loads((ROOT / f"metrics/{name}.json").read_text(encoding="utf-8"))
        for name in ("logistic", "mlp", "grid_search")
    }


@pytest.mark.parametrize("row", golden(), ids=lambda row: row["quantity"])
def test_the_committed_number_is_the_notebook_s(
    row: dict[str, str], metrics: dict[str, object]
) -> None:
    table = files.read_table(str(ROOT / "data/reference/notebook.csv"))
    (here,) = notebook_section.notebook_checks(table[table["quantity"] == row["quantity"]], metrics)
    assert float(here.here) == pytest.approx(float(row["value"]), abs=half_a_unit(row))
    assert here.agrees, here


def test_the_logistic_regression_has_the_printed_accuracy(after_split: Workspace) -> None:
    settings = params.load(str(ROOT / "params.yaml")).logistic
    fitted = LogisticRegression(solver=settings.solver, random_state=settings.random_state)
    row = printed("logistic.accuracy")
    assert accuracy(fitted, after_split) == pytest.approx(float(row["value"]), abs=half_a_unit(row))


def test_the_notebook_s_network_has_the_printed_accuracy(after_split: Workspace) -> None:
    settings = params.load(str(ROOT / "params.yaml")).mlp
    fitted = MLPClassifier(
        hidden_layer_sizes=settings.networks["notebook"].parameters["hidden_layer_sizes"],
        **settings.defaults,
    )
    row = printed("mlp.notebook.accuracy")
    assert accuracy(fitted, after_split) == pytest.approx(float(row["value"]), abs=half_a_unit(row))


def accuracy(model: LogisticRegression | MLPClassifier, where: Workspace) -> float:
    X_train, X_test, y_train, y_test = (
        files.read_table(str(where.path / "data" / name))
        for name in (
            "X_train_normalized.csv",
            "X_test_normalized.csv",
            "y_train.csv",
            "y_test.csv",
        )
    )
    return float(model.fit(X_train, y_train["Class"]).score(X_test, y_test["Class"]))
