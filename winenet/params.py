"""Schema of params.yaml and its loader.

Each section of params.yaml is named after the stage that reads it, but `gates`, which no stage
reads. The range of a parameter stands with its field.
"""

import contextlib
import itertools
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from winenet import params_file
from winenet.errors import did_you_mean, short_repr
from winenet.params_columns import Bounds, Column
from winenet.params_errors import format_error
from winenet.params_fields import (
    LABEL,
    RESERVED_PATTERN,
    Encoding,
    Epochs,
    Label,
    LearningRate,
    Library,
    ModelName,
    Name,
    Parameters,
    RareClasses,
    Section,
    Seed,
    Threshold,
    Title,
    Word,
    class_path,
    different_names,
    package,
    printable,
)
from winenet.params_file import PATH as PATH
from winenet.params_file import ParamsError as ParamsError
from winenet.text import count


def _key_of_a_metric(key: str) -> str:
    stage, *steps = key.split(".")
    stages = [name for name in Params.model_fields if name not in ("gates", "threshold")]
    if not all(steps) or not steps:
        raise ValueError("a floor's key is stage.metric, such as logistic.accuracy")
    if stage not in stages:
        hint = did_you_mean(stage, stages) or f"; the stages are {', '.join(stages)}"
        raise ValueError(f"no stage is called '{stage}'{hint}")
    return key


class RawFile(Section):
    """One file of the folder data/raw, and the label of all its rows if it has no such column."""

    name: Annotated[str, AfterValidator(printable)] = Field(
        pattern=r"^[^/\\]+$", description="the name of a file in data/raw"
    )
    label: Label | None = Field(default=None, description=LABEL)


class DisplayNames(Section):
    """How the pages call a row and the classes."""

    row: Word = Field(description="what one row is")
    rows: Word = Field(description="what several rows are")
    classes: dict[str, Word] = Field(description="a name for each label")


class Ingest(Section):
    """Which files are joined, and what each column may hold."""

    files: list[RawFile] = Field(min_length=1, description="the raw files, in reading order")
    separator: str = Field(
        pattern=r"^[\t !#-~]$", description="the raw files' separator, one character of ASCII"
    )
    target: Name = Field(description="the name of the label's column")
    positive_label: Label | None = Field(default=None, description=LABEL)
    columns: dict[Name, Column] = Field(min_length=1, description="the raw columns")
    drop_columns: list[str] = Field(default=[], description="raw columns that are not used")
    na_values: list[str] = Field(default=[], description="texts that stand for a missing value")
    encoding: Encoding = "utf-8"
    quote: Literal['"', "'"] = Field(default='"', description="the raw files' quotation mark")
    header: bool = Field(
        default=True, description="whether the first row has names; else they are c1, c2, ..."
    )
    unlabelled: Literal["drop", "refuse"] = Field(
        default="drop", description="what is done with rows without a label"
    )
    rare_classes: RareClasses = "refuse"
    min_class_rows: int = Field(default=2, ge=2, description="rows that a class needs")
    display_names: DisplayNames | None = None

    @field_validator("files")
    @classmethod
    def _different(cls, files: list[RawFile]) -> list[RawFile]:
        names = [file.name for file in files]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"'{name}' is listed twice")
        labelled = [file.name for file in files if file.label is not None]
        if labelled and len(labelled) < len(files):
            raise ValueError(
                f"'{labelled[0]}' has a label and another file has none; all have one, or the "
                "target is a column of all"
            )
        return files

    @model_validator(mode="after")
    def _each_column_once(self) -> Self:
        if self.target in self.columns:
            raise ValueError(f"target '{self.target}' is one of the raw columns")
        if RESERVED_PATTERN.fullmatch(self.target):
            raise ValueError(
                f"target '{self.target}' is a column of the tables of predictions; rename it"
            )
        for name in self.drop_columns:
            if name in self.columns or name == self.target:
                raise ValueError(f"drop_columns names '{name}', which is also in use")
        return self


class Split(Section):
    """How the table is cut into training and test rows."""

    test_size: float = Field(gt=0, lt=1, description="the fraction of the rows kept for the test")
    random_state: Seed
    method: Literal["random", "stratified", "group", "time"] = Field(
        description="which rows are the test set"
    )
    column: Name | None = Field(
        default=None, description="the raw column of the groups or times of the rows"
    )
    duplicates: Literal["keep", "drop", "group"] = Field(
        description="how duplicate rows are treated"
    )
    scaler: Literal["minmax", "standard", "robust", "none"] = Field(
        default="minmax", description="how numbers are scaled, by the training rows"
    )

    @model_validator(mode="after")
    def _keys_of_the_method(self) -> Self:
        needed = self.method in ("group", "time")
        if needed and self.column is None:
            raise ValueError(f"column is missing, without which method {self.method} cannot split")
        if not needed and self.column is not None:
            raise ValueError(
                f"column '{self.column}' has no meaning with method {self.method}, only with group "
                "and time"
            )
        if self.method == "time" and self.duplicates == "group":
            raise ValueError(
                "duplicates: group has no meaning with method time, since duplicates may be of "
                "different times; keep or drop them"
            )
        return self


class Handmade(Section):
    """The notebook's six rows and its hand-written network."""

    random_state: Seed
    learning_rate: LearningRate
    epochs: list[Epochs] = Field(
        min_length=1,
        description="the epochs at which the run is evaluated; training stops after the last",
    )
    plot_every: int = Field(ge=1, description="the number of epochs between two plotted points")
    n_seeds: int = Field(
        ge=1, description="the number of seeds on which the notebook's claims are tested"
    )

    @field_validator("epochs")
    @classmethod
    def _increasing(cls, epochs: list[int]) -> list[int]:
        if any(later <= earlier for earlier, later in itertools.pairwise(epochs)):
            raise ValueError("the epochs must increase")
        return epochs


class Estimator(BaseModel):
    """Parameters of an estimator, under its own names; `winenet.models` checks them."""

    model_config = ConfigDict(strict=True, frozen=True, extra="allow")

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of the estimator as params.yaml has them."""
        return dict(self.model_extra or {})


class Logistic(Estimator):
    """Any parameter of scikit-learn's LogisticRegression."""


class Network(Estimator):
    """Any parameter of DenseClassifier, and how the report calls the network."""

    title: Title | None = None


class Mlp(Section):
    """The networks; any number of them, with any names."""

    estimator: Library
    defaults: Parameters = Field(default={}, description="parameters of every network")
    networks: Annotated[dict[ModelName, Network], AfterValidator(different_names)] = Field(
        min_length=1, description="by name, what differs from the defaults"
    )


class Distribution(Section):
    """A distribution from which a random search draws: one of the three."""

    loguniform: Bounds | None = None
    uniform: Bounds | None = None
    randint: Bounds | None = None

    @model_validator(mode="after")
    def _one_of_three(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError("a distribution is one of loguniform, uniform and randint")
        if self.loguniform is not None and self.loguniform[0] <= 0:
            raise ValueError("loguniform needs a lower bound above 0")
        if self.randint is not None and any(bound != int(bound) for bound in self.randint):
            raise ValueError("randint needs whole numbers; the upper one is not drawn")
        return self


Values = Annotated[
    Annotated[list[Any], Field(min_length=1), Tag("list")] | Annotated[Distribution, Tag("drawn")],
    Discriminator(lambda given: "list" if isinstance(given, list) else "drawn"),
]


class GridSearch(Section):
    """The search, under scikit-learn's names."""

    estimator: Library
    method: Literal["grid", "random", "halving"] = Field(
        default="grid", description="how candidates are chosen and trained"
    )
    defaults: Parameters = Field(default={}, description="parameters of every candidate")
    cv: int = Field(ge=2, description="a number of folds")
    scoring: Literal[
        "accuracy",
        "balanced_accuracy",
        "f1",
        "f1_macro",
        "average_precision",
        "matthews_corrcoef",
        "neg_log_loss",
        "roc_auc",
    ]
    param_grid: dict[str, Values] = Field(
        min_length=1, description="the values of each parameter that the search combines"
    )
    n_iter: int | None = Field(default=None, ge=1, description="a number of candidates to draw")
    factor: float | None = Field(default=None, gt=1, description="1/factor of a round goes on")
    min_epochs: int | None = Field(default=None, ge=1, description="the epochs of the first round")
    search_seed: Seed | None = Field(default=None, description="the seed of the draws")

    @model_validator(mode="after")
    def _keys_of_the_method(self) -> Self:
        drawn = [name for name, values in self.param_grid.items() if not isinstance(values, list)]
        if drawn and (self.method == "grid" or (self.method == "halving" and self.n_iter is None)):
            raise ValueError(
                f"param_grid.{drawn[0]} is a distribution, which needs n_iter and method random or "
                "halving"
            )
        allowed = {
            "grid": (),
            "random": ("n_iter", "search_seed"),
            "halving": ("n_iter", "search_seed", "factor", "min_epochs"),
        }[self.method]
        for name in ("n_iter", "search_seed", "factor", "min_epochs"):
            if getattr(self, name) is not None and name not in allowed:
                raise ValueError(f"{name} has no meaning with method {self.method}")
        draws = self.method == "random" or self.n_iter is not None
        for name in ("n_iter", "search_seed"):
            if draws and getattr(self, name) is None:
                raise ValueError(f"{name} is missing, without which nothing can be drawn")
        if self.method == "halving" and self.estimator != "winenet":
            raise ValueError("method halving needs estimator winenet")
        return self


class Curves(Section):
    """The training of each network that is followed epoch by epoch, on rows held out as well."""

    validation_size: float = Field(
        gt=0, lt=1, description="the fraction of the training rows that is held out"
    )
    random_state: Seed
    epochs: Epochs


class Seeds(Section):
    """The training of each network under several seeds."""

    n_seeds: int = Field(ge=2, le=1000, description="the number of seeds of each network")
    random_state: Annotated[int, Field(ge=0, le=2**31, description="the first of the seeds")]


class Importance(Section):
    """What decides: features shuffled, features left out."""

    n_repeats: int = Field(ge=2, description="the number of permutations per feature")
    random_state: Seed
    drop_features: list[str] = Field(description="the features that are dropped, one at a time")


class LearningCurve(Section):
    """How the accuracy grows with the number of training rows."""

    train_sizes: list[Annotated[float, Field(gt=0, le=1, description="a fraction of the rows")]] = (
        Field(min_length=2, description="the fractions of the training rows")
    )
    n_repeats: int = Field(ge=2, le=1000, description="the number of repetitions per fraction")
    random_state: Annotated[int, Field(ge=0, le=2**31, description="the first of the seeds")]

    @field_validator("train_sizes")
    @classmethod
    def _increasing(cls, train_sizes: list[float]) -> list[float]:
        if any(later <= earlier for earlier, later in itertools.pairwise(train_sizes)):
            raise ValueError("the shares must increase")
        return train_sizes


class Baseline(Estimator):
    """A classifier that only the stage compare trains."""

    title: Title | None = None
    estimator: Annotated[str, AfterValidator(class_path)] = Field(
        description="the class with its module, such as sklearn.dummy.DummyClassifier",
    )


class Compare(Section):
    """The intervals, and the models that the networks are compared with."""

    n_resamples: int = Field(ge=100, description="the number of bootstrap resamples")
    random_state: Seed
    reference: str = Field(description="the network that the search's winner is compared with")
    baselines: Annotated[dict[ModelName, Baseline], AfterValidator(different_names)] = Field(
        default={}, description="by name, the class and its parameters"
    )
    trusted_modules: list[Annotated[str, AfterValidator(package)]] = Field(
        default=[], description="packages beside sklearn that a baseline may come from"
    )


class QualityGates(Section):
    """What `make gate` holds the metrics against. No stage reads it: it can change no result."""

    minimum: dict[
        Annotated[str, AfterValidator(_key_of_a_metric)],
        Annotated[float, Field(description="a minimum")],
    ] = Field(min_length=1, description="the minimum of each metric, by its dotted key")
    max_drop: float = Field(
        gt=0, description="the largest allowed drop, in half-widths of the base's interval"
    )


class Params(Section):
    """The whole of params.yaml."""

    ingest: Ingest
    split: Split
    handmade: Handmade | None = None  # a table other than the notebook's has none
    logistic: Logistic
    mlp: Mlp
    grid_search: GridSearch
    threshold: Threshold = Field(
        description="the probability above which a row is predicted as class 1"
    )
    curves: Curves
    seeds: Seeds
    importance: Importance
    learning_curve: LearningCurve
    compare: Compare
    gates: QualityGates

    @model_validator(mode="after")
    def _column_of_the_split_exists(self) -> Self:
        name, known = self.split.column, [*self.ingest.columns, *self.ingest.drop_columns]
        if name == self.ingest.target:
            raise ValueError(f"split.column: '{name}' is the target, ingest.target")
        if name is not None and name not in known:
            raise ValueError(
                f"split.column: '{name}' is in neither ingest.columns nor ingest.drop_columns"
                f"{did_you_mean(name, known)}"
            )
        return self

    @model_validator(mode="after")
    def _models_fit_together(self) -> Self:
        networks, baselines = self.mlp.networks, self.compare.baselines
        both = sorted({*networks} & {*baselines})
        if both:
            raise ValueError(
                f"compare.baselines: '{both[0]}' is a network in mlp.networks as well; a model's "
                "name is its own"
            )
        try:
            different_names(networks | baselines)
        except ValueError as error:
            raise ValueError(f"mlp.networks and compare.baselines: {error}") from None
        if self.compare.reference not in networks:
            raise ValueError(
                f"compare.reference: '{self.compare.reference}' is not one of mlp.networks"
                f"{did_you_mean(self.compare.reference, networks) or ': ' + ', '.join(networks)}"
            )
        return self


def load(path: str = PATH) -> Params:
    """Read and check the parameters.

    Raises ParamsError, which names every fault at once, when the file is missing, is not YAML,
    or does not fit the schema.
    """
    content = params_file.read(path)
    if not isinstance(content, dict):
        raise ParamsError(
            f"{path} holds {short_repr(content)} in place of sections, so no stage was run. "
            f"It needs the sections {', '.join(Params.model_fields)}."
        )
    try:
        return Params.model_validate(content)
    except ValidationError as error:
        faults = [format_error(detail, Params) for detail in error.errors()]
        raise faults_error(faults, path, _valid_sections(content)) from None


def faults_error(
    faults: Iterable[str], path: str = PATH, sections: Mapping[str, Section] | None = None
) -> ParamsError:
    """Return the error that lists some faults; sections: those that fit the schema."""
    listed = tuple(faults)
    error = ParamsError(
        f"{path} has {count(len(listed), 'fault')}, so no stage was run "
        "and no result was touched:\n"
        + "\n".join(f"  {fault}" for fault in listed)
        + f"\nChange {path}; `git diff {path}` shows what changed."
    )
    error.faults, error.sections, error.path = listed, sections or {}, path
    return error


def _valid_sections(content: dict[str, Any]) -> dict[str, Section]:
    """Return the sections that fit the schema by themselves."""
    sections = {}
    for name, field in Params.model_fields.items():
        kind: Any = field.annotation
        with contextlib.suppress(ValidationError, KeyError):
            sections[name] = TypeAdapter(kind).validate_python(content[name])
    return sections
