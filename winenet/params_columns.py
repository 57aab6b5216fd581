"""The schema of raw columns in params.yaml: short forms, and mappings with a type."""

import re
from datetime import date, datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from winenet.params_fields import Section


class ColumnSection(Section):
    """A column that needs more words than number or category."""

    na_values: list[str] | None = Field(
        default=None, description="texts for a missing value, in place of ingest.na_values"
    )


def _increasing_pair(bounds: list[float]) -> list[float]:
    if len(bounds) != 2 or bounds[0] >= bounds[1]:
        raise ValueError("it needs [least, largest] with least < largest")
    return bounds


def _iso_date(text: str) -> str:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise ValueError("it is a date such as 1970-01-01") from None
    return text


def _date_pattern(text: str) -> str:
    try:
        datetime.strptime("", text)  # which says first what is wrong with the pattern
    except (ValueError, re.error) as error:
        reason = str(error)
        if "%" in text and "does not match format" in reason:
            return text
    raise ValueError("it has signs of strptime, each once, such as %d.%m.%Y or %H:%M")


Bounds = Annotated[
    list[float],
    AfterValidator(_increasing_pair),
    Field(description="the lower and the upper bound"),
]


class NumberColumn(ColumnSection):
    """Numbers as people write them."""

    type: Literal["number"]
    range: Bounds | None = None
    decimal: Literal[".", ","] = Field(default=".", description="the decimal sign")
    thousands: Literal["", ",", ".", "'", " "] = Field(
        default="", description="the sign between groups of three digits"
    )
    unit: str = Field(
        default="", description="what stands before or behind the number; $#M for both sides"
    )
    parentheses: bool = Field(default=False, description="whether (5) is -5")
    limits: bool = Field(default=False, description="whether <5 and >5 are taken for 5")

    @model_validator(mode="after")
    def _two_signs(self) -> Self:
        if self.decimal == self.thousands:
            raise ValueError(f"decimal and thousands are both {self.decimal!r}; they must differ")
        return self


class CategoryColumn(ColumnSection):
    """Texts, of which several rows have the same."""

    type: Literal["category"]


class DateColumn(ColumnSection):
    """Dates or times, which become numbers."""

    type: Literal["date"]
    format: Annotated[str, AfterValidator(_date_pattern)] = Field(
        description="how they are written, as in strptime"
    )
    parts: list[Literal["year", "month", "day", "weekday", "hour", "minute", "second", "days"]] = (
        Field(
            min_length=1,
            description="the numbers that each date becomes; days count from the origin",
        )
    )
    origin: Annotated[str, AfterValidator(_iso_date)] = Field(
        default="1970-01-01", description="the date of which days is 0"
    )


Kind = Annotated[
    Literal["number", "category"],
    Field(description="[lower, upper], number, category, or a mapping with a type"),
]

COLUMN_TYPES: dict[str, type[Section]] = {
    "number": NumberColumn,
    "category": CategoryColumn,
    "date": DateColumn,
}


def _form(given: object) -> str:
    if isinstance(given, dict):
        return str(given.get("type"))
    if isinstance(given, ColumnSection):
        return str(getattr(given, "type", None))
    return "kind" if isinstance(given, str) else "bounds"


Column = Annotated[
    Annotated[Bounds, Tag("bounds")]
    | Annotated[Kind, Tag("kind")]
    | Annotated[NumberColumn, Tag("number")]
    | Annotated[CategoryColumn, Tag("category")]
    | Annotated[DateColumn, Tag("date")],
    Discriminator(_form),
]
