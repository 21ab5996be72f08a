"""Make the pictures of the documentation from the running program, in both themes.

DISPLAY=:50 .venv/bin/python tools/make_pictures.py docs/images
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from PySide6.QtCore import QPointF  # noqa: E402 - the path comes first
from PySide6.QtWidgets import QApplication  # noqa: E402

from app.engine.workflow import edits  # noqa: E402
from app.main import Options, Program, make_application  # noqa: E402

SIZE = (1600, 1000)


class Photographer:
    """Brings the window into each state and takes its picture."""

    def __init__(self, program: Program, folder: Path) -> None:
        self.program = program
        self.window = program.window
        self.folder = folder

    async def wait(self, done: Callable[[], bool], seconds: float = 60) -> None:
        """Wait until ``done()``."""
        deadline = time.monotonic() + seconds
        while not done():
            if time.monotonic() > deadline:
                raise TimeoutError("the window did not get there")
            await asyncio.sleep(0.02)

    async def shoot(self, name: str) -> None:
        """Take a picture."""
        await asyncio.sleep(0.6)
        if self.window.view is not None:
            self.window.view.pump.finish()
        await asyncio.sleep(0.1)
        path = self.folder / f"{name}.webp"
        self.window.grab().save(str(path), quality=88)
        print(f"{path.name}  {path.stat().st_size // 1024} kB", flush=True)

    async def run(self) -> None:
        """Take all pictures."""
        window = self.window
        await self.wait(lambda: self.program.worker.engine is not None)
        for theme in ("dark", "light"):
            window.settings.set("appearance.theme", theme)
            await asyncio.sleep(0.5)
            await self.one_theme(theme)

    async def one_theme(self, theme: str) -> None:
        """Take the pictures of one theme."""
        window = self.window
        document = window.document
        state = window.run_state_of(document)
        window.run_port.free_memory()  # so that nothing is kept and previews come again
        await asyncio.sleep(0.5)
        window.commands.trigger("run.run")
        await self.wait(lambda: state.is_running)
        await self.wait(lambda: any(run.preview is not None for run in state.nodes.values()))
        await asyncio.sleep(0.3)
        await self.shoot(f"running_{theme}")
        await self.wait(lambda: not state.is_running)
        await asyncio.sleep(0.5)
        await self.shoot(f"window_{theme}")
        window.canvas_wiring.open_search(window.view, QPointF(420, 330))
        search = window.wiring.search
        search.field.setText("image")
        await self.shoot(f"search_{theme}")
        search.close_popup()
        await self.break_it(document, state)
        await self.shoot(f"error_{theme}")
        document.undo_stack.undo()
        window.open_settings("appearance")
        await self.shoot(f"settings_{theme}")
        self._close_cards()
        window.frame.show_side("bottom", False)
        item = window.documents.current
        window.documents.remove(item)
        await self.shoot(f"start_{theme}")
        self.program._open_starter()
        await asyncio.sleep(0.5)

    async def break_it(self, document, state) -> None:
        """Give a node a value that it refuses, and run."""
        key = next(k for k, n in document.bound.nodes.items() if n.node.type == "KSampler")
        patch = edits.set_widget(document.workflow, document.bound, key, "steps", 0)
        document.apply(patch, "Change steps")
        self.window.commands.trigger("run.run")
        await self.wait(lambda: bool(state.error))
        self.window.wiring.open_problems(None)
        await asyncio.sleep(0.4)

    def _close_cards(self) -> None:
        from app.ui.dialogs.card import Card

        for card in self.window.findChildren(Card):
            card.close()


def main() -> int:
    """Take the pictures in a home folder of their own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    failed: list[BaseException] = []
    with tempfile.TemporaryDirectory() as home:
        application: QApplication = make_application()
        program = Program(application, Options(base_dir=home, no_packs=True))
        program.window.resize(*SIZE)
        photographer = Photographer(program, options.folder)

        async def act() -> None:
            try:
                await photographer.run()
            except BaseException as error:
                failed.append(error)
                raise
            finally:
                program.window.close_for_good()

        program.window.background.run(act())
        program.run()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
