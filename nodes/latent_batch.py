"""Batches of latents, and empty latents of newer model families."""

from __future__ import annotations

from dataclasses import dataclass

import comfy.model_management
import torch
from comfy_api.latest import io

from app.engine.imaging.batches import repeat_to_batch_size

from .latent import with_samples
from .latent_math import fit_latent
from .value_types import MAX_RESOLUTION, Latent


def _empty_inputs() -> list[io.Int.Input]:
    side = {"default": 1024, "min": 16, "max": MAX_RESOLUTION, "step": 16}
    return [
        io.Int.Input("width", **side, tooltip="Width of the picture in pixels."),
        io.Int.Input("height", **side, tooltip="Height of the picture in pixels."),
        io.Int.Input(
            "batch_size", default=1, min=1, max=4096, tooltip="How many pictures to make."
        ),
    ]


def _empty(*shape: int) -> io.NodeOutput:
    device = comfy.model_management.intermediate_device()
    return io.NodeOutput({"samples": torch.zeros(shape, device=device)})


class EmptySD3LatentImage(io.ComfyNode):
    """Start from nothing, with 16 channels."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare the size of the picture to come."""
        return io.Schema(
            node_id="EmptySD3LatentImage",
            category="latent/sd3",
            description="Makes empty latents with 16 channels, for SD3, Flux and similar models.",
            inputs=_empty_inputs(),
            outputs=[io.Latent.Output()],
        )

    @classmethod
    def execute(cls, width: int, height: int, batch_size: int = 1) -> io.NodeOutput:
        """Return zeros ``(batch_size, 16, height // 8, width // 8)``."""
        return _empty(batch_size, 16, height // 8, width // 8)

    generate = execute


class EmptyFlux2LatentImage(io.ComfyNode):
    """Start from nothing, with 128 channels."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare the size of the picture to come."""
        return io.Schema(
            node_id="EmptyFlux2LatentImage",
            display_name="Empty Flux 2 Latent",
            category="latent",
            description="Makes empty latents with 128 channels, for Flux 2.",
            inputs=_empty_inputs(),
            outputs=[io.Latent.Output()],
        )

    @classmethod
    def execute(cls, width: int, height: int, batch_size: int = 1) -> io.NodeOutput:
        """Return zeros ``(batch_size, 128, height // 16, width // 16)``."""
        return _empty(batch_size, 128, height // 16, width // 16)

    generate = execute


def _numbers(latent: Latent) -> list[int]:
    return list(latent.get("batch_index", range(latent["samples"].shape[0])))


def batch_latents(latents: list[Latent]) -> Latent:
    """Join latents, fitted to the first one, and remember each item's batch number."""
    shape = latents[0]["samples"].shape
    parts = [fit_latent(item["samples"], shape, repeat_batch=False) for item in latents]
    numbers = [number for item in latents for number in _numbers(item)]
    return with_samples(latents[0], torch.cat(parts, dim=0), batch_index=numbers)


class LatentBatch(io.ComfyNode):
    """Join two latents into one batch."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare two latents."""
        return io.Schema(
            node_id="LatentBatch",
            category="latent/batch",
            description="Joins two latents into one batch. Batch Latents does it for any number.",
            is_deprecated=True,
            inputs=[
                io.Latent.Input("samples1", tooltip="Comes first and decides the size."),
                io.Latent.Input("samples2", tooltip="Comes last; resized and cut when needed."),
            ],
            outputs=[io.Latent.Output()],
        )

    @classmethod
    def execute(cls, samples1: Latent, samples2: Latent) -> io.NodeOutput:
        """Return both, the second fitted to the first."""
        return io.NodeOutput(batch_latents([samples1, samples2]))

    batch = execute


class BatchLatentsNode(io.ComfyNode):
    """Join latents into one batch."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare two to fifty latents."""
        template = io.Autogrow.TemplatePrefix(
            io.Latent.Input("latent", tooltip="One more latent, or a batch."),
            prefix="latent",
            min=2,
            max=50,
        )
        return io.Schema(
            node_id="BatchLatentsNode",
            display_name="Batch Latents",
            category="latent",
            description=(
                "Joins latents into one batch. All are resized to the first one and cut where "
                "their shape differs."
            ),
            inputs=[
                io.Autogrow.Input(
                    "latents", template=template, tooltip="The latents, in their order."
                )
            ],
            outputs=[io.Latent.Output()],
        )

    @classmethod
    def execute(cls, latents: dict[str, Latent]) -> io.NodeOutput:
        """Return one batch of the size of the first latents."""
        return io.NodeOutput(batch_latents(list(latents.values())))


class LatentBatchSeedBehavior(io.ComfyNode):
    """Choose whether batch items get noise of their own."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare latents and a behaviour."""
        return io.Schema(
            node_id="LatentBatchSeedBehavior",
            category="latent/advanced",
            description="Chooses whether the items of a batch get different or equal noise.",
            inputs=[
                io.Latent.Input("samples", tooltip="The batch."),
                io.Combo.Input(
                    "seed_behavior",
                    options=["random", "fixed"],
                    default="fixed",
                    tooltip="random gives each item its own noise, fixed all the same.",
                ),
            ],
            outputs=[io.Latent.Output()],
        )

    @classmethod
    def execute(cls, samples: Latent, seed_behavior: str) -> io.NodeOutput:
        """Return the batch with other batch numbers."""
        result = dict(samples)
        numbers = result.pop("batch_index", [0])
        if seed_behavior == "fixed":
            result["batch_index"] = [numbers[0]] * samples["samples"].shape[0]
        return io.NodeOutput(result)


@dataclass(frozen=True, slots=True)
class _Item:
    """One latent of a batch; ``mask`` is ``(1, 1, height, width)`` or None."""

    samples: torch.Tensor
    mask: torch.Tensor | None
    number: int


class RebatchLatents(io.ComfyNode):
    """Regroup latents."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare lists of latents and a batch size."""
        return io.Schema(
            node_id="RebatchLatents",
            display_name="Rebatch Latents",
            category="latent/batch",
            description="Regroups latents into batches of a chosen size.",
            is_input_list=True,
            inputs=[
                io.Latent.Input("latents", tooltip="One batch or a list of batches."),
                io.Int.Input(
                    "batch_size", default=1, min=1, max=4096, tooltip="Items in each new batch."
                ),
            ],
            outputs=[io.Latent.Output(is_output_list=True)],
        )

    @classmethod
    def execute(cls, latents: list[Latent], batch_size: list[int]) -> io.NodeOutput:
        """Return a list of batches; a new size starts a new batch (rule D-254)."""
        groups: list[list[_Item]] = []
        for item in (item for latent in latents for item in _items(latent)):
            full = groups and len(groups[-1]) >= batch_size[0]
            if not groups or full or groups[-1][0].samples.shape != item.samples.shape:
                groups.append([])
            groups[-1].append(item)
        return io.NodeOutput([_join(group) for group in groups])

    rebatch = execute


def _items(latent: Latent) -> list[_Item]:
    samples = latent["samples"]
    count = samples.shape[0]
    numbers = _numbers(latent)
    mask = latent.get("noise_mask")
    if mask is not None:
        mask = mask.reshape(-1, 1, *mask.shape[-2:])
        size = (samples.shape[-2] * 8, samples.shape[-1] * 8)
        mask = torch.nn.functional.interpolate(mask.float(), size=size, mode="bilinear")
        mask = repeat_to_batch_size(mask, count)
    return [
        _Item(samples[i : i + 1], None if mask is None else mask[i : i + 1], numbers[i])
        for i in range(count)
    ]


def _join(items: list[_Item]) -> Latent:
    result: Latent = {
        "samples": torch.cat([item.samples for item in items]),
        "batch_index": [item.number for item in items],
    }
    known = [item.mask for item in items if item.mask is not None]
    if known:
        # An item without a mask may change everywhere.
        everywhere = torch.ones_like(known[0])
        result["noise_mask"] = torch.cat(
            [everywhere if item.mask is None else item.mask for item in items]
        )
    return result


NODE_CLASS_MAPPINGS = {
    "EmptySD3LatentImage": EmptySD3LatentImage,
    "EmptyFlux2LatentImage": EmptyFlux2LatentImage,
    "LatentBatch": LatentBatch,
    "BatchLatentsNode": BatchLatentsNode,
    "LatentBatchSeedBehavior": LatentBatchSeedBehavior,
    "RebatchLatents": RebatchLatents,
}
