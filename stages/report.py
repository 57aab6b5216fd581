"""Stage report: set this run beside the notebook, draw the pictures, and write the page."""

import stages
from winenet import comparison, files, pictures, report


def main() -> None:
    """Read what the other stages wrote and what the notebook printed; write pictures and page."""
    metrics = {
        "ingest": files.read_metrics("metrics/ingest.json"),
        "split": files.read_metrics("metrics/split.json"),
        "handmade": files.read_metrics("data/handmade_measured.json"),
        "logistic": files.read_metrics("metrics/logistic.json"),
        "mlp": files.read_metrics("metrics/mlp.json"),
        "grid_search": files.read_metrics("metrics/grid_search.json"),
        "curves": files.read_metrics("metrics/curves.json"),
        "seeds": files.read_metrics("metrics/seeds.json"),
        "learning_curve": files.read_metrics("metrics/learning_curve.json"),
        "importance": files.read_metrics("metrics/importance.json"),
        "compare": files.read_metrics("metrics/compare.json"),
    }
    heads = {
        name: report.head_agreement(files.read_table(printed), files.read_table(here))
        for name, printed, here in (
            ("training", "tests/golden/train_head.csv", "data/X_train_normalized.csv"),
            ("test", "tests/golden/test_head.csv", "data/X_test_normalized.csv"),
        )
    }
    agreements = report.agreements(files.read_table("tests/golden/notebook.csv"), metrics)
    pairs = files.read_table("data/compare_pairs.csv")
    names, scores = report.model_names(metrics), report.model_scores(metrics)
    losses = {
        "notebook": files.read_table("plots/mlp_loss.csv"),
        "one_hidden_layer": files.read_table("plots/mlp_loss_one_hidden_layer.csv"),
        "grid_search": files.read_table("plots/grid_search_loss.csv"),
    }
    followed = {
        "notebook": files.read_table("plots/curves_notebook.csv"),
        "one_hidden_layer": files.read_table("plots/curves_one_hidden_layer.csv"),
    }
    followed_names = report.followed_networks(metrics["curves"])

    by_hand = {
        "loss": files.read_table("plots/handmade_loss.csv"),
        "early_stopping": files.read_table("plots/handmade_early_stopping.csv"),
        "one_weight": files.read_table("plots/handmade_one_weight.csv"),
        "two_outputs": files.read_table("plots/handmade_two_outputs.csv"),
    }
    search = files.read_table("plots/grid_search_scores.csv")
    accuracies = files.read_table("plots/compare_accuracy.csv")
    learning = files.read_table("plots/learning_curve.csv")

    for path, picture in (
        ("plots/handmade_loss.svg", pictures.handmade_loss(by_hand["loss"])),
        (
            "plots/handmade_early_stopping.svg",
            pictures.handmade_early_stopping(by_hand["early_stopping"]),
        ),
        ("plots/handmade_one_weight.svg", pictures.handmade_one_weight(by_hand["one_weight"])),
        ("plots/handmade_two_outputs.svg", pictures.handmade_two_outputs(by_hand["two_outputs"])),
        ("plots/networks_loss.svg", pictures.network_losses(losses, names)),
        (
            "plots/curves.svg",
            pictures.early_stopping(followed, metrics["curves"], followed_names),
        ),
        ("plots/grid_search_scores.svg", pictures.grid_search_scores(search)),
        ("plots/confusion.svg", pictures.confusions(scores, names)),
        ("plots/roc.svg", pictures.rocs(files.read_table("plots/compare_roc.csv"), names)),
        (
            "plots/precision_recall.svg",
            pictures.precision_recall(
                files.read_table("plots/compare_precision_recall.csv"), names
            ),
        ),
        (
            "plots/calibration.svg",
            pictures.calibration(files.read_table("plots/compare_calibration.csv"), names),
        ),
        (
            "plots/compare_accuracy.svg",
            pictures.accuracies(accuracies[accuracies["model"] != comparison.CONSTANT], names),
        ),
        (
            "plots/seeds.svg",
            pictures.seeds(
                files.read_table("plots/seeds_runs.csv"),
                {
                    name: one["own"]["accuracy"]
                    for name, one in comparison.by_network(metrics["seeds"])
                },
                names,
            ),
        ),
        (
            "plots/learning_curve.svg",
            pictures.learning_curve(learning, names, metrics["learning_curve"]["score"]),
        ),
        (
            "plots/importance.svg",
            pictures.importance(files.read_table("plots/importance_shuffled.csv"), names),
        ),
    ):
        files.write_text(path, picture)

    predictions = files.read_table("data/handmade_predictions.csv")
    page = report.page(
        {
            "metrics": metrics,
            "names": names,
            "scores": scores,
            "agreement_rows": report.agreement_rows(agreements),
            "all_agree": all(one.agrees for one in agreements),
            "heads": heads,
            "claims": report.claims(metrics["handmade"], comparison.tuned_pair(pairs)),
            "readings": report.readings(metrics["handmade"]["network"]),
            "two_outputs": report.readings(metrics["handmade"]["two_outputs"]),
            "plot_every": by_hand["loss"]["epoch"][1] - by_hand["loss"]["epoch"][0],
            "six_rows": files.read_table("data/handmade.csv").round(4),
            "raw": report.side_by_side(predictions, "raw"),
            "probabilities": report.side_by_side(predictions, "probability"),
            "set_rows": report.set_rows(metrics["split"]),
            "reading_rows": report.reading_rows(metrics["handmade"]),
            "stops": report.STOPS,
            "stop_rows": report.stop_rows(metrics["curves"], metrics["split"]["test"]["rows"]),
            "early_stopping": {
                name: report.early_stopping(
                    metrics["curves"][model],
                    metrics["curves"]["held_out_rows"],
                    metrics["split"]["test"]["rows"],
                )
                for model, name in followed_names.items()
            },
            "score_table": report.score_table(metrics),
            "candidate_rows": report.candidate_rows(
                files.read_table("data/grid_search_results.csv")
            ),
            **comparison.section(
                metrics,
                pairs,
                files.read_table("data/compare_errors.csv"),
                files.read_table("plots/importance_coefficients.csv"),
                learning,
            ),
        }
    )
    files.write_text("report/report.md", page)
    agreeing = sum(agreement.agrees for agreement in agreements)
    stages.say(
        f"{agreeing} of {len(agreements)} numbers of the notebook agree, and "
        f"{sum(same for same, _ in heads.values())} of {sum(total for _, total in heads.values())} "
        "cells of its printed tables (report/report.md, plots/*.svg)"
    )


if __name__ == "__main__":
    stages.run(main)
