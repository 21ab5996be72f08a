"""Reads the token files, makes styles from them, and loads the bundled fonts."""

from __future__ import annotations

import copy
import json
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from PySide6.QtGui import QFontDatabase

from app.widgets.style import Style

DEFAULT_PROMPT_PX = 12
"""Size of prompt text in the tokens (decision 13)."""
RESOURCES = Path(__file__).resolve().parents[2] / "resources"


@cache
def _read(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((RESOURCES / "themes" / name).read_text("utf-8"))
    return data


@lru_cache(maxsize=8)
def load_style(name: str = "dark", scale: float = 1.0, prompt_px: int = DEFAULT_PROMPT_PX) -> Style:
    """Return the style of a built-in theme, ``"dark"`` or ``"light"``.

    Args:
        name: Theme file without its ending.
        scale: Interface scale, 0.75 to 2.
        prompt_px: Size of the text in text boxes of nodes, 8 to 24.
    """
    tokens = _read("tokens.json")
    if prompt_px != DEFAULT_PROMPT_PX:
        tokens = copy.deepcopy(tokens)
        row = tokens["type"]["node"]["promptText"]
        row["line"] = round(row["line"] * prompt_px / row["px"])
        row["px"] = prompt_px
    return Style(_read(f"{name}.json"), tokens, scale)


def load_fonts() -> None:
    """Register the bundled fonts; call once after the application object exists.

    Raises:
        RuntimeError: A bundled font file is missing or broken.
    """
    for path in sorted((RESOURCES / "fonts").glob("*.[ot]tf")):
        if QFontDatabase.addApplicationFont(str(path)) < 0:
            raise RuntimeError(f"The bundled font {path.name} cannot be read.")
