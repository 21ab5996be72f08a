"""Reads what a node delivered: its pictures, small enough to draw, and its text.

Runs on a thread of the run controller, never on the GUI thread.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QImage, QImageReader

from app.engine.errors import UnsafePathError
from app.engine.files import resolve_inside

if TYPE_CHECKING:
    from app.ui.jobs import Job

LARGEST_SIDE = 1024
"""Pictures in nodes are kept at no more than this many pixels a side."""

_IMAGE_KEYS = ("images", "a_images", "b_images", "gifs")
_TEXT_KEYS = ("text", "string", "value", "texts")
_FOLDERS = ("output", "input", "temp")


@dataclass(slots=True)
class LoadedOutput:
    """What one node delivered.

    Attributes:
        job: The job it belongs to.
        key: The node.
        images: Pictures of at most :data:`LARGEST_SIDE` pixels a side.
        sizes: Full sizes, in pixels, in the same order.
        files: Absolute paths, in the same order.
        kept: Whether the picture lies in the output folder, in the same order.
        text: All text it delivered, in lines.
        cached: It was kept from an earlier run.
    """

    job: Job
    key: str
    images: list[QImage] = field(default_factory=list)
    sizes: list[tuple[int, int]] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    kept: list[bool] = field(default_factory=list)
    text: str = ""
    cached: bool = False


def load_output(
    home: Path, output: Mapping[str, Any], job: Job, key: str, *, cached: bool
) -> LoadedOutput:
    """Read the pictures and texts that a ui output names."""
    loaded = LoadedOutput(job, key, cached=cached)
    for name in _IMAGE_KEYS:
        for entry in _items(output.get(name)):
            if isinstance(entry, Mapping):
                _load_image(home, entry, loaded)
    loaded.text = "\n".join(
        str(item) for name in _TEXT_KEYS for item in _items(output.get(name)) if item is not None
    )
    return loaded


def read_picture(path: str, largest_side: int = LARGEST_SIDE) -> tuple[QImage, QSize]:
    """Read a picture, scaled down to ``largest_side``; null when it cannot be read."""
    reader = QImageReader(path)
    reader.setAutoTransform(True)
    size = reader.size()
    if size.isValid() and max(size.width(), size.height()) > largest_side:
        limit = QSize(largest_side, largest_side)
        reader.setScaledSize(size.scaled(limit, Qt.AspectRatioMode.KeepAspectRatio))
    image = reader.read()
    return image, size if size.isValid() else image.size()


def _load_image(home: Path, entry: Mapping[str, Any], loaded: LoadedOutput) -> None:
    kind = str(entry.get("type") or "output")
    if kind not in _FOLDERS or not entry.get("filename"):
        return
    name = f"{entry.get('subfolder') or '.'}/{entry['filename']}"
    try:
        path = resolve_inside(home / kind, name)
    except UnsafePathError:
        return
    image, size = read_picture(str(path))
    if image.isNull():
        return
    loaded.images.append(image)
    loaded.sizes.append((size.width(), size.height()))
    loaded.files.append(str(path))
    loaded.kept.append(kind == "output")


def _items(value: Any) -> list[Any]:
    if isinstance(value, (list, tuple)):
        return list(value)
    return [] if value is None else [value]
