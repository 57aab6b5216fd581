"""Check that a fresh clone of HEAD reproduces the committed results under varied conditions.

Every stage runs in the clone, with an empty DVC cache; the working tree is not changed. If this
machine computes like the one of the committed run, every byte must be equal. On other machines, and
under another BLAS kernel, the models may differ by TOLERANCE; everything else must be equal.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tools import compare_outputs, variations, verify_run
from tools.compare_outputs import MODEL, REFERENCE, TOLERANCE
from tools.variations import Variation
from tools.verify_run import VerifyError, committed_lock, recorded_hashes
from winenet.errors import InputError

ROOT = Path(__file__).resolve().parent.parent


class Proof(NamedTuple):
    """The outcome of one run in one clone."""

    stages: list[str]  # in dvc.yaml
    executed: list[str]  # by this run
    files: int  # of RESULTS, in git, compared byte for byte
    hashes: int  # of outputs in dvc.lock: data and models too
    difference: str  # the first one, or ""
    seconds: float
    unlike: Sequence[str] = ()  # computations with other results than on the committing machine
    native: bool = False  # whether the stages used another BLAS kernel
    tolerant: bool = False  # whether models may have other last bits
    distance: float | None = None  # of the models whose bits differ: the largest, in any weight

    @property
    def holds(self) -> bool:
        """Whether every stage ran and nothing differs."""
        return sorted(self.executed) == sorted(self.stages) and not self.difference


# --- the whole -------------------------------------------------------------------------------


def prove(
    clone: Path,
    environment: Mapping[str, str],
    varied: Sequence[Variation],
    models: dict[str, bytes],
) -> Proof:
    """Run the pipeline in a fresh clone under several variations at once, and compare.

    Parameters
    ----------
    clone
        The clone of HEAD.
    environment
        The environment variables of the caller.
    varied
        The variations.
    models
        The committed models that are known, by path; those that the run makes are added.

    Returns
    -------
    Proof
        What ran and what differs.

    Raises
    ------
    VerifyError
        If the run fails or a variation takes no effect.
    """
    own = verify_run.isolated(clone, environment)
    verify_run.check_no_cache(clone, own)
    expected: dict[str, Any] = {}
    for variation in varied:
        own.update(variation.environment)
        expected.update(variation.expected)
    verify_run.prepare(clone, expected)
    print(f"$ dvc repro --force    (a fresh clone of HEAD in {clone}, empty cache)", flush=True)
    start = time.monotonic()
    ran = verify_run.reproduce(clone, own, expected)
    seconds = time.monotonic() - start
    proof = Proof(
        stages=verify_run.stage_names(clone),
        executed=ran.executed,
        files=compare_outputs.count_files(clone),
        hashes=len(recorded_hashes(committed_lock(clone))),
        difference=verify_run.no_effect(clone, own, expected, ran),
        seconds=seconds,
        unlike=compare_outputs.unlike_the_committed(clone, ran.seen["probe"]),
        native=own.get("WINENET_NUMERICS") == "native",
    )
    if proof.difference:
        return proof
    models |= compare_outputs.committed_models(clone)
    # With another kernel, models may differ even if the probe does not.
    if not proof.unlike and not proof.native:
        return proof._replace(difference=compare_outputs.first_difference(clone))
    proof = proof._replace(
        tolerant=True, difference=compare_outputs.difference_beyond_models(clone)
    )
    if proof.difference:
        return proof
    difference, distance = compare_outputs.compare_models(clone, models)
    return proof._replace(difference=difference, distance=distance)


def update_reference(root: Path, environment: Mapping[str, str]) -> None:
    """Write the models of HEAD's dvc.lock and this machine's probe into REFERENCE.

    Parameters
    ----------
    root
        The repository.
    environment
        The environment variables of the caller.

    Raises
    ------
    VerifyError
        If a committed model is not found on this machine.
    """
    models = compare_outputs.committed_models(root)
    outputs = recorded_hashes(committed_lock(root))
    missing = [
        output
        for output, digest in outputs.items()
        if compare_outputs.is_model(output, digest)
        and not any(path == output or path.startswith(f"{output}/") for path in models)
    ]
    if missing:
        raise VerifyError(
            f"{', '.join(missing)}: the one in HEAD's dvc.lock is not here, so it cannot be kept. "
            "Run `dvc checkout`, or `dvc repro` and commit dvc.lock, then this again."
        )
    (root / REFERENCE).mkdir(parents=True, exist_ok=True)
    for old in (root / REFERENCE).rglob(f"*{MODEL}"):
        old.unlink()
    for path, content in models.items():
        file = compare_outputs.reference(root, path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    ours = {name: value for name, value in environment.items() if not name.startswith("WINENET_")}
    probe = variations.look(root, ours)["probe"]
    text = json.dumps(probe, indent=1) + "\n"
    (root / REFERENCE / "probe.json").write_bytes(text.encode())


# --- what is printed -------------------------------------------------------------------------


class Row(NamedTuple):
    """A row of the table."""

    varied: str
    to: str
    compared: str
    result: str
    holds: bool | None  # None: not varied


def rows(varied: Sequence[Variation], proof: Proof) -> list[Row]:
    """Return a row for each variation of a run."""
    table_rows = []
    for variation in varied:
        if variation.obstacle:
            reason = f"not varied: {variation.obstacle}"
            table_rows.append(Row(variation.name, "-", "-", reason, None))
        else:
            table_rows.append(
                Row(variation.name, variation.change, compared(proof), result(proof), proof.holds)
            )
    return table_rows


def compared(proof: Proof) -> str:
    """Return what was compared, and how."""
    if proof.tolerant:
        return f"{proof.files} files, {proof.hashes} outputs; models within {TOLERANCE:.0e}"
    return f"{proof.files} files, {proof.hashes} outputs"


def result(proof: Proof) -> str:
    """Return the outcome in a few words."""
    if sorted(proof.executed) != sorted(proof.stages):
        return f"stages executed: {proof.executed} instead of {proof.stages}"
    if proof.difference:
        return f"NOT the same: {proof.difference.splitlines()[0]}"
    if proof.distance is not None:
        return f"identical; models within {proof.distance:.0e}"
    return "identical"


def attempt(
    clone: Path, varied: Sequence[Variation], models: dict[str, bytes]
) -> tuple[list[Row], Proof | None]:
    """Run once and compare; return the rows, and the outcome unless the run failed."""
    active = [variation for variation in varied if not variation.obstacle]
    try:
        proof = prove(clone, os.environ, active, models)
    except InputError as error:
        print(f"\n{error}\n", flush=True)
        failed = f"FAILED: {error}"
        return [
            Row(variation.name, variation.change, "-", failed, False) for variation in active
        ], None
    names = ", ".join(variation.name for variation in active)
    print(f"\n{names}: {result(proof)} ({proof.seconds:.0f} s)\n{proof.difference}", flush=True)
    return rows(varied, proof), proof


def table(table_rows: Sequence[Row]) -> str:
    """Return the table with aligned columns."""
    lines = [("varied", "to", "compared", "result"), *(row[:4] for row in table_rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(3)]
    return "\n".join(
        "  ".join(
            [*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[3]]
        )
        for line in lines
    )


def legend(proofs: Sequence[Proof]) -> str:
    """Return an explanation of the table."""
    if not proofs:
        return ""
    first = proofs[0]
    lines = [
        f"files: dvc.lock, metrics, plots and report, in git, byte for byte. outputs: data and "
        f"models too, by a hash of every byte. {len(first.stages)} stages in each of "
        f"{len(proofs)} runs, all by force with an empty cache "
        f"({sum(proof.seconds for proof in proofs):.0f} s).",
    ]
    if any(proof.tolerant for proof in proofs):
        lines.append(
            "Where models have a tolerance, dvc.lock is equal but for their hashes, and all else "
            "is byte for byte."
        )
    return "\n".join(lines)


def fallback(proof: Proof) -> str:
    """Return why models were compared with a tolerance under the usual kernel, or ""."""
    if not proof.unlike or proof.native:
        return ""
    return (
        f"This machine computes {', '.join(proof.unlike)} with other last bits than the one that "
        "made the committed results (a probe of a few fixed numbers says so), so equal bits cannot "
        "be expected. Compared instead: metrics, plots, report and data byte for byte, models "
        f"within {TOLERANCE:.0e}."
    )


def verdict(table_rows: Sequence[Row]) -> str:
    """Return a summary of the table, and how to find the cause of a difference."""
    varied = [row for row in table_rows if row.holds is not None]
    failed = [row for row in varied if not row.holds]
    line = f"{len(varied) - len(failed)} of {len(varied)} variations: identical."
    if len(varied) < len(table_rows):
        line += f" Not varied here: {len(table_rows) - len(varied)}."
    if failed:
        line += (
            "\nThe variations of one run are made together: `make verify ONLY=locale` makes one "
            "alone, and ONLY=folder none but the fresh clone."
        )
    return line


# --- the command line ------------------------------------------------------------------------


def selected(names: Sequence[str], only: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return the names to vary.

    Raises VerifyError for an unknown name.
    """
    unknown = [name for name in only if name not in known]
    if unknown:
        raise VerifyError(
            f"--only {', '.join(unknown)}: there is no such variation here. There are: "
            f"{', '.join(known)}."
        )
    return [name for name in names if not only or name in only]


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.verify", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one run, no other BLAS kernels")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME",
        help="vary only this; may be repeated",
    )
    parser.add_argument("--list", action="store_true", help="list what can be varied here")
    parser.add_argument("--update-reference", action="store_true", help=f"rewrite {REFERENCE}")
    return parser.parse_args(arguments)


def run_all(root: Path, asked: argparse.Namespace) -> tuple[list[Row], list[Proof]]:
    """Make all requested runs; return the rows of the table and the outcomes."""
    only = [name for names in asked.only for name in names.split(",") if name]
    table_rows: list[Row] = []
    proofs: list[Proof] = []
    models = compare_outputs.committed_models(root)
    with verify_run.fresh_clone(root) as clone:
        own = variations.look(root, verify_run.isolated(clone, os.environ))
        around = variations.around(own, clone)
        kernels = [] if asked.quick else variations.kernels(own, root)
        known = [variation.name for variation in (*around, *kernels)]
        names = selected(known, only, known)
        if asked.list:
            for variation in (*around, *kernels):
                text = variation.change or f"not varied: {variation.obstacle}"
                print(f"{variation.name:18}{text}")
            return [], []
        varied = [variation for variation in around if variation.name in names]
        if varied:
            table_rows, proof = attempt(clone, varied, models)
            proofs += [proof] if proof else []
    for kernel in [kernel for kernel in kernels if kernel.name in names]:
        with verify_run.fresh_clone(root) as clone:
            (row,), proof = attempt(clone, [kernel], models)
            table_rows.append(row._replace(varied=f"BLAS kernel {row.varied}"))
            proofs += [proof] if proof else []
    return table_rows, proofs


def main(arguments: Sequence[str] = ()) -> int:
    """Check HEAD.

    Parameters
    ----------
    arguments
        The command line.

    Returns
    -------
    int
        The exit code: 0 if everything is equal.
    """
    requested = parse(arguments)
    try:
        if requested.update_reference:
            update_reference(ROOT, os.environ)
            return 0
        verify_run.check_clean(ROOT)
        verify_run.check_committed(ROOT)
        table_rows, proofs = run_all(ROOT, requested)
    except InputError as error:
        print(error, file=sys.stderr)
        return 1
    if not table_rows:
        return 0
    print("\n" + table(table_rows) + "\n")
    print("\n".join(filter(None, [legend(proofs), *map(fallback, proofs), verdict(table_rows)])))
    return 1 if any(row.holds is False for row in table_rows) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
