"""Keeps the items of groups and reroutes in step with the document."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QGraphicsScene

from app.ui.canvas.group_item import GroupItem
from app.ui.canvas.reroute_item import RerouteItem
from app.widgets.style import Style

if TYPE_CHECKING:
    from app.ui.document import WorkflowDocument


class FramesLayer:
    """Makes and removes the items of groups and reroutes.

    Args:
        scene: Where the items go.
        document: What they show.
        style: The theme.

    Attributes:
        groups: Group items by key.
        reroutes: Reroute items by key.
    """

    def __init__(self, scene: QGraphicsScene, document: WorkflowDocument, style: Style) -> None:
        self.groups: dict[str, GroupItem] = {}
        self.reroutes: dict[str, RerouteItem] = {}
        self._scene = scene
        self._document = document
        self._style = style

    def set_style(self, style: Style) -> None:
        """Take other colours."""
        self._style = style
        for group in self.groups.values():
            group.set_style(style)
        for reroute in self.reroutes.values():
            reroute.set_style(style)
        self.color_reroutes(self.reroutes)

    def rebuild(self) -> None:
        """Show all groups and reroutes of the document's graph."""
        graph = self._document.graph
        self.update_groups(graph.groups)
        self.update_reroutes(graph.reroutes)

    def clear(self) -> None:
        """Remove all items."""
        for item in (*self.groups.values(), *self.reroutes.values()):
            self._scene.removeItem(item)
        self.groups.clear()
        self.reroutes.clear()

    def update_groups(self, keys: Iterable[str]) -> None:
        """Bring these groups in step: they were added, changed or removed."""
        records = self._document.graph.groups
        for key in list(keys):
            if key not in records:
                self._scene.removeItem(self.groups.pop(key))
            elif key in self.groups:
                self.groups[key].rebind(records[key])
            else:
                self.groups[key] = GroupItem(records[key], self._style)
                self._scene.addItem(self.groups[key])

    def update_reroutes(self, keys: Iterable[str]) -> None:
        """Bring these reroutes in step: they were added, changed or removed."""
        records = self._document.graph.reroutes
        for key in list(keys):
            if key not in records:
                if key in self.reroutes:
                    self._scene.removeItem(self.reroutes.pop(key))
            elif key in self.reroutes:
                self.reroutes[key].setPos(*records[key].pos)
            else:
                self.reroutes[key] = RerouteItem(key, records[key].pos, self._style)
                self._scene.addItem(self.reroutes[key])

    def color_reroutes(self, keys: Iterable[str]) -> None:
        """Give reroutes the colour of what runs through them."""
        wanted = set(keys)
        if not wanted:
            return
        kinds = {
            key: link.type for link in self._document.bound.links.values() for key in link.reroutes
        }
        for floating in self._document.graph.floating_links.values():
            if floating.parent_id is not None:
                kinds.setdefault(floating.parent_id, floating.type)
        for key in wanted.intersection(kinds, self.reroutes):
            self.reroutes[key].set_color(self._style.link_color(kinds[key]))
