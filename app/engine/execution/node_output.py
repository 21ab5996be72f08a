"""What nodes print: passed on to the terminal, and told as events with the node's id.

During a run a writer stands in for each of ``sys.stdout`` and ``sys.stderr``. It knows by
context which node is printing, so nothing has to be put in place for each call.
"""

from __future__ import annotations

import contextlib
import io
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any, TextIO

from app.engine.events import LogsEvent
from app.engine.execution.context import ExecutionContext, current_context

MAX_LINES = 1_000
"""Lines of one call of a node that are told; a node may print a million."""

MAX_LINE = 4_000
"""Characters of one line that are told."""


_telling = threading.local()
"""Set while a writer passes text on, which may go through an older writer that a pack kept."""


class _CallOutput:
    """What one call of a node has printed to one stream."""

    __slots__ = ("context", "lines", "rest")

    def __init__(self, context: ExecutionContext) -> None:
        self.context = context
        self.lines = 0
        self.rest = ""


class NodeWriter(io.TextIOBase):
    """Passes text on, and tells of whole lines that a node wrote.

    Args:
        stream: Where the text goes as well; None when the program has no terminal.
        emit: Takes the events.
        level: Level of the events.
    """

    def __init__(
        self, stream: TextIO | None, emit: Callable[[LogsEvent], None], level: str
    ) -> None:
        self.stream = stream
        self._emit = emit
        self._level = level
        self._lock = threading.RLock()
        self._call: _CallOutput | None = None

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Encoding of the stream behind."""
        return getattr(self.stream, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        """Write text; a stream that is closed or cannot show it does not matter."""
        is_inner = getattr(_telling, "busy", False)
        _telling.busy = True
        try:
            if self.stream is not None:
                with contextlib.suppress(OSError, ValueError):
                    self.stream.write(text)
            context = current_context.get()
            if context is not None and not is_inner:
                with self._lock:
                    self._tell(context, text)
        finally:
            _telling.busy = is_inner
        return len(text)

    def writelines(self, lines: Iterable[Any]) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def _tell(self, context: ExecutionContext, text: str) -> None:
        call = self._call
        if call is None or call.context is not context:
            self.finish_call()
            call = self._call = _CallOutput(context)
        if call.lines > MAX_LINES:
            return
        # Progress displays rewrite their line with \r; only what is left at its end counts.
        lines = (call.rest + text).split("\n")
        call.rest = lines.pop()[-MAX_LINE:]
        for line in lines:
            self._tell_line(call, line.rstrip("\r").rsplit("\r", 1)[-1])

    def _tell_line(self, call: _CallOutput, line: str) -> None:
        call.lines += 1
        if call.lines > MAX_LINES:
            if call.lines == MAX_LINES + 1:
                line = f"... node {call.context.node_id} printed more than {MAX_LINES} lines"
                self._emit(LogsEvent(line, call.context.node_id, "warning"))
            return
        if len(line) > MAX_LINE:
            line = line[:MAX_LINE] + "…"
        if line.strip():
            self._emit(LogsEvent(line, call.context.node_id, self._level))

    def finish_call(self) -> None:
        """Tell of a last line that has no end."""
        call, self._call = self._call, None
        if call is not None and call.rest.strip():
            self._tell_line(call, call.rest.rstrip("\r").rsplit("\r", 1)[-1])

    def flush(self) -> None:
        """Flush the stream behind."""
        if self.stream is not None:
            with contextlib.suppress(OSError, ValueError):
                self.stream.flush()

    def isatty(self) -> bool:
        """Tell whether the stream behind is a terminal."""
        try:
            return self.stream is not None and self.stream.isatty()
        except ValueError:
            return False

    def fileno(self) -> int:
        """Return the file number of the stream behind.

        Raises:
            OSError: There is none.
        """
        if self.stream is None:
            raise OSError("there is no terminal")
        return self.stream.fileno()

    def writable(self) -> bool:
        """Return True."""
        return True

    def close(self) -> None:
        """Do nothing: nodes may not close the program's output."""

    def __getattr__(self, name: str) -> Any:
        stream = self.__dict__.get("stream")
        if stream is None:
            raise AttributeError(name)
        return getattr(stream, name)


class NodeOutput:
    """Puts writers in the place of the program's two output streams, and takes them out again."""

    def __init__(self, emit: Callable[[LogsEvent], None]) -> None:
        self._emit = emit
        self._out: NodeWriter | None = None
        self._err: NodeWriter | None = None

    def install(self) -> None:
        """Listen to what nodes print from now on."""
        self._out = sys.stdout = NodeWriter(sys.stdout, self._emit, "info")  # type: ignore[assignment]
        self._err = sys.stderr = NodeWriter(sys.stderr, self._emit, "error")  # type: ignore[assignment]

    def uninstall(self) -> None:
        """Tell of last lines without an end, and put the streams back.

        A stream that somebody else has replaced meanwhile stays as it is.
        """
        for writer in (self._out, self._err):
            if writer is not None:
                writer.finish_call()
        if self._out is not None and sys.stdout is self._out:
            sys.stdout = self._out.stream  # type: ignore[assignment]
        if self._err is not None and sys.stderr is self._err:
            sys.stderr = self._err.stream  # type: ignore[assignment]
        self._out = self._err = None
