"""U-230, U-231: rounding, stepping and writing of numbers."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.widgets.number_values import can_step, format_number, normalized, stepped
from app.widgets.spec import WidgetKind, WidgetSpec


def whole(**kwargs):
    return WidgetSpec("n", WidgetKind.INT, "n", **kwargs)


def decimal(**kwargs):
    return WidgetSpec("n", WidgetKind.FLOAT, "n", **kwargs)


@pytest.mark.parametrize(
    ("number", "spec", "expected"),
    [
        (682.67, whole(minimum=16, maximum=16384, step=8), 680),
        (515, whole(minimum=16, maximum=16384, step=8), 512),
        (516, whole(minimum=16, maximum=16384, step=8), 520),
        (3, whole(minimum=16, maximum=16384, step=8), 16),
        (99999, whole(minimum=16, maximum=16384, step=8), 16384),
        (4, whole(minimum=1, maximum=None, step=3), 4),
        (5.5, whole(), 6),
        (-5.5, whole(), -5),
        (2**64, whole(minimum=0, maximum=2**64 - 1), 2**64 - 1),
        (7.126, decimal(round_to=0.01), 7.13),
        (0.1 + 0.2, decimal(round_to=0.01), 0.3),
        (0.1 + 0.2, decimal(), 0.3),
        (1.0000001, decimal(minimum=0.0, maximum=1.0), 1.0),
        (5, decimal(), 5.0),
        (7.3, decimal(round_to=0.25), 7.25),
    ],
)
def test_u230_values_are_rounded_and_clamped(number, spec, expected):
    result = normalized(number, spec)

    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("start", "count", "spec", "expected"),
    [
        (2**53 + 1, 1, whole(), 2**53 + 2),
        (2**64 - 2, 1, whole(maximum=2**64 - 1), 2**64 - 1),
        (512, -1, whole(minimum=16, step=8), 504),
        (0.0, 10, decimal(step=0.1), 1.0),
        (0.3, -3, decimal(step=0.1), 0.0),
        (8.0, 1, decimal(step=0.1, round_to=0.01), 8.1),
        (0.5, 3, decimal(step=0.05), 0.65),
    ],
)
def test_u230_steps_are_exact(start, count, spec, expected):
    assert stepped(start, count, spec) == expected


@pytest.mark.parametrize(
    ("value", "spec", "expected"),
    [
        (20, whole(), "20"),
        (20.0, whole(), "20"),
        (20.5, whole(), "20.5"),
        (18446744073709551615, whole(), "18446744073709551615"),
        (1, decimal(step=0.01), "1.00"),
        (5.5, decimal(step=0.1, round_to=0.01), "5.5"),
        (5.55, decimal(step=0.1, round_to=0.01), "5.55"),
        (0.30000000000000004, decimal(step=0.1), "0.3"),
        (1.0, decimal(step=0.25), "1.00"),
        (1.0, decimal(step=0.001), "1.000"),
        (1.0, decimal(step=1.0), "1"),
        (2.5, decimal(step=1.0), "2.5"),
        (1.23456, decimal(step=0.1, decimals=2), "1.23"),
        (1e-5, decimal(step=0.01), "1e-05"),
        ("euler", decimal(), "euler"),
        (None, whole(), ""),
        (True, whole(), "True"),
        (float("nan"), decimal(), "nan"),
    ],
)
def test_u231_values_are_written_with_the_digits_they_need(value, spec, expected):
    assert format_number(value, spec) == expected


def test_u230_the_arrows_know_the_ends_of_the_range():
    spec = whole(minimum=1, maximum=3)

    assert can_step(1, spec) == (False, True)
    assert can_step(2, spec) == (True, True)
    assert can_step(3, spec) == (True, False)


@settings(max_examples=60, deadline=None)
@given(
    value=st.integers(-(2**70), 2**70),
    step=st.integers(1, 1000),
    low=st.integers(-(2**63), 0),
    high=st.integers(1, 2**64 - 1),
)
def test_u230_any_whole_number_lands_in_its_range(value, step, low, high):
    result = normalized(value, whole(minimum=low, maximum=high, step=step))

    assert low <= result <= high
    assert (result - low) % step == 0 or result == high
