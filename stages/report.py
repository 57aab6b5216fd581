"""Stage report: compare this run with the notebook, draw the figures and write both pages."""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd

import stages
from winenet import files, params
from winenet.data import table_files
from winenet.report import (
    comparison_section,
    figures,
    markdown_report,
    model_styles,
    model_tables,
    notebook_section,
    page,
    plotting,
    sentences,
)
from winenet.report.markdown_report import ReportContent
from winenet.report.notebook_section import NotebookSection
from winenet.report.terms import Terms

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
ERRORS = "data/compare_errors.csv"  # which holds raw values
TABLES = (
    "data/reference/notebook.csv",
    "data/reference/train_head.csv",
    "data/reference/test_head.csv",
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
    "data/compare_pairs.csv",
    "plots/handmade_loss.csv",
    "plots/handmade_early_stopping.csv",
    "plots/handmade_one_weight.csv",
    "plots/handmade_two_outputs.csv",
    "plots/mlp_loss.csv",
    "plots/grid_search_loss.csv",
    "plots/grid_search_scores.csv",
    "plots/curves.csv",
    "plots/compare_accuracy.csv",
    "plots/compare_roc.csv",
    "plots/compare_precision_recall.csv",
    "plots/compare_calibration.csv",
    "plots/seeds_runs.csv",
    "plots/learning_curve.csv",
    "plots/importance_shuffled.csv",
    "plots/importance_coefficients.csv",
)
# Parts of the paths above that only the course notebook's half of the report needs.
NOTEBOOK = ("handmade", "reference/", "X_train", "X_test")
Tables = Mapping[str, pd.DataFrame]


def has_notebook() -> bool:
    """Return whether the course notebook's half is here; a folder for another table has none."""
    return find_spec("stages.handmade") is not None


def read(notebook: bool) -> tuple[dict[str, Any], dict[str, pd.DataFrame], Terms]:
    """Return the metrics by stage, the tables by path, and the terms of the table."""
    named = {name: path for name, path in METRICS.items() if notebook or name != "handmade"}
    schema = table_files.read_schema("data/schema.json")
    paths = [path for path in TABLES if notebook or not any(part in path for part in NOTEBOOK)]
    return (
        {name: files.read_metrics(path) for name, path in named.items()},
        {path: files.read_table(path) for path in paths}
        | {ERRORS: table_files.read_raw_table(ERRORS, schema.kinds)},
        Terms.from_schema(schema, notebook),
    )


def main() -> None:
    """Read what the other stages wrote and what the notebook printed; write figures and pages."""
    metrics, tables, own = read(has_notebook())

    for path, picture in drawn(tables, metrics, own).items():
        files.write_text(path, picture)
    inline = {}
    for kind, room in (("column", plotting.PAGE_WIDTH), ("phone", plotting.NARROW_WIDTH)):
        with plotting.page_style(room):
            pictured = drawn(tables, metrics, own)
        inline[kind] = {Path(path).stem: svg for path, svg in pictured.items()}

    shared = content(tables, metrics, own)
    files.write_text("report/report.md", markdown_report.render(shared))
    sources = {METRICS[name]: measured for name, measured in metrics.items()} | tables
    html = page.render(sources, inline, shared, page.page_content(tables, metrics, own))
    files.write_text("report/index.html", html)
    notebook = shared.notebook
    if notebook is None:
        stages.log("wrote report/index.html, report/report.md and plots/*.svg")
        return
    stages.log(
        f"{notebook.agreeing} of {len(notebook.agreements)} numbers of the notebook agree, and "
        f"{notebook.cells.agreeing} of {notebook.cells.total} "
        "cells of its printed tables (report/index.html, report/report.md, plots/*.svg)"
    )


def drawn(tables: Tables, metrics: Mapping[str, Any], own: Terms) -> dict[str, str]:
    """Return by path each figure as SVG text."""
    styles = model_styles.styles(metrics)
    losses = model_tables.by_model(
        pd.concat([tables["plots/mlp_loss.csv"], tables["plots/grid_search_loss.csv"]])
    )
    followed = model_tables.by_model(tables["plots/curves.csv"])
    accuracies = tables["plots/compare_accuracy.csv"]
    constant = model_styles.constant_models(metrics["compare"]["models"])
    by_seed = {
        name: item["own"]["accuracy"]
        for name, item in comparison_section.by_network(metrics["seeds"], metrics)
    }
    return (_drawn_by_hand(tables) if own.notebook else {}) | {
        "plots/networks_loss.svg": figures.network_losses(losses, styles),
        "plots/curves.svg": figures.early_stopping(followed, metrics["curves"], styles, own.rule),
        "plots/grid_search_scores.svg": figures.grid_search_scores(
            tables["plots/grid_search_scores.csv"]
        ),
        "plots/grid_search_parameters.svg": figures.search_parameters(
            tables["data/grid_search_results.csv"]
        ),
        "plots/confusion.svg": figures.confusion_matrices(
            model_tables.model_scores(metrics), styles, own
        ),
        "plots/roc.svg": figures.roc_curves(tables["plots/compare_roc.csv"], styles),
        "plots/precision_recall.svg": figures.precision_recall(
            tables["plots/compare_precision_recall.csv"], styles
        ),
        "plots/calibration.svg": figures.calibration(
            tables["plots/compare_calibration.csv"], styles, own
        ),
        "plots/compare_accuracy.svg": figures.accuracies(
            accuracies[~accuracies["model"].isin(constant)], styles
        ),
        "plots/seeds.svg": figures.seeds(tables["plots/seeds_runs.csv"], by_seed, styles),
        "plots/learning_curve.svg": figures.learning_curve(
            tables["plots/learning_curve.csv"], styles, metrics["learning_curve"]["score"]
        ),
        "plots/importance.svg": figures.importance(tables["plots/importance_shuffled.csv"], styles),
    }


def _drawn_by_hand(tables: Tables) -> dict[str, str]:
    """Return by path each figure of the network by hand."""
    return {
        "plots/handmade_loss.svg": figures.handmade_loss(tables["plots/handmade_loss.csv"]),
        "plots/handmade_early_stopping.svg": figures.handmade_early_stopping(
            tables["plots/handmade_early_stopping.csv"]
        ),
        "plots/handmade_one_weight.svg": figures.handmade_one_weight(
            tables["plots/handmade_one_weight.csv"]
        ),
        "plots/handmade_two_outputs.svg": figures.handmade_two_outputs(
            tables["plots/handmade_two_outputs.csv"]
        ),
    }


def content(tables: Tables, metrics: Mapping[str, Any], own: Terms) -> ReportContent:
    """Return what the templates of both pages show."""
    test_rows = metrics["split"]["test"]["rows"]
    compared, scores = metrics["compare"]["models"], model_tables.model_scores(metrics)
    return ReportContent(
        terms=own,
        metrics=metrics,
        styles=model_styles.styles(metrics),
        names=model_tables.model_names(metrics),
        reference=metrics["compare"]["reference"],
        baselines=[
            name for name in model_styles.sort_models(compared, metrics) if name not in scores
        ],
        constant=model_styles.constant_models(compared),
        scores=scores,
        sets=model_tables.split_table(metrics["split"], own),
        split_claim=sentences.split_claim(metrics["split"], sentences.escape_markdown(own.rows)),
        extremes=model_tables.rarest_and_commonest(metrics["ingest"]["classes"]),
        table_facts=sentences.table_facts(metrics["ingest"]),
        leaks=sentences.leaks(metrics["ingest"]),
        confusions=model_tables.confusion_sentences(metrics, own),
        stops=model_tables.stop_table(metrics, test_rows, own),
        early_stopping={
            name: model_tables.early_stopping(
                metrics["curves"][model], metrics["curves"]["held_out_rows"], test_rows, own
            )
            for model, name in model_tables.traced_networks(metrics).items()
        },
        score_titles=model_tables.rare_scores_first(model_tables.SCORES, metrics),
        score_table=model_tables.score_table(metrics),
        class_cautions=[
            *model_tables.class_cautions(metrics, own),  # the page begins with the first of them
            *model_tables.threshold_sentences(metrics, own, params.load().threshold),
        ],
        candidate_rows=model_tables.candidate_rows(tables["data/grid_search_results.csv"]),
        comparison=comparison_section.section(
            metrics,
            tables["data/compare_pairs.csv"],
            tables[ERRORS],
            tables["plots/importance_coefficients.csv"],
            tables["plots/learning_curve.csv"],
            own,
        ),
        notebook=_notebook(tables, metrics) if own.notebook else None,
    )


def _notebook(tables: Tables, metrics: Mapping[str, Any]) -> NotebookSection:
    losses = tables["plots/handmade_loss.csv"]
    predictions = tables["data/handmade_predictions.csv"]
    return NotebookSection(
        agreements=notebook_section.notebook_checks(tables["data/reference/notebook.csv"], metrics),
        train_head=notebook_section.table_head_agreement(
            tables["data/reference/train_head.csv"], tables["data/X_train_normalized.csv"]
        ),
        test_head=notebook_section.table_head_agreement(
            tables["data/reference/test_head.csv"], tables["data/X_test_normalized.csv"]
        ),
        claims=notebook_section.claims(
            metrics["handmade"],
            comparison_section.tuned_vs_untuned(
                tables["data/compare_pairs.csv"], metrics["compare"]["reference"]
            ),
        ),
        readings=notebook_section.snapshots_by_epoch(metrics["handmade"]["network"]),
        two_outputs=notebook_section.snapshots_by_epoch(metrics["handmade"]["two_outputs"]),
        plot_every=int(losses["epoch"][1] - losses["epoch"][0]),
        six_rows=tables["data/handmade.csv"].round(4),
        raw=notebook_section.predictions_wide(predictions, "raw"),
        probabilities=notebook_section.predictions_wide(predictions, "probability"),
        reading_rows=notebook_section.reading_rows(metrics["handmade"]),
    )


if __name__ == "__main__":
    stages.run(main)
