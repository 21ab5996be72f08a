import types

import pytest
import torch
from random_models import Recording, layouts
from torch import nn

from app.engine.models.lora import (
    diffusers_names,
    load_lora,
    model_lora_keys_clip,
    model_lora_keys_unet,
)
from app.engine.models.lora_math import Patch, calculate_weight

LORA = Recording("lora")
KEYMAP = Recording("sd15").cases["lora_keymap"]["values"]


@pytest.mark.parametrize("case", LORA.cases)
def test_d192_to_d194_a_patch_changes_a_weight_as_recorded(case):
    entry = LORA.cases[case]
    file = {
        name.removeprefix("sd:"): LORA.array(case, name)
        for name in entry["arrays"]
        if name.startswith("sd:")
    }
    weight = LORA.array(case, "W")

    patches = load_lora(file, {"x": "w.weight"})
    patched = calculate_weight(
        [Patch(entry["params"]["strength"], patches["w.weight"])], weight, "w.weight"
    )

    LORA.check(case, "out", patched)
    assert not torch.equal(patched, weight)


class NamedShapes(nn.Module):
    """A module with the parameter names of a checkpoint, on no device."""

    def __init__(self, shapes, old, new):
        super().__init__()
        self.model_config = types.SimpleNamespace(ldm_unet=True)
        self._names = [new + name.removeprefix(old) for name in shapes]

    def named_parameters(self, *args, **kwargs):
        return ((name, None) for name in self._names)


def sd15_key_map():
    tables = layouts()
    unet = NamedShapes(tables["unet"], "model.diffusion_model.", "diffusion_model.")
    clip = NamedShapes(tables["clip"], "cond_stage_model.", "clip_l.")
    return model_lora_keys_clip(clip, model_lora_keys_unet(unet))


def test_d190_every_recorded_name_leads_to_its_weight():
    keys = sd15_key_map()

    wrong = {name: keys.get(name) for name, weight in KEYMAP["sample"].items()
             if keys.get(name) != weight}  # fmt: skip
    assert wrong == {}


def test_d190_a_sd15_lora_may_use_as_many_names_as_recorded():
    # The recording has ten names for weights that a SD1.5 file lacks: four each for the
    # samplers of the last level, and two for the projection of the text encoder.
    assert len(sd15_key_map()) == KEYMAP["count"] - 10


def test_a_reduced_unet_has_diffusers_names_too():
    names = [name.removeprefix("model.diffusion_model.") for name in layouts()["unet_tiny"]]

    found = diffusers_names(names)

    assert found["down_blocks.0.resnets.0.conv1"] == "input_blocks.1.0.in_layers.2"


def test_entries_for_other_models_are_only_warned_about(caplog):
    patches = load_lora({"other.lora_up.weight": torch.zeros(2, 1)}, {"x": "w.weight"})

    assert patches == {}
    assert "other.lora_up.weight" in caplog.text


def test_d195_patches_apply_in_order_and_scale_the_weight_first():
    weight = torch.ones(2, 2)
    patches = [
        (1.0, ("diff", (torch.ones(2, 2),)), 0.5, None, None),
        (2.0, ("diff", (torch.ones(1, 2),)), 1.0, (0, 1, 1), None),
    ]

    patched = calculate_weight(patches, weight, "w")

    torch.testing.assert_close(patched, torch.tensor([[1.5, 1.5], [3.5, 3.5]]))
    torch.testing.assert_close(weight, torch.ones(2, 2))


def test_a_patch_of_the_wrong_shape_changes_nothing(caplog):
    weight = torch.ones(2, 2)

    patched = calculate_weight([(1.0, ("diff", (torch.ones(3, 3),)), 1.0, None, None)], weight, "w")

    torch.testing.assert_close(patched, weight)
    assert "does not fit" in caplog.text


def test_d194_dora_with_row_magnitudes_scales_rows_by_the_original_norm():
    weight = torch.tensor([[3.0, 4.0], [0.0, 2.0]])
    file = {
        "x.lora_up.weight": torch.zeros(2, 1),
        "x.lora_down.weight": torch.zeros(1, 2),
        "x.dora_scale": torch.tensor([[10.0], [2.0]]),
    }

    patched = calculate_weight([Patch(0.5, load_lora(file, {"x": "w"})["w"])], weight, "w")

    # Row 0 has norm 5 and magnitude 10: it doubles, half of which is added.
    torch.testing.assert_close(patched, torch.tensor([[4.5, 6.0], [0.0, 2.0]]))
