"""Sets a run beside the notebook, tests the notebook's claims on it, and writes the page.

Every verdict is computed from the run's own numbers, so it changes when they do.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from winenet import confusion, verdicts
from winenet.words import Words, capital

TEMPLATES = Path(__file__).parent / "templates"
Metrics = Mapping[str, Any]
Row = tuple[object, ...]
SCORES = (
    "model",
    "accuracy",
    "balanced accuracy",
    "F1",
    "ROC AUC",
    "log loss",
    "errors",
    "epochs",
)

STOPS = (
    *("network", "stopped at", "epoch"),
    *("training loss", "held-out loss", "test loss"),
    *("training accuracy", "held-out accuracy", "test accuracy", "test errors"),
)
SET_CLASSES = 6  # with more, the table of the sets has no column a class
CONFUSIONS = 5  # of a model that are named


class Agreement(NamedTuple):
    """One number of the notebook beside this run's."""

    quantity: str
    source: str
    notebook: str
    here: str
    agrees: bool


class Claim(NamedTuple):
    """A sentence of the notebook, what was measured about it, and whether it holds."""

    says: str
    measured: str
    verdict: str


def agreements(printed: pd.DataFrame, metrics: Metrics) -> list[Agreement]:
    """Compare the numbers that the notebook prints with this run, to the digits it prints.

    printed: quantity (a dotted key of the metrics), value, digits, source.
    """
    found = []
    for row in printed.to_dict("records"):
        digits, value, quantity = int(row["digits"]), float(row["value"]), str(row["quantity"])
        here = _quantity(quantity, metrics)
        agrees = here is not None and abs(here - value) <= 0.5 * 10**-digits * (1 + 1e-9)
        shown = "none" if here is None else f"{here:.{digits}f}"
        found.append(Agreement(quantity, str(row["source"]), f"{value:.{digits}f}", shown, agrees))
    return found


def agreement_rows(agreements: Sequence[Agreement]) -> list[Row]:
    """Return a row a number: quantity, source, notebook, this run, whether they agree."""
    return [
        (f"`{one.quantity}`", one.source, one.notebook, one.here, "yes" if one.agrees else "NO")
        for one in agreements
    ]


def _quantity(key: str, metrics: Metrics) -> float | None:
    """Return the metric behind a key of the golden table; None when this run has no such number.

    A winner with one hidden layer, for instance, has no size of the second.
    """
    if key.endswith(".accuracy_percent"):
        share = _quantity(key.removesuffix("_percent"), metrics)
        return None if share is None else 100 * share
    value: Any = metrics
    for step in key.split("."):
        # "50-25" is how a metric says (50, 25).
        inner = dict(enumerate(value.split("-"))) if isinstance(value, str) else value
        value = inner.get(int(step) if isinstance(value, str) else step)
        if value is None:
            return None
    return float(value)


def head_agreement(printed: pd.DataFrame, table: pd.DataFrame) -> tuple[int, int]:
    """Count the cells of a printed head that this run's table repeats, and all of them.

    printed: row, feature, value, digits. table: (rows, features), normalised.
    """
    half_a_unit = 0.5 * 10.0 ** -printed["digits"] * (1 + 1e-9)
    here = [
        table.loc[row, feature] if feature in table and row in table.index else float("nan")
        for row, feature in zip(printed["row"], printed["feature"], strict=True)
    ]
    return int(((printed["value"] - here).abs() <= half_a_unit).sum()), len(printed)


def model_names(metrics: Metrics) -> dict[str, str]:
    """Return how each model is called on the page."""
    mlp, found = metrics["mlp"], metrics["grid_search"]
    return {
        "logistic": "logistic regression",
        "notebook": f"network {mlp['notebook']['hidden_layer_sizes']}",
        "one_hidden_layer": f"network {mlp['one_hidden_layer']['hidden_layer_sizes']}",
        "grid_search": f"tuned network {found['best_hidden_layer_sizes']}",
        "hist_gradient_boosting": "boosted trees",
        "majority_class": "majority class",
    }


def model_scores(metrics: Metrics) -> dict[str, Any]:
    """Return the scores by model, in the order of the notebook."""
    return {
        "logistic": metrics["logistic"],
        "notebook": metrics["mlp"]["notebook"],
        "one_hidden_layer": metrics["mlp"]["one_hidden_layer"],
        "grid_search": metrics["grid_search"],
    }


def followed_networks(curves: Metrics) -> dict[str, str]:
    """Return how each network is called whose training the stage curves followed."""
    return {
        model: f"network {found['hidden_layer_sizes']}"
        for model, found in curves.items()
        if isinstance(found, Mapping)
    }


def readings(by_epoch: Metrics) -> dict[int, Any]:
    """Return {500: ..., 1000: ...} of {"epochs_500": ..., "epochs_1000": ...}, in order."""
    prefix = "epochs_"
    read = {
        int(key.removeprefix(prefix)): value
        for key, value in by_epoch.items()
        if key.removeprefix(prefix).isdecimal()
    }
    return dict(sorted(read.items()))


def claims(handmade: Metrics, tuned: Mapping[str, Any]) -> list[Claim]:
    """Test each claim of the notebook on this run's numbers.

    handmade: what the stage handmade measured. tuned: of the compared pairs, the line of the
    untuned and the tuned network.
    """
    return [
        _both_predict_correctly(handmade["seeds"]),
        _first_predictions(handmade["seeds"]["first_pass"]),
        _parameters_differ(handmade),
        _accuracy_is_not_continuous(handmade["one_weight"]),
        _more_epochs_overfit(handmade["early_stopping"], handmade["seeds"]),
        _logistic_is_a_network(handmade["logistic"]["as_network"]),
        _tuning_changed_little(tuned),
    ]


def _both_predict_correctly(seeds: Metrics) -> Claim:
    by_epoch = readings(seeds)
    shares = ", ".join(
        f"{one['network_all_correct']:.0%} after {epochs:,}" for epochs, one in by_epoch.items()
    )
    network = all(one["network_all_correct"] == 1 for one in by_epoch.values())
    return Claim(
        "“In either case if we use 0.50 as the cut-off both models predict correctly.”",
        f"Over {seeds['seeds']} seeds the logistic regression has all six rows right in "
        f"{seeds['logistic_all_correct']:.0%} of the cases; the network in {shares} epochs.",
        "holds" if network and seeds["logistic_all_correct"] == 1 else "does not hold in general",
    )


def _first_predictions(first: Metrics) -> Claim:
    constant = first["share_of_ones"] in (0, 1)
    return Claim(
        "“The first time around the predictions are as good as coin tosses.”",
        f"Weights and inputs are positive, so {first['share_of_ones']:.0%} of the first "
        f"predictions are 1, with probabilities from {first['probability_min']:.2f} to "
        f"{first['probability_max']:.2f}. The accuracy, {first['accuracy']:.2f}, is a coin's "
        "only because half of the labels are 1.",
        "does not hold" if constant else "holds in part",
    )


def _parameters_differ(handmade: Metrics) -> Claim:
    with_l2 = handmade["logistic"]["coef"]["X1"]
    coarse, fine = (
        handmade["logistic_without_penalty"][tol]["coef"]["X1"] for tol in ("tol_1e-4", "tol_1e-8")
    )
    grown = [f"{at['weights']['X1']:.2f}" for at in readings(handmade["network"]).values()]
    return Claim(
        "“The parameters don't necessarily look similar. There can be a lot of reasons.”",
        "One reason explains most of it: scikit-learn adds an L2 penalty. With it the weight of X1 "
        f"is {with_l2:.2f}; without it {coarse:.1f}, and {fine:.1f} at a finer tolerance, since "
        "rows that can be separated have no best weights. The network has no penalty, and its "
        f"weight grows with the epochs: {', '.join(grown)}.",
        "holds" if fine > with_l2 else "does not hold",
    )


def _accuracy_is_not_continuous(along: Metrics) -> Claim:
    accuracy, loss = along["accuracy"], along["loss"]
    finer = "max_step_on_a_grid_ten_times_as_fine"
    jumps = accuracy[finer] >= accuracy["max_step"] > 0
    return Claim(
        "“Accuracy, precision or recall are not continuous functions of our weights and biases” "
        "(and the loss is).",
        f"Along one weight, {along['points']} points: the accuracy takes "
        f"{accuracy['different_values']} values, and its largest step stays at "
        f"{accuracy[finer]:.3f} when the points are ten times as dense; the loss's falls from "
        f"{loss['max_step']:.4f} to {loss[finer]:.4f}.",
        "holds" if jumps and loss[finer] < loss["max_step"] else "does not hold",
    )


def _more_epochs_overfit(stopping: Metrics, seeds: Metrics) -> Claim:
    best, last = stopping["best"], stopping["last"]
    rises, tried = seeds["early_stopping"]["sets_in"], seeds["seeds"]
    verdict = {0: "not seen in this run", tried: "holds"}.get(rises, "depends on the rows")
    return Claim(
        "“If we let training continue indefinitely, eventually we will reach a point where we "
        "begin over-fitting.”",
        f"On held-out rows the loss is least at epoch {best['epochs']:,} "
        f"({best['held_out_loss']:.4f}) and {last['held_out_loss']:.4f} at epoch "
        f"{last['epochs']:,}. It rises again within the run for {rises} of {tried} seeds.",
        verdict,
    )


def _logistic_is_a_network(same: Metrics) -> Claim:
    difference, gradient = (
        same["max_difference_forward_predict_proba"],
        same["max_gradient_of_loss_and_penalty"],
    )
    return Claim(
        "“A logistic regression model is a neural network with no hidden layer.”",
        "The network's forward pass with scikit-learn's coefficients differs from `predict_proba` "
        f"by at most {_small(difference)}; there its gradient, with the L2 term, is at most "
        f"{_small(gradient)} (scikit-learn stops below {_small(same['tol'])}).",
        "holds" if difference < 1e-12 and gradient <= same["tol"] else "does not hold",
    )


def _tuning_changed_little(tuned: Mapping[str, Any]) -> Claim:
    further = int(tuned["errors_second"] - tuned["errors_first"])
    chance = not verdicts.differ(tuned)
    return Claim(
        "“This result is only a minor change from the initial model's accuracy, showing that the "
        "default parameters were already quite effective.”",
        f"The tuned network makes {verdicts.further_errors(further)} "
        f"({tuned['errors_second']} against {tuned['errors_first']}). "
        f"{verdicts.many(tuned['only_second'], 'row')} only it gets wrong, {tuned['only_first']} "
        "only the untuned one (exact McNemar test, "
        f"corrected for the number of pairs: {verdicts.p_value(tuned['p_value'])}), so this test "
        f"set {'cannot' if chance else 'can'} tell them apart. "
        "And (100, 50) is not the default: scikit-learn's is one hidden layer of 100.",
        "“minor change” holds, the reason given does not" if chance else "does not hold",
    )


def score_rows(metrics: Metrics) -> list[Row]:
    """Return a row a model, its columns as SCORES names them; errors are of the test rows."""
    names = model_names(metrics)
    keys = ("accuracy", "balanced_accuracy", "f1", "roc_auc", "log_loss")
    return [
        (
            names[model],
            *(f"{score[key]:.4f}" for key in keys),
            confusion.errors(score),
            score.get("epochs", "-"),
        )
        for model, score in model_scores(metrics).items()
    ]


def stopped_at(words: Words) -> dict[str, str]:
    """Return by name in metrics/curves.json what the epochs are at which a training might stop."""
    return {
        "best": "the lowest held-out loss",
        "notebook_stop": f"{words.rule} stop",
        "last": "the last epoch",
    }


def class_columns(words: Words) -> list[int]:
    """Return the codes of the classes that have a column of the sets' table; none of too many."""
    if not words.several:
        return [1, 0]
    codes = range(len(words.classes))
    return list(codes) if len(codes) <= SET_CLASSES else []


def rarest_and_commonest(counts: Mapping[str, int]) -> tuple[int, int]:
    """Return the code of the least and of the most frequent class. counts: rows by code."""
    codes = sorted(map(int, counts), key=lambda code: (counts[str(code)], code))
    return codes[0], codes[-1]


def set_table(split: Metrics, words: Words) -> tuple[list[str], list[Row]]:
    """Return header and a row a set: name, rows, and of them those of each class.

    Of more than SET_CLASSES classes the least and the most frequent are named.
    """
    columns, names = class_columns(words), [verdicts.literal(name) for name in words.classes]
    rows: list[Row] = []
    for name, part in (("training", split["train"]), ("test", split["test"])):
        counts = part["classes"]
        if columns:
            told = [f"{counts[str(code)]:,}" for code in columns]
        else:
            told = [
                f"{names[code]} ({counts[str(code)]:,})" for code in rarest_and_commonest(counts)
            ]
        rows.append((name, f"{part['rows']:,}", *told))
    own = [names[code] for code in columns] or ["least frequent", "most frequent"]
    return ["set", "rows", *own], rows


def confusions(matrix: Any, words: Words) -> list[str]:
    """Return the most frequent errors in words: "o taken for d: 12 of 140".

    matrix: as the metrics have it. The number after "of" is that of the class's test rows.
    """
    counts, names = confusion.counts(matrix), words.classes
    wrong = [
        (-counts[actual, predicted], actual, predicted)
        for actual in range(len(names))
        for predicted in range(len(names))
        if actual != predicted and counts[actual, predicted]
    ]
    return [
        f"{verdicts.literal(names[actual])} taken for {verdicts.literal(names[predicted])}: "
        f"{-count:,} of {counts[actual].sum():,}"
        for count, actual, predicted in sorted(wrong)[:CONFUSIONS]
    ]


def confusion_sentences(metrics: Metrics, words: Words) -> list[str]:
    """Return a sentence a model on what it takes for what; none with two classes."""
    if not words.several:
        return []
    names = model_names(metrics)
    return [
        f"**{capital(names[model])}.** "
        f"{'; '.join(confusions(score['confusion_matrix'], words)) or 'No error'}."
        for model, score in model_scores(metrics).items()
    ]


def reading_rows(handmade: Metrics) -> list[Row]:
    """Return a row a reading of the network by hand: epochs, loss, bias, weights, rows right."""
    return [
        (
            f"{epochs:,}",
            *(f"{value:.4f}" for value in (at["loss"], at["bias"], *at["weights"].values())),
            f"{at['accuracy'] * handmade['rows']:.0f} of {handmade['rows']}",
        )
        for epochs, at in readings(handmade["network"]).items()
    ]


def stop_rows(curves: Metrics, test_rows: int, words: Words) -> list[Row]:
    """Return a row a network and stop, its columns as STOPS names them; errors of the test rows."""
    values = (
        *("training_loss", "held_out_loss", "test_loss"),
        *("training_accuracy", "held_out_accuracy", "test_accuracy"),
    )
    return [
        (
            name,
            at,
            curves[model][stop]["epoch"],
            *(f"{curves[model][stop][value]:.4f}" for value in values),
            _errors(curves[model][stop]["test_accuracy"], test_rows),
        )
        for model, name in followed_networks(curves).items()
        for stop, at in stopped_at(words).items()
    ]


def early_stopping(found: Metrics, held_out_rows: int, test_rows: int, words: Words) -> str:
    """Say whether a network's held-out loss rises again, whether accuracy follows, what it costs.

    found: what the stage curves measured of one network.
    """
    return " ".join(
        [
            _loss_rises(found["best"], found["last"]),
            *_accuracy_follows(found["best"], found["last"], held_out_rows),
            _worth_of_stopping(found, test_rows, words.rule),
        ]
    )


def _loss_rises(best: Metrics, last: Metrics) -> str:
    least = f"The held-out loss is lowest at epoch {best['epoch']:,} ({best['held_out_loss']:.4f})"
    if best["epoch"] == last["epoch"]:
        return f"{least}, the last one: within this run it does not rise again."
    more = last["held_out_loss"] / best["held_out_loss"] - 1
    return (
        f"{least} and rises again, to {last['held_out_loss']:.4f} at epoch {last['epoch']:,}, "
        f"{more:.0%} more; the training loss goes from {best['training_loss']:.4f} to "
        f"{last['training_loss']:.4f}."
    )


def _accuracy_follows(best: Metrics, last: Metrics, rows: int) -> list[str]:
    """Set the held-out errors beside the held-out loss, when that has risen at all."""
    if best["epoch"] == last["epoch"]:
        return []
    before, after = (_errors(at["held_out_accuracy"], rows) for at in (best, last))
    counted = f"{before} of {rows:,} held-out rows are wrong at its lowest, {after} at the end"
    if after > before:
        return [f"The accuracy falls meanwhile: {counted}."]
    share_before, share_after = (
        at["held_out_loss_of_errors"] / at["held_out_loss"] for at in (best, last)
    )
    return [
        f"The accuracy does not fall meanwhile: {counted}. The loss also counts how sure the "
        f"network is of what it gets wrong, and these rows make {share_before:.0%} of it at its "
        f"lowest, {share_after:.0%} at the end."
    ]


def _worth_of_stopping(found: Metrics, rows: int, rule: str) -> str:
    best, stop, last = (
        _errors(found[at]["test_accuracy"], rows) for at in ("best", "notebook_stop", "last")
    )
    epoch = found["notebook_stop"]["epoch"]
    if epoch == found["last"]["epoch"]:
        others = f"{stop} at the last epoch, before which {rule} rule does not stop"
    else:
        others = f"{stop} at {rule} stop, epoch {epoch:,}, and {last} at the last epoch"
    if not verdicts.differ(found):
        verdict = "these rows cannot tell the first two apart"
    else:
        verdict = (
            "on this cut, stopping at the lowest held-out loss would have "
            f"{'cost' if best > stop else 'gained'} accuracy"
        )
    return (
        f"Of {rows:,} test rows {best} are wrong at the lowest held-out loss, {others}: {verdict} "
        f"(exact McNemar test of the first two: p = {found['p_value']:.2g})."
    )


def _errors(accuracy: float, rows: int) -> int:
    return round((1 - accuracy) * rows)


def side_by_side(predictions: pd.DataFrame, value: str) -> pd.DataFrame:
    """Return both models' predictions by row: row, y, logistic, and a column a reading.

    predictions: row, y, model, epochs, raw, probability, predicted. value: "raw" or "probability".
    """
    named = predictions.assign(
        column=[
            "logistic" if model == "logistic" else f"{epochs:,} epochs"
            for model, epochs in zip(predictions["model"], predictions["epochs"], strict=True)
        ],
        shown=predictions[value].map("{:.4f}".format),
    )
    wide = named.pivot(index=["row", "y"], columns="column", values="shown")
    return wide[list(dict.fromkeys(named["column"]))].reset_index()


def candidate_rows(candidates: pd.DataFrame) -> list[Row]:
    """Return a row a candidate, the best first: rank, name, mean, sd, folds' scores, epochs."""
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


def markdown(header: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table; what would break it, or start HTML, is written harmlessly."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(_cell(value) for value in line)} |" for line in lines)


def score_table(metrics: Metrics) -> str:
    """Return the models' scores as a Markdown table."""
    return markdown(SCORES, score_rows(metrics))


def page(content: Mapping[str, Any]) -> str:
    """Return the report as Markdown. content: what the template names; nothing may be missing."""
    # The page is Markdown; `markdown` takes care of what stands in cells.
    own = environment(autoescape=False)
    own.globals["table"] = markdown
    own.filters |= {"small": _small, "code": verdicts.code, "literal": verdicts.literal}
    return own.get_template("report.md.jinja").render(content)


def environment(*, autoescape: bool) -> Environment:
    """Return what both pages' templates are read by; a name that is missing is an error."""
    own = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=autoescape,
    )
    own.filters["capital"] = capital
    return own


def _cell(value: object) -> str:
    # What verdicts.literal wrote stays as it is.
    text = re.sub(r"&(?!#\d+;)", "&amp;", str(value)).replace("<", "&lt;").replace("|", "\\|")
    return " ".join(text.split())


def _small(value: float) -> str:
    """Return a tiny difference as a power of ten, and none at all as 0."""
    return f"{value:.0e}" if value else "0"
