"""The notebook's claims with many seeds, all networks trained at once."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from winenet.notebook import handmade
from winenet.notebook.claims import (
    CURVE_POINTS,
    CUT_OFF,
    HELD_OUT_START,
    Numbers,
    correct,
    count_true,
    cross_entropy,
    fit_logistic,
    forward_stacked,
    subsample_epochs,
    to_network_params,
)
from winenet.notebook.handmade import Array


def grad_desc_stacked(
    W1: Array, B1: Array, epochs: Sequence[int], learning_rate: float, X: Array, Y: Array
) -> dict[str, Array]:
    """Train many networks at once; each gets the parameters that grad_desc alone would give it.

    W1: (networks, input_cols, output_cols). B1: (networks, 1, output_cols).
    X: (networks, rows, input_cols). Y: (networks, rows, output_cols). epochs: at which
    parameters are returned, increasing; the last one ends the run.
    Returns {"W1": (epochs, networks, input_cols, output_cols),
    "B1": (epochs, networks, 1, output_cols)}.
    """
    m = X.shape[-2]
    X_T = np.swapaxes(X, -2, -1)
    read: dict[str, list[Array]] = {"W1": [], "B1": []}
    done = 0
    for epoch in epochs:
        for _ in range(epoch - done):
            dZ1 = forward_stacked(W1, B1, X) - Y
            W1 = W1 - learning_rate * ((1 / m) * np.matmul(X_T, dZ1))
            B1 = B1 - learning_rate * ((1 / m) * np.sum(dZ1, axis=-2, keepdims=True))
        done = epoch
        read["W1"].append(W1)
        read["B1"].append(B1)
    return {name: np.stack(values) for name, values in read.items()}


class RandomDraws(NamedTuple):
    """Everything that is random in the notebook, in the order in which it is drawn."""

    X: Array
    y: Array
    W1_first: Array
    B1_first: Array
    W1: Array
    B1: Array
    X_held_out: Array
    y_held_out: Array


def draw_starts(rng: np.random.Generator) -> RandomDraws:
    """Draw the six rows, the first pass's parameters, the run's start and the held-out rows."""
    X, y = handmade.six_rows(rng)
    starts = [handmade.init_parameters(rows, 1, rng=rng) for rows in (3, 1, 3, 1)]
    W1_first, B1_first, W1, B1 = starts
    return RandomDraws(X, y, W1_first, B1_first, W1, B1, *handmade.six_rows(rng, HELD_OUT_START))


class Seeds(NamedTuple):
    """The claims over many seeds.

    numbers: the shares. by_epoch: one line per seed and read epoch, epoch 0 being the start.
    by_seed: one line per seed.
    """

    numbers: Numbers
    by_epoch: pd.DataFrame
    by_seed: pd.DataFrame


def over_seeds(random_state: int, seeds: int, learning_rate: float, epochs: Sequence[int]) -> Seeds:
    """Run the notebook with the seeds random_state, random_state + 1, ... and count.

    Each seed has its own generator, for its third column and its start, so its results do not
    depend on the number of seeds; the first is the run that the stage shows in full.
    """
    labels = range(random_state, random_state + seeds)
    draws = [draw_starts(np.random.default_rng(seed)) for seed in labels]
    X, y, W1_first, B1_first, W1, B1, X_held_out, y_held_out = (
        np.stack(parts) for parts in zip(*draws, strict=True)
    )
    models = [fit_logistic(d.X, d.y) for d in draws]
    logistic_W1, logistic_B1 = (
        np.stack(parts) for parts in zip(*map(to_network_params, models), strict=True)
    )
    A_logistic = forward_stacked(logistic_W1, logistic_B1, X)
    A_first = forward_stacked(W1_first, B1_first, X)

    kept = sorted({0, *epochs, *subsample_epochs(epochs[-1])})
    read = grad_desc_stacked(W1, B1, kept, learning_rate, X, y)
    held_out = cross_entropy(forward_stacked(read["W1"], read["B1"], X_held_out), y_held_out)

    numbers: Numbers = {}
    parts = []
    for epoch in [0, *epochs]:
        index = kept.index(epoch)
        A = forward_stacked(read["W1"][index], read["B1"][index], X)
        frame = pd.DataFrame(
            {
                "seed": labels,
                "epochs": epoch,
                "logistic_correct": count_true(correct(A_logistic, y)),
                "network_correct": count_true(correct(A, y)),
                "network_ones": count_true(A > CUT_OFF),
                "training_loss": cross_entropy(A, y),
                "held_out_loss": held_out[index],
            }
        )
        parts.append(frame)
        if epoch:
            numbers[f"epochs_{epoch}"] = {
                "network_all_correct": (frame["network_correct"] == 6).mean(),
                "network_accuracy": correct(A, y).mean(),
                "training_loss_mean": frame["training_loss"].mean(),
                "held_out_loss_mean": frame["held_out_loss"].mean(),
            }
    by_seed = pd.DataFrame(
        {
            "seed": labels,
            "logistic_correct": count_true(correct(A_logistic, y)),
            "first_pass_correct": count_true(correct(A_first, y)),
            "first_pass_ones": count_true(A_first > CUT_OFF),
            "best_epochs": np.array(kept)[held_out.argmin(axis=0)],
            "best_held_out_loss": held_out.min(axis=0),
            "last_held_out_loss": held_out[-1],
        }
    )
    sets_in = by_seed["best_epochs"] < epochs[-1]
    numbers |= {
        "seeds": seeds,
        "logistic_all_correct": (by_seed["logistic_correct"] == 6).mean(),
        "first_pass": {
            "share_of_ones": (A_first > CUT_OFF).mean(),
            "accuracy": correct(A_first, y).mean(),
            "probability_min": A_first.min(),
            "probability_max": A_first.max(),
        },
        "early_stopping": {
            "sets_in": int(sets_in.sum()),
            "sets_in_share": sets_in.mean(),
            "epochs_between_looks": max(1, epochs[-1] // CURVE_POINTS),
        },
    }
    return Seeds(numbers, pd.concat(parts, ignore_index=True), by_seed)
