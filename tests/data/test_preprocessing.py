"""What was fitted once gives the inputs that scikit-learn's own transformers give."""

import re

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, RobustScaler, StandardScaler

from winenet.data import preprocessing
from winenet.data.preprocessing import Preprocessing, PreprocessingError

SCALERS = {
    "minmax": MinMaxScaler,
    "standard": StandardScaler,
    "robust": RobustScaler,
    "none": lambda: "passthrough",
}
NUMBERS, CATEGORIES = ["acid", "count", "constant", "tiny"], ["colour", "one", "code"]
KINDS = dict.fromkeys(NUMBERS, "number") | dict.fromkeys(CATEGORIES, "category")


def rows(number: int, seed: int, *, gaps: bool = True) -> pd.DataFrame:
    """Numbers of several scales, whole ones and constant ones; texts; a tenth of gaps."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "colour": rng.choice(["red", "white", "brown", "rosé"], number, p=[0.5, 0.3, 0.1, 0.1]),
            "acid": rng.normal(7, 2, number),
            "one": "only",
            "count": rng.integers(-5, 300, number).astype(float),
            "constant": 4.2,
            "tiny": rng.random(number) * 1e-12,
            "code": rng.choice(["10", "9", "NA"], number),
        }
    ).astype(dict.fromkeys(CATEGORIES, "str"))
    if gaps:
        for name in X:
            X.loc[rng.random(number) < 0.1, name] = np.nan
    return X


def theirs(X: pd.DataFrame, scaler: str, numbers: list[str], categories: list[str]):
    """Return scikit-learn's transformer, fitted on the rows."""
    numeric = make_pipeline(SimpleImputer(strategy="median"), SCALERS[scaler]())
    gaps = MissingIndicator(error_on_new=False)  # of the columns that had gaps in training
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    text = make_pipeline(SimpleImputer(strategy="constant", fill_value=""), encoder)
    steps = [
        ("numbers", numeric, numbers),
        ("gaps", gaps, numbers),
        ("categories", text, categories),
    ]
    return ColumnTransformer(steps).fit(X.astype(dict.fromkeys(categories, object)))


def assert_alike(X_train, X, scaler, numbers=NUMBERS, categories=CATEGORIES) -> Preprocessing:
    used = [*numbers, *categories]
    fitted = preprocessing.fit(X_train[used], KINDS, scaler)
    ours = preprocessing.transform(fitted, X)
    as_objects = X.astype(dict.fromkeys(categories, object))
    expected = theirs(X_train, scaler, numbers, categories).transform(as_objects)
    assert (ours.shape, ours.dtype) == (expected.shape, np.float64)
    assert ours.shape == (len(X), len(fitted.inputs))
    if scaler in ("minmax", "none"):
        np.testing.assert_array_equal(ours, expected)
    else:  # a division in place of a product
        np.testing.assert_allclose(ours, expected, rtol=1e-12, atol=1e-12)
    return fitted


@pytest.mark.parametrize("scaler", SCALERS)
@pytest.mark.parametrize("gaps", [True, False], ids=["gaps", "whole"])
def test_the_inputs_are_those_of_scikit_learn(scaler, gaps):
    """On the training rows and on others, whose numbers lie outside; min-max bit for bit."""
    X_train, X_new = rows(500, 1, gaps=gaps), rows(700, 2)
    X_new["acid"] *= 3
    for X in (X_train, X_new):
        fitted = assert_alike(X_train, X, scaler)
    assert fitted.columns == [*NUMBERS, *CATEGORIES]


@pytest.mark.parametrize("scaler", SCALERS)
@pytest.mark.parametrize(
    ("numbers", "categories"), [(NUMBERS, []), ([], CATEGORIES), (["constant"], ["one"])]
)
def test_only_numbers_only_categories_only_constants(scaler, numbers, categories):
    fitted = assert_alike(rows(100, 3), rows(50, 4), scaler, numbers, categories)
    assert (fitted.numbers, fitted.categories) == (numbers, categories)


def test_what_is_fitted_is_told_in_raw_units():
    X = pd.DataFrame({"a": [1.0, 3, np.nan, 2, 2], "c": ["x", "y", None, "x", "y"]})
    fitted = preprocessing.fit(X, {"a": "number", "c": "category"}, "minmax")
    assert (fitted.fill.tolist(), fitted.minimum.tolist(), fitted.maximum.tolist()) == (
        [2],
        [1],
        [3],
    )
    assert (fitted.levels, fitted.indicators) == ([["", "x", "y"]], ["a"])
    assert fitted.inputs == ["a", "a is missing", "c=(missing)", "c=x", "c=y"]
    assert fitted.origins == ["a", "a", "c", "c", "c"]
    assert {name: how.kind for name, how in fitted.formats.items()} == {
        "a": "number",
        "c": "category",
    }
    made = preprocessing.transform_to_frame(fitted, X)
    assert made.to_dict("list") == {
        "a": [0, 1, 0.5, 0.5, 0.5],
        "a is missing": [0, 0, 1, 0, 0],
        "c=(missing)": [0, 0, 1, 0, 0],
        "c=x": [1, 0, 0, 1, 0],
        "c=y": [0, 1, 0, 0, 1],
    }


def test_a_gap_that_training_never_had_has_no_input():
    X = pd.DataFrame({"a": [1.0, 3], "c": ["x", "y"]})
    fitted = preprocessing.fit(X, {"a": "number", "c": "category"}, "minmax")
    assert fitted.inputs == ["a", "c=x", "c=y"]
    gaps = pd.DataFrame({"a": [np.nan], "c": [None]})
    assert preprocessing.transform(fitted, gaps).tolist() == [[0.5, 0, 0]]


def test_a_gap_alone_tells_the_classes_apart():
    """Of avengers.csv: what is missing tells the answer."""
    X = pd.DataFrame({"pool": [None, "yes", None, "yes"], "age": [np.nan, 1.0, np.nan, 1.0]})
    fitted = preprocessing.fit(X, {"pool": "category", "age": "number"}, "minmax")
    made = preprocessing.transform_to_frame(fitted, X)
    assert made["pool=(missing)"].tolist() == made["age is missing"].tolist() == [1, 0, 1, 0]


def test_a_level_that_is_not_known_is_0_everywhere():
    fitted = preprocessing.fit(rows(100, 5), KINDS, "minmax")
    X = rows(3, 6, gaps=False)
    X["colour"] = ["green", "Red", "red"]
    made = preprocessing.transform_to_frame(fitted, X)
    colours = [name for name in made if name.startswith("colour=")]
    assert made[colours].sum(axis=1).tolist() == [0, 0, 1]


@pytest.mark.parametrize("kind", [float, object, "str"])
def test_a_column_of_gaps_alone_is_filled(kind):
    fitted = preprocessing.fit(rows(100, 5), KINDS, "standard")
    X = rows(4, 6)
    X["colour"] = pd.Series([np.nan] * 4, dtype=kind)
    X["acid"] = np.nan
    made = preprocessing.transform_to_frame(fitted, X)
    assert made["colour=(missing)"].tolist() == made["acid is missing"].tolist() == [1] * 4
    assert made["colour=red"].tolist() == [0] * 4
    usual = (fitted.fill[0] - fitted.centre[0]) * fitted.factor[0]
    assert made["acid"].tolist() == [usual] * 4


def test_the_rows_come_out_alike_whatever_the_block_and_the_order_of_columns(monkeypatch):
    fitted = preprocessing.fit(rows(100, 5), KINDS, "robust")
    X = rows(1000, 7)
    before = X.copy(deep=True)
    whole = preprocessing.transform(fitted, X)
    monkeypatch.setattr(preprocessing, "BLOCK", 7)
    assert preprocessing.transform(fitted, X).tobytes() == whole.tobytes()
    turned = X[[*reversed(X.columns)]].assign(more=1)
    assert preprocessing.transform(fitted, turned).tobytes() == whole.tobytes()
    pd.testing.assert_frame_equal(X, before)
    assert preprocessing.transform(fitted, X[:0]).shape == (0, whole.shape[1])


@pytest.mark.parametrize("name", ["acid", "colour"])
def test_a_column_without_a_value_is_refused(name):
    X = rows(10, 8)
    X[name] = np.nan
    with pytest.raises(PreprocessingError) as caught:
        preprocessing.fit(X, KINDS, "minmax")
    assert str(caught.value) == (
        f"Column '{name}' has no value in any of the 10 training rows, so nothing could stand for "
        "its gaps. Put it under ingest.drop_columns in params.yaml, or give rows that have it."
    )


@pytest.mark.parametrize(
    ("columns", "name"),
    [
        ({"c=x": [1.0, 2.0], "c": ["x", "y"]}, "c=x"),
        ({"a": [1.0, np.nan], "a is missing": [1.0, 2.0]}, "a is missing"),
        ({"c": ["(missing)", None]}, "c=(missing)"),
    ],
)
def test_two_inputs_of_one_name_are_refused(columns, name):
    X = pd.DataFrame(columns)
    kinds = {each: "number" if X[each].dtype == float else "category" for each in X}
    told = rf"^Two inputs of the networks would be called '{re.escape(name)}': a level"
    with pytest.raises(PreprocessingError, match=told):
        preprocessing.fit(X, kinds, "minmax")
