"""What a control in a node has to know, without knowing nodes or workflows.

``app.ui`` turns a node definition's input into a :class:`WidgetSpec`; the factory turns the spec
into a :class:`~app.widgets.base.NodeWidget`.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


class WidgetKind(enum.Enum):
    """The kinds of control; the factory has one row for each."""

    # The hash of an enum is a Python function, and every row of every node is looked up by kind.
    __hash__ = object.__hash__

    INT = "int"
    FLOAT = "float"
    SLIDER = "slider"
    COMBO = "combo"
    TOGGLE = "toggle"
    TEXT = "text"
    MULTILINE = "multiline"
    MARKDOWN = "markdown"
    BUTTON = "button"
    IMAGE_UPLOAD = "image_upload"
    COLOR = "color"
    FALLBACK = "fallback"
    DOM = "dom"


@dataclass(frozen=True, slots=True)
class WidgetSpec:
    """One control.

    Attributes:
        name: Name that is unique in its node.
        kind: Which control.
        label: Words on its left.
        default: Value it is reset to.
        minimum: Smallest number, or None for no bound. Whole numbers keep all 64 bits.
        maximum: Largest number, or None.
        step: One step of the arrows and of a drag; above 0.
        decimals: Digits after the point of a FLOAT, or None for as many as the step needs.
        round_to: Values are rounded to multiples of this, 0 for no rounding.
        choices: Choices of a COMBO.
        placeholder: Grey words in an empty text box.
        label_on: Word for true of a TOGGLE.
        label_off: Word for false of a TOGGLE.
        tooltip: Help text.
        has_glyph: A sign is drawn at the right end (combo and seed), which moves the value left.
        is_read_only: Shown, never edited.
        is_advanced: Hidden until the artist shows advanced controls.
        options: The declared options as they are, for controls of node packs.
    """

    name: str
    kind: WidgetKind
    label: str
    default: Any = None
    minimum: float | int | None = None
    maximum: float | int | None = None
    step: float | int = 1
    decimals: int | None = None
    round_to: float = 0.0
    choices: tuple[Any, ...] = ()
    placeholder: str = ""
    label_on: str = "on"
    label_off: str = "off"
    tooltip: str = ""
    has_glyph: bool = False
    is_read_only: bool = False
    is_advanced: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
