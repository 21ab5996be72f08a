"""Load models from the folders of the artist."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

import folder_paths
import torch

from app.engine.errors import ModelFileError
from app.engine.models import clip_vision, loading, pixel_space
from app.engine.models.vae import VAE
from app.engine.models.weights import read_weights

from .value_types import InputTypes

_FP8 = {
    "fp8_e4m3fn": torch.float8_e4m3fn,
    "fp8_e4m3fn_fast": torch.float8_e4m3fn,
    "fp8_e5m2": torch.float8_e5m2,
}
_TINY_VAES = {
    "taesd": (0.18215, 0.0),
    "taesdxl": (0.13025, 0.0),
    "taesd3": (1.5305, 0.0609),
    "taef1": (0.3611, 0.1159),
}
"""Small approximations of autoencoders: scale and shift of the latents they stand for."""

_DEVICE: tuple[list[str], dict[str, Any]] = (
    ["default", "cpu"],
    {"advanced": True, "tooltip": "cpu keeps the text encoder off the graphics card."},
)


def model_path(kind: str, name: str) -> str:
    """Return the path of a model of the artist.

    Args:
        kind: Kind of folder, such as ``"checkpoints"``.
        name: File name, as a menu lists it.

    Raises:
        ModelFileError: There is no such file; the message names the folders and the file
            whose name is nearest.
    """
    path = folder_paths.get_full_path(kind, name)
    if path is not None:
        return str(path)
    folders = " or ".join(f'"{folder}"' for folder in folder_paths.get_folder_paths(kind))
    message = f'The file "{name}" is not in {folders}.'
    known = folder_paths.get_filename_list(kind)
    near = difflib.get_close_matches(name, known, 1, 0.5)
    if near:
        message += f' The nearest name there is "{near[0]}".'
    elif not known:
        message += " There is no file of this kind yet: put one into that folder."
    raise ModelFileError(message)


def _file_menu(kind: str, tooltip: str) -> tuple[list[str], dict[str, Any]]:
    return (folder_paths.get_filename_list(kind), {"tooltip": tooltip})


def _embeddings() -> list[str]:
    return list(folder_paths.get_folder_paths("embeddings"))


class CheckpointLoaderSimple:
    """Load a checkpoint."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare the file."""
        menu = _file_menu("checkpoints", "The checkpoint file to load.")
        return {"required": {"ckpt_name": menu}}

    RETURN_TYPES = ("MODEL", "CLIP", "VAE")
    OUTPUT_TOOLTIPS = (
        "The model that takes noise out of latents.",
        "The text encoder that turns prompts into conditioning.",
        "The VAE that turns pictures into latents and back.",
    )
    FUNCTION = "load_checkpoint"
    CATEGORY = "loaders"
    DESCRIPTION = (
        "Loads a checkpoint: the diffusion model with its text encoder and VAE in one file."
    )
    SEARCH_ALIASES = ["load model", "checkpoint", "open model"]

    def load_checkpoint(self, ckpt_name: str) -> tuple[Any, Any, Any]:
        """Return model, text encoder and VAE; None for what the file lacks."""
        found = loading.load_checkpoint(model_path("checkpoints", ckpt_name), _embeddings())
        return (found.model, found.clip, found.vae)


class UNETLoader:
    """Load a diffusion model."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare the file and the type of its weights."""
        return {
            "required": {
                "unet_name": _file_menu("diffusion_models", "The file to load."),
                "weight_dtype": (
                    ["default", *_FP8],
                    {"tooltip": "fp8 rounds the weights coarsely; default keeps them as stored."},
                ),
            }
        }

    RETURN_TYPES = ("MODEL",)
    FUNCTION = "load_unet"
    CATEGORY = "advanced/loaders"
    DESCRIPTION = "Loads a diffusion model that comes without text encoder and VAE."
    SEARCH_ALIASES = ["load unet", "diffusion model"]

    def load_unet(self, unet_name: str, weight_dtype: str) -> tuple[Any]:
        """Return the model."""
        model = loading.load_diffusion_model(model_path("diffusion_models", unet_name))
        if weight_dtype in _FP8:
            model.store.storage_dtype = _FP8[weight_dtype]
        return (model,)


def load_text_encoders(paths: list[str], kind: str, device: str) -> Any:
    """Return text encoders from one file or several, as one.

    Args:
        paths: The files, in any order.
        kind: What they are for; it decides where the files leave a choice.
        device: ``cpu`` keeps them off the graphics card.

    Raises:
        ModelFileError: A file cannot be used, or they do not go together.
    """
    clip = loading.load_clip(paths, _embeddings(), kind)
    if device == "cpu":
        clip.patcher.load_device = clip.patcher.offload_device = torch.device("cpu")
    return clip


class CLIPLoader:
    """Load one text encoder."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare the file and what it is for."""
        kinds = [
            "stable_diffusion", "stable_cascade", "sd3", "stable_audio", "mochi", "ltxv",
            "pixart", "cosmos", "lumina2", "wan", "hidream", "chroma", "ace", "omnigen2",
            "qwen_image", "hunyuan_image", "flux2", "ovis",
        ]  # fmt: skip
        return {
            "required": {
                "clip_name": _file_menu("text_encoders", "The text encoder file to load."),
                "type": (
                    kinds,
                    {"tooltip": "Kind of model it is for; the file itself decides where it can."},
                ),
            },
            "optional": {"device": _DEVICE},
        }

    RETURN_TYPES = ("CLIP",)
    FUNCTION = "load_clip"
    CATEGORY = "advanced/loaders"
    DESCRIPTION = "Loads a text encoder from a file of its own."
    SEARCH_ALIASES = ["load text encoder"]

    def load_clip(
        self, clip_name: str, type: str = "stable_diffusion", device: str = "default"
    ) -> tuple[Any]:
        """Return the text encoder."""
        return (load_text_encoders([model_path("text_encoders", clip_name)], type, device),)


class DualCLIPLoader:
    """Load two text encoders that work together."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare the files and what they are for."""
        kinds = [
            "sdxl", "sd3", "flux", "hunyuan_video", "hidream", "hunyuan_image",
            "hunyuan_video_15", "kandinsky5", "kandinsky5_image", "ltxv", "newbie",
        ]  # fmt: skip
        return {
            "required": {
                "clip_name1": _file_menu("text_encoders", "One of the two files, in any order."),
                "clip_name2": _file_menu("text_encoders", "The other file."),
                "type": (
                    kinds,
                    {"tooltip": "Kind of model that they are for."},
                ),
            },
            "optional": {"device": _DEVICE},
        }

    RETURN_TYPES = ("CLIP",)
    FUNCTION = "load_clip"
    CATEGORY = "advanced/loaders"
    DESCRIPTION = "Loads two text encoders: CLIP-L and CLIP-G of SDXL, or CLIP-L and T5 of Flux."
    SEARCH_ALIASES = ["load text encoders"]

    def load_clip(
        self, clip_name1: str, clip_name2: str, type: str, device: str = "default"
    ) -> tuple[Any]:
        """Return the text encoders as one."""
        paths = [model_path("text_encoders", name) for name in (clip_name1, clip_name2)]
        return (load_text_encoders(paths, type, device),)


def _tiny_files(name: str) -> dict[str, str]:
    """Return the approximation's files by half, for those that are there."""
    found: dict[str, str] = {}
    for file in folder_paths.get_filename_list("vae_approx"):
        for half in ("encoder", "decoder"):
            if Path(file).name.startswith(f"{name}_{half}."):
                found.setdefault(half, file)
    return found


def _load_tiny_vae(name: str) -> VAE:
    tensors: dict[str, torch.Tensor] = {}
    files = _tiny_files(name)
    for half in ("encoder", "decoder"):
        file = files.get(half, f"{name}_{half}.safetensors")
        read = read_weights(model_path("vae_approx", file)).tensors
        tensors.update({f"taesd_{half}.{key}": value for key, value in read.items()})
    scale, shift = _TINY_VAES[name]
    tensors["vae_scale"], tensors["vae_shift"] = torch.tensor(scale), torch.tensor(shift)
    return VAE(sd=tensors)


class VAELoader:
    """Load a VAE."""

    @staticmethod
    def vae_list() -> list[str]:
        """Return VAE files, approximations of which both halves are there, and pixels."""
        tiny = [name for name in _TINY_VAES if len(_tiny_files(name)) == 2]
        return [*folder_paths.get_filename_list("vae"), *tiny, pixel_space.NAME]

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare the file."""
        return {"required": {"vae_name": (cls.vae_list(), {"tooltip": "The VAE to load."})}}

    RETURN_TYPES = ("VAE",)
    FUNCTION = "load_vae"
    CATEGORY = "loaders"
    DESCRIPTION = "Loads a VAE, which turns pictures into latents and back."

    def load_vae(self, vae_name: str) -> tuple[Any]:
        """Return the VAE; ``pixel_space`` is that of models without latents."""
        if vae_name == pixel_space.NAME:
            return (VAE(sd={pixel_space.MARK: torch.ones(1)}),)
        if vae_name in _TINY_VAES:
            return (_load_tiny_vae(vae_name),)
        return (loading.load_vae(model_path("vae", vae_name)),)


class CLIPVisionLoader:
    """Load an encoder of pictures."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare the file."""
        return {"required": {"clip_name": _file_menu("clip_vision", "The encoder to load.")}}

    RETURN_TYPES = ("CLIP_VISION",)
    FUNCTION = "load_clip"
    CATEGORY = "loaders"
    DESCRIPTION = "Loads a vision encoder, which tells models what a picture shows."

    def load_clip(self, clip_name: str) -> tuple[Any]:
        """Return the encoder."""
        return (clip_vision.load_clip_vision(model_path("clip_vision", clip_name)),)


class CLIPVisionEncode:
    """Describe a picture to a model."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare encoder, picture and how it is cut."""
        return {
            "required": {
                "clip_vision": ("CLIP_VISION", {"tooltip": "The encoder."}),
                "image": ("IMAGE", {"tooltip": "The picture to describe."}),
                "crop": (
                    ["center", "none"],
                    {"tooltip": "center takes the middle square, none squeezes the picture."},
                ),
            }
        }

    RETURN_TYPES = ("CLIP_VISION_OUTPUT",)
    FUNCTION = "encode"
    CATEGORY = "conditioning"
    DESCRIPTION = "Turns a picture into what a model understands of it."

    def encode(self, clip_vision: Any, image: torch.Tensor, crop: str) -> tuple[Any]:
        """Return the encoded picture."""
        return (clip_vision.encode_image(image, crop=crop == "center"),)


NODE_CLASS_MAPPINGS: dict[str, type] = {
    cls.__name__: cls
    for cls in (
        CheckpointLoaderSimple, UNETLoader, CLIPLoader, DualCLIPLoader, VAELoader,
        CLIPVisionLoader, CLIPVisionEncode,
    )
}  # fmt: skip

NODE_DISPLAY_NAME_MAPPINGS: dict[str, str] = {
    "CheckpointLoaderSimple": "Load Checkpoint",
    "UNETLoader": "Load Diffusion Model",
    "CLIPLoader": "Load CLIP",
    "DualCLIPLoader": "DualCLIPLoader",
    "VAELoader": "Load VAE",
    "CLIPVisionLoader": "Load CLIP Vision",
    "CLIPVisionEncode": "CLIP Vision Encode",
}
