"""The object_info entry of a V1 node class (rules E-601, E-602, E-604, E-913)."""

from __future__ import annotations

import enum
import math
import sys
from collections.abc import Mapping, Set
from typing import Any, Final

from app.engine.node_types.schema import is_output_class, read_return_types

_MAX_DEPTH: Final = 60
"""Options nest a few levels; more means that they contain themselves."""


def describe(name: str, cls: type, display_name: str | None = None) -> dict[str, Any]:
    """Return the object_info entry of a V1 class, as plain JSON values.

    Whatever the class raises in ``INPUT_TYPES`` is passed on.

    Args:
        name: Name the class is registered under.
        cls: The node class.
        display_name: Title for artists, or None to use the name.
    """
    declared: Mapping[str, Any] = cls.INPUT_TYPES()  # type: ignore[attr-defined]
    types = read_return_types(cls)
    flags = getattr(cls, "OUTPUT_IS_LIST", None) or [False] * len(types)
    entry = {
        "input": declared,
        "input_order": {
            category: list(section)
            for category, section in declared.items()
            if isinstance(section, Mapping)
        },
        "output": types,
        "output_is_list": flags,
        "output_name": _output_names(cls, types),
        "name": name,
        "display_name": display_name or name,
        "description": getattr(cls, "DESCRIPTION", ""),
        "python_module": getattr(cls, "RELATIVE_PYTHON_MODULE", "nodes"),
        "category": getattr(cls, "CATEGORY", "sd"),
        "output_node": is_output_class(cls),
    }
    if hasattr(cls, "OUTPUT_TOOLTIPS"):
        entry["output_tooltips"] = cls.OUTPUT_TOOLTIPS
    if getattr(cls, "DEPRECATED", False):
        entry["deprecated"] = True
    if getattr(cls, "EXPERIMENTAL", False):
        entry["experimental"] = True
    if hasattr(cls, "API_NODE"):
        entry["api_node"] = bool(cls.API_NODE)
    if aliases := getattr(cls, "SEARCH_ALIASES", None):
        entry["search_aliases"] = aliases
    return to_json_object(entry)


def _output_names(cls: type, types: tuple[Any, ...]) -> Any:
    names = getattr(cls, "RETURN_NAMES", types)
    return (names,) if isinstance(names, str) else names


def to_json_object(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return a description as plain JSON values; see :func:`to_json`."""
    return {key: to_json(value) for key, value in entry.items()}


def to_json(value: Any, _depth: int = 0) -> Any:
    """Return ``value`` as plain JSON values, whatever a pack put into it.

    Tuples and sets become lists, enums their values, NaN becomes null and an infinity the
    largest number of its sign; classes become their names and any other object its text.

    Raises:
        ValueError: The value contains itself, or is nested beyond all reason.
    """
    if value is None or type(value) in (bool, int, str):
        return value
    if _depth > _MAX_DEPTH:
        raise ValueError("the declaration contains itself")
    if isinstance(value, enum.Enum):
        return to_json(value.value, _depth + 1)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, float):
        return _plain_float(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, Mapping):
        return {_plain_key(key): to_json(value[key], _depth + 1) for key in value}
    if isinstance(value, (list, tuple)):
        return [to_json(item, _depth + 1) for item in value]
    if isinstance(value, Set):
        return sorted((to_json(item, _depth + 1) for item in value), key=repr)
    return _plain_object(value, _depth)


def _plain_float(value: float) -> float | None:
    if math.isnan(value):
        return None
    if math.isinf(value):
        return math.copysign(sys.float_info.max, value)
    return float(value)


def _plain_key(key: Any) -> str:
    if isinstance(key, enum.Enum):
        key = key.value
    if isinstance(key, str):
        return str.__str__(key)
    if key is None:
        return "null"
    if isinstance(key, bool):
        return "true" if key else "false"
    return str(key)


def _plain_object(value: Any, depth: int) -> Any:
    if isinstance(value, type):
        return value.__name__
    # numpy and torch scalars know their Python value.
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "ndim", 0) == 0:
        return to_json(item(), depth + 1)
    # Objects such as ranges, key views and generators of a dictionary's keys.
    if hasattr(value, "__len__") and hasattr(value, "__iter__") and not isinstance(value, bytes):
        return [to_json(each, depth + 1) for each in value]
    return str(value)
