"""Predict a raw table of any length with a model file, and report what did not match the model.

The rows are read, predicted and written chunk by chunk, so memory use does not depend on their
number. The formats that are written are in `prediction_files`.
"""

import contextlib
import io
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd
import pyarrow as pa
from threadpoolctl import threadpool_limits

from winenet import files
from winenet.data import model_table
from winenet.data.column_format import ColumnFormat
from winenet.data.dialect import clean_text
from winenet.data.model_table import ModelTable
from winenet.data.preprocessing import FILL_STATISTIC, GAP, Array
from winenet.errors import InputError, did_you_mean, preview, safe_text, short_repr
from winenet.models import model_file
from winenet.models.predictor import PipelinePredictor
from winenet.models.saved import DEFAULT_THRESHOLD, SavedModel
from winenet.progress import Progress
from winenet.serve.prediction_files import (
    CsvPredictions,
    ParquetPredictions,
    PredictionFile,
    prediction_columns,
)
from winenet.text import count

PROGRESS_MIN_BYTES = 2**26  # progress is shown for tables of at least this size
LEVELS_SHOWN = 5
DEFAULT_NA_VALUES = ("NA", "NaN")  # known even if training had no gap


class PredictError(InputError):
    """A table cannot be predicted, or its predictions cannot be written."""


def predict_file(
    model: str,
    table: str,
    out: str | None = None,
    separator: str | None = None,
    na_values: Sequence[str] = (),
    *,
    encoding: str | None = None,
    keep: Sequence[str] = (),
    threshold: float | None = None,
    force: bool = False,
    block: int = model_table.BLOCK,
) -> None:
    """Write a prediction for each row of a table, and a summary of mismatches to standard error.

    Parameters
    ----------
    model : str
        A model file.
    table : str
        A table file, or "-" for standard input.
    out : str, optional
        The file to write; without it, standard output.
        Parquet if its name ends in .parquet, else CSV.
    separator, encoding, block
        As in `model_table.ModelTable`.
    na_values : sequence of str
        Texts that stand for a gap, beside those of the model.
    keep : sequence of str
        Columns of the table that are written as well; "all" for all of them.
    threshold : float, optional
        Of two labels, the probability above which the positive one is predicted; without it, the
        model's own.
    force : bool
        Whether to overwrite an existing file.

    Raises
    ------
    InputError
        If the model, the table or out cannot be used; out is then unchanged.
    """
    saved = _with_threshold(model_file.read(model, by_stage=False), threshold)
    if out is not None:
        check_output_path(out, {"model": model, "table": table}, force=force)
    mismatches = MismatchReport(saved)
    formats = reading_formats(saved, na_values)
    with ModelTable(table, formats, encoding, separator, block=block) as opened:
        kept = _kept_columns(keep, opened, saved)
        as_parquet = out is not None and out.lower().endswith(".parquet")
        output: type[PredictionFile] = ParquetPredictions if as_parquet else CsvPredictions
        try:
            # On a busy machine several BLAS threads wait for each other: five times as long.
            with (
                threadpool_limits(limits=1, user_api="blas"),
                _open_output(out) as target,
                output(saved, kept, target) as predictions,
                _progress(opened) as progress,
            ):
                for first_row, P, cells in _predicted_chunks(saved, opened, mismatches, kept):
                    predictions.write(first_row, P, cells)
                    if progress is not None and opened.fraction_read:
                        read = int(opened.fraction_read * progress.total)
                        progress.update(read - progress.done, opened.fraction_read)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise PredictError(
                f"{_output_name(out)} could not be written ({error.strerror or error}), so the "
                "predictions are not complete. They need about 30 bytes per row and a folder that "
                "this user may write to: free some space, or choose another file with -o."
            ) from None
        first, *others = mismatches.summary_lines(model, opened)
        others += _not_kept_lines(keep, opened, kept)
    print("\n".join([first, *_threshold_lines(saved), *others]), file=sys.stderr)


def _with_threshold(saved: SavedModel, threshold: float | None) -> SavedModel:
    """Return the model with another threshold; raise PredictError if it cannot have one."""
    if threshold is None:
        return saved
    if len(saved.labels) != 2:
        raise PredictError(
            f"--threshold {threshold:.6g} is for two labels and this model has "
            f"{len(saved.labels)}, of which the most probable one is predicted, so nothing was "
            "done. Leave --threshold out."
        )
    return replace(saved, model=replace(saved.model, threshold=threshold))


def _threshold_lines(saved: SavedModel) -> list[str]:
    """Return a line of the summary if the threshold is not 0.5."""
    threshold = saved.model.threshold
    if threshold == DEFAULT_THRESHOLD:
        return []
    return [f"  {short_repr(saved.labels[1])} above a probability of {threshold:.6g}, not 0.5"]


def _not_kept_lines(keep: Sequence[str], table: ModelTable, kept: Sequence[str]) -> list[str]:
    """Return a line of the summary if "all" columns are not all of them."""
    left_out = [name for name in table.names if name not in kept] if list(keep) == ["all"] else []
    if not left_out:
        return []
    return [f"  not kept, as the predictions have such a column: {preview(left_out)}"]


def check_output_path(out: str, inputs: dict[str, str], *, force: bool) -> None:
    """Raise PredictError if out is a folder, an input, or an existing file without force.

    inputs: the input files by their role.
    """
    path = Path(out)
    # Unlike Path's methods, these do not raise for a name that is too long.
    if os.path.lexists(path) and not os.path.isfile(path):  # noqa: PTH113
        kind = "a folder" if path.is_dir() else "not a file (a device, a pipe or a broken link)"
        raise PredictError(
            f"-o {safe_text(out)} is {kind}, so nothing was written there. Give the name of a file."
        )
    for role, input_path in inputs.items():
        with contextlib.suppress(OSError, ValueError):
            if path.samefile(input_path):
                raise PredictError(
                    f"-o {safe_text(out)} is the {role} itself, so nothing was written: it would "
                    "be lost. Give another name."
                )
    if os.path.lexists(path) and not force:
        raise PredictError(
            f"-o {safe_text(out)} exists, so nothing was written. Give another name, or --force to "
            "overwrite it."
        )


def _output_name(out: str | None) -> str:
    return "Standard output" if out is None else safe_text(out)


@contextlib.contextmanager
def _open_output(out: str | None) -> Iterator[IO[bytes]]:
    """Yield the stream for the predictions; a file is written completely or not at all."""
    if out is not None:
        with files.atomic_writer(out) as target:
            yield target
        return
    if sys.stdout is None:
        raise PredictError(
            "Standard output is closed, so the predictions have no place. Give a file by -o."
        )
    target = sys.stdout.buffer
    if not isinstance(target, io.RawIOBase):
        yield target
        target.flush()
        return
    with io.BufferedWriter(io.FileIO(target.fileno(), "w", closefd=False)) as buffered:
        yield buffered  # under `python -u`, whose raw stream may silently write only a part


@contextlib.contextmanager
def _progress(table: ModelTable) -> Iterator[Progress | None]:
    """Yield a progress display for a long table, or None for a short one."""
    if table.size < PROGRESS_MIN_BYTES:
        yield None
        return
    with Progress("predict", table.size // 2**20, "MB", sys.stderr) as progress:
        yield progress


def reading_formats(saved: SavedModel, na_values: Sequence[str]) -> dict[str, ColumnFormat]:
    """Return how the model's columns are read, with more texts for a gap.

    A text that is a level of its column is no gap there, whatever it means elsewhere.
    """
    raw = saved.preprocessing
    levels = dict(zip(raw.categories, raw.levels, strict=True))
    formats = {}
    for name, how in raw.formats.items():
        words = dict.fromkeys([*how.na_values, *DEFAULT_NA_VALUES, *map(clean_text, na_values)])
        own = tuple(word for word in words if word not in levels.get(name, ()))
        formats[name] = replace(how, na_values=own)
    return formats


def _kept_columns(keep: Sequence[str], table: ModelTable, saved: SavedModel) -> list[str]:
    """Return the columns that are written as well; raise PredictError if one cannot be."""
    written = prediction_columns(saved)
    everything = list(keep) == ["all"]
    names = list(dict.fromkeys(table.names if everything else map(clean_text, keep)))
    for name in names:
        if name not in table.names:
            raise PredictError(
                f"--keep {short_repr(name)} is not a column of {table.display_name}"
                f"{did_you_mean(name, table.names) or '.'} Its columns: {preview(table.names)}."
            )
        if table.names.count(name) > 1:
            raise PredictError(
                f"--keep {short_repr(name)} stands {table.names.count(name)} times in the header "
                f"of {table.display_name}, so it is open which one is meant. Give each a name of "
                "its own."
            )
        if name in written and not everything:
            raise PredictError(
                f"--keep {short_repr(name)} has the name of a column of the predictions. Rename it "
                "in the table, or leave it out."
            )
    return [name for name in names if name not in written]


def _predicted_chunks(
    saved: SavedModel, table: ModelTable, mismatches: "MismatchReport", kept: list[str]
) -> Iterator[tuple[int, Array, dict[str, pa.Array]]]:
    """Yield for each chunk its first row, the probabilities, and the cells of the kept columns."""
    predictor = PipelinePredictor(saved)
    for features, block in table.chunks(kept):
        first_row = int(features.index[0])
        mismatches.add(features)
        P = predictor.predict_proba(features, first_row)
        non_finite = np.flatnonzero(~np.isfinite(P).all(axis=1))
        if len(non_finite):
            raise table.error(
                f"{table.location(first_row + int(non_finite[0]))} has a number so large that "
                "the model's sums are no longer finite, so the table was not predicted. Numbers "
                "should lie about where those of the training did: `python -m winenet describe` "
                "shows that range."
            )
        yield first_row, P, {name: block.cells[name] for name in kept}


# ------------------------------------------------------------------ mismatches


class MismatchReport:
    """Count what the training rows did not have: missing values, new levels, values out of range.

    Attributes
    ----------
    gaps : Counter
        Missing values by column.
    outside : ndarray of shape (numeric columns,)
        The number of values outside the training range.
    least, largest : ndarray of shape (numeric columns,)
        Over all rows so far.
    unknown : Counter
        Rows with an unknown level, by categorical column; examples has the first such levels.
    """

    def __init__(self, saved: SavedModel) -> None:
        self.saved, self.rows = saved, 0
        raw = saved.preprocessing
        self.gaps: Counter[str] = Counter()
        self.outside = np.zeros(len(raw.numbers), dtype=np.int64)
        self.least = np.full(len(raw.numbers), np.inf)
        self.largest = np.full(len(raw.numbers), -np.inf)
        self.unknown: Counter[str] = Counter()
        self.examples: dict[str, list[str]] = {name: [] for name in raw.categories}

    def add(self, X: pd.DataFrame) -> None:
        """Count the rows of a chunk."""
        raw = self.saved.preprocessing
        self.rows += len(X)
        for place, name in enumerate(raw.numbers):
            values = X[name].to_numpy()
            # NaN is not outside the range, and fmin and fmax ignore it.
            self.outside[place] += np.count_nonzero(
                (values < raw.minimum[place]) | (values > raw.maximum[place])
            )
            self.gaps[name] += int(np.count_nonzero(np.isnan(values)))
            self.least[place] = np.fmin.reduce(values, initial=self.least[place])
            self.largest[place] = np.fmax.reduce(values, initial=self.largest[place])
        for name, levels in zip(raw.categories, raw.levels, strict=True):
            counts = X[name].value_counts(sort=False)
            self.gaps[name] += len(X) - int(counts.sum())
            unknown = counts[~counts.index.isin(levels)]
            if len(unknown):
                self.unknown[name] += int(unknown.sum())
                examples = self.examples[name]
                # In the order of the rows, and at most as many as are shown.
                new = X[name][X[name].isin(unknown.index)].drop_duplicates().astype("str")
                examples += [level for level in new[: LEVELS_SHOWN + 1] if level not in examples]
                del examples[LEVELS_SHOWN + 1 :]

    def summary_lines(self, model: str, table: ModelTable) -> list[str]:
        """Return the lines of the summary."""
        raw = self.saved.preprocessing
        lines = [
            f"predict: {count(self.rows, 'row')} of {table.display_name} by {safe_text(model)}"
        ]
        if table.extra_columns:
            extra = [
                f"{short_repr(name)}{' (the label)' * (name == self.saved.target)}"
                for name in table.extra_columns[:LEVELS_SHOWN]
            ]
            more = len(table.extra_columns) - LEVELS_SHOWN
            extra += [f"{more} more"] if more > 0 else []
            lines.append(f"  columns that the model does not have, left out: {', '.join(extra)}")
        lines += [f"  {note}" for note in table.notes]
        if table.reordered:
            lines.append("  columns in another order than the model's: matched by name")
        fill = {
            name: f"filled by the {FILL_STATISTIC} {value:.6g}"
            for name, value in zip(raw.numbers, raw.fill, strict=True)
        }
        fill |= {
            name: "a level of its own" if GAP in levels else "taken as none of the levels"
            for name, levels in zip(raw.categories, raw.levels, strict=True)
        }
        lines += [
            f"  gaps in {short_repr(name)}: {self.gaps[name]:,}, {fill[name]}"
            for name in raw.columns
            if self.gaps[name]
        ]
        for name in raw.categories:
            if self.unknown[name]:
                examples = list(map(short_repr, self.examples[name]))
                if len(examples) > LEVELS_SHOWN:
                    examples[LEVELS_SHOWN:] = ["..."]
                rows = count(self.unknown[name], "row")
                lines.append(
                    f"  levels of {short_repr(name)} that the training rows did not have: {rows} "
                    f"({', '.join(examples)}), taken as none of them"
                )
        lines += [
            f"  {short_repr(name)} outside the training range {raw.minimum[place]:.6g} to "
            f"{raw.maximum[place]:.6g}: {count(int(self.outside[place]), 'row')}; "
            f"least {self.least[place]:.6g}, largest {self.largest[place]:.6g}"
            for place, name in enumerate(raw.numbers)
            if self.outside[place]
        ]
        if len(lines) == 1:
            lines.append("  all values are such as the training rows had")
        return lines
