"""Progress display for long tasks: a bar on a terminal, plain lines in a log.

The bar needs tqdm; without it, a terminal gets lines, too.
"""

import sys
import time
from multiprocessing.managers import SyncManager
from threading import Thread
from typing import Any, Self, TextIO

LOG_LINES = 5  # in a log, one line for about each fifth of the work


class Progress:
    """Counts finished units of work; a context manager that closes the bar.

    Parameters
    ----------
    name : str
        Prefix of each line.
    total : int
        Number of units.
    unit : str
        What the units are.
    log : text file, optional
        Where lines are written; by default, standard output.
    """

    def __init__(
        self, name: str, total: int, unit: str = "fits", log: TextIO | None = None
    ) -> None:
        self.name, self.total, self.unit, self.log = name, total, unit, log
        self.done, self.lines = 0, 0
        self.start = time.monotonic()
        self.bar = _make_bar(name) if sys.stderr.isatty() else None

    def update(self, units: int, fraction: float, note: str = "") -> None:
        """Show that more units are done; fraction: of the whole work, in (0, 1]."""
        self.done += units
        text = f"{self.done} of {self.total} {self.unit}" + (f", {note}" if note else "")
        if self.bar is not None:
            self.bar.n = fraction
            self.bar.set_postfix_str(text)
        elif int(fraction * LOG_LINES + 1e-9) > self.lines:
            self.lines = int(fraction * LOG_LINES + 1e-9)
            seconds = (time.monotonic() - self.start) * (1 - fraction) / fraction
            remaining = f", about {seconds:.0f} s left" if self.done < self.total else ""
            print(f"{self.name}: {text}{remaining}", file=self.log, flush=True)

    def __enter__(self) -> Self:
        """Return self."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the bar."""
        if self.bar is not None:
            self.bar.close()


def _make_bar(name: str) -> Any:
    """Return a tqdm bar that counts to 1, or None without tqdm."""
    try:
        from tqdm import tqdm
    except ImportError:
        return None
    bar_format = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"
    return tqdm(total=1.0, desc=name, bar_format=bar_format)


class SearchProgress:
    """A scikit-learn callback that shows the finished fits of a `GridSearchCV` in all processes.

    n_fits: number of fits, without the refit.
    """

    def __init__(self, n_fits: int) -> None:
        self.n_fits = n_fits

    def setup(self, estimator: Any, context: Any) -> None:
        """Open the queue to which the workers report, and start the display."""
        self._manager = SyncManager()
        self._manager.start()
        self.finished = self._manager.Queue()
        self._display = Thread(target=self._show, daemon=True)
        self._display.start()

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Do nothing: only finished fits are shown."""

    def on_fit_task_end(self, estimator: Any, context: Any) -> None:
        """Report a finished fit; called in the worker."""
        if context.task_name == "candidate-split-evaluation":
            self.finished.put(True)

    def teardown(self, estimator: Any, context: Any) -> None:
        """Close the display; also called if the fit fails."""
        self.finished.put(False)
        self._display.join()
        self._manager.shutdown()

    def __getstate__(self) -> dict[str, Any]:
        """Pickle the queue only, for the workers; the manager and the display stay here."""
        return {"n_fits": self.n_fits, "finished": getattr(self, "finished", None)}

    def _show(self) -> None:
        with Progress("search", self.n_fits) as progress:
            while self.finished.get():
                progress.update(1, (progress.done + 1) / self.n_fits)
