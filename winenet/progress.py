"""Shows how far a long work has come: a bar on a terminal, plain lines in a log.

`Progress` is told what is done; `SearchProgress` tells it of a scikit-learn search, from its
callbacks. tqdm draws the bar; where it is not installed there are lines on a terminal, too.
"""

import sys
import time
from multiprocessing.managers import SyncManager
from threading import Thread
from typing import Any, Self, TextIO

LINES = 5  # in a log, a line for about each fifth of the work


class Progress:
    """Counts finished fits, or other units. A context: it closes the bar at its end.

    name: what the lines begin with. fits: how many there will be. unit: what they are. log: where
    the lines go, without it standard output.
    """

    def __init__(self, name: str, fits: int, unit: str = "fits", log: TextIO | None = None) -> None:
        self.name, self.fits, self.unit, self.log = name, fits, unit, log
        self.done, self.lines = 0, 0
        self.start = time.monotonic()
        self.bar = _bar(name) if sys.stderr.isatty() else None

    def update(self, fits: int, share: float, note: str = "") -> None:
        """Show that so many more fits are done. share: of the whole work, in (0, 1]."""
        self.done += fits
        told = f"{self.done} of {self.fits} {self.unit}" + (f", {note}" if note else "")
        if self.bar is not None:
            self.bar.n = share
            self.bar.set_postfix_str(told)
        elif int(share * LINES + 1e-9) > self.lines:
            self.lines = int(share * LINES + 1e-9)
            left = (time.monotonic() - self.start) * (1 - share) / share
            rest = f", about {left:.0f} s left" if self.done < self.fits else ""
            print(f"{self.name}: {told}{rest}", file=self.log, flush=True)

    def __enter__(self) -> Self:
        """Return this."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the bar."""
        if self.bar is not None:
            self.bar.close()


def _bar(name: str) -> Any:
    """Return tqdm's bar for a share of the work that grows to 1, or None without tqdm."""
    try:
        from tqdm import tqdm
    except ImportError:
        return None
    form = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"
    return tqdm(total=1.0, desc=name, bar_format=form)


class SearchProgress:
    """Shows the finished fits of a `GridSearchCV`, whichever process they ran in.

    fits: their number, the refit left aside.
    """

    def __init__(self, fits: int) -> None:
        self.fits = fits

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
        return {"fits": self.fits, "finished": getattr(self, "finished", None)}

    def _show(self) -> None:
        with Progress("search", self.fits) as progress:
            while self.finished.get():
                progress.update(1, (progress.done + 1) / self.fits)
