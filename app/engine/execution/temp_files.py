"""Files that a session put into the temp folder, and takes away again (decision 10).

Only files that a node told of are known. So two programs may share one temp folder, and a
temp folder that an artist chose may hold other things; what packs left there without a word
goes a day later, if it lies in the home folder.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping
from typing import Any

from app.engine.errors import UnsafePathError
from app.engine.files import resolve_inside


class TempFiles:
    """The temp files of one session."""

    def __init__(self) -> None:
        self._names: set[str] = set()

    def note(self, outputs: Iterable[Mapping[str, Any]]) -> None:
        """Remember the temp files that ui dictionaries name."""
        for output in outputs:
            for items in output.values():
                if not isinstance(items, (list, tuple)):
                    continue
                for item in items:
                    if isinstance(item, Mapping) and item.get("type") == "temp":
                        subfolder, name = str(item.get("subfolder") or ""), item.get("filename")
                        if isinstance(name, str) and name:
                            self._names.add(os.path.join(subfolder, name))

    def remove(self, folder: str | os.PathLike[str]) -> int:
        """Delete them from the temp folder; what cannot be deleted stays.

        Returns:
            How many files went.
        """
        names, self._names = self._names, set()
        removed = 0
        for name in names:
            with contextlib.suppress(OSError, ValueError, UnsafePathError):
                resolve_inside(folder, name).unlink()
                removed += 1
        return removed
