"""Menus of the canvas, made from commands in the order artists know (U-162)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QPoint, QPointF
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtWidgets import QApplication

from app.engine.workflow import edits
from app.ui.canvas.hover import GROUP_PARTS, REROUTE_PARTS, Hit, Under
from app.ui.graph_commands import COLORS
from app.ui.menu import Menu
from app.ui.subgraph_menus import SubgraphMenus
from app.ui.words import tr

if TYPE_CHECKING:
    from app.ui.canvas.view import CanvasView
    from app.ui.main_window import MainWindow

_NODE = (
    "run.run_branch", None, "edit.rename", "edit.copy", "edit.duplicate", "graph.collapse",
    "graph.pin", "#color", "graph.mute", "graph.bypass", "graph.group", "graph.arrange",
    "graph.shrink", None, "graph.convert_to_subgraph", "graph.unpack_subgraph",
    "graph.edit_widgets", "graph.unique_subgraph", "graph.rename_subgraph",
    "graph.describe_subgraph", "graph.publish_blueprint", None, "graph.info", None, "edit.delete",
)  # fmt: skip
_GROUP = (
    "edit.rename", "edit.copy", "edit.duplicate", "graph.pin", "#color", "graph.mute",
    "graph.bypass", None, "edit.delete",
)  # fmt: skip
_CANVAS = (
    "graph.add_node", "#categories", "graph.add_note", "graph.add_group", None, "edit.paste",
    "edit.paste_with_links", "edit.select_all", None, "view.fit", "graph.arrange",
    "graph.convert_group_nodes", "graph.leave_subgraph",
)  # fmt: skip
_STRIP = ("edit.select_all", "view.fit", None, "graph.edit_widgets", "graph.rename_subgraph",
          "graph.describe_subgraph", "graph.leave_subgraph")  # fmt: skip
"""The menu of the boxes at the ends of a subgraph, which are no nodes to copy or to delete."""
_LEFT_OUT = frozenset(
    {
        "graph.leave_subgraph", "graph.convert_group_nodes", "graph.unpack_subgraph",
        "graph.unique_subgraph", "graph.publish_blueprint",
    }
)  # fmt: skip
"""Commands that menus leave out while they cannot run."""
_HOST_ONLY = frozenset(
    {"graph.edit_widgets", "graph.rename_subgraph", "graph.describe_subgraph"}
)  # fmt: skip
"""Commands that the menu of a node leaves out unless the node is a subgraph."""


class ContextMenus:
    """Opens the menu of what is under the pointer.

    Args:
        window: The window it works for.
    """

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._subgraph_menus = SubgraphMenus(window)

    def open_level(self, depth: int, screen: QPoint) -> Menu:
        """Open the menu of a level of the breadcrumb, 0 for the root (U-193)."""
        menu = Menu(self._window)
        self._subgraph_menus.fill_level(menu, depth)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(screen)
        return menu

    def open(self, view: CanvasView, hit: Hit, place: QPointF, screen: QPoint) -> Menu:
        """Open the menu for what was hit."""
        menu = self.make(view, hit, place)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(screen)
        return menu

    def make(self, view: CanvasView, hit: Hit, place: QPointF) -> Menu:
        """Return the menu for what was hit; :meth:`open` shows it."""
        menu = Menu(self._window)
        if hit.under is Under.LINK:
            self._fill_link(menu, view, hit, place)
        elif hit.node and view.document.node(hit.key).boundary:
            if hit.under in (Under.INPUT, Under.OUTPUT):
                self._subgraph_menus.fill_slot(menu, view, hit)
                menu.addSeparator()
            self._fill(menu, view, _STRIP, place)
        elif hit.under in (Under.INPUT, Under.OUTPUT):
            self._fill_socket(menu, view, hit)
            menu.addSeparator()
            self._fill(menu, view, _NODE, place)
        elif hit.node:
            self._fill_picture(menu, view, hit)
            self._fill_widget(menu, view, hit)
            self._subgraph_menus.fill_widget(menu, view, hit)
            self._fill(menu, view, _NODE, place)
        elif hit.under in GROUP_PARTS - {Under.GROUP}:
            self._fill(menu, view, _GROUP, place)
        elif hit.under in REROUTE_PARTS:
            self._fill(menu, view, ("edit.delete",), place)
        else:
            self._fill(menu, view, _CANVAS, place)
        return menu

    def _fill(
        self, menu: Menu, view: CanvasView, ids: tuple[str | None, ...], place: QPointF
    ) -> None:
        registry = self._window.commands
        for command_id in ids:
            if command_id is None:
                menu.addSeparator()
            elif command_id == "#color":
                self._add_colors(menu)
            elif command_id == "#categories":
                self._add_categories(menu, view, place)
            elif command_id in _HOST_ONLY and ids is _NODE:
                if registry.get("graph.unique_subgraph").enabled():
                    self._window.menus.add(menu, command_id)
            elif command_id not in _LEFT_OUT or registry.get(command_id).enabled():
                self._window.menus.add(menu, command_id)

    def _fill_link(self, menu: Menu, view: CanvasView, hit: Hit, place: QPointF) -> None:
        document = view.document

        def reroute() -> None:
            patch, _ = edits.add_reroute(
                document.workflow, document.bound, hit.key, place.toTuple()
            )
            document.apply(patch, tr("Add reroute"))

        menu.addAction(tr("Add reroute"), reroute)
        action = menu.addAction(tr("Remove link"), lambda: view.actions.remove_link(hit.key))
        link = document.bound.links.get(hit.key)
        action.setEnabled(not view.is_hand_mode)
        if link is not None:
            menu.addSeparator()
            origin = document.bound.nodes[link.origin]
            target = document.bound.nodes[link.target]
            for node in (origin, target):
                words = tr("Go to {name}").format(name=node.title)
                menu.addAction(words, lambda key=node.key: view.actions.show_node(key))

    def _fill_socket(self, menu: Menu, view: CanvasView, hit: Hit) -> None:
        document = view.document
        node = document.bound.nodes[hit.key]
        workflow, bound = document.workflow, document.bound
        if hit.under is Under.OUTPUT:
            output = node.outputs[hit.index]
            menu.addAction(f"{output.label}  ·  {output.type}").setEnabled(False)

            def cut_output() -> None:
                patch = edits.disconnect_output(workflow, bound, hit.key, hit.index)
                document.apply(patch, tr("Remove links"))

            menu.addAction(tr("Remove links"), cut_output).setEnabled(bool(output.links))
            return
        socket = node.inputs[hit.index] if 0 <= hit.index < len(node.inputs) else None
        if socket is None:
            return
        menu.addAction(f"{socket.label}  ·  {socket.type}").setEnabled(False)

        def cut_input() -> None:
            patch = edits.disconnect_input(workflow, bound, hit.key, hit.index)
            document.apply(patch, tr("Remove link"))

        menu.addAction(tr("Remove link"), cut_input).setEnabled(socket.link is not None)

    def _fill_picture(self, menu: Menu, view: CanvasView, hit: Hit) -> None:
        item = self._window.documents.of(view.document)
        run = item.run_state.peek(hit.key) if item is not None else None
        if run is None or not run.image_files:
            return
        from app.ui.panels.results import show_in_folder

        number = hit.index if hit.under is Under.PICTURE and hit.index >= 0 else 0
        number = min(number, len(run.image_files) - 1)
        path = run.image_files[number]
        menu.addAction(
            tr("Open picture"), lambda: self._window.wiring.open_viewer(run.image_files, number)
        )
        if number < len(run.images):
            picture = run.images[number]
            menu.addAction(tr("Copy picture"), lambda: QApplication.clipboard().setImage(picture))
        menu.addAction(tr("Show in folder"), lambda: show_in_folder(path))
        menu.addSeparator()

    def _fill_widget(self, menu: Menu, view: CanvasView, hit: Hit) -> None:
        node = view.document.bound.nodes[hit.key]
        widget = node.widget(hit.widget) if hit.widget else None
        if widget is None or widget.definition is None:
            return
        document = view.document

        def reset() -> None:
            patch = edits.set_widget(
                document.workflow, document.bound, hit.key, widget.name, widget.default
            )
            document.apply(patch, tr("Reset value"))

        words = tr("Reset {name}").format(name=widget.label)
        menu.addAction(words, reset).setEnabled(widget.value != widget.default)
        menu.addAction(
            tr("Copy value"), lambda: QApplication.clipboard().setText(str(widget.value))
        )
        menu.addSeparator()

    def _add_colors(self, menu: Menu) -> None:
        sub = menu.submenu(tr("Colour"))
        trigger = self._window.commands.trigger
        none = self._window.commands.get("graph.color_none")
        sub.setEnabled(none.enabled())
        sub.addAction(tr("None"), lambda: trigger("graph.color_none"))
        for name, words in COLORS:
            tint = self._window.look.tint(name) or QColor("black")
            action = sub.addAction(tr(words), lambda color=name: trigger(f"graph.color_{color}"))
            action.setIcon(_swatch(tint))

    def _add_categories(self, menu: Menu, view: CanvasView, place: QPointF) -> None:
        """Add the nodes by category (U-037); a folder is filled when it is opened."""
        sub = menu.submenu(tr("Add by category"))
        tree = self._window.wiring.catalog.tree()
        self._fill_category(sub, tree, view, place)

    def _fill_category(
        self, menu: Menu, tree: dict[str, Any], view: CanvasView, place: QPointF
    ) -> None:
        for name in sorted((key for key in tree if key), key=str.casefold):
            sub = menu.submenu(name)
            sub.aboutToShow.connect(
                lambda part=sub, branch=tree[name]: (
                    part.isEmpty() and self._fill_category(part, branch, view, place)
                )
            )
        for definition in tree.get("", ()):
            menu.addAction(
                definition.display_name,
                lambda name=definition.name: self._window.canvas_wiring.add_from_library(
                    name, place
                ),
            )


def _swatch(color: QColor) -> QIcon:
    pixmap = QPixmap(14, 14)
    pixmap.fill(QColor(0, 0, 0, 0))
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QColor(0, 0, 0, 0))
    painter.setBrush(color)
    painter.drawEllipse(1, 1, 12, 12)
    painter.end()
    return QIcon(pixmap)
