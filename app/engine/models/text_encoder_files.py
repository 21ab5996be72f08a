"""Files of text encoders: which encoder each is, and which go together (D-161, D-215)."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping, Sequence
from typing import Any, Final

import torch

from app.engine.errors import ModelFileError
from app.engine.models.clip import CLIPTextModel, clip_kind, clip_tensors
from app.engine.models.detect import describe
from app.engine.models.embeddings import load_embedding
from app.engine.models.ops import empty, fill
from app.engine.models.scaled_weights import take_scales
from app.engine.models.t5 import T5Encoder, is_t5, t5_tensors
from app.engine.models.t5_tokenizer import vocabulary_of
from app.engine.models.text_encoder import CLIP
from app.engine.models.text_encoding import (
    FLUX_TEXT,
    SD1_TEXT,
    SD2_TEXT,
    SD3_TEXT,
    SDXL_REFINER_TEXT,
    SDXL_TEXT,
    TextLayout,
    make_text_model,
    make_tokenizer,
    part_name,
)
from app.engine.models.unet import shapes_of
from app.engine.models.unigram import t5_vocabulary
from app.engine.models.weights import StateDict, take_prefix

Folders = Sequence[str | os.PathLike[str]]

T5_KEY: Final = "t5xxl"
LARGE_BYTES = 4 * 1024**3
"""Text encoders that would take more than this are streamed."""
RESIDENT_BYTES = 1024**3
"""What of them stays in memory between prompts."""
_LAYOUTS: Final[Mapping[frozenset[str], TextLayout]] = {
    frozenset("l"): SD1_TEXT,
    frozenset("h"): SD2_TEXT,
    frozenset("g"): SDXL_REFINER_TEXT,
    frozenset("lg"): SDXL_TEXT,
}
_LAYERS_OF_H: Final = 24
_TITLES: Final = {"l": "CLIP-L", "h": "CLIP-H", "g": "CLIP-G", T5_KEY: "T5"}
_UNSUPPORTED: Final = {
    "stable_cascade": "Stable Cascade", "stable_audio": "Stable Audio", "mochi": "Mochi",
    "ltxv": "LTXV", "pixart": "PixArt", "cosmos": "Cosmos", "lumina2": "Lumina 2",
    "wan": "Wan", "hidream": "HiDream", "chroma": "Chroma", "ace": "ACE-Step",
    "omnigen2": "OmniGen 2", "qwen_image": "Qwen-Image", "hunyuan_image": "Hunyuan Image",
    "hunyuan_video": "Hunyuan Video", "hunyuan_video_15": "Hunyuan Video", "flux2": "Flux 2",
    "ovis": "Ovis", "kandinsky5": "Kandinsky 5", "kandinsky5_image": "Kandinsky 5",
    "newbie": "NewBie",
}  # fmt: skip


def encoder_tensors(tensors: Mapping[str, torch.Tensor]) -> tuple[str, StateDict]:
    """Return which encoder a file holds, and its tensors under our names.

    Args:
        tensors: Of the file, or of one encoder of a checkpoint.

    Returns:
        ``l``, ``h``, ``g`` or ``t5xxl``, and the tensors.

    Raises:
        ModelFileError: It holds no text encoder that is known here.
    """
    if is_t5(tensors):
        return T5_KEY, t5_tensors(tensors)
    found = _clip_tensors(tensors)
    kind = clip_kind(found)
    return kind, _with_last_layer(found) if kind == "h" else found


def _with_last_layer(tensors: StateDict) -> StateDict:
    """Return CLIP-H with all its layers; diffusers leaves out the last, which SD2 never reads.

    Layers are counted from the end (D-157), so one of zeros takes its place: it adds nothing to
    what comes in.
    """
    last, kept = (f"text_model.encoder.layers.{_LAYERS_OF_H - back}." for back in (1, 2))
    if any(name.startswith(last) for name in tensors):
        return tensors
    zeros = {
        last + name.removeprefix(kept): tensor.new_zeros(1).expand(tensor.shape)
        for name, tensor in tensors.items()
        if name.startswith(kept)
    }
    return {**tensors, **zeros}


def _clip_tensors(tensors: Mapping[str, torch.Tensor]) -> StateDict:
    for prefix in (
        "cond_stage_model.transformer.", "cond_stage_model.model.", "text_encoder.",
        "transformer.text_model.",
    ):  # fmt: skip
        inside = take_prefix(tensors, prefix)
        if inside:
            return clip_tensors(inside)
    try:
        return clip_tensors(tensors)
    except ModelFileError:
        raise ModelFileError(
            f"This is not a text encoder that is known here: it looks like {describe(tensors)}."
        ) from None


def layout_for(kinds: Mapping[str, Any], clip_type: str, files: str) -> TextLayout:
    """Return how the encoders of some files work together.

    Args:
        kinds: The encoders that were found; keys of :func:`encoder_tensors`.
        clip_type: What the loader node says they are for.
        files: Names of the files, for messages.

    Raises:
        ModelFileError: They do not go together, or not for that kind of model.
    """
    keys = frozenset(kinds)
    if clip_type == "sd3" and keys and keys <= frozenset(SD3_TEXT.rules):
        return SD3_TEXT.reduced(keys)
    if clip_type == "flux":
        if keys == frozenset(FLUX_TEXT.rules):
            return FLUX_TEXT
        have = " and ".join(_TITLES[key] for key in sorted(keys))
        raise ModelFileError(
            f"Flux needs one CLIP-L and one T5 text encoder, these files are {have}: {files}."
        )
    layout = _LAYOUTS.get(keys)
    if layout is not None:
        return layout
    if T5_KEY in keys and clip_type in _UNSUPPORTED:
        raise ModelFileError(
            f"The text encoders of {_UNSUPPORTED[clip_type]} are not supported yet. T5 is known "
            "here for Flux and SD3: choose that as the type where it is for one of them."
        )
    if T5_KEY in keys:
        raise ModelFileError(
            f"Choose flux or sd3 as the type: it says what the T5 text encoder is for ({files})."
        )
    raise ModelFileError(f"These text encoders do not go together: {files}.")


def make_clip(layout: TextLayout, parts: Mapping[str, StateDict], folders: Folders = ()) -> CLIP:
    """Return the text encoders of a layout, filled and with their tokenizers.

    Args:
        layout: The encoders.
        parts: Tensors by encoder, under our names; factors of eight-bit weights among them.
        folders: Where prompts look for embeddings.

    Raises:
        ModelFileError: Tensors are missing or do not fit.
    """
    networks: dict[str, Any] = {}
    scales: StateDict = {}
    unrounded: list[str] = []
    vocabulary: Any = None
    for key, stored in parts.items():
        tensors, factors = take_scales(stored)
        shapes = shapes_of(tensors)
        stem = f"{part_name(key)}.transformer."
        network: Any
        if key == T5_KEY:
            network = empty(functools.partial(T5Encoder, shapes))
            vocabulary = vocabulary_of(tensors)
            unrounded.append(stem)
        else:
            network = empty(functools.partial(CLIPTextModel, shapes))
        fill(network, tensors, f"text encoder {_TITLES.get(key, key.upper())}")
        networks[key] = network
        scales.update({stem + name: scale for name, scale in factors.items()})
    widths = {
        key: network.width if key == T5_KEY else network.text_model.width
        for key, network in networks.items()
    }

    def find(name: str, width: int, key: str) -> torch.Tensor | None:
        return load_embedding(name, folders, width, key)

    tokenizer = make_tokenizer(layout, widths, find, vocabulary or t5_vocabulary)
    clip = CLIP(make_text_model(layout, networks), tokenizer)
    clip.patcher.store.scales = scales
    # T5 keeps bfloat16 and eight-bit weights as they are; float16 would cut its range (D-156).
    clip.patcher.store.unrounded = tuple(unrounded)
    # A prompt uses each weight once, so that a copy of all of them (19 GB of T5-XXL) saves little
    # time and would drive the diffusion model out of memory.
    if clip.patcher.model_size() > LARGE_BYTES:
        clip.patcher.resident_limit = RESIDENT_BYTES
    return clip
