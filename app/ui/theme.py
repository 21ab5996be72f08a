"""Reads the token files, makes styles from them, and loads the bundled fonts."""

from __future__ import annotations

import json
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from PySide6.QtGui import QFontDatabase

from app.widgets.style import Style

RESOURCES = Path(__file__).resolve().parents[2] / "resources"


@cache
def _read(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((RESOURCES / "themes" / name).read_text("utf-8"))
    return data


@lru_cache(maxsize=8)
def load_style(name: str = "dark", scale: float = 1.0) -> Style:
    """Return the style of a built-in theme, ``"dark"`` or ``"light"``.

    Args:
        name: Theme file without its ending.
        scale: Interface scale, 0.75 to 2.
    """
    return Style(_read(f"{name}.json"), _read("tokens.json"), scale)


def load_fonts() -> None:
    """Register the bundled fonts; call once after the application object exists.

    Raises:
        RuntimeError: A bundled font file is missing or broken.
    """
    for path in sorted((RESOURCES / "fonts").glob("*.[ot]tf")):
        if QFontDatabase.addApplicationFont(str(path)) < 0:
            raise RuntimeError(f"The bundled font {path.name} cannot be read.")
