"""Numbers as people write them: decimal comma, thousands separators, units, signs, limits.

A format belongs to a column. It is inferred once, stands in params.yaml and in the model file, and
is then the only rule by which the column's cells become numbers.
"""

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from winenet.errors import short_repr

BLANKS = " \u00a0\u2007\u2009\u202f"  # that stand between thousands
THOUSANDS = (",", ".", "'", "\u2019", " ")  # " " for each of BLANKS
MINUS = "\u2212\u2013\u2012\ufe63\uff0d"  # signs that stand for a minus
PLAIN = r"^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$"
MAX_UNIT = 12  # characters
CURRENCIES = frozenset(
    re.findall(
        r"\w+",
        """AED ARS AUD BRL CAD CHF CLP CNY COP CZK DKK EGP EUR GBP HKD HUF IDR ILS INR JPY KES KRW
        MXN MYR NGN NOK NZD PEN PHP PKR PLN RON RUB SAR SEK SGD THB TRY TWD UAH USD VND ZAR Rs""",
    )
)
# Units that multiply: 900 among 1.2K is not 0.9K, and 0.5 among 76% may be 50%.
FACTORS = frozenset(
    (*("k", "m", "b", "bn", "mn", "mio", "mrd", "lakh", "cr", "million", "billion"), "%", "\u2030")
)
FORM = re.compile(
    rf"""
    (?P<limit>[<>\u2264\u2265]=?\s*)?
    (?P<open>\(\s*)?
    (?P<sign>[+\-{MINUS}]\s*)?
    (?P<prefix>[^0-9\s.,+\-()<>{MINUS}]{{1,5}})?\s*
    (?P<inner>[+\-{MINUS}]\s*)?
    (?P<body>(?:[0-9]|[.,](?=[0-9]))[0-9.,'\u2019{BLANKS}]*?)
    (?P<exponent>[eEdD][+-]?[0-9]{{1,3}})?
    (?P<suffix>\s*[^\d\s.,+\-()<>][^\d,;()<>]{{0,{MAX_UNIT - 1}}})?
    (?P<close>\s*\))?
    """,
    re.VERBOSE,
)


# Decimal sign and thousands separator of every format, the usual ones first.
SIGNS: tuple[tuple[Literal[".", ","], str], ...] = (
    (".", ""),
    (",", ""),
    *((".", sign) for sign in THOUSANDS if sign != "."),
    *((",", sign) for sign in THOUSANDS if sign != ","),
)


@dataclass(frozen=True)
class NumberFormat:
    """How the numbers of a column are written.

    Attributes
    ----------
    decimal : {".", ","}
    thousands : str
        The sign between groups of three digits; empty for none, " " for any blank.
    unit : str
        What stands before or behind a number, such as "%", "€" or "kg"; "$#M" if it stands on
        both sides. The number is kept as it is: 76% becomes 76. A cell may lack it, unless it
        multiplies, as % and K do.
    parentheses : bool
        Whether (5) is -5, as in accounts.
    limits : bool
        Whether <5 and >5 are 5, the limit of what was measured.
    """

    decimal: Literal[".", ","] = "."
    thousands: str = ""
    unit: str = ""
    parentheses: bool = False
    limits: bool = False

    @property
    def needs_unit(self) -> bool:
        """Whether a number without the unit would be another one."""
        return self.unit.rpartition("#")[2].strip().lower() in FACTORS

    @property
    def is_plain(self) -> bool:
        """Whether numbers have a decimal point and nothing else."""
        return self == NumberFormat()

    def describe(self) -> str:
        """Return the format in words, empty if it is plain."""
        words = []
        if self.decimal == ",":
            words.append("decimal comma")
        if self.thousands:
            words.append(f"{self.thousands!r} between thousands")
        if self.unit:
            words.append(f"unit {self.unit!r}")
        if self.parentheses:
            words.append("(5) for -5")
        if self.limits:
            words.append("<5 and >5 taken for 5")
        return ", ".join(words)


class AmbiguousNumbersError(ValueError):
    """Numbers can be read in two ways."""

    def __init__(self, example: str, readings: tuple[float, float]) -> None:
        super().__init__(example)
        self.example, self.readings = example, readings


class _Parts(NamedTuple):
    """A number taken apart."""

    body: str
    unit: str
    in_parentheses: bool
    has_limit: bool


def check(number_format: NumberFormat) -> None:
    """Raise ValueError if a format has a value that none can have."""
    is_valid = (
        number_format.decimal in (".", ",")
        and number_format.thousands in ("", *THOUSANDS)
        and isinstance(number_format.unit, str)
        and type(number_format.parentheses) is type(number_format.limits) is bool
    )
    if not is_valid:
        raise ValueError(f"it has the number format {short_repr(asdict(number_format))}")


# ------------------------------------------------------------------ conversion


def parse(
    cells: pa.Array, number_format: NumberFormat
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Convert texts to numbers.

    Parameters
    ----------
    cells : pyarrow string array of shape (rows,)
        Without blanks around; null for a gap.
    number_format : NumberFormat

    Returns
    -------
    numbers : ndarray of float64, shape (rows,)
        The nearest float64 of each decimal number; NaN for a gap and for what is not a number.
    is_wrong : ndarray of bool, shape (rows,)
        Cells that are not numbers in this format, and numbers that are not finite.
    """
    texts = cells if number_format.is_plain else _to_plain(cells, number_format)
    known = pc.match_substring_regex(texts, PLAIN)
    if number_format.is_plain and not pc.all(known).as_py():  # another minus, 1.5D+02
        texts = pc.if_else(known, texts, _to_plain(texts, number_format))
        known = pc.match_substring_regex(texts, PLAIN)
    texts = pc.if_else(known, texts, pa.scalar(None, pa.string()))
    texts = pc.replace_substring_regex(texts, r"^\+", "") if _any(texts, "+") else texts
    numbers: npt.NDArray[np.float64] = np.array(
        pc.cast(texts, pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64
    )
    given = ~np.asarray(cells.is_null().to_numpy(zero_copy_only=False))
    is_wrong = given & ~np.isfinite(numbers)
    numbers[is_wrong] = np.nan
    return numbers, is_wrong


def _any(texts: pa.Array, sign: str) -> bool:
    return bool(pc.any(pc.match_substring(texts, sign)).as_py())


def _to_plain(cells: pa.Array, number_format: NumberFormat) -> pa.Array:
    """Return the numbers with a decimal point and nothing else, and other texts as they may be."""
    blanks = f"[{BLANKS}]*"  # \s is none of them in pyarrow

    def replace(texts: pa.Array, pattern: str, replacement: str) -> pa.Array:
        return pc.replace_substring_regex(texts, pattern, replacement)

    texts = replace(cells, f"[{MINUS}]", "-")
    if number_format.limits:
        texts = replace(texts, f"^[<>≤≥]=?{blanks}", "")
    if number_format.parentheses:
        texts = replace(texts, rf"^\({blanks}([^-+].*?){blanks}\)$", r"-\1")
    if number_format.unit:
        before, _, behind = number_format.unit.rpartition("#")
        if number_format.needs_unit:
            pattern = rf"{re.escape(behind)}$|^[+-]?{blanks}{re.escape(behind)}|^[+-]?[0.,]+$"
            texts = pc.if_else(
                pc.match_substring_regex(texts, pattern), texts, pa.scalar("?", pa.string())
            )
        for unit in filter(None, dict.fromkeys([before or behind, behind])):
            texts = replace(texts, rf"^([+-]?){blanks}{re.escape(unit)}{blanks}", r"\1")
            texts = replace(texts, rf"{blanks}{re.escape(unit)}$", "")
    texts = replace(texts, rf"^([+-]){blanks}", r"\1")
    # Fortran's 1.5D+02; 12D4 is a code.
    texts = replace(texts, r"^([+-]?\d*[.,]\d*)[dD]([+-]?\d+)$", r"\1e\2")
    decimal = re.escape(number_format.decimal)
    if number_format.thousands:
        group = (
            f"[{BLANKS}]" if number_format.thousands == " " else _escaped(number_format.thousands)
        )
        grouped = rf"^[+-]?\d{{1,3}}(?:{group}\d{{3}})+(?:{decimal}\d*)?(?:[eE][+-]?\d+)?$"
        texts = pc.if_else(
            pc.match_substring_regex(texts, grouped), replace(texts, group, ""), texts
        )
    if number_format.decimal == ",":
        # A point would be read as a decimal one: such a text is no number in this format.
        has_point = pc.match_substring(texts, ".")
        texts = pc.if_else(has_point, pa.scalar("?"), pc.replace_substring(texts, ",", "."))
    return texts


def _escaped(sign: str) -> str:
    return "['\u2019]" if sign in "'\u2019" else re.escape(sign)


# ------------------------------------------------------------------ inference


def infer(
    texts: Mapping[str, int], share: float = 0.95, decimal: str | None = None
) -> tuple[NumberFormat, list[str]] | None:
    """Infer the format of a column's numbers.

    Parameters
    ----------
    texts : mapping of str to int
        Rows by text, without gaps and without blanks around.
    share : float
        The fraction of the rows that must be numbers.
    decimal : {".", ","}, optional
        The decimal sign, where the numbers can be read in two ways.

    Returns
    -------
    tuple of NumberFormat and list of str, or None
        The format, and the texts that are not numbers in it; None if the column is not one of
        numbers.

    Raises
    ------
    AmbiguousNumbersError
        If the numbers can be read in two ways, such as 20,000.
    """
    parts = {text: _take_apart(text) for text in texts}
    rows = sum(texts.values())
    known = {text: part for text, part in parts.items() if part is not None}
    if has_codes(texts) or sum(texts[text] for text in known) < share * rows or not rows:
        return None
    unit = _common_unit(known, texts, share * rows)
    if unit is None:
        return None
    known = {text: part for text, part in known.items() if part.unit in ("", unit)}
    if _is_dialled(known):
        return None
    limited = [text for text, part in known.items() if part.has_limit]
    if sum(texts[text] for text in limited) > rows / 2:
        return None  # <50 and >50 are classes
    signs = _signs([part.body for part in known.values()], decimal)
    if signs is None:
        return None
    result = NumberFormat(
        decimal=signs[0],
        thousands=signs[1],
        unit=unit,
        parentheses=any(part.in_parentheses for part in known.values()),
        limits=bool(limited),
    )
    listed = list(texts)
    wrong = parse(pa.array(listed, pa.string()), result)[1]
    odd = [text for text, is_wrong in zip(listed, wrong, strict=True) if is_wrong]
    return (result, odd) if sum(texts[text] for text in odd) <= (1 - share) * rows else None


def _take_apart(text: str) -> _Parts | None:
    match = FORM.fullmatch(text)
    if match is None or (match["open"] is None) != (match["close"] is None):
        return None
    before, behind = (match[side] or "" for side in ("prefix", "suffix"))
    if "#" in before + behind:
        return None
    if before and not (
        before in CURRENCIES
        or before in ("'", "%")
        or any(unicodedata.category(sign) == "Sc" for sign in before)
    ):
        return None  # A11 is a code, USD 11 is an amount
    if match["exponent"] and match["exponent"][0] in "dD" and not re.search("[.,]", match["body"]):
        return None
    if re.match("0[0-9]", match["body"]) and (not behind or re.search("[.,]", match["body"])):
        return None  # a code or a date
    unit = f"{before}#{behind}" if before and behind else (before or behind)
    return _Parts(match["body"], unit.strip(), bool(match["open"]), bool(match["limit"]))


def is_number(text: str, *, with_unit: bool = False) -> bool:
    """Return whether a text is a number in some format, without a unit unless one may be there."""
    parts = _take_apart(text)
    return (parts is not None and (with_unit or not parts.unit)) and any(
        _fits(parts.body.strip(), *signs) for signs in SIGNS
    )


def point_between_thousands(texts: Collection[str]) -> str | None:
    """Return a number whose point may stand between thousands, as all others' may, or None.

    In 2.912 alone it may; beside 2.9 it is a decimal point.
    """
    parts = filter(None, map(_take_apart, texts))
    bodies = [part.body.strip() for part in parts]
    if not all(_fits(body, ",", ".") and _fits(body, ".", "") for body in bodies):
        return None
    return next((body for body in bodies if "." in body), None)


def has_codes(texts: Collection[str]) -> bool:
    """Return whether numbers are codes: digits alone, with leading zeros as in 01234."""
    return any(re.fullmatch("0[0-9]+", text) for text in texts) and all(
        re.fullmatch("[0-9]+", text) for text in texts if is_number(text)
    )


def _is_dialled(known: Mapping[str, _Parts]) -> bool:
    """Return whether the numbers are telephone numbers: +49 123 456."""
    grouped = [text for text, part in known.items() if re.search(f"[{BLANKS}]", part.body.strip())]
    return bool(grouped) and all(text.startswith("+") for text in grouped)


def _common_unit(known: Mapping[str, _Parts], texts: Mapping[str, int], rows: float) -> str | None:
    """Return the one unit of nearly all numbers, or None if there are several."""
    counts: dict[str, int] = {}
    for text, part in known.items():
        counts[part.unit] = counts.get(part.unit, 0) + texts[text]
    units = sorted((unit for unit in counts if unit), key=lambda unit: -counts[unit])
    unit = units[0] if units else ""
    covered = counts.get("", 0) + (counts[unit] if unit else 0)
    if unit and counts[unit] < covered / 2 and counts.get("", 0) >= rows:
        unit = ""  # a few odd cells in a column of plain numbers
    return unit if counts.get("", 0) + counts.get(unit, 0) * bool(unit) >= rows else None


def _signs(bodies: Collection[str], decimal: str | None) -> tuple[Any, str] | None:
    """Return the decimal sign and the thousands separator with which all bodies are numbers."""
    texts = list(dict.fromkeys(body.strip() for body in bodies))
    fitting = [signs for signs in SIGNS if all(_fits(text, *signs) for text in texts)]
    if not fitting:
        # Some odd numbers among many: the signs that fit most.
        share = {signs: sum(_fits(text, *signs) for text in texts) / len(texts) for signs in SIGNS}
        best = max(SIGNS, key=lambda signs: share[signs])
        fitting = [signs for signs in SIGNS if share[signs] == share[best]]
        if share[best] < 0.9:
            return None
    best_signs = fitting[0]
    if best_signs == (".", "") and decimal == "," and (",", ".") in fitting:
        return (",", ".") if any("." in text for text in texts) else best_signs
    # 57,725 alone, or beside 57.725 and no number with both signs.
    with_comma = next((signs for signs in ((",", ""), (",", ".")) if signs in fitting), None)
    if best_signs in ((",", ""), (".", ",")) and with_comma and (".", ",") in fitting:
        if decimal is not None:
            return with_comma if decimal == "," else (".", ",")
        example = next(text for text in texts if "," in text and _fits(text, ".", ","))
        raise AmbiguousNumbersError(
            example, (float(example.replace(",", ".")), float(example.replace(",", "")))
        )
    return best_signs


def _fits(body: str, decimal: str, thousands: str) -> bool:
    """Return whether a body is a number with these signs, and begins no group with a zero."""
    mark = re.escape(decimal)
    if re.fullmatch(rf"[0-9]+(?:{mark}[0-9]*)?|{mark}[0-9]+", body):
        return True
    if not thousands:
        return False
    group = f"[{BLANKS}]" if thousands == " " else _escaped(thousands)
    return (
        re.fullmatch(rf"[1-9][0-9]{{0,2}}(?:{group}[0-9]{{3}})+(?:{mark}[0-9]*)?", body) is not None
    )
