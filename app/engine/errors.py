"""Every error the engine raises on purpose, in one tree.

::

    EaselError
      WorkflowFileError      cannot be read, or is not a workflow
      UnknownNodeError       a type is not installed
      PromptError            validation; carries a list of problems
      NodeExecutionError     a node failed; carries node id, type, inputs in short, traceback
      NodePackError          a pack could not be imported; carries its name and traceback
      ModelFileError         corrupt, unsafe or unsupported weights
      UnsafePathError        a name would leave its folder
      SettingsError          a value is out of range; says the range
      SubgraphError          an edit of a subgraph is not possible
      EngineStateError       the engine was used in a way it does not allow

``Interrupted`` stands outside the tree: it derives from ``BaseException`` so that a node
that swallows ``Exception`` cannot swallow the artist's Stop.
"""

from __future__ import annotations

import threading
from typing import Any


class EaselError(Exception):
    """Base of all errors of ours. Its message is fit to be shown to an artist.

    Attributes:
        details: Longer text that is folded away until asked for; may be empty.
    """

    def __init__(self, message: str, *, details: str = "") -> None:
        super().__init__(message)
        self.details = details


class WorkflowFileError(EaselError):
    """A file cannot be read, or holds no workflow."""


class SubgraphError(EaselError):
    """An edit of a subgraph is not possible, such as one that would put it into itself."""


class UnknownNodeError(EaselError):
    """A node type is not installed.

    Attributes:
        types: Names of the missing types, in the order they were met.
    """

    def __init__(self, message: str, *, types: tuple[str, ...] = (), details: str = "") -> None:
        super().__init__(message, details=details)
        self.types = types


class PromptError(EaselError):
    """A prompt cannot run.

    Attributes:
        error: The overall error, ``{"type", "message", "details", "extra_info"}``.
        node_errors: Problems by node id, as in the rules E-108 and E-109.
    """

    def __init__(
        self, message: str, *, error: dict[str, Any], node_errors: dict[str, Any] | None = None
    ) -> None:
        super().__init__(message, details=str(error.get("details", "")))
        self.error = error
        self.node_errors = node_errors or {}


class NodeExecutionError(EaselError):
    """A node failed while it ran.

    Attributes:
        node_id: Id of the node the artist can see (the outermost one of an expansion).
        node_type: Its class name.
        payload: The ``execution_error`` event's data (rule E-350).
    """

    def __init__(
        self, message: str, *, node_id: str, node_type: str, payload: dict[str, Any]
    ) -> None:
        super().__init__(message, details="".join(payload.get("traceback", ())))
        self.node_id = node_id
        self.node_type = node_type
        self.payload = payload


class NodePackError(EaselError):
    """A node pack could not be imported.

    Attributes:
        pack: Folder or file name of the pack.
        missing_module: Name of the Python module that was not found, or empty.
    """

    def __init__(
        self, message: str, *, pack: str, missing_module: str = "", details: str = ""
    ) -> None:
        super().__init__(message, details=details)
        self.pack = pack
        self.missing_module = missing_module


class ModelFileError(EaselError):
    """Weights are corrupt, unsafe or of a kind that is not supported."""


class UnsafePathError(EaselError):
    """A name would leave the folder it belongs to."""


class SettingsError(EaselError):
    """A setting's value has the wrong type or lies outside its range."""


class EngineStateError(EaselError):
    """The engine was used in a way it does not allow, such as a second live engine."""


class Interrupted(BaseException):
    """The artist pressed Stop; never shown as a failure.

    It is raised by progress updates and, for a node that never calls one, sent into the
    worker thread as an asynchronous exception (rule E-912).
    """


def is_ctrl_c(error: BaseException) -> bool:
    """Tell whether somebody pressed Ctrl-C, rather than a node raising ``KeyboardInterrupt``.

    Python delivers Ctrl-C to the main thread alone; anywhere else it is third-party code.
    """
    return (
        isinstance(error, KeyboardInterrupt)
        and threading.current_thread() is threading.main_thread()
    )


def describe(error: BaseException) -> str:
    """Return one line about ``error``, even when its own ``__str__`` fails."""
    name = type(error).__name__
    try:
        text = str(error).strip()
    except BaseException:  # noqa: BLE001 - third-party code; nothing it raises may escape
        text = ""
    return f"{name}: {text}" if text else name
