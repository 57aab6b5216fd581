"""Spoil clean tables as people and programs do, and judge what init and ingest make of them.

Nothing may be lost in silence: a column comes back equal, or a line of init names it, or the table
is refused with a message that names the column or the file. `python tests/spoilt_tables.py 2000`
spoils many tables and prints what became of them.
"""

import csv
import gzip
import io
import itertools
import re
import sys
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from winenet import params
from winenet.data import column_format, date_format, raw_file, raw_table
from winenet.data.model_table import ModelTable
from winenet.data.raw_table import RawTable
from winenet.errors import InputError, short_repr
from winenet.init import create, render
from winenet.init.infer import InferredConfig, infer_config
from winenet.init.read_tables import InitOptions

Places = npt.NDArray[np.int64]  # of the rows that ingest keeps, in the file
SHARES = (0.01, 0.05, 0.2, 0.6, 1.0)  # of the cells of a column
GAP_TEXTS = ("NA", "N/A", "NULL", "NaN", "missing", "#N/A", "#DIV/0!", "<NA>", "?", "-", "--", ".")
GAP_TEXTS += ("None", "nil", "unknown", "n.a.", "no data")
TEXT_CELL = "It was tall, dark\nand had a smell of {} leaves, number {} of the walk"


# ------------------------------------------------------------------ clean tables


class Clean(NamedTuple):
    """A clean table. kinds: by column, number, category, date, id, text or label."""

    cells: pd.DataFrame
    kinds: dict[str, str]

    @property
    def target(self) -> str:
        """The column of the labels."""
        return next(name for name, kind in self.kinds.items() if kind == "label")


def clean_table(rng: np.random.Generator) -> Clean:
    """Return a made-up table of 60 to 300 rows, whose label depends on its numbers."""
    rows = int(rng.integers(60, 301))
    size, change = rng.normal(50, 12, rows), rng.normal(0, 8, rows)
    price = rng.lognormal(8, 1.2, rows)
    score = size / 12 + change / 8 + rng.normal(0, 0.5, rows)
    cuts = np.quantile(score, [0.5] if rng.random() < 0.5 else [0.4, 0.75])
    days = pd.Timestamp("2021-03-05") + pd.to_timedelta(rng.integers(0, 900, rows), unit="D")
    decimals = int(rng.integers(1, 4))
    labels = ("größer", "klein", "naïve") if rng.random() < 0.7 else ("0", "1", "12")
    columns: dict[str, tuple[str, Sequence[str]]] = {
        "id": ("id", [str(number) for number in rng.permutation(rows) * 7 + 1002]),
        "size": ("number", [f"{number:.{decimals}f}" for number in size]),
        "change": ("number", [f"{number:.2f}" for number in change]),
        "price": ("number", [f"{number:.{int(rng.integers(0, 2)) * 2}f}" for number in price]),
        "steps": ("number", [str(int(number)) for number in price * 9]),
        "rooms": ("number", [str(number) for number in rng.integers(1, 30, rows)]),
        "maker": ("category", [*rng.choice(["Müller", "Café Río", "Smith", "O'Neil"], rows)]),
        "grade": ("category", [*rng.choice(["A1", "B2", "C3"], rows)]),
        "sold": ("date", [day.date().isoformat() for day in days]),
        "remark": ("text", [TEXT_CELL.replace("\n", " ").format(n % 17, n) for n in range(rows)]),
        "kind": ("label", [labels[n] for n in np.digitize(score, cuts)]),
    }
    cells = pd.DataFrame({name: [*map(str, texts)] for name, (_, texts) in columns.items()})
    return Clean(cells, {name: kind for name, (kind, _) in columns.items()})


# ------------------------------------------------------------------ spoiling


@dataclass
class Spoilt:
    """A table while it is spoilt, and how it is to be written.

    Attributes
    ----------
    cells : DataFrame of str
    names : list of str
        The header.
    is_gap : DataFrame of bool
        Cells that were spoilt into gaps.
    options : set of str
        Kinds of spoiling that concern the whole file.
    """

    clean: Clean
    separator: str
    cells: pd.DataFrame = field(init=False)
    names: list[str] = field(init=False)
    is_gap: pd.DataFrame = field(init=False)
    options: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.cells = self.clean.cells.copy()
        self.names = list(self.cells)
        self.is_gap = pd.DataFrame(False, index=self.cells.index, columns=self.cells.columns)


Change = Callable[[str, np.random.Generator], str | None]  # None: this cell cannot be spoilt so


class CellKind(NamedTuple):
    """A kind of spoiling by cell.

    order: kinds of a low order are done first. most: the largest share of the cells; of more, what
    is spoilt would be the rule.
    """

    order: int
    columns: tuple[str, ...]
    change: Change
    is_gap: bool = False
    most: float = 0.95


def _grouped(sign: str, decimal: str = ".") -> Change:
    def change(text: str, _: np.random.Generator) -> str | None:
        parts = re.fullmatch(r"(\D?)(\d+)(.*)", text)
        if parts is None or (len(parts[2]) < 4 and (decimal == "." or not parts[3])):
            return None
        return parts[1] + f"{int(parts[2]):,}".replace(",", sign) + parts[3].replace(".", decimal)

    return change


def _around(before: str = "", behind: str = "") -> Change:
    return lambda text, _: f"{before}{text}{behind}"


def _negative(before: str, behind: str = "") -> Change:
    return lambda text, _: before + text[1:] + behind if text.startswith("-") else None


def _one_of(texts: Sequence[str], cased: bool = False) -> Change:
    def change(_: str, rng: np.random.Generator) -> str:
        text = texts[int(rng.integers(len(texts)))]
        return [text, text.lower(), text.upper(), text.title()][int(rng.integers(4)) * cased]

    return change


def _decomposed(text: str, _: np.random.Generator) -> str | None:
    other = unicodedata.normalize("NFD", text)
    return None if other == text else other


def _date_in(pattern: str) -> Change:
    def change(text: str, _: np.random.Generator) -> str | None:
        is_iso = re.fullmatch(r"\d{4}-\d\d-\d\d", text)
        return pd.Timestamp(text).strftime(pattern) if is_iso else None

    return change


NUMBER, TEXTS, ALL = ("number",), ("category", "label"), ("number", "category", "date", "label")
FEATURES = ("number", "category", "date")
CELL_KINDS = {
    "decimal comma": CellKind(1, NUMBER, lambda text, _: text.replace(".", ",") * ("." in text)),
    "thousands ,": CellKind(2, NUMBER, _grouped(",")),
    "thousands .": CellKind(2, NUMBER, _grouped(".", ",")),
    "thousands '": CellKind(2, NUMBER, _grouped("'")),
    "thousands \u2019": CellKind(2, NUMBER, _grouped("\u2019")),
    "thousands blank": CellKind(2, NUMBER, _grouped(" ")),
    "thousands no-break blank": CellKind(2, NUMBER, _grouped("\u00a0")),
    "thousands narrow blank": CellKind(2, NUMBER, _grouped("\u202f")),
    "true minus": CellKind(3, NUMBER, _negative("\u2212")),
    "plus": CellKind(3, NUMBER, lambda text, _: None if text[0] in "-\u2212" else f"+{text}"),
    "exponent": CellKind(3, NUMBER, _around(behind="E+00")),
    "per cent": CellKind(4, NUMBER, _around(behind="%")),
    "currency before": CellKind(4, NUMBER, _around("$")),
    "currency behind": CellKind(4, NUMBER, _around(behind="\u00a0€")),
    "currency code before": CellKind(4, NUMBER, _around("USD ")),
    "currency code behind": CellKind(4, NUMBER, _around(behind=" EUR")),
    "unit": CellKind(4, NUMBER, _around(behind=" kg")),
    "unit without blank": CellKind(4, NUMBER, _around(behind="mm")),
    "factor": CellKind(4, NUMBER, _around(behind="K")),
    "accounting": CellKind(5, NUMBER, _negative("(", ")")),
    "limit": CellKind(6, NUMBER, _around("<")),
    "date d.m.y": CellKind(6, ("date",), _date_in("%d.%m.%Y")),
    "date m/d/y": CellKind(6, ("date",), _date_in("%m/%d/%Y")),
    "date d/m/y": CellKind(6, ("date",), _date_in("%d/%m/%y")),
    "date in words": CellKind(6, ("date",), _date_in("%b %d, %Y")),
    "date with time": CellKind(6, ("date",), _date_in("%Y-%m-%d 00:00:00")),
    "other case": CellKind(6, TEXTS, lambda text, _: text.upper(), most=0.6),
    "labels with a point": CellKind(
        6, ("label",), lambda text, _: f"{text}.0" if text.isdecimal() else None
    ),
    "decomposed": CellKind(6, TEXTS, _decomposed),
    "blanks around": CellKind(7, ALL, _around(" ", "  ")),
    "no-break blanks around": CellKind(7, ALL, _around("\u00a0", "\u00a0")),
    "zero width": CellKind(7, ALL, _around("\u200b", "\ufeff")),
    "empty": CellKind(8, FEATURES, _one_of([""]), is_gap=True),
    "blank": CellKind(8, FEATURES, _one_of([" ", "\u00a0", "   "]), is_gap=True),
    "gap words": CellKind(8, FEATURES, _one_of(GAP_TEXTS, cased=True), is_gap=True),
    "one gap word": CellKind(8, FEATURES, _one_of(GAP_TEXTS), is_gap=True),
    "odd word": CellKind(8, ("number", "date"), _one_of(["broken"]), is_gap=True, most=0.6),
    "sentinel": CellKind(8, NUMBER, _one_of(["-999"]), is_gap=True, most=0.6),
    "no label": CellKind(8, ("label",), _one_of(["", " ", "NA", "?"]), is_gap=True),
    "lines in a cell": CellKind(8, ("text",), lambda text, _: text.replace("dark ", "dark\n")),
}
FILE_KINDS = (
    *("CRLF", "CR", "BOM", "UTF-16", "Windows-1252", "all quoted", "sep= line", "type line"),
    *("trailing separators", "blank last lines", "row numbers", "gzip", "shuffled columns"),
    *("repeated ids", "blanks in names", "single quotes", "row names", "blank lines above"),
    "UTF-16 without a mark",
)
KINDS = (*CELL_KINDS, *FILE_KINDS)


def spoil(
    clean: Clean, kinds: Sequence[str], share: float, rng: np.random.Generator
) -> tuple[Spoilt, bytes]:
    """Return a table spoilt by some kinds, and the bytes of its file."""
    spoilt = Spoilt(clean, str(rng.choice([",", ";", "\t"])))
    named = sorted((CELL_KINDS[kind] for kind in kinds if kind in CELL_KINDS), key=lambda k: k[0])
    for kind in named:
        _spoil_cells(spoilt, kind, share, rng)
    spoilt.options |= {kind for kind in kinds if kind in FILE_KINDS}
    if "repeated ids" in spoilt.options:
        chosen = rng.choice(len(clean.cells), max(1, int(share * len(clean.cells))), replace=False)
        spoilt.cells.loc[chosen, "id"] = spoilt.cells["id"].iloc[0]
    return spoilt, _written(spoilt, rng)


def _spoil_cells(spoilt: Spoilt, kind: CellKind, share: float, rng: np.random.Generator) -> None:
    """Spoil a share of the cells of one column or of all."""
    names = [name for name, what in spoilt.clean.kinds.items() if what in kind.columns]
    if rng.random() < 0.7:
        names = [str(rng.choice(names))]
    change = kind.change
    if kind.is_gap and rng.random() < 0.5:  # the same word everywhere, or one of several
        word = kind.change("", rng)
        change = lambda *_: word  # noqa: E731
    for name in names:
        rows = len(spoilt.cells)
        most = int(kind.most * rows) if kind.is_gap or kind.most < 0.95 else rows
        texts = spoilt.cells[name].to_numpy(dtype=object, copy=True)
        is_gap = spoilt.is_gap[name].to_numpy(copy=True)
        chosen = rng.choice(rows, min(max(3, round(share * rows)), most), replace=False)
        for row in chosen:
            text = change(str(texts[row]), rng)
            if text is not None and (text or kind.is_gap):
                texts[row] = text
                is_gap[row] |= kind.is_gap
        spoilt.cells[name], spoilt.is_gap[name] = pd.Series(texts, dtype="str"), is_gap


def _written(spoilt: Spoilt, rng: np.random.Generator) -> bytes:
    """Return the bytes of a table's file."""
    options, names = spoilt.options, spoilt.names
    cells = spoilt.cells
    if "shuffled columns" in options:
        names = [*rng.permutation(names)]
        cells = cells[names]
    header = [f" {name}\u00a0" for name in names] if "blanks in names" in options else list(names)
    rows = cells.to_numpy().tolist()
    above: list[list[str]] = [header]
    if "type line" in options:
        words = {"number": "DOUBLE", "date": "DATE"}
        above.append([words.get(spoilt.clean.kinds[name], "STRING") for name in names])
    if "row numbers" in options:
        header.insert(0, "")
        for row in above[1:]:
            row.insert(0, "INT")
        rows = [[str(number), *row] for number, row in enumerate(rows)]
    elif "row names" in options:  # as R writes them
        for row in above[1:]:
            row.insert(0, "STRING")
        rows = [[f"row {number}", *row] for number, row in enumerate(rows)]
    if "trailing separators" in options:
        above, rows = [[*row, ""] for row in above], [[*row, ""] for row in rows]
    out = io.StringIO()
    if "blank lines above" in options:
        out.write("\n\n")
    elif "sep= line" in options:
        out.write(f"sep={spoilt.separator}\n")
    csv.writer(
        out,
        delimiter=spoilt.separator,
        lineterminator="\n",
        quotechar="'" if "single quotes" in options else '"',
        quoting=csv.QUOTE_ALL if {"all quoted", "single quotes"} & options else csv.QUOTE_MINIMAL,
    ).writerows([*above, *rows])
    if "blank last lines" in options:
        out.write("\n\n\n")
    text = out.getvalue()
    if "CRLF" in options or "CR" in options:
        text = text.replace("\n", "\r\n" if "CRLF" in options else "\r")
    encoding = "utf-8-sig" if "BOM" in options else "utf-8"
    encoding = "utf-16" if "UTF-16" in options else encoding
    encoding = "utf-16-le" if "UTF-16 without a mark" in options else encoding
    if "Windows-1252" in options:
        try:
            text.encode("cp1252")
        except UnicodeEncodeError:
            pass
        else:
            encoding = "cp1252"
    content = text.encode(encoding)
    return gzip.compress(content, mtime=0) if "gzip" in options else content


# ------------------------------------------------------------------ judging


class Verdict(NamedTuple):
    """What became of a spoilt table.

    outcome: equal, said, refused, unclear or silent. why: what was said or lost.
    """

    outcome: str
    why: list[str]


def judge(path: Path, spoilt: Spoilt) -> Verdict:
    """Read a spoilt table as `init`, the stage ingest and `predict` do, and compare."""
    target = spoilt.clean.target
    try:
        config = infer_config(InitOptions([path], target=target))
        with tempfile.TemporaryDirectory() as folder:
            params_file = Path(folder, "params.yaml")
            params_file.write_text(render.params_text(config), "utf-8")
            settings = params.load(str(params_file)).ingest
        rows = raw_table.read_rows(str(path.parent), settings)
        places = raw_file.read(str(path), settings).table.index.to_numpy()
    except InputError as error:
        named = [path.name, *map(short_repr, spoilt.names)]
        is_clear = any(name in str(error) for name in named)
        return Verdict("refused" if is_clear else "unclear", [str(error)])
    lines = [*create._summary_lines(config), *rows.notes]
    said, silent = [], _lost_rows(spoilt, places, lines)
    for name in spoilt.names:
        difference = _difference(name, spoilt, config, rows.table, places)
        if difference:
            naming = [
                line
                for line in lines
                if short_repr(name) in line and not line.startswith(f"'{target}' has ")
            ]
            if naming:
                said.append(f"{name}: {difference} | {naming}")
            else:
                silent.append(f"{name}: {difference}")
    silent += _predict_difference(path, rows, places)
    if silent:
        return Verdict("silent", [*silent, *lines])
    expected = {name for name, kind in spoilt.clean.kinds.items() if kind in ("id", "text")}
    more = [line for line in said if line.partition(":")[0] not in expected]
    return Verdict("said" if more else "equal", more)


def _lost_rows(spoilt: Spoilt, places: Places, lines: Sequence[str]) -> list[str]:
    """Return what is wrong with the rows: only those without a label may be left out."""
    labels = spoilt.is_gap[spoilt.clean.target]
    missing = set(range(len(labels))) - {*places}
    wrong = missing - {*np.flatnonzero(labels)}
    told = any(f"{len(missing)} rows without a label" in line for line in lines)
    told |= len(missing) == 1 and any("1 row without a label" in line for line in lines)
    lost = [f"rows {sorted(wrong)[:5]} are lost"] if wrong else []
    return lost if told or not missing else [*lost, f"{len(missing)} rows left out"]


def _difference(
    name: str, spoilt: Spoilt, config: InferredConfig, table: pd.DataFrame, places: Places
) -> str:
    """Return how a column differs from its clean one, in words; empty if it does not."""
    clean = spoilt.clean.cells[name].iloc[places].reset_index(drop=True)
    is_gap = spoilt.is_gap[name].to_numpy()[places]
    kind = spoilt.clean.kinds[name]
    if kind == "label":
        found = table[name].mask(is_gap, "")
        if spoilt.clean.cells[name].str.isdecimal().all():
            return _unequal(pd.to_numeric(found), pd.to_numeric(clean.mask(is_gap, "")))
        return _unequal(found, clean.mask(is_gap, ""))
    column = config.columns.get(name)
    if column is None or column.how is None:
        return "not used"
    if kind == "number":
        if column.how.kind != "number":
            return f"read as {column.how.kind}"
        return _unequal(table[name].astype(float), clean.astype(float).mask(is_gap))
    if kind != "date":
        if column.how.kind != "category":
            return f"read as {column.how.kind}"
        return _unequal(table[name], clean.mask(is_gap))
    if column.how.date is None:
        return f"read as {column.how.kind}"
    how = column.how.date._replace(pattern="%Y-%m-%d")
    parts, _ = date_format.take_apart(clean.mask(is_gap), how)
    differences = [
        _unequal(table[f"{name} {part}"].astype(float), pd.Series(numbers))
        for part, numbers in parts.items()
    ]
    return next(filter(None, differences), "")


def _unequal(found: pd.Series, expected: pd.Series) -> str:
    same = (found == expected) | (found.isna() & expected.isna())
    if same.all():
        return ""
    place = int(np.flatnonzero(~same)[0])
    return (
        f"{(~same).sum()} cells, as {found.iloc[place]!r} for {expected.iloc[place]!r} in row "
        f"{place}"
    )


def _predict_difference(path: Path, rows: RawTable, places: Places) -> list[str]:
    """Return how the features that `predict` reads differ from those of ingest."""
    formats = {name: column.how for name, column in rows.columns.items()}
    formats = column_format.all_from_json(column_format.all_as_json(formats))
    try:
        with ModelTable(str(path), formats) as table:
            features = pd.concat([chunk for chunk, _ in table.chunks()])
    except InputError as error:
        return [f"predict: {error}"]
    lost = []
    for name in features:
        found = features[name].loc[places].reset_index(drop=True)
        expected = rows.table[name]
        if expected.dtype != found.dtype:
            expected = expected.astype(found.dtype)
        difference = _unequal(found, expected)
        lost += [f"predict: {name}: {difference}"] if difference else []
    return lost


# ------------------------------------------------------------------ many tables


def one_table(seed: int, folder: Path) -> tuple[tuple[str, ...], float, Verdict]:
    """Spoil a table, and judge it; the seed decides all.

    Seeds from 0 up go through the kinds one by one, and then through pairs drawn by chance.
    """
    rng = np.random.default_rng(seed)
    singles = [*itertools.product(KINDS, SHARES)]
    if seed < len(singles):
        kind, share = singles[seed]
        kinds: tuple[str, ...] = (kind,)
    else:
        kinds = tuple(map(str, rng.choice(KINDS, 2, replace=False)))
        share = float(rng.choice(SHARES))
    spoilt, content = spoil(clean_table(rng), kinds, share, rng)
    path = folder / f"table{seed}.csv"
    path.write_bytes(content)
    return kinds, share, judge(path, spoilt)


def main() -> None:
    """Print what became of so many tables, by kind; and those with a silent loss."""
    first, last = (0, int(sys.argv[1])) if len(sys.argv) == 2 else map(int, sys.argv[1:3])
    counts: dict[str, Counter[str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(first, last):
            kinds, share, verdict = one_table(seed, Path(folder))
            for kind in ("all", *kinds):
                counts.setdefault(kind, Counter())[verdict.outcome] += 1
            if verdict.outcome != "equal":
                print(seed, kinds, share, *verdict, sep="\t")
    outcomes = ("equal", "said", "refused", "unclear", "silent")
    print(f"{'kind':<26}", *(f"{outcome:>8}" for outcome in outcomes))
    for kind, numbers in counts.items():
        print(f"{kind:<26}", *(f"{numbers[outcome]:>8}" for outcome in outcomes))


if __name__ == "__main__":
    main()
