import gc

import pytest
import torch
from random_models import build_lora, wave_latent, wave_text

from app.engine.models import memory
from app.engine.models.loading import apply_lora

KEY = "diffusion_model.input_blocks.1.0.in_layers.2.weight"


@pytest.fixture(autouse=True)
def _no_gradients():
    with torch.no_grad():
        yield


def run(model):
    memory.load_models_gpu([model])
    return model.model.apply_model(
        wave_latent((1, 4, 8, 8)), torch.tensor([3.0]), c_crossattn=wave_text(1)
    )


def test_d196_a_lora_changes_a_clone_and_leaves_the_model_alone(tiny):
    before = run(tiny.model)
    changed, _ = apply_lora(tiny.model, tiny.clip, build_lora(), 0.8, 0.6)

    with_lora = run(changed)
    after = run(tiny.model)

    assert not torch.allclose(before, with_lora)
    assert torch.equal(before, after)


def test_two_loras_stack_and_come_off_again(tiny):
    plain = run(tiny.model)
    one, _ = apply_lora(tiny.model, None, build_lora(), 0.8, 0)
    two, _ = apply_lora(one, None, build_lora(), -0.8, 0)

    assert not torch.allclose(run(one), plain)
    # The second takes the first back, up to rounding.
    torch.testing.assert_close(run(two), plain, atol=1e-3, rtol=1e-3)
    assert torch.equal(run(tiny.model), plain)


def test_d196_strength_nought_gives_the_same_objects_back(tiny):
    assert apply_lora(tiny.model, tiny.clip, build_lora(), 0, 0) == (tiny.model, tiny.clip)


def test_d195_a_text_encoder_stays_rounded_to_half_precision_after_a_lora(tiny):
    _, clip = apply_lora(None, tiny.clip, build_lora(), 0.8, 0.6)
    name = "clip_l.transformer.text_model.encoder.layers.0.self_attn.q_proj.weight"

    clip.load_model()

    weight = clip.cond_stage_model.get_parameter(name)
    assert weight.dtype == torch.float32
    assert torch.equal(weight, weight.half().float())
    assert not torch.equal(weight, clip.patcher.store.stored[name].float())


def test_streamed_layers_compute_the_same_with_and_without_a_lora(tiny):
    for model in (tiny.model, apply_lora(tiny.model, None, build_lora(), 0.8, 0)[0]):
        whole = run(model)
        model.patch_model(lowvram_model_memory=model.model_size() // 3)
        streamed = model.model.apply_model(
            wave_latent((1, 4, 8, 8)), torch.tensor([3.0]), c_crossattn=wave_text(1)
        )

        assert model.lowvram_patch_counter() > 0
        assert model.loaded_size() <= model.model_size() // 3
        torch.testing.assert_close(streamed, whole, atol=1e-5, rtol=1e-5)


def test_a_budget_streams_layers_and_counts_what_is_loaded(tiny, monkeypatch):
    monkeypatch.setattr(memory.settings, "budget", tiny.model.model_size() // 2)

    memory.load_models_gpu([tiny.model])

    assert 0 < tiny.model.loaded_size() <= tiny.model.model_size() // 2


def test_unloading_puts_the_mapped_tensors_back(tiny):
    stored = tiny.model.store.stored[KEY]
    memory.load_models_gpu([tiny.model])
    assert tiny.model.model.get_parameter(KEY).dtype == torch.float32

    memory.unload_all_models()

    assert tiny.model.model.get_parameter(KEY).data_ptr() == stored.data_ptr()
    assert tiny.model.loaded_size() == 0
    assert memory.loaded_models() == []


def test_a_model_that_nobody_holds_is_forgotten(tiny_file):
    from app.engine.models.loading import load_checkpoint

    model = load_checkpoint(tiny_file, output_clip=False, output_vae=False).model
    memory.load_models_gpu([model])
    assert len(memory.loaded_models()) == 1

    del model
    gc.collect()

    assert memory.loaded_models() == []


def test_loading_lets_the_model_go_that_was_unused_longest(tiny, monkeypatch):
    memory.load_models_gpu([tiny.clip.patcher])
    memory.load_models_gpu([tiny.vae.patcher])
    needed = tiny.model.model_size() + memory.CPU_RESERVE
    free = {"bytes": needed - 1}
    detach = tiny.clip.patcher.detach

    def detach_and_count():
        free["bytes"] = needed * 2
        return detach()

    monkeypatch.setattr(tiny.clip.patcher, "detach", detach_and_count)
    monkeypatch.setattr(memory, "get_free_memory", lambda device=None: free["bytes"])

    memory.load_models_gpu([tiny.model])

    assert memory.loaded_models() == [tiny.model, tiny.vae.patcher]


def test_running_out_of_memory_takes_the_thrifty_way():
    def fails():
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    assert memory.with_recovery(fails, lambda: "small", "testing") == "small"
    with pytest.raises(MemoryError, match="not enough memory for testing"):
        memory.with_recovery(fails, fails, "testing")


def test_other_errors_are_not_taken_for_missing_memory():
    def fails():
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        memory.with_recovery(fails, lambda: None, "testing")


def test_object_patches_stand_only_while_their_clone_is_loaded(tiny):
    original = tiny.model.model.model_sampling
    clone = tiny.model.clone()
    clone.add_object_patch("model_sampling", "other")

    assert clone.get_model_object("model_sampling") == "other"
    assert tiny.model.get_model_object("model_sampling") is original
    memory.load_models_gpu([clone])
    assert tiny.model.model.model_sampling == "other"
    assert tiny.model.get_model_object("model_sampling") is original
    memory.load_models_gpu([tiny.model])
    assert tiny.model.model.model_sampling is original


def test_clones_keep_their_own_hooks(tiny):
    clone = tiny.model.clone()
    clone.set_model_sampler_cfg_function(lambda args: args["cond"])
    clone.set_model_attn1_patch(lambda *args: args[:3])
    clone.set_model_sampler_post_cfg_function(lambda args: args["denoised"], True)

    assert tiny.model.model_options == {"transformer_options": {}}
    again = clone.clone()
    again.set_model_attn1_patch(lambda *args: args[:3])
    assert len(clone.model_options["transformer_options"]["patches"]["attn1_patch"]) == 1
    assert clone.model_options["disable_cfg1_optimization"] is True


def test_a_three_argument_guidance_function_gets_its_parts(tiny):
    clone = tiny.model.clone()
    clone.set_model_sampler_cfg_function(lambda cond, uncond, scale: (cond, uncond, scale))

    call = clone.model_options["sampler_cfg_function"]

    assert call({"cond": 1, "uncond": 2, "cond_scale": 3}) == (1, 2, 3)


def test_injections_go_in_when_loaded_and_out_when_another_clone_is(tiny):
    from app.engine.models.patcher import PatcherInjection

    events = []
    clone = tiny.model.clone()
    clone.set_injections(
        "pack",
        [PatcherInjection(lambda model: events.append("in"), lambda model: events.append("out"))],
    )

    memory.load_models_gpu([clone])
    memory.load_models_gpu([tiny.model])

    assert events == ["in", "out"]


def test_memory_for_a_call_grows_with_the_picture(tiny):
    small = tiny.model.memory_required((1, 4, 32, 32))

    assert tiny.model.memory_required((2, 4, 64, 64)) == pytest.approx(small * 8)
