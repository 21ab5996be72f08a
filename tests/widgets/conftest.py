"""A tiny node on a real view: real mouse and keyboard, one control, a recording host."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QFontDatabase
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QGraphicsItem, QGraphicsRectItem, QGraphicsScene, QGraphicsView

from app.widgets.base import REST, WidgetPress
from app.widgets.factory import make_widget
from app.widgets.line_editor import open_line_editor
from app.widgets.style import Style
from app.widgets.text_editor import open_text_editor

RESOURCES = Path(__file__).resolve().parents[2] / "resources"


@pytest.fixture(scope="session")
def fonts(qapp):
    for path in sorted((RESOURCES / "fonts").glob("*.[ot]tf")):
        QFontDatabase.addApplicationFont(str(path))


@pytest.fixture(params=["dark"])
def style(request, fonts):
    return read_style(request.param)


def read_style(name):
    def read(file):
        return json.loads((RESOURCES / "themes" / file).read_text("utf-8"))

    return Style(read(f"{name}.json"), read("tokens.json"))


class NodeStandIn(QGraphicsRectItem):
    """One node with one control, answering its wishes and noting them."""

    def __init__(self, spec, value, style, size=(260, 20)):
        super().__init__(0, 0, *size)
        self.style = style
        self.widget = make_widget(spec, value)
        self.row = QRectF(0, 0, *size)
        self.state = REST
        self.values = []
        self.gestures = []
        self.notes = []
        self.drag = None
        self.editor = None
        self.scroll = 0.0
        self.choices_shown = None
        self.file_to_choose = ""
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemIsFocusable, False)

    # What the control asks for.

    def set_value(self, value, *, gesture=""):
        self.widget.value = value
        self.values.append(value)
        self.gestures.append(gesture)

    def edit_line(self, rect, text, on_commit, *, select=True):
        self.editor = open_line_editor(
            self, rect, text, self.style, on_commit, select=select, on_close=self._closed
        )

    def edit_text(self, rect, text, on_commit, *, read_only=False):
        self.editor = open_text_editor(
            self, rect, text, self.style, on_commit, read_only=read_only, on_close=self._closed
        )

    def _closed(self):
        self.notes.append("closed")
        self.editor = None

    def choose(self, rect, choices, current, on_choose):
        self.choices_shown = (list(choices), current, on_choose)

    def choose_file(self, caption, pattern, on_choose):
        self.notes.append(("choose_file", caption, pattern))
        on_choose(self.file_to_choose)

    def take_file(self, name, path):
        self.notes.append(("take_file", name, path))

    def choose_color(self, rect, value, on_choose):
        self.notes.append(("choose_color", value))
        on_choose("#102030")

    def trigger(self, name):
        self.notes.append(("trigger", name))

    def repaint(self):
        self.update()

    # What the canvas does.

    def paint(self, painter, option, widget=None):
        self.widget.paint(painter, self.row, self.style, self.state)


class Board(QGraphicsView):
    """A view that hands presses to the node under them, as the canvas does."""

    def __init__(self):
        super().__init__()
        self.setScene(QGraphicsScene(-500, -500, 2000, 2000, self))
        self.resize(700, 500)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.wheels = 0
        self.middle_presses = 0
        self.node = None

    def place(self, node, zoom=1.0):
        self.node = node
        self.scene().addItem(node)
        self.scale(zoom, zoom)
        self.centerOn(node)
        self.show()
        self.activateWindow()
        self.setFocus()
        return node

    def mousePressEvent(self, event):
        item = self.itemAt(event.position().toPoint())
        if event.button() is Qt.MouseButton.MiddleButton:
            super().mousePressEvent(event)
            self.middle_presses += not event.isAccepted()
            event.accept()
            return
        if item is self.node and event.button() is Qt.MouseButton.LeftButton:
            pos = self.node.mapFromScene(self.mapToScene(event.position().toPoint()))
            press = WidgetPress(
                pos,
                self.node.row,
                event.modifiers(),
                zoom=self.transform().m11(),
                scroll=self.node.scroll,
            )
            if self.node.editor is not None:
                self.scene().setFocusItem(None, Qt.FocusReason.MouseFocusReason)
            self.node.drag = self.node.widget.press(press, self.node)
            event.accept()
            return
        super().mousePressEvent(event)
        event.accept()

    def mouseMoveEvent(self, event):
        if self.node is not None and self.node.drag is not None:
            pos = self.node.mapFromScene(self.mapToScene(event.position().toPoint()))
            self.node.drag.move(pos, event.modifiers())
            return
        super().mouseMoveEvent(event)

    def mouseReleaseEvent(self, event):
        if event.button() is Qt.MouseButton.MiddleButton:
            super().mouseReleaseEvent(event)
            event.accept()
            return
        if self.node is not None and self.node.drag is not None:
            pos = self.node.mapFromScene(self.mapToScene(event.position().toPoint()))
            drag, self.node.drag = self.node.drag, None
            drag.release(pos)
            return
        super().mouseReleaseEvent(event)
        event.accept()

    def keyPressEvent(self, event):
        if event.key() == Qt.Key.Key_Escape and self.node.drag is not None:
            drag, self.node.drag = self.node.drag, None
            drag.cancel()
            return
        super().keyPressEvent(event)

    def wheelEvent(self, event):
        before = self.verticalScrollBar().value()
        super().wheelEvent(event)
        self.wheels += before != self.verticalScrollBar().value()

    # Short words for tests.

    def at(self, x, y=10.0):
        scene = self.node.mapToScene(QPointF(x, y))
        return self.mapFromScene(scene)

    def click(self, x, y=10.0, button=Qt.MouseButton.LeftButton):
        QTest.mouseClick(self.viewport(), button, Qt.KeyboardModifier.NoModifier, self.at(x, y))

    def hold(self, x, y=10.0, modifiers=Qt.KeyboardModifier.NoModifier):
        QTest.mousePress(self.viewport(), Qt.MouseButton.LeftButton, modifiers, self.at(x, y))

    def drag_by(self, start: QPoint, dx, modifiers=Qt.KeyboardModifier.NoModifier):
        """Move the held pointer in single pixels, as a hand does."""
        sign = 1 if dx > 0 else -1
        for step in range(1, abs(dx) + 1):
            self._move(start + QPoint(sign * step, 0), modifiers)

    def _move(self, point, modifiers):
        from PySide6.QtCore import QCoreApplication, QEvent
        from PySide6.QtGui import QMouseEvent

        event = QMouseEvent(
            QEvent.Type.MouseMove,
            QPointF(point),
            QPointF(self.viewport().mapToGlobal(point)),
            Qt.MouseButton.NoButton,
            Qt.MouseButton.LeftButton,
            modifiers,
        )
        QCoreApplication.sendEvent(self.viewport(), event)

    def let_go(self, point):
        QTest.mouseRelease(
            self.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, point
        )

    def type(self, text):
        QTest.keyClicks(self, text)

    def key(self, key, modifiers=Qt.KeyboardModifier.NoModifier):
        QTest.keyClick(self, key, modifiers)


@pytest.fixture
def board(qtbot):
    view = Board()
    qtbot.addWidget(view)
    return view


@pytest.fixture
def put(board, qtbot, style):
    """Put one control on the board: ``put(spec, value, size=..., zoom=...)``."""

    def put_control(spec, value, *, size=(260, 20), zoom=1.0):
        with qtbot.waitActive(board):
            node = board.place(NodeStandIn(spec, value, style, size), zoom)
        board.grab()
        return node

    return put_control
