"""Stage mlp: train the notebook's network, and the one hidden layer that its text asks for."""

import pandas as pd

import stages
from winenet import files, params
from winenet.data import split_data, table_files
from winenet.evaluation import probability_curves, scoring
from winenet.models import model_file, registry, saved

# One file per network: `dvc plots` draws all rows of a file as one line.
OUTPUT_PATHS = {
    "notebook": (
        "plots/mlp_loss.csv",
        "plots/mlp_roc.csv",
        "plots/mlp_confusion.csv",
        "models/mlp.safetensors",
    ),
    "one_hidden_layer": (
        "plots/mlp_loss_one_hidden_layer.csv",
        "plots/mlp_roc_one_hidden_layer.csv",
        "plots/mlp_confusion_one_hidden_layer.csv",
        "models/mlp_one_hidden_layer.safetensors",
    ),
}


def main() -> None:
    """Read the split; write both networks' scores, predictions, curves and weights."""
    settings = params.load().mlp
    data = split_data.load()
    raw = table_files.read_preprocessing("data/preprocessing.json")
    schema = table_files.read_schema("data/schema.json")

    fitted, tests, scores = {}, {}, {}
    for name, network in registry.make_mlp_networks(settings, settings.estimator).items():
        sizes = list(network.hidden_layer_sizes)
        stages.log(f"training {name} {sizes} on {len(data.X_train)} rows")
        fitted[name] = network.fit(data.X_train, data.y_train)
        tests[name] = scoring.evaluate(fitted[name], data.test, data.test_rows["row"], name)
        scores[name] = tests[name].scores | scoring.training_summary(fitted[name])
        scores[name]["hidden_layer_sizes"] = registry.format_layer_sizes(sizes)
        stages.log(
            f"{name}: {fitted[name].n_iter_} epochs; accuracy {scores[name]['accuracy']:.4f} "
            f"on {len(data.test.y)} test rows"
        )

    files.write_metrics("metrics/mlp.json", scores)
    files.write_rounded(
        "data/mlp_predictions.csv", pd.concat([test.predictions for test in tests.values()])
    )
    for name, (loss, roc, confusion, weights) in OUTPUT_PATHS.items():
        predicted, probability = tests[name].predictions["predicted"], tests[name].probability
        files.write_rounded(loss, scoring.loss_curve(fitted[name]))
        files.write_rounded(roc, probability_curves.roc_curve(data.test.y, probability))
        files.write_rounded(confusion, scoring.confusion(data.test.y, predicted))
        facts = scoring.training_summary(fitted[name]) | {"rows": len(data.X_train)}
        layers = saved.from_mlp(fitted[name])
        model_file.write(
            weights, saved.SavedModel(layers, raw, schema.target, schema.labels, facts)
        )


if __name__ == "__main__":
    stages.run(main)
