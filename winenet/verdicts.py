"""Says in plain sentences what a comparison means. Numbers come in, words go out."""

import re
from collections.abc import Mapping
from typing import Any

Numbers = Mapping[str, Any]
Names = Mapping[str, str]
MARKS = re.compile(
    r"""[!"#$&'*:;<=>?@\[\\\]^`{|}~]|\b_|_\b"""
)  # what may mean something in Markdown
ALPHA = 0.05  # a smaller p-value counts as a difference


def p_value(p: float) -> str:
    """Return a p-value with two significant digits, and a tiny one as a bound."""
    if p < 0.001:
        return "p < 0.001"
    return f"p = {p:.2g}" if p < 0.995 else "p = 1"


def differ(one: Numbers) -> bool:
    """Tell whether two compared models count as different."""
    return bool(one["p_value"] < ALPHA)


def pair(one: Numbers, names: Names) -> str:
    """Say which of two models makes more errors, and whether that means anything.

    one: a line of `compare.pairs`.
    """
    first, second = one["first"], one["second"]
    further = one["errors_second"] - one["errors_first"]
    counts = {
        "first": (one["errors_first"], one["only_first"]),
        "second": (one["errors_second"], one["only_second"]),
    }
    worse, better = ("second", "first") if further >= 0 else ("first", "second")
    name = {"first": names[first], "second": names[second]}
    verdict = "different" if differ(one) else "not distinguishable"
    if further == 0:
        says = (
            f"The {name['first']} and the {name['second']} make {counts['first'][0]} errors each "
            f"on {one['number']:,} rows"
        )
    else:
        says = (
            f"The {name[worse]} makes {abs(further)} more error{'s' if abs(further) > 1 else ''} "
            f"on {one['number']:,} rows than the {name[better]} "
            f"({counts[worse][0]} against {counts[better][0]})"
        )
    return (
        f"{says}; {counts[worse][1]} row{'s' if counts[worse][1] != 1 else ''} only the first "
        f"named gets wrong, {counts[better][1]} only the other; {p_value(one['p_value'])}, "
        f"{verdict}."
    )


def copies(scored: Numbers, seen: int, unseen: int, names: Names) -> str:
    """Say what the copies are worth: each model's errors on seen and on unseen test rows."""
    if not seen:
        return "No test row has a copy in training, so every accuracy is one on unseen rows."
    if not unseen:
        return "Every test row has a copy in training, so no accuracy tells of unseen rows."
    parts = [
        f"{names[model]} {one['errors'] - one['errors_unseen']} and {one['errors_unseen']}"
        for model, one in scored.items()
    ]
    shares = [
        (one["errors"] - one["errors_unseen"]) / seen < one["errors_unseen"] / unseen
        for one in scored.values()
    ]
    easier = sum(shares)
    return (
        f"Errors on the {seen:,} seen and the {unseen:,} unseen rows: {', '.join(parts)}. "
        f"{easier} of {len(shares)} models make relatively fewer errors on rows that they have "
        "seen; `split.duplicates` keeps copies out of the test altogether (`drop`, `group`)."
    )


def seeds(spread: Numbers, runs: int, name: str) -> str:
    """Say how a network's accuracy varies with its seed, and where its own run stands in that."""
    accuracy, own = spread["accuracy"], spread["own"]
    better, equal, worse = own["runs_better"], own["runs_equal"], own["runs_worse"]
    if better == runs or worse == runs:
        place = f"outside of them all, {'below' if better == runs else 'above'}"
    else:
        place = f"{worse} runs below it, {equal} equal, {better} above"
    return (
        f"The {name} has {accuracy['mean']:.4f} on average over {runs} seeds, sd "
        f"{accuracy['sd']:.4f}, from {accuracy['min']:.4f} to {accuracy['max']:.4f}. The run with "
        f"the seed of params.yaml has {own['accuracy']:.4f}: {place}."
    )


def choice(found: Numbers, untuned: Numbers, spread: Numbers, names: Names) -> list[str]:
    """Say how well founded the search's choice is.

    found: metrics of the search. untuned: of the pairs, the one with the untuned network. spread:
    metrics of the seeds.
    """
    chosen, gap = found["choice"], found["test_minus_cv_accuracy"]
    edges = [name for name, on_edge in chosen["on_edge"].items() if on_edge]
    where = (
        f"On the edge of the grid: {' and '.join(f'`{name}`' for name in edges)}. The best value "
        "may lie outside of it, so a wider grid is worth a try."
        if edges
        else "The chosen values lie inside the grid, not on its edge."
    )
    close, smallest = (
        chosen["within_one_standard_error"],
        chosen["smallest_within_one_standard_error"],
    )
    own = f"{found['best_hidden_layer_sizes']} at {found['best_learning_rate_init']:g}"
    simplest = "which is the winner itself" if smallest == own else "so the simpler choice"
    further = untuned["further_errors"]
    beats = differ(untuned) and further < 0
    means = [spread[model]["accuracy"]["mean"] for model in ("grid_search", "notebook")]
    return [
        f"The winner scores {found['cv_accuracy']:.4f} in cross-validation and "
        f"{found['accuracy']:.4f} on the test rows, {abs(gap):.4f} "
        f"{'less' if gap < 0 else 'more'}; the best of {found['candidates']} candidates is chosen "
        "by the former, which flatters it.",
        where,
        f"{close} of {found['candidates']} candidates are within one standard error "
        f"({chosen['standard_error']:.4f}) of the best, so the folds cannot tell them apart; the "
        f"smallest of them is {smallest}, {simplest}.",
        f"It {'beats' if beats else 'does not beat'} the untuned {names['notebook']}: "
        f"{_errors(further)} on the same rows ({p_value(untuned['p_value'])}); over "
        f"{spread['runs']} seeds each, {means[0]:.4f} against {means[1]:.4f} on average.",
        _out_of_fold(found["out_of_fold"]),
    ]


def _out_of_fold(found: Numbers) -> str:
    errors = f"Out of fold it gets {found['errors']} training rows wrong"
    if not found["rows_seen"]:
        return f"{errors}; no row has a copy in another fold."
    rest = found["accuracy_unseen"]
    others = "" if rest is None else f", and on the others its accuracy is {rest:.4f}"
    return f"{errors}; {found['rows_seen']:,} rows have a copy in another fold{others}."


def _errors(further: int) -> str:
    if further == 0:
        return "as many errors"
    return f"{abs(further)} {'more' if further > 0 else 'fewer'} error{'s' * (abs(further) > 1)}"


def literal(name: object) -> str:
    """Return a name so that Markdown shows it as it stands: no link, no HTML, no end of a cell."""
    return MARKS.sub(lambda found: f"&#{ord(found[0])};", str(name))


def code(name: str) -> str:
    """Return a name as code, or literally when it holds what could end the code."""
    return literal(name) if MARKS.search(name) else f"`{name}`"


def left_out(feature: str, by_model: Numbers, names: Names) -> str:
    """Say what the models lose without a feature."""
    parts = [
        f"{names[model]} {_errors(one['further_errors'])} ({p_value(one['p_value'])})"
        for model, one in by_model.items()
    ]
    lost = [names[model] for model, one in by_model.items() if differ(one)]
    verdict = (
        f"It matters to {', '.join(lost)}." if lost else "This test set shows no model to need it."
    )
    return f"Trained without {code(feature)}: {', '.join(parts)}. {verdict}"


def more_rows(last: Numbers, names: Names) -> str:
    """Say whether more rows would help, from what the last step of the learning curve brought."""
    lucks = ("over_seeds", "over_rows")
    gaining = [
        model
        for model, one in last["models"].items()
        if all(one[luck]["low"] > 0 for luck in lucks)
    ]
    parts = [
        f"{names[model]} {one['gain']:+.4f} ("
        + "; ".join(f"{one[luck]['low']:+.4f} to {one[luck]['high']:+.4f}" for luck in lucks)
        + ")"
        for model, one in last["models"].items()
    ]
    if len(gaining) == len(last["models"]):
        verdict = "All models still gain, so more rows would probably help."
    elif gaining:
        verdict = (
            f"Still gaining: {', '.join(names[model] for model in gaining)}; for the others these "
            "test rows cannot show that more would help."
        )
    else:
        verdict = "No gain is larger than chance could make it: these test rows cannot show that "
        verdict += "more rows would help."
    where = (
        "test rows without a copy in training"
        if last["score"] == "accuracy_unseen"
        else ("all test rows")
    )
    return (
        f"From {last['rows_before']:,} to {last['rows']:,} training rows the accuracy on {where} "
        f"changes by: {', '.join(parts)}. {verdict}"
    )
