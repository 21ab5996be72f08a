"""Reads what people type into number controls: ``1024/1.5``, ``(3+4)*2``, ``+=10``, ``50%``.

The text is parsed to a syntax tree and only the node types listed here are worked out; it is never
run as code.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping

Number = int | float

_LONGEST_TEXT = 200
_MOST_BITS = 4096
_LARGEST_EXPONENT = 4096

_CHANGE = re.compile(r"^(\+|-|\*\*|\*|//|/|%)=(.+)$", re.DOTALL)
_TIMES = re.compile(r"^[x×](.+)$", re.IGNORECASE | re.DOTALL)
_PERCENT = re.compile(r"(\d+\.?\d*|\.\d+)\s*%(?=\s*($|[-+)]))")
_UNIT = re.compile(r"\s*(px|deg|°)$", re.IGNORECASE)
_WITH_COMMA = re.compile(r"[\d.]*,[\d.,]*")
_GROUPS = re.compile(r"[1-9]\d{0,2}(,\d{3})+")
_GROUPS_AND_POINT = re.compile(r"[1-9]\d{0,2}(,\d{3})+\.\d+")
_DECIMAL_COMMA = re.compile(r"\d*,\d+")
_POINTS_AND_COMMA = re.compile(r"[1-9]\d{0,2}(\.\d{3})+,\d+")
_WHOLE = re.compile(r"^[-+]?\d+$")


def evaluate(
    text: str,
    current: Number = 0,
    names: Mapping[str, Number] | None = None,
    *,
    is_whole: bool = False,
) -> Number:
    """Work out ``text`` for a control whose value is ``current``.

    Whole numbers stay exact at any length. ``+=``, ``-=``, ``*=``, ``/=`` and a leading ``x``
    change the current value; a percentage is one of the current value.

    A comma may stand before decimals or between thousands. ``1,5`` is one and a half and
    ``1,234,567`` and ``1,024.5`` have thousands anywhere; ``1,024`` could be both, and is 1024
    where whole numbers are edited, and 1.024 where decimals are.

    Args:
        text: What was typed.
        current: Value of the control.
        names: Further names that may be used; ``pi`` is always known.
        is_whole: The control edits whole numbers.

    Raises:
        ValueError: The text is not arithmetic, uses an unknown name, or its result is not a
            finite number.
    """
    text = _UNIT.sub("", text.strip())
    if not text or len(text) > _LONGEST_TEXT:
        raise ValueError(f"{text[:40]!r} is not a number.")
    if _WHOLE.match(text):
        return int(text)
    if "," in text:
        text = _WITH_COMMA.sub(lambda match: _without_commas(match[0], is_whole), text)
        if _WHOLE.match(text):
            return int(text)
    known = {"pi": math.pi, **(names or {})}
    if change := _CHANGE.match(text):
        return _checked(_apply(change[1], current, _parsed(change[2], current, known)))
    if times := _TIMES.match(text):
        return _checked(_apply("*", current, _parsed(times[1], current, known)))
    return _checked(_parsed(text, current, known))


def _without_commas(number: str, is_whole: bool) -> str:
    """Return a number as Python writes it; one that cannot be read is returned as it is."""
    if _GROUPS_AND_POINT.fullmatch(number):
        return number.replace(",", "")
    if _GROUPS.fullmatch(number) and (is_whole or number.count(",") > 1):
        return number.replace(",", "")
    if _DECIMAL_COMMA.fullmatch(number):
        return number.replace(",", ".")
    if _POINTS_AND_COMMA.fullmatch(number):
        return number.replace(".", "").replace(",", ".")
    return number


def _parsed(text: str, current: Number, names: Mapping[str, Number]) -> Number:
    text = _PERCENT.sub(lambda match: f"({match[1]}*__current__/100)", text.strip())
    try:
        tree = ast.parse(text.lstrip(), mode="eval")
        return _worked_out(tree.body, {**names, "__current__": current})
    except ZeroDivisionError:
        raise ValueError(f"{text!r} divides by zero.") from None
    except (SyntaxError, OverflowError, RecursionError, MemoryError, TypeError) as error:
        raise ValueError(f"{text!r} is not arithmetic.") from error


def _worked_out(node: ast.expr, names: Mapping[str, Number]) -> Number:
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        if isinstance(node.value, bool):
            raise ValueError("True and False are no numbers.")
        return node.value
    if isinstance(node, ast.Name) and node.id in names:
        return names[node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.UAdd, ast.USub)):
        operand = _worked_out(node.operand, names)
        return -operand if isinstance(node.op, ast.USub) else operand
    if isinstance(node, ast.BinOp) and type(node.op) in _SIGNS:
        left, right = _worked_out(node.left, names), _worked_out(node.right, names)
        return _apply(_SIGNS[type(node.op)], left, right)
    raise ValueError("Only numbers, + - * / // % ** and parentheses can be used.")


def _divide(left: Number, right: Number) -> Number:
    if isinstance(left, int) and isinstance(right, int) and right and left % right == 0:
        return left // right
    return left / right


def _power(left: Number, right: Number) -> Number:
    if abs(right) > _LARGEST_EXPONENT:
        raise OverflowError
    if isinstance(left, int) and isinstance(right, int) and right >= 0:
        if left.bit_length() * right > _MOST_BITS:
            raise OverflowError
        return int(left**right)
    return math.pow(left, right)


_OPERATIONS: dict[str, Callable[[Number, Number], Number]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divide,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": _power,
}
_SIGNS: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
}


def _apply(sign: str, left: Number, right: Number) -> Number:
    try:
        result = _OPERATIONS[sign](left, right)
    except ZeroDivisionError:
        raise ValueError("This divides by zero.") from None
    except OverflowError:
        raise ValueError("The result is too large.") from None
    except ValueError:
        raise ValueError("The result is not a real number.") from None
    return _checked(result)


def _checked(number: Number) -> Number:
    if isinstance(number, int):
        if number.bit_length() > _MOST_BITS:
            raise ValueError("The result is too large.")
        return number
    if not math.isfinite(number):
        raise ValueError("The result is not a finite number.")
    return number
