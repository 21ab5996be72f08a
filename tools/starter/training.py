"""Training of the starter model's two networks, resumable, by the clock."""

from __future__ import annotations

import copy
import math
import os
import random
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the customary name
from numpy.typing import NDArray
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from app.engine.models.starter_network import StarterNetwork, StarterShape
from app.engine.models.starter_text import WORDS, StarterTextModel
from app.engine.models.starter_vae import LEARNED, StarterUpscaler
from tools.starter.batches import Batches, turn_hue, vocabulary
from tools.starter.pictures import Picture

SHAPE = StarterShape()
_WARM_UP_STEPS = 300
_QUIET = {"conv2", "level", "level_blocks", "to_out_text", "tail_out", "last"}
"""Layers that end a residual branch."""
_FADE_SHARE = 0.3
"""Share of the time, at the end, over which the learning rate falls to nothing."""

_LONGEST_STEP_S = 30.0
"""More than that is a machine that slept or a training that was halted; it does not count."""


class Denoiser(nn.Module):
    """Network and text encoder, trained together."""

    def __init__(self, words: int) -> None:
        super().__init__()
        width = SHAPE.text_width
        self.text = StarterTextModel(
            {"word_embedding.weight": (words, width), "place_embedding.weight": (WORDS, width)}
        )
        self.network = StarterNetwork(SHAPE)

    def forward(self, x: torch.Tensor, t: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
        """Return the clean pictures of noisy ``x`` at noise levels ``t``."""
        result: torch.Tensor = self.network(x, t * 1000, self.text(words))
        return result


def start_weights(model: nn.Module) -> None:
    """Give every weight its first value; what ends a residual branch starts at nothing."""
    for name, parameter in model.named_parameters():
        last = name.rsplit(".", 2)[-2:]
        if name.endswith("norm.weight") or ("norm" in last[0] and last[-1] == "weight"):
            nn.init.ones_(parameter)
        elif last[-1] in ("bias", "modulation") or last[0] in _QUIET:
            nn.init.zeros_(parameter)
        elif "embedding" in name or "positions" in name:
            nn.init.normal_(parameter, std=0.5 if "word" in name else 0.1)
        else:
            fan = parameter[0].numel()
            nn.init.normal_(parameter, std=fan**-0.5)


def _optimizers(model: nn.Module, rate: float) -> list[torch.optim.Optimizer]:
    """Muon (Jordan et al. 2024) for the matrices of the blocks, AdamW for everything else."""
    matrices, others = [], []
    for name, parameter in model.named_parameters():
        inside = parameter.ndim == 2 and (".blocks." in name or "text.to_" in name or "mlp" in name)
        (matrices if inside and "modulation" not in name else others).append(parameter)
    found: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(others, rate, (0.9, 0.99), weight_decay=0.01)
    ]
    if matrices:
        found.append(
            torch.optim.Muon(matrices, 2 * rate, weight_decay=0.01, adjust_lr_fn="match_rms_adamw")
        )
    return found


def _rate_at(step: int, share: float) -> float:
    warm = min(1.0, (step + 1) / _WARM_UP_STEPS)
    fade = max(0.0, (share - (1 - _FADE_SHARE)) / _FADE_SHARE)
    return warm * (1 - fade) + 0.003 * fade


def train_denoiser(
    pictures: list[Picture], pixels: NDArray[np.uint8], out: Path, minutes: float, batch: int = 48
) -> None:
    """Train network and text encoder for ``minutes`` in all; go on where ``out`` left off.

    The loss is that of the velocity, with the clean picture as the network's output.
    """
    torch.manual_seed(0)
    numbers = {word: index for index, word in enumerate(vocabulary(pictures))}
    model = Denoiser(len(numbers)).train()
    start_weights(model)
    mean = copy.deepcopy(model)
    optimizers = _optimizers(model, 1.2e-3)
    batches = Batches(pictures, pixels, numbers, random.Random(1))
    saved = out / "denoiser.pt"
    step, spent = 0, 0.0
    if saved.exists():
        state = torch.load(saved, weights_only=True)
        model.load_state_dict(state["model"])
        mean.load_state_dict(state["mean"])
        for optimizer, values in zip(optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(values)
        step, spent = state["step"], state["spent"]
        batches.rng.seed(step)
        torch.manual_seed(step)
    model.network.to(memory_format=torch.channels_last)
    compiled: Any = torch.compile(model) if os.environ.get("STARTER_COMPILE") else model
    rates = [optimizer.param_groups[0]["lr"] for optimizer in optimizers] if step == 0 else None
    rates = rates or [1.2e-3, 2.4e-3]
    losses: list[float] = []
    mark = time.monotonic()
    report = mark
    while spent < minutes * 60:
        factor = _rate_at(step, spent / (minutes * 60))
        for optimizer, rate in zip(optimizers, rates, strict=True):
            for group in optimizer.param_groups:
                group["lr"] = rate * factor
        clean, words = batches.draw(batch)
        t = torch.sigmoid(torch.randn(batch) * 1.1 + 0.4).clamp(0.005, 0.998)
        share = t[:, None, None, None]
        noisy = (1 - share) * clean + share * torch.randn_like(clean)
        with torch.autocast("cpu", torch.bfloat16), sdpa_kernel(SDPBackend.MATH):
            guess = compiled(noisy.contiguous(memory_format=torch.channels_last), t, words)
        error = (guess.float() - clean).square().mean((1, 2, 3))
        loss = (error / t.clamp_min(0.1).square()).mean()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        decay = min(0.9995, (step + 1) / (step + 20))
        with torch.no_grad():
            torch._foreach_lerp_(list(mean.parameters()), list(model.parameters()), 1 - decay)
        losses.append(loss.item())
        step += 1
        now = time.monotonic()
        spent += min(now - mark, _LONGEST_STEP_S)
        mark = now
        if now - report > 60 or spent >= minutes * 60:
            report = now
            average = sum(losses) / len(losses)
            print(f"step {step} {spent / 60:.1f} min loss {average:.4f}", flush=True)
            losses.clear()
            state = {
                "model": model.state_dict(), "mean": mean.state_dict(), "step": step,
                "optimizers": [optimizer.state_dict() for optimizer in optimizers],
                "spent": spent,
            }  # fmt: skip
            torch.save(state, saved.with_suffix(".new"))
            os.replace(saved.with_suffix(".new"), saved)
            mark = time.monotonic()


def train_upscaler(large: NDArray[np.uint8], out: Path, minutes: float, batch: int = 8) -> None:
    """Train the fourfold enlargement for ``minutes`` in all; go on where ``out`` left off."""
    torch.manual_seed(0)
    rng = random.Random(2)
    model = StarterUpscaler().train()
    start_weights(model)
    mean = copy.deepcopy(model)
    model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3, (0.9, 0.99), weight_decay=0.0)
    side = 40 * LEARNED
    saved = out / "upscaler.pt"
    step, before = 0, 0.0
    if saved.exists():
        state = torch.load(saved, weights_only=True)
        model.load_state_dict(state["model"])
        mean.load_state_dict(state["mean"])
        optimizer.load_state_dict(state["optimizer"])
        step, before = state["step"], state["spent"]
        rng.seed(step)
        torch.manual_seed(step)
    began = report = time.monotonic()
    while (spent := before + time.monotonic() - began) < minutes * 60:
        progress = spent / (minutes * 60)
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * 0.5 * (1 + math.cos(math.pi * progress)) + 1e-6
        pieces = []
        for _ in range(batch):
            top, left = (rng.randrange(0, large.shape[1] - side + 1) for _ in range(2))
            piece = large[rng.randrange(len(large)), top : top + side, left : left + side]
            pieces.append(piece[:, ::-1] if rng.random() < 0.5 else piece)
        values = torch.from_numpy(np.stack(pieces)).permute(0, 3, 1, 2).float() / 255
        alpha = values[:, 3:]
        plain = (values[:, :3] / alpha.clamp_min(1e-3)).clamp(0, 1)
        turned = turn_hue(plain, torch.rand(batch) * 360) * alpha
        keep = torch.rand(batch, 1, 1, 1) < 0.6
        ground = torch.where(torch.rand(batch, 1, 1, 1) < 0.7, 1.0, torch.rand(batch, 3, 1, 1))
        sharp = (torch.where(keep, values[:, :3], turned) + ground * (1 - alpha)) * 2 - 1
        small = F.avg_pool2d(sharp, LEARNED)
        soft = F.avg_pool2d(F.pad(small, (1, 1, 1, 1), mode="replicate"), 3, 1)
        blend = torch.rand(batch, 1, 1, 1) * 0.5
        small = small * (1 - blend) + soft * blend
        small = small + torch.randn_like(small) * (torch.rand(batch, 1, 1, 1) * 0.06)
        with torch.autocast("cpu", torch.bfloat16):
            guess = model(small.contiguous(memory_format=torch.channels_last))
        guess = guess.float()
        edges = sum(
            (torch.diff(guess, dim=axis) - torch.diff(sharp, dim=axis)).abs().mean()
            for axis in (2, 3)
        )
        loss = (guess - sharp).abs().mean() + 2 * edges
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step += 1
        decay = min(0.998, step / (step + 10))
        with torch.no_grad():
            torch._foreach_lerp_(list(mean.parameters()), list(model.parameters()), 1 - decay)
        if time.monotonic() - report > 30:
            report = time.monotonic()
            print(f"upscaler step {step} {spent / 60:.1f} min loss {loss.item():.4f}", flush=True)
            _save_upscaler(saved, model, mean, optimizer, step, spent)
    _save_upscaler(saved, model, mean, optimizer, step, minutes * 60)


def _save_upscaler(
    target: Path,
    model: nn.Module,
    mean: nn.Module,
    optimizer: torch.optim.Optimizer,
    step: int,
    spent: float,
) -> None:
    state = {
        "model": model.state_dict(), "mean": mean.state_dict(), "step": step,
        "optimizer": optimizer.state_dict(), "spent": spent,
    }  # fmt: skip
    torch.save(state, target.with_suffix(".new"))
    os.replace(target.with_suffix(".new"), target)
