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
    rows = data.rows(parts)
    seen = rows.loc[rows["set"] == "test", "seen"]

    files.write_exact("data/X_train_normalized.csv", data.normalise(scaler, parts.X_train))
    files.write_exact("data/X_test_normalized.csv", data.normalise(scaler, parts.X_test))
    files.write_exact("data/y_train.csv", parts.y_train.to_frame())
    files.write_exact("data/y_test.csv", parts.y_test.to_frame())
    files.write_exact("data/split_rows.csv", rows)
    files.write_exact("data/normaliser.csv", _scaling(normaliser))
    files.write_metrics(
        "metrics/split.json",
        {
            "duplicates": settings.duplicates,
            "train": _counts(parts.y_train),
            "test": _counts(parts.y_test),
            "copies": {"test_rows_seen": seen.sum(), "test_rows_unseen": (~seen).sum()},
        },
    )
    stages.say(
        f"cut {len(rows)} of {len(table)} rows into {len(parts.y_train)} for training and "
        f"{len(parts.y_test)} for the test (duplicates: {settings.duplicates}); "
        f"{seen.sum()} test rows have a copy in training"
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
