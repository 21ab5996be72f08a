"""Change what a picture looks like: blend, blur, sharpen, quantize, noise, edges, colour."""

from __future__ import annotations

import torch
from comfy_api.latest import io

from app.engine.imaging import filters, quantize
from app.engine.imaging.batches import repeat_to_batch_size
from app.engine.imaging.blending import BLEND_MODES, blend
from app.engine.imaging.color import rgb_to_ycbcr, ycbcr_to_rgb
from app.engine.imaging.edges import canny
from app.engine.imaging.morphology import MORPHOLOGY_OPERATIONS, morph

from .image import match_channels, resize_image

_MAX_SEED = 0xFFFFFFFFFFFFFFFF


class ImageBlend(io.ComfyNode):
    """Blend two pictures."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare two pictures, a share and a mode."""
        return io.Schema(
            node_id="ImageBlend",
            category="image/postprocessing",
            description="Blends two pictures as layers are blended in a paint program.",
            inputs=[
                io.Image.Input("image1", tooltip="The lower layer; it decides the size."),
                io.Image.Input("image2", tooltip="The upper layer; resized and cut when needed."),
                io.Float.Input(
                    "blend_factor",
                    default=0.5,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Opacity of the upper layer.",
                ),
                io.Combo.Input(
                    "blend_mode", options=list(BLEND_MODES), tooltip="How the layers are combined."
                ),
            ],
            outputs=[io.Image.Output()],
            search_aliases=["mix", "overlay", "layer", "multiply", "screen"],
        )

    @classmethod
    def execute(
        cls, image1: torch.Tensor, image2: torch.Tensor, blend_factor: float, blend_mode: str
    ) -> io.NodeOutput:
        """Return the blend (rule D-240)."""
        image1, image2 = match_channels(image1, image2.to(image1.device))
        if image1.shape[1:] != image2.shape[1:]:
            height, width = image1.shape[1:3]
            image2 = resize_image(image2, width, height, "bicubic", "center")
        count = max(image1.shape[0], image2.shape[0])
        first = repeat_to_batch_size(image1, count)
        second = repeat_to_batch_size(image2, count)
        return io.NodeOutput(blend(first, second, blend_factor, blend_mode))

    blend_images = execute


class ImageBlur(io.ComfyNode):
    """Blur a picture."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a picture, a radius and a softness."""
        return io.Schema(
            node_id="ImageBlur",
            category="image/postprocessing",
            description="Softens a picture.",
            inputs=[
                io.Image.Input("image", tooltip="The pictures to blur."),
                io.Int.Input(
                    "blur_radius",
                    default=1,
                    min=1,
                    max=31,
                    step=1,
                    tooltip="How far the blur reaches, in pixels.",
                ),
                io.Float.Input(
                    "sigma",
                    default=1.0,
                    min=0.1,
                    max=10.0,
                    step=0.1,
                    tooltip="How evenly it spreads within the radius; large values are stronger.",
                ),
            ],
            outputs=[io.Image.Output()],
            search_aliases=["soften", "gaussian blur", "smooth"],
        )

    @classmethod
    def execute(cls, image: torch.Tensor, blur_radius: int, sigma: float) -> io.NodeOutput:
        """Return the blurred picture (rule D-241)."""
        blurred = filters.gaussian_blur(image.movedim(-1, 1), blur_radius, sigma)
        return io.NodeOutput(blurred.movedim(1, -1))

    blur = execute


class ImageSharpen(io.ComfyNode):
    """Sharpen a picture."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a picture and how much to sharpen it."""
        return io.Schema(
            node_id="ImageSharpen",
            category="image/postprocessing",
            description="Makes edges and fine detail stand out.",
            inputs=[
                io.Image.Input("image", tooltip="The pictures to sharpen."),
                io.Int.Input(
                    "sharpen_radius",
                    default=1,
                    min=1,
                    max=31,
                    step=1,
                    tooltip="Size of the detail to strengthen, in pixels.",
                ),
                io.Float.Input(
                    "sigma",
                    default=1.0,
                    min=0.1,
                    max=10.0,
                    step=0.01,
                    tooltip="How evenly the surroundings count within the radius.",
                ),
                io.Float.Input(
                    "alpha",
                    default=1.0,
                    min=0.0,
                    max=5.0,
                    step=0.01,
                    tooltip="Strength; 0 changes nothing.",
                ),
            ],
            outputs=[io.Image.Output()],
            search_aliases=["unsharp mask", "enhance detail"],
        )

    @classmethod
    def execute(
        cls, image: torch.Tensor, sharpen_radius: int, sigma: float, alpha: float
    ) -> io.NodeOutput:
        """Return the sharpened picture, cut to 0..1 (rule D-241)."""
        sharp = filters.sharpen(image.movedim(-1, 1), sharpen_radius, sigma, alpha)
        return io.NodeOutput(sharp.movedim(1, -1).clamp(0, 1))

    sharpen = execute


class ImageQuantize(io.ComfyNode):
    """Reduce the number of colours."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a picture, a number of colours and a dithering."""
        return io.Schema(
            node_id="ImageQuantize",
            category="image/postprocessing",
            description="Repaints a picture with few colours, like an old game or a screen print.",
            inputs=[
                io.Image.Input("image", tooltip="The pictures to repaint."),
                io.Int.Input(
                    "colors",
                    default=256,
                    min=1,
                    max=256,
                    step=1,
                    tooltip="How many colours the picture may have.",
                ),
                io.Combo.Input(
                    "dither",
                    options=list(quantize.DITHER_METHODS),
                    tooltip="How missing colours are imitated by patterns of others.",
                ),
            ],
            outputs=[io.Image.Output()],
            search_aliases=["posterize", "palette", "pixel art", "dither"],
        )

    @classmethod
    def execute(cls, image: torch.Tensor, colors: int, dither: str) -> io.NodeOutput:
        """Return the repainted picture (rule D-242)."""
        return io.NodeOutput(quantize.quantize(image, colors, dither))

    quantize = execute


class ImageAddNoise(io.ComfyNode):
    """Add film grain."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a picture, a seed and a strength."""
        return io.Schema(
            node_id="ImageAddNoise",
            category="image",
            description="Adds random grain to a picture.",
            inputs=[
                io.Image.Input("image", tooltip="The pictures to add grain to."),
                io.Int.Input(
                    "seed",
                    default=0,
                    min=0,
                    max=_MAX_SEED,
                    control_after_generate=True,
                    tooltip="The same seed makes the same grain.",
                ),
                io.Float.Input(
                    "strength",
                    default=0.5,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="How strong the grain is; 0 adds none.",
                ),
            ],
            outputs=[io.Image.Output()],
            search_aliases=["grain", "film"],
        )

    @classmethod
    def execute(cls, image: torch.Tensor, seed: int, strength: float) -> io.NodeOutput:
        """Return the picture with normal noise, cut to 0..1; drawn on the CPU."""
        generator = torch.Generator(device="cpu").manual_seed(seed)
        noise = torch.randn(image.shape, generator=generator, device="cpu").to(image)
        return io.NodeOutput((image + strength * noise).clamp(0.0, 1.0))

    repeat = execute


class Canny(io.ComfyNode):
    """Draw the edges of a picture."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a picture and two thresholds."""
        threshold = {"min": 0.01, "max": 0.99, "step": 0.01}
        return io.Schema(
            node_id="Canny",
            category="image/preprocessors",
            description="Draws the edges of a picture as thin white lines on black.",
            inputs=[
                io.Image.Input("image", tooltip="The pictures to trace."),
                io.Float.Input(
                    "low_threshold",
                    default=0.4,
                    **threshold,
                    tooltip="Weaker edges are left out.",
                ),
                io.Float.Input(
                    "high_threshold",
                    default=0.8,
                    **threshold,
                    tooltip="Stronger edges always count; weaker ones only when they touch one.",
                ),
            ],
            outputs=[io.Image.Output()],
            search_aliases=["edge detection", "outline", "line art"],
        )

    @classmethod
    def execute(
        cls, image: torch.Tensor, low_threshold: float, high_threshold: float
    ) -> io.NodeOutput:
        """Return white lines in three channels."""
        edges = canny(image, low_threshold, high_threshold)
        return io.NodeOutput(edges.repeat(1, 3, 1, 1).movedim(1, -1))

    detect_edge = execute


class Morphology(io.ComfyNode):
    """Grow or shrink bright areas."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a picture, an operation and a size."""
        return io.Schema(
            node_id="Morphology",
            display_name="ImageMorphology",
            category="image/postprocessing",
            description="Grows, shrinks or outlines bright areas with a square brush.",
            inputs=[
                io.Image.Input("image", tooltip="The pictures to work on."),
                io.Combo.Input(
                    "operation",
                    options=list(MORPHOLOGY_OPERATIONS),
                    tooltip=(
                        "erode shrinks bright areas, dilate grows them, open removes bright "
                        "specks, close removes dark ones, gradient outlines, the hats keep only "
                        "the specks."
                    ),
                ),
                io.Int.Input(
                    "kernel_size",
                    default=3,
                    min=3,
                    max=999,
                    step=1,
                    tooltip="Side of the brush in pixels.",
                ),
            ],
            outputs=[io.Image.Output()],
            search_aliases=["dilate", "erode"],
        )

    @classmethod
    def execute(cls, image: torch.Tensor, operation: str, kernel_size: int) -> io.NodeOutput:
        """Return the changed picture."""
        changed = morph(image.movedim(-1, 1), operation, kernel_size)
        return io.NodeOutput(changed.movedim(1, -1))

    process = execute


class ImageRGBToYUV(io.ComfyNode):
    """Split brightness from colour."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a picture."""
        return io.Schema(
            node_id="ImageRGBToYUV",
            category="image/batch",
            description="Splits a picture into brightness and two colour differences.",
            inputs=[io.Image.Input("image", tooltip="The pictures to split.")],
            outputs=[
                io.Image.Output(display_name="Y"),
                io.Image.Output(display_name="U"),
                io.Image.Output(display_name="V"),
            ],
        )

    @classmethod
    def execute(cls, image: torch.Tensor) -> io.NodeOutput:
        """Return three grey pictures."""
        planes = rgb_to_ycbcr(image[..., :3])
        return io.NodeOutput(*(planes[..., i : i + 1].expand_as(planes) for i in range(3)))


class ImageYUVToRGB(io.ComfyNode):
    """Join brightness and colour."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare three planes."""
        return io.Schema(
            node_id="ImageYUVToRGB",
            category="image/batch",
            description="Joins brightness and two colour differences to a picture again.",
            inputs=[
                io.Image.Input("Y", tooltip="Brightness."),
                io.Image.Input("U", tooltip="Difference to blue."),
                io.Image.Input("V", tooltip="Difference to red."),
            ],
            outputs=[io.Image.Output()],
        )

    @classmethod
    def execute(cls, Y: torch.Tensor, U: torch.Tensor, V: torch.Tensor) -> io.NodeOutput:
        """Return the picture."""
        planes = torch.cat([plane.mean(dim=-1, keepdim=True) for plane in (Y, U, V)], dim=-1)
        return io.NodeOutput(ycbcr_to_rgb(planes))


NODE_CLASS_MAPPINGS = {
    "ImageBlend": ImageBlend,
    "ImageBlur": ImageBlur,
    "ImageSharpen": ImageSharpen,
    "ImageQuantize": ImageQuantize,
    "ImageAddNoise": ImageAddNoise,
    "Canny": Canny,
    "Morphology": Morphology,
    "ImageRGBToYUV": ImageRGBToYUV,
    "ImageYUVToRGB": ImageYUVToRGB,
}
