"""``easel picture`` draws all 644 workflows of ComfyUI's template package (MIT), subgraphs too.

The package is a test dependency. Many of the node types in it are unknown here, which must not
matter.
"""

from __future__ import annotations

import importlib.util
from collections import Counter
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtGui import QImage

from app.cli.known_types import known_types
from app.engine.workflow.reader import open_workflow
from app.picture import render, run_picture
from app.ui import theme

_PARTS = 14
_SCALE = 0.2


def _template_files() -> list[Path]:
    spec = importlib.util.find_spec("comfyui_workflow_templates_json")
    folders = (spec.submodule_search_locations if spec is not None else None) or []
    return sorted(
        path
        for folder in folders
        for path in Path(folder, "templates").glob("*.json")
        if not path.name.startswith("index") and path.name != "fuse_options.json"
    )


_FILES = _template_files()


@pytest.fixture(autouse=True)
def drawing(qapp):
    theme.load_fonts()


def test_the_parts_are_all_644_templates():
    assert len(_FILES) == 644 == sum(len(_FILES[part::_PARTS]) for part in range(_PARTS))


@pytest.mark.parametrize("part", range(_PARTS))
def test_templates_are_drawn_by_the_command(part, tmp_path, capsys):
    files = _FILES[part::_PARTS]

    code = run_picture([*map(str, files), "-o", str(tmp_path), "--scale", str(_SCALE)])

    told = capsys.readouterr()
    assert (code, told.err) == (0, "")
    assert len(told.out.splitlines()) == len(files)
    for file in files:
        image = QImage(str(tmp_path / f"{file.stem}.png"))
        assert not image.isNull(), file.name
        assert _colors(image) > 8, f"nothing is to be seen of {file.name}"


@pytest.mark.parametrize("part", range(_PARTS))
def test_subgraphs_of_templates_are_drawn(part, tmp_path):
    definitions = known_types(None, str(tmp_path))
    drawn = Counter[str]()

    for file in _FILES[part::_PARTS]:
        workflow = open_workflow(file)
        for key in workflow.subgraphs:
            image = render(workflow, definitions, graph_id=key, scale=_SCALE)
            drawn[file.name] += _colors(image) > 8
        assert drawn[file.name] == len(workflow.subgraphs), file.name
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)

    assert drawn.total() > 10


def _colors(image: QImage) -> int:
    """Return how many colours a small copy of a picture has."""
    small = image.scaled(64, 64)
    return len({small.pixel(x, y) for x in range(64) for y in range(64)})
