"""Pictures and boxes beside the prompt: style models, GLIGEN, unCLIP, editing and turning."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).parents[1] / "engine" / "models"))

import random_models

from app.engine.diffusion.run import sample_latent
from app.engine.errors import ModelFileError
from app.engine.models import memory
from app.engine.models.families import find_family
from app.engine.models.families.sd2_unclip import add_noise, unclip_vector
from app.engine.models.loading import checkpoint_from_tensors
from app.engine.models.unet import shapes_of

POSITIVE = [[random_models.wave_text(1), {}]]
NEGATIVE = [[random_models.wave_text(2), {}]]


@pytest.fixture(scope="module")
def model(engine):
    yield checkpoint_from_tensors(random_models.build("unet_tiny")).model
    memory.unload_all_models()


def sampled(model, positive):
    latent = {"samples": torch.zeros(1, 4, 8, 8)}
    return sample_latent(model, 7, 2, 3.0, "euler", "normal", positive, NEGATIVE, latent)["samples"]


def put(base_dir, kind, name, shapes):
    """Write random weights into the artist's folder."""
    folder = base_dir / "models" / kind
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {key: random_models.gaussian(key, shape) * 0.1 for key, shape in shapes.items()}
    save_file(tensors, folder / name)


def style_shapes(width=64, context=768, tokens=8):
    shapes = {"style_embedding": (1, tokens, width), "proj": (width, context)}
    for part in ("ln_post", "ln_pre", *(f"transformer_layes.0.ln_{n}" for n in (1, 2))):
        shapes[f"{part}.weight"] = shapes[f"{part}.bias"] = (width,)
    block = "transformer_layes.0."
    for part, rows, columns in (
        ("attn.out_proj", width, width),
        ("mlp.c_fc", 4 * width, width),
        ("mlp.c_proj", width, 4 * width),
    ):
        shapes[f"{block}{part}.weight"] = (rows, columns)
        shapes[f"{block}{part}.bias"] = (rows,)
    shapes[block + "attn.in_proj_weight"] = (3 * width, width)
    shapes[block + "attn.in_proj_bias"] = (3 * width,)
    return shapes


def test_a_style_model_adds_words_behind_the_prompt(base_dir, call):
    put(base_dir, "style_models", "style.safetensors", style_shapes())
    picture = SimpleNamespace(last_hidden_state=random_models.gaussian("seen", (1, 5, 64)))

    (style,) = call("StyleModelLoader", style_model_name="style.safetensors")
    (loud,) = call(
        "StyleModelApply", conditioning=POSITIVE, style_model=style, clip_vision_output=picture,
        strength=2.0, strength_type="multiply",
    )  # fmt: skip
    (plain,) = call(
        "StyleModelApply", conditioning=POSITIVE, style_model=style, clip_vision_output=picture,
        strength=1.0, strength_type="multiply",
    )  # fmt: skip

    assert plain[0][0].shape == (1, 85, 768)
    torch.testing.assert_close(plain[0][0][:, :77], POSITIVE[0][0])
    torch.testing.assert_close(loud[0][0][:, 77:], plain[0][0][:, 77:] * 2)


def test_an_attention_bias_says_how_much_the_picture_is_looked_at(base_dir, call):
    put(base_dir, "style_models", "style.safetensors", style_shapes())
    picture = SimpleNamespace(last_hidden_state=random_models.gaussian("seen", (1, 5, 64)))
    (style,) = call("StyleModelLoader", style_model_name="style.safetensors")

    (quiet,) = call(
        "StyleModelApply", conditioning=POSITIVE, style_model=style, clip_vision_output=picture,
        strength=0.5, strength_type="attn_bias",
    )  # fmt: skip

    mask = quiet[0][1]["attention_mask"].float()
    assert mask.shape == (1, 86, 86)
    assert mask[0, 0, 77:85].tolist() == pytest.approx([-0.6931] * 8, abs=1e-3)
    assert float(mask[0, :77, :77].abs().max()) == 0


def gligen_shapes(width=320, context=768):
    shapes = {
        "position_net.null_positive_feature": (context,),
        "position_net.null_position_feature": (64,),
    }
    for index, rows, columns in ((0, 32, context + 64), (2, 32, 32), (4, context, 32)):
        shapes[f"position_net.linears.{index}.weight"] = (rows, columns)
        shapes[f"position_net.linears.{index}.bias"] = (rows,)
    stem = "input_blocks.1.1.transformer_blocks.0.fuser."
    shapes.update({stem + "alpha_attn": (), stem + "alpha_dense": ()})
    for part in ("to_q", "to_k", "to_v"):
        shapes[f"{stem}attn.{part}.weight"] = (width, width)
    for part, rows, columns in (
        ("attn.to_out.0", width, width),
        ("linear", width, context),
        ("ff.net.0.proj", 2 * width, width),
        ("ff.net.2", width, width),
    ):
        shapes[f"{stem}{part}.weight"] = (rows, columns)
        shapes[f"{stem}{part}.bias"] = (rows,)
    for part in ("norm1", "norm2"):
        shapes[f"{stem}{part}.weight"] = shapes[f"{stem}{part}.bias"] = (width,)
    return shapes


class Encoder:
    """Stands for a text encoder: the pooled vector follows from the text."""

    def tokenize(self, text):
        return text

    def encode_from_tokens(self, tokens, return_pooled):
        assert return_pooled == "unprojected"
        return None, random_models.gaussian(tokens, (1, 768))


def test_a_box_changes_the_picture_and_its_place_counts(base_dir, call, model):
    put(base_dir, "gligen", "boxes.safetensors", gligen_shapes())
    (gligen,) = call("GLIGENLoader", gligen_name="boxes.safetensors")

    def placed(x, text="an apple"):
        (prompt,) = call(
            "GLIGENTextBoxApply", conditioning_to=POSITIVE, clip=Encoder(),
            gligen_textbox_model=gligen, text=text, width=32, height=32, x=x, y=0,
        )  # fmt: skip
        return prompt

    plain, left, right = (sampled(model, p) for p in (POSITIVE, placed(0), placed(32)))

    assert not torch.allclose(left, plain, rtol=1e-4)
    assert not torch.allclose(left, right, rtol=1e-4)
    assert placed(8)[0][1]["gligen"][2][0][1:] == (4, 4, 0, 1)
    torch.testing.assert_close(sampled(model, POSITIVE), plain)


@pytest.mark.parametrize(
    ("kind", "node", "value"),
    [
        ("gligen", "GLIGENLoader", "gligen_name"),
        ("style_models", "StyleModelLoader", "style_model_name"),
    ],
)
def test_a_file_of_another_kind_is_refused_by_name(kind, node, value, base_dir, call):
    put(base_dir, kind, "wrong.safetensors", {"lora_unet_x.lora_up.weight": (4, 4)})

    with pytest.raises(ModelFileError, match=r'"wrong\.safetensors" is not .* a LoRA'):
        call(node, **{value: "wrong.safetensors"})


def test_an_unclip_model_is_known_by_its_vector_and_needs_its_own_encoder():
    stem = "model.diffusion_model."
    tensors = random_models.build("unet_tiny_sd2")
    shapes = {name.removeprefix(stem): size for name, size in shapes_of(tensors).items()}
    shapes["label_emb.0.0.weight"] = (1280, 2048)
    assert find_family(shapes).name == "SD21UnclipH"
    shapes["label_emb.0.0.weight"] = (1280, 1536)
    assert find_family(shapes).name == "SD21UnclipL"

    assert float(unclip_vector({}, 1536).abs().max()) == 0
    entry = {
        "clip_vision_output": SimpleNamespace(image_embeds=torch.ones(1, 1024)),
        "strength": 0.5,
        "noise_augmentation": 0.0,
    }
    with pytest.raises(ValueError, match="same checkpoint"):
        unclip_vector({"unclip_conditioning": [entry]}, 1536)
    found = unclip_vector({"unclip_conditioning": [entry], "seed": 3}, 2048)
    assert found.shape == (1, 2048)
    assert float(found[0, :1024].mean()) == pytest.approx(0.5, abs=0.02)
    two = unclip_vector({"unclip_conditioning": [entry, entry], "seed": 3}, 2048)
    assert not torch.allclose(two, found * 2)


def test_more_noise_keeps_less_of_the_picture():
    picture = torch.ones(1, 512)

    near, far = (add_noise(picture, amount, 1)[0, :512] for amount in (0.0, 0.9))

    assert float((near - 1).abs().max()) < 0.05
    assert float((far - 1).abs().mean()) > 0.5


class Vae:
    """Stands for a VAE: the mean of each cell's colours."""

    def encode(self, pixels):
        cells = torch.nn.functional.avg_pool2d(pixels.movedim(-1, 1), 8)
        return torch.cat([cells, cells[:, :1]], dim=1)


def test_an_editing_model_gets_the_picture_on_both_prompts(call):
    pixels = random_models.wave_image((1, 70, 67, 3))

    positive, negative, latent = call(
        "InstructPixToPixConditioning", positive=POSITIVE, negative=NEGATIVE, pixels=pixels,
        vae=Vae(),
    )  # fmt: skip

    assert latent["samples"].shape == (1, 4, 8, 8)
    assert float(latent["samples"].abs().max()) == 0
    for prompt in (positive, negative):
        torch.testing.assert_close(
            prompt[0][1]["concat_latent_image"], Vae().encode(pixels[:, 3:67, 1:65])
        )


def test_upscale_conditioning_brings_the_small_picture_to_the_latents_size(call):
    positive, _, latent = call(
        "SD_4XUpscale_Conditioning", images=random_models.wave_image((1, 32, 48, 3)),
        positive=POSITIVE, negative=NEGATIVE, scale_ratio=4.0, noise_augmentation=0.2,
    )  # fmt: skip

    assert latent["samples"].shape == (1, 4, 32, 48)
    assert positive[0][1]["concat_image"].shape == (1, 3, 32, 48)
    assert positive[0][1]["noise_augmentation"] == 0.2


class Vision:
    def encode_image(self, image):
        return SimpleNamespace(image_embeds=torch.full((1, 768), 0.5))


def test_a_turn_is_written_behind_the_picture(call):
    positive, negative, latent = call(
        "StableZero123_Conditioning_Batched", clip_vision=Vision(),
        init_image=random_models.wave_image((1, 64, 64, 3)), vae=Vae(), width=64, height=64,
        batch_size=3, elevation=0.0, azimuth=0.0, elevation_batch_increment=0.0,
        azimuth_batch_increment=90.0,
    )  # fmt: skip

    places = positive[0][0][:, 0, 768:]
    expected = torch.tensor([[0.0, 0, 1, 1.5708], [0, 1, 0, 1.5708], [0, 0, -1, 1.5708]])
    torch.testing.assert_close(places, expected, atol=1e-4, rtol=1e-4)
    assert negative[0][0].shape == (1, 1, 768)
    assert latent["batch_index"] == [0, 0, 0]
