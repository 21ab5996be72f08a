"""Notes in Markdown: rendered at rest, edited as plain text after a double-click."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import (
    QAbstractTextDocumentLayout,
    QFont,
    QPainter,
    QPalette,
    QTextBlock,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
)

from app.widgets.base import TextEdit, WidgetDrag, WidgetHost, WidgetPart, WidgetPress, WidgetState
from app.widgets.drawing import paint_box
from app.widgets.ink import Ink, ink_of
from app.widgets.multiline import MultilineWidget, paint_scroll_thumb, text_box_of
from app.widgets.style import Style

LONGEST_RENDERED = 200_000
"""Longer texts are painted as they are: rendering them would stop the canvas."""

_HEADING_SIZES = {1: 18, 2: 15, 3: 13}
_PARAGRAPH_GAP = 6.0
_INDENT = 16.0


class MarkdownWidget(MultilineWidget):
    """A note (nodes Note and MarkdownNote) or a rendered result (U-268)."""

    _document: QTextDocument | None = None
    _document_key: tuple[str, float, int] | None = None

    def paint(self, painter: QPainter, rect: QRectF, style: Style, state: WidgetState) -> None:
        """Draw the control into ``rect``."""
        text = self.text()
        if state.is_linked or state.is_editing or not text or len(text) > LONGEST_RENDERED:
            super().paint(painter, rect, style, state)
            return
        ink = ink_of(style)
        self._ink = ink
        box = text_box_of(rect)
        paint_box(painter, box, ink, state)
        document = self.document(style, box.width())
        scroll = self.clamped_scroll(state.scroll, box, ink)
        context = QAbstractTextDocumentLayout.PaintContext()
        context.palette.setColor(QPalette.ColorRole.Text, style.color("widget.value"))
        inner = box.adjusted(1.0, 1.0, -1.0, -1.0)
        painter.save()
        painter.setClipRect(inner, Qt.ClipOperation.IntersectClip)
        painter.translate(box.left(), box.top() - scroll)
        context.clip = QRectF(0.0, scroll, box.width(), box.height())
        document.documentLayout().draw(painter, context)
        painter.restore()
        paint_scroll_thumb(painter, box, ink, document.size().height(), scroll)

    def document(self, style: Style, width: float) -> QTextDocument:
        """Return the rendered note for a box of this width; kept until one of them changes."""
        key = (self.text(), width, id(style))
        if self._document is None or self._document_key != key:
            self._document = render_markdown(self.text(), width, style)
            self._document_key = key
        return self._document

    def clamped_scroll(self, scroll: float, box: QRectF, ink: Ink) -> float:
        """Return ``scroll`` brought between the two ends of the rendered note."""
        if self._document is None:
            return super().clamped_scroll(scroll, box, ink)
        height = self._document.size().height()
        return min(max(0.0, scroll), max(0.0, height - box.height()))

    def wheel(self, delta: float, rect: QRectF, state: WidgetState) -> float | None:
        """Scroll a note that is taller than its box."""
        if self._document is None or self._ink is None:
            return super().wheel(delta, rect, state)
        box = text_box_of(rect)
        if self._document.size().height() <= box.height():
            return None
        moved = state.scroll - delta / 120.0 * 3 * self._ink.prompt_line
        return self.clamped_scroll(moved, box, self._ink)

    def cursor_at(self, part: WidgetPart) -> Qt.CursorShape:
        """Return the arrow: one click does not edit a note."""
        return Qt.CursorShape.ArrowCursor

    def press(self, press: WidgetPress, host: WidgetHost) -> WidgetDrag | None:
        """Edit on a double-click; one click belongs to the node, so that notes are easy to move."""
        if self.spec.is_read_only or self.part_at(press.pos, press.rect) is WidgetPart.NONE:
            return None
        if press.is_double or not self.text():
            self.activate(press.rect, host)
        return None

    def _edit(self, host: WidgetHost, scroll: float) -> TextEdit:
        edit = super()._edit(host, scroll)
        edit.caret = 0
        return edit


def render_markdown(text: str, width: float, style: Style) -> QTextDocument:
    """Return a document that shows Markdown in the looks of ``style``.

    Pictures are not loaded and HTML is shown as text: notes come from strangers' files.
    """
    ink = ink_of(style)
    document = _NoteDocument()
    document.setDocumentMargin(ink.text_padding)
    document.setDefaultFont(ink.prompt.font)
    features = QTextDocument.MarkdownFeature
    document.setMarkdown(text, features.MarkdownDialectGitHub | features.MarkdownNoHTML)
    document.setIndentWidth(_INDENT)
    document.setTextWidth(width)
    _set_looks(document, style)
    return document


def _set_looks(document: QTextDocument, style: Style) -> None:
    code = style.tokens["type"]["family"]["code"]
    line_height = style.px("type.node.note.line")
    block = document.firstBlock()
    while block.isValid():
        level = block.blockFormat().headingLevel()
        spacing = QTextBlockFormat()
        spacing.setTopMargin(_PARAGRAPH_GAP if level and block.position() else 0.0)
        spacing.setBottomMargin(2.0 if block.textList() else _PARAGRAPH_GAP)
        if not level:
            spacing.setLineHeight(line_height, QTextBlockFormat.LineHeightTypes.FixedHeight.value)
        QTextCursor(block).mergeBlockFormat(spacing)
        for position, length, look in _runs(block):
            cursor = QTextCursor(document)
            cursor.setPosition(position)
            cursor.setPosition(position + length, QTextCursor.MoveMode.KeepAnchor)
            cursor.setCharFormat(_look(look, level, document.defaultFont(), code, style))
        block = block.next()


def _runs(block: QTextBlock) -> list[tuple[int, int, QTextCharFormat]]:
    """Return place, length and look of each run of letters in a paragraph."""
    runs = []
    iterator = block.begin()
    while not iterator.atEnd():
        fragment = iterator.fragment()
        runs.append((fragment.position(), fragment.length(), fragment.charFormat()))
        iterator += 1
    return runs


def _look(
    given: QTextCharFormat, level: int, base: QFont, code: str, style: Style
) -> QTextCharFormat:
    """Return our own look for what Markdown marked: sizes and families come from the style."""
    font = QFont(base)
    look = QTextCharFormat()
    if level:
        font.setPixelSize(_HEADING_SIZES.get(level, base.pixelSize()))
        font.setWeight(QFont.Weight.DemiBold)
    elif given.fontWeight() > QFont.Weight.Medium:
        font.setWeight(QFont.Weight.DemiBold)
    font.setItalic(given.fontItalic())
    font.setStrikeOut(given.fontStrikeOut())
    if given.fontFixedPitch() or "monospace" in (given.fontFamilies() or ()):
        font.setFamily(code)
        font.setPixelSize(base.pixelSize() - 1)
        look.setBackground(style.color("widget.fillHover"))
    if given.isAnchor():
        look.setForeground(style.color("accent.text"))
    look.setFont(font)
    return look


class _NoteDocument(QTextDocument):
    """A document that reads no file and no address."""

    def loadResource(self, kind: int, name: object) -> object:
        """Return nothing for pictures and style sheets."""
        return None
