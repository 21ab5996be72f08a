"""The weights of multi-step samplers integrate what their papers say."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine.diffusion.samplers.adams import (
    ADAMS_WEIGHTS,
    lagrange_integrals,
    variable_step_weights,
)
from app.engine.diffusion.samplers.levels import (
    ancestral_split,
    flow_ancestral_split,
    half_log_snr,
    sigma_of,
)
from app.engine.diffusion.samplers.sa_solver import adams_weights, simple_second_order_weights

LEVELS = st.floats(0.01, 0.99)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_equal_steps_give_the_weights_of_adams_and_bashforth_d140(order: int) -> None:
    weights = variable_step_weights([-0.3] * order)

    assert weights == pytest.approx(ADAMS_WEIGHTS[order - 1])


def test_lagrange_weights_integrate_cubics_exactly_d117() -> None:
    nodes = [3.0, 4.0, 6.0, 7.5]

    weights = lagrange_integrals(nodes, 3.0, 1.0)

    exact = (1.0**4 - 3.0**4) / 4
    assert sum(w * node**3 for w, node in zip(weights, nodes, strict=True)) == pytest.approx(exact)


@pytest.mark.parametrize("tau", [0.0, 1.0])
@pytest.mark.parametrize("power", [0, 1, 2])
def test_stochastic_adams_weights_integrate_parabolas_d138(power: int, tau: float) -> None:
    nodes, start, end, rate = [-1.0, -0.4, 0.3], 0.3, 1.1, 1 + tau**2
    points = torch.linspace(start, end, 200001, dtype=torch.float64)
    integrand = rate * (rate * (points - end)).exp() * points**power

    weights = adams_weights(nodes, start, end, tau)

    exact = float(torch.trapezoid(integrand, points))
    got = sum(w * node**power for w, node in zip(weights, nodes, strict=True))
    assert got == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize("corrects", [False, True])
def test_simple_weights_agree_for_short_steps_d138(corrects: bool) -> None:
    start, h = 0.3, 1e-3
    nodes = [start, start + h] if corrects else [start - h, start]

    simple = simple_second_order_weights(nodes, start, start + h, 1.0, corrects)

    assert simple == pytest.approx(adams_weights(nodes, start, start + h, 1.0), rel=5e-3)


@settings(deadline=None)
@given(LEVELS, LEVELS, st.floats(0, 1))
def test_ancestral_steps_end_at_the_level_d100(a: float, b: float, eta: float) -> None:
    low, high = sorted((a, b))
    sigma, following = torch.tensor([high, low], dtype=torch.float64)

    down, up = ancestral_split(sigma, following, eta)

    assert 0 <= float(down) <= low + 1e-9
    assert math.hypot(float(down), float(up)) == pytest.approx(low, rel=1e-6)


@settings(deadline=None)
@given(LEVELS, LEVELS, st.floats(0, 1))
def test_flow_ancestral_steps_end_at_the_level_d101(a: float, b: float, eta: float) -> None:
    low, high = sorted((a, b))
    sigma, following = torch.tensor([high, low], dtype=torch.float64)

    down, scale, renoise = flow_ancestral_split(sigma, following, eta)

    assert float((1 - down) * scale) == pytest.approx(1 - low, rel=1e-6)
    assert math.hypot(float(down * scale), float(renoise)) == pytest.approx(low, rel=1e-6)


@settings(deadline=None)
@given(LEVELS, st.booleans())
def test_half_log_snr_is_undone(level: float, is_flow: bool) -> None:
    sigma = torch.tensor(level, dtype=torch.float64)

    assert float(sigma_of(half_log_snr(sigma, is_flow), is_flow)) == pytest.approx(level)
