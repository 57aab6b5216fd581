"""Shows how far a search has come: a bar on a terminal, plain lines in a log.

It speaks scikit-learn's callback protocol, so that the search itself stays scikit-learn's.
"""

import sys
from multiprocessing.managers import SyncManager
from threading import Thread
from typing import Any

from tqdm import tqdm

LINES = 5  # in a log, a line for about each fifth of the work


class SearchProgress:
    """Counts the finished fits of a `GridSearchCV`, whichever process they ran in.

    total: the number of fits, the refit left aside.
    """

    def __init__(self, total: int) -> None:
        self.total = total

    def setup(self, estimator: Any, context: Any) -> None:
        """Open the queue that the workers report to, and show what arrives there."""
        self._manager = SyncManager()
        self._manager.start()
        self.finished = self._manager.Queue()
        self._display = Thread(target=self._show, daemon=True)
        self._display.start()

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Nothing is shown before a fit has ended."""

    def on_fit_task_end(self, estimator: Any, context: Any) -> None:
        """Report one finished fit; this runs in the worker."""
        if context.task_name == "candidate-split-evaluation":
            self.finished.put(True)

    def teardown(self, estimator: Any, context: Any) -> None:
        """Close the display; it is called when the fit fails, too."""
        self.finished.put(False)
        self._display.join()
        self._manager.shutdown()

    def __getstate__(self) -> dict[str, Any]:
        """Send the workers the queue only: the manager and the display stay here."""
        return {"total": self.total, "finished": getattr(self, "finished", None)}

    def _show(self) -> None:
        on_terminal = sys.stderr.isatty()
        with tqdm(total=self.total, desc="grid_search", unit="fit", disable=not on_terminal) as bar:
            done = 0
            while self.finished.get():
                done += 1
                bar.update()
                if (
                    not on_terminal
                    and (done * LINES) // self.total > ((done - 1) * LINES) // self.total
                ):
                    print(f"grid_search: {done} of {self.total} fits done", flush=True)
