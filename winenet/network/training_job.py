"""The input of one training (hyper-parameters, rows, start) and its state between two epochs."""

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from winenet.network.layers import Array, ValidationSet


@dataclass(frozen=True)
class HyperParameters:
    """The hyper-parameters of one network, with MLPClassifier's names, meanings and defaults.

    Unlike there, `batch_size` is a number (at least 1), and there is `dropout`: the probability, in
    [0, 1), that a hidden unit is dropped for a row in a step. `n_iter_no_change` may be infinite.
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
    """The state of one network's training between two epochs, with its history.

    Losses are in nats, scores are fractions of the rows. The fields that explain themselves are
    left out.

    Attributes
    ----------
    parameters : ndarray of shape (parameters,)
        During training, a view of the stack's parameters.
    optimizer_state : ndarray or None
        Adam: (2, parameters), the running means of the gradient and of its square. SGD:
        (1, parameters), the velocity. None before the first step.
    learning_rate : float or None
        The current one; None before the first step.
    no_improvement : int
        Number of epochs in a row that did not improve by `tol`.
    learning_rate_cut : bool
        Whether the last epoch cut the learning rate (`learning_rate="adaptive"`).
    stop_reason : str
        "" during training; then "converged", "max_iter", "stopped" (by the `on_epoch` callback),
        "diverged" (the parameters are not finite) or "paused" (a job may continue from here).
    permutation : ndarray of shape (rows,) or None
        The order of the rows; of a paused training only.
    dropout_rng : dict or None
        The state of the generator of the dropout masks; of a paused training with dropout only.
    """

    parameters: Array
    optimizer_state: Array | None = None
    steps: int = 0
    learning_rate: float | None = None
    epochs: int = 0
    samples_seen: int = 0
    loss_curve: list[float] = field(default_factory=list)
    best_loss: float = math.inf
    validation_losses: list[float] = field(default_factory=list)
    validation_scores: list[float] = field(default_factory=list)
    best_score: float = -math.inf
    best_parameters: Array | None = None
    no_improvement: int = 0
    learning_rate_cut: bool = False
    stop_reason: str = ""
    permutation: NDArray[np.intp] | None = None
    dropout_rng: dict[str, Any] | None = None

    @property
    def finished(self) -> bool:
        """Whether the training has ended, or is paused."""
        return self.stop_reason != ""

    @property
    def paused(self) -> bool:
        """Whether the training stopped at the job's `pause_at`."""
        return self.stop_reason == "paused"


@dataclass(frozen=True)
class TrainingJob:
    """One network to train.

    Attributes
    ----------
    X : ndarray of shape (rows, features)
        C-contiguous; jobs may share it.
    targets : ndarray of shape (rows, outputs)
        0 and 1 in X's dtype: one column for two classes, otherwise one per class.
    start : TrainingState
        Where training begins; it is not modified. If it is paused, the training continues as if it
        had never paused, provided that rng is in the state in which the pause left it.
    rng : RandomState
        Shuffles the rows. With dropout it also seeds the generator of the dropout masks.
    validation : ValidationSet or None
        Required if `hyperparameters.early_stopping`.
    pause_at : int or None
        Number of epochs, those of a paused start included, after which the training pauses.
    """

    X: Array
    targets: Array
    hyperparameters: HyperParameters
    start: TrainingState
    rng: np.random.RandomState
    sample_weight: Array | None = None
    validation: ValidationSet | None = None
    pause_at: int | None = None

    @property
    def layer_sizes(self) -> list[int]:
        """The number of features, of units of each hidden layer, and of outputs."""
        hidden = self.hyperparameters.hidden_layer_sizes
        return [self.X.shape[1], *hidden, self.targets.shape[1]]


def initial_state(parameters: Array) -> TrainingState:
    """Return the state of a network that has not been trained."""
    return TrainingState(parameters, best_parameters=parameters)


def warm_start_state(
    state: TrainingState, parameters: Array, *, keep_optimizer: bool
) -> TrainingState:
    """Return the start of a training that continues from `parameters` with the history of `state`.

    keep_optimizer: whether to continue with the optimizer state and the learning rate as well.
    """
    if keep_optimizer:
        return dataclasses.replace(state, parameters=parameters)
    return dataclasses.replace(
        state, parameters=parameters, optimizer_state=None, steps=0, learning_rate=None
    )


def snapshot(state: TrainingState) -> TrainingState:
    """Return a copy that further training does not change."""
    return dataclasses.replace(
        state,
        parameters=state.parameters.copy(),
        loss_curve=list(state.loss_curve),
        validation_losses=list(state.validation_losses),
        validation_scores=list(state.validation_scores),
    )
