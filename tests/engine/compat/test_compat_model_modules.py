"""What packs build from the parts of models that their host offers."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))

import random_models
import torch

from app.engine.compat.standins import NotSupportedHereError
from app.engine.models.lora import diffusers_names


def test_d040_a_pack_joins_a_table_with_a_prediction(host):
    from comfy import model_sampling

    class Sampling(model_sampling.ModelSamplingDiscrete, model_sampling.V_PREDICTION):
        pass

    config = SimpleNamespace(sampling_settings={"linear_end": 0.02})
    table = Sampling(config)
    zero_snr = Sampling(config, zsnr=True)

    assert float(table.sigma_max) == pytest.approx(table.sigmas.max().item())
    assert float(zero_snr.sigma_max) > 4000
    assert isinstance(table, model_sampling.V_PREDICTION)
    denoised = table.calculate_denoised(
        torch.ones(1), torch.zeros(1, 4, 2, 2), torch.ones(1, 4, 2, 2)
    )
    torch.testing.assert_close(denoised, torch.full((1, 4, 2, 2), 0.5))


def test_d044_a_pack_shifts_a_flow(host):
    from comfy import model_sampling

    class Sampling(model_sampling.ModelSamplingDiscreteFlow, model_sampling.CONST):
        pass

    table = Sampling(None)
    table.set_parameters(shift=3.0, multiplier=1000)

    assert float(table.sigma(torch.tensor(500.0))) == pytest.approx(0.75)
    assert model_sampling.time_snr_shift(3.0, 0.5) == pytest.approx(0.75)
    assert model_sampling.flux_time_shift(1.0, 1.0, 0.5) == pytest.approx(0.7310586)
    sigma = model_sampling.reshape_sigma(torch.ones(2), 4)
    assert sigma.shape == (2, 1, 1, 1)


def test_sampler_functions_have_the_parameters_of_the_library_they_come_from(host):
    from comfy.k_diffusion import sampling

    names = {
        "sample_euler": ["s_churn", "s_tmin", "s_tmax", "s_noise", "noise_sampler"],
        "sample_euler_ancestral": ["eta", "s_noise", "noise_sampler"],
        "sample_dpmpp_2m_sde_gpu": ["eta", "s_noise", "noise_sampler", "solver_type"],
        "sample_dpmpp_2m": ["noise_sampler"],
    }
    for name, own in names.items():
        parameters = list(inspect.signature(getattr(sampling, name)).parameters)
        assert parameters[:6] == ["model", "x", "sigmas", "extra_args", "callback", "disable"]
        assert parameters[6:] == own, name


def test_a_sampler_function_takes_a_plain_function_as_its_model(host):
    from comfy.k_diffusion.sampling import sample_euler

    steps = []
    sigmas = torch.tensor([2.0, 1.0, 0.0])
    last = sample_euler(
        lambda x, sigma, **rest: x * 0, torch.ones(1, 1, 2, 2), sigmas, callback=steps.append
    )

    assert [step["i"] for step in steps] == [0, 1]
    torch.testing.assert_close(last, torch.zeros(1, 1, 2, 2))


def test_d008_noise_with_a_seed_for_each_item_is_that_of_each_item_alone(host):
    from comfy.k_diffusion.sampling import BatchedBrownianTree, BrownianTreeNoiseSampler

    x = torch.zeros(2, 1, 4, 4)
    both = BrownianTreeNoiseSampler(x, 0.1, 10.0, seed=[5, 6])(9.0, 3.0)
    second = BrownianTreeNoiseSampler(x[:1], 0.1, 10.0, seed=6)(9.0, 3.0)

    torch.testing.assert_close(both[1:], second)
    tree = BatchedBrownianTree(x, 0.1, 10.0, seed=[5, 6])
    torch.testing.assert_close(tree(9.0, 3.0), both * 6**0.5)
    torch.testing.assert_close(tree(9.0, 5.0) + tree(5.0, 3.0), tree(9.0, 3.0), atol=1e-4, rtol=0)


def test_d100_ancestral_steps_take_numbers_and_tensors(host):
    from comfy.k_diffusion.sampling import get_ancestral_step

    down, up = get_ancestral_step(10.0, 5.0)
    assert (down**2 + up**2) ** 0.5 == pytest.approx(5.0)
    assert get_ancestral_step(10.0, 5.0, eta=0.0) == (5.0, 0.0)
    tensors = get_ancestral_step(torch.tensor(10.0), torch.tensor(5.0))
    assert float(tensors[0]) == pytest.approx(down)


def test_an_unknown_sampler_or_scheduler_is_named(host):
    import comfy.samplers

    with pytest.raises(ValueError, match='"mystery"'):
        comfy.samplers.sampler_object("mystery")
    with pytest.raises(ValueError, match='"mystery"'):
        comfy.samplers.calculate_sigmas(None, "mystery", 4)


def test_d170_latent_formats_are_classes_without_parameters(host):
    from comfy import latent_formats

    from app.engine.models import latent_formats as records

    class Own(latent_formats.LatentFormat):
        latent_channels = 8

        def __init__(self):
            self.scale_factor = 2.0

    latent = torch.ones(1, 4, 2, 2)
    for theirs, ours in (("SD15", "SD15"), ("SDXL", "SDXL"), ("SD3", "SD3"), ("Flux", "FLUX")):
        made, record = getattr(latent_formats, theirs)(), getattr(records, ours)
        torch.testing.assert_close(made.process_in(latent), record.process_in(latent))
        assert isinstance(record, getattr(latent_formats, theirs))
    assert not isinstance(records.SDXL, latent_formats.SD15)
    assert Own().process_out(latent).unique().item() == 0.5


def test_layers_start_empty_and_convert_their_weights_to_the_input(host):
    from comfy import ops

    layer = ops.manual_cast.Linear(3, 2, dtype=torch.float16)
    layer.weight.data = torch.tensor([[1.0, 2.0, 3.0], [0.0, 1.0, 0.0]]).half()
    layer.bias.data = torch.zeros(2).half()
    layer.weight_function = [lambda weight: weight * 2]

    given = torch.ones(1, 3)
    assert layer(given).tolist() == [[12.0, 2.0]]
    assert layer(given).dtype == torch.float32
    assert isinstance(layer, ops.disable_weight_init.Linear)
    assert ops.pick_operations(torch.float16, torch.float32) is ops.manual_cast
    assert ops.pick_operations(torch.float32, torch.float32) is ops.disable_weight_init


@pytest.mark.parametrize(
    ("name", "made", "shape"),
    [
        ("Conv2d", (2, 4, 3), (1, 2, 8, 8)),
        ("Conv1d", (2, 4, 3), (1, 2, 8)),
        ("Conv3d", (2, 4, 3), (1, 2, 4, 4, 4)),
        ("GroupNorm", (1, 2), (1, 2, 8, 8)),
        ("LayerNorm", (8,), (1, 2, 8)),
        ("ConvTranspose2d", (2, 4, 2), (1, 2, 4, 4)),
        ("ConvTranspose1d", (2, 4, 2), (1, 2, 4)),
    ],
)
def test_converting_layers_give_what_torchs_own_give(host, name, made, shape):
    from comfy import ops

    theirs = getattr(torch.nn, name)(*made)
    ours = getattr(ops.manual_cast, name)(*made)
    ours.load_state_dict(theirs.state_dict())
    given = torch.randn(shape, generator=torch.Generator().manual_seed(1))

    torch.testing.assert_close(ours(given), theirs(given))


def test_an_embedding_gives_rows_in_the_wanted_type(host):
    from comfy import ops

    rows = ops.manual_cast.Embedding(4, 2, dtype=torch.float16)
    rows.weight.data = torch.arange(8.0).reshape(4, 2).half()

    found = rows(torch.tensor([3]), out_dtype=torch.float32)

    assert (found.tolist(), found.dtype) == ([[6.0, 7.0]], torch.float32)


def test_d190_names_of_diffusers_lead_to_the_weights_of_a_unet(host):
    import comfy.model_detection
    import comfy.utils

    shapes = random_models.layouts()["unet"]
    tensors = {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}
    prefix = comfy.model_detection.unet_prefix_from_state_dict(tensors)
    config = comfy.model_detection.detect_unet_config(tensors, prefix)
    names = comfy.utils.unet_to_diffusers(config)

    own = {name.removeprefix(prefix) for name in tensors}
    expected = diffusers_names(own)
    assert config["context_dim"] == 768
    assert own <= set(names.values())
    assert all(
        expected[theirs.removesuffix(".weight")] == ours.removesuffix(".weight")
        for theirs, ours in names.items()
        if ours in own and theirs.endswith(".weight")
    )


def test_blocks_are_counted_by_their_names(host):
    from comfy.model_detection import count_blocks

    assert count_blocks(["blocks.0.a", "blocks.1.a", "blocks.3.a"], "blocks.{}.") == 2


def test_d078_prompts_get_masks_ranges_and_defaults(host):
    from comfy import hooks

    prompt, new = [["text", {}]], [["more", {"strength": 2}]]
    mask = torch.ones(4, 4)
    (((_, first), (_, second)),) = hooks.set_conds_props_and_combine(
        [prompt], [new], strength=0.5, mask=mask, timesteps_range=(0.2, 0.8)
    )
    ((_, (_, default)),) = hooks.set_default_conds_and_combine([prompt], [new])

    assert first == {}
    assert second.pop("mask").shape == (1, 4, 4)
    assert second == {
        "strength": 2, "set_area_to_bounds": False, "mask_strength": 0.5,
        "start_percent": 0.2, "end_percent": 0.8,
    }  # fmt: skip
    assert default == {"strength": 2, "default": True}
    assert new == [["more", {"strength": 2}]]


def test_hooks_on_a_prompt_are_refused_in_words(host):
    from comfy import hooks

    group = hooks.HookGroup()
    group.add("a hook")
    both = hooks.HookGroup.combine_all_hooks([group, None, hooks.HookGroup()])

    assert both.hooks == ["a hook"]
    with pytest.raises(NotSupportedHereError, match="prompt to prompt"):
        hooks.set_hooks_for_conditioning([["text", {}]], both)


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2])
def test_chance_rounding_keeps_the_mean(host, dtype):
    from comfy.float import stochastic_rounding

    exact = torch.tensor([0.3, -0.3, 1.07, 100.0, 3e-4]).repeat(20000, 1)
    rounded = stochastic_rounding(exact, dtype, seed=3).float()

    near = exact.to(dtype).float()
    assert all(len(rounded[:, i].unique()) <= 2 for i in range(5))
    assert all(bool((rounded[:, i] == near[0, i]).any()) for i in range(5))
    torch.testing.assert_close(rounded.mean(dim=0), exact[0], rtol=0.02, atol=2e-5)
    torch.testing.assert_close(
        stochastic_rounding(exact, dtype, seed=3).float(), rounded, rtol=0, atol=0
    )


def test_latents_of_several_kinds_are_packed_into_one(host):
    import comfy.utils

    parts = [torch.arange(8.0).reshape(1, 2, 2, 2), torch.arange(3.0).reshape(1, 1, 3)]
    packed, shapes = comfy.utils.pack_latents(parts)
    again = comfy.utils.unpack_latents(packed, shapes)

    assert packed.shape == (1, 1, 11)
    assert all(torch.equal(a, b) for a, b in zip(parts, again, strict=True))


def test_places_turn_pairs_and_keep_lengths(host):
    from comfy.ldm.flux.math import apply_rope, rope

    places = rope(torch.arange(3.0)[None], 4, 10000)[:, None]
    q = torch.randn(1, 2, 3, 4, generator=torch.Generator().manual_seed(2))
    turned, same = apply_rope(q, q, places)

    torch.testing.assert_close(turned[:, :, 0], q[:, :, 0])
    torch.testing.assert_close(turned.norm(dim=-1), q.norm(dim=-1))
    torch.testing.assert_close(turned, same)
    # What attention sees depends on how far apart two places are, not on where.
    shifted = rope(torch.arange(3.0)[None] + 5, 4, 10000)[:, None]
    moved, _ = apply_rope(q, q, shifted)
    torch.testing.assert_close(turned @ turned.mT, moved @ moved.mT)


def test_options_carry_wrappers_and_callbacks(host):
    from comfy import patcher_extension as extension

    options = {}
    extension.add_wrapper("outer_sample", len, options, is_model_options=True)
    extension.add_wrapper_with_key("outer_sample", "k", max, options, is_model_options=True)
    extension.add_callback("on_load_after", min, options["transformer_options"])

    assert extension.get_all_wrappers("outer_sample", options, True) == [len, max]
    assert extension.get_wrappers_with_key("outer_sample", "k", options, True) == [max]
    assert extension.get_all_callbacks("on_load_after", options["transformer_options"]) == [min]
    merged = extension.merge_nested_dicts({"a": [1], "b": {"c": 1}}, {"a": [2], "b": {"d": 2}})
    assert merged == {"a": [1, 2], "b": {"c": 1, "d": 2}}


def test_samplers_of_built_in_nodes_are_samplers_to_packs(host):
    from comfy.samplers import KSAMPLER, Sampler

    from app.engine.diffusion.samplers import make_sampler

    made = make_sampler("euler", s_churn=2.0)
    wrapped = KSAMPLER(made.sampler_function, made.extra_options, made.inpaint_options)

    assert isinstance(made, KSAMPLER)
    assert isinstance(made, Sampler)
    assert not isinstance("euler", Sampler)
    assert wrapped.extra_options == {"s_churn": 2.0}
    assert make_sampler("ddim").inpaint_options == {"random": True}


class OneResidual(torch.nn.Module):
    """A net that answers with the mean of its hint, three times."""

    def __init__(self):
        super().__init__()
        self.unit = torch.nn.Linear(1, 1)
        self.dtype = torch.float32

    def forward(self, x, hint, timesteps, context, y=None):
        value = hint.mean() * torch.ones(x.shape[0], 1, 1, 1)
        return {"middle": [value], "output": [value * 1, value * 1]}


def test_d204_a_pack_derives_from_a_controlnet_and_copies_the_hosts(host):
    from comfy.controlnet import ControlNet, StrengthType

    class Steered(ControlNet):
        def get_control(self, x_noisy, t, cond, batched_number, transformer_options):
            assert self.model_sampling_current.timestep(t).shape == (1,)
            assert self.manual_cast_dtype == torch.float32
            control = self.control_model(
                x=x_noisy, hint=self.cond_hint_original, timesteps=t, context=None
            )
            return self.control_merge(control, None, output_dtype=torch.float16)

    theirs = ControlNet(OneResidual(), compression_ratio=8, manual_cast_dtype=torch.float32)
    theirs.set_cond_hint(torch.ones(1, 3, 16, 16), strength=0.5, timestep_percent_range=(0.0, 0.5))
    own = Steered(theirs.control_model, manual_cast_dtype=theirs.manual_cast_dtype)
    theirs.copy_to(own)
    own.control_model_wrapped = theirs.control_model_wrapped.clone()
    own.strength_type = StrengthType.LINEAR_UP
    own.pre_run(sampling_model(), lambda percent: 1.0 - percent)

    control = own.get_control(torch.zeros(1, 4, 2, 2), torch.ones(1), {}, 1, {})

    assert own.timestep_range == (1.0, 0.5)
    assert [float(value) for value in control["output"]] == [0.25, 0.5]
    assert control["middle"][0].dtype == torch.float16
    assert own.get_models()[0].is_clone(theirs.get_models()[0])


def test_d200_a_hint_goes_through_the_nets_own_preparation(host):
    from comfy.controlnet import ControlNet

    net = ControlNet(OneResidual(), preprocess_image=lambda hint: hint * 3)
    net.set_cond_hint(torch.ones(1, 3, 16, 16))
    twin = net.copy()
    twin.pre_run(sampling_model(), lambda percent: 1000.0 * (1.0 - percent))

    control = twin.get_control(torch.zeros(1, 4, 2, 2), torch.ones(1), {}, 1, {})

    assert float(control["middle"][0]) == 3.0


def sampling_model():
    """Return what a net asks of the diffusion model before a run."""
    from comfy import model_sampling

    class Sampling(model_sampling.ModelSamplingDiscrete, model_sampling.EPS):
        pass

    return SimpleNamespace(model_sampling=Sampling(None))


@pytest.mark.parametrize(("family", "name"), [("SD15", "BaseModel"), ("SDXL", "SDXL")])
def test_the_class_of_a_model_is_called_as_packs_know_it(host, family, name):
    from comfy import model_base

    from app.engine.models.families import FAMILIES
    from app.engine.models.predictions import ModelType

    kind = next(known for known in FAMILIES if known.name == family)
    model = model_base.BaseModel(kind, torch.nn.Linear(1, 1), ModelType.EPS)

    assert type(model).__name__ == name
    assert isinstance(model, model_base.BaseModel)
    assert isinstance(model, model_base.SDXL) is (family == "SDXL")


def test_d063_the_steps_of_preparing_prompts_can_be_taken_one_by_one(host):
    import comfy.samplers as samplers

    table = sampling_model()
    wide = {"model_conds": {}, "cross_attn": 1}
    part = {"area": ("percentage", 0.5, 0.5, 0.25, 0.0), "start_percent": 0.5, "model_conds": {}}
    positive, negative = [dict(part)], [dict(wide)]

    samplers.resolve_areas_and_cond_masks(positive, 8, 16, torch.device("cpu"))
    samplers.calculate_start_end_timesteps(table, positive)
    samplers.create_cond_with_same_area_if_none(negative, positive[0])

    assert positive[0]["area"] == (4, 8, 2, 0)
    assert positive[0]["timestep_start"] == table.model_sampling.percent_to_sigma(0.5)
    assert [entry.get("area") for entry in negative] == [None, (4, 8, 2, 0)]


def test_d020_schedules_can_be_asked_for_by_their_own_functions(host):
    import comfy.samplers as samplers
    from comfy.k_diffusion import sampling

    table = sampling_model().model_sampling
    low, high = float(table.sigma_min), float(table.sigma_max)
    own = {
        "simple": samplers.simple_scheduler(table, 5),
        "normal": samplers.normal_scheduler(table, 5),
        "sgm_uniform": samplers.normal_scheduler(table, 5, sgm=True),
        "ddim_uniform": samplers.ddim_scheduler(table, 5),
        "beta": samplers.beta_scheduler(table, 5),
        "linear_quadratic": samplers.linear_quadratic_schedule(table, 5),
        "kl_optimal": samplers.kl_optimal_scheduler(5, low, high),
        "karras": sampling.get_sigmas_karras(5, low, high),
        "exponential": sampling.get_sigmas_exponential(5, low, high),
    }

    assert own.keys() == set(samplers.SCHEDULER_NAMES)
    for name, sigmas in own.items():
        torch.testing.assert_close(samplers.calculate_sigmas(table, name, 5), sigmas)
