"""Training states to the checkpoint that ships."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from app.engine.models.families.starter import SHIFT
from app.engine.models.starter_prompt import PREFIX, VOCABULARY
from tools.starter import pictures
from tools.starter.batches import vocabulary

FILE_NAME = "easel_starter.safetensors"
_SHIFT = 2.0
"""Moves sampling steps to high noise, where the picture is decided."""


def export(work: Path, out: Path) -> Path:
    """Write the checkpoint from the averaged weights in ``work``, in float16."""
    known, _, _ = pictures.load(work)
    state = torch.load(work / "denoiser.pt", weights_only=True)
    tensors = {"model.diffusion_model." + SHIFT: torch.tensor(_SHIFT)}
    for name, tensor in state["mean"].items():
        part, _, rest = name.partition(".")
        prefix = PREFIX if part == "text" else "model.diffusion_model."
        tensors[prefix + rest] = tensor.half().contiguous()
    words = "\n".join(vocabulary(known)).encode()
    tensors[PREFIX + VOCABULARY] = torch.frombuffer(bytearray(words), dtype=torch.uint8)
    upscaler = torch.load(work / "upscaler.pt", weights_only=True)
    for name, tensor in upscaler["mean"].items():
        tensors["first_stage_model.upscaler." + name] = tensor.half().contiguous()
    details = {"steps": state["step"], "minutes": round(state["spent"] / 60)}
    metadata = {
        "format": "pt",
        "modelspec.title": "Easel starter model",
        "modelspec.prediction_type": "flow matching, clean picture",
        "modelspec.resolution": "64x64, decoded to 512x512",
        "modelspec.license": "MIT; trained on Fluent Emoji (MIT, Microsoft)",
        "training": json.dumps(details),
    }
    folder = out / "checkpoints"
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / FILE_NAME
    save_file(tensors, target, metadata)
    target.chmod(0o644)
    print(f"{target.name}: {target.stat().st_size / 1e6:.2f} MB, {details}")
    return target
