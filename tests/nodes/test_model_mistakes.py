"""Wrong files and missing memory: a sentence for the artist, and the queue goes on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).parents[1] / "engine" / "models"))

import random_models
from upscale_files import esrgan

from app.engine.models import memory, upscale

PIXELS = {"class_type": "EmptyImage",
          "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 9000000}}  # fmt: skip


def widened(tensors, name, axis, size):
    """Return a weight with another length along an axis, the values repeated."""
    tensor = tensors[name]
    repeats = [1] * tensor.ndim
    repeats[axis] = -(-size // tensor.shape[axis])
    return tensor.repeat(repeats).narrow(axis, 0, size).contiguous()


@pytest.fixture(scope="module")
def files(base_dir, engine):
    """Put small random models of the right and of the wrong kind into the artist's folders."""
    models = base_dir / "models"

    def put(kind, name, tensors):
        (models / kind).mkdir(parents=True, exist_ok=True)
        save_file(tensors, models / kind / name)

    put("checkpoints", "tiny.safetensors", random_models.build("unet_tiny", "clip", "vae"))
    taesd = random_models.build("taesd", dtype=torch.float32)
    for name, axis in (("taesd_decoder.1.weight", 1),):
        taesd[name] = widened(taesd, name, axis, 16)
    last = max(
        (n for n in taesd if n.startswith("taesd_encoder.") and n.count(".") == 2),
        key=lambda n: int(n.split(".")[1]),
    ).rsplit(".", 1)[0]
    for part in ("weight", "bias"):
        if f"{last}.{part}" in taesd:
            taesd[f"{last}.{part}"] = widened(taesd, f"{last}.{part}", 0, 16)
    put("vae", "sixteen.safetensors", taesd)
    net = random_models.build("cnet_tiny")
    put("controlnet", "sd1.safetensors", net)
    wide = {
        name: widened({name: tensor}, name, 1, 1024)
        if name.endswith(("attn2.to_k.weight", "attn2.to_v.weight"))
        else tensor
        for name, tensor in net.items()
    }
    put("controlnet", "sd2.safetensors", wide)
    lora = {}
    for key in ("lora_up", "lora_down"):
        lora[f"lora_unet_double_blocks_0_img_attn_qkv.{key}.weight"] = torch.ones(4, 4)
    put("loras", "flux.safetensors", lora)
    put("upscale_models", "four.safetensors", esrgan(4))
    yield
    memory.unload_all_models()


def text_to_picture(**changes):
    prompt = {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "tiny.safetensors"}},
        "2": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["1", 1], "text": "an apple"}},
        "4": {
            "class_type": "EmptyLatentImage",
            "inputs": {"width": 64, "height": 64, "batch_size": 1},
        },
        "5": {
            "class_type": "KSampler",
            "inputs": {
                "model": ["1", 0], "seed": 1, "steps": 1, "cfg": 1.5, "sampler_name": "euler",
                "scheduler": "normal", "positive": ["2", 0], "negative": ["2", 0],
                "latent_image": ["4", 0], "denoise": 1.0,
            },
        },
        "6": {"class_type": "VAEDecode", "inputs": {"samples": ["5", 0], "vae": ["1", 2]}},
        "7": {"class_type": "PreviewImage", "inputs": {"images": ["6", 0]}},
    }  # fmt: skip
    prompt.update(changes)
    return prompt


FINE = {"1": PIXELS, "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}}}


def sentence(engine, prompt):
    """Queue a prompt and a good one behind it; return what the artist reads about the first."""
    engine.submit(prompt)
    engine.submit(FINE)
    first, second = engine.run_next(), engine.run_next()
    assert first.status == "error"
    assert second.status == "success"
    assert second.outputs["2"]["images"]
    return first.error["exception_message"]


def encode_with(vae, **changes):
    prompt = text_to_picture(**changes)
    prompt["8"] = PIXELS
    prompt["9"] = {"class_type": "VAEEncode", "inputs": {"pixels": ["8", 0], "vae": vae}}
    prompt["5"]["inputs"] |= {"latent_image": ["9", 0], "denoise": 0.6}
    return prompt


SIXTEEN = {"class_type": "VAELoader", "inputs": {"vae_name": "sixteen.safetensors"}}


def test_a_missing_checkpoint_is_named(engine, files):
    prompt = text_to_picture()
    prompt["1"]["inputs"]["ckpt_name"] = "gone.safetensors"
    engine.submit(prompt)
    engine.submit(FINE)

    first, second = engine.run_next(), engine.run_next()

    problem = first.node_errors["1"]["errors"][0]
    assert "gone.safetensors" in problem["details"]
    assert second.status == "success"


def test_a_checkpoint_that_vanishes_while_its_prompt_waits_is_named(engine, files, base_dir):
    path = base_dir / "models" / "checkpoints" / "brief.safetensors"
    save_file({"a": torch.zeros(1)}, path)
    prompt = text_to_picture()
    prompt["1"]["inputs"]["ckpt_name"] = "brief.safetensors"
    assert "not a diffusion model" in sentence(engine, prompt)

    path.unlink()
    engine.submit(prompt)
    gone = engine.run_next()

    told = str(gone.node_errors) + str(gone.error)
    assert "brief.safetensors" in told


def test_a_vae_of_another_family_cannot_decode(engine, files):
    prompt = text_to_picture()
    prompt["10"] = SIXTEEN
    prompt["6"]["inputs"]["vae"] = ["10", 0]

    told = sentence(engine, prompt)

    assert "This VAE is for latents with 16 channels, these have 4." in told


def test_latents_of_another_familys_vae_cannot_be_sampled(engine, files):
    told = sentence(engine, encode_with(["10", 0], **{"10": SIXTEEN}))

    assert "These latents have 16 channels, and this model takes 4." in told
    assert "VAE" in told


def test_a_controlnet_of_another_family_says_so(engine, files):
    prompt = text_to_picture()
    prompt["11"] = {
        "class_type": "ControlNetLoader",
        "inputs": {"control_net_name": "sd2.safetensors"},
    }
    prompt["12"] = PIXELS
    prompt["13"] = {
        "class_type": "ControlNetApplyAdvanced",
        "inputs": {
            "positive": ["2", 0], "negative": ["2", 0], "control_net": ["11", 0],
            "image": ["12", 0], "strength": 1.0, "start_percent": 0.0, "end_percent": 1.0,
        },
    }  # fmt: skip
    prompt["5"]["inputs"] |= {"positive": ["13", 0], "negative": ["13", 1]}

    told = sentence(engine, prompt)

    assert "another kind of model" in told
    assert "768 wide, and this ControlNet takes 1024" in told

    prompt["11"]["inputs"]["control_net_name"] = "sd1.safetensors"
    assert engine.run(prompt).status == "success"


def test_a_lora_of_another_family_changes_nothing_and_says_so(engine, files, caplog):
    prompt = text_to_picture()
    plain = engine.run(prompt, targets=["7", ("6", 0)])
    prompt["14"] = {
        "class_type": "LoraLoader",
        "inputs": {
            "model": ["1", 0], "clip": ["1", 1], "lora_name": "flux.safetensors",
            "strength_model": 1.0, "strength_clip": 1.0,
        },
    }  # fmt: skip
    prompt["5"]["inputs"]["model"] = ["14", 0]

    changed = engine.run(prompt, targets=["7", ("6", 0)])

    assert torch.equal(plain.results[("6", 0)][0], changed.results[("6", 0)][0])
    assert "made for another kind of model" in caplog.text


def test_a_file_of_another_kind_in_the_menu_says_what_it_is(engine, files, base_dir):
    net = base_dir / "models" / "controlnet" / "sd1.safetensors"
    target = base_dir / "models" / "vae" / "not_a_vae.safetensors"
    target.write_bytes(net.read_bytes())
    prompt = text_to_picture()
    prompt["10"] = {"class_type": "VAELoader", "inputs": {"vae_name": "not_a_vae.safetensors"}}
    prompt["6"]["inputs"]["vae"] = ["10", 0]

    told = sentence(engine, prompt)

    assert '"not_a_vae.safetensors" cannot be used.' in told
    assert "ControlNet" in told


def starve(monkeypatch, owner, name):
    """Let a method run out of memory whenever it is called."""

    def scarce(*arguments, **named):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1")

    monkeypatch.setattr(owner, name, scarce)


def starve_load(monkeypatch):
    from app.engine.models.weight_store import WeightStore

    starve(monkeypatch, WeightStore, "_place")
    return text_to_picture(), "loading this model"


def starve_sampling(monkeypatch):
    from app.engine.models.unet import UNetModel

    starve(monkeypatch, UNetModel, "_forward")
    return text_to_picture(), "sampling a picture of this size"


def starve_decode(monkeypatch):
    from app.engine.models.autoencoder import AutoencoderKL

    starve(monkeypatch, AutoencoderKL, "decode")
    return text_to_picture(), "decoding a picture"


def starve_encode(monkeypatch):
    from app.engine.models.autoencoder import AutoencoderKL

    starve(monkeypatch, AutoencoderKL, "encode")
    return encode_with(["1", 2]), "encoding a picture"


def starve_text(monkeypatch):
    from app.engine.models.text_encoding import TextModel

    starve(monkeypatch, TextModel, "encode_token_weights")
    return text_to_picture(), "encoding the text"


def starve_upscale(monkeypatch):
    if upscale.missing_packages():
        pytest.skip("spandrel is not installed; see requirements-extra.lock")
    spandrel = upscale.import_spandrel()
    starve(monkeypatch, spandrel.ImageModelDescriptor, "__call__")
    return {
        "1": PIXELS,
        "2": {
            "class_type": "UpscaleModelLoader",
            "inputs": {"model_name": "four.safetensors"},
        },
        "3": {
            "class_type": "ImageUpscaleWithModel",
            "inputs": {"upscale_model": ["2", 0], "image": ["1", 0]},
        },
        "4": {"class_type": "PreviewImage", "inputs": {"images": ["3", 0]}},
    }, "upscaling this picture"


@pytest.mark.parametrize(
    "stage",
    [starve_load, starve_sampling, starve_decode, starve_encode, starve_text, starve_upscale],
)
def test_missing_memory_is_a_sentence_and_the_next_run_is_whole(engine, files, stage):
    engine.free(free_memory=True)
    with pytest.MonkeyPatch.context() as patch:
        prompt, what = stage(patch)
        told = sentence(engine, prompt)

    assert told.startswith(f"There is not enough memory for {what}. Use a smaller picture")
    assert "There was" not in told
    assert memory.loaded_models() == []
    assert engine.run(prompt).status == "success"


def test_free_memory_lets_all_models_go_and_they_load_again(engine, files):
    assert engine.run(text_to_picture()).status == "success"
    assert memory.memory_use()["models"] > 0

    engine.free(unload_models=True, free_memory=True)

    assert memory.memory_use()["models"] == 0
    assert engine.run(text_to_picture()).status == "success"
