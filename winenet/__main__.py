"""Commands on the whole, around the pipeline's run.

`check` reports invalid input before it, `results` prints the scores after it, `gate` judges them,
`summary` reports what changed. `init` makes such a pipeline for another table. `describe` prints
what a model is, `predict` uses it, `export` writes it in another form.
"""

import argparse
import contextlib
import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from winenet.errors import InputError
from winenet.text import count

# What the commands need and the library does not; so the imports stand in the commands.
NEEDED = ("jinja2", "pandas", "pydantic", "safetensors", "yaml")


def check() -> None:
    """Check params.yaml, the raw files and what both together allow; print what was found.

    DVC deletes a stage's results before the stage runs, so a fault is better found here.
    Raises InputError if a stage could not work.
    """
    from winenet.errors import check_locked_versions

    check_locked_versions()
    from winenet import params
    from winenet.data import preprocessing, raw_table, schema, splits

    settings = params.load()
    table, labels = raw_table.read_raw(raw_table.RAW_FOLDER, settings.ingest)
    parts = splits.split_table(table, settings.ingest.target, settings.split, labels)
    preprocessing.fit(parts.X_train, settings.ingest.kinds, settings.split.scaler)
    groups = (
        splits.duplicate_groups(parts.X_train) if settings.split.duplicates == "group" else None
    )
    splits.check_folds(parts.y_train, settings.grid_search.cv, groups, labels)
    splits.train_validation_split(parts.X_train, parts.y_train, settings.curves, groups, labels)
    schema.check_drop_features(settings.importance.drop_features, list(settings.ingest.columns))
    splits.check_train_sizes(parts.y_train, settings.learning_curve)
    number = len(settings.ingest.files)
    print(
        f"check: params.yaml and {count(number, 'raw file')} are fit for use "
        f"({len(table)} rows, {len(parts.y_train)} for training)"
    )


def results() -> None:
    """Print the models' scores with their intervals as a table, read from metrics/.

    Raises InputError if they are missing.
    """
    from winenet import files
    from winenet.report import comparison_section

    metrics = {
        name: files.read_metrics(f"metrics/{name}.json")
        for name in ("mlp", "grid_search", "compare")
    }
    print(comparison_section.compared_table(metrics))


def gate(base: str | None = None) -> None:
    """Print what the gate says of the metrics; exit with 1 when one fails.

    base: the revision against whose metrics losses are reported; without it the floors alone count.
    Raises InputError if the base cannot be read.
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
    """Print in Markdown what moved against a revision, for a pull request; exit as `gate` does.

    base: the revision; without it the last commit.
    Raises InputError if the base is not a revision, or DVC cannot tell what moved.
    """
    from winenet import params
    from winenet.report import summary as written

    result = written.diff_against("HEAD" if base is None else base, params.load().gates)
    print(written.render(result))
    if any(row.fails for row in result.gate):
        sys.exit(1)


def init(**given: object) -> None:
    """Make a pipeline for another table in a new folder; print what was guessed and done.

    given: the command line, as `_init_arguments` has it. Raises InputError if it cannot be.
    """
    from winenet.init import create as starter

    folder, options = starter.parse_options(given)
    for line in starter.create_project(folder, options):
        print(f"init: {line}")
    print(f"init: {folder} is ready; read ingest in its params.yaml, then run make")


def _init_arguments(command: argparse.ArgumentParser) -> None:
    """Give a parser what init takes."""
    command.add_argument("folder", metavar="DIR", help="the new folder; it must not be there yet")
    add = command.add_argument
    add(
        "--table",
        metavar="FILE",
        action="append",
        required=True,
        help="a CSV file with a header, UTF-8, or packed as .csv.gz; several are joined",
    )
    add("--target", metavar="COLUMN", help="the column that is to be predicted")
    add(
        "--label",
        metavar="COLUMN=VALUE,VALUE",
        help="in place of --target: a new column to predict, with one value for each table",
    )
    add("--positive-label", metavar="LABEL", help="of two labels, the one that becomes class 1")
    add(
        "--sep",
        dest="separator",
        metavar="CHAR",
        help="the tables' separator: one character, or tab",
    )
    add(
        "--na-value",
        dest="na_values",
        metavar="TEXT",
        action="append",
        help="a text that stands for a missing value, '' for an empty cell; repeat it for each: "
        "with it nothing is guessed",
    )
    add(
        "--drop",
        dest="drop_columns",
        metavar="COLUMN",
        action="append",
        help="a column that is not to be used; repeat it for each",
    )


def predict(
    model: str,
    table: str,
    out: str | None,
    separator: str | None,
    na_values: list[str] | None,
    *,
    force: bool,
) -> None:
    """Write label and probabilities of each row of a raw table; tell what did not fit the model.

    Raises InputError if the model, the table or out cannot be used.
    """
    from winenet.data import stream
    from winenet.serve import predict as predicting

    if na_values is None:
        na_values = list(stream.DEFAULT_NA_VALUES)
    predicting.predict_file(model, table, out, separator, na_values, force=force)


def describe(model: str) -> None:
    """Print what a model's file holds. Raises InputError if it is not one."""
    from winenet.models import model_file
    from winenet.serve import describe as describing

    print(describing.describe_model(model, model_file.read(model, by_stage=False)))


def export(model: str, *, onnx: bool, out: str | None, force: bool) -> None:
    """Write a model in another form, which is ONNX; print how it was checked.

    Raises InputError if the model or out cannot be used, or the result predicts otherwise.
    """
    from winenet.serve import onnx_export as exporting

    assert onnx  # argparse requires it
    exporting.export_onnx(model, out, force=force)


def _separator(text: str) -> str:
    """Return a separator of one character; a tab may be written as a backslash and t."""
    sign = "\t" if text == "\\t" else text
    if len(sign) != 1 or not sign.isascii() or sign.isalnum() or sign in '"\r\n\0+-.':
        raise argparse.ArgumentTypeError(
            f"{text!r} separates nothing: it must be one sign such as , or ; or | or \\t"
        )
    return sign


def _predict_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("model", metavar="MODEL", help="a model's .safetensors file")
    command.add_argument(
        "table",
        metavar="TABLE",
        help="raw rows, not normalised: CSV, packed by gzip or not, or Parquet (needs pyarrow); "
        "- is standard input",
    )
    command.add_argument(
        "-o", "--out", metavar="OUT", help="the file to write, whole or not at all"
    )
    command.add_argument(
        "--sep",
        dest="separator",
        type=_separator,
        metavar="SIGN",
        help="between the cells of a CSV; without it the one that fits the model's columns best",
    )
    command.add_argument(
        "--na-value",
        dest="na_values",
        action="append",
        metavar="TEXT",
        help="a text that stands for a gap, as an empty cell always does; may be given several "
        "times (without it NA and NaN)",
    )
    command.add_argument("--force", action="store_true", help="overwrite an existing OUT")
    command.epilog = """\
The table's columns are matched by name, whatever their order; further ones are left out. Each line
of CSV below the header is a row. Gaps are filled as in the training. The output is CSV: `row`,
counted from 0, the label in a column of the target's name, and a column `p(LABEL)` for each label,
its probability to six decimals; with two labels the last one is the positive one's. What did not
fit the model (gaps, unknown levels, values outside the training range) is told on standard error at
the end. After an error there is no OUT; standard output then ends with the rows before the fault.

examples:
  python -m winenet predict models/mlp.safetensors new.csv -o predicted.csv
  python -m winenet predict models/mlp.safetensors new.parquet | head
  zcat new.csv.gz | python -m winenet predict models/mlp.safetensors - --na-value '?' > out.csv
"""


def _describe_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("model", metavar="MODEL", help="a model's .safetensors file")
    command.epilog = """\
Tells layers, labels, columns with their training range, what fills gaps, and facts of the training.

examples:
  python -m winenet describe models/mlp.safetensors
"""


def _export_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("model", metavar="MODEL", help="a model's .safetensors file")
    command.add_argument(
        "--onnx", action="store_true", required=True, help="as ONNX; needs `pip install '.[onnx]'`"
    )
    command.add_argument(
        "-o", "--out", metavar="OUT", help="the file to write; without it MODEL's name, .onnx"
    )
    command.add_argument("--force", action="store_true", help="overwrite an existing OUT")
    command.epilog = """\
The graph takes raw rows: `numbers` (rows, numbers) of float64, NaN for a gap, and `categories`
(rows, categories) of text, an empty one for a gap; its metadata name the columns in their order. It
gives `label` and `probabilities`. Where onnxruntime is installed, its probabilities of random rows
in the training range must be the model's to 1e-6, or nothing is written.

examples:
  python -m winenet export models/mlp.safetensors --onnx
  python -m winenet export models/mlp.safetensors --onnx -o wine.onnx --force
"""


# What the help pages of the other commands end with.
EXAMPLES: dict[Callable[..., Any], str] = {
    check: """examples:
  python -m winenet check

It ends with 0 when all is fit, else with 1 and every fault at once.""",
    results: """examples:
  python -m winenet results
  python -m winenet results > results.md

It reads what `dvc repro` wrote; the table is Markdown.""",
    gate: """examples:
  python -m winenet gate                  the floors alone
  python -m winenet gate --base main      and the losses against the branch main

It ends with 1 when one fails. The floors stand in params.yaml under gates.""",
    summary: """examples:
  python -m winenet summary                               against the last commit
  python -m winenet summary --base main > summary.md      against the branch main

It ends as gate does.""",
    init: """examples:
  python -m winenet init ../iris --table iris.csv --target species
  python -m winenet init ../loans --table loans.csv --target paid --positive-label no --drop name
  python -m winenet init ../wine --table data/raw/winequality-red.csv \\
      --table data/raw/winequality-white.csv --label Class=1,0
  python -m winenet init ../gaps --table gaps.csv.gz --target ill --na-value "" --na-value -999

The folder is complete by itself: `make` in it runs the pipeline. What was guessed from the table
stands in its params.yaml, with the reasons. Nothing is overwritten; a fault leaves nothing.""",
}

# What adds the arguments of a command, and its examples.
ARGUMENTS: dict[Callable[..., Any], Callable[[argparse.ArgumentParser], None]] = {
    init: _init_arguments,
    predict: _predict_arguments,
    describe: _describe_arguments,
    export: _export_arguments,
}

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
        (init, "make a pipeline like this one for another table, in a new folder"),
        (predict, "label and probabilities of each row of a raw table, by a model's file"),
        (describe, "print what a model's file holds"),
        (export, "write a model as ONNX, which takes raw rows"),
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
    except BrokenPipeError:  # such as `| head`: who reads has enough
        with contextlib.suppress(BrokenPipeError):
            sys.stdout.close()  # or Python would try once more at its end, and tell
        sys.exit(1)


if __name__ == "__main__":
    main()
