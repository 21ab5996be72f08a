"""Any QWidget as a control in a node: what packs use where the web editor has DOM elements.

The widget itself lies over the canvas and is moved by the :class:`~app.widgets.dom_store.DomStore`;
inside the node it takes a row like every other control, keeps a value and paints a stand-in while
the live widget is not shown.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, MutableSequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPixmap
from PySide6.QtWidgets import QWidget

from app.widgets.base import NodeWidget, WidgetPart, WidgetState
from app.widgets.drawing import paint_box, paint_centered
from app.widgets.ink import FADED, ink_of
from app.widgets.spec import WidgetKind, WidgetSpec
from app.widgets.style import Style

MARGIN = 10.0
"""Distance of the widget from the edges of its row, in units."""
LEAST_HEIGHT = 50.0

_ids = itertools.count(1)


@dataclass(frozen=True, slots=True)
class DomOptions:
    """How a :class:`DomWidget` behaves.

    Attributes:
        min_height: Least height of the row in units; None for 50.
        max_height: Greatest height in units; None when it takes all that is free.
        hide_on_zoom: The live widget gives way to a picture of it below zoom 0.5.
        margin: Distance of the widget from the edges of its row, in units.
        get_value: Reads the value out of the widget; without it the last value set is the value.
        set_value: Puts a value into the widget.
        get_min_height: Asked for the least height at every layout, in place of ``min_height``.
        get_max_height: Asked for the greatest height, in place of ``max_height``.
        before_resize: Called before the widget gets another size.
        after_resize: Called after it has got one.
        on_draw: Called when the node has been drawn.
        serialize: The value is part of the file.
    """

    min_height: float | None = None
    max_height: float | None = None
    hide_on_zoom: bool = True
    margin: float = MARGIN
    get_value: Callable[[], Any] | None = None
    set_value: Callable[[Any], None] | None = None
    get_min_height: Callable[[], float] | None = None
    get_max_height: Callable[[], float] | None = None
    before_resize: Callable[[], None] | None = None
    after_resize: Callable[[], None] | None = None
    on_draw: Callable[[], None] | None = None
    serialize: bool = True


class DomWidget(NodeWidget):
    """A control that shows a QWidget.

    Args:
        name: Name that is unique in its node.
        type_name: Kind of the control as the pack calls it.
        widget: The widget; the control owns it from now on.
        options: How it behaves.

    Attributes:
        id: A name that no other control of the process has; the store's key.
        type_name: Kind of the control as the pack calls it.
        widget: The live widget.
        options: How it behaves.
        is_visible: False when the node hides the control.
        snapshot: A picture of the widget for the time in which it is not live.
        on_change: Called by :meth:`notify_change` when the artist has changed the value.
    """

    def __init__(
        self, name: str, type_name: str, widget: QWidget, options: DomOptions | None = None
    ) -> None:
        self.id = f"{name}#{next(_ids)}"
        self.type_name = type_name
        self.widget = widget
        self.options = options or DomOptions()
        self.is_visible = True
        self.snapshot: QPixmap | None = None
        self.on_change: Callable[[Any], None] | None = None
        self._value: Any = None
        super().__init__(WidgetSpec(name, WidgetKind.DOM, name), self._value)

    @property
    def value(self) -> Any:
        """The widget's own value, or the last one that was set."""
        get_value = self.options.get_value
        return self._value if get_value is None else get_value()

    @value.setter
    def value(self, value: Any) -> None:
        self._value = value
        # The base class sets the first value before the widget can know of one.
        if value is not None and self.options.set_value is not None:
            self.options.set_value(value)

    @property
    def minimum_height(self) -> float:
        """Least height of the row."""
        if not self.is_visible:
            return 0.0
        if self.options.get_min_height is not None:
            return max(0.0, float(self.options.get_min_height()))
        least = self.options.min_height
        return LEAST_HEIGHT if least is None else least

    @property
    def maximum_height(self) -> float | None:
        """Greatest height of the row; None when it takes all that is free."""
        if not self.is_visible:
            return 0.0
        if self.options.get_max_height is not None:
            return max(self.minimum_height, float(self.options.get_max_height()))
        most = self.options.max_height
        return None if most is None else max(self.minimum_height, most)

    def box(self, row: QRectF) -> QRectF:
        """Return where the widget lies inside its row."""
        margin = self.options.margin
        return row.adjusted(margin, margin, -margin, -margin)

    def notify_change(self) -> None:
        """Tell the host that the artist has changed the value inside the widget."""
        if self.on_change is not None:
            self.on_change(self.value)

    def paint(self, painter: QPainter, rect: QRectF, style: Style, state: WidgetState) -> None:
        """Draw the stand-in: the last picture of the widget, or its name."""
        if not self.is_visible:
            return
        box = self.box(rect)
        opacity = painter.opacity()
        if state.is_linked:
            painter.setOpacity(opacity * FADED)
        if self.snapshot is not None and not self.snapshot.isNull():
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawPixmap(box, self.snapshot, QRectF(self.snapshot.rect()))
        else:
            ink = ink_of(style)
            paint_box(painter, box, ink, WidgetState())
            paint_centered(painter, box, ink.inner, ink.label, self.spec.label)
        painter.setOpacity(opacity)
        if self.options.on_draw is not None:
            self.options.on_draw()

    def part_at(self, pos: QPointF, rect: QRectF) -> WidgetPart:
        """Return the body over the widget; its margin belongs to the node."""
        return WidgetPart.BODY if self.box(rect).contains(pos) else WidgetPart.NONE

    def cursor_at(self, part: WidgetPart) -> Qt.CursorShape:
        """Return the arrow; the live widget shows its own."""
        return Qt.CursorShape.ArrowCursor


def add_dom_widget(
    node_widgets: MutableSequence[NodeWidget],
    name: str,
    type_name: str,
    widget: QWidget,
    options: DomOptions | None = None,
) -> DomWidget:
    """Put a QWidget into a node, after its other controls.

    Args:
        node_widgets: The controls of the node.
        name: Name that is unique in the node.
        type_name: Kind of the control as the pack calls it.
        widget: The widget; the control owns it from now on.
        options: How it behaves.

    Raises:
        ValueError: The node has a control of that name already.
    """
    if any(known.spec.name == name for known in node_widgets):
        raise ValueError(f"The node has a control named {name!r} already.")
    control = DomWidget(name, type_name, widget, options)
    node_widgets.append(control)
    return control
