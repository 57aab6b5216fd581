"""The arguments of `predict`, `describe` and `export`; this imports nothing else of ours."""

import argparse
import csv
import math


def add_predict(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `predict`; their names are those of `predict_file`."""
    add = command.add_argument
    add("model", metavar="MODEL", help="a model's .safetensors file")
    add(
        "table",
        metavar="TABLE",
        help="raw rows, not normalised: CSV, packed by gzip or not, Parquet or Excel; - is "
        "standard input",
    )
    add("-o", "--out", metavar="OUT", help="the file to write; after an error it is not created")
    add(
        "--sep",
        dest="separator",
        type=_separator,
        metavar="SIGN",
        help="between the cells of a CSV (default: the one that fits the model's columns)",
    )
    add(
        "--na-value",
        dest="na_values",
        action="append",
        default=[],
        metavar="TEXT",
        help="a text that stands for a missing value, beside those of the model, NA and NaN; may "
        "be repeated",
    )
    add("--encoding", metavar="NAME", help="of TABLE; else found")
    add(
        "--keep",
        type=_column_names,
        default=[],
        metavar="COLUMN,COLUMN",
        help="columns of TABLE that are written as well, as in a line of CSV; all for all of them",
    )
    add(
        "--threshold",
        type=_threshold,
        metavar="T",
        help="of two labels, predict the positive one above this probability (default: the "
        "model's own, which is 0.5 unless `threshold` in params.yaml says otherwise)",
    )
    add("--force", action="store_true", help="overwrite an existing OUT")
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


def add_describe(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `describe`."""
    command.add_argument("model", metavar="MODEL", help="a model's .safetensors file")
    command.epilog = """\
Prints the layers, the labels, the columns with their training range, what replaces missing values,
and how the model was trained.

examples:
  python -m winenet describe models/mlp/notebook.safetensors
"""


def add_export(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `export`."""
    add = command.add_argument
    add("model", metavar="MODEL", help="a model's .safetensors file")
    add(
        "--onnx",
        action="store_true",
        required=True,
        help="ONNX; needs `pip install '.[onnx]'`",
    )
    add(
        "-o",
        "--out",
        metavar="OUT",
        help="the file to write (default: MODEL with .onnx)",
    )
    add("--force", action="store_true", help="overwrite an existing OUT")
    command.epilog = """\
The inputs are raw rows: `numbers` (rows, numbers), float64, NaN for a missing value, and
`categories` (rows, categories), text, empty for a missing value. The metadata list the columns in
order. The outputs are `label` and `probabilities`. If onnxruntime is installed, the file is written
only if the probabilities of random rows differ by at most 1e-6 from the model's.

examples:
  python -m winenet export models/mlp/notebook.safetensors --onnx
  python -m winenet export models/mlp/notebook.safetensors --onnx -o wine.onnx --force
"""


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
