"""The engine that the host modules speak for: one at a time, set by ``install``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from app.engine.errors import EngineStateError
from app.engine.events import Event
from app.engine.model_folders import ModelFolders


class HostEngine(Protocol):
    """What the host modules need of an engine."""

    @property
    def base_dir(self) -> Any:
        """Home folder of the data."""

    @property
    def registry(self) -> Any:
        """The node types."""

    @property
    def queue(self) -> Any:
        """The prompts that wait and run."""

    @property
    def history(self) -> Any:
        """The prompts that have run."""

    def emit(self, event: Event) -> None:
        """Tell the listeners; may be called from any thread."""


@dataclass(frozen=True, slots=True)
class HostSession:
    """One installed set of host modules.

    Attributes:
        engine: Whom they speak for.
        folders: The folder table behind ``folder_paths``.
    """

    engine: HostEngine
    folders: ModelFolders


_current: HostSession | None = None


def current() -> HostSession:
    """Return the installed session.

    Raises:
        EngineStateError: There is no engine, so the host modules have nothing to speak for.
    """
    if _current is None:
        raise EngineStateError("No engine is running, so node packs have no host.")
    return _current


def is_active() -> bool:
    """Tell whether a session is installed."""
    return _current is not None


def set_current(session: HostSession | None) -> None:
    """Make ``session`` the one that host modules speak for."""
    global _current
    _current = session
