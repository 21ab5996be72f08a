"""The key under which a node's result is kept (E-401, E-950, E-951).

Keys are hash-consed: what makes up a node (its class, its ``IS_CHANGED`` value, its constants,
and the keys of the nodes that feed it) is one flat tuple, and a table gives every different
tuple a number. As sources are numbered before their consumers, equal numbers mean equal
ancestry whatever the ids are, without a chance of collision, and each node costs one look
into a dictionary.

The tuple is unambiguous: after a name comes a text, or a type followed by the value. So
``1``, ``1.0`` and ``True`` differ although Python calls them equal, and nothing but a link is
written as a link. A value that must equal nothing gives its node a number that no tuple has.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from app.engine.execution.prompt import DISPLAY_PREFIX, is_link

Key = int

_PRUNE_ABOVE = 4096


class _Unequal(Exception):  # noqa: N818 - a signal inside this module
    """A value equals nothing, not even itself in the next run."""


class SourceWithoutKey(Exception):  # noqa: N818 - a signal between two modules
    """A node that feeds this one has no key yet, or does not exist."""


class KeyTable:
    """Numbers for what nodes are made of; one table lives as long as the cache it serves."""

    def __init__(self) -> None:
        self._keys: dict[tuple[Any, ...], list[int]] = {}
        self._names: dict[tuple[str, ...], list[str]] = {}
        self._numbers = itertools.count(1)
        self._generation = 0
        self._prune_above = _PRUNE_ABOVE

    def __len__(self) -> int:
        return len(self._keys)

    def begin(self, generation: int, oldest_needed: Callable[[], int]) -> None:
        """Start a prompt.

        Args:
            generation: Its number; keys that are asked for from now on belong to it.
            oldest_needed: Tells the oldest prompt whose results are still kept. What neither
                it nor a later one was made of can be forgotten.
        """
        self._generation = generation
        if len(self._keys) > self._prune_above:
            oldest = oldest_needed()
            self._keys = {parts: entry for parts, entry in self._keys.items() if entry[1] >= oldest}
            # Looking through the table costs as much as filling it; do so when it has doubled.
            self._prune_above = max(_PRUNE_ABOVE, 2 * len(self._keys))

    def _sorted_names(self, inputs: Mapping[str, Any]) -> list[str]:
        """Return the input names that count, sorted; nodes of one class mostly share them."""
        names = tuple(inputs)
        found = self._names.get(names)
        if found is None:
            if len(self._names) > _PRUNE_ABOVE:
                self._names.clear()
            found = sorted(name for name in names if not name.startswith(DISPLAY_PREFIX))
            self._names[names] = found
        return found

    def fresh(self) -> Key:
        """Return a key that no other node and no other run has."""
        return next(self._numbers)

    def key(
        self,
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
            source_keys: Key of each node that an input links to.
            is_changed: What ``IS_CHANGED`` answered; NaN in it makes the key equal nothing.
            node_id: Id of the node, when it belongs to the key (E-403, E-404).

        Raises:
            SourceWithoutKey: A source is not in ``source_keys``.
        """
        parts: list[Any] = [class_type, node_id]
        try:
            if is_changed is not False:
                parts.append(freeze(is_changed))
            for name in self._sorted_names(inputs):
                value = inputs[name]
                kind = type(value)
                if kind is str:
                    parts += (name, value)
                elif kind is list and is_link(value):
                    source_key = source_keys.get(value[0])
                    if source_key is None:
                        raise SourceWithoutKey
                    parts += (name, list, source_key, value[1])
                elif kind is int:
                    parts += (name, int, value)
                else:
                    parts += (name, kind, freeze(value))
        except _Unequal:
            return next(self._numbers)
        whole = tuple(parts)
        entry = self._keys.get(whole)
        if entry is None:
            entry = self._keys[whole] = [next(self._numbers), 0]
        entry[1] = self._generation
        return entry[0]


def freeze(value: Any, _depth: int = 0) -> Any:
    """Return ``value`` as something that can be hashed and equals only what it should.

    Mappings do not depend on their order. Texts stand for themselves; other plain values
    come with their type.

    Raises:
        _Unequal: The value is NaN, no JSON value, or nested deeper than 100 levels; it
            equals nothing (E-405, E-951).
    """
    kind = type(value)
    if kind is str:
        return value
    if kind is int or kind is bool or value is None:
        return (kind, value)
    if kind is float:
        if value != value:
            raise _Unequal
        # 0.0 and -0.0 are equal, but nodes can tell them apart.
        return (kind, value or repr(value))
    if _depth > 100:
        raise _Unequal
    if kind is list or kind is tuple:
        return (kind, *(freeze(item, _depth + 1) for item in value))
    if kind is dict:
        if not all(type(key) is str for key in value):
            raise _Unequal
        return (kind, *((key, freeze(value[key], _depth + 1)) for key in sorted(value)))
    if kind is bytes:
        return (kind, value)
    if isinstance(value, str):
        return (kind, str.__str__(value))
    raise _Unequal


def is_same_value(one: Any, other: Any) -> bool:
    """Tell whether two constants give equal keys, or are the very same object."""
    if one is other:
        return True
    try:
        return bool(freeze(one) == freeze(other))
    except _Unequal:
        return False


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
