"""Samplers of node packs here, and ours for node packs.

Packs write and call samplers as ``function(model, x, sigmas, extra_args, callback, disable,
**options)``, with a ``callback`` that takes a dictionary. That form comes from Katherine
Crowson's k-diffusion library.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from app.engine.diffusion.samplers.denoiser import Denoiser, SamplerFunction, StepReport

PackSampler = Callable[..., torch.Tensor]


def from_pack_sampler(function: PackSampler) -> SamplerFunction:
    """Return a pack's sampler in our form."""

    def sample(
        denoiser: Denoiser, x: torch.Tensor, sigmas: torch.Tensor, **options: Any
    ) -> torch.Tensor:
        def callback(values: dict[str, Any]) -> None:
            sigma = torch.as_tensor(values.get("sigma", sigmas[0]))
            sigma_hat = torch.as_tensor(values.get("sigma_hat", sigma))
            report = StepReport(values["i"], values["x"], values["denoised"], sigma, sigma_hat)
            if denoiser.callback is not None:
                denoiser.callback(report)

        return function(
            denoiser.model,
            x,
            sigmas.to(x.device),
            extra_args=denoiser.extra_args,
            callback=callback,
            disable=True,
            **options,
        )

    return sample


def to_pack_sampler(
    function: SamplerFunction, make_denoiser: Callable[..., Denoiser] = Denoiser
) -> PackSampler:
    """Return one of our samplers in the form that packs call.

    Args:
        function: The algorithm.
        make_denoiser: Called as :class:`Denoiser` is; packs may choose where noise comes from.
    """

    def sample(
        model: Any,
        x: torch.Tensor,
        sigmas: torch.Tensor,
        extra_args: dict[str, Any] | None = None,
        callback: Callable[[dict[str, Any]], None] | None = None,
        disable: bool | None = None,
        noise_sampler: Any = None,
        **options: Any,
    ) -> torch.Tensor:
        def report(step: StepReport) -> None:
            if callback is not None:
                callback(
                    {
                        "x": step.x,
                        "i": step.step,
                        "sigma": step.sigma,
                        "sigma_hat": step.sigma_hat,
                        "denoised": step.denoised,
                    }
                )

        denoiser = make_denoiser(
            model,
            _sampling_rules(model),
            dict(extra_args or {}),
            report,
            noise_sampler,
        )
        return function(denoiser, x, sigmas.detach().cpu().float().clone(), **options)

    return sample


def _sampling_rules(model: Any) -> Any:
    """Return the rules of the network inside; None for a plain function of a pack."""
    guider = getattr(model, "inner_model", None)
    return getattr(getattr(guider, "inner_model", guider), "model_sampling", None)
