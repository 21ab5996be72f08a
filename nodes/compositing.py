"""Paste through masks, and work with transparency."""

from __future__ import annotations

import torch
from comfy_api.latest import io

from app.engine.imaging import masks
from app.engine.imaging.batches import repeat_to_batch_size
from app.engine.imaging.blending import PORTER_DUFF_MODES, porter_duff
from app.engine.imaging.resize import common_upscale

from .image import match_channels, resize_image
from .value_types import MAX_RESOLUTION, Latent


def _place(name: str, tooltip: str, step: int = 1) -> io.Int.Input:
    return io.Int.Input(name, default=0, min=0, max=MAX_RESOLUTION, step=step, tooltip=tooltip)


class ImageCompositeMasked(io.ComfyNode):
    """Paste a picture through a mask."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare two pictures, a place and a mask."""
        return io.Schema(
            node_id="ImageCompositeMasked",
            category="image",
            description="Pastes one picture onto another, where a mask allows it.",
            inputs=[
                io.Image.Input("destination", tooltip="The picture to paste onto."),
                io.Image.Input("source", tooltip="The picture to paste."),
                _place("x", "Left edge of the pasted picture."),
                _place("y", "Top edge of the pasted picture."),
                io.Boolean.Input(
                    "resize_source",
                    default=False,
                    tooltip="Stretch the pasted picture to the size of the other first.",
                ),
                io.Mask.Input(
                    "mask", optional=True, tooltip="Where to paste; stretched over the source."
                ),
            ],
            outputs=[io.Image.Output()],
            search_aliases=["paste", "overlay", "composite", "layer"],
        )

    @classmethod
    def execute(
        cls,
        destination: torch.Tensor,
        source: torch.Tensor,
        x: int,
        y: int,
        resize_source: bool,
        mask: torch.Tensor | None = None,
    ) -> io.NodeOutput:
        """Return the composition (rule D-246)."""
        destination, source = match_channels(destination, source)
        pasted = masks.composite(
            destination.movedim(-1, 1), source.movedim(-1, 1), x, y, mask, 1, resize_source
        )
        return io.NodeOutput(pasted.movedim(1, -1))

    composite = execute


class LatentCompositeMasked(io.ComfyNode):
    """Paste latents through a mask."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare two latents, a place and a mask."""
        return io.Schema(
            node_id="LatentCompositeMasked",
            category="latent",
            description="Pastes one latent onto another, where a mask allows it.",
            inputs=[
                io.Latent.Input("destination", tooltip="The latents to paste onto."),
                io.Latent.Input("source", tooltip="The latents to paste."),
                _place("x", "Left edge in picture pixels.", step=8),
                _place("y", "Top edge in picture pixels.", step=8),
                io.Boolean.Input(
                    "resize_source",
                    default=False,
                    tooltip="Stretch the pasted latents to the size of the other first.",
                ),
                io.Mask.Input(
                    "mask", optional=True, tooltip="Where to paste; stretched over the source."
                ),
            ],
            outputs=[io.Latent.Output()],
        )

    @classmethod
    def execute(
        cls,
        destination: Latent,
        source: Latent,
        x: int,
        y: int,
        resize_source: bool,
        mask: torch.Tensor | None = None,
    ) -> io.NodeOutput:
        """Return the composition (rule D-246)."""
        pasted = masks.composite(
            destination["samples"], source["samples"], x, y, mask, 8, resize_source
        )
        return io.NodeOutput({**destination, "samples": pasted})

    composite = execute


class JoinImageWithAlpha(io.ComfyNode):
    """Make a picture transparent."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a picture and a mask."""
        return io.Schema(
            node_id="JoinImageWithAlpha",
            display_name="Join Image with Alpha",
            category="mask/compositing",
            description="Makes a picture transparent where a mask is 1.",
            inputs=[
                io.Image.Input("image", tooltip="The picture."),
                io.Mask.Input("alpha", tooltip="1 becomes transparent, 0 stays."),
            ],
            outputs=[io.Image.Output()],
            search_aliases=["transparency", "cutout", "rgba"],
        )

    @classmethod
    def execute(cls, image: torch.Tensor, alpha: torch.Tensor) -> io.NodeOutput:
        """Return four channels; the longer batch decides how many pictures there are."""
        count = max(image.shape[0], alpha.shape[0])
        height, width = image.shape[1:3]
        mask = alpha.reshape(-1, 1, *alpha.shape[-2:])
        if mask.shape[-2:] != (height, width):
            mask = common_upscale(mask, width, height, "bilinear", "disabled")
        opaque = 1.0 - repeat_to_batch_size(mask.movedim(1, -1), count).to(image)
        colors = repeat_to_batch_size(image[..., :3], count)
        return io.NodeOutput(torch.cat((colors, opaque), dim=-1))

    join_image_with_alpha = execute


class SplitImageWithAlpha(io.ComfyNode):
    """Take the transparency off a picture."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a picture."""
        return io.Schema(
            node_id="SplitImageWithAlpha",
            display_name="Split Image with Alpha",
            category="mask/compositing",
            description="Splits a picture into its colours and a mask of its transparency.",
            inputs=[io.Image.Input("image", tooltip="A picture with or without transparency.")],
            outputs=[io.Image.Output(), io.Mask.Output()],
        )

    @classmethod
    def execute(cls, image: torch.Tensor) -> io.NodeOutput:
        """Return the colours and a mask, 0 everywhere for an opaque picture."""
        opaque = image[..., 3] if image.shape[-1] > 3 else torch.ones_like(image[..., 0])
        return io.NodeOutput(image[..., :3], 1.0 - opaque)

    split_image_with_alpha = execute


class PorterDuffImageComposite(io.ComfyNode):
    """Compose two transparent pictures."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare two pictures with their masks, and a mode."""
        return io.Schema(
            node_id="PorterDuffImageComposite",
            display_name="Porter-Duff Image Composite",
            category="mask/compositing",
            description="Composes two pictures with transparency in one of 18 classic ways.",
            inputs=[
                io.Image.Input("source", tooltip="The upper picture."),
                io.Mask.Input("source_alpha", tooltip="1 where the upper picture is transparent."),
                io.Image.Input("destination", tooltip="The lower picture; it decides the size."),
                io.Mask.Input(
                    "destination_alpha", tooltip="1 where the lower picture is transparent."
                ),
                io.Combo.Input(
                    "mode",
                    options=list(PORTER_DUFF_MODES),
                    default="DST",
                    tooltip="SRC_OVER is the usual stacking of layers.",
                ),
            ],
            outputs=[io.Image.Output(), io.Mask.Output()],
            search_aliases=["alpha composite", "layers"],
        )

    @classmethod
    def execute(
        cls,
        source: torch.Tensor,
        source_alpha: torch.Tensor,
        destination: torch.Tensor,
        destination_alpha: torch.Tensor,
        mode: str,
    ) -> io.NodeOutput:
        """Return picture and mask (rule D-251); the shortest batch decides the number.

        Raises:
            ValueError: One picture has alpha and the other has not.
        """
        if source.shape[-1] != destination.shape[-1]:
            raise ValueError(
                f"The pictures have {source.shape[-1]} and {destination.shape[-1]} channels; "
                "split the alpha off first."
            )
        count = min(map(len, (source, source_alpha, destination, destination_alpha)))
        height, width = destination.shape[1:3]
        source = source[:count]
        if source.shape[1:3] != (height, width):
            source = resize_image(source, width, height, "bicubic", "center")
        color, mask = porter_duff(
            source,
            _as_plane(source_alpha[:count], width, height),
            destination[:count],
            _as_plane(destination_alpha[:count], width, height),
            mode,
        )
        return io.NodeOutput(color, mask.squeeze(-1))

    composite = execute


def _as_plane(mask: torch.Tensor, width: int, height: int) -> torch.Tensor:
    """Return ``(batch, height, width, 1)``, resized when needed."""
    plane = mask.reshape(-1, 1, *mask.shape[-2:])
    if plane.shape[-2:] != (height, width):
        plane = common_upscale(plane, width, height, "bicubic", "center")
    return plane.movedim(1, -1)


NODE_CLASS_MAPPINGS = {
    "ImageCompositeMasked": ImageCompositeMasked,
    "LatentCompositeMasked": LatentCompositeMasked,
    "JoinImageWithAlpha": JoinImageWithAlpha,
    "SplitImageWithAlpha": SplitImageWithAlpha,
    "PorterDuffImageComposite": PorterDuffImageComposite,
}
