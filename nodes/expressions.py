"""Arithmetic that an artist types, evaluated without ever running it as Python.

The text is parsed into a syntax tree. Only the nodes listed here are evaluated; everything
else, such as attributes, calls of other functions or comprehensions, is refused by name.
Results are kept to a size that cannot exhaust the machine.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

Number = int | float | bool

MAX_LENGTH = 4096
"""Longest expression, in characters."""

_MAX_BITS = 4096
"""Size above which a whole number is refused."""

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
}

_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
    ast.Invert: operator.invert,
    ast.Not: operator.not_,
}

_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}

_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "min": min,
    "max": max,
    "sum": lambda *values: sum(values),
    "abs": abs,
    "round": round,
    "floor": math.floor,
    "ceil": math.ceil,
    "int": int,
    "float": float,
    "bool": bool,
    "sqrt": math.sqrt,
    "exp": math.exp,
    "log": math.log,
    "log2": math.log2,
    "log10": math.log10,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "pow": lambda base, exponent: _power(base, exponent),
    "clamp": lambda value, low, high: max(low, min(high, value)),
}

_CONSTANTS: dict[str, Number] = {"pi": math.pi, "e": math.e, "tau": math.tau}


class ExpressionError(ValueError):
    """The expression cannot be evaluated; the message says why, in the artist's words."""


def evaluate(expression: str, values: Mapping[str, Number]) -> Number:
    """Return the value of an expression.

    Args:
        expression: Python-like arithmetic: ``+ - * / // % **``, comparisons, ``and or not``,
            ``x if a else b``, bit operators, numbers, ``True``, ``False``, the functions of
            :func:`function_names` and the constants ``pi``, ``e``, ``tau``.
        values: Numbers by name; a name here wins over a constant.

    Raises:
        ExpressionError: The text is not such an expression, a name is unknown, or the
            calculation has no result.
    """
    text = expression.strip()
    if not text:
        raise ExpressionError("The expression is empty.")
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"The expression is longer than {MAX_LENGTH} characters.")
    try:
        # Line breaks are blanks to an artist; Python allows them only inside brackets.
        tree = ast.parse(f"({text}\n)", mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise ExpressionError(f'"{text}" is not a complete expression.') from error
    try:
        result: Number = _evaluate(tree.body, values)
        return result
    except ExpressionError:
        raise
    except ZeroDivisionError as error:
        raise ExpressionError(f'"{text}" divides by zero.') from error
    except OverflowError as error:
        raise ExpressionError(f'"{text}" gives a number that is too large.') from error
    except (ArithmeticError, TypeError, ValueError) as error:
        raise ExpressionError(f'"{text}" cannot be calculated: {error}.') from error
    except RecursionError as error:
        raise ExpressionError(f'"{text[:60]}..." is nested too deeply.') from error


def function_names() -> tuple[str, ...]:
    """Return the names of the functions that expressions may use."""
    return tuple(_FUNCTIONS)


def _evaluate(node: ast.expr, values: Mapping[str, Number]) -> Any:
    if isinstance(node, ast.Constant):
        return _constant(node)
    if isinstance(node, ast.Name):
        return _name(node.id, values)
    if isinstance(node, ast.BinOp):
        return _binary(node.op, _evaluate(node.left, values), _evaluate(node.right, values))
    if isinstance(node, ast.UnaryOp):
        return _UNARY[type(node.op)](_evaluate(node.operand, values))
    if isinstance(node, ast.BoolOp):
        return _bool_op(node, values)
    if isinstance(node, ast.Compare):
        return _compare(node, values)
    if isinstance(node, ast.IfExp):
        chosen = node.body if _evaluate(node.test, values) else node.orelse
        return _evaluate(chosen, values)
    if isinstance(node, ast.Call):
        return _call(node, values)
    raise ExpressionError(f'"{ast.unparse(node)}" is not allowed in an expression.')


def _constant(node: ast.Constant) -> Number:
    if isinstance(node.value, (bool, int, float)):
        return node.value
    raise ExpressionError(f"{ast.unparse(node)} is not a number.")


def _name(name: str, values: Mapping[str, Number]) -> Number:
    if name in values:
        return values[name]
    if name in _CONSTANTS:
        return _CONSTANTS[name]
    known = ", ".join(values) or "none"
    raise ExpressionError(f'"{name}" has no value. Connected values: {known}.')


def _binary(op: ast.operator, left: Any, right: Any) -> Any:
    if isinstance(op, ast.Pow):
        return _power(left, right)
    if isinstance(op, (ast.LShift, ast.RShift)):
        return _shift(op, left, right)
    function = _BINARY.get(type(op))
    if function is None:
        raise ExpressionError("This operator is not allowed in an expression.")
    return _checked(function(left, right))


def _power(base: Any, exponent: Any) -> Any:
    if isinstance(base, int) and isinstance(exponent, int) and exponent > 0:
        if abs(base) > 1 and base.bit_length() * exponent > _MAX_BITS:
            raise OverflowError
        return base**exponent
    result = base**exponent
    if isinstance(result, complex):
        raise ExpressionError("An even root of a negative number has no real value.")
    return result


def _shift(op: ast.operator, left: Any, right: Any) -> Any:
    if right > _MAX_BITS:
        raise OverflowError
    return _checked(left << right if isinstance(op, ast.LShift) else left >> right)


def _checked(value: Any) -> Any:
    if isinstance(value, int) and value.bit_length() > _MAX_BITS:
        raise OverflowError
    return value


def _bool_op(node: ast.BoolOp, values: Mapping[str, Number]) -> Any:
    stop_at = isinstance(node.op, ast.Or)
    result: Any = None
    for operand in node.values:
        result = _evaluate(operand, values)
        if bool(result) is stop_at:
            break
    return result


def _compare(node: ast.Compare, values: Mapping[str, Number]) -> bool:
    left = _evaluate(node.left, values)
    for op, operand in zip(node.ops, node.comparators, strict=True):
        test = _COMPARE.get(type(op))
        if test is None:
            raise ExpressionError("Only == != < <= > >= compare numbers.")
        right = _evaluate(operand, values)
        if not test(left, right):
            return False
        left = right
    return True


def _call(node: ast.Call, values: Mapping[str, Number]) -> Any:
    name = node.func.id if isinstance(node.func, ast.Name) else ast.unparse(node.func)
    function = _FUNCTIONS.get(name)
    if function is None or node.keywords:
        known = ", ".join(_FUNCTIONS)
        raise ExpressionError(f'"{name}" is not a known function. Known are {known}.')
    return _checked(function(*(_evaluate(argument, values) for argument in node.args)))
