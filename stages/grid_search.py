"""Stage grid_search: cross-validate the notebook's grid and refit the best candidate."""

import stages
from winenet import files, params
from winenet.data import memory, splits, table_files
from winenet.evaluation import probability_curves, scoring, search_results
from winenet.models import model_file, saved
from winenet.network import cluster, journal, parallel


def main() -> None:
    """Read the split; write the table of candidates, and the best one's scores and weights."""
    settings, duplicates = params.load().grid_search, params.load().split.duplicates
    memory.check_training("data/X_train_normalized.csv", "data/X_test_normalized.csv")
    X_train = files.read_table("data/X_train_normalized.csv")
    y_train = table_files.read_labels("data/y_train.csv")
    X_test = files.read_table("data/X_test_normalized.csv")
    y_test = table_files.read_labels("data/y_test.csv")
    rows = table_files.read_split_rows("data/split_rows.csv", "test")
    raw = table_files.read_preprocessing("data/preprocessing.json")
    schema = table_files.read_schema("data/schema.json")

    train_rows = table_files.read_split_rows("data/split_rows.csv", "train")
    groups = train_rows["group"] if duplicates == "group" else None
    splits.check_folds(y_train, settings.cv, groups, schema.labels)
    n_candidates = len(settings.param_grid.hidden_layer_sizes) * len(
        settings.param_grid.learning_rate_init
    )
    with cluster.connect(parallel.n_workers()) as dask_cluster, journal.open_journal() as stats:
        # The cluster takes stacks; scikit-learn's own networks stay here.
        used_cluster = dask_cluster if settings.estimator == "winenet" else None
        stages.log(
            f"{n_candidates} candidates x {settings.cv} folds on {len(X_train)} rows, "
            f"{used_cluster.describe() if used_cluster else f'{parallel.n_workers()} processes'}"
        )
        result = search_results.grid_search(X_train, y_train, settings, groups)
        cv = search_results.cv_splits(settings.cv, X_train, y_train, groups)
        kept = search_results.out_of_fold_predictions(
            result.model, X_train, y_train, cv, train_rows
        )
    stages.log_lines(stats.log_lines())
    table = scoring.predictions(result.model, X_test, y_test, rows["row"], "grid_search")
    probability = scoring.probabilities(table)
    scores = scoring.scores(y_test, table["predicted"], probability, rows["in_training"])

    files.write_metrics(
        "metrics/grid_search.json",
        scores
        | scoring.training_summary(result.model)
        | {
            "best_hidden_layer_sizes": result.best["hidden_layer_sizes"],
            "best_learning_rate_init": result.best["learning_rate_init"],
            "cv_accuracy": result.best["mean_test_accuracy"],
            "cv_score": result.best["mean_test_score"],
            "test_minus_cv_accuracy": scores["accuracy"] - result.best["mean_test_accuracy"],
            "out_of_fold": {
                "errors": (kept["predicted"] != y_train).sum(),
                "rows_seen": kept["in_training"].sum(),
                "accuracy_unseen": scoring.accuracy_unseen(
                    y_train, kept["predicted"], kept["in_training"]
                ),
            },
            "choice": search_results.selection_diagnostics(result.candidates, result.best),
            "candidates": n_candidates,
            "fits_at_max_iter": search_results.n_unconverged(result.candidates, settings.max_iter),
        },
    )
    files.write_rounded("data/grid_search_results.csv", result.candidates)
    files.write_rounded("data/grid_search_predictions.csv", table)
    files.write_rounded("data/grid_search_out_of_fold.csv", kept)
    files.write_rounded(
        "plots/grid_search_scores.csv",
        result.candidates[
            ["candidate", "hidden_layer_sizes", "learning_rate_init", "mean_test_score"]
        ],
    )
    files.write_rounded("plots/grid_search_loss.csv", scoring.loss_curve(result.model))
    files.write_rounded(
        "plots/grid_search_roc.csv", probability_curves.roc_curve(y_test, probability)
    )
    files.write_rounded(
        "plots/grid_search_confusion.csv", scoring.confusion(y_test, table["predicted"])
    )
    facts = scoring.training_summary(result.model) | {"rows": len(X_train)}
    layers = saved.from_mlp(result.model)
    model_file.write(
        "models/grid_search.npz", saved.SavedModel(layers, raw, schema.target, schema.labels, facts)
    )
    stages.log(
        f"best {result.best['hidden_layer_sizes']} at {result.best['learning_rate_init']:g}: "
        f"cross-validated accuracy {result.best['mean_test_accuracy']:.4f}, "
        f"{scores['accuracy']:.4f} on {len(X_test)} test rows"
    )


if __name__ == "__main__":
    stages.run(main)
