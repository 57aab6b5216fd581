"""Stage logistic: fit the baseline on the training rows and score it on the test rows."""

from sklearn.linear_model import LogisticRegression

import stages
from winenet import evaluation, files, model, params


def main() -> None:
    """Read the split; write the baseline's scores, predictions, curves and weights."""
    settings = params.load().logistic
    X_train = files.read_table("data/X_train_normalized.csv")
    y_train = files.read_labels("data/y_train.csv")
    X_test = files.read_table("data/X_test_normalized.csv")
    y_test = files.read_labels("data/y_test.csv")
    rows = files.read_rows("data/split_rows.csv", "test")
    normaliser = files.read_normaliser("data/normaliser.csv")

    fitted = LogisticRegression(solver=settings.solver, random_state=settings.random_state)
    fitted.fit(X_train, y_train)
    table = evaluation.predictions(fitted, X_test, y_test, rows["row"], "logistic")
    scores = evaluation.scores(y_test, table["predicted"], table["probability"], rows["seen"])

    files.write_metrics("metrics/logistic.json", scores)
    files.write_results("data/logistic_predictions.csv", table)
    files.write_results(
        "plots/logistic_roc.csv", evaluation.roc_curve(y_test, table["probability"])
    )
    files.write_results(
        "plots/logistic_confusion.csv", evaluation.confusion(y_test, table["predicted"])
    )
    files.write_model("models/logistic.npz", model.from_logistic(fitted), normaliser)
    stages.say(
        f"fitted {settings.solver} on {len(X_train)} rows; accuracy {scores['accuracy']:.4f} "
        f"on {len(X_test)} test rows"
    )


if __name__ == "__main__":
    stages.run(main)
