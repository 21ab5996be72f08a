"""What sampling asks of a model: the shapes that real models and small ones in tests share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch

from app.engine.models.conds import Cond
from app.engine.models.latent_formats import LatentFormat
from app.engine.models.predictions import ModelSampling

CondEntry = dict[str, Any]
"""One entry of a prompt during a run: ``cross_attn``, ``area``, ``mask``, ``strength``, ... and,
once encoded, ``model_conds``."""

CondLists = dict[str, list[CondEntry]]
"""The entries by role: ``"positive"``, ``"negative"`` and what a guider adds."""

Conditioning = Sequence[Sequence[Any]]
"""A prompt as nodes hand it around: ``[[tensor or None, {key: value}], ...]``."""


class InnerModel(Protocol):
    """A network with its sampling rules."""

    model_sampling: ModelSampling
    latent_format: LatentFormat

    def apply_model(self, x: torch.Tensor, t: torch.Tensor, **conds: Any) -> torch.Tensor:
        """Return the denoised latent of ``x`` ``(batch, ...)`` at sigma ``t`` ``(batch,)``."""
        ...

    def extra_conds(self, **values: Any) -> dict[str, Cond]:
        """Return the network's inputs for one entry of a prompt."""
        ...

    def memory_required(
        self, input_shape: Sequence[int], cond_shapes: Mapping[str, Any] | None = None
    ) -> float:
        """Estimate the working memory of one call in bytes."""
        ...

    def process_latent_in(self, latent: torch.Tensor) -> torch.Tensor:
        """Return a latent of a node in the sampler's scale."""
        ...

    def process_latent_out(self, latent: torch.Tensor) -> torch.Tensor:
        """Return a sampled latent in the scale of nodes."""
        ...


class PatchedModel(Protocol):
    """A model as nodes hand it around, with the patches of those nodes.

    A ``prepare_sampling(noise_shape, conds)`` of it, if there is one, gives a context manager
    within which the weights lie where they are needed.

    Attributes:
        model: The network; in use only while sampling.
        model_options: Hooks of nodes and packs; see :mod:`app.engine.diffusion.guidance`.
        load_device: Where it computes.
    """

    model: Any
    model_options: dict[str, Any]
    load_device: torch.device

    def get_model_object(self, name: str) -> Any:
        """Return a part by its dotted name, as patched."""
        ...
