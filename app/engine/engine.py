"""The engine: registry, cache, queue and node packs joined into one object.

See ``docs/scripting.md`` for how to use it from Python.
"""

from __future__ import annotations

import logging
import os
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from app.engine import compat
from app.engine.device import let_idle_threads_sleep
from app.engine.errors import EngineStateError, SettingsError
from app.engine.events import (
    Event,
    EventCallback,
    ExecutingEvent,
    ExecutionInterruptedEvent,
    StatusEvent,
)
from app.engine.execution.announce import now_ms
from app.engine.execution.cache import make_cache
from app.engine.execution.exclusive import ExclusiveRuns
from app.engine.execution.history import History
from app.engine.execution.housekeeping import Housekeeping
from app.engine.execution.interrupts import StuckNode, stop_control
from app.engine.execution.jobs import get_job, list_jobs
from app.engine.execution.listeners import Listeners
from app.engine.execution.node_output import NodeOutput
from app.engine.execution.prompt_copy import copy_prompt
from app.engine.execution.prompt_runner import PackHooks, PromptRunner
from app.engine.execution.queue import PromptQueue, QueueItem
from app.engine.execution.queue_keeper import QueueKeeper
from app.engine.execution.report import RunResult
from app.engine.execution.run_state import RunOptions
from app.engine.model_folders import remove_old_temp_files
from app.engine.node_types import packs
from app.engine.node_types.pack_report import PackReport
from app.engine.node_types.registry import Registry

log = logging.getLogger("easel.engine")

SENSITIVE_KEYS = ("auth_token_comfy_org", "api_key_comfy_org")
"""Secrets that are taken out of ``extra_data`` before anything is queued or shown (E-704)."""

FOLDER_KINDS = ("output", "input", "temp")
"""Folders that :meth:`Engine.set_folder` changes."""

CLOSE_PATIENCE_S = 5.0
"""How long :meth:`Engine.close` waits for a running prompt."""

_live: Engine | None = None
_live_lock = threading.Lock()


class Engine:
    """Runs prompts. One may be alive in a process, since node packs share process globals.

    ``submit``, ``interrupt``, ``subscribe``, ``emit`` and reading ``queue`` and ``history``
    may be done from any thread. Everything else belongs to one thread, which runs the nodes.

    Attributes:
        base_dir: Home folder with ``models``, ``input``, ``output`` and so on.
        strict_reference: Whether the reference's quirks are kept (E-900).
        registry: The node types.
        queue: Prompts that wait or run.
        history: Prompts that have ended.
        pack_reports: How loading each node pack went.
        folders: Where models, inputs and results lie.

    Args:
        base_dir: Home folder; it is made when missing.
        pack_dirs: Folders of node packs besides ``custom_nodes`` in the home folder.
        cache: ``"classic"``, ``"lru:N"``, ``"ram:GB"`` or ``"none"``.
        strict_reference: Keep the reference's quirks.
        keep_queue: Keep the queue on disk. Prompts that an earlier session left behind are in
            the queue at once, which is then paused.
        early_cutoff: When a node that always runs gave the same result as before, serve the
            nodes behind it from the cache.
        pure_workers: Threads on which nodes declared ``PURE_CPU`` run side by side; 0 runs
            them one after the other, like all others.

    Raises:
        EngineStateError: Another engine is alive.
        SettingsError: The cache setting is not known.
    """

    def __init__(
        self,
        base_dir: str | os.PathLike[str],
        pack_dirs: Iterable[str | os.PathLike[str]] = (),
        cache: str = "classic",
        strict_reference: bool = False,
        *,
        keep_queue: bool = False,
        early_cutoff: bool = False,
        pure_workers: int = 0,
    ) -> None:
        self.base_dir = Path(base_dir).absolute()
        self.strict_reference = strict_reference
        self._pack_dirs = [os.path.abspath(folder) for folder in pack_dirs]
        self._cache_setting = cache
        self._options = RunOptions(strict_reference, early_cutoff, pure_workers)
        self.registry = Registry()
        self.history = History()
        self.pack_reports: list[PackReport] = []
        self._cache = make_cache(cache)
        self._listeners = Listeners()
        self._run_lock = threading.Lock()
        self._housekeeping = Housekeeping(self._cache, self._run_lock)
        self._closed = False
        let_idle_threads_sleep()
        self._node_output = NodeOutput(self.emit)
        _claim(self)
        try:
            self.base_dir.mkdir(parents=True, exist_ok=True)
            self.folders = compat.install(self)
        except BaseException:
            _release(self)
            raise
        for folder in self._pack_dirs:
            self.folders.add_model_folder_path("custom_nodes", folder)
        remove_old_temp_files(self.folders.temp_directory)
        self.queue = PromptQueue(self._queue_changed, self._note_wish)
        self._keeper: QueueKeeper | None = None
        hooks = PackHooks(
            compat.run_prompt_handlers,
            compat.run_through_executor,
            self._housekeeping.unload_models,
        )
        self._runner = PromptRunner(
            self.registry, self._cache, self.history, self.emit, hooks, self._options
        )
        self._runs = ExclusiveRuns(
            self._runner, self.queue, self._node_output, self._run_lock, self._load_packs_once
        )
        if keep_queue:
            self._start_keeping(None)

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def closed(self) -> bool:
        """Whether it runs nothing any more."""
        return self._closed

    def close(self) -> None:
        """Stop what runs and take the packs away; closing twice does no harm.

        Raises:
            EngineStateError: A prompt runs on another thread and does not end in 5 seconds.
        """
        if self._closed:
            return
        if self._keeper is not None:
            self._keeper.close()
        self.queue.close()
        self.interrupt()
        if not self._run_lock.acquire(timeout=CLOSE_PATIENCE_S):
            raise EngineStateError("A node is still running, so the engine cannot be closed.")
        try:
            self._closed = True
            self._cache.clear()
            self._leave_process()
        finally:
            self._run_lock.release()

    def successor(self) -> Engine:
        """Give up an engine whose node does not let go, and return one that takes its place.

        The fresh engine has the waiting prompts, the history, the listeners and the folders of
        this one; it has yet to load the packs. The prompt that hangs is told as interrupted.
        Its thread cannot be ended: it keeps a processor busy, and what it holds, until its node
        leaves by itself, which then disturbs nobody. Call this on the thread that runs nodes
        from now on.

        Raises:
            EngineStateError: Nothing runs, so :meth:`close` does; or the engine is closed.
        """
        self._check_open()
        stopped = stop_control.prompt_id
        if stopped is None:
            raise EngineStateError("No prompt is running, so there is nothing to give up.")
        stuck = stop_control.run.node_id()
        if self._keeper is not None:
            self._keeper.close()
        self._closed = True
        stop_control.abandon()
        self._node_output.uninstall()
        self.emit(ExecutionInterruptedEvent(stopped, stuck, None, (), now_ms()))
        self.emit(ExecutingEvent(stopped, None, None))
        listeners, self._listeners = self._listeners, Listeners()
        waiting, paused = self.queue.pending, self.queue.paused
        self.queue.close()
        self._leave_process()
        fresh = Engine(
            self.base_dir,
            self._pack_dirs,
            self._cache_setting,
            self.strict_reference,
            early_cutoff=self._options.early_cutoff,
            pure_workers=self._options.pure_workers,
        )
        fresh._listeners = listeners
        fresh._take_over(self, waiting, paused)
        return fresh

    def _take_over(self, other: Engine, waiting: Sequence[QueueItem], paused: bool) -> None:
        for kind in FOLDER_KINDS:
            name = f"{kind}_directory"
            setattr(self.folders, name, getattr(other.folders, name))
        self.history.take_over(other.history)
        if paused:
            self.queue.pause()
        if other._keeper is not None:
            self._start_keeping(waiting)
        else:
            self.queue.restore(waiting)

    def _leave_process(self) -> None:
        """Take everything away that this engine put where the whole process sees it."""
        self._runner.temp_files.remove(self.folders.temp_directory)
        compat.uninstall()
        _release(self)

    def _start_keeping(self, waiting: Sequence[QueueItem] | None) -> None:
        """Keep the queue on disk.

        Args:
            waiting: The prompts to begin with; None takes those on disk, and pauses if there
                are any.
        """
        keeper = QueueKeeper(Path(self.folders.user_directory) / "queue")
        found = keeper.load()
        if waiting is None:
            waiting = found
            if found:
                self.queue.pause()
        self.queue.restore(waiting)
        keeper.start(self.queue)
        self._keeper = keeper
        keeper.note_change()

    def _queue_changed(self, remaining: int) -> None:
        if self._keeper is not None:
            self._keeper.note_change()
        self.emit(StatusEvent(remaining))

    # Node types

    def load_packs(self, *, custom: bool = True) -> list[PackReport]:
        """Load the built-in nodes, then the node packs; return a report for each pack.

        Args:
            custom: False loads the built-in nodes alone.

        Raises:
            NodePackError: The built-in nodes cannot be loaded.
        """
        self._check_open()
        paths = map(Path, self.folders.get_folder_paths("custom_nodes") if custom else ())
        folders = [folder for folder in paths if folder.is_dir()]
        self.pack_reports = packs.load_packs(self.registry, folders)
        return self.pack_reports

    def set_folder(self, kind: str, path: str | os.PathLike[str]) -> None:
        """Use another folder for results, inputs or temp files; it is made when missing.

        Args:
            kind: ``"output"``, ``"input"`` or ``"temp"``.
            path: The folder. An empty text brings the one in the home folder back.

        Raises:
            EngineStateError: A prompt is running.
            SettingsError: There is no such kind.
            OSError: The folder cannot be made.
        """
        if kind not in FOLDER_KINDS:
            raise SettingsError(f'"{kind}" is no folder. Use "output", "input" or "temp".')
        folder = os.path.abspath(path) if os.fspath(path) else str(self.base_dir / kind)
        if not self._run_lock.acquire(blocking=False):
            raise EngineStateError("A prompt is running; change the folder when it has ended.")
        try:
            os.makedirs(folder, exist_ok=True)
            setattr(self.folders, f"{kind}_directory", folder)
            # Saving nodes read the folder once, when they are made.
            self._cache.forget_instances()
        finally:
            self._run_lock.release()

    def object_info(self, name: str | None = None) -> dict[str, dict[str, Any]]:
        """Describe one node type, or all (E-600 to E-604); an unknown name gives ``{}``."""
        self._load_packs_once()
        return self.registry.object_info(name)

    def _load_packs_once(self) -> None:
        """Load packs when nobody has, and no node type was registered by hand."""
        if not self.registry.classes and not self.pack_reports:
            self.load_packs()

    # Events

    def subscribe(self, callback: EventCallback) -> Callable[[], None]:
        """Call ``callback(event)`` for every event, mostly on the thread that runs nodes.

        Returns:
            A function that ends the subscription.
        """
        return self._listeners.add(callback)

    def emit(self, event: Event) -> None:
        """Tell the listeners; one that fails is logged and does not disturb the others."""
        self._listeners.tell(event)

    # Running

    def run(
        self,
        prompt: Mapping[str, Any],
        *,
        extra_data: Mapping[str, Any] | None = None,
        targets: Sequence[Any] | None = None,
        on_event: EventCallback | None = None,
    ) -> RunResult:
        """Run a prompt now, on this thread, and return what came out. The prompt is copied.

        Args:
            prompt: Node objects by id, in the API format.
            extra_data: What travels with it; ``extra_pnginfo`` goes into saved pictures.
            targets: Ids of output nodes to run, and ``(node id, slot)`` pairs whose Python
                values are wanted in ``results``; None runs every output node.
            on_event: Called with each event of this run.

        Raises:
            EngineStateError: A prompt is running, or the engine is closed.
        """
        item = self._make_item(prompt, extra_data, targets, 0, uuid.uuid4().hex)
        unsubscribe = self.subscribe(on_event) if on_event is not None else None
        try:
            self._check_open()
            return self._runs.run_now(item)
        finally:
            if unsubscribe is not None:
                unsubscribe()

    def submit(
        self,
        prompt: Mapping[str, Any],
        *,
        extra_data: Mapping[str, Any] | None = None,
        targets: Sequence[Any] | None = None,
        number: float | None = None,
        front: bool = False,
        prompt_id: str | None = None,
    ) -> str:
        """Put a copy of a prompt into the queue and return its id; any thread may do so.

        Nothing of it is checked here: validation calls node code, so it happens when the
        prompt's turn comes, and its problems are in the result of :meth:`run_next`.

        Args:
            prompt: Node objects by id, in the API format.
            extra_data: What travels with it.
            targets: As for :meth:`run`.
            number: Its place in the queue; lower is earlier. A counter when left out.
            front: Whether to go before everything that waits (E-541).
            prompt_id: Its id; a new one when left out.
        """
        self._check_open()
        place = self.queue.next_number(number, front)
        item = self._make_item(prompt, extra_data, targets, place, prompt_id or uuid.uuid4().hex)
        self.queue.put(item)
        return item.prompt_id

    def run_next(self, timeout_s: float | None = None) -> RunResult | None:
        """Run the next prompt of the queue on this thread; the loop of a worker calls this.

        Args:
            timeout_s: How long to wait for a prompt; None waits until there is one, or
                somebody wakes or closes the queue.

        Returns:
            What came out, or None when there was no prompt.

        Raises:
            EngineStateError: A node of a running prompt calls this.
        """
        if self._runs.is_on_this_thread:
            raise EngineStateError("A node may not run the queue that it is part of.")
        self._housekeeping.grant()
        item = self.queue.take(timeout_s)
        if item is None:
            self._housekeeping.grant()
            return None
        self._check_open()
        result = self._runs.run_taken(item)
        self._housekeeping.grant()
        self._housekeeping.after_run()
        return result

    def jobs(self, **wanted: Any) -> dict[str, Any]:
        """List what waits, runs and has ended; see :func:`app.engine.execution.jobs.list_jobs`.

        Any thread may ask.

        Raises:
            ValueError: An argument is not understood.
        """
        return list_jobs(self.queue, self.history, **wanted)

    def job(self, prompt_id: str) -> dict[str, Any] | None:
        """Return one job in full (E-564), or None when nothing has that id."""
        return get_job(self.queue, self.history, prompt_id)

    def interrupt(self, prompt_id: str | None = None) -> bool:
        """Stop the running prompt; with an id, only if it is that one (E-532).

        Returns:
            Whether a prompt was running that this concerned.
        """
        return stop_control.request(prompt_id)

    @property
    def stuck(self) -> StuckNode | None:
        """A node that did not leave although it was told to stop, or None.

        It catches ``BaseException`` or sits in C code; :meth:`successor` leaves it behind.
        """
        return stop_control.stuck()

    def free(self, unload_models: bool = False, free_memory: bool = False) -> None:
        """Give memory back; while a prompt runs, this waits for its end (E-543).

        Args:
            unload_models: Let go of all models.
            free_memory: Let go of models and of all kept results.
        """
        if unload_models or free_memory:
            self._housekeeping.wish("unload_models")
        if free_memory:
            self._housekeeping.wish("free_memory")
        self._housekeeping.grant()

    def _note_wish(self, name: str) -> None:
        """Remember what a pack asks of the worker between two prompts (E-543)."""
        self._housekeeping.wish("unload_models", name)
        self.queue.wake()

    def _check_open(self) -> None:
        if self._closed:
            raise EngineStateError("The engine is closed.")

    def _make_item(
        self,
        prompt: Mapping[str, Any],
        extra_data: Mapping[str, Any] | None,
        targets: Sequence[Any] | None,
        number: float,
        prompt_id: str,
    ) -> QueueItem:
        extra = dict(extra_data or {})
        sensitive = {key: extra.pop(key) for key in SENSITIVE_KEYS if key in extra}
        created = extra.setdefault("create_time", now_ms())
        wanted = None if targets is None else tuple(targets)
        return QueueItem(number, prompt_id, copy_prompt(prompt), extra, wanted, sensitive, created)


def _claim(engine: Engine) -> None:
    global _live
    with _live_lock:
        if _live is not None:
            raise EngineStateError(
                "An engine is already running in this program. Close it first: node packs share "
                "names of the whole process, so there can be only one."
            )
        _live = engine


def _release(engine: Engine) -> None:
    global _live
    with _live_lock:
        if _live is engine:
            _live = None
