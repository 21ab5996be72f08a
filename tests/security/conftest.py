"""An engine with the built-in nodes, and a folder of the artist's for hostile files."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from app.engine.engine import Engine

sys.path.insert(0, str(Path(__file__).parents[1] / "engine" / "models"))


@pytest.fixture(scope="module")
def base_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def engine(base_dir):
    with Engine(base_dir) as engine:
        engine.load_packs()
        yield engine
