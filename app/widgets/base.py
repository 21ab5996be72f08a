"""The contract between a node and the controls inside it.

A control is painted into its node's picture and owns no Qt widget. It gets mouse presses from
the canvas and asks its :class:`WidgetHost` for everything that reaches beyond its rectangle: a new
value, a text editor, a list to choose from. So controls know nothing of nodes, scenes and undo.

All rectangles and positions are in node units (1 unit = 1 px at zoom 1), relative to the node.
The rectangle of a control is always its whole row: from the left edge of the node to its right
edge, and as high as the row. The control insets its own box (15 units; text boxes 10), because
its press zones and the places of its words count from the edges of the node.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter

from app.widgets.spec import WidgetSpec
from app.widgets.style import Style

ROW_HEIGHT = 20.0
"""Height of a one-line control."""


class WidgetPart(enum.Enum):
    """Where in a control the pointer is."""

    NONE = "none"
    BODY = "body"
    DECREASE = "decrease"
    INCREASE = "increase"
    GLYPH = "glyph"


@dataclass(frozen=True, slots=True)
class WidgetState:
    """How a control is drawn right now.

    Attributes:
        hovered: The part under the pointer.
        pressed: The part that is held down.
        is_linked: A link drives it: only the name is drawn, at half strength.
        is_editing: An editor lies over it: the value is not drawn.
        is_focused: It has the keyboard.
        problem: A sentence when the value was refused, else empty: drawn with a red line.
        scroll: How far a text box is scrolled, in units.
    """

    hovered: WidgetPart = WidgetPart.NONE
    pressed: WidgetPart = WidgetPart.NONE
    is_linked: bool = False
    is_editing: bool = False
    is_focused: bool = False
    problem: str = ""
    scroll: float = 0.0


REST = WidgetState()


@dataclass(frozen=True, slots=True)
class WidgetPress:
    """A mouse press on a control.

    Attributes:
        pos: Where, in node units.
        rect: The control's rectangle, in node units.
        modifiers: Keys that are held.
        is_double: The second press of a double-click.
        zoom: Screen pixels per node unit; drags count screen pixels.
        scroll: How far a text box is scrolled, as in its :class:`WidgetState`.
    """

    pos: QPointF
    rect: QRectF
    modifiers: Qt.KeyboardModifier
    is_double: bool = False
    zoom: float = 1.0
    scroll: float = 0.0


class LineEdit:
    """What becomes of the words typed into a one-line editor; called with them on commit.

    Number controls pass a subclass that also answers the arrow keys. Anything that takes a plain
    ``on_commit`` takes one of these too.

    Args:
        on_commit: Called with the words when the artist is done.
        right: The words stand at the right end of the box, as numbers do.
    """

    def __init__(self, on_commit: Callable[[str], None], *, right: bool = False) -> None:
        self._on_commit = on_commit
        self.right = right

    def __call__(self, text: str) -> None:
        """Take the words as final."""
        self._on_commit(text)

    def step(self, text: str, count: int) -> str | None:
        """Return the words after ``count`` steps up (or down, below 0); None when it has none."""
        return None


class TextEdit:
    """What becomes of the text of a multi-line editor, and where its caret begins.

    Args:
        on_commit: Called with the text when the artist is done and it has changed.
        caret: Place of the caret as Qt counts characters, or None for the end.
        placeholder: Grey words while it is empty.
        scroll: How far the text was scrolled before, in units.
    """

    def __init__(
        self,
        on_commit: Callable[[str], None],
        *,
        caret: int | None = None,
        placeholder: str = "",
        scroll: float = 0.0,
    ) -> None:
        self._on_commit = on_commit
        self.caret = caret
        self.placeholder = placeholder
        self.scroll = scroll
        self.extend_selection: Callable[[QPointF], None] | None = None
        """Set by the editor once it is open: selects from the caret to a place in node units."""

    def __call__(self, text: str) -> None:
        """Take the text as final."""
        self._on_commit(text)


class WidgetHost(Protocol):
    """What a control may ask of the node it lives in."""

    def set_value(self, value: Any, *, gesture: str = "") -> None:
        """Give the control a new value as one undo step; equal gestures merge into one.

        A gesture that ends with the value it began with leaves no undo step behind.
        """

    def edit_line(
        self, rect: QRectF, text: str, on_commit: Callable[[str], None], *, select: bool = True
    ) -> None:
        """Open a one-line editor over ``rect``; Enter or a click outside commits.

        See :func:`app.widgets.line_editor.open_line_editor`. ``on_commit`` may be a
        :class:`LineEdit`.
        """

    def edit_text(
        self, rect: QRectF, text: str, on_commit: Callable[[str], None], *, read_only: bool = False
    ) -> None:
        """Open a multi-line editor over ``rect``; Escape or a click outside commits.

        See :func:`app.widgets.text_editor.open_text_editor`. ``on_commit`` may be a
        :class:`TextEdit`. Called while the mouse is pressed: the press must not take the keyboard
        away from the editor again.
        """

    def choose(
        self, rect: QRectF, choices: Sequence[Any], current: Any, on_choose: Callable[[Any], None]
    ) -> None:
        """Open a searchable list under ``rect``."""

    def choose_file(self, caption: str, pattern: str, on_choose: Callable[[str], None]) -> None:
        """Ask for a file of the artist's; ``pattern`` as in ``"Images (*.png *.jpg)"``."""

    def take_file(self, name: str, path: str) -> None:
        """Use a file of the artist's for the control ``name``: copy it in and set the value."""

    def choose_color(self, rect: QRectF, value: str, on_choose: Callable[[str], None]) -> None:
        """Open the colour picker under ``rect``; colours are ``#rrggbb``."""

    def trigger(self, name: str) -> None:
        """Tell the window that the button ``name`` was pressed."""

    def repaint(self) -> None:
        """Draw the node anew."""


class WidgetDrag:
    """A drag that began on a control. The base class does nothing, for plain clicks."""

    def move(self, pos: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        """Follow the pointer."""

    def release(self, pos: QPointF) -> None:
        """End the drag, or act on a click."""

    def cancel(self) -> None:
        """Take everything back, as if the button had never been pressed."""


class NodeWidget:
    """One control inside a node.

    Attributes:
        spec: What it edits.
        value: Current value. It may be of the wrong type: files are not trusted, and a control
            shows such a value without changing it.
    """

    def __init__(self, spec: WidgetSpec, value: Any) -> None:
        self.spec = spec
        self.value = value

    @property
    def minimum_height(self) -> float:
        """Least height of the control's row."""
        return ROW_HEIGHT

    @property
    def maximum_height(self) -> float | None:
        """Greatest height; None when it takes all that is free. Equal to the least for one row."""
        return ROW_HEIGHT

    def paint(self, painter: QPainter, rect: QRectF, style: Style, state: WidgetState) -> None:
        """Draw the control into ``rect``."""
        raise NotImplementedError

    def part_at(self, pos: QPointF, rect: QRectF) -> WidgetPart:
        """Return the part under ``pos``."""
        return WidgetPart.BODY if rect.contains(pos) else WidgetPart.NONE

    def press(self, press: WidgetPress, host: WidgetHost) -> WidgetDrag | None:
        """Take a press of the left button; None lets the node have it."""
        return None

    def activate(self, rect: QRectF, host: WidgetHost) -> None:
        """Begin editing from the keyboard."""

    def wheel(self, delta: float, rect: QRectF, state: WidgetState) -> float | None:
        """Return the new scroll position, or None when the canvas shall zoom."""
        return None

    def problem(self) -> str:
        """Return what is wrong with the value on its own, in a sentence, or nothing."""
        return ""

    def cursor_at(self, part: WidgetPart) -> Qt.CursorShape:
        """Return the pointer's shape over ``part``."""
        return Qt.CursorShape.ArrowCursor

    def text(self) -> str:
        """Return the value in words, for tooltips, copying and screen readers."""
        return "" if self.value is None else str(self.value)
