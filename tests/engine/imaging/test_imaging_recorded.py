"""Tiling, batches and masks give the numbers of the reference (data: tests/data/nodes)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from app.engine.imaging.batches import repeat_to_batch_size, resize_to_batch_size
from app.engine.imaging.masks import reshape_mask
from app.engine.imaging.tiling import get_tiled_scale_steps, tiled_scale

DATA = Path(__file__).parents[2] / "data" / "nodes"
CASES: dict[str, Any] = json.loads((DATA / "tiled.json").read_text())["cases"]


@pytest.fixture(scope="module")
def arrays() -> dict[str, np.ndarray]:
    with np.load(DATA / "tiled.npz") as file:
        return {key: file[key] for key in file.files}


def _keys(prefix: str) -> list[str]:
    return sorted(key for key in CASES if key.startswith(prefix))


def _latent(shape: list[int]) -> torch.Tensor:
    index = torch.arange(int(np.prod(shape)), dtype=torch.float64).reshape(shape)
    return (torch.sin(0.7311 * index) + 0.5 * torch.cos(0.0913 * index + 0.4)).float()


def _mask(shape: list[int]) -> torch.Tensor:
    batch, height, width = shape
    y = torch.arange(height, dtype=torch.float64).reshape(1, height, 1) / height
    x = torch.arange(width, dtype=torch.float64).reshape(1, 1, width) / width
    n = torch.arange(batch, dtype=torch.float64).reshape(batch, 1, 1)
    distance = ((x - 0.45 - 0.1 * n) ** 2 + (y - 0.55) ** 2) ** 0.5
    return (1.4 - 4.0 * distance).clamp(0, 1).float()


def _up(tile: torch.Tensor) -> torch.Tensor:
    mean = tile[:, :3].mean(dim=(2, 3), keepdim=True)
    return functional.interpolate(tile[:, :3] * 0.5 + mean * 0.3, scale_factor=8, mode="bilinear")


def _down(tile: torch.Tensor) -> torch.Tensor:
    small = functional.avg_pool2d(tile, 8)
    return torch.cat([small, tile.mean() * torch.ones_like(small[:, :1])], dim=1)


class _Counter:
    def __init__(self) -> None:
        self.steps = 0

    def update(self, value: int) -> None:
        self.steps += value


@pytest.mark.parametrize("key", _keys("up/") + _keys("down/"))
def test_tiled_scale_blends_as_recorded_d172(key: str, arrays: dict[str, np.ndarray]) -> None:
    case = CASES[key]["params"]
    counter = _Counter()
    function, channels = (_up, 3) if key.startswith("up/") else (_down, 4)

    result = tiled_scale(
        _latent(case["shape"]),
        function,
        case["tile_x"],
        case["tile_y"],
        case["overlap"],
        case["upscale"],
        channels,
        pbar=counter,
    )

    np.testing.assert_allclose(result, arrays[f"{key}/out"], atol=1e-5, rtol=1e-5)
    height, width = case["shape"][2:]
    sides = (case["tile_x"], case["tile_y"], case["overlap"])
    assert counter.steps == get_tiled_scale_steps(width, height, *sides)
    assert counter.steps == CASES[key].get("values", {}).get("steps", counter.steps)


def test_an_item_that_fits_into_one_tile_goes_to_the_function_whole_d172() -> None:
    shapes: list[torch.Size] = []

    def function(tile: torch.Tensor) -> torch.Tensor:
        shapes.append(tile.shape)
        return tile

    result = tiled_scale(torch.ones(2, 3, 5, 6), function, 8, 8, 2, 1)

    assert shapes == [(1, 3, 5, 6), (1, 3, 5, 6)]
    assert torch.equal(result, torch.ones(2, 3, 5, 6))


def test_an_overlap_as_large_as_the_tile_is_refused() -> None:
    with pytest.raises(ValueError, match="must be smaller than the tile"):
        tiled_scale(torch.ones(1, 3, 40, 40), lambda tile: tile, 8, 8, 8, 1)


@pytest.mark.parametrize("key", _keys("batch/"))
def test_batches_are_repeated_and_resized_as_recorded_d177(
    key: str, arrays: dict[str, np.ndarray]
) -> None:
    case = CASES[key]["params"]
    items = torch.arange(case["from"], dtype=torch.float32).reshape(-1, 1)
    function = repeat_to_batch_size if case["fn"] == "rep" else resize_to_batch_size

    np.testing.assert_array_equal(function(items, case["to"]), arrays[f"{key}/out"])


@pytest.mark.parametrize("key", _keys("reshape_mask/"))
def test_masks_are_reshaped_as_recorded_d085(key: str, arrays: dict[str, np.ndarray]) -> None:
    case = CASES[key]["params"]

    result = reshape_mask(_mask(case["in"]), case["out"])

    np.testing.assert_allclose(result, arrays[f"{key}/out"], atol=1e-6, rtol=1e-6)


def test_a_mask_of_one_frame_serves_a_whole_video_d085() -> None:
    result = reshape_mask(torch.ones(1, 8, 8), (2, 16, 3, 4, 4))

    assert result.shape == (2, 16, 3, 4, 4)
    assert result.min() == 1


def test_an_empty_batch_cannot_be_repeated() -> None:
    with pytest.raises(ValueError, match="empty batch"):
        repeat_to_batch_size(torch.zeros(0, 2), 3)
