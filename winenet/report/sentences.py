"""Sentences of the report: what the numbers of a comparison mean."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from winenet.text import count, plural

Numbers = Mapping[str, Any]
Names = Mapping[str, str]
MARKDOWN_SPECIALS = re.compile(
    r"""[!"#$&'*:;<=>?@\[\\\]^`{|}~]|\b_|_\b"""
)  # characters with a meaning in Markdown
MAX_COLUMNS_LISTED = 20  # of the raw columns with gaps, left out, or of dates
# By kind of column: what is missing, and what becomes of a gap.
FILLED = (
    "A gap becomes the median of the training rows; if those have gaps in the column, a second "
    "input tells the model where."
)
GAPS = {
    "number": ("numbers", FILLED),
    "date": ("dates", FILLED),
    "category": (
        "categories",
        "A gap is a level of its own; if the training rows have none in the column, it is treated "
        "as an unknown level.",
    ),
}
DROPPED = {  # rows, by reason
    "unlabelled": "they have no label (`ingest.unlabelled`)",
    "rare_classes": "the class has too few rows (`ingest.rare_classes`)",
}
ALPHA = 0.05  # a p-value below it counts as a difference


def format_p_value(p: float) -> str:
    """Return a p-value with two significant digits, a tiny one as a bound.

    One that would be rounded up to ALPHA is a bound as well, since it counts as a difference.
    """
    if p < 0.001:
        return "p < 0.001"
    rounded = f"{p:.2g}"
    if p < ALPHA <= float(rounded):
        return f"p < {ALPHA:g}"
    return f"p = {rounded}"


def is_significant(result: Numbers) -> bool:
    """Return whether two compared models count as different."""
    return bool(result["p_value"] < ALPHA)


def further_errors(further: int) -> str:
    """Return how many more or fewer errors a second model makes than a first."""
    if further == 0:
        return "as many errors"
    return count(abs(further), f"{'more' if further > 0 else 'fewer'} error")


def pair(row: Numbers, names: Names) -> str:
    """Return which of two models makes more errors, and whether the difference is significant.

    row: a line of `compare.pairs`.
    """
    first, second = names[row["first"]], names[row["second"]]
    further = row["errors_second"] - row["errors_first"]
    only, only_other = row["only_first"], row["only_second"]
    if further == 0:
        says = (
            f"The {first} and the {second} made {count(row['errors_first'], 'error')} each on "
            f"{count(row['number'], 'row')}"
        )
    else:
        counts = [row["errors_first"], row["errors_second"]]
        if further > 0:
            first, second, only, only_other = second, first, only_other, only
            counts.reverse()
        says = (
            f"The {first} made {further_errors(abs(further))} on "
            f"{count(row['number'], 'row')} than the {second} ({counts[0]} against {counts[1]})"
        )
    return (
        f"{says}; only the former got {count(only, 'row')} wrong, only the latter "
        f"{only_other}; {format_p_value(row['p_value'])}, "
        f"{'different' if is_significant(row) else 'not distinguishable'}."
    )


def duplicates_sentence(scored: Numbers, seen: int, unseen: int, names: Names) -> str:
    """Return the errors on test rows with and without a duplicate in the training set."""
    if not seen:
        return (
            "No test row has a duplicate in the training set, so all accuracies are on unseen rows."
        )
    if not unseen:
        return (
            "All test rows have a duplicate in the training set, so no accuracy is on unseen rows."
        )
    parts = [
        f"{item['errors'] - item['errors_unseen']} and {item['errors_unseen']} for the "
        f"{names[model]}"
        for model, item in scored.items()
    ]
    shares = [
        (item["errors"] - item["errors_unseen"]) / seen < item["errors_unseen"] / unseen
        for item in scored.values()
    ]
    easier = sum(shares)
    return (
        f"Errors on test rows with a duplicate in the training set ({seen:,}) and on the others "
        f"({unseen:,}): "
        f"{', '.join(parts)}. "
        f"{easier} of {len(shares)} models make relatively fewer errors on the former. To keep "
        "duplicates out of the test set, set `split.duplicates` to `drop` or `group`."
    )


def seeds(spread: Numbers, runs: int, name: str) -> str:
    """Return how a network's accuracy varies with the seed, and the rank of the pipeline's run."""
    accuracy, own = spread["accuracy"], spread["own"]
    better, equal, worse = own["runs_better"], own["runs_equal"], own["runs_worse"]
    if better == runs or worse == runs:
        place = f"{'below' if better == runs else 'above'} all of them"
    else:
        place = f"{count(worse, 'run')} below it, {equal} equal, {better} above"
    return (
        f"The {name} has {accuracy['mean']:.4f} on average over {runs} seeds, sd "
        f"{accuracy['sd']:.4f}, from {accuracy['min']:.4f} to {accuracy['max']:.4f}. The run with "
        f"the seed of params.yaml has {own['accuracy']:.4f}: {place}."
    )


def split_claim(split: Numbers, rows: str) -> str:
    """Return which claim the test rows support, by the method of the split.

    split: metrics of the split. rows: what the table's rows are called.
    """
    if split["method"] == "group":
        column, groups = inline_code(split["column"]), split["groups"]
        return (
            f"No value of {column} is in both sets ({groups['train']:,} are in the training set, "
            f"{groups['test']:,} in the test set), nor in two folds of the search. So the scores "
            f"hold for {rows} with a new value of {column}; their intervals take the {rows} as "
            "independent and are too narrow if those with the same value are alike."
        )
    if split["method"] == "time":
        boundary = split["boundary"]
        last, first = (escape_markdown(boundary[name]) for name in ("last_training", "first_test"))
        return (
            f"The test set has the latest {rows} by {inline_code(split['column'])}: training ends "
            f"at {last}, the test begins at {first}. Each fold of the search is scored on later "
            f"{rows} than it trains on. So the scores hold for the time after {last}, as far as "
            "the test set reaches."
        )
    shares = " with the class shares of the table" if split["method"] == "stratified" else ""
    return (
        f"The test set was drawn at random{shares}. So the scores hold for new {rows} drawn as "
        "these were, not for new groups or a later time."
    )


class SelectionSentences(NamedTuple):
    """How reliable the search's choice is, one sentence per aspect."""

    scores: str
    grid_boundary: str
    close_candidates: str
    winner: str
    out_of_fold: str


def selection_sentences(
    search: Numbers, untuned: Numbers, spread: Numbers, names: Names, reference: str
) -> SelectionSentences:
    """Return how reliable the search's choice is.

    search: metrics of the search. untuned: of the pairs, the one with the untuned network. spread:
    metrics of the seeds. reference: the untuned network.
    """
    return SelectionSentences(
        scores=_scores_of_the_winner(search),
        grid_boundary=_on_edge(search["choice"]["on_edge"]),
        close_candidates=_close_candidates(search),
        winner=_against_untuned(untuned, spread, names[reference], reference),
        out_of_fold=_out_of_fold(search["out_of_fold"]),
    )


def _scores_of_the_winner(search: Numbers) -> str:
    gap, candidates = search["test_minus_cv_accuracy"], search["candidates"]
    gap_text = f"{abs(gap):.4f}"
    moved = "the same" if gap_text == "0.0000" else f"{gap_text} {'less' if gap < 0 else 'more'}"
    optimistic = (
        f"; the folds chose the best of {candidates} candidates, so the former is optimistic"
    )
    on_test, where = search["accuracy"], ""
    if "threshold" in search:  # the folds of the search predict at 0.5
        on_test, where = search["cv_accuracy"] + gap, "At a threshold of 0.5, "
    start = "the" if where else "The"
    return (
        f"{where}{start} winner's accuracy is {search['cv_accuracy']:.4f} in cross-validation and "
        f"{on_test:.4f} on the test rows, {moved}{optimistic if candidates > 1 else ''}."
    )


def _on_edge(on_edge: Mapping[str, bool]) -> str:
    edges = [f"`{name}`" for name, is_so in on_edge.items() if is_so]
    if not edges:
        return "No chosen value is the smallest or the largest of those that were tried."
    return (
        f"At the boundary of the grid: {' and '.join(edges)}. The best value may lie outside, so a "
        "wider grid may score higher."
    )


def _close_candidates(search: Numbers) -> str:
    chosen = search["choice"]
    candidates = chosen["trained_to_the_end"]
    close = chosen["within_one_standard_error"]
    error = f"one standard error ({chosen['standard_error']:.4f})"
    if candidates < search["candidates"]:
        return (
            f"{candidates} of {search['candidates']} candidates "
            f"{plural(candidates, 'was', 'were')} trained to the end; "
            "the scores of the others belong to fewer epochs."
        )
    if candidates == 1:
        return "The grid has only one candidate."
    if close == 1:
        return (
            f"No other of the {candidates} candidates is within {error} of the best, so the folds "
            "distinguish it."
        )
    smallest = chosen["smallest_within_one_standard_error"]
    own = search["best_candidate"]
    simplest = "which is the winner itself" if smallest == own else "which is the simpler choice"
    return (
        f"{close} of {candidates} candidates are within {error} of the best, so the folds cannot "
        f"distinguish them; the smallest of them is {smallest}, {simplest}."
    )


def _against_untuned(untuned: Numbers, spread: Numbers, name: str, reference: str) -> str:
    further = untuned["further_errors"]
    beats = is_significant(untuned) and further < 0
    means = [spread[model]["accuracy"]["mean"] for model in ("grid_search", reference)]
    return (
        f"It {'beats' if beats else 'does not beat'} the untuned {name}: "
        f"{further_errors(further)} on the same rows ({format_p_value(untuned['p_value'])}); over "
        f"{spread['runs']} seeds each, {means[0]:.4f} against {means[1]:.4f} on average."
    )


def _out_of_fold(kept: Numbers) -> str:
    accuracy, seen = kept["accuracy_unseen"], kept["rows_seen"]
    errors = f"Out of fold it misclassifies {count(kept['errors'], 'training row')}"
    if "rows" in kept:  # with method time no fold holds out the earliest rows
        errors = (
            f"Out of fold it misclassifies {kept['errors']:,} of the {kept['rows']:,} training "
            "rows that a fold holds out"
        )
    if not seen:
        return f"{errors}; no row has a duplicate in another fold."
    others = "" if accuracy is None else f", and on the others its accuracy is {accuracy:.4f}"
    return f"{errors}; {count(seen, 'row has', 'rows have')} a duplicate in another fold{others}."


def missing_values(missing: Mapping[str, Mapping[str, int]], rows: int) -> list[str]:
    """Return one sentence per kind of column: its gaps, and what becomes of them.

    Parameters
    ----------
    missing : mapping
        By kind ("number", "date", "category") and raw column, the gaps.
    rows : int
        Rows of the table.
    """
    return [
        f"Missing {noun}: {_listed_gaps(missing[kind], rows)}. {fate}"
        for kind, (noun, fate) in GAPS.items()
        if kind in missing
    ]


def _listed_gaps(gaps: Mapping[str, int], rows: int) -> str:
    """Return columns with their gaps, most gaps first."""
    by_size = sorted(gaps.items(), key=lambda item: -item[1])
    return _capped([f"{inline_code(name)} {gap:,} ({gap / rows:.1%})" for name, gap in by_size])


def _capped(parts: Sequence[str]) -> str:
    """Return parts with commas; of many, the first ones and how many more there are."""
    more = len(parts) - MAX_COLUMNS_LISTED
    return ", ".join(parts[:MAX_COLUMNS_LISTED]) + (f" and {more:,} more" if more > 0 else "")


def table_facts(ingest: Numbers) -> list[str]:
    """Return what became of the raw files: rows and columns left out, dates, missing values.

    Parameters
    ----------
    ingest : mapping
        The metrics of the stage ingest.

    Returns
    -------
    list of str
        Empty if every cell is in the table as it stands in the raw files.
    """
    facts = [
        f"{count(rows, 'row')} {plural(rows, 'is', 'are')} not in the table: {DROPPED[reason]}."
        for reason, rows in ingest.get("dropped_rows", {}).items()
    ]
    if "left_out" in ingest:
        names = _capped([inline_code(name) for name in ingest["left_out"]])
        facts.append(f"Raw columns left out (`ingest.drop_columns`): {names}.")
    if "dates" in ingest:
        taken = [
            f"{inline_code(name)} ({', '.join(map(inline_code, features))})"
            for name, features in ingest["dates"].items()
        ]
        facts.append(f"Dates were taken apart into numbers: {_capped(taken)}.")
    return [*facts, *missing_values(ingest.get("missing", {}), ingest["rows"])]


def leaks(ingest: Numbers) -> list[str]:
    """Return a warning for each feature that alone decides nearly all rows."""
    return [
        f"**Possible leak.** {inline_code(name)} alone decides {leak['share']:.1%} of the rows, by "
        f"{leak['by']}. If it is known only after the label, all scores are too good: move it to "
        "`ingest.drop_columns` in `params.yaml`."
        for name, leak in ingest.get("leaks", {}).items()
    ]


def escape_markdown(name: object) -> str:
    """Return a name escaped so that Markdown shows it literally."""
    return MARKDOWN_SPECIALS.sub(lambda match: f"&#{ord(match[0])};", str(name))


def inline_code(name: str) -> str:
    """Return a name as code, or escaped if it contains what could end the code."""
    return escape_markdown(name) if MARKDOWN_SPECIALS.search(name) else f"`{name}`"


def left_out(feature: str, by_model: Numbers, names: Names) -> str:
    """Return how many errors each model gains without a feature."""
    parts = [
        f"{further_errors(item['further_errors'])} for the {names[model]} "
        f"({format_p_value(item['p_value'])})"
        for model, item in by_model.items()
    ]
    apart = {
        model: item["further_errors"] for model, item in by_model.items() if is_significant(item)
    }
    worse = [names[model] for model, further in apart.items() if further > 0]
    better = [names[model] for model, further in apart.items() if further < 0]
    verdicts = [
        f"It matters to the {', the '.join(worse)}."
        if worse
        else "No model is significantly worse without it.",
        *([f"Better without it: the {', the '.join(better)}."] if better else []),
    ]
    return f"Trained without {inline_code(feature)}: {', '.join(parts)}. {' '.join(verdicts)}"


def more_rows(last: Numbers, names: Names) -> str:
    """Return whether more rows would help, from the last step of the learning curve."""
    lucks = ("over_seeds", "over_rows")
    gaining = [
        model
        for model, item in last["models"].items()
        if all(item[luck]["low"] > 0 for luck in lucks)
    ]
    parts = []
    for model, item in last["models"].items():
        bounds = "; ".join(
            f"{item[luck]['low']:+.4f} to {item[luck]['high']:+.4f}" for luck in lucks
        )
        parts.append(f"{item['gain']:+.4f} ({bounds}) for the {names[model]}")
    if len(gaining) == len(last["models"]):
        verdict = "All models still gain, so more rows would probably help."
    elif gaining:
        verdict = (
            f"Still gaining: the {', the '.join(names[model] for model in gaining)}; the gain of "
            "the others can be due to chance."
        )
    else:
        verdict = (
            "No model gains more than can be due to chance, so these test rows do not show that "
            "more rows would help."
        )
    where = (
        "test rows without a duplicate in the training set"
        if last["score"] == "accuracy_unseen"
        else "all test rows"
    )
    return (
        f"From {last['rows_before']:,} to {last['rows']:,} training rows the accuracy on {where} "
        f"changes by {', '.join(parts)}. {verdict}"
    )
