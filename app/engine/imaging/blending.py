"""Mix two pictures: blend modes and Porter-Duff compositing."""

from __future__ import annotations

from collections.abc import Callable

import torch

BLEND_MODES = ("normal", "multiply", "screen", "overlay", "soft_light", "difference")
"""Modes of :func:`blend`."""


def blend(first: torch.Tensor, second: torch.Tensor, factor: float, mode: str) -> torch.Tensor:
    """Mix ``first`` with its blend with ``second`` (rule D-240).

    Args:
        first: A picture in any layout, values 0..1.
        second: A picture that broadcasts to ``first``.
        factor: Share of the blend, 0..1.
        mode: One of :data:`BLEND_MODES`.

    Returns:
        The mix, cut to 0..1.

    Raises:
        ValueError: The mode is unknown.
    """
    mixed = first * (1 - factor) + _blend_mode(first, second, mode) * factor
    return mixed.clamp(0, 1)


def _blend_mode(a: torch.Tensor, b: torch.Tensor, mode: str) -> torch.Tensor:
    if mode == "normal":
        return b
    if mode == "multiply":
        return a * b
    if mode == "screen":
        return 1 - (1 - a) * (1 - b)
    if mode == "overlay":
        return torch.where(a <= 0.5, 2 * a * b, 1 - 2 * (1 - a) * (1 - b))
    if mode == "soft_light":
        root = torch.where(a <= 0.25, ((16 * a - 12) * a + 4) * a, a.clamp(min=0).sqrt())
        dark = a - (1 - 2 * b) * a * (1 - a)
        return torch.where(b <= 0.5, dark, a + (2 * b - 1) * (root - a))
    if mode == "difference":
        return a - b
    raise ValueError(f'Unknown blend mode "{mode}"; known are {", ".join(BLEND_MODES)}.')


_Pair = tuple[torch.Tensor, torch.Tensor]
_Rule = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor], _Pair]


def _union(sa: torch.Tensor, da: torch.Tensor) -> torch.Tensor:
    return sa + da - sa * da


def _overlay(s: torch.Tensor, sa: torch.Tensor, d: torch.Tensor, da: torch.Tensor) -> torch.Tensor:
    return torch.where(2 * d < da, 2 * s * d, sa * da - 2 * (da - s) * (sa - d))


# From premultiplied source, its alpha, premultiplied destination, its alpha (rule D-251).
_PORTER_DUFF: dict[str, _Rule] = {
    "ADD": lambda s, sa, d, da: ((s + d).clamp(0, 1), (sa + da).clamp(0, 1)),
    "CLEAR": lambda s, sa, d, da: (torch.zeros_like(d), torch.zeros_like(da)),
    "DARKEN": lambda s, sa, d, da: (
        (1 - da) * s + (1 - sa) * d + torch.minimum(s, d),
        _union(sa, da),
    ),
    "DST": lambda s, sa, d, da: (d, da),
    "DST_ATOP": lambda s, sa, d, da: (sa * d + (1 - da) * s, sa),
    "DST_IN": lambda s, sa, d, da: (d * sa, sa * da),
    "DST_OUT": lambda s, sa, d, da: ((1 - sa) * d, (1 - sa) * da),
    "DST_OVER": lambda s, sa, d, da: (d + (1 - da) * s, da + (1 - da) * sa),
    "LIGHTEN": lambda s, sa, d, da: (
        (1 - da) * s + (1 - sa) * d + torch.maximum(s, d),
        _union(sa, da),
    ),
    "MULTIPLY": lambda s, sa, d, da: (s * d, sa * da),
    "OVERLAY": lambda s, sa, d, da: (_overlay(s, sa, d, da), _union(sa, da)),
    "SCREEN": lambda s, sa, d, da: (s + d - s * d, _union(sa, da)),
    "SRC": lambda s, sa, d, da: (s, sa),
    "SRC_ATOP": lambda s, sa, d, da: (da * s + (1 - sa) * d, da),
    "SRC_IN": lambda s, sa, d, da: (s * da, sa * da),
    "SRC_OUT": lambda s, sa, d, da: ((1 - da) * s, (1 - da) * sa),
    "SRC_OVER": lambda s, sa, d, da: (s + (1 - sa) * d, sa + (1 - sa) * da),
    "XOR": lambda s, sa, d, da: (
        (1 - da) * s + (1 - sa) * d,
        (1 - da) * sa + (1 - sa) * da,
    ),
}

PORTER_DUFF_MODES = tuple(_PORTER_DUFF)
"""Modes of :func:`porter_duff`."""


def porter_duff(
    source: torch.Tensor,
    source_mask: torch.Tensor,
    destination: torch.Tensor,
    destination_mask: torch.Tensor,
    mode: str,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Compose two pictures with transparency (rule D-251).

    Source: Porter and Duff 1984, "Compositing Digital Images".

    Args:
        source: ``(..., channels)``, not premultiplied.
        source_mask: ``(..., 1)``, 1 where the source is transparent.
        destination: As ``source``.
        destination_mask: As ``source_mask``.
        mode: One of :data:`PORTER_DUFF_MODES`.

    Returns:
        The picture, cut to 0..1 and black where it is fully transparent, and its mask.

    Raises:
        ValueError: The mode is unknown.
    """
    rule = _PORTER_DUFF.get(mode)
    if rule is None:
        raise ValueError(
            f'Unknown Porter-Duff mode "{mode}"; known are {", ".join(PORTER_DUFF_MODES)}.'
        )
    source_alpha, destination_alpha = 1 - source_mask, 1 - destination_mask
    color, alpha = rule(
        source * source_alpha, source_alpha, destination * destination_alpha, destination_alpha
    )
    visible = alpha > 1e-5
    color = torch.where(visible, color / alpha.masked_fill(~visible, 1.0), torch.zeros_like(color))
    return color.clamp(0, 1), 1 - alpha
