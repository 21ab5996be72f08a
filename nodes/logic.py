"""Choose, calculate and convert."""

from __future__ import annotations

import math
import string
from typing import Any

from comfy_api.latest import io

from .expressions import evaluate, function_names

_NUMBERS = [io.Float, io.Int, io.Boolean]


class ComfySwitchNode(io.ComfyNode):
    """Choose between two values."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a switch and two values of one type."""
        template = io.MatchType.Template("switch")
        return io.Schema(
            node_id="ComfySwitchNode",
            display_name="Switch",
            category="logic",
            description=(
                "Passes one of two values on. Only the branch that is needed runs; the other "
                "costs no time."
            ),
            is_experimental=True,
            inputs=[
                io.Boolean.Input("switch", tooltip="On takes on_true, off takes on_false."),
                io.MatchType.Input(
                    "on_false", template=template, lazy=True, tooltip="Used when the switch is off."
                ),
                io.MatchType.Input(
                    "on_true", template=template, lazy=True, tooltip="Used when the switch is on."
                ),
            ],
            outputs=[io.MatchType.Output(template=template, display_name="output")],
            search_aliases=["if else", "branch", "condition"],
        )

    @classmethod
    def check_lazy_status(
        cls, switch: bool, on_false: Any = None, on_true: Any = None
    ) -> list[str]:
        """Ask for the chosen branch only."""
        if switch:
            return ["on_true"] if on_true is None else []
        return ["on_false"] if on_false is None else []

    @classmethod
    def execute(cls, switch: bool, on_false: Any = None, on_true: Any = None) -> io.NodeOutput:
        """Return the chosen value."""
        return io.NodeOutput(on_true if switch else on_false)


class CustomCombo(io.ComfyNode):
    """Offer a list of choices of one's own."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a choice; the list lives in the node on the canvas."""
        return io.Schema(
            node_id="CustomCombo",
            display_name="Custom Combo",
            category="utils",
            description="A list of choices that you write yourself; gives the chosen text.",
            is_experimental=True,
            inputs=[io.Combo.Input("choice", options=[], tooltip="The chosen text.")],
            outputs=[io.String.Output()],
            search_aliases=["dropdown", "menu", "list"],
        )

    @classmethod
    def validate_inputs(cls, choice: Any) -> bool:
        """Accept every choice, since the list is the artist's."""
        return True

    @classmethod
    def execute(cls, choice: str) -> io.NodeOutput:
        """Return the choice."""
        return io.NodeOutput(choice)


class ComfyMathExpression(io.ComfyNode):
    """Calculate with connected values."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare an expression and values named a, b, c and so on."""
        template = io.Autogrow.TemplateNames(
            io.MultiType.Input("value", _NUMBERS, tooltip="A number or a switch."),
            names=list(string.ascii_lowercase),
            min=1,
        )
        return io.Schema(
            node_id="ComfyMathExpression",
            display_name="Math Expression",
            category="utils",
            description=(
                "Calculates with connected values, named a, b, c in their order. Knows + - * / "
                "// % **, comparisons, and, or, not, x if a else b, bit operators, and the "
                f"functions {', '.join(function_names())}."
            ),
            inputs=[
                io.String.Input(
                    "expression",
                    default="a + b",
                    multiline=True,
                    tooltip="For example: round(a * 1.5) if b > 2 else min(a, b)",
                ),
                io.Autogrow.Input(
                    "values", template=template, tooltip="The values, named a, b, c and so on."
                ),
            ],
            outputs=[
                io.Float.Output(display_name="FLOAT"),
                io.Int.Output(display_name="INT"),
                io.Boolean.Output(display_name="BOOL"),
            ],
            search_aliases=["calculator", "formula", "arithmetic", "add", "multiply"],
        )

    @classmethod
    def execute(cls, expression: str, values: dict[str, Any] | None = None) -> io.NodeOutput:
        """Return the result as a number, cut to a whole number, and as a switch.

        Raises:
            ValueError: The expression cannot be calculated.
        """
        result = evaluate(expression, values or {})
        return io.NodeOutput(float(result), _whole(result), bool(result))


class ComfyNumberConvert(io.ComfyNode):
    """Turn a value into numbers."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a value of any simple type."""
        return io.Schema(
            node_id="ComfyNumberConvert",
            display_name="Number Convert",
            category="utils",
            description="Turns a number, text or switch into a number with and without fraction.",
            inputs=[
                io.MultiType.Input(
                    io.Int.Input("value", force_input=True, tooltip="The value to turn."),
                    [io.Float, io.String, io.Boolean],
                )
            ],
            outputs=[io.Float.Output(), io.Int.Output()],
            search_aliases=["float to int", "int to float", "string to number", "cast"],
        )

    @classmethod
    def execute(cls, value: float | str | bool) -> io.NodeOutput:
        """Return the value as FLOAT and as INT, whose fraction is cut off.

        Raises:
            ValueError: A text is not a number.
        """
        number = _parse(value) if isinstance(value, str) else value
        return io.NodeOutput(float(number), _whole(number))


def _parse(text: str) -> float:
    cleaned = text.strip()
    try:
        return int(cleaned, 0)
    except ValueError:
        pass
    try:
        return float(cleaned)
    except ValueError as error:
        raise ValueError(f'"{text}" is not a number.') from error


def _whole(number: float) -> int:
    if math.isfinite(number):
        return int(number)
    raise ValueError(f"The result is {number}, which is not a whole number.")


NODE_CLASS_MAPPINGS = {
    "ComfySwitchNode": ComfySwitchNode,
    "CustomCombo": CustomCombo,
    "ComfyMathExpression": ComfyMathExpression,
    "ComfyNumberConvert": ComfyNumberConvert,
}
