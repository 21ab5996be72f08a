"""Change the size of pictures and latents."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

INTERPOLATE_METHODS = ("nearest-exact", "bilinear", "area", "bicubic")
"""Methods that are one call of torch's ``interpolate``."""


def common_upscale(
    samples: torch.Tensor, width: int, height: int, method: str, crop: str
) -> torch.Tensor:
    """Resize ``samples`` to exactly ``width`` x ``height`` (rule D-176).

    Args:
        samples: ``(batch, channels, height, width)``, or five-dimensional with a frame axis
            before the height; every frame is resized alone.
        width: New width, at least 1.
        height: New height, at least 1.
        method: One of :data:`INTERPOLATE_METHODS`, ``"lanczos"`` or ``"bislerp"``.
        crop: ``"center"`` first cuts the longer side to the new aspect; anything else stretches.

    Returns:
        A tensor of the new size; other axes and the dtype are kept.

    Raises:
        ValueError: The size is not positive or the method is unknown.
    """
    if width < 1 or height < 1:
        raise ValueError(f"Cannot resize to {width} x {height}: both sides must be at least 1.")
    if samples.ndim > 4:
        frames = samples.movedim(2, 1)
        flat = frames.reshape(-1, *frames.shape[2:])
        resized = common_upscale(flat, width, height, method, crop)
        return resized.reshape(*frames.shape[:3], height, width).movedim(2, 1)
    if crop == "center":
        samples = crop_to_aspect(samples, width, height)
    if method == "bislerp":
        return bislerp(samples, width, height)
    if method == "lanczos":
        return lanczos(samples, width, height)
    if method not in INTERPOLATE_METHODS:
        known = ", ".join((*INTERPOLATE_METHODS, "lanczos", "bislerp"))
        raise ValueError(f'Unknown resize method "{method}"; known are {known}.')
    return functional.interpolate(samples, size=(height, width), mode=method)


def crop_to_aspect(samples: torch.Tensor, width: int, height: int) -> torch.Tensor:
    """Cut equal strips off the two sides that are too long for the aspect ``width : height``.

    Returns:
        A view of ``samples``; the strips are rounded to whole pixels, and at least one line
        is left.
    """
    old_height, old_width = samples.shape[-2:]
    old_aspect, new_aspect = old_width / old_height, width / height
    x = y = 0
    if old_aspect > new_aspect:
        x = round((old_width - old_width * (new_aspect / old_aspect)) / 2)
    elif old_aspect < new_aspect:
        y = round((old_height - old_height * (old_aspect / new_aspect)) / 2)
    # Rounding may ask for more than there is; a line in the middle always stays.
    x, y = min(x, (old_width - 1) // 2), min(y, (old_height - 1) // 2)
    return samples.narrow(-2, y, old_height - 2 * y).narrow(-1, x, old_width - 2 * x)


def lanczos(samples: torch.Tensor, width: int, height: int) -> torch.Tensor:
    """Resize with Pillow's Lanczos filter, in steps of 1/255.

    Values are cut to 0..1 and to eight bits on the way in, so a float picture loses precision.
    One, three and four channels are resized together (four as colour with alpha); any other
    number channel by channel.

    Args:
        samples: ``(batch, channels, height, width)``.
        width: New width.
        height: New height.

    Returns:
        ``(batch, channels, height, width)`` on the device and in the dtype of ``samples``.
    """
    if samples.shape[1] not in (1, 3, 4):
        planes = [lanczos(samples[:, i : i + 1], width, height) for i in range(samples.shape[1])]
        return torch.cat(planes, dim=1)
    pixels = np.clip(255.0 * samples.movedim(1, -1).float().cpu().numpy(), 0, 255).astype(np.uint8)
    if pixels.shape[-1] == 1:
        pixels = pixels[..., 0]
    resized = np.stack(
        [
            np.asarray(Image.fromarray(item).resize((width, height), Image.Resampling.LANCZOS))
            for item in pixels
        ]
    )
    result = torch.from_numpy(resized.astype(np.float32) / 255.0)
    result = result.unsqueeze(1) if result.ndim == 3 else result.movedim(-1, 1)
    return result.to(samples)


def bislerp(samples: torch.Tensor, width: int, height: int) -> torch.Tensor:
    """Resize latents by turning the channel vectors of neighbours into each other.

    Each axis is resized alone, first the width. Between two neighbours the direction of the
    channel vector moves along the great circle and its length linearly, which keeps the
    contrast that plain averaging of latents loses.

    Args:
        samples: ``(batch, channels, height, width)``.
        width: New width.
        height: New height.

    Returns:
        ``(batch, channels, height, width)`` in the dtype of ``samples``; computed in float32.
    """
    vectors = samples.float().movedim(1, -1)
    vectors = _slerp_axis(vectors, 2, width)
    vectors = _slerp_axis(vectors, 1, height)
    return vectors.movedim(-1, 1).to(samples.dtype)


def _slerp_axis(vectors: torch.Tensor, axis: int, size: int) -> torch.Tensor:
    """Resample one axis of ``(batch, height, width, channels)``."""
    old_size = vectors.shape[axis]
    position = (torch.arange(size, device=vectors.device) + 0.5) * (old_size / size) - 0.5
    position = position.clamp(0, old_size - 1)
    low = position.floor().long()
    high = (low + 1).clamp(max=old_size - 1)
    ratio_shape = [1, 1, 1, 1]
    ratio_shape[axis] = size
    ratio = (position - low).reshape(ratio_shape)
    return _slerp(vectors.index_select(axis, low), vectors.index_select(axis, high), ratio)


def _slerp(start: torch.Tensor, end: torch.Tensor, ratio: torch.Tensor) -> torch.Tensor:
    start_norm = start.norm(dim=-1, keepdim=True)
    end_norm = end.norm(dim=-1, keepdim=True)
    start_unit = torch.where(start_norm > 0, start / start_norm, torch.zeros_like(start))
    end_unit = torch.where(end_norm > 0, end / end_norm, torch.zeros_like(end))
    cosine = (start_unit * end_unit).sum(dim=-1, keepdim=True)
    angle = torch.acos(cosine.clamp(-1, 1))
    turned = torch.sin((1 - ratio) * angle) * start_unit + torch.sin(ratio * angle) * end_unit
    turned = turned / torch.sin(angle) * (start_norm * (1 - ratio) + end_norm * ratio)
    # The great circle is undefined for equal and for opposite vectors.
    turned = torch.where(cosine > 1 - 1e-5, start.expand_as(turned), turned)
    return torch.where(cosine < 1e-5 - 1, start * (1 - ratio) + end * ratio, turned)
