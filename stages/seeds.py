"""Stage seeds: train each network and the best one of the search under several seeds."""

import stages
from winenet import files, params
from winenet.data import split_data
from winenet.evaluation import seeds
from winenet.models import model_file, registry
from winenet.models.predictor import DensePredictor, read_predictors, threshold_of
from winenet.network import cluster, journal, parallel


def main() -> None:
    """Read the split and the search's metrics; write every run and a summary per network."""
    settings = params.load().seeds
    data = split_data.load()
    search_metrics = files.read_metrics("metrics/grid_search.json")
    reference_runs = files.read_metrics("metrics/mlp.json") | {"grid_search": search_metrics}

    mlp = params.load().mlp
    networks = registry.make_networks(mlp, files.read_metrics("data/grid_search_best.json"))
    trained = {
        **read_predictors("models/mlp", mlp.networks),
        "grid_search": DensePredictor(model_file.read("models/grid_search.safetensors").model),
    }
    thresholds = {name: threshold_of(model) for name, model in trained.items()}
    stages.log(f"training {len(networks)} networks under {settings.n_seeds} seeds each")
    with cluster.connect(parallel.n_workers()) as dask_cluster, journal.open_journal() as stats:
        stages.log_lines([dask_cluster.describe()] if dask_cluster else [])
        runs = seeds.train_over_seeds(
            networks, data.X_train, data.y_train, data.test, settings, thresholds
        )
    stages.log_lines(stats.log_lines())
    summaries = {
        name: seeds.summarize(runs[runs["model"] == name], reference_runs[name])
        for name in networks
    }

    files.write_metrics("metrics/seeds.json", summaries | {"runs": settings.n_seeds})
    files.write_rounded("plots/seeds_runs.csv", runs)
    for name, summary in summaries.items():
        accuracy = summary["accuracy"]
        stages.log(
            f"{name}: accuracy {accuracy['mean']:.4f}, sd {accuracy['sd']:.4f}, from "
            f"{accuracy['min']:.4f} to {accuracy['max']:.4f}; the pipeline's own run "
            f"{summary['own']['accuracy']:.4f}"
        )


if __name__ == "__main__":
    stages.run(main)
