"""Save models as files that this and other programs load again."""

from __future__ import annotations

from typing import Any

import folder_paths
import safetensors.torch
import torch
from comfy_api.latest import io

from app.engine.models import saving
from app.engine.models.predictions import VPrediction

from .input_options import Option, plug
from .saving import metadata_texts, numbered, save_claimed
from .value_types import InputTypes

_CATEGORY = "advanced/model_merging"
_HIDDEN = {"prompt": "PROMPT", "extra_pnginfo": "EXTRA_PNGINFO"}
_KINDS = {
    "SD15": "stable-diffusion-v1",
    "SD20": "stable-diffusion-v2-768-v",
    "SDXL": "stable-diffusion-xl-v1-base",
    "SDXLRefiner": "stable-diffusion-xl-v1-refiner",
    "SD3": "stable-diffusion-v3-medium",
}
"""Names of families in the metadata that model sites read."""


_MODEL = plug("MODEL", "The diffusion model, with everything that changes it.")
_VAE_PART = plug("VAE", "The VAE to put in.")
_PREFIX_TOOLTIP = "Beginning of the file name; a slash makes a folder."


def _inputs(prefix: str, **parts: Option) -> InputTypes:
    """Return the inputs of a node that saves ``parts`` under a name beginning with ``prefix``."""
    name = ("STRING", {"default": prefix, "tooltip": _PREFIX_TOOLTIP})
    return {"required": {**parts, "filename_prefix": name}, "hidden": _HIDDEN}


def save_tensors(
    tensors: dict[str, torch.Tensor], prefix: str, output_dir: str, metadata: dict[str, str]
) -> dict[str, str]:
    """Write a safetensors file under the first free name of a prefix.

    Returns:
        File name, sub-folder and kind of folder.

    Raises:
        FileSaveError: The disk is full or the folder may not be written.
    """
    folder, stem, counter, subfolder, _ = folder_paths.get_save_image_path(prefix, output_dir)
    data = safetensors.torch.save(saving.file_tensors(tensors), metadata=metadata)
    name, _ = save_claimed(folder, counter, numbered(stem, "safetensors"), data)
    return {"filename": name, "subfolder": subfolder, "type": "output"}


def _description(model: Any, prefix: str) -> dict[str, str]:
    """Return what model sites read about a checkpoint."""
    texts = {
        "modelspec.sai_model_spec": "1.0.0",
        "modelspec.implementation": "sgm",
        "modelspec.title": prefix.rpartition("/")[2],
    }
    kind = _KINDS.get(model.model.family.name)
    if kind is not None:
        texts["modelspec.architecture"] = kind
    is_velocity = isinstance(model.get_model_object("model_sampling"), VPrediction)
    texts["modelspec.predict_key"] = "v" if is_velocity else "epsilon"
    return texts


def _model_texts(
    model: Any, prefix: str, prompt: Any, extra_pnginfo: dict[str, Any] | None
) -> dict[str, str]:
    """Return how a model was made, and its description."""
    return {**metadata_texts(prompt, extra_pnginfo), **_description(model, prefix)}


class _ModelSaver:
    """A node that writes models; what its ``save`` raises is what :func:`save_tensors` does."""

    RETURN_TYPES = ()
    FUNCTION = "save"
    OUTPUT_NODE = True
    CATEGORY = _CATEGORY

    def __init__(self) -> None:
        self.output_dir = folder_paths.get_output_directory()

    def write(
        self, tensors: dict[str, torch.Tensor], prefix: str, metadata: dict[str, str]
    ) -> dict[str, Any]:
        """Write a file, and return what the node delivers: nothing."""
        save_tensors(tensors, prefix, self.output_dir, metadata)
        return {}


class CheckpointSave(_ModelSaver):
    """Save a checkpoint."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare the parts and a name."""
        clip = plug("CLIP", "The text encoder to put in.")
        return _inputs("checkpoints/ComfyUI", model=_MODEL, clip=clip, vae=_VAE_PART)

    DESCRIPTION = (
        "Saves a model with its text encoder and VAE as a checkpoint, LoRAs and merges included."
    )
    SEARCH_ALIASES = ["save model", "export checkpoint", "merge save"]

    def save(
        self,
        model: Any,
        clip: Any,
        vae: Any,
        filename_prefix: str,
        prompt: Any = None,
        extra_pnginfo: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Write the file."""
        tensors = saving.checkpoint_tensors(model, clip, vae)
        texts = _model_texts(model, filename_prefix, prompt, extra_pnginfo)
        return self.write(tensors, filename_prefix, texts)


class ImageOnlyCheckpointSave(_ModelSaver):
    """Save a checkpoint of a model that starts from pictures."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare the parts and a name."""
        return _inputs(
            "checkpoints/ComfyUI",
            model=plug("MODEL", "The diffusion model."),
            clip_vision=plug("CLIP_VISION", "The picture encoder to put in."),
            vae=_VAE_PART,
        )

    DESCRIPTION = "Saves a film model with its picture encoder and VAE as a checkpoint."

    def save(
        self,
        model: Any,
        clip_vision: Any,
        vae: Any,
        filename_prefix: str,
        prompt: Any = None,
        extra_pnginfo: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Write the file."""
        tensors = saving.checkpoint_tensors(model, None, vae, clip_vision)
        texts = _model_texts(model, filename_prefix, prompt, extra_pnginfo)
        return self.write(tensors, filename_prefix, texts)


class CLIPSave(_ModelSaver):
    """Save text encoders."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare encoder and name."""
        return _inputs("clip/ComfyUI", clip=plug("CLIP", "The text encoder to save."))

    DESCRIPTION = "Saves text encoders, each as a file of its own."

    def save(
        self,
        clip: Any,
        filename_prefix: str,
        prompt: Any = None,
        extra_pnginfo: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Write a file for each encoder."""
        texts = {"format": "pt", **metadata_texts(prompt, extra_pnginfo)}
        for key, tensors in saving.text_encoder_parts(clip).items():
            name = f"clip_{key}" if len(key) == 1 else key
            self.write(tensors, f"{filename_prefix}_{name}", texts)
        return {}


class VAESave(_ModelSaver):
    """Save a VAE."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare VAE and name."""
        return _inputs("vae/ComfyUI_vae", vae=plug("VAE", "The VAE to save."))

    DESCRIPTION = "Saves a VAE as a file of its own."
    SEARCH_ALIASES = ["export vae"]

    def save(
        self,
        vae: Any,
        filename_prefix: str,
        prompt: Any = None,
        extra_pnginfo: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Write the file."""
        return self.write(vae.get_sd(), filename_prefix, metadata_texts(prompt, extra_pnginfo))


class ModelSave(_ModelSaver):
    """Save a diffusion model."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare model and name."""
        return _inputs("diffusion_models/ComfyUI", model=_MODEL)

    DESCRIPTION = "Saves a diffusion model without text encoder and VAE."
    SEARCH_ALIASES = ["export model", "checkpoint save"]

    def save(
        self,
        model: Any,
        filename_prefix: str,
        prompt: Any = None,
        extra_pnginfo: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Write the file."""
        texts = _model_texts(model, filename_prefix, prompt, extra_pnginfo)
        return self.write(saving.network_tensors(model), filename_prefix, texts)


class LoraSave(io.ComfyNode):
    """Turn the difference of two models into a LoRA."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare name, rank, kind and differences."""
        return io.Schema(
            node_id="LoraSave",
            display_name="Extract and Save Lora",
            category="_for_testing",
            description=(
                "Saves the difference of two models as a LoRA. Make the difference with "
                "ModelMergeSubtract or CLIPMergeSubtract."
            ),
            is_experimental=True,
            is_output_node=True,
            search_aliases=["export lora"],
            inputs=[
                io.String.Input(
                    "filename_prefix",
                    default="loras/ComfyUI_extracted_lora",
                    tooltip=_PREFIX_TOOLTIP,
                ),
                io.Int.Input(
                    "rank",
                    default=8,
                    min=1,
                    max=4096,
                    step=1,
                    tooltip="Size of the LoRA; more keeps more of the difference.",
                ),
                io.Combo.Input(
                    "lora_type",
                    options=["standard", "full_diff"],
                    tooltip="full_diff keeps all of the difference and makes a large file.",
                ),
                io.Boolean.Input(
                    "bias_diff", default=True, tooltip="Keep the difference of biases too."
                ),
                io.Model.Input(
                    "model_diff", optional=True, tooltip="Difference of two diffusion models."
                ),
                io.Clip.Input(
                    "text_encoder_diff", optional=True, tooltip="Difference of two encoders."
                ),
            ],
            outputs=[],
        )

    @classmethod
    def execute(
        cls,
        filename_prefix: str,
        rank: int,
        lora_type: str,
        bias_diff: bool,
        model_diff: Any = None,
        text_encoder_diff: Any = None,
    ) -> io.NodeOutput:
        """Write the file; without a difference nothing is written.

        Raises:
            FileSaveError: The disk is full or the folder may not be written.
        """
        kept = None if lora_type == "full_diff" else rank
        tensors: dict[str, torch.Tensor] = {}
        if model_diff is not None:
            stem = "diffusion_model."
            patched = model_diff.patched_state_dict(stem)
            tensors.update(saving.lora_tensors(patched, stem, stem, kept, bias_diff))
        if text_encoder_diff is not None:
            patched = text_encoder_diff.get_sd()
            tensors.update(saving.lora_tensors(patched, "", "text_encoders.", kept, bias_diff))
        if tensors:
            save_tensors(tensors, filename_prefix, folder_paths.get_output_directory(), {})
        return io.NodeOutput()

    save = execute


NODE_CLASS_MAPPINGS: dict[str, type] = {
    cls.__name__: cls
    for cls in (
        CheckpointSave, ImageOnlyCheckpointSave, CLIPSave, VAESave, ModelSave, LoraSave,
    )
}  # fmt: skip

NODE_DISPLAY_NAME_MAPPINGS: dict[str, str] = {"CheckpointSave": "Save Checkpoint"}
