"""Commands on the whole, around the pipeline's run.

`check` tells what is wrong before it, `results` prints the scores after it, `gate` judges them,
`summary` tells what moved.
"""

import argparse
import sys
from importlib.util import find_spec

from winenet.errors import InputError

# What the commands need and the library does not; so the imports stand in the commands.
NEEDED = ("jinja2", "pandas", "pydantic", "yaml")


def check() -> None:
    """Check params.yaml, the raw files and what both together allow; print what was found.

    DVC deletes a stage's results before the stage runs, so a fault is better found here.
    Raises InputError when a stage could not work.
    """
    from winenet.errors import check_libraries

    check_libraries()
    from winenet import data, params

    settings = params.load()
    table, labels = data.read_raw(data.RAW_FOLDER, settings.ingest)
    parts = data.split(table, settings.ingest.target, settings.split, labels)
    groups = data.copy_groups(parts.X_train) if settings.split.duplicates == "group" else None
    data.check_folds(parts.y_train, settings.grid_search.cv, groups, labels)
    data.hold_out(parts.X_train, parts.y_train, settings.curves, groups, labels)
    data.check_leave_out(settings.importance.leave_out, list(settings.ingest.columns))
    data.check_train_sizes(parts.y_train, settings.learning_curve)
    print(
        f"check: params.yaml and {len(settings.ingest.files)} raw files are fit for use "
        f"({len(table)} rows, {len(parts.y_train)} for training)"
    )


def results() -> None:
    """Print the models' scores with their intervals as a table, read from metrics/.

    Raises InputError when they are missing.
    """
    from winenet import comparison, files

    metrics = {
        name: files.read_metrics(f"metrics/{name}.json")
        for name in ("mlp", "grid_search", "compare")
    }
    print(comparison.compared_table(metrics))


def gate(base: str | None = None) -> None:
    """Print what the gate says of the metrics; exit with 1 when one fails.

    base: the revision against whose metrics losses are told; without it the floors alone count.
    Raises InputError when the base cannot be read.
    """
    from winenet import gates, params, report

    settings = params.load().gates
    rows = gates.floor_rows(settings.floors, gates.read_run)
    if base is not None:
        rows += gates.loss_rows(gates.read_base(base), gates.read_run, settings.max_loss)
    print(report.markdown(gates.HEADER, [row.cells() for row in rows]))
    print(f"\n{gates.last_line(rows)}")
    if any(row.fails for row in rows):
        sys.exit(1)


def summary(base: str | None = None) -> None:
    """Print in Markdown what moved against a revision, for a pull request; exit as `gate` does.

    base: the revision; without it the last commit.
    Raises InputError when the base is no revision, or DVC cannot tell what moved.
    """
    from winenet import params
    from winenet import summary as written

    found = written.compare("HEAD" if base is None else base, params.load().gates)
    print(written.page(found))
    if any(row.fails for row in found.gate):
        sys.exit(1)


# What --base is, for the commands that take it.
BASES = {
    gate: "a branch, tag or commit; a loss against it, beyond the noise, fails as well",
    summary: "a branch, tag or commit; without it the last commit",
}


def main() -> None:
    """Run the command that the command line names."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        sys.exit(
            f"Not installed: {', '.join(missing)}. So `python -m winenet` cannot run: it serves "
            "the pipeline, and the library alone does not need them. `make` installs them in the "
            "repository; elsewhere, `pip install '.[pipeline]'` does."
        )
    parser = argparse.ArgumentParser(prog="python -m winenet", description=__doc__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for run, words in (
        (check, "check params.yaml and the raw files, before dvc touches any result"),
        (results, "print the models' scores as a table"),
        (gate, "hold the metrics against the floors in params.yaml, and against a base revision"),
        (summary, "print in Markdown what moved against a base revision, for a pull request"),
    ):
        command = commands.add_parser(run.__name__, help=words, description=words)
        command.set_defaults(run=run)
        if run in BASES:
            command.add_argument("--base", metavar="REV", help=BASES[run])
    options = vars(parser.parse_args())
    run = options.pop("run")
    try:
        run(**options)
    except InputError as error:
        print(error, file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
