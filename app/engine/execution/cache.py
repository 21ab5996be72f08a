"""Results and node instances that outlive a run, and what is dropped when (E-400 to E-434).

::

    ResultCache            classic: what the current prompt can use, and nothing else
      LruCache             keeps results of earlier prompts, oldest generations go first
      RamCache             keeps everything until free memory runs low
      NoCache              keeps nothing

Every cache has a tree of :class:`Store`. The root belongs to the prompt's own nodes; a node
that expands has a store below, found by its id and class, for the nodes it expanded into
(E-430). In classic mode a store has its own results; the others keep all results in one
place, and the tree only says which node instances are still needed (E-432).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.engine import garbage
from app.engine.errors import SettingsError
from app.engine.execution.cache_key import Key, KeyTable
from app.engine.execution.footprint import footprint

Outputs = list[list[Any]]
NodeName = tuple[str, str]
"""Id and class name of a node: what an instance or a store below is found by."""


@dataclass(frozen=True, slots=True)
class UiOutput:
    """The ui dictionary of one node.

    Attributes:
        node_id: The node that made it.
        output: Sequences of JSON values by key.
        meta: ``node_id``, ``display_node``, ``parent_node`` and ``real_node_id`` (E-346).
    """

    node_id: str
    output: dict[str, Any]
    meta: dict[str, Any]


@dataclass(slots=True, eq=False)
class CacheEntry:
    """What a node left behind.

    Attributes:
        outputs: One list of values for each output slot.
        ui: Its ui dictionary, or None.
        inner_ui: Ui outputs of the nodes it expanded into (E-908).
        has_blocker: Whether a value is an ``ExecutionBlocker``.
        seconds: Wall time it took.
        generation: The last prompt that could use it.
    """

    outputs: Outputs
    ui: dict[str, Any] | None = None
    inner_ui: list[UiOutput] = field(default_factory=list)
    has_blocker: bool = False
    seconds: float = 0.0
    generation: int = 0


class Store:
    """Results and instances of the nodes of one graph: the prompt, or one expansion.

    Attributes:
        entries: Results by key.
        objects: Class and instance by node name (E-300).
        below: Stores of the nodes here that expanded.
    """

    __slots__ = ("below", "entries", "objects")

    def __init__(self, entries: dict[Key, CacheEntry]) -> None:
        self.entries = entries
        self.objects: dict[NodeName, tuple[type, Any]] = {}
        self.below: dict[NodeName, Store] = {}

    def keep_only(self, classes: Mapping[str, str]) -> None:
        """Drop the instances and the stores below of all nodes but these.

        Args:
            classes: Class name of each node, by id.
        """
        for kept in (self.objects, self.below):
            for name in [each for each in kept if classes.get(each[0]) != each[1]]:
                del kept[name]  # type: ignore[attr-defined]


class ResultCache:
    """The classic cache: at most one prompt's worth of results (E-420).

    Attributes:
        generation: Number of the prompt.
        keys: Numbers for what nodes are made of.
        settled: What :mod:`app.engine.execution.cutoff` knows of earlier runs.
        root: Results and instances of the prompt's own nodes.
    """

    keeps_results = True
    """Whether results can be found again; without, every node runs in every prompt (E-423)."""

    keeps_instances = True
    """Whether node instances live on."""

    releases_early = False
    """Whether a result is to be let go as soon as nothing in the run can ask for it (E-955)."""

    def __init__(self) -> None:
        self.generation = 0
        self.keys = KeyTable()
        self.settled: dict[Key, tuple[Key, Key]] = {}
        self.root = Store({})

    def begin_keys(self) -> None:
        """Start a prompt: from here on its keys are made."""
        self.generation += 1
        self.keys.begin(self.generation, self._oldest_generation)

    def _oldest_generation(self) -> int:
        """Return the oldest prompt whose keys may be asked for again."""
        oldest = self.generation - 1
        stores = list(self.root.below.values())
        while stores:
            store = stores.pop()
            stores.extend(store.below.values())
            oldest = min(oldest, *(each.generation for each in store.entries.values()), oldest)
        return oldest

    def begin(self, classes: Mapping[str, str], keys: Iterable[Key]) -> None:
        """Go on, now that the keys are known: drop what the prompt cannot use.

        Args:
            classes: Class name of each node of the prompt, by id.
            keys: Their keys.
        """
        self.root.keep_only(classes)
        self._keep_entries(self.root, keys)

    def begin_expansion(
        self, store: Store, owner: NodeName, classes: Mapping[str, str], keys: Iterable[Key]
    ) -> Store:
        """Start an expansion: return the owner's store below, without older expansions (E-431)."""
        inner = store.below.get(owner)
        if inner is None:
            inner = store.below[owner] = self._new_store()
        inner.keep_only(classes)
        self._keep_entries(inner, keys)
        return inner

    def _new_store(self) -> Store:
        return Store({})

    def _keep_entries(self, store: Store, keys: Iterable[Key]) -> None:
        wanted = set(keys)
        if not store.entries.keys() <= wanted:
            store.entries = {key: store.entries[key] for key in store.entries if key in wanted}

    def find(self, store: Store, key: Key) -> CacheEntry | None:
        """Return the result kept under ``key``, or None."""
        return store.entries.get(key)

    def keep(self, store: Store, key: Key, entry: CacheEntry) -> None:
        """Keep a result."""
        entry.generation = self.generation
        store.entries[key] = entry

    def forget(self, store: Store, key: Key) -> None:
        """Drop one result."""
        store.entries.pop(key, None)

    def after_node(self, held: Callable[[], set[int]]) -> None:
        """Note that a node has ended.

        Args:
            held: Returns the ``id`` of each entry that the run still holds; dropping those
                would free nothing.
        """

    def clear(self) -> None:
        """Drop everything."""
        self.root = self._new_store()
        self.keys = KeyTable()
        self.settled = {}

    def forget_instances(self) -> None:
        """Drop node instances: what they read when they were made holds no more."""
        stores = [self.root]
        while stores:
            store = stores.pop()
            store.objects.clear()
            stores.extend(store.below.values())

    def __len__(self) -> int:
        count, stores = 0, [self.root]
        while stores:
            store = stores.pop()
            count += len(store.entries)
            stores.extend(store.below.values())
        return count


class _FlatCache(ResultCache):
    """Keeps all results in one dictionary, so that they survive a change of prompt (E-432)."""

    def __init__(self) -> None:
        super().__init__()
        self.entries = self.root.entries

    def _new_store(self) -> Store:
        return Store(self.entries)

    def _oldest_generation(self) -> int:
        return min((entry.generation for entry in self.entries.values()), default=self.generation)

    def _keep_entries(self, store: Store, keys: Iterable[Key]) -> None:
        entries, generation = self.entries, self.generation
        for key in keys:
            entry = entries.get(key)
            if entry is not None:
                entry.generation = generation

    def find(self, store: Store, key: Key) -> CacheEntry | None:
        entry = self.entries.get(key)
        if entry is not None:
            entry.generation = self.generation
        return entry

    def clear(self) -> None:
        self.entries.clear()
        super().clear()

    def __len__(self) -> int:
        return len(self.entries)


class LruCache(_FlatCache):
    """Keeps about ``size`` results; one prompt alone may exceed it (E-421)."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def begin(self, classes: Mapping[str, str], keys: Iterable[Key]) -> None:
        """Go on: while there are too many results, drop the oldest generation."""
        super().begin(classes, keys)
        excess = len(self.entries) - self.size
        if excess <= 0:
            return
        by_age: dict[int, list[Key]] = {}
        for key, entry in self.entries.items():
            by_age.setdefault(entry.generation, []).append(key)
        by_age.pop(self.generation, None)
        for generation in sorted(by_age):
            if excess <= 0:
                break
            for key in by_age[generation]:
                del self.entries[key]
            excess -= len(by_age[generation])


class RamCache(_FlatCache):
    """Keeps results until free memory falls below a reserve (E-422, E-955, E-956).

    What goes first is what is cheap to make again for the bytes it holds, and has not been
    used for long: the score is bytes, times 1.3 for each prompt that did not use it, over the
    seconds it took. Results without tensors (loaders, models, texts) are let alone: they hold
    little, or are kept in check by the model memory manager.

    Args:
        reserve_bytes: Main memory to keep free.
        free_bytes: Tells how much is free; the system's word when left out.
    """

    releases_early = True
    CHECK_INTERVAL_S = 0.05

    def __init__(self, reserve_bytes: int, free_bytes: Callable[[], int] | None = None) -> None:
        super().__init__()
        self.reserve_bytes = reserve_bytes
        self._free_bytes = free_bytes or _system_free_bytes
        self._checked_at = 0.0

    def after_node(self, held: Callable[[], set[int]]) -> None:
        """Drop results when memory is low; looked at no more than 20 times a second."""
        now = time.monotonic()
        if now - self._checked_at < self.CHECK_INTERVAL_S:
            return
        self._checked_at = now
        if self._free_bytes() >= self.reserve_bytes:
            return
        garbage.collect()
        if self._free_bytes() < self.reserve_bytes:
            self._evict(held(), int(self.reserve_bytes * 1.1))

    def _evict(self, held: set[int], target_bytes: int) -> None:
        seen: set[int] = set()
        for entry in self.entries.values():
            if id(entry) in held:
                footprint(entry.outputs, seen)
        candidates = []
        for number, (key, entry) in enumerate(self.entries.items()):
            if id(entry) in held:
                continue
            size = footprint(entry.outputs, seen)
            held_bytes = size.cpu_bytes + size.gpu_bytes
            if held_bytes:
                age = 1.3 ** min(self.generation - entry.generation, 200)
                candidates.append((-held_bytes * age / (0.01 + entry.seconds), number, key))
        for _, _, key in sorted(candidates):
            if self._free_bytes() >= target_bytes:
                break
            del self.entries[key]


class NoCache(ResultCache):
    """Keeps nothing; every node runs in every prompt, with a new instance (E-423)."""

    keeps_results = False
    keeps_instances = False
    releases_early = True

    def find(self, store: Store, key: Key) -> CacheEntry | None:
        """Return None."""
        return None

    def keep(self, store: Store, key: Key, entry: CacheEntry) -> None:
        """Do nothing."""

    def begin_expansion(
        self, store: Store, owner: NodeName, classes: Mapping[str, str], keys: Iterable[Key]
    ) -> Store:
        """Return a store that is forgotten with the run."""
        return Store({})


def _system_free_bytes() -> int:
    import psutil

    return int(psutil.virtual_memory().available)


def make_cache(spec: str) -> ResultCache:
    """Return the cache that a setting names (E-424).

    Args:
        spec: ``"classic"``, ``"lru:N"`` with N results (0 means classic), ``"ram:GB"`` with
            the memory to keep free (``"ram"`` means 4), or ``"none"``.

    Raises:
        SettingsError: The text is none of these.
    """
    kind, _, amount = spec.partition(":")
    makers: Mapping[str, Callable[[], ResultCache]] = {
        "classic": ResultCache,
        "none": NoCache,
        "ram": lambda: RamCache(4 << 30),
    }
    if not amount and kind in makers and ":" not in spec:
        return makers[kind]()
    try:
        if kind == "lru" and int(amount) >= 0:
            return LruCache(int(amount)) if int(amount) else ResultCache()
        if kind == "ram" and 0 < float(amount) < 1e6:
            return RamCache(int(float(amount) * (1 << 30)))
    except ValueError:
        pass
    raise SettingsError(
        f'The cache setting "{spec}" is not known. Use "classic", "lru:100", "ram:4" or "none".'
    )
