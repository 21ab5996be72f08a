"""Text encoders, prompts and empty latents of Stable Diffusion 3."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import comfy.model_management
import folder_paths
import torch
from comfy_api.latest import io

from .controlnet_nodes import ControlNetApplyAdvanced
from .loaders import load_text_encoders, model_path
from .text_encoding import multiline_prompt, require_encoder
from .value_types import MAX_RESOLUTION, Conditioning

_CHANNELS = 16


def _file(name: str, tooltip: str) -> io.Combo.Input:
    files = folder_paths.get_filename_list("text_encoders")
    return io.Combo.Input(name, options=files, tooltip=tooltip)


class TripleCLIPLoader(io.ComfyNode):
    """Load the three text encoders of SD3."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare the files."""
        return io.Schema(
            node_id="TripleCLIPLoader",
            category="advanced/loaders",
            description="Loads three text encoders: CLIP-L, CLIP-G and T5 of Stable Diffusion 3.",
            inputs=[
                _file("clip_name1", "One of the three files, in any order."),
                _file("clip_name2", "Another one."),
                _file("clip_name3", "The last one."),
            ],
            outputs=[io.Clip.Output()],
        )

    @classmethod
    def execute(cls, clip_name1: str, clip_name2: str, clip_name3: str) -> io.NodeOutput:
        """Return the text encoders as one."""
        names = (clip_name1, clip_name2, clip_name3)
        paths = [model_path("text_encoders", name) for name in names]
        return io.NodeOutput(load_text_encoders(paths, "sd3", "default"))

    load_clip = execute


class EmptySD3LatentImage(io.ComfyNode):
    """Start from nothing, for models with 16 channels."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare size and number of pictures."""
        side = {"default": 1024, "min": 16, "max": MAX_RESOLUTION, "step": 16}
        return io.Schema(
            node_id="EmptySD3LatentImage",
            category="latent/sd3",
            description="Makes empty latents with 16 channels, for Stable Diffusion 3 and Flux.",
            search_aliases=["flux latent", "empty latent"],
            inputs=[
                io.Int.Input("width", **side, tooltip="Width of the picture in pixels."),
                io.Int.Input("height", **side, tooltip="Height of the picture in pixels."),
                io.Int.Input(
                    "batch_size", default=1, min=1, max=4096, tooltip="How many pictures to make."
                ),
            ],
            outputs=[io.Latent.Output()],
        )

    @classmethod
    def execute(cls, width: int, height: int, batch_size: int = 1) -> io.NodeOutput:
        """Return zeros ``(batch_size, 16, height // 8, width // 8)``."""
        samples = torch.zeros(
            [batch_size, _CHANNELS, height // 8, width // 8],
            device=comfy.model_management.intermediate_device(),
        )
        return io.NodeOutput({"samples": samples})

    generate = execute


class CLIPTextEncodeSD3(io.ComfyNode):
    """Encode a prompt for the three text encoders of SD3."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare encoder, a text for each, and what empty texts become."""
        return io.Schema(
            node_id="CLIPTextEncodeSD3",
            category="advanced/conditioning",
            description="Encodes a prompt for SD3, with a text for each of its three encoders.",
            inputs=[
                io.Clip.Input("clip", tooltip="The text encoders of SD3."),
                multiline_prompt("clip_l", "Text for CLIP-L: subject and style."),
                multiline_prompt("clip_g", "Text for CLIP-G: often the same."),
                multiline_prompt("t5xxl", "Text for T5: whole sentences."),
                io.Combo.Input(
                    "empty_padding",
                    options=["none", "empty_prompt"],
                    tooltip="empty_prompt encodes an empty text too; none leaves it out.",
                ),
            ],
            outputs=[io.Conditioning.Output()],
        )

    @classmethod
    def execute(
        cls, clip: Any, clip_l: str, clip_g: str, t5xxl: str, empty_padding: str
    ) -> io.NodeOutput:
        """Return the conditioning (rule D-159); the shorter CLIP text gets empty rows."""
        require_encoder(clip)
        texts = {"l": clip_l, "g": clip_g, "t5xxl": t5xxl}
        leaves_out = empty_padding == "none"
        tokens: dict[str, Any] = {}
        for key in clip.tokenize(""):
            text = texts.get(key, "")
            tokens[key] = [] if leaves_out and not text else list(clip.tokenize(text)[key])
        pair = [key for key in ("l", "g") if key in tokens]
        longest = max((len(tokens[key]) for key in pair), default=0)
        empty = clip.tokenize("")
        for key in pair:
            tokens[key] += list(empty[key]) * (longest - len(tokens[key]))
        return io.NodeOutput(clip.encode_from_tokens_scheduled(tokens))

    encode = execute


class ControlNetApplySD3(ControlNetApplyAdvanced):
    """Steer both prompts of a model whose ControlNets look at latents."""

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        """Declare the same inputs, with the VAE before the picture."""
        known = dict(super().INPUT_TYPES()["required"])
        vae = ("VAE", {"tooltip": "The VAE of the model."})
        order = ("positive", "negative", "control_net", "vae", "image", "strength",
                 "start_percent", "end_percent")  # fmt: skip
        return {"required": {name: vae if name == "vae" else known[name] for name in order}}

    DEPRECATED = True
    DESCRIPTION = "Makes the picture follow another one; Apply ControlNet does the same."

    def apply_controlnet(
        self,
        positive: Conditioning,
        negative: Conditioning,
        control_net: Any,
        image: torch.Tensor,
        strength: float,
        start_percent: float,
        end_percent: float,
        vae: Any = None,
        extra_concat: Sequence[torch.Tensor] = (),
    ) -> tuple[Conditioning, Conditioning]:
        """Return both prompts with the net."""
        return super().apply_controlnet(
            positive, negative, control_net, image, strength, start_percent, end_percent, vae,
            extra_concat,
        )  # fmt: skip


NODE_CLASS_MAPPINGS: dict[str, type] = {
    cls.__name__: cls
    for cls in (TripleCLIPLoader, EmptySD3LatentImage, CLIPTextEncodeSD3, ControlNetApplySD3)
}

NODE_DISPLAY_NAME_MAPPINGS: dict[str, str] = {
    "ControlNetApplySD3": "Apply Controlnet with VAE",
}
