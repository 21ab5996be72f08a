"""Packs that reach into sampling do there what they do in the reference."""

from __future__ import annotations

import itertools
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))

import random_models

from app.engine.engine import Engine

PACKS = Path(__file__).parents[2] / "data" / "packs_diffusion" / "custom_nodes"
CLOSE = {"atol": 2e-5, "rtol": 1e-4}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home folder with the packs and a small random checkpoint."""
    from safetensors.torch import save_file

    home = tmp_path_factory.mktemp("home")
    shutil.copytree(PACKS, home / "custom_nodes")
    folder = home / "models" / "checkpoints"
    folder.mkdir(parents=True)
    save_file(random_models.build("unet_tiny", "clip", "vae"), folder / "tiny.safetensors")
    return home


@pytest.fixture(scope="module")
def engine(home):
    from app.engine.models import memory

    with Engine(home) as made:
        made.load_packs()
        yield made
    memory.unload_all_models()


@pytest.fixture(scope="module")
def pack(engine):
    """Return a pack's module by its folder's name."""

    def find(name):
        ending = f"custom_nodes/{name}"
        return next(m for key, m in sys.modules.items() if key.replace("\\", "/").endswith(ending))

    return find


@pytest.fixture(autouse=True)
def forget(pack):
    """Begin each test with empty notes."""
    yield
    for name, notes in (
        ("own_samplers", "CALLS"),
        ("own_guiders", "SEEN"),
        ("model_hooks", "SEEN"),
        ("replaces_host", "COUNTS"),
        ("replaces_host", "CHANGES"),
    ):
        getattr(pack(name), notes).clear()


@pytest.fixture(scope="module")
def sample(engine, home):
    """Run a prompt around one sampling node and return the latent."""
    numbers = itertools.count()

    def run(node="KSampler", hooks=(), loader="CheckpointLoaderSimple", nodes=None, **inputs):
        prompt = {
            "1": {"class_type": loader, "inputs": {"ckpt_name": "tiny.safetensors"}},
            "2": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["1", 1], "text": "apple"}},
            "3": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["1", 1], "text": "blur"}},
            "4": {
                "class_type": "EmptyLatentImage",
                "inputs": {"width": 64, "height": 64, "batch_size": 1},
            },
        }
        model = ["1", 0]
        for index, (kind, amount) in enumerate(hooks):
            key = f"hook{index}"
            values = {"model": model, "kind": kind, "amount": amount}
            prompt[key] = {"class_type": "PackHook", "inputs": values}
            model = [key, 0]
        values = {
            "model": model, "seed": 7, "steps": 3, "cfg": 2.0, "sampler_name": "euler",
            "scheduler": "normal", "positive": ["2", 0], "negative": ["3", 0],
            "latent_image": ["4", 0], "denoise": 1.0, **inputs,
        }  # fmt: skip
        if node == "SamplerCustomAdvanced":
            values = {key: v for key, v in inputs.items() if key != "guider_kind"}
        prompt.update(nodes(model) if nodes is not None else {})
        prompt["5"] = {"class_type": node, "inputs": values}
        # A name of its own, so that the latent is kept even where it was sampled before.
        name = f"latent{next(numbers)}"
        prompt["6"] = {"class_type": "KeepLatent", "inputs": {"samples": ["5", 0], "name": name}}
        result = engine.run(prompt)
        assert result.error is None, result.error
        return np.load(home / "output" / f"{name}.npy")

    return run


@pytest.fixture(scope="module")
def plain(sample):
    """The latent that the built-in node gives without any hook."""
    latent = sample(scheduler="normal")
    assert np.isfinite(latent).all()
    assert latent.std() > 0.1
    return latent


def in_parts(sampler=None, guider=None, noise=None, cfg=2.0, scheduler="normal"):
    """Return the nodes around SamplerCustomAdvanced, some of which may be of packs."""

    def nodes(model):
        prompts = {"model": model, "positive": ["2", 0], "negative": ["3", 0], "cfg": cfg}
        return {
            "n": {"class_type": "RandomNoise", "inputs": {"noise_seed": 7}}
            if noise is None
            else {"class_type": "PackNoise", "inputs": noise},
            "g": {"class_type": "CFGGuider", "inputs": prompts}
            if guider is None
            else {"class_type": "PackGuider", "inputs": {**prompts, "kind": guider}},
            "s": {"class_type": "KSamplerSelect", "inputs": {"sampler_name": "euler"}}
            if sampler is None
            else {"class_type": "PackSampler", "inputs": sampler},
            "t": {
                "class_type": "BasicScheduler",
                "inputs": {"model": model, "scheduler": scheduler, "steps": 3, "denoise": 1.0},
            },
        }

    inputs = {
        "noise": ["n", 0], "guider": ["g", 0], "sampler": ["s", 0], "sigmas": ["t", 0],
        "latent_image": ["4", 0],
    }  # fmt: skip
    return {"node": "SamplerCustomAdvanced", "nodes": nodes, **inputs}


def test_all_packs_load(engine):
    errors = {report.name: report.error for report in engine.pack_reports if report.error}

    assert errors == {}
    assert {report.name for report in engine.pack_reports} >= {p.name for p in PACKS.iterdir()}


# Samplers and schedulers of packs


def test_samplers_and_schedulers_of_packs_stand_in_every_menu(engine):
    definitions = engine.object_info()

    for node in ("KSampler", "KSamplerAdvanced"):
        required = definitions[node]["input"]["required"]
        samplers, schedulers = required["sampler_name"][0], required["scheduler"][0]
        assert samplers[samplers.index("euler_ancestral") + 1] == "pack_calls_host"
        assert {"pack_euler", "pack_ancestral"} <= set(samplers)
        assert schedulers[-3:] == ["pack_table", "pack_bounds", "pack_old"]
    options = definitions["KSamplerSelect"]["input"]["required"]["sampler_name"]
    assert "pack_euler" in str(options)
    assert "pack_table" in str(definitions["BasicScheduler"]["input"]["required"]["scheduler"])


def test_d110_a_packs_sampler_runs_through_ksampler(sample, plain, pack):
    np.testing.assert_allclose(sample(sampler_name="pack_euler"), plain, **CLOSE)
    assert pack("own_samplers").CALLS == [("sample_pack_euler", 1.0, True)]


def test_d111_a_packs_ancestral_sampler_draws_the_hosts_noise(sample):
    ours = sample(sampler_name="euler_ancestral")

    np.testing.assert_allclose(sample(sampler_name="pack_ancestral"), ours, **CLOSE)


def test_a_packs_sampler_may_call_those_of_the_host(sample, pack):
    latent = sample(sampler_name="pack_calls_host", steps=4)

    assert np.isfinite(latent).all()
    assert pack("replaces_host").COUNTS["sample_dpmpp_2m"] == 1


@pytest.mark.parametrize(("theirs", "ours"), [("pack_table", "simple"), ("pack_old", "karras")])
def test_d021_a_packs_scheduler_runs_through_ksampler(sample, theirs, ours):
    np.testing.assert_allclose(sample(scheduler=theirs), sample(scheduler=ours), **CLOSE)


def test_a_packs_scheduler_may_take_bounds_alone(sample, plain):
    latent = sample(scheduler="pack_bounds")

    assert np.isfinite(latent).all()
    assert not np.allclose(latent, plain, atol=1e-3)


def test_a_packs_scheduler_runs_through_basic_scheduler(sample):
    theirs = sample(**in_parts(scheduler="pack_table"))

    np.testing.assert_allclose(theirs, sample(scheduler="simple"), **CLOSE)


@pytest.mark.parametrize("kind", ["function", "named", "changed"])
def test_sampler_objects_of_packs_run(sample, plain, kind):
    latent = sample(**in_parts(sampler={"kind": kind, "gain": 1.0}))

    np.testing.assert_allclose(latent, plain, **CLOSE)


def test_a_sampler_class_of_a_pack_runs(sample, plain):
    latent = sample(**in_parts(sampler={"kind": "object", "gain": 1.0}))

    assert np.isfinite(latent).all()
    assert not np.allclose(latent, plain, atol=1e-3)


def test_options_of_a_sampler_object_reach_its_function(sample, plain, pack):
    latent = sample(**in_parts(sampler={"kind": "function", "gain": 0.5}))

    assert pack("own_samplers").CALLS == [("sample_pack_euler", 0.5, True)]
    assert not np.allclose(latent, plain, atol=1e-3)


# Guiders


@pytest.mark.parametrize("kind", ["scaled", "three", "stages"])
def test_d065_guiders_of_packs_run(sample, plain, kind):
    np.testing.assert_allclose(sample(**in_parts(guider=kind)), plain, **CLOSE)


def test_d066_the_built_in_guider_of_one_prompt_can_be_imported(sample):
    latent = sample(**in_parts(guider="basic"))

    np.testing.assert_allclose(latent, sample(cfg=1.0), **CLOSE)


def test_each_stage_of_a_run_can_be_overridden(sample, pack):
    sample(**in_parts(guider="stages"))

    seen = pack("own_guiders").SEEN
    assert [entry[0] for entry in seen] == [
        "sample", "outer_sample", "inner_sample", *["predict_noise"] * 3,
    ]  # fmt: skip
    assert seen[0] == ("sample", (1, 4, 8, 8), 7)
    assert seen[1] == ("outer_sample", ["negative", "positive"], True)
    assert seen[2][2] is True
    assert seen[3] == ("predict_noise", True, 7)


def test_noise_objects_of_packs_use_those_of_the_host(sample, plain):
    same = sample(**in_parts(noise={"seed": 7, "weight": 0.0}))
    half = sample(**in_parts(noise={"seed": 7, "weight": 0.5}))

    np.testing.assert_allclose(same, plain, **CLOSE)
    assert not np.allclose(half, plain, atol=1e-3)


# Hooks on a model

LOOKS_ON = (
    "cfg", "cfg_three", "post_cfg", "post_cfg_again", "pre_cfg", "unet_wrapper", "attention",
    "attention_by_options", "attention_inputs", "blocks", "wrappers", "callbacks", "weights",
    "copied_options", "questions",
)  # fmt: skip


@pytest.mark.parametrize("kind", LOOKS_ON)
def test_d068_a_hook_that_changes_nothing_gives_the_same_latent(sample, plain, kind):
    np.testing.assert_allclose(sample(hooks=[(kind, 1.0)]), plain, **CLOSE)


@pytest.mark.parametrize(
    "kind",
    [
        "cfg", "post_cfg", "pre_cfg", "unet_wrapper", "attention", "attention_by_options",
        "attention_inputs", "blocks", "wrappers", "weights", "copied_options", "object",
    ],
)  # fmt: skip
def test_d068_a_hook_takes_effect_and_leaves_the_model_as_it_was(sample, plain, kind):
    assert not np.allclose(sample(hooks=[(kind, 1.3)]), plain, atol=1e-3)
    np.testing.assert_array_equal(sample(), plain)


def test_both_ways_to_replace_attention_are_one(sample):
    first = sample(hooks=[("attention", 0.8)])

    np.testing.assert_allclose(sample(hooks=[("attention_by_options", 0.8)]), first, **CLOSE)


def test_hooks_of_several_packs_add_up(sample):
    together = sample(hooks=[("post_cfg", 1.1), ("post_cfg", 1.1)])

    np.testing.assert_allclose(together, sample(hooks=[("post_cfg", 1.21)]), atol=1e-3, rtol=1e-3)


def test_d065_a_hook_sees_what_the_reference_tells_it(sample, pack):
    sample(hooks=[("cfg", 1.0), ("post_cfg", 1.0), ("pre_cfg", 1.0), ("unet_wrapper", 1.0)])

    seen = pack("model_hooks").SEEN
    assert set(seen["cfg"][0]) >= {
        "cond", "uncond", "cond_scale", "timestep", "input", "sigma", "cond_denoised",
        "uncond_denoised", "model", "model_options",
    }  # fmt: skip
    assert set(seen["post_cfg"][0]) >= {
        "denoised", "cond", "uncond", "model", "uncond_denoised", "cond_denoised", "sigma",
        "model_options", "input",
    }  # fmt: skip
    assert seen["pre_cfg"] == [2, 2, 2]
    shape, roles, names = seen["unet_wrapper"][0]
    assert (shape, sorted(roles)) == ((2, 4, 8, 8), [0, 1])
    assert names == ["c_crossattn", "transformer_options"]


def test_d065_at_a_scale_of_one_the_negative_is_left_out_unless_a_hook_asks(sample, pack):
    sample(hooks=[("unet_wrapper", 1.0)], cfg=1.0)
    assert all(entry[1] == [0] for entry in pack("model_hooks").SEEN["unet_wrapper"])

    sample(hooks=[("cfg_no_shortcut", 1.0)], cfg=1.0)
    assert all(amount > 0 for amount in pack("model_hooks").SEEN["uncond"])


def test_a_hook_may_evaluate_the_model_again(sample, pack):
    sample(hooks=[("post_cfg_again", 1.0)])

    assert pack("model_hooks").SEEN["again"] == [True] * 3


def test_d235_attention_hooks_know_their_block(sample, pack):
    sample(hooks=[("attention", 1.0), ("attention_inputs", 1.0), ("blocks", 1.0)], steps=1)

    seen = pack("model_hooks").SEEN
    assert {block for block, _ in seen["attention"]} >= {"input", "output"}
    assert all(heads == 8 for _, heads in seen["attention"])
    assert set(seen["attention_inputs"]) == {True}
    assert seen["block"][0] == ("input", 0)
    assert seen["block"][-1][0] == "output"


def test_d047_an_object_patch_changes_the_prediction(sample, pack):
    changed = sample(hooks=[("object", 1.0)])
    zero_snr = sample(hooks=[("object", 2.0)])

    assert pack("model_hooks").SEEN["is_eps"] == [True, True]
    assert pack("model_hooks").SEEN["is_const"] == [False, False]
    assert not np.allclose(changed, zero_snr, atol=1e-3)


def test_wrappers_lie_around_every_stage(sample, pack):
    sample(hooks=[("wrappers", 1.0)], steps=1)

    seen = pack("model_hooks").SEEN
    assert seen["wrapper"] == [
        "outer_sample", "prepare_sampling", "sampler_sample", "predict_noise",
        "calc_cond_batch", "apply_model", "diffusion_model",
    ]  # fmt: skip
    assert seen["guider"] == ["CFGGuider"]


def test_callbacks_come_at_their_moments(sample, pack):
    sample(hooks=[("callbacks", 1.0)], steps=1)

    moments = pack("model_hooks").SEEN["callback"]
    assert moments[0] == "clone"
    order = [moments.index(name) for name in ("load", "inject", "pre_run", "cleanup")]
    assert order == sorted(order)
    assert "eject" not in moments[: moments.index("cleanup")]


def test_weight_patches_name_what_they_changed(sample, pack):
    sample(hooks=[("weights", 1.5)])

    [added] = pack("model_hooks").SEEN["weights"]
    assert added == ["diffusion_model.input_blocks.1.1.transformer_blocks.0.attn1.to_v.weight"]


def test_a_pack_can_tell_what_kind_of_model_it_was_given(sample, pack):
    sample(hooks=[("questions", 1.0)])

    [answers] = pack("model_hooks").SEEN["answers"]
    assert answers == {
        "sd15": True, "sdxl": False, "base": True, "eps": True, "latent": True,
        "class": "BaseModel", "latent_xl": False, "context": 768, "attention": True,
        "device": answers["device"], "dtype": answers["dtype"], "memory": True, "patcher": True,
    }  # fmt: skip


def test_d087_a_hook_changes_the_noise_mask(engine, sample, pack):
    def with_mask(model):
        return {
            "m": {"class_type": "SolidMask", "inputs": {"value": 0.6, "width": 64, "height": 64}},
            "l": {
                "class_type": "SetLatentNoiseMask",
                "inputs": {"samples": ["4", 0], "mask": ["m", 0]},
            },
        }

    soft = sample(nodes=with_mask, latent_image=["l", 0])
    hard = sample(nodes=with_mask, latent_image=["l", 0], hooks=[("denoise_mask", 1.0)])

    assert pack("model_hooks").SEEN["denoise_mask"][0] == ["model", "sigmas"]
    np.testing.assert_allclose(hard, sample(), **CLOSE)
    assert not np.allclose(soft, hard, atol=1e-3)


# Nodes that sample by themselves


@pytest.mark.parametrize(
    "way", ["super", "common", "sample", "object", "samplers", "custom", "parts"]
)
def test_d060_each_way_to_sample_gives_the_latent_of_ksampler(sample, plain, way):
    np.testing.assert_allclose(sample("PackKSampler", way=way), plain, **CLOSE)


def test_d060_a_run_in_two_parts_is_one_run(sample):
    whole = sample(steps=4)

    np.testing.assert_allclose(sample("PackKSampler", way="advanced", steps=4), whole, **CLOSE)


def test_d030_a_pack_may_sample_a_part_of_the_noise(sample):
    whole = sample(denoise=0.5, sampler_name="dpm_2")

    theirs = sample("PackKSampler", way="object", denoise=0.5, sampler_name="dpm_2")
    np.testing.assert_allclose(theirs, whole, **CLOSE)


def test_a_loader_derived_from_the_built_in_one_loads_the_same_model(sample, plain):
    np.testing.assert_array_equal(sample(loader="PackLoader"), plain)


# Functions in the place of ours


def test_functions_that_packs_replaced_are_called_by_ksampler(sample, pack):
    sample(seed=8)

    counts = pack("replaces_host").COUNTS
    assert counts["sample"] == 2  # comfy.sample.sample and KSampler.sample
    for once in (
        "samplers.sample", "prepare_noise", "fix_empty_latent_channels", "sampler_object",
        "ksampler", "process_conds", "prepare_sampling", "prepare_callback", "get_previewer",
        "load_models_gpu",
    ):  # fmt: skip
        assert counts[once] == 1, once
    for each_step in ("sampling_function", "cfg_function", "calc_cond_batch"):
        assert counts[each_step] == 3, each_step
    assert counts["convert_cond"] == 2
    assert counts["throw_exception_if_processing_interrupted"] >= 3


def test_a_replaced_sampling_function_decides(sample, pack):
    def only_the_prompt(original, model, x, timestep, uncond, cond, cond_scale, **rest):
        return original(model, x, timestep, None, cond, 1.0, **rest)

    pack("replaces_host").CHANGES["sampling_function"] = only_the_prompt
    changed = sample(cfg=3.0, seed=9)
    pack("replaces_host").CHANGES.clear()

    np.testing.assert_allclose(changed, sample(cfg=1.0, seed=9), **CLOSE)


def test_d007_a_replaced_noise_source_reaches_every_ancestral_sampler(sample, pack):
    def silent(original, x, seed=None):
        return lambda sigma, sigma_next: x * 0

    ours = sample(sampler_name="euler_ancestral", seed=10)
    pack("replaces_host").CHANGES["default_noise_sampler"] = silent
    quiet = sample(sampler_name="euler_ancestral", seed=10, hooks=[("post_cfg", 1.0)])

    assert not np.allclose(quiet, ours, atol=1e-3)
    assert pack("replaces_host").COUNTS["default_noise_sampler"] >= 1


def test_d001_replaced_start_noise_is_used(sample, pack):
    def other_seed(original, latent_image, seed, noise_inds=None):
        return original(latent_image, seed + 1, noise_inds)

    pack("replaces_host").CHANGES["prepare_noise"] = other_seed
    changed = sample(seed=20)
    pack("replaces_host").CHANGES.clear()

    np.testing.assert_allclose(changed, sample(seed=21), **CLOSE)


def test_a_replaced_sampler_function_runs_under_its_name(sample, pack):
    def as_euler(original, *args, **kwargs):
        import comfy.k_diffusion.sampling as functions

        return functions.sample_euler(*args, **kwargs)

    pack("replaces_host").CHANGES["sample_dpmpp_2m"] = as_euler
    changed = sample(sampler_name="dpmpp_2m", seed=30)

    np.testing.assert_allclose(changed, sample(sampler_name="euler", seed=30), **CLOSE)


def test_functions_that_packs_replaced_are_called_by_the_sampler_parts(sample, pack):
    sample(**in_parts())

    counts = pack("replaces_host").COUNTS
    assert counts["sampling_function"] == 3
    assert counts["prepare_sampling"] == 1
    assert counts["ksampler"] == 1


def test_a_replaced_attention_is_that_of_every_network(sample, pack):
    def weaker(original, q, k, v, heads, *rest, **options):
        return original(q, k, v, heads, *rest, **options) * 0.8

    before = sample(seed=40)
    assert pack("replaces_host").COUNTS["optimized_attention"] >= 3
    pack("replaces_host").CHANGES["optimized_attention"] = weaker
    changed = sample(seed=40, hooks=[("post_cfg", 1.0)])
    pack("replaces_host").CHANGES.clear()

    assert not np.allclose(changed, before, atol=1e-3)
    # The hook gets the function that was there when its pack was loaded.
    np.testing.assert_allclose(sample(seed=40, hooks=[("attention", 0.8)]), changed, **CLOSE)


def test_d195_a_replaced_weight_calculation_is_used_when_a_model_is_loaded(sample, pack, plain):
    def nothing(original, patches, weight, key, *rest, **options):
        return weight

    pack("replaces_host").CHANGES["calculate_weight"] = nothing
    unpatched = sample(hooks=[("weights", 1.7)])
    pack("replaces_host").CHANGES.clear()

    assert pack("replaces_host").COUNTS["calculate_weight"] >= 1
    np.testing.assert_allclose(unpatched, plain, **CLOSE)
