"""Decide how a column is read, from what its cells hold; say each decision in words."""

import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import pandas as pd
import pyarrow as pa

from winenet.data import date_format, number_format, parquet
from winenet.data.column_format import ColumnFormat
from winenet.data.dialect import is_plain_number
from winenet.data.number_format import AmbiguousNumbersError, NumberFormat
from winenet.data.raw_table import MAX_CATEGORIES
from winenet.errors import preview, short_repr
from winenet.init.column_profile import MAX_DISTINCT, ColumnProfile
from winenet.init.gap_words import MAY_BE_LEVELS, find_sentinel, gap_words
from winenet.init.ids import is_id_name, why_id
from winenet.init.messages import option
from winenet.init.read_tables import GuessError, quote_cell
from winenet.text import count

MIN_NUMBERS = 0.5  # fraction of the rows from which on a column of numbers and texts is refused
SEPARATORS = frozenset(",;|:._-/\\\"' \t")  # which a broken line may leave in the cells of a column
MAX_FLAGS = 10  # words for a gap that a message suggests
MAX_CODES = 20  # different numbers among texts; more are a measurement
MIN_MIXED = 0.05  # fraction of numbers or dates among texts above which a note says so
MIN_DATES = 0.2  # fraction of the texts that begin like dates
LONG_TEXT = 40  # characters of an average cell, from which on it is free text


class ColumnOptions(NamedTuple):
    """What the user has said of all columns.

    Attributes
    ----------
    na_values : collection of str
        Texts for a gap, beside the known ones.
    decimal : str, optional
        The decimal sign, where numbers can be read in two ways.
    keep : collection of str
        Columns that are kept although they look like an id or free text.
    """

    na_values: Collection[str] = ()
    decimal: str | None = None
    keep: Collection[str] = ()


@dataclass(frozen=True)
class InferredColumn:
    """A column that is used, or not.

    Attributes
    ----------
    how : ColumnFormat or None
        None if it is not used.
    seen : str
        What it holds, or why it is not used.
    notes : list of str
        What the user should know of it.
    levels : frozenset of str
        The texts of a category.
    """

    how: ColumnFormat | None
    seen: str
    notes: list[str] = field(default_factory=list)
    levels: frozenset[str] = frozenset()

    @property
    def gap_words(self) -> tuple[str, ...]:
        """The texts that stand for a gap."""
        return () if self.how is None else self.how.na_values


def infer_column(name: str, profile: ColumnProfile, options: ColumnOptions) -> InferredColumn:
    """Decide how a column is read.

    Parameters
    ----------
    name : str
    profile : ColumnProfile
    options : ColumnOptions

    Raises
    ------
    GuessError
        If its numbers can be read in two ways, or texts stand among them.
    """
    words = _given_gaps(profile, options)
    counts = {text: rows for text, rows in profile.counts.items() if text and text not in words}
    present = sum(counts.values())
    if not counts:
        texts = [text for text in profile.counts if text]
        return InferredColumn(
            None, f"nothing but {preview(texts)}" if texts else "no value in any row"
        )
    if all(SEPARATORS.issuperset(text) for text in counts):
        return InferredColumn(None, f"nothing but separators, such as {preview(list(counts), 2)}")
    why = None if name in options.keep else why_id(name, profile.id_evidence)
    if why is not None and not (
        profile.id_evidence.all_text and not is_id_name(name) and _is_measurement(counts)
    ):
        why += _in_brackets(_mixture(counts)) if profile.id_evidence.all_text else ""
        return InferredColumn(None, f"{why}; `{option('--keep', name)}` brings it back")
    if len(counts) == 1 and not profile.overflowed:
        return _constant(next(iter(counts)), present, profile)
    number = _numbers(name, profile, counts, words, options)
    if number is not None:
        return number
    dates = date_format.infer(counts)
    if dates is not None:
        return _dates(name, dates, profile, counts, words)
    return _category(name, profile, options)


def _is_measurement(counts: Mapping[str, int]) -> bool:
    """Return whether texts that are no plain numbers are prices, shares, dates or the like."""
    try:
        is_number = number_format.infer(counts) is not None
    except AmbiguousNumbersError:
        return True
    return is_number or bool(_unlike_numbers(counts)) or date_format.infer(counts) is not None


def _given_gaps(profile: ColumnProfile, options: ColumnOptions) -> list[str]:
    """Return the texts that stand for a gap in a column of numbers or dates."""
    known = gap_words(profile.counts, is_category=False)
    sentinels = parquet.as_numbers(options.na_values) if options.na_values else []
    words = [
        text
        for text in profile.counts
        if text in known
        or text in options.na_values
        or (is_plain_number(text) and float(text) in sentinels)
    ]
    if profile.overflowed:  # they may stand among the texts that are not counted
        words += [text for text in options.na_values if text not in words]
    return words


def _gaps(profile: ColumnProfile, present: int) -> str:
    return f"; {missing:,} missing" if (missing := profile.rows - present) > 0 else ""


def _constant(text: str, present: int, profile: ColumnProfile) -> InferredColumn:
    if present == profile.rows:
        return InferredColumn(None, f"always {quote_cell(text)}; no information")
    words = tuple(word for word in profile.counts if word and word != text)
    seen = f"{quote_cell(text)} or missing ({profile.rows - present:,} of {profile.rows:,} rows)"
    return InferredColumn(ColumnFormat("category", words), seen)


# ------------------------------------------------------------------ numbers


def _numbers(
    name: str,
    profile: ColumnProfile,
    counts: Mapping[str, int],
    words: Collection[str],
    options: ColumnOptions,
) -> InferredColumn | None:
    """Return a column of numbers, or None if it is not one."""
    try:
        inferred = number_format.infer(counts, decimal=options.decimal)
    except AmbiguousNumbersError as error:
        raise _ambiguous(name, error) from None
    if inferred is None:
        _refuse_mixed(name, counts)
        return None
    how, odd = inferred
    if odd:
        _refuse_odd(name, "numbers", {text: counts[text] for text in odd})
    numbers, words = _without_sentinels(_values(counts, how), words, options)
    if not numbers:
        return InferredColumn(None, "no value in any row")
    counts = {text: counts[text] for text in numbers}
    low, high = min(numbers.values()), max(numbers.values())
    if profile.overflowed and how.is_plain:
        low, high = profile.low, profile.high
    rest = " at least" if profile.overflowed and not how.is_plain else ""
    seen = f"{low:g} to {high:g}{rest}{_gaps(profile, sum(counts.values()))}"
    if 2 < len(counts) <= 10 and all(number == int(number) for number in numbers.values()):
        seen += f"; {len(counts)} whole numbers: category, if they are codes"
    notes = []
    if not how.is_plain:
        example = next((text for text in counts if not is_plain_number(text)), next(iter(counts)))
        notes.append(
            f"numbers with {how.describe()}: {short_repr(example)} is {numbers[example]:g}"
        )
    grouped = number_format.point_between_thousands(counts) if options.decimal is None else None
    if how.decimal == "." and not how.thousands and grouped is not None:
        notes.append(
            f"{grouped} is read with a decimal point; if its point stands between thousands, add "
            f"`{option('--decimal', ',')}`"
        )
    sentinel = find_sentinel(counts, numbers)
    if sentinel is not None:
        text = repr(numbers[sentinel.text]).removesuffix(".0")  # however it is written
        flag = option("--na-value", f"{name}={text}")
        notes.append(
            f"{sentinel.text} stands apart in {count(sentinel.rows, 'row')}; it is kept as a "
            f"number. If it means that the value is missing, add `{flag}`"
        )
    if is_id_name(name) and len(counts) > MAX_CODES and profile.id_evidence.all_integers:
        notes.append(f"named like an id, but repeats; if it is one, add `{option('--drop', name)}`")
    words = tuple(word for word in words if word)
    return InferredColumn(ColumnFormat("number", words, how), seen, notes)


def _values(counts: Mapping[str, int], how: NumberFormat) -> dict[str, float]:
    texts = list(counts)
    numbers, _ = number_format.parse(pa.array(texts, pa.string()), how)
    return dict(zip(texts, numbers.tolist(), strict=True))


def _without_sentinels(
    numbers: dict[str, float], words: Collection[str], options: ColumnOptions
) -> tuple[dict[str, float], Collection[str]]:
    """Return the numbers that stand for no gap, and all words for a gap: -200 is -200,0 as well."""
    if not options.na_values:
        return numbers, words
    sentinels = parquet.as_numbers(options.na_values)
    present = {text: number for text, number in numbers.items() if number not in sentinels}
    if len(present) == len(numbers):
        return numbers, words
    more = [word for word in options.na_values if parquet.as_numbers([word])]
    return present, list(dict.fromkeys([*words, *more]))


def _ambiguous(name: str, error: AmbiguousNumbersError) -> GuessError:
    """Return the error of numbers that can be read in two ways."""
    comma, point = error.readings
    return GuessError(
        f"Column {short_repr(name)} has numbers such as {short_repr(error.example)}, which can "
        f"be read as {comma:g} (a decimal comma) or as {point:,.0f} (a comma between "
        "thousands). Say which: `--decimal=,` for the first, `--decimal=.` for the second."
    )


def _refuse_mixed(name: str, counts: Mapping[str, int]) -> None:
    """Raise GuessError for a column of many different numbers and of texts among them.

    Where nearly every text is another one, as of tickets, they are names and not wrong numbers.
    """
    if number_format.has_codes(counts):
        return
    numbers = {text for text in counts if number_format.is_number(text)}
    rows = sum(counts[text] for text in numbers)
    if len(numbers) <= MAX_CODES or rows <= MIN_NUMBERS * sum(counts.values()):
        return
    odd = {text: rows for text, rows in counts.items() if text not in numbers}
    if not odd:
        raise GuessError(
            f"Column {short_repr(name)} holds numbers that are not written in one way "
            f"({preview(list(counts))}). Write them alike, or leave the column out: "
            f"`{option('--drop', name)}`."
        )
    if len(odd) <= MAX_CODES or len(odd) <= sum(odd.values()) / 2:
        _refuse_odd(name, "numbers", odd)


def _refuse_odd(name: str, kind: str, odd: Mapping[str, int]) -> None:
    """Raise GuessError for texts among numbers or dates."""
    texts = sorted(odd, key=lambda text: -odd[text])
    flags = " ".join(option("--na-value", text) for text in texts[:MAX_FLAGS])
    dots = " ..." if len(texts) > MAX_FLAGS else ""
    raise GuessError(
        f"Column {short_repr(name)} holds {kind}, but not in {count(sum(odd.values()), 'cell')} "
        f"({preview(texts)}). If such a text stands for a missing value, say so: `{flags}`{dots}. "
        f"Else correct the cells, or leave the column out: `{option('--drop', name)}`."
    )


# ------------------------------------------------------------------ dates and categories


def _dates(
    name: str,
    inferred: tuple[date_format.DateFormat, str],
    profile: ColumnProfile,
    counts: Mapping[str, int],
    words: Collection[str],
) -> InferredColumn:
    how, other = inferred
    is_odd = date_format.read_dates(pd.Series(list(counts)), how.pattern).isna()
    odd = {text: counts[text] for text, wrong in zip(counts, is_odd, strict=True) if wrong}
    if odd:
        _refuse_odd(name, f"dates like {how.pattern}", odd)
    gaps = _gaps(profile, sum(counts.values()))
    if not how.parts:
        return InferredColumn(None, f"dates like {how.pattern} that do not vary")
    example = next(iter(counts))
    note = f"dates like {short_repr(example)} become {', '.join(how.parts)}"
    if other:
        note += f"; read as {how.pattern}, and {other} would fit as well: change it in params.yaml"
    seen = f"dates from {how.origin}{gaps}"
    return InferredColumn(ColumnFormat("date", tuple(words), date=how), seen, [note])


def _category(name: str, profile: ColumnProfile, options: ColumnOptions) -> InferredColumn:
    """Return a column of categories, or why its texts are none."""
    known = gap_words(profile.counts, is_category=True)
    words = [text for text in profile.counts if text in known or text in options.na_values]
    levels = Counter(
        {text: rows for text, rows in profile.counts.items() if text and text not in words}
    )
    present = sum(levels.values())
    if not levels:  # nothing but words that may be levels
        return InferredColumn(None, f"nothing but {preview(list(profile.counts))}")
    if profile.overflowed:
        return InferredColumn(
            None,
            f"over {MAX_DISTINCT:,} different texts; a category has at most {MAX_CATEGORIES:,}",
        )
    if len(levels) > MAX_CATEGORIES:
        return InferredColumn(
            None, f"{len(levels):,} different texts; a category has at most {MAX_CATEGORIES:,}"
        )
    length = sum(len(text) * rows for text, rows in levels.items()) / present
    if name not in options.keep and len(levels) > MAX_CODES and len(levels) > present / 2:
        what = "free text" if length > LONG_TEXT else "names, ids or free text"
        what = _unlike_numbers(levels) or what + _in_brackets(_mixture(levels))
        return InferredColumn(
            None,
            f"{len(levels):,} different texts in {present:,} rows: {what}; "
            f"`{option('--keep', name)}` brings it back",
        )
    usual = [text for text, _ in levels.most_common(3)]
    dots = ", ..." if len(levels) > 3 else ""
    seen = f"{count(len(levels), 'text')}: {', '.join(map(quote_cell, usual))}{dots}"
    mixture = _unlike_numbers(levels) or _mixture(levels)
    notes = [f"read as texts: {mixture}"] if mixture else []
    notes += _level_notes(name, levels)
    return InferredColumn(
        ColumnFormat("category", tuple(words)),
        seen + _gaps(profile, present),
        notes,
        frozenset(levels),
    )


def _level_notes(name: str, levels: Mapping[str, int]) -> list[str]:
    """Return what is worth knowing of a category's levels."""
    notes = [
        f"{short_repr(text)} ({count(levels[text], 'row')}) is kept as a level; if it means that "
        f"the value is missing, add `{option('--na-value', f'{name}={text}')}`"
        for text in levels
        if text.lower() in MAY_BE_LEVELS
    ]
    return notes + case_notes(levels)


def _unlike_numbers(texts: Mapping[str, int]) -> str:
    """Say that all texts are numbers, with or without units; empty if it is not so."""
    are_numbers = all(number_format.is_number(text, with_unit=True) for text in texts)
    if not are_numbers or number_format.has_codes(texts):
        return ""
    return f"numbers that are not written in one way, such as {preview(list(texts), 2)}"


def _in_brackets(text: str) -> str:
    return f" ({text})" if text else ""


def _mixture(levels: Mapping[str, int]) -> str:
    """Say that some texts are numbers or dates and others are not; empty if it is not so."""
    if number_format.has_codes(levels):
        return ""
    numbers = [text for text in levels if number_format.is_number(text, with_unit=True)]
    kinds = [("numbers", {text: levels[text] for text in numbers})]
    dates = {text: n for text, n in levels.items() if date_format.LIKE_A_DATE.match(text)}
    inferred = date_format.infer(dates, MIN_DATES)
    if inferred is not None:
        is_date = date_format.read_dates(pd.Series(list(dates)), inferred[0].pattern).notna()
        known = {text: dates[text] for text, fits in zip(dates, is_date, strict=True) if fits}
        kinds.insert(0, (f"dates like {inferred[0].pattern}", known))
    for kind, known in kinds:
        others = [text for text in levels if text not in known]
        if others and sum(known.values()) > MIN_MIXED * sum(levels.values()):
            return (
                f"{kind} in {sum(known.values()):,} of {count(sum(levels.values()), 'row')}, and "
                f"{preview(others, 2)} in the others"
            )
    return ""


def case_notes(levels: Mapping[str, int]) -> list[str]:
    """Return a line if levels or labels differ in case or blanks only, else none.

    Parameters
    ----------
    levels : mapping of str to int
        Rows by text.
    """
    by_case: dict[str, list[str]] = {}
    for text in levels:
        by_case.setdefault(re.sub(r"\s+", " ", text).casefold(), []).append(text)
    alike = [texts for texts in by_case.values() if len(texts) > 1]
    if not alike:
        return []
    more = f"; {len(alike) - 1} more such" if len(alike) > 1 else ""
    return [
        f"{preview(alike[0])} differ in case or blanks only, and are {len(alike[0])} levels{more}"
    ]
