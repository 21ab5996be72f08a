"""Nodes that change a model's run, against recorded results (data: tests/data/models)."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "engine" / "models"))

import random_models

from app.engine.diffusion.run import sample_latent
from app.engine.models import memory
from app.engine.models.loading import checkpoint_from_tensors

TINY = random_models.Recording("tiny")


@pytest.fixture(scope="module")
def setup(engine):
    tensors = random_models.build("unet_tiny", "clip", "vae")
    name, expected = random_models.FINGERPRINT
    if random_models.digest(tensors[name]) != expected:
        pytest.skip("this torch build draws other random numbers than the recordings used")
    checkpoint = checkpoint_from_tensors(tensors)
    clip = checkpoint.clip
    positive = clip.encode_from_tokens_scheduled(
        clip.tokenize("a photo of a cat, (highly detailed:1.3)")
    )
    negative = clip.encode_from_tokens_scheduled(clip.tokenize("blurry, low quality"))
    yield checkpoint, positive, negative
    memory.unload_all_models()


@pytest.mark.parametrize(
    ("case", "node", "values"),
    [
        ("patch/CFGZeroStar", "CFGZeroStar", {}),
        ("patch/FreeU", "FreeU", {"b1": 1.1, "b2": 1.2, "s1": 0.9, "s2": 0.2}),
        (
            "patch/HyperTile",
            "HyperTile",
            {"tile_size": 256, "swap_size": 2, "max_depth": 0, "scale_depth": False},
        ),
        ("patch/SAG", "SelfAttentionGuidance", {"scale": 0.5, "blur_sigma": 2.0}),
        (
            "patch/UNetTemporalAttnMul",
            "UNetTemporalAttentionMultiply",
            {
                "self_structural": 1.0, "self_temporal": 1.2,
                "cross_structural": 1.0, "cross_temporal": 1.1,
            },
        ),
        (
            "patch/MS_contV",
            "ModelSamplingContinuousV",
            {"sampling": "v_prediction", "sigma_max": 100.0, "sigma_min": 0.03},
        ),
        (
            "patch/MS_flux",
            "ModelSamplingFlux",
            {"max_shift": 1.15, "base_shift": 0.5, "width": 512, "height": 512},
        ),
    ],
)  # fmt: skip
def test_a_changed_model_gives_the_recorded_latent(case, node, values, setup, call):
    checkpoint, positive, negative = setup
    params = TINY.cases[case]["params"]

    (model,) = call(node, model=checkpoint.model, **values)
    result = sample_latent(
        model, params["seed"], params["steps"], params["cfg"], params["sampler"],
        params["scheduler"], positive, negative, {"samples": torch.zeros(params["latent_shape"])},
    )  # fmt: skip

    TINY.check(case, "out", result["samples"])


def run_parts(case, guider, call, model):
    """Sample in parts as the case says and compare both latents."""
    params = TINY.cases[case]["params"]
    (sigmas,) = call(
        "BasicScheduler", model=model, scheduler=params["scheduler"], steps=params["steps"],
        denoise=1.0,
    )  # fmt: skip
    if "split" in params:
        sigmas = call("SplitSigmas", sigmas=sigmas, step=params["split"])[0]
    output, denoised = call(
        "SamplerCustomAdvanced",
        noise=call("RandomNoise", noise_seed=params["seed"])[0],
        guider=guider,
        sampler=call("KSamplerSelect", sampler_name=params["sampler"])[0],
        sigmas=sigmas,
        latent_image={"samples": torch.zeros(1, 4, 8, 8)},
    )
    TINY.check(case, "out", output["samples"])
    TINY.check(case, "denoised", denoised["samples"])


def test_d066_one_prompt_gives_the_recorded_latents(setup, call):
    checkpoint, positive, _ = setup
    (guider,) = call("BasicGuider", model=checkpoint.model, conditioning=positive)

    run_parts("custom/basic", guider, call, checkpoint.model)


def test_d065_two_prompts_give_the_recorded_latents(setup, call):
    checkpoint, positive, negative = setup
    (guider,) = call(
        "CFGGuider", model=checkpoint.model, positive=positive, negative=negative, cfg=4.5
    )

    run_parts("custom/cfg", guider, call, checkpoint.model)


def test_d067_the_high_part_of_split_levels_gives_the_recorded_latents(setup, call):
    checkpoint, positive, negative = setup
    scale = TINY.cases["custom/split_high"]["params"]["cfg"]
    (guider,) = call(
        "CFGGuider", model=checkpoint.model, positive=positive, negative=negative, cfg=scale
    )

    run_parts("custom/split_high", guider, call, checkpoint.model)


def test_d088_inpaint_conditioning_gives_the_recorded_latents(setup, call):
    checkpoint, positive, negative = setup
    mask = random_models.wave_mask((1, 64, 64))

    first, second, latent = call(
        "InpaintModelConditioning", positive=positive, negative=negative, vae=checkpoint.vae,
        pixels=random_models.wave_image((1, 64, 64, 3)), mask=mask, noise_mask=True,
    )  # fmt: skip

    case = "InpaintModelConditioning"
    for prompt in (first, second):
        TINY.check(case, "concat_latent", prompt[0][1]["concat_latent_image"])
        TINY.check(case, "concat_mask", prompt[0][1]["concat_mask"])
    TINY.check(case, "latent", latent["samples"])
    TINY.check(case, "noise_mask", latent["noise_mask"])
