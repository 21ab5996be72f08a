"""Stopping a change where it makes no difference (the setting ``early_cutoff``).

A node with ``IS_CHANGED`` that always runs makes everything behind it run too, since its key
is new each time. With this setting its result is compared with the one before. If they are
equal, it takes its old key back, and with it the nodes behind it find their old results.

For that the keys of the last run must outlive the start of this one: :meth:`Cutoff.old_keys`
names the keys that would hold if nothing had changed, so that the cache keeps their results.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any

from app.engine.execution.cache import CacheEntry, Outputs, ResultCache
from app.engine.execution.cache_key import Key, SourceWithoutKey, is_same_value, topological
from app.engine.execution.run_state import NodeState

_MAX_ITEMS = 10_000
_MAX_SETTLED = 10_000
_UNCHANGING = (str, int, float, bool, bytes, tuple, type(None))


class Cutoff:
    """Compares results in one run.

    Args:
        cache: The cache; it remembers what this needs from run to run.
        keys: Key of each node, as the key maker has them; changed in place.
        marks: What each node answered when it was asked whether it changed.
    """

    def __init__(self, cache: ResultCache, keys: dict[str, Key], marks: Mapping[str, Any]) -> None:
        self._cache = cache
        self._keys = keys
        self._marks = marks
        self._stems: dict[str, Key] = {}
        self._moved: set[str] = set()
        self._before: dict[str, CacheEntry] = {}

    def begin(self, states: Iterable[NodeState]) -> list[Key]:
        """Look at the nodes of a prompt, whose keys are made.

        Returns:
            The keys that nodes behind a changed one have if that gives the same result again.
        """
        by_id = {state.id: state for state in states}
        links = {each.id: [link.source_id for link in each.links] for each in by_id.values()}
        hoped: dict[str, Key] = {}
        for node_id in topological(links, {}):
            state = by_id[node_id]
            self._refresh(state)
            if node_id in self._before:
                hoped[node_id] = self._cache.settled[self._stems[node_id]][1]
            elif any(source in hoped for source in links[node_id]):
                key = self._hoped_key(state, _laid_over(hoped, self._keys, links[node_id]))
                if key is not None:
                    hoped[node_id] = key
        self._moved.clear()
        return list(hoped.values())

    def _refresh(self, state: NodeState) -> None:
        """Make the key of a node anew where the keys before it have moved."""
        if any(link.source_id in self._moved for link in state.links):
            self._move(state, self._key(state, self._keys))
        if state.id not in self._marks:
            return
        stem = self._stems[state.id] = self._stem(state, self._keys)
        self._before.pop(state.id, None)
        settled = self._cache.settled.get(stem)
        if settled is None:
            return
        if settled[0] == state.key:
            # The mark is the one of last time, and so is the result.
            self._move(state, settled[1])
        elif settled[1] != state.key:
            entry = self._cache.find(state.store, settled[1])
            if entry is not None:
                self._before[state.id] = entry

    def _hoped_key(self, state: NodeState, keys: Mapping[str, Key]) -> Key | None:
        if state.id not in self._marks:
            return self._key(state, keys)
        settled = self._cache.settled.get(self._stem(state, keys))
        return None if settled is None else settled[1]

    def _stem(self, state: NodeState, keys: Mapping[str, Key]) -> Key:
        """Return what a node is made of besides its mark."""
        return self._make(state, keys, "stem of a node", state.id)

    def _key(self, state: NodeState, keys: Mapping[str, Key]) -> Key:
        schema = state.schema
        needs_id = schema is not None and (schema.uses_unique_id or schema.not_idempotent)
        mark = self._marks.get(state.id, False)
        return self._make(state, keys, mark, state.id if needs_id else None)

    def _make(
        self, state: NodeState, keys: Mapping[str, Key], mark: Any, node_id: str | None
    ) -> Key:
        if state.schema is None:
            return state.key
        try:
            return self._cache.keys.key(
                state.class_type, state.inputs, keys, is_changed=mark, node_id=node_id
            )
        except SourceWithoutKey:
            return state.key

    def _move(self, state: NodeState, key: Key) -> None:
        if key != state.key:
            state.key = self._keys[state.id] = key
            self._moved.add(state.id)

    def before(self, state: NodeState) -> None:
        """Give a node its old key back if all that changed before it came to nothing."""
        if self._moved and state.parent is None:
            self._refresh(state)

    def after(self, state: NodeState, outputs: Outputs) -> None:
        """Compare what a node gave with what it gave before; its key is final after this."""
        stem = self._stems.get(state.id)
        if stem is None:
            return
        fresh, settled = state.key, self._cache.settled
        before = self._before.get(state.id)
        if before is not None and is_equal(before.outputs, outputs):
            self._move(state, settled[stem][1])
        settled.pop(stem, None)
        settled[stem] = (fresh, state.key)
        while len(settled) > _MAX_SETTLED:
            del settled[next(iter(settled))]


def _laid_over(
    hoped: Mapping[str, Key], keys: Mapping[str, Key], ids: Iterable[str]
) -> dict[str, Key]:
    return {each: hoped.get(each, keys[each]) for each in ids if each in keys}


def is_equal(one: Any, other: Any) -> bool:
    """Tell whether two results are surely equal; what cannot be compared is not.

    Tensors and arrays are equal when shape, type and every element are. The very same object
    may have been changed in place, so it counts as equal only if it cannot be.
    """
    budget = _MAX_ITEMS
    stack = [(one, other)]
    while stack:
        a, b = stack.pop()
        budget -= 1
        if budget < 0:
            return False
        if type(a) is not type(b) or (a is b and type(a) not in _UNCHANGING):
            return False
        if type(a) in (list, tuple):  # a tuple may hold what can be changed
            if len(a) != len(b):
                return False
            stack.extend(zip(a, b, strict=True))
        elif type(a) is dict:
            if a.keys() != b.keys():
                return False
            stack.extend((a[key], b[key]) for key in a)
        elif type(a) in _UNCHANGING:
            if not is_same_value(a, b):
                return False
        elif not _is_equal_array(a, b):
            return False
    return True


def _is_equal_array(a: Any, b: Any) -> bool:
    torch = sys.modules.get("torch")
    if torch is not None and type(a) is torch.Tensor:
        same = a.shape == b.shape and a.dtype == b.dtype and a.device == b.device
        return bool(same and not a.is_sparse and not b.is_sparse and torch.equal(a, b))
    numpy = sys.modules.get("numpy")
    if numpy is not None and type(a) is numpy.ndarray and a.dtype != object:
        return bool(a.dtype == b.dtype and numpy.array_equal(a, b))
    return False
