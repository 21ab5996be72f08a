"""``comfy.samplers``: samplers and schedulers by name, and what runs them.

The lists are plain lists, shared under several names: packs put them into ``INPUT_TYPES``
and add to them in place. Everything is looked up through this module when it is used, because
packs put functions of their own in the place of ours. What needs torch lies in
:mod:`comfy._sampling` and is loaded with the first such name.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

KSAMPLER_NAMES = [
    "euler", "euler_cfg_pp", "euler_ancestral", "euler_ancestral_cfg_pp", "heun", "heunpp2",
    "exp_heun_2_x0", "exp_heun_2_x0_sde", "dpm_2", "dpm_2_ancestral", "lms", "dpm_fast",
    "dpm_adaptive", "dpmpp_2s_ancestral", "dpmpp_2s_ancestral_cfg_pp", "dpmpp_sde",
    "dpmpp_sde_gpu", "dpmpp_2m", "dpmpp_2m_cfg_pp", "dpmpp_2m_sde", "dpmpp_2m_sde_gpu",
    "dpmpp_2m_sde_heun", "dpmpp_2m_sde_heun_gpu", "dpmpp_3m_sde", "dpmpp_3m_sde_gpu", "ddpm",
    "lcm", "ipndm", "ipndm_v", "deis", "res_multistep", "res_multistep_cfg_pp",
    "res_multistep_ancestral", "res_multistep_ancestral_cfg_pp", "gradient_estimation",
    "gradient_estimation_cfg_pp", "er_sde", "seeds_2", "seeds_3", "sa_solver", "sa_solver_pece",
]  # fmt: skip
"""Samplers that are functions of ``comfy.k_diffusion.sampling``."""

SAMPLER_NAMES = [*KSAMPLER_NAMES, "ddim", "uni_pc", "uni_pc_bh2"]


class SchedulerHandler(NamedTuple):
    """How a scheduler makes its list.

    Attributes:
        handler: ``handler(model_sampling, steps)``, or with ``use_ms`` False
            ``handler(n=steps, sigma_min=..., sigma_max=...)``.
        use_ms: Whether it takes the model's sampling rules.
    """

    handler: Callable[..., Any]
    use_ms: bool = True


def _ours(name: str) -> SchedulerHandler:
    def handler(model_sampling: Any, steps: int) -> Any:
        from app.engine.diffusion import schedules

        return schedules.calculate_sigmas(model_sampling, name, steps)

    handler.__name__ = f"{name}_scheduler"
    handler.__doc__ = f"Return the noise levels of the scheduler {name}, ``(steps + 1,)``."
    return SchedulerHandler(handler)


SCHEDULER_HANDLERS: dict[str, SchedulerHandler] = {
    name: _ours(name)
    for name in (
        "simple", "sgm_uniform", "karras", "exponential", "ddim_uniform", "beta", "normal",
        "linear_quadratic", "kl_optimal",
    )
}  # fmt: skip

SCHEDULER_NAMES = list(SCHEDULER_HANDLERS)


def _module() -> Any:
    """Return this module, whose names packs may have replaced."""
    return sys.modules[__name__]


def calculate_sigmas(model_sampling: Any, scheduler_name: str, steps: int) -> Any:
    """Return the noise levels of a scheduler.

    Args:
        model_sampling: The model's sampling rules.
        scheduler_name: A key of :data:`SCHEDULER_HANDLERS`.
        steps: Number of steps, at least 1.

    Returns:
        A falling list on the CPU, usually ``(steps + 1,)``.

    Raises:
        ValueError: The scheduler is unknown.
    """
    handler = SCHEDULER_HANDLERS.get(scheduler_name)
    if handler is None:
        known = ", ".join(SCHEDULER_HANDLERS)
        raise ValueError(f'Unknown scheduler "{scheduler_name}"; known are {known}.')
    make, use_ms = handler
    if use_ms:
        return make(model_sampling, steps)
    return make(
        n=steps,
        sigma_min=float(model_sampling.sigma_min),
        sigma_max=float(model_sampling.sigma_max),
    )


class KSampler:
    """A run by names, as the KSampler nodes do it (rules D-020, D-030, D-031, D-060).

    Args:
        model: The patched model.
        steps: Number of steps to be done, at least 1.
        device: Where it computes.
        sampler: A name of the menu; an unknown one means the first.
        scheduler: A name of the menu; an unknown one means the first.
        denoise: Share of a full run; None is all of it.
        model_options: Hooks, for packs.
    """

    SAMPLERS = SAMPLER_NAMES
    SCHEDULERS = SCHEDULER_NAMES
    DISCARD_PENULTIMATE_SIGMA_SAMPLERS = {"dpm_2", "dpm_2_ancestral", "uni_pc", "uni_pc_bh2"}

    def __init__(
        self,
        model: Any,
        steps: int,
        device: Any,
        sampler: str | None = None,
        scheduler: str | None = None,
        denoise: float | None = None,
        model_options: dict[str, Any] | None = None,
    ) -> None:
        self.model = model
        self.device = device
        self.sampler = sampler if sampler in self.SAMPLERS else self.SAMPLERS[0]
        self.scheduler = scheduler if scheduler in self.SCHEDULERS else self.SCHEDULERS[0]
        self.denoise = denoise
        self.model_options = {} if model_options is None else model_options
        self.sigmas: Any = None
        self.steps = steps
        self.set_steps(steps, denoise)

    def calculate_sigmas(self, steps: int) -> Any:
        """Return the list of a full run of ``steps`` steps with this sampler (D-031)."""
        import torch

        drops = self.sampler in self.DISCARD_PENULTIMATE_SIGMA_SAMPLERS
        table = self.model.get_model_object("model_sampling")
        sigmas = _module().calculate_sigmas(table, self.scheduler, steps + 1 if drops else steps)
        return torch.cat([sigmas[:-2], sigmas[-1:]]) if drops else sigmas

    def set_steps(self, steps: int, denoise: float | None = None) -> None:
        """Make the list for another number of steps or share of a run (D-030)."""
        import torch

        self.steps = steps
        if denoise is None or denoise > 0.9999:
            self.sigmas = self.calculate_sigmas(steps)
        elif denoise <= 0.0:
            self.sigmas = torch.zeros(0)
        else:
            self.sigmas = self.calculate_sigmas(int(steps / denoise))[-(steps + 1) :]

    def sample(
        self,
        noise: Any,
        positive: Any,
        negative: Any,
        cfg: float,
        latent_image: Any = None,
        start_step: int | None = None,
        last_step: int | None = None,
        force_full_denoise: bool = False,
        denoise_mask: Any = None,
        sigmas: Any = None,
        callback: Any = None,
        disable_pbar: bool = False,
        seed: int | None = None,
    ) -> Any:
        """Return the sampled latent; ``latent_image`` where nothing is left to do."""
        from app.engine.diffusion.schedules import cut_sigmas

        levels = self.sigmas if sigmas is None else sigmas
        if levels.numel():
            levels = cut_sigmas(levels, start_step, last_step, not force_full_denoise)
        if levels is None:
            return noise * 0 if latent_image is None else latent_image
        module = _module()
        return module.sample(
            self.model,
            noise,
            positive,
            negative,
            cfg,
            self.device,
            module.sampler_object(self.sampler),
            levels,
            self.model_options,
            latent_image=latent_image,
            denoise_mask=denoise_mask,
            callback=callback,
            disable_pbar=disable_pbar,
            seed=seed,
        )
