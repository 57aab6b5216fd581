"""Stage grid_search: cross-validate the notebook's grid and refit the best candidate."""

import stages
from winenet import files, params
from winenet.data import folds, split_data, splits, table_files
from winenet.evaluation import probability_curves, scoring, search_results, thresholds
from winenet.models import model_file, parameters, registry, saved
from winenet.models.predictor import with_threshold
from winenet.models.saved import DEFAULT_THRESHOLD
from winenet.network import cluster, journal, parallel


def main() -> None:
    """Read the split; write the table of candidates, and the best one's scores and weights."""
    settings, duplicates = params.load().grid_search, params.load().split.duplicates
    data = split_data.load()
    raw = table_files.read_preprocessing("data/preprocessing.json")
    schema = table_files.read_schema("data/schema.json")

    keys = splits.row_keys(data.train_rows, duplicates)
    folds.check_folds(data.y_train, settings.cv, keys, schema.labels)
    n_candidates = parameters.n_candidates(settings)
    with cluster.connect(parallel.n_workers()) as dask_cluster, journal.open_journal() as stats:
        # The cluster takes stacks; scikit-learn's own networks stay here.
        used_cluster = dask_cluster if settings.estimator == "winenet" else None
        stages.log(
            f"{n_candidates} candidates x {settings.cv} folds on {len(data.X_train)} rows, "
            f"{used_cluster.describe() if used_cluster else f'{parallel.n_workers()} processes'}"
        )
        result = search_results.grid_search(data.X_train, data.y_train, settings, keys)
        cv = folds.cv_splits(settings.cv, data.y_train, keys)
        kept = search_results.out_of_fold_predictions(
            result.model, data.X_train, data.y_train, cv, data.train_rows
        )
    threshold = thresholds.threshold_of_predictions(
        kept, kept[schema.target], params.load().threshold
    )
    stages.log_lines([*stats.log_lines(), *thresholds.log_lines({"grid_search": threshold})])
    if threshold != DEFAULT_THRESHOLD:
        kept["predicted"] = (kept["probability"] > threshold).astype(int)
    test = scoring.evaluate(
        with_threshold(result.model, threshold), data.test, data.test_rows["row"], "grid_search"
    )
    # The folds of the search predict at 0.5, so the test rows do in this one number.
    at_default = scoring.scores_on(result.model, data.test)["accuracy"]

    files.write_metrics(
        "metrics/grid_search.json",
        test.scores
        | scoring.training_summary(result.model)
        | {
            **{f"best_{name}": result.best[name] for name in settings.param_grid},
            "method": settings.method,
            "best_candidate": result.best["candidate"],
            "hidden_layer_sizes": registry.format_layer_sizes(result.model.hidden_layer_sizes),
            "cv_accuracy": result.best["mean_test_accuracy"],
            "cv_score": result.best["mean_test_score"],
            "test_minus_cv_accuracy": at_default - result.best["mean_test_accuracy"],
            "out_of_fold": {
                "errors": (kept["predicted"] != kept[schema.target]).sum(),
                "rows_seen": kept["in_training"].sum(),
                "accuracy_unseen": scoring.accuracy_unseen(
                    kept[schema.target], kept["predicted"], kept["in_training"]
                ),
                # With method time the first rows are never held out.
                **({"rows": len(kept)} if len(kept) < len(data.y_train) else {}),
            },
            "choice": search_results.selection_diagnostics(
                result.candidates, result.best, settings.param_grid
            ),
            "candidates": n_candidates,
            "epochs_trained": result.epochs,
            "fits_at_max_iter": result.fits_at_max_iter,
        },
    )
    files.write_json("data/grid_search_best.json", result.parameters)
    files.write_rounded("data/grid_search_results.csv", result.candidates)
    files.write_rounded("data/grid_search_predictions.csv", test.predictions)
    files.write_rounded("data/grid_search_out_of_fold.csv", kept)
    files.write_rounded(
        "plots/grid_search_scores.csv",
        result.candidates[["candidate", *settings.param_grid, "mean_test_score"]],
    )
    files.write_rounded(
        "plots/grid_search_loss.csv",
        scoring.by_model({"grid_search": scoring.loss_curve(result.model)}),
    )
    files.write_rounded(
        "plots/grid_search_roc.csv", probability_curves.roc_curve(data.test.y, test.probability)
    )
    files.write_rounded(
        "plots/grid_search_confusion.csv",
        scoring.confusion(data.test.y, test.predictions["predicted"]),
    )
    facts = scoring.training_summary(result.model) | {"rows": len(data.X_train)}
    layers = saved.from_mlp(result.model, threshold)
    model_file.write(
        "models/grid_search.safetensors",
        saved.SavedModel(layers, raw, schema.target, schema.labels, facts),
    )
    stages.log(
        f"best {result.best['candidate']}: "
        f"cross-validated accuracy {result.best['mean_test_accuracy']:.4f}, "
        f"{test.scores['accuracy']:.4f} on {len(data.test.X)} test rows"
    )


if __name__ == "__main__":
    stages.run(main)
