"""Make, convert and change masks."""

from __future__ import annotations

import torch
from comfy_api.latest import io, ui

from app.engine.imaging import masks
from app.engine.imaging.resize import common_upscale

from .value_types import MAX_RESOLUTION

_CHANNELS = ["red", "green", "blue", "alpha"]


def _place(name: str, tooltip: str) -> io.Int.Input:
    return io.Int.Input(name, default=0, min=0, max=MAX_RESOLUTION, step=1, tooltip=tooltip)


def _side(name: str, tooltip: str) -> io.Int.Input:
    return io.Int.Input(name, default=512, min=1, max=MAX_RESOLUTION, step=1, tooltip=tooltip)


class ImageToMask(io.ComfyNode):
    """Take one channel of a picture."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a picture and a channel."""
        return io.Schema(
            node_id="ImageToMask",
            display_name="Convert Image to Mask",
            category="mask",
            description="Takes one channel of a picture as a mask.",
            inputs=[
                io.Image.Input("image", tooltip="The pictures to take it from."),
                io.Combo.Input("channel", options=_CHANNELS, tooltip="Which channel to take."),
            ],
            outputs=[io.Mask.Output()],
        )

    @classmethod
    def execute(cls, image: torch.Tensor, channel: str) -> io.NodeOutput:
        """Return the channel.

        Raises:
            ValueError: The picture has no such channel.
        """
        index = _CHANNELS.index(channel)
        if index >= image.shape[-1]:
            raise ValueError(f"The picture has no {channel} channel.")
        return io.NodeOutput(image[..., index])

    image_to_mask = execute


class MaskToImage(io.ComfyNode):
    """Show a mask as a picture."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a mask."""
        return io.Schema(
            node_id="MaskToImage",
            display_name="Convert Mask to Image",
            category="mask",
            description="Turns a mask into a grey picture.",
            inputs=[io.Mask.Input("mask", tooltip="The masks to turn.")],
            outputs=[io.Image.Output()],
        )

    @classmethod
    def execute(cls, mask: torch.Tensor) -> io.NodeOutput:
        """Return three equal channels."""
        gray = mask.reshape(-1, 1, mask.shape[-2], mask.shape[-1])
        return io.NodeOutput(gray.movedim(1, -1).expand(-1, -1, -1, 3))

    mask_to_image = execute


class ImageColorToMask(io.ComfyNode):
    """Select a colour."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a picture and a colour."""
        return io.Schema(
            node_id="ImageColorToMask",
            category="mask",
            description="Makes a mask that is 1 exactly where a picture has one colour.",
            inputs=[
                io.Image.Input("image", tooltip="The pictures to search."),
                io.Int.Input(
                    "color",
                    default=0,
                    min=0,
                    max=0xFFFFFF,
                    step=1,
                    extra_dict={"display": "color"},
                    tooltip="The colour as one number: 65536 x red + 256 x green + blue.",
                ),
            ],
            outputs=[io.Mask.Output()],
        )

    @classmethod
    def execute(cls, image: torch.Tensor, color: int) -> io.NodeOutput:
        """Return the mask (rule D-253)."""
        levels = (image[..., :3].clamp(0, 1) * 255.0).round().to(torch.int64)
        packed = (levels[..., 0] << 16) + (levels[..., 1] << 8) + levels[..., 2]
        return io.NodeOutput((packed == color).float())

    image_to_mask = execute


class SolidMask(io.ComfyNode):
    """Fill a mask."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a value and a size."""
        return io.Schema(
            node_id="SolidMask",
            category="mask",
            description="Makes a mask of one value.",
            inputs=[
                io.Float.Input(
                    "value",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="1 selects everything, 0 nothing.",
                ),
                _side("width", "Width in pixels."),
                _side("height", "Height in pixels."),
            ],
            outputs=[io.Mask.Output()],
        )

    @classmethod
    def execute(cls, value: float, width: int, height: int) -> io.NodeOutput:
        """Return ``(1, height, width)``."""
        return io.NodeOutput(torch.full((1, height, width), value, dtype=torch.float32))

    solid = execute


class InvertMask(io.ComfyNode):
    """Swap selected and unselected."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a mask."""
        return io.Schema(
            node_id="InvertMask",
            category="mask",
            description="Selects what was not selected, and the other way round.",
            inputs=[io.Mask.Input("mask", tooltip="The masks to invert.")],
            outputs=[io.Mask.Output()],
        )

    @classmethod
    def execute(cls, mask: torch.Tensor) -> io.NodeOutput:
        """Return one minus the mask."""
        return io.NodeOutput(1.0 - mask)

    invert = execute


class CropMask(io.ComfyNode):
    """Cut a rectangle out of a mask."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a mask and a rectangle."""
        return io.Schema(
            node_id="CropMask",
            category="mask",
            description="Cuts a rectangle out of a mask.",
            inputs=[
                io.Mask.Input("mask", tooltip="The masks to cut."),
                _place("x", "Left edge."),
                _place("y", "Top edge."),
                _side("width", "Width to keep."),
                _side("height", "Height to keep."),
            ],
            outputs=[io.Mask.Output()],
        )

    @classmethod
    def execute(cls, mask: torch.Tensor, x: int, y: int, width: int, height: int) -> io.NodeOutput:
        """Return the part of the rectangle inside the mask.

        Raises:
            ValueError: The rectangle lies beside the mask.
        """
        mask = mask.reshape(-1, mask.shape[-2], mask.shape[-1])
        if x >= mask.shape[-1] or y >= mask.shape[-2]:
            raise ValueError(
                f"The corner {x}, {y} lies outside the mask of "
                f"{mask.shape[-1]} x {mask.shape[-2]} pixels."
            )
        return io.NodeOutput(mask[:, y : y + height, x : x + width])

    crop = execute


class MaskComposite(io.ComfyNode):
    """Combine two masks."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare two masks, a place and an operation."""
        return io.Schema(
            node_id="MaskComposite",
            category="mask",
            description="Combines two masks: adds, subtracts, intersects and more.",
            inputs=[
                io.Mask.Input("destination", tooltip="The mask to change."),
                io.Mask.Input("source", tooltip="The mask to combine it with."),
                _place("x", "Where the left edge of the source goes."),
                _place("y", "Where the top edge of the source goes."),
                io.Combo.Input(
                    "operation",
                    options=list(masks.MASK_OPERATIONS),
                    tooltip="and, or and xor treat values from 0.5 on as selected.",
                ),
            ],
            outputs=[io.Mask.Output()],
            search_aliases=["union", "intersect", "subtract mask"],
        )

    @classmethod
    def execute(
        cls, destination: torch.Tensor, source: torch.Tensor, x: int, y: int, operation: str
    ) -> io.NodeOutput:
        """Return the combined mask (rule D-245)."""
        return io.NodeOutput(masks.combine_masks(destination, source, x, y, operation))

    combine = execute


class FeatherMask(io.ComfyNode):
    """Soften the borders of a mask."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a mask and four widths."""
        return io.Schema(
            node_id="FeatherMask",
            category="mask",
            description="Fades a mask out towards the borders of the picture.",
            inputs=[
                io.Mask.Input("mask", tooltip="The masks to soften."),
                _place("left", "Width of the fade on the left, in pixels."),
                _place("top", "Width of the fade at the top, in pixels."),
                _place("right", "Width of the fade on the right, in pixels."),
                _place("bottom", "Width of the fade at the bottom, in pixels."),
            ],
            outputs=[io.Mask.Output()],
        )

    @classmethod
    def execute(
        cls, mask: torch.Tensor, left: int, top: int, right: int, bottom: int
    ) -> io.NodeOutput:
        """Return the softened mask (rule D-244)."""
        return io.NodeOutput(masks.feather_mask(mask, left, top, right, bottom))

    feather = execute


class GrowMask(io.ComfyNode):
    """Enlarge or shrink a selection."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a mask and a number of pixels."""
        return io.Schema(
            node_id="GrowMask",
            display_name="Grow Mask",
            category="mask",
            description="Enlarges the selected part of a mask, or shrinks it.",
            inputs=[
                io.Mask.Input("mask", tooltip="The masks to change."),
                io.Int.Input(
                    "expand",
                    default=0,
                    min=-MAX_RESOLUTION,
                    max=MAX_RESOLUTION,
                    step=1,
                    tooltip="Pixels to grow; below 0 shrinks.",
                ),
                io.Boolean.Input(
                    "tapered_corners", default=True, tooltip="Round corners off while growing."
                ),
            ],
            outputs=[io.Mask.Output()],
            search_aliases=["expand mask", "dilate mask", "shrink mask"],
        )

    @classmethod
    def execute(cls, mask: torch.Tensor, expand: int, tapered_corners: bool) -> io.NodeOutput:
        """Return the changed mask (rule D-243)."""
        return io.NodeOutput(masks.grow_mask(mask, expand, tapered_corners=tapered_corners))

    expand_mask = execute


class ThresholdMask(io.ComfyNode):
    """Make a mask hard."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a mask and a limit."""
        return io.Schema(
            node_id="ThresholdMask",
            category="mask",
            description="Makes a soft mask hard: everything above a limit is selected.",
            inputs=[
                io.Mask.Input("mask", tooltip="The masks to harden."),
                io.Float.Input(
                    "value",
                    default=0.5,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="The limit; larger values become 1, all others 0.",
                ),
            ],
            outputs=[io.Mask.Output()],
        )

    @classmethod
    def execute(cls, mask: torch.Tensor, value: float) -> io.NodeOutput:
        """Return zeros and ones."""
        return io.NodeOutput((mask > value).float())

    image_to_mask = execute


class MaskPreview(io.ComfyNode):
    """Show a mask."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a mask."""
        return io.Schema(
            node_id="MaskPreview",
            display_name="Preview Mask",
            category="mask",
            description="Shows masks in the node. They are kept only while Easel is open.",
            inputs=[io.Mask.Input("mask", tooltip="The masks to look at.")],
            hidden=[io.Hidden.prompt, io.Hidden.extra_pnginfo],
            is_output_node=True,
            search_aliases=["show mask", "view mask"],
        )

    @classmethod
    def execute(cls, mask: torch.Tensor) -> io.NodeOutput:
        """Write the masks to the temp folder."""
        return io.NodeOutput(ui=ui.PreviewMask(mask, cls=cls))


class BatchMasksNode(io.ComfyNode):
    """Join masks into one batch."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare two to fifty masks."""
        template = io.Autogrow.TemplatePrefix(
            io.Mask.Input("mask", tooltip="One more mask, or a batch."),
            prefix="mask",
            min=2,
            max=50,
        )
        return io.Schema(
            node_id="BatchMasksNode",
            display_name="Batch Masks",
            category="mask",
            description=(
                "Joins masks into one batch. All are resized to the first one and cut where "
                "their shape differs."
            ),
            inputs=[
                io.Autogrow.Input("masks", template=template, tooltip="The masks, in their order.")
            ],
            outputs=[io.Mask.Output()],
        )

    @classmethod
    def execute(cls, masks: dict[str, torch.Tensor]) -> io.NodeOutput:
        """Return one batch of the size of the first mask."""
        given = [m.reshape(-1, m.shape[-2], m.shape[-1]) for m in masks.values()]
        height, width = given[0].shape[-2:]
        fitted = [
            common_upscale(m.unsqueeze(1), width, height, "bilinear", "center").squeeze(1)
            if m.shape[-2:] != (height, width)
            else m
            for m in given
        ]
        return io.NodeOutput(torch.cat(fitted, dim=0))


NODE_CLASS_MAPPINGS = {
    "ImageToMask": ImageToMask,
    "MaskToImage": MaskToImage,
    "ImageColorToMask": ImageColorToMask,
    "SolidMask": SolidMask,
    "InvertMask": InvertMask,
    "CropMask": CropMask,
    "MaskComposite": MaskComposite,
    "FeatherMask": FeatherMask,
    "GrowMask": GrowMask,
    "ThresholdMask": ThresholdMask,
    "MaskPreview": MaskPreview,
    "BatchMasksNode": BatchMasksNode,
}
