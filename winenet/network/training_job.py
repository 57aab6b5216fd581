"""What one training works on: hyper-parameters, rows, and the state between two epochs."""

import dataclasses
import math
from dataclasses import dataclass, field

import numpy as np

from winenet.network.layers import Array, ValidationSet

# ------------------------------------------------------------------ what goes in and comes out


@dataclass(frozen=True)
class HyperParameters:
    """The hyper-parameters of one network, with MLPClassifier's names, meanings and defaults.

    batch_size: rows, at least 1. n_iter_no_change: epochs, may be infinite. dropout: the share of
    the hidden units that a row does without, anew in each step; at least 0, less than 1.
    """

    hidden_layer_sizes: tuple[int, ...] = (100,)
    activation: str = "relu"
    solver: str = "adam"
    alpha: float = 0.0001
    batch_size: int = 200
    learning_rate: str = "constant"
    learning_rate_init: float = 0.001
    power_t: float = 0.5
    max_iter: int = 200
    shuffle: bool = True
    tol: float = 1e-4
    momentum: float = 0.9
    nesterovs_momentum: bool = True
    early_stopping: bool = False
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    n_iter_no_change: float = 10
    dropout: float = 0.0


@dataclass
class TrainingState:
    """All that training knows about one network between two epochs: its past and its present.

    parameters: (parameters,), during training a live view. moments: what the solver remembers,
    (2, parameters) for Adam (means of the gradient and of its square), (1, parameters) for SGD
    (the velocity), None before the first step. losses in nats, scores as shares of the rows.
    event: "" while it goes on, "slower" when an epoch has cut the learning rate; "converged",
    "max_iter", "diverged" (parameters are not finite) or "stopped" (by on_epoch) at the end.
    """

    parameters: Array
    moments: Array | None = None
    steps: int = 0
    learning_rate: float | None = None
    epochs: int = 0
    rows_seen: int = 0
    loss_curve: list[float] = field(default_factory=list)
    best_loss: float = math.inf
    validation_losses: list[float] = field(default_factory=list)
    validation_scores: list[float] = field(default_factory=list)
    best_score: float = -math.inf
    best_parameters: Array | None = None
    no_improvement: int = 0
    event: str = ""

    @property
    def finished(self) -> bool:
        """Whether the network has left its stack."""
        return self.event not in ("", "slower")


@dataclass(frozen=True)
class TrainingJob:
    """One network to train.

    X: (rows, features), C-contiguous; jobs may share it. targets: (rows, outputs) of 0 and 1 in
    X's dtype: one column for two classes, else one a class. start: where to begin; it stays
    as it is. rng: shuffles the rows; with dropout it seeds the stream that chooses the units, and
    nothing else draws from it. row_weights: (rows,) or None.
    held_out: needed when settings.early_stopping is on.
    """

    X: Array
    targets: Array
    settings: HyperParameters
    start: TrainingState
    rng: np.random.RandomState
    row_weights: Array | None = None
    held_out: ValidationSet | None = None

    @property
    def units(self) -> list[int]:
        """The width of each layer: features, hidden units, outputs."""
        return [self.X.shape[1], *self.settings.hidden_layer_sizes, self.targets.shape[1]]


def initial_state(parameters: Array) -> TrainingState:
    """Return the run of a network that has seen nothing yet."""
    return TrainingState(parameters, best_parameters=parameters)


def warm_start_state(run: TrainingState, parameters: Array, *, keep_solver: bool) -> TrainingState:
    """Return the start of a training that goes on from parameters, with the past of run.

    keep_solver: whether the solver keeps its memory and its learning rate, too.
    """
    if keep_solver:
        return dataclasses.replace(run, parameters=parameters)
    return dataclasses.replace(
        run, parameters=parameters, moments=None, steps=0, learning_rate=None
    )


def snapshot(run: TrainingState) -> TrainingState:
    """Return a copy of the run that does not change when the run goes on."""
    return dataclasses.replace(
        run,
        parameters=run.parameters.copy(),
        loss_curve=list(run.loss_curve),
        validation_losses=list(run.validation_losses),
        validation_scores=list(run.validation_scores),
    )
