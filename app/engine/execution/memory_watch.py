"""How much memory the program held while a node ran."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any


class MemoryWatch:
    """Measures around a call of a node.

    The system keeps a high-water mark of the whole program's main memory. A call that raises
    it has its exact peak there; of any other call only what is held at its end is known. For
    accelerators torch keeps a mark that can be reset, so the peak is always exact.
    """

    def __init__(self) -> None:
        self._high = 0
        self._cuda: Any = None

    def before(self) -> None:
        """Note where things stand before a call."""
        self._high = _high_water()
        cuda = getattr(sys.modules.get("torch"), "cuda", None)
        self._cuda = cuda if cuda is not None and cuda.is_initialized() else None
        if self._cuda is not None:
            self._cuda.reset_peak_memory_stats()

    def after(self) -> tuple[int, int]:
        """Return the bytes held at most: in main memory, and on accelerators."""
        high = _high_water()
        gpu = int(self._cuda.max_memory_allocated()) if self._cuda is not None else 0
        return (high if high > self._high else _resident()), gpu


def _read_high_water() -> Callable[[], int]:
    """Return what reads the system's mark; it is asked before every call of a node."""
    try:
        from resource import RUSAGE_SELF, getrusage
    except ImportError:  # Windows
        import psutil

        process = psutil.Process()
        return lambda: int(getattr(process.memory_info(), "peak_wset", 0))
    unit = 1 if sys.platform == "darwin" else 1024
    return lambda: getrusage(RUSAGE_SELF).ru_maxrss * unit


_high_water = _read_high_water()


def _resident() -> int:
    import psutil

    return int(psutil.Process().memory_info().rss)
