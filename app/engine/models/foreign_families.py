"""Kinds of diffusion models that are not supported, so that a message can name them (D-214)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_MARKS: Final = (
    ("Flux 2", "double_stream_modulation_img.lin.weight"),
    ("Chroma", "distilled_guidance_layer."),
    ("Hunyuan Video", "txt_in.individual_token_refiner."),
    ("Hunyuan DiT", "mlp_t5.0.weight"),
    ("Qwen-Image", "txt_norm.weight"),
    ("Wan (video)", "head.modulation"),
    ("LTX-Video", "patchify_proj.weight"),
    ("Mochi (video)", "t5_yproj.weight"),
    ("Cosmos", "x_embedder.proj.1.weight"),
    ("Lumina 2 or Z-Image", "cap_embedder.1.weight"),
    ("HiDream", "caption_projection.0.linear.weight"),
    ("AuraFlow", "double_layers.0.attn.w1q.weight"),
    ("PixArt", "t_block.1.weight"),
    ("Stable Cascade", "clf.1.weight"),
    ("Stable Audio", "transformer.rotary_pos_emb.inv_freq"),
    ("ACE-Step (sound)", "genre_embedder.weight"),
    ("Hunyuan 3D", "latent_in.weight"),
    ("Stable Video Diffusion", ".time_stack."),
)


def foreign_family(names: Iterable[str]) -> str:
    """Return what kind of model tensors belong to, or an empty text.

    Args:
        names: Of the tensors, with or without the prefix of a checkpoint.
    """
    known = list(names)
    for title, mark in _MARKS:
        if any(mark in name for name in known):
            return title
    return ""
