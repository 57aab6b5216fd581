"""Start a Dask scheduler or worker here: `python -m tools.cluster scheduler`, or `worker`.

A worker pins BLAS before numpy is imported, as a stage does. It has WINENET_WORKERS processes, or
one per core, and each trains one stack at a time.
"""

import argparse
import sys
from collections.abc import Sequence

from winenet import runtime
from winenet.errors import InputError, check_locked_versions, short_repr


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.cluster", description=__doc__)
    parser.add_argument("role", choices=("scheduler", "worker"))
    parser.add_argument(
        "address",
        nargs="?",
        default="tcp://127.0.0.1:8786",
        help="of the scheduler: where it listens (whoever reaches it there can run code here), and "
        "where its workers look for it; default: tcp://127.0.0.1:8786, for this machine alone",
    )
    return parser.parse_args(arguments)


def start(role: str, address: str) -> None:
    """Run Dask's command until it ends.

    Raises InputError if it cannot be started.
    """
    runtime.pin_blas()  # before numpy is imported; the worker's processes inherit it
    from winenet.network import cluster
    from winenet.network.parallel import n_workers

    check_locked_versions()
    if not cluster.ADDRESS.fullmatch(address):
        raise InputError(
            f"{short_repr(address)} is not a scheduler's address, so no {role} was started. It "
            "must be like tcp://127.0.0.1:8786: change SCHEDULER=..."
        )
    count = n_workers()
    try:
        from distributed.cli import dask_scheduler, dask_worker
    except ImportError as error:
        raise InputError(
            f"distributed cannot be imported here ({error}), so no {role} was started. Install it "
            "by `make environment-cluster`, or by `pip install -r requirements-cluster.lock`."
        ) from error
    unseen = ["--no-dashboard", "--dashboard-address", "127.0.0.1:0"]
    if role == "scheduler":
        host, _, port = address.removeprefix("tcp://").rpartition(":")
        dask_scheduler.main(["--host", host, "--port", port, *unseen])
    print(f"worker: {count} processes; {runtime.describe_numerics()}", flush=True)
    dask_worker.main([address, "--nworkers", str(count), "--nthreads", "1", *unseen])


def main() -> int:
    """Run the command line; return the exit code."""
    try:
        given = parse()
        start(given.role, given.address)
    except InputError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
