"""The dense network with scikit-learn's face: `DenseClassifier`.

It takes MLPClassifier's parameters and gives its numbers, bit for bit in float64, in less time;
`network.py` computes.
"""

import dataclasses
import warnings
from collections.abc import Callable
from itertools import pairwise
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_consistent_length, check_random_state, column_or_1d
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from winenet.network import layers, training, training_job
from winenet.network.layers import Array, ValidationSet
from winenet.network.training_job import HyperParameters, TrainingJob, TrainingState

Labels = NDArray[Any]

SKLEARN_CLASS = "sklearn.neural_network.MLPClassifier"


class DenseClassifier(CallbackSupportMixin, ClassifierMixin, BaseEstimator):
    """A dense network for classification; without hidden layers, a logistic regression.

    Parameters have the names, meanings and defaults of scikit-learn's MLPClassifier, and in
    float64 the fitted network is the same to the last bit. What differs: solver is "adam" or
    "sgd" (so there is no max_fun), data are dense, each row has one label, there are two classes
    at least, and dtype alone decides in which precision (not X, as in MLPClassifier).

    class_weight: None, "balanced" or {label: weight}; multiplies the weights of the rows.
    dropout: the share of the hidden units that a row does without, drawn anew in each step of the
    training; what is kept counts 1 / (1 - dropout) times. loss_curve_ is that of this thinned
    network.
    dtype: "float64", or "float32" for about twice the speed and other last digits.

    Fitted: coefs_ and intercepts_ (per layer (fan_in, fan_out) and (fan_out,)), classes_,
    n_features_in_, feature_names_in_ (if X has names), n_layers_, n_outputs_, out_activation_,
    n_iter_ (epochs of the last fit), t_ (rows seen), loss_, loss_curve_ (nats, with the penalty,
    one an epoch), best_loss_ (None with early_stopping).
    With held-out rows, else None: validation_scores_ (accuracy by epoch), validation_loss_curve_
    (nats, without the penalty), best_validation_score_.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions({"identity", "logistic", "tanh", "relu"})],
        "solver": [StrOptions({"adam", "sgd"})],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"})],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "n_iter_no_change": [
            Interval(Integral, 1, None, closed="left"),
            Options(Real, {np.inf}),
        ],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "dtype": [StrOptions({"float64", "float32"})],
    }

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
        """Train on X (rows, features) and the labels y (rows,); return self.

        sample_weight: (rows,). validation_data: (X, y) to be scored after each epoch. On its own
        it changes nothing in the training; with early_stopping it takes the place of the
        validation_fraction of the rows, and the weights of its best epoch are restored.
        Raises ValueError when data or parameters do not fit, or when the weights become
        infinite. Warns ConvergenceWarning when max_iter ended the training.
        """
        context = self._init_callback_context(max_subtasks=self.max_iter)
        job = make_training_job(self, X, y, sample_weight, validation_data)
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        seen = {"estimator": self, "X": X, "y": y, "metadata": metadata}
        context.call_on_fit_task_begin(**seen)
        [run] = training.train([job], on_epoch=_on_epoch(self, job, context, seen))
        set_fitted_attributes(self, job, run)
        for caution in fit_warnings(self, job, run):
            warnings.warn(caution, stacklevel=3)
        context.call_on_fit_task_end(**seen, reconstruction_attributes={})
        return self

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """Train for one epoch more; return self.

        classes: all labels that will ever come; needed the first time.
        Raises ValueError for a label outside classes, and with early_stopping.
        """
        job = _prepare(self, X, y, sample_weight, None, partial=True, classes=classes)
        [run] = training.train([job], on_epoch=_on_epoch(self, job))
        for caution in fit_warnings(self, job, run):
            if not isinstance(caution, ConvergenceWarning):  # that it is not done is meant here
                warnings.warn(caution, stacklevel=2)
        return set_fitted_attributes(self, job, run)

    # ---- using it

    def predict_proba(self, X: Any) -> Array:
        """Return (rows, classes), the probability of each class in the order of classes_."""
        P = self._forward(X)
        return np.column_stack([1 - P, P]) if self.n_outputs_ == 1 else P

    def predict_log_proba(self, X: Any) -> Array:
        """Return the logarithm of predict_proba."""
        P = self.predict_proba(X)
        return np.asarray(np.log(P, out=P))

    def predict(self, X: Any) -> Labels:
        """Return each row's most probable class, (rows,); of two at 0.5 each, the first."""
        P = self._forward(X)
        chosen = P.argmax(axis=1) if self.n_outputs_ > 1 else (P[:, 0] > 0.5).astype(np.intp)
        return np.asarray(self.classes_[chosen])

    def _forward(self, X: Any) -> Array:
        check_is_fitted(self)
        X = validate_data(self, X, dtype=self.coefs_[0].dtype, reset=False)
        return layers.forward(X, self.coefs_, self.intercepts_, self._fitted_activation)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "coefs_")


def make_training_job(
    model: DenseClassifier,
    X: Any,
    y: Any,
    sample_weight: Any = None,
    validation_data: Any = None,
    *,
    array: Array | None = None,
) -> TrainingJob:
    """Check parameters and data as `fit` does and return the work to be done.

    model gets what is known before training (classes_, n_features_in_, ...). X is copied only if
    it is not C-contiguous in the model's dtype. array: X checked and converted already, for
    networks that are to share it.
    Raises ValueError or TypeError when something does not fit.
    """
    return _prepare(model, X, y, sample_weight, validation_data, array=array)


def set_fitted_attributes(
    model: DenseClassifier, job: TrainingJob, run: TrainingState
) -> DenseClassifier:
    """Give model the fitted attributes of a run of its job; return model.

    Raises ValueError when the network has diverged.
    """
    settings = job.settings
    if run.event == "diverged":
        raise ValueError(
            f"The weights became infinite or NaN within {run.epochs} epochs, so the network "
            "cannot predict. Features should be of the order of 1, and the steps not too large: "
            f"scale X, or lower learning_rate_init={settings.learning_rate_init}."
        )
    for name, value in _attributes(job, run).items():
        setattr(model, name, value)
    return model


def fit_warnings(model: DenseClassifier, job: TrainingJob, run: TrainingState) -> list[Warning]:
    """Return what a user should know of a training that has worked; `fit` warns of it."""
    found: list[Warning] = []
    rows = len(job.X)
    if model.batch_size != "auto" and model.batch_size > rows:
        found.append(
            UserWarning(
                f"batch_size={model.batch_size} is more than the {rows} rows, so all of them make "
                "one batch."
            )
        )
    if run.event == "max_iter":
        found.append(
            ConvergenceWarning(
                f"Training ended at max_iter={job.settings.max_iter} epochs while the network "
                "still improved, so it may not have converged. Raise max_iter or tol."
            )
        )
    return found


# ------------------------------------------------------------------ behind the face


def _prepare(
    model: DenseClassifier,
    X: Any,
    y: Any,
    sample_weight: Any,
    validation_data: Any,
    *,
    array: Array | None = None,
    partial: bool = False,
    classes: Any = None,
) -> TrainingJob:
    check_parameters(model, partial=partial)
    first = not hasattr(model, "coefs_") or not (model.warm_start or partial)
    dtype = np.dtype(model.dtype)
    if array is None:
        X, y = validate_data(model, X, y, dtype=dtype, order="C", multi_output=True, reset=first)
    else:
        validate_data(model, X, y, skip_check_array=True, reset=first)
        check_consistent_length(array, y)
        X = array
    y = check_single_label(y)
    if first:
        model.classes_ = _classes(y, classes, partial)
    model._fitted_activation = model.activation
    targets = _targets(model, y, "y").astype(dtype)
    if model.warm_start and not partial and len(np.unique(y)) < len(model.classes_):
        raise ValueError(
            f"y has the classes {np.unique(y)}, but with warm_start=True the training goes on "
            f"from a fit with {model.classes_}; both must be the same. Set warm_start=False to "
            "begin anew."
        )
    row_weights = _sample_weight(model, X, y, sample_weight, dtype, partial)

    units = layer_sizes_of(model, X.shape[1], len(model.classes_))
    rng = check_random_state(model.random_state)
    start = _start(model, units, rng, dtype, first=first, partial=partial)

    held_out = None
    if validation_data is not None:
        held_out = _held_out(model, validation_data, dtype)
    elif model.early_stopping:
        X, targets, row_weights, held_out = _split_validation(model, X, targets, row_weights, rng)
    settings = hyperparameters_of(model, len(X))
    if partial:
        settings = dataclasses.replace(settings, max_iter=1)
    return TrainingJob(X, targets, settings, start, rng, row_weights, held_out)


_SAME_NAME = (
    *("activation", "solver", "alpha", "learning_rate", "learning_rate_init", "power_t"),
    *("shuffle", "tol", "momentum", "nesterovs_momentum", "early_stopping"),
    *("beta_1", "beta_2", "epsilon", "n_iter_no_change", "dropout"),
)


def check_parameters(model: DenseClassifier, *, partial: bool = False) -> None:
    """Raise ValueError when a parameter is none that the network can work with."""
    if model.solver == "lbfgs":
        raise ValueError(
            "solver='lbfgs' is not built in: DenseClassifier trains in mini-batches, with 'adam' "
            f"or 'sgd'. For lbfgs use {SKLEARN_CLASS}(solver='lbfgs')."
        )
    model._validate_params()
    if partial and model.early_stopping:
        raise ValueError(
            "partial_fit cannot stop early, as it does one epoch at a time. Set "
            "early_stopping=False, or use fit."
        )


def hyperparameters_of(model: DenseClassifier, rows: int) -> HyperParameters:
    """Return the model's parameters as training takes them, for so many training rows."""
    batch_size = 200 if model.batch_size == "auto" else int(model.batch_size)
    return HyperParameters(
        hidden_layer_sizes=_sizes(model.hidden_layer_sizes),
        batch_size=min(batch_size, rows),
        max_iter=model.max_iter,
        **{name: getattr(model, name) for name in _SAME_NAME},
    )


def layer_sizes_of(model: DenseClassifier, features: int, classes: int) -> list[int]:
    """Return the width of each layer, inputs and outputs included."""
    return [features, *_sizes(model.hidden_layer_sizes), 1 if classes == 2 else classes]


def _sizes(hidden_layer_sizes: Any) -> tuple[int, ...]:
    sizes = np.atleast_1d(np.asarray(hidden_layer_sizes))
    if sizes.size == 0:
        return ()
    if sizes.ndim > 1 or not np.issubdtype(sizes.dtype, np.integer) or (sizes < 1).any():
        raise ValueError(
            f"hidden_layer_sizes={hidden_layer_sizes!r}: each hidden layer needs a whole number "
            "of units from 1 up, as in (100, 50); () means no hidden layer."
        )
    return tuple(int(size) for size in sizes)


def check_single_label(y: Any) -> Labels:
    """Return y as (rows,); raise ValueError when a row has several labels, or numbers."""
    check_classification_targets(y)
    kind = type_of_target(y, input_name="y")
    if kind.startswith("multilabel") or kind.endswith("multioutput"):
        raise ValueError(
            f"y is {kind} with shape {np.shape(y)}, but DenseClassifier gives each row one label. "
            f"For several labels a row use {SKLEARN_CLASS}."
        )
    return np.asarray(column_or_1d(y, warn=True))


def _classes(y: Labels, classes: Any, partial: bool) -> Labels:
    if partial and classes is None:
        raise ValueError(
            "The first partial_fit must be told all classes that will ever come, because the "
            "network has an output for each: partial_fit(X, y, classes=np.unique(all_labels))."
        )
    found: Labels = unique_labels(y if classes is None else classes)
    if len(found) < 2:
        raise ValueError(
            f"y has one class only, {found}, so there is nothing to tell apart; a classifier needs "
            "at least 2 classes."
        )
    return found


def _targets(model: DenseClassifier, y: Labels, name: str) -> NDArray[np.bool_]:
    """Return (rows, 1), whether it is the second of two classes, or (rows, classes)."""
    unknown = np.setdiff1d(y, model.classes_)
    if len(unknown):
        raise ValueError(
            f"{name} has the classes {unknown}, which the network was not made for: it knows "
            f"{model.classes_}. Fit it anew, or leave these rows out."
        )
    columns = model.classes_[1:] if len(model.classes_) == 2 else model.classes_
    return np.asarray(y[:, np.newaxis] == columns)


def _sample_weight(
    model: DenseClassifier, X: Array, y: Labels, sample_weight: Any, dtype: Any, partial: bool
) -> Array | None:
    if model.class_weight == "balanced" and partial:
        raise ValueError(
            "class_weight='balanced' needs all labels to count them, and partial_fit sees a part. "
            "Give the weights as {label: weight}."
        )
    if sample_weight is None and model.class_weight is None:
        return None
    weights = _check_sample_weight(sample_weight, X, dtype=dtype)
    if model.class_weight is not None:
        weights = weights * compute_sample_weight(model.class_weight, y).astype(dtype)
    if not weights.any():
        raise ValueError(
            "All rows weigh nothing, so there is nothing to learn from. Change "
            f"class_weight={model.class_weight} or sample_weight."
        )
    return np.asarray(weights)


def _start(
    model: DenseClassifier, units: list[int], rng: Any, dtype: Any, *, first: bool, partial: bool
) -> TrainingState:
    if first:
        return training_job.initial_state(
            layers.init_parameters(units, model.activation, rng).astype(dtype)
        )
    shapes = list(pairwise(units))
    if shapes != [W.shape for W in model.coefs_]:
        raise ValueError(
            f"The fitted layers have the shapes {[W.shape for W in model.coefs_]}, but the "
            f"training that is to go on needs {shapes}. Keep hidden_layer_sizes and the data's "
            "columns, or set warm_start=False."
        )
    run: TrainingState = model._run
    parameters = layers.pack_parameters(model.coefs_, model.intercepts_).astype(dtype)
    # fit begins with a new solver; partial_fit goes on with the old one.
    same = partial and run.moments is not None and len(run.moments) == 1 + (model.solver == "adam")
    return training_job.warm_start_state(run, parameters, keep_solver=same)


def _held_out(model: DenseClassifier, validation_data: Any, dtype: Any) -> ValidationSet:
    if not isinstance(validation_data, tuple) or len(validation_data) != 2:
        raise ValueError("validation_data must be a tuple (X, y) of rows to score on.")
    X, y = validation_data
    X, y = validate_data(model, X, y, dtype=dtype, order="C", multi_output=True, reset=False)
    return ValidationSet(X, _targets(model, check_single_label(y), "validation_data").astype(dtype))


def _split_validation(
    model: DenseClassifier, X: Array, targets: Array, row_weights: Array | None, rng: Any
) -> tuple[Array, Array, Array | None, ValidationSet]:
    """Split the rows that early stopping scores on from the rest."""
    arrays = [X, targets] if row_weights is None else [X, targets, row_weights]
    parts = train_test_split(
        *arrays,
        random_state=rng,
        test_size=model.validation_fraction,
        stratify=targets if targets.shape[1] == 1 else None,
    )
    held_out = ValidationSet(*parts[1::2])
    if len(held_out.X) < 2:
        raise ValueError(
            f"validation_fraction={model.validation_fraction} leaves {len(held_out.X)} of {len(X)} "
            "rows for the validation set, too few to score on. Increase it, or give "
            "validation_data."
        )
    weights = parts[4] if row_weights is not None else None
    return parts[0], parts[2], weights, held_out


def _attributes(job: TrainingJob, run: TrainingState) -> dict[str, Any]:
    """Return what a fitted model knows about its training."""
    units, early = job.units, job.settings.early_stopping
    coefs, intercepts = layers.unpack_parameters(run.parameters, units)
    scores, losses = run.validation_scores or None, run.validation_losses or None
    return {
        "coefs_": coefs,
        "intercepts_": intercepts,
        "n_layers_": len(units),
        "n_outputs_": units[-1],
        "out_activation_": "logistic" if units[-1] == 1 else "softmax",
        "n_iter_": run.epochs,
        "t_": run.rows_seen,
        "loss_": run.loss_curve[-1],
        "loss_curve_": run.loss_curve,
        "best_loss_": None if early else run.best_loss,
        "validation_scores_": scores,
        "validation_loss_curve_": losses,
        "best_validation_score_": run.best_score if early else scores and max(scores),
        "_run": run,
    }


def _on_epoch(
    model: DenseClassifier,
    job: TrainingJob,
    context: Any = None,
    seen: dict[str, Any] | None = None,
) -> Callable[[int, TrainingState], bool] | None:
    """Return what is called after each epoch: it prints, and it tells scikit-learn's callbacks."""
    heard = bool(seen and getattr(model, "_skl_callbacks", None))
    if not heard and not model.verbose:
        return None
    told = seen or {}

    def begin() -> Any:
        return context.subcontext(task_name="epoch").call_on_fit_task_begin(**told)

    epoch: Any = begin() if heard else None

    def on_epoch(_: int, run: TrainingState) -> bool:
        nonlocal epoch
        if model.verbose:
            print(_epoch_line(run))
        if not heard:
            return False
        # A snapshot, as the parameters go on changing and a callback may keep its estimator.
        stop = epoch.call_on_fit_task_end(
            **told, reconstruction_attributes=lambda: _attributes(job, training_job.snapshot(run))
        )
        if not stop and not run.finished:
            epoch = begin()
        return bool(stop)

    return on_epoch


def _epoch_line(run: TrainingState) -> str:
    line = f"epoch {run.epochs}: loss {run.loss_curve[-1]:.8f}"
    if run.validation_scores:
        line += f", validation score {run.validation_scores[-1]:.6f}"
    if run.event == "slower":
        line += f"; no improvement, learning rate cut to {run.learning_rate:g}"
    if run.event == "converged":
        line += "; no improvement, training ends"
    return line
