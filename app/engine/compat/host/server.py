"""``server``: what stands where packs expect a web server.

Routes are recorded, messages go to the engine's listeners, and prompt handlers are called
for every run; there is no socket.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import inspect
import io
import logging
import struct
import threading
import uuid
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from app.engine.compat import session
from app.engine.compat.routes import make_routes, route_names
from app.engine.compat.standins import stand_in
from app.engine.errors import describe
from app.engine.events import CustomEvent, Event, PreviewEvent, ProgressTextEvent, StatusEvent
from app.engine.execution.context import get_executing_context
from app.engine.execution.previews import preview_to_rgb
from app.engine.execution.progress import get_progress_state

try:
    from aiohttp import web
except ImportError:  # packs that declare routes need aiohttp; the others do not
    web = None  # type: ignore[assignment]

__all__ = ["BinaryEventTypes", "PromptServer", "uuid", "web"]

log = logging.getLogger("easel.packs")

PromptHandler = Callable[[dict[str, Any]], dict[str, Any]]

LOCAL_CLIENT = "easel"
"""The client that every prompt of this program belongs to."""

_CLOSE_PATIENCE_S = 2.0


class BinaryEventTypes(enum.IntEnum):
    """Numbers of the messages that carry bytes (E-520)."""

    PREVIEW_IMAGE = 1
    UNENCODED_PREVIEW_IMAGE = 2
    TEXT = 3
    PREVIEW_IMAGE_WITH_METADATA = 4


class PromptServer:
    """The one object that packs know as the host; they also hang attributes of their own on it.

    Attributes:
        routes: Decorators ``get``, ``post``, ... that record handlers.
        app: An aiohttp application that nobody serves, or None without aiohttp.
        client_id: The client of the running prompt.
        supports: Words that packs add to.
        number: A counter that packs increase.
        prompt_queue: The queue under the names packs know.
        user_manager: A stand-in.
        messages: A queue that nobody reads.
    """

    instance: ClassVar[PromptServer]

    def __init__(self) -> None:
        PromptServer.instance = self
        self.routes: Any = make_routes(web)
        self.app: Any = web.Application() if web is not None else None
        self.client_id: str | None = LOCAL_CLIENT
        self.supports: list[str] = ["custom_nodes_from_web"]
        self.number = 0
        self.address = "127.0.0.1"
        self.port = 8188
        self.sockets: dict[str, Any] = {}
        self.sockets_metadata: dict[str, dict[str, Any]] = {}
        self.user_manager: Any = stand_in("server.PromptServer.user_manager")
        self.messages: asyncio.Queue[Any] = asyncio.Queue()
        self.on_prompt_handlers: list[PromptHandler] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loop_thread: threading.Thread | None = None
        self._loop_lock = threading.Lock()
        self._last: dict[str, str | None] = {}
        self._queue: Any = None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """A loop that runs on a thread of its own, so that any node may wait for it (E-314)."""
        with self._loop_lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._loop_thread = threading.Thread(
                    target=_drive, args=(self._loop,), name="easel-packs", daemon=True
                )
                self._loop_thread.start()
            return self._loop

    @loop.setter
    def loop(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    @property
    def last_node_id(self) -> str | None:
        """The node that began last."""
        return self._last["node"] if "node" in self._last else get_progress_state().last_node_id

    @last_node_id.setter
    def last_node_id(self, node_id: str | None) -> None:
        self._last["node"] = node_id

    @property
    def last_prompt_id(self) -> str | None:
        """The prompt that began last."""
        if "prompt" in self._last:
            return self._last["prompt"]
        return get_progress_state().prompt_id or None

    @last_prompt_id.setter
    def last_prompt_id(self, prompt_id: str | None) -> None:
        self._last["prompt"] = prompt_id

    @property
    def prompt_queue(self) -> Any:
        """The queue under the names packs know."""
        if self._queue is None:
            import execution

            self._queue = execution.PromptQueue(self)
        return self._queue

    def declared_routes(self) -> list[str]:
        """Return the routes recorded so far, such as ``"GET /pack/list"``."""
        return route_names(self.routes, self.app)

    async def handle(self, method: str, path: str, request: Any) -> Any:
        """Call the handler of a recorded route in process.

        Raises:
            LookupError: No pack has declared that route.
        """
        for route in self.routes:
            if getattr(route, "method", "") == method and getattr(route, "path", "") == path:
                answer = route.handler(request)
                return await answer if inspect.isawaitable(answer) else answer
        raise LookupError(f'No node pack answers "{method} {path}"')

    def add_routes(self) -> None:
        """Hand the routes over to a server; there is none."""

    def add_on_prompt_handler(self, handler: PromptHandler) -> None:
        """Call ``handler`` with every prompt before it is validated."""
        self.on_prompt_handlers.append(handler)

    def trigger_on_prompt(self, json_data: dict[str, Any]) -> dict[str, Any]:
        """Call the prompt handlers in order; one that fails changes nothing."""
        for handler in list(self.on_prompt_handlers):
            try:
                json_data = handler(json_data)
            except Exception as error:  # noqa: BLE001 - a pack's handler must not stop the run
                log.warning("A node pack's prompt handler failed: %s", describe(error))
        return json_data

    def send_sync(self, event: str | int, data: Any, sid: str | None = None) -> None:
        """Send a message to the window; may be called from any thread."""
        self._emit(to_event(event, data, sid))

    async def send(self, event: str | int, data: Any, sid: str | None = None) -> None:
        """Send a message to the window."""
        self.send_sync(event, data, sid)

    send_json = send
    send_bytes = send

    def send_progress_text(self, text: str | bytes, node_id: str, sid: str | None = None) -> None:
        """Show a line of text under a node."""
        shown = text.decode("utf-8", errors="replace") if isinstance(text, bytes) else text
        self._emit(ProgressTextEvent(str(node_id), shown))

    def queue_updated(self) -> None:
        """Tell the window that the queue has changed."""
        self._emit(StatusEvent(self.prompt_queue.get_tasks_remaining()))

    def get_queue_info(self) -> dict[str, Any]:
        """Return how many prompts wait or run."""
        return {"exec_info": {"queue_remaining": self.prompt_queue.get_tasks_remaining()}}

    def close(self) -> None:
        """Give back what the object holds; the engine closes."""
        loop, thread = self._loop, self._loop_thread
        self._loop = self._loop_thread = None
        if loop is not None and thread is not None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(loop.stop)
            thread.join(_CLOSE_PATIENCE_S)

    def _emit(self, event: Event) -> None:
        session.current().engine.emit(event)


def _drive(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


def to_event(event: str | int, data: Any, sid: str | None) -> Event:
    """Turn a message of the reference's protocol into one of our events.

    Text messages keep their name. Binary previews become pictures for the running node.
    """
    if isinstance(event, str):
        return CustomEvent(event, data, sid)
    try:
        if event == BinaryEventTypes.TEXT:
            return _text_event(data)
        if event in set(BinaryEventTypes):
            made = _preview_event(event, data)
            if made is not None:
                return made
    except (OSError, ValueError, TypeError, struct.error) as error:
        log.warning("A node pack sent a message that cannot be read: %s", describe(error))
    return CustomEvent(f"binary:{int(event)}", data, sid)


def _text_event(data: bytes) -> ProgressTextEvent:
    (length,) = struct.unpack(">I", data[:4])
    node_id = data[4 : 4 + length].decode("utf-8")
    return ProgressTextEvent(node_id, data[4 + length :].decode("utf-8"))


def _preview_event(event: int, data: Any) -> PreviewEvent | None:
    metadata: Mapping[str, Any] = {}
    if event == BinaryEventTypes.PREVIEW_IMAGE_WITH_METADATA:
        data, metadata = data
    elif event == BinaryEventTypes.PREVIEW_IMAGE:
        from PIL import Image

        # The first four bytes say JPEG or PNG, which the picture itself says too.
        data = Image.open(io.BytesIO(data[4:]))
    picture = preview_to_rgb(tuple(data) if isinstance(data, list) else data)
    if picture is None:
        return None
    context = get_executing_context()
    server = PromptServer.instance
    running = context.node_id if context is not None else server.last_node_id
    node_id = str(metadata.get("node_id") or running or "")
    prompt_id = str(metadata.get("prompt_id") or server.last_prompt_id or "")
    display = str(metadata.get("display_node_id") or node_id)
    rgb, owned = picture
    return PreviewEvent(prompt_id, node_id, display, rgb, owned)


PromptServer()
