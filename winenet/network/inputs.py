"""The labels, weights and validation rows that a DenseClassifier is fitted on, validated."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels
from sklearn.utils.validation import _check_sample_weight, validate_data

from winenet.network.hyperparameters import SKLEARN_CLASS
from winenet.network.layers import Array, ValidationSet

Labels = NDArray[Any]


def check_single_label(y: Any) -> Labels:
    """Return y as (rows,); raise ValueError if it has several labels per row, or is continuous."""
    check_classification_targets(y)
    kind = type_of_target(y, input_name="y")
    if kind.startswith("multilabel") or kind.endswith("multioutput"):
        raise ValueError(
            f"y is {kind} with shape {np.shape(y)}, but DenseClassifier supports one label per row "
            f"only. For several labels per row use {SKLEARN_CLASS}."
        )
    return np.asarray(column_or_1d(y, warn=True))


def get_classes(y: Labels, classes: Any, *, partial: bool) -> Labels:
    """Return the sorted class labels: of `classes` if given, otherwise of y."""
    if partial and classes is None:
        raise ValueError(
            "The first call to partial_fit needs all classes, because the network has an output "
            "for each: partial_fit(X, y, classes=np.unique(all_labels))."
        )
    labels: Labels = unique_labels(y if classes is None else classes)
    if len(labels) < 2:
        raise ValueError(
            f"y has only one class, {labels}, so there is nothing to learn. A classifier needs at "
            "least 2 classes."
        )
    return labels


def check_classes_of_first_call(classes: Any, fitted: Labels) -> None:
    """Raise ValueError if `classes` of partial_fit are not those of its first call."""
    if classes is not None and not np.array_equal(unique_labels(classes), fitted):
        raise ValueError(
            f"classes={classes!r} are not those of the first call to partial_fit, {fitted}, for "
            "which the network has its outputs. Leave classes out, or fit a new network."
        )


def check_same_classes(y: Labels, classes: Labels) -> None:
    """Raise ValueError if y lacks a class of the fit that a warm start continues."""
    if len(np.unique(y)) < len(classes):
        raise ValueError(
            f"y has the classes {np.unique(y)}, but with warm_start=True the training continues "
            f"from a fit with {classes}. Both must be the same; set warm_start=False to start "
            "from scratch."
        )


def encode_targets(classes: Labels, y: Labels, name: str) -> NDArray[np.bool_]:
    """Return (rows, 1), whether it is the second of two classes, or one column per class.

    Raises ValueError if y (called `name` in the message) has other classes.
    """
    unknown = np.setdiff1d(y, classes)
    if len(unknown):
        raise ValueError(
            f"{name} has the classes {unknown}, but the network was made for {classes}. Fit a new "
            "network, or leave these rows out."
        )
    columns = classes[1:] if len(classes) == 2 else classes
    return np.asarray(y[:, np.newaxis] == columns)


def combine_weights(
    model: Any, X: Array, y: Labels, sample_weight: Any, *, partial: bool
) -> Array | None:
    """Return sample_weight times the weights that class_weight gives the rows; None without."""
    if model.class_weight == "balanced" and partial:
        raise ValueError(
            "class_weight='balanced' needs the labels of all rows, but partial_fit gets a part of "
            "them. Pass the weights as {label: weight}."
        )
    if sample_weight is None and model.class_weight is None:
        return None
    weights = _check_sample_weight(sample_weight, X, dtype=X.dtype)
    if model.class_weight is not None:
        weights = weights * class_weights(model.class_weight, model.classes_, y).astype(X.dtype)
    if not weights.any():
        raise ValueError(
            "The weights of all rows are zero, so there is nothing to learn from. Change "
            f"class_weight={model.class_weight} or sample_weight."
        )
    return np.asarray(weights)


def class_weights(class_weight: Any, classes: Labels, y: Labels) -> Array:
    """Return the weight that class_weight gives to each row, (rows,).

    A class that a dict leaves out has the weight 1. Its keys are compared with all classes of the
    fit, since a batch of partial_fit need not have rows of each.
    """
    if isinstance(class_weight, dict):
        per_class = [class_weight.get(label, 1) for label in classes.tolist()]
        return np.array(per_class, dtype=np.float64)[np.searchsorted(classes, y)]
    return np.asarray(compute_sample_weight(class_weight, y))


def validation_set(model: Any, validation_data: Any) -> ValidationSet:
    """Return the user's validation_data, validated."""
    if not isinstance(validation_data, tuple) or len(validation_data) != 2:
        raise ValueError("validation_data must be a tuple (X, y) of rows to score on.")
    X, y = validation_data
    dtype = np.dtype(model.dtype)
    X, y = validate_data(model, X, y, dtype=dtype, order="C", multi_output=True, reset=False)
    targets = encode_targets(model.classes_, check_single_label(y), "validation_data")
    return ValidationSet(X, targets.astype(dtype))


def split_validation(
    model: Any, X: Array, y: Labels, targets: Array, sample_weight: Array | None, rng: Any
) -> tuple[Array, Array, Array | None, ValidationSet]:
    """Split off the fraction of the rows that early stopping is decided on."""
    _check_rows_to_stratify(y, targets.shape[1])
    arrays = [X, targets] if sample_weight is None else [X, targets, sample_weight]
    parts = train_test_split(
        *arrays,
        random_state=rng,
        test_size=model.validation_fraction,
        stratify=targets if targets.shape[1] == 1 else None,
    )
    validation = ValidationSet(*parts[1::2])
    if len(validation.X) < 2:
        raise ValueError(
            f"validation_fraction={model.validation_fraction} leaves {len(validation.X)} of "
            f"{len(X)} rows for the validation set, too few to score on. Increase it, or pass "
            "validation_data."
        )
    weights = parts[4] if sample_weight is not None else None
    return parts[0], parts[2], weights, validation


def _check_rows_to_stratify(y: Labels, n_outputs: int) -> None:
    """Raise ValueError if a class of two has a single row: the split needs it on both sides."""
    labels, counts = np.unique(y, return_counts=True)
    if n_outputs == 1 and counts.min() < 2:
        raise ValueError(
            f"Only one row has the class {labels[counts.argmin()].item()!r}, but early stopping "
            "holds out rows of each class. Give at least two rows of it, or validation_data, or "
            "set early_stopping=False."
        )
