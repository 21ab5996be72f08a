"""Control after generate: the step each seed takes between runs (W-080 to W-085)."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from app.engine.node_types.definition import NodeDefinition
from app.engine.workflow.bind import bind_document
from app.engine.workflow.binding import BoundGraph, BoundNode, BoundWidget, WidgetRole
from app.engine.workflow.model import RecordKind, Workflow
from app.engine.workflow.patch import Operation, Patch, SetKey
from app.engine.workflow.values import with_value

_LIMIT: Final = 1125899906842624
_DEFAULT_MAX: Final = 2048
_DEFAULT_STEPS: Final = {"INT": 1, "FLOAT": 0.5}


def step_seeds(
    workflow: Workflow,
    definitions: Mapping[str, NodeDefinition],
    *,
    when: str,
    seen: set[str] | None = None,
    chance: random.Random | None = None,
) -> Patch:
    """Return the patch that moves every controlled widget one step.

    Args:
        workflow: The document.
        definitions: Node definitions by type name.
        when: ``"before"`` or ``"after"`` conversion. Before, a control that is not in ``seen``
            only enters it, so that the first run uses the value that is shown (W-080).
        seen: Names of controls that ran in this session; it is added to.
        chance: Source of random numbers; the process's own when absent.

    Raises:
        ValueError: ``when`` is neither word.
    """
    if when not in ("before", "after"):
        raise ValueError(f'expected "before" or "after", got {when!r}')
    root, interiors = bind_document(workflow, definitions)
    dice: Any = chance or random
    operations: list[Operation] = []
    for bound in (root, *interiors.values()):
        if bound.graph_id not in workflow.subgraphs and bound is not root:
            continue  # the interior of a legacy group node is not in the file
        for node in bound.nodes.values():
            changes: dict[str, tuple[BoundWidget, Any]] = {}
            for widget, control, condition in _controlled(node, interiors):
                name = f"{bound.graph_id}:{node.key}:{widget.name}"
                is_first = seen is not None and name not in seen
                if seen is not None:
                    seen.add(name)
                if when == "before" and is_first:
                    continue
                value = next_value(widget, control, condition, dice)
                if value != widget.value:
                    changes[widget.name] = (widget, value)
            operations.extend(_store(bound, node, changes))
    return tuple(operations)


def next_value(widget: BoundWidget, mode: Any, condition: str, chance: Any = random) -> Any:
    """Return the value after one step (W-081 to W-083).

    Args:
        widget: The controlled widget.
        mode: ``fixed``, ``increment``, ``decrement``, ``randomize``, for combos also
            ``increment-wrap``; booleans of old files read as randomize and fixed.
        condition: Text of a combo's filter list.
        chance: Has ``random()`` and ``choice()``.
    """
    if isinstance(mode, bool):
        mode = "randomize" if mode else "fixed"
    if mode not in ("increment", "decrement", "randomize", "increment-wrap"):
        return widget.value
    if widget.choices is not None:
        return _next_choice(widget, mode, condition, chance)
    if widget.type not in _DEFAULT_STEPS or mode == "increment-wrap":
        return widget.value
    return _next_number(widget, mode, chance)


def _next_number(widget: BoundWidget, mode: str, chance: Any) -> Any:
    options = widget.options
    low = max(_number(options.get("min"), 0), -_LIMIT)
    high = min(_number(options.get("max"), _DEFAULT_MAX), _LIMIT)
    step = _number(options.get("step"), _DEFAULT_STEPS[widget.type]) or 1
    value = widget.value
    if mode == "randomize":
        value = math.floor(chance.random() * ((high - low) / step)) * step + low
    elif isinstance(value, bool) or not isinstance(value, (int, float)):
        return value
    else:
        value = value + step if mode == "increment" else value - step
    value = max(low, min(high, value))
    # Steps such as 0.1 add up to 0.30000000000000004; nobody asked for that.
    return round(value, 10) if isinstance(value, float) else value


def _next_choice(widget: BoundWidget, mode: str, condition: str, chance: Any) -> Any:
    choices = [choice for choice in widget.choices or () if _passes(choice, condition)]
    if not choices:
        return widget.value
    if mode == "randomize":
        return chance.choice(choices)
    at = choices.index(widget.value) if widget.value in choices else -1
    if mode == "increment-wrap":
        return choices[(at + 1) % len(choices)]
    at += 1 if mode == "increment" else -1
    return choices[max(0, min(len(choices) - 1, at))]


def _passes(choice: Any, condition: str) -> bool:
    if not condition:
        return True
    text = str(choice)
    if len(condition) > 2 and condition.startswith("/") and condition.endswith("/"):
        try:
            return re.search(condition[1:-1], text) is not None
        except re.error:
            return False
    return condition.lower() in text.lower()


def _controlled(
    node: BoundNode, interiors: Mapping[str, BoundGraph]
) -> Iterator[tuple[BoundWidget, Any, str]]:
    """Yield each widget of a node that steps, with its mode and filter text."""
    for index, widget in enumerate(node.widgets):
        if widget.is_linked:
            continue
        if widget.role is WidgetRole.PROMOTED:
            found = _source_control(widget, interiors)
            if found is not None:
                yield widget, _shown_mode(node, widget, interiors, found[0]), found[1]
        elif widget.role is WidgetRole.VALUE:
            found = _control_after(node.widgets, index)
            if found is not None:
                yield widget, *found


def _control_after(widgets: list[BoundWidget], index: int) -> tuple[Any, str] | None:
    following = widgets[index + 1 : index + 3]
    if not following or following[0].role is not WidgetRole.CONTROL:
        return None
    condition = ""
    if len(following) > 1 and following[1].role is WidgetRole.FILTER:
        condition = str(following[1].value or "")
    return following[0].value, condition


def _source_control(
    widget: BoundWidget, interiors: Mapping[str, BoundGraph]
) -> tuple[Any, str] | None:
    """Return mode and filter of the interior widget behind a promoted one (W-084)."""
    source = widget.source
    while source is not None:
        bound = interiors.get(source[0])
        node = None if bound is None else bound.nodes.get(source[1])
        if node is None:
            return None
        for index, inner in enumerate(node.widgets):
            if inner.name == source[2]:
                if inner.source is None:
                    return _control_after(node.widgets, index)
                source = inner.source
                break
        else:
            return None
    return None


def _shown_mode(
    node: BoundNode, widget: BoundWidget, interiors: Mapping[str, BoundGraph], mode: Any
) -> Any:
    """Return the mode that a host itself shows, where an older file promoted the control too."""
    if widget.source is None:
        return mode
    subgraph, key, name = widget.source
    inner = interiors[subgraph].nodes[key]
    for item in node.widgets:
        if item.source is None or item.source[:2] != (subgraph, key):
            continue
        place = next((i for i, w in enumerate(inner.widgets) if w.name == name), -1)
        following = inner.widgets[place + 1 : place + 2]
        is_control = bool(following) and following[0].role is WidgetRole.CONTROL
        if is_control and item.source[2] == following[0].name:
            return item.value
    return mode


def _store(
    bound: BoundGraph, node: BoundNode, changes: Mapping[str, tuple[BoundWidget, Any]]
) -> Iterator[Operation]:
    values: Any = node.node.raw.get("widgets_values")
    is_changed = False
    for widget, value in changes.values():
        made = with_value(values, node.widgets, widget, value)
        if made is not None:
            values, is_changed = made, True
    if not is_changed:
        return
    place = (bound.graph_id, RecordKind.NODE, node.key)
    yield SetKey(*place, "widgets_values", values)
    named = node.node.raw.get("widgets_values_named")
    if isinstance(named, dict):
        fresh = {name: value for name, (_, value) in changes.items()}
        yield SetKey(*place, "widgets_values_named", {**named, **fresh})


def _number(value: Any, default: float) -> Any:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value if is_number and math.isfinite(value) else default
