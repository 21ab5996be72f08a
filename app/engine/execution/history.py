"""What became of the prompts that ran (E-550 to E-553)."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Any

from app.engine.execution.cache import UiOutput
from app.engine.execution.prompt_copy import copy_containers
from app.engine.execution.queue import QueueItem
from app.engine.execution.report import RunReport, RunResult

MAX_ENTRIES = 10_000
"""When there are more, the oldest goes (E-551)."""


class History:
    """Finished prompts by id, oldest first; any thread may read it."""

    def __init__(self, max_entries: int = MAX_ENTRIES) -> None:
        self._max_entries = max_entries
        self._entries: dict[str, dict[str, Any]] = {}
        self._reports: dict[str, RunReport] = {}
        self._lock = threading.Lock()

    def add(
        self,
        item: QueueItem,
        prompt: dict[str, Any],
        output_ids: Iterable[str],
        result: RunResult,
        ui_outputs: Mapping[str, UiOutput],
        messages: Iterable[tuple[str, dict[str, Any]]],
    ) -> None:
        """Add a finished prompt.

        Args:
            item: The prompt as it was queued.
            prompt: Its nodes as they were when it started.
            output_ids: The outputs that were to run.
            result: What came out.
            ui_outputs: The ui of each node.
            messages: The events at its start and end, with their data.
        """
        outputs = list(output_ids)
        entry = {
            "prompt": [item.number, item.prompt_id, prompt, item.extra_data, outputs],
            "outputs": {node_id: ui.output for node_id, ui in ui_outputs.items()},
            "meta": {node_id: ui.meta for node_id, ui in ui_outputs.items()},
            "status": {
                "status_str": "success" if result.status == "success" else "error",
                "completed": result.status == "success",
                "messages": [[name, data] for name, data in messages],
            },
        }
        with self._lock:
            self._entries.pop(item.prompt_id, None)
            self._entries[item.prompt_id] = entry
            self._reports[item.prompt_id] = result.report
            while len(self._entries) > self._max_entries:
                oldest = next(iter(self._entries))
                del self._entries[oldest]
                self._reports.pop(oldest, None)

    def get(
        self,
        prompt_id: str | None = None,
        *,
        max_items: int | None = None,
        offset: int | None = None,
    ) -> dict[str, dict[str, Any]]:
        """Return entries by prompt id, oldest first; the caller may change them.

        Args:
            prompt_id: One prompt; an unknown one gives an empty dictionary.
            max_items: How many at most.
            offset: How many of the oldest to skip; without one, or a negative one, the last
                ``max_items`` are given (E-552).
        """
        with self._lock:
            if prompt_id is not None:
                found = {prompt_id: self._entries[prompt_id]} if prompt_id in self._entries else {}
            else:
                found = self._slice(max_items, offset)
        return {key: copy_containers(entry) for key, entry in found.items()}

    def _slice(self, max_items: int | None, offset: int | None) -> dict[str, dict[str, Any]]:
        keys = list(self._entries)
        start = offset if offset is not None and offset >= 0 else None
        if start is None:
            start = 0 if max_items is None else max(0, len(keys) - max_items)
        end = len(keys) if max_items is None else start + max_items
        return {key: self._entries[key] for key in keys[start:end]}

    def report(self, prompt_id: str) -> RunReport | None:
        """Return what a prompt cost, or None for an unknown one."""
        return self._reports.get(prompt_id)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, prompt_id: str) -> bool:
        return prompt_id in self._entries

    def take_over(self, other: History) -> None:
        """Begin with everything another history holds."""
        with other._lock:
            entries, reports = dict(other._entries), dict(other._reports)
        with self._lock:
            self._entries = {**entries, **self._entries}
            self._reports = {**reports, **self._reports}

    def delete(self, prompt_id: str) -> bool:
        """Remove one entry; tell whether it was there."""
        with self._lock:
            self._reports.pop(prompt_id, None)
            return self._entries.pop(prompt_id, None) is not None

    def clear(self) -> None:
        """Remove all entries."""
        with self._lock:
            self._entries.clear()
            self._reports.clear()
