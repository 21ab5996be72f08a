"""The open document: a workflow, its undo stack, its path, and the signals that views follow.

Everything an artist can take back goes through :meth:`WorkflowDocument.apply` as a patch. The
document applies it, brings the bound graph up to date and tells what changed; the canvas and the
panels only follow. Undo, paste and loading therefore need no code on the canvas.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoCommand, QUndoStack

from app.engine.node_types.definition import NodeDefinition
from app.engine.workflow.bind import BindingChange, bind_graph, update_binding
from app.engine.workflow.binding import BoundGraph, BoundNode
from app.engine.workflow.model import ROOT, Graph, Workflow
from app.engine.workflow.patch import Patch, SetKey, apply_patch
from app.engine.workflow.promotion import with_hosts
from app.engine.workflow.subgraphs import Level, breadcrumb, host_path


class WorkflowDocument(QObject):
    """A workflow while it is edited. Lives on the GUI thread.

    Attributes:
        workflow: The records. Read freely; change only through :meth:`apply`.
        bound: The shown graph joined with its definitions; kept up to date.
        undo_stack: One entry for each gesture.
        restyled: While the signals of an edit are sent: the nodes of ``nodes_changed`` whose slots
            and widgets are as they were.

    Signals:
        about_to_change: Before every edit, undo and redo, with the patch; with None before
            another graph is shown or everything is bound anew.
        graph_reset: Another graph is shown, or everything may have changed: build anew.
        nodes_added, nodes_removed: Lists of node keys.
        nodes_changed: Keys of nodes of which anything but the position changed.
        nodes_moved: Keys of nodes of which only the position changed.
        order_changed: The drawing order of nodes changed.
        links_changed: Keys of links that were added, removed or run differently.
        groups_changed, reroutes_changed: Keys that were added, removed or changed.
        edited: After every edit, undo and redo, once.
        modified_changed: Whether there are unsaved changes.
        path_changed: The file has another path or name.
    """

    about_to_change = Signal(object)
    graph_reset = Signal()
    nodes_added = Signal(object)
    nodes_removed = Signal(object)
    nodes_changed = Signal(object)
    nodes_moved = Signal(object)
    order_changed = Signal()
    links_changed = Signal(object)
    groups_changed = Signal(object)
    reroutes_changed = Signal(object)
    edited = Signal()
    modified_changed = Signal(bool)
    path_changed = Signal()

    def __init__(
        self,
        workflow: Workflow,
        definitions: Mapping[str, NodeDefinition],
        *,
        path: Path | None = None,
        name: str = "Untitled",
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.workflow = workflow
        self.undo_stack = QUndoStack(self)
        self.restyled: frozenset[str] = frozenset()
        self._definitions = definitions
        self._path = path
        self._name = name
        self._graph_id = ROOT
        self._trail: tuple[str, ...] = ()
        self.bound: BoundGraph = bind_graph(workflow, workflow.root, definitions)
        self.undo_stack.cleanChanged.connect(self._on_clean_changed)

    @property
    def definitions(self) -> Mapping[str, NodeDefinition]:
        """Node definitions by type name."""
        return self._definitions

    @property
    def graph(self) -> Graph:
        """The graph that is shown."""
        return self.workflow.graph(self._graph_id)

    @property
    def graph_id(self) -> str:
        """Id of the graph that is shown; empty for the root."""
        return self._graph_id

    @property
    def trail(self) -> tuple[str, ...]:
        """Keys of the hosts that were entered to come to the shown graph, from the root down."""
        return self._trail

    @property
    def levels(self) -> tuple[Level, ...]:
        """The way from the root to the shown graph; one level while the root is shown."""
        return breadcrumb(self.workflow, self._trail)

    @property
    def path(self) -> Path | None:
        """The file it was read from or saved to, or None."""
        return self._path

    @property
    def title(self) -> str:
        """The name an artist reads: the file's name without its ending."""
        return self._path.stem if self._path is not None else self._name

    @property
    def is_modified(self) -> bool:
        """Whether there are unsaved changes. Pan, zoom and selection are none."""
        return not self.undo_stack.isClean()

    def node(self, key: str) -> BoundNode:
        """Return a node of the shown graph.

        Raises:
            KeyError: There is no such node.
        """
        return self.bound.nodes[key]

    def apply(self, patch: Patch, text: str, *, gesture: str = "") -> None:
        """Make an edit as one undo step.

        Args:
            patch: What changes; an empty patch does nothing.
            text: Name of the step as the menu says it: ``"Move nodes"``.
            gesture: Steps that follow each other with the same text and gesture merge into one.
        """
        if patch:
            patch = with_hosts(self.workflow, self._definitions, patch)
            self.undo_stack.push(_PatchCommand(self, patch, text, gesture))

    def replace(self, workflow: Workflow, text: str) -> None:
        """Put another workflow in the place of this one, as one undo step.

        Args:
            workflow: What was read; it belongs to the document from now on.
            text: Name of the step as the menu says it.
        """
        self.undo_stack.push(_ReplaceCommand(self, workflow, text))

    def set_definitions(self, definitions: Mapping[str, NodeDefinition]) -> None:
        """Bind all nodes anew, for example after packs have loaded."""
        self._definitions = definitions
        self._rebind()

    def show_graph(self, graph_id: str) -> None:
        """Show the root or a subgraph definition, by the shortest way that leads there.

        Raises:
            KeyError: There is no such definition.
        """
        self.workflow.graph(graph_id)
        self._graph_id = graph_id
        self._trail = host_path(self.workflow, graph_id) or ()
        self._rebind()

    def enter(self, key: str) -> bool:
        """Show what is inside a host of the shown graph; tells whether there is something.

        Raises:
            KeyError: There is no such node.
        """
        subgraph = self.bound.nodes[key].subgraph
        if subgraph is None or subgraph not in self.workflow.subgraphs:
            return False
        self._trail = (*self._trail, key)
        self._graph_id = subgraph
        self._rebind()
        return True

    def show_level(self, depth: int) -> None:
        """Go back up to a level of the way here; 0 is the root."""
        self._trail = self._trail[: max(0, depth)]
        self._graph_id = self.levels[-1].graph_id
        self._rebind()

    def set_path(self, path: Path) -> None:
        """Take note that the document lies at ``path`` now."""
        self._path = path
        self.path_changed.emit()

    def rename(self, name: str) -> None:
        """Give a document that has no file yet another name."""
        self._name = name
        self.path_changed.emit()

    def mark_saved(self) -> None:
        """Take note that the present state is on disk."""
        self.undo_stack.setClean()

    def set_view(self, scale: float, offset: tuple[float, float]) -> None:
        """Remember where the artist looks, for the next save; never an edit."""
        extra = self.graph.raw.get("extra")
        state = {"scale": scale, "offset": [offset[0], offset[1]]}
        self.graph.raw["extra"] = {**(extra if isinstance(extra, dict) else {}), "ds": state}

    def _on_clean_changed(self, is_clean: bool) -> None:
        self.modified_changed.emit(not is_clean)

    def _apply_now(self, patch: Patch) -> Patch:
        self.about_to_change.emit(patch)
        inverse = apply_patch(self.workflow, patch)
        change = update_binding(self.workflow, self.bound, self._definitions, patch)
        self._emit(change)
        return inverse

    def _swap(self, workflow: Workflow) -> Workflow:
        """Show another workflow; return the one that was shown."""
        self.about_to_change.emit(None)
        before, self.workflow = self.workflow, workflow
        self._rebind(is_edit=True)
        self.edited.emit()
        return before

    def _rebind(self, *, is_edit: bool = False) -> None:
        if not is_edit:
            self.about_to_change.emit(None)
        if not self._is_way_whole():
            # An undo has taken a host or the definition away: show what is left of the way.
            levels = self.levels
            self._trail = tuple(level.host_key for level in levels[1:])
            self._graph_id = levels[-1].graph_id
        self.bound = bind_graph(self.workflow, self.graph, self._definitions)
        self.graph_reset.emit()

    def _is_way_whole(self) -> bool:
        if not self._trail:
            # Definitions that nothing hosts can be shown too.
            return self._graph_id == ROOT or self._graph_id in self.workflow.subgraphs
        levels = self.levels
        return len(levels) > len(self._trail) and levels[-1].graph_id == self._graph_id

    def _emit(self, change: BindingChange) -> None:
        if change.is_reset or not self._is_way_whole():
            self._rebind(is_edit=True)
            self.edited.emit()
            return
        self.restyled = change.nodes_restyled
        for keys, signal in (
            (change.links_removed, self.links_changed),
            (change.nodes_removed, self.nodes_removed),
            (change.nodes_added, self.nodes_added),
            (change.nodes_changed, self.nodes_changed),
            (change.nodes_moved, self.nodes_moved),
            (change.reroutes, self.reroutes_changed),
            (change.groups, self.groups_changed),
            (change.links_added, self.links_changed),
        ):
            if keys:
                signal.emit(list(keys))
        if change.is_reordered:
            self.order_changed.emit()
        self.restyled = frozenset()
        self.edited.emit()


class _PatchCommand(QUndoCommand):
    """One patch on the undo stack; steps of one gesture merge."""

    def __init__(self, document: WorkflowDocument, patch: Patch, text: str, gesture: str) -> None:
        super().__init__(text)
        self._document = document
        self._patch = patch
        self._inverse: Patch = ()
        self._gesture = gesture

    def id(self) -> int:
        """Tell Qt whether steps may merge at all."""
        return 1 if self._gesture else -1

    def redo(self) -> None:
        """Apply the patch."""
        self._inverse = self._document._apply_now(self._patch)

    def undo(self) -> None:
        """Apply what takes it back."""
        self._document._apply_now(self._inverse)

    def mergeWith(self, other: QUndoCommand) -> bool:
        """Absorb a later step of the same gesture, so that one undo reverts it all."""
        if (
            not isinstance(other, _PatchCommand)
            or other._gesture != self._gesture
            or other.text() != self.text()
        ):
            return False
        self._patch = _join(self._patch, other._patch)
        self._inverse = _join(other._inverse, self._inverse)
        # A gesture that ends where it began, or was cancelled, leaves no step behind.
        self.setObsolete(_is_idle(self._patch, self._inverse))
        return True


class _ReplaceCommand(QUndoCommand):
    """Another workflow in the place of the one that was there."""

    def __init__(self, document: WorkflowDocument, workflow: Workflow, text: str) -> None:
        super().__init__(text)
        self._document = document
        self._other = workflow

    def redo(self) -> None:
        """Show the other workflow."""
        self._other = self._document._swap(self._other)

    def undo(self) -> None:
        """Show the one from before; the very records, so that earlier steps fit them."""
        self._other = self._document._swap(self._other)


def _target(operation: SetKey) -> tuple[object, ...]:
    return (operation.graph, operation.kind, operation.key, operation.name)


def _is_idle(patch: Patch, inverse: Patch) -> bool:
    """Tell whether a patch sets every value to what it was before."""
    before = {_target(item): item.value for item in inverse if isinstance(item, SetKey)}
    return all(
        isinstance(item, SetKey)
        and _target(item) in before
        and type(item.value) is type(before[_target(item)])
        and item.value == before[_target(item)]
        for item in patch
    )


def _join(first: Patch, second: Patch) -> Patch:
    """Concatenate two patches; of plain value changes to one key only the last one counts."""
    if not all(isinstance(operation, SetKey) for operation in (*first, *second)):
        return first + second
    replaced = {_target(item) for item in second if isinstance(item, SetKey)}
    kept = tuple(
        item for item in first if not isinstance(item, SetKey) or _target(item) not in replaced
    )
    return kept + second
