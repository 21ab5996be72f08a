"""Joins a canvas with the window: search, menus, files, subgraphs, pictures."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from PySide6.QtCore import QObject, QPoint, QPointF, Signal
from PySide6.QtGui import QColor, QGuiApplication, QImage
from PySide6.QtWidgets import QColorDialog, QFileDialog

from app.engine.workflow.model import ROOT, as_mapping, read_pair
from app.ui.blueprint_library import PREFIX as BLUEPRINT_PREFIX
from app.ui.documents import OpenDocument
from app.ui.mime import NODE_MIME
from app.ui.words import tr

if TYPE_CHECKING:
    from app.ui.canvas.interactions.reroute_links import LooseLink
    from app.ui.canvas.view import CanvasView
    from app.ui.context_menus import ContextMenus
    from app.ui.main_window import MainWindow

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")


class CanvasWiring(QObject):
    """What the window does for its canvases.

    Args:
        window: The window.

    Signals:
        view_made: A new :class:`CanvasView`.
    """

    view_made = Signal(object)

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._place: QPointF | None = None
        self._loose: LooseLink | None = None
        self._menus: ContextMenus | None = None
        self._placed: WeakKeyDictionary[CanvasView, tuple[float, tuple[float, float]]]
        self._placed = WeakKeyDictionary()
        self._shown: WeakKeyDictionary[CanvasView, tuple[str, ...]] = WeakKeyDictionary()

    def make_view(self, item: OpenDocument) -> CanvasView:
        """Make the canvas of a document and listen to it."""
        from app.ui.canvas.view import CanvasView

        window = self._window
        # Before the canvas listens, which builds its nodes anew with the runs of their level.
        item.document.graph_reset.connect(lambda: self._take_level(item))
        view = CanvasView(item.document, item.run_state, window.look)
        self.take_settings(view)
        folder = window.home / "input"
        view.chosen.set_finder(lambda name: input_file(folder, name))
        view.button_pressed.connect(lambda key, name: self._on_button(view, key, name))
        view.search_requested.connect(lambda place: self.open_search(view, place))
        view.link_dropped_on_empty.connect(
            lambda loose, place: self._on_link_dropped(view, loose, place)
        )
        view.context_menu_requested.connect(
            lambda hit, place, screen: self._open_menu(view, hit, place, screen)
        )
        view.enter_subgraph_requested.connect(lambda key: self.enter_subgraph(item, key))
        view.files_dropped.connect(
            lambda paths, place, key: self._on_files(view, paths, place, key)
        )
        view.text_dropped.connect(lambda text, place: self._on_text(view, text, place))
        view.file_requested.connect(self._ask_file)
        view.file_taken.connect(
            lambda key, name, path: window.background.run(self._take_file(view, key, name, path))
        )
        view.color_requested.connect(self._ask_color)
        view.remedy_requested.connect(lambda key: self._on_remedy(item, key))
        view.picture_opened.connect(lambda key, number: self._open_picture(item, key, number))
        view.refused.connect(lambda text: window.toast(text))
        item.document.graph_reset.connect(lambda: self._show_level(item))
        view.canvas.run.prefix = run_prefix(item)
        self._shown[view] = item.document.trail
        self.view_made.emit(view)
        return view

    def place_view(self, item: OpenDocument, view: CanvasView) -> None:
        """Look where the file says, or at everything (U-021)."""
        state = as_mapping(item.document.graph.extra.get("ds"))
        scale = state.get("scale")
        if isinstance(scale, (int, float)) and not isinstance(scale, bool) and scale > 0:
            view.navigator.set_state(float(scale), QPointF(*read_pair(state.get("offset"), (0, 0))))
        else:
            view.actions.select_none()
            view.actions.fit(animate=False)
        self._placed[view] = (view.zoom, view.navigator.offset.toTuple())

    def store_view(self, item: OpenDocument) -> None:
        """Note in the document where the artist looks, if that is not as it was opened."""
        view = self._window.canvas_view(item)
        if view is None:
            return
        state = (view.zoom, view.navigator.offset.toTuple())
        if self._placed.get(view) != state:
            item.document.set_view(*state)

    def take_settings(self, view: CanvasView) -> None:
        """Give a canvas what is set for it."""
        from app.ui.canvas.link_routes import LinkStyle

        get = self._window.settings.get
        view.navigator.reduce_motion = bool(get("appearance.reduced_motion"))
        view.is_snapping = bool(get("canvas.snap"))
        view.snap_size = int(get("canvas.snap_size"))
        view.drags_select = get("navigation.left_button") == "select"
        view.wheel.wheel_pans = get("navigation.wheel") == "pan"
        view.wheel.zoom_step = float(get("navigation.zoom_speed"))
        view.edge_pan.speed = float(get("navigation.edge_pan"))
        links = LinkStyle(get("canvas.links"))
        if view.canvas.links.style is not links:
            view.canvas.links.set_style(links)

    def open_search(self, view: CanvasView, place: QPointF, loose: LooseLink | None = None) -> None:
        """Open the search where a node shall be added."""
        from app.ui.search_sources import Filter

        self._place, self._loose = place, loose
        filters = []
        if loose is not None:
            filters.append(Filter("input" if loose.is_output else "output", loose.type))
        pixel = view.navigator.to_view(place).toPoint()
        corner = self._window.mapFromGlobal(view.viewport().mapToGlobal(pixel))
        self._window.wiring.search.open_at(corner, filters)

    def open_search_at_pointer(self) -> None:
        """Open the search at the pointer, or in the middle when it is elsewhere."""
        view = self._window.view
        if view is None:
            return
        place = view.pointer_pos
        if not view.navigator.visible.contains(place):
            place = view.navigator.visible.center()
        self.open_search(view, place)

    def add_searched(self, name: str) -> None:
        """Add the node that was chosen in the search."""
        definition = self._window.definitions.get(name)
        view = self._window.view
        if view is None:
            return
        if name.startswith(BLUEPRINT_PREFIX):
            self._window.wiring.blueprints.insert(view, name, self._place, self._loose)
        elif definition is None:
            return
        else:
            view.actions.add_node(definition, self._place, self._loose)
        self._window.wiring.count_use(name)

    def end_search(self) -> None:
        """Let go of the link that waited for a node, and give the canvas the keyboard."""
        view = self._window.view
        if view is not None:
            view.clear_loose_link()
            view.setFocus()
        self._loose = None

    def add_from_library(self, name: str, place: QPointF | None = None) -> None:
        """Add a node in the middle of the view, or where it was dropped."""
        definition = self._window.definitions.get(name)
        view = self._window.view
        if view is None:
            self._window.files.new()
            view = self._window.view
        if view is None or view.is_hand_mode:
            return
        if name.startswith(BLUEPRINT_PREFIX):
            self._window.wiring.blueprints.insert(view, name, place)
        elif definition is None:
            return
        else:
            view.actions.add_node(definition, place)
        view.setFocus()
        self._window.wiring.count_use(name)

    def enter_subgraph(self, item: OpenDocument, key: str) -> None:
        """Show what is inside a subgraph node."""
        self.store_view(item)
        item.document.enter(key)

    def leave_subgraph(self) -> None:
        """Go up one level, to the host that was entered (U-192)."""
        item = self._window.documents.current
        if item is not None and item.document.graph_id != ROOT:
            self.show_level(max(0, len(item.document.trail) - 1))

    def show_level(self, depth: int) -> None:
        """Go up to a level of the shown document; 0 is the root."""
        item = self._window.documents.current
        if item is None or (depth == len(item.document.trail) and item.document.trail):
            return
        self.store_view(item)
        item.document.show_level(depth)
        view = self._window.canvas_view(item)
        if view is not None:
            view.setFocus()

    def open_level_menu(self, depth: int, screen: QPoint) -> None:
        """Open the menu of a level of the breadcrumb."""
        document = self._window.document
        if document is not None and 0 <= depth < len(document.levels):
            self._context_menus().open_level(depth, screen)

    def paste_other(self) -> None:
        """Paste what is no nodes: a workflow as text, a picture, or files."""
        data = QGuiApplication.clipboard().mimeData()
        view = self._window.view
        if data is None or view is None:
            return
        paths = [url.toLocalFile() for url in data.urls() if url.isLocalFile()]
        if paths:
            self._on_files(view, paths, view.pointer_pos, None)
        elif data.hasImage():
            image = QGuiApplication.clipboard().image()
            self._window.background.run(self._add_image(view, image, view.pointer_pos))
        elif data.hasText() and data.text().lstrip().startswith("{"):
            self._window.background.run(self._open_text(data.text()))

    def go_to(self, item: OpenDocument, graph_id: str, key: str) -> None:
        """Show a document and bring one of its nodes to the middle."""
        self._window.documents.show(item)
        if item.document.graph_id != graph_id:
            self.store_view(item)
            item.document.show_graph(graph_id)
        view = self._window.canvas_view(item)
        if view is not None and key in item.document.bound.nodes:
            view.actions.show_node(key)
            view.setFocus()

    def go_to_path(self, item: OpenDocument, path: str) -> None:
        """Enter the subgraphs on the way to a node and bring it to the middle (U-201).

        Args:
            item: The document.
            path: Keys from the root down, with colons between them. What is not there any more
                ends the way; the last node that is there is shown.
        """
        self._window.documents.show(item)
        document = item.document
        *hosts, key = path.split(":")
        if document.trail != tuple(hosts):
            self.store_view(item)
            document.show_level(0)
            for host in hosts:
                if host not in document.bound.nodes or not document.enter(host):
                    key = host
                    break
        view = self._window.canvas_view(item)
        if view is not None and key in document.bound.nodes:
            view.actions.show_node(key)
            view.setFocus()

    def _take_level(self, item: OpenDocument) -> None:
        view = self._window.canvas_view(item)
        if view is not None:
            view.canvas.run.prefix = run_prefix(item)

    def _show_level(self, item: OpenDocument) -> None:
        view = self._window.canvas_view(item)
        if view is not None and self._shown.get(view) != item.document.trail:
            self._shown[view] = item.document.trail
            self.place_view(item, view)
        self._window.wiring.show_counts()

    def _on_link_dropped(self, view: CanvasView, loose: LooseLink, place: QPointF) -> None:
        if self._window.settings.get("canvas.link_release") == "none":
            view.clear_loose_link()
        else:
            self.open_search(view, place, loose)

    def _open_menu(self, view: CanvasView, hit: Any, place: QPointF, screen: QPoint) -> None:
        self._context_menus().open(view, hit, place, screen)

    def _context_menus(self) -> ContextMenus:
        from app.ui.context_menus import ContextMenus

        if self._menus is None:
            self._menus = ContextMenus(self._window)
        return self._menus

    def _on_files(
        self, view: CanvasView, paths: list[str], place: QPointF, key: str | None
    ) -> None:
        self._window.background.run(self._take_files(view, paths, place, key))

    async def _take_files(
        self, view: CanvasView, paths: list[str], place: QPointF, key: str | None
    ) -> None:
        """Open workflows; other pictures become nodes, or the value of the node below."""
        from app.engine.errors import EaselError
        from app.engine.workflow.reader import open_workflow

        pictures = []
        for path in map(Path, paths):
            is_picture = path.suffix.lower() in PICTURES
            if is_picture and key is not None:
                pictures.append(path)
                continue
            if is_picture:
                try:
                    await asyncio.to_thread(open_workflow, path)
                except EaselError:
                    # No workflow inside: the picture itself is meant (U-041).
                    pictures.append(path)
                    continue
            await self._window.files.open_file(path)
        for number, path in enumerate(pictures):
            if key is not None and number == 0:
                await self._take_file(view, key, "image", str(path))
            else:
                await self._add_picture(view, path, place + QPointF(40 * number, 40 * number))

    async def _add_picture(self, view: CanvasView, path: Path, place: QPointF) -> None:
        """Add a node that loads a picture."""
        definition = self._window.definitions.get("LoadImage")
        if definition is None:
            self._window.toast(tr("No node can load “{name}”").format(name=path.name))
            return
        name = await asyncio.to_thread(copy_into, self._window.input_folder(), path)
        view.actions.add_node(definition, place, values={"image": name})
        self._window.run_port.refresh_definitions()

    async def _add_image(self, view: CanvasView, image: QImage, place: QPointF) -> None:
        folder = self._window.input_folder()
        path = await asyncio.to_thread(save_pasted, folder, image)
        if path is not None:
            await self._add_picture(view, path, place)

    async def _take_file(self, view: CanvasView, key: str, name: str, path: str) -> None:
        from app.engine.workflow import edits

        stored = await asyncio.to_thread(copy_into, self._window.input_folder(), Path(path))
        document = view.document
        node = document.bound.nodes.get(key)
        if node is None:
            return
        if node.widget(name) is None:
            name = next((item.name for item in node.widgets if item.choices is not None), "")
        if name:
            patch = edits.set_widget(document.workflow, document.bound, key, name, stored)
            document.apply(patch, tr("Choose file"))
            self._window.run_port.refresh_definitions()

    async def _open_text(self, text: str) -> None:
        from app.engine.errors import WorkflowFileError
        from app.engine.workflow.reader import read_workflow

        try:
            workflow = await asyncio.to_thread(read_workflow, text, name=tr("the clipboard"))
        except WorkflowFileError as error:
            self._window.toast(str(error), error.details, is_problem=True)
            return
        self._window.files.add(workflow, name=tr("Pasted workflow"), was_recovered=True)

    def _on_text(self, view: CanvasView, text: str, place: QPointF) -> None:
        prefix = f"{NODE_MIME}:"
        if text.startswith(prefix):
            self.add_from_library(text[len(prefix) :], place)
        elif text.lstrip().startswith("{"):
            self._window.background.run(self._open_text(text))
        else:
            view.actions.add_special_node("Note", place, text)

    def _ask_file(self, caption: str, pattern: str, take: Callable[[str], None]) -> None:
        dialog = QFileDialog(self._window, caption, str(self._window.input_folder()), pattern)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(take)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _ask_color(self, screen: QPoint, present: str, take: Callable[[str], None]) -> None:
        dialog = QColorDialog(QColor(present), self._window)
        dialog.colorSelected.connect(lambda color: take(color.name()))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _on_button(self, view: CanvasView, key: str, name: str) -> None:
        """Do what a button in a node is for: those that packs declare refresh their choices."""
        self._window.run_port.refresh_definitions()

    def _on_remedy(self, item: OpenDocument, key: str) -> None:
        """Do what the strip under a failed node offers: its first remedy, else show the problem."""
        place = run_prefix(item) + key
        problem = next(
            (
                row
                for row in reversed(item.problems)
                if f"{row.node_path or row.node_key}:".startswith(f"{place}:")
            ),
            None,
        )
        if problem is not None and problem.remedies:
            problem.remedies[0].run()
        else:
            self._window.wiring.open_problems(problem)

    def _open_picture(self, item: OpenDocument, key: str, number: int) -> None:
        run = item.run_state.peek(key)
        if run is not None and number < len(run.image_files):
            self._window.wiring.open_viewer(run.image_files, number)


def run_prefix(item: OpenDocument) -> str:
    """Return what the run state puts before keys of the shown graph: the hosts on the way."""
    return "".join(f"{key}:" for key in item.document.trail)


def input_file(folder: Path, name: str) -> Path | None:
    """Return the file that a picture's name in a widget means, or None. Touches no disk."""
    bare = name.removesuffix(" [input]")
    path = folder / bare
    return path if bare and ".." not in path.parts and not Path(bare).is_absolute() else None


def copy_into(folder: Path, path: Path) -> str:
    """Copy a file into the input folder unless it lies there, and return its name. May block."""
    import filecmp
    import shutil

    folder.mkdir(parents=True, exist_ok=True)
    if path.resolve().is_relative_to(folder.resolve()):
        return path.resolve().relative_to(folder.resolve()).as_posix()
    target = folder / path.name
    number = 1
    while target.exists() and not filecmp.cmp(path, target, shallow=False):
        target = folder / f"{path.stem} ({number}){path.suffix}"
        number += 1
    if not target.exists():
        shutil.copyfile(path, target)
    return target.name


def save_pasted(folder: Path, image: QImage) -> Path | None:
    """Save a pasted picture in the input folder under a free name. May block."""
    folder.mkdir(parents=True, exist_ok=True)
    number = 1
    while (path := folder / f"pasted_{number:04}.png").exists():
        number += 1
    return path if image.save(str(path), "PNG") else None
