"""Events of a run as text: a bar on a terminal, lines elsewhere, JSON for other programs."""

from __future__ import annotations

import dataclasses
import io
import json
import shutil
from collections.abc import Mapping
from typing import IO, Any, TextIO

from app.cli.messages import printable
from app.engine.events import (
    Event,
    ExecutedEvent,
    ExecutingEvent,
    ExecutionCachedEvent,
    PreviewEvent,
    ProgressEvent,
    ProgressTextEvent,
)

_BAR_WIDTH = 24


class ProgressPrinter:
    """Shows on standard error which node runs and how far it is.

    On a terminal one line is drawn over and over; elsewhere each node gets a line when it
    starts, so that logs stay readable.

    Args:
        titles: What to call each node of the prompt.
        stream: Where to write.
    """

    def __init__(self, titles: Mapping[str, str], stream: TextIO) -> None:
        self._titles = titles
        self._stream = stream
        self._is_terminal = self._stream.isatty()
        self._done: set[str] = set()
        self._current = ""
        self._has_bar = False
        self._is_at_start = True

    def __call__(self, event: Event) -> None:
        """Take an event of the engine."""
        if isinstance(event, ExecutionCachedEvent):
            self._done.update(event.nodes)
        elif isinstance(event, ExecutingEvent):
            self._begin(event.display_node or event.node)
        elif isinstance(event, ProgressEvent):
            self._draw(event.value, event.max)
        elif isinstance(event, ExecutedEvent):
            self._done.add(event.display_node)
        elif isinstance(event, ProgressTextEvent):
            self.write_text(event.text.rstrip() + "\n")

    def close(self) -> None:
        """Leave the line as it is and go to the next."""
        if self._has_bar:
            self._stream.write("\n")
            self._stream.flush()
        self._has_bar = False
        self._current = ""

    def write_text(self, text: str) -> None:
        """Write what a node prints; a bar makes room for it and comes back below."""
        if self._has_bar:
            self._stream.write("\r\x1b[2K")
            self._has_bar = False
        self._stream.write(text)
        self._stream.flush()
        if text:
            self._is_at_start = text.endswith("\n")

    def _begin(self, node_id: str | None) -> None:
        if node_id is None:
            return
        if self._current:
            self._done.add(self._current)
        self._current = node_id
        if self._is_terminal:
            self._draw(0, 0)
        else:
            self.write_text(f"{self._start()}{self._count()} {self._title()}\n")

    def _draw(self, value: float, maximum: float) -> None:
        if not self._is_terminal:
            return
        text = f"{self._count()} {self._title()}"
        if maximum > 0:
            filled = round(_BAR_WIDTH * min(max(value / maximum, 0), 1))
            text += f"  {'█' * filled}{'░' * (_BAR_WIDTH - filled)} {value:g}/{maximum:g}"
        width = shutil.get_terminal_size().columns - 1
        self._stream.write(f"{self._start()}\r\x1b[2K{text[:width]}")
        self._stream.flush()
        self._has_bar = True

    def _start(self) -> str:
        """Return what begins a line of ours, in case a node left one without an end."""
        start = "" if self._is_at_start else "\n"
        self._is_at_start = True
        return start

    def _count(self) -> str:
        finished = len(self._done & self._titles.keys() - {self._current})
        return f"[{min(finished + 1, len(self._titles))}/{len(self._titles)}]"

    def _title(self) -> str:
        return printable(self._titles.get(self._current, self._current), self._stream.encoding)


class NodeText(io.TextIOBase):
    """Stands in for the program's output streams, so that text and bar do not get mixed up."""

    def __init__(self, printer: ProgressPrinter, stream: TextIO) -> None:
        self._printer = printer
        self._stream = stream

    def write(self, text: str) -> int:
        """Write text above the bar."""
        self._printer.write_text(text)
        return len(text)

    def writable(self) -> bool:
        """Return True."""
        return True

    def isatty(self) -> bool:
        """Tell whether a person reads along."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """Return the file number of the stream behind."""
        return self._stream.fileno()


class EventWriter:
    """Writes every event as a line of JSON: ``{"type": name, "data": {...}}``.

    Preview pictures are left out; only their size is told.
    """

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def __call__(self, event: Event) -> None:
        """Take an event of the engine."""
        if isinstance(event, PreviewEvent):
            height, width = event.rgb.shape[:2]
            data: dict[str, Any] = {
                "prompt_id": event.prompt_id,
                "node_id": event.node_id,
                "display_node": event.display_node,
                "width": width,
                "height": height,
            }
        else:
            data = {item.name: getattr(event, item.name) for item in dataclasses.fields(event)}
        line = json.dumps({"type": event.NAME, "data": data}, default=_plain)
        self._stream.write(line + "\n")
        self._stream.flush()


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset, tuple)):
        return list(value)
    return str(value)
