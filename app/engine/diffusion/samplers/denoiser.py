"""What a sampler sees of the model: one function from a noisy latent to a denoised one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

from app.engine.diffusion.noise import BrownianTreeNoise, StepNoise, default_step_noise
from app.engine.models.predictions import FlowPrediction, ModelSampling


@dataclass(frozen=True, slots=True)
class StepReport:
    """What is told after the first model call of a step (D-064).

    Attributes:
        step: Number of the step, from 0.
        x: The noisy latent before the step.
        denoised: The model's estimate of the clean latent.
        sigma: Noise level of the step.
        sigma_hat: Noise level at which the model was called.
    """

    step: int
    x: torch.Tensor
    denoised: torch.Tensor
    sigma: torch.Tensor
    sigma_hat: torch.Tensor


GuidedModel = Callable[..., torch.Tensor]
"""``model(x, sigma, **extra_args)``: from a noisy latent and the level of each item
to the denoised latent, with conditions and guidance."""


@dataclass(slots=True)
class Denoiser:
    """A guided model for one run, as samplers call it.

    Attributes:
        model: From ``(x, sigma of each item, **extra_args)`` to the denoised latent.
        model_sampling: The model's sampling rules.
        extra_args: Passed to every call: ``model_options``, ``seed``, ``denoise_mask``.
        callback: Called once a step.
        noise_source: What gives the noise of the steps, instead of the sampler's own choice.
    """

    model: GuidedModel
    model_sampling: ModelSampling
    extra_args: dict[str, Any] = field(default_factory=dict)
    callback: Callable[[StepReport], None] | None = None
    noise_source: StepNoise | None = None

    @property
    def seed(self) -> int | None:
        """Return the run's seed, or None when it has none."""
        seed: int | None = self.extra_args.get("seed")
        return seed

    @property
    def is_flow(self) -> bool:
        """Tell whether noise is mixed in as ``(1 - sigma) * latent + sigma * noise``."""
        return isinstance(self.model_sampling, FlowPrediction)

    def __call__(self, x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        """Return the denoised latent of ``x`` at the one level ``sigma``."""
        return self.model(x, sigma.to(x.device) * x.new_ones(x.shape[0]), **self.extra_args)

    def report(
        self,
        step: int,
        x: torch.Tensor,
        denoised: torch.Tensor,
        sigma: torch.Tensor,
        sigma_hat: torch.Tensor | None = None,
    ) -> None:
        """Tell the callback of a step."""
        if self.callback is not None:
            hat = sigma if sigma_hat is None else sigma_hat
            self.callback(StepReport(step, x, denoised, sigma, hat))

    def step_noise(self, x: torch.Tensor) -> StepNoise:
        """Return the source of the steps' noise that draws at each call (D-007)."""
        return self.noise_source or default_step_noise(x, self.seed)

    def tree_noise(self, x: torch.Tensor, sigmas: torch.Tensor, on_cpu: bool = True) -> StepNoise:
        """Return the source of the steps' noise that follows a Brownian path (D-008).

        Args:
            x: The latent.
            sigmas: The run's levels, before any of them is moved.
            on_cpu: Whether the path is made on the CPU.
        """
        if self.noise_source is not None:
            return self.noise_source
        return BrownianTreeNoise(x, sigmas[sigmas > 0].min(), sigmas.max(), self.seed, on_cpu)

    def watch_uncond(self) -> UncondWatch:
        """Return what holds the unconditional prediction of the newest call (D-103).

        The negative is then evaluated even at a guidance scale of 1.
        """
        watch = UncondWatch()
        options = dict(self.extra_args.get("model_options", {}))
        options["sampler_post_cfg_function"] = [
            *options.get("sampler_post_cfg_function", ()),
            watch,
        ]
        options["disable_cfg1_optimization"] = True
        self.extra_args = {**self.extra_args, "model_options": options}
        return watch


class UncondWatch:
    """A guidance hook that changes nothing and remembers the unconditional prediction.

    Attributes:
        denoised: That prediction, in the latent's shape; set by each model call.
    """

    denoised: torch.Tensor

    def __call__(self, args: dict[str, Any]) -> torch.Tensor:
        """Remember ``uncond_denoised`` and return ``denoised`` of a post-guidance call."""
        self.denoised = args["uncond_denoised"]
        result: torch.Tensor = args["denoised"]
        return result


SamplerFunction = Callable[..., torch.Tensor]
"""``function(denoiser, x, sigmas, **options)`` gives the last latent; ``sigmas`` is its own."""
