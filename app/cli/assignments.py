"""``--set NODE.INPUT=VALUE``: change inputs of a prompt before it runs."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterable
from typing import Any

from app.engine.errors import EaselError
from app.engine.execution.prompt import is_link

Prompt = dict[str, dict[str, Any]]
InputNames = Callable[[str], Iterable[str]]
"""Returns the names of the inputs that a node type declares."""


class AssignmentError(EaselError):
    """A ``--set`` cannot be understood, or names a node or input that is not there."""


def apply_assignment(prompt: Prompt, text: str, declared_inputs: InputNames) -> None:
    """Change one input of ``prompt`` as ``NODE.INPUT=VALUE`` says.

    NODE is a node id, or a title or node type that only one node has. Where the input holds
    a text now, VALUE is taken as it stands; elsewhere it is read as JSON if it can be.

    Args:
        prompt: Changed in place.
        text: The assignment.
        declared_inputs: Names the inputs of a node type that the prompt may leave out.

    Raises:
        AssignmentError: The text has another form, or names nothing that is there.
    """
    target, equals, value = text.partition("=")
    if not equals or "." not in target:
        raise AssignmentError(f'Cannot use "--set {text}": write it as NODE.INPUT=VALUE.')
    node_id, name = _find_input(prompt, target, declared_inputs)
    inputs = prompt[node_id].setdefault("inputs", {})
    old = inputs.get(name)
    inputs[name] = value if isinstance(old, str) else _parse_value(value)


def _find_input(prompt: Prompt, target: str, declared_inputs: InputNames) -> tuple[str, str]:
    dots = [at for at, letter in enumerate(target) if letter == "."]
    # Input names may hold dots ("images.image0") and so may titles: take what fits.
    found = [(_find_nodes(prompt, target[:dot]), target[dot + 1 :]) for dot in dots]
    known = [(ids, name) for ids, name in found if ids]
    if not known:
        raise AssignmentError(_unknown_node(prompt, target[: dots[0]]))
    for ids, name in known:
        if len(ids) > 1:
            shown = ", ".join(ids)
            raise AssignmentError(
                f'"{target[: -len(name) - 1]}" is the name of several nodes: use an id ({shown}).'
            )
        if name in _input_names(prompt[ids[0]], declared_inputs):
            return ids[0], name
    [node_id, *_], name = known[0]
    raise AssignmentError(_unknown_input(prompt[node_id], node_id, name, declared_inputs))


def _find_nodes(prompt: Prompt, name: str) -> list[str]:
    if name in prompt:
        return [name]
    titled = [key for key, node in prompt.items() if _title(node) == name]
    return titled or [key for key, node in prompt.items() if node.get("class_type") == name]


def _title(node: dict[str, Any]) -> str:
    meta = node.get("_meta")
    return str(meta.get("title", "")) if isinstance(meta, dict) else ""


def _input_names(node: dict[str, Any], declared_inputs: InputNames) -> list[str]:
    present = node.get("inputs")
    names = list(present) if isinstance(present, dict) else []
    return [*names, *declared_inputs(str(node.get("class_type", "")))]


def _unknown_node(prompt: Prompt, name: str) -> str:
    names = {*prompt, *(_title(node) for node in prompt.values())}
    names |= {str(node.get("class_type", "")) for node in prompt.values()}
    return f'There is no node "{name}" in the file.{_suggestion(name, names)}'


def _unknown_input(
    node: dict[str, Any], node_id: str, name: str, declared_inputs: InputNames
) -> str:
    names = _input_names(node, declared_inputs)
    links = {key for key, value in (node.get("inputs") or {}).items() if is_link(value)}
    kind = node.get("class_type")
    settable = ", ".join(dict.fromkeys(key for key in names if key not in links))
    advice = _suggestion(name, names) or (f" It has: {settable}." if settable else "")
    return f'Node {node_id} ({kind}) has no input "{name}".{advice}'


def _suggestion(name: str, names: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, [each for each in names if each], n=1)
    return f' Did you mean "{close[0]}"?' if close else ""


def _parse_value(text: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    # A bare list would be taken for a link (E-012); a link is meant where it looks like one.
    return {"__value__": value} if isinstance(value, list) and not is_link(value) else value
