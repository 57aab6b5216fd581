"""Print what the processes of a run see, and start the run if it is what was requested.

    python tools/probe.py '{"umask": "0o77"}' python -m dvc repro --force

`make verify` starts it in a clone with the variables, user and umask of the run. Without a command
it only prints; without arguments it prints this machine's probe.
"""

from __future__ import annotations

import hashlib
import json
import locale
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PREFIX = "probe: "
REFUSED = 3  # the exit code if something else is seen than was requested
NEVER_RUN = (".git", ".dvc", "__pycache__")


def look() -> dict[str, Any]:
    """Return what this process, and a stage that it starts, see of their surroundings."""
    return {
        "folder": str(Path.cwd()),
        "time zone": time.strftime("%z"),
        "locale": locale_seen(),
        "umask": oct(umask_seen()),
        "hash seed": hash("winenet"),
        "home": str(Path.home()),
        "temporary folder": tempfile.gettempdir(),
        "user": os.getuid() if hasattr(os, "getuid") else None,
        "file times": int(newest(Path.cwd())),
        **stage_seen(),
    }


def locale_seen() -> str:
    """Return the locale that the environment sets, and its decimal point."""
    try:
        name = locale.setlocale(locale.LC_ALL, "")
    except locale.Error:
        return "one that is not installed"
    point = locale.localeconv()["decimal_point"]
    locale.setlocale(locale.LC_ALL, "C")
    return f"{name}, 1{point}5"


def umask_seen() -> int:
    """Return the umask; Python can only read it by setting it."""
    mask = os.umask(0o77)
    os.umask(mask)
    return mask


def newest(folder: Path) -> float:
    """Return the latest time at which a file of the clone was changed."""
    times = [0.0]
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in NEVER_RUN]
        times += [(Path(place) / name).stat().st_mtime for name in files]
    return max(times)


def stage_seen() -> dict[str, Any]:
    """Return what a stage sees, from a process of its own."""
    code = "import runpy, sys; runpy.run_path(sys.argv[1])['print_numerics']()"
    done = subprocess.run(
        [sys.executable, "-c", code, __file__], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["nothing"])[-1]
        # After a signal, the processor lacks the instructions of the requested kernel.
        return {
            "workers": None,
            "kernels": None,
            "probe": {},
            "fault": f"{done.returncode}: {last}",
        }
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


# --- in a process of its own -----------------------------------------------------------------


def print_numerics() -> None:
    """Print the workers, the BLAS kernels and the probe of a stage in this folder."""
    sys.path.insert(0, str(Path.cwd()))
    from winenet import runtime

    runtime.pin_blas()  # before numpy is imported
    import threadpoolctl

    from winenet.network.parallel import n_workers

    hashes = computation_hashes()  # first: it loads scipy's BLAS beside numpy's
    libraries = [info for info in threadpoolctl.threadpool_info() if info["user_api"] == "blas"]
    kernels = sorted(str(info.get("architecture", info["internal_api"])) for info in libraries)
    threads = max((info["num_threads"] for info in libraries), default=1)
    print(
        json.dumps(
            {"workers": n_workers(), "kernels": kernels, "threads": threads, "probe": hashes}
        )
    )


def computation_hashes() -> dict[str, str]:
    """Return a hash of the results of each kind of computation on fixed numbers.

    If one differs between two machines, trained networks may differ in the last bits.
    """
    import numpy as np
    import scipy.linalg  # loads scipy's own BLAS, which the logistic regression uses
    from scipy.special import expit

    generator = np.random.default_rng(0)  # its `random` computes with whole numbers: the same
    left, right = generator.random((200, 100)) - 0.5, generator.random((100, 50)) - 0.5
    numbers = 40 * (generator.random(10_000) - 0.5)
    made = {
        "matrix product": left @ right,
        "scipy's matrix product": scipy.linalg.blas.dgemm(1.0, left, right),
        "expit": expit(numbers),
        "log": np.log(np.abs(numbers)),
        "tanh": np.tanh(numbers),
    }
    return {
        name: hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]
        for name, array in made.items()
    }


# --- the command line ------------------------------------------------------------------------


def refusal(expected: dict[str, Any], seen: dict[str, Any]) -> str:
    """Return what the run would see differently from what was requested, or ""."""
    faults = [
        f"{name}: {value} was asked for, and the run sees {seen.get(name)}"
        for name, value in expected.items()
        if seen.get(name) != value
    ]
    return "; ".join([*faults, seen["fault"]] if faults and "fault" in seen else faults)


def main(arguments: list[str]) -> int:
    """Print what is seen; start the command if that is what was requested. Return the exit code."""
    if not arguments:
        print(json.dumps(stage_seen()["probe"], indent=1))
        return 0
    seen = look()
    print(PREFIX + json.dumps(seen), flush=True)
    refused = refusal(json.loads(arguments[0]), seen)
    if refused:
        print(refused, flush=True)
        return REFUSED
    command = arguments[1:]
    return subprocess.run(command, check=False).returncode if command else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
