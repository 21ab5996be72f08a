"""Paints the title bar of a node: its sign to fold it, the title, and what became of it.

The title is what an artist looks for, so it is cut only for room that is really taken. The time
of the last run makes way for it, and so does the tick above a picture, which says as much.
"""

from __future__ import annotations

from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor, QPainter, QPainterPath

from app.engine.workflow.binding import BoundNode
from app.engine.workflow.model import Mode
from app.ui.canvas import glyphs
from app.ui.canvas.detail import FULL_ZOOM, Detail
from app.ui.canvas.node_fonts import Fonts
from app.ui.canvas.node_layout import TITLE_HEIGHT
from app.ui.canvas.node_view import NodeView
from app.ui.run_state import NodePhase
from app.widgets.style import Style

TITLE_X = 30.0
TITLE_END = 8.0
"""Room kept free at the right end when nothing stands there."""
TITLE_MIDDLE = -TITLE_HEIGHT / 2
CHEVRON = QPointF(15.0, TITLE_MIDDLE)
SIGNS_END = 10.0
SIGN_GAP = 5.0
SIGN_WIDTH = 12.0
_LEAST_TITLE_PX = 8.0
_LEAST_INNER = 24.0
"""With less room nothing that could be read would be left of the title of an inner node."""

Sign = tuple[QPainterPath, QColor]


class TitlePainter:
    """Draws title bars in one style.

    Args:
        style: The theme.
        fonts: Its fonts.
    """

    def __init__(self, style: Style, fonts: Fonts) -> None:
        self._style = style
        self._fonts = fonts

    def paint(self, painter: QPainter, view: NodeView) -> None:
        """Draw the title bar's content as ``view`` says."""
        color = view.colors.title_text_selected if view.is_selected else view.colors.title_text
        if view.detail is Detail.FULL:
            self._paint_near(painter, view, color)
        elif view.detail is Detail.TITLES:
            self._paint_far(painter, view, color)

    def _paint_near(self, painter: QPainter, view: NodeView, color: QColor) -> None:
        glyph = view.colors.glyph
        chevron = glyphs.chevron_right() if view.layout.is_collapsed else glyphs.chevron_down()
        glyphs.paint_glyph(painter, chevron, CHEVRON, glyph)
        font = self._fonts.title
        end = view.layout.width - TITLE_END
        if not view.layout.is_collapsed:
            end = self._paint_right_end(painter, view, TITLE_X + font.width(view.node.title))
        painter.setFont(font.font)
        painter.setPen(color)
        text = font.cut(view.node.title, max(0.0, end - TITLE_X))
        painter.drawText(QPointF(TITLE_X, font.baseline(TITLE_MIDDLE)), text)
        if view.inner and text == view.node.title:
            self._paint_inner(painter, view, TITLE_X + font.width(text), end)
        if view.node.node.is_pinned:
            x = TITLE_X + font.width(text) + 9.0
            if x < view.layout.width - 8.0:
                glyphs.paint_glyph(painter, glyphs.pin(), QPointF(x, TITLE_MIDDLE), glyph, 1.3)

    def _paint_inner(self, painter: QPainter, view: NodeView, start: float, end: float) -> None:
        """Draw what runs inside a subgraph behind its title, as far as there is room (U-200)."""
        font = self._fonts.inner
        start += SIGN_GAP
        words = font.cut(f"› {view.inner}", max(0.0, end - start))
        if end - start >= _LEAST_INNER:
            painter.setFont(font.font)
            painter.setPen(self._style.color("accent.text"))
            painter.drawText(QPointF(start, font.baseline(TITLE_MIDDLE)), words)

    def _paint_far(self, painter: QPainter, view: NodeView, color: QColor) -> None:
        """Draw the title alone, as large as the bar allows, so that it can still be read."""
        font = self._fonts.title
        scale = max(1.0, min(1.5, _LEAST_TITLE_PX / (14.0 * min(view.zoom, FULL_ZOOM))))
        text = font.cut(view.node.title, max(0.0, (view.layout.width - 16.0) / scale))
        painter.setFont(font.font)
        painter.setPen(color)
        painter.translate(9.0, TITLE_MIDDLE)
        painter.scale(scale, scale)
        painter.drawText(QPointF(0.0, font.baseline(0.0)), text)
        painter.scale(1.0 / scale, 1.0 / scale)
        painter.translate(-9.0, -TITLE_MIDDLE)

    def _paint_right_end(self, painter: QPainter, view: NodeView, title_end: float) -> float:
        """Draw signs and time, as far as they leave room; returns where free room ends.

        Args:
            painter: Paints in node units.
            view: The node.
            title_end: Where the whole title would end.
        """
        width = view.layout.width
        signs = self._signs(view)
        tick = self._tick(view)
        if tick is not None:
            room = width - SIGNS_END - (len(signs) + 1) * (SIGN_WIDTH + SIGN_GAP)
            if room >= title_end or not view.pictures:
                signs.insert(1 if view.node.subgraph is not None else 0, tick)
        x = width - SIGNS_END
        for path, ink in signs:
            glyphs.paint_glyph(painter, path, QPointF(x - SIGN_WIDTH / 2, TITLE_MIDDLE), ink)
            x -= SIGN_WIDTH + SIGN_GAP
        if view.phase is NodePhase.RUNNING and view.maximum > 0:
            steps = self._fonts.steps.width(f"{view.maximum:g}/{view.maximum:g}")
            return min(x, width - steps_end(view.node) - steps - SIGN_GAP)
        if not signs:
            return width - TITLE_END
        # The picture of a node has the time below it.
        if view.phase is NodePhase.DONE and view.seconds is not None and not view.pictures:
            words = time_words(view.seconds)
            start = x - self._fonts.inner.width(words)
            if start - SIGN_GAP >= title_end:
                self._paint_time(painter, view, words, start)
                return start - SIGN_GAP
        return x

    def _paint_time(self, painter: QPainter, view: NodeView, words: str, x: float) -> None:
        font = self._fonts.inner
        painter.setFont(font.font)
        painter.setPen(view.colors.socket_text)
        painter.drawText(QPointF(x, font.baseline(TITLE_MIDDLE)), words)

    def _tick(self, view: NodeView) -> Sign | None:
        """Return the sign of a node that has run, or whose result was kept."""
        if view.problem or view.node.problem:
            return None
        if view.phase is NodePhase.DONE:
            return glyphs.tick(), self._style.color("success.line")
        return (glyphs.tick(), view.colors.glyph) if view.phase is NodePhase.CACHED else None

    def _signs(self, view: NodeView) -> list[Sign]:
        """Return the signs that always show, from the right end on."""
        signs: list[Sign] = []
        if view.node.subgraph is not None:
            signs.append((glyphs.enter(), view.colors.glyph))
        if view.problem or view.node.problem:
            signs.append((glyphs.error(), self._style.color("danger.line")))
        if view.node.node.mode == Mode.BYPASSED:
            signs.append((glyphs.bypass(), view.colors.socket_text))
        elif view.node.node.mode == Mode.MUTED:
            signs.append((glyphs.mute(), view.colors.glyph))
        return signs


def steps_end(node: BoundNode) -> float:
    """Return how far from the right edge the words of the progress bar end."""
    return SIGNS_END + SIGN_WIDTH + SIGN_GAP if node.subgraph is not None else 13.0


def time_words(seconds: float) -> str:
    """Return how long a node took: ``0.4 s``, ``14 s`` or ``1:07``."""
    if seconds < 10.0:
        return f"{seconds:.1f} s"
    if seconds < 60.0:
        return f"{round(seconds)} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
