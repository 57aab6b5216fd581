"""What decides: coefficients, shuffled features, and models trained without a feature."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import permutation_importance
from sklearn.metrics import accuracy_score

from winenet import evaluation
from winenet.contenders import Estimator, fit_all
from winenet.evaluation import Classifier, Rows
from winenet.model import Model, Normaliser
from winenet.params import Importance


def coefficients(logistic: Model, normaliser: Normaliser) -> pd.DataFrame:
    """Return a line a feature, the heaviest first: feature, coefficient, per_unit.

    coefficient: by how much the log-odds of class 1 rise over the feature's whole range in the
    training rows, so that features compare. per_unit: the same for one raw unit.
    """
    coefficient = logistic.weights[0][:, 0]
    spans = normaliser.maximum - normaliser.minimum
    table = pd.DataFrame(
        {
            "feature": normaliser.features,
            "coefficient": coefficient,
            # A feature that is constant in training has no range, and no weight for its unit.
            "per_unit": np.divide(
                coefficient, spans, out=np.zeros_like(coefficient), where=spans > 0
            ),
        }
    )
    order = table["coefficient"].abs().sort_values(ascending=False, kind="stable").index
    return table.loc[order].reset_index(drop=True)


def shuffled(models: Mapping[str, Classifier], rows: Rows, settings: Importance) -> pd.DataFrame:
    """Return how much accuracy each model loses when a feature's values are shuffled.

    Returns a line a model and feature: model, feature, mean, sd over the repeats.
    Source: Breiman (2001), Machine Learning 45(1):5-32, section 10.
    """
    tables = []
    for name, model in models.items():
        found = permutation_importance(
            FrozenEstimator(model),
            rows.X,
            rows.y,
            scoring=_accuracy,
            n_repeats=settings.n_repeats,
            random_state=settings.random_state,
        )
        tables.append(
            pd.DataFrame(
                {
                    "model": name,
                    "feature": list(rows.X),
                    "mean": found.importances_mean,
                    "sd": found.importances.std(axis=1, ddof=1),
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


def _accuracy(model: Classifier, X: pd.DataFrame, y: pd.Series) -> float:
    return float(accuracy_score(y, model.predict(X)))


def left_out(
    models: Mapping[str, Estimator],
    X_train: pd.DataFrame,
    y_train: pd.Series,
    test: Rows,
    whole: Mapping[str, Classifier],
    features: list[str],
) -> dict[str, Any]:
    """Train each model again without a feature, for each of the features.

    models: untrained. whole: the same, trained with all features. Returns by feature and model:
    accuracy, accuracy_unseen, errors, further_errors, and the p_value of the exact McNemar test
    against the model with all features, corrected by Holm's method within the feature.
    """
    plan = [(feature, name) for feature in features for name in models]
    trained = [clone(models[name]) for _, name in plan]
    fit_all(trained, [(X_train.drop(columns=feature), y_train) for feature, _ in plan])
    found: dict[str, Any] = {feature: {} for feature in features}
    for (feature, name), model in zip(plan, trained, strict=True):
        predicted = pd.Series(model.predict(test.X.drop(columns=feature)))
        with_it = pd.Series(whole[name].predict(test.X))
        both = evaluation.paired_errors(test.y, with_it, predicted)
        found[feature][name] = {
            "accuracy": accuracy_score(test.y, predicted),
            "accuracy_unseen": evaluation.accuracy_unseen(test.y, predicted, test.seen),
            "errors": both["errors_second"],
            "further_errors": both["errors_second"] - both["errors_first"],
            "p_value": both["p_value"],
        }
    for by_model in found.values():
        corrected = evaluation.holm([one["p_value"] for one in by_model.values()])
        for one, p_value in zip(by_model.values(), corrected, strict=True):
            one["p_value"] = p_value
    return found
