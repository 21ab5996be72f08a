"""Sigma tables and schedulers give the recorded numbers (data: tests/data/diffusion)."""

from __future__ import annotations

import pytest
import torch
from diffusion_records import KINDS, assert_recorded, cases, keys, sampling_of

from app.engine.diffusion.schedules import (
    SCHEDULERS,
    calculate_sigmas,
    cut_sigmas,
    ksampler_sigmas,
    sigmas_for_denoise,
    turbo_sigmas,
)
from app.engine.models.predictions import ModelType, make_model_sampling
from app.engine.models.sigma_tables import flux_shift

MODEL_LISTS = [key for key in keys("sigmas") if key.split("/")[0] in KINDS]


@pytest.mark.parametrize("key", keys("sigmas", "table/"))
def test_tables_are_as_recorded_d040_d046(key: str) -> None:
    case = cases("sigmas")[key]
    sampling, values = sampling_of(case["params"]["model"]), case["values"]

    assert len(sampling.sigmas) == values["len"]
    assert_recorded("sigmas", key, "table_sel", sampling.sigmas[case["params"]["index"]])
    assert_recorded("sigmas", key, "table_every", sampling.sigmas[:: values["len"] // 100])
    assert float(sampling.sigma_min) == pytest.approx(values["sigma_min"], rel=2e-6)
    assert float(sampling.sigma_max) == pytest.approx(values["sigma_max"], rel=2e-6)
    percents = [sampling.percent_to_sigma(percent) for percent in values["percent"]]
    assert percents == pytest.approx(values["percent_to_sigma"], rel=2e-6, abs=1e-6)
    steps = [float(sampling.timestep(torch.tensor(sigma))) for sigma in values["timestep_probe"]]
    assert steps == pytest.approx(values["timestep"], rel=2e-6, abs=1e-6)


@pytest.mark.parametrize("key", MODEL_LISTS)
def test_schedulers_are_as_recorded_d021_d029(key: str) -> None:
    params = cases("sigmas")[key]["params"]

    sigmas = calculate_sigmas(sampling_of(params["model"]), params["scheduler"], params["steps"])

    assert_recorded("sigmas", key, "sigmas", sigmas)


@pytest.mark.parametrize("key", keys("sigmas", "ksampler/"))
def test_ksampler_lists_are_as_recorded_d030_d031(key: str) -> None:
    params = cases("sigmas")[key]["params"]

    sigmas = ksampler_sigmas(
        sampling_of(params["model"]),
        params["scheduler"],
        params["steps"],
        params["sampler"],
        params["denoise"],
    )

    assert_recorded("sigmas", key, "sigmas", sigmas)


def test_the_menu_has_the_order_of_the_interface_d020() -> None:
    assert list(SCHEDULERS) == [
        "simple", "sgm_uniform", "karras", "exponential", "ddim_uniform", "beta", "normal",
        "linear_quadratic", "kl_optimal",
    ]  # fmt: skip


def test_ksampler_takes_the_first_scheduler_for_an_unknown_one_d020() -> None:
    table = sampling_of("sd15")

    assert torch.equal(
        ksampler_sigmas(table, "mystery", 5, "euler"), ksampler_sigmas(table, "simple", 5, "euler")
    )


def test_an_unknown_scheduler_is_named() -> None:
    with pytest.raises(ValueError, match="mystery"):
        calculate_sigmas(sampling_of("sd15"), "mystery", 5)


def test_no_steps_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        calculate_sigmas(sampling_of("sd15"), "simple", 0)


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("scheduler", sorted(SCHEDULERS))
def test_lists_fall_to_zero(kind: str, scheduler: str) -> None:
    sigmas = calculate_sigmas(sampling_of(kind), scheduler, 7)

    assert sigmas.dtype == torch.float32
    assert sigmas[-1] == 0
    assert bool((sigmas.diff() < 0).all())


def test_basic_scheduler_keeps_the_last_steps_d030() -> None:
    table = sampling_of("sd15")

    half = sigmas_for_denoise(table, "normal", 4, 0.5)

    assert torch.equal(half, calculate_sigmas(table, "normal", 8)[-5:])
    assert sigmas_for_denoise(table, "normal", 4, 0.0).numel() == 0
    assert torch.equal(sigmas_for_denoise(table, "normal", 4), calculate_sigmas(table, "normal", 4))


def test_cutting_ends_in_zero_unless_noise_is_wanted_d060() -> None:
    sigmas = torch.tensor([4.0, 3.0, 2.0, 1.0, 0.0])

    assert cut_sigmas(sigmas, 1, 3, leftover_noise=False).tolist() == [3.0, 2.0, 0.0]
    assert cut_sigmas(sigmas, 1, 3, leftover_noise=True).tolist() == [3.0, 2.0, 1.0]
    assert cut_sigmas(sigmas, 4, None, leftover_noise=True) is None
    assert cut_sigmas(sigmas, 0, 10000, leftover_noise=True).tolist() == sigmas.tolist()
    assert sigmas.tolist() == [4.0, 3.0, 2.0, 1.0, 0.0]


def test_turbo_takes_every_hundredth_timestep_d032() -> None:
    table = sampling_of("sd15")

    whole, half = turbo_sigmas(table, 2), turbo_sigmas(table, 1, 0.5)

    assert whole.tolist() == pytest.approx([*table.sigmas[[999, 899]].tolist(), 0.0])
    assert half.tolist() == pytest.approx([*table.sigmas[[499]].tolist(), 0.0])


def test_the_shift_of_flux_grows_with_the_picture_d045() -> None:
    assert flux_shift(256, 256, 1.15, 0.5) == pytest.approx(0.5)
    assert flux_shift(1024, 1024, 1.15, 0.5) == pytest.approx(1.15)


def test_a_flow_may_predict_the_latent_itself() -> None:
    sampling = make_model_sampling(ModelType.FLOW_X0, {"shift": 2.0})
    x, output, sigma = torch.ones(1, 3, 2, 2), torch.full((1, 3, 2, 2), 0.3), torch.tensor([0.5])

    assert torch.equal(sampling.calculate_denoised(sigma, output, x), output)
    assert torch.equal(sampling.calculate_input(sigma, x), x)
    assert torch.equal(sampling.noise_scaling(sigma, x * 4, x * 2), x * 3)


def test_distilled_levels_lie_on_the_full_table_d050() -> None:
    full, distilled = sampling_of("sd15"), make_model_sampling(ModelType.LCM)

    assert len(distilled.sigmas) == 50
    assert torch.equal(distilled.sigmas, full.sigmas[19::20])
    assert distilled.timestep(full.sigmas[[19, 999]]).tolist() == [19, 999]
    assert float(distilled.sigma(torch.tensor(999))) == pytest.approx(float(full.sigma_max))


UNSHIFTED = ["sd15", "sdxl", "vpred_zsnr", "sd_x4", "cosmos", "cosmos_rflow", "svd_vpred_edm",
             "stable_audio", "flow_shift1"]  # fmt: skip


@pytest.mark.parametrize("kind", UNSHIFTED)
def test_a_level_survives_the_way_through_its_timestep(kind: str) -> None:
    sampling = sampling_of(kind)
    levels = sampling.sigmas[len(sampling.sigmas) // 3 :: 97]

    back = sampling.sigma(sampling.timestep(levels))

    torch.testing.assert_close(back.float(), levels, rtol=2e-3, atol=1e-4)
