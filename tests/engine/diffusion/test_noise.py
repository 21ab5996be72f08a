"""Seeds give the recorded noise (data: tests/data/diffusion)."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import pytest
import torch
from diffusion_records import assert_recorded, cases, keys

from app.engine.diffusion.noise import (
    BrownianTreeNoise,
    default_step_noise,
    fit_empty_latent,
    no_noise,
    start_noise,
    start_noise_of_parts,
)


@pytest.mark.parametrize("key", keys("noise", "plain/", "half/", "index/"))
def test_start_noise_is_exactly_as_recorded_d001_d003(key: str) -> None:
    case = cases("noise")[key]
    params = case["params"]
    dtype = getattr(torch, params.get("dtype", "float32"))
    latent = torch.zeros(params["shape"], dtype=dtype)

    noise = start_noise(latent, int(params["seed"]), params.get("batch_index"))

    assert noise.dtype == dtype
    digest = hashlib.sha256(noise.contiguous().numpy().tobytes()).hexdigest()
    assert digest == case["values"]["sha256"]
    first = noise.flatten(1)[:, :8] if "batch_index" in params else noise.flatten()[:16]
    assert_recorded("noise", key, "first", first)


@pytest.mark.parametrize("key", keys("samplers", "noise_sampler/default/"))
def test_default_step_noise_is_exactly_as_recorded_d007(key: str) -> None:
    params = cases("samplers")[key]["params"]

    draw = default_step_noise(torch.zeros(params["shape"]), params["seed"])

    assert_recorded("samplers", key, "first", draw(1.0, 0.5))
    assert_recorded("samplers", key, "second", draw(0.5, 0.2))


def test_the_highest_seed_has_step_noise_d007() -> None:
    draw = default_step_noise(torch.zeros(1, 4, 2, 2), 2**64 - 1)

    assert torch.equal(draw(1, 0), default_step_noise(torch.zeros(1, 4, 2, 2), 2**64 - 1)(1, 0))


@pytest.mark.parametrize("key", keys("samplers", "noise_sampler/brownian/"))
def test_brownian_noise_is_as_recorded_in_any_order_d008(key: str) -> None:
    params = cases("samplers")[key]["params"]
    x = torch.zeros(params["shape"])
    noise = BrownianTreeNoise(x, params["sigma_min"], params["sigma_max"], params["seed"])

    for number, (start, end) in reversed(list(enumerate(params["queries"]))):
        assert_recorded("samplers", key, f"q{number}", noise(start, end))


def test_step_noise_without_a_seed_follows_the_start_noise_d002() -> None:
    latent = torch.zeros(1, 4, 8, 8)

    start_noise(latent, 5)
    following = default_step_noise(latent)(1, 0)

    together = start_noise(torch.zeros(2, 4, 8, 8), 5)
    assert torch.equal(following[0], together[1])


def test_items_may_repeat_and_change_places_d003() -> None:
    latent = torch.zeros(3, 4, 3, 5)

    noise = start_noise(latent, 9, [2, 0, 2])

    in_order = start_noise(latent, 9, [0, 1, 2])
    assert torch.equal(noise, in_order[[2, 0, 2]])


def test_disabled_noise_is_zero_d004() -> None:
    assert not no_noise(torch.ones(1, 4, 2, 2)).any()


def test_parts_continue_one_stream_d005() -> None:
    video, sound = torch.zeros(1, 4, 8, 8), torch.zeros(1, 4, 8, 8)

    parts = start_noise_of_parts([video, sound], 3)

    together = start_noise(torch.zeros(2, 4, 8, 8), 3)
    assert torch.equal(torch.cat(parts), together)


def test_empty_latents_take_the_models_channels_and_axes_d006() -> None:
    empty = torch.zeros(2, 4, 8, 8)

    assert fit_empty_latent(empty, 16).shape == (2, 16, 8, 8)
    assert fit_empty_latent(empty, 3).shape == (2, 3, 8, 8)
    assert fit_empty_latent(empty, 16, 3).shape == (2, 16, 1, 8, 8)
    painted = torch.ones(2, 4, 8, 8)
    assert fit_empty_latent(painted, 16) is painted


def test_torchsde_and_scipy_are_imported_only_when_needed() -> None:
    code = (
        "import sys, app.engine.diffusion.run, app.engine.diffusion.samplers;"
        "print([n for n in ('torchsde', 'scipy') if n in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
