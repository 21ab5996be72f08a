"""Full-size random networks; set EASEL_FULL_MODELS=1 to run them (minutes, 3 GB of disk)."""

import os

import pytest
import torch
from random_models import Recording, build, build_lora, clip_text_weights, wave_image, wave_latent
from safetensors.torch import save_file

from app.engine.diffusion.run import sample_latent
from app.engine.models import memory
from app.engine.models.loading import apply_lora, load_checkpoint, load_clip

pytestmark = pytest.mark.skipif(
    not os.environ.get("EASEL_FULL_MODELS"), reason="EASEL_FULL_MODELS is not set"
)
SD15 = Recording("sd15")
SDXL = Recording("sdxl_clip")


@pytest.fixture(scope="module")
def sd15(tmp_path_factory):
    path = tmp_path_factory.mktemp("sd15") / "sd15.safetensors"
    save_file(build("unet", "clip", "vae"), path)
    checkpoint = load_checkpoint(path)
    clip = checkpoint.clip
    positive = clip.encode_from_tokens_scheduled(
        clip.tokenize("a photo of a cat, (highly detailed:1.3)")
    )
    negative = clip.encode_from_tokens_scheduled(clip.tokenize("blurry, low quality"))
    yield checkpoint, positive, negative
    memory.unload_all_models()


def test_d212_the_configuration_is_read_from_shapes(sd15):
    from app.engine.models.detect import unet_facts
    from app.engine.models.unet import shapes_of

    network = sd15[0].model.model.diffusion_model
    facts = unet_facts(shapes_of(dict(network.named_parameters())))
    recorded = SD15.cases["config"]["values"]["unet_config"]

    assert sd15[0].model.model.family.name == SD15.cases["config"]["values"]["class"]
    for name in ("channel_mult", "num_res_blocks", "transformer_depth", "transformer_depth_output"):
        assert list(getattr(facts, name)) == recorded[name]
    for name in ("model_channels", "in_channels", "out_channels", "context_dim", "adm_in_channels",
                 "transformer_depth_middle"):  # fmt: skip
        assert getattr(facts, name) == recorded[name]
    assert facts.use_linear == recorded["use_linear_in_transformer"]


def test_d030_half_a_run_from_an_encoded_picture_gives_the_recorded_latent(sd15):
    checkpoint, positive, negative = sd15
    params = SD15.cases["img2img"]["params"]
    start = {"samples": SD15.array("vae_encode", "latent").float()}

    result = sample_latent(
        checkpoint.model, params["seed"], params["steps"], params["cfg"], params["sampler"],
        params["scheduler"], positive, negative, start, denoise=params["denoise"],
    )  # fmt: skip

    SD15.check("img2img", "out", result["samples"])


@pytest.mark.parametrize("case", ["euler_normal", "dpmpp_2m_karras", "cfg1", "lora"])
def test_a_full_size_run_gives_the_recorded_latent(case, sd15):
    checkpoint, positive, negative = sd15
    params = SD15.cases[case]["params"]
    model = checkpoint.model
    if case == "lora":
        model, _ = apply_lora(model, None, build_lora(), 0.8, 0)

    result = sample_latent(
        model, params["seed"], params["steps"], params["cfg"], params["sampler"],
        params["scheduler"], positive, negative,
        {"samples": torch.zeros(params["latent_shape"])},
    )  # fmt: skip

    SD15.check(case, "out", result["samples"])


def test_the_full_size_unet_denoises_as_recorded(sd15):
    checkpoint, positive, _ = sd15
    memory.load_models_gpu([checkpoint.model])

    with torch.no_grad():
        denoised = checkpoint.model.model.apply_model(
            wave_latent((1, 4, 8, 8)) * 3.0, torch.tensor([3.0]), c_crossattn=positive[0][0]
        )

    SD15.check("unet/3", "denoised", denoised)


def test_the_full_size_vae_works_as_recorded(sd15):
    vae = sd15[0].vae

    SD15.check("vae_encode", "latent", vae.encode(wave_image((1, 64, 64, 3))))
    SD15.check("vae_decode", "image", vae.decode(SD15.array("euler_normal", "out")))


@pytest.fixture(scope="module")
def sdxl_clip(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sdxl")
    save_file(clip_text_weights("clip_l", 768, 3072, 12, False), folder / "l.safetensors")
    save_file(clip_text_weights("clip_g", 1280, 5120, 32, True), folder / "g.safetensors")
    yield load_clip([folder / "l.safetensors", folder / "g.safetensors"])
    memory.unload_all_models()


@pytest.mark.parametrize("case", SDXL.cases)
def test_d157_both_sdxl_encoders_give_the_recorded_conditioning(case, sdxl_clip):
    entry = SDXL.cases[case]

    cond, pooled = sdxl_clip.encode_from_tokens(
        sdxl_clip.tokenize(entry["params"]["prompt"]), return_pooled=True
    )

    assert list(cond.shape) == entry["values"]["shape"]
    SDXL.check(case, "slice", cond[:, ::7, ::32])
    SDXL.check(case, "pooled", pooled)
