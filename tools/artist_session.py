"""Drive the real window as an artist would: mouse, keys, a run, a save and a reopening.

Under X (for example Xvfb) every event comes from xdotool, through the server, like a person's:

    DISPLAY=:50 .venv/bin/python tools/artist_session.py --pictures FOLDER

The script knows where things are from the window's own geometry; everything it *does* goes
through the pointer and the keyboard. It prints one line for each step and exits with 1 when
something is not as it should be.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from PySide6.QtCore import QPoint, QPointF  # noqa: E402 - the path comes first
from PySide6.QtWidgets import QApplication  # noqa: E402

from app.main import Options, Program, make_application  # noqa: E402

NODES = (
    ("Paint Landscape", (60, 120)),
    ("Blur", (480, 60)),
    ("Sharpen", (480, 300)),
    ("Save Image", (860, 60)),
    ("Preview Image", (860, 440)),
)
WORDS = "dawn over a quiet sea, sun, birds"


class Hand:
    """The pointer and the keyboard, through the X server."""

    async def _call(self, *arguments: object) -> None:
        process = await asyncio.create_subprocess_exec("xdotool", *map(str, arguments))
        if await process.wait():
            raise RuntimeError(f"xdotool {arguments} failed")

    async def move(self, point: QPoint) -> None:
        """Move the pointer."""
        await self._call("mousemove", point.x(), point.y())
        await asyncio.sleep(0.05)

    async def click(self, point: QPoint, times: int = 1) -> None:
        """Click, or double-click."""
        await self.move(point)
        await self._call("click", "--repeat", times, "--delay", 60, 1)
        await asyncio.sleep(0.25)

    async def drag(self, start: QPoint, end: QPoint) -> None:
        """Press at ``start``, move in steps, release at ``end``."""
        await self.move(start)
        await self._call("mousedown", 1)
        for step in range(1, 9):
            await self.move(start + (end - start) * step / 8)
        await self._call("mouseup", 1)
        await asyncio.sleep(0.25)

    async def type(self, text: str) -> None:
        """Type a text."""
        await self._call("type", "--delay", 12, text)
        await asyncio.sleep(0.3)

    async def key(self, *names: str) -> None:
        """Press keys such as ``ctrl+s``."""
        for name in names:
            await self._call("key", name)
            await asyncio.sleep(0.25)


class Session:
    """One session with the window.

    Args:
        program: The running program.
        folder: Where the workflow file goes.
        pictures: Where screenshots go, or None.
    """

    def __init__(self, program: Program, folder: Path, pictures: Path | None) -> None:
        self.window = program.window
        self.folder = folder
        self.pictures = pictures
        self.hand = Hand()
        self.failures: list[str] = []

    def say(self, text: str, good: bool = True) -> None:
        """Report a step."""
        print(f"{'ok  ' if good else 'FAIL'} {text}", flush=True)
        if not good:
            self.failures.append(text)

    async def wait(self, done: Callable[[], bool], seconds: float) -> bool:
        """Wait until ``done()``."""
        deadline = time.monotonic() + seconds
        while not done():
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(0.02)
        return True

    def shoot(self, name: str) -> None:
        """Keep a picture of the screen's window."""
        if self.pictures is not None:
            screen = QApplication.primaryScreen()
            screen.grabWindow(0).save(str(self.pictures / f"{name}.png"))

    def at(self, x: float, y: float) -> QPoint:
        """Return the screen position of a place on the canvas, in scene units."""
        view = self.window.view
        return view.viewport().mapToGlobal(view.mapFromScene(QPointF(x, y)))

    def item(self, node_type: str):
        """Return the canvas item of the node of that type."""
        scene = self.window.view.scene()
        return next(item for item in scene.nodes.values() if item.node.node.type == node_type)

    def socket(self, node_type: str, name: str, *, output: bool = False) -> QPoint:
        """Return the screen position of a socket."""
        item = self.item(node_type)
        if output:
            index = [slot.name for slot in item.node.outputs].index(name)
            place = item.layout.outputs[index]
        else:
            place = item.layout.inputs[item.node.input_index(name)]
        spot = item.scenePos() + place
        return self.at(spot.x(), spot.y())

    def widget(self, node_type: str, name: str) -> QPoint:
        """Return the screen position of the middle of a widget."""
        item = self.item(node_type)
        index = [widget.name for widget in item.visible].index(name)
        spot = item.scenePos() + item.layout.widgets[index].center()
        return self.at(spot.x(), spot.y())

    async def run(self) -> None:
        """Do the whole session."""
        window, hand = self.window, self.hand
        await self.wait(lambda: window.isActiveWindow(), 10)
        await asyncio.sleep(1.0)
        self.shoot("start")
        await hand.key("ctrl+n")
        self.say("an empty document opens", not window.document.bound.nodes)
        window.view.set_zoom(0.72)
        window.view.centerOn(620, 330)
        await asyncio.sleep(0.4)
        await self.build()
        await self.wire()
        await self.write_words()
        await self.run_it()
        await self.save_and_reopen()

    async def build(self) -> None:
        """Add five nodes by double-click and search."""
        for title, (x, y) in NODES:
            await self.hand.click(self.at(x, y), times=2)
            await self.hand.type(title)
            self.shoot(f"search_{title.split()[0].lower()}")
            await self.hand.key("Return")
            await asyncio.sleep(0.3)
        self.shoot("built")
        count = len(self.window.document.bound.nodes)
        self.say(f"five nodes were added by search ({count})", count == len(NODES))

    async def wire(self) -> None:
        """Drag four links."""
        source = "EaselLandscape"
        links = (
            (source, "image", "ImageBlur", "image"),
            ("ImageBlur", "IMAGE", "ImageSharpen", "image"),
            ("ImageSharpen", "IMAGE", "SaveImage", "images"),
            ("ImageBlur", "IMAGE", "PreviewImage", "images"),
        )
        for origin, output, target, name in links:
            await self.hand.drag(
                self.socket(origin, output, output=True), self.socket(target, name)
            )
        count = len(self.window.document.bound.links)
        self.say(f"four links were drawn ({count})", count == len(links))

    async def write_words(self) -> None:
        """Type into the text box of the first node."""
        item = self.item("EaselLandscape")
        name = next(w.name for w in item.visible if w.options.get("multiline"))
        await self.hand.click(self.widget("EaselLandscape", name))
        await self.hand.key("ctrl+a")
        await self.hand.type(WORDS)
        self.shoot("typing")
        await self.hand.key("Escape")
        await asyncio.sleep(0.2)
        key = self.item("EaselLandscape").key
        value = self.window.document.node(key).widget(name).value
        self.say("the text that was typed is the node's", value == WORDS)

    async def run_it(self) -> None:
        """Press Ctrl+Enter and watch."""
        window = self.window
        state = window.run_state_of(window.document)
        seen = {"progress": 0, "preview": False}
        key = self.item("EaselLandscape").key

        def look(changed: str) -> None:
            run = state.node(changed)
            seen["progress"] = max(seen["progress"], run.value)
            seen["preview"] = seen["preview"] or run.preview is not None

        state.progress_changed.connect(look)
        state.node_changed.connect(look)
        await self.hand.key("ctrl+Return")
        running = await self.wait(lambda: seen["preview"], 30)
        self.shoot("running")
        self.say(f"progress and a preview were seen in the node ({seen})", running)
        saver = self.item("SaveImage").key
        done = await self.wait(lambda: bool(state.node(saver).images), 60)
        await self.wait(lambda: not state.is_running, 10)
        self.say("the picture stands in the Save Image node", done)
        self.say("nothing failed", not state.error and key in state.nodes)
        await asyncio.sleep(0.5)
        self.shoot("done")

    async def save_and_reopen(self) -> None:
        """Save, close the tab, open the file again, compare."""
        window, hand = self.window, self.hand
        path = self.folder / "session.json"
        await hand.key("ctrl+s")
        await asyncio.sleep(0.8)
        await hand.key("ctrl+a")
        await hand.type(str(path))
        await hand.key("Return")
        self.say("the workflow was saved", await self.wait(path.exists, 10))
        await self.wait(lambda: not window.document.is_modified, 5)
        self.say("nothing is left to save", not window.document.is_modified)
        before = json.loads(path.read_text("utf-8"))
        tabs = len(window.documents.items)
        await hand.key("ctrl+w")
        await self.wait(lambda: len(window.documents.items) < tabs, 5)
        await hand.key("ctrl+o")
        await asyncio.sleep(0.8)
        await hand.key("ctrl+a")
        await hand.type(str(path))
        await hand.key("Return")
        opened = await self.wait(
            lambda: window.document is not None and window.document.path == path, 10
        )
        self.say("the file was opened again", opened)
        await asyncio.sleep(0.8)
        from app.engine.workflow.writer import serialize, snapshot

        again = json.loads(serialize(snapshot(window.document.workflow)))
        self.say("it is identical", again == before)
        self.shoot("reopened")


def main() -> int:
    """Run the session in a home folder of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=Path, help="folder for screenshots")
    options = parser.parse_args()
    if shutil.which("xdotool") is None:
        print("xdotool is not installed", file=sys.stderr)
        return 2
    if options.pictures is not None:
        options.pictures.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        application = make_application()
        application.setAttribute(_no_native_dialogs())
        program = Program(application, Options(base_dir=str(home), no_packs=True))
        session = Session(program, Path(folder), options.pictures)

        async def act() -> None:
            try:
                await session.run()
            except Exception as error:  # the report must be printed whatever happens
                session.say(f"{type(error).__name__}: {error}", good=False)
                raise
            finally:
                program.window.documents.items.clear()
                program.window.close_for_good()

        program.window.background.run(act())
        program.run()
    print(f"{len(session.failures)} failed" if session.failures else "the session went well")
    return 1 if session.failures else 0


def _no_native_dialogs():
    from PySide6.QtCore import Qt

    return Qt.ApplicationAttribute.AA_DontUseNativeDialogs


if __name__ == "__main__":
    sys.exit(main())
