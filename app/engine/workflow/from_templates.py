"""A file of node templates, ``{"templates": [{"name", "data"}]}``, as one workflow.

The web editor keeps pieces of workflows in such files. Each piece becomes a group with its name;
they stand below each other.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from app.engine.errors import WorkflowFileError
from app.engine.workflow.model import (
    Raw,
    Workflow,
    as_list,
    as_mapping,
    id_text,
    read_pair,
    read_slot,
)
from app.engine.workflow.records import build_workflow

_PADDING: Final = 20.0
_TITLES: Final = 70.0
"""Room above the nodes of a piece: the group's title and that of the topmost node."""

_GAP: Final = 60.0
_USUAL_SIZE: Final = (270.0, 120.0)

Parse = Callable[[str], Any]


def holds_templates(value: Any) -> bool:
    """Tell whether a parsed file is a list of node templates."""
    templates = as_list(as_mapping(value).get("templates"))
    return any(isinstance(item, dict) and "data" in item for item in templates)


def workflow_from_templates(value: Mapping[str, Any], parse: Parse) -> Workflow | None:
    """Make one workflow of all templates, or return None when there is no node in them.

    Args:
        value: The parsed file.
        parse: Parses the JSON text of one template; templates it refuses are left out.
    """
    sheet = _Sheet()
    for template in as_list(value.get("templates")):
        if not isinstance(template, dict):
            continue
        data = template.get("data")
        try:
            piece = as_mapping(parse(data) if isinstance(data, str) else data)
        except WorkflowFileError:
            continue
        sheet.add(str(template.get("name") or "Template"), piece)
    return build_workflow(sheet.raw()) if sheet.nodes else None


@dataclass(slots=True)
class _Sheet:
    """The workflow in the making."""

    nodes: list[Raw] = field(default_factory=list)
    links: list[list[Any]] = field(default_factory=list)
    groups: list[Raw] = field(default_factory=list)
    subgraphs: dict[str, Any] = field(default_factory=dict)
    group_nodes: dict[str, Any] = field(default_factory=dict)
    top: float = 0.0

    def add(self, name: str, piece: Mapping[str, Any]) -> None:
        """Put a template below the others."""
        stored = [node for node in as_list(piece.get("nodes")) if isinstance(node, dict)]
        if not stored:
            return
        corners = [read_pair(node.get("pos"), (0.0, 0.0)) for node in stored]
        left, top = min(x for x, _ in corners), min(y for _, y in corners)
        right = bottom = 0.0
        made: list[Raw] = []
        for node, (x, y) in zip(stored, corners, strict=True):
            width, height = read_pair(node.get("size"), _USUAL_SIZE)
            right, bottom = max(right, x - left + width), max(bottom, y - top + height)
            pos = [x - left + _PADDING, y - top + self.top + _TITLES]
            number = len(self.nodes) + len(made) + 1
            made.append({**node, "id": number, "pos": pos, **_bare_slots(node)})
        self.nodes += made
        for origin, output, target, index in _joints(piece, stored):
            self._link(made[origin], output, made[target], index)
        frame = [0.0, self.top, right + 2 * _PADDING, bottom + _TITLES + _PADDING]
        self.groups.append({"title": name, "bounding": frame})
        self.top += frame[3] + _GAP
        for definition in as_list(piece.get("subgraphs")):
            if isinstance(definition, dict) and definition.get("id") is not None:
                self.subgraphs.setdefault(id_text(definition["id"]), definition)
        self.group_nodes |= as_mapping(piece.get("groupNodes"))

    def raw(self) -> Raw:
        """Return the file."""
        made: Raw = {
            "id": str(uuid.uuid4()),
            "revision": 0,
            "last_node_id": len(self.nodes),
            "last_link_id": len(self.links),
            "nodes": self.nodes,
            "links": self.links,
            "groups": self.groups,
            "config": {},
            "extra": {"groupNodes": self.group_nodes} if self.group_nodes else {},
            "version": 0.4,
        }
        if self.subgraphs:
            made["definitions"] = {"subgraphs": list(self.subgraphs.values())}
        return made

    def _link(self, origin: Raw, output: int, target: Raw, index: int) -> None:
        outputs, inputs = origin["outputs"], target["inputs"]
        if not 0 <= output < len(outputs) or not 0 <= index < len(inputs):
            return
        if inputs[index]["link"] is not None:
            return
        number = len(self.links) + 1
        inputs[index]["link"] = number
        outputs[output]["links"].append(number)
        kind = outputs[output].get("type", "*")
        self.links.append([number, origin["id"], output, target["id"], index, kind])


def _bare_slots(node: Raw) -> dict[str, list[Raw]]:
    """Return the slots of a node without links, since those had numbers of another file."""
    inputs = [slot for slot in as_list(node.get("inputs")) if isinstance(slot, dict)]
    outputs = [slot for slot in as_list(node.get("outputs")) if isinstance(slot, dict)]
    return {
        "inputs": [{**slot, "link": None} for slot in inputs],
        "outputs": [{**slot, "links": []} for slot in outputs],
    }


def _joints(piece: Mapping[str, Any], stored: list[Raw]) -> Iterator[tuple[int, int, int, int]]:
    """Yield ``(origin, output, target, input)`` of each link, nodes by their place in the list.

    Older editors name nodes by that place, newer ones by id.
    """
    place = {id_text(node.get("id")): index for index, node in enumerate(stored)}
    for link in as_list(piece.get("links")):
        if isinstance(link, dict):
            origin = place.get(id_text(link.get("origin_id")))
            target = place.get(id_text(link.get("target_id")))
            output, index = read_slot(link.get("origin_slot")), read_slot(link.get("target_slot"))
        elif isinstance(link, list) and len(link) >= 4:
            origin, output, target, index = (read_slot(value) for value in link[:4])
        else:
            continue
        if origin is None or target is None:
            continue
        if 0 <= origin < len(stored) and 0 <= target < len(stored):
            yield origin, output, target, index
