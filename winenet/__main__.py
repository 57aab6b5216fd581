"""Commands around a run of the pipeline.

`check` finds errors before the run, `results` prints the scores after it, `gate` checks them, and
`summary` shows what changed. `init` creates a pipeline for another table. `describe` shows what a
model contains, `predict` applies it, `export` converts it to ONNX.
"""

import argparse
import contextlib
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from winenet.errors import InputError
from winenet.init import arguments as init_arguments
from winenet.runtime import escape_unprintable, pin_blas
from winenet.serve import arguments as serve_arguments
from winenet.text import count

# Packages that the library does not need; so they are imported inside the commands.
NEEDED = ("jinja2", "pandas", "pyarrow", "pydantic", "safetensors", "yaml")


def check() -> None:
    """Check params.yaml, the raw files, and whether they fit together.

    DVC deletes a stage's results before the stage runs, so errors should be found before that.
    Raises InputError if a stage could not run.
    """
    from winenet.errors import check_locked_versions

    pin_blas()  # as the stages do: the journal holds the fits of these numerics
    check_locked_versions()
    from winenet import params
    from winenet.data import folds, leaks, preprocessing, raw_table, schema, split_column, splits
    from winenet.evaluation import held_fits
    from winenet.models import constraints, parameters

    try:
        settings = params.load()
        constraints.raise_faults(parameters.section_faults(dict(settings)))
    except params.ParamsError as error:
        raise parameters.all_faults(error) from None
    raw = raw_table.read_raw(raw_table.RAW_FOLDER, settings.ingest)
    table, labels = raw.table, raw.labels
    kinds = raw_table.make_schema(settings.ingest, labels, raw.columns).kinds
    notes = [*raw.notes, *parameters.check(settings, len(labels))]
    column = split_column.read(raw_table.RAW_FOLDER, settings.ingest, settings.split)
    key = None if column is None else column.key
    for leak in leaks.find_leaks(table.drop(columns=settings.ingest.target), table.iloc[:, -1]):
        print(f"check: warning: {leak.describe()}")
    parts = splits.split_table(table, settings.ingest.target, settings.split, labels, key)
    fitted = preprocessing.fit(parts.X_train, kinds, settings.split.scaler)
    keys = splits.training_keys(parts, settings.split, key)
    folds.check_folds(parts.y_train, settings.grid_search.cv, keys, labels)
    splits.train_validation_split(parts.X_train, parts.y_train, settings.curves, keys, labels)
    schema.check_drop_features(settings.importance.drop_features, list(kinds))
    splits.check_train_sizes(parts.y_train, settings.learning_curve, keys)
    for note in notes:
        print(f"check: note: {note}")
    fits = parameters.count_fits(settings)
    by_stage = ", ".join(f"{stage} {number}" for stage, number in fits.items() if number)
    rows = held_fits.training_rows(settings, parts, fitted, key, labels)
    held = held_fits.describe(settings, rows, *_last_run())
    print(f"check: the pipeline fits {count(sum(fits.values()), 'model')} ({by_stage}); {held}")
    number = len(settings.ingest.files)
    print(
        f"check: params.yaml and {count(number, 'raw file')} are fit for use "
        f"({len(table)} rows, {len(parts.y_train)} for training)"
    )


def _last_run() -> tuple[dict[str, Any] | None, dict[str, int]]:
    """Return what fits depend on and only a run shows.

    The parameters of the search's winner, None if there are none, and by network its best epoch.
    """
    from winenet import files

    best, epochs = None, {}
    with contextlib.suppress(files.FileError):
        best = files.read_metrics("data/grid_search_best.json")
    with contextlib.suppress(files.FileError, KeyError, TypeError):
        curves = files.read_metrics("metrics/curves.json").items()
        epochs = {
            name: int(item["best"]["epoch"]) for name, item in curves if isinstance(item, dict)
        }
    return best, epochs


def results() -> None:
    """Print the models' scores with their intervals; raise InputError if metrics/ lacks them."""
    from winenet import files
    from winenet.report import comparison_section, model_tables

    metrics = {
        name: files.read_metrics(f"metrics/{name}.json")
        for name in ("mlp", "grid_search", "compare", "ingest")
    }
    print(comparison_section.compared_table(metrics))
    for note in model_tables.rare_class_note(metrics):
        print(f"\n{note}")


def gate(base: str | None = None) -> None:
    """Print the results of the gate; exit with 1 if one fails.

    Without a base, a revision, only the minimum values are checked. Raises InputError if git cannot
    read the base.
    """
    from winenet import params
    from winenet.evaluation import gates
    from winenet.report import markdown

    settings = params.load().gates
    rows = gates.check_minimum(settings.minimum, gates.read_run)
    if base is not None:
        rows += gates.check_regressions(gates.read_base(base), gates.read_run, settings.max_drop)
    print(markdown.markdown_table(gates.HEADER, [row.cells() for row in rows]))
    print(f"\n{gates.verdict(rows)}")
    if any(row.fails for row in rows):
        sys.exit(1)


def summary(base: str | None = None) -> None:
    """Print in Markdown what changed against a revision, by default the last commit.

    It exits as `gate` does. Raises InputError if git does not know the base, or DVC fails.
    """
    from winenet import params
    from winenet.report import summary as written

    result = written.diff_against("HEAD" if base is None else base, params.load().gates)
    print(written.render(result))
    if any(row.fails for row in result.gate):
        sys.exit(1)


def init(folder: Path, **options: Any) -> None:
    """Create a folder with a pipeline for another table; print what was guessed and done.

    The options are those of `InitOptions`. Raises InputError if the folder cannot be created.
    """
    from winenet.init import create
    from winenet.init.read_tables import InitOptions

    for line in create.create_project(folder, InitOptions(**options)):
        print(f"init: {line}")
    print(f"init: {folder} is ready; read ingest in its params.yaml, then run make")


def predict(**options: Any) -> None:
    """Write the label and the probabilities of each row of a raw table.

    The options are those of `predict_file`. Raises InputError if a file cannot be used.
    """
    from winenet.serve.predict import predict_file

    predict_file(**options)


def describe(model: str) -> None:
    """Print what a model's file contains; raise InputError if it is not a model."""
    from winenet.models import model_file
    from winenet.serve.describe import describe_model

    print(describe_model(model, model_file.read(model, by_stage=False)))


def export(**options: Any) -> None:
    """Write a model as ONNX; print how the result was checked.

    The options are those of `export_onnx`. Raises InputError if a file cannot be used, or the ONNX
    model predicts differently.
    """
    from winenet.serve.onnx_export import export_onnx

    del options["onnx"]  # there is no other format
    export_onnx(**options)


class _Parser(argparse.ArgumentParser):
    """A parser of which an option may have the value --, as in `--na-value=--`."""

    def _get_values(self, action: argparse.Action, arg_strings: list[str]) -> Any:
        # argparse takes this -- for the end of the options, and then lacks the value.
        if action.option_strings and action.nargs is None and arg_strings == ["--"]:
            value = self._get_value(action, "--")
            self._check_value(action, value)
            return value
        return super()._get_values(action, arg_strings)


# The end of the help page of the commands without arguments of their own.
EXAMPLES: dict[Callable[..., Any], str] = {
    check: """examples:
  python -m winenet check

The exit code is 0 if everything is valid, else 1; all errors are printed at once.""",
    results: """examples:
  python -m winenet results
  python -m winenet results > results.md

It reads what `dvc repro` wrote; the table is Markdown.""",
    gate: """examples:
  python -m winenet gate                  the minimum values
  python -m winenet gate --base main      also the losses against the branch main

The exit code is 1 if one fails. The minimum values are in params.yaml under gates.""",
    summary: """examples:
  python -m winenet summary                               against the last commit
  python -m winenet summary --base main > summary.md      against the branch main

The exit code is that of gate.""",
}

# The function that adds the arguments and the examples of a command.
ARGUMENTS: dict[Callable[..., Any], Callable[[argparse.ArgumentParser], None]] = {
    init: init_arguments.add_init,
    predict: serve_arguments.add_predict,
    describe: serve_arguments.add_describe,
    export: serve_arguments.add_export,
}

# The help text of --base, for the commands that have it.
BASES = {
    gate: "a branch, tag or commit; a loss against it that exceeds the noise fails, too",
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
    escape_unprintable()
    parser = _Parser(prog="python -m winenet", description=__doc__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for run, words in (
        (check, "check params.yaml and the raw files before a run"),
        (results, "print the models' scores as a table"),
        (
            gate,
            "compare the metrics with the minimum values in params.yaml and a base revision",
        ),
        (summary, "print in Markdown what changed against a base revision, for a pull request"),
        (init, "create a folder with a pipeline like this one for another table"),
        (predict, "predict the label and the probabilities of each row of a raw table"),
        (describe, "print what the file of a model contains"),
        (export, "write a model as ONNX, with raw rows as input"),
    ):
        command = commands.add_parser(
            run.__name__,
            help=words,
            description=words,
            epilog=EXAMPLES.get(run),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.set_defaults(run=run)
        if run in ARGUMENTS:
            ARGUMENTS[run](command)
        if run in BASES:
            command.add_argument("--base", metavar="REV", help=BASES[run])
    options = vars(parser.parse_args())
    run = options.pop("run")
    try:
        run(**options)
        if sys.stdout is not None:
            sys.stdout.flush()
    except InputError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:  # such as `| head`: the reader has closed the pipe
        with contextlib.suppress(BrokenPipeError):
            sys.stdout.close()  # else Python prints an error when it exits
        sys.exit(1)


if __name__ == "__main__":
    main()
