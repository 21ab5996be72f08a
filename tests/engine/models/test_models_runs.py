"""Whole runs on small random networks, against recorded results."""

import pytest
import torch
from random_models import Recording, build, build_lora, wave_image, wave_text
from safetensors.torch import save_file

from app.engine.diffusion.run import sample_latent
from app.engine.models import memory
from app.engine.models.controlnet import load_controlnet
from app.engine.models.loading import apply_lora, diffusion_model_from_tensors, load_checkpoint
from app.engine.models.predictions import ModelType, make_model_sampling

TINY = Recording("tiny")
SD2 = Recording("sd2")
PLAIN = [
    "euler_normal", "dpmpp_2m_karras", "euler_ancestral", "all/ddpm", "all/dpmpp_2s_ancestral",
    "all/lcm", "sched/normal", "sched/simple", "sched/exponential", "size_96x64",
]  # fmt: skip


@pytest.fixture(scope="module")
def setup(tiny_file):
    checkpoint = load_checkpoint(tiny_file)
    clip = checkpoint.clip
    positive = clip.encode_from_tokens_scheduled(
        clip.tokenize("a photo of a cat, (highly detailed:1.3)")
    )
    negative = clip.encode_from_tokens_scheduled(clip.tokenize("blurry, low quality"))
    yield checkpoint, positive, negative
    memory.unload_all_models()


def run(recording, case, model, positive, negative, **changes):
    params = recording.cases[case]["params"]
    latent = {"samples": torch.zeros(params["latent_shape"])}
    result = sample_latent(
        model, params["seed"], params["steps"], params["cfg"], params["sampler"],
        params["scheduler"], positive, negative, latent, **changes,
    )  # fmt: skip
    recording.check(case, "out", result["samples"])


@pytest.mark.parametrize("case", PLAIN)
def test_a_run_gives_the_recorded_latent(case, setup):
    checkpoint, positive, negative = setup

    run(TINY, case, checkpoint.model, positive, negative)


def test_d060_the_first_steps_of_a_run_keep_their_noise_as_recorded(setup):
    checkpoint, positive, negative = setup

    run(TINY, "adv_stage1", checkpoint.model, positive, negative, last_step=3)


def test_d192_a_lora_run_gives_the_recorded_latent(setup):
    checkpoint, positive, negative = setup
    model, _ = apply_lora(checkpoint.model, None, build_lora(), 0.8, 0)

    run(TINY, "lora", model, positive, negative)


@pytest.mark.parametrize(
    ("case", "window"), [("controlnet", (0.0, 1.0)), ("controlnet_half", (0.0, 0.5))]
)
def test_d201_a_controlnet_run_gives_the_recorded_latent(case, window, setup, model_folder):
    checkpoint, positive, negative = setup
    path = model_folder / "cnet_run.safetensors"
    save_file(build("cnet_tiny"), path)
    net = load_controlnet(path)
    net.set_cond_hint(wave_image((1, 80, 72, 3)).movedim(-1, 1), 0.8, window)

    def steer(prompt):
        return [[text, {**values, "control": net}] for text, values in prompt]

    run(TINY, case, checkpoint.model, steer(positive), steer(negative))


@pytest.mark.parametrize(
    ("case", "kind", "settings"),
    [
        ("patch/MSD_v", ModelType.V_PREDICTION, {}),
        ("patch/MSD_v_zsnr", ModelType.V_PREDICTION, {"zsnr": True}),
        ("patch/MSD_x0", ModelType.X0, {}),
    ],
)
def test_d047_another_prediction_gives_the_recorded_latent(case, kind, settings, setup):
    checkpoint, positive, negative = setup
    model = checkpoint.model.clone()
    model.add_object_patch("model_sampling", make_model_sampling(kind, settings))

    run(TINY, case, model, positive, negative)


def test_d230_a_latent_of_odd_size_gives_the_recorded_latent():
    model = diffusion_model_from_tensors(build("unet_tiny_sd2"))
    positive, negative = [[wave_text(1, 77, 1024), {}]], [[wave_text(2, 77, 1024), {}]]

    run(SD2, "run/odd_size", model, positive, negative)
    memory.unload_all_models()


def test_the_same_seed_twice_gives_the_same_bytes(setup):
    checkpoint, positive, negative = setup
    arguments = (checkpoint.model, 5, 2, 4.0, "euler", "normal", positive, negative)
    latent = {"samples": torch.zeros(2, 4, 8, 8)}

    first = sample_latent(*arguments, latent)["samples"]

    assert torch.equal(first, sample_latent(*arguments, latent)["samples"])
