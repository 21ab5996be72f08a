"""Node types by class name.

The two dictionaries are the very ones that node packs see as ``nodes.NODE_CLASS_MAPPINGS``
and ``nodes.NODE_DISPLAY_NAME_MAPPINGS`` (rule E-741): packs may write into them at any time,
so nothing here is remembered between two calls.
"""

from __future__ import annotations

import logging
from difflib import get_close_matches
from typing import Any

from app.engine.errors import Interrupted, UnknownNodeError, describe, is_ctrl_c
from app.engine.node_types import v1, v3
from app.engine.node_types.definition import NodeDefinition

log = logging.getLogger("easel.nodes")


class Registry:
    """Every installed node type.

    Attributes:
        classes: Node class by class name; shared with node packs.
        display_names: Title by class name; shared with node packs.
        failures: Why a class could not be described when it was last tried, by class name.
    """

    def __init__(
        self,
        classes: dict[str, type] | None = None,
        display_names: dict[str, str] | None = None,
    ) -> None:
        self.classes: dict[str, type] = {} if classes is None else classes
        self.display_names: dict[str, str] = {} if display_names is None else display_names
        self.failures: dict[str, str] = {}

    def get(self, name: str) -> type:
        """Return the class of a node type.

        Raises:
            UnknownNodeError: It is not installed; the message names the nearest one.
        """
        try:
            return self.classes[name]
        except KeyError:
            raise UnknownNodeError(self._unknown_message(name), types=(name,)) from None

    def nearest(self, name: str) -> str | None:
        """Return the installed class name that looks most like ``name``, if any does."""
        folded = {known.casefold(): known for known in self.classes if isinstance(known, str)}
        found = get_close_matches(name.casefold(), folded, n=1, cutoff=0.7)
        return folded[found[0]] if found else None

    def object_info(self, name: str | None = None) -> dict[str, dict[str, Any]]:
        """Describe one node type, or all of them, as plain JSON values (E-600 to E-604).

        A class that fails to describe itself is logged and left out; the others are there.

        Args:
            name: One class name, or None for all. An unknown name gives an empty dict.
        """
        names = list(self.classes) if name is None else [name] if name in self.classes else []
        found = {}
        for each in names:
            entry = self._describe(each)
            if entry is not None:
                found[each] = entry
        return found

    def definitions(self) -> dict[str, NodeDefinition]:
        """Return what the window and the file reader need of every node type."""
        return {
            name: NodeDefinition.from_object_info(name, entry)
            for name, entry in self.object_info().items()
        }

    def _describe(self, name: str) -> dict[str, Any] | None:
        self.failures.pop(name, None)
        try:
            cls = self.classes[name]
            if v3.is_v3(cls):
                return v1.to_json_object(v3.describe(name, cls))
            return v1.describe(name, cls, self.display_names.get(name))
        except Interrupted:
            raise
        except BaseException as error:  # a pack's code; it may even call sys.exit
            if is_ctrl_c(error):
                raise
            self.failures[name] = describe(error)
            log.warning('Node type "%s" cannot be described: %s', name, describe(error))
            return None

    def _unknown_message(self, name: str) -> str:
        nearest = self.nearest(name)
        hint = f' Did you mean "{nearest}"?' if nearest else ""
        return f'Node type "{name}" is not installed.{hint}'
