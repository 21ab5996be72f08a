"""Flux and SD3 through the nodes of the built-in pack: from files to a picture, and mistakes."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "engine" / "models"))

import transformer_models as small

from app.engine.errors import ModelFileError

TEXT = 32


@pytest.fixture(scope="module")
def files(base_dir, engine):
    """Put small random models into the artist's folders."""
    from safetensors.torch import save_file

    def put(folder, name, tensors):
        place = base_dir / "models" / folder
        place.mkdir(parents=True, exist_ok=True)
        save_file(tensors, place / name)

    flux = small.fill(small.flux_shapes(text=TEXT, pooled=768))
    clip = small.fill(small.clip_shapes())
    t5 = small.fill(small.t5_shapes(words=32128, width=TEXT))
    vae = small.fill(small.vae_shapes())
    put("diffusion_models", "flux.safetensors", flux)
    put("text_encoders", "clip_l.safetensors", clip)
    put("text_encoders", "t5.safetensors", t5)
    put("vae", "ae.safetensors", vae)
    whole = {
        **{f"model.diffusion_model.{name}": one for name, one in flux.items()},
        **{f"text_encoders.clip_l.transformer.{name}": one for name, one in clip.items()},
        **{f"text_encoders.t5xxl.transformer.{name}": one for name, one in t5.items()},
        **{f"vae.{name}": one for name, one in vae.items()},
    }
    put("checkpoints", "flux_whole.safetensors", whole)
    sd3 = small.fill(small.mmdit_shapes(dual=(0,), text=4096, pooled=2048))
    put("diffusion_models", "sd3.safetensors", sd3)
    lora = {
        "transformer.transformer_blocks.0.attn.to_q.lora_A.weight": torch.ones(2, 96) * 0.1,
        "transformer.transformer_blocks.0.attn.to_q.lora_B.weight": torch.ones(96, 2) * 0.1,
    }
    put("loras", "style.safetensors", lora)
    yield
    from app.engine.models import memory

    memory.unload_all_models()


def node(kind, **inputs):
    return {"class_type": kind, "inputs": inputs}


def flux_prompt(**changes):
    """Return a text to picture prompt with the parts in files of their own, 64 px wide."""
    prompt = {
        "model": node("UNETLoader", unet_name="flux.safetensors", weight_dtype="default"),
        "clip": node(
            "DualCLIPLoader", clip_name1="t5.safetensors", clip_name2="clip_l.safetensors",
            type="flux",
        ),
        "vae": node("VAELoader", vae_name="ae.safetensors"),
        "text": node("CLIPTextEncode", clip=["clip", 0], text="a red apple"),
        "guidance": node("FluxGuidance", conditioning=["text", 0], guidance=2.5),
        "shifted": node(
            "ModelSamplingFlux", model=["model", 0], max_shift=1.15, base_shift=0.5, width=64,
            height=64,
        ),
        "latent": node("EmptySD3LatentImage", width=64, height=64, batch_size=1),
        "noise": node("RandomNoise", noise_seed=5),
        "guider": node("BasicGuider", model=["shifted", 0], conditioning=["guidance", 0]),
        "sampler": node("KSamplerSelect", sampler_name="euler"),
        "sigmas": node(
            "BasicScheduler", model=["shifted", 0], scheduler="simple", steps=2, denoise=1.0
        ),
        "run": node(
            "SamplerCustomAdvanced", noise=["noise", 0], guider=["guider", 0],
            sampler=["sampler", 0], sigmas=["sigmas", 0], latent_image=["latent", 0],
        ),
        "decode": node("VAEDecode", samples=["run", 0], vae=["vae", 0]),
        "save": node("SaveImage", images=["decode", 0], filename_prefix="flux"),
    }  # fmt: skip
    return {**prompt, **changes}


def picture(result, base_dir):
    assert result.error is None, result.error
    (saved,) = result.outputs["save"]["images"]
    with Image.open(base_dir / "output" / saved["subfolder"] / saved["filename"]) as image:
        return np.asarray(image.convert("RGB"))


def test_flux_makes_a_picture_from_files_of_their_own(engine, base_dir, files):
    found = picture(engine.run(flux_prompt()), base_dir)
    again = picture(engine.run(flux_prompt()), base_dir)
    other = picture(engine.run(flux_prompt(noise=node("RandomNoise", noise_seed=6))), base_dir)

    assert found.shape == (64, 64, 3)
    assert found.std() > 0
    np.testing.assert_array_equal(found, again)
    assert not np.array_equal(found, other)


def test_flux_makes_the_same_picture_from_one_file(engine, base_dir, files):
    whole = node("CheckpointLoaderSimple", ckpt_name="flux_whole.safetensors")
    prompt = flux_prompt(model=whole)
    prompt["text"]["inputs"]["clip"] = ["model", 1]
    prompt["decode"]["inputs"]["vae"] = ["model", 2]
    del prompt["clip"], prompt["vae"]

    np.testing.assert_array_equal(
        picture(engine.run(prompt), base_dir), picture(engine.run(flux_prompt()), base_dir)
    )


def test_d160_guidance_and_its_absence_change_the_picture(engine, base_dir, files):
    strong = node("FluxGuidance", conditioning=["text", 0], guidance=30.0)
    none = node("FluxDisableGuidance", conditioning=["text", 0])

    pictures = [
        picture(engine.run(flux_prompt(**changes)), base_dir)
        for changes in ({}, {"guidance": strong}, {"guidance": none})
    ]

    assert not np.array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[0], pictures[2])


def test_a_lora_changes_the_picture(engine, base_dir, files):
    lora = node(
        "LoraLoaderModelOnly", model=["model", 0], lora_name="style.safetensors",
        strength_model=1.0,
    )  # fmt: skip
    prompt = flux_prompt(lora=lora)
    prompt["shifted"]["inputs"]["model"] = ["lora", 0]

    changed = picture(engine.run(prompt), base_dir)

    assert not np.array_equal(changed, picture(engine.run(flux_prompt()), base_dir))


def test_a_picture_to_edit_changes_what_is_made(engine, base_dir, files):
    prompt = flux_prompt(
        image=node("EmptyImage", width=32, height=48, batch_size=1, color=0xFF8000),
        encoded=node("VAEEncode", pixels=["image", 0], vae=["vae", 0]),
        reference=node("ReferenceLatent", conditioning=["text", 0], latent=["encoded", 0]),
        placed=node(
            "FluxKontextMultiReferenceLatentMethod", conditioning=["reference", 0],
            reference_latents_method="uxo/uno",
        ),
    )  # fmt: skip
    pictures = [picture(engine.run(flux_prompt()), base_dir)]
    for source in ("reference", "placed"):
        prompt["guidance"]["inputs"]["conditioning"] = [source, 0]
        pictures.append(picture(engine.run(prompt), base_dir))

    assert not np.array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[1], pictures[2])


def test_flux_fill_looks_at_the_picture_and_the_mask(engine, base_dir, files):
    from safetensors.torch import save_file

    tensors = small.fill(small.flux_shapes(text=TEXT, pooled=768, channels=96))
    save_file(tensors, base_dir / "models" / "diffusion_models" / "fill.safetensors")

    def filled(value):
        prompt = flux_prompt(
            model=node("UNETLoader", unet_name="fill.safetensors", weight_dtype="default"),
            image=node("EmptyImage", width=64, height=64, batch_size=1, color=0x2080FF),
            mask=node("SolidMask", width=64, height=64, value=value),
            inpaint=node(
                "InpaintModelConditioning", positive=["guidance", 0], negative=["guidance", 0],
                vae=["vae", 0], pixels=["image", 0], mask=["mask", 0], noise_mask=False,
            ),
        )  # fmt: skip
        prompt["guider"]["inputs"]["conditioning"] = ["inpaint", 0]
        prompt["run"]["inputs"]["latent_image"] = ["inpaint", 2]
        return picture(engine.run(prompt), base_dir)

    assert not np.array_equal(filled(1.0), filled(0.0))


def test_a_lora_lets_flux_follow_a_second_picture(engine, base_dir, files):
    from safetensors.torch import save_file

    lora = {
        "img_in.lora_A.weight": small.gaussian("down", (2, 128)),
        "img_in.lora_B.weight": small.gaussian("up", (96, 2)),
        "single_blocks.0.norm.key_norm.scale": torch.ones(32),
    }
    save_file(lora, base_dir / "models" / "loras" / "canny.safetensors")

    def followed(color):
        prompt = flux_prompt(
            lora=node(
                "LoraLoaderModelOnly", model=["model", 0], lora_name="canny.safetensors",
                strength_model=1.0,
            ),
            image=node("EmptyImage", width=64, height=64, batch_size=1, color=color),
            pair=node(
                "InstructPixToPixConditioning", positive=["guidance", 0],
                negative=["guidance", 0], vae=["vae", 0], pixels=["image", 0],
            ),
        )  # fmt: skip
        prompt["shifted"]["inputs"]["model"] = ["lora", 0]
        prompt["guider"]["inputs"]["conditioning"] = ["pair", 0]
        return picture(engine.run(prompt), base_dir)

    assert not np.array_equal(followed(0xFFFFFF), followed(0x000000))


def sd3_prompt():
    sampler = {
        "seed": 1, "steps": 2, "cfg": 4.0, "sampler_name": "dpmpp_2m", "scheduler": "sgm_uniform",
        "denoise": 1.0,
    }  # fmt: skip
    return {
        "model": node("UNETLoader", unet_name="sd3.safetensors", weight_dtype="default"),
        "shifted": node("ModelSamplingSD3", model=["model", 0], shift=3.0),
        "clip": node("CLIPLoader", clip_name="clip_l.safetensors", type="sd3"),
        "vae": node("VAELoader", vae_name="ae.safetensors"),
        "text": node(
            "CLIPTextEncodeSD3", clip=["clip", 0], clip_l="a red apple", clip_g="", t5xxl="",
            empty_padding="none",
        ),
        "empty": node("ConditioningZeroOut", conditioning=["text", 0]),
        "latent": node("EmptySD3LatentImage", width=64, height=48, batch_size=1),
        "run": node(
            "KSampler", model=["shifted", 0], positive=["text", 0], negative=["empty", 0],
            latent_image=["latent", 0], **sampler,
        ),
        "decode": node("VAEDecode", samples=["run", 0], vae=["vae", 0]),
        "save": node("SaveImage", images=["decode", 0], filename_prefix="sd3"),
    }  # fmt: skip


def test_sd3_makes_a_picture(engine, base_dir, files):
    found = picture(engine.run(sd3_prompt()), base_dir)

    assert found.shape == (48, 64, 3)
    assert found.std() > 0
    np.testing.assert_array_equal(found, picture(engine.run(sd3_prompt()), base_dir))


def test_sd3_is_guided_away_from_what_it_makes_without_a_layer(engine, base_dir, files):
    prompt = sd3_prompt()
    prompt["skip"] = node(
        "SkipLayerGuidanceSD3", model=["shifted", 0], layers="1", scale=3.0, start_percent=0.0,
        end_percent=1.0,
    )  # fmt: skip
    prompt["run"]["inputs"]["model"] = ["skip", 0]

    guided = picture(engine.run(prompt), base_dir)

    assert not np.array_equal(guided, picture(engine.run(sd3_prompt()), base_dir))


def message(engine, prompt):
    result = engine.run(prompt)
    assert result.error is not None
    return str(result.error)


def test_prompts_of_the_wrong_text_encoder_are_refused_in_words_and_the_queue_goes_on(
    engine, base_dir, files
):
    wrong = flux_prompt(clip=node("CLIPLoader", clip_name="clip_l.safetensors", type="sd3"))

    words = message(engine, wrong)

    assert "encoded for another kind of model" in words
    assert "DualCLIPLoader, type flux" in words
    assert picture(engine.run(flux_prompt()), base_dir).shape == (64, 64, 3)


def test_a_vae_of_another_kind_is_refused_in_words(engine, base_dir, files):
    from safetensors.torch import save_file

    tensors = small.fill(small.vae_shapes(channels=4))
    save_file(tensors, base_dir / "models" / "vae" / "sd15_vae.safetensors")

    words = message(engine, flux_prompt(vae=node("VAELoader", vae_name="sd15_vae.safetensors")))

    assert "This VAE is for latents with 4 channels, these have 16" in words


def test_flux_without_t5_is_refused_in_words(call, files):
    with pytest.raises(ModelFileError, match="Flux needs one CLIP-L and one T5"):
        call(
            "DualCLIPLoader", clip_name1="clip_l.safetensors", clip_name2="clip_l.safetensors",
            type="flux",
        )  # fmt: skip
    (clip,) = call("CLIPLoader", clip_name="clip_l.safetensors")
    with pytest.raises(ValueError, match="no T5, which Flux needs"):
        call("CLIPTextEncodeFlux", clip=clip, clip_l="", t5xxl="", guidance=3.5)
    with pytest.raises(RuntimeError, match="no text encoder"):
        call("CLIPTextEncodeFlux", clip=None, clip_l="", t5xxl="", guidance=3.5)


def test_d159_clip_text_encode_flux_gives_each_encoder_its_text(call, files):
    (clip,) = call(
        "DualCLIPLoader", clip_name1="clip_l.safetensors", clip_name2="t5.safetensors", type="flux"
    )
    ((one,),) = call("CLIPTextEncodeFlux", clip=clip, clip_l="cat", t5xxl="dog", guidance=4.0)
    ((dog,),) = call("CLIPTextEncode", clip=clip, text="dog")
    ((cat,),) = call("CLIPTextEncode", clip=clip, text="cat")

    assert torch.equal(one[0], dog[0])
    assert torch.equal(one[1]["pooled_output"], cat[1]["pooled_output"])
    assert one[1]["guidance"] == 4.0


def test_t5_tokenizer_options_change_a_view_of_the_encoder(call, files):
    (clip,) = call(
        "DualCLIPLoader", clip_name1="clip_l.safetensors", clip_name2="t5.safetensors", type="flux"
    )

    (changed,) = call("T5TokenizerOptions", clip=clip, min_padding=0, min_length=12)

    assert len(changed.tokenize("cat")["t5xxl"][0]) == 12
    assert len(clip.tokenize("cat")["t5xxl"][0]) == 256


def test_triple_clip_loader_names_files_that_do_not_go_together(call, files, base_dir):
    from safetensors.torch import save_file

    place = base_dir / "models" / "text_encoders" / "flux_again.safetensors"
    save_file(small.fill(small.flux_shapes()), place)

    with pytest.raises(ModelFileError, match="it looks like a diffusion model"):
        call(
            "TripleCLIPLoader", clip_name1="clip_l.safetensors", clip_name2="t5.safetensors",
            clip_name3="flux_again.safetensors",
        )  # fmt: skip


def test_empty_latents_have_the_channels_of_their_models(call, files):
    (sixteen,) = call("EmptySD3LatentImage", width=1024, height=512, batch_size=2)
    (flux2,) = call("EmptyFlux2LatentImage", width=1024, height=512, batch_size=2)

    assert sixteen["samples"].shape == (2, 16, 64, 128)
    assert flux2["samples"].shape == (2, 128, 32, 64)
    assert not sixteen["samples"].any()


def test_flux2_scheduler_falls_from_one_to_nothing(call, files):
    (sigmas,) = call("Flux2Scheduler", steps=20, width=1024, height=1024)
    (large,) = call("Flux2Scheduler", steps=20, width=2048, height=2048)

    assert sigmas.shape == (21,)
    assert sigmas[0] == 1
    assert sigmas[-1] == 0
    assert (sigmas.diff() < 0).all()
    shift = 2.198022
    middle = float(np.exp(shift) / (np.exp(shift) + 1))
    assert float(sigmas[10]) == pytest.approx(middle, abs=1e-5)
    assert float(large[10]) > float(sigmas[10])
