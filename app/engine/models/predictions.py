"""What a network predicts, and which noise levels it knows.

A model's sampling rules have two halves. A table of noise levels lists what the
model was trained on and turns levels into the timesteps its network is told. A
:class:`Prediction` scales the network's input and turns its output into a denoised latent.
:func:`combine` joins the two; :func:`make_model_sampling` does so for a named kind of model.

Everything lies on the CPU in float32; methods that take tensors answer on the device of their
argument. The rules are D-047 to D-050.
"""

from __future__ import annotations

import enum
import functools
from collections.abc import Mapping
from typing import Any

import torch

from app.engine.models.sigma_tables import (
    CascadeTable,
    ContinuousEdmTable,
    ContinuousVTable,
    CosmosFlowTable,
    DiscreteTable,
    DistilledTable,
    FlowTable,
    FluxTable,
    SigmaTable,
)


def _per_item(sigma: torch.Tensor, ndim: int) -> torch.Tensor:
    """Shape ``(batch,)`` so that it multiplies tensors of ``ndim`` axes item by item."""
    if sigma.numel() == 1:
        return sigma.reshape(())
    return sigma.reshape(sigma.shape[:1] + (1,) * (ndim - 1))


class Prediction:
    """Scaling of a network that predicts the noise of ``x = latent + sigma * noise``.

    Attributes:
        sigma_data: Standard deviation of clean latents that the scaling assumes.
    """

    sigma_data: float = 1.0

    def calculate_input(self, sigma: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Return what the network sees of the noisy latent ``noise`` (D-047).

        Args:
            sigma: ``(batch,)`` or one value.
            noise: ``(batch, channels, ...)``.
        """
        sigma = _per_item(sigma, noise.ndim)
        return noise / (sigma**2 + self.sigma_data**2) ** 0.5

    def calculate_denoised(
        self, sigma: torch.Tensor, model_output: torch.Tensor, model_input: torch.Tensor
    ) -> torch.Tensor:
        """Return the denoised latent from the network's output (D-047).

        Args:
            sigma: ``(batch,)`` or one value.
            model_output: What the network gave.
            model_input: The noisy latent before :meth:`calculate_input`.
        """
        return model_input - model_output * _per_item(sigma, model_output.ndim)

    def noise_scaling(
        self,
        sigma: torch.Tensor,
        noise: torch.Tensor,
        latent_image: torch.Tensor,
        max_denoise: bool = False,
    ) -> torch.Tensor:
        """Return ``latent_image`` with ``noise`` at level ``sigma`` (D-048).

        Args:
            sigma: One value or ``(batch,)``.
            noise: Standard normal values.
            latent_image: The clean latent, of the same shape.
            max_denoise: Whether the run starts from pure noise.
        """
        sigma = _per_item(sigma, noise.ndim)
        scale = torch.sqrt(1.0 + sigma**2) if max_denoise else sigma
        return noise * scale + latent_image

    def inverse_noise_scaling(self, sigma: torch.Tensor, latent: torch.Tensor) -> torch.Tensor:
        """Undo the scaling of the last state of a run that ended at ``sigma`` (D-049)."""
        return latent


class EpsilonPrediction(Prediction):
    """The network predicts the noise (Ho et al. 2020, arXiv:2006.11239)."""


class VPrediction(Prediction):
    """The network predicts velocity (Salimans and Ho 2022, arXiv:2202.00512)."""

    output_sign = -1.0

    def calculate_denoised(
        self, sigma: torch.Tensor, model_output: torch.Tensor, model_input: torch.Tensor
    ) -> torch.Tensor:
        """See :meth:`Prediction.calculate_denoised`."""
        sigma = _per_item(sigma, model_output.ndim)
        total = sigma**2 + self.sigma_data**2
        skip = model_input * self.sigma_data**2 / total
        return skip + self.output_sign * model_output * sigma * self.sigma_data / total**0.5


class EdmPrediction(VPrediction):
    """Preconditioning of Karras et al. 2022 (arXiv:2206.00364, table 1)."""

    output_sign = 1.0


class X0Prediction(EpsilonPrediction):
    """The network predicts the denoised latent itself."""

    def calculate_denoised(
        self, sigma: torch.Tensor, model_output: torch.Tensor, model_input: torch.Tensor
    ) -> torch.Tensor:
        """Return ``model_output``."""
        return model_output


class ImageToImagePrediction(X0Prediction):
    """The network sees the latent unscaled and gives the denoised one."""

    def calculate_input(self, sigma: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Return ``noise`` unchanged."""
        return noise


class FlowPrediction(Prediction):
    """The network predicts the velocity of ``x = (1 - sigma) * latent + sigma * noise``.

    Source: Liu et al. 2022, "Flow Straight and Fast" (arXiv:2209.03003).
    """

    def calculate_input(self, sigma: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Return ``noise`` unchanged."""
        return noise

    def noise_scaling(
        self,
        sigma: torch.Tensor,
        noise: torch.Tensor,
        latent_image: torch.Tensor,
        max_denoise: bool = False,
    ) -> torch.Tensor:
        """See :meth:`Prediction.noise_scaling`; ``max_denoise`` changes nothing."""
        sigma = _per_item(sigma, noise.ndim)
        return sigma * noise + (1.0 - sigma) * latent_image

    def inverse_noise_scaling(self, sigma: torch.Tensor, latent: torch.Tensor) -> torch.Tensor:
        """Divide by the share of the latent in the mix."""
        return latent / (1.0 - _per_item(sigma, latent.ndim))


class FlowX0Prediction(FlowPrediction):
    """Mixes noise as :class:`FlowPrediction`; the network gives the denoised latent."""

    def calculate_denoised(
        self, sigma: torch.Tensor, model_output: torch.Tensor, model_input: torch.Tensor
    ) -> torch.Tensor:
        """Return ``model_output``."""
        return model_output


class CosmosFlowPrediction(Prediction):
    """A flow network driven with the sigmas of ``x = latent + sigma * noise``."""

    def calculate_input(self, sigma: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Return ``noise`` as the flow's mix at time ``sigma / (sigma + 1)``."""
        time = sigma / (sigma + 1)
        return noise * (1.0 - _per_item(time, noise.ndim))

    def calculate_denoised(
        self, sigma: torch.Tensor, model_output: torch.Tensor, model_input: torch.Tensor
    ) -> torch.Tensor:
        """See :meth:`Prediction.calculate_denoised`."""
        time = _per_item(sigma / (sigma + 1), model_output.ndim)
        return model_input * (1.0 - time) - model_output * time

    def noise_scaling(
        self,
        sigma: torch.Tensor,
        noise: torch.Tensor,
        latent_image: torch.Tensor,
        max_denoise: bool = False,
    ) -> torch.Tensor:
        """See :meth:`Prediction.noise_scaling`; ``max_denoise`` changes nothing."""
        return noise * _per_item(sigma, noise.ndim) + latent_image


class LcmPrediction(EpsilonPrediction):
    """Boundary conditions of consistency models (Luo et al. 2023, arXiv:2310.04378; D-050).

    It needs a table whose timesteps count to 999.
    """

    def calculate_denoised(
        self, sigma: torch.Tensor, model_output: torch.Tensor, model_input: torch.Tensor
    ) -> torch.Tensor:
        """See :meth:`Prediction.calculate_denoised`."""
        assert isinstance(self, SigmaTable)
        time = _per_item(self.timestep(sigma), model_output.ndim).to(model_output.dtype) * 10.0
        x0 = model_input - model_output * _per_item(sigma, model_output.ndim)
        total = time**2 + 0.25
        return time / total**0.5 * x0 + 0.25 / total * model_input


class ModelSampling(SigmaTable, Prediction):
    """Both halves of a model's sampling rules; made by :func:`combine`."""


class ModelType(enum.Enum):
    """Kinds of model by table and prediction."""

    EPS = (DiscreteTable, EpsilonPrediction)
    V_PREDICTION = (DiscreteTable, VPrediction)
    X0 = (DiscreteTable, X0Prediction)
    LCM = (DistilledTable, LcmPrediction)
    V_PREDICTION_EDM = (ContinuousEdmTable, VPrediction)
    V_PREDICTION_CONTINUOUS = (ContinuousVTable, VPrediction)
    EDM = (ContinuousEdmTable, EdmPrediction)
    STABLE_CASCADE = (CascadeTable, EpsilonPrediction)
    FLOW = (FlowTable, FlowPrediction)
    FLOW_X0 = (FlowTable, FlowX0Prediction)
    FLUX = (FluxTable, FlowPrediction)
    IMG_TO_IMG = (DiscreteTable, ImageToImagePrediction)
    IMG_TO_IMG_FLOW = (FlowTable, ImageToImagePrediction)
    FLOW_COSMOS = (CosmosFlowTable, CosmosFlowPrediction)


@functools.cache
def combine(table: type[SigmaTable], prediction: type[Prediction]) -> type[ModelSampling]:
    """Return the class that joins a table with a prediction; the table's settings make it."""
    name = table.__name__.removesuffix("Table") + prediction.__name__.removesuffix("Prediction")
    return type(
        f"{name}Sampling", (table, prediction, ModelSampling), {"__doc__": prediction.__doc__}
    )


def make_model_sampling(
    model_type: ModelType, settings: Mapping[str, Any] | None = None
) -> ModelSampling:
    """Return new sampling rules.

    Args:
        model_type: The kind of model.
        settings: What the kind's table reads; see its class.
    """
    sampling_class: Any = combine(*model_type.value)
    sampling: ModelSampling = sampling_class(settings)
    return sampling
