"""Which nodes are offered, in which folders, and which ones a query finds.

The library and the search popup share one catalog. It is made again when definitions change and
keeps its index, so that typing a letter never walks more than the names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from app.engine.node_types.definition import NodeDefinition
from app.engine.workflow.type_match import types_fit
from app.ui.words import tr
from app.widgets.fuzzy import SearchItem, rank

_KNOWN = {"3d": "3D", "api": "API", "clip": "CLIP", "vae": "VAE", "ui": "UI", "sd": "SD"}


@dataclass(frozen=True, slots=True)
class Hit:
    """One node that a query found.

    Attributes:
        definition: The node.
        letters: Positions of the matched letters in its display name.
    """

    definition: NodeDefinition
    letters: tuple[int, ...] = ()


def category_path(definition: NodeDefinition) -> list[str]:
    """Return the folders a node lies in, as people say them."""
    parts = [part.strip() for part in definition.category.split("/") if part.strip()]
    return [spoken(part) for part in parts] or [tr("Other")]


def category_words(definition: NodeDefinition) -> str:
    """Return the folders of a node in one line: ``"Sampling / custom sampling"``."""
    first, *rest = category_path(definition)
    return " / ".join([first, *(part[:1].lower() + part[1:] for part in rest)])


def spoken(name: str) -> str:
    """Return an identifier as words: ``"custom_sampling"`` becomes ``"Custom sampling"``."""
    words = name.replace("_", " ").split()
    said = [_KNOWN.get(word.lower(), word) for word in words]
    text = " ".join(said)
    return text[:1].upper() + text[1:]


def main_type(definition: NodeDefinition) -> str:
    """Return the type by which a node's dot is coloured: what it gives, else what it takes."""
    if definition.outputs:
        return definition.outputs[0].type
    sockets = [item for item in definition.inputs if not item.is_widget]
    return sockets[0].type if sockets else "*"


def pack_words(definition: NodeDefinition) -> str:
    """Return where a node comes from, for people."""
    return definition.pack or tr("Built in")


def can_take(definition: NodeDefinition, type_name: str) -> bool:
    """Tell whether some input of a node fits a type."""
    return any(
        types_fit(item.type, type_name)
        for item in definition.inputs
        if not item.is_widget or item.type == type_name
    )


def can_give(definition: NodeDefinition, type_name: str) -> bool:
    """Tell whether some output of a node fits a type."""
    return any(types_fit(item.type, type_name) for item in definition.outputs)


class NodeCatalog:
    """The nodes on offer.

    Args:
        definitions: All known nodes.
        show_deprecated: Offer nodes that are marked as such.
        show_experimental: Offer nodes that are marked as such.
        uses: How often the artist has added each type.
    """

    def __init__(
        self,
        definitions: Mapping[str, NodeDefinition],
        *,
        show_deprecated: bool = False,
        show_experimental: bool = True,
        uses: Mapping[str, int] | None = None,
    ) -> None:
        self.definitions = definitions
        # Kept as it is, not copied: the window goes on counting in it.
        self.uses = {} if uses is None else uses
        self._offered = [
            item
            for item in definitions.values()
            if (show_deprecated or not item.deprecated)
            and (show_experimental or not item.experimental)
            and not item.name.startswith("_")
        ]
        # Among equals the earlier one wins, so a pack's clone never stands before a built-in node.
        self._offered.sort(key=lambda item: bool(item.pack))
        self._tree: dict[str, Any] | None = None
        self._index: list[SearchItem] | None = None

    def __len__(self) -> int:
        return len(self._offered)

    def forget_uses(self) -> None:
        """Count the uses anew at the next search."""
        self._index = None

    def prepare(self) -> None:
        """Build the index now, so that the first search does not have to."""
        if self._index is None:
            self._index = [_search_item(item, self.uses) for item in self._offered]

    @property
    def offered(self) -> list[NodeDefinition]:
        """All nodes on offer, in the order in which they were declared."""
        return self._offered

    def get(self, name: str) -> NodeDefinition | None:
        """Return a node by its type name, whether it is offered or not."""
        return self.definitions.get(name)

    def tree(self) -> dict[str, Any]:
        """Return the nodes in nested folders by category; a folder's nodes lie under ``""``."""
        if self._tree is None:
            self._tree = _build_tree(self._offered, category_path)
        return self._tree

    def tree_by_pack(self) -> dict[str, Any]:
        """Return the nodes in one folder for each pack."""
        return _build_tree(self._offered, lambda item: [pack_words(item)])

    def categories(self) -> list[str]:
        """Return the top folders, sorted."""
        return sorted({category_path(item)[0] for item in self._offered}, key=str.casefold)

    def packs(self) -> list[str]:
        """Return the packs, sorted, built-in nodes first."""
        own = tr("Built in")
        names = {pack_words(item) for item in self._offered}
        return sorted(names, key=lambda name: (name != own, name.casefold()))

    def types(self, *, given: bool) -> list[str]:
        """Return the socket types that nodes take or give, the most frequent first."""
        counts: dict[str, int] = {}
        for item in self._offered:
            sockets: Iterable[Any] = item.outputs if given else item.inputs
            for name in {socket.type for socket in sockets}:
                counts[name] = counts.get(name, 0) + 1
        return sorted(counts, key=lambda name: (-counts[name], name))

    def find(
        self,
        query: str,
        *,
        accept: Callable[[NodeDefinition], bool] | None = None,
        limit: int = 0,
    ) -> list[Hit]:
        """Return the nodes a query finds, best first (U-031).

        Args:
            query: What was typed; with an empty one all nodes come, the most used first.
            accept: Further condition, from the filter chips.
            limit: Most hits to return, 0 for all.
        """
        self.prepare()
        check = None if accept is None else lambda item: accept(item.data)
        found = rank(query, self._index or (), most=limit or None, accept=check)
        return [Hit(match.item.data, match.letters) for match in found]


def _search_item(definition: NodeDefinition, uses: Mapping[str, int]) -> SearchItem:
    return SearchItem(
        definition.display_name,
        aliases=(definition.name, *definition.search_aliases),
        uses=uses.get(definition.name, 0),
        is_last=definition.deprecated,
        data=definition,
    )


def _build_tree(
    items: Iterable[NodeDefinition], path_of: Callable[[NodeDefinition], list[str]]
) -> dict[str, Any]:
    root: dict[str, Any] = {}
    for item in items:
        place = root
        for name in path_of(item):
            place = place.setdefault(name, {})
        place.setdefault("", []).append(item)
    for place in _folders(root):
        if "" in place:
            place[""].sort(key=lambda item: item.display_name.casefold())
    return root


def _folders(tree: dict[str, Any]) -> Iterable[dict[str, Any]]:
    yield tree
    for name, sub in tree.items():
        if name:
            yield from _folders(sub)
