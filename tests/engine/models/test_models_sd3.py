"""Stable Diffusion 3: the same numbers as diffusers, from every layout of file, with checks."""

import pytest
import torch
import transformer_models as small
from random_models import gaussian

from app.engine.errors import ModelFileError
from app.engine.models import memory
from app.engine.models.diffusers_names import mmdit_places, own_layout
from app.engine.models.latent_formats import SD3
from app.engine.models.loading import apply_lora, diffusion_model_from_tensors
from app.engine.models.mmdit import MMDiT
from app.engine.models.ops import empty, fill
from app.engine.models.unet import shapes_of

RECORDED = small.recorded()
INPUTS = small.inputs()
KINDS = {"sd3": (False, ()), "sd35_large": (True, ()), "sd35_medium": (True, (0, 1))}


@pytest.fixture(autouse=True)
def _no_gradients():
    with torch.no_grad():
        yield


@pytest.fixture(scope="module", autouse=True)
def _unloaded():
    yield
    memory.unload_all_models()


def network(tensors):
    made = empty(lambda: MMDiT(shapes_of(tensors)))
    fill(made, tensors, "diffusion model")
    return made


def run(made, **changes):
    given = {**INPUTS, **changes}
    return made(
        given["x"], given["time"] * 1000, given["context"], given["y"], given.get("control"),
        given.get("options"),
    )  # fmt: skip


@pytest.fixture(scope="module")
def weights():
    return small.fill(small.mmdit_shapes(*KINDS["sd35_medium"]))


@pytest.fixture(scope="module")
def medium(weights):
    return network(weights)


@pytest.mark.parametrize("kind", KINDS)
def test_d214_the_network_gives_the_numbers_of_diffusers(kind):
    made = network(small.fill(small.mmdit_shapes(*KINDS[kind])))

    torch.testing.assert_close(run(made), RECORDED[kind], atol=2e-5, rtol=2e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_in_the_layout_of_diffusers_becomes_the_same_network(kind):
    weights = small.fill(small.mmdit_shapes(*KINDS[kind]))

    ours = own_layout(small.to_diffusers(weights, mmdit_places(3)))

    assert set(ours) == set(weights)
    assert all(torch.equal(ours[name], tensor) for name, tensor in weights.items())


def test_d044_sd3_is_a_flow_with_shift_three_and_times_to_a_thousand(weights):
    model = diffusion_model_from_tensors(
        {"model.diffusion_model." + name: one for name, one in weights.items()}
    ).model

    assert model.family.name == "SD3"
    assert model.latent_format is SD3
    assert (model.model_sampling.shift, model.model_sampling.multiplier) == (3.0, 1000)


def test_a_latent_of_odd_size_keeps_its_size(medium):
    odd = INPUTS["x"][:, :, :9, :13]

    assert run(medium, x=odd).shape == odd.shape


def test_a_picture_beyond_the_known_places_is_refused_in_words(medium):
    with pytest.raises(ValueError, match="at most 192 x 192 pixels; 224 x 64 was asked for"):
        run(medium, x=torch.zeros(2, 16, 8, 28))


def test_a_pack_skips_a_block_and_a_controlnet_adds_to_the_picture(medium):
    plain = run(medium)
    seen = {("double_block", 1): lambda args, extra: extra["original_block"](args)}
    skipped = {("double_block", 1): lambda args, extra: args}
    residual = gaussian("residual", (2, 35, small.MMDIT["hidden"]))

    assert torch.equal(run(medium, options={"patches_replace": {"dit": seen}}), plain)
    assert not torch.allclose(run(medium, options={"patches_replace": {"dit": skipped}}), plain)
    assert not torch.allclose(run(medium, control={"output": [None, residual]}), plain)


@pytest.mark.parametrize(
    ("layer", "name", "first", "rows"),
    [
        ("transformer_blocks.1.attn.to_v", "joint_blocks.1.x_block.attn.qkv", 256, 128),
        ("transformer_blocks.1.attn.add_q_proj", "joint_blocks.1.context_block.attn.qkv", 0, 128),
        ("transformer_blocks.0.attn2.to_out.0", "joint_blocks.0.x_block.attn2.proj", 0, 128),
        ("transformer_blocks.0.ff.net.0.proj", "joint_blocks.0.x_block.mlp.fc1", 0, 512),
    ],
)
def test_d190_a_lora_with_names_of_diffusers_changes_its_part(weights, layer, name, first, rows):
    width = weights[name + ".weight"].shape[1]
    up, down = gaussian("up", (rows, 2)), gaussian("down", (2, width))
    stem = f"transformer.{layer}."
    model = diffusion_model_from_tensors(weights)

    patched, _ = apply_lora(
        model, None, {stem + "lora_B.weight": up, stem + "lora_A.weight": down}, 1.0, 0.0
    )

    expected = weights[name + ".weight"].clone()
    expected[first : first + rows] += up @ down
    found = patched.patched_state_dict()[f"diffusion_model.{name}.weight"]
    torch.testing.assert_close(found, expected)


def test_a_file_without_a_weight_is_refused(weights):
    cut = {name: one for name, one in weights.items() if name != "context_embedder.weight"}

    with pytest.raises(ModelFileError, match="context_embedder"):
        diffusion_model_from_tensors(cut)


def conditions(model, **values):
    return model.extra_conds(noise=torch.zeros(1, 16, 4, 6), device=torch.device("cpu"), **values)


def test_prompts_of_another_kind_of_model_are_refused_in_words(weights):
    model = diffusion_model_from_tensors(weights).model
    text = INPUTS["context"][:1]

    with pytest.raises(ValueError, match="2048 wide, and Stable Diffusion 3 takes 80"):
        conditions(model, cross_attn=torch.zeros(1, 77, 2048))
    with pytest.raises(ValueError, match=r"summary is 768 wide.*TripleCLIPLoader"):
        conditions(model, cross_attn=text, pooled_output=torch.zeros(1, 768))
    assert conditions(model, cross_attn=text)["y"].cond.shape == (1, 48)


def test_a_network_of_another_kind_is_named_with_those_that_are_known():
    with pytest.raises(ModelFileError, match="Stable Diffusion 3, Flux"):
        diffusion_model_from_tensors({"transformer_blocks.0.attn.to_q.weight": torch.zeros(4, 4)})


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Flux 2", "double_stream_modulation_img.lin.weight"),
        ("Wan", "model.diffusion_model.head.modulation"),
        ("Qwen-Image", "txt_norm.weight"),
    ],
)
def test_d214_a_kind_that_is_not_supported_is_called_by_its_name(title, name):
    with pytest.raises(ModelFileError, match=f"kind {title}.*not supported yet"):
        diffusion_model_from_tensors({name: torch.zeros(4, 4)})
