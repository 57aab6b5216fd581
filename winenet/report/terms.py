"""How a table's rows and classes are called, so that a page on any table speaks of that one."""

from typing import NamedTuple

from winenet.data.schema import Schema


class Terms(NamedTuple):
    """The words of one table.

    target: the label column. row, rows: what a row is. classes: by code, the name to show.
    labels: by code, as the raw files write it. notebook: whether the course notebook's half
    belongs to the page.
    """

    target: str
    row: str
    rows: str
    classes: tuple[str, ...]
    labels: tuple[str, ...]
    notebook: bool = False

    @property
    def several(self) -> bool:
        """Return whether there are more than two classes."""
        return len(self.classes) > 2

    @property
    def named(self) -> bool:
        """Return whether the classes have names other than their labels."""
        return self.classes != self.labels

    @property
    def positive(self) -> str:
        """Return the name of class 1, of two."""
        return self.classes[1]

    @property
    def negative(self) -> str:
        """Return the name of class 0."""
        return self.classes[0]

    @property
    def rule(self) -> str:
        """Return whose rule ends a training when its loss improves no more."""
        return "the notebook's" if self.notebook else "scikit-learn's"

    @property
    def title(self) -> str:
        """Return what the section on the models is called."""
        if self.several or not self.named:
            return "The models"
        return f"{capital(self.positive)} or {self.negative}"


def from_schema(schema: Schema, notebook: bool) -> Terms:
    """Return the words of a table."""
    return Terms(
        schema.target,
        schema.row,
        schema.rows,
        tuple(schema.names),
        tuple(schema.labels),
        notebook,
    )


def capital(text: str) -> str:
    """Return a text with a capital first letter, the others as they are."""
    return text[:1].upper() + text[1:]
