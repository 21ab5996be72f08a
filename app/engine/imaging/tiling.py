"""Run a function over overlapping tiles and blend the results (rule D-172)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch

Scale = float | Callable[[float], float]
"""A factor, or a function from a source length to a result length."""


class ProgressSink(Protocol):
    """What is told about finished tiles, such as a ``comfy.utils.ProgressBar``."""

    def update(self, value: int, /) -> Any:
        """Count ``value`` more finished tiles."""


def get_tiled_scale_steps(width: int, height: int, tile_x: int, tile_y: int, overlap: int) -> int:
    """Return how many tiles :func:`tiled_scale` visits for one item."""
    rows = 1 if height <= tile_y else math.ceil((height - overlap) / (tile_y - overlap))
    columns = 1 if width <= tile_x else math.ceil((width - overlap) / (tile_x - overlap))
    return rows * columns


def tiled_scale(
    samples: torch.Tensor,
    function: Callable[[torch.Tensor], torch.Tensor],
    tile_x: int = 64,
    tile_y: int = 64,
    overlap: int = 8,
    upscale_amount: float = 4,
    out_channels: int = 3,
    output_device: torch.device | str = "cpu",
    pbar: ProgressSink | None = None,
) -> torch.Tensor:
    """Apply ``function`` to tiles of ``(batch, channels, height, width)``.

    See :func:`tiled_scale_multidim`; only the order of the two tile sides differs.
    """
    return tiled_scale_multidim(
        samples,
        function,
        (tile_y, tile_x),
        overlap=overlap,
        upscale_amount=upscale_amount,
        out_channels=out_channels,
        output_device=output_device,
        pbar=pbar,
    )


def tiled_scale_multidim(
    samples: torch.Tensor,
    function: Callable[[torch.Tensor], torch.Tensor],
    tile: Sequence[int] = (64, 64),
    overlap: int | Sequence[int] = 8,
    upscale_amount: Scale | Sequence[Scale] = 4,
    out_channels: int = 3,
    output_device: torch.device | str = "cpu",
    downscale: bool = False,
    index_formulas: Scale | Sequence[Scale] | None = None,
    pbar: ProgressSink | None = None,
) -> torch.Tensor:
    """Apply ``function`` to tiles and average them, weighted by linear ramps at their borders.

    The batch is worked off item by item. An item that fits into one tile goes to the
    function whole.

    Args:
        samples: ``(batch, channels, *sizes)`` with as many sizes as ``tile`` has.
        function: From one tile ``(1, channels, *tile sizes)`` to ``(1, out_channels, ...)``.
        tile: Tile size per axis, in source units.
        overlap: Overlap of neighbours per axis, in source units.
        upscale_amount: How much longer the result is, one for all axes or one per axis.
        out_channels: Channels that the function gives back.
        output_device: Where the blended result lies.
        downscale: Whether lengths are divided by ``upscale_amount`` instead.
        index_formulas: As ``upscale_amount``, for the positions of tiles where those follow
            another rule than the lengths (video frames do).
        pbar: Told once per tile.

    Returns:
        ``(batch, out_channels, *result sizes)`` float32 on ``output_device``.

    Raises:
        ValueError: The overlap of an axis is not smaller than its tile.
    """
    axes = len(tile)
    overlaps = _per_axis(overlap, axes)
    if any(o >= t for o, t in zip(overlaps, tile, strict=True)):
        raise ValueError(f"The overlap {overlaps} must be smaller than the tile {tuple(tile)}.")
    scales = _per_axis(upscale_amount, axes)
    positions = _per_axis(upscale_amount if index_formulas is None else index_formulas, axes)
    lengths = [lambda value, s=s: _scaled(s, value, downscale) for s in scales]
    offsets = [lambda value, s=s: _scaled(s, value, downscale) for s in positions]
    sizes = samples.shape[2:]
    result_sizes = [round(lengths[axis](sizes[axis])) for axis in range(axes)]
    result = torch.empty(
        (samples.shape[0], out_channels, *result_sizes), device=output_device, dtype=torch.float32
    )
    for index in range(samples.shape[0]):
        item = samples[index : index + 1]
        if all(size <= side for size, side in zip(sizes, tile, strict=True)):
            result[index : index + 1] = function(item).to(output_device)
            if pbar is not None:
                pbar.update(1)
            continue
        total = torch.zeros((1, out_channels, *result_sizes), device=output_device)
        weight = torch.zeros_like(total)
        starts = [_starts(sizes[a], tile[a], overlaps[a]) for a in range(axes)]
        for corner in itertools.product(*starts):
            part = item
            region: list[slice] = [slice(None), slice(None)]
            for axis in range(axes):
                start = max(0, min(sizes[axis] - overlaps[axis], corner[axis]))
                length = min(tile[axis], sizes[axis] - start)
                part = part.narrow(axis + 2, start, length)
                region.append(slice(round(offsets[axis](start)), None))
            done = function(part).to(output_device)
            for axis in range(axes):
                begin = region[axis + 2].start
                region[axis + 2] = slice(begin, begin + done.shape[axis + 2])
            ramp = _ramp(done, [round(lengths[a](overlaps[a])) for a in range(axes)])
            total[tuple(region)] += done * ramp
            weight[tuple(region)] += ramp
            if pbar is not None:
                pbar.update(1)
        result[index : index + 1] = total / weight
    return result


def _per_axis(value: Any, axes: int) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value] * axes


def _scaled(scale: Scale, value: float, downscale: bool) -> float:
    if callable(scale):
        return scale(value)
    return value / scale if downscale else value * scale


def _starts(size: int, tile: int, overlap: int) -> Sequence[int]:
    return range(0, size - overlap, tile - overlap) if size > tile else (0,)


def _ramp(done: torch.Tensor, feathers: Sequence[int]) -> torch.Tensor:
    """Return weights that rise to 1 within ``feathers[axis]`` px of every border."""
    weight = torch.ones_like(done)
    for axis, feather in enumerate(feathers, start=2):
        length = done.shape[axis]
        if feather >= length or feather < 1:
            continue
        line = torch.ones(length, device=done.device, dtype=done.dtype)
        rise = torch.arange(1, feather + 1, device=done.device, dtype=done.dtype) / feather
        line[:feather] *= rise
        line[length - feather :] *= rise.flip(0)
        shape = [1] * done.ndim
        shape[axis] = length
        weight = weight * line.reshape(shape)
    return weight
