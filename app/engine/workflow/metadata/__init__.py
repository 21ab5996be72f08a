"""Workflows inside pictures: one module a container, found by the first bytes.

All readers work on bytes in memory, never trust a length, and refuse text that grows beyond
:data:`MAX_TEXT_BYTES` when it is decompressed.
"""

from __future__ import annotations

from app.engine.workflow.metadata import png, webp
from app.engine.workflow.metadata.limits import MAX_TEXT_BYTES


def is_media(data: bytes) -> bool:
    """Tell whether the file is of a kind that can carry a workflow beside its content."""
    return png.is_png(data) or webp.is_webp(data)


def read_texts(data: bytes, shown: str = "this file") -> dict[str, str]:
    """Return the JSON texts that a picture carries: ``workflow``, ``prompt`` and other keys.

    Args:
        data: The whole file.
        shown: How messages name the file.

    Raises:
        WorkflowFileError: The file is damaged, or its texts are too long.
    """
    if png.is_png(data):
        return png.read_texts(data, shown)
    if webp.is_webp(data):
        return webp.read_texts(data, shown)
    return {}


__all__ = ["MAX_TEXT_BYTES", "is_media", "read_texts"]
