"""The report's section on what the numbers are worth: tables and sentences.

They come from what the stages seeds, importance, learning_curve and compare have found.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from winenet.report import markdown, model_tables, sentences
from winenet.report.markdown import Metrics, Row
from winenet.report.model_styles import MAJORITY_CLASS, sort_models
from winenet.report.terms import Terms

COMPARED = (
    *("model", "accuracy", "accuracy, unseen rows", "over seeds, mean ± sd"),
    *("ROC AUC", "log loss", "errors"),
)
SEEDS = (
    *("network", "mean", "sd", "least", "largest", "mean, unseen rows", "seed of params.yaml"),
    "runs worse / equal / better",
)
WRONG = 20  # rows that all models get wrong, of those that are shown
HEAVIEST = 3  # features of a class that are shown, where there are several classes


def context(
    metrics: Metrics,
    pairs: pd.DataFrame,
    errors: pd.DataFrame,
    coefficients: pd.DataFrame,
    learning: pd.DataFrame,
    words: Terms,
) -> dict[str, Any]:
    """Return what the page's template names in this section.

    pairs, errors, coefficients, learning: the tables that the stages wrote.
    """
    names, compared = model_tables.model_names(metrics), metrics["compare"]
    runs, unseen = metrics["seeds"]["runs"], compared["test_rows_unseen"]
    header, rows = misclassified_table(errors, len(compared["models"]) - 1, words.labels)
    common = np.flatnonzero(errors["wrong_models"] == len(compared["models"]) - 1).tolist()
    return {
        "alpha": sentences.ALPHA,
        "choice": sentences.selection_sentences(
            metrics["grid_search"],
            compared["pairs"]["notebook"]["grid_search"],
            metrics["seeds"],
            names,
        ),
        "compared_table": compared_table(metrics),
        "pairs": pair_sentences(pairs, names),
        "changed_verdicts": changed_conclusions(pairs, names),
        "duplicate_rows": sentences.duplicates_sentence(
            {
                model: item
                for model, item in sort_models(compared["models"]).items()
                if model != MAJORITY_CLASS
            },
            compared["test_rows"] - unseen,
            unseen,
            names,
        ),
        "seeds": SEEDS,
        "seed_rows": seed_rows(metrics["seeds"], names),
        "seed_sentences": [
            sentences.seeds(spread, runs, names[network])
            for network, spread in by_network(metrics["seeds"])
        ],
        "coefficient_rows": class_coefficient_rows(coefficients, words)
        if words.several
        else coefficient_rows(coefficients),
        "left_out": [
            sentences.left_out(feature, sort_models(by_model), names)
            for feature, by_model in metrics["importance"]["without"].items()
        ],
        "more_rows": sentences.more_rows(
            metrics["learning_curve"]
            | {"models": sort_models(metrics["learning_curve"]["models"])},
            names,
        ),
        "at_max_iter": learning["at_max_iter"].sum(),
        "compared": sort_models(compared["models"]),
        "wrong": common[:WRONG],
        "wrong_columns": [name for name in errors if name not in ("wrong_models", "wrong")],
        "wrong_header": header,
        "wrong_rows": rows[:WRONG],
    }


def by_network(seeds: Metrics) -> Iterator[tuple[str, Any]]:
    """Return each network with its spread over the seeds."""
    networks = {name: spread for name, spread in seeds.items() if isinstance(spread, Mapping)}
    return iter(sort_models(networks).items())


def tuned_vs_untuned(pairs: pd.DataFrame) -> dict[str, Any]:
    """Return of the pairs on all test rows the untuned and the tuned network."""
    chosen = (
        (pairs["rows"] == "all")
        & (pairs["first"] == "notebook")
        & (pairs["second"] == "grid_search")
    )
    return {str(name): value for name, value in pairs[chosen].iloc[0].items()}


def compared_table(metrics: Metrics) -> str:
    """Return all models with their intervals as a Markdown table."""
    names = model_tables.model_names(metrics)
    rows = [
        (
            names[model],
            *(_with_interval(item[score]) for score in ("accuracy", "accuracy_unseen")),
            f"{item['seeds']['mean']:.4f} ± {item['seeds']['sd']:.4f}" if "seeds" in item else "-",
            *(_with_interval(item[score]) for score in ("roc_auc", "log_loss")),
            item["errors"],
        )
        for model, item in sort_models(metrics["compare"]["models"]).items()
    ]
    return markdown.markdown_table(COMPARED, rows)


def _with_interval(score: Mapping[str, float] | None) -> str:
    if score is None:
        return "-"
    return f"{score['value']:.4f} ({score['low']:.4f} to {score['high']:.4f})"


def pair_sentences(pairs: pd.DataFrame, names: Mapping[str, str]) -> list[str]:
    """Return one sentence per pair of models, on all test rows."""
    chosen = pairs[pairs["rows"] == "all"]
    return [sentences.pair(item, names) for item in _records(chosen)]


def changed_conclusions(pairs: pd.DataFrame, names: Mapping[str, str]) -> list[str]:
    """Return a sentence for each pair whose verdict is another on the unseen test rows."""
    on_all = {
        (item["first"], item["second"]): item for item in _records(pairs[pairs["rows"] == "all"])
    }
    return [
        sentences.pair(item, names)
        for item in _records(pairs[pairs["rows"] == "unseen"])
        if sentences.is_significant(item)
        != sentences.is_significant(on_all[item["first"], item["second"]])
    ]


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in item.items()} for item in table.to_dict("records")]


def seed_rows(seeds: Metrics, names: Mapping[str, str]) -> list[Row]:
    """Return one row per network, its columns as SEEDS names them."""
    return [
        (
            names[network],
            *(f"{spread['accuracy'][value]:.4f}" for value in ("mean", "sd", "min", "max")),
            f"{spread['accuracy_unseen']['mean']:.4f}" if "accuracy_unseen" in spread else "-",
            f"{spread['own']['accuracy']:.4f}",
            " / ".join(str(spread["own"][f"runs_{are}"]) for are in ("worse", "equal", "better")),
        )
        for network, spread in by_network(seeds)
    ]


def coefficient_rows(coefficients: pd.DataFrame) -> list[Row]:
    """Return one row per feature: name, coefficient over its range, for one raw unit."""
    return [
        (
            sentences.escape_markdown(item["feature"]),
            f"{item['coefficient']:+.2f}",
            f"{item['per_unit']:+.4g}",
        )
        for item in _records(coefficients)
    ]


def top_coefficients(coefficients: pd.DataFrame) -> dict[int, list[int]]:
    """Return by class the lines of its heaviest features.

    coefficients: class, feature, coefficient, the heaviest of each class first.
    """
    return {
        int(str(code)): some.index[:HEAVIEST].tolist()
        for code, some in coefficients.groupby("class", sort=False)
    }


def class_coefficient_rows(coefficients: pd.DataFrame, words: Terms) -> list[Row]:
    """Return one row per class: its name, and its heaviest features with their coefficients."""
    return [
        (
            sentences.escape_markdown(words.classes[code]),
            ", ".join(
                f"{sentences.escape_markdown(coefficients['feature'][line])} "
                f"{coefficients['coefficient'][line]:+.2f}"
                for line in lines
            ),
        )
        for code, lines in top_coefficients(coefficients).items()
    ]


def misclassified_table(
    errors: pd.DataFrame, models: int, labels: Sequence[str] = ()
) -> tuple[list[str], list[Row]]:
    """Return header and rows of the test rows that all models get wrong, with their raw values.

    errors: as the stage compare wrote them, the label's code last. models: how many there are, the
    constant one aside. labels: by code, what to show in its place.
    """
    common = errors[errors["wrong_models"] == models].drop(columns=["wrong_models", "wrong"])
    shown = common.assign(in_training=common["in_training"].map({True: "yes", False: "no"}))
    if labels:
        text = dict(enumerate(map(sentences.escape_markdown, labels)))
        shown[shown.columns[-1]] = shown.iloc[:, -1].map(text)
    for name in shown.columns[1:-1]:
        if not pd.api.types.is_numeric_dtype(shown[name]):
            shown[name] = shown[name].map(sentences.escape_markdown, na_action="ignore")
        if shown[name].isna().any():
            shown[name] = shown[name].astype(object).where(shown[name].notna(), "-")
    return [sentences.escape_markdown(name) for name in shown], [
        tuple(row) for row in shown.itertuples(index=False)
    ]
