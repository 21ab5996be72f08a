"""The rows of the panel agree with what the nodes of real files show (U-196)."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from app.engine.node_types.definition import NodeDefinition
from app.engine.workflow.reader import read_workflow
from app.engine.workflow.subgraphs import host_path
from app.ui.document import WorkflowDocument
from app.ui.subgraph_widgets import subgraph_of, widget_rows

DATA = Path(__file__).parents[1] / "data" / "workflows"


def with_subgraphs():
    """The samples that have subgraph definitions."""
    return [
        path.stem
        for path in sorted((DATA / "open").glob("*.json"))
        if not path.name.endswith(".prompt.json") and b'"subgraphs"' in path.read_bytes()
    ]


@pytest.fixture(scope="module")
def definitions():
    with gzip.open(DATA / "object_info.json.gz") as stream:
        entries = json.load(stream)
    return {name: NodeDefinition.from_object_info(name, info) for name, info in entries.items()}


@pytest.mark.usefixtures("qapp")
@pytest.mark.parametrize("name", with_subgraphs())
def test_u_196_rows_are_what_hosts_show(definitions, name):
    workflow = read_workflow((DATA / "open" / f"{name}.json").read_bytes(), name=name)
    document = WorkflowDocument(workflow, definitions)
    seen = 0
    for graph_id in ["", *workflow.subgraphs]:
        if graph_id and host_path(workflow, graph_id) is None:
            continue
        document.show_graph(graph_id)
        for key, node in document.bound.nodes.items():
            own = subgraph_of(document, [key])
            if not node.subgraph or own != node.subgraph:
                continue
            seen += 1
            rows = widget_rows(document, own)
            assert len({row.key for row in rows}) == len(rows)
            shown = [row.place for row in rows if row.is_shown]
            # One input may feed several widgets inside; the host shows the first of them.
            listed = [widget.source[1:] for widget in node.widgets if widget.source is not None]
            assert [place for place in listed if place in shown] == listed or node.problem
            inputs = [row.input_index for row in rows if row.input_index is not None]
            assert inputs == sorted(inputs)
    assert seen or not host_path(workflow, next(iter(workflow.subgraphs), ""))
