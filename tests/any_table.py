"""What the stages before the report write of any table, with scikit-learn's models and no pipeline.

`python tests/any_table.py iris FOLDER` makes such a folder and the report in it, to be looked at;
`python tests/any_table.py cancer FOLDER many` one with eight networks and five baselines.
"""

import itertools
import os
import shutil
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from committed import ROOT
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, make_blobs
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import MinMaxScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from winenet import files
from winenet.data import column_format
from winenet.data.column_format import ColumnFormat
from winenet.data.split_data import EvaluationSet
from winenet.evaluation import comparison, scoring, search_results
from winenet.models.registry import format_layer_sizes
from winenet.params import Compare

LETTERS = [chr(ord("a") + number) for number in range(26)]
READINGS = ("training", "held_out", "test")


class Models(NamedTuple):
    """The models beside the logistic regression, as params.yaml could describe them.

    networks: layers by name. baselines: unfitted, by name. titles: those that params.yaml gives.
    searched: the values of each parameter of the search; its winner has the layers `tuned`.
    """

    networks: Mapping[str, tuple[int, ...]]
    reference: str
    baselines: Mapping[str, Any]
    searched: Mapping[str, list[Any]]
    tuned: tuple[int, ...] = (6,)
    titles: Mapping[str, str] = MappingProxyType({})


FEW = Models(
    {"two_layers": (8, 4), "one_layer": (8,)},
    "two_layers",
    {
        "majority_class": DummyClassifier(strategy="prior"),
        "boosted_trees": DecisionTreeClassifier(max_depth=6, random_state=0),  # is quicker
    },
    {"hidden_layer_sizes": ["6"], "learning_rate_init": [0.01, 0.001]},
)
# As many as a person may think of, under names that JSON, CSS, HTML and file systems must bear.
MANY = Models(
    {
        "my net 2": (8, 4),
        "A-b_c": (8, 4),
        "b-": (5,),
        "tanh": (7,),
        "2": (4, 4, 4),
        "a rather long name for a network": (6, 3),
        "_x_": (3,),
        "réseau": (9,),
    },
    "A-b_c",
    {
        "majority_class": DummyClassifier(strategy="prior"),
        "linear svc": LinearSVC(random_state=0),  # has a decision, and no probability
        "tree": DecisionTreeClassifier(max_depth=6, random_state=0),
        "bayes": GaussianNB(),
        "nearest-5": KNeighborsClassifier(),
    },
    {"learning_rate_init": [0.01, 0.001], "alpha": [0.1, 0.01], "activation": ["relu", "tanh"]},
    titles={"tanh": "Sam's <b> & $\\frac{1}$", "bayes": "naive Bayes"},
)


class Table(NamedTuple):
    """Raw features, codes of the classes, their labels, and words of the table's own."""

    X: pd.DataFrame
    y: pd.Series
    labels: list[str]
    words: Mapping[str, str] = MappingProxyType({})


def iris() -> Table:
    X, y = load_iris(return_X_y=True, as_frame=True)
    return Table(X, y.rename("species"), ["setosa", "versicolor", "virginica"])


def digits() -> Table:
    X, y = load_digits(return_X_y=True, as_frame=True)
    return Table(X, y.rename("digit"), [str(digit) for digit in range(10)])


def cancer() -> Table:
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    words = {"row": "tumour", "rows": "tumours"}
    return Table(X, y.rename("diagnosis"), ["malignant", "benign"], words)


def letters() -> Table:
    X, y = make_blobs(520, 8, centers=26, cluster_std=3.0, random_state=3)
    columns = [f"stroke {number}" for number in range(8)]
    return Table(pd.DataFrame(X, columns=columns), pd.Series(y, name="letter"), LETTERS)


def rare() -> Table:
    X, y = make_blobs([570, 30], 4, cluster_std=3.0, random_state=3)
    columns = [f"reading {number}" for number in range(4)]
    return Table(pd.DataFrame(X, columns=columns), pd.Series(y, name="faulty"), ["no", "yes"])


TABLES = {one.__name__: one for one in (iris, digits, cancer, letters, rare)}


def make(table: Table, models: Models = FEW) -> None:
    """Write into this folder what the stage report reads of a table without a notebook."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        _make(table, models)
    shutil.copy(ROOT / "params.yaml", "params.yaml")  # the report reads its threshold


def _make(table: Table, chosen: Models) -> None:
    X, y = table.X, table.y
    words = {"row": "row", "rows": "rows", "classes": table.labels, **table.words}
    files.write_metrics(
        "data/schema.json",
        {
            "target": y.name,
            "classes": table.labels,
            "columns": column_format.all_as_json({name: ColumnFormat("number") for name in X}),
            "words": words,
        },
    )
    counts = {str(code): int(number) for code, number in y.value_counts().items()}
    files.write_metrics(
        "metrics/ingest.json",
        {"rows": len(X), "features": X.shape[1], "classes": counts, "duplicate_rows": {"rows": 0}},
    )
    train, test = train_test_split(np.arange(len(X)), test_size=0.3, random_state=0, stratify=y)
    scaler = MinMaxScaler().fit(X.iloc[train])
    X_train, X_test = (
        pd.DataFrame(scaler.transform(X.iloc[rows]), columns=X.columns) for rows in (train, test)
    )
    y_train, y_test = (y.iloc[rows].reset_index(drop=True) for rows in (train, test))
    seen = pd.Series(np.arange(len(test)) < 5)
    files.write_metrics(
        "metrics/split.json",
        {
            "duplicates": "keep",
            "method": "random",
            "train": {"rows": len(train), "classes": _counts(y_train)},
            "test": {"rows": len(test), "classes": _counts(y_test)},
            "duplicate_rows": {"test_rows_seen": 5, "test_rows_unseen": len(test) - 5},
        },
    )

    logistic = LogisticRegression(max_iter=200).fit(X_train, y_train)
    sizes = {**chosen.networks, "grid_search": chosen.tuned}
    networks = {
        name: MLPClassifier(layers, max_iter=60, random_state=1, learning_rate_init=0.01).fit(
            X_train, y_train
        )
        for name, layers in sizes.items()
    }
    trained = {"logistic": logistic} | networks
    rows = pd.Series(test, name="row")
    predicted = {
        name: scoring.predictions(model, X_test, y_test, rows, name)
        for name, model in trained.items()
    }
    scores = {
        name: scoring.scores(y_test, one["predicted"], scoring.probabilities(one), seen)
        for name, one in predicted.items()
    }
    for name, network in networks.items():
        scores[name] |= scoring.training_summary(network)
        scores[name]["hidden_layer_sizes"] = format_layer_sizes(sizes[name])
    files.write_metrics("metrics/logistic.json", scores["logistic"])
    files.write_rounded("data/logistic_predictions.csv", predicted["logistic"])
    mlp = {
        name: scores[name] | {"activation": networks[name].activation} for name in chosen.networks
    }
    files.write_metrics("metrics/mlp.json", mlp)
    files.write_rounded("data/mlp_predictions.csv", pd.concat([predicted[name] for name in mlp]))
    files.write_rounded("data/grid_search_predictions.csv", predicted["grid_search"])
    losses = {name: scoring.loss_curve(network) for name, network in networks.items()}
    tuned = {"grid_search": losses.pop("grid_search")}
    files.write_rounded("plots/mlp_loss.csv", scoring.by_model(losses))
    files.write_rounded("plots/grid_search_loss.csv", scoring.by_model(tuned))
    _search(scores["grid_search"], chosen.searched)
    _curves(len(train), chosen.networks)
    accuracies = {name: scores[name]["accuracy"] for name in sizes}
    _seeds(accuracies)
    _learning_curve(list(trained), len(train))
    _importance(logistic, list(trained), X)

    test_rows = EvaluationSet(X_test, y_test, seen)
    baselines = {name: model.fit(X_train, y_train) for name, model in chosen.baselines.items()}
    models = comparison.in_order(trained, baselines)
    found = comparison.predictions(models, X_test)
    settings = Compare(n_resamples=100, random_state=0, reference=chosen.reference)
    scored = comparison.scores_with_intervals(found, test_rows, settings)
    pairs = comparison.pairwise_tests(found, test_rows)
    raw = pd.concat([X, y], axis=1)
    wrong = comparison.misclassified_rows(found, test_rows, rows.to_frame(), raw)
    others = len(models) - sum(map(comparison.is_constant, found.values()))
    seeds = files.read_metrics("metrics/seeds.json")
    files.write_metrics(
        "metrics/compare.json",
        {
            "reference": chosen.reference,
            "test_rows": len(test),
            "test_rows_unseen": len(test) - 5,
            "models": {
                name: one
                | {"place": place, "title": chosen.titles.get(name)}
                | ({"seeds": seeds[name]["accuracy"]} if name in seeds else {})
                for place, (name, one) in enumerate(scored.items())
            },
            "pairs": comparison.pairwise_summary(pairs),
            "wrong_in_any_model": len(wrong),
            "wrong_in_all_models": int((wrong["wrong_models"] == others).sum()),
        },
    )
    files.write_rounded("data/compare_pairs.csv", pairs)
    files.write_rounded("data/compare_errors.csv", wrong)
    files.write_rounded("plots/compare_accuracy.csv", comparison.accuracies(scored))
    for kind, curve in comparison.curves(found, y_test).items():
        files.write_rounded(f"plots/compare_{kind}.csv", curve)


def _counts(y: pd.Series) -> dict[str, int]:
    return {str(code): int(number) for code, number in y.value_counts().items()}


# The stages below train what costs time; their numbers here are made up, their shapes are not.


def _search(scores: dict[str, Any], searched: Mapping[str, list[Any]]) -> None:
    grid = [
        dict(zip(searched, values, strict=True)) for values in itertools.product(*searched.values())
    ]
    names = [search_results.candidate_name(candidate) for candidate in grid]
    means = [0.9 - 0.005 * number for number in range(len(grid))]
    files.write_metrics(
        "metrics/grid_search.json",
        scores
        | {f"best_{name}": value for name, value in grid[0].items()}
        | {
            "best_candidate": names[0],
            "candidates": len(grid),
            "method": "grid",
            "epochs_trained": 99,
            "cv_accuracy": 0.9,
            "cv_score": 0.9,
            "test_minus_cv_accuracy": scores["accuracy"] - 0.9,
            "choice": {
                "on_edge": {name: name == "learning_rate_init" for name in searched},
                "trained_to_the_end": len(grid),
                "within_one_standard_error": 2,
                "standard_error": 0.0075,
                "smallest_within_one_standard_error": names[0],
            },
            "out_of_fold": {"accuracy_unseen": 0.9, "errors": 7, "rows_seen": 2},
            "fits_at_max_iter": 3,
        },
    )
    candidates = pd.DataFrame(
        {
            "candidate": names,
            **pd.DataFrame(grid).to_dict("list"),
            "mean_test_score": means,
            "std_test_score": 0.01,
            "rank_test_score": range(1, len(grid) + 1),
            "mean_test_accuracy": means,
            "split0_test_score": [mean + 0.01 for mean in means],
            "split1_test_score": [mean - 0.01 for mean in means],
            "split0_epochs": 40,
            "split1_epochs": 50,
        }
    )
    files.write_rounded("data/grid_search_results.csv", candidates)
    columns = ["candidate", *searched, "mean_test_score"]
    files.write_rounded("plots/grid_search_scores.csv", candidates[columns])


def _curves(training_rows: int, networks: Mapping[str, tuple[int, ...]]) -> None:
    epochs = np.arange(1, 31)
    found: dict[str, Any] = {}
    tables = {}
    for number, (name, layers) in enumerate(networks.items()):
        tables[name] = pd.DataFrame(
            {
                "epoch": epochs,
                "training_loss": (1 + 0.1 * number) / epochs,
                "held_out_loss": (1 + 0.1 * number) / epochs + 0.002 * epochs,
                "training_accuracy": 1 - 0.3 / epochs,
                "held_out_accuracy": 1 - (0.5 + 0.02 * number) / epochs,
            }
        )
        best = int(tables[name]["held_out_loss"].argmin()) + 1
        reading = {f"{rows}_{what}": 0.5 for rows in READINGS for what in ("loss", "accuracy")}
        reading |= {"held_out_loss_of_errors": 0.2}
        found[name] = {
            stop: reading | {"epoch": epoch}
            for stop, epoch in (("best", best), ("notebook_stop", 28), ("last", 30))
        } | {"hidden_layer_sizes": format_layer_sizes(layers), "p_value": 0.4}
    files.write_rounded("plots/curves.csv", scoring.by_model(tables))
    rows = {"training_rows": training_rows - 20, "held_out_rows": 20, "held_out_rows_seen": 1}
    files.write_metrics("metrics/curves.json", found | rows)


def _seeds(accuracies: dict[str, float]) -> None:
    spread = {"mean": 0.9, "sd": 0.01, "min": 0.88, "max": 0.92}
    own = {"errors": 3, "runs_worse": 1, "runs_equal": 0, "runs_better": 1}
    files.write_metrics(
        "metrics/seeds.json",
        {
            name: {"accuracy": spread, "accuracy_unseen": spread, "own": own | {"accuracy": value}}
            for name, value in accuracies.items()
        }
        | {"runs": 2},
    )
    runs = pd.DataFrame(
        [
            {"model": name, "random_state": seed, "accuracy": value + 0.01 * seed}
            for name, value in accuracies.items()
            for seed in (0, 1)
        ]
    )
    files.write_rounded("plots/seeds_runs.csv", runs)


def _learning_curve(models: list[str], rows: int) -> None:
    interval = {"low": -0.01, "high": 0.03}
    gain = {"gain": 0.01, "over_seeds": interval, "over_rows": interval}
    files.write_metrics(
        "metrics/learning_curve.json",
        {
            "models": dict.fromkeys(models, gain),
            "rows": rows,
            "rows_before": rows // 2,
            "score": "accuracy_unseen",
        },
    )
    lines = [
        {"model": name, "step": step, "rows": size, "mean": mean, "low": mean - 0.05}
        | {"high": min(1.0, mean + 0.05), "min": mean, "max": mean, "at_max_iter": 1}
        for name in models
        for step, (size, mean) in enumerate(((rows // 2, 0.8), (rows, 0.9)))
    ]
    files.write_rounded("plots/learning_curve.csv", pd.DataFrame(lines))


def _importance(logistic: LogisticRegression, models: list[str], X: pd.DataFrame) -> None:
    without = {"accuracy": 0.9, "accuracy_unseen": 0.9, "errors": 4, "further_errors": 1}
    files.write_metrics(
        "metrics/importance.json",
        {"without": {X.columns[0]: dict.fromkeys(models, without | {"p_value": 1.0})}},
    )
    coefficients = logistic.coef_
    several = len(coefficients) > 1
    lines = pd.DataFrame(
        [
            {"class": code, "feature": name, "coefficient": value, "per_unit": value / 10}
            for code, of_class in enumerate(coefficients)
            for name, value in sorted(zip(X, of_class, strict=True), key=lambda one: -abs(one[1]))
        ]
    )
    files.write_rounded(
        "plots/importance_coefficients.csv", lines if several else lines.drop(columns="class")
    )
    shuffled = [
        {"model": model, "feature": name, "mean": 0.1 / (1 + number), "sd": 0.01}
        for model in models
        for number, name in enumerate(X)
    ]
    files.write_rounded("plots/importance_shuffled.csv", pd.DataFrame(shuffled))


def main() -> None:
    """Make the folder and the report of one of the tables."""
    name, folder, *many = sys.argv[1:]
    Path(folder).mkdir(parents=True, exist_ok=True)
    os.chdir(folder)
    make(TABLES[name](), MANY if many else FEW)
    from stages import report

    report.has_notebook = lambda: False
    report.main()


if __name__ == "__main__":
    main()
