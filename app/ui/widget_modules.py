"""Finds and compiles the window code of node packs, away from the GUI thread."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

log = logging.getLogger("easel.packs")

FILE_NAME = "easel_widgets.py"


@dataclass(frozen=True, slots=True)
class WidgetModule:
    """A compiled ``easel_widgets.py``.

    Attributes:
        pack: Name of the pack.
        path: The file.
        code: What to run.
    """

    pack: str
    path: str
    code: CodeType


def read_widget_modules(packs: Iterable[tuple[str, str]]) -> list[WidgetModule]:
    """Read and compile the files of all packs; runs on the engine's thread.

    Args:
        packs: Name and folder of each loaded pack.
    """
    modules = []
    for name, folder in packs:
        path = Path(folder) / FILE_NAME
        try:
            code = compile(path.read_bytes(), str(path), "exec")
        except (FileNotFoundError, NotADirectoryError):
            continue
        except (OSError, SyntaxError, ValueError) as error:
            log.warning("%s of the pack %s cannot be used: %s", FILE_NAME, name, error)
            continue
        modules.append(WidgetModule(name, str(path), code))
    return modules
