"""The bytes of a file, read only where a parser asks: a film of 4 GB costs a few kilobytes."""

from __future__ import annotations

import io
from typing import BinaryIO, Final

from app.engine.errors import WorkflowFileError

_WINDOW: Final = 64 * 1024


class Source:
    """A file whose parts are read by place and length.

    Args:
        data: The whole file, or an open binary file that can seek. The caller closes it.
        shown: How messages name the file.

    Attributes:
        size: Length of the file in bytes.
        shown: How messages name the file.
    """

    def __init__(self, data: bytes | BinaryIO, shown: str = "this file") -> None:
        self._stream: BinaryIO = io.BytesIO(data) if isinstance(data, bytes) else data
        self.size: int = self._stream.seek(0, io.SEEK_END)
        self.shown = shown
        self._window = b""
        self._window_at = 0

    def peek(self, at: int, length: int) -> bytes:
        """Return up to ``length`` bytes at ``at``; fewer where the file ends."""
        if at < 0 or at >= self.size or length <= 0:
            return b""
        start = at - self._window_at
        if start >= 0 and start + length <= len(self._window):
            return self._window[start : start + length]
        try:
            self._stream.seek(at)
            if length >= _WINDOW:
                return self._stream.read(min(length, self.size - at))
            self._window = self._stream.read(_WINDOW)
        except OSError as error:
            raise self.damaged(details=str(error)) from error
        self._window_at = at
        return self._window[:length]

    def read(self, at: int, length: int) -> bytes:
        """Return exactly ``length`` bytes at ``at``.

        Raises:
            WorkflowFileError: The file ends before.
        """
        if at + length > self.size:
            raise self.cut_off()
        found = self.peek(at, length)
        if len(found) != length:
            raise self.cut_off()
        return found

    def cut_off(self) -> WorkflowFileError:
        """Return the error for a file that ends too early."""
        return WorkflowFileError(f"Cannot open {self.shown}: the file is cut off.")

    def damaged(self, *, details: str = "") -> WorkflowFileError:
        """Return the error for a file that contradicts itself."""
        return WorkflowFileError(f"Cannot open {self.shown}: the file is damaged.", details=details)

    def no_room(self) -> WorkflowFileError:
        """Return the error for a file that cannot take in as much text."""
        return WorkflowFileError(f"Cannot write into {self.shown}: it has no room for more.")

    def too_many_parts(self) -> WorkflowFileError:
        """Return the error for a file in more pieces than any honest one has."""
        return WorkflowFileError(f"Cannot open {self.shown}: it has too many parts.")
