"""Stage importance: how much each feature matters to each model."""

import stages
from winenet import files, params
from winenet.data import schema, split_data, table_files
from winenet.evaluation import importance
from winenet.models import model_file, registry
from winenet.models.predictor import DensePredictor, read_predictors
from winenet.network import cluster, journal, parallel


def main() -> None:
    """Read the split and the models; write coefficients, permutation and drop-column importance."""
    settings, mlp = params.load().importance, params.load().mlp
    data = split_data.load()
    raw = table_files.read_preprocessing("data/preprocessing.json")
    logistic = model_file.read("models/logistic.safetensors").model
    trained = {
        "logistic": DensePredictor(logistic),
        **read_predictors("models/mlp", mlp.networks),
        "grid_search": DensePredictor(model_file.read("models/grid_search.safetensors").model),
    }
    schema.check_drop_features(settings.drop_features, raw.columns)

    stages.log(f"shuffling each of {len(raw.columns)} features {settings.n_repeats} times")
    shuffled = importance.shuffled_importance(trained, data.test, raw.origins, settings)
    models = registry.make_models(
        params.load().logistic,
        mlp,
        files.read_metrics("data/grid_search_best.json"),
        n_classes=data.y_train.nunique(),
    )
    if settings.drop_features:
        stages.log(f"training {len(models)} models without {', '.join(settings.drop_features)}")
    with cluster.connect(parallel.n_workers()) as dask_cluster, journal.open_journal() as stats:
        stages.log_lines([dask_cluster.describe()] if dask_cluster else [])
        without = importance.drop_column_importance(
            models,
            data.X_train,
            data.y_train,
            data.test,
            trained,
            raw.origins,
            settings.drop_features,
        )
    stages.log_lines(stats.log_lines())

    files.write_metrics("metrics/importance.json", {"without": without})
    files.write_rounded("plots/importance_coefficients.csv", importance.coefficients(logistic, raw))
    files.write_rounded("plots/importance_shuffled.csv", shuffled)
    for name, item in shuffled.groupby("model", sort=False):
        first = item.nlargest(1, "mean").iloc[0]
        stages.log(
            f"{name}: {first['feature']} decides most, {first['mean']:.4f} accuracy when shuffled"
        )


if __name__ == "__main__":
    stages.run(main)
