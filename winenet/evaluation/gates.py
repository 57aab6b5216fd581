"""The gate: floors under this run's metrics, and losses against those of a base revision.

It judges what the stages wrote and changes nothing. No stage depends on it.
"""

import json
import math
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from winenet.errors import InputError, did_you_mean
from winenet.evaluation.metric_types import Interval

COMPARED = "compare"  # the stage whose metrics are held against the base's
# The scores that are compared, and which way is a loss: 1 where less is worse, -1 where more is.
SCORES = {"accuracy": 1, "accuracy_unseen": 1, "roc_auc": 1, "log_loss": -1}
HEADER = ("gate", "this run", "floor, or base (interval)", "loss in half-widths", "verdict")
NOISE = "holds: inside the noise"

Read = Callable[[str], Any]


class GateError(InputError):
    """There is nothing to compare with: the base cannot be read."""


class NoScoresError(GateError):
    """The base is a revision, but not one of a run whose scores can be read."""


class MetricError(InputError):
    """A metric of this run cannot be told, and why. It ends as a row that fails."""


class GateResult(NamedTuple):
    """One line of the gate's table."""

    gate: str
    here: str
    bound: str
    loss: str
    verdict: str
    fails: bool = False

    def cells(self) -> tuple[str, ...]:
        """Return what stands in the table, its columns as HEADER names them."""
        return self[:5]


def check_minimum(floors: Mapping[str, float], read: Read) -> list[GateResult]:
    """Return a row a floor; it fails when the metric is less, missing or no finite number.

    floors: the least value by key; "mlp.notebook.accuracy" is notebook -> accuracy of
    metrics/mlp.json. read: returns a stage's metrics, or raises MetricError.
    """
    rows = []
    for key, least in floors.items():
        gate, bound = f"floor `{key}`", f"{least}"
        try:
            value = _metric(key, read)
        except MetricError as error:
            rows.append(GateResult(gate, "-", bound, "-", f"FAILS: {error}", fails=True))
            continue
        fails = value < least
        verdict = "FAILS: below the floor" if fails else "holds"
        rows.append(GateResult(gate, f"{value}", bound, "-", verdict, fails))
    return rows


def check_regressions(base: Mapping[str, Any], read: Read, max_drop: float) -> list[GateResult]:
    """Return a row a model and score: what was lost against the base, in half-widths.

    A half-width is half of the interval that the base gives the score. A row fails when the loss
    is more than max_drop, or when the base has a model or score that this run lacks.
    base: what `read_base` returns. read: returns a stage's metrics, or raises MetricError.
    """
    try:
        here = models(read(COMPARED))
    except MetricError as error:
        return [GateResult("losses", "-", "-", "-", f"FAILS: {error}", fails=True)]
    if here is None:
        verdict = f"FAILS: metrics/{COMPARED}.json has no models; `dvc repro` makes it again"
        return [GateResult("losses", "-", "-", "-", verdict, fails=True)]
    rows = []
    for model in [*base, *(new for new in here if new not in base)]:
        before, now = base.get(model, {}), here.get(model)
        if not isinstance(now, Mapping):
            verdict = "FAILS: this run has no such model"
            rows.append(GateResult(f"loss `{model}`", "-", "-", "-", verdict, fails=True))
            continue
        for score in SCORES:
            if before.get(score) is not None or now.get(score) is not None:
                rows.append(_loss_row(model, score, before.get(score), now.get(score), max_drop))
    return rows


def verdict(rows: Sequence[GateResult]) -> str:
    """Return the table's outcome as one sentence or two."""
    failing = [row.gate for row in rows if row.fails]
    if failing:
        return (
            f"{len(failing)} of {len(rows)} gates FAIL: {', '.join(failing)}. "
            "The bounds stand in params.yaml under gates."
        )
    lost = sum(row.verdict == NOISE for row in rows)
    told = f"; {lost} of them lost something inside the noise" if lost else ""
    return f"{len(rows)} of {len(rows)} gates hold{told}."


def read_run(stage: str) -> Any:
    """Return what a stage's metrics file holds.

    Raises MetricError when the file is missing or broken.
    """
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
    """Return the scores of a revision by model, as its metrics/compare.json in git has them.

    Raises GateError when git does not know the revision, and NoScoresError, which is one, when
    the file there is missing or broken.
    """
    path = f"metrics/{COMPARED}.json"
    found = git("cat-file", "blob", f"{commit(revision)}:./{path}")
    if found.returncode:
        raise NoScoresError(
            f"The base '{revision}' has no {path}, so no loss against it can be told. A base is a "
            f"commit that holds the results of the stage {COMPARED}: name a later one with BASE."
        )
    try:
        scored = models(json.loads(found.stdout))
        if not scored or not all(isinstance(scores, dict) for scores in scored.values()):
            raise ValueError("it has no scores by model")
        told = [scores.get(score) for scores in scored.values() for score in SCORES]
        if all(score is None for score in told):
            raise ValueError(f"no model has any of the scores {', '.join(SCORES)}")
    except ValueError as error:
        raise NoScoresError(
            f"{path} of the base '{revision}' cannot be used ({error}), so no loss against it can "
            "be told. A base is a commit of a finished run: name another with BASE."
        ) from None
    return scored


def _metric(key: str, read: Read) -> float:
    """Return the number behind a dotted key."""
    stage, *steps = key.split(".")
    value = read(stage)
    for place, step in enumerate(steps, start=1):
        known = value if isinstance(value, Mapping) else {}
        if step not in known:
            raise MetricError(
                f"metrics/{stage}.json has no {'.'.join(steps[:place])}{did_you_mean(step, known)}"
            )
        value = known[step]
    return _number(key, value)


def models(content: Any) -> dict[str, Any] | None:
    """Return the part of metrics/compare.json that holds the scores by model, if it is there."""
    models = content.get("models") if isinstance(content, dict) else None
    return models if isinstance(models, dict) else None


def _loss_row(model: str, score: str, before: Any, now: Any, max_drop: float) -> GateResult:
    """Compare one score, of which the base or this run may have none."""
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
    """Tell whether a loss in half-widths is more than the allowed one, and not by its last bit."""
    return lost > max_drop * (1 + 1e-9)


def drop_in_half_widths(direction: int, base: Interval, run: Interval) -> float:
    """Return the loss in half-widths of the base's interval; a gain is less than 0."""
    drop = direction * (base.value - run.value)
    half_width = (base.high - base.low) / 2
    if drop == 0:
        return 0.0
    return drop / half_width if half_width else math.copysign(math.inf, drop)


def reading(whose: str, entry: Any) -> Interval:
    """Return a score with its interval, all three of them finite numbers."""
    if not isinstance(entry, Mapping):
        raise MetricError(f"{whose} score is {_as_json(entry)}, not a value with an interval")
    reading = Interval(*(_number(f"{whose} {name}", entry.get(name)) for name in Interval._fields))
    if reading.low > reading.high:
        raise MetricError(f"{whose} low {reading.low} is above its high {reading.high}")
    return reading


def _number(name: str, value: Any) -> float:
    """Return the value when it is a finite number; JSON's NaN, true, null and text are none."""
    a_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not a_number or not abs(value) <= sys.float_info.max:
        raise MetricError(f"{name} is {_as_json(value)}, not a finite number")
    return float(value)


def _as_json(value: Any) -> str:
    """Return a value as JSON, in 40 characters at most: the message quotes a JSON file."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:37]}..."


def commit(revision: str) -> str:
    """Return the commit that a branch, a tag or a hash stands for."""
    found = git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    if found.returncode == 0:
        return found.stdout.decode().strip()
    if found.stderr:
        raise _no_git(" ".join(found.stderr.decode(errors="replace").split()))
    raise GateError(
        f"The base '{revision}' is no revision that git knows here, so no loss against it can be "
        "told. A base is a branch, a tag or a commit: `git branch --all` lists the branches, "
        "`git fetch` brings those of the server."
    )


def git(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run git here; whoever calls judges how it ended. Raises GateError when there is no git."""
    try:
        return subprocess.run(["git", *arguments], capture_output=True, check=False)
    except OSError as error:
        raise _no_git(f"git: {error.strerror}") from None


def _no_git(reason: str) -> GateError:
    return GateError(
        f"git cannot tell what the base holds ({reason}), so no loss against it can be told. "
        "BASE needs git and a repository; without it the floors alone are checked."
    )
