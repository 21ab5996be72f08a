"""The words an artist reads, on their way through Qt's translation."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

CONTEXT = "Easel"


def tr(text: str) -> str:
    """Return ``text`` in the language of the window.

    Sentences with values keep their places in braces until after the translation:
    ``tr("{done} of {total} steps").format(done=3, total=20)``.
    """
    return QCoreApplication.translate(CONTEXT, text)


def count_words(number: int, one: str, many: str) -> str:
    """Return "1 node" or "5 nodes"; both words must be translated already."""
    return f"{number} {one if number == 1 else many}"


def size_words(size_bytes: float) -> str:
    """Return a size as people say it: ``"7.4 GB"``, ``"64 MB"``."""
    value = float(size_bytes)
    units = ["B", "kB", "MB", "GB"]
    while value >= 1024 and len(units) > 1:
        value /= 1024
        units.pop(0)
    return (
        f"{value:.1f} {units[0]}" if units[0] == "GB" and value < 100 else f"{value:.0f} {units[0]}"
    )
