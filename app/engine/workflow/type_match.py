"""Which slot types fit each other (W-054, U-069)."""

from __future__ import annotations

from typing import Final

_ANY: Final = frozenset({"", "*", "0"})


def is_any(kind: str) -> bool:
    """Tell whether a slot type takes everything."""
    return kind in _ANY


def types_fit(first: str, second: str) -> bool:
    """Tell whether two slot types may be linked: equal, any, or comma lists with a common member.

    Case does not matter.
    """
    if first == second or first in _ANY or second in _ANY:
        return True
    first, second = first.lower(), second.lower()
    if "," not in first and "," not in second:
        return first == second
    return any(
        one == other or one in _ANY or other in _ANY
        for one in first.split(",")
        for other in second.split(",")
    )
