"""Numbers with their nouns."""


def plural(number: int, singular: str, several: str | None = None) -> str:
    """Return a noun or verb in the form that its number needs; by default `singular` with an s."""
    if number == 1:
        return singular
    return f"{singular}s" if several is None else several


def count(number: int, singular: str, several: str | None = None) -> str:
    """Return a number with its noun, such as "1 row" or "2,000 rows"; see `plural`."""
    return f"{number:,} {plural(number, singular, several)}"
