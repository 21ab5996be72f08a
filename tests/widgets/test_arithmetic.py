"""U-232: arithmetic typed into numbers."""

from __future__ import annotations

import pytest

from app.widgets.arithmetic import evaluate


@pytest.mark.parametrize(
    ("text", "current", "expected"),
    [
        ("42", 0, 42),
        ("007", 0, 7),
        ("-3", 0, -3),
        ("1.5", 0, 1.5),
        (".5", 0, 0.5),
        ("1,5", 0, 1.5),
        ("1e3", 0, 1000.0),
        ("7*4", 0, 28),
        ("1024/1.5", 0, 1024 / 1.5),
        ("1024/2", 0, 512),
        ("(3+4)*2", 0, 14),
        ("2**10", 0, 1024),
        ("7//2", 0, 3),
        ("7%4", 0, 3),
        ("7 % 4", 0, 3),
        ("-(2+3)", 0, -5),
        ("+=10", 5, 15),
        ("-=10", 5, -5),
        ("*=3", 5, 15),
        ("/=2", 5, 2.5),
        ("+= 2*3", 5, 11),
        ("x2", 5, 10),
        ("X 2", 5, 10),
        ("×0.5", 5, 2.5),
        ("50%", 512, 256),
        ("10%+1", 512, 52.2),
        ("+=10%", 512, 563.2),
        ("100 px", 0, 100),
        ("45deg", 0, 45),
        ("18446744073709551615", 0, 18446744073709551615),
        ("18446744073709551614+1", 0, 18446744073709551615),
        ("9007199254740993*2", 0, 18014398509481986),
        ("2*pi", 0, 6.283185307179586),
        ("  12 ", 0, 12),
    ],
)
def test_u232_arithmetic_is_worked_out(text, current, expected):
    result = evaluate(text, current)

    assert result == pytest.approx(expected) if isinstance(expected, float) else result == expected
    assert not isinstance(expected, int) or isinstance(result, int)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "abc",
        "1+",
        "1//0",
        "1/0",
        "5%0",
        "nan",
        "inf",
        "1e999",
        "10**10**10",
        "9**9**9**9",
        "(-8)**0.5",
        "1 if 1 else 2",
        "__import__('os')",
        "().__class__",
        "print(1)",
        "True",
        "1j",
        "'a'*3",
        "[1]",
        "1<2",
        "lambda: 1",
        "__current__.real",
        "2" * 300,
        "(" * 150 + "1" + ")" * 40,
        "1;2",
    ],
)
def test_u232_what_is_no_arithmetic_is_refused(text):
    with pytest.raises(ValueError, match=r"\.$"):
        evaluate(text, 3)


def test_u232_names_of_other_controls_can_be_used():
    assert evaluate("width/2", 0, {"width": 1024}) == 512


@pytest.mark.parametrize(
    ("text", "whole", "decimal"),
    [
        ("1,024", 1024, 1.024),
        ("-1,024", -1024, -1.024),
        ("12,288", 12288, 12.288),
        ("1,234,567", 1234567, 1234567),
        ("1,024*2", 2048, 2.048),
        ("1,5", 1.5, 1.5),
        ("1,50", 1.5, 1.5),
        ("0,125", 0.125, 0.125),
        (",5", 0.5, 0.5),
        ("1024,125", 1024.125, 1024.125),
        ("1,5*4", 6.0, 6.0),
        ("1,024.5", 1024.5, 1024.5),
        ("1.024,5", 1024.5, 1024.5),
        ("+=1,000", 1007, 8.0),
        ("1,024 px", 1024, 1.024),
    ],
)
def test_u232_a_comma_separates_thousands_or_decimals(text, whole, decimal):
    assert evaluate(text, 7, is_whole=True) == pytest.approx(whole)
    assert evaluate(text, 7) == pytest.approx(decimal)
    assert isinstance(evaluate(text, 7, is_whole=True), type(whole))


@pytest.mark.parametrize("text", ["1,,5", "1,5,5", "1,", ",", "1.5,5.5", "1,0245,000"])
def test_u232_commas_that_make_no_number_are_refused(text):
    for is_whole in (True, False):
        with pytest.raises(ValueError, match=r"is not arithmetic|can be used|is not a number"):
            evaluate(text, is_whole=is_whole)
