"""Windows that are not rectangles, with and without a program that blends windows.

On X a window with see-through parts needs a compositing manager; without one everything that
should shine through is black. A panel then shows its body alone, cut out by a mask.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QBitmap, QGuiApplication, QPainter, QPixmap
from PySide6.QtWidgets import QWidget


def has_compositor() -> bool:
    """Tell whether windows can be see-through; asked anew, for such programs come and go."""
    application = QGuiApplication.instance()
    if not isinstance(application, QGuiApplication) or QGuiApplication.platformName() != "xcb":
        return True
    library, native = _x11(), application.nativeInterface()
    display = native.display() if native is not None and hasattr(native, "display") else None
    if library is None or not display:
        return True
    number = library.XDefaultScreen(display)
    selection = library.XInternAtom(display, f"_NET_WM_CM_S{number}".encode(), False)
    return bool(library.XGetSelectionOwner(display, selection))


@cache
def _x11() -> Any:
    """Return the X library that Qt has loaded already, or None."""
    import ctypes

    try:
        library = ctypes.CDLL("libX11.so.6")
    except OSError:
        return None
    library.XDefaultScreen.argtypes = [ctypes.c_void_p]
    library.XInternAtom.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
    library.XInternAtom.restype = ctypes.c_ulong
    library.XGetSelectionOwner.argtypes = [ctypes.c_void_p, ctypes.c_ulong]
    library.XGetSelectionOwner.restype = ctypes.c_ulong
    return library


def make_see_through(widget: QWidget) -> bool:
    """Let a window be see-through where that works; tells whether it is.

    Where it is not, call :func:`cut_out` whenever the window gets another size.
    """
    is_blended = has_compositor()
    widget.setAttribute(Qt.WidgetAttribute.WA_TranslucentBackground, is_blended)
    return is_blended


def cut_out(widget: QWidget, body: QRect, radius: float) -> None:
    """Let only a rounded box of a window be there."""
    mask = QPixmap(widget.size())
    mask.fill(Qt.GlobalColor.white)
    painter = QPainter(mask)
    painter.setBrush(Qt.GlobalColor.black)
    painter.setPen(Qt.GlobalColor.black)
    painter.drawRoundedRect(QRectF(body).adjusted(0, 0, -1, -1), radius, radius)
    painter.end()
    widget.setMask(QBitmap.fromPixmap(mask))
