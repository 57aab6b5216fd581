"""What decides: coefficients, shuffled features, and models trained without a feature."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import permutation_importance
from sklearn.metrics import accuracy_score

from winenet.data.preprocessing import Preprocessing
from winenet.evaluation import paired_tests, scoring
from winenet.evaluation.scoring import Classifier, EvaluationSet
from winenet.models.registry import Estimator, fit_all
from winenet.models.saved import DenseModel
from winenet.params import Importance


def coefficients(logistic: DenseModel, raw: Preprocessing) -> pd.DataFrame:
    """Return a line an input, the heaviest first: feature, coefficient, per_unit.

    coefficient: by how much the log-odds of class 1 rise over the feature's whole range in the
    training rows, so that features compare. per_unit: the same for one raw unit. A level of a
    category is there or not, so both are the same. More than two classes have a first column,
    class, and lines of their own, on the softmax's scale.
    """
    levels = len(raw.inputs) - len(raw.numbers)
    factor = np.concatenate([raw.factor, np.ones(levels)])
    span = np.concatenate([raw.maximum - raw.minimum, np.ones(levels)])
    tables = []
    for code, weights in zip(
        logistic.classes[-logistic.weights[0].shape[1] :], logistic.weights[0].T, strict=True
    ):
        # A feature that is constant in training has no range, and no weight for its unit.
        per_unit = np.where(span > 0, weights * factor, 0.0)
        table = pd.DataFrame(
            {
                "class": code,
                "feature": raw.inputs,
                "coefficient": per_unit * span,
                "per_unit": per_unit,
            }
        )
        order = table["coefficient"].abs().sort_values(ascending=False, kind="stable").index
        tables.append(table.loc[order])
    found = pd.concat(tables, ignore_index=True)
    return found.drop(columns="class") if len(tables) == 1 else found


class _GroupedPermutationClassifier:
    """A classifier of rows that say from which row each raw column is taken.

    So a shuffled column of places is a shuffled feature, whatever number of inputs it has.
    """

    def __init__(self, model: Classifier, X: pd.DataFrame, columns: list[int]) -> None:
        self.model, self.X, self.columns = model, X, columns
        self.inputs = X.to_numpy()

    def predict(self, places: Any) -> Any:
        """Return the classes, (rows,). places: (rows, raw columns), rows of X."""
        taken = self.inputs[places[:, self.columns], np.arange(self.inputs.shape[1])]
        return self.model.predict(pd.DataFrame(taken, columns=self.X.columns))


def shuffled_importance(
    models: Mapping[str, Classifier],
    rows: EvaluationSet,
    origins: Sequence[str],
    settings: Importance,
) -> pd.DataFrame:
    """Return how much accuracy each model loses when a raw feature's values are shuffled.

    origins: the raw column behind each input; the inputs of one column are shuffled together.
    Returns a line a model and feature: model, feature, mean, sd over the repeats.
    Source: Breiman (2001), Machine Learning 45(1):5-32, section 10.
    """
    tables = []
    features = list(dict.fromkeys(origins))
    columns = [features.index(origin) for origin in origins]
    places = np.repeat(np.arange(len(rows.X))[:, np.newaxis], len(features), axis=1)
    for name, model in models.items():
        found = permutation_importance(
            FrozenEstimator(_GroupedPermutationClassifier(model, rows.X, columns)),
            places,
            rows.y,
            scoring=_accuracy,
            n_repeats=settings.n_repeats,
            random_state=settings.random_state,
        )
        tables.append(
            pd.DataFrame(
                {
                    "model": name,
                    "feature": features,
                    "mean": found.importances_mean,
                    "sd": found.importances.std(axis=1, ddof=1),
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


def _accuracy(model: Classifier, X: pd.DataFrame, y: pd.Series) -> float:
    return float(accuracy_score(y, model.predict(X)))


def drop_column_importance(
    models: Mapping[str, Estimator],
    X_train: pd.DataFrame,
    y_train: pd.Series,
    test: EvaluationSet,
    whole: Mapping[str, Classifier],
    origins: Sequence[str],
    features: list[str],
) -> dict[str, Any]:
    """Train each model again without a feature, for each of the features.

    models: untrained. whole: the same, trained with all features. origins: the raw column behind
    each input. Returns by feature and model:
    accuracy, accuracy_unseen, errors, further_errors, and the p_value of the exact McNemar test
    against the model with all features, corrected by Holm's method within the feature.
    """
    plan = [(feature, name) for feature in features for name in models]
    trained = [clone(models[name]) for _, name in plan]
    kept = {
        feature: [place for place, origin in enumerate(origins) if origin != feature]
        for feature in features
    }
    fit_all(trained, [(X_train.iloc[:, kept[feature]], y_train) for feature, _ in plan])
    found: dict[str, Any] = {feature: {} for feature in features}
    for (feature, name), model in zip(plan, trained, strict=True):
        predicted = pd.Series(model.predict(test.X.iloc[:, kept[feature]]))
        with_it = pd.Series(whole[name].predict(test.X))
        both = paired_tests.mcnemar_exact(test.y, with_it, predicted)
        found[feature][name] = {
            "accuracy": accuracy_score(test.y, predicted),
            "accuracy_unseen": scoring.accuracy_unseen(test.y, predicted, test.in_training),
            "errors": both["errors_second"],
            "further_errors": both["errors_second"] - both["errors_first"],
            "p_value": both["p_value"],
        }
    for by_model in found.values():
        corrected = paired_tests.holm_correction([one["p_value"] for one in by_model.values()])
        for one, p_value in zip(by_model.values(), corrected, strict=True):
            one["p_value"] = p_value
    return found
