"""How a table's rows and classes are called."""

import pytest

from winenet.data import schema
from winenet.report import glossary, terms
from winenet.report.terms import Terms

WINE = schema.from_json(
    {
        "target": "Class",
        "classes": ["0", "1"],
        "columns": [{"name": "alcohol", "type": "number"}],
        "words": {"row": "wine", "rows": "wines", "classes": ["white", "red"]},
    }
)
IRIS = schema.from_json(
    {
        "target": "species",
        "classes": ["setosa", "versicolor", "virginica"],
        "columns": [{"name": "petal length", "type": "number"}],
        "words": {"row": "row", "rows": "rows", "classes": ["setosa", "versicolor", "virginica"]},
    }
)


def test_the_words_are_those_of_the_schema():
    own = Terms.from_schema(WINE, notebook=True)
    assert own == Terms("Class", "wine", "wines", ("white", "red"), ("0", "1"), notebook=True)
    assert (own.positive, own.negative, own.title) == ("red", "white", "Red or white")
    assert (own.named_classes, own.multiclass, own.rule) == (True, False, "the notebook's")


def test_a_table_without_words_of_its_own_shows_its_labels():
    own = Terms.from_schema(IRIS, notebook=False)
    assert (own.named_classes, own.multiclass, own.rule) == (False, True, "scikit-learn's")
    assert own.title == "The models"
    assert own.classes == own.labels == ("setosa", "versicolor", "virginica")


@pytest.mark.parametrize(
    ("text", "expected"), [("wines", "Wines"), ("pH values", "PH values"), ("", "")]
)
def test_a_capital_changes_no_other_letter(text, expected):
    assert terms.capital(text) == expected


def test_the_glossary_speaks_of_the_table():
    wine = glossary.glossary_for(Terms.from_schema(WINE, notebook=True))
    assert list(wine) == list(glossary.GLOSSARY)
    assert "a random red wine has a higher predicted probability than a random white" in wine["AUC"]
    assert wine["threshold"] == "The probability above which a row is predicted as a 1."
    assert wine["calibration"].endswith("four in five should be ones.")
    iris = glossary.glossary_for(Terms.from_schema(IRIS, notebook=False))
    told = " ".join(iris.values())
    assert "{" not in told
    assert not {"wine", "red", "white"} & set(told.replace(".", " ").split())
    assert "mean over the classes" in iris["F1"]
    assert set(iris) == {*wine, "softmax"}
