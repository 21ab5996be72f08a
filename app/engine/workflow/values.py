"""Reading and writing ``widgets_values`` in all its forms (workflow-format 2.2 to 2.4)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from app.engine.workflow.binding import BoundWidget
from app.engine.workflow.plan import NodePlan, WidgetPlan


class StoredValues:
    """The stored values of one node, whatever form they have.

    Attributes:
        values: A list in widget order, or an object by widget name, or None when there are none.
        slots: For the list form, where each entry stands in the file; None when as it is.
    """

    __slots__ = ("slots", "values")

    def __init__(
        self, values: list[Any] | dict[str, Any] | None, slots: list[int | str] | None = None
    ) -> None:
        self.values = values
        self.slots = slots


def read_values(raw: Any, plan: NodePlan | None = None) -> StoredValues:
    """Read ``widgets_values``.

    Args:
        raw: The stored value.
        plan: The node's plan, for the repair of old ``forceInput`` entries; None without one.
    """
    if isinstance(raw, list):
        if plan is not None and plan.forced and len(raw) == len(plan.forced):
            # Entries for inputs that have become plain sockets stand in old files.
            kept: list[int | str] = [
                index for index, is_forced in enumerate(plan.forced) if not is_forced
            ]
            return StoredValues([raw[int(index)] for index in kept], kept)
        return StoredValues(raw)
    if isinstance(raw, dict):
        length = raw.get("length")
        if isinstance(length, int) and not isinstance(length, bool) and 0 <= length < len(raw):
            keys: list[int | str] = [str(index) for index in range(length)]
            if all(key in raw for key in keys):
                return StoredValues([raw[str(key)] for key in keys], keys)
        return StoredValues(raw)
    return StoredValues(None)


def bind_widgets(plans: Iterable[WidgetPlan], stored: StoredValues) -> list[BoundWidget]:
    """Give each widget its stored value, or its default where none is stored."""
    widgets: list[BoundWidget] = []
    values, slots = stored.values, stored.slots
    entries = values if isinstance(values, list) else []
    count = len(entries)
    place = 0
    for plan in plans:
        value = plan.default
        is_unset = plan.is_unset
        slot: int | str | None = None
        if plan.is_saved:
            if isinstance(values, dict):
                slot = plan.name
                if slot in values:
                    value, is_unset = values[slot], False
            else:
                slot = place
                if place < count:
                    value, is_unset = entries[place], False
                if slots is not None:
                    slot = slots[place] if place < len(slots) else None
                place += 1
            if value is None and plan.choices:
                value = plan.choices[0]  # as the reference does after loading
        widgets.append(
            BoundWidget(
                plan.name,
                plan.label,
                plan.type,
                value,
                plan.default,
                plan.options,
                plan.choices,
                plan.role,
                slot,
                plan.is_sent,
                False,
                plan.definition,
                None,
                is_unset,
            )
        )
    return widgets


def with_value(
    raw: Any, widgets: Iterable[BoundWidget], widget: BoundWidget, value: Any
) -> Any | None:
    """Return new ``widgets_values`` with one value replaced, or None when it is not saved.

    Entries that the file lacks before that place take the values that the node shows.

    Args:
        raw: The stored ``widgets_values``.
        widgets: All widgets of the node.
        widget: The one that changes.
        value: Its new value.
    """
    slot = widget.slot
    if slot is None:
        return None
    if isinstance(slot, str):
        return {**(raw if isinstance(raw, dict) else {}), slot: value}
    values = list(raw) if isinstance(raw, list) else []
    if slot >= len(values):
        shown = {item.slot: item.value for item in widgets if isinstance(item.slot, int)}
        values.extend(shown.get(index) for index in range(len(values), slot + 1))
    values[slot] = value
    return values
