"""Math Expression: what it knows, and what it refuses."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

Call = Callable[..., Any]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("a + b", 5),
        ("a - b * 2", -4),
        ("(a + b) / 4", 1.25),
        ("7 // a, ", None),
        ("7 // a", 3),
        ("-7 % b", 2),
        ("a ** 10", 1024),
        ("min(a, b, 1) + max(a, b)", 4),
        ("round(2.567, 1)", 2.6),
        ("floor(-1.5) + ceil(1.2) + abs(-3)", 3),
        ("a < b <= 3", True),
        ("a > b or not False", True),
        ("10 if a == 2 else 20", 10),
        ("a << 3 | 1", 17),
        ("6 & b ^ 1", 3),
        ("~a", -3),
        ("a\n + b", 5),
        ("sqrt(16) + pi - pi", 4.0),
        ("clamp(99, 0, b)", 3),
    ],
)
def test_expressions_are_calculated(call: Call, expression: str, expected: Any) -> None:
    if expected is None:
        with pytest.raises(ValueError, match="not allowed"):
            call("ComfyMathExpression", expression=expression, values={"a": 2, "b": 3})
        return

    number, whole, switch = call(
        "ComfyMathExpression", expression=expression, values={"a": 2, "b": 3}
    )

    assert number == pytest.approx(float(expected))
    assert whole == int(expected)
    assert switch is bool(expected)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("", "is empty"),
        ("a +", "not a complete expression"),
        ("a +* b)", "not a complete expression"),
        ("c + 1", '"c" has no value. Connected values: a, b'),
        ("1 / 0", "divides by zero"),
        ("9 ** 9 ** 9", "too large"),
        ("1 << 999999", "too large"),
        ("10.0 ** 400", "too large"),
        ("(-8) ** 0.5", "no real value"),
        ("__import__('os').system('ls')", "not a known function"),
        ("a.__class__", "not allowed"),
        ("[x for x in (1,)]", "not allowed"),
        ("(lambda: 1)()", "not a known function"),
        ("open('x')", '"open" is not a known function'),
        ("'text'", "is not a number"),
        ("1j", "is not a number"),
        ("min()", "cannot be calculated"),
        ("1.5 & 2", "cannot be calculated"),
        ("(" * 300 + "1" + ")" * 300, "not a complete expression|nested too deeply"),
        ("-" * 3000 + "1", "not a complete expression|nested too deeply"),
        ("1" * 5000, "longer than"),
        ("round(1, ndigits=2)", "not a known function"),
        ("a in b", "compare numbers"),
    ],
)
def test_what_is_not_arithmetic_is_refused_in_words(
    call: Call, expression: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        call("ComfyMathExpression", expression=expression, values={"a": 2, "b": 3})


@pytest.mark.parametrize("expression", ["1e308 * 10", "1e308 * 10 - 1e308 * 10"])
def test_a_result_without_a_whole_number_is_refused(call: Call, expression: str) -> None:
    with pytest.raises(ValueError, match="not a whole number"):
        call("ComfyMathExpression", expression=expression, values={})


@pytest.mark.parametrize(
    ("value", "expected"),
    [(3, (3.0, 3)), (2.9, (2.9, 2)), (-2.9, (-2.9, -2)), (True, (1.0, 1)), (" 4.5 ", (4.5, 4)),
     ("0x10", (16.0, 16)), ("12", (12.0, 12)), ("1e3", (1000.0, 1000))],
)  # fmt: skip
def test_number_convert_reads_every_simple_value(
    call: Call, value: Any, expected: tuple[float, int]
) -> None:
    assert call("ComfyNumberConvert", value=value) == expected


def test_number_convert_refuses_a_word(call: Call) -> None:
    with pytest.raises(ValueError, match='"seven" is not a number'):
        call("ComfyNumberConvert", value="seven")


@pytest.mark.parametrize(
    ("ratio", "megapixels", "multiple", "expected"),
    [
        ("1:1 (Square)", 1.0, 8, (1024, 1024)),
        ("16:9 (Widescreen)", 1.0, 16, (1360, 768)),
        ("9:16 (Portrait Widescreen)", 1.0, 16, (768, 1360)),
        ("2.39:1 of another program", 0.5, 2, (1120, 468)),
    ],
)
def test_resolution_selector_keeps_shape_and_size(
    call: Call, ratio: str, megapixels: float, multiple: int, expected: tuple[int, int]
) -> None:
    width, height = call(
        "ResolutionSelector", aspect_ratio=ratio, megapixels=megapixels, multiple=multiple
    )

    assert (width, height) == expected
    assert math.isclose(width * height, megapixels * 2**20, rel_tol=0.05)


def test_resolution_selector_refuses_a_text_without_ratio(nodes: ModuleType) -> None:
    answer = nodes.ResolutionSelector.validate_inputs("wide")

    assert answer == '"wide" does not begin with a ratio such as 16:9.'


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ('{"prompt": "a cat"}', "prompt", "a cat"),
        ('{"a": {"b": [1, {"c": true}]}}', "a.b.1.c", "true"),
        ('{"a.b": "as written"}', "a.b", "as written"),
        ('{"a": [1, 2]}', "a", "[1, 2]"),
        ('{"a": null}', "a", ""),
        ('{"a": 1}', "missing", ""),
        ("not json", "a", ""),
        ("[" * 100000, "a", ""),
    ],
)
def test_json_extract_string(call: Call, text: str, key: str, expected: str) -> None:
    assert call("JsonExtractString", json_string=text, key=key) == (expected,)
