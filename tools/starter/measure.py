"""What the model card says: how near its pictures are to those it learned, and to what it did not.

Everything goes through the program's own loader and sampler.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from app.engine.diffusion.run import sample_latent
from app.engine.models.loading import load_checkpoint
from tools.starter import pictures
from tools.starter.batches import turn_hue
from tools.starter.captions import COLOURS, is_held_out, without_colours
from tools.starter.pictures import Picture


def _draw(checkpoint: Any, prompts: Sequence[str], seed: int) -> torch.Tensor:
    """Return ``(n, 3, 64, 64)`` in 0..1, one for each prompt."""
    clip = checkpoint.clip
    results = []
    for number, prompt in enumerate(prompts):
        conds = [clip.encode_from_tokens_scheduled(clip.tokenize(text)) for text in (prompt, "")]
        latent = {"samples": torch.zeros(1, 3, 64, 64)}
        drawn = sample_latent(
            checkpoint.model, seed + number, 24, 3.0, "euler", "simple", *conds, latent
        )
        results.append(drawn["samples"])
    return (torch.cat(results).clamp(-1, 1) + 1) / 2


def _on_white(small: NDArray[np.uint8]) -> torch.Tensor:
    values = torch.from_numpy(small).float().movedim(-1, -3) / 255
    return values[..., :3, :, :] + 1 - values[..., 3:, :, :]


def _nearest(drawn: torch.Tensor, known: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the least root mean square distance to ``known``, either way round, and its place."""
    small = torch.nn.functional.avg_pool2d
    both = torch.cat([known, known.flip(-1)])
    distances = torch.cdist(small(drawn, 2).flatten(1), small(both, 2).flatten(1))
    least, place = distances.min(1)
    return least / (3 * 32 * 32) ** 0.5, place % len(known)


def _apart(one: float, other: float) -> float:
    return abs((one - other + 180) % 360 - 180)


def measure(work: Path, checkpoint_file: Path, count: int = 60) -> None:
    """Print how the checkpoint does on ``count`` learned and ``count`` held-out captions."""
    known, small, _ = pictures.load(work)
    checkpoint = load_checkpoint(checkpoint_file)
    rng = random.Random(7)
    solid = [item for item in known if item.style == "3d"]
    every = torch.cat([_on_white(small[:, scale]) for scale in range(small.shape[1])])
    learned = rng.sample(solid, count)
    distance, place = _nearest(_draw(checkpoint, [f"{p.name} 3d" for p in learned], 100), every)
    right = sum(
        known[int(index) % len(known)].name == item.name
        for index, item in zip(place, learned, strict=True)
    )
    print(f"learned captions: nearest picture is the named one {right}/{count}")
    print(f"  distance to it: median {distance.median():.3f}, 90 % {distance.quantile(0.9):.3f}")
    between = torch.pdist(torch.nn.functional.avg_pool2d(every[: len(known)], 2).flatten(1)[::2])
    print(f"  between two learned pictures: median {between.median() / 3072**0.5:.3f}")
    pairs = [
        (item, colour)
        for item in solid
        if item.hue >= 0
        for colour in COLOURS
        if is_held_out(item.name, colour) and _apart(COLOURS[colour], item.hue) > 40
    ]
    chosen = rng.sample(pairs, min(count, len(pairs)))
    _held_out(checkpoint, chosen, known, small)


def _held_out(
    checkpoint: Any,
    chosen: Sequence[tuple[Picture, str]],
    known: Sequence[Picture],
    small: NDArray[np.uint8],
) -> None:
    """Compare with the recoloured picture that was never shown, and with the one that was."""
    prompts = [f"{colour} {without_colours(item.captions[0])} 3d" for item, colour in chosen]
    drawn = _draw(checkpoint, prompts, 500)
    nearer = 0
    for picture, (item, colour) in zip(drawn, chosen, strict=True):
        index = next(i for i, other in enumerate(known) if other is item)
        values = torch.from_numpy(small[index]).float().movedim(-1, 1) / 255
        alpha = values[:, 3:]
        turn = torch.full((len(values),), COLOURS[colour] - item.hue)
        turned = turn_hue((values[:, :3] / alpha.clamp_min(1e-3)).clamp(0, 1), turn) * alpha
        meant, _ = _nearest(picture[None], turned + 1 - alpha)
        usual, _ = _nearest(picture[None], values[:, :3] + 1 - alpha)
        nearer += bool(meant < usual)
    print(
        f"held-out colours: nearer to the recoloured picture, which was never shown, than to the "
        f"original {nearer}/{len(chosen)}"
    )
