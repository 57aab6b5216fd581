"""Compare scores of finished pipelines with scikit-learn's: `python -m benchmarks.tables DIR`.

Each DIR is a project that was created by `winenet init`, and in which `make` has been run.
scikit-learn's ColumnTransformer, LogisticRegression and MLPClassifier get the same raw training
rows and the settings of params.yaml. For the search, the best candidate's settings are used; with
`--search`, GridSearchCV selects its own, which takes minutes per table. `dtype` and
`split.duplicates: group` are ignored: everything is in float64, and the folds have no groups.
"""

import argparse
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sklearn import preprocessing
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from winenet import files, params
from winenet.data import table_files
from winenet.data.preprocessing import SCALERS
from winenet.evaluation import search_results
from winenet.models import registry
from winenet.models.constraints import as_parameter
from winenet.models.logistic import make_logistic_regression

HEADER = (
    *("table", "rows", "classes", "model", "winenet", "scikit-learn"),
    "test rows predicted differently",
)


def compare(folder: Path, *, search: bool) -> list[tuple[object, ...]]:
    """Return one row per model: the accuracies of the pipeline and of scikit-learn.

    search: whether GridSearchCV selects its own best candidate.
    """
    settings = params.load(str(folder / "params.yaml"))
    schema = table_files.read_schema(str(folder / "data/schema.json"))
    table = table_files.read_raw_table(str(folder / "data/table.csv"), schema.kinds)
    sets = {
        part: table.loc[
            table_files.read_split_rows(str(folder / "data/split_rows.csv"), part)["row"]
        ]
        for part in ("train", "test")
    }
    X = {part: rows.drop(columns=schema.target) for part, rows in sets.items()}
    y = {part: rows[schema.target].to_numpy() for part, rows in sets.items()}
    encode = _preprocessing(schema.kinds, settings.split.scaler)
    train, test = encode.fit_transform(X["train"]), encode.transform(X["test"])
    comparison: list[tuple[object, ...]] = []
    best = None if search else files.read_metrics(str(folder / "data/grid_search_best.json"))
    for name, (file, model) in _models(settings, len(schema.labels), best).items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            theirs = model.fit(train, y["train"]).predict(test)
        ours = files.read_table(str(folder / f"data/{file}_predictions.csv"))
        predicted = ours.loc[ours["network"] == name, "predicted"].to_numpy()
        comparison.append(
            (
                folder.name,
                len(table),
                len(schema.labels),
                name.replace("_", " "),
                f"{(predicted == y['test']).mean():.4f}",
                f"{(theirs == y['test']).mean():.4f}",
                int((theirs != predicted).sum()),
            )
        )
    return comparison


def _preprocessing(kinds: dict[str, str], scaler: str) -> ColumnTransformer:
    numbers = [name for name, kind in kinds.items() if kind == "number"]
    categories = [name for name, kind in kinds.items() if kind == "category"]
    scale = "passthrough" if scaler == "none" else getattr(preprocessing, SCALERS[scaler])()
    number = make_pipeline(SimpleImputer(strategy="median"), scale)
    category = make_pipeline(
        SimpleImputer(strategy="most_frequent"),
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    )
    return ColumnTransformer([("n", number, numbers), ("c", category, categories)])


def _models(
    settings: params.Params, classes: int, best: Mapping[str, Any] | None
) -> dict[str, tuple[str, Any]]:
    """Return for each model the prefix of its file names, and an unfitted scikit-learn estimator.

    best: the parameters of the best candidate; None: GridSearchCV selects one.
    """
    search = settings.grid_search
    estimators: dict[str, tuple[str, Any]] = {
        "logistic": ("logistic", make_logistic_regression(settings.logistic, classes)),
    }
    for name, network in registry.make_mlp_networks(settings.mlp, "scikit-learn").items():
        estimators[name] = ("mlp", network)
    if best is None:
        network = registry.make_network(search.defaults, "scikit-learn")
        grid = {
            name: [as_parameter(name, value) for value in values]
            for name, values in search.param_grid.items()
        }
        scoring = search_results.sklearn_scoring(search, classes)
        best_model: Any = GridSearchCV(network, grid, cv=search.cv, scoring=scoring, n_jobs=-1)
    else:
        best_model = registry.make_network(best, "scikit-learn")
    estimators["grid_search"] = ("grid_search", best_model)
    return estimators


def main() -> None:
    """Print the table of the folders given on the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tables", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR")
    parser.add_argument(
        "--search", action="store_true", help="let GridSearchCV select its own best candidate"
    )
    options = parser.parse_args()
    print("| " + " | ".join(HEADER) + " |")
    print("| --- " * len(HEADER) + "|")
    for folder in options.folders:
        for row in compare(folder, search=options.search):
            print("| " + " | ".join(map(str, row)) + " |", flush=True)


if __name__ == "__main__":
    main()
