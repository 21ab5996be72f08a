"""What the canvas says of the thing under the pointer: sockets, controls, titles, links.

Plain texts become rich text here, with everything that comes from files and packs escaped. A
hint that would only repeat what can be read anyway is left out (U-086, U-089).
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

from app.engine.node_types.definition import InputDefinition
from app.engine.workflow.binding import BoundInput, BoundNode, BoundOutput
from app.ui.canvas import strips, words
from app.ui.canvas.hover import Hit, Under
from app.ui.canvas.node_fonts import node_fonts
from app.ui.canvas.node_item import NodeItem
from app.ui.canvas.scene import CanvasScene
from app.ui.canvas.title_painter import TITLE_X
from app.widgets.spec import WidgetKind, WidgetSpec

LONGEST = 600
"""Letters of one text in a hint; more is cut."""
_MOST_CHOICES = 8
_UNBOUNDED = 2**53
_BOUNDED_KINDS = frozenset({WidgetKind.INT, WidgetKind.FLOAT, WidgetKind.SLIDER})


def hint_for(scene: CanvasScene, hit: Hit) -> str:
    """Return the hint for what is under the pointer as rich text, or an empty text."""
    if hit.under is Under.LINK:
        return _link(scene, hit.key)
    if hit.under in (Under.REROUTE_IN, Under.REROUTE_OUT):
        return escape(words.reroute_hint(is_input=hit.under is Under.REROUTE_IN))
    item = scene.nodes.get(hit.node)
    if item is None:
        return ""
    if item.is_strip:
        return _strip(item.node, hit)
    if hit.under is Under.INPUT and hit.index < len(item.node.inputs):
        return _input(item.node.inputs[hit.index])
    if hit.under is Under.OUTPUT and hit.index < len(item.node.outputs):
        return _output(item.node.outputs[hit.index])
    if hit.under is Under.WIDGET and hit.index < len(item.controls):
        return _widget(item, hit.index)
    if hit.under is Under.TITLE:
        return _title(scene, item)
    if hit.under is Under.CHEVRON:
        return escape(words.expand() if item.is_collapsed else words.collapse())
    if hit.under is Under.ENTER:
        return escape(words.enter_subgraph())
    return _text(scene.run.failed.get(hit.key, "")) if hit.under is Under.REMEDY else ""


def _strip(node: BoundNode, hit: Hit) -> str:
    if hit.under is Under.NEW_SLOT:
        return escape(words.new_slot_hint(is_input=strips.is_input_strip(node)))
    slots: list[BoundInput] | list[BoundOutput]
    slots = node.outputs if strips.is_input_strip(node) else node.inputs
    if hit.under not in (Under.INPUT, Under.OUTPUT) or hit.index >= len(slots):
        return ""
    slot = slots[hit.index]
    return _joined(_heading(slot.label or slot.name, slot.type), _facts([words.slot_hint()]))


def _input(slot: BoundInput) -> str:
    declared = slot.definition
    facts = [words.optional() if slot.is_optional else words.required()]
    if slot.widget is not None:
        facts = _declared_facts(declared)
    return _joined(
        _heading(slot.label or slot.name, slot.type),
        _text(declared.tooltip if declared is not None else ""),
        _facts(facts),
    )


def _output(slot: BoundOutput) -> str:
    facts = [words.makes_list()] if slot.is_list else []
    return _joined(_heading(slot.label or slot.name, slot.type), _text(slot.tooltip), _facts(facts))


def _declared_facts(declared: InputDefinition | None) -> list[str]:
    if declared is None:
        return []
    options = declared.options
    facts = [words.value_range(_shown(options.get("min")), _shown(options.get("max")))]
    if declared.choices:
        facts = [words.choices(len(declared.choices))]
    return [*facts, words.default_value(_shown(declared.default))]


def _widget(item: NodeItem, index: int) -> str:
    spec, widget = item.controls[index].spec, item.visible[index]
    if widget.definition is None and not spec.tooltip:
        return ""
    facts = []
    if spec.kind in _BOUNDED_KINDS:
        facts.append(words.value_range(_bound(spec.minimum), _bound(spec.maximum)))
    elif spec.kind is WidgetKind.COMBO and len(spec.choices) > _MOST_CHOICES:
        facts.append(words.choices(len(spec.choices)))
    facts.append(words.default_value(_default_of(spec)))
    value = ""
    if spec.kind is WidgetKind.COMBO and not widget.is_linked:
        # Long names of files are cut in the box, and shown without their ending.
        value = _text(_shown(widget.value))
    return _joined(_heading(spec.label), _text(spec.tooltip), value, _facts(facts))


def _default_of(spec: WidgetSpec) -> str:
    if spec.kind is WidgetKind.TOGGLE:
        return spec.label_on if spec.default else spec.label_off
    return _shown(spec.default)


def _title(scene: CanvasScene, item: NodeItem) -> str:
    node = item.node
    declared = node.definition
    name = declared.display_name or declared.name if declared is not None else node.node.type
    ink = node_fonts(scene.theme).title
    is_cut = ink.width(node.title) > item.layout.width - 2 * TITLE_X
    description = _text(declared.description if declared is not None else "")
    is_renamed = declared is not None and name != node.title
    if not (is_cut or description or is_renamed or node.problem):
        return ""
    facts = [name] if is_renamed else []
    if declared is not None and declared.pack:
        facts.append(declared.pack)
    return _joined(_heading(node.title), _text(node.problem), description, _facts(facts))


def _link(scene: CanvasScene, key: str) -> str:
    bound = scene.document.bound
    link = bound.links.get(key)
    if link is None:
        return ""
    origin, target = bound.nodes[link.origin], bound.nodes[link.target]
    output, slot = origin.outputs[link.origin_slot], target.inputs[link.target_input]
    arrow = f"{_end(origin, output.label)} → {_end(target, slot.label or slot.name)}"
    facts = [link.type]
    run = scene.run.run_of(link.origin)
    if run is not None and run.image_sizes:
        width, height = run.image_sizes[0]
        facts.append(words.pictures(len(run.image_sizes), width, height))
    return _joined(arrow, _facts(facts))


def _end(node: BoundNode, label: str) -> str:
    return f"{_strong(node.title)} {escape(_cut(label))}".rstrip()


def _bound(value: float | int | None) -> str:
    """Return a bound in words; none and beyond all use is no bound."""
    is_open = value is None or (isinstance(value, float) and abs(value) >= _UNBOUNDED)
    return "" if is_open else _shown(value)


def _shown(value: Any) -> str:
    """Return a declared value in words; what is no plain value is not shown."""
    if isinstance(value, float):
        return f"{value:g}"
    return _cut(str(value)) if isinstance(value, (str, int)) else ""


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1].rstrip() + "…"


def _text(text: str) -> str:
    return escape(_cut(text.strip())).replace("\n", "<br>")


def _heading(name: str, type_name: str = "") -> str:
    heading = _strong(name)
    shown = words.any_type() if type_name == "*" else type_name.replace(",", ", ")
    return f"{heading} &nbsp;{escape(_cut(shown))}" if shown else heading


def _strong(text: str) -> str:
    # The font has no bold weight of its own; a made-up one looks smeared.
    return f'<span style="font-weight: 600">{escape(_cut(text))}</span>'


def _facts(facts: Iterable[str]) -> str:
    return " · ".join(escape(fact) for fact in facts if fact)


def _joined(*lines: str) -> str:
    return "<br>".join(line for line in lines if line)
