"""Every sampler gives the recorded latents (data: tests/data/diffusion)."""

from __future__ import annotations

from typing import Any

import pytest
import sampling_toy as toy
import torch
from diffusion_records import assert_recorded, cases, keys
from toy_models import PROMPT, ToyPatcher, guided_toy

from app.engine.diffusion.guidance import CfgGuider
from app.engine.diffusion.noise import start_noise
from app.engine.diffusion.run import run_sampler
from app.engine.diffusion.samplers import SAMPLERS, make_sampler
from app.engine.diffusion.schedules import calculate_sigmas, cut_sigmas, ksampler_sigmas

MENU = [
    "euler", "euler_cfg_pp", "euler_ancestral", "euler_ancestral_cfg_pp", "heun", "heunpp2",
    "exp_heun_2_x0", "exp_heun_2_x0_sde", "dpm_2", "dpm_2_ancestral", "lms", "dpm_fast",
    "dpm_adaptive", "dpmpp_2s_ancestral", "dpmpp_2s_ancestral_cfg_pp", "dpmpp_sde",
    "dpmpp_sde_gpu", "dpmpp_2m", "dpmpp_2m_cfg_pp", "dpmpp_2m_sde", "dpmpp_2m_sde_gpu",
    "dpmpp_2m_sde_heun", "dpmpp_2m_sde_heun_gpu", "dpmpp_3m_sde", "dpmpp_3m_sde_gpu", "ddpm",
    "lcm", "ipndm", "ipndm_v", "deis", "res_multistep", "res_multistep_cfg_pp",
    "res_multistep_ancestral", "res_multistep_ancestral_cfg_pp", "gradient_estimation",
    "gradient_estimation_cfg_pp", "er_sde", "seeds_2", "seeds_3", "sa_solver", "sa_solver_pece",
    "ddim", "uni_pc", "uni_pc_bh2",
]  # fmt: skip

RECORDED = [
    key for key in keys("samplers") if "error" not in cases("samplers")[key].get("values", {})
]
RUNS = [key for key in RECORDED if key.split("/")[0] in SAMPLERS]
VARIANTS = [key for key in RECORDED if key.startswith("opt/")]


class Run:
    """One recorded run, repeated by this program."""

    def __init__(self, key: str) -> None:
        params: dict[str, Any] = cases("samplers")[key]["params"]
        self.patcher: ToyPatcher = guided_toy(params["kind"])
        self.sigmas = self._sigmas(key, params)
        shape = params["shape"]
        painted = params.get("latent") == "pattern"
        latent = toy.latent(shape) if painted else torch.zeros(shape)
        mask = None
        if params.get("mask"):
            mask = toy.mask((1, 2 * shape[-2], 2 * shape[-1]))
        guider = CfgGuider(self.patcher)
        guider.set_conds(PROMPT, PROMPT)
        guider.set_cfg(params["cfg"])
        self.steps: list[int] = []
        self.last: torch.Tensor | None = None
        self.sampled = run_sampler(
            guider,
            start_noise(latent, params["seed"]),
            make_sampler(params["sampler"], **params.get("options", {})),
            self.sigmas,
            latent,
            noise_mask=mask,
            callback=self._on_step,
            seed=params["seed"],
        )

    def _sigmas(self, key: str, params: dict[str, Any]) -> torch.Tensor:
        sampling = self.patcher.model.model_sampling
        if key.startswith("opt/"):
            return calculate_sigmas(sampling, params["scheduler"], params["steps"])
        sigmas = ksampler_sigmas(sampling, params["scheduler"], params["steps"], params["sampler"])
        cut = cut_sigmas(
            sigmas, params.get("start"), params.get("end"), params.get("leftover", False)
        )
        assert cut is not None
        return cut

    def _on_step(self, step: int, denoised: torch.Tensor, x: torch.Tensor, total: int) -> None:
        assert total == len(self.sigmas) - 1
        self.steps.append(step)
        self.last = denoised


@pytest.mark.parametrize("key", RUNS + VARIANTS)
def test_samplers_are_as_recorded_d110_d144(key: str) -> None:
    case = cases("samplers")[key]

    run = Run(key)

    assert_recorded("samplers", key, "sigmas", run.sigmas)
    values = case["values"]
    assert run.patcher.model.sigmas == pytest.approx(values["call_sigmas"], rel=2e-4, abs=1e-5)
    assert len(run.patcher.model.sigmas) == values["model_calls"]
    assert_recorded("samplers", key, "out", run.sampled.samples)
    if "last_x0" in case["arrays"]:
        assert len(run.steps) == values["callbacks"]
        assert run.last is not None
        assert_recorded("samplers", key, "last_x0", run.last)


def test_the_menu_has_the_order_of_the_interface() -> None:
    assert list(SAMPLERS) == MENU
    assert len(MENU) == 44


def test_each_sampler_has_a_record() -> None:
    assert {key.split("/")[0] for key in RUNS} == set(SAMPLERS)
