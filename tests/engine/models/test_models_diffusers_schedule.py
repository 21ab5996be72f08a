"""What a folder of diffusers says about the training of its model is followed."""

import json
import math

import pytest
import torch
import transformer_models as small
from diffusers_layout import parts_of, write
from random_models import build, clip_text_weights, wave_latent, wave_text

from app.engine.errors import ModelFileError
from app.engine.models import memory
from app.engine.models.diffusers_folder import load_diffusers
from app.engine.models.diffusers_names import flux_places, mmdit_places
from app.engine.models.diffusers_schedule import TrainingSchedule, cosine_betas, read_schedule
from app.engine.models.predictions import ModelType, make_model_sampling

SD1 = {
    "_class_name": "PNDMScheduler", "beta_start": 0.00085, "beta_end": 0.012,
    "beta_schedule": "scaled_linear", "num_train_timesteps": 1000, "set_alpha_to_one": False,
    "skip_prk_steps": True, "steps_offset": 1, "trained_betas": None, "clip_sample": False,
}  # fmt: skip
FLOW = {"_class_name": "FlowMatchEulerDiscreteScheduler", "num_train_timesteps": 1000}
SD3_GIVEN = (ModelType.FLOW, {"shift": 3.0, "multiplier": 1000})
FLUX_GIVEN = (ModelType.FLUX, {"shift": 1.15})
SCHNELL_GIVEN = (ModelType.FLOW, {"shift": 1.0, "multiplier": 1.0})


def sampling_of(values, given=(ModelType.EPS, {})):
    return TrainingSchedule(values, "mine/scheduler_config.json").sampling(*given)


def levels_of(values, given=(ModelType.EPS, {})):
    return make_model_sampling(*sampling_of(values, given)).sigmas


def test_what_stable_diffusion_says_is_what_it_is_taken_for_anyway():
    kind, settings = sampling_of(SD1)

    assert kind is ModelType.EPS
    assert torch.equal(make_model_sampling(kind, settings).sigmas, levels_of({}))


@pytest.mark.parametrize(
    ("named", "kind"),
    [
        ("epsilon", ModelType.EPS), ("v_prediction", ModelType.V_PREDICTION),
        ("sample", ModelType.X0), (None, ModelType.V_PREDICTION),
    ],
)  # fmt: skip
def test_the_prediction_is_the_named_one_or_the_one_of_the_weights(named, kind):
    values = {**SD1, "prediction_type": named}

    assert sampling_of(values, (ModelType.V_PREDICTION, {}))[0] is kind


@pytest.mark.parametrize("start", [0.0001, 0.001])
def test_betas_in_a_straight_line(start):
    levels = levels_of({**SD1, "beta_schedule": "linear", "beta_start": start, "beta_end": 0.02})

    kept = math.prod(1 - (start + (0.02 - start) * step / 999) for step in range(1000))
    assert float(levels[0]) == pytest.approx(math.sqrt(start / (1 - start)))
    assert float(levels[-1]) == pytest.approx(math.sqrt((1 - kept) / kept))


def test_betas_of_a_cosine_keep_the_cosine():
    levels = levels_of({**SD1, "beta_schedule": "squaredcos_cap_v2"})

    half = math.cos((0.5 + 0.008) / 1.008 * math.pi / 2) ** 2
    half /= math.cos(0.008 / 1.008 * math.pi / 2) ** 2
    assert 1 / (1 + float(levels[499]) ** 2) == pytest.approx(half)
    assert max(cosine_betas(1000)) == 0.999
    assert torch.isfinite(levels).all()


def test_betas_in_a_list_and_another_number_of_timesteps():
    listed = levels_of({**SD1, "trained_betas": [0.1, 0.2, 0.5]})

    assert listed.tolist() == pytest.approx([math.sqrt(1 / k - 1) for k in (0.9, 0.72, 0.36)])
    assert levels_of({**SD1, "num_train_timesteps": 200}).shape == (200,)


def test_d041_the_last_level_is_nearly_pure_noise_where_the_file_says_so():
    plain, zero = levels_of(SD1), levels_of({**SD1, "rescale_betas_zero_snr": True})

    assert float(plain[-1]) == pytest.approx(14.6146, abs=1e-3)
    assert float(zero[-1]) > 4000
    assert (
        sampling_of({**SD1, "rescale_betas_zero_snr": False}, (ModelType.EPS, {"zsnr": True}))[1][
            "zsnr"
        ]
        is False
    )


def test_continuous_levels():
    edm = {"_class_name": "EDMEulerScheduler", "sigma_min": 0.002, "sigma_max": 120.0}

    assert sampling_of({**edm, "sigma_data": 1.0, "prediction_type": "v_prediction"}) == (
        ModelType.V_PREDICTION_EDM,
        {"sigma_min": 0.002, "sigma_max": 120.0, "sigma_data": 1.0},
    )
    assert sampling_of(edm)[0] is ModelType.EDM
    assert float(levels_of(edm)[-1]) == pytest.approx(120.0)


@pytest.mark.parametrize(
    ("values", "given", "wanted"),
    [
        ({"shift": 5.0}, SD3_GIVEN, (ModelType.FLOW, {"shift": 5.0, "multiplier": 1000})),
        ({"shift": 1.0}, SCHNELL_GIVEN, SCHNELL_GIVEN),
        ({"shift": 3.0}, FLUX_GIVEN, (ModelType.FLOW, {"shift": 3.0, "multiplier": 1.0})),
        (
            {"shift": 3.0, "use_dynamic_shifting": True, "max_shift": 0.9}, FLUX_GIVEN,
            (ModelType.FLUX, {"shift": 0.9}),
        ),
        (
            {"use_dynamic_shifting": True, "max_shift": 1.0}, SD3_GIVEN,
            (ModelType.FLOW, {"shift": math.e, "multiplier": 1000}),
        ),
    ],
)  # fmt: skip
def test_d044_the_shift_of_a_flow(values, given, wanted):
    assert sampling_of({**FLOW, **values}, given) == wanted


def test_other_schedulers_may_say_that_a_model_is_a_flow():
    values = {"_class_name": "UniPCMultistepScheduler", "flow_shift": 2.0}

    kind, settings = sampling_of({**values, "prediction_type": "flow_prediction"})

    assert (kind, settings) == (ModelType.FLOW, {"shift": 2.0, "multiplier": 1000.0})


@pytest.mark.parametrize(
    ("values", "given", "words"),
    [
        ({"prediction_type": "noise"}, (ModelType.EPS, {}), '"prediction_type" is "noise"; known'),
        ({"beta_schedule": "cubic"}, (ModelType.EPS, {}), '"beta_schedule" is "cubic"; known are'),
        ({"beta_start": "low"}, (ModelType.EPS, {}), '"beta_start" is no number'),
        ({"beta_end": 12.0}, (ModelType.EPS, {}), '"beta_end" is 12.0, which is not between'),
        ({"beta_end": math.nan}, (ModelType.EPS, {}), '"beta_end" is nan'),
        ({"num_train_timesteps": 10**9}, (ModelType.EPS, {}), '"num_train_timesteps" is'),
        ({"trained_betas": "x"}, (ModelType.EPS, {}), '"trained_betas" is no list'),
        ({"trained_betas": [0.1, None]}, (ModelType.EPS, {}), '"trained_betas" holds something'),
        ({**FLOW, "shift": 0}, SD3_GIVEN, '"shift" is 0, which is not'),
        (SD1, SD3_GIVEN, 'PNDMScheduler" with the prediction "epsilon" does not go'),
        ({"_class_name": "EDMx", "sigma_min": 2, "sigma_max": 1}, (ModelType.EPS, {}), "above"),
    ],
)
def test_settings_that_make_no_sense_are_named_with_their_file(values, given, words):
    with pytest.raises(ModelFileError) as caught:
        sampling_of(values, given)

    assert str(caught.value).startswith('"mine/scheduler_config.json" cannot be used: ')
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1]", b"\xff\xfe\x00", b"[" * 100_000, b" " * 1_100_000 + b"{}"]
)
def test_a_damaged_file_is_named_with_what_to_do(tmp_path, content):
    root = tmp_path / "mine"
    assert read_schedule(root) is None
    (root / "scheduler").mkdir(parents=True)
    (root / "scheduler" / "scheduler_config.json").write_bytes(content)

    with pytest.raises(
        ModelFileError, match=r'^"mine/scheduler/scheduler_config.json" is damaged.*Download'
    ):
        read_schedule(root)


@pytest.fixture(scope="module")
def parts():
    yield parts_of(build("unet_tiny"))
    memory.unload_all_models()


def with_schedule(folder, values):
    (folder / "scheduler").mkdir()
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(values))
    return folder


def test_a_folder_is_sampled_as_it_was_trained(parts, tmp_path):
    parts = {"unet/diffusion_pytorch_model": parts["unet/diffusion_pytorch_model"]}
    noise = load_diffusers(with_schedule(write(tmp_path / "a", parts), SD1)).model
    values = {**SD1, "prediction_type": "v_prediction", "rescale_betas_zero_snr": True}
    velocity = load_diffusers(with_schedule(write(tmp_path / "b", parts), values)).model

    @torch.no_grad()
    def predict(model, sigma):
        memory.load_models_gpu([model])
        return model.model.apply_model(
            wave_latent((1, 4, 8, 8)), torch.tensor([sigma]), c_crossattn=wave_text(1)
        )

    assert float(velocity.get_model_object("model_sampling").sigma_max) > 4000
    assert velocity.model.model_type is ModelType.V_PREDICTION
    assert velocity.model.model_config.sampling_settings["zsnr"] is True
    # x - s * e for noise and x / (s^2 + 1) - v * s / sqrt(s^2 + 1) for velocity, with one output.
    x = wave_latent((1, 4, 8, 8))
    output = (x - predict(noise, 2.0)) / 2.0
    expected = x / 5.0 - output * 2.0 / 5.0**0.5
    level = velocity.model.model_sampling
    assert int(level.timestep(torch.tensor(2.0))) != int(
        noise.model.model_sampling.timestep(torch.tensor(2.0))
    )
    velocity.model.model_sampling = make_model_sampling(ModelType.V_PREDICTION)
    torch.testing.assert_close(predict(velocity, 2.0), expected, atol=1e-4, rtol=1e-4)


def test_a_folder_with_a_transformer_and_its_texts_is_sampled_with_its_shift(tmp_path):
    weights = small.to_diffusers(small.fill(small.mmdit_shapes()), mmdit_places(3))
    folder = write(
        tmp_path / "mine",
        {
            "transformer/diffusion_pytorch_model": weights,
            "text_encoder/model": clip_text_weights("l", 64, 128, 2, projection=False),
            "text_encoder_2/model": clip_text_weights("g", 64, 128, 32, projection=True),
        },
    )

    found = load_diffusers(with_schedule(folder, {**FLOW, "shift": 6.0}))

    sampling = found.model.model.model_sampling
    assert found.model.model.family.name == "SD3"
    assert (sampling.shift, sampling.multiplier) == (6.0, 1000)
    assert set(found.clip.tokenize("a red apple")) == {"l", "g"}
    assert found.vae is None


def test_a_folder_of_flux_keeps_its_levels_and_needs_both_texts(tmp_path):
    weights = small.to_diffusers(small.fill(small.flux_shapes()), flux_places(2, 3))
    parts = {"transformer/diffusion_pytorch_model": weights}
    values = {**FLOW, "use_dynamic_shifting": True, "base_shift": 0.5, "max_shift": 1.15}
    model = load_diffusers(with_schedule(write(tmp_path / "a", parts), values)).model.model
    parts["text_encoder/model"] = clip_text_weights("l", 64, 128, 2, projection=False)

    assert torch.equal(model.model_sampling.sigmas, make_model_sampling(*FLUX_GIVEN).sigmas)
    with pytest.raises(ModelFileError, match="Flux needs one CLIP-L and one T5"):
        load_diffusers(write(tmp_path / "b", parts))
