"""Stage logistic: fit the baseline on the training rows and score it on the test rows."""

import stages
from winenet import files, params
from winenet.data import split_data, table_files
from winenet.evaluation import probability_curves, scoring, thresholds
from winenet.models import logistic, model_file, saved
from winenet.models.predictor import with_threshold


def main() -> None:
    """Read the split; write the baseline's scores, predictions, curves and weights."""
    settings, cv = params.load().logistic, params.load().grid_search.cv
    data = split_data.load()
    raw = table_files.read_preprocessing("data/preprocessing.json")
    schema = table_files.read_schema("data/schema.json")

    classes = len(schema.labels)
    solver = settings.parameters.get("solver")
    if solver and logistic.effective_solver(settings, classes) != solver:
        stages.log(f"{solver} supports two classes only, so lbfgs is used for these {classes}")
    fitted = logistic.make_logistic_regression(settings, classes).fit(data.X_train, data.y_train)
    chosen = thresholds.choose_thresholds(
        {"logistic": fitted}, data, params.load().threshold, cv, params.load().split
    )
    stages.log_lines(thresholds.log_lines(chosen))
    threshold = chosen["logistic"]
    test = scoring.evaluate(
        with_threshold(fitted, threshold), data.test, data.test_rows["row"], "logistic"
    )

    files.write_metrics("metrics/logistic.json", test.scores)
    files.write_rounded("data/logistic_predictions.csv", test.predictions)
    files.write_rounded(
        "plots/logistic_roc.csv", probability_curves.roc_curve(data.test.y, test.probability)
    )
    files.write_rounded(
        "plots/logistic_confusion.csv",
        scoring.confusion(data.test.y, test.predictions["predicted"]),
    )
    facts = {"rows": len(data.X_train), "iterations": int(fitted.n_iter_.max())}
    layers = saved.from_logistic(fitted, threshold)
    model_file.write(
        "models/logistic.safetensors",
        saved.SavedModel(layers, raw, schema.target, schema.labels, facts),
    )
    stages.log(
        f"fitted {fitted.solver} on {len(data.X_train)} rows; "
        f"accuracy {test.scores['accuracy']:.4f} on {len(data.test.y)} test rows"
    )


if __name__ == "__main__":
    stages.run(main)
