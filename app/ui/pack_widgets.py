"""Native controls that node packs bring: any QWidget in their nodes.

A pack that wants one puts a file ``easel_widgets.py`` beside its ``__init__.py``. The engine's
thread reads and compiles it; the window runs it and calls, for each new node of a type that the
file names in ``NODE_WIDGETS``, the function given there with a :class:`NodeHandle`. A pack that
fails here is reported by name and loses its controls, nothing else.
"""

from __future__ import annotations

import traceback
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from app.engine.errors import describe
from app.engine.workflow import edits
from app.ui.document import WorkflowDocument
from app.ui.widget_modules import FILE_NAME, WidgetModule
from app.widgets.dom import DomOptions, DomWidget

if TYPE_CHECKING:
    from app.ui.canvas.view import CanvasView


class NodeHandle:
    """One node on a canvas, as a pack's window code sees it.

    Args:
        view: The canvas.
        key: Key of the node.
    """

    def __init__(self, view: CanvasView, key: str) -> None:
        self._view = weakref.ref(view)
        self.key = key

    @property
    def type(self) -> str:
        """The node's type."""
        return self._document.node(self.key).node.type

    def value(self, name: str) -> Any:
        """Return the value of a widget.

        Raises:
            KeyError: The node has no such widget.
        """
        widget = self._document.node(self.key).widget(name)
        if widget is None:
            raise KeyError(name)
        return widget.value

    def set_value(self, name: str, value: Any) -> None:
        """Give a widget another value, as a step that can be undone."""
        document = self._document
        patch = edits.set_widget(document.workflow, document.bound, self.key, name, value)
        document.apply(patch, f"Change {name}", gesture=f"pack/{self.key}/{name}")

    def add_dom_widget(
        self, name: str, type: str, widget: QWidget, options: DomOptions | None = None
    ) -> DomWidget:
        """Put a QWidget into the node.

        It takes the place of the node's widget of that name, or else a row of its own. It is
        hidden when the canvas is zoomed far out; a picture of it is shown then.

        Args:
            name: Name of the widget; its value is saved under it.
            type: A word for the kind, free to choose.
            widget: The live widget. The canvas owns it from now on.
            options: Heights, visibility, and how its value is read and set.

        Raises:
            ValueError: The node has a live widget of that name already.
        """
        view = self._view()
        if view is None:
            raise RuntimeError("The canvas of this node is closed.")
        return view.dom.add_dom_widget(self.key, name, type, widget, options)

    @property
    def _document(self) -> WorkflowDocument:
        view = self._view()
        if view is None:
            raise RuntimeError("The canvas of this node is closed.")
        return view.document


class PackWidgets(QObject):
    """Runs the window code of packs for the nodes of all canvases.

    Signals:
        failed: Name of a pack, a sentence, and the trace.
    """

    failed = Signal(str, str, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._makers: dict[str, tuple[str, Callable[[NodeHandle], None]]] = {}
        self._views: weakref.WeakSet[CanvasView] = weakref.WeakSet()
        self._done: set[tuple[int, str, str]] = set()

    def take_modules(self, modules: Iterable[WidgetModule]) -> None:
        """Run the files of packs and serve all nodes that are there."""
        for module in modules:
            scope: dict[str, Any] = {"__name__": f"easel_widgets.{module.pack}"}
            scope["__file__"] = module.path
            try:
                exec(module.code, scope)
                makers = scope.get("NODE_WIDGETS")
                if not isinstance(makers, Mapping):
                    raise TypeError(f"{FILE_NAME} defines no NODE_WIDGETS")
            except BaseException as error:  # noqa: BLE001 - the import of a pack's own code
                self._report(module.pack, error)
                continue
            for node_type, maker in makers.items():
                self._makers[str(node_type)] = (module.pack, maker)
        for view in tuple(self._views):
            self._serve(view)

    def watch(self, view: CanvasView) -> None:
        """Serve the nodes of a canvas, now and when nodes are added."""
        self._views.add(view)
        serve = weakref.WeakMethod(self._serve)
        view_ref = weakref.ref(view)

        def on_content() -> None:
            method, alive = serve(), view_ref()
            if method is not None and alive is not None:
                method(alive)

        view.canvas.content_changed.connect(on_content)
        self._serve(view)

    def _serve(self, view: CanvasView) -> None:
        if not self._makers:
            return
        graph = view.document.graph_id
        for key, item in tuple(view.canvas.nodes.items()):
            found = self._makers.get(item.node.node.type)
            if found is None or (id(view), graph, key) in self._done:
                continue
            self._done.add((id(view), graph, key))
            pack, maker = found
            try:
                maker(NodeHandle(view, key))
            except BaseException as error:  # noqa: BLE001 - a call into a pack's own code
                self._report(pack, error)

    def _report(self, pack: str, error: BaseException) -> None:
        text = f"Its own controls cannot be shown: {describe(error)}."
        self.failed.emit(pack, text, "".join(traceback.format_exception(error)))
