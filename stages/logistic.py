"""Stage logistic: fit the baseline on the training rows and score it on the test rows."""

import stages
from winenet import files, params
from winenet.data import memory, table_files
from winenet.evaluation import probability_curves, scoring
from winenet.models import logistic, model_file, saved


def main() -> None:
    """Read the split; write the baseline's scores, predictions, curves and weights."""
    settings = params.load().logistic
    memory.check_training("data/X_train_normalized.csv", "data/X_test_normalized.csv")
    X_train = files.read_table("data/X_train_normalized.csv")
    y_train = table_files.read_labels("data/y_train.csv")
    X_test = files.read_table("data/X_test_normalized.csv")
    y_test = table_files.read_labels("data/y_test.csv")
    rows = table_files.read_split_rows("data/split_rows.csv", "test")
    raw = table_files.read_preprocessing("data/preprocessing.json")
    schema = table_files.read_schema("data/schema.json")

    classes = len(schema.labels)
    if logistic.effective_solver(settings, classes) != settings.solver:
        stages.log(f"{settings.solver} knows two classes only, so lbfgs serves for these {classes}")
    fitted = logistic.make_logistic_regression(settings, classes).fit(X_train, y_train)
    table = scoring.predictions(fitted, X_test, y_test, rows["row"], "logistic")
    probability = scoring.probabilities(table)
    scores = scoring.scores(y_test, table["predicted"], probability, rows["in_training"])

    files.write_metrics("metrics/logistic.json", scores)
    files.write_rounded("data/logistic_predictions.csv", table)
    files.write_rounded("plots/logistic_roc.csv", probability_curves.roc_curve(y_test, probability))
    files.write_rounded(
        "plots/logistic_confusion.csv", scoring.confusion(y_test, table["predicted"])
    )
    facts = {"rows": len(X_train), "iterations": int(fitted.n_iter_.max())}
    layers = saved.from_logistic(fitted)
    model_file.write(
        "models/logistic.npz", saved.SavedModel(layers, raw, schema.target, schema.labels, facts)
    )
    stages.log(
        f"fitted {fitted.solver} on {len(X_train)} rows; accuracy {scores['accuracy']:.4f} "
        f"on {len(X_test)} test rows"
    )


if __name__ == "__main__":
    stages.run(main)
