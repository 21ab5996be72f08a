"""Files to models: what the loader nodes call (rules D-210 to D-217)."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import torch

from app.engine.errors import ModelFileError
from app.engine.models import memory
from app.engine.models.detect import describe, diffusion_prefix
from app.engine.models.diffusers_unet import own_layout
from app.engine.models.diffusion_model import DiffusionModel
from app.engine.models.families import FAMILIES, find_family
from app.engine.models.families.base import Family
from app.engine.models.foreign_families import foreign_family
from app.engine.models.lora import (
    KeyMap,
    convert_lora,
    load_lora,
    model_lora_keys_clip,
    model_lora_keys_unet,
)
from app.engine.models.patcher import ModelPatcher
from app.engine.models.scaled_weights import take_scales
from app.engine.models.text_encoder import CLIP
from app.engine.models.text_encoder_files import encoder_tensors, layout_for, make_clip
from app.engine.models.unet import shapes_of
from app.engine.models.vae import VAE
from app.engine.models.weights import StateDict, read_weights, take_prefix

log = logging.getLogger("easel.models")

Folders = Sequence[str | os.PathLike[str]]
Path = str | os.PathLike[str]

_VAE_PREFIXES: Final = ("first_stage_model.", "vae.")


class Checkpoint(NamedTuple):
    """What a checkpoint holds; None for what it lacks."""

    model: ModelPatcher | None
    clip: CLIP | None
    vae: VAE | None


def load_checkpoint(
    path: Path,
    embedding_folders: Folders = (),
    output_model: bool = True,
    output_clip: bool = True,
    output_vae: bool = True,
) -> Checkpoint:
    """Load a checkpoint with diffusion model, text encoders and VAE.

    Args:
        path: The file.
        embedding_folders: Where prompts look for embeddings.
        output_model: Whether the diffusion model is wanted.
        output_clip: Whether the text encoders are wanted.
        output_vae: Whether the VAE is wanted.

    Raises:
        ModelFileError: The file cannot be read, or is no checkpoint of a known family.
    """
    file = read_weights(path)
    with _naming(path):
        return checkpoint_from_tensors(
            file.tensors, embedding_folders, output_model, output_clip, output_vae
        )


def checkpoint_from_tensors(
    tensors: Mapping[str, torch.Tensor],
    embedding_folders: Folders = (),
    output_model: bool = True,
    output_clip: bool = True,
    output_vae: bool = True,
) -> Checkpoint:
    """Return the parts of a checkpoint; see :func:`load_checkpoint`."""
    prefix = diffusion_prefix(tensors)
    inside = own_layout(take_prefix(tensors, prefix))
    family = find_family(shapes_of(inside))
    if family is None:
        return Checkpoint(diffusion_model_from_tensors(tensors), None, None)
    model = _make_model(family, inside) if output_model else None
    clip = _checkpoint_clip(family, tensors, embedding_folders) if output_clip else None
    vae = None
    if output_vae:
        for vae_prefix in _VAE_PREFIXES:
            found = take_prefix(tensors, vae_prefix)
            if found:
                vae = VAE(sd=found)
                break
    return Checkpoint(model, clip, vae)


def load_diffusion_model(path: Path, dtype: torch.dtype | None = None) -> ModelPatcher:
    """Load a diffusion model without text encoders or VAE.

    Args:
        path: The file; its names may carry the prefix of a checkpoint.
        dtype: Type to compute in, or None for the device's own.

    Raises:
        ModelFileError: The file cannot be read, or is of no known family.
    """
    file = read_weights(path)
    with _naming(path):
        return diffusion_model_from_tensors(file.tensors, dtype)


def diffusion_model_from_tensors(
    tensors: Mapping[str, torch.Tensor], dtype: torch.dtype | None = None
) -> ModelPatcher:
    """Return a diffusion model from its tensors; see :func:`load_diffusion_model`."""
    inside = own_layout(take_prefix(tensors, diffusion_prefix(tensors)) or tensors)
    family = find_family(shapes_of(inside))
    if family is None:
        inside = own_layout(tensors)
        family = find_family(shapes_of(inside))
    if family is None:
        titles = ", ".join(known.title for known in FAMILIES)
        foreign = foreign_family(tensors)
        if foreign:
            raise ModelFileError(
                f"This is a model of the kind {foreign}, which is not supported yet. "
                f"Known are {titles}."
            )
        found = describe(tensors)
        raise ModelFileError(
            f"This is not a diffusion model that is known here: it looks like {found}. "
            f"Known are {titles}."
        )
    return _make_model(family, inside, dtype)


def _make_model(
    family: Family, tensors: Mapping[str, torch.Tensor], dtype: torch.dtype | None = None
) -> ModelPatcher:
    device = memory.get_torch_device()
    tensors, scales = take_scales(tensors)
    model_type, settings = family.sampling(tensors)
    network = family.make_network(tensors)
    model = DiffusionModel(family, network, model_type, settings)
    compute = memory.unet_dtype(device, family.dtypes) if dtype is None else dtype
    if memory.is_device_cpu(device) and compute == torch.float16:
        compute = torch.float32
    patcher = ModelPatcher(model, device, memory.offload_device(), compute_dtype=compute)
    patcher.store.scales = {"diffusion_model." + name: scale for name, scale in scales.items()}
    return patcher


def _checkpoint_clip(
    family: Family, tensors: Mapping[str, torch.Tensor], folders: Folders
) -> CLIP | None:
    if family.make_clip is not None:
        return family.make_clip(tensors)
    if family.text is None:
        return None
    parts: dict[str, StateDict] = {}
    for key in family.text.rules:
        for prefix in family.text_prefixes.get(key, ()):
            found = take_prefix(tensors, prefix)
            if found:
                _, parts[key] = encoder_tensors(found)
                break
        else:
            if not family.text.optional:
                return None
    return make_clip(family.text.reduced(parts), parts, folders) if parts else None


def load_clip(
    paths: Sequence[Path], embedding_folders: Folders = (), clip_type: str = "stable_diffusion"
) -> CLIP:
    """Load text encoders from one file or several.

    Args:
        paths: The files, in any order.
        embedding_folders: Where prompts look for embeddings.
        clip_type: What the loader node says it is for; it decides where the files leave a choice.

    Raises:
        ModelFileError: A file cannot be read, or the encoders do not go together.
    """
    parts: dict[str, StateDict] = {}
    for path in paths:
        file = read_weights(path)
        with _naming(path):
            kind, tensors = encoder_tensors(file.tensors)
            parts[kind] = tensors
    names = ", ".join(os.path.basename(os.fspath(path)) for path in paths)
    return make_clip(layout_for(parts, clip_type, names), parts, embedding_folders)


def load_vae(path: Path) -> VAE:
    """Load a VAE, from a file of its own or out of a checkpoint.

    Raises:
        ModelFileError: The file cannot be read, or holds no VAE.
    """
    file = read_weights(path)
    with _naming(path):
        return VAE(sd=file.tensors, metadata=file.metadata)


def load_lora_file(path: Path) -> StateDict:
    """Return the tensors of a LoRA file.

    Raises:
        ModelFileError: The file cannot be read.
    """
    return read_weights(path).tensors


def apply_lora(
    model: ModelPatcher | None,
    clip: CLIP | None,
    lora: Mapping[str, torch.Tensor],
    strength_model: float,
    strength_clip: float,
) -> tuple[ModelPatcher | None, CLIP | None]:
    """Return clones with a LoRA on them; strengths of 0 give the same objects back (D-196).

    Args:
        model: Diffusion model, or None.
        clip: Text encoders, or None.
        lora: From :func:`load_lora_file`.
        strength_model: Factor for the diffusion model.
        strength_clip: Factor for the text encoders.
    """
    if strength_model == 0 and strength_clip == 0:
        return model, clip
    keys: KeyMap = {}
    if model is not None:
        keys = model_lora_keys_unet(model.model, keys)
    if clip is not None:
        keys = model_lora_keys_clip(clip.cond_stage_model, keys)
    patches = load_lora(convert_lora(lora), keys)
    used: set[Any] = set()
    if model is not None:
        model = model.clone()
        used.update(model.add_patches(patches, strength_model))
    if clip is not None:
        clip = clip.clone()
        used.update(clip.add_patches(patches, strength_clip))
    if not used:
        log.warning("The LoRA changes nothing: it is made for another kind of model.")
    return model, clip


class _naming:  # noqa: N801 - reads as a statement
    """Puts a file's name in front of a ``ModelFileError`` raised in its block."""

    def __init__(self, path: Path) -> None:
        self._name = os.path.basename(os.fspath(path))

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        """Name the file."""
        if isinstance(error, ModelFileError) and self._name not in str(error):
            raise ModelFileError(f'"{self._name}" cannot be used. {error}') from error
