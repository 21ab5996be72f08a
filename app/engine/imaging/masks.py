"""Fit, combine, feather and grow masks, and paste pictures through them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional

from app.engine.imaging.batches import repeat_to_batch_size

MASK_OPERATIONS = ("multiply", "add", "subtract", "and", "or", "xor")
"""Ways of :func:`combine_masks`."""


def reshape_mask(mask: torch.Tensor, output_shape: Sequence[int]) -> torch.Tensor:
    """Bring a mask into the shape of the samples it will be used with (rule D-085).

    Args:
        mask: ``(batch, height, width)``, or with a channel axis of 1; for video samples a frame
            axis may stand in front of the height.
        output_shape: ``(batch, channels, *sizes)`` with one to three sizes.

    Returns:
        A mask of exactly ``output_shape``: resized (bi)linearly, then repeated over the
        channels and the batch.
    """
    axes = len(output_shape) - 2
    if axes == 2:
        mask = mask.reshape(-1, 1, mask.shape[-2], mask.shape[-1])
    elif axes == 3 and mask.ndim < 5:
        mask = mask.reshape(1, 1, -1, mask.shape[-2], mask.shape[-1])
    elif axes == 1 and mask.ndim < 3:
        mask = mask.reshape(-1, 1, mask.shape[-1])
    mode = {1: "linear", 2: "bilinear", 3: "trilinear"}[axes]
    mask = functional.interpolate(mask, size=tuple(output_shape[2:]), mode=mode)
    mask = repeat_to_batch_size(mask, output_shape[1], dim=1)
    return repeat_to_batch_size(mask, output_shape[0])


def composite(
    destination: torch.Tensor,
    source: torch.Tensor,
    x: int,
    y: int,
    mask: torch.Tensor | None = None,
    multiplier: int = 8,
    resize_source: bool = False,
) -> torch.Tensor:
    """Paste ``source`` into a copy of ``destination`` (rule D-246).

    What lies outside the destination is cut off, on any side.

    Args:
        destination: ``(batch, channels, height, width)``.
        source: The same number of channels; its batch is repeated or cut to fit.
        x: Left edge, in units of ``1 / multiplier`` samples (pixels, for latents).
        y: Top edge, in the same units.
        mask: ``(batch, height, width)``, 1 where the source covers; stretched to the source.
        multiplier: 8 for latents, 1 for pictures.
        resize_source: Whether the source is first stretched to the destination's size.

    Returns:
        A new tensor of the destination's shape.
    """
    source = source.to(destination.device)
    if resize_source:
        source = functional.interpolate(source, size=destination.shape[-2:], mode="bilinear")
    source = repeat_to_batch_size(source, destination.shape[0])
    source_height, source_width = source.shape[-2:]
    if mask is None:
        weight = torch.ones_like(source[:, :1])
    else:
        weight = mask.to(destination.device, copy=True).reshape(-1, 1, *mask.shape[-2:])
        weight = functional.interpolate(
            weight.float(), size=(source_height, source_width), mode="bilinear"
        )
        weight = repeat_to_batch_size(weight, source.shape[0])
    # The reference limits the origin to one source size outside; farther away nothing is seen.
    left = max(-source_width * multiplier, min(x, destination.shape[-1] * multiplier)) // multiplier
    top = max(-source_height * multiplier, min(y, destination.shape[-2] * multiplier)) // multiplier
    x0, y0 = max(left, 0), max(top, 0)
    x1 = min(left + source_width, destination.shape[-1])
    y1 = min(top + source_height, destination.shape[-2])
    result = destination.clone()
    if x1 <= x0 or y1 <= y0:
        return result
    rows, columns = slice(y0 - top, y1 - top), slice(x0 - left, x1 - left)
    seen = weight[..., rows, columns]
    area = result[..., y0:y1, x0:x1]
    result[..., y0:y1, x0:x1] = source[..., rows, columns] * seen + area * (1 - seen)
    return result


def combine_masks(
    destination: torch.Tensor, source: torch.Tensor, x: int, y: int, operation: str
) -> torch.Tensor:
    """Combine ``source``, pasted at ``x``, ``y``, with a copy of ``destination`` (rule D-245).

    Returns:
        ``(batch, height, width)`` of the destination's size, cut to 0..1.

    Raises:
        ValueError: The operation is not one of :data:`MASK_OPERATIONS`.
    """
    result = destination.reshape(-1, *destination.shape[-2:])
    source = source.reshape(-1, *source.shape[-2:])
    count = max(result.shape[0], source.shape[0])
    result = repeat_to_batch_size(result, count).clone()
    source = repeat_to_batch_size(source, count)
    x1 = min(x + source.shape[-1], result.shape[-1])
    y1 = min(y + source.shape[-2], result.shape[-2])
    if x1 > x and y1 > y:
        new = source[:, : y1 - y, : x1 - x]
        old = result[:, y:y1, x:x1]
        result[:, y:y1, x:x1] = _combine(old, new.to(old), operation)
    elif operation not in MASK_OPERATIONS:
        _combine(result, result, operation)
    return result.clamp(0.0, 1.0)


def _combine(old: torch.Tensor, new: torch.Tensor, operation: str) -> torch.Tensor:
    if operation == "multiply":
        return old * new
    if operation == "add":
        return old + new
    if operation == "subtract":
        return old - new
    old_set, new_set = old.round().bool(), new.round().bool()
    if operation == "and":
        return torch.logical_and(old_set, new_set).to(old)
    if operation == "or":
        return torch.logical_or(old_set, new_set).to(old)
    if operation == "xor":
        return torch.logical_xor(old_set, new_set).to(old)
    raise ValueError(
        f'Unknown mask operation "{operation}"; known are {", ".join(MASK_OPERATIONS)}.'
    )


def grow_mask(mask: torch.Tensor, pixels: int, *, tapered_corners: bool = True) -> torch.Tensor:
    """Grow the bright part of a mask by ``pixels``, or shrink it when negative (rule D-243).

    Args:
        mask: ``(batch, height, width)``, or any shape that ends in height and width.
        pixels: Steps of one pixel each.
        tapered_corners: Whether a step leaves the four diagonal neighbours out, which makes
            a grown point a diamond instead of a square.

    Returns:
        ``(batch, height, width)`` float32.
    """
    result = mask.reshape(-1, 1, *mask.shape[-2:]).float()
    sign = 1.0 if pixels >= 0 else -1.0
    result = result * sign
    steps = abs(pixels)
    if tapered_corners:
        for _ in range(steps):
            across = functional.max_pool2d(result, (1, 3), stride=1, padding=(0, 1))
            down = functional.max_pool2d(result, (3, 1), stride=1, padding=(1, 0))
            result = torch.maximum(across, down)
    elif steps:
        # Squares grow into squares, so all steps are one pass a side.
        side = 2 * steps + 1
        padded = functional.pad(result, (steps, steps, 0, 0), value=-torch.inf)
        result = functional.max_pool2d(padded, (1, side), stride=1)
        padded = functional.pad(result, (0, 0, steps, steps), value=-torch.inf)
        result = functional.max_pool2d(padded, (side, 1), stride=1)
    return (result * sign).squeeze(1)


def feather_mask(mask: torch.Tensor, left: int, top: int, right: int, bottom: int) -> torch.Tensor:
    """Fade a mask out towards its borders (rule D-244).

    The right and bottom ramps repeat a slip of the reference that pictures depend on: their
    first step falls on the first column or row instead of the last one.

    Returns:
        A new ``(batch, height, width)`` mask.
    """
    result = mask.reshape(-1, *mask.shape[-2:]).clone()
    height, width = result.shape[-2:]
    left, right = min(left, width), min(right, width)
    top, bottom = min(top, height), min(bottom, height)
    for x in range(left):
        result[:, :, x] *= (x + 1.0) / left
    for x in range(right):
        result[:, :, -x] *= (x + 1.0) / right
    for y in range(top):
        result[:, y, :] *= (y + 1.0) / top
    for y in range(bottom):
        result[:, -y, :] *= (y + 1.0) / bottom
    return result
