"""What the report calls the rows and classes of a table."""

from typing import NamedTuple

from winenet.data.schema import Schema


class Terms(NamedTuple):
    """What the report calls the parts of one table.

    Parameters
    ----------
    target : str
        The label column.
    row, rows : str
        The noun for a row, and its plural.
    classes : tuple of str
        By code, the name to show.
    labels : tuple of str
        By code, the label in the raw files.
    notebook : bool, default=False
        Whether the report compares the run with the course notebook.
    """

    target: str
    row: str
    rows: str
    classes: tuple[str, ...]
    labels: tuple[str, ...]
    notebook: bool = False

    @classmethod
    def from_schema(cls, schema: Schema, notebook: bool) -> "Terms":
        """Return the terms of a table.

        Parameters
        ----------
        schema : Schema
            The columns and classes of the table.
        notebook : bool
            Whether the report compares the run with the course notebook.

        Returns
        -------
        Terms
        """
        return cls(
            schema.target,
            schema.row,
            schema.rows,
            tuple(schema.names),
            tuple(schema.labels),
            notebook,
        )

    @property
    def multiclass(self) -> bool:
        """Return whether there are more than two classes."""
        return len(self.classes) > 2

    @property
    def named_classes(self) -> bool:
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
        """Return whose rule stops a training: the notebook's or scikit-learn's."""
        return "the notebook's" if self.notebook else "scikit-learn's"

    @property
    def title(self) -> str:
        """Return the title of the section on the models."""
        if self.multiclass or not self.named_classes:
            return "The models"
        return f"{capital(self.positive)} or {self.negative}"


def capital(text: str) -> str:
    """Return a text with a capital first letter and the rest unchanged."""
    return text[:1].upper() + text[1:]
