"""What a node is and does: picture, description, inputs and outputs (U-151)."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from app.engine.node_types.definition import InputDefinition, NodeDefinition
from app.ui.dialogs.card import Card
from app.ui.node_catalog import category_words, pack_words
from app.ui.node_preview import paint_definition
from app.ui.paragraph import Paragraph, wrap
from app.ui.words import tr
from app.widgets.buttons import IconButton
from app.widgets.labels import Words, paint_dot
from app.widgets.style import Style
from app.widgets.themed import Themed, paint_text

WIDTH, HEIGHT = 760, 560


class NodeInfoCard(Card):
    """The page about a node.

    Args:
        window: The window it covers.
        look: The style.
        definition: The node.
    """

    def __init__(self, window: QWidget, look: Style, definition: NodeDefinition) -> None:
        super().__init__(window, look, WIDTH, HEIGHT)
        self.definition = definition
        scale = look.scale
        close = IconButton("x", tr("Close"), look)
        close.clicked.connect(self.shut)
        self._close = close
        head = QHBoxLayout()
        names = QVBoxLayout()
        names.setSpacing(0)
        names.addWidget(Words(definition.display_name, look, font="title"))
        place = f"{category_words(definition)}  ·  {pack_words(definition)}"
        names.addWidget(Words(place, look, font="small", color="text.secondary"))
        head.addLayout(names, 1)
        head.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)
        content = QWidget()
        content.setObjectName("page")
        lay = QVBoxLayout(content)
        lay.setContentsMargins(0, 0, round(12 * scale), 0)
        lay.setSpacing(round(10 * scale))
        if definition.description.strip():
            lay.addWidget(Paragraph(definition.description.strip(), look))
        rows = [_input_row(item) for item in definition.inputs]
        if rows:
            lay.addWidget(Words(tr("Inputs"), look, font="section"))
            lay.addWidget(SlotList(rows, look))
        rows = [(item.name, item.type, item.tooltip, "") for item in definition.outputs]
        if rows:
            lay.addWidget(Words(tr("Outputs"), look, font="section"))
            lay.addWidget(SlotList(rows, look))
        lay.addWidget(Words(definition.name, look, font="code", color="text.tertiary"))
        lay.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidget(content)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.viewport().setAutoFillBackground(False)
        content.setAutoFillBackground(False)
        columns = QHBoxLayout()
        columns.setSpacing(round(24 * scale))
        columns.addWidget(NodePicture(definition, look))
        columns.addWidget(scroll, 1)
        outer = QVBoxLayout(self.body)
        margin = round(24 * scale)
        outer.setContentsMargins(margin, margin - 4, margin - 8, margin)
        outer.setSpacing(round(16 * scale))
        outer.addLayout(head)
        outer.addLayout(columns, 1)
        super().apply_style(look)

    def first_focus(self) -> QWidget:
        """Return the cross."""
        return self._close


class NodePicture(Themed, QWidget):
    """The node as it is drawn on the canvas."""

    def __init__(self, definition: NodeDefinition, look: Style) -> None:
        super().__init__()
        self._definition = definition
        self.apply_style(look)

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        self.setFixedWidth(self.px(250))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the node."""
        box = QRectF(self.rect()).adjusted(8, 8, -8, -8)
        painter = QPainter(self)
        paint_definition(painter, self._definition, box, self.look)


def _input_row(item: InputDefinition) -> tuple[str, str, str, str]:
    options = item.options
    facts = []
    if item.is_widget and item.default not in (None, ""):
        facts.append(tr("default {value}").format(value=item.default))
    if item.type in ("INT", "FLOAT") and "min" in options and "max" in options:
        facts.append(f"{options['min']} – {options['max']}")
    if not item.required:
        facts.append(tr("optional"))
    return item.label, item.type, item.tooltip, ", ".join(str(fact) for fact in facts)


class SlotList(Themed, QWidget):
    """Inputs or outputs: dot, name, type, facts, help."""

    def __init__(self, rows: list[tuple[str, str, str, str]], look: Style) -> None:
        super().__init__()
        self._rows = rows
        self.apply_style(look)

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        self._fit(self.width())

    def resizeEvent(self, event: object) -> None:
        """Follow the width."""
        self._fit(self.width())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the rows."""
        painter = QPainter(self)
        body, small = self.look.font("body"), self.look.font("small")
        top = 0.0
        for name, type_name, help_text, facts in self._rows:
            center = QPointF(self.px(5), top + self.px(12))
            paint_dot(painter, center, self.px(4), self.look.link_color(type_name))
            box = QRectF(self.px(18), top + self.px(2), self.width() - self.px(18), self.px(20))
            paint_text(painter, box, name, body, self.color("text.primary"))
            right = Qt.AlignmentFlag.AlignRight
            paint_text(painter, box, type_name, small, self.color("text.tertiary"), right)
            top += self.px(22)
            for line in self._help(help_text, facts, self.width()):
                box = QRectF(self.px(18), top, self.width() - self.px(18), self.px(18))
                paint_text(painter, box, line, small, self.color("text.secondary"))
                top += self.px(18)
            top += self.px(6)

    def _help(self, help_text: str, facts: str, width: int) -> list[str]:
        small = self.look.font("small")
        room = max(self.px(60), width - self.px(18))
        lines = wrap(help_text.strip(), small, room) if help_text.strip() else []
        return lines + (wrap(facts, small, room) if facts else [])

    def _fit(self, width: int) -> None:
        height = sum(
            self.px(28) + self.px(18) * len(self._help(help_text, facts, width))
            for _, _, help_text, facts in self._rows
        )
        self.setFixedHeight(height)
