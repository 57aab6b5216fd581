"""What changed against a base revision, in Markdown, short enough for a pull request.

It shows the output of `dvc params diff` and `dvc metrics diff` and the result of the gate, and
changes nothing. A job summary on GitHub cannot show an image of this run, neither as a file nor in
the text. So the figures are drawn in ASCII characters, which have the same width in every font.
"""

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from winenet import git, params, yaml12
from winenet.errors import InputError, safe_text
from winenet.evaluation import gates
from winenet.evaluation.gates import SCORES, GateResult, MetricError
from winenet.evaluation.metric_types import Interval
from winenet.report import markdown, model_styles, sentences
from winenet.text import count

MAX_VISIBLE_ROWS = 12  # rows of a table that are not folded
MAX_FOLDED_ROWS = (
    60  # rows below the fold; a pull request's comment has a limit, and so have its readers
)
COLUMNS = 48  # of a figure
Parts = list[str]  # blocks of Markdown, to be set apart by an empty line


class SummaryError(InputError):
    """DVC cannot compute what changed."""


class Change(NamedTuple):
    """A parameter or metric that differs from the base; None where it is missing."""

    key: str
    base: Any
    here: Any


class Score(NamedTuple):
    """A model's score in the base and here; None where it is missing or cannot be read."""

    model: str
    score: str
    base: Interval | None
    here: Interval | None

    @property
    def moved(self) -> bool:
        """Return whether its value changed, or is missing on one side."""
        return self.value(self.base) != self.value(self.here)

    @property
    def gained(self) -> float | None:
        """Return the gain in half-widths of the base's interval; a loss is less than 0."""
        if self.base is None or self.here is None:
            return None
        return -gates.drop_in_half_widths(SCORES[self.score], self.base, self.here)

    @staticmethod
    def value(reading: Interval | None) -> float | None:
        """Return the score itself."""
        return None if reading is None else reading.value


class RunDiff(NamedTuple):
    """The content of the summary. base: as the user named it; scores: all of both sides."""

    base: str
    cautions: Sequence[str]
    parameters: Sequence[Change]
    scores: Sequence[Score]
    constant: Sequence[str]  # models that predict the same for every row
    metrics: Sequence[Change]  # without what `scores` has
    gate: Sequence[GateResult]
    noise: float  # the allowed loss, in half-widths


def diff_against(base: str, settings: params.QualityGates) -> RunDiff:
    """Compare the working tree with a revision.

    base: a branch, tag or commit. If the base has no results, a caution says so.
    Raises GateError if git does not know the base, and SummaryError if DVC fails.
    """
    commit = gates.commit(base)
    cautions = [*_uncommitted(), *_stale()]
    rows = gates.check_minimum(settings.minimum, gates.read_run)
    before: Mapping[str, Any] = {}
    try:
        before = gates.read_base(base)
        rows += gates.check_regressions(before, gates.read_run, settings.max_drop)
    except gates.NoScoresError as error:
        cautions.append(f"{error} The gate has only checked the floors.")
    parameters, unread = _dvc_diff("params", commit)
    metrics, unread_metrics = _dvc_diff("metrics", commit)
    cautions += dict.fromkeys([*unread, *unread_metrics])
    text = {
        f"{_path(gates.COMPARED)} models.{model}.{score}.{part}"
        for model in (*before, *_models_here())
        for score in SCORES
        for part in Interval._fields
    }
    return RunDiff(
        base,
        cautions,
        [Change(key.removeprefix(f"{params.PATH} "), *sides) for key, *sides in parameters],
        scores(before, _models_here()),
        model_styles.constant_models(_models_here()),
        [item for item in metrics if item.key not in text],
        rows,
        settings.max_drop,
    )


def scores(before: Mapping[str, Any], here: Mapping[str, Any]) -> list[Score]:
    """Return each score of each model that either side has, in the order of the comparison.

    before, here: by model, as `models` of metrics/compare.json has them.
    """
    both = {**before, **here}
    models = model_styles.sort_models(both, {"compare": {"models": both}})
    result = [
        Score(model, score, *(_reading(side.get(model), score) for side in (before, here)))
        for model in models
        for score in SCORES
    ]
    return [item for item in result if item.base is not None or item.here is not None]


def render(diff: RunDiff) -> str:
    """Return the whole summary."""
    base = _code(diff.base)
    moved = [item for item in diff.scores if item.moved]
    parts = [f"## What moved against {base}", *(f"> {_line(item)}" for item in diff.cautions)]
    if not (moved or diff.parameters or diff.metrics):
        return _join([*parts, "Nothing moved.", *gate_parts(diff.gate)])
    parts.append(f"**{headline(diff)}**")
    if diff.parameters:
        rows = [(_code(item.key), _value(item.base), _value(item.here)) for item in diff.parameters]
        parts += ["### Parameters", *_folded(("parameter", base, "here"), rows, "parameters")]
    parts.append("### Scores of the models")
    if moved:
        header = (
            "model",
            "score",
            f"{base} (95 % interval)",
            "here",
            "change",
            "gain in half-widths",
            "",
        )
        lines = [score_row(item, diff.noise) for item in by_size(moved)]
        parts += [*_folded(header, lines, "scores"), *pictures(diff)]
    else:
        parts.append("No score of a model moved.")
    if diff.metrics:
        rows = [(_code(item.key), _value(item.base), _value(item.here)) for item in diff.metrics]
        table = _capped(("metric", base, "here"), rows, "metrics", diff.base)
        parts += _fold(f"{count(len(rows), 'other metric')} moved", table)
    return _join([*parts, *gate_parts(diff.gate)])


def headline(diff: RunDiff) -> str:
    """Return the summary in two sentences."""
    moved = [item for item in diff.scores if item.moved]
    beyond = sum(_is_beyond(item, diff.noise) for item in moved)
    failing = sum(row.fails for row in diff.gate)
    if not moved:
        noise = ""
    elif beyond:
        noise = f", {beyond} of them beyond the noise"
    else:
        noise = ", none of them beyond the noise"
    return (
        f"{count(len(diff.parameters), 'parameter')} and "
        f"{count(len(moved), 'score')} moved{noise}. The gate "
        f"{'FAILS' if failing else 'holds'}."
    )


def by_size(moved: Iterable[Score]) -> list[Score]:
    """Return the scores, the largest change first; those that one side lacks before all others."""
    return sorted(
        moved, key=lambda score: float("-inf") if score.gained is None else -abs(score.gained)
    )


def score_row(score: Score, noise: float) -> tuple[str, ...]:
    """Return a score's line: model, score, base, here, change, in half-widths, what it means."""
    base = "-" if score.base is None else _interval(score.base)
    here = "-" if score.here is None else f"{score.here.value:.4f}"
    start = (_code(score.model), score.score, base, here)
    gained = score.gained
    if score.base is None or score.here is None or gained is None:
        return (*start, "-", "-", "new" if score.base is None else "GONE")
    change = score.here.value - score.base.value
    what = "gain" if gained > 0 else "loss"
    where = "beyond" if _is_beyond(score, noise) else "inside"
    return (*start, f"{change:+.4f}", f"{gained:+.2f}", f"{what}, {where} the noise")


def pictures(diff: RunDiff) -> Parts:
    """Return two figures: the accuracies with their intervals, and all changes beside the noise.

    The constant model is left out of the first: it would compress the scale for all others.
    """
    accuracies = [
        item for item in diff.scores if item.score == "accuracy" and item.model not in diff.constant
    ]
    changed = [item for item in by_size(diff.scores) if item.moved and item.gained is not None]
    return [
        *([intervals(accuracies)] if any(item.moved for item in accuracies) else []),
        *([changes(changed[:MAX_VISIBLE_ROWS], diff.noise)] if changed else []),
    ]


def intervals(model_scores: Sequence[Score]) -> str:
    """Draw each score with its interval, in the base and here, on one scale."""
    readings = [
        side for item in model_scores for side in (item.base, item.here) if side is not None
    ]
    low, high = min(item.low for item in readings), max(item.high for item in readings)
    lines = []
    for item in model_scores:
        same = not item.moved
        sides = {"both": item.base} if same else {"base": item.base, "here": item.here}
        for place, (side, reading) in enumerate(sides.items()):
            name = _name(item.model) if place == 0 else ""
            if reading is not None:
                drawn = _bracket(reading, low, high, *("=#" if side == "here" else "-o"))
                lines.append(f"{name:<24} {side} {drawn} {reading.value:.4f}")
    scale = f"{'':<29} {low:<{COLUMNS // 2}.4f}{high:>{COLUMNS - COLUMNS // 2}.4f}"
    title = "Accuracy on the test rows with its 95 % interval: [---o---] base, [===#===] here"
    return _fenced([title, "", *lines, scale])


def changes(model_scores: Sequence[Score], noise: float) -> str:
    """Draw each change in half-widths: a gain to the right, a loss to the left."""
    gains = [0.0 if item.gained is None else item.gained for item in model_scores]
    reach = min(max(2 * noise, *(abs(gain) for gain in gains)), 4 * max(noise, 1.0))
    middle = COLUMNS // 2
    lines = []
    for item, gain in zip(model_scores, gains, strict=True):
        cells = [" "] * (COLUMNS + 1)
        end = _place(min(max(gain, -reach), reach), -reach, reach, COLUMNS + 1)
        for place in range(min(end, middle), max(end, middle) + 1):
            cells[place] = "="
        for bound in (-noise, noise):
            cells[_place(bound, -reach, reach, COLUMNS + 1)] = ":"
        cells[middle] = "|"
        if abs(gain) > reach:
            cells[end] = "<" if gain < 0 else ">"
        name = f"{_name(item.model)} {item.score}"
        lines.append(f"{name:<41} {''.join(cells)} {gain:+.2f}")
    scale = f"{'':<41} {-reach:<+{middle}.1f}0{reach:>+{middle}.1f}"
    title = (
        "Change in half-widths of the base's interval: loss < | > gain; "
        f"the noise, {noise:g} to either side, ends at the colons"
    )
    return _fenced([title, "", *lines, scale])


def gate_parts(rows: Sequence[GateResult]) -> Parts:
    """Return the gate's verdict: its sentence, what fails, and all else folded."""
    failing = [row.cells() for row in rows if row.fails]
    holding = [row.cells() for row in rows if not row.fails]
    parts = ["### Gate", gates.verdict(rows)]
    if failing:
        parts.append(markdown.markdown_table(gates.HEADER, failing))
    if holding:
        table = markdown.markdown_table(gates.HEADER, holding)
        parts += _fold(count(len(holding), "gate that holds", "gates that hold"), [table])
    return parts


def _is_beyond(score: Score, noise: float) -> bool:
    """Return whether a score changed by more than the gate allows, either way, or is gone."""
    if score.here is None:
        return True
    return score.gained is not None and gates.exceeds_tolerance(abs(score.gained), noise)


def _reading(model: Any, score: str) -> Interval | None:
    """Return a model's score, or None; the gate's rows say what is wrong with one."""
    entry = model.get(score) if isinstance(model, Mapping) else None
    try:
        return None if entry is None else gates.reading("its", entry)
    except MetricError:
        return None


def _models_here() -> Mapping[str, Any]:
    """Return this run's models with their scores, none when they cannot be read."""
    try:
        return gates.models(gates.read_run(gates.COMPARED)) or {}
    except MetricError:
        return {}


# --- what git and DVC report -------------------------------------------------------------------


def _uncommitted() -> list[str]:
    """Return a caution if the working tree differs from the last commit."""
    listed = git.run("status", "--porcelain", "--untracked-files=no").stdout
    number = len(listed.splitlines())
    if not number:
        return []
    return [
        f"{count(number, 'tracked file differs', 'tracked files differ')} from "
        "the last commit: this is the working tree, not a commit."
    ]


def _stale() -> list[str]:
    """Return a caution if stages have not run with the parameters of params.yaml."""
    try:
        ran = _yaml("dvc.lock")["stages"].items()
        stand = _yaml(params.PATH)
        stages = [
            stage
            for stage, entry in ran
            if any(
                _parameter(stand, key) != values
                for key, values in entry.get("params", {}).get(params.PATH, {}).items()
            )
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError):
        return ["dvc.lock cannot be read, so it is unknown with which parameters the stages ran."]
    if not stages:
        return []
    return [
        f"Not run with these parameters yet: {', '.join(map(safe_text, stages))}. The metrics "
        f"belong to other values than those in {params.PATH}; `dvc repro` computes them again."
    ]


def _parameter(parameters: Mapping[str, Any], key: str) -> Any:
    """Return a section, or the parameter of a dotted key."""
    for step in key.split("."):
        parameters = parameters[step] if isinstance(parameters, Mapping) else {}
    return parameters


def _yaml(path: str) -> Any:
    return yaml.load(Path(path).read_text(encoding="utf-8"), Loader=yaml12.Yaml12Loader)


def _dvc_diff(what: str, commit: str) -> tuple[list[Change], list[str]]:
    """Return what `dvc params diff` or `dvc metrics diff` finds, and what it could not read.

    First what both sides have, by the size of its change, then what is new, then what is gone.
    """
    command = [sys.executable, "-m", "dvc", what, "diff", "--json", commit]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    said = " ".join(done.stderr.split())
    try:
        if done.returncode:
            raise ValueError(f"exit code {done.returncode}")
        result = json.loads(done.stdout)
    except ValueError as error:
        raise SummaryError(
            f"`dvc {what} diff` failed ({error}; it printed: {said[-300:]}). The "
            "summary needs dvc, as `make` installs it, and a dvc.yaml that DVC can read."
        ) from None
    moved = [
        Change(f"{path} {key}", change.get("old"), change.get("new"))
        for path, keys in result.items()
        for key, change in keys.items()
    ]
    unread = [f"DVC could not read all {what}, so some are missing here: {said}"] if said else []
    return sorted(moved, key=_importance), unread


def _importance(change: Change) -> tuple[int, float, str]:
    """Return what a list is sorted by: on both sides, new, gone; then the relative change."""
    group = 2 if change.here is None else 1 if change.base is None else 0
    try:
        largest = max(abs(change.base), abs(change.here))
        share = abs(change.here - change.base) / largest if largest else 0.0
    except TypeError:
        share = float("inf")
    return group, -share, change.key


def _path(stage: str) -> str:
    return f"metrics/{stage}.json"


# --- how it is written -------------------------------------------------------------------------


def _join(parts: Iterable[str]) -> str:
    return "\n\n".join(parts)


def _folded(header: Sequence[str], rows: Sequence[Sequence[str]], what: str) -> Parts:
    """Return the first rows as a table, and the rest of them below a fold."""
    parts = [markdown.markdown_table(header, rows[:MAX_VISIBLE_ROWS])]
    if rest := rows[MAX_VISIBLE_ROWS:]:
        parts += _fold(f"{len(rest)} more {what}", [markdown.markdown_table(header, rest)])
    return parts


def _capped(header: Sequence[str], rows: Sequence[Sequence[str]], what: str, base: str) -> Parts:
    """Return a table of MAX_FOLDED_ROWS rows at most."""
    parts = [markdown.markdown_table(header, rows[:MAX_FOLDED_ROWS])]
    if len(rows) > MAX_FOLDED_ROWS:
        more = f"{len(rows) - MAX_FOLDED_ROWS} more are not shown: "
        parts.append(more + _code(f"dvc {what} diff {base}"))
    return parts


def _fold(title: str, parts: Parts) -> Parts:
    """Return blocks that a reader can unfold."""
    return [f"<details><summary>{title}</summary>", *parts, "</details>"]


def _fenced(lines: Iterable[str]) -> str:
    return "\n".join(["```text", *(line.rstrip() for line in lines), "```"])


def _bracket(reading: Interval, low: float, high: float, line: str, dot: str) -> str:
    """Draw an interval and its value as [---o---] in COLUMNS characters."""
    start, value, end = (
        _place(bound, low, high, COLUMNS) for bound in (reading.low, reading.value, reading.high)
    )
    cells = [" "] * COLUMNS
    cells[start : end + 1] = line * (end + 1 - start)
    cells[start], cells[end] = "[", "]"
    cells[value] = dot
    return "".join(cells)


def _place(value: float, low: float, high: float, columns: int) -> int:
    """Return the column of a value on a scale from low to high, within it."""
    share = (value - low) / (high - low) if high > low else 0.5
    return min(max(round(share * (columns - 1)), 0), columns - 1)


def _interval(reading: Interval) -> str:
    return f"{reading.value:.4f} ({reading.low:.4f} to {reading.high:.4f})"


def _value(value: Any) -> str:
    """Return a parameter or metric, long ones cut."""
    return "-" if value is None else _code(str(value))


def _code(text: str) -> str:
    """Return a text as code, or literally when it holds what could end the code."""
    safe = text if text.isprintable() and len(text) <= 120 else safe_text(text)
    return sentences.escape_markdown(safe) if set(safe) & {"`", "|", "<"} else f"`{safe}`"


def _name(model: str) -> str:
    """Return a model's name for a figure: nothing in it can end the block."""
    return safe_text(model).replace("`", "'")


def _line(text: str) -> str:
    """Return a text as one line that starts no HTML."""
    return " ".join(text.replace("&", "&amp;").replace("<", "&lt;").split())
