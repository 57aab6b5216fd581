"""Stage compare: scores with intervals, pairwise tests, and the rows that models misclassify."""

import stages
from winenet import files, params
from winenet.data import split_data, table_files
from winenet.evaluation import comparison, scoring, thresholds
from winenet.models import model_file, registry
from winenet.models.predictor import DensePredictor, read_predictors, with_threshold


def main() -> None:
    """Read the split, the models and the seeds; write scores with intervals, pairs and curves."""
    settings, cv = params.load().compare, params.load().grid_search.cv
    data = split_data.load()
    test = data.test
    spread = files.read_metrics("metrics/seeds.json")

    baselines = registry.make_baselines(settings)
    for name, baseline in baselines.items():
        stages.log(f"training {name}")
        registry.fit_baseline(name, baseline, data.X_train, data.y_train)
    chosen = thresholds.choose_thresholds(
        baselines, data, params.load().threshold, cv, params.load().split
    )
    stages.log_lines(thresholds.log_lines(chosen))
    mlp = params.load().mlp
    models = comparison.in_order(
        {
            "logistic": DensePredictor(model_file.read("models/logistic.safetensors").model),
            **read_predictors("models/mlp", mlp.networks),
            "grid_search": DensePredictor(model_file.read("models/grid_search.safetensors").model),
        },
        {name: with_threshold(model, chosen[name]) for name, model in baselines.items()},
    )
    result = comparison.predictions(models, test.X)
    stages.log(f"{settings.n_resamples} resamples of {len(test.y)} test rows for each model")
    scored = comparison.scores_with_intervals(result, test, settings)
    pairs = comparison.pairwise_tests(result, test)
    curves = comparison.curves(result, test.y)
    kinds = table_files.read_schema("data/schema.json").kinds
    wrong = comparison.misclassified_rows(
        result, test, data.test_rows, table_files.read_raw_table("data/table.csv", kinds)
    )
    n_constant = sum(map(comparison.is_constant, result.values()))
    by_all = int((wrong["wrong_models"] == len(models) - n_constant).sum())

    files.write_metrics(
        "metrics/compare.json",
        {
            "reference": settings.reference,
            "test_rows": len(test.y),
            "test_rows_unseen": (~test.in_training).sum(),
            "models": {
                name: item
                | {"place": place, "title": registry.title(name, mlp, settings)}
                | ({"seeds": spread[name]["accuracy"]} if name in spread else {})
                | scoring.threshold_metric(models[name])
                for place, (name, item) in enumerate(scored.items())
            },
            "pairs": comparison.pairwise_summary(pairs),
            "wrong_in_any_model": len(wrong),
            "wrong_in_all_models": by_all,
        },
    )
    files.write_rounded("data/compare_pairs.csv", pairs)
    files.write_lossless("data/compare_errors.csv", wrong, gaps=True)
    files.write_rounded("plots/compare_accuracy.csv", comparison.accuracies(scored))
    files.write_rounded("plots/compare_roc.csv", curves["roc"])
    files.write_rounded("plots/compare_precision_recall.csv", curves["precision_recall"])
    files.write_rounded("plots/compare_calibration.csv", curves["calibration"])
    for name, item in scored.items():
        accuracy = item["accuracy"]
        stages.log(
            f"{name}: accuracy {accuracy['value']:.4f} "
            f"({accuracy['low']:.4f} to {accuracy['high']:.4f}), {item['errors']} errors"
        )
    stages.log(f"{by_all} test rows are wrong in all models but the constant one")


if __name__ == "__main__":
    stages.run(main)
