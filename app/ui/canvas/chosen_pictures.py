"""Shows the picture that a node such as Load Image is set to, before anything has run (U-250)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QRunnable, QSize, Qt, QThreadPool, Signal
from PySide6.QtGui import QImage, QImageReader

from app.engine.workflow.binding import BoundNode

if TYPE_CHECKING:
    from app.ui.canvas.view import CanvasView

LONGEST_SIDE = 1024
_UPLOADS = ("image_upload", "animated_image_upload")

FindFile = Callable[[str], Path | None]


class ChosenPictures(QObject):
    """Loads pictures on another thread and hands them to the nodes.

    Args:
        view: The canvas.
    """

    def __init__(self, view: CanvasView) -> None:
        super().__init__(view)
        self._view = view
        self._find: FindFile | None = None
        self._shown: dict[str, str] = {}
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        document = view.document
        document.graph_reset.connect(self._on_reset)
        document.nodes_added.connect(self._look_at)
        document.nodes_changed.connect(self._look_at)
        document.nodes_removed.connect(self._forget)

    def set_finder(self, find: FindFile | None) -> None:
        """Tell how a name in a widget becomes a file; None shows no pictures."""
        self._find = find
        self._on_reset()

    def refresh(self) -> None:
        """Load all pictures again, for example after files have changed."""
        self._on_reset()

    def stop(self) -> None:
        """Load nothing more; waits for the picture that is being read."""
        self._find = None
        self._pool.clear()
        self._pool.waitForDone()

    def _on_reset(self) -> None:
        self._shown.clear()
        self._look_at(list(self._view.canvas.nodes))

    def _forget(self, keys: list[str]) -> None:
        for key in keys:
            self._shown.pop(key, None)

    def _look_at(self, keys: list[str]) -> None:
        if self._find is None:
            return
        nodes = self._view.document.bound.nodes
        for key in keys:
            node = nodes.get(key)
            name = chosen_name(node) if node is not None else ""
            if name != self._shown.get(key, ""):
                self._shown[key] = name
                self._load(key, name)

    def _load(self, key: str, name: str) -> None:
        path = self._find(name) if name and self._find is not None else None
        if path is None:
            self._view.canvas.set_chosen_picture(key, None, (0, 0))
            return
        task = _Load(key, name, str(path))
        task.told.loaded.connect(self._on_loaded, Qt.ConnectionType.QueuedConnection)
        self._pool.start(task)

    def _on_loaded(self, key: str, name: str, image: QImage, full: QSize) -> None:
        # Another file may have been chosen while this one was read.
        if self._find is not None and self._shown.get(key) == name:
            shown = None if image.isNull() else image
            self._view.canvas.set_chosen_picture(key, shown, (full.width(), full.height()))


def chosen_name(node: BoundNode) -> str:
    """Return the name of the picture that a node is set to load, or an empty text."""
    for widget in node.widgets:
        if isinstance(widget.value, str) and any(widget.options.get(key) for key in _UPLOADS):
            return "" if widget.is_linked else widget.value
    return ""


class _Told(QObject):
    """Carries a loaded picture to the GUI thread."""

    loaded = Signal(str, str, QImage, QSize)


class _Load(QRunnable):
    """Reads one picture, reduced while it is decoded where the format allows that."""

    def __init__(self, key: str, name: str, path: str) -> None:
        super().__init__()
        self.told = _Told()
        self._key, self._name, self._path = key, name, path

    def run(self) -> None:
        """Read it; what cannot be read becomes an empty picture."""
        reader = QImageReader(self._path)
        reader.setAutoTransform(True)
        full = reader.size()
        if full.isValid() and max(full.width(), full.height()) > LONGEST_SIDE:
            reader.setScaledSize(
                full.scaled(LONGEST_SIDE, LONGEST_SIDE, Qt.AspectRatioMode.KeepAspectRatio)
            )
        image = reader.read()
        if not full.isValid():
            full = image.size()
        self.told.loaded.emit(self._key, self._name, image, full)
