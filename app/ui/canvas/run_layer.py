"""Shows a run on the canvas: progress bars, outlines of running and failed nodes, pictures."""

from __future__ import annotations

import math

from PySide6.QtCore import QElapsedTimer, QObject, QTimer
from PySide6.QtWidgets import QGraphicsScene

from app.ui.canvas.node_item import NodeItem
from app.ui.canvas.node_layout import PICTURE_ROW, TEXT_ROW
from app.ui.canvas.node_views import output_row_kind
from app.ui.canvas.progress_item import ProgressItem
from app.ui.canvas.title_painter import steps_end
from app.ui.run_state import NodePhase, NodeRun, RunState
from app.widgets.style import Style

_BUSY_FRAME_MS = 33


class RunLayer(QObject):
    """Follows the run state of a document.

    Attributes:
        prefix: What stands before a node's key in the run state: empty for the root graph, the
            path of hosts inside a subgraph (``"57:"``).
        running: Keys of nodes being run.
        failed: Sentences by key of failed nodes.
        reduce_motion: Nothing moves by itself.
    """

    def __init__(self, scene: QGraphicsScene, run_state: RunState, style: Style) -> None:
        super().__init__(scene)
        self.prefix = ""
        self.running: dict[str, None] = {}
        self.failed: dict[str, str] = {}
        self.reduce_motion = False
        self._scene = scene
        self._state = run_state
        self._style = style
        self._bars: dict[str, ProgressItem] = {}
        self._clock = QElapsedTimer()
        self._timer = QTimer(self)
        self._timer.setInterval(_BUSY_FRAME_MS)
        self._timer.timeout.connect(self._move_busy)

    def set_style(self, style: Style) -> None:
        """Take other colours."""
        self._style = style
        for bar in self._bars.values():
            bar.set_style(style)

    def clear(self) -> None:
        """Forget everything, before the scene is built anew."""
        for bar in self._bars.values():
            self._scene.removeItem(bar)
        self._bars.clear()
        self.running.clear()
        self.failed.clear()
        self._timer.stop()

    def run_of(self, key: str) -> NodeRun | None:
        """Return the last run of a node of the shown graph."""
        return self._state.peek(self.prefix + key)

    def local_key(self, run_key: str) -> str | None:
        """Return the key in the shown graph of a node in the run state, if it is shown."""
        if not run_key.startswith(self.prefix):
            return None
        key = run_key[len(self.prefix) :]
        # A node inside a host shows on the host, which the run state lists on its own.
        return None if ":" in key else key

    def update_node(self, item: NodeItem) -> bool:
        """Bring one node in step with its run; returns whether its size changed."""
        run = self.run_of(item.key)
        phase = run.phase if run is not None else NodePhase.IDLE
        if phase is NodePhase.RUNNING:
            self.running[item.key] = None
        else:
            self.running.pop(item.key, None)
            self._drop_bar(item.key)
        if run is not None and run.problem:
            self.failed[item.key] = run.problem
        else:
            self.failed.pop(item.key, None)
        if run is not None:
            if run.preview is not None:
                item.kept_preview = run.preview
            elif run.images or run.text:
                item.kept_preview = None
        has_picture = item.chosen_picture is not None or item.kept_preview is not None
        kind = output_row_kind(run) or ("picture" if has_picture else "")
        row = {"picture": PICTURE_ROW, "text": TEXT_ROW}.get(kind, 0.0)
        is_resized = row != item.output_row
        if is_resized:
            item.output_row = row
            item.update_size()
        if phase is NodePhase.RUNNING:
            self.update_progress(item)
        return is_resized

    def update_progress(self, item: NodeItem) -> bool:
        """Show how far a running node is; nothing but its little bar is painted anew.

        Returns:
            Whether the title has to make other room for the words than before.
        """
        run = self.run_of(item.key)
        if run is None or run.phase is not NodePhase.RUNNING:
            return False
        bar = self._bars.get(item.key)
        if bar is None:
            bar = self._bars[item.key] = ProgressItem(self._style)
            self._scene.addItem(bar)
        self.place_bar(item)
        is_other_room = bar.show_progress(run.value, run.maximum)
        if run.maximum <= 0 and not self._timer.isActive() and not self.reduce_motion:
            self._clock.start()
            self._timer.start()
        return is_other_room

    def place_bar(self, item: NodeItem) -> None:
        """Let the bar follow its node."""
        bar = self._bars.get(item.key)
        if bar is not None:
            bar.setZValue(item.zValue() + 5e-5)
            bar.place(item.pos(), item.layout.width, steps_end(item.node))

    def forget(self, key: str) -> None:
        """Drop what is shown for a node that goes away."""
        self.running.pop(key, None)
        self.failed.pop(key, None)
        self._drop_bar(key)

    def _drop_bar(self, key: str) -> None:
        bar = self._bars.pop(key, None)
        if bar is not None:
            self._scene.removeItem(bar)
        if not self._bars:
            self._timer.stop()

    def _move_busy(self) -> None:
        """Move the bars that know no steps to and fro."""
        one_pass = 1000.0 * _busy_seconds(self._style)
        phase = 0.5 - 0.5 * math.cos(math.pi * self._clock.elapsed() / one_pass)
        is_any = False
        for key, bar in self._bars.items():
            run = self.run_of(key)
            if run is not None and run.maximum <= 0:
                bar.show_busy(phase)
                is_any = True
        if not is_any:
            self._timer.stop()


def _busy_seconds(style: Style) -> float:
    words = str(style.tokens["motion"]["use"]["busy"]).split()
    milliseconds = next((word for word in words if word.isdigit()), "1200")
    return int(milliseconds) / 1000.0
