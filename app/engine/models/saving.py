"""Models back to the names of files (the opposite of loading; rules D-211, D-215)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import torch

from app.engine.models.weights import StateDict

_NETWORK: Final = "diffusion_model."
_CHECKPOINT_NETWORK: Final = "model.diffusion_model."
_CHECKPOINT_VAE: Final = "first_stage_model."
_TEXT_MARK: Final = ".transformer."

_PLACES: Final[dict[tuple[str, ...], dict[str, tuple[str, bool]]]] = {
    ("l",): {"l": ("cond_stage_model.transformer.", False)},
    ("h",): {"h": ("cond_stage_model.model.", True)},
    ("g",): {"g": ("conditioner.embedders.0.model.", True)},
    ("l", "g"): {
        "l": ("conditioner.embedders.0.transformer.", False),
        "g": ("conditioner.embedders.1.model.", True),
    },
}
"""By the encoders of a model: where each lies in a checkpoint, and whether OpenCLIP names it."""

_OPEN_CLIP_NAMES: Final = {
    "text_model.embeddings.position_embedding.weight": "positional_embedding",
    "text_model.embeddings.token_embedding.weight": "token_embedding.weight",
    "text_model.final_layer_norm.weight": "ln_final.weight",
    "text_model.final_layer_norm.bias": "ln_final.bias",
}
_OPEN_CLIP_PARTS: Final = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}


def network_tensors(patcher: Any) -> StateDict:
    """Return a patched diffusion model under the names of checkpoints."""
    return {
        _CHECKPOINT_NETWORK + name.removeprefix(_NETWORK): tensor
        for name, tensor in patcher.patched_state_dict(_NETWORK).items()
    }


def text_encoder_parts(clip: Any) -> dict[str, StateDict]:
    """Return patched text encoders by their key (``l``, ``g``, ...), as transformers names them."""
    parts: dict[str, StateDict] = {}
    for name, tensor in clip.get_sd().items():
        key, mark, inner = name.removeprefix("clip_").partition(_TEXT_MARK)
        if mark:
            parts.setdefault(key, {})[inner] = tensor
    return parts


def to_open_clip(tensors: Mapping[str, torch.Tensor]) -> StateDict:
    """Rename the tensors of a text encoder as OpenCLIP does; split projections are joined."""
    result: StateDict = {}
    joint: dict[str, dict[str, torch.Tensor]] = {}
    layer = re.compile(r"^text_model\.encoder\.layers\.(\d+)\.(.+)\.(weight|bias)$")
    for name, tensor in tensors.items():
        found = layer.match(name)
        if name in _OPEN_CLIP_NAMES:
            result[_OPEN_CLIP_NAMES[name]] = tensor
        elif name == "text_projection.weight":
            result["text_projection"] = tensor.transpose(0, 1).contiguous()
        elif found is not None:
            stem, part, kind = f"transformer.resblocks.{found[1]}.", found[2], found[3]
            if part in _OPEN_CLIP_PARTS:
                result[f"{stem}{_OPEN_CLIP_PARTS[part]}.{kind}"] = tensor
            else:
                letter = part.removeprefix("self_attn.")[0]
                joint.setdefault(f"{stem}attn.in_proj_{kind}", {})[letter] = tensor
    for name, thirds in joint.items():
        result[name] = torch.cat([thirds[letter] for letter in "qkv"])
    return result


def checkpoint_tensors(
    patcher: Any, clip: Any = None, vae: Any = None, clip_vision: Any = None
) -> StateDict:
    """Return everything of a checkpoint as its file names it, patches included.

    Args:
        patcher: The diffusion model.
        clip: Text encoders, or None.
        vae: The VAE, or None.
        clip_vision: The picture encoder of film models, or None.
    """
    result = network_tensors(patcher)
    if clip is not None:
        parts = text_encoder_parts(clip)
        places = _PLACES.get(tuple(parts), {})
        for key, tensors in parts.items():
            prefix, is_open_clip = places.get(
                key, (f"text_encoders.clip_{key}.transformer.", False)
            )
            named = to_open_clip(tensors) if is_open_clip else tensors
            result.update({prefix + name: tensor for name, tensor in named.items()})
    if vae is not None:
        result.update({_CHECKPOINT_VAE + name: tensor for name, tensor in vae.get_sd().items()})
    if clip_vision is not None:
        prefix = "conditioner.embedders.0.open_clip."
        result.update({prefix + name: tensor for name, tensor in clip_vision.get_sd().items()})
    return result


def file_tensors(tensors: Mapping[str, torch.Tensor]) -> StateDict:
    """Return tensors as a safetensors file takes them: on the CPU, in one piece, none shared."""
    result: StateDict = {}
    seen: set[int] = set()
    for name, tensor in tensors.items():
        plain = tensor.detach().cpu().contiguous()
        address = plain.untyped_storage().data_ptr()
        whole = plain.untyped_storage().nbytes() == plain.nbytes
        if address in seen and not whole:
            plain = plain.clone()
        seen.add(address)
        result[name] = plain
    return result


def low_rank(difference: torch.Tensor, rank: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the two factors of a LoRA that comes nearest to a difference.

    Args:
        difference: ``(out, in)``, or ``(out, in, height, width)`` of a convolution.
        rank: Rank of the LoRA; cut to what the shape allows.

    Returns:
        ``up`` and ``down``; their product is the best approximation of that rank, but for
        values beyond the 99th percentile, which are limited.
    """
    shape = difference.shape
    matrix = difference.float().flatten(1)
    rank = min(rank, *matrix.shape)
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    up, down = left[:, :rank] * values[:rank], right[:rank]
    both = torch.cat([up.flatten(), down.flatten()])
    # torch's own quantile refuses more than 16 million values.
    limit = both.kthvalue(max(1, round(0.99 * both.numel()))).values.abs()
    up, down = up.clamp(-limit, limit), down.clamp(-limit, limit)
    if len(shape) == 4:
        return up.reshape(shape[0], rank, 1, 1), down.reshape(rank, *shape[1:])
    return up, down


def lora_tensors(
    patched: Mapping[str, torch.Tensor],
    prefix: str,
    file_prefix: str,
    rank: int | None,
    with_bias: bool,
) -> StateDict:
    """Return the entries of a LoRA file for a model whose weights are a difference.

    Args:
        patched: Weights by name, such as those that a subtraction gives.
        prefix: What the names of the weights begin with.
        file_prefix: What they begin with in the file.
        rank: Rank of the LoRA, or None to keep the whole difference.
        with_bias: Whether biases and norms are kept too.
    """
    result: StateDict = {}
    for name, tensor in patched.items():
        stem, _, kind = name.rpartition(".")
        stem = file_prefix + stem.removeprefix(prefix)
        if kind == "bias":
            if with_bias:
                result[f"{stem}.diff_b"] = tensor.half()
        elif kind == "weight" and (rank is None or tensor.ndim < 2):
            if rank is None or with_bias:
                result[f"{stem}.diff"] = tensor.half()
        elif kind == "weight" and rank is not None:
            up, down = low_rank(tensor, rank)
            result[f"{stem}.lora_up.weight"] = up.half()
            result[f"{stem}.lora_down.weight"] = down.half()
    return result
