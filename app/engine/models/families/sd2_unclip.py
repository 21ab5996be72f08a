"""Stable Diffusion 2.1 unCLIP: guided by what CLIP sees in pictures as well as by words."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import Any, Final

import torch

from app.engine.models.detect import UNetFacts
from app.engine.models.families import sd2
from app.engine.models.families.base import Family, classic_unet, unet_matcher
from app.engine.models.latent_formats import SD15
from app.engine.models.unet import HeadRule
from app.engine.models.unet_blocks import timestep_embedding

_LEVELS: Final = 1000
_SEED_OFFSET: Final = -10
"""The noise on pictures must not be the noise that the run starts with."""
_MERGED_NOISE: Final = 0.05


@functools.cache
def _signal_shares() -> torch.Tensor:
    """Return the cumulative share of the signal at each level of the cosine schedule.

    Source: Nichol and Dhariwal 2021, "Improved Denoising Diffusion Probabilistic Models",
    equation 17 (arXiv:2102.09672).
    """

    def share(time: float) -> float:
        return math.cos((time + 0.008) / 1.008 * math.pi / 2) ** 2

    steps = (
        min(1 - share((step + 1) / _LEVELS) / share(step / _LEVELS), 0.999)
        for step in range(_LEVELS)
    )
    betas = torch.tensor(list(steps), dtype=torch.float64)
    return torch.cumprod(1.0 - betas, dim=0)


def add_noise(embeds: torch.Tensor, amount: float, seed: int) -> torch.Tensor:
    """Return ``(batch, 2 * width)``: noised picture embeddings and the level as waves.

    Args:
        embeds: ``(batch, width)``.
        amount: 0 to 1.
        seed: Of the noise.
    """
    level = round((_LEVELS - 1) * amount)
    share = float(_signal_shares()[level])
    generator = torch.Generator().manual_seed(seed % 2**64)
    noise = torch.randn(embeds.shape, generator=generator).to(embeds)
    noised = math.sqrt(share) * embeds + math.sqrt(1.0 - share) * noise
    waves = timestep_embedding(torch.tensor([float(level)]), embeds.shape[1])
    return torch.cat([noised, waves.to(embeds).expand(embeds.shape[0], -1)], dim=1)


def unclip_vector(values: Mapping[str, Any], width: int) -> torch.Tensor:
    """Return the vector condition of the pictures on a prompt; zeros without any.

    Args:
        values: Of the prompt; ``unclip_conditioning`` lists pictures with ``strength`` and
            ``noise_augmentation``.
        width: Of the vector: embedding and level side by side.
    """
    entries = values.get("unclip_conditioning")
    if not entries:
        return torch.zeros(1, width)
    seed = int(values.get("seed") or 0) + _SEED_OFFSET
    parts: list[torch.Tensor] = []
    for entry in entries:
        for embeds in entry["clip_vision_output"].image_embeds:
            noised = add_noise(embeds[None].float(), entry["noise_augmentation"], seed)
            parts.append(noised * entry["strength"])
    if parts[0].shape[1] != width:
        raise ValueError(
            "This picture encoder does not belong to this unCLIP model: take the one of the same "
            "checkpoint, from unCLIPCheckpointLoader."
        )
    if len(parts) == 1:
        return parts[0]
    mixed: torch.Tensor = torch.stack(parts).sum(dim=0)
    merge = float(values.get("unclip_noise_augment_merge", _MERGED_NOISE))
    return add_noise(mixed[:, : width // 2], merge, seed)


def _family(name: str, title: str, width: int) -> Family:
    def fits(facts: UNetFacts) -> bool:
        return (
            facts.context_dim == 1024
            and facts.model_channels == 320
            and facts.use_linear
            and facts.adm_in_channels == width
        )

    return Family(
        name=name,
        title=title,
        matches=unet_matcher(fits),
        make_network=classic_unet(HeadRule(count=-1, size=64)),
        sampling=sd2.FAMILY.sampling,
        latent_format=SD15,
        text=sd2.FAMILY.text,
        text_prefixes=sd2.FAMILY.text_prefixes,
        vector=functools.partial(unclip_vector, width=width),
        attention_float32=True,
    )


FAMILY_L: Final = _family("SD21UnclipL", "Stable Diffusion 2.1 unCLIP (L)", 1536)
FAMILY_H: Final = _family("SD21UnclipH", "Stable Diffusion 2.1 unCLIP (H)", 2048)
