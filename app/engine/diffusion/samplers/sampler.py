"""An algorithm with its options, and one run of it from noise to the last latent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from app.engine.diffusion.inpainting import InpaintedModel
from app.engine.diffusion.noise import start_noise
from app.engine.diffusion.samplers.denoiser import Denoiser, SamplerFunction, StepReport
from app.engine.diffusion.samplers.exchange import PackSampler, to_pack_sampler
from app.engine.models.predictions import ModelSampling

StepCallback = Callable[[int, torch.Tensor, torch.Tensor, int], None]
"""``callback(step, denoised, x, total)`` with latents in the sampler's scale (D-064)."""


def is_max_denoise(model_sampling: ModelSampling, sigmas: torch.Tensor) -> bool:
    """Tell whether a run starts from pure noise (D-048)."""
    highest, first = float(model_sampling.sigma_max), float(sigmas[0])
    return first > highest or abs(first - highest) <= 1e-5 * max(first, highest)


@dataclass(frozen=True, slots=True)
class Sampler:
    """An algorithm with its options.

    Attributes:
        name: Its name in the menu, or any other for an algorithm of a node pack.
        function: The algorithm.
        options: Passed to it by name.
        fresh_inpaint_noise: Whether the kept part of an inpainted latent gets noise of its own
            (D-010).
    """

    name: str
    function: SamplerFunction
    options: Mapping[str, Any] = field(default_factory=dict)
    fresh_inpaint_noise: bool = False

    @property
    def sampler_function(self) -> PackSampler:
        """Return the algorithm in the form that node packs call."""
        return to_pack_sampler(self.function)

    @property
    def extra_options(self) -> dict[str, Any]:
        """Return the options, under the name that node packs know."""
        return dict(self.options)

    @property
    def inpaint_options(self) -> dict[str, Any]:
        """Return ``{"random": True}`` for :attr:`fresh_inpaint_noise`, as node packs have it."""
        return {"random": True} if self.fresh_inpaint_noise else {}

    def max_denoise(self, model_wrap: Any, sigmas: torch.Tensor) -> bool:
        """Tell whether a run starts from pure noise; the name is that of node packs."""
        return is_max_denoise(model_wrap.inner_model.model_sampling, sigmas)

    def sample(
        self,
        model_wrap: Any,
        sigmas: torch.Tensor,
        extra_args: dict[str, Any],
        callback: StepCallback | None,
        noise: torch.Tensor,
        latent_image: torch.Tensor | None = None,
        denoise_mask: torch.Tensor | None = None,
        disable_pbar: bool = False,
    ) -> torch.Tensor:
        """Run the algorithm; name and parameters are those of node packs.

        Args:
            model_wrap: A guider during its run; its ``inner_model`` is the network.
            sigmas: Falling levels ``(steps + 1,)``, at least one; not changed.
            extra_args: Passed to each call of the model: ``model_options`` and ``seed``.
            callback: Told once a step.
            noise: Standard normal values in the shape of the latent.
            latent_image: The latent in the sampler's scale; None is zeros.
            denoise_mask: In the shape of the latent, 1 where it may change; None is everywhere.
            disable_pbar: For packs; nothing is printed here.

        Returns:
            The last latent, in the sampler's scale.
        """
        # Levels stay on the CPU, where reading them never waits for a device; some
        # algorithms change their list.
        levels = sigmas.detach().to(device="cpu", dtype=torch.float32).clone()
        model_sampling: ModelSampling = model_wrap.inner_model.model_sampling
        if latent_image is None:
            latent_image = torch.zeros_like(noise)
        kept_noise = noise
        if self.fresh_inpaint_noise:
            seed = extra_args.get("seed")
            kept_noise = start_noise(noise, ((seed or 0) + 1) % 2**64).to(noise)
        inpainted = InpaintedModel(model_wrap, sigmas, latent_image, kept_noise)
        x = model_sampling.noise_scaling(
            levels[0], noise, latent_image, self.max_denoise(model_wrap, levels)
        )
        total = len(levels) - 1

        def on_step(report: StepReport) -> None:
            if callback is not None:
                callback(report.step, report.denoised, report.x, total)

        denoiser = Denoiser(
            inpainted, model_sampling, {**extra_args, "denoise_mask": denoise_mask}, on_step
        )
        last = self.function(denoiser, x, levels, **self.options)
        return model_sampling.inverse_noise_scaling(levels[-1], last)
