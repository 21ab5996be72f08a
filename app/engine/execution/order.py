"""Which node runs next (E-201 to E-207, E-953).

The order holds the nodes that still have to run (*pending*) and who waits for whom. It knows
nothing of prompts: the executor adds nodes and blocks as links, lazy inputs and expansions
ask for them.

Among the ready nodes the best rank wins, and of equal ranks the one that was added first
(E-204): output and asynchronous nodes, nodes that directly block an output node, nodes that
block one of those, all others. A rank can only get better while a node waits, since whom it
blocks cannot end before it; so a heap that is told of improvements is always right.
"""

from __future__ import annotations

from heapq import heappop, heappush

_FRONT, _FEEDS_OUTPUT, _NEAR_OUTPUT, _OTHER = range(4)


class _Pending:
    __slots__ = (
        "blockers", "blocking", "external", "feeds_output", "id", "is_output", "number",
        "queued", "rank", "staged", "waiting_for",
    )  # fmt: skip

    def __init__(self, node_id: str, number: int, is_output: bool, is_front: bool) -> None:
        self.id = node_id
        self.number = number
        self.is_output = is_output
        self.rank = _FRONT if is_front else _OTHER
        self.feeds_output = False
        self.waiting_for = 0
        self.external = 0
        self.staged = False
        self.queued = False
        self.blocking: dict[str, _Pending] = {}
        self.blockers: list[_Pending] = []

    def __lt__(self, other: _Pending) -> bool:
        """Let two entries of one node stand side by side in the heap."""
        return False


class ExecutionOrder:
    """Pending nodes, in the order in which they can run."""

    def __init__(self) -> None:
        self._pending: dict[str, _Pending] = {}
        self._ready: list[tuple[int, int, _Pending]] = []
        self._added: list[_Pending] = []
        self._number = 0
        self._external = 0

    def __contains__(self, node_id: str) -> bool:
        return node_id in self._pending

    def __len__(self) -> int:
        return len(self._pending)

    @property
    def has_external_blocks(self) -> bool:
        """Whether a node waits for something outside, such as an asynchronous call."""
        return self._external > 0

    def add(self, node_id: str, *, is_output: bool = False, is_async: bool = False) -> None:
        """Make a node pending; adding it again changes nothing."""
        if node_id in self._pending:
            return
        self._number += 1
        node = _Pending(node_id, self._number, is_output, is_output or is_async)
        self._pending[node_id] = node
        # Most nodes are blocked a moment later; only those that are not ever reach the heap.
        self._added.append(node)

    def block(self, source_id: str, target_id: str) -> None:
        """Let ``target_id`` wait for ``source_id``; a pair counts once (E-202).

        Raises:
            KeyError: One of them is not pending.
        """
        source, target = self._pending[source_id], self._pending[target_id]
        if target_id in source.blocking:
            return
        source.blocking[target_id] = target
        target.blockers.append(source)
        target.waiting_for += 1
        target.queued = False
        if target.is_output and not source.feeds_output:
            source.feeds_output = True
            self._improve(source, _FEEDS_OUTPUT)
            for before in source.blockers:
                self._improve(before, _NEAR_OUTPUT)
        if target.feeds_output:
            self._improve(source, _NEAR_OUTPUT)

    def _improve(self, node: _Pending, rank: int) -> None:
        if rank < node.rank:
            node.rank = rank
            if node.queued:
                heappush(self._ready, (rank, node.number, node))

    def block_externally(self, node_id: str) -> None:
        """Let a node wait for something outside the order."""
        node = self._pending[node_id]
        node.external += 1
        node.queued = False
        self._external += 1

    def release_externally(self, node_id: str) -> None:
        """Say that what a node waited for outside has come."""
        node = self._pending[node_id]
        node.external -= 1
        self._external -= 1
        self._queue_if_ready(node)

    def next_ready(self) -> str | None:
        """Take the node that runs next, or return None when none is ready.

        The caller ends it with :meth:`complete` or :meth:`put_back`.
        """
        if self._added:
            for node in self._added:
                self._queue_if_ready(node)
            self._added.clear()
        ready = self._ready
        while ready:
            rank, _, node = heappop(ready)
            if node.queued and rank == node.rank:
                node.queued = False
                node.staged = True
                return node.id
        return None

    def complete(self, node_id: str) -> None:
        """Say that a node has ended; those that waited for it may be ready now."""
        node = self._pending.pop(node_id)
        for target in node.blocking.values():
            target.waiting_for -= 1
            self._queue_if_ready(target)
        # The two sides point at each other; without this only the garbage collector frees them.
        node.blocking.clear()
        node.blockers.clear()

    def put_back(self, node_id: str) -> None:
        """Return a node that was taken and has not ended."""
        node = self._pending[node_id]
        node.staged = False
        self._queue_if_ready(node)

    def _queue_if_ready(self, node: _Pending) -> None:
        if not (node.waiting_for or node.external or node.staged or node.queued):
            node.queued = True
            heappush(self._ready, (node.rank, node.number, node))

    def find_cycle(self) -> list[str]:
        """Return the ids of nodes that wait for each other in a ring, or an empty list.

        Every id waits for the one before it.
        """
        for start in self._pending.values():
            path: list[_Pending] = []
            place: dict[str, int] = {}
            node: _Pending | None = start
            while node is not None and node.id not in place:
                place[node.id] = len(path)
                path.append(node)
                node = next((b for b in node.blockers if b.id in self._pending), None)
            if node is not None:
                return [each.id for each in reversed(path[place[node.id] :])]
        return []
