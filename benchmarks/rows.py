"""The rows of the table. What is timed in float64 against scikit-learn is shown to be the same.

Exceptions: growth, which measures each contender once and alone, and torch, which draws otherwise.
"""

import os
import time
import warnings
from contextvars import copy_context
from functools import partial
from importlib.util import find_spec
from itertools import pairwise
from statistics import median
from typing import Any, NamedTuple

import numpy as np
from joblib import Parallel, cpu_count, delayed
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_info

from benchmarks.measure import Row, alone, faster, interleaved, peak_bytes
from winenet import files
from winenet.data import table_files
from winenet.network import cluster
from winenet.network.classifier import DenseClassifier
from winenet.network.parallel import fit_many, one_blas_thread
from winenet.network.search import DenseGridSearchCV

SIZES = [(50, 25), (100, 50), (100, 100)]
RATES = [0.001, 0.01, 0.1]
MLP = "MLPClassifier"


class Size(NamedTuple):
    """How thoroughly to measure. quick: so little that the figures say nothing."""

    repeats: int
    quick: bool

    def of(self, whole: int, quick: int) -> int:
        """Return one of two numbers."""
        return quick if self.quick else whole


def wine(size: Size) -> tuple[Any, Any]:
    """Return the normalised training rows and their labels, as the pipeline wrote them."""
    X = files.read_table("data/X_train_normalized.csv").to_numpy()
    y = table_files.read_labels("data/y_train.csv").to_numpy()
    step = size.of(1, 20)
    return np.ascontiguousarray(X[::step]), y[::step]


def network(kind: Any, **parameters: Any) -> Any:
    """Return a network of either library; with a shared seed, both are the same."""
    return kind(**{"random_state": 42} | parameters)


def quietly(function: Any, *arguments: Any, **more: Any) -> Any:
    """Call a function; that max_iter ended a fit is meant here, so it is not told."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return function(*arguments, **more)


def same(ours: Any, theirs: Any) -> None:
    """Refuse to compare two networks that are not equal to the last bit."""
    pairs = [*zip(ours.coefs_, theirs.coefs_, strict=True)]
    pairs += zip(ours.intercepts_, theirs.intercepts_, strict=True)
    if ours.loss_curve_ != theirs.loss_curve_ or any((our != their).any() for our, their in pairs):
        raise AssertionError(f"{ours} and {theirs} are not the same network")


def same_search(ours: Any, theirs: Any) -> None:
    """Refuse to compare two searches whose scores differ in any fold.

    The refits are compared where BLAS has one thread: scikit-learn's takes all that there are.
    """
    for fold in range(5):
        name = f"split{fold}_test_score"
        np.testing.assert_array_equal(*(one.cv_results_[name] for one in (ours, theirs)))
    if all(one["num_threads"] == 1 for one in threadpool_info() if one["user_api"] == "blas"):
        same(ours.best_estimator_, theirs.best_estimator_)


# ------------------------------------------------------------------ searches


def search(kind: Any, model: Any, X: Any, y: Any, grid: Any) -> Any:
    """Return a finished search over five folds, in as many processes as there are cores."""
    return quietly(kind(model, grid, cv=5, scoring="accuracy", n_jobs=-1).fit, X, y)


def grid(size: Size) -> list[Row]:
    """The notebook's grid search: float64, float32, and how far above the matrix products."""
    X, y = wine(size)
    values = {"hidden_layer_sizes": SIZES, "learning_rate_init": RATES}
    common = {"max_iter": size.of(500, 3)}
    times, found = interleaved(
        {
            name: partial(search, kind, model, X, y, values)
            for name, kind, model in (
                ("theirs", GridSearchCV, network(MLPClassifier, **common)),
                ("ours", DenseGridSearchCV, network(DenseClassifier, **common)),
                ("float32", DenseGridSearchCV, network(DenseClassifier, **common, dtype="float32")),
            )
        },
        size.repeats,
    )
    same_search(found["ours"], found["theirs"])
    epochs = epochs_of_the_grid(X, y, values, common)
    floors = {dtype: floor(epochs, len(X), X.shape[1], dtype) for dtype in ("float64", "float32")}
    what = f"the notebook's grid search: 45 fits and the refit, {cpu_count()} processes"
    against = f"GridSearchCV({MLP}, n_jobs=-1)"
    return [
        faster(what, against, times),
        faster(f"{what}, float32", against, times, "float32"),
        Row(
            "the same in float64, time above the floor",
            "its matrix products alone",
            times["ours"] / floors["float64"],
            f"{times['ours']:.2f} / {floors['float64']:.2f}",
        ),
        Row(
            "the same in float32, time above the floor",
            "its matrix products alone, for float64's epochs",
            times["float32"] / floors["float32"],
            f"{times['float32']:.2f} / {floors['float32']:.2f}",
        ),
    ]


def epochs_of_the_grid(X: Any, y: Any, values: Any, common: Any) -> dict[tuple[int, ...], int]:
    """Return the epochs of each size over all rates and folds."""
    kind = DenseGridSearchCV(
        network(DenseClassifier, **common), values, cv=5, scoring=epochs_trained, refit=False
    )
    results = quietly(kind.set_params(n_jobs=-1).fit, X, y).cv_results_
    total: dict[tuple[int, ...], int] = dict.fromkeys(SIZES, 0)
    for parameters, mean in zip(results["params"], results["mean_test_score"], strict=True):
        total[parameters["hidden_layer_sizes"]] += round(5 * mean)
    return total


def epochs_trained(fitted: Any, *_: Any) -> int:
    """Return how many epochs a fit took, in place of a score."""
    return int(fitted.n_iter_)


def floor(epochs: dict[tuple[int, ...], int], rows: int, features: int, dtype: str) -> float:
    """Return the seconds that the grid's matrix products take, spread evenly over the cores.

    Each product has memory of its own and nothing to do between two of them. All cores are at it
    at once, as in the search.
    """
    seconds = 0.0
    batches = rows * 0.8 / 200
    for sizes, count in epochs.items():
        measured = Parallel(n_jobs=-1)(
            delayed(seconds_of_products)([features, *sizes, 1], dtype) for _ in range(cpu_count())
        )
        seconds += count * batches * median(measured) / cpu_count()
    return seconds


def seconds_of_products(units: list[int], dtype: str, rows: int = 200, repeats: int = 300) -> float:
    """Return the median time of the products of one batch, forward and backward."""
    rng = np.random.default_rng(0)
    A = [rng.random((rows, width)).astype(dtype) for width in units]
    D = [rng.random((rows, width)).astype(dtype) for width in units]
    W = [rng.random(shape).astype(dtype) for shape in pairwise(units)]
    dW = [np.empty_like(weights) for weights in W]
    padded = np.zeros((rows, 2), dtype), np.zeros((2, units[-2]), dtype)
    times = []
    with one_blas_thread():
        for _ in range(repeats):
            start = time.perf_counter()
            for layer in range(len(W)):
                np.matmul(A[layer], W[layer], out=A[layer + 1])
                np.matmul(A[layer].T, D[layer + 1], out=dW[layer])
                if layer == len(W) - 1 and layer:
                    np.matmul(*padded, out=D[layer])  # an outer product, as network.py does it
                elif layer:
                    np.matmul(D[layer + 1], W[layer].T, out=D[layer])
            times.append(time.perf_counter() - start)
    return median(times)


def candidates(size: Size) -> list[Row]:
    """How the time grows from 9 to 90 candidates."""
    X, y = wine(size)
    made = []
    common = {"max_iter": size.of(10, 1)}
    alphas = np.geomspace(1e-6, 1, size.of(10, 2)).tolist()
    for name, more in (("9", {}), (str(9 * len(alphas)), {"alpha": alphas})):
        values = {"hidden_layer_sizes": SIZES, "learning_rate_init": RATES, **more}
        times, found = interleaved(
            {
                "theirs": partial(
                    search, GridSearchCV, network(MLPClassifier, **common), X, y, values
                ),
                "ours": partial(
                    search, DenseGridSearchCV, network(DenseClassifier, **common), X, y, values
                ),
            },
            size.of(size.repeats, 1),
        )
        same_search(found["ours"], found["theirs"])
        what = f"{name} candidates, 5 folds, {common['max_iter']} epochs"
        made.append((faster(what, f"GridSearchCV({MLP}, n_jobs=-1)", times), times["ours"]))
    (few, few_seconds), (many, many_seconds) = made
    growth = Row(f"{many.what}: our time", "9 candidates", many_seconds / few_seconds)
    return [few, many, growth]


def on_cluster(size: Size) -> list[Row]:
    """The stacks of the notebook's search on a local Dask cluster against joblib's pool.

    Both have their processes, with all that they import, before the clock starts.
    """
    what = f"the notebook's grid search: 45 fits, a local Dask cluster of {cpu_count()}: its time"
    against = f"the same in joblib's {cpu_count()} processes"
    if find_spec("distributed") is None:
        return [Row(what, against, "not installed")]
    X, y = wine(size)
    values = {"hidden_layer_sizes": SIZES, "learning_rate_init": RATES}
    here = copy_context()

    def stacks(epochs: int) -> Any:
        how: dict[str, Any] = {"cv": 5, "scoring": "accuracy", "refit": False, "n_jobs": -1}
        model = network(DenseClassifier, max_iter=epochs)
        return quietly(DenseGridSearchCV(model, values, **how).fit, X, y)

    os.environ["WINENET_SCHEDULER"] = cluster.LOCAL
    try:
        with cluster.connect(cpu_count()):
            stacks(1)
            epochs = size.of(500, 3)
            times, found = interleaved(
                {"theirs": partial(here.run, stacks, epochs), "ours": partial(stacks, epochs)},
                size.repeats,
            )
    finally:
        del os.environ["WINENET_SCHEDULER"]
    for fold in range(5):
        name = f"split{fold}_test_score"
        np.testing.assert_array_equal(*(one.cv_results_[name] for one in found.values()))
    seconds = f"{times['ours']:.2f} / {times['theirs']:.2f}"
    return [Row(what, against, times["ours"] / times["theirs"], seconds)]


# ------------------------------------------------------------------ fits


def one_fit(size: Size) -> list[Row]:
    """One network of the notebook, to the end of its training."""
    X, y = wine(size)
    common = {"hidden_layer_sizes": (100, 50), "max_iter": size.of(500, 3)}

    def fit(kind: Any, **more: Any) -> Any:
        with one_blas_thread():
            return quietly(network(kind, **common, **more).fit, X, y)

    times, found = interleaved(
        {
            "theirs": partial(fit, MLPClassifier),
            "ours": partial(fit, DenseClassifier),
            "float32": partial(fit, DenseClassifier, dtype="float32"),
        },
        size.repeats,
    )
    same(found["ours"], found["theirs"])
    per_epoch = dict(times)
    for name, fitted in found.items():
        per_epoch[name] /= fitted.n_iter_
    fast = per_epoch["theirs"] / per_epoch["float32"]
    return [
        faster("one fit of (100, 50)", f"{MLP}, one BLAS thread", times),
        Row("the same in float32, an epoch", f"{MLP}, one BLAS thread", fast),
    ]


def seeds(size: Size) -> list[Row]:
    """One network under many seeds at once."""
    return [many(size, (100, 50), size.of(20, 3), size.of(40, 2))]


def small(size: Size) -> list[Row]:
    """Many small networks at once."""
    return [many(size, (units,), size.of(500, 4), size.of(40, 2)) for units in (8, 4)]


def many(size: Size, sizes: tuple[int, ...], count: int, epochs: int) -> Row:
    """Networks of one shape under as many seeds, over all cores."""
    X, y = wine(size)
    common = {"hidden_layer_sizes": sizes, "max_iter": epochs}

    def theirs() -> Any:
        models = [network(MLPClassifier, **common, random_state=seed) for seed in range(count)]
        return Parallel(n_jobs=-1)(delayed(fit_alone)(model, X, y) for model in models)

    def ours() -> Any:
        models = [network(DenseClassifier, **common, random_state=seed) for seed in range(count)]
        return quietly(fit_many, models, [(X, y)] * count, n_jobs=-1)

    times, found = interleaved({"theirs": theirs, "ours": ours}, size.repeats)
    for our, their in zip(found["ours"], found["theirs"], strict=True):
        same(our, their)
    what = f"{count} networks of {sizes}, {epochs} epochs, {cpu_count()} processes"
    return faster(what, f"{count} fits of {MLP}", times)


def fit_alone(model: Any, X: Any, y: Any) -> Any:
    """Fit a model in a process of joblib's, with one BLAS thread."""
    with one_blas_thread():
        return quietly(model.fit, X, y)


# ------------------------------------------------------------------ growth


def growth(size: Size) -> list[Row]:
    """Time per row and epoch, and memory, from five thousand to five million rows."""
    made = []
    for rows in (5_000, 50_000, 500_000, 5_000_000)[: size.of(4, 1)]:
        epochs = max(1, min(size.of(20, 1), 2_000_000 // rows))
        ours, theirs = (alone(one_growth, kind, rows, epochs) for kind in ("ours", "theirs"))
        nanoseconds = [1e9 * one[0] / rows / epochs for one in (theirs, ours)]
        made.append(
            Row(
                f"{rows:,} rows of 12 features, (100, 50): {nanoseconds[1]:.0f} ns per row and "
                f"epoch, memory {ours[1]:.2f} times the data's",
                f"{MLP}: {nanoseconds[0]:.0f} ns, memory {theirs[1]:.2f} times",
                nanoseconds[0] / nanoseconds[1],
                f"{theirs[0]:.2f} / {ours[0]:.2f}",
            )
        )
    return made


def one_growth(kind: str, rows: int, epochs: int) -> tuple[float, float]:
    """Return the seconds of a fit, and the memory that it took, in sizes of the table X."""
    rng = np.random.default_rng(0)
    X = rng.random((rows, 12))
    y = (X[:, 0] > 0.5).astype(int)
    model = network(
        DenseClassifier if kind == "ours" else MLPClassifier,
        hidden_layer_sizes=(100, 50),
        max_iter=epochs,
    )
    quietly(network(type(model), max_iter=1).fit, X[:500], y[:500])  # imports and first buffers
    with one_blas_thread():
        before = peak_bytes()
        start = time.perf_counter()
        quietly(model.fit, X, y)
        return time.perf_counter() - start, (peak_bytes() - before) / X.nbytes


# ------------------------------------------------------------------ a peer


def torch(size: Size) -> list[Row]:
    """The same network in torch, if it is installed, as a user would write it."""
    what = "one fit of (100, 50), an epoch"
    if find_spec("torch") is None:
        return [Row(what, "torch", "not installed")]
    X, y = wine(size)
    epochs = size.of(50, 1)
    common = {"hidden_layer_sizes": (100, 50), "max_iter": epochs}
    made = []
    for dtype in ("float64", "float32"):
        model = network(DenseClassifier, **common, dtype=dtype)
        times, _ = interleaved(
            {
                "theirs": partial(train_torch, X, y, epochs, dtype),
                "ours": partial(fit_alone, model, X, y),
            },
            size.repeats,
        )
        made.append(faster(f"{what}, {dtype}", "torch, one thread", times))
    return made


def train_torch(X: Any, y: Any, epochs: int, dtype: str) -> Any:
    """Train (100, 50) with Adam and batches of 200; alpha is torch's weight_decay, per batch."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(42)
    kind = getattr(torch, dtype)
    inputs, targets = torch.tensor(X, dtype=kind), torch.tensor(y, dtype=kind)[:, None]
    widths = [X.shape[1], 100, 50, 1]
    parts: list[Any] = []
    for fan_in, fan_out in pairwise(widths):
        parts += [torch.nn.Linear(fan_in, fan_out, dtype=kind), torch.nn.ReLU()]
    model = torch.nn.Sequential(*parts[:-1])
    loss_of = torch.nn.BCEWithLogitsLoss()
    solver = torch.optim.Adam(model.parameters(), lr=0.001, weight_decay=0.0001 / 200, fused=True)
    for _ in range(epochs):
        order = torch.randperm(len(X))
        for start in range(0, len(X), 200):
            batch = order[start : start + 200]
            solver.zero_grad()
            loss_of(model(inputs[batch]), targets[batch]).backward()
            solver.step()
    return model
