"""What real tables and public bug reports have shown: each fault as its smallest table.

T and B number the faults as the issue does: T from tables, B from bug reports. How one column is
read is in test_infer_column.py; here are whole tables, the messages, and the cures that they print.
"""

import bz2
import gzip
import io
import lzma
import re
import shlex
import sys
import zipfile
from pathlib import Path

import pandas as pd
import pytest
import yaml

from winenet import __main__ as commands
from winenet import params
from winenet.data import raw_table, splits
from winenet.errors import InputError
from winenet.init import create, render
from winenet.init.infer import InferredConfig, infer_config
from winenet.init.read_tables import InitOptions

ROWS = 40


def table(header: str, row: str, rows: int = ROWS) -> str:
    """Return a table; in a row, n is its number, and {} holds Python."""
    lines = [eval(f'f"""{row}"""', {"n": n}) for n in range(rows)]
    return "".join(f"{line}\n" for line in [header, *lines])


def found(tmp_path: Path, content: str | bytes, name: str = "t.csv", **options) -> InferredConfig:
    (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return infer_config(InitOptions([tmp_path / name], **({"target": "y"} | options)))


def refusal(tmp_path: Path, content: str | bytes, **options) -> str:
    with pytest.raises(InputError) as caught:
        render.params_text(found(tmp_path, content, **options))
    return str(caught.value).replace(f"{tmp_path}/", "")


def ingested(tmp_path: Path, config: InferredConfig) -> raw_table.RawTable:
    """Return the table that the written params.yaml makes of the raw files."""
    (tmp_path / "params.yaml").write_text(render.params_text(config), "utf-8")
    return raw_table.read_raw(str(tmp_path), params.load(str(tmp_path / "params.yaml")).ingest)


# ------------------------------------------------------------------ ids


def test_an_id_is_left_out_by_its_name_though_it_repeats_and_has_no_order(tmp_path):  # T1
    content = table("Id,thick,y", "{1000025 + max(n, 2) * 7919 % 1013},{n % 6},{'ab'[n % 2]}")
    config = found(tmp_path, content)
    assert list(config.columns) == ["thick"]
    assert config.drop_columns["Id"].startswith("an id by its name")
    assert list(found(tmp_path, content, keep_columns=["Id"]).columns) == ["Id", "thick"]


@pytest.mark.parametrize(
    ("header", "cell"),
    [
        ("Unnamed: 0", "{n if n % 9 else ''}"),
        ("customer_id", "{max(n, 1) * 37}"),
        ("customer_id", "{n * 37 if n else ''}"),
        ("account_number", "{n * 7919 % 100003}"),
        ("phone", "{5550000 + n * 7919 % 100003}"),
        ("x", "{10**18 + n * 7919 % 100003}"),
    ],
)
def test_ids_with_holes_and_repeats_are_left_out(tmp_path, header, cell):  # B6
    config = found(tmp_path, table(f"{header},a,y", f"{cell},{{n % 6}},{{'ab'[n % 2]}}"))
    assert list(config.columns) == ["a"]
    assert list(config.drop_columns) == [header]


# ------------------------------------------------------------------ leaks, gaps, levels


def test_a_column_that_is_the_label_is_warned_of(tmp_path):  # T2
    path = tmp_path / "t.csv"
    path.write_text(table("size,alive,y", "{n * 7 % 10},{('no', 'yes')[n % 2]},{n % 2}"), "utf-8")
    said = create.create_project(tmp_path / "new", InitOptions([path], target="y"))
    assert [line for line in said if "warning" in line] == [
        "check: warning: 'alive' alone decides 100.0% of the rows, by its 2 levels. If it is known "
        "only after the label, leave it out"
    ]


def test_a_gap_in_a_category_is_a_level(tmp_path):  # T3
    config = found(
        tmp_path, table("size,pool,y", "{n * 7 % 10},{('', 'yes')[n % 2]},{'ab'[n % 2]}")
    )
    assert config.columns["pool"].seen == "yes or missing (20 of 40 rows)"
    assert ingested(tmp_path, config).table["pool"].isna().sum() == 20
    assert config.drop_columns == {}


def test_none_is_a_level_beside_words_and_a_gap_beside_numbers(tmp_path):  # T4
    content = table(
        "size,children,y", "{('None', 1.5)[n % 2]},{('None', 'One', 'Two')[n % 3]},{'ab'[n % 2]}"
    )
    config = found(tmp_path, content)
    columns = ingested(tmp_path, config).table
    assert list(columns["children"][:3]) == ["None", "One", "Two"]
    assert columns["size"].isna().sum() == 20


def test_few_cells_of_two_texts_are_no_names(tmp_path):  # T12
    config = found(
        tmp_path,
        table("size,again,y", "{n * 7 % 10},{('yes', 'no')[n % 2] if n < 2 else ''},{'ab'[n % 2]}"),
    )
    assert config.columns["again"].seen == "2 texts: yes, no; 38 missing"


def test_a_number_for_a_gap_counts_however_it_is_written(tmp_path):  # B18
    content = table(
        "a,y", "{('-999.00', '-999')[n % 2] if n % 4 == 0 or n == 1 else n / 8},{'ab'[n % 2]}"
    )
    config = found(tmp_path, content, na_values=["-999"])
    assert config.columns["a"].seen == "0.25 to 4.875; 11 missing"
    assert ingested(tmp_path, config).table["a"].isna().sum() == 11


def test_gap_words_beyond_a_tenth_leave_a_number(tmp_path):  # B1
    config = found(
        tmp_path, table("age,y", "{'NULL' if n % 6 == 0 else 18 + n % 60},{'ab'[n % 2]}", 200)
    )
    assert config.columns["age"].seen == "19 to 77; 34 missing"
    assert ingested(tmp_path, config).table["age"].isna().sum() == 34


# ------------------------------------------------------------------ headers and names


NO_HEADER = "the first line looks like data and not like a header: "


@pytest.mark.parametrize(
    ("content", "target", "why"),
    [
        ("1,2,1\n3,4,0\n5,6,1\n" * 9, "y", "'1', '2', '1' are numbers"),
        ("M,0.45,15\nM,0.35,7\nF,0.53,9\nM,0.44,10\n" * 3, "M", "'0.45', '15' are numbers; 'M' "
         "occurs again below"),
        ("39, Private, 13, <=50K\n20, Private, 0, >50K\n" * 9, "income", "'39', '13' are numbers"),
    ],
)  # fmt: skip
def test_a_table_without_a_header_is_told_before_all_else(tmp_path, content, target, why):  # T5
    told = refusal(tmp_path, content, target=target)
    assert told.startswith(f"t.csv: {NO_HEADER}{why}")
    place = re.findall(r"--target (c\d)", told)[-1]
    config = found(tmp_path, content, target=place, header=False)
    assert not config.header
    assert config == found(tmp_path, content, target=place)  # c3 is a name of such tables alone
    assert len(ingested(tmp_path, config).table) == content.count("\n")


def test_a_long_name_is_a_name(tmp_path):  # T6
    name = (
        "In your opinion, which of these sentences is more correct, and how sure are you of it?" * 3
    )
    config = found(
        tmp_path, table(f'"{name}",a,y', "{('yes', 'no')[n % 3 % 2]},{n * 7 % 10},{'ab'[n % 2]}")
    )
    assert list(config.columns) == [name, "a"]
    assert list(ingested(tmp_path, config).table) == [name, "a", "y"]


def test_row_numbers_without_a_name_are_left_out(tmp_path):  # T9
    config = found(tmp_path, table(",a,y", "{n},{n * 7 % 10},{'ab'[n % 2]}"))
    assert list(config.columns) == ["a"]
    assert list(config.drop_columns) == ["unnamed 1"]


def test_a_separator_at_the_end_of_each_line_makes_an_empty_column(tmp_path):  # T9
    config = found(tmp_path, table("a;b;y;", "{n * 7 % 10};{n % 3};{'ab'[n % 2]};"))
    assert list(config.columns) == ["a", "b"]
    assert config.drop_columns == {"unnamed 4": "no value in any row"}


def test_blanks_around_names_and_labels_are_no_part_of_them(tmp_path):  # B8
    labels = "{('yes', 'yes ', 'no', ' no', 'yes~', 'n^o')[n % 6]}"
    content = table("age, y", f"{{n * 7 % 10}}, {labels}")
    config = found(tmp_path, content.replace("~", "\u00a0").replace("^", "\u200b"))
    assert config.labels == {"yes": 20, "no": 20}
    assert len(ingested(tmp_path, config).labels) == 2


def test_labels_that_differ_in_case_are_pointed_out(tmp_path):
    config = found(tmp_path, table("a,y", "{n * 7 % 10},{('Yes', 'yes', 'no')[n % 3]}"))
    assert config.notes == ["'y': 'Yes', 'yes' differ in case or blanks only, and are 2 levels"]


def test_labels_of_one_number_are_one_class(tmp_path):  # B8
    (tmp_path / "u.csv").write_text(table("a,y", "{n * 7 % 10},{n % 2}.0"), "utf-8")
    (tmp_path / "t.csv").write_text(table("a,y", "{n * 7 % 10},{n % 2}"), "utf-8")
    config = infer_config(InitOptions([tmp_path / "t.csv", tmp_path / "u.csv"], target="y"))
    assert config.labels == {"0": 40, "1": 40}
    assert ingested(tmp_path, config).labels == ["0", "1"]


def test_a_first_line_that_names_the_separator_is_skipped_and_said(tmp_path):  # B15
    config = found(tmp_path, "sep=;\n" + table("a;b;y", "{n * 7 % 10};1,5;{'ab'[n % 2]}"))
    assert (config.separator, list(config.columns)) == (";", ["a"])
    assert config.notes == ["t.csv: line 1 says that ';' is the separator"]


# ------------------------------------------------------------------ numbers and dates


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (["$1,000.50", "$20.25", "($3.00)"], [1000.5, 20.25, -3]),
        (["1.234,56", "7,25", "-"], [1234.56, 7.25, None]),  # B5
        (["70%", "75.5%", "80%"], [70, 75.5, 80]),  # T11
        (["73 kg", "68.5 kg", "NULL"], [73, 68.5, None]),
        (["\u221273.5", "68.25", "1"], [-73.5, 68.25, 1]),
        (["1\u202f234.5", "2\u202f000.25", "3.5"], [1234.5, 2000.25, 3.5]),
        (["<0.05", "0.1", "0.25"], [0.05, 0.1, 0.25]),
    ],
)
def test_numbers_as_people_write_them(tmp_path, texts, numbers):  # B2
    rows = "".join(f'"{texts[n % 3]}"\t{"ab"[n % 2]}\n' for n in range(30))
    config = found(tmp_path, f"price\ty\n{rows}")
    read = ingested(tmp_path, config).table["price"]
    assert [None if pd.isna(number) else number for number in read[:3]] == numbers
    how = config.columns["price"].how
    assert how.number.is_plain or any(
        "numbers with" in note for note in config.columns["price"].notes
    )


@pytest.mark.parametrize(("decimal", "number"), [(",", 20), (".", 20_000)])
def test_the_reading_that_is_asked_for_is_taken(tmp_path, decimal, number):  # B4
    config = found(tmp_path, table("a;y", "{20 + n % 2},000;{'ab'[n % 2]}"), decimal=decimal)
    assert ingested(tmp_path, config).table["a"][0] == number


def test_dates_become_their_parts(tmp_path):  # T10
    config = found(
        tmp_path, table("day,a,y", "2024-{1 + n % 12:02}-{1 + n % 28:02},{n % 7},{'ab'[n % 2]}")
    )
    columns = ingested(tmp_path, config).table
    assert list(columns["day month"][:2]) == [1, 2]
    assert "day" not in columns


# ------------------------------------------------------------------ files


def test_windows_1252_is_read_said_and_written(tmp_path):  # T13
    rows = b"".join(
        b"%s,%d,%c\n" % ((b"Men\x92s", b"\x80 store", b"Caf\xe9")[n % 3], n % 7, b"ab"[n % 2])
        for n in range(40)
    )
    config = found(tmp_path, b"shop,a,y\n" + rows)
    assert (config.style.encoding, config.columns["shop"].seen) == (
        "windows-1252", "3 texts: 'Men\u2019s', '\u20ac store', Caf\u00e9",
    )  # fmt: skip
    assert set(ingested(tmp_path, config).table["shop"]) == {
        "Men\u2019s",
        "\u20ac store",
        "Caf\u00e9",
    }


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le"])
def test_other_encodings_are_read(tmp_path, encoding):
    config = found(tmp_path, table("Caf\u00e9,y", "{n * 7 % 10},{'ab'[n % 2]}").encode(encoding))
    assert list(ingested(tmp_path, config).table) == ["Caf\u00e9", "y"]


@pytest.mark.parametrize(
    ("encoding", "told"),
    [
        ("ascii", "t.csv: line 2 is not ASCII; give its encoding, or save the file as UTF-8."),
        ("utf-16", "t.csv: is not UTF-16; give its encoding, or save the file as UTF-8."),
        ("hex", "--encoding 'hex' is not an encoding that Python knows. Give for example utf-8, "
         "windows-1252 or utf-16, or leave it out: it is found."),
    ],
)  # fmt: skip
def test_another_encoding_than_the_file_s_is_told(tmp_path, encoding, told):
    content = table("a,b,y", "{n * 7 % 10},\u00e9{n % 2},{'ab'[n % 2]}")
    assert refusal(tmp_path, content, encoding=encoding) == told


def test_parquet_has_names_whatever_is_asked(tmp_path):
    frame = pd.DataFrame({"a": [0.5, 1, 2] * 14, "y": ["u", "v"] * 21})
    frame.to_parquet(tmp_path / "t.parquet")
    config = infer_config(InitOptions([tmp_path / "t.parquet"], target="y", header=False))
    assert (list(config.columns), config.header, config.notes) == (["a"], True, [])


def test_line_ends_within_cells_are_read(tmp_path):  # T19, B7
    content = table("a,note,y", '{n * 7 % 10},"first\n{n % 2}",{"ab"[n % 2]}')
    config = found(tmp_path, content)
    assert config.columns["note"].seen.startswith("2 texts: ")
    assert len(ingested(tmp_path, config).table) == ROWS
    assert list(found(tmp_path, content, drop_columns=["note"]).columns) == ["a"]


@pytest.mark.parametrize("cells", [(0.5, 1.5, 2.5), ("x", "y", "z")])
def test_a_column_of_test_rows_alone_is_told_with_an_option(tmp_path, cells):  # T19
    table_of = "{n % 7},{n % 5},{'ab'[n % 2]}"
    config = found(tmp_path, table("a,rare x,y", table_of, 200))
    raw = ingested(tmp_path, config)
    settings = params.load(str(tmp_path / "params.yaml"))
    in_test = {*splits.split_table(raw.table, "y", settings.split).X_test.index}
    rows = [f"{n % 7},{cells[n % 3] if n in in_test else ''},{'ab'[n % 2]}\n" for n in range(200)]
    (tmp_path / "t.csv").write_text(f"a,rare x,y\n{''.join(rows)}", "utf-8")
    with pytest.raises(InputError) as caught:
        create.create_project(tmp_path / "new", InitOptions([tmp_path / "t.csv"], target="y"))
    assert str(caught.value) == (
        "The tables do not pass the new folder's check, so it was not made (data/raw below is its "
        "copy of your files):\n"
        "  Column 'rare x' has no value in any of the 160 training rows, so nothing could stand "
        "for its gaps. Leave it out by `--drop='rare x'`, or give rows that have it."
    )


def test_gzip_is_known_by_its_content(tmp_path):  # B14
    content = gzip.compress(table("a,y", "{n * 7 % 10},{'ab'[n % 2]}").encode())
    for name in ("t.csv.GZ", "t.csv"):
        assert len(ingested(tmp_path, found(tmp_path, content, name)).table) == ROWS


def test_other_packed_files_are_told_with_what_unpacks_them(tmp_path):  # B14
    content = table("a,y", "{n * 7 % 10},{'ab'[n % 2]}").encode()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("t.csv", content)
    for packed_content, command in (
        (bz2.compress(content), "bunzip2 --keep"),
        (lzma.compress(content), "unxz --keep"),
        (archive.getvalue(), "unzip"),
    ):
        assert f"`{command} " in refusal(tmp_path, packed_content)


def test_parquet_and_excel_are_tables_as_csv_is(tmp_path):
    content = table("a,b,y", "{n * 7 % 10 + .5},{('u', 'v', '')[n % 3]},{'ab'[n % 2]}")
    expected = ingested(tmp_path, found(tmp_path, content)).table
    frame = pd.read_csv(io.StringIO(content))
    frame.to_parquet(tmp_path / "t.parquet")
    config = infer_config(InitOptions([tmp_path / "t.parquet"], target="y"))
    pd.testing.assert_frame_equal(ingested(tmp_path, config).table, expected)
    frame.to_excel(tmp_path / "t.xlsx", index=False)
    config = infer_config(InitOptions([tmp_path / "t.xlsx"], target="y"))
    pd.testing.assert_frame_equal(ingested(tmp_path, config).table, expected)


def test_a_blank_last_line_is_no_row_and_a_short_one_is_named(tmp_path):  # T20, B16
    content = table("a,b,y", "{n * 7 % 10},{n % 3},{'ab'[n % 2]}")
    assert found(tmp_path, f"{content}\n\n").notes == ["t.csv: 2 blank lines at the end"]
    assert "line 42 has 2 cells, the header has 3" in refusal(tmp_path, f"{content}1,2\n")
    config = found(tmp_path, f"{content}Total,,\n", na_values=["Total"])
    assert config.notes == ["1 row without a label left out ('')"]


def test_four_thousand_columns_become_a_pipeline(tmp_path):  # B19
    names = [f"ENSG{place:011}" for place in range(4000)]
    rows = "".join(
        ",".join(str((n * 7 + place) % 10) for place in range(4000)) + f",{'ab'[n % 2]}\n"
        for n in range(12)
    )
    config = found(tmp_path, f"{','.join(names)},y\n{rows}")
    assert list(ingested(tmp_path, config).table) == [*names, "y"]


# ------------------------------------------------------------------ cures, pasted


def run(monkeypatch, capsys, *words: str) -> tuple[int, str]:
    """Return the exit code and the output of `python -m winenet init` without its check."""
    monkeypatch.setattr(create, "_check", lambda folder: [])
    monkeypatch.setattr(create, "_commit", lambda *_: "committed")
    monkeypatch.setattr(sys, "argv", ["winenet", "init", *words])
    try:
        commands.main()
    except SystemExit as ended:
        printed = capsys.readouterr()
        return int(ended.code or 0), printed.out + printed.err
    printed = capsys.readouterr()
    return 0, printed.out + printed.err


PASTED = {
    "a leading id": ("Id,a,y", "{n * 7},{n % 6},{'ab'[n % 2]}", "Id"),
    "free text": ("a b,a,y", "some words {n} and more,{n % 6},{'ab'[n % 2]}", "'a b'"),
    "a sentinel": ("a,y", "{-200 if n % 5 == 0 else n / 7},{'ab'[n % 2]}", "a=-200"),
    "a level like a gap": ("it's,y", "{('-', 'u', 'v')[n % 3]},{'ab'[n % 2]}", "=-"),
    "odd texts": ("p value,b,y", "{'--z' if n < 4 else n / 7},{n % 6},{'ab'[n % 2]}", "--z"),
    "two readings": ("a;b;y", "{20 + n % 2},000;{n % 6};{'ab'[n % 2]}", "--decimal=,"),
    "a name for a formula": ("=a,b,y", "{n % 7},{n % 6},{'ab'[n % 2]}", "=a"),
    "a name like an option": ("-log10(p),b,y", "{n % 7},{n % 6},{'ab'[n % 2]}", "'-log10(p)'"),
    "a name twice": ("a\u00a0x,a\u00a0x,b,y", "1,2,{n % 6},{'ab'[n % 2]}", "a\u00a0x"),
    "rare classes": ("a,y", "{n % 7},{'ab'[n % 2] if n > 2 else n}", "drop"),
    "a label like a gap": ("a,y", "{n % 7},{('None', 'b', 'c')[n % 3]}", "y=None"),
    "a label that is missing": ("a,y", "{n % 7},{('', 'b', 'c')[n % 3]}", "drop"),
}  # fmt: skip


@pytest.mark.parametrize("case", PASTED)
def test_each_cure_that_is_printed_can_be_pasted_and_works(
    tmp_path, monkeypatch, capsys, case
):  # B9
    header, row, part = PASTED[case]
    (tmp_path / "t.csv").write_text(table(header, row), "utf-8")
    words = ["--table", str(tmp_path / "t.csv"), "--target", "y"]
    first = ["--unlabelled", "refuse"] if case == "a label that is missing" else []
    _, printed = run(monkeypatch, capsys, str(tmp_path / "first"), *words, *first)
    cures = re.findall("`(--.*?)`", printed)
    assert cures
    assert any(part in cure for cure in cures), printed
    for number, cure in enumerate(cures):
        told = run(monkeypatch, capsys, str(tmp_path / f"new{number}"), *words, *shlex.split(cure))
        assert told[0] == 0, told
        assert cure not in told[1]


@pytest.mark.parametrize(
    "option", ["--na-value", "--target", "--drop", "--keep", "--positive-label", "--sep", "--table"]
)
def test_an_option_of_two_dashes_is_an_option(tmp_path, monkeypatch, capsys, option):  # B9
    (tmp_path / "t.csv").write_text(table("a,y", "{n % 7},{'ab'[n % 2]}"), "utf-8")
    words = [f"--table={tmp_path / 't.csv'}", *(["--target=y"] if option != "--target" else [])]
    code, printed = run(monkeypatch, capsys, str(tmp_path / "new"), *words, f"{option}=--")
    assert "Traceback" not in printed
    assert code == (0 if option == "--na-value" else 1), printed
    assert "'--'" in printed or "--table --" in printed or code == 0


def test_a_dash_is_a_gap_of_all_columns_where_it_is_asked_for(tmp_path, monkeypatch, capsys):  # B9
    (tmp_path / "t.csv").write_text(
        table("a,b,y", "{n % 7},{('--', 'u', 'v')[n % 3]},{'ab'[n % 2]}"), "utf-8"
    )
    words = [f"--table={tmp_path / 't.csv'}", "--target=y", "--na-value=--"]
    assert run(monkeypatch, capsys, str(tmp_path / "new"), *words)[0] == 0
    written = yaml.safe_load((tmp_path / "new/params.yaml").read_text("utf-8"))
    assert written["ingest"]["na_values"] == ["--"]
