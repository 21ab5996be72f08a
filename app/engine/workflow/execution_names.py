"""Names of nodes in execution ids where ids collide between graphs (workflow-format 4.2)."""

from __future__ import annotations

from app.engine.workflow.ids import usable_number
from app.engine.workflow.model import Workflow


def collision_names(workflow: Workflow) -> dict[str, dict[str, str]]:
    """Return the new ids that the web editor gives to interior nodes whose id is taken.

    Definitions are visited in list order with the root's ids taken; an id that is taken becomes
    the next number above all that are known.

    Returns:
        New ids by graph id and node key, only for nodes that get one.
    """
    taken = set(workflow.root.nodes)
    highest = max(
        [usable_number(workflow.raw.get("last_node_id")), *map(usable_number, taken)], default=0
    )
    names: dict[str, dict[str, str]] = {}
    for graph in workflow.subgraphs.values():
        changed: dict[str, str] = {}
        for key in graph.nodes:
            if key in taken:
                highest += 1
                while str(highest) in taken:
                    highest += 1
                changed[key] = str(highest)
                taken.add(str(highest))
            else:
                highest = max(highest, usable_number(key))
                taken.add(key)
        if changed:
            names[graph.id] = changed
    return names
