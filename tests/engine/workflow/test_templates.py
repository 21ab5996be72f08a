"""The 644 workflows of ComfyUI's template package (MIT): open, bind, convert, come back equal.

The package is a test dependency. Many of the node types in it are unknown here, which must not
matter. That all of them are drawn is in ``tests/test_picture_templates.py``.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
from workflow_tools import content, sample_definitions

from app.engine.workflow.bind import bind_graph
from app.engine.workflow.diff import diff_workflows
from app.engine.workflow.reader import open_workflow
from app.engine.workflow.requirements import missing_models, missing_node_types
from app.engine.workflow.to_prompt import convert


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


def _spelled(data: bytes) -> str:
    return json.dumps(json.loads(data, parse_constant=lambda _: None))


def test_all_644_templates_are_there():
    assert len(_FILES) == 644, "comfyui-workflow-templates-json==0.1.123 is not installed"


@pytest.mark.parametrize("path", _FILES, ids=lambda path: path.stem)
def test_a_template_opens_binds_converts_and_comes_back_equal(path):
    workflow = open_workflow(path)

    for graph in workflow.graphs():
        bound = bind_graph(workflow, graph, sample_definitions())
        assert set(graph.nodes) <= set(bound.nodes)
    conversion = convert(workflow, sample_definitions(), first_choice=True)
    missing = {item.type for item in missing_node_types(workflow, sample_definitions())}

    assert _spelled(content(workflow)) == _spelled(path.read_bytes())
    unnamed = [entry for entry in conversion.prompt.values() if "class_type" not in entry]
    # A type without a definition leaves a nameless entry in the prompt and is told as missing.
    assert not unnamed or missing


def test_missing_types_and_models_of_all_templates_are_told():
    types: dict[str, str] = {}
    models = set()
    for path in _FILES:
        workflow = open_workflow(path)
        types |= {i.type: i.source for i in missing_node_types(workflow, sample_definitions())}
        models |= {(m.folder, m.name) for m in missing_models(workflow, lambda kind: ())}

    assert len(types) > 100
    assert sum(bool(source) for source in types.values()) > 200
    assert len(models) > 200
    assert all(folder and name for folder, name in models)


@pytest.mark.parametrize("path", _FILES[::40], ids=lambda path: path.stem)
def test_a_template_without_definitions_is_equal_to_itself(path):
    assert diff_workflows(open_workflow(path), open_workflow(path)).is_same
