from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from app.engine import compat
from app.engine.events import Event
from app.engine.node_types.registry import Registry

PACKS = Path(__file__).parents[2] / "data" / "packs"


@pytest.fixture(scope="session")
def sample_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder that has the sample packs in its custom_nodes."""
    home = tmp_path_factory.mktemp("home")
    shutil.copytree(PACKS / "custom_nodes", home / "custom_nodes")
    return home


class FakeEngine(SimpleNamespace):
    """What the host modules need of an engine, and a list of what it was told."""

    def __init__(self, base_dir: Path) -> None:
        super().__init__(base_dir=base_dir, registry=Registry(), queue=None, history=None)
        self.events: list[Event] = []

    def emit(self, event: Event) -> None:
        self.events.append(event)


@pytest.fixture
def make_engine() -> type[FakeEngine]:
    return FakeEngine


@pytest.fixture
def host(tmp_path: Path) -> Iterator[FakeEngine]:
    """Host modules for an empty home folder."""
    engine = FakeEngine(tmp_path)
    with compat.installed(engine):
        yield engine
