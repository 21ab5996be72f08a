"""A checkpoint becomes a picture through the nodes of the built-in pack."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "engine" / "models"))

import random_models

from app.engine.errors import ModelFileError
from app.engine.events import PreviewEvent, ProgressEvent


@pytest.fixture(scope="module")
def checkpoint(base_dir, engine):
    """Put a small random checkpoint into the artist's folder and return its name."""
    from safetensors.torch import save_file

    folder = base_dir / "models" / "checkpoints"
    folder.mkdir(parents=True, exist_ok=True)
    save_file(random_models.build("unet_tiny", "clip", "vae"), folder / "tiny.safetensors")
    yield "tiny.safetensors"
    from app.engine.models import memory

    memory.unload_all_models()


def text_to_picture(seed=1, **sampler):
    """Return the prompt of the usual workflow, 64 px wide and 2 steps long."""
    run = {
        "model": ["1", 0], "seed": seed, "steps": 2, "cfg": 2.0, "sampler_name": "euler",
        "scheduler": "normal", "positive": ["2", 0], "negative": ["3", 0],
        "latent_image": ["4", 0], "denoise": 1.0,
    }  # fmt: skip
    return {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "tiny.safetensors"}},
        "2": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["1", 1], "text": "a red apple"}},
        "3": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["1", 1], "text": ""}},
        "4": {
            "class_type": "EmptyLatentImage",
            "inputs": {"width": 64, "height": 64, "batch_size": 1},
        },
        "5": {"class_type": "KSampler", "inputs": {**run, **sampler}},
        "6": {"class_type": "VAEDecode", "inputs": {"samples": ["5", 0], "vae": ["1", 2]}},
        "7": {
            "class_type": "SaveImage",
            "inputs": {"images": ["6", 0], "filename_prefix": "apple"},
        },
    }


def picture(result, base_dir):
    """Return the saved picture's values."""
    assert result.error is None, result.error
    saved = result.outputs["7"]["images"][0]
    with Image.open(base_dir / "output" / saved["subfolder"] / saved["filename"]) as image:
        return np.asarray(image.convert("RGB"))


def test_a_seed_gives_the_same_picture_again_and_another_seed_another(engine, base_dir, checkpoint):
    first = picture(engine.run(text_to_picture(1)), base_dir)
    other = picture(engine.run(text_to_picture(2)), base_dir)
    again = picture(engine.run(text_to_picture(1)), base_dir)

    assert first.shape == (64, 64, 3)
    assert first.std() > 0
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_sampling_shows_progress_and_previews_of_the_latent(engine, base_dir, checkpoint):
    events = []

    picture(engine.run(text_to_picture(11), on_event=events.append), base_dir)

    steps = [e.value for e in events if isinstance(e, ProgressEvent) and e.node == "5"]
    previews = [e for e in events if isinstance(e, PreviewEvent) and e.node_id == "5"]
    assert steps[-1] == 2
    assert previews
    assert previews[-1].rgb.shape[2] == 3


def test_an_interrupt_stops_in_the_middle_and_the_next_run_works(engine, base_dir, checkpoint):
    events = []

    def stop_at_first_step(event):
        events.append(event)
        if isinstance(event, ProgressEvent) and event.node == "5" and event.value == 1:
            engine.interrupt()

    stopped = engine.run(text_to_picture(12, steps=50), on_event=stop_at_first_step)

    reached = [e.value for e in events if isinstance(e, ProgressEvent) and e.node == "5"]
    assert "7" not in stopped.outputs
    assert max(reached) <= 2
    assert picture(engine.run(text_to_picture(13)), base_dir).shape == (64, 64, 3)


def test_a_missing_checkpoint_is_named_with_its_folder_and_the_nearest_name(
    call, base_dir, checkpoint
):
    with pytest.raises(ModelFileError, match=r'"tinny\.safetensors".*checkpoints') as caught:
        call("CheckpointLoaderSimple", ckpt_name="tinny.safetensors")

    assert '"tiny.safetensors"' in str(caught.value)


def in_parts(seed, **guider):
    """Return the usual workflow with SamplerCustomAdvanced in place of KSampler."""
    prompt = text_to_picture(seed)
    prompt["10"] = {"class_type": "RandomNoise", "inputs": {"noise_seed": seed}}
    prompt["11"] = {
        "class_type": "CFGGuider",
        "inputs": {"model": ["1", 0], "positive": ["2", 0], "negative": ["3", 0], "cfg": 2.0},
    }
    prompt["11"].update(guider)
    prompt["12"] = {"class_type": "KSamplerSelect", "inputs": {"sampler_name": "euler"}}
    prompt["13"] = {
        "class_type": "BasicScheduler",
        "inputs": {"model": ["1", 0], "scheduler": "normal", "steps": 2, "denoise": 1.0},
    }
    prompt["5"] = {
        "class_type": "SamplerCustomAdvanced",
        "inputs": {
            "noise": ["10", 0], "guider": ["11", 0], "sampler": ["12", 0], "sigmas": ["13", 0],
            "latent_image": ["4", 0],
        },
    }  # fmt: skip
    return prompt


def test_the_parts_of_a_sampler_give_the_picture_of_ksampler(engine, base_dir, checkpoint):
    whole = picture(engine.run(text_to_picture(21)), base_dir)
    parts = picture(engine.run(in_parts(21)), base_dir)

    np.testing.assert_array_equal(whole, parts)


def test_two_advanced_samplers_share_the_steps_of_one(engine, base_dir, checkpoint):
    whole = text_to_picture(22)
    shared = text_to_picture(22)
    common = {k: v for k, v in shared["5"]["inputs"].items() if k not in ("seed", "denoise")}
    shared["5"] = {
        "class_type": "KSamplerAdvanced",
        "inputs": {**common, "add_noise": "disable", "noise_seed": 0, "latent_image": ["8", 0],
                   "start_at_step": 1, "end_at_step": 10000,
                   "return_with_leftover_noise": "disable"},
    }  # fmt: skip
    shared["8"] = {
        "class_type": "KSamplerAdvanced",
        "inputs": {**common, "add_noise": "enable", "noise_seed": 22, "start_at_step": 0,
                   "end_at_step": 1, "return_with_leftover_noise": "enable"},
    }  # fmt: skip

    one = picture(engine.run(whole), base_dir).astype(int)
    two = picture(engine.run(shared), base_dir).astype(int)

    assert abs(one - two).max() <= 1


def test_a_lora_changes_the_picture_and_strength_zero_does_not(engine, base_dir, checkpoint):
    from safetensors.torch import save_file

    folder = base_dir / "models" / "loras"
    folder.mkdir(parents=True, exist_ok=True)
    save_file(random_models.build_lora(), folder / "small.safetensors")

    def with_lora(strength):
        prompt = text_to_picture(23)
        prompt["9"] = {
            "class_type": "LoraLoaderModelOnly",
            "inputs": {"model": ["1", 0], "lora_name": "small.safetensors",
                       "strength_model": strength},
        }  # fmt: skip
        prompt["5"]["inputs"]["model"] = ["9", 0]
        return picture(engine.run(prompt), base_dir)

    plain = picture(engine.run(text_to_picture(23)), base_dir)
    np.testing.assert_array_equal(with_lora(0.0), plain)
    assert not np.array_equal(with_lora(1.0), plain)


@pytest.mark.parametrize(
    ("name", "options", "first"),
    [
        ("ModelSamplingSD3", {"shift": 3.0}, 1.0),
        ("ModelSamplingFlux",
         {"max_shift": 1.15, "base_shift": 0.5, "width": 1024, "height": 1024}, 1.0),
        ("ModelSamplingContinuousEDM",
         {"sampling": "edm", "sigma_max": 80.0, "sigma_min": 0.01}, 80.0),
        ("ModelSamplingContinuousV",
         {"sampling": "v_prediction", "sigma_max": 500.0, "sigma_min": 0.03}, 500.0),
        ("ModelSamplingDiscrete", {"sampling": "v_prediction", "zsnr": False}, 14.6146),
    ],
)  # fmt: skip
def test_model_sampling_decides_the_first_level(call, checkpoint, name, options, first):
    model = call("CheckpointLoaderSimple", ckpt_name=checkpoint)[0]

    changed = call(name, model=model, **options)[0]
    levels = call("BasicScheduler", model=changed, scheduler="normal", steps=2, denoise=1.0)[0]

    assert float(levels[0]) == pytest.approx(first, rel=1e-3)
    assert float(model.get_model_object("model_sampling").sigma_max) == pytest.approx(14.6146, 1e-3)


SAMPLER_NODES = {
    "SamplerEulerAncestral": {},
    "SamplerEulerAncestralCFGPP": {},
    "SamplerLMS": {},
    "SamplerDPMPP_2S_Ancestral": {},
    "SamplerDPMPP_2M_SDE": {"solver_type": "heun", "noise_device": "cpu"},
    "SamplerDPMPP_3M_SDE": {"noise_device": "cpu"},
    "SamplerDPMPP_SDE": {"noise_device": "cpu"},
    "SamplerSEEDS2": {"solver_type": "phi_2"},
    "SamplerER_SDE": {"solver_type": "Reverse-time SDE"},
    "SamplerSASolver": {"model": ["1", 0], "use_pece": False, "simple_order_2": False},
}


@pytest.mark.parametrize("name", SAMPLER_NODES)
def test_a_sampler_node_with_its_defaults_samples(engine, base_dir, checkpoint, definitions, name):
    declared = definitions[name]["input"]["required"]
    defaults = {key: o[1]["default"] for key, o in declared.items() if "default" in o[1]}
    prompt = in_parts(31)
    prompt["12"] = {"class_type": name, "inputs": {**defaults, **SAMPLER_NODES[name]}}

    assert picture(engine.run(prompt), base_dir).std() > 0


def test_the_adaptive_sampler_takes_all_its_options(call, definitions):
    declared = definitions["SamplerDPMAdaptative"]["input"]["required"]
    options = {key: o[1]["default"] for key, o in declared.items()}

    sampler = call("SamplerDPMAdaptative", **options)[0]

    assert sampler.name == "dpm_adaptive"
    assert sampler.options == options


def test_entries_that_follow_the_same_net_share_one_and_keep_the_one_before(call):
    import torch

    from app.engine.models.controlnet import ControlBase

    class Net(ControlBase):
        def copy(self):
            twin = Net()
            self.copy_to(twin)
            return twin

    picture_to_follow = torch.rand(1, 8, 8, 3)
    plain = [[torch.zeros(1, 77, 8), {}]]
    options = {"image": picture_to_follow, "start_percent": 0.1, "end_percent": 0.6}

    once = call("ControlNetApplyAdvanced", positive=plain, negative=plain, control_net=Net(),
                strength=0.5, **options)  # fmt: skip
    twice = call("ControlNetApplyAdvanced", positive=once[0], negative=once[1],
                 control_net=Net(), strength=1.0, **options)  # fmt: skip
    nothing = call("ControlNetApplyAdvanced", positive=plain, negative=plain, control_net=Net(),
                   strength=0.0, **options)  # fmt: skip

    first, second = once[0][0][1]["control"], twice[0][0][1]["control"]
    assert first is once[1][0][1]["control"]
    assert first.strength == 0.5
    assert first.timestep_percent_range == (0.1, 0.6)
    assert first.cond_hint_original.shape == (1, 3, 8, 8)
    assert second.previous_controlnet is first
    assert nothing == (plain, plain)
    assert "control" not in plain[0][1]


def test_packs_load_and_sample_through_the_host_modules(base_dir, engine, checkpoint, call):
    import comfy.sample
    import comfy.sd
    import torch

    path = base_dir / "models" / "checkpoints" / checkpoint
    model, clip, _vae, _vision = comfy.sd.load_checkpoint_guess_config(str(path))
    prompt = call("CLIPTextEncode", text="a red apple", clip=clip)[0]
    latent = torch.zeros(1, 4, 8, 8)
    noise = comfy.sample.prepare_noise(latent, 5)

    theirs = comfy.sample.sample(
        model, noise, 1, 1.0, "euler", "normal", prompt, prompt, latent, seed=5
    )
    ours = call(
        "KSampler", model=model, seed=5, steps=1, cfg=1.0, sampler_name="euler",
        scheduler="normal", positive=prompt, negative=prompt, latent_image={"samples": latent},
    )[0]["samples"]  # fmt: skip

    torch.testing.assert_close(theirs, ours, rtol=0, atol=0)
