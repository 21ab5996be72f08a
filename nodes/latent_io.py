"""Save and load latents."""

from __future__ import annotations

import hashlib
import os
from typing import Any

import folder_paths
import safetensors.torch
import torch

from .saving import metadata_texts, numbered, save_claimed
from .value_types import InputTypes, Latent

_FORMAT_TAG = "latent_format_version_0"
_OLD_FORMAT_SCALE = 1.0 / 0.18215
"""Files without the tag were stored in the scale of the first latent models."""


class SaveLatent:
    """Keep latents in a file."""

    def __init__(self) -> None:
        self.output_dir = folder_paths.get_output_directory()

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare latents and the beginning of their names."""
        return {
            "required": {
                "samples": ("LATENT", {"tooltip": "The latents to save."}),
                "filename_prefix": (
                    "STRING",
                    {
                        "default": "latents/ComfyUI",
                        "tooltip": "Beginning of the file name; a slash makes a folder.",
                    },
                ),
            },
            "hidden": {"prompt": "PROMPT", "extra_pnginfo": "EXTRA_PNGINFO"},
        }

    RETURN_TYPES = ()
    FUNCTION = "save"
    OUTPUT_NODE = True
    CATEGORY = "_for_testing"
    DESCRIPTION = "Saves latents with their workflow, to go on from them another day."

    def save(
        self,
        samples: Latent,
        filename_prefix: str = "ComfyUI",
        prompt: Any = None,
        extra_pnginfo: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Write one safetensors file, under a name that nobody has yet.

        Raises:
            FileSaveError: The disk is full or the folder may not be written.
        """
        folder, stem, counter, subfolder, _ = folder_paths.get_save_image_path(
            filename_prefix, self.output_dir
        )
        tensors = {
            "latent_tensor": samples["samples"].detach().cpu().contiguous(),
            _FORMAT_TAG: torch.tensor([]),
        }
        data = safetensors.torch.save(tensors, metadata=metadata_texts(prompt, extra_pnginfo))
        file_name, _ = save_claimed(folder, counter, numbered(stem, "latent"), data)
        saved = {"filename": file_name, "subfolder": subfolder, "type": "output"}
        return {"ui": {"latents": [saved]}}


class LoadLatent:
    """Get latents back from a file."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare the latent files of the input folder."""
        folder = folder_paths.get_input_directory()
        files = [
            name
            for name in os.listdir(folder)
            if name.endswith(".latent") and os.path.isfile(os.path.join(folder, name))
        ]
        return {
            "required": {
                "latent": [sorted(files), {"tooltip": "A latent file of the input folder."}]
            }
        }

    RETURN_TYPES = ("LATENT",)
    FUNCTION = "load"
    CATEGORY = "_for_testing"
    DESCRIPTION = "Reads latents that Save Latent has written."

    def load(self, latent: str) -> tuple[Latent]:
        """Return the latents in float32.

        Raises:
            ValueError: The file is not one of latents.
        """
        path = folder_paths.get_annotated_filepath(latent)
        try:
            tensors = safetensors.torch.load_file(path, device="cpu")
            samples = tensors["latent_tensor"].float()
        except (safetensors.SafetensorError, KeyError) as error:
            raise ValueError(f'"{latent}" is not a latent file, or it is damaged.') from error
        return ({"samples": samples if _FORMAT_TAG in tensors else samples * _OLD_FORMAT_SCALE},)

    @classmethod
    def IS_CHANGED(cls, latent: str) -> str:
        """Return the file's SHA-256, so that a new file of the same name is read."""
        with open(folder_paths.get_annotated_filepath(latent), "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    @classmethod
    def VALIDATE_INPUTS(cls, latent: str) -> bool | str:
        """Check that the file exists."""
        if folder_paths.exists_annotated_filepath(latent):
            return True
        return f'The latent file "{latent}" is not in the input folder.'


NODE_CLASS_MAPPINGS = {"SaveLatent": SaveLatent, "LoadLatent": LoadLatent}

NODE_DISPLAY_NAME_MAPPINGS: dict[str, str] = {}
