"""The wines are cut and normalised as the notebook does it, to its last printed digit.

A table that cannot be cut, and shares and features that cannot be left out, are told.
"""

import csv

import pandas as pd
import pytest
from committed import ROOT
from sklearn.model_selection import train_test_split

from winenet import params
from winenet.data import folds, preprocessing, raw_table, schema, splits
from winenet.data.schema import DropFeaturesError
from winenet.data.splits import RowKeys, SplitError, TrainTestSplit
from winenet.params import Curves, LearningCurve, Split

SETTINGS = params.load(str(ROOT / "params.yaml"))
KINDS = dict.fromkeys(SETTINGS.ingest.columns, "number")


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return raw_table.read_raw(str(ROOT / "data" / "raw"), SETTINGS.ingest).table


@pytest.fixture(scope="module")
def parts(table: pd.DataFrame) -> TrainTestSplit:
    return splits.split_table(table, "Class", SETTINGS.split)


# The split.


def cut(
    test_size: float, stratify: bool = False, random_state: int = 7, duplicates: str = "keep"
) -> Split:
    return Split.model_validate(
        {
            "test_size": test_size,
            "random_state": random_state,
            "method": "stratified" if stratify else "random",
            "duplicates": duplicates,
        }
    )


@pytest.mark.parametrize("stratify", [False, True])
@pytest.mark.parametrize("test_size", [0.2, 0.25])
def test_the_split_is_scikit_learn_s(table, test_size, stratify):
    X, y = table.drop(columns="Class"), table["Class"]
    expected = train_test_split(
        X, y, test_size=test_size, random_state=7, stratify=y if stratify else None
    )
    found = splits.split_table(table, "Class", cut(test_size, stratify))
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.equals(theirs)
        assert list(ours.index) == list(theirs.index)


def test_every_row_goes_into_one_set(table, parts):
    assert sorted([*parts.X_train.index, *parts.X_test.index]) == list(table.index)
    assert list(parts.X_train.index) == list(parts.y_train.index)
    assert list(parts.X_test.index) == list(parts.y_test.index)
    assert (len(parts.X_train), len(parts.X_test)) == (5197, 1300)


def test_test_rows_with_a_copy_in_training_are_counted(parts):
    seen = splits.duplicated_in_training(parts.X_train, parts.X_test)
    assert (seen.sum(), (~seen).sum()) == (359, 941)
    assert list(seen.index) == list(parts.X_test.index)


def test_a_test_row_is_seen_when_all_its_features_are():
    X_train = pd.DataFrame({"a": [1.0, 2.0], "b": [1.0, 2.0]}, index=[3, 1])
    X_test = pd.DataFrame({"a": [2.0, 1.0, 2.0], "b": [2.0, 2.0, 2.0]}, index=[0, 2, 4])
    assert splits.duplicated_in_training(X_train, X_test).to_dict() == {0: True, 2: False, 4: True}


def test_copies_share_the_number_of_their_first_row():
    X = pd.DataFrame({"a": [1.0, 2.0, 1.0, 1.0], "b": [5.0, 5.0, 5.0, 6.0]}, index=[3, 4, 7, 9])
    assert splits.duplicate_groups(X).to_dict() == {3: 3, 4: 4, 7: 3, 9: 9}


def test_the_rows_tell_set_number_group_and_whether_they_were_seen(table, parts):
    rows = splits.split_index(parts, SETTINGS.split)
    assert list(rows["row"]) == [*parts.X_train.index, *parts.X_test.index]
    assert list(rows["set"]) == ["train"] * 5197 + ["test"] * 1300
    groups = splits.duplicate_groups(table.drop(columns="Class"))
    assert list(rows["group"]) == list(groups[rows["row"]])
    test = rows[rows["set"] == "test"]
    assert list(test["in_training"]) == list(
        splits.duplicated_in_training(parts.X_train, parts.X_test)
    )
    assert rows["in_training"][rows["set"] == "train"].all()


def test_dropped_copies_are_those_equal_in_all_columns(table):
    parts = splits.split_table(table, "Class", cut(0.2, random_state=42, duplicates="drop"))
    rows = sorted([*parts.X_train.index, *parts.X_test.index])
    assert rows == list(table.index[~table.duplicated()])
    assert len(rows) == 6497 - 1177
    # Of the two sets of equal features that hold both classes, at most one test row each is seen.
    assert splits.duplicated_in_training(parts.X_train, parts.X_test).sum() <= 2


@pytest.mark.parametrize("stratify", [False, True])
@pytest.mark.parametrize("test_size", [0.2, 0.5])
def test_grouped_copies_stand_in_one_set_and_no_row_is_lost(table, test_size, stratify):
    parts = splits.split_table(table, "Class", cut(test_size, stratify, duplicates="group"))
    assert sorted([*parts.X_train.index, *parts.X_test.index]) == list(table.index)
    assert splits.duplicated_in_training(parts.X_train, parts.X_test).sum() == 0
    largest = splits.duplicate_groups(table.drop(columns="Class")).value_counts().max()
    strata = 2 if stratify else 1
    assert abs(len(parts.y_test) - test_size * len(table)) <= strata * largest / 2
    if stratify:  # to within a group of each class, and the two groups that hold both
        assert parts.y_test.mean() == pytest.approx(table["Class"].mean(), abs=0.005)


def test_another_seed_groups_otherwise_and_the_same_seed_alike(table):
    first, again, other = (
        splits.split_table(table, "Class", cut(0.2, random_state=seed, duplicates="group"))
        for seed in (1, 1, 2)
    )
    assert list(first.X_test.index) == list(again.X_test.index)
    assert set(first.X_test.index) != set(other.X_test.index)


def test_groups_too_few_to_cut_are_told():
    table = pd.DataFrame({"a": [1, 1, 1, 2, 2], "Class": [0, 0, 0, 1, 1]})
    with pytest.raises(SplitError, match=r"^test_size=0.4 leaves 3 training rows and none of cla"):
        splits.split_table(table, "Class", cut(0.4, duplicates="group"))


# The scaling, and what the notebook prints of it.


def golden_head(name: str) -> list[dict[str, str]]:
    with (ROOT / "data/reference" / name).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


GOLDEN = [("train", row) for row in golden_head("train_head.csv")] + [
    ("test", row) for row in golden_head("test_head.csv")
]


@pytest.fixture(scope="module")
def normalised(parts: TrainTestSplit) -> dict[str, pd.DataFrame]:
    fitted = preprocessing.fit(parts.X_train, KINDS, "minmax")
    return {
        "train": preprocessing.transform_to_frame(fitted, parts.X_train),
        "test": preprocessing.transform_to_frame(fitted, parts.X_test),
    }


def test_both_printed_heads_are_whole():
    """Five rows, twelve columns, six digits each, of either table."""
    expected = [
        (part, str(row), feature)
        for part in ("train", "test")
        for row in range(5)
        for feature in SETTINGS.ingest.columns
    ]
    assert [(part, row["row"], row["feature"]) for part, row in GOLDEN] == expected
    assert {row["digits"] for _, row in GOLDEN} == {"6"}


@pytest.mark.parametrize(
    ("part", "row"), GOLDEN, ids=[f"{part}-{row['row']}-{row['feature']}" for part, row in GOLDEN]
)
def test_the_notebook_s_head_is_reproduced(normalised, part, row):
    half_a_unit = 0.5 * 10 ** -int(row["digits"])
    found = normalised[part].loc[int(row["row"]), row["feature"]]
    assert found == pytest.approx(float(row["value"]), abs=half_a_unit), row["source"]


def test_the_scaling_knows_the_training_rows_only():
    X_train = pd.DataFrame({"pH": [3.0, 4.0, 3.5], "alcohol": [8.0, 12.0, 9.0]}, index=[5, 1, 9])
    X_test = pd.DataFrame({"pH": [2.0, 5.0], "alcohol": [16.0, 10.0]}, index=[0, 2])
    fitted = preprocessing.fit(X_train, KINDS, "minmax")
    assert fitted.numbers == fitted.columns == fitted.inputs == ["pH", "alcohol"]
    assert fitted.minimum.tolist() == [3.0, 8.0]
    assert fitted.maximum.tolist() == [4.0, 12.0]
    assert preprocessing.transform_to_frame(fitted, X_train).to_dict("list") == {
        "pH": [0.0, 1.0, 0.5],
        "alcohol": [0.0, 1.0, 0.25],
    }
    assert preprocessing.transform_to_frame(fitted, X_test).to_dict("list") == {
        "pH": [-1.0, 2.0],
        "alcohol": [2.0, 0.5],
    }


# Splits that cannot be.

TEN = pd.DataFrame({"pH": range(10), "Class": [0] * 8 + [1] * 2})
PLACE = "Change split.test_size or split.method in params.yaml."
BOTH = "both sets need at least one row of each class."


@pytest.mark.parametrize(
    ("test_size", "stratify", "told"),
    [
        (0.1, False, f"test_size=0.1 leaves 1 test rows and none of class 1; {BOTH} {PLACE}"),
        (0.9, False, f"test_size=0.9 leaves 1 training rows and none of class 1; {BOTH} {PLACE}"),
        (
            0.1,
            True,
            "test_size=0.1 cannot cut 10 rows: The test_size = 1 should be greater or equal to the "
            f"number of classes = 2. {PLACE}",
        ),
        (
            0.99,
            False,
            "test_size=0.99 cannot cut 10 rows: With n_samples=10, test_size=0.99 and "
            "train_size=None, the resulting train set will be empty. Adjust any of the "
            f"aforementioned parameters. {PLACE}",
        ),
    ],
)
def test_a_split_that_leaves_a_set_without_a_class_is_told(test_size, stratify, told):
    with pytest.raises(SplitError) as caught:
        splits.split_table(TEN, "Class", cut(test_size, stratify, random_state=1))
    assert str(caught.value) == told


def cutting(validation_size: float) -> Curves:
    return SETTINGS.curves.model_copy(update={"validation_size": validation_size})


def test_held_out_rows_are_no_training_rows_and_have_the_same_class_shares():
    X, y = pd.DataFrame({"pH": range(500)}), pd.Series([0, 0, 0, 0, 1] * 100, name="Class")
    parts = splits.train_validation_split(X, y, cutting(0.3))
    assert (len(parts.X_train), len(parts.X_test)) == (350, 150)
    assert set(parts.X_train["pH"]) | set(parts.X_test["pH"]) == set(range(500))
    assert parts.y_train.mean() == parts.y_test.mean() == 0.2
    for features, labels in ((parts.X_train, parts.y_train), (parts.X_test, parts.y_test)):
        assert list(labels) == [int(pH % 5 == 4) for pH in features["pH"]]
    again = splits.train_validation_split(X, y, cutting(0.3))
    assert list(again.X_test["pH"]) == list(parts.X_test["pH"])
    reseeded = cutting(0.3).model_copy(update={"random_state": 43})
    assert list(splits.train_validation_split(X, y, reseeded).X_test["pH"]) != list(
        parts.X_test["pH"]
    )


@pytest.mark.parametrize(
    ("validation_size", "told"),
    [
        (0.1, f"validation_size=0.1 cannot cut 10 training rows; {BOTH}"),
        (0.95, f"validation_size=0.95 cannot cut 10 training rows; {BOTH}"),
        (0.2, f"validation_size=0.2 leaves 2 held-out rows and none of class 1; {BOTH}"),
    ],
)
def test_held_out_rows_that_leave_a_set_without_a_class_are_told(validation_size, told):
    with pytest.raises(SplitError) as caught:
        splits.train_validation_split(TEN[["pH"]], TEN["Class"], cutting(validation_size))
    assert str(caught.value) == (
        f"{told} Change curves.validation_size in params.yaml, or give more rows."
    )


def test_more_folds_than_rows_of_a_class_are_told():
    y_train = pd.Series([0] * 9 + [1] * 4)
    folds.check_folds(y_train, 4)
    with pytest.raises(SplitError) as caught:
        folds.check_folds(y_train, 5)
    assert str(caught.value) == (
        "grid_search.cv=5 needs at least 5 training rows of each class, one a fold, but class 1 "
        "has 4. Change grid_search.cv or split.test_size in params.yaml, or give more rows."
    )


def test_a_group_is_one_row_to_the_folds():
    y_train = pd.Series([0] * 6 + [1] * 6, name="Class")
    groups = pd.Series([0, 1, 2, 3, 4, 5, 6, 6, 6, 7, 7, 8])
    folds.check_folds(y_train, 3, RowKeys(groups=groups))
    folds.check_folds(y_train, 4)
    with pytest.raises(SplitError, match=r"at least 4 training rows of different features of each"):
        folds.check_folds(y_train, 4, RowKeys(groups=groups))


def test_rows_held_out_of_groups_have_no_copy_in_training(table):
    X, y = table.drop(columns="Class"), table["Class"]
    parts = splits.train_validation_split(
        X, y, cutting(0.2), RowKeys(groups=splits.duplicate_groups(X))
    )
    assert splits.duplicated_in_training(parts.X_train, parts.X_test).sum() == 0
    assert len(parts.y_test) == pytest.approx(0.2 * len(y), abs=20)


# Shares of the training rows, and features that are left out.


@pytest.fixture(scope="module")
def y_train(parts) -> pd.Series:
    return parts.y_train.reset_index(drop=True)


def test_the_whole_share_is_all_rows_in_order(y_train):
    assert list(splits.subsample(y_train, 1.0, 0)) == list(range(5197))


@pytest.mark.parametrize("share", [0.05, 0.25, 0.5])
def test_a_share_has_the_class_shares_of_all_and_each_row_once(y_train, share):
    places = splits.subsample(y_train, share, 3)
    assert len(places) == int(share * 5197) == len(set(places))
    assert set(places) <= set(range(5197))
    assert y_train[places].sum() == pytest.approx(share * y_train.sum(), abs=1)
    assert list(places) != sorted(places)


def test_a_share_is_drawn_by_its_seed(y_train):
    first, again, other = (splits.subsample(y_train, 0.1, seed) for seed in (0, 0, 1))
    assert list(first) == list(again)
    # Drawn independently, a tenth of the one is in the other.
    assert len(set(first) & set(other)) == pytest.approx(0.1 * len(first), abs=30)


LABELS = pd.Series([0] * 15 + [1] * 5)
NOT_DRAWN = (
    "A share of {} of 20 training rows cannot be drawn, so no model can train on it: it needs a "
    "row of each class, and as many must be left over unless it is 1. Change "
    "learning_curve.train_sizes in params.yaml, or give more rows."
)


@pytest.mark.parametrize("share", [0.01, 0.05, 0.95, 0.999])
def test_a_share_that_cannot_be_drawn_is_told(share):
    with pytest.raises(SplitError) as caught:
        splits.subsample(LABELS, share, 0)
    assert str(caught.value) == NOT_DRAWN.format(share)


def test_a_share_that_lacks_a_class_is_told():
    """Two rows of these would be of the larger class both."""
    labels = pd.Series([0] * 39 + [1] * 2)
    with pytest.raises(SplitError, match=r"A share of 0\.05 of 41 training rows cannot be drawn"):
        splits.subsample(labels, 0.05, 0)


def sizes(*shares: float) -> LearningCurve:
    return LearningCurve(train_sizes=list(shares), n_repeats=2, random_state=0)


@pytest.mark.parametrize(
    ("shares", "told"),
    [
        ((0.01, 0.5), NOT_DRAWN.format(0.01)),
        ((0.5, 0.95), NOT_DRAWN.format(0.95)),
        (
            (0.5, 0.54, 1.0),
            "Shares of 0.5 and 0.54 of 20 training rows are 10 rows each, so there is no step from "
            "one to the other. Change learning_curve.train_sizes in params.yaml.",
        ),
    ],
)
def test_shares_that_make_no_curve_are_told(shares, told):
    with pytest.raises(SplitError) as caught:
        splits.check_train_sizes(LABELS, sizes(*shares))
    assert str(caught.value) == told


def test_shares_that_make_a_curve_are_let_through():
    splits.check_train_sizes(LABELS, sizes(0.1, 0.5, 0.55, 0.9, 1.0))


FEATURES = ["fixed acidity", "pH", "quality"]


@pytest.mark.parametrize(
    ("drop_features", "features", "told"),
    [
        (
            ["pH", "qualty"],
            FEATURES,
            "importance.drop_features names 'qualty', so no model can be trained without it: it is "
            "none of the 3 features; did you mean 'quality'? Change importance.drop_features in "
            "params.yaml; [] leaves out none.",
        ),
        (
            ["Class"],
            FEATURES,
            "importance.drop_features names 'Class', so no model can be trained without it: it is "
            "none of the 3 features. Change importance.drop_features in params.yaml; [] leaves "
            "out none.",
        ),
        (
            ["pH"],
            ["pH"],
            "importance.drop_features names 'pH', the only feature, so nothing would be left to "
            "train on. Change importance.drop_features in params.yaml; [] leaves out none.",
        ),
    ],
)
def test_a_feature_that_cannot_be_left_out_is_told(drop_features, features, told):
    with pytest.raises(DropFeaturesError) as caught:
        schema.check_drop_features(drop_features, features)
    assert str(caught.value) == told


@pytest.mark.parametrize(
    ("drop_features", "features"), [([], FEATURES), (FEATURES, FEATURES), ([], ["pH"])]
)
def test_features_that_can_be_left_out_are_let_through(drop_features, features):
    schema.check_drop_features(drop_features, features)
