"""Stage mlp: train the networks of params.yaml."""

import pandas as pd

import stages
from winenet import files, params
from winenet.data import split_data, table_files
from winenet.evaluation import probability_curves, scoring, thresholds
from winenet.models import model_file, registry, saved
from winenet.models.predictor import with_threshold
from winenet.network import cluster, journal, parallel


def main() -> None:
    """Read the split; write all networks' scores, predictions, curves and weights."""
    settings, cv = params.load().mlp, params.load().grid_search.cv
    data = split_data.load()
    raw = table_files.read_preprocessing("data/preprocessing.json")
    schema = table_files.read_schema("data/schema.json")

    networks = registry.make_mlp_networks(settings, settings.estimator)
    stages.log(f"training {len(networks)} networks on {len(data.X_train)} rows")
    with cluster.connect(parallel.n_workers()), journal.open_journal() as stats:
        registry.fit_all(
            registry.Fit(network, (data.X_train, data.y_train)) for network in networks.values()
        )
        chosen = thresholds.choose_thresholds(
            networks, data, params.load().threshold, cv, params.load().split
        )
    stages.log_lines([*stats.log_lines(), *thresholds.log_lines(chosen)])
    tests, scores = {}, {}
    for name, fitted in networks.items():
        tests[name] = scoring.evaluate(
            with_threshold(fitted, chosen[name]), data.test, data.test_rows["row"], name
        )
        scores[name] = tests[name].scores | scoring.training_summary(fitted)
        scores[name]["activation"] = fitted.activation
        scores[name]["hidden_layer_sizes"] = registry.format_layer_sizes(fitted.hidden_layer_sizes)
        stages.log(
            f"{name}: {fitted.n_iter_} epochs; accuracy {scores[name]['accuracy']:.4f} "
            f"on {len(data.test.y)} test rows"
        )

    files.write_metrics("metrics/mlp.json", scores)
    files.write_rounded(
        "data/mlp_predictions.csv", pd.concat([test.predictions for test in tests.values()])
    )
    for name, fitted in networks.items():
        facts = scoring.training_summary(fitted) | {"rows": len(data.X_train)}
        layers = saved.from_mlp(fitted, chosen[name])
        model_file.write(
            f"models/mlp/{name}.safetensors",
            saved.SavedModel(layers, raw, schema.target, schema.labels, facts),
        )
    losses = {name: scoring.loss_curve(fitted) for name, fitted in networks.items()}
    files.write_rounded("plots/mlp_loss.csv", scoring.by_model(losses))
    roc = {
        name: probability_curves.roc_curve(data.test.y, test.probability).reset_index(names="step")
        for name, test in tests.items()
    }
    files.write_rounded("plots/mlp_roc.csv", scoring.by_model(roc))
    confusion = {
        name: scoring.confusion(data.test.y, test.predictions["predicted"])
        for name, test in tests.items()
    }
    files.write_rounded("plots/mlp_confusion.csv", scoring.by_model(confusion))


if __name__ == "__main__":
    stages.run(main)
