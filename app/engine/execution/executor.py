"""Runs one prompt from its first node to its last, and tells what happens."""

from __future__ import annotations

import contextlib
import logging
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

from app.engine.errors import Interrupted, is_ctrl_c
from app.engine.execution.announce import Announcer
from app.engine.execution.arguments import NodeArguments, gather_arguments, has_slot
from app.engine.execution.async_calls import AsyncCalls
from app.engine.execution.cache import CacheEntry
from app.engine.execution.call import NodeCaller
from app.engine.execution.context import current_context
from app.engine.execution.cutoff import Cutoff
from app.engine.execution.expansion import Expansion, assemble, expand
from app.engine.execution.failure import error_text, is_out_of_memory
from app.engine.execution.finishing import Finishing
from app.engine.execution.interrupts import InterruptProcessingException, stop_control
from app.engine.execution.keys import KeyMaker
from app.engine.execution.needs import Needs
from app.engine.execution.order import ExecutionOrder
from app.engine.execution.progress import NodeState as ProgressState
from app.engine.execution.progress import reset_progress_state
from app.engine.execution.report import RunResult
from app.engine.execution.results import CallResult, has_blocker, merge_outputs, merge_ui
from app.engine.execution.run_state import (
    DependencyCycleError,
    NodeState,
    Retention,
    Run,
)
from app.engine.execution.unsaved import Failure, UnsavedNodes

log = logging.getLogger("easel.engine")

SlotAddress = tuple[str, int]


_UNREAD: Any = object()


class Executor:
    """Runs one validated prompt; made anew for each.

    Attributes:
        news: What has been told of the run.
        result: What has come out so far.

    Args:
        run: What is shared during the prompt.
        outputs: Output nodes to run, in order.
        wanted: Output slots whose values go into the result.
        on_out_of_memory: Called when a node ran out of memory (E-352).
    """

    def __init__(
        self,
        run: Run,
        outputs: Iterable[str],
        wanted: Iterable[SlotAddress] = (),
        on_out_of_memory: Callable[[], None] = lambda: None,
    ) -> None:
        self._run = run
        self._outputs = list(outputs)
        self._wanted = list(wanted)
        self._on_out_of_memory = on_out_of_memory
        self._order = ExecutionOrder()
        self._stop = stop_control.run
        self._tasks = AsyncCalls(self._order.release_externally)
        self._finishing = Finishing(self._tasks.wake)
        self._unsaved = UnsavedNodes(run, self._finishing, self._tell_end)
        self._caller = NodeCaller(run, self._tasks, self._finishing)
        self._needs = Needs(run, self._order, self._caller.runs_beside)
        run.cache.begin_keys()
        self._keys = KeyMaker(run, self._tasks.complete)
        self._cutoff: Cutoff | None = None
        if run.options.early_cutoff and run.cache.keeps_results:
            self._cutoff = Cutoff(run.cache, self._keys.keys, self._keys.marks)
        self._retention = Retention(run.states) if run.cache.releases_early else None
        self._progress = reset_progress_state(run.prompt_id, run.dynprompt, run.emit)
        self._current: NodeState | None = None
        self._interrupted_id: str | None = None
        self._last_id: str | None = None
        self._arguments: NodeArguments | None = None
        self._unfinished: dict[str, set[str]] = {}
        self._with_inner_ui: dict[str, CacheEntry] = {}
        self._inference: contextlib.ExitStack | None = None
        self.news = Announcer(run)
        self.result = self.news.result

    def execute(self) -> RunResult:
        """Run the prompt. Whatever nodes do, the answer is a result.

        Raises:
            KeyboardInterrupt: It was pressed while no node was running.
        """
        result = self.result
        started = time.perf_counter()
        stop_control.attach(self._current_id, self._tasks.wake)
        self.news.started()
        try:
            with contextlib.ExitStack() as self._inference:
                self._guarded_run()
        finally:
            self._finish()
            result.report.seconds = time.perf_counter() - started
        return result

    def _guarded_run(self) -> None:
        try:
            self._start()
            self._loop()
            self._finish_unsaved()
            self._collect_wanted()
        except (InterruptProcessingException, Interrupted):
            self._interrupted()
        except BaseException as error:
            if is_ctrl_c(error) and self._current is None:
                self._interrupted()
                raise
            # A node that is torn out of its work may well end with some other error.
            if self._stop.requested:
                self._interrupted()
            else:
                self._failed(error)
        else:
            if self._stop.requested:
                self._interrupted()

    def _finish(self) -> None:
        """Close everything and say how it ended, whatever comes in between."""
        for _ in range(3):
            try:
                self._tasks.close()
                self._caller.close()
                self._settle_unsaved()
                self._forget_incomplete()
                break
            except Interrupted:
                continue
        # An interrupt can come between a call and the code that puts the context back.
        current_context.set(None)
        self.news.ended(self._interrupted_id)

    def _current_id(self) -> str | None:
        current = self._current
        return current.id if current is not None else self._tasks.first_pending

    # Start

    def _start(self) -> None:
        run = self._run
        self._enter_inference_mode()
        root = run.cache.root
        schemas: dict[str, Any] = {}
        for node_id, node in run.prompt.items():
            class_type = node["class_type"]
            inputs = node.get("inputs") or {}
            schema = schemas.get(class_type, _UNREAD)
            if schema is _UNREAD or (schema is not None and schema.has_dynamic_inputs):
                schema = schemas[class_type] = self._read_schema(class_type, inputs)
            run.states[node_id] = NodeState(node_id, class_type, inputs, schema, root)
        states = run.states.values()
        self._keys.add(states)
        old_keys = self._cutoff.begin(states) if self._cutoff is not None else []
        run.cache.begin(
            {node_id: node["class_type"] for node_id, node in run.prompt.items()},
            [*old_keys, *(state.key for state in states)],
        )
        self._find_cached()
        if self._retention is not None:
            self._retention.add(self._needed())
            for node_id, _ in self._wanted:
                self._retention.pin(node_id)
        for node_id in self._outputs:
            self._needs.add_root(run.states[node_id])
        for node_id, _ in self._wanted:
            state = run.state(node_id, node_id)
            if not self._needs.is_available(state):
                self._needs.add(state)
        self._restore_expansions()

    def _find_cached(self) -> None:
        """Tell which nodes of the prompt have results, needed or not (E-410)."""
        find = self._run.cache.find
        nodes: list[str] = []
        for state in self._run.states.values():
            entry = find(state.store, state.key)
            if entry is not None:
                nodes.append(state.id)
                if entry.inner_ui:
                    self._with_inner_ui[state.id] = entry
        self.news.cached(nodes)

    def _restore_expansions(self) -> None:
        """Show what is inside expansions that stand upstream of cached results (E-908)."""
        if self._with_inner_ui:
            for state in self._needed():
                entry = self._with_inner_ui.get(state.id)
                if entry is not None and state.id not in self._order:
                    self.news.restored(state, entry)

    def _read_schema(self, class_type: str, inputs: dict[str, Any]) -> Any:
        """Return a schema, or None for a class that cannot describe itself.

        Nodes that are needed have passed validation, so only bystanders are without.
        """
        try:
            return self._run.schemas.for_inputs(class_type, inputs)
        except Interrupted:
            raise
        except BaseException as error:  # INPUT_TYPES is third-party code
            if is_ctrl_c(error):
                raise
            log.warning("Node type %s cannot describe itself: %s", class_type, error_text(error))
            return None

    def _needed(self) -> list[NodeState]:
        """Return the outputs and everything upstream of them, lazy links included."""
        states = self._run.states
        stack = [*self._outputs, *(node_id for node_id, _ in self._wanted)]
        needed: dict[str, NodeState] = {}
        while stack:
            node_id = stack.pop()
            if node_id not in needed and node_id in states:
                needed[node_id] = states[node_id]
                stack.extend(link.source_id for link in states[node_id].links)
        return list(needed.values())

    def _enter_inference_mode(self) -> None:
        """Let torch record nothing for gradients; it is entered once torch is there at all."""
        torch = sys.modules.get("torch")
        if torch is not None and self._inference is not None and hasattr(torch, "inference_mode"):
            self._inference.enter_context(torch.inference_mode())
            self._inference = None

    # Order

    def _loop(self) -> None:
        order, tasks, states = self._order, self._tasks, self._run.states
        stop, finishing = self._stop, self._finishing
        while len(order):
            if stop.requested or stop_control.flag:
                raise InterruptProcessingException
            if len(tasks):
                tasks.step()
            if finishing.has_news:
                self._blame(self._unsaved.take_finished())
            node_id = order.next_ready()
            if node_id is not None:
                self._step(states[node_id])
            elif order.has_external_blocks:
                tasks.wait()
            else:
                self._fail_cycle()

    def _fail_cycle(self) -> None:
        cycle = self._order.find_cycle()
        prompt = self._run.dynprompt
        blamed = next((each for each in cycle if prompt.is_ephemeral(each)), cycle[0])
        states = self._run.states
        self._current = states.get(prompt.get_display_node_id(blamed)) or states[blamed]
        raise DependencyCycleError("Dependency cycle detected")

    # One node

    def _step(self, state: NodeState) -> None:
        self._current, self._arguments = state, None
        if state.calls is not None:
            calls, state.calls = state.calls, None
            self._take(state, self._caller.collect(state, calls))
        elif state.expansion is not None:
            expansion, state.expansion = state.expansion, None
            self._take_expansion(state, expansion)
        else:
            if self._cutoff is not None:
                self._cutoff.before(state)
            entry = state.entry or self._run.cache.find(state.store, state.key)
            if entry is not None:
                self._serve(state, entry)
            else:
                self._begin(state)
        self._current = None

    def _serve(self, state: NodeState, entry: CacheEntry) -> None:
        """End a node with the result of an earlier or equal one (E-411, E-908)."""
        state.entry = entry
        if self._unsaved:
            self._blame(self._unsaved.wait_for_maker(entry))
        if state.id not in self._progress.nodes:
            self.result.cached.append(state.id)
            self.result.report.add(state.id, state.class_type, 0.0, True)
        self.news.executed(state, entry.ui, cached=True)
        self.news.restored(state, entry)
        self._progress.finish_progress(state.id)
        self._complete(state)

    def _begin(self, state: NodeState) -> None:
        run, schema = self._run, state.schema
        assert schema is not None
        if self._inference is not None:
            self._enter_inference_mode()
        self._progress.start_progress(state.id)
        self.news.executing(state)
        self._last_id = state.id
        target = self._caller.target(state)
        arguments = self._arguments = gather_arguments(run, state)
        if schema.has_check_lazy:
            wishes = self._caller.lazy_wishes(state, target, arguments)
            if wishes:
                self._needs.request(state, wishes)
                self._order.put_back(state.id)
                return
        results = self._caller.call(state, target, arguments)
        if isinstance(results, list):
            self._take(state, results)
        else:
            state.calls = results
            self._order.block_externally(state.id)
            self._order.put_back(state.id)

    def _take(self, state: NodeState, results: list[CallResult]) -> None:
        """Go on with what a node's calls gave."""
        ui: dict[str, Any] = {}
        has_expansion = False
        for result in results:
            if result.expand is not None:
                has_expansion = True
            if result.ui and not ui:
                ui = merge_ui((each.ui for each in results), self._run.strict)
        if has_expansion:
            self._begin_expansion(state, ui, results)
            return
        schema = state.schema
        assert schema is not None
        self._keep(state, merge_outputs(schema, results), ui or None)

    def _begin_expansion(
        self, state: NodeState, ui: dict[str, Any], results: list[CallResult]
    ) -> None:
        self.news.executed(state, ui or None)
        expansion = expand(self._run, self._keys, state, results)
        state.expansion = expansion
        state.inner_ui = []
        if ui:
            state.inner_ui.append(self._run.ui_output(state, ui))
        if self._retention is not None:
            self._retention.add(expansion.nodes)
            for source_id in expansion.sources:
                self._retention.hold(source_id)
        if expansion.outputs:
            self._unfinished[state.id] = {node.id for node in expansion.outputs}
        for node in expansion.outputs:
            self._needs.add_root(node)
        for source_id in expansion.sources:
            self._needs.depend(state, source_id)
        self._order.put_back(state.id)

    def _take_expansion(self, state: NodeState, expansion: Expansion) -> None:
        schema = state.schema
        assert schema is not None
        outputs = assemble(self._run, schema, expansion)
        self._keep(state, outputs, None)
        if self._retention is not None:
            for source_id in expansion.sources:
                self._retention.release(source_id)

    def _keep(self, state: NodeState, outputs: list[list[Any]], ui: dict[str, Any] | None) -> None:
        """End a node that ran: keep its result, show its ui."""
        if self._cutoff is not None:
            self._cutoff.after(state, outputs)
        entry = CacheEntry(
            outputs,
            ui,
            [] if state.inner_ui is None else state.inner_ui,
            has_blocker(outputs),
            state.seconds,
        )
        state.entry = entry
        self._run.cache.keep(state.store, state.key, entry)
        if state.id in self._finishing:
            self._unsaved.add(state, ui)
        else:
            self._tell_end(state, ui)
        self._complete(state)

    def _tell_end(self, state: NodeState, ui: dict[str, Any] | None) -> None:
        """Tell that a node has run, and is done with everything."""
        self.result.executed.append(state.id)
        self.result.report.add(state.id, state.class_type, state.seconds, False, state.peak_bytes)
        if ui:
            self.news.executed(state, ui)
        self._progress.finish_progress(state.id)

    # Nodes that left work behind

    def _blame(self, failures: Iterable[Failure]) -> None:
        """Let the first failure of work that a node left behind be that node's error."""
        for node_id, error in failures:
            self._current, self._arguments = self._run.states.get(node_id), None
            raise error

    def _finish_unsaved(self) -> None:
        """Wait until everything that nodes left behind is done."""
        while len(self._finishing):
            if self._stop.requested:
                raise InterruptProcessingException
            self._finishing.wait_for_any(0.1)
            self._blame(self._unsaved.take_finished())

    def _settle_unsaved(self) -> None:
        """Let what was begun be done, however the run ends."""
        for node_id, error in self._unsaved.take_all():
            log.error("A file of node %s is not written: %s", node_id, error_text(error))

    def _complete(self, state: NodeState) -> None:
        self._order.complete(state.id)
        if state.parent is not None and state.parent.id in self._unfinished:
            self._unfinished[state.parent.id].discard(state.id)
        if self._retention is not None:
            self._retention.ended(state)
            self._run.cache.after_node(self._held)

    def _held(self) -> set[int]:
        states = self._run.states.values()
        return {id(state.entry) for state in states if state.entry is not None}

    # End

    def _collect_wanted(self) -> None:
        for node_id, slot in self._wanted:
            entry = self._run.states[node_id].entry
            values = entry.outputs[slot] if entry and has_slot(entry.outputs, slot) else []
            self.result.results[(node_id, slot)] = list(values)

    def _forget_incomplete(self) -> None:
        """Drop results of expansions whose inner output nodes did not all run.

        Otherwise the expander would be served from the cache next time, and they never would.
        """
        for node_id, missing in self._unfinished.items():
            state: NodeState | None = self._run.states[node_id]
            while missing and state is not None:
                self._run.cache.forget(state.store, state.key)
                state = state.parent

    def _failed(self, error: BaseException) -> None:
        self._stop.in_node = False
        arguments = self._arguments.lists if self._arguments is not None else None
        # Before the first node runs, the one that was being added is at fault.
        self.news.failed(error, self._current or self._needs.blamed, arguments)
        log.info("Prompt %s failed: %s", self._run.prompt_id, error_text(error))
        self._mark_failed()
        if is_out_of_memory(error):
            self._on_out_of_memory()

    def _mark_failed(self) -> None:
        if self._current is not None:
            entry = self._progress.nodes.get(self._current.id)
            if entry is not None and entry["state"] is ProgressState.RUNNING:
                self._progress.fail_progress(self._current.id)

    def _interrupted(self) -> None:
        self._stop.in_node = False
        current = self._current
        self._interrupted_id = (
            current.id if current is not None else self._tasks.first_pending or self._last_id
        )
        self.result.status = "interrupted"
        self._mark_failed()
