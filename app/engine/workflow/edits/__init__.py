"""Edits of a workflow as pure functions: they read, and return a patch.

Each takes the document and the bound graph that is shown. The same names work on the root and
inside a subgraph. Apply the patch with :func:`app.engine.workflow.patch.apply_patch` (which gives
the inverse) and then :func:`app.engine.workflow.bind.update_binding`.
"""

from __future__ import annotations

from app.engine.workflow.edits.chains import input_at
from app.engine.workflow.edits.groups import (
    add_group,
    group_around,
    group_members,
    move_groups,
    remove_groups,
    set_group,
)
from app.engine.workflow.edits.links import (
    can_connect,
    connect,
    disconnect_input,
    disconnect_output,
    first_fitting_input,
    first_fitting_output,
    leads_to,
    move_end,
    move_links,
    remove_links,
)
from app.engine.workflow.edits.nodes import (
    add_node,
    add_special_node,
    estimate_size,
    move_nodes,
    raise_nodes,
    remove_nodes,
    rename_slot,
    resize_node,
    set_collapsed,
    set_colors,
    set_mode,
    set_pinned,
    set_property,
    set_title,
    set_widget,
)
from app.engine.workflow.edits.reroutes import (
    Fed,
    add_reroute,
    fed_by_reroute,
    feed_reroute,
    move_reroutes,
    remove_reroutes,
    reroutes_before,
    source_of_reroute,
)

__all__ = [
    "Fed",
    "add_group",
    "add_node",
    "add_reroute",
    "add_special_node",
    "can_connect",
    "connect",
    "disconnect_input",
    "disconnect_output",
    "estimate_size",
    "fed_by_reroute",
    "feed_reroute",
    "first_fitting_input",
    "first_fitting_output",
    "group_around",
    "group_members",
    "input_at",
    "leads_to",
    "move_end",
    "move_groups",
    "move_links",
    "move_nodes",
    "move_reroutes",
    "raise_nodes",
    "remove_groups",
    "remove_links",
    "remove_nodes",
    "remove_reroutes",
    "rename_slot",
    "reroutes_before",
    "resize_node",
    "set_collapsed",
    "set_colors",
    "set_group",
    "set_mode",
    "set_pinned",
    "set_property",
    "set_title",
    "set_widget",
    "source_of_reroute",
]
