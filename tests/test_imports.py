"""What importing a module loads, seen in fresh interpreters (decisions 3 and 16)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = ("torch", "numpy", "PIL", "yaml", "aiohttp", "scipy", "safetensors")
QT = ("PySide6", "shiboken6", "qasync")

HOST = "app/engine/compat/host"
"""Files that run under names of their own while an engine is alive, and only then."""

# Imports the modules one after the other and notes which of them first loaded what. With a
# home folder it starts an engine first, which loads the built-in nodes.
PROBE = """
import importlib, json, sys
home, unwanted, names = sys.argv[1], set(sys.argv[2].split(",")), sys.argv[3:]
blame = {}
def look(name):
    for found in sorted(unwanted & sys.modules.keys()):
        blame.setdefault(found, name)
if home:
    from app.engine import Engine
    engine = Engine(home)
    engine.load_packs()
    look("Engine.load_packs")
for name in names:
    importlib.import_module(name)
    look(name)
if home:
    engine.close()
print(json.dumps(blame))
"""


def modules_below(*folders: str, root: Path = ROOT) -> list[str]:
    """Return the dotted names of all modules below ``folders``, sorted."""
    found = []
    for folder in folders:
        for path in sorted((root / folder).rglob("*.py")):
            if ROOT / HOST in path.parents and root == ROOT:
                continue
            parts = path.relative_to(root).with_suffix("").parts
            found.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return [name for name in found if name]


def loaded_by(
    names: Iterable[str], unwanted: Iterable[str], home: Path | None = None
) -> dict[str, str]:
    """Return, for each unwanted module that gets loaded, the name that first loads it.

    Args:
        names: Modules to import, in order.
        unwanted: Modules to look for.
        home: Home folder of an engine to start first, or None for none.
    """
    finished = subprocess.run(
        [sys.executable, "-c", PROBE, str(home or ""), ",".join(unwanted), *names],
        cwd=ROOT,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=80,
    )
    assert finished.returncode == 0, finished.stderr[-2000:]
    blame: dict[str, str] = json.loads(finished.stdout.splitlines()[-1])
    return blame


def test_the_engine_never_loads_qt():
    assert loaded_by(modules_below("app/engine"), QT) == {}


def test_neither_the_built_in_nodes_nor_the_host_of_packs_load_qt(tmp_path):
    names = modules_below(".", root=ROOT / HOST)

    assert loaded_by(names, QT, home=tmp_path) == {}


def test_the_window_loads_nothing_heavy_before_it_is_painted():
    light = [
        "app.engine",
        *(f"app.engine.{name}" for name in ("errors", "events", "files", "settings")),
        "app.engine.node_types.definition",
        *modules_below("app/engine/workflow", "app/widgets", "app/ui"),
    ]

    assert loaded_by(light, HEAVY) == {}


def test_the_command_line_loads_neither_qt_nor_torch_before_it_runs():
    assert loaded_by(["app.headless"], [*QT, *HEAVY]) == {}


@pytest.mark.parametrize("name", ["torch", "PySide6"])
def test_the_probe_sees_what_it_looks_for(name):
    assert loaded_by(["app.engine.errors", name], [name]) == {name: name}
