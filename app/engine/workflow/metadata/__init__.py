"""Workflows inside other files: one module a container, found by the first bytes.

Each module has ``is_mine(head)``, ``read(source)`` and ``write_texts(data, texts)``. Readers
never trust a length, read only the parts that can hold text, and refuse more than
:data:`MAX_TEXT_BYTES` of it, compressed or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Final

from app.engine.errors import WorkflowFileError
from app.engine.workflow.metadata import (
    avif,
    flac,
    gif,
    glb,
    id3,
    jpeg,
    matroska,
    mp4,
    ogg,
    png,
    safetensors,
    svg,
    webp,
)
from app.engine.workflow.metadata.limits import (
    MAX_TEXT_BYTES,
    PARAMETERS,
    WORKFLOW_KEYS,
    check_texts,
)
from app.engine.workflow.metadata.source import Source

_CONTAINERS: Final[tuple[ModuleType, ...]] = (
    png, webp, jpeg, gif, avif, mp4, matroska, flac, ogg, glb, safetensors, id3, svg,
)  # fmt: skip
_HEAD_BYTES: Final = 64 * 1024

SUFFIXES: Final = (
    ".png", ".apng", ".webp", ".jpg", ".jpeg", ".avif", ".heic", ".gif", ".svg",
    ".mp4", ".m4v", ".mov", ".webm", ".mkv",
    ".flac", ".mp3", ".ogg", ".oga", ".opus", ".ogv",
    ".glb", ".safetensors", ".latent",
)  # fmt: skip
"""Endings of files that can carry a workflow, for dialogs that open files."""


def is_media(data: bytes) -> bool:
    """Tell whether the file is of a kind that can carry a workflow beside its content.

    Args:
        data: The file, or its first 64 KiB.
    """
    return _container(data[:_HEAD_BYTES]) is not None


def read_texts(data: bytes | Source, shown: str = "this file") -> dict[str, str]:
    """Return the texts that a file carries: ``workflow``, ``prompt`` and other keys.

    Args:
        data: The whole file, or a source that reads parts of it.
        shown: How messages name the file, when ``data`` are bytes.

    Raises:
        WorkflowFileError: The file is damaged or cut off, or its texts are too long.
    """
    source = data if isinstance(data, Source) else Source(data, shown)
    container = _container(source.peek(0, _HEAD_BYTES))
    if container is None:
        return {}
    if container is id3 and source.peek(id3.tag_length(source.peek(0, 10)), 4) == flac.SIGNATURE:
        return id3.read(source) | flac.read(source)
    found: dict[str, str] = container.read(source)
    return found


def read_file_texts(path: str | Path) -> dict[str, str] | None:
    """Return the texts that a file carries, or None when it is of no kind that can.

    The file may be of any size: only the parts with text are read.

    Raises:
        WorkflowFileError: The file is damaged or cut off, or its texts are too long.
        OSError: The file cannot be read.
    """
    path = Path(path)
    with path.open("rb") as stream:
        source = Source(stream, f'"{path.name}"')
        if _container(source.peek(0, _HEAD_BYTES)) is None:
            return None
        return read_texts(source)


def write_texts(data: bytes, texts: Mapping[str, str], shown: str = "this file") -> bytes:
    """Return the file with ``texts`` in it, in place of those of the same keys.

    Everything else in the file stays as it is.

    Args:
        data: The whole file.
        texts: JSON texts by key.
        shown: How messages name the file.

    Raises:
        WorkflowFileError: The file is of no kind that can carry texts, is damaged or cut off,
            or the texts are too long for it.
    """
    check_texts(texts, shown)
    container = _container(data[:_HEAD_BYTES])
    if container is None:
        raise WorkflowFileError(
            f"Cannot write into {shown}: files of this kind cannot carry a workflow."
        )
    if container is id3 and data.startswith(flac.SIGNATURE, id3.tag_length(data[:10])):
        container = flac
    written: bytes = container.write_texts(data, texts)
    found = read_texts(written, shown)
    if not all(key in found for key in WORKFLOW_KEYS if key in texts):
        # A damaged part in front hides what was written behind it.
        raise Source(data, shown).damaged()
    return written


def _container(head: bytes) -> ModuleType | None:
    return next((module for module in _CONTAINERS if module.is_mine(head)), None)


__all__ = [
    "MAX_TEXT_BYTES",
    "PARAMETERS",
    "SUFFIXES",
    "WORKFLOW_KEYS",
    "Source",
    "WorkflowFileError",
    "is_media",
    "read_file_texts",
    "read_texts",
    "write_texts",
]
