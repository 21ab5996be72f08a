"""Load models that are folders in the layout of diffusers."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

import folder_paths

from app.engine.errors import ModelFileError
from app.engine.models.diffusers_folder import list_folders, load_diffusers

from .value_types import InputTypes


def _folders() -> list[str]:
    return list(folder_paths.get_folder_paths("diffusers"))


def _path(name: str) -> Path:
    """Return the folder of a model; only names of the menu can be chosen.

    Raises:
        ModelFileError: There is no such model.
    """
    known = list_folders(_folders())
    if name in known:
        return next(path for root in _folders() if (path := Path(root) / name).is_dir())
    places = " or ".join(f'"{folder}"' for folder in _folders())
    message = f'The model folder "{name}" is not in {places}.'
    near = difflib.get_close_matches(name, known, 1, 0.5)
    if near:
        message += f' The nearest name there is "{near[0]}".'
    raise ModelFileError(message)


class DiffusersLoader:
    """Load a folder of diffusers."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare the folder."""
        tooltip = "A folder with model_index.json, unet or transformer, vae and text_encoder."
        return {"required": {"model_path": (list_folders(_folders()), {"tooltip": tooltip})}}

    RETURN_TYPES = ("MODEL", "CLIP", "VAE")
    OUTPUT_TOOLTIPS = (
        "The model that takes noise out of latents.",
        "The text encoder that turns prompts into conditioning.",
        "The VAE that turns pictures into latents and back.",
    )
    FUNCTION = "load_checkpoint"
    CATEGORY = "advanced/loaders/deprecated"
    DESCRIPTION = (
        "Loads Stable Diffusion or Flux from a folder of models/diffusers, where each part has a "
        "folder of its own. How the model was trained is read there too."
    )
    SEARCH_ALIASES = ["load diffusers model"]

    def load_checkpoint(
        self, model_path: str, output_vae: bool = True, output_clip: bool = True
    ) -> tuple[Any, Any, Any]:
        """Return model, text encoder and VAE; None for what the folder lacks.

        Args:
            model_path: The folder, as the menu lists it.
            output_vae: Whether a pack that calls this wants the VAE.
            output_clip: Whether it wants the text encoder.
        """
        embeddings = list(folder_paths.get_folder_paths("embeddings"))
        found = load_diffusers(_path(model_path), embeddings)
        return (
            found.model,
            found.clip if output_clip else None,
            found.vae if output_vae else None,
        )


NODE_CLASS_MAPPINGS: dict[str, type] = {"DiffusersLoader": DiffusersLoader}
