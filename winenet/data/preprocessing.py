"""From raw columns to a network's inputs: fill gaps, scale numbers, encode categories.

scikit-learn fits it, on the training rows alone; what was fitted is kept as plain arrays, so that
a model's file holds it and predictions apply the very same numbers.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from winenet.errors import InputError

Array = npt.NDArray[np.float64]

FILL_STATISTIC = "median"  # replaces a missing number; a strategy of SimpleImputer
SCALING = ("fill", "centre", "factor", "offset", "minimum", "maximum")  # of a numeric column


@dataclass(frozen=True)
class Preprocessing:
    """What makes a network's inputs of raw columns, as it was fitted on the training rows.

    numbers: names of the numeric columns. fill, centre, factor, offset: (numbers,); a missing
    value becomes fill, and an input is (value - centre) * factor + offset. minimum, maximum:
    (numbers,), of the training rows, in raw units. categories: names of the other columns.
    levels: by category, in order; each becomes an input of 0 or 1. most_frequent: by category,
    the level that a missing value becomes.
    """

    numbers: list[str]
    fill: Array
    centre: Array
    factor: Array
    offset: Array
    minimum: Array
    maximum: Array
    categories: list[str]
    levels: list[list[str]]
    most_frequent: list[str]

    @property
    def columns(self) -> list[str]:
        """The names of the raw columns, the numeric ones first."""
        return [*self.numbers, *self.categories]

    @property
    def inputs(self) -> list[str]:
        """The names of the inputs: a numeric column's own, then `column=level`."""
        encoded = zip(self.categories, self.levels, strict=True)
        return [*self.numbers, *(f"{name}={level}" for name, levels in encoded for level in levels)]

    @property
    def origins(self) -> list[str]:
        """The raw column behind each of the inputs."""
        encoded = zip(self.categories, self.levels, strict=True)
        return [*self.numbers, *(name for name, levels in encoded for _ in levels)]


SCALERS = {  # the classes of sklearn.preprocessing
    "minmax": "MinMaxScaler",
    "standard": "StandardScaler",
    "robust": "RobustScaler",
}
BLOCK = 100_000  # rows that are transformed at a time


class PreprocessingError(InputError):
    """The training rows give no preprocessing, or a table does not fit one."""


def fit(X_train: pd.DataFrame, kinds: Mapping[str, str], scaler: str) -> Preprocessing:
    """Return the preprocessing that the training rows call for.

    X_train: (rows, columns), raw; categories as text; a gap is NaN. kinds: by column, "number" or
    "category". scaler: one of SCALERS. A gap in numbers becomes the median, in categories the
    most frequent level.
    Raises PreprocessingError if a column has no value in the training rows, or when two inputs
    would have one name.
    """
    # Reading a model's file needs this module, but not the second that these imports take.
    from sklearn import preprocessing
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline

    empty = [name for name in X_train if X_train[name].isna().all()]
    if empty:
        raise PreprocessingError(
            f"Column '{empty[0]}' has no value in any of the {len(X_train)} training rows, so "
            "nothing could stand for its gaps. Put it under ingest.drop_columns in params.yaml, or "
            "give rows that have it."
        )
    numbers = [name for name in X_train if kinds[str(name)] == "number"]
    categories = [name for name in X_train if kinds[str(name)] == "category"]
    scale = getattr(preprocessing, SCALERS[scaler])() if scaler != "none" else "passthrough"
    fitted = ColumnTransformer(
        [
            (
                "numbers",
                make_pipeline(SimpleImputer(strategy=FILL_STATISTIC), scale),
                numbers,
            ),
            (
                "categories",
                make_pipeline(
                    SimpleImputer(strategy="most_frequent"),
                    preprocessing.OneHotEncoder(sparse_output=False),
                ),
                categories,
            ),
        ]
    ).fit(X_train.astype(dict.fromkeys(categories, object)))
    columns = X_train[numbers].to_numpy(dtype=np.float64)
    fill, centre, factor, offset = _scaling(fitted, len(numbers))
    levels, most_frequent = _levels(fitted) if categories else ([], [])
    result = Preprocessing(
        numbers=[str(name) for name in numbers],
        fill=fill,
        centre=centre,
        factor=factor,
        offset=offset,
        minimum=np.nanmin(columns, axis=0) if numbers else fill,
        maximum=np.nanmax(columns, axis=0) if numbers else fill,
        categories=[str(name) for name in categories],
        levels=levels,
        most_frequent=most_frequent,
    )
    for name, times in Counter(result.inputs).items():
        if times > 1:
            raise PreprocessingError(
                f"Two inputs of the networks would be called '{name}': a level of a category "
                "stands after its column's name and =. Rename the column of that name in the raw "
                "file and in ingest.columns of params.yaml."
            )
    return result


def _levels(fitted: Any) -> tuple[list[list[str]], list[str]]:
    """Return the levels of each category, and the most frequent one."""
    imputer, encoder = fitted.named_transformers_["categories"]
    levels = [list(map(str, levels)) for levels in encoder.categories_]
    return levels, list(map(str, imputer.statistics_))


def _scaling(fitted: Any, numbers: int) -> tuple[Array, Array, Array, Array]:
    """Return fill, centre, factor and offset of each numeric column."""
    zeros, ones = np.zeros(numbers), np.ones(numbers)
    if not numbers:
        return zeros, zeros, ones, zeros
    imputer, scaler = fitted.named_transformers_["numbers"]
    fill = np.asarray(imputer.statistics_, dtype=np.float64)
    name = type(scaler).__name__
    if name == "MinMaxScaler":
        return fill, zeros, scaler.scale_, scaler.min_
    if name == "StandardScaler":
        return fill, scaler.mean_, 1 / scaler.scale_, zeros
    if name == "RobustScaler":
        return fill, scaler.center_, 1 / scaler.scale_, zeros
    return fill, zeros, ones, zeros


def transform(preprocessing: Preprocessing, X: pd.DataFrame) -> Array:
    """Return the inputs of raw rows, (rows, inputs). X: holds the raw columns, in any order.

    A level that no training row had is 0 in all inputs of its category.
    """
    made = np.empty((len(X), len(preprocessing.inputs)))
    for start in range(0, len(X), BLOCK):
        _transform_into(preprocessing, X.iloc[start : start + BLOCK], made[start : start + BLOCK])
    return made


def _transform_into(raw: Preprocessing, X: pd.DataFrame, made: Array) -> None:
    """Write the inputs of some rows into made, (rows, inputs)."""
    numbers = len(raw.numbers)
    values = X[raw.numbers].to_numpy(dtype=np.float64, copy=True)
    np.copyto(values, raw.fill, where=np.isnan(values))
    # In scikit-learn's order, so that the bits are those of its MinMaxScaler.
    values -= raw.centre
    values *= raw.factor
    np.add(values, raw.offset, out=made[:, :numbers])
    place = numbers
    for name, levels, usual in zip(raw.categories, raw.levels, raw.most_frequent, strict=True):
        # As text first: a column of gaps alone is of numbers, which no text could fill.
        texts = pd.Index(X[name].astype("str").fillna(usual))
        codes = pd.Index(levels).get_indexer(texts)
        made[:, place : place + len(levels)] = codes[:, np.newaxis] == np.arange(len(levels))
        place += len(levels)


def transform_to_frame(preprocessing: Preprocessing, X: pd.DataFrame) -> pd.DataFrame:
    """Return the inputs as a table with their names, as `inputs` does."""
    return pd.DataFrame(transform(preprocessing, X), columns=preprocessing.inputs)
