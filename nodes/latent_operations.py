"""Operations on latents that samplers and other nodes can apply."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from comfy_api.latest import io

from app.engine.imaging import filters

Operation = Callable[..., torch.Tensor]


class LatentOperationTonemapReinhard(io.ComfyNode):
    """Tame extreme values."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a strength."""
        return io.Schema(
            node_id="LatentOperationTonemapReinhard",
            category="latent/advanced/operations",
            description="An operation that tames extreme values as film tames bright light.",
            is_experimental=True,
            inputs=[
                io.Float.Input(
                    "multiplier",
                    default=1.0,
                    min=0.0,
                    max=100.0,
                    step=0.01,
                    tooltip="Where the curve ends; larger values tame less.",
                )
            ],
            outputs=[io.LatentOperation.Output()],
        )

    @classmethod
    def execute(cls, multiplier: float) -> io.NodeOutput:
        """Return the operation."""
        return io.NodeOutput(tonemap_reinhard(multiplier))


def tonemap_reinhard(multiplier: float) -> Operation:
    """Return an operation that bends vector lengths below mean plus five deviations.

    Source: Reinhard et al. 2002, "Photographic Tone Reproduction for Digital Images", with the
    length of the channel vector as brightness.
    """

    def apply(latent: torch.Tensor, **_: Any) -> torch.Tensor:
        length = torch.linalg.vector_norm(latent, dim=1, keepdim=True) + 1e-10
        axes = tuple(range(1, latent.ndim))
        top = (length.std(dim=axes, keepdim=True) * 5 + length.mean(dim=axes, keepdim=True)) * (
            multiplier
        )
        bent = length / top
        bent = bent / (bent + 1.0) * top
        result: torch.Tensor = latent / length * bent
        return result

    return apply


class LatentOperationSharpen(io.ComfyNode):
    """Sharpen latents."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare how much to sharpen."""
        return io.Schema(
            node_id="LatentOperationSharpen",
            category="latent/advanced/operations",
            description="An operation that makes detail in latents stand out.",
            is_experimental=True,
            inputs=[
                io.Int.Input(
                    "sharpen_radius",
                    default=9,
                    min=1,
                    max=31,
                    step=1,
                    tooltip="Size of the detail to strengthen, in latent pixels.",
                ),
                io.Float.Input(
                    "sigma",
                    default=1.0,
                    min=0.1,
                    max=10.0,
                    step=0.1,
                    tooltip="How evenly the surroundings count within the radius.",
                ),
                io.Float.Input(
                    "alpha",
                    default=0.1,
                    min=0.0,
                    max=5.0,
                    step=0.01,
                    tooltip="Strength; 0 changes nothing.",
                ),
            ],
            outputs=[io.LatentOperation.Output()],
        )

    @classmethod
    def execute(cls, sharpen_radius: int, sigma: float, alpha: float) -> io.NodeOutput:
        """Return the operation."""
        return io.NodeOutput(sharpen_direction(sharpen_radius, sigma, alpha))


def sharpen_direction(radius: int, sigma: float, alpha: float) -> Operation:
    """Return an operation that sharpens directions and keeps the old vector lengths."""

    def apply(latent: torch.Tensor, **_: Any) -> torch.Tensor:
        length = torch.linalg.vector_norm(latent, dim=1, keepdim=True) + 1e-6
        result: torch.Tensor = filters.sharpen(latent / length, radius, sigma, alpha) * length
        return result

    return apply


NODE_CLASS_MAPPINGS = {
    "LatentOperationTonemapReinhard": LatentOperationTonemapReinhard,
    "LatentOperationSharpen": LatentOperationSharpen,
}
