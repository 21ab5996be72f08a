"""Models without a network, in the shape that sampling asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sampling_toy as toy
import torch
from diffusion_records import sampling_of

from app.engine.models.conds import Cond, CondCrossAttention
from app.engine.models.latent_formats import LatentFormat
from app.engine.models.predictions import FlowPrediction, ModelSampling


class ToyModel:
    """A network whose denoised latent is a formula; records its calls."""

    def __init__(self, sampling: ModelSampling, formula: Callable[..., torch.Tensor]) -> None:
        self.model_sampling = sampling
        self.latent_format = LatentFormat("toy")
        self.formula = formula
        self.calls: list[tuple[list[int], list[int]]] = []
        self.sigmas: list[float] = []
        self.memory_bytes = 0.0

    def apply_model(self, x: torch.Tensor, t: torch.Tensor, **conds: Any) -> torch.Tensor:
        options = conds["transformer_options"]
        self.calls.append((list(x.shape), options["cond_or_uncond"]))
        self.sigmas.append(float(t[0]))
        return self.formula(x, t, conds)

    def extra_conds(self, **values: Any) -> dict[str, Cond]:
        if "cross_attn" not in values:
            return {}
        return {"c_crossattn": CondCrossAttention(values["cross_attn"])}

    def memory_required(self, input_shape: Any, cond_shapes: Any = None) -> float:
        return self.memory_bytes * input_shape[0]

    def process_latent_in(self, latent: torch.Tensor) -> torch.Tensor:
        return self.latent_format.process_in(latent)

    def process_latent_out(self, latent: torch.Tensor) -> torch.Tensor:
        return self.latent_format.process_out(latent)


class ToyPatcher:
    """A model as nodes hand it around."""

    def __init__(self, model: ToyModel) -> None:
        self.model = model
        self.model_options: dict[str, Any] = {"transformer_options": {}}
        self.load_device = torch.device("cpu")

    def get_model_object(self, name: str) -> Any:
        return getattr(self.model, name)


def guided_toy(kind: str) -> ToyPatcher:
    """Return the model of the recorded sampler cases: ``toy.denoise`` by role."""
    sampling = sampling_of(kind)
    flow = isinstance(sampling, FlowPrediction)

    def formula(x: torch.Tensor, t: torch.Tensor, conds: dict[str, Any]) -> torch.Tensor:
        parts = x.chunk(len(conds["transformer_options"]["cond_or_uncond"]))
        sigmas = t.chunk(len(parts))
        roles = conds["transformer_options"]["cond_or_uncond"]
        return torch.cat(
            [
                toy.denoise(part, sigma, flow, positive=role == 0)
                for part, sigma, role in zip(parts, sigmas, roles, strict=True)
            ]
        )

    return ToyPatcher(ToyModel(sampling, formula))


PROMPT = [[torch.zeros(1, 77, 8), {}]]
"""A prompt that fits :func:`guided_toy`, which looks at roles alone."""
