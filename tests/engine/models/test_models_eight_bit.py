"""Weights in eight bits, with and without factors, and in half precision."""

import pytest
import torch
import transformer_models as small
from random_models import gaussian

from app.engine.errors import ModelFileError
from app.engine.models import memory
from app.engine.models.loading import apply_lora, diffusion_model_from_tensors
from app.engine.models.scaled_weights import scaled, take_scales

INPUTS = small.inputs()


@pytest.fixture(autouse=True)
def _no_gradients():
    with torch.no_grad():
        yield


@pytest.fixture(scope="module", autouse=True)
def _unloaded():
    yield
    memory.unload_all_models()


@pytest.fixture(scope="module")
def weights():
    return small.fill(small.flux_shapes())


def kohya(rank=2):
    return {
        f"lora_unet_double_blocks_0_img_attn_qkv.{end}": tensor
        for end, tensor in (
            ("lora_up.weight", gaussian("up", (288, rank))),
            ("lora_down.weight", gaussian("down", (rank, 96))),
            ("alpha", torch.tensor(1.0)),
        )
    }


def as_fp8(weights):
    """Return the weights in eight bits with factors, and what they stand for."""
    stored, meant = {}, {}
    for name, tensor in weights.items():
        if name.endswith(".weight") and tensor.ndim == 2:
            scale = tensor.abs().max() / 448
            stored[name] = (tensor / scale).to(torch.float8_e4m3fn)
            stored[name.removesuffix("weight") + "scale_weight"] = scale
            meant[name] = stored[name].float() * scale
        else:
            stored[name] = meant[name] = tensor
    stored["scaled_fp8"] = torch.zeros(2).to(torch.float8_e4m3fn)
    return stored, meant


def denoise(patcher):
    memory.load_models_gpu([patcher])
    given = INPUTS
    return patcher.model.apply_model(
        given["x"], given["time"], c_crossattn=given["context"], y=given["y"],
        guidance=given["guidance"],
    )  # fmt: skip


@pytest.mark.parametrize("budget", [None, 1], ids=["loaded", "streamed"])
def test_eight_bit_weights_with_factors_compute_as_what_they_stand_for(weights, budget):
    stored, meant = as_fp8(weights)
    model = diffusion_model_from_tensors(stored)
    expected = denoise(diffusion_model_from_tensors(meant))
    lora = kohya()

    memory.settings.budget = budget
    try:
        found = denoise(model)
        patched, _ = apply_lora(model, None, lora, 1.0, 0.0)
        with_lora = denoise(patched)
    finally:
        memory.settings.budget = None

    assert model.model.diffusion_model.img_in.weight.dtype == (
        torch.float32 if budget is None else torch.float8_e4m3fn
    )
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    same, _ = apply_lora(diffusion_model_from_tensors(meant), None, lora, 1.0, 0.0)
    torch.testing.assert_close(with_lora, denoise(same), atol=1e-4, rtol=1e-4)


def test_plain_eight_bit_weights_compute_in_float32(weights):
    stored = {
        name: one.to(torch.float8_e4m3fn) if one.ndim == 2 else one for name, one in weights.items()
    }
    rounded = {name: one.float() for name, one in stored.items()}

    found = denoise(diffusion_model_from_tensors(stored))

    assert found.dtype == torch.float32
    assert torch.equal(found, denoise(diffusion_model_from_tensors(rounded)))


def test_saving_a_model_with_factors_keeps_what_its_weights_stand_for(weights):
    stored, meant = as_fp8(weights)

    saved = diffusion_model_from_tensors(stored).patched_state_dict()

    name = "double_blocks.0.img_mlp.0.weight"
    torch.testing.assert_close(
        saved["diffusion_model." + name].float(), meant[name], atol=1e-3, rtol=4e-3
    )


def described(kind):
    return torch.tensor(list(f'{{"format": "{kind}"}}'.encode()), dtype=torch.uint8)


def test_factors_with_a_description_of_each_layer_are_read():
    weight = torch.ones(2, 3).to(torch.float8_e4m3fn)
    tensors = {
        "a.weight": weight, "a.weight_scale": torch.tensor(0.5), "a.bias": torch.ones(2),
        "a.input_scale": torch.tensor(2.0), "a.comfy_quant": described("float8_e4m3fn"),
    }  # fmt: skip

    found = take_scales(tensors)

    assert set(found.tensors) == {"a.weight", "a.bias"}
    assert found.scales == {"a.weight": torch.tensor(0.5)}


@pytest.mark.parametrize(
    "tensors",
    [
        {"a.weight": torch.zeros(2, 3, dtype=torch.uint8), "a.comfy_quant": described("nvfp4")},
        {"a.weight": torch.zeros(2, 3, dtype=torch.uint8), "a.weight_scale": torch.ones(2, 1)},
        {
            "a.weight": torch.zeros(2, 64).to(torch.float8_e4m3fn),
            "a.weight_scale": torch.ones(2, 2),
        },
        {"a.weight": torch.zeros(8, 1), "a.weight.quant_state.bitsandbytes__nf4": torch.zeros(1)},
    ],
)
def test_weights_packed_in_another_way_are_refused_in_words(tensors):
    with pytest.raises(ModelFileError, match="Use a version of the model in fp8, fp16 or bf16"):
        take_scales(tensors)


def test_a_factor_for_each_row_is_applied_row_by_row():
    weight = torch.ones(2, 3).to(torch.float8_e4m3fn)

    assert scaled(weight, torch.tensor([[2.0], [3.0]])).tolist() == [[2.0] * 3, [3.0] * 3]
    assert scaled(weight, torch.tensor([0.5])).tolist() == [[0.5] * 3] * 2


def test_a_description_that_is_no_json_is_refused():
    damaged = {"a.weight": torch.zeros(2, 3), "a.comfy_quant": torch.zeros(4, dtype=torch.uint8)}

    with pytest.raises(ModelFileError, match="damaged"):
        take_scales(damaged)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_d220_half_precision_files_compute_in_float32(weights, kind):
    stored = {name: one.to(kind) for name, one in weights.items()}
    rounded = {name: one.float() for name, one in stored.items()}

    found = denoise(diffusion_model_from_tensors(stored))

    assert torch.equal(found, denoise(diffusion_model_from_tensors(rounded)))
