"""``execution``: the executor and the queue under the names packs wrap and read.

The engine runs every prompt through ``PromptExecutor.execute`` of this module, so a pack
that wraps that method sees each run.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from app.engine.compat import session
from app.engine.execution.blocker import ExecutionBlocker
from app.engine.execution.dynamic_prompt import DynamicPrompt
from app.engine.execution.queue import QueueItem
from app.engine.execution.validation import validate_prompt as _validate_prompt
from app.engine.node_types.schema import RunSchemas

__all__ = [
    "DynamicPrompt",
    "ExecutionBlocker",
    "PromptExecutor",
    "PromptQueue",
    "validate_prompt",
]


class PromptExecutor:
    """Runs prompts; the engine makes one for each run.

    Attributes:
        server: The prompt server.
        success: Whether the last prompt ended well.
    """

    def __init__(self, server: Any = None, cache_type: Any = None, cache_args: Any = None) -> None:
        self.server = server
        self.success = True
        self.status_messages: list[tuple[str, Any]] = []
        self._run: Callable[[], Any] | None = None

    def run_with(self, run: Callable[[], Any]) -> None:
        """Let the next :meth:`execute` call ``run``; the engine does this."""
        self._run = run

    def execute(
        self,
        prompt: dict[str, Any],
        prompt_id: str,
        extra_data: dict[str, Any] | None = None,
        execute_outputs: Iterable[str] = (),
    ) -> None:
        """Run a prompt to its end."""
        run, self._run = self._run, None
        if run is not None:
            run()
            return
        engine: Any = session.current().engine
        targets = list(execute_outputs) or None
        self.success = (
            engine.run(prompt, extra_data=extra_data, targets=targets).status == "success"
        )

    def handle_execution_error(
        self,
        prompt_id: str,
        prompt: dict[str, Any],
        current_outputs: Any,
        executed: Any,
        error: Mapping[str, Any],
        ex: BaseException,
    ) -> None:
        """Hear of a node that failed; packs wrap this to say more about it."""

    def add_message(self, event: str, data: dict[str, Any], broadcast: bool) -> None:
        """Send a message to the window and keep it for the history."""
        self.status_messages.append((event, data))
        if self.server is not None:
            self.server.send_sync(event, data)

    def reset(self) -> None:
        """Forget every kept result."""
        engine: Any = session.current().engine
        engine.free(free_memory=True)


_PLAIN = (PromptExecutor, PromptExecutor.execute)


def is_wrapped() -> bool:
    """Tell whether a pack has put something of its own in the place of the executor."""
    return (PromptExecutor, PromptExecutor.execute) != _PLAIN


async def validate_prompt(
    prompt_id: str, prompt: dict[str, Any], partial_execution_list: list[str] | None = None
) -> tuple[bool, dict[str, Any] | None, list[str], dict[str, Any]]:
    """Check a prompt; returns whether it can run, the error, the outputs and node errors."""
    schemas = RunSchemas(session.current().engine.registry)
    found = await _validate_prompt(prompt, schemas, targets=partial_execution_list)
    return found.valid, found.error, list(found.outputs), found.node_errors


class PromptQueue:
    """The engine's queue in the shape of the reference's.

    Items are tuples ``(number, prompt_id, prompt, extra_data, outputs)``.

    Attributes:
        mutex: A lock that packs hold while they look.
    """

    def __init__(self, server: Any = None) -> None:
        self.server = server
        self.mutex = threading.RLock()

    @property
    def currently_running(self) -> dict[int, tuple[Any, ...]]:
        """The running prompt under the key 0, or nothing."""
        running = _engine().queue.running
        return {} if running is None else {0: _as_tuple(running)}

    @property
    def queue(self) -> list[tuple[Any, ...]]:
        """The prompts that wait, the next one first."""
        return [_as_tuple(item) for item in _engine().queue.pending]

    @property
    def history(self) -> dict[str, Any]:
        """Finished prompts by id."""
        return self.get_history()

    def put(self, item: tuple[Any, ...]) -> None:
        """Add a prompt."""
        number, prompt_id, prompt, extra_data, outputs = item[:5]
        sensitive = item[5] if len(item) > 5 else {}
        _engine().queue.put(
            QueueItem(
                number,
                prompt_id,
                prompt,
                dict(extra_data or {}),
                tuple(outputs) if outputs else None,
                sensitive,
            )
        )

    def get_current_queue(self) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
        """Return what runs and what waits."""
        return list(self.currently_running.values()), self.queue

    get_current_queue_volatile = get_current_queue

    def get_tasks_remaining(self) -> int:
        """Return how many prompts wait or run."""
        return int(_engine().queue.remaining)

    def delete_queue_item(self, function: Callable[[tuple[Any, ...]], bool]) -> bool:
        """Remove the first waiting prompt that ``function`` accepts; tell whether there was one."""
        for item in _engine().queue.pending:
            if function(_as_tuple(item)):
                return bool(_engine().queue.delete(item.prompt_id))
        return False

    def wipe_queue(self) -> None:
        """Remove every waiting prompt."""
        _engine().queue.clear()

    def get_history(
        self,
        prompt_id: str | None = None,
        max_items: int | None = None,
        offset: int = -1,
        map_function: Callable[[Any], Any] | None = None,
    ) -> dict[str, Any]:
        """Return finished prompts by id, oldest first."""
        found = _engine().history.get(prompt_id, max_items=max_items, offset=offset)
        if map_function is None:
            return dict(found)
        return {key: map_function(entry) for key, entry in found.items()}

    def wipe_history(self) -> None:
        """Forget every finished prompt."""
        _engine().history.clear()

    def delete_history_item(self, id_to_delete: str) -> None:
        """Forget one finished prompt."""
        _engine().history.delete(id_to_delete)

    def set_flag(self, name: str, data: Any) -> None:
        """Leave a wish such as ``free_memory`` for the worker."""
        if data:
            _engine().queue.set_flag(name)


def _engine() -> session.HostEngine:
    return session.current().engine


def _as_tuple(item: QueueItem) -> tuple[Any, ...]:
    return (item.number, item.prompt_id, item.prompt, item.extra_data, list(item.targets or ()))
