"""The key under which a node's result is kept (E-401, E-950, E-951).

A key is a digest of the node's class, its ``IS_CHANGED`` value, its constants, and the keys
of the nodes that feed it: a Merkle tree, so that equal keys mean equal ancestry whatever the
ids are. Each node is digested once, sources first, in time linear in nodes and links.

What goes into the digest is the ``repr`` of a tuple of plain values. That text is injective:
strings are quoted, ``1``, ``1.0`` and ``True`` differ, a link is a tuple that starts with
bytes (which no constant is), and a value that must equal nothing is written as a token that
no other value is written as.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any

from app.engine.execution.prompt import DISPLAY_PREFIX, is_link

Key = bytes

_PLAIN = frozenset({str, int, bool, type(None)})
_serial = itertools.count()


class _Fresh:
    """A value that equals nothing, not even itself in the next run."""

    __slots__ = ("_number",)

    def __init__(self) -> None:
        self._number = next(_serial)

    def __repr__(self) -> str:
        return f"<fresh {self._number}>"


def fresh_key() -> Key:
    """Return a key that no other node and no other run has."""
    return _digest((_Fresh(),))


def node_key(
    class_type: str,
    inputs: Mapping[str, Any],
    source_keys: Mapping[str, Key],
    *,
    is_changed: Any = False,
    node_id: str | None = None,
) -> Key:
    """Return the key of one node, whose sources have theirs already.

    Args:
        class_type: Name of the node type.
        inputs: Inputs of the node as the prompt has them; names that start with ``$$`` do
            not count (E-916).
        source_keys: Key of each node that an input links to. A source that is missing here
            makes the key equal nothing.
        is_changed: What ``IS_CHANGED`` answered; NaN in it makes the key equal nothing.
        node_id: Id of the node, when it belongs to the key (E-403, E-404).
    """
    parts: list[Any] = [
        class_type,
        is_changed if is_changed is False else freeze(is_changed),
        node_id,
    ]
    for name in sorted(inputs):
        if name.startswith(DISPLAY_PREFIX):
            continue
        value = inputs[name]
        kind = type(value)
        parts.append(name)
        if kind in _PLAIN:
            parts.append(value)
        elif kind is list and is_link(value):
            source = source_keys.get(value[0])
            parts.append(_Fresh() if source is None else (source, value[1]))
        else:
            parts.append(freeze(value))
    return _digest(tuple(parts))


def _digest(parts: tuple[Any, ...]) -> Key:
    try:
        text = repr(parts)
    except ValueError:
        # Python refuses to write out integers of more than 4,300 digits.
        text = repr(_spell_long_integers(parts))
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _spell_long_integers(value: Any) -> Any:
    if type(value) is int and abs(value) >> 4096:
        return ("int", hex(value))
    if type(value) is tuple:
        return tuple(_spell_long_integers(item) for item in value)
    return value


def freeze(value: Any, _depth: int = 0) -> Any:
    """Return ``value`` as nested tuples of plain values whose ``repr`` tells it from others.

    Mappings do not depend on their order. Whatever is no JSON value, NaN, and anything
    nested deeper than 100 levels equals nothing (E-405, E-951).
    """
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is float:
        return value if value == value else _Fresh()
    if _depth > 100:
        return _Fresh()
    if kind is list or kind is tuple:
        return (kind.__name__, *(freeze(item, _depth + 1) for item in value))
    if kind is dict:
        if not all(type(key) is str for key in value):
            return _Fresh()
        items = ((key, freeze(value[key], _depth + 1)) for key in sorted(value))
        return ("dict", *(part for item in items for part in item))
    if kind is bytes:
        return ("bytes", value.hex())
    if isinstance(value, str):
        return ("str", f"{kind.__module__}.{kind.__qualname__}", str.__str__(value))
    return _Fresh()


def topological(links: Mapping[str, Iterable[str]], known: Mapping[str, Any]) -> list[str]:
    """Order node ids so that sources come first, without recursion.

    Args:
        links: Ids of the sources of each node that wants a place.
        known: Ids that have one already; they are passed over, as are ids not in ``links``.

    Returns:
        Every id of ``links`` that is not in ``known``, once. Nodes on a cycle come in the
        order in which they are met, so one of them stands before a source of its.
    """
    order: list[str] = []
    placed: set[str] = set(known)
    for root in links:
        if root in placed:
            continue
        placed.add(root)
        path = [(root, iter(links[root]))]
        while path:
            node_id, sources = path[-1]
            for source in sources:
                if source not in placed and source in links:
                    placed.add(source)
                    path.append((source, iter(links[source])))
                    break
            else:
                order.append(node_id)
                path.pop()
    return order
