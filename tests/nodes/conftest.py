"""Fixtures for the built-in nodes: an engine with its host modules, and ways to call nodes."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from app.engine.engine import Engine


@pytest.fixture(scope="module")
def base_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def engine(base_dir: Path) -> Iterator[Engine]:
    with Engine(base_dir) as engine:
        engine.load_packs()
        yield engine


@pytest.fixture(scope="module")
def nodes(engine: Engine) -> ModuleType:
    return importlib.import_module("nodes")


@pytest.fixture(scope="module")
def definitions(engine: Engine) -> dict[str, dict[str, Any]]:
    return engine.object_info()


@pytest.fixture(scope="module")
def call(nodes: ModuleType) -> Callable[..., Any]:
    """Call a node as the engine would and return its outputs (or its ui dict)."""

    def call(name: str, **arguments: Any) -> Any:
        cls = nodes.NODE_CLASS_MAPPINGS[name]
        if hasattr(cls, "define_schema"):
            output = cls.execute(**arguments)
            return output.result if output.result is not None else {"ui": output.ui}
        return getattr(cls(), cls.FUNCTION)(**arguments)

    return call
