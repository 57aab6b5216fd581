"""Find how a table of text is written: separator, quotation mark, header, lines to skip."""

import csv
import io
import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from winenet.errors import preview, short_repr
from winenet.text import count

SEPARATORS = (",", ";", "\t", "|", " ")
SNIFF_ROWS = 200
# What some programs write below the header: the type of each column.
TYPE_WORDS = frozenset(
    re.findall(
        r"\w+",
        """bool boolean byte cat categorical category char character cont continuous date datetime
        datetime64 decimal discrete disc double enum factor float float32 float64 int int32 int64
        integer long nominal num number numeric object ordinal real short str string text time
        timestamp varchar""",
    )
)
BLANK_START = re.compile(r"(?:[ \t]*\n)+")
SEPARATOR_LINE = re.compile(r'"?sep=([\t !#-~])"?\n', re.IGNORECASE)
DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+", re.ASCII)
INVISIBLE = re.compile("[\u200b-\u200f\u2060\ufeff\u00ad]")  # zero width, direction, soft hyphen
PLAIN_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


class Dialect(NamedTuple):
    """How a table of text is written.

    Attributes
    ----------
    separator : str
    quote : str
        The quotation mark.
    """

    separator: str
    quote: str = '"'


class Head(NamedTuple):
    """The start of a table of text.

    Attributes
    ----------
    names : list of str
        A column without a name is called "unnamed N", N counted from 1.
    characters : int
        Length of what stands before the first row.
    rows : int
        Rows of what stands before the first row.
    notes : list of str
        What was found and skipped, in words.
    """

    names: list[str]
    characters: int
    rows: int
    notes: list[str]


def clean_text(text: str) -> str:
    """Return a cell or a name without blanks around it and invisible characters, in NFC."""
    return unicodedata.normalize("NFC", INVISIBLE.sub("", text)).strip()


def is_plain_number(text: str) -> bool:
    """Return whether a text is a number with a decimal point."""
    return PLAIN_NUMBER.fullmatch(text.strip()) is not None


def sniff(sample: str, separator: str | None = None, quote: str | None = None) -> Dialect:
    """Return the dialect of a table.

    Parameters
    ----------
    sample : str
        The start of the table.
    separator, quote : str, optional
        What is known.
    """
    announced = SEPARATOR_LINE.match(sample)
    if announced:
        sample = sample[announced.end() :]
        separator = separator or announced.group(1)
    separators = [separator] if separator else SEPARATORS
    quotes = [quote] if quote else _quotes(sample)
    candidates = [Dialect(*pair) for pair in itertools.product(separators, quotes)]
    return max(candidates, key=lambda dialect: _agreement(sample, dialect))


def _quotes(sample: str) -> list[str]:
    """Return the quotation marks that a sample may use."""
    if (
        '"' not in sample
        and len(re.findall(r"(?:^|[,;\t|])'[^'\n]*'(?=[,;\t|]|$)", sample, re.M)) > 1
    ):
        return ["'"]
    return ['"']


def _agreement(sample: str, dialect: Dialect) -> tuple[bool, bool, float]:
    """Return how well the rows agree on a number of cells; more is better."""
    rows = [row for row in sample_rows(sample, dialect) if any(row)]
    cells, times = Counter(map(len, rows)).most_common(1)[0] if rows else (1, 0)
    if cells == 1:
        return False, False, 0.0
    share = times / len(rows)
    if dialect.separator == " ":
        # A blank separates words within cells as well: it counts where nothing else does, and if
        # the header has as many cells as the rows, or one less, that of R's row names.
        share = sum(len(row) == cells for row in rows[1:]) / max(len(rows) - 1, 1)
        if share < 0.9 or not (len(rows[0]) == cells or (len(rows[0]) == cells - 1 > 1)):
            return False, False, 0.0
        return False, False, 0.1 * share * cells**0.5
    # Decimal commas would else be the separator of more cells than the true one.
    has_decimals = dialect.separator != "," and share > 0.9 and _have_decimal_commas(rows[1:])
    return has_decimals, share == 1, share * cells**0.5


def _have_decimal_commas(rows: Sequence[Sequence[str]]) -> bool:
    """Return whether nearly all cells with a comma are numbers with a decimal comma."""
    with_comma = [cell.strip() for row in rows for cell in row if "," in cell]
    numbers = sum(DECIMAL_COMMA.fullmatch(cell) is not None for cell in with_comma)
    return numbers > 0.8 * len(with_comma) and numbers >= len(rows) / 2


def sample_rows(sample: str, dialect: Dialect, rows: int = SNIFF_ROWS) -> list[list[str]]:
    """Return the first rows of a sample; the last one is left out if the sample may cut it."""
    lines = _lines(sample)
    if len(lines) > 1 and not sample.endswith("\n"):
        lines.pop()
    reader = csv.reader(lines, delimiter=dialect.separator, quotechar=dialect.quote)
    result: list[list[str]] = []
    try:
        for row in reader:
            result.append(row)
            if len(result) == rows:
                return result
    except csv.Error:  # a cell of more than 131,072 characters
        return result
    # A cell that is not closed reaches to the end of the sample.
    return result[:-1] if len(result) > 1 and any("\n" in cell for cell in result[-1]) else result


def _lines(text: str) -> list[str]:
    """Return the lines with their ends; `splitlines` would also cut at U+2028 and others."""
    return list(io.StringIO(text))


def read_head(sample: str, dialect: Dialect, *, header: bool = True) -> Head:
    """Return the columns' names and what stands before the first row.

    Parameters
    ----------
    sample : str
        The start of the table.
    dialect : Dialect
    header : bool
        Whether the first row has the names; else they are c1, c2, ...
    """
    notes, position, skipped = list[str](), 0, 0
    announced = SEPARATOR_LINE.match(sample)
    if announced:
        notes.append(f"line 1 says that {short_repr(announced.group(1))} is the separator")
        position, skipped = announced.end(), 1
    blank = BLANK_START.match(sample, position)
    if blank:
        lines = blank.group().count("\n")
        notes.append(f"{count(lines, 'blank line')} above the {'header' if header else 'rows'}")
        position, skipped = blank.end(), skipped + lines
    rows = [row for row in sample_rows(sample[position:], dialect) if row]
    first = rows[0] if rows else []
    if not header:
        # The most frequent one: a row of another length is a fault of that row.
        width = Counter(map(len, rows)).most_common(1)[0][0] if rows else 0
        return Head([f"c{place}" for place in range(1, width + 1)], position, skipped, notes)
    names = [clean_text(name) for name in first]
    if len(rows) > 1 and {len(row) for row in rows[1:]} == {len(first) + 1}:
        at_end = all(not row[-1].strip() for row in rows[1:])
        what = "each row ends in a separator" if at_end else "the first cells are row names"
        notes.append(f"the header has one name less than each row has cells: {what}")
        names.insert(len(names) if at_end else 0, "")
    names = [name or f"unnamed {place}" for place, name in enumerate(names, start=1)]
    position, skipped = position + _row_length(sample[position:], dialect), skipped + 1
    if len(rows) > 1 and _are_types(rows[1], rows[2:]):
        notes.append(f"the line below the header names types ({preview(rows[1], 3)}); skipped")
        position, skipped = position + _row_length(sample[position:], dialect), skipped + 1
    return Head(names, position, skipped, notes)


def _row_length(text: str, dialect: Dialect) -> int:
    """Return the number of characters of the first row, with its line end."""
    lines = _lines(text)
    reader = csv.reader(lines, delimiter=dialect.separator, quotechar=dialect.quote)
    next(reader, None)
    return sum(map(len, lines[: reader.line_num]))


def _are_types(row: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Return whether a row has words for types alone, none of which is a level of its column."""
    words = [cell.strip().lower() for cell in row if cell.strip()]
    occur_again = any(
        cell.strip() and cell == other
        for lower in below
        for cell, other in zip(row, lower, strict=False)
    )
    return len(words) > len(row) / 2 and TYPE_WORDS.issuperset(words) and not occur_again


def why_no_header(sample: str, dialect: Dialect) -> str | None:
    """Return why the first row of a table cannot be its header, or None if it can.

    It cannot where it is like the rows below: numbers over numbers, or texts that occur below, and
    no text stands over a column of numbers.
    """
    announced = SEPARATOR_LINE.match(sample)
    rows = sample_rows(sample[announced.end() :] if announced else sample, dialect)
    rows = [row for row in rows if row]  # none of the blank lines
    width = len(rows[0]) if rows else 0
    body = [row for row in rows[1:] if len(row) == width]
    if not body:
        return None
    numbers, repeated, new_texts = list[str](), list[str](), 0
    for place, cell in enumerate(map(clean_text, rows[0])):
        below = [clean_text(row[place]) for row in body]
        present = [text for text in below if text]
        numeric = sum(map(is_plain_number, present)) > 0.8 * len(present) > 0
        if is_plain_number(cell):
            numbers.append(cell)
        elif numeric and cell:
            return None
        elif cell and cell in present:
            repeated.append(cell)
        else:
            new_texts += bool(cell)
    if len(numbers) + len(repeated) <= new_texts or _count_up(numbers, len(rows[0])):
        return None
    why = []
    if numbers:
        why.append(f"{preview(numbers, 3)} {'are numbers' if len(numbers) > 1 else 'is a number'}")
    if repeated:
        verb = "occur again below" if len(repeated) > 1 else "occurs again below"
        why.append(f"{preview(repeated, 3)} {verb}")
    return f"the first line looks like data and not like a header: {'; '.join(why)}"


def _count_up(numbers: Sequence[str], columns: int) -> bool:
    """Return whether numbers are names: years or places, each larger than the one before."""
    if len(numbers) < 3 or not all(re.fullmatch(r"\d+", text, re.ASCII) for text in numbers):
        return False
    steps = {int(b) - int(a) for a, b in itertools.pairwise(numbers)}
    return len(steps) == 1 and steps.pop() > 0 and len(numbers) >= columns - 2
