"""Predicts a raw table of any length with a model's file, and tells what did not fit the model.

The rows are read, predicted and written piece by piece, so that memory does not grow with them.
"""

import contextlib
import csv
import io
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt
import pandas as pd
from threadpoolctl import threadpool_limits

from winenet import files
from winenet.data import stream
from winenet.data.preprocessing import Array
from winenet.errors import InputError, safe_text, short_repr
from winenet.models import model_file
from winenet.models.predictor import PipelinePredictor, argmax_class
from winenet.models.saved import SavedModel
from winenet.progress import Progress

PROGRESS_MIN_BYTES = 2**26  # bytes of a table from which on progress is shown
LEVELS_SHOWN = 5
DECIMALS = 6


class PredictError(InputError):
    """A table cannot be predicted, or its predictions cannot be written."""


def predict_file(
    model: str,
    table: str,
    out: str | None = None,
    separator: str | None = None,
    missing: Sequence[str] = stream.DEFAULT_NA_VALUES,
    *,
    force: bool = False,
    block: int = stream.BLOCK,
) -> None:
    """Write a line for each row of a table; tell on standard error what did not fit the model.

    model, table: files, the table also "-" for standard input. out: the file to write; without it
    standard output. separator, missing, block: as in `stream.opened`. force: whether an existing
    out is overwritten.
    Raises InputError when the model, the table or out cannot be used; out is then as it was.
    """
    saved = model_file.read(model, by_stage=False)
    if out is not None:
        check_output_path(out, {"model": model, "table": table}, force=force)
    counted = MismatchReport(saved)
    with stream.open_table(table, saved.preprocessing, separator, missing, block) as opened:
        try:
            # On a busy machine BLAS threads wait for each other: measured, five times as long.
            with (
                threadpool_limits(limits=1, user_api="blas"),
                _written(out) as target,
                _progress(opened) as progress,
            ):
                target.write(_header(saved))
                for lines in _lines(saved, opened, counted):
                    target.write(lines)
                    if progress is not None and opened.share:
                        read = int(opened.share * progress.total)
                        progress.update(read - progress.done, opened.share)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise PredictError(
                f"{_called(out)} could not be written ({error.strerror}), so the predictions are "
                "not whole. They need some 30 bytes a row and a folder that this user may write "
                "in: make room, or choose another place by -o."
            ) from None
        told = counted.told(model, opened)
    print("\n".join(told), file=sys.stderr)


def check_output_path(out: str, inputs: dict[str, str], *, force: bool) -> None:
    """Raise PredictError when out is a folder, one of the inputs, or there and not to be lost.

    inputs: files by what they are.
    """
    place = Path(out)
    # Unlike Path's, it raises nothing for a name that is too long.
    if os.path.lexists(place) and not os.path.isfile(place):  # noqa: PTH113
        kind = "a folder" if place.is_dir() else "no file (a device, a pipe or a broken link)"
        raise PredictError(
            f"-o {safe_text(out)} is {kind}, so nothing was written there. Give the name of a file."
        )
    for what, path in inputs.items():
        with contextlib.suppress(OSError, ValueError):
            if place.samefile(path):
                raise PredictError(
                    f"-o {safe_text(out)} is the {what} itself, so nothing was written: it would "
                    "be lost. Give another name."
                )
    if os.path.lexists(place) and not force:
        raise PredictError(
            f"-o {safe_text(out)} exists, so nothing was written. Give another name, or --force to "
            "overwrite it."
        )


def _called(out: str | None) -> str:
    return "Standard output" if out is None else safe_text(out)


@contextlib.contextmanager
def _written(out: str | None) -> Iterator[IO[bytes]]:
    """Give the stream that the predictions go to; a file is written whole or not at all."""
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
        yield buffered  # under `python -u`, whose own stream may write a part and say nothing


@contextlib.contextmanager
def _progress(table: stream.TableReader) -> Iterator[Progress | None]:
    """Give what shows how far a long table has been read, or None for a short one."""
    if table.size < PROGRESS_MIN_BYTES:
        yield None
        return
    with Progress("predict", table.size // 2**20, "MB", sys.stderr) as progress:
        yield progress


# ------------------------------------------------------------------ lines


def _as_csv(cells: Sequence[str]) -> bytes:
    """Return cells as they stand in a line of CSV, without the line's end."""
    written = io.StringIO()
    csv.writer(written, lineterminator="").writerow(cells)
    return written.getvalue().encode()


def _header(saved: SavedModel) -> bytes:
    names = ["row", saved.target, *(f"p({label})" for label in saved.labels)]
    return _as_csv(names) + b"\n"


def _lines(
    saved: SavedModel, table: stream.TableReader, counted: "MismatchReport"
) -> Iterator[bytes]:
    """Yield the lines of each piece: row, label, a probability for each label."""
    predictor = PipelinePredictor(saved)
    # A label never stands alone in its line, so an empty one needs no quotation marks.
    labels = np.array([_as_csv([label, ""])[:-1] for label in saved.labels], dtype=object)
    for piece in table.pieces():
        first = int(piece.index[0])
        counted.add(piece)
        P = predictor.predict_proba(piece, first)
        lost = np.flatnonzero(~np.isfinite(P).all(axis=1))
        if len(lost):
            raise table.fault(
                f"{table.where(first + int(lost[0]))} has a number so large that the model's sums "
                "are no longer finite, so the table was not predicted. Numbers should lie about "
                "where those of the training did: `python -m winenet describe` shows that range."
            )
        texts = labels[argmax_class(P)].tolist()
        rows = zip(range(first, first + len(P)), texts, _decimals(P), strict=True)
        yield b"".join([b"%d,%b%b" % row for row in rows])


def _decimals(P: Array) -> list[bytes]:
    """Return each row's probabilities as the end of its line: `,0.250000,0.750000` and LF."""
    # Digit by digit for all rows at once: formatting them one by one would take half of the time.
    rows, classes = P.shape
    millionths = np.rint(P * 10**DECIMALS).astype(np.int32)
    signs = np.empty((rows, classes, DECIMALS + 3), np.uint8)
    signs[:, :, 0], signs[:, :, 2] = ord(","), ord(".")
    for place in (*range(DECIMALS + 2, 2, -1), 1):
        millionths, digit = np.divmod(millionths, 10)
        signs[:, :, place] = digit + ord("0")
    ends: npt.NDArray[np.uint8] = np.full((rows, 1), ord("\n"), np.uint8)
    whole = np.hstack([signs.reshape(rows, -1), ends])
    texts: list[bytes] = whole.view(f"S{whole.shape[1]}").ravel().tolist()
    return texts


# ------------------------------------------------------------------ what did not fit


class MismatchReport:
    """What of the rows seen so far the training had not: gaps, levels, values out of its range.

    gaps: (columns,). below, above: (numbers,), how many values lie outside. least, largest:
    (numbers,), of all values. unknown: by category, how many rows; examples: the first such levels.
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
        """Count the rows of a piece."""
        raw = self.saved.preprocessing
        self.rows += len(X)
        for place, name in enumerate(raw.numbers):
            values = X[name].to_numpy()
            # NaN lies nowhere: it is not outside, and fmin and fmax leave it out.
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
                # In the order of the rows, and never more than are shown.
                new = X[name][X[name].isin(unknown.index)].drop_duplicates().astype("str")
                examples += [level for level in new[: LEVELS_SHOWN + 1] if level not in examples]
                del examples[LEVELS_SHOWN + 1 :]

    def told(self, model: str, table: stream.TableReader) -> list[str]:
        """Return the lines of the summary."""
        raw = self.saved.preprocessing
        lines = [f"predict: {self.rows:,} rows of {table.called} by {safe_text(model)}"]
        if table.extra:
            extra = [
                f"{short_repr(name)}{' (the label)' * (name == self.saved.target)}"
                for name in table.extra[:LEVELS_SHOWN]
            ]
            more = len(table.extra) - LEVELS_SHOWN
            extra += [f"{more} more"] if more > 0 else []
            lines.append(f"  columns that the model does not have, left out: {', '.join(extra)}")
        if table.reordered:
            lines.append("  columns in another order than the model's: matched by name")
        usual = {
            name: f"the median {value:.6g}"
            for name, value in zip(raw.numbers, raw.fill, strict=True)
        }
        usual |= {
            name: short_repr(level)
            for name, level in zip(raw.categories, raw.most_frequent, strict=True)
        }
        lines += [
            f"  gaps in {short_repr(name)}: {self.gaps[name]:,}, filled by {usual[name]}"
            for name in raw.columns
            if self.gaps[name]
        ]
        for name in raw.categories:
            if self.unknown[name]:
                examples = list(map(short_repr, self.examples[name]))
                if len(examples) > LEVELS_SHOWN:
                    examples[LEVELS_SHOWN:] = ["..."]
                lines.append(
                    f"  levels of {short_repr(name)} that the training rows did not have: "
                    f"{self.unknown[name]:,} rows ({', '.join(examples)}), taken as none of them"
                )
        lines += [
            f"  {short_repr(name)} outside the training range {raw.minimum[place]:.6g} to "
            f"{raw.maximum[place]:.6g}: {self.outside[place]:,} rows; least "
            f"{self.least[place]:.6g}, largest {self.largest[place]:.6g}"
            for place, name in enumerate(raw.numbers)
            if self.outside[place]
        ]
        if len(lines) == 1:
            lines.append("  all values are such as the training rows had")
        return lines
