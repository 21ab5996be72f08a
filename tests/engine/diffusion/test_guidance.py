"""Guidance, its hooks and its guiders."""

from __future__ import annotations

from typing import Any

import pytest
import sampling_toy as toy
import torch
from diffusion_records import sampling_of
from toy_models import ToyModel, ToyPatcher

from app.engine.diffusion.conditioning import prepare_conds
from app.engine.diffusion.guidance import (
    BasicGuider,
    CfgGuider,
    DualCfgGuider,
    Guider,
    PerpNegGuider,
    perp_neg,
)

X = toy.latent((1, 4, 4, 6))
SIGMA = torch.tensor([2.0])


def prompt(value: float, **values: Any) -> list[list[Any]]:
    return [[torch.full((1, 77, 8), value), values]]


def patcher() -> ToyPatcher:
    """Return a model that predicts the prompt's value everywhere."""

    def formula(x: torch.Tensor, t: torch.Tensor, conds: dict[str, Any]) -> torch.Tensor:
        return torch.ones_like(x) * conds["c_crossattn"].mean(dim=(1, 2)).reshape(-1, 1, 1, 1)

    return ToyPatcher(ToyModel(sampling_of("sd15"), formula))


def predict(guider: Guider, **options: Any) -> float:
    """Return the one value that the guided prediction has everywhere."""
    model = guider.model_patcher.model
    guider.inner_model = model
    guider.conds = prepare_conds(model, X, guider.original_conds, torch.device("cpu"))
    result = guider(X, SIGMA, options)
    assert torch.allclose(result, result.flatten()[0].expand_as(result), atol=1e-5)
    return float(result.flatten()[0])


def cfg_guider(cfg: float) -> CfgGuider:
    guider = CfgGuider(patcher())
    guider.set_conds(prompt(3.0), prompt(1.0))
    guider.set_cfg(cfg)
    return guider


def test_guidance_goes_beyond_the_positive_d065() -> None:
    assert predict(cfg_guider(2.5)) == pytest.approx(1 + 2 * 2.5)


def test_at_scale_one_the_negative_is_not_evaluated_d065() -> None:
    guider = cfg_guider(1.0)

    assert predict(guider) == pytest.approx(3.0)
    assert guider.model_patcher.model.calls == [([1, 4, 4, 6], [0])]
    predict(guider, disable_cfg1_optimization=True)
    assert guider.model_patcher.model.calls[-1] == ([2, 4, 4, 6], [1, 0])


def test_a_guidance_function_returns_what_is_taken_off_d065() -> None:
    def function(args: dict[str, Any]) -> torch.Tensor:
        assert args["cond_scale"] == 2.0
        torch.testing.assert_close(args["cond"], X - 3.0)
        torch.testing.assert_close(args["uncond_denoised"], torch.ones_like(X))
        result: torch.Tensor = args["input"] - 7.0
        return result

    assert predict(cfg_guider(2.0), sampler_cfg_function=function) == pytest.approx(7.0)


def test_hooks_after_guidance_run_in_order_d065() -> None:
    options = {
        "sampler_post_cfg_function": [
            lambda args: args["denoised"] + 1,
            lambda args: args["denoised"] * 10 + args["cond_denoised"],
        ]
    }

    assert predict(cfg_guider(2.0), **options) == pytest.approx((5 + 1) * 10 + 3)


def test_hooks_before_guidance_change_the_predictions_d065() -> None:
    options = {
        "sampler_pre_cfg_function": [
            lambda args: [args["conds_out"][0] * 2, args["conds_out"][1]],
        ]
    }

    assert predict(cfg_guider(2.0), **options) == pytest.approx(1 + (6 - 1) * 2)


def test_the_evaluation_of_prompts_can_be_replaced_d065() -> None:
    def replaced(args: dict[str, Any]) -> list[torch.Tensor]:
        assert len(args["conds"]) == 2
        return [torch.full_like(args["input"], 4.0), torch.full_like(args["input"], 2.0)]

    guider = cfg_guider(3.0)

    assert predict(guider, sampler_calc_cond_batch_function=replaced) == pytest.approx(8.0)
    assert guider.model_patcher.model.calls == []


def test_the_call_of_the_network_can_be_wrapped_d068() -> None:
    def wrapper(apply_model: Any, call: dict[str, Any]) -> torch.Tensor:
        assert call["cond_or_uncond"] == [1, 0]
        result: torch.Tensor = apply_model(call["input"], call["timestep"], **call["c"]) + 1
        return result

    assert predict(cfg_guider(2.0), model_function_wrapper=wrapper) == pytest.approx(2 + 2 * 2)


def test_the_basic_guider_has_one_prompt_d066() -> None:
    guider = BasicGuider(patcher())
    guider.set_conds(prompt(3.0))

    assert predict(guider) == pytest.approx(3.0)
    assert guider.model_patcher.model.calls == [([1, 4, 4, 6], [0])]


def dual_guider(cfg1: float, cfg2: float, nested: bool) -> DualCfgGuider:
    guider = DualCfgGuider(patcher())
    guider.set_conds(prompt(5.0), prompt(2.0), prompt(1.0))
    guider.set_scales(cfg1, cfg2, nested)
    return guider


@pytest.mark.parametrize(
    ("cfg1", "cfg2", "nested", "expected"),
    [
        (2.0, 3.0, False, (1 + (2 - 1) * 3) + (5 - 2) * 2),
        (2.0, 1.0, False, 2 + (5 - 2) * 2),
        (1.0, 1.0, False, 5.0),
        (2.0, 3.0, True, 1 + 3 * ((2 + (5 - 2) * 2) - 1)),
    ],
)
def test_two_guidance_scales_d066(cfg1: float, cfg2: float, nested: bool, expected: float) -> None:
    assert predict(dual_guider(cfg1, cfg2, nested)) == pytest.approx(expected)


def test_prompts_that_do_not_count_are_not_evaluated_d066() -> None:
    guider = dual_guider(1.0, 1.0, False)

    predict(guider)

    assert guider.model_patcher.model.calls == [([1, 4, 4, 6], [2])]


def test_only_the_right_angled_part_of_the_negative_counts_d066() -> None:
    empty = torch.zeros(1, 2, 1, 1)
    positive = torch.tensor([2.0, 0.0]).reshape(1, 2, 1, 1)
    negative = torch.tensor([3.0, 4.0]).reshape(1, 2, 1, 1)

    guided = perp_neg(positive, negative, empty, negative_scale=0.5, cfg=3.0)

    assert guided.flatten().tolist() == [6.0, -6.0]


def test_a_negative_along_the_positive_changes_nothing_d066() -> None:
    guider = PerpNegGuider(patcher())
    guider.set_conds(prompt(3.0), prompt(2.0), prompt(1.0))
    guider.set_scales(4.0, 1.0)
    seen: list[float] = []

    def hook(args: dict[str, Any]) -> torch.Tensor:
        seen.append(float(args["uncond_denoised"].mean()))
        result: torch.Tensor = args["denoised"]
        return result

    assert predict(guider, sampler_post_cfg_function=[hook]) == pytest.approx(1 + 4 * 2)
    assert seen == [pytest.approx(1.0)]
