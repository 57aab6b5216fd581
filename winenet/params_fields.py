"""What the schema of params.yaml is made of: the base of its sections, and types with rules."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

LONGEST_NAME = 1_000
RESERVED_NAMES = (
    "row",
    "in_training",
    "wrong",
    "wrong_models",
)  # columns beside the raw ones in compare_errors.csv
MODEL_NAME = re.compile(r"[^\W]([\w -]{0,58}[\w-])?")
RESERVED_MODELS = (
    *("logistic", "grid_search", "best"),  # models of the pipeline itself
    *("training_rows", "held_out_rows", "held_out_rows_seen"),  # keys in metrics/curves.json
    "runs",  # in metrics/seeds.json
)
# Windows has no files of these names, whatever their suffix.
DEVICES = re.compile(r"con|prn|aux|nul|(?:com|lpt)[0-9]")
# Columns beside the label in the tables of predictions.
RESERVED_PATTERN = re.compile(r"network|fold|predicted|probability(?:_\d+)?")
# A spreadsheet takes a cell that begins so for a formula; some cut a line at ";" or a tab as well.
FORMULA = re.compile(r"(?:^|[,;])[\s\"']*[=+\-@\uff1d\uff0b\uff0d\uff20]")


class Section(BaseModel):
    """A part of params.yaml: nothing is converted, nothing unknown is let through."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)


def _harmless_name(name: str) -> str:
    """Refuse what would become more than a name in a table, a page or on a screen."""
    if not name.strip() or name != name.strip():
        raise ValueError("a name is not blank and has no blank around it")
    if len(name) > LONGEST_NAME:
        raise ValueError(f"a name has at most {LONGEST_NAME} characters, this one {len(name)}")
    if not name.isprintable():
        raise ValueError("a name has printable characters only, no line end and no tab")
    if name in RESERVED_NAMES:
        raise ValueError(
            f"a name is none of {', '.join(RESERVED_NAMES)}: the stage compare uses them"
        )
    if FORMULA.search(name):
        raise ValueError(
            "a name does not begin with =, +, - or @, not even after a comma or semicolon: a "
            "spreadsheet would take it for a formula"
        )
    if "</" in name or "<!--" in name:
        raise ValueError("a name holds no </ or <!--: the page of `dvc plots` would run it")
    return name


def name_error(name: str) -> str | None:
    """Return why no column can have this name, or None when it can."""
    try:
        _harmless_name(name)
    except ValueError as error:
        return str(error)
    return None


def _model_name(name: str) -> str:
    """Refuse a name that cannot be a JSON key, a file's stem and a part of a dotted key alike."""
    if not MODEL_NAME.fullmatch(name):
        raise ValueError(
            "a model's name has 1 to 60 letters, digits, _ and -, and blanks only between them"
        )
    if name.lower() in RESERVED_MODELS:
        raise ValueError(
            f"a model's name is none of {', '.join(RESERVED_MODELS)}: the pipeline uses them"
        )
    if DEVICES.fullmatch(name.lower()):
        raise ValueError("Windows has no file of this name, and each network has one")
    return name


def different_names(models: dict[str, Any]) -> dict[str, Any]:
    """Refuse two names that some file systems take for one."""
    known: dict[str, str] = {}
    for name in models:
        other = known.setdefault(name.lower(), name)
        if other != name:
            raise ValueError(f"'{other}' and '{name}' differ in case alone")
    return models


def class_path(path: str) -> str:
    """Refuse what is no path of a class."""
    if not all(map(str.isidentifier, path.split("."))) or "." not in path:
        raise ValueError("it needs module and class, joined by points")
    return path


def package(name: str) -> str:
    """Refuse what is no name of a package."""
    if not name.isidentifier():
        raise ValueError("it must be the name of a package without points, such as xgboost")
    return name


def printable(name: str) -> str:
    """Refuse a file's name that no screen shows."""
    if not name.isprintable():
        raise ValueError("a file's name has printable characters only")
    return name


def _known_encoding(name: str) -> str:
    try:
        "a".encode(name)
    except (LookupError, UnicodeError):  # hex is a codec, but none of texts
        raise ValueError(
            "Python knows no encoding of this name; utf-8 and windows-1252 are known"
        ) from None
    return name


def _rare_classes(given: str) -> str:
    if given not in ("refuse", "drop") and not re.fullmatch(r"merge=\S.*", given):
        raise ValueError("it is refuse, drop or merge=LABEL")
    return given


def _threshold(given: Any) -> Any:
    """Refuse with one message what is of none of the types; they would give one message each."""
    number = type(given) is float and 0 < given < 1
    if not (number or given in ("balanced_accuracy", "f1")):
        raise ValueError("it must be a number between 0 and 1, balanced_accuracy or f1")
    return given


# The bounds are numpy's: a legacy seed is an unsigned 32-bit integer.
Seed = Annotated[int, Field(ge=0, le=2**32 - 1, description="a seed")]
Epochs = Annotated[int, Field(ge=1, description="a number of epochs")]
Library = Annotated[
    Literal["winenet", "scikit-learn"], Field(description="the library that trains")
]
Parameters = dict[str, Any]
ModelName = Annotated[str, AfterValidator(_model_name)]
Title = Annotated[str, AfterValidator(_harmless_name), Field(description="a name for the report")]
Name = Annotated[str, AfterValidator(_harmless_name)]  # of a column
Label = Annotated[
    str,
    BeforeValidator(lambda given: str(given) if type(given) is int else given),
]
LABEL = "a label, as the raw files write it"
Word = Annotated[str, AfterValidator(_harmless_name)]
LearningRate = Annotated[float, Field(gt=0, description="a learning rate")]
Threshold = Annotated[
    Annotated[float, Field(gt=0, lt=1)] | Literal["balanced_accuracy", "f1"],
    BeforeValidator(_threshold),
]
Encoding = Annotated[
    str, AfterValidator(_known_encoding), Field(description="the raw files' encoding")
]
RareClasses = Annotated[
    str,
    AfterValidator(_rare_classes),
    Field(description="what is done with classes of few rows: refuse, drop or merge=LABEL"),
]
