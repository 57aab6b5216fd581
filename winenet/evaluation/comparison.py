"""Sets all models side by side: scores with intervals, pairs, curves, and errors in common."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier

from winenet.evaluation import intervals as intervals_module
from winenet.evaluation import paired_tests, probability_curves, scoring
from winenet.evaluation.scoring import Classifier, EvaluationSet
from winenet.params import Compare

# The model that always says the same has no curve.
MAJORITY_CLASS = "majority_class"


def reference_models(
    X_train: pd.DataFrame, y_train: pd.Series, settings: Compare
) -> tuple[Classifier, Classifier]:
    """Return the line below, the majority class, and one above, boosted trees; both trained."""
    below = DummyClassifier(strategy="prior").fit(X_train, y_train)
    above = HistGradientBoostingClassifier(random_state=settings.random_state)
    return below, above.fit(X_train, y_train)


def predictions(models: Mapping[str, Classifier], X: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return by model a line a row: predicted, and `evaluation.probability_columns`."""
    return {
        name: pd.DataFrame(
            {"predicted": model.predict(X)} | scoring.probability_columns(model.predict_proba(X))
        )
        for name, model in models.items()
    }


def scores_with_intervals(
    found: Mapping[str, pd.DataFrame], test: EvaluationSet, settings: Compare
) -> dict[str, dict[str, Any]]:
    """Return by model its scores with intervals, errors and errors_unseen.

    found: by model, as `predictions` returns them.
    """
    unseen = ~test.in_training
    scored: dict[str, dict[str, Any]] = {}
    for name, one in found.items():
        wrong = one["predicted"] != test.y
        intervals = intervals_module.scores_with_intervals(
            test.y,
            one["predicted"],
            scoring.probabilities(one),
            test.in_training,
            settings.n_resamples,
            settings.random_state,
        )
        scored[name] = {
            score: None if interval is None else interval._asdict()
            for score, interval in intervals.items()
        }
        scored[name] |= {"errors": wrong.sum(), "errors_unseen": (wrong & unseen).sum()}
    return scored


def pairwise_tests(found: Mapping[str, pd.DataFrame], test: EvaluationSet) -> pd.DataFrame:
    """Compare each pair of models on all test rows, and on those not seen in training.

    Returns a line a pair and set: rows ("all" or "unseen"), number of rows, and what
    `evaluation.pairs` tells; Holm's correction counts the pairs of one set.
    """
    tables = []
    for rows, chosen in (("all", np.ones(len(test.y), dtype=bool)), ("unseen", ~test.in_training)):
        if chosen.any():
            predicted = {name: one["predicted"][chosen] for name, one in found.items()}
            table = paired_tests.pairwise_mcnemar(test.y[chosen], predicted)
            table.insert(0, "rows", rows)
            table.insert(1, "number", int(chosen.sum()))
            tables.append(table)
    return pd.concat(tables, ignore_index=True)


def accuracies(scored: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Return a line a model and set of rows: model, rows, accuracy, low, high."""
    return pd.DataFrame(
        {"model": name, "rows": rows, "accuracy": one["value"], "low": one["low"]}
        | {"high": one["high"]}
        for name, scores in scored.items()
        for rows, one in (("all", scores["accuracy"]), ("unseen", scores["accuracy_unseen"]))
        if one is not None
    )


def curves(found: Mapping[str, pd.DataFrame], y: pd.Series) -> dict[str, pd.DataFrame]:
    """Return roc, precision_recall and calibration of all models but the constant one.

    Each has a line a point, with its model and its step along the curve.
    """
    draw = {
        "roc": probability_curves.roc_curve,
        "precision_recall": probability_curves.precision_recall_curve,
        "calibration": probability_curves.calibration,
    }
    return {
        kind: pd.concat(
            [
                curve(y, scoring.probabilities(one)).assign(model=name).reset_index(names="step")
                for name, one in found.items()
                if name != MAJORITY_CLASS
            ],
            ignore_index=True,
        )
        for kind, curve in draw.items()
    }


def misclassified_rows(
    found: Mapping[str, pd.DataFrame], test: EvaluationSet, rows: pd.DataFrame, table: pd.DataFrame
) -> pd.DataFrame:
    """Return the test rows that a model gets wrong, those that most get wrong first.

    rows: of the test rows, row. table: the raw rows, whose numbers `row` gives. Columns: row,
    wrong_models (how many, the constant one left aside), wrong (their names), in_training, and the raw
    values with the label; a gap is NaN.
    """
    wrong = pd.DataFrame(
        {name: one["predicted"] != test.y for name, one in found.items() if name != MAJORITY_CLASS}
    )
    listed = pd.DataFrame(
        {
            "row": rows["row"],
            "wrong_models": wrong.sum(axis=1),
            "wrong": [" ".join(wrong.columns[list(line)]) for line in wrong.to_numpy()],
            "in_training": test.in_training,
        }
    )
    listed = listed[listed["wrong_models"] > 0].sort_values(
        ["wrong_models", "row"], ascending=[False, True]
    )
    raw = table.loc[listed["row"]].reset_index(drop=True)
    return pd.concat([listed.reset_index(drop=True), raw], axis=1)


def pairwise_summary(compared: pd.DataFrame) -> dict[str, Any]:
    """Return of all test rows, by first and second model: further_errors and p_value."""
    found: dict[str, Any] = {}
    for one in compared[compared["rows"] == "all"].to_dict("records"):
        found.setdefault(one["first"], {})[one["second"]] = {
            "further_errors": one["errors_second"] - one["errors_first"],
            "p_value": one["p_value"],
        }
    return found
