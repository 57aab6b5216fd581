"""The arguments of `init`; this imports nothing else of ours, as every command imports it."""

import argparse
from pathlib import Path


def add_init(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `init`; their names are those of `InitOptions`."""
    add = command.add_argument
    add("folder", type=Path, metavar="DIR", help="the new folder; it must not exist")
    add(
        "--table",
        dest="tables",
        metavar="FILE",
        type=Path,
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
        default=[],
        help="a text that stands for a missing value, beside the usual ones such as NA; in one "
        "column alone as COLUMN=TEXT; may be repeated",
    )
    add(
        "--drop",
        dest="drop_columns",
        metavar="COLUMN",
        action="append",
        default=[],
        help="a column to leave out; may be repeated",
    )
    add(
        "--keep",
        dest="keep_columns",
        metavar="COLUMN",
        action="append",
        default=[],
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
    command.epilog = """\
examples:
  python -m winenet init ../iris --table iris.csv --target species
  python -m winenet init ../loans --table loans.csv --target paid --positive-label no --drop name
  python -m winenet init ../wine --table data/raw/winequality-red.csv \\
      --table data/raw/winequality-white.csv --label Class=1,0
  python -m winenet init ../taxis --table taxis.csv --target payment --split time \\
      --split-column pickup
  python -m winenet init ../gaps --table gaps.csv.gz --target ill --na-value=-999
  python -m winenet init ../air --table air.csv --target good --decimal , --keep station_id

The folder is self-contained: `make` in it runs the pipeline. What was guessed from the table is in
its params.yaml, with the reasons. Files are never overwritten; an error leaves nothing."""
