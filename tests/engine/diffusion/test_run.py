"""What a run promises, whatever the sampler."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sampling_toy as toy
import torch
from toy_models import PROMPT, ToyPatcher, guided_toy

from app.engine.diffusion.guidance import CfgGuider
from app.engine.diffusion.inpainting import differential_mask
from app.engine.diffusion.noise import start_noise
from app.engine.diffusion.run import Sampled, is_max_denoise, run_sampler, sample_latent
from app.engine.diffusion.samplers import SAMPLERS, Sampler, make_sampler
from app.engine.diffusion.samplers.exchange import from_pack_sampler, to_pack_sampler
from app.engine.diffusion.schedules import SCHEDULERS, calculate_sigmas
from app.engine.models.latent_formats import FLUX

SHAPE = (1, 4, 4, 6)
STOCHASTIC = [name for name in SAMPLERS if "ancestral" in name or "sde" in name]


def latent(batch: int = 1, painted: bool = False, **values: Any) -> dict[str, Any]:
    shape = (batch, *SHAPE[1:])
    return {"samples": toy.latent(shape) if painted else torch.zeros(shape), **values}


def sample(patcher: ToyPatcher | None = None, **changes: Any) -> torch.Tensor:
    settings: dict[str, Any] = {
        "seed": 3,
        "steps": 4,
        "cfg": 1.5,
        "sampler_name": "euler",
        "scheduler": "normal",
        "positive": PROMPT,
        "negative": PROMPT,
        "latent": latent(),
        **changes,
    }
    done: torch.Tensor = sample_latent(patcher or guided_toy("sd15"), **settings)["samples"]
    return done


def run(patcher: ToyPatcher, sampler: Sampler | None = None, **changes: Any) -> Sampled:
    guider = CfgGuider(patcher)
    guider.set_conds(PROMPT, PROMPT)
    guider.set_cfg(1.5)
    zeros = torch.zeros(SHAPE)
    return run_sampler(
        guider,
        changes.pop("noise", start_noise(zeros, 3)),
        sampler or make_sampler("euler"),
        changes.pop("sigmas", calculate_sigmas(patcher.model.model_sampling, "normal", 4)),
        changes.pop("latent_image", zeros),
        **{"seed": 3, **changes},
    )


@pytest.mark.parametrize(
    ("kind", "scheduler"),
    [*(("sd15", name) for name in sorted(SCHEDULERS)), ("sd3_shift3", "simple")],
)
@pytest.mark.parametrize("sampler", sorted(SAMPLERS))
def test_each_sampler_runs_with_each_scheduler_and_repeats_itself(
    sampler: str, scheduler: str, kind: str
) -> None:
    torch.manual_seed(1)
    first = sample(guided_toy(kind), sampler_name=sampler, scheduler=scheduler)
    torch.manual_seed(2)
    second = sample(guided_toy(kind), sampler_name=sampler, scheduler=scheduler)

    assert first.shape == SHAPE
    assert first.dtype == torch.float32
    assert bool(first.isfinite().all())
    assert torch.equal(first, second)


@pytest.mark.parametrize("sampler", sorted(SAMPLERS))
def test_a_single_step_is_finite(sampler: str) -> None:
    assert bool(sample(sampler_name=sampler, steps=1).isfinite().all())


@pytest.mark.parametrize("sampler", sorted(set(SAMPLERS) - {"uni_pc", "uni_pc_bh2"}))
def test_what_the_mask_keeps_stays_as_it_was_d086(sampler: str) -> None:
    mask = torch.zeros(1, 4, 6)
    mask[:, :, 3:] = 1
    before = latent(painted=True, noise_mask=mask)

    after = sample(sampler_name=sampler, latent=before)

    if sampler not in ("dpm_fast", "dpm_adaptive"):
        torch.testing.assert_close(after[..., :3], before["samples"][..., :3], rtol=1e-5, atol=1e-5)
    assert not torch.allclose(after[..., 3:], before["samples"][..., 3:], atol=0.01)


def test_a_batch_index_gives_the_item_of_the_batch_d003() -> None:
    whole = sample(latent=latent(3))

    alone = sample(latent=latent(1, batch_index=[2]))

    torch.testing.assert_close(alone[0], whole[2], rtol=1e-5, atol=1e-6)


def test_half_denoise_stays_nearer_to_the_latent_d030() -> None:
    before = latent(painted=True)

    gentle = sample(latent=before, denoise=0.2)
    strong = sample(latent=before, denoise=1.0)

    assert (gentle - before["samples"]).norm() < (strong - before["samples"]).norm()


def test_no_denoise_gives_the_latent_back_d062() -> None:
    before = latent(painted=True)

    assert torch.equal(sample(latent=before, denoise=0.0), before["samples"])


def test_two_halves_are_one_run_d060() -> None:
    whole = sample(steps=6)

    half = sample(steps=6, last_step=3)
    rest = sample(steps=6, start_step=3, add_noise=False, latent={"samples": half})

    torch.testing.assert_close(rest, whole, rtol=1e-4, atol=1e-4)


def test_a_start_behind_the_end_gives_the_latent_back_d060() -> None:
    before = latent(painted=True)

    assert torch.equal(sample(latent=before, start_step=9), before["samples"])


def test_unknown_names_mean_the_first_of_the_menu_d020() -> None:
    assert torch.equal(
        sample(sampler_name="mystery", scheduler="mystery"),
        sample(sampler_name="euler", scheduler="simple"),
    )


def test_extra_values_of_a_latent_are_kept() -> None:
    before = latent(batch_index=[0], type="audio")

    after = sample_latent(guided_toy("sd15"), 1, 2, 1.0, "euler", "normal", PROMPT, PROMPT, before)

    assert after["batch_index"] == [0]
    assert after["type"] == "audio"
    assert not before["samples"].any()


def test_empty_latents_take_the_models_channels_d006() -> None:
    patcher = guided_toy("sd3_shift3")
    patcher.model.latent_format = FLUX

    assert sample(patcher).shape == (1, 16, 4, 6)


def test_only_painted_latents_are_scaled_d061() -> None:
    patcher = guided_toy("sd15")
    patcher.model.latent_format = FLUX
    seen: list[torch.Tensor] = []
    patcher.model.extra_conds = lambda **values: seen.append(values["latent_image"]) or {}

    run(patcher, latent_image=torch.zeros(SHAPE))
    run(patcher, latent_image=torch.ones(SHAPE))

    assert not seen[0].any()
    torch.testing.assert_close(seen[-1], FLUX.process_in(torch.ones(SHAPE)))


def test_steps_are_told_with_the_state_before_them_d064() -> None:
    told: list[tuple[int, int, bool]] = []
    patcher = guided_toy("sd15")
    noise = start_noise(torch.zeros(SHAPE), 3)
    states: list[torch.Tensor] = []

    def on_step(step: int, denoised: torch.Tensor, x: torch.Tensor, total: int) -> None:
        told.append((step, total, denoised.shape == x.shape))
        states.append(x)

    run(patcher, callback=on_step, noise=noise)

    assert told == [(0, 4, True), (1, 4, True), (2, 4, True), (3, 4, True)]
    highest = float(patcher.model.model_sampling.sigma_max)
    torch.testing.assert_close(states[0], noise * (1 + highest**2) ** 0.5)


def test_the_last_estimate_is_given_d067() -> None:
    done = run(guided_toy("sd15"))

    torch.testing.assert_close(done.denoised, done.samples)
    sigmas = torch.tensor([14.0, 5.0, 2.0])
    early = run(guided_toy("sd15"), sigmas=sigmas)
    assert not torch.allclose(early.denoised, early.samples)


def test_levels_of_the_caller_are_not_changed() -> None:
    patcher = guided_toy("sd15")
    sigmas = calculate_sigmas(patcher.model.model_sampling, "normal", 5)
    before = sigmas.clone()

    for name in SAMPLERS:
        run(patcher, make_sampler(name), sigmas=sigmas)

    assert torch.equal(sigmas, before)


class StopRun(BaseException):
    """What the check raises."""


def test_a_run_stops_before_the_next_call_and_tidies_up() -> None:
    patcher, left = guided_toy("sd15"), [2]

    def check() -> None:
        left[0] -= 1
        if left[0] < 0:
            raise StopRun

    with pytest.raises(StopRun):
        run(patcher, check=check)

    assert len(patcher.model.calls) == 2
    assert torch.equal(run(patcher).samples, run(guided_toy("sd15")).samples)


def test_the_model_is_loaded_for_the_run_only() -> None:
    patcher, log = guided_toy("sd15"), []

    @contextmanager
    def prepare(shape: Any, conds: Any) -> Iterator[None]:
        log.append(("in", tuple(shape), sorted(conds), len(patcher.model.calls)))
        yield
        log.append(("out", len(patcher.model.calls)))

    patcher.prepare_sampling = prepare

    run(patcher)

    assert log == [("in", SHAPE, ["negative", "positive"], 0), ("out", 4)]


def test_the_patcher_hears_of_each_prediction() -> None:
    patcher, heard = guided_toy("sd15"), []
    patcher.prepare_state = lambda sigma, options: heard.append(float(sigma[0]))

    run(patcher)

    assert heard == patcher.model.sigmas


def test_wrappers_of_packs_lie_around_each_other_d068() -> None:
    patcher, log = guided_toy("sd15"), []

    def wrapper(name: str) -> Any:
        def wrapped(executor: Any, *args: Any, **kwargs: Any) -> Any:
            log.append(name)
            return executor(*args, **kwargs)

        return wrapped

    names = ["outer_sample", "sampler_sample", "predict_noise", "calc_cond_batch"]
    patcher.model_options["transformer_options"]["wrappers"] = {
        name: {"pack": [wrapper(name)]} for name in names
    }

    run(patcher, sigmas=torch.tensor([5.0, 0.0]))

    assert log == names


def test_transformer_options_tell_the_levels_d068() -> None:
    patcher, seen = guided_toy("sd15"), []
    inner = patcher.model.apply_model

    def apply_model(x: torch.Tensor, t: torch.Tensor, **conds: Any) -> torch.Tensor:
        seen.append(conds["transformer_options"])
        return inner(x, t, **conds)

    patcher.model.apply_model = apply_model

    run(patcher, sigmas=torch.tensor([5.0, 2.0, 0.0]))

    assert [options["sample_sigmas"].tolist() for options in seen] == [[5.0, 2.0, 0.0]] * 2
    assert [options["sigmas"].tolist() for options in seen] == [[5.0], [2.0]]
    assert len(seen[0]["uuids"]) == 2
    assert patcher.model_options == {"transformer_options": {}}


def test_pure_noise_is_told_by_the_patched_table_d048() -> None:
    sampling = guided_toy("sd15").model.model_sampling
    highest = float(sampling.sigma_max)

    assert is_max_denoise(sampling, torch.tensor([highest]))
    assert is_max_denoise(sampling, torch.tensor([highest * 1.1]))
    assert not is_max_denoise(sampling, torch.tensor([highest * 0.99]))


def test_the_soft_mask_opens_with_time_d087() -> None:
    sampling = guided_toy("sd15").model.model_sampling
    mask = torch.tensor([0.0, 0.3, 0.7, 1.0])
    sigmas = torch.tensor([float(sampling.sigma_max), 1.0, 0.0])

    def at(percent: float, strength: float = 1.0) -> list[float]:
        sigma = torch.tensor([sampling.percent_to_sigma(percent)]).clamp(max=14.6)
        return differential_mask(sigma, mask, sampling, sigmas, strength).tolist()

    assert at(0.0) == [0, 0, 0, 1]
    assert at(0.5) == [0, 0, 1, 1]
    assert at(0.9) == [0, 1, 1, 1]
    assert at(0.5, 0.5) == pytest.approx([0, 0.15, 0.85, 1])


def test_a_hook_may_replace_the_mask_d087() -> None:
    patcher, seen = guided_toy("sd15"), []

    def closed(sigma: torch.Tensor, mask: torch.Tensor, extra_options: Any) -> torch.Tensor:
        seen.append(extra_options["model"].inner_model.model_sampling)
        assert extra_options["sigmas"].numel() == 5
        return mask * 0

    patcher.model_options["denoise_mask_function"] = closed
    before = toy.latent(SHAPE)

    done = run(patcher, latent_image=before, noise_mask=torch.ones(1, 4, 6))

    torch.testing.assert_close(done.samples, before, rtol=1e-5, atol=1e-5)
    assert seen == [patcher.model.model_sampling] * 4


def test_options_are_checked_by_name() -> None:
    with pytest.raises(ValueError, match=r'"euler" has no option "eta".*s_churn'):
        make_sampler("euler", eta=1.0)
    with pytest.raises(ValueError, match="Unknown sampler"):
        make_sampler("mystery")


def test_a_packs_sampler_and_ours_are_one_d110() -> None:
    def pack_euler(
        model: Any, x: torch.Tensor, sigmas: Any, extra_args: Any, callback: Any, disable: Any
    ) -> torch.Tensor:
        for i in range(len(sigmas) - 1):
            denoised = model(x, sigmas[i] * x.new_ones(x.shape[0]), **extra_args)
            callback({"x": x, "i": i, "sigma": sigmas[i], "denoised": denoised})
            x = x + (x - denoised) / sigmas[i] * (sigmas[i + 1] - sigmas[i])
        return x

    told: list[int] = []
    theirs = run(
        guided_toy("sd15"),
        Sampler("pack", from_pack_sampler(pack_euler)),
        callback=lambda step, denoised, x, total: told.append(step),
    )
    packed = to_pack_sampler(make_sampler("euler").function)
    ours = run(guided_toy("sd15"), Sampler("ours", from_pack_sampler(packed)))

    expected = run(guided_toy("sd15")).samples
    torch.testing.assert_close(theirs.samples, expected)
    assert torch.equal(ours.samples, expected)
    assert told == [0, 1, 2, 3]


@pytest.mark.parametrize("sampler", STOCHASTIC)
def test_another_seed_gives_another_picture(sampler: str) -> None:
    assert not torch.allclose(
        sample(sampler_name=sampler, seed=1), sample(sampler_name=sampler, seed=2)
    )
