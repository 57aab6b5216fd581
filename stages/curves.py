"""Stage curves: score each network after every epoch, also on held-out rows."""

import stages
from winenet import files, params
from winenet.data import split_data, splits, table_files
from winenet.data.split_data import EvaluationSet
from winenet.evaluation import scoring, training_curves
from winenet.models import registry
from winenet.network import cluster, journal, parallel


def main() -> None:
    """Read the split; write all networks' curves, and what early stopping would change."""
    settings, duplicates = params.load().curves, params.load().split.duplicates
    data = split_data.load()
    keys = splits.row_keys(data.train_rows, duplicates)
    labels = table_files.read_schema("data/schema.json").labels
    parts = splits.train_validation_split(data.X_train, data.y_train, settings, keys, labels)
    held_out = EvaluationSet(
        parts.X_test, parts.y_test, splits.duplicated_in_training(parts.X_train, parts.X_test)
    )
    row_counts = {
        "training_rows": len(parts.y_train),
        "held_out_rows": len(held_out.y),
        "held_out_rows_seen": held_out.in_training.sum(),
    }
    networks = registry.make_mlp_networks(params.load().mlp)
    stages.log(f"tracing {', '.join(networks)} for {settings.epochs} epochs")
    with cluster.connect(parallel.n_workers()) as dask_cluster, journal.open_journal() as stats:
        stages.log_lines([dask_cluster.describe()] if dask_cluster else [])
        traces = training_curves.trace_all(
            networks, settings, parts.X_train, parts.y_train, held_out, data.test
        )
    stages.log_lines(stats.log_lines())
    for name, trace in traces.items():
        best, stop = trace.metrics["best"], trace.metrics["notebook_stop"]
        stages.log(
            f"{name}: held-out loss lowest at epoch {best['epoch']}, notebook's stop at "
            f"{stop['epoch']}; accuracy {best['test_accuracy']:.4f} and "
            f"{stop['test_accuracy']:.4f} on {len(data.test.y)} test rows"
        )

    files.write_metrics(
        "metrics/curves.json", row_counts | {name: trace.metrics for name, trace in traces.items()}
    )
    curves = {name: trace.curve for name, trace in traces.items()}
    files.write_rounded("plots/curves.csv", scoring.by_model(curves))


if __name__ == "__main__":
    stages.run(main)
