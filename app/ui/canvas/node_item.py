"""One node on the canvas: a pixmap item with nothing of Python in its paint path.

The item holds what has been worked out about its node (size, places, controls) and the picture
that was last painted; :mod:`app.ui.canvas.refresh` decides when to paint it anew. No virtual
function of Qt is overridden here: 5,000 nodes would call it 5,000 times a frame.
"""

from __future__ import annotations

from functools import cache

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QImage, QPixmap, QTransform
from PySide6.QtWidgets import QGraphicsPixmapItem

from app.engine.node_types.definition import NodeDefinition
from app.engine.workflow.binding import BoundNode, BoundWidget, WidgetRole
from app.engine.workflow.model import Node
from app.engine.workflow.node_binding import NodeBinder
from app.ui.canvas import node_layout, strips
from app.ui.canvas.box_index import Box
from app.ui.canvas.detail import Detail
from app.ui.canvas.node_fonts import Fonts
from app.ui.canvas.node_layout import NodeLayout, RowHeight
from app.ui.widget_specs import specs_of, visible_widgets, widget_kind
from app.widgets.base import NodeWidget
from app.widgets.factory import make_widget
from app.widgets.spec import WidgetKind, WidgetSpec

NODE_Z = 10.0
"""Depth of the lowest node; each one above it lies 1e-4 higher."""
Z_STEP = 1e-4
_NO_TRANSFORM = QTransform()


@cache
def row_height(kind: WidgetKind) -> RowHeight:
    """Return how tall controls of a kind are."""
    sample = make_widget(WidgetSpec("", kind, ""), None)
    return RowHeight(sample.minimum_height, sample.maximum_height)


class NodeItem(QGraphicsPixmapItem):
    """One node in the scene.

    Attributes:
        key: Key of the node in its graph.
        node: The node as it is bound.
        is_collapsed: Only the title is shown.
        is_plain: It has no title bar (the old Reroute node, and strips).
        is_strip: It is the strip of a subgraph's inputs or outputs.
        size: Shown width and height of the body; at least what its content needs.
        output_row: Height of the row for pictures or text of the last run, or 0.
        zoom: Device pixels per unit of its picture; 0 for the flat placeholder.
        detail: Level of detail of its picture.
        is_stale: Its picture must be painted anew.
        scrolls: How far its text boxes are scrolled, by widget name.
        extras: Controls of the node's own, by name: live widgets of a pack.
        chosen_picture: The picture that its file widget names, and the full size of it.
        kept_preview: The last preview of what it made, kept while nothing better is there: the
            node would shrink at the end of each run and grow again in the next.
        dragged_size: Size while the artist resizes it, else None.
    """

    def __init__(self, node: BoundNode, fonts: Fonts) -> None:
        super().__init__()
        self.setShapeMode(QGraphicsPixmapItem.ShapeMode.BoundingRectShape)
        self.setTransformationMode(Qt.TransformationMode.FastTransformation)
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
        self.key = node.key
        self.output_row = 0.0
        self.zoom = -1.0
        self.detail = Detail.FLAT
        self.is_stale = True
        self.scrolls: dict[str, float] = {}
        self.chosen_picture: tuple[QImage, tuple[int, int]] | None = None
        self._is_grown = False
        self.kept_preview: QImage | None = None
        self.dragged_size: tuple[float, float] | None = None
        self._fonts = fonts
        self.extras: dict[str, NodeWidget] = {}
        self._controls: list[NodeWidget] | None = None
        self._layout: NodeLayout | None = None
        self.rebind(node)

    def rebind(self, node: BoundNode) -> None:
        """Take over a changed node: size, places and controls are worked out again."""
        self.node = node
        self.is_collapsed = node.node.is_collapsed
        self.is_strip = bool(node.boundary)
        self.is_plain = self.is_strip or node_layout.is_plain_reroute(node)
        self._plain_inputs = next(
            (i for i, item in enumerate(node.inputs) if item.widget is not None), len(node.inputs)
        )
        self.visible = visible_widgets(node)
        if self.extras:
            self._add_extra_rows()
        self.heights = [self._height_of(widget) for widget in self.visible]
        self._update_controls()
        self.update_size()

    def restyle(self) -> bool:
        """Take over another mode, flags or stored size; tells whether links end elsewhere now."""
        before = self.is_collapsed, self.size
        self.is_collapsed = self.node.node.is_collapsed
        self.update_size()
        return before != (self.is_collapsed, self.size)

    def set_extras(self, extras: dict[str, NodeWidget]) -> None:
        """Give the node controls of its own, by name: live widgets of a pack."""
        self.extras = extras
        self._controls = None
        self.rebind(self.node)

    def _add_extra_rows(self) -> None:
        known = {widget.name for widget in self.visible}
        for name in self.extras:
            if name not in known:
                self.visible.append(
                    BoundWidget(name, name, "DOM", None, None, slot=None, is_sent=False)
                )

    def _height_of(self, widget: BoundWidget) -> RowHeight:
        extra = self.extras.get(widget.name)
        if extra is not None:
            return RowHeight(extra.minimum_height, extra.maximum_height)
        return row_height(widget_kind(widget))

    def row_of(self, name: str) -> QRectF | None:
        """Return the row of a widget in the node's coordinates, or None when it has none."""
        for widget, rect in zip(self.visible, self.layout.widgets, strict=False):
            if widget.name == name:
                return rect
        return None

    def update_size(self) -> None:
        """Work out the shown size: the stored one, grown to what the content needs."""
        if self.is_strip:
            self.size = strips.strip_size(self.node, self._fonts)
            self._layout = None
            self.is_stale = True
            return
        size = self.dragged_size or self.node.node.size
        if size is None:
            size = default_size(self.node, self.visible, self.heights, self._fonts)
        least = node_layout.least_height(self.node, self.heights, output_row=self.output_row)
        height = max(size[1], least)
        self._is_grown = (
            self.dragged_size is None
            and size[1] < least
            and self.output_row > 0.0
            and any(row.grows for row in self.heights)
        )
        if self._is_grown:
            # Text boxes keep their height; the node grows by all of the picture instead.
            height = max(height, size[1] + node_layout.output_room(self.output_row))
        self.size = (max(size[0], 20.0), height)
        self._layout = None
        self.is_stale = True

    @property
    def layout(self) -> NodeLayout:
        """Where the parts of the node lie, in its own coordinates."""
        layout = self._layout
        if layout is None and self.is_strip:
            layout = self._layout = strips.arrange_strip(self.node, self.size)
        if layout is None:
            collapsed = self.is_collapsed
            layout = self._layout = node_layout.arrange_node(
                self.node,
                self.size,
                self.heights,
                [widget.name for widget in self.visible],
                is_collapsed=collapsed,
                output_row=self.output_row,
                output_grows=not self._is_grown,
                title_width=self._fonts.inner.width(self.node.title) if collapsed else 0.0,
            )
        return layout

    @property
    def controls(self) -> list[NodeWidget]:
        """The controls of the visible widgets, made at the first use."""
        controls = self._controls
        if controls is None:
            controls = self._controls = self._make_controls({})
        return controls

    def _make_controls(self, old: dict[str, NodeWidget]) -> list[NodeWidget]:
        """Make the controls; of ``old`` ones those are kept whose spec is the same."""
        controls = []
        for spec, widget in zip(specs_of(self.visible), self.visible, strict=True):
            control = self.extras.get(spec.name) or old.get(spec.name)
            if control is None or (spec.name not in self.extras and control.spec != spec):
                control = make_widget(spec, widget.value)
            elif spec.name not in self.extras:
                control.value = widget.value
            controls.append(control)
        return controls

    def _update_controls(self) -> None:
        """Keep controls whose spec is the same: they remember how their text was broken."""
        if self._controls is not None:
            old = {control.spec.name: control for control in self._controls}
            self._controls = self._make_controls(old)

    @property
    def outline(self) -> QRectF:
        """The whole node with its title, in scene coordinates."""
        return self.local_outline.translated(self.pos())

    def box(self) -> Box:
        """Return the sides of :attr:`outline`; made to be asked for hundreds of nodes a frame."""
        x, y = self.x(), self.y()
        if self._layout is None and not self.is_collapsed:
            top = y if self.is_plain else y - node_layout.TITLE_HEIGHT
            return x, top, x + self.size[0], y + self.size[1]
        outline = self.layout.outline
        top = y + outline.top()
        return x, top, x + outline.width(), top + outline.height()

    @property
    def local_outline(self) -> QRectF:
        """The whole node with its title, in its own coordinates."""
        if self._layout is None and not self.is_collapsed:
            top = 0.0 if self.is_plain else -node_layout.TITLE_HEIGHT
            return QRectF(0.0, top, self.size[0], self.size[1] - top)
        return self.layout.outline

    def input_place(self, index: int) -> QPointF:
        """Return the centre of an input's dot in scene coordinates."""
        return self.layout.inputs[index] + self.pos()

    def output_place(self, index: int) -> QPointF:
        """Return the centre of an output's dot in scene coordinates."""
        return self.layout.outputs[index] + self.pos()

    def link_end(self, index: int, *, is_output: bool) -> tuple[float, float]:
        """Return where a link meets the edge of the node, in scene coordinates."""
        x, y = self.x(), self.y()
        if self.is_collapsed:
            place = (self.layout.outputs if is_output else self.layout.inputs)[index]
            return x + place.x(), y + place.y()
        if self.is_strip:
            return (x + self.size[0] if is_output else x), y + strips.slot_y(index)
        if is_output:
            return x + self.size[0], y + (index + 0.7) * node_layout.ROW
        return x, y + self._input_y(index)

    def _input_y(self, index: int) -> float:
        if self._layout is None:
            inputs = self.node.inputs
            # Plain sockets come first; only those of widgets need the places of all rows.
            if inputs[index].widget is None and all(item.widget is None for item in inputs[:index]):
                return (index + 0.7) * node_layout.ROW
        return self.layout.inputs[index].y()

    def show_picture(self, pixmap: QPixmap, corner: QPointF, zoom: float, detail: Detail) -> None:
        """Take over a fresh picture; ``corner`` is its upper left corner in node coordinates."""
        if self.zoom == 0.0:
            self.setTransform(_NO_TRANSFORM)
        self.setPixmap(pixmap)
        self.setOffset(corner)
        self.zoom = zoom
        self.detail = detail
        self.is_stale = False

    def show_placeholder(self, pixmap: QPixmap) -> None:
        """Be one flat colour: a single pixel that all nodes of the colour share, stretched."""
        outline = self.local_outline
        self.setOffset(0.0, 0.0)
        self.setPixmap(pixmap)
        self.setTransform(
            QTransform(outline.width(), 0.0, 0.0, outline.height(), outline.left(), outline.top())
        )
        self.zoom = 0.0
        self.detail = Detail.FLAT
        self.is_stale = False


def default_size(
    node: BoundNode, visible: list[BoundWidget], heights: list[RowHeight], fonts: Fonts
) -> tuple[float, float]:
    """Return the size of a node whose file has none."""
    least = node_layout.least_size(
        node,
        heights,
        [widget.label for widget in visible],
        fonts.title_measure.width,
        fonts.inner.width,
    )
    kinds = {widget_kind(widget) for widget in visible}
    return node_layout.new_node_size(
        least,
        node.node.type,
        has_widgets=bool(visible),
        has_text_box=bool(kinds & {WidgetKind.MULTILINE, WidgetKind.MARKDOWN})
        and not any(widget.role is WidgetRole.TEXT for widget in visible),
    )


def new_node_size(definition: NodeDefinition, fonts: Fonts) -> tuple[float, float]:
    """Return the size that a fresh node of a type gets."""
    record = Node("0", {"id": 0, "type": definition.name})
    node = NodeBinder({definition.name: definition}).bind(record)
    visible = visible_widgets(node)
    heights = [row_height(widget_kind(widget)) for widget in visible]
    return default_size(node, visible, heights, fonts)
