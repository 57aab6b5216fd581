"""Stage learning_curve: train all models on growing subsets of the rows."""

import stages
from winenet import files, params
from winenet.data import split_data, splits
from winenet.evaluation import learning_curve
from winenet.models import model_file, registry
from winenet.models.predictor import DensePredictor, read_predictors, threshold_of
from winenet.network import cluster, journal, parallel


def main() -> None:
    """Read the split and the search's metrics; write every run, the curve and its last step."""
    settings = params.load().learning_curve
    data = split_data.load()
    keys = splits.row_keys(data.train_rows)
    splits.check_train_sizes(data.y_train, settings, keys)

    mlp = params.load().mlp
    trained = {
        "logistic": DensePredictor(model_file.read("models/logistic.safetensors").model),
        **read_predictors("models/mlp", mlp.networks),
        "grid_search": DensePredictor(model_file.read("models/grid_search.safetensors").model),
    }
    thresholds = {name: threshold_of(model) for name, model in trained.items()}
    models = registry.make_models(
        params.load().logistic,
        mlp,
        files.read_metrics("data/grid_search_best.json"),
        n_classes=data.y_train.nunique(),
    )
    stages.log(
        f"training {len(models)} models on {len(settings.train_sizes)} shares of "
        f"{len(data.X_train)} rows, {settings.n_repeats} times each"
    )
    with cluster.connect(parallel.n_workers()) as dask_cluster, journal.open_journal() as stats:
        stages.log_lines([dask_cluster.describe()] if dask_cluster else [])
        runs = learning_curve.train_over_sizes(
            models, data.X_train, data.y_train, data.test, settings, keys, thresholds
        )
    stages.log_lines(stats.log_lines())
    # With every row added, more test rows have a duplicate in training and become easier. So score
    # the others, unless there are too few for a standard deviation.
    unseen = (~data.test.in_training).sum() > 1
    score = "accuracy_unseen" if unseen else "accuracy"
    last = learning_curve.gain_of_last_step(runs, ~data.test.in_training.to_numpy() | (not unseen))

    files.write_metrics("metrics/learning_curve.json", {"score": score} | last)
    files.write_rounded("data/learning_curve_runs.csv", runs.table)
    files.write_rounded("plots/learning_curve.csv", learning_curve.curve(runs.table, score))
    for name, item in last["models"].items():
        stages.log(
            f"{name}: {item['gain']:+.4f} {score} from {last['rows_before']} to {last['rows']} rows"
        )


if __name__ == "__main__":
    stages.run(main)
