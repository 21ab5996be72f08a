"""Where garbage is collected.

Qt objects must die on the thread they live on, and Python destroys what a collection finds on
the thread that collects. So in a program with a window nothing but the window's thread may
collect; the engine and the models ask here, and a window puts its own function in.
"""

from __future__ import annotations

import gc
from collections.abc import Callable

_collector: Callable[[], object] = gc.collect


def collect() -> None:
    """Collect garbage, or ask the thread that may."""
    _collector()


def set_collector(collector: Callable[[], object] | None) -> None:
    """Let ``collector`` be called instead of :func:`gc.collect`; None puts that back."""
    global _collector
    _collector = gc.collect if collector is None else collector
