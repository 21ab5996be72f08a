"""Load checkpoints of special kinds: old ones with a settings file, and those that see pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import folder_paths

from app.engine.errors import ModelFileError
from app.engine.models import clip_vision, loading
from app.engine.models.predictions import ModelType, make_model_sampling
from app.engine.models.weights import read_weights

from .input_options import Option
from .loaders import model_path
from .value_types import InputTypes

_LARGEST_SETTINGS = 1_000_000


def _menu(kind: str, tooltip: str) -> Option:
    return (folder_paths.get_filename_list(kind), {"tooltip": tooltip})


def _embeddings() -> list[str]:
    return list(folder_paths.get_folder_paths("embeddings"))


def _settings(path: str) -> dict[str, Any]:
    """Return the parameters of the model in a YAML file.

    Raises:
        ModelFileError: The file is not YAML, or says nothing about a model.
    """
    import yaml

    name = Path(path).name
    try:
        text = Path(path).read_bytes()[:_LARGEST_SETTINGS].decode("utf-8")
        found = yaml.safe_load(text)["model"]["params"]
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError) as error:
        raise ModelFileError(
            f'The settings file "{name}" cannot be used: it does not describe a model.'
        ) from error
    if not isinstance(found, dict):
        raise ModelFileError(f'The settings file "{name}" does not describe a model.')
    return found


class CheckpointLoader:
    """Load a checkpoint with a settings file."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare settings and checkpoint."""
        return {
            "required": {
                "config_name": _menu("configs", "The settings file (YAML)."),
                "ckpt_name": _menu("checkpoints", "The checkpoint file to load."),
            }
        }

    RETURN_TYPES = ("MODEL", "CLIP", "VAE")
    FUNCTION = "load_checkpoint"
    CATEGORY = "advanced/loaders"
    DEPRECATED = True
    DESCRIPTION = (
        "Loads a checkpoint together with an old settings file. Load Checkpoint finds out by "
        "itself what a checkpoint is."
    )

    def load_checkpoint(self, config_name: str, ckpt_name: str) -> tuple[Any, Any, Any]:
        """Return model, text encoder and VAE, changed as the settings say."""
        settings = _settings(model_path("configs", config_name))
        found = loading.load_checkpoint(model_path("checkpoints", ckpt_name), _embeddings())
        model, clip = found.model, found.clip
        if model is not None and settings.get("parameterization") == "v":
            model = model.clone()
            model.add_object_patch("model_sampling", make_model_sampling(ModelType.V_PREDICTION))
        text = settings.get("cond_stage_config") or {}
        layer = (text.get("params") or {}).get("layer_idx")
        if clip is not None and isinstance(layer, int):
            clip = clip.clone()
            clip.clip_layer(layer)
        return (model, clip, found.vae)


def _with_vision(ckpt_name: str) -> tuple[loading.Checkpoint, Any]:
    """Return a checkpoint and its picture encoder.

    Raises:
        ModelFileError: The file cannot be read, or holds no picture encoder.
    """
    path = model_path("checkpoints", ckpt_name)
    found = loading.load_checkpoint(path, _embeddings())
    try:
        vision = clip_vision.ClipVisionModel(read_weights(path).tensors)
    except ModelFileError as error:
        raise ModelFileError(
            f'"{ckpt_name}" holds no picture encoder: it is no model that starts from pictures. '
            "Load Checkpoint loads it."
        ) from error
    return found, vision


class unCLIPCheckpointLoader:
    """Load a checkpoint that understands pictures."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare the file."""
        return {"required": {"ckpt_name": _menu("checkpoints", "The unCLIP checkpoint.")}}

    RETURN_TYPES = ("MODEL", "CLIP", "VAE", "CLIP_VISION")
    FUNCTION = "load_checkpoint"
    CATEGORY = "loaders"
    DESCRIPTION = "Loads an unCLIP checkpoint, which is guided by pictures as well as by words."
    SEARCH_ALIASES = ["image variations"]

    def load_checkpoint(self, ckpt_name: str) -> tuple[Any, Any, Any, Any]:
        """Return model, text encoder, VAE and picture encoder."""
        found, vision = _with_vision(ckpt_name)
        return (found.model, found.clip, found.vae, vision)


class ImageOnlyCheckpointLoader:
    """Load a checkpoint that starts from a picture alone."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare the file."""
        return {"required": {"ckpt_name": _menu("checkpoints", "The checkpoint file to load.")}}

    RETURN_TYPES = ("MODEL", "CLIP_VISION", "VAE")
    FUNCTION = "load_checkpoint"
    CATEGORY = "loaders/video_models"
    DESCRIPTION = "Loads a checkpoint that is guided by a picture alone, such as Stable Zero123."

    def load_checkpoint(self, ckpt_name: str) -> tuple[Any, Any, Any]:
        """Return model, picture encoder and VAE."""
        found, vision = _with_vision(ckpt_name)
        return (found.model, vision, found.vae)


NODE_CLASS_MAPPINGS: dict[str, type] = {
    cls.__name__: cls
    for cls in (CheckpointLoader, unCLIPCheckpointLoader, ImageOnlyCheckpointLoader)
}

NODE_DISPLAY_NAME_MAPPINGS: dict[str, str] = {
    "CheckpointLoader": "Load Checkpoint With Config (DEPRECATED)",
    "ImageOnlyCheckpointLoader": "Image Only Checkpoint Loader (img2vid model)",
}
