"""The workflows of ComfyUI's template package (MIT): packed, their slots moved, unpacked, undone.

The package is a test dependency; where it is not installed these tests are skipped.
"""

from __future__ import annotations

import importlib.util
import random
from pathlib import Path

import pytest
from subgraph_tools import prompt_of, without
from workflow_tools import Desk, content

from app.engine.workflow.edits.subgraphs import create_subgraph, move_input, unpack_subgraph
from app.engine.workflow.model import Mode
from app.engine.workflow.reader import open_workflow


def _files() -> list[Path]:
    spec = importlib.util.find_spec("comfyui_workflow_templates_json")
    folders = (spec.submodule_search_locations if spec is not None else None) or []
    return sorted(
        path
        for folder in folders
        for path in Path(folder, "templates").glob("*.json")
        if not path.name.startswith("index") and path.name != "fuse_options.json"
    )


_FILES = _files()


@pytest.mark.skipif(not _FILES, reason="the template package is not installed")
@pytest.mark.parametrize("number", range(0, len(_FILES), 3))
def test_a_template_is_packed_edited_unpacked_and_undone(number):
    desk = Desk(open_workflow(_FILES[number]))
    start = content(desk.workflow)
    chance = random.Random(number)
    off = (Mode.MUTED, Mode.BYPASSED)
    keys = [k for k, n in desk.bound.nodes.items() if not (n.subgraph and n.node.mode in off)]
    if not keys:
        pytest.skip("nothing in it can be packed")
    before = prompt_of(desk)

    patch, host = create_subgraph(*desk.both, chance.sample(keys, chance.randint(1, len(keys))))
    desk.do(patch)
    assert prompt_of(desk, without(host)) == before
    for kind in list(desk.workflow.subgraphs)[:2]:
        if len(desk.workflow.subgraphs[kind].raw["inputs"]) > 1:
            desk.do(move_input(*desk.both, 0, 1, subgraph=kind))
    assert prompt_of(desk, without(host)) == before
    desk.do(unpack_subgraph(*desk.both, host)[0])
    assert desk.differences() == []

    while desk.inverses:
        desk.undo()
    assert content(desk.workflow) == start
