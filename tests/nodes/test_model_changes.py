"""Nodes that merge, save, load and change models do what their names say."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "engine" / "models"))

import random_models

from app.engine.diffusion import guidance_math
from app.engine.diffusion.run import sample_latent
from app.engine.diffusion.token_savings import MergedAttention, TiledAttention, merge_alike
from app.engine.errors import ModelFileError
from app.engine.models import memory
from app.engine.models.loading import checkpoint_from_tensors, load_clip, load_lora_file, load_vae
from app.engine.models.saving import low_rank, to_open_clip

WEIGHT = "diffusion_model.input_blocks.1.0.in_layers.2.weight"
MIDDLE = "diffusion_model.middle_block.0.in_layers.2.weight"
TEXT = "clip_l.transformer.text_model.encoder.layers.0.self_attn.q_proj.weight"


@pytest.fixture(scope="module")
def tensors():
    return random_models.build("unet_tiny", "clip", "vae")


@pytest.fixture(scope="module")
def first(engine, tensors):
    yield checkpoint_from_tensors(tensors)
    memory.unload_all_models()


@pytest.fixture(scope="module")
def second(engine, tensors):
    """A checkpoint whose weights are twice those of the first."""
    return checkpoint_from_tensors(
        {name: value * 2 if value.is_floating_point() else value for name, value in tensors.items()}
    )


def weight(patcher, name):
    return patcher.patched_state_dict(name)[name].float()


@pytest.mark.parametrize(
    ("node", "values", "factor"),
    [
        ("ModelMergeSimple", {"ratio": 0.25}, 0.25 + 0.75 * 2),
        ("ModelMergeAdd", {}, 3.0),
        ("ModelMergeSubtract", {"multiplier": 0.5}, 0.5 - 0.5 * 2),
        ("ModelMergeBlocks", {"input": 1.0, "middle": 0.0, "out": 0.5}, 1.0),
    ],
)
def test_merging_mixes_the_weights_of_two_models(node, values, factor, first, second, call):
    (merged,) = call(node, model1=first.model, model2=second.model, **values)

    expected = weight(first.model, WEIGHT) * factor
    torch.testing.assert_close(weight(merged, WEIGHT), expected, atol=2e-3, rtol=2e-3)


def test_the_longest_fitting_name_decides_the_ratio_of_a_block(first, second, call, nodes):
    ratios = dict.fromkeys(nodes.ModelMergeSD1.PARTS, 1.0)
    ratios["middle_block.0."] = 0.0

    (merged,) = call("ModelMergeSD1", model1=first.model, model2=second.model, **ratios)

    base = weight(first.model, MIDDLE)
    torch.testing.assert_close(weight(merged, MIDDLE), base * 2)
    torch.testing.assert_close(weight(merged, WEIGHT), weight(first.model, WEIGHT))


@pytest.mark.parametrize(
    ("node", "values", "factor"),
    [
        ("CLIPMergeSimple", {"ratio": 0.5}, 1.5),
        ("CLIPMergeAdd", {}, 3.0),
        ("CLIPMergeSubtract", {"multiplier": 1.0}, -1.0),
    ],
)
def test_merging_mixes_the_weights_of_two_text_encoders(node, values, factor, first, second, call):
    (merged,) = call(node, clip1=first.clip, clip2=second.clip, **values)

    expected = weight(first.clip.patcher, TEXT) * factor
    torch.testing.assert_close(weight(merged.patcher, TEXT), expected, atol=2e-3, rtol=2e-3)


def test_attention_multiply_scales_only_what_it_names(first, call):
    (changed,) = call("UNetCrossAttentionMultiply", model=first.model, q=1.5, k=1.0, v=1.0, out=1.0)

    scaled = [name for name in changed.patches if changed.patches[name]]
    assert scaled
    assert all(name.endswith("attn2.to_q.weight") for name in scaled)
    base = weight(first.model, scaled[0])
    torch.testing.assert_close(weight(changed, scaled[0]), base * 1.5, atol=1e-3, rtol=1e-3)


def saved_files(base_dir, folder):
    return sorted((base_dir / "output" / folder).glob("*.safetensors"))


def test_a_saved_checkpoint_loads_again_with_its_merge(first, second, call, base_dir):
    (merged,) = call("ModelMergeSimple", model1=first.model, model2=second.model, ratio=0.0)

    call("CheckpointSave", model=merged, clip=first.clip, vae=first.vae, filename_prefix="ck/mine")

    from app.engine.models.loading import load_checkpoint

    (path,) = saved_files(base_dir, "ck")
    again = load_checkpoint(path)
    assert path.name == "mine_00001_.safetensors"
    torch.testing.assert_close(weight(again.model, WEIGHT), weight(second.model, WEIGHT))
    torch.testing.assert_close(weight(again.clip.patcher, TEXT), weight(first.clip.patcher, TEXT))
    assert again.vae.get_sd().keys() == first.vae.get_sd().keys()


def test_saved_parts_load_again(first, call, base_dir):
    call("CLIPSave", clip=first.clip, filename_prefix="parts/text")
    call("VAESave", vae=first.vae, filename_prefix="parts/vae")

    text, vae = saved_files(base_dir, "parts")
    assert text.name == "text_clip_l_00001_.safetensors"
    torch.testing.assert_close(
        weight(load_clip([text]).patcher, TEXT), weight(first.clip.patcher, TEXT)
    )
    assert load_vae(vae).get_sd().keys() == first.vae.get_sd().keys()


def test_text_encoders_of_sd2_and_sdxl_are_saved_as_openclip_names_them():
    from app.engine.models.clip import from_open_clip

    names = random_models.clip_text_weights("x", 64, 256, 2, projection=True)

    again = from_open_clip(to_open_clip(names))

    assert again.keys() == names.keys()
    assert all(torch.equal(again[name], names[name]) for name in names)


def test_an_extracted_lora_brings_one_model_to_the_other(first, call, base_dir):
    lora = random_models.build_lora()
    from app.engine.models.loading import apply_lora

    changed, _ = apply_lora(first.model, None, lora, 1.0, 0)
    (difference,) = call("ModelMergeSubtract", model1=changed, model2=first.model, multiplier=1.0)

    call(
        "LoraSave", filename_prefix="loras/mine", rank=8, lora_type="standard", bias_diff=False,
        model_diff=difference,
    )  # fmt: skip

    (path,) = saved_files(base_dir, "loras")
    name = next(name for name in changed.patches if "attn1.to_q" in name)
    again, _ = apply_lora(first.model, None, load_lora_file(path), 1.0, 0)
    wanted = weight(changed, name) - weight(first.model, name)
    found = weight(again, name) - weight(first.model, name)
    assert float((found - wanted).norm()) < 0.25 * float(wanted.norm())


def test_low_rank_factors_give_a_matrix_of_that_rank_back():
    matrix = random_models.gaussian("a", (20, 3)) @ random_models.gaussian("b", (3, 30))

    up, down = low_rank(matrix, 3)

    assert up.shape == (20, 3)
    # Values beyond the 99th percentile are limited, so the match is close and not exact.
    assert float((up @ down - matrix).norm()) < 0.25 * float(matrix.norm())


def sampled(model, steps=2, size=16):
    positive = [[random_models.wave_text(1), {}]]
    negative = [[random_models.wave_text(2), {}]]
    latent = {"samples": torch.zeros(1, 4, size, size)}
    torch.manual_seed(3)
    return sample_latent(
        model, 7, steps, 4.0, "euler", "normal", positive, negative, latent
    )["samples"]  # fmt: skip


@pytest.mark.parametrize(
    ("node", "values"),
    [
        ("CFGNorm", {"strength": 0.9}),
        ("TCFG", {}),
        ("APG", {"eta": 0.0, "norm_threshold": 5.0, "momentum": -0.5}),
        ("FreSca", {"scale_low": 1.0, "scale_high": 1.5, "freq_cutoff": 2}),
        ("Mahiro", {}),
        ("RenormCFG", {"cfg_trunc": 100, "renorm_cfg": 0.5}),
        ("Epsilon Scaling", {"scaling_factor": 1.1}),
        ("TemporalScoreRescaling", {"tsr_k": 0.5, "tsr_sigma": 1.0}),
        ("PerturbedAttentionGuidance", {"scale": 3.0}),
        ("PerpNeg", {"empty_conditioning": [[random_models.wave_text(5), {}]], "neg_scale": 1.0}),
        ("TomePatchModel", {"ratio": 0.5}),
        (
            "HyperTile",
            {"tile_size": 64, "swap_size": 2, "max_depth": 1, "scale_depth": False},
        ),
        (
            "PatchModelAddDownscale",
            {
                "block_number": 1, "downscale_factor": 2.0, "start_percent": 0.0,
                "end_percent": 1.0, "downscale_after_skip": True, "downscale_method": "bicubic",
                "upscale_method": "bicubic",
            },
        ),
    ],
)  # fmt: skip
def test_a_guidance_or_attention_node_changes_the_latent_and_its_clone_only(
    node, values, first, call
):
    plain = sampled(first.model)

    (changed,) = call(node, model=first.model, **values)
    result = sampled(changed)

    assert result.shape == plain.shape
    assert bool(torch.isfinite(result).all())
    assert not torch.allclose(result, plain, rtol=1e-3)
    torch.testing.assert_close(sampled(first.model), plain)


def test_a_latent_operation_is_applied_to_guidance(first, call):
    (operation,) = call("LatentOperationTonemapReinhard", multiplier=1.0)

    (changed,) = call("LatentApplyOperationCFG", model=first.model, operation=operation)

    assert not torch.allclose(sampled(changed), sampled(first.model), rtol=1e-3)


def test_projection_takes_a_vector_apart_at_right_angles():
    vector, onto = (
        random_models.wave_latent((2, 4, 3, 3)),
        random_models.wave_latent((2, 4, 3, 3)) + 1,
    )

    along, across = guidance_math.project(vector, onto)

    torch.testing.assert_close(along + across, vector)
    assert float((across * onto).sum(dim=(1, 2, 3)).abs().max()) < 1e-4


def test_equal_factors_of_all_frequencies_multiply_the_latent():
    latent = random_models.wave_latent((1, 2, 5, 6))

    torch.testing.assert_close(guidance_math.scale_frequencies(latent, 3.0, 3.0, 2), latent * 3)


def test_temperature_one_leaves_the_estimate():
    x, denoised = (
        random_models.wave_latent((1, 2, 4, 4)),
        random_models.wave_latent((1, 2, 4, 4)) / 2,
    )

    same = guidance_math.rescale_score(denoised, x, 1.0, 0.5, 1.0, 1.0)

    torch.testing.assert_close(same, denoised)


def options_of(rows, columns):
    return {"activations_shape": [1, 8, rows, columns], "original_shape": [1, 4, rows, columns]}


def test_tiles_are_put_together_where_they_were_cut():
    tokens = torch.arange(2 * 24 * 3, dtype=torch.float32).reshape(2, 24, 3)
    tiles = TiledAttention(8, 1, 0, False)
    tiles.smallest = 2

    q, k, v = tiles.cut(tokens, tokens, tokens, options_of(4, 6))
    # The first tile holds the two by two cells of the corner.
    torch.testing.assert_close(q[0], tokens[0, [0, 1, 6, 7]])
    assert q is k is v

    torch.testing.assert_close(tiles.join(q, {}), tokens)


def test_merged_cells_get_the_result_of_the_cell_they_went_into():
    tokens = torch.randn(1, 16, 4, generator=torch.Generator().manual_seed(1))

    merged, spread = merge_alike(tokens, 4, 4, 6)
    back = spread(merged)

    assert merged.shape == (1, 10, 4)
    assert back.shape == tokens.shape
    assert len({tuple(row) for row in back[0].tolist()}) == 10


def test_a_ratio_of_zero_merges_nothing():
    tokens = torch.ones(1, 16, 4)
    merging = MergedAttention(0.0)

    q, _, _ = merging.merge(tokens, tokens, tokens, options_of(4, 4))

    assert q is tokens
    assert merging.spread(tokens, {}) is tokens


def test_skipped_layers_are_handed_to_the_network_only_inside_the_range(first, call):
    (changed,) = call(
        "SkipLayerGuidanceDiTSimple", model=first.model, double_layers="7, 8", single_layers="",
        start_percent=0.0, end_percent=1.0,
    )  # fmt: skip
    seen = []

    def apply_model(x, sigma, transformer_options=None, **kwargs):
        table = (transformer_options or {}).get("patches_replace", {}).get("dit", {})
        seen.append((tuple(transformer_options["cond_or_uncond"]), sorted(table)))
        return x

    network = SimpleNamespace(apply_model=apply_model, memory_required=lambda *_: 0)
    entries = [{"model_conds": {}, "uuid": None}]
    x, sigma = torch.zeros(1, 4, 8, 8), torch.tensor([1.0])
    evaluate = changed.model_options["sampler_calc_cond_batch_function"]
    evaluate(
        {
            "model": network, "input": x, "sigma": sigma, "conds": [entries, entries],
            "model_options": changed.model_options,
        }
    )  # fmt: skip

    assert seen == [((0,), []), ((1,), [("double_block", 7), ("double_block", 8)])]


def test_no_layers_to_skip_gives_the_model_back(first, call):
    (same,) = call(
        "SkipLayerGuidanceSD3", model=first.model, layers="", scale=3.0, start_percent=0.0,
        end_percent=1.0,
    )  # fmt: skip

    assert same is first.model


def test_d087_places_join_in_when_the_run_has_come_to_their_grey(first, call):
    (changed,) = call("DifferentialDiffusion", model=first.model, strength=1.0)
    table = first.model.get_model_object("model_sampling")
    sigmas = torch.stack([table.sigma(torch.tensor(float(t))) for t in (999, 500, 0)])
    mask = torch.tensor([0.0, 0.3, 0.7, 1.0])
    guider = SimpleNamespace(inner_model=SimpleNamespace(model_sampling=table))

    def of_call(level):
        function = changed.model_options["denoise_mask_function"]
        options = {"model": guider, "sigmas": sigmas}
        return function(sigmas[level : level + 1], mask, extra_options=options).tolist()

    assert of_call(0) == [0.0, 0.0, 0.0, 1.0]
    assert of_call(1) == [0.0, 0.0, 1.0, 1.0]
    assert of_call(2) == [1.0, 1.0, 1.0, 1.0]


def test_the_pixel_space_vae_only_changes_the_range(call):
    (vae,) = call("VAELoader", vae_name="pixel_space")
    picture = random_models.wave_image((1, 6, 5, 3))

    latent = vae.encode(picture)

    torch.testing.assert_close(latent, picture.movedim(-1, 1) * 2 - 1)
    torch.testing.assert_close(vae.decode(latent), picture)


def test_a_checkpoint_with_settings_follows_them(tensors, call, base_dir):
    from safetensors.torch import save_file

    for kind in ("configs", "checkpoints"):
        (base_dir / "models" / kind).mkdir(parents=True, exist_ok=True)
    save_file(tensors, base_dir / "models" / "checkpoints" / "old.safetensors")
    (base_dir / "models" / "configs" / "v.yaml").write_text(
        "model:\n  params:\n    parameterization: v\n"
        "    cond_stage_config:\n      params:\n        layer_idx: -2\n"
    )
    (base_dir / "models" / "configs" / "bad.yaml").write_text("- nothing\n")

    model, clip, vae = call("CheckpointLoader", config_name="v.yaml", ckpt_name="old.safetensors")

    from app.engine.models.predictions import VPrediction

    assert isinstance(model.get_model_object("model_sampling"), VPrediction)
    assert clip.layer_idx == -2
    assert vae is not None
    with pytest.raises(ModelFileError, match=r"bad\.yaml"):
        call("CheckpointLoader", config_name="bad.yaml", ckpt_name="old.safetensors")
    with pytest.raises(ModelFileError, match="no picture encoder"):
        call("unCLIPCheckpointLoader", ckpt_name="old.safetensors")


@pytest.mark.parametrize("node", ["VideoLinearCFGGuidance", "VideoTriangleCFGGuidance"])
def test_video_guidance_is_weakest_at_the_first_frame(node, first, call):
    (changed,) = call(node, model=first.model, min_cfg=1.0)
    function = changed.model_options["sampler_cfg_function"]

    result = function({"cond": torch.ones(3, 1, 1, 1), "uncond": torch.zeros(3, 1, 1, 1),
                       "cond_scale": 5.0})  # fmt: skip

    middle, last = {"VideoLinearCFGGuidance": (3.0, 5.0)}.get(node, (5.0, 1.0))
    assert result.flatten().tolist() == [1.0, middle, last]
