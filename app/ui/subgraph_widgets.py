"""Which widgets inside a subgraph its nodes show: rows of the panel, and their edits (U-196)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.engine.workflow.bind import bind_graph
from app.engine.workflow.binding import BoundGraph, BoundWidget, WidgetRole
from app.engine.workflow.edits import subgraphs
from app.engine.workflow.model import ROOT, Workflow, as_list, id_text
from app.engine.workflow.subgraphs import hosts_of, promotable_widgets
from app.ui.document import WorkflowDocument
from app.ui.widget_specs import widget_kind
from app.ui.words import tr
from app.widgets.spec import WidgetKind

_RECOMMENDED_KINDS = frozenset({WidgetKind.MULTILINE, WidgetKind.COLOR})


@dataclass(frozen=True, slots=True)
class WidgetRow:
    """One widget inside a subgraph.

    Attributes:
        node_key: The node it belongs to.
        widget: Its name there.
        label: Words to show for it; those of the input while it is shown.
        node_title: Title of the node.
        type: Its type, for the colour of its dot.
        is_shown: The subgraph's nodes show it.
        input_index: The input that shows it; None also for what only an older file's
            ``proxyWidgets`` shows.
        reason: Why it cannot be shown, or empty.
        is_recommended: It is of a kind that artists mostly want outside.
    """

    node_key: str
    widget: str
    label: str
    node_title: str
    type: str
    is_shown: bool
    input_index: int | None
    reason: str
    is_recommended: bool

    @property
    def key(self) -> str:
        """What tells it apart from the other rows."""
        return f"{self.node_key}/{self.widget}"

    @property
    def place(self) -> tuple[str, str]:
        """Node and widget, as edits take them."""
        return self.node_key, self.widget

    def matches(self, query: str) -> bool:
        """Tell whether it is what was typed, in small letters."""
        return query in f"{self.label} {self.widget} {self.node_title}".casefold()


def subgraph_of(document: WorkflowDocument, selected: Sequence[str]) -> str:
    """Return the subgraph whose widgets the artist means: the selected, else the shown one.

    Returns:
        Id of the definition, or an empty text.
    """
    if len(selected) == 1 and selected[0] in document.bound.nodes:
        own = document.bound.nodes[selected[0]].subgraph
        if own is not None and own in document.workflow.subgraphs:
            return own
    return ROOT if document.graph_id == ROOT else document.graph_id


def widget_rows(document: WorkflowDocument, subgraph: str) -> list[WidgetRow]:
    """Return all widgets of a subgraph: the shown ones in their order, then the hidden ones."""
    bound = _bound(document, subgraph)
    names = [slot.label or slot.name for slot in bound.nodes["-10"].outputs]
    found = promotable_widgets(bound)
    known = {(row.node_key, row.widget) for row in found}
    proxied = _proxied(document.workflow, subgraph, known)
    shown: list[WidgetRow] = []
    older: list[WidgetRow] = []
    hidden: list[WidgetRow] = []
    for item in found:
        place = (item.node_key, item.widget)
        widget = bound.nodes[item.node_key].widget(item.widget)
        if widget is None or widget.role is WidgetRole.UPLOAD:
            continue
        index = item.input_index
        is_shown = index is not None or place in proxied
        row = WidgetRow(
            item.node_key,
            item.widget,
            item.label if index is None else names[index],
            item.node_title,
            widget.type,
            is_shown,
            index,
            "" if is_shown else item.reason,
            not is_shown and not item.reason and _is_recommended(widget),
        )
        (shown if index is not None else older if is_shown else hidden).append(row)
    older.sort(key=lambda row: proxied.index(row.place))
    # What cannot be shown is no choice; it comes last and says why.
    hidden.sort(key=lambda row: bool(row.reason))
    return [*shown, *older, *hidden]


def show(document: WorkflowDocument, subgraph: str, rows: Sequence[WidgetRow]) -> None:
    """Show widgets on all nodes of a subgraph, as one step.

    Raises:
        SubgraphError: One of them cannot be shown.
    """
    places = [row.place for row in rows if not row.is_shown]
    if places:
        patch = subgraphs.promote(document.workflow, document.bound, places, subgraph=subgraph)
        document.apply(patch, _words(tr("Show {name}"), tr("Show widgets"), rows))


def hide(document: WorkflowDocument, subgraph: str, rows: Sequence[WidgetRow]) -> None:
    """Hide widgets on all nodes of a subgraph, as one step.

    Raises:
        SubgraphError: There is no such subgraph any more.
    """
    places = [row.place for row in rows if row.is_shown]
    if places:
        patch = subgraphs.demote(document.workflow, document.bound, places, subgraph=subgraph)
        document.apply(patch, _words(tr("Hide {name}"), tr("Hide widgets"), rows))


def move(document: WorkflowDocument, subgraph: str, row: WidgetRow, place: int) -> None:
    """Give a shown widget another place among the shown ones, as one step.

    Args:
        document: The document.
        subgraph: The definition.
        row: A shown widget.
        place: Its new number among the shown widgets.

    Raises:
        SubgraphError: There is no such subgraph any more.
    """
    gesture = f"move widget {document.undo_stack.index()}"
    text = tr("Move {name}").format(name=row.label)
    shown = [item for item in widget_rows(document, subgraph) if item.is_shown]
    if any(item.input_index is None for item in shown):
        # An older file keeps its order elsewhere; from now on inputs say it.
        patch = subgraphs.promote(document.workflow, document.bound, (), subgraph=subgraph)
        document.apply(patch, text, gesture=gesture)
        shown = [item for item in widget_rows(document, subgraph) if item.is_shown]
    old = next((index for index, item in enumerate(shown) if item.key == row.key), None)
    place = max(0, min(len(shown) - 1, place))
    if old is None or place == old:
        return
    start, end = shown[old].input_index, shown[place].input_index
    if start is None or end is None or start == end:
        return
    patch = subgraphs.move_input(document.workflow, document.bound, start, end, subgraph=subgraph)
    document.apply(patch, text, gesture=gesture)


def rename(document: WorkflowDocument, subgraph: str, row: WidgetRow, label: str) -> None:
    """Give a shown widget other words, here and on all nodes of the subgraph.

    Raises:
        SubgraphError: There is no such subgraph any more.
    """
    if row.input_index is not None:
        patch = subgraphs.rename_input(
            document.workflow, document.bound, row.input_index, label, subgraph=subgraph
        )
        document.apply(patch, tr("Rename"))


def _bound(document: WorkflowDocument, subgraph: str) -> BoundGraph:
    if document.graph_id == subgraph:
        return document.bound
    workflow = document.workflow
    return bind_graph(workflow, workflow.graph(subgraph), document.definitions)


def _proxied(
    workflow: Workflow, subgraph: str, known: set[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Return the widgets that the ``proxyWidgets`` of older files show, in their order."""
    found: dict[tuple[str, str], None] = {}
    for _, node in hosts_of(workflow, subgraph):
        for entry in as_list(node.properties.get("proxyWidgets")):
            if not isinstance(entry, list) or len(entry) < 2 or not isinstance(entry[1], str):
                continue
            key, name = id_text(entry[0]), entry[1]
            while (key, name) not in known and ": " in name:
                name = name.partition(": ")[2]
            if (key, name) in known:
                found[(key, name)] = None
    return list(found)


def _is_recommended(widget: BoundWidget) -> bool:
    options = widget.options
    return (
        widget_kind(widget) in _RECOMMENDED_KINDS
        or bool(options.get("control_after_generate"))
        or any(str(name).endswith("_upload") for name in options)
        or widget.name in ("seed", "noise_seed", "ckpt_name", "unet_name")
    )


def _words(one: str, many: str, rows: Sequence[WidgetRow]) -> str:
    return one.format(name=rows[0].label) if len(rows) == 1 else many
