"""Workflow to prompt: what the engine runs (workflow-format 8, rules W-001 to W-096).

Muted and virtual nodes vanish, bypassed ones pass a fitting input on, subgraphs are laid out
flat, and every input gets either a value or ``[node id, slot]``.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from app.engine.node_types.definition import NodeDefinition
from app.engine.workflow.bind import bind_document
from app.engine.workflow.binding import BoundGraph, BoundNode, BoundWidget
from app.engine.workflow.bulk import collector_paused
from app.engine.workflow.execution_names import collision_names
from app.engine.workflow.model import Mode, Workflow, as_list
from app.engine.workflow.node_binding import PRIMITIVE
from app.engine.workflow.plan import DYNAMIC_COMBO, expand, plan_node
from app.engine.workflow.prompt_scopes import (
    CircularLink,
    Scope,
    TooManyInstances,
    lay_out,
    source_of,
)
from app.engine.workflow.prompt_text import (
    Chooser,
    as_text,
    choose_first,
    expand_choices,
    replace_text,
)
from app.engine.workflow.seeds import step_seeds
from app.engine.workflow.writer import dump_json

_PREFIX_TYPES: Final = frozenset(
    {
        "SaveImage", "SaveImageAdvanced", "SaveSVGNode", "SaveVideo", "SaveAnimatedWEBP",
        "SaveAnimatedPNG", "SaveWEBM", "SaveAudio", "SaveAudioMP3", "SaveAudioOpus",
        "SaveAudioAdvanced", "SaveGLB", "Save3DAdvanced", "SaveGaussianSplat", "SavePointCloud",
        "CLIPSave", "VAESave", "ModelSave", "LoraSave", "SaveLatent",
    }
)  # fmt: skip
_SAMPLER_TYPES: Final = frozenset({"KSampler", "KSamplerAdvanced"})
_MAX_ARRAY_KEY: Final = 2**32 - 1


@dataclass(frozen=True, slots=True)
class PromptProblem:
    """Why a workflow cannot be queued as it is.

    Attributes:
        node_id: Execution id of the node it is about.
        title: Title of that node.
        message: A sentence for the artist.
    """

    node_id: str
    title: str
    message: str


@dataclass(slots=True)
class Conversion:
    """A prompt and what is wrong with it.

    Attributes:
        prompt: ``{id: {"inputs", "class_type", "_meta"}}``; missing types have no class_type.
        problems: Empty when the prompt may be queued.
        sources: For each id of the prompt the keys of the hosts from the root down and then of
            the node itself.
    """

    prompt: dict[str, dict[str, Any]]
    problems: list[PromptProblem] = field(default_factory=list)
    sources: dict[str, tuple[str, ...]] = field(default_factory=dict)


def convert(
    workflow: Workflow,
    definitions: Mapping[str, NodeDefinition],
    *,
    first_choice: bool = False,
    now: datetime | None = None,
    exact_ids: bool = False,
) -> Conversion:
    """Turn a workflow into a prompt. Seeds are not stepped; see :mod:`.seeds`.

    Args:
        workflow: The document; it is only read.
        definitions: Node definitions by type name.
        first_choice: ``{a|b|c}`` takes a; otherwise the choice is random.
        now: Local time for ``%date:...%``; the present when absent.
        exact_ids: Renumber nodes inside subgraphs whose id another graph has too, as the web
            editor does on loading. The prompt is as valid either way.
    """
    with collector_paused():
        root, interiors = bind_document(workflow, definitions)
        names = collision_names(workflow) if exact_ids else {}
        choose: Chooser = choose_first if first_choice else random.choice
        try:
            scopes = lay_out(root, interiors, names)
        except TooManyInstances:
            message = "The subgraphs hold each other too many times to run."
            return Conversion({}, [PromptProblem("", "", message)])
        maker = _Maker(root, interiors, scopes, choose, now or datetime.now())
        for scope in _depth_first(scopes[0]):
            maker.add_scope(scope)
        return maker.finish()


class _Maker:
    """Builds the entries of a prompt scope by scope."""

    def __init__(
        self,
        root: BoundGraph,
        interiors: Mapping[str, BoundGraph],
        scopes: list[Scope],
        choose: Chooser,
        now: datetime,
    ) -> None:
        self._graphs = [root, *interiors.values()]
        self._choose = choose
        self._now = now
        self._result = Conversion({})
        self._by_name: dict[str, tuple[BoundGraph, BoundNode]] | None = None
        self._scopes = scopes
        self._pushed: dict[int, dict[tuple[str, str], Any]] = {}
        for bound in self._graphs:
            pushed = self._pushed[id(bound)] = {}
            self._push(bound, {}, pushed)

    def add_scope(self, scope: Scope) -> None:
        """Add the nodes of one scope that run."""
        pushed = self._pushes(scope)
        for key in _visiting_order(scope.bound):
            node = scope.bound.nodes[key]
            if node.problem and node.node.mode not in (Mode.MUTED, Mode.BYPASSED):
                self._complain(scope, node, node.problem)
            if scope.is_hidden or node.is_virtual:
                continue
            if node.node.mode in (Mode.MUTED, Mode.BYPASSED):
                continue
            identifier = scope.execution_id(key)
            inputs = self._widget_inputs(scope, node, pushed)
            self._slot_inputs(scope, node, inputs)
            _follow_selectors(node, inputs)
            entry: dict[str, Any] = {"inputs": inputs}
            if node.is_missing:
                self._complain(scope, node, _missing_message(node))
            else:
                entry["class_type"] = node.node.type
            entry["_meta"] = {"title": node.title}
            self._result.prompt[identifier] = entry
            self._result.sources[identifier] = (*scope.path, key)

    def finish(self) -> Conversion:
        """Return the prompt: links to nodes that are not in it removed, ids in file order."""
        prompt = self._result.prompt
        for entry in prompt.values():
            inputs = entry["inputs"]
            for name in [name for name, value in inputs.items() if _is_dead(value, prompt)]:
                del inputs[name]
        numbers = sorted((int(key), key) for key in prompt if _is_array_key(key))
        ordered = {key: prompt[key] for _, key in numbers}
        ordered.update(prompt)
        self._result.prompt = ordered
        return self._result

    def _widget_inputs(
        self, scope: Scope, node: BoundNode, pushed: Mapping[tuple[str, str], Any]
    ) -> dict[str, Any]:
        inputs: dict[str, Any] = {}
        for widget in node.widgets:
            if not widget.is_sent or not widget.name:
                continue
            place = (node.key, widget.name)
            if place in scope.overrides:
                inputs[widget.name] = _wrapped(widget, scope.overrides[place])
            elif place in pushed:
                inputs[widget.name] = _wrapped(widget, self._own_value(node, widget, pushed[place]))
            elif node.is_missing:
                inputs[widget.name] = _unknown_value(widget.value)
            elif not widget.is_unset:
                value = self._own_value(node, widget, widget.value)
                inputs[widget.name] = _wrapped(widget, value)
        return inputs

    def _slot_inputs(self, scope: Scope, node: BoundNode, inputs: dict[str, Any]) -> None:
        for item in node.inputs:
            if item.link is None:
                continue
            try:
                source = source_of(scope, item)
            except CircularLink:
                self._complain(
                    scope, node, f'The input "{item.label}" is fed by a loop of bypassed nodes.'
                )
                continue
            if source is None:
                continue
            widget = None if item.widget is None else node.widget(item.widget)
            if source.node is not None:
                inputs[item.name] = [source.node, source.slot]
            elif source.primitive is None:
                inputs[item.name] = _wrapped(widget, source.value)
            elif widget is not None:
                scope_of, primitive = source.primitive
                value = self._primitive_value(scope_of.overrides, primitive)
                inputs[item.name] = _wrapped(widget, self._own_value(node, widget, value))
        if node.node.type == "CustomCombo" and not node.is_missing:
            options = [value for name, value in inputs.items() if name.startswith("option")]
            choice = inputs.get("choice")
            inputs["index"] = options.index(choice) if choice in options else -1

    def _own_value(self, node: BoundNode, widget: BoundWidget, value: Any) -> Any:
        """Return what a node's own widget sends (W-030 to W-032)."""
        if not isinstance(value, str):
            return value
        if widget.definition is not None and widget.options.get("dynamicPrompts") is True:
            return expand_choices(value, self._choose)
        kind = node.node.type
        if widget.name == "filename_prefix" and kind in _PREFIX_TYPES:
            return replace_text(value, self._now, self._look_up)
        if widget.name == "sampler_name" and kind in _SAMPLER_TYPES:
            return value.removeprefix("sample_")
        return value

    def _pushes(self, scope: Scope) -> Mapping[tuple[str, str], Any]:
        """Return the values that primitives write into widgets of a scope's graph."""
        if scope.overrides:
            pushed: dict[tuple[str, str], Any] = {}
            self._push(scope.bound, scope.overrides, pushed)
            return pushed
        return self._pushed[id(scope.bound)]

    def _push(
        self,
        bound: BoundGraph,
        overrides: Mapping[tuple[str, str], Any],
        pushed: dict[tuple[str, str], Any],
    ) -> None:
        """Let each primitive write its value, in execution order (W-002, W-003)."""
        primitives = [
            node
            for node in bound.nodes.values()
            if node.is_virtual and node.node.type == PRIMITIVE and node.widgets
        ]
        for node in primitives:
            value = self._primitive_value(overrides, node)
            for link_key in node.outputs[0].links:
                link = bound.links[link_key]
                target = bound.nodes[link.target]
                name = target.inputs[link.target_input].widget
                if name is not None and target.subgraph is None:
                    pushed[(link.target, name)] = value

    def _primitive_value(self, overrides: Mapping[tuple[str, str], Any], node: BoundNode) -> Any:
        """Return what a Primitive writes into widgets."""
        value = _value_of_primitive(overrides, node)
        is_replaced = node.node.properties.get("Run widget replace on values")
        if is_replaced and value and isinstance(value, str):
            value = replace_text(value, self._now, self._look_up)
        return value

    def _look_up(self, name: str, widget_name: str) -> str | None:
        if self._by_name is None:
            self._by_name = {}
            nodes = [(bound, node) for bound in self._graphs for node in bound.nodes.values()]
            for bound, node in nodes:
                alias = node.node.properties.get("Node name for S&R")
                if isinstance(alias, str) and alias:
                    self._by_name.setdefault(alias, (bound, node))
            for bound, node in nodes:
                self._by_name.setdefault(node.title, (bound, node))
        found = self._by_name.get(name)
        if found is None:
            return None
        bound, node = found
        widget = node.widget(widget_name)
        if widget is None:
            return None
        pushed = self._pushed.get(id(bound), {})
        if (node.key, widget_name) not in pushed and widget.is_linked:
            return as_text(self._value_from_outside(bound, node, widget))
        return as_text(pushed.get((node.key, widget_name), widget.value))

    def _value_from_outside(self, bound: BoundGraph, node: BoundNode, widget: BoundWidget) -> Any:
        """Return what a widget inside a subgraph takes from the first host of it, if anything."""
        scope = next((scope for scope in self._scopes if scope.bound is bound), None)
        item = next((item for item in node.inputs if item.widget == widget.name), None)
        if scope is None or item is None:
            return widget.value
        try:
            source = source_of(scope, item)
        except CircularLink:
            return widget.value
        if source is None or source.node is not None:
            return widget.value
        if source.primitive is None:
            return source.value
        origin, primitive = source.primitive
        # As it is stored: text that names itself would be replaced for ever.
        return _value_of_primitive(origin.overrides, primitive)

    def _complain(self, scope: Scope, node: BoundNode, message: str) -> None:
        problem = PromptProblem(scope.execution_id(node.key), node.title, message)
        if problem not in self._result.problems:
            self._result.problems.append(problem)


def _follow_selectors(node: BoundNode, inputs: dict[str, Any]) -> None:
    """Send the inputs of the option that a subgraph's node chose, not of the one chosen inside.

    Inputs that both options have keep their value; the others get their defaults.
    """
    chosen = {
        widget.name: inputs[widget.name]
        for widget in node.widgets
        if widget.type == DYNAMIC_COMBO
        and widget.definition is not None
        and isinstance(inputs.get(widget.name), str)
        and inputs[widget.name] != widget.value
    }
    if node.definition is None or not chosen:
        return
    shown = {widget.name: widget.value for widget in node.widgets}
    widgets, slots = expand(plan_node(node.definition), {**shown, **chosen}, set())
    names = {widget.name for widget in widgets} | {slot.name for slot in slots}
    for name in shown.keys() | {item.name for item in node.inputs if item.link is not None}:
        if name not in names and "." in name:
            inputs.pop(name, None)
    for widget in widgets:
        if widget.is_sent and not widget.is_unset and widget.name not in shown:
            inputs[widget.name] = widget.default


def _depth_first(root: Scope) -> list[Scope]:
    """Return scopes with each host's interior right after its graph, in visiting order."""
    ordered: list[Scope] = []
    waiting = [root]
    while waiting:
        scope = waiting.pop()
        ordered.append(scope)
        waiting.extend(reversed(list(scope.children.values())))
    return ordered


def _visiting_order(bound: BoundGraph) -> list[str]:
    """Return node keys in topological order, ties in file order, cycles last (W-010)."""
    open_inputs = dict.fromkeys(bound.nodes, 0)
    for link in bound.links.values():
        open_inputs[link.target] += 1
    ready = [key for key, count in open_inputs.items() if count == 0]
    for key in ready:  # grows while it is walked
        for output in bound.nodes[key].outputs:
            for link_key in output.links:
                target = bound.links[link_key].target
                open_inputs[target] -= 1
                if open_inputs[target] == 0:
                    ready.append(target)
    if len(ready) < len(bound.nodes):
        done = set(ready)
        ready.extend(key for key in bound.nodes if key not in done)
    return ready


def _value_of_primitive(overrides: Mapping[tuple[str, str], Any], node: BoundNode) -> Any:
    if node.widgets:
        own = node.widgets[0].value
    else:
        # It shows no widget when all that it feeds lies outside its subgraph.
        own = next(iter(as_list(node.node.raw.get("widgets_values"))), None)
    return overrides.get((node.key, "value"), own)


def _wrapped(widget: BoundWidget | None, value: Any) -> Any:
    """Wrap values that would read as links (W-022)."""
    if widget is not None and widget.type == "CURVE":
        return {"__type__": "CURVE", "__value__": value}
    return {"__value__": value} if isinstance(value, list) else value


def _unknown_value(value: Any) -> Any:
    """Return a stored value of a missing type as it is sent (W-016)."""
    if value is None or isinstance(value, (dict, list)):
        return dump_json(value).decode("utf-8")
    return value


def _missing_message(node: BoundNode) -> str:
    properties = node.node.properties
    pack = properties.get("cnr_id") or properties.get("aux_id")
    origin = f' It comes from the pack "{pack}".' if isinstance(pack, str) and pack else ""
    return f'The node type "{node.node.type}" is not installed.{origin}'


def _is_dead(value: Any, prompt: Mapping[str, Any]) -> bool:
    """Tell whether a value is a link to a node that is not in the prompt (W-025)."""
    return isinstance(value, list) and len(value) == 2 and str(value[0]) not in prompt


def _is_array_key(key: str) -> bool:
    is_number = key.isascii() and key.isdigit() and (key == "0" or key[0] != "0")
    return is_number and len(key) <= 10 and int(key) < _MAX_ARRAY_KEY


__all__ = ["Conversion", "PromptProblem", "convert", "step_seeds"]
