"""Write docs/reference/parameters.md: every parameter with its type, range, default and effect.

Run `python -m tools.parameters` after a change of winenet/params.py, params.yaml, or the `params`
of a stage in dvc.yaml. tests/test_readme.py fails until then.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from winenet import params
from winenet.errors import InputError
from winenet.text import count, plural

PAGE = "docs/reference/parameters.md"
MAX_VALUE = 40  # characters of a value in the table
MISSING = object()

# What a parameter does, where the schema's own description is too short to say it.
EFFECTS = {
    "ingest.files": "Raw files in `data/raw`, joined in this order. No file may be listed twice.",
    "ingest.files[].name": "File name, without a folder. CSV, plain or packed by gzip, or Parquet.",
    "ingest.files[].label": "Label of all rows of this file. Either every file has one or none "
    "has; without it, `target` is a column of the files.",
    "ingest.separator": "Character between the cells of the CSV files.",
    "ingest.target": "Name of the label column. It must not be one of `columns`.",
    "ingest.positive_label": "Of two labels, the one that becomes class 1. Without it, labels are "
    "numbered in sorted order.",
    "ingest.columns": "Feature columns and what each may hold: `[min, max]` for a number in that "
    "range, `number` for any number, `category` for text, or a mapping with a `type` (`number`, "
    "`category`, `date`) and the keys below. A value outside its range is an error. A name with "
    "`*`, `?` or `[...]` stands for all columns that it matches.",
    "ingest.columns.<name>.na_values": "Of all types: texts that stand for a missing value in this "
    "column, in place of `ingest.na_values`.",
    "ingest.columns.<name>.range": "Of a number: `[min, max]`, after the conversion.",
    "ingest.columns.<name>.decimal": "Of a number: the decimal sign.",
    "ingest.columns.<name>.thousands": "Of a number: the sign between groups of three digits; a "
    "blank stands for U+00A0 and U+202F, too.",
    "ingest.columns.<name>.unit": "Of a number: what stands before or behind it, such as `€`, `%` "
    "or `kg`; `$#M` for both sides.",
    "ingest.columns.<name>.parentheses": "Of a number: whether `(5)` is -5.",
    "ingest.columns.<name>.limits": "Of a number: whether `<5` and `>5` are taken for 5.",
    "ingest.columns.<name>.format": "Of a date: how it is written, as in `strptime`: `%d.%m.%Y`.",
    "ingest.columns.<name>.parts": "Of a date: the numbers that it becomes; `days` count from the "
    "origin.",
    "ingest.columns.<name>.origin": "Of a date: the date of which `days` is 0.",
    "ingest.drop_columns": "Columns of the raw files that are not used; a pattern such as "
    "`ENSG*` stands for several.",
    "ingest.na_values": "Texts that stand for a missing value. A missing number becomes the "
    "training median, with an input that marks the gap; in a category, it is a level of its own.",
    "ingest.encoding": "Encoding of the raw files. A file that begins with a mark of its encoding "
    "is read by that.",
    "ingest.quote": "Quotation mark of the raw files.",
    "ingest.header": "Whether the first row has the columns' names; else they are c1, c2, ...",
    "ingest.unlabelled": "What is done with rows without a label: `drop` leaves them out and "
    "counts them, `refuse` stops.",
    "ingest.rare_classes": "What is done with classes of fewer than `min_class_rows` rows: "
    "`refuse`, `drop` or `merge=LABEL`, which joins them to one class.",
    "ingest.min_class_rows": "Rows that a class needs.",
    "ingest.display_names": "What the report calls the rows and the classes. Without it: row, "
    "rows, and the labels.",
    "ingest.display_names.row": "One row, for example `wine`.",
    "ingest.display_names.rows": "Several rows, for example `wines`.",
    "ingest.display_names.classes": "A name for each label.",
    "split.test_size": "Fraction of the rows that go to the test set.",
    "split.random_state": "Seed of the split.",
    "split.method": "Which rows are the test set: `random` rows; `stratified`, random rows with "
    "the class proportions of the table; `group`, whole groups of `column`; `time`, the latest "
    "rows by `column`. See [Choose the test rows](../how-to/own-table.md#choose-the-test-rows).",
    "split.column": "The column of the groups or times: one of `ingest.columns` or of "
    "`ingest.drop_columns`. Only with `group` and `time`.",
    "split.duplicates": "`keep` splits all rows at random; a test row may then have a duplicate in "
    "the training set. `drop` removes every row that equals an earlier one. `group` puts "
    "duplicates into the same set.",
    "split.scaler": "How numeric features are scaled; the scaler is fitted on the training rows.",
    "handmade.random_state": "Seed of the random feature and of the initial weights.",
    "handmade.learning_rate": "Step size of the gradient descent.",
    "handmade.epochs": "Epochs at which the run is evaluated, in increasing order. Training stops "
    "after the last one.",
    "handmade.plot_every": "Every how many epochs the loss is plotted.",
    "handmade.n_seeds": "Number of seeds on which the notebook's claims are tested.",
    "mlp.estimator": "The library that trains. Both give identical results in float64; "
    "`scikit-learn` takes about twice the time.",
    "mlp.defaults": "Parameters of every network: any of "
    "[DenseClassifier](../how-to/library.md), such as `max_iter`, `activation`, `alpha`. A seed, "
    "`random_state`, must be given.",
    "mlp.networks": "Any number of networks by name, each with the parameters in which it differs "
    "from the defaults, and with a `title` for the report if its layer sizes are not enough.",
    "grid_search.estimator": "As `mlp.estimator`.",
    "grid_search.defaults": "Parameters of every candidate, as `mlp.defaults`.",
    "grid_search.cv": "Number of folds.",
    "grid_search.scoring": "Score that selects the best candidate, as in scikit-learn. With more "
    "than two classes, `f1` and `roc_auc` are averaged over the classes.",
    "grid_search.param_grid": "For each parameter to search, the values to try. Every combination "
    "is one candidate.",
    "threshold": "Of two classes: the probability above which a row is predicted as class 1, in "
    "all stages and by `predict`. `balanced_accuracy` and `f1` choose it for each model: the one "
    "with the highest score on the training rows, each predicted by a model of the search's folds "
    "that was not trained on it. With more classes it must be 0.5.",
    "curves.validation_size": "Fraction of the training rows that is held out.",
    "curves.random_state": "Seed of the held-out rows and of the networks.",
    "curves.epochs": "Number of epochs. Training continues past the point where early stopping "
    "would end it.",
    "seeds.n_seeds": "How many times each network is trained, each time with another seed.",
    "seeds.random_state": "The first seed; the others follow it.",
    "importance.n_repeats": "Number of permutations per feature.",
    "importance.random_state": "Seed of the permutations.",
    "importance.drop_features": "Each model is trained again without each of these features, one "
    "feature at a time.",
    "learning_curve.train_sizes": "Fractions of the training rows, in increasing order.",
    "learning_curve.n_repeats": "Number of repetitions per fraction; each draws its rows anew.",
    "learning_curve.random_state": "The first seed; the others follow it.",
    "compare.n_resamples": "Bootstrap resamples behind the intervals of all scores but accuracies.",
    "compare.random_state": "Seed of the bootstrap, and of each baseline that takes one and has "
    "none of its own.",
    "compare.reference": "The network of `mlp.networks` that the search's winner is compared with.",
    "compare.baselines": "Any number of classifiers by name: the class as `estimator`, and any of "
    "its parameters. Only the stage `compare` trains them.",
    "compare.trusted_modules": "Packages beside scikit-learn that a baseline may be imported from, "
    "such as `xgboost`. They run code.",
    "gates.minimum": "Minimum of each metric. A key is `file.key`: `logistic.accuracy` is "
    "`accuracy` in `metrics/logistic.json`.",
    "gates.max_drop": "With a base revision: the largest drop of a score that passes, in "
    "half-widths of its confidence interval in the base.",
}

HEAD = """\
# Parameters

<!-- Written by `python -m tools.parameters` from winenet/params.py, params.yaml and dvc.yaml. -->

All parameters are in `params.yaml`. `python -m winenet check` reports every invalid value at once,
before DVC removes any result. Values are not converted: `"0.2"` is not a number. Only for labels,
`1` and `"1"` are the same. An unknown key is an error.

DVC tracks a section as a whole: when one of its parameters changes, the stages that read the
section run again, and then the stages that use their results.
"""


class Parameter(NamedTuple):
    """One row of the page. default, value: MISSING where there is none."""

    path: str
    kind: str
    allowed: str
    default: Any
    value: Any
    description: str


def parameters(schema: Mapping[str, Any], values: Mapping[str, Any]) -> list[Parameter]:
    """Return every parameter of a JSON schema, in its order.

    schema: what `Params.model_json_schema()` returns. values: the content of params.yaml.
    """
    definitions = schema.get("$defs", {})

    def walk(path: str, node: Mapping[str, Any], default: Any, value: Any) -> Iterator[Parameter]:
        node = _resolved(node, definitions)
        if "const" in node:  # which says of what type a section is
            return
        if "properties" in node:
            if default is not MISSING and "." in path:  # an optional part of a section
                yield Parameter(path, "section", "", default, MISSING, node.get("description", ""))
            for name, inner in node["properties"].items():
                yield from walk(
                    f"{path}.{name}".lstrip("."),
                    inner,
                    inner.get("default", MISSING),
                    value.get(name, MISSING) if isinstance(value, Mapping) else MISSING,
                )
            return
        kind, allowed = _kind(node, definitions), _allowed(node, definitions)
        yield Parameter(path, kind, allowed, default, value, node.get("description", ""))
        for suffix, inner in (
            ("[]", node.get("items")),
            (".<name>", node.get("additionalProperties")),
        ):
            if isinstance(inner, Mapping) and "properties" in _resolved(inner, definitions):
                yield from walk(path + suffix, inner, MISSING, MISSING)
            elif isinstance(inner, Mapping):
                for item in _alternatives(_resolved(inner, definitions), definitions):
                    if "properties" in item:
                        yield from walk(path + suffix, item, MISSING, MISSING)

    # Sections of several types have some keys in common.
    return list({found.path: found for found in walk("", schema, MISSING, values)}.values())


def _resolved(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Return a node with its reference filled in, and without an alternative that is null."""
    merged = dict(node)
    if "$ref" in merged:
        merged = {**definitions[merged.pop("$ref").rsplit("/", 1)[-1]], **merged}
    others = [item for item in merged.get("anyOf", []) if item.get("type") != "null"]
    if len(others) == 1:
        del merged["anyOf"]
        merged = {**_resolved(others[0], definitions), **merged}
    return merged


def _alternatives(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [_resolved(item, definitions) for item in node.get("oneOf") or node.get("anyOf") or []]


def _kind(node: Mapping[str, Any], definitions: Mapping[str, Any], plural: bool = False) -> str:
    """Return the type of a value in words, such as "list of integers"."""
    s = "s" if plural else ""
    alternatives = _alternatives(node, definitions)
    if alternatives:
        return " or ".join(dict.fromkeys(_kind(item, definitions, plural) for item in alternatives))
    if node.get("type") == "array":
        items = _resolved(node.get("items", {}), definitions)
        return f"list{s} of {_kind(items, definitions, plural=True)}"
    if node.get("type") == "object":
        inner = node.get("additionalProperties")
        if not isinstance(inner, Mapping):
            return f"section{s}"
        of = _kind(_resolved(inner, definitions), definitions, plural=True)
        return f"mapping{s} of names to {of}"
    names = {"string": f"text{s}", "boolean": "`true` or `false`"}
    kind = str(node.get("type", "value"))
    return names.get(kind, f"{kind}{s}")


def _allowed(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """Return the range of a value, of a list's length and of its items; "" if all is allowed."""
    parts = []
    if "enum" in node:
        parts.append(", ".join(map(_code, node["enum"])))
    parts.append(_bounds(node))
    least, unit = node.get("minItems", node.get("minProperties", 0)), node.get("type")
    if least:
        nouns = ("item", "items") if unit == "array" else ("entry", "entries")
        parts.append(f"at least {count(least, *nouns)}")
    for inner in (node.get("items"), node.get("additionalProperties")):
        if isinstance(inner, Mapping):
            allowed = _allowed(_resolved(inner, definitions), definitions)
            parts.append(f"each: {allowed}" if allowed else "")
    for item in _alternatives(node, definitions):
        parts.append(_allowed(item, definitions))
    return "; ".join(filter(None, parts))


def _bounds(node: Mapping[str, Any]) -> str:
    lower, above = node.get("minimum"), node.get("exclusiveMinimum")
    upper, below = node.get("maximum"), node.get("exclusiveMaximum")
    low, high = lower if above is None else above, upper if below is None else below
    if low is None and high is None:
        return ""
    if high is None:
        return f"{'≥' if above is None else '>'} {low:,}"
    if low is None:
        return f"{'≤' if below is None else '<'} {high:,}"
    if above is None and below is None:
        return f"{low:,} to {high:,}"
    return f"{low:,} {'≤' if above is None else '<'} x {'≤' if below is None else '<'} {high:,}"


def _value(value: Any, missing: str) -> str:
    """Return a value as it may be written in params.yaml; a long one is left to that file."""
    if value is MISSING:
        return missing
    if value is None:
        return "none"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if len(text) > MAX_VALUE:
        return "see the file"
    return _code(text)


def _code(text: Any) -> str:
    """Return a value as code; a blank text in quotes."""
    return f"`{text}`" if str(text).strip() else f'`"{text}"`'


def _effect(parameter: Parameter) -> str:
    description = parameter.description
    return EFFECTS.get(parameter.path, description[:1].upper() + description[1:])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def readers(section: str, stages: Mapping[str, Any]) -> str:
    """Return the sentence that names the stages which read a section."""
    by_key: dict[str, list[str]] = {}
    for name, stage in stages.items():
        for key in stage.get("params", []):
            if key.partition(".")[0] == section:
                by_key.setdefault(key, []).append(name)
    if not by_key:
        return "No stage reads this section, so a change makes nothing stale."
    whole = by_key.pop(section, [])
    sentences = [f"Read by the {_listed(whole)}."] if whole else []
    sentences += [f"`{key}` is also read by the {_listed(names)}." for key, names in by_key.items()]
    return " ".join(sentences)


def _listed(stages: list[str]) -> str:
    quoted = [f"`{name}`" for name in stages]
    listed = " and ".join(filter(None, [", ".join(quoted[:-1]), quoted[-1]]))
    return f"{plural(len(stages), 'stage')} {listed}"


def render(schema: Mapping[str, Any], values: Mapping[str, Any], stages: Mapping[str, Any]) -> str:
    """Return the page as Markdown."""
    sections: dict[str, list[Parameter]] = {}
    for parameter in parameters(schema, values):
        sections.setdefault(re.split(r"[.\[]", parameter.path)[0], []).append(parameter)
    lines = [HEAD]
    for section, rows in sections.items():
        optional = "" if section in schema["required"] else " The whole section may be left out."
        lines += [f"## {section}\n", f"{readers(section, stages)}{optional}\n"]
        lines.append("| Parameter | Effect | Type | Range | Default | In `params.yaml` |")
        lines.append("| --- | --- | --- | --- | --- | --- |")
        for row in rows:
            cells = (
                f"`{row.path}`",
                _effect(row),
                row.kind,
                row.allowed,
                _value(row.default, "required"),
                _value(row.value, ""),
            )
            lines.append(f"| {' | '.join(map(_cell, cells))} |")
        lines.append("")
    return "\n".join(lines)


def page(root: Path) -> str:
    """Return the page for the repository in a folder."""
    stages = yaml.safe_load((root / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    settings = params.load(str(root / "params.yaml"))
    return render(
        params.Params.model_json_schema(),
        settings.model_dump(mode="json", exclude_unset=True),
        stages,
    )


def main() -> int:
    """Write the page; return the exit code."""
    root = Path(__file__).resolve().parents[1]
    try:
        text = page(root)
    except InputError as error:
        print(error, file=sys.stderr)
        return 1
    (root / PAGE).parent.mkdir(parents=True, exist_ok=True)
    (root / PAGE).write_text(text, encoding="utf-8", newline="\n")
    print(PAGE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
