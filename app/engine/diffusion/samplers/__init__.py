"""The samplers of the menu, each an algorithm that goes from noise to a picture.

A sampler is a function ``(denoiser, x, sigmas, **options)``; there is one module a family of
algorithms. :func:`make_sampler` gives one by its name in the menu.
"""

from __future__ import annotations

import inspect
from typing import Any

from app.engine.diffusion.samplers.adams import (
    sample_deis,
    sample_ipndm,
    sample_ipndm_v,
    sample_lms,
)
from app.engine.diffusion.samplers.denoiser import (
    Denoiser,
    GuidedModel,
    SamplerFunction,
    StepReport,
)
from app.engine.diffusion.samplers.dpm_solver import sample_dpm_adaptive, sample_dpm_fast
from app.engine.diffusion.samplers.dpmpp import (
    sample_dpmpp_2m,
    sample_dpmpp_2m_cfg_pp,
    sample_dpmpp_2s_ancestral,
    sample_dpmpp_2s_ancestral_cfg_pp,
)
from app.engine.diffusion.samplers.dpmpp_sde import (
    sample_dpmpp_2m_sde,
    sample_dpmpp_3m_sde,
    sample_dpmpp_sde,
)
from app.engine.diffusion.samplers.er_sde import sample_er_sde
from app.engine.diffusion.samplers.euler import (
    sample_euler,
    sample_euler_ancestral,
    sample_euler_ancestral_cfg_pp,
    sample_euler_cfg_pp,
)
from app.engine.diffusion.samplers.renoise import sample_ddpm, sample_lcm
from app.engine.diffusion.samplers.res_multistep import (
    sample_gradient_estimation,
    sample_res_multistep,
)
from app.engine.diffusion.samplers.sa_solver import sample_sa_solver, sample_sa_solver_pece
from app.engine.diffusion.samplers.sampler import Sampler
from app.engine.diffusion.samplers.second_order import (
    sample_dpm_2,
    sample_dpm_2_ancestral,
    sample_heun,
    sample_heunpp2,
)
from app.engine.diffusion.samplers.seeds import (
    sample_exp_heun_2_x0,
    sample_exp_heun_2_x0_sde,
    sample_seeds_2,
    sample_seeds_3,
)
from app.engine.diffusion.samplers.uni_pc import sample_uni_pc, sample_uni_pc_bh2

__all__ = [
    "SAMPLERS",
    "Denoiser",
    "GuidedModel",
    "Sampler",
    "SamplerFunction",
    "StepReport",
    "make_sampler",
]


_GPU = {"noise_on_cpu": False}
_HEUN = {"solver_type": "heun"}

SAMPLERS: dict[str, Sampler] = {
    sampler.name: sampler
    for sampler in (
        Sampler("euler", sample_euler),
        Sampler("euler_cfg_pp", sample_euler_cfg_pp),
        Sampler("euler_ancestral", sample_euler_ancestral),
        Sampler("euler_ancestral_cfg_pp", sample_euler_ancestral_cfg_pp),
        Sampler("heun", sample_heun),
        Sampler("heunpp2", sample_heunpp2),
        Sampler("exp_heun_2_x0", sample_exp_heun_2_x0),
        Sampler("exp_heun_2_x0_sde", sample_exp_heun_2_x0_sde),
        Sampler("dpm_2", sample_dpm_2),
        Sampler("dpm_2_ancestral", sample_dpm_2_ancestral),
        Sampler("lms", sample_lms),
        Sampler("dpm_fast", sample_dpm_fast),
        Sampler("dpm_adaptive", sample_dpm_adaptive),
        Sampler("dpmpp_2s_ancestral", sample_dpmpp_2s_ancestral),
        Sampler("dpmpp_2s_ancestral_cfg_pp", sample_dpmpp_2s_ancestral_cfg_pp),
        Sampler("dpmpp_sde", sample_dpmpp_sde),
        Sampler("dpmpp_sde_gpu", sample_dpmpp_sde, _GPU),
        Sampler("dpmpp_2m", sample_dpmpp_2m),
        Sampler("dpmpp_2m_cfg_pp", sample_dpmpp_2m_cfg_pp),
        Sampler("dpmpp_2m_sde", sample_dpmpp_2m_sde),
        Sampler("dpmpp_2m_sde_gpu", sample_dpmpp_2m_sde, _GPU),
        Sampler("dpmpp_2m_sde_heun", sample_dpmpp_2m_sde, _HEUN),
        Sampler("dpmpp_2m_sde_heun_gpu", sample_dpmpp_2m_sde, {**_HEUN, **_GPU}),
        Sampler("dpmpp_3m_sde", sample_dpmpp_3m_sde),
        Sampler("dpmpp_3m_sde_gpu", sample_dpmpp_3m_sde, _GPU),
        Sampler("ddpm", sample_ddpm),
        Sampler("lcm", sample_lcm),
        Sampler("ipndm", sample_ipndm),
        Sampler("ipndm_v", sample_ipndm_v),
        Sampler("deis", sample_deis),
        Sampler("res_multistep", sample_res_multistep),
        Sampler("res_multistep_cfg_pp", sample_res_multistep, {"cfg_pp": True}),
        Sampler("res_multistep_ancestral", sample_res_multistep, {"eta": 1.0}),
        Sampler(
            "res_multistep_ancestral_cfg_pp", sample_res_multistep, {"eta": 1.0, "cfg_pp": True}
        ),
        Sampler("gradient_estimation", sample_gradient_estimation),
        Sampler("gradient_estimation_cfg_pp", sample_gradient_estimation, {"cfg_pp": True}),
        Sampler("er_sde", sample_er_sde),
        Sampler("seeds_2", sample_seeds_2),
        Sampler("seeds_3", sample_seeds_3),
        Sampler("sa_solver", sample_sa_solver),
        Sampler("sa_solver_pece", sample_sa_solver_pece),
        Sampler("ddim", sample_euler, fresh_inpaint_noise=True),
        Sampler("uni_pc", sample_uni_pc),
        Sampler("uni_pc_bh2", sample_uni_pc_bh2),
    )
}
"""Samplers by name, in the order of the menu."""


def make_sampler(name: str, **options: Any) -> Sampler:
    """Return the sampler of a name, with options of its function.

    Args:
        name: A key of :data:`SAMPLERS`.
        options: By name; those that are not given keep their defaults.

    Raises:
        ValueError: The sampler is unknown, or has no such option.
    """
    if name not in SAMPLERS:
        raise ValueError(f'Unknown sampler "{name}"; known are {", ".join(SAMPLERS)}.')
    sampler = SAMPLERS[name]
    known = list(inspect.signature(sampler.function).parameters)[3:]
    unknown = [option for option in options if option not in known]
    if unknown:
        has = f"it has {', '.join(known)}" if known else "it has none"
        raise ValueError(f'Sampler "{name}" has no option "{unknown[0]}"; {has}.')
    return Sampler(
        name, sampler.function, {**sampler.options, **options}, sampler.fresh_inpaint_noise
    )
