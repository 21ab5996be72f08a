"""Finding, importing and reporting node packs; a broken pack stays alone (E-090 to E-097).

A pack is a Python file, or a folder with ``__init__.py``, directly inside a folder of packs.
The built-in ``nodes`` package is loaded first, like a pack; its classes cannot be replaced
by the mappings of others.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import inspect
import logging
import os
import sys
import threading
import time
import tomllib
import traceback
from collections.abc import Collection, Coroutine, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

from app.engine.errors import NodePackError, describe
from app.engine.node_types import v3
from app.engine.node_types.pack_report import FAILED, SKIPPED, PackReport, import_times

if TYPE_CHECKING:
    from app.engine.node_types.registry import Registry

log = logging.getLogger("easel.packs")

Result = TypeVar("Result")

PRESTART_SCRIPT = "prestartup_script.py"


@dataclass(frozen=True, slots=True)
class _Registered:
    """One node type that a pack handed over."""

    name: str
    cls: type


class PackLoader:
    """Loads packs into one registry and remembers what came from where.

    Attributes:
        registry: Where node types go. Its dicts are the ones packs see.
        module_dirs: Folder by pack name; packs see it as ``nodes.LOADED_MODULE_DIRS``.
        web_dirs: Script folder by pack name; packs see it as ``nodes.EXTENSION_WEB_DIRS``.
        core_names: Node types of the built-in pack, which mappings cannot replace.
        reports: One report a pack, in the order they were tried.
        modules: Names the packs' modules have in ``sys.modules``.
    """

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.module_dirs: dict[str, str] = {}
        self.web_dirs: dict[str, str] = {}
        self.core_names: frozenset[str] = frozenset()
        self.reports: list[PackReport] = []
        self.modules: list[str] = []
        self._owners: dict[str, PackReport] = {}

    def load_builtin(self, name: str) -> ModuleType:
        """Import the built-in pack by its module name and make its dicts the registry's.

        Raises:
            NodePackError: It cannot be imported; without it nothing works.
        """
        try:
            module = importlib.import_module(name)
        except Exception as error:
            raise NodePackError(
                f"The built-in nodes cannot be loaded: {describe(error)}",
                pack=name,
                details=traceback.format_exc(),
            ) from error
        classes: dict[str, type] = getattr(module, "NODE_CLASS_MAPPINGS", {})
        titles: dict[str, str] = getattr(module, "NODE_DISPLAY_NAME_MAPPINGS", {})
        self.registry.classes.update(classes)
        self.registry.display_names.update(titles)
        shared: dict[str, Any] = {
            "NODE_CLASS_MAPPINGS": self.registry.classes,
            "NODE_DISPLAY_NAME_MAPPINGS": self.registry.display_names,
            "EXTENSION_WEB_DIRS": self.web_dirs,
            "LOADED_MODULE_DIRS": self.module_dirs,
            "load_custom_node": self.load_custom_node,
        }
        for attribute, value in shared.items():
            setattr(module, attribute, value)
        self.core_names = frozenset(self.registry.classes)
        return module

    async def load_all(self, paths: Iterable[str], skip: Collection[str] = ()) -> None:
        """Load packs one after the other; those named in ``skip`` are only reported."""
        for path in paths:
            name = os.path.basename(path)
            if name in skip:
                self.reports.append(PackReport(name, path, status=SKIPPED))
            else:
                await self.load_custom_node(path, self.core_names)

    async def load_custom_node(
        self,
        module_path: str,
        ignore: Collection[str] = frozenset(),
        module_parent: str = "custom_nodes",
    ) -> bool:
        """Import one pack and register its node types.

        Args:
            module_path: A Python file, or a folder with ``__init__.py``.
            ignore: Node types that are not taken from its mappings.
            module_parent: First part of the ``python_module`` its nodes show.

        Returns:
            Whether it brought node types.
        """
        path = os.path.abspath(module_path)
        name = os.path.basename(path)
        if os.path.isfile(path):
            name = os.path.splitext(name)[0]
        report = PackReport(name, path)
        self.reports.append(report)
        before = dict(self.registry.classes)
        routes = declared_routes()
        started = time.perf_counter()
        try:
            module = self._import(path, name)
            await self._register(module, report, ignore, module_parent)
        except KeyboardInterrupt:
            raise
        # Third-party code: packs raise anything at all, and some call sys.exit.
        except BaseException as error:  # noqa: BLE001
            _describe_failure(report, error)
        report.seconds = time.perf_counter() - started
        self._note_direct_writes(report, before)
        report.routes = tuple(declared_routes()[len(routes) :])
        report.scan_scripts()
        if report.status == FAILED:
            log.warning(
                "Cannot import the node pack %s: %s\n%s", path, report.error, report.traceback
            )
            return False
        return True

    def _import(self, path: str, name: str) -> ModuleType:
        module_name, file = module_location(path)
        spec = importlib.util.spec_from_file_location(module_name, file)
        if spec is None or spec.loader is None:
            raise ImportError(f'"{path}" is not a Python module')
        module = importlib.util.module_from_spec(spec)
        sys.modules[module_name] = module
        self.modules.append(module_name)
        self.module_dirs[name] = path if os.path.isdir(path) else os.path.dirname(path)
        try:
            spec.loader.exec_module(module)
        except BaseException:
            # Other packs look through sys.modules; half a module must not be found there.
            sys.modules.pop(module_name, None)
            raise
        return module

    async def _register(
        self, module: ModuleType, report: PackReport, ignore: Collection[str], parent: str
    ) -> None:
        self._find_web_directory(module, report)
        mappings = getattr(module, "NODE_CLASS_MAPPINGS", None)
        if mappings is not None:
            found = [_Registered(key, cls) for key, cls in mappings.items()]
            titles = getattr(module, "NODE_DISPLAY_NAME_MAPPINGS", None) or {}
        elif hasattr(module, "comfy_entrypoint"):
            found, titles = await _ask_extension(module.comfy_entrypoint)
        else:
            raise NodePackError(
                "it has neither NODE_CLASS_MAPPINGS nor comfy_entrypoint", pack=report.name
            )
        for node in found:
            if node.name in ignore:
                report.warnings.append(
                    f'"{node.name}" is a built-in node and stays; the one of the pack '
                    f'"{report.name}" is left out.'
                )
            else:
                self._add(node, report, f"{parent}.{report.name}")
        self.registry.display_names.update(titles)
        report.nodes = tuple(node.name for node in found if node.name not in ignore)

    def _add(self, node: _Registered, report: PackReport, module: str) -> None:
        self._note_clash(node.name, report)
        is_core = any(self.registry.classes.get(core) is node.cls for core in self.core_names)
        self.registry.classes[node.name] = node.cls
        self._owners[node.name] = report
        if not is_core:
            try:
                node.cls.RELATIVE_PYTHON_MODULE = module  # type: ignore[attr-defined]
            except (AttributeError, TypeError) as error:
                report.warnings.append(f'"{node.name}" is not a usable class: {describe(error)}.')

    def _note_clash(self, name: str, report: PackReport) -> None:
        owner = self._owners.get(name)
        if owner is not None and owner is not report:
            text = (
                f'"{name}" comes with two packs; the one of "{report.name}" is used, '
                f'the one of "{owner.name}" is not.'
            )
            owner.warnings.append(text)
            report.warnings.append(text)
            log.warning(text)

    def _note_direct_writes(self, report: PackReport, before: Mapping[str, type]) -> None:
        """Find node types that the pack put into ``nodes.NODE_CLASS_MAPPINGS`` by itself."""
        known = set(report.nodes)
        direct = [
            name
            for name, cls in self.registry.classes.items()
            if name not in known and before.get(name) is not cls
        ]
        for name in direct:
            if name in self.core_names:
                report.warnings.append(
                    f'The built-in node "{name}" is replaced by the pack "{report.name}".'
                )
            self._note_clash(name, report)
            self._owners[name] = report
        report.nodes += tuple(direct)

    def _find_web_directory(self, module: ModuleType, report: PackReport) -> None:
        folder = self.module_dirs.get(report.name, "")
        relative, name = _web_from_pyproject(os.path.join(folder, "pyproject.toml"))
        if not relative:
            relative, name = getattr(module, "WEB_DIRECTORY", None) or "", ""
        if relative:
            path = os.path.abspath(os.path.join(folder, str(relative)))
            if os.path.isdir(path):
                report.web_directory = path
                self.web_dirs[name or report.name] = path


_loader: PackLoader | None = None


def load_packs(
    registry: Registry,
    pack_dirs: Sequence[str | os.PathLike[str]],
    *,
    builtin: str = "nodes",
    skip: Collection[str] = (),
) -> list[PackReport]:
    """Load the built-in nodes and every pack.

    All prestart scripts run first; then the built-in nodes, then the packs.

    Args:
        registry: Where the node types go.
        pack_dirs: Folders of packs. One that has an ``__init__.py`` is itself a pack.
        builtin: Module name of the built-in pack; empty for none.
        skip: Names of packs that are reported as skipped.

    Returns:
        One report a pack, in the order they were tried.

    Raises:
        NodePackError: The built-in nodes cannot be loaded.
    """
    global _loader
    _loader = loader = PackLoader(registry)
    paths = list(find_packs(pack_dirs))
    for path in paths:
        if os.path.basename(path) not in skip:
            run_prestart_script(path)
    if builtin:
        loader.load_builtin(builtin)
    run_coroutine(loader.load_all(paths, skip))
    if loader.reports:
        log.info("%s", import_times(loader.reports))
    return list(loader.reports)


async def load_custom_node(
    module_path: str,
    ignore: Collection[str] = frozenset(),
    module_parent: str = "custom_nodes",
) -> bool:
    """Import one more pack while the program runs; see :meth:`PackLoader.load_custom_node`.

    Raises:
        NodePackError: No packs were loaded before, so there is no registry to put it in.
    """
    if _loader is None:
        raise NodePackError("Node packs are not loaded yet.", pack=str(module_path))
    return await _loader.load_custom_node(module_path, ignore, module_parent)


def forget_packs() -> None:
    """Take the modules of all packs out of ``sys.modules``; the engine calls it when it closes."""
    global _loader
    if _loader is None:
        return
    prefixes = tuple(name + "." for name in _loader.modules)
    for name in list(sys.modules):
        if name in _loader.modules or (prefixes and name.startswith(prefixes)):
            del sys.modules[name]
    _loader = None


def find_packs(folders: Iterable[str | os.PathLike[str]]) -> Iterator[str]:
    """Yield the path of every pack, in the order the system lists them (E-090)."""
    seen: set[str] = set()
    for folder in folders:
        root = os.path.abspath(folder)
        if os.path.isfile(os.path.join(root, "__init__.py")):
            candidates = [root]
        elif os.path.isdir(root):
            candidates = [os.path.join(root, name) for name in os.listdir(root)]
        else:
            log.warning("The folder of node packs %s does not exist.", root)
            continue
        for path in candidates:
            name = os.path.basename(path)
            is_pack = os.path.isdir(path) or name.endswith(".py")
            if is_pack and name != "__pycache__" and not name.endswith(".disabled"):
                real = os.path.realpath(path)
                if real not in seen:
                    seen.add(real)
                    yield path


def run_prestart_script(path: str) -> None:
    """Run a pack's ``prestartup_script.py``; a failure is logged and the pack goes on (E-091)."""
    script = os.path.join(path, PRESTART_SCRIPT)
    if not os.path.isfile(script):
        return
    try:
        spec = importlib.util.spec_from_file_location(os.path.splitext(script)[0], script)
        if spec is not None and spec.loader is not None:
            spec.loader.exec_module(importlib.util.module_from_spec(spec))
    except KeyboardInterrupt:
        raise
    # Third-party code, as in load_custom_node.
    except BaseException as error:  # noqa: BLE001
        log.warning("The prestart script %s failed: %s", script, describe(error))


def module_location(path: str) -> tuple[str, str]:
    """Return the name a pack has in ``sys.modules``, and the file that is executed."""
    if os.path.isdir(path):
        return path.replace(".", "_x_"), os.path.join(path, "__init__.py")
    return os.path.splitext(path)[0], path


def declared_routes() -> list[str]:
    """Return the web routes that packs have declared so far, such as ``"GET /pack/list"``.

    They are read from the host module ``server``; without it there are none.
    """
    server = getattr(sys.modules.get("server"), "PromptServer", None)
    routes = getattr(getattr(server, "instance", None), "declared_routes", None)
    return list(routes()) if callable(routes) else []


def run_coroutine(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine to its end, also where a loop already runs in this thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    results: list[Result] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            results.append(asyncio.run(coroutine))
        except BaseException as error:  # noqa: BLE001 - handed to the caller's thread below
            errors.append(error)

    thread = threading.Thread(target=work, name="easel-packs")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


async def _ask_extension(entrypoint: Any) -> tuple[list[_Registered], dict[str, str]]:
    """Ask a V3 pack's entry point for its node types and titles (E-092)."""
    extension = entrypoint()
    if inspect.isawaitable(extension):
        extension = await extension
    if not isinstance(extension, v3.ComfyExtension):
        raise NodePackError(
            f"comfy_entrypoint returned {type(extension).__name__}, not a ComfyExtension", pack=""
        )
    await extension.on_load()
    classes = await extension.get_node_list()
    if not isinstance(classes, list):
        raise NodePackError(f"get_node_list returned {type(classes).__name__}, not a list", pack="")
    found = []
    titles = {}
    for cls in classes:
        if not v3.is_v3(cls):
            raise NodePackError(f"get_node_list holds {cls!r}, not a V3 node class", pack="")
        schema = cls.GET_SCHEMA()
        found.append(_Registered(schema.node_id, cls))
        if schema.display_name is not None:
            titles[schema.node_id] = schema.display_name
    return found, titles


def _describe_failure(report: PackReport, error: BaseException) -> None:
    report.status = FAILED
    report.error = str(error) if isinstance(error, NodePackError) else describe(error)
    if isinstance(error, ModuleNotFoundError):
        report.missing_module = error.name or ""
    if not isinstance(error, NodePackError):
        try:
            report.traceback = "".join(traceback.format_exception(error))
        except Exception:  # noqa: BLE001 - the error's own __str__ may fail
            report.traceback = "".join(traceback.format_tb(error.__traceback__))


def _web_from_pyproject(file: str) -> tuple[str, str]:
    """Return ``[tool.comfy] web`` and the project's name; both empty when there is none."""
    try:
        with open(file, "rb") as stream:
            data = tomllib.load(stream)
    except (OSError, tomllib.TOMLDecodeError):
        return "", ""
    web = data.get("tool", {}).get("comfy", {}).get("web")
    name = data.get("project", {}).get("name")
    return (str(web), str(name or "")) if web else ("", "")
