"""The report's section on uncertainty: tables and sentences.

They show the results of the stages seeds, importance, learning_curve and compare.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from winenet.report import markdown, model_tables, sentences
from winenet.report.markdown import Metrics, Row, Table
from winenet.report.model_styles import constant_models, sort_models
from winenet.report.terms import Terms

# Titles by score with an interval, before and after the column of the seeds.
COMPARED = {"accuracy": "accuracy", "accuracy_unseen": "accuracy, unseen rows"}
COMPARED_AFTER_SEEDS = {"roc_auc": "ROC AUC", "log_loss": "log loss"}
SEEDS = (
    *("network", "mean", "sd", "least", "largest", "mean, unseen rows", "seed of params.yaml"),
    "runs worse / equal / better",
)
WRONG = 20  # rows that all models get wrong, at most
NOT_FEATURES = ("row", "in_training", "wrong_models", "wrong")  # columns beside the raw values
HEAVIEST = 3  # features shown per class, with more than two classes


@dataclass(frozen=True)
class ComparisonSection:
    """The content of the section on uncertainty, in both pages.

    Parameters
    ----------
    alpha : float
        The level below which two models count as different.
    choice : SelectionSentences
        How reliable the choice of the search is.
    compared_table : str
        All models with their intervals, in Markdown.
    compared : mapping
        By model, its scores with intervals, in the order of every table.
    compared_scores : mapping
        The scores that the page shows of them, by key with their titles.
    pairs, changed_verdicts : list of str
        One sentence per pair of models; those of the pairs that differ on unseen rows alone.
    duplicate_rows : str
        The errors on rows with and without a duplicate in the training set.
    seeds : Table
        The spread of each network over the seeds.
    seed_sentences : mapping
        By network, the same in a sentence.
    coefficient_rows : list of Row
        The coefficients of the logistic regression.
    left_out : list of str
        One sentence per feature without which the models were trained.
    more_rows : str
        Whether more training rows would help.
    at_max_iter : int
        The trainings of the learning curve that reached max_iter.
    misclassified : Table
        The test rows that all models get wrong, WRONG at most.
    misclassified_lines : list of int
        Their lines in data/compare_errors.csv.
    label_column : str
        The column of the label in that file.
    feature_columns : list of str
        The columns of the features in that file.
    """

    alpha: float
    choice: sentences.SelectionSentences
    compared_table: str
    compared: Mapping[str, Any]
    compared_scores: Mapping[str, str]
    pairs: list[str]
    changed_verdicts: list[str]
    duplicate_rows: str
    seeds: Table
    seed_sentences: Mapping[str, str]
    coefficient_rows: list[Row]
    left_out: list[str]
    more_rows: str
    at_max_iter: int
    misclassified: Table
    misclassified_lines: list[int]
    label_column: str
    feature_columns: list[str]


def section(
    metrics: Metrics,
    pairs: pd.DataFrame,
    errors: pd.DataFrame,
    coefficients: pd.DataFrame,
    learning: pd.DataFrame,
    terms: Terms,
) -> ComparisonSection:
    """Return the content of the section.

    pairs, errors, coefficients, learning: the tables that the stages wrote.
    """
    names, compared = model_tables.model_names(metrics), metrics["compare"]
    runs, unseen = metrics["seeds"]["runs"], compared["test_rows_unseen"]
    constant, reference = constant_models(compared["models"]), compared["reference"]
    # Models that are constant do not count, so "all" is the largest number, if any row has it.
    everyone = int(errors["wrong_models"].max()) if compared["wrong_in_all_models"] else 0
    header, rows = misclassified_table(errors, everyone, terms.labels)
    common = np.flatnonzero(errors["wrong_models"] == everyone).tolist()
    *columns, label_column = map(str, errors)
    return ComparisonSection(
        alpha=sentences.ALPHA,
        choice=sentences.selection_sentences(
            metrics["grid_search"],
            compared["pairs"][reference]["grid_search"],
            metrics["seeds"],
            names,
            reference,
        ),
        compared_table=compared_table(metrics),
        pairs=pair_sentences(pairs, names),
        changed_verdicts=changed_conclusions(pairs, names),
        duplicate_rows=sentences.duplicates_sentence(
            {
                model: item
                for model, item in sort_models(compared["models"], metrics).items()
                if model not in constant
            },
            compared["test_rows"] - unseen,
            unseen,
            names,
        ),
        seeds=Table(SEEDS, seed_rows(metrics, names)),
        seed_sentences={
            network: sentences.seeds(spread, runs, names[network])
            for network, spread in by_network(metrics["seeds"], metrics)
        },
        coefficient_rows=class_coefficient_rows(coefficients, terms)
        if terms.multiclass
        else coefficient_rows(coefficients),
        left_out=[
            sentences.left_out(feature, sort_models(by_model, metrics), names)
            for feature, by_model in metrics["importance"]["without"].items()
        ],
        more_rows=sentences.more_rows(
            metrics["learning_curve"]
            | {"models": sort_models(metrics["learning_curve"]["models"], metrics)},
            names,
        ),
        at_max_iter=int(learning["at_max_iter"].sum()),
        compared=sort_models(compared["models"], metrics),
        compared_scores=model_tables.rare_scores_first(COMPARED, metrics),
        misclassified=Table(header, rows[:WRONG]),
        misclassified_lines=common[:WRONG],
        label_column=label_column,
        feature_columns=[name for name in columns if name not in NOT_FEATURES],
    )


def by_network(seeds: Metrics, metrics: Metrics) -> Iterator[tuple[str, Any]]:
    """Return each network with its spread over the seeds."""
    networks = {name: spread for name, spread in seeds.items() if isinstance(spread, Mapping)}
    return iter(sort_models(networks, metrics).items())


def tuned_vs_untuned(pairs: pd.DataFrame, reference: str) -> dict[str, Any]:
    """Return the pair of the untuned network (reference) and the tuned one, on all test rows."""
    chosen = (
        (pairs["rows"] == "all")
        & (pairs["first"] == reference)
        & (pairs["second"] == "grid_search")
    )
    return {str(name): value for name, value in pairs[chosen].iloc[0].items()}


def compared_table(metrics: Metrics) -> str:
    """Return all models with their intervals as a Markdown table."""
    names = model_tables.model_names(metrics)
    compared = model_tables.rare_scores_first(COMPARED, metrics)
    rows = [
        (
            names[model],
            *(_with_interval(item[score]) for score in compared),
            f"{item['seeds']['mean']:.4f} ± {item['seeds']['sd']:.4f}" if "seeds" in item else "-",
            *(_with_interval(item[score]) for score in COMPARED_AFTER_SEEDS),
            item["errors"],
        )
        for model, item in sort_models(metrics["compare"]["models"], metrics).items()
    ]
    of_accuracy = "accuracy " if model_tables.has_rare_class(metrics) else ""
    header = (
        *("model", *compared.values(), f"{of_accuracy}over seeds, mean ± sd"),
        *(*COMPARED_AFTER_SEEDS.values(), "errors"),
    )
    return markdown.markdown_table(header, rows)


def _with_interval(score: Mapping[str, float] | None) -> str:
    if score is None:
        return "-"
    return f"{score['value']:.4f} ({score['low']:.4f} to {score['high']:.4f})"


def pair_sentences(pairs: pd.DataFrame, names: Mapping[str, str]) -> list[str]:
    """Return one sentence per pair of models, on all test rows."""
    chosen = pairs[pairs["rows"] == "all"]
    return [sentences.pair(item, names) for item in _records(chosen)]


def changed_conclusions(pairs: pd.DataFrame, names: Mapping[str, str]) -> list[str]:
    """Return a sentence for each pair whose conclusion differs on the unseen test rows."""
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


def seed_rows(metrics: Metrics, names: Mapping[str, str]) -> list[Row]:
    """Return one row per network, its columns as SEEDS names them."""
    return [
        (
            names[network],
            *(f"{spread['accuracy'][value]:.4f}" for value in ("mean", "sd", "min", "max")),
            f"{spread['accuracy_unseen']['mean']:.4f}" if "accuracy_unseen" in spread else "-",
            f"{spread['own']['accuracy']:.4f}",
            " / ".join(str(spread["own"][f"runs_{are}"]) for are in ("worse", "equal", "better")),
        )
        for network, spread in by_network(metrics["seeds"], metrics)
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
    """Return by class the lines of its largest coefficients.

    coefficients: class, feature, coefficient, the largest of each class first.
    """
    return {
        int(str(code)): of_class.index[:HEAVIEST].tolist()
        for code, of_class in coefficients.groupby("class", sort=False)
    }


def class_coefficient_rows(coefficients: pd.DataFrame, terms: Terms) -> list[Row]:
    """Return one row per class: its name, and its features with the largest coefficients."""
    return [
        (
            sentences.escape_markdown(terms.classes[code]),
            ", ".join(
                f"{sentences.escape_markdown(coefficients['feature'][line])} "
                f"{coefficients['coefficient'][line]:+.2f}"
                for line in lines
            ),
        )
        for code, lines in top_coefficients(coefficients).items()
    ]


def misclassified_table(errors: pd.DataFrame, models: int, labels: Sequence[str] = ()) -> Table:
    """Return the test rows that all models get wrong, with their raw values.

    errors: as the stage compare wrote them, the label's code last. models: how many there are, the
    constant one aside. labels: by code, what to show in its place.
    """
    common = errors[errors["wrong_models"] == models].drop(columns=["wrong_models", "wrong"])
    cells = common.assign(in_training=common["in_training"].map({True: "yes", False: "no"}))
    if labels:
        text = dict(enumerate(map(sentences.escape_markdown, labels)))
        cells[cells.columns[-1]] = cells.iloc[:, -1].map(text)
    for name in cells.columns[1:-1]:
        if not pd.api.types.is_numeric_dtype(cells[name]):
            cells[name] = cells[name].map(sentences.escape_markdown, na_action="ignore")
        if cells[name].isna().any():
            cells[name] = cells[name].astype(object).where(cells[name].notna(), "-")
    return Table(
        [sentences.escape_markdown(name) for name in cells],
        [tuple(row) for row in cells.itertuples(index=False)],
    )
