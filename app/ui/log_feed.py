"""Brings the program's own log into the window's Log panel."""

from __future__ import annotations

import logging
from collections.abc import Callable

from app.engine.errors import describe

ROOT_LOGGER = "easel"


class LogFeed(logging.Handler):
    """Hands every record of Easel's loggers on, from whatever thread it comes.

    Args:
        tell: Called with the level (``debug``, ``info``, ``warning``, ``error``) and one line.
    """

    def __init__(self, tell: Callable[[str, str], None]) -> None:
        super().__init__(logging.INFO)
        self._tell = tell

    def open(self) -> None:
        """Begin."""
        logger = logging.getLogger(ROOT_LOGGER)
        logger.addHandler(self)
        logger.setLevel(logging.INFO)

    def shut(self) -> None:
        """End; the logger goes on without the window."""
        logging.getLogger(ROOT_LOGGER).removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Hand a record on."""
        text = record.getMessage()
        if record.exc_info and record.exc_info[1] is not None:
            text = f"{text}: {describe(record.exc_info[1])}"
        level = "error" if record.levelno >= logging.ERROR else record.levelname.lower()
        self._tell(level, text)
