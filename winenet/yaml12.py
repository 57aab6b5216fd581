"""YAML as its version 1.2 reads it, which is how DVC reads params.yaml."""

import re
from collections.abc import Iterable
from typing import Any

import yaml

MAX_BYTES = 100_000  # bytes of the file, and values in it when its aliases are written out


def check_size(content: Any) -> None:
    """Raise a YAMLError when aliases contain themselves, or swell a short text without limit."""
    sizes: dict[int, int] = {}
    inside: set[int] = set()

    def size(node: Any) -> int:
        if not isinstance(node, dict | list | set | tuple):
            return 1
        if id(node) in inside:
            raise yaml.YAMLError("an alias stands within what it names")
        if id(node) not in sizes:
            inside.add(id(node))
            inner = node.values() if isinstance(node, dict) else node
            sizes[id(node)] = 1 + sum(size(value) for value in inner)
            inside.remove(id(node))
        return sizes[id(node)]

    if size(content) > MAX_BYTES:
        raise yaml.YAMLError(f"with its aliases written out it has more than {MAX_BYTES:,} values")


class Yaml12Loader(yaml.SafeLoader):
    """PyYAML with the scalars of YAML 1.2, which DVC reads.

    PyYAML alone follows YAML 1.1, where `1e-3` and `on` are a string and a truth value: DVC
    would then track another value than the stage uses. A key that is given twice is refused.
    """

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Return the node's value; raise a YAMLError for `!!int abc` as well."""
        try:
            return super().construct_object(node, deep)
        except (ValueError, TypeError, LookupError, AttributeError):
            raise yaml.constructor.ConstructorError(
                None, None, f"this cannot be read as {node.tag}", node.start_mark
            ) from None

    def compose_mapping_node(self, anchor: dict[Any, yaml.Node]) -> yaml.MappingNode:
        """Return the mapping's node; raise when a key is not a text or is given twice."""
        node = super().compose_mapping_node(anchor)
        given: set[str] = set()
        for key, _ in node.value:
            named = key.tag in ("tag:yaml.org,2002:str", "tag:yaml.org,2002:merge")
            if not named or not isinstance(key, yaml.ScalarNode):
                text = key.value if isinstance(key, yaml.ScalarNode) else f"that is a {key.id}"
                fault = f"the key {text} is not text; put it in quotes"
            elif key.value in given:
                fault = f"the key '{key.value}' is given twice"
            else:
                given.add(key.value)
                continue
            raise yaml.constructor.ConstructorError(None, None, fault, key.start_mark)
        return node


def _construct_int(loader: Yaml12Loader, node: yaml.ScalarNode) -> int:
    """Read 12, -3, 0o14, 0x1f and 0b11; `010` is ten, as in YAML 1.2."""
    text = str(loader.construct_scalar(node)).replace("_", "")
    number = int(text, 0) if re.match(r"[-+]?0[box]", text) else int(text)
    str(number)  # fails when it has too many digits for any message
    return number


# A dict of its own: the resolvers of every other reader of YAML stay as they are.
Yaml12Loader.yaml_implicit_resolvers = {}


def _add_resolver(tag: str, pattern: str, first: Iterable[str]) -> None:
    Yaml12Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), list(first))


_add_resolver("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF")
_add_resolver("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""])
_add_resolver("merge", r"^<<$", "<")
_add_resolver("value", r"^=$", "=")  # has no meaning here: refused, as DVC does
_add_resolver("int", r"^[-+]?(?:0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*)$", "-+0123456789")
_add_resolver(
    "float",
    # As ruamel.yaml has it: `.5e1` is a string there, `.5e+1` a number.
    r"^[-+]?(?:[0-9][0-9_]*\.?[0-9_]*(?:[eE][-+]?[0-9]+)?"
    r"|\._*[0-9][0-9_]*(?:[eE][-+][0-9]+)?|\.(?:inf|Inf|INF))$"
    r"|^\.(?:nan|NaN|NAN)$",
    "-+0123456789.",
)
Yaml12Loader.add_constructor("tag:yaml.org,2002:int", _construct_int)
