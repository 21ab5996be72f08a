"""A whole window for tests: a run port that only notes what it is asked, and a few node types."""

from __future__ import annotations

import asyncio
import json
import time

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.engine.node_types.definition import NodeDefinition
from app.ui.run_port import RunPort

INFO = {
    "LoadImage": {
        "input": {"required": {"image": [["a.png", "b.png"], {"image_upload": True}]}},
        "output": ["IMAGE", "MASK"],
        "output_name": ["IMAGE", "MASK"],
        "category": "image",
        "display_name": "Load Image",
        "description": "Loads a picture.",
    },
    "ImageBlur": {
        "input": {
            "required": {
                "image": ["IMAGE"],
                "radius": ["INT", {"default": 4, "min": 1, "max": 31}],
            }
        },
        "output": ["IMAGE"],
        "output_name": ["IMAGE"],
        "category": "image/filters",
        "display_name": "Blur Image",
        "search_aliases": ["soften"],
    },
    "SaveImage": {
        "input": {
            "required": {"images": ["IMAGE"], "filename_prefix": ["STRING", {"default": "x"}]}
        },
        "output": [],
        "output_node": True,
        "category": "image",
        "display_name": "Save Image",
    },
    "KSampler": {
        "input": {
            "required": {
                "latent_image": ["LATENT"],
                "steps": ["INT", {"default": 20, "min": 1, "max": 100}],
            }
        },
        "output": ["LATENT"],
        "output_name": ["LATENT"],
        "category": "sampling",
    },
    "PackBlur": {
        "input": {"required": {"image": ["IMAGE"]}},
        "output": ["IMAGE"],
        "output_name": ["IMAGE"],
        "category": "pack/things",
        "display_name": "Blur Image",
        "python_module": "custom_nodes.Tiled Tools",
    },
    "OldBlur": {
        "input": {"required": {"image": ["IMAGE"]}},
        "output": ["IMAGE"],
        "output_name": ["IMAGE"],
        "category": "image",
        "display_name": "Blur Old",
        "deprecated": True,
    },
}
DEFINITIONS = {name: NodeDefinition.from_object_info(name, row) for name, row in INFO.items()}

CHAIN = {
    "last_node_id": 3,
    "last_link_id": 2,
    "nodes": [
        {
            "id": 1, "type": "LoadImage", "pos": [40, 80], "size": [210, 120], "flags": {},
            "order": 0, "mode": 0, "inputs": [],
            "outputs": [
                {"name": "IMAGE", "type": "IMAGE", "links": [1]},
                {"name": "MASK", "type": "MASK", "links": None},
            ],
            "properties": {}, "widgets_values": ["a.png", "image"],
        },
        {
            "id": 2, "type": "ImageBlur", "pos": [320, 80], "size": [210, 82], "flags": {},
            "order": 1, "mode": 0, "inputs": [{"name": "image", "type": "IMAGE", "link": 1}],
            "outputs": [{"name": "IMAGE", "type": "IMAGE", "links": [2]}],
            "properties": {}, "widgets_values": [4],
        },
        {
            "id": 3, "type": "SaveImage", "pos": [600, 80], "size": [210, 60], "flags": {},
            "order": 2, "mode": 0, "inputs": [{"name": "images", "type": "IMAGE", "link": 2}],
            "outputs": [], "properties": {}, "widgets_values": ["x"],
        },
    ],
    "links": [[1, 1, 0, 2, 0, "IMAGE"], [2, 2, 0, 3, 0, "IMAGE"]],
    "groups": [],
    "config": {},
    "extra": {},
    "version": 0.4,
}  # fmt: skip


class FakePort(RunPort):
    """Notes what the window asks for."""

    def __init__(self, parent=None):
        super().__init__(parent)
        self.calls = []

    def run(self, document, count, front=False, targets=None):
        wanted = None if targets is None else list(targets)
        self.calls.append(("run", document.title, count, front, wanted))

    def stop(self):
        self.calls.append(("stop",))

    def clear_pending(self):
        self.calls.append(("clear",))

    def cancel(self, job_id):
        self.calls.append(("cancel", job_id))

    def move_to_front(self, job_id):
        self.calls.append(("front", job_id))

    def set_paused(self, paused):
        self.calls.append(("pause", paused))
        self.paused_changed.emit(paused)

    def free_memory(self):
        self.calls.append(("free",))

    def refresh_definitions(self):
        self.calls.append(("refresh",))


def write_chain(path, **more):
    """Write a small workflow file and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**CHAIN, **more}))
    return path


def picture(color="steelblue", width=64, height=48):
    """Return a plain picture."""
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(QColor(color))
    return image


def wait_until(condition, seconds=5.0):
    """Let events happen until ``condition`` holds."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("It did not happen in time.")
        QTest.qWait(5)


def settle(window):
    """Let all tasks of a window end."""
    wait_until(lambda: window.background.count == 0)
    QApplication.processEvents()


def run_task(work):
    """Run a coroutine to its end and return its result."""
    task = asyncio.get_running_loop().create_task(work)
    wait_until(task.done)
    return task.result()


def click(widget, position=None, button=Qt.MouseButton.LeftButton, modifiers=None):
    """Click a widget with a real mouse event."""
    place = widget.rect().center() if position is None else QPoint(*map(round, position))
    QTest.mouseClick(widget, button, modifiers or Qt.KeyboardModifier.NoModifier, place)


def press_key(widget, key, modifiers=Qt.KeyboardModifier.NoModifier):
    """Press a key with a real key event."""
    QTest.keyClick(widget, key, modifiers)


def top_levels():
    """Return the windows that are alive, but for those Qt keeps for itself."""
    return {widget for widget in QApplication.topLevelWidgets() if not widget.isHidden()}
