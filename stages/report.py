"""Stage report: set this run beside the notebook, draw the pictures, and write both pages."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

import stages
from winenet import comparison, files, neuron, page, pictures, plotting, report

METRICS = {
    "ingest": "metrics/ingest.json",
    "split": "metrics/split.json",
    "handmade": "data/handmade_measured.json",
    "logistic": "metrics/logistic.json",
    "mlp": "metrics/mlp.json",
    "grid_search": "metrics/grid_search.json",
    "curves": "metrics/curves.json",
    "seeds": "metrics/seeds.json",
    "learning_curve": "metrics/learning_curve.json",
    "importance": "metrics/importance.json",
    "compare": "metrics/compare.json",
}
TABLES = (
    "tests/golden/notebook.csv",
    "tests/golden/train_head.csv",
    "tests/golden/test_head.csv",
    "data/X_train_normalized.csv",
    "data/X_test_normalized.csv",
    "data/handmade.csv",
    "data/handmade_held_out.csv",
    "data/handmade_path.csv",
    "data/handmade_predictions.csv",
    "data/logistic_predictions.csv",
    "data/mlp_predictions.csv",
    "data/grid_search_predictions.csv",
    "data/grid_search_results.csv",
    "data/compare_errors.csv",
    "data/compare_pairs.csv",
    "plots/handmade_loss.csv",
    "plots/handmade_early_stopping.csv",
    "plots/handmade_one_weight.csv",
    "plots/handmade_two_outputs.csv",
    "plots/mlp_loss.csv",
    "plots/mlp_loss_one_hidden_layer.csv",
    "plots/grid_search_loss.csv",
    "plots/grid_search_scores.csv",
    "plots/curves_notebook.csv",
    "plots/curves_one_hidden_layer.csv",
    "plots/compare_accuracy.csv",
    "plots/compare_roc.csv",
    "plots/compare_precision_recall.csv",
    "plots/compare_calibration.csv",
    "plots/seeds_runs.csv",
    "plots/learning_curve.csv",
    "plots/importance_shuffled.csv",
    "plots/importance_coefficients.csv",
)
Tables = Mapping[str, pd.DataFrame]


def main() -> None:
    """Read what the other stages wrote and what the notebook printed; write pictures and pages."""
    metrics = {name: files.read_metrics(path) for name, path in METRICS.items()}
    tables = {path: files.read_table(path) for path in TABLES}

    for path, picture in drawn(tables, metrics).items():
        files.write_text(path, picture)
    inline = {}
    for kind, room in (("column", plotting.COLUMN), ("phone", plotting.PHONE)):
        with plotting.for_page(room):
            inline[kind] = {Path(path).stem: svg for path, svg in drawn(tables, metrics).items()}

    told = content(tables, metrics)
    files.write_text("report/report.md", report.page(told))
    told |= page.section(tables, metrics)
    told["neuron"] = neuron.section(tables, metrics["handmade"])
    sources = {path: metrics[name] for name, path in METRICS.items()} | tables
    files.write_text("report/index.html", page.page(sources, inline, told))
    agreeing = sum(one.agrees for one in told["agreements"])
    heads = told["heads"].values()
    stages.say(
        f"{agreeing} of {len(told['agreements'])} numbers of the notebook agree, and "
        f"{sum(same for same, _ in heads)} of {sum(total for _, total in heads)} "
        "cells of its printed tables (report/index.html, report/report.md, plots/*.svg)"
    )


def drawn(tables: Tables, metrics: Mapping[str, Any]) -> dict[str, str]:
    """Return by path each picture as SVG text."""
    names = report.model_names(metrics)
    losses = {
        "notebook": tables["plots/mlp_loss.csv"],
        "one_hidden_layer": tables["plots/mlp_loss_one_hidden_layer.csv"],
        "grid_search": tables["plots/grid_search_loss.csv"],
    }
    followed = {
        "notebook": tables["plots/curves_notebook.csv"],
        "one_hidden_layer": tables["plots/curves_one_hidden_layer.csv"],
    }
    accuracies = tables["plots/compare_accuracy.csv"]
    own = {name: one["own"]["accuracy"] for name, one in comparison.by_network(metrics["seeds"])}
    return {
        "plots/handmade_loss.svg": pictures.handmade_loss(tables["plots/handmade_loss.csv"]),
        "plots/handmade_early_stopping.svg": pictures.handmade_early_stopping(
            tables["plots/handmade_early_stopping.csv"]
        ),
        "plots/handmade_one_weight.svg": pictures.handmade_one_weight(
            tables["plots/handmade_one_weight.csv"]
        ),
        "plots/handmade_two_outputs.svg": pictures.handmade_two_outputs(
            tables["plots/handmade_two_outputs.csv"]
        ),
        "plots/networks_loss.svg": pictures.network_losses(losses, names),
        "plots/curves.svg": pictures.early_stopping(
            followed, metrics["curves"], report.followed_networks(metrics["curves"])
        ),
        "plots/grid_search_scores.svg": pictures.grid_search_scores(
            tables["plots/grid_search_scores.csv"]
        ),
        "plots/confusion.svg": pictures.confusions(report.model_scores(metrics), names),
        "plots/roc.svg": pictures.rocs(tables["plots/compare_roc.csv"], names),
        "plots/precision_recall.svg": pictures.precision_recall(
            tables["plots/compare_precision_recall.csv"], names
        ),
        "plots/calibration.svg": pictures.calibration(
            tables["plots/compare_calibration.csv"], names
        ),
        "plots/compare_accuracy.svg": pictures.accuracies(
            accuracies[accuracies["model"] != comparison.CONSTANT], names
        ),
        "plots/seeds.svg": pictures.seeds(tables["plots/seeds_runs.csv"], own, names),
        "plots/learning_curve.svg": pictures.learning_curve(
            tables["plots/learning_curve.csv"], names, metrics["learning_curve"]["score"]
        ),
        "plots/importance.svg": pictures.importance(tables["plots/importance_shuffled.csv"], names),
    }


def content(tables: Tables, metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the templates of both pages name."""
    names, scores = report.model_names(metrics), report.model_scores(metrics)
    agreements = report.agreements(tables["tests/golden/notebook.csv"], metrics)
    pairs, losses = tables["data/compare_pairs.csv"], tables["plots/handmade_loss.csv"]
    predictions = tables["data/handmade_predictions.csv"]
    errors = tables["data/compare_errors.csv"]
    return {
        "metrics": metrics,
        "names": names,
        "scores": scores,
        "agreements": agreements,
        "agreement_rows": report.agreement_rows(agreements),
        "all_agree": all(one.agrees for one in agreements),
        "heads": {
            "train": report.head_agreement(
                tables["tests/golden/train_head.csv"], tables["data/X_train_normalized.csv"]
            ),
            "test": report.head_agreement(
                tables["tests/golden/test_head.csv"], tables["data/X_test_normalized.csv"]
            ),
        },
        "claims": report.claims(metrics["handmade"], comparison.tuned_pair(pairs)),
        "readings": report.readings(metrics["handmade"]["network"]),
        "two_outputs": report.readings(metrics["handmade"]["two_outputs"]),
        "plot_every": losses["epoch"][1] - losses["epoch"][0],
        "six_rows": tables["data/handmade.csv"].round(4),
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
            for model, name in report.followed_networks(metrics["curves"]).items()
        },
        "score_table": report.score_table(metrics),
        "candidate_rows": report.candidate_rows(tables["data/grid_search_results.csv"]),
        **comparison.section(
            metrics,
            pairs,
            errors,
            tables["plots/importance_coefficients.csv"],
            tables["plots/learning_curve.csv"],
        ),
    }


if __name__ == "__main__":
    stages.run(main)
