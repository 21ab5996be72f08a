"""Paint a landscape without any model."""

from __future__ import annotations

import numpy as np
import torch
from comfy.utils import ProgressBar
from comfy_api.latest import io
from PIL import Image

from .landscape_painter import LandscapePainter
from .landscape_scene import MOODS, plan_scene, vocabulary

_PREVIEW_SIDE = 512
_FROM_WORDS = "from the words"


class EaselLandscape(io.ComfyNode):
    """Paint hills, sky, water and light from a few words."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare words, mood, size, layers and seed."""
        return io.Schema(
            node_id="EaselLandscape",
            display_name="Paint Landscape",
            category="image/generate",
            description=(
                "Paints a landscape in layers from a few words, in about two seconds and without "
                "a model file. The same words and seed always paint the same picture."
            ),
            inputs=[
                io.String.Input(
                    "words",
                    multiline=True,
                    default=(
                        "A quiet lake at dusk, low mist between the hills, "
                        "muted violet and apricot sky, first stars"
                    ),
                    placeholder="dusk, lake, mist, stars",
                    tooltip=f"What to paint. {vocabulary()}",
                ),
                io.Combo.Input(
                    "mood",
                    options=[_FROM_WORDS, *MOODS],
                    default=_FROM_WORDS,
                    tooltip="Light and colours; a choice here wins over the words.",
                ),
                io.Int.Input(
                    "seed",
                    default=880411,
                    min=0,
                    max=0xFFFFFFFFFFFFFFFF,
                    control_after_generate=True,
                    tooltip="Each number is another place in the same mood.",
                ),
                io.Int.Input(
                    "width", default=768, min=64, max=4096, step=8, tooltip="Width in pixels."
                ),
                io.Int.Input(
                    "height", default=768, min=64, max=4096, step=8, tooltip="Height in pixels."
                ),
                io.Int.Input(
                    "layers",
                    default=6,
                    min=1,
                    max=16,
                    step=1,
                    tooltip="How many rows of hills, from the far to the near.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="image", tooltip="The painting."),
                io.Mask.Output(display_name="sky", tooltip="1 where only sky can be seen."),
            ],
            search_aliases=["generate", "scenery", "hills", "painting", "demo"],
        )

    @classmethod
    def execute(
        cls, words: str, mood: str, seed: int, width: int, height: int, layers: int
    ) -> io.NodeOutput:
        """Paint layer by layer and show each one; stops between two layers when asked to."""
        painter = LandscapePainter(plan_scene(words, mood, seed, layers), width, height)
        total = len(painter.stages())
        bar = ProgressBar(total)
        canvas = np.zeros((height, width, 3), np.float32)
        for number, stage in enumerate(painter.paint(), start=1):
            canvas = stage.canvas
            bar.update_absolute(number, total, ("JPEG", _as_picture(canvas), _PREVIEW_SIDE))
        image = torch.from_numpy(canvas).unsqueeze(0)
        return io.NodeOutput(image, torch.from_numpy(painter.sky_mask).unsqueeze(0))


def _as_picture(canvas: np.ndarray) -> Image.Image:
    step = max(1, max(canvas.shape[:2]) // _PREVIEW_SIDE)
    small = np.clip(canvas[::step, ::step] * 255, 0, 255)
    return Image.fromarray(small.astype(np.uint8))


NODE_CLASS_MAPPINGS = {"EaselLandscape": EaselLandscape}
