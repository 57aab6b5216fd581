"""Stage curves: follow the notebook's two networks epoch by epoch, on held-out rows as well."""

import stages
from winenet import files, params
from winenet.data import splits, table_files
from winenet.evaluation import training_curves
from winenet.evaluation.training_curves import Rows

# A file a network: `dvc plots` draws all rows of a file as one line.
PATHS = {
    "notebook": "plots/curves_notebook.csv",
    "one_hidden_layer": "plots/curves_one_hidden_layer.csv",
}


def main() -> None:
    """Read the split; write both networks' curves, and what early stopping would be worth."""
    settings, duplicates = params.load().curves, params.load().split.duplicates
    X_train = files.read_table("data/X_train_normalized.csv")
    y_train = table_files.read_labels("data/y_train.csv")
    X_test = files.read_table("data/X_test_normalized.csv")
    y_test = table_files.read_labels("data/y_test.csv")
    rows = table_files.read_split_rows("data/split_rows.csv", "train")

    groups = rows["group"] if duplicates == "group" else None
    labels = table_files.read_schema("data/schema.json").labels
    parts = splits.train_validation_split(X_train, y_train, settings, groups, labels)
    training, held_out = Rows(parts.X_train, parts.y_train), Rows(parts.X_test, parts.y_test)
    numbers = {
        "training_rows": len(training.y),
        "held_out_rows": len(held_out.y),
        "held_out_rows_seen": splits.duplicated_in_training(training.X, held_out.X).sum(),
    }
    networks = {name: network.hidden_layer_sizes for name, network in settings.networks}
    for name, sizes in networks.items():
        stages.log(f"following {name} {sizes} for {settings.epochs} epochs")
    followed = training_curves.trace_all(
        networks, settings, training, held_out, Rows(X_test, y_test)
    )
    for name, one in followed.items():
        best, stop = (one.numbers[reading] for reading in ("best", "notebook_stop"))
        stages.log(
            f"{name}: held-out loss lowest at epoch {best['epoch']}, notebook's stop at "
            f"{stop['epoch']}; accuracy {best['test_accuracy']:.4f} and "
            f"{stop['test_accuracy']:.4f} on {len(y_test)} test rows"
        )

    files.write_metrics(
        "metrics/curves.json", numbers | {name: one.numbers for name, one in followed.items()}
    )
    for name, path in PATHS.items():
        files.write_rounded(path, followed[name].curve)


if __name__ == "__main__":
    stages.run(main)
