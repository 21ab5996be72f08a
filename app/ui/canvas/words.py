"""Names of undo steps and short sentences of the canvas, ready for translation."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication


def _tr(text: str) -> str:
    return QCoreApplication.translate("Canvas", text)


def move() -> str:
    """Name of a move."""
    return _tr("Move")


def resize() -> str:
    """Name of a resize."""
    return _tr("Resize")


def connect() -> str:
    """Name of making a link."""
    return _tr("Connect")


def disconnect() -> str:
    """Name of removing links."""
    return _tr("Disconnect")


def insert_node() -> str:
    """Name of putting a node into a link."""
    return _tr("Insert node")


def cut_links() -> str:
    """Name of cutting links with a stroke."""
    return _tr("Cut links")


def move_links() -> str:
    """Name of giving links another source."""
    return _tr("Move links")


def reroute_hint(*, is_input: bool) -> str:
    """Say what the half sockets beside a reroute are for."""
    if is_input:
        return _tr("Drag to an output to feed this reroute from there")
    return _tr("Drag to an input to branch from here")


def add_reroute() -> str:
    """Name of putting a reroute on a link."""
    return _tr("Add reroute")


def clone() -> str:
    """Name of dragging off a copy."""
    return _tr("Clone")


def duplicate() -> str:
    """Name of duplicating."""
    return _tr("Duplicate")


def paste() -> str:
    """Name of pasting."""
    return _tr("Paste")


def cut() -> str:
    """Name of cutting."""
    return _tr("Cut")


def delete() -> str:
    """Name of deleting."""
    return _tr("Delete")


def change(label: str) -> str:
    """Name of changing a value."""
    return _tr("Change {0}").format(label)


def rename() -> str:
    """Name of renaming."""
    return _tr("Rename")


def collapse() -> str:
    """Name of collapsing."""
    return _tr("Collapse")


def expand() -> str:
    """Name of the opposite of collapsing."""
    return _tr("Expand")


def mute() -> str:
    """Name of muting."""
    return _tr("Mute")


def bypass() -> str:
    """Name of bypassing."""
    return _tr("Bypass")


def enable() -> str:
    """Name of letting a node run again."""
    return _tr("Enable")


def pin() -> str:
    """Name of pinning."""
    return _tr("Pin")


def unpin() -> str:
    """Name of unpinning."""
    return _tr("Unpin")


def color() -> str:
    """Name of giving a colour."""
    return _tr("Change colour")


def group() -> str:
    """Name of grouping."""
    return _tr("Group")


def group_title() -> str:
    """Title of a new group."""
    return _tr("Group")


def arrange() -> str:
    """Name of arranging."""
    return _tr("Arrange")


def add_node() -> str:
    """Name of adding a node."""
    return _tr("Add node")


def shrink() -> str:
    """Name of giving nodes the size they need."""
    return _tr("Fit size")


def link_reason(reason: str) -> str:
    """Put the reason why a link is refused into the artist's language."""
    if reason.startswith("types differ:"):
        return _tr("Types differ:") + reason[len("types differ:") :]
    return {
        "a node cannot feed itself": _tr("A node cannot feed itself"),
        "would create a cycle": _tr("Would create a cycle"),
        "both ends are new": _tr("One end must be a socket that is there already"),
    }.get(reason, reason)


def empty_canvas() -> str:
    """What the empty canvas says."""
    return _tr("Double-click to add a node, or drop a workflow")


def enter_subgraph() -> str:
    """Hint of the sign that opens a subgraph."""
    return _tr("Open the subgraph")


def strip_name(*, is_input: bool) -> str:
    """What a subgraph's strip is called where its slots cannot be read."""
    return _tr("Inputs") if is_input else _tr("Outputs")


def new_slot(*, is_input: bool) -> str:
    """What the empty row of a subgraph's strip says."""
    return _tr("New input") if is_input else _tr("New output")


def new_slot_hint(*, is_input: bool) -> str:
    """Hint of the empty row of a subgraph's strip."""
    if is_input:
        return _tr("Drag from here to an input inside, and the subgraph gets an input for it")
    return _tr("Drag an output to here, and the subgraph delivers it")


def slot_hint() -> str:
    """What can be done with a row of a subgraph's strip."""
    return _tr("Double-click to rename")


def add_slot(*, is_input: bool) -> str:
    """Name of giving a subgraph one more input or output."""
    return _tr("Add input") if is_input else _tr("Add output")


def move_slot(*, is_input: bool) -> str:
    """Name of giving an input or output of a subgraph another place."""
    return _tr("Move input") if is_input else _tr("Move output")


def remove_slot(*, is_input: bool) -> str:
    """Name of removing an input or output of a subgraph."""
    return _tr("Remove input") if is_input else _tr("Remove output")


def required() -> str:
    """An input that must be linked."""
    return _tr("Required")


def optional() -> str:
    """An input that may stay free."""
    return _tr("Optional")


def makes_list() -> str:
    """An output that delivers several results, one after another."""
    return _tr("Delivers a list")


def any_type() -> str:
    """The type of a socket that takes everything."""
    return _tr("any type")


def choices(count: int) -> str:
    """How many choices there are."""
    return _tr("{0} choices").format(count)


def value_range(least: str, most: str) -> str:
    """Between which numbers a value lies; an empty text is no bound."""
    if least and most:
        return _tr("{0} to {1}").format(least, most)
    if least:
        return _tr("From {0}").format(least)
    return _tr("Up to {0}").format(most) if most else ""


def default_value(value: str) -> str:
    """The value that a new node has; nothing to say of an empty one."""
    return _tr("Default {0}").format(value) if value else ""


def pictures(count: int, width: int, height: int) -> str:
    """What a node delivered in the last run."""
    size = f"{width} × {height}"
    return size if count == 1 else _tr("{0} pictures, {1}").format(count, size)
