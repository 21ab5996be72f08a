"""Makes ``import comfy.utils`` and its like find our host modules, before anything else.

The files under ``host/`` run under the names that packs know, so each engine gets them
fresh: what a pack changed in them is gone with the engine. Modules that have no file, but
stand on a table, are made of stand-ins.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import app
from app.engine.compat.extras_table import EXTRAS, FUNCTIONS
from app.engine.compat.standin_table import CORE_NODES, STAND_INS
from app.engine.compat.standins import stand_in

HOST_FOLDER: Final = Path(__file__).parent / "host"
BUILTIN_PACK: Final = Path(app.__file__).parents[1] / "nodes" / "__init__.py"

ROOTS: Final = frozenset(
    {
        "comfy",
        "comfy_api",
        "comfy_execution",
        "comfy_extras",
        "comfyui_version",
        "execution",
        "folder_paths",
        "latent_preview",
        "node_helpers",
        "nodes",
        "server",
    }
)
"""First parts of all host names."""


def is_host_name(name: str) -> bool:
    """Tell whether a module name belongs to the host."""
    return name.partition(".")[0] in ROOTS


def _table_packages() -> frozenset[str]:
    found: set[str] = set()
    for name in STAND_INS:
        parts = name.split(".")
        found.update(".".join(parts[:length]) for length in range(1, len(parts)))
    return frozenset(found)


MODULE_ALIASES: Final = {"execution.nodes": "nodes"}
"""Host modules that packs reach as an attribute of another."""

LATE_PARTS: Final = {"comfy.samplers": "comfy._sampling"}
"""Where the names of a module lie that are loaded with the first use of one of them."""

_TABLE_PACKAGES: Final = _table_packages()
_EXTRA_MODULES: Final = {f"comfy_extras.{name}": set(EXTRAS[name].split()) for name in EXTRAS}


class HostFinder(importlib.abc.MetaPathFinder):
    """Finds host modules by name."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        """Return where a host module comes from; None for other names."""
        if not is_host_name(fullname):
            return None
        if fullname == "nodes":
            return _file_spec(fullname, BUILTIN_PACK)
        file = HOST_FOLDER.joinpath(*fullname.split("."))
        if (file / "__init__.py").is_file():
            return _file_spec(fullname, file / "__init__.py")
        if file.with_suffix(".py").is_file():
            return _file_spec(fullname, file.with_suffix(".py"))
        if fullname in STAND_INS or fullname in _EXTRA_MODULES or fullname in _TABLE_PACKAGES:
            return importlib.machinery.ModuleSpec(
                fullname, _EmptyLoader(), is_package=fullname in _TABLE_PACKAGES
            )
        return None


class _HostLoader(importlib.machinery.SourceFileLoader):
    """Runs a host file, then lets missing names be answered from the tables."""

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__["__getattr__"] = missing_name_lookup(module.__name__)
        super().exec_module(module)


class _EmptyLoader(importlib.abc.Loader):
    """Makes a module that has nothing but what the tables know."""

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__["__getattr__"] = missing_name_lookup(module.__name__)


def _file_spec(name: str, file: Path) -> importlib.machinery.ModuleSpec | None:
    is_package = file.name == "__init__.py"
    return importlib.util.spec_from_file_location(
        name,
        file,
        loader=_HostLoader(name, str(file)),
        submodule_search_locations=[str(file.parent)] if is_package else None,
    )


def missing_name_lookup(module_name: str) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a host module.

    It answers, in this order, with a submodule, a helper of ours, a class of the built-in
    pack, or a stand-in; other names raise AttributeError, because packs probe for them.
    """

    def lookup(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module {module_name!r} has no attribute {name!r}")
        full = f"{module_name}.{name}"
        if full in MODULE_ALIASES:
            return importlib.import_module(MODULE_ALIASES[full])
        if full in FUNCTIONS:
            return getattr(importlib.import_module(FUNCTIONS[full]), name)
        if module_name in LATE_PARTS and _add_late_part(module_name, name):
            return vars(sys.modules[module_name])[name]
        if module_name != "nodes" and _FINDER.find_spec(full) is not None:
            return importlib.import_module(full)
        if module_name == "nodes" or module_name in _EXTRA_MODULES:
            found = builtin_class(name)
            if found is not None:
                return found
        known = CORE_NODES if module_name == "nodes" else _known_names(module_name)
        if name not in known:
            raise AttributeError(f"module {module_name!r} has no attribute {name!r}")
        made = stand_in(full)
        setattr(sys.modules[module_name], name, made)
        return made

    return lookup


def _add_late_part(module_name: str, name: str) -> bool:
    """Put the late names of a module into it; tell whether ``name`` is there now."""
    module = sys.modules[module_name]
    part = importlib.import_module(LATE_PARTS[module_name])
    for late in part.__all__:
        # What a pack has put there stays.
        vars(module).setdefault(late, getattr(part, late))
    return name in vars(module)


def _known_names(module_name: str) -> frozenset[str] | set[str]:
    return STAND_INS.get(module_name) or _EXTRA_MODULES.get(module_name) or frozenset()


def builtin_class(name: str) -> type | None:
    """Return a class of the built-in pack by its node type or by its Python name."""
    # Not getattr: while the pack is being imported, that would ask this lookup again.
    module = sys.modules.get("nodes") or importlib.import_module("nodes")
    # While the built-in pack is being imported it has no mappings yet.
    mappings: dict[str, type] = vars(module).get("NODE_CLASS_MAPPINGS") or {}
    found = mappings.get(name)
    if found is None:
        found = next((cls for cls in mappings.values() if cls.__name__ == name), None)
    # A pack's class must not be served as if it were the host's.
    return found if found is not None and found.__module__.startswith("nodes.") else None


_FINDER: Final = HostFinder()


def add_finder() -> None:
    """Put the finder in front of all others."""
    if _FINDER not in sys.meta_path:
        sys.meta_path.insert(0, _FINDER)


def remove_finder() -> None:
    """Take the finder away."""
    if _FINDER in sys.meta_path:
        sys.meta_path.remove(_FINDER)
