"""Keeps the links item in step with the nodes: where each link starts, runs and ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from app.engine.workflow import edits
from app.engine.workflow.binding import BoundGraph, BoundLink
from app.engine.workflow.model import Graph, Link
from app.ui.canvas import link_routes
from app.ui.canvas.box_index import Box
from app.ui.canvas.link_routes import Curve, LinkStyle, Point
from app.ui.canvas.links_item import LinksItem
from app.ui.canvas.node_item import NodeItem
from app.ui.canvas.reroute_item import RerouteItem
from app.widgets.style import Style

LINKS_Z = 0.0
_FLOATING = "floating:"
"""Before the keys of floating links, which are counted apart from the others."""


class LinkLayer:
    """Routes links between node items.

    Args:
        style: The theme.
        nodes: Node items by key; shared with the scene.
        reroutes: Reroute items by key; shared with the scene.
    """

    def __init__(
        self, style: Style, nodes: Mapping[str, NodeItem], reroutes: Mapping[str, RerouteItem]
    ) -> None:
        self.item = LinksItem(style)
        self.item.setZValue(LINKS_Z)
        self.style = LinkStyle.SPLINE
        self._nodes = nodes
        self._reroutes = reroutes
        self._bound: BoundGraph | None = None
        self._floating: set[str] = set()
        self._forks: set[str] = set()
        self.lifted: frozenset[str] = frozenset()
        """Links whose end is being dragged: they are not drawn meanwhile."""

    def reset(self, bound: BoundGraph) -> None:
        """Show all links of a graph."""
        self._bound = bound
        self._forks = self._find_forks()
        self.item.clear()
        for link in bound.links.values():
            self._place(link)
        self.item.update()

    def set_style(self, style: LinkStyle) -> None:
        """Let links run in another way."""
        self.style = style
        self.item.is_hidden = style is LinkStyle.HIDDEN
        if self._bound is not None:
            self.reset(self._bound)

    @property
    def has_floating(self) -> bool:
        """Whether any link is drawn that lacks one end."""
        return bool(self._floating)

    def update_floating(self, graph: Graph) -> None:
        """Route the chains of reroutes that lack one end; there are hardly ever any (U-082)."""
        shown = {_FLOATING + key: link for key, link in graph.floating_links.items()}
        dirty = [self.item.remove_link(key) for key in self._floating - shown.keys()]
        self._floating = set(shown)
        for key, link in shown.items():
            curves = self._floating_course(graph, link)
            if curves:
                dirty.append(self.item.set_link(key, curves, link.type, is_floating=True))
            else:
                dirty.append(self.item.remove_link(key))
        self.item.update_boxes(dirty)

    def _floating_course(self, graph: Graph, link: Link) -> list[Curve]:
        points: list[Point] = []
        path: list[str] = []
        key = link.parent_id
        while key is not None and key in graph.reroutes and key not in path:
            place = self._reroutes.get(key)
            points.insert(0, place.pos().toTuple() if place else graph.reroutes[key].pos)
            path.insert(0, key)
            key = graph.reroutes[key].parent_id
        origin, target = self._nodes.get(link.origin), self._nodes.get(link.target)
        if origin is not None and 0 <= link.origin_slot < len(origin.node.outputs):
            points.insert(0, origin.link_end(link.origin_slot, is_output=True))
        elif target is not None:
            index = edits.input_at(target.node, link.target_slot)
            if index is not None:
                points.append(target.link_end(index, is_output=False))
        if len(points) < 2:
            return []
        # A chain without source begins at its first reroute.
        inner = path if len(points) > len(path) and not target else path[1:]
        forks = [index for index, name in enumerate(inner) if name in self._forks]
        return link_routes.route(points[0], points[-1], points[1:-1], self.style, forks)

    def update_forks(self) -> set[str]:
        """Find where links part anew; return the links that must be routed anew for it."""
        if self._bound is None or not (self._reroutes or self._forks):
            return set()
        old, self._forks = self._forks, self._find_forks()
        changed = old ^ self._forks
        if not changed:
            return set()
        links = self._bound.links.values()
        return {link.key for link in links if not changed.isdisjoint(link.reroutes)}

    def _find_forks(self) -> set[str]:
        """Return the reroutes after which links run to different places."""
        following: dict[str, str] = {}
        forks: set[str] = set()
        for link in self._bound.links.values() if self._bound is not None else ():
            for index, key in enumerate(link.reroutes):
                rest = link.reroutes[index + 1 :]
                after = rest[0] if rest else f"link {link.key}"
                if following.setdefault(key, after) != after:
                    forks.add(key)
        return forks

    def lift(self, keys: Iterable[str]) -> None:
        """Do not draw these links while their end is dragged."""
        old, self.lifted = self.lifted, frozenset(keys)
        self.update(old | self.lifted)

    def update(self, keys: Iterable[str]) -> None:
        """Route these links anew; those that are gone are removed."""
        if self._bound is None:
            return
        links = self._bound.links
        dirty = []
        for key in keys:
            link = links.get(key)
            if link is None or key in self.lifted:
                dirty.append(self.item.remove_link(key))
            else:
                dirty.append(self._place(link))
        self.item.update_boxes(dirty)

    def moved(self, nodes: Iterable[str], dx: float, dy: float) -> None:
        """Bring links in step after all these nodes moved by the same way."""
        if self._bound is None:
            return
        inner, others = self._parted(set(nodes))
        self.item.update_boxes([self.item.move_links(inner - self.lifted, dx, dy)])
        self.update(others)

    def begin_move(self, nodes: set[str]) -> set[str]:
        """Let links with both ends on ``nodes`` be shifted; returns the others of these nodes."""
        inner, others = self._parted(nodes)
        self.item.begin_shift(inner)
        return others

    def _parted(self, nodes: set[str]) -> tuple[set[str], set[str]]:
        """Return the links that run between these nodes alone, and the others of these nodes."""
        if self._bound is None:
            return set(), set()
        links = self._bound.links
        touched = self.links_of(nodes)
        inner = {
            key
            for key in touched
            if (link := links.get(key)) is not None
            and link.origin in nodes
            and link.target in nodes
            and not link.reroutes
        }
        return inner, touched - inner

    def update_nodes(self, keys: Iterable[str]) -> None:
        """Route the links of these nodes anew, after they moved or changed."""
        self.update(self.links_of(keys))

    def links_of(self, keys: Iterable[str]) -> set[str]:
        """Return the links that start or end at these nodes."""
        found: set[str] = set()
        for key in keys:
            item = self._nodes.get(key)
            if item is not None:
                for slot in item.node.inputs:
                    if slot.link is not None:
                        found.add(slot.link)
                for output in item.node.outputs:
                    found.update(output.links)
        return found

    def update_reroutes(self, keys: Iterable[str]) -> None:
        """Route the links that run through these reroutes anew."""
        wanted = set(keys)
        if self._bound is not None and wanted:
            self.update(
                [key for key, link in self._bound.links.items() if wanted & set(link.reroutes)]
            )

    def set_lit(self, keys: set[str]) -> None:
        """Draw these links in full colour."""
        self.item.set_lit(keys)

    def _place(self, link: BoundLink) -> Box | None:
        origin, target = self._nodes.get(link.origin), self._nodes.get(link.target)
        if origin is None or target is None or not _has_ends(link, origin, target):
            return self.item.remove_link(link.key)
        points: list[Point] = []
        forks: list[int] = []
        if link.reroutes:
            forks = [index for index, key in enumerate(link.reroutes) if key in self._forks]
            points = [
                (reroute.x(), reroute.y())
                for key in link.reroutes
                if (reroute := self._reroutes.get(key)) is not None
            ]
        curves = link_routes.route(
            origin.link_end(link.origin_slot, is_output=True),
            target.link_end(link.target_input, is_output=False),
            points,
            self.style,
            forks,
        )
        return self.item.set_link(link.key, curves, link.type)


def _has_ends(link: BoundLink, origin: NodeItem, target: NodeItem) -> bool:
    return 0 <= link.origin_slot < len(origin.node.outputs) and 0 <= link.target_input < len(
        target.node.inputs
    )
