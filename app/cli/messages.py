"""How commands talk: results on standard output, everything else on standard error."""

from __future__ import annotations

import enum
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
        stream.write(text + "\n")
        stream.flush()
