"""The arguments of a node's calls (E-301 to E-305, E-015, E-016, E-036)."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from app.engine.execution.blocker import ExecutionBlocker
from app.engine.execution.cache import Outputs
from app.engine.execution.prompt import DISPLAY_PREFIX, is_link
from app.engine.execution.run_state import NodeState, Run

ArgumentLists = dict[str, list[Any]]
Arguments = dict[str, Any]


class NodeArguments:
    """What a node is to be called with.

    Attributes:
        lists: A list of values by input name; constants are lists of one.
        missing: Inputs whose source has no value for them; they are ``[None]`` (E-305).
        may_block: Whether an ``ExecutionBlocker`` can be among the values.
        is_single: Whether every list is known to have exactly one element.
    """

    __slots__ = ("is_single", "lists", "may_block", "missing")

    def __init__(
        self, lists: ArgumentLists, missing: set[str], may_block: bool, is_single: bool
    ) -> None:
        self.lists = lists
        self.missing = missing
        self.may_block = may_block
        self.is_single = is_single

    def calls(
        self, input_is_list: bool, function: Callable[..., Any], strict: bool
    ) -> list[Arguments]:
        """Return the arguments of each call; see :func:`split_calls`."""
        if self.is_single and not input_is_list:
            return [{name: values[0] for name, values in self.lists.items()}]
        return split_calls(self.lists, input_is_list, function, strict)


def gather_arguments(run: Run, state: NodeState) -> NodeArguments:
    """Collect constants, linked values and hidden values of a node.

    Links are passed on whether the class declares them or not; constants only when it does
    (E-015). Nothing is filled in for inputs that are absent (E-016).
    """
    schema = state.schema
    assert schema is not None
    declares, states, requested = schema.declares, run.states, state.requested
    lists: ArgumentLists = {}
    missing: set[str] = set()
    # Constants of a prompt come from JSON; those of an expansion may be any object.
    may_block = state.parent is not None
    is_single = True
    for name, value in state.inputs.items():
        if type(value) is not list or not is_link(value):
            if declares(name) is not None and not name.startswith(DISPLAY_PREFIX):
                lists[name] = [value]
            continue
        if name.startswith(DISPLAY_PREFIX):
            continue
        spec = declares(name)
        if spec is not None:
            if spec.raw_link:
                lists[name] = [value]
                continue
            if spec.lazy and value[0] not in requested:
                missing.add(name)
                lists[name] = [None]
                continue
        source = states.get(value[0])
        entry = source.entry if source is not None else None
        if entry is None or not has_slot(entry.outputs, value[1]):
            missing.add(name)
            lists[name] = [None]
            continue
        values = lists[name] = entry.outputs[value[1]]
        may_block = may_block or entry.has_blocker
        is_single = is_single and len(values) == 1
    if schema.hidden and not schema.is_v3:
        for name, value in run.hidden_values(state).items():
            lists[name] = [value]
    return NodeArguments(lists, missing, may_block, is_single)


def has_slot(outputs: Outputs, slot: Any) -> bool:
    """Tell whether a slot has values; a negative one counts from the end, as in a tuple (E-121)."""
    return bool(-len(outputs) <= slot < len(outputs))


def idle_arguments(run: Run, state: NodeState) -> ArgumentLists:
    """Collect what ``IS_CHANGED`` is called with before anything runs (E-042, E-406)."""
    schema = state.schema
    assert schema is not None
    lists: ArgumentLists = {}
    for name, value in state.inputs.items():
        if name.startswith(DISPLAY_PREFIX):
            continue
        spec = schema.declares(name)
        if is_link(value) and not (spec is not None and spec.raw_link):
            lists[name] = [None]
        elif spec is not None:
            lists[name] = [value]
    if schema.hidden and not schema.is_v3:
        for name, value in run.hidden_values(state, idle=True).items():
            lists[name] = [value]
    return lists


def split_calls(
    lists: Mapping[str, list[Any]],
    input_is_list: bool,
    function: Callable[..., Any],
    strict: bool = False,
) -> list[Arguments]:
    """Return the arguments of each call that a node's lists make (E-301 to E-303, E-907).

    Call ``i`` takes element ``i`` of every list, or the last of a shorter one. Where a list is
    empty there is no call, unless all are and the function can be called with nothing.

    Args:
        lists: A list of values by input name.
        input_is_list: Whether one call takes the lists themselves.
        function: What will be called.
        strict: Do as the reference where lists are empty: call without arguments if all are,
            else raise.

    Raises:
        IndexError: In strict mode, some lists are empty and others are not.
    """
    if input_is_list:
        return [dict(lists)]
    lengths = [len(values) for values in lists.values()]
    if not lengths:
        return [{}]
    longest = max(lengths)
    if longest == 1 and min(lengths) == 1:
        return [{name: values[0] for name, values in lists.items()}]
    if longest == 0 and (strict or _can_be_called_with_nothing(function)):
        return [{}]
    if min(lengths) == 0 and not strict:
        return []
    return [
        {name: values[i] if i < len(values) else values[-1] for name, values in lists.items()}
        for i in range(longest)
    ]


def _can_be_called_with_nothing(function: Callable[..., Any]) -> bool:
    try:
        inspect.signature(function).bind()
    except (TypeError, ValueError):
        return False
    return True


def find_blocker(values: Iterable[Any], input_is_list: bool) -> ExecutionBlocker | None:
    """Return the first blocker among a call's arguments (E-320)."""
    for value in values:
        if isinstance(value, ExecutionBlocker):
            return value
        if input_is_list and isinstance(value, list):
            for item in value:
                if isinstance(item, ExecutionBlocker):
                    return item
    return None
