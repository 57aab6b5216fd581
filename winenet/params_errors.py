"""Messages for errors in params.yaml, from what pydantic finds."""

from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from winenet.errors import did_you_mean, safe_text, short_repr

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
} | {"curves.networks": "no longer needed, since the curves are those of all mlp.networks"}


def format_error(detail: ErrorDetails, schema: type[BaseModel]) -> str:
    """Return an error of pydantic as: place in params.yaml, value, rule."""
    whole = tuple(step for step in detail["loc"] if step != "[key]")  # a mapping's own key
    location = whole[:3] + whole[4:] if whole[:2] == ("ingest", "columns") else whole
    place = format_path(location)
    if detail["type"] == "extra_forbidden":
        if place in RENAMED:
            return f"{place}: renamed to {RENAMED[place]}"
        if place in MOVED:
            return f"{place}: {MOVED[place]}"
        known = list(_model_at(schema, location[:-1]).model_fields)
        hint = did_you_mean(str(location[-1]), known) or f"; known here: {', '.join(known)}"
        return f"{place}: unknown key{hint}"
    if detail["type"] == "missing":
        return f"{place}: missing; every key must be given"
    if detail["type"] == "model_type":
        keys = ", ".join(_model_at(schema, location).model_fields)
        return f"{place}: {short_repr(detail['input'])} is not a section; it needs the keys {keys}"
    rule = detail["msg"].removeprefix("Value error, ").removeprefix("Input ")
    description = _description_at(schema, whole)
    meant = f" ({description})" if description else ""
    return f"{place}: {short_repr(detail['input'])} is not valid{meant}: {rule}"


def format_path(location: tuple[int | str, ...]) -> str:
    """Return ("a", "b", 0) as "a.b[0]"."""
    return "".join(
        f"[{step}]" if isinstance(step, int) else f".{safe_text(step)}" for step in location
    ).lstrip(".")


def _model_at(schema: type[BaseModel], location: tuple[int | str, ...]) -> type[BaseModel]:
    """Return the section of the schema that a place in params.yaml belongs to."""
    model = schema
    for step in location:
        if isinstance(step, str):
            annotation: Any = model.model_fields[step].annotation
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
