"""The notebook's cells as one plain script: `python benchmarks/notebook.py [folder of raw files]`.

Each function does the work of a few cells, in their order, with what a student has installed:
numpy, pandas, scikit-learn and matplotlib, but not winenet. `benchmarks/pipeline.py` times it.
Differences: plots are drawn with matplotlib instead of seaborn, and the two raw files are joined
first. What the notebook does not seed is not seeded here.
"""

import argparse
import io
import tempfile
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, confusion_matrix
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import MinMaxScaler

Array = npt.NDArray[np.float64]

RNG = np.random.default_rng()
FILES = ["X_train_normalized", "X_test_normalized", "y_train", "y_test"]


# ------------------------------------------------------------------ a network from scratch


def six_rows() -> tuple[Array, Array]:
    """Make three columns, the third of them noise, and the label: whether the first exceeds 3."""
    steps = np.arange(6) / 10
    columns = [1.1 * (steps + 0.1), 0.4 * (steps + 0.6), 0.4 * RNG.random(6)]
    X = np.exp(np.stack(columns, axis=1) + 0.75)
    y = (X[:, :1] > 3).astype(float)
    print(np.hstack([X, y]))
    return X, y


def sigmoid(z: Array) -> Array:
    """Apply the logistic function."""
    return np.asarray(1 / (1 + np.exp(-np.clip(z, -500, 500))))


def init_parameters(inputs: int, outputs: int) -> tuple[Array, Array]:
    """Draw small initial weights, (inputs, outputs), and a bias, (outputs, 1)."""
    return RNG.random((inputs, outputs)) * 0.1, RNG.random((outputs, 1)) * 0.1


def predict(weights: Array, bias: Array, X: Array) -> Array:
    """Return the probabilities of the rows."""
    return sigmoid(X @ weights + bias)


def gradients(P: Array, X: Array, y: Array) -> tuple[Array, Array, float]:
    """Return the gradients of the weights and of the bias, and the loss."""
    loss = -(y * np.log(P) + (1 - y) * np.log(1 - P)).sum() / len(X)
    error = P - y
    return X.T @ error / len(X), error.sum(axis=0, keepdims=True) / len(X), float(loss)


def gradient_descent(epochs: int, rate: float, X: Array, y: Array) -> tuple[Array, Array, Array]:
    """Train by gradient descent; return weights, bias and the loss of each epoch."""
    weights, bias = init_parameters(X.shape[1], y.shape[1])
    losses = np.full(epochs, np.nan)
    for epoch in range(epochs):
        dW, db, losses[epoch] = gradients(predict(weights, bias, X), X, y)
        weights, bias = weights - rate * dW, bias - rate * db
    return weights, bias, losses


def from_scratch() -> None:
    """Fit the six rows with scikit-learn and from scratch, print both, plot the loss."""
    X, y = six_rows()
    model = LogisticRegression().fit(X, y.ravel())
    print(confusion_matrix(y, model.predict(X)))
    raw = model.intercept_ + X @ model.coef_.T
    print(model.intercept_, model.coef_.T, raw, sep="\n")
    print(np.hstack([sigmoid(raw), y]), model.predict_proba(X), sep="\n")

    weights, bias = init_parameters(X.shape[1], y.shape[1])
    first = predict(weights, bias, X)
    print(X.shape, weights.shape, bias.shape, first, *gradients(first, X, y), sep="\n")

    weights, bias, losses = gradient_descent(500, 0.01, X, y)
    print(bias[0], weights.ravel(), model.intercept_, model.coef_, sep="\n")
    trained = bias + X @ weights
    print(np.hstack([raw, trained, y]), np.hstack([sigmoid(raw), sigmoid(trained), y]), sep="\n")
    plot(losses[::10])


def plot(losses: Array) -> None:
    """Plot a curve into memory, as the notebook would show it."""
    figure, axes = plt.subplots()
    axes.plot(losses)
    figure.savefig(io.BytesIO(), format="png")
    plt.close(figure)


# ------------------------------------------------------------------ red or white


def prepare(raw: Path, folder: Path) -> None:
    """Join, split and normalise the wines, write four tables, print their first rows."""
    kinds = [("winequality-red.csv", 1), ("winequality-white.csv", 0)]
    wines = pd.concat(
        [pd.read_csv(raw / name, sep=";").assign(Class=label) for name, label in kinds],
        ignore_index=True,
    )
    X_train, X_test, y_train, y_test = train_test_split(
        wines.drop(columns="Class"), wines["Class"], test_size=0.2, random_state=42
    )
    scaler = MinMaxScaler().set_output(transform="pandas").fit(X_train)
    parts = [scaler.transform(X_train), scaler.transform(X_test), y_train, y_test]
    for name, table in zip(FILES, parts, strict=True):
        table.to_csv(folder / f"{name}.csv", index=False)
    print(parts[0].head(), parts[1].head(), sep="\n")


def read_tables(folder: Path) -> list[Any]:
    """Read the four tables again, as each of the cells does; labels are (rows,)."""
    X_train, X_test, y_train, y_test = (pd.read_csv(folder / f"{name}.csv") for name in FILES)
    return [X_train, X_test, y_train.to_numpy().ravel(), y_test.to_numpy().ravel()]


def accuracy(model: Any, folder: Path) -> float:
    """Fit a model on the training rows; return its accuracy on the test rows."""
    X_train, X_test, y_train, y_test = read_tables(folder)
    model.fit(X_train, y_train)
    return float(accuracy_score(y_test, model.predict(X_test)))


def wines(raw: Path, max_iter: int, folds: int) -> None:
    """Fit the logistic regression, the network and the grid; print the notebook's numbers."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(raw, folder)
        logistic = LogisticRegression(solver="liblinear", random_state=42)
        print(f"logistic regression: {accuracy(logistic, folder):.4f}", flush=True)

        network = MLPClassifier((100, 50), max_iter=max_iter, random_state=42)
        print(f"network: {accuracy(network, folder):.4f}", flush=True)

        values = {
            "hidden_layer_sizes": [(50, 25), (100, 50), (100, 100)],
            "learning_rate_init": [0.001, 0.01, 0.1],
        }
        base = MLPClassifier(max_iter=max_iter, random_state=42)
        grid = GridSearchCV(base, values, cv=folds, scoring="accuracy", n_jobs=-1)
        score = accuracy(grid, folder)
        sizes, rate = (grid.best_params_[name] for name in values)
        print(f"grid search: {score:.4f} with {sizes} at {rate}")


def main() -> None:
    """Run everything that the notebook does."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("raw", nargs="?", type=Path, default=Path("data/raw"))
    parser.add_argument(
        "--quick", action="store_true", help="2 epochs and 2 folds, to test the script"
    )
    options = parser.parse_args()
    plt.switch_backend("Agg")
    from_scratch()
    wines(options.raw, *((2, 2) if options.quick else (500, 5)))


if __name__ == "__main__":
    main()
