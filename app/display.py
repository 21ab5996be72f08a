"""Tells whether a window can be shown, before Qt is asked: Qt ends the program where it cannot."""

from __future__ import annotations

import os
import re
import socket
import sys

_X_DISPLAY = re.compile(r"(?P<host>[^:/]*):(?P<number>\d+)(\.\d+)?$")
_FIRST_PORT = 6000
_PATIENCE_S = 1.0


def has_display() -> bool:
    """Tell whether a window can be shown.

    ``DISPLAY`` may still be set where its server has gone, as in an old terminal session, so
    the server is asked.
    """
    if not sys.platform.startswith("linux") or os.environ.get("QT_QPA_PLATFORM"):
        return True
    if os.environ.get("WAYLAND_DISPLAY"):
        return True
    return _x_answers(os.environ.get("DISPLAY", ""))


def _x_answers(name: str) -> bool:
    found = _X_DISPLAY.match(name)
    if found is None:
        # A form this module does not know; Qt may.
        return bool(name)
    host, number = found["host"], int(found["number"])
    if host not in ("", "unix"):
        return _connects(socket.AF_INET, (host, _FIRST_PORT + number))
    path = f"/tmp/.X11-unix/X{number}"
    return any(_connects(socket.AF_UNIX, address) for address in (path, f"\0{path}"))


def _connects(family: int, address: str | tuple[str, int]) -> bool:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.settimeout(_PATIENCE_S)
            probe.connect(address)
    except OSError:
        return False
    return True
