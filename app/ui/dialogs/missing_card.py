"""What a workflow needs and this install lacks: node types by pack, and models to replace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QPoint, QRect, QSize, Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QFontMetricsF
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from app.ui.dialogs.card import Card
from app.ui.paragraph import Paragraph
from app.ui.words import size_words, tr
from app.widgets.buttons import Button, ButtonRole
from app.widgets.choice_popup import ChoicePopup
from app.widgets.labels import Line, Words
from app.widgets.style import Style
from app.widgets.themed import elided

WIDTH, HEIGHT = 760, 600
_MOST_PLACES = 4
_BUTTON = 28


@dataclass(frozen=True, slots=True)
class Place:
    """A node that needs something: its title, and what leads to it."""

    title: str
    graph_id: str
    key: str


@dataclass(frozen=True, slots=True)
class PackRow:
    """A missing node pack with its types in words, and the nodes of these types."""

    name: str
    types: tuple[str, ...]
    places: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A missing model as it is shown.

    Attributes:
        key: Names it when a file is chosen for it.
        name: File name.
        folder: Kind of model folder, or empty.
        path: That folder on this machine, or empty.
        url: Where it can be had, or empty.
        hash: Check sum with its kind, or empty.
        size_bytes: 0 when not known.
        places: The nodes that name it.
        choices: Files that can be used instead, the nearest names first.
        suggested: How many of the choices have a similar name.
    """

    key: object
    name: str
    folder: str = ""
    path: str = ""
    url: str = ""
    hash: str = ""
    size_bytes: int = 0
    places: tuple[Place, ...] = ()
    choices: tuple[str, ...] = ()
    suggested: int = 0


class MissingCard(Card):
    """Lists what is missing; a model can be replaced by a file that is there.

    Args:
        window: The window it covers.
        look: The style.
        title: Name of the document.

    Signals:
        model_chosen: Key of a :class:`ModelRow` and the file to use instead.
        place_chosen: A :class:`Place` to go to; the card shuts first.
        look_requested: Look for the files again.
    """

    model_chosen = Signal(object, str)
    place_chosen = Signal(object)
    look_requested = Signal()

    def __init__(self, window: QWidget, look: Style, title: str) -> None:
        super().__init__(window, look, WIDTH, HEIGHT)
        self._text = ""
        self.model_rows: list[ModelPart] = []
        self.heading = Words(tr("Missing from “{name}”").format(name=title), look, font="title")
        self.intro = Paragraph("", look)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.viewport().setAutoFillBackground(False)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.look_button = Button(tr("Look again"), look, icon="refresh-cw")
        self.look_button.setToolTip(tr("After you have put a file into its folder"))
        self.look_button.clicked.connect(self.look_requested)
        self.copy_button = Button(tr("Copy list"), look, icon="copy")
        self.copy_button.clicked.connect(lambda: QApplication.clipboard().setText(self._text))
        self.close_button = Button(tr("Close"), look, role=ButtonRole.PRIMARY)
        self.close_button.clicked.connect(self.shut)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.look_button)
        row.addWidget(self.copy_button)
        row.addStretch(1)
        row.addWidget(self.close_button)
        layout = QVBoxLayout(self.body)
        margin = round(24 * look.scale)
        layout.setContentsMargins(margin, margin - 4, margin, margin - 4)
        layout.setSpacing(round(8 * look.scale))
        layout.addWidget(self.heading)
        layout.addWidget(self.intro)
        layout.addWidget(self._scroll, 1)
        layout.addLayout(row)
        self.apply_style(look)

    @property
    def text(self) -> str:
        """The whole list as text, for the clipboard."""
        return self._text

    def first_focus(self) -> QWidget:
        """Return what an artist most likely presses."""
        for part in self.model_rows:
            if part.suggestion is not None:
                return part.suggestion
            if part.chooser.isEnabled():
                return part.chooser
        return self.close_button

    def show_rows(self, packs: list[PackRow], models: list[ModelRow], text: str) -> None:
        """Show other rows; the keyboard goes to the first thing to do."""
        self._text = text
        look = self.look
        body = QWidget()
        lay = QVBoxLayout(body)
        lay.setContentsMargins(0, 0, self.px(8), 0)
        lay.setSpacing(self.px(8))
        self.model_rows = []
        if packs:
            lay.addWidget(Words(tr("Node types"), look, font="smallStrong", color="text.secondary"))
        for pack in packs:
            lay.addWidget(Line(look))
            lay.addWidget(PackPart(pack, self, look))
        if models:
            if packs:
                lay.addSpacing(self.px(8))
            lay.addWidget(Words(tr("Models"), look, font="smallStrong", color="text.secondary"))
        for model in models:
            part = ModelPart(model, self, look)
            self.model_rows.append(part)
            lay.addWidget(Line(look))
            lay.addWidget(part)
        lay.addStretch(1)
        if packs or models:
            intro = tr("The workflow opens and can be edited; it runs once these are there.")
        else:
            intro = tr("Nothing is missing any more.")
        self.intro.setText(intro)
        self.copy_button.setEnabled(bool(packs or models))
        self._scroll.setWidget(body)
        # The scroll area lets its contents fill themselves; the card's ground shall be seen.
        body.setAutoFillBackground(False)
        if self.isVisible():
            self.first_focus().setFocus(Qt.FocusReason.TabFocusReason)

    def go_to(self, place: Place) -> None:
        """Shut and show a node."""
        self.shut()
        self.place_chosen.emit(place)


class PackPart(QWidget):
    """One node pack: its name, its types, and the way to their nodes."""

    def __init__(self, row: PackRow, card: MissingCard, look: Style) -> None:
        super().__init__()
        lay = QVBoxLayout(self)
        lay.setContentsMargins(0, 0, 0, 0)
        lay.setSpacing(round(2 * look.scale))
        head = QHBoxLayout()
        head.addWidget(Words(row.name, look, font="bodyStrong"), 1)
        lay.addLayout(head)
        for name in row.types:
            lay.addWidget(CutWords(name, look, "small", "text.secondary"))
        lay.addWidget(PlacesLine(row.places, card, look))


class ModelPart(QWidget):
    """One model: what is known of it, and what to use instead.

    Attributes:
        suggestion: Uses the nearest name; None when none is near.
        chooser: Opens the list of all files.
        link_button: Copies the address; None without one.
    """

    def __init__(self, row: ModelRow, card: MissingCard, look: Style) -> None:
        super().__init__()
        self.row = row
        self._card = card
        self._look = look
        self.suggestion: Button | None = None
        self.link_button: Button | None = None
        px = look.scale
        lay = QVBoxLayout(self)
        lay.setContentsMargins(0, 0, 0, 0)
        lay.setSpacing(round(2 * px))
        lay.addWidget(CutWords(row.name, look, "bodyStrong", "text.primary"))
        facts = [row.folder, size_words(row.size_bytes) if row.size_bytes else "", row.hash]
        known = "  ·  ".join(part for part in facts if part)
        if known:
            lay.addWidget(CutWords(known, look, "small", "text.secondary"))
        if row.url:
            lay.addWidget(CutWords(row.url, look, "small", "text.tertiary", in_middle=True))
        lay.addWidget(PlacesLine(row.places, card, look))
        buttons = QHBoxLayout()
        buttons.setContentsMargins(0, round(4 * px), 0, round(2 * px))
        buttons.setSpacing(round(8 * px))
        if row.suggested:
            self._add_suggestion(buttons, row.choices[0])
        self.chooser = Button(tr("Choose a file…"), look, height=_BUTTON, icon="folder-open")
        self.chooser.clicked.connect(self.open_list)
        self.chooser.setEnabled(bool(row.choices and row.places))
        self.chooser.setToolTip(_why_no_choice(row))
        buttons.addWidget(self.chooser)
        if row.url:
            self.link_button = _quiet(tr("Copy link"), "link", look)
            self.link_button.setToolTip(row.url)
            self.link_button.clicked.connect(lambda: QApplication.clipboard().setText(row.url))
            buttons.addWidget(self.link_button)
        if row.path:
            folder = _quiet(tr("Show folder"), "folder", look)
            folder.setToolTip(tr("Put the file into {path}").format(path=row.path))
            folder.clicked.connect(lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(row.path)))
            buttons.addWidget(folder)
        buttons.addStretch(1)
        lay.addLayout(buttons)

    def open_list(self) -> ChoicePopup:
        """Open the list of files that can be used instead."""
        row = self.row
        current = row.choices[0] if row.choices else None
        popup = ChoicePopup(row.choices, current, self._take, self._look, self)
        corner = self.chooser.mapToGlobal(QPoint(0, 0))
        popup.open_at(QRect(corner, self.chooser.size()))
        return popup

    def _add_suggestion(self, buttons: QHBoxLayout, name: str) -> None:
        # The very file in another folder: only its folder tells the two apart.
        is_same = _base(name) == _base(self.row.name)
        shown = _short(name if is_same else _base(name))
        words = tr("Use “{name}”").format(name=shown)
        self.suggestion = Button(words, self._look, height=_BUTTON, icon="check")
        self.suggestion.setToolTip(tr("Use {name} in all nodes that name it").format(name=name))
        self.suggestion.clicked.connect(lambda: self._take(name))
        self.suggestion.setEnabled(bool(self.row.places))
        buttons.addWidget(self.suggestion)

    def _take(self, name: str) -> None:
        self._card.model_chosen.emit(self.row.key, name)


class PlacesLine(QWidget):
    """The nodes that need something; each leads to its node."""

    def __init__(self, places: tuple[Place, ...], card: MissingCard, look: Style) -> None:
        super().__init__()
        lay = QHBoxLayout(self)
        lay.setContentsMargins(0, 0, 0, 0)
        lay.setSpacing(round(12 * look.scale))
        for place in places[:_MOST_PLACES]:
            words = f"{place.title}  {place.key}"
            button = Button(words, look, role=ButtonRole.LINK, height=20)
            button.setToolTip(tr("Go to node"))
            button.clicked.connect(_call(card.go_to, place))
            lay.addWidget(button)
        if len(places) > _MOST_PLACES:
            more = tr("and {count} more").format(count=len(places) - _MOST_PLACES)
            lay.addWidget(Words(more, look, font="small", color="text.tertiary"))
        lay.addStretch(1)
        self.setVisible(bool(places))


class CutWords(Words):
    """A line that is cut to its width; the whole of it is in the tooltip."""

    def __init__(
        self, text: str, look: Style, font: str, color: str, *, in_middle: bool = False
    ) -> None:
        self._whole = text
        self._in_middle = in_middle
        super().__init__(text, look, font=font, color=color)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(text)

    def resizeEvent(self, event: object) -> None:
        """Cut the words anew."""
        width = float(self.width())
        if self._in_middle:
            metrics = QFontMetricsF(self.font())
            words = metrics.elidedText(self._whole, Qt.TextElideMode.ElideMiddle, width)
        else:
            words = elided(self.font(), self._whole, width)
        self.setText(words)
        self.setToolTip(self._whole if words != self._whole else "")

    def minimumSizeHint(self) -> QSize:
        """Take any width."""
        return QSize(0, super().minimumSizeHint().height())


def _quiet(words: str, icon: str, look: Style) -> Button:
    return Button(words, look, role=ButtonRole.QUIET, icon=icon, height=_BUTTON)


def _call(function: Callable[[Place], None], place: Place) -> Callable[[], None]:
    return lambda: function(place)


def _base(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2]


def _short(name: str) -> str:
    return name if len(name) <= 40 else f"{name[:24]}…{name[-14:]}"


def _why_no_choice(row: ModelRow) -> str:
    if not row.places:
        return tr("No node of this workflow names it")
    if not row.choices:
        return tr("No file is in the folder “{name}”").format(name=row.folder)
    return tr("Use another file in all nodes that name it")
