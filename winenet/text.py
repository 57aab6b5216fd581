"""Numbers with their nouns."""


def plural(number: int, singular: str, several: str | None = None) -> str:
    """Return a noun or verb in the form that its number needs.

    Parameters
    ----------
    number : int
        The number that decides the form.
    singular : str
        The form for 1.
    several : str, optional
        The form for all other numbers; by default `singular` with an s.

    Returns
    -------
    str
        The form, without the number.
    """
    if number == 1:
        return singular
    return f"{singular}s" if several is None else several


def count(number: int, singular: str, several: str | None = None) -> str:
    """Return a number with its noun, such as "1 row" or "2,000 rows".

    Parameters
    ----------
    number : int
        The number to show, with thousands separators.
    singular : str
        The noun for 1.
    several : str, optional
        The noun for all other numbers; by default `singular` with an s.

    Returns
    -------
    str
        The number and the noun.
    """
    return f"{number:,} {plural(number, singular, several)}"
