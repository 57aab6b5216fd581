"""Stage handmade: the notebook's six rows, its logistic regression and its network by hand."""

import numpy as np

import stages
from winenet import files, params
from winenet.notebook import claims, handmade, seed_study


def main() -> None:
    """Run sections 0.1 and 0.2 of the notebook and measure what they say."""
    settings = params.load().handmade
    if settings is None:
        raise params.ParamsError(
            "params.yaml has no section handmade, so the notebook's network cannot be run. "
            "`git checkout -- params.yaml` restores the committed one."
        )
    epochs, learning_rate = settings.epochs, settings.learning_rate

    # All that is random, in the order of claims.draw: the first of its seeds is this run.
    rng = np.random.default_rng(settings.random_state)
    X, y = handmade.six_rows(rng)
    W1_first = handmade.init_parameters(3, 1, rng=rng)
    B1_first = handmade.init_parameters(1, 1, rng=rng)
    parameters, loss = handmade.run_grad_desc(epochs[-1], learning_rate, X, y, rng=rng)
    X_held_out, y_held_out = handmade.six_rows(rng, claims.HELD_OUT_START)
    two_parameters, _ = handmade.run_grad_desc(
        epochs[-1], learning_rate, X, claims.two_columns(y), rng=rng
    )

    logistic = claims.fit_logistic(X, y)
    W1, B1 = claims.params_at(parameters, epochs[-1])
    two_outputs = claims.two_outputs(two_parameters, X, y, epochs)
    early_stopping = claims.early_stopping(parameters, X, y, X_held_out, y_held_out)
    seeds = seed_study.over_seeds(settings.random_state, settings.n_seeds, learning_rate, epochs)
    one_weight = claims.sweep_one_weight(W1, B1, X, y)
    losses = claims.loss_by_epoch(loss)
    path = claims.trajectory(
        parameters, (X, y), (X_held_out, y_held_out), [*epochs, early_stopping.best]
    )

    measured = {
        "learning_rate": learning_rate,
        "rows": len(X),
        "positive_rows": int(y.sum()),
        "logistic": claims.logistic_regression(logistic, X, y),
        "logistic_without_penalty": claims.without_penalty(X, y),
        "first_pass": claims.first_pass(W1_first, B1_first, X, y),
        "network": {
            **claims.snapshots(parameters, X, y, epochs, logistic.predict_proba(X)[:, 1:]),
            "epochs_in_which_loss_rose": int((np.diff(loss) > 0).sum()),
        },
        "two_outputs": two_outputs.numbers,
        "early_stopping": early_stopping.numbers,
        "one_weight": one_weight.numbers,
        "seeds": seeds.numbers,
    }

    # Rows and start exactly: the page trains on them again.
    files.write_lossless("data/handmade.csv", claims.table(X, y))
    files.write_lossless("data/handmade_held_out.csv", claims.table(X_held_out, y_held_out))
    files.write_lossless("data/handmade_path.csv", claims.rounded(path))
    files.write_rounded(
        "data/handmade_predictions.csv", claims.side_by_side(logistic, parameters, X, y, epochs)
    )
    files.write_rounded("data/handmade_loss.csv", losses)
    files.write_rounded("data/handmade_two_outputs.csv", two_outputs.predictions)
    files.write_rounded("data/handmade_seeds.csv", seeds.by_epoch)
    files.write_rounded("data/handmade_seeds_summary.csv", seeds.by_seed)
    files.write_rounded("plots/handmade_loss.csv", losses[:: settings.plot_every])
    files.write_rounded("plots/handmade_two_outputs.csv", two_outputs.curve)
    files.write_rounded("plots/handmade_early_stopping.csv", early_stopping.curve)
    files.write_rounded("plots/handmade_one_weight.csv", one_weight.curve)
    files.write_metrics("data/handmade_measured.json", measured)
    files.write_metrics("metrics/handmade.json", claims.headline_metrics(measured, epochs[-1]))
    stages.log(
        f"trained the network on {len(X)} rows for {epochs[-1]} epochs, once by itself, once with "
        f"two outputs, and {settings.n_seeds} times with other seeds"
    )
    stages.log(
        f"loss {loss[0]:.4f} at the start and {loss[-1]:.4f} at the end "
        "(data/handmade_measured.json)"
    )


if __name__ == "__main__":
    stages.run(main)
