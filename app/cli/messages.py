"""How commands talk: results on standard output, everything else on standard error."""

from __future__ import annotations

import enum
import json
from dataclasses import dataclass
from typing import TextIO


class ExitCode(enum.IntEnum):
    """What a command tells the shell."""

    OK = 0
    FAILED = 1
    INVALID = 2
    INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Console:
    """The two streams of the program, as they were before an engine listens to them.

    Attributes:
        out: Takes results, which another program may read.
        err: Takes messages for the person at the terminal.
    """

    out: TextIO
    err: TextIO

    def give(self, text: str) -> None:
        """Write a line of the result."""
        self._write(self.out, text)

    def say(self, text: str) -> None:
        """Write a line for the person at the terminal."""
        self._write(self.err, text)

    def _write(self, stream: TextIO, text: str) -> None:
        stream.write(printable(text, stream.encoding) + "\n")
        stream.flush()


def printable(text: str, encoding: str | None = None) -> str:
    """Return a text that a terminal shows as it is, whatever a file put into it.

    Control characters would be orders to the terminal, and halves of characters cannot be
    written at all: both become the escapes of JSON, so that JSON stays what it was.

    Args:
        text: Any text.
        encoding: What the stream can write; UTF-8 when absent.
    """
    try:
        text.encode(encoding or "utf-8")
        is_writable = True
    except UnicodeEncodeError:
        is_writable = False
    if is_writable and (text.isprintable() or all(map(_is_plain, text))):
        return text
    return "".join(c if _is_plain(c) and _fits(c, encoding) else _escape(c) for c in text)


def _is_plain(character: str) -> bool:
    return character in "\n\t" or not (character < " " or "\x7f" <= character < "\xa0")


def _fits(character: str, encoding: str | None) -> bool:
    try:
        character.encode(encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _escape(character: str) -> str:
    return json.dumps(character)[1:-1] if character != "\x7f" else "\\u007f"
