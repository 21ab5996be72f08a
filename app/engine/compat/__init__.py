"""The host that node packs expect: import names, live objects, and what they stand for.

:func:`install` makes ``import folder_paths``, ``from server import PromptServer``,
``import comfy.utils`` and so on work for one engine; :func:`uninstall` takes all of it away
again. The modules themselves lie under ``host/`` and run under the names that packs know;
nothing imports them by their path in this package.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import Any, Final, TypeVar

from app.engine.compat import session
from app.engine.compat.finder import add_finder, is_host_name, remove_finder
from app.engine.compat.session import HostEngine, HostSession
from app.engine.compat.standins import NotSupportedHereError
from app.engine.errors import EngineStateError, describe
from app.engine.model_folders import ModelFolders
from app.engine.models.replaceable import set_finder
from app.engine.node_types.packs import forget_packs

__all__ = [
    "HostEngine",
    "NotSupportedHereError",
    "install",
    "installed",
    "run_prompt_handlers",
    "run_through_executor",
    "uninstall",
]

log = logging.getLogger("easel.packs")

EXTRA_PATHS_FILE = "extra_model_paths.yaml"
"""File in the home folder that adds folders to the table, when it is there."""

Result = TypeVar("Result")

_replaced: dict[str, ModuleType] = {}


def install(engine: HostEngine, folders: ModelFolders | None = None) -> ModelFolders:
    """Make the host modules importable, speaking for ``engine``.

    It imports none of them: torch and aiohttp are loaded by the first pack that needs them.

    Args:
        engine: Whom they speak for.
        folders: The folder table; one for the engine's home folder when None.

    Returns:
        The folder table.

    Raises:
        EngineStateError: They are installed already, for another engine.
    """
    if session.is_active():
        raise EngineStateError("Another engine is running; close it first.")
    table = folders or ModelFolders(engine.base_dir)
    table.create_missing()
    _read_extra_paths(table)
    session.set_current(HostSession(engine, table))
    _replaced.update(_take_host_modules())
    add_finder()
    set_finder(_seen_by_packs)
    return table


_SEAMS: Final = {
    "attention": ("comfy.ldm.modules.attention", "optimized_attention"),
    "calculate_weight": ("comfy.lora", "calculate_weight"),
}
"""Where packs replace functions that networks call."""


def _seen_by_packs(key: str) -> Any:
    """Return what packs see of one of our functions; None before they could have changed it."""
    module_name, name = _SEAMS[key]
    module = sys.modules.get(module_name)
    return None if module is None else vars(module).get(name)


def uninstall() -> None:
    """Take the host modules and the packs away; ``sys.modules`` is as it was before."""
    if not session.is_active():
        return
    remove_finder()
    set_finder(None)
    forget_packs()
    # Packs may have put something of their own into the place of the server.
    server = getattr(sys.modules.get("server"), "PromptServer", None)
    close = getattr(getattr(server, "instance", None), "close", None)
    if callable(close):
        close()
    _take_host_modules()
    sys.modules.update(_replaced)
    _replaced.clear()
    session.set_current(None)


@contextlib.contextmanager
def installed(engine: HostEngine) -> Iterator[ModelFolders]:
    """Have the host modules installed inside a ``with`` block."""
    folders = install(engine)
    try:
        yield folders
    finally:
        uninstall()


def run_prompt_handlers(json_data: dict[str, Any]) -> dict[str, Any]:
    """Let packs rewrite a prompt before it is validated (E-701).

    Args:
        json_data: ``{"prompt", "extra_data", "client_id", "number", ...}``.

    Returns:
        What the last handler returned; a handler that fails changes nothing.
    """
    server = sys.modules.get("server")
    if server is None:
        return json_data
    result: dict[str, Any] = server.PromptServer.instance.trigger_on_prompt(json_data)
    return result


def run_through_executor(
    run: Callable[[], Result],
    *,
    prompt: dict[str, Any],
    prompt_id: str,
    extra_data: dict[str, Any],
    outputs: Iterable[str],
) -> Result:
    """Run a prompt so that packs which wrapped ``execution.PromptExecutor`` see it (E-742).

    Args:
        run: Runs the prompt; called exactly once.
        prompt: The nodes, for the wrapper.
        prompt_id: Its id.
        extra_data: What travels with it.
        outputs: Ids of the outputs that are to run.
    """
    module = sys.modules.get("execution")
    if module is None or not module.is_wrapped():
        return run()
    answers: list[Result] = []
    started = False

    def run_once() -> None:
        nonlocal started
        started = True
        answers.append(run())

    executor = module.PromptExecutor(sys.modules.get("server"))
    executor.run_with(run_once)
    try:
        executor.execute(prompt, prompt_id, extra_data, list(outputs))
    except Exception as error:
        if started and not answers:
            raise
        log.warning("A node pack's wrapper of the executor failed: %s", describe(error))
    return answers[0] if answers else run()


def _read_extra_paths(folders: ModelFolders) -> None:
    file = os.path.join(folders.base_path, EXTRA_PATHS_FILE)
    if not os.path.isfile(file):
        return
    try:
        folders.load_extra_paths(file)
    except (OSError, ValueError) as error:
        log.warning("The extra model paths are not used: %s", describe(error))


def _take_host_modules() -> dict[str, ModuleType]:
    names = [name for name in sys.modules if is_host_name(name)]
    return {name: sys.modules.pop(name) for name in names}
