"""How much text a picture may carry."""

from __future__ import annotations

import zlib
from typing import Final

from app.engine.errors import WorkflowFileError

MAX_TEXT_BYTES: Final = 64 * 1024 * 1024
"""Longest text of one kind, after decompression; workflows of 5,000 nodes need 4 MB."""


def too_long(shown: str) -> WorkflowFileError:
    """Return the error for a text beyond :data:`MAX_TEXT_BYTES`."""
    return WorkflowFileError(
        f"Cannot open {shown}: the text in it is longer than {MAX_TEXT_BYTES >> 20} MB."
    )


def inflate(data: bytes, shown: str) -> bytes:
    """Decompress a zlib stream within the limit.

    Raises:
        WorkflowFileError: The stream is damaged, cut off or too long.
    """
    machine = zlib.decompressobj()
    try:
        result = machine.decompress(data, MAX_TEXT_BYTES + 1)
    except zlib.error as error:
        raise WorkflowFileError(
            f"Cannot open {shown}: the text in it is damaged.", details=str(error)
        ) from error
    if len(result) > MAX_TEXT_BYTES:
        raise too_long(shown)
    if not machine.eof:
        raise WorkflowFileError(f"Cannot open {shown}: the text in it is cut off.")
    return result
