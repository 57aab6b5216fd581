"""From features to a network's inputs: fill gaps, scale numbers, encode categories.

scikit-learn fits it, on the training rows alone; what was fitted is kept as plain arrays, so that
a model's file holds it and predictions apply the very same numbers. A gap is information: a number
that had gaps in training has a second input that says so, and a gap of a category is a level.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from winenet.data.column_format import ColumnFormat
from winenet.errors import InputError

Array = npt.NDArray[np.float64]

FILL_STATISTIC = "median"  # replaces a missing number; a strategy of SimpleImputer
SCALING = ("fill", "centre", "factor", "offset", "minimum", "maximum")  # of a numeric feature
GAP = ""  # the level of a gap; no category has an empty text
GAP_NAME = "(missing)"


@dataclass(frozen=True)
class Preprocessing:
    """What makes a network's inputs of raw columns, as it was fitted on the training rows.

    Attributes
    ----------
    formats : dict of str to ColumnFormat
        By raw column, how its cells become features.
    numbers : list of str
        The numeric features.
    fill, centre, factor, offset : ndarray of shape (numbers,)
        A missing value becomes fill, and an input is (value - centre) * factor + offset.
    minimum, maximum : ndarray of shape (numbers,)
        Of the training rows, in raw units.
    indicators : list of str
        The numeric features that had gaps in training; each has an input of 0 or 1 for a gap.
    categories : list of str
        The other features.
    levels : list of list of str
        By category, in order; each becomes an input of 0 or 1. GAP is the level of a gap, if the
        training rows had one; else a gap is 0 in all inputs, as an unknown level is.
    """

    formats: dict[str, ColumnFormat]
    numbers: list[str]
    fill: Array
    centre: Array
    factor: Array
    offset: Array
    minimum: Array
    maximum: Array
    indicators: list[str]
    categories: list[str]
    levels: list[list[str]]

    @property
    def columns(self) -> list[str]:
        """The names of the features, the numeric ones first."""
        return [*self.numbers, *self.categories]

    @property
    def inputs(self) -> list[str]:
        """The names of the inputs: numbers, gaps of numbers, then `category=level`."""
        encoded = zip(self.categories, self.levels, strict=True)
        return [
            *self.numbers,
            *(f"{name} is missing" for name in self.indicators),
            *(f"{name}={level or GAP_NAME}" for name, levels in encoded for level in levels),
        ]

    @property
    def origins(self) -> list[str]:
        """The feature behind each of the inputs."""
        encoded = zip(self.categories, self.levels, strict=True)
        return [
            *self.numbers,
            *self.indicators,
            *(name for name, levels in encoded for _ in levels),
        ]


SCALERS = {  # the classes of sklearn.preprocessing
    "minmax": "MinMaxScaler",
    "standard": "StandardScaler",
    "robust": "RobustScaler",
}
BLOCK = 100_000  # rows that are transformed at a time


class PreprocessingError(InputError):
    """The training rows give no preprocessing, or a table does not fit one."""


def fit(
    X_train: pd.DataFrame,
    kinds: Mapping[str, str],
    scaler: str,
    formats: Mapping[str, ColumnFormat] | None = None,
) -> Preprocessing:
    """Return the preprocessing that the training rows call for.

    Parameters
    ----------
    X_train : DataFrame of shape (rows, features)
        Categories as text; a gap is NaN.
    kinds : mapping of str to str
        By feature, "number" or "category".
    scaler : str
        One of SCALERS, or "none".
    formats : mapping of str to ColumnFormat, optional
        By raw column, how its cells become features; by default, each feature is a raw column.

    Raises
    ------
    PreprocessingError
        If a feature has no value in the training rows, or two inputs would have one name.
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
                preprocessing.OneHotEncoder(sparse_output=False),
                categories,
            ),
        ]
    ).fit(_with_gap_level(X_train, categories))
    columns = X_train[numbers].to_numpy(dtype=np.float64)
    fill, centre, factor, offset = _scaling(fitted, len(numbers))
    encoder = fitted.named_transformers_.get("categories")
    levels = [list(map(str, each)) for each in encoder.categories_] if categories else []
    if formats is None:
        formats = {
            str(name): ColumnFormat("number" if name in numbers else "category") for name in X_train
        }
    result = Preprocessing(
        formats=dict(formats),
        numbers=[str(name) for name in numbers],
        fill=fill,
        centre=centre,
        factor=factor,
        offset=offset,
        minimum=np.nanmin(columns, axis=0) if numbers else fill,
        maximum=np.nanmax(columns, axis=0) if numbers else fill,
        indicators=[str(name) for name in numbers if X_train[name].isna().any()],
        categories=[str(name) for name in categories],
        levels=levels,
    )
    for name, times in Counter(result.inputs).items():
        if times > 1:
            raise PreprocessingError(
                f"Two inputs of the networks would be called '{name}': a level of a category "
                f"stands after its column's name and =, {GAP_NAME} for a gap, and a number with "
                "gaps has an input that ends in 'is missing'. Rename the column or the level in "
                "the raw file, and the column in ingest.columns of params.yaml."
            )
    return result


def _with_gap_level(X: pd.DataFrame, categories: list[Any]) -> pd.DataFrame:
    """Return the features with GAP in place of a gap of a category."""
    return X.assign(
        **{name: X[name].astype("object").where(X[name].notna(), GAP) for name in categories}
    )


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
    """Return the inputs of rows, (rows, inputs).

    X: holds the features, in any order. A level that no training row had is 0 in all inputs of its
    category.
    """
    made = np.empty((len(X), len(preprocessing.inputs)))
    for start in range(0, len(X), BLOCK):
        _transform_into(preprocessing, X.iloc[start : start + BLOCK], made[start : start + BLOCK])
    return made


def _transform_into(raw: Preprocessing, X: pd.DataFrame, made: Array) -> None:
    """Write the inputs of some rows into made, (rows, inputs)."""
    place = len(raw.numbers)
    values = X[raw.numbers].to_numpy(dtype=np.float64, copy=True)
    is_gap = np.isnan(values)
    np.copyto(values, raw.fill, where=is_gap)
    # In scikit-learn's order, so that the bits are those of its MinMaxScaler.
    values -= raw.centre
    values *= raw.factor
    np.add(values, raw.offset, out=made[:, :place])
    for name in raw.indicators:
        made[:, place] = is_gap[:, raw.numbers.index(name)]
        place += 1
    for name, levels in zip(raw.categories, raw.levels, strict=True):
        # As text first: a column of gaps alone is of numbers, which no text could fill.
        texts = pd.Index(X[name].astype("str").fillna(GAP))
        codes = pd.Index(levels).get_indexer(texts)
        made[:, place : place + len(levels)] = codes[:, np.newaxis] == np.arange(len(levels))
        place += len(levels)


def transform_to_frame(preprocessing: Preprocessing, X: pd.DataFrame) -> pd.DataFrame:
    """Return the inputs as a table with their names, as `inputs` does."""
    return pd.DataFrame(transform(preprocessing, X), columns=preprocessing.inputs)
