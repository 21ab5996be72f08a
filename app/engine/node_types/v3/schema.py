"""The schema of a V3 node: what it declares, checked and made complete (E-063 to E-065)."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from typing import Any

from app.engine.node_types.v3.base import Input, Output


class Hidden(enum.StrEnum):
    """Values a node can ask for that are neither widgets nor links (E-071)."""

    unique_id = "UNIQUE_ID"
    prompt = "PROMPT"
    extra_pnginfo = "EXTRA_PNGINFO"
    dynprompt = "DYNPROMPT"
    auth_token_comfy_org = "AUTH_TOKEN_COMFY_ORG"
    api_key_comfy_org = "API_KEY_COMFY_ORG"


class HiddenHolder:
    """The hidden values of one call; what was not asked for is None (E-072)."""

    def __init__(self, **values: Any) -> None:
        for member in Hidden:
            setattr(self, member.name, values.get(member.name))

    def __getattr__(self, name: str) -> None:
        if name.startswith("__"):
            raise AttributeError(name)
        return None


class Schema:
    """What a V3 node declares about itself.

    Attributes:
        node_id: Name of the node type, the ``class_type`` of prompts.
        display_name: Title, or None.
        category: Place in the node menu, parts joined with ``/``.
        inputs: Declared inputs, in order.
        outputs: Declared outputs, in order.
        hidden: Hidden values asked for.
        description: Help text.
        is_input_list: Whether every argument arrives as a list and the node is called once.
        is_output_node: Whether the node is worth running for its own sake.
        not_idempotent: Whether equal nodes must each run.
        enable_expand: Whether the node may return a graph in its place.
        options: Keywords this version does not know, kept as they came.
    """

    def __init__(
        self,
        node_id: str,
        display_name: str | None = None,
        category: str = "sd",
        inputs: Sequence[Input] | None = None,
        outputs: Sequence[Output] | None = None,
        hidden: Sequence[Hidden] | None = None,
        description: str = "",
        is_input_list: bool = False,
        is_output_node: bool = False,
        is_deprecated: bool = False,
        is_experimental: bool = False,
        is_api_node: bool = False,
        not_idempotent: bool = False,
        enable_expand: bool = False,
        search_aliases: Sequence[str] | None = None,
        **options: Any,
    ) -> None:
        self.node_id = node_id
        self.display_name = display_name
        self.category = category
        self.inputs: list[Input] = list(inputs or ())
        self.outputs: list[Output] = list(outputs or ())
        self.hidden: list[Hidden] = list(hidden or ())
        self.description = description
        self.is_input_list = is_input_list
        self.is_output_node = is_output_node
        self.is_deprecated = is_deprecated
        self.is_experimental = is_experimental
        self.is_api_node = is_api_node
        self.not_idempotent = not_idempotent
        self.enable_expand = enable_expand
        self.search_aliases = list(search_aliases or ())
        self.options = options

    def finalize(self) -> None:
        """Add the hidden values that the kind of node implies, and name unnamed outputs."""
        if self.is_api_node:
            self._ask_for(Hidden.auth_token_comfy_org, Hidden.api_key_comfy_org)
        if self.is_output_node:
            self._ask_for(Hidden.prompt, Hidden.extra_pnginfo)
        for index, output in enumerate(self.outputs):
            if output.id is None:
                output.id = f"_{index}_{output.io_type}_"

    def validate(self) -> None:
        """Check that no id is used twice.

        Raises:
            ValueError: Two inputs, or two outputs, share an id.
        """
        _require_unique("input", self.node_id, (item.id for item in self.inputs))
        _require_unique("output", self.node_id, (str(item.id) for item in self.outputs))

    def hidden_kinds(self) -> dict[str, tuple[str]]:
        """Return the hidden section of INPUT_TYPES: name -> 1-tuple of the kind."""
        return {member.name: (member.value,) for member in map(_hidden, self.hidden)}

    def _ask_for(self, *members: Hidden) -> None:
        asked = {_hidden(member) for member in self.hidden}
        self.hidden.extend(member for member in members if member not in asked)


def _hidden(member: Hidden | str) -> Hidden:
    return member if isinstance(member, Hidden) else Hidden(member)


def _require_unique(kind: str, node_id: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f'Node "{node_id}" declares the {kind} "{name}" twice')
        seen.add(name)
