"""Calculate with latents: add, scale, join, cut."""

from __future__ import annotations

import logging

import torch
from comfy_api.latest import io

from app.engine.imaging.batches import repeat_to_batch_size
from app.engine.imaging.resize import common_upscale

from .latent import with_samples
from .value_types import MAX_RESOLUTION, Latent

_log = logging.getLogger("easel.nodes")


def fit_latent(
    samples: torch.Tensor, shape: torch.Size, *, repeat_batch: bool = True
) -> torch.Tensor:
    """Resize latents to the width and height of ``shape``, cutting what does not fit.

    Args:
        samples: The latents to fit.
        shape: Shape of the latents they shall be combined with.
        repeat_batch: Whether the batch is repeated or cut too.

    Raises:
        ValueError: The two have different numbers of channels.
    """
    if samples.ndim != len(shape) or samples.shape[1] != shape[1]:
        raise ValueError(
            f"Latents of shape {tuple(samples.shape)} and {tuple(shape)} do not fit together; "
            "they come from different kinds of models."
        )
    if samples.shape[-2:] != shape[-2:]:
        samples = common_upscale(samples, shape[-1], shape[-2], "bilinear", "center")
    return repeat_to_batch_size(samples, shape[0]) if repeat_batch else samples


def _pair(samples1: Latent, samples2: Latent) -> tuple[torch.Tensor, torch.Tensor]:
    first = samples1["samples"]
    return first, fit_latent(samples2["samples"], first.shape)


class LatentAdd(io.ComfyNode):
    """Add two latents."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare two latents."""
        return io.Schema(
            node_id="LatentAdd",
            category="latent/advanced",
            description="Adds two latents.",
            inputs=[
                io.Latent.Input("samples1", tooltip="Decides the size."),
                io.Latent.Input("samples2", tooltip="Resized and repeated when needed."),
            ],
            outputs=[io.Latent.Output()],
        )

    @classmethod
    def execute(cls, samples1: Latent, samples2: Latent) -> io.NodeOutput:
        """Return the sum."""
        first, second = _pair(samples1, samples2)
        return io.NodeOutput(with_samples(samples1, first + second))


class LatentSubtract(io.ComfyNode):
    """Subtract latents."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare two latents."""
        return io.Schema(
            node_id="LatentSubtract",
            category="latent/advanced",
            description="Subtracts the second latents from the first.",
            inputs=[
                io.Latent.Input("samples1", tooltip="Decides the size."),
                io.Latent.Input("samples2", tooltip="Resized and repeated when needed."),
            ],
            outputs=[io.Latent.Output()],
        )

    @classmethod
    def execute(cls, samples1: Latent, samples2: Latent) -> io.NodeOutput:
        """Return the difference."""
        first, second = _pair(samples1, samples2)
        return io.NodeOutput(with_samples(samples1, first - second))


class LatentMultiply(io.ComfyNode):
    """Scale latents."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare latents and a factor."""
        return io.Schema(
            node_id="LatentMultiply",
            category="latent/advanced",
            description="Multiplies latents by a number.",
            inputs=[
                io.Latent.Input("samples", tooltip="The latents to scale."),
                io.Float.Input(
                    "multiplier",
                    default=1.0,
                    min=-10.0,
                    max=10.0,
                    step=0.01,
                    tooltip="1 changes nothing.",
                ),
            ],
            outputs=[io.Latent.Output()],
        )

    @classmethod
    def execute(cls, samples: Latent, multiplier: float) -> io.NodeOutput:
        """Return the product."""
        return io.NodeOutput(with_samples(samples, samples["samples"] * multiplier))


class LatentInterpolate(io.ComfyNode):
    """Mix two latents and keep their contrast."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare two latents and their ratio."""
        return io.Schema(
            node_id="LatentInterpolate",
            category="latent/advanced",
            description="Mixes two latents by direction and length, which keeps their contrast.",
            inputs=[
                io.Latent.Input("samples1", tooltip="Decides the size."),
                io.Latent.Input("samples2", tooltip="Resized and repeated when needed."),
                io.Float.Input(
                    "ratio",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="1 is only the first, 0 only the second.",
                ),
            ],
            outputs=[io.Latent.Output()],
        )

    @classmethod
    def execute(cls, samples1: Latent, samples2: Latent, ratio: float) -> io.NodeOutput:
        """Return the mix; lengths are taken over the channels (rule D-252)."""
        first, second = _pair(samples1, samples2)
        first_length = first.norm(dim=1, keepdim=True)
        second_length = second.norm(dim=1, keepdim=True)
        mixed = _unit(first, first_length) * ratio + _unit(second, second_length) * (1 - ratio)
        direction = _unit(mixed, mixed.norm(dim=1, keepdim=True))
        length = first_length * ratio + second_length * (1 - ratio)
        return io.NodeOutput(with_samples(samples1, direction * length))


def _unit(vectors: torch.Tensor, length: torch.Tensor) -> torch.Tensor:
    return torch.nan_to_num(vectors / length)


class LatentConcat(io.ComfyNode):
    """Join latents along a side."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare two latents and a side."""
        return io.Schema(
            node_id="LatentConcat",
            category="latent/advanced",
            description="Joins two latents side by side, one above the other, or in time.",
            inputs=[
                io.Latent.Input("samples1", tooltip="The first part."),
                io.Latent.Input("samples2", tooltip="The second part, fitted to the first."),
                io.Combo.Input(
                    "dim",
                    options=["x", "-x", "y", "-y", "t", "-t"],
                    tooltip="x joins sideways, y downwards, t in time; minus swaps the two.",
                ),
            ],
            outputs=[io.Latent.Output()],
        )

    @classmethod
    def execute(cls, samples1: Latent, samples2: Latent, dim: str) -> io.NodeOutput:
        """Return the joined latents."""
        first, second = _pair(samples1, samples2)
        parts = (second, first) if dim.startswith("-") else (first, second)
        axis = {"x": -1, "y": -2, "t": -3}[dim[-1]]
        return io.NodeOutput(with_samples(samples1, torch.cat(parts, dim=axis)))


class LatentCut(io.ComfyNode):
    """Cut a strip out of latents."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare latents and a strip."""
        return io.Schema(
            node_id="LatentCut",
            category="latent/advanced",
            description="Keeps a strip of latents along one axis.",
            inputs=[
                io.Latent.Input("samples", tooltip="The latents to cut."),
                io.Combo.Input("dim", options=["x", "y", "t"], tooltip="Width, height or time."),
                io.Int.Input(
                    "index",
                    default=0,
                    min=-MAX_RESOLUTION,
                    max=MAX_RESOLUTION,
                    step=1,
                    tooltip="Where the strip begins, in latent pixels; below 0 from the end.",
                ),
                io.Int.Input(
                    "amount",
                    default=1,
                    min=1,
                    max=MAX_RESOLUTION,
                    step=1,
                    tooltip="How much to keep, in latent pixels.",
                ),
            ],
            outputs=[io.Latent.Output()],
        )

    @classmethod
    def execute(cls, samples: Latent, dim: str, index: int, amount: int) -> io.NodeOutput:
        """Return the strip, limited to what is there."""
        old = samples["samples"]
        axis = old.ndim + {"x": -1, "y": -2, "t": -3}[dim]
        size = old.shape[axis]
        start = min(index, size - 1) if index >= 0 else max(size + index, 0)
        kept = old.narrow(axis, start, min(size - start, amount))
        return io.NodeOutput(with_samples(samples, kept))


class LatentCutToBatch(io.ComfyNode):
    """Slice latents into a batch."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare latents and the thickness of a slice."""
        return io.Schema(
            node_id="LatentCutToBatch",
            category="latent/advanced",
            description="Slices latents along one axis and makes every slice a batch item.",
            inputs=[
                io.Latent.Input("samples", tooltip="The latents to slice."),
                io.Combo.Input("dim", options=["t", "x", "y"], tooltip="Time, width or height."),
                io.Int.Input(
                    "slice_size",
                    default=1,
                    min=1,
                    max=MAX_RESOLUTION,
                    step=1,
                    tooltip="Thickness of a slice in latent pixels; an incomplete one is dropped.",
                ),
            ],
            outputs=[io.Latent.Output()],
        )

    @classmethod
    def execute(cls, samples: Latent, dim: str, slice_size: int) -> io.NodeOutput:
        """Return the slices, those of the first item first."""
        old = samples["samples"]
        axis = old.ndim + {"x": -1, "y": -2, "t": -3}[dim]
        moved = old.movedim(axis, 1)
        size = min(slice_size, moved.shape[1])
        moved = moved[:, : moved.shape[1] // size * size]
        slices = moved.reshape(-1, size, *moved.shape[2:]).movedim(1, axis)
        return io.NodeOutput(with_samples(samples, slices))


class LatentApplyOperation(io.ComfyNode):
    """Apply an operation to latents."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare latents and an operation."""
        return io.Schema(
            node_id="LatentApplyOperation",
            category="latent/advanced/operations",
            description="Applies a latent operation once.",
            is_experimental=True,
            inputs=[
                io.Latent.Input("samples", tooltip="The latents to change."),
                io.LatentOperation.Input("operation", tooltip="What to do with them."),
            ],
            outputs=[io.Latent.Output()],
        )

    @classmethod
    def execute(cls, samples: Latent, operation: io.LatentOperation.Type) -> io.NodeOutput:
        """Return the changed latents."""
        return io.NodeOutput(with_samples(samples, operation(latent=samples["samples"])))


class ReplaceVideoLatentFrames(io.ComfyNode):
    """Overwrite frames."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare video latents, new frames and a place."""
        return io.Schema(
            node_id="ReplaceVideoLatentFrames",
            category="latent/batch",
            description="Overwrites frames of a video latent with those of another.",
            inputs=[
                io.Latent.Input("destination", tooltip="The video to change."),
                io.Latent.Input("source", optional=True, tooltip="The new frames."),
                io.Int.Input(
                    "index",
                    default=0,
                    min=-MAX_RESOLUTION,
                    max=MAX_RESOLUTION,
                    step=1,
                    tooltip="First frame to overwrite, in latent frames; below 0 from the end.",
                ),
            ],
            outputs=[io.Latent.Output()],
        )

    @classmethod
    def execute(
        cls, destination: Latent, index: int, source: Latent | None = None
    ) -> io.NodeOutput:
        """Return the changed video, or the old one where the new frames do not fit."""
        if source is None:
            return io.NodeOutput(destination)
        old, new = destination["samples"], source["samples"]
        start = old.shape[2] + index if index < 0 else index
        if start < 0 or start + new.shape[2] > old.shape[2]:
            _log.warning(
                "%d frames from frame %d on do not fit into %d; nothing is replaced.",
                new.shape[2], start, old.shape[2],
            )  # fmt: skip
            return io.NodeOutput(destination)
        changed = old.clone()
        changed[:, :, start : start + new.shape[2]] = new
        return io.NodeOutput(with_samples(destination, changed))


NODE_CLASS_MAPPINGS = {
    "LatentAdd": LatentAdd,
    "LatentSubtract": LatentSubtract,
    "LatentMultiply": LatentMultiply,
    "LatentInterpolate": LatentInterpolate,
    "LatentConcat": LatentConcat,
    "LatentCut": LatentCut,
    "LatentCutToBatch": LatentCutToBatch,
    "LatentApplyOperation": LatentApplyOperation,
    "ReplaceVideoLatentFrames": ReplaceVideoLatentFrames,
}
