"""Menus as the design has them: round corners, keys at the right, dangers in red."""

from __future__ import annotations

from PySide6.QtCore import QObject, QPointF, QRectF, Qt
from PySide6.QtGui import QAction, QBitmap, QPainter, QPaintEvent, QPixmap, QResizeEvent
from PySide6.QtWidgets import QMenu, QWidget

from app.widgets.icons import paint_icon
from app.widgets.style import Style
from app.widgets.themed import paint_box, paint_text

DANGER = "danger"
"""Name of the property that shows an entry in red."""


class Menu(QMenu):
    """A menu that paints itself; sizes and spaces come from the style sheet.

    Args:
        parent: A part with a style (``look``), or a child of one.
        title: Words of a submenu.
    """

    def __init__(self, parent: QWidget, title: str = "") -> None:
        super().__init__(title, parent)
        self.setToolTipsVisible(True)

    @property
    def look(self) -> Style:
        """The style of the nearest parent that has one."""
        part: QObject | None = self.parent()
        while part is not None:
            look = getattr(part, "look", None)
            if isinstance(look, Style):
                return look
            part = part.parent()
        raise RuntimeError("A menu needs a parent with a style.")

    def submenu(self, title: str) -> Menu:
        """Add a submenu."""
        menu = Menu(self, title)
        self.addMenu(menu)
        return menu

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Cut the corners; a mask works with and without a compositor."""
        super().resizeEvent(event)
        mask = QPixmap(self.size())
        mask.fill(Qt.GlobalColor.white)
        painter = QPainter(mask)
        painter.setBrush(Qt.GlobalColor.black)
        painter.setPen(Qt.GlobalColor.black)
        radius = 8 * self.look.scale
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0, 0, -1, -1), radius, radius)
        painter.end()
        self.setMask(QBitmap.fromPixmap(mask))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the ground and the entries."""
        look = self.look
        painter = QPainter(self)
        rect = QRectF(self.rect())
        painter.fillRect(rect, look.color("surface.popup"))
        paint_box(painter, rect, 8 * look.scale, None, look.color("border.default"))
        active = self.activeAction()
        for action in self.actions():
            box = QRectF(self.actionGeometry(action))
            if not action.isVisible() or not box.intersects(QRectF(event.rect())):
                continue
            if action.isSeparator():
                line = QRectF(box.left() + 6, round(box.center().y()), box.width() - 12, 1)
                painter.fillRect(line, look.color("border.subtle"))
            else:
                self._paint_entry(painter, action, box, action is active)

    def _paint_entry(self, painter: QPainter, action: QAction, box: QRectF, lit: bool) -> None:
        look = self.look
        scale = look.scale
        if lit and action.isEnabled():
            paint_box(painter, box, 6 * scale, look.color("state.selected"))
        tone = "text.primary"
        if action.property(DANGER):
            tone = "danger.text"
        if not action.isEnabled():
            tone = "text.disabled"
        ink = look.color(tone)
        center = QPointF(box.left() + 14 * scale, box.center().y())
        px = round(16 * scale)
        if action.isCheckable():
            if action.isChecked():
                paint_icon(painter, "check", center, px, ink)
        elif not action.icon().isNull():
            pixmap = action.icon().pixmap(px, px)
            painter.drawPixmap(
                QPointF(round(center.x() - px / 2), round(center.y() - px / 2)), pixmap
            )
        words, _, key = action.text().partition("\t")
        text = box.adjusted(30 * scale, 0, -10 * scale, 0)
        paint_text(painter, text, words.replace("&", ""), look.font("body"), ink)
        if action.menu() is not None:
            end = QPointF(box.right() - 14 * scale, box.center().y())
            paint_icon(
                painter, "chevron-right", end, round(14 * scale), look.color("text.secondary")
            )
        elif key:
            quiet = look.color("text.tertiary" if not lit else "text.secondary")
            if not action.isEnabled():
                quiet = ink
            right = Qt.AlignmentFlag.AlignRight
            paint_text(painter, text, key, look.font("small"), quiet, right)
