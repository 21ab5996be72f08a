"""Functions of ours that node packs may put their own in the place of.

A pack assigns to a name in a module that it knows; our networks call the function by a key, and
whoever offers that module tells what lies there now.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

Finder = Callable[[str], Any]
"""From a key to the function that packs see under its name now, or None."""

_finder: Finder | None = None


def set_finder(finder: Finder | None) -> None:
    """Ask ``finder`` from now on; None asks nobody."""
    global _finder
    _finder = finder


def replaceable(
    key: str,
) -> Callable[[Callable[Parameters, Result]], Callable[Parameters, Result]]:
    """Let a function be replaced under a key.

    The undecorated function is the result's ``__wrapped__``: what packs are shown, so that a
    replacement may call it.
    """

    def decorate(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
        @functools.wraps(function)
        def call(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
            other = None if _finder is None else _finder(key)
            if other is None or other is function or other is call:
                return function(*args, **kwargs)
            result: Result = other(*args, **kwargs)
            return result

        return call

    return decorate
