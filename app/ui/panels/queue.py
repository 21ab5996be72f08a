"""The queue: what runs now as a card, and what waits below (U-328)."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QImage,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.ui.menu import Menu
from app.ui.run_port import JobRow, JobState
from app.ui.words import tr
from app.widgets.icons import paint_icon
from app.widgets.style import Style
from app.widgets.themed import Themed, paint_bar, paint_box, paint_text

_MOST_WAITING = 6


class QueueList(Themed, QWidget):
    """The rows of the queue, painted.

    Signals:
        cancel_requested: Id of a job to stop or take out.
        front_requested: Id of a waiting job to run next.
        document_requested: Id of a job whose document shall be shown.
        compare_requested: Id of a job to compare the shown document with.
    """

    cancel_requested = Signal(str)
    front_requested = Signal(str)
    document_requested = Signal(str)
    compare_requested = Signal(str)

    def __init__(self, look: Style, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: list[JobRow] = []
        self._hovered = ""
        self._shows_all = False
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.apply_style(look)

    @property
    def rows(self) -> list[JobRow]:
        """All jobs that run or wait, or failed last."""
        return list(self._rows)

    def set_rows(self, rows: list[JobRow]) -> None:
        """Show other jobs."""
        shown = (JobState.RUNNING, JobState.WAITING, JobState.FAILED)
        height = self.sizeHint().height()
        self._rows = [row for row in rows if row.state in shown]
        if self.sizeHint().height() != height:
            self.updateGeometry()
        self.update()

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        self.updateGeometry()

    def sizeHint(self) -> QSize:
        """Return the height of the rows that are shown."""
        boxes = self._boxes()
        bottom = boxes[-1][1].bottom() if boxes else self.px(28)
        return QSize(self.px(200), round(bottom) + self.px(8))

    def row_at(self, position: QPointF) -> JobRow | None:
        """Return the job under a position."""
        return next((row for row, box in self._boxes() if row and box.contains(position)), None)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take out the job whose cross was pressed, or show the rest."""
        row = self.row_at(event.position())
        if row is None:
            more = next((box for row, box in self._boxes() if row is None), None)
            if more is not None and more.contains(event.position()):
                self._shows_all = not self._shows_all
                self.updateGeometry()
                self.update()
            return
        if self._close_box(row).contains(event.position()):
            self.cancel_requested.emit(row.id)
        elif event.button() == Qt.MouseButton.LeftButton:
            self.document_requested.emit(row.id)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow the pointer."""
        row = self.row_at(event.position())
        self._hovered = row.id if row is not None else ""
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        """Take the hover off."""
        self._hovered = ""
        self.update()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer what can be done with a job."""
        row = self.row_at(QPointF(event.pos()))
        if row is None:
            return
        menu = Menu(self)
        menu.addAction(tr("Show the workflow"), lambda: self.document_requested.emit(row.id))
        menu.addAction(tr("Compare with this run"), lambda: self.compare_requested.emit(row.id))
        if row.state is JobState.WAITING:
            menu.addAction(tr("Run next"), lambda: self.front_requested.emit(row.id))
            menu.addAction(tr("Remove from the queue"), lambda: self.cancel_requested.emit(row.id))
        elif row.state is JobState.RUNNING:
            menu.addAction(tr("Stop"), lambda: self.cancel_requested.emit(row.id))
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(event.globalPos())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint cards and rows, or that nothing waits."""
        painter = QPainter(self)
        boxes = self._boxes()
        if not boxes:
            box = QRectF(self.px(16), 0, self.width() - self.px(32), self.px(28))
            font = self.look.font("body")
            paint_text(painter, box, tr("Nothing waiting"), font, self.color("text.tertiary"))
            return
        number = 0
        for row, box in boxes:
            if row is None:
                self._paint_more(painter, box)
            elif row.state is JobState.WAITING:
                number += 1
                self._paint_waiting(painter, box, row, number)
            else:
                self._paint_card(painter, box, row)

    def _waiting(self) -> list[JobRow]:
        return [row for row in self._rows if row.state is JobState.WAITING]

    def _boxes(self) -> list[tuple[JobRow | None, QRectF]]:
        top = float(self.px(4))
        boxes: list[tuple[JobRow | None, QRectF]] = []
        left, width = self.px(8), self.width() - self.px(16)
        for row in self._rows:
            if row.state is not JobState.WAITING:
                boxes.append((row, QRectF(left, top, width, self.px(76))))
                top += self.px(84)
        waiting = self._waiting()
        shown = waiting if self._shows_all else waiting[:_MOST_WAITING]
        for row in shown:
            boxes.append((row, QRectF(left, top, width, self.px(44))))
            top += self.px(44)
        if len(waiting) > _MOST_WAITING:
            boxes.append((None, QRectF(left, top, width, self.px(28))))
        return boxes

    def _close_box(self, row: JobRow) -> QRectF:
        box = next(box for other, box in self._boxes() if other is row)
        side = self.px(20)
        return QRectF(box.right() - self.px(8) - side, box.top() + self.px(4), side, side)

    def _paint_card(self, painter: QPainter, box: QRectF, row: JobRow) -> None:
        failed = row.state is JobState.FAILED
        fill = self.color("danger.surface" if failed else "surface.raised")
        line = self.color("danger.border" if failed else "border.subtle")
        paint_box(painter, box, self.px(8), fill, line)
        picture = QRectF(box.left() + self.px(8), box.top() + self.px(8), self.px(60), self.px(60))
        paint_picture(painter, self, picture, row.picture)
        left = picture.right() + self.px(12)
        text = QRectF(left, box.top() + self.px(9), box.right() - self.px(8) - left, self.px(20))
        paint_text(
            painter, text, row.title, self.look.font("bodyStrong"), self.color("text.primary")
        )
        text.translate(0, self.px(18))
        tone = "danger.text" if failed else "text.secondary"
        paint_text(painter, text, row.note, self.look.font("small"), self.color(tone))
        bar = QRectF(left, box.top() + self.px(56), box.right() - self.px(8) - left, self.px(4))
        fill = self.color("danger.line" if failed else "accent.line")
        paint_bar(painter, bar, max(0.0, row.fraction), fill, self.color("accent.track"))
        self._paint_close(painter, row)

    def _paint_waiting(self, painter: QPainter, box: QRectF, row: JobRow, number: int) -> None:
        hovered = row.id == self._hovered
        if hovered:
            paint_box(painter, box, self.px(6), self.color("state.hover"))
        quiet = self.color("text.secondary" if hovered else "text.tertiary")
        top = QRectF(box.left() + self.px(8), box.top() + self.px(3), self.px(20), self.px(20))
        paint_text(painter, top, str(number), self.look.font("small"), quiet)
        left = box.left() + self.px(28)
        text = QRectF(left, top.top(), box.right() - self.px(30) - left, self.px(20))
        ink = self.color("text.primary" if hovered else "text.secondary")
        paint_text(painter, text, row.title, self.look.font("body"), ink)
        text.translate(0, self.px(18))
        paint_text(painter, text, row.note, self.look.font("small"), quiet)
        self._paint_close(painter, row)

    def _paint_close(self, painter: QPainter, row: JobRow) -> None:
        if row.id == self._hovered:
            center = self._close_box(row).center()
            paint_icon(painter, "x", center, self.px(14), self.color("text.secondary"))

    def _paint_more(self, painter: QPainter, box: QRectF) -> None:
        rest = len(self._waiting()) - _MOST_WAITING
        words = tr("Show fewer") if self._shows_all else tr("{count} more").format(count=rest)
        text = box.adjusted(self.px(28), 0, 0, 0)
        paint_text(painter, text, words, self.look.font("small"), self.color("text.tertiary"))


def paint_picture(
    painter: QPainter, part: Themed, box: QRectF, picture: QImage | None, radius: float = 6
) -> None:
    """Draw a picture that fills ``box`` with round corners, cut at the longer sides."""
    path = QPainterPath()
    path.addRoundedRect(box, part.px(radius), part.px(radius))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.save()
    painter.setClipPath(path)
    if picture is None or picture.isNull():
        painter.fillRect(box, part.look.color("surface.sunken"))
    else:
        painter.drawImage(box, picture, covering(picture, box))
    painter.restore()
    line = part.look.color("state.pressed")
    paint_box(painter, box, part.px(radius), None, line)


def covering(picture: QImage, box: QRectF) -> QRectF:
    """Return the part of a picture that fills ``box`` when it is scaled to cover it."""
    width, height = picture.width(), picture.height()
    scale = min(width / box.width(), height / box.height())
    part_width, part_height = box.width() * scale, box.height() * scale
    return QRectF((width - part_width) / 2, (height - part_height) / 2, part_width, part_height)


def menu_place(widget: QWidget) -> QPoint:
    """Return where the menu of a button opens."""
    return widget.mapToGlobal(QPoint(0, widget.height()))
