"""The rows of the table. Results in float64 must equal scikit-learn's before times are compared.

Exceptions: growth, which measures each contender once, and torch, which draws other numbers.
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

from benchmarks.measure import Row, in_new_process, interleaved, peak_bytes, speedup
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
    """How much to measure. quick: only enough to test the benchmarks."""

    repeats: int
    quick: bool

    def of(self, whole: int, quick: int) -> int:
        """Return one of two values."""
        return quick if self.quick else whole


def wine(size: Size) -> tuple[Any, Any]:
    """Return the pipeline's normalised training rows and their labels."""
    X = files.read_table("data/X_train_normalized.csv").to_numpy()
    y = table_files.read_labels("data/y_train.csv").to_numpy()
    step = size.of(1, 20)
    return np.ascontiguousarray(X[::step]), y[::step]


def network(kind: Any, **parameters: Any) -> Any:
    """Return a network of either library; with the same seed both are equal."""
    return kind(**{"random_state": 42} | parameters)


def quietly(function: Any, *args: Any, **kwargs: Any) -> Any:
    """Call a function without convergence warnings: max_iter is low on purpose."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return function(*args, **kwargs)


def same(ours: Any, theirs: Any) -> None:
    """Raise AssertionError if two networks are not equal to the last bit."""
    pairs = [*zip(ours.coefs_, theirs.coefs_, strict=True)]
    pairs += zip(ours.intercepts_, theirs.intercepts_, strict=True)
    if ours.loss_curve_ != theirs.loss_curve_ or any((our != their).any() for our, their in pairs):
        raise AssertionError(f"{ours} and {theirs} are not the same network")


def same_search(ours: Any, theirs: Any) -> None:
    """Raise AssertionError if the scores of two searches differ in any fold.

    The refits are only compared if BLAS has one thread; scikit-learn's uses all there are.
    """
    for fold in range(5):
        name = f"split{fold}_test_score"
        np.testing.assert_array_equal(*(search.cv_results_[name] for search in (ours, theirs)))
    if all(lib["num_threads"] == 1 for lib in threadpool_info() if lib["user_api"] == "blas"):
        same(ours.best_estimator_, theirs.best_estimator_)


# ------------------------------------------------------------------ searches


def search(kind: Any, model: Any, X: Any, y: Any, grid: Any) -> Any:
    """Return a finished search over five folds, with one process per core."""
    return quietly(kind(model, grid, cv=5, scoring="accuracy", n_jobs=-1).fit, X, y)


def grid(size: Size) -> list[Row]:
    """Measure the notebook's grid search, also in float32, and against its matrix products."""
    X, y = wine(size)
    values = {"hidden_layer_sizes": SIZES, "learning_rate_init": RATES}
    common = {"max_iter": size.of(500, 3)}
    times, fitted = interleaved(
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
    same_search(fitted["ours"], fitted["theirs"])
    epochs = epochs_of_the_grid(X, y, values, common)
    floors = {dtype: floor(epochs, len(X), X.shape[1], dtype) for dtype in ("float64", "float32")}
    what = f"the notebook's grid search: 45 fits and the refit, {cpu_count()} processes"
    against = f"GridSearchCV({MLP}, n_jobs=-1)"
    return [
        speedup(what, against, times),
        speedup(f"{what}, float32", against, times, "float32"),
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

    Each product has its own arrays, and nothing is done between products. All cores work at the
    same time, as in the search.
    """
    seconds = 0.0
    batches = rows * 0.8 / 200
    for sizes, count in epochs.items():
        measured = Parallel(n_jobs=-1)(
            delayed(seconds_of_products)([features, *sizes, 1], dtype) for _ in range(cpu_count())
        )
        seconds += count * batches * median(measured) / cpu_count()
    return seconds


def seconds_of_products(
    layer_sizes: list[int], dtype: str, rows: int = 200, repeats: int = 300
) -> float:
    """Return the median time of the products of one batch, forward and backward."""
    rng = np.random.default_rng(0)
    A = [rng.random((rows, width)).astype(dtype) for width in layer_sizes]
    D = [rng.random((rows, width)).astype(dtype) for width in layer_sizes]
    W = [rng.random(shape).astype(dtype) for shape in pairwise(layer_sizes)]
    dW = [np.empty_like(weights) for weights in W]
    padded = np.zeros((rows, 2), dtype), np.zeros((2, layer_sizes[-2]), dtype)
    times = []
    with one_blas_thread():
        for _ in range(repeats):
            start = time.perf_counter()
            for layer in range(len(W)):
                np.matmul(A[layer], W[layer], out=A[layer + 1])
                np.matmul(A[layer].T, D[layer + 1], out=dW[layer])
                if layer == len(W) - 1 and layer:
                    np.matmul(
                        *padded, out=D[layer]
                    )  # an outer product, as in NetworkStack.backward
                elif layer:
                    np.matmul(D[layer + 1], W[layer].T, out=D[layer])
            times.append(time.perf_counter() - start)
    return median(times)


def candidates(size: Size) -> list[Row]:
    """Measure how the time grows from 9 to 90 candidates."""
    X, y = wine(size)
    results = []
    common = {"max_iter": size.of(10, 1)}
    alphas = np.geomspace(1e-6, 1, size.of(10, 2)).tolist()
    for name, more in (("9", {}), (str(9 * len(alphas)), {"alpha": alphas})):
        values = {"hidden_layer_sizes": SIZES, "learning_rate_init": RATES, **more}
        times, fitted = interleaved(
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
        same_search(fitted["ours"], fitted["theirs"])
        what = f"{name} candidates, 5 folds, {common['max_iter']} epochs"
        results.append((speedup(what, f"GridSearchCV({MLP}, n_jobs=-1)", times), times["ours"]))
    (few, few_seconds), (many, many_seconds) = results
    growth = Row(f"{many.what}: our time", "9 candidates", many_seconds / few_seconds)
    return [few, many, growth]


def on_cluster(size: Size) -> list[Row]:
    """Compare the stacks of the notebook's search on a local Dask cluster and in joblib's pool.

    The processes of both, with all that they import, are started before the clock.
    """
    what = f"the notebook's grid search: 45 fits, a local Dask cluster of {cpu_count()}: its time"
    against = f"the same in joblib's {cpu_count()} processes"
    if find_spec("distributed") is None:
        return [Row(what, against, "not installed")]
    X, y = wine(size)
    values = {"hidden_layer_sizes": SIZES, "learning_rate_init": RATES}
    no_cluster = copy_context()

    def stacks(epochs: int) -> Any:
        kwargs: dict[str, Any] = {"cv": 5, "scoring": "accuracy", "refit": False, "n_jobs": -1}
        model = network(DenseClassifier, max_iter=epochs)
        return quietly(DenseGridSearchCV(model, values, **kwargs).fit, X, y)

    os.environ["WINENET_SCHEDULER"] = cluster.LOCAL
    try:
        with cluster.connect(cpu_count()):
            stacks(1)
            epochs = size.of(500, 3)
            times, fitted = interleaved(
                {
                    "theirs": partial(no_cluster.run, stacks, epochs),
                    "ours": partial(stacks, epochs),
                },
                size.repeats,
            )
    finally:
        del os.environ["WINENET_SCHEDULER"]
    for fold in range(5):
        name = f"split{fold}_test_score"
        np.testing.assert_array_equal(*(search.cv_results_[name] for search in fitted.values()))
    seconds = f"{times['ours']:.2f} / {times['theirs']:.2f}"
    return [Row(what, against, times["ours"] / times["theirs"], seconds)]


# ------------------------------------------------------------------ fits


def one_fit(size: Size) -> list[Row]:
    """Measure one network of the notebook, trained until it stops."""
    X, y = wine(size)
    common = {"hidden_layer_sizes": (100, 50), "max_iter": size.of(500, 3)}

    def fit(kind: Any, **kwargs: Any) -> Any:
        with one_blas_thread():
            return quietly(network(kind, **common, **kwargs).fit, X, y)

    times, fitted = interleaved(
        {
            "theirs": partial(fit, MLPClassifier),
            "ours": partial(fit, DenseClassifier),
            "float32": partial(fit, DenseClassifier, dtype="float32"),
        },
        size.repeats,
    )
    same(fitted["ours"], fitted["theirs"])
    per_epoch = dict(times)
    for name, model in fitted.items():
        per_epoch[name] /= model.n_iter_
    ratio = per_epoch["theirs"] / per_epoch["float32"]
    return [
        speedup("one fit of (100, 50)", f"{MLP}, one BLAS thread", times),
        Row("the same in float32, an epoch", f"{MLP}, one BLAS thread", ratio),
    ]


def seeds(size: Size) -> list[Row]:
    """Measure one network with many seeds at once."""
    return [many_seeds(size, (100, 50), size.of(20, 3), size.of(40, 2))]


def small(size: Size) -> list[Row]:
    """Measure many small networks at once."""
    return [many_seeds(size, (units,), size.of(500, 4), size.of(40, 2)) for units in (8, 4)]


def many_seeds(size: Size, sizes: tuple[int, ...], count: int, epochs: int) -> Row:
    """Measure networks of one shape with different seeds, on all cores."""
    X, y = wine(size)
    common = {"hidden_layer_sizes": sizes, "max_iter": epochs}

    def theirs() -> Any:
        models = [network(MLPClassifier, **common, random_state=seed) for seed in range(count)]
        return Parallel(n_jobs=-1)(delayed(fit_alone)(model, X, y) for model in models)

    def ours() -> Any:
        models = [network(DenseClassifier, **common, random_state=seed) for seed in range(count)]
        return quietly(fit_many, models, [(X, y)] * count, n_jobs=-1)

    times, fitted = interleaved({"theirs": theirs, "ours": ours}, size.repeats)
    for our, their in zip(fitted["ours"], fitted["theirs"], strict=True):
        same(our, their)
    what = f"{count} networks of {sizes}, {epochs} epochs, {cpu_count()} processes"
    return speedup(what, f"{count} fits of {MLP}", times)


def fit_alone(model: Any, X: Any, y: Any) -> Any:
    """Fit a model with one BLAS thread, for use in a joblib process."""
    with one_blas_thread():
        return quietly(model.fit, X, y)


# ------------------------------------------------------------------ growth


def growth(size: Size) -> list[Row]:
    """Measure time per row and epoch, and memory, from five thousand to five million rows."""
    results = []
    for rows in (5_000, 50_000, 500_000, 5_000_000)[: size.of(4, 1)]:
        epochs = max(1, min(size.of(20, 1), 2_000_000 // rows))
        ours, theirs = (
            in_new_process(one_growth, kind, rows, epochs) for kind in ("ours", "theirs")
        )
        nanoseconds = [1e9 * result[0] / rows / epochs for result in (theirs, ours)]
        results.append(
            Row(
                f"{rows:,} rows of 12 features, (100, 50): {nanoseconds[1]:.0f} ns per row and "
                f"epoch, memory {ours[1]:.2f} times the data's",
                f"{MLP}: {nanoseconds[0]:.0f} ns, memory {theirs[1]:.2f} times",
                nanoseconds[0] / nanoseconds[1],
                f"{theirs[0]:.2f} / {ours[0]:.2f}",
            )
        )
    return results


def one_growth(kind: str, rows: int, epochs: int) -> tuple[float, float]:
    """Return the seconds of a fit, and its additional memory as a multiple of that of X."""
    rng = np.random.default_rng(0)
    X = rng.random((rows, 12))
    y = (X[:, 0] > 0.5).astype(int)
    model = network(
        DenseClassifier if kind == "ours" else MLPClassifier,
        hidden_layer_sizes=(100, 50),
        max_iter=epochs,
    )
    quietly(network(type(model), max_iter=1).fit, X[:500], y[:500])  # imports and first allocations
    with one_blas_thread():
        before = peak_bytes()
        start = time.perf_counter()
        quietly(model.fit, X, y)
        return time.perf_counter() - start, (peak_bytes() - before) / X.nbytes


# ------------------------------------------------------------------ torch


def torch(size: Size) -> list[Row]:
    """Compare with the same network in torch, if it is installed, as a user would write it."""
    what = "one fit of (100, 50), an epoch"
    if find_spec("torch") is None:
        return [Row(what, "torch", "not installed")]
    X, y = wine(size)
    epochs = size.of(50, 1)
    common = {"hidden_layer_sizes": (100, 50), "max_iter": epochs}
    results = []
    for dtype in ("float64", "float32"):
        model = network(DenseClassifier, **common, dtype=dtype)
        times, _ = interleaved(
            {
                "theirs": partial(train_torch, X, y, epochs, dtype),
                "ours": partial(fit_alone, model, X, y),
            },
            size.repeats,
        )
        results.append(speedup(f"{what}, {dtype}", "torch, one thread", times))
    return results


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
