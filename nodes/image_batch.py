"""Batches of pictures: join, repeat, pick, regroup, measure."""

from __future__ import annotations

import torch
from comfy_api.latest import io
from server import PromptServer

from .image import match_channels, resize_image


class GetImageSize(io.ComfyNode):
    """Measure a picture."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a picture."""
        return io.Schema(
            node_id="GetImageSize",
            display_name="Get Image Size",
            category="image",
            description="Gives width, height and number of pictures, and shows them on the node.",
            inputs=[io.Image.Input("image", tooltip="The pictures to measure.")],
            outputs=[
                io.Int.Output(display_name="width"),
                io.Int.Output(display_name="height"),
                io.Int.Output(display_name="batch_size"),
            ],
            hidden=[io.Hidden.unique_id],
            search_aliases=["dimensions", "resolution"],
        )

    @classmethod
    def execute(cls, image: torch.Tensor) -> io.NodeOutput:
        """Return the three numbers."""
        batch_size, height, width = image.shape[:3]
        node_id = cls.hidden.unique_id if cls.hidden else None
        if node_id:
            text = f"width: {width}, height: {height}\n batch size: {batch_size}"
            PromptServer.instance.send_progress_text(text, node_id)
        return io.NodeOutput(width, height, batch_size)

    get_size = execute


class ImageFromBatch(io.ComfyNode):
    """Pick pictures out of a batch."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare pictures and a range."""
        return io.Schema(
            node_id="ImageFromBatch",
            category="image/batch",
            description="Picks some pictures out of a batch.",
            inputs=[
                io.Image.Input("image", tooltip="The batch."),
                io.Int.Input(
                    "batch_index",
                    default=0,
                    min=0,
                    max=4095,
                    tooltip="The first picture, counted from 0.",
                ),
                io.Int.Input("length", default=1, min=1, max=4096, tooltip="How many."),
            ],
            outputs=[io.Image.Output()],
        )

    @classmethod
    def execute(cls, image: torch.Tensor, batch_index: int, length: int) -> io.NodeOutput:
        """Return the range, limited to the batch."""
        start = min(image.shape[0] - 1, batch_index)
        return io.NodeOutput(image[start : start + length].clone())

    frombatch = execute


class RepeatImageBatch(io.ComfyNode):
    """Repeat pictures."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare pictures and a number."""
        return io.Schema(
            node_id="RepeatImageBatch",
            category="image/batch",
            description="Repeats a batch of pictures.",
            inputs=[
                io.Image.Input("image", tooltip="The pictures to repeat."),
                io.Int.Input(
                    "amount",
                    default=1,
                    min=1,
                    max=4096,
                    tooltip="How often the batch is there.",
                ),
            ],
            outputs=[io.Image.Output()],
        )

    @classmethod
    def execute(cls, image: torch.Tensor, amount: int) -> io.NodeOutput:
        """Return the batch ``amount`` times in a row."""
        return io.NodeOutput(image.repeat((amount, 1, 1, 1)))

    repeat = execute


class BatchImagesNode(io.ComfyNode):
    """Join pictures into one batch."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare two to fifty pictures."""
        template = io.Autogrow.TemplatePrefix(
            io.Image.Input("image", tooltip="One more picture, or a batch."),
            prefix="image",
            min=2,
            max=50,
        )
        return io.Schema(
            node_id="BatchImagesNode",
            display_name="Batch Images",
            category="image",
            description=(
                "Joins pictures into one batch. All are resized to the first one and cut where "
                "their shape differs."
            ),
            inputs=[
                io.Autogrow.Input(
                    "images", template=template, tooltip="The pictures, in their order."
                )
            ],
            outputs=[io.Image.Output()],
            search_aliases=["combine images", "merge images", "stack"],
        )

    @classmethod
    def execute(cls, images: dict[str, torch.Tensor]) -> io.NodeOutput:
        """Return one batch of the size of the first picture."""
        return io.NodeOutput(batch_images(list(images.values())))


def batch_images(images: list[torch.Tensor]) -> torch.Tensor:
    """Join pictures, fitted to the first one; missing alpha becomes opaque.

    Raises:
        ValueError: There is no picture.
    """
    if not images:
        raise ValueError("There is no picture to batch.")
    first = images[0]
    height, width = first.shape[1:3]
    widest = max(images, key=lambda image: image.shape[-1])
    fitted = []
    for image in images:
        image, _ = match_channels(image, widest)
        if image.shape[1:3] != (height, width):
            image = resize_image(image, width, height, "bilinear", "center")
        fitted.append(image)
    return torch.cat(fitted, dim=0)


class RebatchImages(io.ComfyNode):
    """Regroup pictures."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare lists of pictures and a batch size."""
        return io.Schema(
            node_id="RebatchImages",
            display_name="Rebatch Images",
            category="image/batch",
            description="Regroups pictures into batches of a chosen size.",
            is_input_list=True,
            inputs=[
                io.Image.Input("images", tooltip="One batch or a list of batches."),
                io.Int.Input(
                    "batch_size", default=1, min=1, max=4096, tooltip="Pictures in each new batch."
                ),
            ],
            outputs=[io.Image.Output(display_name="IMAGE", is_output_list=True)],
        )

    @classmethod
    def execute(cls, images: list[torch.Tensor], batch_size: list[int]) -> io.NodeOutput:
        """Return a list of batches; a new size of picture starts a new batch (rule D-254)."""
        size = batch_size[0]
        batches: list[torch.Tensor] = []
        for group in _runs_of_equal_size(images):
            joined = torch.cat(group, dim=0)
            batches.extend(joined[i : i + size] for i in range(0, joined.shape[0], size))
        return io.NodeOutput(batches)

    rebatch = execute


def _runs_of_equal_size(images: list[torch.Tensor]) -> list[list[torch.Tensor]]:
    runs: list[list[torch.Tensor]] = []
    for image in images:
        if runs and runs[-1][0].shape[1:] == image.shape[1:]:
            runs[-1].append(image)
        else:
            runs.append([image])
    return runs


NODE_CLASS_MAPPINGS = {
    "GetImageSize": GetImageSize,
    "ImageFromBatch": ImageFromBatch,
    "RepeatImageBatch": RepeatImageBatch,
    "BatchImagesNode": BatchImagesNode,
    "RebatchImages": RebatchImages,
}
