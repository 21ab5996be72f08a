"""Giving memory back between prompts (E-352, E-543)."""

from __future__ import annotations

import logging
import sys
import threading
import time

from app.engine import allocator, garbage
from app.engine.errors import describe
from app.engine.execution.cache import ResultCache

log = logging.getLogger("easel.engine")

COLLECT_INTERVAL_S = 10.0
"""Least time between two garbage collections after runs (E-543)."""


class Housekeeping:
    """Remembers what shall be freed, and frees it while no prompt runs.

    Args:
        cache: The results that can be dropped.
        run_lock: Held while a prompt runs.
    """

    def __init__(self, cache: ResultCache, run_lock: threading.Lock) -> None:
        self._cache = cache
        self._run_lock = run_lock
        self._wishes: set[str] = set()
        self._collected_at = time.monotonic()

    def wish(self, *names: str) -> None:
        """Remember ``unload_models`` or ``free_memory``; any thread may."""
        self._wishes.update(names)

    def grant(self) -> None:
        """Do what was wished for, unless a prompt runs; its end is the time for it then."""
        if not self._wishes or not self._run_lock.acquire(blocking=False):
            return
        try:
            wishes, self._wishes = self._wishes, set()
            if "unload_models" in wishes:
                self.unload_models()
            if "free_memory" in wishes:
                self._cache.clear()
            garbage.collect()
        finally:
            self._run_lock.release()

    def unload_models(self) -> None:
        """Let go of all models, if any code that holds models is loaded at all."""
        management = sys.modules.get("comfy.model_management")
        unload = getattr(management, "unload_all_models", None)
        if unload is None:
            return
        try:
            unload()
        except Exception as error:  # noqa: BLE001 - packs replace this function
            log.warning("Models could not be unloaded: %s", describe(error))

    def after_run(self) -> None:
        """Give memory back to the system, and collect garbage if that was long ago."""
        now = time.monotonic()
        if now - self._collected_at >= COLLECT_INTERVAL_S:
            self._collected_at = now
            garbage.collect()
        allocator.give_back()
