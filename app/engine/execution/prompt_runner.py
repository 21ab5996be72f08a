"""One prompt from its place in the queue to its place in the history."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from app.engine.errors import Interrupted
from app.engine.events import Event, ExecutingEvent, ExecutionInterruptedEvent
from app.engine.execution.announce import now_ms
from app.engine.execution.async_calls import AsyncCalls
from app.engine.execution.cache import ResultCache
from app.engine.execution.dynamic_prompt import DynamicPrompt
from app.engine.execution.executor import Executor, SlotAddress
from app.engine.execution.history import History
from app.engine.execution.interrupts import InterruptProcessingException
from app.engine.execution.prompt_copy import snapshot
from app.engine.execution.queue import QueueItem
from app.engine.execution.report import RunResult
from app.engine.execution.run_state import Run, RunOptions
from app.engine.execution.slot_targets import SlotTargets, validation_view
from app.engine.execution.temp_files import TempFiles
from app.engine.execution.validation import Validation, prepare_validation
from app.engine.node_types.registry import Registry
from app.engine.node_types.schema import RunSchemas


class RunThroughPacks(Protocol):
    """Runs a prompt so that packs which wrapped the host's executor see it (E-742)."""

    def __call__(
        self,
        run: Callable[[], RunResult],
        *,
        prompt: dict[str, Any],
        prompt_id: str,
        extra_data: dict[str, Any],
        outputs: Sequence[str],
    ) -> RunResult:
        """Call ``run`` exactly once and return what it returned."""


@dataclass(frozen=True, slots=True)
class PackHooks:
    """Where node packs take part in a run.

    Attributes:
        rewrite_prompt: Lets packs change a prompt before it is validated (E-701).
        run_through: Lets packs wrap the run.
        unload_models: Lets go of all models (E-352).
    """

    rewrite_prompt: Callable[[dict[str, Any]], dict[str, Any]]
    run_through: RunThroughPacks
    unload_models: Callable[[], None]


class PromptRunner:
    """Runs prompts one after the other; all of them share registry, cache and history.

    Attributes:
        temp_files: Files in the temp folder that nodes told of.

    Args:
        registry: The node types.
        cache: Results of earlier prompts.
        history: Where finished prompts go.
        emit: Takes events.
        hooks: Where node packs take part.
        options: How nodes are run.
    """

    def __init__(
        self,
        registry: Registry,
        cache: ResultCache,
        history: History,
        emit: Callable[[Event], None],
        hooks: PackHooks,
        options: RunOptions,
    ) -> None:
        self.temp_files = TempFiles()
        self._registry = registry
        self._cache = cache
        self._history = history
        self._emit = emit
        self._hooks = hooks
        self._options = options

    def run(self, item: QueueItem) -> RunResult:
        """Validate and run a prompt on this thread. Whatever nodes do, there is a result."""
        self._let_packs_rewrite(item)
        targets = SlotTargets.read(item.targets)
        schemas = RunSchemas(self._registry, self._options.strict_reference)
        try:
            validation, slots = self._validate(item, schemas, targets)
        except (Interrupted, InterruptProcessingException):
            return self._interrupted_early(item)
        if not validation.valid:
            return RunResult(
                item.prompt_id,
                status="error",
                error=validation.error,
                node_errors=validation.node_errors,
                is_valid=False,
            )
        return self._execute(item, schemas, validation, slots)

    def _let_packs_rewrite(self, item: QueueItem) -> None:
        body = {
            "prompt": item.prompt,
            "extra_data": item.extra_data,
            "client_id": item.extra_data.get("client_id"),
            "number": item.number,
            "prompt_id": item.prompt_id,
        }
        body = self._hooks.rewrite_prompt(body)
        item.prompt = body.get("prompt", item.prompt)
        item.extra_data = body.get("extra_data", item.extra_data)

    def _validate(
        self, item: QueueItem, schemas: RunSchemas, targets: SlotTargets
    ) -> tuple[Validation, Sequence[SlotAddress]]:
        prompt, seen, outputs = validation_view(item.prompt, schemas, targets)
        check = prepare_validation(
            prompt, seen, targets=outputs, strict_reference=self._options.strict_reference
        )
        if check.has_validators:
            tasks = AsyncCalls(lambda node_id: None)
            try:
                tasks.complete(check.run_validators())
            finally:
                tasks.close()
        validation = check.result()
        return targets.without_probes(validation), targets.runnable(validation)

    def _execute(
        self,
        item: QueueItem,
        schemas: RunSchemas,
        validation: Validation,
        slots: Sequence[SlotAddress],
    ) -> RunResult:
        kept_prompt = snapshot(item.prompt)
        run = Run(
            item.prompt_id,
            item.prompt,
            DynamicPrompt(item.prompt),
            item.extra_data,
            item.sensitive,
            schemas,
            self._cache,
            self._emit,
            self._options,
        )
        executor = Executor(run, validation.outputs, slots, self._hooks.unload_models)
        try:
            result = self._hooks.run_through(
                executor.execute,
                prompt=item.prompt,
                prompt_id=item.prompt_id,
                extra_data=item.extra_data,
                outputs=validation.outputs,
            )
        finally:
            self.temp_files.note(executor.result.outputs.values())
            self._history.add(
                item, kept_prompt, validation.outputs, executor.result,
                executor.news.ui_outputs, executor.news.messages,
            )  # fmt: skip
        result.node_errors = validation.node_errors
        return result

    def _interrupted_early(self, item: QueueItem) -> RunResult:
        self._emit(ExecutionInterruptedEvent(item.prompt_id, None, None, (), now_ms()))
        self._emit(ExecutingEvent(item.prompt_id, None, None))
        return RunResult(item.prompt_id, status="interrupted")
