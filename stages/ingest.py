"""Stage ingest: join the raw files into one table and check every cell of them."""

import stages
from winenet import files, params
from winenet.data import leaks, memory, raw_table, schema
from winenet.errors import safe_text
from winenet.text import count


def main() -> None:
    """Read data/raw; write the table (the notebook's wine.csv) and what it holds."""
    settings = params.load().ingest
    memory.check_ingest("data/raw", [file.name for file in settings.files])
    raw = raw_table.read_raw("data/raw", settings)
    table = raw.table
    for name in raw_table.unlisted_files("data/raw", settings):
        stages.log(
            f"note: data/raw/{safe_text(name)} is not listed under ingest.files and was left out"
        )
    for note in raw.notes:
        stages.log(f"note: {note}")
    features = table.drop(columns=settings.target)
    found = leaks.find_leaks(features, table[settings.target])
    for leak in found:
        stages.log(f"warning: {leak.describe()}")
    files.write_lossless("data/table.csv", table, gaps=True)
    files.write_metrics(
        "data/schema.json", schema.as_json(raw_table.make_schema(settings, raw.labels, raw.columns))
    )
    files.write_metrics(
        "metrics/ingest.json",
        {
            "rows": len(table),
            "features": table.shape[1] - 1,
            "classes": table[settings.target].value_counts().to_dict(),
            "duplicate_rows": {
                "rows": raw_table.count_duplicates(table),
                "rows_by_features": raw_table.count_duplicates(features),
            },
        }
        | raw_table.treatment(settings, raw)
        | ({"leaks": leaks.as_json(found)} if found else {}),
    )
    stages.log(
        f"joined {count(len(settings.files), 'file')} into {len(table)} rows of "
        f"{table.shape[1] - 1} features and {settings.target} (data/table.csv)"
    )
    gaps = table.isna().sum()
    if gaps.any():
        text = ", ".join(f"{safe_text(str(name))} {gap}" for name, gap in gaps.items() if gap)
        stages.log(f"missing values: {text}")


if __name__ == "__main__":
    stages.run(main)
