"""The value that a node returns to keep everything behind an output from running."""

from __future__ import annotations


class ExecutionBlocker:
    """Stands in for an output value and blocks every call that would receive it (E-320).

    Attributes:
        message: Shown as an error at the first blocked node; None blocks silently.
    """

    __slots__ = ("message",)

    def __init__(self, message: str | None) -> None:
        self.message = message

    def __repr__(self) -> str:
        return f"ExecutionBlocker({self.message!r})"
