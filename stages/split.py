"""Stage split: cut the table into training and test rows and bring every feature to [0, 1]."""

import pandas as pd

import stages
from winenet import data, files, model, params


def main() -> None:
    """Read the table; write the notebook's four files, the scaling, and which row went where."""
    settings = params.load().split
    table = files.read_table("data/table.csv")
    parts = data.split(table, str(table.columns[-1]), settings)
    scaler, normaliser = data.fit_normaliser(parts.X_train)
    seen = data.seen_in_training(parts.X_train, parts.X_test)

    files.write_exact("data/X_train_normalized.csv", data.normalise(scaler, parts.X_train))
    files.write_exact("data/X_test_normalized.csv", data.normalise(scaler, parts.X_test))
    files.write_exact("data/y_train.csv", parts.y_train.to_frame())
    files.write_exact("data/y_test.csv", parts.y_test.to_frame())
    files.write_exact("data/split_rows.csv", _rows(parts))
    files.write_exact("data/normaliser.csv", _scaling(normaliser))
    files.write_metrics(
        "metrics/split.json",
        {
            "train": _counts(parts.y_train),
            "test": _counts(parts.y_test),
            "copies": {"test_rows_seen": seen.sum(), "test_rows_unseen": (~seen).sum()},
        },
    )
    stages.say(
        f"cut {len(table)} rows into {len(parts.y_train)} for training and {len(parts.y_test)} "
        f"for the test; {seen.sum()} test rows have a copy in training"
    )


def _rows(parts: data.Parts) -> pd.DataFrame:
    """Return which row of the table (counted from 0) went into which set, in the sets' order."""
    return pd.concat(
        pd.DataFrame({"set": name, "row": labels.index})
        for name, labels in (("train", parts.y_train), ("test", parts.y_test))
    )


def _scaling(normaliser: model.Normaliser) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "feature": normaliser.features,
            "minimum": normaliser.minimum,
            "maximum": normaliser.maximum,
        }
    )


def _counts(labels: pd.Series) -> dict[str, object]:
    return {"rows": len(labels), "classes": labels.value_counts().to_dict()}


if __name__ == "__main__":
    stages.run(main)
