import pytest
import torch
from random_models import Recording, build, wave_image, wave_latent, wave_text

from app.engine.errors import ModelFileError
from app.engine.models import memory
from app.engine.models.loading import (
    checkpoint_from_tensors,
    diffusion_model_from_tensors,
    load_checkpoint,
)
from app.engine.models.vae import VAE

CLIP = Recording("clip")
TINY = Recording("tiny")
SD2 = Recording("sd2")


@pytest.fixture(autouse=True)
def _no_gradients():
    with torch.no_grad():
        yield


@pytest.fixture(scope="module")
def shared(tiny_file, embedding_folder):
    yield load_checkpoint(tiny_file, [embedding_folder])
    memory.unload_all_models()


@pytest.mark.parametrize("case", CLIP.cases)
def test_d154_d157_text_becomes_the_recorded_conditioning(case, shared):
    entry = CLIP.cases[case]
    clip = shared.clip.clone()
    if entry["params"]["clip_layer"] is not None:
        clip.clip_layer(entry["params"]["clip_layer"])

    cond, pooled = clip.encode_from_tokens(
        clip.tokenize(entry["params"]["prompt"]), return_pooled=True
    )

    assert list(cond.shape) == entry["values"]["shape"]
    assert list(pooled.shape) == entry["values"]["pooled_shape"]
    CLIP.check(case, "slice", cond[:, ::7, ::24])
    CLIP.check(case, "pooled_slice", pooled[:, ::8])


def test_d230_to_d235_the_unet_denoises_as_recorded(shared):
    params = TINY.cases["unet/3"]["params"]
    text = shared.clip.encode(params["prompt"])
    memory.load_models_gpu([shared.model])
    noisy = wave_latent((1, 4, 8, 8)) * params["sigma"]

    denoised = shared.model.model.apply_model(
        noisy, torch.tensor([params["sigma"]]), c_crossattn=text
    )

    TINY.check("unet/3", "denoised", denoised)


def test_d171_the_vae_encodes_as_recorded(shared):
    TINY.check("vae_encode", "latent", shared.vae.encode(wave_image((1, 64, 64, 3))))


def test_d171_the_vae_decodes_as_recorded(shared):
    TINY.check("vae_decode", "image", shared.vae.decode(TINY.array("euler_normal", "out")))


def test_d172_tiled_encoding_gives_the_recorded_latent(shared):
    recorded = Recording("sd15")
    params = recorded.cases["vae_encode_tiled"]["params"]

    latent = shared.vae.encode_tiled(
        wave_image((1, 160, 128, 3)), params["tile_x"], params["tile_y"], params["overlap"]
    )

    recorded.check("vae_encode_tiled", "latent", latent)


def test_d171_pictures_of_odd_size_are_cut_around_the_middle(shared):
    picture = wave_image((1, 19, 24, 4))

    latent = shared.vae.encode(picture)

    torch.testing.assert_close(latent, shared.vae.encode(picture[:, 1:17, :, :3]))


def test_d175_the_tiny_vae_works_as_recorded():
    vae = VAE(sd=build("taesd", dtype=torch.float32))

    TINY.check("taesd", "image", vae.decode(wave_latent((1, 4, 8, 8))))
    TINY.check("taesd", "latent", vae.encode(wave_image((1, 64, 64, 3))))


def test_a_vae_names_latents_of_another_kind_of_model(shared):
    with pytest.raises(ValueError, match="16"):
        shared.vae.decode(torch.zeros(1, 16, 8, 8))


@pytest.fixture(scope="module")
def sd2_model():
    yield diffusion_model_from_tensors(build("unet_tiny_sd2"))
    memory.unload_all_models()


def test_d213_a_reduced_sd2_network_is_found_by_its_shapes(sd2_model):
    values = SD2.cases["config"]["values"]

    assert sd2_model.model.family.name == values["class"]
    assert sd2_model.model.model_type.name == values["model_type"]


def test_d233_the_sd2_network_denoises_as_recorded(sd2_model):
    memory.load_models_gpu([sd2_model])

    denoised = sd2_model.model.apply_model(
        wave_latent((1, 4, 8, 8)) * 3.0, torch.tensor([3.0]), c_crossattn=wave_text(1, 77, 1024)
    )

    SD2.check("unet/3", "denoised", denoised)


@pytest.mark.parametrize("case", ["refiner_y/1/negative", "sdxl_y/0"])
def test_d158_sizes_become_the_recorded_vector(case):
    from app.engine.models.families.vectors import refiner_vector, sdxl_vector

    values = {**SD2.cases[case]["params"], "pooled_output": wave_text(3, 1, 1280)[:, 0]}

    vector = (refiner_vector if case.startswith("refiner") else sdxl_vector)(values)

    SD2.check(case, "y", vector)


def test_a_missing_weight_names_the_file_and_the_weight(model_folder):
    from safetensors.torch import save_file

    tensors = build("unet_tiny")
    del tensors["model.diffusion_model.out.2.bias"]
    path = model_folder / "cut.safetensors"
    save_file(tensors, path)

    with pytest.raises(ModelFileError, match=r"cut\.safetensors.*out\.2\.bias"):
        load_checkpoint(path)


def test_d217_a_checkpoint_without_text_encoder_and_vae_still_loads():
    found = checkpoint_from_tensors(build("unet_tiny"))

    assert found.model is not None
    assert found.clip is None
    assert found.vae is None


def test_hooks_see_every_attention_and_can_replace_one(shared):
    seen = []
    model = shared.model.clone()
    model.set_model_attn1_patch(
        lambda q, k, v, extra: seen.append((*extra["block"], extra["block_index"])) or (q, k, v)
    )
    model.set_model_attn2_replace(lambda q, k, v, extra: torch.zeros_like(q), "middle", 0)
    memory.load_models_gpu([model])
    noisy, sigma, text = wave_latent((1, 4, 8, 8)), torch.tensor([3.0]), wave_text(1)

    changed = model.model.apply_model(
        noisy,
        sigma,
        c_crossattn=text,
        transformer_options=model.model_options["transformer_options"],
    )

    plain = model.model.apply_model(noisy, sigma, c_crossattn=text)
    assert ("middle", 0, 0) in seen
    assert len(seen) == len(set(seen)) >= 4
    assert not torch.allclose(plain, changed)


def test_wrappers_lie_around_the_network_outermost_first(shared):
    calls = []

    def wrapper(name):
        def call(executor, *args, **kwargs):
            calls.append(name)
            return executor(*args, **kwargs)

        return call

    memory.load_models_gpu([shared.model])
    options = {"wrappers": {"diffusion_model": {"a": [wrapper("first")], "b": [wrapper("second")]}}}
    noisy, sigma, text = wave_latent((1, 4, 8, 8)), torch.tensor([3.0]), wave_text(1)

    wrapped = shared.model.model.apply_model(
        noisy, sigma, c_crossattn=text, transformer_options=options
    )

    assert calls == ["first", "second"]
    torch.testing.assert_close(
        wrapped, shared.model.model.apply_model(noisy, sigma, c_crossattn=text)
    )
