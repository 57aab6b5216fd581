"""Compare all models: scores with intervals, pairwise tests, curves, and common errors."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.dummy import DummyClassifier

from winenet.data.split_data import EvaluationSet
from winenet.evaluation import intervals, paired_tests, probability_curves, scoring
from winenet.evaluation.scoring import Classifier
from winenet.params import Compare


def in_order(
    models: Mapping[str, Classifier], baselines: Mapping[str, Classifier]
) -> dict[str, Classifier]:
    """Return all models as tables list them: constant baselines, the models, other baselines."""
    constant = {
        name: model for name, model in baselines.items() if isinstance(model, DummyClassifier)
    }
    return constant | dict(models) | dict(baselines)


def predictions(models: Mapping[str, Classifier], X: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return a table for each model: predicted, and the columns of `probability_columns`.

    A model without predict_proba has the column decision in their place, of class 1, if there are
    two classes. It ranks the rows, and is not a probability.
    """
    return {
        name: pd.DataFrame({"predicted": model.predict(X)} | _columns(model, X))
        for name, model in models.items()
    }


def _columns(model: Any, X: pd.DataFrame) -> dict[str, Any]:
    if hasattr(model, "predict_proba"):
        return dict(scoring.probability_columns(model.predict_proba(X)))
    if hasattr(model, "decision_function"):
        decision = np.asarray(model.decision_function(X))
        return {"decision": decision} if decision.ndim == 1 else {}
    return {}


def is_constant(table: pd.DataFrame) -> bool:
    """Return whether a model says the same of every row, so that it has no curve."""
    return len(table.drop_duplicates()) == 1


def ranking(table: pd.DataFrame) -> pd.Series | pd.DataFrame | None:
    """Return what orders the rows: probabilities, or a decision; None without either."""
    if "decision" in table:
        return table["decision"]
    found = scoring.probabilities(table)
    return found if found.size else None


def scores_with_intervals(
    predicted: Mapping[str, pd.DataFrame], test: EvaluationSet, settings: Compare
) -> dict[str, dict[str, Any]]:
    """Return the scores of each model with intervals, errors and errors_unseen.

    predicted: by model, as from `predictions`.
    """
    unseen = ~test.in_training
    scored: dict[str, dict[str, Any]] = {}
    for name, table in predicted.items():
        wrong = table["predicted"] != test.y
        with_intervals = intervals.scores_with_intervals(
            test.y,
            table["predicted"],
            ranking(table),
            test.in_training,
            settings.n_resamples,
            settings.random_state,
            is_probability="decision" not in table,
        )
        scored[name] = {
            score: None if interval is None else interval._asdict()
            for score, interval in with_intervals.items()
        }
        scored[name] |= {"errors": wrong.sum(), "errors_unseen": (wrong & unseen).sum()}
    return scored


def pairwise_tests(predicted: Mapping[str, pd.DataFrame], test: EvaluationSet) -> pd.DataFrame:
    """Compare each pair of models on all test rows, and on those that are not in training.

    Returns one row per pair and set of rows: rows ("all" or "unseen"), number (of rows), and the
    columns of `pairwise_mcnemar`. Holm's correction counts the pairs of one set.
    """
    tables = []
    for rows, mask in (("all", np.ones(len(test.y), dtype=bool)), ("unseen", ~test.in_training)):
        if mask.any():
            classes = {name: table["predicted"][mask] for name, table in predicted.items()}
            pairs = paired_tests.pairwise_mcnemar(test.y[mask], classes)
            pairs.insert(0, "rows", rows)
            pairs.insert(1, "number", int(mask.sum()))
            tables.append(pairs)
    return pd.concat(tables, ignore_index=True)


def accuracies(scored: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Return one row per model and set of rows: model, rows, accuracy, low, high."""
    return pd.DataFrame(
        {"model": name, "rows": rows, "accuracy": interval["value"]}
        | {"low": interval["low"], "high": interval["high"]}
        for name, scores in scored.items()
        for rows, interval in (("all", scores["accuracy"]), ("unseen", scores["accuracy_unseen"]))
        if interval is not None
    )


def curves(predicted: Mapping[str, pd.DataFrame], y: pd.Series) -> dict[str, pd.DataFrame]:
    """Return roc, precision_recall and calibration of all models that have them.

    Each has one row per point, with the model and the step along the curve. A constant model has
    no curve, one without probabilities has no calibration.
    """
    curve_functions: dict[str, Callable[..., pd.DataFrame]] = {
        "roc": probability_curves.roc_curve,
        "precision_recall": probability_curves.precision_recall_curve,
        "calibration": probability_curves.calibration,
    }
    return {
        kind: pd.concat(
            [
                curve(y, found).assign(model=name).reset_index(names="step")
                for name, table in predicted.items()
                if (found := ranking(table)) is not None
                and not is_constant(table)
                and not (kind == "calibration" and "decision" in table)
            ],
            ignore_index=True,
        )
        for kind, curve in curve_functions.items()
    }


def misclassified_rows(
    predicted: Mapping[str, pd.DataFrame],
    test: EvaluationSet,
    rows: pd.DataFrame,
    table: pd.DataFrame,
) -> pd.DataFrame:
    """Return the test rows that any model misclassifies, the most often misclassified first.

    Parameters
    ----------
    predicted : mapping of str to DataFrame
        By model, as from `predictions`. Constant models are ignored.
    test : EvaluationSet
    rows : DataFrame
        row: the index of each test row in table.
    table : DataFrame
        All raw rows.

    Returns
    -------
    DataFrame
        row, wrong_models (their number), wrong (their names), in_training, and the raw values with
        the label; a missing value is NaN.
    """
    wrong = pd.DataFrame(
        {
            name: model_table["predicted"] != test.y
            for name, model_table in predicted.items()
            if not is_constant(model_table)
        }
    )
    errors = pd.DataFrame(
        {
            "row": rows["row"],
            "wrong_models": wrong.sum(axis=1),
            "wrong": [", ".join(wrong.columns[list(row)]) for row in wrong.to_numpy()],
            "in_training": test.in_training,
        }
    )
    errors = errors[errors["wrong_models"] > 0].sort_values(
        ["wrong_models", "row"], ascending=[False, True]
    )
    raw = table.loc[errors["row"]].reset_index(drop=True)
    return pd.concat([errors.reset_index(drop=True), raw], axis=1)


def pairwise_summary(pairs: pd.DataFrame) -> dict[str, Any]:
    """Return further_errors and p_value on all test rows, by first and second model."""
    summary: dict[str, Any] = {}
    for pair in pairs[pairs["rows"] == "all"].to_dict("records"):
        summary.setdefault(pair["first"], {})[pair["second"]] = {
            "further_errors": pair["errors_second"] - pair["errors_first"],
            "p_value": pair["p_value"],
        }
    return summary
