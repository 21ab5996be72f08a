"""Links made anew when nodes change their graph: they find their slots and keep their order."""

from __future__ import annotations

from collections.abc import Mapping

from app.engine.workflow.binding import BoundNode
from app.engine.workflow.model import Graph, as_list, as_mapping, id_text
from app.engine.workflow.patch import SetKey
from app.engine.workflow.trial import Trial

Rank = tuple[int, ...]
"""Where a link stands among those of its slot; compared from the left."""


def place_in_copy(copy: BoundNode, name: str, place: int) -> int:
    """Return where an input lies in a node that lost its links, or a copy that has none yet.

    Inputs that grow with their links may lie elsewhere there: by numbers, links would shift.

    Args:
        copy: The node as it is bound now.
        name: Name of the input.
        place: Its position while the links were there.
    """
    if place < len(copy.inputs) and copy.inputs[place].name == name:
        return place
    found = copy.input_index(name)
    return place if found is None else found


def link_ranks(graph: Graph) -> dict[str, Rank]:
    """Return the ranks of the links that come from the inputs of a subgraph, by their keys.

    The first one decides which widget an input shows on hosts.
    """
    return {
        id_text(link): (rank,)
        for slot in as_list(graph.raw.get("inputs"))
        for rank, link in enumerate(as_list(as_mapping(slot).get("linkIds")))
    }


def rank_of(ranks: Mapping[str, Rank], link: str) -> Rank:
    """Return the rank of a link; links that no slot names come last."""
    return ranks.get(link, (len(ranks),))


def keep_order(trial: Trial, graph_id: str, ranks: Mapping[str, Rank]) -> None:
    """Sort the links that come from the inputs of a subgraph by their ranks."""
    if graph_id not in trial.workflow.subgraphs:
        return
    before = as_list(trial.graph(graph_id).raw.get("inputs"))
    after = []
    for slot in before:
        links = as_list(as_mapping(slot).get("linkIds"))
        ordered = sorted(links, key=lambda link: rank_of(ranks, id_text(link)))
        after.append(slot if ordered == links else {**slot, "linkIds": ordered})
    if after != before:
        trial.apply([SetKey(graph_id, None, "", "inputs", after)])


__all__ = ["Rank", "keep_order", "link_ranks", "place_in_copy", "rank_of"]
