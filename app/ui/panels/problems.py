"""The problems of a run: a list, and one problem with what can be done about it (U-361, U-363)."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QTextCharFormat,
    QTextCursor,
)
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QPlainTextEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.ui.paragraph import Paragraph
from app.ui.run_port import Problem
from app.ui.words import tr
from app.widgets.buttons import Button, ButtonRole, ChromeButton
from app.widgets.icons import paint_icon
from app.widgets.labels import Words
from app.widgets.style import Style
from app.widgets.themed import Themed, is_keyboard_focus, paint_box, paint_text

_ROW = 52
_PITCH = 56


class ProblemList(Themed, QWidget):
    """The list at the left.

    Signals:
        chosen: Number of the problem to show.
    """

    chosen = Signal(int)

    def __init__(self, look: Style, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._problems: list[Problem] = []
        self._current = -1
        self._hovered = -1
        self._has_ring = False
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(tr("Problems"))
        self.apply_style(look)

    def show_problems(self, problems: list[Problem], current: int) -> None:
        """Show other problems."""
        self._problems = problems
        self._current = current
        self.setMinimumHeight(self.px(8 + _PITCH * len(problems)))
        self.update()

    def row_box(self, index: int) -> QRectF:
        """Return where a row lies."""
        top = self.px(8 + _PITCH * index)
        return QRectF(self.px(8), top, self.width() - self.px(16), self.px(_ROW))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the rows."""
        painter = QPainter(self)
        for index, problem in enumerate(self._problems):
            box = self.row_box(index)
            is_current = index == self._current
            lifted = is_current or index == self._hovered
            if lifted:
                fill = "state.selected" if is_current else "state.hover"
                paint_box(painter, box, self.px(6), self.color(fill))
            if is_current and self._has_ring:
                paint_box(painter, box, self.px(6), None, self.color("focus.ring"), 1.5)
            middle = box.top() + self.px(17)
            name = "circle-alert" if problem.stops_work else "triangle-alert"
            line = self.color("danger.line" if problem.stops_work else "warning.line")
            center = QPointF(box.left() + self.px(20), middle)
            paint_icon(painter, name, center, self.px(16), line)
            left = box.left() + self.px(38)
            text = QRectF(left, middle - self.px(10), box.right() - left - self.px(8), self.px(20))
            font = self.look.font("bodyStrong" if is_current else "body")
            ink = self.color("text.primary" if lifted else "text.secondary")
            paint_text(painter, text, problem.title, font, ink)
            text.translate(0, self.px(18))
            ink = self.color("text.secondary" if lifted else "text.tertiary")
            paint_text(painter, text, problem.place, self.look.font("small"), ink)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose a problem."""
        self._has_ring = False
        index = self._index_at(event.position())
        if index >= 0:
            self.chosen.emit(index)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow the pointer."""
        self._hovered = self._index_at(event.position())
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        """Take the hover off."""
        self._hovered = -1
        self.update()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the ring only when the focus came by a key."""
        self._has_ring = is_keyboard_focus(event)
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go up and down."""
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(event.key()))
        if step is None or not self._problems:
            super().keyPressEvent(event)
            return
        self._has_ring = True
        self.chosen.emit(min(max(0, self._current + step), len(self._problems) - 1))

    def _index_at(self, position: QPointF) -> int:
        boxes = (self.row_box(index) for index in range(len(self._problems)))
        return next((i for i, box in enumerate(boxes) if box.contains(position)), -1)


class ProblemDetail(Themed, QWidget):
    """One problem: heading, sentences, remedies, and the details folded until asked for.

    Signals:
        locate_requested: The :class:`Problem` whose node shall be shown.
    """

    locate_requested = Signal(object)

    def __init__(self, look: Style, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._problem: Problem | None = None
        self._is_open = False
        self.heading = Words("", look, font="title", wrap=True)
        self.text = Paragraph("", look)
        self.fold = FoldButton(tr("Details"), look)
        self._error = Words("", look, font="code", color="text.tertiary")
        self.code = QPlainTextEdit()
        self.code.setObjectName("codeView")
        self.code.setReadOnly(True)
        self.code.setFrameShape(QFrame.Shape.NoFrame)
        self.code.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.code.setAccessibleName(tr("Details"))
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(8)
        self._fold_line = QHBoxLayout()
        self._fold_line.addWidget(self.fold)
        self._fold_line.addStretch(1)
        self._fold_line.addWidget(self._error)
        layout = QVBoxLayout(self)
        layout.setSpacing(0)
        layout.addWidget(self.heading)
        layout.addSpacing(4)
        layout.addWidget(self.text)
        layout.addSpacing(12)
        layout.addLayout(self._buttons)
        layout.addSpacing(14)
        layout.addLayout(self._fold_line)
        layout.addSpacing(8)
        layout.addWidget(self.code, 1)
        layout.addStretch(0)
        self._rest = QWidget()
        layout.addWidget(self._rest, 1)
        self.fold.clicked.connect(lambda: self.set_open(not self._is_open))
        self.apply_style(look)

    @property
    def problem(self) -> Problem | None:
        """The problem that is shown."""
        return self._problem

    @property
    def buttons(self) -> list[Button]:
        """Remedies, "Go to node" and Copy, from left to right."""
        widgets = (self._buttons.itemAt(i).widget() for i in range(self._buttons.count()))
        return [widget for widget in widgets if isinstance(widget, Button)]

    def show_problem(self, problem: Problem | None) -> None:
        """Show a problem, or nothing."""
        self._problem = problem
        self.setVisible(problem is not None)
        if problem is None:
            return
        self.heading.setText(problem.heading or problem.title)
        self.text.setText(problem.text)
        self.text.setVisible(bool(problem.text))
        self._error.setText(problem.error)
        self._fill_buttons(problem)
        self._fill_code(problem.details)
        self.set_open(False)

    def set_open(self, is_open: bool) -> None:
        """Unfold the details, or fold them."""
        has_details = bool(self._problem is not None and self._problem.details)
        self._is_open = is_open and has_details
        self.fold.setVisible(has_details)
        self._error.setVisible(has_details)
        self.fold.set_open(self._is_open)
        self.code.setVisible(self._is_open)
        self._rest.setVisible(not self._is_open)

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        self.layout().setContentsMargins(self.px(24), self.px(16), self.px(24), self.px(16))
        self.text.setMaximumWidth(self.px(620))
        self.code.setFont(look.font("code"))
        if self._problem is not None:
            self._fill_code(self._problem.details)

    def _fill_buttons(self, problem: Problem) -> None:
        while self._buttons.count():
            widget = self._buttons.takeAt(0).widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for number, remedy in enumerate(problem.remedies):
            role = ButtonRole.PRIMARY if number == 0 else ButtonRole.SECONDARY
            button = Button(remedy.title, self.look, role=role, icon=remedy.icon)
            button.clicked.connect(lambda _=False, run=remedy.run: run())
            self._buttons.addWidget(button)
        if problem.node_key:
            role = ButtonRole.SECONDARY if problem.remedies else ButtonRole.PRIMARY
            button = Button(tr("Go to node"), self.look, role=role, icon="locate")
            button.clicked.connect(lambda: self.locate_requested.emit(problem))
            self._buttons.addWidget(button)
        self._buttons.addStretch(1)
        copy = Button(tr("Copy"), self.look, role=ButtonRole.QUIET, icon="copy")
        copy.clicked.connect(self._copy)
        self._buttons.addWidget(copy)

    def _fill_code(self, details: str) -> None:
        self.code.clear()
        lines = details.rstrip().splitlines()
        cursor = self.code.textCursor()
        for number, line in enumerate(lines):
            is_last = number == len(lines) - 1
            tone = "text.secondary" if line[:1].isspace() else "text.tertiary"
            form = QTextCharFormat()
            form.setForeground(self.color("danger.text" if is_last else tone))
            cursor.insertText(line if is_last else f"{line}\n", form)
        self.code.moveCursor(QTextCursor.MoveOperation.End)
        self.code.moveCursor(QTextCursor.MoveOperation.StartOfBlock)

    def _copy(self) -> None:
        if self._problem is not None:
            QApplication.clipboard().setText(problem_text(self._problem))


def problem_text(problem: Problem) -> str:
    """Return a problem as text for the clipboard."""
    parts = [problem.heading or problem.title, problem.text, problem.error, problem.details]
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"


class FoldButton(ChromeButton):
    """A line that unfolds what is below it."""

    def __init__(self, text: str, look: Style, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._is_open = False
        self.setText(text)
        self.apply_style(look)

    def set_open(self, is_open: bool) -> None:
        """Turn the arrow."""
        self._is_open = is_open
        self.update()

    def sizeHint(self) -> QSize:
        """Return the size of its words."""
        return QSize(self.px(120), self.px(24))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint arrow and words."""
        painter = QPainter(self)
        rect = QRectF(self.rect())
        name = "chevron-down" if self._is_open else "chevron-right"
        ink = self.color("text.primary" if self.underMouse() else "text.secondary")
        paint_icon(painter, name, QPointF(self.px(5), rect.center().y()), self.px(14), ink)
        box = rect.adjusted(self.px(18), 0, 0, 0)
        paint_text(painter, box, self.text(), self.look.font("smallStrong"), ink)
        if self.has_ring:
            paint_box(painter, rect, self.px(4), None, self.color("focus.ring"), 2)


class ProblemsPanel(Themed, QWidget):
    """List and detail side by side.

    Signals:
        locate_requested: The :class:`Problem` whose node shall be shown.
    """

    locate_requested = Signal(object)

    def __init__(self, look: Style, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._problems: list[Problem] = []
        self.list = ProblemList(look)
        self.detail = ProblemDetail(look)
        self._scroll = QScrollArea()
        self._scroll.setWidget(self.list)
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.viewport().setAutoFillBackground(False)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._scroll)
        layout.addWidget(self.detail, 1)
        self._filler = QWidget()
        layout.addWidget(self._filler, 1)
        self.list.chosen.connect(self._show)
        self.detail.locate_requested.connect(self.locate_requested)
        self.apply_style(look)
        self.show_problems([])

    @property
    def problems(self) -> list[Problem]:
        """The problems that are listed."""
        return list(self._problems)

    def show_problems(self, problems: list[Problem]) -> None:
        """List other problems; the one that was open stays open if it is still there."""
        shown = self.detail.problem
        self._problems = list(problems)
        index = next((i for i, item in enumerate(problems) if item is shown), -1)
        if index >= 0:
            self.list.show_problems(self._problems, index)
            return
        self._show(0)

    def choose(self, problem: Problem) -> None:
        """Show one of the listed problems."""
        if problem in self._problems:
            self._show(self._problems.index(problem))

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        self._scroll.setFixedWidth(self.px(264))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the hairline, or that there is nothing to say."""
        painter = QPainter(self)
        if not self._problems:
            box = QRectF(self.px(16), self.px(8), self.width() - self.px(32), self.px(28))
            font = self.look.font("body")
            paint_text(painter, box, tr("No problems"), font, self.color("text.tertiary"))
            return
        x = self._scroll.width()
        painter.fillRect(QRectF(x, 0, 1, self.height()), self.color("border.subtle"))

    def _show(self, index: int) -> None:
        problem = self._problems[index] if 0 <= index < len(self._problems) else None
        self._scroll.setVisible(problem is not None)
        self._filler.setVisible(problem is None)
        self.list.show_problems(self._problems, index)
        self.detail.show_problem(problem)
        self.update()
