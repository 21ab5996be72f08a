"""Flux: the same numbers as diffusers, from every layout of file, with hooks, LoRAs and checks."""

import pytest
import torch
import transformer_models as small
from random_models import gaussian

from app.engine.errors import ModelFileError
from app.engine.models import memory
from app.engine.models.diffusers_names import flux_places, own_layout
from app.engine.models.flux import FluxNetwork, place_references
from app.engine.models.latent_formats import FLUX
from app.engine.models.loading import apply_lora, diffusion_model_from_tensors
from app.engine.models.ops import empty, fill
from app.engine.models.unet import shapes_of

RECORDED = small.recorded()
INPUTS = small.inputs()


@pytest.fixture(autouse=True)
def _no_gradients():
    with torch.no_grad():
        yield


@pytest.fixture(scope="module", autouse=True)
def _unloaded():
    yield
    memory.unload_all_models()


def network(tensors):
    made = empty(lambda: FluxNetwork(shapes_of(tensors)))
    fill(made, tensors, "diffusion model")
    return made


def run(made, **changes):
    given = {**INPUTS, **changes}
    return made(
        given["x"], given["time"], given["context"], given["y"], given["guidance"],
        given.get("ref_latents"), given.get("control"), given.get("options"),
        **given.get("extra", {}),
    )  # fmt: skip


@pytest.fixture(scope="module")
def weights():
    return small.fill(small.flux_shapes())


@pytest.fixture(scope="module")
def dev(weights):
    return network(weights)


def test_d214_flux_dev_gives_the_numbers_of_diffusers(dev):
    torch.testing.assert_close(run(dev), RECORDED["flux_dev"], atol=2e-5, rtol=2e-5)


def test_d214_flux_schnell_gives_the_numbers_of_diffusers():
    made = network(small.fill(small.flux_shapes(guidance=False)))

    result = run(made, guidance=None)

    torch.testing.assert_close(result, RECORDED["flux_schnell"], atol=2e-5, rtol=2e-5)
    assert torch.equal(run(made), result), "a network without guidance takes none"


def test_a_file_in_the_layout_of_diffusers_becomes_the_same_network(weights):
    theirs = small.to_diffusers(weights, flux_places(2, 3))

    ours = own_layout(theirs)

    assert set(ours) == set(weights)
    assert all(torch.equal(ours[name], tensor) for name, tensor in weights.items())


def test_a_file_of_diffusers_without_a_part_is_refused(weights):
    theirs = small.to_diffusers(weights, flux_places(2, 3))
    del theirs["transformer_blocks.1.attn.to_v.weight"]

    with pytest.raises(ModelFileError, match=r"double_blocks\.1\.img_attn\.qkv"):
        own_layout(theirs)


def test_a_file_without_a_block_in_the_middle_is_refused(weights):
    cut = {name: one for name, one in weights.items() if not name.startswith("single_blocks.1.")}

    with pytest.raises(ModelFileError, match=r"single_blocks\.1"):
        diffusion_model_from_tensors(cut)


@pytest.mark.parametrize("prefix", ["", "model.diffusion_model."])
def test_d214_dev_is_known_by_its_guidance_and_schnell_by_having_none(weights, prefix):
    named = {prefix + name: tensor for name, tensor in weights.items()}
    plain = {name: one for name, one in named.items() if "guidance_in" not in name}

    dev = diffusion_model_from_tensors(named).model
    schnell = diffusion_model_from_tensors(plain).model

    assert (dev.family.name, schnell.family.name) == ("Flux", "FluxSchnell")
    assert dev.latent_format is FLUX
    assert dev.model_sampling.shift == 1.15
    sigmas = schnell.model_sampling.sigmas
    torch.testing.assert_close(sigmas, torch.arange(1, 1001) / 1000)


def test_a_latent_of_odd_size_goes_on_at_the_other_side(dev):
    odd = INPUTS["x"][:, :, :9, :13]
    padded = torch.cat([odd, odd[:, :, :1]], dim=2)
    padded = torch.cat([padded, padded[..., :1]], dim=3)

    result = run(dev, x=odd)

    assert result.shape == odd.shape
    torch.testing.assert_close(result, run(dev, x=padded)[:, :, :9, :13])


def test_items_of_a_batch_do_not_mix(dev):
    both = run(dev)

    alone = run(dev, **{name: value[1:] for name, value in INPUTS.items()})

    torch.testing.assert_close(both[1:], alone, atol=1e-5, rtol=1e-5)


def test_d235_a_pack_replaces_a_block_and_can_call_the_original(dev):
    seen = []

    def passed_on(args, extra):
        seen.append(sorted(args))
        return extra["original_block"](args)

    def skipped(args, extra):
        return args

    plain = run(dev)
    same = {("double_block", 0): passed_on, ("single_block", 2): passed_on}
    other = {("double_block", 1): skipped}

    unchanged = run(dev, options={"patches_replace": {"dit": same}})
    changed = run(dev, options={"patches_replace": {"dit": other}})

    assert torch.equal(unchanged, plain)
    assert not torch.allclose(changed, plain)
    assert seen == [
        ["attn_mask", "img", "pe", "transformer_options", "txt", "vec"],
        ["attn_mask", "img", "pe", "transformer_options", "vec"],
    ]


def test_a_wrapper_of_a_pack_lies_around_the_network(dev):
    def doubled(executor, *args, **kwargs):
        return executor(*args, **kwargs) * 2

    options = {"wrappers": {"diffusion_model": {"pack": [doubled]}}}

    torch.testing.assert_close(run(dev, options=options), run(dev) * 2)


def test_a_controlnet_adds_to_the_tokens_of_the_picture(dev):
    tokens = 5 * 7
    residual = gaussian("residual", (2, tokens, small.FLUX["hidden"]))
    silent = {"input": [torch.zeros_like(residual)], "output": [None]}

    plain = run(dev)

    assert torch.equal(run(dev, control=silent), plain)
    for name in ("input", "output"):
        assert not torch.allclose(run(dev, control={name: [residual]}), plain)


def test_pictures_to_edit_are_seen_and_do_not_change_the_size(dev):
    reference = gaussian("reference", (1, 16, 6, 8))

    result = run(dev, ref_latents=[reference])

    assert result.shape == INPUTS["x"].shape
    assert not torch.allclose(result, run(dev))
    numbered = run(dev, ref_latents=[reference] * 2, extra={"ref_latents_method": "index"})
    beside = run(dev, ref_latents=[reference] * 2, extra={"ref_latents_method": "offset"})
    assert not torch.allclose(numbered, beside)


def test_pictures_to_edit_are_laid_where_they_keep_the_whole_small():
    wide, tall = torch.zeros(1, 16, 4, 8), torch.zeros(1, 16, 8, 4)

    def places(method, *latents):
        return [place for _, place in place_references(latents, 16, 16, method)]

    assert places("offset", wide, wide, tall) == [(1, 0, 0), (1, 4, 0), (1, 0, 8)]
    assert places("index", wide, tall) == [(1, 0, 0), (2, 0, 0)]
    assert places("uxo", wide, tall) == [(0, 16, 16), (0, 20, 24)]


def kohya(rank=2):
    return {
        f"lora_unet_double_blocks_0_img_attn_qkv.{end}": tensor
        for end, tensor in (
            ("lora_up.weight", gaussian("up", (288, rank))),
            ("lora_down.weight", gaussian("down", (rank, 96))),
            ("alpha", torch.tensor(1.0)),
        )
    }


def test_d190_a_kohya_lora_changes_the_joint_weight(weights):
    model = diffusion_model_from_tensors(weights)
    lora = kohya()
    up, down, alpha = lora.values()
    name = "double_blocks.0.img_attn.qkv.weight"

    patched, _ = apply_lora(model, None, lora, 0.5, 0.0)

    expected = weights[name] + 0.5 * (alpha / 2) * up @ down
    found = patched.patched_state_dict()["diffusion_model." + name]
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(
    ("stem", "pair"),
    [
        ("transformer.{}", ("lora_B.weight", "lora_A.weight")),
        ("base_model.model.{}", ("lora_B.weight", "lora_A.weight")),
        ("lora_transformer_{}", ("lora_up.weight", "lora_down.weight")),
        ("lycoris_{}", ("lora_up.weight", "lora_down.weight")),
    ],
)
@pytest.mark.parametrize(
    ("layer", "name", "first", "rows"),
    [
        ("transformer_blocks.1.attn.to_k", "double_blocks.1.img_attn.qkv", 96, 96),
        ("transformer_blocks.1.attn.add_v_proj", "double_blocks.1.txt_attn.qkv", 192, 96),
        ("transformer_blocks.0.ff.net.2", "double_blocks.0.img_mlp.2", 0, 96),
        ("single_transformer_blocks.2.attn.to_q", "single_blocks.2.linear1", 0, 96),
        ("single_transformer_blocks.2.proj_mlp", "single_blocks.2.linear1", 288, 384),
    ],
)
def test_d190_a_lora_with_names_of_diffusers_changes_its_part(
    weights, stem, pair, layer, name, first, rows
):
    width = weights[name + ".weight"].shape[1]
    up, down = gaussian("up", (rows, 2)), gaussian("down", (2, width))
    written = stem.format(layer.replace(".", "_") if stem.endswith("_{}") else layer)
    model = diffusion_model_from_tensors(weights)

    patched, _ = apply_lora(
        model, None, {f"{written}.{pair[0]}": up, f"{written}.{pair[1]}": down}, 1.0, 0.0
    )

    expected = weights[name + ".weight"].clone()
    expected[first : first + rows] += up @ down
    found = patched.patched_state_dict()[f"diffusion_model.{name}.weight"]
    torch.testing.assert_close(found, expected)


def test_a_lora_for_the_last_modulation_finds_scale_and_shift_in_our_order(weights):
    up, down = gaussian("up", (192, 2)), gaussian("down", (2, 96))
    model = diffusion_model_from_tensors(weights)
    stem = "transformer.norm_out.linear."

    patched, _ = apply_lora(
        model, None, {stem + "lora_B.weight": up, stem + "lora_A.weight": down}, 1.0, 0.0
    )

    name = "final_layer.adaLN_modulation.1.weight"
    expected = weights[name] + torch.cat([up[96:], up[:96]]) @ down
    found = patched.patched_state_dict()["diffusion_model." + name]
    torch.testing.assert_close(found, expected)


def control_lora():
    """Return a LoRA that widens the network for a second picture, as the makers of Flux do."""
    return {
        "img_in.lora_A.weight": gaussian("down", (2, 128)) * 0.1,
        "img_in.lora_B.weight": gaussian("up", (96, 2)),
        "img_in.lora_B.bias": torch.ones(96),
        "single_blocks.0.norm.key_norm.scale": torch.full((32,), 0.5),
    }


def test_d190_a_lora_of_the_makers_widens_the_network_while_it_is_loaded(weights):
    model = diffusion_model_from_tensors(weights)
    lora = control_lora()

    patched, _ = apply_lora(model, None, lora, 1.0, 0.0)
    memory.load_models_gpu([patched])
    network = model.model.diffusion_model

    assert network.in_channels == 32
    wide = torch.cat([weights["img_in.weight"], torch.zeros(96, 64)], dim=1)
    product = lora["img_in.lora_B.weight"] @ lora["img_in.lora_A.weight"]
    torch.testing.assert_close(network.img_in.weight, wide + product)
    torch.testing.assert_close(network.img_in.bias, weights["img_in.bias"] + 1)
    assert network.single_blocks[0].norm.key_norm.scale.tolist() == [0.5] * 32

    memory.load_models_gpu([model])

    assert network.in_channels == 16
    assert torch.equal(network.img_in.weight, weights["img_in.weight"])


def denoise(patcher, **changes):
    memory.load_models_gpu([patcher])
    given = {**INPUTS, **changes}
    return patcher.model.apply_model(
        given["x"], given["time"], c_crossattn=given["context"], y=given["y"],
        guidance=given["guidance"],
    )  # fmt: skip


def conditions(model, **values):
    return model.extra_conds(noise=torch.zeros(1, 16, 4, 6), device=torch.device("cpu"), **values)


def test_d160_guidance_is_3_5_unless_set_and_none_leaves_it_out(weights):
    model = diffusion_model_from_tensors(weights).model
    text = INPUTS["context"][:1]

    assert conditions(model, cross_attn=text)["guidance"].cond.tolist() == [3.5]
    assert conditions(model, cross_attn=text, guidance=2)["guidance"].cond.tolist() == [2.0]
    assert "guidance" not in conditions(model, cross_attn=text, guidance=None)


def test_d070_texts_of_another_length_are_not_repeated(weights):
    model = diffusion_model_from_tensors(weights).model
    long = conditions(model, cross_attn=INPUTS["context"][:1])["c_crossattn"]
    short = conditions(model, cross_attn=INPUTS["context"][:1, :10])["c_crossattn"]

    assert not long.can_concat(short)


def test_pictures_to_edit_come_in_the_scale_of_the_sampler(weights):
    model = diffusion_model_from_tensors(weights).model
    picture = gaussian("picture", (1, 16, 4, 4))

    found = conditions(
        model, cross_attn=INPUTS["context"][:1], reference_latents=[picture],
        reference_latents_method="index",
    )  # fmt: skip

    torch.testing.assert_close(found["ref_latents"].cond[0], FLUX.process_in(picture))
    assert found["ref_latents_method"].cond == "index"


def test_a_prompt_of_another_kind_of_model_is_refused_in_words(weights):
    model = diffusion_model_from_tensors(weights).model

    with pytest.raises(ValueError, match=r"768 wide, and Flux takes 80.*DualCLIPLoader, type flux"):
        conditions(model, cross_attn=torch.zeros(1, 77, 768))


def test_latents_of_another_kind_of_model_are_refused_in_words(dev):
    with pytest.raises(ValueError, match="4 channels, and Flux takes 16"):
        run(dev, x=torch.zeros(2, 4, 10, 14))


@pytest.mark.parametrize(("channels", "extra"), [(32, 16), (96, 80)], ids=["lines", "fill"])
def test_variants_take_a_picture_and_a_mask_beside_the_latent(channels, extra):
    model = diffusion_model_from_tensors(small.fill(small.flux_shapes(channels=channels))).model
    picture = gaussian("picture", (1, 16, 4, 6))
    mask = torch.zeros(1, 1, 32, 48)
    mask[..., 8:16, 16:24] = 1

    beside = conditions(model, concat_latent_image=picture, concat_mask=mask)["c_concat"].cond

    assert beside.shape == (1, extra, 4, 6)
    torch.testing.assert_close(beside[:, :16], FLUX.process_in(picture))
    if extra > 16:
        cells = beside[:, 16:]
        assert cells[:, :, 1, 2].min() == 1
        assert cells.sum() == 64


def test_d221_flux_prefers_bfloat16_on_a_graphics_card(weights):
    assert diffusion_model_from_tensors(weights).model.family.dtypes[0] is torch.bfloat16


def test_a_network_with_values_beyond_half_precision_stays_finite():
    from app.engine.models.transformer_parts import within_half_precision

    values = torch.tensor([1.0, float("inf"), -float("inf")], dtype=torch.float16)

    assert within_half_precision(values).tolist() == [1.0, 65504.0, -65504.0]


def test_stop_takes_effect_between_two_blocks(dev):
    from app.engine.models.stopping import stop_between_blocks

    asked = []

    def check():
        asked.append(True)
        if len(asked) == 3:
            raise KeyboardInterrupt

    with stop_between_blocks(dev, check), pytest.raises(KeyboardInterrupt):
        run(dev)

    assert len(asked) == 3


def test_the_fast_mode_of_the_processor_comes_near(weights):
    # A thousand times these values are exact in bfloat16 too.
    guidance = torch.tensor([4.0, 2.0])
    expected = denoise(diffusion_model_from_tensors(weights), guidance=guidance)

    found = denoise(diffusion_model_from_tensors(weights, torch.bfloat16), guidance=guidance)

    assert not torch.equal(found, expected)
    assert (found - expected).std() < 0.03 * expected.std()


def test_packs_find_the_shape_of_the_network(weights):
    model = diffusion_model_from_tensors(weights).model
    config = model.model_config.unet_config

    assert config["image_model"] == "flux"
    assert (config["depth"], config["depth_single_blocks"]) == (2, 3)
    assert model.diffusion_model.params.guidance_embed
    assert model.model_config.supported_inference_dtypes[0] is torch.bfloat16


def test_a_controlnet_for_flux_is_refused_by_its_name(tmp_path):
    from safetensors.torch import save_file

    from app.engine.models.controlnet import load_controlnet

    file = tmp_path / "union.safetensors"
    save_file({"controlnet_blocks.0.weight": torch.zeros(4, 4)}, file)

    with pytest.raises(ModelFileError, match="a ControlNet for Flux or Stable Diffusion 3"):
        load_controlnet(file)
