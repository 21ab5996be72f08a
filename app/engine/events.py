"""What the engine tells its listeners while it works: one frozen dataclass per message.

The class names follow the messages of the ComfyUI protocol (rules E-500 to E-527);
``NAME`` is the name on the wire and of the Qt signal. Events are plain Python objects, passed
by callback on the worker's thread; nothing is turned into JSON and nothing is copied (E-957).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events."""

    NAME: ClassVar[str] = ""


@dataclass(frozen=True, slots=True)
class StatusEvent(Event):
    """The queue changed; ``queue_remaining`` counts pending and running prompts (E-544)."""

    NAME: ClassVar[str] = "status"
    queue_remaining: int


@dataclass(frozen=True, slots=True)
class ExecutionStartEvent(Event):
    """A prompt began. ``timestamp`` is in milliseconds since 1970 (E-502)."""

    NAME: ClassVar[str] = "execution_start"
    prompt_id: str
    timestamp: int


@dataclass(frozen=True, slots=True)
class ExecutionCachedEvent(Event):
    """These nodes of the prompt have a kept result, in prompt order (E-503)."""

    NAME: ClassVar[str] = "execution_cached"
    prompt_id: str
    nodes: tuple[str, ...]
    timestamp: int


@dataclass(frozen=True, slots=True)
class ExecutingEvent(Event):
    """A node is about to run; ``node`` is None when the prompt has ended (E-504)."""

    NAME: ClassVar[str] = "executing"
    prompt_id: str
    node: str | None
    display_node: str | None


@dataclass(frozen=True, slots=True)
class ProgressEvent(Event):
    """A progress bar moved (E-506)."""

    NAME: ClassVar[str] = "progress"
    prompt_id: str
    node: str
    value: float
    max: float


@dataclass(frozen=True, slots=True)
class NodeProgress:
    """Progress of one node (E-507). ``state``: pending, running, finished or error."""

    node_id: str
    display_node_id: str
    parent_node_id: str | None
    real_node_id: str
    state: str
    value: float
    max: float


@dataclass(frozen=True, slots=True)
class ProgressStateEvent(Event):
    """The nodes whose progress changed since the last such event (E-911: deltas)."""

    NAME: ClassVar[str] = "progress_state"
    prompt_id: str
    nodes: tuple[NodeProgress, ...]


@dataclass(frozen=True, slots=True)
class ExecutedEvent(Event):
    """A node delivered its ui output, or was served from the cache (E-505, E-411)."""

    NAME: ClassVar[str] = "executed"
    prompt_id: str
    node: str
    display_node: str
    output: Mapping[str, Any] | None
    cached: bool = False


@dataclass(frozen=True, slots=True)
class ExecutionSuccessEvent(Event):
    """The prompt ended well."""

    NAME: ClassVar[str] = "execution_success"
    prompt_id: str
    timestamp: int


@dataclass(frozen=True, slots=True)
class ExecutionErrorEvent(Event):
    """A node failed, or a blocker spoke. ``payload`` has the keys of E-350 (or E-322)."""

    NAME: ClassVar[str] = "execution_error"
    prompt_id: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ExecutionInterruptedEvent(Event):
    """The artist stopped the prompt (E-354)."""

    NAME: ClassVar[str] = "execution_interrupted"
    prompt_id: str
    node_id: str | None
    node_type: str | None
    executed: tuple[str, ...]
    timestamp: int


@dataclass(frozen=True, slots=True)
class LogsEvent(Event):
    """A line of text written by a node or a pack. ``node`` is None outside a node."""

    NAME: ClassVar[str] = "logs"
    text: str
    node: str | None = None
    level: str = "info"


@dataclass(frozen=True, slots=True)
class PreviewEvent(Event):
    """A picture of the work so far.

    Attributes:
        rgb: ``(height, width, 3)`` uint8. When ``owned`` is true nobody else changes it and
            the receiver may keep it; otherwise the receiver copies it at once.
    """

    NAME: ClassVar[str] = "b_preview"
    prompt_id: str
    node_id: str
    display_node: str
    rgb: np.ndarray[Any, Any]
    owned: bool


@dataclass(frozen=True, slots=True)
class ProgressTextEvent(Event):
    """A line of text to show under a node (E-523)."""

    NAME: ClassVar[str] = "progress_text"
    node: str
    text: str


@dataclass(frozen=True, slots=True)
class CustomEvent(Event):
    """A message of a node pack, sent through ``PromptServer.send_sync`` (E-740)."""

    NAME: ClassVar[str] = "custom"
    event: str
    data: Any
    sid: str | None = None


EventCallback = Callable[[Event], None]
