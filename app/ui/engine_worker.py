"""The thread that owns the engine, and the doorway through which the window reaches it.

``EngineWorker`` runs on its own ``QThread``: it loads torch after the first paint, makes the
engine, loads the packs and then works through the queue. What the engine reports is collected by
an :class:`EventMailbox` and delivered on the GUI thread by :class:`EngineSignals`, whose signals
bear the names of the ComfyUI protocol. Progress and previews are coalesced: of each node only the
latest is delivered, at most sixty times a second, and one delivery never takes longer than a few
milliseconds.
"""

from __future__ import annotations

import importlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from PySide6.QtCore import QObject, QThread, QTimer, Signal
from PySide6.QtGui import QImage

from app.engine.device import choose_compute, device_facts, load_torch
from app.engine.errors import describe
from app.engine.events import (
    Event,
    LogsEvent,
    PreviewEvent,
    ProgressEvent,
    ProgressStateEvent,
)
from app.engine.node_types.definition_cache import cache_path, save_object_info
from app.ui.widget_modules import WidgetModule, read_widget_modules

if TYPE_CHECKING:
    from app.engine.engine import Engine

log = logging.getLogger("easel.engine")

FRAME_MS = 16
DRAIN_BUDGET_S = 0.004


@dataclass(frozen=True, slots=True)
class RunFinishedEvent(Event):
    """A prompt is over, whatever came of it; ``result`` is the engine's ``RunResult``."""

    NAME: ClassVar[str] = "run_finished"
    result: Any


class EventMailbox:
    """Holds events between the worker and the window. Thread-safe.

    Progress and previews keep only the latest of each node; everything else keeps its order.

    Args:
        on_filled: Called on the putting thread when the box was empty before.
    """

    def __init__(self, on_filled: Callable[[], None]) -> None:
        self._lock = threading.Lock()
        self._queue: deque[tuple[Any, ...] | None] = deque()
        self._places: dict[Any, list[Any]] = {}
        self._on_filled = on_filled

    def put(self, event: Event, payload: Any = None) -> None:
        """Add an event; ``payload`` replaces it for the receiver (the picture of a preview)."""
        key = _coalescing_key(event)
        with self._lock:
            was_empty = not self._queue
            if key is not None and key in self._places:
                entry = self._places[key]
                entry[0], entry[1] = event, payload
                return
            entry = [event, payload, key]
            if key is None:
                # Keep order around it: later progress must not slip in front.
                self._places.clear()
            else:
                self._places[key] = entry
            self._queue.append(entry)  # type: ignore[arg-type]
        if was_empty:
            self._on_filled()

    def take(self) -> tuple[Event, Any] | None:
        """Remove and return the oldest event, or None when the box is empty."""
        with self._lock:
            if not self._queue:
                return None
            event, payload, key = self._queue.popleft()  # type: ignore[misc]
            if key is not None and self._places.get(key, (None,))[0] is event:
                del self._places[key]
            return event, payload


def _coalescing_key(event: Event) -> Any:
    if isinstance(event, ProgressEvent):
        return ("progress", event.prompt_id, event.node)
    if isinstance(event, PreviewEvent):
        return ("preview", event.prompt_id, event.node_id)
    if isinstance(event, ProgressStateEvent) and len(event.nodes) == 1:
        return ("state", event.prompt_id, event.nodes[0].node_id)
    return None


class EngineSignals(QObject):
    """Delivers the engine's events on the GUI thread, as signals with the protocol's names.

    Each signal carries the event object of :mod:`app.engine.events`, except ``b_preview``, which
    carries the event and a ``QImage`` in RGB32.
    """

    status = Signal(object)
    execution_start = Signal(object)
    execution_cached = Signal(object)
    executing = Signal(object)
    progress = Signal(object)
    progress_state = Signal(object)
    executed = Signal(object)
    execution_success = Signal(object)
    execution_error = Signal(object)
    execution_interrupted = Signal(object)
    logs = Signal(object)
    b_preview = Signal(object, QImage)
    progress_text = Signal(object)
    run_finished = Signal(object)
    custom = Signal(object)

    _filled = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.mailbox = EventMailbox(self._filled.emit)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._drain)
        self._filled.connect(self._schedule)

    def put(self, event: Event) -> None:
        """Take an event on the worker's thread."""
        payload = _to_image(event) if isinstance(event, PreviewEvent) else None
        self.mailbox.put(event, payload)

    def drain_all(self) -> None:
        """Deliver everything at once; for tests and for closing."""
        while self._deliver_next():
            pass

    def _schedule(self) -> None:
        if not self._timer.isActive():
            self._timer.start(FRAME_MS)

    def _drain(self) -> None:
        deadline = time.perf_counter() + DRAIN_BUDGET_S
        while self._deliver_next():
            if time.perf_counter() > deadline:
                self._timer.start(FRAME_MS)
                return

    def _deliver_next(self) -> bool:
        item = self.mailbox.take()
        if item is None:
            return False
        event, payload = item
        signal = getattr(self, event.NAME)
        if payload is None:
            signal.emit(event)
        else:
            signal.emit(event, payload)
        return True


def _to_image(event: PreviewEvent) -> QImage:
    """Turn ``(height, width, 3)`` uint8 into an RGB32 image that owns its pixels."""
    import numpy as np

    height, width = event.rgb.shape[:2]
    pixels = np.empty((height, width, 4), np.uint8)
    pixels[..., :3] = event.rgb[..., ::-1]
    pixels[..., 3] = 255
    return QImage(pixels.data, width, height, width * 4, QImage.Format.Format_RGB32).copy()


class EngineWorker(QThread):
    """Owns the engine. All methods are called on the GUI thread; the engine lives on this one.

    Signals:
        ready: The engine works; carries the node definitions by type name.
        definitions_changed: The definitions were read anew.
        packs_loaded: Reports of all node packs.
        widget_modules_found: Compiled window code of packs, a list of ``WidgetModule``.
        device_found: What the engine computes on, a :class:`dict` of facts.
        embeddings_found: Paths of the embeddings by file name.
        failed: The engine could not be started; carries a sentence and details.
    """

    ready = Signal(object)
    definitions_changed = Signal(object)
    packs_loaded = Signal(object)
    widget_modules_found = Signal(object)
    device_found = Signal(object)
    embeddings_found = Signal(object)
    failed = Signal(str, str)

    def __init__(
        self,
        base_dir: Path,
        *,
        pack_dirs: tuple[Path, ...] = (),
        model_dirs: tuple[Path, ...] = (),
        cache: str = "classic",
        load_packs: bool = True,
        keep_queue: bool = False,
        early_cutoff: bool = False,
        pure_workers: int = 0,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("engine")
        self.signals = EngineSignals(self)
        self._base_dir = base_dir
        self._pack_dirs = pack_dirs
        self._model_dirs = model_dirs
        self._cache = cache
        self._load_packs = load_packs
        self._keep_queue = keep_queue
        self._early_cutoff = early_cutoff
        self._pure_workers = pure_workers
        self._saves_workflow = True
        self._previews = "auto"
        self._heir: _Heir | None = None
        self._engine: Engine | None = None
        self._closing = threading.Event()
        self._calls: deque[Callable[[Engine], None]] = deque()

    @property
    def engine(self) -> Engine | None:
        """The engine once it is ready. Only its thread-safe methods may be used."""
        return self._engine

    def call(self, function: Callable[[Engine], None]) -> None:
        """Run ``function(engine)`` on the worker's thread between two prompts."""
        self._calls.append(function)
        if self._engine is not None:
            self._engine.queue.wake()

    def device_facts(self) -> dict[str, Any]:
        """Return what the engine computes on, and memory in bytes. Any thread may ask."""
        return device_facts()

    def set_metadata(self, saves_workflow: bool) -> None:
        """Let pictures that are saved from now on carry their workflow, or not."""
        self._saves_workflow = saves_workflow
        if self._engine is not None:
            self._apply_metadata()

    def set_previews(self, method: str) -> None:
        """Choose how pictures are shown while they are sampled, such as ``"auto"``."""
        self._previews = method
        if self._engine is not None:
            self._apply_previews()

    def set_compute(self, device: str, fast_cpu: bool, budget_gb: float) -> None:
        """Choose how models compute; see :func:`app.engine.device.choose_compute`.

        Models and kept results go before the next run when they would differ.
        """
        if choose_compute(device, fast_cpu, budget_gb) and self._engine is not None:
            self.call(lambda engine: engine.free(unload_models=True, free_memory=True))

    def _apply_metadata(self) -> None:
        """Set the flag under the name that nodes and packs ask; any thread may."""
        importlib.import_module("comfy.cli_args").args.disable_metadata = not self._saves_workflow

    def _apply_previews(self) -> None:
        """Tell the module that sampling nodes ask; any thread may."""
        importlib.import_module("latent_preview").set_default_preview_method(self._previews)

    def refresh_definitions(self) -> None:
        """Read the choices of all nodes anew (model lists, files)."""

        def read(engine: Engine) -> None:
            self.definitions_changed.emit(engine.registry.definitions())
            self.embeddings_found.emit(_embeddings(engine))

        self.call(read)

    def restart(self) -> None:
        """Leave a node that does not let go behind: a fresh engine on another thread takes over.

        Queue, history and listeners go along; the thread of the stuck node cannot be ended and
        stays until its node leaves by itself.
        """
        engine = self._engine
        if engine is not None and engine.stuck is not None:
            self._engine = None
            self._heir = _Heir(self, engine)
            self._heir.start()

    def close(self, timeout_ms: int = 5000) -> bool:
        """Stop what runs and end the threads; False when a node does not let go."""
        self._closing.set()
        engine = self._engine
        if engine is not None:
            engine.interrupt()
            engine.queue.wake()
        if self._heir is not None and not self._heir.wait(timeout_ms):
            return False
        return self.wait(timeout_ms if self._heir is None else 0)

    def run(self) -> None:
        """Load torch and the packs, then work through the queue until closed."""
        try:
            load_torch()
            engine = self._start_engine()
        except Exception as error:  # the thread's main loop: report, never die silently
            log.exception("The engine could not be started")
            self.failed.emit("The engine could not be started.", describe(error))
            return
        unsubscribe = engine.subscribe(self.signals.put)
        try:
            self.serve(engine)
        finally:
            unsubscribe()

    def serve(self, engine: Engine) -> None:
        """Tell the window about an engine and work through its queue; on an engine's thread."""
        try:
            self._engine = engine
            self.ready.emit(engine.registry.definitions())
            self.packs_loaded.emit(list(engine.pack_reports))
            self.widget_modules_found.emit(_widget_modules(engine))
            self.device_found.emit(device_facts())
            self.embeddings_found.emit(_embeddings(engine))
            save_object_info(cache_path(self._base_dir), engine.object_info())
            self._work(engine)
        finally:
            if self._engine is engine:
                self._engine = None
            engine.close()

    def _start_engine(self) -> Engine:
        from app.engine.engine import Engine

        engine = Engine(
            self._base_dir,
            pack_dirs=self._pack_dirs,
            cache=self._cache,
            keep_queue=self._keep_queue,
            early_cutoff=self._early_cutoff,
            pure_workers=self._pure_workers,
        )
        self.prepare(engine)
        return engine

    def prepare(self, engine: Engine) -> None:
        """Give an engine its folders and packs; on an engine's thread.

        Raises:
            NodePackError: The built-in nodes cannot be loaded; the engine is closed.
        """
        try:
            for folder in self._model_dirs:
                engine.folders.add_models_folder(folder)
            engine.load_packs(custom=self._load_packs)
            self._apply_metadata()
            self._apply_previews()
        except BaseException:
            engine.close()
            raise

    def _work(self, engine: Engine) -> None:
        while not self._closing.is_set() and not engine.closed:
            try:
                while self._calls:
                    self._calls.popleft()(engine)
                result = engine.run_next(timeout_s=1.0)
                if result is not None:
                    self.signals.put(RunFinishedEvent(result))
            except Exception as error:  # the thread's main loop: it must outlive everything
                log.exception("The engine's loop met an error")
                self.signals.put(LogsEvent(describe(error), level="error"))


class _Heir(QThread):
    """The thread that goes on when a node on the first one does not let go."""

    def __init__(self, worker: EngineWorker, stuck: Engine) -> None:
        super().__init__(worker)
        self.setObjectName("engine (restarted)")
        self._worker = worker
        self._stuck = stuck

    def run(self) -> None:
        """Take over, load the packs, and work."""
        try:
            engine = self._stuck.successor()
            self._worker.prepare(engine)
        except Exception as error:  # the thread's main loop: report, never die silently
            log.exception("The engine could not be restarted")
            self._worker.failed.emit("The engine could not be restarted.", describe(error))
            return
        self._worker.serve(engine)


def _embeddings(engine: Engine) -> dict[str, str]:
    """Return the paths of the artist's embeddings by file name."""
    paths = {}
    for name in engine.folders.get_filename_list("embeddings"):
        path = engine.folders.get_full_path("embeddings", name)
        if path is not None:
            paths[name] = str(path)
    return paths


def _widget_modules(engine: Engine) -> list[WidgetModule]:
    loaded = [report for report in engine.pack_reports if report.status == "loaded"]
    return read_widget_modules((report.name, report.path) for report in loaded)
