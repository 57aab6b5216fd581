"""The dense network as a scikit-learn estimator: `DenseClassifier`.

It has the parameters of scikit-learn's MLPClassifier and, in float64, the same results bit for bit,
in less time. The module has over 500 lines, as more than half of it documents the public class and
its parameters.
"""

import dataclasses
import warnings
from collections.abc import Callable
from itertools import pairwise
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from winenet.network import hyperparameters, inputs, layers, training
from winenet.network.inputs import Labels
from winenet.network.layers import Array
from winenet.network.training_job import (
    TrainingJob,
    TrainingState,
    initial_state,
    snapshot,
    warm_start_state,
)


class DenseClassifier(CallbackSupportMixin, ClassifierMixin, BaseEstimator):
    """Dense neural network for classification; without hidden layers, a logistic regression.

    It is a faster MLPClassifier: in float64 the fitted network is the same to the last bit. The
    differences: `solver` is "adam" or "sgd" (so there is no `max_fun`), data are dense, each row
    has one label, there are at least two classes, and `dtype` alone decides the precision (in
    MLPClassifier, X does).

    Parameters
    ----------
    hidden_layer_sizes : array-like of int, default=(100,)
        Number of units of each hidden layer; () for none.
    activation : {"identity", "logistic", "tanh", "relu"}, default="relu"
        Activation function of the hidden layers.
    solver : {"adam", "sgd"}, default="adam"
        The optimizer.
    alpha : float, default=0.0001
        Strength of the L2 penalty.
    batch_size : int or "auto", default="auto"
        Rows per mini-batch; "auto" is min(200, rows).
    learning_rate : {"constant", "invscaling", "adaptive"}, default="constant"
        Schedule of the learning rate; for "sgd" only.
    learning_rate_init : float, default=0.001
        Initial learning rate.
    power_t : float, default=0.5
        Exponent of "invscaling".
    max_iter : int, default=200
        Maximum number of epochs.
    shuffle : bool, default=True
        Whether to shuffle the rows in each epoch.
    random_state : int, RandomState instance or None, default=None
        Determines the initial weights, the shuffling, the validation rows and the dropout masks.
    tol : float, default=1e-4
        The loss (with early stopping, the validation score) must improve by at least this much.
    verbose : bool, default=False
        Whether to print the loss of each epoch.
    warm_start : bool, default=False
        Whether `fit` continues from the previous fit.
    momentum : float, default=0.9
        Momentum of "sgd".
    nesterovs_momentum : bool, default=True
        Whether to use Nesterov's momentum.
    early_stopping : bool, default=False
        Whether to stop when the validation score, rather than the loss, stops improving.
    validation_fraction : float, default=0.1
        Fraction of the rows to set aside for early stopping.
    beta_1, beta_2 : float, default=0.9 and 0.999
        Decay rates of Adam's running means.
    epsilon : float, default=1e-8
        Numerical stability constant of Adam.
    n_iter_no_change : int or inf, default=10
        Maximum number of epochs in a row without an improvement of `tol`.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes; multiplied by the weights of the rows.
    dropout : float, default=0.0
        Probability that a hidden unit is dropped, drawn for each row in each step. The other units
        are scaled by 1 / (1 - dropout), and `loss_curve_` is that of the thinned network.
    dtype : {"float64", "float32"}, default="float64"
        Precision. float32 is about twice as fast and gives slightly different results.

    Attributes
    ----------
    coefs_ : list of ndarray of shape (fan_in, fan_out)
        Weights of each layer.
    intercepts_ : list of ndarray of shape (fan_out,)
        Biases of each layer.
    classes_ : ndarray of shape (classes,)
        Class labels.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (features,)
        Names of the features; only if X has names.
    n_layers_, n_outputs_ : int
        Number of layers, inputs included, and of outputs.
    out_activation_ : {"logistic", "softmax"}
        Activation function of the output layer.
    n_iter_ : int
        Number of epochs of the last fit.
    t_ : int
        Number of rows seen in training.
    loss_, best_loss_ : float
        Last and lowest loss; `best_loss_` is None with early stopping.
    loss_curve_ : list of float
        Loss of each epoch in nats, with the penalty.
    validation_scores_, validation_loss_curve_ : list of float or None
        Accuracy and loss (in nats, without the penalty) on the validation rows, by epoch.
    best_validation_score_ : float or None
        Highest validation accuracy.

    See Also
    --------
    DenseGridSearchCV, DenseRandomizedSearchCV, DenseHalvingSearchCV : Search for parameters.
    fit_many : Fits many networks side by side.

    References
    ----------
    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks",
    AISTATS 2010.

    Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2014.

    Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting",
    JMLR 2014.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from winenet import DenseClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = DenseClassifier((20, 10), max_iter=1000, random_state=0).fit(X, y)
    >>> model.predict(X[:2])
    array([0, 0])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = hyperparameters.CONSTRAINTS

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: str = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: Any = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        class_weight: Any = None,
        dropout: float = 0.0,
        dtype: str = "float64",
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.class_weight = class_weight
        self.dropout = dropout
        self.dtype = dtype

    # ---- training

    @with_callbacks
    def fit(self, X: Any, y: Any, sample_weight: Any = None, validation_data: Any = None) -> Self:
        """Fit the network.

        Parameters
        ----------
        X : array-like of shape (rows, features)
            Training rows.
        y : array-like of shape (rows,)
            Class labels.
        sample_weight : array-like of shape (rows,), default=None
            Weights of the rows.
        validation_data : tuple (X, y), default=None
            Rows to score after each epoch. With early stopping they replace
            `validation_fraction`, and the weights of the best epoch are restored; without, they
            do not influence the training.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If data or parameters are invalid, or the weights become infinite.

        Warns
        -----
        ConvergenceWarning
            If training ended at `max_iter`.
        """
        context = self._init_callback_context(max_subtasks=self.max_iter)
        job = make_training_job(self, X, y, sample_weight, validation_data)
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        kwargs = {"estimator": self, "X": X, "y": y, "metadata": metadata}
        context.call_on_fit_task_begin(**kwargs)
        has_callbacks = getattr(self, "_skl_callbacks", None)
        callbacks = _EpochCallbacks(job, context, kwargs) if has_callbacks else None
        [state] = training.train([job], on_epoch=_make_on_epoch(self, callbacks))
        set_fitted_attributes(self, job, state)
        for warning in fit_warnings(self, job, state):
            warnings.warn(warning, stacklevel=3)
        context.call_on_fit_task_end(**kwargs, reconstruction_attributes={})
        return self

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """Train for one more epoch.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.
        classes : array-like, default=None
            All class labels that will occur; required in the first call.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If y has a label that is not in `classes`, if `classes` are not those of the first
            call, or with early stopping.
        """
        job = make_training_job(self, X, y, sample_weight, partial=True, classes=classes)
        [state] = training.train([job], on_epoch=_make_on_epoch(self))
        for warning in fit_warnings(self, job, state):
            if not isinstance(warning, ConvergenceWarning):  # one epoch is not meant to converge
                warnings.warn(warning, stacklevel=2)
        return set_fitted_attributes(self, job, state)

    # ---- prediction

    def predict_proba(self, X: Any) -> Array:
        """Return (rows, classes), the probability of each class in the order of `classes_`."""
        P = self._forward(X)
        return np.column_stack([1 - P, P]) if self.n_outputs_ == 1 else P

    def predict_log_proba(self, X: Any) -> Array:
        """Return the logarithm of `predict_proba`."""
        P = self.predict_proba(X)
        return np.asarray(np.log(P, out=P))

    def predict(self, X: Any) -> Labels:
        """Return the most probable class of each row, (rows,); of two at 0.5 each, the first."""
        P = self._forward(X)
        indices = P.argmax(axis=1) if self.n_outputs_ > 1 else (P[:, 0] > 0.5).astype(np.intp)
        return np.asarray(self.classes_[indices])

    def _forward(self, X: Any) -> Array:
        check_is_fitted(self)
        X = validate_data(self, X, dtype=self.coefs_[0].dtype, reset=False)
        return layers.forward(X, self.coefs_, self.intercepts_, self._fitted_activation)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "coefs_")


# ------------------------------------------------------------------ before training


def make_training_job(
    model: DenseClassifier,
    X: Any,
    y: Any,
    sample_weight: Any = None,
    validation_data: Any = None,
    *,
    validated_X: Array | None = None,
    partial: bool = False,
    classes: Any = None,
) -> TrainingJob:
    """Validate parameters and data as `fit` does, and return the job for `training.train`.

    It sets the attributes of the model that are known before training (classes_, n_features_in_,
    ...), and draws from its random_state. X is copied only if it is not a C-contiguous array in
    the model's dtype.

    Parameters
    ----------
    model : DenseClassifier
    X, y, sample_weight, validation_data
        As in `DenseClassifier.fit`.
    validated_X : ndarray, optional
        X, already validated and converted, for models that share it.
    partial : bool
        Whether to train for one epoch that continues the last fit, as `partial_fit` does.
    classes : array-like, optional
        As in `DenseClassifier.partial_fit`.

    Raises
    ------
    ValueError or TypeError
        If a parameter or the data are invalid.
    """
    hyperparameters.check(model, partial=partial)
    continues = hasattr(model, "coefs_") and (model.warm_start or partial)
    dtype = np.dtype(model.dtype)
    if validated_X is None:
        X, y = validate_data(
            model, X, y, dtype=dtype, order="C", multi_output=True, reset=not continues
        )
    else:
        validate_data(model, X, y, skip_check_array=True, reset=not continues)
        check_consistent_length(validated_X, y)
        X = validated_X
    y = inputs.check_single_label(y)
    if not continues:
        model.classes_ = inputs.get_classes(y, classes, partial=partial)
    elif partial:
        inputs.check_classes_of_first_call(classes, model.classes_)
    model._fitted_activation = model.activation
    targets = inputs.encode_targets(model.classes_, y, "y").astype(dtype)
    if model.warm_start and not partial:
        inputs.check_same_classes(y, model.classes_)
    weights = inputs.combine_weights(model, X, y, sample_weight, partial=partial)

    # scikit-learn draws the initial weights first, then the validation rows.
    rng = check_random_state(model.random_state)
    layer_sizes = hyperparameters.layer_sizes(model, X.shape[1], len(model.classes_))
    if continues:
        start = _continued_state(model, layer_sizes, keep_optimizer=partial)
    else:
        parameters = layers.init_parameters(layer_sizes, model.activation, rng)
        start = initial_state(parameters.astype(dtype))
    validation = None
    if validation_data is not None:
        validation = inputs.validation_set(model, validation_data)
    elif model.early_stopping:
        X, targets, weights, validation = inputs.split_validation(
            model, X, y, targets, weights, rng
        )
    hp = hyperparameters.from_model(model, len(X))
    if partial:
        hp = dataclasses.replace(hp, max_iter=1)
    return TrainingJob(X, targets, hp, start, rng, weights, validation)


def _continued_state(
    model: DenseClassifier, layer_sizes: list[int], *, keep_optimizer: bool
) -> TrainingState:
    """Return the state from which a training continues the model's last one.

    keep_optimizer: whether to continue with the optimizer's state, if it fits the solver.
    """
    shapes, fitted_shapes = list(pairwise(layer_sizes)), [W.shape for W in model.coefs_]
    if shapes != fitted_shapes:
        raise ValueError(
            f"The fitted layers have the shapes {fitted_shapes}, but the training that should "
            f"continue from them needs {shapes}. Keep hidden_layer_sizes and the number of "
            "features, or set warm_start=False."
        )
    state: TrainingState = model._training_state
    parameters = layers.pack_parameters(model.coefs_, model.intercepts_)
    n_arrays = 2 if model.solver == "adam" else 1
    same_solver = state.optimizer_state is not None and len(state.optimizer_state) == n_arrays
    return warm_start_state(
        state, parameters.astype(model.dtype), keep_optimizer=keep_optimizer and same_solver
    )


# ------------------------------------------------------------------ after training


def set_fitted_attributes(
    model: DenseClassifier, job: TrainingJob, state: TrainingState
) -> DenseClassifier:
    """Set the model's fitted attributes; return the model.

    Raises
    ------
    ValueError
        If the training has diverged.
    """
    if state.stop_reason == "diverged":
        raise ValueError(
            f"The weights became infinite or NaN within {state.epochs} epochs, so the network "
            "cannot predict. Scale X, so that the features are of the order of 1, or lower "
            f"learning_rate_init={job.hyperparameters.learning_rate_init}."
        )
    for name, value in _fitted_attributes(job, state).items():
        setattr(model, name, value)
    return model


def fit_warnings(model: DenseClassifier, job: TrainingJob, state: TrainingState) -> list[Warning]:
    """Return the warnings that `fit` issues after a successful training."""
    found: list[Warning] = []
    n_rows = len(job.X)
    if model.batch_size != "auto" and model.batch_size > n_rows:
        found.append(
            UserWarning(
                f"batch_size={model.batch_size} is larger than the number of rows, {n_rows}, so "
                "all rows form one batch."
            )
        )
    weighted = model.class_weight if isinstance(model.class_weight, dict) else {}
    unknown = [label for label in weighted if label not in model.classes_.tolist()]
    if unknown:
        found.append(
            UserWarning(
                f"class_weight has a weight for {unknown}, but the classes are {model.classes_}, "
                "so it has no effect."
            )
        )
    if state.stop_reason == "max_iter":
        found.append(
            ConvergenceWarning(
                f"Training ended at max_iter={job.hyperparameters.max_iter} epochs while the "
                "network still improved, so it may not have converged. Raise max_iter or tol."
            )
        )
    return found


def _fitted_attributes(job: TrainingJob, state: TrainingState) -> dict[str, Any]:
    layer_sizes, early_stopping = job.layer_sizes, job.hyperparameters.early_stopping
    coefs, intercepts = layers.unpack_parameters(state.parameters, layer_sizes)
    scores, losses = state.validation_scores or None, state.validation_losses or None
    return {
        "coefs_": coefs,
        "intercepts_": intercepts,
        "n_layers_": len(layer_sizes),
        "n_outputs_": layer_sizes[-1],
        "out_activation_": "logistic" if layer_sizes[-1] == 1 else "softmax",
        "n_iter_": state.epochs,
        "t_": state.samples_seen,
        "loss_": state.loss_curve[-1],
        "loss_curve_": state.loss_curve,
        "best_loss_": None if early_stopping else state.best_loss,
        "validation_scores_": scores,
        "validation_loss_curve_": losses,
        "best_validation_score_": state.best_score if early_stopping else scores and max(scores),
        "_training_state": state,
    }


# ------------------------------------------------------------------ after each epoch


class _EpochCallbacks:
    """Invokes scikit-learn's callbacks at the beginning and at the end of each epoch.

    kwargs: what the callbacks receive: the estimator and its data.
    """

    def __init__(self, job: TrainingJob, context: Any, kwargs: dict[str, Any]) -> None:
        self.job, self.context, self.kwargs = job, context, kwargs
        self._begin_epoch()

    def _begin_epoch(self) -> None:
        task = self.context.subcontext(task_name="epoch")
        self.epoch = task.call_on_fit_task_begin(**self.kwargs)

    def end_epoch(self, state: TrainingState) -> bool:
        """Return whether a callback stops the training."""
        # A snapshot, as training modifies the parameters and a callback may keep its estimator.
        stop = self.epoch.call_on_fit_task_end(
            **self.kwargs,
            reconstruction_attributes=lambda: _fitted_attributes(self.job, snapshot(state)),
        )
        if not stop and not state.finished:
            self._begin_epoch()
        return bool(stop)


def _make_on_epoch(
    model: DenseClassifier, callbacks: _EpochCallbacks | None = None
) -> Callable[[int, TrainingState], bool] | None:
    """Return the `on_epoch` of `training.train`; None if there is nothing to print or to call."""
    if callbacks is None and not model.verbose:
        return None

    def on_epoch(_: int, state: TrainingState) -> bool:
        if model.verbose:
            print(_format_epoch(state))
        return callbacks is not None and callbacks.end_epoch(state)

    return on_epoch


def _format_epoch(state: TrainingState) -> str:
    text = f"epoch {state.epochs}: loss {state.loss_curve[-1]:.8f}"
    if state.validation_scores:
        text += f", validation score {state.validation_scores[-1]:.6f}"
    if state.learning_rate_cut:
        text += f"; no improvement, learning rate cut to {state.learning_rate:g}"
    if state.stop_reason == "converged":
        text += "; no improvement, training ends"
    return text
