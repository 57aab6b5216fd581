"""The notebook's six rows and its neural network from scratch, in plain numpy.

The functions have the notebook's order and names; `claims.py` uses them.

    rng = np.random.default_rng(42)
    X, y = six_rows(rng)
    parameters, loss_array = run_grad_desc(500, 0.01, X, y, rng=rng)
    probabilities = forward(parameters["W1"][500], parameters["B1"][500], X)
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# The loss keeps this far from 0 and 1, where log(0) is infinite and 0 * log(0) NaN.
EPS = float(np.finfo(np.float64).eps)


def six_rows(rng: np.random.Generator, start: float = 0.1) -> tuple[Array, Array]:
    """Return the data of the notebook: three columns, each less related to the label.

    rng: draws the third column, which is noise. start: X1 is made of start, start + 0.1, ...,
    start + 0.5; the notebook's is 0.1, and 0.15 gives rows between its rows.
    Returns X (6, 3), columns X1, X2, X3, no unit; y (6, 1), 1.0 where X1 is greater than 3.
    Source: notebook, opening cells; there X3 is unseeded.
    """
    # Half a step of room: arange can return its end when (end - start) / step rounds upwards.
    X1 = np.arange(start, start + 0.55, 0.1)
    X1 = np.exp(X1 * 1.1 + 0.75)
    X2 = np.arange(0.6, 1.15, 0.1)
    X2 = np.exp(X2 * 0.4 + 0.75)
    X3 = rng.random(6)
    X3 = np.exp(X3 * 0.4 + 0.75)
    X = np.array([X1, X2, X3]).T
    y = (X[:, :1] > 3).astype(np.float64)
    return X, y


def sigmoid(x: Array) -> Array:
    """Return 1 / (1 + exp(-x)) for each element, any shape; x is clipped to [-500, 500].

    The clip keeps exp from overflowing.
    Source: notebook, section 0.1.
    """
    x = np.clip(x, -500, 500)
    return np.asarray(1 / (1 + np.exp(-x)))


def init_parameters(
    dim1: int,
    dim2: int = 1,
    std: float = 1e-1,
    random: bool = True,
    *,
    rng: np.random.Generator,
) -> Array:
    """Return the (dim1, dim2) parameters that training starts from.

    They are uniform in [0, std), so all are positive and `std` is not a standard deviation; with
    random=False they are 0 and rng is left alone.
    Source: notebook, section 0.2 ("random initialization"); there unseeded.
    """
    if random:
        return rng.random((dim1, dim2)) * std
    return np.zeros((dim1, dim2))


def forward(W1: Array, bias: Array, X: Array) -> Array:
    """Return the activations of the output layer: the probability of a 1 in each column.

    W1: (input_cols, output_cols). bias: (1, output_cols). X: (rows, input_cols).
    Returns (rows, output_cols).
    Raises ValueError if the shapes do not fit.
    Source: notebook, section 0.2 ("forward pass"); there bias is (output_cols, 1), which fits
    one output column only.
    """
    if bias.shape != (1, W1.shape[1]):
        raise ValueError(
            f"bias has shape {bias.shape} and W1 {W1.shape}, so numpy would fail or add the wrong "
            f"numbers; bias is (1, output_cols), here (1, {W1.shape[1]}). "
            "Make it with init_parameters(1, output_cols)."
        )
    Z1 = np.dot(X, W1) + bias
    return sigmoid(Z1)


def backward(
    A1: Array, W1: Array, bias: Array, X: Array, Y: Array
) -> tuple[dict[str, Array], float]:
    """Return the gradient of the loss and the loss itself.

    A1: the activations of forward(W1, bias, X). Y: the labels, 0.0 or 1.0; both are
    (rows, output_cols).
    Returns ({"dW1": (input_cols, output_cols), "dB1": (1, output_cols)}, cost). The cost is the
    cross-entropy in nats, averaged over the rows and summed over the output columns:
    -(y log(a) + (1 - y) log(1 - a)); the notebook's text leaves out the minus sign, its code
    has it.

    With a = sigmoid(z), da/dz = a (1 - a), so dloss/dz = -(y / a - (1 - y) / (1 - a)) a (1 - a)
    = a - y. Without a hidden layer W1 and bias are not needed for that; only the error names them.
    Raises ValueError if A1 and Y differ in shape.
    Source: notebook, section 0.2.
    """
    if A1.shape != Y.shape:
        raise ValueError(
            f"A1 has shape {A1.shape} and Y {Y.shape}, so numpy would stretch one over the other "
            "and train a different network; both must be (rows, output_cols). Give W1, "
            f"now {W1.shape}, and bias, now {bias.shape}, one column for each column of Y."
        )
    m = X.shape[0]
    A = np.clip(A1, EPS, 1 - EPS)
    loss = Y * np.log(A) + (1 - Y) * np.log(1 - A)
    cost = (-1 / m) * np.sum(loss)
    dZ1 = A1 - Y
    dW1 = (1 / m) * np.dot(X.T, dZ1)
    dBias = (1 / m) * np.sum(dZ1, axis=0, keepdims=True)
    grads = {"dW1": dW1, "dB1": dBias}
    return grads, float(cost)


def grad_desc(
    W1: Array, B1: Array, num_epochs: int, learning_rate: float, X: Array, Y: Array
) -> tuple[dict[str, Array], Array]:
    """Train from given parameters; each epoch takes one step against the gradient of all rows.

    Takes and returns what run_grad_desc does; W1 (input_cols, output_cols) and
    B1 (1, output_cols) are the start and stay unchanged.
    Source: notebook, section 0.2, the loop of run_grad_desc; its text says "in the direction of
    their gradient", its code goes against it.
    """
    parameters = {
        "W1": np.empty((num_epochs + 1, *W1.shape)),
        "B1": np.empty((num_epochs + 1, *B1.shape)),
    }
    parameters["W1"][0], parameters["B1"][0] = W1, B1
    loss_array = np.empty(num_epochs)
    for i in range(num_epochs):
        A1 = forward(W1, B1, X)
        grads, cost = backward(A1, W1, B1, X, Y)
        W1 = W1 - learning_rate * grads["dW1"]
        B1 = B1 - learning_rate * grads["dB1"]
        parameters["W1"][i + 1], parameters["B1"][i + 1] = W1, B1
        loss_array[i] = cost
    return parameters, loss_array


def run_grad_desc(
    num_epochs: int,
    learning_rate: float,
    X: Array,
    Y: Array,
    *,
    rng: np.random.Generator,
    random: bool = True,
) -> tuple[dict[str, Array], Array]:
    """Train the network from a random start and keep every epoch.

    X: (rows, input_cols). Y: (rows, output_cols), 0.0 or 1.0. rng: draws W1, then B1.
    random=False starts at 0.
    Returns (parameters, loss_array). parameters["W1"] is (num_epochs + 1, input_cols,
    output_cols) and parameters["B1"] (num_epochs + 1, 1, output_cols): entry e holds what e
    epochs have made, entry 0 the start, so one run can be read at several epochs.
    loss_array (num_epochs,): entry e is the loss of entry e of the parameters, in nats.
    Source: notebook, section 0.2; there output_cols is a global of the cells above.
    """
    _, input_cols = X.shape
    _, output_cols = Y.shape
    W1 = init_parameters(input_cols, output_cols, random=random, rng=rng)
    B1 = init_parameters(1, output_cols, random=random, rng=rng)
    return grad_desc(W1, B1, num_epochs, learning_rate, X, Y)
