"""``comfy.model_sampling``: what networks predict, and which noise levels they know.

A pack joins a table with a prediction by deriving from both, and makes the result from a
model's configuration: ``Sampling(model.model.model_config)``. The models that are loaded here
have such objects too, so packs can tell them apart with ``isinstance``.
"""

from __future__ import annotations

from typing import Any

import torch

from app.engine.models.predictions import (
    CosmosFlowPrediction,
    EdmPrediction,
    EpsilonPrediction,
    FlowPrediction,
    ImageToImagePrediction,
    LcmPrediction,
    VPrediction,
    X0Prediction,
)
from app.engine.models.sigma_tables import (
    CascadeTable,
    ContinuousEdmTable,
    ContinuousVTable,
    CosmosFlowTable,
    DiscreteTable,
    DistilledTable,
    FlowTable,
    FluxTable,
    rescale_zero_terminal_snr,
    shift_time,
    shift_time_exponentially,
)

EPS = EpsilonPrediction
V_PREDICTION = VPrediction
EDM = EdmPrediction
CONST = FlowPrediction
X0 = X0Prediction
IMG_TO_IMG = ImageToImagePrediction
COSMOS_RFLOW = CosmosFlowPrediction
LCM = LcmPrediction

ModelSamplingDiscrete = DiscreteTable
ModelSamplingDiscreteDistilled = DistilledTable
ModelSamplingContinuousEDM = ContinuousEdmTable
ModelSamplingContinuousV = ContinuousVTable
ModelSamplingDiscreteFlow = FlowTable
ModelSamplingFlux = FluxTable
ModelSamplingCosmosRFlow = CosmosFlowTable
StableCascadeSampling = CascadeTable


def rescale_zero_terminal_snr_sigmas(sigmas: torch.Tensor) -> torch.Tensor:
    """Stretch levels so that the last one is nearly pure noise (D-041)."""
    return rescale_zero_terminal_snr(sigmas)


def time_snr_shift(alpha: float, t: Any) -> Any:
    """Move flow times towards noise for ``alpha`` above 1 (D-044)."""
    return shift_time(alpha, t)


def flux_time_shift(mu: float, sigma: float, t: Any) -> Any:
    """Move flow times as Flux does, by ``exp(mu)`` (D-045); ``sigma`` is 1 everywhere."""
    if sigma == 1.0:
        return shift_time_exponentially(mu, t)
    power = torch.as_tensor(mu).exp()
    return power / (power + (1 / t - 1) ** sigma)


def reshape_sigma(sigma: torch.Tensor, noise_dim: int) -> torch.Tensor:
    """Shape ``(batch,)`` so that it multiplies tensors of ``noise_dim`` axes item by item."""
    if sigma.nelement() == 1:
        return sigma.view(())
    return sigma.view(sigma.shape[:1] + (1,) * (noise_dim - 1))
