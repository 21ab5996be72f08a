"""Putting back what a node changed for the whole program."""

from __future__ import annotations

import contextlib
import gc
import locale
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from typing import Any

log = logging.getLogger("easel.engine")


@contextlib.contextmanager
def process_state_kept() -> Iterator[None]:
    """Put the working folder, locale, warning filters and torch's default dtype back at the end.

    Everything else that is shared by the whole program (random seeds, environment variables,
    thread counts) stays as nodes leave it, as they expect.
    """
    folder = _working_folder()
    language = locale.setlocale(locale.LC_ALL, None)
    filters = list(warnings.filters)
    dtype = _default_dtype()
    try:
        yield
    finally:
        if _working_folder() != folder and folder is not None:
            with contextlib.suppress(OSError):
                os.chdir(folder)
            log.warning("A node changed the working folder; it was put back.")
        if locale.setlocale(locale.LC_ALL, None) != language:
            with contextlib.suppress(locale.Error):
                locale.setlocale(locale.LC_ALL, language)
            log.warning("A node changed the locale; it was put back.")
        if list(warnings.filters) != filters:
            _put_filters_back(filters)
        _put_dtype_back(dtype)


@contextlib.contextmanager
def collecting_less(node_count: int) -> Iterator[None]:
    """Look for garbage less often: a run makes many objects, nearly all of which it keeps.

    Args:
        node_count: Nodes of the prompt. Each makes some twenty objects, so a prompt of
            100,000 nodes would be searched through dozens of times.
    """
    before = gc.get_threshold()
    wanted = min(max(5_000, 2 * node_count), 200_000)
    if 0 < before[0] < wanted:
        gc.set_threshold(wanted, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _working_folder() -> str | None:
    try:
        return os.getcwd()
    except OSError:
        return None


def _put_filters_back(filters: list[Any]) -> None:
    """Put lost filters back, and take away new ones that silence or raise everything.

    Libraries that were first imported by a node add filters for single messages; those stay.
    """
    added = [each for each in warnings.filters if each not in filters and (each[1] or each[3])]
    kept = [*added, *filters]
    if list(warnings.filters) == kept:
        return
    warnings.filters[:] = kept  # type: ignore[index]
    invalidate = getattr(warnings, "_filters_mutated", None)
    if invalidate is not None:
        invalidate()
    log.warning("A node changed the warning filters; they were put back.")


def _default_dtype() -> object | None:
    get = getattr(sys.modules.get("torch"), "get_default_dtype", None)
    return get() if get is not None else None


def _put_dtype_back(dtype: object | None) -> None:
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "set_default_dtype"):
        return
    wanted = dtype if dtype is not None else torch.float32
    if torch.get_default_dtype() != wanted:
        torch.set_default_dtype(wanted)
        log.warning("A node changed torch's default dtype; it was put back.")
