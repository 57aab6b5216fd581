"""Feature importance: coefficients, permutation, and models trained without a feature."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import permutation_importance
from sklearn.metrics import accuracy_score

from winenet.data.preprocessing import Preprocessing
from winenet.data.split_data import EvaluationSet
from winenet.evaluation import paired_tests, scoring
from winenet.evaluation.scoring import Classifier
from winenet.models.predictor import threshold_of, with_threshold
from winenet.models.registry import Estimator, Fit, fit_all
from winenet.models.saved import DenseModel
from winenet.params import Importance


def coefficients(logistic: DenseModel, raw: Preprocessing) -> pd.DataFrame:
    """Return the coefficients of the logistic regression, the largest first.

    Returns
    -------
    DataFrame
        One row per feature: feature, coefficient, per_unit. coefficient is the change in the
        log-odds of class 1 over the feature's range in the training rows, so that features can be
        compared. per_unit is the change for one raw unit; for a one-hot feature both are equal.
        With more than two classes there is a first column, class, and one row per class and
        feature, on the scale of the softmax.
    """
    levels = len(raw.inputs) - len(raw.numbers)
    factor = np.concatenate([raw.factor, np.ones(levels)])
    span = np.concatenate([raw.maximum - raw.minimum, np.ones(levels)])
    tables = []
    for code, weights in zip(
        logistic.classes[-logistic.weights[0].shape[1] :], logistic.weights[0].T, strict=True
    ):
        # A feature that is constant in training has no range; its weight per unit is 0.
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
    table = pd.concat(tables, ignore_index=True)
    return table.drop(columns="class") if len(tables) == 1 else table


class _GroupedPermutationClassifier:
    """A classifier of rows of indices: which row of X each raw column is taken from.

    Shuffling one column of indices shuffles all features of a raw column together.
    """

    def __init__(self, model: Classifier, X: pd.DataFrame, columns: list[int]) -> None:
        self.model, self.X, self.columns = model, X, columns
        self.values = X.to_numpy()

    def predict(self, row_indices: Any) -> Any:
        """Return the classes, (rows,). row_indices: (rows, raw columns), rows of X."""
        features = self.values[row_indices[:, self.columns], np.arange(self.values.shape[1])]
        return self.model.predict(pd.DataFrame(features, columns=self.X.columns))


def shuffled_importance(
    models: Mapping[str, Classifier],
    rows: EvaluationSet,
    source_columns: Sequence[str],
    settings: Importance,
) -> pd.DataFrame:
    """Return the loss in accuracy of each model when a raw column is shuffled.

    Parameters
    ----------
    models : mapping of str to Classifier
    rows : EvaluationSet
    source_columns : sequence of str
        The raw column of each feature; the features of one column are shuffled together.
    settings : Importance

    Returns
    -------
    DataFrame
        One row per model and raw column: model, feature, and mean and sd over the repeats.

    References
    ----------
    Breiman (2001), Machine Learning 45(1):5-32, section 10.
    """
    tables = []
    features = list(dict.fromkeys(source_columns))
    columns = [features.index(name) for name in source_columns]
    row_indices = np.repeat(np.arange(len(rows.X))[:, np.newaxis], len(features), axis=1)
    for name, model in models.items():
        result = permutation_importance(
            FrozenEstimator(_GroupedPermutationClassifier(model, rows.X, columns)),
            row_indices,
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
                    "mean": result.importances_mean,
                    "sd": result.importances.std(axis=1, ddof=1),
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
    full_models: Mapping[str, Classifier],
    source_columns: Sequence[str],
    features: list[str],
) -> dict[str, Any]:
    """Train each model again without a feature, for each of the features.

    Parameters
    ----------
    models : mapping of str to estimator
        Untrained.
    X_train, y_train : DataFrame, Series
    test : EvaluationSet
    full_models : mapping of str to Classifier
        The same models, trained with all features. Their thresholds are used for both.
    source_columns : sequence of str
        The raw column of each feature.
    features : list of str
        Raw columns to leave out, one at a time.

    Returns
    -------
    dict
        By feature and model: accuracy, accuracy_unseen, errors, further_errors, and the p_value of
        the exact McNemar test against the full model, with Holm's correction within the feature.
    """
    fits = drop_column_fits(models, X_train, y_train, source_columns, features)
    fit_all(fits.values())
    results: dict[str, Any] = {feature: {} for feature in features}
    for (feature, name), (model, _) in fits.items():
        classifier = with_threshold(model, threshold_of(full_models[name]))
        predicted = pd.Series(classifier.predict(_without(test.X, source_columns, feature)))
        full_prediction = pd.Series(full_models[name].predict(test.X))
        pair = paired_tests.mcnemar_exact(test.y, full_prediction, predicted)
        results[feature][name] = {
            "accuracy": accuracy_score(test.y, predicted),
            "accuracy_unseen": scoring.accuracy_unseen(test.y, predicted, test.in_training),
            "errors": pair["errors_second"],
            "further_errors": pair["errors_second"] - pair["errors_first"],
            "p_value": pair["p_value"],
        }
    for by_model in results.values():
        corrected = paired_tests.holm_correction(
            [result["p_value"] for result in by_model.values()]
        )
        for result, p_value in zip(by_model.values(), corrected, strict=True):
            result["p_value"] = p_value
    return results


def drop_column_fits(
    models: Mapping[str, Estimator],
    X_train: pd.DataFrame,
    y_train: pd.Series,
    source_columns: Sequence[str],
    features: list[str],
) -> dict[tuple[str, str], Fit]:
    """Return the fits of `drop_column_importance`, by feature and the model's name."""
    fits = {}
    for feature in features:
        rows = (_without(X_train, source_columns, feature), y_train)
        for name, model in models.items():
            fits[feature, name] = Fit(clone(model), rows)
    return fits


def _without(X: pd.DataFrame, source_columns: Sequence[str], feature: str) -> pd.DataFrame:
    """Return the inputs that do not come from a raw column."""
    return X.iloc[:, [i for i, name in enumerate(source_columns) if name != feature]]
