"""Quality gates: minimum values for this run's metrics, and losses against a base revision.

They read what the stages wrote and change nothing. No stage depends on them.
"""

import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from winenet import git
from winenet.errors import InputError, did_you_mean
from winenet.evaluation.metric_types import Interval

COMPARED = "compare"  # the stage whose metrics are compared with those of the base
# The scores to compare, with 1 if higher is better and -1 if lower is better.
SCORES = {
    "accuracy": 1,
    "accuracy_unseen": 1,
    "balanced_accuracy": 1,
    "matthews_corrcoef": 1,
    "average_precision": 1,
    "roc_auc": 1,
    "log_loss": -1,
}
HEADER = ("gate", "this run", "floor, or base (interval)", "loss in half-widths", "verdict")
NOISE = "holds: inside the noise"

MetricsReader = Callable[[str], Any]


class GateError(InputError):
    """The base cannot be read."""


class NoScoresError(GateError):
    """The base is a revision, but has no readable scores."""


class MetricError(InputError):
    """A metric of this run cannot be read; it becomes a failing row."""


class GateResult(NamedTuple):
    """One row of the table of gates."""

    gate: str
    here: str
    bound: str
    loss: str
    verdict: str
    fails: bool = False

    def cells(self) -> tuple[str, ...]:
        """Return the cells of the row, in the columns of HEADER."""
        return self[:5]


def check_minimum(minimum: Mapping[str, float], read: MetricsReader) -> list[GateResult]:
    """Check minimum values; a row fails if the metric is lower, missing or not a finite number.

    Parameters
    ----------
    minimum : mapping of str to float
        By key: "mlp.notebook.accuracy" is notebook -> accuracy of metrics/mlp.json.
    read : callable
        Returns a stage's metrics, or raises MetricError.

    Returns
    -------
    list of GateResult
        One row per minimum.
    """
    rows = []
    for key, floor in minimum.items():
        gate, bound = f"floor `{key}`", f"{floor}"
        try:
            value = _metric(key, read)
        except MetricError as error:
            rows.append(GateResult(gate, "-", bound, "-", f"FAILS: {error}", fails=True))
            continue
        fails = value < floor
        verdict = "FAILS: below the floor" if fails else "holds"
        rows.append(GateResult(gate, f"{value}", bound, "-", verdict, fails))
    return rows


def check_regressions(
    base: Mapping[str, Any], read: MetricsReader, max_drop: float
) -> list[GateResult]:
    """Compare the scores with those of the base, in half-widths of the base's intervals.

    A row fails if the loss is more than max_drop, or if this run lacks a model or score of the
    base.

    Parameters
    ----------
    base : mapping
        As from `read_base`.
    read : callable
        Returns a stage's metrics, or raises MetricError.
    max_drop : float
        In half-widths.

    Returns
    -------
    list of GateResult
        One row per model and score.
    """
    try:
        current = models(read(COMPARED))
    except MetricError as error:
        return [GateResult("losses", "-", "-", "-", f"FAILS: {error}", fails=True)]
    if current is None:
        verdict = f"FAILS: metrics/{COMPARED}.json has no models; `dvc repro` makes it again"
        return [GateResult("losses", "-", "-", "-", verdict, fails=True)]
    rows = []
    for model in [*base, *(new for new in current if new not in base)]:
        before, now = base.get(model, {}), current.get(model)
        if not isinstance(now, Mapping):
            verdict = "FAILS: this run has no such model"
            rows.append(GateResult(f"loss `{model}`", "-", "-", "-", verdict, fails=True))
            continue
        for score in SCORES:
            if before.get(score) is not None or now.get(score) is not None:
                rows.append(_loss_row(model, score, before.get(score), now.get(score), max_drop))
    return rows


def verdict(rows: Sequence[GateResult]) -> str:
    """Summarize the table in one or two sentences."""
    failing = [row.gate for row in rows if row.fails]
    if failing:
        return (
            f"{len(failing)} of {len(rows)} gates FAIL: {', '.join(failing)}. "
            "The bounds are in params.yaml under gates."
        )
    n_noise = sum(row.verdict == NOISE for row in rows)
    note = f"; {n_noise} of them lost something inside the noise" if n_noise else ""
    return f"{len(rows)} of {len(rows)} gates hold{note}."


def read_run(stage: str) -> Any:
    """Return the metrics of a stage. Raises MetricError if the file is missing or broken."""
    path = Path(f"metrics/{stage}.json")
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        raise MetricError(f"{path.as_posix()} is missing; `dvc repro` makes it") from None
    except (OSError, ValueError) as error:
        raise MetricError(
            f"{path.as_posix()} cannot be read ({error}); `dvc repro` makes it again"
        ) from None


def read_base(revision: str) -> dict[str, Any]:
    """Return the scores by model in a revision's metrics/compare.json.

    Raises
    ------
    GateError
        If git does not know the revision.
    NoScoresError
        If the file is missing or broken in that revision.
    """
    path = f"metrics/{COMPARED}.json"
    shown = git.run("cat-file", "blob", f"{commit(revision)}:./{path}")
    if shown.returncode:
        raise NoScoresError(
            f"The base '{revision}' has no {path}, so losses against it are unknown. A base is a "
            f"commit with the results of the stage {COMPARED}: name a later one with BASE."
        )
    try:
        scored = models(json.loads(shown.stdout))
        if not scored or not all(isinstance(scores, dict) for scores in scored.values()):
            raise ValueError("it has no scores by model")
        values = [scores.get(score) for scores in scored.values() for score in SCORES]
        if all(value is None for value in values):
            raise ValueError(f"no model has any of the scores {', '.join(SCORES)}")
    except ValueError as error:
        raise NoScoresError(
            f"{path} of the base '{revision}' cannot be used ({error}), so losses against it "
            "are unknown. A base is a commit of a finished run: name another with BASE."
        ) from None
    return scored


def _metric(key: str, read: MetricsReader) -> float:
    """Return the number at a dotted key."""
    stage, *steps = key.split(".")
    value = read(stage)
    for depth, step in enumerate(steps, start=1):
        known = value if isinstance(value, Mapping) else {}
        if step not in known:
            raise MetricError(
                f"metrics/{stage}.json has no {'.'.join(steps[:depth])}{did_you_mean(step, known)}"
            )
        value = known[step]
    return _number(key, value)


def models(content: Any) -> dict[str, Any] | None:
    """Return the scores by model in the content of metrics/compare.json, or None."""
    models = content.get("models") if isinstance(content, dict) else None
    return models if isinstance(models, dict) else None


def _loss_row(model: str, score: str, before: Any, now: Any, max_drop: float) -> GateResult:
    """Compare one score, which the base or this run may lack."""
    gate, bound, here, loss = f"loss `{model}.{score}`", "none", "-", "-"
    try:
        base = None if before is None else reading("the base's", before)
        bound = bound if base is None else f"{base.value} ({base.low} to {base.high})"
        if now is None:
            raise MetricError("this run has no such score")
        run = reading("this run's", now)
    except MetricError as error:
        return GateResult(gate, here, bound, loss, f"FAILS: {error}", fails=True)
    here = f"{run.value}"
    if base is None:
        return GateResult(gate, here, bound, loss, "new: the base has none")
    lost = drop_in_half_widths(SCORES[score], base, run)
    loss = f"{lost:z.3f}"
    if exceeds_tolerance(lost, max_drop):
        return GateResult(
            gate, here, bound, loss, f"FAILS: a loss of more than {max_drop}", fails=True
        )
    return GateResult(gate, here, bound, loss, NOISE if lost > 0 else "holds")


def exceeds_tolerance(lost: float, max_drop: float) -> bool:
    """Return whether a loss in half-widths exceeds the allowed one by more than rounding."""
    return lost > max_drop * (1 + 1e-9)


def drop_in_half_widths(direction: int, base: Interval, run: Interval) -> float:
    """Return the loss in half-widths of the base's interval; a gain is negative."""
    drop = direction * (base.value - run.value)
    half_width = (base.high - base.low) / 2
    if drop == 0:
        return 0.0
    return drop / half_width if half_width else math.copysign(math.inf, drop)


def reading(whose: str, entry: Any) -> Interval:
    """Return a score with its interval; raise MetricError unless all three are finite."""
    if not isinstance(entry, Mapping):
        raise MetricError(f"{whose} score is {_as_json(entry)}, not a value with an interval")
    interval = Interval(*(_number(f"{whose} {name}", entry.get(name)) for name in Interval._fields))
    if interval.low > interval.high:
        raise MetricError(f"{whose} low {interval.low} is above its high {interval.high}")
    return interval


def _number(name: str, value: Any) -> float:
    """Return the value if it is a finite number; NaN, true, null and text are not."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not abs(value) <= sys.float_info.max:
        raise MetricError(f"{name} is {_as_json(value)}, not a finite number")
    return float(value)


def _as_json(value: Any) -> str:
    """Return a value as JSON, in 40 characters at most: the message quotes a JSON file."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:37]}..."


def commit(revision: str) -> str:
    """Return the commit of a branch, a tag or a hash.

    Raises
    ------
    GateError
        If git does not know the revision, or cannot be used here.
    """
    try:
        result = git.run("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    except git.GitError as error:
        raise _unreadable_base(str(error)) from None
    if result.returncode == 0:
        return result.stdout.decode().strip()
    if result.stderr:
        raise _unreadable_base(git.error_text(result))
    raise GateError(
        f"The base '{revision}' is not a revision that git knows here, so losses against it are "
        "unknown. A base is a branch, a tag or a commit: `git branch --all` lists the branches, "
        "`git fetch` gets those of the server."
    )


def _unreadable_base(reason: str) -> GateError:
    return GateError(
        f"git cannot read the base ({reason}), so losses against it are unknown. "
        "BASE needs git and a repository; without it the floors alone are checked."
    )
