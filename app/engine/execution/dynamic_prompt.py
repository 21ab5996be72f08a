"""The prompt while it runs: the nodes that were sent, and those that expansions added."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.engine.errors import EaselError
from app.engine.execution.prompt import is_link

__all__ = ["DynamicPrompt", "NodeNotFoundError", "is_link"]

PromptNode = dict[str, Any]
Prompt = dict[str, PromptNode]


class NodeNotFoundError(EaselError):
    """A node id is not part of the running prompt."""


class DynamicPrompt:
    """The nodes of one run by id (E-349).

    Nodes that an expansion adds are *ephemeral*: they have a parent, the node that expanded,
    and a display id, the node in whose place an artist sees their progress (E-343).
    """

    def __init__(self, original_prompt: Mapping[str, PromptNode]) -> None:
        self.original_prompt = original_prompt
        self._ephemeral: Prompt = {}
        self._parents: dict[str, str] = {}
        self._displays: dict[str, str] = {}

    def get_node(self, node_id: str) -> PromptNode:
        """Return the node object of ``node_id``.

        Raises:
            NodeNotFoundError: No such node is part of this run.
        """
        node = self._ephemeral.get(node_id)
        if node is None:
            node = self.original_prompt.get(node_id)
        if node is None:
            raise NodeNotFoundError(f"Node {node_id} is not part of this prompt.")
        return node

    def has_node(self, node_id: str) -> bool:
        """Tell whether ``node_id`` is part of this run."""
        return node_id in self.original_prompt or node_id in self._ephemeral

    def is_ephemeral(self, node_id: str) -> bool:
        """Tell whether an expansion made ``node_id``."""
        return node_id in self._ephemeral

    def add_ephemeral_node(
        self, node_id: str, node_info: PromptNode, parent_id: str, display_id: str
    ) -> None:
        """Add a node that ``parent_id`` expanded into, shown in the place of ``display_id``."""
        self._ephemeral[node_id] = node_info
        self._parents[node_id] = parent_id
        self._displays[node_id] = display_id

    def get_parent_node_id(self, node_id: str) -> str | None:
        """Return the node that expanded into ``node_id``, or None for a prompt node."""
        return self._parents.get(node_id)

    def get_real_node_id(self, node_id: str) -> str:
        """Return the outermost ancestor of ``node_id`` that stands in the prompt itself."""
        parents = self._parents
        while node_id in parents:
            node_id = parents[node_id]
        return node_id

    def get_display_node_id(self, node_id: str) -> str:
        """Return the node in whose place ``node_id`` is shown; display ids are followed on."""
        displays = self._displays
        seen: set[str] | None = None
        while node_id in displays:
            following = displays[node_id]
            if seen is None:
                seen = set()
            if following in seen or following == node_id:
                break
            seen.add(node_id)
            node_id = following
        return node_id

    def all_node_ids(self) -> set[str]:
        """Return the ids of all nodes, ephemeral ones included."""
        return set(self.original_prompt) | set(self._ephemeral)

    def get_original_prompt(self) -> Mapping[str, PromptNode]:
        """Return the prompt as it runs, without ephemeral nodes."""
        return self.original_prompt
