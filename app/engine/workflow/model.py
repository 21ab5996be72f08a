"""The document an artist saves, as records over the parsed file.

A file is kept as it was read: every record holds the very ``dict`` (or, for links of schema
0.4, ``list``) that stood in the file, so what we do not understand is written back in the same
place (decision 7). Records only *read* their raw data; all changes go through
:mod:`app.engine.workflow.patch`, which replaces values and never changes one in place. A shallow
copy of the records is therefore a safe snapshot for another thread.

What the canvas shows (slots merged with definitions, repaired ids and sizes) is derived in
:mod:`app.engine.workflow.binding` and reaches the file only when that record is edited.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

ROOT = ""
"""Id of the top-level graph; subgraph definitions have their own ids."""

Raw = dict[str, Any]


class Mode(enum.IntEnum):
    """What happens to a node when the workflow runs (workflow-format 1.3)."""

    ALWAYS = 0
    ON_EVENT = 1
    MUTED = 2
    ON_TRIGGER = 3
    BYPASSED = 4


class RecordKind(enum.Enum):
    """The kinds of record a graph holds; the value is the key of their list in the file."""

    # The hash of an enum is a Python function; edits of thousands of nodes ask for millions.
    __hash__ = object.__hash__

    NODE = "nodes"
    LINK = "links"
    FLOATING_LINK = "floatingLinks"
    GROUP = "groups"
    REROUTE = "reroutes"


@dataclass(frozen=True, slots=True)
class Space:
    """How a graph's stored coordinates become graph units.

    Files marked ``workflowRendererVersion: "Vue"`` hold positions and sizes that were multiplied
    about an anchor. They stay so in the file; records divide when they are read, and edits
    multiply what they write.

    Attributes:
        anchor: The point that stays in place.
        factor: What stored sizes were multiplied with.
    """

    anchor: tuple[float, float]
    factor: float

    def to_view(self, pos: tuple[float, float]) -> tuple[float, float]:
        """Turn a stored position into graph units."""
        (ax, ay), factor = self.anchor, self.factor
        return (ax + (pos[0] - ax) / factor, ay + (pos[1] - ay) / factor)

    def to_file(self, pos: tuple[float, float]) -> tuple[float, float]:
        """Turn a position in graph units into the one to store."""
        (ax, ay), factor = self.anchor, self.factor
        return (ax + (pos[0] - ax) * factor, ay + (pos[1] - ay) * factor)


class Record:
    """One record of a graph.

    Attributes:
        key: Name of the record inside its graph. For nodes, links and reroutes it is the id
            as text, or a fresh one when the file gave the id twice; groups count up.
        raw: The data in the file.
        space: Scale of the stored coordinates, or None when they are graph units.
    """

    __slots__ = ("key", "raw", "space")

    def __init__(self, key: str, raw: Any, space: Space | None = None) -> None:
        self.key = key
        self.raw = raw
        self.space = space

    def get(self, name: str, default: Any = None) -> Any:
        """Return the raw value of ``name``."""
        return self.raw.get(name, default)


class Node(Record):
    """One node of a file. See workflow-format 1.3 for the meaning of the fields."""

    __slots__ = ()
    raw: Raw

    @property
    def type(self) -> str:
        """Name of the node type, or the id of a subgraph definition."""
        return str(self.raw.get("type") or "")

    @property
    def id(self) -> int | str:
        """The id as written to new links: a number where the key is one."""
        return id_value(self.key)

    @property
    def pos(self) -> tuple[float, float]:
        """Top-left corner of the body; the title bar is 30 above it."""
        pos = read_pair(self.raw.get("pos"), (0.0, 0.0))
        return pos if self.space is None else self.space.to_view(pos)

    @property
    def size(self) -> tuple[float, float] | None:
        """Stored width and height of the body, or None when the file has none."""
        value = self.raw.get("size")
        if value is None:
            return None
        width, height = read_pair(value, (0.0, 0.0))
        factor = 1.0 if self.space is None else self.space.factor
        return (width / factor, height / factor)

    @property
    def title(self) -> str | None:
        """The artist's own title, or None for the default one."""
        title = self.raw.get("title")
        return None if title is None else str(title)

    @property
    def mode(self) -> int:
        """One of :class:`Mode`; unknown values read as :attr:`Mode.ALWAYS`."""
        mode = self.raw.get("mode", 0)
        return mode if mode in (0, 1, 2, 3, 4) else 0

    @property
    def flags(self) -> Mapping[str, Any]:
        """Stored flags such as ``collapsed`` and ``pinned``."""
        return as_mapping(self.raw.get("flags"))

    @property
    def is_collapsed(self) -> bool:
        """Whether only the title is shown."""
        return bool(self.flags.get("collapsed"))

    @property
    def is_pinned(self) -> bool:
        """Whether the mouse may not move or resize it."""
        return bool(self.flags.get("pinned"))

    @property
    def properties(self) -> Mapping[str, Any]:
        """Stored properties."""
        return as_mapping(self.raw.get("properties"))

    @property
    def inputs(self) -> list[Raw]:
        """Stored input slots that are objects, in file order."""
        return [slot for slot in as_list(self.raw.get("inputs")) if isinstance(slot, dict)]

    @property
    def outputs(self) -> list[Raw]:
        """Stored output slots that are objects, in file order."""
        return [slot for slot in as_list(self.raw.get("outputs")) if isinstance(slot, dict)]

    @property
    def color(self) -> str | None:
        """CSS colour of the title bar, or None."""
        return _text_or_none(self.raw.get("color"))

    @property
    def bgcolor(self) -> str | None:
        """CSS colour of the body, or None."""
        return _text_or_none(self.raw.get("bgcolor"))


class Link(Record):
    """One link, stored as an array of six or as an object (workflow-format 1.4)."""

    __slots__ = ()

    def _field(self, index: int, name: str) -> Any:
        if isinstance(self.raw, dict):
            return self.raw.get(name)
        return self.raw[index] if index < len(self.raw) else None

    @property
    def origin(self) -> str:
        """Id of the source node, as text."""
        return id_text(self._field(1, "origin_id"))

    @property
    def origin_slot(self) -> int:
        """Number of the source's output; -1 when it is not a number."""
        return read_slot(self._field(2, "origin_slot"))

    @property
    def target(self) -> str:
        """Id of the target node, as text."""
        return id_text(self._field(3, "target_id"))

    @property
    def target_slot(self) -> int:
        """Number of the target's input as stored; slots match by name first."""
        return read_slot(self._field(4, "target_slot"))

    @property
    def type(self) -> str:
        """Type that it carried when it was made; informative."""
        return str(self._field(5, "type") or "*")

    @property
    def parent_id(self) -> str | None:
        """Key of the reroute nearest to the target, or None (objects only)."""
        if isinstance(self.raw, dict) and self.raw.get("parentId") is not None:
            return id_text(self.raw["parentId"])
        return None


class Group(Record):
    """A coloured frame with a title; members are the nodes whose centre lies inside."""

    __slots__ = ()
    raw: Raw

    @property
    def title(self) -> str:
        """The words in its title bar."""
        return str(self.raw.get("title") or "Group")

    @property
    def bounding(self) -> tuple[float, float, float, float]:
        """``x, y, width, height`` with the title bar included."""
        values = list(_numbers(self.raw.get("bounding")))[:4]
        x, y, width, height = values + [0.0, 0.0, 140.0, 80.0][len(values) :]
        if self.space is None:
            return (x, y, width, height)
        factor = self.space.factor
        return (*self.space.to_view((x, y)), width / factor, height / factor)

    @property
    def color(self) -> str | None:
        """CSS colour, or None."""
        return _text_or_none(self.raw.get("color"))

    @property
    def flags(self) -> Mapping[str, Any]:
        """Stored flags such as ``pinned``."""
        return as_mapping(self.raw.get("flags"))


class Reroute(Record):
    """A point that links run through (workflow-format 1.6)."""

    __slots__ = ()
    raw: Raw

    @property
    def pos(self) -> tuple[float, float]:
        """Its centre."""
        pos = read_pair(self.raw.get("pos"), (0.0, 0.0))
        return pos if self.space is None else self.space.to_view(pos)

    @property
    def parent_id(self) -> str | None:
        """Key of the next reroute towards the origin, or None."""
        parent = self.raw.get("parentId")
        return None if parent is None else id_text(parent)


class Graph:
    """One level of a document: the root, or one subgraph definition.

    Attributes:
        id: :data:`ROOT` or the definition's id.
        raw: The graph's object in the file.
        nodes: Nodes by key, in drawing order (later ones lie on top).
        links: Links by key.
        floating_links: Links with one loose end, by key.
        groups: Groups by key.
        reroutes: Reroutes by key, wherever the file keeps them.
        space: Scale of the stored coordinates, or None when they are graph units.
    """

    __slots__ = ("floating_links", "groups", "id", "links", "nodes", "raw", "reroutes", "space")

    def __init__(self, graph_id: str, raw: Raw) -> None:
        self.id = graph_id
        self.raw = raw
        self.nodes: dict[str, Node] = {}
        self.links: dict[str, Link] = {}
        self.floating_links: dict[str, Link] = {}
        self.groups: dict[str, Group] = {}
        self.reroutes: dict[str, Reroute] = {}
        self.space: Space | None = None

    def records(self, kind: RecordKind) -> dict[str, Any]:
        """Return the table of one kind of record."""
        table: dict[str, Any]
        if kind is RecordKind.NODE:
            table = self.nodes
        elif kind is RecordKind.LINK:
            table = self.links
        elif kind is RecordKind.REROUTE:
            table = self.reroutes
        elif kind is RecordKind.GROUP:
            table = self.groups
        else:
            table = self.floating_links
        return table

    def stored_list(self, kind: RecordKind) -> list[Any] | None:
        """Return the list in the file that holds one kind of record, or None.

        Reroutes of schema 0.4 live in ``extra.reroutes``.
        """
        holder: Mapping[str, Any] = self.raw
        if kind is RecordKind.REROUTE and not self.has_object_links:
            holder = self.extra
        records = holder.get(kind.value)
        return records if isinstance(records, list) else None

    @property
    def extra(self) -> Mapping[str, Any]:
        """The graph's free-form ``extra`` object."""
        return as_mapping(self.raw.get("extra"))

    @property
    def has_object_links(self) -> bool:
        """Whether new links of this graph are written as objects (schema 1)."""
        return self.id != ROOT or self.raw.get("version") == 1


class Workflow:
    """A whole file: the root graph and all subgraph definitions.

    Attributes:
        raw: The top-level object of the file.
        root: The top-level graph.
        subgraphs: Definitions by id, in file order, nested ones included.
        is_converted: It was made from something else, such as a prompt or a picture, which a
            save must not write over.
    """

    __slots__ = ("is_converted", "raw", "root", "subgraphs")

    def __init__(self, raw: Raw, root: Graph, subgraphs: dict[str, Graph]) -> None:
        self.raw = raw
        self.root = root
        self.subgraphs = subgraphs
        self.is_converted = False

    def graph(self, graph_id: str) -> Graph:
        """Return the root (id :data:`ROOT`) or a subgraph definition.

        Raises:
            KeyError: There is no such definition.
        """
        return self.root if graph_id == ROOT else self.subgraphs[graph_id]

    def graphs(self) -> Iterator[Graph]:
        """Walk the root and then every definition."""
        yield self.root
        yield from self.subgraphs.values()


RECORD_CLASSES: Mapping[RecordKind, type[Record]] = {
    RecordKind.NODE: Node,
    RecordKind.LINK: Link,
    RecordKind.FLOATING_LINK: Link,
    RecordKind.GROUP: Group,
    RecordKind.REROUTE: Reroute,
}


_NUMBER_TYPES: Final = (int, float)
_FAR: Final = 10_000_000
"""Places and sizes beyond this are damage; Qt could not show them."""


def read_pair(value: Any, default: tuple[float, float]) -> tuple[float, float]:
    """Read ``[x, y]`` or ``{"0": x, "1": y}``; what cannot be read takes the default."""
    if type(value) is list and len(value) == 2:
        x, y = value
        are_numbers = type(x) in _NUMBER_TYPES and type(y) in _NUMBER_TYPES  # as nearly all are
        if are_numbers and -_FAR <= x <= _FAR and -_FAR <= y <= _FAR:
            return (float(x), float(y))
    numbers = list(_numbers(value))
    return (numbers[0], numbers[1]) if len(numbers) >= 2 else default


def id_text(value: Any) -> str:
    """Return an id as text; ids compare as text (``5``, ``5.0`` and ``"5"`` are one id)."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def id_value(text: str) -> int | str:
    """Return an id as new records store it: a number where the text is one."""
    digits = text[1:] if text[:1] == "-" else text
    # 18 digits: longer ones are no ids that another program could hold as a number.
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 18:
        return text
    number = int(text)
    return number if str(number) == text else text


def read_slot(value: Any) -> int:
    """Read a slot number that may be text; -1 when it is none."""
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return -1


def as_mapping(value: Any) -> Mapping[str, Any]:
    """Return ``value`` when it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """Return ``value`` when it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, dict):
        value = [value.get(str(index)) for index in range(len(value))]
    for item in as_list(value):
        if isinstance(item, (int, float)) and not isinstance(item, bool):
            yield float(max(-_FAR, min(_FAR, item))) if item == item else 0.0


def _text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
