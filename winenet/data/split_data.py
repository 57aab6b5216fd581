"""The tables that the stage split wrote: what all models are trained and scored on."""

from typing import NamedTuple

import pandas as pd

from winenet import files
from winenet.data import memory, table_files

X_TRAIN, X_TEST = "data/X_train_normalized.csv", "data/X_test_normalized.csv"
Y_TRAIN, Y_TEST = "data/y_train.csv", "data/y_test.csv"
ROWS = "data/split_rows.csv"
PATHS = (X_TRAIN, X_TEST, Y_TRAIN, Y_TEST, ROWS)


class EvaluationSet(NamedTuple):
    """Rows that a model is scored on.

    Attributes
    ----------
    X : DataFrame of shape (rows, features)
        Scaled.
    y : Series of shape (rows,)
        Class codes.
    in_training : Series of bool, shape (rows,)
        Whether a training row has the same features.
    """

    X: pd.DataFrame
    y: pd.Series
    in_training: pd.Series


class SplitData(NamedTuple):
    """Training and test rows.

    Attributes
    ----------
    X_train : DataFrame of shape (rows, features)
        Scaled.
    y_train : Series of shape (rows,)
        Class codes.
    train_rows, test_rows : DataFrame of shape (rows, 3)
        Where the rows come from: see `table_files.read_split_rows`.
    test : EvaluationSet
    """

    X_train: pd.DataFrame
    y_train: pd.Series
    train_rows: pd.DataFrame
    test: EvaluationSet
    test_rows: pd.DataFrame


def load() -> SplitData:
    """Read the tables of the split.

    Returns
    -------
    SplitData

    Raises
    ------
    NotEnoughMemoryError
        If a training on these tables would not fit into memory.
    FileError
        If a file is missing or damaged.
    """
    memory.check_training(X_TRAIN, X_TEST)
    X_train, y_train = files.read_table(X_TRAIN), table_files.read_labels(Y_TRAIN)
    X_test, y_test = files.read_table(X_TEST), table_files.read_labels(Y_TEST)
    train_rows, test_rows = (table_files.read_split_rows(ROWS, part) for part in ("train", "test"))
    test = EvaluationSet(X_test, y_test, test_rows["in_training"])
    return SplitData(X_train, y_train, train_rows, test, test_rows)
