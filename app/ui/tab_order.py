"""Where Tab goes: through the parts of the window as they lie, and round inside a popup."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QWidget


def reachable(roots: Iterable[QWidget | None]) -> list[QWidget]:
    """Return what Tab can reach inside ``roots``, region by region, each in its own order."""
    found: list[QWidget] = []
    for root in roots:
        if root is None or not root.isVisible():
            continue
        if _takes_tab(root):
            found.append(root)
        part = root.nextInFocusChain()
        while part is not None and part is not root:
            if root.isAncestorOf(part) and _takes_tab(part):
                found.append(part)
            part = part.nextInFocusChain()
    return found


def go_round(parts: Sequence[QWidget], forwards: bool) -> bool:
    """Give the keyboard to the next of ``parts``, after the last one to the first."""
    if not parts:
        return False
    now = QApplication.focusWidget()
    index = parts.index(now) if now in parts else (-1 if forwards else 0)
    target = parts[(index + (1 if forwards else -1)) % len(parts)]
    reason = Qt.FocusReason.TabFocusReason if forwards else Qt.FocusReason.BacktabFocusReason
    target.setFocus(reason)
    return True


def _takes_tab(part: QWidget) -> bool:
    return (
        part.isVisible()
        and part.isEnabled()
        and part.focusProxy() is None
        and bool(part.focusPolicy() & Qt.FocusPolicy.TabFocus)
    )
