"""Commands around a run of the pipeline.

`check` finds errors before the run, `results` prints the scores after it, `gate` checks them, and
`summary` shows what changed. `init` creates a pipeline for another table. `describe` shows what a
model contains, `predict` applies it, `export` converts it to ONNX.
"""

import argparse
import contextlib
import csv
import math
import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from winenet.errors import InputError
from winenet.runtime import escape_unprintable, pin_blas
from winenet.text import count

# Packages that the library does not need; so they are imported inside the commands.
NEEDED = ("jinja2", "pandas", "pyarrow", "pydantic", "safetensors", "yaml")


def check() -> None:
    """Check params.yaml, the raw files, and whether they fit together.

    DVC deletes a stage's results before the stage runs, so errors should be found before that.

    Raises
    ------
    InputError
        If a stage could not run.
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
    """Return what fits depend on and only a run can tell.

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
    """Print the scores of the models, with their intervals, as a table.

    Raises
    ------
    InputError
        If metrics/ lacks them.
    """
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

    Parameters
    ----------
    base
        The revision to compare with; without it, only the minimum values are checked.

    Raises
    ------
    InputError
        If git cannot read the base.
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
    """Print in Markdown what changed against a revision; exit as `gate` does.

    Parameters
    ----------
    base
        The revision; without it, the last commit.

    Raises
    ------
    InputError
        If git does not know the base, or DVC fails.
    """
    from winenet import params
    from winenet.report import summary as written

    result = written.diff_against("HEAD" if base is None else base, params.load().gates)
    print(written.render(result))
    if any(row.fails for row in result.gate):
        sys.exit(1)


def init(**given: object) -> None:
    """Create a folder with a pipeline for another table; print what was guessed and done.

    Parameters
    ----------
    **given
        The arguments that `_init_arguments` defines.

    Raises
    ------
    InputError
        If the folder cannot be created.
    """
    from winenet.init import create as starter

    folder, options = starter.parse_options(given)
    for line in starter.create_project(folder, options):
        print(f"init: {line}")
    print(f"init: {folder} is ready; read ingest in its params.yaml, then run make")


def _init_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `init` to its parser."""
    command.add_argument("folder", metavar="DIR", help="the new folder; it must not exist")
    add = command.add_argument
    add(
        "--table",
        metavar="FILE",
        action="append",
        required=True,
        help="a table: CSV, packed by gzip or not, Parquet, or Excel; several are joined",
    )
    add("--target", metavar="COLUMN", help="the column to predict")
    add(
        "--label",
        metavar="COLUMN=VALUE,VALUE",
        help="instead of --target: a new column to predict, with one value for each table",
    )
    add("--positive-label", metavar="LABEL", help="of two labels, the one that becomes class 1")
    add(
        "--sep",
        dest="separator",
        metavar="CHAR",
        help="the character between cells, or tab",
    )
    add(
        "--na-value",
        dest="na_values",
        metavar="TEXT",
        action="append",
        help="a text that stands for a missing value, beside the usual ones such as NA; in one "
        "column alone as COLUMN=TEXT; may be repeated",
    )
    add(
        "--drop",
        dest="drop_columns",
        metavar="COLUMN",
        action="append",
        help="a column to leave out; may be repeated",
    )
    add(
        "--keep",
        dest="keep_columns",
        metavar="COLUMN",
        action="append",
        help="a column to use although it looks like an id or free text; may be repeated",
    )
    add("--encoding", metavar="NAME", help="of the tables, such as windows-1252; else found")
    add(
        "--no-header",
        dest="header",
        action="store_false",
        help="the first line is a row; the columns are called c1, c2, ...",
    )
    add(
        "--decimal",
        metavar="SIGN",
        help="the decimal sign, where numbers such as 20,000 can be read in two ways",
    )
    add(
        "--unlabelled",
        metavar="HOW",
        help="what is done with rows without a label: drop (default) or refuse",
    )
    add(
        "--rare-classes",
        metavar="HOW",
        help="what is done with classes of fewer than three rows: drop, merge=LABEL or "
        "refuse (default)",
    )
    add(
        "--split",
        dest="split_method",
        metavar="METHOD",
        help="which rows are the test set: random; stratified, with the class shares of the table "
        "(default); group, whole groups; time, the latest rows",
    )
    add(
        "--split-column",
        metavar="COLUMN",
        help="the column of the groups or times; no model sees it",
    )


def predict(
    model: str,
    table: str,
    out: str | None,
    separator: str | None,
    na_values: list[str] | None,
    *,
    encoding: str | None,
    keep: list[str] | None,
    threshold: float | None,
    force: bool,
) -> None:
    """Write the label and the probabilities of each row of a raw table.

    Parameters
    ----------
    model, table, out
        Paths; `table` may be - for standard input, `out` None for standard output.
    separator
        The character between cells; None: the one that fits best.
    na_values
        Texts that stand for a missing value, beside the model's.
    encoding
        Of the table; None: it is found.
    keep
        Columns that are written as well.
    threshold
        The probability above which the positive label is predicted; None: the model's own.
    force
        Whether to overwrite `out`.

    Raises
    ------
    InputError
        If one of the files cannot be used.
    """
    from winenet.serve import predict as predicting

    predicting.predict_file(
        *(model, table, out, separator, na_values or ()),
        encoding=encoding,
        keep=keep or (),
        threshold=threshold,
        force=force,
    )


def describe(model: str) -> None:
    """Print what the file of a model contains.

    Parameters
    ----------
    model
        Path of the file.

    Raises
    ------
    InputError
        If it is not a model.
    """
    from winenet.models import model_file
    from winenet.serve import describe as describing

    print(describing.describe_model(model, model_file.read(model, by_stage=False)))


def export(model: str, *, onnx: bool, out: str | None, force: bool) -> None:
    """Write a model as ONNX; print how the result was checked.

    Parameters
    ----------
    model, out
        Paths; without `out`, the model's with another suffix.
    onnx
        True: there is no other format.
    force
        Whether to overwrite `out`.

    Raises
    ------
    InputError
        If a file cannot be used, or the ONNX model predicts differently.
    """
    from winenet.serve import onnx_export as exporting

    assert onnx  # argparse requires it
    exporting.export_onnx(model, out, force=force)


def _separator(text: str) -> str:
    """Return a separator of one character; a backslash and t stand for a tab."""
    sign = "\t" if text == "\\t" else text
    if len(sign) != 1 or not sign.isascii() or sign.isalnum() or sign in '"\r\n\0+-.':
        raise argparse.ArgumentTypeError(
            f"{text!r} separates nothing: it must be one sign such as , or ; or | or \\t"
        )
    return sign


def _column_names(text: str) -> list[str]:
    """Return the names in a line of CSV: one with a comma stands in quotation marks."""
    try:
        names = next(csv.reader([text], strict=True, skipinitialspace=True), [])
    except csv.Error as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no line of CSV ({error})") from None
    if not all(names) or not names:
        raise argparse.ArgumentTypeError(f"{text!r} has a name without text")
    return names


def _threshold(text: str) -> float:
    """Return a threshold: a number between 0 and 1."""
    try:
        threshold = float(text)
    except ValueError:
        threshold = math.nan
    if not 0 < threshold < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number between 0 and 1")
    return threshold


def _predict_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("model", metavar="MODEL", help="a model's .safetensors file")
    command.add_argument(
        "table",
        metavar="TABLE",
        help="raw rows, not normalised: CSV, packed by gzip or not, Parquet or Excel; - is "
        "standard input",
    )
    command.add_argument(
        "-o", "--out", metavar="OUT", help="the file to write; after an error it is not created"
    )
    command.add_argument(
        "--sep",
        dest="separator",
        type=_separator,
        metavar="SIGN",
        help="between the cells of a CSV (default: the one that fits the model's columns)",
    )
    command.add_argument(
        "--na-value",
        dest="na_values",
        action="append",
        metavar="TEXT",
        help="a text that stands for a missing value, beside those of the model, NA and NaN; may "
        "be repeated",
    )
    command.add_argument("--encoding", metavar="NAME", help="of TABLE; else found")
    command.add_argument(
        "--keep",
        type=_column_names,
        metavar="COLUMN,COLUMN",
        help="columns of TABLE that are written as well, as in a line of CSV; all for all of them",
    )
    command.add_argument(
        "--threshold",
        type=_threshold,
        metavar="T",
        help="of two labels, predict the positive one above this probability (default: the "
        "model's own, which is 0.5 unless `threshold` in params.yaml says otherwise)",
    )
    command.add_argument("--force", action="store_true", help="overwrite an existing OUT")
    command.epilog = """\
Columns are matched by name, in any order; other columns are ignored. Numbers, dates and what stands
for a missing value are read as in training, and missing values are filled as there. The output is
CSV, or Parquet where OUT ends in .parquet: `row`, counted from 0; the label, in a column with the
name of the target; a column `p(LABEL)` for each label, its probability, in CSV to six decimals; and
the columns of --keep. With two labels, the last probability is that of the positive one. A summary
of what did not fit the model (missing cells, unknown categories, values outside the training range)
goes to standard error at the end. After an error OUT is not created; standard output ends with the
rows before the error.

examples:
  python -m winenet predict models/mlp/notebook.safetensors new.csv -o predicted.csv
  python -m winenet predict models/mlp/notebook.safetensors new.parquet | head
  zcat new.csv.gz | python -m winenet predict models/logistic.safetensors - --na-value '?'
"""


def _describe_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("model", metavar="MODEL", help="a model's .safetensors file")
    command.epilog = """\
Prints the layers, the labels, the columns with their training range, what replaces missing values,
and how the model was trained.

examples:
  python -m winenet describe models/mlp/notebook.safetensors
"""


def _export_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("model", metavar="MODEL", help="a model's .safetensors file")
    command.add_argument(
        "--onnx",
        action="store_true",
        required=True,
        help="ONNX; needs `pip install '.[onnx]'`",
    )
    command.add_argument(
        "-o",
        "--out",
        metavar="OUT",
        help="the file to write (default: MODEL with .onnx)",
    )
    command.add_argument("--force", action="store_true", help="overwrite an existing OUT")
    command.epilog = """\
The inputs are raw rows: `numbers` (rows, numbers), float64, NaN for a missing value, and
`categories` (rows, categories), text, empty for a missing value. The metadata list the columns in
order. The outputs are `label` and `probabilities`. If onnxruntime is installed, the file is written
only if the probabilities of random rows differ by at most 1e-6 from the model's.

examples:
  python -m winenet export models/mlp/notebook.safetensors --onnx
  python -m winenet export models/mlp/notebook.safetensors --onnx -o wine.onnx --force
"""


class _Parser(argparse.ArgumentParser):
    """A parser of which an option may have the value --, as in `--na-value=--`."""

    def _get_values(self, action: argparse.Action, arg_strings: list[str]) -> Any:
        # argparse takes this -- for the end of the options, and then lacks the value.
        if action.option_strings and action.nargs is None and arg_strings == ["--"]:
            value = self._get_value(action, "--")
            self._check_value(action, value)
            return value
        return super()._get_values(action, arg_strings)


# The end of the help page of the other commands.
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
    init: """examples:
  python -m winenet init ../iris --table iris.csv --target species
  python -m winenet init ../loans --table loans.csv --target paid --positive-label no --drop name
  python -m winenet init ../wine --table data/raw/winequality-red.csv \\
      --table data/raw/winequality-white.csv --label Class=1,0
  python -m winenet init ../taxis --table taxis.csv --target payment --split time \\
      --split-column pickup
  python -m winenet init ../gaps --table gaps.csv.gz --target ill --na-value=-999
  python -m winenet init ../air --table air.csv --target good --decimal , --keep station_id

The folder is self-contained: `make` in it runs the pipeline. What was guessed from the table is in
its params.yaml, with the reasons. Files are never overwritten; an error leaves nothing.""",
}

# The function that adds the arguments and the examples of a command.
ARGUMENTS: dict[Callable[..., Any], Callable[[argparse.ArgumentParser], None]] = {
    init: _init_arguments,
    predict: _predict_arguments,
    describe: _describe_arguments,
    export: _export_arguments,
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
