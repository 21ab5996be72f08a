"""Helpers for tests of subgraphs: a graph with every kind of widget, and prompts compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workflow_tools import Desk, definition, flow, node, out, slot

from app.engine.workflow.edits import connect
from app.engine.workflow.edits.subgraphs import create_subgraph, promote
from app.engine.workflow.model import Workflow
from app.engine.workflow.promotion import with_hosts
from app.engine.workflow.to_prompt import convert

KINDS: dict[str, tuple[Any, list[Any], Any, Any]] = {
    "int": (["INT", {"default": 1, "min": 0, "max": 100}], [7], 7, 8),
    "float": (["FLOAT", {"default": 0.5, "step": 0.1}], [0.25], 0.25, 0.75),
    "text": (
        ["STRING", {"multiline": True}],
        ["a red fox,\nat dawn"],
        "a red fox,\nat dawn",
        "cat",
    ),
    "line": (["STRING", {"default": ""}], ["fox"], "fox", "a cat: 1"),
    "slider": (
        ["FLOAT", {"default": 1.0, "min": 0.0, "max": 2.0, "step": 0.05, "display": "slider"}],
        [1.5],
        1.5,
        0.05,
    ),
    "huge": (["INT", {"default": 0, "max": 2**64 - 1}], [2**63 + 5], 2**63 + 5, 2**64 - 1),
    "color": (["COLOR", {"default": "#ffffff"}], ["#336699"], "#336699", "#000000"),
    "combo": ([["one", "two", "three"]], ["two"], "two", "three"),
    "switch": (["BOOLEAN", {"default": False}], [True], True, False),
    "seed": (["INT", {"default": 0, "control_after_generate": True}], [42, "fixed"], 42, 43),
    "image": ([["a.png", "b.png"], {"image_upload": True}], ["b.png", "image"], "b.png", "a.png"),
}
"""By kind: how an input is declared, the stored values, the widget's value, and another one."""

DEFINITIONS = {
    **{
        f"Use {kind}": definition(
            f"Use {kind}",
            {"source": ["IMAGE"], "value": declared[0:1] if len(declared) == 1 else declared},
            outputs=("IMAGE",),
        )
        for kind, (declared, *_) in KINDS.items()
    },
    "Load": definition("Load", {"amount": ["INT", {"default": 3}]}, outputs=("IMAGE", "INT")),
    "Save": definition("Save", {"images": ["IMAGE"]}, {"note": ["STRING", {}]}),
}


def kind_flow(kind: str) -> Workflow:
    """Return Load (1) into a node with one kind of widget (2) into Save (3)."""
    values = list(KINDS[kind][1])
    return flow(
        [
            node(1, "Load", outputs=[out("IMAGE", "IMAGE", (1,)), out("INT", "INT")],
                 widgets_values=[5]),
            node(2, f"Use {kind}", pos=[300, 0], inputs=[slot("source", "IMAGE", 1)],
                 outputs=[out("IMAGE", "IMAGE", (2,))], widgets_values=values),
            node(3, "Save", pos=[600, 0], inputs=[slot("images", "IMAGE", 2)],
                 widgets_values=["kept"]),
        ],
        [[1, 1, 0, 2, 0, "IMAGE"], [2, 2, 0, 3, 0, "IMAGE"]],
    )  # fmt: skip


def nest(desk: Desk, key: str, levels: int) -> str:
    """Pack a node ``levels`` times, promoting its widget each time; return the outermost host."""
    name = "value"
    for _ in range(levels):
        patch, host = create_subgraph(*desk.both, [key])
        desk.do(patch)
        subgraph = desk.bound.nodes[host].node.type
        desk.do(promote(*desk.both, [(key, name)], subgraph=subgraph))
        key, name = host, "value"
    return key


def prompt_of(
    desk: Desk, rename: Callable[[str], str] = lambda name: name
) -> dict[str, tuple[Any, dict[str, Any]]]:
    """Return types and inputs of the prompt by execution id, ids renamed."""
    return prompt_of_workflow(desk.workflow, desk.definitions, rename)


def prompt_of_workflow(
    workflow: Workflow, definitions: Any, rename: Callable[[str], str] = lambda name: name
) -> dict[str, tuple[Any, dict[str, Any]]]:
    """Return types and inputs of the prompt by execution id, ids renamed."""
    prompt = convert(workflow, definitions, first_choice=True).prompt
    names = {key: rename(key) for key in prompt}

    def value(given: Any) -> Any:
        is_link = isinstance(given, list) and len(given) == 2 and given[0] in names
        return ("link", names[given[0]], given[1]) if is_link else given

    return {
        names[key]: (
            entry.get("class_type"),
            {name: value(item) for name, item in entry["inputs"].items()},
        )
        for key, entry in prompt.items()
    }


def without(*hosts: str) -> Callable[[str], str]:
    """Return a function that takes host keys out of execution ids."""
    return lambda name: ":".join(part for part in name.split(":") if part not in hosts)


def last_part(name: str) -> str:
    """Return the node key at the end of an execution id."""
    return name.rsplit(":", 1)[-1]


def apply_as_window(desk: Desk, patch: Any) -> None:
    """Apply an edit as documents do it: hosts follow."""
    desk.do(with_hosts(desk.workflow, desk.definitions, patch))


def inside(desk: Desk, subgraph: str) -> Desk:
    """Return a desk over the interior of a subgraph of the same document."""
    return Desk(desk.workflow, desk.definitions, graph_id=subgraph)


def join(desk: Desk, origin: str, output: int, target: str, name: str) -> None:
    """Link an output to the input of that name."""
    index = desk.bound.nodes[target].input_index(name)
    assert index is not None
    desk.do(connect(*desk.both, origin, output, target, index))
