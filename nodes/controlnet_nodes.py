"""Steer a picture by another one: edges, depth, poses and the like."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import folder_paths
import torch
from comfy_api.latest import io

from app.engine.imaging.resize import common_upscale
from app.engine.models import controlnet
from app.engine.models.union_control import KINDS

from .loaders import model_path
from .value_types import Conditioning, InputTypes

_Option = tuple[Any, dict[str, Any]]

_NET: _Option = ("CONTROL_NET", {"tooltip": "The ControlNet."})
_IMAGE: _Option = ("IMAGE", {"tooltip": "The picture to follow, prepared for this ControlNet."})
_STRENGTH: _Option = (
    "FLOAT",
    {
        "default": 1.0,
        "min": 0.0,
        "max": 10.0,
        "step": 0.01,
        "tooltip": "How strictly the picture is followed; 0 is not at all.",
    },
)


class ControlNetLoader:
    """Load a ControlNet."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare the file."""
        files = folder_paths.get_filename_list("controlnet")
        return {"required": {"control_net_name": (files, {"tooltip": "The file to load."})}}

    RETURN_TYPES = ("CONTROL_NET",)
    FUNCTION = "load_controlnet"
    CATEGORY = "loaders"
    DESCRIPTION = "Loads a ControlNet or T2I-Adapter, which makes a model follow another picture."
    SEARCH_ALIASES = ["controlnet", "t2i adapter"]

    def load_controlnet(self, control_net_name: str) -> tuple[Any]:
        """Return the ControlNet."""
        return (controlnet.load_controlnet(model_path("controlnet", control_net_name)),)


class ControlNetApply:
    """Steer one prompt."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare prompt, ControlNet, picture and strength."""
        return {
            "required": {
                "conditioning": ("CONDITIONING", {"tooltip": "The prompt to steer."}),
                "control_net": _NET,
                "image": _IMAGE,
                "strength": _STRENGTH,
            }
        }

    RETURN_TYPES = ("CONDITIONING",)
    FUNCTION = "apply_controlnet"
    CATEGORY = "conditioning/controlnet"
    DEPRECATED = True
    DESCRIPTION = "Makes the picture follow another one; Apply ControlNet can do more."

    def apply_controlnet(
        self, conditioning: Conditioning, control_net: Any, image: torch.Tensor, strength: float
    ) -> tuple[Conditioning]:
        """Return the prompt with the net; the negative prompt gets it too (rule D-203)."""
        if strength == 0:
            return (conditioning,)
        hint = image.movedim(-1, 1)
        result = []
        for tensor, options in conditioning:
            net = control_net.copy().set_cond_hint(hint, strength)
            net.set_previous_controlnet(options.get("control"))
            result.append([tensor, {**options, "control": net, "control_apply_to_uncond": True}])
        return (result,)


class ControlNetApplyAdvanced:
    """Steer both prompts during a part of the run."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare prompts, ControlNet, picture, strength and range."""
        point = {"min": 0.0, "max": 1.0, "step": 0.001}
        return {
            "required": {
                "positive": ("CONDITIONING", {"tooltip": "What the picture shall show."}),
                "negative": ("CONDITIONING", {"tooltip": "What it shall not show."}),
                "control_net": _NET,
                "image": _IMAGE,
                "strength": _STRENGTH,
                "start_percent": (
                    "FLOAT",
                    {"default": 0.0, **point, "tooltip": "It acts from here on; 0 is the start."},
                ),
                "end_percent": (
                    "FLOAT",
                    {"default": 1.0, **point, "tooltip": "It acts up to here; 1 is the end."},
                ),
            },
            "optional": {
                "vae": ("VAE", {"tooltip": "Only for ControlNets that look at latents."}),
            },
        }

    RETURN_TYPES = ("CONDITIONING", "CONDITIONING")
    RETURN_NAMES = ("positive", "negative")
    FUNCTION = "apply_controlnet"
    CATEGORY = "conditioning/controlnet"
    DESCRIPTION = "Makes the picture follow another one, such as its edges, depth or poses."
    SEARCH_ALIASES = ["controlnet", "apply controlnet"]

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
        """Return both prompts with the net (rules D-201, D-203).

        Entries that follow the same net share one object, so that they run in one batch.
        """
        if strength == 0:
            return (positive, negative)
        hint = image.movedim(-1, 1)
        nets: dict[int, Any] = {}
        results: list[Conditioning] = []
        for conditioning in (positive, negative):
            result: Conditioning = []
            for tensor, options in conditioning:
                previous = options.get("control")
                net = nets.get(id(previous))
                if net is None:
                    net = control_net.copy().set_cond_hint(
                        hint, strength, (start_percent, end_percent), vae, extra_concat
                    )
                    net.set_previous_controlnet(previous)
                    nets[id(previous)] = net
                changed = {**options, "control": net, "control_apply_to_uncond": False}
                result.append([tensor, changed])
            results.append(result)
        return (results[0], results[1])


class SetUnionControlNetType(io.ComfyNode):
    """Tell a ControlNet of several kinds what it sees."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare ControlNet and kind."""
        return io.Schema(
            node_id="SetUnionControlNetType",
            category="conditioning/controlnet",
            description="Tells a union ControlNet what kind of picture it follows.",
            inputs=[
                io.ControlNet.Input("control_net", tooltip="The union ControlNet."),
                io.Combo.Input(
                    "type",
                    options=["auto", *KINDS],
                    tooltip="Kind of picture; auto lets the ControlNet find out.",
                ),
            ],
            outputs=[io.ControlNet.Output()],
        )

    @classmethod
    def execute(cls, control_net: Any, type: str) -> io.NodeOutput:
        """Return the ControlNet for a kind of picture."""
        changed = control_net.copy()
        changed.set_extra_arg("control_type", [KINDS[type]] if type in KINDS else [])
        return io.NodeOutput(changed)

    set_controlnet_type = execute


class DiffControlNetLoader:
    """Load a ControlNet that is stored as a difference."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare model and file."""
        files = folder_paths.get_filename_list("controlnet")
        return {
            "required": {
                "model": ("MODEL", {"tooltip": "The model that the difference is to."}),
                "control_net_name": (files, {"tooltip": "The file to load."}),
            }
        }

    RETURN_TYPES = ("CONTROL_NET",)
    FUNCTION = "load_controlnet"
    CATEGORY = "loaders"
    DESCRIPTION = "Loads a ControlNet whose file holds only what differs from a model."

    def load_controlnet(self, model: Any, control_net_name: str) -> tuple[Any]:
        """Return the ControlNet."""
        path = model_path("controlnet", control_net_name)
        return (controlnet.load_controlnet(path, model),)


class ControlNetInpaintingAliMamaApply(ControlNetApplyAdvanced):
    """Steer inpainting with a ControlNet made for it."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare prompts, ControlNet, VAE, picture, mask, strength and range."""
        given = super().INPUT_TYPES()["required"]
        mask = ("MASK", {"tooltip": "Bright where the picture is made anew."})
        vae = ("VAE", {"tooltip": "The VAE of the model."})
        order = ("positive", "negative", "control_net", "vae", "image", "mask", "strength",
                 "start_percent", "end_percent")  # fmt: skip
        options = {**given, "vae": vae, "mask": mask, "image": _IMAGE}
        return {"required": {name: options[name] for name in order}}

    FUNCTION = "apply_inpaint_controlnet"
    DESCRIPTION = "Fills the masked part of a picture with a ControlNet made for inpainting."
    SEARCH_ALIASES = ["inpaint controlnet"]

    def apply_inpaint_controlnet(
        self,
        positive: Conditioning,
        negative: Conditioning,
        control_net: Any,
        vae: Any,
        image: torch.Tensor,
        mask: torch.Tensor,
        strength: float,
        start_percent: float,
        end_percent: float,
    ) -> tuple[Conditioning, Conditioning]:
        """Return both prompts with the net; the masked part of the picture is black."""
        extra: list[torch.Tensor] = []
        if getattr(control_net, "concat_mask", False):
            kept = 1.0 - mask.reshape((-1, 1, mask.shape[-2], mask.shape[-1]))
            size = image.shape[2], image.shape[1]
            shown = common_upscale(kept, *size, "bilinear", "center").round()
            image = image * shown.movedim(1, -1)
            extra = [kept]
        return self.apply_controlnet(
            positive, negative, control_net, image, strength, start_percent, end_percent, vae,
            extra,
        )  # fmt: skip


NODE_CLASS_MAPPINGS: dict[str, type] = {
    "DiffControlNetLoader": DiffControlNetLoader,
    "SetUnionControlNetType": SetUnionControlNetType,
    "ControlNetInpaintingAliMamaApply": ControlNetInpaintingAliMamaApply,
    "ControlNetLoader": ControlNetLoader,
    "ControlNetApply": ControlNetApply,
    "ControlNetApplyAdvanced": ControlNetApplyAdvanced,
}

NODE_DISPLAY_NAME_MAPPINGS: dict[str, str] = {
    "ControlNetLoader": "Load ControlNet Model",
    "DiffControlNetLoader": "Load ControlNet Model (diff)",
    "ControlNetApply": "Apply ControlNet (OLD)",
    "ControlNetApplyAdvanced": "Apply ControlNet",
}
