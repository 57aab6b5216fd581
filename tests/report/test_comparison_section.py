"""The report's section on what the numbers are worth, from numbers made up and from a tiny run.

In the tiny runs every test row has a copy in training, or none has: no score, no table and no
sentence may break for want of seen or of unseen rows.
"""

import importlib
import json
import re
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from committed import ROOT
from sklearn.exceptions import ConvergenceWarning

from winenet.report import comparison_section, model_tables, notebook_section, sentences
from winenet.report.terms import Terms


def score(value: float | None) -> dict[str, float] | None:
    """Return a score with its interval, as metrics/compare.json has it."""
    return None if value is None else {"value": value, "low": value - 0.1, "high": value + 0.01}


def scores(accuracy: float, unseen: float | None, auc: float | None, errors: int) -> dict[str, Any]:
    return {
        "accuracy": score(accuracy),
        "accuracy_unseen": score(unseen),
        "roc_auc": score(auc),
        "balanced_accuracy": score(0.5),
        "average_precision": score(0.75),
        "log_loss": score(0.25),
        "errors": errors,
    }


SPREAD = {"mean": 0.99484, "sd": 0.000815, "min": 0.993077, "max": 0.996154}
METRICS: dict[str, Any] = {
    "ingest": {"classes": {"0": 4898, "1": 1599}},
    "mlp": {
        "notebook": {"hidden_layer_sizes": "100-50"},
        "one_hidden_layer": {"hidden_layer_sizes": "100"},
    },
    "grid_search": {"hidden_layer_sizes": "50-25"},
    "compare": {  # sorted by name, as JSON has it
        "reference": "notebook",
        "models": {
            "grid_search": scores(0.9923, 0.99, 0.98, 10) | {"seeds": SPREAD, "place": 4},
            "logistic": scores(0.9823, None, 0.97, 23) | {"place": 1},
            "majority_class": scores(0.7377, 0.72, None, 341) | {"place": 0},
        },
    },
}
PLACES = ("majority_class", "logistic", "notebook", "one_hidden_layer", "grid_search")
ALL = {name: {"place": place} for place, name in enumerate(PLACES)}
NAMES = model_tables.model_names(METRICS | {"compare": {"models": ALL}})
WINE = Terms("Class", "wine", "wines", ("white", "red"), ("0", "1"), notebook=True)


def test_the_table_of_models_goes_from_the_line_below_upwards_and_shows_what_is_missing():
    assert comparison_section.compared_table(METRICS) == (
        "| model | accuracy | accuracy, unseen rows | over seeds, mean ± sd | ROC AUC | log loss | "
        "errors |\n"
        "| --- | --- | --- | --- | --- | --- | --- |\n"
        "| majority class | 0.7377 (0.6377 to 0.7477) | 0.7200 (0.6200 to 0.7300) | - | - | "
        "0.2500 (0.1500 to 0.2600) | 341 |\n"
        "| logistic regression | 0.9823 (0.8823 to 0.9923) | - | - | 0.9700 (0.8700 to 0.9800) | "
        "0.2500 (0.1500 to 0.2600) | 23 |\n"
        "| tuned network 50-25 | 0.9923 (0.8923 to 1.0023) | 0.9900 (0.8900 to 1.0000) | "
        "0.9948 ± 0.0008 | 0.9800 (0.8800 to 0.9900) | 0.2500 (0.1500 to 0.2600) | 10 |"
    )


def test_a_rare_class_puts_balanced_accuracy_and_average_precision_first():
    rare = METRICS | {"ingest": {"classes": {"0": 950, "1": 50}}}
    header, _, *rows = comparison_section.compared_table(rare).splitlines()
    assert header == (
        "| model | balanced accuracy | average precision | accuracy | accuracy, unseen rows | "
        "accuracy over seeds, mean ± sd | ROC AUC | log loss | errors |"
    )
    assert rows[0].startswith(
        "| majority class | 0.5000 (0.4000 to 0.5100) | 0.7500 (0.6500 to 0.7600) | 0.7377 "
    )


def test_networks_come_in_the_order_of_params_yaml_without_the_number_of_runs():
    seeds = {"a": {"sd": 3}, "grid_search": {"sd": 1}, "notebook": {"sd": 2}, "runs": 10}
    models = {name: {"place": place} for place, name in enumerate(("notebook", "a", "grid_search"))}
    assert list(comparison_section.by_network(seeds, {"compare": {"models": models}})) == [
        ("notebook", {"sd": 2}),
        ("a", {"sd": 3}),
        ("grid_search", {"sd": 1}),
    ]


def pairs(*lines: tuple[str, str, str, int, int, float]) -> pd.DataFrame:
    """Return compared pairs; a line: rows, first, second, errors of both, p-value."""
    columns = ["rows", "first", "second", "errors_first", "errors_second", "p_value"]
    table = pd.DataFrame(lines, columns=columns)
    table["only_first"], table["only_second"] = table["errors_first"], table["errors_second"]
    table["number"] = table["rows"].map({"all": 1300, "unseen": 941})
    return table


PAIRS = pairs(
    ("all", "logistic", "notebook", 23, 6, 0.0002),
    ("all", "logistic", "grid_search", 23, 10, 0.007),
    ("all", "notebook", "grid_search", 6, 10, 0.75),
    ("unseen", "logistic", "notebook", 16, 5, 0.001),
    ("unseen", "logistic", "grid_search", 16, 9, 0.27),
    ("unseen", "notebook", "grid_search", 5, 9, 0.03),
)


def test_each_pair_on_all_rows_has_its_sentence():
    said = comparison_section.pair_sentences(PAIRS, NAMES)
    assert [sentence.split(" on 1,300 rows")[0] for sentence in said] == [
        "The logistic regression made 17 more errors",
        "The logistic regression made 13 more errors",
        "The tuned network 50-25 made 4 more errors",
    ]
    assert [sentence.rsplit(", ", 1)[1] for sentence in said] == [
        "different.",
        "different.",
        "not distinguishable.",
    ]


def test_a_verdict_that_unseen_rows_change_is_told_either_way():
    assert comparison_section.changed_conclusions(PAIRS, NAMES) == [
        "The logistic regression made 7 more errors on 941 rows than the tuned network 50-25 "
        "(16 against 9); only the former got 16 rows wrong, only the latter 9; p = 0.27, not "
        "distinguishable.",
        "The tuned network 50-25 made 4 more errors on 941 rows than the network 100-50 (9 "
        "against 5); only the former got 9 rows wrong, only the latter 5; p = 0.03, different.",
    ]
    on_all = PAIRS[PAIRS["rows"] == "all"]
    assert comparison_section.changed_conclusions(on_all, NAMES) == []


def test_the_tuned_pair_is_that_on_all_rows():
    assert comparison_section.tuned_vs_untuned(PAIRS[::-1], "notebook") == {
        "rows": "all",
        "first": "notebook",
        "second": "grid_search",
        "errors_first": 6,
        "errors_second": 10,
        "p_value": 0.75,
        "only_first": 6,
        "only_second": 10,
        "number": 1300,
    }


def test_a_network_s_seeds_are_a_row():
    own = {"accuracy": 0.9923, "errors": 10, "runs_worse": 1, "runs_equal": 2, "runs_better": 7}
    seeds = {
        "grid_search": {"accuracy": SPREAD, "own": own},
        "notebook": {"accuracy": SPREAD, "accuracy_unseen": {"mean": 0.99416}, "own": own},
        "runs": 10,
    }
    spread = ("0.9948", "0.0008", "0.9931", "0.9962")
    metrics = {"seeds": seeds, "compare": {"models": ALL}}
    rows = comparison_section.seed_rows(metrics, NAMES)
    assert rows == [
        ("network 100-50", *spread, "0.9942", "0.9923", "1 / 2 / 7"),
        ("tuned network 50-25", *spread, "-", "0.9923", "1 / 2 / 7"),
    ]
    assert len(rows[0]) == len(comparison_section.SEEDS)


def test_a_coefficient_is_a_row_with_its_sign():
    table = pd.DataFrame(
        {
            "feature": ["sugar", "pH", "constant"],
            "coefficient": [-11.469818, 4.744, 0.0],
            "per_unit": [-0.0339342, 93.4567, 0.0],
        }
    )
    assert comparison_section.coefficient_rows(table) == [
        ("sugar", "-11.47", "-0.03393"),
        ("pH", "+4.74", "+93.46"),
        ("constant", "+0.00", "+0"),
    ]


def test_the_rows_that_all_models_get_wrong_are_listed_with_their_raw_values():
    errors = pd.DataFrame(
        {
            "row": [354, 12, 7],
            "wrong_models": [2, 2, 1],
            "wrong": ["logistic notebook", "logistic notebook", "logistic"],
            "in_training": [False, True, False],
            "pH": [3.25, 3.0, 3.1],
            "Class": [1, 0, 0],
        }
    )
    assert comparison_section.misclassified_table(errors, 2) == (
        ["row", "in_training", "pH", "Class"],
        [(354, "no", 3.25, 1), (12, "yes", 3.0, 0)],
    )
    assert comparison_section.misclassified_table(errors.iloc[:0], 2) == (
        ["row", "in_training", "pH", "Class"],
        [],
    )


def test_the_readme_and_the_page_show_the_models_of_metrics():
    metrics = {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in (ROOT / "metrics").glob("*.json")
    }
    table = comparison_section.compared_table(metrics)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"<!-- python -m winenet results -->\n{table}\n" in readme
    assert f"\n{table}\n" in (ROOT / "report/report.md").read_text(encoding="utf-8")


# A tiny run of all stages.

TINY = {
    "ingest": {
        "files": [{"name": "ones.csv", "label": 1}, {"name": "zeros.csv", "label": 0}],
        "separator": ",",
        "columns": {"pH": [0, 1], "alcohol": [0, 1], "constant": [0, 1]},
    },
    "handmade": {"epochs": [20, 50], "n_seeds": 3},
    "mlp": {
        "defaults": {"max_iter": 200, "random_state": 42},
        "networks": {
            "notebook": {"hidden_layer_sizes": [20, 10]},
            "one_hidden_layer": {"hidden_layer_sizes": [30]},
        },
    },
    "grid_search": {
        "defaults": {"max_iter": 20, "random_state": 42},
        "cv": 4,
        "param_grid": {"hidden_layer_sizes": [[4]], "learning_rate_init": [0.01, 0.05]},
    },
    "curves": {"epochs": 3},
    "seeds": {"n_seeds": 2},
    "importance": {"n_repeats": 2, "drop_features": ["alcohol"]},
    "learning_curve": {"train_sizes": [0.5, 1.0], "n_repeats": 2},
    "compare": {"n_resamples": 100},
}
STAGES = list(yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"])


def raw_files(copies: int) -> dict[str, pd.DataFrame]:
    """Return a file of each class: rows of three features, each of them so many times.

    Twelve rows are in both files, in the second one twice as often: nothing can tell the former's
    from the latter's, so they are wrong in all models.
    """
    rng = np.random.default_rng(9)
    X = pd.DataFrame({"pH": rng.random(72).round(3), "alcohol": rng.random(72).round(3)})
    X["constant"] = 0.5
    X.loc[:11, "pH"] = (0.4 * X.loc[:11, "pH"]).round(3)
    one = X["pH"] > 0.6
    times = {
        "ones.csv": np.where(one, copies, 0) + np.where(X.index < 12, copies, 0),
        "zeros.csv": np.where(one, 0, copies) * np.where(X.index < 12, 2, 1),
    }
    return {name: X.loc[X.index.repeat(number)] for name, number in times.items()}


def run_all(folder: Path, duplicates: str, copies: int) -> None:
    """Make a table, and run every stage on it."""
    settings = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    for section, values in TINY.items():
        settings[section] |= values
    settings["split"] |= {"duplicates": duplicates, "test_size": 0.3, "method": "stratified"}
    (folder / "params.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    (folder / "data/raw").mkdir(parents=True)
    for name, table in raw_files(copies).items():
        table.to_csv(folder / "data/raw" / name, index=False)
    shutil.copytree(ROOT / "data/reference", folder / "data/reference")
    run_stages(folder, STAGES)


def run_stages(folder: Path, stages: list[str]) -> None:
    """Run stages in this process, one worker each."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        patch.chdir(folder)
        patch.setenv("WINENET_WORKERS", "1")
        warnings.simplefilter("ignore", ConvergenceWarning)
        for stage in stages:
            importlib.import_module(f"stages.{stage}").main()


@pytest.fixture(scope="module")
def all_seen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in which every test row has a copy in training."""
    folder = tmp_path_factory.mktemp("all_seen")
    run_all(folder, "keep", copies=14)
    return folder


@pytest.fixture
def one_unseen(all_seen: Path, tmp_path: Path) -> Path:
    """The same, but the first test row is declared unseen; the comparison has run again."""
    folder = Path(shutil.copytree(all_seen, tmp_path / "one_unseen"))
    rows = pd.read_csv(folder / "data/split_rows.csv")
    rows.loc[rows["set"].eq("test").idxmax(), "in_training"] = False
    rows.to_csv(folder / "data/split_rows.csv", index=False)
    run_stages(folder, STAGES[STAGES.index("seeds") :])
    return folder


@pytest.fixture(scope="module")
def none_seen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in which no test row has a copy in training, as the copies stay together."""
    folder = tmp_path_factory.mktemp("none_seen")
    run_all(folder, "group", copies=2)
    return folder


def metrics_of(folder: Path, stage: str) -> Any:
    return json.loads((folder / f"metrics/{stage}.json").read_text(encoding="utf-8"))


def page_of(folder: Path) -> str:
    page = (folder / "report/report.md").read_text(encoding="utf-8")
    assert not re.search(r"\b(?:None|nan|inf)\b", page)
    return page


def section(page: str, title: str) -> str:
    """Return what stands under a title of the page, up to the next one."""
    return re.split(r"^#+ ", page.split(f"# {title}\n")[1], flags=re.MULTILINE)[0]


def test_where_all_rows_were_seen_no_stage_tells_of_unseen_ones(all_seen):
    copies = metrics_of(all_seen, "split")["duplicate_rows"]
    assert copies["test_rows_unseen"] == 0 < copies["test_rows_seen"]
    for own in (
        metrics_of(all_seen, "logistic"),
        *metrics_of(all_seen, "mlp").values(),
        metrics_of(all_seen, "grid_search"),
        metrics_of(all_seen, "grid_search")["out_of_fold"],
        *metrics_of(all_seen, "importance")["without"]["alcohol"].values(),
        *metrics_of(all_seen, "compare")["models"].values(),
    ):
        assert own["accuracy_unseen"] is None
    assert "accuracy_unseen" not in metrics_of(all_seen, "seeds")["notebook"]
    assert metrics_of(all_seen, "learning_curve")["score"] == "accuracy"
    assert metrics_of(all_seen, "compare")["test_rows_unseen"] == 0
    for table in ("plots/compare_accuracy.csv", "data/compare_pairs.csv"):
        assert set(pd.read_csv(all_seen / table)["rows"]) == {"all"}


def test_where_all_rows_were_seen_the_page_says_so(all_seen):
    page = page_of(all_seen)
    assert section(page, "Duplicates").strip() == (
        "All test rows have a duplicate in the training set, so no accuracy is on unseen rows."
    )
    assert "unseen test rows alone" not in section(page, "Which models differ")
    table = section(page, "Uncertainty").splitlines()
    assert [line.split(" | ")[2] for line in table if line.startswith("| ")] == [
        *("accuracy, unseen rows", "---", "-", "-", "-", "-", "-", "-")
    ]
    assert re.search(
        r"^- Out of fold it misclassifies \d+ training rows; "
        r"\d+ rows have a duplicate in another fold\.$",
        page,
        flags=re.MULTILINE,
    )
    assert "the accuracy on all test rows changes by" in section(page, "Learning curve")


@pytest.mark.slow
def test_a_single_unseen_row_has_an_accuracy_but_no_learning_curve(one_unseen):
    """A curve needs the spread over its rows, so it is of all of them."""
    compared = metrics_of(one_unseen, "compare")
    assert compared["test_rows_unseen"] == 1
    assert compared["models"]["logistic"]["accuracy_unseen"]["value"] in (0, 1)
    assert metrics_of(one_unseen, "learning_curve")["score"] == "accuracy"
    page = page_of(one_unseen)
    assert "the accuracy on all test rows changes by" in page
    assert " and on the others (1): " in section(page, "Duplicates")


@pytest.mark.slow
def test_where_no_row_was_seen_all_accuracies_are_on_unseen_ones(none_seen):
    copies = metrics_of(none_seen, "split")["duplicate_rows"]
    assert copies["test_rows_seen"] == 0 < copies["test_rows_unseen"]
    for one in metrics_of(none_seen, "compare")["models"].values():
        assert one["accuracy_unseen"] == one["accuracy"]
        assert one["errors_unseen"] == one["errors"]
    spread = metrics_of(none_seen, "seeds")["notebook"]
    assert spread["accuracy_unseen"] == spread["accuracy"]
    assert metrics_of(none_seen, "learning_curve")["score"] == "accuracy_unseen"
    kept = metrics_of(none_seen, "grid_search")["out_of_fold"]
    assert kept["rows_seen"] == 0
    table = pd.read_csv(none_seen / "data/grid_search_out_of_fold.csv")
    right = table["predicted"] == table["Class"]
    assert kept["accuracy_unseen"] == pytest.approx(right.mean(), abs=1e-6)


@pytest.mark.slow
def test_where_no_row_was_seen_the_page_says_so(none_seen):
    page = page_of(none_seen)
    assert section(page, "Duplicates").strip() == (
        "No test row has a duplicate in the training set, so all accuracies are on unseen rows."
    )
    assert "unseen test rows alone" not in section(page, "Which models differ")
    assert "no test row has the same features as a training row." in section(page, "The data")
    assert "training rows; no row has a duplicate in another fold." in page


def test_where_some_rows_were_seen_the_constant_model_has_no_say_in_what_that_is_worth(none_seen):
    """A tiny run's numbers, ten of its rows declared seen."""
    names = ("ingest", "mlp", "grid_search", "compare", "seeds", "importance", "learning_curve")
    metrics = {stage: metrics_of(none_seen, stage) for stage in names}
    metrics["compare"]["test_rows_unseen"] -= 10
    tables = (
        *("data/compare_pairs.csv", "data/compare_errors.csv"),
        *("plots/importance_coefficients.csv", "plots/learning_curve.csv"),
    )
    found = comparison_section.section(
        metrics, *(pd.read_csv(none_seen / path) for path in tables), WINE
    )
    assert found.duplicate_rows.startswith(
        "Errors on test rows with a duplicate in the training set (10) and on the others ("
    )
    assert "majority class" not in found.duplicate_rows
    assert " of 5 models make relatively fewer errors" in found.duplicate_rows
    assert len(found.pairs) == 15


@pytest.mark.parametrize("run", ["all_seen", "none_seen"])
@pytest.mark.slow
def test_rows_that_nothing_can_tell_apart_are_wrong_in_all_models(run, request):
    folder = request.getfixturevalue(run)
    compared = metrics_of(folder, "compare")
    listed = pd.read_csv(folder / "data/compare_errors.csv")
    common = listed[listed["wrong_models"] == 5]
    assert compared["wrong_in_all_models"] == len(common) > 0
    assert compared["wrong_in_any_model"] == len(listed)
    table = pd.read_csv(folder / "data/table.csv")
    for line in common.to_dict("records"):
        raw = table.loc[line["row"]]
        assert [line[name] for name in table] == list(raw)
    assert set(common["in_training"]) == {run == "all_seen"}
    told = section(page_of(folder), "Shared errors")
    lines = [line for line in told.splitlines() if line.startswith("| ")]
    assert len(lines) == 2 + min(len(common), comparison_section.WRONG)
    assert ("The first of these:" in told) == (len(common) > comparison_section.WRONG)


@pytest.mark.parametrize("run", ["all_seen", "none_seen"])
def test_a_feature_that_is_constant_in_training_decides_nothing(run, request):
    folder = request.getfixturevalue(run)
    coefficients = pd.read_csv(folder / "plots/importance_coefficients.csv").set_index("feature")
    assert coefficients.loc["constant"].to_list() == [0.0, 0.0]
    shuffled = pd.read_csv(folder / "plots/importance_shuffled.csv").set_index("feature")
    assert (shuffled.loc["constant", ["mean", "sd"]] == 0).all(axis=None)


@pytest.mark.parametrize(
    ("errors", "p", "says", "verdict"),
    [
        (
            (6, 10),
            0.75,
            "The tuned network makes 4 more errors (10 against 6). Only the tuned network "
            "gets 4 rows wrong, only the untuned one 0 (exact McNemar test, corrected for the "
            "number of pairs: p = "
            "0.75), so this test set cannot distinguish them.",
            "the change is minor, but the reason given is wrong",
        ),
        (
            (7, 6),
            1.0,
            "The tuned network makes 1 fewer error (6 against 7). Only the tuned network "
            "gets 4 rows wrong, only the untuned one 0 (exact McNemar test, corrected for the "
            "number of pairs: p = 1), "
            "so this test set cannot distinguish them.",
            "the change is minor, but the reason given is wrong",
        ),
        (
            (40, 6),
            0.0001,
            "The tuned network makes 34 fewer errors (6 against 40). Only the tuned network "
            "gets 4 rows wrong, only the untuned one 0 (exact McNemar test, corrected for the "
            "number of pairs: p < "
            "0.001), so this test set can distinguish them.",
            "does not hold",
        ),
        (
            (6, 6),
            1.0,
            "The tuned network makes as many errors (6 against 6). Only the tuned network "
            "gets 4 rows wrong, only the untuned one 0 (exact McNemar test, corrected for the "
            "number of pairs: p = 1), "
            "so this test set cannot distinguish them.",
            "the change is minor, but the reason given is wrong",
        ),
    ],
    ids=["more", "one fewer", "fewer", "as many"],
)
def test_the_notebook_s_claim_on_tuning_is_judged_by_the_pair(all_seen, errors, p, says, verdict):
    measured = json.loads((all_seen / "data/handmade_measured.json").read_text(encoding="utf-8"))
    tuned = {
        "errors_first": errors[0],
        "errors_second": errors[1],
        "only_first": 0,
        "only_second": 4,
        "p_value": p,
    }
    claim = notebook_section.claims(measured, tuned)[-1]
    assert claim.measured.startswith(says)
    assert claim.verdict == verdict


# Several classes.

IRIS = Terms("species", "row", "rows", ("setosa", "v|c", "virginica"), ("s", "v|c", "vg"))


def test_of_each_class_the_heaviest_features_are_shown():
    table = pd.DataFrame(
        {
            "class": [0] * 4 + [1] * 4,
            "feature": ["sex=male", "a|b", "c", "d"] * 2,
            "coefficient": [-4.0, 3.0, 2.0, 1.0, 4.5, -3.5, 2.5, 0.5],
            "per_unit": 0.0,
        }
    )
    assert comparison_section.top_coefficients(table) == {0: [0, 1, 2], 1: [4, 5, 6]}
    assert comparison_section.class_coefficient_rows(table, IRIS) == [
        ("setosa", "sex&#61;male -4.00, a&#124;b +3.00, c +2.00"),
        ("v&#124;c", "sex&#61;male +4.50, a&#124;b -3.50, c +2.50"),
    ]


def test_the_rows_that_all_get_wrong_have_their_label_as_the_raw_files_have_it():
    errors = pd.DataFrame(
        {
            "row": [3, 5],
            "wrong_models": 2,
            "wrong": "a b",
            "in_training": False,
            "pH": 3.5,
            "y": [1, 2],
        }
    )
    assert comparison_section.misclassified_table(errors, 2, IRIS.labels) == (
        ["row", "in_training", "pH", "y"],
        [(3, "no", 3.5, "v&#124;c"), (5, "no", 3.5, "vg")],
    )


def test_raw_texts_are_shown_as_they_stand():
    errors = pd.DataFrame(
        {"row": [3, 5], "wrong_models": 2, "wrong": "a b", "in_training": False}
        | {"code": pd.Series(["007", "[k](http://e)"], dtype="str"), "y": [1, 0]}
    )
    found = [row[2] for row in comparison_section.misclassified_table(errors, 2)[1]]
    assert found == ["007", sentences.escape_markdown("[k](http://e)")]
    assert "[" not in found[1]


def test_a_gap_in_a_wrong_row_is_a_dash():
    errors = pd.DataFrame(
        {
            "row": [3, 5],
            "wrong_models": 2,
            "wrong": "a b",
            "in_training": False,
            "pH": [np.nan, 3.5],
        }
        | {"y": [1, 0]}
    )
    assert comparison_section.misclassified_table(errors, 2)[1] == [
        (3, "no", "-", 1),
        (5, "no", 3.5, 0),
    ]
