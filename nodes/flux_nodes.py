"""Prompts, empty latents and noise levels of the Flux models."""

from __future__ import annotations

from typing import Any

import torch
from comfy_api.latest import io

from app.engine.models.sigma_tables import shift_time_exponentially

from .text_encoding import multiline_prompt, require_encoder
from .value_types import MAX_RESOLUTION

_FLUX2_CELL = 16
_FLUX2_CHANNELS = 128
_MANY_TOKENS = 4300


def _side(name: str, tooltip: str) -> io.Int.Input:
    return io.Int.Input(name, default=1024, min=16, max=MAX_RESOLUTION, step=16, tooltip=tooltip)


class CLIPTextEncodeFlux(io.ComfyNode):
    """Encode a prompt for the two text encoders of Flux."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare encoder, a text for each, and the guidance."""
        return io.Schema(
            node_id="CLIPTextEncodeFlux",
            category="advanced/conditioning/flux",
            description=(
                "Encodes a prompt for Flux, with a text for each of its two encoders and the "
                "guidance that the model was trained with."
            ),
            inputs=[
                io.Clip.Input("clip", tooltip="CLIP-L and T5, from DualCLIPLoader of type flux."),
                multiline_prompt("clip_l", "Short text: subject and style in a few words."),
                multiline_prompt("t5xxl", "What the picture shows, in whole sentences."),
                io.Float.Input(
                    "guidance",
                    default=3.5,
                    min=0.0,
                    max=100.0,
                    step=0.1,
                    tooltip="How closely the prompt is followed; usually between 2 and 5.",
                ),
            ],
            outputs=[io.Conditioning.Output()],
        )

    @classmethod
    def execute(cls, clip: Any, clip_l: str, t5xxl: str, guidance: float) -> io.NodeOutput:
        """Return the conditioning (rules D-159, D-160)."""
        require_encoder(clip)
        tokens = dict(clip.tokenize(clip_l))
        if "t5xxl" not in tokens:
            raise ValueError(
                "This text encoder has no T5, which Flux needs. Load CLIP-L and T5 with "
                "DualCLIPLoader, type flux."
            )
        tokens["t5xxl"] = clip.tokenize(t5xxl)["t5xxl"]
        encoded = clip.encode_from_tokens_scheduled(tokens, add_dict={"guidance": guidance})
        return io.NodeOutput(encoded)

    encode = execute


class EmptyFlux2LatentImage(io.ComfyNode):
    """Start from nothing, for Flux 2."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare size and number of pictures."""
        return io.Schema(
            node_id="EmptyFlux2LatentImage",
            display_name="Empty Flux 2 Latent",
            category="latent",
            description="Makes empty latents for Flux 2, whose cells are 16 pixels wide.",
            inputs=[
                _side("width", "Width of the picture in pixels."),
                _side("height", "Height of the picture in pixels."),
                io.Int.Input(
                    "batch_size", default=1, min=1, max=4096, tooltip="How many pictures to make."
                ),
            ],
            outputs=[io.Latent.Output()],
        )

    @classmethod
    def execute(cls, width: int, height: int, batch_size: int = 1) -> io.NodeOutput:
        """Return zeros ``(batch_size, 128, height // 16, width // 16)``."""
        size = (batch_size, _FLUX2_CHANNELS, height // _FLUX2_CELL, width // _FLUX2_CELL)
        return io.NodeOutput({"samples": torch.zeros(size)})

    generate = execute


class Flux2Scheduler(io.ComfyNode):
    """Noise levels of Flux 2 for a size."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare steps and size."""
        return io.Schema(
            node_id="Flux2Scheduler",
            category="sampling/custom_sampling/schedulers",
            description="Lists noise levels for Flux 2 as fits the steps and the picture's size.",
            inputs=[
                io.Int.Input("steps", default=20, min=1, max=4096, tooltip="Number of steps."),
                io.Int.Input(
                    "width",
                    default=1024,
                    min=16,
                    max=MAX_RESOLUTION,
                    step=1,
                    tooltip="Width of the picture in pixels.",
                ),
                io.Int.Input(
                    "height",
                    default=1024,
                    min=16,
                    max=MAX_RESOLUTION,
                    step=1,
                    tooltip="Height of the picture in pixels.",
                ),
            ],
            outputs=[io.Sigmas.Output()],
        )

    @classmethod
    def execute(cls, steps: int, width: int, height: int) -> io.NodeOutput:
        """Return ``(steps + 1,)`` falling from 1 to 0."""
        shift = _flux2_shift(round(width * height / 256), steps)
        times = torch.linspace(1, 0, steps + 1)
        return io.NodeOutput(shift_time_exponentially(shift, times))

    get_sigmas = execute


def _flux2_shift(tokens: int, steps: int) -> float:
    """Return the shift: measured at 10 and 200 steps, on a line through both in between."""
    at_200 = 0.00016927 * tokens + 0.45666666
    if tokens > _MANY_TOKENS:
        return at_200
    at_10 = 8.73809524e-05 * tokens + 1.89833333
    slope = (at_200 - at_10) / 190.0
    return slope * steps + at_200 - 200.0 * slope


class T5TokenizerOptions(io.ComfyNode):
    """Change how much padding T5 gets."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare encoder, padding and length."""
        return io.Schema(
            node_id="T5TokenizerOptions",
            category="_for_testing/conditioning",
            description="Sets how much padding stands behind a prompt for the T5 text encoder.",
            is_experimental=True,
            inputs=[
                io.Clip.Input("clip", tooltip="Text encoders with T5 among them."),
                io.Int.Input(
                    "min_padding",
                    default=0,
                    min=0,
                    max=10000,
                    step=1,
                    advanced=True,
                    tooltip="Padding tokens behind every prompt at least.",
                ),
                io.Int.Input(
                    "min_length",
                    default=0,
                    min=0,
                    max=10000,
                    step=1,
                    advanced=True,
                    tooltip="Tokens that every prompt is filled up to.",
                ),
            ],
            outputs=[io.Clip.Output()],
        )

    @classmethod
    def execute(cls, clip: Any, min_padding: int, min_length: int) -> io.NodeOutput:
        """Return a view of the encoder with these options."""
        require_encoder(clip)
        changed = clip.clone()
        for kind in ("t5xxl", "pile_t5xl", "t5base", "mt5xl", "umt5xxl"):
            changed.set_tokenizer_option(f"{kind}_min_padding", min_padding)
            changed.set_tokenizer_option(f"{kind}_min_length", min_length)
        return io.NodeOutput(changed)

    set_options = execute


NODE_CLASS_MAPPINGS: dict[str, type] = {
    cls.__name__: cls
    for cls in (CLIPTextEncodeFlux, EmptyFlux2LatentImage, Flux2Scheduler, T5TokenizerOptions)
}
