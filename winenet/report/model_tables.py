"""The report's tables of models, splits and candidates."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd

from winenet.evaluation import confusion
from winenet.report import sentences
from winenet.report.markdown import Metrics, Row, Table, markdown_table
from winenet.report.model_styles import sort_models, styles
from winenet.report.terms import Terms, capital

# Titles by score, in the order of the columns.
SCORES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "f1": "F1",
    "roc_auc": "ROC AUC",
    "log_loss": "log loss",
}
FIRST_IF_RARE = {
    "balanced_accuracy": "balanced accuracy",
    "average_precision": "average precision",
}

STOP_COLUMNS = (
    *("network", "stopped at", "epoch"),
    *("training loss", "held-out loss", "test loss"),
    *("training accuracy", "held-out accuracy", "test accuracy", "test errors"),
)
RARE = 0.1  # fraction of the rows below which a class is rare
MAX_CLASS_COLUMNS = 6  # with more, the table of the sets has no column per class
MAX_CONFUSIONS_SHOWN = 5  # per model


def model_names(metrics: Metrics) -> dict[str, str]:
    """Return the name of each model in the report."""
    return {model: style.name for model, style in styles(metrics).items()}


def by_model(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the rows of each model in a long table, without the column model."""
    return {
        str(model): rows.drop(columns="model").reset_index(drop=True)
        for model, rows in table.groupby("model", sort=False)
    }


def model_scores(metrics: Metrics) -> dict[str, Any]:
    """Return the scores by model, in the order of the notebook."""
    return {
        "logistic": metrics["logistic"],
        **sort_models(metrics["mlp"], metrics),
        "grid_search": metrics["grid_search"],
    }


def traced_networks(metrics: Metrics) -> dict[str, str]:
    """Return the name of each network whose training the stage curves recorded."""
    names = model_names(metrics)
    traced = [model for model, result in metrics["curves"].items() if isinstance(result, Mapping)]
    return {model: name for model, name in names.items() if model in traced}


def rarest_share(metrics: Metrics) -> float:
    """Return the fraction of all rows that are of the rarest class."""
    counts = metrics["ingest"]["classes"].values()
    return float(min(counts) / sum(counts))


def has_rare_class(metrics: Metrics) -> bool:
    """Return whether tables of models begin with the scores that a rare class asks for."""
    return rarest_share(metrics) < RARE


def rare_scores_first(scores: Mapping[str, str], metrics: Metrics) -> dict[str, str]:
    """Return the scores of a table of models, by key with their titles, in order.

    If a class is rare, balanced accuracy and average precision come first.

    Parameters
    ----------
    scores : mapping
        The scores of the table where no class is rare.
    metrics : mapping
        By stage; ingest is read.
    """
    first = FIRST_IF_RARE if has_rare_class(metrics) else {}
    return {**first, **scores}


def rare_class_note(metrics: Metrics, rarest: str = "of the rarest class") -> list[str]:
    """Return why balanced accuracy and average precision come first, if they do."""
    if not has_rare_class(metrics):
        return []
    share = rarest_share(metrics)
    return [
        f"Only {share:.1%} of the rows are {rarest}, so balanced accuracy and average precision "
        f"come first: a model that never predicts this class can still have an accuracy of "
        f"{1 - share:.4f}."
    ]


def score_rows(metrics: Metrics) -> list[Row]:
    """Return one row per model: name, scores, errors on the test rows, epochs."""
    names = model_names(metrics)
    return [
        (
            names[model],
            *(f"{score[key]:.4f}" for key in rare_scores_first(SCORES, metrics)),
            confusion.n_errors(score),
            score.get("epochs", "-"),
        )
        for model, score in model_scores(metrics).items()
    ]


def stopped_at(terms: Terms) -> dict[str, str]:
    """Return the name of each stop, an epoch at which a training could end."""
    return {
        "best": "the lowest held-out loss",
        "notebook_stop": f"{terms.rule} stop",
        "last": "the last epoch",
    }


def class_columns(terms: Terms) -> list[int]:
    """Return the codes of the classes with a column in the table of the sets; none if too many."""
    if not terms.multiclass:
        return [1, 0]
    codes = range(len(terms.classes))
    return list(codes) if len(codes) <= MAX_CLASS_COLUMNS else []


class ClassExtremes(NamedTuple):
    """The codes of the least and the most frequent class."""

    rarest: int
    commonest: int


def rarest_and_commonest(counts: Mapping[str, int]) -> ClassExtremes:
    """Return the codes of the least and the most frequent class. counts: rows by code."""
    codes = sorted(map(int, counts), key=lambda code: (counts[str(code)], code))
    return ClassExtremes(codes[0], codes[-1])


def split_table(split: Metrics, terms: Terms) -> Table:
    """Return one row per set: name, rows, and the rows of each class.

    With more than MAX_CLASS_COLUMNS classes, only the least and the most frequent are shown.
    """
    columns, names = (
        class_columns(terms),
        [sentences.escape_markdown(name) for name in terms.classes],
    )
    rows: list[Row] = []
    for name, part in (("training", split["train"]), ("test", split["test"])):
        counts = part["classes"]
        if columns:
            text = [f"{counts[str(code)]:,}" for code in columns]
        else:
            text = [
                f"{names[code]} ({counts[str(code)]:,})" for code in rarest_and_commonest(counts)
            ]
        rows.append((name, f"{part['rows']:,}", *text))
    own = [names[code] for code in columns] or ["least frequent", "most frequent"]
    return Table(["set", "rows", *own], rows)


def top_confusions(matrix: Any, terms: Terms) -> list[str]:
    """Return the most frequent errors, such as "o taken for d: 12 of 140".

    matrix: as the metrics have it. The number after "of" is that of the class's test rows.
    """
    counts, names = confusion.as_matrix(matrix), terms.classes
    wrong = [
        (-counts[actual, predicted], actual, predicted)
        for actual in range(len(names))
        for predicted in range(len(names))
        if actual != predicted and counts[actual, predicted]
    ]
    return [
        f"{sentences.escape_markdown(names[actual])} taken for "
        f"{sentences.escape_markdown(names[predicted])}: {-count:,} of {counts[actual].sum():,}"
        for count, actual, predicted in sorted(wrong)[:MAX_CONFUSIONS_SHOWN]
    ]


def confusion_sentences(metrics: Metrics, terms: Terms) -> list[str]:
    """Return one sentence per model with its most frequent errors; none with two classes."""
    if not terms.multiclass:
        return []
    names = model_names(metrics)
    return [
        f"**{capital(names[model])}.** "
        f"{'; '.join(top_confusions(score['confusion_matrix'], terms)) or 'No error'}."
        for model, score in model_scores(metrics).items()
    ]


def stop_table(metrics: Metrics, test_rows: int, terms: Terms) -> Table:
    """Return one row per network and stop: STOP_COLUMNS, with the errors on the test rows."""
    curves = metrics["curves"]
    values = (
        *("training_loss", "held_out_loss", "test_loss"),
        *("training_accuracy", "held_out_accuracy", "test_accuracy"),
    )
    rows: list[Row] = [
        (
            name,
            at,
            curves[model][stop]["epoch"],
            *(f"{curves[model][stop][value]:.4f}" for value in values),
            _errors(curves[model][stop]["test_accuracy"], test_rows),
        )
        for model, name in traced_networks(metrics).items()
        for stop, at in stopped_at(terms).items()
    ]
    return Table(STOP_COLUMNS, rows)


def early_stopping(traced: Metrics, held_out_rows: int, test_rows: int, terms: Terms) -> str:
    """Return whether the held-out loss rises again, and the effect on the accuracy.

    traced: what the stage curves measured for one network.
    """
    return " ".join(
        [
            _loss_rises(traced["best"], traced["last"]),
            *_accuracy_follows(traced["best"], traced["last"], held_out_rows),
            _worth_of_stopping(traced, test_rows, terms.rule),
        ]
    )


def _loss_rises(best: Metrics, last: Metrics) -> str:
    least = f"The held-out loss is lowest at epoch {best['epoch']:,} ({best['held_out_loss']:.4f})"
    if best["epoch"] == last["epoch"]:
        return f"{least}, the last epoch, so it does not rise again in this run."
    more = last["held_out_loss"] / best["held_out_loss"] - 1
    return (
        f"{least} and rises again, to {last['held_out_loss']:.4f} at epoch {last['epoch']:,}, "
        f"{more:.0%} more; the training loss falls from {best['training_loss']:.4f} to "
        f"{last['training_loss']:.4f}."
    )


def _accuracy_follows(best: Metrics, last: Metrics, rows: int) -> list[str]:
    """Compare the held-out errors with the held-out loss, if that has risen."""
    if best["epoch"] == last["epoch"]:
        return []
    before, after = (_errors(at["held_out_accuracy"], rows) for at in (best, last))
    counted = f"{before} of {rows:,} held-out rows are wrong at its minimum, {after} at the end"
    if after > before:
        return [f"The accuracy falls too: {counted}."]
    share_before, share_after = (
        at["held_out_loss_of_errors"] / at["held_out_loss"] for at in (best, last)
    )
    return [
        f"The accuracy does not fall: {counted}. The loss also depends on how confident "
        f"the network is: the misclassified rows account for {share_before:.0%} of it at its "
        f"minimum, {share_after:.0%} at the end."
    ]


def _worth_of_stopping(traced: Metrics, rows: int, rule: str) -> str:
    best, stop, last = (
        _errors(traced[at]["test_accuracy"], rows) for at in ("best", "notebook_stop", "last")
    )
    epoch = traced["notebook_stop"]["epoch"]
    if epoch == traced["last"]["epoch"]:
        others = f"{stop} at the last epoch, before which {rule} rule does not stop the training"
    else:
        others = f"{stop} at {rule} stop, epoch {epoch:,}, and {last} at the last epoch"
    if not sentences.is_significant(traced):
        verdict = "these rows cannot distinguish the first two"
    else:
        verdict = (
            "on this split, stopping at the lowest held-out loss would have "
            f"{'cost' if best > stop else 'gained'} accuracy"
        )
    return (
        f"Of {rows:,} test rows {best} are wrong at the lowest held-out loss, {others}: {verdict} "
        f"(exact McNemar test of the first two: p = {traced['p_value']:.2g})."
    )


def _errors(accuracy: float, rows: int) -> int:
    return round((1 - accuracy) * rows)


def class_cautions(metrics: Metrics, terms: Terms) -> list[str]:
    """Return a sentence if a class is rare, and one for each model that predicts one class only."""
    names, counts = model_names(metrics), metrics["ingest"]["classes"]
    codes = rarest_and_commonest(counts)
    cautions = rare_class_note(metrics, sentences.escape_markdown(terms.classes[codes.rarest]))
    for model, score in model_scores(metrics).items():
        predicted = confusion.as_matrix(score["confusion_matrix"]).sum(axis=0)
        if (predicted > 0).sum() == 1:
            only = sentences.escape_markdown(terms.classes[int(predicted.argmax())])
            cautions.append(
                f"The {names[model]} predicts {only} for every test row, so it distinguishes "
                "nothing. Class weights (`class_weight: balanced`) or another scoring can help."
            )
    return cautions


def threshold_sentences(metrics: Metrics, terms: Terms, setting: float | str) -> list[str]:
    """Return a sentence on the thresholds of the models, or none if they are all 0.5.

    setting: params.threshold.
    """
    names = model_names(metrics)
    own = [
        f"{score['threshold']:.4g} ({names[model]})"
        for model, score in sort_models(metrics["compare"]["models"], metrics).items()
        if "threshold" in score
    ]
    if not own:
        return []
    positive = sentences.escape_markdown(terms.positive)
    if not isinstance(setting, str):
        return [
            f"{capital(positive)} is predicted above a probability of {setting:.4g}, as "
            "`threshold` in `params.yaml` says, in place of 0.5. ROC AUC, log loss and calibration "
            "do not depend on it."
        ]
    score = "F1" if setting == "f1" else "balanced accuracy"
    return [
        f"{capital(positive)} is predicted above a probability of {', '.join(own)} in place of "
        f"0.5. Each of these thresholds has the highest {score} on the training rows, each row "
        "predicted by a model of the folds that was not trained on it; the test rows had no part. "
        "ROC AUC, log loss and calibration do not depend on it."
    ]


def searched(candidates: pd.DataFrame) -> list[str]:
    """Return the parameters that the search combined: the columns before the scores."""
    columns = list(map(str, candidates))
    return columns[columns.index("candidate") + 1 : columns.index("mean_test_score")]


def is_grid(candidates: pd.DataFrame) -> bool:
    """Return whether two parameters were searched and most pairs of their values were tried."""
    sizes = [candidates[name].nunique() for name in searched(candidates)]
    return len(sizes) == 2 and 2 * len(candidates) > math.prod(sizes)


def fold_columns(candidates: pd.DataFrame) -> list[str]:
    """Return the columns with the score of each fold."""
    return list(map(str, candidates.filter(regex=r"^split\d+_test_score$")))


def candidate_rows(candidates: pd.DataFrame) -> list[Row]:
    """Return one row per candidate, the best first: rank, name, mean, sd, folds' scores, epochs."""
    scores = candidates.filter(regex=r"^split\d+_test_score$")
    epochs = candidates.filter(regex=r"^split\d+_epochs$")
    return [
        (
            candidates["rank_test_score"][index],
            candidates["candidate"][index],
            *(f"{candidates[name][index]:.4f}" for name in ("mean_test_score", "std_test_score")),
            ", ".join(f"{score:.4f}" for score in scores.loc[index]),
            ", ".join(str(epoch) for epoch in epochs.loc[index]),
        )
        for index in candidates.sort_values("rank_test_score", kind="stable").index
    ]


def score_table(metrics: Metrics) -> str:
    """Return the models' scores as a Markdown table."""
    titles = rare_scores_first(SCORES, metrics).values()
    return markdown_table(("model", *titles, "errors", "epochs"), score_rows(metrics))
