"""How far each node of the running prompt is (E-525 to E-527)."""

from __future__ import annotations

import enum
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from app.engine.errors import describe
from app.engine.events import (
    Event,
    NodeProgress,
    PreviewEvent,
    ProgressEvent,
    ProgressStateEvent,
)
from app.engine.execution.context import current_context
from app.engine.execution.dynamic_prompt import DynamicPrompt
from app.engine.execution.interrupts import stop_control, throw_exception_if_processing_interrupted
from app.engine.execution.previews import preview_to_rgb

log = logging.getLogger("easel.engine")

UPDATE_INTERVAL_S = 1 / 30
"""Least time between two deltas for a node that keeps moving its progress bar (E-911)."""


class NodeState(enum.Enum):
    """State of one node in a run."""

    PENDING = "pending"
    RUNNING = "running"
    FINISHED = "finished"
    ERROR = "error"


class ProgressHandler:
    """Base of what node packs register to be told of progress.

    Attributes:
        name: A handler replaces an earlier one of the same name.
        enabled: A disabled handler is not called.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.enabled = True

    def set_registry(self, registry: ProgressRegistry) -> None:
        """Learn the registry of the run that begins."""

    def start_handler(self, node_id: str, state: Mapping[str, Any], prompt_id: str) -> None:
        """A node began."""

    def update_handler(
        self,
        node_id: str,
        value: float,
        max_value: float,
        state: Mapping[str, Any],
        prompt_id: str,
        image: Any = None,
    ) -> None:
        """A node moved its progress."""

    def finish_handler(self, node_id: str, state: Mapping[str, Any], prompt_id: str) -> None:
        """A node ended."""

    def reset(self) -> None:
        """Forget everything; a new run begins."""

    def enable(self) -> None:
        """Let this handler be called."""
        self.enabled = True

    def disable(self) -> None:
        """Keep this handler from being called."""
        self.enabled = False


class ProgressRegistry:
    """The progress of one run.

    Attributes:
        prompt_id: Id of the run.
        dynprompt: Its nodes.
        nodes: ``{"state": NodeState, "value", "max"}`` by node id, for every node that has
            left ``pending``.
        handlers: Handlers by name.
    """

    def __init__(
        self,
        prompt_id: str,
        dynprompt: DynamicPrompt,
        emit: Callable[[Event], None] | None = None,
    ) -> None:
        self.prompt_id = prompt_id
        self.dynprompt = dynprompt
        self.nodes: dict[str, dict[str, Any]] = {}
        self.handlers: dict[str, ProgressHandler] = {}
        self.last_node_id: str | None = None
        self._emit = emit
        self._last_update: dict[str, float] = {}

    def register_handler(self, handler: ProgressHandler) -> None:
        """Tell ``handler`` of everything from now on."""
        self.handlers[handler.name] = handler
        handler.set_registry(self)

    def unregister_handler(self, handler_name: str) -> None:
        """Stop telling the handler of this name."""
        self.handlers.pop(handler_name, None)

    def reset_handlers(self) -> None:
        """Let every handler forget what it knows."""
        for handler in list(self.handlers.values()):
            handler.reset()

    def ensure_entry(self, node_id: str) -> dict[str, Any]:
        """Return the entry of a node; a new one is pending with 0 of 1."""
        entry = self.nodes.get(node_id)
        if entry is None:
            entry = {"state": NodeState.PENDING, "value": 0.0, "max": 1.0}
            self.nodes[node_id] = entry
        return entry

    def start_progress(self, node_id: str) -> None:
        """A node begins: running, 0 of 1."""
        self.last_node_id = node_id
        self.nodes[node_id] = entry = {"state": NodeState.RUNNING, "value": 0.0, "max": 1.0}
        if self._emit is not None:
            self._emit_delta(node_id, "running", 0.0, 1.0)
        if self.handlers:
            self._tell("start_handler", node_id, entry, self.prompt_id)

    def update_progress(
        self, node_id: str, value: float, max_value: float, image: Any = None
    ) -> None:
        """A node moved to ``value`` of ``max_value``, perhaps with a preview picture."""
        entry = self.ensure_entry(node_id)
        entry["state"] = NodeState.RUNNING
        entry["value"] = value
        entry["max"] = max_value
        if self._emit is not None:
            now = time.monotonic()
            if now - self._last_update.get(node_id, 0.0) >= UPDATE_INTERVAL_S:
                self._last_update[node_id] = now
                self._emit_delta(node_id, "running", value, max_value)
            if image is not None:
                self._emit_preview(node_id, image)
        if self.handlers:
            self._tell("update_handler", node_id, value, max_value, entry, self.prompt_id, image)

    def finish_progress(self, node_id: str) -> None:
        """A node ended: finished, at its maximum."""
        self._end(node_id, NodeState.FINISHED)

    def fail_progress(self, node_id: str) -> None:
        """A node failed: error, where it was."""
        self._end(node_id, NodeState.ERROR)

    def _end(self, node_id: str, state: NodeState) -> None:
        entry = self.ensure_entry(node_id)
        entry["state"] = state
        if state is NodeState.FINISHED:
            entry["value"] = entry["max"]
        if self._emit is not None:
            self._emit_delta(node_id, state.value, entry["value"], entry["max"])
        if self.handlers:
            self._tell("finish_handler", node_id, entry, self.prompt_id)

    def snapshot(self) -> dict[str, dict[str, Any]]:
        """Return the ``nodes`` of a whole ``progress_state`` message (E-507)."""
        return {
            node_id: {
                "value": entry["value"],
                "max": entry["max"],
                "state": entry["state"].value,
                "node_id": node_id,
                "prompt_id": self.prompt_id,
                "display_node_id": self.dynprompt.get_display_node_id(node_id),
                "parent_node_id": self.dynprompt.get_parent_node_id(node_id),
                "real_node_id": self.dynprompt.get_real_node_id(node_id),
            }
            for node_id, entry in list(self.nodes.items())
            if entry["state"] is not NodeState.PENDING
        }

    def _emit_delta(self, node_id: str, state: str, value: float, maximum: float) -> None:
        prompt = self.dynprompt
        parent = prompt.get_parent_node_id(node_id)
        if parent is None:
            delta = NodeProgress(node_id, node_id, None, node_id, state, value, maximum)
        else:
            display, real = prompt.get_display_node_id(node_id), prompt.get_real_node_id(node_id)
            delta = NodeProgress(node_id, display, parent, real, state, value, maximum)
        if self._emit is not None:
            self._emit(ProgressStateEvent(self.prompt_id, (delta,)))

    def _emit_preview(self, node_id: str, image: Any) -> None:
        try:
            picture = preview_to_rgb(image)
        except Exception as error:  # noqa: BLE001 - a broken preview must not end the run
            log.warning("The preview of node %s cannot be shown: %s", node_id, describe(error))
            return
        if picture is not None and self._emit is not None:
            rgb, owned = picture
            display = self.dynprompt.get_display_node_id(node_id)
            self._emit(PreviewEvent(self.prompt_id, node_id, display, rgb, owned))

    def _tell(self, method: str, *args: Any) -> None:
        for handler in list(self.handlers.values()):
            if not handler.enabled:
                continue
            try:
                getattr(handler, method)(*args)
            except Exception as error:  # noqa: BLE001 - a pack's handler must not end the run
                log.warning("Progress handler %r failed: %s", handler.name, describe(error))

    def report(self, value: float, total: float, preview: Any, node_id: str | None) -> None:
        """Take one update of a progress bar: an event of its own, then the state (E-506)."""
        if node_id is None:
            context = current_context.get()
            node_id = self.last_node_id if context is None else context.node_id
        if node_id is None:
            return
        if self._emit is not None:
            self._emit(ProgressEvent(self.prompt_id, node_id, value, total))
        self.update_progress(node_id, value, total, preview)


_registry = ProgressRegistry("", DynamicPrompt({}))


def get_progress_state() -> ProgressRegistry:
    """Return the registry of the running prompt, or of the last one."""
    return _registry


def reset_progress_state(
    prompt_id: str,
    dynprompt: DynamicPrompt,
    emit: Callable[[Event], None] | None = None,
) -> ProgressRegistry:
    """Begin a run with a fresh registry, which keeps the handlers of the last one."""
    global _registry
    fresh = ProgressRegistry(prompt_id, dynprompt, emit)
    _registry.reset_handlers()
    for handler in _registry.handlers.values():
        fresh.register_handler(handler)
    _registry = fresh
    return fresh


def add_progress_handler(handler: ProgressHandler) -> None:
    """Register a handler for this run and those that follow."""
    _registry.register_handler(handler)


def report_progress(
    value: float, total: float, preview: Any = None, node_id: str | None = None
) -> None:
    """Report the progress of a node; the hook behind every progress bar.

    Args:
        value: Steps done so far.
        total: Steps in all.
        preview: A picture of the work so far; see
            :func:`app.engine.execution.previews.preview_to_rgb`.
        node_id: The node; the one that is running when left out (E-526).

    Raises:
        InterruptProcessingException: The prompt is to stop (E-531).
    """
    throw_exception_if_processing_interrupted()
    with stop_control.outside_node():
        _registry.report(value, total, preview, node_id)
