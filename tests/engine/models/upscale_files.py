"""Small random upscale models in the layout of ESRGAN, 4 times or 2 times larger."""

from __future__ import annotations

import torch


def esrgan(
    scale: int = 4, width: int = 8, blocks: int = 1, seed: int = 1
) -> dict[str, torch.Tensor]:
    """Return the tensors of a residual-in-residual network with ``blocks`` blocks.

    Args:
        scale: How much larger its results are, 2 or 4.
        width: Channels it computes with.
        blocks: Residual blocks.
        seed: Of the weights.
    """
    growth = 32  # fixed in this kind of network
    doublings = {2: 1, 4: 2}[scale]
    shapes = {"model.0": (width, 3)}
    for block in range(blocks):
        for dense in (1, 2, 3):
            for layer in range(1, 6):
                out = width if layer == 5 else growth
                name = f"model.1.sub.{block}.RDB{dense}.conv{layer}.0"
                shapes[name] = (out, width + (layer - 1) * growth)
    shapes[f"model.1.sub.{blocks}"] = (width, width)
    place = 3
    for _ in range(doublings):
        shapes[f"model.{place}"] = (width, width)
        place += 3
    shapes[f"model.{place - 1}"] = (width, width)
    shapes[f"model.{place + 1}"] = (3, width)
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for name, (out, channels) in shapes.items():
        spread = (channels * 9) ** -0.5
        tensors[f"{name}.weight"] = torch.randn(out, channels, 3, 3, generator=generator) * spread
        tensors[f"{name}.bias"] = torch.randn(out, generator=generator) * 0.1
    return tensors
