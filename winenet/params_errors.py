"""Messages for errors in params.yaml, from what pydantic finds."""

import re
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from winenet.errors import did_you_mean, safe_text, short_repr
from winenet.params_columns import COLUMN_TYPES

# Keys of earlier versions.
RENAMED = {
    "ingest.positive": "positive_label",
    "ingest.words": "display_names",
    "ingest.leave_out": "drop_columns",
    "ingest.missing": "na_values",
    "split.normalise": "scaler; its value min-max is now minmax",
    "handmade.seeds": "n_seeds",
    "seeds.runs": "n_seeds",
    "importance.leave_out": "drop_features",
    "learning_curve.runs": "n_repeats",
    "gates.floors": "minimum",
    "gates.max_loss": "max_drop",
}

# Keys that are somewhere else now, or gone.
MOVED = {
    f"{section}.{key}": f"moved to {section}.defaults.{key}"
    for section in ("mlp", "grid_search")
    for key in ("max_iter", "random_state", "dtype")
} | {
    "curves.networks": "no longer needed, since the curves are those of all mlp.networks",
    "split.stratify": "replaced by split.method; false is now random, and true stratified",
}


def format_error(detail: ErrorDetails, schema: type[BaseModel]) -> str:
    """Return an error of pydantic as: place in params.yaml, value, rule."""
    whole = tuple(step for step in detail["loc"] if step != "[key]")  # a mapping's own key
    tagged = whole[:2] in (("ingest", "columns"), ("grid_search", "param_grid"))
    location = whole[:3] + whole[4:] if tagged else whole
    place = format_path(location)
    if detail["type"] == "extra_forbidden":
        if place in RENAMED:
            return f"{place}: renamed to {RENAMED[place]}"
        if place in MOVED:
            return f"{place}: {MOVED[place]}"
        if whole[:2] == ("ingest", "columns"):
            model: type[BaseModel] = COLUMN_TYPES[str(whole[3])]
        else:
            model = _model_at(schema, location[:-1])
        known = list(model.model_fields)
        hint = did_you_mean(str(location[-1]), known) or f"; known here: {', '.join(known)}"
        return f"{place}: unknown key{hint}"
    if detail["type"] == "union_tag_invalid":
        types = ", ".join(COLUMN_TYPES)
        return f"{place}: {short_repr(detail['input'])} is not valid: it needs a type of {types}"
    if detail["type"] == "missing":
        return f"{place}: missing; every key must be given"
    if detail["type"] == "model_type" and whole[:2] == ("grid_search", "param_grid"):
        rule = "it must be a list of values, or a distribution"
        return f"{place}: {short_repr(detail['input'])} is not valid: {rule}"
    if detail["type"] == "model_type":
        model = _model_at(schema, location)
        if model.model_config.get("extra") == "allow":
            return (
                f"{place}: {short_repr(detail['input'])} is not a section; it needs parameters of "
                "the model, or {} for none"
            )
        keys = ", ".join(model.model_fields)
        return f"{place}: {short_repr(detail['input'])} is not a section; it needs the keys {keys}"
    rule = re.sub(r"^(Value error, |Input |Dictionary |List |String )", "", detail["msg"])
    rule = re.sub(r" after validation, not \d+$", "", rule)
    if detail["type"] == "value_error" and isinstance(detail["input"], dict):
        return f"{place}: {rule}" if place else rule  # which names the values itself
    description = _description_at(schema, whole)
    meant = f" ({description})" if description else ""
    return f"{place}: {short_repr(detail['input'])} is not valid{meant}: {rule}"


def format_path(location: tuple[int | str, ...]) -> str:
    """Return ("a", "b", 0) as "a.b[0]"."""
    return "".join(
        f"[{step}]" if isinstance(step, int) else f".{_shown(step)}" for step in location
    ).removeprefix(".")


def _shown(step: str) -> str:
    """Return a key as it stands, or in quotes where its ends could not be seen otherwise."""
    return safe_text(step) if step and step == step.strip() else short_repr(step)


def _model_at(schema: type[BaseModel], location: tuple[int | str, ...]) -> type[BaseModel]:
    """Return the section of the schema that a place in params.yaml belongs to."""
    model, is_name = schema, False
    for step in location:
        if is_name or isinstance(step, int):  # of a network in mlp.networks; of an item in a list
            is_name = False
            continue
        annotation: Any = model.model_fields[step].annotation
        is_name = get_origin(annotation) is dict
        inner = [annotation, *get_args(annotation)]
        model = next(
            kind for kind in inner if isinstance(kind, type) and issubclass(kind, BaseModel)
        )
    return model


def _description_at(schema: type[BaseModel], location: tuple[int | str, ...]) -> str | None:
    """Return what the field at a place stands for, as its schema says."""
    json_schema = schema.model_json_schema()
    node: dict[str, Any] = json_schema
    for step in location:
        while "$ref" in node:
            node = json_schema["$defs"][node["$ref"].rsplit("/", 1)[-1]]
        if "oneOf" in node:  # of Column; the step is its tag
            node = node["oneOf"][step == "kind"]
        elif isinstance(step, int):
            node = node.get("items", {})
        else:
            node = node.get("properties", {}).get(step) or node.get("additionalProperties") or {}
    return node.get("description") if "$ref" not in node else None
