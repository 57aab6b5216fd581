"""The report's sections on the course notebook: its numbers and claims, compared with this run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd

from winenet.report import sentences
from winenet.report.markdown import Metrics, Row, format_tiny
from winenet.text import count


class NotebookCheck(NamedTuple):
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


class Claims(NamedTuple):
    """The claims of the notebook, in its order."""

    both_predict_correctly: Claim
    first_predictions: Claim
    parameters_differ: Claim
    accuracy_is_not_continuous: Claim
    more_epochs_overfit: Claim
    logistic_is_a_network: Claim
    tuning_changed_little: Claim


class CellAgreement(NamedTuple):
    """The number of cells of a printed table that agree with this run, and of all cells."""

    agreeing: int
    total: int


@dataclass(frozen=True)
class NotebookSection:
    """The comparison of the run with the course notebook.

    Parameters
    ----------
    agreements : list of NotebookCheck
        The numbers that the notebook prints, each beside this run's.
    train_head, test_head : CellAgreement
        The printed first rows of both normalised tables.
    claims : Claims
        What the notebook says, tested on this run.
    readings, two_outputs : mapping
        By epoch, the network from scratch, and the network of the exercise with two outputs.
    plot_every : int
        Epochs between two points of the loss curve.
    six_rows : DataFrame
        The rows of the network from scratch.
    raw, probabilities : DataFrame
        The predictions of both models, a column per epoch.
    reading_rows : list of Row
        The readings as rows of a table.
    """

    agreements: list[NotebookCheck]
    train_head: CellAgreement
    test_head: CellAgreement
    claims: Claims
    readings: Mapping[int, Any]
    two_outputs: Mapping[int, Any]
    plot_every: int
    six_rows: pd.DataFrame
    raw: pd.DataFrame
    probabilities: pd.DataFrame
    reading_rows: list[Row]

    @property
    def agreeing(self) -> int:
        """Return how many of the numbers agree."""
        return sum(item.agrees for item in self.agreements)

    @property
    def all_agree(self) -> bool:
        """Return whether all numbers agree."""
        return self.agreeing == len(self.agreements)

    @property
    def agreement_rows(self) -> list[Row]:
        """Return the agreements as rows of a table."""
        return agreement_rows(self.agreements)

    @property
    def cells(self) -> CellAgreement:
        """Return the agreement of both printed tables together."""
        return CellAgreement(
            self.train_head.agreeing + self.test_head.agreeing,
            self.train_head.total + self.test_head.total,
        )


def notebook_checks(printed: pd.DataFrame, metrics: Metrics) -> list[NotebookCheck]:
    """Compare the numbers that the notebook prints with this run, to the digits it prints.

    printed: quantity (a dotted key of the metrics), value, digits, source.
    """
    result = []
    for row in printed.to_dict("records"):
        digits, value, quantity = int(row["digits"]), float(row["value"]), str(row["quantity"])
        here = _quantity(quantity, metrics)
        agrees = here is not None and abs(here - value) <= 0.5 * 10**-digits * (1 + 1e-9)
        here_text = "none" if here is None else f"{here:.{digits}f}"
        result.append(
            NotebookCheck(quantity, str(row["source"]), f"{value:.{digits}f}", here_text, agrees)
        )
    return result


def agreement_rows(agreements: Sequence[NotebookCheck]) -> list[Row]:
    """Return one row per number: quantity, source, notebook, this run, whether they agree."""
    return [
        (
            f"`{item.quantity}`",
            item.source,
            item.notebook,
            item.here,
            "yes" if item.agrees else "NO",
        )
        for item in agreements
    ]


def _quantity(key: str, metrics: Metrics) -> float | None:
    """Return the metric behind a key of the golden table; None if this run does not have it.

    A winner with one hidden layer, for instance, does not have a size of the second.
    """
    if key.endswith(".accuracy_percent"):
        share = _quantity(key.removesuffix("_percent"), metrics)
        return None if share is None else 100 * share
    value: Any = metrics
    for step in key.split("."):
        # A metric writes the sizes (50, 25) as "50-25".
        inner = dict(enumerate(value.split("-"))) if isinstance(value, str) else value
        value = inner.get(int(step) if isinstance(value, str) else step)
        if value is None:
            return None
    return float(value)


def table_head_agreement(printed: pd.DataFrame, table: pd.DataFrame) -> CellAgreement:
    """Count the cells of a printed head, and those that agree with this run's table.

    printed: row, feature, value, digits. table: (rows, features), normalised.
    """
    half_a_unit = 0.5 * 10.0 ** -printed["digits"] * (1 + 1e-9)
    here = [
        table.loc[row, feature] if feature in table and row in table.index else float("nan")
        for row, feature in zip(printed["row"], printed["feature"], strict=True)
    ]
    agreeing = int(((printed["value"] - here).abs() <= half_a_unit).sum())
    return CellAgreement(agreeing, len(printed))


def snapshots_by_epoch(by_epoch: Metrics) -> dict[int, Any]:
    """Return {500: ..., 1000: ...} of {"epochs_500": ..., "epochs_1000": ...}, in order."""
    prefix = "epochs_"
    read = {
        int(key.removeprefix(prefix)): value
        for key, value in by_epoch.items()
        if key.removeprefix(prefix).isdecimal()
    }
    return dict(sorted(read.items()))


def claims(handmade: Metrics, tuned: Mapping[str, Any]) -> Claims:
    """Test each claim of the notebook on this run's numbers.

    handmade: what the stage handmade measured. tuned: of the compared pairs, the line of the
    untuned and the tuned network.
    """
    return Claims(
        _both_predict_correctly(handmade["seeds"]),
        _first_predictions(handmade["seeds"]["first_pass"]),
        _parameters_differ(handmade),
        _accuracy_is_not_continuous(handmade["one_weight"]),
        _more_epochs_overfit(handmade["early_stopping"], handmade["seeds"]),
        _logistic_is_a_network(handmade["logistic"]["as_network"]),
        _tuning_changed_little(tuned),
    )


def _both_predict_correctly(seeds: Metrics) -> Claim:
    by_epoch = snapshots_by_epoch(seeds)
    shares = ", ".join(
        f"{item['network_all_correct']:.0%} after {epochs:,}" for epochs, item in by_epoch.items()
    )
    network = all(item["network_all_correct"] == 1 for item in by_epoch.values())
    return Claim(
        "“In either case if we use 0.50 as the cut-off both models predict correctly.”",
        f"Over {seeds['seeds']} seeds the logistic regression predicts all six rows correctly in "
        f"{seeds['logistic_all_correct']:.0%} of the cases, the network in {shares} epochs.",
        "holds" if network and seeds["logistic_all_correct"] == 1 else "does not hold in general",
    )


def _first_predictions(first: Metrics) -> Claim:
    constant = first["share_of_ones"] in (0, 1)
    return Claim(
        "“The first time around the predictions are as good as coin tosses.”",
        f"Weights and inputs are positive, so {first['share_of_ones']:.0%} of the first "
        f"predictions are 1, with probabilities from {first['probability_min']:.2f} to "
        f"{first['probability_max']:.2f}. The accuracy, {first['accuracy']:.2f}, is that of a coin "
        "toss only because half of the labels are 1.",
        "does not hold" if constant else "holds in part",
    )


def _parameters_differ(handmade: Metrics) -> Claim:
    with_l2 = handmade["logistic"]["coef"]["X1"]
    coarse, fine = (
        handmade["logistic_without_penalty"][tol]["coef"]["X1"] for tol in ("tol_1e-4", "tol_1e-8")
    )
    grown = [
        f"{at['weights']['X1']:.2f}" for at in snapshots_by_epoch(handmade["network"]).values()
    ]
    return Claim(
        "“The parameters don't necessarily look similar. There can be a lot of reasons.”",
        "One reason explains most of it: scikit-learn adds an L2 penalty. With it the weight of X1 "
        f"is {with_l2:.2f}; without it {coarse:.1f}, and {fine:.1f} at a finer tolerance, since "
        "separable rows have no optimal weights. The network has no penalty, and its "
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
        f"{accuracy['different_values']} values, and its largest step is still "
        f"{accuracy[finer]:.3f} with ten times as many points; that of the loss falls from "
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
        f"On held-out rows the loss is lowest at epoch {best['epochs']:,} "
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
        f"by at most {format_tiny(difference)}; there its gradient, with the L2 term, is at most "
        f"{format_tiny(gradient)} (scikit-learn stops below {format_tiny(same['tol'])}).",
        "holds" if difference < 1e-12 and gradient <= same["tol"] else "does not hold",
    )


def _tuning_changed_little(tuned: Mapping[str, Any]) -> Claim:
    further = int(tuned["errors_second"] - tuned["errors_first"])
    chance = not sentences.is_significant(tuned)
    return Claim(
        "“This result is only a minor change from the initial model's accuracy, showing that the "
        "default parameters were already quite effective.”",
        f"The tuned network makes {sentences.further_errors(further)} "
        f"({tuned['errors_second']} against {tuned['errors_first']}). "
        f"Only the tuned network gets {count(tuned['only_second'], 'row')} wrong, "
        f"only the untuned one {tuned['only_first']} (exact McNemar test, "
        f"corrected for the number of pairs: {sentences.format_p_value(tuned['p_value'])}), so "
        f"this test set {'cannot' if chance else 'can'} distinguish them. "
        "And (100, 50) is not the default: scikit-learn's is one hidden layer of 100.",
        "the change is minor, but the reason given is wrong" if chance else "does not hold",
    )


def reading_rows(handmade: Metrics) -> list[Row]:
    """Return one row per snapshot of the network: epochs, loss, bias, weights, rows right."""
    return [
        (
            f"{epochs:,}",
            *(f"{value:.4f}" for value in (at["loss"], at["bias"], *at["weights"].values())),
            f"{at['accuracy'] * handmade['rows']:.0f} of {handmade['rows']}",
        )
        for epochs, at in snapshots_by_epoch(handmade["network"]).items()
    ]


def predictions_wide(predictions: pd.DataFrame, value: str) -> pd.DataFrame:
    """Return both models' predictions by row: row, y, logistic, and a column per snapshot.

    predictions: row, y, model, epochs, raw, probability, predicted. value: "raw" or "probability".
    """
    named = predictions.assign(
        column=[
            "logistic" if model == "logistic" else f"{epochs:,} epochs"
            for model, epochs in zip(predictions["model"], predictions["epochs"], strict=True)
        ],
        cell=predictions[value].map("{:.4f}".format),
    )
    wide = named.pivot(index=["row", "y"], columns="column", values="cell")
    return wide[list(dict.fromkeys(named["column"]))].reset_index()
