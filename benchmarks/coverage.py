"""How often the bootstrap's intervals hold the true score: `python -m benchmarks.coverage`.

Samples of as many rows as the wine's test set has are drawn from a population whose true scores are
known; an interval of 95 % should hold them in 95 % of the samples. Nothing is read from files.
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
ROWS = 1300  # of the wine's test set
RESAMPLES = 2000
# The wines as a network of the notebook sees them: its log odds of "red" are normal within each
# part, but for the few that look like the other kind. Label, share, mean, standard deviation.
PARTS = [
    (0, 0.737, -7.5, 1.6),
    (0, 0.003, 1.0, 2.0),
    (1, 0.256, 12.0, 3.5),
    (1, 0.004, -6.0, 2.5),
]
COLUMNS = ["score", "interval", "holds it", "95 % interval", "too low", "too high", "none", "width"]


class Population(NamedTuple):
    """Labels and probabilities of class 1, (rows,), and what each row adds to the log loss."""

    y: Array
    probability: Array
    losses: Array

    def scores(self) -> dict[str, float]:
        """Return the true scores."""
        return {
            "ROC AUC": float(roc_auc(self.y, self.probability)),
            "log loss": float(self.losses.mean()),
        }

    def errors(self) -> float:
        """Return the share of rows that are called wrongly."""
        return float(((self.probability > 0.5) != self.y).mean())


def population() -> Population:
    """Draw the population; it is finite, so that its scores are known exactly."""
    rng = np.random.default_rng(SEED)
    counts = [round(1_000_000 * share) for _, share, _, _ in PARTS]
    y = np.repeat([float(label) for label, *_ in PARTS], counts)
    drawn = [rng.normal(*part[2:], size=count) for part, count in zip(PARTS, counts, strict=True)]
    probability = 1 / (1 + np.exp(-np.concatenate(drawn)))
    return Population(y, probability, row_losses(pd.Series(y), pd.Series(probability)))


def block(numbers: Sequence[int], resamples: int) -> list[dict[tuple[str, str], Any]]:
    """Return the intervals of some samples; each process draws the population anew."""
    whole = population()
    return [intervals(whole, number, resamples) for number in numbers]


def intervals(whole: Population, number: int, resamples: int) -> dict[tuple[str, str], Any]:
    """Draw one sample; return by score and method its interval, or None.

    number: of the sample, its seed; so the result does not depend on who else is at work.
    """
    chosen = np.random.default_rng([SEED, number]).integers(0, len(whole.y), ROWS)
    y, probability, losses = (column[chosen] for column in whole)
    found = {}
    for score, statistic, sample in (
        ("ROC AUC", roc_auc, (y, probability)),
        ("log loss", np.mean, (losses,)),
    ):
        found[score, "BCa"] = bootstrap_interval(statistic, sample, resamples, number)
        found[score, "percentile"] = percentile(statistic, sample, resamples, number)
    return found


def percentile(
    statistic: Any, sample: Sequence[Array], resamples: int, random_state: int
) -> Interval | None:
    """Return the plainer interval: what lies between 2.5 and 97.5 % of the resamples' scores."""
    found = bootstrap(
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
    if not found.low < found.high:
        return None
    return Interval(float(statistic(*sample, axis=-1)), float(found.low), float(found.high))


def line(score: str, method: str, true: float, found: Sequence[Interval | None]) -> str:
    """Return a line of the table: of all samples, how the interval lies to the true score."""
    told = [one for one in found if one is not None]
    low = sum(one.high < true for one in told)
    high = sum(one.low > true for one in told)
    holds = wilson_interval(len(told) - low - high, len(found))
    shares = [low / len(found), high / len(found), 1 - len(told) / len(found)]
    width = np.mean([one.high - one.low for one in told]) if told else np.nan
    cells = [
        score,
        method,
        f"{holds.value:.1%}",
        f"{holds.low:.1%} to {holds.high:.1%}",
        *(f"{share:.1%}" for share in shares),
        f"{width:.4f}",
    ]
    return f"| {' | '.join(cells)} |"


def main() -> int:
    """Simulate, and print what was found as a Markdown table; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.coverage", description=__doc__)
    parser.add_argument("--repeats", type=int, default=1000, help="samples drawn (default 1000)")
    parser.add_argument(
        "--quick", action="store_true", help="20 samples: shows that it works, measures nothing"
    )
    given = parser.parse_args()
    if given.repeats < 1:
        parser.error(f"--repeats {given.repeats}: at least one sample is needed")
    repeats, resamples = (20, 100) if given.quick else (given.repeats, RESAMPLES)
    whole = population()
    scores = whole.scores()
    told = ", ".join(f"{name} {value:.4f}" for name, value in scores.items())
    print(f"population  {len(whole.y):,} rows: {told}, errors {whole.errors():.2%}")
    print(f"samples     {repeats:,} of {ROWS:,} rows, {resamples:,} resamples each, seed {SEED}")
    print("\n".join(["", f"| {' | '.join(COLUMNS)} |", f"|{' --- |' * len(COLUMNS)}"]), flush=True)
    step = 4 * cpu_count()
    blocks = [range(start, repeats, step) for start in range(min(step, repeats))]
    drawn = Parallel(n_jobs=-1)(delayed(block)(numbers, resamples) for numbers in blocks)
    found = [one for each in drawn for one in each]
    for score, method in found[0]:
        print(line(score, method, scores[score], [one[score, method] for one in found]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
