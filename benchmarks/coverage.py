"""Coverage of the bootstrap intervals: `python -m benchmarks.coverage`.

Samples of the size of the wine's test set are drawn from a population with known scores; a 95 %
interval should contain the true score in 95 % of the samples. No files are read.
"""

import argparse
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from joblib import Parallel, cpu_count, delayed
from scipy.stats import bootstrap

from winenet.evaluation.intervals import (
    CONFIDENCE_LEVEL,
    bootstrap_interval,
    wilson_interval,
)
from winenet.evaluation.metric_types import Interval
from winenet.evaluation.scoring import roc_auc, row_losses

Array = npt.NDArray[np.float64]

SEED = 1300
ROWS = 1300  # the size of the wine's test set
RESAMPLES = 2000
# A model of the notebook's network on the wines: its log odds of "red" are normally distributed
# within each component. Label, fraction, mean, standard deviation; the small components are the
# few wines that look like the other kind.
COMPONENTS = [
    (0, 0.737, -7.5, 1.6),
    (0, 0.003, 1.0, 2.0),
    (1, 0.256, 12.0, 3.5),
    (1, 0.004, -6.0, 2.5),
]
COLUMNS = ["score", "interval", "covers", "95 % interval", "too low", "too high", "none", "width"]


class Population(NamedTuple):
    """Labels, probabilities of class 1, and log loss of each row: all (rows,)."""

    y: Array
    probability: Array
    losses: Array

    def scores(self) -> dict[str, float]:
        """Return the true scores."""
        return {
            "ROC AUC": float(roc_auc(self.y, self.probability)),
            "log loss": float(self.losses.mean()),
        }

    def error_rate(self) -> float:
        """Return the error rate."""
        return float(((self.probability > 0.5) != self.y).mean())


def population() -> Population:
    """Draw the population. It is finite, so its scores are known exactly."""
    rng = np.random.default_rng(SEED)
    counts = [round(1_000_000 * fraction) for _, fraction, _, _ in COMPONENTS]
    y = np.repeat([float(label) for label, *_ in COMPONENTS], counts)
    drawn = [
        rng.normal(*component[2:], size=count)
        for component, count in zip(COMPONENTS, counts, strict=True)
    ]
    probability = 1 / (1 + np.exp(-np.concatenate(drawn)))
    return Population(y, probability, row_losses(pd.Series(y), pd.Series(probability)))


def block(numbers: Sequence[int], resamples: int) -> list[dict[tuple[str, str], Any]]:
    """Return the intervals of the samples with these numbers, for use in a worker process."""
    whole = population()
    return [intervals(whole, number, resamples) for number in numbers]


def intervals(whole: Population, number: int, resamples: int) -> dict[tuple[str, str], Any]:
    """Draw one sample; return its interval, or None, by score and method.

    number: of the sample; its seed, so that the result does not depend on the other samples.
    """
    chosen = np.random.default_rng([SEED, number]).integers(0, len(whole.y), ROWS)
    y, probability, losses = (column[chosen] for column in whole)
    intervals_drawn = {}
    for score, statistic, sample in (
        ("ROC AUC", roc_auc, (y, probability)),
        ("log loss", np.mean, (losses,)),
    ):
        intervals_drawn[score, "BCa"] = bootstrap_interval(statistic, sample, resamples, number)
        intervals_drawn[score, "percentile"] = percentile(statistic, sample, resamples, number)
    return intervals_drawn


def percentile(
    statistic: Any, sample: Sequence[Array], resamples: int, random_state: int
) -> Interval | None:
    """Return the percentile interval: from 2.5 to 97.5 % of the resamples' scores."""
    limits = bootstrap(
        sample,
        statistic,
        paired=True,
        vectorized=True,
        n_resamples=resamples,
        batch=100,
        confidence_level=CONFIDENCE_LEVEL,
        method="percentile",
        rng=np.random.default_rng(random_state),
    ).confidence_interval
    if not limits.low < limits.high:
        return None
    return Interval(float(statistic(*sample, axis=-1)), float(limits.low), float(limits.high))


def format_row(score: str, method: str, true: float, sampled: Sequence[Interval | None]) -> str:
    """Return a row of the table: how often the interval contains the true score, and misses it."""
    valid = [interval for interval in sampled if interval is not None]
    low = sum(interval.high < true for interval in valid)
    high = sum(interval.low > true for interval in valid)
    n = len(sampled)
    covered = wilson_interval(len(valid) - low - high, n)
    fractions = [low / n, high / n, 1 - len(valid) / n]
    width = np.mean([interval.high - interval.low for interval in valid]) if valid else np.nan
    cells = [
        score,
        method,
        f"{covered.value:.1%}",
        f"{covered.low:.1%} to {covered.high:.1%}",
        *(f"{fraction:.1%}" for fraction in fractions),
        f"{width:.4f}",
    ]
    return f"| {' | '.join(cells)} |"


def main() -> int:
    """Simulate, and print the results as a Markdown table; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.coverage", description=__doc__)
    parser.add_argument("--repeats", type=int, default=1000, help="samples drawn (default 1000)")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="20 samples, to test the benchmark: the results mean nothing",
    )
    options = parser.parse_args()
    if options.repeats < 1:
        parser.error(f"--repeats {options.repeats}: at least one sample is needed")
    repeats, resamples = (20, 100) if options.quick else (options.repeats, RESAMPLES)
    whole = population()
    scores = whole.scores()
    scores_text = ", ".join(f"{name} {value:.4f}" for name, value in scores.items())
    print(f"population  {len(whole.y):,} rows: {scores_text}, errors {whole.error_rate():.2%}")
    print(f"samples     {repeats:,} of {ROWS:,} rows, {resamples:,} resamples each, seed {SEED}")
    print("\n".join(["", f"| {' | '.join(COLUMNS)} |", f"|{' --- |' * len(COLUMNS)}"]), flush=True)
    step = 4 * cpu_count()
    blocks = [range(start, repeats, step) for start in range(min(step, repeats))]
    drawn = Parallel(n_jobs=-1)(delayed(block)(numbers, resamples) for numbers in blocks)
    results = [sample for block_results in drawn for sample in block_results]
    for score, method in results[0]:
        sampled = [sample[score, method] for sample in results]
        print(format_row(score, method, scores[score], sampled))
    return 0


if __name__ == "__main__":
    sys.exit(main())
