"""Stage seeds: train each network and the search's winner under several seeds."""

import stages
from winenet import files, params
from winenet.data import table_files
from winenet.evaluation import scoring, seeds
from winenet.models import registry
from winenet.network import cluster, journal, parallel


def main() -> None:
    """Read the split and what the search chose; write every run, and each network's spread."""
    settings = params.load().seeds
    X_train = files.read_table("data/X_train_normalized.csv")
    y_train = table_files.read_labels("data/y_train.csv")
    test = scoring.EvaluationSet(
        files.read_table("data/X_test_normalized.csv"),
        table_files.read_labels("data/y_test.csv"),
        table_files.read_split_rows("data/split_rows.csv", "test")["in_training"],
    )
    found = files.read_metrics("metrics/grid_search.json")
    own = files.read_metrics("metrics/mlp.json") | {"grid_search": found}

    networks = registry.make_networks(params.load().mlp, params.load().grid_search, found)
    stages.say(f"training {len(networks)} networks under {settings.n_seeds} seeds each")
    with cluster.connect(parallel.n_workers()) as dask_cluster, journal.open_journal() as stats:
        stages.say_all([dask_cluster.describe()] if dask_cluster else [])
        runs = seeds.train_over_seeds(networks, X_train, y_train, test, settings)
    stages.say_all(stats.log_lines())
    spread = {name: seeds.summarize(runs[runs["model"] == name], own[name]) for name in networks}

    files.write_metrics("metrics/seeds.json", spread | {"runs": settings.n_seeds})
    files.write_rounded("plots/seeds_runs.csv", runs)
    for name, one in spread.items():
        accuracy = one["accuracy"]
        stages.say(
            f"{name}: accuracy {accuracy['mean']:.4f}, sd {accuracy['sd']:.4f}, from "
            f"{accuracy['min']:.4f} to {accuracy['max']:.4f}; the pipeline's own run "
            f"{one['own']['accuracy']:.4f}"
        )


if __name__ == "__main__":
    stages.run(main)
