"""What the search popup can list: nodes to add, commands to run, nodes of the document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.engine.node_types.definition import NodeDefinition
from app.ui.commands import CommandRegistry
from app.ui.document import WorkflowDocument
from app.ui.keybindings import Keybindings
from app.ui.node_catalog import (
    NodeCatalog,
    can_give,
    can_take,
    category_path,
    category_words,
    main_type,
    pack_words,
)
from app.ui.search_rows import SearchRow
from app.ui.words import tr
from app.widgets.fuzzy import SearchItem, matched_letters, rank, split_words


@dataclass(frozen=True, slots=True)
class Filter:
    """One chip that is set.

    Attributes:
        kind: ``input``, ``output``, ``category`` or ``pack``.
        value: Type, category or pack.
    """

    kind: str
    value: str

    @property
    def words(self) -> str:
        """Words on the chip."""
        if self.kind == "input":
            return tr("takes {type}").format(type=self.value)
        if self.kind == "output":
            return tr("gives {type}").format(type=self.value)
        return self.value

    def accepts(self, definition: NodeDefinition) -> bool:
        """Tell whether a node passes."""
        if self.kind == "input":
            return can_take(definition, self.value)
        if self.kind == "output":
            return can_give(definition, self.value)
        if self.kind == "category":
            return category_path(definition)[0] == self.value
        return pack_words(definition) == self.value


@dataclass(frozen=True, slots=True)
class FoundNode:
    """A node of the document: its graph and its key there."""

    graph_id: str
    key: str


def node_rows(catalog: NodeCatalog, query: str, filters: Sequence[Filter]) -> list[SearchRow]:
    """Return the nodes that a query finds and all filters accept, best first."""

    def accept(definition: NodeDefinition) -> bool:
        return all(item.accepts(definition) for item in filters)

    return [
        SearchRow(
            hit.definition.display_name,
            category_words(hit.definition),
            pack_words(hit.definition),
            hit.letters,
            dot=main_type(hit.definition),
            payload=hit.definition,
        )
        for hit in catalog.find(query, accept=accept if filters else None)
    ]


def command_rows(commands: CommandRegistry, keys: Keybindings, query: str) -> list[SearchRow]:
    """Return the commands that a query finds; those that cannot run now stand last."""
    text = query.strip().lower()
    words = split_words(query) or [text]
    ranked = []
    for order, command in enumerate(commands):
        name = command.title.rstrip("…")
        place = name.lower().find(text)
        more = f"{name} {command.words} {command.menu}".lower()
        if place < 0 and not all(word in more for word in words):
            continue
        is_enabled = command.enabled()
        row = SearchRow(
            name,
            command.menu.partition("/")[0],
            keys.shown_key(command.id),
            matched_letters(name, text, words) if text else (),
            icon=command.icon or "chevron-right",
            is_enabled=is_enabled,
            payload=command.id,
        )
        ranked.append(((not is_enabled, place < 0, place, order), row))
    ranked.sort(key=lambda pair: pair[0])
    return [row for _, row in ranked]


def find_items(document: WorkflowDocument | None) -> list[SearchItem]:
    """Return the nodes of a document, inside subgraphs too, for :func:`find_rows`."""
    if document is None:
        return []
    items = []
    for graph in document.workflow.graphs():
        for node in graph.nodes.values():
            definition = document.definitions.get(node.type)
            name = node.title or (definition.display_name if definition else node.type)
            texts = [value for value in _values(node.get("widgets_values")) if value]
            items.append(
                SearchItem(
                    name,
                    aliases=(node.type, node.key, *texts),
                    detail=f"{node.type}  ·  #{node.key}",
                    data=FoundNode(graph.id, node.key),
                    tone=main_type(definition) if definition else "*",
                    note=str(graph.raw.get("name") or tr("subgraph")) if graph.id else "",
                )
            )
    return items


def find_rows(items: Sequence[SearchItem], query: str) -> list[SearchRow]:
    """Return the nodes that fit, by title, type, id or text (U-019)."""
    return [
        SearchRow(
            match.item.name,
            match.item.detail,
            match.item.note,
            match.letters,
            dot=match.item.tone,
            payload=match.item.data,
        )
        for match in rank(query, items)
    ]


def _values(stored: object) -> list[str]:
    """Return the texts among the stored values of a node's widgets."""
    values = stored if isinstance(stored, list) else []
    if isinstance(stored, dict):
        values = list(stored.values())
    return [value[:200] for value in values if isinstance(value, str)]
