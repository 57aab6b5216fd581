"""Stage ingest: join the raw files into one table and check every cell of them."""

import pandas as pd

import stages
from winenet import data, files, params
from winenet.errors import printable


def main() -> None:
    """Read data/raw; write the table (the notebook's wine.csv) and what it holds."""
    settings = params.load().ingest
    table = data.read_raw("data/raw", settings)
    for name in data.unlisted("data/raw", settings):
        stages.say(
            f"note: data/raw/{printable(name)} is not listed under ingest.files and was left out"
        )
    labels = table[settings.label_column]
    files.write_exact("data/table.csv", table)
    files.write_metrics("data/schema.json", _schema(table, settings.label_column))
    files.write_metrics(
        "metrics/ingest.json",
        {
            "rows": len(table),
            "features": table.shape[1] - 1,
            "classes": labels.value_counts().to_dict(),
            "copies": {
                "rows": data.copies(table),
                "rows_by_features": data.copies(table[list(settings.columns)]),
            },
        },
    )
    stages.say(
        f"joined {len(settings.files)} files into {len(table)} rows of "
        f"{table.shape[1] - 1} features and {settings.label_column} (data/table.csv)"
    )


def _schema(table: pd.DataFrame, target: str) -> dict[str, object]:
    """Return what the table is, in the wine's words."""
    return {
        "target": target,
        "classes": ["0", "1"],
        "columns": [[name, "number"] for name in table if name != target],
        "words": {"row": "wine", "rows": "wines", "classes": ["white", "red"]},
    }


if __name__ == "__main__":
    stages.run(main)
