"""Lists of noise levels that depend on no model (data: tests/data/nodes)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from app.engine.diffusion import sigmas

DATA = Path(__file__).parents[2] / "data" / "nodes"
CASES: dict[str, Any] = json.loads((DATA / "sigmas.json").read_text())["cases"]


@pytest.mark.parametrize("key", sorted(CASES))
def test_lists_are_as_recorded_d024_d032(key: str) -> None:
    case = CASES[key]
    options = dict(case["params"])
    function, steps = options.pop("fn"), options.pop("n")

    result = getattr(sigmas, f"{function}_sigmas")(steps, **options)

    with np.load(DATA / "sigmas.npz") as file:
        expected = file[f"{key}/sigmas"]
    np.testing.assert_allclose(result, expected, atol=case["atol"], rtol=case["rtol"])


def test_exponential_is_polyexponential_of_rho_one_d025() -> None:
    expected = sigmas.polyexponential_sigmas(9, 0.03, 14.6, 1.0)

    assert torch.allclose(sigmas.exponential_sigmas(9, 0.03, 14.6), expected, rtol=1e-5)


@pytest.mark.parametrize("family", list(sigmas.ALIGN_YOUR_STEPS))
def test_ten_steps_are_the_published_table(family: str) -> None:
    result = sigmas.align_your_steps_sigmas(family, 10)

    expected = [*sigmas.ALIGN_YOUR_STEPS[family][:-1], 0.0]
    assert result.tolist() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("steps", [1, 3, 25])
def test_other_step_numbers_keep_the_ends_and_fall(steps: int) -> None:
    result = sigmas.align_your_steps_sigmas("SDXL", steps)

    assert len(result) == steps + 1
    assert result[0].item() == pytest.approx(14.6146412293)
    assert (result.diff() < 0).all()


def test_flux2_levels_shift_with_the_size_of_the_picture() -> None:
    small, large = sigmas.flux2_sigmas(20, 512, 512), sigmas.flux2_sigmas(20, 2048, 2048)

    assert small[0] == large[0] == 1
    assert small[-1] == large[-1] == 0
    assert (large[1:-1] > small[1:-1]).all()


def test_flux2_middle_level_by_hand() -> None:
    # 1024 x 1024 is 4096 patches; at 200 steps mu is 0.00016927 * 4096 + 0.45666666 = 1.15.
    level = sigmas.flux2_sigmas(200, 1024, 1024)[100].item()

    assert level == pytest.approx(1 / (1 + np.exp(-1.14999658)), rel=1e-5)


def test_extending_inserts_levels_inside_the_range_only() -> None:
    levels = torch.tensor([20.0, 10.0, 4.0, 0.0])

    result = sigmas.extend_sigmas(levels, 2, 15.0, 3.0, "linear")

    assert result.tolist() == [20, 10, 7, 4, 2, 0]


def test_flipping_twice_gives_the_list_back_but_for_the_zero_d033() -> None:
    levels = torch.tensor([3.0, 1.0, 0.0])

    flipped = sigmas.flip_sigmas(levels)

    assert flipped.tolist() == pytest.approx([0.0001, 1.0, 3.0])
    assert levels.tolist() == [3.0, 1.0, 0.0]


@pytest.mark.parametrize("denoise", [0.0, 0.25, 0.5, 1.0])
def test_splitting_keeps_every_level_d033(denoise: float) -> None:
    levels = torch.arange(9.0).flip(0)

    high, low = sigmas.split_by_denoise(levels, denoise)

    assert low[-1] == 0
    assert torch.cat([high[:-1], low]).tolist()[-len(low) :] == low.tolist()
    assert len(low) == round(8 * denoise) + 1


def test_an_empty_list_can_be_flipped_split_and_extended() -> None:
    empty = torch.FloatTensor([])

    assert sigmas.flip_sigmas(empty).numel() == 0
    assert sigmas.split_by_denoise(empty, 0.5)[1].numel() == 0
    assert sigmas.extend_sigmas(empty, 2, -1, 0, "sine").numel() == 0


def test_numbers_are_found_between_anything_d033() -> None:
    assert sigmas.parse_sigmas("-1, .5;x2.5 1e-2").tolist() == [-1, 0.5, 2.5, 1, -2]


@pytest.mark.parametrize(
    ("steps", "low", "high"), [(0, 0.1, 1.0), (-1, 0.1, 1.0), (3, 0.0, 1.0), (3, 0.1, -1.0)]
)
@pytest.mark.parametrize("name", ["karras", "exponential", "polyexponential", "laplace"])
def test_impossible_bounds_are_refused(name: str, steps: int, low: float, high: float) -> None:
    with pytest.raises(ValueError, match="must be"):
        getattr(sigmas, f"{name}_sigmas")(steps, low, high)


def test_a_curvature_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="rho"):
        sigmas.karras_sigmas(4, 0.1, 1.0, rho=0)
