"""Live QWidgets of node packs over the canvas: which node they belong to, and where they lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from app.engine.workflow import edits
from app.ui.canvas import words
from app.ui.canvas.node_item import NodeItem
from app.widgets.dom import DomOptions, DomWidget
from app.widgets.dom_store import DomStore

if TYPE_CHECKING:
    from app.ui.canvas.view import CanvasView


class DomOverlay(QObject):
    """Keeps the :class:`DomStore` of one canvas in step with its nodes.

    A control is kept for as long as the document is open, so that undo brings a node back with
    the widget it had.

    Args:
        view: The canvas.

    Attributes:
        store: Where the widgets lie and which are shown.
    """

    def __init__(self, view: CanvasView) -> None:
        super().__init__(view)
        self._view = view
        self.store = DomStore(view.viewport(), self)
        self._controls: dict[tuple[str, str], dict[str, DomWidget]] = {}
        self.store.changed.connect(self._on_changed)
        view.canvas.content_changed.connect(self._on_content_changed)

    def add_dom_widget(
        self,
        node_key: str,
        name: str,
        type_name: str,
        widget: QWidget,
        options: DomOptions | None = None,
    ) -> DomWidget:
        """Put a QWidget into a node of the shown graph.

        It takes the place of the node's widget of that name, or else a row of its own below the
        others, whose value is then stored among the node's properties.

        Raises:
            KeyError: There is no such node.
            ValueError: The node has a live widget of that name already.
        """
        item = self._view.canvas.nodes[node_key]
        controls = self._controls.setdefault((self._view.document.graph_id, node_key), {})
        if name in controls:
            raise ValueError(f"The node has a live widget named {name!r} already.")
        control = DomWidget(name, type_name, widget, options)
        control.on_change = lambda value: self._store_value(node_key, name, value)
        controls[name] = control
        self.store.register(control)
        stored = item.node.widget(name)
        value = stored.value if stored is not None else item.node.node.properties.get(name)
        if value is not None:
            control.value = value
        self._attach(item)
        self._view.canvas.node_resized(item)
        self.place_all()
        return control

    def place_all(self) -> None:
        """Bring all live widgets to where their nodes are."""
        if not self._controls:
            return
        canvas, graph = self._view.canvas, self._view.document.graph_id
        for (graph_id, node_key), controls in self._controls.items():
            item = canvas.nodes.get(node_key) if graph_id == graph else None
            for control in controls.values():
                self._place(item, control)
        self.store.set_transform(self._view.viewportTransform())

    def _place(self, item: NodeItem | None, control: DomWidget) -> None:
        row = item.row_of(control.spec.name) if item is not None else None
        if item is None or row is None:
            self.store.place(control.id, self.store.state(control.id).rect, is_visible=False)
            return
        box = control.box(row).translated(item.pos())
        is_covered = any(
            other is not item and other.zValue() > item.zValue() and other.outline.intersects(box)
            for other in self._view.canvas.nodes_in(box)
        )
        self.store.place(control.id, box, z=item.zValue(), is_visible=True, is_covered=is_covered)

    def _attach(self, item: NodeItem) -> None:
        controls = self._controls.get((self._view.document.graph_id, item.key))
        if controls and item.extras != controls:
            item.set_extras(dict(controls))

    def _on_content_changed(self) -> None:
        """Give nodes that came back their widgets, and follow those that moved."""
        if not self._controls:
            return
        canvas, graph = self._view.canvas, self._view.document.graph_id
        for graph_id, node_key in self._controls:
            item = canvas.nodes.get(node_key) if graph_id == graph else None
            if item is not None:
                self._attach(item)
        self.place_all()

    def _on_changed(self, widget_id: str) -> None:
        for (_, node_key), controls in self._controls.items():
            if any(control.id == widget_id for control in controls.values()):
                self._view.canvas.repaint_node(node_key)

    def _store_value(self, node_key: str, name: str, value: Any) -> None:
        document = self._view.document
        node = document.bound.nodes.get(node_key)
        if node is None:
            return
        gesture = f"{node_key}/{name}"
        if node.widget(name) is not None:
            patch = edits.set_widget(document.workflow, document.bound, node_key, name, value)
        else:
            patch = edits.set_property(document.workflow, document.bound, node_key, name, value)
        document.apply(patch, words.change(name), gesture=gesture)
