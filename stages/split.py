"""Stage split: cut the table into training and test rows and make the networks' inputs of them."""

import pandas as pd

import stages
from winenet import files, params
from winenet.data import memory, preprocessing, split_column, splits, table_files
from winenet.data.split_column import SplitColumn
from winenet.data.splits import TrainTestSplit
from winenet.params import Split


def main() -> None:
    """Read the table; write the notebook's four files, the preprocessing, which row went where."""
    settings = params.load().split
    memory.check_split("data/table.csv")
    schema = table_files.read_schema("data/schema.json")
    table = table_files.read_raw_table("data/table.csv", schema.kinds)
    inputs = sum(
        table[name].nunique(dropna=False) if kind == "category" else 1 + table[name].isna().any()
        for name, kind in schema.kinds.items()
    )
    memory.check_inputs(len(table), int(inputs))
    raw = params.load().ingest
    column = split_column.read("data/raw", raw, settings)
    key = None if column is None else column.key
    parts = splits.split_table(table, schema.target, settings, schema.labels, key)
    fitted = preprocessing.fit(parts.X_train, schema.kinds, settings.scaler, schema.formats)
    rows = splits.split_index(parts, settings, key)
    seen = rows.loc[rows["set"] == "test", "in_training"]

    files.write_lossless(
        "data/X_train_normalized.csv", preprocessing.transform_to_frame(fitted, parts.X_train)
    )
    files.write_lossless(
        "data/X_test_normalized.csv", preprocessing.transform_to_frame(fitted, parts.X_test)
    )
    files.write_lossless("data/y_train.csv", parts.y_train.to_frame())
    files.write_lossless("data/y_test.csv", parts.y_test.to_frame())
    files.write_lossless("data/split_rows.csv", rows)
    table_files.write_preprocessing("data/preprocessing.json", fitted)
    files.write_metrics(
        "metrics/split.json",
        {
            "duplicates": settings.duplicates,
            "method": settings.method,
            "train": _counts(parts.y_train),
            "test": _counts(parts.y_test),
            "duplicate_rows": {"test_rows_seen": seen.sum(), "test_rows_unseen": (~seen).sum()},
        }
        | ({} if column is None else _column_facts(column, parts, settings)),
    )
    stages.log(
        f"cut {len(rows)} of {len(table)} rows into {len(parts.y_train)} for training and "
        f"{len(parts.y_test)} for the test (method: {settings.method}, duplicates: "
        f"{settings.duplicates}); "
        f"{seen.sum()} test rows have a copy in training"
    )


def _column_facts(column: SplitColumn, parts: TrainTestSplit, settings: Split) -> dict[str, object]:
    """Return the name of the column, and the groups in each set or the times at the boundary."""
    train, test = (column.written.loc[y.index] for y in (parts.y_train, parts.y_test))
    if settings.method == "group":
        groups = {"train": train.nunique(), "test": test.nunique()}
        return {"column": settings.column, "groups": groups}
    boundary = {"last_training": str(train.iloc[-1]), "first_test": str(test.iloc[0])}
    return {"column": settings.column, "boundary": boundary}


def _counts(labels: pd.Series) -> dict[str, object]:
    return {"rows": len(labels), "classes": labels.value_counts().to_dict()}


if __name__ == "__main__":
    stages.run(main)
