"""Copies of prompts, so that a run never changes what somebody else holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_CONTAINERS = frozenset({list, dict})


def copy_prompt(prompt: Any) -> Any:
    """Copy a prompt with everything in it that can be changed in place.

    Lists and dictionaries are copied to any depth that JSON can have; other values, such as
    tensors that a script passes as constants, are shared.
    """
    if type(prompt) is not dict:
        return prompt
    copied = {}
    for node_id, node in prompt.items():
        if isinstance(node, Mapping):
            node = {**node}
            inputs = node.get("inputs")
            if isinstance(inputs, Mapping):
                node["inputs"] = {
                    name: copy_containers(value) if type(value) in _CONTAINERS else value
                    for name, value in inputs.items()
                }
        copied[node_id] = node
    return copied


def copy_containers(value: Any) -> Any:
    """Copy lists and dictionaries to any depth; everything else is shared."""
    if type(value) is dict:
        return {key: copy_containers(item) for key, item in value.items()}
    if type(value) is list:
        return [copy_containers(item) if type(item) in _CONTAINERS else item for item in value]
    return value


def snapshot(prompt: Mapping[str, Any]) -> dict[str, Any]:
    """Copy the nodes and their inputs; the values, links among them, are shared."""
    return {
        node_id: {**node, "inputs": dict(node.get("inputs") or {})}
        for node_id, node in prompt.items()
    }
