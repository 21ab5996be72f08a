"""Where the live QWidgets of nodes lie over the canvas, and which of them are shown.

The canvas tells the store of every pan, zoom, move and resize; the store moves the widgets, keeps
the number of live ones small and takes a picture of those it hides. It knows no workflow: a node
is only a rectangle, a height in the stack and a visibility.

Live widgets are expensive (500 text boxes cost about a second to make and 20-40 ms a repaint), so
at most :attr:`DomStore.most_live` are shown, the ones nearest to the middle of the view.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from PySide6.QtCore import QObject, QRectF, Signal
from PySide6.QtGui import QPixmap, QTransform
from PySide6.QtWidgets import QApplication, QWidget

from app.widgets.dom import DomWidget

LEAST_ZOOM = 0.5
MOST_LIVE = 24


@dataclass(frozen=True, slots=True)
class DomState:
    """What the store knows of one live widget.

    Attributes:
        rect: Its box in scene units.
        z: Height in the stack; larger lies above.
        is_visible: The node shows it: not collapsed, not hidden, in the shown graph.
        is_covered: A node above lies over it.
        is_live: The QWidget itself is on screen now.
    """

    rect: QRectF = field(default_factory=QRectF)
    z: float = 0.0
    is_visible: bool = True
    is_covered: bool = False
    is_live: bool = False


class DomStore(QObject):
    """Position, size, visibility and stacking of the live widgets on one canvas.

    Args:
        viewport: The widget they lie over.

    Attributes:
        most_live: How many may be shown at once.

    Signals:
        changed: The state of one widget is another; carries its id. Sent once for each that
            changed. When it went from live to hidden, its control has a new snapshot.
    """

    changed = Signal(str)

    def __init__(self, viewport: QWidget, parent: QObject | None = None) -> None:
        super().__init__(parent or viewport)
        self.most_live = MOST_LIVE
        self._viewport = viewport
        self._transform = QTransform()
        self._controls: dict[str, DomWidget] = {}
        self._states: dict[str, DomState] = {}

    def register(self, control: DomWidget) -> str:
        """Take care of a control; returns its id.

        Raises:
            ValueError: It is registered already.
        """
        if control.id in self._controls:
            raise ValueError(f"{control.id!r} is registered already.")
        self._controls[control.id] = control
        self._states[control.id] = DomState()
        control.widget.setParent(self._viewport)
        control.widget.hide()
        return control.id

    def unregister(self, widget_id: str) -> None:
        """Let a control go; its widget is hidden and handed back without a parent.

        Raises:
            KeyError: There is no such id.
        """
        control = self._controls.pop(widget_id)
        del self._states[widget_id]
        control.widget.hide()
        control.widget.setParent(None)
        self.changed.emit(widget_id)
        self.refresh()

    def ids(self) -> tuple[str, ...]:
        """Return the ids of all controls, in the order they came."""
        return tuple(self._controls)

    def control(self, widget_id: str) -> DomWidget:
        """Return a control.

        Raises:
            KeyError: There is no such id.
        """
        return self._controls[widget_id]

    def state(self, widget_id: str) -> DomState:
        """Return what is known of a control.

        Raises:
            KeyError: There is no such id.
        """
        return self._states[widget_id]

    def live_ids(self) -> tuple[str, ...]:
        """Return the ids of the widgets that are on screen, lowest first."""
        live = [key for key, state in self._states.items() if state.is_live]
        return tuple(sorted(live, key=lambda key: self._states[key].z))

    def place(
        self,
        widget_id: str,
        rect: QRectF,
        *,
        z: float | None = None,
        is_visible: bool | None = None,
        is_covered: bool | None = None,
    ) -> None:
        """Tell where a control's box lies in the scene; what is None stays as it is.

        Call :meth:`refresh` after the last of several.

        Raises:
            KeyError: There is no such id.
        """
        old = self._states[widget_id]
        self._set(
            widget_id,
            replace(
                old,
                rect=QRectF(rect),
                z=old.z if z is None else z,
                is_visible=old.is_visible if is_visible is None else is_visible,
                is_covered=old.is_covered if is_covered is None else is_covered,
            ),
        )

    def set_transform(self, transform: QTransform) -> None:
        """Tell of another pan or zoom: scene to viewport. Moves the widgets at once."""
        self._transform = QTransform(transform)
        self.refresh()

    def refresh(self) -> None:
        """Decide which widgets are live, and move, stack, show and hide them."""
        wanted = self._wanted()
        for key in tuple(self._controls):
            state = self._states[key]
            if key not in wanted and state.is_live:
                self._hide(key)
        for key in sorted(wanted, key=lambda key: self._states[key].z):
            self._show(key)

    def _wanted(self) -> set[str]:
        zoom = self._transform.m11()
        view = QRectF(self._viewport.rect())
        middle = view.center()
        near: list[tuple[float, str]] = []
        for key, state in self._states.items():
            control = self._controls[key]
            if not state.is_visible or not control.is_visible or state.is_covered:
                continue
            if zoom < LEAST_ZOOM and control.options.hide_on_zoom:
                continue
            box = self._transform.mapRect(state.rect)
            if box.isEmpty() or not box.intersects(view):
                continue
            away = box.center() - middle
            distance = away.x() ** 2 + away.y() ** 2
            # What is being typed into is never taken away for want of room.
            near.append((-1.0 if _holds_focus(control.widget) else distance, key))
        near.sort()
        return {key for _, key in near[: self.most_live]}

    def _show(self, key: str) -> None:
        control, state = self._controls[key], self._states[key]
        box = self._transform.mapRect(state.rect).toRect()
        if control.widget.geometry() != box:
            is_resized = control.widget.size() != box.size()
            if is_resized and control.options.before_resize is not None:
                control.options.before_resize()
            control.widget.setGeometry(box)
            if is_resized and control.options.after_resize is not None:
                control.options.after_resize()
        control.widget.raise_()
        if not state.is_live:
            control.widget.show()
            self._set(key, replace(state, is_live=True))

    def _hide(self, key: str) -> None:
        control = self._controls[key]
        picture = control.widget.grab()
        control.snapshot = QPixmap(picture) if not picture.isNull() else None
        control.widget.hide()
        self._set(key, replace(self._states[key], is_live=False))

    def _set(self, key: str, state: DomState) -> None:
        if state != self._states[key]:
            self._states[key] = state
            self.changed.emit(key)


def _holds_focus(widget: QWidget) -> bool:
    focus = QApplication.focusWidget()
    return focus is not None and (focus is widget or widget.isAncestorOf(focus))
