"""Hooks change a model for one prompt alone, and keyframes let them grow and fade."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).parents[1] / "engine" / "models"))

import random_models

from app.engine.diffusion.run import sample_latent
from app.engine.models import memory
from app.engine.models.hooks import Keyframe, interpolate, strength_at, with_keyframe
from app.engine.models.loading import apply_lora, checkpoint_from_tensors

POSITIVE = [[random_models.wave_text(1), {}]]
NEGATIVE = [[random_models.wave_text(2), {}]]
TEXT = "clip_l.transformer.text_model.encoder.layers.0.self_attn.q_proj.weight"


@pytest.fixture(scope="module")
def checkpoint(engine):
    yield checkpoint_from_tensors(random_models.build("unet_tiny", "clip"))
    memory.unload_all_models()


@pytest.fixture(scope="module")
def lora_file(base_dir):
    folder = base_dir / "models" / "loras"
    folder.mkdir(parents=True, exist_ok=True)
    save_file(random_models.build_lora(), folder / "style.safetensors")
    return "style.safetensors"


def hook(call, lora_file, strength=1.0):
    return call(
        "CreateHookLora", lora_name=lora_file, strength_model=strength, strength_clip=strength
    )[0]  # fmt: skip


def with_hooks(call, prompt, hooks, **more):
    return call(
        "ConditioningSetProperties", cond_NEW=prompt, strength=1.0, set_cond_area="default",
        hooks=hooks, **more,
    )[0]  # fmt: skip


def sampled(model, positive, negative=NEGATIVE, cfg=3.0):
    latent = {"samples": torch.zeros(1, 4, 8, 8)}
    return sample_latent(model, 7, 3, cfg, "euler", "normal", positive, negative, latent)["samples"]


def test_a_hook_on_both_prompts_does_what_the_lora_does(checkpoint, call, lora_file):
    hooks = hook(call, lora_file)
    changed, _ = apply_lora(checkpoint.model, None, random_models.build_lora(), 1.0, 0)

    hooked = sampled(
        checkpoint.model, with_hooks(call, POSITIVE, hooks), with_hooks(call, NEGATIVE, hooks)
    )

    torch.testing.assert_close(hooked, sampled(changed, POSITIVE), atol=1e-3, rtol=1e-3)


def test_a_hook_on_one_prompt_leaves_the_other_and_the_next_run_alone(checkpoint, call, lora_file):
    plain = sampled(checkpoint.model, POSITIVE)
    changed, _ = apply_lora(checkpoint.model, None, random_models.build_lora(), 1.0, 0)

    one = sampled(checkpoint.model, with_hooks(call, POSITIVE, hook(call, lora_file)))

    assert not torch.allclose(one, plain, rtol=1e-3)
    assert not torch.allclose(one, sampled(changed, POSITIVE), rtol=1e-3)
    torch.testing.assert_close(sampled(checkpoint.model, POSITIVE), plain)


def test_a_keyframe_of_zero_switches_a_hook_off(checkpoint, call, lora_file):
    (frames,) = call("CreateHookKeyframe", strength_mult=0.0, start_percent=0.0)
    (silent,) = call("SetHookKeyframes", hooks=hook(call, lora_file), hook_kf=frames)

    result = sampled(checkpoint.model, with_hooks(call, POSITIVE, silent))

    # The prompts are evaluated apart, which changes the order of sums.
    expected = sampled(checkpoint.model, POSITIVE)
    torch.testing.assert_close(result, expected, atol=1e-2, rtol=1e-3)


def test_hooks_change_the_text_encoder_and_travel_with_its_prompts(checkpoint, call, lora_file):
    clip = checkpoint.clip
    hooks = hook(call, lora_file)
    _, changed = apply_lora(None, clip, random_models.build_lora(), 0, 1.0)

    (hooked,) = call(
        "SetClipHooks", clip=clip, apply_to_conds=True, schedule_clip=False, hooks=hooks
    )
    (entry,) = hooked.encode_from_tokens_scheduled(hooked.tokenize("a cat"))

    (expected,) = changed.encode_from_tokens_scheduled(changed.tokenize("a cat"))
    torch.testing.assert_close(entry[0], expected[0])
    assert entry[1]["hooks"] == hooks
    assert "hooks" not in clip.encode_from_tokens_scheduled(clip.tokenize("a cat"))[0][1]


def test_a_scheduled_encoder_gives_a_prompt_for_each_keyframe(checkpoint, call, lora_file):
    frames = with_keyframe((Keyframe(1.0, 0.0),), Keyframe(0.0, 0.5))
    (hooks,) = call("SetHookKeyframes", hooks=hook(call, lora_file), hook_kf=frames)

    (hooked,) = call(
        "SetClipHooks", clip=checkpoint.clip, apply_to_conds=False, schedule_clip=True, hooks=hooks
    )
    first, second = hooked.encode_from_tokens_scheduled(hooked.tokenize("a cat"))

    spans = [(v["start_percent"], v["end_percent"]) for _, v in (first, second)]
    assert spans == [(0.0, 0.5), (0.5, 1.0)]
    plain = checkpoint.clip.encode_from_tokens_scheduled(checkpoint.clip.tokenize("a cat"))
    torch.testing.assert_close(second[0], plain[0][0])
    assert not torch.allclose(first[0], second[0])


def test_another_checkpoint_as_a_hook_gives_its_own_picture(checkpoint, call, base_dir):
    tensors = random_models.build("unet_tiny", "clip")
    other = {n: v * 1.1 if v.is_floating_point() else v for n, v in tensors.items()}
    folder = base_dir / "models" / "checkpoints"
    folder.mkdir(parents=True, exist_ok=True)
    save_file(other, folder / "other.safetensors")
    (hooks,) = call(
        "CreateHookModelAsLoraModelOnly", ckpt_name="other.safetensors", strength_model=1.0
    )

    result = sampled(checkpoint.model, with_hooks(call, POSITIVE, hooks), cfg=1.0)

    expected = sampled(checkpoint_from_tensors(other).model, POSITIVE, cfg=1.0)
    torch.testing.assert_close(result, expected, atol=0.05, rtol=5e-3)


def test_strengths_follow_the_keyframes_of_the_run():
    frames = with_keyframe(with_keyframe((), Keyframe(0.5, 0.5)), Keyframe(2.0, 0.2))

    found = [strength_at(frames, 1.0 - place, lambda p: 1.0 - p) for place in (0.0, 0.2, 0.4, 0.9)]

    assert found == [2.0, 2.0, 2.0, 0.5]
    assert strength_at((), 1.0, lambda p: 1.0 - p) == 1.0


@pytest.mark.parametrize(
    ("method", "middle"),
    [("linear", 1.0), ("ease_in", 0.5), ("ease_out", 1.5), ("ease_in_out", 1.0)],
)
def test_curves_begin_and_end_where_they_should(method, middle):
    assert interpolate(0.0, 2.0, 3, method) == pytest.approx([0.0, middle, 2.0])


def test_keyframes_are_spread_over_their_span(call):
    (frames,) = call(
        "CreateHookKeyframesInterpolated", strength_start=1.0, strength_end=0.0,
        interpolation="linear", start_percent=0.2, end_percent=0.6, keyframes_count=3,
        print_keyframes=False,
    )  # fmt: skip
    (listed,) = call(
        "CreateHookKeyframesFromFloats", floats_strength=[1.0, 0.5, 0.0], start_percent=0.2,
        end_percent=0.6,
    )  # fmt: skip

    assert frames == listed
    assert [round(frame.start_percent, 3) for frame in frames] == [0.2, 0.4, 0.6]


def test_joined_hooks_act_together_and_each_counts_once(checkpoint, call, lora_file):
    one, two = hook(call, lora_file), hook(call, lora_file, 0.5)

    (both,) = call("CombineHooks2", hooks_A=one, hooks_B=two)
    (again,) = call("CombineHooks4", hooks_A=both, hooks_B=one, hooks_C=None)

    assert len(both.hooks) == len(again.hooks) == 2
    assert call("CombineHooks8") == (None,)


def test_a_prompt_gets_mask_and_range_and_a_default_fills_the_rest(checkpoint, call):
    part, before, after = call("ConditioningTimestepsRange", start_percent=0.2, end_percent=0.6)
    mask = torch.ones(8, 8)

    changed = with_hooks(call, POSITIVE, None, mask=mask, timesteps=part)
    (combined,) = call("ConditioningSetDefaultCombine", cond=changed, cond_DEFAULT=NEGATIVE)

    values = changed[0][1]
    assert (values["start_percent"], values["end_percent"]) == (0.2, 0.6)
    assert (before, after) == ((0.0, 0.2), (0.6, 1.0))
    assert values["mask"].shape == (1, 8, 8)
    assert [entry[1].get("default", False) for entry in combined] == [False, True]
    assert "default" not in NEGATIVE[0][1]
