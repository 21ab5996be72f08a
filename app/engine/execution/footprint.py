"""How much memory values hold; a tensor's storage counts once, however many views there are."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

_MAX_ITEMS = 20_000


@dataclass(frozen=True, slots=True)
class Footprint:
    """Bytes held in main memory and on accelerators."""

    cpu_bytes: int = 0
    gpu_bytes: int = 0


def footprint(values: Iterable[Any], seen: set[int] | None = None) -> Footprint:
    """Measure the tensors and arrays inside ``values``.

    Lists, tuples, sets and mappings are looked into, other objects are asked by their
    ``get_ram_usage()`` if they have one. At most 20,000 items are visited.

    Args:
        values: What to measure.
        seen: Addresses of storages that count as measured already; those met are added.
    """
    counted = set() if seen is None else seen
    visited: set[int] = set()
    cpu = gpu = 0
    stack = list(values)
    budget = _MAX_ITEMS
    while stack and budget > 0:
        budget -= 1
        value = stack.pop()
        if value is None or isinstance(value, (str, int, float, bytes)):
            cpu += len(value) if isinstance(value, (str, bytes)) else 0
            continue
        if id(value) in visited:
            continue
        visited.add(id(value))
        if isinstance(value, dict):
            stack.extend(value.values())
        elif isinstance(value, (list, tuple, set, frozenset)):
            stack.extend(value)
        else:
            size, is_cpu, address = _size_of(value)
            if size and address not in counted:
                counted.add(address)
                if is_cpu:
                    cpu += size
                else:
                    gpu += size
    return Footprint(cpu, gpu)


def _size_of(value: Any) -> tuple[int, bool, int]:
    """Return ``(bytes, in main memory, address)`` of a leaf; 0 bytes when nothing is known."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        try:
            storage = value.untyped_storage()
            return storage.nbytes(), value.device.type == "cpu", storage.data_ptr()
        except (RuntimeError, NotImplementedError):
            # Sparse and other exotic tensors have no plain storage.
            return 0, True, 0
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.ndarray):
        root = value
        while isinstance(root.base, numpy.ndarray):
            root = root.base
        return int(root.nbytes), True, id(root)
    usage = getattr(value, "get_ram_usage", None)
    if callable(usage) and not isinstance(value, type):
        try:
            return int(usage()), True, id(value)
        except Exception:  # noqa: BLE001 - an object of a pack that cannot say its size
            return 0, True, 0
    return 0, True, 0
