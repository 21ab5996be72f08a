"""What the executor knows of each node of the running prompt."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from app.engine.errors import EaselError
from app.engine.events import Event
from app.engine.execution.cache import CacheEntry, NodeName, ResultCache, Store, UiOutput
from app.engine.execution.dynamic_prompt import DynamicPrompt, NodeNotFoundError
from app.engine.execution.prompt import DISPLAY_PREFIX, is_link
from app.engine.node_types.schema import NodeSchema, RunSchemas

if TYPE_CHECKING:
    from app.engine.execution.async_calls import PendingCalls
    from app.engine.execution.expansion import Expansion


class NodeInputError(EaselError):
    """A node asked for an input that it cannot get (E-333)."""


class DependencyCycleError(EaselError):
    """Nodes wait for each other in a ring (E-206)."""


class InputLink(NamedTuple):
    """A link into a node.

    Attributes:
        name: Name of the input.
        source_id: The node it comes from.
        slot: Output slot of that node.
        lazy: Whether it waits until the node asks for it.
    """

    name: str
    source_id: str
    slot: Any
    lazy: bool


class NodeState:
    """One node in one run.

    Attributes:
        id: Node id.
        class_type: Name of its type.
        inputs: Its inputs in the prompt.
        schema: What the type declares, or None when that cannot be read.
        links: Its links, in the order of the prompt.
        key: Cache key.
        store: Where its result and its instance are kept.
        parent: The node that expanded into it, or None.
        entry: Its result, as long as the run holds it.
        requested: Sources of lazy links that have been asked for.
        calls: Asynchronous calls under way, or None.
        expansion: The graph it expanded into, while that is running, or None.
        inner_ui: Ui outputs of the nodes it expanded into.
        seconds: Wall time spent in its calls.
        peak_bytes: Memory held meanwhile, main and on accelerators; (0, 0) if not measured.
    """

    # Most nodes never need most of these, so they stand on the class until they do.
    entry: CacheEntry | None = None
    requested: set[str] | tuple[()] = ()
    calls: PendingCalls | None = None
    expansion: Expansion | None = None
    inner_ui: list[UiOutput] | None = None
    seconds: float = 0.0
    peak_bytes: tuple[int, int] = (0, 0)
    key: int = 0
    _links: list[InputLink] | None = None

    def __init__(
        self,
        node_id: str,
        class_type: str,
        inputs: Mapping[str, Any],
        schema: NodeSchema | None,
        store: Store,
        parent: NodeState | None = None,
    ) -> None:
        self.id = node_id
        self.class_type = class_type
        self.inputs = inputs
        self.schema = schema
        self.store = store
        self.parent = parent

    @property
    def links(self) -> list[InputLink]:
        """Its links, in the order of the prompt."""
        # Read when first asked for: a node that is served from the cache never is.
        links = self._links
        if links is None:
            links = self._links = self._read_links()
        return links

    def _read_links(self) -> list[InputLink]:
        schema = self.schema
        links = []
        has_lazy = False
        for name, value in self.inputs.items():
            if type(value) is list and is_link(value) and not name.startswith(DISPLAY_PREFIX):
                spec = schema.declares(name) if schema is not None else None
                lazy = spec is not None and spec.lazy
                has_lazy = has_lazy or lazy
                links.append(InputLink(name, value[0], value[1], lazy))
        if has_lazy:
            # A source that another input needs anyway has its value for the lazy one too.
            self.requested = {link.source_id for link in links if not link.lazy}
        return links

    @property
    def name(self) -> NodeName:
        """Id and class name."""
        return (self.id, self.class_type)


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How prompts are run.

    Attributes:
        strict_reference: Whether the reference's quirks are kept (E-900).
        early_cutoff: Whether nodes behind an always-changed node are served from the cache
            when it gave the same result as before.
        pure_workers: Threads on which nodes declared ``PURE_CPU`` may run side by side; 0
            runs them like all others.
    """

    strict_reference: bool = False
    early_cutoff: bool = False
    pure_workers: int = 0


@dataclass(slots=True, eq=False)
class Run:
    """What all parts of the executor share during one prompt.

    Attributes:
        prompt_id: Id of the run.
        prompt: The nodes that were sent.
        dynprompt: Those and the ones that expansions added.
        extra_data: What came with the prompt (E-014).
        sensitive: Secrets by name (E-704).
        schemas: Node types, read once a run.
        cache: Results of this and earlier runs.
        emit: Takes events.
        options: How nodes are run.
        states: Every node by id.
    """

    prompt_id: str
    prompt: dict[str, Any]
    dynprompt: DynamicPrompt
    extra_data: Mapping[str, Any]
    sensitive: Mapping[str, Any]
    schemas: RunSchemas
    cache: ResultCache
    emit: Callable[[Event], None]
    options: RunOptions = field(default_factory=RunOptions)
    states: dict[str, NodeState] = field(default_factory=dict)

    @property
    def strict(self) -> bool:
        """Whether the reference's quirks are kept (E-900)."""
        return self.options.strict_reference

    def state(self, node_id: str, wanted_by: str) -> NodeState:
        """Return a node that ``wanted_by`` links to.

        Raises:
            NodeNotFoundError: There is no such node.
        """
        state = self.states.get(node_id)
        if state is None:
            raise NodeNotFoundError(
                f"Node {wanted_by} is linked to node {node_id}, which does not exist."
            )
        return state

    def hidden_values(self, state: NodeState, *, idle: bool = False) -> dict[str, Any]:
        """Return the hidden inputs of a node by name (E-040).

        Args:
            state: The node.
            idle: Whether nothing runs yet; then only the node's id is real (E-042).
        """
        if state.schema is None or not state.schema.hidden:
            return {}
        values: dict[str, Any] = {}
        for name, kind in state.schema.hidden.items():
            if kind == "UNIQUE_ID":
                values[name] = state.id
            elif kind == "PROMPT":
                values[name] = {} if idle else self.prompt
            elif kind == "DYNPROMPT":
                values[name] = None if idle else self.dynprompt
            elif kind == "EXTRA_PNGINFO":
                values[name] = None if idle else self.extra_data.get("extra_pnginfo")
            elif kind in ("AUTH_TOKEN_COMFY_ORG", "API_KEY_COMFY_ORG"):
                values[name] = self.sensitive.get(kind.lower())
        return values

    def ui_output(self, state: NodeState, output: dict[str, Any]) -> UiOutput:
        """Wrap the ui dictionary of a node with what is known of the node (E-346)."""
        prompt, node_id = self.dynprompt, state.id
        meta = {
            "node_id": node_id,
            "display_node": prompt.get_display_node_id(node_id),
            "parent_node": prompt.get_parent_node_id(node_id),
            "real_node_id": prompt.get_real_node_id(node_id),
        }
        return UiOutput(node_id, output, meta)


class Retention:
    """Lets go of results that nothing in the run can ask for any more (E-919, E-955).

    A result is held while a node that links to it, lazily or not, has not ended; while an
    expansion's outcome refers to it; and while any node that reads the live graph
    (``DYNPROMPT``) has not ended, since such nodes build graphs that link back to what they
    find. In a branch that never runs, nothing ends, so what it links to is held to the end.
    """

    def __init__(self, states: Mapping[str, NodeState]) -> None:
        self._states = states
        self._uses: dict[str, int] = {}
        self._consumers: set[str] = set()
        self._graph_readers: set[str] = set()
        self._waiting: list[str] = []
        self._pinned: set[str] = set()

    def pin(self, node_id: str) -> None:
        """Hold a result to the end of the run."""
        self._pinned.add(node_id)

    def add(self, consumers: Iterable[NodeState]) -> None:
        """Hold what these nodes link to until each of them has ended."""
        for state in consumers:
            self._consumers.add(state.id)
            for source_id in {link.source_id for link in state.links}:
                self.hold(source_id)
            if state.schema is not None and "DYNPROMPT" in state.schema.hidden.values():
                self._graph_readers.add(state.id)

    def hold(self, source_id: str) -> None:
        """Hold a result until :meth:`release`."""
        self._uses[source_id] = self._uses.get(source_id, 0) + 1

    def release(self, source_id: str) -> None:
        """Undo one :meth:`hold`."""
        self._uses[source_id] -= 1
        if not self._uses[source_id]:
            self._let_go(source_id)

    def ended(self, state: NodeState) -> None:
        """Say that a node has ended."""
        self._graph_readers.discard(state.id)
        if state.id in self._consumers:
            self._consumers.discard(state.id)
            for source_id in {link.source_id for link in state.links}:
                self.release(source_id)
        if not self._uses.get(state.id):
            self._let_go(state.id)
        if not self._graph_readers and self._waiting:
            waiting, self._waiting = self._waiting, []
            for node_id in waiting:
                if not self._uses.get(node_id):
                    self._let_go(node_id)

    def _let_go(self, node_id: str) -> None:
        if self._graph_readers:
            self._waiting.append(node_id)
        elif node_id not in self._pinned:
            state = self._states.get(node_id)
            if state is not None:
                state.entry = None
