"""Sets, folds and samples by groups or by time: no group is torn, no later row trains.

Without ties and duplicates they are scikit-learn's own.
"""

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import StratifiedGroupKFold, TimeSeriesSplit, train_test_split

from winenet.data import folds, splits
from winenet.data.splits import RowKeys, SplitError
from winenet.params import Curves, LearningCurve, Split

RNG = np.random.default_rng(0)
N_ROWS = 200
TABLE = pd.DataFrame({"x": RNG.random(N_ROWS), "Class": RNG.integers(0, 3, N_ROWS)})
ZONES = pd.Series(RNG.integers(0, 25, N_ROWS))
HOURS = pd.Series(RNG.permutation(N_ROWS))
DAYS = HOURS // 12  # equal times
LABELS = ["a", "b", "c"]


def by(method: str, test_size: float = 0.2, seed: int = 1, duplicates: str = "keep") -> Split:
    column = {"group": "zone", "time": "day"}.get(method)
    return Split(
        test_size=test_size,
        random_state=seed,
        method=method,
        column=column,
        duplicates=duplicates,
    )


def keys_of(parts: splits.TrainTestSplit, settings: Split, key: pd.Series) -> RowKeys:
    """Return what the stages read from data/split_rows.csv of the training rows."""
    rows = splits.split_index(parts, settings, key)
    return splits.row_keys(rows[rows["set"] == "train"], settings.duplicates)


# Training and test set.


@pytest.mark.parametrize("test_size", [0.1, 0.2, 0.5])
@pytest.mark.parametrize("seed", range(5))
def test_a_group_is_in_one_set(test_size, seed):
    parts = splits.split_table(TABLE, "Class", by("group", test_size, seed), key=ZONES)
    train, test = ZONES[parts.y_train.index], ZONES[parts.y_test.index]
    assert not {*train} & {*test}
    assert sorted([*train.index, *test.index]) == list(range(N_ROWS))
    assert abs(len(test) - test_size * N_ROWS) <= ZONES.value_counts().max() / 2


def test_another_seed_draws_other_groups():
    found = [splits.split_table(TABLE, "Class", by("group", seed=n), key=ZONES) for n in (1, 1, 2)]
    sets = [{*parts.y_test.index} for parts in found]
    assert sets[0] == sets[1] != sets[2]


def test_a_group_that_is_too_large_for_the_test_set_trains():
    """Whatever is drawn first, the small groups make the test set."""
    zones = pd.Series([0] * 150 + [1] * 30 + [2] * 20)
    for seed in range(6):
        parts = splits.split_table(TABLE, "Class", by("group", seed=seed), key=zones)
        assert {*zones[parts.y_test.index]} in ({1}, {2}, {1, 2})


def test_rows_linked_by_group_or_by_equal_features_stay_together():
    """Rows 0 and 1 share a zone, rows 1 and 2 their features, and so on: one chain of each ten."""
    rows = np.arange(N_ROWS)
    table = TABLE.assign(x=(rows + 1) // 2 + 1000.0 * (rows // 10))
    settings = by("group", 0.3, duplicates="group")
    parts = splits.split_table(table, "Class", settings, key=pd.Series(rows // 2))
    chains = [{*(index // 10)} for index in (parts.y_train.index, parts.y_test.index)]
    assert not chains[0] & chains[1]
    keys = keys_of(parts, settings, pd.Series(rows // 2))
    assert list(keys.groups) == list(parts.y_train.index // 10 * 10)


def test_without_ties_the_latest_rows_are_scikit_learn_s_last_ones():
    parts = splits.split_table(TABLE, "Class", by("time", 0.234), key=HOURS)
    ordered = HOURS.sort_values().index
    train, test = train_test_split(ordered, test_size=0.234, shuffle=False)
    assert list(parts.y_train.index) == list(train)
    assert list(parts.y_test.index) == list(test)


@pytest.mark.parametrize("test_size", [0.1, 0.2, 0.34])
def test_no_row_of_the_test_is_as_early_as_a_training_row(test_size):
    parts = splits.split_table(TABLE, "Class", by("time", test_size), key=DAYS)
    train, test = DAYS[parts.y_train.index], DAYS[parts.y_test.index]
    assert train.is_monotonic_increasing
    assert train.max() < test.min()
    assert abs(len(test) - test_size * N_ROWS) <= 6


def test_of_duplicates_at_several_times_the_earliest_is_kept():
    table = pd.DataFrame({"x": [1.0, 2.0, 1.0, 3.0, 4.0], "Class": [0, 1, 0, 0, 1]})
    times = pd.Series([4, 1, 0, 3, 2])
    parts = splits.split_table(table, "Class", by("time", 0.5, duplicates="drop"), key=times)
    assert [*parts.y_train.index, *parts.y_test.index] == [2, 1, 4, 3]


ONE = pd.Series([0] * N_ROWS)
SORTED = TABLE.assign(Class=np.arange(N_ROWS) // 70)  # the last class comes last
ROW = pd.Series(range(N_ROWS))
BOTH = "both sets need at least one row of each class."


@pytest.mark.parametrize(
    ("settings", "key", "table", "told"),
    [
        (
            by("group"),
            ONE,
            TABLE,
            "test_size=0.2 cannot cut 200 rows: all rows are of one group of split.column 'zone'. "
            "Change split.test_size, split.random_state or split.column in params.yaml.",
        ),
        (
            by("time"),
            ONE,
            TABLE,
            "test_size=0.2 cannot cut 200 rows: all rows have the same time. "
            "Change split.test_size or split.column in params.yaml.",
        ),
        (
            by("time"),
            ROW,
            SORTED,
            f"test_size=0.2 leaves 40 test rows and none of class a; {BOTH} "
            "Change split.test_size or split.column in params.yaml.",
        ),
        (
            by("group", 0.1),
            SORTED["Class"],
            SORTED,
            f"test_size=0.1 leaves 0 test rows and none of class a; {BOTH} "
            "Change split.test_size, split.random_state or split.column in params.yaml.",
        ),
    ],
)
def test_a_table_that_cannot_be_cut_is_told(settings, key, table, told):
    with pytest.raises(SplitError) as caught:
        splits.split_table(table, "Class", settings, LABELS, key)
    assert str(caught.value) == told


# The folds.


def test_the_folds_of_groups_are_scikit_learn_s():
    y = TABLE["Class"]
    ours = folds.cv_splits(4, y, RowKeys(groups=ZONES, of_column=True))
    theirs = StratifiedGroupKFold(4).split(y, y, ZONES)
    for fold, their_fold in zip(ours, theirs, strict=True):
        for places, their_places in zip(fold, their_fold, strict=True):
            np.testing.assert_array_equal(places, their_places)


def test_the_folds_without_ties_are_scikit_learn_s():
    y = TABLE["Class"]
    ours = folds.cv_splits(4, y, RowKeys(times=ROW))
    for fold, their_fold in zip(ours, TimeSeriesSplit(4).split(y), strict=True):
        for places, their_places in zip(fold, their_fold, strict=True):
            np.testing.assert_array_equal(places, their_places)


def test_no_fold_trains_on_a_time_that_it_scores():
    times = ROW // 9
    cuts = []
    for train, scored in folds.cv_splits(5, TABLE["Class"], RowKeys(times=times)):
        assert times[train].max() < times[scored].min()
        assert len(train) == scored[0]
        cuts.append(len(train))
    theirs = [scored[0] for _, scored in TimeSeriesSplit(5).split(ROW)]
    assert [cut % 9 for cut in cuts] == [0] * 5
    assert np.abs(np.subtract(cuts, theirs)).max() <= 4


def test_the_folds_are_the_same_for_check_and_for_the_stage():
    """`check` has the table's row numbers, a stage has those of its own tables."""
    settings = by("group", duplicates="group")
    table = TABLE.assign(x=TABLE["x"].round(3))
    parts = splits.split_table(table, "Class", settings, key=ZONES)
    checked = splits.training_keys(parts, settings, ZONES)
    read = keys_of(parts, settings, ZONES)
    assert list(checked.groups.index) == list(parts.y_train.index)
    y = parts.y_train.reset_index(drop=True)
    for one, other in zip(
        folds.cv_splits(3, parts.y_train, checked), folds.cv_splits(3, y, read), strict=True
    ):
        np.testing.assert_array_equal(one[1], other[1])


CHANGE = "Change grid_search.cv, split.method or split.column in params.yaml."


@pytest.mark.parametrize(
    ("y", "keys", "cv", "told"),
    [
        (
            TABLE["Class"],
            RowKeys(groups=ROW // 50, of_column=True),
            5,
            "grid_search.cv=5 needs at least 5 groups of each class, one a fold, but class a has "
            "4. Change grid_search.cv or split.test_size in params.yaml, or give more rows.",
        ),
        (
            TABLE["Class"],
            RowKeys(times=ROW // 50),
            4,
            "grid_search.cv=4 needs at least 5 different times in split.column, but the training "
            f"rows have 4. {CHANGE}",
        ),
        (
            SORTED["Class"],
            RowKeys(times=ROW),
            4,
            "grid_search.cv=4: fold 1 trains on 40 rows and none of class b; it needs at least one "
            f"row of each class. {CHANGE}",
        ),
        (
            pd.Series([0, 1] * 60 + [0] * 80),
            RowKeys(times=ROW),
            4,
            "grid_search.cv=4: fold 3 is scored on 40 rows and none of class b; it needs at least "
            f"one row of each class. {CHANGE}",
        ),
        (
            TABLE["Class"],
            RowKeys(times=pd.Series([0] * 190 + [*range(1, 11)])),
            2,
            "grid_search.cv=2: fold 1 is scored on 0 rows and none of class a; it needs at least "
            f"one row of each class. {CHANGE}",
        ),
    ],
)
def test_folds_that_lack_rows_are_told(y, keys, cv, told):
    with pytest.raises(SplitError) as caught:
        folds.check_folds(y, cv, keys, LABELS)
    assert str(caught.value) == told


@pytest.mark.parametrize("keys", [RowKeys(groups=ZONES, of_column=True), RowKeys(times=ROW // 3)])
def test_folds_with_all_classes_are_let_through(keys):
    folds.check_folds(TABLE["Class"], 4, keys)


# Held-out rows and samples of the training rows.

CURVES = Curves(validation_size=0.2, random_state=0, epochs=1)


def test_whole_groups_are_held_out():
    keys = RowKeys(groups=ZONES, of_column=True)
    parts = splits.train_validation_split(TABLE[["x"]], TABLE["Class"], CURVES, keys)
    assert not {*ZONES[parts.y_train.index]} & {*ZONES[parts.y_test.index]}
    assert len(parts.y_test) == pytest.approx(0.2 * N_ROWS, abs=8)


def test_few_groups_are_held_out_without_strata():
    """Two groups begin with each class: a fifth of two strata would be no whole group."""
    y = pd.Series([0, 1] * 50 + [1, 0] * 50)
    keys = RowKeys(groups=ROW // 50, of_column=True)
    assert len(splits.train_validation_split(y.to_frame(), y, CURVES, keys).y_test) == 50


def test_the_latest_rows_are_held_out():
    keys = RowKeys(times=ROW // 9)
    parts = splits.train_validation_split(TABLE[["x"]], TABLE["Class"], CURVES, keys)
    assert list(parts.y_test.index) == list(range(162, 200))


def test_rows_of_one_time_cannot_be_held_out():
    with pytest.raises(SplitError, match=r"^validation_size=0.2 cannot cut 200 training rows; bo"):
        splits.train_validation_split(TABLE[["x"]], TABLE["Class"], CURVES, RowKeys(times=ONE))


@pytest.mark.parametrize("seed", [0, 5])
def test_a_sample_in_time_ends_with_the_latest_row_whatever_the_seed(seed):
    drawn = splits.subsample(TABLE["Class"], 0.25, seed, RowKeys(times=ROW))
    assert list(drawn) == list(range(150, 200))


def test_a_sample_of_groups_has_whole_groups_but_for_one():
    keys = RowKeys(groups=ZONES, of_column=True)
    drawn, again, other = (splits.subsample(TABLE["Class"], 0.3, seed, keys) for seed in (0, 0, 1))
    assert len(drawn) == len({*drawn}) == len(other) == 60
    assert list(drawn) == list(again) != list(other)
    sizes, all_sizes = ZONES[drawn].value_counts(), ZONES.value_counts()
    assert (sizes < all_sizes[sizes.index]).sum() <= 1


def test_every_draw_of_groups_needs_all_classes():
    """The first seed draws both classes, another one does not."""
    y, keys = pd.Series([0, 1] * 50 + [0] * 100), RowKeys(groups=ROW // 10, of_column=True)
    settings = LearningCurve(train_sizes=[0.1, 1.0], n_repeats=20, random_state=0)
    seeds = range(20)
    fails = []
    for seed in seeds:
        try:
            splits.subsample(y, 0.1, seed, keys)
        except SplitError:
            fails.append(seed)
    first = next(seed for seed in seeds if seed not in fails)
    settings = settings.model_copy(update={"random_state": first})
    with pytest.raises(SplitError) as caught:
        splits.check_train_sizes(y, settings, keys)
    assert str(caught.value) == (
        "A share of 0.1 of 200 training rows cannot be drawn, so no model can train on it: it "
        "needs a row of each class. Change learning_curve.train_sizes in params.yaml, or give more "
        "rows."
    )
    splits.check_train_sizes(y, settings.model_copy(update={"n_repeats": 1}), keys)


def test_a_sample_of_the_latest_rows_without_a_class_is_told():
    y = pd.Series([0, 1] * 50 + [0] * 100)
    with pytest.raises(SplitError, match=r"^A share of 0.5 of 200 training rows cannot be drawn"):
        splits.subsample(y, 0.5, 0, RowKeys(times=ROW))
