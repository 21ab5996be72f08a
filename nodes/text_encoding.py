"""Turn prompts into conditioning."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from .value_types import MAX_RESOLUTION, Conditioning, InputTypes


def require_encoder(clip: Any) -> None:
    """Refuse a missing text encoder.

    Raises:
        RuntimeError: ``clip`` is None, as from a checkpoint without one.
    """
    if clip is None:
        raise RuntimeError(
            "There is no text encoder here: the checkpoint holds none. "
            "Load one with Load CLIP or DualCLIPLoader."
        )


class CLIPTextEncode:
    """Encode a prompt."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare prompt and encoder."""
        return {
            "required": {
                "text": (
                    "STRING",
                    {
                        "multiline": True,
                        "dynamicPrompts": True,
                        "tooltip": (
                            "What the picture shall show. (word:1.2) weighs a part, "
                            "embedding:name inserts an embedding."
                        ),
                    },
                ),
                "clip": ("CLIP", {"tooltip": "The text encoder of the model."}),
            }
        }

    RETURN_TYPES = ("CONDITIONING",)
    OUTPUT_TOOLTIPS = ("The prompt as the model understands it.",)
    FUNCTION = "encode"
    CATEGORY = "conditioning"
    DESCRIPTION = "Turns a prompt into conditioning, which guides the model towards the picture."
    SEARCH_ALIASES = ["prompt", "text prompt", "positive prompt", "negative prompt"]

    def encode(self, clip: Any, text: str) -> tuple[Conditioning]:
        """Return the conditioning of a prompt (rules D-150 to D-157)."""
        require_encoder(clip)
        return (clip.encode_from_tokens_scheduled(clip.tokenize(text)),)


class CLIPSetLastLayer:
    """Stop a text encoder early."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare encoder and layer."""
        layer: dict[str, Any] = {"default": -1, "min": -24, "max": -1, "step": 1}
        layer["tooltip"] = "Layer to take, counted from the end; -2 skips the last one."
        return {
            "required": {
                "clip": ("CLIP", {"tooltip": "The text encoder."}),
                "stop_at_clip_layer": ("INT", layer),
            }
        }

    RETURN_TYPES = ("CLIP",)
    FUNCTION = "set_last_layer"
    CATEGORY = "conditioning"
    DESCRIPTION = "Takes the text from an earlier layer of the encoder; known as clip skip."
    SEARCH_ALIASES = ["clip skip"]

    def set_last_layer(self, clip: Any, stop_at_clip_layer: int) -> tuple[Any]:
        """Return a view of the encoder that stops at the layer."""
        require_encoder(clip)
        clip = clip.clone()
        clip.clip_layer(stop_at_clip_layer)
        return (clip,)


def _pixels(name: str, default: int, tooltip: str) -> io.Int.Input:
    return io.Int.Input(name, default=default, min=0, max=MAX_RESOLUTION, tooltip=tooltip)


def multiline_prompt(name: str, tooltip: str) -> io.String.Input:
    """Return an input for a prompt of several lines."""
    return io.String.Input(name, multiline=True, dynamic_prompts=True, tooltip=tooltip)


class CLIPTextEncodeSDXL(io.ComfyNode):
    """Encode a prompt with the sizes that SDXL was trained with."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare encoder, sizes and a text for each of the two encoders."""
        return io.Schema(
            node_id="CLIPTextEncodeSDXL",
            category="advanced/conditioning",
            description="Encodes a prompt for SDXL, with a text for each of its two encoders.",
            inputs=[
                io.Clip.Input("clip", tooltip="The two text encoders of SDXL."),
                _pixels("width", 1024, "Width of the picture that it pretends to come from."),
                _pixels("height", 1024, "Height of that picture."),
                _pixels("crop_w", 0, "Pixels that seem to be cut off on the left."),
                _pixels("crop_h", 0, "Pixels that seem to be cut off at the top."),
                _pixels("target_width", 1024, "Width of the result."),
                _pixels("target_height", 1024, "Height of the result."),
                multiline_prompt("text_g", "Text for the larger encoder: what the picture shows."),
                multiline_prompt(
                    "text_l", "Text for the smaller encoder: often the same, or the style."
                ),
            ],
            outputs=[io.Conditioning.Output()],
        )

    @classmethod
    def execute(
        cls,
        clip: Any,
        width: int,
        height: int,
        crop_w: int,
        crop_h: int,
        target_width: int,
        target_height: int,
        text_g: str,
        text_l: str,
    ) -> io.NodeOutput:
        """Return the conditioning; the shorter text is filled with empty rows."""
        require_encoder(clip)
        tokens = dict(clip.tokenize(text_g))
        tokens["l"] = clip.tokenize(text_l)["l"]
        empty = clip.tokenize("")
        longest = max(len(tokens["l"]), len(tokens["g"]))
        for key in ("l", "g"):
            missing = longest - len(tokens[key])
            tokens[key] = [*tokens[key], *(list(empty[key]) * missing)]
        sizes = {"width": width, "height": height, "crop_w": crop_w, "crop_h": crop_h,
                 "target_width": target_width, "target_height": target_height}  # fmt: skip
        return io.NodeOutput(clip.encode_from_tokens_scheduled(tokens, add_dict=sizes))

    encode = execute


class CLIPTextEncodeSDXLRefiner(io.ComfyNode):
    """Encode a prompt for the refiner of SDXL."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare score, size, prompt and encoder."""
        return io.Schema(
            node_id="CLIPTextEncodeSDXLRefiner",
            category="advanced/conditioning",
            description="Encodes a prompt for the SDXL refiner, with a score of beauty.",
            inputs=[
                io.Float.Input(
                    "ascore",
                    default=6.0,
                    min=0.0,
                    max=1000.0,
                    step=0.01,
                    tooltip="How beautiful the picture shall be; about 6 is good, 2.5 is poor.",
                ),
                _pixels("width", 1024, "Width of the picture that it pretends to come from."),
                _pixels("height", 1024, "Height of that picture."),
                multiline_prompt("text", "What the picture shall show."),
                io.Clip.Input("clip", tooltip="The text encoder of the refiner."),
            ],
            outputs=[io.Conditioning.Output()],
        )

    @classmethod
    def execute(cls, ascore: float, width: int, height: int, text: str, clip: Any) -> io.NodeOutput:
        """Return the conditioning."""
        require_encoder(clip)
        values = {"aesthetic_score": ascore, "width": width, "height": height}
        tokens = clip.tokenize(text)
        return io.NodeOutput(clip.encode_from_tokens_scheduled(tokens, add_dict=values))

    encode = execute


class CLIPTextEncodeControlnet(io.ComfyNode):
    """Give ControlNets a prompt of their own."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare encoder, conditioning and prompt."""
        return io.Schema(
            node_id="CLIPTextEncodeControlnet",
            category="_for_testing/conditioning",
            description="Gives the ControlNets on a prompt another prompt to read.",
            is_experimental=True,
            inputs=[
                io.Clip.Input("clip", tooltip="The text encoder of the model."),
                io.Conditioning.Input("conditioning", tooltip="The prompt of the model."),
                multiline_prompt("text", "What the ControlNets read."),
            ],
            outputs=[io.Conditioning.Output()],
        )

    @classmethod
    def execute(cls, clip: Any, conditioning: Conditioning, text: str) -> io.NodeOutput:
        """Return the conditioning with both prompts."""
        require_encoder(clip)
        cond, pooled = clip.encode_from_tokens(clip.tokenize(text), return_pooled=True)
        values = {"cross_attn_controlnet": cond, "pooled_output_controlnet": pooled}
        return io.NodeOutput([[tensor, {**own, **values}] for tensor, own in conditioning])


NODE_CLASS_MAPPINGS: dict[str, type] = {
    cls.__name__: cls
    for cls in (
        CLIPTextEncode, CLIPSetLastLayer, CLIPTextEncodeSDXL, CLIPTextEncodeSDXLRefiner,
        CLIPTextEncodeControlnet,
    )
}  # fmt: skip

NODE_DISPLAY_NAME_MAPPINGS: dict[str, str] = {
    "CLIPTextEncode": "CLIP Text Encode (Prompt)",
    "CLIPSetLastLayer": "CLIP Set Last Layer",
}
