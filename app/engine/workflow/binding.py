"""Nodes of a file joined with their definitions: what the canvas draws and the prompt reads.

A binding is derived data. It holds the repairs that are needed to show and run a file (slots
matched by name, widgets with their values, fresh ids) and never writes to the file.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any

from app.engine.node_types.definition import InputDefinition, NodeDefinition
from app.engine.workflow.model import Node


class WidgetRole(enum.Enum):
    """Why a widget is there (workflow-format 2.1)."""

    VALUE = "value"  # edits a declared input
    CONTROL = "control"  # control after generate
    FILTER = "filter"  # control filter list
    UPLOAD = "upload"  # upload button
    REFRESH = "refresh"  # refresh button of a remote combo
    TEXT = "text"  # text of a Note or MarkdownNote
    PROMOTED = "promoted"  # an interior widget shown on a subgraph host
    UNKNOWN = "unknown"  # a stored value of a missing type, read-only


@dataclass(slots=True)
class BoundWidget:
    """One widget of a node with its value.

    Attributes:
        name: Widget name, unique in the node.
        label: Words to show.
        type: ``INT``, ``FLOAT``, ``STRING``, ``BOOLEAN``, ``COMBO``, ``MARKDOWN`` ... or, for the
            roles without a declared input, ``BUTTON`` or ``STRING``.
        value: Current value; may be of the wrong type, as files are not trusted.
        default: Value of a fresh node.
        options: Declared options (``min``, ``max``, ``step``, ``multiline`` ...).
        choices: Choices of a combo, else None.
        slot: Where the value stands in ``widgets_values``: a position in the list, a key of
            the object form, or None when it is not saved.
        is_sent: Whether it goes into the prompt.
        is_linked: Whether a link drives it.
        definition: The declared input, or None.
        source: For promoted widgets ``(subgraph id, node key, widget name)``, else None.
        is_unset: There is no value at all (a combo without choices): absent from the prompt.
    """

    name: str
    label: str
    type: str
    value: Any
    default: Any
    options: dict[str, Any] = field(default_factory=dict)
    choices: tuple[Any, ...] | None = None
    role: WidgetRole = WidgetRole.VALUE
    slot: int | str | None = None
    is_sent: bool = True
    is_linked: bool = False
    definition: InputDefinition | None = None
    source: tuple[str, str, str] | None = None
    is_unset: bool = False


@dataclass(slots=True)
class BoundInput:
    """One input slot.

    Attributes:
        name: Name in the prompt.
        label: Words to show.
        type: Socket type; ``"*"`` and comma lists included.
        link: Key of the link that ends here, or None.
        widget: Name of the widget that this slot belongs to, or None for a plain socket.
        is_optional: Drawn as a ring.
        stored: Position among the node's stored ``inputs``, or None when the file has no such slot.
        definition: The declared input, or None for a slot that only the file knows.
    """

    name: str
    label: str
    type: str
    link: str | None = None
    widget: str | None = None
    is_optional: bool = False
    stored: int | None = None
    definition: InputDefinition | None = None


@dataclass(slots=True)
class BoundOutput:
    """One output slot; ``links`` are keys of the links that start here."""

    name: str
    label: str
    type: str
    links: list[str] = field(default_factory=list)
    is_list: bool = False
    tooltip: str = ""
    stored: int | None = None
    match_template: str | None = None


@dataclass(slots=True)
class BoundNode:
    """One node as it is shown and run.

    Attributes:
        key: Key of the node in its graph.
        node: The record of the file.
        definition: Its definition, or None for editor-only, host and missing types.
        title: The title to show.
        inputs: All input slots, those that belong to widgets included, in slot order.
        outputs: All output slots.
        widgets: All widgets in order.
        is_virtual: Never in the prompt (notes, reroutes, primitives, hosts).
        is_missing: No definition is known for its type.
        subgraph: Id of the subgraph definition when the node is a host, else None.
        problem: A sentence when the node cannot run (such as a subgraph in itself), else empty.
        boundary: ``"inputs"`` or ``"outputs"`` for the two boxes inside a subgraph (keys "-10" and
            "-20"), which are no nodes of the file, else empty.
    """

    key: str
    node: Node
    definition: NodeDefinition | None
    title: str
    inputs: list[BoundInput]
    outputs: list[BoundOutput]
    widgets: list[BoundWidget]
    is_virtual: bool = False
    is_missing: bool = False
    subgraph: str | None = None
    problem: str = ""
    boundary: str = ""

    @property
    def sockets(self) -> list[BoundInput]:
        """The input slots that are no widgets, in order (one row each on the canvas)."""
        return [item for item in self.inputs if item.widget is None]

    def widget(self, name: str) -> BoundWidget | None:
        """Return the widget of that name, if any."""
        return next((item for item in self.widgets if item.name == name), None)

    def input_index(self, name: str) -> int | None:
        """Return the position in :attr:`inputs` of the slot of that name, if any."""
        return next((i for i, item in enumerate(self.inputs) if item.name == name), None)


@dataclass(slots=True)
class BoundLink:
    """One link that has both ends.

    Attributes:
        key: Key of the link.
        origin: Key of the source node.
        origin_slot: Position in the source's :attr:`BoundNode.outputs`.
        target: Key of the target node.
        target_input: Position in the target's :attr:`BoundNode.inputs`.
        type: Type that decides its colour: the source's output type, unless that is ``"*"``.
        reroutes: Keys of the reroutes it runs through, from the origin to the target.
    """

    key: str
    origin: str
    origin_slot: int
    target: str
    target_input: int
    type: str
    reroutes: tuple[str, ...] = ()


@dataclass(slots=True)
class BoundGraph:
    """All nodes and usable links of one graph.

    Attributes:
        graph_id: Id of the graph.
        nodes: Nodes by key in drawing order; inside a subgraph the two boundary boxes come first.
        links: Links that have both ends, by key.
        state: What :func:`app.engine.workflow.bind.update_binding` remembers between calls.
    """

    graph_id: str
    nodes: dict[str, BoundNode]
    links: dict[str, BoundLink]
    state: Any = field(default=None, repr=False, compare=False)
